"""From a series to the rows that an estimator learns from."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from sklstm._checks._arguments import check_count, is_position, naming
from sklstm._past._time_axis import TimeAxis
from sklstm._sklearn._warnings import MissingStepsWarning, warn

Target = Hashable | Sequence[Hashable] | None


def series_to_supervised(series: Any, horizon: int = 1, target: Target = None) -> tuple[Any, Any]:
    """Pair each time step's target with the values known before it.

    Row t of `X` holds the values of step t - 1, row t of `y` those of step t (or of the
    `horizon` steps from t on). Both carry the label of step t, so a prediction plots at its own
    date. The rows are consecutive and in the order of `series`, which must be oldest first;
    steps that come without their past or their whole future are left out.

    Parameters
    ----------
    series : Series, DataFrame or array-like of shape (n_steps,) or (n_steps, n_columns)
        One row per time step, oldest first. NaN is let through: it means "not known".
    horizon : int, default=1
        How many steps to predict from each row, at least 1.
    target : column name, position or list of them, default=None
        Which columns to predict. A name is looked for first, then a position, counted from 0.
        None means all columns.

    Returns
    -------
    X : DataFrame or ndarray of shape (n_steps - horizon, n_columns)
        The previous values. The columns of a DataFrame are called ``<name>_lag1``; an unnamed
        Series counts as ``"series"``.
    y : Series, DataFrame or ndarray of shape (n_steps - horizon,) or \
            (n_steps - horizon, horizon * n_targets)
        The values to predict. With one target and ``horizon=1`` it is one-dimensional and keeps
        the target's name. With several targets and ``horizon=1`` its columns keep their names.
        With a longer horizon the columns are called ``<name>_step1`` to
        ``<name>_step<horizon>``: all targets of step 1 first, then all of step 2, and so on.

        Arrays give arrays; a Series or DataFrame gives pandas objects.

    Raises
    ------
    TypeError
        If `series` is sparse or does not hold numbers, or `horizon` is not an int.
    ValueError
        If `series` has neither one nor two dimensions or is shorter than ``horizon + 1`` steps,
        if `horizon` is less than 1, if `target` is not among the columns, or if the dates in the
        index are unsorted or doubled.

    Warns
    -----
    MissingStepsWarning
        If steps are missing in an index that is otherwise regular: neighbouring rows are paired as
        if nothing lay between them.

    See Also
    --------
    sklstm.datasets.load_milk : A series to try it on.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import series_to_supervised
    >>> month = pd.period_range("2024-01", periods=5, freq="M", name="month")
    >>> sales = pd.Series([5.0, 7.0, 6.0, 9.0, 8.0], index=month, name="sales")
    >>> X, y = series_to_supervised(sales)
    >>> print(X.join(y))
             sales_lag1  sales
    month
    2024-02         5.0    7.0
    2024-03         7.0    6.0
    2024-04         6.0    9.0
    2024-05         9.0    8.0

    Two steps at a time:

    >>> X, y = series_to_supervised(sales, horizon=2)
    >>> print(X.join(y))
             sales_lag1  sales_step1  sales_step2
    month
    2024-02         5.0          7.0          6.0
    2024-03         7.0          6.0          9.0
    2024-04         6.0          9.0          8.0
    """
    horizon = check_count(horizon, "horizon")
    table = _as_table(series)
    columns = _target_positions(table, target)

    n_rows = len(table) - horizon
    if n_rows < 1:
        raise ValueError(
            f"series has {len(table)} rows, but horizon={horizon} needs at least {horizon + 1}: "
            "one to look back on and as many as the horizon to predict. Pass a longer series or "
            "a shorter horizon."
        )

    if isinstance(series, pd.Series | pd.DataFrame):
        _check_order(table.index)
        _warn_of_gaps(table.index)
    label = table.index[1 : n_rows + 1]
    X = table.iloc[:n_rows].set_axis(label)
    X.columns = [f"{name}_lag1" for name in table.columns]

    steps = [
        table.iloc[1 + step : 1 + step + n_rows, columns].set_axis(label) for step in range(horizon)
    ]
    if horizon > 1:
        for number, step in enumerate(steps, start=1):
            step.columns = [f"{name}_step{number}" for name in step.columns]
    y: Any = pd.concat(steps, axis=1)
    if y.shape[1] == 1:
        y = y.iloc[:, 0]
        if isinstance(series, pd.Series):
            y.name = series.name  # an unnamed series stays unnamed

    if not isinstance(series, pd.Series | pd.DataFrame):
        return X.to_numpy(copy=True), y.to_numpy(copy=True)
    return X, y


def _check_order(index: pd.Index) -> None:
    """Refuse times that do not run from the oldest to the newest; text may be in any order."""
    times = isinstance(index, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex)
    if times and not (index.is_monotonic_increasing and index.is_unique):
        steps = zip(index[1:], index, strict=False)
        later, before = next((a, b) for a, b in steps if not a > b)
        raise ValueError(
            f"The index of series is not sorted: {later!r} comes after {before!r}. Each step is"
            " paired with the row before it: sort with series.sort_index() and drop duplicates."
        )


def _warn_of_gaps(index: pd.Index) -> None:
    """Warn where neighbouring rows are not successive steps, though nearly all are."""
    if not index.is_monotonic_increasing or not index.is_unique:
        return
    axis = TimeAxis.fit(index)
    numbers = None if axis is None else axis.number(index)
    if numbers is None:
        return
    steps = np.diff(numbers)
    gaps = np.flatnonzero(steps > 1)
    if len(gaps):
        before = gaps[0]
        warn(
            f"series lacks {int((steps[gaps] - 1).sum())} steps, the first ones after"
            f" {index[before]!r}: its next row, {index[before + 1]!r}, is paired with it as if"
            " nothing lay between. Put the missing steps in with series.asfreq(...), fill them for"
            " X, and set them to NaN in y, so that they are not learnt from.",
            MissingStepsWarning,
        )


def _as_table(series: Any) -> pd.DataFrame:
    """Give the series as a DataFrame of numbers, one row per time step."""
    if issparse(series):
        raise TypeError(
            "series is a sparse matrix, but a dense array, Series or DataFrame is needed. "
            "Pass series.toarray()."
        )
    if isinstance(series, pd.DataFrame):
        table = series
    elif isinstance(series, pd.Series):
        table = series.to_frame("series" if series.name is None else series.name)
    else:
        if np.ma.is_masked(series):
            raise TypeError(
                "series is a masked array, whose mask would be lost. Say what is not known by NaN:"
                " series.astype(float).filled(numpy.nan)."
            )
        with naming("series", series):
            array = np.asarray(series)
        if array.ndim not in (1, 2):
            raise ValueError(
                f"series has shape {array.shape}, but one or two dimensions are needed: "
                "(n_steps,) or (n_steps, n_columns)."
            )
        table = pd.DataFrame(array)

    if not table.shape[1]:
        raise ValueError("series has no columns, but at least one is needed.")
    table = table.infer_objects()  # numbers in an object column are numbers
    for name, dtype in zip(table.columns, table.dtypes, strict=True):
        if isinstance(dtype, pd.SparseDtype):
            raise TypeError(
                f"Column {name!r} of series is sparse, but dense values are needed. "
                "Pass series.sparse.to_dense()."
            )
        if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
            raise TypeError(
                f"Column {name!r} of series has dtype {dtype}, but real numbers are needed. "
                "Encode it or leave it out; where it holds the dates of the rows, make it their "
                f"index with series.set_index({name!r})."
            )
    return table


def _target_positions(table: pd.DataFrame, target: Target) -> list[int]:
    """Give the positions of the target columns."""
    if target is None:
        return list(range(table.shape[1]))

    names: list[Any] = list(table.columns)
    wanted: list[Any] = [target]
    is_column_of_multiindex = isinstance(target, tuple) and target in names
    if isinstance(target, list | tuple | np.ndarray | pd.Index) and not is_column_of_multiindex:
        wanted = list(target)
    if not wanted:
        raise ValueError("target=[] names no column; pass at least one, or None for all.")

    positions = []
    for one in wanted:
        if names.count(one) > 1:
            raise ValueError(f"target={one!r} is ambiguous: series has several such columns.")
        if one in names:
            positions.append(names.index(one))
        elif is_position(one, len(names)):
            positions.append(int(one))
        else:
            raise ValueError(
                f"target={one!r} is not a column of series. Expected one of {names}, or a "
                f"position from 0 to {len(names) - 1}."
            )
    if len(set(positions)) < len(positions):
        raise ValueError(f"target={target!r} names a column twice.")
    return positions
