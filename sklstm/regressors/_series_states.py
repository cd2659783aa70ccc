"""The state of each series after the last row that was seen of it."""

import numpy as np

from sklstm._past._layout import names_as_index


class SeriesStates:
    """The state of each series after its last row seen, and where that row stands.

    Parameters
    ----------
    names : list of ndarray of shape (n_series,) or None
        The names of the series, an array for each level; None where one series has no name.
    ends : ndarray of shape (n_series,)
        Number of the row right after the last row seen of each series; NaN where it is not known.
    arrays : list of ndarray of shape (n_series, units)
        The states of each recurrent layer.
    """

    def __init__(self, names, ends, arrays):
        self.names = names
        self.ends = ends
        self.arrays = arrays

    def slots(self, names):
        """Find series among those that have a state.

        Parameters
        ----------
        names : list of ndarray of shape (n_series,) or None
            Their names.

        Returns
        -------
        ndarray of int of shape (n_series,)
            Their positions; -1 where a series has no state.
        """
        if names is None:
            return np.zeros(1, dtype=np.int64)
        if self.names is None:
            return np.full(len(names[0]), -1)
        return names_as_index(self.names).get_indexer(names_as_index(names))

    def including(self, names):
        """Return these states, and those of more series, which are zero.

        Parameters
        ----------
        names : list of ndarray of shape (n_series,) or None
            The names of the series; those that have a state keep it.

        Returns
        -------
        SeriesStates
        """
        new = self.slots(names) < 0
        if not new.any():
            return self
        if self.names is None:
            raise ValueError(
                f"X names its series, such as {names_as_index(names)[0]!r}, but the state is that"
                " of one series without a name. Fit on rows whose index names the series, too."
            )
        n_new = int(np.count_nonzero(new))
        both = zip(self.names, names, strict=True)
        return SeriesStates(
            [np.concatenate([mine, more[new]]) for mine, more in both],
            np.append(self.ends, np.full(n_new, np.nan)),
            [np.pad(array, [(0, n_new), (0, 0)]) for array in self.arrays],
        )

    def replaced(self, slots, ends, arrays):
        """Return these states with others for some series.

        Parameters
        ----------
        slots : ndarray of int of shape (n_some,)
            The positions of those series.
        ends : ndarray of shape (n_some,)
            Where their rows end; NaN keeps what is known so far.
        arrays : list of ndarray of shape (n_some, units)
            Their states.

        Returns
        -------
        SeriesStates
        """
        new = SeriesStates(self.names, self.ends.copy(), [array.copy() for array in self.arrays])
        new.ends[slots] = np.where(np.isnan(ends), new.ends[slots], ends)
        for array, some in zip(new.arrays, arrays, strict=True):
            array[slots] = some
        return new
