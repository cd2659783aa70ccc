"""The names of the series of a table, and which series each row belongs to."""

import numpy as np
import pandas as pd


def number_series(index, name):
    """Give each series of a table a number, in the order of the names.

    Levels of an index are in any order, and those of the same table made another way in another.

    Parameters
    ----------
    index : pandas.MultiIndex
        The labels of the table: the time, and the names of the series.
    name : str
        What messages call the table.

    Returns
    -------
    codes : ndarray of int of shape (n_rows,)
        The number of the series of each row.
    names : list of ndarray of shape (n_series,)
        The names of the series by number, an array for each level.

    Raises
    ------
    ValueError
        If a name is missing.
    """
    codes, names, labels = _series(index, name)
    if labels.is_monotonic_increasing:
        return codes, names
    try:
        order = labels.argsort()
    except TypeError:  # Names of several types have no order.
        return codes, names
    rank = np.empty(len(order), dtype=codes.dtype)
    rank[order] = np.arange(len(order))
    return rank[codes], [level[order] for level in names]


def names_as_index(names):
    """Return names of series as labels.

    Parameters
    ----------
    names : list of ndarray of shape (n_series,) or None
        An array for each level.

    Returns
    -------
    pandas.Index or None
    """
    if names is None:
        return None
    if len(names) == 1:
        return pd.Index(names[0])
    return pd.MultiIndex.from_arrays(names)


def find_series(names, given, table="X"):
    """Find the series of a table among those of the training rows.

    Parameters
    ----------
    names : list of ndarray of shape (n_series,)
        The names of the series in the training rows, an array for each level.
    given : pandas.Index of length n_given
        The names of the series of a table, as `Layout.labels` returns them.
    table : str, default="X"
        What messages call the table.

    Returns
    -------
    ndarray of int of shape (n_given,)
        The number of each series among `names`; -1 where the training rows do not have it.

    Raises
    ------
    ValueError
        If the table names its series by another number of levels, or by names of another type.
    """
    if given.nlevels != len(names):
        raise ValueError(
            f"{table} names its series by {given.nlevels} level(s) of its index, but the"
            f" training rows by {len(names)}: give both the same levels."
        )
    seen = names_as_index(names)
    found = seen.get_indexer(given)
    if (found < 0).any():
        alike = np.flatnonzero((found < 0) & given.map(str).isin(seen.map(str)))
        if len(alike):
            name = given.tolist()[alike[0]]
            other = seen.tolist()[seen.map(str).tolist().index(str(name))]
            raise ValueError(
                f"{table} names a series {name!r}, but the training rows {other!r}: give the names"
                " the same type."
            )
    return found


def check_levels_in_order(levels, given, table="X", other="the training rows"):
    """Refuse a table whose index has the levels of other rows in another order.

    Levels are told apart by their order, so they may have other names, or none.

    Parameters
    ----------
    levels : sequence of label or None
        The names of the levels of the other rows; None where their index names no series.
    given : sequence of label or None
        Those of the table.
    table, other : str, default="X", "the training rows"
        What messages call the table and the other rows.

    Raises
    ------
    ValueError
        If a name that both have is that of another level.
    """
    if levels is None or given is None or len(levels) != len(given):
        return
    levels, given = list(levels), list(given)
    both = [one for one in given if one is not None and given.count(one) == levels.count(one) == 1]
    if all(given.index(one) == levels.index(one) for one in both):
        return
    turned = "swaplevel()" if len(levels) == 2 else f"reorder_levels({levels!r})"
    remedy = (
        f"Put them in that order with {table}.{turned}.sort_index()."
        if len(both) == len(levels)
        else "Give both the same levels in the same order."
    )
    raise ValueError(
        f"The index of {table} has the levels {given!r}, but that of {other} has {levels!r}: by"
        f" their order, the first is the time and the others name the series. {remedy}"
    )


def _series(index, name):
    """Return a number for the series of each row, and the names of the series by number.

    The names are arrays, one for each level, and all levels as one index.
    """
    levels, codes = index.levels[1:], index.codes[1:]
    for level, (label, code) in enumerate(zip(index.names[1:], codes, strict=True), 1):
        if len(code) and code.min() < 0:
            row = int(np.argmin(code))
            raise ValueError(
                f"Level {level if label is None else label!r} of the index of {name} is missing at"
                f" row {row}: it names the series of each row. Fill it in, or leave the row out."
            )
    if len(levels) == 1:
        # Levels may hold names that no row has any more.
        used = np.bincount(codes[0], minlength=len(levels[0])) > 0
        number = np.cumsum(used) - 1
        kind = np.min_scalar_type(int(used.sum()))
        level = levels[0] if used.all() else levels[0][used]
        names = [_values(level)]
        # pandas remembers of a level whether it rises; categories have an order of their own.
        labels = names_as_index(names) if isinstance(level, pd.CategoricalIndex) else level
        return number.astype(kind)[codes[0]], names, labels
    together = codes[0].astype(np.int64)
    for level, code in zip(levels[1:], codes[1:], strict=True):
        together = together * len(level) + code
    numbers, distinct = pd.factorize(together, sort=True)
    names = []
    for level in reversed(levels[1:]):
        distinct, code = np.divmod(distinct, len(level))
        names.insert(0, _values(level[code]))
    names.insert(0, _values(levels[0][distinct]))
    kind = np.min_scalar_type(len(distinct))
    return numbers.astype(kind), names, names_as_index(names)


def _values(level):
    """Return names as an array that every release of pandas reads again."""
    values = np.asarray(level)
    return values if values.dtype.kind in "iufbM" else values.astype(object)
