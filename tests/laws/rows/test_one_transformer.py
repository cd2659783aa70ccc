"""The transformer is given once: lag columns go through it as the target does, others do not."""

import warnings

import numpy as np
import pandas as pd
import pytest
from estimators import MILK, MILK_X, MILK_Y, quietly
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import TimeSeriesSplit
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import (
    Differencer,
    FewRowsTaughtWarning,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    UnknownPastWarning,
    backtest,
    forecast,
    series_to_supervised,
)

N_TRAIN = 120
MONTH = 2 * np.pi * MILK.index.month.to_numpy() / 12
#: Three lags, one of them further back than what is remembered, between two columns of a calendar.
TABLE = pd.DataFrame(
    {
        "sine": np.sin(MONTH),
        "milk_lag1": MILK.shift(1),
        "milk_lag2": MILK.shift(2),
        "milk_lag30": MILK.shift(30),
        "month": MILK.index.month,
    },
    MILK.index,
)[30:]
TARGET = MILK[30:]
LAGS = [1, 2, 30]
LOGARITHM = FunctionTransformer(np.log, np.exp, feature_names_out="one-to-one")
#: Transformers, what pandas makes of the series, and what it makes of a prediction.
TRANSFORMERS = {
    "differences": (Differencer(), lambda s: s.diff(), lambda z, s: z + s.shift(1)),
    "seasonal differences": (
        Differencer([1, 12]),
        lambda s: s.diff().diff(12),
        lambda z, s: z + s.shift(1) + s.shift(12) - s.shift(13),
    ),
    "growth rates": (
        make_pipeline(LOGARITHM, Differencer()),
        lambda s: np.log(s).diff(),
        lambda z, s: np.exp(z) * s.shift(1),
    ),
    "a logarithm": (LOGARITHM, np.log, lambda z, s: np.exp(z)),
}
each_transformer = pytest.mark.parametrize(
    ("transformer", "there", "back"), TRANSFORMERS.values(), ids=TRANSFORMERS
)


class Seen(RegressorMixin, BaseEstimator):
    """Keeps all that it is fitted with, and predicts zero."""

    def fit(self, X, y, X_val=None, y_val=None):
        """Keep what comes."""
        self.given_ = {"X": X, "y": y, "X_val": X_val, "y_val": y_val}
        return self

    def predict(self, X):
        """Keep the rows, and predict zero."""
        self.later_ = X
        return np.zeros(len(X))


def parts(columns, step):
    """Return a transformer of some columns, which leaves the others as they are."""
    return ColumnTransformer([("part", step, columns)], remainder="passthrough")


def by_hand(series, there):
    """Return the rows that a regressor should see: lags of the transformed series."""
    table = TABLE.copy()
    for lag in LAGS:
        table[f"milk_lag{lag}"] = there(series).shift(lag)[30:]
    return table


def long_form(transformer, regressor):
    """Return the model in which the inputs have a copy of the transformer of their own."""
    return TransformedSeriesRegressor(
        make_pipeline(clone(transformer), regressor),
        clone(transformer),
        y_lag="milk_lag1",
        transform_lags=False,
    )


@each_transformer
@pytest.mark.parametrize("kind", ["table", "array"])
def test_the_regressor_sees_what_pandas_makes_of_the_series(transformer, there, back, kind):
    """Lags of training rows and of later rows are transformed, and the calendar is not."""
    table = TABLE if kind == "table" else TABLE.to_numpy()
    y = TARGET if kind == "table" else TARGET.to_numpy()
    model = TransformedSeriesRegressor(Seen(), transformer).fit(table[:N_TRAIN], y[:N_TRAIN])
    model.predict(table[N_TRAIN:])
    expected = by_hand(MILK, there)
    # An array tells the first lag alone.
    lags = LAGS if kind == "table" else LAGS[:1]
    for lag in set(LAGS) - set(lags):
        expected[f"milk_lag{lag}"] = TABLE[f"milk_lag{lag}"]
    np.testing.assert_allclose(model.regressor_.later_, expected[N_TRAIN:])
    if kind == "table":
        seen = model.regressor_.given_["X"]
        np.testing.assert_allclose(seen, expected.loc[seen.index])


