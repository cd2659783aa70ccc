"""What looks in between epochs: callbacks, early stopping, epoch lines, and the stop at NaN."""

from __future__ import annotations

import math

import keras
import numpy as np

from sklstm.engine._spec import TrainingSpec, Watch

_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_test_begin",
    "on_test_end",
)


_REMEDIES = (
    "Scale the inputs and targets to about -1 to 1, lower learning_rate, or clip the gradients "
    "with optimizer=keras.optimizers.Adam(clipnorm=1.0)."
)


class DivergedError(ValueError):
    """The training loss is no longer finite."""


def raise_if_diverged(epoch: int, loss: float) -> None:
    """Raise once the training loss is NaN or infinite: no later epoch can bring it back."""
    if not math.isfinite(loss):
        raise DivergedError(f"The training loss became {loss} in epoch {epoch + 1}. {_REMEDIES}")


def raise_if_not_finite(weights: list[np.ndarray], epoch: int) -> None:
    """Raise if the last weight updates, after which no loss was taken, went off to infinity."""
    if not all(np.isfinite(weight).all() for weight in weights):
        raise DivergedError(f"The weights became infinite or NaN in epoch {epoch}. {_REMEDIES}")


class StopAtNaN(keras.callbacks.Callback):
    """Raise once the training loss is not finite."""

    def on_epoch_end(self, epoch, logs=None):
        raise_if_diverged(epoch, (logs or {}).get("loss", 0.0))


class EpochLines(keras.callbacks.Callback):
    """Print one line per epoch, like Keras' ``verbose=2``."""

    def on_epoch_end(self, epoch, logs=None):
        values = " - ".join(f"{name}: {value:.4f}" for name, value in (logs or {}).items())
        print(f"Epoch {epoch + 1}/{self.params['epochs']} - {values}")


class Watched(keras.callbacks.Callback):
    """Tell a watcher of each epoch, and stop when it asks to."""

    def __init__(self, watch: Watch):
        super().__init__()
        self.watch = watch

    def on_epoch_begin(self, epoch, logs=None):
        self.watch.begin(epoch)

    def on_epoch_end(self, epoch, logs=None):
        if self.watch.end(epoch, self.model.get_weights):
            self.model.stop_training = True


class StopEarly(keras.callbacks.Callback):
    """Do what Keras' early stopping does with ``restore_best_weights=True``.

    Keras compares two numbers by a TensorFlow op, which takes longer than a small epoch.
    """

    def __init__(self, monitor: str, patience: int):
        super().__init__()
        self.monitor = monitor
        self.patience = patience

    def on_train_begin(self, logs=None):
        self.best = math.inf
        self.best_weights = self.model.get_weights()
        self.waited = 0

    def on_epoch_end(self, epoch, logs=None):
        self.waited += 1
        if logs[self.monitor] < self.best:
            self.best = logs[self.monitor]
            self.best_weights = self.model.get_weights()
            self.waited = 0
        elif self.waited >= self.patience and epoch > 0:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.model.set_weights(self.best_weights)


def early_stopping(training: TrainingSpec, validated: bool) -> list[keras.callbacks.Callback]:
    """Return the early stopping that `training` asks for, if it does."""
    if not training.early_stopping:
        return []
    return [StopEarly("val_loss" if validated else "loss", training.patience)]


def looks_at_batches(callbacks) -> bool:
    """Tell whether a callback has a hook that a whole epoch in one call would skip."""
    return any(
        getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook)
        for callback in callbacks
        for hook in _BATCH_HOOKS
    )
