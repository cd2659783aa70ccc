"""Keras' own ``fit``: for any callback and any network."""

from __future__ import annotations

import keras
import numpy as np

from sklstm.engine._models._build import row_orders
from sklstm.engine._models._compiled import CompiledModel
from sklstm.engine._runs import _callbacks
from sklstm.engine._samples import Samples
from sklstm.engine._spec import TrainingSpec


class _Batches(keras.utils.PyDataset):
    """Batches gathered one at a time, in an order that draws from no global state."""

    def __init__(self, samples: Samples, batch_size: int, order: np.ndarray):
        super().__init__()
        self.samples = samples
        self.batch_size = batch_size
        self.order = order

    def __len__(self):
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, i):
        return self.samples.batch(self.order[i * self.batch_size : (i + 1) * self.batch_size])


def fit(
    compiled: CompiledModel,
    training: TrainingSpec,
    callbacks: list,
    data: Samples,
    held_out: Samples | None,
    seed: int,
) -> dict[str, list[float]]:
    """Train the model and return the history."""
    size = training.rows_per_epoch(len(data))
    orders = row_orders(len(data), training.shuffle, seed, size)
    # Only as many as there will be: each epoch begins with an order of its own.
    batches = _Batches(data, training.batch_size, np.zeros(size, np.int32))

    def reorder(epoch, logs):
        batches.order = next(orders)

    # Keras also calls a data set's own hook before the first epoch.
    follow = keras.callbacks.LambdaCallback(
        on_epoch_begin=reorder,
        on_epoch_end=lambda epoch, logs: _callbacks.raise_if_diverged(epoch, logs.get("loss", 0)),
    )
    validation_data = None
    if held_out is not None:
        validation_data = _Batches(held_out, training.batch_size, np.arange(len(held_out)))
    try:
        history = compiled.model.fit(
            batches,
            validation_data=validation_data,
            epochs=training.epochs,
            shuffle=False,
            callbacks=[follow, *callbacks],
            verbose=training.verbose,
        )
    except _callbacks.DivergedError as error:
        # Keras' frames between the run and its callback say nothing about the loss.
        raise type(error)(*error.args) from None
    return history.history
