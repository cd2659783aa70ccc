"""Networks of the user's: a function that builds one, or a Keras model, compiled or not."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import keras

from sklstm.engine._compat import all_layers, compiled_with
from sklstm.engine._models._build import build
from sklstm.engine._models._identity import identity
from sklstm.engine._models._pool import shared
from sklstm.engine._spec import NetworkSpec, TrainingSpec


class Copies:
    """Builds copies of a Keras model as it is now, with its weights where it has any.

    Equal for models of one config and the same weights, so that clones share what is compiled.
    """

    def __init__(self, model: keras.Model):
        self.name, self.kind = repr(model), type(model)
        self.kinds = {type(layer).__name__: type(layer) for layer in all_layers(model)}
        with self._explained():
            self.config = model.get_config()
        self.weights = model.get_weights()
        content = repr((self.config, [weight.tobytes() for weight in self.weights]))
        self.key = hashlib.sha256(content.encode()).hexdigest()

    def __call__(self, input_shape: tuple, n_outputs: int) -> keras.Model:
        with self._explained(), keras.saving.custom_object_scope(self.kinds):
            model = self.kind.from_config(copy.deepcopy(self.config))  # Keras takes it apart
            if self.weights and not model.built:
                model(keras.KerasTensor((None, *input_shape)))
            if self.weights:
                model.set_weights(self.weights)
        for layer in all_layers(model):
            # Normalization, for one, computes with numbers that it makes of its weights.
            if hasattr(layer, "finalize_state"):
                layer.finalize_state()
        return model

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (TypeError, ValueError, NotImplementedError) as error:
            raise ValueError(
                f"Got network={self.name}, which cannot be copied for these windows. Give a "
                "function of (input_shape, n_outputs) that builds it instead. Keras says: "
                f"{error}"
            ) from error

    def __eq__(self, other):
        return isinstance(other, Copies) and (self.kind, self.key) == (other.kind, other.key)

    def __hash__(self):
        return hash(self.key)

    def __repr__(self):
        return self.name


def settle(
    network: NetworkSpec, training: TrainingSpec, loss: str
) -> tuple[NetworkSpec, TrainingSpec]:
    """Fill in what the user left open: with what the network is compiled with, or the defaults."""
    given = network.network
    options: dict[str, Any] = {"loss": loss, "optimizer": "adam"}
    if isinstance(given, keras.Model):
        network = replace(network, network=Copies(given))
        options |= compiled_with(given)
    elif given is not None:
        # A builder makes other functions at each call, which would be traced anew.
        key = "compiled with", identity(vars(network))
        options |= shared(key, lambda: compiled_with(build(network)))
    if training.loss is None and options["loss"] is None:
        raise ValueError(
            f"Got network={given!r}, which is compiled without a loss. Compile it with one, or "
            f"set loss, for instance to {loss!r}."
        )
    if training.loss is not None:
        # Chosen for the loss that is not taken.
        options["loss_weights"] = None
    if training.metrics is not None:
        options["weighted_metrics"] = None
    left_open = {name: value for name, value in options.items() if getattr(training, name) is None}
    return network, replace(training, **left_open)
