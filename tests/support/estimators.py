"""Every estimator of ours, ready to fit, and rows to fit it to."""

import warnings

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

from sklstm import (
    Differencer,
    LagsToWindow,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    SklstmWarning,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    series_to_supervised,
)
from sklstm.datasets import load_milk

MILK = load_milk()
#: The milk of the month before, and that of the month.
MILK_X, MILK_Y = series_to_supervised(MILK)

N_ROWS, N_TRAIN = 60, 40
SERIES = np.random.default_rng(0).normal(size=(N_ROWS + 1, 2)).cumsum(axis=0)
X, Y = SERIES[:-1], SERIES[1:, 0]  # a row holds what was seen one step before its target
INDEX = pd.date_range("2024-01-30", periods=N_ROWS, freq="D")
TABLE = pd.DataFrame(X, INDEX, ["a", "b"])
LSTM = {"units": 2, "epochs": 1, "random_state": 0}

#: Transformers that have a way back.
WAYS = {
    "differences": Differencer(),
    "seasonal differences": Differencer([1, 4]),
    "scaled": SeriesMinMaxScaler((-1, 1)),
    "differences, scaled": make_pipeline(Differencer(2), SeriesMinMaxScaler()),
    "scaled, differences": make_pipeline(SeriesMinMaxScaler((2, 5)), Differencer(3)),
    "differences of differences": make_pipeline(Differencer(), Differencer(4)),
}
TRANSFORMERS = {
    **WAYS,
    "windows": LagWindower(4),
    "folded windows": LagWindower(4, fold=2),
    "flat windows": LagWindower(3, flatten=True),
    "lags in windows": LagsToWindow(1),
    "windows that always continue": LagWindower(3, history="continue"),
    "windows without a past": LagWindower(3, history="none"),
    "differences, scaled, in windows": make_pipeline(
        Differencer([1, 3]), SeriesMinMaxScaler(), LagWindower(4)
    ),
}
#: Regressors that are quick to fit.
REGRESSORS = {
    "ridge, one step ahead": TransformedSeriesRegressor(
        make_pipeline(LagWindower(3, flatten=True), Ridge()),
        make_pipeline(Differencer([1, 2]), SeriesMinMaxScaler()),
        y_lag=0,
    ),
    "tree, running on": TransformedSeriesRegressor(
        make_pipeline(LagWindower(3, flatten=True), DecisionTreeRegressor(random_state=0)),
        Differencer(),
        y_lag=None,
    ),
}
NETWORKS = {
    "LSTM": LSTMRegressor(**LSTM, validation_fraction=0.25, early_stopping=True),
    "LSTM of quantiles": LSTMRegressor(**LSTM, loss="quantile", n_networks=2),
    "LSTM on windows": make_pipeline(LagWindower(4), LSTMRegressor(**LSTM)),
    "LSTM, one step ahead": TransformedSeriesRegressor(
        make_pipeline(LagWindower(3), LSTMRegressor(**LSTM)),
        make_pipeline(Differencer(), SeriesMinMaxScaler((-1, 1))),
        y_lag=0,
    ),
    "LSTM on scaled windows": TransformedSeriesRegressor(
        make_pipeline(
            LagWindower(4), WindowScaledRegressor(LSTMRegressor(**LSTM), season=2, columns=0)
        )
    ),
    "stateful LSTM": StatefulLSTMRegressor(**LSTM),
    "stateful LSTM, running on": TransformedSeriesRegressor(
        StatefulLSTMRegressor(**LSTM, n_networks=2), Differencer(), y_lag=None
    ),
}
_EACH_CLASS = (
    *("windows", "flat windows", "lags in windows", "seasonal differences", "scaled"),
    *("LSTM", "stateful LSTM"),
)
_EACH_META = ("LSTM of quantiles", "LSTM, one step ahead", "LSTM on scaled windows")
#: Each public class, in each way that it differs from the others.
EVERY = {
    **{name: {**TRANSFORMERS, **NETWORKS}[name] for name in _EACH_CLASS},
    **{name: NETWORKS[name] for name in _EACH_META},
    **REGRESSORS,
}
# The search for the smallest case is worth its time, the search for an explanation is not.
SETTINGS = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
    "phases": [phase for phase in Phase if phase is not Phase.explain],
}


def own_network(shape, n_outputs):
    """Build a network of a user's own, whose first weights and dropout have no seed."""
    import keras

    layers = [keras.layers.LSTM(2), keras.layers.Dropout(0.3), keras.layers.Dense(n_outputs)]
    return keras.Sequential([keras.Input(shape), *layers])


def seasonal(**options):
    """Return ridge on windows of seasonal differences, which predicts pounds of milk."""
    return TransformedSeriesRegressor(
        make_pipeline(LagWindower(6, flatten=True), Ridge()), Differencer([1, 12]), **options
    )


def part(table, start, stop=None):
    """Return some rows of a table or an array."""
    return (table.iloc if hasattr(table, "iloc") else table)[start:stop]


def quietly(method, *args, **options):
    """Call a method that may warn of the past of its rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SklstmWarning)
        return method(*args, **options)


def output(estimator, rows):
    """Transform or predict."""
    return estimator.predict(rows) if hasattr(estimator, "predict") else estimator.transform(rows)


def outputs(estimator, rows):
    """Return all that a fitted estimator says of rows."""
    said = {}
    for method in ("transform", "predict", "predict_quantiles", "get_feature_names_out"):
        if hasattr(estimator, method):
            said[method] = getattr(estimator, method)(*([] if "names" in method else [rows]))
    if hasattr(estimator, "inverse_transform"):
        said["inverse_transform"] = estimator.inverse_transform(said["transform"])
    return said
