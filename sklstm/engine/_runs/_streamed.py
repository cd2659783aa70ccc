"""The epochs of a run over samples that are read portion by portion, as many as fit into memory."""

from __future__ import annotations

import numpy as np

from sklstm.engine._models._build import row_orders
from sklstm.engine._models._compiled import CompiledModel, DeviceData
from sklstm.engine._runs._epochs import held_out_batch
from sklstm.engine._samples import Samples, StreamedSamples, portion
from sklstm.engine._spec import TrainingSpec

# Numbers read at a time.
_PORTION_CELLS = 2**23


class StreamedEpochs:
    """See ``_run.Epochs``. The batches, and so the results, are those of samples in memory."""

    most_epochs = 1

    def __init__(
        self,
        compiled: CompiledModel,
        training: TrainingSpec,
        data: Samples | StreamedSamples,
        validation: Samples | StreamedSamples | None,
        seed: int,
    ):
        self.compiled = compiled
        self.model = compiled.model
        self.names = compiled.names
        self.batch_size = training.batch_size
        self.n_steps = -(-len(data) // training.batch_size)
        self._data = data
        self._held_out = validation
        self._held_out_batch = held_out_batch(compiled, training, data.window)
        self._all_orders = row_orders(len(data), training.shuffle, seed)

    def begin(self, epochs: int) -> None:
        self._order = next(self._all_orders)

    def call(self, first: int, last: int) -> np.ndarray:
        for part, had in self._read(self._data, self._order, self.batch_size, first, last):
            order = np.arange(len(part), dtype=np.int32)[None]
            n_steps = -(-len(part) // self.batch_size)
            logs = self.compiled.train(DeviceData(part), order, self.batch_size, had, n_steps)
            if not np.isfinite(logs[-1, 0]):
                break
        return logs

    def validate(self) -> dict[str, float]:
        log: dict[str, float] = {}
        if self._held_out is not None:
            size, rows = self._held_out_batch, np.arange(len(self._held_out))
            for part, had in self._read(self._held_out, rows, size, 0, -(-len(rows) // size)):
                log = self.compiled.evaluate(DeviceData(part), size, had * size)
        return log

    def _read(self, data, order, batch_size: int, first: int, last: int):
        """Yield the samples of some batches, and how many of these batches were had before."""
        cells = batch_size * data.window * self.compiled.network.n_features
        for had, batches in portions(first, last, cells):
            which = order[batches.start * batch_size : batches.stop * batch_size]
            yield portion(data, which), had


def portions(first: int, last: int, cells: int):
    """Yield the steps from `first` to before `last` in portions, each step reading `cells` numbers.

    A run that begins with step 0 resets the metrics, so later portions begin with a step that was
    had before.

    Yields
    ------
    had : int
        How many steps of the portion were had before.
    steps : slice
    """
    size = max(1, _PORTION_CELLS // cells)
    for at in range(first, last, size):
        had = min(at, 1)
        yield had, slice(at - had, min(at + size, last))
