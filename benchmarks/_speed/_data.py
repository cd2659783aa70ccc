"""Data of the benchmarks: shipped figures, and waves of any length."""

import numpy as np

from sklstm import series_to_supervised
from sklstm.datasets import load_milk, load_shampoo


def shampoo_differences():
    """Return the 23 rows of the stateful recipe: a difference, and the one after it, in [-1, 1]."""
    differences = np.diff(load_shampoo().to_numpy(dtype=float)[:25])
    differences /= np.abs(differences).max()
    return differences[:-1, None], differences[1:]


def milk():
    """Return the milk series as rows of one column, scaled, and their targets."""
    series = load_milk()
    X, y = series_to_supervised((series - series.mean()) / series.std())
    return X.to_numpy(), y.to_numpy()


def waves(rows, columns=1):
    """Return columns of sine waves."""
    return np.sin(np.arange(rows)[:, None] * (0.1 + 0.05 * np.arange(columns)))


def windows(rows, window):
    """Return `rows` windows, a view of one series, and their targets."""
    series = waves(rows + window)
    view = np.lib.stride_tricks.sliding_window_view(series[:-1], window, axis=0)
    return view.swapaxes(1, 2), series[window:, 0]


def long_series(rows, window):
    """Return two columns and a target, enough for `rows` windows."""
    series = waves(rows + window - 1, 2)
    return series, np.roll(series[:, 0], -1)
