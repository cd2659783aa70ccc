"""The scale of columns, which a network does not see: it computes with numbers of about one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklstm._past._memory_mapped import let_go
from sklstm._past._windows import Windows

# Rows computed at a time, so that no copy of a series in float64 is made.
_BLOCK = 2**16


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of columns. Without them, numbers stay as they are.

    In float64: the float32 that networks compute in cannot hold small changes of a large number.

    Attributes
    ----------
    mean, spread : float64 ndarray of shape (n_columns,), or None
        The spread of a constant column is 1.
    """

    mean: Any = None
    spread: Any = None

    @classmethod
    def of(cls, windows: Windows, n_unknown: np.ndarray | int = 0) -> Scale:
        """Measure windows; each row counts as often as it stands in a known step of one.

        Rows that stand side by side in a step share the scale of their column: it is one series.
        `n_unknown` tells how many of the oldest steps of each window are NaN: never all of them.
        """
        fold, windows = windows.fold, windows.folded(1)
        skipped = n_unknown * fold if np.any(n_unknown) else None
        origin = windows[:1].last_steps[0].astype(np.float64)
        total, mean, squares = 0, np.zeros_like(origin), np.zeros_like(origin)
        for steps, counts in _steps(windows, skipped):
            # Counted from one of the rows, a constant column is exactly zero.
            steps = steps - origin
            n, mean_here = counts.sum(), np.average(steps, axis=0, weights=counts)
            apart = mean_here - mean
            squares += counts @ (steps - mean_here) ** 2 + apart**2 * total * n / (total + n)
            mean += apart * n / (total + n)
            total += n
        mean, spread = mean + origin, np.sqrt(squares / total)
        # Changes of the last digits are rounding.
        spread[spread <= 4 * np.finfo(np.float64).eps * np.abs(mean)] = 1
        return cls(np.tile(mean, fold), np.tile(spread, fold))

    def of_rows(self, n_columns: int) -> Scale | None:
        """Return the scale of the rows whose columns stand side by side in a step.

        None if those of one column have more than one, as they were measured apart.
        """
        if self.mean is None or len(self.mean) == n_columns:
            return self
        mean, spread = (part.reshape(-1, n_columns) for part in (self.mean, self.spread))
        if (mean != mean[0]).any() or (spread != spread[0]).any():
            return None
        return Scale(mean[0], spread[0])

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return float32 numbers of the shape of `values`, whose last axis is the columns."""
        if self.mean is None:
            return np.ascontiguousarray(values, dtype=np.float32)
        scaled = np.empty(values.shape, np.float32)
        for start in range(0, len(values), _BLOCK):
            block = slice(start, start + _BLOCK)
            scaled[block] = (values[block] - self.mean) / self.spread
        return scaled

    def undo(self, scaled: np.ndarray) -> np.ndarray:
        """Return the float64 numbers that were scaled."""
        return scaled if self.mean is None else scaled * self.spread + self.mean


#: Numbers stay as they are.
UNSCALED = Scale()


def _steps(windows: Windows, skipped: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the steps that windows hold, block by block, and in how many windows each stands.

    So many of the first steps of each window are `skipped`, if any.
    """
    starts, extra, window = windows.starts, windows.extra, windows.window
    known = starts if skipped is None else starts + skipped
    parts = [(windows.values, starts, known)]
    if extra is not None:
        own, more = starts >= 0, len(extra)
        in_extra = extra, starts[~own] + more, known[~own] + more
        parts = [(windows.values, starts[own], known[own]), in_extra]
    for values, first, first_known in parts:
        begun = _n_begun(first, len(values))
        known_since = begun if first_known is first else _n_begun(first_known, len(values))
        for start in range(0, len(values), _BLOCK):
            block = values[start : start + _BLOCK]
            stop = start + len(block)
            # Windows whose known steps begin at a row or before, without those over before it.
            counts = known_since[start:stop].copy()
            over = begun[max(start - window, 0) : max(stop - window, 0)]
            counts[len(counts) - len(over) :] -= over
            held = np.flatnonzero(counts)
            if len(held):
                yield block[held], counts[held]
                let_go(values)


def _n_begun(starts: np.ndarray, n_rows: int) -> np.ndarray:
    """Count for each row the windows that begin at it or before."""
    counts = np.zeros(n_rows, np.int32)
    for start in range(0, len(starts), _BLOCK):
        np.add.at(counts, starts[start : start + _BLOCK], 1)
    return np.cumsum(counts, out=counts)
