"""The rows so far and the rows to come in one table, one series after the other."""

import copy

import numpy as np
import pandas as pd
from pandas.api.types import is_any_real_numeric_dtype

from sklstm._checks._numbers import check_floats
from sklstm._past._stretches import ranges
from sklstm.forecasting._future_inputs import other_columns
from sklstm.forecasting._rows_to_come import labels_to_come


class Cells:
    """The rows that predictions depend on, and those to come, of one series or of many.

    Columns that are filled in stand in arrays of their own. Rows are counted in their series; a
    cell is the place of a row in the table.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_features)
        The rows so far.
    layout : Layout
        Which series each of them belongs to.
    begin : ndarray of int of shape (n_series,)
        The first row of each series that is needed.
    n_later : ndarray of int of shape (n_series,)
        How many rows come after the last one of each series.
    future_inputs : DataFrame, Series, ndarray or None
        The columns that are known ahead, in the rows to come.
    labels : pandas.Index or None
        The labels of the rows to come; None for those that follow.
    axis : TimeAxis or None
        The time axis of the training rows.

    Attributes
    ----------
    index : pandas.Index
        The label of each cell.
    time : ndarray of int or None
        A number for the time of each label, in the order of time; None for one series.
    columns : dict of int to ndarray of shape (n_cells,)
        The columns that are filled in, by position.
    missing : ndarray of bool of shape (n_cells,)
        Which rows to come `future_inputs` lacks.
    """

    def __init__(self, rows, layout, begin, n_later, future_inputs, labels, axis):
        self._rows, self._future_inputs = rows, future_inputs
        self._lengths, self._begin = layout.lengths, begin
        self._ends = self._lengths + n_later
        self._given = layout.row(ranges(layout.starts + begin, layout.stops))
        n_given = self._lengths - begin
        self._first_given = np.cumsum(n_given) - n_given - begin
        self._first_later = len(self._given) + np.cumsum(n_later) - n_later - self._lengths
        self.index, self.time = labels_to_come(
            rows.index, layout, self._given, n_later, future_inputs, labels, axis
        )

    def at(self, series, row):
        """Return the cells of some rows.

        Parameters
        ----------
        series, row : ndarray of int of shape (n_wanted,)
            The series, and the rows counted in these.

        Returns
        -------
        ndarray of int of shape (n_wanted,)
        """
        later = row >= self._lengths[series]
        return np.where(later, self._first_later[series], self._first_given[series]) + row

    def lay_out(self, filled, later_steps):
        """Make the columns.

        Parameters
        ----------
        filled : collection of int
            Positions of the columns that are filled in.
        later_steps : dict of int to tuple of (int, int)
            Those of them that hold a future input at later steps: the position of the column of
            step 1, and how many steps later.
        """
        rows, n_given = self._rows, len(self._given)
        others = [i for i in range(rows.shape[1]) if i not in filled]
        seen = rows.iloc[:, others]
        later, missing = other_columns(self._future_inputs, seen, self.index[n_given:])
        self.missing = np.concatenate([np.zeros(n_given, dtype=bool), missing])
        table = seen.take(self._given)
        if len(later):  # pandas 2 warns of empty tables in concat.
            table = pd.concat([table, later]) if n_given else later
        self._others = table.set_axis(self.index).set_axis(others, axis=1)
        self._names, self.columns = rows.columns, {}
        for column in sorted(filled):
            kind, held = rows.dtypes.iloc[column], rows.iloc[self._given, column]
            if column in later_steps and not is_any_real_numeric_dtype(kind):  # words
                kind, held = np.dtype(object), held.to_numpy(object, na_value=np.nan)
            else:
                # A short float would round each prediction that is fed back.
                kind, held = np.dtype(np.float64), check_floats(held, "X")
            self.columns[column] = np.full(len(self.index), np.nan, kind)
            self.columns[column][:n_given] = held
        self._fill_later_steps(later_steps)
        del self._rows, self._future_inputs

    def _fill_later_steps(self, later_steps):
        """Fill in the future inputs that other rows hold: those of later steps, and of earlier."""
        lengths, series = self._lengths, np.arange(len(self._lengths))
        counts = lengths - self._begin, self._ends - lengths
        one = np.concatenate([np.repeat(series, n) for n in counts])
        row = np.concatenate([ranges(self._begin, lengths), ranges(lengths, self._ends)])
        for column, (source, n_steps) in later_steps.items():
            # The last row given holds its later steps, too.
            values, at = self._others[source], row - n_steps
            there = np.flatnonzero(values.isna() & (at >= self._begin[one]))
            if len(there):
                held = self.columns[column][self.at(one[there], at[there])]
                self._others[source] = values.astype(held.dtype)
                self._others.iloc[there, self._others.columns.get_loc(source)] = held
        for column, (source, n_steps) in later_steps.items():
            values, at = self.columns[column], row + n_steps
            there = np.flatnonzero(pd.isna(values) & (at < self._ends[one]))
            values[there] = self._others[source].to_numpy()[self.at(one[there], at[there])]
        self.missing &= self._others.isna().any(axis=1).to_numpy()

    def table(self, cells):
        """Return the rows at some cells.

        Parameters
        ----------
        cells : ndarray of int
            The cells.

        Returns
        -------
        DataFrame of shape (n_cells, n_features)
        """
        table = self._others.take(cells)
        for column, values in self.columns.items():
            table.insert(column, column, values[cells])
        table.columns = self._names
        return table

    def part(self, some):
        """Return the cells of some series.

        Parameters
        ----------
        some : ndarray of int
            The series.

        Returns
        -------
        Cells
        """
        part = copy.copy(self)
        part._begin, part._ends = self._begin[some], self._ends[some]
        part._lengths, n_cells = self._lengths[some], part._ends - part._begin
        cells = self.at(np.repeat(some, n_cells), ranges(part._begin, part._ends))
        part._first_given = part._first_later = np.cumsum(n_cells) - n_cells - part._begin
        part.index = self.index[cells].remove_unused_levels()
        part.time, part.missing = self.time[cells], self.missing[cells]
        part._others = self._others.take(cells)
        part.columns = {i: values[cells] for i, values in self.columns.items()}
        return part

    def writable(self):
        """Return the cells with arrays of their own for what is filled in.

        Returns
        -------
        Cells
        """
        own = copy.copy(self)
        own.columns = {column: values.copy() for column, values in self.columns.items()}
        return own
