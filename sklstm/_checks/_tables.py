"""Checks of tables and targets, and the labels that they have."""

import numpy as np
import pandas as pd
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from sklstm._checks._arguments import naming
from sklstm._checks._columns import check_names, check_order
from sklstm._checks._numbers import check_floats, check_in_memory, check_not_infinite, check_numeric
from sklstm._past._layout import Layout
from sklstm._past._order import check_sorted, is_panel, label_at
from sklstm._past._series_names import check_levels_in_order
from sklstm._past._windows import Windows

#: How tables become arrays: NaN stands for what is not known.
AS_FLOATS: dict = {"dtype": [np.float64, np.float32], "ensure_all_finite": False}


def check_rows(estimator, X, *, reset, name="X", **options):
    """Validate a table of rows: numbers, where NaN stands for what is not known.

    Parameters
    ----------
    estimator : estimator
        Its ``n_features_in_`` and ``feature_names_in_`` are set in `fit` and compared later.
    X : array-like of shape (n_rows, n_features)
        The rows.
    reset : bool
        True in `fit`.
    name : str, default="X"
        What messages call the table.
    **options : dict
        Passed to :func:`sklearn.utils.validation.validate_data`.

    Returns
    -------
    ndarray of shape (n_rows, n_features), float64 or float32

    Raises
    ------
    ValueError
        If there is text or infinity, or the number of columns or the shape is wrong.
    TypeError
        If `X` is sparse or cannot be made a table.
    """
    if not reset and _is_as_in_fit(estimator, X):
        rows = X.to_numpy()
    else:
        check_numeric(X, name)
        with naming(name, X):
            check_names(X)
            rows = validate_data(estimator, X, reset=reset, **AS_FLOATS, **options)
            if rows.ndim > 3:
                raise ValueError("expected (n_rows, n_features) or (n_rows, window, n_features).")
        if reset:
            # scikit-learn keeps no names but strings.
            names = X.columns if isinstance(X, pd.DataFrame) else None
            names = getattr(estimator, "feature_names_in_", None) if names is None else names
            estimator._columns = None if names is None else list(names)
        else:
            check_order(estimator, X, name)
    check_not_infinite(rows, X, name)
    return rows


def _is_as_in_fit(estimator, X):
    """Tell whether a table is floats in the columns of `fit`, where scikit-learn changes nothing.

    To find that out, `validate_data` takes longer than a small network to predict.
    """
    return (
        isinstance(X, pd.DataFrame)
        and len(X) > 0
        and list(X.columns) == getattr(estimator, "_columns", None)
        and all(dtype in AS_FLOATS["dtype"] for dtype in X.dtypes)
    )


def check_ordered(X, n_axes, expected):
    """Return a table as a DataFrame or an array, and refuse one that cannot be a series of rows.

    Parameters
    ----------
    X : array-like
        The table.
    n_axes : tuple of int
        The numbers of axes that will do.
    expected : str
        What the message asks for, if `X` has another number of axes or is empty.

    Returns
    -------
    DataFrame, ndarray or Windows with labels

    Raises
    ------
    ValueError
        If a column name stands twice, the labels of one series are not sorted, or the shape is
        wrong. `Layout` looks at the labels of many series.
    """
    check_in_memory(X, "X")
    with naming("X", X):
        check_names(X)
        table = X if isinstance(X, pd.DataFrame) or is_panel(index_of(X)) else np.asarray(X)
        if table.ndim not in n_axes or 0 in table.shape:
            raise ValueError(expected)
    if isinstance(table, pd.DataFrame) and not is_panel(table.index):
        check_sorted(table.index)
    return table


def check_target(y, X, *, name="y", rows_name="X", is_taught=True):
    """Validate a target, where NaN stands for what is not known.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The target.
    X : array-like of shape (n_rows, n_features)
        The rows that it belongs to.
    name, rows_name : str, default="y", "X"
        What messages call the two.
    is_taught : bool, default=True
        Whether it is learnt from, so that some of it must be known.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs), float64

    Raises
    ------
    ValueError
        If `y` is missing, its length or labels differ from those of `X`, or it holds infinity, text
        or, where it is taught, nothing but NaN.
    TypeError
        If `y` is sparse or cannot be made an array.
    """
    if y is None:
        raise ValueError(
            f"This regressor requires {name} to be passed, but the target {name} is None."
        )
    with naming(name, y):
        check_names(y)
        values = check_floats(y, name)
        target = check_array(values, ensure_2d=False, ensure_all_finite=False, input_name=name)
        check_consistent_length(X, target)
    check_in_step(y, X, name=name, rows_name=rows_name)
    check_not_infinite(target, y, name)
    if is_taught and np.isnan(target).all():
        raise ValueError(f"{name} holds nothing but NaN, so there is nothing to learn.")
    return target.reshape(len(target), -1)


