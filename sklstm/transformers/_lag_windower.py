"""Windows of past rows."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._arguments import validate_params
from sklstm._checks._tables import check_rows, index_of, like
from sklstm._past._past import HISTORY_OPTIONS, Past
from sklstm._past._windows import windows_of
from sklstm._sklearn._callbacks import FollowedMixin, one_task
from sklstm._sklearn._compat import Interval, StrOptions, check_feature_names_in
from sklstm._sklearn._restore_on_error import restore_on_error


def _is_flat(windower):
    """Tell whether the windows come as named columns."""
    return windower.flatten


class LagWindower(FollowedMixin, TransformerMixin, BaseEstimator):
    """Give every row the rows before it: one window of past steps per row.

    Each row gets one window. The windows of rows that follow the training rows reach back into the
    training rows; steps before the first known row are NaN. All windows share one copy of the
    series, so memory grows with the rows, not with rows times window.

    Parameters
    ----------
    window : int, default=1
        Steps in a window, the row itself being the last.
    flatten : bool, default=False
        Whether a window becomes named columns (for any scikit-learn regressor) instead of a
        second axis (for an LSTM). Flat windows are a copy.
    history : {"auto", "continue", "none"}, default="auto"
        What comes before the rows that are transformed. With ``"auto"``, labelled rows are placed
        by their labels: right after the training rows they continue from them, after a gap
        nothing is known. Rows without labels are the training rows again if they begin with the
        same values, and else continue from them. ``"continue"`` and ``"none"`` overrule that.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`; only where they are all strings.

    See Also
    --------
    series_to_supervised : Makes rows that hold the previous values.
    Differencer : Differences of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LagWindower
    >>> series = np.arange(8.0).reshape(-1, 1)
    >>> windower = LagWindower(window=3).fit(series[:6])
    >>> windower.transform(series[6:])[:, :, 0]
    array([[4., 5., 6.],
           [5., 6., 7.]])
    >>> LagWindower(window=3, flatten=True).fit(series).get_feature_names_out()
    array(['x0_t-2', 'x0_t-1', 'x0_t-0'], dtype=object)
    """

    _parameter_constraints: dict = {
        "window": [Interval(Integral, 1, None, closed="left")],
        "flatten": ["boolean"],
        "history": [StrOptions(set(HISTORY_OPTIONS))],
    }

    def __init__(self, window=1, *, flatten=False, history="auto"):
        self.window = window
        self.flatten = flatten
        self.history = history

    @restore_on_error
    @one_task
    def fit(self, X, y=None):
        """Remember the rows that later rows need as their past.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            One row per time step, oldest first.
        y : None
            Ignored.

        Returns
        -------
        self : LagWindower
            The fitted windower.

        Raises
        ------
        ValueError
            If a parameter is out of range, there are fewer rows than steps in a window, `X` holds
            infinity or text, or its index is unsorted or holds duplicates.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        validate_params(self)
        rows = check_rows(self, X, reset=True)
        window = int(self.window)
        if len(rows) < window:
            raise ValueError(
                f"window={window} needs at least {window} rows, but X has"
                f" {len(rows)} sample(s). Use more rows or a shorter window."
            )
        self._past = Past(rows, index_of(X), depth=window - 1)
        return self

    def transform(self, X):
        """Return the window of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            One row per time step, oldest first.

        Returns
        -------
        ndarray or array-like of shape (n_rows, window, n_features), or \
                ndarray or DataFrame of shape (n_rows, window * n_features)
            The windows, oldest step first: a read-only view of the series. Where no view can show
            them (a table with gaps, a ``numpy.memmap`` of more than 256 MiB), an array-like that
            holds the series once; ``numpy.asarray`` makes an array of it. With ``flatten=True``
            columns, a DataFrame for a DataFrame.

        Raises
        ------
        ValueError
            If `X` has other columns than in `fit`, holds infinity or text, or its index is unsorted
            or holds duplicates.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        rows = check_rows(self, X, reset=False)
        stretches = self._past.stretches(rows, index_of(X), self.history)
        windows = windows_of(rows, stretches)
        if self.flatten:
            flat = np.asarray(windows).reshape(len(rows), -1)
            return like(flat, X, self.get_feature_names_out)
        return windows

    @available_if(_is_flat)
    def get_feature_names_out(self, input_features=None):
        """Name the columns of flat windows: ``<name>_t-2``, ``<name>_t-1``, ``<name>_t-0``.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns of `X`; by default those seen in `fit`.

        Returns
        -------
        ndarray of str of shape (window * n_features,)
            Oldest step first, the columns of a step side by side.
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features)
        steps = range(self._past.depth, -1, -1)
        return np.array([f"{name}_t-{step}" for step in steps for name in names], dtype=object)

    def set_output(self, *, transform=None):
        """Choose the container of flat windows; windows of three axes stay an array.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            As in every scikit-learn transformer.

        Returns
        -------
        self : LagWindower
            The windower itself.

        Raises
        ------
        ValueError
            If there is no such container.
        """
        known = [None, "default", "pandas", "polars"]
        if transform not in known:
            raise ValueError(f"transform={transform!r} is not valid: expected one of {known!r}.")
        # scikit-learn hides set_output from transformers without column names, which would stop
        # Pipeline.set_output for all other steps as well.
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
