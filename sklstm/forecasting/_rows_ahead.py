"""Rows after the last known target, predicted one after the other."""

from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import numpy as np
from joblib import effective_n_jobs, parallel_config
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._arguments import check_count, check_kind
from sklstm._checks._horizon import check_target_order, names_of_steps
from sklstm._checks._lag_columns import check_lags, lags_of
from sklstm._checks._quantiles import check_quantiles, levels_of
from sklstm._checks._tables import check_ordered, check_target, index_of
from sklstm._past._layout import Layout
from sklstm._past._order import is_panel
from sklstm._past._past import appended_rows
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
from sklstm._sklearn._warnings import AssumedPastWarning, UnknownPastWarning, quiet, refusing
from sklstm.forecasting._recursive_rows import RecursiveRows
from sklstm.regressors._transformed_series import TransformedSeriesRegressor

_EXPECTED = (
    "forecast continues rows, so it expects the shape (n_rows, n_features) with at least one row."
    " Make them with series_to_supervised; windows are for a LagWindower inside the pipeline."
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
    targets, y_lag = targets_of(estimator, y_lag, y)
    lags = lags_of(rows, y, target, future_inputs, y_lag, targets=targets, guess=recompute is None)
    axis = time_axis_of(estimator)
    if target is not None:
        check_lags(lags, rows, target, Layout(index_of(rows), len(rows)), axis)

    # 2. Lay out the rows to come.
    ends = {"steps": steps, "labels": labels, "axis": axis, "past_inputs": past_inputs}
    table = RecursiveRows(rows, lags, target, future_inputs, recompute, reach=reach, **ends)

    # 3. Predict one row of each series after the other.
    n_parts = min(table.n_series, effective_n_jobs(n_jobs))
    if n_parts == 1 or recompute is not None:
        predict_rows(estimator, table, method)
        return table, lags
    task = SimpleNamespace(estimator=estimator, method=method)
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
    predict_rows(task.estimator, table, task.method)
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


def predict_rows(estimator, table, method, *, of_fold=False):
    """Predict all rows of a table.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    table : RecursiveRows
        Gets the predictions.
    method : str
        As in `forecast`.
    of_fold : bool, default=False
        Whether the table holds the rows of a fold only, which the training rows come before.

    Raises
    ------
    ValueError
        If rows that a prediction depends on are not known, or quantiles would be fed back.
    """
    compares, reach = table.is_labelled, table.reach
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


def targets_of(estimator, y_lag, y):
    """Return which targets an estimator knows by name, and which columns hold them a step earlier.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    y_lag : column name, position, sequence of these or None
        These columns, where the user names them.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs), or None
        The target at the rows at hand.

    Returns
    -------
    names : list or None
    y_lag : column name, position, sequence of these or None

    Raises
    ------
    ValueError
        If `y` has these targets in another order.
    """
    if y_lag is None:
        y_lag = getattr(getattr(estimator, "best_estimator_", estimator), "y_lag_", None)
    names = getattr(final_estimator(estimator), "_target_names", None)
    check_target_order(names, y)
    return names_of_steps(names)[0], y_lag
