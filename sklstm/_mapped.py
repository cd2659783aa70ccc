"""Series in a memory-mapped file, read in pieces, so that they need not fit into memory."""

import mmap

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

    def __getitem__(self, which):
        """Read the windows of neighbouring rows, or of those at some positions."""
        if isinstance(which, slice):
            start, stop, _ = which.indices(len(self))
            return self._neighbours(start, stop)
        which = np.asarray(which)
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
    """Return the mapped file that an array is a view of; None for an array in memory."""
    while array is not None and not isinstance(array, mmap.mmap):
        # Pages of a copy-on-write map may hold changes that the file does not.
        if isinstance(array, np.memmap) and array.mode == "c":
            return None
        array = getattr(array, "base", None)
    return array
