"""A MinMax scaler that can undo what a model returns."""

import copy
from math import isfinite
from numbers import Real

import numpy as np
import pandas as pd
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._arguments import naming
from sklstm._checks._columns import column_places, column_positions, names_given
from sklstm._checks._numbers import check_floats, check_not_infinite, check_numeric
from sklstm._checks._tables import check_rows, check_series_known, index_of, like
from sklstm._past._layout import Layout, blocks
from sklstm._past._order import is_panel, label_at
from sklstm._past._series_names import check_levels_in_order, names_as_index
from sklstm._sklearn._callbacks import FollowedMixin, one_task
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm._sklearn._warnings import UnnamedSeriesWarning, UnseenSeriesWarning, quiet, warn


def _has_series(scaler):
    """Tell whether series have ranges of their own."""
    return getattr(scaler, "_names", None) is not None


class SeriesMinMaxScaler(FollowedMixin, MinMaxScaler):
    """Scale each column to a range, and bring back whatever a model returns.

    This is scikit-learn's :class:`~sklearn.preprocessing.MinMaxScaler`, which can also scale
    windows of three axes and undo arrays that hold only some of the columns, or many steps of one
    column, so that no dummy rows have to be built. NaN passes through.

    Of many series, all are scaled alike, or each by its own range: with ``per_series=True`` the
    index of a table tells which series a row belongs to.

    Parameters
    ----------
    feature_range : tuple (min, max), default=(0, 1)
        Desired range of the training rows.
    clip : bool, default=False
        Whether later rows are clipped to the range.
    target : column name, position or list of these, default=None
        The column or columns, by name or position, that a model predicts:
        what `inverse_transform` takes an array for that does not hold all columns.
    per_series : bool, default=False
        Whether each series of a table of many series has a range of its own. A table of one series
        is one series, and so is an array, with a warning. A series of which `fit` has seen no value
        is scaled by its own rows in the table at hand, with a warning.

    Attributes
    ----------
    min_ : ndarray of shape (n_features,) or (n_series, n_features)
        What is added to each column after multiplication with `scale_`. Here and below, the second
        shape is that of a fit to many series with ``per_series=True``, in the order of `series_`;
        NaN where a series has no known value.
    scale_ : ndarray of shape (n_features,) or (n_series, n_features)
        What each column is multiplied with.
    data_min_ : ndarray of shape (n_features,) or (n_series, n_features)
        Smallest training value of each column, in its own units.
    data_max_ : ndarray of shape (n_features,) or (n_series, n_features)
        Largest training value of each column, in its own units.
    data_range_ : ndarray of shape (n_features,) or (n_series, n_features)
        ``data_max_ - data_min_``.
    series_ : pandas.Index of length n_series or None
        The names of the series that have ranges of their own; None where all rows share one.
    n_features_in_ : int
        Number of columns seen in `fit`.
    n_samples_seen_ : int
        Number of training rows.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`; only where they are all strings.

    See Also
    --------
    TransformedSeriesRegressor : Inverts the predictions of a regressor.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import SeriesMinMaxScaler
    >>> rows = np.array([[0.0, 10.0], [5.0, 20.0], [10.0, 30.0]])
    >>> scaler = SeriesMinMaxScaler(target=1).fit(rows)
    >>> scaler.inverse_transform([0.0, 0.5])
    array([10., 20.])
    >>> scaler.inverse_transform(np.ones((4, 3)), columns=0).shape
    (4, 3)

    Two stores, each by its own range:

    >>> import pandas as pd
    >>> index = pd.MultiIndex.from_product(
    ...     [range(3), ["north", "south"]], names=["day", "store"]
    ... )
    >>> sold = pd.DataFrame({"sold": [1.0, 10.0, 2.0, 30.0, 3.0, 20.0]}, index)
    >>> scaler = SeriesMinMaxScaler(per_series=True).fit(sold)
    >>> scaler.transform(sold)["sold"].tolist()
    [0.0, 0.0, 0.5, 1.0, 1.0, 0.5]
    >>> dict(zip(scaler.series_, scaler.data_max_.ravel().tolist()))
    {'north': 3.0, 'south': 30.0}
    """

    data_min_: np.ndarray
    data_max_: np.ndarray
    n_samples_seen_: int

    _parameter_constraints: dict = {
        "feature_range": [tuple],
        "clip": ["boolean"],
        "target": "no_validation",  # `column_positions` checks it
        "per_series": ["boolean"],
    }

    # MinMaxScaler reads it; series are never scaled in place.
    copy = True

    def __init__(self, feature_range=(0, 1), *, clip=False, target=None, per_series=False):
        self.feature_range = feature_range
        self.clip = clip
        self.target = target
        self.per_series = per_series

    @restore_on_error
    @one_task
    def fit(self, X, y=None):
        """Learn the range of each column.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, n_steps, n_features)
            Rows or windows.
        y : array-like of shape (n_rows, ...), default=None
            With ``per_series=True`` its index is looked at: where it names many series, `X` must do
            so, too.

        Returns
        -------
        self : SeriesMinMaxScaler
            The fitted scaler.

        Raises
        ------
        ValueError
            If a parameter is out of range, `target` is no column, a column holds nothing but NaN,
            `X` holds infinity or text, or series of their own ranges are unsorted in time.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.

        Warns
        -----
        UnnamedSeriesWarning
            If each series is to have a range of its own, but `X` is an array of rows.
        """
        return super().fit(X, y)

    @restore_on_error
    def partial_fit(self, X, y=None):
        """Widen the range by more rows: of each series its own, those of new series included.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, n_steps, n_features)
            Rows or windows.
        y : array-like of shape (n_rows, ...), default=None
            As in `fit`.

        Returns
        -------
        self : SeriesMinMaxScaler
            The fitted scaler.

        Raises
        ------
        ValueError
            As in `fit`, or if `X` does not name its series while the rows before did.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        self._validate_params()
        ends = self.feature_range
        if len(ends) != 2 or not all(isinstance(end, Real) and isfinite(end) for end in ends):
            raise ValueError(
                f"feature_range={ends!r} is not valid: expected two finite numbers (low, high)."
            )
        self._ends = ends
        rows = _flat(X)
        is_first = not hasattr(self, "n_samples_seen_")
        checked = check_rows(self, rows, reset=is_first)
        unknown = np.flatnonzero(np.isnan(checked).all(axis=0))
        if len(unknown):
            name = (self._columns or range(len(checked[0])))[unknown[0]]
            raise ValueError(
                f"Column {name!r} of X holds nothing but NaN, so it has no range. Leave it out."
            )
        if is_first:
            self._has_ranges = self.per_series
            self._names = None
        if self._has_ranges:
            check_series_known(y, X)
            if is_first and rows is X and index_of(X) is None:
                warn(
                    "per_series=True has no effect: X is an array, which does not name the series"
                    " of its rows, so all of them share one range. Set per_series=False if they"
                    " are one series. If a step of a pipeline dropped the labels, call"
                    " set_output(transform='pandas') on the pipeline; for a target, use"
                    " TransformedSeriesRegressor in place of TransformedTargetRegressor.",
                    UnnamedSeriesWarning,
                )
        layout = self._layout(X, is_first=is_first)
        if layout is None:
            super().partial_fit(rows)
        else:
            self.n_samples_seen_ = len(checked) + (0 if is_first else self.n_samples_seen_)
            self._widen(layout, *_extremes(checked, layout))
        if self.target is not None:
            column_positions(self, self.target, "target")
        return self

    def transform(self, X):
        """Scale rows or windows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, n_steps, n_features)
            Rows or windows.

        Returns
        -------
        ndarray, DataFrame or Windows of the shape of X
            Scaled values; NaN stays NaN.

        Raises
        ------
        ValueError
            If `X` has other columns than in `fit`, holds infinity or text, or does not name its
            series while each has a range of its own.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.

        Warns
        -----
        UnseenSeriesWarning
            If a series is scaled by its own rows in `X`, as `fit` has seen no value of it.
        """
        check_is_fitted(self)
        layout = self._layout(X)
        values = check_rows(self, _flat(X), reset=False)
        known = self if layout is None else self._at_hand(values, layout)
        series = known._series_of(layout, len(values))
        del layout  # It takes more memory than half of the rows.
        scaled = np.empty_like(values)
        for rows in blocks(*values.shape):
            low, scale = known._range_of(series, rows)
            scaled[rows] = (values[rows] - low) * scale + self._ends[0]
        if self.clip:
            np.clip(scaled, *self._ends, out=scaled)
        return like(scaled.reshape(np.asarray(X).shape), X, self.get_feature_names_out)

    def inverse_transform(self, Y, columns=None):
        """Bring scaled values back to their own units.

        Parameters
        ----------
        Y : array-like of shape (n_rows,), (n_rows, n_columns) or (n_rows, n_steps, n_columns)
            Scaled values: all columns, or those that `columns` (or else `target`) names. Of a
            single named column, an array of any shape holds that column alone, for instance
            many steps side by side. Where each series has a range of its own, the index of `Y`
            names the series, for instance ``pd.Series(predictions, X.index)``.
        columns : column name, position or list of these, default=None
            The columns that `Y` holds, by name or position. By default all columns where the last
            axis of `Y` has that many, and `target` otherwise. Of a table or a Series, the names
            must not say otherwise: ``milk``, or ``milk_step1``, ``milk_step2`` and so on, hold what
            `fit` has seen as ``milk``. Names that `fit` has not seen say nothing.

        Returns
        -------
        ndarray, Series or DataFrame of the shape of Y
            Values in the units of the training rows.

        Raises
        ------
        ValueError
            If the shape of `Y` fits neither all columns nor the named ones, `Y` has a column of
            `fit` in the place of another, a name is no column, `Y` holds infinity or text, or the
            range of its series is not known.
        TypeError
            If `Y` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        values = check_floats(Y, "Y")
        positions = self._positions_in(Y, values.shape, columns)
        check_not_infinite(values, Y, "Y")
        layout = self._layout(Y, "Y")
        series = self._series_of(layout, len(values))
        del layout
        restored = np.empty(values.shape, np.result_type(values, self.scale_))
        shape = (-1, *[1] * (values.ndim - 2), len(positions))[: values.ndim]
        for rows in blocks(len(values), values[:1].size):
            low, scale = self._range_of(series, rows, positions)
            if series is not None:
                low, scale = low.reshape(shape), scale.reshape(shape)
            restored[rows] = (values[rows] - self._ends[0]) / scale + low
        lost = np.flatnonzero(np.isnan(restored) & ~np.isnan(values))
        if len(lost) and not self._inverts_to_nan:
            row = lost[0] // (values.size // len(values))
            raise ValueError(
                f"Y holds scaled values of series {label_at(index_of(Y).droplevel(0), row)!r}, but"
                " fit has seen no value of it, so the range that they stand for is not known. Call"
                " partial_fit with rows of it in their own units first. In"
                " TransformedSeriesRegressor, name the column of X that holds earlier targets with"
                " y_lag: the range is then taken from there."
            )
        return like(restored, Y)

    def _positions_in(self, Y, shape, columns):
        """Return the position of each column of scaled values, or of the one that they all hold."""
        # 1. What they may hold, by what says so: the first one that the names do not contradict.
        n_columns = shape[-1] if len(shape) > 1 else 1
        choices = {}
        if columns is not None:
            choices[f"columns={columns!r}"] = column_positions(self, columns, "columns")
        elif self.target is None or n_columns == self.n_features_in_:
            choices["the columns of fit"] = list(range(self.n_features_in_))
        if columns is None and self.target is not None:
            choices[f"target={self.target!r}"] = column_positions(self, self.target, "target")
        places, wrong = column_places(self, Y), {}
        for said, positions in choices.items():
            held = positions * n_columns if len(positions) == 1 else positions
            pairs = zip(places, held, strict=False)
            wrong[said] = [at for at, (a, b) in enumerate(pairs) if a not in (None, b)]
            if shape and len(positions) in (1, n_columns) and not wrong[said]:
                return positions

        # 2. None will do.
        said, positions = next(iter(choices.items()))
        if not shape or len(positions) not in (1, n_columns):
            raise ValueError(
                f"Y has shape {shape}, which fits {len(positions)} column(s) in no way:"
                f" expected (n_rows, {len(positions)}) or (n_rows, n_steps, {len(positions)})."
                " For an array that holds other columns, name them: inverse_transform(Y,"
                " columns=...)."
            )
        names = self._columns or list(range(self.n_features_in_))
        given, at = names_given(Y), wrong[said][0]
        taken = names[positions[at % len(positions)]]
        of_fit = [None if place is None else names[place] for place in places]
        mend = "rename those that hold something else"
        if None not in of_fit and len(set(of_fit)) in (1, len(of_fit)):
            code = of_fit if len(set(of_fit)) > 1 else of_fit[0]
            mend = f"say what they hold: inverse_transform(Y, columns={code!r})"
        raise ValueError(
            f"Y has the column(s) {given!r}, but by {said}, {given[at]!r} would be scaled as"
            f" {taken!r}, which is another column. Undo the columns of fit by themselves, and"
            f" {mend}."
        )

    @property
    def series_(self):
        """The names of the series that have ranges of their own."""
        return names_as_index(self._names)

    #: Whether what is not known is inverted to NaN, and no error: that of a copy for rows at hand.
    _inverts_to_nan = False

    def _layout(self, X, name="X", *, is_first=False):
        """Return which series each row belongs to; None where all rows share one range."""
        index = index_of(X)
        if not self._has_ranges or (is_first and not is_panel(index)):
            return None
        if not is_first and is_panel(index) != (self._names is not None):
            if is_panel(index):
                raise ValueError(
                    f"The index of {name} names many series, but the training rows were one series"
                    " without a name, which has a range of its own. Fit on rows that name their"
                    " series in the index, too, or set per_series=False."
                )
            raise ValueError(
                f"{name} has no labels that name its series, but each of the"
                f" {len(self.data_min_)} series of the training rows has a range of its own. Keep"
                " both levels of the index, the time and the series: for one series"
                f" {name}.xs(name, level=1, drop_level=False), for predictions"
                " pd.Series(predictions, X.index), for the output of a step that drops labels"
                " set_output(transform='pandas')."
            )
        if not is_panel(index):
            return None
        check_levels_in_order(None if is_first else self._levels, index.names, name)
        return Layout(index, len(X), name)

    def _widen(self, layout, low, high):
        """Widen the ranges by the lowest and highest values of some series."""
        if self._names is None:
            self._names, self._levels, n_seen = layout.names, layout.levels, 0
            found = np.arange(layout.n_series)
        else:
            found, n_seen = layout.found_in(self._names), len(self.data_min_)
            new = found < 0
            found[new] = n_seen + np.arange(new.sum())
            pairs = zip(self._names, layout.names, strict=True)
            self._names = [np.append(names, others[new]) for names, others in pairs]
        data_min = np.full((len(self._names[0]), low.shape[1]), np.nan, low.dtype)
        data_max = data_min.copy()
        if n_seen:
            data_min[:n_seen], data_max[:n_seen] = self.data_min_, self.data_max_
        data_min[found] = np.fmin(data_min[found], low)
        data_max[found] = np.fmax(data_max[found], high)
        # As in MinMaxScaler, a constant goes to the lower end of the range.
        data_range = data_max - data_min
        spread = np.where(data_range < 10 * np.finfo(data_range.dtype).eps, 1, data_range)
        bottom, top = self._ends
        self.data_min_, self.data_max_, self.data_range_ = data_min, data_max, data_range
        self.scale_ = (top - bottom) / spread
        self.min_ = bottom - data_min * self.scale_

    def _at_hand(self, values, layout):
        """Return a scaler that also knows the series of which these rows alone tell the range."""
        found = layout.found_in(self._names)
        unknown = (found < 0)[:, None] | np.isnan(self.data_min_[found])
        if not unknown.any():
            return self
        low, high = (np.where(unknown, part, np.nan) for part in _extremes(values, layout))
        learnt = np.flatnonzero(~np.isnan(low).all(axis=1))
        if len(learnt):
            name = label_at(layout.labels(), learnt[0])
            others = f" (one of {len(learnt)} such series)" if len(learnt) > 1 else ""
            warn(
                f"Of series {name!r}{others}, fit has seen no value: it is scaled by its own"
                " rows in X, later ones included, so the same row may come out otherwise in another"
                " table. Call partial_fit with typical rows of it to give it a range.",
                UnseenSeriesWarning,
            )
        known = copy.copy(self)
        known._widen(layout, low, high)
        return known

    @available_if(_has_series)
    def __sklstm_at_hand__(self, X):
        layout = self._layout(X)
        known = copy.copy(self._at_hand(check_rows(self, _flat(X), reset=False), layout))
        known._inverts_to_nan = True
        return known

    @available_if(_has_series)
    def __sklstm_go_on__(self, X, n_again=0):
        # The rows decide the range of a series of which nothing was seen, and of no other.
        with quiet(UnseenSeriesWarning):
            known = self._at_hand(check_rows(self, _flat(X), reset=False), self._layout(X))
        return known, known.transform(X)

    @available_if(_has_series)
    def __sklstm_unseen__(self, layout):
        found = layout.found_in(self._names)
        return bool((found < 0).any() or np.isnan(self.data_min_[found]).any())

    def _series_of(self, layout, n_rows):
        """Return the number of each row's series, one more if it is new; None without series."""
        if layout is None:
            return None
        found = layout.found_in(self._names)
        n_series = len(self.data_min_)
        found = np.where(found < 0, n_series, found).astype(np.min_scalar_type(n_series))
        of_row = layout.by_row(np.repeat(found, layout.lengths))
        n_steps = n_rows // layout.n_rows
        return of_row if n_steps == 1 else np.repeat(of_row, n_steps)

    def _range_of(self, series, rows, columns=slice(None)):
        """Return where the range of some rows begins, and what they are multiplied with.

        NaN where a series is not known. Without series, what all rows have. The level is taken out
        first: float32 would round a large number times the scale to more than what moves.
        """
        parts = self.data_min_[..., columns], self.scale_[..., columns]
        if series is None:
            return parts
        unknown = np.full((1, parts[0].shape[1]), np.nan, parts[0].dtype)
        return [np.append(part, unknown, axis=0)[series[rows]] for part in parts]

    def __sklstm_look_back__(self):
        return 0

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Series are NumPy arrays or pandas objects here.
        tags.array_api_support = False
        return tags


def _extremes(values, layout):
    """Return the lowest and the highest known values of each series; of windows, of all steps."""
    n_steps = len(values) // layout.n_rows
    low = high = values
    if n_steps > 1:
        windows = values.reshape(layout.n_rows, n_steps, -1)
        low, high = np.fmin.reduce(windows, axis=1), np.fmax.reduce(windows, axis=1)
    return (
        np.fmin.reduceat(layout.by_series(low), layout.starts),
        np.fmax.reduceat(layout.by_series(high), layout.starts),
    )


def _flat(X):
    """Return rows as they are, and windows as rows."""
    if isinstance(X, pd.DataFrame):
        return X
    check_numeric(X)
    with naming("X", X):
        windows = np.asarray(X)
    return windows.reshape(-1, windows.shape[2]) if windows.ndim == 3 else X
