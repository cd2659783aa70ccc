"""LagWindower against a plain loop and pandas' shift."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.pipeline import make_pipeline

from sklstm import LagWindower

DAYS = pd.date_range("2024-01-01", periods=30, freq="D")
FINITE = st.floats(-1e6, 1e6, width=32)


def by_hand(rows, window, past=()):
    """Return the windows of rows that come after `past`, by a plain loop."""
    unknown = np.full((window - 1, np.shape(rows)[1]), np.nan)
    known = np.array([*unknown, *past, *rows])[-(window - 1 + len(rows)) :]
    return np.array([known[t : t + window] for t in range(len(rows))])


@pytest.fixture
def rows():
    """Two columns of thirty rows."""
    return np.random.default_rng(0).normal(size=(30, 2))


@given(
    rows=hnp.arrays(float, st.tuples(st.integers(2, 12), st.integers(1, 3)), elements=FINITE),
    data=st.data(),
)
def test_training_windows_equal_a_loop(rows, data):
    """Row t holds the rows up to t, oldest first, and NaN before the first row."""
    window = data.draw(st.integers(1, len(rows)))
    np.testing.assert_array_equal(LagWindower(window).fit_transform(rows), by_hand(rows, window))


@given(n_train=st.integers(5, 20), window=st.integers(1, 5), n_later=st.integers(1, 9))
def test_later_windows_reach_into_the_training_rows(n_train, window, n_later):
    """The rows after the training rows have them as their past."""
    rows = np.random.default_rng(0).normal(size=(n_train + n_later, 2))
    train, later = rows[:n_train], rows[n_train:]
    windows = LagWindower(window).fit(train).transform(later)
    np.testing.assert_array_equal(windows, by_hand(later, window, past=train))


def test_windows_are_a_view(rows):
    """Windows share their memory: a step is not copied once per window."""
    windows = LagWindower(10).fit_transform(rows)
    assert np.shares_memory(windows[20], windows[21])
    base = windows
    while base.base is not None:
        base = base.base
    assert base.nbytes < 2 * rows.nbytes


def test_windows_are_read_only_copies_of_the_table(rows):
    """Writing to one is refused, and later changes of the table change none."""
    windows = LagWindower(3).fit_transform(rows)
    before = windows.copy()
    with pytest.raises(ValueError, match="read-only"):
        windows[5, 0, 0] = 1.0
    rows[:] = 0.0
    np.testing.assert_array_equal(windows, before)


@pytest.mark.parametrize(("given", "kept"), [("f4", "f4"), ("f8", "f8"), ("i4", "f8")])
def test_windows_are_floats_of_the_precision_of_the_rows(rows, given, kept):
    """Whole numbers become floats, as NaN needs."""
    assert LagWindower(3).fit_transform(rows.astype(given)).dtype == kept


def test_nan_inside_passes_through(rows):
    """NaN in mid-table is NaN in each window that holds the row."""
    rows[10, 1] = np.nan
    np.testing.assert_array_equal(LagWindower(3).fit_transform(rows), by_hand(rows, 3))


def test_a_table_with_a_gap_is_cut_there(rows):
    """The windows after a gap begin anew, those before it are as ever."""
    index = DAYS[:20].append(DAYS[20:] + pd.Timedelta("9D"))
    windows = LagWindower(4).fit_transform(pd.DataFrame(rows, index=index, columns=["a", "b"]))
    expected = np.concatenate([by_hand(rows[:20], 4), by_hand(rows[20:], 4)])
    np.testing.assert_array_equal(windows, expected)


# ------------------------------------------------------------------------------------------ flat


def test_flat_windows_are_shifted_columns(rows):
    """Column <name>_t-k is the column k rows earlier, and labels stay."""
    frame = pd.DataFrame(rows, index=DAYS, columns=["a", "b"])
    flat = LagWindower(3, flatten=True).fit_transform(frame)
    expected = pd.DataFrame(
        {f"{name}_t-{k}": frame[name].shift(k) for k in (2, 1, 0) for name in frame}
    )
    pd.testing.assert_frame_equal(flat, expected)


def test_flat_windows_of_an_array_are_an_array(rows):
    """An array gives the flattened windows."""
    flat = LagWindower(3, flatten=True).fit_transform(rows)
    np.testing.assert_array_equal(flat, by_hand(rows, 3).reshape(30, 6))


def test_flat_columns_of_an_array_have_default_names(rows):
    """Columns without names are called x0, x1 and so on, also where set_output names them."""
    windower = LagWindower(2, flatten=True).set_output(transform="pandas")
    names = ["x0_t-1", "x1_t-1", "x0_t-0", "x1_t-0"]
    assert windower.fit_transform(rows).columns.tolist() == names
    assert windower.get_feature_names_out().tolist() == names


def test_set_output_leaves_three_axes_alone(rows):
    """A frame has no third axis, so windows stay an array."""
    windows = LagWindower(2).set_output(transform="pandas").fit_transform(rows)
    assert isinstance(windows, np.ndarray)
    assert windows.shape == (30, 2, 2)


def test_windows_with_three_axes_have_no_column_names(rows):
    """get_feature_names_out exists for flat windows only."""
    assert not hasattr(LagWindower(2).fit(rows), "get_feature_names_out")


def test_a_change_of_the_window_waits_for_fit(rows):
    """A fitted windower keeps the window that it was fitted with until it is fitted again."""
    windower = LagWindower(3).fit(rows)
    windower.set_params(window=5)
    assert windower.transform(rows).shape == (30, 3, 2)
    assert windower.fit(rows).transform(rows).shape == (30, 5, 2)


def test_windows_within_windows_add_up(rows):
    """A flat window of two of flat windows of two reaches back three rows."""
    nested = make_pipeline(LagWindower(2, flatten=True), LagWindower(2, flatten=True))
    later = nested.fit(rows[:20]).transform(rows[20:])
    np.testing.assert_array_equal(
        later,
        np.hstack([by_hand(rows, 3)[20:, :2].reshape(10, 4), by_hand(rows, 2)[20:].reshape(10, 4)]),
    )


# ---------------------------------------------------------------------------------------- folded


def folded_by_hand(windows, fold):
    """Return windows with `fold` rows in a step, which is NaN where one of them is, by loops."""
    return np.array(
        [
            [
                np.concatenate(rows) if not np.isnan(rows).any() else np.full(rows.size, np.nan)
                for rows in np.split(window, len(window) // fold)
            ]
            for window in windows
        ]
    )


@given(
    fold=st.integers(1, 5),
    n_steps=st.integers(1, 4),
    n_features=st.integers(1, 3),
    n_train=st.integers(20, 25),
    n_later=st.integers(1, 30),
    n_lost=st.integers(0, 4),
)
def test_folded_windows_equal_a_loop(fold, n_steps, n_features, n_train, n_later, n_lost):
    """Training windows and later ones have rows side by side, the oldest first."""
    window = fold * n_steps
    rows = np.random.default_rng(0).normal(size=(n_train + n_later, n_features))
    rows[:n_lost] = np.nan
    train, later = rows[:n_train], rows[n_train:]
    windower = LagWindower(window, fold=fold).fit(train)
    expected = folded_by_hand(by_hand(rows, window), fold)
    np.testing.assert_array_equal(windower.transform(train), expected[:n_train], strict=True)
    np.testing.assert_array_equal(windower.transform(later), expected[n_train:], strict=True)


def test_folded_windows_begin_anew_after_a_gap(rows):
    """A step is NaN until all its rows are known, after a gap as at the start."""
    index = DAYS[:17].append(DAYS[17:] + pd.Timedelta("9D"))
    windows = LagWindower(6, fold=3).fit_transform(pd.DataFrame(rows, index=index))
    parts = [folded_by_hand(by_hand(part, 6), 3) for part in (rows[:17], rows[17:])]
    np.testing.assert_array_equal(windows, np.concatenate(parts))


@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=4), data=st.data())
def test_folded_windows_of_many_series_are_those_of_each(lengths, data):
    """Whatever the lengths and first days, no step holds rows of two series."""
    first = data.draw(st.tuples(*[st.integers(0, 5)] * len(lengths)))
    draws = np.random.default_rng(0)
    parts = {
        i: pd.DataFrame(draws.normal(size=(n, 2)), DAYS[at : at + n], ["a", "b"])
        for i, (n, at) in enumerate(zip(lengths, first, strict=True))
    }
    panel = pd.concat(parts, names=["series", "day"]).swaplevel().sort_index()
    assume(len(panel) >= 6)
    windows = np.asarray(LagWindower(6, fold=2).fit_transform(panel))
    for i, part in parts.items():
        mine = windows[panel.index.get_level_values("series") == i]
        np.testing.assert_array_equal(mine, folded_by_hand(by_hand(part.to_numpy(), 6), 2))


def test_folded_windows_share_their_memory(rows):
    """The series is held once; windows of which all is known are a read-only view of it."""
    windows = LagWindower(12, fold=4).fit_transform(rows)
    assert windows.values.nbytes < 2 * rows.nbytes
    known = np.asarray(windows[11:])
    assert known.shape == (19, 3, 8)
    assert np.shares_memory(known, windows.values)
    assert not known.flags.writeable


def test_flat_windows_are_the_same_with_any_fold(rows):
    """What stands side by side is no question where all does: same numbers, same names."""
    frame = pd.DataFrame(rows, index=DAYS, columns=["a", "b"])
    flat = LagWindower(6, fold=3, flatten=True).fit_transform(frame)
    pd.testing.assert_frame_equal(flat, LagWindower(6, flatten=True).fit_transform(frame))


def test_a_change_of_the_fold_waits_for_fit(rows):
    """A fitted windower keeps the fold that it was fitted with until it is fitted again."""
    windower = LagWindower(6, fold=3).fit(rows)
    windower.set_params(fold=2)
    assert windower.transform(rows).shape == (30, 2, 6)
    assert windower.fit(rows).transform(rows).shape == (30, 3, 4)


@pytest.mark.parametrize(
    ("window", "fold", "remedy"),
    [(170, 24, "window=168 or 192"), (23, 24, "window=24"), (1, 2, "window=2")],
)
def test_a_window_that_cannot_be_folded_is_refused(window, fold, remedy, rows):
    """The message names the nearest windows that can."""
    with pytest.raises(ValueError, match=f"not a multiple of fold={fold}.* Use {remedy}, or"):
        LagWindower(window, fold=fold).fit(rows)
