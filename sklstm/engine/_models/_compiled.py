"""A Keras model that runs borrow one after the other, with the functions that were traced of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import tensorflow as tf

from sklstm.engine._compat import base_optimizer, n_updates
from sklstm.engine._models._build import build, seed_dropout
from sklstm.engine._models._cosine import CosineOverRun
from sklstm.engine._models._identity import copied
from sklstm.engine._models._kernels import tracing, use_fused_kernels
from sklstm.engine._resolve import Resolved
from sklstm.engine._samples import WindowArrays
from sklstm.engine._spec import NetworkSpec, Trained


class CompiledModel:
    """A compiled Keras model, for one run at a time.

    A run sets weights, optimizer state and seeds first and takes weights and optimizer state out
    last, so that nothing passes from one run to the next.

    Attributes
    ----------
    model : keras.Model
        Its weights are the current ones whenever no compiled call is under way.
    names : list of str
        What an epoch's log holds, under Keras' names.
    """

    def __init__(self, network: NetworkSpec, resolved: Resolved, fused: bool):
        self.network = network
        self.model = build(network)
        optimizer = copied(resolved.optimizer, learning_rate=resolved.learning_rate)
        self._base = base_optimizer(optimizer)
        self._cosine = None
        if resolved.learning_rate_schedule == "cosine":
            self._base.learning_rate = self._cosine = CosineOverRun()
        # Not of an optimizer that has a schedule.
        self._has_rate = self._cosine is None and resolved.learning_rate is not None
        self.model.compile(
            optimizer=optimizer,
            loss=resolved.loss,
            loss_weights=resolved.loss_weights,
            metrics=[copied(metric) for metric in resolved.metrics],
            weighted_metrics=[copied(metric) for metric in resolved.weighted_metrics],
            jit_compile=False,
        )
        self._copies = self._build_optimizer()
        if fused:
            use_fused_kernels(self.model, network.short_windows == "mask")
        # Keras makes its metrics' variables at the first batch: too late inside a compiled run.
        row = np.zeros((1, network.n_outputs), np.float32)
        if network.network is None:
            self.count(self.model.compute_loss(None, row, row, None), row, row, None)
        else:
            window = np.zeros((1, network.window or 1, network.n_features), np.float32)
            self.model.test_step((window, row, None))
        self.names = list(self.model.get_metrics_result())
        self._optimizer_start = self._optimizer_state()
        self._trainable = self._flags()
        self._functions: dict[Hashable, Any] = {}

    @property
    def n_traced(self) -> int:
        """How many functions TensorFlow has traced for this model."""
        return sum(f.experimental_get_tracing_count() for f in self._functions.values())

    def set(self, start: Trained, learning_rate: float | None, n_to_come: int, seed: int) -> None:
        """Make the model ready for one run of so many weight updates that goes on from `start`."""
        self.model.stop_training = False
        if self._flags() != self._trainable:
            # A callback froze a layer in an earlier run, for which Keras' own step was traced.
            for layer, trainable in zip(self.model.layers, self._trainable, strict=True):
                layer.trainable = trainable
            self.model.train_function = None
        self.model.set_weights(start.weights)
        state = start.optimizer_state or self._first_optimizer_state()
        for variable, value in zip(self._optimizer_variables(), state, strict=True):
            variable.assign(value)
        if self._cosine is not None and learning_rate is not None:
            self._cosine.begin(learning_rate, n_updates(self._base), n_to_come)
        elif self._has_rate:
            self._base.learning_rate = learning_rate
        seed_dropout(self.model, seed)

    def take(self, history: dict[str, list[float]]) -> Trained:
        """Take out what the run has learnt."""
        rate = float(self._base.learning_rate) if self._has_rate else None
        return Trained(self.model.get_weights(), self._optimizer_state(), history, rate)

    def count(self, loss, y, predicted, weight) -> None:
        """Count the loss and the metrics of some rows as Keras' own training step does."""
        self.model.metrics[0].update_state(loss, sample_weight=tf.shape(y)[0])
        self.model.compute_metrics(None, y, predicted, sample_weight=weight)

    def log(self) -> tf.Tensor:
        """Return what the loss and the metrics have counted, of shape (n_names,)."""
        return tf.stack(list(self.model.get_metrics_result().values()))

    def traced(self, body: Callable, options: tuple, *arguments, xla: bool = False) -> Callable:
        """Return ``body(self, *options, *arguments)`` as a compiled function, traced once.

        One trace serves any number of rows; of XLA, which compiles for fixed shapes, each shape
        has its own.

        Parameters
        ----------
        body : callable
        options : tuple
            Hashable.
        *arguments : nested structures of tensors or arrays
        xla : bool
        """
        key = body, options, xla
        if key not in self._functions:
            # A partial, or TensorFlow would take several architectures for retracing and warn.
            body = functools.partial(body, self, *options)
            body = tracing("xla")(body) if xla else body
            self._functions[key] = tf.function(body, autograph=False, jit_compile=xla)
        specs = tf.nest.map_structure(tf.TensorSpec.from_tensor if xla else any_rows, arguments)
        return self._functions[key].get_concrete_function(*specs)

    def _flags(self):
        return [layer.trainable for layer in self.model.layers]

    def _build_optimizer(self):
        """Make the optimizer's variables, and tell of which weights each is a copy, if of any.

        ScheduleFreeAdamW begins with copies, which have to be those of the weights of each run.
        """
        weights = self.model.get_weights()
        trained = self.model.trainable_variables
        for i, variable in enumerate(trained):  # No other variable begins with such a value.
            variable.assign(tf.fill(variable.shape, np.pi * (i + 1)))
        self.model.optimizer.build(trained)
        copies = [
            next((i for i, of in enumerate(trained) if np.array_equal(value, of.numpy())), None)
            for value in self._optimizer_state()
        ]
        self.model.set_weights(weights)
        return copies

    def _first_optimizer_state(self):
        weights = self.model.trainable_variables
        return [
            value if i is None else weights[i].numpy()
            for value, i in zip(self._optimizer_start, self._copies, strict=True)
        ]

    def _optimizer_state(self):
        return [variable.numpy() for variable in self._optimizer_variables()]

    def _optimizer_variables(self):
        """Return what the optimizer has learnt: all but its rate, which a schedule has not."""
        variables = self.model.optimizer.variables
        return [variable for variable in variables if variable is not self._base.learning_rate]


def windows_at(windows: WindowArrays, positions: tf.Tensor, n_features: int) -> tf.Tensor:
    """Gather windows, of shape (..., n_steps, n_features)."""
    rows = tf.gather(windows.starts, positions)[..., None] + tf.range(windows.window)
    gathered = tf.gather(windows.series, rows)
    if gathered.shape[-1] == n_features:
        return gathered
    return tf.reshape(gathered, tf.concat([tf.shape(positions), [-1, n_features]], axis=0))


def any_rows(array) -> tf.TensorSpec:
    """Describe arrays of any number of rows; a table of floats keeps its columns."""
    columns = array.shape[1:] if array.dtype == np.float32 else [None] * len(array.shape[1:])
    return tf.TensorSpec([None, *columns][: len(array.shape)], array.dtype)
