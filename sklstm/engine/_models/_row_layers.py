"""The layers of a stateful network, which run over rows from a state that is handed to them."""

from __future__ import annotations

from typing import Protocol

import keras
import tensorflow as tf

from sklstm.engine._models._cells import CELLS
from sklstm.engine._models._kernels import tracing
from sklstm.engine._spec import STATES, NetworkSpec


class RowLayers(Protocol):
    """What a stateful network computes, whoever holds its weights."""

    def recurrent(self, x, states, lengths):
        """Run the recurrent layers over the steps of several lanes.

        Parameters
        ----------
        x : tensor of shape (n_steps, n_lanes, n_features)
        states : list of tensors of shape (n_lanes, units)
        lengths : int32 tensor of shape (n_lanes,), or None
            How many of its steps each lane takes, the first ones; None for all.

        Returns
        -------
        outputs : tensor of shape (n_steps, n_lanes, units)
            Of the last of these layers.
        states : list of tensors
            After each lane's last step.
        """

    def dense(self, x):
        """Run the dense layers over outputs of shape (n_rows, units)."""


class KerasRowLayers:
    """The layers of a Keras model, which `build` made of a stateful network.

    Parameters
    ----------
    network : NetworkSpec
    model : keras.Model
    training : bool
        Whether dropout drops.
    """

    def __init__(self, network: NetworkSpec, model: keras.Model, training: bool):
        self.n_states, self.training = STATES[network.cell], training
        kind = CELLS[network.cell].layer
        self.cells = [layer for layer in model.layers if isinstance(layer, kind)]
        self.dense_layers = [
            layer for layer in model.layers if isinstance(layer, keras.layers.Dense)
        ]

    def recurrent(self, x, states, lengths):
        mask = None if lengths is None else tf.sequence_mask(lengths, tf.shape(x)[0])
        x, after = tf.transpose(x, [1, 0, 2]), []
        with tracing("right_padded"):
            for i, layer in enumerate(self.cells):
                before = states[self.n_states * i : self.n_states * (i + 1)]
                x, *now = layer(x, initial_state=before, mask=mask, training=self.training)
                after += now
        return tf.transpose(x, [1, 0, 2]), after

    def dense(self, x):
        for layer in self.dense_layers:
            x = layer(x)
        return x
