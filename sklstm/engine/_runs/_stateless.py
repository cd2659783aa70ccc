"""A stateless run: every step learns from a batch, every epoch takes the rows in its own order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sklstm.engine._models._build import row_orders
from sklstm.engine._models._compiled import CompiledModel, windows_at
from sklstm.engine._runs._choice import Choice, CouldNotTraceError
from sklstm.engine._runs._epochs_graph import Epochs, Span, run_epochs
from sklstm.engine._samples import SampleArrays, Samples
from sklstm.engine._spec import TrainingSpec

# The orders of epochs that one call runs take memory.
_MOST_EPOCHS = 64
_MOST_ORDERED_ROWS = 2_000_000

# Numbers gathered at a time for validation.
_MOST_TESTED_CELLS = 100_000

# What TensorFlow and Keras raise where a network computes with tensors as if they were numbers.
_NOT_TRACEABLE = (TypeError, ValueError, AttributeError, NotImplementedError)


class Batches(NamedTuple):
    """What the steps read.

    Attributes
    ----------
    samples : SampleArrays
    batch_size : int32
    orders : int32 of shape (n_epochs, n_samples)
        The order of the samples in each epoch.
    """

    samples: SampleArrays
    batch_size: Any
    orders: Any


class BatchEpochs(Epochs):
    """Epochs whose steps each call a method of a Keras model on a batch.

    Parameters
    ----------
    compiled : CompiledModel
    method : {"train_step", "test_step"}
    data : Samples
    orders : iterator of int32 ndarray
        The order of the samples in each epoch.
    batch_size : int
    xla : bool
    """

    def __init__(
        self,
        compiled: CompiledModel,
        method: str,
        data: Samples,
        orders: Iterator[np.ndarray],
        batch_size: int,
        xla: bool = False,
    ):
        most_epochs = max(1, min(_MOST_EPOCHS, _MOST_ORDERED_ROWS // len(data)))
        super().__init__(compiled, data, -(-len(data) // batch_size), batch_size, most_epochs)
        self._orders, self._batch_size, self._xla = orders, batch_size, xla
        known = data.block(np.arange(1)) if self.by_blocks else data
        shape = tf.zeros((self.most_epochs, len(known)), tf.int32)
        self.given = self._batches(known, shape)
        # XLA compiles for fixed shapes, so it is told the numbers that decide them.
        sizes = (data.windows.window, batch_size, len(data) % batch_size) if xla else None
        options = method, data.weighted, sizes
        arguments = self.given, (), self.span(1, 0, 1, True)
        self.train = compiled.traced(_body, options, *arguments, xla=xla)

    def begin(self, epochs: int) -> None:
        super().begin(epochs)
        self._order, *_ = orders = np.stack(list(islice(self._orders, epochs)))
        if self._xla:
            # Fewer epochs are filled up with orders that are never run.
            orders = np.resize(orders, (self.most_epochs, len(self.data)))
        if not self.by_blocks:
            self.given = self.given._replace(orders=tf.constant(orders))

    def read(self, start: int, stop: int) -> Batches:
        block = self.data.block(self._order[start * self._batch_size : stop * self._batch_size])
        return self._batches(block, tf.range(len(block))[None])

    def _batches(self, data: Samples, orders) -> Batches:
        samples = tf.nest.map_structure(tf.constant, data.arrays())
        return Batches(samples, self.scalar(self._batch_size), orders)


class StatelessEpochs(BatchEpochs):
    """The epochs of a stateless training run."""

    def __init__(
        self,
        compiled: CompiledModel,
        training: TrainingSpec,
        choice: Choice,
        data: Samples,
        held_out: Samples | None,
        seed: int,
    ):
        orders = row_orders(len(data), training.shuffle, seed)
        super().__init__(compiled, "train_step", data, orders, training.batch_size, choice.xla)
        if held_out is not None:
            orders = row_orders(len(held_out), False, seed)
            # Larger batches are faster, where they change no figure.
            size, reduction = training.batch_size, getattr(compiled.model.loss, "reduction", "mean")
            if compiled.network.network is None and reduction in ("mean", "sum_over_batch_size"):
                window = data.windows.window
                size = max(size, _MOST_TESTED_CELLS // (window * compiled.network.n_features))
            self._held_out = BatchEpochs(compiled, "test_step", held_out, orders, size)
            self._held_out.begin(1)

    def validate(self) -> dict[str, float]:
        [values] = self._held_out.call(0, self._held_out.n_steps)
        return self.log(values)


def _body(compiled, method, weighted, sizes, given: Batches, _, span: Span):
    """Run some epochs of batches; `sizes` are the window, the batch size and the rest for XLA."""
    (windows, y, weight), batch_size, orders = given
    rest = 0
    if sizes is not None:
        window, batch_size, rest = sizes
        windows = windows._replace(window=window)

    def take(positions):
        gathered = windows_at(windows, positions)
        if compiled.network.window is not None:
            gathered.set_shape((None, compiled.network.window, compiled.network.n_features))
        weights = tf.gather(weight, positions) if weighted else None
        try:
            getattr(compiled.model, method)((gathered, tf.gather(y, positions), weights))
        except _NOT_TRACEABLE as error:
            if compiled.network.network is None:
                raise
            raise CouldNotTraceError(error) from error
        return ()

    def step(e, s, _):
        if sizes is not None:
            return take(tf.slice(orders, [e, s * batch_size], [1, batch_size])[0])
        return take(orders[e, s * batch_size : (s + 1) * batch_size])

    most_epochs = tf.shape(orders)[0]
    if not rest:
        return run_epochs(compiled, step, (), span, most_epochs)
    n_full = orders.shape[1] // batch_size
    return run_epochs(
        compiled, step, (), span, most_epochs, lambda e, *_: take(orders[e][-rest:]), n_full
    )
