"""Checks of the names, objects and functions that a user gave for a network and its training."""

from __future__ import annotations

import difflib
import functools
from types import ModuleType
from typing import Any

import keras

from sklstm.engine._spec import NetworkSpec, TrainingSpec

#: Where Keras looks names up, and what would do.
_EXPECTED = {
    keras.losses: "the name of a Keras loss such as 'mean_squared_error' or 'huber', "
    "a keras.losses.Loss, or a function of (y_true, y_pred)",
    keras.optimizers: "the name of a Keras optimizer such as 'adam' or 'rmsprop', "
    "or a keras.optimizers.Optimizer",
    keras.metrics: "names of Keras metrics such as 'mae', keras.metrics.Metric objects, "
    "or functions of (y_true, y_pred)",
    keras.activations: "the name of a Keras activation such as 'tanh' or 'relu', or a function",
}


def check_names(network: NetworkSpec, training: TrainingSpec) -> None:
    """Raise a ValueError that names the parameter when Keras does not know what is asked for."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Got the Keras backend {keras.backend.backend()!r}, but expected 'tensorflow'. Set "
            "KERAS_BACKEND=tensorflow before Keras is imported."
        )
    columns = (network.n_outputs, network.n_outputs)
    _check_function("loss", keras.losses, training.loss, *columns)
    _check("optimizer", keras.optimizers, training.optimizer)
    for metric in [*(training.metrics or []), *(training.weighted_metrics or [])]:
        # Keras chooses these by the loss, in `compile`.
        if metric not in ("acc", "accuracy", "ce", "crossentropy"):
            _check_function("metrics", keras.metrics, metric, *columns)
    _check_function("activation", keras.activations, network.activation, 3)
    for activation in network.dense_activation:
        _check_function("dense_activation", keras.activations, activation, 3)
    _check_function("output_activation", keras.activations, network.output_activation, 3)
    for callback in keras.tree.flatten(training.callbacks or ()):
        kind = callback if isinstance(callback, type) else type(callback)
        if not issubclass(kind, keras.callbacks.Callback):
            raise ValueError(
                f"Got callbacks={training.callbacks!r}, which holds {callback!r}, but expected "
                "keras.callbacks.Callback objects."
            )


def check_class_names(training: TrainingSpec, n_classes: int) -> None:
    """Raise unless a network can learn probabilities of classes by a loss, and metrics count them.

    Two classes are one column, in which losses and metrics that compare columns find no error; more
    are columns of 0 and 1, not numbers of classes. A function of the user's is taken as it is.
    """
    kinds = ["binary_crossentropy", "binary_focal_crossentropy", "mean_squared_error"]
    if n_classes > 2:
        kinds = ["categorical_crossentropy", "categorical_focal_crossentropy", *kinds]
    known = [kind.replace("_", "") for kind in kinds]
    name = _name_of(keras.losses, training.loss)
    if getattr(training.loss, "from_logits", False) or name not in [*known, None]:
        raise ValueError(
            f"Got loss={training.loss!r} for {n_classes} classes, but expected one of {kinds!r}, "
            "without from_logits=True, or a function of your own: outputs are probabilities, of "
            "two classes that of the second."
        )
    for metric in [*(training.metrics or []), *(training.weighted_metrics or [])]:
        name = _name_of(keras.metrics, metric) or ""
        of_columns = "sparse" in name or (n_classes == 2 and "categorical" in name)
        if of_columns or isinstance(metric, keras.metrics.Accuracy):  # of equal numbers
            raise ValueError(
                f"Got metrics={training.metrics!r} for {n_classes} classes, of which {metric!r} "
                "counts something else. Use 'accuracy', or a metric of "
                f"{'one probability' if n_classes == 2 else 'a column for each class'}."
            )


def _name_of(module: ModuleType, value: Any) -> str | None:
    """Return the name of what Keras finds, without "_"; None for what is not Keras' own."""
    try:
        found = _named(module, value) if isinstance(value, str) else value
    except ValueError:
        return None  # `check_names` tells of a name that nothing has.
    if not str(getattr(found, "__module__", "")).startswith("keras."):
        return None
    return getattr(found, "__name__", type(found).__name__).replace("_", "").lower()


def _check(parameter: str, module: ModuleType, value: Any) -> Any:
    """Return what Keras finds for `value` in one of its modules, or raise."""
    cause = found = None
    # From a dict, Keras would make an object of any class that it names.
    if not isinstance(value, dict):
        try:
            found = _named(module, value) if isinstance(value, str) else module.get(value)
        except (TypeError, ValueError) as error:
            cause = error
    if callable(found) or isinstance(found, keras.optimizers.Optimizer):
        return found
    lower = str.lower if module is keras.optimizers else str
    known = [lower(name) for name in dir(module) if not name.startswith("_")]
    close = difflib.get_close_matches(str(value), known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close and close[0] != value else ""
    # Keras' own error adds nothing to this one, except where a class of the user's raised it.
    cause = cause if callable(value) else None
    raise ValueError(
        f"Got {parameter}={value!r}, but expected {_EXPECTED[module]}.{hint}"
    ) from cause


@functools.cache
def _named(module: ModuleType, name: str) -> Any:
    """Return what Keras finds for a name. A search makes an object that takes memory for good."""
    return module.get(name)


def _check_function(parameter: str, module: ModuleType, value: Any, *columns: int) -> None:
    """Raise unless `value` names a function of Keras, or is one that computes on tensors.

    It is called with zeros, once for each number of `columns`.
    """
    found = _check(parameter, module, value)
    # A function, or the class of an object or its base, may be defined by Keras.
    kinds = (keras.losses.Loss, keras.metrics.Metric, keras.layers.Layer)
    defined_in = str(getattr(found, "__module__", ""))
    if isinstance(found, kinds) or defined_in.startswith("keras."):
        return
    cause = None
    try:
        returned = found(*[keras.ops.zeros((2, n)) for n in columns])
    except (AttributeError, TypeError, ValueError) as error:
        returned = cause = error
    # NumPy's functions take tensors too, but return arrays, which have no gradient.
    if not keras.ops.is_tensor(returned) or (
        len(columns) == 1 and tuple(returned.shape) != (2, *columns)
    ):
        raise ValueError(
            f"Got {parameter}={value!r}, which gave {returned!r} when called on tensors of "
            f"{columns[0]} zeros a row, but expected {_EXPECTED[module]}. Make a function of "
            "your own out of keras.ops."
        ) from cause
