"""What the outputs of a network mean: a number for each target, or quantiles of each."""

from dataclasses import dataclass
from numbers import Real

import numpy as np


@dataclass(frozen=True)
class QuantileHead:
    """An output for each quantile of each target.

    Attributes
    ----------
    levels : tuple of float
        Which quantiles: rising, 0.5 among them.
    """

    levels: tuple

    def where_unknown(self, taught):
        """Return the values of a row of which nothing is known, given the targets learnt from."""
        return np.quantile(taught, self.levels, axis=0).T

    def values(self, outputs):
        """Return outputs as a float64 copy of shape (n_rows, n_targets, n_levels), sorted."""
        by_target = np.array(outputs, dtype=np.float64).reshape(len(outputs), -1, len(self.levels))
        by_target.sort(axis=2)
        return by_target


@dataclass(frozen=True)
class PointHead(QuantileHead):
    """One output for each target: the head of a median, but for rows of which nothing is known."""

    levels: tuple = (0.5,)

    def where_unknown(self, taught):
        """Return the means of the targets learnt from."""
        return taught.mean(axis=0)[:, None]


def check_levels(quantiles):
    """Return the parameter `quantiles` as a tuple of floats, or raise a ValueError."""
    levels = list(quantiles)
    are_levels = all(isinstance(level, Real) and 0 < float(level) < 1 for level in levels)
    if not are_levels or levels != sorted(set(levels)) or 0.5 not in levels:
        raise ValueError(
            f"quantiles={quantiles!r} is not valid: expected rising numbers between 0 and 1,"
            " with 0.5, which predict returns, among them; for instance (0.05, 0.5, 0.95)."
        )
    return tuple(float(level) for level in levels)
