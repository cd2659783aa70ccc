"""Checks shared by the transformers and the regressors."""

from functools import wraps
from numbers import Integral

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import check_array, check_consistent_length

# Private in name, but what third-party estimators are built with; scikit-learn 1.6 to 1.9.
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import validate_data

__all__ = [
    "check_array_3d",
    "check_feature_names_in",
    "check_not_infinite",
    "check_numeric",
    "check_rows",
    "check_sample_weight",
    "check_target",
    "column_positions",
    "index_of",
    "like",
    "place_of",
    "restore_on_error",
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
        If `X` is sparse.
    """
    check_numeric(X, name)
    rows = validate_data(
        estimator,
        X,
        reset=reset,
        **{"dtype": [np.float64, np.float32], "ensure_all_finite": False, **options},
    )
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
    windows = check_array(
        X, dtype=[np.float64, np.float32], allow_nd=True, ensure_all_finite=False, input_name=name
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


def check_target(y, X):
    """Validate a target, where NaN stands for what is not known.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The target.
    X : array-like of shape (n_rows, n_features)
        The rows that it belongs to.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs), float64

    Raises
    ------
    ValueError
        If `y` is missing, of another length or labelled otherwise than `X`, or holds infinity, text
        or nothing but NaN.
    """
    if y is None:
        raise ValueError("This regressor requires y to be passed, but the target y is None.")
    if issparse(y):
        raise TypeError("y is sparse, but a dense array is required. Use y.toarray().")
    check_numeric(y, "y")
    target = check_array(
        y, dtype=np.float64, ensure_2d=False, ensure_all_finite=False, input_name="y"
    )
    if target.ndim > 2:
        raise ValueError(f"y has shape {target.shape}: expected (n_rows,) or (n_rows, n_outputs).")
    check_consistent_length(X, target)
    if index_of(X) is not None and index_of(y) is not None and not X.index.equals(y.index):
        place = int(np.argmax(np.asarray(X.index != y.index)))
        raise ValueError(
            f"X and y are out of step: row {place} is {X.index[place]!r} in X and"
            f" {y.index[place]!r} in y. Give both the same labels, oldest row first (was one of"
            " them sorted, shuffled or its index reset?)."
        )
    check_not_infinite(target, y, "y")
    if np.isnan(target).all():
        raise ValueError("y holds nothing but NaN, so there is nothing to learn.")
    return target.reshape(len(target), -1)


def check_numeric(X, name="X"):
    """Refuse columns of text or dates before they end in a conversion error.

    Parameters
    ----------
    X : array-like
        A table or a series.
    name : str, default="X"
        What the message calls it.

    Raises
    ------
    ValueError
        If a column holds text or dates.
    """
    frame = X.to_frame() if isinstance(X, pd.Series) else X
    if isinstance(frame, pd.DataFrame):
        for column, dtype in zip(frame.columns, frame.dtypes, strict=True):
            if pd.api.types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
                raise ValueError(
                    f"{name} must hold numbers, but column {column!r} holds dates. Make them the"
                    f" labels of the rows with {name}.set_index({column!r}), or leave them out."
                )
            if isinstance(dtype, pd.StringDtype | pd.CategoricalDtype) or (
                pd.api.types.is_object_dtype(dtype)
            ):
                example = next((v for v in frame[column] if isinstance(v, str)), None)
                if example is not None:
                    raise ValueError(
                        f"{name} must hold numbers, but column {column!r} holds text such as"
                        f" {example!r}. Drop it or encode it first."
                    )
    elif isinstance(X, np.ndarray) and X.dtype.kind in "US":
        raise ValueError(
            f"{name} must hold numbers, but it is text of dtype {X.dtype} such as"
            f" {X.flat[0]!r}. Convert it with {name}.astype(float) or encode it first."
        )


def check_not_infinite(values, labelled, name="X"):
    """Refuse infinity, naming where it stands.

    Parameters
    ----------
    values : ndarray of shape (n_rows,) or (n_rows, n_columns)
        The numbers.
    labelled : object
        What `values` was made from; a pandas object gives the labels for the message.
    name : str, default="X"
        What the message calls it.

    Raises
    ------
    ValueError
        If a value is infinite.
    """
    # The sum is finite wherever all is; only a doubtful sum is worth a second pass.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return
    infinite = np.argwhere(np.isinf(values))
    if len(infinite):
        place = tuple(infinite[0])
        raise ValueError(
            f"{name} holds {values[place]} at {place_of(place, labelled)}. Replace infinities"
            " (for instance with numpy.nan_to_num) or leave the column out."
        )


def place_of(place, labelled):
    """Put a position into words.

    Parameters
    ----------
    place : tuple of int
        Row, and column if there is one.
    labelled : object
        A pandas object gives the labels.

    Returns
    -------
    str
        For instance ``"row 3 (1962-04-01), column 0 ('milk')"``.
    """
    row, *column = (int(i) for i in place)
    words = f"row {row}"
    if isinstance(labelled, pd.DataFrame | pd.Series):
        words += f" ({labelled.index[row]})"
    if column:
        words += f", column {column[0]}"
        if isinstance(labelled, pd.DataFrame):
            words += f" ({labelled.columns[column[0]]!r})"
    return words


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
    for column in [columns] if isinstance(columns, str | Integral) else columns:
        if isinstance(column, str) and column in names:
            positions.append(names.index(column))
        elif isinstance(column, Integral) and 0 <= int(column) < n_features:
            positions.append(int(column))
        else:
            raise ValueError(
                f"{name}={columns!r} names no column of X: expected"
                + (f" one of {names} or" if names else "")
                + f" a position from 0 to {n_features - 1}."
            )
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


def restore_on_error(method):
    """Let a method that fits change its estimator wholly or not at all.

    Parameters
    ----------
    method : callable
        A method such as ``fit``.

    Returns
    -------
    callable
        The method; where it ends in an exception or an interrupt, the estimator is as before.
    """

    @wraps(method)
    def restoring(self, *args, **kwargs):
        before = dict(self.__dict__)
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    return restoring


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
