"""Fit estimators on the training rows of folds, and predict the test rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from sklearn.base import clone

from sklstm._checks._tables import index_of
from sklstm._sklearn._compat import safe_indexing
from sklstm._sklearn._composition import call_final, final_estimator
from sklstm._sklearn._parallel import shared_out
from sklstm._sklearn._warnings import each_once
from sklstm.evaluation._rows import Rows
from sklstm.forecasting._rows_ahead import rows_ahead


@dataclass(frozen=True)
class Folds:
    """What all folds of a back-test have in common.

    Attributes
    ----------
    estimator : estimator
        Clones of it are fitted.
    X, y : array-like
        All rows, and their targets.
    table : Rows
        Which series they belong to, and when.
    horizon : int
        How many steps ahead a row of `y` holds.
    method : {"predict", "predict_quantiles"}
    feed_back : bool
        Whether the rows of a fold are one forecast; only then are the next ones used.
    y_lag, recompute : object
        See `forecast`.
    later : array-like or None
        The columns of `X` that are known ahead.
    past_inputs : dict
        See `observed_inputs`.
    """

    estimator: Any
    X: Any
    y: Any
    table: Rows
    horizon: int
    method: str
    feed_back: bool
    y_lag: Any
    recompute: Any
    later: Any
    past_inputs: dict

    def predicted(self, splits, refit, n_jobs):
        """Return the fitted estimators, and the predictions of the test rows of each fold.

        With `refit`, each fold has an estimator of its own, else that of the first one.
        """
        parts = [[split] for split in splits] if refit else [splits]
        with each_once():
            if len(parts) == 1:
                found = [_fit_predict(self, splits, n_jobs)]
            else:
                found = shared_out(n_jobs, _fit_predict, [(self, part) for part in parts])
        return [fitted for fitted, _ in found], [each for _, several in found for each in several]


def _fit_predict(folds, splits, n_jobs=None):
    """Fit on the training rows of the first of some folds, and predict the test rows of all."""
    train, _ = splits[0]
    rows = train
    if folds.feed_back and not hasattr(final_estimator(folds.estimator), "horizon"):
        # Targets of the last rows lie among the test rows; regressors with a horizon know that.
        n_later = folds.table.within[folds.table.last_of_series(train)][folds.table.series[train]]
        rows = train[n_later - folds.table.within[train] >= folds.horizon - 1]
    fitted = clone(folds.estimator).fit(safe_indexing(folds.X, rows), safe_indexing(folds.y, rows))
    if folds.feed_back:
        options = {"start": train[0], "n_jobs": n_jobs}
        return fitted, [_forecast_fold(fitted, folds, *split, **options) for split in splits]
    # One call for all folds. Rows between the training and the test rows are part of the past.
    tests = np.concatenate([test for _, test in splits])
    after = folds.table.last_of_series(train)[folds.table.series]
    until = folds.table.last_of_series(tests)[folds.table.series]
    rows = np.arange(len(until))
    rows = rows[(rows > after) & (rows <= until)]
    predicted = _predict_rows(fitted, folds, rows, n_jobs)
    return fitted, [predicted[np.searchsorted(rows, test)] for _, test in splits]


def _predict_rows(fitted, folds, rows, n_jobs):
    """Predict some rows, the series shared out to workers; the numbers are those of one call."""
    found, series = np.unique(folds.table.series[rows], return_inverse=True)
    n_parts = min(len(found), effective_n_jobs(n_jobs))
    part = series * n_parts // len(found)
    calls = [
        (fitted, folds.method, safe_indexing(folds.X, rows[part == i])) for i in range(n_parts)
    ]
    values = shared_out(n_jobs, call_final, calls) if n_parts > 1 else [call_final(*calls[0])]
    values = np.concatenate([np.asarray(some) for some in values])
    return values[np.argsort(np.argsort(part, kind="stable"))]


def _forecast_fold(fitted, folds, train, test, *, start, n_jobs):
    """Forecast test rows from the last training rows; the model was trained from `start` on."""
    last, is_known = folds.table.known(start, train, test)
    rows, series = np.arange(len(is_known)), folds.table.series
    is_ahead = (rows > last[series]) & (rows <= folds.table.last_of_series(test)[series])
    known, ahead = rows[is_known], rows[is_ahead & (last[series] >= 0)]
    if index_of(folds.X) is None:
        labels = pd.RangeIndex(len(known), len(known) + len(ahead))
    else:
        labels = folds.X.index[ahead]
    y = safe_indexing(folds.y, known)
    if folds.horizon > 1:
        within = folds.table.within
        n_later = within[last[series[known]]] - within[known]
        step = np.arange(np.shape(y)[1]) // (np.shape(y)[1] // folds.horizon)
        y = pd.DataFrame(y).mask(step > n_later[:, None])
        y = y if index_of(folds.y) is not None else y.to_numpy()
    table, _ = rows_ahead(
        fitted,
        safe_indexing(folds.X, known),
        y,
        None if folds.later is None else safe_indexing(folds.later, ahead),
        folds.y_lag,
        folds.recompute,
        labels=labels,
        n_jobs=n_jobs,
        past_inputs={name: values[known] for name, values in folds.past_inputs.items()},
    )
    # Targets that are not known at the end of the training rows are forecast as well.
    wanted = labels[np.searchsorted(ahead, test)]
    return table.predicted()[table.labels.get_indexer(wanted)]
