"""Scores of intervals and quantiles."""

from numbers import Real

import numpy as np
from sklearn.utils import check_scalar

from sklstm._checks._arguments import naming
from sklstm._past._order import label_at
from sklstm.metrics._named_columns import check_coverage
from sklstm.metrics._pairs import (
    average_outputs,
    check_per_series,
    label_series,
    means_by_series,
    read_pairs,
    summarize,
    sums_by_series,
)
from sklstm.metrics._scales import naive_scale


def interval_coverage(
    y_true, y_pred, *, sample_weight=None, multioutput="uniform_average", per_series=False
):
    """Share of true values that lie in their interval, ends included.

    Parameters
    ----------
    y_true : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        True values. If the index has several levels, the first is the time, and the others name the
        series. Without labels, the rows are those of one series.
    y_pred : DataFrame or ndarray of shape (n_rows, 2) or (n_rows, n_outputs, 2)
        The lower and the upper end for each true value, as :func:`~sklstm.conformal_interval`
        returns them. If both have labels, these pair the values, in any order; columns called
        ``"lower"`` and ``"upper"``, or after quantiles, may be in any order, too. Of predicted
        quantiles, take the first and the last: ``quantiles[..., [0, -1]]``.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), \
            default="uniform_average"
        How outputs are averaged: not at all, all alike, or by these weights.
    per_series : bool, default=False
        True returns the share of each series, which `y_true` must name; NaN if its rows weigh
        nothing.

    Returns
    -------
    float, ndarray of shape (n_outputs,), Series of length n_series or \
            DataFrame of shape (n_series, n_outputs)
        The share, from 0 to 1.

    Raises
    ------
    ValueError
        If values are NaN or infinite, shapes or labels do not fit, or a lower end lies above its
        upper one.
    TypeError
        If values are no numbers, or `per_series` not a bool.

    See Also
    --------
    winkler_score : Judges coverage and width together.

    Notes
    -----
    All series count alike, whatever their number of rows. With `sample_weight`, rows of a series
    are averaged by their weights, and series by the mean weight of their rows.

    Examples
    --------
    >>> from sklstm.metrics import interval_coverage
    >>> interval_coverage([3.0, 5.0, 8.0, 6.0], [[2, 4], [5, 7], [5, 7], [5, 7]])
    0.75
    """
    pairs, lower, upper = _read_intervals(y_true, y_pred, sample_weight)
    check_per_series(per_series, pairs)
    inside = (lower <= pairs.actual) & (pairs.actual <= upper)
    return summarize(means_by_series(inside, pairs), pairs, multioutput, per_series)


