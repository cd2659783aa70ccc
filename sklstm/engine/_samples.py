"""Windows as positions in one float32 series, so that only the batch at hand is ever gathered.

Windows that are no array, because they lie in a file, are read when they are wanted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklstm._past._windows import Windows
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
    X : Windows of shape (n, window, n_features)
    rows : ndarray of int
        The samples among them.
    y, sample_weight : as in `Samples`
    """

    X: Windows
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
        return self.X.gather(self.rows[which]).astype(np.float32, copy=False)


def samples(data: Rows) -> Samples | StreamedSamples:
    """Return the samples of `data`, its series cast to float32 once where it is an array."""
    rows = np.asarray(data.rows)
    y, sample_weight = _of_rows(data.y, rows), _of_rows(data.sample_weight, rows)
    if y is None:
        y = np.empty((0, 0), np.float32)
    windows = Windows.of(data.X)
    if windows.is_mapped:
        return StreamedSamples(windows, rows, y, sample_weight)
    starts = windows.starts[rows]
    first, last = (int(starts.min()), int(starts.max())) if len(rows) else (0, -windows.window)
    series = windows.values[first : last + windows.window]
    return Samples(
        series=np.ascontiguousarray(series, dtype=np.float32),
        window=windows.window,
        starts=(starts - first).astype(np.int32),
        y=y,
        sample_weight=sample_weight,
    )


def all_samples(X) -> Samples:
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
