"""The losses of several networks at once."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

# Losses that each row has by itself, by Keras' names without "_".
_ROW_WISE = {
    *("meansquarederror", "meanabsoluteerror", "meanabsolutepercentageerror", "logcosh", "huber"),
    *("meansquaredlogarithmicerror", "poisson", "kldivergence", "quantileloss"),
    *("hinge", "squaredhinge", "categoricalhinge"),
    *("binarycrossentropy", "binaryfocalcrossentropy"),
    *("categoricalcrossentropy", "categoricalfocalcrossentropy"),
}
_REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum")


def is_row_wise(loss: Any) -> bool:
    """Tell whether `losses` computes this loss; what a user's computes is not known."""
    if str(getattr(loss, "__module__", "")).partition(".")[0] not in ("keras", "sklstm"):
        return False
    name = getattr(loss, "__name__", type(loss).__name__).replace("_", "").lower()
    if isinstance(loss, keras.losses.Loss):
        axis = loss.get_config().get("axis", -1)
        return name in _ROW_WISE and loss.reduction in _REDUCTIONS and axis == -1
    return name in _ROW_WISE


def losses(loss: Any, y: tf.Tensor, predicted: tf.Tensor, weight: tf.Tensor | None) -> tf.Tensor:
    """Return the loss of each network, of shape (n_networks,).

    Parameters
    ----------
    loss : keras.losses.Loss or callable
        See `is_row_wise`.
    y, predicted : tensors of shape (n_networks, n_rows, n_outputs)
    weight : tensor of shape (n_networks, n_rows), or None
    """
    of_rows = getattr(loss, "call", loss)
    columns = [-1, predicted.shape[-1]]
    values = of_rows(tf.reshape(y, columns), tf.reshape(predicted, columns))
    values = tf.reshape(values, tf.shape(y)[:2])
    if weight is not None:
        values *= weight
    totals = tf.reduce_sum(values, 1)
    reduction = getattr(loss, "reduction", "mean")
    if reduction == "sum":
        return totals
    if reduction == "mean_with_sample_weight" and weight is not None:
        return tf.math.divide_no_nan(totals, tf.reduce_sum(weight, 1))
    return totals / tf.cast(tf.shape(y)[1], tf.float32)
