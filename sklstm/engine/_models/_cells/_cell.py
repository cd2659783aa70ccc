"""What the engine has to know about a kind of recurrent cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np


@dataclass(frozen=True)
class Cell:
    """A kind of recurrent cell.

    How many states it has stands in ``STATES`` of ``engine._spec``, which needs no Keras.

    Attributes
    ----------
    layer : type
        The Keras layer of such cells.
    first_bias : callable
        Takes the shape of a layer's bias, returns its first values.
    fused_loop : callable or None
        ``fused_loop(xs, states, weights, kind, begun, last_only)`` runs networks of one shape over
        inputs of shape (n_steps, n_rows, n_features), one of `xs` for each, from the same states,
        faster than the layer does, with the same numbers. The first axis of `weights` is the
        network. It returns for each network each state after every step, the outputs first.
        `kind` is "block", "matmul" or "xla", see `TrainingSpec`. `begun`, of shape
        (n_steps, n_rows) for each network, is None, or tells at which steps a sequence has begun:
        until then its states stay zero, as they were given. With `last_only`, it returns but the
        outputs after the last step, of shape (n_rows, units), as the only one of a list. None if
        there is only the layer itself.
    """

    layer: type[keras.layers.RNN]
    first_bias: Callable[[tuple[int, ...]], np.ndarray] = np.zeros
    fused_loop: Callable | None = None

    def can_fuse(self, layer: keras.layers.RNN) -> bool:
        """Tell whether a fused loop, where there is one, computes what `layer` does."""
        return (
            isinstance(layer, self.layer)
            and layer.activation is keras.activations.tanh
            and layer.recurrent_activation is keras.activations.sigmoid
            and layer.use_bias
            and not layer.recurrent_dropout
            and not layer.unroll
            and layer.compute_dtype == "float32"
        )
