"""The parts together with scikit-learn's pipelines, searches and splitters."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    series_to_supervised,
)
from sklstm.datasets import load_milk

SPLITS = TimeSeriesSplit(3)


@pytest.fixture(scope="module")
def milk():
    """Return the monthly rows and targets of the milk series."""
    return series_to_supervised(load_milk())


def ridge_model(y_lag=0, window=6):
    """Return ridge on windows of scaled differences, inverted one step ahead."""
    stationary = make_pipeline(Differencer([1, 12]), SeriesMinMaxScaler((-1, 1)))
    return TransformedSeriesRegressor(
        make_pipeline(stationary, LagWindower(window, flatten=True), Ridge(1e-3)),
        transformer=stationary,
        y_lag=y_lag,
    )


def lstm_model(y_lag=0):
    """Return an LSTM on windows of scaled differences, inverted one step ahead."""
    stationary = make_pipeline(Differencer([1, 12]), SeriesMinMaxScaler((-1, 1)))
    return TransformedSeriesRegressor(
        make_pipeline(stationary, LagWindower(4), LSTMRegressor(2, epochs=2, random_state=0)),
        transformer=stationary,
        y_lag=y_lag,
    )


@pytest.fixture(scope="module")
def searched(milk):
    """A search over windows and units, on the table and on the arrays."""
    grid = {
        "regressor__lagwindower__window": [2, 12],
        "regressor__lstmregressor__units": [2, 3],
    }
    X, y = milk
    search = GridSearchCV(
        lstm_model(), grid, cv=SPLITS, scoring="neg_root_mean_squared_error", error_score="raise"
    )
    return clone(search).fit(X, y), clone(search).fit(X.to_numpy(), y.to_numpy())


def test_a_search_scores_every_window_and_number_of_units(searched):
    """All candidates have a finite score in every fold."""
    results = searched[0].cv_results_
    assert len(results["params"]) == 4
    for fold in range(3):
        assert np.isfinite(results[f"split{fold}_test_score"]).all()


def test_a_search_over_arrays_scores_as_over_tables(searched):
    """Labels change no score."""
    np.testing.assert_allclose(
        searched[0].cv_results_["mean_test_score"], searched[1].cv_results_["mean_test_score"]
    )


def test_the_best_candidate_predicts(searched, milk):
    """The refitted search predicts a finite number per row."""
    predicted = searched[0].predict(milk[0])
    assert predicted.shape == (len(milk[0]),)
    assert np.isfinite(predicted).all()


def test_every_window_is_scored_on_the_same_rows(milk):
    """Each candidate is scored on all rows of each test fold, however far it looks back."""
    X, y = milk
    scored = []

    def score(estimator, X, y):
        scored.append((len(y), len(estimator.predict(X)), str(y.index[0])))
        return 0.0

    windows = {"regressor__lagwindower__window": [1, 6, 24]}
    GridSearchCV(ridge_model(), windows, cv=SPLITS, scoring=score, refit=False).fit(X, y)
    expected = [(len(test), len(test), str(y.index[test[0]])) for _, test in SPLITS.split(X)]
    assert scored == expected * 3


def test_scores_equal_a_loop_over_the_folds(milk):
    """A search's score is that of predictions of the hand-written seasonal recipe."""
    X, y = milk
    series = load_milk()
    model = TransformedSeriesRegressor(
        make_pipeline(Differencer([1, 12]), LagWindower(6, flatten=True), LinearRegression()),
        transformer=Differencer([1, 12]),
        y_lag="milk_lag1",
    )
    scores = cross_validate(model, X, y, cv=SPLITS, scoring="neg_mean_squared_error")["test_score"]
    differences = series.diff(1).diff(12)
    lagged = pd.concat([differences.shift(lag) for lag in range(6, 0, -1)], axis=1).iloc[1:]
    base = (series.shift(1) + series.shift(12) - series.shift(13)).iloc[1:]
    for score, (train, test) in zip(scores, SPLITS.split(X), strict=True):
        known = train[18:]
        regression = LinearRegression().fit(
            lagged.iloc[known].to_numpy(), differences.iloc[1:].iloc[known]
        )
        predicted = regression.predict(lagged.iloc[test].to_numpy()) + base.iloc[test]
        assert -score == pytest.approx(mean_squared_error(y.iloc[test], predicted))


@pytest.mark.parametrize("model", [ridge_model(), lstm_model()], ids=["ridge", "LSTM"])
def test_training_scores_are_finite(milk, model):
    """return_train_score works: training rows are predicted too, warm-up rows included."""
    scores = cross_validate(model, *milk, cv=SPLITS, return_train_score=True, error_score="raise")
    assert np.isfinite(scores["train_score"]).all()
    assert np.isfinite(scores["test_score"]).all()


