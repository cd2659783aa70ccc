"""Past and future inputs: whatever `forecast` is given, it makes the row that pandas makes.

The oracle shifts the raw table by pandas, predicts the row after the last known target, and writes
the predictions into the table before it makes the next row.
"""

import numpy as np
import pandas as pd
import pytest
from estimators import LSTM
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    backtest,
    forecast,
    series_to_supervised,
)

N, N_TO_COME = 60, 12
DAYS = pd.date_range("2024-01-01", periods=N + N_TO_COME, name="day")


def table_of(seed, start=0):
    """Return a load, a measured temperature, and a price that is known ahead, with days to come."""
    values = np.random.default_rng(seed).normal(size=(3, len(DAYS))).cumsum(axis=1)
    table = pd.DataFrame(values.T, DAYS, ["load", "temp", "price"])
    table.loc[DAYS[N:], ["load", "temp"]] = np.nan
    return table[start:]


ONE = table_of(0)
PANEL = pd.concat({"a": ONE, "b": table_of(1, start=25)}, names=["site"]).swaplevel().sort_index()
TABLES = {"one series": ONE, "panel": PANEL}
WINDOWS = TransformedSeriesRegressor(
    make_pipeline(LagWindower(3, flatten=True), Ridge()), Differencer()
)
MODELS = {
    "rows": TransformedSeriesRegressor(LinearRegression()),
    "windows": WINDOWS,
    "scaled windows": make_pipeline(
        LagWindower(3, flatten=True), WindowScaledRegressor(Ridge(), columns="load_lag1")
    ),
    "network": make_pipeline(LagWindower(3), LSTMRegressor(**LSTM)),
    "search": GridSearchCV(WINDOWS, {"check_inverse": [True]}, cv=TimeSeriesSplit(2)),
}


def until(table, day, columns=("load", "temp", "price")):
    """Return what is known of a table on a day, without the days to come."""
    return table.loc[table.index.get_level_values(0) < day, list(columns)]


def series_of(table):
    """Return each series of a table without its name."""
    if table.index.nlevels == 1:
        return {None: table}
    return {name: table.xs(name, level=1) for name in ("a", "b")}


def made(table, columns, horizon):
    """Make the rows by pandas."""
    rows = table[[name for name in columns if name != "price"]].shift(1).add_suffix("_lag1")
    for step in range(horizon):
        name = "price" if step == 0 else f"price_step{step + 1}"
        rows[name] = table["price"].shift(-step)
    return rows[1:]


def by_hand(model, table, steps, horizon, columns=("load", "temp", "price"), origin=DAYS[N]):
    """Forecast each series by rows that pandas makes, and feed predictions back."""
    found = {}
    for name, one in series_of(table).items():
        one, place = one.copy(), one.index.get_loc(origin)
        one.loc[origin:, one.columns.intersection(["load", "temp"])] = np.nan
        for start in range(place, place + steps, horizon):
            rows = made(one, columns, horizon).loc[: one.index[start]]
            if name is not None:
                rows = pd.concat({name: rows}, names=["site"]).swaplevel()
            predicted = np.ravel(model.predict(rows)[-1])
            n_left = len(one) - start
            one.iloc[start : start + horizon, 0] = predicted[:n_left]
        found[name] = one["load"].iloc[place : place + steps]
    if None in found:
        return found[None]
    return pd.concat(found, names=["site"]).swaplevel().sort_index()


def check(found, expected):
    """Compare values and labels."""
    pd.testing.assert_series_equal(found, expected, rtol=1e-5, check_freq=False)


@pytest.mark.parametrize("horizon", [1, 4])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_way_into_a_forecast_makes_the_rows_that_pandas_makes(table, name, horizon):
    """From the raw table, with days to come in it or beside it, from rows, and from one row."""
    known, later = until(table, DAYS[N]), table[["price"]]
    options = {"target": "load", "horizon": horizon, "future_inputs": "price"}
    X, y = series_to_supervised(table, keep_last=True, **options)
    model = clone(MODELS[name]).fit(*series_to_supervised(known, **options))
    expected = by_hand(model, table, horizon, horizon)
    check(forecast(model, series=table, steps=horizon), expected)
    check(forecast(model, series=known, steps=horizon, future_inputs=later), expected)
    check(forecast(model, X, horizon, y=y), expected)
    # Rows whose target is still to come teach nothing, but are the past of one new row.
    model, times = getattr(model, "best_estimator_", model), X.index.get_level_values(0)
    model.fit(X[times < DAYS[N]], y[times < DAYS[N]])
    expected = by_hand(model, table, horizon, horizon)
    check(forecast(model, X[times == DAYS[N]], horizon), expected)
    since = table[table.index.get_level_values(0) >= DAYS[N - 1]]
    check(forecast(model, series=since, steps=horizon), expected)
    check(forecast(model.fit(X, y), X, horizon, y=y), expected)
    model.fit(*series_to_supervised(known, keep_last=True, **options))
    check(forecast(model, series=known, steps=horizon, future_inputs=later), expected)


