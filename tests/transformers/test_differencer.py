"""Differencer against pandas' diff and a plain loop."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline

from sklstm import Differencer, SeriesMinMaxScaler

DAYS = pd.date_range("2024-01-01", periods=60, freq="D")
INTERVALS = st.lists(st.integers(1, 6), min_size=1, max_size=3)


def by_pandas(rows, intervals):
    """Difference a whole series with pandas."""
    frame = pd.DataFrame(rows)
    for interval in np.atleast_1d(intervals):
        frame = frame.diff(int(interval))
    return frame.to_numpy()


def run_on_by_hand(known, differences, intervals):
    """Sum differences up row by row, each restored row being known to the next."""
    known = [np.asarray(row) for row in known]
    for difference in differences:
        lagged = pd.DataFrame([*known, np.zeros_like(known[0])])
        for interval in intervals:
            lagged = lagged.diff(interval)
        known.append(difference - lagged.iloc[-1].to_numpy())
    return np.array(known[-len(differences) :])


@pytest.fixture
def rows():
    """A random walk with a season, two columns of sixty rows."""
    draws = np.random.default_rng(0)
    season = 10 * np.sin(np.arange(60) * 2 * np.pi / 12)[:, None]
    return draws.normal(size=(60, 2)).cumsum(axis=0) + season


@pytest.mark.parametrize("interval", [1, 3, [1, 12], (2, 1), np.array([1, 1])], ids=str)
def test_training_differences_equal_pandas(rows, interval):
    """Differences are those of DataFrame.diff, taken one after the other."""
    np.testing.assert_allclose(
        Differencer(interval).fit_transform(rows), by_pandas(rows, interval), atol=1e-12
    )


@given(intervals=INTERVALS, n_later=st.integers(1, 12))
def test_later_differences_reach_into_the_training_rows(intervals, n_later):
    """Rows after the training rows are differenced against them: nothing is NaN."""
    rows = np.random.default_rng(1).normal(size=(20 + n_later, 2))
    later = Differencer(intervals).fit(rows[:20]).transform(rows[20:])
    np.testing.assert_allclose(later, by_pandas(rows, intervals)[20:], atol=1e-12)


@given(intervals=INTERVALS, n_rows=st.integers(19, 40))
def test_the_training_rows_come_back(intervals, n_rows):
    """inverse_transform undoes transform on the training rows, the first rows included."""
    rows = np.random.default_rng(2).normal(size=(n_rows, 2))
    differencer = Differencer(intervals).fit(rows)
    np.testing.assert_allclose(
        differencer.inverse_transform(differencer.transform(rows)), rows, atol=1e-9
    )


@given(intervals=INTERVALS, n_later=st.integers(1, 25))
def test_later_rows_come_back(intervals, n_later):
    """inverse_transform undoes transform on rows after the training rows."""
    rows = np.random.default_rng(3).normal(size=(20 + n_later, 1))
    differencer = Differencer(intervals).fit(rows[:20])
    back = differencer.inverse_transform(differencer.transform(rows[20:]))
    np.testing.assert_allclose(back, rows[20:], atol=1e-9)


@given(intervals=INTERVALS, n_later=st.integers(1, 25))
def test_later_rows_come_back_by_their_labels(intervals, n_later):
    """The round trip holds for tables, and keeps labels and names."""
    rows = np.random.default_rng(4).normal(size=(20 + n_later, 1))
    frame = pd.DataFrame(rows, index=DAYS[: len(rows)], columns=["a"])
    differencer = Differencer(intervals).fit(frame[:20])
    back = differencer.inverse_transform(differencer.transform(frame[20:]))
    pd.testing.assert_frame_equal(back, frame[20:], atol=1e-9, check_freq=False)


@given(intervals=INTERVALS, n_later=st.integers(1, 15))
def test_forecast_differences_run_on_from_the_last_known_row(intervals, n_later):
    """Differences that a model invents are summed up from the end of the training rows."""
    draws = np.random.default_rng(5)
    rows, differences = draws.normal(size=(20, 2)), draws.normal(size=(n_later, 2))
    np.testing.assert_allclose(
        Differencer(intervals).fit(rows).inverse_transform(differences),
        run_on_by_hand(rows, differences, intervals),
        atol=1e-9,
    )


@pytest.mark.parametrize("intervals", [[1], [12], [1, 12]], ids=str)
def test_observed_rows_restore_one_step_ahead(rows, intervals):
    """With observed values, each row is restored from the true rows before it."""
    differences = np.random.default_rng(6).normal(size=(20, 2))
    restored = (
        Differencer(intervals).fit(rows[:40]).inverse_transform(differences, observed=rows[40:])
    )
    expected = [
        run_on_by_hand(rows[:t], differences[[t - 40]], intervals)[0] for t in range(40, 60)
    ]
    np.testing.assert_allclose(restored, expected, atol=1e-9)


def test_a_row_does_not_use_its_own_observed_value(rows):
    """The observed value of a row may be unknown when the row is restored."""
    differencer = Differencer([1, 12]).fit(rows[:40])
    differences = np.ones((20, 2))
    unknown = rows[40:].copy()
    unknown[-1] = np.nan
    np.testing.assert_array_equal(
        differencer.inverse_transform(differences, observed=unknown),
        differencer.inverse_transform(differences, observed=rows[40:]),
    )


def test_an_observed_value_does_not_decide_on_its_own_past(rows):
    """What was observed at a labelled training row changes nothing about how it is restored."""
    frame = pd.DataFrame(rows, index=DAYS)
    differencer = Differencer(1).fit(frame[:40])
    differences, other = np.ones((5, 2)), frame[35:40].copy()
    other.iloc[0] = 1e3
    with pytest.warns(UserWarning, match="other values"):
        restored = differencer.inverse_transform(differences, observed=other)
    np.testing.assert_allclose(restored[0], rows[34] + 1)


def test_observed_training_rows_restore_all_but_the_first(rows):
    """What has no known row before it cannot be restored from observed rows."""
    differencer = Differencer([1, 12]).fit(rows)
    back = differencer.inverse_transform(differencer.transform(rows), observed=rows)
    assert np.isnan(back[:13]).all()
    np.testing.assert_allclose(back[13:], rows[13:], atol=1e-9)


def test_a_missing_observed_value_spoils_the_rows_that_need_it(rows):
    """A row whose base was not observed is NaN, and only that row."""
    observed = rows[40:].copy()
    observed[4] = np.nan
    restored = Differencer(1).fit(rows[:40]).inverse_transform(np.ones((20, 2)), observed=observed)
    np.testing.assert_array_equal(np.isnan(restored).all(axis=1), np.arange(20) == 5)


def test_nothing_runs_on_across_a_gap(rows):
    """After a gap no value is known to start from."""
    frame = pd.DataFrame(rows, index=DAYS)
    differencer = Differencer(1).fit(frame[:30])
    with pytest.warns(UserWarning, match="start 10 steps later"):
        restored = differencer.inverse_transform(frame[40:])
    assert restored.isna().all(axis=None)


def test_a_gap_inside_the_training_rows_is_not_reached_across(rows):
    """The first rows after a gap have no difference, and are pandas' differences later on."""
    holed = pd.DataFrame(rows, index=DAYS).drop(DAYS[20:30])
    differences = Differencer([1, 2]).fit_transform(holed)
    expected = np.vstack([by_pandas(rows[:20], [1, 2]), by_pandas(rows[30:], [1, 2])])
    np.testing.assert_allclose(differences, expected, atol=1e-12)


