"""What a network of the engine's own layers computes, in ops of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from sklstm.engine._models._cells import CELLS
from sklstm.engine._models._kernels import after_steps, loop_kind
from sklstm.engine._spec import STATES, NetworkSpec

# CPUs compute with up to so many numbers at once, and with what is left over one by one, in another
# way. Rows of a multiple of them have no rest, so that the bits do not depend on the other rows.
_LANES = 16


class Weight(NamedTuple):
    """The name and the shape of a weight of a Keras model.

    Attributes
    ----------
    path : str
    shape : tuple of int
    """

    path: str
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


def is_plain(network: NetworkSpec) -> bool:
    """Tell whether `forward` computes what the Keras model of `network` does, on a CPU."""
    return (
        network.network is None
        and CELLS[network.cell].fused_loop is not None
        and network.activation == "tanh"
        and not network.recurrent_dropout
        and not (network.bidirectional and network.short_windows == "mask")
        and keras.config.dtype_policy().name == keras.config.floatx() == "float32"
    )


def weights_of(network: NetworkSpec) -> Iterator[Weight]:
    """Yield the weights of a plain network in the order of its Keras model."""
    width = network.n_features
    directions = 2 if network.bidirectional else 1
    for units in network.units:
        for _ in range(directions):
            yield Weight(f"{network.cell}_cell/kernel", (width, 4 * units))
            yield Weight(f"{network.cell}_cell/recurrent_kernel", (units, 4 * units))
            yield Weight(f"{network.cell}_cell/bias", (4 * units,))
        width = directions * units
    for n_outputs in (*network.dense_units, network.n_outputs):
        yield Weight("dense/kernel", (width, n_outputs))
        yield Weight("dense/bias", (n_outputs,))
        width = n_outputs


def packed(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Return one row of all numbers, filled up with zeros."""
    size = sum(array.size for array in arrays)
    row = np.zeros(size + -size % _LANES, np.float32)
    np.concatenate([np.ravel(array) for array in arrays], out=row[:size])
    return row


def split(row: np.ndarray, weights: Sequence[Any]) -> list[np.ndarray]:
    """Return copies of the arrays of the shapes of `weights` that are packed into a row."""
    parts = np.split(row, np.cumsum([math.prod(weight.shape) for weight in weights]))
    return [part.reshape(of.shape).copy() for part, of in zip(parts, weights, strict=False)]


def unpacked(rows: tf.Tensor, weights: Sequence[Any]) -> list[tf.Tensor]:
    """Return the tensors that are packed into rows, each of shape (n_rows, *shape)."""
    parts = tf.split(rows, [*(math.prod(weight.shape) for weight in weights), -1], axis=1)
    shapes = [(-1, *weight.shape) for weight in weights]
    return [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=False)]


def n_loops(network: NetworkSpec) -> int:
    """Return how many loops over time steps a plain network has, each with a dropout of its own."""
    return len(network.units) * (2 if network.bidirectional else 1)


def forward(
    network: NetworkSpec,
    weights: Sequence[tf.Tensor],
    windows: tf.Tensor,
    dropped: Callable[[int, int, tf.Tensor], tf.Tensor] | None = None,
) -> tf.Tensor:
    """Return the outputs of plain networks.

    Parameters
    ----------
    network : NetworkSpec
        Of all.
    weights : sequence of tensors of shape (n_networks, ...)
        In the order of `weights_of`.
    windows : tensor of shape (n_networks, n_steps, n_rows, n_features)
    dropped : callable, optional
        ``dropped(i, j, like)`` returns the factors that dropout puts on every step of the inputs of
        loop j of network i, of the shape of ``like``.

    Returns
    -------
    tensor of shape (n_networks, n_rows, n_outputs)
    """
    left = iter(weights)
    loop: Any = CELLS[network.cell].fused_loop
    n_networks, n_begun, begun = weights[0].shape[0], 0, None
    if network.short_windows == "mask":
        missing = tf.math.is_nan(windows)
        windows = tf.where(missing, 0.0, windows)
        begun = tf.unstack(tf.logical_not(tf.reduce_any(missing, 3)), n_networks)
    xs = tf.unstack(windows, n_networks)
    for i, units in enumerate(network.units):
        last = i == len(network.units) - 1
        zero = [tf.zeros([tf.shape(xs[0])[1], units])] * STATES[network.cell]
        outputs = []
        for backwards in (False, True) if network.bidirectional else (False,):
            read = xs
            if dropped is not None:
                read = [x * dropped(j, n_begun, x[0]) for j, x in enumerate(xs)]
            n_begun += 1
            read = [tf.reverse(x, [0]) for x in read] if backwards else read
            own = [next(left) for _ in range(3)]
            states = loop(read, zero, own, loop_kind(), begun, last_only=last)
            hs = [of[0] for of in states]
            outputs.append([tf.reverse(of, [0]) for of in hs] if backwards and not last else hs)
        xs = outputs[0]
        if network.bidirectional:
            xs = [tf.concat(both, -1) for both in zip(*outputs, strict=True)]
    return tf.stack(_dense(network, list(left), xs))


class PlainRowLayers:
    """The layers of a plain stateful network: see `RowLayers`.

    Parameters
    ----------
    network : NetworkSpec
    weights : sequence of tensors of shape (1, ...)
        In the order of `weights_of`.
    dropped : callable, optional
        ``dropped(i, like)`` returns the factors that dropout puts on the inputs of loop i.
    """

    def __init__(
        self,
        network: NetworkSpec,
        weights: Sequence[tf.Tensor],
        dropped: Callable[[int, tf.Tensor], tf.Tensor] | None = None,
    ):
        self.network, self.dropped = network, dropped
        n = len(network.units)
        self.cells = [weights[3 * i : 3 * i + 3] for i in range(n)]
        self.dense_weights = weights[3 * n :]

    def recurrent(self, x, states, lengths):
        loop: Any = CELLS[self.network.cell].fused_loop
        n_states = STATES[self.network.cell]
        after = []
        for i, cell in enumerate(self.cells):
            before = states[n_states * i : n_states * (i + 1)]
            read = x if self.dropped is None else x * self.dropped(i, x[0])
            [now] = loop([read], before, cell, loop_kind())
            after += after_steps(lengths, before, now)
            x = now[0]
        return x, after

    def dense(self, x):
        return _dense(self.network, self.dense_weights, [x])[0]


def _dense(network: NetworkSpec, weights: Sequence[tf.Tensor], xs: list) -> list[tf.Tensor]:
    """Return what the dense layers of each network make of outputs of its recurrent layers."""
    activations = (*network.dense_activation, network.output_activation)
    for name, *of_layer in zip(activations, weights[::2], weights[1::2], strict=True):
        activation = keras.activations.get(name)
        of_networks = zip(xs, *map(tf.unstack, of_layer), strict=True)
        xs = [activation(x @ kernel + bias) for x, kernel, bias in of_networks]
    return xs
