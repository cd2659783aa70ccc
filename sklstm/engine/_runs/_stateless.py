"""A stateless run: every step learns from a batch, every epoch takes the rows in its own order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sklstm.engine._models._build import row_orders
from sklstm.engine._models._compiled import Trainable, windows_at
from sklstm.engine._runs._epochs_graph import MOST_ORDERED_ROWS, Epochs, Span, run_epochs
from sklstm.engine._samples import Samples
from sklstm.engine._spec import TrainingSpec

# Numbers gathered at a time for validation.
_MOST_TESTED_CELLS = 100_000

# What TensorFlow and Keras raise where a network computes with tensors as if they were numbers.
_NOT_TRACEABLE = (TypeError, ValueError, AttributeError, NotImplementedError)


class CouldNotTraceError(Exception):
    """A user's network cannot be compiled together with the loop over its batches."""


class Batches(NamedTuple):
    """What the steps read.

    Attributes
    ----------
    samples : tuple
        See `Samples.arrays`.
    batch_size : int32
    orders : int32 of shape (n_epochs, [n_networks,] n_drawn)
        The samples of each epoch in their order.
    """

    samples: tuple
    batch_size: Any
    orders: Any


class BatchEpochs(Epochs):
    """Epochs whose steps each call a method of a Keras model on a batch, or do so side by side.

    Parameters
    ----------
    compiled : Trainable
    method : {"train_step", "test_step"}
    data : Samples
    orders : list of iterators of int32 ndarray of shape (n_drawn,)
        The samples of each epoch in their order, for each network.
    n_drawn : int
    batch_size : int
    engine : {"layer", "block", "matmul", "xla"}
    """

    def __init__(
        self,
        compiled: Trainable,
        method: str,
        data: Samples,
        orders: list[Iterator[np.ndarray]],
        n_drawn: int,
        batch_size: int,
        engine: str = "block",
    ):
        n_networks = compiled.log_shape[:-1]
        self._xla = engine == "xla"
        # The order of a long epoch takes memory, too.
        in_parts = data.windows.is_mapped or (n_drawn >= MOST_ORDERED_ROWS and not self._xla)
        rows_per_step = batch_size * len(orders)
        super().__init__(compiled, data, -(-n_drawn // batch_size), rows_per_step, in_parts)
        self._orders = map(np.stack, zip(*orders, strict=True)) if n_networks else orders[0]
        self._batch_size = batch_size
        known = data.block(np.arange(1)) if data.windows.is_mapped else data
        # XLA compiles for fixed shapes, so it is told the numbers that decide them.
        n_epochs, n_rows = (self.most_epochs, n_drawn) if self._xla else (1, 1)
        self.given = self._batches(known, np.zeros((n_epochs, *n_networks, n_rows), np.int32))
        sizes = (data.windows.window, batch_size, n_drawn % batch_size) if self._xla else None
        options = method, data.weighted, sizes
        arguments = self.given, (), self.span(1, 0, 1, True)
        self.train = compiled.traced(_body, options, *arguments, engine=engine)

    def begin(self, epochs: int) -> None:
        super().begin(epochs)
        drawn = list(islice(self._orders, epochs))
        # The order of one epoch may be long, so it is not copied.
        orders = np.stack(drawn) if epochs > 1 else drawn[0][None]
        if self._xla:
            # Fewer epochs are filled up with orders that are never run.
            orders = np.resize(orders, (self.most_epochs, *orders.shape[1:]))
        if self.in_parts:
            self._order = orders[0]
        else:
            self.given = self.given._replace(orders=tf.constant(orders))

    def read(self, start: int, stop: int) -> Batches:
        order = self._order[..., start * self._batch_size : stop * self._batch_size]
        if not self.data.windows.is_mapped:
            return self.given._replace(orders=tf.constant(order[None]))
        places = np.arange(order.size, dtype=np.int32).reshape(1, *order.shape)
        return self._batches(self.data.block(order.ravel()), places)

    def _batches(self, data: Samples, orders) -> Batches:
        batches = Batches(data.arrays(), self._batch_size, orders)
        return tf.nest.map_structure(tf.constant, batches)


class StatelessEpochs(BatchEpochs):
    """The epochs of a stateless training run."""

    def __init__(
        self,
        compiled: Trainable,
        training: TrainingSpec,
        engine: str,
        data: Samples,
        held_out: Samples | None,
        seeds: Sequence[int],
    ):
        n_drawn = training.rows_per_epoch(len(data))
        orders = [row_orders(len(data), training.shuffle, seed, n_drawn) for seed in seeds]
        size = training.batch_size
        super().__init__(compiled, "train_step", data, orders, n_drawn, size, engine)
        if held_out is not None:
            orders = [row_orders(len(held_out), False, seed) for seed in seeds]
            # Larger batches are faster, where they change no figure.
            means = compiled.reduction in ("mean", "sum_over_batch_size")
            if compiled.network.network is None and means:
                window = data.windows.shape[1]
                size = max(size, _MOST_TESTED_CELLS // (window * compiled.network.n_features))
            self.held_out = BatchEpochs(
                compiled, "test_step", held_out, orders, len(held_out), size
            )
            self.held_out.begin(1)

    def validate(self) -> np.ndarray:
        return self.held_out.call(0, self.held_out.n_steps)[0]


def _body(compiled, method, weighted, sizes, given: Batches, _, span: Span):
    """Run some epochs of batches; `sizes` are the window, the batch size and the rest for XLA."""
    (windows, y, weight), batch_size, orders = given
    rest = 0
    if sizes is not None:
        window, batch_size, rest = sizes
        windows = windows._replace(window=window)

    def take(positions):
        n_features = compiled.network.n_features
        gathered = windows_at(windows, positions, n_features, compiled.time_first)
        if compiled.network.window is not None:
            steps = compiled.network.window, n_features
            gathered.set_shape((*positions.shape, *steps))
        weights = tf.gather(weight, positions) if weighted else None
        try:
            compiled.step(method, gathered, tf.gather(y, positions), weights)
        except _NOT_TRACEABLE as error:
            if compiled.network.network is None:
                raise
            raise CouldNotTraceError(error) from error
        return ()

    def step(e, s, _):
        if sizes is not None:
            first = tf.concat([[e], tf.zeros(len(orders.shape) - 2, tf.int32), [s * batch_size]], 0)
            return take(tf.slice(orders, first, [1, *orders.shape[1:-1], batch_size])[0])
        return take(orders[e, ..., s * batch_size : (s + 1) * batch_size])

    if not rest:
        return run_epochs(compiled, step, (), span)
    n_full = orders.shape[-1] // batch_size
    return run_epochs(compiled, step, (), span, lambda e, *_: take(orders[e][..., -rest:]), n_full)
