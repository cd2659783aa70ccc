"""One training run: calls of the compiled function, with a look in between where something wants one."""

from __future__ import annotations

import time
from itertools import islice

import keras
import numpy as np

from sklstm.engine import _callbacks
from sklstm.engine._compiled import CompiledModel, DeviceData, most_epochs
from sklstm.engine._networks import row_orders
from sklstm.engine._rows import Samples
from sklstm.engine._spec import TrainingSpec

# A compiled call cannot be interrupted, so calls are kept to about this long.
_CALL_SECONDS = 0.5
_FIRST_CALL_STEPS = 16


def run(
    compiled: CompiledModel,
    training: TrainingSpec,
    callbacks: list,
    data: Samples,
    validation: Samples | None,
    seed: int,
    xla: bool,
) -> dict[str, list[float]]:
    """Train what `compiled` holds and return the history."""
    looking = [*_callbacks.early_stopping(training, validation is not None), *callbacks]
    if training.verbose:
        looking.append(_callbacks.EpochLines())
    calls = _Calls(compiled, training, data, seed, xla)
    held_out = None if validation is None else DeviceData(validation)
    if not looking and held_out is None:
        logs = _run_through(calls, training.epochs)
    else:
        logs = _run_looking(compiled, training, calls, held_out, looking)
    compiled.model.optimizer.finalize_variable_values(compiled.model.trainable_weights)
    return logs


def _run_through(calls: _Calls, epochs: int) -> dict[str, list[float]]:
    logs = np.concatenate([logs for logs in calls.epochs(epochs)])
    for epoch in np.flatnonzero(~np.isfinite(logs[:, 0])):
        _callbacks.raise_if_diverged(int(epoch), float(logs[epoch, 0]))
    return {name: logs[:, i].tolist() for i, name in enumerate(calls.compiled.names)}


def _run_looking(compiled, training, calls, held_out, looking) -> dict[str, list[float]]:
    model = compiled.model
    history = keras.callbacks.History()
    callbacks = keras.callbacks.CallbackList(
        [*looking, history], model=model, epochs=training.epochs, steps=calls.steps, verbose=0
    )
    callbacks.on_train_begin()
    logs: dict[str, float] = {}
    for epoch in range(training.epochs):
        callbacks.on_epoch_begin(epoch)
        [[values]] = calls.epochs(1)
        _callbacks.raise_if_diverged(epoch, float(values[0]))
        logs = dict(zip(compiled.names, map(float, values), strict=True))
        if held_out is not None:
            tested = compiled.evaluate(held_out, training.batch_size)
            logs |= {f"val_{name}": value for name, value in tested.items()}
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    callbacks.on_train_end(logs)
    return history.history


class _Calls:
    """Cuts a run into calls of the compiled function."""

    def __init__(self, compiled, training: TrainingSpec, data: Samples, seed: int, xla: bool):
        self.compiled = compiled
        self.batch_size = training.batch_size
        self.xla = xla
        self.steps = -(-len(data) // training.batch_size)
        self.data = DeviceData(data)
        self.orders = row_orders(len(data), training.shuffle, seed)
        self.most_epochs = most_epochs(len(data))
        self.budget = _FIRST_CALL_STEPS

    def epochs(self, count: int):
        """Yield the logs of the next `count` epochs, in blocks of shape (n_epochs, n_names)."""
        while count:
            size = min(count, self.most_epochs, max(1, self.budget // self.steps))
            logs = self._block(np.stack(list(islice(self.orders, size))))
            yield logs
            if len(logs) < size or not np.isfinite(logs[-1, 0]):
                return
            count -= size

    def _block(self, orders: np.ndarray) -> np.ndarray:
        first = 0
        while True:
            last = self.steps if len(orders) > 1 else min(first + self.budget, self.steps)
            begin = time.perf_counter()
            logs = self.compiled.train(self.data, orders, self.batch_size, first, last, self.xla)
            if time.perf_counter() - begin < _CALL_SECONDS / 2:
                self.budget *= 2
            if last == self.steps or not np.isfinite(logs[-1, 0]):
                return logs
            first = last
