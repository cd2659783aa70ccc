"""The unbroken parts of a table, and the rows that came just before each."""

from typing import Any, NamedTuple

import numpy as np

from sklstm._past._layout import BLOCK
from sklstm._past._order import is_panel, label_at


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


class Stretches:
    """The unbroken parts of a table: neighbouring rows of one series, and what came before them.

    Parameters
    ----------
    layout : Layout
        Which series each row belongs to.
    starts, stops : ndarray of int of shape (n_stretches,)
        The first place of each stretch, and the one after its last: ``layout.by_series(rows)``
        from ``starts[i]`` to ``stops[i]``. One series after the other, oldest first.
    numbers : ndarray of shape (n_stretches,)
        The number of the first row of each stretch, counted from the first training row; NaN where
        that is not known.
    series : ndarray of int of shape (n_stretches,)
        The series of each stretch: its number among those of the training rows, or a larger one if
        these do not have it.

    Attributes
    ----------
    past : ndarray of shape (n_stretches, depth, n_features)
        The rows before each stretch, oldest first; NaN where they are not known.
    agrees : ndarray of bool of shape (n_stretches,)
        False where the first row has the label of a training row but other values.
    """

    past: np.ndarray

    def __init__(self, layout, starts, stops, numbers, series):
        self.layout = layout
        self.starts = starts
        self.stops = stops
        self.numbers = numbers
        self.series = series
        self.agrees = np.ones(len(starts), dtype=bool)
        self._doubtful = np.array([], dtype=np.int64)
        self._describe: Any = None

    def __len__(self):
        return len(self.starts)

    @property
    def lengths(self):
        """How many rows each stretch has."""
        return self.stops - self.starts

    @property
    def ordinals(self):
        """Which series of the layout each stretch belongs to."""
        return self.layout.ordinals_at(self.starts)

    @property
    def are_last(self):
        """Whether each stretch is the last of its series in the table."""
        return np.isin(self.stops, self.layout.stops)

    @property
    def doubtful(self):
        """Whether each stretch has a past that is not known although one is expected."""
        return np.isin(np.arange(len(self)), self._doubtful)

    @property
    def are_later(self):
        """Whether an earlier stretch of each stretch's series is in the table."""
        return self.layout.starts[self.ordinals] != self.starts

    def doubt_all(self, doubtful, describe):
        """Note which stretches have a past that is not known although one is expected.

        Parameters
        ----------
        doubtful : ndarray of bool of shape (n_stretches,)
            Those stretches.
        describe : callable
            Takes all stretches and the position of one, and returns its `Doubt`. It must not hold
            the stretches itself: such a circle would keep their memory.
        """
        self._doubtful = np.flatnonzero(doubtful)
        self._describe = describe

    def doubt(self, position):
        """Say why the past of a stretch is not known.

        Parameters
        ----------
        position : int
            The stretch.

        Returns
        -------
        Doubt or None
            None where it is known, and where none is expected.
        """
        position = range(len(self))[position]
        return self._describe(self, position) if position in self._doubtful else None

    def first_doubt(self, *, enough=None):
        """Say why the past of the first row is not known whose past is not.

        Parameters
        ----------
        enough : int, default=None
            What comes before a row does not matter if more rows than that follow in its series.

        Returns
        -------
        doubt : Doubt or None
            None if there is no such row.
        n_doubts : int
            How many such rows there are.
        """
        some = self._doubtful
        if enough is not None:
            layout = self.layout
            n_rows = layout.stops[self.ordinals[some]] - self.starts[some]
            some = some[n_rows <= enough]
        if not len(some):
            return None, 0
        first = some[np.argmin(self.layout.row(self.starts[some]))]
        return self._describe(self, first), len(some)

    def padded(self, rows):
        """Put the rows before each stretch in front of it.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            The rows of the table.

        Returns
        -------
        values : ndarray of shape (n_rows + n_stretches * depth, n_features)
            One stretch after the other, each after its past.
        at : ndarray of int of shape (n_rows,)
            Where each row of the table stands in `values`.
        """
        at = self.padded_places()
        return filled(rows, at, self.starts, self.past), at

    def padded_places(self):
        """Tell where each row of the table stands once the rows before each stretch are in front.

        Returns
        -------
        ndarray of int of shape (n_rows,)
        """
        layout = self.layout
        return layout.by_row(_padded_places(layout.n_rows, self.starts, self.past.shape[1]))

    def alike(self, *keys):
        """Yield the stretches that have the same length, and some more in common.

        Parameters
        ----------
        *keys : ndarray of int of shape (n_stretches,)
            What else they have in common.

        Yields
        ------
        ndarray of int
            Positions of such stretches, of at most so many rows together that what is computed of
            them takes little memory. There are few of these arrays, however many stretches there
            are: lengths that all differ add up to many rows.
        """
        all_keys = [*keys, self.lengths]
        order = np.lexsort(all_keys)
        differs = np.any([np.diff(key[order]) != 0 for key in all_keys], axis=0)
        for some in np.split(order, np.flatnonzero(differs) + 1):
            n_together = max(1, BLOCK // self.lengths[some[0]])
            yield from np.split(some, range(n_together, len(some), n_together))


def pad(rows, starts, past):
    """Put some rows in front of each part of an array.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The array.
    starts : ndarray of int of shape (n_parts,)
        Where its parts begin; the first at 0.
    past : ndarray of shape (n_parts, depth, n_features)
        What comes before each.

    Returns
    -------
    values : ndarray of shape (n_rows + n_parts * depth, n_features)
        One part after the other.
    at : ndarray of int of shape (n_rows,)
        Where each row stands in `values`.
    """
    at = _padded_places(len(rows), starts, past.shape[1])
    return filled(rows, at, starts, past), at


def _padded_places(n_rows, starts, depth):
    """Return where each row stands once some rows are put in front of each part."""
    n_values = n_rows + depth * len(starts)
    at = np.ones(n_rows, dtype=np.int32 if n_values < 2**31 else np.int64)
    at[starts] += depth
    at[:1] -= 1
    return np.cumsum(at, out=at)


def filled(rows, at, starts, past):
    """Return an array that has each row at its place, and before each part its past.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The rows.
    at : ndarray of int of shape (n_rows,)
        Their places.
    starts : ndarray of int of shape (n_parts,)
        Where the parts begin, without what is put in front of them.
    past : ndarray of shape (n_parts, depth, n_features)
        What comes before each.

    Returns
    -------
    ndarray of shape (n_rows + n_parts * depth, n_features)
    """
    n_parts, depth, n_features = past.shape
    values = np.empty((len(rows) + n_parts * depth, n_features), rows.dtype)
    values[at] = rows
    before = starts + depth * np.arange(n_parts)
    values[(before[:, None] + np.arange(depth)).ravel()] = past.reshape(-1, n_features)
    return values


def ranges(starts, stops):
    """Return all whole numbers from each start to each stop, one range after the other.

    Parameters
    ----------
    starts, stops : ndarray of int of shape (n_ranges,)
        The first number of each range, and the one after its last.

    Returns
    -------
    ndarray of int
    """
    lengths = stops - starts
    return np.arange(lengths.sum()) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)


def said(index, row):
    """Say which row of a table is meant.

    Parameters
    ----------
    index : pandas.Index
        The labels of the table.
    row : int
        The row.

    Returns
    -------
    str
        Its label; of several levels, its time and its series.
    """
    if not is_panel(index):
        return str(index[row])
    label = index[[row]]
    return f"{label[0][0]} of series {label_at(label.droplevel(0), 0)!r}"
