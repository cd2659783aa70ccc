"""Conformalised quantile regression: quantiles in a back-test, and intervals made of them."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import (
    Differencer,
    ForecastDisplay,
    LagWindower,
    LSTMRegressor,
    TimeStepSplit,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    backtest,
    conformal_interval,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import load_milk, load_us_unemployment
from sklstm.evaluation._backtest_result import BacktestResult
from sklstm.metrics import interval_coverage, weighted_quantile_loss, winkler_score

MILK = load_milk()
LEVELS = (0.05, 0.5, 0.95)


class Quantiles(RegressorMixin, BaseEstimator):
    """Predicts quantiles of residuals around a line, which grow with the size of the first input.

    `shrink` puts them closer together than they should be, and `order` in another order.
    """

    def __init__(self, quantiles=LEVELS, shrink=1.0, order=1):
        self.quantiles = quantiles
        self.shrink = shrink
        self.order = order

    def fit(self, X, y):
        """Fit a line, and remember its residuals in units of the first input."""
        X, y = np.asarray(X), np.asarray(y)
        self.line_ = LinearRegression().fit(X, y)
        residuals = (y - self.line_.predict(X)).reshape(len(X), -1)
        self.units_ = np.quantile(residuals / self._unit(X), self.quantiles, axis=0) * self.shrink
        self.quantiles_ = np.array(self.quantiles)
        return self

    def _unit(self, X):
        return 1 + np.abs(np.asarray(X)[:, :1])

    def predict_quantiles(self, X):
        """Return an array of shape (n_rows, n_quantiles) or (n_rows, n_outputs, n_quantiles)."""
        line = self.line_.predict(np.asarray(X))
        spread = self._unit(X)[:, :, None] * self.units_.T
        found = line.reshape(len(line), -1, 1) + spread
        found = found[:, 0] if line.ndim == 1 else found
        return found[..., :: self.order]

    def predict(self, X):
        """Return the medians."""
        return self.predict_quantiles(X)[..., list(self.quantiles).index(0.5)]


def draw(n_rows, seed):
    """Return exchangeable rows whose noise grows with the size of the first column."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 2))
    return X, X @ [1.0, -2.0] + (1 + np.abs(X[:, 0])) * rng.standard_t(4, size=n_rows)


def result_of(actual, lower, upper, **columns):
    """Return a back-test with these values and quantiles."""
    lines = pd.DataFrame({"fold": 0, "step": 1, "actual": actual, "prediction": 0.0} | columns)
    lines["quantile_0.05"], lines["quantile_0.5"], lines["quantile_0.95"] = lower, 0.0, upper
    return BacktestResult(lines, pd.DataFrame(), pd.DataFrame(), [])


def conformalised(actual, lower, upper, ends, coverage, symmetric=True):
    """Move the ends of intervals as Romano, Patterson and Candès do, step by step."""
    below, above = [], []
    for value, low, high in zip(actual, lower, upper, strict=True):
        below.append(low - value)
        above.append(value - high)
    if symmetric:
        below = above = [max(pair) for pair in zip(below, above, strict=True)]
    share = coverage if symmetric else (1 + coverage) / 2
    rank = int(np.ceil((len(actual) + 1) * share - 1e-9))
    return [[low - sorted(below)[rank - 1], high + sorted(above)[rank - 1]] for low, high in ends]


# Quantiles of a back-test


def test_quantiles_are_recorded_beside_the_median():
    """Each fold's quantiles are those of an estimator fitted by hand on its training rows."""
    X, y = draw(120, 0)
    cv = TimeSeriesSplit(3)
    lines = backtest(Quantiles(), X, y, cv, baselines=(), method="predict_quantiles").predictions
    expected = np.concatenate(
        [Quantiles().fit(X[a], y[a]).predict_quantiles(X[b]) for a, b in cv.split(X)]
    )
    names = [f"quantile_{level}" for level in LEVELS]
    np.testing.assert_array_equal(lines[names], expected)
    np.testing.assert_array_equal(lines["prediction"], expected[:, 1])


