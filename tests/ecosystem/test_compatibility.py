"""What else of scikit-learn works on series: inspection, ensembles, routing, persistence, display.

Most tests learn a series that only its rows in order explain: `y[t] = 2 a[t-1] - b[t]`. Linear
regression on flat windows of two steps then has no error at all, and a tool that tears the rows
apart shows by its error.
"""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingRegressor, StackingRegressor, VotingRegressor
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    TimeSeriesSplit,
    cross_val_score,
    learning_curve,
)
from sklearn.multioutput import RegressorChain
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    UnknownPastWarning,
)

SPLITS = TimeSeriesSplit(3, test_size=10)
N_ROWS, N_PAST = 100, 80


ROWS = np.random.default_rng(0).normal([5, 0], size=(N_ROWS, 2))
X = pd.DataFrame(ROWS, pd.date_range("2020-01-01", periods=N_ROWS, freq="D"), ["a", "b"])
Y = (2 * X["a"].shift(1) - X["b"]).fillna(0.0).rename("y")
PAST, NEW, Y_PAST, Y_NEW = X[:N_PAST], X[N_PAST:], Y[:N_PAST], Y[N_PAST:]


def exact(*steps):
    """Return linear regression on flat windows of two steps, with steps in between."""
    steps = steps or (LinearRegression(),)
    return TransformedSeriesRegressor(make_pipeline(LagWindower(2, flatten=True), *steps))


def lstm():
    """Return a network that is small and quick."""
    return LSTMRegressor(2, epochs=1, normalize=False, random_state=0)


def windowed():
    """Return a network on scaled windows."""
    return make_pipeline(SeriesMinMaxScaler(), LagWindower(2), lstm())


def stationary_lstm():
    """Return a network that learns the differences of the target and predicts the target."""
    scaled_differences = make_pipeline(Differencer(), SeriesMinMaxScaler((-1, 1)))
    return TransformedSeriesRegressor(windowed(), scaled_differences, y_lag=None)


# --------------------------------------------------------------------- validation and its curves


def test_cross_val_score_finds_no_error():
    """Every test row finds its past in the training rows."""
    np.testing.assert_allclose(cross_val_score(exact(), X, Y, cv=SPLITS), 1.0)


def test_a_learning_curve_warns_that_its_test_rows_lost_their_past():
    """learning_curve trains on the first rows of a fold, so a gap comes before the test rows."""
    with pytest.warns(UnknownPastWarning):
        sizes, _, scores = learning_curve(exact(), X, Y, cv=SPLITS, train_sizes=[30, 70])
    assert sizes.tolist() == [30, 70]
    assert (scores[0] < 1).all()
    assert scores[1, 0] == pytest.approx(1.0)


def test_tables_full_of_holes_are_warned_of():
    """KFold(shuffle=True) keeps the order but leaves holes, so test rows have no known place."""
    with pytest.warns(UnknownPastWarning):
        scores = cross_val_score(exact(), X, Y, cv=KFold(3, shuffle=True, random_state=0))
    assert (scores < 0.9).all()


# ------------------------------------------------------------------------------------- inspection


def test_permutation_importance_of_later_rows():
    """A column that explains nothing has no importance; one that does has much."""
    rows = X.assign(noise=np.random.default_rng(1).normal(size=N_ROWS))
    model = exact().fit(rows[:N_PAST], Y_PAST)
    importances = permutation_importance(
        model, rows[N_PAST:], Y_NEW, n_repeats=3, random_state=0
    ).importances
    assert (importances[0] > 0.5).all()
    np.testing.assert_allclose(importances[2], 0, atol=1e-12)


# -------------------------------------------------------------------------------------- ensembles


def test_voting_is_the_mean_of_its_parts():
    """VotingRegressor hands rows and labels on as they are."""
    parts = [("linear", exact()), ("network", windowed()), ("state", stationary_lstm())]
    voting = VotingRegressor(parts).fit(PAST, Y_PAST)
    alone = [clone(part).fit(PAST, Y_PAST).predict(NEW) for _, part in parts]
    np.testing.assert_allclose(voting.predict(NEW), np.mean(alone, axis=0), rtol=1e-5)


