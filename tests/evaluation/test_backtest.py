"""`backtest` against scikit-learn's `cross_validate` and plain loops."""

import numpy as np
import pandas as pd
import pytest
from estimators import MILK, NETWORKS, seasonal
from estimators import MILK_X as X
from estimators import MILK_Y as Y
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import make_scorer, mean_absolute_error, root_mean_squared_error
from sklearn.model_selection import KFold, TimeSeriesSplit, cross_validate

from sklstm import backtest, forecast, series_to_supervised

BOTH = ["neg_root_mean_squared_error", "r2"]
RESULT = backtest(Ridge(), X, Y, 3)
ONE_STEP = seasonal(y_lag=0)


SPLITS = {
    "expanding": TimeSeriesSplit(4),
    "sliding": TimeSeriesSplit(4, max_train_size=60),
    "short folds": TimeSeriesSplit(3, test_size=12),
}
COMPARED = {
    **{f"ridge, {name}": (ONE_STEP, cv) for name, cv in SPLITS.items()},
    **{f"lstm, {name}": (NETWORKS["LSTM on windows"], cv) for name, cv in SPLITS.items()},
    "no look-back, gap": (Ridge(), TimeSeriesSplit(4, gap=5)),
}


@pytest.mark.parametrize(("model", "cv"), COMPARED.values(), ids=COMPARED)
def test_scores_are_those_of_cross_validate(model, cv):
    """The same splits give the same numbers, by any scorer."""
    result = backtest(model, X, Y, cv, scoring=BOTH)
    expected = cross_validate(model, X, Y, cv=cv, scoring=BOTH)
    for name in BOTH:
        found = result.scores.loc[name, "prediction"].drop("overall")
        np.testing.assert_allclose(found, expected[f"test_{name}"], rtol=1e-6)


def test_predictions_are_labelled_and_out_of_fold():
    """The table holds each test row once, with its label, fold and actual value."""
    lines = RESULT.predictions
    splits = list(TimeSeriesSplit(3).split(X))
    rows = np.concatenate([test for _, test in splits])
    assert lines.index.equals(X.index[rows])
    np.testing.assert_array_equal(lines["actual"], Y.iloc[rows])
    np.testing.assert_array_equal(lines["fold"], np.repeat([0, 1, 2], 41))
    train, test = splits[0]
    expected = Ridge().fit(X.iloc[train], Y.iloc[train]).predict(X.iloc[test])
    np.testing.assert_allclose(lines["prediction"].iloc[:41], expected)


@pytest.mark.parametrize(("name", "rows"), [("persistence", 1), ("seasonal_naive", 12)])
def test_baselines_are_what_pandas_shifts(name, rows):
    """Persistence is the value before, seasonal naive the value a year before."""
    lines = RESULT.predictions
    np.testing.assert_array_equal(lines[name], MILK.shift(rows)[lines.index])


def test_drift_goes_on_from_the_last_value_by_the_mean_step():
    """The mean step is taken from the first training row to the last known one."""
    cv = TimeSeriesSplit(3, max_train_size=20)
    lines = backtest(Ridge(), X, Y, cv).predictions
    values = Y.to_numpy()
    expected = [
        values[t - 1] + (values[t - 1] - values[train[0]]) / (t - 1 - train[0])
        for train, test in cv.split(X)
        for t in test
    ]
    np.testing.assert_allclose(lines["drift"], expected)


def test_baselines_go_back_to_the_last_known_values():
    """A target that is NaN is no known value: the one before it, or a season before it, is."""
    holed = Y.copy()
    holed.iloc[[0, 100, 101, 110, 130, 131, 132, -13, -1]] = np.nan
    lines = backtest(seasonal(y_lag=None), X, holed, TimeSeriesSplit(4, test_size=15)).predictions
    known = holed.dropna()
    for month, line in lines.iterrows():
        past = known[known.index < month]
        same = past[past.index.month == month.month]
        slope = (past.iloc[-1] - past.iloc[0]) / months_between(past.index[0], past.index[-1])
        drift = past.iloc[-1] + slope * months_between(past.index[-1], month)
        expected = [past.iloc[-1], same.iloc[-1], drift]
        np.testing.assert_allclose(line[["persistence", "seasonal_naive", "drift"]], expected)


