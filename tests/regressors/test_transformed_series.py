"""TransformedSeriesRegressor against loops written by hand."""

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
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
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


def ridge_on_differences(y_lag="milk_lag1", interval=(1, 12)):
    """Return the model that most tests look at."""
    return TransformedSeriesRegressor(
        make_pipeline(Differencer(list(interval)), LagWindower(12, flatten=True), Ridge()),
        transformer=Differencer(list(interval)),
        y_lag=y_lag,
    )


def by_hand(series, n_train, last=Ridge):
    """Fit and invert one step ahead with pandas alone; return predictions of the later rows."""
    differences = series.diff(1).diff(12)
    lagged = pd.concat([differences.shift(lag) for lag in range(12, 0, -1)], axis=1)
    table = pd.concat([lagged, differences], axis=1).iloc[1:]
    train = table.iloc[:n_train].dropna()
    model = last().fit(train.iloc[:, :-1].to_numpy(), train.iloc[:, -1].to_numpy())
    predicted = []
    for t in range(n_train + 1, len(series)):
        difference = model.predict(lagged.iloc[[t]].to_numpy())[0]
        observed = series.iloc[t - 1] + series.iloc[t - 12] - series.iloc[t - 13]
        predicted.append(difference + observed)
    return np.array(predicted)


# -------------------------------------------------------------------------------- one step ahead


def test_one_step_ahead_equals_a_loop(milk):
    """Ridge on differences, inverted from observed values, is the recipe written by hand."""
    X, y = milk
    predicted = ridge_on_differences().fit(X[:N_TRAIN], y[:N_TRAIN]).predict(X[N_TRAIN:])
    np.testing.assert_allclose(predicted, by_hand(load_milk(), N_TRAIN), rtol=1e-9)


def test_a_regressor_that_takes_nan_equals_a_loop(milk):
    """Boosted trees learn from warm-up rows too, whose target is known."""
    X, y = milk
    options = {"max_iter": 20, "random_state": 0}
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(6, flatten=True), HistGradientBoostingRegressor(**options)),
        transformer=Differencer(1),
        y_lag=0,
    ).fit(X[:N_TRAIN], y[:N_TRAIN])
    series = load_milk()
    lagged = pd.concat([series.shift(lag) for lag in range(6, 0, -1)], axis=1).iloc[1:].to_numpy()
    # The difference of the first target needs a value that y does not hold.
    trees = HistGradientBoostingRegressor(**options).fit(
        lagged[1:N_TRAIN], series.diff().iloc[2 : N_TRAIN + 1]
    )
    expected = trees.predict(lagged[N_TRAIN:]) + series.iloc[N_TRAIN:-1].to_numpy()
    np.testing.assert_allclose(model.predict(X[N_TRAIN:]), expected, rtol=1e-9)


def test_arrays_equal_tables(milk):
    """The same rows without labels give the same predictions."""
    X, y = milk
    by_table = ridge_on_differences().fit(X[:N_TRAIN], y[:N_TRAIN])
    by_array = ridge_on_differences(y_lag=0).fit(X[:N_TRAIN].to_numpy(), y[:N_TRAIN].to_numpy())
    np.testing.assert_array_equal(
        by_array.predict(X[N_TRAIN:].to_numpy()), by_table.predict(X[N_TRAIN:])
    )


def test_later_rows_are_predicted_one_at_a_time_or_together(milk):
    """A row is predicted the same from its own table of all rows since the training rows."""
    X, y = milk
    model = ridge_on_differences().fit(X[:N_TRAIN], y[:N_TRAIN])
    together = model.predict(X[N_TRAIN:])
    for n_rows in (1, 2, 13, 20):
        np.testing.assert_allclose(
            model.predict(X[N_TRAIN : N_TRAIN + n_rows]), together[:n_rows], rtol=1e-12
        )


