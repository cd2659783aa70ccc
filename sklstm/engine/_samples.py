"""Samples: windows as places in one float32 series, so that only the batch at hand is gathered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sklstm._past._layout import blocks
from sklstm._past._windows import Windows
from sklstm.engine._scale import UNSCALED, Scale
from sklstm.engine._spec import Rows


class WindowArrays(NamedTuple):
    """Windows as the compiled functions read them: arrays, or tensors.

    Attributes
    ----------
    series : float32 of shape (n_values, n_columns)
    starts : int32 of shape (n_samples,)
        Where each sample's window starts in `series`.
    window : int32
        Rows of the series in a window. A step is as many rows as its features need.
    """

    series: Any
    starts: Any
    window: Any


@dataclass
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
    series : ndarray of int of shape (n_samples,) or None
        Stateful only: the series of each sample; None for samples of one series.
    scale : Scale
        What is left to be done to the windows of a file.
    """

    windows: Windows
    y: np.ndarray
    weight: np.ndarray
    breaks: Sequence[int] | np.ndarray = ()
    scale: Scale = UNSCALED
    series: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def weighted(self) -> bool:
        """Whether the samples have weights."""
        return len(self.weight) > 0

    def batch(self, positions: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return windows, targets and, where there are any, weights of some samples."""
        block = self.block(positions)
        parts = (block.y, block.weight) if self.weighted else (block.y,)
        return block.windows.gather(), *parts

    def block(self, positions: np.ndarray) -> Samples:
        """Return some samples, read into memory."""
        windows = float32_windows(self.windows.read(positions), self.scale)
        weight = self.weight[positions] if self.weighted else self.weight
        return Samples(windows, self.y[positions], weight)

    def arrays(self) -> tuple[WindowArrays, tf.Tensor, tf.Tensor]:
        """Return windows, targets and weights in memory, as the compiled functions read them."""
        return self._tensors

    @cached_property
    def _tensors(self):
        """What `arrays` returns. The samples become views of it, so that nothing is held twice."""
        window, fold = self.windows.window, self.windows.fold
        # One after the other: the memory that one leaves is that of the next.
        series = tf.constant(self.windows.values)
        self.windows = Windows(_memory_of(series), self.windows.starts, window, fold=fold)
        starts = tf.constant(self.windows.starts)
        self.windows = Windows(_memory_of(series), _memory_of(starts), window, fold=fold)
        y = tf.constant(self.y)
        self.y = _memory_of(y)
        weight = tf.constant(self.weight)
        self.weight = _memory_of(weight)
        return WindowArrays(series, starts, tf.constant(window, tf.int32)), y, weight


def samples(data: Rows) -> Samples:
    """Return the samples of `data`."""
    weight = np.zeros(0) if data.sample_weight is None else data.sample_weight[data.rows]
    weight = np.ascontiguousarray(weight, np.float32)
    windows = Windows.of(data.X)[data.rows]
    left = data.input_scale if windows.is_mapped else UNSCALED
    windows = float32_windows(windows, data.input_scale)
    breaks = () if data.breaks is None else data.breaks
    return Samples(windows, _target(data), weight, breaks, left, data.series)


def _target(data: Rows) -> np.ndarray:
    """Scale and cast the targets of some rows, without a copy of all of them in float64."""
    if isinstance(data.rows, slice):
        return data.target_scale.apply(data.y[data.rows])
    is_mask = data.rows.dtype == bool
    n_rows = np.count_nonzero(data.rows) if is_mask else len(data.rows)
    y, done = np.empty((n_rows, *data.y.shape[1:]), np.float32), 0
    for some in blocks(len(data.rows), data.y.shape[1]):
        taken = data.y[some][data.rows[some]] if is_mask else data.y[data.rows[some]]
        y[done : done + len(taken)] = data.target_scale.apply(taken)
        done += len(taken)
    return y


def float32_windows(windows: Windows, scale: Scale = UNSCALED) -> Windows:
    """Scale and cast the part of a series that windows look into, once; a file stays as it is."""
    if windows.is_mapped:
        return windows
    scale_of_rows = scale.of_rows(windows.values.shape[1])
    if scale_of_rows is None:
        windows, scale_of_rows = Windows.of(windows.gather()), scale
    starts, window = windows.starts, windows.window
    first, stop = (int(starts.min()), int(starts.max()) + window) if len(starts) else (0, 0)
    series = scale_of_rows.apply(windows.values[first:stop])
    # As int32 at once: TensorFlow reads no other, and there are as many as rows.
    if first or starts.dtype != np.int32:
        starts = np.subtract(starts, first, out=np.empty(len(starts), np.int32), casting="unsafe")
    return Windows(series, starts, window, fold=windows.fold)


def window_arrays(windows: Windows) -> WindowArrays:
    """Return what the compiled functions read of windows in memory."""
    return WindowArrays(windows.values, windows.starts, np.array(windows.window, np.int32))


def _memory_of(tensor: tf.Tensor) -> np.ndarray:
    """Return an array that sees what a tensor holds, without a copy."""
    return np.asarray(memoryview(tensor))
