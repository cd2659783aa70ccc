"""`forecast` against loops written by hand."""

import numpy as np
import pandas as pd
import pytest
from estimators import MILK, NETWORKS, seasonal
from estimators import MILK_X as X
from estimators import MILK_Y as Y
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from states import unchanged

from sklstm import (
    LagWindower,
    TransformedSeriesRegressor,
    backtest,
    forecast,
    series_to_supervised,
)

INDEX = pd.date_range("2024-01-01", periods=40)
NUMBERS = pd.DataFrame({"a": np.sin(np.arange(30.0)), "b": np.arange(30.0)})
NEXT = pd.Series(np.sin(np.arange(1, 31.0)), name="a")


def calendar(index):
    """Return the month of each date, as a number and as a word."""
    return pd.DataFrame({"angle": np.sin(index.month), "word": index.month_name()}, index=index)


def growing_table(model, rows, y, steps):
    """Forecast by hand: at each step the table grows by a row, and all of it is predicted."""
    table, values = rows.copy(), [y.iloc[-1]]
    for label in pd.date_range(rows.index[-1], periods=steps + 1, freq=rows.index.freq)[1:]:
        table.loc[label] = values[-1]
        values.append(model.predict(table)[-1])
    return values[1:]


def fed_back(model, row, seen, steps):
    """Forecast by hand: ``row(values, step)`` makes the next row out of all values so far.

    The values of several targets, or of several steps, stand one after the other.
    """
    values = np.ravel(seen).tolist()
    n_seen = len(values)
    for step in range(steps):
        values += np.ravel(model.predict(row(values, step))).tolist()
    return values[n_seen:]


class LastThree(RegressorMixin, BaseEstimator):
    """A regressor of another package that looks back: the mean of the last three rows."""

    def fit(self, X, y):
        """Learn nothing."""
        self.fitted_ = True
        return self

    def predict(self, X):
        """Predict each row from itself and the two rows before it."""
        return pd.DataFrame(np.asarray(X))[0].rolling(3, min_periods=1).mean().to_numpy()


