"""forecast against loops written by hand."""

import time
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import load_milk

MILK = load_milk()


def seasonal(**options):
    """Ridge on windows of seasonal differences, back in pounds of milk."""
    return TransformedSeriesRegressor(
        make_pipeline(Differencer([1, 12]), LagWindower(12, flatten=True), Ridge()),
        transformer=Differencer([1, 12]),
        **options,
    )


def network(**options):
    """Give a small network on scaled windows."""
    options = {"units": 4, "epochs": 2, "random_state": 0} | options
    return make_pipeline(SeriesMinMaxScaler(), LagWindower(6), LSTMRegressor(**options))


def loop(model, X, y, steps):
    """Forecast by hand: at each step the table grows by a row, and all of it is predicted."""
    table = X.copy()
    last = y.iloc[-1]
    values = []
    for label in pd.date_range(X.index[-1], periods=steps + 1, freq=X.index.freq)[1:]:
        table.loc[label] = [last]
        last = model.predict(table)[-1]
        values.append(last)
    return np.array(values)


class LastThree(RegressorMixin, BaseEstimator):
    """A regressor of another package that looks back: the mean of the last three rows."""

    def fit(self, X, y):
        """Remember nothing."""
        self.fitted_ = True
        return self

    def predict(self, X):
        """Predict each row from the two before it as well."""
        return pd.DataFrame(np.asarray(X)).rolling(3, min_periods=1).mean().to_numpy().ravel()


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(Ridge(), id="scikit-learn"),
        pytest.param(RandomForestRegressor(5, random_state=0), id="ensemble"),
        pytest.param(make_pipeline(StandardScaler(), Ridge()), id="pipeline"),
        pytest.param(seasonal(y_lag="milk_lag1"), id="one-step inversion"),
        pytest.param(seasonal(), id="running-on inversion"),
        pytest.param(network(), id="network"),
        pytest.param(LastThree(), id="looks back unknown to us"),
        pytest.param(
            make_pipeline(
                FunctionTransformer(lambda X: X.rolling(3, min_periods=1).mean()), Ridge()
            ),
            id="function that looks back",
        ),
        pytest.param(
            GridSearchCV(
                seasonal(y_lag="milk_lag1"), {"check_inverse": [True]}, cv=TimeSeriesSplit(2)
            ),
            id="search",
        ),
    ],
)
def test_equals_a_loop_over_the_whole_table(model):
    """Passing only as many rows as are looked back upon changes nothing."""
    X, y = series_to_supervised(MILK)
    model.fit(X[:-20], y[:-20])
    ahead = forecast(model, X[:-20], 20, y=y[:-20])
    np.testing.assert_allclose(ahead, loop(model, X[:-20], y[:-20], 20), rtol=1e-5)


def test_a_state_that_runs_on_is_carried_through():
    """A stateful network forecasts what it predicts when all rows are passed at once."""
    X, y = series_to_supervised(MILK / 1000)
    model = StatefulLSTMRegressor(units=4, epochs=1, random_state=0).fit(X, y)
    ahead = forecast(model, X, 5, y=y)
    np.testing.assert_allclose(ahead, loop(model, X, y, 5), rtol=1e-5)


def test_arrays_give_what_tables_give():
    """Rows without labels are forecast alike, as an array."""
    X, y = series_to_supervised(MILK)
    labelled = forecast(seasonal(y_lag="milk_lag1").fit(X, y), X, 15, y=y)
    plain = forecast(
        seasonal(y_lag=0).fit(X.to_numpy(), y.to_numpy()), X.to_numpy(), 15, y=y.to_numpy()
    )
    assert isinstance(plain, np.ndarray)
    np.testing.assert_allclose(plain, labelled)


def test_rows_after_the_training_rows_go_on_from_them():
    """The rows may be newer than those that were learnt from, and few."""
    X, y = series_to_supervised(MILK)
    model = seasonal(y_lag="milk_lag1").fit(X[:-20], y[:-20])
    of_all = forecast(model, X, 10, y=y)
    np.testing.assert_allclose(forecast(model, X[-20:], 10, y=y[-20:]), of_all)


