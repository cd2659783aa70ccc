"""Faster loops over the time steps of recurrent layers, on a CPU.

The layer, its weights and its numbers stay: only its loop is another. A layer that a cell's fused
loop cannot stand in for keeps Keras' own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager

import keras
import tensorflow as tf

from sklstm.engine._compat import all_layers, input_dropout, keras_time_loop, set_time_loop
from sklstm.engine._models._cells import CELLS

_tracing = threading.local()


def use_fused_kernels(model: keras.Model, left_padded: bool = False) -> None:
    """Put a fused loop into every recurrent layer of `model` that allows it.

    `left_padded` says that masks, if there are any, cover the oldest steps of sequences only, whose
    states begin with zero.
    """
    for layer in all_layers(model):
        for cell in CELLS.values():
            if cell.fused_loop is not None and cell.can_fuse(layer):
                set_time_loop(layer, _time_loop(cell.fused_loop, left_padded))


@contextmanager
def tracing(what: str):
    """While a function is traced that is special in a way.

    Parameters
    ----------
    what : str
        An engine, see `loop_kind`; or "right_padded", with masks that are known to cover the ends
        of sequences only.
    """
    setattr(_tracing, what, True)
    try:
        yield
    finally:
        setattr(_tracing, what, False)


def is_tracing(what: str) -> bool:
    """Tell whether a function is traced that is special in this way."""
    return getattr(_tracing, what, False)


def loop_kind() -> str:
    """Return the kind of fused loop that a function being traced gets: see `Cell`."""
    return next((kind for kind in ("xla", "matmul") if is_tracing(kind)), "block")


def _time_loop(fused_loop: Callable, left_padded: bool):
    """Return what stands in for ``inner_loop`` of a Keras layer."""

    def time_loop(layer, sequences, initial_state, mask, training=False):
        # In the order in which the layer reads the steps.
        at_end = left_padded and layer.go_backwards
        at_end |= is_tracing("right_padded") and not layer.go_backwards
        at_start = left_padded and not layer.go_backwards
        if mask is not None and not at_end and not at_start:
            return keras_time_loop(layer, sequences, initial_state, mask, training)
        if training and layer.dropout:
            sequences *= tf.expand_dims(input_dropout(layer, sequences[:, 0, :]), 1)
        weights = [tf.expand_dims(weight.value, 0) for weight in layer.cell.weights]
        x = tf.transpose(sequences, [1, 0, 2])
        if layer.go_backwards:
            x = tf.reverse(x, [0])
        begun = [tf.transpose(mask)] if mask is not None and at_start else None
        [states] = fused_loop([x], initial_state, weights, loop_kind(), begun)
        lengths = None
        if mask is not None and at_end:
            lengths = tf.reduce_sum(tf.cast(mask, tf.int32), 1)
        after = after_steps(lengths, initial_state, states)
        if layer.return_sequences:
            return after[0], tf.transpose(states[0], [1, 0, 2]), after
        return after[0], after[0][:, None], after

    return time_loop


def after_steps(lengths, before, states) -> list[tf.Tensor]:
    """Return the states of each sequence after its own number of steps.

    Parameters
    ----------
    lengths : int32 tensor of shape (n_rows,), or None
        How many steps each sequence has; None for all.
    before : list of tensors of shape (n_rows, units)
    states : list of tensors of shape (n_steps, n_rows, units)
    """
    if lengths is None:
        return [state[-1] for state in states]
    places = tf.stack([lengths, tf.range(tf.shape(lengths)[0])], 1)
    return [
        tf.gather_nd(tf.concat([first[None], state], 0), places)
        for first, state in zip(before, states, strict=True)
    ]
