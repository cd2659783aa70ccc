"""One training run: compiled calls, with callbacks in between where there are any."""

from __future__ import annotations

import keras
import numpy as np

from sklstm.engine._compat import first_epoch
from sklstm.engine._models._compiled import Trainable
from sklstm.engine._runs import _callbacks
from sklstm.engine._runs._epochs_graph import Epochs
from sklstm.engine._spec import TrainingSpec


def run(
    epochs: Epochs, training: TrainingSpec, callbacks: list[list]
) -> list[dict[str, list[float]]]:
    """Train and return the history of each network, which has `callbacks` of its own."""
    if any(callbacks) or epochs.held_out is not None or training.verbose:
        return _run_watched(epochs, training, callbacks)
    histories = _run_unwatched(epochs, training.epochs)
    for i in range(len(histories)):
        epochs.compiled.settle(i)
    return histories


def _run_unwatched(epochs: Epochs, count: int) -> list[dict[str, list[float]]]:
    """Train without Keras' hooks, which take longer than a small epoch and swallow Ctrl-C."""
    logs: list[np.ndarray] = []
    done = 0
    while done < count:
        logs.append(epochs.run(count - done, None))
        done += len(logs[-1])
        _callbacks.raise_if_diverged(done - 1, logs[-1][-1, :, 0])
    columns = np.concatenate(logs).transpose(1, 2, 0).tolist()
    return [dict(zip(epochs.compiled.names, of_one, strict=True)) for of_one in columns]


def _run_watched(
    epochs: Epochs, training: TrainingSpec, callbacks: list[list]
) -> list[dict[str, list[float]]]:
    """Train one epoch after the other, each watched by callbacks."""
    # 1. the callbacks
    compiled = epochs.compiled
    networks = [
        _Watched(compiled, i, of_one, epochs=training.epochs, steps=epochs.n_steps)
        for i, of_one in enumerate(callbacks)
    ]
    by_step = any(map(_callbacks.watches_batches, callbacks))
    # 2. the epochs
    for network in networks:
        network.hooks.on_train_begin()
    going = networks
    for epoch in range(first_epoch(compiled.models[0]), training.epochs):
        for network in going:
            network.hooks.on_epoch_begin(epoch)
        # As in Keras' fit, a callback that stops before an epoch stops after its first step.
        one_step = by_step or going[0].model.stop_training
        [values] = epochs.run(1, going[0].hooks if one_step else None)
        _callbacks.raise_if_diverged(epoch, values[:, 0])
        for network in going:
            network.logs = epochs.log(values[network.i])
        if epochs.held_out is not None:
            # The held-out rows are one batch.
            for network in going:
                network.hooks.on_test_begin()
                network.hooks.on_test_batch_begin(0)
            values = epochs.validate()
            for network in going:
                found = epochs.log(values[network.i])
                network.hooks.on_test_batch_end(0, found)
                network.hooks.on_test_end(found)
                network.logs |= {f"val_{name}": value for name, value in found.items()}
        for network in going:
            network.hooks.on_epoch_end(epoch, network.logs)
            if training.verbose:
                line = " - ".join(f"{name}: {value:.4f}" for name, value in network.logs.items())
                print(f"Epoch {epoch + 1}/{training.epochs} - {line}")
            if network.model.stop_training:
                network.end()
        going = [network for network in going if not network.model.stop_training]
        if not going:
            break
    # 3. the end
    for network in going:
        network.end()
    return [network.history.history for network in networks]


class _Watched:
    """A network and the callbacks that watch it."""

    def __init__(self, compiled: Trainable, i: int, callbacks: list, **params: int):
        self.compiled, self.i, self.model = compiled, i, compiled.models[i]
        self.history = keras.callbacks.History()
        self.hooks = keras.callbacks.CallbackList(
            [*callbacks, self.history], model=self.model, verbose=0, **params
        )
        self.logs: dict[str, float] = {}

    def end(self) -> None:
        """Train the network no further."""
        # In the order of Keras' fit: the best weights that a callback restores are not overwritten.
        self.compiled.settle(self.i)
        self.hooks.on_train_end(self.logs)
        self.compiled.leave(self.i)
