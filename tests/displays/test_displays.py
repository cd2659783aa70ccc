"""The displays: the lines, bands and labels that matplotlib has drawn."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.dates import ConciseDateFormatter, num2date
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    ForecastDisplay,
    LagWindower,
    LSTMRegressor,
    TrainingHistoryDisplay,
    TransformedSeriesRegressor,
    backtest,
    conformal_interval,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import load_milk, load_shampoo

MILK = load_milk()
X, Y = series_to_supervised(MILK)
MODEL = Ridge().fit(X, Y)


@pytest.fixture(autouse=True)
def _close_figures():
    """Close all figures after each test."""
    yield
    plt.close("all")


def labels(display):
    """Return the entries of the legend."""
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_from_estimator_draws_the_forecast_after_the_observed_values():
    """The lines are the target and the forecast, at their dates."""
    display = ForecastDisplay.from_estimator(MODEL, X, 12, y=Y)
    observed, ahead = display.lines_
    np.testing.assert_array_equal(observed.get_ydata(), Y)
    np.testing.assert_allclose(ahead.get_ydata(), forecast(MODEL, X, 12, y=Y))
    first = num2date(display.ax_.convert_xunits(ahead.get_xdata()[0]))
    assert (first.year, first.month) == (1976, 1)
    assert labels(display) == ["Observed", "Predicted"]


def test_dates_stand_on_the_axis():
    """A period index gives an axis of dates, in a short format."""
    series = load_shampoo()
    display = ForecastDisplay.from_predictions(series, series.iloc[-6:] + 5)
    assert isinstance(display.ax_.xaxis.get_major_formatter(), ConciseDateFormatter)


HOLED = Y.mask(np.arange(len(Y)) == 20)


@pytest.mark.parametrize(
    ("seen", "n_drawn"), [(HOLED, len(Y)), (Y.drop(Y.index[20:25]), len(Y) - 5 + 1)]
)
def test_a_missing_value_is_a_gap_in_the_line(seen, n_drawn):
    """The line breaks at a NaN, and where dates are missing in the index."""
    drawn = ForecastDisplay.from_predictions(seen, Y.iloc[-5:]).lines_[0].get_ydata()
    assert np.isnan(drawn[20])
    assert len(drawn) == n_drawn


def test_an_interval_is_a_band():
    """Lower and upper ends bound the filled area."""
    interval = np.column_stack([Y.iloc[-5:] - 7, Y.iloc[-5:] + 9])
    display = ForecastDisplay.from_predictions(Y, Y.iloc[-5:], interval=interval)
    heights = display.band_.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (interval.min(), interval.max())
    assert "Interval" in labels(display)


def test_from_estimator_takes_an_interval_of_the_forecast():
    """A function makes the band out of the forecast."""
    result = backtest(MODEL, X, Y, TimeSeriesSplit(5, test_size=12), feed_back=True)
    display = ForecastDisplay.from_estimator(
        MODEL, X, 12, y=Y, interval=lambda ahead: conformal_interval(result, ahead)
    )
    assert display.interval.shape == (12, 2)


def test_a_backtest_is_drawn_fold_by_fold():
    """Each fold has its own line, every other fold is shaded, and the legend has one entry."""
    result = backtest(MODEL, X, Y, 4)
    display = ForecastDisplay.from_backtest(result, baselines="seasonal_naive")
    assert len(display.lines_) == 1 + 2 * 4
    assert len(display.ax_.patches) == 2
    assert labels(display) == ["Observed", "Seasonal naive", "Predicted"]


def test_one_output_of_several_is_drawn():
    """Of several outputs, `output` names the one to draw."""
    rows, target = series_to_supervised(MILK, horizon=3)
    result = backtest(LinearRegression(), rows, target, 2)
    drawn = ForecastDisplay.from_backtest(result, output="milk_step2").lines_[0].get_ydata()
    expected = result.predictions.query("output == 'milk_step2'")["actual"]
    np.testing.assert_array_equal(drawn, expected)
    with pytest.raises(ValueError, match="output='milk' is none of the back-test"):
        ForecastDisplay.from_backtest(result, output="milk")


def test_arrays_are_drawn_by_position():
    """Predictions as an array lie at the last rows; a forecast comes after them."""
    display = ForecastDisplay.from_predictions(Y.to_numpy(), Y.to_numpy()[-5:])
    assert display.lines_[1].get_xdata().tolist() == [162, 163, 164, 165, 166]
    model = Ridge().fit(X.to_numpy(), Y.to_numpy())
    display = ForecastDisplay.from_estimator(model, X.to_numpy(), 3, y=Y.to_numpy())
    assert display.lines_[1].get_xdata().tolist() == [167, 168, 169]


def test_given_axes_are_drawn_on():
    """With ax, no new figure is made; plot() without it makes one."""
    figure, ax = plt.subplots()
    display = ForecastDisplay.from_predictions(Y, Y.iloc[-5:], ax=ax)
    assert (display.ax_, display.figure_) == (ax, figure)
    assert display.plot().ax_ is not ax


def test_history_is_found_in_any_wrapping():
    """The history is found inside pipelines, searches and TransformedSeriesRegressor."""
    network = make_pipeline(
        LagWindower(2), LSTMRegressor(units=2, epochs=3, validation_fraction=0.2, random_state=0)
    )
    search = GridSearchCV(network, {"lagwindower__window": [2]}, cv=TimeSeriesSplit(2))
    wrapped = TransformedSeriesRegressor(search).fit(X / 1000, Y / 1000)
    display = TrainingHistoryDisplay.from_estimator(wrapped, log=True)
    history = wrapped.regressor_.best_estimator_[-1].history_
    trained, held_out = display.lines_
    np.testing.assert_array_equal(trained.get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(trained.get_ydata(), history["loss"])
    np.testing.assert_array_equal(held_out.get_ydata(), history["val_loss"])
    assert display.ax_.get_yscale() == "log"


def test_a_missing_history_or_metric_is_refused():
    """The message lists the metrics in the history."""
    with pytest.raises(ValueError, match="Ridge has no history_"):
        TrainingHistoryDisplay.from_estimator(Ridge())
    with pytest.raises(ValueError, match=r"metric='mae' is not in .* \['loss'\]"):
        TrainingHistoryDisplay.from_history({"loss": [1.0]}, metric="mae")


def test_without_matplotlib_the_remedy_is_named():
    """Without matplotlib, importing works, and drawing says what to install."""
    code = """
