"""Which columns of `X` hold the target at some steps earlier, or an input at some steps later."""

import re
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_any_real_numeric_dtype

from sklstm._checks._arguments import naming
from sklstm._checks._columns import column_names, positions_among
from sklstm._checks._horizon import horizon_of, names_of_steps, step_of, steps_agree, target_names
from sklstm._checks._numbers import check_floats, place_of
from sklstm._checks._tables import index_of, layout_of
from sklstm._past._layout import Numbers
from sklstm._sklearn._compat import safe_indexing

_LAG = re.compile(r"(.*)_lag([1-9]\d*)", re.DOTALL)


class Lag(NamedTuple):
    """A column of `X` that holds a target, or a past input, some steps earlier.

    Attributes
    ----------
    column, target : int
        Positions among the columns of `X`, and among the targets, which the past inputs follow.
    steps : int
        How many steps earlier.
    """

    column: int
    target: int
    steps: int


class Lags(NamedTuple):
    """All columns of `X` that hold earlier targets, or earlier values of past inputs.

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
    past_inputs : tuple of str
        Names of what is no target, but stands in columns called ``<name>_lag1`` and so on.
    """

    columns: list
    n_targets: int | None
    names: list | None
    horizon: int = 1
    past_inputs: tuple = ()


def lags_of(rows, y, target, future_inputs, y_lag, *, targets=None, guess=True):
    """Find the columns of rows that hold earlier targets, or earlier values of past inputs.

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
    targets : list, default=None
        Names of the targets, where the estimator tells them; those of `y` go before.
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
    elif targets is not None and y_lag is None:
        names, n_targets = targets, len(targets)

    # 2. The targets that columns hold, and the columns that hold them one step earlier.
    columns = column_names(rows)
    others = [] if index_of(future_inputs) is None else list(pd.DataFrame(future_inputs).columns)
    matches = list(map(_match, columns))
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

    if names is None and y is None and y_lag is None and len(held) > 1:
        raise ValueError(
            f"X holds earlier values of {held!r}, but which of them are targets, and which are past"
            " inputs, is not known. Pass y, with NaN for what is not known yet, or name the column"
            " of each target with y_lag."
        )

    # 3. All columns of those targets, also further back, and of past inputs.
    lags = {i: Lag(i, target=j, steps=1) for j, i in enumerate(firsts)}
    rest = [i for i, match in enumerate(matches) if match and i not in lags]
    of_targets = [i for i in rest if matches[i][1] in held]
    if not lags and not of_targets:
        return Lags([], n_targets, names, horizon)
    past_inputs = [i for i in rest if i not in of_targets and columns[i] not in others]
    past = tuple(dict.fromkeys(matches[i][1] for i in past_inputs))
    for i in [*of_targets, *past_inputs]:
        lags[i] = Lag(i, [*held, *past].index(matches[i][1]), int(matches[i][2]))
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
    return Lags(list(lags.values()), len(held), names, horizon, past)


def name_of_lag(column):
    """Return the name of the variable that a column holds some steps earlier.

    Parameters
    ----------
    column : object
        The name of the column.

    Returns
    -------
    object
        The part before ``_lag1``, ``_lag2`` and so on, or all of it.
    """
    match = _match(column)
    return match[1] if match else column


def later_steps(rows, layout, others=(), future_inputs=None):
    """Find the columns that hold a future input at later steps.

    They are called ``<name>_step2`` and so on, and hold what ``<name>`` holds in later rows.

    Parameters
    ----------
    rows : DataFrame or ndarray of shape (n_rows, n_features)
        The rows.
    layout : Layout
        Which series each row belongs to.
    others : collection of int, default=()
        Positions of columns that hold something else.
    future_inputs : array-like, default=None
        The columns that it has are not looked for.

    Returns
    -------
    dict of int to tuple of (int, int)
        For each such column, by position: that of ``<name>``, and how many rows later.
    """
    if not isinstance(rows, pd.DataFrame):
        return {}
    names = list(rows.columns)
    given = [] if index_of(future_inputs) is None else list(pd.DataFrame(future_inputs).columns)
    found = {}
    for column, name in enumerate(names):
        base, step = step_of(name)
        source = names.index(base) if base in names else column
        is_free = name not in given and not {column, source} & set(others)
        if step > 1 and source != column and is_free:
            held, values = (_values(rows.iloc[:, i]) for i in (column, source))
            ahead = _at(values, layout.earlier(layout.within(), 1 - step))
            if ((held == ahead) | pd.isna(held) | pd.isna(ahead)).all():
                found[column] = source, step - 1
    return found


def inputs_among(rows, future_inputs, layout):
    """Find the columns that hold the future inputs that a user names, at their own or later steps.

    Parameters
    ----------
    rows : DataFrame or ndarray of shape (n_rows, n_features)
        The rows.
    future_inputs : str, int, sequence of these or None
        The columns, by name or position.
    layout : Layout
        Which series each row belongs to.

    Returns
    -------
    list of int
        Their positions.

    Raises
    ------
    ValueError
        If a name is not that of a column.
    """
    if future_inputs is None:
        return []
    known = positions_among(column_names(rows), future_inputs, "future_inputs")
    later = later_steps(rows, layout).items()
    return known + [i for i, (source, _) in later if source in known and i not in known]


def observed_inputs(rows, lags, layout):
    """Return what the past inputs were at the rows, as later rows tell.

    Parameters
    ----------
    rows : DataFrame or ndarray of shape (n_rows, n_features)
        The rows.
    lags : Lags
        Their columns that hold earlier values.
    layout : Layout
        Which series each row belongs to.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)
        NaN where no later row tells.
    """
    found: dict = {}
    for column, number, steps in sorted(lags.columns, key=lambda lag: -lag.steps):
        if number >= (lags.n_targets or 0):
            values = check_floats(rows.iloc[:, column], "X")
            name = lags.past_inputs[number - lags.n_targets]
            found[name] = _at(values, layout.earlier(layout.within(), -steps))
    return found


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
    columns = column_names(X if isinstance(X, pd.DataFrame) else rows)
    matches = list(map(_match, columns))
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


def check_lags(lags, rows, target, layout, axis=None):
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
    axis : TimeAxis, default=None
        That of the training rows.

    Raises
    ------
    ValueError
        The message shows the first row that differs.
    """
    earlier = partial(layout.earlier, Numbers(layout, layout.axis(axis)).at())
    for lag in [lag for lag in lags.columns if lag.target < lags.n_targets]:
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


def _values(column):
    """Return a column as an array of numbers, or of objects where it holds words."""
    is_number = is_any_real_numeric_dtype(column.dtype)
    return check_floats(column, "X") if is_number else column.to_numpy(object, na_value=np.nan)


def _at(target, rows):
    """Return the target at some rows; NaN for those that are not there."""
    return np.where(rows >= 0, target[rows], np.nan)


def _match(name):
    return _LAG.fullmatch(name) if isinstance(name, str) else None


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
