"""Checks shared by the transformers and the regressors."""

import numpy as np
import pandas as pd
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from sklstm._checks._arguments import is_position, listed, naming
from sklstm._checks._numbers import check_floats, check_not_infinite, check_numeric
from sklstm._past._windows import Windows

__all__ = [
    "check_array_3d",
    "check_in_step",
    "check_names",
    "check_order",
    "check_rows",
    "check_target",
    "column_positions",
    "index_of",
    "like",
    "skips_unknown_rows",
]


def check_rows(estimator, X, *, reset, name="X", **options):
    """Validate a table of rows: numbers, where NaN stands for what is not known.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set or compared.
    X : array-like of shape (n_rows, n_features)
        The rows.
    reset : bool
        Whether this is `fit`.
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
        If there is text, infinity, another number of columns or another shape.
    TypeError
        If `X` is sparse, or something that makes no table.
    """
    check_numeric(X, name)
    with naming(name, X):
        check_names(X)
        rows = validate_data(
            estimator,
            X,
            reset=reset,
            **{"dtype": [np.float64, np.float32], "ensure_all_finite": False, **options},
        )
        if rows.ndim > 3:
            raise ValueError("expected (n_rows, n_features) or (n_rows, window, n_features).")
    check_not_infinite(rows, X, name)
    return rows


def check_array_3d(estimator, X, *, reset, name="X"):
    """Validate windows: three axes, the last being the columns.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` is set or compared.
    X : array-like of shape (n_rows, window, n_features)
        The windows.
    reset : bool
        Whether this is `fit`.
    name : str, default="X"
        What messages call the windows.

    Returns
    -------
    ndarray of shape (n_rows, window, n_features), float64 or float32

    Raises
    ------
    ValueError
        If there is text, or another number of columns than in `fit`.
    """
    check_numeric(X, name)
    windows = X
    with naming(name, X):
        if not isinstance(X, Windows):
            windows = check_array(
                X,
                dtype=[np.float64, np.float32],
                allow_nd=True,
                ensure_all_finite=False,
                input_name=name,
            )
    if 0 in windows.shape:
        raise ValueError(f"{name} has shape {windows.shape}: expected at least one of everything.")
    if reset:
        estimator.n_features_in_ = windows.shape[2]
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif windows.shape[2] != estimator.n_features_in_:
        raise ValueError(
            f"{name} has {windows.shape[2]} features, but {type(estimator).__name__} is expecting"
            f" {estimator.n_features_in_} features as input."
        )
    return windows


def check_target(y, X, *, name="y", rows_name="X"):
    """Validate a target, where NaN stands for what is not known.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The target.
    X : array-like of shape (n_rows, n_features)
        The rows that it belongs to.
    name, rows_name : str, default="y", "X"
        What messages call the two.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs), float64

    Raises
    ------
    ValueError
        If `y` is missing, of another length or labelled otherwise than `X`, or holds infinity, text
        or nothing but NaN.
    TypeError
        If `y` is sparse, or something that makes no array.
    """
    if y is None:
        raise ValueError(
            f"This regressor requires {name} to be passed, but the target {name} is None."
        )
    check_numeric(y, name)
    with naming(name, y):
        check_names(y)
        is_extension = isinstance(y, pd.api.extensions.ExtensionArray)
        values = check_floats(y, name) if is_extension else y
        target = check_array(
            values, dtype=np.float64, ensure_2d=False, ensure_all_finite=False, input_name=name
        )
        if target.ndim not in (1, 2):
            raise ValueError(
                f"expected the shape (n_rows,) or (n_rows, n_outputs), got {target.ndim} axes."
            )
        check_consistent_length(X, target)
    check_in_step(y, X, name=name, rows_name=rows_name)
    check_not_infinite(target, y, name)
    if np.isnan(target).all():
        raise ValueError(f"{name} holds nothing but NaN, so there is nothing to learn.")
    return target.reshape(len(target), -1)


