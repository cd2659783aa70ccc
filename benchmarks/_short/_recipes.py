"""What sklstm makes of short series, and other regressors of scikit-learn in its place."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from _short._forecasters import Forecasts, Job, each, table_of
from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)


def by_model(build):
    """Return a method that fits such models to the training rows, and forecasts the others."""

    def method(job: Job, seed: int) -> pd.DataFrame:
        X, y = series_to_supervised(job.values)
        model = build(job, seed).fit(X[: -job.n_test], y[: -job.n_test])
        many = []
        for n_known in job.origins():
            ahead = n_known - len(job.values)
            many.append(forecast(model, X[:ahead], job.horizon, y=y[:ahead]))
        return table_of(model.predict(X[-job.n_test :]), many)

    return method


def differenced(job: Job, regressor, interval) -> TransformedSeriesRegressor:
    """Take differences, of logarithms where the series is positive, for any regressor."""
    steps = [FunctionTransformer(np.log, np.exp)] if job.is_positive else []
    steps += [Differencer(interval)] if interval else []
    transformer = make_pipeline(*steps) if steps else None
    return TransformedSeriesRegressor(regressor, transformer=transformer)


def intervals(job: Job) -> list:
    """List the differences that a practitioner would try."""
    return [None, 1, job.season, [1, job.season]]


def with_ridge(job: Job, interval) -> TransformedSeriesRegressor:
    """Make a ridge of the lags of two seasons, cross-validated."""
    regressor = make_pipeline(
        LagWindower(2 * job.season, flatten=True),
        StandardScaler(),
        RidgeCV(np.logspace(-3, 3, 13)),
    )
    return differenced(job, regressor, interval)


def with_trees(job: Job, seed: int) -> TransformedSeriesRegressor:
    """Make boosted trees of the same lags."""
    trees = HistGradientBoostingRegressor(random_state=seed)
    regressor = make_pipeline(LagWindower(2 * job.season, flatten=True), trees)
    return differenced(job, regressor, [1, job.season])


def with_network(job: Job, seed: int, interval) -> TransformedSeriesRegressor:
    """Make a network of the same lags, by its defaults."""
    regressor = make_pipeline(LagWindower(2 * job.season), LSTMRegressor(random_state=seed))
    return differenced(job, regressor, interval)


def ridge(jobs: list[Job], seed: int) -> Forecasts:
    """Forecast each series by ridge."""
    return each(by_model(lambda job, seed: with_ridge(job, [1, job.season])), jobs, seed)


def boosted_trees(jobs: list[Job], seed: int) -> Forecasts:
    """Forecast each series by boosted trees."""
    return each(by_model(with_trees), jobs, seed)


def mean_of_ridges(jobs: list[Job], seed: int) -> Forecasts:
    """Average ridges of four kinds of differences."""

    def build(job, seed):
        return VotingRegressor([(str(i), with_ridge(job, i)) for i in intervals(job)])

    return each(by_model(build), jobs, seed)


def network(jobs: list[Job], seed: int) -> Forecasts:
    """Forecast each series by a network of its own, by its defaults."""
    return each(by_model(lambda job, seed: with_network(job, seed, [1, job.season])), jobs, seed)
