"""Whether the labels of a table run from the oldest row to the newest, and what would mend them."""

import warnings
from contextlib import suppress

import numpy as np
import pandas as pd

#: Kinds of labels that may be names: no order of these is the order of time.
NAMES = {"string", "mixed", "mixed-integer", "categorical"}

_FOLDS = "To cross-validate, split in time with TimeSeriesSplit, not with shuffled folds."


def check_one_series(index, name):
    """Refuse a table of many series.

    Parameters
    ----------
    index : object
        The labels of a table; anything but a ``pandas.MultiIndex`` passes.
    name : str
        What the message calls the table.

    Raises
    ------
    ValueError
        If the labels have several levels.
    """
    if isinstance(index, pd.MultiIndex):
        raise ValueError(
            f"The index of {name} has {index.nlevels} levels, but tables of many series are not"
            f" supported yet: one series would go on where another ends. Take one series at a time,"
            f" or make columns of them, for instance with {name}.unstack()."
        )


def check_sorted(index, name="X", *, allow_names=False):
    """Refuse labels that do not run from the oldest row to the newest.

    Parameters
    ----------
    index : pandas.Index or None
        The labels of a table; None passes.
    name : str, default="X"
        What the message calls the table.
    allow_names : bool, default=False
        Whether text that does not read as dates may be in any order but a falling one.

    Raises
    ------
    ValueError
        If they are unsorted, hold duplicates or have several levels; the message shows the first
        such label.
    """
    check_one_series(index, name)
    if index is None:
        return
    rises = index.is_monotonic_increasing and index.is_unique
    falls = index.is_monotonic_decreasing and index.is_unique
    kind = pd.api.types.infer_dtype(index)
    dates, code = _read_dates(index, name) if kind == "string" else (None, "")
    if dates is not None:
        # Dates in text may run on where their letters do not, and the other way round.
        runs_on = dates.is_monotonic_increasing and dates.is_unique
        if runs_on and (rises or allow_names):
            return
        mend = f"Make dates of it: {name}.index = {code}."
        if dates.is_monotonic_decreasing:
            mend += f" Then turn the table round with {name}[::-1]."
        elif not runs_on:
            mend += f" Then sort the table with {name}.sort_index()."
        what = f"holds text such as {index[0]!r}, which sorts by its letters, not in time"
    elif rises or (allow_names and kind in NAMES and not falls):
        return
    elif index.hasnans:
        place = int(np.argmax(index.isna()))
        what = f"holds {index[place]!r} at row {place}, but a series needs the time of each row"
        mend = "Fill it in, or leave the row out."
    elif index.has_duplicates:
        what = f"holds {index[index.duplicated()][0]!r} more than once"
        mend = (
            "If the table holds several series, take one at a time, as tables of many series are"
            f" not supported yet; otherwise make one row of those that share a label. {_FOLDS}"
        )
    elif falls:
        what = f"runs from the newest row to the oldest: {index[1]!r} comes after {index[0]!r}"
        mend = f"Turn the table round with {name}[::-1]."
    elif (place := _first_fall(index)) is None:
        kinds = ", ".join(sorted({type(label).__name__ for label in index}))
        what = f"holds labels that cannot be put in order, of the kinds {kinds}"
        mend = "Give all rows labels of one kind, or use arrays."
    else:
        what = f"is not sorted: {index[place]!r} comes after {index[place - 1]!r}"
        mend = f"Sort it with {name}.sort_index(). {_FOLDS}"
        if kind == "string":
            mend = f"Text sorts by its letters, so make dates or numbers of it. {_FOLDS}"
    raise ValueError(
        f"The index of {name} {what}, but a series needs one row per time step, oldest first."
        f" {mend}"
    )


def gap_remedy(index, name):
    """Say what to do about steps that a table lacks.

    Parameters
    ----------
    index : pandas.Index
        The labels of the table.
    name : str
        What the message calls the table.

    Returns
    -------
    str
        Two sentences.
    """
    code = f"{name}.reindex(...)"
    if isinstance(index, pd.PeriodIndex):
        code = f"{name}.reindex(pd.period_range({name}.index[0], {name}.index[-1]))"
    elif isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        code = f"{name}.asfreq(...)"
    elif pd.api.types.is_integer_dtype(index):
        step = int(np.median(np.diff(index)))
        code = f"{name}.reindex(range({name}.index[0], {name}.index[-1] + 1, {step}))"
    return (
        f"Put the missing rows in with {code}, and fill them. If none are missing, as on days"
        f" without trade, number the rows before they are split: {name}.reset_index(drop=True)."
    )


def _first_fall(index):
    """Return the first place whose label is less than the one before it; None without an order."""
    try:
        # Element by element: an index of tuples has no vectorised comparison.
        return next(i for i in range(1, len(index)) if index[i] < index[i - 1])
    except (TypeError, StopIteration):
        return None


def _read_dates(index, name):
    """Return the dates that text stands for and the code that makes them, or None and nothing.

    Of two readings, the one counts in which the dates run on, or else run backwards.
    """
    found: list = []
    for option in ("", ", dayfirst=True"):
        with warnings.catch_warnings(), suppress(ValueError):  # for instance two time zones
            warnings.simplefilter("ignore")  # pandas warns where it has to guess.
            # One label first: text that is no date takes long to read.
            for labels in (index[:1], index):
                dates = pd.DatetimeIndex(
                    pd.to_datetime(labels, errors="coerce", dayfirst=bool(option))
                )
                if dates.hasnans:
                    break
            else:
                found.append((dates, f"pd.to_datetime({name}.index{option})"))
    found.sort(key=lambda one: not one[0].is_monotonic_decreasing)
    found.sort(key=lambda one: not one[0].is_monotonic_increasing)
    return found[0] if found else (None, "")
