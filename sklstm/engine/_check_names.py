"""Losses, optimizers, metrics and activations: their names checked, their objects copied."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
import types
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import keras
import numpy as np

from sklstm.engine._spec import ENGINES, NetworkSpec, TrainingSpec

#: What is equal where it looks equal.
_PLAIN = (bool, int, float, str, bytes, type(None))


def check_names(network: NetworkSpec, training: TrainingSpec) -> None:
    """Raise a ValueError that names the parameter when Keras does not know what is asked for."""
    columns = (network.n_outputs, network.n_outputs)
    _check_function(
        "loss",
        training.loss,
        keras.losses.get,
        "the name of a Keras loss such as 'mean_squared_error' or 'huber', a keras.losses.Loss, "
        "or a function of (y_true, y_pred)",
        _public(keras.losses),
        *columns,
    )
    _check(
        "optimizer",
        training.optimizer,
        _optimizer,
        "the name of a Keras optimizer such as 'adam' or 'rmsprop', "
        "or a keras.optimizers.Optimizer",
        [name.lower() for name in _public(keras.optimizers)],
    )
    for metric in training.metrics or []:
        if metric not in ("acc", "accuracy", "ce", "crossentropy"):
            _check_function(
                "metrics",
                metric,
                keras.metrics.get,
                "names of Keras metrics such as 'mae', keras.metrics.Metric objects, "
                "or functions of (y_true, y_pred)",
                _public(keras.metrics),
                *columns,
            )
    for parameter, activation in (
        ("activation", network.activation),
        *(("dense_activation", activation) for activation in network.dense_activation),
        ("output_activation", network.output_activation),
    ):
        _check_function(
            parameter,
            activation,
            keras.activations.get,
            "the name of a Keras activation such as 'tanh' or 'relu', or a function",
            _public(keras.activations),
            3,
        )
    for callback in flat(training.callbacks or ()):
        kind = callback if isinstance(callback, type) else type(callback)
        if not issubclass(kind, keras.callbacks.Callback):
            raise ValueError(
                f"Got callbacks={training.callbacks!r}, which holds {callback!r}, but expected "
                "keras.callbacks.Callback objects."
            )
    if network.stateful and network.network is not None:
        raise ValueError(
            "Got network=<callable> for a stateful run, but a state can only be carried through "
            "the built-in network. Use units, dense_units and their companions, or a stateless "
            "regressor."
        )
    if network.network is not None and not takes(network.network, 2):
        raise ValueError(
            f"Got network={network.network!r}, but expected a function of (input_shape, n_outputs) "
            "that returns a keras.Model."
        )
    if training.engine not in ENGINES:
        raise ValueError(
            f"Got engine={training.engine!r}, but expected one of {', '.join(map(repr, ENGINES))}."
        )


def copied(thing: Any, learning_rate: float | None = None) -> Any:
    """Return an optimizer or a metric made anew, without what it has learnt or counted.

    An object whose config may not tell everything is returned as it is.
    """
    if not _has_telling_config(thing):
        return thing
    config = thing.get_config()
    if learning_rate is not None:
        config["learning_rate"] = float(learning_rate)
    return type(thing).from_config(config)


def identity(thing: Any) -> Hashable:
    """Return a hashable stand-in for a Keras object: equal for objects that compute the same.

    An object whose config may not tell everything stands in for itself, with all that it holds now:
    what was traced of it before does not follow its changes.
    """
    if isinstance(thing, _PLAIN):
        # Asked for at each prediction, most often of numbers and names.
        return thing
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        parts = (getattr(thing, part.name) for part in dataclasses.fields(thing))
        return type(thing), *map(identity, parts)
    if isinstance(thing, functools.partial):
        return (
            functools.partial,
            identity(thing.func),
            *map(_hashable, (thing.args, thing.keywords)),
        )
    if _has_telling_config(thing):
        return type(thing), _hashable(thing.get_config())
    if inspect.ismethod(thing):
        return thing.__func__, identity(thing.__self__)
    if inspect.isfunction(thing):
        return thing, _seen_by(thing)
    if callable(thing) and not isinstance(thing, type) and getattr(thing, "__dict__", None):
        return _hashable(thing), _hashable(vars(thing))
    return _hashable(thing)


def _seen_by(function: types.FunctionType) -> Hashable:
    """Return the numbers and names that a function finds outside of itself."""
    try:
        seen = inspect.getclosurevars(function)
    except ValueError:
        # A name that is bound later.
        return ()
    plain = (*_PLAIN, tuple, np.generic)
    return tuple(
        (name, _hashable(value))
        for found in (seen.nonlocals, seen.globals)
        for name, value in sorted(found.items())
        if isinstance(value, plain) or (isinstance(value, np.ndarray) and value.nbytes < 2**20)
    )


def optimizer_identity(optimizer: keras.optimizers.Optimizer, scheduled: bool) -> Hashable:
    """Return `identity` without what a run sets anew: the name and, unless scheduled, the rate."""
    if not _has_telling_config(optimizer):
        return optimizer
    config = dict(optimizer.get_config(), name=None)
    if not scheduled:
        config["learning_rate"] = None
    return type(optimizer), _hashable(config)


def fixed_learning_rate(optimizer: keras.optimizers.Optimizer) -> float | None:
    """Return the learning rate of `optimizer`, or None if a schedule decides it."""
    rate = optimizer.get_config()["learning_rate"]
    return None if isinstance(rate, dict) else float(rate)


def _has_telling_config(thing: Any) -> bool:
    """Tell whether a config may tell everything: an inherited one leaves out what is added."""
    return hasattr(thing, "get_config") and (
        "get_config" in vars(type(thing)) or type(thing).__module__.startswith("keras.")
    )


def _hashable(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, dict):
        return tuple(sorted((key, _hashable(item)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return type(value), *(_hashable(item) for item in value)
    if keras.ops.is_tensor(value):
        value = keras.ops.convert_to_numpy(value)
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return value.dtype.str, value.shape, value.tobytes()
    try:
        hash(value)
    except TypeError:
        # Not to be told from its like: it stands for itself, and is kept so that nothing else does.
        return _Itself(value)
    return value


class _Itself:
    """Stands for one object that has no hash."""

    def __init__(self, thing):
        self.thing = thing

    def __eq__(self, other):
        return isinstance(other, _Itself) and self.thing is other.thing

    def __hash__(self):
        return id(self.thing)


_names_known: set[tuple[str, str]] = set()


def _check(parameter: str, value: Any, get: Callable, expected: str, known: list[str]) -> None:
    """Raise if Keras' `get` finds nothing for `value`."""
    if isinstance(value, str) and (parameter, value) in _names_known:
        return
    try:
        if isinstance(value, dict):
            # Keras would make an object of a config, of a class that the config names.
            raise TypeError("a config is not taken")
        get(value)
        if isinstance(value, str):
            # Asking Keras makes an object each time, and that takes memory for good.
            _names_known.add((parameter, value))
    except Exception:
        close = difflib.get_close_matches(str(value), known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close and close[0] != value else ""
        raise ValueError(f"Got {parameter}={value!r}, but expected {expected}.{hint}") from None


def _check_function(
    parameter: str, value: Any, get: Callable, expected: str, known: list[str], *columns: int
) -> None:
    """Raise if `value` is no function, known to Keras or not, of arrays of so many columns."""

    def find(value):
        if not callable(get(value)) or (_is_plain(value) and not takes(value, len(columns))):
            raise ValueError

    _check(parameter, value, find, expected, known)
    if _is_plain(value):
        _check_returned(parameter, value, expected, *columns)


def _check_returned(parameter: str, value: Callable, expected: str, *columns: int) -> None:
    """Raise if a function that is none of Keras' does not make tensors of tensors."""
    try:
        returned = value(*[keras.ops.zeros((2, n)) for n in columns])
    except Exception as error:
        if not (_raised_within_keras(error) or _package(value) in ("numpy", "scipy", "sklearn")):
            raise
        raise ValueError(
            f"Got {parameter}={value!r}, which cannot be computed on tensors, but expected "
            f"{expected}. Make a function of your own out of keras.ops."
        ) from None
    # What computes by NumPy returns no tensor, and no gradient.
    if not keras.ops.is_tensor(returned) or (
        len(columns) == 1 and tuple(returned.shape) != (2, *columns)
    ):
        raise ValueError(
            f"Got {parameter}={value!r}, which returned {returned!r} for rows of "
            f"{columns[0]} zeros, but expected {expected}. Make a function of your own out of "
            "keras.ops."
        )


def _raised_within_keras(error: Exception) -> bool:
    """Tell whether Keras or its backend refused something, not the user's own code."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = "" if frame is None else frame.tb_frame.f_globals.get("__name__", "")
    return where.partition(".")[0] in ("keras", keras.backend.backend())


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", "")).partition(".")[0]


def _optimizer(value: Any) -> None:
    if not isinstance(keras.optimizers.get(value), keras.optimizers.Optimizer):
        raise ValueError


def _is_plain(value: Any) -> bool:
    """Tell whether a function, or a class, is none of Keras'."""
    return _package(value) != "keras" and (
        inspect.isroutine(value) or isinstance(value, (functools.partial, np.ufunc, type))
    )


def takes(function: Callable, n_arguments: int) -> bool:
    """Tell whether a function can be called with so many arguments, as far as it says."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        # Some that are written in C do not say.
        return not isinstance(function, type)
    try:
        signature.bind(*range(n_arguments))
    except TypeError:
        return False
    return True


def flat(callbacks: Iterable) -> list:
    """List callbacks, some of which may stand in lists."""
    return [c for item in callbacks for c in (item if isinstance(item, list) else [item])]


def _public(module) -> list[str]:
    return [name for name in dir(module) if not name.startswith("_")]