def test_arrays_and_tables_give_the_same(rows):
    """Labels of a series without gaps change no difference."""
    frame = pd.DataFrame(rows, index=DAYS, columns=["a", "b"])
    by_array = Differencer([1, 12]).fit(rows[:40]).transform(rows[40:])
    by_table = Differencer([1, 12]).fit(frame[:40]).transform(frame[40:])
    pd.testing.assert_frame_equal(
        by_table, pd.DataFrame(by_array, index=DAYS[40:], columns=["a", "b"]), check_freq=False
    )


def test_continue_runs_on_whatever_the_labels(rows):
    """history="continue" makes differences with labels of their own follow the training rows."""
    train = pd.DataFrame(rows[:40], index=DAYS[:40])
    later = pd.DataFrame(np.ones((3, 2)), index=pd.RangeIndex(3))
    restored = Differencer(1, history="continue").fit(train).inverse_transform(later)
    np.testing.assert_allclose(restored, rows[39] + np.array([[1], [2], [3]]))


def test_fit_transform_is_fit_then_transform(rows):
    """Both ways give the same differences."""
    np.testing.assert_array_equal(
        Differencer([1, 12]).fit_transform(rows), Differencer([1, 12]).fit(rows).transform(rows)
    )


def test_a_single_column_may_come_flat(rows):
    """Differences of one column may come as one axis, and go back as one."""
    restored = Differencer(1).fit(rows[:40, :1]).inverse_transform(np.ones(3))
    np.testing.assert_allclose(restored, rows[39, 0] + np.array([1, 2, 3]))


