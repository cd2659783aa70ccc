"""Windows of columns that hold lags."""

from itertools import product
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._columns import positions_among
from sklstm._checks._tables import check_rows, index_of
from sklstm._checks._windows import lags_by_series
from sklstm._past._order import is_panel
from sklstm._past._windows import Windows
from sklstm._sklearn._callbacks import FollowedMixin, one_task
from sklstm._sklearn._compat import Interval, StrOptions
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm._sklearn._warnings import OneStepWarning, warn
from sklstm.transformers._keeps_windows import KeepsWindows


class LagsToWindow(KeepsWindows, FollowedMixin, TransformerMixin, BaseEstimator):
    """Make windows of columns that hold lags, so that a network inside other forecasters recurs.

    Forecasting packages hand a regressor the earlier values of a series as columns: ``lag1``,
    ``lag2`` and so on. To a network these are features of one step, between which it does not
    recur. `LagsToWindow` makes them the steps of a window, the oldest first, as `LagWindower`
    does of rows. Each row holds its own past, so rows may come in any order.

    Where columns have names such as ``lag1``, ``lag_1``, ``y_lag1`` or ``y_t-1``, the names tell
    which column is which lag. Otherwise `n_lags` and `newest_first` do.

    Parameters
    ----------
    n_lags : int, default=None
        Lags of each variable, which are the steps of a window. Needed where the columns of `X` have
        no names that tell it.
    newest_first : bool, default=None
        Whether the first lag of a variable is its newest. skforecast hands lags newest first;
        darts and sktime oldest first. Needed where the columns of `X` have no names that tell it.
    layout : {"by_variable", "by_step"}, default=None
        How the lags of several variables lie where columns have no names that tell it.
        ``"by_variable"``: all lags of the first variable, then all of the second, or shape
        (n_rows, n_variables, n_lags); sktime and skforecast do so. ``"by_step"``: the variables of
        one lag side by side, or shape (n_rows, n_lags, n_variables); darts does so.
    others : column name, position or list of these, default=None
        The columns that hold no lags, such as a weekday, by name or position. They are repeated in
        each step of the window, behind the lags. So are, without being named, columns that are no
        lags by their names, and variables of a single lag beside others of several.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns (or of the second axis) seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`; only where they are all strings.

    See Also
    --------
    LagWindower : Makes windows of the rows of a series.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklstm import LagsToWindow
    >>> rows = pd.DataFrame(
    ...     {"lag1": [3.0, 4.0], "lag2": [2.0, 3.0], "lag3": [1.0, 2.0]}
    ... )
    >>> LagsToWindow().fit_transform(rows)[:, :, 0]
    array([[1., 2., 3.],
           [2., 3., 4.]])
    >>> array = np.array([[3.0, 2.0, 1.0, 6.0]])  # three lags and a weekday
    >>> LagsToWindow(3, newest_first=True, others=[3]).fit_transform(array)[0]
    array([[1., 6.],
           [2., 6.],
           [3., 6.]])
    """

    _parameter_constraints: dict = {
        "n_lags": [Interval(Integral, 1, None, closed="left"), None],
        "newest_first": ["boolean", None],
        "layout": [StrOptions({"by_variable", "by_step"}), None],
        "others": "no_validation",
    }

    def __init__(self, n_lags=None, *, newest_first=None, layout=None, others=None):
        self.n_lags = n_lags
        self.newest_first = newest_first
        self.layout = layout
        self.others = others

    @restore_on_error
    @one_task
    def fit(self, X, y=None):
        """Find out which column is which lag.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns), (n_rows, n_variables, n_lags) or \
                (n_rows, n_lags, n_variables)
            The lags of each row, and other columns.
        y : array-like of shape (n_rows, ...), default=None
            Only compared with the lags of an array: where rows follow each other, the newest lag is
            the target of the row before.

        Returns
        -------
        self : LagsToWindow
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter is out of range, neither names nor parameters tell the lags, they
            contradict each other, or `X` and `y` follow each other in another order of lags only.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.

        Warns
        -----
        OneStepWarning
            If the columns of `X` hold one lag by their names, and ``n_lags=1`` does not say so.
        """
        self._validate_params()
        rows = check_rows(self, X, reset=True, allow_nd=True)
        self._shape = rows.shape[1:]
        names = getattr(self, "feature_names_in_", range(np.prod(self._shape)))
        columns, others = list(names), []
        if self.others is not None:
            if len(self._shape) > 1:
                raise ValueError(f"others={self.others!r} names columns, but X has three axes.")
            others = positions_among(columns, self.others, "others")
        series = lags_by_series("" if i in others else name for i, name in enumerate(columns))
        if series:
            self._steps = self._steps_by_name(columns, series)
        else:
            self._steps = self._steps_by_position(others)
            if y is not None and self.n_lags > 1:
                self._check_order(rows.reshape(len(rows), -1), np.asarray(y))
        lags = set(self._steps.ravel())
        self._others = [i for i in range(len(columns)) if i not in lags]
        return self

    def transform(self, X):
        """Return the window of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns), (n_rows, n_variables, n_lags) or \
                (n_rows, n_lags, n_variables)
            The lags of each row, and other columns, as in `fit`.

        Returns
        -------
        ndarray or array-like of shape (n_rows, n_lags, n_variables + n_others)
            The windows, oldest step first. Steps whose lags are all NaN are NaN as a whole, as
            nothing is known of them. Of many series, an array-like that keeps their labels.

        Raises
        ------
        ValueError
            If `X` has another shape or other columns than in `fit`, or holds infinity or text.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        rows = check_rows(self, X, reset=False, allow_nd=True)
        if rows.shape[1:] != self._shape:
            raise ValueError(
                f"X has the shape {rows.shape}, but its axes after the first were {self._shape} in"
                " fit."
            )
        windows = np.take(rows.reshape(len(rows), -1), self._steps, axis=1)
        if self._others:
            others = np.repeat(rows[:, None, self._others], len(self._steps), axis=1)
            others[np.isnan(windows).all(axis=2)] = np.nan
            windows = np.concatenate([windows, others], axis=2)
        if not is_panel(index_of(X)):
            return windows
        labelled = Windows.of(windows)
        labelled.index = index_of(X)
        return labelled

    def _steps_by_name(self, columns, series):
        """Return the positions of the lags that columns are called after."""
        # 1. The variables that have the same lags as the one with most of them.
        for lags in series.values():
            if len(dict(lags)) < len(lags):
                twice = [columns[position] for _, position in lags]
                raise ValueError(f"The columns {twice!r} of X hold a lag of one variable twice.")
        lags_of = {name: dict(lags) for name, lags in series.items()}
        longest = max(lags_of.values(), key=len)
        steps = sorted(longest, reverse=True)
        variables = [lags for lags in lags_of.values() if set(lags) == set(steps)]
        for lags in lags_of.values():
            if lags not in variables and len(lags) > 1:
                raise ValueError(
                    f"The columns {[columns[i] for i in lags.values()]!r} hold the lags"
                    f" {sorted(lags)}, but the steps of the window would be the lags"
                    f" {sorted(steps)}: give all variables the same lags, or name these columns in"
                    " others, which are repeated in each step."
                )
        positions = np.array([[lags[step] for lags in variables] for step in steps])

        # 2. Parameters that contradict the names.
        if self.n_lags not in (None, len(steps)):
            raise ValueError(
                f"n_lags={self.n_lags}, but by the names of its columns X has {len(steps)} lag(s):"
                f" {sorted(steps)}. Leave n_lags out, or give X other columns."
            )
        order = np.diff(positions, axis=0)
        if self.newest_first is not None and (order > 0 if self.newest_first else order < 0).any():
            first, last = (columns[i] for i in (positions.min(), positions.max()))
            raise ValueError(
                f"newest_first={self.newest_first}, but the names of the columns, from {first!r}"
                f" to {last!r}, say otherwise. Leave newest_first out: the names give the order."
            )
        if len(steps) == 1 and self.n_lags is None:
            warn(
                f"X has one lag of each variable, {columns[positions[0, 0]]!r}, so the window has"
                " one step, and a network sees no earlier one. Give X more lags; or, if its rows"
                " are those of a series in order, put LagWindower(window) here instead."
                " LagsToWindow(1) says that one step is meant.",
                OneStepWarning,
            )
        return positions

    def _steps_by_position(self, others):
        """Return the positions of the lags as the parameters tell."""
        n_columns = int(np.prod(self._shape))
        if self.n_lags is None or (self.newest_first is None and self.n_lags > 1):
            raise ValueError(
                f"n_lags={self.n_lags} and newest_first={self.newest_first} do not tell which"
                f" column of X is which lag, and its {n_columns} column(s) have no names such as"
                " lag1 and lag2: set n_lags, and newest_first=True (lag 1 first, as in skforecast)"
                " or False (lag 1 last, as in darts and sktime)."
            )
        n_variables, left = divmod(n_columns - len(others), self.n_lags)
        is_told = self.layout is not None or self.n_lags == 1 or n_variables == 1
        if left or not n_variables or not is_told:
            raise ValueError(
                f"n_lags={self.n_lags}, but X has {n_columns} columns, of which"
                f" {len(others)} are others: expected {self.n_lags} lags of one variable. Name the"
                f" columns that hold no lags, such as others=[{n_columns - 1}]; for lags of several"
                " variables, set layout='by_variable' or 'by_step'."
            )
        by_variable = self.layout == "by_variable"
        axes = (n_variables, self.n_lags) if by_variable else (self.n_lags, n_variables)
        if len(self._shape) > 1 and self.layout is not None and self._shape != axes:
            raise ValueError(
                f"n_lags={self.n_lags} and layout={self.layout!r}, but X has the axes"
                f" {self._shape} after its rows: expected {axes}."
            )
        lags = [position for position in range(n_columns) if position not in others]
        return self._arranged(lags, self.newest_first, self.layout)

    def _arranged(self, lags, newest_first, layout):
        """Return the positions of lags as an array of shape (n_lags, n_variables)."""
        by_variable = layout == "by_variable"
        steps = (
            np.reshape(lags, (-1, self.n_lags)).T
            if by_variable
            else np.reshape(lags, (self.n_lags, -1))
        )
        return steps[::-1] if newest_first else steps

    def _check_order(self, rows, y):
        """Refuse an order of lags in which no row goes on from the one before, but in another."""
        rows, target = rows[:1000], y[:1000].reshape(len(rows[:1000]), -1)[:, :1]

        def share(steps):
            """Return how many rows hold the target and a lag of the row before, a lag later."""
            windows = rows[:, steps]
            lags = np.mean(windows[1:, :-1] == windows[:-1, 1:], axis=0)
            # Lags may have gaps; but in a wrong layout of several variables, some agree as well.
            agree = lags.max() if lags.shape[1] == 1 else lags.min()
            return min(agree, np.mean(windows[1:, -1] == target[:-1], axis=0).max())

        if len(rows) < 3 or share(self._steps) > 0.5:
            return
        for newest_first, layout in product((True, False), ("by_variable", "by_step")):
            if share(self._arranged(np.sort(self._steps, axis=None), newest_first, layout)) > 0.8:
                raise ValueError(
                    f"newest_first={self.newest_first} and layout={self.layout!r} do not fit X and"
                    " y: the newest lag is not the target of the row before. With"
                    f" newest_first={newest_first} and layout={layout!r} it is."
                )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
