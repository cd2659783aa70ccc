"""Ends of intervals and quantiles in named columns: which one each column is."""

from typing import Any

import numpy as np
import pandas as pd

from sklstm._checks._quantiles import level_named

#: What the columns of an interval are called.
ENDS = ("lower", "upper")


def in_order_of_names(y_pred, y_true, wanted, n_outputs):
    """Return a table of several numbers for each true value in the order of outputs and names.

    Parameters
    ----------
    y_pred : array-like
        The predictions. Anything but a DataFrame is returned as it is.
    y_true : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The true values; columns of a DataFrame name the outputs.
    wanted : sequence of float or None
        The quantiles that are predicted; None for the ends of an interval.
    n_outputs : int
        Number of outputs.

    Returns
    -------
    array-like
        The columns of the first output, then those of the second one, and so on. Columns whose
        names say nothing keep their order.

    Raises
    ------
    ValueError
        If names say that the columns are other outputs or quantiles.
    """
    if not isinstance(y_pred, pd.DataFrame) or (n_outputs > 1 and y_pred.columns.nlevels == 1):
        return y_pred
    columns: Any = y_pred.columns
    if n_outputs == 1:
        # The level of a single output tells nothing.
        if columns.nlevels > 1 and len(columns.droplevel(-1).unique()) > 1:
            columns = columns.droplevel(-1)
        elif columns.nlevels > 1:
            columns = columns.get_level_values(-1)
        return y_pred.iloc[:, _order(list(columns), wanted)]

    # 1. The columns of each output.
    outer, inner = list(columns.droplevel(-1)), list(columns.get_level_values(-1))
    outputs = list(dict.fromkeys(outer))
    if _say(outputs) and not _say(inner):
        raise ValueError(
            f"y_pred has the columns {list(columns)!r}: expected the outputs in the first level and"
            " what is predicted of them in the last. Use y_pred.swaplevel(axis=1)."
        )
    names = list(y_true.columns) if isinstance(y_true, pd.DataFrame) else outputs
    counts = {outer.count(output) for output in outputs}
    if len(names) != len(outputs) or set(names) != set(outputs) or len(counts) > 1:
        raise ValueError(
            f"y_pred has the columns {list(columns)!r}, but y_true has the outputs {names!r}: give"
            " both the same names, with as many columns below each; or pass an array of shape"
            f" {(len(y_pred), n_outputs, -(-len(outer) // n_outputs))}, outputs in the order of"
            " those of y_true."
        )

    # 2. What each of them is.
    found: list[int] = []
    for output in names:
        places = [place for place, name in enumerate(outer) if name == output]
        found += [places[i] for i in _order([inner[place] for place in places], wanted)]
    return y_pred.iloc[:, found]


def check_coverage(y_pred, coverage):
    """Refuse ends that are called after quantiles between which another share should lie.

    Parameters
    ----------
    y_pred : array-like
        The ends; the last level of the columns of a DataFrame names them.
    coverage : float
        The share of true values that the intervals should contain.

    Raises
    ------
    ValueError
        If the two quantiles are not so far apart.
    """
    if not isinstance(y_pred, pd.DataFrame):
        return
    levels = [level_named(name) for name in y_pred.columns.unique(y_pred.columns.nlevels - 1)]
    if len(levels) != len(ENDS) or None in levels:
        return
    between = max(levels) - min(levels)
    if not np.isclose(between, coverage, rtol=0, atol=1e-9):
        raise ValueError(
            f"coverage={coverage}, but the columns of y_pred are the quantiles {min(levels)} and"
            f" {max(levels)}: between these lies a share of {between:g}."
        )


def _say(names):
    """Tell whether names are those of ends or of quantiles."""
    return set(names) == set(ENDS) or None not in map(level_named, names)


def _order(names, wanted):
    """Return the places of what is wanted among the columns of one output."""
    if len(names) == len(ENDS) and set(names) == set(ENDS):
        return [names.index(name) for name in ENDS]
    levels = list(map(level_named, names))
    as_given = list(range(len(names)))
    if wanted is None:
        return as_given if None in levels else [int(place) for place in np.argsort(levels)]
    if len(names) != len(wanted):  # refused by its shape
        return as_given
    if None not in levels:
        order = [int(place) for place in np.argsort(levels)]
        levels = [levels[place] for place in order]
    else:
        order = as_given
    if any(
        level is not None and not np.isclose(level, one, rtol=0, atol=1e-9)
        for level, one in zip(levels, wanted, strict=True)
    ):
        raise ValueError(
            f"y_pred has the columns {names!r}, but quantiles={tuple(map(float, wanted))!r}: pass"
            " the quantiles that the columns hold."
        )
    return order
