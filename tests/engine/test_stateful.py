"""The stateful runs against the hand-written Keras loop."""

import keras
import numpy as np
import pytest

from sklstm.engine import _door
from sklstm.engine._spec import NetworkSpec, Rows, Trained, TrainingSpec


def windows(n=11, window=1, n_features=1, n_outputs=1, seed=0):
    """Return a window view of a random series, and targets."""
    draws = np.random.default_rng(seed)
    series = draws.normal(size=(n + window - 1, n_features))
    X = np.lib.stride_tricks.sliding_window_view(series, window, axis=0).transpose(0, 2, 1)
    return X, draws.normal(size=(n, n_outputs))


def network(units=(4,), n_features=1):
    """Return a small stateful network."""
    return NetworkSpec(units=units, n_features=n_features, stateful=True)


def first_weights(spec, seed=0):
    """Return weights that no bias is zero in."""
    draws = np.random.default_rng(seed)
    model = _door.keras_model(spec, TrainingSpec(), None)
    return [draws.normal(scale=0.4, size=w.shape).astype("float32") for w in model.get_weights()]


def stateful_keras(spec, training, weights, window, sequences=False, lanes=1):
    """Return the hand-written stateful Keras model."""
    last = len(spec.units) - 1
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(lanes, window, spec.n_features)),
            *[
                keras.layers.LSTM(units, stateful=True, return_sequences=i < last or sequences)
                for i, units in enumerate(spec.units)
            ],
            keras.layers.Dense(spec.n_outputs),
        ]
    )
    model.compile(loss="mse", optimizer=keras.optimizers.get(training.optimizer))
    model.set_weights(weights)
    return model


def reset(model):
    """Zero the state of every LSTM layer."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.LSTM):
            layer.reset_state()


@pytest.mark.parametrize("engine", ["layer", "block", "xla"])
@pytest.mark.parametrize(
    ("units", "window", "n_features"), [((4,), 1, 1), ((3, 2), 3, 2), ((4,), 3, 1)]
)
def test_one_row_at_a_time_equals_the_hand_loop(engine, units, window, n_features):
    """Weights after training are those of fit with batch_size=1 and a reset after each epoch."""
    spec = network(units, n_features)
    X, y = windows(9, window, n_features)
    weights = first_weights(spec)
    training = TrainingSpec(epochs=4, batch_size=1, engine=engine)
    trained = _door.train(
        spec, training, Rows(X, np.arange(9), y), seed=0, start=Trained(weights, [])
    )
    model = stateful_keras(spec, training, weights, window)
    losses = []
    for _ in range(4):
        log = model.fit(np.array(X), y, batch_size=1, shuffle=False, verbose=0)
        losses += log.history["loss"]
        reset(model)
    for ours, theirs in zip(trained.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    np.testing.assert_allclose(trained.history["loss"], losses, rtol=1e-5)


def test_truncated_backpropagation_equals_keras_on_sequences():
    """Rows per update are the steps of a stateful Keras model that returns sequences."""
    spec = network((4, 3))
    X, y = windows(12)
    weights = first_weights(spec)
    training = TrainingSpec(epochs=3, batch_size=1, bptt_steps=4)
    trained = _door.train(
        spec, training, Rows(X, np.arange(12), y), seed=0, start=Trained(weights, [])
    )
    model = stateful_keras(spec, training, weights, 4, sequences=True)
    for _ in range(3):
        model.fit(X.reshape(3, 4, 1), y.reshape(3, 4, 1), batch_size=1, shuffle=False, verbose=0)
        reset(model)
    for ours, theirs in zip(trained.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_lanes_equal_keras_on_stretches_side_by_side():
    """A batch is one row of each contiguous stretch."""
    spec = network((4, 3), 2)
    X, y = windows(12, 1, 2)
    weights = first_weights(spec)
    training = TrainingSpec(epochs=3, batch_size=3)
    trained = _door.train(
        spec, training, Rows(X, np.arange(12), y), seed=0, start=Trained(weights, [])
    )
    model = stateful_keras(spec, training, weights, 1, lanes=3)
    order = np.arange(12).reshape(3, 4).T.ravel()
    for _ in range(3):
        model.fit(np.array(X[order]), y[order], batch_size=3, shuffle=False, verbose=0)
        reset(model)
    for ours, theirs in zip(trained.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("breaks", [None, [3, 8]])
def test_prediction_carries_the_state_from_row_to_row(breaks):
    """Predicting all rows at once equals predicting one after the other."""
    spec = network((4, 3), 2)
    X, _ = windows(11, 3, 2)
    weights = first_weights(spec)
    model = stateful_keras(spec, TrainingSpec(), weights, 3)
    expected = []
    for i, x in enumerate(X):
        if i in (breaks or ()):
            reset(model)
        expected.append(model.predict(x[None], verbose=0)[0])
    predictions, state = _door.predict_stateful(spec, TrainingSpec(), weights, X, None, breaks)
    np.testing.assert_allclose(predictions, expected, atol=1e-6)
    states = [s for layer in model.layers[:2] for s in layer.states]
    for ours, theirs in zip(state, states, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-6)
