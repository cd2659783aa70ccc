"""`conformal_interval` of many series, against loops over series, and its coverage."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression

from sklstm import (
    TimeStepSplit,
    UndefinedScoreWarning,
    backtest,
    conformal_interval,
    series_to_supervised,
)
from sklstm.evaluation._backtest_result import BacktestResult

WEEKS = pd.RangeIndex(300, name="week")


def panel_of(n_series, n_steps=300, seed=0):
    """Return series of very different size: 0.8 times the value before, plus a random shock."""
    rng = np.random.default_rng(seed)
    series = np.zeros((n_steps, n_series))
    for step in range(1, n_steps):
        series[step] = 0.8 * series[step - 1] + rng.normal(size=n_series)
    series *= 10.0 ** rng.uniform(-2, 3, size=n_series)
    names = [f"s{i:02}" for i in range(n_series)]
    index = pd.MultiIndex.from_product([WEEKS[:n_steps], names], names=["week", "shop"])
    return pd.Series(series.ravel(), index, name="sold")


#: An intercept would be that of the largest series.
MODEL = LinearRegression(fit_intercept=False)
PANEL = panel_of(8)
SHOPS = PANEL.index.unique("shop")
X, Y = series_to_supervised(PANEL)
NEW = X.index.get_level_values("week") >= 200
CV = TimeStepSplit(4, test_size=20)
RESULT = backtest(MODEL, X[~NEW], Y[~NEW], CV, season=1, baselines=())
AHEAD = pd.Series(clone(MODEL).fit(X[~NEW], Y[~NEW]).predict(X[NEW]), X.index[NEW])
TRAIN = Y[~NEW]


def scale_of(values):
    """Return the mean absolute change from one value to the next."""
    values = list(values)
    return sum(abs(b - a) for a, b in itertools.pairwise(values)) / (len(values) - 1)


def width_of(errors, coverage=0.9):
    """Return the error of rank ceil((n + 1) × coverage)."""
    return sorted(np.abs(errors))[int(np.ceil((len(errors) + 1) * coverage - 1e-9)) - 1]


def scaled_errors():
    """Divide the errors of each fold and series by the scale of its training rows, in a loop."""
    found = []
    for fold, (train, _) in enumerate(CV.split(TRAIN)):
        lines = RESULT.predictions[RESULT.predictions["fold"] == fold]
        for shop in SHOPS:
            part = lines.xs(shop, level="shop")
            scale = scale_of(TRAIN.iloc[train].xs(shop, level="shop"))
            found += list((part["actual"] - part["prediction"]) / scale)
    return np.array(found)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("horizon", [1, 3])
def test_each_series_gets_the_interval_of_its_own_errors(horizon, symmetric):
    """By default the interval is that of a back-test of this series alone."""
    rows, target = series_to_supervised(PANEL, horizon=horizon)
    cv = TimeStepSplit(3, test_size=20)
    result = backtest(MODEL, rows[:1200], target[:1200], cv, baselines=())
    ahead = target.iloc[-16:] * 0.9  # any two rows of each series will do
    found = conformal_interval(result, ahead, symmetric=symmetric)
    for shop in SHOPS:
        lines = result.predictions.xs(shop, level="shop")
        alone = BacktestResult(lines, pd.DataFrame(), pd.DataFrame(), [])
        expected = conformal_interval(alone, ahead.xs(shop, level="shop"), symmetric=symmetric)
        pd.testing.assert_frame_equal(found.xs(shop, level="shop"), expected)


def test_steps_ahead_are_counted_in_each_series():
    """Row i of each series gets the errors i + 1 steps ahead; few ones borrow from the nearest."""
    rng = np.random.default_rng(0)
    steps = np.tile(np.arange(1, 7), 12)
    index = pd.MultiIndex.from_arrays([np.arange(72), rng.permutation(np.repeat(["a", "b"], 36))])
    lines = pd.DataFrame({"fold": 0, "step": steps, "actual": 0.0}, index)
    lines["prediction"] = rng.normal(size=72) * np.where(index.get_level_values(1) == "b", 9, 1)
    result = BacktestResult(lines, pd.DataFrame(), pd.DataFrame(), [])
    names = ["b", "a", "a", "b", "b"]
    ahead = pd.Series(0.0, pd.MultiIndex.from_arrays([[72, 72, 73, 74, 75], names]))
    found = conformal_interval(result, ahead, 0.8)
    for place, step in enumerate([1, 1, 2, 2, 3]):
        own = lines[lines.index.get_level_values(1) == names[place]]
        away = (own["step"] - step).abs()
        near = own[away <= sorted(away)[4 - 1]]  # 4 errors are needed for 80 %
        assert found["upper"].iloc[place] == width_of(near["prediction"], 0.8)


def test_pooled_errors_are_those_of_all_series():
    """pool="all" gives each prediction the same interval."""
    errors = RESULT.predictions["actual"] - RESULT.predictions["prediction"]
    found = conformal_interval(RESULT, AHEAD, pool="all")
    np.testing.assert_allclose(found["upper"] - AHEAD, width_of(errors))


def test_scaled_errors_are_in_proportion_to_the_series():
    """Errors are divided by the scale of the fold's training rows, and multiplied by today's."""
    found = conformal_interval(RESULT, AHEAD, pool="scaled", y_train=TRAIN)
    width = width_of(scaled_errors())
    for shop in SHOPS:
        ours = (found["upper"] - AHEAD).xs(shop, level="shop")
        np.testing.assert_allclose(ours, width * scale_of(TRAIN.xs(shop, level="shop")))


def test_scaled_errors_of_several_targets_have_scales_of_their_own():
    """A target that is ten times another has intervals ten times as wide."""
    table = PANEL.to_frame()
    rows, target = series_to_supervised(table.assign(ten=10 * table["sold"]), target=[0, 1])
    result = backtest(MODEL, rows[~NEW], target[~NEW], CV, season=1)
    found = conformal_interval(result, target[NEW], pool="scaled", y_train=target[~NEW])
    widths = found.xs("upper", axis=1, level=1) - target[NEW]
    np.testing.assert_allclose(widths["ten"], 10 * widths["sold"])
    expected = width_of(scaled_errors()) * scale_of(TRAIN.xs("s00", level="shop"))
    np.testing.assert_allclose(widths["sold"].xs("s00", level="shop"), expected)


@pytest.mark.parametrize("pool", ["series", "all", "scaled"])
def test_nine_out_of_ten_new_values_are_covered(pool):
    """Over all series; with scaled errors also in small and large ones, and unseen ones."""
    panel = panel_of(60, seed=1)
    shop = panel.index.get_level_values("shop")
    rows, y = series_to_supervised(panel[shop < "s40"])
    known = rows.index.get_level_values(0) < 200
    result = backtest(MODEL, rows[known], y[known], CV, season=1, baselines=())
    model = clone(MODEL).fit(rows[known], y[known])
    rows, y = series_to_supervised(panel if pool == "scaled" else panel[shop < "s40"])
    known = rows.index.get_level_values(0) < 200
    options = {"y_train": y[known]} if pool == "scaled" else {}
    ahead = pd.Series(model.predict(rows[~known]), y.index[~known])
    ends = conformal_interval(result, ahead, pool=pool, **options)
    held = (ends["lower"] <= y[~known]) & (y[~known] <= ends["upper"])
    assert 0.88 < held.mean() < 0.92
    by_series = held.groupby("shop").mean()
    if pool == "all":  # a share of all series together, and no series near it
        assert by_series.max() == 1.0
        assert by_series.min() < 0.7
    else:
        assert by_series.min() > 0.7
    if pool == "scaled":
        assert 0.87 < by_series["s40":].mean() < 0.93


def test_a_panel_of_one_series_gets_what_that_series_gets():
    """The same ends, by its own errors and by scaled ones."""
    index = Y.index.get_level_values("shop") == "s03"
    rows, y, new = X[index], Y[index], NEW[index]
    for options in ({}, {"pool": "scaled"}):
        found = []
        for drop in (lambda table: table, lambda table: table.droplevel("shop")):
            result = backtest(MODEL, drop(rows[~new]), drop(y[~new]), CV, season=1)
            more = {"y_train": drop(y[~new])} if options else {}
            found.append(conformal_interval(result, drop(y[new]), **options, **more))
        pd.testing.assert_frame_equal(found[0].droplevel("shop"), found[1])


FEW = backtest(MODEL, X[~NEW], Y[~NEW], TimeStepSplit(2, test_size=4), season=1)
ONE = Y.xs("s03", level="shop")


@pytest.mark.parametrize(
    ("result", "predictions", "options", "message"),
    [
        (FEW, AHEAD, {}, r"at least 9 errors, .* has 8 of series 's00'.*pool='scaled'"),
        (RESULT, AHEAD.rename({"s01": "new"}), {}, "series 'new'.*no errors.*pool='scaled'"),
        (RESULT, AHEAD, {"pool": "scaled"}, "pool='scaled' needs y_train"),
        (RESULT, AHEAD, {"pool": "all", "y_train": TRAIN}, "y_train is for pool='scaled' only"),
        (RESULT, AHEAD, {"pool": "scaled", "y_train": ONE}, "y_train has .*one series"),
        (
            RESULT, AHEAD, {"pool": "scaled", "y_train": TRAIN[TRAIN.index.isin(["s01"], 1)]},
            "no two values of series 's00' that are season=1 steps apart",
        ),
        (RESULT, AHEAD, {"pool": "both"}, "pool='both' is not valid: expected one of"),
        (RESULT, AHEAD.to_numpy(), {}, "the back-test names many series.*predictions does not"),
        (RESULT, ONE, {}, "the back-test names many series.*predictions does not"),
    ],
)  # fmt: skip
def test_what_gives_no_interval_is_refused(result, predictions, options, message):
    """The message names the series and what would do."""
    with pytest.raises(ValueError, match=message):
        conformal_interval(result, predictions, **options)


def test_ratios_are_not_scaled_again():
    """Errors of scale="log" are ratios already."""
    positive = Y.abs() + 1
    result = backtest(MODEL, X.abs() + 1, positive, CV, season=1)
    with pytest.raises(ValueError, match=r"ratios already: set pool='all'"):
        conformal_interval(result, positive, scale="log", pool="scaled", y_train=positive)


def test_errors_without_a_scale_are_left_out_with_a_warning():
    """A series that was constant in training says nothing of the others' scaled errors."""
    flat = Y.where(Y.index.get_level_values("shop") != "s00", 5.0)[~NEW]
    result = backtest(MODEL, X[~NEW], flat, CV, season=1)
    some = AHEAD[AHEAD.index.get_level_values("shop") != "s00"]
    with pytest.warns(UndefinedScoreWarning, match="'?s00"):
        found = conformal_interval(result, some, pool="scaled", y_train=TRAIN)
    lines = result.predictions
    errors, shops = lines["actual"] - lines["prediction"], lines.index.get_level_values("shop")
    scaled = []
    for fold, (train, _) in enumerate(CV.split(TRAIN)):
        for shop in SHOPS[1:]:
            scale = scale_of(TRAIN.iloc[train].xs(shop, level="shop"))
            scaled += list(errors[(lines["fold"] == fold) & (shops == shop)] / scale)
    ours = (found["upper"] - some).xs("s01", level="shop")
    expected = width_of(scaled) * scale_of(TRAIN.xs("s01", level="shop"))
    np.testing.assert_allclose(ours, expected)
