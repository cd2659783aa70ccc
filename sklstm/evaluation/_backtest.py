"""How well an estimator would have predicted what is known by now."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import TimeSeriesSplit, check_cv
from sklearn.utils.parallel import Parallel, delayed

from sklstm._checks._arguments import brief, check_count, check_flag, check_kind, listed, naming
from sklstm._checks._tables import check_target, index_of
from sklstm._past._labels import season_of
from sklstm._past._past import check_sorted
from sklstm._past._target_layout import horizon_of, target_names
from sklstm._sklearn._compat import safe_indexing
from sklstm.evaluation._backtest_result import BacktestResult
from sklstm.evaluation._baselines import BASELINES, baseline
from sklstm.evaluation._scores import score_folds, scorers_of
from sklstm.forecasting._forecast import forecast
from sklstm.forecasting._target_columns import lags_of


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
    n_jobs=None,
):
    """Predict past rows as if they were still to come, and compare with simple forecasts.

    Each fold is predicted by an estimator that has seen nothing but rows before it. The scores are
    those of :func:`~sklearn.model_selection.cross_validate` on the same splits.

    Parameters
    ----------
    estimator : estimator
        Any regressor, pipeline or search; it is cloned.
    X : DataFrame or ndarray of shape (n_rows, n_features)
        One row per time step, oldest first: what is known before the row's own target.
    y : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The target.
    cv : int, splitter or iterable of (train, test), default=5
        How to split. An int is the number of folds of a
        :class:`~sklearn.model_selection.TimeSeriesSplit`, whose `max_train_size` makes training
        windows slide instead of expand, and whose `gap` leaves rows out.
    refit : bool, default=True
        Whether each fold has an estimator of its own. Otherwise one is fitted on the training rows
        of the first fold and walks on, with ever more rows behind it.
    feed_back : bool, default=False
        Whether each fold is one :func:`forecast` from the end of its training rows, its
        predictions fed back. Otherwise each row is predicted from `X` as it is, so one step (or
        the horizon of a target with several steps) ahead of the last observed value.
    baselines : sequence of {"persistence", "seasonal_naive", "drift"}, default=\
            ("persistence", "seasonal_naive", "drift")
        What to compare with: the last value known; the last one of the same season; the last one
        and the mean step since the first training row. They know what the estimator knows.
    season : int, default=None
        Rows per season. None judges by the step of the index, 12 for months; where that says
        nothing, there is no seasonal naive forecast.
    scoring : str, callable or sequence of str, default="neg_mean_absolute_error"
        One or several scorers, by scikit-learn's names or as ``scorer(estimator, X, y)``.
    y_lag : str, int or sequence of these, default=None
        Passed to :func:`forecast`; only with `feed_back`.
    n_jobs : int, default=None
        Number of folds to fit at the same time.

    Returns
    -------
    BacktestResult
        What was found, in four attributes. Rows whose target is NaN are predicted but not scored.

        ``predictions`` : DataFrame
            One line per predicted value, labelled like the rows: ``fold``, ``step`` (steps after
            the last value known when it was predicted), ``output`` (only where there are several),
            ``actual``, ``prediction``, and a column for each baseline.
        ``scores`` : DataFrame
            One line per fold and one, ``"overall"``, for all rows together; columns are the
            estimator and the baselines. With several scorers, the lines of each stand under its
            name.
        ``skill`` : DataFrame
            For each baseline, the part of the way from its score to a perfect one that the
            estimator has gone: 1 is perfect, 0 is no better than the baseline, less is worse.
        ``estimators`` : list of estimator
            The fitted estimators, one for each fold, or the only one.

    Raises
    ------
    ValueError
        If a fold is trained on rows that do not come before its test rows, a parameter is out of
        range, or the lengths or labels of `X` and `y` differ.
    TypeError
        If `estimator` is none, or a parameter of another type than it should.

    See Also
    --------
    forecast : Values beyond the last observed one.
    conformal_interval : Intervals from the errors that a back-test found.

    Notes
    -----
    With ``refit=True`` the scores are those of `cross_validate`, also where a split leaves a gap:
    an estimator that looks back does not see the rows of the gap, and warns. With ``refit=False``
    or ``feed_back=True`` all rows since the training rows are the past of the test rows.

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
    for method in ("fit", "predict"):
        check_kind(estimator, "estimator", method, "a regressor, pipeline or search")
    with naming("X", X):
        X = X if isinstance(X, pd.DataFrame) else np.asarray(X)
        if X.ndim not in (2, 3) or 0 in X.shape:
            raise ValueError("expected rows or windows, at least one, of at least one column.")
    if isinstance(X, pd.DataFrame) and not X.columns.is_unique:
        raise ValueError(f"X has two columns of one name: {list(X.columns)!r}.")
    if index_of(X) is not None:
        check_sorted(X.index)
    target = check_target(y, X)
    check_flag(refit, "refit")
    check_flag(feed_back, "feed_back")
    if n_jobs is not None and (
        not isinstance(n_jobs, Integral) or isinstance(n_jobs, bool) or n_jobs == 0
    ):
        raise ValueError(f"n_jobs={brief(n_jobs)} is not valid: expected None or an int but 0.")
    horizon = horizon_of(target_names(y), target)
    if feed_back and horizon > 1:
        raise ValueError(
            f"feed_back=True forecasts one step after the other, but y reaches {horizon} steps"
            " ahead: set feed_back=False, or pass a y of one step."
        )
    names, season = _check_baselines(baselines, season, index_of(X))
    scorers = scorers_of(scoring)
    splits = _splits(cv, X, y)
    exog = None
    if feed_back:
        y_lag = getattr(estimator, "y_lag", None) if y_lag is None else y_lag
        exog = _other_columns(X, lags_of(X, y, target, None, y_lag))
    elif y_lag is not None:
        lags_of(X, y, target, None, y_lag)  # not needed, but wrong all the same
    job = _Job(estimator, X, y, feed_back, y_lag, exog)
    if refit:
        # In a tuple, rows travel with their fold; joblib would leave arrays of their own on one
        # machine of a cluster, and the fold would be lost with it.
        found = Parallel(n_jobs=n_jobs)(delayed(_predict_fold)(job, split) for split in splits)
    else:
        found = _walk_on(job, splits)

    folds, parts = [], []
    for number, ((train, test), (_, predicted)) in enumerate(zip(splits, found, strict=True)):
        origins = np.full(len(test), train[-1]) if feed_back else test - 1
        values = {"actual": target[test], "prediction": predicted}
        for name in names:
            values[name] = baseline(
                name, target, test, origins, horizon=horizon, season=season, first=train[0]
            )
        folds.append((test, values))
        parts.append(_lines(number, test, test - origins, values, X, y, horizon))
    fitted = [estimator for estimator, _ in found]
    with naming("scoring", scoring):
        scores, skill = score_folds(scorers, folds, fitted, X, np.ndim(y))
    if isinstance(scoring, str) or callable(scoring):
        scores, skill = scores.droplevel("score"), skill.droplevel("score")
    return BacktestResult(pd.concat(parts), scores, skill, fitted if refit else fitted[:1])


