"""Which rows a stateful run takes at each step, and where the state starts from zero."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np


class Plan(NamedTuple):
    """The steps of one pass over the rows, several lanes side by side, in arrays or tensors.

    Attributes
    ----------
    rows : int32 of shape (n_steps, n_lanes, chunk)
        The rows that a lane takes at a step, one after the other; row 0 stands where there is none.
    counts : int32 of shape (n_steps, n_lanes)
        How many of them are real.
    resets : bool of shape (n_steps, n_lanes)
        Whether the lane's state starts from zero before the step.
    """

    rows: Any
    counts: Any
    resets: Any


def plan(
    n: int,
    *,
    lanes: int = 1,
    chunk: int = 1,
    reset_states: str | int = "epoch",
    breaks: Sequence[int] = (),
    carried: bool = False,
) -> Plan:
    """Lay `n` rows out in `lanes` contiguous stretches that are taken `chunk` rows at a step.

    A step never reaches across a point where the state starts from zero, so it may be shorter.

    Parameters
    ----------
    n, lanes, chunk : int
    reset_states : {"epoch", "never"} or int
        When the state of a lane goes back to zero: at its first row, never, or every so many rows.
    breaks : sequence of int, optional
        Rows whose past is unknown.
    carried : bool
        Whether the state before row 0 is known, so that only `breaks` can reset it there.
    """
    length = -(-n // lanes)
    taken = []
    for begin in range(0, n, length):
        end = min(begin + length, n)
        every = length if isinstance(reset_states, str) else reset_states
        resets = set() if reset_states == "never" else set(range(begin, end, every))
        resets -= {0} if carried else set()
        resets |= {at for at in breaks if begin <= at < end}
        edges = pairwise([*sorted({begin, *resets}), end])
        first = np.concatenate([np.arange(edge, stop, chunk) for edge, stop in edges])
        taken.append((first, np.diff(first, append=end), np.isin(first, list(resets))))
    n_steps = max(len(first) for first, _, _ in taken)
    rows = np.zeros((n_steps, lanes, chunk), np.int32)
    counts = np.zeros((n_steps, lanes), np.int32)
    resets_at = np.zeros((n_steps, lanes), bool)
    places = np.arange(chunk)
    for lane, (first, count, reset) in enumerate(taken):
        rows[: len(first), lane] = np.where(places < count[:, None], first[:, None] + places, 0)
        counts[: len(first), lane] = count
        resets_at[: len(first), lane] = reset
    return Plan(rows, counts, resets_at)


def has_gaps(steps: Plan, y: np.ndarray) -> bool:
    """Tell whether a step may hold places without a row, or rows without a target."""
    return bool((steps.counts < steps.rows.shape[2]).any() or np.isnan(y).any())
