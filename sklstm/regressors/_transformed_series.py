"""A regressor of a transformed target, where the transformer may look back."""

from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._arguments import check_kind
from sklstm._checks._columns import column_names
from sklstm._checks._horizon import note_targets, said_horizon, until_now
from sklstm._checks._quantiles import levels_of
from sklstm._checks._tables import check_target, index_of, layout_of
from sklstm._checks._windows import count_axes
from sklstm._past._layout import Numbers
from sklstm._past._past import Past
from sklstm._sklearn._compat import HasMethods, Interval, StrOptions, with_callbacks
from sklstm._sklearn._composition import call_final, look_back
from sklstm._sklearn._labels import keep_labels
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm._sklearn._warnings import InverseWarning, warn
from sklstm.regressors._heads import Fallback, PointHead, QuantileHead, shaped
from sklstm.regressors._meta._earlier_targets import (
    PlacedRows,
    check_transformed_once,
    find_earlier,
)
from sklstm.regressors._meta._known_rows import (
    predict_known,
    read_rows,
    refuse_labels,
    takes_nan,
    train_inside,
)
from sklstm.regressors._meta._later_rows import Pending, outputs_for, train_on, transform_validation
from sklstm.regressors._meta._meta_regressor import MetaRegressor, can_go_on, predicts_quantiles
from sklstm.regressors._meta._steps import (
    check_same,
    fit_anew,
    fit_warm,
    going_on,
    is_warm_start,
    steps_of,
)
from sklstm.regressors._meta._target_steps import (
    Place,
    RowLabels,
    TargetSteps,
    fit_target_step,
    fit_warm_target,
)
from sklstm.regressors._problem import warn_of_few_rows


