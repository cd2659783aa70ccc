"""SeriesMinMaxScaler against scikit-learn's MinMaxScaler."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.preprocessing import MinMaxScaler

from sklstm import SeriesMinMaxScaler

DAYS = pd.date_range("2024-01-01", periods=20, freq="D")
FINITE = st.floats(-1e6, 1e6, width=32)


@pytest.fixture
def rows():
    """Three columns of twenty rows of different size."""
    return np.random.default_rng(0).normal(size=(20, 3)) * [1, 10, 100] + [0, 50, -200]


@pytest.fixture
def frame(rows):
    """The rows as a table."""
    return pd.DataFrame(rows, index=DAYS, columns=["a", "b", "c"])


@given(
    rows=hnp.arrays(float, st.tuples(st.integers(1, 9), st.integers(1, 3)), elements=FINITE),
    low=st.integers(-3, 0),
    clip=st.booleans(),
)
def test_rows_are_scaled_as_by_scikit_learn(rows, low, clip):
    """Training rows and rows beyond their range come out as from MinMaxScaler."""
    ours = SeriesMinMaxScaler((low, 1), clip=clip).fit(rows)
    theirs = MinMaxScaler((low, 1), clip=clip).fit(rows)
    for values in (rows, 2 * rows + 1):
        np.testing.assert_allclose(ours.transform(values), theirs.transform(values))


@pytest.mark.parametrize("name", ["min_", "scale_", "data_min_", "data_max_", "data_range_"])
def test_fitted_attributes_are_those_of_scikit_learn(rows, name):
    """What was learnt goes by scikit-learn's names."""
    ours, theirs = SeriesMinMaxScaler().fit(rows), MinMaxScaler().fit(rows)
    np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@given(hnp.arrays(float, st.tuples(st.integers(2, 9), st.just(2)), elements=st.floats(-1e3, 1e3)))
def test_inverse_undoes_transform(rows):
    """What was scaled comes back."""
    scaler = SeriesMinMaxScaler((-1, 1)).fit(rows)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(rows)), rows, atol=1e-9)


def test_nan_passes_through(rows):
    """NaN is left out of the range and stays where it is."""
    rows[:4, 1] = np.nan
    np.testing.assert_allclose(
        SeriesMinMaxScaler().fit_transform(rows), MinMaxScaler().fit_transform(rows)
    )


def test_windows_are_scaled_by_their_last_axis(rows):
    """Each column of a window is scaled as the column of the rows."""
    windows = np.stack([rows[:18], rows[1:19], rows[2:]], axis=1)
    scaled = SeriesMinMaxScaler().fit(rows).transform(windows)
    expected = MinMaxScaler().fit(rows).transform(windows.reshape(-1, 3)).reshape(windows.shape)
    np.testing.assert_allclose(scaled, expected)


def test_a_fit_on_windows_learns_the_range_of_all_their_steps(rows):
    """A column's range is taken over all rows and steps of the windows."""
    windows = np.stack([rows[:19], rows[1:]], axis=1)
    scaler = SeriesMinMaxScaler().fit(windows)
    np.testing.assert_array_equal(scaler.data_max_, rows.max(axis=0))
    assert scaler.n_features_in_ == 3


def test_windows_come_back(rows):
    """Windows of all columns are undone by their last axis."""
    windows = np.stack([rows[:19], rows[1:]], axis=1)
    scaler = SeriesMinMaxScaler().fit(rows)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(windows)), windows)


@pytest.mark.parametrize("columns", [2, "c", [2], ["c"], np.array([2])], ids=repr)
@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 4), (5, 4, 1)], ids=str)
def test_one_named_column_comes_back_in_any_shape(frame, columns, shape):
    """Predictions of one column, one step or many, need no dummy columns."""
    scaler = SeriesMinMaxScaler().fit(frame)
    predictions = np.random.default_rng(1).uniform(size=shape)
    restored = scaler.inverse_transform(predictions, columns=columns)
    low, high = frame["c"].min(), frame["c"].max()
    np.testing.assert_allclose(restored, predictions * (high - low) + low)


