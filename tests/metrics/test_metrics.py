"""The metrics against plain loops and against another package's figures."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.metrics import (
    make_scorer,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_pinball_loss,
    root_mean_squared_error,
)
from sklearn.model_selection import cross_val_score

from sklstm import TimeStepSplit, backtest, conformal_interval, series_to_supervised
from sklstm.datasets import load_milk
from sklstm.metrics import (
    interval_coverage,
    mean_absolute_scaled_error,
    overall_weighted_average,
    root_mean_squared_scaled_error,
    symmetric_mean_absolute_percentage_error,
    weighted_quantile_loss,
    winkler_score,
)

# ------------------------------------------------------------ another package's figures

#: Three series of these numbers of training rows, and 6 rows to score.
N_TRAIN = {"a": 20, "b": 17, "c": 24}
QUANTILES = [0.1, 0.5, 0.9]
#: What utilsforecast 0.2.17 gives for each series, rounded to 12 digits.
RECORDED = {
    "mase, season 1": [1.199494949495, 0.763963963964, 1.224757952974],
    "mase, season 4": [1.26582278481, 0.683531746032, 1.222222222222],
    "rmsse, season 1": [1.24513801788506, 0.96359695928727, 1.03869589987057],
    "rmsse, season 4": [1.29965893825266, 0.87955114506475, 1.05013306019341],
    "smape": [0.488731088731, 0.230224644517, 0.055223060905],  # of half our definition
    "coverage": [0.5, 0.666666666667, 0.166666666667],
    "winkler_score, level 80": [80.666666666667, 62.333333333333, 75.666666666667],
    "mqloss": [4.772222222222, 3.55, 4.661111111111],
}


def labelled(values, name):
    """Return a dict of (time, series) as a sorted table of many series."""
    index = pd.MultiIndex.from_tuples(values, names=["time", "series"])
    return pd.Series(list(values.values()), index, name=name, dtype=float).sort_index()


def recorded_input():
    """Return the training rows, the true values and the predictions that were recorded."""
    train, true, predicted = {}, {}, {}
    for k, (name, n_train) in enumerate(N_TRAIN.items()):
        i = np.arange(n_train + 6)
        y = 10.0**k + (i * i * 7 + 13 * i * k + i) % 31
        train |= {(t, name): y[t] for t in range(n_train)}
        true |= {(n_train + h, name): y[n_train + h] for h in range(6)}
        predicted |= {(n_train + h, name): y[n_train - 1] + 2 * h - 3 for h in range(6)}
    steps = pd.Series({key: key[0] - N_TRAIN[key[1]] for key in true})
    tables = [labelled(one, "y") for one in (train, true, predicted)]
    return *tables, steps.reindex(tables[1].index).astype(float)


TRAIN, TRUE, PREDICTED, STEPS = recorded_input()
ENDS = pd.DataFrame({"lower": PREDICTED - 4 - STEPS, "upper": PREDICTED + 5 + STEPS})
#: Each metric of the recorded rows, and what the other package's figures make it.
COMPARED = {
    "mase": (
        mean_absolute_scaled_error,
        (TRUE, PREDICTED),
        {"y_train": TRAIN, "season": 1},
        RECORDED["mase, season 1"],
    ),
    "mase of a season": (
        mean_absolute_scaled_error,
        (TRUE, PREDICTED),
        {"y_train": TRAIN, "season": 4},
        RECORDED["mase, season 4"],
    ),
    "rmsse": (
        root_mean_squared_scaled_error,
        (TRUE, PREDICTED),
        {"y_train": TRAIN, "season": 1},
        RECORDED["rmsse, season 1"],
    ),
    "rmsse of a season": (
        root_mean_squared_scaled_error,
        (TRUE, PREDICTED),
        {"y_train": TRAIN, "season": 4},
        RECORDED["rmsse, season 4"],
    ),
    "smape": (
        symmetric_mean_absolute_percentage_error,
        (TRUE, PREDICTED),
        {},
        2 * np.array(RECORDED["smape"]),
    ),
    "coverage": (interval_coverage, (TRUE, ENDS), {}, RECORDED["coverage"]),
    "winkler": (
        winkler_score,
        (TRUE, ENDS),
        {"coverage": 0.8},
        RECORDED["winkler_score, level 80"],
    ),
}
each_compared = pytest.mark.parametrize(
    ("metric", "pair", "options", "expected"), COMPARED.values(), ids=COMPARED
)


@each_compared
def test_series_score_as_in_another_package(metric, pair, options, expected):
    """Each series has the figure that utilsforecast gives, under its own name."""
    found = metric(*pair, **options, per_series=True)
    assert found.index.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(found[["a", "b", "c"]], expected, rtol=1e-11)


@each_compared
def test_the_score_is_the_mean_over_series(metric, pair, options, expected):
    """Each series counts the same."""
    np.testing.assert_allclose(metric(*pair, **options), np.mean(expected), rtol=1e-11)


def test_quantile_losses_are_as_in_another_package():
    """The weighted loss is twice the mean quantile loss, relative to the mean size."""
    quantiles = np.stack([ENDS["lower"], PREDICTED, ENDS["upper"]], axis=1)
    sizes = TRUE.abs().groupby("series").mean().to_numpy()
    losses = 2 * np.array(RECORDED["mqloss"])
    found = weighted_quantile_loss(TRUE, quantiles, quantiles=QUANTILES, per_series=True)
    np.testing.assert_allclose(found[["a", "b", "c"]], losses / sizes, rtol=1e-11)
    pooled = weighted_quantile_loss(TRUE, quantiles, quantiles=QUANTILES)
    np.testing.assert_allclose(pooled, losses.sum() / sizes.sum(), rtol=1e-11)


def test_overall_weighted_average_is_that_of_the_other_packages_means():
    """Errors are averaged over series before they are divided by the baseline's."""
    naive = TRUE * 0 + TRAIN.groupby("series").last().reindex(TRUE.index, level="series")
    baseline = [
        symmetric_mean_absolute_percentage_error(TRUE, naive),
        mean_absolute_scaled_error(TRUE, naive, y_train=TRAIN, season=4),
    ]
    means = 2 * np.mean(RECORDED["smape"]), np.mean(RECORDED["mase, season 4"])
    expected = (means[0] / baseline[0] + means[1] / baseline[1]) / 2
    found = overall_weighted_average(TRUE, PREDICTED, naive, y_train=TRAIN, season=4)
    np.testing.assert_allclose(found, expected, rtol=1e-11)


