"""The forward pass of a stateful network.

The state is an argument and a result of every function, never a variable, so that a validation or
a prediction cannot disturb that of a training run.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from sklstm._past._windows import Windows
from sklstm.engine._compat import call_as_traced
from sklstm.engine._models._build import build
from sklstm.engine._models._compiled import any_rows, windows_at
from sklstm.engine._models._kernels import use_fused_kernels
from sklstm.engine._models._plain._forward import PlainRowLayers, is_plain, weights_of
from sklstm.engine._models._row_layers import KerasRowLayers, RowLayers
from sklstm.engine._runs._plan import Plan, plan
from sklstm.engine._samples import WindowArrays, window_arrays
from sklstm.engine._spec import NetworkSpec

# Time steps that one forward call of the kernel takes: more would only cost memory.
_MOST_STEPS = 8192

# Lanes times steps of a window, for the same reason.
_MOST_LANE_STEPS = 2**15


class StatefulForward:
    """The forward pass of a stateful network over rows that each are a window.

    Parameters
    ----------
    network : NetworkSpec
    layers : RowLayers
    """

    def __init__(self, network: NetworkSpec, layers: RowLayers):
        self.network = network
        self.layers = layers

    def step(self, windows: WindowArrays, at_step: Plan, states, masked: bool):
        """Take one step of a plan.

        Parameters
        ----------
        windows : WindowArrays
        at_step : Plan
            Its rows, counts and resets at this step.
        states : list of tensors of shape (n_lanes, units)
        masked : bool
            Whether a lane may have fewer rows than places.

        Returns
        -------
        predictions : tensor of shape (n_lanes * chunk, n_outputs)
        states : list of tensors
        """
        rows, counts, resets, _ = at_step
        # As numbers where they are known: XLA needs them.
        lanes, chunk = (known or tf.shape(rows)[i] for i, known in enumerate(rows.shape))
        n_features, units = self.network.n_features, self.network.units[-1]
        window = windows.window // (n_features // windows.series.shape[1])
        x = windows_at(windows, tf.transpose(rows), n_features, time_first=True)
        x = tf.reshape(x, (chunk * window, lanes, n_features))
        states = [tf.where(resets[:, None], 0.0, state) for state in states]
        lengths = counts * window if masked else None
        x, after = self.layers.recurrent(x, states, lengths)
        of_rows = tf.transpose(tf.reshape(x, (chunk, window, lanes, units))[:, -1], [1, 0, 2])
        return self.layers.dense(tf.reshape(of_rows, (lanes * chunk, units))), after

    def all_rows(self, windows: WindowArrays, steps: Plan, states):
        """Run over a plan whose lanes each have one state.

        Parameters
        ----------
        windows : WindowArrays
        steps : Plan
        states : list of tensors of shape (n_lanes, units)

        Returns
        -------
        predictions : tensor of shape (n_rows, n_outputs)
            In the order in which the plan takes the rows.
        states : list of tensors of shape (n_lanes, units)
        """
        n_steps = tf.shape(steps.rows)[0]

        def step(s, outputs, states):
            at_step = Plan(*(part[s] for part in steps))
            predicted, states = self.step(windows, at_step, states, masked=True)
            return s + 1, outputs.write(s, predicted), states

        outputs = tf.TensorArray(tf.float32, n_steps, element_shape=(None, self.network.n_outputs))
        _, outputs, states = tf.while_loop(
            lambda s, *_: s < n_steps,
            step,
            (tf.constant(0), outputs, states),
            parallel_iterations=1,
        )
        return tf.boolean_mask(outputs.concat(), tf.reshape(are_real(steps), [-1])), states


class StatefulPredictor:
    """The forward pass of one architecture, over series of so many columns.

    It holds no weights, so any thread may call it.
    """

    def __init__(self, network: NetworkSpec, n_columns: int):
        self.network = network
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        self.model = None if is_plain(network) and not on_gpu else build(network)
        shapes = weights_of(network) if self.model is None else self.model.weights
        if self.model is not None and not on_gpu:
            use_fused_kernels(self.model)
        one = Windows(np.zeros((1, n_columns), np.float32), np.zeros(1, np.int32), 1)
        arguments = window_arrays(one), plan(1), network.zero_states(1)
        weights = [tf.TensorSpec(weight.shape, tf.float32) for weight in shapes]
        # A partial, or TensorFlow would take several architectures for retracing and warn.
        self._predict = tf.function(
            functools.partial(self._with_weights),
            input_signature=[weights, *tf.nest.map_structure(any_rows, arguments)],
            autograph=False,
        ).get_concrete_function()
        if self.model is None:
            self._predict = functools.partial(call_as_traced, self._predict)

    def predict(self, weights, windows: Windows, runs, states) -> tuple[np.ndarray, list]:
        """Return the predictions of float32 windows and the state after each run of rows.

        `runs` tells which run a window belongs to, as in `predict_stateful`.
        """
        outputs = np.empty((len(windows), self.network.n_outputs), np.float32)
        states = [np.array(state) for state in states]
        for positions, some in _groups(runs, windows.shape[1]):
            group = windows[positions]
            steps = side_by_side(group, series=np.searchsorted(some, runs[positions]))
            before = [state[some] for state in states]
            predicted, after = self._predict(weights, window_arrays(group), steps, before)
            real = np.arange(steps.rows.shape[2]) < steps.counts[:, :, None]
            outputs[positions[steps.rows[real]]] = predicted
            for state, now in zip(states, after, strict=True):
                state[some] = now
        return outputs, states

    def _with_weights(self, weights, windows, steps, states):
        if self.model is None:
            plain = PlainRowLayers(self.network, [tf.expand_dims(weight, 0) for weight in weights])
            return StatefulForward(self.network, plain).all_rows(windows, steps, states)
        layers = KerasRowLayers(self.network, self.model, training=False)
        with keras.StatelessScope(state_mapping=zip(self.model.weights, weights, strict=True)):
            return StatefulForward(self.network, layers).all_rows(windows, steps, states)


def side_by_side(windows: Windows, breaks=(), series=None) -> Plan:
    """Return a plan with a lane for each series, whose state runs on from before."""
    n_lanes = 1 if series is None else len(np.unique(series))
    chunk = max(1, _MOST_STEPS // (windows.shape[1] * n_lanes))
    return plan(
        len(windows), lanes=n_lanes, chunk=chunk, reset_states="never", breaks=breaks, series=series
    )


def are_real(steps: Plan) -> tf.Tensor:
    """Tell which places of a plan hold a row, of shape (n_steps, n_lanes, chunk)."""
    return tf.sequence_mask(steps.counts, tf.shape(steps.rows)[2])


def _groups(runs: np.ndarray, window: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield runs of similar lengths that fit side by side: their rows, and their numbers, sorted.

    A few groups do, however many runs there are.
    """
    found, lengths = np.unique(runs, return_counts=True)
    by_length = np.argsort(-lengths, kind="stable")
    rank = np.empty(len(found), int)
    rank[by_length] = np.arange(len(found))
    of_row = rank[np.searchsorted(found, runs)]
    order = np.argsort(of_row, kind="stable")
    stops = np.append(0, np.cumsum(lengths[by_length]))
    first = 0
    while first < len(found):
        longest = lengths[by_length[first]]
        last = np.searchsorted(-lengths[by_length], -(longest // 2), side="right")
        last = max(first + 1, min(int(last), first + _MOST_LANE_STEPS // window))
        yield np.sort(order[stops[first] : stops[last]]), np.sort(found[by_length[first:last]])
        first = last