@pytest.mark.parametrize("horizon", [1, 4])
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_future_inputs_are_known_beyond_the_horizon(table, horizon):
    """Blocks of steps are fed back; rows that X lacks are made of y, and of later steps."""
    columns = ["load", "price"]
    known, later = until(table, DAYS[N], columns), table[["price"]]
    options = {"target": "load", "horizon": horizon, "future_inputs": "price"}
    X, y = series_to_supervised(known, **options)
    model = WINDOWS.fit(X, y)
    to_come = later[later.index.get_level_values(0) >= DAYS[N]]
    for steps in (2, 9):
        expected = by_hand(model, table, steps, horizon, columns)
        check(forecast(model, X, steps, y=y, future_inputs=later), expected)
        # The last row holds those of its later steps.
        check(forecast(model, X, steps, y=y, future_inputs=to_come), expected)
        check(forecast(model, series=table[columns], steps=steps), expected)
        check(forecast(model, series=known, steps=steps, future_inputs=later), expected)


@pytest.mark.filterwarnings("ignore::sklstm.MissingStepsWarning")
@pytest.mark.parametrize(
    ("lacking", "right"),
    [([], [0, 54, 56, 57, 60]), ([10], [0, 54, 56, 57]), ([58], []), ([10, 58], [0, 54, 56])],
    ids=str,
)
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_future_inputs_of_missing_dates_stand_in_no_other_row(table, lacking, right):
    """Rows that end before the last known target: inputs that begin elsewhere are refused."""
    table = table[~table.index.isin(DAYS[lacking], level=0)]
    known, columns = until(table, DAYS[N], ["load", "price"]), ["load", "price"]
    options = {"target": "load", "horizon": 4, "future_inputs": "price"}
    X, y = series_to_supervised(known, **options)
    model = TransformedSeriesRegressor(LinearRegression()).fit(X, y)
    expected = by_hand(model, table, 5, 4, columns)
    for first in (0, 54, 56, 57, N):
        later = table.loc[table.index.get_level_values(0) >= DAYS[first], ["price"]]
        if first in right:
            check(forecast(model, X, 5, y=y, future_inputs=later), expected)
        else:
            with pytest.raises(ValueError, match="keep_last=True"):
                forecast(model, X, 5, y=y, future_inputs=later)


@pytest.mark.parametrize("model", [WINDOWS, LinearRegression()], ids=["windows", "plain"])
@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("columns", [("load", "price"), ("load", "temp", "price")], ids=str)
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_back_test_is_a_forecast_of_what_was_known_at_its_origins(table, columns, horizon, model):
    """A fold is fitted and forecast as if the table ended there, beyond the horizon, too."""
    n_test = horizon if "temp" in columns else 5
    known = until(table, DAYS[N], columns)
    options = {"target": "load", "horizon": horizon, "future_inputs": "price"}
    X, y = series_to_supervised(known, keep_last=True, **options)
    times, starts = X.index.get_level_values(0), [DAYS[40], DAYS[47]]
    cv = [
        [
            np.flatnonzero(part)
            for part in (times < day, (times >= day) & (times < DAYS[i + n_test]))
        ]
        for i, day in zip([40, 47], starts, strict=True)
    ]
    result = backtest(model, X, y, cv, feed_back=True, future_inputs="price")
    for fold, day in enumerate(starts):
        past = until(known, day, columns)
        # A regressor with a horizon leaves out the last rows itself.
        keep_last = hasattr(model, "horizon")
        honest = clone(model).fit(*series_to_supervised(past, keep_last=keep_last, **options))
        expected = by_hand(honest, known, n_test, horizon, columns, origin=day)
        ahead = {"steps": n_test, "future_inputs": known[["price"]], "y_lag": "load_lag1"}
        check(forecast(honest, series=past, **ahead), expected)
        lines = result.predictions[result.predictions["fold"] == fold]
        check(lines["prediction"].rename("load"), expected)
        np.testing.assert_array_equal(lines["actual"], known.loc[expected.index, "load"])
        days = lines.index.get_level_values(0)
        np.testing.assert_array_equal(lines["step"], (days - day).days + 1)


def test_an_array_of_future_inputs_begins_after_the_last_row():
    """One that begins after the last known target is refused, by what X holds of its first rows."""
    known, price = until(ONE, DAYS[N], ["load", "price"]), ONE["price"].to_numpy()
    X, y = series_to_supervised(known, target="load", horizon=4, future_inputs="price")
    model = clone(MODELS["rows"]).fit(X, y)
    expected = by_hand(model, ONE, 5, 4, ["load", "price"])
    check(forecast(model, X, 5, y=y, future_inputs=price[N - 3 :]), expected)
    with pytest.raises(ValueError, match=r"Row 0 of future_inputs.*'price_step2'.*keep_last=True"):
        forecast(model, X, 5, y=y, future_inputs=price[N:])


