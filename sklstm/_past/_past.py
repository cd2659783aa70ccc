"""What came before: the one rule that tells which rows come just before a table's rows."""

import copy
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from sklstm._past._kept_rows import KEYS, KeptRows, find, keys_of
from sklstm._past._label_order import LONG_BEFORE, LabelOrder
from sklstm._past._layout import Layout, Numbers
from sklstm._past._order import gap_remedy
from sklstm._past._series_names import check_levels_in_order
from sklstm._past._stretches import Doubt, Stretches, said
from sklstm._sklearn._warnings import AssumedPastWarning, UnknownPastWarning, warn

HISTORY_OPTIONS = ("auto", "continue", "none")

#: In a forecast, so many rows after a row make the past of that row matter no more.
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
    n_again : int, default=0
        So many of the last rows of each series may be given again, and then find their past.

    Attributes
    ----------
    labelled : bool
        Whether the training rows have labels.
    names : list of ndarray of shape (n_series,) or None
        The names of the series, an array for each level; None where one series has no name.
    levels : list or None
        The names of the levels of the index, the time first; None where one series has no name.
    axis : TimeAxis or None
        The time axis of all series; None without labels, or where these have no regular step.
    ends : ndarray of int of shape (n_series,)
        Number of the row right after the last training row of each series.
    kept : KeptRows
        The remembered rows.
    newest : KeptRows or None
        Of rows without labels: those that came last, where later ones were seen.

    Raises
    ------
    ValueError
        If the labels are unsorted or hold duplicates.
    """

    def __init__(self, rows, index, depth, *, quiet=False, after=None, n_again=0):
        layout = Layout(index, len(rows))
        self.depth = depth
        self.quiet = quiet
        self.n_rows = len(rows)
        self.labelled = index is not None
        self.names, self.levels = layout.names, layout.levels
        self.axis = layout.axis()
        if self.labelled and after is not None and after.axis is not None:
            on_axis = after.axis.number(layout.times)
            if on_axis[0] >= 0 and not np.isnan(on_axis).any():
                self.axis = after.axis
        numbers = Numbers(layout, self.axis)
        self.ends = numbers.at(layout.stops - 1).astype(np.int64) + 1

        starts = numbers.breaks()
        self.kept = KeptRows(rows, layout, starts, numbers.at(starts), depth, n_again)
        self.newest = None
        if self.labelled and self.axis is None:
            self.order = LabelOrder(layout, self.kept)

    @property
    def n_series(self):
        """The number of series that were seen."""
        return len(self.ends)

    def back(self, n_rows):
        """Return a copy for a table without labels that begins with the last rows seen.

        Parameters
        ----------
        n_rows : int
            How many of them it holds.

        Returns
        -------
        Past
        """
        past = copy.copy(self)
        past.ends = self.ends - n_rows
        return past

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
            If the labels are unsorted or hold duplicates, do not tell the series while those of
            the training rows do, or have their levels in another order.
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
        check_levels_in_order(self.levels, layout.levels)
        if not self.depth:
            # Nobody asks, and where a stretch ends makes no difference.
            one = Layout(None, len(rows))
            stretches = Stretches(one, one.starts, one.stops, np.array([np.nan]), np.array([0]))
            stretches.past = self.kept.no_past(1)
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
            numbers = self.order.number(layout, series, self.kept, self.ends)
        stops = np.append(starts[1:], len(rows))
        of = layout.ordinals_at(starts)
        series, later = series[of], starts != layout.starts[of]
        if by_labels and history == "continue":
            seen = np.minimum(series, self.n_series - 1)
            is_same = self.kept.are_all(
                rows, layout, series[~later], form, longer=_APPENDED.get() is not None
            )[of]
            first = np.where(is_same, self.kept.firsts[seen], self.ends[seen])
            first = np.where(series < self.n_series, first, 0)
            # Each part keeps its distance from the first: it is no training row of that label.
            moved = numbers - numbers[~later][of] + first
            numbers = np.where(later, moved, first)

        # 2. Look up the rows before it.
        stretches = Stretches(layout, starts, stops, numbers, series)
        if by_labels and history == "auto" and form is None:
            differs = self.kept.first_that_differs(rows, stretches)
            # The first row decides, so that no row's past depends on a later row.
            stretches.agrees = differs != starts
            is_placed = stretches.agrees | (not values_decide)
            if (enough := _APPENDED.get()) is not None:
                is_placed |= stretches.lengths > enough  # What comes before has no say.
            placed = differs[(differs >= 0) & is_placed]
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
        stretches.past, n_known = self.kept.before(keys_of(series, numbers), looked_up)
        if by_labels and history != "none":
            doubtful = ~trusted | self._lacks_past(stretches, n_known)
            stretches.doubt_all(
                doubtful & ~lost,
                lambda all_, one: self.describe(all_, one, n_known[one], index, trusted[one]),
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
        if self.newest is not None and form is None:
            n = min(len(rows), int(self.newest.lengths[0]), self.depth + 1)
            if self.newest.begin_as(rows, n):
                warn(
                    f"The first {n} of {len(rows)} rows are those that partial_fit saw last, or"
                    " equal them by chance. Without labels, they are taken as rows after these."
                    " Give the rows a pandas index: it shows where they belong.",
                    AssumedPastWarning,
                )
                return
        n = self.depth + 1
        if min(len(rows), self.n_rows) < n:
            return
        if self.kept.begin_as(rows, n, form):
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
        found = layout.found_in(self.names)
        return np.where(found < 0, new, found)

    def _number_array(self, rows, warns, form, values_decide):
        """Tell the training table from any other rows, which follow the training rows."""
        one, series = Layout(None, len(rows)), np.array([0])
        lenient = form is None and not values_decide
        longer = _APPENDED.get() is not None
        if self.kept.are_all(rows, one, series, form, lenient=lenient, longer=longer)[0]:
            return 0.0
        if self.newest is not None and self.newest.lengths[0] > self.depth:
            options = {"lenient": lenient, "longer": longer}
            if self.newest.are_all(rows, one, series, form, **options)[0]:
                return float(self.newest.begins[0])
        if values_decide and np.isnan(rows[0]).all():
            return np.nan
        if warns:
            self.warn_of_assumption(rows, form)
        return float(self.ends[0])

    def _lacks_past(self, stretches, n_known):
        """Tell which stretches lack rows before them that are expected to be known."""
        numbers, series, later = stretches.numbers, stretches.series, stretches.are_later
        # Nothing is expected before training rows, nor before those of a series that these do not
        # have, if some of its rows have a past; but a forecast looks back upon each row.
        heads = numbers - n_known
        _, begins = find(self.kept.heads_of_parts, keys_of(series, heads))
        # The first rows after a gap in the training rows were not learnt from, but later rows that
        # look back upon the gap are predicted.
        seen = np.minimum(series, self.n_series - 1)
        ends = self.ends[seen]
        needs_gap = (heads > self.kept.firsts[seen]) & (ends - heads < self.depth)
        begins &= ~(needs_gap & (numbers + stretches.lengths > ends))
        if _APPENDED.get() is not None:
            begins &= ~later & (n_known + stretches.lengths > self.depth)
        begins |= (series >= self.n_series) & ~later & (stretches.lengths > self.depth)
        # `TransformedSeriesRegressor` places such rows there, and warns itself.
        begins |= (numbers < LONG_BEFORE // 2) & (self.axis is not None)
        return np.isnan(numbers) | ((n_known < self.depth) & ~begins)

    def describe(self, stretches, one, n_known, index, agrees):
        """Say why the past of a stretch is not known."""
        follows = (
            " Set history='continue' if it follows the training rows, or history='none' if nothing"
            " comes before it."
        )
        whole = " Pass the rows before it as well, from the first training row on."
        number, series, later = (
            part[one] for part in (stretches.numbers, stretches.series, stretches.are_later)
        )
        of_series = np.flatnonzero(self.kept.begins // KEYS == series)
        firsts = self.kept.begins[of_series] % KEYS
        stops = firsts + self.kept.lengths[of_series]
        oldest = number - n_known
        heads = self.kept.heads_of_parts
        after_gaps = (heads[heads // KEYS == series] % KEYS)[1:]
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
        elif oldest in after_gaps and (n_known or not later):
            what = f"is row {n_known + 1} after a gap in the training rows"
            remedy = (
                f" The model looks back upon {self.depth} row(s): fill the gap before fit, or pass"
                " the rows that lack, and those since, as well. If none are missing, as on days"
                " without trade, number the rows before they are split."
            )
        elif not later and oldest in firsts:
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


@contextmanager
def appended_rows(enough):
    """Let tables without labels be the training table with more rows below it.

    `forecast` adds rows to the table that the user gave, so a table that is longer than the
    training table and has its rows at the top is the training table and what follows it.

    Parameters
    ----------
    enough : int or None
        The number of rows before a row on which its prediction depends. Of a row that more rows
        than that follow, the past does not matter. None for all.

    Yields
    ------
    None
    """
    token = _APPENDED.set(np.inf if enough is None else enough)
    try:
        yield
    finally:
        _APPENDED.reset(token)


def warn_of_first(stretches, effect):
    """Warn of the first row whose past is not known, if there is one.

    Parameters
    ----------
    stretches : Stretches
        All of a table.
    effect : str
        What follows from that, and what the user can do.

    Warns
    -----
    UnknownPastWarning
        Not of rows whose past does not matter; see `appended_rows`.
    """
    doubt, _ = _first_doubt(stretches)
    if doubt:
        warn(f"{doubt.what}: the rows before it are not known{effect}", UnknownPastWarning)


def _first_doubt(stretches):
    """Say why the past of the first row is not known whose past is not, and count such rows."""
    return stretches.first_doubt(enough=_APPENDED.get())


def _warn_of_doubts(stretches):
    """Warn of the first row whose past is not known, and count such rows."""
    doubt, n_doubts = _first_doubt(stretches)
    if doubt:
        others = f" (one of {n_doubts} such rows)" if n_doubts > 1 else ""
        warn(
            f"{doubt.what}: the rows before it are not known and count as NaN{others}."
            f" {doubt.remedy}",
            UnknownPastWarning,
        )
