"""`predict_quantiles` of `TransformedSeriesRegressor`: each quantile in the units of the target.

The oracle is a regressor whose quantiles are those of ridge's errors, brought back by hand.
"""

import numpy as np
import pandas as pd
import pytest
from estimators import MILK_X, MILK_Y, quietly
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    UnknownPastWarning,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import load_milk

LEVELS = (0.1, 0.5, 0.8)
LOG = FunctionTransformer(np.log, np.exp)
FALLING = FunctionTransformer(np.negative, np.negative)


class RidgeQuantiles(RegressorMixin, BaseEstimator):
    """Ridge, and around it the quantiles of its training errors."""

    def __init__(self, quantiles=LEVELS):
        self.quantiles = quantiles

    def fit(self, X, y):
        """Fit ridge."""
        self.quantiles_ = np.array(self.quantiles)
        self.ridge_ = Ridge().fit(X, y)
        errors = y - self.ridge_.predict(X)
        self.around_ = np.quantile(errors, self.quantiles, axis=0).T
        return self

    def predict(self, X):
        """Return the quantile at 0.5."""
        return self.predict_quantiles(X)[..., list(self.quantiles).index(0.5)]

    def predict_quantiles(self, X):
        """Return all quantiles, of shape (n_rows, n_levels) or (n_rows, n_outputs, n_levels)."""
        return self.ridge_.predict(X)[..., None] + self.around_


def windows(values, window=3):
    """Return the last values before each time from `window` on."""
    return np.array([values[t - window : t] for t in range(window, len(values))])


def model(transformer, quantiles=LEVELS, **options):
    """Return a pipeline that learns quantiles."""
    learner = make_pipeline(LagWindower(3, flatten=True), RidgeQuantiles(quantiles))
    return TransformedSeriesRegressor(learner, transformer, **options)


def test_each_quantile_of_one_step_is_brought_back():
    """Of logarithms, their changes and the scale of these, from the value before."""
    fitted = model(make_pipeline(LOG, Differencer(), SeriesMinMaxScaler())).fit(
        MILK_X[:120], MILK_Y[:120]
    )
    found = fitted.predict_quantiles(MILK_X)
    logs = np.log(load_milk().to_numpy(dtype=float))
    changes = np.diff(logs)  # changes[t - 1] is that of time t
    low, high = changes[1:120].min(), changes[1:120].max()
    scaled = (changes - low) / (high - low)
    inputs = windows(scaled)  # inputs[i] comes before changes[i + 3], the time i + 4
    learner = RidgeQuantiles().fit(inputs[:117], scaled[3:120])
    back = learner.predict_quantiles(inputs) * (high - low) + low + logs[3:-1, None]
    np.testing.assert_allclose(found[3:], np.exp(back), rtol=1e-9)
    np.testing.assert_array_equal(fitted.predict(MILK_X), found[:, 1])
    np.testing.assert_array_equal(fitted.quantiles_, LEVELS)


def test_each_quantile_of_each_step_is_brought_back():
    """Shape (n_rows, n_steps, n_quantiles), from the last known values of the season."""
    X, y = series_to_supervised(load_milk(), horizon=5)
    fitted = model(make_pipeline(LOG, Differencer(4))).fit(X[:120], y[:120])
    found = fitted.predict_quantiles(X)
    assert found.shape == (len(X), 5, 3)
    logs = np.log(load_milk().to_numpy(dtype=float))
    changes = logs[4:] - logs[:-4]
    rows = np.arange(6, len(X))  # row r is the time r + 1, and its window the times r - 2 to r
    inputs = np.array([changes[r - 6 : r - 3] for r in rows])
    base = np.array([[logs[r + 1 + k - (4 if k < 4 else 8)] for k in range(5)] for r in rows])
    z = np.array([logs[r + 1 : r + 6] for r in rows]) - base
    learner = RidgeQuantiles().fit(inputs[: 116 - 6], z[: 116 - 6])
    expected = np.exp(learner.predict_quantiles(inputs) + base[:, :, None])
    np.testing.assert_allclose(found[6:], expected, rtol=1e-9)


def test_a_transformer_that_turns_the_order_round_swaps_the_quantiles():
    """Of symmetric quantiles, the lowest comes from the highest."""
    levels = (0.1, 0.5, 0.9)
    X, y = MILK_X, MILK_Y
    found = model(FALLING, levels).fit(X, y).predict_quantiles(X)
    values = load_milk().to_numpy(dtype=float)
    inputs = -windows(values)
    learner = RidgeQuantiles(levels).fit(inputs, -values[3:])
    np.testing.assert_allclose(found[2:], -learner.predict_quantiles(inputs)[:, ::-1], rtol=1e-9)
    assert (np.diff(found) >= 0).all()


def test_other_quantiles_have_no_counterpart():
    """That at 0.8 would be needed for 0.2, which nobody asked for."""
    fitted = model(FALLING).fit(MILK_X, MILK_Y)
    with pytest.raises(ValueError, match=r"\[0.1, 0.5, 0.8\].*symmetric"):
        fitted.predict_quantiles(MILK_X)


