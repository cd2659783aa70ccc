"""Predictions of past rows by estimators that were trained on earlier rows only."""

import numpy as np
import pandas as pd

from sklstm._checks._arguments import check_flag, check_jobs, check_kind
from sklstm._checks._columns import column_names
from sklstm._checks._horizon import first_step, horizon_of, target_names
from sklstm._checks._lag_columns import inputs_among, lags_of, observed_inputs
from sklstm._checks._numbers import place_of
from sklstm._checks._quantiles import check_method
from sklstm._checks._tables import check_ordered, check_target, index_of
from sklstm._past._layout import Layout
from sklstm._sklearn._compat import safe_indexing
from sklstm._sklearn._composition import refuse_classifier
from sklstm.evaluation._backtest_result import BacktestResult
from sklstm.evaluation._baselines import BASELINES, baseline, check_baselines
from sklstm.evaluation._folds import Folds
from sklstm.evaluation._intervals._quantiles import named_quantiles
from sklstm.evaluation._rows import Rows
from sklstm.evaluation._scales import Scales
from sklstm.evaluation._scores import Scoring, scorers_of
from sklstm.evaluation._splits import check_splits, with_past
from sklstm.forecasting._future_inputs import DECLARE


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
    method="predict",
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
    X : DataFrame or array of shape (n_rows, n_features) or (n_rows, window, n_features)
        One row per time step, oldest first. A row holds what is known before its own target. If the
        index has several levels, the first is the time, and the others name the series. Windows of
        many series are what :class:`LagWindower` returned, which keeps the index.
    y : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The target.
    cv : int, splitter or iterable of (train, test), default=5
        How to split. An int is the number of folds of a
        :class:`~sklearn.model_selection.TimeSeriesSplit`, or of a :class:`TimeStepSplit` for many
        series. Pass one with `max_train_size` to limit the training rows, or with `gap` to leave
        rows out before each fold.
    refit : bool, default=True
        True fits an estimator for each fold. False fits one on the training rows of the first fold,
        which predicts all folds; all rows before a test row are its past.
    feed_back : bool, default=False
        True makes each fold one :func:`forecast` from the end of its training rows, where
        predictions are fed back; of a target with a horizon, beyond this horizon. Nothing is learnt
        or known of later targets. False predicts each row from `X` as it is: one step ahead, or all
        steps of a target with a horizon.
    baselines : sequence of {"persistence", "seasonal_naive", "drift"}, default=\
            ("persistence", "seasonal_naive", "drift")
        What to compare with: the last known value; the last known value of the same season; the
        last known value plus the mean step since the first training row, all of the same series.
        They use only values that the estimator knows, too.
    season : int, default=None
        Time steps per season. None takes it from the step of the index, for instance 12 for months.
        If the index has no such step, there is no seasonal naive forecast.
    scoring : str, callable or sequence of str, default="neg_mean_absolute_error"
        One or several scorers, by scikit-learn's names or as ``scorer(estimator, X, y)``; also
        ``"neg_mean_absolute_scaled_error"``, ``"neg_root_mean_squared_scaled_error"`` and
        ``"neg_symmetric_mean_absolute_percentage_error"``, the metrics of :mod:`sklstm.metrics`
        with a minus. Errors are scaled by the training rows of the fold.
    y_lag : str, int or sequence of these, default=None
        Passed to :func:`forecast`; used only with `feed_back`.
    future_inputs : str, int or sequence of these, default=None
        The columns of `X`, by name or position, that are known ahead, such as a calendar. Columns
        called ``<name>_step2`` and so on go with ``<name>``. With `feed_back`, columns that hold no
        earlier target must be among them, or be made by `recompute`: their values in the test rows
        are not known yet. Past inputs (``<name>_lag1``) are known in the first row that is
        forecast, so they need a target whose horizon reaches to the end of the fold.
    recompute : callable, default=None
        Passed to :func:`forecast`; used only with `feed_back`.
    method : {"predict", "predict_quantiles"}, default="predict"
        What the estimator predicts. ``"predict_quantiles"`` also records its quantiles, such as
        those of ``LSTMRegressor(loss="quantile")``, in a pipeline or a search, too. The quantile
        0.5 is the prediction that is scored. Quantiles cannot be fed back, so it needs
        ``feed_back=False``; for several steps ahead, a target with a horizon.
    n_jobs : int, default=None
        Number of folds to fit at the same time, by joblib; None is 1, unless a
        ``joblib.parallel_config`` says otherwise. After a single fit (``refit=False``), the series
        are shared out instead, as :func:`forecast` does. The numbers are the same.

    Returns
    -------
    BacktestResult
        The result, with four attributes, and the methods ``scores_by``, ``skill_by`` and, of
        quantiles, ``interval_scores_by`` for the scores of each series, step ahead and so on. Rows
        whose target is NaN are predicted but not scored.

        ``predictions`` : DataFrame
            One line per predicted value, labelled like the rows: ``fold``, ``step`` (how many rows
            of its series after the last known value), ``output`` (only with several), ``actual``,
            ``prediction``, the quantiles if these are recorded (``quantile_0.05`` and so on), and a
            column for each baseline.
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
        test rows are not declared, a parameter is out of range or speaks of the columns of windows,
        quantiles are asked for that the estimator does not predict, fall, or would be fed back, a
        prediction is not finite, or the lengths or labels of `X` and `y` differ.
    TypeError
        If `estimator` is not an estimator, or a parameter has a wrong type.

    Warns
    -----
    CutTimeStepWarning
        If a split learns some series of a time step and tests others.
    UnknownPastWarning
        If a series begins among the test rows of a fold, and is left out of it: with `feed_back`,
        there is nothing to go on from.
    UndefinedScoreWarning
        If rows are left out of a scaled score, because their series has too few or only equal
        training rows.

    See Also
    --------
    forecast : Values after the last observed one.
    forecast_scorer : The same scores of several steps, in a search.
    conformal_interval : Intervals from the errors of a back-test.

    Notes
    -----
    All rows since the training rows are the past of the test rows. So if a split leaves a gap, an
    estimator that looks back sees the rows of the gap, which `cross_validate` does not show it. A
    target of several steps needs no gap: see the `horizon` of :class:`TransformedSeriesRegressor`.

    Of many series, plain scores count each row the same, so that large series and long ones weigh
    most; R² is then high for any forecast of about the right size. Scaled scores and the symmetric
    percentage error count each series the same: they average the rows of each series first, and
    then the series.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import (
    ...     LagWindower,
    ...     TransformedSeriesRegressor,
    ...     backtest,
    ...     series_to_supervised,
    ... )
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> model = TransformedSeriesRegressor(
    ...     make_pipeline(LagWindower(12, flatten=True), Ridge())
    ... )
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
    for needed in ("fit", "predict"):
        check_kind(estimator, "estimator", needed, "a regressor, pipeline or search")
    refuse_classifier(estimator, "Score it by cross_validate(…, cv=cv, scoring='roc_auc').")
    X = check_ordered(X, (2, 3), "expected rows or windows, at least one, with a column.")
    target = check_target(y, X)
    check_method(method, estimator)
    check_flag(refit, "refit")
    check_flag(feed_back, "feed_back")
    if X.ndim == 3 and (feed_back or y_lag is not None or future_inputs is not None):
        raise ValueError(
            f"X holds windows, of shape {X.shape}, into which nothing is fed back: with feed_back,"
            " y_lag or future_inputs, pass rows, and put the LagWindower into the estimator."
        )
    if feed_back and method != "predict":
        raise ValueError(
            f"method={method!r} cannot be fed back: quantiles of a step do not tell those of the"
            " next. Set feed_back=False with a y of as many steps (horizon=… of"
            " series_to_supervised), or method='predict' and conformal_interval."
        )
    check_jobs(n_jobs)
    if recompute is not None:
        check_kind(recompute, "recompute", "__call__", "a function of the targets before a row")
    layout = Layout(index_of(X), len(X))
    horizon = horizon_of(target_names(y), target, layout)
    names, season = check_baselines(baselines, season, layout.times)
    scorers = scorers_of(scoring)
    table = Rows(layout)
    splits = check_splits(cv, X, y, table)
    if feed_back:
        splits = with_past(splits, table, X, refit)
    if feed_back and y_lag is None:
        y_lag = getattr(estimator, "y_lag", None)
        y_lag = None if isinstance(y_lag, str) and y_lag == "auto" else y_lag
    later, past_inputs = _inputs(
        X, y, target, layout, future_inputs, y_lag=y_lag, feed_back=feed_back, recompute=recompute
    )

    # 2. Fit and predict.
    options = {"feed_back": feed_back, "y_lag": y_lag, "recompute": recompute, "method": method}
    options |= {"later": later, "past_inputs": past_inputs, "horizon": horizon}
    common = Folds(estimator, X, y, table, **options)
    estimators, predictions = common.predicted(splits, refit, n_jobs)
    quantiles = {}
    if method == "predict_quantiles":
        predictions, quantiles = named_quantiles(predictions, estimators, target.shape[1])

    # 3. Put predictions beside baselines and actual values.
    if feed_back:  # A forecast has one value for each step, however many a row predicts.
        y, target, horizon = first_step(y, horizon), np.hsplit(target, horizon)[0], 1
    folds = []
    for (train, test), predicted in zip(splits, predictions, strict=True):
        # The last row of the same series whose target is known when a row is predicted.
        origins = table.before[test]
        if feed_back:
            start = train[0] if refit else splits[0][0][0]
            origins = table.known(start, train, test)[0][table.series[test]]
        values = {
            "actual": target[test],
            "prediction": np.asarray(predicted, dtype=float).reshape(len(test), -1),
        }
        firsts = table.first_of_series(train)[table.series[test]]
        for name in names:
            values[name] = baseline(
                name, target, table, test, origins, horizon=horizon, season=season, firsts=firsts
            )
        distance = table.within[test] - table.within[origins]
        folds.append((values, distance if feed_back else np.ones_like(test)))
    values = {name: np.concatenate([columns[name] for columns, _ in folds]) for name in folds[0][0]}
    later = np.repeat(np.arange(horizon), target.shape[1] // horizon)
    steps = np.concatenate([distance for _, distance in folds])[:, None] + later
    rows = np.concatenate([test for _, test in splits])
    fold = np.repeat(np.arange(len(splits)), [len(test) for _, test in splits])
    lost = np.argwhere(~np.isfinite(values["prediction"]))
    if len(lost):
        row, output = lost[0]
        raise ValueError(
            f"{type(estimator).__name__} predicted {values['prediction'][row, output]} for"
            f" {place_of((rows[row],), X)} in fold {fold[row]}, which has no score. Fill what is"
            " not known in X, or put the estimator into a TransformedSeriesRegressor, which"
            " predicts a number for every row."
        )
    recorded = {name: values[name] for name in ("actual", "prediction")} | quantiles | values
    lines = _lines(rows, fold, steps, recorded, X, y)

    # 4. Score.
    keys, levels = _keys(fold, steps, rows, table, X, y)
    index = index_of(X)
    scoring = Scoring(
        scoring,
        scorers,
        values=values,
        rows=rows,
        series=table.series[rows],
        scales=Scales(target, table, splits, season=season, horizon=horizon, index=index),
        X=X,
        y_ndim=np.ndim(y),
        estimators=estimators if refit else estimators * len(splits),
        keys=keys,
        levels=levels,
    )
    scores, skill = (
        _with_overall(*both)
        for both in zip(scoring.tables(["fold"]), scoring.tables([]), strict=True)
    )
    return BacktestResult(lines, scores, skill, estimators, getattr(y, "name", None), scoring)


def _inputs(X, y, target, layout, future_inputs, *, y_lag, feed_back, recompute):
    """Return the columns that are known ahead, and the past inputs of a forecast."""
    known = inputs_among(X, future_inputs, layout)
    later = safe_indexing(X, known, axis=1) if known else None
    if not feed_back and y_lag is None:
        return later, {}
    # A wrong `y_lag` is refused where it is not used, too.
    lags = lags_of(X, y, target, later, y_lag, guess=recompute is None)
    held = {*known, *(lag.column for lag in lags.columns)}
    lacking = [name for i, name in enumerate(column_names(X)) if i not in held]
    if feed_back and lacking and recompute is None:
        raise ValueError(f"The values of {lacking!r} in the test rows are not known. {DECLARE}")
    return later, observed_inputs(X, lags, layout)


def _lines(rows, fold, steps, values, X, y):
    """Return predictions as a table with one line for each value."""
    n_outputs = steps.shape[1]
    labels = pd.Index(rows, name="row") if index_of(X) is None else X.index[rows]
    columns = {"fold": fold.repeat(n_outputs), "step": steps.ravel()}
    if np.ndim(y) > 1:
        columns["output"] = _outputs(y) * len(rows)
    columns |= {name: value.ravel() for name, value in values.items()}
    return pd.DataFrame(columns, index=labels.repeat(n_outputs))


def _outputs(y):
    return target_names(y) or list(range(np.shape(y)[1]))


def _keys(fold, steps, rows, table, X, y):
    """Return what predictions can be grouped by, and which of these keys name series."""
    step, distinct = pd.factorize(steps.ravel(), sort=True)
    keys = {
        "fold": (fold[:, None], pd.RangeIndex(fold[-1] + 1)),
        "step": (step.reshape(steps.shape), pd.Index(distinct)),
    }
    if np.ndim(y) > 1:
        keys["output"] = (np.arange(steps.shape[1]), pd.Index(_outputs(y), tupleize_cols=False))
    names = table.names or []
    levels = []
    for place, labels in enumerate(names, 1):
        level = X.index.names[place]
        if level is None:
            level = "series" if len(names) == 1 else f"level_{place}"
        levels.append(level)
        code, distinct = pd.factorize(labels)
        keys[level] = (code[table.series[rows]][:, None], pd.Index(distinct))
    return keys, levels


def _with_overall(by_fold, overall):
    """Put the line of all folds below the lines of the folds, for each scorer."""
    if not isinstance(by_fold.index, pd.MultiIndex):
        return pd.concat([by_fold, overall])
    names = by_fold.index.unique(0)
    return pd.concat([pd.concat([by_fold.loc[[name]], overall.loc[[name]]]) for name in names])
