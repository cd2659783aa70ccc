"""Windows of a series as an array-like that stores the series once."""

from itertools import pairwise

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from sklstm._past._memory_mapped import block_size, is_large, let_go
from sklstm._past._order import is_panel
from sklstm._past._stretches import filled

#: Windows that lie scattered in a file are read so many at a time: each may bring 2 MiB of pages.
SCATTERED = 64


class Windows(NDArrayOperatorsMixin):
    """Windows of a series: an array-like of shape ``(n_rows, n_steps, n_features)``.

    A step is a row of the series, or `fold` rows side by side. The series is stored once, with
    where each window starts, so rows can be chosen without a copy: ``windows[10:20]``,
    ``windows[positions]`` and ``windows[mask]`` are `Windows` of the same series. Everything else
    that NumPy arrays have makes an array first.

    Parameters
    ----------
    values : ndarray of shape (n_values, n_columns)
        The series, with the rows that come before it. It may lie in a memory-mapped file.
    starts : ndarray of int of shape (n_rows,)
        Window i is ``values[starts[i] : starts[i] + window]``.
    window : int
        Rows of the series in a window.
    extra : ndarray of shape (n_extra, n_columns), default=None
        Rows that a file lacks. A negative start counts from the end of these rows, and its
        window lies within them.
    last_steps : ndarray of shape (n_rows, n_features), default=None
        The last step of each window, where that is a view; by default they are copied when needed.
    fold : int, default=1
        Rows of the series in a step, the oldest first; `window` is a multiple of it. A step is NaN
        as a whole where one of its rows is.
    index : pandas.Index of length n_rows, default=None
        The labels of the rows: which series each belongs to, and when.

    Attributes
    ----------
    shape, ndim, size, dtype
        As of the array.
    """

    ndim = 3
    #: scikit-learn asks for it before it chooses rows; all windows would be made an array to tell.
    device = "cpu"

    def __init__(self, values, starts, window, extra=None, last_steps=None, fold=1, index=None):
        self.values = values
        self.starts = starts
        self.window = window
        self.extra = extra
        self.fold = fold
        self._last_steps = last_steps
        self.index = index

    @classmethod
    def of(cls, array):
        """Describe an array of windows, without a copy where its windows share their steps.

        Parameters
        ----------
        array : Windows or ndarray of shape (n_rows, window, n_features)
            A sliding view, as `LagWindower` makes, is recognised by its strides. The windows of
            any other array stand end to end.

        Returns
        -------
        Windows
        """
        if isinstance(array, cls):
            return array
        n_rows, window, n_features = array.shape
        row_bytes, step_bytes, item_bytes = array.strides
        if window == 1:
            step_bytes = row_bytes
        hop = row_bytes // step_bytes if step_bytes > 0 else 0
        if n_rows > 1 and 1 <= hop <= window and hop * step_bytes == row_bytes:
            shape = ((n_rows - 1) * hop + window, n_features)
            values = as_strided(array, shape, (step_bytes, item_bytes), writeable=False)
        else:
            hop, values = window, array.reshape(-1, n_features)
        starts = np.arange(0, n_rows * hop, hop, dtype=_dtype_of_places(n_rows * hop))
        return cls(values, starts, window)

    @property
    def shape(self):
        """The shape of the array."""
        return self._shape_of(len(self.starts))

    @property
    def size(self):
        """The number of elements of the array."""
        return len(self.starts) * self.window * self.values.shape[1]

    @property
    def dtype(self):
        """The type of the elements."""
        return self.values.dtype

    @property
    def is_mapped(self):
        """Whether the series lies in a file and is too large to be read at once."""
        return is_large(self.values)

    @property
    def last_steps(self):
        """The last step of each window, of shape (n_rows, n_features)."""
        if self._last_steps is not None:
            return self._last_steps
        starts = self.starts + (self.window - self.fold)
        if self.fold == 1 and _run_on(starts):
            return self.values[starts[0] :][: len(starts)]
        return Windows(self.values, starts, self.fold, self.extra, fold=self.fold).gather()[:, 0]

    def folded(self, fold):
        """Return the same windows with another number of rows in a step.

        Parameters
        ----------
        fold : int
            Rows of the series in a step.

        Returns
        -------
        Windows
            They share the series.
        """
        options = {"fold": fold, "index": self.index}
        return Windows(self.values, self.starts, self.window, self.extra, **options)

    def without_labels(self):
        """Return the same windows without labels, of which a choice of rows makes a copy.

        Returns
        -------
        Windows
            They share the series.
        """
        options = {"last_steps": self._last_steps, "fold": self.fold}
        return Windows(self.values, self.starts, self.window, self.extra, **options)

    def gather(self, positions=slice(None)):
        """Return some windows as an array.

        Parameters
        ----------
        positions : slice or ndarray of int, default=slice(None)
            The rows; by default all.

        Returns
        -------
        ndarray of shape (len(positions), n_steps, n_features)
            A read-only view where the windows are neighbours in memory and no step is partly
            unknown.
        """
        windows, may_be_unknown = self._unfolded(self.starts[positions])
        if self.fold == 1:
            return windows
        folded = windows.reshape(self._shape_of(len(windows)))
        if may_be_unknown:
            unknown = np.isnan(windows).all(axis=2).reshape(*folded.shape[:2], self.fold)
            folded = np.array(folded)
            folded[unknown.any(axis=2)] = np.nan
        return folded

    def read(self, positions=slice(None)):
        """Return some windows, in memory.

        Parameters
        ----------
        positions : slice or ndarray of int, default=slice(None)
            The rows; by default all.

        Returns
        -------
        Windows
        """
        windows, _ = self._unfolded(self.starts[positions])
        return Windows.of(windows).folded(self.fold)

    def _shape_of(self, n_rows):
        return n_rows, self.window // self.fold, self.fold * self.values.shape[1]

    def _unfolded(self, starts):
        """Return windows with one row in a step, and whether such a row may be unknown."""
        if _run_on(starts):
            steps = self.values[starts[0] :][: len(starts) - 1 + self.window]
            if self.is_mapped:
                steps = np.array(steps)
                let_go(self.values)
            windows = sliding_window_view(steps, self.window, axis=0).swapaxes(1, 2)
            return windows, self.fold > 1 and np.isnan(steps).all(axis=1).any()
        return self._gather_scattered(starts), True

    def blocks(self):
        """Yield all windows in an order that reads a mapped file once.

        Yields
        ------
        start : int
            The row at which the block begins.
        windows : Windows
            Neighbouring rows, in memory: all of them unless the series lies in a large file.
        """
        if not self.is_mapped:
            yield 0, self
            return
        size = block_size(self.values)
        in_extra = self.starts < 0
        for first, stop in pairwise([0, *np.flatnonzero(np.diff(in_extra)) + 1, len(self)]):
            if in_extra[first]:
                starts = self.starts[first:stop] + len(self.extra)
                yield first, Windows(self.extra, starts, self.window, fold=self.fold)
                continue
            for start in range(first, stop, size):
                yield start, self.read(slice(start, min(start + size, stop)))

    def __len__(self):
        return len(self.starts)

    def __array__(self, dtype=None, copy=None):
        return self.gather().astype(self.dtype if dtype is None else dtype, copy=bool(copy))

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        arrays = [np.asarray(one) if isinstance(one, Windows) else one for one in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __getattr__(self, name):
        # Whatever else an array has, such as `mean` or `reshape`; only that is worth an array.
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"Windows has no attribute {name!r}.")
        return getattr(np.asarray(self), name)

    def __getitem__(self, key):
        """Choose rows without a copy; for steps and columns, all windows are made an array."""
        # (rows, ...) is scikit-learn's way to choose rows of an array of any number of axes.
        is_rows = isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis
        rows = key[0] if is_rows else key
        starts = None if isinstance(rows, tuple) else self.starts[rows]
        if starts is None or starts.ndim > 1:
            return np.asarray(self)[key]
        if starts.ndim == 0:
            return self.gather([rows])[0]
        last_steps = None
        if self._last_steps is not None and isinstance(rows, slice):
            last_steps = self._last_steps[rows]
        index = None if self.index is None else self.index[rows]
        return Windows(self.values, starts, self.window, self.extra, last_steps, self.fold, index)

    def _gather_scattered(self, starts):
        """Copy windows that are no neighbours; those of a file a few at a time."""
        gathered = np.empty((len(starts), self.window, self.values.shape[1]), self.dtype)
        steps = np.arange(self.window)
        in_extra = np.flatnonzero(starts < 0)
        in_values = np.flatnonzero(starts >= 0)
        size = SCATTERED if self.is_mapped else max(1, len(in_values))
        for at in range(0, len(in_values), size):
            some = in_values[at : at + size]
            gathered[some] = self.values[starts[some, None] + steps]
            if self.is_mapped:
                let_go(self.values)
        if len(in_extra):
            gathered[in_extra] = self.extra[len(self.extra) + starts[in_extra, None] + steps]
        return gathered


