"""Windows as positions in one float32 series, so that only the batch at hand is ever gathered.

Windows that are no array, because they lie in a file, are read when they are wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklstm.engine._spec import Rows


@dataclass(frozen=True)
class Samples:
    """Samples as the engine computes with them.

    Attributes
    ----------
    series : float32 ndarray of shape (n_steps, n_features)
    window : int
    starts : int32 ndarray of shape (n_samples,)
        Where each sample's window starts in `series`.
    y : float32 ndarray of shape (n_samples, n_outputs)
        Empty where there are no targets.
    sample_weight : float32 ndarray of shape (n_samples,), or None
    """

    series: np.ndarray
    window: int
    starts: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def gather(self, which: np.ndarray) -> np.ndarray:
        """Return the windows of the samples `which`, of shape (len(which), window, n_features)."""
        return self.series[self.starts[which, None] + np.arange(self.window)]


@dataclass(frozen=True)
class StreamedSamples:
    """Samples whose windows are read, and cast, when they are wanted.

    Attributes
    ----------
    X : array-like of shape (n, window, n_features)
        Gives windows by their positions.
    rows : ndarray of int
        The samples among them.
    y, sample_weight : as in `Samples`
    """

    X: Any
    rows: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def window(self) -> int:
        return self.X.shape[1]

    def gather(self, which: np.ndarray) -> np.ndarray:
        """Return the windows of the samples `which`, of shape (len(which), window, n_features)."""
        return self.X[self.rows[which]].astype(np.float32, copy=False)


def samples(data: Rows) -> Samples | StreamedSamples:
    """Return the samples of `data`, its series cast to float32 once where it is an array."""
    rows = np.asarray(data.rows)
    y, sample_weight = _of_rows(data.y, rows), _of_rows(data.sample_weight, rows)
    if y is None:
        y = np.empty((0, 0), np.float32)
    if not isinstance(data.X, np.ndarray):
        return StreamedSamples(data.X, rows, y, sample_weight)
    series, hop = _base_series(data.X)
    window = data.X.shape[1]
    first, last = (int(rows.min()), int(rows.max())) if len(rows) else (0, -1)
    series = series[first * hop : last * hop + window]
    return Samples(
        series=np.ascontiguousarray(series, dtype=np.float32),
        window=window,
        starts=((rows - first) * hop).astype(np.int32),
        y=y,
        sample_weight=sample_weight,
    )


def all_samples(X: np.ndarray) -> Samples:
    """Return every window of an array as a sample."""
    found = samples(Rows(X=X, rows=np.arange(len(X))))
    assert isinstance(found, Samples)
    return found


def portion(data: Samples | StreamedSamples, which: np.ndarray) -> Samples:
    """Return the samples `which` alone, read, their windows end to end."""
    windows = data.gather(which)
    return Samples(
        series=windows.reshape(-1, windows.shape[2]),
        window=data.window,
        starts=np.arange(len(which), dtype=np.int32) * data.window,
        y=data.y[which],
        sample_weight=None if data.sample_weight is None else data.sample_weight[which],
    )


def _of_rows(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    """Return the values of some rows as the engine computes with them."""
    return None if values is None else np.ascontiguousarray(values[rows], dtype=np.float32)


def _base_series(X: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the series that the windows `X` look into, and the steps from one window to the next.

    A strided view shares its steps between windows; a plain 3-D array is a series whose windows
    stand end to end.
    """
    n, window, n_features = X.shape
    if n == 0:
        return X.reshape(0, n_features), 1
    if n == 1:
        return X[0], 1
    step = X.strides[1] if window > 1 else X.strides[0]
    hop = X.strides[0] // step if step > 0 else 0
    if not (1 <= hop <= window and hop * step == X.strides[0]):
        X = np.ascontiguousarray(X)
        step, hop = X.strides[1], window
    base = np.lib.stride_tricks.as_strided(
        X, shape=((n - 1) * hop + window, n_features), strides=(step, X.strides[2]), writeable=False
    )
    return base, hop
