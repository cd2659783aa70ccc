"""The time axis of a table: numbers for labels, labels for numbers, and the season of its step."""

from contextlib import suppress

import numpy as np
import pandas as pd

from sklstm._past._units import DAY, UNITS, plain, units_of

#: The part of a step by which a label may miss it: floats are rounded.
CLOSE = 1e-6

#: So many labels are looked at beyond those of an index with a freq.
MORE = 40

#: Rows per season for the usual steps, by the start of their pandas names.
SEASONS = {"M": 12, "Q": 4, "BM": 12, "BQ": 4, "W": 52, "D": 7, "B": 5, "h": 24, "H": 24}


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
        if isinstance(index, pd.DatetimeIndex) and index.freq is not None:
            # A few month ends of business may look like dates some weeks apart.
            with suppress(pd.errors.OutOfBoundsDatetime):
                more = pd.date_range(index[-1], periods=MORE, freq=index.freq).as_unit(index.unit)
                index = index.append(more[1:])
        kind, values = plain(index)
        zone = zone_of(index)
        found, fewest = None, np.inf
        for name in units_of(index):
            unit = UNITS[name]
            step, n_breaks = _regular_step(unit.ticks(index, values[0], zone), unit.max_breaks)
            if name == "wall" and step % DAY:
                # Hours go on while the clock on the wall is put forward or back.
                n_breaks += 0.5
            axis = cls(name, step, kind, values[0], zone)
            if n_breaks < fewest and not np.isnan(axis.number(index)).any():
                found, fewest = axis, n_breaks
        return found

    @classmethod
    def going_on(cls, index, earlier):
        """Find the axis of labels that may lie on that of earlier ones.

        Few labels, or those with gaps, show a longer step than they have.

        Parameters
        ----------
        index : pandas.Index
            Sorted labels without duplicates.
        earlier : TimeAxis or None
            The axis of earlier labels.

        Returns
        -------
        TimeAxis or None
            The earlier axis if all labels lie on it, or else their own.
        """
        if earlier is not None and not np.isnan(earlier.number(index)).any():
            return earlier
        return cls.fit(index)

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
        ticks = UNITS[self.unit].ticks(index, self.origin, self.zone)
        number = np.rint(ticks / self.step)
        off = np.abs(number * self.step - ticks) > 1e-9 * np.abs(ticks) + CLOSE * abs(self.step)
        return np.where(off, np.nan, number)

    @staticmethod
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
        labels: pd.Index
        if isinstance(index, pd.RangeIndex):
            first = index[-1] + index.step
            labels = pd.RangeIndex(first, first + n_labels * index.step, index.step)
        elif (freq := _freq(index)) is not None:
            make = pd.date_range if isinstance(index, pd.DatetimeIndex) else pd.timedelta_range
            labels = make(index[-1], periods=n_labels + 1, freq=freq)[1:].as_unit(index.unit)
        else:
            axis = TimeAxis.fit(index)
            if axis is None and not isinstance(index, pd.PeriodIndex):
                return None
            unit, step = ("period", index.freq.n) if axis is None else (axis.unit, axis.step)
            labels = UNITS[unit].after(index, np.arange(1, n_labels + 1) * step)
            if isinstance(labels, pd.DatetimeIndex | pd.TimedeltaIndex):
                labels = labels.as_unit(index.unit)
        return labels.rename(index.name)

    def labels_after(self, index, n_labels):
        """Continue an index at the step of this axis.

        Parameters
        ----------
        index : pandas.Index
            Sorted labels, also few ones, which have no step of their own.
        n_labels : int
            How many labels to add.

        Returns
        -------
        pandas.Index of length n_labels or None
            The labels after the last one; None where that is not on the axis.
        """
        if np.isnan(self.number(index[-1:])).any():
            return None
        labels = UNITS[self.unit].after(index, np.arange(1, n_labels + 1) * self.step)
        if isinstance(labels, pd.DatetimeIndex | pd.TimedeltaIndex):
            labels = labels.as_unit(index.unit)
        return labels.rename(index.name)

    def all_labels(self, index):
        """Return the labels of an index with those that it lacks.

        Parameters
        ----------
        index : pandas.Index
            Sorted labels that lie on the axis.

        Returns
        -------
        pandas.Index
            One label for each step, from the first one to the last.
        """
        first, last = self.number(index[[0, -1]])
        labels = UNITS[self.unit].after(index, np.arange(first - last, 1) * self.step)
        if isinstance(labels, pd.DatetimeIndex | pd.TimedeltaIndex):
            labels = labels.as_unit(index.unit)
        return labels

    @staticmethod
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
        freq = index if isinstance(index, pd.PeriodIndex) else _freq(index)
        if freq is not None:
            start = freq.freqstr.partition("-")[0]
            return SEASONS.get(start.removesuffix("S").removesuffix("E"))
        axis = None if index is None else TimeAxis.fit(index)
        return None if axis is None else UNITS[axis.unit].seasons.get(axis.step)


def _freq(index):
    """Return the frequency that an index of times has or shows, as pandas tells it."""
    if not isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        return None
    if index.freq is not None:
        return index.freq
    # Fewer than three labels show nothing to pandas; gaps are left to the axis, and so are
    # durations, as pandas takes seven days for a week of dates. An index infers an offset in every
    # release of pandas, while pd.infer_freq warns that it will do so one day.
    if isinstance(index, pd.TimedeltaIndex) or len(index) < 3:
        return None
    freq = pd.DatetimeIndex(index, freq="infer").freq
    # pandas takes every second first Monday of a month for every one.
    return freq if freq is not None and index[0] + freq == index[1] else None


def zone_of(index):
    """Return the time zone of labels by its name, or as it is where it has none.

    Parameters
    ----------
    index : pandas.Index
        Labels.

    Returns
    -------
    str, tzinfo or None
        None where the labels have no time zone. A name can be kept in any file format.
    """
    zone = getattr(index, "tz", None)
    try:
        has_name = zone is not None and index.tz_convert(str(zone)).dtype == index.dtype
    except (KeyError, ValueError):
        has_name = False
    return str(zone) if has_name else zone


def _regular_step(ticks, max_breaks):
    """Return the step that (nearly) all neighbours keep, and how many do not; infinity if many."""
    steps = np.diff(ticks)
    if not len(steps) or not (steps > 0).all():  # NaN where a label has no number.
        return np.nan, np.inf
    step = np.median(steps)
    multiples = np.rint(steps / step)
    n_breaks = np.count_nonzero(multiples > 1)
    allowed = max(1, int(max_breaks * len(steps))) if max_breaks else 0
    is_regular = np.allclose(steps / step, multiples, rtol=0, atol=CLOSE) and n_breaks <= allowed
    return step, n_breaks if is_regular else np.inf
