"""Targets of several steps ahead in `TransformedSeriesRegressor`.

The oracle is a loop over rows: what was known before a row, run on without a change, is what its
steps are expected to be; scikit-learn's ridge learns the rest.
"""

import numpy as np
import pandas as pd
import pytest
from estimators import MILK, quietly
from hypothesis import strategies as st
from panels import law, loop, panels, rows_of
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, StandardScaler

from sklstm import (
    Differencer,
    InverseWarning,
    LagWindower,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    UnknownPastWarning,
    UnsaidHorizonWarning,
    UnseenSeriesWarning,
    backtest,
    forecast,
    series_to_supervised,
)

MONTHS = pd.date_range("2015-01-01", periods=90, freq="MS")
RANDOM = np.random.default_rng(0)
SERIES = pd.Series(
    np.exp(RANDOM.normal(0, 0.1, 90).cumsum()) + 0.3 * np.sin(np.arange(90) * np.pi / 2) + 2,
    MONTHS,
    name="sold",
)
WINDOW = 3
INTERVALS = [1, 4, [1, 4], [4, 1], [1, 1]]
LOG = FunctionTransformer(np.log, np.exp)


class Taught(RegressorMixin, BaseEstimator):
    """A regressor that keeps the targets that it is taught, and predicts them for as many rows."""

    def fit(self, X, y):
        """Keep the targets."""
        self.y_ = np.asarray(y)
        return self

    def predict(self, X):
        """Return the first of them."""
        return self.y_[: len(X)]


def model(transformer=None, window=WINDOW, **options):
    """Return ridge on windows."""
    windows = LagWindower(window, flatten=True)
    return TransformedSeriesRegressor(make_pipeline(windows, Ridge()), transformer, **options)


def lags_of(intervals):
    """Return the weights of a difference: of the value itself, and of those before it."""
    weights = np.ones(1)
    for interval in np.atleast_1d(intervals):
        weights = np.convolve(weights, [1, *[0] * (interval - 1), -1])
    return weights


def expected_ahead(values, now, intervals, horizon):
    """Run on from the values before `now` without a change."""
    weights, run = lags_of(intervals), list(values[:now])
    for _ in range(horizon):
        run.append(-sum(weight * run[-lag] for lag, weight in enumerate(weights) if lag))
    return np.array(run[now:])


def differences_of(values, intervals):
    """Return the ordinary differences, NaN at the start."""
    weights = lags_of(intervals)
    depth = len(weights) - 1
    found = [
        weights @ values[t - depth : t + 1][::-1] if t >= depth else np.nan
        for t in range(len(values))
    ]
    return np.array(found)


def by_hand(values, intervals, horizon, n_train, rows, function=np.asarray, inverse=np.asarray):
    """Predict some rows with ridge that has learnt the first rows.

    Row r of the table is the time r + 1: it knows ``values[: r + 1]``, while the targets of the
    training rows are ``values[1 : n_train + 1]``.
    """
    level = function(values)
    changes = differences_of(level, intervals)
    depth = len(lags_of(intervals)) - 1

    def inputs(row):
        return changes[row + 1 - WINDOW : row + 1]

    taught = range(max(depth, depth + WINDOW - 1), n_train - horizon + 1)
    z = [
        level[row + 1 : row + 1 + horizon] - expected_ahead(level, row + 1, intervals, horizon)
        for row in taught
    ]
    ridge = Ridge().fit([inputs(row) for row in taught], z)
    predicted = [
        ridge.predict([inputs(row)])[0] + expected_ahead(level, row + 1, intervals, horizon)
        for row in rows
    ]
    return inverse(np.array(predicted))


