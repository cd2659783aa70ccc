"""Future inputs: columns of the rows to come that are known ahead."""

import numpy as np
import pandas as pd
from pandas.api.types import is_any_real_numeric_dtype

from sklstm._checks._arguments import naming
from sklstm._checks._columns import check_names
from sklstm._checks._numbers import check_floats, check_not_infinite
from sklstm._checks._tables import index_of
from sklstm._past._layout import Layout
from sklstm._past._order import is_panel, label_at
from sklstm._past._series_names import check_levels_in_order
from sklstm._past._stretches import said
from sklstm.forecasting._rows_to_come import at_step, times_of

#: What can be done about columns that hold no earlier target.
DECLARE = (
    "By their names, these columns of X hold no earlier target, so their values in the"
    " rows to come must be declared. Pass those that are known ahead, such as a calendar, as"
    " future_inputs (or as rows of X whose target is NaN, which keep_last=True keeps); make those"
    " that are computed from the target with recompute; predict measured ones as targets, too, or"
    " leave them out."
)


def check_begin(times, future_inputs, axis, n_known):
    """Check that it is known which row to come each label of future inputs names.

    A table may end some rows before the last known target. Labels that begin after this target skip
    these rows, and labels that begin before it hold them all.

    Parameters
    ----------
    times, future_inputs, axis : object
        As in `times_to_come`.
    n_known : int
        How many rows to come have a known target.

    Raises
    ------
    ValueError
        If the labels may skip some of these rows, but not all.
    """
    if index_of(future_inputs) is None:
        return
    later, (_, has_gaps, steps) = times_of(future_inputs, times), at_step(times, n_known, axis)
    if steps is not None and not has_gaps:
        between = later[later <= steps[-1]]
        is_known = not len(between) or steps.isin(between).all()
    else:
        goes_on = future_inputs.index.isin(times[-1:], level=0).any()
        is_known = not len(later) or goes_on or (steps is not None and later[0] == steps[0])
    if not is_known:
        raise ValueError(
            f"X ends at {label_at(times, -1)!r}, {n_known} row(s) before its last known target, and"
            f" future_inputs goes on at {label_at(later, 0)!r}. Where times are missing, nobody can"
            " tell which of these rows that is. Make X and y with series_to_supervised(...,"
            " keep_last=True)."
        )


def check_first_rows(future_inputs, others, last, later, n_known):
    """Check that future inputs without labels begin at the row after the last one of X.

    The columns of later steps hold those of the first rows, whose targets are known.

    Parameters
    ----------
    future_inputs : object
        As in `other_columns`; what has labels is not checked.
    others : list
        The names of its columns.
    last : Series of shape (n_features,)
        The last row of X.
    later : dict of int to tuple of (int, int)
        The columns of later steps, as in `Cells.lay_out`.
    n_known : int
        How many rows to come have a known target.

    Raises
    ------
    ValueError
        If one of them holds another value.
    """
    if not np.ndim(future_inputs) or index_of(future_inputs) is not None:
        return
    given = pd.DataFrame(future_inputs)
    for i, (source, n_steps) in later.items():
        if n_steps > min(n_known, len(given)):
            continue
        held = last.iloc[i]
        found = given.iloc[n_steps - 1, others.index(last.index[source])]
        is_text = isinstance(held, str)
        differ = held != found if is_text else np.float32(held) != np.float32(found)
        if differ and not pd.isna(held):
            raise ValueError(
                f"Row {n_steps - 1} of future_inputs holds {found}, but {last.index[i]!r} in the"
                f" last row of X holds {held} for it. An array of future inputs begins at the row"
                f" after the last one of X, {n_known} row(s) before the first one to forecast."
                " Give it labels, or make X and y with series_to_supervised(...,"
                " keep_last=True)."
            )


