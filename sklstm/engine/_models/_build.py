"""Keras models from a NetworkSpec, and fresh weights for them.

Building here leaves everyone's random state as it was: every initialiser and dropout layer gets a
seed, and a run sets weights and dropout seeds of its own.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sklstm.engine._compat import default_seeds, dropout_states
from sklstm.engine._models._cells import CELLS
from sklstm.engine._spec import NetworkSpec


def build(network: NetworkSpec) -> keras.Model:
    """Return the Keras model of `network`, made of stock layers, not compiled.

    In a stateful network every recurrent layer returns all its steps and its state. With short
    windows, the layers pass over the steps that are NaN.
    """
    if network.network is not None:
        return _built_by_user(network, 0)
    inputs = keras.Input((network.window, network.n_features), name="windows")
    outputs, options = inputs, {}
    if network.short_windows == "mask":
        missing = keras.ops.isnan(inputs)
        outputs = keras.ops.where(missing, 0.0, inputs)
        options["mask"] = keras.ops.logical_not(keras.ops.any(missing, axis=-1))
    last = len(network.units) - 1
    for i, units in enumerate(network.units):
        layer = CELLS[network.cell].layer(
            units,
            activation=network.activation,
            dropout=network.dropout,
            recurrent_dropout=network.recurrent_dropout,
            kernel_initializer=keras.initializers.GlorotUniform(seed=0),
            recurrent_initializer=keras.initializers.Orthogonal(seed=0),
            seed=0,
            return_sequences=i < last or network.stateful,
            return_state=network.stateful,
            # That of a GPU knows masks of the newest steps only.
            use_cudnn=False if options else "auto",
            name=f"{network.cell}_{i}",
        )
        if network.bidirectional:
            layer = keras.layers.Bidirectional(layer, name=f"bidirectional_{i}")
        outputs = layer(outputs, **options)
        if network.stateful:
            outputs = outputs[0]
    widths = (*network.dense_units, network.n_outputs)
    activations = (*network.dense_activation, network.output_activation)
    names = [*(f"dense_{i}" for i in range(len(network.dense_units))), "output"]
    for width, activation, name in zip(widths, activations, names, strict=True):
        kernel = keras.initializers.GlorotUniform(seed=0)
        layer = keras.layers.Dense(width, activation, kernel_initializer=kernel, name=name)
        outputs = layer(outputs)
    return keras.Model(inputs, outputs, name=f"{network.cell}_network")


def fresh_weights(
    network: NetworkSpec, model: Any, seed: int, first_outputs: np.ndarray | None = None
) -> list[np.ndarray]:
    """Return first weights for `model`, drawn by Keras' initialisers with seeds from `seed`.

    Of a network that is not a user's, only ``model.weights`` are read: their names and shapes.
    """
    if network.network is not None:
        fresh = _built_by_user(network, seed)
        if fresh is model:
            raise ValueError(
                f"Got network={network.network!r}, which returned one model twice, but expected a "
                "function that builds a new model whenever it is called."
            )
        return fresh.get_weights()
    first_bias, seeds, weights = CELLS[network.cell].first_bias, _seeds(seed), []
    for weight in model.weights:
        if weight.name == "kernel":
            draw = keras.initializers.GlorotUniform(seed=next(seeds))
        elif weight.name == "recurrent_kernel":
            draw = keras.initializers.Orthogonal(seed=next(seeds))
        else:
            draw = first_bias if weight.path.endswith("_cell/bias") else np.zeros
        weights.append(draw(tuple(weight.shape)))
    if first_outputs is not None:
        weights[-1] = first_outputs
    return [keras.ops.convert_to_numpy(weight) for weight in weights]


def starts_alike(network: NetworkSpec) -> bool:
    """Tell whether a network of the user's begins with the same weights whatever the seed."""
    first, second = (_built_by_user(network, seed).get_weights() for seed in range(2))
    return all(map(np.array_equal, first, second))


def seed_dropout(model: keras.Model, seed: int) -> None:
    """Start every dropout layer of `model` from `seed`."""
    for state, drawn in zip(dropout_states(model), dropout_seeds(seed), strict=False):
        state.assign(np.array([drawn, 0], dtype=state.dtype))


def dropout_seeds(seed: int):
    """Yield the seeds of the dropout layers of a model."""
    return _seeds(seed, stream=1)


def row_orders(n: int, shuffle: bool, seed: int, size: int | None = None):
    """Yield the rows of each epoch in their order.

    An epoch takes `size` rows, by default all. It goes on where the last one ended, and where no
    rows are left, all are drawn anew.
    """
    draws = np.random.default_rng([seed, 2])
    left = np.zeros(0, np.int32)
    while True:
        parts, missing = [], size or n
        while missing:
            if not len(left):
                left = np.arange(n, dtype=np.int32)
                if shuffle:
                    draws.shuffle(left)
            parts.append(left[:missing])
            # A view of no row would keep all of them in memory.
            left = left[missing:] if missing < len(left) else left[:0].copy()
            missing -= len(parts[-1])
        yield parts.pop() if len(parts) == 1 else np.concatenate(parts)


def _built_by_user(network: NetworkSpec, seed: int) -> keras.Model:
    """Return a user's model, whose layers draw from `seed` where they have no seed of their own."""
    builder: Any = network.network
    shape, expected = (None, network.window, network.n_features), (None, network.n_outputs)
    with default_seeds(seed):
        model = builder(shape[1:], network.n_outputs)
        inputs = [tuple(of.shape) for of in getattr(model, "inputs", None) or ()]
        takes = len(inputs) < 2 and all(
            of[0] is None and tf.TensorShape(shape).is_compatible_with(of) for of in inputs
        )
        output = getattr(model, "output_shape", None)
        if isinstance(model, keras.Model) and takes:
            # This also builds a model that does not know its shapes yet.
            outputs = model(keras.KerasTensor(shape))
            output = keras.tree.map_structure(lambda of: tuple(of.shape), outputs)
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"Got network={builder!r}, which returned a {type(model).__name__}, "
            "but expected a function of (input_shape, n_outputs) that returns a keras.Model."
        )
    if not takes or output != expected:
        raise ValueError(
            f"Got network={builder!r}, whose model has inputs of shape {inputs} and output shape "
            f"{output}, but expected {expected} for one input of shape {shape}: one row per "
            "window, one column per target."
        )
    return model


def _seeds(seed: int, stream: int = 0):
    draws = np.random.default_rng([seed, stream])
    while True:
        yield int(draws.integers(2**31 - 1))