def winkler_score(
    y_true,
    y_pred,
    *,
    coverage,
    y_train=None,
    season=None,
    sample_weight=None,
    multioutput="uniform_average",
    per_series=False,
):
    """Mean width of intervals, plus a penalty for each true value outside.

    For an interval from l to u that should contain the share `coverage` of true values::

        u - l + 2 / (1 - coverage) * (how far y lies outside the interval)

    Less is better, and no interval has a lower expected score than the one between the true
    quantiles. It is also called interval score. With `y_train` it is scaled: the MSIS of the M4
    competition.

    Parameters
    ----------
    y_true : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        True values. If the index has several levels, the first is the time, and the others name the
        series. Without labels, the rows are those of one series.
    y_pred : DataFrame or ndarray of shape (n_rows, 2) or (n_rows, n_outputs, 2)
        The lower and the upper end for each true value, as :func:`~sklstm.conformal_interval`
        returns them. If both have labels, these pair the values, in any order; columns called
        ``"lower"`` and ``"upper"``, or after quantiles, may be in any order, too. Of predicted
        quantiles, take the first and the last: ``quantiles[..., [0, -1]]``.
    coverage : float
        The share of true values that the intervals should contain, between 0 and 1: the difference
        of their quantiles.
    y_train : Series, DataFrame or ndarray of shape (n_train,) or (n_train, n_outputs), default=None
        The values before. Scores of each series are divided by its seasonal naive error, as in
        :func:`mean_absolute_scaled_error`. None leaves them in the units of `y_true`: series of
        large values then decide the mean.
    season : int, default=None
        Time steps per season; used only with `y_train`, from whose index None takes it.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), \
            default="uniform_average"
        How outputs are averaged: not at all, all alike, or by these weights.
    per_series : bool, default=False
        True returns the score of each series, which `y_true` must name; NaN if its rows weigh
        nothing.

    Returns
    -------
    float, ndarray of shape (n_outputs,), Series of length n_series or \
            DataFrame of shape (n_series, n_outputs)
        The score, at least 0.

    Raises
    ------
    ValueError
        If values are NaN or infinite, shapes or labels do not fit, a lower end lies above its upper
        one, or `coverage` is not between 0 and 1 or not that of the quantiles that columns are
        called after; with `y_train`, as in :func:`mean_absolute_scaled_error`.
    TypeError
        If values are no numbers, `coverage` not a number, `season` not an int or `per_series` not a
        bool.

    Warns
    -----
    AssumedPastWarning
        As in :func:`mean_absolute_scaled_error`.

    See Also
    --------
    interval_coverage : The share of values inside.

    Notes
    -----
    All series count alike, whatever their number of rows. With `sample_weight`, rows of a series
    are averaged by their weights, and series by the mean weight of their rows.

    References
    ----------
    .. [1] R. L. Winkler, "A Decision-Theoretic Approach to Interval Estimation", Journal of the
       American Statistical Association 67 (337), 1972.
    .. [2] T. Gneiting, A. E. Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation",
       Journal of the American Statistical Association 102 (477), 2007.
    .. [3] S. Makridakis, E. Spiliotis, V. Assimakopoulos, "The M4 Competition: 100,000 time series
       and 61 forecasting methods", International Journal of Forecasting 36 (1), 2020.

    Examples
    --------
    >>> from sklstm.metrics import winkler_score
    >>> score = winkler_score([3.0, 8.0], [[2, 4], [5, 7]], coverage=0.9)
    >>> round(score, 6)  # widths of 2, and 20 * 1 for the 8 above 7
    12.0
    """
    check_scalar(coverage, "coverage", Real)
    if not 0 < coverage < 1:
        raise ValueError(f"coverage={coverage!r} is not valid: expected a share between 0 and 1.")
    pairs, lower, upper = _read_intervals(y_true, y_pred, sample_weight)
    check_coverage(y_pred, coverage)
    check_per_series(per_series, pairs)
    outside = np.maximum(lower - pairs.actual, 0) + np.maximum(pairs.actual - upper, 0)
    scores = means_by_series(upper - lower + 2 / (1 - coverage) * outside, pairs)
    if y_train is not None:
        scores = scores / naive_scale(y_train, pairs, season, power=1)
    return summarize(scores, pairs, multioutput, per_series)


