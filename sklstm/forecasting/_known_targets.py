"""What is known of targets and past inputs when a forecast begins, and where it goes on."""

import numpy as np

from sklstm._checks._numbers import check_floats
from sklstm._past._layout import Layout
from sklstm._past._order import label_at
from sklstm._past._stretches import ranges

#: Stands for the last row of a series whose target is known, where there is none.
_NONE = -(2**40)


def known_targets(rows, layout, lags, target, past_inputs=None):
    """List what a table tells of the targets, and of the past inputs.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_features)
        The rows so far.
    layout : Layout
        Which series each row belongs to.
    lags : Lags
        Their columns that hold earlier targets, or earlier values of past inputs.
    target : ndarray of shape (n_rows, n_targets * horizon) or None
        The target observed at the rows.
    past_inputs : dict of str to ndarray of shape (n_rows,), default=None
        Past inputs observed at the rows, by name.

    Yields
    ------
    offset : int
        How many rows after its row a value is the target; negative for an earlier one.
    number : int
        Which target; the past inputs follow the targets.
    values : ndarray of shape (n_rows,)
        The values, one series after the other.
    """
    if target is not None:
        for step, block in enumerate(np.hsplit(target, lags.horizon)):
            for number, values in enumerate(block.T):
                yield step, number, layout.by_series(values)
    for number, name in enumerate(lags.past_inputs, lags.n_targets):
        if name in (past_inputs or {}):
            yield 0, number, layout.by_series(past_inputs[name])
    for lag in lags.columns:
        held = check_floats(rows.iloc[:, lag.column], "X")
        yield -lag.steps, lag.target, layout.by_series(held)


def first_unknown(layout, known, n_targets):
    """Return the row after the last one of each series whose target is known.

    Parameters
    ----------
    layout : Layout
        Which series each row belongs to.
    known : iterable of (offset, number, values)
        As `known_targets` yields them.
    n_targets : int
        How many targets there are.

    Returns
    -------
    ndarray of int of shape (n_series,)
        Counted in the series.

    Raises
    ------
    ValueError
        If no target of a series is known.
    """
    within, last = layout.within(), np.full(layout.n_series, _NONE)
    for offset, number, values in known:
        if number >= n_targets:
            continue
        row = np.where(np.isnan(values), _NONE, within + offset)
        last = np.maximum(last, np.maximum.reduceat(row, layout.starts))
    if (last == _NONE).any():
        of, leave = "", ""
        if layout.names is not None:
            of = f" of series {label_at(layout.labels(), np.argmin(last))!r}"
            leave = ", or leave the series out"
        raise ValueError(
            f"No value of the target{of} is known: y, and the columns of X that hold earlier"
            f" targets, hold nothing but NaN. Pass the observed target as y{leave}."
        )
    return np.maximum(last + 1, 0)


def store_known(known, layout, first, horizon, store):
    """Store what is known; of several sources, the first one counts.

    Parameters
    ----------
    known : iterable of (offset, number, values)
        As `known_targets` yields them.
    layout : Layout
        Which series each row belongs to.
    first : ndarray of int of shape (n_series,)
        The row of each series whose values stand first in `store`.
    horizon : int
        How many steps ahead the targets reach at most.
    store : ndarray of shape (n_series, n_slots, n_values)
        Where to; NaN where nothing is known.
    """
    series = layout.ordinals
    slot = layout.within() - first[series]
    near = np.flatnonzero(slot + horizon > 0)
    series, slot = series[near], slot[near]
    for offset, number, values in known:
        at, values = slot + offset, values[near]
        there = (at >= 0) & (at < store.shape[1]) & ~np.isnan(values)
        place = series[there], at[there], number
        store[place] = np.where(np.isnan(store[place]), values[there], store[place])


def by_series(labels, layout):
    """Sort labels to come by the series of a table, and count those of each.

    Parameters
    ----------
    labels : pandas.Index
        The labels.
    layout : Layout
        The series of the table.

    Returns
    -------
    labels : pandas.Index
        One series after the other.
    counts : ndarray of int of shape (n_series,)

    Raises
    ------
    ValueError
        If a series has no row in the table.
    """
    if layout.names is None:
        return labels, np.array([len(labels)])
    later = Layout(labels, len(labels))
    series = layout.labels().get_indexer(later.labels())
    if (series < 0).any():
        new = label_at(later.labels(), np.argmin(series))
        raise ValueError(f"Series {new!r} has no row in X, so no target to forecast from is known.")
    counts = np.zeros(layout.n_series, dtype=np.int64)
    counts[series] = later.lengths
    order = np.argsort(series)
    return labels[later.row(ranges(later.starts[order], later.stops[order]))], counts
