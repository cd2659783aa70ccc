"""Train a network.

Imported inside ``fit`` only, because Keras comes in with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import keras

from sklstm.engine._check_names import check_names, identity, optimizer_identity
from sklstm.engine._models._build import NetworkError, fresh_weights
from sklstm.engine._models._held import HeldModel
from sklstm.engine._models._pool import borrow
from sklstm.engine._resolve import Resolved, train_through_scikeras
from sklstm.engine._runs import _callbacks, _keras_fit
from sklstm.engine._runs._choice import choose
from sklstm.engine._runs._run import Epochs, run
from sklstm.engine._samples import StreamedSamples, samples
from sklstm.engine._spec import NetworkSpec, Rows, Trained, TrainingSpec, Watch


def check(network: NetworkSpec, training: TrainingSpec) -> None:
    """Raise a ValueError for a loss, optimizer, metric or activation that Keras does not know.

    The message names the parameter, the value, and what would do.
    """
    check_names(network, training)
    if network.stateful and not _on_tensorflow():
        raise ValueError(
            f"Got the Keras backend {keras.backend.backend()!r}, but a stateful run needs "
            "TensorFlow. Set KERAS_BACKEND=tensorflow, or use a stateless regressor."
        )


def train(
    network: NetworkSpec,
    training: TrainingSpec,
    data: Rows,
    validation: Rows | None = None,
    *,
    seed: int,
    start: Trained | None = None,
    watch: Watch | None = None,
) -> Trained:
    """Train `network` on `data`.

    Parameters
    ----------
    network : NetworkSpec
    training : TrainingSpec
    data, validation : Rows
        In a stateful run the state runs on from the training rows into the validation rows. It runs
        on over rows whose target is NaN, too: they teach nothing.
    seed : int
        Decides first weights, dropout and the order of the rows. No global random state is read
        or changed.
    start : Trained, optional
        Go on from these weights and this optimizer state instead of fresh ones. In a stateful run
        its states, where it has any, are those before the first row; they are for one epoch.
    watch : Watch, optional
        Told of each epoch.

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If a name is unknown, or if the loss stops being finite.
    MemoryError
        If the network does not fit into memory.
    """
    check(network, training)
    gathered = samples(data)
    held_out = None if validation is None else samples(validation)
    # TensorFlow counts rows in 32 bits, and no batch or stretch is longer than all rows.
    most = max(len(gathered), 0 if held_out is None else len(held_out))
    training = replace(
        training,
        batch_size=min(training.batch_size, most),
        bptt_steps=min(training.bptt_steps, most),
    )

    def run_resolved(resolved: Resolved) -> Trained:
        if watch is not None:
            resolved.callbacks.append(_callbacks.Watched(watch))
        engine = choose(network, training, resolved.callbacks, len(gathered), gathered.window)
        with _borrowed(network, resolved, engine) as held:
            if start is None:
                first = fresh_weights(network, held.model, seed)
                held.set(first, None, resolved.learning_rate, seed)
            else:
                held.set(start.weights, start.optimizer_state, training.learning_rate, seed)
            weighted = gathered.sample_weight is not None
            if engine != "keras" and network.network is not None and not held.can_train(weighted):
                engine = "keras"
            if engine == "keras" and training.engine != "keras" and training.verbose:
                print("Training by Keras' own fit, which the network or a callback needs.")
            if engine == "keras":
                fit = _keras_fit.fit
                return _taken(
                    held, fit(held, training, resolved.callbacks, gathered, held_out, seed)
                )
            epochs: Epochs
            if network.stateful:
                from sklstm.engine._runs import _stateful_epochs

                make = _stateful_epochs.StatefulEpochs
                if isinstance(gathered, StreamedSamples):
                    make = _stateful_epochs.StreamedStatefulEpochs
                breaks = data.breaks, validation and validation.breaks
                states = start and start.states
                epochs = make(held, training, gathered, held_out, *breaks, states, engine == "xla")
            elif isinstance(gathered, StreamedSamples) or isinstance(held_out, StreamedSamples):
                from sklstm.engine._runs._streamed import StreamedEpochs

                epochs = StreamedEpochs(held, training, gathered, held_out, seed)
            else:
                from sklstm.engine._runs._epochs import StatelessEpochs

                epochs = StatelessEpochs(held, training, gathered, held_out, seed, engine == "xla")
            return _taken(held, run(epochs, training, resolved.callbacks, held_out is not None))

    with _plain_errors(network):
        return train_through_scikeras(training, run_resolved)


@contextmanager
def _plain_errors(network: NetworkSpec) -> Iterator[None]:
    """Let a run end in errors of our own and of the user's, without SciKeras' traces."""
    try:
        yield
    except (_callbacks.DivergedError, NetworkError) as error:
        raise type(error)(str(error)) from None
    except Exception as error:
        # Named, not imported: other backends than TensorFlow have none.
        if type(error).__name__ != "ResourceExhaustedError":
            raise
        raise MemoryError(
            f"A network of units={network.units!r}, dense_units={network.dense_units!r} does not "
            "fit into memory with its batches: use fewer units, a shorter window or a smaller "
            "batch_size."
        ) from None


def _taken(held: HeldModel, history: dict[str, list[float]]) -> Trained:
    """Take out what a run has learnt, if it is of any use."""
    trained = held.take(history)
    _callbacks.raise_if_not_finite(trained.weights, epoch=len(history["loss"]))
    return trained


def _borrowed(network: NetworkSpec, resolved: Resolved, engine: str):
    """Borrow a compiled model; what shapes its graph is the key."""
    fused = engine in ("block", "xla")
    key = (
        fused,
        identity(network),
        identity(resolved.loss),
        optimizer_identity(resolved.optimizer, scheduled=resolved.learning_rate is None),
        tuple(identity(metric) for metric in resolved.metrics),
    )

    def make() -> HeldModel:
        if not _on_tensorflow():
            return HeldModel(network, resolved)
        if network.stateful:
            from sklstm.engine._models._stateful import CompiledStateful

            return CompiledStateful(network, resolved, fused)
        from sklstm.engine._models._compiled import CompiledModel

        return CompiledModel(network, resolved, fused)

    return borrow(key, make)


def _on_tensorflow() -> bool:
    return keras.backend.backend() == "tensorflow"
