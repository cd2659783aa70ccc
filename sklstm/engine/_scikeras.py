"""The one module that knows SciKeras: it resolves losses, optimizers, metrics and callbacks, and calls the run.

SciKeras is given a Keras model whose ``compile`` and ``fit`` are the engine's own, and never sees the data: its checks
would scan, and with sample weights copy, every window. It gets no ``random_state`` either, which would switch on
TensorFlow's op determinism for the whole process.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from scikeras.wrappers import KerasRegressor

from sklstm.engine._named import fresh_metrics, fresh_optimizer
from sklstm.engine._spec import Trained, TrainingSpec


@dataclass(frozen=True)
class Resolved:
    """Keras objects made for one run, shared with nothing else."""

    loss: Any
    optimizer: keras.optimizers.Optimizer
    metrics: list
    callbacks: list


class _RunModel(keras.Model):
    """A Keras model whose ``fit`` is the engine's run."""

    def __init__(self, run: Callable[[Resolved], Trained], names):
        super().__init__(name="sklstm_run")
        self.run = run
        self.names = list(names)
        self.outputs = [None]

    def compile(self, optimizer, loss, metrics=None, **_):
        for name, metric in zip(self.names, metrics or [], strict=True):
            # SciKeras turns "mae" into an object of another name; Keras' history would say "mae".
            if isinstance(name, str) and isinstance(metric, keras.metrics.Metric):
                metric.name = name
        self.loss, self.resolved = loss, (loss, optimizer, list(metrics or []))
        self.optimizer = optimizer
        self.compiled = True

    def fit(self, x=None, y=None, callbacks=(), **_):
        self.trained = self.run(Resolved(*self.resolved, callbacks=_flat(callbacks)))
        return keras.callbacks.History()


def train_through_scikeras(training: TrainingSpec, run: Callable[[Resolved], Trained]) -> Trained:
    """Let SciKeras resolve what `training` names and fit a model whose fit is `run`."""
    model = _RunModel(run, names=training.metrics or [])
    wrapper = KerasRegressor(
        model=model,
        loss=training.loss,
        optimizer=fresh_optimizer(training),
        metrics=fresh_metrics(training.metrics),
        callbacks=copy.deepcopy(list(training.callbacks or [])),
        verbose=0,
    )
    # Two rows stand for the data, of values that no check could take for classes.
    stand_in = np.array([[0.0], [0.5]], dtype=np.float32)
    wrapper.fit(stand_in, stand_in[:, 0])
    return model.trained


def resolve(training: TrainingSpec) -> Resolved:
    """Let SciKeras resolve what `training` names, without running anything."""
    seen = []

    def look(resolved: Resolved) -> Trained:
        seen.append(resolved)
        return Trained([], [])

    train_through_scikeras(training, look)
    return seen[0]


def _flat(callbacks) -> list:
    return [c for item in callbacks for c in (item if isinstance(item, list) else [item])]
