"""Callbacks of our own, and what the callbacks of a user need from a run."""

from __future__ import annotations

import math

import keras
import numpy as np

from sklstm.engine._compat import early_stopping
from sklstm.engine._spec import TrainingSpec, Watch

# Each network has a copy of these, which would write to the place of the one before.
_WRITE_FILES = (
    keras.callbacks.BackupAndRestore,
    keras.callbacks.CSVLogger,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.TensorBoard,
)

_REMEDIES = (
    "Scale the inputs and targets to about -1 to 1, lower learning_rate, or clip the gradients "
    "with clipnorm=1.0."
)


class DivergedError(ValueError):
    """The training loss is no longer finite."""


def raise_if_diverged(epoch: int, losses) -> None:
    """Raise once a training loss is NaN or infinite: no later epoch can bring it back."""
    losses = np.atleast_1d(losses)
    for i, loss in enumerate(losses):
        if not math.isfinite(loss):
            whose = f" of network {i + 1} of {len(losses)}" if len(losses) > 1 else ""
            said = f"The training loss{whose} became {loss} in epoch {epoch + 1}."
            raise DivergedError(f"{said} {_REMEDIES}")


def raise_if_not_finite(weights: list[np.ndarray], epoch: int) -> None:
    """Raise if the last update, after which no loss is computed, made weights infinite or NaN."""
    if not all(np.isfinite(weight).all() for weight in weights):
        raise DivergedError(f"The weights became infinite or NaN in epoch {epoch}. {_REMEDIES}")


def raise_if_it_sets_the_rate(error: Exception) -> None:
    """Raise if an error is that of a callback which would set a rate that follows the cosine."""
    # Either `optimizer.learning_rate = rate` or `optimizer.learning_rate.assign(rate)`.
    if "learning rate is not settable" in str(error) or "attribute 'assign'" in str(error):
        raise ValueError(
            "A callback sets the learning rate beside learning_rate_schedule='cosine': use one of "
            "them. Set learning_rate_schedule=None, or leave the callback out."
        ) from error


class Plateau(keras.callbacks.Callback):
    """Divide the learning rate by 10 when a loss has not improved by 1e-4 for some epochs.

    That is Keras' ``ReduceLROnPlateau``, which reads the rate in a way that NumPy warns of.
    """

    def __init__(self, monitor: str, patience: int):
        super().__init__()
        self.monitor, self.patience = monitor, patience

    def on_train_begin(self, logs=None):
        self.best, self.wait = math.inf, 0

    def on_epoch_end(self, epoch, logs=None):
        optimizer = self.model.optimizer
        logs["learning_rate"] = float(optimizer.learning_rate)
        self.wait += 1
        if logs[self.monitor] < self.best - 1e-4:
            self.best, self.wait = logs[self.monitor], 0
        elif self.wait >= self.patience:
            optimizer.learning_rate = logs["learning_rate"] * 0.1
            self.wait = 0


def refuse_files(callbacks, n_networks: int) -> None:
    """Raise if callbacks of one network would write over the files of another."""
    for callback in keras.tree.flatten(callbacks or ()):
        kind = callback if isinstance(callback, type) else type(callback)
        if issubclass(kind, _WRITE_FILES):
            raise ValueError(
                f"callbacks holds a {kind.__name__}, but with n_networks={n_networks} each network "
                "would write over the files of the one before. Leave it out: early_stopping=True "
                "keeps the best weights of each network, and history_ the losses of each epoch. Or "
                "fit networks one by one (n_networks=1), each with files of its own."
            )


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


def of_run(
    training: TrainingSpec, given: list, watch: Watch | None, validated: bool
) -> list[keras.callbacks.Callback]:
    """Return all callbacks of a run, of which a user has `given` some."""
    monitor = "val_loss" if validated else "loss"
    own = [early_stopping(monitor, training.patience)] if training.early_stopping else []
    if training.learning_rate_schedule == "plateau":
        # Early stopping waits twice as long, so it sees what the lower rate does.
        own.append(Plateau(monitor, training.patience // 2))
    return [*own, *given, *([] if watch is None else [Watched(watch)])]


def watches_batches(callbacks) -> bool:
    """Tell whether a callback wants to be called around each weight update."""
    return any(_has_own(callback, "on_batch_", "on_train_batch_") for callback in callbacks)


def needs_keras_fit(callbacks) -> str:
    """Return why a callback works within Keras' own ``fit`` alone, empty if all do without."""
    for callback in callbacks:
        name = type(callback).__name__
        if _has_own(callback, "on_test_batch_"):
            return f"{name} wants to be called for each batch of the held-out rows"
    return ""


def _has_own(callback, *prefixes: str) -> bool:
    """Tell whether a callback has such hooks of its own, in its class or in itself."""
    base = keras.callbacks.Callback
    return any(
        getattr(getattr(callback, name), "__func__", None) is not getattr(base, name)
        for name in dir(base)
        if name.startswith(prefixes)
    )
