"""SciKeras turns what the user named into Keras objects, before a run begins.

What SciKeras documents cannot do that: it hands out callbacks to the ``fit`` of a model only, and
would check, and with sample weights copy, every window on the way. So two of its private methods
are called, through ``_compat``; they hold for SciKeras 0.13. It gets no ``random_state``, which
would switch on TensorFlow's op determinism for the whole process.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from numbers import Real
from typing import Any

import keras
from scikeras.wrappers import KerasRegressor

from sklstm.engine._compat import compile_arguments, fit_callbacks
from sklstm.engine._models._identity import copied, identity
from sklstm.engine._models._pool import shared
from sklstm.engine._spec import TrainingSpec


@dataclass(frozen=True)
class Resolved:
    """Keras objects that stand for what a `TrainingSpec` names.

    Attributes
    ----------
    loss : keras.losses.Loss or callable
    optimizer : keras.optimizers.Optimizer
    metrics, weighted_metrics : list
        Like `optimizer` to be copied, never to be trained with: other runs share them.
    loss_weights : float or None
    learning_rate : float or None
        None if the optimizer's schedule, or an optimizer inside it, decides it.
    callbacks : list of keras.callbacks.Callback
        This run's own.
    """

    loss: Any
    optimizer: keras.optimizers.Optimizer
    metrics: list
    weighted_metrics: list
    loss_weights: float | None
    learning_rate: float | None
    callbacks: list


def resolve(training: TrainingSpec) -> Resolved:
    """Return the Keras objects of one run."""
    plain, weighted = (list(of or []) for of in (training.metrics, training.weighted_metrics))
    named = training.loss, training.optimizer, plain + weighted
    # Each new Keras optimizer or metric takes memory that is never given back.
    found = shared(("resolved", *map(identity, named)), lambda: _compile_arguments(*named))
    rate = training.learning_rate
    if rate is None:
        # A schedule is a dict there; an optimizer around another has no rate of its own.
        of_optimizer = found["optimizer"].get_config().get("learning_rate")
        rate = float(of_optimizer) if isinstance(of_optimizer, Real) else None
    callbacks = copy.deepcopy(list(training.callbacks or []))
    callbacks = keras.tree.flatten(fit_callbacks(KerasRegressor(callbacks=callbacks)))
    return Resolved(
        found["loss"],
        found["optimizer"],
        found["metrics"][: len(plain)],
        found["metrics"][len(plain) :],
        training.loss_weights,
        rate,
        callbacks,
    )


def _compile_arguments(loss, optimizer, metrics: list) -> dict:
    found = compile_arguments(
        KerasRegressor(loss=loss, optimizer=copied(optimizer), metrics=list(map(copied, metrics)))
    )
    for name, metric in zip(metrics, found["metrics"], strict=True):
        # SciKeras makes "mae" an object called "mean_absolute_error"; Keras' history says "mae".
        if isinstance(name, str) and isinstance(metric, keras.metrics.Metric):
            metric.name = name
    return {key: found[key] for key in ("loss", "optimizer", "metrics")}
