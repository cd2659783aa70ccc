"""The LSTM regressor whose samples are independent windows."""

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._windows import check_windows
from sklstm._sklearn._callbacks import follow
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm.regressors._base import BaseLSTMRegressor, filled

#: Numbers in windows that may be copied to save a call.
SMALL = 100_000


def _is_quantile(regressor):
    """Tell whether a regressor learns quantiles."""
    return isinstance(regressor.loss, str) and regressor.loss == "quantile"


class LSTMRegressor(BaseLSTMRegressor):
    """Long short-term memory network that predicts from windows of past rows.

    Takes the windows of a :class:`LagWindower`, or plain rows as windows of one step. Samples whose
    oldest steps are NaN, and rows whose target is NaN, are left out of training; every row gets a
    finite prediction. Computes in float32.

    Parameters
    ----------
    units : int or sequence of int, default=32
        Units of the LSTM layer, or of each of several stacked ones.
    activation : str or callable, default="tanh"
        Activation of the LSTM layers.
    dropout : float, default=0.0
        Fraction of the inputs of each LSTM layer to drop in training, in [0, 1).
    recurrent_dropout : float, default=0.0
        Fraction of the recurrent state to drop in training, in [0, 1).
    dense_units : int or sequence of int, default=()
        Units of the dense layers between the last LSTM layer and the output.
    dense_activation : str or sequence of str, default="relu"
        Activation of those dense layers: one for all, or one for each.
    output_activation : str or callable, default=None
        Activation of the output layer; None is linear.
    network : callable, default=None
        ``network(input_shape, n_outputs)`` returns a Keras model to use instead of the one that the
        parameters above describe. ``input_shape`` is ``(window, n_features)``.
    loss : str, keras.losses.Loss or callable, default="mean_squared_error"
        What training minimises: any Keras loss, or ``"quantile"``, with which the network learns
        `quantiles` of the target and `predict` returns the median.
    quantiles : sequence of float, default=(0.05, 0.5, 0.95)
        Which quantiles ``loss="quantile"`` learns: rising, between 0 and 1, 0.5 among them. The
        network has so many outputs for each target.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Any Keras optimizer. An instance is copied for each fit.
    learning_rate : float, default=None
        Learning rate; None keeps the optimizer's own.
    metrics : list, default=None
        Keras metrics that `history_` follows as well, by name or as instances.
    epochs : int, default=100
        Passes over the training rows.
    batch_size : int, default=32
        Rows per weight update.
    shuffle : bool, default=True
        Whether each epoch takes the rows in another order.
    validation_fraction : float, default=None
        Fraction of the rows, the *last* ones, that is held out of training to be looked at after
        each epoch, in [0, 1).
    early_stopping : bool, default=False
        Whether to stop when the validation loss (the training loss where there are no validation
        rows) has not improved for `patience` epochs, and to go back to the best weights.
    patience : int, default=10
        Epochs without improvement that early stopping waits for.
    callbacks : list of keras.callbacks.Callback, default=None
        Copied for each fit.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit.
    random_state : int, RandomState instance or None, default=None
        Decides the first weights, the order of the rows and dropout. The same int gives bitwise
        equal results on one CPU.
    verbose : int, default=0
        1 prints a line per epoch.
    engine : {"auto", "keras", "layer", "block", "xla"}, default="auto"
        What computes; all give the same results within float tolerance. ``"auto"`` chooses by the
        amount of work.

    Attributes
    ----------
    history_ : dict of list
        Loss and metrics, one entry per epoch.
    model_ : keras.Model
        A stand-alone Keras model with the fitted weights, made at each access.
    n_features_in_ : int
        Number of columns of a window.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns; only for rows whose columns have names.
    n_iter_ : int
        Number of epochs trained.
    n_outputs_ : int
        Number of targets.
    n_samples_fit_ : int
        Number of rows that were learnt from.
    quantiles_ : ndarray of shape (n_quantiles,)
        The quantiles that were learnt; only with ``loss="quantile"``.

    See Also
    --------
    LagWindower : Makes the windows.
    TransformedSeriesRegressor : Predicts in the target's own units.

    References
    ----------
    .. [1] S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (8),
       1735-1780, 1997.
    .. [2] V. Chernozhukov, I. Fernández-Val, A. Galichon, "Quantile and Probability Curves Without
       Crossing", Econometrica 78 (3), 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import LagWindower, LSTMRegressor
    >>> X = np.sin(np.arange(60.0)).reshape(-1, 1)
    >>> y = np.sin(np.arange(60.0) + 1)
    >>> model = make_pipeline(LagWindower(4), LSTMRegressor(units=4, epochs=2, random_state=0))
    >>> model.fit(X[:50], y[:50]).predict(X[50:]).shape
    (10,)
    >>> model[-1].n_samples_fit_
    47
    """

    _parameter_constraints: dict = {
        **BaseLSTMRegressor._parameter_constraints,
        "network": [callable, None],
        "quantiles": [list, tuple, np.ndarray],
        "shuffle": ["boolean"],
    }

    def __init__(
        self,
        units=32,
        *,
        activation="tanh",
        dropout=0.0,
        recurrent_dropout=0.0,
        dense_units=(),
        dense_activation="relu",
        output_activation=None,
        network=None,
        loss="mean_squared_error",
        quantiles=(0.05, 0.5, 0.95),
        optimizer="adam",
        learning_rate=None,
        metrics=None,
        epochs=100,
        batch_size=32,
        shuffle=True,
        validation_fraction=None,
        early_stopping=False,
        patience=10,
        callbacks=None,
        warm_start=False,
        random_state=None,
        verbose=0,
        engine="auto",
    ):
        self.units = units
        self.activation = activation
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.dense_units = dense_units
        self.dense_activation = dense_activation
        self.output_activation = output_activation
        self.network = network
        self.loss = loss
        self.quantiles = quantiles
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.patience = patience
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.engine = engine

    @restore_on_error
    @follow
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
            Windows, oldest step first, or rows as windows of one step.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Targets; NaN where they are not known.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row in the loss.
        X_val : array-like of shape (n_val_rows, window, n_features) or \
                (n_val_rows, n_features), default=None
            Windows to look at after each epoch, instead of `validation_fraction`.
        y_val : array-like of shape (n_val_rows,) or (n_val_rows, n_outputs), default=None
            Their targets.

        Returns
        -------
        self : LSTMRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If a parameter is out of range or unknown to Keras, no row is left to learn from,
            lengths differ, there is infinity, text, or NaN elsewhere than in the oldest steps of
            a window, or the loss stops being finite.
        TypeError
            If `X` or `y` is sparse, or nothing that a table can be made of.
        MemoryError
            If the network does not fit into memory.
        """
        validation = None if X_val is None and y_val is None else (X_val, y_val)
        self._fit(X, y, sample_weight, validation, go_on=self._goes_on())
        return self

    @restore_on_error
    @follow
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch, going on from the weights so far.

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
        self : LSTMRegressor
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
        go_on = hasattr(self, "n_iter_")
        self._fit(X, y, sample_weight, None, go_on=go_on, one_epoch=True)
        return self

    def predict(self, X):
        """Predict the target of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
            Windows or rows.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
            One finite prediction per row: the unknown oldest steps of a window repeat its oldest
            known step, and a window with no known step gets the mean of the training targets.

        Raises
        ------
        ValueError
            If `X` has another number of columns than in `fit`, or holds infinity, text, or NaN
            elsewhere than in the oldest steps of a window.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        outputs, n_unknown, window = self._outputs(X)
        if not hasattr(self, "quantiles_"):
            return self._finish(outputs, n_unknown, window)
        median = self._sorted_quantiles(outputs, n_unknown, window)[:, :, self._median]
        return median.ravel() if self._y_ndim == 1 else median

    @available_if(_is_quantile)
    def predict_quantiles(self, X):
        """Predict quantiles of the target of each row; only with ``loss="quantile"``.

        Parameters
        ----------
        X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
            Windows or rows.

        Returns
        -------
        ndarray of shape (n_rows, n_quantiles) or (n_rows, n_outputs, n_quantiles), float64
            The `quantiles_` of each row, in rising order: those that the network gets in the wrong
            order are sorted, which never makes their loss worse (Chernozhukov et al., 2010). A
            window with no known step gets those of the training targets.

        Raises
        ------
        ValueError
            As in `predict`.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self, "quantiles_")
        ordered = self._sorted_quantiles(*self._outputs(X))
        return ordered[:, 0] if self._y_ndim == 1 else ordered

    def _outputs(self, X):
        """Return what the network puts out, and the unknown steps and the length of the windows."""
        windows, n_unknown = check_windows(self, X, reset=False)
        window = self._network.window
        if window not in (None, windows.shape[1]):
            raise ValueError(
                f"X has windows of {windows.shape[1]} step(s), but the network that"
                f" {self._network.network!r} built takes windows of {window}."
            )

        # Keras and TensorFlow come in with the engine, so not before something is predicted.
        from sklstm.engine import _predict

        def predict(windows):
            return _predict.predict(self._network, self._training, self._trained.weights, windows)

        rows, repeated = filled(windows, n_unknown)
        if len(rows) and windows.size <= SMALL:
            # A call of the engine costs more than a copy of few windows.
            windows = np.array(windows)
            windows[rows] = repeated
            rows = rows[:0]
        predicted = predict(windows)
        if len(rows):
            predicted = np.array(predicted)
            predicted[rows] = predict(repeated)
        return predicted, n_unknown, windows.shape[1]

    def _sorted_quantiles(self, outputs, n_unknown, window):
        """Shape outputs as (n_rows, n_outputs, n_quantiles), in rising order."""
        by_target = np.array(outputs, dtype=np.float64).reshape(len(outputs), self.n_outputs_, -1)
        by_target.sort(axis=2)
        by_target[n_unknown == window] = self._target_mean
        return by_target

    @property
    def _median(self):
        return int(np.flatnonzero(self.quantiles_ == 0.5)[0])

    def _fit(self, *args, **options):
        fitted = super()._fit(*args, **options)
        if _is_quantile(self):
            self.quantiles_ = np.array(self.quantiles, dtype=float)
        elif hasattr(self, "quantiles_"):
            del self.quantiles_
        return fitted

    def _check_quantiles(self):
        levels = list(self.quantiles)
        if (
            not all(
                isinstance(level, int | float | np.number) and 0 < level < 1 for level in levels
            )
            or sorted(set(levels)) != levels
            or 0.5 not in levels
        ):
            raise ValueError(
                f"quantiles={self.quantiles!r} is not valid: expected rising numbers between 0 and"
                " 1, with 0.5, which predict returns, among them; for instance (0.05, 0.5, 0.95)."
            )
        return levels

    def _expected(self, taught):
        if not _is_quantile(self):
            return super()._expected(taught)
        return np.quantile(taught, self._check_quantiles(), axis=0).T

    def _rows(self, X, windows, rows, target, weight, *, held_out=False):
        if _is_quantile(self):
            # The network has an output for each quantile of each target.
            target = np.repeat(target, len(self.quantiles), axis=1)
        return super()._rows(X, windows, rows, target, weight, held_out=held_out)

    def _n_network_outputs(self, n_outputs):
        return n_outputs * len(self._check_quantiles()) if _is_quantile(self) else n_outputs

    def _network_options(self, window):
        return {} if self.network is None else {"network": self.network, "window": window}

    def _training_options(self):
        options = {"shuffle": self.shuffle}
        if _is_quantile(self):
            from sklstm.engine._models._losses import QuantileLoss

            options["loss"] = QuantileLoss(self.quantiles)
        return options
