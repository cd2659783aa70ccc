"""Rows whose columns of earlier targets are filled in, one step after the other."""

import numpy as np
import pandas as pd

from sklstm._checks._arguments import naming
from sklstm._checks._numbers import check_floats, check_not_infinite


class Feedback:
    """Rows that go on as far as the targets to fill them with are known.

    Parameters
    ----------
    rows : DataFrame or ndarray of shape (n_rows, n_features)
        The rows so far.
    lags : Lags
        Their columns that hold earlier targets.
    target : ndarray of shape (n_rows, n_targets * horizon) or None
        What was observed at the rows.

    Attributes
    ----------
    start : int
        The first row whose target is not known.
    """

    def __init__(self, rows, lags, target):
        self._given, self._lags = rows, lags
        self._n_rows = n_rows = len(rows)
        # Values before the first row stand in its columns.
        self._depth = max((lag.steps for lag in lags.columns), default=0)
        n_targets = lags.n_targets or 0
        known = np.full((self._depth + n_rows + lags.horizon - 1, n_targets), np.nan)
        if target is not None:
            for step in range(lags.horizon):
                first = self._depth + step
                block = target[:, step * n_targets : (step + 1) * n_targets]
                _fill(known[first : first + n_rows], block)
        for lag in lags.columns:
            first = self._depth - lag.steps
            held = check_floats(_column(rows, lag.column), "X")
            _fill(known[first : first + n_rows, lag.target], held)
        seen = np.flatnonzero(~np.isnan(known).all(axis=1))
        if n_targets and not len(seen):
            raise ValueError(
                "No value of the target is known: y, and the columns of X that hold earlier"
                " targets, hold nothing but NaN. Pass the observed target as y."
            )
        self.start = int(seen[-1]) + 1 - self._depth if n_targets else n_rows
        self._known = known

    def extend(self, steps, labels, exog, oldest):
        """Make room for what is to be forecast.

        Parameters
        ----------
        steps : int
            Rows from `start` on.
        labels : pandas.Index or None
            Their labels, as far as the rows so far have none.
        exog : DataFrame, Series, ndarray or None
            The other columns of the rows to come.
        oldest : int
            The first row that will be asked for.
        """
        self._end = self.start + steps
        self._first = min(max(0, oldest), self._n_rows)
        self._filled = min(self.start, self._n_rows)
        n_new = max(0, self._end - self._n_rows)
        n_more = max(0, self._depth + self._end - len(self._known))
        room = np.full((n_more, self._known.shape[1]), np.nan)
        self._known = np.concatenate([self._known, room])
        lag_columns = [lag.column for lag in self._lags.columns]
        rows = self._given
        others = [i for i in range(rows.shape[1]) if i not in lag_columns]
        self._exog = exog
        if isinstance(rows, pd.DataFrame):
            self._others: list = [rows.columns[i] for i in others]
            given = _labelled_exog(exog, rows.iloc[:, others], labels)
            self._missing = ~labels.isin(given.index)
            later = given.reindex(labels)
            for column in lag_columns:
                later[rows.columns[column]] = np.nan
            rows = rows.iloc[self._first :]
            whole = {name: float for name in rows.columns[lag_columns] if not _is_float(rows[name])}
            rows = rows.astype(whole)
            kinds = {name: rows[name].dtype for name in rows.columns[lag_columns]}
            later = later.astype(kinds)[rows.columns]
            # Where nothing is looked back upon, there are no rows to join, which pandas 2 warns of.
            parts = [part for part in (rows, later) if len(part)]
            self._cells = pd.concat(parts) if parts else rows.copy()
        else:
            self._others = others
            given = np.zeros((0, len(others)))
            if exog is not None:
                given = _plain_exog(check_floats(exog, "exog"), others)
                check_not_infinite(given, exog, "exog")
            self._missing = np.arange(n_new) >= len(given)
            later = np.full((n_new, rows.shape[1]), np.nan)
            later[: len(given), others] = given[:n_new]
            rows = rows[self._first :]
            self._cells = np.concatenate([rows if _is_float(rows) else rows.astype(float), later])

    def rows(self, first, stop):
        """Return rows ``first`` to before ``stop``, filled with the values known by now.

        Parameters
        ----------
        first, stop : int
            Row numbers; the target of row ``stop - 2`` is known.

        Returns
        -------
        DataFrame or ndarray
            The rows.

        Raises
        ------
        ValueError
            If a row was not given by `exog`.
        """
        for row in range(self._filled, stop):
            self._check_given(row)
            for lag in self._lags.columns:
                value = self._known[self._depth + row - lag.steps, lag.target]
                if isinstance(self._cells, pd.DataFrame):
                    # Twice as fast as iloc, and columns may be of several kinds.
                    self._cells.iat[row - self._first, lag.column] = value  # noqa: PD009
                else:
                    self._cells[row - self._first, lag.column] = value
        self._filled = max(self._filled, stop)
        window = slice(first - self._first, stop - self._first)
        return self._cells.iloc[window] if hasattr(self._cells, "iloc") else self._cells[window]

    def observe(self, row, predicted, estimator):
        """Take what was predicted from a row for what happened.

        Parameters
        ----------
        row : int
            The row.
        predicted : ndarray of shape (n_outputs,)
            Its prediction: all targets of the first step, then those of the second, and so on.
        estimator : str
            Who predicted, for messages.

        Returns
        -------
        int
            The number of steps predicted.

        Raises
        ------
        ValueError
            If the predictions are not as many as the targets, or a multiple.
        """
        n_targets = self._lags.n_targets
        if n_targets is None:
            # Nothing is fed back, so every output is a target.
            n_targets = self._known.shape[1] or len(predicted)
            if not self._known.shape[1]:
                self._known = np.full((len(self._known), n_targets), np.nan)
        if len(predicted) % n_targets:
            raise ValueError(
                f"{estimator} predicts {len(predicted)} value(s) for a row, but {n_targets}"
                " target(s) would be fed back. Name the column of X that holds each target one"
                " step earlier with y_lag, and pass the columns that hold no target in exog."
            )
        block = predicted.reshape(-1, n_targets)[: self._end - row]
        at = self._depth + row
        self._known[at : at + len(block)] = block
        return len(predicted) // n_targets

    def values(self, start, stop):
        """Return the targets of rows, observed or predicted.

        Parameters
        ----------
        start, stop : int
            Row numbers.

        Returns
        -------
        ndarray of shape (stop - start, n_targets)
        """
        return self._known[self._depth + start : self._depth + stop]

    def _check_given(self, row):
        new = row - self._n_rows
        if new < 0 or not self._others or not self._missing[new]:
            return
        where = f"in row {new + 1} after the last one of X"
        if isinstance(self._cells, pd.DataFrame):
            where += f" ({self._cells.index[row - self._first]!r})"
        if self._exog is None:
            raise ValueError(
                f"The columns {self._others!r} of X hold no earlier target, so their values"
                f" {where} are needed: pass them in exog, or predict them as targets too."
            )
        raise ValueError(
            f"exog lacks values {where}. Its columns {self._others!r} are needed for"
            " every step that is forecast, labelled like X."
        )


