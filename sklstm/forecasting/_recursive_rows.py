"""The rows of a forecast: values predicted so far are filled into each next row."""

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_any_real_numeric_dtype, is_float_dtype

from sklstm._checks._arguments import naming
from sklstm._checks._numbers import check_floats, check_not_infinite
from sklstm._checks._tables import check_names, index_of, positions_among
from sklstm._past._time_axis import TimeAxis
from sklstm._past._units import plain

#: What can be done about columns that hold no earlier target.
DECLARE = (
    "These columns of X hold no earlier target, as far as their names tell, so their values in the"
    " rows to come must be declared. Pass those that are known before, such as a calendar, as exog"
    " (future_inputs of backtest); make those that are computed from the target with recompute;"
    " predict measured ones as targets, too, or leave them out."
)


class RecursiveRows:
    """The rows so far and the rows to come.

    The columns that hold earlier targets (lags) get observed values and, after the last of these,
    predicted ones. So do the targets that `recompute` makes columns of.

    Parameters
    ----------
    rows : DataFrame or ndarray of shape (n_rows, n_features)
        The rows so far.
    lags : Lags
        Their columns that hold earlier targets.
    target : ndarray of shape (n_rows, n_targets * horizon) or None
        The target observed at the rows.
    exog : DataFrame, Series, ndarray or None
        The columns that are known before, in the rows to come.
    recompute : callable or None
        Makes columns of a row from the targets before it; see `forecast`.
    steps : int, default=None
        Steps to forecast.
    labels : pandas.Index, default=None
        Or the labels of all rows to come after `rows`, up to the last one to forecast.

    Attributes
    ----------
    start : int
        The first row to predict: the first one whose target is not known.
    labels : pandas.Index
        The labels of the rows to predict; positions for an array.

    Raises
    ------
    ValueError
        If no target is known, the labels to come are not known, `exog` lacks a column, or
        `recompute` makes other values than `rows` hold.
    """

    def __init__(self, rows, lags, target, exog, recompute, *, steps=None, labels=None):
        self._labelled = isinstance(rows, pd.DataFrame)
        if not self._labelled:
            rows = pd.DataFrame(check_floats(rows, "X"))
            exog = None if exog is None else check_floats(exog, "exog")
        self._lags, self._names = lags.columns, lags.names
        self._recompute = recompute
        self._n_rows = n_rows = len(rows)

        # 1. The targets known so far, and room for those to come. The lags of the first rows hold
        # targets from before the table: row r of the table is row depth + r here.
        self._depth = max((lag.steps for lag in lags.columns), default=0)
        n_targets = lags.n_targets or 0
        n_known = self._depth + n_rows + lags.horizon - 1
        known = np.full((n_known, n_targets), np.nan)
        if target is not None:
            for step, block in enumerate(np.hsplit(target, lags.horizon)):
                _fill(known[self._depth + step :], block)
        for lag in lags.columns:
            held = check_floats(rows.iloc[:, [lag.column]], "X")
            _fill(known[self._depth - lag.steps :, lag.target], held.ravel())
        seen = np.flatnonzero(~np.isnan(known).all(axis=1))
        if n_targets and not len(seen):
            raise ValueError(
                "No value of the target is known: y, and the columns of X that hold earlier"
                " targets, hold nothing but NaN. Pass the observed target as y."
            )
        self.start = int(seen[-1]) + 1 - self._depth if n_targets else n_rows
        self._stop = self.start + steps if labels is None else n_rows + len(labels)
        self._filled = min(self.start, n_rows)
        n_more = max(0, self._depth + self._stop - n_known)
        self._known = np.concatenate([known, np.full((n_more, n_targets), np.nan)])

        # 2. The labels to come.
        if labels is None:
            labels = _labels_after(rows.index, max(0, self._stop - n_rows), exog)
        self._index = rows.index.append(labels) if len(labels) else rows.index
        self.labels = self._index[self.start : self._stop]

        # 3. One table of the rows so far and those to come, in which lags are floats.
        names = list(rows.columns)
        made = [] if recompute is None else self._check_recompute(rows)
        lag_names = [names[i] for i in {*(lag.column for lag in lags.columns), *made}]
        self._others = [name for name in names if name not in lag_names]
        given = _other_columns(exog, rows[self._others], labels)
        self._missing = ~labels.isin(given.index)
        with naming("exog", exog):
            later = given.reindex(labels).reindex(columns=names)
        counts = [name for name in lag_names if not is_float_dtype(rows[name])]
        rows = rows.astype(dict.fromkeys(counts, float))
        later = later.astype(rows[lag_names].dtypes)
        # pandas 2 warns of empty tables in concat.
        self._cells = pd.concat([rows, later]) if len(later) else rows

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
                f" X{label if self._labelled else ''}. {DECLARE}"
            )
        for row in range(self._filled, stop):
            for lag in self._lags:
                value = self._known[self._depth + row - lag.steps, lag.target]
                # iat takes half the time of iloc.
                self._cells.iat[row, lag.column] = value  # noqa: PD009
            if self._recompute is not None:
                for column, value in self._recomputed(self._cells, row).items():
                    self._cells.iat[row, column] = value  # noqa: PD009
        self._filled = stop
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
        at = self._depth + row
        block = predicted.reshape(-1, n_targets)[: self._stop - row]
        self._known[at : at + len(block)] = block
        return len(predicted) // n_targets

    def predicted(self):
        """Return what was predicted.

        Returns
        -------
        ndarray of shape (steps, n_targets)
        """
        return self._known[self._depth + self.start : self._depth + self._stop]

    def _recomputed(self, cells, row):
        """Return what the user's function makes of the targets before a row, by position."""
        known = self._known[self._depth : self._depth + row]
        past: Any = known.ravel() if known.shape[1] == 1 else known
        if self._labelled:
            past = pd.DataFrame(known, self._index[:row], self._names)
            past = past if known.shape[1] > 1 else past.iloc[:, 0]
        with naming("recompute", self._recompute):
            made = self._recompute(past)
            made = dict(made.iloc[-1] if isinstance(made, pd.DataFrame) else made)
            names = positions_among(list(cells.columns), list(made), "recompute")
            return dict(zip(names, map(float, made.values()), strict=True))

    def _check_recompute(self, rows):
        """Return the columns that are recomputed, and refuse values that differ from the given."""
        row = min(self.start, self._n_rows - 1)
        made = self._recomputed(rows, row)
        for column, value in made.items():
            held = float(rows.iloc[row, column])
            if not (np.isnan(held) or np.isclose(value, held, rtol=1e-5)):
                raise ValueError(
                    f"recompute makes {value} for column {rows.columns[column]!r} in row {row}"
                    f" ({rows.index[row]!r}), but X holds {held}. It gets the {row} targets before"
                    " that row, oldest first, and returns what the columns hold in that row."
                )
        return list(made)


