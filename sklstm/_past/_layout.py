"""Which series each row of a table belongs to, and the rows one series after the other."""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from sklstm._past._order import check_sorted, check_times, is_panel, label_at
from sklstm._past._series_names import find_series, names_as_index, number_series
from sklstm._past._time_axis import TimeAxis

#: So many rows are looked at at a time, where one number for each takes much memory.
BLOCK = 2**18


def blocks(n_rows, row_size=1):
    """Cut many rows, so that what is computed of them at a time takes little memory.

    Parameters
    ----------
    n_rows : int
        How many rows.
    row_size : int, default=1
        How many numbers each has.

    Yields
    ------
    slice
        The rows of one block.
    """
    size = max(1, BLOCK // row_size)
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


_READ: ContextVar[list | None] = ContextVar("_READ", default=None)


@contextmanager
def read_once():
    """Read each index of many series once, where steps are called with the same labels in turn."""
    token = _READ.set([])
    try:
        yield
    finally:
        _READ.reset(token)


class Layout:
    """The rows of a table, laid out one series after the other.

    A place counts rows in that order, which for one series is the order of the table. Where the
    index has several levels, the first is the time, and the others name the series.

    Parameters
    ----------
    index : pandas.Index or None
        The labels of the table; None for rows of one series without labels.
    n_rows : int
        The number of rows.
    name : str, default="X"
        What messages call the table.

    Attributes
    ----------
    n_rows, n_series : int
        Numbers of rows and of series.
    order : ndarray of int of shape (n_rows,) or None
        The row at each place; None if the rows are in that order already.
    starts, stops : ndarray of int of shape (n_series,)
        The first place of each series, and the one after its last.
    names : list of ndarray of shape (n_series,) or None
        The names of the series, an array for each level; None where one series has no name.
    levels : list or None
        The names of the levels of the index, the time first; None where one series has no name.
    times : pandas.Index or None
        The time labels, each once.
    time : ndarray of int of shape (n_rows,)
        Where the label of each place stands in `times`.

    Raises
    ------
    ValueError
        If the labels are unsorted, hold duplicates, or have the series before the time.
    """

    order: Any
    names: Any
    levels: Any

    def __init__(self, index, n_rows, name="X"):
        self.n_rows = n_rows
        self._labels: Any = None
        if is_panel(index):
            read = _READ.get()
            same = [of for labels, of in read or () if labels.is_(index)]
            if same:
                vars(self).update(same[0])
                return
            self._read(index, name)
            if read is not None:
                read.append((index, vars(self)))
            return
        check_sorted(index, name)
        self.n_series = 1
        self.order = self.names = self.levels = None
        self.starts, self.stops = np.array([0]), np.array([n_rows])
        self.times = index

    @cached_property
    def time(self):
        """Where the label of each place stands in `times`: in one series, at its place."""
        return np.arange(self.n_rows)

    @property
    def lengths(self):
        """How many rows each series has."""
        return self.stops - self.starts

    @property
    def ordinals(self):
        """Which series the row at each place belongs to."""
        return np.repeat(np.arange(self.n_series), self.lengths)

    def ordinals_at(self, places):
        """Tell which series the rows at some places belong to.

        Parameters
        ----------
        places : ndarray of int of shape (n_places,)
            The places.

        Returns
        -------
        ndarray of int of shape (n_places,)
        """
        return np.searchsorted(self.starts, places, side="right") - 1

    def _read(self, index, name):
        """Read an index of several levels."""
        self.times, time = _times(index, name)
        codes, self.names = number_series(index, name)
        self.levels = list(index.names)
        self.n_series = len(self.names[0])
        counts = np.zeros(self.n_series, dtype=np.int64)
        for rows in blocks(self.n_rows):
            counts += np.bincount(codes[rows], minlength=self.n_series)
        self.stops = np.cumsum(counts)
        self.starts = self.stops - counts
        self.order = _order(codes, self.starts)
        self.time = self.by_series(time)
        # Time never falls within a series.
        repeats_time = np.append(False, self.time[1:] <= self.time[:-1])
        repeats_time[self.starts] = False
        if repeats_time.any():
            label = label_at(index, self.row(repeats_time.argmax() - 1))
            raise ValueError(
                f"The index of {name} holds {label!r} more than once, but a series has one row per"
                " time step. Add the level that tells these rows apart, or make one row of them,"
                f" for instance with {name}.groupby(level={list(range(index.nlevels))}).sum()."
            )

    def row(self, place):
        """Return the row of the table at a place.

        Parameters
        ----------
        place : int or ndarray of int
            The place, or several.

        Returns
        -------
        int or ndarray of int
        """
        return place if self.order is None else self.order[place]

    def by_series(self, values):
        """Put values of the rows one series after the other.

        Parameters
        ----------
        values : ndarray of shape (n_rows, ...)
            In the order of the table.

        Returns
        -------
        ndarray of shape (n_rows, ...)
        """
        return values if self.order is None else values[self.order]

    def by_row(self, values):
        """Put values back in the order of the table.

        Parameters
        ----------
        values : ndarray of shape (n_rows, ...)
            One series after the other.

        Returns
        -------
        ndarray of shape (n_rows, ...)
        """
        if self.order is None:
            return values
        restored = np.empty_like(values)
        restored[self.order] = values
        return restored

    def axis(self, earlier=None):
        """Find the time axis of all series.

        Parameters
        ----------
        earlier : TimeAxis, default=None
            That of earlier rows, which counts if all labels lie on it.

        Returns
        -------
        TimeAxis or None
            None without labels, or where these have no regular step.
        """
        return None if self.times is None else TimeAxis.going_on(self.times, earlier)

    def within(self):
        """Count the rows of each series.

        Returns
        -------
        ndarray of int of shape (n_rows,)
            0 at the first place of each series, then 1, 2, ...
        """
        return np.arange(self.n_rows) - np.repeat(self.starts, self.lengths)

    def head(self, n_rows):
        """Return the layout of the first rows of the table.

        Parameters
        ----------
        n_rows : int
            How many rows.

        Returns
        -------
        Layout
        """
        first = Layout(None, n_rows)
        if self.names is not None:
            kept = self.order < n_rows
            counts = np.bincount(self.ordinals[kept], minlength=self.n_series)
            some = counts > 0
            first.n_series, first.order = int(some.sum()), self.order[kept]
            first.stops = np.cumsum(counts[some])
            first.starts = first.stops - counts[some]
            first.names = [names[some] for names in self.names]
            first.levels = self.levels
            first.times, first.time = self.times, self.time[kept]
        return first

    def earlier(self, numbers, steps):
        """Find the row that comes some steps before each row, in its series.

        Parameters
        ----------
        numbers : ndarray of shape (n_rows,)
            The number of the row at each place; they jump where rows are missing.
        steps : int
            How many steps; less than 0 finds later rows.

        Returns
        -------
        ndarray of int of shape (n_rows,)
            For each row of the table, the earlier row; -1 where there is none.
        """
        places = np.arange(self.n_rows) - steps
        series = self.ordinals
        there = np.flatnonzero((places >= 0) & (places < self.n_rows))
        from_ = places[there]
        there = there[(series[from_] == series[there]) & (numbers[there] - numbers[from_] == steps)]
        found = np.full(self.n_rows, -1)
        found[there] = self.row(places[there])
        return self.by_row(found)

    def labels(self):
        """Return the names of the series as labels.

        Returns
        -------
        pandas.Index or None
            Of several levels where the names have several; None where one series has no name.
        """
        if self._labels is None:
            self._labels = names_as_index(self.names)
        return self._labels

    def found_in(self, names, table="X"):
        """Find the series among those of the training rows.

        Parameters
        ----------
        names : list of ndarray of shape (n_training_series,)
            The names of these, an array for each level.
        table : str, default="X"
            What messages call the table.

        Returns
        -------
        ndarray of int of shape (n_series,)
            The number of each series among `names`; -1 where the training rows do not have it.

        Raises
        ------
        ValueError
            As `find_series`.
        """
        pairs = zip(names, self.names, strict=False)
        is_same = len(names) == len(self.names) and all(
            one.dtype == other.dtype and np.array_equal(one, other) for one, other in pairs
        )
        # To look names up takes much longer than to see that they are the same.
        return np.arange(self.n_series) if is_same else find_series(names, self.labels(), table)


class Numbers:
    """The numbers of the rows of a table, counted from the first training row.

    They are looked up where they are asked for: a number for each row takes much memory.

    Parameters
    ----------
    layout : Layout
        Which series each row belongs to, and when.
    axis : TimeAxis or None
        The time axis of all series; without one, the rows of each just follow each other.
    """

    def __init__(self, layout, axis):
        self._layout = layout
        self._of_time: Any = None if axis is None else axis.number(layout.times)

    def at(self, places=None):
        """Return the numbers at some places.

        Parameters
        ----------
        places : ndarray of int, default=None
            The places; by default all.

        Returns
        -------
        ndarray of shape (n_places,)
            NaN where a label has no number.
        """
        layout = self._layout
        places = np.arange(layout.n_rows) if places is None else places
        if self._of_time is None:
            return places - layout.starts[layout.ordinals_at(places)]
        return self._of_time[layout.time[places]]

    def breaks(self):
        """Find where runs of successive numbers of a series begin, or of rows that have none.

        Returns
        -------
        ndarray of int of shape (n_stretches,)
            Places.
        """
        layout = self._layout
        found = [layout.starts]
        for start in range(0, 0 if self._of_time is None else layout.n_rows - 1, BLOCK):
            numbers = self._of_time[layout.time[start : start + BLOCK + 1]]
            off = np.isnan(numbers)
            breaks = (np.diff(numbers) != 1) & ~(off[1:] & off[:-1])
            found.append(start + 1 + np.flatnonzero(breaks))
        return np.unique(np.concatenate(found))


def labels_of(numbers, layout, series):
    """Return numbers of rows, and the series that they belong to, as labels.

    Parameters
    ----------
    numbers : ndarray of int of shape (n_rows,)
        The numbers, sorted.
    layout : Layout
        Which names the series.
    series : ndarray of int of shape (n_rows,)
        The series of each row, by its number in `layout`.

    Returns
    -------
    pandas.Index
        The numbers alone where one series has no name.
    """
    if layout.names is None:
        return pd.Index(numbers)
    is_new = np.append(True, numbers[1:] != numbers[:-1])
    labels = layout.labels()
    is_one = labels.nlevels == 1
    levels = [numbers[is_new], *([labels] if is_one else labels.levels)]
    codes = [np.cumsum(is_new) - 1, *([series] if is_one else (c[series] for c in labels.codes))]
    names = ["time", *[None] * labels.nlevels]
    return pd.MultiIndex(levels=levels, codes=codes, names=names, verify_integrity=False)


def _times(index, name):
    """Return the time labels, each once, and where the label of each row stands among them."""
    codes = index.codes[0]
    if len(codes) and codes.min() < 0:
        raise ValueError(
            f"The time of {name}, the first level of its index, is missing at row"
            f" {int(np.argmin(codes))}, but a series needs the time of each row. Fill it in, or"
            " leave the row out."
        )
    changes = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    runs = codes[np.concatenate([[0], changes])] if len(codes) else codes
    levels = index.levels[0]
    # The levels know their frequency, and pandas remembers that they rise.
    are_all = np.array_equal(runs, np.arange(len(levels)))
    times = levels if are_all else levels.take(runs)
    check_times(index, times, name)
    time = np.zeros(len(codes), dtype=np.min_scalar_type(len(times)))
    time[changes] = 1
    return times, np.cumsum(time, dtype=time.dtype)


def _order(codes, starts):
    """Sort the rows by their series, those of each series in the order of the table.

    This is a stable argsort that takes memory for one block of rows at a time.
    """
    order = np.empty(len(codes), dtype=np.int32 if len(codes) < 2**31 else np.int64)
    following = starts.copy()  # The place of the next row of each series.
    for rows in blocks(len(codes)):
        some = codes[rows]
        counts = np.bincount(some, minlength=len(starts))
        in_block = np.argsort(some, kind="stable")
        shift = following - (np.cumsum(counts) - counts)
        order[np.arange(len(some)) + shift[some[in_block]]] = rows.start + in_block
        following += counts
    return order
