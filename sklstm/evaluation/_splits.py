"""The splits of a back-test: each trains on rows that all come before its test rows."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import TimeSeriesSplit, check_cv

from sklstm._checks._arguments import naming
from sklstm._sklearn._warnings import CutTimeStepWarning, warn
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
