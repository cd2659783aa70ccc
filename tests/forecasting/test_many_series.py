"""`forecast` of many series against a loop over forecasts of single series."""

import numpy as np
import pandas as pd
import pytest
from estimators import LSTM
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from states import unchanged

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    MissingStepsWarning,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)

ENDS = "ignore::sklstm.MissingStepsWarning"
MONTHS = pd.period_range("2020-01", periods=40, freq="M", name="month")


def table_of(lengths, last=0, times=MONTHS, seed=0):
    """Return a random walk for each name, that ends so many steps before the last time."""
    last = {name: 0 for name in lengths} | (last or {})
    walks = np.random.default_rng(seed)
    parts = {
        name: pd.Series(
            100 + walks.normal(size=n).cumsum(),
            times[len(times) - n - last[name] : len(times) - last[name]],
        )
        for name, n in lengths.items()
    }
    return pd.concat(parts, names=["store"]).swaplevel().sort_index().rename("sold")


SOLD = table_of({"a": 40, "b": 33, "c": 40, "d": 25}, last={"c": 0, "d": 4})
EVEN = table_of({"a": 40, "b": 33, "c": 36})


def one(table, name):
    """Return a series of a table, without its name."""
    return table.xs(name, level="store")


def of_one(table, name):
    """Return a series of a table, with its name."""
    return table[table.index.get_level_values("store") == name]


def loop(model, X, y, steps, **options):
    """Forecast one series after the other, each as a table of one series that has its name."""
    names = X.index.get_level_values("store").unique()
    parts = [
        forecast(model, of_one(X, n), steps, y=None if y is None else of_one(y, n), **options)
        for n in names
    ]
    return pd.concat(parts).sort_index()


DIFFERENCES = make_pipeline(Differencer([1, 3]), SeriesMinMaxScaler())
MODELS = {
    "ridge": Ridge(),
    "windows": TransformedSeriesRegressor(
        make_pipeline(LagWindower(5, flatten=True), Ridge()), DIFFERENCES
    ),
    "LSTM": TransformedSeriesRegressor(
        make_pipeline(LagWindower(5), LSTMRegressor(**LSTM)), DIFFERENCES
    ),
    "logarithm": TransformedSeriesRegressor(
        make_pipeline(LagWindower(5, flatten=True), Ridge()),
        FunctionTransformer(np.log, np.exp),
    ),
}


@pytest.mark.filterwarnings(ENDS)
@pytest.mark.parametrize("name", MODELS)
def test_equals_a_loop_over_series(name):
    """Each series is forecast as if it were alone; the dates go on at its own end."""
    X, y = series_to_supervised(SOLD)
    model = MODELS[name].fit(X, y)
    found = forecast(model, X, 6, y=y)
    pd.testing.assert_series_equal(found, loop(model, X, y, 6), rtol=1e-6)
    assert one(found, "a").index.tolist() == pd.period_range("2023-05", periods=6, freq="M").tolist()
    assert one(found, "d").index.tolist() == pd.period_range("2023-01", periods=6, freq="M").tolist()
    assert found.index.names == ["month", "store"]
