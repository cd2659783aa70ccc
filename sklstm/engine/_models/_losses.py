"""Losses that Keras does not have."""

from __future__ import annotations

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="sklstm")
class QuantileLoss(keras.losses.Loss):
    """The pinball loss of several quantiles, whose minimum is at the quantiles of the target.

    The columns of a prediction are the quantiles of the first target, then those of the second,
    and so on; the true values hold each target as many times.

    Parameters
    ----------
    quantiles : sequence of float
        Levels, between 0 and 1.
    name : str, default="quantile"
    reduction : str, default="sum_over_batch_size"
    """

    def __init__(self, quantiles, name="quantile", reduction="sum_over_batch_size", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.quantiles = tuple(float(level) for level in quantiles)

    def call(self, y_true, y_pred):
        n_targets = y_pred.shape[-1] // len(self.quantiles)
        levels = keras.ops.convert_to_tensor(np.tile(self.quantiles, n_targets), y_pred.dtype)
        missed = keras.ops.cast(y_true, y_pred.dtype) - y_pred
        losses = keras.ops.maximum(levels * missed, (levels - 1) * missed)
        return keras.ops.mean(losses, axis=-1)

    def get_config(self):
        return {**super().get_config(), "quantiles": list(self.quantiles)}

    def __getstate__(self):
        # Keras keeps objects of its own in a loss, which skops would have to trust.
        return self.get_config()

    def __setstate__(self, config):
        QuantileLoss.__init__(self, **config)