def test_some_columns_come_back_in_their_order(rows):
    """Columns are undone in the order in which they are named."""
    scaler = SeriesMinMaxScaler().fit(rows)
    scaled = MinMaxScaler().fit_transform(rows)[:, [2, 0]]
    np.testing.assert_allclose(scaler.inverse_transform(scaled, columns=[2, 0]), rows[:, [2, 0]])


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 4)], ids=str)
def test_the_target_is_what_other_shapes_mean(frame, shape):
    """An array that does not hold all columns holds the target."""
    scaler = SeriesMinMaxScaler(target="b").fit(frame)
    restored = scaler.inverse_transform(np.ones(shape))
    np.testing.assert_allclose(restored, np.full(shape, frame["b"].max()))


def test_all_columns_go_before_the_target(rows):
    """An array with all columns is undone column by column, target or not."""
    scaler = SeriesMinMaxScaler(target=1).fit(rows)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(rows)), rows)


def test_columns_go_before_the_target(rows):
    """A call's own columns overrule the target."""
    scaler = SeriesMinMaxScaler(target=1).fit(rows)
    np.testing.assert_allclose(
        scaler.inverse_transform(np.ones(2), columns=0), np.full(2, rows[:, 0].max())
    )


def test_several_targets_come_back(rows):
    """Several targets are undone column by column."""
    scaler = SeriesMinMaxScaler(target=[0, 2]).fit(rows)
    np.testing.assert_allclose(
        scaler.inverse_transform(np.ones((4, 2))), np.tile(rows.max(axis=0)[[0, 2]], (4, 1))
    )


@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 4), (5, 3, 2)], ids=str)
def test_a_shape_that_fits_nothing_is_refused_with_what_would_do(rows, shape):
    """The message shows the shape, those that would do, and how to name columns."""
    message = (
        rf"Y has shape \({shape[0]},.*expected \(n_rows, 3\) or \(n_rows, n_steps, 3\).*columns="
    )
    with pytest.raises(ValueError, match=message):
        SeriesMinMaxScaler().fit(rows).inverse_transform(np.ones(shape))


def test_labels_and_names_stay(frame):
    """A table comes out as a table, there and back."""
    scaler = SeriesMinMaxScaler().fit(frame)
    scaled = scaler.transform(frame)
    assert scaled.index.equals(frame.index)
    pd.testing.assert_frame_equal(scaler.inverse_transform(scaled), frame)


def test_a_series_of_predictions_keeps_labels_and_name(frame):
    """A pandas Series comes back as one."""
    predictions = pd.Series(np.ones(3), index=DAYS[:3], name="forecast")
    restored = SeriesMinMaxScaler(target="a").fit(frame).inverse_transform(predictions)
    pd.testing.assert_series_equal(
        restored, pd.Series(frame["a"].max(), index=DAYS[:3], name="forecast"), check_freq=False
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(rows, dtype):
    """Scaled rows are of the precision of the rows."""
    assert SeriesMinMaxScaler().fit_transform(rows.astype(dtype)).dtype == dtype


def test_partial_fit_widens_the_range(rows):
    """Rows in two parts teach the same range as all at once."""
    parts = SeriesMinMaxScaler().partial_fit(rows[:9]).partial_fit(rows[9:])
    np.testing.assert_array_equal(parts.scale_, MinMaxScaler().fit(rows).scale_)


def test_fit_forgets_the_range_before(rows):
    """A second fit learns from the second rows only."""
    scaler = SeriesMinMaxScaler().fit(rows * 100).fit(rows)
    np.testing.assert_array_equal(scaler.data_max_, rows.max(axis=0))


def test_rows_are_not_scaled_in_place(rows):
    """The user's array stays what it was."""
    before = rows.copy()
    SeriesMinMaxScaler((-1, 1), clip=True).fit_transform(rows)
    np.testing.assert_array_equal(rows, before)


def test_a_constant_column_comes_back():
    """A column without a range is scaled to the lower end and restored."""
    rows = np.full((4, 1), 7.0)
    scaler = SeriesMinMaxScaler((-1, 1)).fit(rows)
    np.testing.assert_array_equal(scaler.transform(rows), np.full((4, 1), -1.0))
    np.testing.assert_array_equal(scaler.inverse_transform(scaler.transform(rows)), rows)


def test_a_clone_knows_nothing(rows):
    """A clone has the parameters and none of the ranges."""
    copy = clone(SeriesMinMaxScaler((-1, 1), clip=True, target=2).fit(rows))
    assert vars(copy) == {"feature_range": (-1, 1), "clip": True, "target": 2}
