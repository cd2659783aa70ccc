"""What a regressor of a transformed target hands over: rows to train with, and later ones."""

from functools import partial

import numpy as np
import pandas as pd

from sklstm._checks._horizon import check_same_targets, until_now
from sklstm._checks._lag_columns import check_lag
from sklstm._checks._tables import check_target, index_names, index_of
from sklstm._checks._windows import count_axes
from sklstm._past._later_rows import followed_by
from sklstm._past._layout import Layout, Numbers
from sklstm._past._order import is_panel
from sklstm._past._past import warn_of_first
from sklstm._past._series_names import check_levels_in_order
from sklstm._past._units import from_plain, plain
from sklstm._sklearn._composition import look_back, looks_back
from sklstm._sklearn._labels import keep_labels
from sklstm._sklearn._warnings import quiet
from sklstm.regressors._heads import shaped
from sklstm.regressors._meta._earlier_targets import PlacedRows
from sklstm.regressors._meta._known_rows import (
    check_weights,
    read_rows,
    refuse_raw_validation,
    train_inside,
)
from sklstm.regressors._meta._steps import check_same, go_on, going_on, steps_of
from sklstm.regressors._meta._target_steps import Place, RowLabels, TargetSteps
from sklstm.regressors._problem import check_n_targets

_NOT_LEARNT = (
    ", so those that need them are not {}. Pass the rows in between as well, all with labels that"
    " go on from those of the rows seen so far."
)


class Pending:
    """The last rows, whose targets were not all known: they are taught once these are.

    They are kept as arrays, which any file format takes.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_rows, n_features)
        The rows.
    target : ndarray of shape (n_rows, n_outputs)
        Their targets, as far as they were given.
    """

    def __init__(self, X, target):
        self.target = target
        self.labels = []
        if index_of(X) is None:
            self.values = [np.array(X)]
        else:
            levels = map(X.index.get_level_values, range(X.index.nlevels))
            self.labels = [plain(level)[1] for level in levels]
            self.values = [X.iloc[:, i].to_numpy() for i in range(X.shape[1])]

    @classmethod
    def of(cls, regressor, X, target, horizon, layout):
        """Return the rows of a table that are still to be taught.

        Parameters
        ----------
        regressor : estimator
            What is taught; one with a state cannot go back to them.
        X : array-like of shape (n_rows, n_features)
            The table.
        target : ndarray of shape (n_rows, n_targets * horizon)
            Its targets.
        horizon : int
            How many steps ahead they reach.
        layout : Layout
            Which series each row belongs to.

        Returns
        -------
        Pending or None
            None if there are none.
        """
        n_later = np.repeat(layout.stops, layout.lengths) - np.arange(layout.n_rows)
        is_unknown = np.isnan(until_now(target, horizon, layout)).any(axis=1)
        rows = np.flatnonzero(is_unknown & (layout.by_row(n_later) <= horizon))
        if not len(rows) or looks_back(steps_of(regressor)[-1]) or count_axes(X) > 2:
            return None
        return cls(np.asarray(X)[rows] if index_of(X) is None else X.iloc[rows], target[rows])

    def table(self, X):
        """Return the rows in the form of a table that follows them.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_later_rows, n_features)
            That table.

        Returns
        -------
        DataFrame or ndarray of shape (n_rows, n_features)
        """
        if not self.labels:
            return self.values[0]
        index = X.index
        if index.nlevels == 1:
            labels = from_plain(self.labels[0], index.dtype)
        else:
            pairs = zip(self.labels, index.levels, strict=True)
            levels = [from_plain(values, level.dtype) for values, level in pairs]
            labels = pd.MultiIndex.from_arrays(levels)
        table = pd.DataFrame(dict(enumerate(self.values)), labels)
        return table.astype(dict(enumerate(X.dtypes))).set_axis(X.columns, axis=1)


