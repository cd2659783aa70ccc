"""What the estimators and the engine hand to each other. Nothing here needs Keras or TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from sklstm.engine._scale import UNSCALED, Scale

ENGINES = ("auto", "keras", "layer", "block", "matmul", "xla")

#: Engines with loops of their own in the place of layers that they can stand in for.
FUSED = ("block", "matmul", "xla")

SCHEDULES = ("cosine", "plateau")

#: The kinds of recurrent cell, and how many states a layer of each carries from step to step.
STATES = {"lstm": 2, "gru": 1}


@dataclass(frozen=True)
class NetworkSpec:
    """What shapes a network.

    Attributes
    ----------
    cell : {"lstm", "gru"}
        What the recurrent layers are made of.
    units : tuple of int
        Units of each stacked recurrent layer.
    bidirectional : bool
        Whether each recurrent layer also reads its window from the end; never in a stateful run.
    activation : str or callable
        Activation of the recurrent layers.
    dropout, recurrent_dropout : float
        Share of the inputs, and of the recurrent state, dropped in training.
    dense_units : tuple of int
        Units of the dense layers between the last recurrent layer and the output.
    dense_activation : tuple of str
        One activation per dense layer.
    output_activation : str or None
        Activation of the output layer.
    n_features, n_outputs : int
        Columns of a window, and of a target.
    network : callable, keras.Model or None
        ``network(input_shape, n_outputs)`` builds any Keras model instead; ``input_shape`` is
        ``(window, n_features)``. It has to build the same model whenever it is called with the same
        arguments. `settle` makes such a function of a model.
    window : int or None
        Steps per window for ``network``; None leaves the time dimension free.
    stateful : bool
        Whether the state runs on from row to row.
    short_windows : {"skip", "mask"}
        Whether the oldest steps of a window may be NaN: with ``"mask"``, its sequence begins after
        them. Not for ``network``, nor in a stateful run.
    """

    units: tuple[int, ...] = (32,)
    activation: str | Callable = "tanh"
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    dense_units: tuple[int, ...] = ()
    dense_activation: tuple[str, ...] = ()
    output_activation: str | None = None
    n_features: int = 1
    n_outputs: int = 1
    network: Callable | None = None
    window: int | None = None
    stateful: bool = False
    cell: str = "lstm"
    bidirectional: bool = False
    short_windows: str = "skip"

    def zero_states(self, n: int) -> list[np.ndarray]:
        """Return the states of each recurrent layer for `n` series of which nothing is known."""
        return [
            np.zeros((n, units), np.float32)
            for units in self.units
            for _ in range(STATES[self.cell])
        ]


@dataclass(frozen=True)
class TrainingSpec:
    """How a network is trained.

    Attributes
    ----------
    loss : str, keras.losses.Loss or callable
        None, until `settle` takes it from a compiled network.
    optimizer : str or keras.optimizers.Optimizer
        An instance is never trained with: each run makes a new one from its config. None as `loss`.
    learning_rate : float or None
        Overrides the optimizer's own when not None.
    learning_rate_schedule : {"cosine", "plateau"} or None
        How the rate falls from there, anew in each run.
    clipnorm : float or None
        Overrides the optimizer's own when not None.
    metrics : sequence or None
        Names, ``keras.metrics.Metric`` instances or callables.
    weighted_metrics : sequence or None
        The like, of a compiled network: those that sample weights count in.
    loss_weights : float or None
        Of a compiled network: what the loss is multiplied by.
    epochs, batch_size : int
    steps_per_epoch : int or None
        Stateless only: batches in an epoch, which goes on where the last one ended. None takes
        every row once.
    shuffle : bool
    early_stopping : bool
        Stop after `patience` epochs without a better ``val_loss`` (``loss`` without validation
        rows) and go back to the best weights.
    patience : int
    callbacks : sequence of keras.callbacks.Callback, or None
        Copied for each run.
    verbose : int
    engine : {"auto", "keras", "layer", "block", "matmul", "xla"}
        What computes. All give the same result within float tolerance.

        - ``"auto"`` chooses by the amount of work.
        - ``"keras"`` is Keras' own ``fit``: one Python call per batch. A stateful run takes
          ``"auto"`` instead.
        - ``"layer"`` is one compiled call around the stock Keras layers.
        - ``"block"`` is that with TensorFlow's fused LSTM op for the CPU in the layers that it can
          stand in for: tanh, no recurrent dropout.
        - ``"matmul"`` stands in for the same layers by a loop around products of matrices: faster
          steps of large layers, after a longer tracing.
        - ``"xla"`` is ``"block"`` with everything compiled by XLA: the fastest steps of small
          networks, after seconds of compiling. Dropout draws other numbers there.
    reset_states : {"epoch", "never"} or int
        Stateful only: when the state goes back to zero; an int is a number of rows.
    bptt_steps : int
        Stateful only: consecutive rows per weight update.
    """

    loss: Any = "mse"
    optimizer: Any = "adam"
    learning_rate: float | None = None
    learning_rate_schedule: str | None = None
    clipnorm: float | None = None
    metrics: Sequence | None = None
    weighted_metrics: Sequence | None = None
    loss_weights: float | None = None
    epochs: int = 1
    batch_size: int = 32
    steps_per_epoch: int | None = None
    shuffle: bool = True
    early_stopping: bool = False
    patience: int = 10
    callbacks: Sequence | None = None
    verbose: int = 0
    engine: str = "auto"
    reset_states: str | int = "epoch"
    bptt_steps: int = 1

    def rows_per_epoch(self, n: int) -> int:
        """Return how many rows an epoch takes out of `n`; it takes rows again if that is more."""
        return n if self.steps_per_epoch is None else self.steps_per_epoch * self.batch_size

    def updates_per_epoch(self, n: int) -> int:
        """Return how many weight updates an epoch makes with `n` rows; stateless only."""
        return -(-self.rows_per_epoch(n) // self.batch_size)


@dataclass
class Rows:
    """The samples to train on, or to validate with.

    Attributes
    ----------
    X : Windows or ndarray of shape (n, window, n_features)
        Usually a strided view of one series; only the windows at `rows` are read.
    rows : slice, or ndarray of int or bool
        What chooses the samples to use, oldest first.
    y : ndarray of shape (n, n_outputs)
        Only the values at `rows` mean something.
    sample_weight : ndarray of shape (n,), or None
    breaks : sequence of int or ndarray of int, or None
        Stateful only: sorted positions in `rows` at which the past is unknown, so that the state
        starts from zero.
    series : ndarray of int of shape (len(rows),), or None
        Stateful only: the series of each of `rows`, counted from 0, each with a state of its own.
        None for rows of one series. The rows to validate with have the same numbers; theirs may be
        larger, which are series of which no row is trained on.
    input_scale, target_scale : Scale
        What the network does not see of the columns of X and y.
    """

    X: Any
    rows: Any
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    breaks: Sequence[int] | np.ndarray | None = None
    series: np.ndarray | None = None
    input_scale: Scale = UNSCALED
    target_scale: Scale = UNSCALED


@dataclass
class Trained:
    """What training leaves behind.

    Attributes
    ----------
    weights : list of ndarray
        In the order of ``keras.Model.get_weights``.
    optimizer_state : list of ndarray
        The optimizer's variables without its learning rate.
    history : dict of str to list of float
        One entry per epoch, under Keras' names.
    learning_rate : float or None
        What a later run begins with: the last rate, or with a schedule the first. None if the
        optimizer's own schedule decides it.
    states : list of ndarray, or None
        Stateful only: the states of each recurrent layer, of shape (n_series, units), to go on
        from.
    """

    weights: list[np.ndarray]
    optimizer_state: list[np.ndarray]
    history: dict[str, list[float]] = field(default_factory=dict)
    learning_rate: float | None = None
    states: list[np.ndarray] | None = None


class Watch(Protocol):
    """What wants to be told of each epoch."""

    def begin(self, epoch: int) -> None:
        """Hear that an epoch, counted from 0, begins."""

    def end(self, epoch: int, weights: Callable[[], list[np.ndarray]]) -> bool:
        """Hear that it is over, and tell whether to stop; `weights` returns those so far."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One network that is to be trained.

    Attributes
    ----------
    network : NetworkSpec
    training : TrainingSpec
    data, validation : Rows
        In a stateful run the state of each series runs on from the training rows into the
        validation rows. It runs on over rows whose target is NaN, too: they teach nothing.
    seed : int
        Decides first weights, dropout and the order of the rows. No global random state is read
        or changed.
    start : Trained, optional
        Go on from these weights and this optimizer state instead of fresh ones. In a stateful run
        its states, where it has any, are those before the first row of each series; they are for
        one epoch.
    first_outputs : ndarray of shape (n_outputs,), optional
        Biases that the last layer begins with, by default zeros. Not for a network of the user's.
    watch : Watch, optional
        Told of each epoch.
    """

    network: NetworkSpec
    training: TrainingSpec
    data: Rows
    validation: Rows | None = None
    seed: int
    start: Trained | None = None
    first_outputs: np.ndarray | None = None
    watch: Watch | None = None
