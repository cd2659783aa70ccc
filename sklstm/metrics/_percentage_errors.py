"""Errors relative to the values, and M4's comparison with a baseline."""

import numpy as np

from sklstm._sklearn._warnings import each_once
from sklstm.metrics._pairs import check_per_series, means_by_series, read_pairs, summarize
from sklstm.metrics._scaled_errors import mean_absolute_scaled_error


def symmetric_mean_absolute_percentage_error(
    y_true, y_pred, *, sample_weight=None, multioutput="uniform_average", per_series=False
):
    """Mean of the absolute error, divided by the mean size of the true and the predicted value.

    For each value it is ``2 |y - y_pred| / (|y| + |y_pred|)``: a share from 0 to 2, as scikit-learn
    writes percentages. The M4 competition prints it times 100.

    Parameters
    ----------
    y_true : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        True values. If the index has several levels, the first is the time, and the others name the
        series. Without labels, the rows are those of one series.
    y_pred : Series, DataFrame or ndarray of the shape of `y_true`
        Predictions. If both have labels, these pair the values, in any order.
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
        The error, from 0 to 2.

    Raises
    ------
    ValueError
        If values are NaN or infinite, or shapes or labels do not fit.
    TypeError
        If values are no numbers, or `per_series` not a bool.

    See Also
    --------
    mean_absolute_scaled_error : An error that values near 0 do not blow up.

    Notes
    -----
    All series count alike, whatever their number of rows. With `sample_weight`, rows of a series
    are averaged by their weights, and series by the mean weight of their rows.

    If true and predicted value are both 0, the error is 0. If only one is 0, or their signs differ,
    it is 2, however near they are: take another metric for values around 0.

    References
    ----------
    .. [1] S. Makridakis, E. Spiliotis, V. Assimakopoulos, "The M4 Competition: 100,000 time series
       and 61 forecasting methods", International Journal of Forecasting 36 (1), 2020.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.metrics import make_scorer
    >>> from sklearn.model_selection import TimeSeriesSplit, cross_val_score
    >>> from sklstm import series_to_supervised
    >>> from sklstm.datasets import load_milk
    >>> from sklstm.metrics import symmetric_mean_absolute_percentage_error
    >>> scorer = make_scorer(
    ...     symmetric_mean_absolute_percentage_error, greater_is_better=False
    ... )
    >>> X, y = series_to_supervised(load_milk())
    >>> scores = cross_val_score(
    ...     Ridge(), X, y, cv=TimeSeriesSplit(3), scoring=scorer
    ... )
    >>> scores.round(3)  # about 5 percent
    array([-0.048, -0.049, -0.044])
    """
    pairs = read_pairs(y_true, y_pred, sample_weight)
    check_per_series(per_series, pairs)
    size = np.abs(pairs.actual) + np.abs(pairs.predicted)
    errors = 2 * np.abs(pairs.actual - pairs.predicted) / np.where(size == 0, 1.0, size)
    return summarize(means_by_series(errors, pairs), pairs, multioutput, per_series)


def overall_weighted_average(
    y_true,
    y_pred,
    y_baseline,
    *,
    y_train,
    season=None,
    sample_weight=None,
    multioutput="uniform_average",
):
    """Mean of the relative sMAPE and the relative MASE, with which the M4 competition ranks.

    With the errors averaged over all series first::

        (sMAPE(y_pred) / sMAPE(y_baseline) + MASE(y_pred) / MASE(y_baseline)) / 2

    Less than 1 is better than the baseline. M4's baseline is Naive2: the last value, of the
    seasonally adjusted series if the series has a season.

    Parameters
    ----------
    y_true : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        True values, as in :func:`mean_absolute_scaled_error`.
    y_pred : Series, DataFrame or ndarray of the shape of `y_true`
        Predictions. If both have labels, these pair the values, in any order.
    y_baseline : Series, DataFrame or ndarray of the shape of `y_true`
        Predictions to compare with.
    y_train : Series, DataFrame or ndarray of shape (n_train,) or (n_train, n_outputs)
        The values before, oldest first, labelled as `y_true`.
    season : int, default=None
        Time steps per season of the MASE. None takes it from the step of the index of `y_train`.
        M4 uses 24 for hours, 12 for months, 4 for quarters and 1 for all others.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), \
            default="uniform_average"
        How the errors of outputs are averaged, before they are divided: not at all, all alike, or
        by these weights.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        The average, at least 0.

    Raises
    ------
    ValueError
        As in :func:`mean_absolute_scaled_error`, or if the baseline makes no error.
    TypeError
        If values are no numbers, or `season` is not an int.

    Warns
    -----
    AssumedPastWarning
        As in :func:`mean_absolute_scaled_error`.

    See Also
    --------
    symmetric_mean_absolute_percentage_error : The sMAPE.
    mean_absolute_scaled_error : The MASE.

    References
    ----------
    .. [1] S. Makridakis, E. Spiliotis, V. Assimakopoulos, "The M4 Competition: 100,000 time series
       and 61 forecasting methods", International Journal of Forecasting 36 (1), 2020.

    Examples
    --------
    >>> from sklstm.datasets import load_milk
    >>> from sklstm.metrics import overall_weighted_average
    >>> milk = load_milk()
    >>> train, test = milk[:-12], milk[-12:]
    >>> last_year = milk[-24:-12].to_numpy()
    >>> naive = test * 0 + train.iloc[-1]
    >>> owa = overall_weighted_average(test, last_year, naive, y_train=train)
    >>> round(owa, 3)  # less than a fifth of the errors of the last value
    0.174
    """
    errors = {}
    given = {"sample_weight": sample_weight, "multioutput": multioutput}
    scaled = {"y_train": y_train, "season": season}
    with each_once():
        read_pairs(y_true, y_baseline, sample_weight, name="y_baseline")
        for name, predicted in (("y_pred", y_pred), ("y_baseline", y_baseline)):
            smape = symmetric_mean_absolute_percentage_error(y_true, predicted, **given)
            mase = mean_absolute_scaled_error(y_true, predicted, **scaled, **given)
            errors[name] = np.array([smape, mase])
    if (errors["y_baseline"] == 0).any():
        raise ValueError("y_baseline equals y_true, so no error is relative to its errors.")
    found = (errors["y_pred"] / errors["y_baseline"]).mean(axis=0)
    return found if found.ndim else float(found)
