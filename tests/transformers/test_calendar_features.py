"""`CalendarFeatures` against the calendar of the standard library, and columns made by hand."""

import datetime
from calendar import isleap, monthrange

import numpy as np
import pandas as pd
import pytest
from estimators import MILK_X
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    CalendarFeatures,
    Differencer,
    LagWindower,
    TimeStepSplit,
    TransformedSeriesRegressor,
    backtest,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import load_us_unemployment

# Daylight saving time ends in the first days; years of 52 and 53 weeks, a leap year.
HOURS = pd.date_range("2024-10-26 22:30", periods=40, freq="h", tz="Europe/Berlin")
DAYS = pd.date_range("2020-02-27", periods=2600, freq="D")
INDEXES = {
    "hours in a time zone": HOURS,
    "days": DAYS,
    "periods": DAYS[:800].to_period("D"),
    "many series": pd.MultiIndex.from_product([DAYS[:40], ["a", "b"]]),
}
#: What the standard library says of a time, the first number, and how many there are.
ORACLES = {
    "minute": lambda t: (t.minute, 0, 60),
    "hour": lambda t: (t.hour, 0, 24),
    "weekday": lambda t: (t.weekday(), 0, 7),
    "day": lambda t: (t.day, 1, monthrange(t.year, t.month)[1]),
    "day_of_year": lambda t: (t.timetuple().tm_yday, 1, 366 if isleap(t.year) else 365),
    "week": lambda t: (
        t.isocalendar()[1], 1, datetime.date(t.isocalendar()[0], 12, 28).isocalendar()[1],
    ),
    "month": lambda t: (t.month, 1, 12),
    "quarter": lambda t: ((t.month + 2) // 3, 1, 4),
}  # fmt: skip
SIZES = [60, 24, 7, 31, 366, 53, 12, 4]


def local_times(index):
    """List the times of rows as the standard library has them."""
    for label in index:
        time = label[0] if isinstance(label, tuple) else label
        time = time.start_time if isinstance(time, pd.Period) else time
        yield time.to_pydatetime()


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_all_features_are_those_of_the_standard_library(index):
    """Each encoding appends its columns, under their names, to the columns of the table."""
    table = pd.DataFrame({"load": np.arange(len(index), dtype=float)}, index)
    found = [list(ORACLES)]
    expected = {"ordinal": {}, "onehot": {}, "cyclic": {}}
    for (name, oracle), size in zip(ORACLES.items(), SIZES, strict=True):
        number, first, n = np.array([oracle(time) for time in local_times(index)], dtype=float).T
        expected["ordinal"][name] = number
        for value in range(int(first[0]), int(first[0]) + size):
            expected["onehot"][f"{name}_{value}"] = (number == value).astype(float)
        angle = 2 * np.pi * (number - first) / n
        expected["cyclic"] |= {f"{name}_sin": np.sin(angle), f"{name}_cos": np.cos(angle)}
    for encoding, columns in expected.items():
        found = CalendarFeatures(list(ORACLES), encoding=encoding).fit_transform(table)
        by_hand = pd.concat([table, pd.DataFrame(columns, index)], axis=1)
        pd.testing.assert_frame_equal(found, by_hand, check_freq=False)


@pytest.mark.parametrize(
    "holidays",
    [
        ["2024-10-27", "2030-01-01"],
        [datetime.date(2024, 10, 27)],
        pd.DatetimeIndex(["2024-10-27"]),
        pd.DatetimeIndex(["2024-10-27"], tz="Europe/Berlin"),
        pd.DatetimeIndex(["2024-10-26 22:00"], tz="UTC"),
    ],
    ids=["text", "dates", "index", "index in the zone", "index in another zone"],
)
def test_holidays_are_local_days(holidays):
    """A holiday has 25 hours where daylight saving time ends, and all are marked."""
    table = pd.DataFrame({"load": np.zeros(len(HOURS))}, HOURS)
    found = CalendarFeatures([], holidays=holidays).fit_transform(table)["holiday"]
    assert found.tolist() == [float(time.date().day == 27) for time in HOURS]
    assert found.sum() == 25


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_later_rows_may_be_in_another_time_zone(zone):
    """The same instants have the same calendar, that of the time zone of the training rows."""
    table = pd.DataFrame({"load": np.arange(len(HOURS), dtype=float)}, HOURS)
    calendar = CalendarFeatures(list(ORACLES), holidays=["2024-10-27"])
    local = calendar.fit_transform(table)
    pd.testing.assert_frame_equal(
        calendar.transform(table.tz_convert(zone)), local.tz_convert(zone)
    )


@pytest.mark.parametrize("first", ["Europe/Berlin", None])
def test_later_rows_lack_no_time_zone(first):
    """Without it, nothing tells how many hours they are off."""
    table = pd.DataFrame({"load": np.zeros(len(HOURS))}, HOURS)
    local = table.tz_localize(None)
    seen, later = (table, local) if first else (local, table)
    with pytest.raises(ValueError, match=r"but it was .* in fit.* Call tz_localize"):
        CalendarFeatures("hour").fit(seen).transform(later)


def by_hand(X):
    """Append sine and cosine of the month, where something is known."""
    angle = 2 * np.pi * (X.index.get_level_values(0).month - 1) / 12
    return X.assign(sine=np.sin(angle), cosine=np.cos(angle))


MANY = load_us_unemployment().loc["2005":]
LEARNERS = {
    "ridge": (Ridge(), None),
    "windows of differences": (make_pipeline(LagWindower(4, flatten=True), Ridge()), Differencer()),
}


@pytest.mark.parametrize(("learner", "transformer"), LEARNERS.values(), ids=LEARNERS)
def test_forecasts_make_the_calendar_to_come(learner, transformer):
    """In a pipeline, no future inputs are needed; the numbers are those of columns made by hand."""
    X, y = series_to_supervised(load_us_unemployment().loc["2009":])
    pipeline = make_pipeline(CalendarFeatures("month"), learner)
    inside = TransformedSeriesRegressor(pipeline, transformer)
    outside = TransformedSeriesRegressor(learner, transformer)
    ahead = forecast(inside.fit(X, y), X, 5, y=y)
    later = by_hand(pd.DataFrame(index=ahead.index))
    expected = forecast(outside.fit(by_hand(X), y), by_hand(X), 5, y=y, future_inputs=later)
    pd.testing.assert_series_equal(ahead, expected, rtol=1e-6)
    options = {"cv": TimeStepSplit(2, test_size=3), "feed_back": True}
    found = backtest(inside, X, y, **options)
    expected = backtest(outside, by_hand(X), y, future_inputs=["sine", "cosine"], **options)
    pd.testing.assert_frame_equal(found.predictions, expected.predictions, rtol=1e-6)


def test_rows_of_which_nothing_is_known_stay_so():
    """A calendar alone would pass for a known step of a window."""
    table = pd.DataFrame({"a": [np.nan, np.nan, 1.0], "b": [np.nan, 1.0, 1.0]}, DAYS[:3])
    found = CalendarFeatures("day", encoding="ordinal").fit_transform(table)
    assert found["day"].isna().tolist() == [True, False, False]


REFUSED = {
    "array": (np.zeros((3, 1)), {}, r"has no labels.*set_output\(transform='pandas'\)"),
    "numbers": (pd.DataFrame({"a": [0.0, 1.0]}), {}, r"such as 0, are no dates.*date_range"),
    "text": (pd.DataFrame({"a": [0.0]}, ["2024-01-01"]), {}, "are no dates.*to_datetime"),
    "no feature": (MILK_X, {"features": []}, "features"),
    "a wrong feature": (MILK_X, {"features": ["hour", "year"]}, "'hour'"),
    "twice": (MILK_X, {"features": ["month", "month"]}, "two columns called 'month_sin'"),
    "a name that is taken": (MILK_X.assign(month_cos=1.0), {}, "two columns called 'month_cos'"),
    "a wrong holiday": (MILK_X, {"holidays": ["Christmas"]}, "holidays .* is no day"),
    "a number as a holiday": (MILK_X, {"holidays": [19701225]}, "19701225 is no day"),
    "a holiday of each year": (MILK_X, {"holidays": ["12-25"]}, "'12-25' is no day"),
    "a whole year": (MILK_X, {"holidays": ["1970"]}, "'1970' is no day"),
    "another order": (MILK_X, {"holidays": ["02/12/1970"]}, "such as '2024-12-25'"),
}


@pytest.mark.parametrize(("table", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_calendar_is_refused(table, options, message):
    """The message says what would do."""
    with pytest.raises(ValueError, match=message):
        CalendarFeatures(**{"features": "month", **options}).fit(table)