@pytest.mark.parametrize("labelled", [True, False], ids=["labels", "array"])
@pytest.mark.parametrize("horizon", [2, 6])
@pytest.mark.parametrize("intervals", INTERVALS, ids=str)
def test_ridge_on_differences_is_that_of_a_loop(intervals, horizon, labelled):
    """Training rows, later rows, and all of them in one table or in chunks."""
    series = SERIES if labelled else SERIES.to_numpy()
    X, y = series_to_supervised(series, horizon=horizon)
    ridge = model(Differencer(intervals), horizon="auto" if labelled else horizon)
    ridge.fit(X[:60], y[:60])
    depth = len(lags_of(intervals)) - 1
    first = depth + WINDOW
    expected = by_hand(SERIES.to_numpy(), intervals, horizon, 60, range(first, len(X)))
    of_training, of_later = ridge.predict(X[:60]), ridge.predict(X[60:])
    np.testing.assert_allclose(of_training[first:], expected[: 60 - first], rtol=1e-9)
    np.testing.assert_allclose(of_later, expected[60 - first :], rtol=1e-9)
    assert np.isfinite(of_training).all()
    if labelled:
        np.testing.assert_allclose(ridge.predict(X)[first:], expected, rtol=1e-9)
        long = first + 1
        parts = [X[i - long : i + 5] for i in range(60, len(X), 5)]
        chunks = [quietly(ridge.predict, rows)[long:] for rows in parts]
        np.testing.assert_allclose(np.concatenate(chunks), of_later, rtol=1e-9)


@pytest.mark.parametrize("interval", [1, 3, 12])
def test_differences_are_taken_from_the_last_known_season(interval):
    """Step k is compared with the newest known value a whole number of seasons before it."""
    horizon, values = 30, MILK.to_numpy(dtype=float)
    X, y = series_to_supervised(MILK, horizon=horizon)
    taught = TransformedSeriesRegressor(Taught(), Differencer(interval)).fit(X, y).regressor_.y_
    rows = range(interval, len(X) - horizon + 1)
    expected = [
        [
            values[t + k] - values[t + k - interval * int(np.ceil((k + 1) / interval))]
            for k in range(horizon)
        ]
        for t in np.array(rows) + 1
    ]
    np.testing.assert_allclose(taught, expected, rtol=1e-12)


@pytest.mark.parametrize("intervals", [[1, 12], [12, 1]], ids=str)
def test_seasonal_differences_are_taken_from_the_last_known_one(intervals):
    """The order of the intervals does not matter."""
    horizon, values = 12, MILK.to_numpy(dtype=float)
    X, y = series_to_supervised(MILK, horizon=horizon)
    learner = TransformedSeriesRegressor(Taught(), Differencer(intervals))
    taught = learner.fit(X, y).regressor_.y_
    seasonal = values[12:] - values[:-12]  # seasonal[t - 12] is that of time t
    times = np.arange(13, len(X) - horizon + 1) + 1
    expected = [[seasonal[t + k - 12] - seasonal[t - 13] for k in range(horizon)] for t in times]
    np.testing.assert_allclose(taught, expected, rtol=1e-12)


def test_a_trend_goes_on_through_several_seasons():
    """Without a change, the yearly growth is that of the last year, in each year to come."""
    t = np.arange(60)
    series = pd.Series(3.0 * t + 10 * np.sin(t * np.pi / 2), MONTHS[:60], name="sold")
    X, y = series_to_supervised(series, horizon=11)
    learner = TransformedSeriesRegressor(Taught(), Differencer([1, 4])).fit(X, y)
    np.testing.assert_allclose(learner.regressor_.y_, 0, atol=1e-9)


@pytest.mark.parametrize("intervals", INTERVALS, ids=str)
def test_one_step_is_what_it_always_was(intervals):
    """The first of several steps is an ordinary difference."""
    X, y = series_to_supervised(SERIES, horizon=4)
    learner = TransformedSeriesRegressor(Taught(), Differencer(intervals)).fit(X, y)
    depth = len(lags_of(intervals)) - 1
    expected = differences_of(SERIES.to_numpy()[1:], intervals)[depth : len(X) - 3]
    np.testing.assert_allclose(learner.regressor_.y_[:, 0], expected, atol=1e-12)


# ------------------------------------------------------------------------------------- transformers