def check_names(table):
    """Refuse a table of which two columns have one name.

    Parameters
    ----------
    table : object
        What is no DataFrame has no names.

    Raises
    ------
    ValueError
        If a name stands twice.
    """
    if isinstance(table, pd.DataFrame) and not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise ValueError(f"it has several columns called {twice!r}.")


def check_in_step(y, X, *, name="y", rows_name="X"):
    """Refuse values that are labelled otherwise than the rows that they belong to.

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
        If both have labels, and these differ.
    """
    if index_of(X) is None or index_of(y) is None or X.index.equals(y.index):
        return
    place = next(
        i for i, (a, b) in enumerate(zip(X.index, y.index, strict=True)) if a is not b and a != b
    )
    raise ValueError(
        f"{rows_name} and {name} are out of step: row {place} is {X.index[place]!r} in {rows_name}"
        f" and {y.index[place]!r} in {name}. Give both the same labels, oldest row first (was one"
        " of them sorted, shuffled or its index reset?)."
    )


def check_order(estimator, values, name):
    """Refuse a table whose columns are those seen in `fit` in another order.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    values : array-like
        What has all columns; other names than those seen in `fit` say nothing.
    name : str
        What messages call it.

    Raises
    ------
    ValueError
        If the order is another.
    """
    seen = list(getattr(estimator, "feature_names_in_", []))
    given = list(values.columns) if isinstance(values, pd.DataFrame) else seen
    if given != seen and len(set(seen)) == len(given) and set(seen) == set(given):
        raise ValueError(
            f"{name} has the columns {given!r}, but they were {seen!r} in fit: put them in that"
            f" order with {name}[{seen!r}]."
        )


def column_positions(estimator, columns, name):
    """Find columns that are given by name or position.

    Parameters
    ----------
    estimator : estimator
        Whose columns, seen in `fit`, are meant.
    columns : str, int or sequence of these
        The columns.
    name : str
        What the message calls the parameter.

    Returns
    -------
    list of int
        Their positions.

    Raises
    ------
    ValueError
        If one of them is no column.
    """
    names = list(getattr(estimator, "feature_names_in_", []))
    n_features = estimator.n_features_in_
    positions = []
    wanted = listed(columns, name)
    for column in wanted:
        if isinstance(column, str) and column in names:
            positions.append(names.index(column))
        elif is_position(column, n_features):
            positions.append(int(column))
        else:
            raise ValueError(
                f"{name}={columns!r} names no column of X: expected"
                + (f" one of {names} or" if names else "")
                + f" a position from 0 to {n_features - 1}."
            )
    if not wanted or len(set(positions)) < len(positions):
        raise ValueError(f"{name}={columns!r} names a column twice, or none.")
    return positions


def index_of(X):
    """Return the row labels of a table.

    Parameters
    ----------
    X : array-like
        A table or a series.

    Returns
    -------
    pandas.Index or None
        None for what has no labels.
    """
    return X.index if isinstance(X, pd.DataFrame | pd.Series) else None


def like(values, X, columns=None):
    """Give an array the labels, or the number of axes, of what it was made from.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        What was computed.
    X : array-like
        What it was computed from.
    columns : callable, default=None
        Returns the names of the columns where `X` is a DataFrame; by default those of `X`.

    Returns
    -------
    ndarray, Series or DataFrame
        Of the kind of `X`.
    """
    if isinstance(X, pd.DataFrame):
        names = X.columns if columns is None else columns()
        return pd.DataFrame(values, index=X.index, columns=names)
    if isinstance(X, pd.Series):
        return pd.Series(values.ravel(), index=X.index, name=X.name)
    return values.ravel() if np.asarray(X).ndim == 1 else values


def skips_unknown_rows(estimator):
    """Tell whether an estimator itself leaves out rows whose past or target is not known.

    Parameters
    ----------
    estimator : estimator
        A regressor that is no pipeline.

    Returns
    -------
    bool
    """
    return getattr(estimator, "_skips_unknown_rows", False)
