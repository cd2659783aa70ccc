"""What came before: the one rule that tells which rows come just before a table's rows."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sklstm._past._time_axis import TimeAxis, plain
from sklstm._sklearn._warnings import UnknownPastWarning, warn

#: Rows without labels are told from the training rows by this many first rows, and rows that
#: overlap the end of the training rows by as many still find their whole past; more where the
#: look-back needs more.
N_HEAD = 16

#: The number of rows before the training rows whose distance to them cannot be told.
LONG_BEFORE = -(10**12)

HISTORY_OPTIONS = ("auto", "continue", "none")


@dataclass(frozen=True)
class Stretch:
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
    """

    start: int
    stop: int
    past: np.ndarray
    number: int | None
    agrees: bool = True


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
        Whether rows without a known past are no reason for a warning.

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
        self.axis: TimeAxis | None = None
        numbers = np.arange(len(rows))
        if index is not None:
            check_sorted(index)
            self.axis = TimeAxis.fit(index)
            if self.axis is not None:
                numbers = self.axis.number(index).astype(np.int64)
        self.end = int(numbers[-1]) + 1
        self.n_head = max(N_HEAD, depth)

        keep = np.zeros(len(rows), dtype=bool)
        keep[: self.n_head] = True
        self.spans = []
        for start, stop in _unbroken(numbers):
            self.spans.append((int(numbers[start]), int(numbers[stop - 1]) + 1))
            keep[start : min(start + _n_unknown(rows[start:stop]) + depth, stop)] = True
            # More than the depth, so that rows that overlap the end still find their whole past.
            keep[max(start, stop - depth - self.n_head) : stop] = True
        self._spread = _spread(rows[keep])
        self.kept_numbers = numbers[keep]
        self.kept_rows = rows[keep]
        if self.labelled and self.axis is None:
            # The last label places rows whose index has no regular step.
            keep[-1] = True
            self.kind, self.labels = plain(index[keep])
            self.label_numbers = numbers[keep]

    @property
    def head(self):
        """The first training rows."""
        return self.kept_rows[: self.n_head]

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

    def stretches(
        self, rows, index, history="auto", *, head=None, nan_breaks=True, by_labels=False
    ):
        """Split a table where its labels break off, and find what came before each part.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            The rows of the table, oldest first.
        index : pandas.Index or None
            Their labels.
        history : {"auto", "continue", "none"}, default="auto"
            ``"auto"`` places the rows by their labels, or by their values where there are
            none; ``"continue"`` puts them right after the training rows (but the whole training
            table remains what it is); ``"none"`` knows no past.
        head : ndarray, default=None
            How the training rows begin in the form that `rows` have, where that is
            another form than at fit.
        nan_breaks : bool, default=True
            Whether a first row of NaN says that an earlier step lost the past.
        by_labels : bool, default=False
            Whether labels are believed even where the first row has other values than the training
            row of its label. A warning says so all the same.

        Returns
        -------
        list of Stretch
            In the order of the rows; together they cover the table.

        Raises
        ------
        ValueError
            If the labels are unsorted or hold duplicates.
        """
        if index is not None:
            check_sorted(index)
        if not self.depth:
            return [Stretch(0, len(rows), self._no_past(), None)]
        same_form = head is None
        head = self.head if same_form else head
        labelled = index is not None and self.labelled
        bounds: list = [(0, len(rows))]
        numbers: list = [None]
        if labelled:
            bounds, numbers = self._number(index, warn=history == "auto")

        if history == "continue":
            whole = len(rows) == self.n_rows and _n_equal(rows, head) == len(head)
            first = 0 if whole else self.end
            # Parts after a gap keep their distance, so that none is taken for a training row.
            numbers = [
                first,
                *(
                    None if None in (number, numbers[0]) else first + number - numbers[0]
                    for number in numbers[1:]
                ),
            ]
        elif not labelled:
            return self._place_by_value(rows, head, history, nan_breaks, same_form)

        stretches = []
        for (start, stop), number in zip(bounds, numbers, strict=True):
            known, agrees = number is not None and history != "none", True
            if known and history == "auto" and same_form:
                agrees = self._agrees(rows[start:stop], number)
                known = agrees or by_labels
            if nan_breaks and np.isnan(rows[start]).all():
                known = False
            past = self._before(number, warn=history == "auto") if known else self._no_past()
            stretches.append(Stretch(start, stop, past, number, agrees))
        return stretches

    def _place_by_value(self, rows, head, history, nan_breaks, same_form):
        """Tell the training rows from later rows by their first values.

        Row by row: what a row's past is must not depend on rows after it.
        """
        n_equal = _n_equal(rows, head)
        if n_equal >= min(len(rows), len(head)):
            return [Stretch(0, len(rows), self._no_past(), 0)]
        if history == "none" or (nan_breaks and np.isnan(rows[0]).all()):
            return [Stretch(0, len(rows), self._no_past(), None)]
        past = self._before(self.end, warn=False)
        if not same_form and n_equal:
            # Rows of another form are no past of one another: all run on from where they begin.
            # NaN, which any such rows may begin with, tells nothing.
            n_unknown = int(np.isnan(head).all(axis=1).argmin())
            told = n_equal > n_unknown or not np.isnan(rows[n_equal]).all()
            if n_equal >= n_unknown and told:
                return [Stretch(0, len(rows), self._no_past(), 0)]
        if not same_form or n_equal == 0:
            return [Stretch(0, len(rows), past, self.end)]
        return [
            Stretch(0, n_equal, self._no_past(), 0),
            Stretch(
                n_equal,
                len(rows),
                np.concatenate([past, rows[:n_equal]])[n_equal:],
                self.end + n_equal,
            ),
        ]

    def _number(self, index, warn):
        """Return the bounds of each unbroken part of an index and the number of its first row."""
        if self.axis is None:
            return [(0, len(index))], [self._number_without_clock(index[:1], warn)]
        numbers = self.axis.number(index)
        off = np.isnan(numbers)
        if off.any() and warn:
            self._warn(
                f"Rows from {index[int(off.argmax())]!r} on do not lie on the regular step of the"
                " training rows"
            )
        bounds = _unbroken(numbers)
        return bounds, [None if off[start] else int(numbers[start]) for start, _ in bounds]

    def _number_without_clock(self, first, warn):
        """Return the number of one label of an index without a regular step."""
        kind, (label,) = plain(first)
        if kind == self.kind:
            try:
                if label > self.labels[-1]:
                    return self.end
                if label < self.labels[0]:
                    return LONG_BEFORE
            except TypeError:
                pass
            for kept, number in zip(self.labels, self.label_numbers, strict=True):
                if kept == label:
                    return int(number)
        if warn:
            self._warn(f"Row {first[0]!r} has no known place among the training rows")
        return None

    def _agrees(self, rows, number):
        """Whether rows that overlap the remembered rows hold the same values.

        The first row decides, so that no row's past depends on a later row.
        """
        numbers = number + np.arange(len(rows))
        _, mine, theirs = np.intersect1d(numbers, self.kept_numbers, return_indices=True)
        ours, kept = rows[mine], self.kept_rows[theirs]
        same = _equal(ours, kept, self._spread)
        differ = ~(same | np.isnan(ours) | np.isnan(kept)).all(axis=1)
        if not differ.any():
            return True
        self._warn("Rows have the labels of training rows but other values (was the index reset?)")
        return not (differ[0] and mine[0] == 0)

    def _before(self, number, warn):
        """Look up the rows before a row; NaN up to the newest that is not known."""
        past = self._no_past()
        wanted = number - self.depth + np.arange(self.depth)
        place = np.minimum(np.searchsorted(self.kept_numbers, wanted), len(self.kept_numbers) - 1)
        known = self.kept_numbers[place] == wanted
        n_known = self.depth if known.all() else int(np.argmin(known[::-1]))
        if n_known:
            past[-n_known:] = self.kept_rows[place[-n_known:]]
        missing = number - n_known - 1
        if warn and n_known < self.depth:
            if missing >= self.end:
                self._warn(
                    f"Rows start {number - self.end} steps later than right after the training rows"
                )
            elif any(first <= missing < stop for first, stop in self.spans):
                self._warn("Rows start inside the training rows, of which the ends are remembered")
        return past

    def _no_past(self):
        n_features = self.kept_rows.shape[1]
        return np.full((self.depth, n_features), np.nan, dtype=self.kept_rows.dtype)

    def _warn(self, what):
        if self.quiet:
            return
        warn(
            f"{what}: the rows before them are not known and count as NaN. Set history='continue'"
            " if they do follow the training rows, or history='none' to say that nothing comes"
            " before them.",
            UnknownPastWarning,
        )


