"""Predictions of past rows by estimators that were trained on earlier rows only."""

from numbers import Integral
from types import SimpleNamespace

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import check_scalar
from sklearn.utils.parallel import Parallel, delayed

from sklstm._checks._arguments import check_count, check_flag, check_kind, listed
from sklstm._checks._horizon import horizon_of, target_names
from sklstm._checks._lag_columns import lags_of
from sklstm._checks._tables import (
    check_ordered,
    check_target,
    index_of,
    layout_of,
    positions_among,
)
from sklstm._past._time_axis import TimeAxis
from sklstm._sklearn._compat import safe_indexing
from sklstm._sklearn._warnings import each_once
from sklstm.evaluation._backtest_result import BacktestResult
from sklstm.evaluation._baselines import BASELINES, baseline
from sklstm.evaluation._scores import score_folds, scorers_of
from sklstm.evaluation._splits import check_splits
from sklstm.forecasting._forecast import rows_ahead
from sklstm.forecasting._recursive_rows import DECLARE


def backtest(
    estimator,
    X,
    y,
    cv=5,
    *,
    refit=True,
    feed_back=False,
    baselines=BASELINES,
    season=None,
    scoring="neg_mean_absolute_error",
    y_lag=None,
    future_inputs=None,
    recompute=None,
    n_jobs=None,
):
    """Predict past rows from the rows before them, and compare with simple forecasts.

    Each fold is predicted by an estimator that was trained on rows before it only. The scores are
    those of :func:`~sklearn.model_selection.cross_validate` on the same splits, if these leave no
    gap.

    Parameters
    ----------
    estimator : estimator
        Any regressor, pipeline or search. Clones of it are fitted.
    X : DataFrame or ndarray of shape (n_rows, n_features)
        One row per time step, oldest first. A row holds what is known before its own target.
    y : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The target.
    cv : int, splitter or iterable of (train, test), default=5
        How to split. An int is the number of folds of a
        :class:`~sklearn.model_selection.TimeSeriesSplit`. Pass one with `max_train_size` to limit
        the training rows, or with `gap` to leave rows out before each fold.
    refit : bool, default=True
        True fits an estimator for each fold. False fits one on the training rows of the first fold,
        which predicts all folds; all rows before a test row are its past.
    feed_back : bool, default=False
        True makes each fold one :func:`forecast` from the end of its training rows, where
        predictions are fed back. False predicts each row from `X` as it is: one step ahead, or all
        steps of a target with a horizon.
    baselines : sequence of {"persistence", "seasonal_naive", "drift"}, default=\
            ("persistence", "seasonal_naive", "drift")
        What to compare with: the last known value; the last known value of the same season; the
        last known value plus the mean step since the first training row. They use only values that
        the estimator knows, too.
    season : int, default=None
        Rows per season. None takes it from the step of the index, for instance 12 for months. If
        the index has no such step, there is no seasonal naive forecast.
    scoring : str, callable or sequence of str, default="neg_mean_absolute_error"
        One or several scorers, by scikit-learn's names or as ``scorer(estimator, X, y)``.
    y_lag : str, int or sequence of these, default=None
        Passed to :func:`forecast`; used only with `feed_back`.
    future_inputs : str, int or sequence of these, default=None
        The columns of `X`, by name or position, that are known before, such as a calendar; the
        `exog` of :func:`forecast`. With `feed_back`, columns that hold no earlier target must be
        among them, or be made by `recompute`: their values in the test rows are not known yet.
    recompute : callable, default=None
        Passed to :func:`forecast`; used only with `feed_back`.
    n_jobs : int, default=None
        Number of folds to fit at the same time.

    Returns
    -------
    BacktestResult
        The result, with four attributes. Rows whose target is NaN are predicted but not scored.

        ``predictions`` : DataFrame
            One line per predicted value, labelled like the rows: ``fold``, ``step`` (how many steps
            after the last known value), ``output`` (only with several), ``actual``, ``prediction``,
            and a column for each baseline.
        ``scores`` : DataFrame
            One line per fold and one, ``"overall"``, for all rows together; columns are the
            estimator and the baselines. With several scorers, the index has a first level with
            their names.
        ``skill`` : DataFrame
            For each baseline, ``(score - baseline) / (perfect - baseline)``: 1 is a perfect
            estimator, 0 is as good as the baseline, less than 0 is worse.
        ``estimators`` : list of estimator
            The fitted estimators: one for each fold, or with ``refit=False`` only one.

    Raises
    ------
    ValueError
        If a fold has training rows that do not come before its test rows, a column's values in the
        test rows are not declared, a parameter is out of range, or the lengths or labels of `X` and
        `y` differ.
    TypeError
        If `estimator` is not an estimator, or a parameter has a wrong type.

    See Also
    --------
    forecast : Values after the last observed one.
    conformal_interval : Intervals from the errors of a back-test.

    Notes
    -----
    All rows since the training rows are the past of the test rows. So if a split leaves a gap, an
    estimator that looks back sees the rows of the gap, which `cross_validate` does not show it. A
    target of several steps needs no gap: see the `horizon` of :class:`TransformedSeriesRegressor`.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import LagWindower, TransformedSeriesRegressor, backtest, series_to_supervised
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> model = TransformedSeriesRegressor(make_pipeline(LagWindower(12, flatten=True), Ridge()))
    >>> result = backtest(model, X, y, cv=3)
    >>> result.scores.round(1)
                    prediction  persistence  seasonal_naive  drift
    fold
    0             -12.0        -36.6           -23.2  -36.9
    1             -12.0        -40.9           -29.1  -41.2
    2             -25.7        -40.6           -12.3  -41.0
    overall       -16.6        -39.4           -21.6  -39.7
    """
    # 1. Validate.
    for method in ("fit", "predict"):
        check_kind(estimator, "estimator", method, "a regressor, pipeline or search")
    X = check_ordered(X, (2, 3), "expected rows or windows, at least one, with a column.")
    target = check_target(y, X)
    check_flag(refit, "refit")
    check_flag(feed_back, "feed_back")
    if n_jobs is not None:
        check_scalar(n_jobs, "n_jobs", Integral)
    horizon = horizon_of(target_names(y), target, layout_of(X, y))
    if feed_back and horizon > 1:
        raise ValueError(
            f"feed_back=True forecasts one step after the other, but y reaches {horizon} steps"
            " ahead: set feed_back=False, or pass a y of one step."
        )
    names, season = _check_baselines(baselines, season, index_of(X))
    scorers = scorers_of(scoring)
    splits = check_splits(cv, X, y)
    if feed_back and y_lag is None:
        y_lag = getattr(estimator, "y_lag", None)
        y_lag = None if isinstance(y_lag, str) and y_lag == "auto" else y_lag
    columns = list(X.columns) if isinstance(X, pd.DataFrame) else list(range(X.shape[1]))
    exog, known = None, []
    if future_inputs is not None:
        known = positions_among(columns, future_inputs, "future_inputs")
        exog = safe_indexing(X, known, axis=1)
    if feed_back or y_lag is not None:  # a wrong `y_lag` is refused where it is not used, too
        lags = lags_of(X, y, target, exog, y_lag, guess=recompute is None)
        held = {*known, *(lag.column for lag in lags.columns)}
        lacking = [name for i, name in enumerate(columns) if i not in held]
        if feed_back and lacking and recompute is None:
            raise ValueError(f"The values of {lacking!r} in the test rows are not known. {DECLARE}")

    # 2. Fit and predict.
    options = {"refit": refit, "feed_back": feed_back, "y_lag": y_lag, "exog": exog}
    task = SimpleNamespace(estimator=estimator, X=X, y=y, recompute=recompute, **options)
    # joblib stores an argument that is an array on one worker of a cluster, and loses it with
    # that worker. Inside `task` and the list of a split, arrays are sent with each fold.
    parts = [[split] for split in splits] if refit else [splits]
    with each_once():
        found = Parallel(n_jobs=n_jobs if refit else None)(
            delayed(_fit_predict)(task, part) for part in parts
        )
    estimators = [fitted for fitted, _ in found]
    predictions = [predicted for _, several in found for predicted in several]

    # 3. Put predictions beside baselines and actual values.
    folds, parts = [], []
    for number, ((train, test), predicted) in enumerate(zip(splits, predictions, strict=True)):
        origins = np.full(len(test), train[-1]) if feed_back else test - 1
        predicted = np.asarray(predicted, dtype=float).reshape(len(test), -1)
        values = {"actual": target[test], "prediction": predicted}
        for name in names:
            values[name] = baseline(
                name, target, test, origins, horizon=horizon, season=season, first=train[0]
            )
        folds.append((number, test, values, estimators[number if refit else 0]))
        parts.append(_lines(number, test, test - origins, values, X, y, horizon))

    # 4. Score.
    scores, skill = score_folds(scoring, scorers, folds, X, np.ndim(y))
    return BacktestResult(pd.concat(parts), scores, skill, estimators)


