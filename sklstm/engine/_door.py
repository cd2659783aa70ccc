"""The door of the engine: train, predict, hand out a Keras model, check names.

Imported inside ``fit`` and ``predict`` only, because Keras comes in with it.
"""

from __future__ import annotations

import keras
import numpy as np

from sklstm.engine import _keras_fit
from sklstm.engine._named import check_names, fresh_metrics, fresh_optimizer
from sklstm.engine._networks import build, fresh_weights, seed_dropout
from sklstm.engine._rows import all_samples, samples
from sklstm.engine._scikeras import Resolved, train_through_scikeras
from sklstm.engine._spec import NetworkSpec, Rows, Trained, TrainingSpec


def check(network: NetworkSpec, training: TrainingSpec) -> None:
    """Raise a ValueError for a loss, optimizer, metric or activation that Keras does not know.

    The message names the parameter, the value, and what would do.
    """
    check_names(network, training)


def train(
    network: NetworkSpec,
    training: TrainingSpec,
    data: Rows,
    validation: Rows | None = None,
    *,
    seed: int,
    start: Trained | None = None,
) -> Trained:
    """Train `network` on `data`.

    Parameters
    ----------
    network : NetworkSpec
    training : TrainingSpec
    data, validation : Rows
    seed : int
        Decides first weights, dropout and the order of the rows. No global random state is read or changed.
    start : Trained, optional
        Go on from these weights and this optimizer state instead of fresh ones.

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If a name is unknown, or if the loss stops being finite.
    """
    check_names(network, training)
    gathered = samples(data)
    held_out = None if validation is None else samples(validation)

    def run(resolved: Resolved) -> Trained:
        model = build(network)
        model.compile(optimizer=resolved.optimizer, loss=resolved.loss, metrics=resolved.metrics)
        model.optimizer.build(model.trainable_variables)
        if start is None:
            model.set_weights(fresh_weights(network, model, seed))
        else:
            model.set_weights(start.weights)
            for variable, value in zip(model.optimizer.variables, start.optimizer_state, strict=True):
                variable.assign(value)
        seed_dropout(model, seed)
        history = _keras_fit.fit(model, training, resolved.callbacks, gathered, held_out, seed)
        state = [keras.ops.convert_to_numpy(variable) for variable in model.optimizer.variables]
        return Trained(model.get_weights(), state, history)

    return train_through_scikeras(training, run)


def predict(network: NetworkSpec, training: TrainingSpec, weights: list[np.ndarray], X: np.ndarray) -> np.ndarray:
    """Return predictions for every window of `X`, float32 of shape (n, n_outputs)."""
    model = build(network)
    model.set_weights(weights)
    if len(X) == 0:
        return np.empty((0, network.n_outputs), dtype=np.float32)
    return _keras_fit.predict(model, all_samples(X))


def keras_model(network: NetworkSpec, training: TrainingSpec, weights: list[np.ndarray]) -> keras.Model:
    """Return a compiled Keras model of stock layers that shares nothing with the engine.

    What it saves can be loaded by Keras alone.
    """
    model = build(network)
    model.compile(
        optimizer=keras.optimizers.get(fresh_optimizer(training)),
        loss=training.loss,
        metrics=fresh_metrics(training.metrics),
    )
    # A file of an optimizer without its variables makes Keras warn when it loads it.
    model.optimizer.build(model.trainable_variables)
    model.set_weights(weights)
    return model
