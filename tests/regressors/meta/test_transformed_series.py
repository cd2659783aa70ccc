"""TransformedSeriesRegressor against loops written by hand."""

import re
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import (
    Differencer,
    InverseWarning,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    UnknownPastWarning,
    series_to_supervised,
)
from sklstm.datasets import load_milk

N_TRAIN = 132


@pytest.fixture(scope="module")
def milk():
    """Return the monthly rows and targets of the milk series."""
    return series_to_supervised(load_milk())


@pytest.fixture(scope="module")
def two():
    """Return rows and targets of two related series."""
    draws = np.random.default_rng(0)
    months = pd.date_range("2010-01-01", periods=121, freq="MS")
    walk = draws.normal(size=(121, 2)).cumsum(axis=0) + np.arange(121)[:, None]
    return series_to_supervised(pd.DataFrame(walk, index=months, columns=["a", "b"]))


class Fixed(RegressorMixin, BaseEstimator):
    """Predicts the same number for every row, and keeps what it was fitted on."""

    def __init__(self, value=0.0):
        self.value = value

    def fit(self, X, y):
        """Keep the rows."""
        self.X_, self.y_ = np.asarray(X), np.asarray(y)
        return self

    def predict(self, X):
        """Return the number, once per row and output."""
        return np.full((len(X), *self.y_.shape[1:]), self.value)

    def __sklstm_look_back__(self):
        return 0


def predict_later(model, X, y, n_train=N_TRAIN):
    """Fit to the first rows, and predict the others."""
    return model.fit(X[:n_train], y[:n_train]).predict(X[n_train:])


def ridge_on_differences(y_lag="milk_lag1", interval=(1, 12)):
    """Return the model that most tests look at."""
    return TransformedSeriesRegressor(
        make_pipeline(LagWindower(12, flatten=True), Ridge()),
        transformer=Differencer(list(interval)),
        y_lag=y_lag,
    )


def by_hand(series, n_train):
    """Fit and invert one step ahead with pandas alone; return predictions of the later rows."""
    differences = series.diff(1).diff(12)
    lagged = pd.concat([differences.shift(lag) for lag in range(12, 0, -1)], axis=1)
    table = pd.concat([lagged, differences], axis=1).iloc[1:]
    train = table.iloc[:n_train].dropna()
    model = Ridge().fit(train.iloc[:, :-1].to_numpy(), train.iloc[:, -1].to_numpy())
    observed = series.shift(1) + series.shift(12) - series.shift(13)
    return model.predict(lagged[n_train + 1 :].to_numpy()) + observed[n_train + 1 :]


# -------------------------------------------------------------------------------- one step ahead


def test_one_step_ahead_equals_a_loop(milk):
    """Ridge on differences, inverted from observed values, is the recipe written by hand."""
    predicted = predict_later(ridge_on_differences(), *milk)
    np.testing.assert_allclose(predicted, by_hand(load_milk(), N_TRAIN), rtol=1e-9)


def test_a_regressor_that_takes_nan_equals_a_loop(milk):
    """Boosted trees learn from warm-up rows too, whose target is known."""
    X, y = milk
    options = {"max_iter": 20, "random_state": 0}
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(6, flatten=True), HistGradientBoostingRegressor(**options)),
        transformer=Differencer(1),
        transform_lags=False,
    )
    series = load_milk()
    lagged = pd.concat([series.shift(lag) for lag in range(6, 0, -1)], axis=1).iloc[1:].to_numpy()
    # The difference of the first target needs a value that y does not hold.
    trees = HistGradientBoostingRegressor(**options).fit(
        lagged[1:N_TRAIN], series.diff().iloc[2 : N_TRAIN + 1]
    )
    expected = trees.predict(lagged[N_TRAIN:]) + series.iloc[N_TRAIN:-1].to_numpy()
    np.testing.assert_allclose(predict_later(model, X, y), expected, rtol=1e-9)


@pytest.mark.parametrize(("first", "n_rows"), [(0, 1), (0, 2), (0, 13), (0, 20), (-6, 30)])
def test_later_rows_are_predicted_in_any_company(milk, first, n_rows):
    """Neither rows that follow nor the last training rows before them change a prediction."""
    X, y = milk
    model = ridge_on_differences().fit(X[:N_TRAIN], y[:N_TRAIN])
    predicted = model.predict(X[N_TRAIN + first : N_TRAIN + n_rows])[-first:]
    together = model.predict(X[N_TRAIN:])[:n_rows]
    np.testing.assert_allclose(predicted, together, rtol=1e-12)


