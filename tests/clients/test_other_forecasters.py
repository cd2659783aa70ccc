"""The guide page "Inside other forecasters": its forecasts equal plain loops."""

import doctest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries
from darts.models import SKLearnModel
from skforecast.direct import ForecasterDirectMultiVariate
from skforecast.recursive import ForecasterRecursiveMultiSeries
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.pipeline import make_pipeline
from sktime.forecasting.compose import make_reduction

from sklstm import LagsToWindow

PAGE = Path(__file__).parents[2] / "docs" / "user_guide/production/other_forecasters.rst"
DAYS = pd.date_range("2024-01-01", periods=30, freq="D")
TWO = pd.DataFrame({"a": np.arange(30.0), "b": np.arange(30.0) ** 2}, DAYS)


@pytest.fixture(scope="module")
def page():
    """Run the page, and return the names that it leaves."""
    parsed = doctest.DocTestParser().get_doctest(PAGE.read_text(), {}, PAGE.name, str(PAGE), 0)
    report: list = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(parsed, out=report.append, clear_globs=False)
    assert not report, "".join(report)
    return parsed.globs


def by_hand(page, n_lags, hour=None):
    """Forecast a day with the network of the page, on windows that a loop cuts, oldest first."""
    values = list(page["known"])

    def window(end):
        others = [] if hour is None else [hour[end]]
        return [[values[t], *others] for t in range(end - n_lags, end)]

    windows = np.array([window(end) for end in range(n_lags, len(values))])
    network = clone(page["network"]).fit(windows, values[n_lags:])
    for end in range(len(values), len(values) + 24):
        values.append(network.predict(np.array([window(end)]))[0])
    return values[-24:]


@pytest.mark.parametrize("package", ["mlforecast", "skforecast", "darts", "sktime"])
def test_forecasts_equal_a_loop(page, package):
    """Each package forecasts what the same network forecasts in a loop over its own windows."""
    np.testing.assert_allclose(page["predicted"][package], by_hand(page, 48), rtol=1e-6)


@pytest.mark.parametrize("package", ["mlforecast", "skforecast"])
def test_other_columns_are_repeated_in_each_step(page, package):
    """The hour to predict stands in each step of the window that the loop cuts."""
    expected = by_hand(page, 24, page["hours"].hour)
    np.testing.assert_allclose(page["with_hour"][package], expected, rtol=1e-6)


class Shown(RegressorMixin, BaseEstimator):
    """A regressor that predicts the newest value of the last variable, and keeps its windows."""

    def fit(self, X, y):
        """Keep the windows."""
        self.windows_ = np.asarray(X)
        return self

    def predict(self, X):
        """Return the last value of each window."""
        return np.asarray(X)[:, -1, -1]


def cut(table):
    """Return windows of three days by a loop."""
    return np.array([table.to_numpy()[t - 3 : t] for t in range(3, len(table))])


def test_darts_lays_several_variables_out_by_step():
    """Two components become two columns of each step."""
    model = make_pipeline(LagsToWindow(3, newest_first=False, layout="by_step"), Shown())
    forecaster = SKLearnModel(lags=3, model=model)
    forecaster.fit(TimeSeries.from_dataframe(TWO))
    for fitted in forecaster.model.estimators_:
        np.testing.assert_array_equal(fitted[-1].windows_, cut(TWO))


def test_skforecast_lays_several_variables_out_by_variable():
    """Two series become two columns of each step."""
    model = make_pipeline(LagsToWindow(3, newest_first=True, layout="by_variable"), Shown())
    forecaster = ForecasterDirectMultiVariate(
        level="b", steps=1, lags=3, estimator=model, transformer_series=None
    )
    forecaster.fit(TWO)
    np.testing.assert_array_equal(forecaster.estimators_[1][-1].windows_, cut(TWO))
    assert forecaster.predict(1)["pred"].tolist() == [29.0**2]


def test_skforecast_names_the_lags_of_many_series():
    """One series after the other, with its code in each step; predict gets arrays without names."""
    model = make_pipeline(LagsToWindow(), Shown())
    forecaster = ForecasterRecursiveMultiSeries(model, lags=3, transformer_series=None)
    forecaster.fit(TWO)
    windows = forecaster.estimator[-1].windows_
    each = np.concatenate([cut(TWO[["a"]]), cut(TWO[["b"]])])
    np.testing.assert_array_equal(windows[:, :, :1], each)
    np.testing.assert_array_equal(windows[:, :, 1], np.repeat([[0.0] * 3, [1.0] * 3], 27, axis=0))
    assert forecaster.predict(1)["pred"].tolist() == [0.0, 1.0]


def test_sktime_hands_three_axes_of_several_variables():
    """The exogenous variable of the same three days is the second column of each step."""
    model = make_pipeline(LagsToWindow(3, newest_first=False, layout="by_variable"), Shown())
    forecaster = make_reduction(
        model, window_length=3, strategy="direct", scitype="time-series-regressor"
    )
    forecaster.fit(TWO["a"], X=TWO[["b"]], fh=[1])
    np.testing.assert_array_equal(forecaster.estimators_[0][-1].windows_, cut(TWO))
