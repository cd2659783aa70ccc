"""How many steps ahead the columns of a target reach, and which of their values are known yet."""

import re

import numpy as np
import pandas as pd

from sklstm._sklearn._warnings import UnsaidHorizonWarning, warn

_STEP = re.compile(r"(.*)_step([1-9]\d*)", re.DOTALL)


def target_names(y):
    """Return the names of the columns of a target.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The target.

    Returns
    -------
    list or None
        None for an array. An unnamed Series is called ``"series"``, as in `series_to_supervised`.
    """
    if isinstance(y, pd.Series):
        return ["series" if y.name is None else y.name]
    return list(y.columns) if isinstance(y, pd.DataFrame) else None


def note_targets(regressor, y, *, goes_on):
    """Remember how the targets are called; where learning goes on, as they were called before.

    Parameters
    ----------
    regressor : estimator
        What learns them.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The target.
    goes_on : bool
        Whether the regressor goes on from what it has learnt.

    Raises
    ------
    ValueError
        If it goes on, and the targets are others, or in another order.
    """
    seen = getattr(regressor, "_target_names", None) if goes_on else None
    check_same_targets(seen, y, other="those that were learnt so far")
    regressor._target_names = target_names(y) if seen is None else seen


def check_same_targets(names, y, *, name="y", other="those of fit"):
    """Refuse a table with other targets than those that were learnt, or in another order.

    Parameters
    ----------
    names : list or None
        The names of the columns of what was learnt; None if they had none.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Targets. What is no DataFrame names none, or one.
    name, other : str, default="y", "those of fit"
        What messages call the table, and the targets that were learnt.

    Raises
    ------
    ValueError
        If both have names, and these differ.
    """
    given = target_names(y) if isinstance(y, pd.DataFrame) else None
    if names is None or given is None or given == names:
        return
    is_moved = len(names) == len(given) and set(names) == set(given)
    remedy = f" Put them in that order with {name}[{names!r}]." if is_moved else ""
    raise ValueError(
        f"The targets in {name} are {given}, but {other} {names}: give the same in the same order."
        f"{remedy}"
    )


def check_target_order(names, y):
    """Refuse the targets that were learnt in another order; others are let through.

    Parameters
    ----------
    names : list or None
        The names of the columns of what was learnt; None if they are not known.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Targets.

    Raises
    ------
    ValueError
        If `y` has these names in another order.
    """
    if names is not None and set(names) == set(target_names(y) or ()):
        check_same_targets(names, y)


def step_of(name):
    """Tell the name of a variable from its step.

    Parameters
    ----------
    name : object
        The name of a column.

    Returns
    -------
    name : object
        That of the variable.
    step : int
        1 unless the column is called ``<name>_step2``, ``<name>_step3`` and so on.
    """
    match = _STEP.fullmatch(name) if isinstance(name, str) else None
    return (match[1], int(match[2])) if match else (name, 1)


def first_step(y, horizon):
    """Return the targets of the first step alone.

    Parameters
    ----------
    y : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_targets * horizon)
        The target.
    horizon : int
        How many steps ahead its columns reach.

    Returns
    -------
    Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_targets)
        `y` itself if it reaches one step ahead; one target is one-dimensional.
    """
    if horizon == 1:
        return y
    n_targets = np.shape(y)[1] // horizon
    if not isinstance(y, pd.DataFrame):
        values = np.asarray(y)[:, :n_targets]
        return values[:, 0] if n_targets == 1 else values
    names, _ = names_of_steps(list(y.columns))
    first = y.iloc[:, :n_targets]
    first = first.set_axis(pd.Index(names[:n_targets], tupleize_cols=False), axis=1)
    return first.iloc[:, 0] if n_targets == 1 else first


def names_of_steps(names):
    """Tell the names of the targets from those of their steps.

    Parameters
    ----------
    names : list or None
        Names of the columns of a target.

    Returns
    -------
    targets : list or None
        The names of the targets.
    horizon : int
        How many steps ahead the columns reach. More than 1 only if they are called
        ``<name>_step1`` for all targets, then ``<name>_step2`` for all, and so on.
    """
    matches = [_STEP.fullmatch(name) for name in names or [] if isinstance(name, str)]
    found = [match for match in matches if match]
    if not found or len(found) < len(names):
        return names, 1
    horizon = max(int(match[2]) for match in found)
    targets = [match[1] for match in found if match[2] == "1"]
    steps = [f"{name}_step{step}" for step in range(1, horizon + 1) for name in targets]
    return (targets, horizon) if horizon > 1 and names == steps else (names, 1)


def horizon_of(names, target, layout):
    """Return how many steps ahead the columns of a target reach.

    Parameters
    ----------
    names : list or None
        Names of the columns, which decide where they tell of steps.
    target : ndarray of shape (n_rows, n_outputs)
        Their values, which decide otherwise; see `seen_horizon`.
    layout : Layout
        Which series each row belongs to.

    Returns
    -------
    int
        The number of steps. All targets of step 1 come first, then all of step 2, and so on.
    """
    named = names_of_steps(names)[1]
    return named if named > 1 else seen_horizon(target, layout)


