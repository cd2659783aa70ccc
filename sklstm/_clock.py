"""Numbers the labels of a regular index, so that a gap can be told from a next row."""

import numpy as np
import pandas as pd

#: An index with more breaks than this share of its steps has no regular step:
#: daily prices without week-ends are no daily series full of holes.
MAX_BREAKS = 0.1


class Clock:
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
        Clock or None
            None where the labels have no regular step.
        """
        kind, values = plain(index)
        zone = _zone(index)
        for unit in _units(index):
            ticks = _ticks(index, unit, kind, values[0], zone)
            if ticks is None:
                continue
            step = _regular_step(ticks, max_breaks=0 if unit == "business" else MAX_BREAKS)
            if step is not None:
                return cls(unit, step, kind, values[0], zone)
        return None

    def number(self, index):
        """Return the row number of each label.

        Parameters
        ----------
        index : pandas.Index
            Labels.

        Returns
        -------
        ndarray of int64 of shape (n_rows,) or None
            None where the labels are of another kind or fall between two steps.
        """
        if self.unit not in _units(index):
            return None
        ticks = _ticks(index, self.unit, self.kind, self.origin, self.zone)
        if ticks is None:
            return None
        number = np.rint(ticks / self.step)
        if not np.allclose(number * self.step, ticks, rtol=1e-9, atol=1e-6 * abs(self.step)):
            return None
        return number.astype(np.int64)


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
    """List what the labels of an index may count, the likeliest first."""
    if isinstance(index, pd.PeriodIndex):
        return ("period",)
    if isinstance(index, pd.TimedeltaIndex):
        return ("elapsed",)
    if isinstance(index, pd.DatetimeIndex):
        wall = () if index.tz is None else ("wall",)
        return ("elapsed", *wall, "month", "business")
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
    """Count the distance of each label from the origin; None where it cannot be counted."""
    own_kind, values = plain(index)
    if own_kind != kind:
        return None
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
    if (index - index.normalize() != start - start.normalize()).any():
        return None
    if unit == "month":
        same_day = (index.day == start.day).all()
        last_days = start.is_month_end and index.is_month_end.all()
        if not (same_day or last_days):
            return None
        return ((index.year - start.year) * 12 + (index.month - start.month)).to_numpy()
    if (index.day_of_week > 4).any() or start.day_of_week > 4:
        return None
    return np.busday_count(start.date(), index.to_numpy().astype("datetime64[D]"))


def _regular_step(ticks, max_breaks):
    """Return the step that (nearly) all neighbours keep, or None."""
    steps = np.diff(ticks)
    if len(steps) == 0:
        return None
    step = np.median(steps)
    if not step > 0:
        return None
    multiples = steps / step
    if not np.allclose(multiples, np.rint(multiples), rtol=0, atol=1e-6):
        return None
    n_breaks = np.count_nonzero(np.rint(multiples) > 1)
    allowed = max(1, int(max_breaks * len(steps))) if max_breaks else 0
    return step if n_breaks <= allowed else None
