"""Which engine runs a training: the one place that decides."""

from __future__ import annotations

import keras

from sklstm.engine._callbacks import looks_at_batches
from sklstm.engine._spec import NetworkSpec, TrainingSpec


def choose(
    network: NetworkSpec, training: TrainingSpec, callbacks: list, n_rows: int, window: int
) -> str:
    """Return the engine for this amount of work: "keras", "layer", "block" or "xla"."""
    if keras.backend.backend() != "tensorflow" or looks_at_batches(callbacks):
        return "keras"
    if training.engine != "auto":
        return training.engine
    if not fusable(network) or _has_gpu():
        return "layer"
    return "block"


def fusable(network: NetworkSpec) -> bool:
    """Tell whether the fused kernels can stand in for the built-in network's layers."""
    return network.activation == "tanh" and not network.recurrent_dropout


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
