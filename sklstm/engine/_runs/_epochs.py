"""The epochs of a stateless run: every epoch takes the rows in an order of its own."""

from __future__ import annotations

from itertools import islice

import numpy as np

from sklstm.engine._models._build import row_orders
from sklstm.engine._models._compiled import CompiledModel, DeviceData, most_epochs
from sklstm.engine._samples import Samples
from sklstm.engine._spec import TrainingSpec

# Numbers gathered at a time for validation.
_MOST_TESTED_CELLS = 100_000


class StatelessEpochs:
    """See ``_run.Epochs``."""

    def __init__(
        self,
        compiled: CompiledModel,
        training: TrainingSpec,
        data: Samples,
        validation: Samples | None,
        seed: int,
        xla: bool,
    ):
        self.compiled = compiled
        self.model = compiled.model
        self.names = compiled.names
        self.batch_size = training.batch_size
        self.n_steps = -(-len(data) // training.batch_size)
        self.most_epochs = most_epochs(len(data))
        self._train = compiled.train_by_xla if xla else compiled.train
        self._data = DeviceData(data)
        self._held_out = None if validation is None else DeviceData(validation)
        self._held_out_batch = held_out_batch(compiled, training, data.window)
        self._all_orders = row_orders(len(data), training.shuffle, seed)

    def begin(self, epochs: int) -> None:
        self._orders = np.stack(list(islice(self._all_orders, epochs)))

    def call(self, first: int, last: int) -> np.ndarray:
        return self._train(self._data, self._orders, self.batch_size, first, last)

    def validate(self) -> dict[str, float]:
        if self._held_out is None:
            return {}
        return self.compiled.evaluate(self._held_out, self._held_out_batch)


def held_out_batch(compiled: CompiledModel, training: TrainingSpec, window: int) -> int:
    """Return how many held-out samples to look at together: more where it changes no figure."""
    if not compiled.averages:
        return training.batch_size
    return max(training.batch_size, _MOST_TESTED_CELLS // (window * compiled.network.n_features))