@dataclass(frozen=True)
class _Job:
    """What all folds have in common."""

    estimator: object
    X: object
    y: object
    feed_back: bool
    y_lag: object
    exog: object


def _check_baselines(baselines, season, index):
    names = [] if baselines is None else listed(baselines, "baselines")
    for name in names:
        if name not in BASELINES:
            raise ValueError(
                f"baselines={baselines!r} names {name!r}: expected some of {BASELINES}."
            )
    if season is not None:
        season = check_count(season, "season")
    elif index is not None:
        season = season_of(index)
    return [name for name in names if name != "seasonal_naive" or season is not None], season


def _splits(cv, X, y):
    """List the splits, each with sorted rows, and refuse those that train on what comes later."""
    if isinstance(cv, type):
        raise ValueError(f"cv={cv!r} is a class: pass an object, such as {cv.__name__}().")
    with naming("cv", cv):
        splitter = TimeSeriesSplit(cv) if isinstance(cv, Integral) else check_cv(cv)
        splits = [tuple(map(np.sort, split)) for split in splitter.split(X, y)]
        for number, rows in enumerate(splits):
            for some in rows:
                if some.ndim != 1 or (some.size and some.dtype.kind not in "iu"):
                    raise ValueError(
                        f"fold {number} holds {brief(some)} of {some.dtype}: expected row numbers."
                    )
                wrong = some[(some < 0) | (some >= len(X))]
                if wrong.size:
                    raise ValueError(
                        f"fold {number} holds row {wrong[0]}: expected 0 to {len(X) - 1}."
                    )
    if not splits:
        raise ValueError(f"cv={cv!r} holds no split: expected at least one.")
    for number, (train, test) in enumerate(splits):
        if not len(train) or not len(test) or train[-1] >= test[0]:
            raise ValueError(
                f"cv={cv!r} does not train fold {number} on rows that all come before its test"
                " rows, as a back-test has to. Use TimeSeriesSplit, or splits that go on in time."
            )
    return splits


