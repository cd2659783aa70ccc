"""What came before: the one rule that tells which rows come just before a table's rows."""

from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from sklstm._past._layout import Layout, Numbers, find_series
from sklstm._past._order import gap_remedy
from sklstm._past._stretches import Doubt, Stretches, pad, ranges, said
from sklstm._past._time_axis import TimeAxis
from sklstm._past._units import plain
from sklstm._sklearn._warnings import AssumedPastWarning, UnknownPastWarning, warn

#: So many of the first and of the last training rows are remembered, more where the look-back needs
#: more. They tell the training table from other rows without labels, and rows that overlap the end
#: of the training rows by as many still find their whole past.
N_HEAD = 16

#: The number of rows before the training rows whose distance to them cannot be told.
LONG_BEFORE = -(10**12)

#: A key is the number of a series times this, and the number of one of its rows, which is less than
#: half of it. So the keys of all remembered rows are in one order.
KEYS = 2**42

HISTORY_OPTIONS = ("auto", "continue", "none")

#: In a forecast, the rows of a series that make the past of its first row matter no more.
_APPENDED: ContextVar[float | None] = ContextVar("appended", default=None)


class Past:
    """The training rows that later rows may need as their past.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The training rows, oldest first.
    index : pandas.Index or None
        Their labels; None for rows without labels. Of several levels, the first is the time, and
        the others name the series: each has a past of its own.
    depth : int
        How many rows are looked back upon.
    quiet : bool, default=False
        Whether nothing is warned of, because the caller does that itself.
    after : Past, default=None
        What was seen before. Its time axis goes on if the labels lie on it.

    Attributes
    ----------
    labelled : bool
        Whether the training rows have labels.
    names : list of ndarray of shape (n_series,) or None
        The names of the series, an array for each level; None where one series has no name.
    axis : TimeAxis or None
        The time axis of all series; None without labels, or where these have no regular step.
    ends : ndarray of int of shape (n_series,)
        Number of the row right after the last training row of each series.
    begins : ndarray of int of shape (n_spans,)
        The key of the first row of each unbroken part of the training rows.

    Raises
    ------
    ValueError
        If the labels are unsorted or hold duplicates.
    """

    def __init__(self, rows, index, depth, *, quiet=False, after=None):
        layout = Layout(index, len(rows))
        self.depth = depth
        self.quiet = quiet
        self.n_rows = len(rows)
        self.labelled = index is not None
        self.names = layout.names
        self.axis = TimeAxis.fit(layout.times) if self.labelled else None
        if self.labelled and after is not None and after.axis is not None:
            on_axis = after.axis.number(layout.times)
            if on_axis[0] >= 0 and not np.isnan(on_axis).any():
                self.axis = after.axis
        numbers = Numbers(layout, self.axis)
        self.ends = numbers.at(layout.stops - 1).astype(np.int64) + 1

        # 1. The unbroken parts of the training rows.
        starts = numbers.breaks()
        stops = np.append(starts[1:], len(rows))
        series = np.searchsorted(layout.starts, starts, side="right") - 1
        self.begins = _keys(series, numbers.at(starts))
        self._lengths = (stops - starts).astype(np.int32 if len(rows) < 2**31 else np.int64)

        # 2. What is remembered of each: the first rows, and the last. One row more than the
        # look-back is needed to warn of rows that begin as these do, and rows that overlap the end
        # still find their whole past.
        n_more = max(N_HEAD, depth + 1) // layout.n_series
        n_unknown = _n_unknown(rows, layout, starts, stops)
        self._n_heads = np.minimum(n_unknown + depth, self._lengths)
        n_more_heads = np.where(np.isin(starts, layout.starts), n_more, 0)
        self._n_first = np.minimum(np.maximum(self._n_heads, n_more_heads), self._lengths)
        self._n_last = np.minimum(depth + n_more, self._lengths - self._n_first)
        kept = self.kept_positions
        self.kept_rows = rows[layout.row(kept)]
        if self.labelled and self.axis is None:
            used, self._kept_ranks = np.unique(layout.time[kept], return_inverse=True)
            self.kind, self.labels = plain(layout.times[used])

    @property
    def kept_positions(self):
        """The places of the remembered rows among the training rows, one series after the other."""
        return self._kept(np.cumsum(self._lengths, dtype=np.int64) - self._lengths)

    @property
    def kept_keys(self):
        """The keys of the remembered rows."""
        return self._kept(self.begins)

    def _kept(self, starts):
        """Return numbers of the remembered rows, of which those of each part begin at a start."""
        stops = starts + self._lengths
        parts = np.array([starts, starts + self._n_first, stops - self._n_last, stops])
        return ranges(parts[::2].T.ravel(), parts[1::2].T.ravel())

    @property
    def n_series(self):
        """The number of series that were seen."""
        return len(self.ends)

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
            Where the first of them stands in `kept_rows`.
        """
        span, found = _find(self.begins, _keys(stretches.series, stretches.numbers))
        n_rows = np.minimum(self._n_heads[span], stretches.lengths)
        n_kept = self._n_first + self._n_last
        return np.where(found, n_rows, 0), (np.cumsum(n_kept) - n_kept)[span]

    def stretches(self, rows, index, history="auto", *, form=None, values_decide=True):
        """Split a table where its labels break off, and find what came before each part.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            The rows of the table, oldest first.
        index : pandas.Index or None
            Their labels.
        history : {"auto", "continue", "none"}, default="auto"
            ``"auto"`` places labelled rows by their labels. Rows without labels are the training
            table if they are as many and equal all remembered rows, and otherwise follow it.
            ``"continue"`` puts all but the training table right after the training rows;
            ``"none"`` knows no past.
        form : callable, default=None
            The function that made `rows` of rows like the training rows, such as differences. It
            takes `depth` rows and those after them, and returns a row for each of the latter. None
            if `rows` are like the training rows.
        values_decide : bool, default=True
            Whether the values of a first row may deny it a past: NaN says that an earlier step lost
            the past; other values than those of the training row with the same label say that the
            index was reset. Rows in another form are never judged by their values.

        Returns
        -------
        Stretches
            One series after the other; together they cover the table.

        Raises
        ------
        ValueError
            If the labels are unsorted or hold duplicates, or do not tell the series while those of
            the training rows do.
        """
        layout = Layout(index, len(rows))
        if layout.names is not None and not self.labelled:
            raise ValueError(
                "X has labels that name its series, but the training rows had no labels at all: fit"
                " on rows with an index, too."
            )
        if self.names is not None and layout.names is None:
            raise ValueError(
                f"X has no labels that name its series, but the {self.n_series} series of the"
                " training rows have names in the index. Keep both levels, the time and the"
                " series: for one series X.xs(name, level=1, drop_level=False), for the output of"
                " a step that drops labels set_output(transform='pandas')."
            )
        if not self.depth:
            # Nobody asks, and where a stretch ends makes no difference.
            one = Layout(None, len(rows))
            stretches = Stretches(one, one.starts, one.stops, np.array([np.nan]), np.array([0]))
            stretches.past = self._no_past(1)
            return stretches
        warns = history == "auto" and not self.quiet
        values_decide = values_decide and form is None
        by_labels = index is not None and self.labelled

        # 1. Number the first row of each unbroken part.
        starts, series = layout.starts, self._series(layout)
        if not by_labels:
            numbers = np.array([self._number_array(rows, warns, form, values_decide)])
        elif self.axis is not None:
            given = Numbers(layout, self.axis)
            starts = given.breaks()
            numbers = given.at(starts)
        else:
            numbers = self._number_irregular(layout, series)
        stops = np.append(starts[1:], len(rows))
        of = np.searchsorted(layout.starts, starts, side="right") - 1
        series, later = series[of], starts != layout.starts[of]
        if by_labels and history == "continue":
            seen = np.minimum(series, self.n_series - 1)
            is_same = self._are_training_rows(rows, form, layout, series[~later])[of]
            first = np.where(is_same, self.firsts[seen], self.ends[seen])
            first = np.where(series < self.n_series, first, 0)
            # Each part keeps its distance from the first: it is no training row of that label.
            moved = numbers - numbers[~later][of] + first
            numbers = np.where(later, moved, first)

        # 2. Look up the rows before it.
        stretches = Stretches(layout, starts, stops, numbers, series)
        if by_labels and history == "auto" and form is None:
            differs = self._first_that_differs(rows, stretches)
            # The first row decides, so that no row's past depends on a later row.
            stretches.agrees = differs != starts
            placed = differs[(differs >= 0) & (stretches.agrees | (not values_decide))]
            if warns and len(placed):
                warn(
                    f"Row {said(index, layout.row(placed[0]))} has the label of a training row but"
                    " other values: the rows are placed by their labels all the same. Fit again if"
                    " values were corrected, or set history='continue' if the rows follow the"
                    " training rows (was the index reset?).",
                    AssumedPastWarning,
                )
        trusted = stretches.agrees | (not values_decide)
        # An earlier step lost the past of such a row, and warned of it.
        lost = np.isnan(rows[layout.row(starts)]).all(axis=1) & values_decide
        looked_up = trusted & ~lost & (history != "none")
        stretches.past, n_known = self._before(_keys(series, numbers), looked_up)
        if by_labels and history != "none":
            doubtful = ~trusted | self._lacks_past(stretches, n_known)
            stretches.doubt_all(
                doubtful & ~lost,
                lambda one: self._describe(stretches, one, n_known[one], index, trusted[one]),
            )
            if not self.quiet:
                _warn_of_doubts(stretches)
        return stretches

    def warn_of_assumption(self, rows, form=None):
        """Warn if rows without labels are taken as later rows, but may be training rows.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            The rows, which are not the training table.
        form : callable, default=None
            As for `stretches`.
        """
        n = self.depth + 1
        if min(len(rows), self.n_rows) < n:
            return
        kept, _ = self._remembered(form)
        if _equal(rows[:n], kept[:n], _spread(kept, np.zeros(len(kept)))[:n]).all():
            warn(
                f"The first {n} of {len(rows)} rows are those that the {self.n_rows} training rows"
                " begin with, but the table is not the training table. Without labels, its rows are"
                " taken as rows after the training rows. Set history='continue' if they are, or"
                " history='none' if nothing comes before them; rows with a pandas index are placed"
                " by their labels.",
                AssumedPastWarning,
            )

    def _series(self, layout):
        """Return the number of each series of a table; of those not seen, larger ones."""
        if layout.names is None:
            return np.zeros(1, dtype=np.int64)
        new = self.n_series + np.arange(layout.n_series)
        if self.names is None:
            return new
        found = find_series(self.names, layout)
        return np.where(found < 0, new, found)

    def _number_array(self, rows, warns, form, values_decide):
        """Tell the training table from any other rows, which follow the training rows."""
        one = Layout(None, len(rows)), np.array([0])
        if self._are_training_rows(rows, form, *one, lenient=form is None and not values_decide)[0]:
            return 0.0
        if values_decide and np.isnan(rows[0]).all():
            return np.nan
        if warns:
            self.warn_of_assumption(rows, form)
        return float(self.ends[0])

    def _number_irregular(self, layout, series):
        """Look for the first label of each series; without a regular step, all others follow it."""
        kind, values = plain(layout.times)
        if kind != self.kind:
            return np.full(layout.n_series, np.nan)
        labels = values[layout.time[layout.starts]]
        try:
            place = np.searchsorted(self.labels, labels)
        except TypeError:  # Text has no order beside numbers, which tuples may mix.
            return np.full(layout.n_series, np.nan)
        is_kept = self.labels[np.minimum(place, len(self.labels) - 1)] == labels
        seen = np.minimum(series, self.n_series - 1)
        kept_series = self.kept_keys // KEYS
        begin, stop = (np.searchsorted(kept_series, seen, side=side) for side in ("left", "right"))
        numbers = np.full(layout.n_series, np.nan)
        # A label that is not among those kept comes before the one at its place.
        later = place > self._kept_ranks[stop - 1]
        numbers[later] = self.ends[seen[later]]
        numbers[place - ~is_kept < self._kept_ranks[begin]] = LONG_BEFORE
        kept, found = _find(kept_series * KEYS + self._kept_ranks, seen * KEYS + place)
        found &= is_kept
        numbers[found] = self.kept_keys[kept[found]] % KEYS
        numbers[series >= self.n_series] = 0
        return numbers

    def _are_training_rows(self, rows, form, layout, series, lenient=False):
        """Tell which series of a table are the training rows again.

        They are told by their length and the rows that are remembered of them. If lenient, values
        that are not known in `rows` say nothing against it.
        """
        # 1. Series of the right length.
        of_part, of_kept = self.begins // KEYS, self.kept_keys // KEYS
        n_rows = np.bincount(of_part, self._lengths, self.n_series).astype(np.int64)
        place = np.full(self.n_series, -1)
        seen = np.flatnonzero(series < self.n_series)
        given = (layout.stops - layout.starts)[seen]
        expected = n_rows[series[seen]]
        is_forecast = _APPENDED.get() is not None
        seen = seen[(given >= expected) if is_forecast else (given == expected)]
        place[series[seen]] = layout.starts[seen]

        # 2. Of these, those whose remembered rows are the same.
        kept, known = self._remembered(form)
        of_kept = of_kept[known]
        within = self.kept_positions[known] - (np.cumsum(n_rows) - n_rows)[of_kept]
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

    def _remembered(self, form):
        """Return the remembered rows in a form, and which ones are known in it."""
        known = np.ones(len(self.kept_rows), dtype=bool)
        if form is None:
            return self.kept_rows, known
        starts = np.append(0, np.flatnonzero(np.diff(self.kept_keys) != 1) + 1)
        values, at = pad(self.kept_rows, starts, self._no_past(len(starts)))
        kept = form(values)[at - self.depth]
        # The rows before were there at `fit`, but are not remembered.
        cut = starts[~np.isin(self.kept_keys[starts], self.begins)]
        lengths = np.diff(np.append(starts, len(kept)))[np.searchsorted(starts, cut)]
        known[ranges(cut, cut + np.minimum(lengths, self.depth))] = False
        return kept[known], known

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
            Where the remembered row stands in `kept_rows`.
        """
        keys = _keys(stretches.series, stretches.numbers)
        order = np.argsort(keys, kind="stable")
        wanted = self.kept_keys + steps
        found = np.searchsorted(keys[order], wanted, side="right") - 1
        stretch = order[found]
        distance = wanted - keys[stretch]
        kept = np.flatnonzero((found >= 0) & (distance < stretches.lengths[stretch]))
        stretch = stretch[kept]
        return stretch, stretches.starts[stretch] + distance[kept], kept

    def _first_that_differs(self, rows, stretches):
        """Find in each stretch the first row that is remembered with other values; -1 for none."""
        stretch, place, kept = self.shared(stretches)
        ours, theirs = rows[stretches.layout.row(place)], self.kept_rows[kept]
        spread = _spread(self.kept_rows, self.kept_keys // KEYS)[kept]
        same = _equal(ours, theirs, spread) | np.isnan(ours) | np.isnan(theirs)
        differs = np.flatnonzero(~same.all(axis=1))[::-1]
        first = np.full(len(stretches), -1)
        first[stretch[differs]] = place[differs]  # The last assignment holds.
        return first

    def _before(self, keys, wanted):
        """Return the rows before some keys, NaN up to the newest that is not known; their counts.

        Nothing is looked up where that is not wanted.
        """
        past, n_known = self._no_past(len(keys)), np.zeros(len(keys), dtype=np.int64)
        earlier = keys[wanted, None] - self.depth + np.arange(self.depth)
        place, found = _find(self.kept_keys, earlier)
        known = np.logical_and.accumulate(found[:, ::-1], axis=1)[:, ::-1]
        past[wanted] = np.where(known[:, :, None], self.kept_rows[place], np.nan)
        n_known[wanted] = known.sum(axis=1)
        return past, n_known

    def _lacks_past(self, stretches, n_known):
        """Tell which stretches lack rows before them that are expected to be known."""
        numbers, series, later = stretches.numbers, stretches.series, stretches.are_later
        # Nothing is expected before training rows, nor before those of a series that these do not
        # have, if some of its rows have a past; but a forecast looks back upon each row.
        _, begins = _find(self.begins, _keys(series, numbers - n_known))
        if _APPENDED.get() is not None:
            begins &= ~later & (n_known + stretches.lengths > self.depth)
        begins |= (series >= self.n_series) & ~later & (stretches.lengths > self.depth)
        # `TransformedSeriesRegressor` places such rows there, and warns itself.
        begins |= (numbers < LONG_BEFORE // 2) & (self.axis is not None)
        return np.isnan(numbers) | ((n_known < self.depth) & ~begins)

    def _describe(self, stretches, one, n_known, index, agrees):
        """Say why the past of a stretch is not known."""
        follows = (
            " Set history='continue' if it follows the training rows, or history='none' if nothing"
            " comes before it."
        )
        whole = " Pass the rows before it as well, from the first training row on."
        number, series, later = (
            part[one] for part in (stretches.numbers, stretches.series, stretches.are_later)
        )
        of_series = np.flatnonzero(self.begins // KEYS == series)
        firsts = self.begins[of_series] % KEYS
        stops = firsts + self._lengths[of_series]
        oldest = number - n_known
        if np.isnan(number):
            what = "has no known place among the training rows"
            remedy = "" if self.axis else whole
            remedy += " Correct its label." if later else follows
        elif not agrees:
            what = "has the label of a training row but other values (was the index reset?)"
            remedy = follows
        elif series >= self.n_series and not later:
            what = (
                f"is the first of {stretches.lengths[one]} row(s) of a series that the training"
                " rows do not have"
            )
            remedy = (
                f" Pass the {self.depth} row(s) before it as well, or set history='none' if nothing"
                " comes before it."
            )
        elif not later and number - n_known in firsts:
            what = f"is the first of {stretches.lengths[one]} row(s) of its series"
            remedy = (
                f" The model looks back upon {self.depth} row(s): leave the series out, or look"
                " back less."
            )
        elif later:
            what = "comes after a gap in the table"
            remedy = " " + gap_remedy(index, "X")
        elif number < firsts[0]:
            what = "comes before the first training row (was the index reset?)"
            remedy = follows
        elif ((firsts < oldest) & (oldest < stops)).any():
            what, remedy = "lies inside the training rows, of which the ends are remembered", whole
        else:
            n_steps = int(number - stops[stops <= number].max())
            what = f"comes {n_steps} steps later than right after the training rows"
            remedy = " Pass the rows in between as well." + follows
        row = stretches.layout.row(stretches.starts[one])
        return Doubt(f"Row {said(index, row)} {what}", remedy[1:])

    def _no_past(self, n_stretches):
        shape = n_stretches, self.depth, self.kept_rows.shape[1]
        return np.full(shape, np.nan, self.kept_rows.dtype)


@contextmanager
def appended_rows(enough):
    """Let tables without labels be the training table with more rows below it.

    `forecast` adds rows to the table that the user gave, so a table that is longer than the
    training table and has its rows at the top is the training table and what follows it.

    Parameters
    ----------
    enough : int or None
        The number of rows before a row on which its prediction depends. In a series of more rows
        than that, the past of the first row does not matter. None for all.

    Yields
    ------
    None
    """
    token = _APPENDED.set(np.inf if enough is None else enough)
    try:
        yield
    finally:
        _APPENDED.reset(token)


def first_doubt(stretches):
    """Say why the past of the first row is not known whose past is not.

    Parameters
    ----------
    stretches : Stretches
        All of a table.

    Returns
    -------
    doubt : Doubt or None
        None if there is no such row, apart from a first one whose past does not matter; see
        `appended_rows`.
    n_doubts : int
        How many such rows there are.
    """
    return stretches.first_doubt(enough=_APPENDED.get())


def _warn_of_doubts(stretches):
    """Warn of the first row whose past is not known, and count such rows."""
    doubt, n_doubts = first_doubt(stretches)
    if doubt:
        others = f" (one of {n_doubts} such rows)" if n_doubts > 1 else ""
        warn(
            f"{doubt.what}: the rows before it are not known and count as NaN{others}."
            f" {doubt.remedy}",
            UnknownPastWarning,
        )


def _keys(series, numbers):
    """Return keys of rows; those of rows without a number are found nowhere."""
    known = ~np.isnan(numbers)
    clipped = np.clip(np.where(known, numbers, 0), -KEYS // 4, KEYS // 4).astype(np.int64)
    return np.where(known, series * KEYS + clipped, -(2**62))


def _find(keys, wanted):
    """Return the place of each key that is wanted among sorted ones, and whether it is there."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return place, keys[place] == wanted


def _n_unknown(rows, layout, starts, stops):
    """Count the rows at the start of each part that hold NaN, columns with nothing else aside."""
    counts = np.zeros(len(starts), dtype=np.int64)
    for column in np.flatnonzero(np.isnan(rows[layout.row(starts)]).any(axis=0)):
        known = np.flatnonzero(~np.isnan(layout.by_series(rows[:, column])))
        first = np.append(known, len(rows))[np.searchsorted(known, starts)]
        counts = np.maximum(counts, np.where(first < stops, first - starts, 0))
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
