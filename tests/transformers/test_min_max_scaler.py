"""SeriesMinMaxScaler against scikit-learn's MinMaxScaler."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
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
    for name in ("min_", "scale_", "data_min_", "data_max_", "data_range_"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_nan_passes_through(rows):
    """NaN is left out of the range and stays where it is."""
    rows[:4, 1] = np.nan
    np.testing.assert_allclose(
        SeriesMinMaxScaler().fit_transform(rows), MinMaxScaler().fit_transform(rows)
    )


def test_windows_are_scaled_by_their_last_axis(rows):
    """Each column of a window is scaled as the column of the rows, and comes back."""
    windows = np.stack([rows[:18], rows[1:19], rows[2:]], axis=1)
    scaler = SeriesMinMaxScaler().fit(rows)
    scaled = scaler.transform(windows)
    expected = MinMaxScaler().fit(rows).transform(windows.reshape(-1, 3)).reshape(windows.shape)
    np.testing.assert_allclose(scaled, expected)
    np.testing.assert_allclose(scaler.inverse_transform(scaled), windows)


def test_a_fit_on_windows_learns_the_range_of_all_their_steps(rows):
    """A column's range is taken over all rows and steps of the windows."""
    windows = np.stack([rows[:19], rows[1:]], axis=1)
    scaler = SeriesMinMaxScaler().fit(windows)
    np.testing.assert_array_equal(scaler.data_max_, rows.max(axis=0))
    assert scaler.n_features_in_ == 3


@pytest.mark.parametrize(
    ("target", "columns", "shape", "held"),
    [
        # One column, one step or many.
        *[
            (None, columns, shape, 2)
            for columns in (2, "c", [2], ["c"], np.array([2]))
            for shape in [(5,), (5, 1), (5, 4), (5, 4, 1)]
        ],
        # Columns in the order in which they are named.
        (None, [2, 0], (5, 2), [2, 0]),
        # An array that does not hold all columns holds the target.
        *[("b", None, shape, 1) for shape in [(5,), (5, 1), (5, 4)]],
        ([0, 2], None, (5, 2), [0, 2]),
        # All columns, and those that a call names, go before the target.
        (1, None, (5, 3), [0, 1, 2]),
        (1, 0, (5,), 0),
    ],
    ids=repr,
)
def test_named_columns_come_back(frame, target, columns, shape, held):
    """Predictions of some columns need no dummy columns beside them."""
    predictions = np.random.default_rng(1).uniform(size=shape)
    scaler = SeriesMinMaxScaler(target=target).fit(frame)
    low, high = frame.min().to_numpy()[held], frame.max().to_numpy()[held]
    np.testing.assert_allclose(
        scaler.inverse_transform(predictions, columns=columns), predictions * (high - low) + low
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


def test_partial_fit_widens_the_range(rows):
    """Rows in two parts teach the same range as all at once."""
    parts = SeriesMinMaxScaler().partial_fit(rows[:9]).partial_fit(rows[9:])
    np.testing.assert_array_equal(parts.scale_, MinMaxScaler().fit(rows).scale_)


def test_a_constant_column_comes_back():
    """A column without a range is scaled to the lower end and restored."""
    rows = np.full((4, 1), 7.0)
    scaler = SeriesMinMaxScaler((-1, 1)).fit(rows)
    np.testing.assert_array_equal(scaler.transform(rows), np.full((4, 1), -1.0))
    np.testing.assert_array_equal(scaler.inverse_transform(scaler.transform(rows)), rows)