def seen_horizon(target, layout):
    """Return how many steps ahead columns seem to reach, judged by their values.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_outputs)
        The values.
    layout : Layout
        Which series each row belongs to.

    Returns
    -------
    int
        More than 1 if each column holds what an earlier one holds one row later.
    """
    # Constant columns would agree with any number of steps.
    if target.shape[1] > 1 and len(np.unique(target[~np.isnan(target)])) > 1:
        for n_targets in range(1, target.shape[1]):
            if steps_agree(target, n_targets, layout):
                return target.shape[1] // n_targets
    return 1


def steps_agree(target, n_targets, layout):
    """Tell whether the columns of each step hold what those before them hold one row later.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_outputs)
        The values.
    n_targets : int
        The number of columns of one step.
    layout : Layout
        Which series each row belongs to.

    Returns
    -------
    bool
        False if no value is known in both places.
    """
    if target.shape[1] % n_targets:
        return False
    target = layout.by_series(target)
    later, now = target[:-1, n_targets:].copy(), target[1:, :-n_targets]
    later[layout.stops[:-1] - 1] = np.nan  # The next row is another series.
    both = ~np.isnan(later + now)
    return bool(both.any()) and np.array_equal(later[both], now[both])


def said_horizon(y, target, horizon, layout):
    """Return how many steps ahead the columns of a target reach, as the user says.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The target as the user gave it.
    target : ndarray of shape (n_rows, n_outputs)
        Its values.
    horizon : "auto" or int
        The number of steps. ``"auto"`` takes it from the names of the columns.
    layout : Layout
        Which series each row belongs to.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the names of the columns say otherwise, their number is no multiple of it, or there are
        too few rows for it.

    Warns
    -----
    UnsaidHorizonWarning
        If nothing says that the columns are steps, but their values or names look like it.
    """
    n_rows, n_outputs = target.shape
    if isinstance(horizon, str):
        names = target_names(y)
        horizon = names_of_steps(names)[1]
        is_told = horizon > 1 or _warn_of_later_steps(names)
        seen = 1 if is_told else seen_horizon(target, layout)
        if np.isnan(until_now(target, seen, layout)).sum() > np.isnan(target).sum():
            warn(
                "Each column of y holds what an earlier one holds a row later, as if they were"
                f" {seen} steps ahead of the same series, but nothing says so: the last rows are"
                " learnt with targets from after the last row, which a split tests on. Set"
                f" horizon={seen} to leave these out, or horizon=1 to learn them.",
                UnsaidHorizonWarning,
            )
    elif horizon not in (1, named := names_of_steps(target_names(y))[1]) and named > 1:
        raise ValueError(
            f"horizon={horizon}, but the columns of y are called '<name>_step1' to"
            f" '<name>_step{named}', {n_outputs // named} for each step. Leave horizon='auto', or"
            " give the columns other names."
        )
    elif n_outputs % horizon:
        raise ValueError(
            f"horizon={horizon} does not divide the {n_outputs} column(s) of y: all targets of step"
            " 1 come first, then all of step 2, and so on."
        )
    if n_rows < horizon:
        raise ValueError(
            f"No row is left to learn from: y has {n_rows} rows and reaches {horizon} steps ahead,"
            f" so the targets of its last {horizon - 1} rows lie after them, and are not known yet."
            f" Use at least {horizon} rows, or a shorter horizon."
        )
    return int(horizon)


def _warn_of_later_steps(names):
    """Warn of targets that are called like later steps but taught as the first; tell if any are."""
    later = [name for name in names or [] if step_of(name)[1] > 1]
    if later:
        warn(
            f"The column {later[0]!r} of y is called like a target several steps ahead, but the"
            " columns are not all steps in order (<name>_step1, <name>_step2 and so on), so it is"
            " taught as one step ahead: the last rows are learnt with targets from after the last"
            " row, which a split tests on. Pass all steps in order, and take the predictions of"
            " those you want; set horizon=1 if it is one step ahead.",
            UnsaidHorizonWarning,
        )
    return bool(later)


def until_now(target, horizon, layout):
    """Set the values of a target that lie after its last row to NaN.

    A table that ends at a time says that this time is now. Its last ``horizon - 1`` rows are
    history for later rows, but their targets are not all known yet. A series that ends before the
    table does has known targets to its end.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_targets * horizon)
        The values.
    horizon : int
        How many steps ahead the columns reach.
    layout : Layout
        Which series each row belongs to, and when.

    Returns
    -------
    ndarray of shape (n_rows, n_targets * horizon)
        A copy, or `target` itself if it holds no such value.
    """
    if horizon == 1:
        return target
    last = layout.stops - 1
    # How many time steps of the table come after the end of each series.
    rest = layout.time.max(initial=0) - layout.time[last]
    n_later = layout.by_row(np.repeat(last + rest, layout.lengths) - np.arange(len(target)))
    known = target
    for step, values in enumerate(np.hsplit(target, horizon)):
        if not np.isnan(values[step > n_later]).all():
            known = target.copy(order="K") if known is target else known
            np.hsplit(known, horizon)[step][step > n_later] = np.nan
    return known
