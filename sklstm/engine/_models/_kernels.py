"""Two faster time loops for Keras' LSTM layer on a CPU: one fused op, and one written for XLA.

Both keep the layer, its weights and its numbers: only ``inner_loop`` is another. A layer that they
cannot stand in for keeps Keras' own.
"""

from __future__ import annotations

import threading
import types
from contextlib import contextmanager

import keras
import tensorflow as tf

_tracing = threading.local()

# An XLA loop over this many steps or fewer is unrolled: faster to run, and not yet slow to compile.
_UNROLLED_STEPS = 4


def use_fused_kernels(model: keras.Model) -> None:
    """Put a fused time loop into every LSTM layer of `model` that allows it."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.LSTM) and _fusable(layer):
            # On the instance, so that the model saves and loads as one of stock layers.
            layer.inner_loop = types.MethodType(_fused_loop, layer)


@contextmanager
def for_xla():
    """While a function is traced for XLA, which does not know the fused op."""
    _tracing.xla = True
    try:
        yield
    finally:
        _tracing.xla = False


@contextmanager
def right_padded():
    """While every mask is known to cover the ends of sequences only."""
    _tracing.right_padded = True
    try:
        yield
    finally:
        _tracing.right_padded = False


def _fusable(layer: keras.layers.LSTM) -> bool:
    return (
        layer.activation is keras.activations.tanh
        and layer.recurrent_activation is keras.activations.sigmoid
        and layer.use_bias
        and not layer.recurrent_dropout
        and not layer.go_backwards
        and not layer.unroll
        and layer.compute_dtype == "float32"
    )


def _fused_loop(layer, sequences, initial_state, mask, training=False):
    """Stand in for ``keras.layers.LSTM.inner_loop``."""
    if mask is not None and not getattr(_tracing, "right_padded", False):
        return type(layer).inner_loop(layer, sequences, initial_state, mask, training)
    if training and layer.dropout:
        sequences *= tf.expand_dims(layer.cell.get_dropout_mask(sequences[:, 0, :]), 1)
    weights = [
        tf.convert_to_tensor(weight.value)
        for weight in (layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias)
    ]
    x = tf.transpose(sequences, [1, 0, 2])
    if getattr(_tracing, "xla", False):
        hs, cs = _xla_lstm(x, *initial_state, *weights)
    elif layer.units % 2:
        hs, cs = _even_batch(x, *initial_state, *weights)
    else:
        hs, cs = _block_lstm(x, *initial_state, *weights)
    h, c = initial_state
    if mask is None:
        after = [hs[-1], cs[-1]]
    else:
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), 1)
        after = [_at(lengths, h, hs), _at(lengths, c, cs)]
    outputs = tf.transpose(hs, [1, 0, 2]) if layer.return_sequences else after[0][:, None]
    return after[0], outputs, after


def _at(lengths, before, states):
    """Return the state of each sequence after its own number of steps."""
    states = tf.concat([before[None], states], 0)
    lanes = tf.range(tf.shape(states)[1])
    return tf.gather_nd(states, tf.stack([lengths, lanes], 1))


def _even_batch(x, h, c, *weights):
    """Call the fused op with a row more where batch and units are odd, which it is slow at."""
    n_rows = tf.shape(x)[1]
    more = n_rows % 2
    h, c = (tf.pad(state, [[0, more], [0, 0]]) for state in (h, c))
    hs, cs = _block_lstm(tf.pad(x, [[0, 0], [0, more], [0, 0]]), h, c, *weights)
    return hs[:, :n_rows], cs[:, :n_rows]


@tf.custom_gradient
def _block_lstm(x, h, c, kernel, recurrent, bias):
    """Return all outputs and cell states, time first, by TensorFlow's fused op."""
    steps = tf.shape(x, out_type=tf.int64)[0]
    n_features = kernel.shape[0]
    # The op is slow, and says so at every call, where batch and columns are both odd.
    n_empty = n_features % 2
    if n_empty:
        x = tf.pad(x, [[0, 0], [0, 0], [0, n_empty]])
    weights = tf.concat([tf.pad(kernel, [[0, n_empty], [0, 0]]), recurrent], 0)
    no_peephole = tf.zeros(tf.shape(recurrent)[:1])
    ends = {
        "seq_len_max": steps,
        "x": x,
        "cs_prev": c,
        "h_prev": h,
        "w": weights,
        "wci": no_peephole,
        "wcf": no_peephole,
        "wco": no_peephole,
        "b": bias,
        "use_peephole": False,
    }
    i, cs, f, o, ci, co, hs = tf.raw_ops.BlockLSTMV2(**ends, cell_clip=0.0)

    def gradient(d_hs, d_cs):
        d = tf.raw_ops.BlockLSTMGradV2(
            **ends, i=i, cs=cs, f=f, o=o, ci=ci, co=co, h=hs, cs_grad=d_cs, h_grad=d_hs
        )
        sizes = [n_features, n_empty, recurrent.shape[0]]
        d_kernel, _, d_recurrent = tf.split(d.w_grad, sizes)
        return (
            d.x_grad[..., :n_features],
            d.h_prev_grad,
            d.cs_prev_grad,
            d_kernel,
            d_recurrent,
            d.b_grad,
        )

    return (hs, cs), gradient


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

    hs, cs, gates = _over_time(steps, forward, (h, c), [units, units, 4 * units], batch)

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
        d_h_before, d_c_before, d_z = _over_time(
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


def _over_time(steps, step, state, widths, batch, reverse=False):
    """Run ``step(t, *state)`` over time and return its results, stacked in order of time."""
    if steps <= _UNROLLED_STEPS:
        results = []
        for t in reversed(range(steps)) if reverse else range(steps):
            results.append(step(t, *state))
            state = results[-1][:2]
        return [
            tf.stack(parts) for parts in zip(*(results[::-1] if reverse else results), strict=True)
        ]

    def body(n, h, c, *stacks):
        t = steps - 1 - n if reverse else n
        new = step(t, h, c)
        written = [stack.write(t, value) for stack, value in zip(stacks, new, strict=True)]
        return n + 1, new[0], new[1], *written

    stacks = [tf.TensorArray(tf.float32, steps, element_shape=(batch, width)) for width in widths]
    _, _, _, *stacks = tf.while_loop(
        lambda n, *_: n < steps, body, (tf.constant(0), *state, *stacks), maximum_iterations=steps
    )
    return [stack.stack() for stack in stacks]
