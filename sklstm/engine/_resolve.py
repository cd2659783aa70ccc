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

from sklstm.engine._compat import base_optimizer, compile_arguments, fit_callbacks
from sklstm.engine._models._identity import copied, has_full_config, identity
from sklstm.engine._models._pool import shared
from sklstm.engine._spec import TrainingSpec

#: Keras' callbacks that set the learning rate.
_SET_THE_RATE = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


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
        None if the optimizer's schedule decides it.
    learning_rate_schedule : {"cosine", "plateau"} or None
    callbacks : list of keras.callbacks.Callback
        This run's own.
    """

    loss: Any
    optimizer: keras.optimizers.Optimizer
    metrics: list
    weighted_metrics: list
    loss_weights: float | None
    learning_rate: float | None
    learning_rate_schedule: str | None
    callbacks: list


def resolve(training: TrainingSpec) -> Resolved:
    """Return the Keras objects of one run."""
    plain, weighted = (list(of or []) for of in (training.metrics, training.weighted_metrics))
    named = training.loss, training.optimizer, plain + weighted, training.clipnorm
    # Each new Keras optimizer or metric takes memory that is never given back.
    found = shared(("resolved", *map(identity, named)), lambda: _compile_arguments(*named))
    rate = training.learning_rate
    if rate is None:
        of_optimizer = _rate_of(found["optimizer"])
        rate = float(of_optimizer) if isinstance(of_optimizer, Real) else None
    callbacks = copy.deepcopy(list(training.callbacks or []))
    callbacks = keras.tree.flatten(fit_callbacks(KerasRegressor(callbacks=callbacks)))
    if training.learning_rate_schedule is not None:
        _check_alone(training, found["optimizer"], callbacks)
    return Resolved(
        found["loss"],
        found["optimizer"],
        found["metrics"][: len(plain)],
        found["metrics"][len(plain) :],
        training.loss_weights,
        rate,
        training.learning_rate_schedule,
        callbacks,
    )


def _check_alone(training: TrainingSpec, optimizer, callbacks: list) -> None:
    """Refuse a schedule beside something else that sets the learning rate."""
    rate = _rate_of(optimizer)
    if any(isinstance(callback, _SET_THE_RATE) for callback in callbacks):
        other = f"callbacks={training.callbacks!r}, which set the learning rate"
    elif not isinstance(rate, Real):
        own = rate["class_name"] if isinstance(rate, dict) else rate
        other = f"optimizer={training.optimizer!r}, which has a schedule of its own ({own})"
    elif training.learning_rate_schedule == "cosine" and not has_full_config(optimizer):
        other = f"optimizer={training.optimizer!r}, whose class has no get_config of its own"
    else:
        return
    raise ValueError(
        f"Got learning_rate_schedule={training.learning_rate_schedule!r} beside {other}: use one "
        "of them. Set learning_rate_schedule=None, or leave the other out."
    )


def _rate_of(optimizer) -> Any:
    """Return the learning rate of an optimizer, or the dict that stands for its schedule."""
    return base_optimizer(optimizer).get_config().get("learning_rate")


def _compile_arguments(loss, optimizer, metrics: list, clipnorm: float | None) -> dict:
    found = compile_arguments(
        KerasRegressor(loss=loss, optimizer=copied(optimizer), metrics=list(map(copied, metrics)))
    )
    for name, metric in zip(metrics, found["metrics"], strict=True):
        # SciKeras makes "mae" an object called "mean_absolute_error"; Keras' history says "mae".
        if isinstance(name, str) and isinstance(metric, keras.metrics.Metric):
            metric.name = name
    if clipnorm is not None:
        found["optimizer"] = _clipped(found["optimizer"], clipnorm)
    return {key: found[key] for key in ("loss", "optimizer", "metrics")}


def _clipped(optimizer, clipnorm: float):
    """Return an optimizer made anew that clips gradients to a norm."""
    cause = None
    try:
        clipped = copied(optimizer, clipnorm=clipnorm)
    except ValueError as error:
        clipped, cause = optimizer, error
    if clipped.clipnorm != clipnorm:
        raise ValueError(
            f"Got clipnorm={clipnorm!r} beside optimizer={optimizer!r}, which does not take it: it "
            "clips gradients in another way, is around another optimizer, or has no complete "
            "get_config. Set clipnorm=None, and clip by the options of the optimizer."
        ) from cause
    return clipped
