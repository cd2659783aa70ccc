"""backtest against scikit-learn's cross_validate and plain loops."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import make_scorer, mean_absolute_error, root_mean_squared_error
from sklearn.model_selection import KFold, TimeSeriesSplit, cross_validate
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    backtest,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import load_milk

MILK = load_milk()
X, Y = series_to_supervised(MILK)
BOTH = ["neg_root_mean_squared_error", "r2"]
SPLITS = {
    "expanding": TimeSeriesSplit(4),
    "sliding": TimeSeriesSplit(4, max_train_size=60),
    "short folds": TimeSeriesSplit(3, test_size=12),
}


def seasonal(**options):
    """Ridge on windows of seasonal differences, back in pounds of milk."""
    return TransformedSeriesRegressor(
        make_pipeline(Differencer([1, 12]), LagWindower(6, flatten=True), Ridge()),
        transformer=Differencer([1, 12]),
        **options,
    )


def network():
    """Give a small network."""
    lstm = LSTMRegressor(units=3, epochs=1, random_state=0)
    return make_pipeline(SeriesMinMaxScaler(), LagWindower(4), lstm)


@pytest.mark.parametrize("cv", SPLITS.values(), ids=SPLITS)
@pytest.mark.parametrize("model", [seasonal(y_lag="milk_lag1"), network()], ids=["ridge", "lstm"])
def test_scores_are_those_of_cross_validate(model, cv):
    """The same splits give the same numbers, by any scorer."""
    result = backtest(model, X, Y, cv, scoring=BOTH)
    expected = cross_validate(model, X, Y, cv=cv, scoring=BOTH)
    for name in BOTH:
        found = result.scores.loc[name, "prediction"].drop("overall")
        np.testing.assert_allclose(found, expected[f"test_{name}"], rtol=1e-6)


@pytest.mark.parametrize("gap", [0, 5])
def test_a_gap_leaves_rows_out_of_training_alone(gap):
    """Without a look-back, splits with a gap give the numbers of cross_validate as well."""
    cv = TimeSeriesSplit(4, gap=gap)
    found = backtest(Ridge(), X, Y, cv, scoring="r2").scores["prediction"].drop("overall")
    np.testing.assert_allclose(found, cross_validate(Ridge(), X, Y, cv=cv)["test_score"])


def test_a_gap_costs_a_look_back_what_it_costs_in_cross_validate():
    """With a look-back, splits with a gap give cross_validate's numbers and its warning."""
    cv = TimeSeriesSplit(3, gap=4)
    model = seasonal(y_lag="milk_lag1")
    with pytest.warns(UserWarning, match="4 steps later"):
        found = backtest(model, X, Y, cv, scoring="r2").scores["prediction"].drop("overall")
    with pytest.warns(UserWarning, match="4 steps later"):
        expected = cross_validate(model, X, Y, cv=cv)["test_score"]
    np.testing.assert_allclose(found, expected)


def test_predictions_are_labelled_and_out_of_fold():
    """The table holds each test row once, with its label, fold and actual value."""
    cv = TimeSeriesSplit(3)
    lines = backtest(Ridge(), X, Y, cv).predictions
    rows = np.concatenate([test for _, test in cv.split(X)])
    assert lines.index.equals(X.index[rows])
    np.testing.assert_array_equal(lines["actual"], Y.iloc[rows])
    np.testing.assert_array_equal(lines["fold"], np.repeat([0, 1, 2], 41))
    first = cv.split(X)
    train, test = next(first)
    expected = Ridge().fit(X.iloc[train], Y.iloc[train]).predict(X.iloc[test])
    np.testing.assert_allclose(lines["prediction"].iloc[:41], expected)


def test_baselines_are_what_pandas_shifts():
    """Persistence is the value before, seasonal naive that of a year before; both by hand."""
    lines = backtest(Ridge(), X, Y, 3).predictions
    np.testing.assert_array_equal(lines["persistence"], MILK.shift(1)[lines.index])
    np.testing.assert_array_equal(lines["seasonal_naive"], MILK.shift(12)[lines.index])


def test_drift_goes_on_from_the_last_value_by_the_mean_step():
    """The mean step is taken from the first training row to the last known one."""
    lines = backtest(Ridge(), X, Y, TimeSeriesSplit(3, max_train_size=20)).predictions
    for fold, (train, test) in enumerate(TimeSeriesSplit(3, max_train_size=20).split(X)):
        values = Y.to_numpy()
        expected = [
            values[t - 1] + (values[t - 1] - values[train[0]]) / (t - 1 - train[0]) for t in test
        ]
        np.testing.assert_allclose(lines["drift"][lines["fold"] == fold], expected)


def test_baselines_of_a_horizon_know_no_more_than_the_model():
    """At each step ahead, baselines use values from before the row alone."""
    rows, target = series_to_supervised(MILK, horizon=14)
    lines = backtest(LinearRegression(), rows, target, 2).predictions
    for output, step in (("milk_step1", 1), ("milk_step13", 13)):
        of_step = lines[lines["output"] == output]
        assert (of_step["step"] == step).all()
        np.testing.assert_array_equal(of_step["persistence"], MILK.shift(1)[of_step.index])
        year = 12 if step <= 12 else 24
        np.testing.assert_array_equal(
            of_step["seasonal_naive"], MILK.shift(year - step + 1)[of_step.index]
        )
        mean_step = (of_step["persistence"] - Y.iloc[0]) / (
            np.array([MILK.index.get_loc(label) for label in of_step.index]) - 2
        )
        np.testing.assert_allclose(of_step["drift"], of_step["persistence"] + step * mean_step)


