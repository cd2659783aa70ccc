"""Which output of a back-test a column of a table belongs to: its name tells."""

from typing import Any

import pandas as pd

from sklstm._checks._horizon import names_of_steps


def outputs_in_order(predictions, outputs, *, has_quantiles=False):
    """Return the outputs of a back-test in the order of the columns of predictions.

    Parameters
    ----------
    predictions : Series, DataFrame or array-like
        The predictions.
    outputs : list
        The outputs of the back-test.
    has_quantiles : bool, default=False
        Whether the last level of the columns names quantiles.

    Returns
    -------
    list
        `outputs` themselves where one of the two has no names, or their numbers differ.

    Raises
    ------
    ValueError
        If the names differ, or one column is that of a single output of several.
    """
    if len(outputs) == 1 or not isinstance(predictions, pd.DataFrame | pd.Series):
        return outputs
    if isinstance(predictions, pd.Series):
        given = [predictions.name]
    elif has_quantiles:
        columns: Any = predictions.columns
        given = list(columns.droplevel(-1).unique()) if columns.nlevels > 1 else []
    else:
        given = list(predictions.columns)
    if len(given) == len(outputs) and set(given) == set(outputs):
        return given
    # What does not fit the quantiles of the back-test is refused with their names.
    if has_quantiles or _are_positions(given) or _are_positions(outputs):
        return outputs
    if len(given) == 1 and given[0] in outputs:
        raise ValueError(
            f"predictions holds the output {given[0]!r} alone, but the back-test has the outputs"
            f" {outputs!r}: pass one column for each of them."
        )
    if len(given) == len(outputs):
        raise ValueError(
            f"predictions has the columns {given!r}, but the back-test has the outputs {outputs!r}."
            " Give both the same names: if the columns are in that order, with"
            f" predictions.set_axis({outputs!r}, axis=1)."
        )
    return outputs


def columns_of_targets(y_train, result, outputs, n_targets):
    """Find the columns of training values that are the targets of a back-test.

    Parameters
    ----------
    y_train : Series, DataFrame or array-like
        The training values. They may reach several steps ahead.
    result : BacktestResult
        The back-test.
    outputs : list
        Its outputs.
    n_targets : int
        Number of its targets: of its outputs one step ahead.

    Returns
    -------
    list of int
        A position for each target: the first ones, where one of the two has no names.

    Raises
    ------
    ValueError
        If a target has no column.
    """
    first = list(range(n_targets))
    own = [result.target] if outputs == [None] else outputs
    is_named = isinstance(y_train, pd.DataFrame) and own != [None] and not _are_positions(own)
    if not is_named or y_train.shape[1] == 1 or _are_positions(names := list(y_train.columns)):
        return first
    # One of the two may call a target by its own name, and the other one after its first step.
    targets = names_of_steps(own)[0][:n_targets]
    found = []
    for output, target in zip(own[:n_targets], targets, strict=True):
        called = (output, target, f"{target}_step1")
        places = [names.index(name) for name in called if name in names]
        if not places:
            raise ValueError(
                f"y_train has the columns {names!r}, but the back-test has the target {target!r}:"
                " pass the y of all known rows, with the names that it had in the back-test."
            )
        found.append(places[0])
    return found


def _are_positions(names):
    """Tell whether names are those that a table has without names: 0, 1, 2, ..."""
    return names == list(range(len(names)))