def test_without_y_it_starts_with_the_last_row():
    """The last row of X knows the target before it and no more."""
    X, y = series_to_supervised(MILK)
    model = Ridge().fit(X, y)
    without = forecast(model, X, 4)
    expected = forecast(model, X[:-1], 4, y=y[:-1])
    pd.testing.assert_series_equal(without, expected)


def test_what_is_nan_at_the_end_of_y_is_forecast():
    """NaN at the end of y is not observed yet."""
    X, y = series_to_supervised(MILK)
    model = Ridge().fit(X, y)
    expected = forecast(model, X[:-3], 6, y=y[:-3])
    unknown = X.copy()
    unknown.iloc[-2:] = np.nan
    ahead = forecast(model, unknown, 6, y=y.mask(np.arange(len(y)) >= len(y) - 3))
    pd.testing.assert_series_equal(ahead, expected, check_freq=False)


def test_a_horizon_is_predicted_in_one_go():
    """Regressors of several steps start after all that y has seen, and need one prediction."""
    X, y = series_to_supervised(MILK, horizon=12)
    model = LinearRegression().fit(X, y)
    ahead = forecast(model, X, 12, y=y)
    row = pd.DataFrame({"milk_lag1": [MILK.iloc[-1]]})
    np.testing.assert_allclose(ahead, model.predict(row)[0])
    assert ahead.index[0] == pd.Timestamp("1976-01-01")
    assert ahead.name == "milk"


def test_beyond_its_horizon_a_model_is_fed_back():
    """The last of the predicted steps are the first of the next block."""
    X, y = series_to_supervised(MILK, horizon=3)
    model = LinearRegression().fit(X, y)
    values, last = [], MILK.iloc[-1]
    for _ in range(3):
        values += list(model.predict(pd.DataFrame({"milk_lag1": [last]}))[0])
        last = values[-1]
    np.testing.assert_allclose(forecast(model, X, 8, y=y), values[:8])
    plain = LinearRegression().fit(X.to_numpy(), y.to_numpy())
    np.testing.assert_allclose(forecast(plain, X.to_numpy(), 8, y=y.to_numpy()), values[:8])


def test_several_targets_are_all_fed_back():
    """Each target's prediction goes into its own column."""
    table = pd.DataFrame({"milk": MILK, "half": MILK.shift(3, fill_value=500) / 2})
    X, y = series_to_supervised(table)
    model = LinearRegression().fit(X, y)
    row, expected = table.iloc[-1].to_numpy(), []
    for _ in range(5):
        row = model.predict(pd.DataFrame([row], columns=X.columns))[0]
        expected.append(row)
    ahead = forecast(model, X, 5, y=y)
    np.testing.assert_allclose(ahead, expected)
    assert ahead.columns.tolist() == ["milk", "half"]


def with_calendar(index):
    """Tell the month, as a number and as a word."""
    return pd.DataFrame({"angle": np.sin(index.month), "word": index.month_name()}, index=index)


def test_known_future_columns_come_from_exog():
    """Columns that hold no target are taken from exog by label, words included."""
    X, y = series_to_supervised(MILK)
    rows = X.join(with_calendar(X.index))
    months = pd.date_range("1970-01-01", "1990-01-01", freq="MS")
    encode = ColumnTransformer([("word", OneHotEncoder(), ["word"])], remainder="passthrough")
    model = make_pipeline(encode, Ridge()).fit(rows, y)
    ahead = forecast(model, rows, 14, y=y, exog=with_calendar(months))
    last, expected = y.iloc[-1], []
    for label in ahead.index:
        row = with_calendar(pd.DatetimeIndex([label])).assign(milk_lag1=last)[rows.columns]
        last = model.predict(row)[0]
        expected.append(last)
    np.testing.assert_allclose(ahead, expected)