@pytest.mark.parametrize("refit", [True, False])
def test_scores_are_those_of_the_median(refit):
    """A back-test with quantiles has the scores and baselines of one without."""
    X, y = series_to_supervised(MILK)
    plain = backtest(Quantiles(), X, y, refit=refit)
    with_quantiles = backtest(Quantiles(), X, y, refit=refit, method="predict_quantiles")
    pd.testing.assert_frame_equal(plain.scores, with_quantiles.scores)
    pd.testing.assert_frame_equal(plain.skill, with_quantiles.skill)
    lines = with_quantiles.predictions
    pd.testing.assert_frame_equal(lines[plain.predictions.columns], plain.predictions)


def test_quantiles_are_found_in_a_pipeline_and_a_search():
    """A pipeline hands transformed rows on to its last step, and a search to its best estimator."""
    X, y = draw(90, 1)
    pipeline = make_pipeline(StandardScaler(), "passthrough", Quantiles())
    search = GridSearchCV(pipeline, {"quantiles__shrink": [0.5, 1.0]}, cv=TimeSeriesSplit(2))
    found, searched = (
        backtest(one, X, y, 2, baselines=(), method="predict_quantiles").predictions
        for one in (pipeline, search)
    )
    train, test = list(TimeSeriesSplit(2).split(X))[-1]
    scaler = StandardScaler().fit(X[train])
    model = Quantiles().fit(scaler.transform(X[train]), y[train])
    expected = model.predict_quantiles(scaler.transform(X[test]))
    np.testing.assert_array_equal(found.filter(like="quantile_")[-len(test) :], expected)
    assert searched.columns.equals(found.columns)


def test_quantiles_of_many_steps_and_many_series_keep_their_lines():
    """Each line has the quantiles of its own series, row and step."""
    cows = pd.concat({"a": MILK, "b": MILK[5:] * 2}, names=["cow"]).swaplevel().sort_index()
    X, y = series_to_supervised(cows, horizon=2)
    cv = TimeStepSplit(2, test_size=5)
    with parallel_config("threading", n_jobs=2):
        result = backtest(Quantiles(), X, y, cv, method="predict_quantiles")
    assert result.predictions["step"].tolist()[:4] == [1, 2, 1, 2]
    for fold, (train, test) in enumerate(cv.split(X)):
        lines = result.predictions[result.predictions["fold"] == fold].filter(like="quantile_")
        # The targets of the last training rows reach into the test rows, so `Quantiles` has seen
        # them; that is the regressor's concern, not the back-test's.
        expected = Quantiles().fit(X.iloc[train], y.iloc[train]).predict_quantiles(X.iloc[test])
        np.testing.assert_allclose(lines, expected.reshape(-1, 3), rtol=1e-12)


@pytest.mark.parametrize("by", ["fold", "series", "step", ["fold", "cow"]])
def test_quantiles_are_scored_by_the_metrics(by):
    """Each group has the scores that the metrics give for its lines; unknown targets have none."""
    cows = pd.concat({"a": MILK, "b": MILK[40:] * 20}, names=["cow"]).swaplevel().sort_index()
    X, y = series_to_supervised(cows, horizon=2)
    y.iloc[-4] = np.nan
    cv = TimeStepSplit(2, test_size=5)
    result = backtest(Quantiles(), X, y, cv, method="predict_quantiles")
    found = result.interval_scores_by(by)
    keys = [{"series": "cow"}.get(name, name) for name in np.atleast_1d(by)]
    names = ["quantile_0.05", "quantile_0.5", "quantile_0.95"]
    groups = result.predictions.reset_index().groupby(keys if len(keys) > 1 else keys[0])
    for label, group in groups:
        scores = []
        for _, lines in group[group["actual"].notna()].groupby("output"):
            lines = lines.assign(time=range(len(lines))).set_index(["time", "cow"])
            pairs = lines["actual"], lines[names[::2]]
            loss = weighted_quantile_loss(lines["actual"], lines[names], quantiles=LEVELS)
            coverage = interval_coverage(*pairs)
            scores.append([coverage, winkler_score(*pairs, coverage=0.9), loss])
        np.testing.assert_allclose(found.loc[label], np.mean(scores, axis=0), rtol=1e-12)


