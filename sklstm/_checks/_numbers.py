"""Whether values are finite real numbers."""

import numpy as np
import pandas as pd
from pandas.api.types import is_string_dtype
from scipy.sparse import issparse

from sklstm._checks._arguments import naming
from sklstm._past._memory_mapped import blocks
from sklstm._past._order import label_at

#: How polars calls the types of text.
_POLARS_TEXT = ("String", "Utf8", "Categorical", "Enum")


def check_floats(values, name):
    """Convert numbers of any shape to float64; missing values become NaN.

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
        If there is text, or the values do not make an array.
    TypeError
        If it is sparse, or holds anything but numbers.
    """
    check_numeric(values, name)
    with naming(name, values):
        if isinstance(values, pd.DataFrame | pd.Series | pd.api.extensions.ExtensionArray):
            return values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(values, dtype=np.float64)


def check_numeric(X, name="X"):
    """Refuse values that are not real numbers, before a conversion changes them without a warning.

    Parameters
    ----------
    X : array-like
        A table, a series or an array.
    name : str, default="X"
        What the message calls it.

    Raises
    ------
    ValueError
        If there is text, a time, an interval or a complex number, or values are masked.
    TypeError
        If it is sparse, or its rows are not in memory.
    """
    check_dense(X, name)
    if isinstance(X, pd.DataFrame):
        for place, dtype in enumerate(X.dtypes):
            if not (isinstance(dtype, np.dtype) and dtype.kind in "biuf" and dtype.isnative):
                _check_values(X.iloc[:, place], name, X.columns[place], X)
    elif isinstance(X, pd.Series | pd.api.extensions.ExtensionArray | np.ndarray):
        _check_values(X, name)


def check_dense(X, name):
    """Refuse values that are not in memory as a whole, or of which some are masked.

    Parameters
    ----------
    X : array-like
        A table, a series or an array.
    name : str
        What the message calls it.

    Raises
    ------
    ValueError
        If values are masked; or see `check_in_memory`.
    TypeError
        If it is sparse, or its rows are not in memory.
    """
    check_in_memory(X, name)
    if issparse(X):
        raise TypeError(
            f"{name} is sparse, but a dense array is required. Use {name}.toarray(), or set"
            " sparse_output=False in the step that made it."
        )
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        raise ValueError(
            f"{name} is a masked array, whose mask would be lost. Mark unknown values with NaN:"
            f" {name}.astype(float).filled(numpy.nan)."
        )


def check_in_memory(X, name):
    """Refuse a table whose rows are still to be computed, or that cannot have labels.

    Parameters
    ----------
    X : object
        A table.
    name : str
        What the message calls it.

    Raises
    ------
    TypeError
        If it is a lazy frame, as those of polars, or one in partitions, as those of dask.
    ValueError
        If it is a frame of polars with a column of times or text.
    """
    for method, mark in (("collect", "collect_schema"), ("compute", "divisions")):
        if hasattr(X, method) and hasattr(X, mark):
            raise TypeError(
                f"{name} is a {type(X).__name__} whose rows are still to be computed. Use"
                f" {name}.{method}()."
            )
    schema = getattr(X, "schema", None)
    if isinstance(schema, dict) and hasattr(X, "to_pandas"):  # polars
        times = [column for column, dtype in schema.items() if dtype.is_temporal()]
        names = [column for column, dtype in schema.items() if str(dtype).startswith(_POLARS_TEXT)]
        if times or names:
            column = (times + names)[0]
            one_series = len(times) == 1 and X[times[0]].is_unique().all()
            code = f"set_index({times[0]!r})" if one_series else _to_labels(times, names)
            raise ValueError(
                f"{name} must hold numbers, but column {column!r} holds {schema[column]}, and a"
                " frame of polars has no row labels. Make labels of the time, and of what names"
                f" the series if there are many: {name}.to_pandas().{code}."
            )


