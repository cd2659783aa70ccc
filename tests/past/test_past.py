"""What came before: the rule that places rows after, beside or inside the training rows."""

import pickle
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklstm import AssumedPastWarning, Differencer, LagWindower, UnknownPastWarning

UNKNOWN = "no known place.*the rows before it are not known"


def value_of(numbers):
    """Return values that tell which rows they came from."""
    return 100.0 + 3.0 * np.asarray(numbers)


def table(index, numbers=None):
    """Return a table whose row i tells its number."""
    numbers = np.arange(len(index)) if numbers is None else numbers
    return pd.DataFrame({"a": value_of(numbers)}, index=index)


def array(start, stop):
    """Return rows start to stop of a series without labels."""
    return value_of(np.arange(start, stop)).reshape(-1, 1)


def assert_past(train, rows, expected, warning=None, **options):
    """Hold the three rows before the first of `rows` against row numbers; None is no past."""
    windower = LagWindower(4, **options).fit(train)
    with pytest.warns(UnknownPastWarning, match=warning) if warning else nullcontext():
        windows = windower.transform(rows)
    past = np.full(3, np.nan) if expected is None else value_of(expected)
    np.testing.assert_array_equal(windows[0, :-1, 0], past)


EARLIER = "comes before the first training row"

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
DAYS = REGULAR["days"]


@pytest.mark.parametrize("index", REGULAR.values(), ids=REGULAR)
@pytest.mark.parametrize(
    ("start", "expected", "warning"),
    [
        pytest.param(25, [22, 23, 24], None, id="next"),
        pytest.param(26, None, "comes 1 steps later", id="after a gap"),
        pytest.param(23, [20, 21, 22], None, id="overlapping"),
    ],
)
def test_rows_are_placed_by_their_labels(index, start, expected, warning):
    """Rows have the rows before their labels as their past; what a gap hides is not known."""
    series = table(index)
    assert_past(series.iloc[:25], series.iloc[start:], expected, warning)


@pytest.mark.parametrize("index", REGULAR.values(), ids=REGULAR)
def test_the_training_rows_and_rows_before_them_have_no_past(index):
    """Both are known by their labels; only earlier rows are warned of."""
    series = table(index)
    assert_past(series.iloc[:25], series.iloc[:25], None)
    assert_past(series.iloc[10:], series.iloc[:5], None, EARLIER)


@pytest.mark.parametrize(
    # A day missing from a working calendar is a holiday, which tears nothing apart.
    "name",
    [name for name in REGULAR if name != "business days"],
)
def test_a_hole_inside_a_table_is_not_reached_across(name):
    """Nothing is known before the row after a hole; the rows that fill it have their past."""
    series = table(REGULAR[name])
    holed = pd.concat([series.iloc[:20], series.iloc[25:]])
    known = np.isfinite(LagWindower(4).fit_transform(holed))
    assert not known[20, :-1].any()
    assert known[19].all()
    assert known[23].all()
    assert_past(holed, series.iloc[20:25], [17, 18, 19])


IRREGULAR = {
    "dates": pd.DatetimeIndex(np.array([0, 1, 4, 19, 60, 63], "M8[D]")),
    "numbers": pd.Index([1.0, 1.5, 4.0, 9.0, 30.0, 31.0]),
    "text": pd.Index(list("abcdef")),
}


@pytest.mark.parametrize("labels", IRREGULAR.values(), ids=IRREGULAR)
def test_an_irregular_index_has_no_gaps(labels):
    """Where labels keep no regular step, a later label is the next row, an earlier one none."""
    series = table(labels)
    assert_past(series.iloc[:4], series.iloc[5:], [1, 2, 3])
    assert_past(series.iloc[:4], series.iloc[3:], [0, 1, 2])
    assert_past(series.iloc[1:5], series.iloc[:1], None, EARLIER)


