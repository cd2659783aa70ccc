"""The rows of a table by their series and their time step."""

import numpy as np

from sklstm._past._layout import Numbers


class Rows:
    """The rows of a table, found by series and time step.

    Parameters
    ----------
    layout : Layout
        Which series each row belongs to, and when.

    Attributes
    ----------
    n_series : int
        Number of series.
    names : list of ndarray of shape (n_series,) or None
        The names of the series, an array for each level; None where one series has no name.
    series : ndarray of int of shape (n_rows,)
        The series of each row.
    times : ndarray of int of shape (n_rows,)
        The number of the time label of each row; labels that are missing are not counted.
    numbers : ndarray of int of shape (n_rows,)
        The number of the time step of each row, on one time axis for all series. Without a regular
        step, the rows of each series are counted.
    before : ndarray of int of shape (n_rows,)
        The row before each row in its series; -1 where there is none.
    within : ndarray of int of shape (n_rows,)
        How many rows of the same series come before each.
    """

    def __init__(self, layout):
        self.n_series = layout.n_series
        self.names = layout.names
        self._at = layout.row(np.arange(layout.n_rows)).astype(np.int64)
        self._starts = layout.starts
        series = layout.ordinals
        numbers = Numbers(layout, layout.axis()).at().astype(np.int64)
        numbers = numbers - numbers.min()
        self._n_steps = numbers.max() + 1
        self._keys = series * self._n_steps + numbers
        before = np.roll(self._at, 1)
        before[layout.starts] = -1
        self.series, self.times = layout.by_row(series), layout.by_row(layout.time)
        self.numbers, self.before = layout.by_row(numbers), layout.by_row(before)
        self.within = layout.by_row(layout.within())

    def find(self, series, numbers):
        """Find rows.

        Parameters
        ----------
        series, numbers : ndarray of int of shape (n_wanted,)
            Series and time step of each row that is wanted.

        Returns
        -------
        ndarray of int of shape (n_wanted,)
            -1 where there is no such row.
        """
        wanted = series * self._n_steps + numbers
        places = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        found = (self._keys[places] == wanted) & (numbers >= 0) & (numbers < self._n_steps)
        return np.where(found, self._at[places], -1)

    def last_of_series(self, rows):
        """Return the last of some rows in each series.

        Parameters
        ----------
        rows : ndarray of int
            The rows.

        Returns
        -------
        ndarray of int of shape (n_series,)
            -1 for a series that has none.
        """
        last = np.full(self.n_series, -1)
        np.maximum.at(last, self.series[rows], rows)
        return last

    def first_of_series(self, rows):
        """Return the first of some rows in each series.

        Parameters
        ----------
        rows : ndarray of int
            The rows.

        Returns
        -------
        ndarray of int of shape (n_series,)
            For a series that has none, the first row of all.
        """
        first = self._at[self._starts]
        found = np.full(self.n_series, len(self.series))
        np.minimum.at(found, self.series[rows], rows)
        return np.where(found < len(self.series), found, first)

    def known_around(self, is_known):
        """Find the known rows next to each row in its series.

        Parameters
        ----------
        is_known : ndarray of bool of shape (n_rows,)

        Returns
        -------
        last, first : ndarray of int of shape (n_rows,)
            The last one at or before each row, and the first one at or after it; -1 where there is
            none.
        """
        n_rows = len(is_known)
        known, series, places = is_known[self._at], self.series[self._at], np.arange(n_rows)
        last = np.maximum.accumulate(np.where(known, places, -1))
        first = np.minimum.accumulate(np.where(known, places, n_rows)[::-1])[::-1]
        both = []
        for found in (last, first):
            inside = np.clip(found, 0, n_rows - 1)
            is_own = (inside == found) & (series[inside] == series)
            rows = np.empty(n_rows, np.int64)
            rows[self._at] = np.where(is_own, self._at[inside], -1)
            both.append(rows)
        return both

    def known(self, start, train, test):
        """Find what a forecast of test rows knows: the rows until the last training row.

        Parameters
        ----------
        start : int
            The first row that is known.
        train, test : ndarray of int
            Positions of training rows and test rows.

        Returns
        -------
        last : ndarray of int of shape (n_series,)
            The last known row of each series; -1 where there is none.
        is_known : ndarray of bool of shape (n_rows,)
        """
        rows = np.arange(len(self.series))
        # Rows that are tested at the time of the last training row may stand above it.
        is_tested = self.first_of_series(test)[self.series] <= rows
        is_tested &= np.isin(self.series, self.series[test])
        is_known = (rows >= start) & (rows <= train[-1]) & ~is_tested
        return self.last_of_series(rows[is_known]), is_known
