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
    TimeStepSplit,
    TrainingHistoryDisplay,
    TransformedSeriesRegressor,
    backtest,
    conformal_interval,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import load_milk, load_shampoo, load_us_unemployment

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
    assert labels(display) == ["Observed", "Predicted, 1 to 12 steps ahead"]


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


@pytest.mark.parametrize("step", ["", "_step2"])
def test_the_interval_of_another_output_is_refused(step):
    """Names of outputs tell: the band of one is not drawn around the line of another."""
    columns = [[f"{name}{step}" for name in ("kwh", "wh")], ["lower", "upper"]]
    both = pd.DataFrame(np.zeros((5, 4)), Y.index[-5:], pd.MultiIndex.from_product(columns))
    drawn = Y.iloc[-5:].rename("kwh")
    with pytest.raises(ValueError, match=rf"output 'wh{step}', but 'kwh' is drawn"):
        ForecastDisplay.from_predictions(Y.rename("kwh"), drawn, interval=both[[f"wh{step}"]])
    assert ForecastDisplay.from_predictions(drawn, drawn, interval=both[[f"kwh{step}"]]).band_
    unnamed = drawn.rename("prediction")
    assert ForecastDisplay.from_predictions(None, unnamed, interval=both[[f"wh{step}"]]).band_


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
    assert labels(display) == ["Observed", "Seasonal naive", "Predicted, 1 step ahead"]
    assert display.ax_.get_ylabel() == "milk"


@pytest.mark.parametrize(
    ("seen", "joined"),
    [
        (Y[:-5], [[Y.iloc[-6], Y.iloc[-5]]]),  # observed up to the month before
        (Y[:-6], [[np.nan, Y.iloc[-5]]]),  # a month is missing
        (Y, []),  # observed all along
    ],
)
def test_a_forecast_begins_at_the_last_observed_value(seen, joined):
    """No hole is left between the two, unless rows are missing there."""
    display = ForecastDisplay.from_predictions(seen, Y[-5:])
    others = [line.get_ydata() for line in display.ax_.lines if line not in display.lines_]
    assert len(others) == len(joined)
    for drawn, expected in zip(others, joined, strict=True):
        np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize(
    ("steps", "said"), [(3, ", 3 steps ahead"), (1, ", 1 step ahead"), (None, "")]
)
def test_the_legend_says_how_many_steps_ahead(steps, said):
    """Predictions made elsewhere carry what the user says of them."""
    display = ForecastDisplay.from_predictions(Y, Y[-5:], steps=steps)
    assert labels(display)[1] == "Predicted" + said


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


def test_each_network_of_several_has_its_line():
    """Networks that stop at different epochs have lines of different length, and one legend."""
    first = {"loss": [0.9, 0.5, 0.4], "val_loss": [1.0, 0.7, 0.8]}
    second = {"loss": [0.8, 0.6], "val_loss": [0.9, 0.8]}
    display = TrainingHistoryDisplay.from_history([first, second])
    expected = [first["loss"], second["loss"], first["val_loss"], second["val_loss"]]
    assert [line.get_ydata().tolist() for line in display.lines_] == expected
    assert [line.get_xdata().tolist() for line in display.lines_[:2]] == [[1, 2, 3], [1, 2]]
    _, labels = display.ax_.get_legend_handles_labels()
    assert labels == ["Training rows", "Validation rows"]
    with pytest.raises(ValueError, match="metric='val_loss' is not in the history"):
        TrainingHistoryDisplay.from_history([first, {"loss": [1.0]}], metric="val_loss")


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