def lacks_target(y):
    """Tell which rows have a target that is not known, before it is validated.

    Parameters
    ----------
    y : array-like of shape (n_rows, ...) or None
        The target.

    Returns
    -------
    ndarray of bool of shape (n_rows,) or None
        None where `y` is nothing that has rows.
    """
    missing = np.asarray(pd.isna(y))
    return missing.reshape(len(missing), -1).any(axis=1) if missing.size and missing.ndim else None


def check_series_known(y, X, *, name="y", rows_name="X"):
    """Refuse rows without labels where those of the values that belong to them name many series.

    Parameters
    ----------
    y : array-like of shape (n_rows, ...) or None
        The values.
    X : array-like of shape (n_rows, ...)
        The rows.
    name, rows_name : str, default="y", "X"
        What messages call the two.

    Raises
    ------
    ValueError
        The message says which steps drop labels.
    """
    if index_of(X) is None and is_panel(index_of(y)):
        raise ValueError(
            f"The index of {name} names many series, but {rows_name} has no labels, so its rows"
            " cannot be told apart: those of one series would run into the next. Pass"
            f" {rows_name} as a pandas object, or windows as LagWindower returns them. If a step of"
            " a pipeline dropped the labels, call set_output(transform='pandas') on the pipeline,"
            " or put the pipeline into TransformedSeriesRegressor, which does that."
        )


def check_in_step(y, X, *, name="y", rows_name="X"):
    """Refuse values whose labels differ from those of the rows that they belong to.

    Parameters
    ----------
    y : array-like of shape (n_rows, ...)
        The values.
    X : array-like of shape (n_rows, ...)
        The rows.
    name, rows_name : str, default="y", "X"
        What messages call the two.

    Raises
    ------
    ValueError
        If both have labels, and these or the order of their levels differ; or if `y` has those of
        many series and `X` has none.
    """
    check_series_known(y, X, name=name, rows_name=rows_name)
    check_levels_in_order(index_names(X), index_names(y), name, rows_name)
    if index_of(X) is None or index_of(y) is None or X.index.equals(y.index):
        return
    place = int(np.argmin(X.index.astype(object) == y.index.astype(object)))
    raise ValueError(
        f"{rows_name} and {name} are out of step: row {place} is {label_at(X.index, place)!r} in"
        f" {rows_name} and {label_at(y.index, place)!r} in {name}. Give both the same labels,"
        " oldest row first (was one of them sorted, shuffled or its index reset?)."
    )


def index_of(X):
    """Return the row labels of a table.

    Parameters
    ----------
    X : array-like
        A table or a series.

    Returns
    -------
    pandas.Index or None
        None for anything but a DataFrame, a Series or windows of many series.
    """
    return X.index if isinstance(X, pd.DataFrame | pd.Series | Windows) else None


def index_names(X):
    """Return the names of the levels of the index of a table.

    Parameters
    ----------
    X : array-like
        A table or a series.

    Returns
    -------
    list or None
        None without labels.
    """
    index = index_of(X)
    return None if index is None else list(index.names)


def layout_of(*tables, name="X"):
    """Return which series each row of some tables belongs to, by the first one with labels.

    Parameters
    ----------
    *tables : array-like of shape (n_rows, ...)
        Tables or series of the same rows.
    name : str, default="X"
        What messages call the one with labels.

    Returns
    -------
    Layout
        Of one series, whose labels are not looked at, where an index has one level.

    Raises
    ------
    ValueError
        If the index of many series does not begin with the time, or is unsorted.
    """
    labelled = [table for table in tables if is_panel(index_of(table))]
    first = tables[0] if hasattr(tables[0], "shape") else np.asarray(tables[0])
    return Layout(index_of(labelled[0]) if labelled else None, first.shape[0], name)


def like(values, X, columns=None):
    """Give an array the labels and the number of axes of the table that it was computed from.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns) or (n_rows, n_steps, n_columns)
        What was computed.
    X : array-like
        What it was computed from.
    columns : callable, default=None
        Returns the names of the columns where `X` is a DataFrame; by default those of `X`.

    Returns
    -------
    ndarray, Series, DataFrame or Windows
        Of the kind of `X`.
    """
    if isinstance(X, Windows) and X.index is not None:
        windows = Windows.of(values)
        windows.index = X.index
        return windows
    if isinstance(X, pd.DataFrame):
        names = X.columns if columns is None else columns()
        # One column lies in memory as pandas would lay it out, so it need not be copied.
        copy = values.shape[1] > 1
        return pd.DataFrame(values, index=X.index, columns=names, copy=copy)
    if isinstance(X, pd.Series):
        return pd.Series(values.ravel(), index=X.index, name=X.name)
    return values.ravel() if np.asarray(X).ndim == 1 else values
