"""The LSTM, with three faster loops for a CPU: see `TrainingSpec` for when each is used."""

from __future__ import annotations

import functools

import keras
import numpy as np
import tensorflow as tf

from sklstm.engine._models._cells._cell import Cell
from sklstm.engine._models._cells._matmul_lstm import matmul_lstm
from sklstm.engine._models._cells._over_time import over_time


def _first_bias(shape):
    """Return ones for the forget gates, zeros for the others."""
    return np.repeat(np.array([0, 1, 0, 0], np.float32), shape[0] // 4)


# With fewer units, splitting costs small batches more time than it saves large ones.
_FEWEST_UNITS_SPLIT = 32

# Rows × units of half a batch, from which on it keeps a core busy.
_LEAST_HALF = 512

# Added to an input gate, it shuts the gate, whatever else comes in.
_SHUT = -1e9


def _fused_loop(x, states, weights, kind: str, begun=None, last_only: bool = False):
    if begun is not None:
        # One more column, which is 1 before a sequence begins. It shuts the input gates, so that
        # states that are zero stay zero, and no gradient comes from there.
        kernel, *others = weights
        not_yet = tf.cast(tf.logical_not(begun), x.dtype)
        shut = tf.repeat([[_SHUT, 0.0, 0.0, 0.0]], kernel.shape[1] // 4, axis=1)
        x = tf.concat([x, not_yet[..., None]], 2)
        weights = [tf.concat([kernel, shut], 0), *others]
    if kind == "xla":
        hs, cs = _xla_lstm(x, *states, *weights)
        return [hs[-1]] if last_only else [hs, cs]
    loop = matmul_lstm if kind == "matmul" else _block_lstm
    loop = functools.partial(loop, weights=weights, last_only=last_only)
    units = states[0].shape[1]
    if kind == "matmul" or units >= _FEWEST_UNITS_SPLIT:
        loop = functools.partial(_two_halves, loop)
    if kind == "block" and units % 2:
        loop = functools.partial(_even_batch, loop)
    return loop(x, *states)


def _even_batch(loop, x, h, c):
    """Call a loop with a row more where batch and units are odd, which the fused op is slow at."""
    n_rows = tf.shape(x)[1]
    more = n_rows % 2
    h, c = (tf.pad(state, [[0, more], [0, 0]]) for state in (h, c))
    states = loop(tf.pad(x, [[0, 0], [0, more], [0, 0]]), h, c)
    return [of[..., :n_rows, :] for of in states]


def _two_halves(loop, x, h, c):
    """Call a loop for both halves of a large batch, which TensorFlow does side by side.

    Only the shape decides how the batch is split, not the cores at hand: every process, however
    many threads it has, computes the same numbers to the last bit.
    """
    n_rows, units = tf.shape(x)[1], h.shape[1]
    # Rows of predictions are groups of 24, and have to stay so: see `Predictor`.
    by_24, by_8 = (_second_half(n_rows, units, group) for group in (24, 8))
    second = tf.where(n_rows % 24 == 0, by_24, by_8)
    sizes = [n_rows - second, second]
    parts = tf.split(x, sizes, 1), tf.split(h, sizes, 0), tf.split(c, sizes, 0)
    halves = [loop(*half) for half in zip(*parts, strict=True)]
    return [tf.concat(states, -2) for states in zip(*halves, strict=True)]


def _second_half(n_rows, units, group):
    """Return the rows of a second half, whole groups of them; none of a batch that is small."""
    least = max(1, _LEAST_HALF // units // group) * group
    return n_rows // (2 * least) * least


def _block_lstm(x, h, c, weights, last_only: bool):
    """Return all outputs and cell states, time first, by TensorFlow's fused op.

    With `last_only`, only the outputs of the last step.
    """
    n_features, units = weights[0].shape[0], weights[1].shape[0]
    # The op is slow, and says so at every call, where batch and columns are both odd.
    n_empty = n_features % 2

    @tf.custom_gradient
    def run(x, h, c, kernel, recurrent, bias):
        steps, n_rows, _ = tf.unstack(tf.shape(x, out_type=tf.int64))
        if n_empty:
            x = tf.pad(x, [[0, 0], [0, 0], [0, n_empty]])
        stacked = tf.concat([tf.pad(kernel, [[0, n_empty], [0, 0]]), recurrent], 0)
        ends = {
            "seq_len_max": steps * tf.minimum(n_rows, 1),
            "x": x,
            "cs_prev": c,
            "h_prev": h,
            "w": stacked,
            **dict.fromkeys(("wci", "wcf", "wco"), tf.zeros([units])),
            "b": bias,
            "use_peephole": False,
        }
        i, cs, f, o, ci, co, hs = tf.raw_ops.BlockLSTMV2(**ends, cell_clip=0.0)

        def gradient(d_hs, d_cs):
            d = tf.raw_ops.BlockLSTMGradV2(
                **ends, i=i, cs=cs, f=f, o=o, ci=ci, co=co, h=hs, cs_grad=d_cs, h_grad=d_hs
            )
            d_kernel, _, d_recurrent = tf.split(d.w_grad, [n_features, n_empty, units])
            d_x = d.x_grad[..., :n_features]
            return d_x, d.h_prev_grad, d.cs_prev_grad, d_kernel, d_recurrent, d.b_grad

        return (hs, cs), gradient

    hs, cs = run(x, h, c, *weights)
    return [hs[-1]] if last_only else [hs, cs]


@tf.custom_gradient
def _xla_lstm(x, h, c, kernel, recurrent, bias):
    """Return all outputs and cell states, time first, in ops that XLA compiles.

    Whatever does not depend on the step before is one product over all steps, forward and backward.
    """
    steps, batch, n_features = x.shape
    units = recurrent.shape[0]
    projected = tf.tensordot(x, kernel, 1) + bias

    def forward(t, h, c):
        z = projected[t] + h @ recurrent
        i, f, g, o = tf.split(z, 4, axis=1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        c = f * c + i * g
        return o * tf.tanh(c), c, tf.concat([i, f, g, o], 1)

    hs, cs, gates = over_time(steps, forward, (h, c), [units, units, 4 * units], batch)

    def gradient(d_hs, d_cs):
        hs_before = tf.concat([h[None], hs[:-1]], 0)
        cs_before = tf.concat([c[None], cs[:-1]], 0)
        recurrent_t = tf.transpose(recurrent)

        def backward(t, d_h, d_c):
            i, f, g, o = tf.split(gates[t], 4, axis=1)
            squashed = tf.tanh(cs[t])
            d_h = d_h + d_hs[t]
            d_c = d_c + d_cs[t] + d_h * o * (1 - squashed * squashed)
            d_z = tf.concat(
                [
                    d_c * g * i * (1 - i),
                    d_c * cs_before[t] * f * (1 - f),
                    d_c * i * (1 - g * g),
                    d_h * squashed * o * (1 - o),
                ],
                1,
            )
            return d_z @ recurrent_t, d_c * f, d_z

        zeros = tf.zeros_like(h)
        d_h_before, d_c_before, d_z = over_time(
            steps, backward, (zeros, zeros), [units, units, 4 * units], batch, reverse=True
        )
        flat = tf.reshape(d_z, [steps * batch, 4 * units])
        return (
            tf.tensordot(d_z, tf.transpose(kernel), 1),
            d_h_before[0],
            d_c_before[0],
            tf.matmul(tf.reshape(x, [steps * batch, n_features]), flat, transpose_a=True),
            tf.matmul(tf.reshape(hs_before, [steps * batch, units]), flat, transpose_a=True),
            tf.reduce_sum(flat, 0),
        )

    return (hs, cs), gradient


LSTM = Cell(keras.layers.LSTM, _first_bias, _fused_loop)