def test_training_rows_are_predicted_as_far_as_they_are_known(milk):
    """Without a base it is y_lag itself; then, until windows are full, the mean difference."""
    X, y = milk
    fitted = ridge_on_differences().fit(X, y).predict(X)
    np.testing.assert_array_equal(fitted[:13], X["milk_lag1"].iloc[:13])
    expected = (y.shift(1) + y.shift(12) - y.shift(13) + y.diff(1).diff(12).mean())[13:24]
    np.testing.assert_allclose(fitted[13:24], expected)


@pytest.mark.parametrize("y_lag", ["milk_lag1", 0, ["milk_lag1"], np.array([0])], ids=repr)
def test_the_lag_goes_by_name_or_position(milk, y_lag):
    """All ways to name the column mean the same."""
    expected = predict_later(ridge_on_differences(), *milk)
    predicted = predict_later(ridge_on_differences(y_lag), *milk)
    np.testing.assert_array_equal(predicted, expected)


def test_several_targets_are_inverted_each_by_its_own_lag(two):
    """Each target is restored from its own column, in the order of y_lag."""
    X, y = two
    y = y[["b", "a"]]
    model = TransformedSeriesRegressor(Fixed(1.0), Differencer([1, 4]), y_lag=["b_lag1", "a_lag1"])
    observed = (y.shift(1) + y.shift(4) - y.shift(5))[100:]
    np.testing.assert_allclose(predict_later(model, X, y, 100), observed + 1.0)


# ---------------------------------------------------------------------------------------- run on


def test_without_a_lag_predictions_run_on(milk):
    """Each prediction is the base of the next, from the end of the training target."""
    X, y = milk
    predicted = predict_later(
        TransformedSeriesRegressor(Fixed(3.0), Differencer(1), y_lag=None), X, y
    )
    expected = y.iloc[N_TRAIN - 1] + 3.0 * np.arange(1, 1 + len(X) - N_TRAIN)
    np.testing.assert_allclose(predicted, expected)


def test_a_season_runs_on(milk):
    """A constant seasonal difference repeats the last training year, and rises."""
    X, y = milk
    predicted = predict_later(
        TransformedSeriesRegressor(Fixed(2.0), Differencer(12), y_lag=None), X, y
    )
    last_year = y.iloc[N_TRAIN - 12 : N_TRAIN].to_numpy()
    expected = np.concatenate([last_year + 2.0, last_year + 4.0, last_year + 6.0])
    np.testing.assert_allclose(predicted, expected[: len(predicted)])


@pytest.mark.parametrize(
    ("rows", "warning"),
    [
        pytest.param(lambda X: X[120:], "comes 20 steps later", id="after a gap"),
        pytest.param(
            lambda X: X[100:].set_axis(X.index[: len(X) - 100]),
            r"index reset.*training mean",
            id="with the labels of training rows",
        ),
        pytest.param(
            lambda X: X[100:103].set_axis(X.index[100:103] + pd.Timedelta("5D")),
            "no known place",
            id="off the regular step",
        ),
    ],
)
@pytest.mark.parametrize("y_lag", [0, None])
def test_rows_without_a_known_past_are_not_inverted(milk, rows, warning, y_lag):
    """A warning tells so; the prediction is the value of y_lag, or else the training mean."""
    X, y = milk
    model = TransformedSeriesRegressor(Fixed(3.0), Differencer([1, 12]), y_lag=y_lag)
    later = rows(X)
    with pytest.warns(UnknownPastWarning, match=warning):
        predicted = model.fit(X[:100], y[:100]).predict(later)
    expected = later["milk_lag1"] if y_lag == 0 else np.full(len(later), y[:100].mean())
    np.testing.assert_allclose(predicted[:13], expected[:13])
    assert np.isfinite(predicted).all()


# ---------------------------------------------------------------------------------- transformers


@pytest.mark.parametrize(
    "transformer", [None, StandardScaler(), SeriesMinMaxScaler((-1, 1))], ids=repr
)
def test_without_a_look_back_it_is_scikit_learns_own(two, transformer):
    """Without a transformer that looks back, it is TransformedTargetRegressor."""
    rows = [table.to_numpy() for table in two]
    ours, theirs = (
        predict_later(of(KNeighborsRegressor(), transformer=transformer), *rows, 100)
        for of in (TransformedSeriesRegressor, TransformedTargetRegressor)
    )
    np.testing.assert_allclose(ours, theirs)