# ------------------------------------------------------------ plain loops


def naive_errors(train, name, season, power):
    """List the errors of the seasonal naive forecast of one series, step by step."""
    return [
        abs(value - train[time - season, name]) ** power
        for (time, of), value in train.items()
        if of == name and (time - season, name) in train
    ]


@st.composite
def panels(draw):
    """Draw training and test rows of a few series, with gaps and different starts, and a season."""
    season, n_series = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    values = st.integers(-9, 9)
    train, true, predicted, weight = {}, {}, {}, {}
    for k in range(n_series):
        name, start = f"s{k}", draw(st.integers(0, 5))
        # Two rows a season apart that differ make sure of a scale.
        train |= {(start, name): 0.0, (start + season, name): 1.0}
        for time in draw(st.sets(st.integers(start, 24), max_size=20)):
            train.setdefault((time, name), float(draw(values)))
        end = max(time for time, of in train if of == name)
        for time in draw(st.sets(st.integers(end + 1, end + 6), min_size=1)):
            true[time, name] = float(draw(values))
            predicted[time, name] = float(draw(values))
            weight[time, name] = float(draw(st.integers(0, 3)))
    # Every step has a row, so the labels have a regular step.
    train |= {(time, "unused"): 1.0 * time for time in range(25)}
    return train, true, predicted, weight, season


