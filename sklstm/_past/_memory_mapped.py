"""Series in a memory-mapped file, read in blocks, so that they need not fit into memory."""

import mmap

import numpy as np

#: Bytes above which a mapped series is read in blocks; a smaller one is read whole.
LARGE = 2**28

#: Bytes of a series that are read at a time.
BLOCK_BYTES = 2**25


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


def blocks(rows):
    """Yield rows block by block.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, ...)
        A series.

    Yields
    ------
    start : int
        The row at which the block begins.
    block : ndarray
        Neighbouring rows: all of them unless they lie in a large file.
    """
    if not is_large(rows):
        yield 0, rows
        return
    size = block_size(rows)
    for start in range(0, len(rows), size):
        yield start, rows[start : start + size]
        let_go(rows)


def block_size(rows):
    """Return how many rows of a mapped file are read at a time.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, ...)
        A view of the file.

    Returns
    -------
    int
    """
    return max(1, BLOCK_BYTES // (rows.nbytes // len(rows)))


def let_go(rows):
    """Tell the system that the pages read so far need not stay in memory.

    Parameters
    ----------
    rows : ndarray
        A view of a mapped file; nothing happens for an array in memory.
    """
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
