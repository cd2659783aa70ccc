"""The parts together with scikit-learn's pipelines, searches and splitters."""

import numpy as np
import pandas as pd
import pytest
from estimators import MILK, N_TRAIN, NETWORKS, REGRESSORS, TABLE, seasonal
from estimators import MILK_X as X
from estimators import MILK_Y as Y
from estimators import Y as TARGET
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import Differencer, LagWindower, UnknownPastWarning

SPLITS = TimeSeriesSplit(3)
#: The last three values of each row, or NaN: what windows of three steps hold.
WINDOWS = pd.concat([X["milk_lag1"].shift(lag) for lag in (2, 1, 0)], axis=1).to_numpy()


def test_a_search_over_arrays_scores_as_over_tables():
    """Labels change no score, whatever the window and the number of units."""
    grid = {
        "regressor__lagwindower__window": [2, 12],
        "regressor__lstmregressor__units": [2, 3],
    }
    network = NETWORKS["LSTM, one step ahead"]
    search = GridSearchCV(network, grid, cv=SPLITS, scoring="neg_root_mean_squared_error")
    ours, theirs = clone(search).fit(X, Y), clone(search).fit(X.to_numpy(), Y.to_numpy())
    scores = ours.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(theirs.cv_results_["mean_test_score"], scores)


@pytest.mark.filterwarnings("ignore::sklstm.FewRowsTaughtWarning")
def test_every_window_is_scored_on_the_same_rows():
    """Each candidate is scored on all rows of each test fold, however far it looks back."""
    scored = []

    def score(estimator, X, y):
        scored.append((len(y), len(estimator.predict(X)), str(y.index[0])))
        return 0.0

    windows = {"regressor__lagwindower__window": [1, 6, 24]}
    GridSearchCV(seasonal(y_lag=0), windows, cv=SPLITS, scoring=score, refit=False).fit(X, Y)
    expected = [(len(test), len(test), str(Y.index[test[0]])) for _, test in SPLITS.split(X)]
    assert scored == expected * 3


def test_scores_equal_a_loop_over_the_folds():
    """Each fold scores as a seasonal regression that is written by hand."""
    ours = seasonal(y_lag="milk_lag1")
    scores = cross_validate(ours, X, Y, cv=SPLITS, scoring="neg_mean_squared_error")["test_score"]
    differences = MILK.diff(1).diff(12)
    lagged = pd.concat([differences.shift(lag) for lag in range(6, 0, -1)], axis=1).iloc[1:]
    base = (MILK.shift(1) + MILK.shift(12) - MILK.shift(13)).iloc[1:]
    for score, (train, test) in zip(scores, SPLITS.split(X), strict=True):
        known = train[18:]
        regression = Ridge().fit(lagged.iloc[known].to_numpy(), differences.iloc[1:].iloc[known])
        predicted = regression.predict(lagged.iloc[test].to_numpy()) + base.iloc[test]
        assert -score == pytest.approx(mean_squared_error(Y.iloc[test], predicted))


def test_a_foreign_step_that_drops_labels_keeps_the_past():
    """StandardScaler in the middle makes arrays of tables: later rows still continue."""
    steps = make_pipeline(Differencer(), StandardScaler(), LagWindower(4))
    windows = clone(steps).fit(X[:100]).transform(X[100:])
    of_arrays = clone(steps).fit(X[:100].to_numpy()).transform(X[100:].to_numpy())
    np.testing.assert_allclose(windows, of_arrays)
    assert np.isfinite(windows).all()


def test_windows_behind_a_foreign_step_do_not_reach_across_a_gap():
    """After a gap the differences begin with NaN, which windows behind a foreign step heed."""
    steps = make_pipeline(Differencer(), StandardScaler(), LagWindower(4)).fit(X[:100])
    with pytest.warns(UnknownPastWarning):
        windows = steps.transform(X[120:])
    assert np.isnan(windows[0]).all()
    assert np.isnan(windows[3, 0]).all()
    assert np.isfinite(windows[4]).all()


def test_set_output_makes_every_step_a_table():
    """With set_output("pandas"), foreign steps keep the labels, and columns keep their names."""
    steps = make_pipeline(Differencer(), StandardScaler(), LagWindower(2, flatten=True))
    out = steps.set_output(transform="pandas").fit(X[:100]).transform(X[100:])
    assert out.columns.tolist() == ["milk_lag1_t-1", "milk_lag1_t-0"]
    assert out.index.equals(X.index[100:])


def test_set_output_lets_a_gap_through_a_foreign_step():
    """With set_output("pandas"), labels tell of a gap behind a foreign step as well."""
    steps = make_pipeline(StandardScaler(), LagWindower(4)).set_output(transform="pandas")
    steps.fit(X[:100])
    with pytest.warns(UnknownPastWarning):
        windows = steps.transform(X[120:])
    assert np.isnan(windows[0, :3]).all()


def test_columns_may_be_differenced_apart():
    """In a ColumnTransformer each part looks back on its own."""
    rows = X.assign(month=X.index.month.astype(float))
    parts = ColumnTransformer(
        [("difference", Differencer(), ["milk_lag1"]), ("as it is", "passthrough", ["month"])],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    out = parts.fit(rows[:100]).transform(rows[100:])
    expected = rows.assign(milk_lag1=X["milk_lag1"].diff())[100:]
    pd.testing.assert_frame_equal(out, expected, check_freq=False)


@pytest.mark.parametrize("name", {**REGRESSORS, **NETWORKS})
def test_one_prediction_per_row(name):
    """A table of any length, training rows or later ones, gives one finite prediction per row."""
    fitted = clone({**REGRESSORS, **NETWORKS}[name]).fit(TABLE[:N_TRAIN], TARGET[:N_TRAIN])
    for rows in (TABLE[:N_TRAIN], TABLE[N_TRAIN:], TABLE[N_TRAIN : N_TRAIN + 1]):
        predicted = fitted.predict(rows)
        assert predicted.shape[0] == len(rows)
        assert np.isfinite(predicted).all()


@pytest.mark.filterwarnings("ignore:Row.* comes before the first training row")
@pytest.mark.parametrize(("train", "test"), KFold(5).split(X))
def test_windows_do_not_reach_across_a_fold_cut_out_of_the_middle(train, test):
    """No training window spans the fold, and the windows of the fold hold their true past."""
    windower = LagWindower(3)
    windows = windower.fit_transform(X.iloc[train])[:, :, 0]
    for window, row in zip(windows, train, strict=True):
        expected = WINDOWS[row].copy()
        expected[[row - lag in test for lag in (2, 1, 0)]] = np.nan
        if row - 1 in test:
            expected[0] = np.nan
        np.testing.assert_array_equal(window, expected)
    np.testing.assert_array_equal(windower.transform(X.iloc[test])[:, :, 0], WINDOWS[test])


@pytest.mark.filterwarnings("ignore:Row.* comes before the first training row")
def test_stacking_over_holes_predicts_every_row():
    """StackingRegressor fits its parts on folds with holes and stacks finite predictions."""
    parts = [("ridge", seasonal(y_lag=0)), ("level", make_pipeline(StandardScaler(), Ridge()))]
    stack = StackingRegressor(parts, final_estimator=LinearRegression(), cv=KFold(4))
    predicted = stack.fit(X[:140], Y[:140]).predict(X[140:])
    assert predicted.shape == (len(X) - 140,)
    assert np.isfinite(predicted).all()
