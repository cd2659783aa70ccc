"""What came before: the rule that places rows after, beside or inside the training rows."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklstm import Differencer, LagWindower

UNKNOWN = "the rows before them are not known"


def value_of(number):
    """Return a value that tells which row it came from."""
    return 100.0 + 3.0 * number


def table(index, numbers=None):
    """Return a table whose row i tells its number."""
    numbers = np.arange(len(index)) if numbers is None else np.asarray(numbers)
    return pd.DataFrame({"a": value_of(numbers)}, index=index)


def array(start, stop):
    """Return rows start to stop of a series without labels."""
    return value_of(np.arange(start, stop)).reshape(-1, 1)


def past_of(train, rows, depth=3, **options):
    """Return the rows that come before the first of `rows`, oldest first."""
    windower = LagWindower(depth + 1, **options).fit(train)
    return windower.transform(rows)[0, :-1, 0]


REGULAR = {
    "days": pd.date_range("2024-01-30", periods=40, freq="D"),
    "hours": pd.date_range("2024-03-30 20:00", periods=40, freq="h"),
    "months": pd.date_range("2020-01-01", periods=40, freq="MS"),
    "month ends": pd.date_range("2020-01-31", periods=40, freq="ME"),
    "quarters": pd.date_range("2010-01-01", periods=40, freq="QS"),
    "years": pd.date_range("1960-01-01", periods=40, freq="YS"),
    "business days": pd.bdate_range("2024-01-03", periods=40),
    "every Monday": pd.date_range("2024-01-01", periods=40, freq="W-MON"),
    "days of a town that changes its clocks": pd.date_range(
        "2024-03-10", periods=40, freq="D", tz="Europe/Berlin"
    ),
    "hours of a town that changes its clocks": pd.date_range(
        "2024-03-30 12:00", periods=40, freq="h", tz="Europe/Berlin"
    ),
    "monthly periods": pd.period_range("2020-01", periods=40, freq="M"),
    "quarterly periods": pd.period_range("2020Q1", periods=40, freq="Q"),
    "time deltas": pd.to_timedelta(np.arange(40) * 15, unit="min"),
    "integers": pd.RangeIndex(40),
    "integers by tens": pd.Index(np.arange(-100, 300, 10)),
    "tenths": pd.Index(np.arange(40) / 10),
}

# A day missing from a working calendar is a holiday, which tears nothing apart.
HOLED = {name: index for name, index in REGULAR.items() if name != "business days"}


@pytest.mark.parametrize("index", REGULAR.values(), ids=REGULAR)
def test_the_next_label_continues(index):
    """The row after the training rows is preceded by the last of them, whatever labels count."""
    series = table(index)
    np.testing.assert_array_equal(
        past_of(series.iloc[:25], series.iloc[25:]), value_of(np.array([22, 23, 24]))
    )


@pytest.mark.parametrize("index", REGULAR.values(), ids=REGULAR)
def test_a_skipped_label_is_a_gap(index):
    """After one step left out nothing before is known, and a warning gives the steps."""
    series = table(index)
    with pytest.warns(UserWarning, match="start 1 steps later"):
        past = past_of(series.iloc[:25], series.iloc[26:])
    assert np.isnan(past).all()


@pytest.mark.parametrize("index", REGULAR.values(), ids=REGULAR)
def test_overlapping_labels_get_the_rows_before_them(index):
    """Rows that begin inside the last training rows get the rows that truly precede them."""
    series = table(index)
    np.testing.assert_array_equal(
        past_of(series.iloc[:25], series.iloc[23:]), value_of(np.array([20, 21, 22]))
    )


@pytest.mark.parametrize("index", REGULAR.values(), ids=REGULAR)
def test_the_training_rows_have_no_past(index):
    """The first training row is known again by its label."""
    series = table(index)
    assert np.isnan(past_of(series.iloc[:25], series.iloc[:25])).all()


@pytest.mark.parametrize("index", HOLED.values(), ids=HOLED)
def test_a_hole_inside_a_table_is_not_reached_across(index):
    """The row after a hole has no known past, though rows stand before it in the table."""
    series = table(index)
    holed = pd.concat([series.iloc[:20], series.iloc[25:]])
    windows = LagWindower(4).fit_transform(holed)
    assert np.isnan(windows[20, :-1]).all()
    assert np.isfinite(windows[19]).all()
    assert np.isfinite(windows[23]).all()


@pytest.mark.parametrize("index", HOLED.values(), ids=HOLED)
def test_a_fold_cut_out_of_the_middle_keeps_its_past(index):
    """Rows that fill a hole of the training rows are preceded by the rows before the hole."""
    series = table(index)
    holed = pd.concat([series.iloc[:20], series.iloc[25:]])
    np.testing.assert_array_equal(
        past_of(holed, series.iloc[20:25]), value_of(np.array([17, 18, 19]))
    )


def test_rows_before_the_training_rows_have_no_past():
    """Earlier rows are placed before the training rows, which is not worth a warning."""
    series = table(REGULAR["days"])
    assert np.isnan(past_of(series.iloc[10:], series.iloc[:5])).all()


def test_labels_inside_the_training_rows_that_were_not_kept_are_unknown():
    """Only the ends of the training rows are remembered, and a warning says so."""
    series = table(pd.RangeIndex(200))
    with pytest.warns(UserWarning, match="inside the training rows"):
        past = past_of(series, series.iloc[100:])
    assert np.isnan(past).all()


@pytest.mark.parametrize(
    "labels",
    [
        pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-20", "2024-03-01"]),
        pd.Index([1.0, 1.5, 4.0, 9.0, 30.0]),
        pd.Index(["a", "b", "c", "d", "e"]),
        pd.MultiIndex.from_tuples([(1, 1), (1, 2), (2, 1), (2, 5), (9, 1)]),
    ],
    ids=["dates", "numbers", "text", "several levels"],
)
def test_an_irregular_index_has_no_gaps(labels):
    """Where labels keep no regular step, a later label is the next row."""
    series = table(labels)
    np.testing.assert_array_equal(
        past_of(series.iloc[:3], series.iloc[3:], depth=2), value_of(np.array([1, 2]))
    )


def test_daily_prices_without_weekends_or_holidays_have_no_gaps():
    """A calendar with many breaks keeps no regular step, so nothing is torn apart."""
    days = pd.bdate_range("2024-01-01", periods=60).delete([0, 14, 20, 33, 48])
    series = table(days)
    assert np.isfinite(LagWindower(3).fit_transform(series)[2:]).all()


def test_a_label_between_two_steps_has_no_known_place():
    """Rows off the regular step of the training rows are not placed, and a warning says so."""
    series = table(pd.date_range("2024-01-01", periods=20, freq="D"))
    off = table(pd.date_range("2024-01-21 07:30", periods=3, freq="D"))
    with pytest.warns(UserWarning, match="do not lie on the regular step"):
        past = past_of(series, off)
    assert np.isnan(past).all()


@pytest.mark.parametrize("trained_on", ["days", "months", "irregular days"])
@pytest.mark.parametrize(
    "later",
    [
        pd.RangeIndex(5),
        pd.timedelta_range("1D", periods=5, freq="D"),
        pd.period_range("2030-01", periods=5, freq="M"),
        pd.Index(list("abcde")),
    ],
    ids=["numbers", "durations", "periods", "text"],
)
def test_another_kind_of_label_has_no_known_place(later, trained_on):
    """What cannot be compared with the dates of the training rows is not placed among them."""
    index = {
        "days": pd.date_range("2024-01-01", periods=30, freq="D"),
        "months": pd.date_range("2024-01-01", periods=30, freq="MS"),
        "irregular days": pd.DatetimeIndex(np.array([0, 1, 4, 19, 60, 63], "M8[D]")),
    }[trained_on]
    with pytest.warns(UserWarning, match=UNKNOWN):
        past = past_of(table(index), table(later, [90, 91, 92, 93, 94]))
    assert np.isnan(past).all()


def test_another_time_zone_is_the_same_time():
    """Labels are placed by the moment that they mean."""
    series = table(pd.date_range("2024-01-01", periods=30, freq="h", tz="UTC"))
    later = series.iloc[25:].tz_convert("Asia/Tokyo")
    np.testing.assert_array_equal(
        past_of(series.iloc[:25], later), value_of(np.array([22, 23, 24]))
    )


def test_dates_without_a_zone_are_not_placed_among_dates_with_one():
    """A moment without a zone has no place among moments with one."""
    series = table(pd.date_range("2024-01-01", periods=30, freq="h", tz="UTC"))
    with pytest.warns(UserWarning, match=UNKNOWN):
        past = past_of(series.iloc[:25], series.iloc[25:].tz_localize(None))
    assert np.isnan(past).all()


def test_dates_of_another_resolution_are_the_same_dates():
    """Labels kept in seconds and in nanoseconds are the same labels."""
    series = table(pd.date_range("2024-01-01", periods=30, freq="D").as_unit("ns"))
    later = series.iloc[25:].set_axis(series.index[25:].as_unit("s"))
    np.testing.assert_array_equal(
        past_of(series.iloc[:25], later), value_of(np.array([22, 23, 24]))
    )


def test_one_training_row_is_followed_by_any_later_label():
    """A single label shows no step, so whatever is later comes next."""
    series = table(REGULAR["days"])
    windower = LagWindower(1).fit(series.iloc[:1])
    np.testing.assert_array_equal(windower.transform(series.iloc[1:2])[0, :, 0], [value_of(1)])


# ------------------------------------------------------------------------ labels that start anew


def test_a_reset_index_means_no_known_past():
    """Labels of training rows with other values are not placed; the warning tells the remedy."""
    later = table(pd.RangeIndex(5), [90, 91, 92, 93, 94])
    with pytest.warns(UserWarning, match=r"index reset.*history='continue'"):
        past = past_of(table(pd.RangeIndex(30)), later)
    assert np.isnan(past).all()


def test_continue_follows_a_reset_index():
    """history="continue" puts rows right after the training rows, whatever their labels."""
    later = table(pd.RangeIndex(5), [90, 91, 92, 93, 94])
    past = past_of(table(pd.RangeIndex(30)), later, history="continue")
    np.testing.assert_array_equal(past, value_of(np.array([27, 28, 29])))


def test_continue_follows_across_a_gap():
    """history="continue" overrules a gap of the labels."""
    series = table(REGULAR["days"])
    past = past_of(series.iloc[:20], series.iloc[30:], history="continue")
    np.testing.assert_array_equal(past, value_of(np.array([17, 18, 19])))


@pytest.mark.parametrize("history", ["continue", "none"])
@pytest.mark.parametrize(
    "train", [REGULAR["days"], pd.Index([0, 3, 4, 90, 91])], ids=["regular", "irregular"]
)
def test_an_answer_given_is_not_asked_for_again(history, train):
    """Who says what came before is not warned of labels without a known place."""
    past_of(table(train), table(pd.Index([1, 2, 3]), [97, 98, 99]), history=history)


def test_continue_does_not_reach_across_a_gap_of_a_reset_index():
    """After a gap, labels that training rows happen to have give none of these as a past."""
    later = table(pd.Index([0, 1, 2, 6, 7]), [90, 91, 92, 96, 97])
    windower = LagWindower(4, history="continue").fit(table(pd.RangeIndex(30)))
    assert np.isnan(windower.transform(later)[3, :-1]).all()


def test_continue_keeps_the_training_rows_what_they_are():
    """fit_transform equals fit, transform under history="continue" as well."""
    series = table(REGULAR["days"])
    assert np.isnan(past_of(series, series, history="continue")).all()


def test_none_knows_no_past():
    """history="none" cuts rows off from the training rows, without a warning."""
    series = table(REGULAR["days"])
    assert np.isnan(past_of(series.iloc[:20], series.iloc[20:], history="none")).all()


def test_none_knows_no_past_of_arrays():
    """history="none" holds for rows without labels too."""
    assert np.isnan(past_of(array(0, 20), array(20, 25), history="none")).all()


# --------------------------------------------------------------------------- rows without labels


def test_arrays_continue_from_the_training_rows():
    """Rows without labels come right after the training rows."""
    np.testing.assert_array_equal(
        past_of(array(0, 25), array(25, 30)), value_of(np.array([22, 23, 24]))
    )


def test_arrays_that_begin_as_the_training_rows_are_the_training_rows():
    """The same first values mean the training rows again: in whole, in part, or with more."""
    for stop in (5, 25, 40):
        assert np.isnan(past_of(array(0, 25), array(0, stop))).all()


def test_unlabelled_rows_after_labelled_training_rows_continue():
    """A step that drops labels later on does not lose the past."""
    train = table(REGULAR["days"]).set_axis([0], axis=1)  # scikit-learn warns of names that go
    np.testing.assert_array_equal(past_of(train, array(40, 45)), value_of(np.array([37, 38, 39])))


def test_labelled_rows_after_unlabelled_training_rows_are_placed_by_value():
    """Labels that the training rows did not have say nothing."""
    later = table(REGULAR["days"][:5], range(25, 30)).set_axis([0], axis=1)
    np.testing.assert_array_equal(past_of(array(0, 25), later), value_of(np.array([22, 23, 24])))


def test_a_row_of_nan_at_the_head_marks_a_break():
    """Unlabelled rows that begin with NaN were torn off upstream: nothing reaches across."""
    rows = array(25, 30)
    rows[0] = np.nan
    assert np.isnan(past_of(array(0, 25), rows)).all()


def test_float32_rows_are_known_again():
    """Training rows that come back in another precision are still the training rows."""
    train = np.random.default_rng(0).normal(size=(30, 2))
    windows = LagWindower(3).fit(train).transform(train.astype(np.float32))
    assert np.isnan(windows[0, :-1]).all()


# -------------------------------------------------------------------------------------- the rest


@pytest.mark.parametrize("method", ["fit", "transform"])
@pytest.mark.parametrize("transformer", [LagWindower(3), Differencer()], ids=repr)
@pytest.mark.parametrize(
    ("order", "what"), [([1, 0, 2, 3], "is not sorted"), ([0, 1, 1, 2], "more than once")]
)
def test_unsorted_or_repeated_labels_are_an_error(transformer, method, order, what):
    """A table out of order is refused, and the message names TimeSeriesSplit."""
    series = table(REGULAR["days"][:4])
    transformer = transformer.fit(series)
    with pytest.raises(ValueError, match=f"{what}.*TimeSeriesSplit"):
        getattr(transformer, method)(series.iloc[order])


def test_what_is_remembered_is_small():
    """A windower that saw a hundred thousand rows keeps a few of them."""
    rows = np.random.default_rng(0).normal(size=(100_000, 2))
    index = pd.date_range("2000-01-01", periods=len(rows), freq="h")
    assert len(pickle.dumps(LagWindower(24).fit(rows))) < 10_000
    assert len(pickle.dumps(LagWindower(24).fit(pd.DataFrame(rows, index=index)))) < 10_000


def test_a_windower_comes_back_from_a_pickle():
    """What was remembered travels with the estimator."""
    series = table(REGULAR["months"])
    windower = pickle.loads(pickle.dumps(LagWindower(4).fit(series.iloc[:30])))
    np.testing.assert_array_equal(
        windower.transform(series.iloc[30:])[0, :, 0], value_of(np.array([27, 28, 29, 30]))
    )


def test_remembered_rows_are_copies():
    """Changing the training array afterwards changes no past."""
    train = array(0, 25)
    windower = LagWindower(4).fit(train)
    train[:] = 0
    np.testing.assert_array_equal(
        windower.transform(array(25, 26))[0, :-1, 0], value_of(np.array([22, 23, 24]))
    )


@given(data=st.data())
def test_every_place_agrees_with_a_plain_loop(data):
    """Beside a training table with a hole, each step is the row of that label, if known."""
    n_first = data.draw(st.integers(4, 8), label="rows before the hole")
    hole = data.draw(st.integers(0, 4), label="labels left out")
    n_second = data.draw(st.integers(3, 8), label="rows after the hole")
    depth = data.draw(st.integers(1, 4), label="depth")
    train = [*range(n_first), *range(n_first + hole, n_first + hole + n_second)]
    start = data.draw(st.integers(0, train[-1] + 1), label="first label")
    rows = list(range(start, start + data.draw(st.integers(1, 6), label="rows")))

    windower = LagWindower(depth + 1).fit(table(pd.Index(train), train))
    windows = windower.transform(table(pd.Index(rows), rows))

    for window, label in zip(windows[:, :, 0], rows, strict=True):
        expected = np.full(depth + 1, np.nan)
        for back in range(depth + 1):
            if label - back not in rows and label - back not in train:
                break
            expected[depth - back] = value_of(label - back)
        np.testing.assert_array_equal(window, expected)


def test_rows_before_an_irregular_index_have_no_past():
    """Rows before the training rows are not taken for them, and need no warning."""
    index = pd.Index(np.cumsum(np.random.default_rng(0).uniform(0.5, 2, 40)))
    table = pd.DataFrame({"a": np.arange(40.0)}, index=index)
    windows = LagWindower(3).fit(table.iloc[10:]).transform(table.iloc[:10])
    expected = [[np.nan, np.nan, 0.0], [np.nan, 0.0, 1.0], [0.0, 1.0, 2.0]]
    np.testing.assert_array_equal(windows[:3, :, 0], expected)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "uint64", "float32", "Int64", "UInt8"]
)
def test_short_labels_count_as_long_ones_do(dtype):
    """Labels of few bits, or without a sign, are no reason for another past."""
    labels = np.arange(-100, 120, 4) if dtype in ("int8", "float32", "Int64") else np.arange(0, 250)
    rows = np.random.default_rng(0).normal(size=(len(labels), 1))
    cut = len(labels) // 5

    def table(dtype):
        return pd.DataFrame(rows, pd.Index(labels, dtype=dtype), ["a"])

    for train, other in ((slice(cut, None), slice(0, cut)), (slice(0, -cut), slice(-cut, None))):
        ours = LagWindower(3).fit(table(dtype).iloc[train])
        theirs = LagWindower(3).fit(table("int64").iloc[train])
        for part in (train, other):
            np.testing.assert_array_equal(
                ours.transform(table(dtype).iloc[part]), theirs.transform(table("int64").iloc[part])
            )


ZONED = {"days": "D", "weeks": "7D", "hours": "h"}


@pytest.mark.parametrize("step", ZONED.values(), ids=ZONED)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("n_train", [2, 5, 20])
def test_summer_time_breaks_no_series(n_train, zone, step):
    """Days are days on the clock on the wall, and hours are hours, whenever training ended."""
    index = pd.date_range("2024-03-01", periods=60, freq=step, tz=zone)
    rows = pd.DataFrame({"a": np.arange(60.0)}, index)
    later = LagWindower(2).fit(rows[:n_train]).transform(rows[n_train:])
    np.testing.assert_array_equal(later[:, 0, 0] + 1, later[:, 1, 0])


@pytest.mark.filterwarnings("ignore:Rows start 7 steps later than right after")
@pytest.mark.parametrize("freq", ["D", "MS", "ME", "W", "h", "B", "QS"])
def test_a_label_off_the_step_moves_no_earlier_row(freq):
    """It has no known past itself; what stands before it does not look ahead."""
    index = pd.date_range("2024-01-01", periods=30, freq=freq)
    rows = pd.DataFrame({"a": np.arange(30.0)}, index)
    windower = LagWindower(3).fit(rows[:20])
    odd = index[20:].to_list()
    odd[6] += pd.Timedelta("17min")
    with pytest.warns(UserWarning, match=f"{odd[6]:%Y-%m-%d %H:%M}.*regular step"):
        ours = windower.transform(rows[20:].set_axis(pd.DatetimeIndex(odd)))
    expected = windower.transform(rows[20:])
    np.testing.assert_array_equal(ours[:6], expected[:6])
    assert np.isnan(ours[6, :-1]).all()
    assert np.isnan(ours[7, :-1]).all()
    np.testing.assert_array_equal(ours[9:], expected[9:])


@pytest.mark.parametrize("n_train", [2, 3, 4, 5, 10])
@pytest.mark.parametrize(
    ("freq", "start"),
    [
        ("B", "2024-01-01"),
        ("B", "2024-01-03"),
        ("MS", "2023-12-01"),
        ("MS", "2024-07-01"),
        ("QS", "2024-01-01"),
        ("YS", "2024-01-01"),
        ("YE", "2023-12-31"),
        ("ME", "2023-12-31"),
    ],
)
def test_few_rows_show_the_step_that_more_would(freq, start, n_train):
    """Months from two rows on; business days where pandas knows them for that."""
    index = pd.date_range(start, periods=30, freq=freq)
    rows = pd.DataFrame({"a": np.arange(30.0)}, index)
    train, later = rows[:n_train], rows[n_train:]
    windower = LagWindower(2).fit(train)
    whole = np.concatenate([windower.transform(train)[1:], windower.transform(later)])
    np.testing.assert_array_equal(whole[:, 0, 0], np.arange(29.0))


def test_a_week_end_left_out_is_no_gap():
    """Business days are believed before days with a gap, also without a freq."""
    index = pd.DatetimeIndex(pd.bdate_range("2024-01-03", periods=9).to_numpy())
    rows = pd.DataFrame({"a": np.arange(9.0)}, index)
    windows = LagWindower(2).fit(rows[:5]).transform(rows[5:])
    np.testing.assert_array_equal(windows[:, 0, 0], np.arange(4.0, 8.0))


@pytest.mark.parametrize(
    "rows", [1e8 + np.arange(60.0), 1.7e9 + 60 * np.arange(60.0), np.float32(1e5) + np.arange(60)]
)
def test_large_numbers_that_lie_close_together_are_told_apart(rows):
    """Rows of an array are taken for the training rows only if they are those."""
    table = rows[:, None]
    windows = LagWindower(3).fit(table[:40]).transform(table[40:])
    np.testing.assert_array_equal(windows[:, 0, 0], rows[38:58])
    assert np.isnan(LagWindower(3).fit(table[:40]).transform(table[:40])[0, 0, 0])


def test_a_column_without_a_value_is_no_reason_to_remember_all_rows():
    """Nor is a long head that is not known in one column more than that head."""
    rows = np.random.default_rng(0).normal(size=(20_000, 3))
    rows[:, 1] = np.nan
    assert len(pickle.dumps(LagWindower(3).fit(rows))) < 10_000
    rows[:300, 2] = np.nan
    differencer = Differencer(2).fit(rows)
    assert len(pickle.dumps(differencer)) < 40_000
    back = differencer.inverse_transform(differencer.transform(rows))
    np.testing.assert_allclose(back, rows, rtol=0, atol=1e-9)
