"""Errors relative to those of a naive forecast on the training rows."""

import numpy as np

from sklstm.metrics._pairs import check_per_series, means_by_series, read_pairs, summarize
from sklstm.metrics._scales import naive_scale


def mean_absolute_scaled_error(
    y_true,
    y_pred,
    *,
    y_train,
    season=None,
    sample_weight=None,
    multioutput="uniform_average",
    per_series=False,
):
    """Mean absolute error, divided by that of the seasonal naive forecast on the training rows.

    For a series with m steps per season and the training values z_1 to z_n::

        mean |y - y_pred| / mean over t > m of |z_t - z_(t-m)|

    Less than 1 is better than the one-step seasonal naive forecast was on the training rows. The
    error has no unit, so it can be averaged over series of different scale.

    Parameters
    ----------
    y_true : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        True values. If the index has several levels, the first is the time, and the others name the
        series. Without labels, the rows are those of one series.
    y_pred : Series, DataFrame or ndarray of the shape of `y_true`
        Predictions. If both have labels, these pair the values, in any order.
    y_train : Series, DataFrame or ndarray of shape (n_train,) or (n_train, n_outputs)
        The values before, oldest first, labelled as `y_true`. Values that are NaN are left out, as
        are time steps that are missing.
    season : int, default=None
        Time steps per season; 1 is the plain naive forecast. None takes it from the step of the
        index of `y_train`, for instance 12 for months.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), \
            default="uniform_average"
        How outputs are averaged: not at all, all alike, or by these weights.
    per_series : bool, default=False
        True returns the error of each series, which `y_true` must name; NaN if its rows weigh
        nothing.

    Returns
    -------
    float, ndarray of shape (n_outputs,), Series of length n_series or \
            DataFrame of shape (n_series, n_outputs)
        The error, at least 0.

    Raises
    ------
    ValueError
        If values are NaN or infinite, shapes or labels do not fit, `y_train` lacks a series, is
        shorter than a season or does not end before `y_true`, the scale of a series is 0, or
        `season` is needed or out of range.
    TypeError
        If values are no numbers, `season` is not an int or `per_series` not a bool.

    Warns
    -----
    AssumedPastWarning
        If arrays do not tell whether `y_train` holds the rows of `y_true`, but ends with their
        values.

    See Also
    --------
    root_mean_squared_scaled_error : Weighs large errors more.
    overall_weighted_average : Compares with a baseline, as the M4 competition does.

    Notes
    -----
    Each series is divided by its own scale, and all series count alike, whatever their number of
    rows. With `sample_weight`, rows of a series are averaged by their weights, and series by the
    mean weight of their rows.

    If the labels have a regular step, values are compared that lie `season` time steps apart, even
    if rows are missing in between; otherwise those that lie `season` rows apart.

    References
    ----------
    .. [1] R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy",
       International Journal of Forecasting 22 (4), 2006.

    Examples
    --------
    >>> from sklstm.datasets import load_milk
    >>> from sklstm.metrics import mean_absolute_scaled_error
    >>> milk = load_milk()
    >>> last_year = milk[-24:-12].set_axis(milk.index[-12:])
    >>> error = mean_absolute_scaled_error(
    ...     milk[-12:], last_year, y_train=milk[:-12]
    ... )
    >>> round(error, 3)  # the last year was easier than the years before
    0.446
    """
    pairs = read_pairs(y_true, y_pred, sample_weight)
    check_per_series(per_series, pairs)
    scale = naive_scale(y_train, pairs, season, power=1)
    errors = means_by_series(np.abs(pairs.actual - pairs.predicted), pairs)
    return summarize(errors / scale, pairs, multioutput, per_series)


def root_mean_squared_scaled_error(
    y_true,
    y_pred,
    *,
    y_train,
    season=None,
    sample_weight=None,
    multioutput="uniform_average",
    per_series=False,
):
    """Root mean squared error, divided by that of the naive forecast on the training rows.

    For a series with m steps per season and the training values z_1 to z_n::

        sqrt(mean (y - y_pred)² / mean over t > m of (z_t - z_(t-m))²)

    The M5 competition uses it with ``season=1``, and leaves out the zeros before the first sale.

    Parameters
    ----------
    y_true : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        True values, as in :func:`mean_absolute_scaled_error`.
    y_pred : Series, DataFrame or ndarray of the shape of `y_true`
        Predictions. If both have labels, these pair the values, in any order.
    y_train : Series, DataFrame or ndarray of shape (n_train,) or (n_train, n_outputs)
        The values before, oldest first, labelled as `y_true`. Values that are NaN are left out, as
        are time steps that are missing.
    season : int, default=None
        Time steps per season; 1 is the plain naive forecast. None takes it from the step of the
        index of `y_train`, for instance 12 for months.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), \
            default="uniform_average"
        How outputs are averaged: not at all, all alike, or by these weights.
    per_series : bool, default=False
        True returns the error of each series, which `y_true` must name; NaN if its rows weigh
        nothing.

    Returns
    -------
    float, ndarray of shape (n_outputs,), Series of length n_series or \
            DataFrame of shape (n_series, n_outputs)
        The error, at least 0.

    Raises
    ------
    ValueError
        As in :func:`mean_absolute_scaled_error`.
    TypeError
        If values are no numbers, `season` is not an int or `per_series` not a bool.

    Warns
    -----
    AssumedPastWarning
        As in :func:`mean_absolute_scaled_error`.

    See Also
    --------
    mean_absolute_scaled_error : Weighs all errors alike; its notes hold here, too.

    Notes
    -----
    The root is taken for each series, then series are averaged. M5's WRMSSE weighs them by their
    sales: pass the sales of its series as the `sample_weight` of each row.

    References
    ----------
    .. [1] R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy",
       International Journal of Forecasting 22 (4), 2006.
    .. [2] S. Makridakis, E. Spiliotis, V. Assimakopoulos, "M5 accuracy competition: Results,
       findings, and conclusions", International Journal of Forecasting 38 (4), 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm.metrics import root_mean_squared_scaled_error
    >>> y_train = np.array([10.0, 12.0, 11.0, 14.0])
    >>> y_true, y_pred = np.array([13.0, 15.0]), np.array([14.0, 14.0])
    >>> error = root_mean_squared_scaled_error(
    ...     y_true, y_pred, y_train=y_train, season=1
    ... )
    >>> round(error, 3)  # 1 / sqrt((2² + 1² + 3²) / 3)
    0.463
    """
    pairs = read_pairs(y_true, y_pred, sample_weight)
    check_per_series(per_series, pairs)
    scale = naive_scale(y_train, pairs, season, power=2)
    errors = means_by_series((pairs.actual - pairs.predicted) ** 2, pairs)
    return summarize(np.sqrt(errors / scale), pairs, multioutput, per_series)
