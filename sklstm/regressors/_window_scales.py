"""Level, spread and season of each window, which are taken out of its inputs and its target."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches

#: So many numbers of windows are looked at at a time, so that what is computed takes little memory.
BLOCK = 2**22

#: Values of a window that differ by no more than so many roundings are equal.
ROUNDINGS = 8


class Scales(NamedTuple):
    """What is taken out of some windows and out of their targets.

    Attributes
    ----------
    level, spread : ndarray of shape (n_rows, n_targets)
        Taken out of the inputs; NaN where nothing is known.
    base : ndarray of shape (n_rows, n_targets * horizon)
        Taken out of the target instead of the level; NaN where it is not known.
    middle : ndarray of shape (n_rows, n_targets)
        What to expect where `base` is not known.
    """

    level: np.ndarray
    spread: np.ndarray
    base: np.ndarray
    middle: np.ndarray

    def apply(self, target):
        """Return targets of shape (n_rows, n_targets * horizon) without base and spread."""
        return (target - self.base) / self._of_outputs(self.spread)

    def undo(self, scaled):
        """Return targets of shape (n_rows, n_targets * horizon, ...) in their own units."""
        base = np.where(np.isnan(self.base), self._of_outputs(self.middle), self.base)
        return self.stretch(scaled) + base.reshape(*base.shape, *[1] * (scaled.ndim - 2))

    def stretch(self, scaled):
        """Return distances of shape (n_rows, n_targets * horizon, ...) in units of the target."""
        spread = self._of_outputs(self.spread)
        return scaled * spread.reshape(*spread.shape, *[1] * (scaled.ndim - 2))

    def usual_spread(self, target):
        """Return a spread for windows without one: the median of those of the rows to learn from.

        Parameters
        ----------
        target : ndarray of shape (n_rows, n_targets * horizon)
            The target; NaN where it is not known.

        Returns
        -------
        ndarray of shape (n_targets,)
            Where no window has a spread, the standard deviation of the target without `base`; 1
            where that is 0, too.
        """
        rest = target - self.base
        is_known = ~np.isnan(rest).any(axis=1)
        usual = np.ones(self.spread.shape[1])
        for j, spread in enumerate(self.spread[is_known].T):
            rest_of_target = rest[is_known, j :: len(usual)]
            found = np.median(spread[spread > 0]) if (spread > 0).any() else rest_of_target.std()
            usual[j] = found or 1.0
        return usual

    def at_least(self, usual):
        """Return the same with the usual spread for windows that have none."""
        return self._replace(spread=np.where(self.spread == 0, usual, self.spread))

    def _of_outputs(self, values):
        return np.tile(values, self.base.shape[1] // values.shape[1])


@dataclass(frozen=True)
class WindowScaler:
    """How windows are scaled.

    Attributes
    ----------
    center, scale, season : object
        As in `WindowScaledRegressor`.
    n_columns : int
        Number of columns of a row.
    columns : list of int
        Which of them hold targets.
    horizon : int
        How many steps ahead the target reaches.
    """

    center: str | None
    scale: str | None
    season: int | None
    n_columns: int
    columns: list
    horizon: int

    def check_season(self, windows, name="X"):
        """Refuse windows that are shorter than a season."""
        n_rows = windows.window * windows.values.shape[1] // self.n_columns
        if self.season is not None and self.season > n_rows:
            raise ValueError(
                f"season={self.season} is longer than the windows of {name}, which have {n_rows}"
                f" row(s): the value a season earlier is not in them. Use"
                f" LagWindower({self.season}) or longer windows, or a shorter season."
            )

    def blocks(self, windows, n_rows):
        """Yield slices of so many rows, a few windows at a time."""
        size = max(1, BLOCK // (windows.window * windows.values.shape[1]))
        yield from gen_batches(n_rows, size)

    def rows(self, windows, positions):
        """Return some windows row by row, of shape (n_windows, window, n_columns)."""
        rows = windows.folded(1).gather(positions)
        return rows.reshape(len(rows), -1, self.n_columns)

    def targets(self, windows, positions):
        """Return the targets in some windows, of shape (n_windows, window, n_targets)."""
        return self.rows(windows, positions)[:, :, self.columns]

    def measure(self, windows):
        """Measure all windows.

        Parameters
        ----------
        windows : Windows
            The windows.

        Returns
        -------
        Scales
            The spread of constant windows is 0.
        """
        blocks = self.blocks(windows, len(windows))
        found = [self._measure(self.targets(windows, rows)) for rows in blocks]
        return Scales(*map(np.concatenate, zip(*found, strict=True)))

    def scaled(self, windows, positions, scales, dtype):
        """Return some windows without level and spread.

        Parameters
        ----------
        windows : Windows
            The windows.
        positions : ndarray of int
            Which of them.
        scales : Scales
            Of all windows.
        dtype : type
            Of the result.

        Returns
        -------
        ndarray of shape (len(positions), n_steps, n_features)
        """
        found = np.empty((len(positions), *windows.shape[1:]), dtype)
        for block in self.blocks(windows, len(positions)):
            some = positions[block]
            rows = self.rows(windows, some).astype(np.float64)
            level, spread = scales.level[some, None], scales.spread[some, None]
            rows[:, :, self.columns] = (rows[:, :, self.columns] - level) / spread
            found[block] = rows.reshape(len(some), *windows.shape[1:])
        if windows.fold > 1:  # A step is unknown as a whole.
            found[np.isnan(found).any(axis=2)] = np.nan
        return found

    def _measure(self, given):
        """Measure windows of shape (n_windows, window, n_targets)."""
        values = given.astype(np.float64)
        known = ~np.isnan(values)
        n_known = known.sum(axis=1)

        def mean(of_values):
            sums = np.where(known, of_values, 0.0).sum(axis=1)
            return np.where(n_known, sums / np.maximum(n_known, 1), np.nan)

        middle = mean(values)
        size = np.fmax.reduce(np.abs(values), axis=1)
        span = np.fmax.reduce(values, axis=1) - np.fmin.reduce(values, axis=1)

        # 1. Level.
        level = {None: np.zeros_like(middle), "mean": middle, "last": values[:, -1]}[self.center]
        middle = values[:, -1] if self.center == "last" else middle

        # 2. Spread.
        if self.scale == "standard":
            spread = np.sqrt(mean((values - mean(values)[:, None]) ** 2))
        elif self.scale == "range":
            spread = span
        elif self.scale == "mean":
            spread = mean(np.abs(values))
        else:
            spread = np.ones_like(middle)
        if self.scale in ("standard", "range"):
            is_constant = span <= ROUNDINGS * np.finfo(given.dtype).eps * size
            spread = np.where(is_constant, 0.0, spread)

        # 3. Season.
        if self.season is None:
            base = np.tile(level, self.horizon)
        else:
            steps = np.arange(self.horizon) % self.season - self.season
            base = values[:, steps].reshape(len(values), -1)
        return Scales(level, spread, base, middle)
