"""Keras models from a NetworkSpec, and fresh weights for them.

Building here draws nothing from anyone's random state: every initialiser and dropout layer gets a
seed, and a run sets weights and dropout seeds of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import contextmanager

import keras
import numpy as np

from sklstm.engine._spec import NetworkSpec


class NetworkError(ValueError):
    """What the user's function built is no network for the windows and targets."""


def build(network: NetworkSpec) -> keras.Model:
    """Return the Keras model of `network`, made of stock layers, not compiled.

    In a stateful network every LSTM layer returns all its steps and its state.
    """
    if network.network is not None:
        with _drawing_from(0):
            return seeded(_built_by_user(network, network.network), 0)
    inputs = keras.Input((None, network.n_features), name="windows")
    outputs = inputs
    last = len(network.units) - 1
    for i, units in enumerate(network.units):
        outputs = keras.layers.LSTM(
            units,
            activation=network.activation,
            dropout=network.dropout,
            recurrent_dropout=network.recurrent_dropout,
            kernel_initializer=keras.initializers.GlorotUniform(seed=0),
            recurrent_initializer=keras.initializers.Orthogonal(seed=0),
            seed=0,
            return_sequences=i < last or network.stateful,
            return_state=network.stateful,
            name=f"lstm_{i}",
        )(outputs)
        if network.stateful:
            outputs = outputs[0]
    for i, (units, activation) in enumerate(
        zip(network.dense_units, network.dense_activation, strict=True)
    ):
        outputs = _dense(units, activation, f"dense_{i}")(outputs)
    outputs = _dense(network.n_outputs, network.output_activation, "output")(outputs)
    return keras.Model(inputs, outputs, name="lstm_network")


def fresh_weights(network: NetworkSpec, model: keras.Model, seed: int) -> list[np.ndarray]:
    """Return first weights for `model`, drawn by Keras' initialisers with seeds from `seed`."""
    if network.network is not None:
        with _drawing_from(seed):
            return _fresh_user_weights(network, network.network, seed)
    weights = []
    seeds = _seeds(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.LSTM):
            kernel, recurrent, bias = layer.weights
            weights += [
                keras.initializers.GlorotUniform(seed=next(seeds))(kernel.shape),
                keras.initializers.Orthogonal(seed=next(seeds))(recurrent.shape),
                np.repeat(np.array([0, 1, 0, 0], np.float32), layer.units),
            ]
        elif isinstance(layer, keras.layers.Dense):
            kernel, bias = layer.weights
            weights += [
                keras.initializers.GlorotUniform(seed=next(seeds))(kernel.shape),
                np.zeros(bias.shape, np.float32),
            ]
    return [keras.ops.convert_to_numpy(weight) for weight in weights]


def seed_dropout(model: keras.Model, seed: int) -> None:
    """Start every dropout layer of `model` from `seed`."""
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    for state, drawn in zip(states, _seeds(seed, stream=1), strict=False):
        state.assign(np.array([drawn, 0], dtype=state.dtype))


def row_orders(n: int, shuffle: bool, seed: int):
    """Yield the order of the rows, epoch after epoch."""
    draws = np.random.default_rng(np.random.SeedSequence([seed, 2]))
    while True:
        yield draws.permutation(n).astype(np.int32) if shuffle else np.arange(n, dtype=np.int32)


def seeded(model: keras.Model, seed: int) -> keras.Model:
    """Return `model` built again with a seed in every initialiser and dropout layer that has none.

    A model that has no config stays as it is.
    """
    try:
        config = model.get_config()
        _fill_seeds(config, _seeds(seed))
        clone = type(model).from_config(config)
    except (NotImplementedError, TypeError, ValueError):
        return model
    if not clone.built:
        clone.build(model.input_shape)
    return clone


def _dense(units: int, activation: str | None, name: str) -> keras.layers.Layer:
    initializer = keras.initializers.GlorotUniform(seed=0)
    return keras.layers.Dense(
        units, activation=activation, kernel_initializer=initializer, name=name
    )


@contextmanager
def _drawing_from(seed: int):
    """Let a layer that is given no seed draw one from `seed`, not from everyone's random state."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def _built_by_user(network: NetworkSpec, builder: Callable) -> keras.Model:
    model = builder((network.window, network.n_features), network.n_outputs)
    if not isinstance(model, keras.Model):
        raise NetworkError(
            f"Got network={builder!r}, which returned a {type(model).__name__}, "
            "but expected a function of (input_shape, n_outputs) that returns a keras.Model."
        )
    if not model.built:
        model.build((None, network.window, network.n_features))
    shape = (None, network.window, network.n_features)
    inputs = [tuple(given.shape) for given in model.inputs or ()]
    if len(inputs) > 1 or not all(_fits(given, shape) for given in inputs):
        raise NetworkError(
            f"Got network={builder!r}, whose model has inputs of shape {inputs}, but expected one "
            f"of shape {shape}: one row per window."
        )
    expected = (None, network.n_outputs)
    if tuple(model.output_shape) != expected:
        raise NetworkError(
            f"Got network={builder!r}, whose model has output shape "
            f"{tuple(model.output_shape)}, but expected {expected}: one row per window, one column "
            "per target."
        )
    return model


def _fits(shape: tuple, wanted: tuple) -> bool:
    """Tell whether an input of a shape, which may leave lengths open, takes what is wanted."""
    return len(shape) == len(wanted) and all(
        mine is None or mine == theirs for mine, theirs in zip(shape, wanted, strict=True)
    )


def _fresh_user_weights(network: NetworkSpec, builder: Callable, seed: int) -> list[np.ndarray]:
    """Draw anew only what the builder draws at random, which it never draws twice the same."""
    model = _built_by_user(network, builder)
    built, again, drawn = (
        model.get_weights(),
        _built_by_user(network, builder).get_weights(),
        seeded(model, seed).get_weights(),
    )
    return [
        a if np.array_equal(a, b) else new for a, b, new in zip(built, again, drawn, strict=True)
    ]


def _seeds(seed: int, stream: int = 0):
    draws = np.random.default_rng(np.random.SeedSequence([seed, stream]))
    while True:
        yield int(draws.integers(2**31 - 1))


def _fill_seeds(config, seeds) -> None:
    """Put a seed wherever a nested Keras config has none."""
    if isinstance(config, dict):
        for key in sorted(config, key=str):
            if key == "seed" and config[key] is None:
                config[key] = next(seeds)
            else:
                _fill_seeds(config[key], seeds)
    elif isinstance(config, (list, tuple)):
        for item in config:
            _fill_seeds(item, seeds)
