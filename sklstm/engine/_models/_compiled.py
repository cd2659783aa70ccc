"""What trains networks, for one run at a time: a Keras model, with what was traced of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sklstm.engine._compat import base_optimizer, n_updates
from sklstm.engine._models._build import build, fresh_weights, seed_dropout
from sklstm.engine._models._identity import copied
from sklstm.engine._models._kernels import tracing, use_fused_kernels
from sklstm.engine._models._row_layers import KerasRowLayers
from sklstm.engine._resolve import Resolved
from sklstm.engine._samples import WindowArrays
from sklstm.engine._spec import NetworkSpec, Trained


class CosineOverRun(keras.optimizers.schedules.CosineDecay):
    """Keras' cosine decay whose numbers each run sets: they are variables, so one trace serves all.

    A callback that sets the learning rate gets Keras' own error.
    """

    def __init__(self, shape: tuple[int, ...] = ()):
        super().__init__(tf.Variable(tf.ones(shape)), tf.Variable(1.0))
        self._first_update = tf.Variable(0, dtype=tf.int64)

    def begin(self, learning_rate, first_update: int, n_updates: int) -> None:
        """Fall from `learning_rate` to 0 over so many weight updates."""
        self.initial_learning_rate.assign(learning_rate)
        self.decay_steps.assign(n_updates)
        self._first_update.assign(first_update)

    def __call__(self, step):
        return super().__call__(tf.cast(step, tf.int64) - self._first_update)


class Trainable:
    """One or several networks for one run at a time, and functions that TensorFlow traces once.

    A run sets weights, optimizer state and seeds first and takes weights and optimizer state out
    last, so that nothing passes from one run to the next.

    Attributes
    ----------
    network : NetworkSpec
    models : list
        What callbacks see: a Keras model for each network, or what stands in for it.
    names : list of str
        What an epoch's log holds, under Keras' names.
    log_shape : tuple of int
        Of `log`.
    reduction : str or None
        What the loss makes of the losses of a batch.
    time_first : bool
        Whether `step` takes windows with the steps before the rows.
    """

    time_first = False
    models: list
    names: list[str]
    log_shape: tuple[int, ...]
    reduction: str | None

    def __init__(self, network: NetworkSpec):
        self.network = network
        self._functions: dict[Hashable, Any] = {}

    def fresh(self, seed: int, first_outputs: np.ndarray | None) -> list[np.ndarray]:
        """Return first weights of a network."""
        raise NotImplementedError

    def set(
        self,
        networks: Sequence[NetworkSpec],
        starts: Sequence[Trained],
        rates: Sequence[float | None],
        n_to_come: int,
        seeds: Sequence[int],
    ) -> None:
        """Make ready for one run of so many weight updates that goes on from `starts`."""
        raise NotImplementedError

    def settle(self, i: int) -> None:
        """Let the optimizer write what it has learnt over the weights of a network."""

    def leave(self, i: int) -> None:
        """Keep a network as it is, while others are trained further."""

    def take(self, histories: Sequence[dict[str, list[float]]]) -> list[Trained]:
        """Take out what the run has learnt."""
        raise NotImplementedError

    def step(self, method: str, x, y, weight) -> None:
        """Take a step of training or of testing, as a method of a Keras model does."""
        raise NotImplementedError

    def step_over_rows(self, method: str, run: Callable, may_be_empty: bool) -> list[tf.Tensor]:
        """Take a step of training or of testing with rows that a state runs over.

        Parameters
        ----------
        method : {"train_step", "test_step"}
        run : callable
            ``run(layers)`` returns ``(y, predicted, weight)`` of those rows, and the states after
            them, by what a `RowLayers` computes.
        may_be_empty : bool
            Whether there may be no row, from which nothing is learnt.

        Returns
        -------
        list of tensors
            The states.
        """
        raise NotImplementedError

    def begin_epoch(self, fresh: tf.Tensor) -> None:
        """Count anew if the bool `fresh` says so."""
        raise NotImplementedError

    def log(self) -> tf.Tensor:
        """Return what the loss and the metrics have counted."""
        raise NotImplementedError

    @property
    def n_traced(self) -> int:
        """How many functions TensorFlow has traced."""
        return sum(f.experimental_get_tracing_count() for f in self._functions.values())

    def traced(self, body: Callable, options: tuple, *arguments, engine: str = "block") -> Callable:
        """Return ``body(self, *options, *arguments)`` as a compiled function, traced once.

        One trace serves any number of rows; of XLA, which compiles for fixed shapes, each shape
        has its own.

        Parameters
        ----------
        body : callable
        options : tuple
            Hashable.
        *arguments : nested structures of tensors or arrays
        engine : {"layer", "block", "matmul", "xla"}
            See `TrainingSpec`.
        """
        xla = engine == "xla"
        key = body, options, engine
        if key not in self._functions:
            # A partial, or TensorFlow would take several architectures for retracing and warn.
            body = functools.partial(body, self, *options)
            body = tracing(engine)(body)
            self._functions[key] = tf.function(body, autograph=False, jit_compile=xla)
        specs = tf.nest.map_structure(tf.TensorSpec.from_tensor if xla else any_rows, arguments)
        return self._functions[key].get_concrete_function(*specs)


class CompiledModel(Trainable):
    """A compiled Keras model.

    Attributes
    ----------
    model : keras.Model
        Its weights are the current ones whenever no compiled call is under way.
    """

    def __init__(self, network: NetworkSpec, resolved: Resolved, fused: bool):
        super().__init__(network)
        self.model = build(network)
        self.models = [self.model]
        self.reduction = getattr(resolved.loss, "reduction", "mean")
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
        self.log_shape = (len(self.names),)
        self._optimizer_start = self._optimizer_state()
        self._trainable = self._flags()

    def fresh(self, seed, first_outputs):
        return fresh_weights(self.network, self.model, seed, first_outputs)

    def set(self, networks, starts, rates, n_to_come, seeds):
        [start], [learning_rate], [seed] = starts, rates, seeds
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

    def settle(self, i):
        self.model.optimizer.finalize_variable_values(self.model.trainable_weights)

    def take(self, histories):
        rate = float(self._base.learning_rate) if self._has_rate else None
        [history] = histories
        return [Trained(self.model.get_weights(), self._optimizer_state(), history, rate)]

    def step(self, method, x, y, weight):
        getattr(self.model, method)((x, y, weight))

    def step_over_rows(self, method, run, may_be_empty):
        training = method == "train_step"
        with tf.GradientTape() as tape:
            learnt, states = run(KerasRowLayers(self.network, self.model, training))
            loss = self.model.compute_loss(None, *learnt)
            scaled = self.model.optimizer.scale_loss(loss)
        weights = self.model.trainable_variables
        gradients = tape.gradient(scaled, weights) if training else None

        def learn():
            self.count(loss, *learnt)
            if training:
                self.model.optimizer.apply(gradients, weights)
            return 0

        unless_empty(learnt[0], learn, may_be_empty)
        return states

    def begin_epoch(self, fresh):
        tf.cond(fresh, lambda: self.model.reset_metrics() or 0, lambda: 0)

    def count(self, loss, y, predicted, weight) -> None:
        """Count the loss and the metrics of some rows as Keras' own training step does."""
        self.model.metrics[0].update_state(loss, sample_weight=tf.shape(y)[0])
        self.model.compute_metrics(None, y, predicted, sample_weight=weight)

    def log(self):
        return tf.stack(list(self.model.get_metrics_result().values()))

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


