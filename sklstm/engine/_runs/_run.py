"""One training run: compiled calls, with callbacks in between where there are any."""

from __future__ import annotations

import keras
import numpy as np

from sklstm.engine._compat import first_epoch
from sklstm.engine._runs import _callbacks
from sklstm.engine._runs._epochs_graph import Epochs
from sklstm.engine._spec import TrainingSpec


def run(epochs: Epochs, training: TrainingSpec, callbacks: list) -> dict[str, list[float]]:
    """Train and return the history."""
    model = epochs.compiled.model
    if callbacks or epochs.held_out is not None or training.verbose:
        history = _run_watched(epochs, training, callbacks)
    else:
        history = _run_unwatched(epochs, training.epochs)
        model.optimizer.finalize_variable_values(model.trainable_weights)
    return history


def _run_unwatched(epochs: Epochs, count: int) -> dict[str, list[float]]:
    """Train without Keras' hooks, which take longer than a small epoch and swallow Ctrl-C."""
    logs: list[np.ndarray] = []
    done = 0
    while done < count:
        logs.append(epochs.run(count - done, None))
        done += len(logs[-1])
        _callbacks.raise_if_diverged(done - 1, float(logs[-1][-1, 0]))
    columns = np.concatenate(logs).T.tolist()
    return dict(zip(epochs.compiled.names, columns, strict=True))


def _run_watched(epochs: Epochs, training: TrainingSpec, callbacks: list) -> dict[str, list[float]]:
    """Train one epoch after the other, each watched by callbacks."""
    # 1. the callbacks
    model, history = epochs.compiled.model, keras.callbacks.History()
    hooks = keras.callbacks.CallbackList(
        [*callbacks, history], model=model, epochs=training.epochs, steps=epochs.n_steps, verbose=0
    )
    by_step = _callbacks.watches_batches(callbacks)
    # 2. the epochs
    hooks.on_train_begin()
    logs: dict[str, float] = {}
    for epoch in range(first_epoch(model), training.epochs):
        hooks.on_epoch_begin(epoch)
        # As in Keras' fit, a callback that stops before an epoch stops after its first step.
        [values] = epochs.run(1, hooks if by_step or model.stop_training else None)
        _callbacks.raise_if_diverged(epoch, float(values[0]))
        logs = epochs.log(values)
        if epochs.held_out is not None:
            # The held-out rows are one batch.
            hooks.on_test_begin()
            hooks.on_test_batch_begin(0)
            found = epochs.validate()
            hooks.on_test_batch_end(0, found)
            hooks.on_test_end(found)
            logs |= {f"val_{name}": value for name, value in found.items()}
        hooks.on_epoch_end(epoch, logs)
        if training.verbose:
            line = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
            print(f"Epoch {epoch + 1}/{training.epochs} - {line}")
        if model.stop_training:
            break
    # 3. the end
    # In the order of Keras' fit: the best weights that a callback restores are not overwritten.
    model.optimizer.finalize_variable_values(model.trainable_weights)
    hooks.on_train_end(logs)
    return history.history
