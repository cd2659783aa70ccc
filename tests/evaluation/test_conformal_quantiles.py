"""Conformalised quantile regression: quantiles in a back-test, and intervals made of them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMRegressor,
    TimeStepSplit,
    backtest,
    conformal_interval,
    series_to_supervised,
)
from sklstm.datasets import load_milk
from sklstm.evaluation._backtest_result import BacktestResult

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
    result = backtest(Quantiles(), X, y, cv, method="predict_quantiles", n_jobs=2)
    assert result.predictions["step"].tolist()[:4] == [1, 2, 1, 2]
    for fold, (train, test) in enumerate(cv.split(X)):
        lines = result.predictions[result.predictions["fold"] == fold].filter(like="quantile_")
        # The targets of the last training rows reach into the test rows, so `Quantiles` has seen
        # them; that is the regressor's concern, not the back-test's.
        expected = Quantiles().fit(X.iloc[train], y.iloc[train]).predict_quantiles(X.iloc[test])
        np.testing.assert_allclose(lines, expected.reshape(-1, 3), rtol=1e-12)


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


def test_ends_that_would_cross_meet_half_way():
    """Values far inside wide quantiles narrow a narrow interval to its middle, not beyond."""
    result = result_of(np.zeros(20), -np.full(20, 10.0), np.full(20, 10.0))
    found = conformal_interval(result, [[1.0, 4.0]], method="quantile")
    np.testing.assert_array_equal(found, [[2.5, 2.5]])


def test_absolute_errors_are_quantiles_without_width():
    """Where both quantiles are the prediction, both methods give the same interval."""
    errors = np.random.default_rng(0).normal(size=50)
    result, zeros = result_of(errors, 0.0, 0.0), np.zeros((3, 2))
    found = conformal_interval(result, zeros, method="quantile")
    np.testing.assert_array_equal(found, conformal_interval(result, zeros[:, 0]))