def test_no_quantiles_have_no_scores():
    """Without quantiles, the message says how to record them."""
    X, y = series_to_supervised(MILK)
    with pytest.raises(ValueError, match="method='predict_quantiles'"):
        backtest(Quantiles(), X, y).interval_scores_by()


@pytest.mark.parametrize(
    ("estimator", "options", "message"),
    [
        (LinearRegression(), {}, "LinearRegression has no such method"),
        (make_pipeline(LinearRegression()), {}, "LinearRegression has no such method"),
        (LSTMRegressor(), {}, r"Use LSTMRegressor\(loss='quantile'\)"),
        (Quantiles(), {"feed_back": True}, "cannot be fed back"),
        (Quantiles(), {"method": "predict_proba"}, "method='predict_proba' is not valid"),
        (Quantiles((0.1, 0.9)), {}, "add 0.5 to its quantiles"),
        (Quantiles((0.9, 0.5)), {}, "must hold rising numbers"),
        (Quantiles(order=-1), {}, "falls from .* put quantiles in rising order"),
    ],
)
def test_what_no_back_test_can_record_is_refused(estimator, options, message):
    """The message says what to do."""
    X, y = series_to_supervised(MILK)
    with pytest.raises(ValueError, match=message):
        backtest(estimator, X, y, **{"method": "predict_quantiles"} | options)


# Intervals


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("shift", [-1.0, 0.0, 1.5])
def test_ends_are_those_of_a_hand_written_loop(symmetric, shift):
    """Ends are moved by the order statistic of the paper, outwards or inwards."""
    rng = np.random.default_rng(0)
    actual, lower = rng.normal(size=60), rng.normal(size=60) - 1 - shift
    upper, ends = rng.normal(size=60) + 1 + shift, np.array([[-9.0, 9.0], [-12.0, 7.0]])
    result = result_of(actual, lower, upper)
    found = conformal_interval(result, ends, 0.8, method="quantile", symmetric=symmetric)
    expected = conformalised(actual, lower, upper, ends, 0.8, symmetric)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert shift <= 0 or found[0, 0] > -9  # inwards


@pytest.mark.parametrize(
    ("coverage", "symmetric", "expected"),
    [
        (0.8, True, [[-2.874374, 3.874374], [-2.374374, 2.124374]]),
        (0.8, False, [[-2.874374, 4.461043], [-2.374374, 2.711043]]),
        (0.9, True, [[-3.564923, 4.564923], [-3.064923, 2.814923]]),
        (0.9, False, [[-4.000257, 4.950685], [-3.500257, 3.200685]]),
    ],
)
def test_ends_are_those_of_mapie(coverage, symmetric, expected):
    """MAPIE's figures for the same quantiles and values.

    From MAPIE 1.6.0: ``ConformalizedQuantileRegressor([...], confidence_level=coverage,
    prefit=True).conformalize(X, actual).predict_interval(new, symmetric_correction=symmetric)``,
    with estimators that return a column of `X` each.
    """
    i = np.arange(29)
    actual = np.round(np.sin(1.7 * i) * (1 + i % 4), 6)
    lower, upper = np.round(-1 - 0.3 * np.cos(i), 6), np.round(1 + 0.4 * np.sin(0.6 * i), 6)
    found = conformal_interval(
        result_of(actual, lower, upper),
        [[-1.0, 0.5, 2.0], [-0.5, 0.0, 0.25]],
        coverage,
        method="quantile",
        symmetric=symmetric,
    )
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_ends_that_would_cross_meet_half_way():
    """Values far inside wide quantiles narrow a narrow interval to its middle, not beyond."""
    result = result_of(np.zeros(20), -np.full(20, 10.0), np.full(20, 10.0))
    found = conformal_interval(result, [[1.0, 4.0]], method="quantile")
    np.testing.assert_array_equal(found, [[2.5, 2.5]])