@pytest.mark.parametrize("trained_on", ["days", "months", "integers", "dates", "numbers"])
@pytest.mark.parametrize(
    "later",
    [
        pd.timedelta_range("1D", periods=5, freq="D"),
        pd.period_range("2030-01", periods=5, freq="M"),
        pd.Index(list("abcde")),
    ],
    ids=["durations", "periods", "text"],
)
def test_another_kind_of_label_has_no_known_place(later, trained_on):
    """What cannot be compared with the labels of the training rows is not placed among them."""
    index = (REGULAR | IRREGULAR)[trained_on]
    assert_past(table(index), table(later, range(90, 95)), None, UNKNOWN)


TUPLES = pd.Index([(1, 1), (1, 2), (2, 1), (2, 5)], tupleize_cols=False)
MIXED = pd.Index([("x", 1), ("x", 2)], tupleize_cols=False)
HOURS = pd.date_range("2024-01-01", periods=30, freq="h", tz="UTC")


@pytest.mark.parametrize(
    ("train", "later", "expected", "warning"),
    [
        pytest.param(DAYS[:20], DAYS[20:] + pd.Timedelta("7h"), None, UNKNOWN, id="off"),
        pytest.param(DAYS[:20], pd.RangeIndex(5), None, UNKNOWN, id="numbers after dates"),
        pytest.param(
            HOURS[:20], HOURS[20:].tz_convert("Asia/Tokyo"), [17, 18, 19], None, id="zone"
        ),
        pytest.param(HOURS[:20], HOURS[20:].tz_localize(None), None, UNKNOWN, id="no zone"),
        pytest.param(
            DAYS[:20].as_unit("ns"), DAYS[20:].as_unit("s"), [17, 18, 19], None, id="unit"
        ),
        pytest.param(range(200), range(100, 200), None, "inside the training rows", id="forgotten"),
        pytest.param(TUPLES, MIXED, None, UNKNOWN, id="no order"),
        pytest.param(range(30), range(5), None, "index reset.*history='continue'", id="reset"),
    ],
)
def test_labels_are_compared_by_what_they_mean(train, later, expected, warning):
    """Moments and numbers are compared, not their dtypes; no match is warned of."""
    first = 100 if len(later) == 100 else len(train)
    rows = table(pd.Index(later), range(first, first + len(later)))
    assert_past(table(pd.Index(train)), rows, expected, warning)


# ------------------------------------------------------------------------------------- history=


@pytest.mark.parametrize(
    ("history", "train", "later", "expected"),
    [
        pytest.param("continue", pd.RangeIndex(30), pd.RangeIndex(5), [27, 28, 29], id="reset"),
        pytest.param("continue", DAYS[:30], DAYS[35:], [27, 28, 29], id="gap"),
        pytest.param("continue", DAYS[:30], pd.RangeIndex(5), [27, 28, 29], id="other labels"),
        pytest.param("continue", pd.Index([0, 3, 4, 90]), [1, 2, 3], [1, 2, 3], id="irregular"),
        pytest.param("continue", DAYS, DAYS, None, id="the training rows"),
        pytest.param("none", DAYS[:30], DAYS[30:], None, id="none"),
        pytest.param("none", pd.Index([0, 3, 4, 90]), [1, 2, 3], None, id="none, irregular"),
    ],
)
def test_history_overrules_the_labels_without_a_warning(history, train, later, expected):
    """history= decides what came before; the training table itself still has no past."""
    first = 0 if later is train else len(train)
    rows = table(pd.Index(later), range(first, first + len(later)))
    assert_past(table(train), rows, expected, history=history)


def test_continue_does_not_reach_across_a_gap_of_a_reset_index():
    """After a gap, labels that training rows happen to have give none of these as a past."""
    later = table(pd.Index([0, 1, 2, 6, 7]), [90, 91, 92, 96, 97])
    windower = LagWindower(4, history="continue").fit(table(pd.RangeIndex(30)))
    with pytest.warns(UnknownPastWarning, match="Row 6 comes after a gap in the table"):
        assert np.isnan(windower.transform(later)[3, :-1]).all()