ONE_STEP = seasonal(y_lag="milk_lag1")
MODELS = {
    "scikit-learn": Ridge(),
    "ensemble": RandomForestRegressor(5, random_state=0),
    "pipeline": make_pipeline(StandardScaler(), Ridge()),
    "one-step inversion": ONE_STEP,
    "running-on inversion": seasonal(),
    "network": NETWORKS["LSTM on windows"],
    "state that runs on": NETWORKS["stateful LSTM"],
    "foreign step that looks back": LastThree(),
    "function that looks back": make_pipeline(
        FunctionTransformer(lambda X: X.rolling(3, min_periods=1).mean()), Ridge()
    ),
    "search": GridSearchCV(ONE_STEP, {"check_inverse": [True]}, cv=TimeSeriesSplit(2)),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_equals_a_loop_over_the_whole_table(model):
    """A forecast that passes only the rows of the look-back equals one that passes all rows."""
    rows, y = X[:-20] / 1000, Y[:-20] / 1000
    model = clone(model).fit(rows, y)
    ahead = forecast(model, rows, 20, y=y)
    np.testing.assert_allclose(ahead, growing_table(model, rows, y, 20), rtol=1e-5)


def test_rows_after_the_training_rows_continue_from_them():
    """The rows may be newer than the training rows, and few."""
    model = ONE_STEP.fit(X[:-20], Y[:-20])
    of_all = forecast(model, X, 10, y=Y)
    np.testing.assert_allclose(forecast(model, X[-20:], 10, y=Y[-20:]), of_all)


def test_without_y_it_starts_with_the_last_row():
    """Without y, the last known target is the one in the last row of X."""
    model = Ridge().fit(X, Y)
    expected = forecast(model, X[:-1], 4, y=Y[:-1])
    pd.testing.assert_series_equal(forecast(model, X, 4), expected)


def test_nan_at_the_end_of_y_is_forecast():
    """NaN at the end of y is not observed yet."""
    model = Ridge().fit(X, Y)
    unknown = X.copy()
    unknown.iloc[-2:] = np.nan
    ahead = forecast(model, unknown, 6, y=Y.mask(np.arange(len(Y)) >= len(Y) - 3))
    expected = forecast(model, X[:-3], 6, y=Y[:-3])
    pd.testing.assert_series_equal(ahead, expected, check_freq=False)


def test_a_horizon_is_predicted_in_one_go():
    """A regressor of several steps starts after the last value of y, and predicts once."""
    rows, y = series_to_supervised(MILK, horizon=12)
    model = LinearRegression().fit(rows, y)
    ahead = forecast(model, rows, 12, y=y)
    row = pd.DataFrame({"milk_lag1": [MILK.iloc[-1]]})
    np.testing.assert_allclose(ahead, model.predict(row)[0])
    assert (ahead.index[0], ahead.name) == (pd.Timestamp("1976-01-01"), "milk")


@pytest.mark.parametrize("labelled", [True, False])
def test_beyond_its_horizon_a_model_is_fed_back(labelled):
    """The next block of steps is predicted from the last step of the block before."""
    rows, y = series_to_supervised(MILK if labelled else MILK.to_numpy(), horizon=3)
    model = LinearRegression().fit(rows, y)

    def row(values, step):
        return pd.DataFrame({"milk_lag1": values[-1:]}) if labelled else [values[-1:]]

    ahead = forecast(model, rows, 8, y=y)
    np.testing.assert_allclose(ahead, fed_back(model, row, MILK, 3)[:8])


def test_several_targets_are_all_fed_back():
    """Each target's prediction goes into its own column."""
    table = pd.DataFrame({"milk": MILK, "half": MILK.shift(3, fill_value=500) / 2})
    rows, y = series_to_supervised(table)
    model = LinearRegression().fit(rows, y)
    ahead = forecast(model, rows, 5, y=y)
    assert ahead.columns.tolist() == ["milk", "half"]
    expected = fed_back(model, lambda v, _: pd.DataFrame([v[-2:]], columns=rows.columns), table, 5)
    np.testing.assert_allclose(np.ravel(ahead), expected)


def test_known_future_columns_come_from_future_inputs():
    """Future inputs are found by label; they may hold words."""
    rows = X.join(calendar(X.index))
    encode = ColumnTransformer([("word", OneHotEncoder(), ["word"])], remainder="passthrough")
    model = make_pipeline(encode, Ridge()).fit(rows, Y)
    months = pd.date_range("1970-01-01", "1990-01-01", freq="MS")
    ahead = forecast(model, rows, 14, y=Y, future_inputs=calendar(months))

    def row(values, step):
        return calendar(ahead.index[[step]]).assign(milk_lag1=values[-1])[rows.columns]

    np.testing.assert_allclose(ahead, fed_back(model, row, Y, 14))


def test_future_inputs_of_arrays_follows_the_last_row():
    """Without labels, they begin after the last row of X; y_lag names the other column."""
    known, later = np.split(np.sin(np.arange(len(X) + 6)), [len(X)])
    rows = np.column_stack([known, X])
    model = Ridge().fit(rows, Y)
    ahead = forecast(model, rows, 6, y=Y.to_numpy(), future_inputs=later, y_lag=1)
    expected = fed_back(model, lambda values, step: [[later[step], values[-1]]], Y, 6)
    np.testing.assert_allclose(ahead, expected)


def test_older_lags_are_filled_in_as_well():
    """A column <name>_lag12 gets the value of twelve steps earlier, observed or predicted."""
    rows = pd.DataFrame({"milk_lag1": MILK.shift(1), "milk_lag12": MILK.shift(12)}).dropna()
    y = MILK[rows.index]
    model = Ridge().fit(rows, y)

    def row(values, step):
        return pd.DataFrame([[values[-1], values[-12]]], columns=rows.columns)

    np.testing.assert_allclose(forecast(model, rows, 20, y=y), fed_back(model, row, MILK, 20))


def test_a_model_of_known_columns_alone_needs_no_lags():
    """If future_inputs holds all columns, nothing is fed back."""
    rows = calendar(MILK.index)[["angle"]]
    model = Ridge().fit(rows, MILK)
    later = calendar(pd.date_range("1976-01-01", periods=3, freq="MS"))[["angle"]]
    np.testing.assert_allclose(
        forecast(model, rows, 3, y=MILK, future_inputs=later), model.predict(later)
    )


BERLIN = "Europe/Berlin"


def dates(start, freq, **options):
    """Return 20 dates."""
    return pd.date_range(start, periods=20, freq=freq, **options)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (dates("2024-01-31", "ME"), ["2025-09-30", "2025-10-31"]),
        (dates("2024-01-01", "B"), ["2024-01-29", "2024-01-30"]),
        (dates("2024-01-07", "W"), ["2024-05-26", "2024-06-02"]),
        (dates("2020-01-01", "QS"), ["2025-01-01", "2025-04-01"]),
        (dates("2024-01-01", "MS"), ["2025-09-01", "2025-10-01"]),
        (dates("2024-01-01", "h"), ["2024-01-01 20:00", "2024-01-01 21:00"]),
        (dates("2024-03-30", "D", tz=BERLIN), ["2024-04-19 00:00+02:00", "2024-04-20 00:00+02:00"]),
        (pd.DatetimeIndex(["2024-01-01", "2024-01-02"]), ["2024-01-03", "2024-01-04"]),
        # A month is missing.
        (dates("2024-01-15", "MS").delete(7), ["2025-10-01", "2025-11-01"]),
        (pd.period_range("2024-01", periods=20, freq="M"), ["2025-09", "2025-10"]),
        (pd.period_range("2024-01", periods=20, freq="M")[::3], ["2025-10", "2026-01"]),
        (pd.timedelta_range("0h", periods=20, freq="h"), ["20:00:00", "21:00:00"]),
        (pd.RangeIndex(5, 45, 2), [45, 47]),
        (pd.Index([0.5, 1.0, 1.5]), [2.0, 2.5]),
    ],
)
@pytest.mark.parametrize("known", [True, False], ids=["known step", "seen step"])
def test_labels_go_on_at_their_step(index, expected, known):
    """The forecast has the next dates, also if the index does not say its frequency."""
    if not known:
        index = index.append(index[:0])
    index = index.rename("time")
    rows = pd.DataFrame({"y_lag1": np.arange(len(index), dtype=float)}, index=index)
    y = pd.Series(np.arange(len(index)) + 1.0, index=index, name="y")
    ahead = forecast(Ridge().fit(rows, y), rows, 2, y=y)
    kind = np.int64 if isinstance(index, pd.RangeIndex) else index.dtype
    assert ahead.index.tolist() == pd.Index(expected).astype(kind).tolist()
    assert ahead.index.name == "time"


