"""The steps of a target's transformer: there, and back from what a regressor predicts."""

import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklstm._checks._horizon import seen_horizon
from sklstm._checks._numbers import place_of
from sklstm._checks._windows import count_axes
from sklstm._past._label_order import LONG_BEFORE
from sklstm._past._layout import labels_of
from sklstm._past._stretches import ranges
from sklstm._sklearn._composition import looks_back
from sklstm.regressors._meta._steps import go_on, steps_of, with_steps


class Place(NamedTuple):
    """Where values stand in what the user gave, for messages.

    Attributes
    ----------
    name : str
        What messages call the table.
    table : array-like
        The table.
    values : ndarray of shape (n_rows, n_columns)
        Its values.
    rows : ndarray of int, default=None
        The row of each value; by default its own number.
    columns : mapping, default=None
        The column of each target; by default its own number.
    """

    name: str
    table: Any
    values: np.ndarray
    rows: Any = None
    columns: Any = None

    def describe(self, row, target):
        """Return what a message says of a value.

        Parameters
        ----------
        row, target : int
            Which of the values, and its target.

        Returns
        -------
        str
        """
        column = target if self.columns is None else self.columns[target]
        place = int(row if self.rows is None else self.rows[row]), column
        where = place_of(place[: count_axes(self.table)], self.table)
        return f"{self.name} is {self.values[place]} at {where}"


class RowLabels:
    """Labels by which a target's transformer places rows as surely as `fit` did.

    They are row numbers, with the names of the series where these have names. So the rows of a
    table without labels are placed as those of others, also after a gap.

    Parameters
    ----------
    stretches : Stretches
        The unbroken parts of a table.
    depth : int, default=0
        How many rows before each stretch have labels, too; see `Stretches.padded`.
    """

    def __init__(self, stretches, depth=0):
        self.layout = stretches.layout
        placed = stretches.agrees & ~np.isnan(stretches.numbers)
        # The rows before a stretch that comes after a short gap would have labels of rows before
        # the gap.
        gaps = stretches.numbers[1:] - (stretches.numbers + stretches.lengths)[:-1]
        placed[1:] &= ~((gaps < depth) & stretches.are_later[1:])
        # The transformer knows nothing of rows that stand long before the training rows, and no
        # two such stretches touch.
        apart = LONG_BEFORE + (depth + 2) * stretches.starts
        first = np.where(placed, stretches.numbers, apart).astype(np.int64)
        lengths = stretches.lengths
        numbers = ranges(first - depth, first + lengths)
        self.order = None
        if (np.diff(numbers) < 0).any():
            self.order = np.argsort(numbers, kind="stable")
        self._numbers = self._sorted(numbers)
        series = np.searchsorted(self.layout.starts, stretches.starts, side="right") - 1
        self._series = self._sorted(np.repeat(series, lengths + depth))
        #: The place in the table of each row, or of the row that it comes before.
        self._places = ranges(stretches.starts - depth, stretches.stops)
        self._places = np.maximum(self._places, np.repeat(stretches.starts, lengths + depth))

    def rows(self):
        """Return the row of the table that each label stands for."""
        return self.layout.row(self._sorted(self._places))

    def arranged(self, *values, steps=0):
        """Return rows in the order of their labels, and these labels.

        Parameters
        ----------
        *values : ndarray of shape (n_rows, n_columns) or None
            One stretch after the other, each after the rows before it.
        steps : int, default=0
            How many steps earlier the values were.

        Returns
        -------
        list
            The values, and last of all the labels.
        """
        labels = labels_of(self._numbers - steps, self.layout, self._series)
        return [*(None if one is None else self._sorted(one) for one in values), labels]

    def call(self, function, *values, steps=0):
        """Call a function on rows that are sorted and labelled, and put its rows back.

        Parameters
        ----------
        function : callable
            Takes each of the values, as an array, and their labels.
        *values : ndarray of shape (n_rows, n_columns) or None
            One stretch after the other, each after the rows before it.
        steps : int, default=0
            How many steps earlier the values were.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
        """
        found = function(*self.arranged(*values, steps=steps))
        if self.order is None:
            return found
        restored = np.empty_like(found)
        restored[self.order] = found
        return restored

    def _sorted(self, values):
        return values if self.order is None else values[self.order]