@pytest.mark.parametrize("to_label", [str, lambda label: label.date()])
def test_labels_that_are_no_places_are_drawn_at_one_axis(to_label):
    """Predictions stand over the observed values with their labels, and later ones after them."""
    labels = pd.Index([to_label(label) for label in Y.index], dtype=object)
    seen, ahead = Y[:-2].set_axis(labels[:-2]), Y[-5:].set_axis(labels[-5:])
    lines = ForecastDisplay.from_predictions(seen, ahead).lines_
    expected = ForecastDisplay.from_predictions(Y[:-2], Y[-5:]).lines_
    if to_label is str:
        assert lines[0].get_xdata().tolist() == list(range(len(Y) - 2))
        assert lines[1].get_xdata().tolist() == [162, 163, 164, 165, 166]
    else:
        for line, wanted in zip(lines, expected, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), wanted.get_xdata())


# ------------------------------------------------------------------------------------ many series

WIDE = load_us_unemployment(wide=True)["2006":]
PANEL = load_us_unemployment()["2006":]
NAMES = WIDE.columns.tolist()
TAIL = (PANEL * 2)[-14 * 6 :]


def xy(line):
    """Return the dates and heights of a line, as matplotlib has them."""
    return num2date(line.axes.convert_xunits(line.get_xdata())), line.get_ydata()


def test_each_of_many_series_has_axes_of_its_own():
    """Each axes shows one column of the wide table, and its predictions at their dates."""
    lines = iter(ForecastDisplay.from_predictions(PANEL, TAIL, series=NAMES[::-4]).lines_)
    for name in NAMES[::-4]:
        dates, observed = xy(next(lines))
        np.testing.assert_array_equal(observed, WIDE[name])
        assert [date.strftime("%Y-%m") for date in dates] == WIDE.index.strftime("%Y-%m").tolist()
        line = next(lines)
        np.testing.assert_array_equal(line.get_ydata(), 2 * WIDE[name][-6:])
        assert line.axes.get_title() == name
        assert xy(line)[0] == dates[-6:]


def test_many_series_share_the_time_axis_but_not_the_height():
    """All axes run from the same month to the same month, each at its own height."""
    display = ForecastDisplay.from_predictions(PANEL, TAIL)
    assert len({ax.get_xlim() for ax in display.axes_}) == 1
    assert len({ax.get_ylim() for ax in display.axes_}) == len(display.axes_)


def test_the_title_says_how_many_series_are_drawn():
    """The first twelve are drawn unless others are chosen; those need no title."""
    display = ForecastDisplay.from_predictions(PANEL, TAIL)
    assert [ax.get_title() for ax in display.axes_] == NAMES[:12]
    assert display.figure_.get_suptitle() == "12 of 14 series"
    display = ForecastDisplay.from_predictions(PANEL, TAIL, series=NAMES[12:])
    assert [ax.get_title() for ax in display.axes_] == NAMES[12:]
    assert display.figure_.get_suptitle() == ""


def test_one_of_many_series_is_drawn_as_if_it_were_alone():
    """The lines, the legend and the name of the vertical axis are those of the series alone."""
    one = ForecastDisplay.from_predictions(PANEL, TAIL, series="Finance")
    alone = ForecastDisplay.from_predictions(
        *(table.xs("Finance", level=1) for table in (PANEL, TAIL))
    )
    for ours, theirs in zip(one.lines_, alone.lines_, strict=True):
        np.testing.assert_array_equal(ours.get_xydata(), theirs.get_xydata())
    assert labels(one) == labels(alone)
    assert one.ax_.get_ylabel() == alone.ax_.get_ylabel() == "unemployed"
    assert one.ax_.get_title() == "Finance"


def test_several_levels_name_a_series_together():
    """Such a series is a tuple, and its title shows all levels."""
    tables = [
        table.reset_index().assign(country="US").set_index(["month", "country", "industry"])
        for table in (PANEL, TAIL)
    ]
    tables = [table["unemployed"] for table in tables]
    display = ForecastDisplay.from_predictions(*tables, series=("US", "Other"))
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), WIDE["Other"])
    assert display.ax_.get_title() == "US, Other"
    wanted = [("US", "Other"), ("US", "Finance")]
    display = ForecastDisplay.from_predictions(*tables, series=wanted)
    assert [ax.get_title() for ax in display.axes_] == ["US, Other", "US, Finance"]