def train_on(model, X, y, fit_params, context):
    """Let a fitted `TransformedSeriesRegressor` go on with later rows.

    Parameters
    ----------
    model : TransformedSeriesRegressor
        Changed only by assignment to its attributes.
    X, y : array-like
        The rows and their targets.
    fit_params : dict
        What is passed on.
    context : sklearn.callback.CallbackContext or None
        That of this call.
    """
    # 1. Validate.
    read_rows(model, X, reset=False)
    check_levels_in_order(model._past.levels, index_names(X))
    target = check_target(y, X)
    check_weights(fit_params, X)
    if count_axes(y) != model._y_ndim or target.shape[1] != model._n_outputs:
        raise ValueError(
            f"y has shape {np.shape(y)}, but the target that was learnt so far has"
            f" {model._n_outputs} column(s) and {model._y_ndim} axes."
        )
    check_same_targets(model._target_names, y, other="those that were learnt so far")
    steps = TargetSteps(model.transformer_, model._steps.names, model._steps.horizon)
    check_same(steps_of(model.transformer), steps_of(model.transformer_))

    # 2. Put the rows before them whose targets were not known yet.
    table, target, n_again, order = _joined(model._pending, X, target)
    fit_params = {
        name: _joined_weights(value, len(target) - n_again, n_again, order)
        for name, value in fit_params.items()
    }
    rows, inputs = read_rows(model, table, reset=False)
    index = index_of(table)
    past = model._past.back(n_again) if index is None else model._past
    stretches = past.stretches(rows, index)
    layout = stretches.layout
    later_past, source = followed_by(model._past, rows, index, stretches)
    target = _filled(
        target, rows, order >= n_again, model._earlier.firsts, stretches, steps.horizon
    )

    # 3. Compare columns that hold earlier targets with these.
    placed = PlacedRows(rows, table, stretches)
    model._earlier.compare(model._past.kept, model._seen, placed, looks=True)
    earlier = partial(layout.earlier, Numbers(layout, model._past.axis).at())
    for lag in model._earlier.lags:
        check_lag(lag, table, rows[:, lag.column], target, earlier)

    if look_back(model) != 1:
        warn_of_first(stretches, _NOT_LEARNT.format("learnt from"))

    # 4. Transform.
    known = until_now(target, steps.horizon, layout)
    labels = RowLabels(stretches)
    place = Place("y", y, target, labels.rows())
    with quiet():  # The transformer knows no labels, only numbers.
        transformed = steps.transform(known, labels, place, ready=go_on)
    if np.isnan(transformed).any(axis=1).all() and not np.isnan(known).any(axis=1).all():
        raise ValueError(
            f"No row is left to learn from: the transformed target is NaN in all {len(rows)} rows,"
            " because rows before them are not known. Pass more rows, or those in between as well."
        )
    lost = None
    if model._transforms_lags:
        inputs, lost = model._earlier.transformed(steps, model.regressor, placed)

    # 5. Train.
    regressor = going_on(model.regressor, model.regressor_)
    ready = partial(go_on, n_again=0 if index is not None else n_again)
    outputs = outputs_for(regressor, inputs, transformed, layout, model._y_ndim)
    trained = regressor, steps.horizon, inputs, outputs, fit_params, lost
    train_inside(context, model, *trained, method="partial_fit", ready=ready)

    # 6. Take over.
    seen = np.concatenate([model._seen, layout.by_series(known)])[source]
    pending = Pending.of(model.regressor, table, target, steps.horizon, layout)
    model._past, model._seen, model._steps, model._pending = later_past, seen, steps, pending
    model.transformer_, model.regressor_ = steps.transformer, regressor


