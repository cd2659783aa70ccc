"""A table of many series whose labels tell no order is refused by everything that needs one."""

import bad_values as bad
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.pipeline import make_pipeline

from sklstm import (
    CalendarFeatures,
    Differencer,
    ForecastDisplay,
    LagWindower,
    SeriesMinMaxScaler,
    SklstmWarning,
    StatefulLSTMRegressor,
    TimeStepSplit,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    backtest,
    conformal_interval,
    forecast,
    forecast_scorer,
    series_to_supervised,
)
from sklstm.metrics import mean_absolute_scaled_error

DAYS = pd.date_range("2024-01-01", periods=16, freq="D")
INDEX = pd.MultiIndex.from_product([DAYS, ["n", "s", "w"]], names=["day", "shop"])
TIMES, SHOPS = (INDEX.get_level_values(level) for level in (0, 1))
N_ROWS, N_TRAIN = len(INDEX), 36
SOLD = np.random.default_rng(0).normal(size=N_ROWS + 3).cumsum()
X = pd.DataFrame({"sold_lag1": SOLD[:-3]}, INDEX)
Y = pd.Series(SOLD[3:], INDEX, name="sold")


def rows(*positions):
    """Return a function that takes rows of a table by their positions."""
    return lambda table: table.iloc[list(positions)]


def labelled(times=TIMES, shops=SHOPS):
    """Return a function that gives the rows of a table other times, or other names of series."""
    index = pd.MultiIndex.from_arrays([times, shops], names=INDEX.names)
    return lambda table: table.set_axis(index)


def zones(other):
    """Return times in the time zone of Berlin, but for one series."""
    berlin, of_other = TIMES.tz_localize("Europe/Berlin"), TIMES.tz_localize(other)
    return pd.Index(np.where(SHOPS == "s", of_other.astype(object), berlin.astype(object)))


