"""Frames of other packages, lazy ones, columns of text, and columns with names of any kind."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    backtest,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import load_us_unemployment

N, N_TRAIN = 40, 30
VALUES = np.random.default_rng(0).normal(size=(N + 1, 2)).cumsum(axis=0)
ROWS, Y = VALUES[:-1], VALUES[1:, 0]
DAYS = pd.date_range("2024-01-01", periods=N, freq="D")
FRAME = pd.DataFrame(ROWS, DAYS, ["a_lag1", "b"])
TARGET = pd.Series(Y, DAYS, name="a")


class Foreign:
    """A frame that only NumPy can read."""

    def __init__(self, values):
        self.values = values
        self.shape, self.ndim = values.shape, values.ndim

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        """Return the values."""
        return np.asarray(self.values, dtype=dtype)


def polars(values):
    """Return a frame of polars."""
    return pytest.importorskip("polars").DataFrame(values, schema=["a", "b"])


def windowed():
    """Return a regression on windows of a differenced target."""
    regressor = make_pipeline(StandardScaler(), LagWindower(3, flatten=True), LinearRegression())
    return TransformedSeriesRegressor(regressor, Differencer())


@pytest.mark.parametrize("frame", [Foreign, polars])
def test_a_frame_of_another_package_is_placed_as_an_array_is(frame):
    """Later rows continue from the training rows, also if their values repeat."""
    train, later = frame(ROWS[:N_TRAIN]), frame(ROWS[N_TRAIN:])
    for transformer in (LagWindower(3, flatten=True), Differencer(), SeriesMinMaxScaler()):
        expected = transformer.fit(ROWS[:N_TRAIN]).transform(ROWS[N_TRAIN:])
        np.testing.assert_array_equal(transformer.fit(train).transform(later), expected)
    windows = LagWindower(3).fit(train).transform(later)
    np.testing.assert_array_equal(windows[0], ROWS[N_TRAIN - 2 : N_TRAIN + 1])
    model = windowed()
    expected = model.fit(ROWS[:N_TRAIN], Y[:N_TRAIN]).predict(ROWS[N_TRAIN:])
    np.testing.assert_allclose(model.fit(train, Y[:N_TRAIN]).predict(later), expected)


class Lazy:
    """A frame whose rows are still to be computed, as those of polars and dask."""

    def collect(self):
        """Compute the rows as polars does."""

    def collect_schema(self):
        """Return the names of the columns."""


class InPartitions:
    """A frame in partitions."""

    divisions = (0, 20, 39)

    def compute(self):
        """Compute the rows as dask does."""


LAZY = {
    "windows": lambda X: LagWindower(2).fit(X),
    "differences": lambda X: Differencer().fit(X),
    "observed": lambda X: Differencer().fit(FRAME).inverse_transform(FRAME, observed=X),
    "scales": lambda X: SeriesMinMaxScaler().fit(X),
    "network": lambda X: LSTMRegressor(1, epochs=1).fit(X, Y),
    "target": lambda X: windowed().fit(X, Y),
    "forecast": lambda X: forecast(LinearRegression().fit(ROWS, Y), X, 1),
    "back-test": lambda X: backtest(LinearRegression(), X, Y, cv=2),
    "pairs": series_to_supervised,
}


@pytest.mark.parametrize("use", LAZY)
@pytest.mark.parametrize(("frame", "code"), [(Lazy, "collect"), (InPartitions, "compute")])
def test_a_lazy_frame_is_refused_with_the_call_that_computes_it(use, frame, code):
    """The message names the method."""
    with pytest.raises(TypeError, match=rf"{frame.__name__} .*Use \w+\.{code}\(\)"):
        LAZY[use](frame())


def test_a_lazy_frame_of_polars_is_refused():
    """It is taken once it is collected."""
    lazy = polars(ROWS).lazy()
    with pytest.raises(TypeError, match=r"LazyFrame .*Use X\.collect\(\)"):
        Differencer().fit(lazy)
    np.testing.assert_array_equal(
        Differencer().fit_transform(lazy.collect())[1:], np.diff(ROWS, axis=0)
    )


# ------------------------------------------------------------------------------------ long tables

PANEL = load_us_unemployment()[: 14 * N].rename("y")
LONG = {
    "time first": PANEL.reset_index(),
    "name first": PANEL.reset_index()[["industry", "month", "y"]],
    "months": PANEL.reset_index().assign(month=lambda X: X["month"].dt.to_period("M")),
    "categorical": PANEL.reset_index().astype({"industry": "category"}),
    "time as index": PANEL.reset_index("industry"),
    "by series": PANEL.reset_index().sort_values("industry", kind="stable"),
}


def remedy_in(error, name):
    """Return the code at the end of a message."""
    return re.search(rf"{name}\.(?:to_pandas\(\)\.)?(set_index.*)\.$", str(error.value)).group(1)


@pytest.mark.parametrize("form", LONG)
def test_a_long_table_is_refused_with_the_code_that_makes_many_series_of_it(form):
    """The message names the columns that become labels: the time first."""
    with pytest.raises(ValueError, match="must hold numbers") as error:
        series_to_supervised(LONG[form])
    code = "set_index(['month', 'industry']).sort_index()"
    if form == "time as index":
        code = "set_index(['industry'], append=True).sort_index()"
    assert remedy_in(error, "series") == code


def test_the_time_of_a_long_table_without_dates_is_asked_for():
    """Numbered steps may be the time or an input: the message leaves a place for them."""
    with pytest.raises(ValueError, match=r"series\.set_index\(\[<time>, 'industry'\]\)"):
        series_to_supervised(LONG["time first"].assign(month=1))


@pytest.mark.parametrize("use", [use for use in LAZY if use != "observed"])
def test_a_long_table_of_polars_is_refused_with_the_code_that_makes_many_series_of_it(use):
    """Polars has no labels, so every door names pandas, and the columns that become labels."""
    columns = {name: LONG["time first"][name].to_numpy() for name in ("industry", "month", "y")}
    long = pytest.importorskip("polars").DataFrame(columns)
    with pytest.raises(ValueError, match="must hold numbers, but column 'month' holds") as error:
        LAZY[use](long)
    name = "series" if use == "pairs" else "X"
    assert remedy_in(error, name) == "set_index(['month', 'industry']).sort_index()"


def test_one_series_of_polars_with_its_dates_needs_no_name():
    """Where each date is there once, the dates alone are the labels."""
    polars = pytest.importorskip("polars")
    with pytest.raises(ValueError, match=r"X\.to_pandas\(\)\.set_index\('day'\)\.$"):
        Differencer().fit(polars.DataFrame({"day": DAYS.to_numpy(), "a": Y}))


# ----------------------------------------------------------------------------------- column names

NAMES = {
    "int": [10, 3],
    "positions the other way round": [1, 0],
    "float": [0.5, 1.5],
    "tuple": [("shop", "a"), ("shop", "b")],
    "date": [pd.Timestamp("2024-01-01"), pd.Timestamp("2025-01-01")],
}


def called(names):
    """Return rows and two targets whose columns have some names."""
    columns = pd.Index(names, tupleize_cols=False)
    table = pd.DataFrame(VALUES, pd.date_range("2024-01-01", periods=N + 1), columns)
    return table.shift(1)[1:], table[1:]


@pytest.mark.parametrize("name", NAMES)
def test_any_kind_of_name_is_taken(name):
    """What comes out has the values that it has for columns named by text."""
    names = NAMES[name]
    (X, y), (X_text, y_text) = called(names), called(["a", "b"])
    for transformer in (LagWindower(2, flatten=True), Differencer(), SeriesMinMaxScaler()):
        ours, expected = (transformer.fit_transform(table) for table in (X, X_text))
        np.testing.assert_array_equal(ours, expected)
    model = TransformedSeriesRegressor(
        LinearRegression(), make_pipeline(StandardScaler(), Differencer())
    )
    ours, expected = (
        model.fit(*(part[:N_TRAIN] for part in pair)).predict(pair[0][N_TRAIN:])
        for pair in ((X, y), (X_text, y_text))
    )
    np.testing.assert_allclose(ours, expected)
    pairs, targets = series_to_supervised(y)
    ahead = forecast(LinearRegression().fit(pairs, targets), pairs, 3, y=targets)
    assert list(ahead.columns) == names


@pytest.mark.parametrize("name", NAMES)
def test_a_column_is_found_by_any_kind_of_name(name):
    """The name comes before the position."""
    X, _ = called(NAMES[name])
    scaler = SeriesMinMaxScaler(target=NAMES[name][1]).fit(X)
    low, high = X.iloc[:, 1].min(), X.iloc[:, 1].max()
    np.testing.assert_allclose(scaler.inverse_transform([0.0, 1.0]), [low, high])
    np.testing.assert_allclose(
        scaler.inverse_transform([0.0, 1.0], columns=NAMES[name][0]),
        [X.iloc[:, 0].min(), X.iloc[:, 0].max()],
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "estimator", [Differencer(), LagWindower(2), SeriesMinMaxScaler()], ids=repr
)
def test_swapped_columns_are_refused_whatever_they_are_called(estimator, name):
    """scikit-learn compares names of text alone."""
    X, _ = called(NAMES[name])
    with pytest.raises(ValueError, match="put them in that order"):
        estimator.fit(X).transform(X[NAMES[name][::-1]])


# ----------------------------------------------------------------------------------------- text

DAY = DAYS.day_name()
ENCODED = {
    "one-hot": make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["day"]), remainder="passthrough"
    ),
    "ordinal": make_column_transformer((OrdinalEncoder(), ["day"]), remainder="passthrough"),
}


@pytest.mark.parametrize("dtype", [object, "category", "string"])
@pytest.mark.parametrize("name", ENCODED)
def test_text_goes_to_the_encoder_inside(name, dtype):
    """Predictions are those of the columns that the encoder makes, also after the training rows."""
    X = FRAME.assign(day=pd.Series(DAY, DAYS).astype(dtype))
    model = TransformedSeriesRegressor(
        make_pipeline(ENCODED[name], LagWindower(2, flatten=True), LinearRegression()),
        Differencer(),
    )
    ours = model.fit(X[:N_TRAIN], TARGET[:N_TRAIN]).predict(X[N_TRAIN:])
    encoded = ENCODED[name].set_output(transform="pandas").fit(X[:N_TRAIN]).transform(X)
    model.set_params(regressor=make_pipeline(LagWindower(2, flatten=True), LinearRegression()))
    by_hand = model.fit(encoded[:N_TRAIN], TARGET[:N_TRAIN]).predict(encoded[N_TRAIN:])
    np.testing.assert_allclose(ours, by_hand)


def test_text_without_an_encoder_is_refused_by_column():
    """The message names the column and shows the text."""
    X = FRAME.assign(day=DAY)
    with pytest.raises(ValueError, match="column 'day' holds text such as 'Monday'"):
        TransformedSeriesRegressor(LinearRegression()).fit(X, TARGET)


def test_a_sparse_table_is_refused_with_the_way_out():
    """The parameter of the encoder is named."""
    encoder = make_pipeline(OneHotEncoder(), LagWindower(2))
    with pytest.raises(TypeError, match="sparse_output=False"):
        encoder.fit(DAY.to_numpy()[:, None])