# --------------------------------------------------------------------------- rows without labels

TRAIN = array(0, 25)
NAN_FIRST = array(25, 30)
NAN_FIRST[0] = np.nan
OTHER_END = TRAIN.copy()
OTHER_END[-1] += 1
# scikit-learn warns of names that are not there later on.
UNNAMED = table(DAYS).set_axis([0], axis=1)
HOLED = UNNAMED.drop(DAYS[18:22])


@pytest.mark.parametrize(
    ("train", "rows", "expected", "history"),
    [
        pytest.param(TRAIN, array(25, 30), [22, 23, 24], "auto", id="later rows"),
        pytest.param(TRAIN, TRAIN, None, "auto", id="the training table"),
        pytest.param(TRAIN, TRAIN.astype(np.float32), None, "auto", id="rounded"),
        pytest.param(TRAIN, TRAIN, None, "continue", id="the training table continues"),
        pytest.param(TRAIN, array(0, 3), [22, 23, 24], "auto", id="few first rows"),
        pytest.param(TRAIN, array(0, 20), [22, 23, 24], "continue", id="first rows continue"),
        pytest.param(TRAIN, array(25, 30), None, "none", id="none"),
        pytest.param(TRAIN, array(0, 20), None, "none", id="none, first rows"),
        pytest.param(TRAIN, NAN_FIRST, None, "auto", id="torn off by an earlier step"),
        pytest.param(UNNAMED, array(40, 45), [37, 38, 39], "auto", id="labels dropped"),
        pytest.param(HOLED, HOLED.to_numpy(), None, "auto", id="labels dropped, a hole between"),
        pytest.param(array(0, 20), UNNAMED[20:], [17, 18, 19], "auto", id="labels added"),
    ],
)
def test_arrays_are_the_training_table_or_follow_it(train, rows, expected, history):
    """As many rows with the same ends are the training table, without a past; others follow."""
    assert_past(train, rows, expected, history=history)


@pytest.mark.parametrize(
    "rows", [array(0, 20), array(0, 40), OTHER_END], ids=["part", "more", "end"]
)
def test_rows_that_begin_like_the_training_rows_are_warned_of(rows):
    """They are taken as later rows, and the warning names history=."""
    windower = LagWindower(4).fit(TRAIN)
    message = r"first 4 of \d+ rows.*after the training.*history="
    with pytest.warns(AssumedPastWarning, match=message):
        windows = windower.transform(rows)
    np.testing.assert_array_equal(windows[0, :-1, 0], value_of([22, 23, 24]))


@pytest.mark.parametrize(
    "rows", [1e8 + np.arange(60.0), 1.7e9 + 60 * np.arange(60.0), np.float32(1e5) + np.arange(60)]
)
def test_large_numbers_close_together_are_not_confused(rows):
    """Later rows that lie close to the training rows are not taken for these."""
    windower = LagWindower(3).fit(rows[:20, None])
    windows = windower.transform(rows[20:40, None])
    np.testing.assert_array_equal(windows[:, 0, 0], rows[18:38])
    assert np.isnan(windower.transform(rows[:20, None])[0, 0, 0])


# -------------------------------------------------------------------------------------- the rest


def test_what_is_remembered_is_small():
    """A windower that saw a hundred thousand rows keeps a few of them."""
    rows = np.random.default_rng(0).normal(size=(100_000, 2))
    index = pd.date_range("2000-01-01", periods=len(rows), freq="h")
    assert len(pickle.dumps(LagWindower(24).fit(rows))) < 10_000
    assert len(pickle.dumps(LagWindower(24).fit(pd.DataFrame(rows, index=index)))) < 10_000


