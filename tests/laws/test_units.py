"""Predictions do not depend on the units of inputs and target."""

import keras
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from sklstm import (
    LagWindower,
    LSTMRegressor,
    StatefulLSTMRegressor,
)

N_ROWS, N_TRAIN = 60, 45
OPTIONS = {"units": 3, "epochs": 4, "learning_rate": 0.02, "random_state": 0}


def series(n_rows=N_ROWS):
    """Return rows of two features, and two targets."""
    draws = np.random.default_rng(0)
    X = draws.normal(size=(n_rows, 2)).cumsum(axis=0)
    return X, np.column_stack([X[:, 0] + X[:, 1], X[:, 0] * X[:, 1]])


def dense_network(shape, n_outputs):
    """Build a network that is no chain of recurrent layers."""
    flat = [keras.Input(shape), keras.layers.Flatten()]
    return keras.Sequential([*flat, keras.layers.Dense(4, "tanh"), keras.layers.Dense(n_outputs)])


def on_windows(**options):
    """Return a pipeline of a windower and a network."""
    return make_pipeline(LagWindower(3), LSTMRegressor(**OPTIONS, batch_size=8, **options))


def stateful(**options):
    """Return a network whose state runs on."""
    return StatefulLSTMRegressor(**OPTIONS, **options)


MODELS = {
    "windows": on_windows(),
    "quantiles": on_windows(loss="quantile"),
    "mean absolute error": on_windows(loss="mae"),
    "huber": on_windows(loss="huber"),
    "gru, both ways": on_windows(cell="gru", bidirectional=True),
    "dropout": on_windows(dropout=0.2, recurrent_dropout=0.1),
    "a network of the user's": on_windows(network=dense_network),
    "Keras' own fit": on_windows(engine="keras"),
    "early stopping": on_windows(validation_fraction=0.2, early_stopping=True, patience=2),
    "state": stateful(bptt_steps=4),
    "state, gru": stateful(cell="gru", batch_size=3),
    "state, held-out rows": stateful(validation_fraction=0.2),
    "state on windows": make_pipeline(LagWindower(3), stateful(bptt_steps=4)),
}

each_model = pytest.mark.parametrize("name", MODELS)


def said(model, X, y):
    """Return what a model says of the later rows after a fit on the earlier ones."""
    model.fit(X[:N_TRAIN], y[:N_TRAIN])
    if hasattr(model, "predict_quantiles"):
        return model.predict_quantiles(X[N_TRAIN:])
    return model.predict(X[N_TRAIN:])


@each_model
def test_predictions_do_not_depend_on_the_units(name):
    """In units a * x + b of each column, predictions are those in the first units, converted."""
    X, y = series()
    factors, offsets = np.array([1e-6, 1e4]), np.array([3.0, -2e6])
    in_units = said(MODELS[name], X * factors + offsets, y * factors[::-1] + offsets[::-1])
    expected = said(MODELS[name], X, y)
    if expected.ndim == 3:
        factors, offsets = factors[:, None], offsets[:, None]
    converted = (in_units - offsets[::-1]) / factors[::-1]
    np.testing.assert_allclose(converted, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
