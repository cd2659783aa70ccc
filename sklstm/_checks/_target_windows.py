"""Which columns of windows hold the target, and whether they hold its past."""

import re

import numpy as np
import pandas as pd

from sklstm._checks._columns import positions_among
from sklstm._checks._horizon import names_of_steps, said_horizon, target_names
from sklstm._checks._lag_columns import differ
from sklstm._checks._numbers import place_of
from sklstm._checks._tables import index_of
from sklstm._checks._windows import count_axes
from sklstm._sklearn._warnings import UnknownLagWarning, warn

#: Rows compared together.
_AT_A_TIME = 2**12

#: How the columns of flat windows are called: milk_lag1_t-11.
_FLAT = re.compile(r"(.*)_t-(\d+)", re.DOTALL)


def columns_of_rows(X, windows):
    """Return the columns of a row in windows.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_steps, n_features) or (n_rows, window * n_columns)
        The windows as the user gave them. Flat ones without names have one column.
    windows : Windows
        The same.

    Returns
    -------
    list
        Their names, or their positions where they have none.

    Raises
    ------
    ValueError
        If columns are called as those of flat windows, but are not all columns of all steps.
    """
    if count_axes(X) == 3:
        return list(range(windows.values.shape[1]))
    names = [str(name) for name in X.columns] if isinstance(X, pd.DataFrame) else []
    matches = [_FLAT.fullmatch(name) for name in names]
    if not any(matches):
        return [0]
    rows = list(dict.fromkeys(match[1] for match in matches if match))
    steps = range(len(names) // len(rows) - 1, -1, -1)
    expected = [f"{name}_t-{step}" for step in steps for name in rows]
    if names != expected:
        wrong = next((a for a, b in zip(names, expected, strict=False) if a != b), names[-1])
        raise ValueError(
            f"X has columns such as {names[0]!r}, as flat windows have, but they are not all"
            f" columns of all steps, oldest step first ({wrong!r} is out of place). Pass what"
            " LagWindower(flatten=True) makes, and choose columns before it."
        )
    return rows


def find_targets(columns, names, y, n_outputs):
    """Return the positions of the columns of a row that hold the targets.

    Parameters
    ----------
    columns : column name, position, sequence of these or None
        What the user says.
    names : list
        The columns of a row.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The target, whose columns may have names.
    n_outputs : int
        Its number of columns.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If `columns` names no column, or is needed to know which these are.
    """
    if columns is not None:
        return positions_among(names, columns, "columns", "a row in the windows of X")
    if len(names) == 1:
        return [0]
    targets = names_of_steps(target_names(y))[0] or []
    wanted = [f"{name}_lag1" for name in targets]
    if not wanted or not set(wanted) <= set(names):
        wanted = [name for name in names if str(name).endswith("_lag1")]
    if len(wanted) == 1 or (wanted and len(wanted) == len(targets)):
        return [names.index(name) for name in wanted]
    raise ValueError(
        f"Which columns of the windows hold the target is not clear: a row has the columns"
        f" {names!r}, and y has {n_outputs} column(s). Name one column for each target, in the"
        f" order of y, with columns, for instance columns={names[0]!r}."
    )


def find_horizon(horizon, y, target, n_targets, layout):
    """Find how many steps ahead the columns of a target reach, of which the windows hold some.

    Parameters
    ----------
    horizon : "auto" or int
        What the user says.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The target as the user gave it.
    target : ndarray of shape (n_rows, n_outputs)
        Its values.
    n_targets : int
        How many columns of the windows hold a target.
    layout : Layout
        Which series each row belongs to.

    Returns
    -------
    horizon : int
        The number of steps.
    guessed : bool
        Whether only the number of columns tells it.

    Raises
    ------
    ValueError
        If the numbers of columns do not fit together.
    """
    guessed = False
    if horizon == "auto":
        horizon = names_of_steps(target_names(y))[1]
        guessed = horizon == 1 and target.shape[1] > n_targets
        horizon = target.shape[1] // n_targets if guessed else horizon
    horizon = said_horizon(y, target, horizon, layout)
    if n_targets * horizon != target.shape[1]:
        raise ValueError(
            f"y has {target.shape[1]} column(s), but the windows of X have {n_targets} column(s)"
            f" with a target, and y reaches {horizon} step(s) ahead. Name one column for each"
            " target with columns, in the order of y, and say with horizon how many steps ahead y"
            " reaches (of TransformedSeriesRegressor, where that is around)."
        )
    return horizon, guessed


def check_past(X, windows, targets, target, layout, horizon, *, guessed=False):
    """Refuse windows that do not end with the target one step before the first one to predict.

    A row follows another if its window is that of the other, moved by one step.

    Parameters
    ----------
    X : array-like of shape (n_rows, ...)
        The windows as the user gave them.
    windows : Windows of length n_rows
        The same.
    targets : callable
        Takes windows and positions, and returns the columns that hold targets, of shape (n_windows,
        window, n_targets).
    target : ndarray of shape (n_rows, n_targets * horizon)
        The targets.
    layout : Layout
        Which series each row belongs to.
    horizon : int
        How many steps ahead the target reaches.
    guessed : bool, default=False
        Whether this is not known, but follows from the number of columns.

    Raises
    ------
    ValueError
        The message shows the first row that differs.

    Warns
    -----
    UnknownLagWarning
        If most rows do not follow the row before them, so that nothing can be compared.
    """
    # 1. Find the rows that follow another.
    before = layout.earlier(layout.within(), 1)
    candidates = np.flatnonzero(before >= 0)
    n_targets = target.shape[1] // horizon
    n_equal = 0
    following: list = []
    last: list = []
    for start in range(0, len(candidates), _AT_A_TIME):
        some = candidates[start : start + _AT_A_TIME]
        now, earlier = targets(windows, some), targets(windows, before[some])
        equal, varies = _compare(now[:, :-1], earlier[:, 1:])
        n_equal += int(equal.sum())
        following.append(some[equal & varies])
        last.append(now[equal & varies, -1])
    if 2 * n_equal < len(candidates):
        warn(
            "Most rows of X do not follow the row before them, as the windows of a series do: each"
            " is the one before, moved by one step. So it is not known whether windows end with the"
            " target one step before the one to predict, from which level and season are taken."
            " Pass what LagWindower makes, in the order of time and in the units of y.",
            UnknownLagWarning,
        )
        return
    if not following:
        return
    row, held = np.concatenate(following), np.concatenate(last)
    before = before[row]

    # 2. Compare their windows with the targets before.
    for j in range(n_targets):
        wrong = np.flatnonzero(differ(held[:, j], target[before, j], target[:, j]))
        if len(wrong):
            here, there = (place_of((i[wrong[0]],), _labels(X)) for i in (row, before))
            raise ValueError(
                "The windows of X do not end with the target one step before the one to predict: at"
                f" {here} the last step is {held[wrong[0], j]}, but y was"
                f" {target[before[wrong[0]], j]} at {there}. Name the columns that hold the target"
                " with columns, in the order of y, and leave them in the units of y"
                " (TransformedSeriesRegressor transforms both). Rows and targets of"
                " series_to_supervised fit together; a y further ahead needs all steps up to it."
                " Flat windows whose columns have no names count as windows of one column."
            )

    # 3. Compare the targets of each step with those of the step before it.
    later, now = target[before, n_targets:], target[row, : target.shape[1] - n_targets]
    if guessed and ((later != now) & ~np.isnan(later + now)).any():
        raise ValueError(
            f"y has {target.shape[1]} columns, but {n_targets} column(s) of the windows of X hold a"
            f" target, and the columns of y are not {horizon} steps ahead of these: one does not"
            " hold what an earlier one holds a row later. Name one column of the windows for each"
            " target with columns, or set horizon if y has so many steps in other units."
        )


def _compare(new, old):
    """Tell which windows are equal, and which of them vary: equal constants say nothing."""
    if not new.shape[1]:
        return np.zeros((2, len(new)), dtype=bool)
    equal = ((new == old) | (np.isnan(new) & np.isnan(old))).all(axis=(1, 2))
    varies = (np.fmax.reduce(new, axis=1) > np.fmin.reduce(new, axis=1)).any(axis=1)
    return equal, varies | (new.shape[1] == 1)


def _labels(X):
    """Return something with the labels of windows, for messages."""
    index = index_of(X)
    return None if index is None else pd.Series(0.0, index)