def test_an_interval_with_one_unknown_end_is_unknown():
    """Where a quantile is NaN, neither end is a number."""
    found = conformal_interval(
        result_of(np.zeros(20), -1.0, 1.0), [[np.nan, 4.0], [0, 1]], method="quantile"
    )
    np.testing.assert_array_equal(np.isnan(found), [[True, True], [False, False]])


def test_absolute_errors_are_quantiles_without_width():
    """Where both quantiles are the prediction, both methods give the same interval."""
    errors = np.random.default_rng(0).normal(size=50)
    result, zeros = result_of(errors, 0.0, 0.0), np.zeros((3, 2))
    found = conformal_interval(result, zeros, method="quantile")
    np.testing.assert_array_equal(found, conformal_interval(result, zeros[:, 0]))


# Forecasts


def test_a_forecast_of_quantiles_is_one_prediction_of_all_steps():
    """It holds the quantiles of the row after the last known value; fewer steps are its head."""
    rows, target = series_to_supervised(MILK, horizon=4, keep_last=True)
    model = Quantiles().fit(rows[:-4], target[:-4])
    expected = model.predict_quantiles([[MILK.iloc[-1]]])[0]
    ahead = forecast(model, rows, 4, y=target, method="predict_quantiles")
    np.testing.assert_allclose(ahead, expected, rtol=1e-12)
    assert ahead.columns.tolist() == ["quantile_0.05", "quantile_0.5", "quantile_0.95"]
    assert ahead.index.equals(forecast(model, rows, 4, y=target).index)
    pd.testing.assert_frame_equal(
        forecast(model, rows, 3, y=target, method="predict_quantiles"), ahead[:3], check_freq=False
    )
    arrays = forecast(
        model, rows.to_numpy(), 4, y=target.to_numpy(), y_lag=0, method="predict_quantiles"
    )
    np.testing.assert_array_equal(arrays, ahead)


def test_a_forecast_of_quantiles_of_several_targets_names_them():
    """Columns have a level for the targets, in the order of `y`."""
    table = pd.DataFrame({"milk": MILK, "fat": MILK * 0.04 + np.arange(168) % 5})
    rows, target = series_to_supervised(table, horizon=3, keep_last=True)
    model = Quantiles().fit(rows[:-3], target[:-3])
    ahead = forecast(model, rows, 3, y=target, method="predict_quantiles")
    expected = model.predict_quantiles(table.iloc[[-1]].to_numpy())[0].reshape(3, 2, 3)
    for place, name in enumerate(table):
        np.testing.assert_allclose(ahead[name], expected[:, place], rtol=1e-12)


def test_a_forecast_of_quantiles_of_many_series_starts_where_each_ends():
    """Each series gets the quantiles of its own last value, in one part or in two."""
    cows = pd.concat({"a": MILK, "b": MILK[5:] * 2, "c": MILK + 100}, names=["cow"])
    cows = cows.swaplevel().sort_index()
    rows, target = series_to_supervised(cows, horizon=2, keep_last=True)
    known = target.notna().all(axis=1)
    model = Quantiles().fit(rows[known], target[known])
    ahead = forecast(model, rows, 2, y=target, method="predict_quantiles")
    for cow in "abc":
        expected = model.predict_quantiles([[cows.xs(cow, level="cow").iloc[-1]]])[0]
        np.testing.assert_allclose(ahead.xs(cow, level="cow"), expected, rtol=1e-12)
    with parallel_config("threading", n_jobs=2):
        in_parts = forecast(model, rows, 2, y=target, method="predict_quantiles")
    pd.testing.assert_frame_equal(in_parts, ahead)


def test_quantiles_are_not_fed_back():
    """A model of fewer steps is refused, with the steps it has and what to do."""
    rows, target = series_to_supervised(MILK, horizon=3)
    model = Quantiles().fit(rows, target)
    with pytest.raises(ValueError, match=r"reaches 3 step.s. ahead, but steps=5.*horizon=5"):
        forecast(model, rows, 5, y=target, method="predict_quantiles")
    with pytest.raises(ValueError, match="LinearRegression has no such method"):
        forecast(
            LinearRegression().fit(rows, target), rows, 3, y=target, method="predict_quantiles"
        )


# Intervals end to end


