"""Which columns hold the target: in `y` at some steps ahead, in `X` at some steps earlier."""

import re
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from sklstm._checks._arguments import naming
from sklstm._checks._horizon import horizon_of, names_of_steps, steps_agree, target_names
from sklstm._checks._numbers import check_floats, place_of
from sklstm._checks._tables import index_of, layout_of, positions_among
from sklstm._past._layout import Numbers
from sklstm._sklearn._compat import safe_indexing

_LAG = re.compile(r"(.*)_lag([1-9]\d*)", re.DOTALL)


class Lag(NamedTuple):
    """A column of `X` that holds a target some steps earlier.

    Attributes
    ----------
    column, target : int
        Positions among the columns of `X`, and among the targets.
    steps : int
        How many steps earlier.
    """

    column: int
    target: int
    steps: int


class Lags(NamedTuple):
    """All columns of `X` that hold earlier targets.

    Attributes
    ----------
    columns : list of Lag
        One for each such column.
    n_targets : int or None
        Number of targets; None where only the estimator knows it.
    names : list or None
        Names of the targets.
    horizon : int
        Steps ahead that the columns of `y` reach.
    """

    columns: list
    n_targets: int | None
    names: list | None
    horizon: int = 1


def lags_of(rows, y, target, future_inputs, y_lag, *, guess=True):
    """Find the columns of rows that hold earlier targets.

    Parameters
    ----------
    rows : DataFrame or ndarray of shape (n_rows, n_features)
        The rows.
    y : array-like or None
        The target as the user gave it.
    target : ndarray of shape (n_rows, n_outputs) or None
        Its values.
    future_inputs : array-like or None
        The other columns in the rows to come.
    y_lag : str, int, sequence of these or None
        The columns that hold the targets one step earlier, where the user names them.
    guess : bool, default=True
        Whether columns that are in no way named are taken for such columns.

    Returns
    -------
    Lags

    Raises
    ------
    ValueError
        If `y_lag` names no column, or neither names nor numbers of columns say what they hold.
    """
    # 1. The targets, by name and number.
    names, horizon, n_targets = None, 1, None
    if y is not None:
        names = target_names(y)
        horizon = horizon_of(names, target, layout_of(rows, y))
        n_targets = target.shape[1] // horizon
        names = names and names_of_steps(names)[0][:n_targets]

    # 2. The targets that columns hold, and the columns that hold them one step earlier.
    columns = list(rows.columns) if isinstance(rows, pd.DataFrame) else list(range(rows.shape[1]))
    others = [] if index_of(future_inputs) is None else list(pd.DataFrame(future_inputs).columns)
    matches = _matches(_LAG, columns)
    firsts: list[int] = []
    if y_lag is not None:
        firsts = positions_among(columns, y_lag, "y_lag")
        held = [matches[i][1] if matches[i] else columns[i] for i in firsts]
    else:
        pairs = zip(columns, matches, strict=True)
        found = [match[1] for column, match in pairs if match and column not in others]
        held = list(dict.fromkeys(found)) if names is None else list(map(str, names))
        if guess and not any(match and match[1] in held for match in matches):
            firsts = _all_but_future(columns, rows, future_inputs, others, n_targets, names)
            held = [columns[i] for i in firsts]

    # 3. All columns of those targets, also further back.
    lags = {i: Lag(i, target=j, steps=1) for j, i in enumerate(firsts)}
    for i, match in enumerate(matches):
        if match and match[1] in held and i not in lags:
            lags[i] = Lag(i, held.index(match[1]), int(match[2]))
    if not lags:
        return Lags([], n_targets, names, horizon)
    if n_targets not in (None, len(held)):
        # The columns of the target are not named after its steps, but may be steps all the same.
        if not steps_agree(target, len(held), layout_of(rows, y)):
            raise ValueError(
                f"y has {target.shape[1]} column(s), but the columns of X that hold earlier"
                f" targets, {[columns[i] for i in lags]!r}, stand for {len(held)} target(s): name"
                " one column for each target with y_lag, or pass a y whose columns are the steps"
                " ahead, as series_to_supervised makes."
            )
        horizon = target.shape[1] // len(held)
    if names is None or len(names) != len(held):
        names = held if isinstance(rows, pd.DataFrame) else None
    return Lags(list(lags.values()), len(held), names, horizon)