def test_steps_in_front_and_behind_differences_act_on_each_step():
    """Logarithms, their differences, and the scale of these."""
    X, y = series_to_supervised(SERIES, horizon=5)
    chain = make_pipeline(LOG, Differencer([1, 4]), StandardScaler())
    ridge = model(chain).fit(X[:60], y[:60])
    logs = np.log(SERIES.to_numpy())
    scale = np.nanstd(differences_of(logs[1:61], [1, 4]))
    mean = np.nanmean(differences_of(logs[1:61], [1, 4]))
    changes = (differences_of(logs, [1, 4]) - mean) / scale

    def ahead(row):
        return expected_ahead(logs, row + 1, [1, 4], 5)

    taught = range(5 + WINDOW - 1, 56)
    z = [(logs[row + 1 : row + 6] - ahead(row) - mean) / scale for row in taught]
    by_loop = Ridge().fit([changes[row + 1 - WINDOW : row + 1] for row in taught], z)
    rows = range(5 + WINDOW, len(X))
    z = by_loop.predict([changes[row + 1 - WINDOW : row + 1] for row in rows])
    expected = np.exp(z * scale + mean + [ahead(row) for row in rows])
    np.testing.assert_allclose(ridge.predict(X)[5 + WINDOW :], expected, rtol=1e-9)


@pytest.mark.parametrize(
    "transformer",
    [PowerTransformer(), SeriesMinMaxScaler((-1, 1)), make_pipeline(LOG, StandardScaler())],
    ids=["power", "range", "log, scaled"],
)
def test_a_transformer_is_fitted_once_and_acts_on_every_step(transformer):
    """All steps are the same variable, and so are the lags."""
    X, y = series_to_supervised(SERIES, horizon=4)
    ridge = model(transformer).fit(X[:60], y[:60])
    fitted = transformer.fit(y[:60][["sold_step1"]].to_numpy())
    values = fitted.transform(SERIES.to_numpy()[:, None]).ravel()
    inputs = np.array([values[row + 1 - WINDOW : row + 1] for row in range(WINDOW - 1, len(X))])
    z = np.array([values[row + 1 : row + 5] for row in range(WINDOW - 1, 57)])
    expected = Ridge().fit(inputs[: len(z)], z).predict(inputs)
    expected = np.column_stack(
        [fitted.inverse_transform(step[:, None]).ravel() for step in expected.T]
    )
    np.testing.assert_allclose(ridge.predict(X)[WINDOW - 1 :], expected, rtol=1e-9)


CHAINS = {
    "differences": Differencer([1, 4]),
    "log, differences": make_pipeline(LOG, Differencer([1, 4])),
    "differences, range": make_pipeline(Differencer(4), SeriesMinMaxScaler((-1, 1))),
    "power, differences, scale": make_pipeline(
        PowerTransformer(standardize=False), Differencer(1), StandardScaler()
    ),
}


@pytest.mark.parametrize("chain", list(CHAINS))
@pytest.mark.parametrize("n_targets", [1, 2])
def test_what_is_learnt_by_heart_comes_back(chain, n_targets):
    """The way back of the targets that were taught are the targets."""
    table = pd.concat([SERIES, SERIES[::-1].set_axis(MONTHS).rename("back")], axis=1)
    X, y = series_to_supervised(table.iloc[:, :n_targets], horizon=6)
    learner = TransformedSeriesRegressor(Taught(), CHAINS[chain]).fit(X, y)
    first = len(X) - 5 - len(learner.regressor_.y_)
    learner.regressor_.y_ = np.pad(learner.regressor_.y_, ((0, 5), (0, 0)))
    np.testing.assert_allclose(learner.predict(X)[first:-5], y[first:-5], rtol=1e-9)


class LessLevel(TransformerMixin, BaseEstimator):
    """A step of a user's own, which subtracts the mean of the two values before a row."""

    def __sklstm_look_back__(self):
        return 2

    def __sklstm_expected__(self, observed, n_steps):
        return [observed.rolling(2).mean().shift(1)] * n_steps

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def transform(self, X):
        """Subtract what is expected."""
        return X - self.__sklstm_expected__(X, 1)[0]

    def inverse_transform(self, Z, *, observed=None):
        """Add it."""
        return Z + self.__sklstm_expected__(observed, 1)[0]