def _dtype_of_places(n_places):
    """Return the type of numbers of places: short ones where these will do, as there are many."""
    return np.int32 if n_places <= np.iinfo(np.int32).max else np.int64


def _run_on(starts):
    """Tell whether windows that start there are neighbours, each a row after the one before."""
    n_rows = len(starts)
    is_run = n_rows and 0 <= starts[0] == starts[-1] - n_rows + 1
    return bool(is_run and (np.diff(starts) == 1).all())


def windows_of(rows, stretches, index=None):
    """Return the window of each row.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        A series.
    stretches : Stretches
        Its unbroken parts, each with the rows that came just before it.
    index : pandas.Index, default=None
        The labels of the rows.

    Returns
    -------
    ndarray of shape (n_rows, window, n_features) or Windows
        A read-only view of one padded copy of the rows. `Windows` where no view can be: where the
        series has breaks, or lies in a file that is too large to be copied.
    """
    depth = stretches.past.shape[1]
    # The rows of many series lie scattered in a file, so they are copied.
    if is_large(rows) and stretches.layout.order is None:
        return _mapped_windows(rows, stretches, depth)
    at, begins, past = stretches.padded_places(), stretches.starts, stretches.past
    del stretches  # The layout takes more memory than half of the rows.
    values = filled(rows, at, begins, past)
    values.flags.writeable = False
    if len(begins) == 1 and not is_panel(index):
        return sliding_window_view(values, depth + 1, axis=0).swapaxes(1, 2)
    labels = index if is_panel(index) else None
    starts = np.subtract(at, depth, out=at)
    return Windows(values, starts, depth + 1, index=labels)


def _mapped_windows(rows, stretches, depth):
    """Return windows of a file; those that look back beyond a break lie in a few extra steps."""
    n_places = len(rows) + 2 * depth * len(stretches.starts)
    starts = np.arange(-depth, len(rows) - depth, dtype=_dtype_of_places(n_places))
    extra: list = []
    n_extra = 0
    # From the last one back, as starts in the extra steps count from their end.
    parts = list(zip(stretches.starts, stretches.stops, stretches.past, strict=True))
    for start, stop, past in reversed(parts):
        head = min(start + depth, stop)
        n_extra += depth + head - start
        starts[start:head] = np.arange(head - start) - n_extra
        extra = [past.astype(rows.dtype), rows[start:head], *extra]
    return Windows(rows, starts, depth + 1, np.concatenate(extra), last_steps=rows)
