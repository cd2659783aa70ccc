"""The array-like that stands for windows which no view of the series can show."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_val_predict
from sklearn.utils import check_array, check_consistent_length, resample

from sklstm import LagWindower, LSTMRegressor
from sklstm._past import _memory_mapped, _windows
from sklstm._past._windows import Windows

N_ROWS, WINDOW = 90, 6
DRAWS = np.random.default_rng(0)
SERIES = DRAWS.normal(size=(N_ROWS, 3)).astype("float32").cumsum(axis=0) / 10
Y = DRAWS.normal(size=N_ROWS)
#: Rows 0–39 and 55–104: hours with a gap.
LABELS = pd.date_range("2024", periods=200, freq="h")[[*range(40), *range(55, 105)]]


def padded_by_hand(parts):
    """Return the windows of parts of a series, NaN before each, by a loop."""
    windows = []
    for rows in parts:
        known = np.concatenate([np.full((WINDOW - 1, 3), np.nan, rows.dtype), rows])
        windows += [known[i : i + WINDOW] for i in range(len(rows))]
    return np.array(windows)


def folded_by_hand(windows, fold):
    """Return windows with several rows in a step, which is NaN where one of them is."""
    folded = windows.reshape(len(windows), WINDOW // fold, -1).copy()
    folded[np.isnan(folded).any(axis=2)] = np.nan
    return folded


@pytest.fixture(
    params=["with a gap", "of a file", "folded", "folded, with a gap", "folded, of a file"]
)
def windows(request, tmp_path, monkeypatch):
    """Return windows of the series, and the same by hand."""
    fold = 2 if "folded" in request.param else 1
    windower = LagWindower(WINDOW, fold=fold)
    if "with a gap" in request.param:
        made = windower.fit_transform(pd.DataFrame(SERIES, LABELS))
        return made, folded_by_hand(padded_by_hand([SERIES[:40], SERIES[40:]]), fold)
    if request.param == "folded":
        return windower.fit_transform(SERIES), folded_by_hand(padded_by_hand([SERIES]), fold)
    monkeypatch.setattr(_memory_mapped, "LARGE", 100)
    monkeypatch.setattr(_memory_mapped, "BLOCK_BYTES", 200)
    monkeypatch.setattr(_windows, "SCATTERED", 5)
    SERIES.tofile(tmp_path / "series")
    file = np.memmap(tmp_path / "series", dtype="float32", mode="r", shape=SERIES.shape)
    return windower.fit_transform(file), folded_by_hand(padded_by_hand([SERIES]), fold)


KEYS = [
    *[slice(None), slice(None, None, 2), slice(None, None, -1), slice(10, 2, -1), slice(5, 5)],
    *[slice(-7, None), 3, -1, np.int64(7), [-1, -2], [-1, 0, 1], [], [[0, 5], [7, 1]]],
    *[np.arange(N_ROWS) % 3 == 0, np.zeros(N_ROWS, bool), Ellipsis, None],
    *[(3, 2, 1), (slice(None), -1), (slice(2, 9), slice(1, None), 0), ([4, 2], Ellipsis)],
    *[(slice(None, None, 5), ..., 1), (np.arange(N_ROWS) < 4, 0), ([0, 1], [1, 2])],
    (slice(None), [0, 2]),
]


@pytest.mark.parametrize("place", range(len(KEYS)))
def test_indexing_gives_what_an_array_gives(place, windows):
    """Slices, positions, masks, tuples and Ellipsis are taken as NumPy takes them."""
    made, by_hand = windows
    key = KEYS[place]
    expected = by_hand[np.array(key, dtype=int) if isinstance(key, list) and not key else key]
    np.testing.assert_array_equal(np.asarray(made[key]), expected, strict=True)


@pytest.mark.parametrize("key", [N_ROWS, -N_ROWS - 1, [0, N_ROWS], [0.5], np.ones(3, bool), "a"])
def test_a_key_that_an_array_refuses_is_refused(key, windows):
    """Out of range, fractions, short masks and text raise IndexError."""
    with pytest.raises(IndexError):
        windows[0][key]


def test_rows_are_chosen_without_a_copy(windows):
    """Slices, positions and masks share the series, one after the other too."""
    made, by_hand = windows
    for key in (slice(5, 70), DRAWS.permutation(N_ROWS)[:30], np.arange(N_ROWS) % 2 == 0):
        chosen = made[key]
        assert isinstance(chosen, Windows)
        assert np.shares_memory(chosen.values, made.values)
        np.testing.assert_array_equal(chosen, by_hand[key])
        np.testing.assert_array_equal(chosen[2:9][::-1], by_hand[key][2:9][::-1])
        np.testing.assert_array_equal(chosen.last_steps, by_hand[key][:, -1])


def test_windows_behave_like_an_array(windows):
    """Shape, type, length, methods, arithmetic and NumPy's functions."""
    made, by_hand = windows
    assert isinstance(made, Windows)
    assert (made.shape, made.ndim, made.size) == (by_hand.shape, 3, by_hand.size)
    assert (made.dtype, len(made)) == (by_hand.dtype, N_ROWS)
    np.testing.assert_array_equal(made, by_hand, strict=True)
    np.testing.assert_array_equal(list(made), by_hand)
    np.testing.assert_array_equal(2 * made - 1, 2 * by_hand - 1)
    np.testing.assert_array_equal(made.reshape(N_ROWS, -1), by_hand.reshape(N_ROWS, -1))
    np.testing.assert_array_equal(np.nansum(made, axis=1), np.nansum(by_hand, axis=1))
    np.testing.assert_array_equal(np.concatenate([made, made]), np.concatenate([by_hand] * 2))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(made[7:20])), by_hand[7:20])