def test_a_step_of_a_users_own_says_what_to_expect():
    """It is subtracted from each step, and added again."""
    X, y = series_to_supervised(SERIES, horizon=4)
    learner = TransformedSeriesRegressor(Taught(), make_pipeline(LOG, LessLevel()))
    taught = learner.fit(X, y).regressor_.y_
    logs = np.log(SERIES.to_numpy())
    expected = [logs[t : t + 4] - logs[t - 2 : t].mean() for t in range(3, len(X) - 2)]
    np.testing.assert_allclose(taught, expected, atol=1e-12)
    learner.regressor_.y_ = np.pad(taught, ((0, 3), (0, 0)))
    np.testing.assert_allclose(learner.predict(X)[2:-3], y[2:-3])


@pytest.mark.parametrize("chain", ["differences", "differences, range"])
def test_predictions_do_not_depend_on_units(chain):
    """Of a * x + b, the prediction is a times that of x, plus b."""
    X, y = series_to_supervised(SERIES, horizon=6)
    ridge = model(make_pipeline(CHAINS[chain], StandardScaler()))
    expected = ridge.fit(X[:60], y[:60]).predict(X)
    found = ridge.fit(7 * X[:60] - 3, 7 * y[:60] - 3).predict(7 * X - 3)
    np.testing.assert_allclose(found, 7 * expected - 3, rtol=1e-9)


def test_a_transformer_without_a_way_back_is_warned_of():
    """`check_inverse` looks at each step."""
    X, y = series_to_supervised(SERIES, horizon=3)
    wrong = make_pipeline(FunctionTransformer(np.log, np.exp), SeriesMinMaxScaler(clip=True))
    y.iloc[10, 2] = 1e3  # beyond the range of the first step
    with pytest.warns(InverseWarning):
        model(wrong).fit(X, y)


# ---------------------------------------------------------------------------------- rows and scores


def test_no_step_uses_a_later_value():
    """What happens at the row itself, and after it, changes no step of its prediction."""
    X, y = series_to_supervised(SERIES, horizon=6)
    ridge = model(Differencer([1, 4])).fit(X[:60], y[:60])
    expected = ridge.predict(X)
    for row in (20, 62, 70):
        changed = X.copy()
        changed.iloc[row + 1 :] += 100
        found = quietly(ridge.predict, changed)
        np.testing.assert_array_equal(found[: row + 1], expected[: row + 1])


def test_rows_after_a_gap_start_from_what_is_known():
    """Nothing before the first row after a gap is known: it gets the last value, and a warning."""
    X, y = series_to_supervised(SERIES, horizon=6)
    ridge = model(Differencer([1, 4])).fit(X[:60], y[:60])
    expected = ridge.predict(X)
    torn = X.drop(X.index[65])
    with pytest.warns(UnknownPastWarning, match="after a gap"):
        found = ridge.predict(torn)
    np.testing.assert_array_equal(found[:65], expected[:65])
    np.testing.assert_allclose(found[65], torn.iloc[65, 0])
    known = slice(65 + 5 + WINDOW, None)
    np.testing.assert_allclose(found[known], expected[66 + 5 + WINDOW :], rtol=1e-9)
    assert np.isfinite(found).all()


def test_a_target_that_is_not_known_is_not_taught():
    """Neither are the rows whose differences would need it."""
    X, y = series_to_supervised(SERIES, horizon=3)
    y.iloc[30] = np.nan
    learner = TransformedSeriesRegressor(Taught(), Differencer(4)).fit(X, y)
    kept = [r for r in range(4, len(X) - 2) if r not in (30, 34) and r + 1 != 34 and r + 2 != 34]
    assert len(learner.regressor_.y_) == len(kept)


