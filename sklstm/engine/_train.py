"""Train a network.

Imported inside ``fit`` only, because Keras comes in with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import tensorflow as tf

from sklstm.engine._check_names import check_names
from sklstm.engine._compat import forget_last_fit
from sklstm.engine._models._build import fresh_weights
from sklstm.engine._models._compiled import CompiledModel
from sklstm.engine._models._identity import identity
from sklstm.engine._models._pool import borrow
from sklstm.engine._resolve import Resolved, resolve
from sklstm.engine._runs import _callbacks, _keras_fit
from sklstm.engine._runs._choice import choose
from sklstm.engine._runs._plan import plan
from sklstm.engine._runs._run import run
from sklstm.engine._runs._stateful import StatefulEpochs
from sklstm.engine._runs._stateless import CouldNotTraceError, StatelessEpochs
from sklstm.engine._samples import samples
from sklstm.engine._spec import NetworkSpec, Request, Rows, Trained, TrainingSpec, Watch


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
    """Train several networks that differ by their seed, one after the other.

    They borrow the same compiled model, so only the first one may have to be traced.

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
    trained: list[Trained] = []
    for i, seed in enumerate(seeds):
        if training.verbose and len(seeds) > 1:
            print(f"Network {i + 1}/{len(seeds)}")
        one = train(
            network,
            training,
            data,
            validation,
            seed=seed,
            start=None if starts is None else starts[i],
            first_outputs=first_outputs,
            watch=None if watch is None else watch(tuple(trained)),
        )
        trained.append(one)
    return trained


def train_together(requests: Sequence[Request]) -> list[Trained]:
    """Train networks that do not depend on each other, and return them in the same order.

    Raises
    ------
    ValueError
        If a name is unknown, or if the loss of a network stops being finite.
    MemoryError
        If a network does not fit into memory.
    """
    return [_train_alone(request) for request in requests]


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


def _train_alone(request: Request) -> Trained:
    network, training = request.network, request.training
    start, seed = request.start, request.seed

    # 1. check
    check_names(network, training)

    # 2. samples
    taught = samples(request.data)
    held_out = None if request.validation is None else samples(request.validation)
    # TensorFlow counts rows in 32 bits, and no batch or stretch is longer than all rows.
    most = max(len(taught), len(held_out or ()))
    training = replace(
        training,
        batch_size=min(training.batch_size, most),
        bptt_steps=min(training.bptt_steps, most),
    )
    states = start and start.states
    steps = None
    if network.stateful:
        steps = plan(
            len(taught),
            lanes=min(training.batch_size, len(taught)),
            chunk=training.bptt_steps,
            reset_states=training.reset_states,
            breaks=taught.breaks,
            carried=states is not None,
            series=taught.series,
        )

    # 3. resolve
    resolved = resolve(training)
    callbacks = _callbacks.of_run(training, resolved.callbacks, request.watch, held_out is not None)

    # 4. choose
    engine, reason = choose(network, training, callbacks, taught, steps)

    # 5. borrow
    with _borrowed(network, resolved, engine in ("block", "xla")) as compiled:
        rate = resolved.learning_rate
        if start is not None and start.learning_rate is not None and training.learning_rate is None:
            rate = start.learning_rate
        if start is None:
            start = Trained(fresh_weights(network, compiled.model, seed, request.first_outputs), [])
        n_steps = training.updates_per_epoch(len(taught)) if steps is None else len(steps.rows)
        compiled.set(start, rate, training.epochs * n_steps, seed)

        # 6. run
        epochs: StatefulEpochs | StatelessEpochs | None = None
        try:
            if steps is not None:
                epochs = StatefulEpochs(compiled, engine, taught, steps, states, held_out)
            elif engine != "keras":
                epochs = StatelessEpochs(compiled, training, engine, taught, held_out, seed)
        except CouldNotTraceError as error:
            reason = f"the network cannot be compiled: {error}"
        if reason and training.verbose:
            print(f"Training by Keras' own fit, because {reason}.")
        try:
            if epochs is None:
                history = _keras_fit.fit(compiled, training, callbacks, taught, held_out, seed)
            else:
                history = run(epochs, training, callbacks)
        except (AttributeError, TypeError) as error:
            if training.learning_rate_schedule == "cosine":
                _callbacks.raise_if_it_sets_the_rate(error)
            raise
        finally:
            forget_last_fit(compiled.model)

        # 7. take
        trained = compiled.take(history)
        if training.learning_rate_schedule is not None:
            trained.learning_rate = rate
    _callbacks.raise_if_not_finite(trained.weights, epoch=len(history["loss"]))
    return trained


@contextmanager
def _borrowed(network: NetworkSpec, resolved: Resolved, fused: bool) -> Iterator[CompiledModel]:
    """Borrow a compiled model; what shapes its graph is the key, and not what each run sets."""
    unset = {"name": None}
    if resolved.learning_rate is not None:
        unset["learning_rate"] = None
    key = (
        fused,
        identity(vars(network)),
        identity(resolved.loss),
        identity(resolved.optimizer, **unset),
        resolved.learning_rate_schedule == "cosine",
        identity((resolved.metrics, resolved.weighted_metrics, resolved.loss_weights)),
    )
    try:
        with borrow(key, lambda: CompiledModel(network, resolved, fused)) as compiled:
            yield compiled
    except tf.errors.ResourceExhaustedError:
        raise MemoryError(
            f"A network of units={network.units!r}, dense_units={network.dense_units!r} does not "
            "fit into memory with its batches: use fewer units, a shorter window or a smaller "
            "batch_size."
        ) from None
