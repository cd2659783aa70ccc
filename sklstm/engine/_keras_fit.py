"""Keras' own ``fit`` and ``predict`` behind the engine's door: any backend, any callback, any network."""

from __future__ import annotations

import keras
import numpy as np

from sklstm.engine import _callbacks
from sklstm.engine._networks import row_orders
from sklstm.engine._rows import Samples
from sklstm.engine._spec import TrainingSpec

_PREDICT_CELLS = 4_000_000


class _Batches(keras.utils.PyDataset):
    """Batches gathered one at a time, in an order of our own: Keras' shuffling draws from the global state."""

    def __init__(self, samples: Samples, batch_size: int, orders):
        super().__init__()
        self.samples = samples
        self.batch_size = batch_size
        self.orders = orders
        self.order = next(orders)

    def __len__(self):
        return -(-len(self.samples) // self.batch_size)

    def __getitem__(self, i):
        which = self.order[i * self.batch_size : (i + 1) * self.batch_size]
        batch = self.samples.gather(which), self.samples.y[which]
        if self.samples.sample_weight is None:
            return batch
        return *batch, self.samples.sample_weight[which]

    def on_epoch_end(self):
        self.order = next(self.orders)


def fit(
    model: keras.Model,
    training: TrainingSpec,
    callbacks: list,
    data: Samples,
    validation: Samples | None,
    seed: int,
) -> dict[str, list[float]]:
    """Train the compiled `model` in place and return the history."""
    batches = _Batches(data, training.batch_size, row_orders(len(data), training.shuffle, seed))
    if validation is not None:
        validation = _Batches(validation, training.batch_size, row_orders(len(validation), False, seed))
    history = model.fit(
        batches,
        validation_data=validation,
        epochs=training.epochs,
        shuffle=False,
        callbacks=[
            _callbacks.StopAtNaN(),
            *_callbacks.early_stopping(training, validation is not None),
            *callbacks,
        ],
        verbose=training.verbose,
    )
    return history.history


def predict(model: keras.Model, data: Samples) -> np.ndarray:
    """Predict in batches of bounded size."""
    size = max(1, _PREDICT_CELLS // max(1, data.window * data.series.shape[1]))
    parts = [
        keras.ops.convert_to_numpy(model.predict_on_batch(data.gather(np.arange(i, min(i + size, len(data))))))
        for i in range(0, len(data), size)
    ]
    return np.concatenate(parts)
