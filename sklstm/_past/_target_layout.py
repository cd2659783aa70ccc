"""What the columns of a target are: several targets, several steps of one, or both."""

import re

import numpy as np
import pandas as pd

_STEP = re.compile(r"(.*)_step([1-9]\d*)")


def target_names(y):
    """Return the names of the columns of a target.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The target.

    Returns
    -------
    list or None
        None for a target without names; the target of an unnamed Series is ``"series"``, as in
        `series_to_supervised`.
    """
    if isinstance(y, pd.Series):
        return ["series" if y.name is None else y.name]
    return list(y.columns) if isinstance(y, pd.DataFrame) else None


def horizon_of(names, target):
    """Tell how many steps ahead the columns of a target reach.

    Parameters
    ----------
    names : list or None
        Names of the columns.
    target : ndarray of shape (n_rows, n_outputs)
        Their values.

    Returns
    -------
    int
        The number of steps: all targets of step 1 come first, then all of step 2, and so on.
        Columns without names are steps if the values of the second are those of the first one
        row later.
    """
    n_outputs = target.shape[1]
    if names is not None:
        told = [_STEP.fullmatch(name) if isinstance(name, str) else None for name in names]
        if not all(told):
            return 1
        horizon = max(int(found[2]) for found in told if found)
        return horizon if n_outputs % horizon == 0 else 1
    for n_targets in range(1, n_outputs):
        later, now = target[:-1, n_targets:], target[1:, :-n_targets]
        # A table of constants has no steps, and one row shows nothing.
        telling = later.size and len(np.unique(target[~np.isnan(target)])) > 1
        if n_outputs % n_targets == 0 and telling and np.array_equal(later, now, equal_nan=True):
            return n_outputs // n_targets
    return 1


def base_names(names, horizon):
    """Return the names of the targets without their steps.

    Parameters
    ----------
    names : list
        Names of the columns of a target.
    horizon : int
        Steps ahead that they reach.

    Returns
    -------
    list
        One name for each target.
    """
    told = [_STEP.fullmatch(name) if isinstance(name, str) else None for name in names]
    bare = [found[1] for found in told if found]
    return bare[: len(names) // horizon] if len(bare) == len(names) else list(names)