def lags_in_fit(X, rows, y, target, earlier, horizon, y_lag):
    """Find the columns of training rows that hold earlier targets, and compare them with these.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        The rows as the user gave them.
    rows : ndarray of shape (n_rows, n_features)
        Their values; NaN in columns that hold no numbers.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The target as the user gave it.
    target : ndarray of shape (n_rows, n_outputs)
        Its values.
    earlier : callable
        Takes a number of steps, and returns the row so many steps before each row, in its series;
        -1 where there is none.
    horizon : int
        How many steps ahead the columns of `y` reach.
    y_lag : "auto", column name, position or sequence of these
        The columns that hold the targets one step earlier. ``"auto"`` takes those called
        ``<target>_lag1``, or else the first that equals the target of the row before.

    Returns
    -------
    list of Lag
        Those of one step, and all called ``<target>_lag2``, ``<target>_lag3`` and so on.

    Raises
    ------
    ValueError
        If `y_lag` does not name one column per target, or a column holds other values than the
        target so many rows earlier.
    """
    columns = list(X.columns) if isinstance(X, pd.DataFrame) else list(range(rows.shape[1]))
    matches = [_LAG.fullmatch(str(column)) for column in columns]
    n_targets = target.shape[1] // horizon
    is_auto = isinstance(y_lag, str) and y_lag == "auto"

    # 1. The columns that the user named, and what the targets are called in the names of columns.
    firsts = [] if is_auto else positions_among(columns, y_lag, "y_lag")
    if is_auto:
        known = {match[1] for match in matches if match}
        names = [str(name) for name in (target_names(y) or [])[:n_targets]]
        held = [name if name in known else name.removesuffix("_step1") for name in names]
    elif len(firsts) == n_targets:
        held = [matches[i][1] if matches[i] else str(columns[i]) for i in firsts]
    else:
        raise ValueError(
            f"y_lag={y_lag!r} names {len(firsts)} column(s), but y has {n_targets} target(s): name"
            " one column of X for each target, which holds it one step earlier."
        )
    lags = {i: Lag(i, j, 1) for j, i in enumerate(firsts)}

    # 2. Columns that are called after the targets.
    for i, match in enumerate(matches):
        if match and match[1] in held and i not in lags:
            lags[i] = Lag(i, held.index(match[1]), int(match[2]))
    for lag in lags.values():
        check_lag(lag, X, rows[:, lag.column], target, earlier)

    # 3. Columns that hold the values of targets which have none by name.
    found = {lag.target for lag in lags.values() if lag.steps == 1}
    for j in set(range(n_targets)) - found:
        before = _at(target[:, j], earlier(1))
        for i in [i for i in range(len(columns)) if i not in lags]:
            compared = before[~np.isnan(rows[:, i] + before)]
            # Equal constants say nothing.
            if len(np.unique(compared)) > 1 and not differ(rows[:, i], before, target[:, j]).any():
                lags[i] = Lag(i, j, 1)
                break
    return list(lags.values())


def check_lags(lags, rows, target, layout):
    """Refuse columns that hold other values than the targets so many rows earlier.

    Parameters
    ----------
    lags : Lags
        The columns.
    rows : DataFrame or ndarray of shape (n_rows, n_features)
        The rows.
    target : ndarray of shape (n_rows, n_outputs)
        The target.
    layout : Layout
        Which series each row belongs to.

    Raises
    ------
    ValueError
        The message shows the first row that differs.
    """
    earlier = partial(layout.earlier, Numbers(layout, layout.axis()).at())
    for lag in lags.columns:
        held = check_floats(safe_indexing(rows, [lag.column], axis=1), "X").ravel()
        check_lag(lag, rows, held, target, earlier)


def check_lag(lag, X, held, target, earlier):
    """Refuse a column that holds other values than the target so many rows earlier.

    Parameters
    ----------
    lag : Lag
        The column.
    X : array-like of shape (n_rows, n_features)
        The rows as the user gave them.
    held : ndarray of shape (n_rows,)
        What the column holds.
    target : ndarray of shape (n_rows, n_outputs)
        The target.
    earlier : callable
        Takes a number of steps, and returns the row so many steps before each row, in its series;
        -1 where there is none.

    Raises
    ------
    ValueError
        The message shows the first row that differs.
    """
    source = earlier(lag.steps)
    before = _at(target[:, lag.target], source)
    wrong = np.flatnonzero(differ(held, before, target[:, lag.target]))
    if len(wrong):
        row = wrong[0]
        column = X.columns[lag.column] if isinstance(X, pd.DataFrame) else lag.column
        raise ValueError(
            f"Column {column!r} of X does not hold the target {lag.steps} step(s) earlier: at"
            f" {place_of((row,), X)} it is {held[row]}, but y was {before[row]} at"
            f" {place_of((source[row],), X)}. Name the right column with y_lag and leave it in"
            " the units of y (the transformer scales it). If X holds no earlier target, set"
            " y_lag=None in fit, and declare its columns as future_inputs."
        )


def differ(held, earlier, target):
    """Tell where a lag column holds other values than the target, but for rounding.

    Parameters
    ----------
    held, earlier : ndarray of shape (n_rows,)
        What the column holds, and the target so many rows earlier; NaN where it is not known.
    target : ndarray of shape (n_targets,)
        The target, whose spread decides what rounding is.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
    """
    spread = np.nanmax(target, initial=-np.inf) - np.nanmin(target, initial=np.inf)
    rounding = 1e-12 if held.dtype == np.float64 else 1e-6
    return np.abs(held - earlier) > 1e-6 * spread + rounding * np.abs(earlier)


def _at(target, rows):
    """Return the target at some rows; NaN for those that are not there."""
    return np.where(rows >= 0, target[rows], np.nan)


def _matches(pattern, names):
    return [pattern.fullmatch(name) if isinstance(name, str) else None for name in names]


def _all_but_future(columns, rows, future_inputs, others, n_targets, names):
    """Return the positions of all but the future inputs, if these can be the targets."""
    named = isinstance(rows, pd.DataFrame) and index_of(future_inputs) is not None
    left = [i for i, name in enumerate(columns) if not named or name not in others]
    # Without names, future_inputs cannot say which columns it holds, unless it holds none or all.
    with naming("future_inputs", future_inputs):
        width = pd.DataFrame(future_inputs).shape[1]
    if not named and width >= len(columns):
        left = []
    if not left or ((named or not width) and n_targets in (None, len(left))):
        return left
    called = "" if names is None else f" y is called {names!r}, so '{names[0]}_lag1' would do."
    raise ValueError(
        "Which columns of X hold the target of earlier steps is not clear: X has the columns"
        f" {columns!r}.{called} Name the column of each target with y_lag, and pass the others in"
        " future_inputs."
    )