def test_an_overlap_with_the_training_rows_changes_no_prediction(milk):
    """Rows that begin among the last training rows predict the later ones the same."""
    X, y = milk
    model = ridge_on_differences().fit(X[:N_TRAIN], y[:N_TRAIN])
    overlapping = model.predict(X[N_TRAIN - 6 :])[6:]
    np.testing.assert_allclose(overlapping, model.predict(X[N_TRAIN:]), rtol=1e-12)


def test_training_rows_without_a_full_window_get_the_mean_difference(milk):
    """Until the windows are full, the mean difference is put on top of the observed values."""
    X, y = milk
    fitted = ridge_on_differences().fit(X, y).predict(X)
    expected = (y.shift(1) + y.shift(12) - y.shift(13) + y.diff(1).diff(12).mean())[13:24]
    np.testing.assert_allclose(fitted[13:24], expected)


def test_rows_without_a_base_are_predicted_by_the_last_value(milk):
    """Where nothing can be inverted, y_lag itself is the prediction."""
    X, y = milk
    fitted = ridge_on_differences().fit(X, y).predict(X)
    np.testing.assert_array_equal(fitted[:13], X["milk_lag1"].iloc[:13])


def test_rows_after_a_gap_are_predicted_by_the_last_value(milk):
    """After a gap the season is not known: a warning, and finite predictions."""
    X, y = milk
    model = ridge_on_differences().fit(X[:100], y[:100])
    with pytest.warns(UserWarning, match="start 20 steps later"):
        predicted = model.predict(X[120:])
    np.testing.assert_array_equal(predicted[:13], X["milk_lag1"].iloc[120:133])
    assert np.isfinite(predicted).all()


@pytest.mark.parametrize("y_lag", ["milk_lag1", 0, ["milk_lag1"], np.array([0])], ids=repr)
def test_the_lag_goes_by_name_or_position(milk, y_lag):
    """All ways to name the column mean the same."""
    X, y = milk
    expected = ridge_on_differences().fit(X[:N_TRAIN], y[:N_TRAIN]).predict(X[N_TRAIN:])
    model = ridge_on_differences(y_lag=y_lag).fit(X[:N_TRAIN], y[:N_TRAIN])
    np.testing.assert_array_equal(model.predict(X[N_TRAIN:]), expected)


def test_several_targets_are_inverted_each_by_its_own_lag(two):
    """Each target is restored from its own column, in the order of y_lag."""
    X, y = two
    y = y[["b", "a"]]
    model = TransformedSeriesRegressor(
        Fixed(1.0), Differencer([1, 4]), y_lag=["b_lag1", "a_lag1"]
    ).fit(X[:100], y[:100])
    observed = (y.shift(1) + y.shift(4) - y.shift(5)).iloc[100:]
    np.testing.assert_allclose(model.predict(X[100:]), observed.to_numpy() + 1.0)


# ---------------------------------------------------------------------------------------- run on


def test_without_a_lag_predictions_run_on(milk):
    """Each prediction is the base of the next, from the end of the training target."""
    X, y = milk
    model = TransformedSeriesRegressor(Fixed(3.0), Differencer(1)).fit(X[:N_TRAIN], y[:N_TRAIN])
    expected = y.iloc[N_TRAIN - 1] + 3.0 * np.arange(1, 37)[: len(X) - N_TRAIN]
    np.testing.assert_allclose(model.predict(X[N_TRAIN:]), expected)


def test_a_season_runs_on(milk):
    """A constant seasonal difference repeats the last training year, and rises."""
    X, y = milk
    model = TransformedSeriesRegressor(Fixed(2.0), Differencer(12)).fit(X[:N_TRAIN], y[:N_TRAIN])
    last_year = y.iloc[N_TRAIN - 12 : N_TRAIN].to_numpy()
    expected = np.concatenate([last_year + 2.0, last_year + 4.0, last_year + 6.0])
    np.testing.assert_allclose(
        model.predict(X[N_TRAIN : N_TRAIN + 36]), expected[: len(X) - N_TRAIN]
    )


