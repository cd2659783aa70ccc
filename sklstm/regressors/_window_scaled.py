"""A regressor of windows without their level, spread and season."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._horizon import check_same_targets, note_targets, until_now
from sklstm._checks._quantiles import levels_of
from sklstm._checks._tables import check_target, index_of, lacks_target, layout_of
from sklstm._checks._target_windows import check_past, columns_of_rows, find_horizon, find_targets
from sklstm._checks._windows import check_windows, count_axes
from sklstm._past._windows import Windows
from sklstm._sklearn._compat import HasMethods, Interval, StrOptions, with_callbacks
from sklstm._sklearn._composition import call_final, final_estimator, look_back, looks_back
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm.regressors._heads import Fallback, PointHead, QuantileHead, shaped
from sklstm.regressors._meta._known_rows import (
    predict_known,
    refuse_labels,
    refuse_raw_validation,
    skips_unknown_rows,
    takes_nan,
    train_inside,
)
from sklstm.regressors._meta._meta_regressor import MetaRegressor, can_go_on, predicts_quantiles
from sklstm.regressors._meta._steps import fit_anew, go_on, going_on, is_warm_start, steps_of
from sklstm.regressors._meta._window_scales import (
    WindowScaler,
    check_taught,
    warn_of_constant_windows,
)
from sklstm.regressors._problem import check_n_targets, learns_short_windows, mask_remedy


class WindowScaledRegressor(MetaRegressor):
    """Remove level, spread and season of each window before training, and restore them after.

    The regressor sees each window minus its level, divided by its spread. The target is scaled in
    the same way: ``(target - level) / spread``, or with `season` ``(target - earlier) / spread``,
    where ``earlier`` is the value a season before each step ahead. `predict` inverts this. So one
    regressor learns series of any level and spread, and predicts levels that it has not seen. Level
    and spread come from the window alone, so new series need no `fit`.

    This is reversible instance normalisation [1]_, without its learnt weights, with a seasonal
    residual, for any regressor and any number of steps ahead.

    Parameters
    ----------
    regressor : estimator
        Regressor, or pipeline that ends in one, which takes each window by itself: `LSTMRegressor`,
        or any of scikit-learn's on flat windows.
    center : {"mean", "last"} or None, default="mean"
        The level of a window: its mean, its last value, or 0.
    scale : {"standard", "mean", "range"} or None, default="standard"
        The spread of a window: its standard deviation, the mean of its absolute values [2]_, the
        distance of its largest value from its smallest, or 1.
    season : int, default=None
        Rows in a season, at most as many as in a window. What is taken out of the target is then
        not the level, but the value a season earlier than each step; the last season of the window
        is repeated for steps further ahead.
    columns : column name, position, sequence of these or None, default=None
        Which columns of a row hold the targets, one for each, in the order of `y`. All others are
        left as they are. Windows of three axes have no names, so it is a position there. By
        default, the only column; of flat windows with names, those called ``<target>_lag1``.
    horizon : int or "auto", default="auto"
        How many steps ahead the columns of `y` reach: all targets of step 1, then all of step 2,
        and so on. The last ``horizon - 1`` rows are history, but not taught: their targets lie
        after the last row, so they are not known yet. ``"auto"`` is the number of columns of `y`
        for each target.

    Attributes
    ----------
    regressor_ : estimator
        The fitted regressor.
    columns_ : list
        The columns of a row that hold the targets, by name or position.
    n_outputs_ : int
        Number of columns of the target.
    n_features_in_ : int
        Number of columns of a step, or of a flat window.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns; only of flat windows whose columns have names.

    See Also
    --------
    LagWindower : Makes the windows.
    TransformedSeriesRegressor : Takes the logarithm before, or whatever needs the whole series.

    Notes
    -----
    Windows must end with the target one step before the first step to predict, as those of
    `series_to_supervised` and `LagWindower` do. `fit` compares them with `y` where rows follow each
    other.

    The oldest steps of a window may be unknown; level and spread are then those of the known ones.
    If the value a season earlier is not known, `fit` skips the row, and its prediction is its
    level. If no step is known, the prediction is the mean of the training targets of the series, or
    of all series if `fit` has not seen it.

    A constant window has no spread to divide by: `fit` skips it, and its prediction is its level. A
    window may also be constant but for noise. So `fit` also skips rows whose scaled target is
    beyond 100: one of them could outweigh all others. (On simulated prices that stay the same for
    weeks, but for noise of a millionth, the relative error of ridge is 52 without this limit and
    0.02 with it. On intermittent demand, on regular series, and on series of very different size,
    it changes nothing.)

    `season` compares values, so leave it at None below a :class:`Differencer` if `y` reaches
    several steps ahead: the target then consists of changes from the last known value.

    Training windows are copied once they are scaled, as float32 for a network: ``n_rows * window *
    4`` bytes, so 1 million windows of 168 rows take 0.7 GB. Of windows of three axes, those whose
    target is NaN are not copied: NaN in most of the targets of a large table thins it out, and
    leaves all rows as history.

    References
    ----------
    .. [1] T. Kim et al., "Reversible Instance Normalization for Accurate Time-Series Forecasting
       against Distribution Shift", ICLR 2022.
    .. [2] D. Salinas, V. Flunkert, J. Gasthaus, T. Januschowski, "DeepAR: Probabilistic Forecasting
       with Autoregressive Recurrent Networks", International Journal of Forecasting 36 (3), 2020.

    Examples
    --------
    Neighbours cannot predict a level that they have not seen, but they know its season:

    >>> from sklearn.metrics import mean_absolute_error
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import (
    ...     LagWindower,
    ...     TransformedSeriesRegressor,
    ...     WindowScaledRegressor,
    ...     series_to_supervised,
    ... )
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk(), horizon=12)
    >>> neighbours = KNeighborsRegressor()
    >>> for regressor in [
    ...     neighbours,
    ...     WindowScaledRegressor(neighbours, season=12),
    ... ]:
    ...     model = make_pipeline(LagWindower(24, flatten=True), regressor)
    ...     model = TransformedSeriesRegressor(model).fit(X[:-36], y[:-36])
    ...     print(round(mean_absolute_error(y[-36:], model.predict(X[-36:])), 1))
    48.1
    22.0
    """

    #: Read by `skips_unknown_rows`.
    _skips_unknown_rows = True
    _scaler: WindowScaler
    regressor_: Any

    _parameter_constraints: dict = {
        "regressor": [HasMethods(["fit", "predict"])],
        "center": [StrOptions({"mean", "last"}), None],
        "scale": [StrOptions({"standard", "mean", "range"}), None],
        "season": [Interval(Integral, 1, None, closed="left"), None],
        "columns": "no_validation",  # Names of columns may be of any type.
        "horizon": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    }

    def __init__(
        self,
        regressor,
        *,
        center="mean",
        scale="standard",
        season=None,
        columns=None,
        horizon="auto",
    ):
        self.regressor = regressor
        self.center = center
        self.scale = scale
        self.season = season
        self.columns = columns
        self.horizon = horizon

    @restore_on_error
    @with_callbacks
    def fit(self, X, y, **fit_params):
        """Fit the regressor to windows and targets without level, spread and season.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_steps, n_features) or (n_rows, window * n_columns)
            Windows, oldest step first, one per time step. Those of `LagWindower` may be folded or
            flat.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            The target; NaN where it is not known.
        **fit_params : dict
            Passed to the regressor's `fit`: by name, or by scikit-learn's metadata routing where
            that is enabled. ``X_val`` and ``y_val`` are in the units of `X` and `y`, and are scaled
            as these are. With a regressor that has ``warm_start=True``, a second fit goes on from
            what it has learnt, as do the other steps of a pipeline.

        Returns
        -------
        self : WindowScaledRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If a parameter is out of range, windows do not end with the target one step before the
            first one to predict, a window is shorter than a season, it is not clear which columns
            hold the targets, the regressor looks back on its rows, no row is left to learn from,
            lengths or labels of `X` and `y` differ, or there is infinity, text, or NaN elsewhere
            than in the oldest steps of a window.
        TypeError
            If `X` or `y` is sparse, or nothing that a table can be made of.

        Warns
        -----
        UnknownLagWarning
            If most rows do not follow the row before them, as windows of a series do, so that it is
            not known whether they hold the target.
        FewRowsTaughtWarning
            If more than half of the rows that have a target are left out.
        """
        return self._fit("fit", X, y, fit_params)

    @available_if(can_go_on)
    @restore_on_error
    @with_callbacks
    def partial_fit(self, X, y, **fit_params):
        """Let the regressor go on from what it has learnt so far, by its own `partial_fit`.

        Of a pipeline, the last step goes on, and what the others have learnt stays as it is.

        Several steps ahead, the last ``horizon - 1`` rows are not taught, as in `fit`: pass them
        again when their targets are known. A `TransformedSeriesRegressor` around this regressor
        does that by itself.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_steps, n_features) or (n_rows, window * n_columns)
            Windows.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            The target; NaN where it is not known.
        **fit_params : dict
            Passed on, as in `fit`.

        Returns
        -------
        self : WindowScaledRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            As in `fit`, or if parameters, or the columns of `X` or `y`, are others than before.
        TypeError
            If `X` or `y` is sparse, or nothing that a table can be made of.
        """
        return self._fit("partial_fit", X, y, fit_params)

    def predict(self, X, return_std=False):
        """Predict the target, in its own units.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_steps, n_features) or (n_rows, window * n_columns)
            Windows.
        return_std : bool, default=False
            Whether to return a standard deviation as well, by a regressor that has one.

        Returns
        -------
        mean : ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
            One finite prediction per row.
        std : ndarray of the same shape
            Only with `return_std`.

        Raises
        ------
        ValueError
            If `X` has other columns than in `fit`, is shorter than a season, or holds infinity,
            text, or NaN elsewhere than in the oldest steps of a window; or if `return_std` is asked
            of a single network.
        TypeError
            If `X` is sparse, or nothing that a table can be made of; or if the regressor cannot
            `return_std`.

        Warns
        -----
        ConstantWindowWarning
            If windows without a spread leave the standard deviation at 0.
        """
        check_is_fitted(self)
        if not return_std:
            scaled, scales = self._ask(X, _predict, self._scaled_mean)
            return shaped(self._known(scales.undo(scaled), X, self._fallback), self._y_ndim)
        default = np.append(self._scaled_mean, self._scaled_std)
        both, scales = self._ask(X, _predict_with_std, default)
        mean, std = np.hsplit(both, 2)
        warn_of_constant_windows(scales, "standard deviation is 0")
        mean, std = self._known(scales.undo(mean), X, self._fallback), scales.stretch(std)
        std = np.where(np.isnan(std), self._std, std)
        return shaped(mean, self._y_ndim), shaped(std, self._y_ndim)

    @available_if(predicts_quantiles)
    def predict_quantiles(self, X):
        """Predict quantiles of the target, in its own units; only where the regressor does.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_steps, n_features) or (n_rows, window * n_columns)
            Windows.

        Returns
        -------
        ndarray of shape (n_rows, n_quantiles) or (n_rows, n_outputs, n_quantiles), float64
            The `quantiles_` of each row. A row of which nothing is known gets those of the training
            targets of its series.

        Raises
        ------
        ValueError
            As in `predict`.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.

        Warns
        -----
        ConstantWindowWarning
            If windows without a spread leave all quantiles the same.
        """
        check_is_fitted(self)
        scaled, scales = self._ask(X, _predict_quantiles, self._scaled_quantiles.ravel())
        warn_of_constant_windows(scales, "quantiles are all the same")
        values = scales.undo(scaled.reshape(len(scaled), self.n_outputs_, -1))
        values = self._known(values, X, self._quantile_fallback)
        return shaped(values, self._y_ndim)

    def _fit(self, method, X, y, fit_params):
        """Fit the regressor to scaled windows and targets, or let it go on."""
        # 1. Validate.
        self._validate_params()
        refuse_labels(self.regressor)
        inner = final_estimator(self.regressor)
        if isinstance(inner, WindowScaledRegressor):
            raise ValueError(
                f"regressor={self.regressor!r} takes level and spread out of each window, which"
                f" this WindowScaledRegressor does already. Use regressor={inner.regressor!r}, and"
                " one season for both."
            )
        if looks_back(self.regressor):
            raise ValueError(
                f"regressor={self.regressor!r} looks back on the rows before a row, but here each"
                " row is a window with a level and a spread of its own. Use a regressor that takes"
                " each window by itself, such as LSTMRegressor. Put LagWindower before"
                " WindowScaledRegressor, and TransformedSeriesRegressor around both."
            )
        goes_on = method == "partial_fit" and hasattr(self, "regressor_")
        context = self._begin_fit(1, X=X, y=y)
        untaught = lacks_target(y)
        windows, n_unknown = check_windows(self, X, reset=not goes_on, untaught=untaught)
        target = check_target(y, X)
        layout = layout_of(y, X)
        names = columns_of_rows(X, windows)
        is_warm = hasattr(self, "regressor_") and self.warm_start
        note_targets(self, y, goes_on=goes_on or is_warm)
        scaler = self._scaler_of(X, windows, names, y, target, layout)
        if goes_on and scaler != self._scaler:
            raise ValueError(
                f"Training cannot go on: parameters, X and y make {scaler}, but they made"
                f" {self._scaler} before. Call fit to start anew."
            )
        self._scaler = scaler
        self._y_ndim, self.n_outputs_ = count_axes(y), target.shape[1]
        self.columns_ = [names[i] for i in scaler.columns]
        known = until_now(target, scaler.horizon, layout)

        # 2. Scale.
        scales = scaler.measure(windows)
        scaled = scaler.scaled_target(scales, known)
        taught = np.flatnonzero(~np.isnan(scaled).any(axis=1))
        last = steps_of(self.regressor)[-1]
        learns_all = takes_nan(self.regressor) or learns_short_windows(last)
        n_learnt = len(taught[(n_unknown[taught] == 0) | learns_all])
        remedy = mask_remedy(last, windows, n_unknown[taught])
        check_taught(known, scales, self.season, remedy, n_taught=len(taught), n_learnt=n_learnt)
        fit_params = self._scale_validation(fit_params)
        inputs = self._taught_inputs(X, windows, scales, taught)
        outputs = shaped(scaled, self._y_ndim)

        # 3. Fit the regressor.
        if goes_on or is_warm:
            ready: Any = go_on
            self.regressor_ = going_on(self.regressor, self.regressor_)
        else:
            ready = fit_anew if method == "partial_fit" else None
            self.regressor_ = clone(self.regressor)
        trained = self.regressor_, scaler.horizon, inputs, outputs, fit_params
        train_inside(context, self, *trained, method=method, ready=ready)
        if context is not None:
            context.call_on_fit_task_end(estimator=self, X=X, y=y)
        if goes_on:
            return self

        # 4. Note what to say of rows of which nothing is known.
        self._fallback = Fallback(PointHead(), known, layout)
        self._std = np.nanstd(known, axis=0)
        scaled = scaled[taught]
        self._scaled_mean, self._scaled_std = scaled.mean(axis=0), scaled.std(axis=0)
        if predicts_quantiles(self):
            levels = levels_of(self.regressor_)
            self._quantile_fallback = Fallback(QuantileHead(levels), known, layout)
            self._scaled_quantiles = np.quantile(scaled, levels, axis=0).T
        return self

    def _scaler_of(self, X, windows, names, y, target, layout):
        """Return how windows are scaled, once they are known to hold the targets."""
        columns = find_targets(self.columns, names, y, target.shape[1])
        horizon, guessed = find_horizon(self.horizon, y, target, len(columns), layout)
        scaler = WindowScaler(self.center, self.scale, self.season, len(names), columns, horizon)
        scaler.check_window(windows)
        check_past(X, windows, scaler.targets, target, layout, horizon, guessed=guessed)
        return scaler

    def _taught_inputs(self, X, windows, scales, taught):
        """Return scaled windows in the form of `X`; only those of some rows are made."""
        if count_axes(X) == 2:
            return self._flat_inputs(X, windows, scales, slice(None))
        # All other rows share one unknown window.
        values = self._scaler.scaled(windows, np.append(taught, 0), scales, self._dtype())
        values[-1] = np.nan
        starts = np.full(len(windows), len(taught))
        starts[taught] = np.arange(len(taught))
        _, n_steps, n_features = values.shape
        values = values.reshape(-1, n_features)
        return Windows(values, starts * n_steps, n_steps, index=index_of(X))

    def _ask(self, X, ask, default):
        """Return what the regressor says of scaled windows, a row for each, and their scales."""
        windows, _ = check_windows(self, X, reset=False)
        self._scaler.check_window(windows)
        scales = self._scaler.measure(windows)
        found = []
        for block in self._scaler.blocks(windows, len(windows)):
            if count_axes(X) == 2:
                inputs = self._flat_inputs(X, windows, scales, block)
            else:
                rows = np.arange(len(windows))[block]
                inputs = self._scaler.scaled(windows, rows, scales, self._dtype())
            found.append(predict_known(self.regressor_, inputs, default[None], ask=ask))
        return np.concatenate([one.reshape(len(one), -1) for one in found]), scales

    def _known(self, values, X, fallback):
        """Put what stands for its series into each row of which nothing is known."""
        unknown = np.flatnonzero(np.isnan(values).any(axis=tuple(range(1, values.ndim))))
        if len(unknown):
            known = fallback.of_rows(index_of(X), unknown)
            values[unknown] = known.reshape(len(unknown), *values.shape[1:])
        return values

    def _flat_inputs(self, X, windows, scales, block):
        """Return a block of scaled windows as columns, with the labels of `X`."""
        rows = np.arange(len(windows))[block]
        values = self._scaler.scaled(windows, rows, scales, self._dtype())[:, 0]
        is_table = isinstance(X, pd.DataFrame)
        return pd.DataFrame(values, X.index[block], X.columns) if is_table else values

    def _dtype(self):
        """Return the type of scaled windows, in which nothing of `X` is lost."""
        scaler = self._scaler
        is_scaled = scaler.center is not None and len(scaler.columns) == scaler.n_columns
        return np.float32 if is_scaled and skips_unknown_rows(self.regressor) else np.float64

    def _scale_validation(self, fit_params):
        """Scale validation windows and their targets as those of `fit`."""
        refuse_raw_validation(fit_params)
        X_val, y_val = fit_params.get("X_val"), fit_params.get("y_val")
        if X_val is None or y_val is None:
            return fit_params
        windows, _ = check_windows(self, X_val, reset=False, name="X_val")
        self._scaler.check_window(windows, "X_val")
        target = check_target(y_val, X_val, name="y_val", rows_name="X_val")
        check_n_targets(target, self.n_outputs_)
        check_same_targets(self._target_names, y_val, name="y_val")
        scales = self._scaler.measure(windows)
        scaled = self._scaler.scaled_target(scales, target)
        inputs = self._taught_inputs(X_val, windows, scales, np.arange(len(windows)))
        return {**fit_params, "X_val": inputs, "y_val": shaped(scaled, self._y_ndim)}

    @property
    def warm_start(self):
        """Whether a second `fit` goes on from the first; the regressor says so."""
        return is_warm_start(self.regressor)

    def __sklstm_look_back__(self):
        return look_back(getattr(self, "regressor_", self.regressor))


def _predict(regressor, X):
    return regressor.predict(X)


def _predict_with_std(regressor, X):
    """Return means and standard deviations side by side."""
    both = regressor.predict(X, return_std=True)
    return np.hstack([np.reshape(one, (len(X), -1)) for one in both])


def _predict_quantiles(regressor, X):
    return call_final(regressor, "predict_quantiles", X)
