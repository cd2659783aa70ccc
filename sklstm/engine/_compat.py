"""Every undocumented name of Keras, SciKeras and TensorFlow that the engine uses, with its reason.

They hold for Keras 3.15, SciKeras 0.13 and TensorFlow 2.18 to 2.21.
"""

from __future__ import annotations

import functools
import operator
import random
import sys
import threading
import types
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf
from keras.src.random import seed_generator
from tensorflow.python.eager import context

_one_thread = threading.RLock()


def all_layers(model) -> list:
    """Return the layers of a Keras model, those inside wrappers and nested models included.

    The documented ``model.layers`` holds the outermost layers alone.
    """
    return model._flatten_layers()


def set_time_loop(layer, loop: Callable) -> None:
    """Let one recurrent layer run over the time steps by ``loop(layer, ...)``.

    On the instance, so that the model is saved and loaded as one of stock layers. A subclass would
    need its own class in every file.
    """
    layer.inner_loop = types.MethodType(loop, layer)


def keras_time_loop(layer, sequences, initial_state, mask, training):
    """Run over the time steps as Keras does in a layer that `set_time_loop` has changed."""
    return type(layer).inner_loop(layer, sequences, initial_state, mask, training)


def input_dropout(layer, first_step):
    """Return the factors that dropout puts on every time step of one batch.

    A time loop has to drop what the layer's own loop would drop.
    """
    return layer.cell.get_dropout_mask(first_step)


def dropout_states(model) -> list:
    """Return the variables that dropout layers draw from: Keras has no list of them."""
    return [v for v in model.variables if v.name == "seed_generator_state"]


class _DefaultSeeds:
    """What Keras takes for Python's `random`: for one thread, numbers of a seed."""

    def __init__(self, seed):
        self._draws = random.Random(seed)  # noqa: S311 - first weights are no secret
        self._thread = threading.get_ident()

    def randint(self, low, high):
        is_ours = threading.get_ident() == self._thread
        return (self._draws if is_ours else random).randint(low, high)


@contextmanager
def default_seeds(seed: int):
    """Let layers without a seed that this thread makes draw theirs from a seed.

    Keras draws them from Python's global random state, from which every thread that makes or copies
    layers draws as well.
    """
    with _one_thread:
        before = seed_generator.python_random
        seed_generator.python_random = _DefaultSeeds(seed)
        try:
            yield
        finally:
            seed_generator.python_random = before


def early_stopping(monitor: str, patience: int):
    """Return Keras' early stopping, which goes back to the best weights.

    It compares two numbers by a TensorFlow op, which takes longer than a small epoch.
    """
    stop = keras.callbacks.EarlyStopping(monitor, patience=patience, restore_best_weights=True)
    stop.monitor_op = operator.lt
    return stop


def first_epoch(model) -> int:
    """Return the epoch to begin with: ``BackupAndRestore`` sets it in a Keras model."""
    return getattr(model, "_initial_epoch", None) or 0


def base_optimizer(optimizer):
    """Return the optimizer that updates the weights: ``LossScaleOptimizer`` is around another."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def n_updates(optimizer):
    """Return the variable that Keras gives a schedule of the learning rate.

    The documented ``iterations`` counts several calls as one where gradients are accumulated.
    """
    return optimizer._iterations


def forget_last_fit(model) -> None:
    """Drop what Keras' ``fit`` keeps in the model for the next one.

    The held-out rows, if a callback raises, and the epoch at which ``BackupAndRestore`` began.
    """
    model._eval_epoch_iterator = None
    model._initial_epoch = None


def call_as_traced(function: Callable, *arguments) -> Any:
    """Call a traced function whose graph TensorFlow does not rewrite before its first call.

    That takes longer than a small fit, and saves nothing in a graph that holds only what it needs.
    The documented switch is one for the whole process.
    """
    ctx = context.context()
    options = ctx.function_call_options
    ctx.function_call_options = _without_rewriting(options.config_proto_serialized)
    try:
        return function(*arguments)
    finally:
        ctx.function_call_options = options


@functools.cache
def _without_rewriting(serialized: bytes) -> context.FunctionCallOptions:
    config = tf.compat.v1.ConfigProto.FromString(serialized)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return context.FunctionCallOptions(config_proto=config)


def compiled_with(model) -> dict[str, Any]:
    """Return what shapes the training of a compiled model of one output, as the user gave it.

    The documented ``get_compile_config`` has lost functions and objects by then. How Keras would
    run it (``run_eagerly``, ``jit_compile``, ``steps_per_execution``) changes no number.
    """
    if not model.compiled:
        return {}
    given = {name: keras.tree.flatten(of) for name, of in model._compile_config.config.items()}
    metrics = ("metrics", "weighted_metrics")
    return {
        **{name: (given[name] or [None])[0] for name in ("optimizer", "loss", "loss_weights")},
        **{name: [metric for metric in given[name] if metric is not None] for name in metrics},
    }


def compile_arguments(regressor) -> dict[str, Any]:
    """Return the objects that a SciKeras estimator would compile its model with.

    SciKeras hands them out to a function that builds a model, which needs rows to be fitted on.
    """
    return regressor._get_compile_kwargs()


def fit_callbacks(regressor) -> list:
    """Return the callbacks that a SciKeras estimator would give ``fit``: only ``fit`` gets them."""
    regressor._initialize_callbacks()
    return regressor._fit_callbacks


def tensorflow_has_started() -> bool:
    """Tell whether TensorFlow has started its threads, without starting them."""
    module = sys.modules.get("tensorflow.python.eager.context")
    context = module and module.context_safe()
    return context is not None and context._context_handle is not None