def test_stacking_in_time_takes_fitted_parts():
    """With cv="prefit", parts learn from the past and the final estimator from what follows."""
    parts = [("linear", exact(Ridge(10))), ("network", windowed())]
    fitted = [(name, part.fit(X[:50], Y[:50])) for name, part in parts]
    stack = StackingRegressor(fitted, LinearRegression(), cv="prefit")
    # The parts' rows run on without a gap: from their training rows to the rows to predict.
    predicted = stack.fit(X[50:80], Y[50:80]).predict(X[50:])[30:]
    outputs = np.column_stack([part.predict(X[50:]) for _, part in fitted])
    final = LinearRegression().fit(outputs[:30], Y[50:80])
    np.testing.assert_allclose(predicted, final.predict(outputs[30:]))


def test_bagging_windows_finds_no_error():
    """Behind the windower each row carries its past, so rows may be drawn at random."""
    bagging = BaggingRegressor(LinearRegression(), n_estimators=3, random_state=0)
    np.testing.assert_allclose(exact(bagging).fit(PAST, Y_PAST).predict(NEW), Y_NEW)


def test_a_chain_finds_no_error():
    """In a RegressorChain the first target and its past are inputs of the second."""
    first = Y + 3 * X["a"]
    second = first.shift(1).fillna(0) + first
    targets = np.c_[first, second]
    chain = RegressorChain(exact()).fit(PAST, targets[:N_PAST])
    assert chain.estimators_[1].n_features_in_ == 3
    np.testing.assert_allclose(chain.predict(NEW)[1:], targets[N_PAST + 1 :])


# ------------------------------------------------------------------------------ steps and targets


def test_a_cached_pipeline_searches_as_one_without_memory(tmp_path):
    """Pipeline(memory=...) changes no score, and predicts from the cached steps' history."""
    grid = {"lstmregressor__units": [1, 2]}
    plain, cached = (
        GridSearchCV(windowed().set_params(memory=memory), grid, cv=SPLITS).fit(PAST, Y_PAST)
        for memory in (None, str(tmp_path))
    )
    np.testing.assert_allclose(
        cached.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"], rtol=1e-5
    )
    np.testing.assert_allclose(cached.predict(NEW), plain.predict(NEW), rtol=1e-5)
    assert any(tmp_path.rglob("*.pkl"))


def test_a_column_transformer_windows_one_column():
    """Columns that need no past stand beside the flat windows of those that do."""
    parts = ColumnTransformer(
        [("past", LagWindower(2, flatten=True), ["a"]), ("now", "passthrough", ["b"])]
    )
    model = TransformedSeriesRegressor(make_pipeline(parts, LinearRegression()))
    np.testing.assert_allclose(model.fit(PAST, Y_PAST).predict(NEW), Y_NEW)


def union(*names):
    """Return flat windows of levels and of differences side by side."""
    parts = {
        "levels": LagWindower(2, flatten=True),
        "differences": make_pipeline(Differencer(3), LagWindower(1, flatten=True)),
    }
    return TransformedSeriesRegressor(
        make_pipeline(FeatureUnion([(name, parts[name]) for name in names]), LinearRegression())
    )


def test_a_feature_union_sets_flat_windows_side_by_side():
    """The part that looks back furthest stands first, so that unknown values head the row."""
    model = union("differences", "levels").fit(PAST, Y_PAST)
    np.testing.assert_allclose(model.predict(NEW), Y_NEW)
    assert model.regressor_[-1].n_features_in_ == 6


def test_a_feature_union_refuses_unknown_values_in_mid_row():
    """With the shorter look-back first, NaN stands after known values; the remedy helps."""
    model = union("levels", "differences")
    with pytest.raises(ValueError, match="a step behind these that makes the whole row NaN"):
        model.fit(PAST, Y_PAST)
    model.regressor.steps.insert(1, ("blank", FunctionTransformer(blank)))
    np.testing.assert_allclose(model.fit(PAST, Y_PAST).predict(NEW), Y_NEW)


def blank(rows):
    """Make a row unknown as a whole where one of its columns is."""
    return np.where(np.isnan(np.asarray(rows)).any(axis=1, keepdims=True), np.nan, rows)


def test_a_network_learns_columns_of_different_look_back():
    """Rows of differences and levels become unknown as a whole before they become windows."""
    parts = FeatureUnion([("differences", Differencer(3)), ("levels", FunctionTransformer())])
    with pytest.raises(ValueError, match="NaN may only stand in the oldest steps"):
        make_pipeline(parts, LagWindower(2), lstm()).fit(PAST, Y_PAST)
    model = make_pipeline(parts, FunctionTransformer(blank), LagWindower(2), lstm())
    model.fit(PAST, Y_PAST)
    assert model[-1].n_features_in_ == 4
    assert model[-1].n_samples_fit_ == N_PAST - 3 - 1
    assert np.isfinite(model.predict(NEW)).all()


