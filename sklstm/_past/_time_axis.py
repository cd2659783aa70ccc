"""Numbers the labels of a regular index, so that a gap can be told from a next row."""

import numpy as np
import pandas as pd

#: An index with more breaks than this share of its steps has no regular step:
#: daily prices without week-ends are no daily series full of holes.
MAX_BREAKS = 0.1

#: The part of a step by which a label may miss it: floats are rounded.
CLOSE = 1e-6

#: Seconds of a day.
DAY = 86_400


class TimeAxis:
    """Row numbers for the labels of an index with a regular step.

    Parameters
    ----------
    unit : {"number", "period", "elapsed", "wall", "month", "business"}
        What the labels count.
    step : int or float
        Distance of two neighbouring labels, in that unit.
    kind : str
        What the labels are, as `plain` tells it.
    origin : scalar
        The label that has number 0, as `plain` tells it.
    zone : str, tzinfo or None
        The time zone whose days and months are counted.
    """

    def __init__(self, unit, step, kind, origin, zone):
        self.unit = unit
        self.step = step
        self.kind = kind
        self.origin = origin
        self.zone = zone

    @classmethod
    def fit(cls, index):
        """Find the regular step of an index.

        Parameters
        ----------
        index : pandas.Index
            Sorted labels without duplicates.

        Returns
        -------
        TimeAxis or None
            None where the labels have no regular step.
        """
        kind, values = plain(index)
        zone = _zone(index)
        found, fewest = None, np.inf
        for unit in _units(index):
            ticks = _ticks(index, unit, kind, values[0], zone)
            step, n_breaks = _regular_step(ticks, 0 if unit == "business" else MAX_BREAKS)
            if step is None or n_breaks >= fewest:
                continue
            if unit == "wall" and step % DAY:
                # Hours go on while the clock on the wall is put forward or back.
                n_breaks += 0.5
            axis = cls(unit, step, kind, values[0], zone)
            if not np.isnan(axis.number(index)).any():
                found, fewest = axis, n_breaks
        return found

    def number(self, index):
        """Return the row number of each label.

        Parameters
        ----------
        index : pandas.Index
            Labels.

        Returns
        -------
        ndarray of shape (n_rows,)
            Whole numbers; NaN where a label is of another kind or falls between two steps. The
            number of a label depends on no other label.
        """
        if plain(index)[0] != self.kind:
            return np.full(len(index), np.nan)
        ticks = _ticks(index, self.unit, self.kind, self.origin, self.zone)
        number = np.rint(ticks / self.step)
        off = np.abs(number * self.step - ticks) > 1e-9 * np.abs(ticks) + CLOSE * abs(self.step)
        return np.where(off, np.nan, number)


def plain(index):
    """Return labels as plain values, which any file format can keep.

    Parameters
    ----------
    index : pandas.Index
        Labels.

    Returns
    -------
    kind : str
        What the labels are. Labels of one kind can be compared.
    values : ndarray of shape (n_rows,)
        The labels; instants of a time zone are in UTC, periods are counted.
    """
    if isinstance(index, pd.PeriodIndex):
        return str(index.dtype), index.asi8
    if isinstance(index, pd.DatetimeIndex):
        if index.tz is None:
            return "datetime", index.to_numpy()
        return "instant", index.tz_convert(None).to_numpy()
    if isinstance(index, pd.TimedeltaIndex):
        return "timedelta", index.to_numpy()
    values = index.to_numpy()
    if _counts(index):
        # Short or unsigned ints would wrap around when they are subtracted.
        is_int = pd.api.types.is_integer_dtype(index) and values[-1] <= np.iinfo(np.int64).max
        values = values.astype(np.int64 if is_int else np.float64)
    return "value", values


def _units(index):
    """List what the labels of an index may count, the likeliest first where several fit."""
    if isinstance(index, pd.PeriodIndex):
        return ("period",)
    if isinstance(index, pd.TimedeltaIndex):
        return ("elapsed",)
    if isinstance(index, pd.DatetimeIndex):
        if isinstance(index.freq, pd.offsets.BusinessDay):
            # Too few of them may look like days with a gap.
            return ("business",)
        wall = () if index.tz is None else ("wall",)
        return ("month", *wall, "elapsed", "business")
    return ("number",) if _counts(index) else ()


def _counts(index):
    """Tell whether labels are real numbers."""
    return pd.api.types.is_any_real_numeric_dtype(index)


def _zone(index):
    """Return the time zone of labels by its name, or as it is where it has none."""
    zone = getattr(index, "tz", None)
    if zone is None:
        return None
    try:
        named = index.tz_convert(str(zone))
    except (KeyError, ValueError):
        return zone
    return str(zone) if named.dtype == index.dtype else zone


def _ticks(index, unit, kind, origin, zone):
    """Count the distance of each label, of that kind, from the origin; NaN where it has none."""
    values = plain(index)[1]
    if unit in ("number", "period"):
        return values - origin
    if unit == "elapsed":
        return (values - origin) / np.timedelta64(1, "s")
    start = pd.Timestamp(origin)
    if zone is not None:
        index = index.tz_convert(zone).tz_localize(None)
        start = start.tz_localize("UTC").tz_convert(zone).tz_localize(None)
    if unit == "wall":
        return ((index - start) / pd.Timedelta(1, "s")).to_numpy()
    same_time = index - index.normalize() == start - start.normalize()
    if unit == "month":
        counts = (index.day == start.day) | (start.is_month_end & index.is_month_end)
        ticks = (index.year - start.year) * 12 + (index.month - start.month)
    else:
        counts = (index.day_of_week < 5) & (start.day_of_week < 5)
        ticks = np.busday_count(start.date(), index.to_numpy().astype("datetime64[D]"))
    return np.where(same_time & counts, ticks, np.nan)


def _regular_step(ticks, max_breaks):
    """Return the step that (nearly) all neighbours keep, and how many do not; None if many do."""
    steps = np.diff(ticks)
    nothing = None, len(steps)
    if not len(steps) or np.isnan(ticks).any():
        return nothing
    step = np.median(steps)
    if not step > 0:
        return nothing
    multiples = np.rint(steps / step)
    if not np.allclose(steps / step, multiples, rtol=0, atol=CLOSE):
        return nothing
    n_breaks = np.count_nonzero(multiples > 1)
    allowed = max(1, int(max_breaks * len(steps))) if max_breaks else 0
    return (step, n_breaks) if n_breaks <= allowed else nothing
