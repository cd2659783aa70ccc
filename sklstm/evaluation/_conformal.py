"""Intervals around predictions, from the errors of a back-test."""

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

from sklstm._checks._arguments import check_flag, check_kind
from sklstm._checks._numbers import check_floats, check_not_infinite
from sklstm._checks._tables import index_of
from sklstm.evaluation._backtest_result import outputs_of
from sklstm.forecasting._forecast import FORECAST_STEPS


def conformal_interval(result, predictions, coverage=0.9, *, symmetric=True, scale="identity"):
    """Put an interval around each prediction, from the errors of a back-test.

    This is split-conformal prediction: it assumes no distribution. If later errors are like those
    of the back-test, an interval contains the true value with a probability of at least `coverage`.
    It works for the predictions of any estimator.

    Parameters
    ----------
    result : BacktestResult
        What :func:`backtest` returned. It must have predicted in the same way: for a
        :func:`forecast` of many steps, use a back-test with ``feed_back=True``, or one of a target
        with a horizon. A labelled forecast under errors of one step is refused; an array does not
        tell that it is a forecast.
    predictions : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The predictions. If the back-test looked several steps ahead, row i of one axis lies
        ``i + 1`` steps ahead. If it had several outputs, the columns of two axes are these outputs.
    coverage : float, default=0.9
        The share of true values that the intervals should contain, between 0 and 1.
    symmetric : bool, default=True
        True puts both ends at the same distance from the prediction. False lets each end miss half
        of the share ``1 - coverage``: better for skewed errors, but it needs twice as many errors.
    scale : {"identity", "log"}, default="identity"
        ``"log"`` takes errors as ratios: for values that are all positive and whose errors grow
        with them, as those of a model of the logarithm. Ends are then positive, too.

    Returns
    -------
    DataFrame of shape (n_rows, 2) or ndarray of shape (n_rows, 2) or (n_rows, n_outputs, 2)
        The ends, ``"lower"`` and ``"upper"``; an array for an array. For a DataFrame with several
        outputs, columns come in pairs: ``(output, "lower")`` and ``(output, "upper")``.

    Raises
    ------
    ValueError
        If `coverage` or `scale` is out of range, the back-test has too few errors for it, the
        predictions have other outputs than the back-test or reach further ahead, or values are not
        positive with ``scale="log"``.
    TypeError
        If `result` is not a back-test, `coverage` not a number, `symmetric` not a bool or
        `predictions` not a table of numbers.

    See Also
    --------
    backtest : Measures the errors.
    LSTMRegressor.predict_quantiles : Intervals that a network learns.

    Notes
    -----
    A 90 % interval needs 9 errors per number of steps ahead (19 with ``symmetric=False``). A number
    of steps with fewer errors also uses the errors of the nearest numbers of steps.

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
    >>> interval = conformal_interval(result, predictions, coverage=0.9)
    >>> interval.shape
    (12, 2)
    >>> int(((interval[:, 0] <= y[-12:]) & (y[-12:] <= interval[:, 1])).sum())  # of 12 values
    11
    """
    # 1. Validate.
    check_kind(result, "result", "skill", "what backtest returned")
    check_scalar(coverage, "coverage", Real)
    if not 0 < coverage < 1:
        raise ValueError(f"coverage={coverage!r} is not valid: expected a share between 0 and 1.")
    check_flag(symmetric, "symmetric")
    values = check_floats(predictions, "predictions")
    if values.ndim not in (1, 2) or not values.size:
        raise ValueError(
            f"predictions has shape {values.shape}: expected (n_rows,) or (n_rows, n_outputs), with"
            " at least one row."
        )
    check_not_infinite(values, predictions, "predictions")

    # 2. The errors of the back-test.
    lines = result.predictions
    n_steps = getattr(predictions, "attrs", {}).get(FORECAST_STEPS, 1)
    if n_steps > 1 and lines["step"].nunique() < 2:
        raise ValueError(
            f"predictions is a forecast of {n_steps} steps, but the back-test predicted each row"
            f" {lines['step'].iloc[0]} step(s) ahead, so its errors are not those of a forecast."
            f" Back-test with feed_back=True and test folds of {n_steps} rows, or with a y of that"
            " horizon."
        )
    if scale == "log":
        pairs = lines[["actual", "prediction"]]
        if (pairs <= 0).any(axis=None) or (values <= 0).any():
            raise ValueError(
                "scale='log' needs positive values, but the back-test or predictions holds zeros or"
                " negative ones. Leave scale='identity', or add a constant to the series."
            )
        lines, values = lines.assign(**np.log(pairs)), np.log(values)
    elif scale != "identity":
        raise ValueError(f"scale={scale!r} is not valid: expected 'identity' or 'log'.")
    lines = lines.assign(error=lines["actual"] - lines["prediction"]).dropna(subset="error")
    outputs = outputs_of(result)

    # 3. An interval for each value: by its output, or by its row where rows are steps ahead.
    level = (float(coverage), symmetric)
    if values.ndim == 2 and values.shape[1] > 1:
        if len(outputs) != values.shape[1]:
            raise ValueError(
                f"predictions has {values.shape[1]} columns, but the back-test has"
                f" {len(outputs)} output(s): pass one column for each."
            )
        pairs = zip(outputs, values.T, strict=True)
        ends = [_ends(lines[lines["output"] == name], column, *level) for name, column in pairs]
        return _like(np.stack(ends, axis=1), predictions, scale)
    # Several outputs that each look another number of steps ahead are the steps of one target.
    kinds = lines.filter(["output", "step"]).drop_duplicates()
    if len(outputs) > 1 and not (kinds["output"].is_unique and kinds["step"].is_unique):
        raise ValueError(
            f"predictions has shape {values.shape}, but the back-test has the outputs"
            f" {outputs!r}: pass one column for each of them."
        )
    return _like(_ends(lines, values.ravel(), *level), predictions, scale)