def _labels_after(index, n_labels, exog):
    """Return the labels of the rows to come."""
    labels = TimeAxis.next_labels(index, n_labels)
    later = index[:0]
    if index_of(exog) is not None and plain(exog.index)[0] == plain(index)[0]:
        later = exog.index[exog.index > index[-1]][:n_labels].rename(index.name)
    if labels is not None and (labels.isin(later).all() or not _has_gaps(index)):
        return labels
    # Without a step, or with holidays, the rows of exog tell which dates come next.
    if len(later) == n_labels:
        return later
    if labels is not None:
        return labels
    if isinstance(index[-1], str):
        raise ValueError(
            f"The index of X holds text such as {index[-1]!r}, so the labels after it are not"
            " known. Make dates of it before series_to_supervised, for instance with"
            " series.index = pd.to_datetime(series.index)."
        )
    raise ValueError(
        f"The labels of the {n_labels} steps after {index[-1]!r} are not known: the index of X has"
        " no regular step. Give it one, for instance with X.asfreq('D') or X.to_period(), or name"
        f" the labels with exog=pd.DataFrame(index=...), of at least {n_labels} rows after the last"
        " one of X."
    )


def _has_gaps(index):
    """Tell whether labels are missing in an index with a regular step."""
    axis = TimeAxis.fit(index)
    return axis is not None and bool((np.diff(axis.number(index)) > 1).any())


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
            f"exog has the columns {list(given.columns)!r}, but lacks {lacking!r}. {DECLARE}"
        )
    given = given.reindex(columns=others)
    # The estimator learnt from numbers here, so objects must be numbers, too.
    numeric = [name for name in others if is_any_real_numeric_dtype(seen[name].dtype)]
    check_not_infinite(check_floats(given[numeric], "exog"), given[numeric], "exog")
    objects = [name for name in numeric if given[name].dtype == object]
    given[objects] = check_floats(given[objects], "exog")
    return given


def _fill(into, values):
    """Write values into the first rows, where these are still NaN."""
    rows = into[: len(values)]
    rows[...] = np.where(np.isnan(rows), values, rows)
