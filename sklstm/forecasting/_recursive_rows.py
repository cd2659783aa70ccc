"""The rows of a forecast: values predicted so far are filled into each next row."""

import numpy as np
import pandas as pd
from pandas.api.types import is_any_real_numeric_dtype, is_float_dtype

from sklstm._checks._arguments import naming
from sklstm._checks._numbers import check_floats, check_not_infinite
from sklstm._checks._tables import check_names, index_of
from sklstm._past._time_axis import TimeAxis


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
    steps : int
        Steps to forecast.
    exog : DataFrame, Series, ndarray or None
        The columns that are no lags, in the rows to come.

    Attributes
    ----------
    start : int
        The first row to predict: the first one whose target is not known.
    labels : pandas.Index of length steps
        The labels of the rows to predict; positions for an array.

    Raises
    ------
    ValueError
        If no target is known, the labels to come are not known, or `exog` lacks a column.
    """

    def __init__(self, rows, lags, target, steps, exog):
        self._labelled = isinstance(rows, pd.DataFrame)
        if not self._labelled:
            rows = pd.DataFrame(check_floats(rows, "X"))
            exog = None if exog is None else check_floats(exog, "exog")
        self._lags = lags.columns
        self._n_rows = n_rows = len(rows)

        # 1. The targets known so far, and room for those to come. The lags of the first rows hold
        # targets from before the table: row r of the table is row depth + r here.
        self._depth = max((lag.steps for lag in lags.columns), default=0)
        n_targets = lags.n_targets or 0
        n_known = self._depth + n_rows + lags.horizon - 1
        self._known = known = np.full((n_known + steps, n_targets), np.nan)
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
        self._stop = self.start + steps
        self._filled = min(self.start, n_rows)

        # 2. The labels to come.
        labels = _labels_after(rows.index, max(0, self._stop - n_rows), exog)
        begun = rows.index[self.start : self._stop]
        self.labels = begun.append(labels) if len(begun) else labels[-steps:]

        # 3. One table of the rows so far and those to come, in which lags are floats.
        names = list(rows.columns)
        lag_names = [names[lag.column] for lag in lags.columns]
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
                f" X{label if self._labelled else ''}. These columns of X hold no earlier target,"
                " so every step needs them: pass them in exog, labelled like X, or predict them as"
                " targets, too."
            )
        for row in range(self._filled, stop):
            for lag in self._lags:
                value = self._known[self._depth + row - lag.steps, lag.target]
                # iat takes half the time of iloc.
                self._cells.iat[row, lag.column] = value  # noqa: PD009
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


def _labels_after(index, n_labels, exog):
    """Return the labels of the rows to come."""
    labels = TimeAxis.next_labels(index, n_labels)
    if labels is not None:
        return labels
    if index_of(exog) is not None:
        later = exog.index[exog.index > index[-1]]
        if len(later) >= n_labels:
            return later[:n_labels].rename(index.name)
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
    numeric = [name for name in others if is_any_real_numeric_dtype(seen[name].dtype)]
    check_not_infinite(check_floats(given[numeric], "exog"), given[numeric], "exog")
    objects = [name for name in numeric if given[name].dtype == object]
    given[objects] = check_floats(given[objects], "exog")
    return given


def _fill(into, values):
    """Write values into the first rows, where these are still NaN."""
    rows = into[: len(values)]
    rows[...] = np.where(np.isnan(rows), values, rows)
