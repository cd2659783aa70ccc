"""Values after the last observed one."""

from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from joblib import effective_n_jobs, parallel_config
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._arguments import check_count, check_jobs, check_kind
from sklstm._checks._lag_columns import check_lags, lags_of
from sklstm._checks._quantiles import check_method, check_quantiles, levels_of, quantile_names
from sklstm._checks._tables import check_ordered, check_target, index_of
from sklstm._past._layout import Layout
from sklstm._past._order import is_panel
from sklstm._past._past import appended_rows
from sklstm._past._stretches import said
from sklstm._sklearn._compat import safe_indexing
from sklstm._sklearn._composition import (
    call_final,
    final_estimator,
    has_unseen,
    look_back,
    refuse_classifier,
    time_axis_of,
)
from sklstm._sklearn._parallel import shared_out
from sklstm._sklearn._warnings import (
    AssumedPastWarning,
    MissingStepsWarning,
    UnknownPastWarning,
    each_once,
    quiet,
    refusing,
    warn,
)
from sklstm.forecasting._raw_table import rows_of
from sklstm.forecasting._recursive_rows import RecursiveRows
from sklstm.regressors._transformed_series import TransformedSeriesRegressor

#: Where a labelled forecast keeps, in its ``attrs``, how many steps ahead it reaches.
FORECAST_STEPS = "forecast_steps"

_EXPECTED = (
    "forecast continues rows, so it expects the shape (n_rows, n_features) with at least one row."
    " Make them with series_to_supervised; windows are for a LagWindower inside the pipeline."
)


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
        `future_inputs` lacks a column or rows, the past of a row to predict is not known, the index
        has no regular step, no target of a series is known, the lengths or labels of `X` and `y`
        differ, or quantiles are asked for that the estimator does not predict or that would have to
        be fed back.
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
            targets = targets_of(estimator, y_lag)
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


def targets_of(estimator, y_lag):
    """Return which targets an estimator knows by name, and which columns hold them a step earlier.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    y_lag : column name, position, sequence of these or None
        These columns, where the user names them.

    Returns
    -------
    names : list or None
    y_lag : column name, position, sequence of these or None
    """
    if y_lag is None:
        y_lag = getattr(getattr(estimator, "best_estimator_", estimator), "y_lag_", None)
    return getattr(final_estimator(estimator), "_target_names", None), y_lag


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


def rows_ahead(
    estimator,
    X,
    y,
    future_inputs,
    y_lag,
    recompute,
    *,
    steps=None,
    labels=None,
    lookback=None,
    method="predict",
    n_jobs=None,
    past_inputs=None,
):
    """Predict rows after the last known target, one after the other.

    Parameters
    ----------
    estimator, X, y, future_inputs, y_lag, recompute, lookback, method, n_jobs : object
        As in `forecast`.
    steps : int, default=None
        Steps to forecast.
    labels : pandas.Index, default=None
        Or the labels of the rows after `X`, up to the last one of each series to forecast.
    past_inputs : dict of str to ndarray of shape (n_rows,), default=None
        Past inputs observed at the rows of `X`, by the name that their columns begin with.

    Returns
    -------
    table : RecursiveRows
        With all that was predicted.
    lags : Lags
        The columns that hold earlier targets.
    """
    # 1. Validate.
    check_is_fitted(estimator)
    refuse_classifier(
        estimator,
        "Nothing can be fed back. Call its predict_proba with the newest rows, such as"
        " series_to_supervised(…, keep_last=True) makes them.",
    )
    reach = None if lookback is None else check_count(lookback, "lookback", least=0)
    rows = check_ordered(X, (2,), _EXPECTED)
    reach = reach_of(estimator, rows) if lookback is None else reach
    target = None if y is None else check_target(y, X, is_taught=False)
    if recompute is not None:
        check_kind(recompute, "recompute", "__call__", "a function of the targets before a row")
        if target is None:
            raise ValueError("recompute makes columns of the target, so pass the target as y.")
    targets, y_lag = targets_of(estimator, y_lag)
    options = {"targets": targets, "guess": recompute is None}
    lags = lags_of(rows, y, target, future_inputs, y_lag, **options)
    axis = time_axis_of(estimator)
    if target is not None:
        check_lags(lags, rows, target, Layout(index_of(rows), len(rows)), axis)

    # 2. Lay out the rows to come.
    ends = {"steps": steps, "labels": labels, "axis": axis}
    ends["past_inputs"] = past_inputs
    table = RecursiveRows(rows, lags, target, future_inputs, recompute, reach=reach, **ends)

    # 3. Predict one row of each series after the other.
    n_parts = min(table.n_series, effective_n_jobs(n_jobs))
    if n_parts == 1 or recompute is not None:
        predict_rows(estimator, table, reach, method)
        return table, lags
    task = SimpleNamespace(estimator=estimator, reach=reach, method=method)
    found = shared_out(n_jobs, _predict_part, [(task, part) for part in table.split(n_parts)])
    table.known = np.concatenate(found)
    return table, lags