def test_exog_of_arrays_follows_the_last_row():
    """Without labels, the rows of exog are those after X, and y_lag tells its columns apart."""
    X, y = series_to_supervised(MILK)
    angle = np.sin(np.arange(len(X) + 6))
    rows = np.column_stack([angle[: len(X)], X])
    model = Ridge().fit(rows, y)
    ahead = forecast(model, rows, 6, y=y.to_numpy(), exog=angle[len(X) :], y_lag=1)
    last, expected = y.iloc[-1], []
    for one in angle[len(X) :]:
        last = model.predict([[one, last]])[0]
        expected.append(last)
    np.testing.assert_allclose(ahead, expected)


def test_older_lags_are_filled_in_as_well():
    """A column <name>_lag12 gets the value of twelve steps earlier, observed or predicted."""
    rows = pd.DataFrame({"milk_lag1": MILK.shift(1), "milk_lag12": MILK.shift(12)}).dropna()
    y = MILK[rows.index]
    model = Ridge().fit(rows, y)
    values = MILK.tolist()
    for _ in range(20):
        row = pd.DataFrame([[values[-1], values[-12]]], columns=rows.columns)
        values.append(model.predict(row)[0])
    np.testing.assert_allclose(forecast(model, rows, 20, y=y), values[-20:])


def test_a_model_of_known_columns_alone_needs_no_lags():
    """Where exog holds all columns, nothing is fed back."""
    rows = with_calendar(MILK.index)[["angle"]]
    model = Ridge().fit(rows, MILK)
    later = with_calendar(pd.date_range("1976-01-01", periods=3, freq="MS"))[["angle"]]
    np.testing.assert_allclose(forecast(model, rows, 3, y=MILK, exog=later), model.predict(later))


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (pd.date_range("2024-01-31", periods=20, freq="ME"), ["2025-09-30", "2025-10-31"]),
        (pd.date_range("2024-01-01", periods=20, freq="B"), ["2024-01-29", "2024-01-30"]),
        (pd.date_range("2024-01-07", periods=20, freq="W"), ["2024-05-26", "2024-06-02"]),
        (pd.date_range("2020-01-01", periods=20, freq="QS"), ["2025-01-01", "2025-04-01"]),
        (
            pd.date_range("2024-03-30", periods=20, freq="D", tz="Europe/Berlin"),
            ["2024-04-19 00:00+02:00", "2024-04-20 00:00+02:00"],
        ),
        (pd.DatetimeIndex(["2024-01-01", "2024-01-02"]), ["2024-01-03", "2024-01-04"]),
        # A month is missing.
        (
            pd.date_range("2024-01-15", periods=20, freq="MS").delete(7),
            ["2025-10-01", "2025-11-01"],
        ),
        (pd.period_range("2024-01", periods=20, freq="M"), ["2025-09", "2025-10"]),
        (pd.period_range("2024-01", periods=20, freq="M")[::3], ["2025-10", "2026-01"]),
        (pd.timedelta_range("0h", periods=20, freq="h"), ["20:00:00", "21:00:00"]),
        (pd.RangeIndex(5, 45, 2), [45, 47]),
        (pd.Index([0.5, 1.0, 1.5]), [2.0, 2.5]),
    ],
)
@pytest.mark.parametrize("known", [True, False], ids=["known", "seen"])
def test_labels_go_on_at_their_step(index, expected, known):
    """The forecast carries the dates that come next, whether pandas knows their step or not."""
    if not known:
        index = index.append(index[:0])
    index = index.rename("time")
    X = pd.DataFrame({"y_lag1": np.arange(len(index), dtype=float)}, index=index)
    y = pd.Series(np.arange(len(index)) + 1.0, index=index, name="y")
    ahead = forecast(Ridge().fit(X, y), X, 2, y=y)
    kinds = {pd.PeriodIndex: index.dtype, pd.RangeIndex: np.int64}
    assert (
        ahead.index.tolist()
        == pd.Index(expected).astype(kinds.get(type(index), index.dtype)).tolist()
    )
    assert ahead.index.name == "time"


