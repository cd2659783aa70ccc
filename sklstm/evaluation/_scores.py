"""Scores of predictions that were made before, by fold, series, step ahead and output."""

from collections.abc import Callable
from numbers import Real
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import get_scorer

from sklstm._checks._arguments import brief, listed, naming
from sklstm._sklearn._compat import safe_indexing


class Metric(NamedTuple):
    """An error that is averaged by array operations, whatever the number of groups.

    Attributes
    ----------
    error : callable
        Takes actual values and predictions, and returns an error for each.
    power : int, default=0
        The power of the errors that scale it: 1 for absolute errors, 2 for squared ones, and 0 if
        nothing does.
    root : bool, default=False
        Whether the root of the mean is taken.
    per_series : bool, default=False
        Whether the mean of each series is taken first, so that all series count alike.
    """

    error: Callable
    power: int = 0
    root: bool = False
    per_series: bool = False


def _absolute(actual, predicted):
    return np.abs(actual - predicted)


def _squared(actual, predicted):
    return (actual - predicted) ** 2


def _symmetric(actual, predicted):
    size = np.abs(actual) + np.abs(predicted)
    return 2 * np.abs(actual - predicted) / np.where(size == 0, 1.0, size)


#: Metrics by the names of their scorers.
METRICS = {
    "neg_mean_absolute_error": Metric(_absolute),
    "neg_mean_squared_error": Metric(_squared),
    "neg_root_mean_squared_error": Metric(_squared, root=True),
    "neg_mean_absolute_scaled_error": Metric(_absolute, power=1, per_series=True),
    "neg_root_mean_squared_scaled_error": Metric(_squared, power=2, root=True, per_series=True),
    "neg_symmetric_mean_absolute_percentage_error": Metric(_symmetric, per_series=True),
}


class Recorded(RegressorMixin, BaseEstimator):
    """Returns predictions that were made before, so that any scorer can score them."""

    def __init__(self, predicted=None, fitted=None):
        self.predicted = predicted
        self.fitted = fitted

    def predict(self, X):
        """Return the predictions."""
        return self.predicted

    def __sklearn_is_fitted__(self):
        return True

    def __getattr__(self, name):
        # A scorer of the user's own may read what the fitted estimator has.
        if name.startswith("__") or "fitted" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.fitted, name)


def scorers_of(scoring):
    """Return scorers by name.

    Parameters
    ----------
    scoring : str, callable, or sequence of str
        What the user asked for.

    Returns
    -------
    dict of str to Metric or callable
    """
    if callable(scoring) and not isinstance(scoring, type):
        return {"score": scoring}
    with naming("scoring", scoring):
        names = listed(scoring, "scoring")
        for name in names:
            if isinstance(name, str) and f"neg_{name}" in METRICS:
                raise ValueError(
                    f"scores are the higher the better, so this one is called 'neg_{name}'."
                )
        is_ours = [isinstance(name, str) and name in METRICS for name in names]
        scorers = {
            name: METRICS[name] if ours else get_scorer(name)
            for name, ours in zip(names, is_ours, strict=True)
        }
        if not scorers or not all(
            isinstance(one, Metric) or callable(one) for one in scorers.values()
        ):
            raise ValueError("expected the name of a scorer, or of several.")
        return scorers