def test_arrays_run_on_as_tables_do(two):
    """Without labels, later rows follow the training rows."""
    X, y = two
    model = TransformedSeriesRegressor(LinearRegression(), Differencer(1))
    by_table = clone(model).fit(X[:100], y[:100]).predict(X[100:])
    by_array = clone(model).fit(X[:100].to_numpy(), y[:100].to_numpy()).predict(X[100:].to_numpy())
    np.testing.assert_allclose(by_array, by_table)


def test_rows_after_a_gap_without_a_lag_are_the_training_mean(milk):
    """With nothing to run on from, the prediction is the mean of the training target."""
    X, y = milk
    model = TransformedSeriesRegressor(Fixed(3.0), Differencer(1)).fit(X[:100], y[:100])
    with pytest.warns(UserWarning, match="start 20 steps later"):
        predicted = model.predict(X[120:])
    np.testing.assert_allclose(predicted, y[:100].mean())


def test_rows_whose_index_was_reset_are_not_taken_for_training_rows(milk):
    """Labels of training rows with other values: a warning, and nothing to run on from."""
    X, y = (part.reset_index(drop=True) for part in milk)
    model = TransformedSeriesRegressor(Fixed(3.0), Differencer(1)).fit(X[:100], y[:100])
    with pytest.warns(UserWarning, match=r"index reset.*training mean"):
        predicted = model.predict(X[100:].reset_index(drop=True))
    np.testing.assert_allclose(predicted, y[:100].mean())


def test_rows_off_the_regular_step_are_not_inverted(milk):
    """Labels between those of the training rows: a warning, and the value of y_lag."""
    X, y = milk
    model = TransformedSeriesRegressor(Fixed(3.0), Differencer(1), y_lag=0).fit(X[:100], y[:100])
    later = X[100:103].set_axis(X.index[100:103] + pd.Timedelta("5D"))
    with pytest.warns(UserWarning, match="no known place"):
        predicted = model.predict(later)
    assert predicted[0] == X["milk_lag1"].iloc[100]


# ---------------------------------------------------------------------------------- transformers


def test_without_a_transformer_it_is_the_regressor(milk):
    """None leaves the target as it is."""
    X, y = milk
    model = TransformedSeriesRegressor(Ridge()).fit(X, y)
    np.testing.assert_allclose(model.predict(X), Ridge().fit(X, y).predict(X))


@pytest.mark.parametrize("transformer", [StandardScaler(), SeriesMinMaxScaler((-1, 1))], ids=repr)
def test_a_transformer_that_does_not_look_back_is_scikit_learns(two, transformer):
    """With such a transformer, it is TransformedTargetRegressor."""
    X, y = two
    X, y = X.to_numpy(), y.to_numpy()
    ours = TransformedSeriesRegressor(KNeighborsRegressor(), transformer).fit(X[:100], y[:100])
    theirs = TransformedTargetRegressor(KNeighborsRegressor(), transformer=clone(transformer))
    np.testing.assert_allclose(ours.predict(X[100:]), theirs.fit(X[:100], y[:100]).predict(X[100:]))


def test_logarithms_of_a_differenced_series_are_undone(milk):
    """A growth rate of a tenth makes every prediction e^0.1 times the value observed before."""
    X, y = milk
    logarithm = FunctionTransformer(np.log, np.exp, feature_names_out="one-to-one")
    model = TransformedSeriesRegressor(
        Fixed(0.1), make_pipeline(logarithm, Differencer(1)), y_lag="milk_lag1"
    ).fit(X[:N_TRAIN], y[:N_TRAIN])
    np.testing.assert_allclose(
        model.predict(X[N_TRAIN:]), np.exp(0.1) * X["milk_lag1"].iloc[N_TRAIN:]
    )


