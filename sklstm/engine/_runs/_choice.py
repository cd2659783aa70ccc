"""How a training is computed: the one place that decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from sklstm.engine._models._cells import CELLS
from sklstm.engine._runs._callbacks import needs_keras_fit
from sklstm.engine._runs._plan import Plan
from sklstm.engine._samples import Samples
from sklstm.engine._spec import NetworkSpec, TrainingSpec

# Below this many steps in all, a compilation by XLA takes longer than it saves.
_XLA_STATEFUL_STEPS = 5_000
_XLA_STATELESS_STEPS = 20_000

# Above this much arithmetic per step, the fused op is as fast as what XLA makes.
_XLA_BATCH_UNITS = 128

# From this much arithmetic per step on, the layer's products, which use all cores, are faster.
_LAYER_BATCH_UNITS = 128 * 64


class CouldNotTraceError(Exception):
    """A user's network cannot be compiled together with the loop over its batches."""


@dataclass(frozen=True)
class Choice:
    """How a training is computed.

    Attributes
    ----------
    by_keras : bool
        By Keras' own ``fit``; else by one compiled call for many steps.
    fused : bool
        With faster loops over time in the layers that allow it.
    xla : bool
        Compiled by XLA.
    masked : bool
        Stateful only: a step may hold places without a row, or rows without a target.
    reason : str
        Why Keras' own ``fit`` trains although nobody asked for it.
    """

    by_keras: bool = False
    fused: bool = False
    xla: bool = False
    masked: bool = False
    reason: str = ""


def choose(
    network: NetworkSpec, training: TrainingSpec, callbacks: list, data: Samples, steps: Plan | None
) -> Choice:
    """Choose for this amount of work; `steps` are those of a stateful run."""
    engine = training.engine
    if steps is None:
        reason = "" if engine == "keras" else needs_keras_fit(callbacks)
        if engine == "keras" or reason:
            return Choice(by_keras=True, reason=reason)
    if engine in ("auto", "keras"):
        engine = _fastest(network, training, len(data), data.windows.window)
    masked = False
    if steps is not None:
        is_full = (steps.counts == steps.rows.shape[2]).all()
        masked = bool(not is_full or np.isnan(data.y).any())
    # XLA compiles for one shape, so it can neither leave rows out nor take blocks of a file.
    xla = engine == "xla" and not masked and not data.windows.is_mapped
    return Choice(fused=engine in ("block", "xla"), xla=xla, masked=masked)


def _fastest(network: NetworkSpec, training: TrainingSpec, n_rows: int, window: int) -> str:
    """Return "layer", "block" or "xla", see `TrainingSpec`."""
    if tf.config.list_physical_devices("GPU"):
        return "layer"
    fusable = network.activation == "tanh" and not network.recurrent_dropout
    if network.network is not None or CELLS[network.cell].fused_loop is None or not fusable:
        # Its LSTM layers still get the fused op where it can stand in.
        return "block"
    n_steps = training.epochs * -(-n_rows // training.batch_size)
    if network.stateful:
        short = window * training.bptt_steps <= 4
        return "xla" if short and n_steps > _XLA_STATEFUL_STEPS else "block"
    # With dropout XLA draws other numbers than the fused op.
    batch_units = min(training.batch_size, n_rows) * max(network.units)
    if batch_units >= _LAYER_BATCH_UNITS:
        return "layer"
    small = batch_units <= _XLA_BATCH_UNITS and not network.dropout
    return "xla" if small and n_steps > _XLA_STATELESS_STEPS else "block"