class TransformedSeriesRegressor(MetaRegressor):
    """Train on a transformed target and predict in the target's own units.

    This is scikit-learn's :class:`~sklearn.compose.TransformedTargetRegressor` for series: the
    transformer may look back, as :class:`Differencer` does, and columns of `X` that hold earlier
    targets go through it, too. Works with any regressor: rows whose inputs or target are not known
    are left out of training, and every row gets a finite prediction.

    Parameters
    ----------
    regressor : estimator
        Regressor or pipeline that ends in one. It sees the transformed target.
    transformer : transformer, default=None
        Transformer with `inverse_transform`, or pipeline of such; None leaves the target as it is.
    y_lag : "auto", column name, position, sequence of these or None, default="auto"
        The column of `X`, by name or position, that holds the target one step earlier (one per
        target). Predictions are then inverted from these observed values, one step ahead. By
        default, it is the column called ``<target>_lag1`` (an unnamed Series is ``"series"``), or
        else the first that equals the target of the row before. With None, predictions run on
        from the last training value, and `X` is left alone.
    transform_lags : bool, default=True
        Whether the columns of `y_lag`, and those called ``<target>_lag2``, ``<target>_lag3`` and so
        on, go through the fitted transformer of the target. All other columns are left as they
        are. False leaves these columns alone as well, for another transformation in `regressor`.
    horizon : int or "auto", default="auto"
        How many steps ahead the columns of `y` reach: all targets of step 1, then all of step 2,
        and so on. `fit` skips the last ``horizon - 1`` rows, whose targets lie after the last
        row and are not known yet; they still are history. ``"auto"`` reads it from the columns of a
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
    y_lag_ : list or None
        The columns of `X` that hold the targets one step earlier, by name or, for an array, by
        position; None where there are none, or where nobody asks for them: ``y_lag="auto"`` without
        a transformer.
    quantiles_ : ndarray of shape (n_quantiles,)
        What `predict_quantiles` returns; only with a regressor that learns quantiles.
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
    Of several steps ahead, the transformer is fitted to the targets of the first step, and each
    step goes through it. Differences are taken from what is known before the row. For each step,
    this is the newest known value that lies a whole number of seasons before it; with several
    intervals, such as ``[1, 12]``, the value to which the known ones lead if all differences stay
    zero. So `y_lag` is needed, and only one step of the transformer may look back.

    A standard deviation of the regressor (``return_std=True``) would be one of the transformed
    target, so `predict` does not take it; quantiles can be brought back to the target's units.

    Where a regressor does not know about unknown rows itself (all but those of this package), a row
    is left out of training if its target is NaN or if its columns begin with NaN and the regressor
    cannot take NaN; it is predicted as the mean of the transformed target. Where a prediction
    cannot be inverted, because the values before it are not known, it is the value of `y_lag`, or
    else the mean of the training target. Of many series, these are the means of the row's own
    series, or of all where `fit` has not seen it.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import (
    ...     Differencer,
    ...     LagWindower,
    ...     TransformedSeriesRegressor,
    ...     series_to_supervised,
    ... )
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> model = TransformedSeriesRegressor(
    ...     make_pipeline(LagWindower(12, flatten=True), Ridge()),
    ...     transformer=Differencer([1, 12]),
    ... )
    >>> model.fit(X[:-36], y[:-36]).y_lag_
    ['milk_lag1']
    >>> model.predict(X[-36:])[:3].round(1), y[-36:-33].to_numpy()
    (array([839.5, 787.1, 877.8]), array([821., 773., 883.]))

    Twelve months at once, as changes from what is known before them; the first month is off by
    about 7 pounds of 850, the twelfth by about 14:

    >>> from sklearn.metrics import mean_absolute_error
    >>> X, y = series_to_supervised(load_milk(), horizon=12)
    >>> ahead = model.fit(X[:-25], y[:-25]).predict(X[-25:])
    >>> errors = mean_absolute_error(y[-25:], ahead, multioutput="raw_values")
    >>> errors[[0, 11]].round(1)
    array([ 6.5, 14.1])
    """

    transformer_: Any
    regressor_: Any

    _parameter_constraints: dict = {
        "regressor": [HasMethods(["fit", "predict"])],
        "transformer": [HasMethods(["fit", "transform", "inverse_transform"]), None],
        "y_lag": "no_validation",  # Names of columns may be of any type.
        "transform_lags": ["boolean"],
        "horizon": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "check_inverse": ["boolean"],
    }

    def __init__(
        self,
        regressor,
        transformer=None,
        *,
        y_lag="auto",
        transform_lags=True,
        horizon="auto",
        check_inverse=True,
    ):
        self.regressor = regressor
        self.transformer = transformer
        self.y_lag = y_lag
        self.transform_lags = transform_lags
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
            that is enabled. ``X_val`` and ``y_val`` are in the units of `X` and `y`, and are
            transformed as these are. With a regressor that has ``warm_start=True``, or a pipeline
            that ends in one, a second fit goes on from what it has learnt, and the other steps keep
            their scale; only what they remember of the rows is that of `X`.

        Returns
        -------
        self : TransformedSeriesRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If a parameter is out of range, `y_lag` is no column of `X` or holds other values than
            the target one step earlier, lag columns would be transformed twice, differences of
            several steps ahead could not be undone, the transformer makes NaN or infinity of a
            value, the lengths or the labels of `X` and `y` differ, or `y` holds infinity or text.
        TypeError
            If `X` or `y` is sparse, or nothing that a table can be made of.

        Warns
        -----
        InverseWarning
            If `inverse_transform` does not restore the training target.
        UnknownLagWarning
            If the transformer looks back, and no column of `X` is found that holds the target one
            step earlier.
        """
        return self._fit("fit", X, y, fit_params)

    @available_if(can_go_on)
    @restore_on_error
    @with_callbacks
    def partial_fit(self, X, y, **fit_params):
        """Let the regressor go on from what it has learnt, with rows that have come since.

        Only with a regressor that has this method, also as the last step of a pipeline; it is
        called with transformed rows. What transformers have learnt, such as a scale, stays as it
        is, while what they remember of the rows moves on to the end of `X`. The first call fits
        them.

        Several steps ahead, the targets of the last ``horizon - 1`` rows lie after the last row.
        These rows are kept, and are taught in a later call, once their targets lie before its last
        row; a regressor with a state cannot go back to them.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            New rows, oldest first. Those with labels may come after a gap, or hold rows that were
            seen before, which are taught again; those without follow the last row seen.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Their target; NaN where it is not known.
        **fit_params : dict
            Passed on to the regressor as in `fit`. Kept rows have the weight 1.

        Returns
        -------
        self : TransformedSeriesRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            As in `fit`; or if `X` has no place among the rows seen so far or after them, the
            columns of `y` or the parameters of a transformer are others than before, or a step is
            made of others that look back.
        TypeError
            If `X` or `y` is sparse, or nothing that a table can be made of.

        Warns
        -----
        AssumedPastWarning
            If a column of earlier targets holds another value than the target that was seen.
        UnknownPastWarning
            If rows come after a gap, so that the values before them are not known.
        """
        if not hasattr(self, "regressor_"):
            return self._fit("partial_fit", X, y, fit_params)
        self._validate_params()
        context = self._begin_fit(1, X=X, y=y)
        train_on(self, X, y, fit_params, context)
        if context is not None:
            context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _fit(self, method, X, y, fit_params):
        """Fit the transformer, and call a method of the regressor."""
        # 1. Validate.
        self._validate_params()
        refuse_labels(self.regressor)
        if self.transformer is not None:
            check_kind(self.transformer, "transformer", "fit", "an object such as Differencer()")
        context = self._begin_fit(1, X=X, y=y)
        rows, inputs = read_rows(self, X, reset=True, y=y)
        target = check_target(y, X)
        layout = layout_of(X)
        horizon = said_horizon(y, target, self.horizon, layout)
        given, target = target, until_now(target, horizon, layout)
        self._y_ndim, self._n_outputs = count_axes(y), target.shape[1]
        is_warm = hasattr(self, "regressor_") and is_warm_start(self.regressor)
        note_targets(self, y, goes_on=is_warm)
        if is_warm:
            regressor = going_on(self.regressor, self.regressor_)
            check_same(steps_of(self.transformer), steps_of(self.transformer_))
        else:
            regressor = clone(self.regressor)
            self.transformer_ = None
            if self.transformer is not None:
                self.transformer_ = keep_labels(clone(self.transformer))
        # Names of several kinds are none to scikit-learn.
        named = isinstance(y, pd.DataFrame) and len(set(map(type, y.columns))) == 1
        names = list(y.columns) if named else [f"y{i}" for i in range(self._n_outputs)]
        self._steps = TargetSteps(self.transformer_, names[: self._n_outputs // horizon], horizon)
        self._steps.check_ahead(target, layout)

        # 2. Fit the transformer to the target.
        lost = None
        self._past = Past(rows, index_of(X), depth=1, quiet=True)
        stretches = self._past.stretches(rows, index_of(X))
        labels = RowLabels(stretches)
        place = Place("y", y, target, labels.rows())
        ready: Any = fit_warm_target if is_warm else fit_target_step
        transformed = self._steps.transform(target, labels, place, ready=ready)
        self.transformer_ = self._steps.transformer
        if self.check_inverse and not self._steps.restores(target, transformed, labels):
            warn(
                "The transformer's inverse_transform does not restore the training target, so"
                " predictions come out in other units. Set check_inverse=False to go on silently.",
                InverseWarning,
            )

        # 3. Find the columns of X that hold earlier targets.
        layout = stretches.layout
        numbers = Numbers(layout, self._past.axis).at()
        earlier = partial(layout.earlier, numbers)
        self._earlier = find_earlier(X, rows, y, target, earlier, self.y_lag, self._steps)
        columns = column_names(X if isinstance(X, pd.DataFrame) else rows)
        firsts = self._earlier.firsts
        self.y_lag_ = None if firsts is None else [columns[i] for i in firsts]
        self._transforms_lags = self.transform_lags and bool(
            self._earlier.lags and self._steps.steps
        )
        depth = sum(look_back(step) or 0 for step in self._steps.steps)
        self._past = Past(rows, index_of(X), depth=max(depth, 1), quiet=True, n_again=horizon)
        self._seen = target[layout.row(self._past.kept.places)]
        if self._transforms_lags:
            check_transformed_once(self.regressor, self.transformer_, X, self._earlier.lags)
            placed = PlacedRows(rows, X, self._past.stretches(rows, index_of(X)))
            steps = self._earlier.at_hand(self._steps, placed)
            inputs, lost = self._earlier.transformed(steps, self.regressor, placed)
        known = ~np.isnan(transformed).any(axis=1)
        if not known.any():
            raise ValueError(
                f"No row is left to learn from: the transformed target is NaN in all {len(rows)}"
                " rows. Use more rows or a transformer that looks back less."
            )
        warn_of_few_rows(known.sum(), np.count_nonzero(~np.isnan(target).any(axis=1)))

        # 4. Fit the regressor to the transformed target.
        fit_params = transform_validation(self, fit_params)
        ready = fit_warm if is_warm else fit_anew if method == "partial_fit" else None
        outputs = outputs_for(regressor, inputs, transformed, layout, self._y_ndim)
        trained = regressor, horizon, inputs, outputs, fit_params, lost
        train_inside(context, self, *trained, method=method, ready=ready)
        self.regressor_ = regressor
        self._pending = Pending.of(regressor, X, given, horizon, layout)

        # 5. Remember what stands for rows that are not known.
        head: QuantileHead = PointHead()
        self._changes: Any = None
        self.__dict__.pop("quantiles_", None)
        if predicts_quantiles(self):
            head = QuantileHead(levels_of(self.regressor_))
            self.quantiles_ = np.array(head.levels)
            if firsts is not None:
                changes = target - self._earlier.newest(rows, horizon)
                self._changes = Fallback(head, changes, layout)
        self._middle = head.levels.index(0.5)
        self._fallback = Fallback(head, target, layout)
        self._transformed_fallback = Fallback(head, transformed, layout, known)
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

        Warns
        -----
        AssumedPastWarning
            If a column of earlier targets holds another value than the target in `fit`.
        UnknownPastWarning
            If the values before a row, from which its prediction is restored, are not known.
        InverseWarning
            If the transformer cannot undo a prediction, which is then the value of `y_lag`.
        """
        return self._predict(X)

    @available_if(predicts_quantiles)
    def predict_quantiles(self, X):
        """Predict quantiles of the target of each row, in its own units.

        Only with a regressor that has this method, such as an :class:`LSTMRegressor` with
        ``loss="quantile"``, also as the last step of a pipeline.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            One row per time step, oldest first.

        Returns
        -------
        ndarray of shape (n_rows, n_quantiles) or (n_rows, n_outputs, n_quantiles)
            The `quantiles_` of each row, in rising order, each of them brought back to the target's
            units as in `predict`. Where the values before a row are not known, they are those of
            the changes from `y_lag` in training, around its value, or else those of the training
            target.

        Raises
        ------
        ValueError
            As in `predict`, or if the transformer turns the order of values round, and the
            quantiles are not symmetric: that at 0.9 comes from the one at 0.1.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.

        Warns
        -----
        AssumedPastWarning, UnknownPastWarning, InverseWarning
            As in `predict`.
        """
        return self._predict(X, method="predict_quantiles")

    def _predict(self, X, wanted=None, method="predict"):
        """Predict the target, or quantiles; only those of some rows, if given, need be right."""
        values = self._values(X, method, wanted)
        if method == "predict":
            return shaped(values[:, :, 0], self._y_ndim)
        levels = self.quantiles_
        if (values[:, :, 0] > values[:, :, -1]).any() and not np.allclose(levels + levels[::-1], 1):
            raise ValueError(
                f"transformer={self.transformer!r} turns the order of values round, so quantiles"
                f" {levels.tolist()} of what it returns are those at {(1 - levels[::-1]).tolist()}"
                " of the target. Use symmetric quantiles, such as (0.1, 0.5, 0.9)."
            )
        values.sort(axis=2)
        return shaped(values, self._y_ndim)

    def _values(self, X, method, wanted=None):
        """Return what a method of the regressor predicts, of shape (n_rows, n_outputs, n_values).

        Only the values of some rows, if they are given, need be right.
        """
        check_is_fitted(self)
        rows, inputs = read_rows(self, X, reset=False)
        lost = stretches = steps = None
        if self._earlier.lags or self._steps.steps or self._past.names is not None:
            stretches = self._past.stretches(rows, index_of(X))
            placed = PlacedRows(rows, X, stretches)
            looks = self._steps.looks_back or look_back(self.regressor_) != 0
            self._earlier.compare(self._past.kept, self._seen, placed, looks=looks)
            steps = self._earlier.at_hand(self._steps, placed)
            if self._transforms_lags:
                inputs, lost = self._earlier.transformed(steps, self.regressor, placed)
        if self._runs_on:  # Each prediction is built upon the one before.
            wanted = None
        levels = slice(None) if method == "predict_quantiles" else [self._middle]
        unknown = self._transformed_fallback.of_stretches(stretches)[:, :, levels]
        flat = unknown.reshape(len(unknown), -1)
        predicted = predict_known(
            self.regressor_,
            inputs,
            flat,
            lost,
            wanted,
            ask=lambda learner, X: call_final(learner, method, X),
        ).reshape(len(rows), *unknown.shape[1:])
        if not self._steps.steps:
            return predicted
        del unknown, flat  # As much memory as all predictions.
        restored = self._earlier.restored(steps, predicted, rows, stretches)
        if self.y_lag_ is not None and np.isnan(restored).any():
            newest = self._earlier.newest(rows, self._steps.horizon)[:, :, None]
            if self._changes is not None:
                changes = self._changes.of_stretches(stretches)
                newest = newest + (changes - changes[:, :, [self._middle]])[:, :, levels]
            restored = np.where(np.isnan(restored), newest, restored)
        if not np.isnan(restored).any():
            return restored
        unknown = self._fallback.of_stretches(stretches)[:, :, levels]
        return np.where(np.isnan(restored), unknown, restored)

    @property
    def _runs_on(self):
        """Whether predictions are inverted without observed values to start from."""
        is_undone = self.transformer_ is not None and look_back(self.transformer_) != 0
        return is_undone and self._earlier.firsts is None

    def __sklstm_look_back__(self):
        if not hasattr(self, "regressor_"):
            return None
        own = 0 if self.transformer_ is None else look_back(self.transformer_)
        inner = look_back(self.regressor_)
        if self._runs_on or own is None or inner is None:
            return None
        return max(own, inner + own * self._transforms_lags) + 1

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = takes_nan(self.regressor)
        return tags
