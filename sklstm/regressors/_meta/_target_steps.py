"""The steps of a target's transformer: there, and back from what a regressor predicts."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklstm._checks._horizon import seen_horizon
from sklstm._checks._numbers import place_of
from sklstm._checks._windows import count_axes
from sklstm._past._label_order import LONG_BEFORE
from sklstm._past._layout import labels_of, read_once
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
    depth : int, default=None
        None labels the rows of the table in its own order. Otherwise one stretch comes after the
        other, each after so many rows before it, which have labels, too; see `Stretches.padded`.
    """

    def __init__(self, stretches, depth=None):
        self.layout, is_padded, depth = stretches.layout, depth is not None, depth or 0
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
        series = np.repeat(stretches.ordinals, lengths + depth)
        #: The place in the table of each row, or of the row that it comes before.
        places = ranges(stretches.starts - depth, stretches.stops)
        places = np.maximum(places, np.repeat(stretches.starts, lengths + depth))
        order = np.arange(len(numbers))
        if (np.diff(numbers) < 0).any():
            order = np.argsort(numbers, kind="stable")
        self._numbers, self._series, self._places = numbers[order], series[order], places[order]
        order = order if is_padded else self.rows()
        # Sorted labels are as a rule those of a sorted table: nothing is copied then.
        self.order = None if (np.diff(order) == 1).all() else order

    def rows(self):
        """Return the row of the table that each label stands for."""
        return self.layout.row(self._places)

    def index(self, steps=0):
        """Return the labels, sorted.

        Parameters
        ----------
        steps : int, default=0
            How many steps earlier the values are that they are for.

        Returns
        -------
        pandas.Index
        """
        return labels_of(self._numbers - steps, self.layout, self._series)

    def arranged(self, values):
        """Return rows in the order of the labels.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Of the table, or of stretches after the rows before them.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
        """
        return values if self.order is None else values[self.order]

    def put_back(self, values):
        """Return rows that are in the order of the labels in the order that they had.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            As `arranged` returns them.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
        """
        if self.order is None:
            return values
        restored = np.empty_like(values)
        restored[self.order] = values
        return restored


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

    @read_once()
    def transform(self, values, labels, place, *, earlier=0, ready=None):
        """Send values of the target through the transformer.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_targets) or (n_rows, n_targets * horizon)
            The target, or columns that hold earlier targets.
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
        ahead = np.hsplit(values, values.shape[1] // len(self.names))
        index = labels.index(earlier)
        first, steps, expected = labels.arranged(ahead[0]), [], []
        for step in self.steps:
            table = labelled(first, index, self._columns)
            is_looking = looks_back(step)
            if ready is not None:
                # As a target, all steps ahead tell how many rows may be given again.
                target = labels.arranged(values) if is_looking else None
                with np.errstate(all="ignore"):
                    step, _ = ready(step, table, target)
            steps.append(step)
            is_expected = is_looking and len(ahead) > 1
            expected.append(step.__sklstm_expected__(table, len(ahead)) if is_expected else None)
            first = _transformed(step, table, place)
        if steps:
            self.transformer = with_steps(self.transformer, iter(steps))

        def transformed(i):
            """Return the values of a step ahead, which take much memory all together."""
            if not i:
                return labels.put_back(first)
            values = labels.arranged(ahead[i])
            for step, before in zip(steps, expected, strict=True):
                if before is None:
                    table = labelled(values, index, self._columns)
                    values = _transformed(step, table, place, i)
                else:
                    values = values - before[i]
            return labels.put_back(values)

        return _beside(map(transformed, range(len(ahead))), len(ahead))

    @read_once()
    def inverse_transform(self, values, labels, observed=None):
        """Undo the transformer, from the last step to the first.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_targets * horizon)
            Transformed targets.
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
        return _beside(self._restored(values, labels, observed), self.horizon)

    @read_once()
    def restores(self, target, transformed, labels):
        """Tell whether the way back leads to the training target.

        Parameters
        ----------
        target, transformed : ndarray of shape (n_rows, n_targets * horizon)
            The target, and what became of it.
        labels : RowLabels
            Their labels.

        Returns
        -------
        bool
        """
        # Several steps ahead are restored from the values observed before them.
        observed = target[:, : len(self.names)] if self.horizon > 1 else None
        ahead = np.hsplit(target, self.horizon)
        for back, values in zip(self._restored(transformed, labels, observed), ahead, strict=True):
            if back.shape != values.shape:
                return False
            # A value that runs on from an unknown one is NaN, which says nothing of the way back.
            known = ~np.isnan(back + values)
            if not np.allclose(back[known], values[known]):
                return False
        return True

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
        values, is_own = labels.arranged(values), labels.arranged(is_own)
        index, steps = labels.index(steps=1), []
        for step in self.steps:
            if hasattr(step, "__sklstm_at_hand__"):
                own = np.where(is_own, values, np.nan)
                step = step.__sklstm_at_hand__(labelled(own, index, self._columns))
            values = _transformed(step, labelled(values, index, self._columns), place)
            steps.append(step)
        return TargetSteps(make_pipeline(*steps), self.names, self.horizon)

    def _restored(self, values, labels, observed):
        """Yield the values of each step ahead, undone by the steps from the last to the first."""
        index, expected, seen = labels.index(), {}, {}
        looking = [i for i, step in enumerate(self.steps) if looks_back(step)]

        # 1. What was observed, as each step saw it, up to the last that looks back.
        if observed is not None and looking:
            table = labelled(labels.arranged(observed), index, self._columns)
            for i, step in enumerate(self.steps[: max(looking) + 1]):
                if i in looking and hasattr(step, "__sklstm_expected__"):
                    expected[i] = step.__sklstm_expected__(table, self.horizon)
                elif i in looking:
                    seen[i] = {"observed": table}
                if i == max(looking):
                    break
                with np.errstate(all="ignore"):
                    after = _values(step.transform(table))
                # Only what is not known may be NaN: a step refuses infinity, or nothing is undone.
                lost = False if i in looking else np.isnan(after) & ~np.isnan(_values(table))
                table = labelled(np.where(lost, np.inf, after), index, self._columns)

        # 2. Undo each step.
        for ahead, one in enumerate(np.hsplit(values, self.horizon)):
            one = labels.arranged(one).astype(float)
            lost = np.zeros(one.shape, dtype=bool)
            for i, step in reversed(list(enumerate(self.steps))):
                is_unknown = np.isnan(one)
                if i in expected:
                    one = one + expected[i][ahead]
                else:
                    names = list(getattr(step, "feature_names_in_", self.names))
                    table = labelled(one, index, pd.Index(names, tupleize_cols=False))
                    with np.errstate(all="ignore"):
                        undone = _values(step.inverse_transform(table, **seen.get(i, {})))
                    one = np.array(undone, dtype=float).reshape(len(index), -1)
                if one.shape != lost.shape:  # Columns were mixed.
                    lost, is_unknown = (
                        np.broadcast_to(of.any(axis=1, keepdims=True), one.shape)
                        for of in (lost, is_unknown)
                    )
                lost = lost | np.isinf(one)
                # The others do not know the values before a row, or a series.
                if not looks_back(step) and not hasattr(step, "__sklstm_at_hand__"):
                    lost |= np.isnan(one) & ~is_unknown
                one[lost] = np.nan
            one[lost] = np.inf
            yield labels.put_back(one)


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
    # `restores` looks at all steps together; FunctionTransformer takes NaN for a fault.
    given = {k: v for k, v in step.get_params().items() if k.endswith("check_inverse")}
    step.set_params(**dict.fromkeys(given, False))
    step = step.fit(table, target) if looks_back(step) else step.fit(table)
    return step.set_params(**given), None


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


def _beside(ahead, horizon):
    """Put the values of steps ahead side by side, of which each is computed when it is put down."""
    found: Any = None
    for i, values in enumerate(ahead):
        if found is None:
            found = np.empty((horizon, values.shape[1], len(values)))
        found[i] = values.T
    return found.reshape(-1, found.shape[2]).T


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
