"""What came before: the one rule that tells which rows come just before a table's rows."""

from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sklstm._past._order import check_sorted, gap_remedy
from sklstm._past._time_axis import TimeAxis
from sklstm._past._units import plain
from sklstm._sklearn._warnings import AssumedPastWarning, UnknownPastWarning, warn

#: So many of the first and of the last training rows are remembered, more where the look-back needs
#: more. They tell the training table from other rows without labels, and rows that overlap the end
#: of the training rows by as many still find their whole past.
N_HEAD = 16

#: The number of rows before the training rows whose distance to them cannot be told.
LONG_BEFORE = -(10**12)

HISTORY_OPTIONS = ("auto", "continue", "none")

#: In a forecast, whether the first rows of its tables have no say; see `appended_rows`.
_APPENDED: ContextVar[bool | None] = ContextVar("appended", default=None)


class Doubt(NamedTuple):
    """Why the rows before a row are not known.

    Attributes
    ----------
    what : str
        What is wrong with the row.
    remedy : str
        What gives the row its past.
    """

    what: str
    remedy: str


class Stretch(NamedTuple):
    """Neighbouring rows of a table and the rows that came just before them.

    Attributes
    ----------
    start, stop : int
        The rows of the table: ``table[start:stop]``.
    past : ndarray of shape (depth, n_features)
        The rows before ``start``, oldest first; NaN where they are not known.
    number : int or None
        Row number of ``start``, counted from the first training row; None where unknown.
    agrees : bool
        False where rows have the labels of training rows but other values.
    doubt : Doubt or None
        Why the past is not known; None where it is, and where none is expected.
    """

    start: int
    stop: int
    past: np.ndarray
    number: int | None
    agrees: bool = True
    doubt: Doubt | None = None


