"""Intervals around predictions, as wide as the errors of a back-test ask for."""

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

from sklstm._checks._arguments import check_flag
from sklstm._checks._numbers import check_floats, check_not_infinite
from sklstm._checks._tables import index_of
from sklstm.evaluation._backtest_result import check_backtest


def conformal_interval(result, predictions, coverage=0.9, *, symmetric=True):
    """Put an interval around each prediction, from the errors that a back-test found.

    This is split-conformal prediction: no distribution is assumed. If the errors to come are like
    those of the back-test, an interval holds the true value with at least the probability asked
    for. Works for any estimator, and for the predictions of any other way.

    Parameters
    ----------
    result : BacktestResult
        What :func:`backtest` returned. Its errors must be those of predictions made in the same
        way: for a :func:`forecast` of many steps, of a back-test with ``feed_back=True``.
    predictions : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The predictions. Where the back-test looked several steps ahead, one axis means that row i
        lies ``i + 1`` steps ahead; where it had several outputs, two axes mean these outputs.
    coverage : float, default=0.9
        The share of true values that the intervals should hold, between 0 and 1.
    symmetric : bool, default=True
        Whether both ends are equally far from the prediction. Otherwise each end leaves out half
        of what may be missed, which suits skewed errors and needs twice as many of them.

    Returns
    -------
    DataFrame of shape (n_rows, 2) or ndarray of shape (n_rows, 2) or (n_rows, n_outputs, 2)
        The ends, ``"lower"`` and ``"upper"``; an array for an array. For a DataFrame with several
        outputs, columns come in pairs: ``(output, "lower")`` and ``(output, "upper")``.

    Raises
    ------
    ValueError
        If `coverage` is out of range, the back-test holds too few errors for it, or the
        predictions have other outputs, or reach further ahead, than the back-test.
    TypeError
        If `result` is no back-test, `coverage` no number, `symmetric` no bool or `predictions` no
        table of numbers.

    See Also
    --------
    backtest : Finds the errors.
    LSTMRegressor.predict_quantiles : Intervals that a network learns.

    Notes
    -----
    Errors of different numbers of steps ahead are kept apart. Where one number of steps has too few
    of them, those of the nearest numbers of steps join in.

    References
    ----------
    .. [1] J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani, L. Wasserman, "Distribution-Free
       Predictive Inference for Regression", Journal of the American Statistical Association 113
       (523), 2018.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklstm import backtest, conformal_interval, series_to_supervised
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> result = backtest(Ridge(), X[:-12], y[:-12], cv=5)
    >>> predictions = Ridge().fit(X[:-12], y[:-12]).predict(X[-12:])
    >>> conformal_interval(result, predictions, coverage=0.9).shape
    (12, 2)
    """
    check_backtest(result)
    check_scalar(coverage, "coverage", Real, min_val=0, max_val=1, include_boundaries="neither")
    coverage = float(coverage)
    if np.isnan(coverage):
        raise ValueError(f"coverage={coverage!r} is not valid: expected a share between 0 and 1.")
    check_flag(symmetric, "symmetric")
    values = check_floats(predictions, "predictions")
    if values.ndim not in (1, 2) or not values.size:
        raise ValueError(
            f"predictions has shape {values.shape}: expected (n_rows,) or (n_rows, n_outputs), with"
            " at least one row."
        )
    check_not_infinite(values, predictions, "predictions")
    lines = result.predictions
    errors = (lines["actual"] - lines["prediction"]).to_numpy()
    known = ~np.isnan(errors)
    lines, errors = lines[known], errors[known]
    if values.ndim == 2 and values.shape[1] > 1:
        ends = _by_output(lines, errors, values, coverage, symmetric)
    else:
        if "output" in lines and not _is_one_series(lines):
            raise ValueError(
                f"predictions has shape {values.shape}, but the back-test has the outputs"
                f" {_outputs(lines)!r}: pass one column for each of them."
            )
        ends = _by_step(lines["step"].to_numpy(), errors, values.ravel(), coverage, symmetric)
    return _like(ends, predictions)


def _outputs(lines):
    return list(dict.fromkeys(lines["output"]))


def _is_one_series(lines):
    """Tell whether the outputs are steps ahead of one target, so that a row is a step."""
    kinds = lines[["output", "step"]].drop_duplicates()
    return kinds["output"].is_unique and kinds["step"].is_unique


def _by_output(lines, errors, values, coverage, symmetric):
    """Take the errors of each output for that output, and of each step ahead where they differ."""
    outputs = _outputs(lines) if "output" in lines else [None]
    if len(outputs) != values.shape[1]:
        raise ValueError(
            f"predictions has {values.shape[1]} columns, but the back-test has"
            f" {len(outputs)} output(s): pass one column for each."
        )
    ends = []
    for output, column in zip(outputs, values.T, strict=True):
        of_output = (lines["output"] == output).to_numpy()
        steps = lines["step"].to_numpy()[of_output]
        ends.append(_by_step(steps, errors[of_output], column, coverage, symmetric))
    return np.stack(ends, axis=1)


def _by_step(steps, errors, values, coverage, symmetric):
    """Take the errors of as many steps ahead as each value lies."""
    n_steps = steps.max() if len(steps) else 0
    if steps.min(initial=n_steps) == n_steps:
        # All predictions were made alike, so the row says nothing about the step.
        return values[:, None] + _margins(errors, coverage, symmetric)
    if len(values) > n_steps:
        raise ValueError(
            f"predictions reaches {len(values)} steps ahead, but the back-test only {n_steps}:"
            f" back-test with test folds of at least {len(values)} rows."
        )
    distance = np.abs(steps - np.arange(1, len(values) + 1)[:, None])
    margins = []
    for away in distance:
        nearest = np.sort(away)[min(_fewest(coverage, symmetric), len(away)) - 1]
        margins.append(_margins(errors[away <= nearest], coverage, symmetric))
    return values[:, None] + np.array(margins)


def _fewest(coverage, symmetric):
    """Return how many errors it takes for an interval that has ends."""
    missed = (1 - coverage) if symmetric else (1 - coverage) / 2
    return int(np.ceil(1 / missed - 1 - 1e-9))


def _margins(errors, coverage, symmetric):
    """Return the ends of an interval around zero."""
    if len(errors) < _fewest(coverage, symmetric):
        raise ValueError(
            f"coverage={coverage} needs at least {_fewest(coverage, symmetric)} errors, but the"
            f" back-test has {len(errors)} of the kind: back-test on more rows, or ask for less"
            " coverage."
        )
    if symmetric:
        width = _quantile(np.abs(errors), coverage)
        return np.array([-width, width])
    one_sided = (1 + coverage) / 2
    return np.array([-_quantile(-errors, one_sided), _quantile(errors, one_sided)])


def _quantile(errors, level):
    """Return the error that a new one stays below with at least this probability."""
    rank = int(np.ceil((len(errors) + 1) * level - 1e-9))
    return np.partition(errors, rank - 1)[rank - 1]


def _like(ends, predictions):
    """Label intervals as the predictions were."""
    index = index_of(predictions)
    if index is None:
        return ends
    bounds = ["lower", "upper"]
    if ends.ndim == 2:
        return pd.DataFrame(ends, index, bounds)
    columns = pd.MultiIndex.from_product([predictions.columns, bounds])
    return pd.DataFrame(ends.reshape(len(ends), -1), index, columns)
