"""Differences of a series, and the way back."""

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._columns import check_order
from sklstm._checks._numbers import check_floats, check_not_infinite
from sklstm._checks._tables import check_in_step, check_rows, index_of, like
from sklstm._past._layout import BLOCK, Layout
from sklstm.transformers._looks_back import LooksBack


class Differencer(OneToOneFeatureMixin, LooksBack):
    """Subtract from every row the row some steps earlier, and undo it.

    The differencer keeps one row per time step: a difference that would need an unknown row is NaN.
    Rows that follow the training rows are differenced against the training rows.

    Parameters
    ----------
    interval : int or sequence of int, default=1
        Steps between the two rows of a difference. With several, the differences are taken one
        after the other: ``[1, 12]`` takes trend and yearly season out of monthly values.
    history : {"auto", "continue", "none"}, default="auto"
        What comes before the rows that are transformed; as in :class:`LagWindower`.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`; only where they are all strings.

    See Also
    --------
    TransformedSeriesRegressor : Inverts the predictions of a regressor.
    SeriesMinMaxScaler : Scales what is left.

    References
    ----------
    .. [1] G. E. P. Box, G. M. Jenkins, G. C. Reinsel, G. M. Ljung, "Time Series Analysis:
       Forecasting and Control", Wiley, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import Differencer
    >>> series = np.array([[1.0], [4.0], [9.0], [16.0], [25.0]])
    >>> differencer = Differencer().fit(series[:3])
    >>> differencer.transform(series[3:]).ravel()
    array([7., 9.])
    >>> differencer.inverse_transform([[7.0], [9.0]]).ravel()
    array([16., 25.])
    """

    _parameter_constraints: dict = {
        **LooksBack._parameter_constraints,
        "interval": "no_validation",  # `_read_reach` checks it
    }
    _reach_parameter = "interval"

    def __init__(self, interval=1, *, history="auto"):
        self.interval = interval
        self.history = history

    def transform(self, X):
        """Return the differences of the rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            One row per time step, oldest first.

        Returns
        -------
        ndarray or DataFrame of shape (n_rows, n_features)
            The differences, NaN where an earlier row is not known.

        Raises
        ------
        ValueError
            If `X` has other columns than in `fit`, holds infinity or text, or its index is unsorted
            or holds duplicates.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        rows = check_rows(self, X, reset=False)
        known, at = self._past.stretches(rows, index_of(X), self.history).padded(rows)
        at -= self._past.depth
        return like(self._difference(known)[at], X, self.get_feature_names_out)

    def inverse_transform(self, Z, *, observed=None):
        """Restore a series from its differences.

        Parameters
        ----------
        Z : array-like of shape (n_rows, n_features)
            Differences. Those of the training rows give the training rows back; others run on
            from the last known values, each restored row being the base of the next.
        observed : array-like of shape (n_rows, n_features), default=None
            Values that were observed at the rows of `Z`, with the same labels if both have any.
            Each row is then restored from the observed rows *before* it, as a one-step forecast is;
            the row's own observed value is not used and may be NaN.

        Returns
        -------
        ndarray or DataFrame of shape (n_rows, n_features)
            The restored rows, NaN where the rows before them are not known.

        Raises
        ------
        ValueError
            If `Z` or `observed` have another shape or other labels than they should, the columns
            of `fit` in another order, or hold infinity or text.
        TypeError
            If `Z` or `observed` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        differences = self._check_inverse_input(Z, "Z")
        if observed is None:
            restored = self._run_on(differences, index_of(Z))
        else:
            seen = self._check_inverse_input(observed, "observed")
            if len(seen) != len(differences):
                raise ValueError(
                    f"observed has {len(seen)} rows, but Z has {len(differences)}: give one"
                    " observed row per difference (NaN where nothing was observed)."
                )
            index = index_of(observed)
            if index is None:
                index = index_of(Z)
            else:
                check_in_step(Z, observed, name="Z", rows_name="observed")
            (restored,) = self._expected(seen, index)
            restored += differences
        return like(restored, Z)

    def _difference(self, known):
        """Difference rows after their past, in place; the past is gone afterwards."""
        for interval in self._reach:
            # From the end, so that each block finds the rows before it as they were.
            for stop in range(len(known), interval, -BLOCK):
                start = max(interval, stop - BLOCK)
                known[start:stop] -= known[start - interval : stop - interval]
            known = known[interval:]
        return known

    def _run_on(self, differences, index):
        """Sum differences up, each restored row being the base of the next."""
        past = self._past
        stretches = past.stretches(differences, index, self.history, form=self._difference)
        restored = np.empty_like(differences)
        # What no difference leads to: the first rows, and the first after a hole.
        n_heads, heads = past.kept.heads(stretches)
        for some in stretches.alike(n_heads):
            places = stretches.starts[some, None] + np.arange(stretches.lengths[some[0]])
            n = n_heads[some[0]]
            seed = past.kept.rows[heads[some, None] + np.arange(n)]
            rows = stretches.layout.row(places)
            restored[rows[:, :n]] = seed
            before = np.concatenate([stretches.past[some], seed], axis=1)[:, n:]
            later = rows[:, n:]
            restored[later] = _undo(before, differences[later], *self._reach)
        return restored

    def __sklstm_expected__(self, observed, n_steps):
        return self._expected(check_floats(observed, "observed"), index_of(observed), n_steps)

    def _expected(self, observed, index, n_steps=1):
        """List what rows would be if all differences from there on were zero, for each step."""
        # What was observed at a row must not decide on what came before it.
        options = {"history": self.history, "values_decide": False}
        known, at = self._past.stretches(observed, index, **options).padded(observed)
        depth, expected = self._past.depth, []
        for step, weights in enumerate(_weights(self._reach, n_steps), 1):
            values = known if step == n_steps else known.copy()
            # From the end, so that each block finds the rows before it as they were.
            for stop in range(len(values), depth, -BLOCK):
                start = max(depth, stop - BLOCK)
                values[start:stop] = sum(
                    weights[lag] * values[start - lag : stop - lag]
                    for lag in np.flatnonzero(weights)
                )
            expected.append(values[at])
        return expected

    def _check_inverse_input(self, values, name):
        """Validate differences or observed values, which may come without column names."""
        rows = check_floats(values, name)
        if rows.ndim == 1 and self.n_features_in_ == 1:
            rows = rows.reshape(-1, 1)
        if rows.shape[1:] != (self.n_features_in_,) or not len(rows):
            raise ValueError(
                f"{name} has shape {np.shape(values)}, but Differencer was fitted on"
                f" {self.n_features_in_} column(s): expected (n_rows, {self.n_features_in_}), and"
                " at least one row."
            )
        check_order(self, values, name)
        Layout(index_of(values), len(rows), name)
        check_not_infinite(rows, values, name)
        return rows

    def _read_reach(self):
        intervals = np.atleast_1d(self.interval)
        is_list = intervals.ndim == 1 and intervals.size and intervals.dtype.kind in "iu"
        if not is_list or (intervals < 1).any():
            raise ValueError(
                f"interval={self.interval!r} is not valid: expected an int >= 1 or a non-empty"
                " sequence of such ints, for instance 1 or [1, 12]."
            )
        return tuple(intervals.tolist())


