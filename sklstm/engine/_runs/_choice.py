"""How a training is computed: the one place that decides."""

from __future__ import annotations

import tensorflow as tf

from sklstm.engine._models._cells import CELLS
from sklstm.engine._runs._callbacks import needs_keras_fit
from sklstm.engine._runs._plan import Plan, has_gaps
from sklstm.engine._samples import Samples
from sklstm.engine._spec import NetworkSpec, TrainingSpec

# Below this many steps in all, a compilation by XLA takes longer than it saves.
_XLA_STATEFUL_STEPS = 5_000
_XLA_STATELESS_STEPS = 20_000

# Above this much arithmetic per step, the fused op is as fast as what XLA makes.
_XLA_BATCH_UNITS = 128

# From so much arithmetic per time step (rows × units²) on, products of matrices are faster than the
# fused op. Below so much in a whole run, their longer tracing costs more than they save.
_MATMUL_STEP = 700_000
_MATMUL_RUN = 3_000_000_000


def choose(
    network: NetworkSpec, training: TrainingSpec, callbacks: list, data: Samples, steps: Plan | None
) -> tuple[str, str]:
    """Choose for this amount of work; `steps` are those of a stateful run.

    Returns
    -------
    engine : {"keras", "layer", "block", "matmul", "xla"}
        See `TrainingSpec`.
    reason : str
        Why Keras' own ``fit`` trains although nobody asked for it, or empty.
    """
    engine = training.engine
    if steps is None:
        reason = "" if engine == "keras" else needs_keras_fit(callbacks)
        if engine == "keras" or reason:
            return "keras", reason
    if engine in ("auto", "keras"):
        engine = _fastest(network, training, len(data), data.windows.shape[1])
    # XLA compiles for one shape, so it can neither leave rows out nor take blocks of a file.
    masked = steps is not None and has_gaps(steps, data.y)
    if engine == "xla" and (masked or data.windows.is_mapped):
        engine = "block"
    return engine, ""


def _fastest(network: NetworkSpec, training: TrainingSpec, n_rows: int, window: int) -> str:
    """Return "layer", "block", "matmul" or "xla", see `TrainingSpec`."""
    if tf.config.list_physical_devices("GPU"):
        return "layer"
    fusable = network.activation == "tanh" and not network.recurrent_dropout
    if network.network is not None or CELLS[network.cell].fused_loop is None or not fusable:
        # Its LSTM layers still get the fused op where it can stand in.
        return "block"
    n_steps = training.epochs * training.updates_per_epoch(n_rows)
    if network.stateful:
        short = window * training.bptt_steps <= 4
        return "xla" if short and n_steps > _XLA_STATEFUL_STEPS else "block"
    # With dropout XLA draws other numbers than the fused op.
    batch, units = min(training.batch_size, n_rows), max(network.units)
    of_step = batch * units**2
    if of_step >= _MATMUL_STEP and n_steps * window * of_step >= _MATMUL_RUN:
        return "matmul"
    small = batch * units <= _XLA_BATCH_UNITS and not network.dropout
    return "xla" if small and n_steps > _XLA_STATELESS_STEPS else "block"