def _fitted(job, train):
    return clone(job.estimator).fit(safe_indexing(job.X, train), safe_indexing(job.y, train))


def _predict_fold(job, split):
    """Fit on the training rows of a fold and predict its test rows."""
    train, test = split
    fitted = _fitted(job, train)
    start = train[-1] + 1 if job.feed_back else test[0]
    return fitted, _predict(fitted, job, start, test, train[0])


def _walk_on(job, splits):
    """Fit once and predict all folds, each with all rows since then as its past."""
    fitted = _fitted(job, splits[0][0])
    start = splits[0][0][-1] + 1
    if not job.feed_back:
        last = max(test[-1] for _, test in splits)
        every = _predict(fitted, job, start, np.arange(start, last + 1), 0)
        return [(fitted, every[test - start]) for _, test in splits]
    return [(fitted, _predict(fitted, job, train[-1] + 1, test, 0)) for train, test in splits]


def _predict(fitted, job, start, test, first):
    """Predict test rows; rows between ``start`` and the first of them are their past."""
    if job.feed_back:
        known = np.arange(first, start)
        ahead = np.arange(start, test[-1] + 1)
        predicted = forecast(
            fitted,
            safe_indexing(job.X, known),
            len(ahead),
            y=safe_indexing(job.y, known),
            exog=None if job.exog is None else safe_indexing(job.exog, ahead),
            y_lag=job.y_lag,
        )
    else:
        ahead = np.arange(start, test[-1] + 1)
        predicted = fitted.predict(safe_indexing(job.X, ahead))
    return np.asarray(predicted, dtype=float).reshape(len(ahead), -1)[test - start]


def _other_columns(X, lags):
    """Return the columns that hold no earlier target, which are known for the rows to come."""
    held = [lag.column for lag in lags.columns]
    others = [i for i in range(X.shape[1]) if i not in held]
    if not others:
        return None
    return X.iloc[:, others] if isinstance(X, pd.DataFrame) else X[:, others]


def _lines(fold, test, distance, values, X, y, horizon):
    """Lay the values of a fold out as lines of a table, one for each predicted value."""
    n_rows, n_outputs = values["actual"].shape
    labels = pd.Index(test, name="row") if index_of(X) is None else X.index[test]
    later = np.repeat(np.arange(horizon), n_outputs // horizon)
    columns = {"fold": fold, "step": (distance[:, None] + later).ravel()}
    if np.ndim(y) > 1:
        columns["output"] = (target_names(y) or list(range(n_outputs))) * n_rows
    columns |= {name: value.ravel() for name, value in values.items()}
    return pd.DataFrame(columns, index=labels.repeat(n_outputs))
