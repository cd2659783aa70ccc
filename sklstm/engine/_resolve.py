"""The one module that knows SciKeras: it resolves losses, optimizers, metrics and callbacks.

SciKeras is given a compiled Keras model whose ``fit`` is the engine's run, and never sees the data:
its checks would scan, and with sample weights copy, every window. It gets no ``random_state``
either, which would switch on TensorFlow's op determinism for the whole process.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from scikeras.wrappers import KerasRegressor

from sklstm.engine._check_names import copied, fixed_learning_rate, flat, identity
from sklstm.engine._models._pool import shared
from sklstm.engine._spec import Trained, TrainingSpec


@dataclass(frozen=True)
class Resolved:
    """Keras objects that stand for what a `TrainingSpec` names.

    Attributes
    ----------
    loss : keras.losses.Loss or callable
    optimizer : keras.optimizers.Optimizer
    metrics : list
        Like `optimizer` to be copied, never to be trained with: other runs share them.
    learning_rate : float or None
        None if the optimizer's schedule decides it.
    callbacks : list of keras.callbacks.Callback
        This run's own.
    """

    loss: Any
    optimizer: keras.optimizers.Optimizer
    metrics: list
    learning_rate: float | None
    callbacks: list


class _RunModel(keras.Model):
    """A compiled Keras model whose ``fit`` is the engine's run."""

    def __init__(self, compiled: dict, run: Callable[[list], Trained]):
        super().__init__(name="sklstm_run")
        self.loss, self.optimizer = compiled["loss"], compiled["optimizer"]
        self.run = run
        self.outputs = [None]
        self.compiled = True

    def fit(self, x=None, y=None, callbacks=(), **_):
        self.trained = self.run(callbacks)
        return keras.callbacks.History()


def train_through_scikeras(training: TrainingSpec, run: Callable[[Resolved], Trained]) -> Trained:
    """Let SciKeras resolve what `training` names and fit a model whose fit is `run`."""
    metrics = tuple(identity(metric) for metric in training.metrics or ())
    key = ("compile", identity(training.loss), identity(training.optimizer), metrics)
    # Each new Keras optimizer or metric takes memory that is never given back.
    compiled = shared(key, lambda: _compile_arguments(training))
    rate = training.learning_rate
    if rate is None:
        rate = fixed_learning_rate(compiled["optimizer"])

    def fit(callbacks) -> Trained:
        return run(Resolved(**compiled, learning_rate=rate, callbacks=flat(callbacks)))

    model = _RunModel(compiled, fit)
    callbacks = copy.deepcopy(list(training.callbacks or []))
    # Two rows stand for the data, of values that no check could take for classes.
    stand_in = np.array([[0.0], [0.5]], dtype=np.float32)
    KerasRegressor(model, loss=compiled["loss"], callbacks=callbacks).fit(stand_in, stand_in[:, 0])
    return model.trained


def _compile_arguments(training: TrainingSpec) -> dict:
    """Let SciKeras turn names into objects."""
    names = list(training.metrics or [])
    compiled = KerasRegressor(
        loss=training.loss,
        optimizer=copied(training.optimizer),
        metrics=[copied(metric) for metric in names],
    )._get_compile_kwargs()
    for name, metric in zip(names, compiled["metrics"], strict=True):
        # SciKeras turns "mae" into an object of another name; Keras' history would say "mae".
        if isinstance(name, str) and isinstance(metric, keras.metrics.Metric):
            metric.name = name
    return {key: compiled[key] for key in ("loss", "optimizer", "metrics")}
