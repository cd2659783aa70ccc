"""Recurrent networks written by hand with stock Keras, which this package has to equal."""

import functools

import keras
import numpy as np
import tensorflow as tf
from sklearn.base import clone

from sklstm.engine._predict import keras_model
from sklstm.engine._spec import TrainingSpec

LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
CELLS = {"lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell}


def windows(n, window=1, n_features=1, n_outputs=1):
    """Return a view of the windows of a random series, and random targets."""
    draws = np.random.default_rng(0)
    series = draws.normal(size=(n + window - 1, n_features))
    X = np.lib.stride_tricks.sliding_window_view(series, window, axis=0).transpose(0, 2, 1)
    return X, draws.normal(size=(n, n_outputs))


def first_weights(network):
    """Return random weights of the shapes that a network has; no bias is zero."""
    draws = np.random.default_rng(0)
    model = keras_model(network, TrainingSpec(), None)
    return [draws.normal(scale=0.4, size=w.shape).astype("float32") for w in model.get_weights()]


def stateless_keras(
    weights,
    units,
    window,
    n_features=1,
    *,
    cell="lstm",
    bidirectional=False,
    lanes=None,
    sequences=False,
    mask_value=None,
    optimizer="adam",
):
    """Return a compiled Keras model whose samples are independent windows.

    `weights` are its first weights; the last of them is the bias of the output. With `lanes`, the
    model is stateful, and a batch is one window of each of so many series. With `sequences`, every
    step of a window has a prediction, and not only the last one. Steps that hold nothing but
    `mask_value` are masked.
    """
    layers = [keras.Input((window, n_features), batch_size=lanes)]
    if mask_value is not None:
        layers.append(keras.layers.Masking(mask_value))
    for i, n in enumerate(units, start=1):
        all_steps = sequences or i < len(units)
        layer = LAYERS[cell](n, return_sequences=all_steps, stateful=lanes is not None)
        layers.append(keras.layers.Bidirectional(layer) if bidirectional else layer)
    model = keras.Sequential([*layers, keras.layers.Dense(weights[-1].shape[0])])
    model.compile(loss="mse", optimizer=optimizer)
    model.set_weights(weights)
    return model


stateful_keras = functools.partial(stateless_keras, lanes=1)


def reset(model):
    """Set the state of a stateful Keras model to zero."""
    for layer in model.layers[:-1]:
        layer.reset_state()


def train_and_reset(model, X, y, epochs, batch_size=1):
    """Train a stateful Keras model, reset its state after each epoch, and return the losses."""
    losses = []
    for _ in range(epochs):
        log = model.fit(np.array(X), y, batch_size=batch_size, shuffle=False, verbose=0)
        losses += log.history["loss"]
        reset(model)
    return losses


class RowByRow:
    """Recurrent cells and one dense layer, stepped through row by row.

    `weights` are the first weights, `units` those of each stacked layer.
    """

    def __init__(self, weights, units=(3,), *, cell="lstm", optimizer="adam"):
        self.units = units
        self.n_states = 2 if cell == "lstm" else 1  # h and c, or h alone
        self.cells = [CELLS[cell](n) for n in units]
        self.dense = keras.layers.Dense(weights[-1].shape[0])
        layers, width = [*self.cells, self.dense], weights[0].shape[0]
        for layer in layers:
            layer.build((1, width))
            width = layer.units
        self.variables = [w for layer in layers for w in layer.trainable_weights]
        for variable, weight in zip(self.variables, weights, strict=True):
            variable.assign(weight)
        self.optimizer = keras.optimizers.get(optimizer)

    def zeros(self):
        """Return the state before anything is known."""
        return [tf.zeros((1, n)) for n in self.units for _ in range(self.n_states)]

    def step(self, row, state):
        """Return the prediction for one row (or one window), and the state after it."""
        for x in np.float32(row).reshape(-1, 1, np.shape(row)[-1]):
            after, out = [], x
            for i, cell in enumerate(self.cells):
                out, now = cell(out, state[i * self.n_states : (i + 1) * self.n_states])
                after += now
            state = after
        return self.dense(out), state

    def predict(self, X, state=None):
        """Return the predictions of the first target, and the state after the last row."""
        state = self.zeros() if state is None else state
        predicted = []
        for row in X:
            out, state = self.step(row, state)
            predicted.append(out[0, 0])
        return np.array(predicted), state

    def train(
        self,
        X,
        y,
        *,
        epochs=1,
        lanes=1,
        chunk=1,
        weight=None,
        fresh=(),
        states=None,
        stretches=None,
    ):
        """Train on stretches side by side, and return the state of each.

        One weight update takes `chunk` rows of each stretch. `fresh` holds rows at which the state
        is zero, besides the first of each epoch; `states` are those to begin with instead.
        `stretches` holds the rows of each; by default there are `lanes` contiguous ones.
        """
        if stretches is None:
            length = -(-len(X) // lanes)
            stretches = [range(i, min(i + length, len(X))) for i in range(0, len(X), length)]
        length = max(map(len, stretches))
        weight = np.ones(len(X)) if weight is None else weight
        y = np.float32(y).reshape(len(X), -1)
        self.losses = []
        for epoch in range(epochs):
            if epoch or states is None:
                states = [self.zeros() for _ in stretches]
            of_rows = []
            for first in range(0, length, chunk):
                losses = []
                with tf.GradientTape() as tape:
                    for lane, stretch in enumerate(stretches):
                        for i in stretch[first : first + chunk]:
                            if i in fresh:
                                states[lane] = self.zeros()
                            out, states[lane] = self.step(X[i], states[lane])
                            if not np.isnan(y[i]).any():
                                losses.append(weight[i] * tf.reduce_mean((out - y[i]) ** 2))
                    mean = tf.add_n(losses) / len(losses) if losses else None
                if losses:
                    gradients = tape.gradient(mean, self.variables)
                    self.optimizer.apply(gradients, self.variables)
                states = [[tf.stop_gradient(one) for one in state] for state in states]
                of_rows += [float(loss) for loss in losses]
            self.losses.append(np.mean(of_rows))
        return states

    def weights(self):
        """Return the weights now."""
        return [variable.numpy() for variable in self.variables]


def assert_close(ours, theirs, atol=1e-4):
    """Assert that two lists of arrays hold the same numbers."""
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=atol)


class FirstWeights(keras.callbacks.Callback):
    """Remembers the weights that training starts from; the copy that a fit makes is the same."""

    def __deepcopy__(self, memo):
        return self

    def on_train_begin(self, logs=None):
        """Look before the first epoch."""
        self.weights = self.model.get_weights()


def weights_before(model, X, y):
    """Return the weights that a fit of a regressor starts from."""
    look = FirstWeights()
    clone(model).set_params(epochs=1, callbacks=[look]).fit(X, y)
    return look.weights


def weights_of(model):
    """Return the weights of a fitted regressor."""
    return model.model_.get_weights()


def lstm_by_hand(weights, rows, state=None):
    """Return the predictions of an LSTM for rows, and the state after them."""
    kernel, recurrent, bias, dense, offset = weights
    h, c = np.zeros((2, len(recurrent))) if state is None else state
    predicted = []
    for row in np.asarray(rows, float).reshape(len(rows), -1, kernel.shape[0]):
        for x in row:
            i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
            i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
            c = f * c + i * np.tanh(g)
            h = o * np.tanh(c)
        predicted.append((h @ dense + offset)[0])
    return np.array(predicted), (h, c)
