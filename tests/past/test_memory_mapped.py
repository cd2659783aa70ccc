"""Series in a memory-mapped file, which need not fit into memory."""

import mmap
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    LagWindower,
    LSTMRegressor,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
)
from sklstm._past import _memory_mapped, _windows
from sklstm.engine._runs import _epochs_graph

N_ROWS, N_TRAIN = 300, 240
DRAWS = np.random.default_rng(0)
SERIES = DRAWS.normal(size=(N_ROWS, 3)).astype("float32").cumsum(axis=0) / 10
SERIES[:2] = np.nan
Y = DRAWS.normal(size=N_ROWS)
LSTM = {"units": 3, "epochs": 2, "random_state": 0}

REGRESSORS = {
    "LSTM on short windows": make_pipeline(
        LagWindower(4), LSTMRegressor(short_windows="mask", batch_size=7, **LSTM)
    ),
    "LSTM on rows": LSTMRegressor(
        batch_size=16, shuffle=False, validation_fraction=0.3, metrics=["mae"], **LSTM
    ),
    "LSTM that stops early": make_pipeline(
        LagWindower(3),
        LSTMRegressor(validation_fraction=0.2, early_stopping=True, dropout=0.2, **LSTM),
    ),
    "LSTM on folded windows": make_pipeline(
        LagWindower(6, fold=3), LSTMRegressor(steps_per_epoch=4, **LSTM)
    ),
    "Keras' own fit": make_pipeline(LagWindower(4), LSTMRegressor(engine="keras", **LSTM)),
    "stateful LSTM": StatefulLSTMRegressor(bptt_steps=3, batch_size=4, **LSTM),
    "stateful LSTM on windows": make_pipeline(
        LagWindower(3), StatefulLSTMRegressor(validation_fraction=0.2, reset_states=50, **LSTM)
    ),
    "LSTM of a transformed target": TransformedSeriesRegressor(
        make_pipeline(LagWindower(4), LSTMRegressor(**LSTM)), y_lag=None
    ),
    "ridge on flat windows": TransformedSeriesRegressor(
        make_pipeline(LagWindower(3, flatten=True), Ridge()), y_lag=None
    ),
}


def mapped(tmp_path, values, mode="r"):
    """Write an array to a file and map it."""
    path = tmp_path / "series"
    values.tofile(path)
    return np.memmap(path, dtype=values.dtype, mode=mode, shape=values.shape)


@pytest.fixture
def in_small_blocks(monkeypatch):
    """Take every mapped file for a large one, and read little at a time."""
    monkeypatch.setattr(_memory_mapped, "LARGE", 100)
    monkeypatch.setattr(_memory_mapped, "BLOCK_BYTES", 500)
    monkeypatch.setattr(_windows, "SCATTERED", 5)
    monkeypatch.setattr(_epochs_graph, "PART_CELLS", 200)


def last(regressor):
    """Return the regressor at the end of a pipeline."""
    regressor = getattr(regressor, "regressor_", regressor)
    return regressor[-1] if hasattr(regressor, "steps") else regressor


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", REGRESSORS)
def test_a_mapped_file_gives_what_an_array_gives(name, dtype, tmp_path, in_small_blocks):
    """Weights, history and predictions are those of the same series in memory."""
    series = SERIES.astype(dtype)
    file = mapped(tmp_path, series)
    expected = clone(REGRESSORS[name]).fit(series[:N_TRAIN], Y[:N_TRAIN])
    model = clone(REGRESSORS[name]).fit(file[:N_TRAIN], Y[:N_TRAIN])
    for start, stop in ((0, N_TRAIN), (N_TRAIN, N_ROWS), (0, N_ROWS), (N_TRAIN, N_TRAIN + 1)):
        np.testing.assert_array_equal(
            model.predict(file[start:stop]), expected.predict(series[start:stop])
        )
    assert getattr(last(model), "history_", None) == getattr(last(expected), "history_", None)