def test_series_of_different_length_keep_their_dates():
    """A series that starts late and lacks a month begins late, and has a gap."""
    at, names = PANEL.index.get_level_values(0), PANEL.index.get_level_values(1)
    is_late = (names == "Finance") & (at < "2008-01-01")
    is_lost = (names == "Finance") & (at == "2009-03-01")
    ragged = PANEL[~(is_late | is_lost)]
    display = ForecastDisplay.from_predictions(ragged, TAIL, series=["Other", "Finance"])
    dates, observed = xy(display.lines_[2])
    assert dates[0].strftime("%Y-%m") == "2008-01"
    expected = WIDE["Finance"]["2008":].where(WIDE["2008":].index != "2009-03-01")
    np.testing.assert_array_equal(observed, expected)


def test_intervals_folds_and_baselines_of_many_series():
    """Each axes has the folds, baselines and interval of its own series."""
    interval = pd.DataFrame({"lower": TAIL - 10, "upper": TAIL + 30})
    baselines = pd.DataFrame({"persistence": TAIL * 3})
    folds = np.repeat([0, 1], 14 * 3)
    display = ForecastDisplay.from_predictions(
        PANEL, TAIL, interval=interval, folds=folds, baselines=baselines, series=NAMES[::5]
    )
    for name, ax in zip(NAMES[::5], display.axes_, strict=True):
        last = WIDE[name][-6:].to_numpy()
        _, simple, first, simple_2, second = (line.get_ydata() for line in ax.lines)
        np.testing.assert_array_equal(np.concatenate([first, second]), last * 2)
        np.testing.assert_array_equal(np.concatenate([simple, simple_2]), last * 6)
        assert len(ax.patches) == 1
        for band, part in zip(ax.collections, (last[:3], last[3:]), strict=True):
            heights = band.get_paths()[0].vertices[:, 1]
            assert (heights.min(), heights.max()) == (part.min() * 2 - 10, part.max() * 2 + 30)
    legend = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert legend == ["Observed", "Persistence", "Predicted", "Interval"]


def test_predictions_of_many_series_as_an_array_lie_at_the_last_rows():
    """`model.predict(X[-n:])` of a panel needs no labels."""
    display = ForecastDisplay.from_predictions(PANEL, TAIL.to_numpy(), series="Other")
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), 2 * WIDE["Other"][-6:])


def test_a_series_that_was_not_observed_is_drawn_by_itself():
    """A new series has predictions alone; the others have their observed values, too."""
    old, name = PANEL[PANEL.index.get_level_values(1) != NAMES[1]], NAMES[1]
    display = ForecastDisplay.from_predictions(old, TAIL, series=NAMES[:2])
    first, second = (ax.get_lines() for ax in display.axes_)
    np.testing.assert_array_equal(first[0].get_ydata(), WIDE[NAMES[0]])
    assert len(second) == 1
    np.testing.assert_array_equal(second[0].get_ydata(), 2 * WIDE[name][-6:])


