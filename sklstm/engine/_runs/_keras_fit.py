"""Keras' own ``fit`` and ``predict``: for any backend, any callback, any network."""

from __future__ import annotations

import keras
import numpy as np

from sklstm.engine._models._build import row_orders
from sklstm.engine._models._held import HeldModel
from sklstm.engine._runs import _callbacks
from sklstm.engine._samples import Samples, StreamedSamples
from sklstm.engine._spec import TrainingSpec

_PREDICT_CELLS = 4_000_000


class _Batches(keras.utils.PyDataset):
    """Batches gathered one at a time, in an order that draws from no global state."""

    def __init__(self, samples: Samples | StreamedSamples, batch_size: int):
        super().__init__()
        self.samples = samples
        self.batch_size = batch_size
        self.order = np.arange(len(samples))

    def __len__(self):
        return -(-len(self.samples) // self.batch_size)

    def __getitem__(self, i):
        which = self.order[i * self.batch_size : (i + 1) * self.batch_size]
        batch = self.samples.gather(which), self.samples.y[which]
        if self.samples.sample_weight is None:
            return batch
        return *batch, self.samples.sample_weight[which]


class _Reorder(keras.callbacks.Callback):
    """Give each epoch its order; Keras also calls a data set's own hook before the first epoch."""

    def __init__(self, batches: _Batches, orders):
        super().__init__()
        self.batches = batches
        self.orders = orders

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.order = next(self.orders)


def fit(
    held: HeldModel,
    training: TrainingSpec,
    callbacks: list,
    data: Samples | StreamedSamples,
    validation: Samples | StreamedSamples | None,
    seed: int,
) -> dict[str, list[float]]:
    """Train what `held` holds and return the history."""
    batches = _Batches(data, training.batch_size)
    orders = row_orders(len(data), training.shuffle, seed)
    try:
        history = held.model.fit(
            batches,
            validation_data=validation and _Batches(validation, training.batch_size),
            epochs=training.epochs,
            shuffle=False,
            callbacks=[
                _Reorder(batches, orders),
                _callbacks.StopAtNaN(),
                *_callbacks.early_stopping(training, validation is not None),
                *callbacks,
            ],
            verbose=training.verbose,
        )
    finally:
        # Where a callback raises, Keras would keep these validation rows for the next run.
        held.model._eval_epoch_iterator = None
    return history.history


def predict(model: keras.Model, data: Samples) -> np.ndarray:
    """Predict in batches of bounded size."""
    size = max(1, _PREDICT_CELLS // max(1, data.window * data.series.shape[1]))
    parts = [
        keras.ops.convert_to_numpy(
            model.predict_on_batch(data.gather(np.arange(i, min(i + size, len(data)))))
        )
        for i in range(0, len(data), size)
    ]
    return np.concatenate(parts)
