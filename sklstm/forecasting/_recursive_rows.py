"""The rows of a forecast: values predicted so far are filled into each next row."""

import copy
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from sklstm._checks._lag_columns import later_steps
from sklstm._checks._numbers import check_floats
from sklstm._past._layout import Layout
from sklstm._past._order import label_at
from sklstm._past._stretches import ranges, said
from sklstm.forecasting._cells import Cells
from sklstm.forecasting._future_inputs import DECLARE, check_begin, check_first_rows
from sklstm.forecasting._known_targets import by_series, first_unknown, known_targets, store_known
from sklstm.forecasting._recompute import call_recompute
from sklstm.forecasting._rows_to_come import times_to_come

#: The attributes that hold a value for each series.
_PER_SERIES = ("_lengths", "_start", "_stop", "_row", "_filled", "_first", "known")


class RecursiveRows:
    """The rows so far and the rows to come, of one series or of many.

    The columns that hold earlier targets (lags) get observed values and, after the last of these,
    predicted ones. So do the targets that `recompute` makes columns of. Past inputs stand in such
    columns as well, but are not predicted. Columns that hold a future input of later steps are
    made of the column that holds it at its own step. All series are predicted side by side, each
    from its own last known target on; rows are counted in their series.

    Parameters
    ----------
    rows : DataFrame or ndarray of shape (n_rows, n_features)
        The rows so far.
    lags : Lags
        Their columns that hold earlier targets, or earlier values of past inputs.
    target : ndarray of shape (n_rows, n_targets * horizon) or None
        The target observed at the rows.
    future_inputs : DataFrame, Series, ndarray or None
        The columns that are known ahead, in the rows to come.
    recompute : callable or None
        Makes columns of a row from the targets before it; see `forecast`.
    reach : int or None
        Number of rows before a row on which its prediction depends; None for all.
    steps : int, default=None
        Steps to forecast.
    labels : pandas.Index, default=None
        Or the labels of all rows to come after `rows`, up to the last one of each series.
    past_inputs : dict of str to ndarray of shape (n_rows,), default=None
        Past inputs observed at `rows`, by name.
    axis : TimeAxis, default=None
        The time axis of the training rows.

    Attributes
    ----------
    known : ndarray of shape (n_series, n_rows, n_targets + n_past_inputs)
        What is known by now, some from before the first row to predict; NaN for all others.
    reach : int or None
        As given.
    others : list
        The names of the columns that are not filled in.

    Raises
    ------
    ValueError
        If no target is known, the labels to come are not known, `future_inputs` lacks a column, or
        `recompute` makes other values than `rows` hold.
    """

    def __init__(
        self,
        rows,
        lags,
        target,
        future_inputs,
        recompute,
        *,
        reach,
        steps=None,
        labels=None,
        past_inputs=None,
        axis=None,
    ):
        self.is_labelled = isinstance(rows, pd.DataFrame)
        if not self.is_labelled:
            rows = pd.DataFrame(check_floats(rows, "X"))
            future_inputs = (
                None if future_inputs is None else check_floats(future_inputs, "future_inputs")
            )
        self._lags, self._names, self._n_targets = lags.columns, lags.names, lags.n_targets
        self._past_inputs = lags.past_inputs
        self._recompute, self.reach = recompute, reach
        layout = Layout(rows.index, len(rows))
        self._lengths = layout.lengths

        # 1. The first row to predict of each series, and the one after the last.
        # Read anew each time: of many steps ahead, all columns together take much memory.
        known = partial(known_targets, rows, layout, lags, target, past_inputs)
        self._start = self._lengths
        if lags.n_targets:
            self._start = first_unknown(layout, known(), lags.n_targets)
        if labels is None:
            self._stop = self._start + steps
        else:
            labels, n_labels = by_series(labels, layout)
            self._stop = self._lengths + n_labels
        self._row = self._start.copy()
        self._filled = np.minimum(self._start, self._lengths)

        # 2. The targets known so far, and room for those to come. The lags of the first rows hold
        # targets from before them.
        self._depth = max((lag.steps for lag in lags.columns), default=0)
        self._first = np.zeros_like(self._filled) if recompute else self._filled.copy()
        width = self._depth + max(0, int((self._stop - self._first).max()))
        n_held = (lags.n_targets or 0) + len(lags.past_inputs)
        self.known = np.full((layout.n_series, width, n_held), np.nan)
        store_known(known(), layout, self._first - self._depth, lags.horizon, self.known)

        # 3. The labels of the rows that predictions depend on, and of those to come.
        filled = {lag.column for lag in lags.columns}
        self._later = later_steps(rows, layout, filled, future_inputs)
        n_more = max((n for _, n in self._later.values()), default=0)
        begin = np.zeros_like(self._start)
        if reach is not None and recompute is None:
            begin = np.clip(self._filled - reach - n_more, 0, self._lengths)
        # Future inputs of steps after the last one may be needed, as far as they are given.
        n_ahead = int((self._stop - self._lengths).max())
        n_given = n_known = 0
        if labels is None:
            n_given = times_to_come(layout.times, future_inputs, axis)
            # Without keep_last, X lacks the last rows whose target is known.
            n_known = int((self._start - self._lengths).max())
        if n_known > 0:
            check_begin(layout.times, future_inputs, axis, n_known)
        n_more = min(n_more, max(0, n_given - n_ahead))
        n_later = np.maximum(0, self._stop + n_more - self._lengths)
        self._cells = Cells(rows, layout, begin, n_later, future_inputs, labels, axis)

        # 4. One table of the rows so far and those to come; lags stand in arrays of their own.
        self._all_names = list(rows.columns)
        if recompute is not None:
            made = self._check_recompute(rows, layout)
            self._lags = [lag for lag in self._lags if lag.column not in made]
            filled |= set(made)
        filled |= set(self._later)
        self.others = [name for i, name in enumerate(self._all_names) if i not in filled]
        self._cells.lay_out(filled, self._later)
        if n_known > 0:
            check_first_rows(future_inputs, self.others, rows.iloc[-1], self._later, n_known)

    @property
    def n_series(self):
        """The number of series."""
        return len(self._start)

    @property
    def n_ahead(self):
        """How many rows are still to be predicted, of the series that lacks most."""
        return int((self._stop - self._row).max(initial=0))

    @property
    def labels(self):
        """The labels of the rows to predict, from the oldest to the newest."""
        cells, *_ = self._predicted_cells()
        index = self._cells.index
        if self._cells.time is None:  # a slice keeps the frequency
            return index[cells[0] : cells[-1] + 1] if len(cells) else index[:0]
        return index[cells]

    def next_rows(self):
        """Return the next row to predict of each series, below the rows that it depends on.

        Returns
        -------
        rows : DataFrame or ndarray
            The rows, filled in with the values known by now; None if all are predicted.
        last : ndarray of int
            Where the rows to predict stand among them.
        is_cut : bool
            Whether each series has all the rows that its prediction depends on.

        Raises
        ------
        ValueError
            If `future_inputs` lacks one of the rows, or a past input is not known there.
        """
        series = self._open()
        if not len(series):
            return None, series, False
        stop = self._row[series] + 1
        self._fill(series, stop)
        oldest = np.zeros_like(stop)
        if self.reach is not None:
            oldest = np.maximum(0, stop - 1 - self.reach)
        one, row = np.repeat(series, stop - oldest), ranges(oldest, stop)
        cells = self._cells.at(one, row)
        self._check_inputs(cells[row >= np.minimum(self._start, self._lengths)[one]])
        last = np.cumsum(stop - oldest) - 1
        if self._cells.time is not None:
            order = np.argsort(self._cells.time[cells], kind="stable")
            cells = cells[order]
            place = np.empty_like(order)
            place[order] = np.arange(len(order))
            last = place[last]
        is_cut = self.reach is not None and bool((stop > self.reach).all())
        table = self._cells.table(cells)
        return table if self.is_labelled else np.ascontiguousarray(table), last, is_cut

    def observe(self, predicted, estimator):
        """Store what was predicted from the next row of each series, to fill in later rows with.

        Parameters
        ----------
        predicted : ndarray of shape (n_series,), (n_series, n_outputs) or \
                (n_series, n_outputs, n_quantiles)
            The predictions: all targets of the first step, then those of the second, and so on.
            Quantiles can only be the last predictions, as none are fed back.
        estimator : str
            The name of the estimator, for messages.

        Raises
        ------
        ValueError
            If the number of outputs is no multiple of the number of targets.
        """
        series = self._open()
        n_values = predicted.shape[2:]
        predicted = predicted.reshape(len(series), -1, *n_values)
        n_outputs = predicted.shape[1]
        # Without lags, every output is a target.
        n_targets = self._n_targets or n_outputs
        if n_outputs % n_targets:
            raise ValueError(
                f"{estimator} predicts {n_outputs} value(s) for a row, but {n_targets}"
                " target(s) would be fed back. Name the column of X that holds each target one"
                " step earlier with y_lag, and pass the columns that hold no target as"
                " future_inputs."
            )
        if n_values or not self._n_targets:  # Nothing is fed back.
            self.known = np.full((*self.known.shape[:2], n_targets, *n_values), np.nan)
        n_steps = n_outputs // n_targets
        row = self._row[series, None] + np.arange(n_steps)
        which, step = np.nonzero(row < self._stop[series, None])
        slot = (row - self._first[series, None] + self._depth)[which, step]
        values = predicted.reshape(-1, n_steps, n_targets, *n_values)
        self.known[series[which], slot, :n_targets] = values[which, step]
        self._row[series] += n_steps

    def predicted(self):
        """Return what was predicted.

        Returns
        -------
        ndarray of shape (n_labels, n_targets) or (n_labels, n_targets, n_quantiles)
            In the order of `labels`.
        """
        _, series, row = self._predicted_cells()
        return self.known[series, row - self._first[series] + self._depth, : self._n_targets]

    def first_times(self):
        """Return when the forecast of each series begins.

        Returns
        -------
        pandas.Index of length n_series or None
            The labels of the first rows to predict; None where these share one time.
        """
        if self._cells.time is None:
            return None
        cells = self._cells.at(np.arange(self.n_series), self._start)
        return self._cells.index[cells] if np.ptp(self._cells.time[cells]) else None

    def split(self, n_parts):
        """Return the series in several parts, which need nothing of each other.

        What is known of all of them in the end is that of the parts, one after the other.

        Parameters
        ----------
        n_parts : int
            How many.

        Returns
        -------
        list of RecursiveRows
        """
        parts = []
        for some in np.array_split(np.arange(self.n_series), n_parts):
            part = copy.copy(self)
            for name in _PER_SERIES:
                setattr(part, name, getattr(self, name)[some])
            part._cells = self._cells.part(some)
            parts.append(part)
        return parts

    def writable(self):
        """Return the rows with arrays of their own for what is filled in.

        Returns
        -------
        RecursiveRows
        """
        own = copy.copy(self)
        for name in ("known", "_row", "_filled"):
            setattr(own, name, getattr(self, name).copy())
        own._cells = self._cells.writable()
        return own

    def _open(self):
        """Return the series that are not predicted to their end."""
        return np.flatnonzero(self._row < self._stop)

    def _predicted_cells(self):
        """Return the cells of the rows to predict, in the order of time, their series and rows."""
        series = np.repeat(np.arange(self.n_series), self._stop - self._start)
        row = ranges(self._start, self._stop)
        cells = self._cells.at(series, row)
        if self._cells.time is None:
            return cells, series, row
        order = np.argsort(self._cells.time[cells], kind="stable")
        return cells[order], series[order], row[order]

    def _fill(self, series, stop):
        """Fill in the rows of some series up to before others."""
        first = self._filled[series]
        one, row = np.repeat(series, stop - first), ranges(first, stop)
        cells = self._cells.at(one, row)
        lacking = np.flatnonzero(self._cells.missing[cells])
        if len(lacking) and self.others:
            cell, new = cells[lacking[0]], int((row - self._lengths[one])[lacking[0]])
            of, label = "X", f" ({label_at(self._cells.index, cell)!r})" if self.is_labelled else ""
            if self._cells.time is not None:
                of, label = "its series", f" ({said(self._cells.index, cell)})"
            raise ValueError(
                f"future_inputs lacks values of {self.others!r} in row {new + 1} after the last"
                f" one of {of}{label}. {DECLARE}"
            )
        for lag in self._lags:
            slot = row - lag.steps - self._first[one] + self._depth
            self._cells.columns[lag.column][cells] = self.known[one, slot, lag.target]
        if self._recompute is not None:
            while len(due := series[self._filled[series] < stop]):
                row = self._filled[due]
                for column, values in self._recomputed(due, row).items():
                    self._cells.columns[column][self._cells.at(due, row)] = values
                self._filled[due] += 1
        self._filled[series] = stop

    def _check_inputs(self, cells):
        """Refuse rows to come of which an input is not known."""
        of_past = {lag.column: lag for lag in self._lags if lag.target >= self._n_targets}
        for column in [*of_past, *self._later]:
            unknown = np.flatnonzero(pd.isna(self._cells.columns[column][cells]))
            if not len(unknown):
                continue
            name, place = self._all_names[column], said(self._cells.index, cells[unknown[0]])
            if column in self._later:
                raise ValueError(
                    f"future_inputs lacks a value for {name!r} in the row of {place}: it is that of"
                    f" {self._later[column][1]} steps later. Pass as many rows more in"
                    " future_inputs, or in the table."
                )
            past = self._past_inputs[of_past[column].target - self._n_targets]
            raise ValueError(
                f"The forecast depends on {name!r} in the row of {place}, but {past!r} is a past"
                " input, and its value there is not known. "
                + (
                    "Pass series=, the table that series_to_supervised was given, instead of X and"
                    " y; or the rows of X until this one (keep_last=True keeps rows whose target is"
                    f" NaN). If {past!r} is known ahead, name it in future_inputs of"
                    " series_to_supervised."
                    if (self._row == self._start).all()
                    else "Past inputs are not predicted, so the estimator must predict all steps"
                    " from one row: fit it to a y of as many steps, such as"
                    f" series_to_supervised(..., horizon={int((self._stop - self._start).max())}),"
                    f" or predict {past!r} as a target, too."
                )
            )

    def _recomputed(self, series, row):
        """Return what the user's function makes of the targets before a row of some series.

        A dict of values for each series, by the position of the column.
        """
        known = self._filled.copy()
        known[series] = row
        one = np.repeat(np.arange(self.n_series), known)
        before = ranges(np.zeros_like(known), known)
        cells = self._cells.at(one, before)
        if self._cells.time is not None:
            order = np.argsort(self._cells.time[cells], kind="stable")
            one, before, cells = one[order], before[order], cells[order]
        values = self.known[one, before + self._depth, : self._n_targets]
        past: Any = values.ravel() if values.shape[1] == 1 else values
        if self.is_labelled:
            past = pd.DataFrame(values, self._cells.index[cells], self._names)
            past = past if values.shape[1] > 1 else past.iloc[:, 0]
        names = None
        if self._cells.time is not None:
            names = self._cells.index[self._cells.at(series, row)].droplevel(0)
        return call_recompute(self._recompute, past, names, self._all_names)

    def _check_recompute(self, rows, layout):
        """Return the columns that are recomputed, and refuse values that differ from the given."""
        row = np.minimum(self._start, self._lengths - 1)
        made = self._recomputed(np.arange(self.n_series), row)
        place = layout.row(layout.starts + row)
        for column, values in made.items():
            held = check_floats(rows.iloc[place, column], "X")
            differs = np.flatnonzero(~np.isnan(held) & ~np.isclose(values, held, rtol=1e-5))
            if len(differs):
                one = differs[np.argmin(place[differs])]
                raise ValueError(
                    f"recompute makes {values[one]} for column {rows.columns[column]!r} in row"
                    f" {place[one]} ({label_at(rows.index, place[one])!r}), but X holds"
                    f" {held[one]}. It gets the {row[one]} targets before that row, oldest first,"
                    " and returns what the columns hold in that row."
                )
        return list(made)
