"""A stateful network with its training and its forward pass as compiled functions.

The state is an argument and a result of every function, never a variable: nothing that looks on
can disturb it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from sklstm.engine._models._build import build
from sklstm.engine._models._compiled import DeviceData, data_signature, padded
from sklstm.engine._models._held import HeldModel
from sklstm.engine._models._kernels import for_xla, right_padded, use_fused_kernels
from sklstm.engine._resolve import Resolved
from sklstm.engine._runs._plan import Plan, plan
from sklstm.engine._samples import Samples
from sklstm.engine._spec import NetworkSpec

# Time steps that one forward call of the kernel takes: more would only cost memory.
_MOST_STEPS = 8192


class StatefulForward:
    """The forward pass of a stateful network over rows that each are a window."""

    def __init__(self, network: NetworkSpec, model: keras.Model):
        self.network = network
        self.model = model
        self.lstm = [layer for layer in model.layers if isinstance(layer, keras.layers.LSTM)]
        self.dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]

    def zero_states(self, lanes: int = 1) -> list[np.ndarray]:
        """Return ``[h, c]`` of each LSTM layer before anything is known."""
        return [np.zeros((lanes, units), np.float32) for units in self.network.units for _ in "hc"]

    def step(self, data, at_step, states, training: bool, masked: bool):
        """Take one step of a plan.

        Parameters
        ----------
        data : tuple of tensors
            Series, starts, and the steps of a window.
        at_step : tuple of tensors
            Rows, counts and resets of the step.
        states : list of tensors of shape (n_lanes, units)
        training, masked : bool
            `masked` says that a lane may have fewer rows than places.

        Returns
        -------
        predictions : tensor of shape (n_lanes * chunk, n_outputs)
        states : list of tensors
        """
        (series, starts, window), (rows, counts, resets) = data, at_step
        lanes, chunk = _shape(rows)
        at = tf.gather(starts, rows)[..., None] + tf.range(window)
        n_features, units = self.network.n_features, self.network.units[-1]
        x = tf.reshape(tf.gather(series, at), (lanes, chunk * window, n_features))
        mask = tf.sequence_mask(counts * window, chunk * window) if masked else None
        states = [tf.where(resets[:, None], 0.0, state) for state in states]
        after = []
        with right_padded():
            for i, layer in enumerate(self.lstm):
                before = states[2 * i : 2 * i + 2]
                x, *now = layer(x, initial_state=before, mask=mask, training=training)
                after += now
        outputs = tf.reshape(x, (lanes, chunk, window, units))[:, :, -1]
        outputs = tf.reshape(outputs, (lanes * chunk, units))
        for layer in self.dense:
            outputs = layer(outputs)
        return outputs, after

    def all_rows(self, data, steps, states):
        """Return the predictions of every row of a plan of one lane, and the states after it."""
        rows, counts, resets = steps
        n_steps = tf.shape(rows)[0]

        def body(s, parts, *states):
            outputs, states = self.step(
                data, (rows[s], counts[s], resets[s]), states, training=False, masked=True
            )
            return s + 1, parts.write(s, outputs[: counts[s, 0]]), *states

        shape = (None, self.network.n_outputs)
        parts = tf.TensorArray(tf.float32, n_steps, element_shape=shape, infer_shape=False)
        _, parts, *states = tf.while_loop(
            lambda s, *_: s < n_steps,
            body,
            (tf.constant(0), parts, *states),
            shape_invariants=(
                tf.TensorShape(()),
                tf.TensorShape(None),
                *(tf.TensorShape((None, state.shape[1])) for state in states),
            ),
            parallel_iterations=1,
        )
        return parts.concat(), states


class StatefulPredictor:
    """The forward pass of one architecture. It holds no weights, so any thread may call it."""

    def __init__(self, network: NetworkSpec):
        model = build(network)
        if not tf.config.list_physical_devices("GPU"):
            use_fused_kernels(model)
        self.forward = StatefulForward(network, model)
        weights = [tf.TensorSpec(weight.shape, tf.float32) for weight in model.weights]
        # A partial, or TensorFlow would take several architectures for retracing and warn.
        self._predict = tf.function(
            functools.partial(self._with_weights),
            input_signature=[weights, *data_signature(network)[:2], *forward_signature(network)],
            autograph=False,
        )

    def predict(self, weights, data: Samples, states, breaks) -> tuple[np.ndarray, list]:
        """Return predictions of shape (n_samples, n_outputs) and the states after them."""
        predictions, states = self._predict(
            weights, data.series, data.starts, data.window, *one_lane(data, breaks), states
        )
        return predictions.numpy(), [state.numpy() for state in states]

    def _with_weights(self, weights, series, starts, window, rows, counts, resets, states):
        model = self.forward.model
        with keras.StatelessScope(state_mapping=zip(model.weights, weights, strict=True)):
            return self.forward.all_rows((series, starts, window), (rows, counts, resets), states)


class CompiledStateful(HeldModel):
    """A held stateful model whose epochs are compiled calls.

    Attributes
    ----------
    names : list of str
        What an epoch's log holds, under Keras' names.
    """

    def __init__(self, network: NetworkSpec, resolved: Resolved, fused: bool):
        super().__init__(network, resolved)
        if fused:
            use_fused_kernels(self.model)
        self.forward = StatefulForward(network, self.model)
        # Keras makes its metrics' variables at the first batch: too late inside a compiled run.
        row = np.zeros((1, network.n_outputs), np.float32)
        self._count(self.model.compute_loss(None, row, row, None), row, row, None)
        self.names = list(self.model.get_metrics_result())
        self._functions: dict = {}

    def trainer(self, data: DeviceData, steps: Plan, xla: bool) -> Callable:
        """Return the compiled training over `steps`.

        Returns
        -------
        callable
            Takes states, a number of epochs, and the steps of each to begin and to end with;
            returns the logs of shape (n_epochs, n_names) and the states. A loss that is not
            finite ends the run, and the logs are shorter. By XLA, one compilation serves similar
            numbers of rows.
        """
        masked = data.untaught or not steps.full
        # XLA cannot leave rows out: what it compiles has one shape.
        xla = xla and not masked
        key = ("train", data.weighted, masked, xla and data.window)
        if xla:
            given = [*data.padded, *(tf.constant(padded(part)) for part in _arrays(steps))]
            body = self._for_xla(data.weighted, data.window)
        else:
            window = tf.constant(data.window)
            given = [*data.tensors, window, *map(tf.constant, _arrays(steps))]
            body = functools.partial(self._epochs, data.weighted, masked)
        if key not in self._functions:
            signature = None if xla else _train_signature(self.network)
            self._functions[key] = tf.function(
                body, input_signature=signature, autograph=False, jit_compile=xla
            )
        function = self._functions[key]
        states = self.forward.zero_states(steps.rows.shape[1])
        # Looking up the trace or making a tensor for every call takes longer than a small epoch.
        scalar = functools.cache(tf.constant)
        concrete = function.get_concrete_function(*given, states, *[scalar(0)] * 3)

        def train(states, epochs: int, first: int, last: int):
            counters = [scalar(value) for value in (epochs, first, last)]
            logs, done, states = concrete(*given, states, *counters)
            return logs.numpy()[: int(done)], states

        return train

    def _for_xla(self, weighted, window):
        def body(series, starts, y, weight, *rest):
            with for_xla():
                return self._epochs(weighted, False, series, starts, y, weight, window, *rest)

        return functools.partial(body)

    def evaluate(self, data: DeviceData, steps, states) -> dict[str, float]:
        """Return the logs of `data`, whose state runs on from `states`, without training."""
        key = ("test", data.weighted)
        if key not in self._functions:
            weighted = data.weighted
            self._functions[key] = tf.function(
                functools.partial(self._test, weighted),
                input_signature=[*data_signature(self.network), *forward_signature(self.network)],
                autograph=False,
            )
        logs = self._functions[key](*data.tensors, data.window, *steps, states).numpy()
        return dict(zip(self.names, map(float, logs), strict=True))

    def _epochs(
        self, weighted, masked, series, starts, y, weight, window, rows, counts, resets, states,
        epochs, first, last,
    ):  # fmt: skip
        def train_on(s, *states):
            with tf.GradientTape() as tape:
                predicted, states = self.forward.step(
                    (series, starts, window), (rows[s], counts[s], resets[s]), states, True, masked
                )
                real = tf.reshape(rows[s], [-1])
                if masked:
                    mask = tf.reshape(tf.sequence_mask(counts[s], tf.shape(rows)[2]), [-1])
                    mask &= _taught(tf.gather(y, real))
                    predicted, real = tf.boolean_mask(predicted, mask), tf.boolean_mask(real, mask)
                learnt = (
                    tf.gather(y, real),
                    predicted,
                    tf.gather(weight, real) if weighted else None,
                )
                loss = self.model.compute_loss(None, *learnt)
                scaled = self.model.optimizer.scale_loss(loss)
            gradients = tape.gradient(scaled, self.model.trainable_variables)

            def update():
                self._count(loss, *learnt)
                self.model.optimizer.apply(gradients, self.model.trainable_variables)
                return 0

            if masked:
                tf.cond(tf.size(real) > 0, update, lambda: 0)
            else:
                update()
            return s + 1, *states

        def epoch(e, logs, finite, *states):
            tf.cond(first == 0, lambda: self.model.reset_metrics() or 0, lambda: 0)
            _, *states = tf.while_loop(
                lambda s, *_: s < last, train_on, (first, *states), parallel_iterations=1
            )
            log = tf.stack(list(self.model.get_metrics_result().values()))
            return e + 1, logs.write(e, log), tf.math.is_finite(log[0]), *states

        logs = tf.TensorArray(tf.float32, MOST_EPOCHS, element_shape=(len(self.names),))
        done, logs, _, *states = tf.while_loop(
            lambda e, _, finite, *__: (e < epochs) & finite,
            epoch,
            (tf.constant(0), logs, tf.constant(True), *states),
            parallel_iterations=1,
        )
        return logs.stack(), done, states

    def _count(self, loss, y, predicted, weight):
        """Count the loss and the metrics of some rows as Keras' own training step does."""
        self.model.metrics[0].update_state(loss, sample_weight=tf.shape(y)[0])
        self.model.compute_metrics(None, y, predicted, sample_weight=weight)

    def _test(self, weighted, series, starts, y, weight, window, rows, counts, resets, states):
        predicted, _ = self.forward.all_rows(
            (series, starts, window), (rows, counts, resets), states
        )
        known = _taught(y)
        y, predicted = tf.boolean_mask(y, known), tf.boolean_mask(predicted, known)
        learnt = y, predicted, tf.boolean_mask(weight, known) if weighted else None
        self.model.reset_metrics()
        self._count(self.model.compute_loss(None, *learnt), *learnt)
        return tf.stack(list(self.model.get_metrics_result().values()))