@settings(max_examples=50)
@given(panels(), st.sampled_from([1, 2]))
def test_scaled_errors_are_those_of_a_loop(drawn, power):
    """Gaps, starts, lengths and weights: a loop over series and steps gives the same."""
    train, true, predicted, weight, season = drawn
    root, metric = {
        1: (float, mean_absolute_scaled_error),
        2: (np.sqrt, root_mean_squared_scaled_error),
    }[power]
    scores, totals = {}, {}
    for name in {name for _, name in true}:
        keys = [key for key in true if key[1] == name]
        total = sum(weight[key] for key in keys)
        if total:
            error = sum(weight[k] * abs(true[k] - predicted[k]) ** power for k in keys) / total
            scores[name] = root(error / np.mean(naive_errors(train, name, season, power)))
            totals[name] = total / len(keys)
    given_rows = [labelled(one, "y") for one in (true, predicted)]
    options = {
        "y_train": labelled(train, "y"),
        "season": season,
        "sample_weight": labelled(weight, "weight"),
    }
    if not scores:
        with pytest.raises(ValueError, match="sample_weight"):
            metric(*given_rows, **options)
        return
    expected = sum(totals[name] * scores[name] for name in scores) / sum(totals.values())
    np.testing.assert_allclose(metric(*given_rows, **options), expected)
    each = metric(*given_rows, **options, per_series=True)
    for name in each.index:
        np.testing.assert_allclose(each[name], scores.get(name, np.nan))


@settings(max_examples=50)
@given(panels())
def test_unknown_training_values_are_like_missing_rows(drawn):
    """A row with NaN has the same effect as no row."""
    train, true, predicted, _, season = drawn
    pair = [labelled(one, "y") for one in (true, predicted)]
    last = {name: max(t for t, of in train if of == name) for _, name in train}
    unknown = {(t, name): np.nan for name in last for t in range(last[name])}
    rows, filled = labelled(train, "y"), labelled(unknown | train, "y")
    scores = [
        mean_absolute_scaled_error(*pair, y_train=one, season=season) for one in (rows, filled)
    ]
    np.testing.assert_allclose(*scores)


METRICS = {
    "mase": lambda y, p, **more: mean_absolute_scaled_error(y, p, season=1, **more),
    "rmsse": lambda y, p, **more: root_mean_squared_scaled_error(y, p, season=1, **more),
    "smape": lambda y, p, y_train, **more: symmetric_mean_absolute_percentage_error(y, p, **more),
    "coverage": lambda y, p, y_train, **more: interval_coverage(y, _ends(p), **more),
    "winkler": lambda y, p, y_train, **more: winkler_score(y, _ends(p), coverage=0.8, **more),
    "scaled winkler": lambda y, p, **more: winkler_score(
        y, _ends(p), coverage=0.8, season=1, **more
    ),
    "wql": lambda y, p, y_train, **more: weighted_quantile_loss(
        y, _ends(p), quantiles=[0.1, 0.9], **more
    ),
}
each_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
RNG = np.random.default_rng(0)
Y_TRAIN, Y, P = RNG.normal(size=(30, 2)), RNG.normal(size=(9, 2)), RNG.normal(size=(9, 2))
WEIGHT = RNG.integers(1, 4, size=9)


def _ends(predicted):
    """Return an interval around predictions, with the labels that they have."""
    ends = np.stack([np.asarray(predicted) - 1, np.asarray(predicted) + 1.5], axis=-1)
    if not isinstance(predicted, pd.DataFrame | pd.Series):
        return ends
    names = ["lower", "upper"]
    if predicted.ndim == 1:
        return pd.DataFrame(ends, predicted.index, names)
    columns = pd.MultiIndex.from_product([predicted.columns, names])
    return pd.DataFrame(ends.reshape(len(ends), -1), predicted.index, columns)


@each_metric
def test_outputs_are_scored_one_by_one(metric):
    """Each output has the score that it has alone; they are averaged as in scikit-learn."""
    alone = [metric(Y[:, i], P[:, i], y_train=Y_TRAIN[:, i]) for i in range(2)]
    pair = Y, P
    found = metric(*pair, y_train=Y_TRAIN, multioutput="raw_values")
    np.testing.assert_allclose(found, alone)
    np.testing.assert_allclose(metric(*pair, y_train=Y_TRAIN), np.mean(alone))
    weighted = metric(*pair, y_train=Y_TRAIN, multioutput=[0.25, 0.75])
    np.testing.assert_allclose(weighted, np.average(alone, weights=[0.25, 0.75]))


