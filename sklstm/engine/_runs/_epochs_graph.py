"""The one loop over epochs and their steps, as a TensorFlow graph, and how it is called."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from sklstm.engine._models._compiled import Trainable
from sklstm.engine._samples import Samples

# Numbers that a run reads in one part.
PART_CELLS = 2**23

# Epochs that one call may run. Their orders take memory.
_MOST_EPOCHS = 256
MOST_ORDERED_ROWS = 1_000_000

# A compiled call cannot be interrupted, so calls are kept to about this long.
_CALL_SECONDS = 0.5
_FIRST_CALL_STEPS = 16


class Span(NamedTuple):
    """What one call computes, in scalar tensors.

    Attributes
    ----------
    epochs : int32
    first, last : int32
        Each epoch runs the steps `first` to before `last`.
    fresh : bool
        Whether each epoch counts its metrics from zero; else they go on from the last call.
    """

    epochs: Any
    first: Any
    last: Any
    fresh: Any


def run_epochs(
    compiled: Trainable,
    step: Callable,
    state,
    span: Span,
    short_step: Callable | None = None,
    n_full: int = 0,
):
    """Run some epochs; one whose loss is not finite is the last.

    Parameters
    ----------
    compiled : Trainable
        Its metrics count what the steps learn.
    step : callable
        ``step(e, s, state)`` takes step s of epoch e and returns the state after it.
    state : nested structure of tensors
    span : Span
    short_step : callable, optional
        Takes what an epoch has after `n_full` steps, where XLA compiles that apart.
    n_full : int

    Returns
    -------
    logs : tensor of shape (_MOST_EPOCHS, [n_networks,] n_names)
    done : scalar tensor
        How many epochs were run.
    state : nested structure of tensors
    """

    def epoch(e, logs, _, state):
        compiled.begin_epoch(span.fresh)
        last = span.last if short_step is None else tf.minimum(span.last, n_full)
        _, state = tf.while_loop(
            lambda s, _: s < last,
            lambda s, state: (s + 1, step(e, s, state)),
            (span.first, state),
            parallel_iterations=1,
        )
        if short_step is not None:
            state = tf.cond(span.last > last, lambda: short_step(e, last, state), lambda: state)
        log = compiled.log()
        return e + 1, logs.write(e, log), tf.reduce_all(tf.math.is_finite(log[..., 0])), state

    logs = tf.TensorArray(tf.float32, _MOST_EPOCHS, element_shape=compiled.log_shape)
    done, logs, _, state = tf.while_loop(
        lambda e, _, finite, __: (e < span.epochs) & finite,
        epoch,
        (tf.constant(0), logs, tf.constant(True), state),
        parallel_iterations=1,
    )
    return logs.stack(), done, state


class Epochs:
    """The epochs of a run, which are called for in parts.

    A subclass gives what its steps read: `given` all at once, or `read` in parts.

    Attributes
    ----------
    compiled : Trainable
    in_parts : bool
        Whether the steps of an epoch read in parts: samples in a file, or many.
    n_steps : int
        Weight updates per epoch.
    most_epochs : int
        Epochs that one call may run.
    held_out : object
        What `validate` computes with, or None if there are no held-out rows.
    given : nested structure of tensors
        What the steps of the next epochs read.
    state : nested structure of tensors
        What is handed from step to step.
    train : callable
        ``train(given, state, span)`` is `run_epochs`, compiled.
    """

    held_out: Any = None
    given: Any
    state: Any = ()
    train: Callable

    def __init__(
        self,
        compiled: Trainable,
        data: Samples,
        n_steps: int,
        rows_per_step: int,
        in_parts: bool,
    ):
        self.compiled = compiled
        self.data = data
        self.n_steps = n_steps
        self.in_parts = in_parts
        most_epochs = max(1, min(_MOST_EPOCHS, MOST_ORDERED_ROWS // (n_steps * rows_per_step)))
        self.most_epochs = 1 if in_parts else most_epochs
        cells = rows_per_step * data.windows.shape[1] * compiled.network.n_features
        self._steps_per_call = _FIRST_CALL_STEPS
        self._steps_per_part = max(1, PART_CELLS // cells)
        # Making a tensor for every call takes longer than a small epoch.
        self._scalar = functools.lru_cache(maxsize=None, typed=True)(tf.constant)

    def run(self, most: int, hooks: keras.callbacks.CallbackList | None) -> np.ndarray:
        """Run up to `most` epochs and return their logs, of shape (n_epochs, n_networks, n_names).

        A call computes as much as it may, or one step where `hooks` watch each.
        """
        count = max(1, min(most, self.most_epochs, self._steps_per_call // self.n_steps))
        self.begin(count)
        if hooks is not None:
            return self._step_by_step(hooks)
        first = 0
        while True:
            last = self.n_steps if count > 1 else min(first + self._steps_per_call, self.n_steps)
            begin = time.perf_counter()
            logs = self.call(first, last)
            if time.perf_counter() - begin < _CALL_SECONDS / 2:
                self._steps_per_call *= 2
            if last == self.n_steps or not np.isfinite(logs[-1, :, 0]).all():
                return logs
            first = last

    def begin(self, epochs: int) -> None:
        """Make ready for the next `epochs` epochs."""
        self._epochs = epochs

    def call(self, first: int, last: int) -> np.ndarray:
        """Run the steps `first` to before `last` of each of these epochs.

        Returns
        -------
        ndarray of shape (n_epochs, n_networks, n_names)
            Shorter where a loss that is not finite ended the run.
        """
        if not self.in_parts:
            return self._train(self.given, self._epochs, first, last, first == 0)
        for start in range(first, last, self._steps_per_part):
            stop = min(start + self._steps_per_part, last)
            logs = self._train(self.read(start, stop), 1, 0, stop - start, start == 0)
            if not np.isfinite(logs[-1, :, 0]).all():
                break
        return logs

    def read(self, start: int, stop: int):
        """Return what the steps `start` to before `stop` of an epoch read, as the first ones."""
        raise NotImplementedError

    def validate(self) -> np.ndarray:
        """Return what the held-out rows make of each network, of shape (n_networks, n_names)."""
        raise NotImplementedError

    def span(self, *numbers) -> Span:
        """Return a span of these numbers."""
        return Span(*map(self._scalar, numbers))

    def log(self, values) -> dict[str, float]:
        """Return values under their names."""
        return dict(zip(self.compiled.names, map(float, values), strict=True))

    def _step_by_step(self, hooks: keras.callbacks.CallbackList) -> np.ndarray:
        for step in range(self.n_steps):
            hooks.on_train_batch_begin(step)
            logs = self.call(step, step + 1)
            hooks.on_train_batch_end(step, self.log(logs[-1, 0]))
            if self.compiled.models[0].stop_training:
                break
        return logs

    def _train(self, given, *span) -> np.ndarray:
        logs, done, self.state = self.train(given, self.state, self.span(*span))
        return logs.numpy()[: int(done)].reshape(int(done), -1, len(self.compiled.names))