@pytest.mark.parametrize(("symmetric", "shrink"), [(True, 0.3), (False, 3.0)])
def test_nine_out_of_ten_exchangeable_values_are_inside(symmetric, shrink):
    """Over many draws, the share inside is 0.9 to 0.9 + 1 / (n + 1), as the theory says."""
    n_draws, n_new, n_errors = 150, 20, 59
    held = 0
    for seed in range(n_draws):
        X, y = draw(80 + n_errors + n_new, seed)
        quantiles = Quantiles(shrink=shrink).fit(X[:80], y[:80]).predict_quantiles(X[80:])
        past, new = quantiles[:n_errors], quantiles[n_errors:]
        result = result_of(y[80:-n_new], past[:, 0], past[:, 2])
        interval = conformal_interval(result, new, method="quantile", symmetric=symmetric)
        held += np.sum((interval[:, 0] <= y[-n_new:]) & (y[-n_new:] <= interval[:, 1]))
    # Given its errors, the coverage of a draw is Beta distributed with variance p q / (n + 2).
    sigma = np.sqrt(0.9 * 0.1 / n_draws * (1 / n_new + 1 / (n_errors + 2)))
    # With symmetric=False both ends round up.
    most = 0.9 + (1 if symmetric else 2) / (n_errors + 1)
    assert 0.9 - 4 * sigma < held / (n_draws * n_new) < most + 4 * sigma


def test_steps_outputs_and_labels_are_kept_apart():
    """A forecast of quantiles and a table of rows get the intervals of a loop over steps."""
    X, y = series_to_supervised(MILK, horizon=3)
    result = backtest(Quantiles(shrink=0.2), X, y, 4, baselines=(), method="predict_quantiles")
    model = Quantiles(shrink=0.2).fit(X, y)
    ahead = forecast(model, X, 3, y=y, method="predict_quantiles")
    found = conformal_interval(result, ahead, 0.8, method="quantile")
    assert found.columns.tolist() == ["lower", "upper"]
    assert found.index.equals(ahead.index)
    lines, rows = result.predictions, model.predict_quantiles(X[-2:])
    of_rows = conformal_interval(result, rows, 0.8, method="quantile")
    columns = pd.MultiIndex.from_product(
        [y.columns, ["quantile_0.05", "quantile_0.5", "quantile_0.95"]]
    )
    table = pd.DataFrame(rows.reshape(2, -1), X.index[-2:], columns)
    labelled = conformal_interval(result, table, 0.8, method="quantile")
    for step in (1, 2, 3):
        name = f"milk_step{step}"
        past = lines.loc[lines["step"] == step, ["actual", "quantile_0.05", "quantile_0.95"]]
        ends = [ahead.iloc[step - 1, [0, 2]], *rows[:, step - 1, [0, 2]]]
        expected = conformalised(*past.to_numpy().T, ends, 0.8)
        np.testing.assert_allclose(found.iloc[step - 1], expected[0], rtol=1e-12)
        np.testing.assert_allclose(of_rows[:, step - 1], expected[1:], rtol=1e-12)
        np.testing.assert_allclose(labelled[name], expected[1:], rtol=1e-12)