def transform_validation(model, fit_params):
    """Transform validation rows and their targets as those of `fit`.

    Parameters
    ----------
    model : TransformedSeriesRegressor
        Whose transformer is fitted.
    fit_params : dict
        What its `fit` was given.

    Returns
    -------
    dict
        With other ``X_val`` and ``y_val``, if they are there.
    """
    if model.transformer_ is None:
        return fit_params
    refuse_raw_validation(fit_params)
    X_val, y_val = fit_params.get("X_val"), fit_params.get("y_val")
    if X_val is None or y_val is None:
        return fit_params
    rows, _ = read_rows(model, X_val, reset=False, name="X_val")
    Layout(index_of(X_val), len(rows), "X_val")
    target = check_target(y_val, X_val, name="y_val", rows_name="X_val")
    check_n_targets(target, model._n_outputs)
    check_same_targets(model._target_names, y_val, name="y_val")
    stretches = model._past.stretches(rows, index_of(X_val))
    labels = RowLabels(stretches)
    place = Place("y_val", y_val, target, labels.rows())
    placed = PlacedRows(rows, X_val, stretches, "X_val")
    steps = model._earlier.at_hand(model._steps, placed)
    if steps.looks_back:
        warn_of_first(stretches, _NOT_LEARNT.format("looked at"))
    with quiet():  # As in `train_on`.
        transformed = steps.transform(target, labels, place)
    if model._transforms_lags:
        X_val, _ = model._earlier.transformed(steps, model.regressor, placed)
    return {**fit_params, "X_val": X_val, "y_val": shaped(transformed, model._y_ndim)}


def outputs_for(regressor, inputs, transformed, layout, y_ndim):
    """Return the transformed target as a regressor gets it; of many series, with their names.

    Parameters
    ----------
    regressor : estimator
        Told to keep the labels, if there are any.
    inputs : array-like of shape (n_rows, ...)
        What else it gets.
    transformed : ndarray of shape (n_rows, n_outputs)
        The transformed target.
    layout : Layout
        Which series each row belongs to.
    y_ndim : int
        How many axes the target has.

    Returns
    -------
    ndarray, Series or DataFrame of shape (n_rows,) or (n_rows, n_outputs)
    """
    index = index_of(inputs)
    if index is not None:
        keep_labels(regressor)
    if layout.names is None:
        return shaped(transformed, y_ndim)
    outputs = pd.DataFrame(transformed, index, copy=False)
    return outputs[0] if y_ndim == 1 else outputs


def _joined(pending, X, target):
    """Put the pending rows before a table, in the order of time.

    Returns
    -------
    X, target : array-like
        The rows and their targets.
    n_again : int
        How many rows were pending.
    order : ndarray of int
        Which row, counted from the first pending one, stands at each place.
    """
    index = index_of(X)
    n_levels = 0 if index is None else index.nlevels
    if pending is None or n_levels != len(pending.labels):  # The latter is refused below.
        return X, target, 0, np.arange(len(target))
    before = pending.table(X)
    some = np.ones(len(before), dtype=bool) if index is None else ~before.index.isin(index)
    n_again = int(some.sum())
    target = np.concatenate([pending.target[some], target])
    if index is None:
        return np.concatenate([before, np.asarray(X)]), target, n_again, np.arange(len(target))
    X = pd.concat([before[some], X]) if n_again else X
    times = X.index.get_level_values(0) if is_panel(X.index) else X.index
    order = np.argsort(times, kind="stable")
    return X.iloc[order], target[order], n_again, order


def _joined_weights(value, n_rows, n_again, order):
    """Give pending rows the weight 1, where a value has one entry for each row."""
    if not n_again or np.ndim(value) < 1 or len(value) != n_rows:
        return value
    return np.concatenate([np.ones((n_again, *np.shape(value)[1:])), value])[order]


def _filled(target, rows, is_new, firsts, stretches, horizon):
    """Fill targets of pending rows that have become known with the new rows."""
    layout = stretches.layout
    target, rows, is_new = (layout.by_series(one) for one in (target, rows, is_new))
    stretch = np.repeat(np.arange(len(stretches)), stretches.lengths)
    n_targets = target.shape[1] // horizon
    observed = np.where(is_new[:, None], target[:, :n_targets], np.nan)
    if firsts is not None:
        # The value of the row before the first new row stands in the latter.
        last = np.flatnonzero(is_new[1:] & ~is_new[:-1] & (stretch[1:] == stretch[:-1]))
        observed[last] = rows[last + 1][:, firsts]
    filled = target.copy()
    for step, values in enumerate(np.hsplit(filled, horizon)[: len(filled)]):
        stop = len(values) - step
        some = ~is_new[:stop] & (stretch[step:] == stretch[:stop])
        some = some[:, None] & np.isnan(values[:stop])
        values[:stop][some] = observed[step:][some]
    return layout.by_row(filled)
