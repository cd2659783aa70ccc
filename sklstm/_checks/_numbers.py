"""Whether values are numbers that can be computed with."""

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from sklstm._checks._arguments import naming
from sklstm._past._memory_mapped import blocks

#: What NumPy's kinds of times are called.
TIMES = {"M": "dates", "m": "durations"}


def check_floats(values, name):
    """Convert numbers of any shape to float64; NaN stands for what is not known.

    Parameters
    ----------
    values : array-like
        An array, a table or a series.
    name : str
        What messages call it.

    Returns
    -------
    ndarray, float64

    Raises
    ------
    ValueError
        If there is text, or nothing that makes an array.
    TypeError
        If it is sparse, or holds something else than numbers.
    """
    check_numeric(values, name)
    with naming(name, values):
        if isinstance(values, pd.DataFrame | pd.Series | pd.api.extensions.ExtensionArray):
            return values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(values, dtype=np.float64)


def check_numeric(X, name="X"):
    """Refuse what holds no real numbers before it ends in a conversion, or is converted in silence.

    Parameters
    ----------
    X : array-like
        A table or a series.
    name : str, default="X"
        What the message calls it.

    Raises
    ------
    ValueError
        If a column holds text, times, intervals or complex numbers, or values are masked.
    TypeError
        If it is sparse.
    """
    frame = X
    if isinstance(X, pd.api.extensions.ExtensionArray):
        frame = pd.DataFrame({name: X})
    elif isinstance(X, pd.Series):
        frame = X.to_frame()
    if isinstance(frame, pd.DataFrame):
        for place, (column, dtype) in enumerate(zip(frame.columns, frame.dtypes, strict=True)):
            _check_column(frame.iloc[:, place], column, dtype, name)
        return
    if issparse(X):
        raise TypeError(f"{name} is sparse, but a dense array is required. Use {name}.toarray().")
    if np.ma.is_masked(X):
        raise ValueError(
            f"{name} is a masked array, whose mask would be lost. Say what is not known by NaN:"
            f" {name}.astype(float).filled(numpy.nan)."
        )
    if isinstance(X, np.ndarray):
        example = X.flat[0] if X.dtype.kind in "US" and X.size else None
        if X.dtype.kind == "O":
            example = next((value for value in X.flat if isinstance(value, str)), None)
        if example is not None:
            raise ValueError(
                f"{name} must hold numbers, but it is text of dtype {X.dtype} such as"
                f" {example!r}. Convert it with {name}.astype(float) or encode it first."
            )
        if X.dtype.kind in "mM":
            raise ValueError(
                f"{name} must hold numbers, but it holds {TIMES[X.dtype.kind]} of dtype {X.dtype}."
                " Take what counts about them, for instance the month, as numbers."
            )
        if X.dtype.kind == "c":
            raise ValueError(f"Complex data not supported: {name} is of dtype {X.dtype}.")


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
    for start, block in blocks(values):
        # The sum is finite wherever all is; only a doubtful sum is worth a second pass.
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(block.sum()):
                continue
        infinite = np.argwhere(np.isinf(block))
        if len(infinite):
            row, *column = infinite[0]
            raise ValueError(
                f"{name} holds {block[row, *column]} at"
                f" {place_of((start + row, *column), labelled)}. Replace infinities"
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


def _check_column(values, column, dtype, name):
    """Refuse a column of a table that holds no real numbers."""
    if isinstance(dtype, pd.SparseDtype):
        raise TypeError(
            f"Column {column!r} of {name} is sparse, but a dense array is required. Use"
            f" {name}.sparse.to_dense()."
        )
    if pd.api.types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
        raise ValueError(
            f"{name} must hold numbers, but column {column!r} holds dates. Make them the"
            f" labels of the rows with {name}.set_index({column!r}), or leave them out."
        )
    if pd.api.types.is_timedelta64_dtype(dtype):
        raise ValueError(
            f"{name} must hold numbers, but column {column!r} holds durations. Make numbers of"
            " them, for instance with .dt.total_seconds(), or leave them out."
        )
    if isinstance(dtype, pd.IntervalDtype):
        raise ValueError(
            f"{name} must hold numbers, but column {column!r} holds intervals. Make numbers of"
            " them, for instance of their .mid, or leave them out."
        )
    if pd.api.types.is_complex_dtype(dtype):
        raise ValueError(f"Complex data not supported: column {column!r} of {name} is {dtype}.")
    if isinstance(dtype, pd.StringDtype | pd.CategoricalDtype) or pd.api.types.is_object_dtype(
        dtype
    ):
        example = next((value for value in values if isinstance(value, str)), None)
        if example is not None:
            raise ValueError(
                f"{name} must hold numbers, but column {column!r} holds text such as"
                f" {example!r}. Drop it or encode it first."
            )