@each_metric
def test_a_weight_counts_as_so_many_rows(metric):
    """Weights of one series do what repeated rows do."""
    repeated = metric(np.repeat(Y, WEIGHT, 0), np.repeat(P, WEIGHT, 0), y_train=Y_TRAIN)
    np.testing.assert_allclose(metric(Y, P, y_train=Y_TRAIN, sample_weight=WEIGHT), repeated)


@each_metric
def test_columns_and_series_are_two_forms_of_the_same(metric):
    """A panel of two series has the scores of a wide table with two columns, if pooled alike."""
    wide = [pd.DataFrame(one, columns=["u", "v"]) for one in (Y_TRAIN, Y, P)]
    wide[1].index += 100
    wide[2].index += 100
    y_train, y, p = (
        pd.concat(dict(one.items()), names=["series"]).swaplevel().sort_index() for one in wide
    )
    found = metric(y, p, y_train=y_train, per_series=True)
    expected = metric(wide[1], wide[2], y_train=wide[0], multioutput="raw_values")
    np.testing.assert_allclose(found[["u", "v"]], expected)


@each_metric
def test_labels_pair_the_values(metric):
    """The order of series within a step, and of named columns, does not matter."""
    two = [pd.DataFrame(one, columns=["u", "v"]) for one in (Y_TRAIN, Y, P)]
    index = pd.MultiIndex.from_product([range(3), list("abc")])
    earlier = pd.MultiIndex.from_product([range(-10, 0), list("abc")])
    y_train, y, p = (
        one.set_axis(labels) for one, labels in zip(two, (earlier, index, index), strict=True)
    )
    expected = metric(y, p, y_train=y_train)
    other = p.sort_index(level=[0, 1], ascending=[True, False])[["v", "u"]]
    found = metric(y, other, y_train=y_train[["v", "u"]])
    assert other.index[0] == (0, "c")
    np.testing.assert_allclose(found, expected)
    raw = {"y_train": y_train, "multioutput": "raw_values"}
    assert not np.allclose(metric(y, other.to_numpy(), **raw), metric(y, p, **raw))


@pytest.mark.parametrize(
    "names", [["lower", "upper"], ["quantile_0.1", "quantile_0.9"], [0.1, 0.9]]
)
@pytest.mark.parametrize("metric", ["coverage", "winkler", "scaled winkler", "wql"])
def test_names_tell_ends_and_quantiles(metric, names):
    """The order of columns does not matter where names tell the output, and which end it is."""
    score = {
        "coverage": lambda y, p: interval_coverage(y, p, multioutput="raw_values"),
        "winkler": lambda y, p: winkler_score(y, p, coverage=0.8, multioutput="raw_values"),
        "scaled winkler": lambda y, p: winkler_score(
            y, p, coverage=0.8, y_train=Y_TRAIN, season=1, multioutput="raw_values"
        ),
        "wql": lambda y, p: weighted_quantile_loss(
            y, p, quantiles=[0.1, 0.9], multioutput="raw_values"
        ),
    }[metric]
    values = np.stack([P - 1, P + 1.5], axis=-1)
    expected = score(Y, values)
    columns = pd.MultiIndex.from_product([["u", "v"], names])
    table = pd.DataFrame(values.reshape(9, 4), columns=columns)
    y = pd.DataFrame(Y, columns=["u", "v"])
    for order in ([0, 2, 1, 3], [1, 0, 3, 2], [3, 0, 2, 1], [2, 3, 0, 1]):
        np.testing.assert_allclose(score(y, table.iloc[:, order]), expected)
    # Without names of the true values, outputs are in the order in which columns name them.
    np.testing.assert_allclose(score(Y, table.iloc[:, [0, 2, 1, 3]]), expected)
    if metric != "scaled winkler":  # whose training rows are those of two outputs
        alone = score(Y[:, 1], values[:, 1])
        for one in (table["v"], table[["v"]]):
            np.testing.assert_allclose(score(y["v"], one.iloc[:, ::-1]), alone)
            np.testing.assert_allclose(score(Y[:, [1]], one.iloc[:, ::-1]), alone)


