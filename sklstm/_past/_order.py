"""Whether the labels of a table run from the oldest row to the newest, and what would mend them."""

import threading
import warnings
from contextlib import suppress

import numpy as np
import pandas as pd

#: Kinds of labels that may be names: no order of these is the order of time.
NAMES = {"string", "mixed", "mixed-integer", "categorical"}

#: What levels of an index that hold the time are called.
TIME_WORDS = {
    *("time", "date", "datetime", "timestamp", "ds", "period", "step", "t"),
    *("timepoint", "timepoints", "timestep", "time_step", "time_idx", "date_time"),
    *("year", "quarter", "month", "week", "day", "hour", "minute", "second"),
}

#: What pandas warns of where it has to guess what dates text stands for.
_GUESSES = "Could not infer format|Parsing dates in|In a future version|tzname"

#: Numbers that write out dates: what they hold, by what the year is multiplied, the largest number
#: of a part of it, the format of a date or else None, and the code that makes dates of {}.
_WRITTEN_DATES: list[tuple[str, int, int, str | None, str]] = [
    ("year and month", 100, 12, None, 'pd.PeriodIndex({}.astype(str), freq="M")'),
    ("year and week", 100, 53, "%G%V%u", 'pd.to_datetime({}.astype(str) + "1", format="%G%V%u")'),
    (
        "year and quarter",
        10,
        4,
        None,
        'pd.PeriodIndex([f"{{t // 10}}Q{{t % 10}}" for t in {}], freq="Q")',
    ),
    (
        "year, month and day",
        10_000,
        1231,
        "%Y%m%d",
        'pd.to_datetime({}.astype(str), format="%Y%m%d")',
    ),
]

#: All threads share Python's filters of warnings: one at a time changes them, and puts them back.
_one_thread = threading.Lock()

_FOLDS = "To cross-validate, split in time with TimeSeriesSplit, not with shuffled folds."


def is_panel(index):
    """Tell whether labels have several levels: the time, and the names of the series.

    Parameters
    ----------
    index : object
        The labels of a table; anything but a ``pandas.MultiIndex`` is none.

    Returns
    -------
    bool
    """
    return isinstance(index, pd.MultiIndex) and index.nlevels > 1


def label_at(index, place):
    """Return a label as messages show it: NumPy's numbers as those of Python.

    Parameters
    ----------
    index : pandas.Index
        The labels of a table.
    place : int
        Which of them.

    Returns
    -------
    object
        A tuple where there are several levels.
    """
    return index[[place]].tolist()[0]