OPTIONS = {"target": "load", "horizon": 3, "future_inputs": "price"}
KNOWN = until(ONE, DAYS[N])
X, Y = series_to_supervised(KNOWN, **OPTIONS)
FITTED, UNTOLD = clone(MODELS["rows"]).fit(X, Y), LinearRegression().fit(X, Y)
NEW = series_to_supervised(ONE, keep_last=True, **OPTIONS)[0][N - 1 : N]
PRICE = ONE[["price"]]
REFUSED = {
    "rows that end too early": (
        FITTED, {"X": X, "y": Y, "future_inputs": PRICE}, r"'temp_lag1'.*past input.*series=",
    ),
    "beyond the horizon": (FITTED, {"series": ONE, "steps": 4}, r"past input.*horizon=4.*target"),
    "no price": (FITTED, {"series": KNOWN}, r"future_inputs lacks values of \['price'\]"),
    "too few prices": (
        FITTED, {"series": KNOWN, "future_inputs": PRICE[: N + 2]}, r"'price_step3'.*2 steps later",
    ),
    "a table and rows": (FITTED, {"series": ONE, "X": X}, "without X and y"),
    "unknown targets of a table": (UNTOLD, {"series": ONE}, r"Which columns.*y_lag"),
    "unknown targets of a row": (UNTOLD, {"X": NEW}, r"\['load', 'temp'\].*Pass y.*y_lag"),
    "unknown targets of arrays": (
        LinearRegression().fit(X.to_numpy(), Y), {"X": NEW.to_numpy()}, r"Pass y.*y_lag",
    ),
    "no target": (FITTED, {"series": ONE.drop(columns="load")}, r"lacks the target \['load'\]"),
    "no past input": (FITTED, {"series": ONE.drop(columns="temp")}, r"fitted to \['temp_lag1'\]"),
    "an array": (FITTED, {"series": ONE.to_numpy()}, "ndarray.*DataFrame"),
    "nothing": (FITTED, {}, "X"),
    "a model of arrays": (
        LinearRegression().fit(X.to_numpy(), Y), {"series": ONE}, "names of the columns",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("model", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_known_is_asked_for(model, options, message):
    """No number is made of inputs that are not known; the error says what to pass."""
    with pytest.raises(ValueError, match=message):
        forecast(model, **{"steps": 3, **options})


def test_the_target_of_a_plain_regressor_is_named():
    """y_lag tells it, of a table and of a row."""
    expected = by_hand(UNTOLD, ONE, 3, 3)
    check(forecast(UNTOLD, series=ONE, steps=3, y_lag="load_lag1"), expected)
    check(forecast(UNTOLD, NEW, 3, y_lag="load_lag1"), expected)


def test_past_inputs_do_not_go_beyond_the_horizon_of_a_back_test():
    """The error names the past input and the horizon that would do."""
    with pytest.raises(ValueError, match=r"'temp' is a past input.*horizon=7"):
        backtest(
            UNTOLD, X, Y, TimeSeriesSplit(2, test_size=7), feed_back=True, future_inputs="price"
        )


@pytest.mark.parametrize("n_given", [3, 9])
def test_dates_without_a_step_are_those_of_the_steps_to_come(n_given):
    """No more future inputs are asked for than the estimator takes."""
    dates = pd.bdate_range("2024-01-01", periods=90).delete([10, 33, 50, 61, 64])[: len(DAYS)]
    table = ONE.set_axis(dates)
    known, later = table[:N], table[["price"]][N : N + n_given]
    model = clone(WINDOWS).fit(*series_to_supervised(known, **OPTIONS))
    expected = by_hand(model, table, 3, 3, origin=dates[N])
    check(forecast(model, series=table, steps=3), expected)
    check(forecast(model, series=known, steps=3, future_inputs=later), expected)


@pytest.mark.parametrize("dtype", [object, "category"])
def test_future_inputs_may_be_words(dtype):
    """Those of later steps are filled in like numbers."""
    table = ONE[["load"]].assign(price=pd.Series(DAYS.day_name(), DAYS, dtype=dtype))
    encode = ColumnTransformer(
        [("word", OneHotEncoder(), make_column_selector("price"))], remainder="passthrough"
    )
    X, y = series_to_supervised(table[:N], **OPTIONS)
    model = make_pipeline(encode, Ridge()).fit(X, y)
    expected = by_hand(model, table, 7, 3, ["load", "price"])
    later = table[["price"]]
    check(forecast(model, series=table, steps=7), expected)
    check(forecast(model, X, 7, y=y, future_inputs=later), expected)


def test_a_column_called_like_a_later_step_but_no_such_is_given_by_itself():
    """Its values tell; it is not made of the other column."""
    rows = KNOWN[["load"]].shift(1).add_suffix("_lag1").assign(price=KNOWN["price"])[1:]
    rows["price_step2"] = np.arange(len(rows)) % 3.0
    y = KNOWN["load"][1:]
    model = LinearRegression().fit(rows, y)
    with pytest.raises(ValueError, match=r"lacks \['price_step2'\]"):
        forecast(model, rows, 1, y=y, future_inputs=PRICE)
    later = PRICE.assign(price_step2=1.0)
    row = [[y.iloc[-1], PRICE["price"].loc[DAYS[N]], 1.0]]
    expected = model.predict(pd.DataFrame(row, columns=rows.columns))
    np.testing.assert_allclose(forecast(model, rows, 1, y=y, future_inputs=later), expected)