def test_columns_that_say_nothing_keep_their_order():
    """Ends below the names of outputs are grouped by these, and are otherwise as given."""
    values = np.stack([P - 1, P + 1.5], axis=-1)
    expected = interval_coverage(Y, values, multioutput="raw_values")
    columns = pd.MultiIndex.from_product([["u", "v"], ["from", "to"]])
    table = pd.DataFrame(values.reshape(9, 4), columns=columns).iloc[:, [0, 2, 1, 3]]
    y = pd.DataFrame(Y, columns=["u", "v"])
    np.testing.assert_array_equal(interval_coverage(y, table, multioutput="raw_values"), expected)


def test_points_below_the_names_of_outputs_are_found_by_these():
    """Medians that were chosen from a table of quantiles keep its two levels of names."""
    columns = pd.MultiIndex.from_product([["v", "u"], ["quantile_0.5"]])
    y, p = pd.DataFrame(Y, columns=["u", "v"]), pd.DataFrame(P[:, ::-1], columns=columns)
    found = symmetric_mean_absolute_percentage_error(y, p)
    assert found == symmetric_mean_absolute_percentage_error(Y, P)


@each_metric
def test_weights_of_outputs_are_found_by_name(metric):
    """A Series of weights belongs to outputs by its labels, in any order."""
    wide = [pd.DataFrame(one, columns=["u", "v"]) for one in (Y_TRAIN, Y, P)]
    y_train, y, p = wide[0], wide[1].set_axis(range(100, 109)), wide[2].set_axis(range(100, 109))
    expected = metric(y, p, y_train=y_train, multioutput=[0.25, 0.75])
    for weights in (pd.Series({"v": 0.75, "u": 0.25}), pd.Series([0.25, 0.75])):
        assert metric(y, p, y_train=y_train, multioutput=weights) == expected


@each_metric
def test_several_levels_name_a_series(metric):
    """Region and store name a series together; its score has both names."""
    index = pd.MultiIndex.from_product([range(3), ["e", "w"], ["x", "y"]], names=["t", "r", "s"])
    rng = np.random.default_rng(1)
    y, p = (pd.Series(rng.normal(size=12), index) for _ in range(2))
    y_train = pd.Series(
        rng.normal(size=40), pd.MultiIndex.from_product([range(-10, 0), *index.levels[1:]])
    )
    joined = [
        one.set_axis(pd.MultiIndex.from_tuples([(t, f"{r}-{s}") for t, r, s in one.index]))
        for one in (y, p, y_train)
    ]
    found = metric(y, p, y_train=y_train, per_series=True)
    expected = metric(joined[0], joined[1], y_train=joined[2], per_series=True)
    assert found.index.names == ["r", "s"]
    assert [f"{r}-{s}" for r, s in found.index] == expected.index.tolist()
    np.testing.assert_allclose(found, expected)


@each_metric
def test_raw_values_of_each_series_are_a_table(metric):
    """With several outputs, scores of each series and output have both names."""
    index = pd.MultiIndex.from_product([range(3), list("abc")])
    earlier = pd.MultiIndex.from_product([range(-10, 0), list("abc")])
    y_train, y, p = (
        pd.DataFrame(one, labels, ["u", "v"])
        for one, labels in ((Y_TRAIN, earlier), (Y, index), (P, index))
    )
    found = metric(y, p, y_train=y_train, multioutput="raw_values", per_series=True)
    for output in ("u", "v"):
        alone = metric(y[output], p[output], y_train=y_train[output], per_series=True)
        pd.testing.assert_series_equal(found[output], alone, check_names=False)


@each_metric
def test_predictions_without_labels_are_taken_in_order(metric):
    """An array of predictions has the labels of the true values, and the other way round."""
    index = pd.MultiIndex.from_product([range(3), list("abc")])
    earlier = pd.MultiIndex.from_product([range(-10, 0), list("abc")])
    y_train = pd.Series(Y_TRAIN[:, 0], earlier)
    y, p = pd.Series(Y[:, 0], index), pd.Series(P[:, 0], index)
    expected = metric(y, p, y_train=y_train)
    np.testing.assert_allclose(metric(y, p.to_numpy(), y_train=y_train), expected)
    np.testing.assert_allclose(metric(y.to_numpy(), p, y_train=y_train), expected)