@pytest.mark.parametrize("intervals", [1, [1, 4]], ids=str)
def test_scores_are_those_of_a_loop(intervals):
    """cross_val_score and backtest."""
    horizon, values = 5, SERIES.to_numpy()
    X, y = series_to_supervised(SERIES, horizon=horizon)
    cv = TimeSeriesSplit(3, test_size=8)
    expected = [
        -mean_absolute_error(y.iloc[test], by_hand(values, intervals, horizon, len(train), test))
        for train, test in cv.split(X)
    ]
    ridge, score = model(Differencer(intervals)), "neg_mean_absolute_error"
    np.testing.assert_allclose(cross_val_score(ridge, X, y, cv=cv, scoring=score), expected)
    result = backtest(ridge, X, y, cv, scoring=score)
    np.testing.assert_allclose(result.scores["prediction"].drop("overall"), expected)


def test_a_forecast_in_one_go_is_that_of_the_back_test():
    """The same model predicts the same steps from the same row."""
    X, y = series_to_supervised(SERIES, horizon=6, keep_last=True)
    now = 70
    ridge = model(make_pipeline(LOG, Differencer([1, 4]))).fit(X[:now], y[:now])
    ahead = forecast(ridge, X[: now + 1], 6)
    np.testing.assert_allclose(ahead, ridge.predict(X[: now + 1])[-1], rtol=1e-12)
    assert ahead.index[0] == X.index[now]
    # Beyond its horizon, what was predicted is what is known.
    longer = forecast(ridge, X[: now + 1], 9)
    np.testing.assert_allclose(longer[:6], ahead, rtol=1e-12)
    rows = pd.concat([SERIES[: now + 1], ahead]).shift(1).to_frame("sold_lag1").iloc[1:]
    rows.loc[MONTHS[now + 7]] = ahead.iloc[-1]
    np.testing.assert_allclose(longer[6:], ridge.predict(rows)[-1][:3], rtol=1e-9)


