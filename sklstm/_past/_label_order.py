"""Labels without a regular step, of which only the order tells which rows came before."""

import copy

import numpy as np

from sklstm._past._kept_rows import KEYS, find
from sklstm._past._units import plain

#: The number of a row before the training rows whose distance to them cannot be told.
LONG_BEFORE = -(10**12)


class LabelOrder:
    """The labels of the remembered rows, where they have no regular step.

    Parameters
    ----------
    layout : Layout
        Of the training rows.
    kept : KeptRows
        Which of them are remembered.
    """

    def __init__(self, layout, kept):
        used, self._ranks = np.unique(layout.time[kept.places], return_inverse=True)
        self.kind, self.labels = plain(layout.times[used])

    def followed_by(self, layout, source):
        """Return the labels of remembered rows, of which some are later ones.

        Parameters
        ----------
        layout : Layout
            Of the later rows.
        source : ndarray of int of shape (n_kept,)
            As `KeptRows.followed_by` returns it.

        Returns
        -------
        LabelOrder
        """
        order = copy.copy(self)
        _, later = plain(layout.times)
        labels = np.append(self.labels[self._ranks], later[layout.time])
        order.labels, order._ranks = np.unique(labels[source], return_inverse=True)
        return order

    def number(self, layout, series, kept, ends):
        """Give the first row of each series of a table a number.

        Parameters
        ----------
        layout : Layout
            Of the table.
        series : ndarray of int of shape (layout.n_series,)
            The number of each of its series; those of series not seen in `fit` are larger.
        kept : KeptRows
            The remembered rows.
        ends : ndarray of int of shape (n_series,)
            The number of the row right after the last training row of each series.

        Returns
        -------
        ndarray of shape (layout.n_series,)
            That of the remembered row with the same label. Without one, a later row is taken to
            follow the training rows, as the step is not known. NaN where the label has no place.
        """
        kind, values = plain(layout.times)
        if kind != self.kind:
            return np.full(layout.n_series, np.nan)
        labels = values[layout.time[layout.starts]]
        try:
            place = np.searchsorted(self.labels, labels)
        except TypeError:  # Text has no order beside numbers, which tuples may mix.
            return np.full(layout.n_series, np.nan)
        is_kept = self.labels[np.minimum(place, len(self.labels) - 1)] == labels
        seen = np.minimum(series, kept.n_series - 1)
        kept_series = kept.keys // KEYS
        begin, stop = (np.searchsorted(kept_series, seen, side=side) for side in ("left", "right"))
        numbers = np.full(layout.n_series, np.nan)
        # A label that is not among those kept comes before the one at its place.
        later = place > self._ranks[stop - 1]
        numbers[later] = ends[seen[later]]
        numbers[place - ~is_kept < self._ranks[begin]] = LONG_BEFORE
        at, found = find(kept_series * KEYS + self._ranks, seen * KEYS + place)
        found &= is_kept
        numbers[found] = kept.keys[at[found]] % KEYS
        numbers[series >= kept.n_series] = 0
        return numbers