def months_between(first, last):
    """Count months."""
    return (last.year - first.year) * 12 + last.month - first.month


@pytest.mark.parametrize("gap", [0, 5])
@pytest.mark.parametrize(("output", "step"), [("milk_step1", 1), ("milk_step13", 13)])
def test_baselines_of_a_horizon_know_no_more_than_the_model(output, step, gap):
    """At each step ahead, baselines use only values from before the row."""
    rows, target = series_to_supervised(MILK, horizon=14)
    lines = backtest(LinearRegression(), rows, target, TimeSeriesSplit(2, gap=gap)).predictions
    lines = lines[lines["output"] == output]
    assert (lines["step"] == step).all()
    last, year = MILK.shift(1)[lines.index], 12 if step <= 12 else 24
    np.testing.assert_array_equal(lines["persistence"], last)
    np.testing.assert_array_equal(lines["seasonal_naive"], MILK.shift(year - step + 1)[lines.index])
    n_steps = MILK.index.get_indexer(lines.index) - 2
    np.testing.assert_allclose(lines["drift"], last + step * (last - Y.iloc[0]) / n_steps)


@pytest.mark.parametrize("names", [None, ["y(t)", "y(t+1)", "y(t+2)"]], ids=["array", "names"])
def test_baselines_of_steps_that_nobody_calls_so_know_no_more(names):
    """Steps are told by their values, too: no baseline takes a later column for a known value."""
    rows, target = series_to_supervised(MILK, horizon=3)
    other = target.to_numpy() if names is None else target.set_axis(names, axis=1)
    found, expected = (
        backtest(LinearRegression(), rows, y, 3, season=12).predictions for y in (other, target)
    )
    for name in ("step", "persistence", "seasonal_naive", "drift"):
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("unknown", [[], Y.index[[-5]]], ids=["none", "one"])
def test_overall_scores_are_plain_means_over_known_targets(unknown):
    """A row whose target is NaN is predicted, but not scored."""
    result = backtest(seasonal(y_lag=None), X, Y.mask(Y.index.isin(unknown)), 3)
    lines = result.predictions
    assert lines["prediction"].notna().all()
    for name, score in result.scores.loc["overall"].items():
        known = lines[["actual", name]].dropna()
        assert score == pytest.approx(-mean_absolute_error(known["actual"], known[name]))


@pytest.mark.parametrize(("scoring", "power"), [(BOTH[0], 1), (BOTH[1], 2)])
def test_skill_is_one_less_the_ratio_of_squared_or_plain_errors(scoring, power):
    """Skill is the part of the baseline's error that the model avoids."""
    result = backtest(Ridge(), X, Y, 4, scoring=scoring)
    lines = result.predictions
    ours, theirs = (
        root_mean_squared_error(lines["actual"], lines[name]) ** power
        for name in ("prediction", "drift")
    )
    assert result.skill.loc["overall", "drift"] == pytest.approx(1 - ours / theirs)


@pytest.mark.parametrize("labelled", [True, False])
def test_without_refit_the_first_estimator_predicts_all_folds(labelled):
    """With refit=False, the first estimator predicts all folds, each with all rows before it."""
    rows, target = (X, Y) if labelled else (X.to_numpy(), Y.to_numpy())
    cv = TimeSeriesSplit(4)
    result = backtest(ONE_STEP, rows, target, cv, refit=False)
    n_train = len(next(cv.split(X))[0])
    model = ONE_STEP.fit(rows[:n_train], target[:n_train])
    np.testing.assert_allclose(result.predictions["prediction"], model.predict(rows[n_train:]))
    assert len(result.estimators) == 1


