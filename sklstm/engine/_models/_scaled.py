"""Networks whose inputs and outputs have a scale that their layers do not see."""

from __future__ import annotations

import keras
import numpy as np

from sklstm._past._windows import Windows
from sklstm.engine._models._build import build
from sklstm.engine._scale import UNSCALED, Scale
from sklstm.engine._spec import NetworkSpec, TrainingSpec

# Losses of a difference, which has a meaning in any unit, by Keras' names without "_".
_OF_DIFFERENCES = {"mse", "meansquarederror", "mae", "meanabsoluteerror", "logcosh", "quantileloss"}
# Losses that have the same least in any unit, if zero stays zero.
_OF_RATIOS = {"mape", "meanabsolutepercentageerror", "poisson"}
# Activations whose outputs end at zero, and nowhere else.
_POSITIVE = {"relu", "softplus"}


def target_scale(network: NetworkSpec, training: TrainingSpec, target: Windows) -> Scale:
    """Return the scale of a target, as far as network and loss can learn it in another unit.

    Outputs without bounds and losses of differences allow any. Zero stays zero where outputs end
    there, or where a loss compares ratios. Other bounds, and other losses, need the own numbers;
    what a loss of the user's needs is not known.
    """
    loss, activation = _name_of_loss(training.loss), _output_activation(network)
    if loss not in _OF_DIFFERENCES | _OF_RATIOS or activation not in _POSITIVE | {"linear"}:
        return UNSCALED
    scale = Scale.of(target)
    if loss in _OF_RATIOS or activation in _POSITIVE:
        size = np.sqrt(scale.mean**2 + scale.spread**2)
        return Scale(np.zeros_like(size), size)
    return scale


def in_own_units(
    network: NetworkSpec, models: list[keras.Model], input_scale: Scale, target_scale: Scale
) -> keras.Model:
    """Return one model of `models` that takes and returns numbers in their own units.

    Of several, it returns the mean of what they return.
    """
    first, *others = models
    if input_scale.mean is None and not others:
        return first
    # Only float64 keeps small changes of a large number; the layers between compute in float32.
    raw = keras.Input((network.window, network.n_features), dtype="float64", name="windows")
    inputs = raw
    if input_scale.mean is not None:
        inputs = _rescaling(1 / input_scale.spread, -input_scale.mean / input_scale.spread)(raw)
    if others:
        for i, model in enumerate(models):
            model.name = f"network_{i}"
        outputs = keras.layers.Average(dtype="float64", name="mean")([of(inputs) for of in models])
    else:
        outputs = inputs
        # A network of the user's need not be a chain of layers, and one with a mask is none.
        is_chain = network.network is None and network.short_windows == "skip"
        for layer in first.layers[1:] if is_chain else [first]:
            outputs = layer(outputs)
    if target_scale.mean is not None:
        outputs = _rescaling(target_scale.spread, target_scale.mean)(outputs)
    return keras.Model(raw, outputs, name="networks" if others else first.name)


def _rescaling(factors, offsets):
    return keras.layers.Rescaling(factors.tolist(), offsets.tolist(), dtype="float64")


def _name_of_loss(loss) -> str | None:
    if isinstance(loss, str):
        # The bend of "huber" lies at one standard deviation; an object says where it is.
        return "mse" if loss.lower() == "huber" else loss.replace("_", "").lower()
    if str(getattr(loss, "__module__", "")).partition(".")[0] not in ("keras", "sklstm"):
        return None
    return getattr(loss, "__name__", type(loss).__name__).replace("_", "").lower()


def _output_activation(network: NetworkSpec) -> str | None:
    activation = network.output_activation or "linear"
    if network.network is not None:
        layers = build(network).layers
        activation = getattr(layers[-1], "activation", "linear") if layers else "linear"
    return activation if isinstance(activation, str) else getattr(activation, "__name__", None)
