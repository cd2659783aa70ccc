"""The door of the engine: train, predict, hand out a Keras model, check names.

Imported inside ``fit`` and ``predict`` only, because Keras comes in with it.
"""

from __future__ import annotations

import functools

import keras
import numpy as np

from sklstm.engine import _keras_fit
from sklstm.engine._choice import choose
from sklstm.engine._held import HeldModel
from sklstm.engine._named import (
    check_names,
    fixed_learning_rate,
    fresh_metrics,
    fresh_optimizer,
    identity,
    optimizer_identity,
)
from sklstm.engine._networks import build, fresh_weights
from sklstm.engine._pool import borrow, shared
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
        engine = choose(network, training, resolved.callbacks, len(gathered), gathered.window)
        with _borrowed(network, training, resolved, engine) as held:
            if start is None:
                held.set(
                    fresh_weights(network, held.model, seed),
                    None,
                    fixed_learning_rate(resolved.optimizer),
                    seed,
                )
            else:
                rate = training.learning_rate
                held.set(start.weights, start.optimizer_state, rate, seed)
            fit = _keras_fit.fit if engine == "keras" else _compiled_fit(engine)
            return held.take(fit(held, training, resolved.callbacks, gathered, held_out, seed))

    return train_through_scikeras(training, run)


def predict(
    network: NetworkSpec, training: TrainingSpec, weights: list[np.ndarray], X: np.ndarray
) -> np.ndarray:
    """Return predictions for every window of `X`, float32 of shape (n, n_outputs)."""
    if len(X) == 0:
        return np.empty((0, network.n_outputs), dtype=np.float32)
    if keras.backend.backend() != "tensorflow":
        model = build(network)
        model.set_weights(weights)
        return _keras_fit.predict(model, all_samples(X))
    from sklstm.engine._predictor import Predictor

    predictor = shared(("predict", identity(network)), lambda: Predictor(network))
    return predictor.predict(weights, all_samples(X))


def keras_model(
    network: NetworkSpec, training: TrainingSpec, weights: list[np.ndarray] | None
) -> keras.Model:
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
    if weights is not None:
        model.set_weights(weights)
    return model


def _borrowed(network: NetworkSpec, training: TrainingSpec, resolved: Resolved, engine: str):
    """Borrow a compiled model; what shapes its graph is the key."""
    from_tensorflow = keras.backend.backend() == "tensorflow"
    kind = "fused" if engine in ("block", "xla") else "stock"
    key = (
        kind,
        identity(network),
        identity(resolved.loss),
        optimizer_identity(resolved.optimizer),
        tuple(identity(metric) for metric in resolved.metrics),
    )

    def make() -> HeldModel:
        if not from_tensorflow:
            return HeldModel(network, resolved)
        from sklstm.engine._compiled import CompiledModel

        return CompiledModel(network, resolved, fused=kind == "fused")

    return borrow(key, make)


def _compiled_fit(engine: str):
    from sklstm.engine._run import run

    return functools.partial(run, xla=engine == "xla")
