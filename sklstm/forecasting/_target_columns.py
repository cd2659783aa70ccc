"""Which columns of rows hold earlier values of the target."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sklstm._checks._arguments import is_position, listed
from sklstm._checks._tables import index_of
from sklstm._past._target_layout import base_names, horizon_of, target_names

_LAG = re.compile(r"(.*)_lag([1-9]\d*)", re.DOTALL)


@dataclass(frozen=True)
class Lag:
    """A column of rows that holds a target some steps earlier.

    Attributes
    ----------
    column, target : int
        Positions among the columns of the rows, and among the targets.
    steps : int
        How many steps earlier.
    """

    column: int
    target: int
    steps: int


@dataclass(frozen=True)
class Lags:
    """The columns of rows that hold earlier targets.

    Attributes
    ----------
    columns : list of Lag
        One for each such column.
    n_targets : int or None
        Number of targets; None where nothing but the estimator knows.
    names : list or None
        Names of the targets.
    horizon : int
        Steps ahead that the columns of the given target reach.
    """

    columns: list
    n_targets: int | None
    names: list | None
    horizon: int = 1


def lags_of(rows, y, target, exog, y_lag):
    """Tell which columns of rows hold earlier targets.

    Parameters
    ----------
    rows : DataFrame or ndarray of shape (n_rows, n_features)
        The rows.
    y : array-like or None
        The target as it was given.
    target : ndarray of shape (n_rows, n_outputs) or None
        Its values.
    exog : array-like or None
        Columns that do not.
    y_lag : str, int, sequence of these or None
        The columns that hold the targets one step earlier, where the user says so.

    Returns
    -------
    Lags

    Raises
    ------
    ValueError
        If it cannot be told.
    """
    names = None if y is None else target_names(y)
    horizon = 1 if target is None else horizon_of(names, target)
    n_targets = None if target is None else target.shape[1] // horizon
    names = None if names is None else base_names(names, horizon)
    named: list
    columns = list(rows.columns) if isinstance(rows, pd.DataFrame) else list(range(rows.shape[1]))
    parsed = [_LAG.fullmatch(name) if isinstance(name, str) else None for name in columns]

    if y_lag is not None:
        firsts = _positions(y_lag, columns)
        named = [parsed[i][1] if parsed[i] else columns[i] for i in firsts]
    else:
        firsts = []
        in_exog = set(_exog_names(exog))
        named = list(names or [])
        if names is None or not any(found and found[1] in names for found in parsed):
            told = [f[1] for f, c in zip(parsed, columns, strict=True) if f and c not in in_exog]
            named = list(dict.fromkeys(told)) if names is None else []
        if not named:
            firsts = _all_but_exog(columns, rows, exog, n_targets, names)
            named = [columns[i] for i in firsts]
    lags = {i: Lag(i, target=j, steps=1) for j, i in enumerate(firsts)}
    for i, found in enumerate(parsed):
        if found and found[1] in named and i not in lags:
            lags[i] = Lag(i, named.index(found[1]), int(found[2]))

    if not lags:
        return Lags([], n_targets, names, horizon)
    if n_targets is not None and len(named) != n_targets:
        horizon, n_targets = _other_horizon(target, len(named), y, columns, lags), len(named)
    if names is None or len(names) != len(named):
        names = named if isinstance(rows, pd.DataFrame) else None
    return Lags(list(lags.values()), len(named), names, horizon)


def _other_horizon(target, n_targets, y, columns, lags):
    """Return the steps ahead of a target whose columns are not named after its steps."""
    horizon = target.shape[1] // n_targets
    shifted = np.array_equal(target[:-1, n_targets:], target[1:, :-n_targets], equal_nan=True)
    if target.shape[1] % n_targets or not shifted:
        held = [columns[i] for i in lags]
        raise ValueError(
            f"y has {target.shape[1]} column(s), but the columns of X that hold earlier targets,"
            f" {held!r}, stand for {n_targets} target(s): name one column for each target with"
            " y_lag, or pass a y whose columns are the steps ahead, as series_to_supervised makes."
        )
    return horizon


def _positions(y_lag, columns):
    """Return the positions of the columns that `y_lag` names."""
    wanted = [y_lag] if isinstance(y_lag, tuple) and y_lag in columns else listed(y_lag, "y_lag")
    if not wanted:
        raise ValueError(f"y_lag={y_lag!r} names no column: expected one for each target.")
    positions = []
    for column in wanted:
        if column in columns:
            positions.append(columns.index(column))
        elif is_position(column, len(columns)):
            positions.append(int(column))
        else:
            raise ValueError(
                f"y_lag={y_lag!r} is no column of X: expected one of {columns!r} or a position from"
                f" 0 to {len(columns) - 1}."
            )
    return positions


def _all_but_exog(columns, rows, exog, n_targets, names):
    """Return the positions of the columns that `exog` does not hold: the lags of each target."""
    if isinstance(rows, pd.DataFrame) and (exog is None or index_of(exog) is not None):
        in_exog = set(_exog_names(exog))
        left = [i for i, name in enumerate(columns) if name not in in_exog]
    else:
        width = 0 if exog is None else np.asarray(exog).reshape(len(exog), -1).shape[1]
        left = list(range(len(columns))) if not width else []
        if 0 < width < len(columns):
            n_targets, left = -1, list(range(len(columns) - width))
    if not left or n_targets is None or len(left) == n_targets:
        return left
    called = "" if names is None else f" y is called {names!r}, so '{names[0]}_lag1' would do."
    raise ValueError(
        "Which columns of X hold the target of earlier steps cannot be told: X has the columns"
        f" {columns!r}.{called} Name the column of each target with y_lag, and pass the others in"
        " exog."
    )


def _exog_names(exog):
    if isinstance(exog, pd.Series):
        return [exog.name]
    return list(exog.columns) if isinstance(exog, pd.DataFrame) else []
