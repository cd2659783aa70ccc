"""The epochs of a stateful run: the rows in their order, the state running on from row to row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from sklstm.engine._models._compiled import DeviceData
from sklstm.engine._models._stateful import MOST_EPOCHS, CompiledStateful, one_lane
from sklstm.engine._runs._plan import plan
from sklstm.engine._runs._streamed import portions
from sklstm.engine._samples import Samples, StreamedSamples, portion
from sklstm.engine._spec import TrainingSpec


class StatefulEpochs:
    """See ``_run.Epochs``.

    Parameters
    ----------
    breaks, validation_breaks : sequence of int, or None
        Rows whose past is unknown.
    states : list of ndarray, or None
        What the first row starts from, instead of zeros.
    """

    most_epochs = MOST_EPOCHS

    def __init__(
        self,
        compiled: CompiledStateful,
        training: TrainingSpec,
        data: Samples | StreamedSamples,
        validation: Samples | StreamedSamples | None,
        breaks,
        validation_breaks,
        states,
        xla: bool,
    ):
        self.compiled = compiled
        self.model = compiled.model
        self.names = compiled.names
        every = training.reset_states
        self._plan = plan(
            len(data),
            lanes=min(training.batch_size, len(data)),
            chunk=training.bptt_steps,
            reset_at_start=every == "epoch",
            reset_every=None if isinstance(every, str) else every,
            breaks=breaks,
            carried=states is not None,
        )
        self.n_steps, lanes = self._plan.counts.shape
        self._use(data, xla)
        self._held_out = None
        if validation is not None:
            if isinstance(validation, StreamedSamples):
                validation = portion(validation, np.arange(len(validation)))
            self._held_out = DeviceData(validation), one_lane(validation, validation_breaks)
        self._states = compiled.forward.zero_states(lanes)
        for mine, given in zip(self._states, states or (), strict=False):
            mine[:1] = given
        self._states = [tf.constant(state) for state in self._states]

    def _use(self, data, xla: bool) -> None:
        """Make ready for training on `data`."""
        self._train = self.compiled.trainer(DeviceData(data), self._plan, xla)

    def begin(self, epochs: int) -> None:
        self._epochs = epochs

    def call(self, first: int, last: int) -> np.ndarray:
        logs, self._states = self._train(self._states, self._epochs, first, last)
        return logs

    def validate(self) -> dict[str, float]:
        if self._held_out is None:
            return {}
        lane = self._plan.last_lane
        return self.compiled.evaluate(
            *self._held_out, [state[lane : lane + 1] for state in self._states]
        )


class StreamedStatefulEpochs(StatefulEpochs):
    """The epochs of a stateful run over samples that are read portion by portion."""

    most_epochs = 1

    def _use(self, data: StreamedSamples, xla: bool) -> None:
        # XLA compiles for the whole of a run, which portions are not.
        self._data = data

    def call(self, first: int, last: int) -> np.ndarray:
        _, lanes, chunk = self._plan.rows.shape
        cells = lanes * chunk * self._data.window * self.compiled.network.n_features
        for had, steps in portions(first, last, cells):
            rows = self._plan.rows[steps]
            part = replace(
                self._plan,
                rows=np.arange(rows.size, dtype=np.int32).reshape(rows.shape),
                counts=self._plan.counts[steps],
                resets=self._plan.resets[steps],
            )
            data = DeviceData(portion(self._data, rows.ravel()))
            train = self.compiled.trainer(data, part, xla=False)
            logs, self._states = train(self._states, 1, had, len(rows))
            if not np.isfinite(logs[-1, 0]):
                break
        return logs
