"""What the regressors know about the windows they are given."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sklstm._checks._numbers import place_of
from sklstm._checks._tables import check_array_3d, check_rows, index_of
from sklstm._past._memory_mapped import MappedWindows, is_large, pieces

#: What a network can compute with: float32.
LARGEST = np.finfo(np.float32).max


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
    windows : ndarray of shape (n_rows, window, n_features) or MappedWindows
        Where `X` has three axes and is float, `X` itself; of a large mapped file, what reads it in
        pieces.
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
    if _n_axes(X) == 3:
        windows = check_array_3d(estimator, X, reset=reset, name=name)
    else:
        windows = check_rows(estimator, X, reset=reset, name=name)[:, None, :]
    windows = _mapped(windows)
    n_unknown = np.empty(len(windows), dtype=np.int32)
    for start, piece in pieces(windows):
        n_unknown[start : start + len(piece)] = _count_unknown(piece, X, name, start)
    return windows, n_unknown


def _n_axes(X):
    """Count the axes of an array or of nested lists; None where they make none."""
    try:
        return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
    except (TypeError, ValueError):
        return None


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


def last_steps(windows):
    """Return the last step of each window.

    Parameters
    ----------
    windows : ndarray of shape (n_rows, window, n_features) or MappedWindows
        Windows.

    Returns
    -------
    ndarray of shape (n_rows, n_features)
        A view.
    """
    return windows.rows if isinstance(windows, MappedWindows) else windows[:, -1]


def between(windows, start, stop):
    """Return neighbouring windows.

    Parameters
    ----------
    windows : ndarray of shape (n_rows, window, n_features) or MappedWindows
        Windows.
    start, stop : int
        Rows.

    Returns
    -------
    ndarray of shape (stop - start, window, n_features) or MappedWindows
        As `windows`, a view.
    """
    if isinstance(windows, MappedWindows):
        return windows.between(start, stop)
    return windows[start:stop]


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


def _mapped(windows):
    """Let windows of a large mapped file be read in pieces; others are given back."""
    if isinstance(windows, MappedWindows):
        return windows
    series = series_of(windows)
    if series is None or not is_large(series):
        return windows
    depth = windows.shape[1] - 1
    return MappedWindows(series[depth:], [(0, len(windows), series[:depth])])


def _count_unknown(windows, X, name, first):
    """Count the NaN steps at the old end of each window, and refuse NaN anywhere else.

    `windows` are those of `X` from row `first` on.
    """
    n_rows, window, _ = windows.shape
    series = series_of(windows)
    values = windows if series is None else series
    with np.errstate(over="ignore", invalid="ignore"):
        # The sum is finite wherever all is; only a doubtful sum is worth more passes.
        if np.isfinite(values.sum(dtype=np.float32)):
            return np.zeros(n_rows, dtype=np.int32)
    missing = np.isnan(values)
    unknown = missing.all(axis=-1)
    stray = missing & ~unknown[..., None] | (np.abs(values) > LARGEST)
    # A NaN step after a known one: in a window, or in a series within reach of a window.
    if window > 1:
        resumed = np.zeros_like(unknown)
        resumed[..., 1:] = unknown[..., 1:] & ~unknown[..., :-1]
        stray |= resumed[..., None]
    if stray.any():
        place = tuple(np.argwhere(stray)[0])
        row = max(0, place[0] - (window - 1)) if series is not None else place[0]
        step = place[0] - row if series is not None else place[1]
        labelled = X if index_of(X) is not None else None
        where = place_of((first + row, place[-1]), labelled)
        within = f" (step {step + 1} of {window} of its window)" if window > 1 else ""
        if np.isfinite(values[place]):
            raise ValueError(too_large(name, values[place], f"{where}{within}"))
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


def check_computable(values, labelled, name):
    """Refuse numbers that float32 cannot hold.

    Parameters
    ----------
    values : ndarray of shape (n_rows,) or (n_rows, n_columns)
        Numbers; none of them infinite.
    labelled : object
        What `values` was made from; a pandas object gives the labels for the message.
    name : str
        What the message calls it.

    Raises
    ------
    ValueError
        If a number is too large.
    """
    large = np.argwhere(np.abs(values) > LARGEST)
    if len(large):
        place = tuple(large[0])
        raise ValueError(too_large(name, values[place], place_of(place, labelled)))


def too_large(name, value, where):
    """Say that a number is beyond what a network can compute with.

    Parameters
    ----------
    name : str
        What holds it.
    value : float
        The number.
    where : str
        Its place.

    Returns
    -------
    str
        The message.
    """
    return (
        f"{name} holds {value} at {where}, but networks compute in float32, which ends at"
        f" {LARGEST:.2g}. Scale it, for instance with SeriesMinMaxScaler."
    )
