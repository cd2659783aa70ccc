"""A learning rate that falls over one run, in a model that many runs borrow."""

from __future__ import annotations

import keras
import tensorflow as tf


class CosineOverRun(keras.optimizers.schedules.CosineDecay):
    """Keras' cosine decay whose numbers each run sets: they are variables, so one trace serves all.

    A callback that sets the learning rate gets Keras' own error.
    """

    def __init__(self):
        super().__init__(tf.Variable(1.0), tf.Variable(1.0))
        self._first_update = tf.Variable(0, dtype=tf.int64)

    def begin(self, learning_rate: float, first_update: int, n_updates: int) -> None:
        """Fall from `learning_rate` to 0 over so many weight updates."""
        self.initial_learning_rate.assign(learning_rate)
        self.decay_steps.assign(n_updates)
        self._first_update.assign(first_update)

    def __call__(self, step):
        return super().__call__(tf.cast(step, tf.int64) - self._first_update)