@pytest.mark.parametrize("refit", [True, False])
def test_fed_back_folds_are_forecasts(refit):
    """With feed_back, a fold is what forecast gives from the end of its training rows."""
    cv = TimeSeriesSplit(3, test_size=12, gap=2)
    model = seasonal(y_lag="milk_lag1")
    result = backtest(model, X, Y, cv, feed_back=True, refit=refit)
    for fold, (train, _) in enumerate(cv.split(X)):
        if refit or fold == 0:
            model.fit(X.iloc[train], Y.iloc[train])
        expected = forecast(model, X.iloc[train], 14, y=Y.iloc[train]).iloc[2:]
        lines = result.predictions[result.predictions["fold"] == fold]
        np.testing.assert_allclose(lines["prediction"], expected)
        np.testing.assert_array_equal(lines["step"], np.arange(3, 15))
        assert (lines["persistence"] == Y.iloc[train[-1]]).all()


def test_fed_back_folds_know_the_other_columns():
    """Columns that are declared are known in the future, tables and arrays alike."""
    rows = X.assign(angle=np.sin(X.index.month))
    cv = TimeSeriesSplit(2, test_size=10)
    labelled = backtest(Ridge(), rows, Y, cv, feed_back=True, future_inputs="angle")
    options = {"feed_back": True, "y_lag": 0, "future_inputs": [1]}
    plain = backtest(Ridge(), rows.to_numpy(), Y.to_numpy(), cv, **options)
    np.testing.assert_allclose(labelled.predictions["prediction"], plain.predictions["prediction"])


def test_arrays_are_labelled_by_position():
    """Rows of arrays are labelled by position, and need a season for a seasonal forecast."""
    plain = backtest(Ridge(), X.to_numpy(), Y.to_numpy(), 3)
    assert plain.predictions.index.tolist() == list(range(44, 167))
    assert "seasonal_naive" not in plain.scores
    named = backtest(Ridge(), X.to_numpy(), Y.to_numpy(), 3, season=12)
    pd.testing.assert_frame_equal(named.scores, RESULT.scores)


def test_a_scorer_may_read_the_fitted_estimator():
    """A scorer may be a callable that reads attributes of the fitted estimator."""
    own = backtest(Ridge(), X, Y, 3, scoring=lambda model, X, y: model.alpha)
    assert (own.scores["prediction"] == 1).all()


def test_scorers_made_by_scikit_learn_work():
    """A scorer from make_scorer gives what its function gives."""
    scores = backtest(Ridge(), X, Y, 3, scoring=make_scorer(mean_absolute_error)).scores
    np.testing.assert_allclose(scores["prediction"], -RESULT.scores["prediction"])


def test_result_prints_as_a_table():
    """The result shows its scores and skill, in text and in a notebook."""
    assert "123 predictions in 3 folds" in repr(RESULT)
    assert "overall" in repr(RESULT)
    assert "<table" in RESULT._repr_html_()


@pytest.mark.parametrize("cv", [KFold(3), KFold(3, shuffle=True, random_state=0)])
def test_training_on_the_future_is_refused(cv):
    """Folds that do not come after their training rows are refused."""
    with pytest.raises(ValueError, match=r"does not train fold 0 on rows that .* TimeSeriesSplit"):
        backtest(Ridge(), X, Y, cv)


TRADING = pd.bdate_range("2024-01-01", periods=120).delete([40, 101, 104])
PRICES = pd.Series(50 + np.random.default_rng(0).normal(size=117).cumsum(), TRADING, name="price")


@pytest.mark.parametrize("weekday", [True, False], ids=["with a calendar", "alone"])
def test_a_fed_back_fold_has_the_dates_of_its_rows(weekday):
    """Holidays among the test rows are no steps of the forecast: X holds all its dates."""
    rows, y = series_to_supervised(PRICES)
    inputs = []
    if weekday:
        rows, inputs = rows.assign(weekday=rows.index.day_of_week.astype(float)), ["weekday"]
    lines = backtest(
        Ridge(), rows, y, [(np.arange(95), np.arange(95, 110))], feed_back=True,
        future_inputs=inputs or None,
    ).predictions  # fmt: skip
    assert lines.index.equals(rows.index[95:110])
    model, value = Ridge().fit(rows[:95], y[:95]), y.iloc[94]
    for label, found in lines["prediction"].items():
        value = model.predict(rows.loc[[label]].assign(price_lag1=value))[0]
        assert found == pytest.approx(value)