def test_steps_after_the_differences_are_undone_first(milk):
    """A prediction of the scaler's upper end is the largest training difference."""
    X, y = milk
    model = TransformedSeriesRegressor(
        Fixed(1.0), make_pipeline(Differencer(1), SeriesMinMaxScaler((-1, 1))), y_lag=0
    ).fit(X[:N_TRAIN], y[:N_TRAIN])
    largest = y[:N_TRAIN].diff().max()
    np.testing.assert_allclose(model.predict(X[N_TRAIN:]), X["milk_lag1"].iloc[N_TRAIN:] + largest)


def test_differences_of_differences_are_undone_one_step_ahead(milk):
    """Two differencers in a pipeline are inverted as one with two intervals."""
    X, y = milk
    predictions = [
        TransformedSeriesRegressor(Fixed(5.0), transformer, y_lag=0)
        .fit(X[:N_TRAIN], y[:N_TRAIN])
        .predict(X[N_TRAIN:])
        for transformer in (
            make_pipeline(Differencer(1), "passthrough", Differencer(12)),
            Differencer([1, 12]),
        )
    ]
    np.testing.assert_allclose(predictions[0], predictions[1])


def test_a_transformer_that_does_not_come_back_is_warned_of(milk):
    """An inverse that leads elsewhere makes fit warn."""
    X, y = milk
    lossy = FunctionTransformer(np.log, np.log1p, check_inverse=False)
    with pytest.warns(UserWarning, match=r"does not restore.*check_inverse=False"):
        TransformedSeriesRegressor(Ridge(), lossy).fit(X, y)


def test_the_warning_can_be_silenced(milk):
    """check_inverse=False goes on without a word."""
    X, y = milk
    lossy = FunctionTransformer(np.log, np.log1p, check_inverse=False)
    TransformedSeriesRegressor(Ridge(), lossy, check_inverse=False).fit(X, y)


# --------------------------------------------------------------------------------------- fitting


def test_rows_whose_target_is_unknown_are_not_learnt_from(milk):
    """The regressor sees the rows whose transformed target is known, and no other."""
    X, y = milk
    y = y.copy()
    y.iloc[50] = np.nan
    model = TransformedSeriesRegressor(Fixed(), Differencer(1)).fit(X, y)
    differences = y.diff()
    np.testing.assert_array_equal(model.regressor_.X_, X[differences.notna()])
    np.testing.assert_allclose(model.regressor_.y_, differences.dropna())


def test_rows_whose_past_is_unknown_are_not_learnt_from(milk):
    """A regressor that cannot take NaN sees full windows only."""
    X, y = milk
    model = TransformedSeriesRegressor(make_pipeline(LagWindower(4, flatten=True), Fixed()))
    seen = model.fit(X, y).regressor_[-1]
    assert len(seen.X_) == len(X) - 3
    np.testing.assert_array_equal(seen.y_, y[3:])


def test_rows_whose_past_is_unknown_get_the_mean(milk):
    """A regressor that cannot take NaN is not asked; such a row gets the mean target."""
    X, y = milk
    model = TransformedSeriesRegressor(make_pipeline(LagWindower(4, flatten=True), Ridge()))
    np.testing.assert_allclose(model.fit(X, y).predict(X)[:3], y.mean())


def test_weights_reach_the_last_step(milk):
    """A weight of zero is as good as a row that is not there, warm-up rows aside."""
    X, y = milk
    weight = np.ones(len(X))
    weight[-40:] = 0
    model = TransformedSeriesRegressor(make_pipeline(LagWindower(4, flatten=True), Ridge()))
    weighted = clone(model).fit(X, y, ridge__sample_weight=weight)
    shorter = clone(model).fit(X[:-40], y[:-40])
    np.testing.assert_allclose(weighted.regressor_[-1].coef_, shorter.regressor_[-1].coef_)