def reach_of(estimator, rows):
    """Return how many rows before a row its prediction depends on.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    rows : DataFrame or ndarray of shape (n_rows, n_features)
        The rows at hand.

    Returns
    -------
    int or None
        None where that is unknown or has no bound.
    """
    # What a step takes from all rows of a series that is new to it must not change with a cut.
    read_layout = partial(Layout, index_of(rows), len(rows))
    is_open = is_panel(index_of(rows)) and has_unseen(estimator, read_layout)
    return None if is_open else look_back(estimator)


def _predict_part(task, table):
    """Predict some series, and return their targets that are known by then."""
    # joblib hands large arrays over as files that cannot be written to, and Ray all arrays so.
    table = table.writable()
    predict_rows(task.estimator, table, task.reach, task.method)
    return table.known


def _predict_last(estimator, rows, last, method):
    """Predict some rows of a table; the rows above them are only looked back upon.

    A regressor that takes each row by itself gets these rows only, if it lies in nothing but
    estimators that are known to hand rows on.
    """
    if type(estimator) in (GridSearchCV, RandomizedSearchCV):
        return _predict_last(estimator.best_estimator_, rows, last, method)
    if type(estimator) is Pipeline and len(estimator.steps) > 1:
        for _, step in estimator.steps[:-1]:
            # A slice of the pipeline counts as not fitted where its last step has nothing to fit.
            rows = rows if step in (None, "passthrough") else step.transform(rows)
        return _predict_last(estimator[-1], rows, last, method)
    if type(estimator) is TransformedSeriesRegressor:
        return np.asarray(estimator._predict(rows, last, method))[last]
    if look_back(estimator) == 0:
        return np.asarray(call_final(estimator, method, safe_indexing(rows, last)))
    return np.asarray(call_final(estimator, method, rows))[last]


def predict_rows(estimator, table, reach, method, *, of_fold=False):
    """Predict all rows of a table.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    table : RecursiveRows
        Gets the predictions.
    reach : int or None
        As `reach_of` returns it.
    method : str
        As in `forecast`.
    of_fold : bool, default=False
        Whether the table holds the rows of a fold only, which the training rows come before.

    Raises
    ------
    ValueError
        If rows that a prediction depends on are not known, or quantiles would be fed back.
    """
    compares = table.is_labelled
    # Where a step needs all rows of a series, gaps before those that it looks back upon may stay.
    enough = look_back(estimator) if reach is None else reach
    while True:
        rows, last, is_cut = table.next_rows()
        if rows is None:
            return
        # Rows above those that predictions depend on have no say, so warnings of their past would
        # only confuse. But observed values that are not those of the training rows are told, before
        # predicted ones stand beside them.
        silenced = quiet(AssumedPastWarning) if is_cut and not compares else nullcontext()
        with refusing(UnknownPastWarning), silenced, appended_rows(enough):
            try:
                # Here, as workers of an estimator that has some would not know of the line above.
                with parallel_config(backend="sequential"):
                    predicted = _predict_last(estimator, rows, last, method)
            except UnknownPastWarning as unknown:
                more = "" if reach is None else f", or at least the last {reach}"
                remedy = f" Pass all rows since the training rows as X{more}."
                if of_fold:
                    more = "" if reach is None else f" (or set start={reach})"
                    remedy = (
                        " A scorer sees the rows of its fold only, which must follow the training"
                        f" rows: use a split in time without a gap{more}, and"
                        " return_train_score=False; or use backtest."
                    )
                raise ValueError(
                    f"The forecast depends on rows that are not known. {unknown}"
                    f"{'' if is_cut else remedy}"
                ) from None
        compares = False
        name, n_ahead = type(estimator).__name__, table.n_ahead
        if method == "predict_quantiles":
            n_outputs = predicted.shape[1] if predicted.ndim == 3 else 1
            name = f"predict_quantiles of {name}"
            predicted = check_quantiles(predicted, levels_of(estimator), name, n_outputs=n_outputs)
        table.observe(predicted, name)
        if method == "predict_quantiles" and table.n_ahead:
            raise ValueError(
                f"{name} reaches {n_ahead - table.n_ahead} step(s) ahead, but steps={n_ahead}, and"
                " quantiles cannot be fed back: those of a step do not tell those of the next. Fit"
                f" the estimator to a y of {n_ahead} steps, such as"
                f" series_to_supervised(..., horizon={n_ahead}), or set method='predict' and put"
                " conformal_interval around the forecast."
            )
