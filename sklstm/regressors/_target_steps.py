"""The steps of a target's transformer: there, and back from what a regressor predicts."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from sklstm._checks._numbers import place_of
from sklstm._checks._windows import count_axes
from sklstm._past._label_order import LONG_BEFORE
from sklstm._past._layout import labels_of
from sklstm._past._stretches import ranges
from sklstm._sklearn._composition import looks_back
from sklstm.regressors._known_rows import steps_of


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


def transform_target(transformer, values, labels, *, names, place, fit=False):
    """Send values of the target through the steps of its transformer.

    Parameters
    ----------
    transformer : transformer
        One with an inverse, or a pipeline of such.
    values : ndarray of shape (n_rows, n_outputs)
        The target, or columns that hold earlier targets.
    labels : pandas.Index of length n_rows
        The numbers of the rows, and the names of their series, which place them before each step.
    names : list
        Names of the targets.
    place : Place
        Where the values stand.
    fit : bool, default=False
        Whether the steps are fitted, too.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs), float64

    Raises
    ------
    ValueError
        If a step makes infinity of a value, or NaN though it does not look back.
    """
    for step in steps_of(transformer):
        table = labelled(values, labels, names)
        # What NumPy warns of is an error below; `check_inverse` looks at all steps together, while
        # that of FunctionTransformer takes NaN for a fault.
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The provided functions are not strictly inverse")
            after = (step.fit(table) if fit else step).transform(table)
        after = np.asarray(after, dtype=float).reshape(len(values), -1)
        lost = np.isinf(after)
        if not looks_back(step) and after.shape == values.shape:
            lost |= np.isnan(after) & ~np.isnan(values)
        if lost.any():
            row, column = np.argwhere(lost)[0]
            raise ValueError(
                f"{place.describe(row, min(column, values.shape[1] - 1))}, of which {step!r} makes"
                f" {after[row, column]}. Use a transformer that takes it (for instance np.log1p"
                " instead of np.log), or put NaN there, which means that it is not known."
            )
        values = after
    return values


def invert_target(transformer, values, observed, labels, *, names):
    """Undo the steps of a target's transformer, from the last to the first.

    Parameters
    ----------
    transformer : transformer
        As fitted.
    values : ndarray of shape (n_rows, n_outputs)
        Transformed targets.
    observed : ndarray of shape (n_rows, n_outputs) or None
        The targets observed at the rows, from which steps that look back start; without these,
        each restored row is the base of the next.
    labels : pandas.Index of length n_rows
        As in `transform_target`.
    names : list
        Names of the targets.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs), float64
    """
    steps = steps_of(transformer)
    seen = [None if observed is None else labelled(observed, labels, names)]
    for step in steps[:-1]:
        if observed is not None:
            observed = np.asarray(step.transform(seen[-1]))
        seen.append(None if observed is None else labelled(observed, labels, names))
    for step, before in zip(reversed(steps), reversed(seen), strict=True):
        options = {} if before is None or not looks_back(step) else {"observed": before}
        own = list(getattr(step, "feature_names_in_", names))
        values = step.inverse_transform(labelled(values, labels, own), **options)
        values = np.asarray(values, dtype=float).reshape(len(labels), -1)
    return values


def at_hand(transformer, values, labels, *, names, place):
    """Return a transformer that also knows the series of which `fit` has seen no value.

    Parameters
    ----------
    transformer : transformer
        As fitted.
    values : ndarray of shape (n_rows, n_outputs)
        Targets that were observed before the rows at hand.
    labels : pandas.Index of length n_rows
        As in `transform_target`.
    names : list
        Names of the targets.
    place : Place
        Where the values stand.

    Returns
    -------
    transformer
        Steps that learn nothing of each series are those of `transformer` itself.
    """
    steps = []
    for step in steps_of(transformer):
        if hasattr(step, "__sklstm_at_hand__"):
            step = step.__sklstm_at_hand__(labelled(values, labels, names))
        values = transform_target(step, values, labels, names=names, place=place)
        steps.append(step)
    return make_pipeline(*steps)


def labelled(values, labels, names):
    """Return values as a table.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        The values.
    labels : pandas.Index of length n_rows
        Their labels.
    names : list
        Names of the columns; not used where they are not as many.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
    """
    columns = names if len(names) == values.shape[1] else None
    return pd.DataFrame(values, index=labels, columns=columns)
