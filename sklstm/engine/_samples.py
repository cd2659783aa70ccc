"""Samples: windows as places in one float32 series, so that only the batch at hand is gathered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sklstm._past._windows import Windows
from sklstm.engine._spec import Rows


class WindowArrays(NamedTuple):
    """Windows as the compiled functions read them: arrays, or tensors.

    Attributes
    ----------
    series : float32 of shape (n_steps, n_features)
    starts : int32 of shape (n_samples,)
        Where each sample's window starts in `series`.
    window : int32
        Steps in a window.
    """

    series: Any
    starts: Any
    window: Any


@dataclass(frozen=True)
class Samples:
    """Samples as the engine computes with them.

    Attributes
    ----------
    windows : Windows
        Of a float32 series, or of a file that is read, and cast, block by block.
    y : float32 ndarray of shape (n_samples, n_outputs)
    weight : float32 ndarray of shape (n_samples,)
        Empty where the samples have no weights.
    breaks : sequence of int
        Stateful only: samples whose past is unknown.
    """

    windows: Windows
    y: np.ndarray
    weight: np.ndarray
    breaks: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def weighted(self) -> bool:
        """Whether the samples have weights."""
        return len(self.weight) > 0

    def batch(self, positions: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return windows, targets and, where there are any, weights of some samples."""
        parts = (self.y, self.weight) if self.weighted else (self.y,)
        windows = self.windows.gather(positions).astype(np.float32, copy=False)
        return windows, *(part[positions] for part in parts)

    def block(self, positions: np.ndarray) -> Samples:
        """Return some samples, read into memory."""
        windows, y, *weight = self.batch(positions)
        return Samples(Windows.of(windows), y, weight[0] if weight else self.weight)

    def arrays(self) -> tuple[WindowArrays, np.ndarray, np.ndarray]:
        """Return windows, targets and weights in memory, as the compiled functions read them."""
        return window_arrays(self.windows), self.y, self.weight


def samples(data: Rows) -> Samples:
    """Return the samples of `data`."""
    rows = np.asarray(data.rows)
    weight = np.zeros(0) if data.sample_weight is None else data.sample_weight[rows]
    y, weight = (np.ascontiguousarray(part, np.float32) for part in (data.y[rows], weight))
    return Samples(float32_windows(Windows.of(data.X)[rows]), y, weight, data.breaks or ())


def float32_windows(windows: Windows) -> Windows:
    """Cast the part of a series that windows look into, once; a file stays as it is."""
    if windows.is_mapped:
        return windows
    starts, window = windows.starts, windows.window
    first, stop = (int(starts.min()), int(starts.max()) + window) if len(starts) else (0, 0)
    series = np.ascontiguousarray(windows.values[first:stop], dtype=np.float32)
    return Windows(series, (starts - first).astype(np.int32), window)


def window_arrays(windows: Windows) -> WindowArrays:
    """Return what the compiled functions read of windows in memory."""
    return WindowArrays(windows.values, windows.starts, np.array(windows.window, np.int32))
