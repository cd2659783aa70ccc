"""The labels of the rows to come."""

import numpy as np
import pandas as pd

from sklstm._checks._tables import index_of
from sklstm._past._order import is_panel, label_at
from sklstm._past._stretches import ranges
from sklstm._past._time_axis import TimeAxis
from sklstm._past._units import plain


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
    later, own = times_of(future_inputs, times), TimeAxis.going_on(times, axis)
    if not len(later) or own is None or _has_gaps(times, own):
        return len(later)
    # They may begin some steps after the table ends.
    number = own.number(times[-1:].append(later[-1:]))
    return len(later) if np.isnan(number).any() else int(number[1] - number[0])


def times_of(future_inputs, times):
    """Return the times of future inputs after those of a table, sorted."""
    known = future_inputs.index.get_level_values(0).unique()
    if plain(known)[0] != plain(times)[0]:
        return times[:0]
    return known[known > times[-1]].sort_values()


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
    _, has_gaps, labels = at_step(index, n_labels, axis)
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
        " of X has no regular step. Give its times one, for instance with asfreq('D') or"
        " to_period(), or name the labels with future_inputs=pd.DataFrame(index=...), of at least"
        f" {n_labels} rows after the last one of X."
    )


def at_step(index, n_labels, axis):
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
