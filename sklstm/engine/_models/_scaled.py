"""Networks whose inputs and outputs have a scale that their layers do not see."""

from __future__ import annotations

import keras

from sklstm.engine._models._build import build
from sklstm.engine._scale import Scale
from sklstm.engine._spec import NetworkSpec, TrainingSpec

# Losses of a difference, which has a meaning in any unit, by Keras' names without "_".
_OF_DIFFERENCES = {"mse", "meansquarederror", "mae", "meanabsoluteerror", "logcosh", "quantileloss"}


def learns_scaled_target(network: NetworkSpec, training: TrainingSpec) -> bool:
    """Tell whether a network may learn a target in units of its standard deviation.

    Not where its outputs are bounded, nor where a loss needs the target's own numbers, as that of
    counts or of percentages does. What a loss of the user's needs is not known.
    """
    return _is_of_differences(training.loss) and _ends_linear(network)


def in_own_units(
    network: NetworkSpec, model: keras.Model, input_scale: Scale, target_scale: Scale
) -> keras.Model:
    """Return a model of the same weights that takes and returns numbers in their own units."""
    if input_scale.mean is None:
        return model
    # Only float64 keeps small changes of a large number; the layers between compute in float32.
    raw = keras.Input((network.window, network.n_features), dtype="float64", name="windows")
    outputs = _rescaling(1 / input_scale.spread, -input_scale.mean / input_scale.spread)(raw)
    # A network of the user's need not be a chain of layers.
    for layer in model.layers[1:] if network.network is None else [model]:
        outputs = layer(outputs)
    if target_scale.mean is not None:
        outputs = _rescaling(target_scale.spread, target_scale.mean)(outputs)
    return keras.Model(raw, outputs, name=model.name)


def _rescaling(factors, offsets):
    return keras.layers.Rescaling(factors.tolist(), offsets.tolist(), dtype="float64")


def _is_of_differences(loss) -> bool:
    if isinstance(loss, str):
        # The bend of this one lies at one standard deviation; an object says where it is.
        return loss.lower() == "huber" or _plain(loss) in _OF_DIFFERENCES
    defined_in = str(getattr(loss, "__module__", "")).partition(".")[0]
    name = getattr(loss, "__name__", type(loss).__name__)
    return defined_in in ("keras", "sklstm") and _plain(name) in _OF_DIFFERENCES


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _ends_linear(network: NetworkSpec) -> bool:
    activation = network.output_activation
    if network.network is not None:
        layers = build(network).layers
        activation = getattr(layers[-1], "activation", None) if layers else None
    return activation in (None, "linear", keras.activations.linear)
