"""What the labels of a regular index count: one class for each unit.

Each class has three things:

- ``ticks(index, origin, zone)``: how far each label lies from the origin; NaN where the unit cannot
  tell.
- ``after(index, ticks)``: the labels that lie some distances after the last one of an index.
- ``seasons``: how many rows a season has, by the step.

A fitted time axis keeps the name of its unit, so these classes end up in no file.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

HOUR = 3_600
DAY = 24 * HOUR
WEEK = 7 * DAY


class Unit:
    """What differs between units, where most are alike."""

    #: An index with more breaks than this share of its steps has no regular step:
    #: daily prices without week-ends are no daily series full of holes.
    max_breaks = 0.1
    seasons: dict = {}


class Number(Unit):
    """Numbers, by their differences."""

    def ticks(self, index, origin, zone):
        """Subtract the origin."""
        return plain(index)[1] - origin

    def after(self, index, ticks):
        """Add to the last number, in the type of the index where that can hold the sum."""
        values = plain(index)[1]
        labels = pd.Index(values[-1] + ticks.astype(values.dtype))
        try:
            kept = labels.astype(index.dtype)
        except TypeError:
            return labels
        # A short type wraps around where the next label is too large for it.
        return kept if (kept == labels).all() else labels


class Period(Number):
    """Periods, by the units that lie between two: minutes for periods of 15 minutes."""

    def after(self, index, ticks):
        """Count units from the last period; adding to a period would count whole periods."""
        ordinals = index.asi8[-1] + ticks.astype(int)
        periods = [pd.Period(ordinal=int(one), freq=index.freq) for one in ordinals]
        return pd.PeriodIndex(periods, dtype=index.dtype)


class Elapsed(Unit):
    """Times and durations, by the seconds that pass."""

    seasons = {WEEK: 52, DAY: 7, HOUR: 24}

    def ticks(self, index, origin, zone):
        """Count seconds."""
        return _seconds(plain(index)[1], origin)

    def after(self, index, ticks):
        """Let seconds pass."""
        return index[-1] + pd.to_timedelta(ticks, unit="s")


class Wall(Unit):
    """Times in a zone, by the clock on the wall: a day stays one when the clock is changed."""

    seasons = {WEEK: 52, DAY: 7}

    def ticks(self, index, origin, zone):
        """Count the seconds that the clock shows."""
        return _seconds(*_local(index, origin, zone))

    def after(self, index, ticks):
        """Move the clock on."""
        wall = index[-1].tz_localize(None) + pd.to_timedelta(ticks, unit="s")
        return wall.tz_localize(index.tz, ambiguous=True, nonexistent="shift_forward")


class Month(Unit):
    """Dates on one day of the month, or on its last."""

    seasons = {1: 12, 3: 4}

    def ticks(self, index, origin, zone):
        """Count months."""
        dates, start = map(_parts, _local(index, origin, zone))
        same_day = (dates.day == start.day) | (start.is_month_end & dates.is_month_end)
        months = (dates.month - start.month).astype(np.int64)
        return np.where(same_day & (dates.time == start.time), months, np.nan)

    def after(self, index, ticks):
        """Add months; month ends stay month ends."""
        labels = pd.DatetimeIndex([index[-1] + pd.DateOffset(months=int(tick)) for tick in ticks])
        return labels + pd.offsets.MonthEnd(0) if index.is_month_end.all() else labels


class Business(Unit):
    """Days from Monday to Friday."""

    #: Days with gaps may look like business days, so no gap is allowed.
    max_breaks = 0.0
    seasons = {1: 5}

    def ticks(self, index, origin, zone):
        """Count business days."""
        dates, start = map(_parts, _local(index, origin, zone))
        at_work = np.is_busday(dates.date) & np.is_busday(start.date)
        days = np.busday_count(start.date, dates.date)
        return np.where(at_work & (dates.time == start.time), days, np.nan)

    def after(self, index, ticks):
        """Add business days."""
        return pd.DatetimeIndex([index[-1] + pd.offsets.BDay(int(tick)) for tick in ticks])


#: The units by the names that `units_of` gives: "number", "period", and so on.
UNITS = {one.__name__.lower(): one() for one in (Number, Period, Elapsed, Wall, Month, Business)}


def units_of(index):
    """List the names of the units that an index may count, the likeliest first.

    Parameters
    ----------
    index : pandas.Index
        Labels.

    Returns
    -------
    tuple of str
        Empty for labels that count nothing, such as text.
    """
    if isinstance(index, pd.PeriodIndex):
        return ("period",)
    if isinstance(index, pd.TimedeltaIndex):
        return ("elapsed",)
    if isinstance(index, pd.DatetimeIndex):
        if isinstance(index.freq, pd.offsets.BusinessDay):
            # A few business days look like days with a gap.
            return ("business",)
        wall = () if index.tz is None else ("wall",)
        return ("month", *wall, "elapsed", "business")
    return ("number",) if pd.api.types.is_any_real_numeric_dtype(index) else ()


def plain(index):
    """Return labels as plain values, which any file format can keep.

    Parameters
    ----------
    index : pandas.Index
        Labels.

    Returns
    -------
    kind : str
        What the labels are. Labels of different kinds cannot be compared.
    values : ndarray of shape (n_rows,)
        The labels; instants of a time zone are in UTC, periods are counted.
    """
    if isinstance(index, pd.PeriodIndex):
        return str(index.dtype), index.asi8
    if isinstance(index, pd.DatetimeIndex) and index.tz is not None:
        return "instant", index.tz_convert(None).to_numpy()
    values = index.to_numpy()
    if not pd.api.types.is_any_real_numeric_dtype(index):
        kinds = {pd.DatetimeIndex: "datetime", pd.TimedeltaIndex: "timedelta"}
        return kinds.get(type(index), "label"), values
    # Short or unsigned ints would wrap around when they are subtracted.
    is_int = pd.api.types.is_integer_dtype(index) and values[-1] <= np.iinfo(np.int64).max
    return "number", values.astype(np.int64 if is_int else np.float64)


def from_plain(values, dtype):
    """Return plain values as the labels that they were.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        As `plain` returns them.
    dtype : dtype
        The type of the labels.

    Returns
    -------
    pandas.Index
    """
    if isinstance(dtype, pd.PeriodDtype):
        return pd.PeriodIndex(pd.arrays.PeriodArray(values, dtype=dtype))
    if isinstance(dtype, pd.DatetimeTZDtype):
        return pd.DatetimeIndex(values, tz="UTC").astype(dtype)
    return pd.Index(values).astype(dtype)


def _seconds(times, origin):
    """Return how many seconds times lie after the origin, which may be more than NumPy can hold."""
    second = np.timedelta64(1, "s")
    # Three hundred years in nanoseconds overflow, so whole seconds and the rest are apart.
    whole, start = (one.astype(f"{one.dtype.kind}8[s]") for one in (times, origin))
    return (whole - start) / second + ((times - whole) - (origin - start)) / second


def _local(index, origin, zone):
    """Return dates and the origin as the clock on the wall shows them, as plain values."""
    if zone is None:
        return index.to_numpy(), origin
    start = pd.Timestamp(origin, tz="UTC").tz_convert(zone).tz_localize(None)
    return index.tz_convert(zone).tz_localize(None).to_numpy(), start.to_datetime64()


class _Parts(NamedTuple):
    """What dates are made of: the month, the day in it, the date as a whole and the time of day."""

    month: np.ndarray
    day: np.ndarray
    is_month_end: np.ndarray
    date: np.ndarray
    time: np.ndarray


def _parts(times):
    """Take dates apart: pandas takes longer for a few than a small network to predict them."""
    date = times.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    is_month_end = (date + np.timedelta64(1, "D")).astype("datetime64[M]") > month
    return _Parts(month, date - month, is_month_end, date, times - date)
