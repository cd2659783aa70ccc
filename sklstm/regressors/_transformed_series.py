"""A regressor of a transformed target, where the transformer may look back."""

import inspect
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._arguments import validate_params
from sklstm._checks._numbers import place_of
from sklstm._checks._tables import (
    check_rows,
    check_target,
    column_positions,
    index_of,
    skips_unknown_rows,
)
from sklstm._past._past import Past, check_sorted
from sklstm._sklearn._callbacks import FollowedMixin, follow, passed_on
from sklstm._sklearn._compat import HasMethods
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm._sklearn._warnings import InverseWarning, UnknownPastWarning, warn
from sklstm.regressors._known_rows import fit_known, last_of, predict_known, steps_of

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
            Passed to the regressor's `fit`: by name, or by scikit-learn's metadata routing where
            that is enabled. A parameter named ``y_val`` is in the target's own units, as `y` is,
            and is transformed together with its rows ``X_val``.

        Returns
        -------
        self : TransformedSeriesRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If a parameter is out of range, `y_lag` is no column of `X`, the lengths or the labels
            of `X` and `y` differ, or `y` holds infinity or text.
        TypeError
            If `X` or `y` is sparse, or nothing that a table can be made of.
        """
        validate_params(self)
        context = self._begin_fit(1, X=X, y=y)
        rows = check_rows(self, X, reset=True, allow_nd=True)
        self._refuse_stray_nan(rows, X)
        target = check_target(y, X)
        self._y_ndim = np.asarray(y).ndim
        # Names of several kinds are none to scikit-learn.
        named = isinstance(y, pd.DataFrame) and len(set(map(type, y.columns))) == 1
        self._names = list(y.columns) if named else None
        self._lags = self._lag_positions(target.shape[1])
        self._mean = np.nanmean(target, axis=0)
        flat = rows.reshape(len(rows), -1)
        self._rows = Past(flat, index_of(X), depth=1, quiet=True)

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
        fit_params = self._transform_validation(fit_params)
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).regressor.fit
        known_rows = _labelled_or(X, rows)
        if skips_unknown_rows(last_of(self.regressor_)):
            data = {"estimator": self, "X": known_rows, "y": transformed}
            with passed_on(context, self.regressor_, "fit-regressor", **data):
                self.regressor_.fit(known_rows, transformed, **fit_params)
        else:
            fit_known(self.regressor_, known_rows, transformed, fit_params)
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
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        rows = check_rows(self, X, reset=False, allow_nd=True)
        self._refuse_stray_nan(rows, X)
        known = _labelled_or(X, rows)
        predicted = predict_known(self.regressor_, known, self._transformed_mean)
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
        labelled = index is not None and self._rows.labelled
        inverted = np.empty((len(rows), len(self._mean)))
        for part, start, numbers in self._placed(rows, index):
            if labelled and numbers[0] < -FAR:
                warn(
                    f"Rows from {index[part.start]!r} on have no known place among the training"
                    " rows or after them (was the index reset?): where the values before them"
                    " would be needed, the prediction is that of y_lag, or else the training mean.",
                    UnknownPastWarning,
                )
            observed = None
            if self._lags is not None:
                # The value observed at a row stands in the next row; the last is not known yet.
                observed = np.full((part.stop - start, len(self._lags)), np.nan)
                observed[:-1] = rows[start + 1 : part.stop, self._lags]
            back = self._invert_part(predicted[start : part.stop], observed, numbers)
            inverted[part.start : part.stop] = back[part.start - start :]
        return inverted

    def _placed(self, rows, index):
        """Yield each unbroken part of a table, where to begin for it, and its row numbers."""
        labelled = index is not None and self._rows.labelled
        # Nothing is known of rows that stand before all training rows.
        nowhere = -2 * len(rows) - FAR
        for part in self._rows.stretches(rows, index):
            # Rows that are told by their values lie together even where that is told late.
            start = part.start if labelled else 0
            placed = part.number is not None and part.agrees
            number = part.number - (part.start - start) if placed else nowhere
            yield part, start, number + np.arange(part.stop - start)

    def _transform_validation(self, fit_params):
        """Transform the targets of validation rows, so that they are watched as `y` is learnt."""
        X_val, y_val = fit_params.get("X_val"), fit_params.get("y_val")
        if X_val is None or y_val is None or self.transformer_ is None:
            return fit_params
        rows = check_rows(self, X_val, reset=False, name="X_val", allow_nd=True)
        if index_of(X_val) is not None:
            check_sorted(X_val.index, "X_val")
        target = check_target(y_val, X_val, name="y_val", rows_name="X_val")
        if target.shape[1] != len(self._mean):
            raise ValueError(
                f"y_val has {target.shape[1]} target(s), but y has {len(self._mean)}: they must"
                " agree."
            )
        transformed = np.empty(target.shape)
        flat = rows.reshape(len(rows), -1)
        for part, start, numbers in self._placed(flat, index_of(X_val)):
            table = self._table(target[start : part.stop], numbers)
            values = np.asarray(self.transformer_.transform(table), dtype=float)
            transformed[part.start : part.stop] = values.reshape(len(table), -1)[
                part.start - start :
            ]
        return {**fit_params, "y_val": transformed.ravel() if self._y_ndim == 1 else transformed}

    def _invert_part(self, transformed, observed, numbers):
        """Undo the transformer's steps, from the last to the first."""
        steps = steps_of(self.transformer_)
        seen = [None] * len(steps)
        if observed is not None:
            seen[0] = self._table(observed, numbers)
            for place, step in enumerate(steps[:-1]):
                seen[place + 1] = step.transform(seen[place])
        values = transformed
        for step, before in zip(reversed(steps), reversed(seen), strict=True):
            takes_observed = "observed" in inspect.signature(step.inverse_transform).parameters
            options: dict = {"observed": before} if takes_observed and before is not None else {}
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
        unknown = back.shape == target.shape and np.isnan(back + target)
        if back.shape != target.shape or not np.allclose(back[~unknown], target[~unknown]):
            warn(
                "The transformer's inverse_transform does not restore the training target, so"
                " predictions come out in other units. Set check_inverse=False to go on silently.",
                InverseWarning,
            )

    def _refuse_stray_nan(self, rows, X):
        """Refuse NaN beside known values where nothing before the regressor could take it."""
        first = steps_of(self.regressor)[0]
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
        positions = column_positions(self, self.y_lag, "y_lag")
        if len(positions) != n_outputs:
            raise ValueError(
                f"y_lag={self.y_lag!r} names {len(positions)} column(s), but y has {n_outputs}"
                " target(s): name one column of X for each target, which holds it one step earlier."
            )
        return positions

    def get_metadata_routing(self):
        """Tell which parameters of `fit` go to the regressor.

        Returns
        -------
        MetadataRouter
            What scikit-learn's metadata routing asks for.
        """
        to_fit = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(regressor=self.regressor, method_mapping=to_fit)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.regressor)
        tags.input_tags.three_d_array = inner.input_tags.three_d_array
        tags.input_tags.allow_nan = get_tags(steps_of(self.regressor)[0]).input_tags.allow_nan
        tags.target_tags.multi_output = inner.target_tags.multi_output
        tags.target_tags.single_output = inner.target_tags.single_output
        tags.regressor_tags = inner.regressor_tags
        tags.non_deterministic = inner.non_deterministic
        return tags


def _labelled_or(X, rows):
    """Return `X` where it has labels, else its validated rows."""
    return X if index_of(X) is not None else rows
