"""A regressor of a transformed target, where the transformer may look back."""

import inspect
import warnings
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from ._history import History
from ._progress import FollowedMixin, follow, passed_on
from ._validation import (
    check_rows,
    check_target,
    index_of,
    place_of,
    restore_on_error,
    skips_unknown_rows,
)

#: A row number that no look-back reaches from the training rows.
FAR = 1_000_000


class TransformedSeriesRegressor(FollowedMixin, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Train on a transformed target and predict in the target's own units.

    This is scikit-learn's :class:`~sklearn.compose.TransformedTargetRegressor` for series: the
    transformer may look back, as :class:`Differencer` does. Works with any regressor: rows whose
    inputs or target are not known are left out of training, and every row gets a finite
    prediction.

    Parameters
    ----------
    regressor : estimator
        Regressor or pipeline that ends in one. It sees the transformed target.
    transformer : transformer, default=None
        Transformer with `inverse_transform`, or pipeline of such; None leaves the target as it is.
    y_lag : str, int or sequence of these, default=None
        The column of `X`, by name or position, that holds the target one step earlier (one per
        target). Predictions are then inverted from these observed values, one step ahead. By
        default, predictions run on from the last training value.
    check_inverse : bool, default=True
        Whether `fit` warns if `inverse_transform` does not restore the training target.

    Attributes
    ----------
    regressor_ : estimator
        The fitted regressor.
    transformer_ : transformer or None
        The fitted transformer.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`; only where they are all strings.

    See Also
    --------
    Differencer : A transformer that looks back.
    SeriesMinMaxScaler : A transformer that can undo some of its columns.

    Notes
    -----
    Where a regressor does not know about unknown rows itself (all but those of this package), a row
    is left out of training if its target is NaN or if its columns begin with NaN and the regressor
    cannot take NaN; it is predicted as the mean of the transformed target. Where a prediction
    cannot be inverted, because the values before it are not known, it is the value of `y_lag`, or
    else the mean of the training target.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import (Differencer, LagWindower, TransformedSeriesRegressor,
    ...                     series_to_supervised)
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> model = TransformedSeriesRegressor(
    ...     make_pipeline(Differencer([1, 12]), LagWindower(12, flatten=True), Ridge()),
    ...     transformer=Differencer([1, 12]),
    ...     y_lag="milk_lag1",
    ... )
    >>> model.fit(X[:-36], y[:-36]).predict(X[-36:]).shape
    (36,)
    """

    _parameter_constraints: dict = {
        "regressor": [HasMethods(["fit", "predict"])],
        "transformer": [HasMethods(["fit", "transform", "inverse_transform"]), None],
        "y_lag": [str, Integral, list, tuple, np.ndarray, None],
        "check_inverse": ["boolean"],
    }

    def __init__(self, regressor, transformer=None, *, y_lag=None, check_inverse=True):
        self.regressor = regressor
        self.transformer = transformer
        self.y_lag = y_lag
        self.check_inverse = check_inverse

    @restore_on_error
    @follow
    def fit(self, X, y, **fit_params):
        """Fit the transformer to the target and the regressor to the transformed target.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            One row per time step, oldest first.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            The target; NaN where it is not known.
        **fit_params : dict
            Passed to the regressor's `fit`.

        Returns
        -------
        self : TransformedSeriesRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If a parameter is out of range, `y_lag` is no column of `X`, the lengths or the labels
            of `X` and `y` differ, or `y` holds infinity or text.
        """
        self._validate_params()
        context = self._begin_fit(1, X=X, y=y)
        rows = check_rows(self, X, reset=True, allow_nd=True)
        self._refuse_stray_nan(rows, X)
        target = check_target(y, X)
        self._y_ndim = np.asarray(y).ndim
        self._names = list(y.columns) if isinstance(y, pd.DataFrame) else None
        self._lags = self._lag_positions(target.shape[1])
        self._mean = np.nanmean(target, axis=0)
        flat = rows.reshape(len(rows), -1)
        self._rows = History(flat, index_of(X), depth=1, quiet=True)

        transformed = target
        self.transformer_ = None if self.transformer is None else clone(self.transformer)
        if self.transformer_ is not None:
            # The transformer knows the target's rows by their numbers: rows of X without labels
            # can then be told apart as well as rows with labels.
            numbers = [np.arange(start, stop) for start, stop in self._rows.spans]
            table = self._table(target, np.concatenate(numbers))
            transformed = np.asarray(self.transformer_.fit_transform(table), dtype=float)
            transformed = transformed.reshape(len(rows), -1)
            if self.check_inverse:
                self._check_inverse(target, transformed, table.index)
        known = ~np.isnan(transformed).any(axis=1)
        if not known.any():
            raise ValueError(
                f"No row is left to learn from: the transformed target is NaN in all {len(rows)}"
                " rows. Use more rows or a transformer that looks back less."
            )
        self._transformed_mean = transformed[known].mean(axis=0)
        if self._y_ndim == 1:
            transformed = transformed.ravel()
        self.regressor_ = clone(self.regressor)
        known_rows = _labelled_or(X, rows)
        if skips_unknown_rows(_last(self.regressor_)):
            data = {"estimator": self, "X": known_rows, "y": transformed}
            with passed_on(context, self.regressor_, "fit-regressor", **data):
                self.regressor_.fit(known_rows, transformed, **fit_params)
        else:
            _fit_known(self.regressor_, known_rows, transformed, fit_params)
        if context is not None:
            context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def predict(self, X):
        """Predict the target, in its own units.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            One row per time step, oldest first.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs)
            One finite prediction per row.

        Raises
        ------
        ValueError
            If `X` has other columns than in `fit`, or its index is unsorted or holds duplicates.
        """
        check_is_fitted(self)
        rows = check_rows(self, X, reset=False, allow_nd=True)
        self._refuse_stray_nan(rows, X)
        known = _labelled_or(X, rows)
        predicted = _predict_known(self.regressor_, known, self._transformed_mean)
        predicted = predicted.reshape(len(rows), -1)
        if self.transformer_ is not None:
            flat = rows.reshape(len(rows), -1)
            predicted = self._invert(predicted, flat, index_of(X))
            if self._lags is not None:
                predicted = np.where(np.isnan(predicted), flat[:, self._lags], predicted)
            predicted = np.where(np.isnan(predicted), self._mean, predicted)
        return predicted.ravel() if self._y_ndim == 1 else predicted

    def _invert(self, predicted, rows, index):
        """Bring predictions back to the target's units, one unbroken part after the other."""
        labelled = index is not None and self._rows.labels is not None
        inverted = np.empty((len(rows), len(self._mean)))
        for part in self._rows.stretches(rows, index):
            # Rows that are told by their values lie together even where that is told late.
            start = part.start if labelled else 0
            # Nothing is known of rows that stand before all training rows.
            nowhere = -len(rows) - FAR
            placed = part.number is not None and part.agrees
            number = part.number - (part.start - start) if placed else nowhere
            if labelled and not placed:
                warnings.warn(
                    f"Rows from {index[part.start]!r} on have no known place among the training"
                    " rows or after them (was the index reset?): where the values before them"
                    " would be needed, the prediction is that of y_lag, or else the training mean.",
                    UserWarning,
                    stacklevel=3,
                )
            observed = None
            if self._lags is not None:
                # The value observed at a row stands in the next row; the last is not known yet.
                observed = np.full((part.stop - start, len(self._lags)), np.nan)
                observed[:-1] = rows[start + 1 : part.stop, self._lags]
            numbers = number + np.arange(part.stop - start)
            back = self._invert_part(predicted[start : part.stop], observed, numbers)
            inverted[part.start : part.stop] = back[part.start - start :]
        return inverted

    def _invert_part(self, transformed, observed, numbers):
        """Undo the transformer's steps, from the last to the first."""
        steps = _steps(self.transformer_)
        seen = [None] * len(steps)
        if observed is not None:
            seen[0] = self._table(observed, numbers)
            for place, step in enumerate(steps[:-1]):
                seen[place + 1] = step.transform(seen[place])
        values = transformed
        for step, before in zip(reversed(steps), reversed(seen), strict=True):
            takes_observed = "observed" in inspect.signature(step.inverse_transform).parameters
            options = {"observed": before} if takes_observed and before is not None else {}
            names = getattr(step, "feature_names_in_", None)
            if names is not None and len(names) != np.shape(values)[1]:
                names = None
            values = pd.DataFrame(np.asarray(values), index=numbers, columns=names)
            values = step.inverse_transform(values, **options)
        return np.asarray(values, dtype=float).reshape(len(numbers), -1)

    def _check_inverse(self, target, transformed, numbers):
        """Warn if the way back does not lead back."""
        back = self._invert_part(transformed, None, numbers)
        # A value that runs on from an unknown one is NaN, which says nothing against the way back.
        restores = back.shape == target.shape and np.allclose(
            *(np.where(np.isnan(back + target), 0.0, values) for values in (back, target))
        )
        if not restores:
            warnings.warn(
                "The transformer's inverse_transform does not restore the training target, so"
                " predictions come out in other units. Set check_inverse=False to go on silently.",
                UserWarning,
                stacklevel=4,
            )

    def _refuse_stray_nan(self, rows, X):
        """Refuse NaN beside known values where nothing before the regressor could take it."""
        first = _steps(self.regressor)[0]
        if rows.ndim > 2 or get_tags(first).input_tags.allow_nan:
            return
        missing = np.isnan(rows)
        stray = missing & ~missing.all(axis=1, keepdims=True)
        if stray.any():
            place = tuple(np.argwhere(stray)[0])
            raise ValueError(
                f"Input X contains NaN at {place_of(place, X)}, beside known values, and"
                f" {type(first).__name__} does not accept it. Fill or interpolate it; only a whole"
                " row of NaN means that nothing is known."
            )

    def _table(self, values, numbers):
        """Return target values as a DataFrame whose labels are row numbers."""
        names = self._names or [f"y{i}" for i in range(values.shape[1])]
        return pd.DataFrame(values, index=numbers, columns=names)

    def _lag_positions(self, n_outputs):
        """Return the positions of the columns that `y_lag` names."""
        if self.y_lag is None:
            return None
        names = list(getattr(self, "feature_names_in_", []))
        wanted = [self.y_lag] if isinstance(self.y_lag, str | Integral) else list(self.y_lag)
        positions = []
        for column in wanted:
            if isinstance(column, str) and column in names:
                positions.append(names.index(column))
            elif isinstance(column, Integral) and 0 <= column < self.n_features_in_:
                positions.append(int(column))
            else:
                raise ValueError(
                    f"y_lag={self.y_lag!r} is no column of X: expected"
                    + (f" one of {names} or" if names else "")
                    + f" a position from 0 to {self.n_features_in_ - 1}."
                )
        if len(positions) != n_outputs:
            raise ValueError(
                f"y_lag={self.y_lag!r} names {len(positions)} column(s), but y has {n_outputs}"
                " target(s): name one column of X for each target, which holds it one step earlier."
            )
        return positions

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.regressor)
        tags.input_tags.three_d_array = inner.input_tags.three_d_array
        tags.input_tags.allow_nan = get_tags(_steps(self.regressor)[0]).input_tags.allow_nan
        tags.target_tags.multi_output = inner.target_tags.multi_output
        tags.target_tags.single_output = inner.target_tags.single_output
        tags.regressor_tags = inner.regressor_tags
        tags.non_deterministic = inner.non_deterministic
        return tags


def _labelled_or(X, rows):
    """Return `X` where it has labels, else its validated rows."""
    return X if index_of(X) is not None else rows


def _steps(estimator):
    """List the estimators of a pipeline, nested ones included."""
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    return [inner for step in steps for inner in _steps(step)]


def _last(regressor):
    """Return the estimator at the end of a pipeline."""
    while isinstance(regressor, Pipeline):
        regressor = regressor.steps[-1][1]
    return regressor


def _fit_known(regressor, X, y, fit_params):
    """Fit a regressor on the rows whose target and oldest inputs are known."""
    if isinstance(regressor, Pipeline):
        name, last = regressor.steps[-1]
        own = {
            k.removeprefix(f"{name}__"): v
            for k, v in fit_params.items()
            if k.startswith(f"{name}__")
        }
        others = {k: v for k, v in fit_params.items() if not k.startswith(f"{name}__")}
        if len(regressor.steps) > 1:
            before = regressor[:-1]
            X = before.fit_transform(X, y, **others)
            # With a memory, the slice holds clones that were fitted.
            regressor.steps[:-1] = before.steps
        _fit_known(last, X, y, own)
        return
    n_rows = len(y)
    known = np.flatnonzero(_takes(regressor, X) & ~np.isnan(y.reshape(n_rows, -1)).any(axis=1))
    if not len(known):
        raise ValueError(
            f"No row is left to learn from: in all {n_rows} rows the target or the oldest inputs"
            " are not known. Use more rows, a shorter window or a transformer that looks back less."
        )
    of_rows = {
        k: _safe_indexing(v, known) if _per_row(v, n_rows) else v for k, v in fit_params.items()
    }
    regressor.fit(_safe_indexing(X, known), y[known], **of_rows)


def _predict_known(regressor, X, mean):
    """Predict with a regressor; rows whose oldest inputs are not known get the mean."""
    if skips_unknown_rows(_last(regressor)):
        return regressor.predict(X)
    if isinstance(regressor, Pipeline):
        if len(regressor.steps) > 1:
            X = regressor[:-1].transform(X)
        return _predict_known(regressor.steps[-1][1], X, mean)
    known = np.flatnonzero(_takes(regressor, X))
    predicted = np.tile(mean, (np.shape(X)[0], 1))
    if len(known):
        of_known = np.asarray(regressor.predict(_safe_indexing(X, known)))
        predicted[known] = of_known.reshape(len(known), -1)
    return predicted


def _takes(regressor, X):
    """Tell which rows a regressor can use: all but those that begin with NaN."""
    n_rows = np.shape(X)[0]
    if get_tags(regressor).input_tags.allow_nan:
        return np.ones(n_rows, dtype=bool)
    unknown = np.asarray(pd.isna(X)).reshape(n_rows, -1)
    # Only a head of NaN means "no past"; the regressor refuses NaN after a known value.
    resumes = (unknown[:, 1:] & ~unknown[:, :-1]).any(axis=1)
    return ~unknown[:, 0] | resumes


def _per_row(value, n_rows):
    """Tell whether a fit parameter holds one entry per row."""
    return hasattr(value, "__len__") and not isinstance(value, str) and len(value) == n_rows
