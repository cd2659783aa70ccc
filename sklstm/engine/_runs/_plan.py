"""Which rows a stateful run takes at each step, and where the state starts from zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Plan:
    """The steps of one pass over the rows, several lanes side by side.

    Attributes
    ----------
    rows : int32 ndarray of shape (n_steps, n_lanes, chunk)
        The rows that a lane takes at a step, one after the other; row 0 stands where there is none.
    counts : int32 ndarray of shape (n_steps, n_lanes)
        How many of them are real.
    resets : bool ndarray of shape (n_steps, n_lanes)
        Whether the lane's state starts from zero before the step.
    last_lane : int
        The lane that ends with the last row.
    """

    rows: np.ndarray
    counts: np.ndarray
    resets: np.ndarray
    last_lane: int

    @property
    def full(self) -> bool:
        """Whether every place holds a row."""
        return bool((self.counts == self.rows.shape[2]).all())


def plan(
    n: int,
    *,
    lanes: int = 1,
    chunk: int = 1,
    reset_at_start: bool = True,
    reset_every: int | None = None,
    breaks: Sequence[int] | None = None,
    carried: bool = False,
) -> Plan:
    """Lay `n` rows out in `lanes` contiguous stretches that are taken `chunk` rows at a step.

    A step never reaches across a point where the state starts from zero, so it may be shorter.

    Parameters
    ----------
    n, lanes, chunk : int
    reset_at_start : bool
        Whether every lane starts from zero.
    reset_every : int, optional
        Rows after which the state of a lane goes back to zero, counted from the lane's start.
    breaks : sequence of int, optional
        Rows whose past is unknown.
    carried : bool
        Whether the state before row 0 is known, so that only `breaks` can reset it there.
    """
    length = -(-n // lanes)
    taken = []
    for begin in range(0, n, length):
        end = min(begin + length, n)
        resets = {begin} if reset_at_start else set()
        resets |= set(range(begin, end, reset_every)) if reset_every else set()
        resets -= {0} if carried else set()
        resets |= {at for at in breaks or () if begin <= at < end}
        edges = sorted({begin, *resets})
        taken.append(
            [
                (at, min(at + chunk, stop), at in resets)
                for edge, stop in zip(edges, [*edges[1:], end], strict=True)
                for at in range(edge, stop, chunk)
            ]
        )
    n_steps = max(map(len, taken))
    rows = np.zeros((n_steps, lanes, chunk), np.int32)
    counts = np.zeros((n_steps, lanes), np.int32)
    resets_at = np.zeros((n_steps, lanes), bool)
    for lane, steps in enumerate(taken):
        for step, (first, last, reset) in enumerate(steps):
            rows[step, lane, : last - first] = np.arange(first, last)
            counts[step, lane] = last - first
            resets_at[step, lane] = reset
    return Plan(rows, counts, resets_at, len(taken) - 1)
