"""Differencer against pandas' diff and a plain loop."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline

from sklstm import AssumedPastWarning, Differencer

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


def test_a_row_is_not_restored_from_its_own_observed_value(rows):
    """Another observed value at a training row changes what is restored after it, not there."""
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


def test_a_missing_observed_value_makes_one_row_nan(rows):
    """A row whose base was not observed is NaN, and only that row."""
    observed = rows[40:].copy()
    observed[4] = np.nan
    restored = Differencer(1).fit(rows[:40]).inverse_transform(np.ones((20, 2)), observed=observed)
    np.testing.assert_array_equal(np.isnan(restored).all(axis=1), np.arange(20) == 5)


def test_nothing_runs_on_across_a_gap(rows):
    """After a gap no value is known to start from."""
    frame = pd.DataFrame(rows, index=DAYS)
    differencer = Differencer(1).fit(frame[:30])
    with pytest.warns(UserWarning, match="comes 10 steps later"):
        restored = differencer.inverse_transform(frame[40:])
    assert restored.isna().all(axis=None)


def test_a_gap_inside_the_training_rows_is_not_reached_across(rows):
    """The first rows after a gap have no difference, and are pandas' differences later on."""
    holed = pd.DataFrame(rows, index=DAYS).drop(DAYS[20:30])
    differences = Differencer([1, 2]).fit_transform(holed)
    expected = np.vstack([by_pandas(rows[:20], [1, 2]), by_pandas(rows[30:], [1, 2])])
    np.testing.assert_allclose(differences, expected, atol=1e-12)


def test_continue_runs_on_whatever_the_labels(rows):
    """history="continue" makes differences with labels of their own follow the training rows."""
    train = pd.DataFrame(rows[:40], index=DAYS[:40])
    later = pd.DataFrame(np.ones((3, 2)), index=pd.RangeIndex(3))
    restored = Differencer(1, history="continue").fit(train).inverse_transform(later)
    np.testing.assert_allclose(restored, rows[39] + np.array([[1], [2], [3]]))


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


def test_two_differencers_equal_one_with_two_intervals(rows):
    """A pipeline of differencers knows the past at every step, there and back."""
    steps = make_pipeline(Differencer(1), Differencer(12)).fit(rows[:40])
    one = Differencer([1, 12]).fit(rows[:40])
    np.testing.assert_allclose(steps.transform(rows[40:]), one.transform(rows[40:]), atol=1e-12)
    differences = np.random.default_rng(7).normal(size=(30, 2))
    np.testing.assert_allclose(
        steps.inverse_transform(differences), one.inverse_transform(differences), atol=1e-9
    )


@pytest.mark.parametrize("interval", [1, 3, [1, 2]], ids=str)
def test_differences_of_some_training_rows_run_on_from_the_last(rows, interval):
    """Without labels, only the differences of all training rows lead back to these."""
    differencer = Differencer(interval).fit(rows[:40])
    some = differencer.transform(rows[:40])[3:]
    expected = run_on_by_hand(rows[:40], some, np.atleast_1d(interval))
    np.testing.assert_allclose(differencer.inverse_transform(some), expected, atol=1e-9)
    with pytest.warns(AssumedPastWarning, match="history="):
        differencer.inverse_transform(differencer.transform(rows[:40])[:-1])


@pytest.mark.parametrize("interval", [1, 3, [1, 4]])
def test_later_differences_that_begin_with_nan_are_not_training_differences(interval):
    """Without labels they come back as with labels: what is not known stays NaN."""
    rows = np.random.default_rng(0).normal(size=(60, 1)).cumsum(axis=0)
    rows[40] = np.nan
    bare = Differencer(interval).fit(rows[:40])
    table = pd.DataFrame(rows, columns=["a"])
    labelled = Differencer(interval).fit(table[:40])
    expected = labelled.inverse_transform(labelled.transform(table[40:]))
    ours = bare.inverse_transform(bare.transform(rows[40:]))
    np.testing.assert_allclose(ours, expected.to_numpy())
    assert np.isnan(ours[0])


# ----------------------------------------------------------------------- labels and column names