@pytest.mark.slow
def test_parallel_search_scores_as_one_process(milk):
    """Fits in other processes or threads give the same scores."""
    X, y = milk
    grid = {"regressor__lagwindower__window": [2, 3, 6]}
    alone, together = (
        GridSearchCV(ridge_model(), grid, cv=SPLITS, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(
        alone.cv_results_["mean_test_score"], together.cv_results_["mean_test_score"]
    )


def test_a_foreign_step_that_drops_labels_keeps_the_past(milk):
    """StandardScaler in the middle makes arrays of tables: later rows still continue."""
    X, _ = milk
    steps = make_pipeline(Differencer(), StandardScaler(), LagWindower(4)).fit(X[:100])
    windows = steps.transform(X[100:])
    by_array = make_pipeline(Differencer(), StandardScaler(), LagWindower(4)).fit(
        X[:100].to_numpy()
    )
    np.testing.assert_allclose(windows, by_array.transform(X[100:].to_numpy()))
    assert np.isfinite(windows).all()


def test_a_break_before_a_foreign_step_is_not_reached_across(milk):
    """After a gap the differences begin with NaN, which windows behind a foreign step heed."""
    X, _ = milk
    steps = make_pipeline(Differencer(), StandardScaler(), LagWindower(4)).fit(X[:100])
    with pytest.warns(UserWarning, match="start 20 steps later"):
        windows = steps.transform(X[120:])
    assert np.isnan(windows[0]).all()
    assert np.isnan(windows[3, 0]).all()
    assert np.isfinite(windows[4]).all()


def test_set_output_makes_every_step_a_table(milk):
    """With set_output("pandas"), foreign steps keep the labels, and columns keep their names."""
    X, _ = milk
    steps = make_pipeline(Differencer(), StandardScaler(), LagWindower(2, flatten=True))
    steps.set_output(transform="pandas").fit(X[:100])
    out = steps.transform(X[100:])
    assert out.columns.tolist() == ["milk_lag1_t-1", "milk_lag1_t-0"]
    assert out.index.equals(X.index[100:])


def test_set_output_lets_a_gap_through_a_foreign_step(milk):
    """With set_output("pandas"), labels tell of a gap behind a foreign step as well."""
    X, _ = milk
    steps = make_pipeline(StandardScaler(), LagWindower(4)).set_output(transform="pandas")
    steps.fit(X[:100])
    with pytest.warns(UserWarning, match="start 20 steps later"):
        windows = steps.transform(X[120:])
    assert np.isnan(windows[0, :3]).all()


def test_columns_may_be_differenced_apart(milk):
    """In a ColumnTransformer each part looks back on its own."""
    X = milk[0].assign(month=milk[0].index.month.astype(float))
    parts = ColumnTransformer(
        [("difference", Differencer(), ["milk_lag1"]), ("as it is", "passthrough", ["month"])],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    out = parts.fit(X[:100]).transform(X[100:])
    expected = X.assign(milk_lag1=X["milk_lag1"].diff())[100:]
    pd.testing.assert_frame_equal(out, expected, check_freq=False)


@pytest.mark.parametrize(
    "model",
    [
        ridge_model(),
        lstm_model(),
        make_pipeline(Differencer(), LagWindower(3), LSTMRegressor(2, epochs=1)),
        make_pipeline(Differencer(), StatefulLSTMRegressor(2, epochs=1, batch_size=4)),
    ],
    ids=["ridge", "LSTM one step ahead", "LSTM", "stateful"],
)
def test_one_prediction_per_row(milk, model):
    """A table of any length, training rows or later ones, gives one finite prediction per row."""
    X, y = milk
    model = clone(model).fit(X[:120], y[:120])
    for rows in (X[:120], X[120:], X[120:121]):
        predicted = model.predict(rows)
        assert predicted.shape == (len(rows),)
        assert np.isfinite(predicted).all()


def test_a_fold_cut_out_of_the_middle_reaches_across_nothing(milk):
    """Under KFold, windows of training rows hold no value of the test fold or beyond."""
    X = milk[0]
    for train, test in KFold(5).split(X):
        windower = LagWindower(3)
        windows = windower.fit_transform(X.iloc[train])[:, :, 0]
        labels = X.index[train]
        whole = pd.concat([X["milk_lag1"].shift(lag) for lag in (2, 1, 0)], axis=1)
        for window, label, row in zip(windows, labels, train, strict=True):
            expected = whole.loc[label].to_numpy().copy()
            expected[[row - lag in test for lag in (2, 1, 0)]] = np.nan
            if row - 1 in test:
                expected[0] = np.nan
            np.testing.assert_array_equal(window, expected)


def test_a_fold_cut_out_of_the_middle_is_predicted_from_its_true_past(milk):
    """Under KFold, the first test rows look back on the training rows just before them."""
    X = milk[0]
    whole = pd.concat([X["milk_lag1"].shift(lag) for lag in (2, 1, 0)], axis=1).to_numpy()
    for train, test in KFold(5).split(X):
        windows = LagWindower(3).fit(X.iloc[train]).transform(X.iloc[test])
        np.testing.assert_array_equal(windows[:, :, 0], whole[test])


def test_stacking_over_holes_predicts_every_row(milk):
    """StackingRegressor fits its parts on folds with holes and stacks finite predictions."""
    X, y = milk
    stack = StackingRegressor(
        [("ridge", ridge_model()), ("level", make_pipeline(StandardScaler(), Ridge()))],
        final_estimator=LinearRegression(),
        cv=KFold(4),
    ).fit(X[:140], y[:140])
    predicted = stack.predict(X[140:])
    assert predicted.shape == (len(X) - 140,)
    assert np.isfinite(predicted).all()


def test_out_of_fold_predictions_come_one_per_row(milk):
    """cross_val_predict over contiguous folds predicts every row once."""
    predicted = cross_val_predict(ridge_model(), *milk, cv=KFold(4))
    assert predicted.shape == (len(milk[0]),)
    assert np.isfinite(predicted).all()


def test_rows_out_of_order_are_refused(milk):
    """What a shuffling splitter hands over is an error that names TimeSeriesSplit."""
    X, y = milk
    order = np.random.default_rng(0).permutation(100)
    with pytest.raises(ValueError, match="TimeSeriesSplit"):
        ridge_model().fit(X.iloc[order], y.iloc[order])


def test_parameters_have_long_names():
    """Every part of a nested model can be searched over."""
    names = lstm_model().get_params()
    for name in (
        "regressor__lagwindower__window",
        "regressor__lstmregressor__units",
        "regressor__pipeline__differencer__interval",
        "transformer__seriesminmaxscaler__feature_range",
    ):
        assert name in names