def _weights(intervals, n_steps):
    """Weigh the rows before a row, so that their sum is what it would be without a difference.

    Returns an array of shape (n_steps, depth + 1), where each step goes on from the one before:
    ``weights[1, 3]`` is that of the third row before the first row, for the row after that one.
    """
    coefficients = np.ones(1)
    for interval in intervals:
        coefficients = np.convolve(coefficients, [1, *[0] * (interval - 1), -1])
    weights = np.zeros((n_steps, len(coefficients)))
    for step in range(n_steps):
        for lag in np.flatnonzero(coefficients)[1:]:
            if lag <= step:
                weights[step] -= coefficients[lag] * weights[step - lag]
            else:
                weights[step, lag - step] -= coefficients[lag]
    return weights


def _undo(past, differences, interval, *others):
    """Undo the differences of some intervals, given the rows just before the first difference.

    Both have the shape (n_stretches, n_rows, n_features): many stretches at once.
    """
    if others:
        differences = _undo(past[:, interval:] - past[:, :-interval], differences, *others)
    # row[t] = differences[t] + row[t - interval]
    rows = np.empty_like(differences)
    for place in range(interval):
        season = slice(place, None, interval)
        first = past[:, [past.shape[1] - interval + place]]
        rows[:, season] = first + np.cumsum(differences[:, season], axis=1)
    return rows
