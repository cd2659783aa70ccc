"""Series in a memory-mapped file, read in pieces, so that they need not fit into memory."""

import mmap
from numbers import Integral

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

#: Bytes above which a mapped series is read in pieces; a smaller one is read whole.
LARGE = 2**28

#: Bytes of a series that are read at a time.
PIECE = 2**25

#: Windows that are read at a time where they lie scattered: each may bring 2 MiB of pages with it.
SCATTERED = 64


def is_large(rows):
    """Tell whether rows lie in a memory-mapped file and are too many to be read whole.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        A series.

    Returns
    -------
    bool
    """
    return rows.nbytes > LARGE and _file_of(rows) is not None


def pieces(values):
    """Yield rows or windows piece by piece.

    Parameters
    ----------
    values : ndarray of shape (n_rows, ...) or MappedWindows
        Of a mapped file, one piece is in memory at a time; any other array comes whole.

    Yields
    ------
    start : int
        Row at which the piece begins.
    piece : ndarray
        Some neighbouring rows.
    """
    rows = values.rows if isinstance(values, MappedWindows) else values
    if not is_large(rows):
        yield 0, values[:]
        return
    size = max(1, PIECE // (rows.nbytes // len(rows)))
    for start in range(0, len(rows), size):
        yield start, values[start : start + size]
        _let_go(rows)


def windows_of(rows, parts):
    """Return the window of each row: a view of one padded copy of the rows.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        A series.
    parts : sequence of (int, int, ndarray of shape (window - 1, n_features))
        Neighbouring rows, which together are all: where they start and stop, and the rows that
        came just before them.

    Returns
    -------
    ndarray of shape (n_rows, window, n_features) or MappedWindows
        The latter where the rows lie in a large mapped file.
    """
    windows = MappedWindows(rows, parts)
    if is_large(rows):
        return windows
    view = windows[:]
    view.flags.writeable = False
    return view


class MappedWindows:
    """Windows of a series in a memory-mapped file, read when they are asked for.

    Stands for the array of shape ``(n_rows, window, n_features)``, which nobody can have without
    reading the whole file: ``windows[10:20]`` and ``windows[[3, 1]]`` are arrays.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The series, a view of the file: the last step of each window.
    parts : sequence of (int, int, ndarray of shape (window - 1, n_features))
        See `windows_of`.

    Attributes
    ----------
    shape, ndim, size, dtype : as of the array
    """

    ndim = 3

    def __init__(self, rows, parts):
        self.rows = rows
        self.parts = parts
        self.depth = len(parts[0][2])
        self.dtype = rows.dtype
        self.shape = (len(rows), self.depth + 1, rows.shape[1])
        self.size = self.shape[0] * self.shape[1] * self.shape[2]

    def __len__(self):
        return len(self.rows)

    def __array__(self, dtype=None, copy=None):
        # The windows share their steps, and share them with nobody else.
        return np.array(self[:], dtype=dtype) if copy else np.asarray(self[:], dtype=dtype)

    def between(self, start, stop):
        """Return the windows of neighbouring rows, to be read later."""
        parts = [(at - start, upto - start, past) for at, upto, past in self._parts_of(start, stop)]
        return MappedWindows(self.rows[start:stop], parts)

    def __getitem__(self, key):
        """Read the windows that NumPy would give for this key, and no others."""
        rows, *within = key if isinstance(key, tuple) else (key,)
        if not all(isinstance(one, slice | Integral) or one is Ellipsis for one in within):
            raise IndexError(f"steps and columns are asked for by ints and slices, not by {within}")
        if rows is Ellipsis:
            return self._neighbours(0, len(self))[key]
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1:
                return self._neighbours(start, stop)[:, *within]
            return self._at(np.arange(start, stop, step))[:, *within]
        places = np.asarray(rows)
        windows = self._at(self._positions(places.ravel()))
        if places.dtype != bool:
            windows = windows.reshape(*places.shape, *self.shape[1:])
        return windows[*(slice(None),) * (windows.ndim - 2), *within]

    def _positions(self, places):
        """Return positions from the first row on; NumPy counts negative ones from the last."""
        n_rows = len(self)
        if places.dtype == bool:
            if len(places) != n_rows:
                raise IndexError(f"a mask of {len(places)} rows does not fit {n_rows} windows")
            return np.flatnonzero(places)
        if places.size and places.dtype.kind not in "iu":
            raise IndexError(f"windows are asked for by ints, slices or masks, not {places.dtype}")
        beyond = places[(places < -n_rows) | (places >= n_rows)]
        if beyond.size:
            raise IndexError(f"there is no window {beyond[0]} among {n_rows}")
        return np.where(places < 0, places + n_rows, places).astype(np.intp)

    def _at(self, which):
        """Read the windows at some positions."""
        if len(which) and (np.diff(which) == 1).all():
            windows = self._neighbours(which[0], which[-1] + 1)
            _let_go(self.rows)
            return windows
        read = np.empty((len(which), *self.shape[1:]), self.dtype)
        for start in range(0, len(which), SCATTERED):
            some = which[start : start + SCATTERED]
            steps = some[:, None] + np.arange(-self.depth, 1)
            read[start : start + SCATTERED] = self.rows[np.maximum(steps, 0)]
            _let_go(self.rows)
        for first, stop, _ in self.parts:
            reach_back = (which >= first) & (which < min(first + self.depth, stop))
            for place in np.flatnonzero(reach_back):
                [read[place]] = self._neighbours(which[place], which[place] + 1)
        return read

    def _neighbours(self, start, stop):
        """Return the windows of neighbouring rows, as a view of a copy of these."""
        if start >= stop:
            return np.empty((0, *self.shape[1:]), self.dtype)
        views = []
        for at, upto, past in self._parts_of(start, stop):
            known = np.concatenate([past, self.rows[at:upto]])
            views.append(sliding_window_view(known, self.depth + 1, axis=0).swapaxes(1, 2))
        return views[0] if len(views) == 1 else np.concatenate(views)

    def _parts_of(self, start, stop):
        """Yield the parts of neighbouring rows: where they start and stop, and their past."""
        for first, last, before in self.parts:
            at, upto = max(first, start), min(last, stop)
            if at < upto:
                known = self.rows[max(first, at - self.depth) : at]
                missing = before[len(known) :].astype(self.dtype)
                yield at, upto, np.concatenate([missing, known])


def _let_go(rows):
    """Tell the system that the pages read so far need not stay in memory."""
    file = _file_of(rows)
    if file is not None and hasattr(mmap, "MADV_DONTNEED"):
        file.madvise(mmap.MADV_DONTNEED)


def _file_of(array):
    """Return the mapped file that an array is a view of; None for an array in memory.

    Pages of a private map may hold changes that no file does, so a map counts only where NumPy made
    it, and not to be changed in memory alone.
    """
    is_shared = False
    while array is not None and not isinstance(array, mmap.mmap):
        if isinstance(array, np.memmap):
            is_shared = array.mode in ("r", "r+", "w+")
        array = getattr(array, "base", None)
    return array if is_shared else None
