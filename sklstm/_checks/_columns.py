"""The names of columns, and which columns of `fit` they mean."""

from numbers import Integral

import numpy as np
import pandas as pd

from sklstm._checks._arguments import listed
from sklstm._checks._horizon import step_of

_FLAGS = bool | np.bool_


def check_names(table):
    """Refuse a DataFrame with two columns of one name.

    Parameters
    ----------
    table : object
        The table; anything but a DataFrame passes.

    Raises
    ------
    ValueError
        If a name stands twice.
    """
    if isinstance(table, pd.DataFrame) and not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise ValueError(f"it has several columns called {twice!r}.")


def check_order(estimator, values, name):
    """Refuse a table with a column of `fit` in the place of another one.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    values : array-like
        The table, with as many columns as in `fit`. Names that `fit` has not seen may stand
        anywhere.
    name : str
        What messages call it.

    Raises
    ------
    ValueError
        If the order differs, or a column stands in the place of another.
    """
    places = column_places(estimator, values)
    wrong = [at for at, place in enumerate(places) if place not in (None, at)]
    if not wrong:
        return
    given = names_given(values)
    seen = getattr(estimator, "_columns", None) or _made_names(estimator)
    what = f"{name} has the columns {given!r}, but they were {seen!r} in fit"
    if set(places) == set(range(len(seen))):
        ordered = [given[places.index(at)] for at in range(len(seen))]
        raise ValueError(f"{what}: put them in that order with {name}[{ordered!r}].")
    raise ValueError(
        f"{what}: {given[wrong[0]]!r} would be taken for {seen[wrong[0]]!r}. Pass the columns of"
        " fit in that order, or give columns that hold something else other names."
    )


def names_given(values):
    """List the names of the columns of a table or a series, also of those of polars.

    Parameters
    ----------
    values : array-like
        The table or the series.

    Returns
    -------
    list
        Empty where there are none.
    """
    names = getattr(values, "columns", None)
    if isinstance(names, pd.Index | list):
        return list(names)
    is_series = isinstance(values, pd.Series) or hasattr(values, "to_pandas")
    name = getattr(values, "name", None) if is_series else None
    return [] if name is None or name == "" else [name]


def column_places(estimator, values):
    """Tell which columns of `fit` those of a table are called after.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    values : array-like
        A table or a series. A column called ``<name>_step2`` holds what ``<name>`` holds.

    Returns
    -------
    list of int or None
        The position of each in `fit`; None for a name that `fit` has not seen. Empty where nothing
        has a name.
    """
    given = names_given(values)
    if not given:
        return []
    made, seen = _made_names(estimator), getattr(estimator, "_columns", None) or []
    if not hasattr(estimator, "feature_names_in_") and set(given) == set(made):
        return [made.index(name) for name in given]
    # pandas numbers columns that nobody named: only all of them say something of their order.
    is_numbered = any(names == list(range(len(names))) for names in (given, seen))
    if is_numbered and set(given) != set(seen):
        return []
    places = _by_name(seen)
    of_text = {str(name): place for place, name in enumerate(seen)}

    def place_of_name(name):
        place = _place(name, places)
        base = step_of(name)[0]
        return place if place is not None or base is name else of_text.get(base)

    return [place_of_name(name) for name in given]


def _made_names(estimator):
    """Return what scikit-learn calls columns that have no names."""
    return [f"x{place}" for place in range(estimator.n_features_in_)]


def column_names(table):
    """List the names of the columns of a table; of one without names, their positions.

    Parameters
    ----------
    table : DataFrame or array of shape (n_rows, n_columns, ...)
        The table.

    Returns
    -------
    list
    """
    return list(table.columns if isinstance(table, pd.DataFrame) else range(table.shape[1]))


def column_positions(estimator, wanted, name):
    """Find columns that an estimator saw in `fit`.

    Parameters
    ----------
    estimator : estimator
        Fitted, or at least shown its columns.
    wanted : str, int or sequence of these
        The columns, by name or position.
    name : str
        What the message calls the parameter.

    Returns
    -------
    list of int
        Their positions.

    Raises
    ------
    ValueError
        If a column is not there or named twice.
    """
    columns = getattr(estimator, "_columns", None) or range(estimator.n_features_in_)
    return positions_among(list(columns), wanted, name)


def positions_among(columns, wanted, name, table="X"):
    """Find columns among those of a table.

    Parameters
    ----------
    columns : list
        The names of all columns; for a table without names, their positions.
    wanted : str, int or sequence of these
        The columns, by name or position.
    name, table : str, table="X"
        What the message calls the parameter and the table.

    Returns
    -------
    list of int
        Their positions.

    Raises
    ------
    ValueError
        If a column is not there or named twice.
    """
    places = _by_name(columns)
    # Any hashable object may be the name of a column, also a tuple or a float.
    is_one = _place(wanted, places) is not None
    positions = []
    for column in [wanted] if is_one else listed(wanted, name):
        place = _place(column, places)
        if place is None and isinstance(column, Integral) and not isinstance(column, bool):
            place = int(column) if 0 <= int(column) < len(columns) else None
        if place is None:
            raise ValueError(
                f"{name}={wanted!r} names no column of {table}: expected one of {columns!r} or a"
                f" position from 0 to {len(columns) - 1}."
            )
        positions.append(place)
    if not positions or len(set(positions)) < len(positions):
        raise ValueError(f"{name}={wanted!r} names a column twice, or none.")
    return positions


def _by_name(columns):
    """Return the position of each column by its name."""
    # True equals 1, but a mask of columns is no list of their positions.
    return {(isinstance(one, _FLAGS), one): place for place, one in enumerate(columns)}


def _place(name, places):
    """Return the position of the column of a name, or None."""
    try:
        return places.get((isinstance(name, _FLAGS), name))
    except TypeError:  # not hashable, so no name
        return None