import sys
sys.modules["matplotlib"] = None
import sklstm
try:
    sklstm.TrainingHistoryDisplay({"loss": [1.0]}).plot()
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'sklstm[plot]'" in done.stdout


def test_places_of_other_labels():
    """Times are local, durations are seconds, and text is drawn at its position."""
    from sklstm.displays._axes import places_of

    zoned = pd.date_range("2024-01-01 05:00", periods=2, tz="Asia/Tokyo")
    assert places_of(zoned)[0] == np.datetime64("2024-01-01T05:00")
    assert places_of(pd.timedelta_range("0s", periods=3, freq="s")).tolist() == [0, 1, 2]
    assert places_of(pd.Index(["a", "b"])).tolist() == [0, 1]


def test_polar_axes_work():
    """Axes without a top and a right side can be drawn on."""
    ax = Figure().add_subplot(projection="polar")
    assert ForecastDisplay.from_predictions(MILK, MILK, ax=ax).ax_ is ax


@pytest.mark.parametrize("dtype", ["Float64", object])
def test_missing_values_of_any_type_leave_gaps(dtype):
    """Nullable numbers and objects are drawn like floats."""
    floats, ours = (
        ForecastDisplay.from_predictions(values, MILK, ax=Figure().add_subplot()).lines_[0]
        for values in (HOLED, HOLED.astype("Float64").astype(dtype))
    )
    np.testing.assert_array_equal(ours.get_ydata(), floats.get_ydata())


def test_from_estimator_takes_columns_that_are_recomputed():
    """A model of a rolling mean is drawn as `forecast` forecasts it."""
    rows = X.assign(mean=MILK.rolling(3).mean().shift(1))[2:]
    options = {"y": Y[2:], "recompute": lambda past: {"mean": past.rolling(3).mean().iloc[-1]}}
    model = Ridge().fit(rows, Y[2:])
    display = ForecastDisplay.from_estimator(model, rows, 3, **options)
    np.testing.assert_array_equal(display.y_pred, forecast(model, rows, 3, **options))
