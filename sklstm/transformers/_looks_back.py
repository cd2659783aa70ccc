"""What all transformers share that need the rows before a row."""

import copy

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from sklstm._checks._tables import check_rows, check_series_known, index_of
from sklstm._past._later_rows import followed_by
from sklstm._past._past import HISTORY_OPTIONS, Past
from sklstm._sklearn._callbacks import FollowedMixin, one_task
from sklstm._sklearn._compat import StrOptions
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm._sklearn._warnings import quiet


class LooksBack(FollowedMixin, TransformerMixin, BaseEstimator):
    """A transformer that remembers the training rows that later rows need as their past.

    A subclass names the parameter that tells how far back, and reads it.
    """

    _parameter_constraints: dict = {"history": [StrOptions(set(HISTORY_OPTIONS))]}

    #: The parameter that tells how far the transformer looks back.
    _reach_parameter: str

    def _read_reach(self):
        """Return how many rows each step of the transformer looks back, a tuple of ints."""
        raise NotImplementedError

    @restore_on_error
    @one_task
    def fit(self, X, y=None):
        """Remember the rows that later rows need as their past.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            One row per time step, oldest first.
        y : array-like of shape (n_rows, ...), default=None
            Where its index names many series, `X` must do so, too. As many more rows are remembered
            as it has columns: those whose targets, several steps ahead, are not known yet.

        Returns
        -------
        self : estimator
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter is out of range, there are too few rows to look back on, `X` holds
            infinity or text, or its index is unsorted or holds duplicates.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        self._validate_params()
        self._reach = self._read_reach()
        depth = sum(self._reach)
        rows = check_rows(self, X, reset=True)
        check_series_known(y, X)
        if len(rows) <= depth:
            name = self._reach_parameter
            raise ValueError(
                f"{name}={getattr(self, name)!r} needs at least {depth + 1} rows, but X has"
                f" {len(rows)} sample(s). Use more rows or a shorter {name}."
            )
        shape = np.asarray(y).shape
        n_again = shape[1] if len(shape) > 1 else 1
        self._past = Past(rows, index_of(X), depth=depth, n_again=n_again)
        return self

    def __sklstm_go_on__(self, X, n_again=0):
        if not self._past.depth:  # Then nobody asks where rows stand.
            return self, self.transform(X)
        earlier, later = copy.copy(self), copy.copy(self)
        earlier._past = self._past.back(n_again)
        rows, index = check_rows(self, X, reset=False), index_of(X)
        with quiet():  # Who trains on warns once, in the user's own labels.
            transformed = earlier.transform(X)
            stretches = earlier._past.stretches(rows, index, self.history)
        later._past, _ = followed_by(self._past, rows, index, stretches)
        return later, transformed

    def __sklstm_look_back__(self):
        return self._past.depth if hasattr(self, "_past") else sum(self._read_reach())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
