"""The stateful runs against the hand-written Keras loop."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sklstm.engine import _predict, _train
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
    model = _predict.keras_model(spec, TrainingSpec(), None)
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
    trained = _train.train(
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
    trained = _train.train(
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
    trained = _train.train(
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
    predictions, state = _predict.predict_stateful(spec, TrainingSpec(), weights, X, None, breaks)
    np.testing.assert_allclose(predictions, expected, atol=1e-6)
    states = [s for layer in model.layers[:2] for s in layer.states]
    for ours, theirs in zip(state, states, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("given", "resets"),
    [({"reset_states": "never"}, []), ({"reset_states": 4}, [0, 4, 8]), ({}, [0])],
)
@pytest.mark.parametrize("breaks", [None, [5]])
def test_the_state_starts_from_zero_where_it_should(given, resets, breaks):
    """Resets every epoch, never, or every so many rows equal those of the hand loop."""
    spec = network()
    X, y = windows(10)
    weights = first_weights(spec)
    training = TrainingSpec(epochs=2, batch_size=1, **given)
    rows = Rows(X, np.arange(10), y, breaks=breaks)
    trained = _train.train(spec, training, rows, seed=0, start=Trained(weights, []))
    model = stateful_keras(spec, training, weights, 1)
    for _ in range(2):
        for i in range(10):
            if i in resets or i in (breaks or ()):
                reset(model)
            model.train_on_batch(np.array(X[i : i + 1]), y[i : i + 1])
    for ours, theirs in zip(trained.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_any_number_of_rows_fits_into_lanes():
    """The gradient of a step is that of its real rows, whatever places are empty."""
    spec = network()
    X, y = windows(7)
    weights = first_weights(spec)
    training = TrainingSpec(epochs=1, batch_size=3, bptt_steps=2, optimizer="sgd", metrics=["mae"])
    trained = _train.train(
        spec, training, Rows(X, np.arange(7), y), seed=0, start=Trained(weights, [])
    )
    model = _predict.keras_model(spec, training, weights)
    lstm, dense = model.layers[1:]
    cell, optimizer = lstm.cell, keras.optimizers.SGD()
    states = {lane: [np.zeros((1, 4), "float32")] * 2 for lane in range(3)}
    losses = []
    for step in [{0: [0, 1], 1: [3, 4], 2: [6]}, {0: [2], 1: [5]}]:
        with tf.GradientTape() as tape:
            errors = []
            for lane, rows in step.items():
                for row in rows:
                    _, states[lane] = cell(X[row].astype("float32"), states[lane])
                    errors.append((dense(states[lane][0]) - y[row]) ** 2)
            loss = tf.reduce_mean(tf.concat(errors, 0))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        states = {lane: [tf.stop_gradient(s) for s in state] for lane, state in states.items()}
        losses += [float(loss)] * len(errors)
    for ours, theirs in zip(trained.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    np.testing.assert_allclose(trained.history["loss"], [np.mean(losses)], rtol=1e-5)


def test_validation_runs_on_and_disturbs_nothing():
    """The first validation loss is that of rows right after the training rows."""
    spec = network((4, 3))
    X, y = windows(12)
    weights = first_weights(spec)
    training = TrainingSpec(epochs=3, batch_size=1)
    start = Trained(weights, [])
    rows, held_out = Rows(X, np.arange(8), y), Rows(X, np.arange(8, 12), y)
    alone = _train.train(spec, training, rows, seed=0, start=start)
    validated = _train.train(spec, training, rows, held_out, seed=0, start=start)
    assert validated.history["loss"] == alone.history["loss"]
    model = stateful_keras(spec, training, weights, 1)
    model.fit(np.array(X[:8]), y[:8], batch_size=1, shuffle=False, verbose=0)
    predictions = [model.predict(np.array(X[i : i + 1]), verbose=0)[0] for i in range(8, 12)]
    expected = np.mean((np.array(predictions) - y[8:]) ** 2)
    np.testing.assert_allclose(validated.history["val_loss"][0], expected, rtol=1e-4)


def test_a_row_without_a_target_moves_the_state_only():
    """Training over a row whose target is NaN equals the hand loop that only predicts it."""
    spec = network()
    X, y = windows(8)
    weights = first_weights(spec)
    y[3] = np.nan
    training = TrainingSpec(epochs=1, batch_size=1)
    trained = _train.train(
        spec, training, Rows(X, np.arange(8), y), seed=0, start=Trained(weights, [])
    )
    model = stateful_keras(spec, training, weights, 1)
    for i in range(8):
        x = np.array(X[i : i + 1])
        model.predict_on_batch(x) if i == 3 else model.train_on_batch(x, y[i : i + 1])
    for ours, theirs in zip(trained.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_hook_on_batches_is_called_for_each_update():
    """A stateful run calls per-batch hooks, too, with the same result."""

    class Count(keras.callbacks.Callback):
        def __init__(self, seen):
            super().__init__()
            self.seen = seen

        def __deepcopy__(self, memo):
            return Count(self.seen)

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append(logs["loss"])

    spec, (X, y), seen = network(), windows(6), []
    rows = Rows(X, np.arange(6), y)
    plain = _train.train(spec, TrainingSpec(epochs=2, batch_size=1), rows, seed=0)
    training = TrainingSpec(epochs=2, batch_size=1, callbacks=[Count(seen)])
    looked_at = _train.train(spec, training, rows, seed=0)
    assert len(seen) == 12
    assert looked_at.history["loss"] == plain.history["loss"]


def test_a_custom_network_is_refused():
    """The state can only be carried through the built-in network."""
    with pytest.raises(ValueError, match="network=<callable> for a stateful run"):
        _train.check(NetworkSpec(network=len, stateful=True), TrainingSpec())


@pytest.mark.slow
@pytest.mark.parametrize("window", [1, 3])
def test_fifty_epochs_stay_with_the_hand_loop(window):
    """After fifty epochs the weights still agree to 1e-4."""
    spec = network((4, 3), 2)
    X, y = windows(20, window, 2)
    weights = first_weights(spec)
    training = TrainingSpec(epochs=50, batch_size=1)
    trained = _train.train(
        spec, training, Rows(X, np.arange(20), y), seed=0, start=Trained(weights, [])
    )
    model = stateful_keras(spec, training, weights, window)
    for _ in range(50):
        model.fit(np.array(X), y, batch_size=1, shuffle=False, verbose=0)
        reset(model)
    for ours, theirs in zip(trained.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