@each_transformer
def test_predictions_are_those_of_a_regression_by_hand(transformer, there, back):
    """Ridge on transformed lags beside a calendar, inverted from observed values."""
    model = TransformedSeriesRegressor(Ridge(), transformer)
    predicted = model.fit(TABLE[:N_TRAIN], TARGET[:N_TRAIN]).predict(TABLE[N_TRAIN:])
    # In training, nothing is known before the first row.
    depth = int(there(MILK).isna().sum())
    rows, target = by_hand(MILK, there), there(MILK)[30:]
    ridge = Ridge().fit(rows[depth:N_TRAIN], target[depth:N_TRAIN])
    changes = pd.Series(ridge.predict(rows[N_TRAIN:]), rows.index[N_TRAIN:]).reindex(MILK.index)
    np.testing.assert_allclose(predicted, back(changes, MILK)[TARGET.index[N_TRAIN:]])


@each_transformer
@pytest.mark.parametrize("rows", [slice(0, 60), slice(60, 100), slice(90, 140)], ids=str)
def test_it_equals_the_long_form(transformer, there, back, rows):
    """With lags alone, all rows are predicted as by a pipeline with a transformer of its own."""
    X, y = MILK_X[:100], MILK_Y[:100]
    regressor = make_pipeline(LagWindower(3, flatten=True), LinearRegression())
    ours = TransformedSeriesRegressor(regressor, transformer).fit(X, y)
    theirs = long_form(transformer, regressor).fit(X, y)
    np.testing.assert_allclose(
        quietly(ours.predict, MILK_X[rows]), quietly(theirs.predict, MILK_X[rows]), rtol=1e-9
    )


def test_rows_after_a_gap_are_predicted_as_by_the_long_form():
    """Their past is unknown, and a warning says so."""
    regressor = make_pipeline(LagWindower(3, flatten=True), LinearRegression())
    found = []
    for model in (
        TransformedSeriesRegressor(regressor, Differencer(12)),
        long_form(Differencer(12), regressor),
    ):
        model.fit(MILK_X[:100], MILK_Y[:100])
        with pytest.warns(UnknownPastWarning):
            found.append(model.predict(MILK_X[110:]))
    np.testing.assert_allclose(*found)


@each_transformer
def test_a_forecast_feeds_raw_values_back(transformer, there, back):
    """Each predicted value, in pounds, is the lag of the next row."""
    names = ["milk_lag1", "milk_lag2", "milk_lag30"]
    model = TransformedSeriesRegressor(Ridge(), transformer)
    model.fit(TABLE[names][:N_TRAIN], TARGET[:N_TRAIN])
    series = MILK[: 30 + N_TRAIN].copy()
    for label in TARGET.index[N_TRAIN : N_TRAIN + 6]:
        series[label] = np.nan
        lags = pd.DataFrame({f"milk_lag{lag}": there(series).shift(lag) for lag in LAGS})
        change = pd.Series(model.regressor_.predict(lags[-1:]), [label]).reindex(series.index)
        series[label] = back(change, series)[label]
    ahead = forecast(model, TABLE[names][:N_TRAIN], 6, y=TARGET[:N_TRAIN])
    np.testing.assert_allclose(ahead, series[-6:])
    cv = TimeSeriesSplit(2, test_size=6)
    folds = backtest(model, TABLE[names], TARGET, cv, feed_back=True).predictions["prediction"]
    alone = clone(model).fit(TABLE[names][:-6], TARGET[:-6])
    last = forecast(alone, TABLE[names][:-6], 6, y=TARGET[:-6])
    np.testing.assert_allclose(folds[-6:], last)


def test_several_targets_go_each_through_its_own_scale():
    """Lags of two targets, in any order, are scaled as the target that they hold."""
    walk = np.random.default_rng(0).normal(size=(61, 2)).cumsum(axis=0) * [1, 100]
    X, y = series_to_supervised(pd.DataFrame(walk, columns=["a", "b"]))
    model = TransformedSeriesRegressor(Seen(), SeriesMinMaxScaler()).fit(X[["b_lag1", "a_lag1"]], y)
    low, spread = y.min(), y.max() - y.min()
    seen = model.regressor_.given_["X"]
    np.testing.assert_allclose(seen["a_lag1"], (X["a_lag1"] - low["a"]) / spread["a"])
    np.testing.assert_allclose(seen["b_lag1"], (X["b_lag1"] - low["b"]) / spread["b"])
    assert model.y_lag_ == ["a_lag1", "b_lag1"]


