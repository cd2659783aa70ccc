"""`conformal_interval`: how many new values it contains, and how wide it is."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import TimeSeriesSplit

from sklstm import backtest, conformal_interval, forecast, series_to_supervised
from sklstm.datasets import load_milk
from sklstm.evaluation._backtest_result import BacktestResult

N_SEEDS = 60
MILK = load_milk()


def autoregressive(n_steps, seed, skewed=False):
    """Return a series: each value is 0.8 times the value before, plus a random shock."""
    rng = np.random.default_rng(seed)
    shocks = rng.exponential(size=n_steps) - 1 if skewed else rng.normal(size=n_steps)
    series = [0.0]
    for shock in shocks[1:]:
        series.append(0.8 * series[-1] + shock)
    return np.array(series)


def result_of(errors, steps=1, outputs=None):
    """Return a back-test with these errors."""
    lines = pd.DataFrame({"fold": 0, "step": steps, "actual": errors, "prediction": 0.0})
    lines = lines if outputs is None else lines.assign(output=outputs)
    return BacktestResult(lines, pd.DataFrame(), pd.DataFrame(), [])


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("skewed", [True, False])
def test_nine_out_of_ten_new_values_are_covered(symmetric, skewed):
    """Over many seeds, 90 % intervals contain 86 to 94 % of the held-out values."""
    held = []
    for seed in range(N_SEEDS):
        X, y = series_to_supervised(autoregressive(400, seed, skewed))
        result = backtest(LinearRegression(), X[:300], y[:300], 5, baselines=())
        predicted = LinearRegression().fit(X[:300], y[:300]).predict(X[300:])
        low, high = conformal_interval(result, predicted, symmetric=symmetric).T
        held.append(np.mean((low <= y[300:]) & (y[300:] <= high)))
    assert 0.86 < np.mean(held) < 0.94


@pytest.mark.slow
def test_forecasts_of_many_steps_are_covered_at_each_step():
    """Intervals of fed-back forecasts widen, and contain about 90 % of the values, too."""
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


@pytest.mark.parametrize(
    ("symmetric", "places"),
    [
        # Rank ceil((n + 1) × coverage) of 40 plain errors; 36 would be rank ceil(n × coverage).
        (True, (37,)),
        # Each end leaves out half of what may be missed.
        (False, (2, 39)),
    ],
)
def test_ends_are_the_order_statistics_of_split_conformal_prediction(symmetric, places):
    """Of n errors, that of rank ceil((n + 1) × coverage) is the end of the interval."""
    errors = np.random.default_rng(0).exponential(size=40)
    (ends,) = conformal_interval(result_of(errors), np.zeros(1), 0.9, symmetric=symmetric)
    ranked = np.sort(errors)[np.array(places) - 1]
    np.testing.assert_array_equal(ends, [-ranked[0], ranked[0]] if symmetric else ranked)


def test_steps_ahead_are_kept_apart():
    """Row i gets an interval from the errors i + 1 steps ahead."""
    errors = np.concatenate([np.ones(20), 5 * np.ones(20)])
    interval = conformal_interval(result_of(errors, np.repeat([1, 2], 20)), np.zeros(2))
    np.testing.assert_array_equal(interval, [[-1, 1], [-5, 5]])


def test_few_errors_borrow_from_the_nearest_steps():
    """A step with too few errors also uses those of the nearest steps."""
    steps = np.tile(np.arange(1, 11), 4)
    interval = conformal_interval(result_of(steps.astype(float), steps), np.zeros(10))
    # Nine errors are needed: those of the step and both neighbours.
    np.testing.assert_array_equal(interval[:, 1], [3, 3, 4, 5, 6, 7, 8, 9, 10, 10])


def test_outputs_are_kept_apart():
    """Each output gets an interval from its own errors, in a table and in an array."""
    result = result_of(np.tile([1.0, 3.0], 20), outputs=["a", "b"] * 20)
    found = conformal_interval(result, np.zeros((4, 2)))
    np.testing.assert_array_equal(found, np.broadcast_to([[-1, 1], [-3, 3]], (4, 2, 2)))
    table = conformal_interval(result, pd.DataFrame(np.zeros((4, 2)), columns=["a", "b"]))
    assert table.columns.tolist() == [(name, end) for name in "ab" for end in ("lower", "upper")]
    np.testing.assert_array_equal(table["b"], found[:, 1])


def test_a_horizon_is_a_row_of_steps():
    """If outputs are steps ahead, row i of a forecast gets the interval of output i."""
    result = result_of(np.tile([1.0, 3.0], 20), np.tile([1, 2], 20), ["y_step1", "y_step2"] * 20)
    np.testing.assert_array_equal(conformal_interval(result, np.zeros(2)), [[-1, 1], [-3, 3]])


def test_a_series_keeps_its_labels():
    """A Series gives a table with its index."""
    ahead = pd.Series([1.0, 2.0], pd.period_range("2024-01", periods=2, freq="M"))
    interval = conformal_interval(result_of(np.ones(9)), ahead)
    assert interval.index.equals(ahead.index)
    assert interval.columns.tolist() == ["lower", "upper"]


EIGHT, EIGHTEEN = result_of(np.ones(8)), result_of(np.ones(18))
TWO_STEPS = result_of(np.ones(40), np.tile([1, 2], 20))


@pytest.mark.parametrize(
    ("result", "shape", "options", "message"),
    [
        (EIGHT, 3, {}, r"coverage=0.9 needs at least 9 errors, .* has 8"),
        (EIGHTEEN, 3, {"symmetric": False}, "at least 19 errors"),
        (TWO_STEPS, 2, {"coverage": 1.0}, r"coverage=1\.0 is not valid"),
        (TWO_STEPS, 3, {}, "reaches 3 steps ahead, but the back-test only 2"),
        (TWO_STEPS, (3, 2), {}, "has 2 columns"),
    ],
)
def test_intervals_without_matching_errors_are_refused(result, shape, options, message):
    """Too few errors, a wrong coverage, more steps, and other outputs are refused."""
    with pytest.raises(ValueError, match=message):
        conformal_interval(result, np.zeros(shape), **options)


@pytest.mark.parametrize("target", [None, ["milk"]], ids=["series", "table"])
def test_a_forecast_under_errors_of_one_step_is_refused(target):
    """A one-step back-test says nothing of ten steps; one that is fed back does."""
    ten = TimeSeriesSplit(8, test_size=10)
    table = MILK if target is None else pd.DataFrame({"milk": MILK, "half": MILK / 2})
    X, y = series_to_supervised(table)
    model = LinearRegression().fit(X, y)
    ahead = forecast(model, X, 10, y=y)
    with pytest.raises(ValueError, match=r"10 steps.* 1 step.*feed_back=True.*horizon"):
        conformal_interval(backtest(model, X, y, ten), ahead, 0.8)
    fed_back = backtest(model, X, y, ten, feed_back=True)
    assert len(conformal_interval(fed_back, ahead, 0.8)) == 10
    # One step ahead is what the back-test measured.
    one = forecast(model, X, 1, y=y)
    assert len(conformal_interval(backtest(model, X, y, ten), one, 0.8)) == 1


@pytest.mark.parametrize("part", [slice(6, None), slice(0, 6), slice(5, 6)])
def test_a_part_of_a_forecast_is_refused(part):
    """Its first row need not lie one step ahead; errors of other steps are of another size."""
    X, y = series_to_supervised(MILK)
    cv = TimeSeriesSplit(3, test_size=12)
    result = backtest(LinearRegression(), X, y, cv, feed_back=True, baselines=())
    ahead = forecast(LinearRegression().fit(X, y), X, 12, y=y)
    with pytest.raises(ValueError, match=r"of a forecast of 12 steps.*the whole forecast"):
        conformal_interval(result, ahead[part], 0.8)
    assert len(conformal_interval(result, ahead, 0.8)[part]) == len(ahead[part])


def test_a_direct_forecast_has_the_errors_of_its_horizon():
    """The steps of a target with a horizon are those of the forecast."""
    X, y = series_to_supervised(MILK, horizon=3)
    model = LinearRegression().fit(X, y)
    ahead = forecast(model, X, 3, y=y)
    assert len(conformal_interval(backtest(model, X, y, 5), ahead)) == 3


@pytest.mark.parametrize("symmetric", [True, False])
def test_errors_on_a_log_scale_are_ratios(symmetric):
    """Ends are the prediction times the order statistics of actual / prediction."""
    rng = np.random.default_rng(0)
    predicted, ratios = rng.uniform(1, 9, size=39), rng.lognormal(sigma=2, size=39)
    lines = pd.DataFrame({"fold": 0, "step": 1, "actual": predicted * ratios})
    result = BacktestResult(lines.assign(prediction=predicted), pd.DataFrame(), pd.DataFrame(), [])
    found = conformal_interval(result, np.array([2.0, 5.0]), symmetric=symmetric, scale="log")
    if symmetric:
        end = np.sort(np.maximum(ratios, 1 / ratios))[36 - 1]
        expected = 1 / end, end
    else:
        expected = np.sort(ratios)[[2 - 1, 38 - 1]]
    np.testing.assert_allclose(found, np.outer([2.0, 5.0], expected))


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_log_scale_needs_positive_values(value):
    """Zeros and negative values have no ratio."""
    positive = result_of(np.ones(20))
    positive.predictions["prediction"] = 2.0
    conformal_interval(positive, np.ones(2), scale="log")
    with pytest.raises(ValueError, match="scale='log' needs positive values"):
        conformal_interval(positive, np.array([1.0, value]), scale="log")
    positive.predictions.loc[3, "actual"] = value
    with pytest.raises(ValueError, match="scale='log' needs positive values"):
        conformal_interval(positive, np.ones(2), scale="log")


OUTPUTS = result_of(np.tile([1.0, 3.0], 20), outputs=["a", "b"] * 20)


@pytest.mark.parametrize("labels", [["b", "a"], ["a", "b"]])
def test_named_columns_get_the_intervals_of_their_outputs(labels):
    """The order of named columns does not matter: each has the errors of its own output."""
    table = conformal_interval(OUTPUTS, pd.DataFrame(np.zeros((4, 2)), columns=labels))
    assert table.columns.unique(0).tolist() == labels
    np.testing.assert_array_equal(table["a"], [[-1, 1]] * 4)
    np.testing.assert_array_equal(table["b"], [[-3, 3]] * 4)


def test_columns_without_names_are_in_the_order_of_the_outputs():
    """An array that was given the labels of its rows is still without names of columns."""
    table = conformal_interval(OUTPUTS, pd.DataFrame(np.zeros((4, 2))))
    np.testing.assert_array_equal(table, [[-1, 1, -3, 3]] * 4)


def test_named_steps_get_the_intervals_of_their_step():
    """Columns called after steps have the errors of that step, in any order."""
    X, y = series_to_supervised(MILK, horizon=3)
    result = backtest(LinearRegression(), X, y, 5, baselines=())
    right = conformal_interval(result, y[:4])
    pd.testing.assert_frame_equal(conformal_interval(result, y.iloc[:4, ::-1])[y.columns], right)
    errors = (y.iloc[:, 2] * 0 + 1).to_frame()  # one of the three, called "milk_step3"
    for one in (errors, errors.iloc[:, 0]):
        with pytest.raises(ValueError, match=r"'milk_step3' alone, .*one column for each"):
            conformal_interval(result, one[:3])


@pytest.mark.parametrize("labels", [["x", "y"], ["a", "c"], ["a", "a"]])
def test_columns_of_other_names_are_refused(labels):
    """They may be in any order, so the errors of each are not known."""
    with pytest.raises(ValueError, match=r"has the outputs \['a', 'b'\].*set_axis\(\['a', 'b'\]"):
        conformal_interval(OUTPUTS, pd.DataFrame(np.zeros((4, 2)), columns=labels))


def test_a_series_of_any_name_is_the_only_output():
    """The name of a Series tells nothing where there is one output."""
    for target in (None, "milk"):
        result = result_of(np.ones(9), outputs=target)
        found = conformal_interval(result, pd.Series(np.zeros(2), name="prediction"))
        np.testing.assert_array_equal(found, [[-1, 1]] * 2)


def test_columns_of_training_rows_are_found_by_name():
    """Each target has the scale of its own column, however the columns are sorted."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=90), "b": 9 * rng.normal(size=90)})
    X, y = series_to_supervised(table)
    result = backtest(LinearRegression(), X, y, 4, season=1)
    options = {"pool": "scaled", "coverage": 0.8}
    right = conformal_interval(result, y[-3:], **options, y_train=y)
    for train in (y[["b", "a"]], y.assign(c=1.0, d=2.0)[["d", "b", "c", "a"]]):
        found = conformal_interval(result, y[-3:], **options, y_train=train)
        pd.testing.assert_frame_equal(found, right)
    swapped = conformal_interval(result, y[-3:][["b", "a"]], **options, y_train=y)
    pd.testing.assert_frame_equal(swapped[["a", "b"]], right)
    with pytest.raises(ValueError, match=r"\['x', 'y'\], but the back-test has the target 'a'"):
        conformal_interval(result, y[-3:], **options, y_train=y.set_axis(["x", "y"], axis=1))


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("feed_back", [False, True])
def test_the_first_step_of_training_rows_is_found_by_name(horizon, feed_back):
    """The scale of a target is that of its first step, wherever that column stands."""
    X, y = series_to_supervised(MILK, horizon=horizon)
    cv = TimeSeriesSplit(4, test_size=6)
    result = backtest(LinearRegression(), X, y, cv, season=1, feed_back=feed_back)
    ahead = forecast(LinearRegression().fit(X, y), X, 3, y=y).iloc[: 3 if feed_back else horizon]
    ahead.attrs.clear()
    options = {"pool": "scaled", "coverage": 0.5}
    first = y if horizon == 1 else y["milk_step1"]
    right = conformal_interval(result, ahead, **options, y_train=first)
    table = pd.DataFrame(y).assign(other=np.arange(len(y)) ** 2.0)
    table = table[table.columns[::-1]]
    if (horizon, feed_back) == (3, False):  # as many columns more as the target has steps
        table = table[["milk_step3", "milk_step2", "milk_step1"]]
    found = conformal_interval(result, ahead, **options, y_train=table)
    pd.testing.assert_frame_equal(found, right)