def test_a_row_off_the_step_of_the_training_rows_is_refused():
    """A month's 15th is followed by no month's first."""
    X, y = series_to_supervised(
        pd.Series(
            np.arange(21.0) ** 2,
            dates("2024-01-01", "MS").append(pd.DatetimeIndex(["2025-09-15"])),
            name="y",
        )
    )
    model = TransformedSeriesRegressor(Ridge()).fit(X[:-1], y[:-1])
    with pytest.raises(ValueError, match=r"2025-09-15.*are not known"):
        forecast(model, X[-1:], 2, y=y[-1:])


LATE = [("uint8", 226), ("UInt8", 226)]


@pytest.mark.parametrize(
    ("dtype", "first"),
    [*((dtype, 0) for dtype in ("Int64", "Float64", "uint8", "int16", "float32")), *LATE],
)
def test_labels_of_any_numbers_run_on(dtype, first):
    """Labels keep their type while it can hold the next label; then the type changes."""
    rows = NUMBERS[["a"]].set_axis(pd.Index(np.arange(first, first + 30), dtype=dtype))
    y = NEXT.set_axis(rows.index)
    ahead = forecast(Ridge().fit(rows, y), rows, 2, y=y)
    assert ahead.index.tolist() == [first + 30, first + 31]
    assert first or ahead.index.dtype == dtype


def test_labels_without_a_step_are_refused_with_a_remedy():
    """Dates without a step are refused, unless the index of future_inputs holds the next dates."""
    index = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-07", "2024-03-01", "2024-03-11"])
    rows = pd.DataFrame({"y_lag1": [1.0, 2, 3, 4, 5]}, index=index)
    y = pd.Series([2.0, 3, 4, 5, 6], index=index, name="y")
    model = Ridge().fit(rows, y)
    with pytest.raises(ValueError, match=r"no regular step.*future_inputs=pd\.DataFrame"):
        forecast(model, rows, 2, y=y)
    later = pd.DatetimeIndex(["2024-03-12", "2024-05-01"])
    ahead = forecast(model, rows, 2, y=y, future_inputs=pd.DataFrame(index=later))
    assert ahead.index.equals(later)


