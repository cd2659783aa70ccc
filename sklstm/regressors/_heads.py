"""What the outputs of a network mean: a number for each target, or quantiles of each."""

from dataclasses import dataclass
from numbers import Real

import numpy as np


@dataclass(frozen=True)
class PointHead:
    """One output for each target."""

    #: Which of the values of a target `predict` returns.
    point = 0

    def n_outputs(self, n_targets):
        """Return how many outputs the network has for so many targets."""
        return n_targets

    def targets(self, target):
        """Return a target for each output, given an array of shape (n_rows, n_targets)."""
        return target

    def where_unknown(self, taught):
        """Return the values of a row of which nothing is known, given the targets learnt from."""
        return taught.mean(axis=0)[:, None]

    def values(self, outputs):
        """Return outputs as a float64 copy of shape (n_rows, n_targets, values per target)."""
        return np.array(outputs, dtype=np.float64)[:, :, None]


@dataclass(frozen=True)
class QuantileHead:
    """Several outputs for each target: its quantiles of some rising levels, 0.5 among them."""

    levels: tuple

    @classmethod
    def of(cls, quantiles):
        """Make one of the parameter `quantiles`, or raise a ValueError."""
        levels = list(quantiles)
        are_levels = all(isinstance(level, Real) and 0 < float(level) < 1 for level in levels)
        if not are_levels or levels != sorted(set(levels)) or 0.5 not in levels:
            raise ValueError(
                f"quantiles={quantiles!r} is not valid: expected rising numbers between 0 and 1,"
                " with 0.5, which predict returns, among them; for instance (0.05, 0.5, 0.95)."
            )
        return cls(tuple(float(level) for level in levels))

    @property
    def point(self):
        """Which of the values of a target `predict` returns: its median."""
        return self.levels.index(0.5)

    def loss(self):
        """Return the Keras loss that is smallest at these quantiles."""
        # Keras comes in with the engine, so not before something is fitted.
        from sklstm.engine._models._losses import QuantileLoss

        return QuantileLoss(self.levels)

    def n_outputs(self, n_targets):
        """Return how many outputs the network has for so many targets."""
        return n_targets * len(self.levels)

    def targets(self, target):
        """Return each target once for each of its quantiles."""
        return np.repeat(target, len(self.levels), axis=1)

    def where_unknown(self, taught):
        """Return the quantiles of the targets learnt from."""
        return np.quantile(taught, self.levels, axis=0).T

    def values(self, outputs):
        """Return outputs by target, those of each target in rising order."""
        by_target = np.array(outputs, dtype=np.float64).reshape(len(outputs), -1, len(self.levels))
        by_target.sort(axis=2)
        return by_target