STEPS = result_of(np.repeat([1.0, 5.0, 9.0], 20), np.repeat([1, 2, 3], 20))
UNSORTED = {
    "falling": [3, 2, 1],
    "unsorted": [1, 3, 2],
    "a label twice": [1, 1, 2],
    "falling dates": pd.date_range("2024-01-03", periods=3, freq="-1D"),
}


@pytest.mark.parametrize("labels", UNSORTED.values(), ids=UNSORTED)
def test_steps_out_of_order_are_refused(labels):
    """Row i lies i + 1 steps ahead, so the oldest row has to be the first one."""
    with pytest.raises(ValueError, match=r"index of predictions .* oldest first"):
        conformal_interval(STEPS, pd.Series(np.zeros(3), labels))
    # Where rows are no steps, their order does not matter.
    found = conformal_interval(result_of(np.ones(9)), pd.Series(np.zeros(3), labels))
    np.testing.assert_array_equal(found, [[-1, 1]] * 3)


def test_a_sorted_forecast_is_refused_unless_it_is_sorted_in_time():
    """Sorting by value would give each step the margins of another one."""
    X, y = series_to_supervised(MILK)
    cv = TimeSeriesSplit(9, test_size=6)
    result = backtest(LinearRegression(), X, y, cv, feed_back=True, baselines=())
    ahead = forecast(LinearRegression().fit(X, y), X, 6, y=y)
    right = conformal_interval(result, ahead, 0.8)
    for other in (ahead.sort_index(ascending=False), ahead.sample(frac=1, random_state=0)):
        with pytest.raises(ValueError, match="index of predictions"):
            conformal_interval(result, other, 0.8)
        found = conformal_interval(result, other.sort_index(), 0.8)
        pd.testing.assert_frame_equal(found, right, check_freq=False)


def test_lines_that_were_sorted_keep_their_outputs():
    """An array has the outputs in the order of the target, however the lines are sorted."""
    table = pd.DataFrame({"a": MILK, "b": MILK * 3})
    X, y = series_to_supervised(table)
    result = backtest(LinearRegression(), X, y, 4, season=1)
    right = conformal_interval(result, y[-3:].to_numpy(), 0.8)
    result.predictions = result.predictions.sort_values("output", ascending=False)
    np.testing.assert_array_equal(conformal_interval(result, y[-3:].to_numpy(), 0.8), right)


def test_lines_that_were_sorted_have_no_scales():
    """The scale of each line is known by its place, so lines in another order are refused."""
    X, y = series_to_supervised(MILK)
    result = backtest(LinearRegression(), X, y, 4, season=1)
    options = {"pool": "scaled", "y_train": y}
    assert len(conformal_interval(result, y[-3:], **options)) == 3
    result.predictions = result.predictions.sort_values("actual")
    with pytest.raises(ValueError, match="does not hold the predictions that backtest returned"):
        conformal_interval(result, y[-3:], **options)