PRICED = X.assign(price=1.0)
BEFORE = PRICED.rename(columns={"milk_lag1": "before"})
PRICE = pd.DataFrame({"price": [1.0]}, index=[pd.Timestamp("1976-01-01")])
TEXT = X.set_axis(X.index.strftime("%Y-%m-%d"))
REFUSED = {
    "no steps": (X, {"steps": 0}, "steps == 0, must be >= 1"),
    "windows": (np.zeros((3, 2, 1)), {"y": None}, "X .*forecast continues rows"),
    "another time": (X, {"y": Y.set_axis(Y.index.shift(1))}, "out of step"),
    "no known target": (X * np.nan, {"y": None}, "No value of the target is known"),
    "labels of text": (TEXT, {"y": None}, r"holds text .*to_datetime"),
    "unknown lags": (BEFORE, {}, r"\['before', 'price'\].*milk_lag1.*y_lag"),
    "wrong y_lag": (BEFORE, {"y_lag": "milk"}, "y_lag='milk' names no column of X"),
    "no future_inputs": (PRICED, {}, r"\['price'\].*1976-01-01.*future_inputs"),
    "short future_inputs": (
        PRICED,
        {"future_inputs": PRICE},
        r"future_inputs lacks values.*1976-02-01",
    ),
    "wrong future_inputs": (
        PRICED,
        {"future_inputs": PRICE.rename(columns=str.upper)},
        r"lacks \['price'\]",
    ),
}