def test_labels_without_a_step_are_refused_with_a_remedy():
    """Dates at random say nothing about the next; exog may name it."""
    index = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-07", "2024-03-01", "2024-03-11"])
    X = pd.DataFrame({"y_lag1": [1.0, 2, 3, 4, 5]}, index=index)
    y = pd.Series([2.0, 3, 4, 5, 6], index=index, name="y")
    model = Ridge().fit(X, y)
    with pytest.raises(ValueError, match=r"no regular step.*exog=pd\.DataFrame"):
        forecast(model, X, 2, y=y)
    later = pd.DatetimeIndex(["2024-03-12", "2024-05-01"])
    assert forecast(model, X, 2, y=y, exog=pd.DataFrame(index=later)).index.equals(later)


def test_unknown_lags_are_refused_with_a_remedy():
    """Columns that do not tell what they hold need y_lag."""
    X, y = series_to_supervised(MILK)
    rows = X.assign(price=1.0).rename(columns={"milk_lag1": "before"})
    model = Ridge().fit(rows, y)
    with pytest.raises(ValueError, match=r"\['before', 'price'\].*milk_lag1.*y_lag"):
        forecast(model, rows, 3, y=y)
    with pytest.raises(ValueError, match=r"y_lag='milk' is no column of X"):
        forecast(model, rows, 3, y=y, y_lag="milk")


def test_missing_future_columns_are_refused_by_name_and_date():
    """The message names the column and the first date that it is needed for."""
    X, y = series_to_supervised(MILK)
    rows = X.assign(price=1.0)
    model = Ridge().fit(rows, y)
    with pytest.raises(ValueError, match=r"\['price'\].*1976-01-01.*exog"):
        forecast(model, rows, 3, y=y)
    later = pd.DataFrame({"price": [1.0]}, index=[pd.Timestamp("1976-01-01")])
    with pytest.raises(ValueError, match=r"exog lacks values.*1976-02-01"):
        forecast(model, rows, 3, y=y, exog=later)
    with pytest.raises(ValueError, match=r"lacks \['price'\]"):
        forecast(model, rows, 3, y=y, exog=later.rename(columns=str.upper))


def test_other_bad_arguments_are_refused():
    """Windows, no rows to speak of, y of another time, and steps below one."""
    X, y = series_to_supervised(MILK)
    model = Ridge().fit(X, y)
    with pytest.raises(ValueError, match="steps == 0, must be >= 1"):
        forecast(model, X, 0, y=y)
    with pytest.raises(ValueError, match="forecast continues rows"):
        forecast(model, np.zeros((3, 2, 1)), 2)
    with pytest.raises(ValueError, match="out of step"):
        forecast(model, X, 2, y=y.set_axis(y.index.shift(1)))
    with pytest.raises(ValueError, match="No value of the target is known"):
        forecast(model, X * np.nan, 2)
    with pytest.raises(ValueError, match=r"holds text .*to_datetime"):
        forecast(model, X.set_axis(X.index.strftime("%Y-%m-%d")), 2)
    with pytest.raises(ValueError, match="2 target"):
        forecast(Ridge().fit(np.zeros((9, 2)), np.zeros(9)), np.zeros((9, 2)), 2)


@pytest.mark.parametrize("kind", ["int64", "float32"])
def test_rows_of_any_kind_of_number_are_continued(kind):
    """Whole numbers make room for predictions, and short floats stay short."""
    X, y = series_to_supervised(MILK)
    expected = forecast(Ridge().fit(X, y), X, 6, y=y)
    for rows, target in ((X.astype(kind), y), (X.to_numpy().astype(kind), y.to_numpy())):
        ahead = forecast(Ridge().fit(rows, target), rows, 6, y=target)
        np.testing.assert_allclose(ahead, expected, rtol=1e-5)


