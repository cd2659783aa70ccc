"""Which rows a stateful run takes at each step, and where the state starts from zero."""

from __future__ import annotations

import functools
from collections.abc import Sequence
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
    slots : int32 of shape (n_steps, n_lanes)
        The number of the state that the lane takes and leaves: that of its series, or of its
        stretch of the one series. No two lanes ever have the same.
    """

    rows: Any
    counts: Any
    resets: Any
    slots: Any


def plan(
    n: int,
    *,
    lanes: int = 1,
    chunk: int = 1,
    reset_states: str | int = "epoch",
    breaks: Sequence[int] | np.ndarray = (),
    carried: bool = False,
    series: np.ndarray | None = None,
) -> Plan:
    """Lay `n` rows out in lanes, which take `chunk` rows each at a step.

    One series is cut into `lanes` contiguous stretches. Of many series, none is cut: series i runs
    in lane ``i % lanes``, after the one before it there has ended. A step never reaches across a
    point where the state starts from zero, so it may be shorter.

    Parameters
    ----------
    n, lanes, chunk : int
    reset_states : {"epoch", "never"} or int
        When a state goes back to zero: at the first row of its series (or stretch), never, or every
        so many rows of it.
    breaks : sequence of int, optional
        Rows whose past is unknown.
    carried : bool
        Whether the states before the first rows are known, so that only `breaks` can reset them.
    series : ndarray of int of shape (n,), optional
        The series of each row; None for rows of one series.
    """
    # 1. The rows stretch by stretch. There may be many, so their numbers are short ones.
    counted = functools.partial(np.arange, dtype=np.int32)
    if series is None:
        order, starts = counted(n), np.arange(0, n, -(-n // lanes), dtype=np.int32)
        slots = np.arange(len(starts))
    else:
        order = np.argsort(series, kind="stable").astype(np.int32)
        starts = np.flatnonzero(np.diff(series[order], prepend=-1)).astype(np.int32)
        slots = series[order[starts]]
    lengths = np.diff(starts, append=n)
    within = counted(n) - np.repeat(starts, lengths)
    lanes, chunk = min(lanes, len(starts)), min(chunk, int(lengths.max()))

    # 2. Where the state starts from zero.
    reset = np.zeros(n, bool)
    if reset_states != "never":
        reset = within % (n if isinstance(reset_states, str) else reset_states) == 0
    if carried:
        reset[starts] = False
    is_break = np.zeros(n, bool)
    is_break[np.asarray(breaks, int)] = True
    reset |= is_break[order]

    # 3. The steps of each stretch.
    edges = np.flatnonzero(reset | (within == 0))
    del within, is_break  # as long as the rows
    n_steps = -(-np.diff(edges, append=n) // chunk)
    first = np.repeat(edges, n_steps) + chunk * _counted(n_steps)
    count = np.minimum(chunk, np.repeat(np.append(edges[1:], n), n_steps) - first)

    # 4. Their lanes, and when each begins.
    stretch = np.searchsorted(starts, first, side="right") - 1
    of_stretch = np.bincount(stretch, minlength=len(starts))
    of_lane = np.zeros((-(-len(starts) // lanes), lanes), int)
    of_lane.flat[: len(starts)] = of_stretch
    begin = (np.cumsum(of_lane, axis=0) - of_lane).ravel()
    at = begin[stretch] + _counted(of_stretch), stretch % lanes

    # 5. All in tables.
    shape = int(of_lane.sum(axis=0).max()), lanes
    rows = np.zeros((*shape, chunk), np.int32)
    places = first.astype(np.int32)[:, None] + counted(chunk)
    np.minimum(places, n - 1, out=places)
    rows[at] = np.where(counted(chunk) < count[:, None], order[places], np.int32(0))
    counts, resets, slots_at = (np.zeros(shape, kind) for kind in (np.int32, bool, np.int32))
    counts[at], resets[at] = count, reset[first]
    # A lane that is done keeps the state of its last stretch.
    last = np.arange(lanes) + lanes * ((len(starts) - 1 - np.arange(lanes)) // lanes)
    slots_at[:] = slots[last]
    slots_at[at] = slots[stretch]
    return Plan(rows, counts, resets, slots_at)


def has_gaps(steps: Plan, y: np.ndarray) -> bool:
    """Tell whether a step may hold places without a row, or rows without a target."""
    return bool((steps.counts < steps.rows.shape[2]).any() or np.isnan(y).any())


def _counted(counts: np.ndarray) -> np.ndarray:
    """Return 0, 1, 2, ... up to each count, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