def test_scores_of_baselines_and_overall_are_plain_means():
    """Overall scores are over all rows together."""
    result = backtest(Ridge(), X, Y, 4)
    lines = result.predictions
    for name in result.scores:
        expected = -mean_absolute_error(lines["actual"], lines[name])
        assert result.scores.loc["overall", name] == pytest.approx(expected)


@pytest.mark.parametrize("scoring", BOTH)
def test_skill_is_one_less_the_ratio_of_squared_or_plain_errors(scoring):
    """Skill is the gain upon the baseline, as a share of what could be gained."""
    result = backtest(Ridge(), X, Y, 4, scoring=scoring)
    lines = result.predictions
    power = 1 if "root" in scoring else 2
    errors = {
        name: root_mean_squared_error(lines["actual"], lines[name]) ** power
        for name in ("prediction", "drift")
    }
    expected = 1 - errors["prediction"] / errors["drift"]
    assert result.skill.loc["overall", "drift"] == pytest.approx(expected)


@pytest.mark.parametrize("labelled", [True, False])
def test_fitted_once_it_walks_on(labelled):
    """Without refits, all folds are predicted by the first estimator, with all rows as its past."""
    rows, target = (X, Y) if labelled else (X.to_numpy(), Y.to_numpy())
    cv = TimeSeriesSplit(4)
    model = seasonal(y_lag=0)
    result = backtest(model, rows, target, cv, refit=False)
    n_train = len(next(cv.split(X))[0])
    model.fit(rows[:n_train], target[:n_train])
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
    """Columns that hold no target are known in the future, tables and arrays alike."""
    rows = X.assign(angle=np.sin(X.index.month))
    cv = TimeSeriesSplit(2, test_size=10)
    labelled = backtest(Ridge(), rows, Y, cv, feed_back=True)
    plain = backtest(Ridge(), rows.to_numpy(), Y.to_numpy(), cv, feed_back=True, y_lag=0)
    np.testing.assert_allclose(labelled.predictions["prediction"], plain.predictions["prediction"])


def test_arrays_are_labelled_by_position():
    """Rows without labels are told by their numbers; a season has to be named."""
    plain = backtest(Ridge(), X.to_numpy(), Y.to_numpy(), 3)
    assert plain.predictions.index.tolist() == list(range(44, 167))
    assert "seasonal_naive" not in plain.scores
    named = backtest(Ridge(), X.to_numpy(), Y.to_numpy(), 3, season=12)
    pd.testing.assert_series_equal(
        named.scores["seasonal_naive"], backtest(Ridge(), X, Y, 3).scores["seasonal_naive"]
    )


def test_folds_may_run_side_by_side():
    """The number of jobs changes nothing."""
    one = backtest(seasonal(), X, Y, 3)
    two = backtest(seasonal(), X, Y, 3, n_jobs=2)
    pd.testing.assert_frame_equal(one.predictions, two.predictions)


def test_unknown_targets_are_predicted_but_not_scored():
    """A NaN in the target of a test row leaves its prediction in the table."""
    holed = Y.copy()
    holed.iloc[-5] = np.nan
    result = backtest(seasonal(), X, holed, 3, baselines="persistence")
    lines = result.predictions
    assert lines["prediction"].notna().all()
    known = lines.dropna()
    both = lines[["actual", "prediction"]].dropna()
    assert result.scores.loc["overall", "prediction"] == pytest.approx(
        -mean_absolute_error(both["actual"], both["prediction"])
    )
    assert result.scores.loc["overall", "persistence"] == pytest.approx(
        -mean_absolute_error(known["actual"], known["persistence"])
    )


def test_a_scorer_of_ones_own_sees_what_was_fitted():
    """Scorers may be callables, and look at the estimator."""
    own = backtest(Ridge(), X, Y, 3, scoring=lambda model, X, y: model.alpha)
    assert (own.scores["prediction"] == 1).all()


def test_scorers_made_by_scikit_learn_work():
    """A scorer from make_scorer gives what its function gives."""
    result = backtest(Ridge(), X, Y, 3, scoring=make_scorer(mean_absolute_error), baselines=())
    lines = result.predictions
    expected = mean_absolute_error(lines["actual"], lines["prediction"])
    assert result.scores.loc["overall", "prediction"] == pytest.approx(expected)


def test_result_prints_as_a_table():
    """The result shows its scores and skill, in text and in a notebook."""
    result = backtest(Ridge(), X, Y, 3)
    assert "123 predictions in 3 folds" in repr(result)
    assert "overall" in repr(result)
    assert "<table" in result._repr_html_()


@pytest.mark.parametrize("cv", [KFold(3), KFold(3, shuffle=True, random_state=0)])
def test_training_on_the_future_is_refused(cv):
    """Folds that are not after their training rows are no back-test."""
    with pytest.raises(ValueError, match=r"does not train fold 0 on rows that .* TimeSeriesSplit"):
        backtest(Ridge(), X, Y, cv)


def test_bad_arguments_are_refused():
    """Unknown baselines, a season below one, and feeding back a horizon."""
    with pytest.raises(ValueError, match="names 'mean': expected some of"):
        backtest(Ridge(), X, Y, 3, baselines=["mean"])
    with pytest.raises(ValueError, match="season == 0, must be >= 1"):
        backtest(Ridge(), X, Y, 3, season=0)
    rows, target = series_to_supervised(MILK, horizon=3)
    with pytest.raises(ValueError, match="y reaches 3 steps ahead"):
        backtest(Ridge(), rows, target, 3, feed_back=True)
