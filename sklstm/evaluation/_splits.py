"""The splits of a back-test: each trains on rows that all come before its test rows."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import TimeSeriesSplit, check_cv

from sklstm._checks._arguments import naming
from sklstm._past._order import label_at
from sklstm._sklearn._warnings import CutTimeStepWarning, UnknownPastWarning, warn
from sklstm.evaluation._time_step_split import TimeStepSplit


def check_splits(cv, X, y, table):
    """List the splits of a table, and refuse those that train on what comes later.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        What the user asked for.
    X : DataFrame or ndarray of shape (n_rows, ...)
        The rows.
    y : array-like of shape (n_rows, ...)
        The target.
    table : Rows
        The series and the time of each row.

    Returns
    -------
    list of (train, test)
        Sorted positions.

    Raises
    ------
    ValueError
        If there is no split, one holds no positions of rows, or one trains on later rows.

    Warns
    -----
    CutTimeStepWarning
        If a split trains on some series of a time step and tests others.
    """
    if isinstance(cv, type):
        raise ValueError(f"cv={cv!r} is a class: pass an object, such as {cv.__name__}().")
    splitter_class = TimeSeriesSplit if table.names is None else TimeStepSplit
    with naming("cv", cv):
        splitter = splitter_class(cv) if isinstance(cv, Integral) else check_cv(cv)
        rows = np.arange(len(X))
        splits = [tuple(np.sort(rows[part]) for part in split) for split in splitter.split(X, y)]
        if not splits:
            raise ValueError("expected at least one split.")
        cut = None
        for number, (train, test) in enumerate(splits):
            is_empty = not len(train) or not len(test)
            # Rows are in the order of time.
            newest, oldest = (0, 0) if is_empty else table.times[[train[-1], test[0]]]
            if is_empty or newest > oldest or np.isin(test, train).any():
                raise ValueError(
                    f"it does not train fold {number} on rows that all come before its test rows,"
                    f" as a back-test has to. Use {splitter_class.__name__}, or splits that go on"
                    " in time."
                )
            if cut is None and newest == oldest:
                cut = number, X.index[test[0]][0]
    if cut is not None:
        warn(
            f"cv={cv!r} cuts a time step in fold {cut[0]}: some series are learnt at {cut[1]}, and"
            " others are tested there, so the estimator may know of that time what it could not"
            " have known before. Use TimeStepSplit, whose folds begin with a time step.",
            CutTimeStepWarning,
        )
    return splits


def with_past(splits, table, X, refit):
    """Leave out the test rows of series that have no row yet from which a forecast could go on.

    Parameters
    ----------
    splits : list of (train, test)
        Positions.
    table : Rows
        The series of each row.
    X : DataFrame or ndarray of shape (n_rows, ...)
        The rows.
    refit : bool
        Whether each fold knows its own training rows only.

    Returns
    -------
    list of (train, test)

    Raises
    ------
    ValueError
        If a fold has no other test rows.

    Warns
    -----
    UnknownPastWarning
        If rows are left out.
    """
    found, n_left, first = [], 0, None
    for train, test in splits:
        last, _ = table.known(train[0] if refit else splits[0][0][0], train, test)
        begins_later = last[table.series[test]] < 0
        if begins_later.any() and first is None:
            first = test[np.argmax(begins_later)]
        n_left += begins_later.sum()
        found.append((train, test[~begins_later]))
    if n_left:
        name = label_at(X.index.droplevel(0), first)
        what = f"Series {name!r} has no row until the end of the training rows of a fold"
        if not all(len(test) for _, test in found):
            raise ValueError(
                f"{what}, and no other series of that fold has one, so nothing can be forecast."
                " Train on more rows, or set feed_back=False."
            )
        warn(
            f"{what}, so it cannot be forecast there: {n_left} test rows of such series are left"
            " out. Their first rows are predicted with feed_back=False.",
            UnknownPastWarning,
        )
    return found