MOST_EPOCHS = 256


def forward_signature(network: NetworkSpec) -> list:
    """Return what a forward pass takes after the data: window, plan of one lane, states."""
    return [tf.TensorSpec((), tf.int32), *_plan_signature(), _state_signature(network)]


def one_lane(data: Samples, breaks) -> list[np.ndarray]:
    """Return a plan that takes all rows one after the other, the state running on from before."""
    chunk = max(1, min(len(data), _MOST_STEPS // data.window))
    return _arrays(plan(len(data), chunk=chunk, reset_at_start=False, breaks=breaks))


def _train_signature(network: NetworkSpec) -> list:
    return [
        *data_signature(network),
        *forward_signature(network),
        *[tf.TensorSpec((), tf.int32)] * 3,
    ]


def _plan_signature() -> list[tf.TensorSpec]:
    return [
        tf.TensorSpec((None, None, None), tf.int32),
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None, None), tf.bool),
    ]


def _state_signature(network: NetworkSpec) -> list[tf.TensorSpec]:
    return [tf.TensorSpec((None, units), tf.float32) for units in network.units for _ in "hc"]


def _arrays(steps: Plan) -> list[np.ndarray]:
    return [steps.rows, steps.counts, steps.resets]


def _taught(y):
    """Tell which rows have a target; the state runs on over the others."""
    return ~tf.reduce_any(tf.math.is_nan(y), axis=1)


def _shape(tensor):
    """Return the shape as numbers where they are known: XLA needs them."""
    return [known or tf.shape(tensor)[axis] for axis, known in enumerate(tensor.shape.as_list())]