def test_lags_of_a_target_of_several_steps_are_scaled_as_its_first():
    """The column of step 1 holds the series itself."""
    X, y = series_to_supervised(MILK, horizon=3)
    model = TransformedSeriesRegressor(Seen(), StandardScaler()).fit(X, y)
    first = y["milk_step1"]
    seen = model.regressor_.given_["X"]["milk_lag1"]
    expected = (X["milk_lag1"] - first.mean()) / first.std(ddof=0)
    np.testing.assert_allclose(seen, expected[seen.index])


@pytest.mark.parametrize(
    ("step", "transformer"),
    [
        (Differencer(), Differencer(12)),
        (Differencer(), make_pipeline(LOGARITHM, Differencer())),
        (FunctionTransformer(np.log), make_pipeline(LOGARITHM, Differencer())),
        (make_pipeline(LagWindower(flatten=True), Differencer()), Differencer()),
        (parts(["milk_lag1"], Differencer()), Differencer()),
    ],
    ids=["differences", "differences of a logarithm", "logarithm", "nested", "of one column"],
)
def test_a_second_copy_is_refused(step, transformer):
    """The message says which step to leave out, and transform_lags=False takes both."""
    model = TransformedSeriesRegressor(make_pipeline(step, Ridge()), transformer)
    name = "FunctionTransformer" if isinstance(step, FunctionTransformer) else "Differencer"
    with pytest.raises(ValueError, match=rf"{name}.*twice.*transform_lags=False"):
        model.fit(MILK_X, MILK_Y)
    model.set_params(transform_lags=False, y_lag=0).fit(MILK_X, MILK_Y)


def test_a_transformer_of_other_columns_is_no_second_copy():
    """A ColumnTransformer may take differences of columns that hold no target."""
    rows = MILK_X.assign(price=np.cumsum(np.sin(np.arange(len(MILK_X)))))
    step = parts(["price"], Differencer())
    model = TransformedSeriesRegressor(make_pipeline(step, Ridge()), Differencer())
    changes = rows.diff()[2:]
    ridge = Ridge().fit(changes, MILK_Y.diff()[2:])
    expected = ridge.predict(changes) + MILK_X["milk_lag1"][2:]
    np.testing.assert_allclose(model.fit(rows, MILK_Y).predict(rows)[2:], expected)


def test_windows_made_before_are_refused():
    """Their columns hold the target at many steps."""
    windows = LagWindower(3).fit_transform(MILK_X)[2:]
    model = TransformedSeriesRegressor(LSTMRegressor(2, epochs=1), Differencer(), y_lag=2)
    with pytest.raises(ValueError, match=r"X holds windows.*transform_lags=False"):
        model.fit(np.ascontiguousarray(windows), MILK_Y[2:].to_numpy())


@pytest.mark.filterwarnings("error::sklstm.FewRowsTaughtWarning")
def test_rows_that_the_transformer_loses_are_told():
    """Differences over most of the rows leave few to learn from."""
    model = TransformedSeriesRegressor(Ridge(), Differencer(20))
    with pytest.raises(FewRowsTaughtWarning, match="Only 15 of 35 rows"):
        model.fit(MILK_X[:35], MILK_Y[:35])


def test_a_scaler_in_both_places_is_no_second_copy():
    """It scales the other columns of X, and what is scaled already stays so."""
    scaler = StandardScaler()
    model = TransformedSeriesRegressor(make_pipeline(scaler, Ridge()), scaler)
    alone = TransformedSeriesRegressor(Ridge(), StandardScaler())
    predicted = model.fit(MILK_X, MILK_Y).predict(MILK_X)
    np.testing.assert_allclose(predicted, alone.fit(MILK_X, MILK_Y).predict(MILK_X), rtol=1e-2)


# ------------------------------------------------------------------------------ validation rows


def test_validation_rows_are_transformed_as_training_rows():
    """X_val and y_val are in raw units, and reach the regressor as their rows would in training."""
    X, y = MILK_X, MILK_Y
    model = TransformedSeriesRegressor(Network(), Differencer(12))
    rows = slice(N_TRAIN, None)
    model.fit(X[:N_TRAIN], y[:N_TRAIN], X_val=X[rows], y_val=y[rows])
    given = model.regressor_.given_
    np.testing.assert_allclose(given["X_val"]["milk_lag1"], MILK.diff(12).shift(1)[X.index][rows])
    np.testing.assert_allclose(given["y_val"], y.diff(12)[rows])