def test_selecting_columns_of_flat_windows():
    """SelectKBest sees the rows whose past is known, and finds the columns that explain."""
    model = exact(SelectKBest(f_regression, k=2), LinearRegression()).fit(PAST, Y_PAST)
    kept = model.regressor_[:-1].get_feature_names_out()
    assert kept.tolist() == ["a_t-1", "b_t-0"]
    np.testing.assert_allclose(model.predict(NEW), Y_NEW)
    known = LagWindower(2, flatten=True).fit_transform(PAST)[1:]
    scores, _ = f_regression(known, Y_PAST[1:])
    np.testing.assert_allclose(model.regressor_[1].scores_, scores)


def test_rotating_columns_of_flat_windows():
    """PCA, which refuses NaN, learns from the rows whose past is known."""
    model = exact(PCA(), LinearRegression()).fit(PAST, Y_PAST)
    known = LagWindower(2, flatten=True).fit_transform(PAST)[1:]
    np.testing.assert_allclose(model.regressor_[1].mean_, known.mean())
    np.testing.assert_allclose(model.predict(NEW), Y_NEW)
    assert np.isfinite(model.predict(PAST)).all()


def test_a_step_that_refuses_nan_before_one_that_looks_back_is_refused():
    """Rows are not taken from under a windower: PCA of differences before it is an error."""
    model = TransformedSeriesRegressor(
        make_pipeline(Differencer(), PCA(), LagWindower(2, flatten=True), LinearRegression())
    )
    with pytest.raises(ValueError, match="contains NaN"):
        model.fit(PAST, Y_PAST)


def test_transformed_target_regressor_scales_the_target_of_a_network():
    """scikit-learn's own takes a transformer that does not look back."""
    model = TransformedTargetRegressor(windowed(), transformer=StandardScaler())
    predicted = model.fit(PAST, Y_PAST).predict(NEW)
    mean, std = Y_PAST.mean(), Y_PAST.std(ddof=0)
    alone = windowed().fit(PAST, (Y_PAST - mean) / std)
    np.testing.assert_allclose(predicted, alone.predict(NEW) * std + mean, rtol=1e-4)


# ----------------------------------------------------------------------------------- routed values


@pytest.fixture
def routing():
    """Enable metadata routing for one test."""
    with sklearn.config_context(enable_metadata_routing=True):
        yield


WEIGHT = np.random.default_rng(3).uniform(0.5, 2, N_ROWS)


@pytest.mark.usefixtures("routing")
def test_weights_are_routed_to_several_steps():
    """A step and the regressor each get the weight that they ask for."""
    scaler = StandardScaler().set_fit_request(sample_weight="importance")
    ridge = Ridge(10).set_fit_request(sample_weight=True)
    model = TransformedSeriesRegressor(
        make_pipeline(scaler, LagWindower(2, flatten=True), SelectKBest(k=2), ridge)
    ).set_params(regressor__selectkbest__score_func=f_regression)
    model.fit(PAST, Y_PAST, sample_weight=WEIGHT[:N_PAST], importance=WEIGHT[:N_PAST] ** 2)
    scaled = StandardScaler().fit(PAST, sample_weight=WEIGHT[:N_PAST] ** 2)
    np.testing.assert_allclose(model.regressor_[0].mean_, scaled.mean_)
    known = LagWindower(2, flatten=True).fit_transform(scaled.transform(PAST))[1:]
    alone = Ridge(10).fit(known[:, [0, 3]], Y_PAST[1:], sample_weight=WEIGHT[1:N_PAST])
    np.testing.assert_allclose(model.regressor_[-1].coef_, alone.coef_)


@pytest.mark.usefixtures("routing")
def test_a_search_routes_weights_of_each_fold():
    """GridSearchCV hands each fold's weights through to the regressor."""
    ridge = Ridge(10).set_fit_request(sample_weight=True)
    model = exact(ridge).set_score_request(sample_weight=False)
    search = GridSearchCV(model, {"regressor__ridge__alpha": [10]}, cv=SPLITS)
    search.fit(X, Y, sample_weight=WEIGHT)
    by_hand = []
    for train, test in SPLITS.split(X):
        fold = exact(ridge).fit(X.iloc[train], Y.iloc[train], sample_weight=WEIGHT[train])
        by_hand.append(fold.score(X.iloc[test], Y.iloc[test]))
    assert search.best_score_ == pytest.approx(np.mean(by_hand))


