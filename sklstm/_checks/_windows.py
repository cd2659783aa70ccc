"""What the regressors know about the windows they are given."""

import re

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from sklstm._checks._arguments import naming
from sklstm._checks._numbers import check_floats, check_numeric, place_of
from sklstm._checks._tables import AS_FLOATS, check_rows, layout_of
from sklstm._past._layout import blocks
from sklstm._past._memory_mapped import blocks as mapped_blocks
from sklstm._past._windows import Windows
from sklstm._sklearn._compat import check_n_features

#: What a network can compute with: float32.
LARGEST = np.finfo(np.float32).max

#: Windows looked at together, so that what is computed of each takes little memory.
_BLOCK = 2**16

#: How the columns of one series at several lags are called: lag1, y_lag_1, yLag1, y_t-1, y(t-1);
#: but flag1 is none.
_LAG = re.compile(r"(|.*[\W\d_]|.*[a-z](?=L))(?i:lag_?|t-)(\d+)\)?", re.DOTALL)


def check_windows(estimator, X, *, reset, name="X", untaught=None):
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
    untaught : ndarray of bool of shape (n_rows,), default=None
        In `fit`, the windows that are not learnt from, in which NaN is let through.

    Returns
    -------
    windows : Windows of shape (n_rows, n_steps, n_features)
        Where `X` has three axes and is float, they share its memory.
    n_unknown : ndarray of int of shape (n_rows,)
        How many of the oldest steps of each window are NaN. Rows that begin with NaN are not known,
        if they are windows that were flattened; see `_unknown_rows`.

    Raises
    ------
    ValueError
        If there is text, infinity, NaN elsewhere than in the oldest steps, or another number of
        columns.
    TypeError
        If `X` is sparse.
    """
    unknown = None
    if reset:
        # What a table of rows tells.
        estimator._columns = estimator._n_columns_of_step = None
    if count_axes(X, name) != 3:
        rows = check_rows(estimator, X, reset=reset, name=name)
        unknown = _unknown_rows(estimator, rows, layout_of(X, name=name) if reset else None)
        windows = Windows.of(rows[:, None, :])
    else:
        windows = Windows.of(_check_three_axes(estimator, X, reset, name)).without_labels()
    if untaught is None or len(untaught) != len(windows):
        untaught = np.zeros(len(windows), dtype=bool)
    # One zero, seen as many: in most tables all steps are known, and then it takes no memory.
    n_unknown = np.broadcast_to(np.int32(0), len(windows))
    for start, block in windows.blocks():
        if _is_finite(block.values):
            continue
        if not n_unknown.flags.writeable:
            n_unknown = np.zeros(len(windows), np.int32)
        those = slice(start, start + len(block))
        _count_unknown(block, X, name, start, unknown, untaught[those], n_unknown[those])
    return windows, n_unknown


def count_axes(X, name="X"):
    """Count the axes of an array-like, which may refuse to be handed to NumPy's functions."""
    with naming(name, X):
        if _are_runs(X):
            return 3
        return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim


def lags_by_series(columns):
    """Find the columns that hold lags of a series, by their names.

    Parameters
    ----------
    columns : sequence
        The names of all columns.

    Returns
    -------
    dict
        For each series, by what its columns are called before the lag, a list of pairs: a lag and
        the position of its column.
    """
    series: dict = {}
    for position, column in enumerate(columns):
        match = _LAG.fullmatch(str(column))
        if match:
            series.setdefault(match[1], []).append((int(match[2]), position))
    return series


def lag_columns(X):
    """List the columns of a table that hold one series at several lags, by their names.

    Parameters
    ----------
    X : array-like
        The table; only the columns of a DataFrame have names.

    Returns
    -------
    list of str
        Empty if no series is there twice.
    """
    columns = X.columns if isinstance(X, pd.DataFrame) else ()
    several = [lags for lags in lags_by_series(columns).values() if len(lags) > 1]
    return [columns[position] for lags in several for _, position in lags]


def _are_runs(X):
    """Tell whether each row is a run: an array or a table of steps."""
    is_list = isinstance(X, list | tuple)
    is_list |= isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1
    if not is_list or not len(X):
        return False
    if np.ndim(X[0]) == 1 and len({np.shape(row) for row in X}) > 1:
        raise ValueError(
            "its rows have different lengths. If they are runs of one column, give them the shape"
            " (n_steps, 1), as run.reshape(-1, 1) has, and set short_windows='mask' of a network."
        )
    return np.ndim(X[0]) == 2


def _as_windows(estimator, runs, name):
    """Return runs as windows as long as the longest: the shorter ones begin with NaN."""
    shapes = [np.shape(run) for run in runs]
    lengths, columns = {shape[0] for shape in shapes}, {shape[1:] for shape in shapes}
    names = {tuple(getattr(run, "columns", ())) for run in runs}
    if len(columns) > 1 or len(columns.pop()) != 1 or len(names) > 1:
        raise ValueError("expected runs of shape (n_steps, n_features) with the same columns.")
    if len(lengths) > 1 and getattr(estimator, "short_windows", "skip") != "mask":
        raise ValueError(
            f"its {len(runs)} runs have {min(lengths)} to {max(lengths)} steps, but this"
            f" {type(estimator).__name__} takes runs of one length. A network with"
            " short_windows='mask', such as LSTMRegressor(short_windows='mask'), takes runs of"
            " different length."
        )
    windows = np.full((len(runs), max(lengths), shapes[0][1]), np.nan)
    for window, run in zip(windows, runs, strict=True):
        window[len(window) - len(run) :] = check_floats(run, name)
    return windows


