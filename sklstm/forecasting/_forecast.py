"""Values beyond the last observed one."""

import warnings

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._arguments import check_count, check_kind, naming
from sklstm._checks._tables import check_target, index_of
from sklstm._past._labels import next_labels
from sklstm._past._past import check_sorted
from sklstm._sklearn._look_back import look_back
from sklstm.forecasting._recursive_rows import Feedback
from sklstm.forecasting._target_columns import lags_of


def forecast(estimator, X, steps, *, y=None, exog=None, y_lag=None, lookback=None):
    """Forecast the values that come after the last observed one.

    The rows to predict are made one after the other: the columns of `X` that hold earlier values
    of the target get what was observed or, beyond that, what was predicted. A regressor of several
    steps at once predicts all of them from one row, and is fed back only beyond its horizon.

    Parameters
    ----------
    estimator : estimator
        Any fitted regressor, pipeline or search that takes rows as `series_to_supervised` makes
        them.
    X : DataFrame or ndarray of shape (n_rows, n_features)
        The rows so far, oldest first: those that the estimator was fitted on, or rows that follow
        them. A row holds what is known before its own target.
    steps : int
        Steps to forecast, at least 1.
    y : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs), default=None
        The target observed at the rows of `X`. The forecast starts one step after the last value
        that `y` holds; NaN at its end is not yet observed. Without `y`, the last target that is
        known is the one in the last row of `X`, so the forecast starts with that row itself.
    exog : DataFrame or ndarray of shape (n_new_rows, n_exog), default=None
        The columns of `X` that do not hold earlier targets, in the rows after the last one of `X`.
        The rows of a DataFrame are found by label, those of an array follow `X` directly; more
        rows than needed do no harm.
    y_lag : str, int or sequence of these, default=None
        The column of `X`, by name or position, that holds the target one step earlier (one per
        target). By default it is taken from a :class:`TransformedSeriesRegressor`, or else it is
        every column called ``<name>_lag1``, ``<name>_lag2`` and so on after the target, or else
        every column that is not in `exog`.
    lookback : int, default=None
        Rows before a row that have a say in its prediction. None finds out; where that has no
        bound, or a step of another package leaves it unknown, each prediction gets all rows.

    Returns
    -------
    Series, DataFrame or ndarray of shape (steps,) or (steps, n_targets)
        The forecast. A DataFrame `X` gives a Series or a DataFrame that is labelled with the dates
        of the values; they run on at the regular step of the index, or are those of `exog`.

    Raises
    ------
    ValueError
        If the columns that hold earlier targets cannot be told, another column is not in `exog`,
        `exog` lacks rows, the index has no regular step, nothing was observed, or the lengths or
        labels of `X` and `y` differ.
    TypeError
        If `estimator` is none, or `steps` or `lookback` is no int.

    See Also
    --------
    backtest : How well an estimator would have predicted what is known by now.
    conformal_interval : How far the values may lie from a forecast.

    Notes
    -----
    What is learnt is not touched: forecasting twice gives the same. The cost of a step does not
    grow with the rows of `X` where the look-back is bounded.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import LagWindower, TransformedSeriesRegressor, forecast, series_to_supervised
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> model = TransformedSeriesRegressor(make_pipeline(LagWindower(12, flatten=True), Ridge()))
    >>> ahead = forecast(model.fit(X, y), X, 24, y=y)
    >>> ahead.shape, y.index[-1].strftime("%B %Y"), ahead.index[0].strftime("%B %Y")
    ((24,), 'December 1975', 'January 1976')
    """
    check_kind(estimator, "estimator", "predict", "a fitted regressor, pipeline or search")
    check_is_fitted(estimator)
    steps = check_count(steps, "steps")
    if lookback is None:
        lookback = look_back(estimator)
    else:
        lookback = check_count(lookback, "lookback", least=0)
    rows = _check_rows(X)
    target = None if y is None else check_target(y, X)
    lags = lags_of(rows, y, target, exog, _y_lag_of(estimator) if y_lag is None else y_lag)
    feedback = Feedback(rows, lags, target)
    start = feedback.start
    labels = _labels_after(index_of(X), start + steps - len(rows), exog)
    feedback.extend(steps, labels, exog, oldest=0 if lookback is None else start - lookback)

    at, cut = start, False
    with warnings.catch_warnings():
        while at < start + steps:
            oldest = 0 if lookback is None else max(0, at - lookback)
            if oldest and not cut:
                # That rows which are cut off here have no known past is no news to anyone.
                warnings.filterwarnings("ignore", ".*the rows before them are not known")
                cut = True
            predicted = np.asarray(estimator.predict(feedback.rows(oldest, at + 1)))[-1]
            at += feedback.observe(at, predicted.ravel(), type(estimator).__name__)

    values = feedback.values(start, start + steps)
    if labels is None:
        return values.ravel() if values.shape[1] == 1 else values
    index = (
        labels[len(labels) - steps :] if start >= len(rows) else rows.index[start:].append(labels)
    )
    index = index[:steps].rename(rows.index.name)
    if values.shape[1] > 1:
        return pd.DataFrame(values, index, columns=lags.names)
    name = y.name if isinstance(y, pd.Series) else lags.names[0] if lags.names else None
    return pd.Series(values.ravel(), index, name=name)


def _check_rows(X):
    """Return the rows as a DataFrame or an array, and refuse what cannot be continued."""
    with naming("X", X):
        rows = X if isinstance(X, pd.DataFrame) else np.asarray(X)
    if rows.ndim != 2 or not rows.size:
        raise ValueError(
            f"X has shape {rows.shape}, but forecast continues rows: expected (n_rows, n_features)"
            " with at least one row. Make them with series_to_supervised; windows are for a"
            " LagWindower inside the pipeline."
        )
    if isinstance(rows, pd.DataFrame):
        check_sorted(rows.index)
        if not rows.columns.is_unique:
            raise ValueError(f"X has two columns of one name: {list(rows.columns)!r}.")
    return rows


def _y_lag_of(estimator):
    """Return the `y_lag` that an estimator, or the best one of a search, was given."""
    return getattr(getattr(estimator, "best_estimator_", estimator), "y_lag", None)


def _labels_after(index, n_labels, exog):
    """Return the labels of the rows to come; None for rows without labels."""
    if index is None:
        return None
    n_labels = max(0, n_labels)
    labels = next_labels(index, n_labels)
    if labels is None and index_of(exog) is not None:
        given = exog.index[exog.index > index[-1]]
        labels = given[:n_labels] if len(given) >= n_labels else None
    if labels is None and isinstance(index[-1], str):
        raise ValueError(
            f"The index of X holds text such as {index[-1]!r}, so the labels after it cannot be"
            " told. Make dates of it before series_to_supervised, for instance with"
            " series.index = pd.to_datetime(series.index)."
        )
    if labels is None:
        raise ValueError(
            f"The labels of the {n_labels} steps after {index[-1]!r} cannot be told: the index of X"
            " has no regular step. Give it one, for instance with X.asfreq('D') or X.to_period(),"
            f" or name the labels with exog=pd.DataFrame(index=...), of at least {n_labels} rows"
            " after the last one of X."
        )
    return labels
