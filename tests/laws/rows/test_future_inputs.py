"""No forecast, and no back-test, is fed with what is not known when it starts.

The oracle is an honest recursion by hand: columns of each next row are computed with pandas from
the values observed up to the origin and those predicted since.
"""

import numpy as np
import pandas as pd
import pytest
from estimators import MILK, MILK_X, MILK_Y
from sklearn.linear_model import Ridge
from sklearn.model_selection import TimeSeriesSplit

from sklstm import TransformedSeriesRegressor, backtest, forecast

#: Columns that are made of the target, as users call and compute them: of the values before a row.
MADE = {
    "rolling mean": lambda past: past.rolling(7).mean().iloc[-1],
    "ewm": lambda past: past.ewm(span=5).mean().iloc[-1],
    "milk_lag_2": lambda past: past.iloc[-2],
    "milk(t-12)": lambda past: past.iloc[-12],
    "change": lambda past: past.iloc[-1] - past.iloc[-13],
}
CV = TimeSeriesSplit(2, test_size=12)


def column(name):
    """Return a column of the whole series: each row from the values before it."""
    values = [np.nan] * 13
    values += [MADE[name](MILK.iloc[:t]) for t in range(13, len(MILK))]
    return pd.Series(values, MILK.index, name=name)


def with_columns(names, *, angle=False, lag=True):
    """Return rows with such columns, from the first that are known."""
    rows = (MILK_X if lag else MILK_X[[]]).assign(**{name: column(name) for name in names})
    if angle:
        rows["angle"] = np.sin(rows.index.month)
    return rows[14:], MILK_Y[14:]


def recompute_of(names):
    """Return the function that a user writes."""
    return lambda past: {name: MADE[name](past) for name in names}


def recursion(model, rows, y, known, n_steps):
    """Predict step after step, each from what was observed until `known` or predicted since."""
    values = MILK[: y.index[known - 1]]
    for step in range(n_steps):
        label = rows.index[known + step] if known + step < len(rows) else None
        label = label or values.index[-1] + pd.DateOffset(months=1)
        row = {name: make(values) for name, make in MADE.items()}
        row |= {"milk_lag1": values.iloc[-1], "angle": np.sin(label.month)}
        predicted = model.predict(pd.DataFrame([row], [label])[rows.columns])[0]
        values = pd.concat([values, pd.Series([predicted], [label])])
    return values.iloc[-n_steps:].to_numpy()


CASES = {
    **{name: ([name], False, True) for name in MADE},
    "all, and a calendar": (list(MADE), True, True),
    "all, without a lag": (list(MADE), False, False),
    "one, without a lag": (["rolling mean"], False, False),
}


@pytest.mark.parametrize(("names", "angle", "lag"), CASES.values(), ids=CASES)
def test_columns_made_of_the_target_are_made_of_predictions(names, angle, lag):
    """A fed-back back-test with recompute is the honest recursion from each origin."""
    rows, y = with_columns(names, angle=angle, lag=lag)
    options = {"recompute": recompute_of(names), "future_inputs": ["angle"] if angle else None}
    lines = backtest(Ridge(), rows, y, CV, feed_back=True, **options).predictions
    for fold, (train, _) in enumerate(CV.split(rows)):
        model = Ridge().fit(rows.iloc[train], y.iloc[train])
        expected = recursion(model, rows, y, len(train), 12)
        found = lines.loc[lines["fold"] == fold, "prediction"]
        np.testing.assert_allclose(found, expected, rtol=2e-5)


@pytest.mark.parametrize(
    "kind", [pd.Series, lambda made: pd.DataFrame([made, made])], ids=["series", "table"]
)
def test_recomputed_columns_may_come_as_a_series_or_a_table(kind):
    """A Series is read like a dict; of a table the last row counts."""
    names = ["rolling mean", "change"]
    rows, y = with_columns(names)
    made = recompute_of(names)
    model = Ridge().fit(rows, y)
    found = forecast(model, rows, 5, y=y, recompute=lambda past: kind(made(past)))
    np.testing.assert_allclose(found, recursion(model, rows, y, len(rows), 5), rtol=2e-5)


@pytest.mark.parametrize("labelled", [True, False], ids=["labels", "arrays"])
def test_forecast_and_back_test_agree_from_the_same_origin(labelled):
    """The same model gives the same numbers, whichever function is asked."""
    rows, y = with_columns(["rolling mean", "change"], angle=True)
    names, later = ["rolling mean", "change"], ["angle"]
    recompute, y_lag = recompute_of(names), None
    if not labelled:
        rows, y, later, y_lag = rows.to_numpy(), y.to_numpy(), [3], 0

        def recompute(past):
            return {i: MADE[name](pd.Series(past)) for i, name in enumerate(names, 1)}

    options = {"y_lag": y_lag, "recompute": recompute}
    result = backtest(Ridge(), rows, y, CV, feed_back=True, future_inputs=later, **options)
    for fold, (train, test) in enumerate(CV.split(rows)):
        known, ahead = slice(0, len(train)), slice(test[0], test[-1] + 1)
        X, target = (rows.iloc, y.iloc) if labelled else (rows, y)
        options["future_inputs"] = X[ahead][later] if labelled else rows[ahead, 3]
        model = Ridge().fit(X[known], target[known])
        expected = forecast(model, X[known], 12, y=target[known], **options)
        lines = result.predictions
        np.testing.assert_allclose(lines.loc[lines["fold"] == fold, "prediction"], expected)