@pytest.mark.parametrize("pool", ["series", "all", "scaled"])
def test_series_take_their_own_errors_or_those_of_all(pool):
    """A loop over series gives the same ends, with errors divided by the scale of the fold."""
    noise = np.random.default_rng(0).normal(size=120)
    cows = {"a": pd.Series(100 + noise.cumsum()), "b": pd.Series(5000 + 50 * noise[::-1].cumsum())}
    cows = pd.concat(cows, names=["cow", "day"]).swaplevel().sort_index().rename("milk")
    X, y = series_to_supervised(cows)
    known, new = X.index.get_level_values("day") < 100, X.index.get_level_values("day") >= 100
    options = {"season": 1, "baselines": (), "method": "predict_quantiles"}
    result = backtest(Quantiles(shrink=0.5), X[known], y[known], 4, **options)
    model = Quantiles(shrink=0.5).fit(X[known], y[known])
    names = ["quantile_0.05", "quantile_0.5", "quantile_0.95"]
    quantiles = pd.DataFrame(model.predict_quantiles(X[new]), X.index[new])
    y_train = y[known] if pool == "scaled" else None
    found = conformal_interval(
        result, quantiles, 0.8, method="quantile", pool=pool, y_train=y_train
    )
    quantiles.columns = names

    lines = result.predictions[["fold", "actual", "quantile_0.05", "quantile_0.95"]].copy()
    sizes = dict.fromkeys("ab", 1.0)
    if pool == "scaled":
        sizes = y[known].groupby("cow").apply(lambda one: one.diff().abs().mean())
        for (fold, cow), some in lines.groupby(["fold", lines.index.get_level_values("cow")]):
            train, _ = list(TimeStepSplit(4).split(X[known]))[fold]
            size = y[known].iloc[train].xs(cow, level="cow").diff().abs().mean()
            lines.loc[some.index, ["actual", "quantile_0.05", "quantile_0.95"]] /= size
    for cow in "ab":
        of_cow = lines.xs(cow, level="cow") if pool == "series" else lines
        ends = quantiles.xs(cow, level="cow")[["quantile_0.05", "quantile_0.95"]] / sizes[cow]
        expected = conformalised(*of_cow.to_numpy().T[1:], ends.to_numpy(), 0.8)
        ours = found.xs(cow, level="cow") / sizes[cow]
        np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_the_pair_that_fits_the_coverage_is_taken():
    """Of five quantiles, those that miss 10 % on each side make 80 %; for others, the outermost."""
    X, y = draw(200, 0)
    levels = (0.025, 0.1, 0.5, 0.9, 0.975)
    result = backtest(Quantiles(levels), X, y, 3, baselines=(), method="predict_quantiles")
    quantiles, lines = Quantiles(levels).fit(X, y).predict_quantiles(X[:5]), result.predictions
    for coverage, low, high in ((0.8, 1, 3), (0.95, 0, 4), (0.9, 0, 4), (0.7, 0, 4)):
        pair = [f"quantile_{levels[low]}", f"quantile_{levels[high]}"]
        past = lines[["actual", *pair]].to_numpy().T
        expected = conformalised(*past, quantiles[:, [low, high]], coverage)
        found = conformal_interval(result, quantiles, coverage, method="quantile")
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    # Columns that are named may be fewer.
    named = pd.DataFrame(quantiles[:, [1, 3]], columns=["quantile_0.1", "quantile_0.9"])
    expected = conformalised(*lines[["actual", *named]].to_numpy().T, named.to_numpy(), 0.9)
    found = conformal_interval(result, named, 0.9, method="quantile")
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_ratios_keep_ends_positive():
    """With scale="log" the ends are moved by a ratio."""
    rng = np.random.default_rng(0)
    actual, lower, upper = np.exp(rng.normal([[0], [-0.2], [0.2]], size=(3, 50)))
    ends = np.array([[0.01, 2.0]])
    found = conformal_interval(
        result_of(actual, lower, upper), ends, 0.8, method="quantile", scale="log"
    )
    logs = (np.log(one) for one in (actual, lower, upper, ends))
    np.testing.assert_allclose(found, np.exp(conformalised(*logs, 0.8)), rtol=1e-12)


FIVE = result_of(np.zeros(20), -1.0, 1.0, **{"quantile_0.1": -0.5, "quantile_0.9": 0.5})
THREE = result_of(np.zeros(20), -1.0, 1.0)
PLAIN = BacktestResult(
    THREE.predictions.filter(regex="^(?!quantile)"), pd.DataFrame(), pd.DataFrame(), []
)


