"""A scorer that forecasts: what it may not know yet is hidden from the estimator."""

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.metrics import get_scorer, get_scorer_names, make_scorer
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from sklstm._checks._arguments import check_count, check_kind
from sklstm._checks._columns import column_names
from sklstm._checks._horizon import first_step, until_now
from sklstm._checks._lag_columns import check_lags, inputs_among, lags_of
from sklstm._checks._numbers import check_floats
from sklstm._checks._tables import check_in_step, check_ordered, check_target, index_of
from sklstm._past._layout import Layout
from sklstm._past._stretches import said
from sklstm._sklearn._compat import check_method_params, safe_indexing
from sklstm._sklearn._composition import look_back, refuse_classifier, time_axis_of
from sklstm._sklearn._warnings import UnknownPastWarning, each_once, warn
from sklstm.evaluation._rows import Rows
from sklstm.evaluation._scores import Metric, Recorded, scorers_of
from sklstm.forecasting._future_inputs import DECLARE
from sklstm.forecasting._recursive_rows import RecursiveRows
from sklstm.forecasting._rows_ahead import predict_rows, reach_of, targets_of
from sklstm.metrics._percentage_errors import symmetric_mean_absolute_percentage_error


def forecast_scorer(
    scoring="neg_mean_absolute_error",
    *,
    steps,
    every=None,
    start=0,
    y_lag=None,
    future_inputs=None,
    recompute=None,
):
    """Make a scorer that forecasts several steps from origins inside the test rows.

    A search with this scorer chooses the model that forecasts best. Usual scorers call ``predict``
    on the test rows, whose columns of earlier targets hold observed values: one step ahead. Here,
    the first forecast starts with the first test row, the next one `every` time steps later, and so
    on. Each knows only what was known at its start; predictions are fed back, as in
    :func:`forecast`. The score is that of all values forecast: that of :func:`backtest` with
    ``feed_back=True`` and ``refit=False`` from the same origins.

    Parameters
    ----------
    scoring : str, callable or sequence of str, default="neg_mean_absolute_error"
        One or several scorers, by scikit-learn's names or as ``scorer(estimator, X, y)``, such as
        :func:`~sklearn.metrics.make_scorer` returns; also
        ``"neg_symmetric_mean_absolute_percentage_error"``. With a sequence, one forecast is scored
        by all, and the scorer returns a dict; a search then needs to know which one decides, for
        instance ``refit="neg_mean_absolute_error"``.
    steps : int
        Time steps of each forecast. Forecasts end with the test rows, so the last ones may be
        shorter.
    every : int, default=None
        Time steps from one origin to the next. None is `steps`: each test row is forecast once.
    start : int, default=0
        Time steps of the test rows before the first forecast, of which the targets are known.
    y_lag : str, int or sequence of these, default=None
        Passed to :func:`forecast`.
    future_inputs : str, int or sequence of these, default=None
        The columns of `X`, by name or position, that are known ahead, such as a calendar. Columns
        that hold no earlier target must be among them, or be made by `recompute`. Past inputs
        (``<name>_lag1``) are known in the first row that is forecast, so they need a target whose
        horizon is at least `steps`.
    recompute : callable, default=None
        Passed to :func:`forecast`. It gets the targets of the test rows only: for a mean of seven
        rows, set ``start=7``.

    Returns
    -------
    ForecastScorer
        A callable ``scorer(estimator, X, y, sample_weight=None)`` that returns a float, or a dict
        of them. `X` and `y` are rows right after the training rows; weights are those of the rows
        that are forecast.

    Raises
    ------
    ValueError
        If `scoring` is no scorer, or one of scaled errors, or a number is out of range. When
        called: if there are fewer than `steps` time steps, rows that a forecast depends on are not
        known (the test rows do not follow the training rows), or :func:`forecast` would raise it.
    TypeError
        If `steps`, `every` or `start` is not an int, or `recompute` no function.

    Warns
    -----
    UnknownPastWarning
        If a series has no test row yet at the start of a forecast: what was known of it then is not
        among the test rows, so that forecast leaves the series out.

    See Also
    --------
    backtest : Also compares with simple forecasts, and knows the training rows.
    forecast : Values after the last observed one.

    Notes
    -----
    A scorer gets nothing but the test rows. What came before them is what the estimator remembers
    of its training rows, as in ``predict``. So the test rows must follow the training rows: use
    :class:`~sklearn.model_selection.TimeSeriesSplit` or :class:`TimeStepSplit` without `gap`, or a
    `start` of at least as many time steps as the estimator looks back. An estimator that looks back
    has no train scores (``return_train_score=True``), because nothing is known before the first
    training rows.

    Scaled errors need training rows. For scores with one scale for all folds, pass
    ``make_scorer(mean_absolute_scaled_error, greater_is_better=False, y_train=y[:n])``, with the
    rows before the first fold.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import (
    ...     LagWindower,
    ...     TransformedSeriesRegressor,
    ...     forecast_scorer,
    ...     series_to_supervised,
    ... )
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> model = TransformedSeriesRegressor(
    ...     make_pipeline(LagWindower(flatten=True), Ridge())
    ... )
    >>> search = GridSearchCV(
    ...     model,
    ...     {"regressor__lagwindower__window": [6, 12, 24]},
    ...     cv=TimeSeriesSplit(3, test_size=24),
    ...     scoring=forecast_scorer("neg_mean_absolute_error", steps=12),
    ... ).fit(X, y)
    >>> # Pounds, over the next twelve months.
    >>> search.cv_results_["mean_test_score"].round(1)
    array([-90.1, -20.6, -18.5])
    """
    steps = check_count(steps, "steps")
    every = steps if every is None else check_count(every, "every")
    start = check_count(start, "start", least=0)
    if recompute is not None:
        check_kind(recompute, "recompute", "__call__", "a function of the targets before a row")
    overlaps = every < steps
    scorers = {name: _plain(name, one, overlaps) for name, one in scorers_of(scoring).items()}
    return ForecastScorer(scoring, scorers, steps, every, start, y_lag, future_inputs, recompute)


