"""A regressor of a transformed target, where the transformer may look back."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._horizon import said_horizon, seen_horizon, until_now
from sklstm._checks._numbers import place_of
from sklstm._checks._tables import check_rows, check_target, column_positions, index_of
from sklstm._past._order import check_sorted
from sklstm._past._past import LONG_BEFORE, Past
from sklstm._sklearn._callbacks import FollowedMixin, passed_on
from sklstm._sklearn._compat import HasMethods, Interval, StrOptions, with_callbacks
from sklstm._sklearn._composition import look_back, looks_back
from sklstm._sklearn._labels import keep_labels
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm._sklearn._warnings import InverseWarning, UnknownPastWarning, warn
from sklstm.regressors._base import shaped
from sklstm.regressors._known_rows import (
    fit_known,
    predict_known,
    skips_unknown_rows,
    steps_of,
    takes_nan,
)
from sklstm.regressors._problem import check_n_targets


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
    horizon : int or "auto", default="auto"
        How many steps ahead the columns of `y` reach: all targets of step 1, then all of step 2,
        and so on. The last ``horizon - 1`` rows are history, but not taught: their targets lie
        after the last row, so they are not known yet. ``"auto"`` is told by the columns of a
        DataFrame, if they are called ``<name>_step1``, ``<name>_step2`` and so on; otherwise it
        is 1.
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

    transformer_: Any

    _parameter_constraints: dict = {
        "regressor": [HasMethods(["fit", "predict"])],
        "transformer": [HasMethods(["fit", "transform", "inverse_transform"]), None],
        "y_lag": [str, Integral, list, tuple, np.ndarray, None],
        "horizon": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "check_inverse": ["boolean"],
    }

    def __init__(
        self, regressor, transformer=None, *, y_lag=None, horizon="auto", check_inverse=True
    ):
        self.regressor = regressor
        self.transformer = transformer
        self.y_lag = y_lag
        self.horizon = horizon
        self.check_inverse = check_inverse

    @restore_on_error
    @with_callbacks
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
        # 1. Validate.
        self._validate_params()
        context = self._begin_fit(1, X=X, y=y)
        rows, inputs = self._read_rows(X, reset=True)
        target = check_target(y, X)
        horizon = said_horizon(y, target, self.horizon)
        target = until_now(target, horizon)
        seen = seen_horizon(target) if self.horizon == "auto" and horizon == 1 else horizon
        if seen > 1 and self.transformer is not None and looks_back(self.transformer):
            raise ValueError(
                f"y reaches {seen} steps ahead, but transformer={self.transformer!r} looks back"
                " on its rows, which would take the changes of each step from row to row. Use a"
                " transformer that does not look back, such as SeriesMinMaxScaler or"
                " FunctionTransformer(np.log, np.exp), or a y of one step, which forecast feeds"
                " back."
            )
        self._y_ndim = np.asarray(y).ndim
        # Names of several kinds are none to scikit-learn.
        named = isinstance(y, pd.DataFrame) and len(set(map(type, y.columns))) == 1
        self._names = list(y.columns) if named else [f"y{i}" for i in range(target.shape[1])]
        self._lags = None
        if self.y_lag is not None:
            self._lags = column_positions(self, self.y_lag, "y_lag")
            if len(self._lags) != target.shape[1]:
                raise ValueError(
                    f"y_lag={self.y_lag!r} names {len(self._lags)} column(s), but y has"
                    f" {target.shape[1]} target(s): name one column of X for each target, which"
                    " holds it one step earlier."
                )
        self._mean = np.nanmean(target, axis=0)

        # 2. Remember where the training rows stand.
        self._past = Past(rows, index_of(X), depth=1, quiet=True)

        # 3. Fit the transformer to the target.
        self.transformer_ = None
        transformed = target
        if self.transformer is not None:
            self.transformer_ = keep_labels(clone(self.transformer))
            transformed = self._fit_transform(target)
        known = ~np.isnan(transformed).any(axis=1)
        if not known.any():
            raise ValueError(
                f"No row is left to learn from: the transformed target is NaN in all {len(rows)}"
                " rows. Use more rows or a transformer that looks back less."
            )
        self._transformed_mean = transformed[known].mean(axis=0)

        # 4. Fit the regressor to the transformed target.
        fit_params = self._transform_validation(fit_params)
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).regressor.fit
        self.regressor_ = clone(self.regressor)
        if index_of(X) is not None:
            keep_labels(self.regressor_)
        outputs = shaped(transformed, self._y_ndim)
        if skips_unknown_rows(self.regressor_):
            network = steps_of(self.regressor_)[-1]
            network.horizon = horizon if network.horizon == "auto" else network.horizon
            with passed_on(context, self.regressor_, estimator=self, X=inputs, y=outputs):
                self.regressor_.fit(inputs, outputs, **fit_params)
        else:
            fit_known(self.regressor_, inputs, outputs, fit_params)
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
        rows, inputs = self._read_rows(X, reset=False)
        predicted = predict_known(self.regressor_, inputs, self._transformed_mean)
        predicted = predicted.reshape(len(rows), -1)
        if self.transformer_ is not None:
            predicted = self._invert(predicted, rows, index_of(X))
        return shaped(predicted, self._y_ndim)

    def _fit_transform(self, target):
        """Fit the transformer to the training target, and return the transformed target."""
        # Row numbers as labels: the transformer then places rows of a table without labels as
        # surely as those of one with labels, also after a gap.
        numbers = np.concatenate([np.arange(start, stop) for start, stop in self._past.spans])
        transformed = self.transformer_.fit_transform(self._table(target, numbers))
        transformed = np.asarray(transformed, dtype=float).reshape(len(target), -1)
        if self.check_inverse:
            back = self._invert_part(transformed, None, numbers)
            # A value that runs on from an unknown one is NaN, which says nothing of the way back.
            unknown = back.shape == target.shape and np.isnan(back + target)
            if back.shape != target.shape or not np.allclose(back[~unknown], target[~unknown]):
                warn(
                    "The transformer's inverse_transform does not restore the training target, so"
                    " predictions come out in other units. Set check_inverse=False to go on"
                    " silently.",
                    InverseWarning,
                )
        return transformed

    def _invert(self, predicted, rows, index):
        """Bring predictions back to the target's units, one unbroken part after the other."""
        inverted = np.empty((len(rows), len(self._mean)))
        for part, numbers in self._placed(rows, index):
            if numbers[0] == LONG_BEFORE and index is not None and self._past.labelled:
                warn(
                    f"Rows from {index[part.start]!r} on have no known place among the training"
                    " rows or after them (was the index reset?): where the values before them"
                    " would be needed, the prediction is that of y_lag, or else the training mean.",
                    UnknownPastWarning,
                )
            observed = None
            if self._lags is not None:
                # The value observed at a row stands in the next row; the last is not known yet.
                earlier = rows[part][:, self._lags].astype(float)
                observed = self._table(earlier, numbers).shift(-1)
            inverted[part] = self._invert_part(predicted[part], observed, numbers)
        if self._lags is not None:
            inverted = np.where(np.isnan(inverted), rows[:, self._lags], inverted)
        return np.where(np.isnan(inverted), self._mean, inverted)

    def _placed(self, rows, index):
        """Yield each unbroken part of a table as a slice, with the numbers of its rows."""
        for stretch in self._past.stretches(rows, index):
            is_placed = stretch.number is not None and stretch.agrees
            # The transformer knows nothing of rows that stand long before the training rows.
            first = stretch.number if is_placed else LONG_BEFORE
            numbers = first + np.arange(stretch.stop - stretch.start)
            yield slice(stretch.start, stretch.stop), numbers

    def _transform_validation(self, fit_params):
        """Transform the targets of validation rows, so that they are watched as `y` is learnt."""
        X_val, y_val = fit_params.get("X_val"), fit_params.get("y_val")
        if X_val is None or y_val is None or self.transformer_ is None:
            return fit_params
        rows, _ = self._read_rows(X_val, reset=False, name="X_val")
        if index_of(X_val) is not None:
            check_sorted(X_val.index, "X_val")
        target = check_target(y_val, X_val, name="y_val", rows_name="X_val")
        check_n_targets(target, len(self._mean))
        transformed = np.empty(target.shape)
        for part, numbers in self._placed(rows, index_of(X_val)):
            values = self.transformer_.transform(self._table(target[part], numbers))
            transformed[part] = np.asarray(values, dtype=float).reshape(len(numbers), -1)
        return {**fit_params, "y_val": shaped(transformed, self._y_ndim)}

    def _invert_part(self, transformed, observed, numbers):
        """Undo the transformer's steps, from the last to the first."""
        steps = steps_of(self.transformer_)
        seen = [observed]
        for step in steps[:-1]:
            seen.append(None if observed is None else step.transform(seen[-1]))
        values = transformed
        for step, before in zip(reversed(steps), reversed(seen), strict=True):
            options: dict = {} if before is None or not looks_back(step) else {"observed": before}
            names = getattr(step, "feature_names_in_", None)
            if names is not None and len(names) != np.shape(values)[1]:
                names = None
            values = pd.DataFrame(np.asarray(values), index=numbers, columns=names)
            values = step.inverse_transform(values, **options)
        return np.asarray(values, dtype=float).reshape(len(numbers), -1)

    def _read_rows(self, X, *, reset, name="X"):
        """Validate rows, and refuse NaN beside known values where the first step cannot take it.

        Returns the rows with two axes, and what the regressor gets: a table keeps its labels.
        """
        rows = check_rows(self, X, reset=reset, name=name, allow_nd=True)
        missing = np.isnan(rows)
        stray = missing & ~missing.all(axis=1, keepdims=True)
        if rows.ndim == 2 and stray.any() and not takes_nan(self.regressor):
            place = place_of(tuple(np.argwhere(stray)[0]), X)
            first = type(steps_of(self.regressor)[0]).__name__
            raise ValueError(
                f"Input {name} contains NaN at {place}, beside known values, and {first} does not"
                " accept it. Fill or interpolate it; only a whole row of NaN means that nothing is"
                " known."
            )
        return rows.reshape(len(rows), -1), rows if index_of(X) is None else X

    def _table(self, values, numbers):
        """Return target values as a DataFrame whose labels are row numbers."""
        return pd.DataFrame(values, index=numbers, columns=self._names)

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

    def __sklstm_look_back__(self):
        # Without observed values to start from, each prediction is built upon the one before.
        own = 0 if self.transformer_ is None else look_back(self.transformer_)
        runs_on = self.y_lag is None and own != 0
        depths = own, look_back(self.regressor_)
        return None if runs_on or None in depths else max(depths) + 1

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.regressor)
        tags.input_tags.three_d_array = inner.input_tags.three_d_array
        tags.input_tags.allow_nan = takes_nan(self.regressor)
        tags.target_tags.multi_output = inner.target_tags.multi_output
        tags.target_tags.single_output = inner.target_tags.single_output
        tags.regressor_tags = inner.regressor_tags
        tags.non_deterministic = inner.non_deterministic
        return tags
