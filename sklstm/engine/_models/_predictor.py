"""Prediction by one compiled function per architecture, its weights passed in with the rows."""

from __future__ import annotations

import functools
import math

import numpy as np
import tensorflow as tf

from sklstm.engine._models._build import build
from sklstm.engine._models._kernels import use_fused_kernels
from sklstm.engine._samples import Samples
from sklstm.engine._spec import NetworkSpec

# Numbers gathered at a time: large enough for the kernels, small enough to stay out of the way.
_BATCH_CELLS = 1_000_000

# Batches are filled up to a multiple of this: kernels for matrices take so many rows at a time on
# most CPUs, and what is left over in another way, which a row would show in its last bit. Products
# of many columns are split by the number of rows as well, so there the last bit may differ.
_FULL_ROWS = 24


class Predictor:
    """The forward pass of one architecture. It holds no weights, so any thread may call it."""

    def __init__(self, network: NetworkSpec):
        self.network = network
        self.model = build(network)
        if not tf.config.list_physical_devices("GPU"):
            use_fused_kernels(self.model)
        positions = {id(weight): i for i, weight in enumerate(self.model.weights)}
        self._trainable = [positions[id(v)] for v in self.model.trainable_variables]
        self._other = [positions.get(id(v)) for v in self.model.non_trainable_variables]
        # A partial, or TensorFlow would take several architectures for retracing and warn.
        self._predict = tf.function(
            functools.partial(self._all_batches),
            input_signature=[
                # Each argument of a call costs as much as a row's arithmetic: few large ones.
                tf.TensorSpec((None,), tf.float32),
                tf.TensorSpec((None, network.n_features), tf.float32),
                tf.TensorSpec((None,), tf.int32),
            ],
            autograph=False,
        ).get_concrete_function()

    def predict(self, weights: list[np.ndarray], data: Samples) -> np.ndarray:
        """Return float32 predictions of shape (n_samples, n_outputs)."""
        size = _BATCH_CELLS // (data.window * self._width())
        size = max(_FULL_ROWS, size - size % _FULL_ROWS)
        packed = np.concatenate([np.ravel(weight) for weight in weights], dtype=np.float32)
        counts = np.array([data.window, size], np.int32)
        counts_and_starts = np.concatenate([counts, data.starts])
        arguments = (packed, data.series, counts_and_starts)
        return self._predict(*map(tf.constant, arguments)).numpy()

    def _width(self) -> int:
        return max(self.network.n_features, 4 * max(self.network.units))

    def _all_batches(self, packed, series, counts_and_starts):
        window, size = counts_and_starts[0], counts_and_starts[1]
        starts = counts_and_starts[2:]
        parts = tf.split(packed, [math.prod(weight.shape) for weight in self.model.weights])
        weights = [
            tf.cast(tf.reshape(part, weight.shape), weight.dtype)
            for part, weight in zip(parts, self.model.weights, strict=True)
        ]
        n = tf.shape(starts)[0]

        def one_batch(i, parts):
            of_batch = starts[i * size : (i + 1) * size]
            n_rows = tf.shape(of_batch)[0]
            fill = tf.repeat(of_batch[-1:], -n_rows % _FULL_ROWS)
            at = tf.concat([of_batch, fill], 0)[:, None] + tf.range(window)
            windows = tf.gather(series, at)
            if self.network.window is not None:
                windows.set_shape((None, self.network.window, self.network.n_features))
            return i + 1, parts.write(i, self._forward(weights, windows)[:n_rows])

        count = (n + size - 1) // size
        parts = tf.TensorArray(
            tf.float32, count, element_shape=(None, self.network.n_outputs), infer_shape=False
        )
        _, parts = tf.while_loop(
            lambda i, _: i < count, one_batch, (tf.constant(0), parts), parallel_iterations=1
        )
        return parts.concat()

    def _forward(self, weights, windows):
        others = [
            variable.value if i is None else weights[i]
            for i, variable in zip(self._other, self.model.non_trainable_variables, strict=True)
        ]
        outputs, _ = self.model.stateless_call(
            [weights[i] for i in self._trainable], others, windows, training=False
        )
        return outputs
