"""The LSTM as a loop around TensorFlow's products of matrices, for large layers on a CPU.

TensorFlow's fused op multiplies in its own way, which reaches a fraction of what oneDNN does.
"""

from __future__ import annotations

import tensorflow as tf


def matmul_lstm(x, h, c, weights, last_only: bool):
    """Return all outputs and cell states, time first; or only the outputs of the last step.

    Parameters
    ----------
    x : tensor of shape (n_steps, n_rows, n_features)
    h, c : tensors of shape (n_rows, units)
    weights : list of tensors
        The kernel, the recurrent kernel and the bias of a Keras layer.
    last_only : bool
    """

    @tf.custom_gradient
    def run(x, h, c, kernel, recurrent, bias):
        n_steps, n_features, units = tf.shape(x)[0], kernel.shape[0], recurrent.shape[0]
        # One more column, of ones that no weight reads: the gradient of the bias comes out of the
        # product that gives those of the other weights, as adding up columns takes long.
        with_ones = tf.pad(x, [[0, 0], [0, 0], [0, 1]], constant_values=1.0)
        inputs = tf.TensorArray(tf.float32, n_steps).unstack(with_ones)
        stacked = tf.concat([kernel, tf.zeros_like(bias[None]), recurrent], 0)
        i_kernel, f_kernel, g_kernel, o_kernel = tf.split(stacked, 4, 1)
        ifo_kernel = tf.concat([i_kernel, f_kernel, o_kernel], 1)
        i_bias, f_bias, g_bias, o_bias = tf.split(bias, 4)
        ifo_bias = tf.concat([i_bias, f_bias, o_bias], 0)

        def step(t, h, c, kept):
            xh = tf.concat([inputs.read(t), h], 1)
            # TensorFlow makes one op of a product, a bias and what is applied to them.
            ifo = tf.sigmoid(tf.nn.bias_add(xh @ ifo_kernel, ifo_bias))
            g = tf.tanh(tf.nn.bias_add(xh @ g_kernel, g_bias))
            i, f, o = tf.split(ifo, 3, 1)
            before, c = c, f * c + i * g
            squashed = tf.tanh(c)
            h = o * squashed
            new = xh, before, i, f, g, o, squashed, *(() if last_only else (h, c))
            return t + 1, h, c, [of.write(t, value) for of, value in zip(kept, new, strict=True)]

        widths = [n_features + 1 + units, *[units] * (6 if last_only else 8)]
        kept = [_array(n_steps, width) for width in widths]
        _, h, c, kept = tf.while_loop(lambda t, *_: t < n_steps, step, (0, h, c, kept))
        states = [h] if last_only else [of.stack() for of in kept[7:]]

        def gradient(d_h, d_c=None):
            later = []
            if not last_only:
                later = [tf.TensorArray(tf.float32, n_steps).unstack(of) for of in (d_h, d_c)]
                d_h = tf.zeros_like(h)
            d_c = tf.zeros_like(c)
            kernels = tf.transpose(_middle_swapped(recurrent))
            # What the op below asks for, and reads the shapes of alone.
            unread = {
                "x": h[:, :0],
                "h_prev": h,
                "cs": c,
                "w": recurrent,
                "b": bias,
                **dict.fromkeys(("wci", "wcf", "wco"), bias[:units]),
            }

            def step_back(t, d_h, d_c, d_z):
                if later:
                    d_h, d_c = d_h + later[0].read(t), d_c + later[1].read(t)
                before, i, f, g, o, squashed = (of.read(t) for of in kept[1:7])
                d = tf.raw_ops.LSTMBlockCellGrad(
                    **unread,
                    cs_prev=before,
                    i=i,
                    f=f,
                    ci=g,
                    o=o,
                    co=squashed,
                    cs_grad=d_c,
                    h_grad=d_h,
                    use_peephole=False,
                )
                return t - 1, d.dicfo @ kernels, d.cs_prev_grad, d_z.write(t, d.dicfo)

            start = n_steps - 1, d_h, d_c, _array(n_steps, 4 * units)
            _, d_h, d_c, d_z = tf.while_loop(lambda t, *_: t >= 0, step_back, start)
            xh, d_z = (
                tf.reshape(of.stack(), [-1, width])
                for of, width in ((kept[0], widths[0]), (d_z, 4 * units))
            )
            d_weights = _middle_swapped(tf.matmul(xh, d_z, transpose_a=True))
            d_kernel, d_bias, d_recurrent = tf.split(d_weights, [n_features, 1, units])
            d_x = tf.matmul(d_z, _middle_swapped(kernel), transpose_b=True)
            return tf.reshape(d_x, tf.shape(x)), d_h, d_c, d_kernel, d_recurrent, d_bias[0]

        return states, gradient

    return run(x, h, c, *weights)


def _array(n_steps, width: int) -> tf.TensorArray:
    return tf.TensorArray(tf.float32, n_steps, element_shape=(None, width))


def _middle_swapped(gates):
    """Put gates from the order of Keras into that of ``LSTMBlockCellGrad``, or back."""
    first, second, third, fourth = tf.split(gates, 4, -1)
    return tf.concat([first, third, second, fourth], -1)
