"""What all recurrent networks have in common."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._horizon import check_same_targets
from sklstm._checks._tables import check_in_step
from sklstm._sklearn._callbacks import FollowedMixin
from sklstm._sklearn._compat import Interval, StrOptions, with_callbacks
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm.engine._spec import ENGINES, SCHEDULES, STATES

#: Of more networks, two can be expected to have the same seed, one of 2**31, and to be the same.
MOST_NETWORKS = 2**16

COUNT = Interval(Integral, 1, None, closed="left")
FRACTION = Interval(Real, 0, 1, closed="left")


class ScoredInStep:
    """A `score` that compares no prediction with the value of another row or target."""

    _target_names: list | None

    def score(self, X, y, sample_weight=None):
        """Score predictions: R² of numbers, the share of right ones of labels.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Rows or windows, as `predict` takes them.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            What is true of them.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row.

        Returns
        -------
        float
            1.0 at best.

        Raises
        ------
        ValueError
            As in `predict`; if `y` or `sample_weight` has other labels than `X`; or if `y` has
            other targets than in `fit`, or in another order.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        check_consistent_length(X, y, sample_weight)
        check_in_step(y, X)
        check_in_step(sample_weight, X, name="sample_weight")
        check_same_targets(self._target_names, y)
        return super().score(X, y, sample_weight)  # type: ignore[misc]


class BaseRecurrent(FollowedMixin, BaseEstimator):
    """Parameters, tags and the Keras model that all recurrent networks have in common."""

    #: Read by `skips_unknown_rows`.
    _skips_unknown_rows = True

    _parameter_constraints: dict = {
        "units": [COUNT, list, tuple, np.ndarray],
        "cell": [StrOptions(set(STATES))],
        "activation": [str, callable],
        "dropout": [FRACTION],
        "recurrent_dropout": [FRACTION],
        "dense_units": [COUNT, list, tuple, np.ndarray],
        "dense_activation": [str, list, tuple],
        "normalize": ["boolean"],
        # Keras decides, inside the engine, what is an optimizer, a loss or a metric.
        "loss": "no_validation",
        "optimizer": "no_validation",
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "learning_rate_schedule": [StrOptions(set(SCHEDULES)), None],
        "clipnorm": [Interval(Real, 0, None, closed="neither"), None],
        "metrics": [list, tuple, None],
        "epochs": [COUNT],
        "batch_size": [COUNT],
        "validation_fraction": [FRACTION, None],
        "early_stopping": ["boolean"],
        "patience": [Interval(Integral, 0, None, closed="left")],
        "callbacks": [list, tuple, None],
        "n_networks": [Interval(Integral, 1, MOST_NETWORKS, closed="both")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "engine": [StrOptions(set(ENGINES))],
    }

    @property
    def model_(self):
        """The network as a stand-alone, compiled Keras model in the units of `X` and `y`.

        Of several networks, one model that returns the mean of their outputs. Made anew at each
        access: training it further does not change the estimator.
        """
        check_is_fitted(self)
        from sklstm.engine import _predict

        scales = self._input_scale, self._target_scale
        network = self._network
        if network.short_windows == "skip":
            network = replace(network, window=self._window)
        weights = [one.weights for one in self._trained]
        return _predict.keras_model(network, self._training, weights, *scales)

    def __sklstm_look_back__(self):
        return 0

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class BaseRecurrentRegressor(ScoredInStep, RegressorMixin, BaseRecurrent):
    """What all recurrent regressors have in common."""

    _parameter_constraints: dict = {
        **BaseRecurrent._parameter_constraints,
        "output_activation": [str, callable, None],
        "horizon": [COUNT, StrOptions({"auto"})],
    }

    @restore_on_error
    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
            Windows, oldest step first, or rows as windows of one step; one per time step, oldest
            first.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Targets; NaN where they are not known.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row in the loss.
        X_val : array-like of shape (n_val_rows, window, n_features) or \
                (n_val_rows, n_features), default=None
            Windows or rows to look at after each epoch, instead of `validation_fraction`.
        y_val : array-like of shape (n_val_rows,) or (n_val_rows, n_outputs), default=None
            Their targets.

        Returns
        -------
        self : estimator
            The fitted regressor.

        Raises
        ------
        ValueError
            If a parameter is out of range or unknown to Keras, no row is left to learn from,
            lengths differ, there is infinity, text, or NaN elsewhere than in the oldest steps of
            a window, the loss stops being finite, a regressor that runs on from row to row gets
            an unsorted index, or callbacks of several networks would write over each other's files.
        TypeError
            If `X` or `y` is sparse, or nothing that a table can be made of.
        MemoryError
            If the network does not fit into memory.

        Warns
        -----
        FewRowsTaughtWarning
            If more than half of the rows that have a target are left out, or if epochs of some
            batches in order end before the newest rows.
        UnscaledTargetWarning
            If the target is large, and the loss or the last activation may need its own units.
        OneStepWarning
            If `X` holds rows where windows are expected, or lags of one series as columns.
        SameWeightsWarning
            If several networks start from the same weights, those of `network`.
        """
        start = getattr(self, "_trained", None) if self.warm_start else None
        return self._fit((X, y, sample_weight, X_val, y_val), start)

    @restore_on_error
    @with_callbacks
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch, going on from the weights (and the state, if any) so far.

        The first call, or `fit`, decides the means and standard deviations of `normalize`: give it
        rows that are typical of those to come. The learning rate is `learning_rate`, whatever
        `learning_rate_schedule` is: how many calls are to come is not known.

        Parameters
        ----------
        X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
            Windows or rows.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Targets; NaN where they are not known.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row in the loss.

        Returns
        -------
        self : estimator
            The fitted regressor.

        Raises
        ------
        ValueError
            As in `fit`, or if the network was changed since.
        TypeError
            If `X` or `y` is sparse, or nothing that a table can be made of.
        MemoryError
            If the network does not fit into memory.
        """
        start = getattr(self, "_trained", None)
        return self._fit((X, y, sample_weight, None, None), start, one_epoch=True)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def partly_known(windows, n_unknown):
    """Find the windows that have known and unknown steps, and fill copies of them.

    Returns
    -------
    positions : ndarray of int
        Where those windows are.
    filled : ndarray of shape (len(positions), window, n_features)
        The windows; unknown steps repeat the oldest known one.
    """
    positions = np.flatnonzero((n_unknown > 0) & (n_unknown < windows.shape[1]))
    steps = np.maximum(np.arange(windows.shape[1]), n_unknown[positions, None])
    return positions, np.take_along_axis(windows.gather(positions), steps[:, :, None], axis=1)