@pytest.mark.parametrize(
    ("result", "predictions", "message"),
    [
        (PLAIN, np.zeros((4, 2)), r"result holds none: use backtest\(..., method='predict_quant"),
        (THREE, np.zeros(4), r"has shape \(4,\): expected \(n_rows, 3\)"),
        (THREE, np.zeros((4, 5)), r"has shape \(4, 1, 5\)|has shape \(4, 5\)"),
        (THREE, np.zeros((0, 3)), "at least one row"),
        (FIVE, np.zeros((4, 2)), r"expected \(n_rows, 5\)"),
        (THREE, np.array([[0.0, 1.0], [3.0, 2.0]]), r"falls from 3.0 to 2.0 .* in row 1"),
        (THREE, np.array([[0.0, np.inf]]), "holds inf"),
        (THREE, pd.DataFrame(np.zeros((4, 2)), columns=["a", "b"]), "columns .'a', 'b'.*called"),
        (THREE, pd.DataFrame(np.zeros((4, 1)), columns=["quantile_0.05"]), "one above it"),
        (
            THREE,
            pd.DataFrame(np.zeros((4, 2)), columns=["quantile_0.05", "quantile_0.1"]),
            "called",
        ),
        (THREE, np.zeros((4, 2, 3)), r"has 2 columns, but the back-test has 1 output"),
    ],
)
def test_quantiles_that_do_not_fit_are_refused(result, predictions, message):
    """The message says what was given, and what would do."""
    with pytest.raises(ValueError, match=message):
        conformal_interval(result, predictions, method="quantile")


@pytest.mark.parametrize("method", ["quantiles", None, 1])
def test_an_unknown_method_is_refused(method):
    """Both names are in the message."""
    with pytest.raises(ValueError, match=r"expected one of \['absolute', 'quantile'\]"):
        conformal_interval(THREE, np.zeros(2), method=method)


def test_quantiles_are_no_predictions_of_absolute_errors():
    """Quantiles under the default method are refused, with the method for them."""
    with pytest.raises(ValueError, match="Quantiles are for method='quantile'"):
        conformal_interval(THREE, np.zeros((4, 3)))
    with pytest.raises(ValueError, match="Quantiles are for method='quantile'"):
        conformal_interval(THREE, np.zeros((4, 2, 3)))


@pytest.mark.parametrize("transformer", [None, Differencer([1, 12])])
@pytest.mark.parametrize("end", [100, 140])
def test_a_forecast_is_the_back_test_from_the_same_origin(transformer, end):
    """The same quantiles stand in both, also of differences several steps ahead."""
    steps = 4
    regressor = make_pipeline(LagWindower(3, flatten=True), Quantiles())
    model = TransformedSeriesRegressor(regressor, transformer)
    known, known_target = series_to_supervised(MILK[:end], horizon=steps, keep_last=True)
    ahead = forecast(
        model.fit(known, known_target), known, steps, y=known_target, method="predict_quantiles"
    )
    rows, target = series_to_supervised(MILK, horizon=steps, keep_last=True)
    split = np.arange(len(known)), np.array([len(known)])
    lines = backtest(model, rows, target, [split], method="predict_quantiles").predictions
    np.testing.assert_allclose(lines.filter(like="quantile_"), ahead, rtol=1e-9)
    assert lines.index[0] == ahead.index[0]


def test_a_network_and_its_intervals_are_drawn():
    """A network of many steps is back-tested, forecast, conformalised and drawn."""
    rows, target = series_to_supervised(MILK, horizon=6, keep_last=True)
    lstm = LSTMRegressor(units=2, epochs=2, loss="quantile", quantiles=LEVELS, random_state=0)
    model = make_pipeline(LagWindower(12), lstm)
    cv = TimeSeriesSplit(4, test_size=12)
    result = backtest(model, rows, target, cv, refit=False, method="predict_quantiles")
    ahead = forecast(model.fit(rows, target), rows, 6, y=target, method="predict_quantiles")
    now = MILK[-12:].to_numpy().reshape(1, 12, 1)
    np.testing.assert_allclose(ahead, model[-1].predict_quantiles(now)[0], rtol=1e-5)
    interval = conformal_interval(result, ahead, method="quantile")
    display = ForecastDisplay.from_predictions(MILK[-24:], ahead["quantile_0.5"], interval=interval)
    np.testing.assert_array_equal(display.lines_[-1].get_ydata(), ahead["quantile_0.5"])
    drawn = display.band_.get_paths()[0].vertices[:, 1]
    assert drawn.min() == interval["lower"].min()
    assert drawn.max() == interval["upper"].max()