def check_not_infinite(values, labelled, name="X"):
    """Refuse infinity, and name the first place that holds it.

    Parameters
    ----------
    values : ndarray of shape (n_rows,) or (n_rows, n_columns)
        The numbers.
    labelled : object
        The table that `values` come from; a pandas object gives the message its labels.
    name : str, default="X"
        What the message calls it.

    Raises
    ------
    ValueError
        If a value is infinite.
    """
    for start, block in blocks(values):
        infinite = np.argwhere(np.isinf(block))
        if len(infinite):
            row, *column = infinite[0]
            raise ValueError(
                f"{name} holds {block[row, *column]} at"
                f" {place_of((start + row, *column), labelled)}. Replace infinities"
                " (for instance with numpy.nan_to_num) or leave the column out."
            )


def place_of(place, labelled):
    """Describe a place in a table.

    Parameters
    ----------
    place : tuple of int
        Row, and column if there is one.
    labelled : object
        A pandas object gives its labels.

    Returns
    -------
    str
        For instance ``"row 3 (1962-04-01), column 0 ('milk')"``.
    """
    row, *column = (int(i) for i in place)
    words = f"row {row}"
    if isinstance(labelled, pd.DataFrame | pd.Series):
        words += f" ({label_at(labelled.index, row)})"
    if column:
        words += f", column {column[0]}"
        if isinstance(labelled, pd.DataFrame):
            words += f" ({labelled.columns[column[0]]!r})"
    return words


def _check_values(values, name, column=None, table=None):
    """Refuse a column of a table, or an array as a whole, that holds no real numbers."""
    place = "it" if table is None else f"column {column!r}"
    where = name if table is None else f"{place} of {name}"
    dtype = values.dtype
    if isinstance(dtype, pd.SparseDtype):
        raise TypeError(
            f"{where} is sparse, but a dense array is required. Use {name}.sparse.to_dense()."
        )
    if dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {where} is {dtype}.")
    if isinstance(values, pd.Series) and isinstance(dtype, np.dtype) and not dtype.isnative:
        raise ValueError(
            f"{where} holds {dtype}, of another byte order than this machine's, and pandas takes no"
            f" rows from such numbers. Use {name}.astype(float)."
        )
    if _holds_dates(values):
        held = f"dates of dtype {dtype}"
        to_index = "" if table is None else f" with {name}.set_index({column!r})"
        remedy = f"Make them the index{to_index}, or numbers of what matters, such as the month."
        if table is not None and values.duplicated().any():
            remedy = f"For many series, {_many_series(name, table)}"
    elif dtype.kind == "m":
        held = f"durations of dtype {dtype}"
        remedy = "Make numbers of them, for instance with .dt.total_seconds(), or leave them out."
    elif isinstance(dtype, pd.IntervalDtype):
        held = "intervals"
        remedy = "Make numbers of them, for instance of their .mid, or leave them out."
    elif (text := text_in(values)) is not None:
        held = f"text such as {str(text)!r} (dtype {dtype})"
        remedy = "Convert it with .astype(float), encode it, or leave it out."
        if name.startswith("y"):
            remedy = "Convert it with .astype(float); labels of classes are for LSTMClassifier."
        if table is not None:
            remedy += f" If it names the series of each row, {_many_series(name, table)}"
    else:
        return
    raise ValueError(f"{name} must hold numbers, but {place} holds {held}. {remedy}")


def _holds_dates(values):
    return values.dtype.kind == "M" or isinstance(values.dtype, pd.PeriodDtype)


def _many_series(name, table):
    """Say how to make labels of the columns of a long table."""
    times = [column for column, values in table.items() if _holds_dates(values)]
    names = [column for column, values in table.items() if text_in(values) is not None]
    code = _to_labels(times, names)
    if not times and not isinstance(table.index, pd.RangeIndex):
        code = f"set_index({names!r}, append=True).sort_index()"
    return f"make labels of the time and of the name: {name}.{code}."


def _to_labels(times, names):
    """Return code that makes labels of the time and of what names the series."""
    time = repr(times[0]) if times else "<time>"
    series = [repr(name) for name in names] or ["<series>"]
    return f"set_index([{', '.join([time, *series])}]).sort_index()"


def text_in(values):
    """Return the first text among values.

    Parameters
    ----------
    values : Series, array or pandas array
        The values.

    Returns
    -------
    str, bytes or None
        None where there is none.
    """
    if not (isinstance(values.dtype, pd.CategoricalDtype) or is_string_dtype(values.dtype)):
        return None
    return next((one for one in np.asarray(values).flat if isinstance(one, str | bytes)), None)
