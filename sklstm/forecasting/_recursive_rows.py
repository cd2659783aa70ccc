"""The rows of a forecast: values predicted so far are filled into each next row."""

import numpy as np
import pandas as pd

from sklstm._checks._arguments import naming
from sklstm._checks._numbers import check_floats, check_not_infinite
from sklstm._checks._tables import check_names, index_of


class RecursiveRows:
    """The rows so far and the rows to come.

    The columns that hold earlier targets (lags) get observed values and, after the last of these,
    predicted ones.

    Parameters
    ----------
    rows : DataFrame or ndarray of shape (n_rows, n_features)
        The rows so far.
    lags : Lags
        Their columns that hold earlier targets.
    target : ndarray of shape (n_rows, n_targets * horizon) or None
        The target observed at the rows.

    Attributes
    ----------
    start : int
        The first row whose target is not known.
    """

    def __init__(self, rows, lags, target):
        self._labelled = isinstance(rows, pd.DataFrame)
        self._table = rows if self._labelled else pd.DataFrame(check_floats(rows, "X"))
        self._lags = lags
        self._n_rows = n_rows = len(rows)
        # The lags of the first rows hold targets from before the table: row r of the table is row
        # depth + r here.
        self._depth = max((lag.steps for lag in lags.columns), default=0)
        n_targets = lags.n_targets or 0
        known = np.full((self._depth + n_rows + lags.horizon - 1, n_targets), np.nan)
        if target is not None:
            for step in range(lags.horizon):
                block = target[:, step * n_targets : (step + 1) * n_targets]
                _fill(known[self._depth + step :], block)
        for lag in lags.columns:
            held = check_floats(self._table.iloc[:, [lag.column]], "X")
            _fill(known[self._depth - lag.steps :, lag.target], held.ravel())
        seen = np.flatnonzero(~np.isnan(known).all(axis=1))
        if n_targets and not len(seen):
            raise ValueError(
                "No value of the target is known: y, and the columns of X that hold earlier"
                " targets, hold nothing but NaN. Pass the observed target as y."
            )
        self.start = int(seen[-1]) + 1 - self._depth if n_targets else n_rows
        self._known = known

    def extend(self, steps, labels, exog):
        """Add the rows to come, whose lags are still empty.

        Parameters
        ----------
        steps : int
            Steps to forecast, from row `start` on.
        labels : pandas.Index or None
            The labels of the rows after the table; None for an array.
        exog : DataFrame, Series, ndarray or None
            The columns that are no lags, in the rows to come.
        """
        # 1. Room for the values to come.
        self._end = self.start + steps
        self._filled = min(self.start, self._n_rows)
        n_more = max(0, self._depth + self._end - len(self._known))
        room = np.full((n_more, self._known.shape[1]), np.nan)
        self._known = np.concatenate([self._known, room])

        # 2. The rows to come.
        if labels is None:
            labels = pd.RangeIndex(self._n_rows, max(self._n_rows, self._end))
            exog = None if exog is None else check_floats(exog, "exog")
        names = list(self._table.columns)
        lags = [names[lag.column] for lag in self._lags.columns]
        self._others = [name for name in names if name not in lags]
        given = _other_columns(exog, self._table[self._others], labels)
        self._missing = ~labels.isin(given.index)
        with naming("exog", exog):
            later = given.reindex(labels).reindex(columns=names)

        # 3. One table of both, in which lags are floats.
        dtypes = self._table[lags].dtypes
        is_float = pd.api.types.is_float_dtype
        dtypes = {name: dtype if is_float(dtype) else float for name, dtype in dtypes.items()}
        # pandas 2 warns of empty tables in concat.
        parts = [self._table, later] if len(later) else [self._table]
        self._cells = pd.concat([part.astype(dtypes) for part in parts])

    def rows(self, first, stop):
        """Return rows ``first`` to before ``stop``, filled in with the values known by now.

        Parameters
        ----------
        first, stop : int
            Positions of rows; the target of row ``stop - 2`` is known.

        Returns
        -------
        DataFrame or ndarray
            The rows.

        Raises
        ------
        ValueError
            If `exog` lacks one of the rows.
        """
        lacking = np.flatnonzero(self._missing[: max(0, stop - self._n_rows)])
        if len(lacking) and self._others:
            new = int(lacking[0])
            label = f" ({self._cells.index[self._n_rows + new]!r})"
            raise ValueError(
                f"exog lacks values of {self._others!r} in row {new + 1} after the last one of"
                f" X{label if self._labelled else ''}. These columns of X hold no earlier target,"
                " so every step needs them: pass them in exog, labelled like X, or predict them as"
                " targets, too."
            )
        for row in range(self._filled, stop):
            for lag in self._lags.columns:
                value = self._known[self._depth + row - lag.steps, lag.target]
                # iat takes half the time of iloc.
                self._cells.iat[row, lag.column] = value  # noqa: PD009
        self._filled = max(self._filled, stop)
        rows = self._cells.iloc[first:stop]
        return rows if self._labelled else np.ascontiguousarray(rows)

    def observe(self, row, predicted, estimator):
        """Store what was predicted from a row, to fill in later rows with.

        Parameters
        ----------
        row : int
            The position of the row.
        predicted : ndarray of shape (n_outputs,)
            Its prediction: all targets of the first step, then those of the second, and so on.
        estimator : str
            The name of the estimator, for messages.

        Returns
        -------
        int
            The number of steps predicted.

        Raises
        ------
        ValueError
            If the number of predictions is no multiple of the number of targets.
        """
        if not self._known.shape[1]:
            # Nothing is fed back, so every output is a target.
            self._known = np.full((len(self._known), len(predicted)), np.nan)
        n_targets = self._known.shape[1]
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
            Positions of rows.

        Returns
        -------
        ndarray of shape (stop - start, n_targets)
        """
        return self._known[self._depth + start : self._depth + stop]


def _other_columns(exog, seen, labels):
    """Return the columns of `seen` in the rows to come, as `exog` gives them, in a DataFrame."""
    others = list(seen.columns)
    if exog is None:
        return pd.DataFrame(index=labels[:0], columns=others, dtype=float)
    with naming("exog", exog):
        given = pd.DataFrame(exog)
        if index_of(exog) is None:
            if given.shape[1] != len(others):
                raise ValueError(f"expected one column for each of {others!r}, in this order.")
            given = given[: len(labels)].set_axis(labels[: len(given)]).set_axis(others, axis=1)
        check_names(given)
    lacking = [name for name in others if name not in given.columns]
    if lacking and len(labels):
        raise ValueError(
            f"exog has the columns {list(given.columns)!r}, but lacks {lacking!r}, which hold no"
            " earlier target: pass their values in the rows to come as well."
        )
    given = given.reindex(columns=others)
    # The estimator learnt from numbers here, so objects must be numbers, too.
    numeric = [name for name in others if pd.api.types.is_any_real_numeric_dtype(seen[name].dtype)]
    check_not_infinite(check_floats(given[numeric], "exog"), given[numeric], "exog")
    objects = [name for name in numeric if given[name].dtype == object]
    given[objects] = check_floats(given[objects], "exog")
    return given


def _fill(into, values):
    """Write values into the first rows, where these are still NaN."""
    rows = into[: len(values)]
    rows[...] = np.where(np.isnan(rows), values, rows)