class Scoring:
    """The lines of a back-test, and how to score groups of them.

    Parameters
    ----------
    scoring : str, callable, or sequence of str
        What the user asked for. With a sequence, the tables name the scorer of each line.
    scorers : dict of str to Metric or callable
        What `scorers_of` made of it.
    values : dict of str to ndarray of shape (n_rows, n_outputs)
        ``"actual"`` first, then ``"prediction"``, then the baselines.
    rows : ndarray of int of shape (n_rows,)
        The positions of the predicted rows in `X`.
    series : ndarray of int of shape (n_rows,)
        The series of each.
    scales : Scales
        The scale of each value.
    X : DataFrame or ndarray of shape (n_rows, n_features)
        The rows, which scorers are given.
    y_ndim : int
        Number of axes of the target.
    estimators : list
        Who predicted each fold.
    keys : dict of str to (ndarray of int, pandas.Index)
        What the lines can be grouped by: numbers that can be broadcast to the shape of the values,
        and the label of each number. ``"fold"`` is among them.
    levels : list of str
        The keys that name series; none if one series has no name.
    """

    def __init__(
        self, scoring, scorers, *, values, rows, series, scales, X, y_ndim, estimators, keys, levels
    ):
        self.scoring = scoring
        self.scorers = scorers
        self.values = values
        self.rows = rows
        self.series = series
        self.scales = scales
        # Metrics by name do not read the rows, which may be many.
        self.X = None if all(isinstance(one, Metric) for one in scorers.values()) else X
        self.y_ndim = y_ndim
        self.estimators = estimators
        self.keys = keys
        self.levels = levels
        self.n_lines = values["actual"].size
        self.is_known = ~np.isnan(values["actual"]).any(axis=1)

    @property
    def outputs(self):
        """The names of the outputs, in the order of the target; none where there is only one."""
        # A level that names series may have the same name, and is then what is grouped by.
        is_there = "output" in self.keys and "output" not in self.levels
        return self.keys["output"][1].tolist() if is_there else []

    def recorded(self, lines):
        """Tell whether lines are those that were recorded, in their order.

        Parameters
        ----------
        lines : DataFrame
            The predictions, which a user may have sorted, or chosen from.

        Returns
        -------
        bool
        """
        rows, index, outputs = self.rows, self.scales.index, self.outputs
        n_outputs = self.values["actual"].shape[1]
        labels = (pd.Index(rows) if index is None else index[rows]).repeat(n_outputs)
        if not lines.index.equals(labels):
            return False
        folds = self.keys["fold"][0].ravel().repeat(n_outputs)
        is_folds = "fold" in self.levels or np.array_equal(lines["fold"], folds)
        return is_folds and (not outputs or list(lines["output"]) == outputs * len(rows))

    def tables(self, by):
        """Score groups of lines.

        Parameters
        ----------
        by : sequence of str
            Keys; none for all lines in one group, ``"overall"``.

        Returns
        -------
        scores, skill : DataFrame
            With a line for each scorer and group.
        """
        codes, groups = self.groups(by)
        found = {}
        for name, scorer in self.scorers.items():
            score = self._by_arrays if isinstance(scorer, Metric) else self._by_calls
            with naming("scoring", self.scoring):
                found[name] = score(scorer, codes, len(groups))
        several = not (isinstance(self.scoring, str) or callable(self.scoring))
        scores, skill = (
            pd.concat(
                [pd.DataFrame(one, groups, dtype=float) for one in tables],
                keys=list(found) if several else None,
                names=["score"] if several else None,
            )
            for tables in zip(*found.values(), strict=True)
        )
        return scores, skill

    def groups(self, by):
        """Give each group of lines a number.

        Parameters
        ----------
        by : sequence of str
            Keys; none for all lines in one group, ``"overall"``.

        Returns
        -------
        codes : ndarray of int of shape (n_rows, n_outputs)
            The number of the group of each value.
        labels : pandas.Index
            The label of each group.
        """
        shape = self.values["actual"].shape
        codes = np.zeros(shape, dtype=np.int64)
        if not by:
            return codes, pd.Index(["overall"], name="fold")
        sizes = [len(self.keys[name][1]) for name in by]
        for name, size in zip(by, sizes, strict=True):
            codes = codes * size + self.keys[name][0]
        distinct, codes = np.unique(codes, return_inverse=True)
        labels: list = []
        for name, size in zip(reversed(by), reversed(sizes), strict=True):
            distinct, place = np.divmod(distinct, size)
            labels.insert(0, self.keys[name][1].take(place).rename(name))
        groups = labels[0] if len(by) == 1 else pd.MultiIndex.from_arrays(labels)
        return codes.reshape(shape), groups

    def _comparable(self, name):
        """Tell which rows have a known target and a value of a baseline."""
        return self.is_known & ~np.isnan(self.values[name]).any(axis=1)

    def _by_arrays(self, metric, codes, n_groups):
        """Average the errors of each group."""
        actual = self.values["actual"]
        n_outputs, n_series = actual.shape[1], int(self.series.max()) + 1
        cells, sizes = codes * n_outputs + np.arange(n_outputs), [n_outputs]
        if metric.per_series:
            cells, sizes = cells * n_series + self.series[:, None], [n_series, n_outputs]

        def score(name, rows):
            errors = metric.error(actual[rows], self.values[name][rows])
            if metric.power:
                errors = errors / self.scales.of_tests(metric.power)[rows]
            is_defined = ~np.isnan(errors)
            distinct, means = _means(cells[rows][is_defined], errors[is_defined])
            means = np.sqrt(means) if metric.root else means
            for size in sizes:  # first over series, then over outputs
                distinct, means = _means(distinct // size, means)
            found = np.full(n_groups, np.nan)
            found[distinct] = -means
            return found

        scores, skill = {"prediction": score("prediction", self.is_known)}, {}
        for name in list(self.values)[2:]:
            both = self._comparable(name)
            is_whole = np.array_equal(both, self.is_known)
            mine = scores["prediction"] if is_whole else score("prediction", both)
            scores[name] = score(name, both)
            with np.errstate(invalid="ignore", divide="ignore"):
                skill[name] = np.where(scores[name] == 0, np.nan, 1 - mine / scores[name])
        return scores, skill

    def _by_calls(self, scorer, codes, n_groups):
        """Call a scorer for each group."""
        n_outputs = codes.shape[1]
        order = np.argsort(codes, axis=None, kind="stable")
        parts = np.split(order, np.searchsorted(codes.ravel()[order], np.arange(1, n_groups)))
        lines = []
        for part in parts:
            rows, outputs = np.unique(part // n_outputs), np.unique(part % n_outputs)
            lines.append(self._line(scorer, rows, outputs))
        return [list(table) for table in zip(*lines, strict=True)]

    def _line(self, scorer, rows, outputs):
        """Return the scores of one group, and the skill of the estimator over each baseline."""
        # The last fold of the group speaks for all of it.
        estimator = self.estimators[self.keys["fold"][0][rows[-1], 0]]

        def score(name, known):
            some = rows[known[rows]]
            if not len(some):
                return np.nan
            shape = -1 if self.y_ndim == 1 else (len(some), -1)
            part = np.ix_(some, outputs)
            recorded = Recorded(self.values[name][part].reshape(shape), estimator)
            actual = self.values["actual"][part].reshape(shape)
            found = scorer(recorded, safe_indexing(self.X, self.rows[some]), actual)
            if not isinstance(found, Real):
                raise ValueError(f"it gave {brief(found)}: expected one number.")
            return found

        scores, skill = {"prediction": score("prediction", self.is_known)}, {}
        for name in list(self.values)[2:]:
            # The estimator is compared on the rows for which the baseline has a value.
            both = self._comparable(name)
            base, mine, best = (score(one, both) for one in (name, "prediction", "actual"))
            scores[name] = base
            skill[name] = (mine - base) / (best - base) if best != base else np.nan
        return scores, skill


def _means(keys, values):
    """Average the values of each key; return the distinct keys and the means."""
    distinct, inverse = np.unique(keys, return_inverse=True)
    return distinct, np.bincount(inverse, values) / np.bincount(inverse)