PANEL = pd.MultiIndex.from_product([DAYS[:30], ["x", "y"]], names=["day", "series"])
#: Observed rows with as many labels as the differences, but others.
OUT_OF_STEP = {
    "a day early": lambda X: X.set_axis(X.index.map(lambda one: (one[0] - DAYS.freq, one[1]))),
    "series in another order": lambda X: X.sort_index(ascending=[True, False]),
    "other series": lambda X: X.rename(index={"y": "z"}, level=1),
}


@pytest.mark.parametrize("name", OUT_OF_STEP)
def test_observed_rows_of_other_labels_are_refused(rows, name):
    """They would be added to the differences of other rows; as an array they go by position."""
    panel = pd.DataFrame(rows, PANEL, ["a", "b"])
    differencer = Differencer().fit(panel[:40])
    later = panel[40:]
    differences, strange = differencer.transform(later), OUT_OF_STEP[name](later)
    with pytest.raises(ValueError, match="observed and Z are out of step: row"):
        differencer.inverse_transform(differences, observed=strange)
    if name != "other series":
        with pytest.raises(ValueError, match="observed and Z are out of step: row 0"):
            differencer.inverse_transform(OUT_OF_STEP[name](differences), observed=later)
    for Z, observed in [(differences, later), (differences.to_numpy(), later)]:
        back = differencer.inverse_transform(Z, observed=observed)
        np.testing.assert_allclose(back, later)
    np.testing.assert_allclose(
        differencer.inverse_transform(differences, observed=later.to_numpy()), later
    )


def test_observed_rows_with_the_levels_in_another_order_are_refused():
    """Round 1 of team 2 has the labels of round 2 of team 1; the code of the message mends that."""
    index = pd.MultiIndex.from_product([range(3), range(3)], names=["round", "team"])
    X = pd.DataFrame({"a": np.arange(9.0) ** 2}, index)
    differencer = Differencer().fit(X)
    differences, turned = differencer.transform(X), X.swaplevel().sort_index()
    with pytest.raises(ValueError, match=r"of observed has \['team', 'round'\]") as error:
        differencer.inverse_transform(differences, observed=turned)
    code = str(error.value).partition("with ")[2].removesuffix(".")
    Z = eval(code, {"Z": differences, "observed": turned})  # noqa: S307
    assert Z.index.equals(turned.index)
    np.testing.assert_array_equal(Z["a"], differences.swaplevel()["a"].reindex(turned.index))


#: Names of two columns, and of two others of which one stands in the place of the other.
MISPLACED = {
    "one of two": (["a", "b"], ["b", "other"]),
    "steps": (["a", "b"], ["a_step1", "a_step2"]),
    "years": ([2023, 2024], [2024, 2025]),
    "steps of years": ([2023, 2024], ["2023_step1", "2023_step2"]),
    "polars": (["a", "b"], ["b", "a"]),
    "made by scikit-learn": (None, ["x1", "x0"]),
}


@pytest.mark.parametrize("argument", ["Z", "observed"])
@pytest.mark.parametrize("name", MISPLACED)
def test_a_column_in_the_place_of_another_is_refused(rows, name, argument):
    """Its differences would be added to the values of the other one."""
    names, strange = MISPLACED[name]
    fitted = rows if names is None else pd.DataFrame(rows, columns=names)
    frame = pd.DataFrame(rows, columns=strange)
    if name == "polars":
        frame = pytest.importorskip("polars").DataFrame(dict(zip(strange, rows.T, strict=True)))
    differencer = Differencer().fit(fitted)
    with pytest.raises(ValueError, match=f"{argument} has the columns .*in fit"):
        differencer.inverse_transform(**{"Z": rows, argument: frame})


@pytest.mark.parametrize("names", [["a", "other"], ["p", "q"], ["x1", "x2"], range(2), range(1, 3)])
@pytest.mark.parametrize("fitted", [["a", "b"], None], ids=["names", "array"])
def test_names_that_fit_has_not_seen_go_by_position(rows, names, fitted):
    """Predictions may be called as the user likes."""
    X = rows if fitted is None else pd.DataFrame(rows, columns=fitted)
    differences = pd.DataFrame(np.ones((3, 2)), columns=names)
    back = Differencer(history="continue").fit(X).inverse_transform(differences)
    np.testing.assert_allclose(back, rows[-1] + np.array([[1], [2], [3]]))