def _plain(name, scorer, overlaps):
    """Return a scorer of scikit-learn's kind, and refuse one that needs more than test rows."""
    if not isinstance(scorer, Metric):
        return scorer
    if scorer.power:
        raise ValueError(
            f"scoring={name!r} divides by the errors of a naive forecast on the training rows, but"
            " a scorer gets the test rows only. Use backtest; or, for one scale in all folds,"
            f" make_scorer({name.removeprefix('neg_')}, greater_is_better=False, y_train=...) with"
            " the target before the first fold."
        )
    if name in get_scorer_names():
        return get_scorer(name)
    if overlaps:
        raise ValueError(
            f"scoring={name!r} takes each row once, but these forecasts overlap: set every to at"
            " least steps, or use another scorer."
        )
    return make_scorer(symmetric_mean_absolute_percentage_error, greater_is_better=False)


class ForecastScorer:
    """Forecasts from origins inside test rows, and scores all forecasts together.

    Parameters
    ----------
    scoring : str, callable or sequence of str
        What the user asked for.
    scorers : dict of str to callable
        What to score the forecasts with.
    steps, every, start : int
        Time steps of a forecast, from one origin to the next, and before the first one.
    y_lag, future_inputs, recompute : object
        As in `forecast_scorer`.
    """

    def __init__(self, scoring, scorers, steps, every, start, y_lag, future_inputs, recompute):
        self.scoring = scoring
        self.scorers = scorers
        self.steps = steps
        self.every = every
        self.start = start
        self.y_lag = y_lag
        self.future_inputs = future_inputs
        self.recompute = recompute

    def __repr__(self):
        options = {name: value for name, value in vars(self).items() if value is not None}
        del options["scoring"], options["scorers"]
        said = ", ".join(f"{name}={value!r}" for name, value in options.items())
        return f"forecast_scorer({self.scoring!r}, {said})"

    def __call__(self, estimator, X, y, sample_weight=None, **params):
        """Score forecasts of test rows.

        Parameters
        ----------
        estimator : estimator
            Fitted.
        X : DataFrame or ndarray of shape (n_rows, n_features)
            The test rows.
        y : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
            The target.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows that are forecast.
        **params : dict
            What a scorer asks for by metadata routing.

        Returns
        -------
        float or dict of str to float
            The score, or that of each scorer.

        Raises
        ------
        ValueError
            If the estimator cannot forecast the rows, the rows are no table in order of time, or
            the target has no number that can be scored.
        TypeError
            If `estimator` is no regressor, or `X` or `y` is nothing that rows can be made of.
        """
        check_kind(estimator, "estimator", "predict", "a fitted regressor, pipeline or search")
        if sample_weight is not None:
            check_in_step(sample_weight, X, name="sample_weight")
            params["sample_weight"] = sample_weight
        with each_once():
            rows, predicted, horizon = self._forecasts(estimator, X, y)
        actual = safe_indexing(first_step(y, horizon), rows)
        is_known = ~np.isnan(check_floats(actual, "y").reshape(len(rows), -1)).any(axis=1)
        if not is_known.any():
            raise ValueError("y is NaN in all rows that are forecast, so nothing can be scored.")
        known = np.flatnonzero(is_known)
        actual, rows = safe_indexing(actual, known), rows[known]
        recorded = Recorded(predicted[known].reshape(np.shape(actual)), estimator)
        params = check_method_params(X, params, rows)
        routed = dict.fromkeys(self.scorers, params)
        if get_config()["enable_metadata_routing"]:
            routing = process_routing(self, "score", **params)
            routed = {name: routing[name].score for name in self.scorers}
        inputs = safe_indexing(X, rows)
        scores = {
            name: scorer(recorded, inputs, actual, **routed[name])
            for name, scorer in self.scorers.items()
        }
        is_one = isinstance(self.scoring, str) or callable(self.scoring)
        return next(iter(scores.values())) if is_one else scores

    def get_metadata_routing(self):
        """Tell scikit-learn what the scorers ask for.

        Returns
        -------
        MetadataRouter
        """
        mapping = MethodMapping().add(caller="score", callee="score")
        return MetadataRouter(owner=repr(self)).add(**self.scorers, method_mapping=mapping)

    def _accept_sample_weight(self):
        """Tell a search whether its weights are for the scorer, too, as its own scorers do."""
        scorers = self.scorers.values()
        return all(getattr(one, "_accept_sample_weight", lambda: False)() for one in scorers)

    def _forecasts(self, estimator, X, y):
        """Forecast from each origin.

        Returns
        -------
        rows : ndarray of int of shape (n_values,)
            The rows that are forecast, one forecast after the other.
        predicted : ndarray of shape (n_values, n_targets)
        horizon : int
            How many steps ahead the columns of `y` reach.
        """
        # 1. Validate.
        refuse_classifier(estimator, "Score it by a scorer of scikit-learn, such as 'roc_auc'.")
        rows = check_ordered(
            X, (2,), "forecast_scorer expects rows; put the LagWindower into the estimator."
        )
        target = check_target(y, X)
        layout = Layout(index_of(rows), len(rows))
        table = Rows(layout)
        n_times = int(table.times[-1]) + 1
        if n_times < self.start + self.steps:
            raise ValueError(
                f"steps={self.steps} and start={self.start}, but there are {n_times} time steps to"
                " score, so no forecast reaches its end. Use larger test folds (test_size of the"
                " splitter), or fewer steps."
            )
        declared = inputs_among(rows, self.future_inputs, layout)
        _, y_lag = targets_of(estimator, self.y_lag, y)
        inputs = safe_indexing(rows, declared, axis=1) if declared else None
        lags = lags_of(rows, y, target, inputs, y_lag, guess=self.recompute is None)
        check_lags(lags, rows, target, layout, time_axis_of(estimator))
        if index_of(X) is None:
            _refuse_training_rows(estimator, rows)
        reach = reach_of(estimator, rows)

        # 2. Forecast from each origin.
        held = {*declared, *(lag.column for lag in lags.columns)}
        others = [name for i, name in enumerate(column_names(rows)) if i not in held]
        found, left = [], []
        for origin in range(self.start, n_times, self.every):
            start, after, stop = np.searchsorted(
                table.times, [origin, origin + 1, origin + self.steps]
            )
            # What a series knows that begins later is not among the test rows.
            has_begun = np.isin(table.series[:stop], table.series[:after])
            kept = np.flatnonzero(has_begun)
            left.append(np.flatnonzero(~has_begun))
            known = np.full((len(kept), target.shape[1]), np.nan)
            if start:
                known[:start] = until_now(target[:start], lags.horizon, layout.head(start))
            hidden = _hidden(safe_indexing(rows, kept), lags, table, kept, start)
            index = hidden.index if isinstance(hidden, pd.DataFrame) else pd.RangeIndex(len(kept))
            ahead = RecursiveRows(
                hidden, lags, known, None, self.recompute, reach=reach, labels=index[:0]
            )
            lacking = [name for name in others if name in ahead.others]
            if lacking:
                raise ValueError(
                    f"The values of {lacking!r} after an origin are not known. {DECLARE}"
                )
            predict_rows(estimator, ahead, "predict", of_fold=True)
            predicted = ahead.predicted()[ahead.labels.get_indexer(index[start:])]
            found.append((kept[start:], predicted))
        n_left = sum(map(len, left))
        if n_left:
            one = np.concatenate(left)[0]
            warn(
                f"Row {said(rows.index, one)} is the first of its series among the test rows, but"
                " later than an origin, so what was known of the series then is not among them."
                f" Forecasts leave such series out ({n_left} values). Use backtest to score them;"
                " where a split cuts a time step, use TimeStepSplit.",
                UnknownPastWarning,
            )
        return (*map(np.concatenate, zip(*found, strict=True)), lags.horizon)


