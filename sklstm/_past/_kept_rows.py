"""The training rows that are remembered, and where a table has them."""

import copy

import numpy as np

from sklstm._past._stretches import pad, ranges

#: So many of the first and of the last training rows are remembered, more where the look-back needs
#: more. They tell the training table from other rows without labels, and rows that overlap the end
#: of the training rows by as many still find their whole past.
N_HEAD = 16

#: A key is the number of a series times this, and the number of one of its rows, which is less than
#: half of it. So the keys of all remembered rows are in one order.
KEYS = 2**42


class KeptRows:
    """The first and the last rows of each unbroken part of the training rows.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The training rows.
    layout : Layout
        Which series each belongs to.
    starts : ndarray of int of shape (n_parts,)
        The place of the first row of each part; one series after the other, oldest first.
    numbers : ndarray of shape (n_parts,)
        The numbers of these rows.
    depth : int
        How many rows are looked back upon.
    n_again : int, default=0
        So many of the last rows of each series may be given again, and then find their past.

    Attributes
    ----------
    rows : ndarray of shape (n_kept, n_features)
        The remembered rows, one series after the other.
    n_series : int
        The number of series.
    begins : ndarray of int of shape (n_parts,)
        The key of the first row of each part.
    lengths : ndarray of int of shape (n_parts,)
        How many rows each part had.
    """

    def __init__(self, rows, layout, starts, numbers, depth, n_again=0):
        stops = np.append(starts[1:], len(rows))
        self.depth = depth
        self.n_again = n_again
        self.n_series = layout.n_series
        self.begins = keys_of(layout.ordinals_at(starts), numbers)
        self.lengths = (stops - starts).astype(np.int32 if len(rows) < 2**31 else np.int64)
        self._n_heads = np.minimum(_n_unknown(rows, layout, starts, stops) + depth, self.lengths)
        n_more_heads = np.where(np.isin(starts, layout.starts), self._n_more, 0)
        self._n_first = np.minimum(np.maximum(self._n_heads, n_more_heads), self.lengths)
        self._n_last = np.minimum(self._n_wanted, self.lengths - self._n_first)
        self.rows = rows[layout.row(self.places)]

    @property
    def _n_more(self):
        # One row more than the look-back is needed to warn of rows that begin as these do, and rows
        # that overlap the end still find their whole past.
        return max(N_HEAD, self.depth + 1) // self.n_series

    @property
    def _n_wanted(self):
        """How many of the last rows of each part are remembered, if it has so many."""
        return self.depth + max(self._n_more, self.n_again)

    def followed_by(self, rows, keys, begins, stops):
        """Return these rows and later ones, as far as they are remembered.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            Rows, which may also stand in the place of some of these.
        keys : ndarray of int of shape (n_rows,)
            Their keys.
        begins, stops : ndarray of int of shape (n_parts,)
            The keys of the first row of each unbroken part of them that is later than these, and of
            the row after it.

        Returns
        -------
        kept : KeptRows
            A copy. The end of these rows is remembered, as what comes before the later ones.
        source : ndarray of int of shape (n_kept,)
            Where each of its rows stands in these and `rows`, one after the other.
        """
        # 1. All rows at hand.
        own = np.flatnonzero(~np.isin(self.keys, keys))
        at_hand = np.append(self.keys[own], keys)
        order = np.argsort(at_hand)
        at_hand = at_hand[order]
        source = np.append(own, len(self.rows) + np.arange(len(rows)))[order]
        is_start = np.append(True, np.diff(at_hand) != 1)
        run = np.flatnonzero(is_start)[np.cumsum(is_start) - 1]  # where its unbroken run begins

        # 2. The parts: those that went on from the one before become one with it.
        ends = self.begins + self.lengths
        first = np.flatnonzero(self._are_apart)
        last = np.append(first[1:], len(ends)) - 1
        order = np.argsort(np.append(self.begins[first], begins))
        kept = copy.copy(self)
        kept.begins = np.append(self.begins[first], begins)[order]
        ends = np.append(ends[last], stops)[order]
        lengths = kept.lengths = ends - kept.begins
        kept.n_series = int(kept.begins[-1] // KEYS) + 1

        # 3. Which of their rows are remembered.
        n_heads = np.append(self._n_heads[first], np.zeros(len(begins), dtype=np.int64))
        n_heads = np.minimum(np.maximum(n_heads[order], self.depth), lengths)
        kept._n_heads = np.where(kept._are_apart, n_heads, 0)
        is_first = np.append(True, np.diff(kept.begins // KEYS) > 0)
        n_first = np.maximum(kept._n_heads, np.where(is_first, kept._n_more, 1))
        begin = np.searchsorted(at_hand, kept.begins)
        run_ends = np.append(np.flatnonzero(is_start)[1:], len(at_hand))
        n_there = run_ends[np.cumsum(is_start) - 1][begin] - begin
        kept._n_first = np.minimum(np.minimum(n_first, lengths), n_there)
        stop = np.searchsorted(at_hand, ends)
        n_there = np.minimum(stop - run[stop - 1], lengths - kept._n_first)
        kept._n_last = np.minimum(kept._n_wanted, n_there)
        chosen = source[np.searchsorted(at_hand, kept.keys)]
        kept.rows = np.concatenate([self.rows, rows])[chosen]
        return kept, chosen

    @property
    def _are_apart(self):
        """Whether each part begins its series, or comes after a gap."""
        return np.append(True, self.begins[1:] != (self.begins + self.lengths)[:-1])

    @property
    def heads_of_parts(self):
        """The key of the first row of each part that does not go on from another."""
        return self.begins[self._are_apart]

    @property
    def places(self):
        """Where the remembered rows stood among the training rows, one series after the other."""
        return self._numbers(np.cumsum(self.lengths, dtype=np.int64) - self.lengths)

    @property
    def keys(self):
        """The keys of the remembered rows."""
        return self._numbers(self.begins)

    def _numbers(self, starts):
        """Return numbers of the remembered rows, of which those of each part begin at a start."""
        stops = starts + self.lengths
        parts = np.array([starts, starts + self._n_first, stops - self._n_last, stops])
        return ranges(parts[::2].T.ravel(), parts[1::2].T.ravel())

    @property
    def firsts(self):
        """The number of the first training row of each series."""
        series, numbers = np.divmod(self.begins, KEYS)
        return numbers[np.searchsorted(series, np.arange(self.n_series))]

    def heads(self, stretches):
        """Find the training rows that no earlier training row comes before.

        Parameters
        ----------
        stretches : Stretches
            Of rows in any form.

        Returns
        -------
        n_rows : ndarray of int of shape (n_stretches,)
            How many rows at the start of each stretch are such rows: as many known ones as are
            looked back upon, and those not known before them; 0 where a stretch begins elsewhere.
        first : ndarray of int of shape (n_stretches,)
            Where the first of them stands in `rows`.
        """
        span, found = find(self.begins, keys_of(stretches.series, stretches.numbers))
        n_rows = np.minimum(self._n_heads[span], stretches.lengths)
        n_kept = self._n_first + self._n_last
        return np.where(found, n_rows, 0), (np.cumsum(n_kept) - n_kept)[span]

    def shared(self, stretches, steps=0):
        """Find the rows of a table that come some steps after remembered rows.

        Parameters
        ----------
        stretches : Stretches
            Of the table.
        steps : int, default=0
            So many steps; 0 finds the remembered rows themselves.

        Returns
        -------
        stretch : ndarray of int
            The stretch of each such row.
        place : ndarray of int
            Its place.
        kept : ndarray of int
            Where the remembered row stands in `rows`.
        """
        keys = keys_of(stretches.series, stretches.numbers)
        order = np.argsort(keys, kind="stable")
        wanted = self.keys + steps
        found = np.searchsorted(keys[order], wanted, side="right") - 1
        stretch = order[found]
        distance = wanted - keys[stretch]
        kept = np.flatnonzero((found >= 0) & (distance < stretches.lengths[stretch]))
        stretch = stretch[kept]
        return stretch, stretches.starts[stretch] + distance[kept], kept

    def before(self, keys, wanted):
        """Return the rows before some rows.

        Parameters
        ----------
        keys : ndarray of int of shape (n_rows,)
            The keys of the latter.
        wanted : ndarray of bool of shape (n_rows,)
            Of which of them; for the others, nothing is looked up.

        Returns
        -------
        past : ndarray of shape (n_rows, depth, n_features)
            The rows before each, oldest first; NaN up to the newest that is not remembered.
        n_known : ndarray of int of shape (n_rows,)
            How many of them are remembered.
        """
        past, n_known = self.no_past(len(keys)), np.zeros(len(keys), dtype=np.int64)
        earlier = keys[wanted, None] - self.depth + np.arange(self.depth)
        place, found = find(self.keys, earlier)
        known = np.logical_and.accumulate(found[:, ::-1], axis=1)[:, ::-1]
        past[wanted] = np.where(known[:, :, None], self.rows[place], np.nan)
        n_known[wanted] = known.sum(axis=1)
        return past, n_known

    def first_that_differs(self, rows, stretches):
        """Find in each stretch the first row that is remembered with other values.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            The rows of a table.
        stretches : Stretches
            Of the table.

        Returns
        -------
        ndarray of int of shape (n_stretches,)
            Its place; -1 where there is none.
        """
        stretch, place, kept = self.shared(stretches)
        ours, theirs = rows[stretches.layout.row(place)], self.rows[kept]
        same = (ours == theirs) | np.isnan(ours) | np.isnan(theirs)
        differs = np.flatnonzero(~same.all(axis=1))
        first = np.full(len(stretches), -1)
        if len(differs):  # The others need not be compared within rounding.
            spread = _spread(self.rows, self.keys // KEYS)[kept[differs]]
            same = same[differs] | _equal(ours[differs], theirs[differs], spread)
            differs = differs[~same.all(axis=1)][::-1]
            first[stretch[differs]] = place[differs]  # The last assignment holds.
        return first

    def are_all(self, rows, layout, series, form=None, *, lenient=False, longer=False):
        """Tell which series of a table are the training rows again.

        They are told by their length and the rows that are remembered of them.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            The rows of the table.
        layout : Layout
            Of the table.
        series : ndarray of int of shape (layout.n_series,)
            The number of each of its series; those of series not seen in `fit` are larger.
        form : callable, default=None
            As for `Past.stretches`.
        lenient : bool, default=False
            Whether values that are not known in `rows` say nothing against it.
        longer : bool, default=False
            Whether a series may have more rows after the training rows.

        Returns
        -------
        ndarray of bool of shape (layout.n_series,)
        """
        # 1. Series of the right length.
        of_part, of_kept = self.begins // KEYS, self.keys // KEYS
        n_rows = np.bincount(of_part, self.lengths, self.n_series).astype(np.int64)
        place = np.full(self.n_series, -1)
        seen = np.flatnonzero(series < self.n_series)
        given = layout.lengths[seen]
        expected = n_rows[series[seen]]
        seen = seen[(given >= expected) if longer else (given == expected)]
        place[series[seen]] = layout.starts[seen]

        # 2. Of these, those whose remembered rows are the same.
        kept, known = self.in_form(form)
        of_kept = of_kept[known]
        within = self.places[known] - (np.cumsum(n_rows) - n_rows)[of_kept]
        there = place[of_kept] >= 0
        if not there.any():
            return np.zeros(len(series), dtype=bool)
        of_kept, kept = of_kept[there], kept[there]
        found = rows[layout.row(place[of_kept] + within[there])]
        same, unknown = _equal(found, kept, _spread(kept, of_kept)), np.isnan(found)
        if lenient:
            same |= unknown
        agrees = np.zeros(self.n_series, dtype=bool)
        agrees[of_kept] = True
        agrees[of_kept[~same.all(axis=1)]] = False
        if lenient:
            known_of = np.zeros(self.n_series, dtype=bool)
            known_of[of_kept[~unknown.all(axis=1)]] = True
            agrees &= known_of
        return np.append(agrees, False)[np.minimum(series, self.n_series)]

    def begin_as(self, rows, n_rows, form=None):
        """Tell whether some rows begin as the training rows do.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            The rows, of one series.
        n_rows : int
            So many rows are compared.
        form : callable, default=None
            As for `Past.stretches`.

        Returns
        -------
        bool
        """
        kept, _ = self.in_form(form)
        spread = _spread(kept, np.zeros(len(kept)))
        return bool(_equal(rows[:n_rows], kept[:n_rows], spread[:n_rows]).all())

    def in_form(self, form):
        """Return the remembered rows in a form, as far as it is known.

        Parameters
        ----------
        form : callable or None
            As for `Past.stretches`.

        Returns
        -------
        rows : ndarray of shape (n_known, n_features)
            Those rows.
        known : ndarray of bool of shape (n_kept,)
            Which of the remembered rows they are.
        """
        known = np.ones(len(self.rows), dtype=bool)
        if form is None:
            return self.rows, known
        starts = np.append(0, np.flatnonzero(np.diff(self.keys) != 1) + 1)
        values, at = pad(self.rows, starts, self.no_past(len(starts)))
        kept = form(values)[at - self.depth]
        # The rows before were there at `fit`, but are not remembered.
        cut = starts[~np.isin(self.keys[starts], self.heads_of_parts)]
        lengths = np.diff(np.append(starts, len(kept)))[np.searchsorted(starts, cut)]
        known[ranges(cut, cut + np.minimum(lengths, self.depth))] = False
        return kept[known], known

    def no_past(self, n_stretches):
        """Return the past of stretches before which nothing is known, NaN.

        Parameters
        ----------
        n_stretches : int
            How many stretches.

        Returns
        -------
        ndarray of shape (n_stretches, depth, n_features)
        """
        shape = n_stretches, self.depth, self.rows.shape[1]
        return np.full(shape, np.nan, self.rows.dtype)


def keys_of(series, numbers):
    """Return keys of rows.

    Parameters
    ----------
    series : ndarray of int of shape (n_rows,)
        The numbers of their series.
    numbers : ndarray of shape (n_rows,)
        Their numbers in it.

    Returns
    -------
    ndarray of int of shape (n_rows,)
        Those of rows without a number are found nowhere.
    """
    known = ~np.isnan(numbers)
    clipped = np.clip(np.where(known, numbers, 0), -KEYS // 4, KEYS // 4).astype(np.int64)
    return np.where(known, series * KEYS + clipped, -(2**62))


def find(keys, wanted):
    """Look keys up.

    Parameters
    ----------
    keys : ndarray of int of shape (n_keys,)
        Sorted.
    wanted : ndarray of int
        Those that are looked for.

    Returns
    -------
    place : ndarray of int
        Where each stands among `keys`, if it is there.
    found : ndarray of bool
        Whether it is there.
    """
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return place, keys[place] == wanted


def _n_unknown(rows, layout, starts, stops):
    """Count the rows at the start of each part that hold NaN, columns with nothing else aside."""
    counts = np.zeros(len(starts), dtype=np.int64)
    for column in np.flatnonzero(np.isnan(rows[layout.row(starts)]).any(axis=0)):
        unknown = layout.by_series(np.isnan(rows[:, column]))
        changes = np.append(np.flatnonzero(unknown[1:] != unknown[:-1]) + 1, len(rows))
        first = changes[np.searchsorted(changes, starts, side="right")]
        is_head = unknown[starts] & (first < stops)
        counts = np.maximum(counts, np.where(is_head, first - starts, 0))
    return counts


def _spread(rows, series):
    """Return the range of each column among the rows of the same series, for each row."""
    starts = np.append(0, np.flatnonzero(np.diff(series)) + 1)
    highest, lowest = np.fmax.reduceat(rows, starts), np.fmin.reduceat(rows, starts)
    return np.repeat(np.nan_to_num(highest - lowest), np.diff(np.append(starts, len(rows))), axis=0)


def _equal(ours, theirs, spread):
    """Compare values up to what another batch size or a float32 step upstream may change.

    That is little beside the spread of a column, so that large numbers that lie close together,
    such as instants in seconds, are told apart.
    """
    precise = ours.dtype == theirs.dtype == np.float64
    rounding = (1e-12 if precise else 1e-6) * np.abs(theirs)
    close = np.abs(ours - theirs) <= 1e-6 * spread + rounding
    return close | (np.isnan(ours) & np.isnan(theirs))