def weighted_quantile_loss(
    y_true,
    y_pred,
    *,
    quantiles,
    sample_weight=None,
    multioutput="uniform_average",
    per_series=False,
):
    """Pinball loss of predicted quantiles, relative to the size of the true values.

    For one quantile q it is twice the sum of pinball losses over the sum of sizes, and the mean is
    taken over the quantiles::

        2 * sum max(q * (y - y_pred), (q - 1) * (y - y_pred)) / sum |y|

    With the median alone, it is ``sum |y - y_pred| / sum |y|``.

    Parameters
    ----------
    y_true : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        True values. If the index has several levels, the first is the time, and the others name the
        series. Without labels, the rows are those of one series.
    y_pred : DataFrame or ndarray of shape (n_rows, n_quantiles) or (n_rows, n_outputs, n_quantiles)
        Predicted quantiles, as `LSTMRegressor.predict_quantiles` returns them. If both have labels,
        these pair the values, in any order; columns called ``"quantile_0.1"`` or 0.1 may be in any
        order, too, and are compared with `quantiles`.
    quantiles : sequence of float
        Which quantiles the last axis of `y_pred` holds: rising, between 0 and 1.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights of the rows, in both sums.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), \
            default="uniform_average"
        How outputs are averaged: not at all, all alike, or by these weights.
    per_series : bool, default=False
        True returns the loss of each series; `y_true` must name them.

    Returns
    -------
    float, ndarray of shape (n_outputs,), Series of length n_series or \
            DataFrame of shape (n_series, n_outputs)
        The loss, at least 0.

    Raises
    ------
    ValueError
        If values are NaN or infinite, shapes or labels do not fit, `quantiles` is not valid or not
        what columns are called after, `y_pred` holds the quantiles in falling order, or all true
        values (with `per_series`, those of a series) are 0.
    TypeError
        If values are no numbers, or `per_series` not a bool.

    See Also
    --------
    sklearn.metrics.mean_pinball_loss : Of one quantile, in the units of the target.
    winkler_score : Of intervals.

    Notes
    -----
    The sums run over the rows of all series, so series of large values weigh more: that is what
    "weighted" means. Use `per_series` for a loss of each series by its own size.

    References
    ----------
    .. [1] Y. Park, D. Maddix, F.-X. Aubet, K. Kan, J. Gasthaus, Y. Wang, "Learning Quantile
       Functions without Quantile Crossing for Distribution-free Time Series Forecasting",
       AISTATS, 2022.
    .. [2] T. Gneiting, A. E. Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation",
       Journal of the American Statistical Association 102 (477), 2007.

    Examples
    --------
    >>> from sklstm.metrics import weighted_quantile_loss
    >>> predicted = [[8, 10, 12], [7, 9, 11]]
    >>> loss = weighted_quantile_loss(
    ...     [11.0, 9.0], predicted, quantiles=(0.1, 0.5, 0.9)
    ... )
    >>> round(loss, 6)  # 2 * (0.3 + 0.5 + 0.1 + 0.2 + 0 + 0.2) / 3 / 20
    0.043333

    The scorers of scikit-learn call `predict`, so a search over models that predict quantiles needs
    a scorer of its own:

    >>> def scorer(estimator, X, y):
    ...     predicted = estimator.predict_quantiles(X)
    ...     return -weighted_quantile_loss(
    ...         y, predicted, quantiles=estimator.quantiles_
    ...     )
    """
    with naming("quantiles", quantiles):
        levels = np.asarray(quantiles, dtype=float)
        is_valid = levels.ndim == 1 and levels.size and (levels > 0).all() and (levels < 1).all()
        if not is_valid or (np.diff(levels) <= 0).any():
            raise ValueError("expected rising numbers between 0 and 1, such as (0.1, 0.5, 0.9).")
    pairs = read_pairs(y_true, y_pred, sample_weight, n_predicted=len(levels), quantiles=levels)
    check_per_series(per_series, pairs)
    means = pairs.predicted.mean(axis=0)
    if (means[:, -1] < means[:, 0]).any():
        raise ValueError(
            f"y_pred holds less for the quantile {levels[-1]} than for {levels[0]}, on average: put"
            " its last axis in the order of quantiles."
        )
    errors = pairs.actual[:, :, None] - pairs.predicted
    losses = 2 * np.maximum(levels * errors, (levels - 1) * errors).mean(axis=2)
    weight = pairs.weight[:, None]
    losses, sizes = (
        sums_by_series(values * weight, pairs.codes, len(pairs.series))
        for values in (losses, np.abs(pairs.actual))
    )
    if not per_series:
        losses, sizes = losses.sum(axis=0), sizes.sum(axis=0)
    if (sizes == 0).any():
        of = ""
        if per_series:
            of = f" of series {pairs.series[(sizes == 0).any(axis=1)].tolist()[0]!r}"
        raise ValueError(
            f"The true values{of} are all 0, or weigh nothing, so no loss is relative to them."
        )
    if per_series:
        return label_series(losses / sizes, pairs, multioutput)
    return average_outputs(losses / sizes, multioutput, pairs.columns)


def _read_intervals(y_true, y_pred, sample_weight):
    """Return the pairs, and the lower and the upper ends, each of shape (n_rows, n_outputs)."""
    pairs = read_pairs(y_true, y_pred, sample_weight, n_predicted=2)
    lower, upper = pairs.predicted[:, :, 0], pairs.predicted[:, :, 1]
    crossed = np.argwhere(lower > upper)
    if len(crossed):
        row, output = (int(place) for place in crossed[0])
        label = "" if pairs.index is None else f" ({label_at(pairs.index, row)!r})"
        raise ValueError(
            f"y_pred has the lower end {lower[row, output]} above the upper end"
            f" {upper[row, output]} in row {row}{label}: expected the lower end first."
        )
    return pairs, lower, upper