def test_a_row_that_nothing_leads_to_gets_the_changes_of_training():
    """After a gap they lie around the last value, as wide as the target moved in training."""
    fitted = model(Differencer([1, 12])).fit(MILK_X[:120], MILK_Y[:120])
    torn = MILK_X.drop(MILK_X.index[130])
    with pytest.warns(UnknownPastWarning, match="after a gap"):
        found = fitted.predict_quantiles(torn)[130]
    changes = np.quantile(MILK_Y[:120] - MILK_X["milk_lag1"][:120], LEVELS)
    np.testing.assert_allclose(found, torn.iloc[130, 0] + changes - changes[1])
    assert found[0] < found[1] < found[2]
    assert quietly(fitted.predict, torn)[130] == found[1] == torn.iloc[130, 0]


def test_a_row_of_unknown_inputs_gets_the_quantiles_of_training():
    """No row has an interval of no width."""
    fitted = model(SeriesMinMaxScaler()).fit(MILK_X, MILK_Y)
    found = fitted.predict_quantiles(MILK_X)[0]
    np.testing.assert_allclose(found, np.quantile(MILK_Y, LEVELS), rtol=1e-9)


def test_each_series_has_quantiles_from_its_own_values():
    """As a loop over the series whose regressor they share."""
    milk = load_milk()
    cows = pd.concat({"a": milk, "b": 3 * milk[::-1].set_axis(milk.index)}, names=["farm"])
    X, y = series_to_supervised(cows.swaplevel().sort_index(), horizon=2)
    fitted = model(Differencer(12)).fit(X, y)
    found = fitted.predict_quantiles(X)
    for farm in "ab":
        is_farm = X.index.get_level_values("farm") == farm
        np.testing.assert_array_equal(found[is_farm], fitted.predict_quantiles(X[is_farm]))
        values = cows[farm].to_numpy()
        centre = fitted.predict(X)[is_farm]
        around = (found[is_farm] - centre[:, :, None])[15:]
        np.testing.assert_allclose(around, np.broadcast_to(around[0], around.shape), atol=1e-9)
        assert np.abs(centre[13:, 0] - values[14 : len(centre) + 1]).mean() < 200


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_network_that_learns_quantiles_hands_them_on(horizon):
    """As the last step of a pipeline, in a search, and for several steps."""
    network = LSTMRegressor(2, epochs=1, loss="quantile", quantiles=LEVELS, random_state=0)
    X, y = series_to_supervised(load_milk(), horizon=horizon)
    pipeline = make_pipeline(LagWindower(3), network)
    fitted = TransformedSeriesRegressor(pipeline, Differencer(12)).fit(X, y)
    found = fitted.predict_quantiles(X)
    assert found.shape == (len(X), horizon, 3)[:: 2 if horizon == 1 else 1]
    assert (np.diff(found) >= 0).all()
    np.testing.assert_array_equal(found[..., 1], fitted.predict(X))
    changes = X - X.shift(12)
    inner = fitted.regressor_[-1].predict_quantiles(fitted.regressor_[:-1].transform(changes))
    base = y.shift(12).to_numpy() if horizon == 1 else y.iloc[:, 0].shift(12).to_numpy()
    first = found if horizon == 1 else found[:, 0]
    inner = inner if horizon == 1 else inner[:, 0]
    np.testing.assert_allclose(first[12:], inner[12:] + base[12:, None], rtol=1e-6)
    search = GridSearchCV(pipeline, {}, cv=TimeSeriesSplit(2))
    assert TransformedSeriesRegressor(search).fit(X, y).predict_quantiles(X).shape == found.shape


@pytest.mark.parametrize("transformer", [Differencer([1, 12]), make_pipeline(LOG, Differencer())])
def test_a_forecast_has_the_quantiles_of_its_row(transformer):
    """All steps at once, from the last row of the table."""
    X, y = series_to_supervised(load_milk(), horizon=6, keep_last=True)
    fitted = model(transformer).fit(X[:120], y[:120])
    ahead = forecast(fitted, X[:131], 6, method="predict_quantiles")
    np.testing.assert_allclose(ahead, fitted.predict_quantiles(X[:131])[-1], rtol=1e-12)
    assert ahead.index[0] == X.index[130]


def test_a_regressor_of_points_has_none():
    """Neither the method nor the levels, before and after `fit`."""
    points = TransformedSeriesRegressor(Ridge(), Differencer())
    for one in (points, points.fit(MILK_X, MILK_Y)):
        assert not hasattr(one, "predict_quantiles")
        assert not hasattr(one, "quantiles_")
    assert hasattr(model(Differencer()), "predict_quantiles")


def test_a_standard_deviation_is_refused():
    """The regressor's is one of the transformed target, which is nothing in units of the target."""
    fitted = model(Differencer()).fit(MILK_X, MILK_Y)
    with pytest.raises(TypeError, match="return_std"):
        fitted.predict(MILK_X, return_std=True)
