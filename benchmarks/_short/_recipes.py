"""What sklstm makes of short series, and other regressors of scikit-learn in its place."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from _short._forecasters import Forecasts, Job, each, table_of
from _short._series import COMPETITIONS, load_competition
from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
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


def with_network(job: Job, seed: int) -> TransformedSeriesRegressor:
    """Make a network of the same lags, by its defaults."""
    regressor = make_pipeline(LagWindower(2 * job.season), LSTMRegressor(random_state=seed))
    return differenced(job, regressor, [1, job.season])


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
    return each(by_model(with_network), jobs, seed)


# --- one network for many series ----------------------------------------------------------------


def pooled(jobs: list[Job], seed: int) -> Forecasts:
    """Forecast by networks for all series of a season, which learn from the competitions', too."""
    season, horizon, n_test = jobs[0].season, jobs[0].horizon, jobs[0].n_test
    others = {
        f"{competition} {name}": values
        for competition in COMPETITIONS
        for name, values in load_competition(competition, jobs[0].frequency).items()
    }
    train = others | {job.name: job.train for job in jobs}
    logs = {name for name, values in train.items() if (values > 0).all()}
    known = long_table({job.name: job.values for job in jobs}, logs, n_test)

    # 1. One step ahead, a network learns changes.
    model = TransformedSeriesRegressor(window_network(season, seed), transformer=Differencer())
    model.fit(*series_to_supervised(long_table(train, logs)))
    X, _ = series_to_supervised(known)
    one = pd.Series(model.predict(X), X.index)

    # 2. Another learns all steps ahead at once, from values.
    model = window_network(season, seed)
    model.fit(*series_to_supervised(long_table(train, logs), horizon=horizon, keep_last=True))
    X, _ = series_to_supervised(known, horizon=horizon, keep_last=True)
    many = pd.DataFrame(model.predict(X), X.index)

    found = {}
    for job in jobs:
        undo = np.exp if job.name in logs else np.asarray
        of_job = [ahead.xs(job.name, level="series").loc[0:] for ahead in (one, many)]
        found[job.name] = table_of(undo(of_job[0]), undo(of_job[1].loc[::horizon].to_numpy()))
    return found


def window_network(season: int, seed: int):
    """Make a network of windows of three seasons, each scaled by itself."""
    network = LSTMRegressor(
        64,
        loss="mae",
        learning_rate=2e-3,
        learning_rate_schedule="cosine",
        epochs=8,
        batch_size=256,
        random_state=seed,
    )
    return make_pipeline(LagWindower(3 * season, fold=season), WindowScaledRegressor(network))


def long_table(series: dict[str, pd.Series], logs: set[str], n_ahead: int = 0) -> pd.Series:
    """Put series below each other, some as logarithms.

    Their rows are counted so that the last `n_ahead` rows of each series are 0, 1 and so on.
    """
    parts = {}
    for name, values in series.items():
        rows = pd.RangeIndex(len(values)) - (len(values) - n_ahead)
        parts[name] = (np.log(values) if name in logs else values).set_axis(rows)
    return pd.concat(parts, names=["series", "row"]).swaplevel().sort_index().rename("value")
