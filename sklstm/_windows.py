"""What the regressors know about the windows they are given."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ._validation import check_array_3d, check_rows, index_of, place_of


def check_windows(estimator, X, *, reset, name="X"):
    """Validate windows, or rows as windows of one step.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set or compared.
    X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
        Windows or rows.
    reset : bool
        Whether this is `fit`.
    name : str, default="X"
        What messages call the windows.

    Returns
    -------
    windows : ndarray of shape (n_rows, window, n_features)
        Where `X` has three axes and is float, `X` itself.
    n_unknown : ndarray of int of shape (n_rows,)
        How many of the oldest steps of each window are NaN.

    Raises
    ------
    ValueError
        If there is text, infinity, NaN elsewhere than in the oldest steps, or another number of
        columns.
    TypeError
        If `X` is sparse.
    """
    if getattr(X, "ndim", None) == 3:
        windows = check_array_3d(estimator, X, reset=reset, name=name)
    else:
        windows = check_rows(estimator, X, reset=reset, name=name)[:, None, :]
    return windows, _count_unknown(windows, X, name)


def series_of(windows):
    """Return the series that windows are a sliding view of.

    Parameters
    ----------
    windows : ndarray of shape (n_rows, window, n_features)
        Windows.

    Returns
    -------
    ndarray of shape (n_rows + window - 1, n_features) or None
        None where the windows are no sliding view.
    """
    n_rows, window, n_features = windows.shape
    step, inner, item = windows.strides
    if window == 1:
        return windows[:, 0]
    if step != inner:
        return None
    shape, strides = (n_rows + window - 1, n_features), (step, item)
    return as_strided(windows, shape, strides, writeable=False)


def repeat_oldest_known(windows, n_unknown):
    """Fill the unknown steps of each window with its oldest known step.

    Parameters
    ----------
    windows : ndarray of shape (n_rows, window, n_features)
        Windows with at least one known step.
    n_unknown : ndarray of int of shape (n_rows,)
        How many of the oldest steps are not known.

    Returns
    -------
    ndarray of shape (n_rows, window, n_features)
        A filled copy.
    """
    steps = np.maximum(np.arange(windows.shape[1]), n_unknown[:, None])
    return np.take_along_axis(windows, steps[:, :, None], axis=1)


def _count_unknown(windows, X, name):
    """Count the NaN steps at the old end of each window, and refuse NaN anywhere else."""
    n_rows, window, _ = windows.shape
    series = series_of(windows)
    values = windows if series is None else series
    with np.errstate(over="ignore", invalid="ignore"):
        # The sum is finite wherever all is; only a doubtful sum is worth more passes.
        if np.isfinite(values.sum(dtype=np.float64)):
            return np.zeros(n_rows, dtype=np.intp)
    missing = np.isnan(values)
    unknown = missing.all(axis=-1)
    stray = missing & ~unknown[..., None] | np.isinf(values)
    # A NaN step after a known one: in a window, or in a series within reach of a window.
    if window > 1:
        resumed = np.zeros_like(unknown)
        resumed[..., 1:] = unknown[..., 1:] & ~unknown[..., :-1]
        stray |= resumed[..., None]
    if stray.any():
        place = tuple(np.argwhere(stray)[0])
        row = max(0, place[0] - (window - 1)) if series is not None else place[0]
        step = place[0] - row if series is not None else place[1]
        where = place_of((row, place[-1]), X if index_of(X) is not None else None)
        within = f" (step {step + 1} of {window} of its window)" if window > 1 else ""
        raise ValueError(
            f"{name} holds {values[place]} at {where}{within}. NaN may only stand in the oldest"
            " steps of a window, where it means that nothing is known yet: fill or interpolate"
            " other missing values, and replace infinities. (A step that drops the labels of a"
            " table with gaps leaves such NaN too: set_output(transform='pandas') keeps them.)"
        )
    if series is None:
        return unknown.sum(axis=1)
    counts = np.concatenate([[0], np.cumsum(unknown)])
    return counts[window:] - counts[:-window]