@pytest.mark.parametrize("name", ["LSTM on folded windows", "stateful LSTM on windows"])
def test_a_mapped_table_of_many_series_gives_what_it_gives_in_memory(
    name, tmp_path, in_small_blocks
):
    """No window reaches from one series into another, though their rows lie side by side."""
    index = pd.MultiIndex.from_product([range(N_ROWS // 2), ["a", "b"]])
    table = pd.DataFrame(SERIES[: len(index)], index)
    file = pd.DataFrame(mapped(tmp_path, SERIES)[: len(index)], index, copy=False)
    np.testing.assert_array_equal(
        LagWindower(3).fit_transform(file), LagWindower(3).fit_transform(table)
    )
    y = pd.Series(Y[: len(index)], index)
    models = [clone(REGRESSORS[name]).fit(rows[:N_TRAIN], y[:N_TRAIN]) for rows in (file, table)]
    for part in (slice(N_TRAIN), slice(N_TRAIN, None)):
        np.testing.assert_array_equal(models[0].predict(file[part]), models[1].predict(table[part]))


@pytest.mark.skipif(not hasattr(mmap, "MAP_PRIVATE"), reason="maps have no such flags here")
@pytest.mark.parametrize("of_a_file", [False, True], ids=["anonymous", "private"])
def test_a_map_that_no_file_backs_is_left_alone(of_a_file, tmp_path, in_small_blocks):
    """Its pages are the only place of what they hold, so they are not given back."""
    path = tmp_path / "series"
    SERIES.tofile(path)
    flags = mmap.MAP_PRIVATE | (0 if of_a_file else mmap.MAP_ANONYMOUS)
    with open(path, "r+b") as file:
        mapping = mmap.mmap(file.fileno() if of_a_file else -1, SERIES.nbytes, flags)
    rows = np.ndarray(SERIES.shape, "float32", mapping)
    rows[:] = 1.5
    for given in (rows, rows[5:], np.asarray(rows)[::2]):
        LagWindower(2).fit(given).transform(given)
    np.testing.assert_array_equal(rows, np.full(SERIES.shape, 1.5))


def test_a_small_file_and_an_array_come_as_arrays(tmp_path):
    """What fits into memory is an ordinary view."""
    windows = LagWindower(3).fit_transform(mapped(tmp_path, SERIES))
    assert isinstance(windows, np.ndarray)
    assert not windows.flags.writeable


@pytest.mark.parametrize("regressor", [LSTMRegressor(**LSTM), StatefulLSTMRegressor(**LSTM)])
def test_sliding_windows_of_a_file_are_read_in_pieces(regressor, tmp_path, in_small_blocks):
    """Windows that NumPy slid over the file give what they give in memory."""
    series = SERIES[2:]
    of_array, of_file = (
        np.lib.stride_tricks.sliding_window_view(rows, 4, axis=0).swapaxes(1, 2)
        for rows in (series, mapped(tmp_path, series))
    )
    expected = clone(regressor).fit(of_array, Y[5:]).predict(of_array)
    predicted = clone(regressor).fit(of_file, Y[5:]).predict(of_file)
    np.testing.assert_array_equal(predicted, expected)


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("make", [LSTMRegressor, StatefulLSTMRegressor])
def test_a_bad_late_value_is_named_by_its_row(make, value, tmp_path, in_small_blocks):
    """The message counts the row from the beginning of the file, not of a piece."""
    series = SERIES[2:].copy()
    series[250, 1] = value
    with pytest.raises(ValueError, match=rf"{value} at row 250, column 1"):
        make(**LSTM).fit(mapped(tmp_path, series), Y[2:])
    if value == np.inf:
        with pytest.raises(ValueError, match=r"inf at row 250, column 1"):
            LagWindower(3).fit(mapped(tmp_path, series))


def test_changes_of_a_mapped_file_are_kept(tmp_path, in_small_blocks):
    """Neither unsaved changes of a shared map nor those of a private one are lost."""
    for mode in ("r+", "c"):
        file = mapped(tmp_path, SERIES, mode)
        file[2:] = 1.5
        LSTMRegressor(**LSTM).fit(file, Y)
        np.testing.assert_array_equal(file[2:], np.float32(1.5))


@pytest.mark.slow
@pytest.mark.parametrize("make", ["LSTMRegressor()", "LSTMRegressor(shuffle=False)"])
def test_a_file_is_not_held_in_memory(make, tmp_path):
    """Training and predicting on a file of 800 MB adds less than half of that to the process."""
    pytest.importorskip("psutil")
    code = f"""
import threading, time
import numpy as np, psutil
from sklearn.pipeline import make_pipeline
from sklstm import LagWindower, LSTMRegressor
X = np.memmap({str(tmp_path / "series")!r}, dtype="float32", mode="w+", shape=(800_000, 250))
y = np.zeros(len(X), dtype="float32")
model = make_pipeline(LagWindower(3), {make})
model.set_params(lstmregressor__units=1, lstmregressor__epochs=1, lstmregressor__batch_size=4096)
model.fit(X[:5000], y[:5000]).predict(X[:5000])
memory = psutil.Process().memory_info
before, most = memory().rss, 0
def watch():
    global most
    while True:
        most = max(most, memory().rss)
        time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()
model.fit(X, y).predict(X)
print((most - before) / 1e6)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 400
