"""Predict with trained weights, or hand out a Keras model of them.

Imported inside ``predict`` only, because Keras comes in with it.
"""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np

from sklstm._past._windows import Windows
from sklstm.engine._models._build import build
from sklstm.engine._models._identity import copied, identity
from sklstm.engine._models._losses import QuantileLoss
from sklstm.engine._models._pool import shared
from sklstm.engine._models._predictor import Predictor
from sklstm.engine._models._scaled import in_own_units
from sklstm.engine._models._stateful import StatefulPredictor
from sklstm.engine._samples import float32_windows
from sklstm.engine._scale import UNSCALED, Scale
from sklstm.engine._spec import NetworkSpec, TrainingSpec


def predict(
    network: NetworkSpec,
    training: TrainingSpec,
    weights: list[np.ndarray],
    X,
    scale: Scale = UNSCALED,
) -> np.ndarray:
    """Return predictions for every window of `X`, float32 of shape (n, n_outputs)."""
    outputs = np.empty((len(X), network.n_outputs), np.float32)
    for start, block in Windows.of(X).blocks():
        windows = float32_windows(block, scale)
        part = slice(start, start + len(block))
        outputs[part] = _predictor(Predictor, network, windows).predict(weights, windows)
    return outputs


def predict_stateful(
    network: NetworkSpec,
    training: TrainingSpec,
    weights: list[np.ndarray],
    X,
    states: list[np.ndarray],
    runs: np.ndarray,
    scale: Scale = UNSCALED,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return predictions for every window of `X`, and the states after them.

    Parameters
    ----------
    network, training, weights
    X : Windows or ndarray of shape (n, window, n_features)
    states : list of ndarray of shape (n_runs, units)
        The states of each recurrent layer before the first row of each run.
    runs : ndarray of int of shape (n,)
        Which run each window belongs to: rows of one run follow each other, with a state of their
        own. Runs are computed side by side.
    scale : Scale, optional
        Of the columns of `X`.

    Returns
    -------
    predictions : float32 ndarray of shape (n, n_outputs)
    states : list of ndarray of shape (n_runs, units)
    """
    outputs = np.empty((len(X), network.n_outputs), np.float32)
    for start, block in Windows.of(X).blocks():
        windows = float32_windows(block, scale)
        predictor = _predictor(StatefulPredictor, network, windows)
        part = slice(start, start + len(block))
        outputs[part], states = predictor.predict(weights, windows, runs[part], states)
    return outputs, states


def keras_model(
    network: NetworkSpec,
    training: TrainingSpec,
    weights: list[list[np.ndarray]] | None,
    input_scale: Scale = UNSCALED,
    target_scale: Scale = UNSCALED,
) -> keras.Model:
    """Return a compiled Keras model of stock layers that shares nothing with the engine.

    What it saves can be loaded by Keras alone. Its LSTM layers are not stateful. Weights of several
    networks make a model that returns the mean of their outputs; None keeps those that are built.
    """
    n_networks = 1 if weights is None else len(weights)
    models = [build(replace(network, stateful=False)) for _ in range(n_networks)]
    for model, of_one in zip(models, weights or (), strict=False):
        model.set_weights(of_one)
    model = in_own_units(network, models, input_scale, target_scale)
    # A file may name only what Keras can find where there is no sklstm.
    is_ours = isinstance(training.loss, QuantileLoss)
    model.compile(
        optimizer=copied(
            keras.optimizers.get(training.optimizer),
            learning_rate=training.learning_rate,
            clipnorm=training.clipnorm,
        ),
        loss=None if is_ours else training.loss,
        loss_weights=training.loss_weights,
        metrics=[copied(metric) for metric in training.metrics or []],
        weighted_metrics=[copied(metric) for metric in training.weighted_metrics or []],
    )
    # A file of an optimizer without its variables makes Keras warn when it loads it.
    model.optimizer.build(model.trainable_variables)
    return model


def _predictor(kind: type, network: NetworkSpec, windows: Windows):
    """Return the shared predictor of `kind` for series of as many columns as that of `windows`."""
    n_columns = windows.values.shape[1]
    return shared((kind, n_columns, identity(vars(network))), lambda: kind(network, n_columns))
