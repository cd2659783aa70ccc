"""What the outputs of networks mean, and what stands for them where nothing is known."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from sklstm._checks._arguments import check_flag
from sklstm._checks._tables import index_of
from sklstm._past._order import is_panel
from sklstm._past._series_names import check_levels_in_order, find_series


@dataclass(frozen=True)
class QuantileHead:
    """An output for each quantile of each target.

    Attributes
    ----------
    levels : tuple of float
        Which quantiles: rising, 0.5 among them.
    is_scaled : bool
        Whether the network may learn the target in other units.
    default_loss : str
        What training minimises where neither the user nor a compiled network says so.
    output_activation : str or None
        That of the output layer; None where the user decides it.
    """

    levels: tuple
    is_scaled = True

    @property
    def default_loss(self):
        return "mean_squared_error"

    @property
    def output_activation(self):
        return None

    def check(self, training):
        """Refuse a training under which the outputs would mean something else."""

    def given(self, target, y_ndim):
        """Return targets with as many axes as `y` had."""
        return shaped(target, y_ndim)

    def of_parts(self, values, starts):
        """Return the quantiles of each part of an array; `starts` is where the parts begin."""
        counts = np.diff(np.append(starts, len(values)))
        ordered = values[np.lexsort((values, np.repeat(np.arange(len(starts)), counts)))]
        # As numpy.quantile does it: between the two values next to a level, by its distance.
        within = (counts - 1)[:, None] * np.array(self.levels)
        low = within.astype(np.int64)
        lower = ordered[starts[:, None] + low]
        upper = ordered[starts[:, None] + np.minimum(low + 1, counts[:, None] - 1)]
        return lower + (within - low) * (upper - lower)

    def values(self, outputs):
        """Return outputs as a float64 copy of shape (..., n_targets, n_levels), sorted."""
        shape = *outputs.shape[:-1], -1, len(self.levels)
        by_target = np.array(outputs, dtype=np.float64).reshape(shape)
        by_target.sort(axis=-1)
        return by_target


@dataclass(frozen=True)
class PointHead(QuantileHead):
    """One output for each target: the head of a median, but for rows of which nothing is known."""

    levels: tuple = (0.5,)

    def of_parts(self, values, starts):
        """Return the mean of each part of an array; `starts` is where the parts begin."""
        counts = np.diff(np.append(starts, len(values)))
        return (np.add.reduceat(values, starts) / counts)[:, None]


@dataclass(frozen=True, eq=False)
class ClassHead(PointHead):
    """The probability of each class; of two classes, one output for that of the second.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    """

    classes: Any = None
    is_scaled = False

    @property
    def default_loss(self):
        return f"{'binary' if len(self.classes) == 2 else 'categorical'}_crossentropy"

    @property
    def output_activation(self):
        return "sigmoid" if len(self.classes) == 2 else "softmax"

    def check(self, training):
        """Refuse losses and metrics of other labels, or under which nothing is learnt."""
        # Keras comes in with the engine, so not before something is fitted.
        from sklstm.engine._check_names import check_class_names

        check_class_names(training, len(self.classes))

    def codes(self, columns):
        """Return the place of the class of each row, given columns as `as_columns` makes them."""
        return (columns[:, 0] == 1).astype(int) if columns.shape[1] == 1 else columns.argmax(axis=1)

    def given(self, target, y_ndim):
        """Return the labels."""
        return self.classes[self.codes(target)]

    def probabilities(self, outputs):
        """Return the probability of each class, of which each row adds up to 1."""
        total = outputs.sum(axis=1, keepdims=True)
        two = len(self.classes) == 2
        wrong = (outputs < 0).any(axis=1) | ((total > 1) if two else np.abs(total - 1) > 1e-3)[:, 0]
        if wrong.any():
            raise ValueError(
                f"The network returns {outputs[wrong][0].tolist()!r} for a row, which are no"
                f" probabilities. Let the last layer of network have the activation"
                f" {self.output_activation!r}, and the loss no from_logits=True."
            )
        return np.hstack([1 - outputs, outputs]) if two else outputs / total


class Fallback:
    """What is predicted for rows of which nothing is known: what stands for their own series.

    Parameters
    ----------
    head : QuantileHead
        Whether that is the mean of the targets, or are quantiles of them.
    target : ndarray of shape (n_rows, n_targets)
        Targets. NaN counts for nothing; each target is known somewhere.
    layout : Layout
        Which series each row belongs to.
    counts : ndarray of bool of shape (n_rows,), default=None
        False for rows whose targets count for nothing; by default all do.

    Attributes
    ----------
    names : list of ndarray of shape (n_series,) or None
        The names of the series, an array for each level; None where one series has no name.
    levels : list or None
        The names of the levels of the index, the time first; None where one series has no name.
    values : ndarray of shape (n_series + 1, n_targets, n_levels)
        What stands for each series; in the last row for all together, as for one without a target.
    """

    def __init__(self, head, target, layout, counts=None):
        n_targets = target.shape[1]
        self.names, self.levels = layout.names, layout.levels
        self.values = np.empty((layout.n_series + 1, n_targets, len(head.levels)))
        for i in range(n_targets):
            values = target[:, i]
            if counts is not None and not counts.all():
                values = np.where(counts, values, np.nan)
            of_series = layout.by_series(values)
            is_known = ~np.isnan(of_series)
            known = of_series if is_known.all() else of_series[is_known]
            n_known = np.add.reduceat(is_known, layout.starts, dtype=np.int64)
            starts = np.cumsum(n_known) - n_known
            self.values[:, i] = head.of_parts(known, np.array([0]))
            self.values[:-1, i][n_known > 0] = head.of_parts(known, starts[n_known > 0])

    def of_stretches(self, stretches):
        """Return the values that stand for the series of each row of a table.

        Parameters
        ----------
        stretches : Stretches or None
            Of the table; None if it is one series.

        Returns
        -------
        ndarray of shape (n_rows, n_targets, n_levels)
            With one row for the whole table where it is one series.
        """
        if stretches is None or self.names is None:
            return self.values[-1:]
        values = self.values[np.minimum(stretches.series, len(self.values) - 1)]
        return stretches.layout.by_row(np.repeat(values, stretches.lengths, axis=0))

    def of_rows(self, index, positions):
        """Return the values that stand for the series of some rows.

        Parameters
        ----------
        index : pandas.Index or None
            The labels of a table. Where they name no series, all series together stand for it.
        positions : ndarray of int of shape (n,)
            Rows of the table.

        Returns
        -------
        ndarray of shape (n, n_targets, n_levels)
        """
        if self.names is None or not is_panel(index):
            return self.values[np.full(len(positions), -1)]
        check_levels_in_order(self.levels, index.names)
        codes, names = pd.factorize(index[positions].droplevel(0))
        return self.values[find_series(self.names, names)[codes]]


def check_levels(quantiles):
    """Return the parameter `quantiles` as a tuple of floats, or raise a ValueError."""
    levels = list(quantiles)
    are_levels = all(isinstance(level, Real) and 0 < float(level) < 1 for level in levels)
    if not are_levels or levels != sorted(set(levels)) or 0.5 not in levels:
        raise ValueError(
            f"quantiles={quantiles!r} is not valid: expected rising numbers between 0 and 1,"
            " with 0.5, which predict returns, among them; for instance (0.05, 0.5, 0.95)."
        )
    return tuple(float(level) for level in levels)


def values_of(regressor, outputs, is_unknown, X):
    """Return what the outputs of each network mean.

    Parameters
    ----------
    regressor : BaseRecurrentRegressor
        As fitted.
    outputs : ndarray of shape (n_networks, n_rows, n_outputs)
        What each network returns.
    is_unknown : ndarray of bool of shape (n_rows,)
        The rows of which nothing is known: they get the values of the training targets of their
        series.
    X : array-like
        The table, whose labels tell the series.

    Returns
    -------
    ndarray of shape (n_networks, n_rows, n_targets, n_values), float64
    """
    values = regressor._head.values(regressor._target_scale.undo(outputs))
    unknown = np.flatnonzero(is_unknown)
    if len(unknown):
        values[:, unknown] = regressor._fallback.of_rows(index_of(X), unknown)
    return values


def predictions(regressor, values, is_unknown, return_std):
    """Return the mean over the networks, and their standard deviation where it is asked for.

    Parameters
    ----------
    regressor : BaseRecurrentRegressor
        As fitted.
    values : ndarray of shape (n_networks, n_rows, n_targets)
        What each network predicts.
    is_unknown : ndarray of bool of shape (n_rows,)
        The rows for which the networks had nothing to predict from, so that they have no spread.
    return_std : bool
        Whether to return the standard deviation as well.
    """
    mean = shaped(values.mean(axis=0), regressor._y_ndim)
    if not return_std:
        return mean
    spread = values.std(axis=0)
    spread[is_unknown] = np.nan
    return mean, shaped(spread, regressor._y_ndim)


def check_return_std(regressor, return_std):
    """Refuse to tell the spread of one network."""
    check_flag(return_std, "return_std")
    if return_std and len(regressor._trained) == 1:
        raise ValueError(
            "return_std=True is the standard deviation of several networks, but this regressor was"
            " fitted with one. Set n_networks to at least 2, for instance 5, and fit it again, or"
            " leave return_std=False."
        )


def shaped(values, y_ndim):
    """Return values of shape (n_rows, n_targets, ...) without the second axis if `y` had none."""
    return values[:, 0] if y_ndim == 1 else values