@pytest.mark.parametrize(("rows", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_rows_that_cannot_be_continued_are_refused(rows, options, message):
    """The message names what is missing, and where."""
    model = LastThree().fit(X, Y)
    with pytest.raises(ValueError, match=message):
        forecast(model, rows, **{"steps": 3, "y": Y, **options})


def test_a_number_of_outputs_that_is_no_number_of_targets_is_refused():
    """One prediction cannot fill the lag columns of two targets."""
    rows = np.zeros((9, 2))
    with pytest.raises(ValueError, match="2 target"):
        forecast(Ridge().fit(rows, np.zeros(9)), rows, 2, y_lag=[0, 1])


@pytest.mark.parametrize("kind", ["int64", "float16", "float32"])
@pytest.mark.parametrize("labelled", [True, False])
def test_rows_of_any_kind_of_number_are_continued(kind, labelled):
    """Arrays and tables of ints and short floats give the forecast of a table of floats."""
    rows, y = (X, Y) if labelled else (X.to_numpy(), Y.to_numpy())
    model = Ridge().fit(rows, y)
    ahead = forecast(model, rows.astype(kind), 6, y=y)
    assert isinstance(ahead, pd.Series if labelled else np.ndarray)
    np.testing.assert_allclose(ahead, forecast(model, rows, 6, y=y))


def test_forecasting_changes_nothing():
    """A forecast changes neither the estimator nor the rows."""
    model = ONE_STEP.fit(X, Y)
    with unchanged(model, X, Y):
        forecast(model, X, 12, y=Y)


def test_lookback_can_be_given():
    """With `lookback`, a step of another package gets only so many rows, with the same result."""
    model = LastThree().fit(X, Y)
    expected = forecast(model, X, 9, y=Y)
    np.testing.assert_allclose(forecast(model, X, 9, y=Y, lookback=2), expected)


@pytest.mark.parametrize("dtype", [object, "Int64", "Float64", "int8"])
@pytest.mark.parametrize(
    "model", [Ridge(), make_pipeline(LagWindower(2, flatten=True), LinearRegression())]
)
def test_future_inputs_may_hold_numbers_as_objects(model, dtype):
    """Numbers as objects, or in a type of pandas, give the same forecast as floats."""
    model = TransformedSeriesRegressor(model).fit(NUMBERS, NEXT)
    future_inputs = pd.DataFrame({"b": [30.0, 31.0, 32.0]}, range(30, 33))
    options = {"y": NEXT, "y_lag": "a"}
    ours = forecast(model, NUMBERS, 3, future_inputs=future_inputs.astype(dtype), **options)
    pd.testing.assert_series_equal(
        ours, forecast(model, NUMBERS, 3, future_inputs=future_inputs, **options)
    )
    assert future_inputs["b"].dtype == float


def test_the_rows_of_future_inputs_are_the_next_dates_where_dates_are_missing():
    """Trading days go on at the dates that future_inputs has, not at holidays."""
    days = pd.bdate_range("2024-01-01", periods=60).delete([20, 44, 52])
    rows = pd.DataFrame({"y_lag1": np.sin(np.arange(57.0))}, days)
    y = pd.Series(np.sin(np.arange(57.0) + 1), days, name="y")
    model = Ridge().fit(rows[:40], y[:40])
    ahead = forecast(model, rows[:40], 10, y=y[:40], future_inputs=pd.DataFrame(index=days))
    assert ahead.index.equals(days[40:50])


IRREGULAR = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-07", "2024-03-01", "2024-03-11"])


@pytest.mark.parametrize("labelled", [True, False], ids=["numbered", "array"])
def test_future_inputs_without_dates_cannot_date_irregular_rows(labelled):
    """The error says how to name the dates."""
    rows = pd.DataFrame({"y_lag1": np.arange(5.0), "b": 1.0}, IRREGULAR)
    y = pd.Series(np.arange(5.0) + 1, IRREGULAR, name="y")
    later = pd.DataFrame({"b": [1.0, 1.0]})
    with pytest.raises(ValueError, match=r"no regular step.*future_inputs=pd\.DataFrame\(index="):
        forecast(
            Ridge().fit(rows, y),
            rows,
            2,
            y=y,
            future_inputs=later if labelled else later.to_numpy(),
        )


NAMES = {
    "ints": [0, 1],
    "floats": [0.5, 1.5],
    "tuples": [("a", "x"), ("a", "y")],
    "dates": [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02")],
    "steps": ["a_step1", "b_step1"],
    "one step and none": ["a_step1", "b"],
    "other steps": ["a_step2", "a_step1"],
    "lags": ["a_lag1", "b_lag2"],
}


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_targets_have_any_names(names, horizon):
    """Forecast and back-test give what they give with plain names."""
    values = np.random.default_rng(0).normal(size=(60, 2)).cumsum(axis=0)
    found = []
    for columns in (["u", "v"], names):
        # A name that is a tuple is one name.
        table = pd.DataFrame(values, pd.date_range("2024-01-01", periods=60))
        table.columns = pd.Index(columns, tupleize_cols=False)
        rows, y = series_to_supervised(table, horizon=horizon, target=[columns[0]])
        later = pd.DataFrame({rows.columns[1]: np.zeros(9)}, pd.date_range("2024-02-28", periods=9))
        model = Ridge().fit(rows, y)
        ahead = forecast(model, rows, 4, y=y, future_inputs=later)
        assert horizon > 1 or ahead.name == columns[0]
        cv, known = TimeSeriesSplit(2, test_size=5), rows.columns[1]
        result = backtest(model, rows, y, cv, feed_back=horizon == 1, future_inputs=known)
        found.append(np.concatenate([ahead, result.predictions["prediction"]]))
    np.testing.assert_allclose(found[1], found[0])


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_columns_have_any_names(names):
    """A column of any name is y_lag, and another one is known."""
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)).cumsum(axis=0), INDEX)
    rows.columns = pd.Index(names, tupleize_cols=False)
    y = rows.iloc[:, 0].shift(-1).ffill().rename(names[1])
    later = pd.DataFrame(np.ones((4, 1)), pd.date_range(INDEX[-1], periods=5)[1:])
    later.columns = pd.Index(names[1:], tupleize_cols=False)
    model = Ridge().fit(rows, y)
    ahead = forecast(model, rows, 4, y=y, future_inputs=later, y_lag=names[0])
    expected = fed_back(
        model, lambda v, _: pd.DataFrame([[v[-1], 1.0]], columns=rows.columns), y, 4
    )
    np.testing.assert_allclose(ahead, expected)
    options = {"feed_back": True, "future_inputs": names[1], "y_lag": names[0]}
    lines = backtest(Ridge(), rows, y, [(range(30), range(30, 40))], **options).predictions
    plain = backtest(
        Ridge(), rows.to_numpy(), y.to_numpy(), [(range(30), range(30, 40))],
        feed_back=True, future_inputs=1, y_lag=0,
    ).predictions  # fmt: skip
    np.testing.assert_allclose(lines["prediction"], plain["prediction"])