class Network(LSTMRegressor):
    """A regressor that skips unknown rows itself, and keeps what it is given."""

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Keep what comes."""
        self.given_ = {"X": X, "y": y, "X_val": X_val, "y_val": y_val}
        return self


def test_validation_rows_for_a_step_are_refused():
    """They would reach the step in other units than its target."""
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(2), LSTMRegressor(2, epochs=1)), Differencer()
    )
    windows = LagWindower(2).fit_transform(MILK_X)
    options = {"lstmregressor__X_val": windows[99:], "lstmregressor__y_val": MILK_Y[99:]}
    with pytest.raises(ValueError, match=r"lstmregressor__X_val.*units.*validation_fraction"):
        model.fit(MILK_X[:99], MILK_Y[:99], **options)


# ----------------------------------------------------------------------------------- warm starts


@pytest.mark.parametrize("windowed", [False, True])
def test_a_warm_start_goes_on_from_what_was_learnt(windowed):
    """Two fits inside are two fits of the same network on transformed rows."""
    network = MLPRegressor(hidden_layer_sizes=3, max_iter=5, warm_start=True, random_state=0, tol=0)
    scaler = StandardScaler().fit(MILK_Y.to_numpy()[:, None])
    rows, target = (scaler.transform(np.c_[part]) for part in (MILK_X, MILK_Y.to_numpy()))
    inside = make_pipeline(LagWindower(flatten=True), network) if windowed else network
    model = TransformedSeriesRegressor(inside, StandardScaler())
    for _ in range(2):
        quietly_fit(model, MILK_X, MILK_Y)
        quietly_fit(network, rows, target.ravel())
    ours = model.regressor_[-1] if windowed else model.regressor_
    np.testing.assert_allclose(ours.coefs_[0], network.coefs_[0])


@pytest.mark.parametrize(("warm_start", "n_epochs"), [(True, 4), (False, 2)])
def test_a_network_inside_trains_on(warm_start, n_epochs):
    """Its epochs add up only with warm_start."""
    network = LSTMRegressor(2, epochs=2, warm_start=warm_start, random_state=0)
    model = TransformedSeriesRegressor(make_pipeline(LagWindower(2), network), Differencer())
    for _ in range(2):
        model.fit(MILK_X, MILK_Y)
    assert model.regressor_[-1].n_iter_ == n_epochs


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def quietly_fit(model, X, y):
    """Fit for a few epochs, of which scikit-learn's network would warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)


# ---------------------------------------------------------------- values that a step cannot take


@pytest.mark.parametrize(
    ("value", "becomes"), [(0.0, "-inf"), (-5.0, "nan")], ids=["zero", "negative"]
)
@pytest.mark.parametrize(
    "transformer",
    [
        LOGARITHM,
        make_pipeline(LOGARITHM, Differencer()),
        make_pipeline(StandardScaler(), LOGARITHM),
    ],
    ids=["logarithm", "its differences", "of scaled values"],
)
def test_a_target_that_a_step_cannot_take_is_named(value, becomes, transformer):
    """The message shows the target, its row, and what the step makes of it."""
    y = MILK_Y.astype(float)
    y.iloc[7] = value
    X = series_to_supervised(MILK)[0]
    X.loc[y.index[8], "milk_lag1"] = value
    if len(getattr(transformer, "steps", "")) and transformer[0] is not LOGARITHM:
        message = r"(?s)y is .* at row \d+ \(19.*\), of which FunctionTransformer.* makes nan"
    else:
        message = (
            rf"(?s)y is {value} at row 7 \(1962-09.*\), of which FunctionTransformer.*{becomes}"
        )
    with pytest.raises(ValueError, match=message):
        TransformedSeriesRegressor(Ridge(), transformer).fit(X, y)


def test_a_lag_that_a_step_cannot_take_is_named():
    """The message shows the column and the row."""
    model = TransformedSeriesRegressor(Ridge(), LOGARITHM).fit(MILK_X[:-3], MILK_Y[:-3])
    later = MILK_X[-3:].mask(MILK_X[-3:] < 800, 0.0)
    message = r"(?s)X is 0.0 at row 2 \(1975-12.*'milk_lag1'.*makes -inf"
    with pytest.raises(ValueError, match=message):
        model.predict(later)


def test_an_unknown_target_is_no_fault():
    """NaN stays NaN, and what looks back makes NaN of known values."""
    y = MILK_Y.where(MILK_Y.index != MILK_Y.index[5])
    model = TransformedSeriesRegressor(Seen(), make_pipeline(LOGARITHM, Differencer()))
    seen = model.fit(MILK_X, y).regressor_.given_["y"]
    np.testing.assert_allclose(seen, np.log(y).diff().dropna())
