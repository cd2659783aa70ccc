"""Plain networks of one architecture that are trained side by side."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sklstm.engine._compat import call_as_traced
from sklstm.engine._models._build import dropout_seeds, fresh_weights
from sklstm.engine._models._compiled import CosineOverRun, Trainable, unless_empty
from sklstm.engine._models._plain._forward import (
    PlainRowLayers,
    forward,
    is_plain,
    n_loops,
    packed,
    split,
    unpacked,
    weights_of,
)
from sklstm.engine._models._plain._loss import is_row_wise, losses
from sklstm.engine._models._plain._optimizer import PackedOptimizer, is_element_wise
from sklstm.engine._resolve import Resolved
from sklstm.engine._spec import NetworkSpec, Trained


def can_be_plain(network: NetworkSpec, resolved: Resolved) -> bool:
    """Tell whether `PlainNetworks` trains `network` as its Keras model would be trained."""
    return (
        is_plain(network)
        and is_element_wise(resolved.optimizer)
        and not (resolved.metrics or resolved.weighted_metrics or resolved.callbacks)
        and resolved.loss_weights is None
        and is_row_wise(resolved.loss)
    )


class PlainNetworks(Trainable):
    """Networks that learn from the same samples, each by itself.

    They are the rows of one variable, which one step of the optimizer updates. Each computes what
    it would compute alone, bit by bit, in ops that do not wait for those of the others, so that
    they use all cores.

    Parameters
    ----------
    network : NetworkSpec
        Of all; but each has a dropout of its own if this one has any.
    resolved : Resolved
    n_networks : int
    """

    time_first = True

    def __init__(self, network: NetworkSpec, resolved: Resolved, n_networks: int):
        super().__init__(network)
        self.names = ["loss"]
        self.log_shape = (n_networks, 1)
        self._loss = resolved.loss
        self.reduction = getattr(resolved.loss, "reduction", "mean")
        self.weights = list(weights_of(network))
        zeros = packed([np.zeros(weight.shape) for weight in self.weights])
        self._rows = keras.Variable(np.tile(zeros, (n_networks, 1)))
        self._cosine = rate = None
        self._rates: Any = None
        if resolved.learning_rate_schedule == "cosine":
            self._cosine = rate = CosineOverRun((n_networks, 1))
        elif resolved.learning_rate is not None:
            self._rates = tf.Variable(tf.zeros((n_networks, 1)))
            rate = self._rates.read_value
        self._optimizer = PackedOptimizer(resolved.optimizer, rate, self._rows, self.weights)
        # Dropout draws from a seed of each loop, and from the number of the step.
        self._seeds = tf.Variable(np.zeros((n_networks, n_loops(network)), np.int32))
        self._n_steps = tf.Variable(0)
        # The share that dropout drops, and what it multiplies the others by.
        self._dropout = tf.Variable(np.zeros((n_networks, 2), np.float32))
        # The losses of the rows of an epoch so far, added up, and how many rows those are.
        self._losses = tf.Variable(tf.zeros((n_networks,)))
        self._n_rows = tf.Variable(0.0)

    def fresh(self, seed: int, first_outputs: np.ndarray | None) -> list[np.ndarray]:
        return fresh_weights(self.network, self, seed, first_outputs)

    def set(
        self,
        networks: Sequence[NetworkSpec],
        starts: Sequence[Trained],
        rates: Sequence[float | None],
        n_to_come: int,
        seeds: Sequence[int],
    ) -> None:
        self.models = [_Seen(self, i) for i in range(len(starts))]
        self._left: dict[int, Trained] = {}
        self._rows.assign(np.stack([packed(start.weights) for start in starts]))
        self._optimizer.set([start.optimizer_state for start in starts])
        if self._cosine is not None:
            self._cosine.begin(_column(rates), self._optimizer.n_updates, n_to_come)
        elif self._rates is not None:
            self._rates.assign(_column(rates))
        n_seeds = self._seeds.shape[1]
        self._seeds.assign([list(islice(dropout_seeds(seed), n_seeds)) for seed in seeds])
        shares = [network.dropout for network in networks]
        self._dropout.assign([[share, 1 / (1 - share)] for share in shares])
        self._n_steps.assign(0)

    def traced(self, *arguments, engine="block") -> Callable:
        function = super().traced(*arguments, engine=engine)
        # A product, a bias and what is applied to them become one op by rewriting alone.
        return function if engine == "matmul" else functools.partial(call_as_traced, function)

    def leave(self, i: int) -> None:
        self._left[i] = self._taken(i)
        # It stays as it is, so that its loss stays finite; nobody reads it.
        self._optimizer.forget(i)
        if self._cosine is not None:
            self._cosine.initial_learning_rate[i].assign([0.0])
        elif self._rates is not None:
            self._rates[i].assign([0.0])

    def take(self, histories: Sequence[dict[str, list[float]]]) -> list[Trained]:
        ends = [
            self._left.pop(i) if i in self._left else self._taken(i)
            for i in range(len(self.models))
        ]
        return [replace(end, history=of) for end, of in zip(ends, histories, strict=True)]

    def step(self, method: str, x, y, weight) -> None:
        """Learn from a batch of each network, or only count its loss."""
        training = method == "train_step"
        has_dropout = training and self.network.dropout > 0
        weights = unpacked(self._rows.value, self.weights)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            predicted = forward(self.network, weights, x, self._dropped if has_dropout else None)
            found = losses(self._loss, y, predicted, weight)
        self._count(found, y)
        if training:
            self._optimizer.apply(tape.gradient(found, weights))
            self._n_steps.assign_add(1)

    def step_over_rows(self, method: str, run: Callable, may_be_empty: bool) -> list[tf.Tensor]:
        """Learn from rows that a state runs over, of the only network, or only count their loss."""
        training = method == "train_step"
        has_dropout = training and self.network.dropout > 0
        dropped = functools.partial(self._dropped, 0) if has_dropout else None
        weights = unpacked(self._rows.value, self.weights)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            learnt, states = run(PlainRowLayers(self.network, weights, dropped))
            y, predicted, weight = (None if of is None else of[None] for of in learnt)
            found = losses(self._loss, y, predicted, weight)
        gradients = tape.gradient(found, weights) if training else []

        def learn():
            self._count(found, y)
            if training:
                self._optimizer.apply(gradients)
            return 0

        unless_empty(y, learn, may_be_empty)
        if training:
            self._n_steps.assign_add(1)
        return states

    def begin_epoch(self, fresh: tf.Tensor) -> None:
        for counted in (self._losses, self._n_rows):
            counted.assign(tf.where(fresh, 0.0, counted))

    def log(self) -> tf.Tensor:
        return tf.math.divide_no_nan(self._losses, self._n_rows)[:, None]

    def _count(self, found: tf.Tensor, y: tf.Tensor) -> None:
        n_rows = tf.cast(tf.shape(y)[1], tf.float32)
        self._losses.assign_add(found * n_rows)
        self._n_rows.assign_add(n_rows)

    def _dropped(self, i: int, loop: int, like: tf.Tensor) -> tf.Tensor:
        """Return what Keras' dropout multiplies the inputs of a loop by."""
        seed = tf.stack([self._seeds[i, loop], self._n_steps])
        kept = tf.random.stateless_uniform(tf.shape(like), seed) >= self._dropout[i, 0]
        return tf.where(kept, self._dropout[i, 1], 0.0)

    def _taken(self, i: int) -> Trained:
        rate = None if self._rates is None else float(self._rates[i, 0])
        return Trained(self.models[i].get_weights(), self._optimizer.take(i), {}, rate)


class _Seen:
    """What callbacks see of one of several networks: what they use of a Keras model."""

    def __init__(self, networks: PlainNetworks, i: int):
        self.networks, self.i = networks, i
        self.stop_training = False

    @property
    def optimizer(self) -> _Seen:
        return self

    @property
    def learning_rate(self):
        return self.networks._rates[self.i, 0]

    @learning_rate.setter
    def learning_rate(self, rate: float):
        self.networks._rates[self.i, 0].assign(rate)

    def get_weights(self) -> list[np.ndarray]:
        return split(self.networks._rows.value[self.i].numpy(), self.networks.weights)

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.networks._rows.value[self.i].assign(packed(weights))


def _column(rates: Sequence[float | None]) -> np.ndarray:
    # A rate that is too large makes the weights infinite, which the run tells of.
    with np.errstate(over="ignore"):
        return np.array(rates, np.float32)[:, None]
