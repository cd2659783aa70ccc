"""Prediction by one compiled function per architecture, its weights passed in with the rows."""

from __future__ import annotations

import functools

import keras
import numpy as np
import tensorflow as tf

from sklstm._past._windows import Windows
from sklstm.engine._compat import call_as_traced
from sklstm.engine._models._build import build
from sklstm.engine._models._compiled import windows_at
from sklstm.engine._models._kernels import use_fused_kernels
from sklstm.engine._models._plain._forward import forward, is_plain, packed, unpacked, weights_of
from sklstm.engine._samples import WindowArrays
from sklstm.engine._spec import NetworkSpec

# Numbers gathered at a time: large enough to keep the kernels busy, small enough for the caches.
_BATCH_CELLS = 1_000_000

# Batches are filled up to a multiple of this. Most CPUs multiply matrices by groups of so many
# rows, and add up a smaller last group in another order: the last bit of a row would depend on how
# many rows there are. Products of many columns are split in other ways too: there it still may.
_FULL_ROWS = 24


class Predictor:
    """The forward pass of one architecture, over series of so many columns.

    It holds no weights, so any thread may call it.
    """

    def __init__(self, network: NetworkSpec, n_columns: int):
        self.network = network
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        self.model = None if is_plain(network) and not on_gpu else build(network)
        self.weights = list(weights_of(network)) if self.model is None else self.model.weights
        if self.model is not None and not on_gpu:
            use_fused_kernels(self.model, network.short_windows == "mask")
        # A partial, or TensorFlow would take several architectures for retracing and warn.
        self._predict = tf.function(
            functools.partial(self._batch),
            input_signature=[
                # Each argument of a call costs as much as a row's arithmetic: few large ones.
                tf.TensorSpec((None,), tf.float32),
                tf.TensorSpec((None, n_columns), tf.float32),
                tf.TensorSpec((None,), tf.int32),
            ],
            autograph=False,
        ).get_concrete_function()
        if self.model is None:
            self._predict = functools.partial(call_as_traced, self._predict)

    def predict(self, weights: list[np.ndarray], windows: Windows) -> np.ndarray:
        """Return the predictions of a float32 series, of shape (n_windows, n_outputs)."""
        directions = 2 if self.network.bidirectional else 1
        width = max(self.network.n_features, 4 * directions * max(self.network.units))
        size = _BATCH_CELLS // (windows.shape[1] * width)
        size = max(_FULL_ROWS, size - size % _FULL_ROWS)
        row = tf.constant(packed(weights))
        series, window = tf.constant(windows.values), np.array([windows.window], np.int32)
        batches = [
            np.concatenate([window, windows.starts[at : at + size]])
            for at in range(0, len(windows), size)
        ]
        return np.concatenate(
            [self._predict(row, series, tf.constant(batch)).numpy() for batch in batches]
        )

    def _batch(self, row, series, window_and_starts):
        window, starts = window_and_starts[0], window_and_starts[1:]
        weights = unpacked(row[None], self.weights)
        n_rows = tf.shape(starts)[0]
        rows = tf.minimum(tf.range(n_rows + -n_rows % _FULL_ROWS), n_rows - 1)
        arrays, n_features = WindowArrays(series, starts, window), self.network.n_features
        windows = windows_at(arrays, rows, n_features, time_first=self.model is None)
        if self.model is None:
            return forward(self.network, weights, tf.expand_dims(windows, 0))[0, :n_rows]
        if self.network.window is not None:
            windows.set_shape((None, self.network.window, n_features))
        state = [
            (weight, tf.cast(value[0], weight.dtype))
            for weight, value in zip(self.weights, weights, strict=True)
        ]
        with keras.StatelessScope(state_mapping=state):
            return self.model(windows, training=False)[:n_rows]