def test_forecasting_changes_nothing():
    """Neither the estimator nor the rows are touched."""
    X, y = series_to_supervised(MILK)
    model = seasonal(y_lag="milk_lag1").fit(X, y)
    before = X.copy()
    first = forecast(model, X, 12, y=y)
    pd.testing.assert_frame_equal(X, before)
    pd.testing.assert_series_equal(forecast(model, X, 12, y=y), first)


def test_lookback_can_be_told():
    """A look-back that is known to the user spares a foreign step the whole table."""
    X, y = series_to_supervised(MILK)
    model = LastThree().fit(X, y)
    expected = forecast(model, X, 9, y=y)
    np.testing.assert_allclose(forecast(model, X, 9, y=y, lookback=2), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [seasonal(y_lag="milk_lag1"), network()], ids=["ridge", "network"]
)
def test_a_step_costs_what_a_prediction_costs(model):
    """A hundred steps take at most 150 times the time that predicting one row does."""
    X, y = series_to_supervised(MILK)
    model.fit(X, y)

    def seconds(work):
        # Of the processor: what else runs on the machine is not the question.
        start = time.process_time()
        work()
        return time.process_time() - start

    with warnings.catch_warnings():
        # One row of the middle has no known past, which is not what is measured.
        warnings.simplefilter("ignore", UserWarning)
        one = np.median(
            [seconds(lambda i=i: model.predict(X.iloc[i : i + 1])) for i in range(60, 160)]
        )
    hundred = np.median([seconds(lambda: forecast(model, X, 100, y=y)) for _ in range(3)])
    assert hundred < 150 * one


@pytest.mark.parametrize("step", ["h", "D", "MS", "W-SUN", "B"])
def test_dates_read_from_a_file_run_on(step):
    """Dates without a frequency, as a CSV file gives them, are continued at the step they show."""
    dates = pd.date_range("2024-01-01", periods=23, freq=step)
    read = pd.DatetimeIndex(dates[:20].to_numpy())
    assert read.freq is None
    X, y = series_to_supervised(pd.Series(np.arange(20.0), index=read, name="load"))
    assert forecast(Ridge().fit(X, y), X, 3, y=y).index.tolist() == dates[20:].tolist()


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "uint8", "int16", "float32"])
def test_labels_of_any_numbers_run_on(dtype):
    """They keep their type as long as it can hold the next ones."""
    rows = pd.DataFrame({"a": np.sin(np.arange(30.0))}, pd.Index(np.arange(30), dtype=dtype))
    ahead = forecast(Ridge().fit(rows, rows["a"]), rows, 3, y=rows["a"])
    pd.testing.assert_index_equal(ahead.index, pd.Index([30, 31, 32], dtype=dtype))
    for short in ("uint8", "UInt8"):
        late = rows.set_axis(pd.Index(np.arange(226, 256), dtype=short))
        ahead = forecast(Ridge().fit(late, late["a"]), late, 2, y=late["a"])
        assert list(ahead.index) == [256, 257]


@pytest.mark.parametrize(
    "model", [Ridge(), make_pipeline(LagWindower(2, flatten=True), LinearRegression())]
)
def test_exog_may_hold_numbers_as_objects(model):
    """What pandas keeps as objects, or in a type of its own, is as good as floats."""
    rows = pd.DataFrame({"a": np.sin(np.arange(30.0)), "b": np.arange(30.0)})
    model = TransformedSeriesRegressor(model).fit(rows, rows["a"])
    exog = pd.DataFrame({"b": [30.0, 31.0, 32.0]}, range(30, 33))
    options = {"y": rows["a"], "y_lag": "a"}
    expected = forecast(model, rows, 3, exog=exog, **options)
    for dtype in (object, "Int64", "Float64", "int8"):
        ours = forecast(model, rows, 3, exog=exog.astype(dtype), **options)
        pd.testing.assert_series_equal(ours, expected)
    assert exog["b"].dtype == float
