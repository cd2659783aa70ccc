"""Train a network.

Imported inside ``fit`` only, because Keras comes in with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from sklstm.engine._compat import forget_last_fit
from sklstm.engine._models._compiled import CompiledModel, Trainable
from sklstm.engine._models._plain._networks import PlainNetworks
from sklstm.engine._models._pool import borrow
from sklstm.engine._runs import _callbacks, _keras_fit
from sklstm.engine._runs._run import run
from sklstm.engine._runs._stateful import StatefulEpochs
from sklstm.engine._runs._stateless import CouldNotTraceError, StatelessEpochs
from sklstm.engine._spec import FUSED, NetworkSpec, Request, Rows, Trained, TrainingSpec, Watch
from sklstm.engine._tasks import Reader, Task, side_by_side
from sklstm.engine._turns import current_call


def train_all(
    network: NetworkSpec,
    training: TrainingSpec,
    data: Rows,
    validation: Rows | None = None,
    *,
    seeds: Sequence[int],
    starts: Sequence[Trained] | None = None,
    first_outputs: np.ndarray | None = None,
    watch: Callable[[tuple[Trained, ...]], Watch] | None = None,
) -> list[Trained]:
    """Train several networks that differ by their seed.

    Side by side where that is possible; one after the other where somebody watches.

    Parameters
    ----------
    network, training, data, validation, first_outputs
        As in `train`; the same for all networks.
    seeds : sequence of int
        One for each network.
    starts : sequence of Trained, optional
        What each network goes on from.
    watch : callable, optional
        Called with the networks trained so far; returns what is told of the epochs of the next.

    Returns
    -------
    list of Trained

    Raises
    ------
    ValueError, MemoryError
        As in `train`.
    """
    if len(seeds) > 1:
        _callbacks.refuse_files(training.callbacks, len(seeds))
    requests = [
        Request(
            network=network,
            training=training,
            data=data,
            validation=validation,
            seed=seed,
            start=None if starts is None else starts[i],
            first_outputs=first_outputs,
        )
        for i, seed in enumerate(seeds)
    ]
    if watch is None and not training.verbose:
        return train_together(requests)
    trained: list[Trained] = []
    for i, request in enumerate(requests):
        if training.verbose and len(seeds) > 1:
            print(f"Network {i + 1}/{len(seeds)}")
        watched = None if watch is None else watch(tuple(trained))
        trained += train_together([replace(request, watch=watched)])
    return trained


def train_together(requests: Sequence[Request]) -> list[Trained]:
    """Train networks that do not depend on each other, and return them in the same order.

    Those that learn from the same rows and differ by seed, learning rate, dropout, patience or
    start alone are trained side by side, if they are plain (see `can_be_plain`), nobody watches and
    nothing is printed. Each learns what it would learn alone, bit by bit. If one fails, so does
    the call.

    Parameters
    ----------
    requests : sequence of Request

    Returns
    -------
    list of Trained

    Raises
    ------
    ValueError
        If a name is unknown, or if the loss of a network stops being finite.
    MemoryError
        If a network does not fit into memory.
    """
    call = current_call()
    if call is not None:
        return call.ask(requests)
    reader = Reader()
    tasks = [Task(request, reader) for request in requests]
    trained: dict[int, Trained] = {}
    for group in side_by_side(tasks):
        together = _train_group([tasks[i] for i in group])
        trained.update(zip(group, together, strict=True))
    return [trained[i] for i in range(len(tasks))]


def results(requests: Sequence[Request]) -> list[Trained | Exception]:
    """Train as `train_together` does, and return an error in the place of each that fails."""
    found: dict[int, Trained | Exception] = {}
    tasks: dict[int, Task] = {}
    reader = Reader()
    for i, request in enumerate(requests):
        try:
            tasks[i] = Task(request, reader)
        except Exception as error:
            found[i] = error
    places = list(tasks)
    for group in side_by_side(list(tasks.values())):
        of_group = [places[i] for i in group]
        found.update(zip(of_group, _results([tasks[i] for i in of_group]), strict=True))
    return [found[i] for i in range(len(requests))]


def train(
    network: NetworkSpec,
    training: TrainingSpec,
    data: Rows,
    validation: Rows | None = None,
    **options,
) -> Trained:
    """Train one network: see `Request`, whose attributes are the parameters."""
    return train_together(
        [Request(network=network, training=training, data=data, validation=validation, **options)]
    )[0]


def _results(tasks: Sequence[Task]) -> list[Trained | Exception]:
    """Train side by side; if that fails, one by one, so that the others do not fail with one."""
    try:
        return list(_train_group(tasks))
    except Exception as error:
        if len(tasks) == 1:
            return [error]
    return [one for task in tasks for one in _results([task])]


def _train_group(tasks: Sequence[Task]) -> list[Trained]:
    """Train one network, or several that `side_by_side` puts together."""
    first = tasks[0]
    training, taught, held_out = first.training, first.taught, first.held_out
    requests = [task.request for task in tasks]
    seeds = [request.seed for request in requests]

    # 1. borrow
    with _borrowed(first, len(tasks)) as compiled:
        starts = [
            request.start or Trained(compiled.fresh(request.seed, request.first_outputs), [])
            for request in requests
        ]
        rates = [task.first_rate for task in tasks]
        n_steps = training.updates_per_epoch(len(taught))
        if first.steps is not None:
            n_steps = len(first.steps.rows)
        networks = [task.network for task in tasks]
        compiled.set(networks, starts, rates, training.epochs * n_steps, seeds)

        # 2. run
        epochs: StatefulEpochs | StatelessEpochs | None = None
        engine, reason = first.engine, first.reason
        try:
            if first.steps is not None:
                epochs = StatefulEpochs(
                    compiled, engine, taught, first.steps, starts[0].states, held_out
                )
            elif engine != "keras":
                epochs = StatelessEpochs(compiled, training, engine, taught, held_out, seeds)
        except CouldNotTraceError as error:
            reason = f"the network cannot be compiled: {error}"
        if reason and training.verbose:
            print(f"Training by Keras' own fit, because {reason}.")
        try:
            if epochs is None:
                histories = [
                    _keras_fit.fit(compiled, training, first.callbacks, taught, held_out, *seeds)
                ]
            else:
                histories = run(epochs, training, [task.callbacks for task in tasks])
        except (AttributeError, TypeError) as error:
            if training.learning_rate_schedule == "cosine":
                _callbacks.raise_if_it_sets_the_rate(error)
            raise
        finally:
            for model in compiled.models:
                forget_last_fit(model)

        # 3. take
        trained = compiled.take(histories)
    for one, task in zip(trained, tasks, strict=True):
        if task.training.learning_rate_schedule is not None:
            one.learning_rate = task.first_rate
        _callbacks.raise_if_not_finite(one.weights, epoch=len(one.history["loss"]))
    return trained


@contextmanager
def _borrowed(task: Task, n_networks: int) -> Iterator[Any]:
    """Borrow what trains so many networks of one key."""
    network, resolved = task.network, task.resolved

    def make() -> Trainable:
        if task.is_plain:
            return PlainNetworks(network, resolved, n_networks)
        return CompiledModel(network, resolved, task.engine in FUSED)

    try:
        with borrow((n_networks, task.key), make) as compiled:
            yield compiled
    except tf.errors.ResourceExhaustedError:
        raise MemoryError(
            f"A network of units={network.units!r}, dense_units={network.dense_units!r} does not "
            "fit into memory with its batches: use fewer units, a shorter window or a smaller "
            "batch_size."
        ) from None