def test_asking_for_attributes_reads_no_window(windows, monkeypatch):
    """scikit-learn asks for `fit`, shape, length and device, and chooses rows, without an array."""
    made, _ = windows
    monkeypatch.setattr(Windows, "gather", None)
    assert not any(hasattr(made, name) for name in ("fit", "iloc", "columns", "toarray", "_mask"))
    check_consistent_length(made, Y)
    assert isinstance(resample(made, random_state=0), Windows)


def test_blocks_are_all_windows_in_their_order(windows):
    """Each block is in memory, also where a whole file would not be."""
    made, by_hand = windows
    blocks = list(made.blocks())
    assert all(start == sum(len(b) for _, b in blocks[:i]) for i, (start, _) in enumerate(blocks))
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), by_hand)


def test_scikit_learn_cuts_and_validates_them(windows):
    """A search and a cross-validation of a network find what they find with an array."""
    made, by_hand = windows
    # Rows side by side in a step have one scale; the columns of an array have one each.
    normalize = made.fold == 1
    regressor = LSTMRegressor(units=2, epochs=2, normalize=normalize, random_state=0)
    search = GridSearchCV(regressor, {"batch_size": [8]}, cv=TimeSeriesSplit(2))
    assert clone(search).fit(made, Y).best_score_ == search.fit(by_hand, Y).best_score_
    found, expected = (cross_val_predict(regressor, one, Y, cv=KFold(3)) for one in (made, by_hand))
    np.testing.assert_array_equal(found, expected)
    checked = check_array(made, allow_nd=True, ensure_all_finite=False)
    np.testing.assert_array_equal(checked, by_hand)
    np.testing.assert_array_equal(resample(made, random_state=0), resample(by_hand, random_state=0))


SLIDING = np.lib.stride_tricks.sliding_window_view(SERIES, 3, axis=0).swapaxes(1, 2)
ARRAYS = {
    "sliding": SLIDING,
    "every second": SLIDING[5:60:2],
    "backwards": SLIDING[::-1],
    "every seventh": SLIDING[::7],
    "some columns": SLIDING[:, :, 1:],
    "one step": SERIES[:, None],
    "one step backwards": SERIES[::-1, None],
    "end to end": SERIES.reshape(30, 3, 3),
    "transposed": SERIES.reshape(3, 30, 3).swapaxes(0, 1),
    "broadcast": np.broadcast_to(SERIES[:5], (4, 5, 3)),
    "one window": SERIES[None, :7],
    "none": SERIES[:0, None],
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_any_array_is_described_as_it_is(array):
    """Its windows are the same, whatever its strides."""
    described = Windows.of(array)
    np.testing.assert_array_equal(described, array, strict=True)
    if len(array) > 1 and array.strides[0] == array.strides[1] > 0:
        assert np.shares_memory(described.values, array)