EARLY = DAYS[3] == TIMES
#: What is done to the rows, and what the message says.
PANELS = {
    "the series first": (lambda table: table.swaplevel(), r"\.swaplevel\(\)\.sort_index\(\)"),
    "the series first, sorted": (
        lambda table: table.swaplevel().sort_index(),
        r"\.swaplevel\(\)\.sort_index\(\)",
    ),
    "one series after the other": (
        lambda table: table.sort_index(level=[1, 0]),
        r"falls from .*2024-01-16.* to .*2024-01-01.*\.sort_index\(\)",
    ),
    "one series unsorted": (rows(3, 1, 2, 0, *range(4, N_ROWS)), r"falls from .*2024-01-02"),
    "the newest row first": (lambda table: table[::-1], r"falls from .*2024-01-16"),
    "shuffled": (lambda table: table.sample(frac=1, random_state=0), "falls from"),
    "a row twice": (rows(0, *range(N_ROWS)), r"2024-01-01.*'n'.* more than once"),
    "the last row twice": (rows(*range(N_ROWS), N_ROWS - 1), r"2024-01-16.*'w'.* more than once"),
    "a row twice, apart": (rows(*range(5), 0, *range(5, N_ROWS)), "falls from"),
    "a time that is missing": (labelled(TIMES.where(~EARLY)), "time of .* is missing at row 9"),
    "a number of a time that is missing": (
        labelled(pd.Index(TIMES.day, dtype=float).where(~EARLY)),
        "time of .* is missing at row 9",
    ),
    "a name that is missing": (
        labelled(shops=SHOPS.where(SHOPS != "s")),
        "Level 'shop' .* is missing at row 1",
    ),
    "a name that is None": (
        labelled(shops=pd.Index(np.where(SHOPS == "s", None, SHOPS))),
        "Level 'shop' .* is missing at row 1",
    ),
    "a name that is NaN": (
        labelled(shops=pd.Index(np.where(SHOPS == "w", np.nan, 1.0))),
        "Level 'shop' .* is missing at row 2|more than once",
    ),
    "times of two kinds": (
        labelled(pd.Index(np.where(EARLY, TIMES.astype(str), TIMES.astype(object)))),
        "text such as '2024-01-04",
    ),
    "times as text": (labelled(TIMES.strftime("%Y-%m-%d")), r"'2024-01-01'.*pd\.to_datetime"),
    "times as text, the day first": (labelled(TIMES.strftime("%d.%m.%Y")), "text such as '01.01."),
    "times as categories": (labelled(pd.CategoricalIndex(TIMES)), "categorical labels such as"),
    "one series of another time zone": (labelled(zones("Asia/Tokyo")), "falls from .*Tokyo"),
    "one series without a time zone": (labelled(zones(None)), "cannot be put in order"),
    "an infinite time": (
        labelled(pd.Index(np.where(DAYS[-1] == TIMES, np.inf, TIMES.day))),
        "holds inf",
    ),
    "True and False as times": (labelled(pd.Index(DAYS[3] < TIMES)), "more than once"),
}
RIDGE = make_pipeline(LagWindower(2, flatten=True), Ridge())
MODEL = TransformedSeriesRegressor(RIDGE, Differencer()).fit(X, Y)
WINDOWER, DIFFERENCER = LagWindower(2).fit(X), Differencer().fit(X)
SCALER = SeriesMinMaxScaler(per_series=True).fit(X)
STATEFUL = StatefulLSTMRegressor(1, epochs=1, random_state=0)
RESULT = backtest(Ridge(), X, Y, TimeStepSplit(3))
SCORER = forecast_scorer(steps=2)
#: What takes rows and targets, and what it calls the table that it looks at.
USES = {
    "windows, fit": (lambda X, y: LagWindower(2).fit(X), "X"),
    "windows": (lambda X, y: WINDOWER.transform(X), "X"),
    "differences, fit": (lambda X, y: Differencer().fit(X), "X"),
    "differences": (lambda X, y: DIFFERENCER.transform(X), "X"),
    "differences, back": (lambda X, y: DIFFERENCER.inverse_transform(X), "Z"),
    "ranges, fit": (lambda X, y: SeriesMinMaxScaler(per_series=True).fit(X), "X"),
    "ranges": (lambda X, y: SCALER.transform(X), "X"),
    "ranges, back": (lambda X, y: SCALER.inverse_transform(X), "Y"),
    "target, fit": (lambda X, y: TransformedSeriesRegressor(RIDGE, Differencer()).fit(X, y), "X"),
    "target": (lambda X, y: MODEL.predict(X), "X"),
    "stateful, fit": (lambda X, y: STATEFUL.fit(X, y), "X"),
    "forecast": (lambda X, y: forecast(MODEL, X, 2, y=y), "X"),
    "backtest": (lambda X, y: backtest(Ridge(), X, y, TimeStepSplit(2)), "X"),
    "scorer": (lambda X, y: SCORER(MODEL, X, y), "X"),
    "splits": (lambda X, y: list(TimeStepSplit(2).split(X, y)), "X"),
    "intervals": (lambda X, y: conformal_interval(RESULT, y), "predictions"),
    "lags": (lambda X, y: series_to_supervised(y), "series"),
    "scaled errors": (
        lambda X, y: mean_absolute_scaled_error(Y[-3:], Y[-3:] + 1, y_train=y, season=1),
        "y_train",
    ),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("panel", PANELS)
def test_a_bad_panel_is_refused(panel, use):
    """The message says what is wrong with the labels, and of which table; nothing is changed."""
    change, message = PANELS[panel]
    call, name = USES[use]
    fitted = [MODEL, WINDOWER, DIFFERENCER, SCALER, STATEFUL, RESULT]
    with bad.refused(ValueError, rf"(?s)\b{name}\b.*", leaves=fitted) as caught:
        call(change(X), change(Y))
    assert caught.match(rf"(?s){message}")


def test_intervals_need_the_levels_of_the_back_test():
    """Predictions whose series are named by more levels are refused, with the levels wanted."""
    index = pd.MultiIndex.from_arrays([TIMES, SHOPS, ["town"] * N_ROWS])
    with bad.refused(ValueError, r"predictions has 3 levels.*2: .*'shop'", leaves=[RESULT]):
        conformal_interval(RESULT, Y.set_axis(index))


def test_a_panel_without_rows_is_refused():
    """The message counts the rows."""
    with bad.refused(ValueError, "series has 0 rows"):
        series_to_supervised(Y[:0])


# ------------------------------------------------------------------- labels that change nothing

RENAMED = pd.Index(SHOPS.map({"n": 1, "s": "s", "w": "w"}), dtype=object)
#: Days and shops that are called by numbers.
NUMBERED = pd.MultiIndex.from_product([[5, 6, 7, 9], [11, 12]])
OTHERS = pd.MultiIndex.from_product([[5, 6, 7, 9], [13]])


def sold(index):
    """Return a table with such labels."""
    return pd.DataFrame({"sold": np.arange(len(index), dtype=float)}, index)


@pytest.mark.parametrize(
    ("tell", "said"),
    [
        (lambda: Differencer().fit(sold([5, 8, 6])), "6 comes after 8"),
        (lambda: Differencer().fit(sold([5, 5, 6])), "holds 5 more than once"),
        (lambda: Differencer().fit(sold(NUMBERED[[0, 0, 1]])), r"holds \(5, 11\) more than"),
        (lambda: Differencer().fit(sold(NUMBERED[[6, 7, 0, 1]])), "falls from 9 to 5"),
        (lambda: series_to_supervised(sold([5, 6, 7, 9])), "after 7: its next row, 9,"),
        (
            lambda: Differencer().fit(sold(NUMBERED[:4])).transform(sold(NUMBERED[6:])),
            "Row 9 of series 11 comes 2 steps later",
        ),
        (
            lambda: SeriesMinMaxScaler(per_series=True).fit(sold(NUMBERED)).transform(sold(OTHERS)),
            "Of series 13, fit",
        ),
        (
            lambda: backtest(Ridge(), sold(NUMBERED), sold(NUMBERED[::-1])["sold"]),
            r"row 0 is \(5, 11\) in X and \(9, 12\) in y",
        ),
    ],
)
def test_messages_show_numbers_as_python_does(tell, said):
    """A label is found in the table as it stands there, not as np.int64(7)."""
    with pytest.raises((ValueError, SklstmWarning), match=said):
        tell()


ALIKE = {
    "categories without rows": labelled(
        shops=pd.CategoricalIndex(SHOPS, categories=list("wsnxyz"))
    ),
    "names of two kinds": labelled(shops=RENAMED),
    "names that are tuples": labelled(
        shops=pd.Index([(one, 1) for one in SHOPS], tupleize_cols=False)
    ),
    "levels of other names": lambda table: table.rename_axis(index=["when", "where"]),
    "levels without names": lambda table: table.rename_axis(index=[None, None]),
    "a level more": lambda table: table.set_axis(
        pd.MultiIndex.from_arrays([TIMES, SHOPS, ["town"] * N_ROWS])
    ),
    "periods": labelled(TIMES.to_period("D")),
    "a time zone": labelled(TIMES.tz_localize("Europe/Berlin")),
    "other units": labelled(TIMES.astype("datetime64[s]")),
    "numbers": labelled(pd.Index(TIMES.day * 7)),
    "durations": labelled(TIMES - TIMES[0]),
    "Float64": lambda table: table.astype("Float64"),
    "objects": lambda table: table.astype(object),
}


@pytest.mark.parametrize("change", ALIKE.values(), ids=ALIKE)
def test_other_labels_of_the_same_rows_change_no_prediction(change):
    """Whatever the labels are, they tell the same series and the same order."""
    model = TransformedSeriesRegressor(RIDGE, Differencer())
    expected = model.fit(X[:N_TRAIN], Y[:N_TRAIN]).predict(X[N_TRAIN:])
    rows, target = change(X), change(Y)
    found = model.fit(rows[:N_TRAIN], target[:N_TRAIN]).predict(rows[N_TRAIN:])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_levels_may_be_renamed_after_fit():
    """Levels are told apart by their order, not by their names."""
    model = TransformedSeriesRegressor(RIDGE, Differencer()).fit(X[:N_TRAIN], Y[:N_TRAIN])
    later = X[N_TRAIN:]
    np.testing.assert_array_equal(
        model.predict(later.rename_axis(index=["when", "where"])), model.predict(later)
    )


FROM_TO = ["day", "from", "to"]


def _of_two_levels():
    """Return two routes, one there and one back, whose names are each other's in swapped levels."""
    index = pd.MultiIndex.from_product([pd.date_range("2024-01-01", periods=40), [0, 1]])
    days, number = index.get_level_values(0), index.get_level_values(1)
    routes = [np.array(["bergen", "oslo"])[number], np.array(["oslo", "bergen"])[number]]
    labels = pd.MultiIndex.from_arrays([days, *routes], names=FROM_TO)
    rng = np.random.default_rng(0)
    values = pd.Series(rng.normal(size=len(labels)).cumsum() + 50 * number, labels, name="trips")
    return series_to_supervised(values.sort_index())


def _swapped(table):
    return table.reorder_levels(["day", "to", "from"]).sort_index()


@pytest.mark.parametrize(
    "model",
    [TransformedSeriesRegressor(RIDGE), SeriesMinMaxScaler(per_series=True), Differencer()],
    ids=["regressor", "scaler", "differencer"],
)
def test_named_levels_in_another_order_are_refused(model):
    """A later table must name its series by the levels of fit, in their order."""
    rows, target = _of_two_levels()
    model.fit(rows[:60], target[:60])
    ask = model.predict if hasattr(model, "predict") else model.transform
    expected = ask(rows[60:])
    with pytest.raises(ValueError, match=r"X\.reorder_levels\(\['day', 'from', 'to'\]\)"):
        ask(_swapped(rows[60:]))
    again = _swapped(rows[60:]).reorder_levels(FROM_TO).sort_index()
    np.testing.assert_array_equal(ask(again), expected)
    ask(rows[60:].rename_axis(index=["when", "a", "b"]))
    ask(_swapped(rows[60:]).rename_axis(index=[None, None, None]))


def test_named_levels_of_x_and_y_have_one_order():
    """Equal labels do not pair rows whose levels are called otherwise."""
    rows, target = _of_two_levels()
    swapped = _swapped(target)
    assert swapped.index.equals(rows.index)
    with pytest.raises(ValueError, match=r"y has the levels .* that of X"):
        TransformedSeriesRegressor(RIDGE).fit(rows, swapped)


def _recomputed(turn):
    """Return what computes a column of the past, labelled as it turns its table."""

    def recompute(past):
        means = past.groupby(level=["from", "to"]).transform(lambda one: one.expanding().mean())
        return turn(pd.DataFrame({"mean": means}))

    return recompute


def _means_before(y):
    """Return the mean of the earlier targets of each series."""
    routes = y.groupby(level=["from", "to"])
    return pd.DataFrame(
        {"mean": routes.transform(lambda one: one.shift(1).expanding().mean())}
    ).fillna(0)


def _known(rows):
    """Return a column that is known beforehand."""
    return pd.DataFrame({"price": np.arange(len(rows)) % 7.0}, rows.index)


#: What a table is compared with, and a call that is given `turn` to turn one table of two round.
PAIRS_OF_TABLES = {
    "calendar": lambda X, y, turn: (
        CalendarFeatures(["weekday"]).fit(X[:60]).transform(turn(X[60:]))
    ),
    "windows": lambda X, y, turn: LagWindower(2).fit(X[:60]).transform(turn(X[60:])),
    "window scales": lambda X, y, turn: (
        make_pipeline(LagWindower(2, flatten=True), WindowScaledRegressor(Ridge()))
        .fit(X[:60], y[:60])
        .predict(turn(X[60:]))
    ),
    "state, predict": lambda X, y, turn: (
        StatefulLSTMRegressor(1, epochs=1).fit(X[:60], y[:60]).predict(turn(X[60:]))
    ),
    "state, partial_fit": lambda X, y, turn: (
        StatefulLSTMRegressor(1, epochs=1)
        .fit(X[:60], y[:60])
        .partial_fit(turn(X[60:]), turn(y[60:]))
    ),
    "partial_fit": lambda X, y, turn: (
        TransformedSeriesRegressor(SGDRegressor(random_state=0))
        .fit(X[:60], y[:60])
        .partial_fit(turn(X[60:]), turn(y[60:]))
    ),
    "future inputs": lambda X, y, turn: forecast(
        Ridge().fit(_known(X[:60]), y[:60]),
        _known(X[:60]),
        3,
        y=y[:60],
        future_inputs=turn(_known(X)[60:66]),
    ),
    "recompute": lambda X, y, turn: forecast(
        Ridge().fit(_means_before(y), y), _means_before(y), 2, y=y, recompute=_recomputed(turn)
    ),
    "interval": lambda X, y, turn: conformal_interval(
        backtest(Ridge(), X, y, TimeStepSplit(3)), turn(y[-6:])
    ),
    "interval, scaled": lambda X, y, turn: conformal_interval(
        backtest(Ridge(), X, y, TimeStepSplit(3)), y[-6:], pool="scaled", y_train=turn(y)
    ),
    "scaled errors": lambda X, y, turn: mean_absolute_scaled_error(
        y[-6:], y[-6:] + 1, y_train=turn(y[:-6]), season=1
    ),
    "picture": lambda X, y, turn: ForecastDisplay.from_predictions(turn(y), y[-6:]),
}


@pytest.mark.parametrize("pair", PAIRS_OF_TABLES)
def test_two_tables_have_their_levels_in_one_order(pair):
    """Of routes there and back, the numbers of one are never taken for those of the other."""
    rows, target = _of_two_levels()
    call = PAIRS_OF_TABLES[pair]
    call(rows, target, lambda table: table)
    with pytest.raises(ValueError, match=r"levels \['day', 'to', 'from'\], but that of .* has"):
        call(rows, target, _swapped)