def test_validation_targets_are_differenced_as_those_of_training():
    """They go on from the last training values."""

    class Validated(Taught):
        def fit(self, X, y, X_val=None, y_val=None):
            self.y_val_ = y_val
            return super().fit(X, y)

    X, y = series_to_supervised(SERIES, horizon=5)
    learner = TransformedSeriesRegressor(Validated(), Differencer([1, 4]))
    found = learner.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:]).regressor_.y_val_
    values = SERIES.to_numpy()
    expected = [values[t : t + 5] - expected_ahead(values, t, [1, 4], 5) for t in range(61, 86)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("horizon", [1, 4])
@pytest.mark.parametrize(
    "transformer",
    [PowerTransformer("box-cox", standardize=False), LOG],
    ids=["beyond Box-Cox", "overflow"],
)
def test_what_cannot_be_undone_is_warned_of(transformer, horizon):
    """The last value stands in its place, and nothing is infinite."""
    X, y = series_to_supervised(SERIES, horizon=horizon)
    learner = TransformedSeriesRegressor(Taught(), make_pipeline(transformer, Differencer(1)))
    learner.fit(X, y)
    # Box-Cox ends where 1 + lambda * z = 0.
    power = getattr(learner.transformer_[0], "lambdas_", [-1])[0]
    learner.regressor_.y_ = np.full((len(X) - 1, horizon), -1e6 / power)
    with pytest.warns(InverseWarning, match=f"cannot undo {horizon * (len(X) - 1)} of") as caught:
        found = learner.predict(X).reshape(len(X), -1)
    assert [warning.filename for warning in caught] == [__file__]
    np.testing.assert_allclose(found[1:], np.tile(X, horizon)[1:])


@pytest.mark.parametrize("horizon", [1, 4])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_base_that_the_transformer_cannot_take_is_told(value, horizon):
    """Without `transform_lags`, nothing else looks at the lags."""
    X, y = series_to_supervised(SERIES, horizon=horizon)
    ridge = model(make_pipeline(LOG, Differencer()), transform_lags=False).fit(X[:60], y[:60])
    X.iloc[70] = value
    with pytest.warns(InverseWarning, match=f"cannot undo {horizon} of"):
        found = ridge.predict(X[60:])
    np.testing.assert_array_equal(found[10], np.full(horizon, value).squeeze())


# -------------------------------------------------------------------------------------- many series


def panel():
    """Return series of several lengths and levels."""
    parts = {
        "a": SERIES,
        "b": 20 * SERIES[:70] + np.arange(70),
        "c": SERIES[25:].iloc[::-1].set_axis(MONTHS[25:]) / 10,
    }
    return pd.concat(parts, names=["store"]).swaplevel().sort_index().rename("sold")


def test_each_series_starts_from_its_own_values():
    """Ridge on the rows of all series, differenced by hand in each."""
    horizon, intervals = 5, [1, 4]
    X, y = series_to_supervised(panel(), horizon=horizon)
    ridge = model(Differencer(intervals)).fit(X, y)
    found = pd.DataFrame(ridge.predict(X), X.index)
    inputs, targets, bases, where = [], [], [], []
    for name, series in panel().groupby(level="store"):
        values = series.to_numpy()
        changes = differences_of(values, intervals)
        # The first target is the second value.
        for t in range(6 + WINDOW - 1, len(values) - horizon + 1):
            inputs.append(changes[t - WINDOW : t])
            bases.append(expected_ahead(values, t, intervals, horizon))
            time = series.index[t][0]
            # What comes after the last row of the table is not known yet.
            is_known = MONTHS.get_loc(time) + horizon - 1 <= 90 - horizon or name == "b"
            targets.append((values[t : t + horizon] - bases[-1]) * (1 if is_known else np.nan))
            where.append((time, name))
    targets = np.array(targets)
    taught = ~np.isnan(targets).any(axis=1)
    expected = Ridge().fit(np.array(inputs)[taught], targets[taught]).predict(inputs) + bases
    np.testing.assert_allclose(found.loc[where], expected, rtol=1e-9)


class Labelled(Taught):
    """A regressor that keeps the labels of the rows that it is taught, too."""

    def fit(self, X, y):
        """Keep them."""
        self.index_ = X.index
        return super().fit(X, y)


@law(10, panel=panels(least=16), intervals=st.sampled_from([1, 3, [1, 3]]))
def test_targets_of_many_series_are_those_of_a_loop(panel, intervals):
    """Series of all lengths, with late starts, gaps and unknown values."""
    X, y = quietly(series_to_supervised, panel[["u"]], horizon=3)
    depth = len(lags_of(intervals)) - 1
    # What a value of 1 before a row leads to.
    weights = [expected_ahead(unit, depth, intervals, 3) for unit in np.eye(depth)[::-1]]

    def differences(table, part):
        known = table.iloc[:, 0].groupby(part)
        weighed = [(lag, weight) for lag, weight in enumerate(weights, 1) if weight.any()]
        return table - sum(
            np.where(weight, known.shift(lag).to_numpy()[:, None] * weight, 0)
            for lag, weight in weighed
        )

    expected = pd.DataFrame(loop(y, differences), y.index)
    learner = TransformedSeriesRegressor(Labelled(), Differencer(intervals), transform_lags=False)
    learner = quietly(learner.fit, X, y).regressor_
    np.testing.assert_allclose(learner.y_, expected.loc[learner.index_], atol=1e-9)
    is_known = np.isfinite(expected.to_numpy()).all(axis=1) & np.isfinite(X.to_numpy()).ravel()
    # Of the last two rows of a series, the targets may lie after the table.
    early = np.concatenate([rows[:-2] for rows in rows_of(y).values()])
    assert y.index[np.intersect1d(np.flatnonzero(is_known), early)].isin(learner.index_).all()


def test_each_series_has_its_own_scale_for_all_steps():
    """A scaler of each series sees the steps as one variable of that series."""
    X, y = series_to_supervised(panel(), horizon=4)
    scaler = SeriesMinMaxScaler(per_series=True)
    learner = TransformedSeriesRegressor(Taught(), scaler).fit(X, y)
    of_series = y["sold_step1"].groupby(level="store")
    low, high = of_series.transform("min"), of_series.transform("max")
    expected = y.sub(low, axis=0).div(high - low, axis=0).to_numpy()
    taught = learner.regressor_.y_
    first = taught[:3]
    np.testing.assert_allclose(first, expected[:3])
    assert np.nanmax(np.abs(taught)) > 1  # later steps may leave the range


def test_a_new_series_is_scaled_by_its_own_values_before_differences():
    """Its range is that of its lags, and its steps start from its own last values."""
    X, y = series_to_supervised(panel(), horizon=4)
    is_new = X.index.get_level_values("store") == "b"
    scaled = make_pipeline(SeriesMinMaxScaler(per_series=True), Differencer([1, 4]))
    ridge = model(scaled).fit(X[~is_new], y[~is_new])
    with pytest.warns(UnseenSeriesWarning):
        found = ridge.predict(X)[is_new]
    values = panel().xs("b", level="store").to_numpy()
    known = X[is_new].to_numpy()
    level = (values - known.min()) / (known.max() - known.min())
    changes = differences_of(level, [1, 4])
    times = np.arange(5 + WINDOW, len(known) + 1)
    learnt = ridge.regressor_[-1]
    inputs = np.array([changes[t - WINDOW : t] for t in times])
    z = inputs @ learnt.coef_.T + learnt.intercept_
    expected = z + [expected_ahead(level, t, [1, 4], 4) for t in times]
    expected = expected * (known.max() - known.min()) + known.min()
    np.testing.assert_allclose(found[4 + WINDOW :], expected, rtol=1e-9)


# -------------------------------------------------------------------------------- what is refused


def test_steps_that_nobody_calls_so_are_refused():
    """Differences of each column from row to row would start from values not known yet."""
    X, y = (part.to_numpy() for part in series_to_supervised(SERIES, horizon=4))
    with pytest.warns(UnsaidHorizonWarning), pytest.raises(ValueError, match=r"Set horizon=4"):
        model(Differencer()).fit(X, y)
    with pytest.raises(ValueError, match=r"Set horizon=4"):
        model(Differencer(), horizon=1).fit(X, y)
    assert np.isfinite(model(Differencer(), horizon=4).fit(X, y).predict(X)).all()


def test_differences_in_two_places_are_refused():
    """They could not be undone together from the last known values."""
    X, y = series_to_supervised(SERIES, horizon=4)
    twice = make_pipeline(Differencer(), StandardScaler(), Differencer(4))
    with pytest.raises(ValueError, match=r"(?s)4 steps ahead.*Differencer\(\[1, 12\]\)"):
        model(twice).fit(X, y)


def test_a_horizon_that_names_contradict_is_refused():
    """Six steps of one target would mix up two targets of three steps."""
    X, y = series_to_supervised(pd.concat([SERIES, SERIES.rename("other")], axis=1), horizon=3)
    with pytest.raises(ValueError, match=r"horizon=6.*_step3'.*horizon='auto'"):
        model(Differencer(), horizon=6).fit(X, y)


@pytest.mark.parametrize("y_lag", [None, "auto"])
def test_without_observed_values_there_is_nothing_to_start_from(y_lag):
    """Of one step, predictions run on; of several, each row would need what was observed."""
    _, y = series_to_supervised(SERIES, horizon=4)
    X = pd.DataFrame({"month": y.index.month + 0.0}, y.index)
    with pytest.raises(ValueError, match=r"4 steps ahead.*y_lag"):
        model(Differencer(), y_lag=y_lag).fit(X, y)


def test_steps_that_look_back_in_another_way_are_refused():
    """A transformer of a user's own says what to expect, or cannot be undone."""

    class Centred(Differencer):
        __sklstm_expected__ = property()

    X, y = series_to_supervised(SERIES, horizon=4)
    with pytest.raises(ValueError, match=r"4 steps ahead.*Centred"):
        model(Centred()).fit(X, y)