LOGARITHM = FunctionTransformer(np.log, np.exp, feature_names_out="one-to-one")
#: Steps of a transformer, what is predicted after them, and the target that this means.
STEPS = {
    "a growth rate": ([LOGARITHM, Differencer(1)], 0.1, lambda lag, y: np.exp(0.1) * lag),
    "the largest training difference": (
        [Differencer(1), SeriesMinMaxScaler((-1, 1))],
        1.0,
        lambda lag, y: lag + y[:N_TRAIN].diff().max(),
    ),
    "differences of differences": (
        [Differencer(1), "passthrough", Differencer(12)],
        5.0,
        lambda lag, y: 5.0 + lag + (y.shift(12) - y.shift(13))[N_TRAIN:],
    ),
}


@pytest.mark.parametrize(("steps", "predicted", "inverted"), STEPS.values(), ids=STEPS)
def test_all_steps_are_undone_from_the_last_to_the_first(milk, steps, predicted, inverted):
    """Logarithms, scaling and two differencers are inverted one step ahead, as worked out here."""
    X, y = milk
    model = TransformedSeriesRegressor(Fixed(predicted), make_pipeline(*steps), y_lag=0)
    expected = inverted(X["milk_lag1"][N_TRAIN:], y)
    np.testing.assert_allclose(predict_later(model, X, y), expected)


def test_transformers_may_lie_in_each_other(milk):
    """The outer one comes first, as in one pipeline of both."""
    X, y = milk
    log, ridge = (
        FunctionTransformer(np.log, np.exp),
        make_pipeline(LagWindower(4, flatten=True), Ridge()),
    )
    nested = TransformedSeriesRegressor(
        make_pipeline(TransformedSeriesRegressor(ridge, Differencer())), log
    )
    flat = TransformedSeriesRegressor(ridge, make_pipeline(log, Differencer()))
    first, second = (
        one.fit(X[:N_TRAIN], y[:N_TRAIN]).predict(X[N_TRAIN:]) for one in (nested, flat)
    )
    np.testing.assert_allclose(first, second, rtol=1e-12)


@pytest.mark.parametrize("check_inverse", [True, False])
def test_a_transformer_that_does_not_come_back_is_warned_of(milk, check_inverse):
    """An inverse that leads elsewhere makes fit warn, unless check_inverse=False."""
    lossy = FunctionTransformer(np.log, np.log1p, check_inverse=False)
    model = TransformedSeriesRegressor(Ridge(), lossy, check_inverse=check_inverse)
    message = r"does not restore.*check_inverse=False"
    with pytest.warns(InverseWarning, match=message) if check_inverse else nullcontext():
        model.fit(*milk)


# --------------------------------------------------------------------------------------- fitting


def test_rows_whose_target_is_unknown_are_not_learnt_from(milk):
    """The regressor sees the rows whose transformed target is known, and no other."""
    X, y = milk
    y = y.where(y.index != y.index[50])
    model = TransformedSeriesRegressor(Fixed(), Differencer(1), y_lag=None).fit(X, y)
    np.testing.assert_array_equal(model.regressor_.X_, X[y.diff().notna()])
    np.testing.assert_allclose(model.regressor_.y_, y.diff().dropna())


def test_rows_whose_past_is_unknown_are_left_out(milk):
    """A regressor that cannot take NaN sees full windows only; other rows get the mean target."""
    X, y = milk
    windower = LagWindower(4, flatten=True)
    seen = TransformedSeriesRegressor(make_pipeline(windower, Fixed())).fit(X, y).regressor_[-1]
    np.testing.assert_array_equal(seen.y_, y[3:])
    model = TransformedSeriesRegressor(make_pipeline(windower, Ridge()))
    np.testing.assert_allclose(model.fit(X, y).predict(X)[:3], y.mean())


@pytest.mark.parametrize("name", ["sample_weight", "ridge__sample_weight"])
def test_weights_reach_the_regressor(milk, name):
    """Alone or at the end of a pipeline, it gets those of the rows that it learns from."""
    X, y = milk
    weight = np.random.default_rng(0).uniform(size=len(X))
    ridge = (
        Ridge() if name == "sample_weight" else make_pipeline(LagWindower(flatten=True), Ridge())
    )
    model = TransformedSeriesRegressor(ridge, Differencer(1), y_lag=None)
    model.fit(X, y, **{name: weight})
    fitted = model.regressor_ if name == "sample_weight" else model.regressor_[-1]
    expected = Ridge().fit(X[1:], y.diff()[1:], sample_weight=weight[1:])
    np.testing.assert_allclose(fitted.coef_, expected.coef_)


def test_a_pipeline_with_memory_gives_the_same(milk, tmp_path):
    """Steps that a cache brings back fit and predict as ever."""
    cached = ridge_on_differences().set_params(regressor__memory=str(tmp_path))
    expected = predict_later(ridge_on_differences(), *milk)
    for _ in range(2):
        np.testing.assert_array_equal(predict_later(clone(cached), *milk), expected)