REFUSED = [
    ({"series": "Fishing"}, r"series='Fishing' .* 14 series in y_pred, such as \['Agriculture'"),
    ({"series": ["Other", "Fishing"]}, "but 'Fishing' is none of them"),
    ({"series": []}, "expected one or several of the 14 series"),
    ({"series": 3}, "3 is none of them"),
    ({"ax": Figure().add_subplot()}, "Choose one with series, or leave ax out"),
    (
        {"y_true": PANEL.set_axis(PANEL.index.set_levels(range(122), level=0))},
        "y_pred alone is labelled by dates",
    ),
    ({"y_true": PANEL.droplevel(1)}, "Give both the same levels"),
    ({"y_pred": TAIL.droplevel(1)}, "Give both the same levels"),
    ({"y_pred": TAIL.swaplevel()}, r"Use y_pred.swaplevel\(\).sort_index\(\)"),
    ({"y_pred": TAIL.sort_index(level=1)}, r"Sort the table with y_pred.sort_index\(\)"),
    ({"y_true": PANEL.sort_index(level=1)}, r"Sort the table with y_true.sort_index\(\)"),
    ({"y_true": pd.concat([PANEL, PANEL[-1:]])}, "holds .* more than once"),
    ({"y_pred": TAIL.rename(NAMES.index, level=1)}, "are the names of one type"),
    ({"interval": TAIL.to_frame().assign(b=0).sort_index(level=1)}, "out of step"),
    ({"baselines": TAIL.to_frame().sort_index(level=1)}, "out of step"),
    ({"folds": TAIL.sort_index(level=1)}, "out of step"),
]


@pytest.mark.parametrize(("changed", "message"), REFUSED)
def test_what_cannot_be_drawn_of_many_series_is_refused(changed, message):
    """The message says what is wrong, and how to mend it."""
    with pytest.raises(ValueError, match=message):
        ForecastDisplay.from_predictions(**{"y_true": PANEL, "y_pred": TAIL} | changed)


def test_more_series_than_a_figure_holds_are_refused():
    """Of a thousand series twelve are drawn by default, and not more than 48 if they are chosen."""
    index = pd.MultiIndex.from_product([range(3), range(1000)])
    many = pd.Series(np.arange(3000.0), index)
    display = ForecastDisplay.from_predictions(many, many[-1000:])
    assert display.figure_.get_suptitle() == "12 of 1000 series"
    with pytest.raises(ValueError, match="series names 49 series, but one figure shows at most 48"):
        ForecastDisplay.from_predictions(many, many[-1000:], series=list(range(49)))


def test_a_choice_among_one_series_is_refused():
    """Without a level that names series, there is nothing to choose."""
    with pytest.raises(ValueError, match="series='milk' chooses among many series"):
        ForecastDisplay.from_predictions(Y, Y[-5:], series="milk")


def test_from_estimator_forecasts_many_series():
    """Each axes shows the target of its series, and then what `forecast` forecasts for it."""
    rows, target = series_to_supervised(PANEL)
    model = make_pipeline(LagWindower(3, flatten=True), LinearRegression())
    model = TransformedSeriesRegressor(model).fit(rows, target)
    display = ForecastDisplay.from_estimator(model, rows, 6, y=target, series=["Other", "Finance"])
    ahead = forecast(model, rows, 6, y=target)
    for ax, name in zip(display.axes_, ["Other", "Finance"], strict=True):
        seen, drawn, _ = (line.get_ydata() for line in ax.lines)  # the last one joins the two
        np.testing.assert_array_equal(seen, WIDE[name][1:])
        np.testing.assert_array_equal(drawn, ahead.xs(name, level="industry"))
        assert xy(ax.lines[1])[0][0].strftime("%Y-%m") == "2010-03"


def test_a_backtest_of_many_series_is_drawn_series_by_series():
    """Each axes has the folds, the baseline and the observed values of its series."""
    rows, target = series_to_supervised(PANEL)
    result = backtest(LinearRegression(), rows, target, TimeStepSplit(2, test_size=12))
    display = ForecastDisplay.from_backtest(result, baselines="persistence", series="Finance")
    lines = [line.get_ydata() for line in display.lines_]
    predicted = result.predictions.xs("Finance", level="industry")
    np.testing.assert_array_equal(lines[0], WIDE["Finance"][-24:])
    np.testing.assert_array_equal(np.concatenate([lines[1], lines[3]]), WIDE["Finance"][-25:-1])
    np.testing.assert_array_equal(np.concatenate([lines[2], lines[4]]), predicted["prediction"])
    assert len(ForecastDisplay.from_backtest(result).axes_) == 12