@pytest.mark.slow
@pytest.mark.parametrize("scaled", [False, True])
def test_a_network_of_many_series_is_conformalised_end_to_end(scaled):
    """Folded windows, several steps, logarithms: each series has the intervals of a loop."""
    jobs = load_us_unemployment().rename("n")
    jobs = jobs[jobs.index.isin(["Agriculture", "Construction"], level="industry")]
    rows, target = series_to_supervised(jobs, horizon=3, keep_last=True)
    levels = (0.025, 0.5, 0.975)
    lstm = LSTMRegressor(units=2, epochs=2, loss="quantile", quantiles=levels, random_state=0)
    network = WindowScaledRegressor(lstm, season=12) if scaled else lstm
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(24, fold=12), network), FunctionTransformer(np.log, np.exp)
    )
    cv = TimeStepSplit(2, test_size=24)
    result = backtest(model, rows, target, cv, refit=False, method="predict_quantiles")
    ahead = forecast(model.fit(rows, target), rows, 3, y=target, method="predict_quantiles")
    found = conformal_interval(result, ahead, 0.95, method="quantile")
    for industry in ("Agriculture", "Construction"):
        # 1. The forecast is the prediction of the row after the last known value.
        known = jobs.xs(industry, level="industry")
        month = known.index[-1] + pd.offsets.MonthBegin()
        values = np.append(known.to_numpy(), np.nan)
        index = pd.MultiIndex.from_product([[*known.index[1:], month], [industry]])
        lags = pd.DataFrame({"n_lag1": values[:-1]}, index.set_names(rows.index.names))
        expected = model.predict_quantiles(lags[-1:])[0]
        ours = ahead.xs(industry, level="industry")
        np.testing.assert_allclose(ours, expected, rtol=1e-4)
        # 2. Its ends are moved by the errors of the series as many steps ahead.
        lines = result.predictions.xs(industry, level="industry")
        for step in (1, 2, 3):
            past = lines.loc[lines["step"] == step, ["actual", "quantile_0.025", "quantile_0.975"]]
            past = past.dropna().to_numpy().T
            expected = conformalised(*past, ours.iloc[[step - 1], [0, 2]].to_numpy(), 0.95)
            interval = found.xs(industry, level="industry").iloc[[step - 1]]
            np.testing.assert_allclose(interval, expected, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_named_quantiles_may_be_in_any_order(seed):
    """Names tell output and quantile of each column."""
    X, y = draw(200, 0)
    y = np.stack([y, 9 * y], axis=1)
    y = pd.DataFrame(y, columns=["a", "b"])
    result = backtest(Quantiles(), X, y, 3, baselines=(), method="predict_quantiles")
    names = [f"quantile_{level}" for level in LEVELS]
    values = Quantiles().fit(X, y).predict_quantiles(X[:5]).reshape(5, -1)
    table = pd.DataFrame(values, columns=pd.MultiIndex.from_product([["a", "b"], names]))
    right = conformal_interval(result, table, method="quantile")
    found = conformal_interval(
        result, table.sample(frac=1, axis=1, random_state=seed), method="quantile"
    )
    pd.testing.assert_frame_equal(found[["a", "b"]], right)
    for wrong in (table.rename(columns={"a": "c"}), table.swaplevel(axis=1)):
        with pytest.raises(ValueError, match="the quantiles of the back-test are called"):
            conformal_interval(result, wrong, method="quantile")
    one = BacktestResult(
        result.predictions.query("output == 'b'").drop(columns="output"),
        *(pd.DataFrame(), pd.DataFrame(), []),
    )
    found = conformal_interval(one, table["b"][names[::-1]], method="quantile")
    np.testing.assert_array_equal(found, right["b"])


def test_quantiles_of_sorted_lines_have_no_scores():
    """Lines in another order would be scored in the groups of others."""
    X, y = draw(120, 0)
    result = backtest(Quantiles(), X, y, 3, baselines=(), method="predict_quantiles")
    result.predictions = result.predictions.sort_values("actual")
    with pytest.raises(ValueError, match="leave its predictions as they are"):
        result.interval_scores_by("fold")