def _hidden(rows, lags, table, kept, start):
    """Return rows whose columns of earlier values hold only what is known at an origin.

    Parameters
    ----------
    rows : DataFrame or ndarray of shape (n_kept, n_features)
        The rows.
    lags : Lags
        Their columns of earlier values.
    table : Rows
        The series of all test rows.
    kept : ndarray of int of shape (n_kept,)
        Which test rows they are.
    start : int
        How many of them are known.

    Returns
    -------
    DataFrame or ndarray of shape (n_kept, n_features)
        A copy; NaN where a value is not known.
    """
    n_before = np.bincount(table.series[:start], minlength=table.n_series)
    # How many rows of its series lie between the origin and a row; less than 0 before the origin.
    distance = table.within[kept] - n_before[table.series[kept]]
    is_table = isinstance(rows, pd.DataFrame)
    hidden = rows.copy() if is_table else pd.DataFrame(check_floats(rows, "X"))
    for lag in lags.columns:
        hidden.isetitem(lag.column, hidden.iloc[:, lag.column].where(distance < lag.steps).array)
    return hidden if is_table else hidden.to_numpy()


def _refuse_training_rows(estimator, rows):
    """Refuse training rows without labels, which would count as rows after themselves."""
    if look_back(estimator) == 0:
        return
    # Only training rows have another past when they come alone.
    alone, among = (np.asarray(estimator.predict(part)) for part in (rows[:1], rows))
    if (np.abs(alone[0] - among[0]) > 1e-4 * np.ptp(among)).any():
        raise ValueError(
            "The rows to score are the training rows, and what comes before the first of these is"
            " not known: set return_train_score=False."
        )