def _ends(lines, values, coverage, symmetric):
    """Return the ends of an interval around each value, from errors as many steps ahead."""
    steps, errors = lines["step"].to_numpy(), lines["error"].to_numpy()
    # The fewest errors of which one can be an end.
    missed = (1 - coverage) if symmetric else (1 - coverage) / 2
    fewest = int(np.ceil(1 / missed - 1 - 1e-9))
    if len(errors) < fewest:
        raise ValueError(
            f"coverage={coverage} needs at least {fewest} errors, but the back-test has"
            f" {len(errors)}: back-test on more rows, or ask for less coverage."
        )
    if len(np.unique(steps)) < 2:
        # The back-test looked the same number of steps ahead everywhere, and so do all values.
        return values[:, None] + _margins(errors, coverage, symmetric)
    if len(values) > steps.max():
        raise ValueError(
            f"predictions reaches {len(values)} steps ahead, but the back-test only {steps.max()}:"
            f" back-test with test folds of at least {len(values)} rows."
        )
    margins = []
    for step in range(1, len(values) + 1):
        # Steps with too few errors also take those of the nearest steps.
        away = np.abs(steps - step)
        reach = np.sort(away)[fewest - 1]
        margins.append(_margins(errors[away <= reach], coverage, symmetric))
    return values[:, None] + np.array(margins)


def _margins(errors, coverage, symmetric):
    """Return the ends of an interval around zero."""
    if symmetric:
        width = _quantile(np.abs(errors), coverage)
        return np.array([-width, width])
    one_sided = (1 + coverage) / 2
    return np.array([-_quantile(-errors, one_sided), _quantile(errors, one_sided)])


def _quantile(errors, level):
    """Return the error that a new error does not exceed with at least this probability."""
    rank = int(np.ceil((len(errors) + 1) * level - 1e-9))
    return np.partition(errors, rank - 1)[rank - 1]


def _like(ends, predictions, scale):
    """Give intervals the scale and the labels of the predictions."""
    ends = np.exp(ends) if scale == "log" else ends
    index = index_of(predictions)
    if index is None:
        return ends
    bounds = ["lower", "upper"]
    if ends.ndim == 2:
        return pd.DataFrame(ends, index, bounds)
    columns = pd.MultiIndex.from_product([predictions.columns, bounds])
    return pd.DataFrame(ends.reshape(len(ends), -1), index, columns)