def test_a_gap_in_the_training_rows_is_not_differenced_across(two):
    """The first target after a gap has no difference, and is not learnt from."""
    X, y = two
    keep = np.r_[:40, 60:120]
    model = TransformedSeriesRegressor(Fixed(), Differencer(1)).fit(X.iloc[keep], y["a"].iloc[keep])
    expected = pd.concat([y["a"][:40].diff(), y["a"][60:120].diff()]).dropna()
    np.testing.assert_allclose(model.regressor_.y_, expected)


def test_the_shape_of_the_target_is_kept(two):
    """A target of one axis gives one axis; of two, two."""
    X, y = two
    model = TransformedSeriesRegressor(LinearRegression(), Differencer(1))
    assert clone(model).fit(X, y["a"]).predict(X).shape == (120,)
    assert clone(model).fit(X, y[["a"]]).predict(X).shape == (120, 1)
    assert clone(model).fit(X, y).predict(X).shape == (120, 2)


def test_the_parts_given_are_not_fitted(milk):
    """Regressor and transformer are cloned, as everywhere in scikit-learn."""
    model = ridge_on_differences().fit(*milk)
    assert not hasattr(model.regressor[-1], "coef_")
    assert not hasattr(model.transformer, "n_features_in_")


def test_a_target_that_is_too_short_names_the_remedy():
    """If differencing leaves nothing, the message says what would do."""
    windowed = make_pipeline(LagWindower(4, flatten=True), Ridge())
    model = TransformedSeriesRegressor(windowed, Differencer(4), y_lag=None)
    with pytest.raises(ValueError, match="No row is left to learn from"):
        model.fit(np.arange(5.0)[:, None], [np.nan, 1.0, 2.0, 3.0, 4.0])


def test_the_mean_is_a_prediction_too(milk):
    """A DummyRegressor, which ignores X, works as any other."""
    X, y = milk
    model = TransformedSeriesRegressor(DummyRegressor(), Differencer(1), y_lag=0).fit(X, y)
    drift = y.diff().mean()
    np.testing.assert_allclose(model.predict(X)[1:], X["milk_lag1"][1:] + drift)


def test_a_wrong_validation_target_is_named(milk):
    """Messages on its length, its text and the order of its rows name y_val or X_val."""
    X, y = milk
    model = TransformedSeriesRegressor(LSTMRegressor(2, epochs=1), Differencer(), y_lag=0)
    for rows, target, message in (
        (X, y[:5], r"y_val .*inconsistent"),
        (X, y.astype(str), "y_val must hold numbers"),
        (X, y.set_axis(y.index.shift(1)), "X_val and y_val are out of step"),
        (X[::-1], y[::-1], "index of X_val .*newest row"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, X_val=rows, y_val=target)


def test_validation_rows_after_a_gap_are_named_by_their_labels(milk):
    """One warning names the first row that lacks its past; only those after it are looked at."""

    class Keeping(Fixed):
        def fit(self, X, y, X_val=None, y_val=None):
            self.y_val_ = y_val
            return super().fit(X, y)

    X, y = milk
    model = TransformedSeriesRegressor(Keeping(), Differencer(2))
    with pytest.warns(UnknownPastWarning) as caught:
        model.fit(X[:100], y[:100], X_val=X[120:], y_val=y[120:])
    [warning] = caught
    message = "Row 1972-02-01 00:00:00 comes 20 steps later.* are not looked at"
    assert re.match(message, str(warning.message))
    expected = y[120:].diff(2)
    np.testing.assert_array_equal(model.regressor_.y_val_, expected)


def test_targets_may_have_names_of_several_kinds(milk):
    """An int beside a str, which scikit-learn takes for no names, changes no prediction."""
    X, y = milk
    both = pd.concat([y, y], axis=1).set_axis([0, "b"], axis=1)
    model = TransformedSeriesRegressor(Ridge(), Differencer(), y_lag=None)
    expected = clone(model).fit(X, both.set_axis(["a", "b"], axis=1)).predict(X)
    np.testing.assert_array_equal(model.fit(X, both).predict(X), expected)


def test_a_nullable_array_is_a_target(milk):
    """It teaches what the pandas Series that holds it teaches."""
    X, y = milk
    values = y.astype("Float64").where(y.index != y.index[7])
    model = TransformedSeriesRegressor(Ridge())
    expected = clone(model).fit(X, values).predict(X)
    np.testing.assert_array_equal(model.fit(X, values.array).predict(X), expected)
