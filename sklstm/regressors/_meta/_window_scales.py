"""Level, spread and season of each window, which are taken out of its inputs and its target."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from sklstm._sklearn._warnings import ConstantWindowWarning, FewRowsTaughtWarning, warn

#: So many numbers of windows are looked at at a time, so that what is computed takes little memory.
BLOCK = 2**22

#: A target that lies so many spreads away teaches nothing: such a window is constant but for noise,
#: so it tells nothing of such a distance, and a single one would outweigh all others.
FAR = 100

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

    @property
    def is_constant(self):
        """Whether each window has a target that does not change in it."""
        return (self.spread == 0).any(axis=1)

    def apply(self, target):
        """Return targets of shape (n_rows, n_targets * horizon) without base and spread.

        They are NaN where the window is constant.
        """
        spread = np.where(self.spread == 0, np.nan, self.spread)
        return (target - self.base) / self._of_outputs(spread)

    def undo(self, scaled):
        """Return targets of shape (n_rows, n_targets * horizon, ...) in their own units."""
        base = np.where(np.isnan(self.base), self._of_outputs(self.middle), self.base)
        return self.stretch(scaled) + base.reshape(*base.shape, *[1] * (scaled.ndim - 2))

    def stretch(self, scaled):
        """Return distances of shape (n_rows, n_targets * horizon, ...) in units of the target."""
        spread = self._of_outputs(self.spread)
        return scaled * spread.reshape(*spread.shape, *[1] * (scaled.ndim - 2))

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

    def check_window(self, windows, name="X"):
        """Refuse windows of one row, which have no spread, and those shorter than a season."""
        n_rows = windows.window * windows.values.shape[1] // self.n_columns
        if n_rows == 1 and self.scale in ("standard", "range"):
            raise ValueError(
                f"scale={self.scale!r} needs windows of at least 2 rows, but those of {name} have 1"
                f" (n_features={self.n_columns}). Put LagWindower(window) before it, or set"
                " scale=None."
            )
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

    def scaled_target(self, scales, target):
        """Return what is learnt of targets; NaN where a window does not tell their scale."""
        scaled = scales.apply(target)
        if self.scale is not None:
            scaled[np.abs(scaled) > FAR] = np.nan
        return scaled

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
            spread = np.where(spread == 0, 1.0, spread)
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


def check_taught(target, scales, season, remedy, *, n_taught, n_learnt):
    """Refuse rows of which none can be learnt, and warn if most are left out.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_targets * horizon)
        The target; NaN where it is not known.
    scales : Scales
        Of the windows.
    season : int or None
        As in `WindowScaledRegressor`.
    remedy : str
        What else the message advises, or empty.
    n_taught, n_learnt : int
        Number of rows that the regressor gets, and of those of them that it learns.

    Raises
    ------
    ValueError
        If it gets none.

    Warns
    -----
    FewRowsTaughtWarning
        If it learns less than half of the rows that have a target.
    """
    has_target = ~np.isnan(target).any(axis=1)
    n_rows = np.count_nonzero(has_target)
    n_constant = np.count_nonzero(has_target & scales.is_constant)
    left_out = (
        f" of {n_rows} rows that have a target, {n_constant} have a constant window, which does not"
        " tell the scale of the target. Of the others, the window or the value a season earlier"
        f" (season={season!r}) is not known, or the target lies more than {FAR} spreads away. Use"
        f" longer windows, or scale=None; or more rows, or a shorter season{remedy}."
    )
    if not n_taught:
        raise ValueError(f"No row is left to learn from:{left_out}")
    # Otherwise the regressor itself warns of what it leaves out.
    if 2 * n_learnt < n_rows and 2 * n_learnt >= n_taught:
        warn(f"Only {n_learnt} rows are learnt from:{left_out}", FewRowsTaughtWarning)


def warn_of_constant_windows(scales, consequence):
    """Warn where windows do not tell how far a target may lie from its prediction.

    Parameters
    ----------
    scales : Scales
        Of the windows.
    consequence : str
        What becomes of what is predicted.

    Warns
    -----
    ConstantWindowWarning
        If a window is constant.
    """
    constant = np.flatnonzero(scales.is_constant)
    if len(constant):
        warn(
            f"The windows of {len(constant)} of {len(scales.spread)} rows are constant, row"
            f" {constant[0]} the first, so their {consequence}: a window without a spread does not"
            " tell how far the target may lie from it. Use longer windows, scale=None, or"
            " conformal_interval.",
            ConstantWindowWarning,
        )
