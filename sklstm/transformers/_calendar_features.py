"""Columns that the labels of the rows tell: hour, weekday, month, holidays."""

from datetime import datetime
from numbers import Number

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._arguments import brief, listed, naming
from sklstm._checks._tables import check_rows, index_names, index_of, like
from sklstm._past._order import label_at
from sklstm._past._series_names import check_levels_in_order
from sklstm._past._time_axis import zone_of
from sklstm._sklearn._callbacks import FollowedMixin, one_task
from sklstm._sklearn._compat import StrOptions, check_feature_names_in
from sklstm._sklearn._restore_on_error import restore_on_error

#: The first and the last number of each feature.
RANGES = {
    "minute": (0, 59),
    "hour": (0, 23),
    "weekday": (0, 6),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "week": (1, 53),
    "month": (1, 12),
    "quarter": (1, 4),
}


class CalendarFeatures(FollowedMixin, TransformerMixin, BaseEstimator):
    """Append columns of the calendar to a table, such as the hour or the month of each row.

    They are read from the labels of the rows, which are the times of the targets, so they are known
    ahead: inside a pipeline, :func:`forecast` needs no calendar of the time to come.

    Parameters
    ----------
    features : str or sequence of {"minute", "hour", "weekday", "day", "day_of_year", "week", \
            "month", "quarter"}
        What to append. ``"weekday"`` counts from 0, Monday; ``"day"`` is that of the month;
        ``"week"`` is that of ISO 8601. In a time zone, all are those of the local time in `fit`,
        also of later rows whose labels are in another time zone.
    encoding : {"cyclic", "onehot", "ordinal"}, default="cyclic"
        ``"cyclic"``: two columns for each feature, sine and cosine, so that December lies next to
        January; a day of the month or of the year is a part of its own month or year.
        ``"onehot"``: a column for each value that the feature can have, seen in `fit` or not.
        ``"ordinal"``: its number, for trees.
    holidays : sequence of dates, default=None
        Days, past and to come, that a column ``"holiday"`` marks by 1: dates or text such as
        ``"2024-12-25"``, in this order and with the year. None for no such column.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`; only where they are all strings.

    See Also
    --------
    LagWindower : Makes windows of the columns, the calendar included.

    Notes
    -----
    A period is taken by its start. Rows of nothing but NaN, of which nothing is known, stay so.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import CalendarFeatures
    >>> hours = pd.date_range(
    ...     "2024-12-24 22:00", periods=3, freq="h", tz="Europe/Paris"
    ... )
    >>> load = pd.DataFrame({"load": [310.0, 290.0, 270.0]}, hours)
    >>> calendar = CalendarFeatures(
    ...     ["hour"], encoding="ordinal", holidays=["2024-12-25"]
    ... )
    >>> calendar.fit_transform(load)
                                load  hour  holiday
    2024-12-24 22:00:00+01:00  310.0  22.0      0.0
    2024-12-24 23:00:00+01:00  290.0  23.0      0.0
    2024-12-25 00:00:00+01:00  270.0   0.0      1.0

    A forecast makes the months to come itself:

    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import TimeSeriesSplit
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import (
    ...     Differencer,
    ...     TransformedSeriesRegressor,
    ...     backtest,
    ...     series_to_supervised,
    ... )
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> for steps in ([], [CalendarFeatures("month", encoding="onehot")]):
    ...     model = TransformedSeriesRegressor(
    ...         make_pipeline(*steps, Ridge(0.1)), Differencer()
    ...     )
    ...     result = backtest(
    ...         model, X, y, TimeSeriesSplit(2, test_size=12), feed_back=True
    ...     )
    ...     print(result.scores.loc["overall", "prediction"].round(1))
    -56.4
    -7.9
    """

    _parameter_constraints: dict = {
        "features": ["array-like", str],
        "encoding": [StrOptions({"cyclic", "onehot", "ordinal"})],
        "holidays": ["array-like", None],
    }

    def __init__(self, features, *, encoding="cyclic", holidays=None):
        self.features = features
        self.encoding = encoding
        self.holidays = holidays

    @restore_on_error
    @one_task
    def fit(self, X, y=None):
        """Check the parameters and the labels.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            A table labelled by dates or periods. If the index has several levels, the first is the
            time.
        y : None
            Not used.

        Returns
        -------
        self : CalendarFeatures
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter is out of range, `X` has no labels that tell the time, or it holds
            infinity, text or a column called as one of the new ones.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        self._validate_params()
        self._features = listed(self.features, "features")
        unknown = [name for name in self._features if name not in list(RANGES)]
        if unknown or not (self._features or self.holidays is not None):
            raise ValueError(
                f"features={self.features!r} is not valid: expected one or several of"
                f" {list(RANGES)!r}."
            )
        check_rows(self, X, reset=True)
        self._zone = zone_of(_times_of(X))
        self._levels = index_names(X)
        names = self.get_feature_names_out()
        if len(set(names)) < len(names):
            twice = next(name for name in names if list(names).count(name) > 1)
            raise ValueError(
                f"There would be two columns called {twice!r}: give the column of X another name,"
                " and name each of features once."
            )
        self._columns_of(X)
        return self

    def transform(self, X):
        """Append the columns of the calendar.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            A table labelled by dates or periods.

        Returns
        -------
        DataFrame of shape (n_rows, n_features + n_new_features)
            The columns of `X`, then those of the features, then ``"holiday"``.

        Raises
        ------
        ValueError
            If `X` has no labels that tell the time, labels with a time zone where those of `fit`
            had none, or without one where they had one, other columns than in `fit`, or the levels
            of its index in another order.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        rows = check_rows(self, X, reset=False)
        calendar = self._columns_of(X)
        calendar[np.isnan(rows).all(axis=1)] = np.nan
        values = np.hstack([rows, calendar.astype(rows.dtype)])
        return like(values, X, self.get_feature_names_out)

    def get_feature_names_out(self, input_features=None):
        """Name the columns.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the columns of `X`; by default those seen in `fit`.

        Returns
        -------
        ndarray of str
            For instance ``"hour_sin"`` and ``"hour_cos"``, ``"hour_0"`` to ``"hour_23"``, or
            ``"hour"``.
        """
        check_is_fitted(self, "n_features_in_")
        names = list(check_feature_names_in(self, input_features))
        for feature in self._features:
            first, last = RANGES[feature]
            names += {
                "cyclic": [f"{feature}_sin", f"{feature}_cos"],
                "onehot": [f"{feature}_{number}" for number in range(first, last + 1)],
                "ordinal": [feature],
            }[self.encoding]
        if self.holidays is not None:
            names.append("holiday")
        return np.array(names, dtype=object)

    def _columns_of(self, X):
        """Return the columns of the calendar, an array of floats."""
        times = self._local_times(X)
        columns = [np.empty((len(times), 0))]
        for feature in self._features:
            numbers = _numbers(feature, times)
            first, last = RANGES[feature]
            if self.encoding == "cyclic":
                angle = 2 * np.pi * (numbers - first) / _lengths(feature, times)
                columns.append(np.stack([np.sin(angle), np.cos(angle)], axis=1))
            elif self.encoding == "onehot":
                columns.append((numbers[:, None] == np.arange(first, last + 1)).astype(float))
            else:
                columns.append(numbers[:, None])
        if self.holidays is not None:
            is_holiday = times.normalize().isin(self._local_holidays())
            columns.append(is_holiday[:, None].astype(float))
        return np.hstack(columns)

    def _local_times(self, X):
        """Return the time of each row in the time zone of `fit`."""
        times = _times_of(X)
        check_levels_in_order(self._levels, index_names(X))
        if (times.tz is None) != (self._zone is None):
            has, had = ("none", self._zone) if times.tz is None else (times.tz, "none")
            raise ValueError(
                f"The time zone of the labels of X is {has}, but it was {had} in fit, so their"
                " hours and days cannot be compared. Call tz_localize on the table: with the time"
                " zone of its labels, or with None for labels without one."
            )
        return times if times.tz is None else times.tz_convert(self._zone).tz_localize(None)

    def _local_holidays(self):
        """Return the start of each holiday."""
        with naming("holidays", self.holidays):
            days = pd.DatetimeIndex([_day(day) for day in self.holidays])
            if days.tz is not None and self._zone is not None:
                days = days.tz_convert(self._zone)
        return days.tz_localize(None).normalize()

    def __sklstm_look_back__(self):
        return 0

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _times_of(X):
    """Return the time of each row."""
    index = index_of(X)
    times = index.get_level_values(0) if isinstance(index, pd.MultiIndex) else index
    if isinstance(times, pd.PeriodIndex):
        times = times.to_timestamp()
    if isinstance(times, pd.DatetimeIndex):
        return times
    if times is None:
        raise ValueError(
            f"X ({brief(X)}) has no labels, but the calendar is read from the labels of its rows."
            " Pass a DataFrame whose index holds dates. If a step of a pipeline dropped the labels,"
            " call set_output(transform='pandas') on the pipeline, or put the pipeline into"
            " TransformedSeriesRegressor, which does that."
        )
    raise ValueError(
        f"The labels of X, such as {label_at(times, 0)!r}, are no dates. Make dates of them before"
        " series_to_supervised: series.index = pd.to_datetime(series.index) of text, or"
        " series.index = pd.date_range('2024-01-01', periods=len(series), freq='h') of numbers."
    )


def _day(day):
    """Return the time of a holiday; a number, or text such as "12-25", names no day of a year."""
    try:
        if isinstance(day, str):
            return pd.Timestamp(datetime.fromisoformat(day))
        if not isinstance(day, Number) and not pd.isna(time := pd.Timestamp(day)):
            return time
    except ValueError:
        pass
    raise ValueError(f"{day!r} is no day. Give dates, or text such as '2024-12-25'.")


def _numbers(feature, times):
    """Return the number of each time."""
    if feature == "week":
        return times.isocalendar()["week"].to_numpy(dtype=float)
    name = "day_of_week" if feature == "weekday" else feature
    return np.asarray(getattr(times, name), dtype=float)


def _lengths(feature, times):
    """Return after how many of its numbers a feature begins anew."""
    if feature == "day":
        return times.days_in_month
    if feature == "day_of_year":
        return 365 + times.is_leap_year
    if feature == "week":  # 28 December lies in the last week of its year of weeks.
        last = pd.to_datetime(times.isocalendar()["year"].astype(str) + "-12-28")
        return last.dt.isocalendar()["week"].to_numpy(dtype=float)
    first, last = RANGES[feature]
    return last - first + 1