def check_times(index, times, name):
    """Refuse a table of many series whose rows do not run from the oldest to the newest.

    Parameters
    ----------
    index : pandas.MultiIndex
        The labels of the table.
    times : pandas.Index
        The time of the first row, and of each row whose time differs from that of the row before.
    name : str
        What the message calls the table.

    Raises
    ------
    ValueError
        If the first level is not the time, is text, or falls.
    """
    others = range(1, index.nlevels)
    if _time_is_last(index):
        order = [index.nlevels - 1, *range(index.nlevels - 1)]
        turned = "swaplevel()" if index.nlevels == 2 else f"reorder_levels({order})"
        raise ValueError(
            f"The index of {name} has the levels {_said(index)}, but the time has to be the first"
            f" level and the series the one(s) after it. Use {name}.{turned}.sort_index()."
        )
    kind = pd.api.types.infer_dtype(times)
    if kind in NAMES:
        text = next((one for one in times if isinstance(one, str)), None)
        what = f"is text such as {text!r}, which sorts by its letters, not in time"
        if text is None:
            first = label_at(times, 0)
            what = f"holds {kind} labels such as {first!r}, which are not sorted in time"
        code = _read_dates(times, name)[1].replace(f"{name}.index", f"{name}.index.levels[0]")
        mend = "Make dates or numbers of it" + (
            f": {name}.index = {name}.index.set_levels({code}, level=0), and then sort the table"
            f" with {name}.sort_index()."
            if code
            else "."
        )
    elif (end := _infinite_end(times)) is not None:
        what, mend = f"holds {end!r}", "Give the rows the number of their time step."
    elif (found := _written_dates(times, f"{name}.index.levels[0]")) is not None:
        what, code = found
        mend = f"Make dates of it: {name}.index = {name}.index.set_levels({code}, level=0)."
    elif times.is_monotonic_increasing and times.is_unique:
        return
    elif (place := _first_fall(times)) is None:
        what = "holds labels that cannot be put in order"
        mend = "Give all rows times of one kind."
    else:
        what = f"falls from {label_at(times, place - 1)!r} to {label_at(times, place)!r}"
        mend = f"Sort the table with {name}.sort_index(). {_FOLDS}"
    raise ValueError(
        f"The time of {name}, the first of the {len(others) + 1} levels of its index, {what}. The"
        f" rows of many series run from the oldest time to the newest. {mend}"
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
        If they are unsorted or hold duplicates; the message shows the first such label.
    """
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
    elif (end := _infinite_end(index)) is not None:
        what, mend = f"holds {end!r}", "Give the rows the number of their time step."
    elif (found := _written_dates(index, f"{name}.index")) is not None:
        what, code = found
        mend = f"Make dates of it: {name}.index = {code}."
    elif rises or (allow_names and kind in NAMES and not falls):
        return
    elif index.hasnans:
        place = int(np.argmax(index.isna()))
        label = label_at(index, place)
        what = f"holds {label!r} at row {place}, but a series needs the time of each row"
        mend = "Fill it in, or leave the row out."
    elif index.has_duplicates:
        what = f"holds {label_at(index[index.duplicated()], 0)!r} more than once"
        table = "X" if name == "X" else f"pd.DataFrame({name})"  # others may be a Series
        mend = (
            "If the table holds several series, add the level that names them:"
            f" {table}.set_index(<series>, append=True).sort_index(), where <series> is their"
            f" column; otherwise make one row of those that share a label. {_FOLDS}"
        )
    elif falls:
        first, second = label_at(index, 0), label_at(index, 1)
        what = f"runs from the newest row to the oldest: {second!r} comes after {first!r}"
        mend = f"Turn the table round with {name}[::-1]."
    elif (place := _first_fall(index)) is None:
        kinds = ", ".join(sorted({type(label).__name__ for label in index}))
        what = f"holds labels that cannot be put in order, of the kinds {kinds}"
        mend = "Give all rows labels of one kind, or use arrays."
    else:
        before, after = label_at(index, place - 1), label_at(index, place)
        what = f"is not sorted: {after!r} comes after {before!r}"
        mend = f"Sort it with {name}.sort_index(). {_FOLDS}"
        if kind == "string":
            mend = f"Text sorts by its letters, so make dates or numbers of it. {_FOLDS}"
    raise ValueError(
        f"The index of {name} {what}, but a series needs one row per time step, oldest first."
        f" {mend}"
    )


def _infinite_end(index):
    """Return the first or the last of some labels if it is an infinite number, or else None."""
    ends = (one for one in (*index[:1], *index[-1:]) if isinstance(one, float | np.floating))
    return next((one for one in ends if np.isinf(one)), None)


def _written_dates(index, name):
    """Tell of numbers that write out dates, and as such are apart what they are not as numbers.

    Returns
    -------
    tuple of str or None
        What the labels hold, and the code that makes dates of them.
    """
    # A range is as far apart everywhere.
    if isinstance(index, pd.RangeIndex) or not pd.api.types.is_any_real_numeric_dtype(index):
        return None
    if index.hasnans or len(index) < 3 or index.min() < 1e4 or index.max() > 1e8:
        return None
    numbers = index.to_numpy(dtype=np.int64)
    if not pd.api.types.is_integer_dtype(index):
        if (numbers != index).any():
            return None
        name = f"{name}.astype(int)"
    steps = np.diff(numbers)
    if (steps == steps[0]).all():
        return None
    for written, base, n_parts, form, code in _WRITTEN_DATES:
        counted = _count_dates(numbers, base, n_parts, form)
        # Of whole years, and of numbers that happen to read as dates, dates are no more regular.
        if counted is not None and len(np.unique(np.diff(counted))) < len(np.unique(steps)):
            place = int(np.argmax(np.abs(steps)))
            before, after = label_at(index, place), label_at(index, place + 1)
            what = (
                f"holds numbers such as {before!r} and {after!r} that write out {written}: as"
                f" numbers, these are {abs(after - before)} steps apart"
            )
            return what, code.format(name)
    return None


def _count_dates(numbers, base, n_parts, form):
    """Return the numbers of months, quarters or days that numbers write out; None if not all do."""
    years, parts = np.divmod(numbers, base)
    if years.min() < 1800 or years.max() > 2200 or parts.min() < 1 or parts.max() > n_parts:
        return None
    if form is None:
        return years * n_parts + parts
    text = pd.Index(numbers).astype(str) + ("1" if form.endswith("%u") else "")
    dates = pd.to_datetime(text, format=form, errors="coerce")
    return None if dates.hasnans else dates.to_numpy().astype("datetime64[D]").astype(np.int64)


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
    if is_panel(index):
        levels = -1 if index.nlevels == 2 else list(range(1 - index.nlevels, 0))
        code = f"{name}.unstack({levels}).asfreq(...).stack({levels}, future_stack=True)"
    elif isinstance(index, pd.PeriodIndex):
        code = f"{name}.reindex(pd.period_range({name}.index[0], {name}.index[-1]))"
    elif isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        code = f"{name}.asfreq(...)"
    elif pd.api.types.is_integer_dtype(index):
        step = int(np.median(np.diff(index)))
        code = f"{name}.reindex(range({name}.index[0], {name}.index[-1] + 1, {step}))"
    number = f"{name}.reset_index(drop=True)"
    if is_panel(index):
        number = "the time level then counts the rows of each series"
    return (
        f"Put the missing rows in with {code}, and fill them. If none are missing, as on days"
        f" without trade, number the rows before they are split: {number}."
    )


def _time_is_last(index):
    """Tell whether the time is surely the last level, and not the first."""
    first, last = index.levels[0], index.levels[-1]
    words = [str(name).lower() in TIME_WORDS for name in index.names]
    # Series may be named by dates, such as those of when their customers came.
    if _is_time(first) or (words[0] and not words[-1]):
        return False
    if _is_time(last) or (words[-1] and not words[0]):
        return True
    is_text = pd.api.types.infer_dtype(first) in NAMES
    if not is_text or _read_dates(first, "")[0] is not None:
        return False
    # Text that is no date names series.
    return pd.api.types.is_any_real_numeric_dtype(last) or _read_dates(last, "")[0] is not None


def _is_time(labels):
    return isinstance(labels, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex)


def _said(index):
    """Say what the levels of an index are called, or else what they hold."""
    return [
        levels[:1].tolist() if name is None else name
        for name, levels in zip(index.names, index.levels, strict=True)
    ]


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
        with _one_thread, warnings.catch_warnings(), suppress(ValueError):  # as of two time zones
            warnings.filterwarnings("ignore", _GUESSES)
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
