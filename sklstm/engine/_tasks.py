"""What is known of a training before its run begins, and which runs can be one."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from sklstm.engine._check_names import check_names
from sklstm.engine._models._identity import identity
from sklstm.engine._models._plain._networks import can_be_plain
from sklstm.engine._resolve import resolve
from sklstm.engine._runs import _callbacks
from sklstm.engine._runs._choice import choose
from sklstm.engine._runs._plan import plan
from sklstm.engine._samples import Samples, samples, window_arrays
from sklstm.engine._spec import FUSED, Request, Rows

# More networks at once take longer to trace, and are not faster.
_MOST_TOGETHER = 8

# Numbers of one step that networks may keep for its gradients, all together.
_MOST_CELLS = 2**22


class Task:
    """A request, and how it will be computed.

    Parameters
    ----------
    request : Request
    reader : Reader
    """

    def __init__(self, request: Request, reader: Reader):
        self.request, self.network = request, request.network
        training = request.training

        # 1. check
        check_names(request.network, training)

        # 2. samples
        self.taught = reader.read(request.data)
        self.held_out = None if request.validation is None else reader.read(request.validation)
        # TensorFlow counts rows in 32 bits, and no batch or stretch is longer than all rows.
        most = max(len(self.taught), len(self.held_out or ()))
        self.training = training = replace(
            training,
            batch_size=min(training.batch_size, most),
            bptt_steps=min(training.bptt_steps, most),
        )
        self.steps = None
        if self.network.stateful:
            self.steps = plan(
                len(self.taught),
                lanes=min(training.batch_size, len(self.taught)),
                chunk=training.bptt_steps,
                reset_states=training.reset_states,
                breaks=self.taught.breaks,
                carried=request.start is not None and request.start.states is not None,
                series=self.taught.series,
            )

        # 3. resolve
        self.resolved = resolve(training)
        self.callbacks = _callbacks.of_run(
            training, self.resolved.callbacks, request.watch, self.held_out is not None
        )

        # 4. choose
        self.engine, self.reason = choose(
            self.network, training, self.callbacks, self.taught, self.steps
        )
        self.is_plain = self.engine in FUSED and can_be_plain(self.network, self.resolved)

    @property
    def key(self) -> Hashable:
        """What shapes the graph, and not what each run sets."""
        resolved, network = self.resolved, vars(self.network)
        unset = {"name": None}
        if resolved.learning_rate is not None:
            unset["learning_rate"] = None
        if self.is_plain:
            network = network | {"dropout": self.network.dropout > 0}
        return (
            self.is_plain,
            self.engine in FUSED,
            identity(network),
            identity(resolved.loss),
            identity(resolved.optimizer, **unset),
            resolved.learning_rate_schedule == "cosine",
            identity((resolved.metrics, resolved.weighted_metrics, resolved.loss_weights)),
        )

    @property
    def first_rate(self) -> float | None:
        """The learning rate to begin with."""
        start = self.request.start
        if start is None or start.learning_rate is None or self.training.learning_rate is not None:
            return self.resolved.learning_rate
        return start.learning_rate

    @property
    def run_key(self) -> Hashable:
        """What networks that are trained side by side have in common; None of one that cannot."""
        training, start = self.training, self.request.start
        watched = self.request.watch is not None or training.verbose
        # XLA compiles longer for several. A network that has stopped is kept still by its rate.
        alone = self.engine == "xla" or self.resolved.learning_rate is None
        if not self.is_plain or self.network.stateful or watched or alone:
            return None
        state = [] if start is None else start.optimizer_state
        return (
            self.key,
            (training.epochs, training.batch_size, training.steps_per_epoch, training.shuffle),
            (id(self.taught), id(self.held_out)),
            # Such as the number of updates, which the optimizer has for all.
            tuple(float(value) for value in state if not np.ndim(value)),
        )

    @property
    def most_together(self) -> int:
        """How many such networks to train side by side at most."""
        cells = self.training.batch_size * self.taught.windows.shape[1] * max(self.network.units)
        return min(_MOST_TOGETHER, max(1, _MOST_CELLS // cells))


class Reader:
    """Reads samples, and gives the same for equal rows."""

    def __init__(self):
        self._read: dict[int, Samples] = {}

    def read(self, rows: Rows) -> Samples:
        """Return the samples of some rows."""
        if id(rows) not in self._read:
            found = samples(rows)
            others = self._read.values()
            found = next((other for other in others if _are_equal(found, other)), found)
            self._read[id(rows)] = found
        return self._read[id(rows)]


def side_by_side(tasks: Sequence[Task]) -> Iterator[list[int]]:
    """Yield the positions of tasks that can be one run, in the order of the first of each run."""
    groups: dict[Hashable, list[int]] = {}
    for i, task in enumerate(tasks):
        key = task.run_key
        groups.setdefault(i if key is None else key, []).append(i)
    for group in groups.values():
        n_runs = -(-len(group) // tasks[group[0]].most_together)
        # Of much the same size, because each size is traced by itself.
        yield from (part.tolist() for part in np.array_split(group, n_runs))


def _are_equal(a: Samples, b: Samples) -> bool:
    """Tell whether samples in memory are the same."""
    if a.windows.is_mapped or b.windows.is_mapped:
        return False
    shapes = [(of.windows.window, of.windows.fold) for of in (a, b)]
    parts = [(*window_arrays(of.windows), of.y, of.weight, of.breaks, of.series) for of in (a, b)]
    return shapes[0] == shapes[1] and all(map(np.array_equal, *parts))
