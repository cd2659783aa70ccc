"""One training run: compiled calls, with callbacks in between where there are any."""

from __future__ import annotations

import keras

from sklstm.engine._runs import _callbacks
from sklstm.engine._runs._epochs_graph import Epochs
from sklstm.engine._spec import TrainingSpec


def run(
    epochs: Epochs, training: TrainingSpec, callbacks: list, validated: bool
) -> dict[str, list[float]]:
    """Train and return the history."""
    # 1. the callbacks
    model, history = epochs.compiled.model, keras.callbacks.History()
    hooks = keras.callbacks.CallbackList(
        [*callbacks, history], model=model, epochs=training.epochs, steps=epochs.n_steps, verbose=0
    )
    of_steps = hooks if _callbacks.watches_batches(callbacks) else None
    # Where nobody watches, a call may run many epochs.
    most = 1 if callbacks or validated or training.verbose else training.epochs
    # 2. the epochs
    hooks.on_train_begin()
    done = 0
    logs: dict[str, float] = {}
    while done < training.epochs and not (done and model.stop_training):
        hooks.on_epoch_begin(done)
        for values in epochs.run(min(most, training.epochs - done), of_steps):
            _callbacks.raise_if_diverged(done, float(values[0]))
            logs = epochs.log(values)
            if validated:
                logs |= _validated(epochs, hooks)
            hooks.on_epoch_end(done, logs)
            done += 1
            if training.verbose:
                line = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
                print(f"Epoch {done}/{training.epochs} - {line}")
    # 3. the end
    hooks.on_train_end(logs)
    model.optimizer.finalize_variable_values(model.trainable_weights)
    return history.history


def _validated(epochs: Epochs, hooks: keras.callbacks.CallbackList) -> dict[str, float]:
    """Return the log of the held-out rows, which are one batch."""
    hooks.on_test_begin()
    hooks.on_test_batch_begin(0)
    found = epochs.validate()
    hooks.on_test_batch_end(0, found)
    hooks.on_test_end(found)
    return {f"val_{name}": value for name, value in found.items()}
