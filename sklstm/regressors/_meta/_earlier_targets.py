"""Columns of rows that hold earlier targets: compared with these, and transformed as these are."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.compose import ColumnTransformer

from sklstm._checks._lag_columns import differ, lags_in_fit
from sklstm._checks._numbers import place_of
from sklstm._checks._tables import index_of
from sklstm._checks._windows import count_axes
from sklstm._past._past import warn_of_first
from sklstm._sklearn._compat import get_column_indices
from sklstm._sklearn._composition import looks_back
from sklstm._sklearn._warnings import (
    AssumedPastWarning,
    InverseWarning,
    UnknownLagWarning,
    quiet,
    warn,
)
from sklstm.regressors._meta._known_rows import text_columns
from sklstm.regressors._meta._steps import steps_of
from sklstm.regressors._meta._target_steps import Place, RowLabels


class PlacedRows(NamedTuple):
    """Rows, and where they stand among the training rows.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_features)
        Their values.
    X : array-like of shape (n_rows, n_features)
        The rows as the user gave them.
    stretches : Stretches
        Their unbroken parts.
    name : str, default="X"
        What messages call them.
    """

    values: np.ndarray
    X: Any
    stretches: Any
    name: str = "X"


class EarlierTargets:
    """The columns of rows that hold earlier targets.

    Parameters
    ----------
    lags : list of Lag
        The columns.
    n_targets : int
        Number of targets of one step.

    Attributes
    ----------
    firsts : list of int or None
        The columns that hold the targets one step earlier; None if a target has none.
    """

    def __init__(self, lags, n_targets):
        self.lags = lags
        firsts = {lag.target: lag.column for lag in lags if lag.steps == 1}
        self.firsts = None
        if len(firsts) == n_targets:
            self.firsts = [firsts[i] for i in sorted(firsts)]

    def compare(self, kept, seen, placed, *, looks):
        """Warn if columns hold other values than the targets that `fit` saw.

        Parameters
        ----------
        kept : KeptRows
            The training rows that are remembered.
        seen : ndarray of shape (n_kept, n_outputs)
            Their targets.
        placed : PlacedRows
            The rows at hand.
        looks : bool
            Whether a step looks back, and so warns of rows whose past it does not know.
        """
        rows, X, stretches, _ = placed
        for lag in self.lags:
            stretch, place, found = kept.shared(stretches, lag.steps)
            told = stretches.agrees[stretch] | (not looks)
            row, found = stretches.layout.row(place[told]), found[told]
            held, targets = rows[row, lag.column], seen[:, lag.target]
            differs = np.flatnonzero(differ(held, targets[found], targets))
            if len(differs):
                first = differs[0]
                where = place_of((row[first], lag.column), X)
                warn(
                    f"X is {held[first]} at {where}, but the target {lag.steps} step(s) earlier was"
                    f" {targets[found[first]]} in fit. Predictions start from the values in X. Pass"
                    " X in the units of y in fit, with labels that go on from the training rows;"
                    " fit again if values were corrected.",
                    AssumedPastWarning,
                )
                return

    def at_hand(self, target_steps, placed):
        """Return the steps of the target, which also know the series that `fit` has not seen.

        What they have to know of them, they learn from the targets that the columns hold.

        Parameters
        ----------
        target_steps : TargetSteps
            As fitted.
        placed : PlacedRows
            The rows at hand.

        Returns
        -------
        TargetSteps
        """
        if self.firsts is None or not target_steps.learns_of_series:
            return target_steps
        rows, X, stretches, name = placed
        known, at = stretches.padded(rows)
        is_own = np.zeros((len(known), 1), dtype=bool)
        is_own[at] = True
        labels = RowLabels(stretches, depth=stretches.past.shape[1])
        place = Place(name, X, rows, labels.rows(), self.firsts)
        with quiet():
            return target_steps.at_hand(known[:, self.firsts], is_own, labels, place)

    def transformed(self, target_steps, regressor, placed):
        """Return a table whose columns went through the transformer, as the target does.

        Parameters
        ----------
        target_steps : TargetSteps
            As fitted.
        regressor : estimator
            What gets the table.
        placed : PlacedRows
            The rows at hand.

        Returns
        -------
        table : array-like of shape (n_rows, n_features)
            Rows in which the transformer leaves something unknown are NaN as a whole.
        lost : ndarray of bool of shape (n_rows,) or None
            These rows, if the regressor has text to encode first, so that they cannot be NaN yet.
        """
        rows, X, stretches, name = placed
        values, index = rows.copy(), index_of(X)
        known, at = stretches.padded(rows)
        labels = RowLabels(stretches, depth=stretches.past.shape[1])
        for steps in {lag.steps for lag in self.lags}:
            held = {lag.target: lag.column for lag in self.lags if lag.steps == steps}
            earlier = np.full((len(known), len(target_steps.names)), np.nan, rows.dtype)
            earlier[:, list(held)] = known[:, list(held.values())]
            place = Place(name, X, rows, labels.rows(), held)
            with quiet():
                after = target_steps.transform(earlier, labels, place, earlier=steps)
            values[:, list(held.values())] = after[at][:, list(held)]
        lost = (np.isnan(values) & ~np.isnan(rows)).any(axis=1)
        has_text = bool(text_columns(regressor, X))
        if not has_text:
            values[lost] = np.nan
        if index is None:
            return values, None
        table = X.copy()
        for lag in self.lags:
            table.isetitem(lag.column, values[:, lag.column])
        if has_text:
            return table, lost
        others_are_left = len(self.lags) < X.shape[1] and lost.any()
        return table[~lost].reindex(index) if others_are_left else table, None

    def newest(self, rows, horizon):
        """Return the newest known target of each row, once for each step ahead.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            Values of the rows at hand.
        horizon : int
            How many steps ahead.

        Returns
        -------
        ndarray of shape (n_rows, n_targets * horizon)
        """
        return np.tile(rows[:, self.firsts], horizon)

    def restored(self, target_steps, values, rows, stretches):
        """Bring predictions back to the target's units, from the targets observed before them.

        Parameters
        ----------
        target_steps : TargetSteps
            As fitted.
        values : ndarray of shape (n_rows, n_transformed, n_values)
            Predictions.
        rows : ndarray of shape (n_rows, n_features)
            Values of the rows at hand.
        stretches : Stretches
            Their unbroken parts.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs, n_values)
            NaN where what they start from is not known.

        Warns
        -----
        UnknownPastWarning
            If the rows before a row are not known.
        InverseWarning
            If the transformer cannot undo a prediction.
        """
        if target_steps.looks_back:
            warn_of_first(
                stretches,
                ". Where the transformer needs them, the prediction is that of y_lag, or else the"
                " training mean. Pass the rows before it as well, all with labels that go on from"
                " those of the training rows.",
            )
        layout, labels, observed = stretches.layout, RowLabels(stretches), None
        if self.firsts is not None:
            # The value observed at a row stands in the next row; the last is not known yet.
            observed = np.full((len(rows), len(self.firsts)), np.nan)
            observed[:-1] = layout.by_series(rows)[1:, self.firsts]
            observed[stretches.stops - 1] = np.nan
            observed = layout.by_row(observed)
        with quiet():  # The transformer knows no labels, only numbers.
            restored = [
                target_steps.inverse_transform(one, labels, observed)
                for one in np.moveaxis(values, 2, 0)
            ]
        found = np.stack(restored, axis=2)
        lost = np.isinf(found)
        if lost.any():
            warn(
                f"transformer={target_steps.transformer!r} cannot undo {lost.sum()} of {lost.size}"
                f" predicted values, the first in row {np.argwhere(lost)[0, 0]}: they lie outside"
                " what it returns, or the last observed values outside what it takes. In their"
                " place stands the value of y_lag, or else the training mean. Use a transformer"
                " that takes and undoes every value, such as a scaler, or a regressor that predicts"
                " within its range.",
                InverseWarning,
            )
            found[lost] = np.nan
        return found


def find_earlier(X, rows, y, target, earlier, y_lag, target_steps):
    """Find the columns of training rows that hold earlier targets.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        The rows as the user gave them.
    rows : ndarray of shape (n_rows, n_features)
        Their values.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The target as the user gave it.
    target : ndarray of shape (n_rows, n_outputs)
        Its values.
    earlier : callable
        Takes a number of steps, and returns the row so many steps before each row, in its series.
    y_lag : "auto", column name, position, sequence of these or None
        The columns that hold the targets one step earlier.
    target_steps : TargetSteps
        As fitted to the target.

    Returns
    -------
    EarlierTargets

    Raises
    ------
    ValueError
        If `y_lag` names other columns, or none where several steps ahead are restored from them.

    Warns
    -----
    UnknownLagWarning
        If the transformer looks back, and no column is found.
    """
    is_auto = isinstance(y_lag, str) and y_lag == "auto"
    # Without a transformer nobody asks, and in windows each value stands many times.
    is_idle = y_lag is None or (is_auto and (not target_steps.steps or count_axes(X) > 2))
    horizon = target_steps.horizon
    lags = [] if is_idle else lags_in_fit(X, rows, y, target, earlier, horizon, y_lag)
    found = EarlierTargets(lags, len(target_steps.names))
    if found.firsts is None and target_steps.looks_back and horizon > 1:
        raise ValueError(
            f"y reaches {horizon} steps ahead, and transformer={target_steps.transformer!r} looks"
            " back, so predictions are restored from the last observed values, but"
            f" y_lag={y_lag!r} finds no column of X that holds these: the target one step earlier,"
            " in its own units, in a table with one row per time step. Name the column with y_lag,"
            " or call it '<target>_lag1'."
        )
    if found.firsts is None and target_steps.looks_back and is_auto:
        warn(
            "No column of X holds the target one step earlier, so predictions run on from the last"
            " training value, each from the one before. Name the column with y_lag, call it"
            " '<target>_lag1', or set y_lag=None if this is meant.",
            UnknownLagWarning,
        )
    return found


def check_transformed_once(regressor, transformer, X, lags):
    """Refuse rows whose lag columns cannot be transformed, or would be a second time.

    Parameters
    ----------
    regressor, transformer : estimator
        The regressor, and the fitted transformer of the target.
    X : array-like of shape (n_rows, n_features)
        Training rows.
    lags : list of Lag
        Their columns that hold earlier targets.

    Raises
    ------
    ValueError
        If `X` has three axes, or a step that takes these columns changes values that the
        transformer has changed: taking differences or the same function does, scaling does not.
    """
    if count_axes(X) > 2:
        raise ValueError(
            "X holds windows, whose columns of earlier targets cannot go through the transformer:"
            " pass rows, with LagWindower in the regressor, or set transform_lags=False."
        )
    ours = steps_of(transformer)
    first, *others = steps_of(getattr(regressor, "estimator", regressor))
    steps = [*_parts_for(first, X, {lag.column for lag in lags}), *others]
    copies = [step for step in steps if any(_changes_twice(step, other) for other in ours)]
    if copies:
        raise ValueError(
            f"The regressor has the step {copies[0]!r}, but the transformer has the same, and the"
            " columns of X that hold earlier targets go through it: they would be transformed"
            " twice. Leave it out of the regressor, or set transform_lags=False."
        )


def _parts_for(step, X, wanted):
    """List the parts of a ColumnTransformer that take some columns of `X`, or the step itself."""
    if not isinstance(step, ColumnTransformer):
        return [step]
    parts = []
    for _, part, columns in step.transformers:
        chosen = columns(X) if callable(columns) else columns
        if wanted & set(get_column_indices(X, chosen)):
            parts += steps_of(part)
    return parts


def _changes_twice(step, other):
    if type(step) is not type(other):
        return False
    func = getattr(step, "func", None)
    return looks_back(step) or (func is not None and func is getattr(other, "func", None))
