"""The past that moves on, as later rows are seen."""

import copy

import numpy as np

from sklstm._past._kept_rows import KEYS, KeptRows
from sklstm._past._layout import Layout
from sklstm._past._stretches import ranges


def followed_by(before, rows, index, stretches):
    """Return the past of rows that come after some later rows, too.

    Parameters
    ----------
    before : Past
        Of the rows seen so far, which stays as it is.
    rows : ndarray of shape (n_rows, n_features)
        The later rows. Some may have been seen before: their values are taken over.
    index : pandas.Index or None
        Their labels.
    stretches : Stretches
        Where they stand.

    Returns
    -------
    past : Past
        A copy.
    source : ndarray of int
        For each row that it remembers, where that stands in the rows that `before` remembers and
        ``layout.by_series(rows)``, one after the other.

    Raises
    ------
    ValueError
        If a row has no place among the training rows or after them.
    """
    layout, series = stretches.layout, stretches.series
    if before.labelled != (index is not None) or (before.names is None) != (layout.names is None):
        had = "no labels" if not before.labelled else "labels"
        had += "" if before.names is None else " that name their series"
        raise ValueError(
            f"X must have an index like that of the training rows, which had {had}: labels show"
            " which rows follow which."
        )

    # 1. Refuse rows that stand nowhere.
    known = np.append(before.kept.firsts, -np.inf)[np.minimum(series, before.n_series)]
    refused = np.isnan(stretches.numbers) | ~stretches.agrees | (stretches.numbers < known)
    if refused.any():
        one = np.flatnonzero(refused)[0]
        agrees = stretches.agrees[one]
        what, _ = before.describe(stretches, one, 0, index, agrees)
        raise ValueError(
            f"{what}. Training continues with rows that follow the rows seen so far, or are some"
            " of them: give X labels that continue theirs, or call fit to start anew."
        )

    # 2. Number the series that are new.
    past = copy.copy(before)
    new, place = np.unique(series[series >= before.n_series], return_inverse=True)
    series = series.copy()
    series[series >= before.n_series] = before.n_series + place
    if len(new):
        added = [names[new - before.n_series] for names in layout.names]
        past.names = [np.append(*pair) for pair in zip(before.names, added, strict=True)]

    # 3. Remember the rows.
    numbers = stretches.numbers.astype(np.int64)
    stops = numbers + stretches.lengths
    ends = np.append(before.ends, np.full(len(new), -KEYS // 4))
    firsts = np.maximum(numbers, ends[series])
    later = firsts < stops
    past.ends = ends.copy()
    np.maximum.at(past.ends, series, stops)
    base = series * KEYS
    past.kept, source = before.kept.followed_by(
        layout.by_series(rows),
        ranges(base + numbers, base + stops),
        (base + firsts)[later],
        (base + stops)[later],
    )
    past.n_rows = int(past.kept.lengths.sum())
    if not past.labelled and later.any():
        newest = rows[firsts[0] - numbers[0] :]
        one = Layout(None, len(newest))
        past.newest = KeptRows(newest, one, one.starts, firsts, past.depth)
    elif past.labelled and past.axis is None:
        past.order = before.order.followed_by(layout, source)
    return past, source
