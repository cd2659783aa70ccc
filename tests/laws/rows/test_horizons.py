"""Of several steps ahead, a fit learns what is known at its last row, and no more.

The oracle is a loop written out by hand: windows and targets by indexing, scikit-learn's ridge.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    LagWindower,
    LSTMRegressor,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    UnsaidHorizonWarning,
    backtest,
    forecast,
    series_to_supervised,
)

RNG = np.random.default_rng(0)
HOURS = pd.date_range("2024-01-01", periods=600, freq="h")
SERIES = pd.Series(
    10 + np.sin(np.arange(600) * 2 * np.pi / 24) + RNG.normal(size=600) / 3, HOURS, name="load"
)


def direct(window, **options):
    """Return ridge that predicts all steps from a window."""
    return TransformedSeriesRegressor(
        make_pipeline(LagWindower(window, flatten=True), Ridge()), **options
    )


def by_hand(series, window, horizon, train, test):
    """Fit on what is known at the last training row, and predict the test rows.

    Row r of the table is the step r + 1 of the series: it knows ``series[: r + 1]``.
    """

    def inputs(rows):
        return np.array([series[r + 1 - window : r + 1] for r in rows])

    def targets(rows):
        return np.array([series[r + 1 : r + 1 + horizon] for r in rows])

    now = train[-1] + 1
    taught = [r for r in train if r + 1 >= window and r + horizon <= now]
    return Ridge().fit(inputs(taught), targets(taught)).predict(inputs(test))


def scores_by_hand(series, window, horizon, cv):
    """Return the mean absolute error of each fold."""
    n_rows = len(series) - horizon
    scores = []
    for train, test in cv.split(np.zeros(n_rows)):
        predicted = by_hand(series, window, horizon, train, test)
        actual = [series[r + 1 : r + 1 + horizon] for r in test]
        scores.append(-mean_absolute_error(actual, predicted))
    return scores


SAMPLE = [(1, 2), (6, 24), (24, 3), (48, 24)]
ALL = [(w, h) for w in (1, 2, 6, 24, 48, 168) for h in (1, 2, 3, 12, 24, 48)]
SIZES = [
    *SAMPLE,
    *(pytest.param(*pair, marks=pytest.mark.slow) for pair in ALL if pair not in SAMPLE),
]
CV = TimeSeriesSplit(3, test_size=48)
MAE = "neg_mean_absolute_error"


@pytest.mark.parametrize("labelled", [True, False], ids=["labels", "array"])
@pytest.mark.parametrize(("window", "horizon"), SIZES)
def test_scores_of_a_direct_model_are_those_of_a_loop(window, horizon, labelled):
    """cross_val_score, GridSearchCV and backtest agree with the loop, without a gap."""
    series = SERIES if labelled else SERIES.to_numpy()
    X, y = series_to_supervised(series, horizon=horizon)
    model = direct(window, horizon="auto" if labelled else horizon)
    expected = scores_by_hand(SERIES.to_numpy(), window, horizon, CV)
    np.testing.assert_allclose(cross_val_score(model, X, y, cv=CV, scoring=MAE), expected)
    grid = {"regressor__lagwindower__window": [window]}
    found = GridSearchCV(model, grid, cv=CV, scoring=MAE, refit=False).fit(X, y).cv_results_
    assert found["mean_test_score"][0] == pytest.approx(np.mean(expected))
    result = backtest(model, X, y, CV, scoring=MAE)
    np.testing.assert_allclose(result.scores["prediction"].drop("overall"), expected)


@pytest.mark.parametrize("refit", [True, False])
def test_a_back_test_shows_the_rows_of_a_gap(refit):
    """Rows between training and test rows are the past of the test rows, and are not scored."""
    cv = TimeSeriesSplit(3, test_size=48, gap=5)
    X, y = series_to_supervised(SERIES, horizon=3)
    lines = backtest(direct(24), X, y, cv, refit=refit).predictions
    splits = list(cv.split(X))
    for fold, (train, test) in enumerate(splits):
        train = train if refit else splits[0][0]
        expected = by_hand(SERIES.to_numpy(), 24, 3, train, test)
        found = lines.loc[lines["fold"] == fold, "prediction"]
        np.testing.assert_allclose(found, expected.ravel())


def test_a_final_fit_learns_all_that_is_known():
    """With keep_last, the fit learns each row whose whole future is in the series."""
    X, y = series_to_supervised(SERIES, horizon=24, keep_last=True)
    ahead = forecast(direct(48).fit(X, y), X, 24, y=y)
    series = SERIES.to_numpy()
    expected = by_hand(series, 48, 24, range(len(series) - 1), [len(series) - 1])
    np.testing.assert_allclose(ahead, expected[0])
    assert ahead.index[0] == HOURS[-1] + pd.Timedelta("1h")


def test_the_forecast_of_the_shorter_table_goes_back_as_far():
    """Rows without the last steps give the same forecast from the same model."""
    whole = series_to_supervised(SERIES, horizon=24, keep_last=True)
    model = direct(48).fit(*whole)
    X, y = series_to_supervised(SERIES, horizon=24)
    pd.testing.assert_series_equal(
        forecast(model, X, 24, y=y), forecast(model, whole[0], 24, y=whole[1]), check_freq=False
    )


def networks(horizon="auto"):
    """Return a network of each kind, inside a meta-estimator and alone."""
    options = {"units": 1, "epochs": 1, "random_state": 0}
    return {
        "windows": make_pipeline(LagWindower(2), LSTMRegressor(**options, horizon=horizon)),
        "state": make_pipeline(StatefulLSTMRegressor(**options, horizon=horizon)),
        "inside": TransformedSeriesRegressor(
            make_pipeline(LagWindower(2), LSTMRegressor(**options, validation_fraction=0.25)),
            horizon=horizon,
        ),
    }


@pytest.mark.parametrize("kind", ["windows", "state", "inside"])
@pytest.mark.parametrize("labelled", [True, False], ids=["labels", "array"])
def test_networks_learn_the_rows_that_are_known(kind, labelled):
    """The labels of y, or the parameter, leave out the last horizon - 1 rows."""
    series = SERIES[:40] if labelled else SERIES[:40].to_numpy()
    X, y = series_to_supervised(series, horizon=4)
    model = networks("auto" if labelled else 4)[kind].fit(X, y)
    taught = getattr(model, "regressor_", model)[-1].n_samples_fit_
    n_known = len(X) - 3 - (0 if kind == "state" else 1)
    # Targets among the rows held out are as unknown as those after the last row.
    assert taught == (int(n_known * 0.75) - 3 if kind == "inside" else n_known)


def test_a_transformer_sees_no_target_later_than_the_last_row():
    """Values after the last training row change nothing that is fitted."""
    X, y = series_to_supervised(SERIES[:60], horizon=4)
    changed = y.copy()
    for step in range(1, 4):
        changed.iloc[-step:, step] = 1e6
    model = direct(3, transformer=FunctionTransformer(np.log, np.exp, check_inverse=False))
    expected = model.fit(X, y).predict(X)
    np.testing.assert_array_equal(model.fit(X, changed).predict(X), expected)


@pytest.mark.parametrize("kind", ["windows", "state", "inside"])
@pytest.mark.parametrize("names", [None, ["y(t)", "y(t+1)", "y(t+2)"]], ids=["array", "names"])
def test_steps_that_nobody_calls_so_are_warned_of_once(kind, names):
    """Columns that hold the values of one series one after the other look like steps."""
    X, y = series_to_supervised(SERIES[:40], horizon=3)
    y = y.to_numpy() if names is None else y.set_axis(names, axis=1)
    with pytest.warns(UnsaidHorizonWarning, match="Set horizon=3") as caught:
        networks()[kind].fit(X, y)
    assert [w.filename for w in caught] == [__file__]
    networks(3)[kind].fit(X, y)
    networks(1)[kind].fit(X, y)


@pytest.mark.parametrize("kind", ["windows", "state", "inside"])
@pytest.mark.parametrize("chosen", [[2], [0, 2], [2, 1, 0]], ids=["the last", "a gap", "reversed"])
def test_some_of_the_steps_are_warned_of_once(kind, chosen):
    """Nobody says that the last targets of a later step are not known yet."""
    X, y = series_to_supervised(SERIES[:40], horizon=3)
    y = y.iloc[:, chosen]
    with pytest.warns(UnsaidHorizonWarning, match="Pass all steps in order") as caught:
        networks()[kind].fit(X, y)
    assert [w.filename for w in caught] == [__file__]
    networks(1)[kind].fit(X, y)


def test_several_targets_that_are_no_steps_are_learnt_to_the_end():
    """Independent targets reach one step ahead, whatever their names end in."""
    table = pd.DataFrame(RNG.normal(size=(40, 2)), HOURS[:40], ["a_step1", "b_step1"])
    X, y = series_to_supervised(table)
    assert networks()["windows"].fit(X, y)[-1].n_samples_fit_ == 38
    assert networks()["windows"].fit(X.to_numpy(), y.to_numpy())[-1].n_samples_fit_ == 38


@pytest.mark.parametrize("horizon", [0, 3, "two", 1.5, None])
def test_a_horizon_that_does_not_fit_is_refused(horizon):
    """A horizon that is no count, or does not divide the columns, is refused."""
    X, y = series_to_supervised(SERIES[:40], horizon=4)
    with pytest.raises(ValueError, match="horizon"):
        direct(2, horizon=horizon).fit(X, y)


def test_fewer_rows_than_steps_are_refused():
    """The message says how many rows would do."""
    X, y = series_to_supervised(SERIES[:6], horizon=4)
    with pytest.raises(ValueError, match=r"2 rows and reaches 4 steps.*at least 4 rows"):
        direct(1).fit(X, y)
