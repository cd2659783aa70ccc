"""conformal_interval: how many new values it holds, and its arithmetic."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import TimeSeriesSplit

from sklstm import backtest, conformal_interval, forecast, series_to_supervised
from sklstm.evaluation._backtest import BacktestResult

N_SEEDS = 60


def autoregressive(n_steps, seed, skewed=False):
    """Give a series of which each value is 0.8 times the one before, and a shock."""
    rng = np.random.default_rng(seed)
    shocks = rng.exponential(size=n_steps) - 1 if skewed else rng.normal(size=n_steps)
    series = np.zeros(n_steps)
    for step in range(1, n_steps):
        series[step] = 0.8 * series[step - 1] + shocks[step]
    return series


def result_of(errors, steps=1, outputs=None):
    """Give a back-test with these errors."""
    lines = pd.DataFrame({"fold": 0, "step": steps, "actual": errors, "prediction": 0.0})
    if outputs is not None:
        lines.insert(2, "output", outputs)
    return BacktestResult(lines, pd.DataFrame(), pd.DataFrame(), [])


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("skewed", [True, False])
def test_nine_out_of_ten_new_values_are_covered(symmetric, skewed):
    """Over many seeds, one-step intervals of 90 % hold 86 to 94 % of the rows held out."""
    held = []
    for seed in range(N_SEEDS):
        X, y = series_to_supervised(autoregressive(400, seed, skewed))
        result = backtest(LinearRegression(), X[:300], y[:300], 5, baselines=())
        predicted = LinearRegression().fit(X[:300], y[:300]).predict(X[300:])
        low, high = conformal_interval(result, predicted, symmetric=symmetric).T
        held.append(np.mean((low <= y[300:]) & (y[300:] <= high)))
    assert 0.86 < np.mean(held) < 0.94


def test_forecasts_of_many_steps_are_covered_at_each_step():
    """Errors of fed-back forecasts give intervals that widen and hold as many values."""
    steps, held, widths = 8, [], []
    for seed in range(N_SEEDS):
        series = autoregressive(500 + steps, seed)
        X, y = series_to_supervised(series[:500])
        cv = TimeSeriesSplit(20, test_size=steps)
        result = backtest(LinearRegression(), X, y, cv, feed_back=True, refit=False, baselines=())
        ahead = forecast(LinearRegression().fit(X, y), X, steps, y=y)
        low, high = conformal_interval(result, ahead).T
        held.append((low <= series[500:]) & (series[500:] <= high))
        widths.append(high - low)
    assert 0.86 < np.mean(held) < 0.94
    widths = np.mean(widths, axis=0)
    assert widths[0] < widths[2] < widths[-1]
    assert widths[0] == pytest.approx(2 * 1.645, rel=0.15)


def test_width_is_the_order_statistic_of_split_conformal_prediction():
    """Of n errors, the one of rank ceil((n + 1) × coverage) decides."""
    errors = np.random.default_rng(0).normal(size=40)
    interval = conformal_interval(result_of(errors), np.array([10.0]), coverage=0.9)
    width = np.sort(np.abs(errors))[37 - 1]  # 36 would be rank ceil(n × coverage)
    np.testing.assert_allclose(interval, [[10 - width, 10 + width]])


def test_ends_may_differ():
    """Each end of an interval that is not symmetric leaves out half of what may be missed."""
    errors = np.random.default_rng(0).exponential(size=40)
    low, high = conformal_interval(result_of(errors), np.zeros(1), 0.9, symmetric=False)[0]
    assert low == np.sort(errors)[2 - 1]
    assert high == np.sort(errors)[39 - 1]


def test_steps_ahead_are_kept_apart():
    """Row i gets the width of errors i + 1 steps ahead."""
    errors = np.concatenate([np.ones(20), 5 * np.ones(20)])
    interval = conformal_interval(result_of(errors, np.repeat([1, 2], 20)), np.zeros(2))
    np.testing.assert_array_equal(interval, [[-1, 1], [-5, 5]])


def test_few_errors_borrow_from_the_nearest_steps():
    """A step with too few errors takes those of its neighbours as well."""
    steps = np.tile(np.arange(1, 11), 4)
    interval = conformal_interval(result_of(steps.astype(float), steps), np.zeros(10))
    # Nine errors are needed: those of the step and both neighbours.
    np.testing.assert_array_equal(interval[:, 1], [3, 3, 4, 5, 6, 7, 8, 9, 10, 10])


def test_outputs_are_kept_apart():
    """Each output has the width of its own errors, in a table as in an array."""
    result = result_of(np.tile([1.0, 3.0], 20), outputs=["a", "b"] * 20)
    found = conformal_interval(result, np.zeros((4, 2)))
    np.testing.assert_array_equal(found, np.broadcast_to([[-1, 1], [-3, 3]], (4, 2, 2)))
    table = conformal_interval(result, pd.DataFrame(np.zeros((4, 2)), columns=["a", "b"]))
    assert table.columns.tolist() == [
        ("a", "lower"),
        ("a", "upper"),
        ("b", "lower"),
        ("b", "upper"),
    ]
    np.testing.assert_array_equal(table["b"], found[:, 1])


def test_a_horizon_is_a_row_of_steps():
    """A forecast by a model of several steps gets the widths of its outputs, one for each row."""
    result = result_of(np.tile([1.0, 3.0], 20), np.tile([1, 2], 20), ["y_step1", "y_step2"] * 20)
    np.testing.assert_array_equal(conformal_interval(result, np.zeros(2)), [[-1, 1], [-3, 3]])


def test_a_series_keeps_its_labels():
    """A Series gives a table with its index."""
    ahead = pd.Series([1.0, 2.0], pd.period_range("2024-01", periods=2, freq="M"))
    interval = conformal_interval(result_of(np.ones(9)), ahead)
    assert interval.index.equals(ahead.index)
    assert interval.columns.tolist() == ["lower", "upper"]


def test_too_few_errors_are_refused():
    """The message gives the fewest errors that would do."""
    with pytest.raises(ValueError, match=r"coverage=0.9 needs at least 9 errors, .* has 8"):
        conformal_interval(result_of(np.ones(8)), np.zeros(3))
    with pytest.raises(ValueError, match="at least 19 errors"):
        conformal_interval(result_of(np.ones(18)), np.zeros(3), symmetric=False)


def test_bad_arguments_are_refused():
    """Coverage beyond (0, 1), other outputs, and more steps than were looked at."""
    result = result_of(np.ones(40), np.tile([1, 2], 20))
    with pytest.raises(ValueError, match=r"coverage == 1\.0, must be < 1"):
        conformal_interval(result, np.zeros(2), coverage=1.0)
    with pytest.raises(ValueError, match="reaches 3 steps ahead, but the back-test only 2"):
        conformal_interval(result, np.zeros(3))
    with pytest.raises(ValueError, match="has 2 columns"):
        conformal_interval(result, np.zeros((3, 2)))
