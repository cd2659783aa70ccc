"""Labels survive the steps of other packages, so rows are placed by their dates."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, SGDRegressor
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    UnknownPastWarning,
    WindowScaledRegressor,
    series_to_supervised,
)

DAY, WINDOW = 96, 8


def solar():
    """Return 12 days of solar power every 15 minutes: every night is zeros."""
    rng = np.random.default_rng(0)
    hour = np.arange(12 * DAY) % DAY / 4
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None)
    power = 10 * sun * (1 + 0.2 * np.repeat(rng.normal(size=12), DAY))
    power += np.where(sun > 0, rng.normal(size=len(sun)), 0)
    index = pd.date_range("2024-06-01", periods=len(power), freq="15min")
    return series_to_supervised(pd.Series(power, index, name="power"))


X, Y = solar()
HALF = len(X) // 2
SPLITS = [(np.arange(DAY * day), np.arange(DAY * day, DAY * (day + 1))) for day in range(6, 11)]


def windowed(*steps):
    """Return a regression on windows, behind some steps."""
    return make_pipeline(*steps, LagWindower(WINDOW, flatten=True), LinearRegression())


def columns_of_lags(table):
    """Return the last values of a column side by side, as pandas shifts them."""
    return pd.concat([table.iloc[:, 0].shift(lag) for lag in range(WINDOW)], axis=1).to_numpy()


def by_hand(train, test):
    """Predict rows with the columns that pandas makes of the whole series."""
    lags = columns_of_lags(X)
    taught = train[~np.isnan(lags[train]).any(axis=1)]
    return LinearRegression().fit(lags[taught], Y.iloc[taught]).predict(lags[test])


DROPPING = {
    "scaler": [StandardScaler()],
    "union": [make_pipeline(StandardScaler())],
    "columns": [make_column_transformer((StandardScaler(), [0]))],
}


@pytest.mark.parametrize("name", DROPPING)
def test_scores_behind_a_foreign_step_are_those_of_a_loop(name):
    """Day by day, the error equals that of a regression on the columns that pandas shifts."""
    model = TransformedSeriesRegressor(windowed(*DROPPING[name]))
    scores = cross_val_score(model, X, Y, cv=SPLITS, scoring="neg_root_mean_squared_error")
    expected = [np.sqrt(np.mean((by_hand(*one) - Y.iloc[one[1]]) ** 2)) for one in SPLITS]
    np.testing.assert_allclose(-scores, expected, rtol=1e-8)


def test_a_foreign_scaler_predicts_as_the_scaler_of_this_package():
    """Overlapping rows, rows after a gap and the whole table get the same predictions."""
    models = [
        TransformedSeriesRegressor(windowed(scaler)).fit(X[:HALF], Y[:HALF])
        for scaler in (StandardScaler(), SeriesMinMaxScaler())
    ]
    for rows in (X, X[HALF - 3 :], X[HALF:]):
        ours, theirs = (model.predict(rows) for model in models)
        np.testing.assert_allclose(ours, theirs)
    for model in models:
        with pytest.warns(UnknownPastWarning, match="later than right after the training rows"):
            model.predict(X[HALF + 7 :])


def test_later_rows_are_predicted_as_in_the_whole_table():
    """What is predicted for a row depends on its label, not on where the table begins."""
    model = TransformedSeriesRegressor(windowed(StandardScaler())).fit(X[:HALF], Y[:HALF])
    whole = model.predict(X)
    with pytest.warns(UnknownPastWarning, match="inside the training rows"):
        part = model.predict(X[100:])
    np.testing.assert_allclose(part[WINDOW - 1 :], whole[100 + WINDOW - 1 :])
    np.testing.assert_allclose(model.predict(X[HALF:]), whole[HALF:])


@pytest.mark.filterwarnings("ignore:Row .* comes before the first training row")
def test_a_fold_in_the_middle_finds_its_past_behind_a_foreign_step():
    """KFold: training rows after a hole start anew, and the test rows continue those before."""
    folds = KFold(3)
    model = TransformedSeriesRegressor(windowed(StandardScaler()))
    predicted = cross_val_predict(model, X[DAY:], Y[DAY:], cv=folds)
    ours = TransformedSeriesRegressor(windowed(SeriesMinMaxScaler()))
    np.testing.assert_allclose(predicted, cross_val_predict(ours, X[DAY:], Y[DAY:], cv=folds))
    lags = columns_of_lags(X[DAY:])
    train, test = list(folds.split(X[DAY:]))[1]
    after_hole = (train > test[-1]) & (train < test[-1] + WINDOW)
    taught = train[~after_hole & ~np.isnan(lags[train]).any(axis=1)]
    line = LinearRegression().fit(lags[taught], Y[DAY:].iloc[taught])
    np.testing.assert_allclose(predicted[test], line.predict(lags[test]), rtol=1e-6)


TREE = DecisionTreeRegressor(max_depth=4, random_state=0)  # It takes NaN.
INNER = make_pipeline(StandardScaler(), LagWindower(WINDOW, flatten=True), TREE)
NESTED = {
    "search": GridSearchCV(
        INNER, {"standardscaler": [StandardScaler(with_mean=False)]}, cv=TimeSeriesSplit(2)
    ),
    "multi-output": MultiOutputRegressor(INNER),
    "nested": make_pipeline(make_pipeline(StandardScaler()), INNER),
}


@pytest.mark.parametrize("name", NESTED)
def test_steps_inside_other_estimators_keep_labels(name):
    """Rows that overlap the training rows find the rows that precede them."""
    y = Y.to_frame() if name == "multi-output" else Y
    model = TransformedSeriesRegressor(NESTED[name]).fit(X[:HALF], y[:HALF])
    whole = model.predict(X)
    np.testing.assert_allclose(model.predict(X[HALF - 3 :]), whole[HALF - 3 :])


def test_the_transformer_of_the_target_keeps_labels():
    """Differences behind a foreign scaler are inverted from the values observed before."""
    transformer = make_pipeline(StandardScaler(), Differencer())
    model = TransformedSeriesRegressor(LinearRegression(), transformer).fit(X[:HALF], Y[:HALF])
    assert model.transformer_[-1]._past.labelled


def test_what_the_user_chose_is_kept():
    """A step with an output of its own keeps it, also inside a step that is told."""
    arrays = StandardScaler().set_output(transform="default")
    columns = make_column_transformer((arrays, [0]), (StandardScaler(), [0]))
    model = TransformedSeriesRegressor(make_pipeline(columns, LinearRegression())).fit(X, Y)
    told = [
        step._sklearn_output_config for step in model.regressor_[0].named_transformers_.values()
    ]
    assert told == [{"transform": "default"}, {"transform": "pandas"}]
    assert not hasattr(columns, "_sklearn_output_config")


class Plain(TransformerMixin, BaseEstimator):
    """A step of another package that cannot be told what to return."""

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def transform(self, X):
        """Return an array."""
        return np.asarray(X)

    def __sklearn_is_fitted__(self):
        return True


def test_a_step_that_cannot_be_told_is_left():
    """Beside such a step the others are told, and predictions of the whole table are the same."""
    columns = make_column_transformer((StandardScaler(), [0]), (Plain(), [0]))
    model = TransformedSeriesRegressor(make_pipeline(columns, LinearRegression())).fit(X, Y)
    np.testing.assert_allclose(model.predict(X), LinearRegression().fit(X, Y).predict(X))


def test_a_sparse_encoder_is_refused_with_the_way_out():
    """Tables with labels are dense: the error names the parameter."""
    table = X.assign(hour=X.index.hour)
    encoder = make_column_transformer((OneHotEncoder(), ["hour"]), remainder="passthrough")
    model = TransformedSeriesRegressor(make_pipeline(encoder, LinearRegression()))
    with pytest.raises(ValueError, match="sparse_output=False"):
        model.fit(table, Y)
    encoder.set_params(onehotencoder__sparse_output=False)
    assert np.isfinite(model.fit(table, Y).predict(table)).all()


COUNTS = {
    "intermittent": np.where(np.arange(60) % 7 == 6, np.arange(60) % 5 + 1.0, 0.0),
    "counts": np.random.default_rng(0).poisson(0.7, 60).astype(float),
    "zeros": np.zeros(60),
}


@pytest.mark.filterwarnings("ignore::sklstm.AssumedPastWarning")
@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("n_train", [20, 30])
def test_arrays_of_counts_continue_the_training_rows(name, n_train):
    """New rows may begin as the training rows do: one at a time they still have their past."""
    series = COUNTS[name][:, None]
    differencer = Differencer().fit(series[:n_train])
    windower = LagWindower(3, flatten=True).fit(series[:n_train])
    for end in range(n_train + 1, n_train + 3):
        new, known = series[n_train:end], series[:end]
        np.testing.assert_array_equal(
            differencer.transform(new), np.diff(known, axis=0)[n_train - 1 :]
        )
        expected = [known[row - 2 : row + 1, 0] for row in range(n_train, end)]
        np.testing.assert_array_equal(windower.transform(new), expected)


def test_the_state_goes_on_over_arrays_that_begin_as_the_training_rows():
    """A stateful regressor predicts a new row from the state after the training rows."""
    series = COUNTS["intermittent"][:, None]
    model = StatefulLSTMRegressor(2, epochs=1, random_state=0).fit(series[:20], series[1:21, 0])
    in_one_go = model.predict(series[20:22])
    one = model.predict(series[20:21])
    np.testing.assert_allclose(one, in_one_go[:1], rtol=1e-5)
    two = model.advance(series[20:21]).predict(series[21:22])
    np.testing.assert_allclose(two, in_one_go[1:], rtol=1e-5)


@pytest.mark.parametrize("labelled", [True, False], ids=["dates", "arrays"])
def test_nan_behind_a_windower_is_named_by_its_place(labelled):
    """A gap in the values is refused with its row, and with date and column where there are any."""
    rows, y = (X.copy(), Y) if labelled else (X.to_numpy(copy=True), Y.to_numpy())
    model = TransformedSeriesRegressor(windowed()).fit(rows, y)
    if labelled:
        rows.iloc[50] = np.nan
    else:
        rows[50] = np.nan
    place = r"row 50 \(2024-06-01 12:45:00\), column 7 \('power_lag1_t-0'\)"
    with pytest.raises(ValueError, match=f"NaN at {place if labelled else 'row 50, column 7'}"):
        model.predict(rows)


WEIGHED = {
    "ridge": TransformedSeriesRegressor(SGDRegressor(random_state=0)),
    "network": TransformedSeriesRegressor(LSTMRegressor(1, epochs=1, random_state=0)),
    "scaled windows": make_pipeline(
        LagWindower(4, flatten=True), WindowScaledRegressor(SGDRegressor(random_state=0))
    ),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", WEIGHED)
def test_weights_have_the_labels_of_the_rows(name, method):
    """Weights in another order, or a row late, would count for other rows; arrays have no order."""
    model = WEIGHED[name]
    rows, target = X[30:70], Y[30:70]
    if name == "scaled windows":
        rows, model = model[0].fit_transform(rows), model[1]
    weights = pd.Series(np.arange(40.0), rows.index)
    learn = getattr(clone(model).fit(rows, target), method)
    for wrong in (weights[::-1], weights.shift(1, freq="15min")):
        with pytest.raises(ValueError, match="X and sample_weight are out of step"):
            learn(rows, target, sample_weight=wrong)
    labelled = learn(rows, target, sample_weight=weights).predict(rows)
    learn = getattr(clone(model).fit(rows, target), method)
    array = learn(rows, target, sample_weight=weights.to_numpy()).predict(rows)
    np.testing.assert_array_equal(labelled, array)
