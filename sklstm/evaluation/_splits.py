"""The splits of a back-test: each trains on rows that all come before its test rows."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import TimeSeriesSplit, check_cv

from sklstm._checks._arguments import naming


def check_splits(cv, X, y):
    """List the splits of a table, and refuse those that train on what comes later.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        What the user asked for.
    X : DataFrame or ndarray of shape (n_rows, ...)
        The rows.
    y : array-like of shape (n_rows, ...)
        The target.

    Returns
    -------
    list of (train, test)
        Sorted positions.

    Raises
    ------
    ValueError
        If there is no split, one holds no positions of rows, or one trains on later rows.
    """
    if isinstance(cv, type):
        raise ValueError(f"cv={cv!r} is a class: pass an object, such as {cv.__name__}().")
    with naming("cv", cv):
        splitter = TimeSeriesSplit(cv) if isinstance(cv, Integral) else check_cv(cv)
        rows = np.arange(len(X))
        splits = [tuple(np.sort(rows[part]) for part in split) for split in splitter.split(X, y)]
        if not splits:
            raise ValueError("expected at least one split.")
        for number, (train, test) in enumerate(splits):
            if not len(train) or not len(test) or train[-1] >= test[0]:
                raise ValueError(
                    f"it does not train fold {number} on rows that all come before its test rows,"
                    " as a back-test has to. Use TimeSeriesSplit, or splits that go on in time."
                )
    return splits
