"""One training run: compiled calls, with a look in between where something wants one."""

from __future__ import annotations

import time
from typing import Protocol

import keras
import numpy as np

from sklstm.engine._runs import _callbacks
from sklstm.engine._spec import TrainingSpec

# A compiled call cannot be interrupted, so calls are kept to about this long.
_CALL_SECONDS = 0.5
_FIRST_CALL_STEPS = 16


class Epochs(Protocol):
    """The epochs of a run, to be called for in portions.

    Attributes
    ----------
    model : keras.Model
    names : list of str
        What an epoch's log holds.
    n_steps : int
        Weight updates per epoch.
    most_epochs : int
        Epochs that one call may run.
    """

    model: keras.Model
    names: list[str]
    n_steps: int
    most_epochs: int

    def begin(self, epochs: int) -> None:
        """Make ready for the next `epochs` epochs."""

    def call(self, first: int, last: int) -> np.ndarray:
        """Run steps `first` to before `last` of each of these epochs and return their logs.

        A loss that is not finite ends the run, and the logs are shorter.
        """

    def validate(self) -> dict[str, float]:
        """Return the log of the held-out rows, empty where there are none."""


def run(
    epochs: Epochs, training: TrainingSpec, callbacks: list, validated: bool
) -> dict[str, list[float]]:
    """Train and return the history."""
    looking = [*_callbacks.early_stopping(training, validated), *callbacks]
    if training.verbose:
        looking.append(_callbacks.EpochLines())
    portions = _Portions(epochs)
    if looking or validated:
        history = _run_looking(epochs, portions, training.epochs, looking)
    else:
        history = _run_through(epochs, portions, training.epochs)
    model = epochs.model
    model.optimizer.finalize_variable_values(model.trainable_weights)
    return history


def _run_through(epochs: Epochs, portions: _Portions, count: int) -> dict[str, list[float]]:
    blocks: list[np.ndarray] = []
    done = 0
    while done < count:
        blocks.append(portions.take(count - done))
        done += len(blocks[-1])
        _callbacks.raise_if_diverged(done - 1, float(blocks[-1][-1, 0]))
    logs = np.concatenate(blocks)
    return {name: logs[:, i].tolist() for i, name in enumerate(epochs.names)}


def _run_looking(
    epochs: Epochs, portions: _Portions, count: int, looking: list
) -> dict[str, list[float]]:
    history = keras.callbacks.History()
    callbacks = keras.callbacks.CallbackList(
        [*looking, history], model=epochs.model, epochs=count, steps=epochs.n_steps, verbose=0
    )
    if _callbacks.looks_at_batches(looking):
        portions.hooks = callbacks
    callbacks.on_train_begin()
    logs: dict[str, float] = {}
    for epoch in range(count):
        callbacks.on_epoch_begin(epoch)
        [values] = portions.take(1)
        _callbacks.raise_if_diverged(epoch, float(values[0]))
        logs = dict(zip(epochs.names, map(float, values), strict=True))
        logs |= {f"val_{name}": value for name, value in epochs.validate().items()}
        callbacks.on_epoch_end(epoch, logs)
        if epochs.model.stop_training:
            break
    callbacks.on_train_end(logs)
    return history.history


class _Portions:
    """Cuts a run into calls: as much as a call may take, or one step where hooks look at each."""

    def __init__(self, epochs: Epochs):
        self.epochs = epochs
        self.budget = _FIRST_CALL_STEPS
        self.hooks: keras.callbacks.CallbackList | None = None

    def take(self, most: int) -> np.ndarray:
        """Run up to `most` epochs and return their logs, of shape (n_epochs, n_names)."""
        n_steps = self.epochs.n_steps
        count = max(1, min(most, self.epochs.most_epochs, self.budget // n_steps))
        self.epochs.begin(count)
        if self.hooks is not None:
            return self._step_by_step(self.hooks)
        first = 0
        while True:
            last = n_steps if count > 1 else min(first + self.budget, n_steps)
            begin = time.perf_counter()
            logs = self.epochs.call(first, last)
            if time.perf_counter() - begin < _CALL_SECONDS / 2:
                self.budget *= 2
            if last == n_steps or not np.isfinite(logs[-1, 0]):
                return logs
            first = last

    def _step_by_step(self, hooks: keras.callbacks.CallbackList) -> np.ndarray:
        for step in range(self.epochs.n_steps):
            hooks.on_train_batch_begin(step)
            logs = self.epochs.call(step, step + 1)
            log = dict(zip(self.epochs.names, map(float, logs[-1]), strict=True))
            hooks.on_train_batch_end(step, log)
            if self.epochs.model.stop_training:
                break
        return logs