def test_a_series_keeps_its_labels_and_name(rows):
    """A pandas Series of differences comes back as one."""
    frame = pd.DataFrame({"a": rows[:, 0]}, index=DAYS)
    differencer = Differencer(1).fit(frame[:40])
    back = differencer.inverse_transform(differencer.transform(frame[40:])["a"])
    pd.testing.assert_series_equal(back, frame["a"][40:], check_freq=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(rows, dtype):
    """Differences are of the precision of the rows."""
    assert Differencer(1).fit_transform(rows.astype(dtype)).dtype == dtype


def test_set_output_gives_a_frame(rows):
    """set_output("pandas") gives a frame for an array."""
    frame = Differencer(1).set_output(transform="pandas").fit_transform(rows)
    assert frame.columns.tolist() == ["x0", "x1"]


def test_a_pipeline_of_steps_inverts(rows):
    """Differencing and scaling in a pipeline undo each other on later rows."""
    steps = make_pipeline(Differencer([1, 12]), SeriesMinMaxScaler((-1, 1))).fit(rows[:40])
    back = steps.inverse_transform(steps.transform(rows[40:]))
    np.testing.assert_allclose(back, rows[40:], atol=1e-9)


def test_two_differencers_equal_one_with_two_intervals(rows):
    """A pipeline of differencers knows the past at every step."""
    steps = make_pipeline(Differencer(1), Differencer(12)).fit(rows[:40])
    one = Differencer([1, 12]).fit(rows[:40])
    np.testing.assert_allclose(steps.transform(rows[40:]), one.transform(rows[40:]), atol=1e-12)


def test_two_differencers_run_on_as_one_does(rows):
    """The way back through a pipeline of differencers is that of one with two intervals."""
    steps = make_pipeline(Differencer(1), Differencer(12)).fit(rows[:40])
    one = Differencer([1, 12]).fit(rows[:40])
    differences = np.random.default_rng(7).normal(size=(30, 2))
    np.testing.assert_allclose(
        steps.inverse_transform(differences), one.inverse_transform(differences), atol=1e-9
    )


@pytest.mark.parametrize("interval", [1, 3, [1, 2]])
@pytest.mark.parametrize("changed", [0, 1, 4, 10, 14, 20])
def test_changed_differences_of_the_training_rows_run_on(interval, changed):
    """Without labels as with them: what is the same at the start are the training rows."""
    rows = (np.arange(100.0, 160.0) + np.arange(60) ** 2)[:, None]
    differencer = Differencer(interval).fit(rows[:40])
    differences = differencer.transform(rows[:40])
    place = int(np.isnan(differences).sum()) + changed
    differences[place] += 1
    expected = rows[:40].copy()
    steps = [interval] if isinstance(interval, int) else interval
    for row in range(place, 40):
        # Written out for the sum of the intervals, one by one.
        if len(steps) == 1:
            expected[row] = differences[row] + expected[row - steps[0]]
        else:
            a, b = steps
            before = expected[row - a] + expected[row - b] - expected[row - a - b]
            expected[row] = differences[row] + before
    np.testing.assert_allclose(differencer.inverse_transform(differences), expected)


@pytest.mark.parametrize("interval", [1, 3, [1, 4]])
def test_later_rows_that_begin_unknown_get_no_value_of_the_training_rows(interval):
    """NaN is no sign of the training rows: what is not known stays so, as with labels."""
    rows = np.random.default_rng(0).normal(size=(60, 1)).cumsum(axis=0)
    rows[40] = np.nan
    bare = Differencer(interval).fit(rows[:40])
    table = pd.DataFrame(rows, columns=["a"])
    labelled = Differencer(interval).fit(table[:40])
    expected = labelled.inverse_transform(labelled.transform(table[40:]))
    ours = bare.inverse_transform(bare.transform(rows[40:]))
    np.testing.assert_allclose(ours, expected.to_numpy())
    assert np.isnan(ours[0])
