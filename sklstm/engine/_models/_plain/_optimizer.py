"""A Keras optimizer of the weights of several networks, which are the rows of one variable."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from sklstm.engine._models._identity import copied
from sklstm.engine._models._plain._forward import Weight, packed, split

# Their updates take each number by itself, and leave it as it is where the rate and all that they
# have learnt of it are zero.
_ELEMENT_WISE = (
    keras.optimizers.SGD,
    keras.optimizers.RMSprop,
    keras.optimizers.Adam,
    keras.optimizers.AdamW,
    keras.optimizers.Adamax,
    keras.optimizers.Nadam,
    keras.optimizers.Adagrad,
    keras.optimizers.Adadelta,
    keras.optimizers.Lion,
)


def is_element_wise(optimizer: keras.optimizers.Optimizer) -> bool:
    """Tell whether `PackedOptimizer` makes the steps of `optimizer`."""
    return type(optimizer) in _ELEMENT_WISE and not any(
        getattr(optimizer, name)
        for name in (
            "use_ema",
            "global_clipnorm",
            "loss_scale_factor",
            "gradient_accumulation_steps",
        )
    )


class PackedOptimizer:
    """An optimizer of the rows of one variable, each with a learning rate of its own.

    What it has learnt goes in and out as Keras has it, with variables for each weight.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Copied. See `is_element_wise`.
    rate : callable or None
        Returns the rates, of shape (n_rows, 1). None leaves that to the optimizer's own schedule.
    rows : keras.Variable of shape (n_rows, n_numbers)
    weights : sequence of Weight
        What is packed into a row.
    """

    def __init__(self, optimizer, rate, rows: keras.Variable, weights: Sequence[Weight]):
        self._weights = weights
        self._clipnorm = optimizer.clipnorm
        self._rows = rows
        self._optimizer = _copied(optimizer, rate)
        self._optimizer.build([rows])
        self._first = [variable.numpy() for variable in self._optimizer.variables]
        self._n_slots = _slots(_copied(optimizer, rate))

    @property
    def n_updates(self) -> int:
        """How many updates there have been, in earlier runs too."""
        return int(self._optimizer.iterations.numpy())

    def apply(self, gradients: list[tf.Tensor]) -> None:
        """Update the rows by the gradients of the weights, each of shape (n_rows, *shape)."""
        if self._clipnorm:
            gradients = [
                tf.clip_by_norm(gradient, self._clipnorm, range(1, len(gradient.shape)))
                for gradient in gradients
            ]
        n_rows, n_numbers = self._rows.shape
        numbers = tf.concat([tf.reshape(of, [n_rows, -1]) for of in gradients], 1)
        filled_up = tf.pad(numbers, [[0, 0], [0, n_numbers - numbers.shape[1]]])
        self._optimizer.apply([filled_up], [self._rows])

    def set(self, states: Sequence[list[np.ndarray]]) -> None:
        """Go on from what was learnt of each row; an empty list begins anew."""
        of_rows = [self._to_row(state) if state else self._fresh() for state in states]
        for variable, *values in zip(self._optimizer.variables, *of_rows, strict=True):
            variable.assign(np.stack(values) if len(variable.shape) else values[0])

    def take(self, row: int) -> list[np.ndarray]:
        """Return what was learnt of a row."""
        values = (variable.numpy() for variable in self._optimizer.variables)
        learnt: list[np.ndarray] = []
        for n in self._n_slots:
            if n:
                slots = [split(next(values)[row], self._weights) for _ in range(n)]
                learnt += itertools.chain.from_iterable(zip(*slots, strict=True))
            else:
                learnt.append(next(values))
        return learnt

    def forget(self, row: int) -> None:
        """Put zeros for what was learnt of a row."""
        for variable in self._optimizer.variables:
            if len(variable.shape):
                value = variable.numpy()
                value[row] = 0
                variable.assign(value)

    def _fresh(self) -> list[np.ndarray]:
        return [value[0] if value.ndim else value for value in self._first]

    def _to_row(self, state: list[np.ndarray]) -> list[np.ndarray]:
        left, row = iter(state), []
        for n in self._n_slots:
            if n:
                of_weights = [[next(left) for _ in range(n)] for _ in self._weights]
                row += [packed(slot) for slot in zip(*of_weights, strict=True)]
            else:
                row.append(next(left))
        return row


def _copied(optimizer, rate):
    """Return a copy without what it has learnt, with this rate, that clips to no norm."""
    optimizer = copied(optimizer)
    optimizer.clipnorm = None
    if rate is not None:
        optimizer.learning_rate = rate
    return optimizer


def _slots(optimizer) -> list[int]:
    """Return in which order Keras has what an optimizer learns of several weights.

    A number n stands for n arrays for each weight, weight after weight, and 0 for an array that all
    weights have in common.
    """
    optimizer.build([keras.Variable(np.zeros(size, np.float32)) for size in (1, 2)])
    slots = []
    for shape, group in itertools.groupby(tuple(of.shape) for of in optimizer.variables):
        n = len(list(group))
        slots += {(): [0] * n, (1,): [n], (2,): []}[shape]
    return slots
