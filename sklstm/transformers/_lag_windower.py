"""Windows of past rows."""

from numbers import Integral

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._tables import check_rows, index_of, like
from sklstm._past._windows import Windows, windows_of
from sklstm._sklearn._compat import Interval, check_feature_names_in
from sklstm.transformers._keeps_windows import KeepsWindows
from sklstm.transformers._looks_back import LooksBack


class LagWindower(KeepsWindows, LooksBack):
    """Give every row the rows before it: one window of past steps per row.

    Each row gets one window. The windows of rows that follow the training rows reach back into the
    training rows; steps before the first known row are NaN. All windows share one copy of the
    series, so memory grows with the rows, not with rows times window. A step that holds several
    rows is NaN as a whole until all of them are known.

    Parameters
    ----------
    window : int, default=1
        Rows in a window, the row itself being the last.
    fold : int, default=1
        Rows that stand side by side in one step of a window, the oldest first: a window of 168
        hours with ``fold=24`` has 7 steps of 24 columns, a day each, so a network sees the day at
        once, and takes 7 steps instead of 168. `window` must be a multiple of it.
    flatten : bool, default=False
        Whether a window becomes named columns (for any scikit-learn regressor) instead of a
        second axis (for an LSTM). Flat windows are a copy.
    history : {"auto", "continue", "none"}, default="auto"
        What comes before the rows that are transformed. With ``"auto"``, labelled rows are placed
        by their labels: right after the training rows they continue from them, after a gap
        nothing is known. Rows without labels are the training rows again if they are as many and
        begin and end with the same values; any others continue from the training rows.
        ``"continue"`` and ``"none"`` overrule that.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`; only where they are all strings.

    See Also
    --------
    series_to_supervised : Makes rows that hold the previous values.
    LagsToWindow : Makes windows of columns that hold lags already.
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
    >>> LagWindower(window=4, fold=2).fit(series[:6]).transform(series[6:])[1]
    array([[4., 5.],
           [6., 7.]])
    >>> LagWindower(window=3, flatten=True).fit(series).get_feature_names_out()
    array(['x0_t-2', 'x0_t-1', 'x0_t-0'], dtype=object)
    """

    _parameter_constraints: dict = {
        **LooksBack._parameter_constraints,
        "window": [Interval(Integral, 1, None, closed="left")],
        "fold": [Interval(Integral, 1, None, closed="left")],
        "flatten": ["boolean"],
    }
    _reach_parameter = "window"

    def __init__(self, window=1, *, fold=1, flatten=False, history="auto"):
        self.window = window
        self.fold = fold
        self.flatten = flatten
        self.history = history

    def transform(self, X):
        """Return the window of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            One row per time step, oldest first.

        Returns
        -------
        ndarray or array-like of shape (n_rows, window // fold, fold * n_features), or \
                ndarray or DataFrame of shape (n_rows, window * n_features)
            The windows, oldest step first: a read-only view of the series. Where no view can show
            them (``fold`` above 1, a table with gaps, a ``numpy.memmap`` of more than 256 MiB), an
            array-like that holds the series once; ``numpy.asarray`` makes an array of it. With
            ``flatten=True`` columns, a DataFrame for a DataFrame; `fold` then changes nothing.

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
        index = index_of(X)
        windows = windows_of(rows, self._past.stretches(rows, index, self.history), index)
        if not self.flatten:
            _, before = self._reach
            return Windows.of(windows).folded(before + 1) if before else windows
        flat = np.asarray(windows).reshape(len(rows), -1)
        if not flat.flags.writeable:  # a view: windows of one step
            flat = flat.copy()
        return like(flat, X, self.get_feature_names_out)

    @available_if(lambda self: self.flatten)
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

    def _read_reach(self):
        window, fold = int(self.window), int(self.fold)
        if window % fold:
            below = window - window % fold
            nearest = f"{below} or {below + fold}" if below else f"{fold}"
            raise ValueError(
                f"window={window} is not a multiple of fold={fold}, so it cannot be cut into steps"
                f" of {fold} rows. Use window={nearest}, or another fold."
            )
        # Back to the newest row of the oldest step, and on to its oldest row.
        return (window - fold, fold - 1)
