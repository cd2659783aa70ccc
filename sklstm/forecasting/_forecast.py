"""Values after the last observed one."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._arguments import check_count, check_jobs, check_kind
from sklstm._checks._quantiles import check_method, levels_of, quantile_names
from sklstm._checks._tables import index_of
from sklstm._past._stretches import said
from sklstm._sklearn._warnings import MissingStepsWarning, each_once, warn
from sklstm.forecasting._raw_table import rows_of
from sklstm.forecasting._rows_ahead import rows_ahead, targets_of

#: Where a labelled forecast keeps, in its ``attrs``, how many steps ahead it reaches.
FORECAST_STEPS = "forecast_steps"


def forecast(
    estimator,
    X=None,
    steps=1,
    *,
    y=None,
    series=None,
    future_inputs=None,
    y_lag=None,
    recompute=None,
    lookback=None,
    method="predict",
    n_jobs=None,
):
    """Forecast the values that come after the last observed one.

    The rows to predict are made one after the other: the columns of `X` that hold earlier targets
    get observed values and, after the last of these, predicted ones. A regressor that predicts
    several steps from one row does so; its predictions are fed back only beyond its horizon.

    A table of many series is forecast as a whole: each step is one call of ``predict`` for all
    series, each of which goes on from its own last known target. A series that ended long before
    the others is forecast for the steps after its own end, too, and a warning says so.

    Parameters
    ----------
    estimator : estimator
        Any fitted regressor, pipeline or search that takes rows such as those of
        `series_to_supervised`.
    X : DataFrame or ndarray of shape (n_rows, n_features), default=None
        The rows so far, oldest first: the training rows of the estimator, or rows that follow
        them. A row holds what is known before its own target. If the index has several levels, the
        first is the time and the others name the series; these may be others than those of `fit`.
    steps : int, default=1
        Steps to forecast of each series, at least 1.
    y : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs), default=None
        The target observed at the rows of `X`. The forecast starts one step after its last value;
        NaN at the end means not observed yet. Without `y`, the last known target is the one in the
        last row of `X`, so the forecast starts with this row itself.
    series : Series or DataFrame of shape (n_steps, n_columns), default=None
        Instead of `X` and `y`: the table that `series_to_supervised` was given, or a later one of
        the same columns, from the last training row on. Past inputs need it, as the last rows of
        `X` lack their last values. Steps to come may stand at its end, with NaN as the target. The
        estimator must know the names of its features.
    future_inputs : DataFrame or ndarray of shape (n_new_rows, n_future_inputs), default=None
        The columns of `X` that are known ahead, such as a calendar, in the rows after the last row
        of `X` or `series`. The rows of a DataFrame are found by label; the rows of an array follow
        `X` directly. There may be more rows than needed. If dates are missing in `X`, or these have
        no step, its labels are the next ones. For many series, the labels are time and series, or
        the time alone for columns that all series share. Columns called ``<name>_step2`` and so on
        are made of the column ``<name>``, which is needed for as many steps more.
    y_lag : str, int or sequence of these, default=None
        The column of `X`, by name or position, that holds the target one step earlier; one for each
        target. By default, the `y_lag_` of a :class:`TransformedSeriesRegressor`. Without one, the
        columns called ``<target>_lag1``, ``<target>_lag2`` and so on, where `y` or a regressor of
        this package tells the names of the targets; such columns of other names are past inputs.
        Without such columns and without `recompute`, all columns that are not in `future_inputs`.
    recompute : callable, default=None
        Makes the columns that are computed from the target, such as a rolling mean:
        ``recompute(past)`` gets the targets before a row, oldest first (a Series; a DataFrame for
        several targets; an array for an array `X`), and returns what the columns hold in that row:
        a dict or Series of values by column name or position, or a DataFrame whose last row holds
        them. For many series, it gets the targets of all of them, with all levels of the index, and
        returns a DataFrame or a dict of Series with a row for each series, labelled by its name; or
        labelled like `past`, where the last row of each series holds them. Checked against the last
        row of each series in `X`.
    lookback : int, default=None
        Number of rows before a row on which its prediction depends. None asks the steps of the
        estimator. If a step does not know it, or there is no limit, each prediction gets all rows.
    method : {"predict", "predict_quantiles"}, default="predict"
        What to forecast. ``"predict_quantiles"`` gives the quantiles that an estimator such as
        ``LSTMRegressor(loss="quantile")`` predicts, in a pipeline or a search, too. Quantiles of a
        step do not tell those of the next, so none are fed back: the estimator must predict as many
        `steps` from one row.
    n_jobs : int, default=None
        Number of parts in which many series are forecast at the same time, by joblib; None is 1,
        unless a ``joblib.parallel_config`` says otherwise. The numbers are the same. One series,
        and rows that need `recompute`, are forecast in one part. Within a part, an estimator that
        has an `n_jobs` of its own predicts without it.

    Returns
    -------
    Series, DataFrame or ndarray of shape (steps,) or (steps, n_targets)
        The forecast. For a DataFrame `X`, a Series or DataFrame with the dates of the values: they
        continue at the step of the index, or are those of `future_inputs`. Its ``attrs`` tell
        :func:`conformal_interval` that it is a forecast. For many series, it has ``n_series *
        steps`` rows, sorted by time, with the levels of the index of `X`; all series have the step
        of the whole table. Quantiles have an axis more, (steps, n_quantiles) or (steps, n_targets,
        n_quantiles); the columns of a DataFrame are called ``"quantile_0.05"`` and so on, below the
        name of the target if there are several.

    Raises
    ------
    ValueError
        If it is not clear which columns hold earlier targets, or one holds other values than `y`, a
        past input is needed where it is not known, `series` does not have the columns of the
        estimator or comes beside `X` or `y`, `recompute` makes other values than `X` holds,
        `future_inputs` lacks a column or rows, may begin at another row than it seems, or has the
        time alone though the series of `X` differ, the past of a row to predict is not known, the
        index has no regular step, no target of a series is known, the lengths or labels of `X` and
        `y` differ, or quantiles are asked for that the estimator does not predict or that would
        have to be fed back.
    TypeError
        If `estimator` is not an estimator, or `steps`, `lookback` or `n_jobs` is not an int.

    Warns
    -----
    MissingStepsWarning
        If the series of `X` end at different times.
    AssumedPastWarning
        If rows that the first prediction depends on have labels of training rows, but other values,
        for instance in other units.

    See Also
    --------
    backtest : Forecasts of past rows, and their errors.
    conformal_interval : Intervals around a forecast.

    Notes
    -----
    The estimator is not changed, so forecasting twice gives the same. If the look-back is limited,
    the cost of a step does not grow with the number of rows of `X`.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import (
    ...     LagWindower,
    ...     TransformedSeriesRegressor,
    ...     forecast,
    ...     series_to_supervised,
    ... )
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> model = TransformedSeriesRegressor(
    ...     make_pipeline(LagWindower(12, flatten=True), Ridge())
    ... )
    >>> ahead = forecast(model.fit(X, y), X, 24, y=y)
    >>> last, first = y.index[-1], ahead.index[0]
    >>> ahead.shape, last.strftime("%B %Y"), first.strftime("%B %Y")
    ((24,), 'December 1975', 'January 1976')

    A load that depends on the temperature, which is measured, and on the weekday, which is known
    ahead. Three days at once are forecast from the table itself:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.linear_model import LinearRegression
    >>> days = pd.date_range("2024-01-01", periods=103)
    >>> table = pd.DataFrame({"temperature": np.sin(np.arange(103) / 9)}, days)
    >>> table["weekday"] = days.day_of_week
    >>> table["load"] = 50 - 9 * table["temperature"].shift(1) + table["weekday"]
    >>> table.loc[days[100:], ["temperature", "load"]] = np.nan  # still to come
    >>> X, y = series_to_supervised(
    ...     table[1:], target="load", horizon=3, future_inputs="weekday"
    ... )
    >>> X.columns.tolist()
    ['temperature_lag1', 'load_lag1', 'weekday', 'weekday_step2', 'weekday_step3']
    >>> direct = TransformedSeriesRegressor(LinearRegression()).fit(X, y)
    >>> forecast(direct, series=table[1:], steps=3).round(1)
    2024-04-10    61.0
    2024-04-11    62.3
    2024-04-12    63.6
    Freq: D, Name: load, dtype: float64

    Two series in one table, of which one is new to the model:

    >>> milk = load_milk()
    >>> cows = pd.concat(
    ...     {"old": milk, "new": milk[60:] * 2}, names=["farm"]
    ... ).swaplevel()
    >>> X, y = series_to_supervised(cows.sort_index())
    >>> is_old = X.index.get_level_values("farm") == "old"
    >>> forecast(model.fit(X[is_old], y[is_old]), X, 2, y=y).round(0)
    month       farm
    1976-01-01  new     1648.0
                old      849.0
    1976-02-01  new     1561.0
                old      809.0
    Name: milk, dtype: float64
    """
    steps = check_count(steps, "steps")
    check_jobs(n_jobs)
    check_kind(estimator, "estimator", "predict", "a fitted regressor, pipeline or search")
    check_method(method, estimator)
    options = {"steps": steps, "lookback": lookback, "n_jobs": n_jobs, "method": method}
    with each_once():
        if series is not None:
            if X is not None or y is not None:
                raise ValueError("series holds inputs and targets, so pass it without X and y.")
            check_is_fitted(estimator)
            features = getattr(estimator, "feature_names_in_", None)
            targets = targets_of(estimator, y_lag, y)
            X, y, options["past_inputs"] = rows_of(series, features, *targets)
        table, lags = rows_ahead(estimator, X, y, future_inputs, y_lag, recompute, **options)
        _warn_of_ends(table.first_times())
    values = table.predicted()
    if index_of(X) is None:
        return values[:, 0] if values.shape[1] == 1 else values
    ahead: Any
    if method == "predict_quantiles":
        ahead = _named_quantiles(values, table.labels, lags.names, levels_of(estimator))
    else:
        ahead = pd.DataFrame(values, table.labels, columns=lags.names)
        if values.shape[1] == 1:
            name = y.name if isinstance(y, pd.Series) else lags.names[0] if lags.names else None
            ahead = ahead.iloc[:, 0].rename(name)
    ahead.attrs[FORECAST_STEPS] = steps
    return ahead


def _named_quantiles(values, labels, names, levels):
    """Return quantiles as a table; of several targets, the columns have a level for their names."""
    columns = pd.Index(quantile_names(levels))
    if values.shape[1] > 1:
        columns = pd.MultiIndex.from_product([names or range(values.shape[1]), columns])
    return pd.DataFrame(values.reshape(len(values), -1), labels, columns)


def _warn_of_ends(firsts):
    """Warn where the forecasts of several series begin at different times."""
    if firsts is None:
        return
    times = firsts.get_level_values(0)
    early, late = times.argmin(), times.argmax()
    warn(
        f"The series end at different times, and each is forecast from its own end: the forecast"
        f" of {said(firsts, early)} is the first to begin, that of {said(firsts, late)} the last"
        f" ({np.count_nonzero(times == times[late])} of {len(times)} series). Leave series out that"
        " ended for good; for the same dates of all, forecast more steps and choose these dates.",
        MissingStepsWarning,
    )
