"""The forward pass of a stateful network.

The state is an argument and a result of every function, never a variable, so that a validation or
a prediction cannot disturb that of a training run.
"""

from __future__ import annotations

import functools

import keras
import numpy as np
import tensorflow as tf

from sklstm._past._windows import Windows
from sklstm.engine._models._build import build
from sklstm.engine._models._cells import CELLS
from sklstm.engine._models._compiled import any_rows, windows_at
from sklstm.engine._models._kernels import tracing, use_fused_kernels
from sklstm.engine._runs._plan import Plan, plan
from sklstm.engine._samples import WindowArrays, window_arrays
from sklstm.engine._spec import STATES, NetworkSpec

# Time steps that one forward call of the kernel takes: more would only cost memory.
_MOST_STEPS = 8192


class StatefulForward:
    """The forward pass of a stateful network over rows that each are a window."""

    def __init__(self, network: NetworkSpec, model: keras.Model):
        self.network = network
        self.model = model
        self.n_states = STATES[network.cell]
        kind = CELLS[network.cell].layer
        self.recurrent = [layer for layer in model.layers if isinstance(layer, kind)]
        self.dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]

    def zero_states(self, lanes: int = 1) -> list[np.ndarray]:
        """Return the states of each recurrent layer before anything is known."""
        return [
            np.zeros((lanes, units), np.float32)
            for units in self.network.units
            for _ in range(self.n_states)
        ]

    def step(self, windows: WindowArrays, at_step: Plan, states, training: bool, masked: bool):
        """Take one step of a plan.

        Parameters
        ----------
        windows : WindowArrays
        at_step : Plan
            Its rows, counts and resets at this step.
        states : list of tensors of shape (n_lanes, units)
        training, masked : bool
            `masked` says that a lane may have fewer rows than places.

        Returns
        -------
        predictions : tensor of shape (n_lanes * chunk, n_outputs)
        states : list of tensors
        """
        rows, counts, resets = at_step
        # As numbers where they are known: XLA needs them.
        lanes, chunk = (known or tf.shape(rows)[i] for i, known in enumerate(rows.shape))
        n_features, units = self.network.n_features, self.network.units[-1]
        window = windows.window // (n_features // windows.series.shape[1])
        x = windows_at(windows, rows, n_features)
        x = tf.reshape(x, (lanes, chunk * window, n_features))
        mask = tf.sequence_mask(counts * window, chunk * window) if masked else None
        states = [tf.where(resets[:, None], 0.0, state) for state in states]
        after = []
        with tracing("right_padded"):
            for i, layer in enumerate(self.recurrent):
                before = states[self.n_states * i : self.n_states * (i + 1)]
                x, *now = layer(x, initial_state=before, mask=mask, training=training)
                after += now
        outputs = tf.reshape(x, (lanes, chunk, window, units))[:, :, -1]
        outputs = tf.reshape(outputs, (lanes * chunk, units))
        for layer in self.dense:
            outputs = layer(outputs)
        return outputs, after

    def all_rows(self, windows: WindowArrays, steps: Plan, states):
        """Return the predictions of every row of a plan of one lane, and the states after it."""
        chunk = tf.shape(steps.rows)[2]

        def step(before, at_step):
            return self.step(windows, at_step, before[1], training=False, masked=True)

        first = tf.zeros((chunk, self.network.n_outputs)), states
        outputs, states = tf.scan(step, steps, first, parallel_iterations=1)
        real = tf.sequence_mask(steps.counts[:, 0], chunk)
        return tf.boolean_mask(outputs, real), [state[-1] for state in states]


class StatefulPredictor:
    """The forward pass of one architecture, over series of so many columns.

    It holds no weights, so any thread may call it.
    """

    def __init__(self, network: NetworkSpec, n_columns: int):
        self.model = build(network)
        if not tf.config.list_physical_devices("GPU"):
            use_fused_kernels(self.model)
        self.forward = StatefulForward(network, self.model)
        one = Windows(np.zeros((1, n_columns), np.float32), np.zeros(1, np.int32), 1)
        arguments = window_arrays(one), plan(1), self.forward.zero_states()
        weights = [tf.TensorSpec(weight.shape, tf.float32) for weight in self.model.weights]
        # A partial, or TensorFlow would take several architectures for retracing and warn.
        self._predict = tf.function(
            functools.partial(self._with_weights),
            input_signature=[weights, *tf.nest.map_structure(any_rows, arguments)],
            autograph=False,
        )

    def predict(self, weights, windows: Windows, states) -> tuple[np.ndarray, list]:
        """Return the predictions of a float32 series and the states after them."""
        steps = one_lane(windows)
        predictions, states = self._predict(weights, window_arrays(windows), steps, states)
        return predictions.numpy(), [state.numpy() for state in states]

    def _with_weights(self, weights, windows, steps, states):
        with keras.StatelessScope(state_mapping=zip(self.model.weights, weights, strict=True)):
            return self.forward.all_rows(windows, steps, states)


def one_lane(windows: Windows, breaks=()) -> Plan:
    """Return a plan that takes all rows one after the other, the state running on from before."""
    chunk = max(1, min(len(windows), _MOST_STEPS // windows.shape[1]))
    return plan(len(windows), chunk=chunk, reset_states="never", breaks=breaks)
