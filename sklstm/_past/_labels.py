"""Labels that an index would have had next, and the season that its step suggests."""

import numpy as np
import pandas as pd

from sklstm._past._time_axis import TimeAxis

#: Rows per season for the usual steps, by the start of their pandas names.
SEASONS = {"M": 12, "Q": 4, "BM": 12, "BQ": 4, "W": 52, "D": 7, "B": 5, "h": 24, "H": 24}


def next_labels(index, n_labels):
    """Continue an index at its own step.

    Parameters
    ----------
    index : pandas.Index
        Sorted labels.
    n_labels : int
        How many labels to add.

    Returns
    -------
    pandas.Index of length n_labels or None
        The labels after the last one; None where the index has no regular step.
    """
    if n_labels == 0:
        return index[:0]
    freq = _freq(index)
    labels: pd.Index
    if isinstance(index, pd.PeriodIndex):
        axis = TimeAxis.fit(index)
        step = 1 if axis is None else int(axis.step)
        labels = pd.PeriodIndex(
            [index[-1] + step * k for k in range(1, n_labels + 1)], dtype=index.dtype
        )
    elif isinstance(index, pd.RangeIndex):
        first = index[-1] + index.step
        labels = pd.RangeIndex(first, first + n_labels * index.step, index.step)
    elif freq is not None:
        make = pd.date_range if isinstance(index, pd.DatetimeIndex) else pd.timedelta_range
        labels = make(index[-1], periods=n_labels + 1, freq=freq)[1:].as_unit(index.unit)
    else:
        axis = TimeAxis.fit(index)
        if axis is None:
            return None
        labels = _run_on(index, axis, np.arange(1, n_labels + 1) * axis.step)
    return labels.rename(index.name)


def season_of(index):
    """Return how many rows a season has, judged by the step of an index.

    Parameters
    ----------
    index : pandas.Index or None
        Sorted labels.

    Returns
    -------
    int or None
        12 for months, 4 for quarters, 52 for weeks, 7 for days, 5 for business days, 24 for
        hours; None for all other labels.
    """
    name: str | None
    if isinstance(index, pd.PeriodIndex):
        name = index.freqstr
    else:
        freq = _freq(index)
        name = freq if isinstance(freq, str) or freq is None else freq.freqstr
    if name is not None:
        start = name.partition("-")[0]
        return SEASONS.get(start.removesuffix("S").removesuffix("E"))
    axis = None if index is None else TimeAxis.fit(index)
    if axis is None:
        return None
    return {
        ("month", 1): 12,
        ("month", 3): 4,
        ("business", 1): 5,
        ("elapsed", 604_800): 52,
        ("elapsed", 86_400): 7,
        ("wall", 86_400): 7,
        ("wall", 604_800): 52,
        ("elapsed", 3_600): 24,
    }.get((axis.unit, axis.step))


def _freq(index):
    """Return the frequency that an index of times has or shows, as pandas tells it."""
    if not isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        return None
    if index.freq is not None:
        return index.freq
    # Fewer than three labels show nothing to pandas; gaps are left to the axis. An index infers an
    # offset in every release of pandas, while pd.infer_freq warns that it will do so one day.
    return type(index)(index, freq="infer").freq if len(index) > 2 else None


def _run_on(index, axis, ticks):
    """Add distances, in the unit of a axis, to the last label."""
    last = index[-1]
    if axis.unit == "number":
        is_int = pd.api.types.is_integer_dtype(index)
        labels = pd.Index(int(last) + ticks.astype(np.int64) if is_int else float(last) + ticks)
        try:
            kept = labels.astype(index.dtype)
        except TypeError:
            return labels
        # The next label may be too large for the type of the last, which wraps around or refuses.
        return kept if (kept == labels).all() else labels
    if axis.unit == "month":
        offsets = [pd.DateOffset(months=int(tick)) for tick in ticks]
        labels = pd.DatetimeIndex([last + offset for offset in offsets])
        if index.is_month_end.all():
            labels += pd.offsets.MonthEnd(0)
    elif axis.unit == "business":
        labels = pd.DatetimeIndex([last + pd.offsets.BDay(int(tick)) for tick in ticks])
    elif axis.unit == "wall":
        wall = last.tz_localize(None) + pd.to_timedelta(ticks, unit="s")
        labels = wall.tz_localize(index.tz, ambiguous=True, nonexistent="shift_forward")
    else:
        labels = last + pd.to_timedelta(ticks, unit="s")
    return labels.as_unit(index.unit)
