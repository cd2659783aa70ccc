"""Whether the rows of a table of many series are in order."""

import pandas as pd

from sklstm._past._order import check_sorted

_TIMES = pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex


def check_rows_sorted(index, name):
    """Refuse labels that do not run from the oldest row to the newest, of one series or of many.

    Parameters
    ----------
    index : pandas.Index or None
        The labels of a table; None passes.
    name : str
        What the message calls the table.

    Raises
    ------
    ValueError
        If they are unsorted or hold duplicates, or the time is not the first of several levels.
    """
    if not isinstance(index, pd.MultiIndex):
        check_sorted(index, name)
        return
    times = index.get_level_values(0)
    is_text = pd.api.types.infer_dtype(times) in {"string", "mixed", "categorical"}
    is_time_later = any(isinstance(level, _TIMES) for level in index.levels[1:])
    if is_text or (is_time_later and not isinstance(times, _TIMES)):
        raise ValueError(
            f"The first level of the index of {name} holds {times[0]!r}, but in a table of many"
            " series it is the time, and the levels after it name the series. Use"
            f" {name}.swaplevel().sort_index(); if it is a time in text, make dates of it."
        )
    if not times.is_monotonic_increasing:
        raise ValueError(
            f"The rows of {name} are not sorted in time. Sort them with {name}.sort_index()."
        )
    if not index.is_unique:
        raise ValueError(
            f"The index of {name} holds {index[index.duplicated()][0]!r} more than once, but a"
            " series has one row per time step."
        )