# ------------------------------------------------------------ definitions


def test_the_naive_forecast_of_the_training_rows_has_error_one():
    """A constant error of the mean naive error is 1 in either metric, when steps are all alike."""
    y_train = np.array([0.0, 2, 0, 2, 0, 2])
    for metric in (mean_absolute_scaled_error, root_mean_squared_scaled_error):
        assert metric([5.0, 7.0], [3.0, 9.0], y_train=y_train, season=1) == 1


def test_the_scale_of_a_series_alone_is_scikit_learns_error_of_the_shifted_one():
    """The denominators are sklearn's errors between the series and itself a season earlier."""
    milk, predicted = load_milk(), load_milk()[-12:] + 10
    for metric, error in (
        (mean_absolute_scaled_error, mean_absolute_error),
        (root_mean_squared_scaled_error, root_mean_squared_error),
    ):
        found = metric(milk[-12:], predicted, y_train=milk[:-12])
        scale = error(milk[12:-12], milk[:-24])
        np.testing.assert_allclose(found, 10 / scale)


def test_smape_is_the_percentage_error_of_the_mean_of_both():
    """It is scikit-learn's relative error with (|y| + |p|) / 2 in the place of |y|."""
    y, p = np.abs(Y[:, 0]) + 1, np.abs(P[:, 0]) + 1
    middle = (y + p) / 2
    expected = mean_absolute_percentage_error(middle, middle + np.abs(y - p))
    np.testing.assert_allclose(symmetric_mean_absolute_percentage_error(y, p), expected)


@pytest.mark.parametrize(
    ("true", "predicted", "expected"), [(0, 0, 0), (0, 1e-9, 2), (-1, 1, 2), (3, 1, 1), (-3, -1, 1)]
)
def test_smape_of_one_value(true, predicted, expected):
    """Zero for zero is no error; a zero or a wrong sign is the greatest one."""
    assert symmetric_mean_absolute_percentage_error([true], [predicted]) == expected


def test_the_ends_of_an_interval_lie_in_it():
    """The interval is closed."""
    assert interval_coverage([1.0, 2.0, 3.0], [[1, 2], [1, 2], [1, 2]]) == pytest.approx(2 / 3)


def test_the_winkler_score_is_a_sum_of_quantile_losses():
    """It is 2 / (1 - coverage) times the two ends' pinball losses (Gneiting & Raftery, 2007)."""
    y, ends = Y[:, 0], _ends(P[:, 0])
    losses = (
        mean_pinball_loss(y, ends[:, 0], alpha=0.1),
        mean_pinball_loss(y, ends[:, 1], alpha=0.9),
    )
    np.testing.assert_allclose(winkler_score(y, ends, coverage=0.8), 2 / 0.2 * sum(losses))


def test_the_winkler_score_with_training_rows_is_scaled_per_series():
    """M4's MSIS divides the score of each series by its seasonal naive error."""
    plain = winkler_score(TRUE, ENDS, coverage=0.8, per_series=True)
    found = winkler_score(TRUE, ENDS, coverage=0.8, y_train=TRAIN, season=4, per_series=True)
    rows = TRAIN.to_dict()
    scale = [np.mean(naive_errors(rows, name, 4, 1)) for name in plain.index]
    np.testing.assert_allclose(found, plain / scale)


