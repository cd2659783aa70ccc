"""`y_lag` of `TransformedSeriesRegressor`: how it is found, and what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from estimators import MILK, MILK_X, MILK_Y
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    AssumedPastWarning,
    Differencer,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    UnknownLagWarning,
    forecast,
    series_to_supervised,
)

MODEL = TransformedSeriesRegressor(LinearRegression(), Differencer())
#: The prediction of each row from its last change, by hand.
CHANGES = MILK.diff()
FIT = np.polyfit(CHANGES[1:-1], CHANGES[2:], 1)
BY_HAND = (np.polyval(FIT, CHANGES) + MILK).shift(1)[2:]
NAMES = [0, 7, 2.5, ("store", 1), pd.Timestamp("2024-01-01"), "milk_step1", "a_step1_lag1", "a\nb"]


def fitted(X, y, **options):
    """Fit the model, in which a warning is an error."""
    model = TransformedSeriesRegressor(LinearRegression(), Differencer(), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model.fit(X, y)


def named(name, n_columns=1):
    """Return rows and targets of series of some names."""
    if n_columns == 1:
        return series_to_supervised(MILK.rename(name))
    table = pd.concat([MILK, np.sqrt(MILK)], axis=1)
    return series_to_supervised(table.set_axis([name, "other"], axis=1))


@pytest.mark.parametrize("name", [None, *NAMES], ids=str)
def test_it_is_found_by_any_name(name):
    """`series_to_supervised` makes '<name>_lag1' of a name of any type; None is 'series'."""
    X, y = named(name)
    model = fitted(X, y)
    assert model.y_lag_ == [f"{'series' if name is None else name}_lag1"]
    np.testing.assert_allclose(model.predict(X)[1:], BY_HAND)


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_several_targets_may_have_any_names(name):
    """Each target finds its own column, also where the columns stand in another order."""
    X, y = named(name, 2)
    model = fitted(X.iloc[:, ::-1], y)
    assert model.y_lag_ == [f"{name}_lag1", "other_lag1"]


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_a_column_of_any_name_may_be_named(name):
    """An int, a float, a tuple or a time that is a name of X goes before a position."""
    X = MILK_X.set_axis(pd.Index([name], tupleize_cols=False), axis=1)
    model = fitted(X, MILK_Y, y_lag=name)
    assert model.y_lag_ == [name]
    np.testing.assert_allclose(model.predict(X)[1:], BY_HAND)
    ahead = forecast(model, X, 1, y=MILK_Y)
    expected = MILK.iloc[-1] + np.polyval(FIT, CHANGES.iloc[-1])
    np.testing.assert_allclose(ahead, expected)


def test_the_first_step_alone_is_the_series():
    """One column of several steps is found, too."""
    X, y = series_to_supervised(MILK, horizon=3)
    assert fitted(X, y["milk_step1"]).y_lag_ == ["milk_lag1"]


@pytest.mark.parametrize("kind", ["array", "float32", "other names", "target without a name"])
def test_it_is_found_by_its_values(kind):
    """The first column that equals the target one row earlier is taken."""
    noise = np.random.default_rng(0).normal(size=len(MILK_X))
    X, y = (
        MILK_X.assign(noise=noise, twice=MILK_X["milk_lag1"])[["noise", "milk_lag1", "twice"]],
        MILK_Y,
    )
    found = ["before"]
    if kind == "array":
        X, y, found = X.to_numpy(), y.to_numpy(), [1]
    elif kind == "float32":
        X, y, found = (X / 3).to_numpy(np.float32), y.to_numpy() / 3, [1]
    elif kind == "other names":
        X = X.rename(columns={"milk_lag1": "before"})
    else:
        X, y = X.rename(columns={"milk_lag1": "before"}), y.to_numpy()
    assert fitted(X, y).y_lag_ == found


def test_constants_are_not_taken_for_a_lag():
    """Equal values say nothing."""
    with pytest.warns(UnknownLagWarning):
        model = MODEL.fit(np.zeros((20, 2)), np.zeros(20))
    assert model.y_lag_ is None


@pytest.mark.parametrize("y_lag", ["auto", None])
def test_where_none_is_found_a_warning_says_so_once(y_lag):
    """Predictions run on then, which y_lag=None asks for without a warning."""
    X = pd.DataFrame({"temperature": np.sin(np.arange(len(MILK_Y)))}, MILK_Y.index)
    model = TransformedSeriesRegressor(LinearRegression(), Differencer(), y_lag=y_lag)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X[:100], MILK_Y[:100])
    assert [one.category for one in caught] == [UnknownLagWarning] * (y_lag == "auto")
    assert all(one.filename == __file__ for one in caught)
    assert model.y_lag_ is None
    slope, constant = np.polyfit(X["temperature"][1:100], MILK_Y.diff()[1:100], 1)
    expected = MILK_Y.iloc[99] + (slope * X["temperature"] + constant)[100:].cumsum()
    np.testing.assert_allclose(model.predict(X[100:]), expected)


def test_a_transformer_that_does_not_look_back_needs_none():
    """No warning asks for a column that nothing would be done with."""
    X = MILK_X.rename(columns=str.upper) ** 2
    model = TransformedSeriesRegressor(LinearRegression(), SeriesMinMaxScaler())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, MILK_Y)
    assert model.y_lag_ is None


# ------------------------------------------------------------------------------- what is refused

SHOWN = r"'milk_lag1' .* at row {} \(1962-0{}.*\) it is {}, but y was {} at row {} \(1962-0{}"
WRONG = {
    "scaled": (MILK_X / 10, SHOWN.format(1, 3, "56.1", "561.0", 0, 2)),
    "two steps earlier": (
        MILK_X.shift(1, fill_value=MILK.iloc[0]),
        SHOWN.format(1, 3, "589.0", "561.0", 0, 2),
    ),
    "one typing error": (
        MILK_X.assign(milk_lag1=MILK_X["milk_lag1"].where(MILK_X.index != MILK_X.index[4], 7.0)),
        SHOWN.format(4, 6, "7.0", "727.0", 3, 5),
    ),
}


@pytest.mark.parametrize("y_lag", ["auto", "milk_lag1", 0])
@pytest.mark.parametrize("wrong", ["scaled", "two steps earlier", "one typing error"])
def test_a_column_that_holds_something_else_is_refused(wrong, y_lag):
    """The message shows rows, labels and both values."""
    X, message = WRONG[wrong]
    model = TransformedSeriesRegressor(LinearRegression(), Differencer(), y_lag=y_lag)
    with pytest.raises(ValueError, match=message):
        model.fit(X, MILK_Y)


def test_lags_further_back_are_compared_too():
    """Each '<target>_lag<k>' has to hold the target k rows earlier."""
    X = MILK_X.assign(milk_lag3=MILK.shift(2))[4:]
    with pytest.raises(ValueError, match=r"'milk_lag3' of X does not hold the target 3 step"):
        MODEL.fit(X, MILK_Y[4:])


def test_swapped_columns_are_refused():
    """Two targets need their columns in their own order."""
    X, y = named("milk", 2)
    model = TransformedSeriesRegressor(
        LinearRegression(), Differencer(), y_lag=["other_lag1", "milk_lag1"]
    )
    with pytest.raises(ValueError, match="'other_lag1' of X does not hold the target 1 step"):
        model.fit(X, y)


def test_what_is_not_known_is_not_compared():
    """Neither a gap in the rows nor NaN in either place is a difference."""
    keep = np.r_[:50, 53:120]
    X, y = MILK_X.iloc[keep], MILK_Y.iloc[keep]
    filled = X.assign(milk_lag1=X["milk_lag1"].where(X.index != X.index[9], 640.0))
    y = y.where(y.index != y.index[8])
    assert fitted(filled, y).y_lag_ == ["milk_lag1"]


def test_a_regressor_without_a_transformer_compares_only_what_was_named():
    """Nothing is done with a column that nobody named."""
    model = TransformedSeriesRegressor(LinearRegression())
    model.fit(MILK_X / 10, MILK_Y)
    with pytest.raises(ValueError, match="does not hold the target"):
        model.set_params(y_lag=0).fit(MILK_X / 10, MILK_Y)


def test_a_refusal_keeps_what_was_learnt():
    """The fitted model predicts as before."""
    model = fitted(MILK_X, MILK_Y)
    before = model.predict(MILK_X)
    with pytest.raises(ValueError, match="does not hold the target"):
        model.fit(MILK_X / 10, MILK_Y)
    np.testing.assert_array_equal(model.predict(MILK_X), before)


def test_a_lag_in_a_logarithm_stays_in_the_units_of_y():
    """Taking the logarithm of X by hand is refused, since the transformer does it."""
    logarithm = FunctionTransformer(np.log, np.exp)
    with pytest.raises(ValueError, match="leave it in the units of y"):
        TransformedSeriesRegressor(LinearRegression(), logarithm).fit(np.log(MILK_X), MILK_Y)


@pytest.mark.parametrize("transformer", [Differencer([1, 12]), SeriesMinMaxScaler(), None])
@pytest.mark.parametrize(("begin", "wrong"), [(-36, -36), (-48, -40)], ids=["later", "overlapping"])
def test_rows_in_other_units_are_named(transformer, begin, wrong):
    """Kilograms after pounds: one warning with date and column; in pounds, there is none."""
    model = TransformedSeriesRegressor(LinearRegression(), transformer, y_lag="milk_lag1")
    model.fit(MILK_X[:-36], MILK_Y[:-36])
    rows, before = MILK_X[begin:].copy(), MILK_Y.iloc[wrong - 1]
    rows.iloc[wrong:] *= 0.4536
    with pytest.warns(AssumedPastWarning) as caught:
        model.predict(rows)
    assert len(caught) == 1
    said = f"{rows.index[wrong]}), column 0 ('milk_lag1'), but the target 1 step(s) earlier was"
    assert f"{said} {before} in fit" in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(MILK_X[begin:])