def unless_empty(rows: tf.Tensor, learn: Callable[[], int], may_be_empty: bool) -> None:
    """Call `learn`, which returns 0, if there are rows."""
    if may_be_empty:
        tf.cond(tf.size(rows) > 0, learn, lambda: 0)
    else:
        learn()


def windows_at(
    windows: WindowArrays, positions: tf.Tensor, n_features: int, time_first: bool = False
) -> tf.Tensor:
    """Gather windows.

    Returns
    -------
    tensor of shape (..., n_rows, n_steps, n_features)
        For positions of shape (..., n_rows). With `time_first`, of shape (..., n_steps, n_rows,
        n_features).
    """
    first = tf.gather(windows.starts, positions)
    first = first[..., None, :] if time_first else first[..., None]
    steps, fold = tf.range(windows.window), n_features // windows.series.shape[1]
    if fold > 1:
        first, steps = first[..., None], tf.reshape(steps, [-1, fold])
    rows = first + (steps[:, None] if time_first else steps)
    gathered = tf.gather(windows.series, rows)
    if fold == 1:
        return gathered
    return tf.reshape(gathered, tf.concat([tf.shape(rows)[:-1], [n_features]], axis=0))


def any_rows(array) -> tf.TensorSpec:
    """Describe arrays of any number of rows; a table of floats keeps its columns."""
    columns = array.shape[1:] if array.dtype == np.float32 else [None] * len(array.shape[1:])
    return tf.TensorSpec([None, *columns][: len(array.shape)], array.dtype)
