"""A large batch, which is run over in two halves, against Keras' own layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sklstm.engine._models._kernels import tracing, use_fused_kernels

#: The oldest steps of some windows are unknown; Keras masks steps that hold nothing but this.
UNKNOWN = -9.0


def data(n_rows):
    """Return windows of 6 steps, of which the oldest 0 to 4 are unknown, and a factor per row."""
    draws = np.random.default_rng(0)
    X = draws.normal(size=(n_rows, 6, 2)).astype("float32")
    X[np.arange(6) < (np.arange(n_rows) % 5)[:, None]] = UNKNOWN
    return X, draws.normal(size=(n_rows, 1)).astype("float32")


def network(units, *, bidirectional=False, masked=False, lanes=None):
    """Return two recurrent layers, the first of which hands on every step, with random weights."""
    layers = [keras.Input((6, 2), batch_size=lanes)]
    if masked:
        layers.append(keras.layers.Masking(UNKNOWN))
    for all_steps in (True, False):
        layer = keras.layers.LSTM(units, return_sequences=all_steps, stateful=lanes is not None)
        layers.append(keras.layers.Bidirectional(layer) if bidirectional else layer)
    model = keras.Sequential(layers)
    draws = np.random.default_rng(1)
    model.set_weights([draws.normal(scale=0.2, size=w.shape) for w in model.get_weights()])
    return model


def outputs_and_gradients(model, n_rows, engine="layer"):
    """Return outputs, and gradients of a weighted sum of them by the inputs and all weights."""
    X, factor = data(n_rows)

    def compute(X):
        with tf.GradientTape() as tape:
            tape.watch(X)
            outputs = model(X)
            total = tf.reduce_sum(factor * tf.square(outputs))
        return outputs, *tape.gradient(total, [X, *model.trainable_weights])

    # Of no fixed number of rows, as in a run.
    traced = tf.function(compute, [tf.TensorSpec((model.inputs[0].shape[0], 6, 2))])
    with tracing(engine):
        return [value.numpy() for value in traced(X)]


@pytest.mark.parametrize(
    ("engine", "masked", "units", "n_rows"),
    [
        ("block", True, 32, 72),
        ("matmul", True, 32, 72),
        *(
            pytest.param(engine, *case, marks=pytest.mark.slow)
            for engine in ("block", "matmul")
            for case in [
                (False, 64, 1),
                (False, 32, 31),
                (False, 64, 63),
                (False, 65, 97),
                (True, 64, 129),
            ]
        ),
    ],
)
def test_outputs_and_gradients_are_those_of_keras(engine, masked, units, n_rows):
    """Even and odd, too small for two halves and larger, of windows known or with a late begin."""
    kind = {"bidirectional": True, "masked": masked}
    ours = network(units, **kind)
    use_fused_kernels(ours, left_padded=masked)
    by_keras = outputs_and_gradients(network(units, **kind), n_rows)
    for one, theirs in zip(outputs_and_gradients(ours, n_rows, engine), by_keras, strict=True):
        np.testing.assert_allclose(one, theirs, rtol=0, atol=1e-5 * max(1, abs(theirs).max()))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["block", "matmul"])
@pytest.mark.parametrize("lanes", [1, 80])
def test_the_states_of_lanes_are_those_of_keras(lanes, engine):
    """Lanes that are run over in halves go on from their own states."""
    ours, by_keras = network(64, lanes=lanes), network(64, lanes=lanes)
    use_fused_kernels(ours)
    for _ in range(3):
        one = outputs_and_gradients(ours, lanes, engine)
        theirs = outputs_and_gradients(by_keras, lanes)
        for mine, its in zip(one, theirs, strict=True):
            np.testing.assert_allclose(mine, its, rtol=0, atol=1e-5 * max(1, abs(its).max()))
    for layer, its in zip(ours.layers, by_keras.layers, strict=True):
        for mine, theirs in zip(layer.states, its.states, strict=True):
            assert mine.shape[0] == lanes
            np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=0, atol=1e-5)