class Past:
    """The training rows that later rows may need as their past.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The training rows, oldest first.
    index : pandas.Index or None
        Their labels; None for rows without labels.
    depth : int
        How many rows are looked back upon.
    quiet : bool, default=False
        Whether nothing is warned of, because the caller does that itself.

    Attributes
    ----------
    labelled : bool
        Whether the training rows have labels.
    axis : TimeAxis or None
        Their time axis; None without labels, or where these have no regular step.
    end : int
        Number of the row right after the training rows.
    spans : list of (int, int)
        First row number, and the one after the last, of each unbroken part of the training rows.

    Raises
    ------
    ValueError
        If the labels are unsorted or hold duplicates.
    """

    def __init__(self, rows, index, depth, *, quiet=False):
        self.depth = depth
        self.quiet = quiet
        self.n_rows = len(rows)
        self.labelled = index is not None
        check_sorted(index)
        self.axis = None if index is None else TimeAxis.fit(index)
        numbers = np.arange(len(rows))
        if self.axis is not None:
            numbers = self.axis.number(index).astype(np.int64)
        self.end = int(numbers[-1]) + 1
        # One row more than the look-back is needed to warn of rows that begin as these do.
        n_head = max(N_HEAD, depth + 1)

        keep = np.zeros(len(rows), dtype=bool)
        keep[:n_head] = True
        self.spans = []
        for start, stop in _unbroken(numbers):
            self.spans.append((int(numbers[start]), int(numbers[stop - 1]) + 1))
            keep[start : min(start + _n_unknown(rows[start:stop]) + depth, stop)] = True
            # More than the depth, so that rows that overlap the end still find their whole past.
            keep[max(start, stop - depth - n_head) : stop] = True
        self.kept_positions = np.flatnonzero(keep)
        self.kept_numbers = numbers[keep]
        self.kept_rows = rows[keep]
        if self.labelled and self.axis is None:
            self.kind, self.labels = plain(index[keep])

    def beginning(self, number):
        """Return the first training rows, or the first after a hole in them.

        Parameters
        ----------
        number : int or None
            A row number.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            As many known rows as are looked back upon, and those not known before them; none where
            no training rows begin at that number.
        """
        stop = dict(self.spans).get(number)
        if stop is None:
            return self.kept_rows[:0]
        rows = self.kept_rows[(self.kept_numbers >= number) & (self.kept_numbers < stop)]
        return rows[: _n_unknown(rows) + self.depth]

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
        list of Stretch
            In the order of the rows; together they cover the table.

        Raises
        ------
        ValueError
            If the labels are unsorted or hold duplicates.
        """
        check_sorted(index)
        if not self.depth:
            return [Stretch(0, len(rows), self._no_past(), None)]
        warns = history == "auto" and not self.quiet
        values_decide = values_decide and form is None

        # 1. number the first row of each unbroken part
        by_labels = index is not None and self.labelled
        if not by_labels:
            parts = [(0, len(rows), self._number_array(rows, warns, form, values_decide))]
        elif self.axis is not None:
            numbers = self.axis.number(index)
            parts = [(start, stop, numbers[start]) for start, stop in _unbroken(numbers)]
        else:
            parts = [(0, len(rows), self._number_irregular(index))]
        if by_labels and history == "continue":
            first = 0 if self._is_training_table(rows, form) else self.end
            # Each part keeps its distance from the first: it is no training row of that label.
            moved = first - parts[0][2]
            parts = [
                (start, stop, place + moved if start else first) for start, stop, place in parts
            ]

        # 2. look up the rows before it
        stretches = []
        for start, stop, place in parts:
            number = None if np.isnan(place) else int(place)
            differs = None
            if number is not None and by_labels and history == "auto" and form is None:
                differs = self._first_that_differs(rows[start:stop], number)
            # The first row decides, so that no row's past depends on a later row.
            agrees = differs != 0
            trusted = agrees or not values_decide
            if differs is not None and trusted and warns:
                warn(
                    f"Row {index[start + differs]} has the label of a training row but other"
                    " values: the rows are placed by their labels all the same. Fit again if values"
                    " were corrected, or set history='continue' if the rows follow the training"
                    " rows (was the index reset?).",
                    AssumedPastWarning,
                )
            # An earlier step lost the past of such a row, and warned of it.
            lost = values_decide and np.isnan(rows[start]).all()
            past, n_known = self._no_past(), 0
            if number is not None and history != "none" and trusted and not lost:
                past, n_known = self._before(number)
            doubt = None
            if by_labels and history != "none" and not lost:
                doubt = self._doubt(number, n_known, index, start, trusted)
            stretches.append(Stretch(start, stop, past, number, agrees, doubt))
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
        _, kept = self._remembered(form)
        if _equal(rows[:n], kept[:n], kept).all():
            warn(
                f"The first {n} of {len(rows)} rows are those that the {self.n_rows} training rows"
                " begin with, but the table is not the training table. Without labels, its rows are"
                " taken as rows after the training rows. Set history='continue' if they are, or"
                " history='none' if nothing comes before them; rows with a pandas index are placed"
                " by their labels.",
                AssumedPastWarning,
            )

    def _number_array(self, rows, warns, form, values_decide):
        """Tell the training table from any other rows, which follow the training rows."""
        if self._is_training_table(rows, form, lenient=form is None and not values_decide):
            return 0
        if values_decide and np.isnan(rows[0]).all():
            return np.nan
        if warns:
            self.warn_of_assumption(rows, form)
        return self.end

    def _number_irregular(self, index):
        """Look for the first label; without a regular step, all others just follow it."""
        kind, (label,) = plain(index[:1])
        number = np.nan
        if kind == self.kind:
            with suppress(TypeError):  # Text has no order beside numbers, which tuples may mix.
                if label > self.labels[-1]:
                    number = self.end
                elif label < self.labels[0]:
                    number = LONG_BEFORE
                elif label in (kept := list(self.labels)):
                    number = self.kept_numbers[kept.index(label)]
        return number

    def _is_training_table(self, rows, form, lenient=False):
        """Tell the training table by its length and the rows that are remembered of it.

        If lenient, values that are not known in `rows` say nothing against it.
        """
        is_forecast = _APPENDED.get() is not None
        if len(rows) != self.n_rows and not (len(rows) > self.n_rows and is_forecast):
            return False
        positions, kept = self._remembered(form)
        same, unknown = _equal(rows[positions], kept, kept), np.isnan(rows[positions])
        return bool((same | unknown).all() and not unknown.all() if lenient else same.all())

    def _remembered(self, form):
        """Return positions and values of the remembered rows, in a form as far as that is known."""
        if form is None:
            return self.kept_positions, self.kept_rows
        kept = np.empty_like(self.kept_rows)
        known = np.ones(len(kept), dtype=bool)
        for start, stop in _unbroken(self.kept_numbers):
            kept[start:stop] = form(np.concatenate([self._no_past(), self.kept_rows[start:stop]]))
            if self.kept_numbers[start] not in dict(self.spans):
                # The rows before were there at `fit`, but are not remembered.
                known[start : min(start + self.depth, stop)] = False
        return self.kept_positions[known], kept[known]

    def _first_that_differs(self, rows, number):
        """Return the first row that has the number of a remembered row but other values."""
        numbers = number + np.arange(len(rows))
        _, mine, theirs = np.intersect1d(numbers, self.kept_numbers, return_indices=True)
        ours, kept = rows[mine], self.kept_rows[theirs]
        same = _equal(ours, kept, self.kept_rows) | np.isnan(ours) | np.isnan(kept)
        return next(iter(mine[~same.all(axis=1)].tolist()), None)

    def _before(self, number):
        """Return the rows before a row, NaN up to the newest that is not known, and their count."""
        wanted = number - self.depth + np.arange(self.depth)
        place = np.minimum(np.searchsorted(self.kept_numbers, wanted), len(self.kept_numbers) - 1)
        known = np.logical_and.accumulate((self.kept_numbers[place] == wanted)[::-1])[::-1]
        rows = np.where(known[:, None], self.kept_rows[place], self._no_past())
        return rows, np.count_nonzero(known)

    def _doubt(self, number, n_known, index, start, agrees):
        """Say why the past of a row is not known; None where it is, or where none is expected."""
        follows = (
            " Set history='continue' if it follows the training rows, or history='none' if nothing"
            " comes before it."
        )
        whole = " Pass the rows before it as well, from the first training row on."
        oldest = 0 if number is None else number - n_known
        if number is None:
            what = "has no known place among the training rows"
            remedy = "" if self.axis else whole
            remedy += " Correct its label." if start else follows
        elif not agrees:
            what = "has the label of a training row but other values (was the index reset?)"
            remedy = follows
        elif n_known == self.depth:
            return None
        elif oldest in dict(self.spans) and not (start and _APPENDED.get() is not None):
            # Nothing is expected before training rows; but a forecast looks back upon each row.
            return None
        elif number == LONG_BEFORE and self.axis is not None:
            # `TransformedSeriesRegressor` places such rows there, and warns itself.
            return None
        elif start:
            what = "comes after a gap in the table"
            remedy = " " + gap_remedy(index, "X")
        elif number < 0:
            what = "comes before the first training row (was the index reset?)"
            remedy = follows
        elif any(first < oldest < stop for first, stop in self.spans):
            what, remedy = "lies inside the training rows, of which the ends are remembered", whole
        else:
            n_steps = number - max(stop for _, stop in self.spans if stop <= number)
            what = f"comes {n_steps} steps later than right after the training rows"
            remedy = " Pass the rows in between as well." + follows
        return Doubt(f"Row {index[start]} {what}", remedy[1:])

    def _no_past(self):
        return np.full((self.depth, self.kept_rows.shape[1]), np.nan, self.kept_rows.dtype)


@contextmanager
def appended_rows(*, cut):
    """Let tables without labels be the training table with more rows below it.

    `forecast` adds rows to the table that the user gave, so a table that is longer than the
    training table and has its rows at the top is the training table and what follows it.

    Parameters
    ----------
    cut : bool
        Whether rows were left out at the top, so that the past of the first row does not matter.

    Yields
    ------
    None
    """
    token = _APPENDED.set(cut)
    try:
        yield
    finally:
        _APPENDED.reset(token)


def doubts_of(stretches):
    """List why the pasts of some stretches are not known.

    Parameters
    ----------
    stretches : list of Stretch
        All of a table.

    Returns
    -------
    list of Doubt
        Without that of a first row whose past does not matter, see `appended_rows`.
    """
    looked_at = stretches[1:] if _APPENDED.get() else stretches
    return [one.doubt for one in looked_at if one.doubt is not None]


def _warn_of_doubts(stretches):
    """Warn of the first row whose past is not known, and count such rows."""
    doubts = doubts_of(stretches)
    if doubts:
        others = f" (one of {len(doubts)} such rows)" if len(doubts) > 1 else ""
        warn(
            f"{doubts[0].what}: the rows before it are not known and count as NaN{others}."
            f" {doubts[0].remedy}",
            UnknownPastWarning,
        )


def _unbroken(numbers):
    """Return (start, stop) of each run of successive row numbers, or of rows that have none."""
    off = np.isnan(numbers)
    cuts = np.flatnonzero((np.diff(numbers) != 1) & ~(off[1:] & off[:-1])) + 1
    return list(pairwise([0, *cuts.tolist(), len(numbers)]))


def _n_unknown(rows):
    """Count the rows at the start that hold NaN, columns that hold nothing else aside."""
    late = np.isnan(rows[0])
    known = ~np.isnan(rows[:, late])
    return int(known.argmax(axis=0)[known.any(axis=0)].max(initial=0))


def _equal(ours, theirs, among):
    """Compare values up to what another batch size or a float32 step upstream may change.

    That is little beside the spread of a column among some rows, so that large numbers that lie
    close together, such as instants in seconds, are told apart.
    """
    spread = np.nan_to_num(np.fmax.reduce(among, axis=0) - np.fmin.reduce(among, axis=0))
    precise = ours.dtype == theirs.dtype == np.float64
    rounding = (1e-12 if precise else 1e-6) * np.abs(theirs)
    close = np.abs(ours - theirs) <= 1e-6 * spread + rounding
    return close | (np.isnan(ours) & np.isnan(theirs))
