"""A MinMax scaler that can undo what a model returns."""

from math import isfinite
from numbers import Real

import numpy as np
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._arguments import naming
from sklstm._checks._numbers import check_floats, check_not_infinite, check_numeric
from sklstm._checks._tables import check_order, check_rows, column_positions, like
from sklstm._sklearn._callbacks import FollowedMixin, one_task
from sklstm._sklearn._restore_on_error import restore_on_error


class SeriesMinMaxScaler(FollowedMixin, MinMaxScaler):
    """Scale each column to a range, and bring back whatever a model returns.

    This is scikit-learn's :class:`~sklearn.preprocessing.MinMaxScaler`, which can also scale
    windows of three axes and undo arrays that hold only some of the columns, or many steps of one
    column, so that no dummy rows have to be built. NaN passes through.

    Parameters
    ----------
    feature_range : tuple (min, max), default=(0, 1)
        Desired range of the training rows.
    clip : bool, default=False
        Whether later rows are clipped to the range.
    target : column name, position or list of these, default=None
        The column or columns, by name or position, that a model predicts:
        what `inverse_transform` takes an array for that does not hold all columns.

    Attributes
    ----------
    min_ : ndarray of shape (n_features,)
        What is added to each column after multiplication with `scale_`.
    scale_ : ndarray of shape (n_features,)
        What each column is multiplied with.
    data_min_ : ndarray of shape (n_features,)
        Smallest training value of each column, in its own units.
    data_max_ : ndarray of shape (n_features,)
        Largest training value of each column, in its own units.
    data_range_ : ndarray of shape (n_features,)
        ``data_max_ - data_min_``.
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
    """

    _parameter_constraints: dict = {
        "feature_range": [tuple],
        "clip": ["boolean"],
        "target": "no_validation",  # `column_positions` checks it
    }

    # MinMaxScaler reads it; series are never scaled in place.
    copy = True

    def __init__(self, feature_range=(0, 1), *, clip=False, target=None):
        self.feature_range = feature_range
        self.clip = clip
        self.target = target

    @restore_on_error
    @one_task
    def fit(self, X, y=None):
        """Learn the range of each column.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, n_steps, n_features)
            Rows or windows.
        y : None
            Ignored.

        Returns
        -------
        self : SeriesMinMaxScaler
            The fitted scaler.

        Raises
        ------
        ValueError
            If a parameter is out of range, `target` is no column, a column holds nothing but NaN,
            or `X` holds infinity or text.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        return super().fit(X)

    @restore_on_error
    def partial_fit(self, X, y=None):
        """Widen the range by more rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, n_steps, n_features)
            Rows or windows.
        y : None
            Ignored.

        Returns
        -------
        self : SeriesMinMaxScaler
            The fitted scaler.

        Raises
        ------
        ValueError
            As in `fit`.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        self._validate_params()
        ends = self.feature_range
        if len(ends) != 2 or not all(isinstance(end, Real) and isfinite(end) for end in ends):
            raise ValueError(
                f"feature_range={ends!r} is not valid: expected two finite numbers (low, high)."
            )
        rows = _flat(X)
        checked = check_rows(self, rows, reset=not hasattr(self, "n_samples_seen_"))
        unknown = np.flatnonzero(np.isnan(checked).all(axis=0))
        if len(unknown):
            name = (self._columns or range(len(checked[0])))[unknown[0]]
            raise ValueError(
                f"Column {name!r} of X holds nothing but NaN, so it has no range. Leave it out."
            )
        super().partial_fit(rows)
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
        ndarray or DataFrame of the shape of X
            Scaled values; NaN stays NaN.

        Raises
        ------
        ValueError
            If `X` has other columns than in `fit`, or holds infinity or text.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        rows = _flat(X)
        values = check_rows(self, rows, reset=False)
        scaled = (values * self.scale_ + self.min_).astype(values.dtype)
        if self.clip:
            np.clip(scaled, *self.feature_range, out=scaled)
        return like(scaled.reshape(np.asarray(X).shape), X, self.get_feature_names_out)

    def inverse_transform(self, Y, columns=None):
        """Bring scaled values back to their own units.

        Parameters
        ----------
        Y : array-like of shape (n_rows,), (n_rows, n_columns) or (n_rows, n_steps, n_columns)
            Scaled values: all columns, or those that `columns` (or else `target`) names. Of a
            single named column, an array of any shape holds that column alone, for instance
            many steps side by side.
        columns : column name, position or list of these, default=None
            The columns that `Y` holds, by name or position. By default all columns where the last
            axis of `Y` has that many, and `target` otherwise.

        Returns
        -------
        ndarray, Series or DataFrame of the shape of Y
            Values in the units of the training rows.

        Raises
        ------
        ValueError
            If the shape of `Y` fits neither all columns nor the named ones, a name is no column, or
            `Y` holds infinity or text.
        TypeError
            If `Y` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        values = check_floats(Y, "Y")
        n_columns = values.shape[-1] if values.ndim > 1 else 1
        if columns is not None:
            positions = column_positions(self, columns, "columns")
        elif self.target is None or n_columns == self.n_features_in_:
            positions = list(range(self.n_features_in_))
            check_order(self, Y, "Y")
        else:
            positions = column_positions(self, self.target, "target")
        if not values.ndim or len(positions) not in (1, n_columns):
            raise ValueError(
                f"Y has shape {values.shape}, which fits {len(positions)} column(s) in no way:"
                f" expected (n_rows, {len(positions)}) or (n_rows, n_steps, {len(positions)})."
                " For an array that holds other columns, name them: inverse_transform(Y,"
                " columns=...)."
            )
        check_not_infinite(values, Y, "Y")
        return like((values - self.min_[positions]) / self.scale_[positions], Y)

    def __sklstm_look_back__(self):
        return 0

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Series are NumPy arrays or pandas objects here.
        tags.array_api_support = False
        return tags


def _flat(X):
    """Return rows as they are, and windows as rows."""
    check_numeric(X)
    with naming("X", X):
        windows = np.asarray(X)
    return windows.reshape(-1, windows.shape[2]) if windows.ndim == 3 else X