def test_weights_reach_a_bare_regressor(milk):
    """sample_weight goes to a regressor that is no pipeline."""
    X, y = milk
    weight = np.random.default_rng(0).uniform(size=len(X))
    model = TransformedSeriesRegressor(Ridge(), Differencer(1)).fit(X, y, sample_weight=weight)
    expected = Ridge().fit(X[1:], y.diff()[1:], sample_weight=weight[1:])
    np.testing.assert_allclose(model.regressor_.coef_, expected.coef_)


def test_a_pipeline_with_memory_gives_the_same(milk, tmp_path):
    """Steps that a cache brings back fit and predict as ever."""
    X, y = milk
    cached = ridge_on_differences()
    cached.regressor.memory = str(tmp_path)
    expected = ridge_on_differences().fit(X[:N_TRAIN], y[:N_TRAIN]).predict(X[N_TRAIN:])
    for _ in range(2):
        predicted = clone(cached).fit(X[:N_TRAIN], y[:N_TRAIN]).predict(X[N_TRAIN:])
        np.testing.assert_array_equal(predicted, expected)


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
    X, y = milk
    model = ridge_on_differences().fit(X, y)
    assert not hasattr(model.regressor[-1], "coef_")
    assert not hasattr(model.transformer, "n_features_in_")
    assert hasattr(model.regressor_[-1], "coef_")


def test_predict_changes_nothing(milk):
    """Predicting other rows in between does not change a prediction."""
    X, y = milk
    model = ridge_on_differences().fit(X[:N_TRAIN], y[:N_TRAIN])
    first = model.predict(X[N_TRAIN:])
    model.predict(X[:N_TRAIN])
    np.testing.assert_array_equal(model.predict(X[N_TRAIN:]), first)


def test_a_target_that_is_too_short_names_the_remedy():
    """If differencing leaves nothing, the message says what would do."""
    X = np.arange(5.0).reshape(-1, 1)
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(4, flatten=True), Ridge()), Differencer(4)
    )
    y = np.array([np.nan, 1.0, 2.0, 3.0, 4.0])
    with pytest.raises(ValueError, match="No row is left to learn from"):
        model.fit(X, y)


def test_the_mean_is_a_prediction_too(milk):
    """A DummyRegressor, which ignores X, works as any other."""
    X, y = milk
    model = TransformedSeriesRegressor(DummyRegressor(), Differencer(1), y_lag=0).fit(X, y)
    drift = y.diff().mean()
    np.testing.assert_allclose(model.predict(X)[1:], X["milk_lag1"][1:] + drift)


def test_a_wrong_validation_target_is_named():
    """Its length, its text, and the order of its rows are told by its own name."""
    X, y = series_to_supervised(load_milk())
    model = TransformedSeriesRegressor(LSTMRegressor(2, epochs=1), Differencer(), y_lag=0)
    for rows, target, message in (
        (X, y[:5], r"y_val .*inconsistent"),
        (X, y.astype(str), "y_val must hold numbers"),
        (X, y.set_axis(y.index.shift(1)), "X_val and y_val are out of step"),
        (X[::-1], y[::-1], "index of X_val .*not sorted"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, X_val=rows, y_val=target)


def test_targets_may_have_names_of_several_kinds():
    """scikit-learn has no names for them then; the predictions are the same."""
    X, y = series_to_supervised(load_milk())
    both = pd.concat([y, y], axis=1).set_axis([0, "b"], axis=1)
    model = TransformedSeriesRegressor(Ridge(), Differencer())
    expected = clone(model).fit(X, both.set_axis(["a", "b"], axis=1)).predict(X)
    np.testing.assert_array_equal(model.fit(X, both).predict(X), expected)


def test_arrays_of_pandas_are_targets():
    """A nullable array is as good as the series that holds it."""
    X, y = series_to_supervised(load_milk())
    values = y.astype("Float64").where(y.index != y.index[7])
    expected = TransformedSeriesRegressor(Ridge()).fit(X, values).predict(X)
    ours = TransformedSeriesRegressor(Ridge()).fit(X, values.array).predict(X)
    np.testing.assert_array_equal(ours, expected)
