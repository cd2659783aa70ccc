"""What all LSTM regressors share: parameters, validation, and the way into the engine."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._arguments import naming, validate_params
from sklstm._checks._numbers import check_numeric
from sklstm._checks._tables import check_in_step, check_target
from sklstm._checks._windows import check_computable, check_windows, repeat_oldest_known
from sklstm._sklearn._callbacks import EpochTasks, FollowedMixin
from sklstm._sklearn._compat import Interval, StrOptions, check_sample_weight
from sklstm.engine._spec import ENGINES, NetworkSpec, Rows, Trained, TrainingSpec

#: Beyond any memory: a layer of so many units has 17 thousand million recurrent weights.
MOST_UNITS = 2**16


class BaseLSTMRegressor(FollowedMixin, RegressorMixin, BaseEstimator):
    """Parameters, validation and training that all LSTM regressors have in common."""

    history_: dict
    n_iter_: int
    _first_seed: int

    # Warm-up rows and rows without a target are left out of training here, in `_learnable`.
    _skips_unknown_rows = True

    _parameter_constraints: dict = {
        "units": [Interval(Integral, 1, None, closed="left"), list, tuple, np.ndarray],
        "activation": [str, callable],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "recurrent_dropout": [Interval(Real, 0, 1, closed="left")],
        "dense_units": [Interval(Integral, 1, None, closed="left"), list, tuple, np.ndarray],
        "dense_activation": [str, list, tuple],
        "output_activation": [str, callable, None],
        # What names an optimizer, a loss or a metric is for Keras to say, inside the engine.
        "loss": "no_validation",
        "optimizer": "no_validation",
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "metrics": [list, tuple, None],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left"), None],
        "early_stopping": ["boolean"],
        "patience": [Interval(Integral, 0, None, closed="left")],
        "callbacks": [list, tuple, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "engine": [StrOptions(set(ENGINES))],
    }

    @property
    def model_(self):
        """The network as a stand-alone, compiled Keras model.

        Made anew at each access: training it further does not change the estimator.
        """
        check_is_fitted(self)
        from sklstm.engine import _predict

        return _predict.keras_model(self._network, self._training, self._trained.weights)

    def _fit(self, X, y, sample_weight, validation, *, go_on, one_epoch=False):
        """Train on the rows that have something to teach, and return the windows.

        `fit` and `partial_fit` are both this.
        """
        validate_params(self)
        windows, n_unknown = check_windows(self, X, reset=not go_on)
        target = _check_target(y, X, "y", "X")
        weight = None
        if sample_weight is not None:
            weight = _check_weight(sample_weight, X, windows)
        self._place(X, windows, carries_on=go_on and one_epoch)
        network = self._network_spec(windows.shape[1], target.shape[1])
        training = self._training_spec(one_epoch)
        if go_on:
            self._check_same(network, training)
        rows = self._learnable(windows, n_unknown, target)
        held_out = None
        if validation is not None:
            X_val, y_val = validation
            held_out = self._check_validation(X_val, y_val, windows, target)
        elif self.validation_fraction and not one_epoch:
            taught = rows[~np.isnan(target[rows]).any(axis=1)]
            first = _first_held_out(taught, self.validation_fraction)
            rows, last_rows = rows[rows < first], rows[rows >= first]
            held_out = self._rows(X, windows, last_rows, target, weight, held_out=True)
        taught = rows[~np.isnan(target[rows]).any(axis=1)]
        seed = self._seed(go_on)
        y_ndim = np.asarray(y).ndim

        def fitted(weights, n_epochs):
            """Return what makes a fitted regressor, also of one that is still in training."""
            return {
                "_network": network,
                "_training": training,
                "_trained": Trained(weights, []),
                "_y_ndim": y_ndim,
                "_target_mean": self._expected(target[taught]),
                "history_": {},
                "n_iter_": n_epochs,
                "n_outputs_": target.shape[1],
                "n_samples_fit_": len(taught),
                **self._before_any_row(network),
            }

        data = {"X": lambda: windows.gather(taught), "y": lambda: _shaped(target[taught], y_ndim)}
        context = self._begin_fit(training.epochs, **data)
        watch = None
        if getattr(self, "_skl_callbacks", None):
            watch = EpochTasks(self, context, data, fitted)

        # Keras and TensorFlow come in with the engine, so not before something is fitted.
        from sklstm.engine import _train

        trained = _train.train(
            network,
            training,
            self._rows(X, windows, rows, target, weight),
            held_out,
            seed=seed,
            start=self._start() if go_on else None,
            watch=watch,
        )
        before = self.history_ if go_on else {}
        history = {
            name: [*before.get(name, []), *values] for name, values in trained.history.items()
        }
        self.__dict__.update(fitted(trained.weights, len(history["loss"])))
        self.history_, self._trained = history, trained
        self._first_seed = self._first_seed if go_on else seed
        if context is not None:
            context.call_on_fit_task_end(estimator=self, **data)
        return windows, n_unknown

    def _place(self, X, windows, *, carries_on):
        """Note where the rows stand in the series; windows that stand alone need no place."""

    def _start(self):
        """Return what training goes on from."""
        return self._trained

    def _expected(self, taught):
        """Return what to predict where nothing is known, given the targets learnt from."""
        return taught.mean(axis=0)

    def _before_any_row(self, network):
        """Return what else a regressor has that has seen no row yet."""
        return {}

    def _goes_on(self):
        """Whether `fit` starts from the weights of the last one."""
        return self.warm_start and hasattr(self, "n_iter_")

    def _finish(self, predicted, n_unknown, window):
        """Shape predictions as the target was; samples with no known step get the mean."""
        predicted = np.asarray(predicted, dtype=np.float64)
        predicted[n_unknown == window] = self._target_mean
        return _shaped(predicted, self._y_ndim)

    def _network_spec(self, window, n_outputs):
        """Describe the network that the parameters ask for."""
        dense_units = _ints(self.dense_units, "dense_units")
        activations = self.dense_activation
        if isinstance(activations, str):
            activations = (activations,) * len(dense_units)
        if len(activations) != len(dense_units):
            raise ValueError(
                f"dense_activation={self.dense_activation!r} names {len(activations)} activations,"
                f" but dense_units={self.dense_units!r} has {len(dense_units)} layers: give one"
                " name for all layers or one for each."
            )
        units = _ints(self.units, "units")
        if not units:
            raise ValueError(f"units={self.units!r} has no layer: expected at least one int >= 1.")
        return NetworkSpec(
            units=units,
            activation=self.activation,
            dropout=float(self.dropout),
            recurrent_dropout=float(self.recurrent_dropout),
            dense_units=dense_units,
            dense_activation=tuple(activations),
            output_activation=self.output_activation,
            n_features=self.n_features_in_,
            n_outputs=self._n_network_outputs(n_outputs),
            **self._network_options(window),
        )

    def _n_network_outputs(self, n_outputs):
        """Return how many outputs the network has for that many targets."""
        return n_outputs

    def _network_options(self, window):
        """Return what only one of the regressors says about its network."""
        return {}

    def _training_options(self):
        """Return what only one of the regressors says about its training."""
        return {}

    def _training_spec(self, one_epoch):
        """Describe the training that the parameters ask for."""
        common = TrainingSpec(
            loss=self.loss,
            optimizer=self.optimizer,
            learning_rate=None if self.learning_rate is None else float(self.learning_rate),
            metrics=self.metrics,
            # Numbers of NumPy may be too short to count on with.
            epochs=1 if one_epoch else int(self.epochs),
            batch_size=int(self.batch_size),
            early_stopping=self.early_stopping and not one_epoch,
            patience=int(self.patience),
            callbacks=self.callbacks,
            verbose=int(self.verbose),
            engine=self.engine,
        )
        return replace(common, **self._training_options())

    def _rows(self, X, windows, rows, target, weight, *, held_out=False):
        """Hand samples to the engine; X is what `fit` was given, with its labels."""
        return Rows(windows, rows, target, weight)

    def _seed(self, go_on):
        """Draw the seed of one training run, without touching any global random state."""
        if self.random_state is None:
            return int(np.random.default_rng().integers(2**31 - 1))
        if go_on and isinstance(self.random_state, Integral):
            # A run that goes on must not shuffle as the first one did.
            words = np.random.SeedSequence([self._first_seed, self.n_iter_]).generate_state(1)
            return int(words[0] % (2**31 - 1))
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _check_same(self, network, training):
        """Refuse to go on with a network or an optimizer that the last fit did not have."""
        changed = [
            f"{name} from {getattr(before, name)!r} to {getattr(after, name)!r}"
            for before, after, names in (
                (self._network, network, vars(network)),
                (self._training, training, ("optimizer",)),
            )
            for name in names
            if _differ(getattr(before, name), getattr(after, name))
        ]
        if changed:
            raise ValueError(
                f"Training cannot go on after a change of {', '.join(changed)}. Set"
                " warm_start=False and call fit to start anew."
            )

    def _check_validation(self, X_val, y_val, training_windows, training_target):
        """Validate rows to look at after each epoch."""
        if X_val is None or y_val is None:
            given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
            raise ValueError(f"{given} was given without {missing}: pass both or neither.")
        windows, n_unknown = check_windows(self, X_val, reset=False, name="X_val")
        if windows.shape[1] != training_windows.shape[1]:
            raise ValueError(
                f"X_val has windows of {windows.shape[1]} step(s), but X of"
                f" {training_windows.shape[1]}: X_val must have gone through the same transformers."
                " A Pipeline does that with transform_input=['X_val'] (and metadata routing)."
            )
        target = _check_target(y_val, X_val, "y_val", "X_val")
        if target.shape[1] != training_target.shape[1]:
            raise ValueError(
                f"y_val has {target.shape[1]} target(s), but y has {training_target.shape[1]}:"
                " they must agree."
            )
        rows = self._learnable(windows, n_unknown, target)
        return self._rows(X_val, windows, rows, target, None, held_out=True)

    def _learnable(self, windows, n_unknown, target):
        """Return the positions of the rows whose past and target are known."""
        rows = np.flatnonzero((n_unknown == 0) & ~np.isnan(target).any(axis=1))
        if len(rows) == 0:
            n_rows, window, _ = windows.shape
            raise ValueError(
                f"No row is left to learn from: X has {n_rows} rows, a window has {window} steps,"
                " and every row lacks its past or its target. At least"
                f" {n_rows + max(1, int(n_unknown[-1]))} rows would do; or use a shorter window or"
                " a shorter interval."
            )
        return rows

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.multi_output = True
        return tags


def _check_target(y, X, name, rows_name):
    """Validate a target that a network can learn."""
    target = check_target(y, X, name=name, rows_name=rows_name)
    check_computable(target, y, name)
    return target


def _check_weight(sample_weight, X, windows):
    """Validate weights that a network can learn with."""
    name = "sample_weight"
    check_numeric(sample_weight, name)
    with naming(name, sample_weight):
        weight = check_sample_weight(
            sample_weight, windows, dtype=np.float64, ensure_non_negative=True
        )
        if not weight.any():
            # Newer releases of scikit-learn say so themselves.
            raise ValueError("it holds nothing but zeros, so there is nothing to learn.")
    check_in_step(sample_weight, X, name=name)
    check_computable(weight, sample_weight, name)
    return weight


def _shaped(values, y_ndim):
    """Return targets with as many axes as `y` had."""
    return values.ravel() if y_ndim == 1 else values


def filled(windows, n_unknown):
    """Return the samples that have some known and some unknown steps, filled, and where they are.

    Parameters
    ----------
    windows : ndarray of shape (n_rows, window, n_features)
        Windows.
    n_unknown : ndarray of int of shape (n_rows,)
        How many of the oldest steps are not known.

    Returns
    -------
    rows : ndarray of int
        Positions of those samples.
    windows : ndarray of shape (len(rows), window, n_features)
        Their windows, with unknown steps replaced by the oldest known one.
    """
    rows = np.flatnonzero((n_unknown > 0) & (n_unknown < windows.shape[1]))
    return rows, repeat_oldest_known(windows.gather(rows), n_unknown[rows])


def _first_held_out(rows, fraction):
    """Return the first of the last rows that validate, as many as Keras takes."""
    n_train = int(np.floor(len(rows) * (1 - fraction)))
    if n_train < 1 or n_train == len(rows):
        raise ValueError(
            f"validation_fraction={fraction} of {len(rows)} rows leaves {n_train} rows to learn"
            f" from and {len(rows) - n_train} to validate with: use more rows or another fraction."
        )
    return rows[n_train]


def _ints(value, name):
    """Return one int or a sequence of ints as a tuple of ints."""
    values = np.atleast_1d(value).tolist() if isinstance(value, np.ndarray) else value
    values = [values] if isinstance(values, Integral) else list(values)
    if not all(
        isinstance(v, Integral) and not isinstance(v, bool) and 1 <= int(v) <= MOST_UNITS
        for v in values
    ):
        raise ValueError(
            f"{name}={value!r} is not valid: expected ints from 1 to {MOST_UNITS}, one for each"
            " layer."
        )
    return tuple(int(v) for v in values)


def _differ(before, after):
    """Whether two parameter values differ; objects without equality do if their types do."""
    if isinstance(before, str | int | float | tuple | type(None)) or callable(before):
        return before != after
    return type(before) is not type(after)
