"""How far the ends of intervals lie from what was predicted: order statistics of errors."""

from typing import NamedTuple

import numpy as np
import pandas as pd

#: What helps a series with few errors.
POOLED = ", or set pool='scaled' to take the errors of all series"


class PredictedRows(NamedTuple):
    """The rows that get an interval.

    Attributes
    ----------
    within : ndarray of int of shape (n_rows,)
        How many rows of the same series come before each.
    group : ndarray of int of shape (n_rows,)
        Whose errors each row gets.
    names : pandas.Index or None
        The name of each group, where that is a series.
    """

    within: np.ndarray
    group: np.ndarray
    names: pd.Index | None


def margins_of(lines, rows, coverage, symmetric):
    """Return how far to move the ends for each row, from errors as many steps ahead.

    Parameters
    ----------
    lines : DataFrame
        A line for each error: ``step``, ``group``, and ``below`` and ``above``, how far the value
        lies outside of each end; negative where it lies inside.
    rows : PredictedRows
        The rows that get an interval.
    coverage : float
        The share of true values that the intervals should contain.
    symmetric : bool
        Whether both ends are moved by the same amount.

    Returns
    -------
    ndarray of shape (n_rows, 2)
        How far down the lower end is to be moved, and how far up the upper one.

    Raises
    ------
    ValueError
        If a group has too few errors, or none as many steps ahead as its rows.
    """
    names = ("step", "group", "below", "above")
    steps, group, below, above = (lines[name].to_numpy() for name in names)
    # 1. The fewest errors of which one can be an end.
    missed = (1 - coverage) if symmetric else (1 - coverage) / 2
    fewest = int(np.ceil(1 / missed - 1 - 1e-9))
    n_groups = rows.group.max() + 1
    n_errors = np.bincount(group, minlength=n_groups)
    if n_errors.min() < fewest:
        raise ValueError(
            f"coverage={coverage} needs at least {fewest} errors, but the back-test has"
            f" {n_errors.min()}{_of(rows, n_errors.argmin())}: back-test on more rows, or ask for"
            f" less coverage{'' if rows.names is None else POOLED}."
        )

    # 2. How many steps ahead each row lies.
    distinct, code = np.unique(steps, return_inverse=True)
    ahead = np.full(len(rows.group), distinct[0])
    if len(distinct) > 1:
        ahead = rows.within + 1
        reached, wanted = np.zeros((2, n_groups), dtype=np.int64)
        np.maximum.at(reached, group, steps)
        np.maximum.at(wanted, rows.group, ahead)
        if (wanted > reached).any():
            one = np.argmax(wanted > reached)
            raise ValueError(
                f"predictions reaches {wanted[one]} steps ahead{_of(rows, one)}, but the back-test"
                f" only {reached[one]}: back-test with test folds of at least {wanted[one]} rows."
            )
    counts = np.bincount(group * len(distinct) + code, minlength=n_groups * len(distinct))
    counts = counts.reshape(n_groups, -1)

    # 3. The order statistics of each group. The errors of each are sorted once.
    scored, share = [below, above], (1 + coverage) / 2
    if symmetric:
        scored, share = [np.maximum(below, above)], coverage
    orders = [np.lexsort([one, group]) for one in scored]
    margins = np.empty((len(ahead), 2))
    for step in np.unique(ahead):
        # Steps with too few errors also take those of the nearest steps.
        away = np.abs(distinct - step)
        nearest = np.argsort(away, kind="stable")
        enough = np.argmax(np.cumsum(counts[:, nearest], axis=1) >= fewest, axis=1)
        is_near = np.abs(steps - step) <= away[nearest][enough][group]
        n_near = np.bincount(group[is_near], minlength=n_groups)
        place = np.cumsum(n_near) - n_near + _rank(n_near, share) - 1
        here = ahead == step
        widths = [
            one[order][is_near[order]][place][rows.group[here]]
            for one, order in zip(scored, orders, strict=True)
        ]
        margins[here] = np.stack([widths[0], widths[-1]], axis=1)
    return margins


def _of(rows, group):
    return "" if rows.names is None else f" of series {rows.names.tolist()[group]!r}"


def _rank(n_errors, share):
    """Return the rank of the error that a new error does not exceed with at least this share."""
    return np.ceil((n_errors + 1) * share - 1e-9).astype(np.int64)
