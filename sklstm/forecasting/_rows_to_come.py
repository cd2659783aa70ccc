"""The labels of the rows to come, and their future inputs."""

import numpy as np
import pandas as pd
from pandas.api.types import is_any_real_numeric_dtype

from sklstm._checks._arguments import naming
from sklstm._checks._numbers import check_floats, check_not_infinite
from sklstm._checks._tables import check_names, index_of
from sklstm._past._layout import Layout
from sklstm._past._order import is_panel, label_at
from sklstm._past._stretches import ranges
from sklstm._past._time_axis import TimeAxis
from sklstm._past._units import plain

#: What can be done about columns that hold no earlier target.
DECLARE = (
    "By their names, these columns of X hold no earlier target, so their values in the"
    " rows to come must be declared. Pass those that are known ahead, such as a calendar, as"
    " future_inputs (or as rows of X whose target is NaN, which keep_last=True keeps); make those"
    " that are computed from the target with recompute; predict measured ones as targets, too, or"
    " leave them out."
)


def labels_to_come(index, layout, given, n_later, future_inputs, labels=None, axis=None):
    """Return the labels of some rows of a table, and of the rows after each of its series.

    Parameters
    ----------
    index : pandas.Index
        The labels of the table.
    layout : Layout
        Which series each of its rows belongs to.
    given : ndarray of int
        Rows of the table.
    n_later : ndarray of int of shape (n_series,)
        How many rows come after the last row of each series.
    future_inputs : DataFrame, Series, ndarray or None
        Tells the labels where the index has no regular step, or lacks labels.
    labels : pandas.Index of length n_later.sum(), default=None
        The labels of the rows to come, one series after the other; by default, those that follow.
    axis : TimeAxis, default=None
        The axis of earlier rows, which tells the step where a table has few rows or gaps.

    Returns
    -------
    index : pandas.Index
        The labels of the given rows, then of the rows to come, one series after the other.
    time : ndarray of int or None
        A number for the time of each label, in the order of time; None for one series.

    Raises
    ------
    ValueError
        If the labels to come are not known.
    """
    if layout.names is None:
        known = future_inputs.index if index_of(future_inputs) is not None else index[:0]
        n_labels = int(n_later[0])
        if labels is None:
            labels = _labels_after(index, n_labels, known, axis)
        kept = index[len(index) - len(given) :]  # a slice keeps the frequency
        # pandas 2 warns where what is empty has a type of its own.
        parts = [part for part in (kept, labels) if len(part)]
        return (parts[0].append(parts[1:]) if parts else kept), None

    # 1. The times of the rows to come.
    last = layout.stops - 1
    if labels is None:
        times, where = _times_after(layout.times, layout.time[last], n_later, future_inputs, axis)
        later = ranges(where, where + n_later)
    else:
        of_labels = labels.get_level_values(0)
        times = layout.times.union(of_labels.unique())
        later = times.get_indexer(of_labels)
    series = np.concatenate([given, np.repeat(layout.row(last), n_later)])

    # 2. One index of all of them.
    place = np.empty(layout.n_rows, dtype=np.int64)
    place[layout.row(np.arange(layout.n_rows))] = layout.time
    time = np.concatenate([times.get_indexer(layout.times)[place[given]], later])
    codes = [time, *(np.asarray(code)[series] for code in index.codes[1:])]
    levels = [times, *index.levels[1:]]
    whole = pd.MultiIndex(levels, codes, names=index.names, verify_integrity=False)
    return whole, time


def times_to_come(times, future_inputs, axis):
    """Count the times after those of a table up to the last one that future inputs are given for.

    Parameters
    ----------
    times : pandas.Index
        The times of the table.
    future_inputs : DataFrame, Series, ndarray or None
        Their values.
    axis : TimeAxis or None
        As in `labels_to_come`.

    Returns
    -------
    int
    """
    if index_of(future_inputs) is None:
        return len(future_inputs) if np.ndim(future_inputs) else 0
    later, own = _times_of(future_inputs, times), TimeAxis.going_on(times, axis)
    if not len(later) or own is None or _has_gaps(times, own):
        return len(later)
    # They may begin some steps after the table ends.
    number = own.number(times[-1:].append(later[-1:]))
    return len(later) if np.isnan(number).any() else int(number[1] - number[0])


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
    later, (_, has_gaps, steps) = _times_of(future_inputs, times), _at_step(times, n_known, axis)
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


def _times_of(future_inputs, times):
    """Return the times of future inputs after those of a table, sorted."""
    known = future_inputs.index.get_level_values(0).unique()
    if plain(known)[0] != plain(times)[0]:
        return times[:0]
    return known[known > times[-1]].sort_values()


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
        If `future_inputs` lacks a column, has no labels though those of many series are needed, or
        holds no finite numbers where `seen` holds numbers.
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
    elif is_panel(labels):
        wanted = labels.get_level_values(0)  # All series share these rows.
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


def _times_after(times, ends, n_later, future_inputs, earlier_axis):
    """Return the time labels of a table with those to come, and where these begin per series.

    Without missing times, those after a series that ends early are the later ones of the table.
    """
    known = times[:0]
    if index_of(future_inputs) is not None:
        known = future_inputs.index
        known = known.get_level_values(0).unique() if is_panel(known) else known
    axis = TimeAxis.going_on(times, earlier_axis)
    whole = times
    if _has_gaps(times, axis) and not len(known):
        # No label of `future_inputs` tells that the missing times are holidays.
        whole = axis.all_labels(times)
    ends = whole.get_indexer(times)[ends]
    n_labels = max(0, int((ends + 1 + n_later).max()) - len(whole))
    labels = _labels_after(times, n_labels, known, earlier_axis)
    return (whole.append(labels) if n_labels else whole), ends + 1


def _labels_after(index, n_labels, known, axis):
    """Return the labels of the rows to come; some are known where `future_inputs` has them."""
    if n_labels == 0:
        return index[:0]
    _, has_gaps, labels = _at_step(index, n_labels, axis)
    later = index[:0]
    if len(known) and plain(known)[0] == plain(index)[0]:
        later = known[known > index[-1]][:n_labels].rename(index.name)
    if labels is not None and (labels.isin(later).all() or not has_gaps):
        return labels
    # Without a step, or with holidays, the rows of future_inputs tell which dates come next.
    if len(later) == n_labels:
        return later
    if labels is not None:
        return labels
    if isinstance(index[-1], str):
        raise ValueError(
            f"The index of X holds text such as {index[-1]!r}, so the labels after it are not"
            " known. Make dates of it before series_to_supervised, for instance with"
            " series.index = pd.to_datetime(series.index)."
        )
    raise ValueError(
        f"The labels of the {n_labels} steps after {label_at(index, -1)!r} are not known: the index"
        " of X has no regular step. Give it one, for instance with X.asfreq('D') or X.to_period(),"
        " or name the labels with future_inputs=pd.DataFrame(index=...), of at least"
        f" {n_labels} rows after the last one of X."
    )


def _at_step(index, n_labels, axis):
    """Return the axis of an index, whether labels are missing in it, and those after it, if known.

    `axis` is that of earlier labels.
    """
    own = TimeAxis.going_on(index, axis)
    has_gaps = _has_gaps(index, own)
    labels = None if has_gaps and own is axis else TimeAxis.next_labels(index, n_labels)
    if labels is None and axis is not None:
        labels = axis.labels_after(index, n_labels)
    return own, has_gaps, labels


def _has_gaps(index, axis):
    """Tell whether labels are missing in an index with a regular step."""
    return axis is not None and bool((np.diff(axis.number(index)) > 1).any())
