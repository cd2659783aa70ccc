"""Splits in time, counted in time steps."""

import warnings

import numpy as np
from sklearn.model_selection import TimeSeriesSplit
from sklearn.utils import check_consistent_length

from sklstm._checks._arguments import check_count, naming
from sklstm._checks._tables import check_in_step, index_of
from sklstm._past._layout import Layout


class TimeStepSplit(TimeSeriesSplit):
    """Split rows in time: a ``TimeSeriesSplit`` that counts time steps instead of rows.

    In a table of many series, the rows of one time step belong together: a split that is counted
    in rows may train on some of them and test on the others. This one never cuts a time step, also
    if series start late, end early or lack steps. For one series, it is
    :class:`~sklearn.model_selection.TimeSeriesSplit`.

    Parameters
    ----------
    n_splits : int, default=5
        Number of splits, at least 2.
    test_size : int, default=None
        Time steps in each test set. None is ``n_steps // (n_splits + 1)``.
    gap : int, default=0
        Time steps that are left out between the training and the test set.
    max_train_size : int, default=None
        The most time steps in a training set; the oldest are left out. None is no limit.

    See Also
    --------
    backtest : Predictions and scores of all folds.

    Notes
    -----
    The time steps are the distinct labels in the first level of the index. A time at which no
    series has a row is not counted. Rows without labels, and those of one series, are one time step
    each.

    A series that starts after the training rows of a split is in its test rows all the same, as a
    series that the estimator has not seen.

    Examples
    --------
    Three time steps are tested in each of two splits; the second store opened late:

    >>> import pandas as pd
    >>> from sklstm import TimeStepSplit
    >>> months = pd.period_range("2024-01", periods=8, freq="M", name="month")
    >>> wide = pd.DataFrame(
    ...     {"north": range(8), "south": range(8)}, months, dtype=float
    ... )
    >>> wide.loc[:"2024-04", "south"] = float("nan")
    >>> sold = wide.rename_axis(columns="store").stack().dropna()
    >>> for train, test in TimeStepSplit(2, test_size=3).split(sold):
    ...     times = sold.index.get_level_values("month")
    ...     print(len(train), len(test), times[train].max(), times[test].min())
    2 4 2024-02 2024-03
    6 6 2024-05 2024-06
    """

    def __init__(self, n_splits=5, *, test_size=None, gap=0, max_train_size=None):
        super().__init__(n_splits, test_size=test_size, gap=gap, max_train_size=max_train_size)

    def split(self, X, y=None, groups=None):
        """List the training and the test rows of each split.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            The rows, oldest first. A table of many series is a pandas object whose index has the
            time as its first level and the series in the levels after it.
        y : array-like of shape (n_rows, ...), default=None
            The target. Its index is used if `X` has none.
        groups : object, default=None
            Always ignored, exists for compatibility.

        Yields
        ------
        train : ndarray of int
            Positions of the training rows.
        test : ndarray of int
            Positions of the test rows.

        Raises
        ------
        ValueError
            If the rows are not sorted in time, `X` and `y` differ in length or labels, there are
            too few time steps, or a parameter is out of range.
        TypeError
            If a parameter is not an int.
        """
        # 1. Validate.
        if groups is not None:
            warnings.warn(f"The groups parameter is ignored by {type(self).__name__}", stacklevel=2)
        check_count(self.gap, "gap", least=0)
        for name in ("test_size", "max_train_size"):
            if getattr(self, name) is not None:
                check_count(getattr(self, name), name)
        with naming("X", X):
            n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        check_consistent_length(X, y)
        name, labelled = ("y", y) if index_of(X) is None else ("X", X)
        if labelled is X:
            check_in_step(y, X)
        layout = Layout(index_of(labelled), n_rows, name)

        # 2. The row at which each time step starts, and the end of the last one.
        time = layout.by_row(layout.time).astype(np.intp)
        starts = np.searchsorted(time, np.arange(time.max(initial=-1) + 2))

        # 3. Split the time steps, and return their rows.
        try:
            splits = list(super().split(starts[:-1]))
        except ValueError as error:
            raise ValueError(str(error).replace("samples", "time steps")) from error
        for steps in splits:
            train, test = (np.arange(starts[one[0]], starts[one[-1] + 1]) for one in steps)
            yield train, test