@pytest.mark.usefixtures("routing")
def test_weights_that_nobody_asked_for_are_refused():
    """A weight that the regressor neither asked for nor declined is an error, not lost."""
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        exact(Ridge()).fit(PAST, Y_PAST, sample_weight=WEIGHT[:N_PAST])


@pytest.mark.usefixtures("routing")
def test_weights_are_routed_to_a_network():
    """A routed weight trains as one that is handed over directly."""
    steps = make_pipeline(SeriesMinMaxScaler(), LagWindower(2))
    asking = lstm().set_fit_request(sample_weight=True)
    model = TransformedSeriesRegressor(make_pipeline(steps, asking))
    model.fit(PAST, Y_PAST, sample_weight=WEIGHT[:N_PAST])
    alone = lstm().fit(steps.fit_transform(PAST), Y_PAST, sample_weight=WEIGHT[:N_PAST])
    assert model.regressor_[-1].history_["loss"] == pytest.approx(alone.history_["loss"], rel=1e-5)


def watching(model):
    """Return a model whose network asks for validation rows."""
    model.regressor[-1].set_fit_request(X_val=True, y_val=True)
    return model.set_params(regressor__transform_input=["X_val"])


def watched_loss(model):
    """Return the loss of the new rows in the units that the network learns, by hand."""
    differences = Y.diff()
    low, high = differences[:N_PAST].min(), differences[:N_PAST].max()
    scaled = 2 * (differences - low) / (high - low) - 1
    return np.mean((model.regressor_.predict(NEW) - scaled[N_PAST:]) ** 2)


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("kind", [lambda table: table, np.asarray], ids=["table", "array"])
def test_validation_rows_are_transformed_as_training_rows(kind):
    """y_val is in the target's own units: its loss is that of scaled differences."""
    model = watching(stationary_lstm())
    model.fit(kind(PAST), kind(Y_PAST), X_val=kind(NEW), y_val=kind(Y_NEW))
    loss = model.regressor_[-1].history_["val_loss"][-1]
    assert loss == pytest.approx(watched_loss(watching(stationary_lstm()).fit(PAST, Y_PAST)))


@pytest.mark.usefixtures("routing")
def test_validation_rows_reach_through_a_search():
    """GridSearchCV hands X_val and y_val on, whole, to each fit."""
    search = GridSearchCV(
        watching(stationary_lstm()),
        {"regressor__lagwindower__window": [2]},
        cv=[(np.arange(60), np.arange(60, N_PAST))],
        error_score="raise",
    )
    # The one fold ends 20 rows before the validation rows.
    with pytest.warns(UnknownPastWarning):
        search.fit(PAST, Y_PAST, X_val=NEW, y_val=Y_NEW)
    loss = search.best_estimator_.regressor_[-1].history_["val_loss"][-1]
    assert loss == pytest.approx(watched_loss(search.best_estimator_))


def test_validation_targets_without_a_pipeline():
    """Without routing, y_val is transformed where it goes by its own name."""
    model = TransformedSeriesRegressor(lstm(), transformer=Differencer(), y_lag=None)
    model.fit(PAST, Y_PAST, X_val=NEW, y_val=Y_NEW)
    expected = np.mean((model.regressor_.predict(NEW) - Y.diff()[N_PAST:]) ** 2)
    assert model.regressor_.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-5)


# ----------------------------------------------------------------------------------------- polars


def test_polars_tables_come_out():
    """set_output("polars") gives polars tables of the same values."""
    pytest.importorskip("polars")
    for step in (Differencer(), SeriesMinMaxScaler(), LagWindower(2, flatten=True)):
        plain = step.fit_transform(X)
        out = clone(step).set_output(transform="polars").fit_transform(X)
        assert type(out).__module__.startswith("polars")
        assert list(out.columns) == list(plain.columns)
        np.testing.assert_array_equal(out.to_numpy(), plain.to_numpy())


def test_polars_tables_go_in():
    """Rows of a polars table have no labels: they follow the training rows, as arrays do."""
    polars = pytest.importorskip("polars")
    past, new = polars.DataFrame(PAST.to_dict("list")), polars.DataFrame(NEW.to_dict("list"))
    model = exact().fit(past, polars.Series(Y_PAST.to_numpy()))
    np.testing.assert_allclose(model.predict(new), Y_NEW)