def test_several_targets_are_handed_over_as_a_table():
    """With several targets, recompute gets one column each."""
    table = pd.DataFrame({"a": MILK, "b": MILK[::-1].to_numpy()})
    rows = table.shift(1).add_suffix("_lag1").assign(mean=table.mean(axis=1).shift(1))[1:]
    y = table[1:]
    model = Ridge().fit(rows, y)
    values = y.copy()
    for _ in range(5):
        last = values.iloc[-1]
        row = pd.DataFrame([[*last, last.mean()]], columns=rows.columns)
        values.loc[values.index[-1] + pd.DateOffset(months=1)] = model.predict(row)[0]
    ahead = forecast(
        model, rows, 5, y=y, recompute=lambda past: {"mean": past.iloc[-1][["a", "b"]].mean()}
    )
    np.testing.assert_allclose(ahead, values.iloc[-5:])


@pytest.mark.parametrize("name", [*MADE, "rain"])
def test_columns_that_nobody_declares_are_refused_by_both(name):
    """A column made of the target, or measured, is not taken from the test rows."""
    rows, y = with_columns([])
    rows[name] = np.random.default_rng(0).normal(size=len(rows)) if name == "rain" else column(name)
    said = r"future_inputs .* recompute.* targets"
    with pytest.raises(ValueError, match=said) as in_backtest:
        backtest(Ridge(), rows, y, CV, feed_back=True)
    with pytest.raises(ValueError, match=said) as in_forecast:
        forecast(Ridge().fit(rows, y), rows, 3, y=y)
    assert repr(name) in str(in_backtest.value)
    assert repr(name) in str(in_forecast.value)


def test_rows_after_the_origin_have_no_say():
    """Whatever undeclared columns and targets hold after the origin, the predictions stay."""
    rows, y = with_columns(["rolling mean"])
    changed, other = rows.copy(), y.copy()
    train, test = next(CV.split(rows))
    changed.iloc[len(train) :] = -1e6
    other.iloc[len(train) :] = 1e6
    options = {"feed_back": True, "recompute": recompute_of(["rolling mean"])}
    found, expected = (
        backtest(Ridge(), X, target, [(train, test)], **options).predictions["prediction"]
        for X, target in ((changed, other), (rows, y))
    )
    np.testing.assert_array_equal(found, expected)


WRONG = {
    "sees the row itself": (
        lambda past: {"rolling mean": past.rolling(6).mean().iloc[-1]},
        "holds",
    ),
    "too little past": (lambda past: {"rolling mean": past[-3:].rolling(7).mean().iloc[-1]}, "nan"),
    "no such column": (lambda past: {"mean": 1.0}, "names no column"),
    "no dict": (lambda past: 5, "recompute"),
    "no number": (lambda past: {"rolling mean": "high"}, "recompute"),
    "no function": ("mean", "recompute"),
}


@pytest.mark.parametrize(("recompute", "message"), WRONG.values(), ids=WRONG)
def test_a_function_that_makes_other_values_is_refused(recompute, message):
    """What recompute makes is compared with the last row of X."""
    rows, y = with_columns(["rolling mean"])
    model = Ridge().fit(rows, y)
    with pytest.raises((ValueError, TypeError), match=message):
        forecast(model, rows, 3, y=y, recompute=recompute)


@pytest.mark.parametrize("n_unknown", [1, 2, 6])
@pytest.mark.parametrize("labelled", [True, False], ids=["labels", "arrays"])
def test_targets_unknown_at_the_origin_are_forecast_too(labelled, n_unknown):
    """A fold whose last training targets are NaN forecasts these first, then its test rows."""
    rows, y = MILK_X.copy(), MILK_Y.copy()
    train, test = list(CV.split(y))[-1]
    first = len(train) - n_unknown
    y.iloc[first : len(train)] = rows.iloc[first + 1 : len(train)] = np.nan
    model = Ridge().fit(rows[:first], y[:first])
    values = [y.iloc[first - 1]]
    for _ in range(n_unknown + 12):
        values.append(model.predict(pd.DataFrame({"milk_lag1": values[-1:]}))[0])
    X, target = (rows, y) if labelled else (rows.to_numpy(), y.to_numpy())
    wrapped = TransformedSeriesRegressor(Ridge())
    result = backtest(wrapped, X, target, [(train, test)], feed_back=True)
    np.testing.assert_allclose(result.predictions["prediction"], values[-12:])


OTHERS = {
    "a leading indicator": MILK.rename("orders").to_frame(),
    "a scaled lag": (MILK.shift(1) / 1000).rename("milk_lag1").to_frame(),
    "a lag of two steps": MILK.shift(2).rename("milk_lag1").to_frame(),
}


@pytest.mark.parametrize("rows", OTHERS.values(), ids=OTHERS)
def test_a_column_that_holds_other_values_is_no_lag(rows):
    """Predictions are not fed into a column that held something else, whatever its name."""
    rows, y = rows[2:], MILK[2:]
    said = r"does not hold the target 1 step.*y_lag.*future_inputs"
    with pytest.raises(ValueError, match=said):
        backtest(Ridge(), rows, y, CV, feed_back=True)
    with pytest.raises(ValueError, match=said):
        forecast(Ridge().fit(rows, y), rows, 3, y=y)
