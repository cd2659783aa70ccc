"""Which engine runs a training: the one place that decides."""

from __future__ import annotations

import keras

from sklstm.engine._runs._callbacks import looks_at_batches
from sklstm.engine._spec import NetworkSpec, TrainingSpec

# Below this many steps in all, a compilation by XLA takes longer than it saves.
_XLA_STATEFUL_STEPS = 5_000
_XLA_STATELESS_STEPS = 20_000

# Above this much arithmetic per step, the fused op is as fast as what XLA makes.
_XLA_BATCH_UNITS = 128

# From this much arithmetic per step on, the layer's products, which use all cores, are faster.
_LAYER_BATCH_UNITS = 128 * 64


def choose(
    network: NetworkSpec, training: TrainingSpec, callbacks: list, n_rows: int, window: int
) -> str:
    """Return the engine for this amount of work: "keras", "layer", "block" or "xla"."""
    stateful = network.stateful
    if keras.backend.backend() != "tensorflow":
        return "keras"
    if not stateful and looks_at_batches(callbacks):
        return "keras"
    if training.engine != "auto" and not (stateful and training.engine == "keras"):
        return training.engine
    if _has_gpu():
        return "layer"
    if network.network is not None or not fusable(network):
        # Its LSTM layers still get the fused op where it can stand in.
        return "block"
    n_steps = training.epochs * -(-n_rows // training.batch_size)
    if stateful:
        short = window * training.bptt_steps <= 4
        return "xla" if short and n_steps > _XLA_STATEFUL_STEPS else "block"
    # With dropout XLA draws other numbers than the fused op.
    batch_units = min(training.batch_size, n_rows) * max(network.units)
    if batch_units >= _LAYER_BATCH_UNITS:
        return "layer"
    small = batch_units <= _XLA_BATCH_UNITS and not network.dropout
    return "xla" if small and n_steps > _XLA_STATELESS_STEPS else "block"


def fusable(network: NetworkSpec) -> bool:
    """Tell whether the fused kernels can stand in for the built-in network's layers."""
    return network.activation == "tanh" and not network.recurrent_dropout


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