def _check_three_axes(estimator, given, reset, name):
    """Return windows of numbers, of which an array may be read, with the columns of `fit`."""
    check_numeric(given, name)
    with naming(name, given):
        X = _as_windows(estimator, given, name) if _are_runs(given) else given
        is_ready = type(X) is np.ndarray and X.dtype in AS_FLOATS["dtype"] and len(X) > 0
        if not (is_ready or isinstance(X, Windows)):
            X = check_array(X, allow_nd=True, **AS_FLOATS)
        if 0 in X.shape:
            raise ValueError(f"its shape is {X.shape}: expected at least one of everything.")
        # Only tables have columns with names, which must be those of fit, in their order.
        is_table = _are_runs(given) and hasattr(given[0], "columns")
        if reset or is_table:
            rows = given[0] if is_table else X[:1][:, 0]
            validate_data(estimator, rows, reset=reset, skip_check_array=True)
        else:
            check_n_features(estimator, X[:1][:, 0], reset=False)
    return X


def _unknown_rows(estimator, rows, layout):
    """Tell which rows are flat windows that begin with NaN, as nothing is known before them.

    In `fit` such windows are known by their warm-up: each has a step more than the one before in
    its series, and the first has one. Later ones begin with whole steps of NaN.
    """
    begins = np.concatenate([np.isnan(block[:, 0]) for _, block in mapped_blocks(rows)])
    if not begins.any():
        return begins
    n_columns = rows.shape[1]
    missing = np.isnan(rows)
    n_missing = np.count_nonzero(missing, axis=1)
    n_known = n_columns - n_missing
    is_head = begins & (missing == (np.arange(n_columns) < n_missing[:, None])).all(axis=1)
    partial = is_head & (n_known > 0)
    if layout is not None and partial.any():
        n_of, partial_of = layout.by_series(n_known), layout.by_series(partial)
        step = n_of[partial_of.argmax()]
        # As many as before, where a window is partly known, too, and a step more.
        before = np.append(0, np.where(partial_of, n_of, 0)[:-1])
        before[layout.starts] = 0
        if (step + before == n_of)[(partial_of | (before > 0)) & (n_of > 0)].all():
            estimator._n_columns_of_step = int(step)
    step = estimator._n_columns_of_step
    return is_head & ((n_known == 0) | (step is not None and n_known % (step or 1) == 0))


def _is_finite(values):
    """Tell that all values are finite, in one pass; False is a doubt, worth more passes."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.isfinite(values.sum(dtype=np.float32))


def _count_unknown(windows, X, name, first, unknown_rows, untaught, n_unknown):
    """Write the NaN steps at the old end of each window to zeros, and refuse NaN anywhere else.

    `windows` are those of `X` from row `first` on, in memory. For a table of rows, `unknown_rows`
    tells which ones are unknown. NaN is let through in windows that are not learnt from.
    """
    values, starts, window = windows.values, windows.starts, windows.window
    with np.errstate(over="ignore", invalid="ignore"):
        missing = np.isnan(values)
        unknown = missing.all(axis=1)
        if unknown_rows is not None:
            unknown = unknown_rows[first : first + len(values)]
        large = (values > LARGEST) | (values < -LARGEST)
        no_numbers = missing.any(axis=1) | large.any(axis=1) | unknown
    # A window is unknown up to its first known row, and may hold nothing but numbers after that.
    ends = np.append(np.flatnonzero(unknown[:-1] & ~unknown[1:]) + 1, len(values))
    n_before = np.zeros(len(values) + 1, dtype=np.int32)
    np.cumsum(no_numbers, out=n_before[1:])
    for at in range(0, len(windows), _BLOCK):
        block = starts[at : at + _BLOCK]
        heads = np.flatnonzero(unknown[block])
        known = block.copy()
        known[heads] = ends[np.searchsorted(ends, block[heads], side="right")]
        known = np.minimum(known, block + window)
        is_valid = n_before[known] == n_before[block + window]
        is_valid |= untaught[at : at + _BLOCK]
        if not is_valid.all():
            _refuse(windows, at + int(np.argmin(is_valid)), X, name, first)
        # A step that is partly unknown is not known.
        n_unknown[at : at + _BLOCK] = -(-(known - block) // windows.fold)


def _refuse(windows, position, X, name, first):
    """Raise for a window that holds NaN, infinity or a large number where it may not."""
    [values] = windows.folded(1).gather(np.array([position]))
    missing = np.isnan(values)
    unknown = np.logical_and.accumulate(missing.all(axis=1))
    refused = (missing & ~unknown[:, None]) | (np.abs(values) > LARGEST)
    row, column = np.argwhere(refused)[0]
    value = values[row, column]
    step, before = divmod(row, windows.fold)
    where = place_of((first + position, before * values.shape[1] + column), X)
    if windows.window > 1:
        where += f" (step {step + 1} of {windows.shape[1]} of its window)"
    if np.isfinite(value):
        raise ValueError(too_large(name, value, where))
    at_end = missing[-1].all()
    in_front = " Pad runs in front of their first step, not after the last." if at_end else ""
    raise ValueError(
        f"{name} holds {value} at {where}. NaN may only stand in the oldest steps of a window,"
        f" where it means that nothing is known yet.{in_front} Fill or interpolate other missing"
        " values, replace infinities, and leave out rows whose inputs are still to come"
        " (keep_last=False of series_to_supervised). (A step that drops the labels of a table with"
        " gaps leaves such NaN too: set_output(transform='pandas') keeps them.)"
    )


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
    for rows in blocks(len(values)):
        large = np.argwhere(np.abs(values[rows]) > LARGEST)
        if len(large):
            row, *column = large[0]
            place = rows.start + row, *column
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