def test_a_column_without_values_does_not_make_a_pickle_large():
    """All NaN costs nothing; 300 unknown first rows cost those 300 rows, and come back."""
    rows = np.random.default_rng(0).normal(size=(20_000, 3))
    rows[:, 1] = np.nan
    assert len(pickle.dumps(LagWindower(3).fit(rows))) < 10_000
    rows[:300, 2] = np.nan
    differencer = Differencer(2).fit(rows)
    assert len(pickle.dumps(differencer)) < 40_000
    back = differencer.inverse_transform(differencer.transform(rows))
    np.testing.assert_allclose(back, rows, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore::sklstm.UnknownPastWarning")
@given(data=st.data())
def test_windows_at_any_place_agree_with_a_plain_loop(data):
    """Rows before, inside and after a training table with a hole find their past by label."""
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


@pytest.mark.filterwarnings("ignore:Row .* comes before the first training row")
@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "uint64", "float32", "Int64", "UInt8"]
)
def test_labels_of_any_dtype_place_rows_as_int64_does(dtype):
    """Labels of few bits, or without a sign, give the same past."""
    labels = np.arange(-100, 120, 4) if dtype in ("int8", "float32", "Int64") else np.arange(0, 250)
    cut = len(labels) // 5
    short, long = table(pd.Index(labels, dtype=dtype)), table(pd.Index(labels, dtype="int64"))
    for train, other in ((slice(cut, None), slice(0, cut)), (slice(0, -cut), slice(-cut, None))):
        ours, theirs = LagWindower(3).fit(short.iloc[train]), LagWindower(3).fit(long.iloc[train])
        for part in (train, other):
            np.testing.assert_array_equal(
                ours.transform(short.iloc[part]), theirs.transform(long.iloc[part])
            )


def assert_unbroken(index, n_train):
    """Hold each row's predecessor against the row before it, in the training rows and later."""
    rows = table(index)
    windower = LagWindower(2).fit(rows.iloc[:n_train])
    before = [
        windower.transform(part)[:, 0, 0] for part in (rows.iloc[:n_train], rows.iloc[n_train:])
    ]
    np.testing.assert_array_equal(np.concatenate(before), rows["a"].shift(1))


@pytest.mark.parametrize("step", ["D", "7D", "h"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("n_train", [2, 5, 20])
def test_summer_time_breaks_no_series(n_train, zone, step):
    """One day later is the same local time on the next date, whenever training ended."""
    assert_unbroken(pd.date_range("2024-03-01", periods=60, freq=step, tz=zone), n_train)


@pytest.mark.parametrize("n_train", [2, 3, 4, 5, 10])
@pytest.mark.parametrize("first", ["2023-12-31", "2024-01-01", "2024-01-03", "2024-07-01"])
@pytest.mark.parametrize("freq", ["B", "MS", "ME", "QS", "YS", "YE"])
def test_few_training_rows_show_the_regular_step(freq, first, n_train):
    """Months are known from two rows on, and business days where pandas knows them as such."""
    assert_unbroken(pd.date_range(first, periods=30, freq=freq), n_train)


def test_business_days_have_no_gaps_at_week_ends():
    """Without a freq, missing week-ends and holidays still read as business days."""
    days = pd.DatetimeIndex(pd.bdate_range("2024-01-03", periods=60).to_numpy())
    assert_unbroken(days[:9], 5)
    assert_unbroken(days.delete([0, 12, 18, 31, 46]), 40)


@pytest.mark.parametrize("freq", ["D", "MS", "ME", "W", "h", "B", "QS"])
def test_a_label_off_the_regular_step_changes_no_earlier_row(freq):
    """It has no known past, and rows before it do not depend on it."""
    index = pd.date_range("2024-01-01", periods=30, freq=freq)
    rows = table(index)
    windower = LagWindower(3).fit(rows[:20])
    odd = index[20:].to_list()
    odd[6] += pd.Timedelta("17min")
    with pytest.warns(UnknownPastWarning, match=f"{odd[6]:%Y-%m-%d %H:%M}.*known place"):
        ours = windower.transform(rows[20:].set_axis(pd.DatetimeIndex(odd)))
    expected = windower.transform(rows[20:]).copy()
    expected[6:8, :2] = expected[8, :1] = np.nan
    np.testing.assert_array_equal(ours, expected)