def test_the_quantile_loss_of_a_median_is_the_relative_absolute_error():
    """With the median alone, it is the sum of absolute errors over the sum of sizes."""
    expected = np.abs(Y[:, 0] - P[:, 0]).sum() / np.abs(Y[:, 0]).sum()
    found = weighted_quantile_loss(Y[:, 0], P[:, :1], quantiles=[0.5])
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("index", "season"),
    [
        (pd.date_range("2020-01", periods=168, freq="MS"), 12),
        (pd.period_range("1980Q1", periods=168, freq="Q"), 4),
        (pd.date_range("2020-01", periods=168, freq="h"), 24),
        (pd.date_range("2020-01", periods=168, freq="ME"), 12),
        (pd.date_range("2020-01", periods=168, freq="W"), 52),
        (pd.date_range("2020-01", periods=168, freq="B"), 5),
        (pd.date_range("2020-01", periods=169, freq="MS").delete(9), 12),
        (pd.date_range("2020-01", periods=169, tz="Europe/Berlin").delete(9), 7),
        (pd.timedelta_range("0h", periods=169, freq="h").delete(9), 24),
    ],
    ids=[
        *("months", "quarters", "hours", "month ends", "weeks", "business days"),
        *("months with a gap", "days with a gap", "durations with a gap"),
    ],
)
def test_the_season_is_taken_from_the_step_of_the_index(index, season):
    """Without a season, months have 12, quarters 4, hours 24: for one series and for many."""
    values = pd.Series(load_milk().to_numpy(), index)
    many = pd.concat({"x": values, "y": values**2}, names=["series", "t"]).swaplevel().sort_index()
    for table, n_rows in ((values, 12), (many, 24)):
        test, train = table[-n_rows:], table[:-n_rows]
        found, expected = (
            mean_absolute_scaled_error(test, test + 5, y_train=train, season=one)
            for one in (None, season)
        )
        assert found == expected


# ------------------------------------------------------------ with other parts


def test_a_scorer_scores_many_series():
    """`make_scorer` takes sMAPE; predictions of stock estimators have no labels."""
    index = pd.MultiIndex.from_product([pd.date_range("2020", periods=12), list("abc")])
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(36, 2)), index, ["u", "v"])
    y = X["u"] + 5
    scorer = make_scorer(symmetric_mean_absolute_percentage_error, greater_is_better=False)
    cv = TimeStepSplit(3)
    found = cross_val_score(Ridge(), X, y, cv=cv, scoring=scorer)
    for score, (train, test) in zip(found, cv.split(X), strict=True):
        predicted = Ridge().fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test])
        actual = y.iloc[test].to_numpy()
        expected = np.mean(2 * abs(actual - predicted) / (abs(actual) + abs(predicted)))
        np.testing.assert_allclose(score, -expected)


class _Interval(RegressorMixin, BaseEstimator):
    """Predicts the range of the training targets."""

    def fit(self, X, y):
        """Keep the range."""
        self.range_ = [np.min(y), np.max(y)]
        return self

    def predict(self, X):
        """Return it for each row."""
        return np.tile(self.range_, (len(X), 1))


def test_a_scorer_scores_estimators_that_predict_intervals():
    """`make_scorer` takes the scores of intervals and quantiles, with their options."""
    X, y = series_to_supervised(load_milk())
    for scorer in (
        make_scorer(interval_coverage),
        make_scorer(winkler_score, greater_is_better=False, coverage=0.9),
        make_scorer(weighted_quantile_loss, greater_is_better=False, quantiles=(0.05, 0.95)),
    ):
        assert np.isfinite(cross_val_score(_Interval(), X, y, scoring=scorer)).all()


@pytest.mark.parametrize("form", ["one output", "outputs in columns", "an array"])
def test_conformal_intervals_are_taken_as_they_come(form):
    """A table or array of `conformal_interval` covers what a loop counts."""
    horizon = 1 if form == "one output" else 3
    X, y = series_to_supervised(load_milk(), horizon=horizon)
    result = backtest(Ridge(), X[:-12], y[:-12], cv=5)
    predicted = Ridge().fit(X[:-12], y[:-12]).predict(X[-12:])
    if form == "outputs in columns":
        predicted = pd.DataFrame(predicted, y.index[-12:], y.columns)
    interval = conformal_interval(result, predicted, coverage=0.9)
    ends = np.asarray(interval).reshape(12, horizon, 2)
    actual = y[-12:].to_numpy().reshape(12, horizon)
    inside = [
        np.mean([ends[i, j, 0] <= actual[i, j] <= ends[i, j, 1] for i in range(12)])
        for j in range(horizon)
    ]
    found = interval_coverage(y[-12:], interval, multioutput="raw_values")
    np.testing.assert_allclose(found, inside)
