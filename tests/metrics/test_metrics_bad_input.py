"""What a hurried user gets wrong is refused, with what, where and how to mend it."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from sklstm import AssumedPastWarning
from sklstm.metrics import (
    interval_coverage,
    mean_absolute_scaled_error,
    overall_weighted_average,
    root_mean_squared_scaled_error,
    symmetric_mean_absolute_percentage_error,
    weighted_quantile_loss,
    winkler_score,
)

INDEX = pd.MultiIndex.from_product(
    [pd.period_range("2020-01", periods=12, freq="M"), ["north", "south"]], names=["month", "store"]
)
MANY = pd.Series(np.arange(24.0) ** 2 % 17, INDEX, name="sold")
TRAIN, TRUE = MANY[:20], MANY[20:]
PREDICTED = TRUE + 1
ENDS = pd.DataFrame({"lower": TRUE - 1, "upper": TRUE + 1})
WHERE = {"y_train": TRAIN, "season": 1}
CALLS = {
    "mase": lambda y, p, **more: mean_absolute_scaled_error(y, p, **WHERE, **more),
    "rmsse": lambda y, p, **more: root_mean_squared_scaled_error(y, p, **WHERE, **more),
    "smape": symmetric_mean_absolute_percentage_error,
    "owa": lambda y, p, **more: overall_weighted_average(y, p, TRUE + 2, **WHERE, **more),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def changed(table, place, value):
    """Return a copy with another value in one row."""
    table = table.copy()
    table.iloc[place] = value
    return table


PAIRS = {
    "predictions of other rows": (TRUE, MANY[:4], r"2020-11.*north.*y_pred has none"),
    "labels that were reset": (TRUE, PREDICTED.reset_index(drop=True), r"levels.*to_numpy\(\)"),
    "fewer predictions": (TRUE, PREDICTED[:-1], "y_pred has 3 rows, but y_true has 4"),
    "levels in another order": (TRUE, PREDICTED.swaplevel(), r"\['store', 'month'\]"),
    "a row twice": (TRUE, PREDICTED.iloc[[0, 1, 2, 2]], r"y_pred holds .*twice"),
    "an interval for a value": (TRUE, ENDS, r"y_pred has shape \(4, 2\)"),
    "no number": (changed(TRUE, 1, np.nan), PREDICTED, r"y_true is NaN at row 1 .*2020-11.*south"),
    "no prediction": (TRUE, changed(PREDICTED, 2, np.nan), r"y_pred is NaN at row 2 .*2020-12"),
    "infinity": (TRUE, changed(PREDICTED, 2, np.inf), "y_pred holds inf at row 2"),
    "text": (TRUE, ["a"] * 4, "y_pred must hold numbers|y_pred"),
    "no rows": (TRUE[:0], PREDICTED[:0], "at least one row"),
    "series first": (TRUE.swaplevel().sort_index(), PREDICTED, r"swaplevel\(\)\.sort_index\(\)"),
    "unsorted rows": (TRUE[::-1], PREDICTED, r"y_true.*sort"),
}


@each_call
@pytest.mark.parametrize(("y_true", "y_pred", "message"), PAIRS.values(), ids=PAIRS)
def test_bad_pairs_are_refused(call, y_true, y_pred, message):
    """Values that do not belong together, or are not known, are refused by their labels."""
    with pytest.raises(ValueError, match=message):
        call(y_true, y_pred)


@each_call
def test_a_sparse_table_is_refused(call):
    """A sparse table is a TypeError that names it."""
    with pytest.raises(TypeError, match="y_pred is sparse"):
        call(TRUE.to_numpy()[:, None], csr_array(PREDICTED.to_numpy()[:, None]))


@each_call
@pytest.mark.parametrize(
    "weight",
    [[1.0, 1.0], [1, 1, 1, -1], [0, 0, 0, 0], [1, 1, 1, np.nan], np.ones((4, 1))],
    ids=["short", "negative", "nothing", "NaN", "two axes"],
)
def test_bad_weights_are_refused(call, weight):
    """Weights are finite, not negative, not all 0, and one for each row."""
    with pytest.raises(ValueError, match="sample_weight"):
        call(TRUE, PREDICTED, sample_weight=weight)


@each_call
@pytest.mark.parametrize("multioutput", ["mean", [1, 1], [0], "variance_weighted"], ids=repr)
def test_a_bad_multioutput_is_refused(call, multioutput):
    """Other names, and weights of another number of outputs, are refused."""
    with pytest.raises(ValueError, match="multioutput"):
        call(TRUE, PREDICTED, multioutput=multioutput)


def test_columns_must_have_the_same_names():
    """Predictions of other outputs are refused; one column may have any name."""
    two = pd.DataFrame({"u": TRUE, "v": TRUE})
    with pytest.raises(ValueError, match=r"\['u', 'w'\]"):
        symmetric_mean_absolute_percentage_error(two, two.set_axis(["u", "w"], axis=1))
    assert symmetric_mean_absolute_percentage_error(TRUE.to_frame(), TRUE.to_frame("p")) == 0


@pytest.mark.parametrize("metric", [mean_absolute_scaled_error, interval_coverage])
@pytest.mark.parametrize(
    ("per_series", "error", "message"), [(1, TypeError, "per_series=1"), (True, ValueError, "many")]
)
def test_scores_per_series_need_many_series(metric, per_series, error, message):
    """A series without a name has no score of its own."""
    if metric is interval_coverage:
        with pytest.raises(error, match=message):
            metric([1.0], [[0, 2]], per_series=per_series)
    else:
        with pytest.raises(error, match=message):
            metric([1.0], [2.0], y_train=[1.0, 2.0], season=1, per_series=per_series)


# ------------------------------------------------------------ training rows

ONE = pd.Series([3.0, 1, 4, 1, 5, 9, 2, 6], pd.period_range("2020-01", periods=8, freq="M"))
SOUTH = TRAIN.index.get_level_values("store") == "south"
TRAINING = {
    "a series is missing": (TRUE, TRAIN[~SOUTH], 1, "'south' has no rows in y_train"),
    "all rows": (TRUE, MANY, 1, r"'north'.*run until .*2020-12.*has one at .*2020-11"),
    "one series overlaps": (
        TRUE,
        pd.concat([TRAIN, TRUE[1:2]]),
        1,
        r"of series 'south' in y_train run until",
    ),
    "a season longer than the rows": (
        TRUE,
        TRAIN,
        12,
        r"'north' \(and 1 more\).*season=12 steps apart.*shorter season",
    ),
    "a constant series": (TRUE, TRAIN.where(~SOUTH, 5.0), 1, "Series 'south' has a scale of 0"),
    "a periodic series": (
        TRUE,
        pd.Series(np.tile([1.0, 1, 2, 2], 5), TRAIN.index),
        2,
        r"'north' \(and 1 more\) has a scale of 0",
    ),
    "unknown rows": (TRUE, TRAIN.where(~SOUTH), 1, "'south' has no two known values"),
    "infinite rows": (TRUE, changed(TRAIN, 3, np.inf), 1, "y_train holds inf at row 3"),
    "one series for many": (TRUE, TRAIN[~SOUTH].droplevel(1), 1, "y_train has no index"),
    "an array for many": (TRUE, TRAIN.to_numpy(), 1, "y_train has no index"),
    "many for one series": (ONE[6:], TRAIN, 1, "y_true has no index"),
    "series first": (TRUE, TRAIN.swaplevel().sort_index(), 1, r"y_train\.swaplevel\(\)"),
    "unsorted": (TRUE, TRAIN[::-1], 1, "y_train.*sort"),
    "other times": (
        TRUE,
        TRAIN.set_axis(TRAIN.index.set_levels(range(12), level=0)),
        1,
        "cannot be compared",
    ),
    "None": (TRUE, None, 1, "y_train is None"),
    "two columns": (TRUE, pd.DataFrame({"u": TRAIN, "v": TRAIN}), 1, r"y_train has 2 column"),
    "one series, all rows": (ONE[6:], ONE, 1, "run until .*2020-08.*has one at .*2020-07"),
    "one series, reset": (
        ONE[6:].reset_index(drop=True),
        ONE[:6].reset_index(drop=True),
        1,
        "count their rows from 0, pass arrays; if they hold many series",
    ),
    "one series, too short": (ONE[6:], ONE[:6], 6, "The series has no two known values"),
    "one series, constant": (ONE[6:], ONE[:6] * 0, 1, "The series has a scale of 0"),
    "one series, unsorted": (ONE[6:], ONE[:6][::-1], 1, "y_train"),
    "an array, no season": (
        ONE[6:].to_numpy(),
        ONE[:6].to_numpy(),
        None,
        r"season=None .*season=12",
    ),
    "labels of two kinds": (ONE[6:].set_axis([1, "a"]), ONE[:6], 1, "cannot be compared"),
    "no season": (ONE[6:], ONE[:6], 0, "season"),
}
SCALED = {
    "mase": mean_absolute_scaled_error,
    "rmsse": root_mean_squared_scaled_error,
    "owa": lambda y, p, **more: overall_weighted_average(y, p, p + 1, **more),
    "msis": lambda y, p, **more: winkler_score(
        y, np.stack([p - 1, p + 1], axis=1), coverage=0.9, **more
    ),
}


@pytest.mark.parametrize("metric", SCALED.values(), ids=SCALED)
@pytest.mark.parametrize(
    ("y_true", "y_train", "season", "message"), TRAINING.values(), ids=TRAINING
)
def test_bad_training_rows_are_refused(metric, y_true, y_train, season, message):
    """Rows that give no scale, or are not from before, are refused by the name of the series."""
    if y_train is None and metric is SCALED["msis"]:
        return  # not scaled
    with pytest.raises(ValueError, match=message):
        metric(y_true, y_true + 1, y_train=y_train, season=season)


@pytest.mark.parametrize("season", [1.0, "1", [1]], ids=repr)
def test_a_season_is_an_int(season):
    """Other types are a TypeError."""
    with pytest.raises(TypeError, match="season"):
        mean_absolute_scaled_error(TRUE, PREDICTED, y_train=TRAIN, season=season)


def test_training_rows_that_are_not_needed_may_be_bad():
    """Series that are not scored need no scale."""
    north, constant = TRUE[::2], TRAIN.where(~SOUTH, 5.0)
    found = mean_absolute_scaled_error(north, north + 1, y_train=constant, season=1)
    alone = mean_absolute_scaled_error(north, north + 1, y_train=TRAIN[~SOUTH], season=1)
    assert found == alone


def test_arrays_that_seem_to_overlap_are_warned_of():
    """Training values that end with the true ones may hold them; others are taken as they are."""
    y = np.array([3.0, 1, 4, 1, 5, 9])
    with pytest.warns(AssumedPastWarning, match="y_train ends with the values of y_true"):
        mean_absolute_scaled_error(y[3:], y[3:] + 1, y_train=y, season=1)
    mean_absolute_scaled_error(y[3:], y[3:] + 1, y_train=y[:3], season=1)


def test_one_call_warns_once():
    """The average of several errors of the same rows gives their warning once."""
    y = np.array([3.0, 1, 4, 1, 5, 9])
    with pytest.warns(AssumedPastWarning) as caught:
        overall_weighted_average(y[3:], y[3:] + 1, y[3:] + 2, y_train=y, season=1)
    assert [one.filename for one in caught] == [__file__]


def test_a_baseline_without_errors_is_refused():
    """Nothing is relative to an error of 0."""
    with pytest.raises(ValueError, match="y_baseline equals y_true"):
        overall_weighted_average(TRUE, PREDICTED, TRUE, **WHERE)


# ------------------------------------------------------------ intervals and quantiles

QUANTILES = pd.DataFrame({"low": TRUE - 1, "middle": TRUE, "high": TRUE + 1})
WIDE = pd.DataFrame({"u": TRUE, "v": TRUE})


@pytest.mark.parametrize(
    "metric", [interval_coverage, lambda y, p: winkler_score(y, p, coverage=0.9)]
)
@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        (TRUE, ENDS.set_axis(["upper", "lower"], axis=1), r"above the upper end.*row 0 .*2020-11"),
        (TRUE, QUANTILES, r"\(4, 3\), but \(4, 1, 2\) or \(4, 2\)"),
        (TRUE, PREDICTED, r"\(4,\), but"),
        (WIDE, ENDS, r"\(4, 2\), but \(4, 2, 2\)"),
        (TRUE, changed(ENDS, 1, np.nan), "y_pred is NaN at row 1"),
        (TRUE, changed(ENDS, 1, np.inf), "y_pred holds inf at row 1"),
    ],
    ids=["ends swapped", "quantiles", "points", "one interval for two", "NaN", "infinity"],
)
def test_bad_intervals_are_refused(metric, y_true, y_pred, message):
    """An interval has two ends for each value, the lower first."""
    with pytest.raises(ValueError, match=message):
        metric(y_true, y_pred)


@pytest.mark.parametrize(
    ("coverage", "error"), [(90, ValueError), (0, ValueError), (1, ValueError), ("0.9", TypeError)]
)
def test_a_coverage_is_a_share(coverage, error):
    """Percents are refused."""
    with pytest.raises(error, match="coverage"):
        winkler_score(TRUE, ENDS, coverage=coverage)


@pytest.mark.parametrize(
    "quantiles",
    [0.5, [], [10, 50, 90], [0.1, 0.9, 0.5], [0.5, 0.5, 0.9], [0, 0.5, 1], ["a"], None, [np.nan]],
    ids=repr,
)
def test_bad_quantiles_are_refused(quantiles):
    """Quantiles are rising shares; percents are refused."""
    with pytest.raises((TypeError, ValueError), match="quantiles"):
        weighted_quantile_loss(TRUE, QUANTILES, quantiles=quantiles)


def test_quantiles_and_predictions_must_agree():
    """Another number of quantiles, and columns in falling order, are refused."""
    with pytest.raises(ValueError, match=r"\(4, 3\), but \(4, 1, 2\) or \(4, 2\)"):
        weighted_quantile_loss(TRUE, QUANTILES, quantiles=[0.1, 0.9])
    with pytest.raises(ValueError, match="order of quantiles"):
        weighted_quantile_loss(TRUE, QUANTILES.iloc[:, ::-1], quantiles=[0.1, 0.5, 0.9])


NAMED = pd.concat(dict.fromkeys(["u", "v"], QUANTILES), axis=1)
LEVELS = ["quantile_0.1", "quantile_0.5", "quantile_0.9"]
MISNAMED = {
    "other levels": (TRUE, QUANTILES.set_axis([0.05, 0.5, 0.95], axis=1), r"pass the quantiles"),
    "other names": (
        TRUE,
        QUANTILES.set_axis([*LEVELS[:2], "quantile_0.8"], axis=1),
        r"0\.8'.*0\.9",
    ),
    "a level elsewhere": (TRUE, QUANTILES.set_axis(["m", "quantile_0.1", "n"], axis=1), "'m'"),
    "a quantile twice": (TRUE, QUANTILES.set_axis([0.1, 0.1, 0.9], axis=1), "quantiles="),
    "other outputs": (WIDE, NAMED.rename(columns={"v": "w"}), r"the outputs \['u', 'v'\]"),
    "levels swapped": (
        WIDE.to_numpy(),
        NAMED.rename(columns=dict(zip(QUANTILES, LEVELS, strict=True))).swaplevel(axis=1),
        r"swaplevel\(axis=1\)",
    ),
    "fewer of one output": (WIDE, NAMED.iloc[:, :5], "as many columns below each"),
}


@pytest.mark.parametrize(("y_true", "y_pred", "message"), MISNAMED.values(), ids=MISNAMED)
def test_quantiles_of_other_names_are_refused(y_true, y_pred, message):
    """Names that say otherwise than the arguments are an error, never a wrong loss."""
    with pytest.raises(ValueError, match=message):
        weighted_quantile_loss(y_true, y_pred, quantiles=[0.1, 0.5, 0.9])


def test_the_coverage_is_that_of_named_quantiles():
    """Between the quantiles 0.1 and 0.9 lie 80 %, not 90 %."""
    ends = QUANTILES[["low", "high"]].set_axis([LEVELS[0], LEVELS[2]], axis=1)
    assert winkler_score(TRUE, ends, coverage=0.8) == winkler_score(TRUE, ENDS, coverage=0.8)
    with pytest.raises(ValueError, match=r"coverage=0\.9, .*quantiles 0\.1 and 0\.9.*0\.8"):
        winkler_score(TRUE, ends, coverage=0.9)


def test_weights_of_other_outputs_are_refused():
    """Weights with names need those of the outputs."""
    with pytest.raises(ValueError, match=r"a weight for each of the outputs \['u', 'v'\]"):
        symmetric_mean_absolute_percentage_error(
            WIDE, WIDE + 1, multioutput=pd.Series({"u": 1.0, "w": 2.0})
        )


def test_a_loss_relative_to_nothing_is_refused():
    """True values of 0 have no size; with several series, the first of them is named."""
    options = {"quantiles": [0.1, 0.5, 0.9]}
    with pytest.raises(ValueError, match="all 0"):
        weighted_quantile_loss(TRUE * 0, QUANTILES, **options)
    zeros = TRUE.where(TRUE.index.get_level_values(1) == "north", 0.0)
    assert weighted_quantile_loss(zeros, QUANTILES, **options) > 0
    with pytest.raises(ValueError, match="'south' are all 0"):
        weighted_quantile_loss(zeros, QUANTILES, **options, per_series=True)
    with pytest.raises(ValueError, match="'south' are all 0, or weigh nothing"):
        weighted_quantile_loss(
            TRUE, QUANTILES, **options, per_series=True, sample_weight=[1, 0, 1, 0]
        )
