"""Predict with trained weights, or hand out a Keras model of them.

Imported inside ``predict`` only, because Keras comes in with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np

from sklstm._past._windows import Windows
from sklstm.engine._check_names import copied, identity
from sklstm.engine._models._build import build
from sklstm.engine._models._pool import shared
from sklstm.engine._runs import _keras_fit
from sklstm.engine._samples import Samples, all_samples
from sklstm.engine._spec import NetworkSpec, TrainingSpec


def predict(
    network: NetworkSpec, training: TrainingSpec, weights: list[np.ndarray], X
) -> np.ndarray:
    """Return predictions for every window of `X`, float32 of shape (n, n_outputs)."""
    if len(X) == 0:
        return np.empty((0, network.n_outputs), dtype=np.float32)
    predict_piece: Callable[[Samples], np.ndarray]
    if _on_tensorflow():
        from sklstm.engine._models._predictor import Predictor

        predictor = shared(("predict", identity(network)), lambda: Predictor(network))
        predict_piece = functools.partial(predictor.predict, weights)
    else:
        model = build(network)
        model.set_weights(weights)
        predict_piece = functools.partial(_keras_fit.predict, model)
    predicted = [predict_piece(all_samples(piece)) for _, piece in Windows.of(X).blocks()]
    return predicted[0] if len(predicted) == 1 else np.concatenate(predicted)


def predict_stateful(
    network: NetworkSpec,
    training: TrainingSpec,
    weights: list[np.ndarray],
    X: np.ndarray,
    state: list[np.ndarray] | None = None,
    breaks=None,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return predictions for every window of `X` in their order, and the state after the last.

    Parameters
    ----------
    network, training, weights
    X : ndarray of shape (n, window, n_features)
    state : list of ndarray of shape (1, units), optional
        ``[h, c]`` of each LSTM layer before the first row; zeros if not given.
    breaks : sequence of int, optional
        Sorted rows at which the state starts from zero.

    Returns
    -------
    predictions : float32 ndarray of shape (n, n_outputs)
    state : list of ndarray of shape (1, units)
    """
    predicted = []
    for start, piece in Windows.of(X).blocks():
        within = [at - start for at in breaks or () if start <= at < start + len(piece)]
        outputs, state = _run_on(network, weights, all_samples(piece), state, within)
        predicted.append(outputs)
    assert state is not None
    return predicted[0] if len(predicted) == 1 else np.concatenate(predicted), state


def keras_model(
    network: NetworkSpec, training: TrainingSpec, weights: list[np.ndarray] | None
) -> keras.Model:
    """Return a compiled Keras model of stock layers that shares nothing with the engine.

    What it saves can be loaded by Keras alone. Its LSTM layers are not stateful.
    """
    model = build(replace(network, stateful=False))
    model.compile(
        optimizer=copied(keras.optimizers.get(training.optimizer), training.learning_rate),
        loss=training.loss,
        metrics=[copied(metric) for metric in training.metrics or []],
    )
    # A file of an optimizer without its variables makes Keras warn when it loads it.
    model.optimizer.build(model.trainable_variables)
    if weights is not None:
        model.set_weights(weights)
    return model


def _run_on(network: NetworkSpec, weights, data: Samples, state, breaks):
    """Run over `data` from `state`."""
    from sklstm.engine._models._stateful import StatefulPredictor

    predictor = shared(("run on", identity(network)), lambda: StatefulPredictor(network))
    state = state or predictor.forward.zero_states()
    if len(data) == 0:
        return np.empty((0, network.n_outputs), dtype=np.float32), state
    return predictor.predict(weights, data, state, breaks)


def _on_tensorflow() -> bool:
    return keras.backend.backend() == "tensorflow"
