"""A stateful run: the rows in their order, the state running on from row to row."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from sklstm.engine._models._compiled import Trainable
from sklstm.engine._models._stateful import StatefulForward, are_real, side_by_side
from sklstm.engine._runs._epochs_graph import Epochs, Span, run_epochs
from sklstm.engine._runs._plan import Plan, has_gaps
from sklstm.engine._samples import Samples


class StatefulEpochs(Epochs):
    """The epochs of a stateful training run.

    Parameters
    ----------
    compiled : Trainable
    engine : {"layer", "block", "matmul", "xla"}
    data : Samples
    steps : Plan
    states : list of ndarray, or None
        What the first row of each series starts from, instead of zeros.
    held_out : Samples, or None
    """

    def __init__(
        self,
        compiled: Trainable,
        engine: str,
        data: Samples,
        steps: Plan,
        states,
        held_out: Samples | None,
    ):
        n_steps, lanes, chunk = steps.rows.shape
        super().__init__(compiled, data, n_steps, lanes * chunk, data.windows.is_mapped)
        self._steps = steps
        # 1. the state before the first row
        n_states = max(int(steps.slots.max()) + 1, len(states[0]) if states else 0)
        first = compiled.network.zero_states(n_states)
        for mine, given in zip(first, states or (), strict=False):
            mine[: len(given)] = given
        self.state = [tf.constant(state) for state in first]
        # 2. the samples on the device
        xla = engine == "xla"
        if self.in_parts:
            self.given = self.read(0, 1)
        else:
            self.given = _on_device(data, steps, _padded if xla else tf.constant)
        # 3. the step
        window = data.windows.window if xla else None
        in_turn = lanes < n_states or bool((steps.slots != np.arange(lanes)).any())
        options = data.weighted, has_gaps(steps, data.y), in_turn, window
        arguments = self.given, self.state, self.span(1, 0, 1, True)
        self.train = compiled.traced(_train, options, *arguments, engine=engine)
        # 4. the held-out rows
        if held_out is not None:
            held_steps = side_by_side(held_out.windows, held_out.breaks, held_out.series)
            if held_out.windows.is_mapped:
                held_out = held_out.block(np.arange(len(held_out)))
            self.held_out = _on_device(held_out, held_steps)
            weighted = (held_out.weighted,)
            # The one series of the training rows ends with its last stretch.
            self._slots = held_steps.slots[0] + (n_states - 1 if data.series is None else 0)
            self._test = compiled.traced(_test, weighted, self.held_out, self._states_held_out())

    def read(self, start: int, stop: int) -> tuple:
        rows, *others = (part[start:stop] for part in self._steps)
        block = self.data.block(rows.ravel())
        places = np.arange(rows.size, dtype=np.int32).reshape(rows.shape)
        return _on_device(block, Plan(places, *others))

    def validate(self) -> np.ndarray:
        found = self._test(self.held_out, self._states_held_out()).numpy()
        return found.reshape(1, -1)

    def _states_held_out(self) -> list:
        """Return the states that the held-out rows of each lane go on from."""
        # Series that are not trained on have a state of zero.
        n_more = max(0, int(self._slots.max()) + 1 - len(self.state[0]))
        return [
            tf.gather(tf.pad(state, [[0, n_more], [0, 0]]), self._slots) for state in self.state
        ]


def _train(compiled, weighted, masked, in_turn, window, given, states, span: Span):
    """Run some epochs.

    `in_turn` says that lanes take more than one series in turn. `window` is a number for XLA, which
    compiles for fixed shapes.
    """
    (windows, y, weight), steps = given
    if window is not None:
        windows = windows._replace(window=window)

    def step(_, s, states):
        at_step = Plan(*(part[s] for part in steps))

        def run(layers):
            now = [tf.gather(state, at_step.slots) for state in states] if in_turn else states
            forward = StatefulForward(compiled.network, layers)
            predicted, now = forward.step(windows, at_step, now, masked)
            rows = tf.reshape(at_step.rows, [-1])
            if masked:
                mask = tf.sequence_mask(at_step.counts, tf.shape(at_step.rows)[1])
                mask = tf.reshape(mask, [-1]) & _taught(tf.gather(y, rows))
                predicted, rows = tf.boolean_mask(predicted, mask), tf.boolean_mask(rows, mask)
            return (
                tf.gather(y, rows),
                predicted,
                tf.gather(weight, rows) if weighted else None,
            ), now

        now = compiled.step_over_rows("train_step", run, masked)
        if in_turn:
            slots = at_step.slots[:, None]
            return [
                tf.tensor_scatter_nd_update(*both, one)
                for *both, one in zip(states, [slots] * len(now), now, strict=True)
            ]
        return now

    return run_epochs(compiled, step, states, span)


def _test(compiled, weighted, given, states):
    """Return the log of the held-out rows, whose state runs on from `states`."""
    (windows, y, weight), steps = given

    def run(layers):
        forward = StatefulForward(compiled.network, layers)
        predicted, after = forward.all_rows(windows, steps, states)
        rows = tf.boolean_mask(steps.rows, are_real(steps))
        taught = _taught(tf.gather(y, rows))
        predicted, rows = tf.boolean_mask(predicted, taught), tf.boolean_mask(rows, taught)
        return (tf.gather(y, rows), predicted, tf.gather(weight, rows) if weighted else None), after

    compiled.begin_epoch(tf.constant(True))
    compiled.step_over_rows("test_step", run, False)
    return compiled.log()


def _taught(y):
    """Tell which rows have a target; the state runs on over the others."""
    return ~tf.reduce_any(tf.math.is_nan(y), axis=1)


def _on_device(samples: Samples, steps: Plan, put=tf.constant) -> tuple:
    return tf.nest.map_structure(put, (samples.arrays(), steps))


def _padded(array: np.ndarray) -> tf.Tensor:
    """Fill an array up with zeros to one of a few lengths, because XLA compiles for each anew."""
    if not array.ndim:
        return tf.constant(array)
    size = 1 << max(5, (len(array) - 1).bit_length())
    return tf.constant(np.pad(array, [(0, size - len(array)), *[(0, 0)] * (array.ndim - 1)]))