def check_sorted(index, name="X"):
    """Refuse labels that do not run from the oldest row to the newest.

    Parameters
    ----------
    index : pandas.Index
        The labels of a table.
    name : str, default="X"
        What the message calls the table.

    Raises
    ------
    ValueError
        If they are unsorted or hold duplicates; the message shows the first such label.
    """
    if index.is_monotonic_increasing and index.is_unique:
        return
    if index.hasnans:
        place = int(np.argmax(index.isna()))
        raise ValueError(
            f"The index of {name} holds {index[place]!r} at row {place}, but a series needs to know"
            " the time of each row: fill it in, or leave the row out."
        )
    if index.has_duplicates:
        what = f"holds {index[index.duplicated()][0]!r} more than once"
    else:
        try:
            # Element by element: an index of tuples has no vectorised comparison.
            place = next(i for i in range(1, len(index)) if index[i] < index[i - 1])
            what = f"is not sorted: {index[place]!r} comes after {index[place - 1]!r}"
        except (TypeError, StopIteration):
            kinds = sorted({type(label).__name__ for label in index})
            raise ValueError(
                f"The index of {name} holds labels that cannot be put in order, of the kinds"
                f" {', '.join(kinds)}: give all rows labels of one kind, or use arrays."
            ) from None
    raise ValueError(
        f"The index of {name} {what}, but a series needs one row per time step, oldest first."
        f" Sort it with {name}.sort_index() and drop duplicates; to cross-validate, split in time"
        " with TimeSeriesSplit, not with shuffled folds."
    )