class TargetSteps:
    """The transformer of a target: there, and back from what a regressor predicts.

    Of several steps ahead, the columns of all steps are one variable each: the transformer is
    fitted to the targets of the first step, and each step goes through it. A step of the
    transformer that looks back takes the differences from what is known before a row::

        transformed = target - expected

    Parameters
    ----------
    transformer : transformer or None
        One with an inverse, or a pipeline of such. None leaves the target as it is.
    names : list
        Names of the targets.
    horizon : int, default=1
        How many steps ahead they reach.
    """

    def __init__(self, transformer, names, horizon=1):
        self.transformer = transformer
        self.names = names
        self.horizon = horizon

    @property
    def steps(self):
        """The transformers, first to last."""
        return [] if self.transformer is None else steps_of(self.transformer)

    @property
    def _columns(self):
        """The names of the targets as an index, which skops cannot keep."""
        return pd.Index(self.names, tupleize_cols=False)

    @property
    def looks_back(self):
        """Whether a step says that it looks back."""
        return any(map(looks_back, self.steps))

    @property
    def learns_of_series(self):
        """Whether a step learns something of each series."""
        return any(hasattr(step, "__sklstm_at_hand__") for step in self.steps)

    def check_ahead(self, target, layout):
        """Refuse a transformer that looks back where several steps ahead could not be undone.

        Parameters
        ----------
        target : ndarray of shape (n_rows, n_targets * horizon)
            The training target.
        layout : Layout
            Which series each row belongs to.

        Raises
        ------
        ValueError
            If the columns seem to be steps ahead but nobody says so, two steps of the transformer
            look back, or one cannot tell what to expect several steps ahead.
        """
        looking = [step for step in self.steps if looks_back(step)]
        if looking and self.horizon == 1 and (seen := seen_horizon(target, layout)) > 1:
            raise ValueError(
                "Each column of y holds what an earlier one holds a row later, as if they were"
                f" {seen} steps ahead of the same series, while transformer={self.transformer!r}"
                f" looks back. Set horizon={seen}: differences are then taken from the last known"
                " values."
            )
        others = [step for step in looking if not hasattr(step, "__sklstm_expected__")]
        if self.horizon > 1 and (others or len(looking) > 1):
            step = f"{others[0]!r} looks back" if others else "several steps look back"
            raise ValueError(
                f"y reaches {self.horizon} steps ahead, but transformer={self.transformer!r} cannot"
                f" be undone from the last known values: {step}. Use one Differencer with all its"
                " intervals, such as Differencer([1, 12]), and steps that do not look back; or a y"
                " of one step, which forecast feeds back."
            )

    def transform(self, values, labels, place, *, earlier=0, ready=None):
        """Send values of the target through the transformer.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_targets) or (n_rows, n_targets * horizon)
            The target, or columns that hold earlier targets; one stretch after the other.
        labels : RowLabels
            Their labels, which place them before each step.
        place : Place
            Where the values stand.
        earlier : int, default=0
            How many steps earlier than their rows the values were.
        ready : callable, default=None
            Called with each step and the targets of the first step ahead; returns the step that
            takes its place, for instance fitted. By default, the steps are fitted before.

        Returns
        -------
        ndarray of shape (n_rows, n_targets) or (n_rows, n_targets * horizon), float64

        Raises
        ------
        ValueError
            If a step makes infinity of a value, or NaN though it does not look back.
        """
        forward = partial(self._forward, place=place, ready=ready)
        return labels.call(forward, values, steps=earlier)

    def inverse_transform(self, values, labels, observed=None):
        """Undo the transformer, from the last step to the first.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_targets * horizon)
            Transformed targets; one stretch after the other.
        labels : RowLabels
            Their labels.
        observed : ndarray of shape (n_rows, n_targets), default=None
            The targets observed at the rows, from which steps that look back start; without these,
            each restored row is the base of the next.

        Returns
        -------
        ndarray of shape (n_rows, n_targets * horizon), float64
            NaN where the values before a row are not known, infinity where a step cannot undo the
            value.
        """
        return labels.call(self._back, values, observed if self.looks_back else None)

    def restores(self, target, transformed, labels):
        """Tell whether the way back leads to the training target.

        Parameters
        ----------
        target, transformed : ndarray of shape (n_rows, n_targets * horizon)
            The target, and what became of it; one stretch after the other.
        labels : RowLabels
            Their labels.

        Returns
        -------
        bool
        """
        # Several steps ahead are restored from the values observed before them.
        observed = target[:, : len(self.names)] if self.horizon > 1 else None
        back = self.inverse_transform(transformed, labels, observed)
        if back.shape != target.shape:
            return False
        # A value that runs on from an unknown one is NaN, which says nothing of the way back.
        known = ~np.isnan(back + target)
        return np.allclose(back[known], target[known])

    def at_hand(self, values, is_own, labels, place):
        """Return steps that also know the series of which `fit` has seen no value.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_targets)
            Targets that were observed one step before the rows at hand; one stretch after the
            other.
        is_own : ndarray of bool of shape (n_rows, 1)
            False for rows before a stretch, which are only looked back upon.
        labels : RowLabels
            Their labels.
        place : Place
            Where the values stand.

        Returns
        -------
        TargetSteps
            Steps that learn nothing of each series are those of `transformer` itself.
        """
        values, is_own, index = labels.arranged(values, is_own, steps=1)
        steps = []
        for step in self.steps:
            if hasattr(step, "__sklstm_at_hand__"):
                own = np.where(is_own, values, np.nan)
                step = step.__sklstm_at_hand__(labelled(own, index, self._columns))
            values = _transformed(step, labelled(values, index, self._columns), place)
            steps.append(step)
        return TargetSteps(make_pipeline(*steps), self.names, self.horizon)

    def _forward(self, values, index, *, place, ready):
        """Transform sorted rows; the first columns are the targets that are known afterwards."""
        ahead = np.hsplit(values, values.shape[1] // len(self.names))
        steps = []
        for step in self.steps:
            tables = [labelled(one, index, self._columns) for one in ahead]
            if ready is not None:
                # `check_inverse` looks at all steps together; that of FunctionTransformer takes NaN
                # for a fault.
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.filterwarnings("ignore", "The provided functions are not strictly inv")
                    # As a target, all steps ahead tell how many rows may be given again.
                    step, _ = ready(step, tables[0], values)
            steps.append(step)
            if len(ahead) > 1 and looks_back(step):
                first = _transformed(step, tables[0], place)
                expected = step.__sklstm_expected__(tables[0], len(ahead))
                ahead = [first, *(np.subtract(ahead[1:], expected[1:]))]
            else:
                ahead = [_transformed(step, one, place, i) for i, one in enumerate(tables)]
        if steps:
            self.transformer = with_steps(self.transformer, iter(steps))
        return np.hstack(ahead)

    def _back(self, values, observed, index):
        """Undo sorted rows."""
        # 1. What was observed, as each step saw it, up to the last that looks back.
        seen = [observed]
        looking = [i for i, step in enumerate(self.steps) if looks_back(step)]
        for step in self.steps[: max(looking)] if observed is not None else []:
            with np.errstate(all="ignore"):
                after = _values(step.transform(labelled(seen[-1], index, self._columns)))
            # Only what is not known may be NaN: a step refuses infinity, or nothing is undone.
            lost = False if looks_back(step) else np.isnan(after) & ~np.isnan(seen[-1])
            seen.append(np.where(lost, np.inf, after))

        # 2. Undo each step.
        ahead = np.array(np.hsplit(values, self.horizon))
        lost = np.zeros(ahead.shape, dtype=bool)
        for i, step in reversed(list(enumerate(self.steps))):
            options, is_unknown = {}, np.isnan(ahead)
            if observed is not None and looks_back(step):
                options["observed"] = labelled(seen[i], index, self._columns)
            if options and hasattr(step, "__sklstm_expected__"):
                ahead = ahead + step.__sklstm_expected__(options["observed"], self.horizon)
            else:
                names = list(getattr(step, "feature_names_in_", self.names))
                columns = pd.Index(names, tupleize_cols=False)
                tables = [labelled(one, index, columns) for one in ahead]
                with np.errstate(all="ignore"):
                    undone = [_values(step.inverse_transform(t, **options)) for t in tables]
                ahead = np.array(undone, dtype=float).reshape(len(ahead), len(index), -1)
            if ahead.shape != lost.shape:  # Columns were mixed.
                lost, is_unknown = (
                    np.broadcast_to(of.any(axis=2, keepdims=True), ahead.shape)
                    for of in (lost, is_unknown)
                )
            lost = lost | np.isinf(ahead)
            # The others do not know the values before a row, or a series.
            if not looks_back(step) and not hasattr(step, "__sklstm_at_hand__"):
                lost |= np.isnan(ahead) & ~is_unknown
            ahead[lost] = np.nan
        ahead[lost] = np.inf
        return np.hstack(list(ahead))


def fit_target_step(step, table, target):
    """Fit a step of a target's transformer.

    Parameters
    ----------
    step : transformer
        The step.
    table : DataFrame of shape (n_rows, n_targets)
        Targets of the first step ahead.
    target : ndarray of shape (n_rows, n_targets * horizon)
        Targets of all steps ahead, of which a step that looks back remembers as many rows more.

    Returns
    -------
    step : transformer
        The step itself.
    transformed : None

    Raises
    ------
    ValueError
        If no target is known.
    """
    if np.isnan(table).all(axis=None):
        raise ValueError(
            f"No row is left to learn from: the target that reaches {step!r} is NaN in all"
            f" {len(table)} rows. Use more rows or a transformer that looks back less."
        )
    return (step.fit(table, target) if looks_back(step) else step.fit(table)), None


def fit_warm_target(step, table, target):
    """Fit a step of a target's transformer that looks back; go on with what another has learnt.

    Parameters
    ----------
    step : transformer
        A fitted step, which stays as it is.
    table, target : object
        As for `fit_target_step`.

    Returns
    -------
    step : transformer
        The step that takes its place.
    transformed : object
        Not used.
    """
    return fit_target_step(clone(step), table, target) if looks_back(step) else go_on(step, table)


def _transformed(step, table, place, ahead=0):
    """Transform values of one step ahead, and refuse what cannot be transformed."""
    with np.errstate(all="ignore"):
        after = step.transform(table)
    values = _values(table)
    after = np.asarray(_values(after), dtype=float).reshape(len(values), -1)
    lost = np.isinf(after)
    if not looks_back(step) and after.shape == values.shape:
        lost |= np.isnan(after) & ~np.isnan(values)
    if lost.any():
        row, column = np.argwhere(lost)[0]
        target = min(column, values.shape[1] - 1) + ahead * values.shape[1]
        raise ValueError(
            f"{place.describe(row, target)}, of which {step!r} makes {after[row, column]}. Use a"
            " transformer that takes it (for instance np.log1p instead of np.log), or put NaN"
            " there, which means that it is not known."
        )
    return after


def _values(table):
    """Return the values of what a step returns: `asarray` first asks each column for its type."""
    return table.to_numpy() if isinstance(table, pd.DataFrame) else np.asarray(table)


def labelled(values, labels, names):
    """Return values as a table.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        The values.
    labels : pandas.Index of length n_rows
        Their labels.
    names : pandas.Index
        Names of the columns; not used where they are not as many.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
    """
    columns = names if len(names) == values.shape[1] else None
    return pd.DataFrame(values, index=labels, columns=columns)