def _check_baselines(baselines, season, index):
    """Return the baselines that can be computed, and the rows per season."""
    names = [] if baselines is None else listed(baselines, "baselines")
    for name in names:
        if name not in BASELINES:
            raise ValueError(
                f"baselines={baselines!r} names {name!r}: expected some of {BASELINES}."
            )
    season = TimeAxis.season_of(index) if season is None else check_count(season, "season")
    return [name for name in names if name != "seasonal_naive" or season is not None], season


def _fit_predict(task, splits):
    """Fit on the training rows of the first of some folds, and predict the test rows of all."""
    train, _ = splits[0]
    fitted = clone(task.estimator).fit(safe_indexing(task.X, train), safe_indexing(task.y, train))
    if task.feed_back:
        return fitted, [_forecast_fold(fitted, task, train[0], *split) for split in splits]
    # One call for all folds. The rows of a gap are part of the past.
    start = train[-1] + 1
    rows = np.arange(start, max(test[-1] for _, test in splits) + 1)
    predicted = np.asarray(fitted.predict(safe_indexing(task.X, rows)))
    return fitted, [predicted[test - start] for _, test in splits]


def _forecast_fold(fitted, task, first, train, test):
    """Forecast test rows from the last training row; the model was trained from `first` on."""
    known = np.arange(first, train[-1] + 1)
    ahead = np.arange(train[-1] + 1, test[-1] + 1)
    table, _ = rows_ahead(
        fitted,
        safe_indexing(task.X, known),
        safe_indexing(task.y, known),
        None if task.exog is None else safe_indexing(task.exog, ahead),
        task.y_lag,
        task.recompute,
        labels=pd.RangeIndex(len(known), len(known) + len(ahead))
        if index_of(task.X) is None
        else task.X.index[ahead],
    )
    # Targets that are not known at the end of the training rows are forecast as well.
    return table.predicted()[-len(ahead) :][test - ahead[0]]


def _lines(fold, test, distance, values, X, y, horizon):
    """Return the values of a fold as a table with one line for each predicted value."""
    n_rows, n_outputs = values["actual"].shape
    labels = pd.Index(test, name="row") if index_of(X) is None else X.index[test]
    later = np.repeat(np.arange(horizon), n_outputs // horizon)
    columns = {"fold": fold, "step": (distance[:, None] + later).ravel()}
    if np.ndim(y) > 1:
        columns["output"] = (target_names(y) or list(range(n_outputs))) * n_rows
    columns |= {name: value.ravel() for name, value in values.items()}
    return pd.DataFrame(columns, index=labels.repeat(n_outputs))
