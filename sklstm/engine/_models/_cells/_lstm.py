"""The LSTM, with three faster loops for a CPU: see `TrainingSpec` for when each is used."""

from __future__ import annotations

import functools
from typing import Any

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


def _fused_loop(xs, states, weights, kind: str, begun=None, last_only: bool = False):
    if begun is not None:
        # One more column, which is 1 before a sequence begins. It shuts the input gates, so that
        # states that are zero stay zero, and no gradient comes from there.
        kernel, *others = weights
        shut = tf.repeat([[[_SHUT, 0.0, 0.0, 0.0]]], kernel.shape[2] // 4, axis=2)
        weights = [tf.concat([kernel, tf.repeat(shut, kernel.shape[0], 0)], 1), *others]
        not_yet = [tf.cast(tf.logical_not(of), tf.float32)[..., None] for of in begun]
        xs = [tf.concat(pair, 2) for pair in zip(xs, not_yet, strict=True)]
    loop: Any = {"block": _block_lstm, "matmul": _matmul_lstm, "xla": _xla_lstm}[kind]
    loop = functools.partial(loop, weights=weights, last_only=last_only)
    units = states[0].shape[1]
    if kind == "matmul" or (kind == "block" and units >= _FEWEST_UNITS_SPLIT):
        loop = functools.partial(_two_halves, loop)
    if kind == "block" and units % 2:
        loop = functools.partial(_even_batch, loop)
    return loop(xs, *states)


def _even_batch(loop, xs, h, c):
    """Call a loop with a row more where batch and units are odd, which the fused op is slow at."""
    n_rows = tf.shape(h)[0]
    more = [0, n_rows % 2]
    h, c = (tf.pad(state, [more, [0, 0]]) for state in (h, c))
    of_networks = loop([tf.pad(x, [[0, 0], more, [0, 0]]) for x in xs], h, c)
    return [[of[..., :n_rows, :] for of in states] for states in of_networks]


def _two_halves(loop, xs, h, c):
    """Call a loop for both halves of a large batch, which TensorFlow does side by side.

    Only the shape decides how the batch is split, not the cores at hand: every process, however
    many threads it has, computes the same numbers to the last bit.
    """
    n_rows, units = tf.shape(h)[0], h.shape[1]
    # Rows of predictions are groups of 24, and have to stay so: see `Predictor`.
    by_24, by_8 = (_second_half(n_rows, units, group) for group in (24, 8))
    second = tf.where(n_rows % 24 == 0, by_24, by_8)
    sizes = [n_rows - second, second]
    parts = zip(*(tf.split(x, sizes, 1) for x in xs), strict=True)
    states = tf.split(h, sizes, 0), tf.split(c, sizes, 0)
    halves = [loop(half, *before) for half, *before in zip(parts, *states, strict=True)]
    return [
        [tf.concat(pair, -2) for pair in zip(*of_network, strict=True)]
        for of_network in zip(*halves, strict=True)
    ]


def _second_half(n_rows, units, group):
    """Return the rows of a second half, whole groups of them; none of a batch that is small."""
    least = max(1, _LEAST_HALF // units // group) * group
    return n_rows // (2 * least) * least


def _block_lstm(xs, h, c, weights, last_only: bool):
    """Compute with TensorFlow's fused op.

    What the networks have in common is computed once: the op takes no longer than a few small ones.
    """
    kernel, recurrent, bias = weights
    n_networks, n_features = kernel.shape[:2]
    if n_features % 2:
        # The op is slow, and says so at every call, where batch and columns are both odd.
        kernel = tf.pad(kernel, [[0, 0], [0, 1], [0, 0]])
        more = tf.constant([[0, 0], [0, 0], [0, 1]])
        xs = [tf.pad(x, more) for x in xs]

    @tf.custom_gradient
    def run(h, c, kernels, bias, *xs):
        n_steps, n_rows, _ = tf.unstack(tf.shape(xs[0], out_type=tf.int64))
        last = n_steps - 1
        shared = {
            "seq_len_max": n_steps * tf.minimum(n_rows, 1),
            "cs_prev": c,
            "h_prev": h,
            **dict.fromkeys(("wci", "wcf", "wco"), tf.zeros([recurrent.shape[1]])),
            "use_peephole": False,
        }
        of_networks = zip(xs, tf.unstack(kernels, n_networks), tf.unstack(bias), strict=True)
        given = [{"x": x, "w": w, "b": b, **shared} for x, w, b in of_networks]
        found = [tf.raw_ops.BlockLSTMV2(**of, cell_clip=0.0)._asdict() for of in given]
        if last_only:
            axis = tf.constant(0)
            states = [tf.gather(of["h"], last, axis=axis) for of in found]
        else:
            states = [of[name] for name in ("h", "cs") for of in found]

        def gradient(*d_states: Any):
            if last_only:
                earlier = tf.stack([[last, 0], [0, 0], [0, 0]])
                unread = [tf.zeros_like(found[0]["cs"])] * n_networks
                d_states = (*(tf.pad(of[None], earlier) for of in d_states), *unread)
            d = [
                tf.raw_ops.BlockLSTMGradV2(**of, **kept, h_grad=d_h, cs_grad=d_c)
                for of, kept, d_h, d_c in zip(
                    given, found, d_states[:n_networks], d_states[n_networks:], strict=True
                )
            ]
            d_first = (
                tf.add_n([getattr(of, name) for of in d])
                for name in ("h_prev_grad", "cs_prev_grad")
            )
            d_weights = (tf.stack([getattr(of, name) for of in d]) for name in ("w_grad", "b_grad"))
            return *d_first, *d_weights, *(of.x_grad for of in d)

        return states, gradient

    states = run(h, c, tf.concat([kernel, recurrent], 1), bias, *xs)
    return [states[i::n_networks] for i in range(n_networks)]


def _matmul_lstm(xs, h, c, weights, last_only: bool):
    of_networks = zip(xs, *map(tf.unstack, weights), strict=True)
    return [matmul_lstm(x, h, c, own, last_only) for x, *own in of_networks]


def _xla_lstm(xs, h, c, weights, last_only: bool):
    of_networks = zip(xs, *map(tf.unstack, weights), strict=True)
    states = [_compiled_lstm(x, h, c, *own) for x, *own in of_networks]
    return [[hs[-1]] for hs, _ in states] if last_only else states


@tf.custom_gradient
def _compiled_lstm(x, h, c, kernel, recurrent, bias):
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
