"""A regressor of windows without their level, spread and season, against loops written out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    forecast,
    series_to_supervised,
)

WINDOW, SEASON, HORIZON, N_TRAIN = 8, 4, 6, 70
CENTERS = {
    "mean": np.mean,
    "last": lambda window: window[-1],
    None: lambda window: 0.0,
}
SCALES = {
    "standard": np.std,
    "mean": lambda window: np.mean(np.abs(window)),
    "range": np.ptp,
    None: lambda window: 1.0,
}
LSTM = {"units": 3, "epochs": 2, "random_state": 0}


def make_series(n=100, seed=0, level=50.0):
    """Return a series with a trend, a season and noise."""
    t = np.arange(n)
    noise = np.random.default_rng(seed).normal(size=n)
    values = level + 0.3 * t + 5 * np.sin(2 * np.pi * t / SEASON + seed) + noise
    return pd.Series(values, pd.date_range("2024-01-01", periods=n, freq="D"), name="sold")


def by_hand(values, rows, horizon, center="mean", scale="standard", season=None):
    """Return scaled windows and targets, bases and spreads; row i sees the values up to i."""
    inputs, targets, bases, spreads = [], [], [], []
    for row in rows:
        window = values[row - WINDOW + 1 : row + 1]
        level, spread = CENTERS[center](window), SCALES[scale](window)
        base = [level if season is None else window[k % season - season] for k in range(horizon)]
        target = [
            values[row + 1 + k] if row + 1 + k < len(values) else np.nan for k in range(horizon)
        ]
        inputs.append((window - level) / spread)
        targets.append((np.array(target) - base) / spread)
        bases.append(base)
        spreads.append([spread] * horizon)
    return map(np.array, (inputs, targets, bases, spreads))


def pipeline(regressor=None, window=WINDOW, flatten=True, **options):
    """Return a regressor on the scaled windows of a series."""
    regressor = Ridge() if regressor is None else regressor
    return make_pipeline(
        LagWindower(window, flatten=flatten), WindowScaledRegressor(regressor, **options)
    )


@pytest.mark.parametrize("horizon", [1, HORIZON])
@pytest.mark.parametrize("season", [None, 1, SEASON])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("center", CENTERS)
def test_ridge_equals_a_loop_over_windows(center, scale, season, horizon):
    """Level, spread and season are those that a loop over windows takes out and puts back."""
    series = make_series()
    X, y = series_to_supervised(series, horizon=horizon)
    options = {"center": center, "scale": scale, "season": season}
    model = pipeline(**options).fit(X[:N_TRAIN], y[:N_TRAIN])
    predicted = model.predict(X[N_TRAIN:]).reshape(-1, horizon)

    values = series.to_numpy()
    taught = range(WINDOW - 1, N_TRAIN - horizon + 1)
    inputs, targets, _, _ = by_hand(values, taught, horizon, **options)
    ridge = Ridge().fit(inputs, targets)
    inputs, _, base, spread = by_hand(values, range(N_TRAIN, len(X)), horizon, **options)
    expected = ridge.predict(inputs).reshape(-1, horizon) * spread + base
    np.testing.assert_allclose(predicted, expected, rtol=1e-10)


@pytest.mark.parametrize("fold", [1, SEASON])
def test_windows_of_three_axes_give_what_flat_ones_give(fold):
    """A regressor of three axes gets the same numbers as one of flat windows."""
    series = make_series()
    X, y = series_to_supervised(series, horizon=HORIZON)
    flat = pipeline(Flattened(), season=SEASON).fit(X[:N_TRAIN], y[:N_TRAIN])
    windower = LagWindower(WINDOW, fold=fold)
    deep = make_pipeline(windower, WindowScaledRegressor(Flattened(), season=SEASON))
    deep.fit(X[:N_TRAIN], y[:N_TRAIN])
    np.testing.assert_allclose(deep.predict(X), flat.predict(X), rtol=1e-12)
    assert deep[-1].regressor_.shape_ == (WINDOW // fold, fold)


class Flattened(Ridge):
    """Ridge that takes windows of three axes."""

    def fit(self, X, y, sample_weight=None):
        """Fit."""
        X = np.asarray(X)
        self.shape_ = X.shape[1:]
        return super().fit(X.reshape(len(X), -1), y, sample_weight)

    def predict(self, X):
        """Predict."""
        return super().predict(np.asarray(X).reshape(len(X), -1))


@pytest.mark.parametrize("flatten", [False, True], ids=["three axes", "flat"])
def test_recipe_of_a_network(flatten):
    """Logarithm outside, windows scaled inside, a network of all steps: as by hand."""
    series = make_series()
    X, y = series_to_supervised(series, horizon=HORIZON)
    model = TransformedSeriesRegressor(
        pipeline(LSTMRegressor(**LSTM), flatten=flatten, season=SEASON),
        FunctionTransformer(np.log, np.exp),
    ).fit(X[:N_TRAIN], y[:N_TRAIN])
    logs = np.log(series.to_numpy())
    taught = range(WINDOW - 1, N_TRAIN - HORIZON + 1)
    inputs, targets, _, _ = by_hand(logs, taught, HORIZON, season=SEASON)
    shape = (-1, WINDOW) if flatten else (-1, WINDOW, 1)
    network = LSTMRegressor(**LSTM, horizon=1).fit(inputs.reshape(shape), targets)
    inputs, _, base, spread = by_hand(logs, range(N_TRAIN, len(X)), HORIZON, season=SEASON)
    expected = np.exp(network.predict(inputs.reshape(shape)) * spread + base)
    np.testing.assert_allclose(model.predict(X[N_TRAIN:]), expected, rtol=1e-5)
    assert len(forecast(model, X[:N_TRAIN], 2 * HORIZON)) == 2 * HORIZON