def other_columns(future_inputs, seen, labels):
    """Return the columns that hold no earlier target, in the rows to come.

    Parameters
    ----------
    future_inputs : DataFrame, Series, ndarray or None
        Their values. Of many series, labelled by time and series, or by time alone.
    seen : DataFrame of shape (n_rows, n_columns)
        These columns in the rows so far.
    labels : pandas.Index
        The labels of the rows to come.

    Returns
    -------
    columns : DataFrame of shape (len(labels), n_columns)
        NaN where they are not given.
    missing : ndarray of bool of shape (len(labels),)
        Which rows are not given.

    Raises
    ------
    ValueError
        If `future_inputs` lacks a column, has no labels though those of many series are needed, has
        the levels of its index in another order, has the time alone though `seen` tells the series
        apart, or holds no finite numbers where `seen` holds numbers.
    """
    others = list(seen.columns)
    if future_inputs is None:
        empty = pd.DataFrame(np.nan, pd.RangeIndex(len(labels)), others)
        return empty, np.ones(len(labels), dtype=bool)
    with naming("future_inputs", future_inputs):
        given = pd.DataFrame(future_inputs)
        if index_of(future_inputs) is None:
            if is_panel(labels):
                raise ValueError(
                    "it has no labels, so its rows cannot be told apart, but X holds many series."
                    " Give it an index of the time and the series, or of the time alone if all"
                    " series share it."
                )
            if given.shape[1] != len(others):
                raise ValueError(f"expected one column for each of {others!r}, in this order.")
            given = given[: len(labels)].set_axis(labels[: len(given)]).set_axis(others, axis=1)
        check_names(given)
    wanted = labels
    if is_panel(labels) and is_panel(given.index):
        Layout(given.index, len(given), "future_inputs")
        if given.index.nlevels != labels.nlevels:
            raise ValueError(
                f"The index of future_inputs has {given.index.nlevels} levels, but that of X"
                f" {labels.nlevels}: give both the same, or future_inputs the time alone."
            )
        check_levels_in_order(labels.names, given.index.names, "future_inputs", "X")
    elif is_panel(labels):
        wanted = labels.get_level_values(0)  # All series share these rows.
        _check_shared(seen)
    lacking = [name for name in others if name not in given.columns]
    if lacking and len(labels):
        raise ValueError(
            f"future_inputs has the columns {list(given.columns)!r}, but lacks {lacking!r}."
            f" {DECLARE}"
        )
    given = given.reindex(columns=others)
    # The estimator learnt from numbers here, so objects must be numbers, too.
    numeric = [name for name in others if is_any_real_numeric_dtype(seen[name].dtype)]
    check_not_infinite(
        check_floats(given[numeric], "future_inputs"), given[numeric], "future_inputs"
    )
    objects = [name for name in numeric if given[name].dtype == object]
    given[objects] = check_floats(given[objects], "future_inputs")
    missing = ~wanted.isin(given.index)
    with naming("future_inputs", future_inputs):
        return given.reindex(wanted), missing


def _check_shared(seen):
    """Refuse columns of which series hold different values at one time: they share none to come."""
    for i, name in enumerate(seen.columns):
        values = seen.iloc[:, i]
        first = values.groupby(level=0, sort=False).transform("first")
        if is_any_real_numeric_dtype(values.dtype):
            values, first = (of.to_numpy(np.float64, na_value=np.nan) for of in (values, first))
            differs = ~np.isclose(values, first, rtol=1e-5, equal_nan=True)
        else:
            values, first = (of.to_numpy(object, na_value=None) for of in (values, first))
            differs = values != first
        [rows] = np.nonzero(differs & ~pd.isna(values))
        if len(rows):
            row = rows[0]
            raise ValueError(
                "The index of future_inputs has the time alone, so all series would get its values,"
                f" but X holds {values[row]} in {name!r} in the row of {said(seen.index, row)}, and"
                f" {first[row]} at this time of another series. Give future_inputs the levels of"
                " the index of X, and a row for each time and series."
            )