def _labelled_exog(exog, seen, labels):
    """Return what exog says about the other columns, seen before, as a table with labels."""
    others = list(seen.columns)
    if exog is None:
        return pd.DataFrame(index=labels[:0], columns=others, dtype=float)
    if isinstance(exog, pd.Series):
        exog = exog.to_frame()
    if not isinstance(exog, pd.DataFrame):
        given = _plain_exog(exog, others)[: len(labels)]
        return _numbers_like(seen, pd.DataFrame(given, labels[: len(given)], others))
    lacking = [name for name in others if name not in exog.columns]
    if lacking and len(labels):
        raise ValueError(
            f"exog has the columns {list(exog.columns)!r}, but lacks {lacking!r}, which hold no"
            " earlier target: pass their values in the rows to come as well."
        )
    for labels, what in ((exog.index, "rows"), (exog.columns, "columns")):
        if not labels.is_unique:
            twice = labels[labels.duplicated()][0]
            raise ValueError(f"exog has several {what} called {twice!r}: expected one.")
    return _numbers_like(seen, exog.reindex(columns=others))


def _numbers_like(seen, exog):
    """Return an exog that holds numbers in all columns in which numbers were seen."""
    exog = exog.copy()
    for name, dtype in seen.dtypes.items() if len(exog) else ():
        if pd.api.types.is_any_real_numeric_dtype(dtype):
            numbers = check_floats(exog[name], "exog")
            check_not_infinite(numbers[:, None], exog[[name]], "exog")
            if exog[name].dtype == object:
                exog[name] = numbers
    return exog


def _plain_exog(exog, others):
    """Return an exog without labels as an array of one column for each of the others."""
    with naming("exog", exog):
        given = np.asarray(exog)
    given = given.reshape(-1, 1) if given.ndim == 1 else given
    if given.ndim != 2 or given.shape[1] != len(others):
        raise ValueError(
            f"exog has shape {np.shape(exog)}, but (n_new_rows, {len(others)}) is expected: the"
            f" columns {others!r} of X, in this order."
        )
    return given


def _fill(into, values):
    """Write values where nothing stands yet."""
    empty = np.isnan(into)
    into[empty] = values[empty]


def _column(rows, position):
    return rows.iloc[:, position] if isinstance(rows, pd.DataFrame) else rows[:, position]


def _is_float(values):
    return pd.api.types.is_float_dtype(values.dtype)