def _unbroken(numbers):
    """Return (start, stop) of each run of successive row numbers, or of rows that have none."""
    off = np.isnan(numbers)
    cuts = np.flatnonzero((np.diff(numbers) != 1) & ~(off[1:] & off[:-1])) + 1
    edges = [0, *cuts.tolist(), len(numbers)]
    return list(pairwise(edges))


def _n_unknown(rows):
    """Count the rows at the start that hold NaN, columns that hold nothing else aside."""
    late = np.isnan(rows[0])
    known = ~np.isnan(rows[:, late])
    return int(known.argmax(axis=0)[known.any(axis=0)].max(initial=0))


def _n_equal(rows, head):
    """Count how many rows at the start equal those of the head."""
    n = min(len(rows), len(head))
    ours, theirs = rows[:n], head[:n]
    same = _equal(ours, theirs, _spread(head)) | (np.isnan(ours) & np.isnan(theirs))
    same = same.all(axis=1)
    return n if same.all() else int(np.argmin(same))


def _spread(rows):
    """Return how far the values of each column lie apart."""
    return np.nan_to_num(np.fmax.reduce(rows, axis=0) - np.fmin.reduce(rows, axis=0))


def _equal(ours, theirs, spread):
    """Compare values up to what another batch size or a float32 step upstream may change.

    That is little beside the spread of a column, so that large numbers that lie close together,
    such as instants in seconds, are told apart.
    """
    precise = ours.dtype == theirs.dtype == np.float64
    rounding = (1e-12 if precise else 1e-6) * np.abs(theirs)
    return np.abs(ours - theirs) <= 1e-6 * spread + rounding
