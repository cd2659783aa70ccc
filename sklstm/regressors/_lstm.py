"""The recurrent regressor whose samples are independent windows."""

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklstm.regressors import _base
from sklstm.regressors._heads import (
    PointHead,
    QuantileHead,
    check_levels,
    check_return_std,
    predictions,
    shaped,
)
from sklstm.regressors._stateless import ON_WINDOWS, read_windows, train_windows, values_of_windows


def _learns_quantiles(regressor):
    """Tell whether a regressor is to learn quantiles."""
    return isinstance(regressor.loss, str) and regressor.loss == "quantile"


class LSTMRegressor(_base.BaseRecurrentRegressor):
    """Recurrent network (LSTM or GRU) that predicts from windows of past rows.

    Takes the windows of a :class:`LagWindower`, or plain rows as windows of one step. Samples that
    begin with NaN (see `short_windows`), and rows whose target is NaN, are left out of training;
    every row gets a finite prediction. Inputs and target may have any unit. Computes in float32.

    Parameters
    ----------
    units : int or sequence of int, default=32
        Units of the recurrent layer, or of each of several stacked ones.
    cell : {"lstm", "gru"}, default="lstm"
        What the recurrent layers are made of: long short-term memory [1]_, or gated recurrent units
        [2]_, which have a quarter fewer weights.
    bidirectional : bool, default=False
        Whether each recurrent layer also reads its window from the newest step to the oldest, with
        weights of its own [3]_. It then has twice as many outputs as units.
    activation : str or callable, default="tanh"
        Activation of the recurrent layers.
    dropout : float, default=0.0
        Fraction of the inputs of each recurrent layer to drop in training, in [0, 1).
    recurrent_dropout : float, default=0.0
        Fraction of the recurrent state to drop in training, in [0, 1).
    dense_units : int or sequence of int, default=()
        Units of the dense layers between the last recurrent layer and the output.
    dense_activation : str or sequence of str, default="relu"
        Activation of those dense layers: one for all, or one for each.
    output_activation : str or callable, default=None
        Activation of the output layer; None is linear.
    network : callable or keras.Model, default=None
        A Keras model to use instead of the one that the parameters above describe, or a function
        ``network(input_shape, n_outputs)`` that returns one; ``input_shape`` is
        ``(window, n_features)``. A model is not trained itself: each fit makes a copy of it, with
        its weights if it has any. An error if `cell` or `bidirectional` ask for something else as
        well.
    short_windows : {"skip", "mask"}, default="skip"
        How a window is used whose oldest steps are NaN. ``"skip"`` leaves it out of `fit`, and
        `predict` repeats its oldest known step. With ``"mask"`` it is a shorter sequence in both,
        as behind ``keras.layers.Masking``; `X` may then be a list of runs of different length, too:
        arrays of shape (n_steps, n_features), each with one target. An error with `network`, which
        has to mask steps itself.
    normalize : bool, default=True
        Whether the network computes with inputs and targets of mean 0 and standard deviation 1 over
        the training rows, while `X`, `y`, predictions and `model_` have their own units. `history_`
        and callbacks then get the loss and the metrics of the normalised target. The target is
        only divided, so that zero stays zero, where outputs end at zero (relu, softplus) and where
        the loss compares ratios (percentages, poisson). It stays as it is under other bounds of
        `output_activation` or of the last layer of `network`, and under losses other than squared
        and absolute errors, log-cosh, ``"huber"`` by name, quantiles and those above. Set it to
        False for a `network` with weights that were learnt from raw numbers.
    loss : str, keras.losses.Loss or callable, default=None
        What training minimises: any Keras loss, or ``"quantile"``, with which the network learns
        `quantiles` of the target and `predict` returns the median. None is the loss that `network`
        is compiled with, else ``"mean_squared_error"``.
    quantiles : sequence of float, default=(0.05, 0.5, 0.95)
        Which quantiles ``loss="quantile"`` learns: rising, between 0 and 1, 0.5 among them. The
        network has so many outputs for each target. Their biases begin with the quantiles of the
        training targets, but not in a `network` of your own.
    optimizer : str or keras.optimizers.Optimizer, default=None
        Any Keras optimizer, made anew for each fit. None is the one that `network` is compiled
        with, else ``"adam"``. Weights decay with ``"adamw"``, or with an instance that has
        ``weight_decay``.
    learning_rate : float, default=None
        Learning rate; None keeps the optimizer's own.
    learning_rate_schedule : {"cosine", "plateau"}, default=None
        How the learning rate falls; None keeps it. ``"cosine"`` falls to 0 over all weight updates
        of `epochs` epochs, as ``keras.optimizers.schedules.CosineDecay``; early stopping does not
        shorten that. ``"plateau"`` divides it by 10 whenever the validation loss (the training
        loss where there are no validation rows) has not improved by 1e-4 for ``patience // 2``
        epochs, as ``keras.callbacks.ReduceLROnPlateau``. Each `fit` begins with the full rate, also
        with `warm_start`; `partial_fit` keeps it. An error if the optimizer has a schedule of its
        own, or a callback sets the rate.
    clipnorm : float, default=None
        Largest norm of a gradient. The gradient of each array of weights is scaled down to it
        before an update. None keeps the optimizer's own.
    metrics : list, default=None
        Keras metrics that `history_` follows as well, by name or as instances. None are those that
        `network` is compiled with, if any.
    epochs : int, default=100
        Passes over the training rows, or parts of a pass of `steps_per_epoch` batches.
    batch_size : int, default=32
        Rows per weight update.
    steps_per_epoch : int, default=None
        Batches in an epoch, so that large tables are validated more often than once per pass. The
        next epoch continues with rows that were not used yet; then all rows are used again. None
        uses every row once.
    shuffle : bool, default=True
        Whether each pass over the rows uses a new random order.
    validation_fraction : float, default=None
        Fraction of the rows, the *last* ones, that is held out of training. Their loss is computed
        after each epoch. In [0, 1).
    early_stopping : bool, default=False
        Whether to stop when the validation loss (the training loss where there are no validation
        rows) has not improved for `patience` epochs, and to restore the best weights.
    patience : int, default=10
        Epochs without improvement that early stopping waits for.
    callbacks : list of keras.callbacks.Callback, default=None
        Copied for each fit, and for each network. Those of Keras that write files are refused with
        several networks.
    n_networks : int, default=1
        How many networks to train, with different seeds, at most 65536. Predictions are their mean
        (of each quantile with ``loss="quantile"``): its root mean squared error is at most the mean
        of their errors [5]_. They are trained side by side, and early stopping stops each by
        itself.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last fit. An error if `n_networks` changed.
    random_state : int, RandomState instance or None, default=None
        Decides the first weights, the order of the rows and dropout. The same int gives bitwise
        equal results on one CPU. Several networks equal as many fits of one network that share a
        ``numpy.random.RandomState(random_state)``; a larger `n_networks` adds networks to them.
    horizon : int or "auto", default="auto"
        How many steps ahead the columns of `y` reach: all targets of step 1, then all of step 2,
        and so on. `fit` skips the last ``horizon - 1`` rows, whose targets lie after the last
        row and are not known yet; they still are history. ``"auto"`` reads it from the columns of a
        DataFrame, if they are called ``<name>_step1``, ``<name>_step2`` and so on; otherwise it
        is 1.
    verbose : int, default=0
        1 prints a line per epoch.
    engine : {"auto", "keras", "layer", "block", "matmul", "xla"}, default="auto"
        Which code computes; all give the same results within float tolerance. ``"auto"`` chooses by
        the amount of work.

    Attributes
    ----------
    history_ : dict of list, or list of dict
        Loss and metrics, one entry per epoch, and with ``"plateau"`` the learning rate of each.
        With several networks, a list with one such dict for each.
    model_ : keras.Model
        A stand-alone Keras model with the fitted weights, made at each access. With several
        networks, it returns the mean of their outputs.
    n_features_in_ : int
        Number of columns of a window.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns; only for rows, or a list of tables, whose columns have names.
    n_iter_ : int, or ndarray of shape (n_networks,)
        Number of epochs trained; with several networks, of each.
    n_outputs_ : int
        Number of targets.
    n_samples_fit_ : int
        Number of rows that were learnt from, or drawn from with `steps_per_epoch`.
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
    .. [2] K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical
       Machine Translation", EMNLP 2014.
    .. [3] M. Schuster, K. K. Paliwal, "Bidirectional Recurrent Neural Networks", IEEE Transactions
       on Signal Processing 45 (11), 1997.
    .. [4] V. Chernozhukov, I. Fernández-Val, A. Galichon, "Quantile and Probability Curves Without
       Crossing", Econometrica 78 (3), 2010.
    .. [5] L. K. Hansen, P. Salamon, "Neural Network Ensembles", IEEE Transactions on Pattern
       Analysis and Machine Intelligence 12 (10), 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import LagWindower, LSTMRegressor
    >>> X = np.sin(np.arange(60.0)).reshape(-1, 1)
    >>> y = np.sin(np.arange(60.0) + 1)
    >>> model = make_pipeline(
    ...     LagWindower(4), LSTMRegressor(units=4, epochs=2, random_state=0)
    ... )
    >>> model.fit(X[:50], y[:50]).predict(X[50:]).shape
    (10,)
    >>> model[-1].n_samples_fit_
    47

    Several networks, and how far they are apart:

    >>> model = model.set_params(lstmregressor__n_networks=3).fit(X[:50], y[:50])
    >>> mean, std = model.predict(X[50:], return_std=True)
    >>> round(std.mean().item(), 2)
    0.05
    """

    _parameter_constraints: dict = {
        **_base.BaseRecurrentRegressor._parameter_constraints,
        **ON_WINDOWS,
        "quantiles": [list, tuple, np.ndarray],
    }

    def __init__(
        self,
        units=32,
        *,
        cell="lstm",
        bidirectional=False,
        activation="tanh",
        dropout=0.0,
        recurrent_dropout=0.0,
        dense_units=(),
        dense_activation="relu",
        output_activation=None,
        network=None,
        short_windows="skip",
        normalize=True,
        loss=None,
        quantiles=(0.05, 0.5, 0.95),
        optimizer=None,
        learning_rate=None,
        learning_rate_schedule=None,
        clipnorm=None,
        metrics=None,
        epochs=100,
        batch_size=32,
        steps_per_epoch=None,
        shuffle=True,
        validation_fraction=None,
        early_stopping=False,
        patience=10,
        callbacks=None,
        n_networks=1,
        warm_start=False,
        random_state=None,
        horizon="auto",
        verbose=0,
        engine="auto",
    ):
        self.units = units
        self.cell = cell
        self.bidirectional = bidirectional
        self.activation = activation
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.dense_units = dense_units
        self.dense_activation = dense_activation
        self.output_activation = output_activation
        self.network = network
        self.short_windows = short_windows
        self.normalize = normalize
        self.loss = loss
        self.quantiles = quantiles
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.clipnorm = clipnorm
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.shuffle = shuffle
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.patience = patience
        self.callbacks = callbacks
        self.n_networks = n_networks
        self.warm_start = warm_start
        self.random_state = random_state
        self.horizon = horizon
        self.verbose = verbose
        self.engine = engine

    def predict(self, X, return_std=False):
        """Predict the target of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
            Windows or rows.
        return_std : bool, default=False
            Whether to return the standard deviation of the networks' predictions, too; only with
            several networks.

        Returns
        -------
        y : ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
            One finite prediction per row: the unknown oldest steps of a window repeat its oldest
            known step, or are masked (`short_windows`), and a window with no known step gets the
            mean of the training targets; of many series, that of its own series, as the index of
            `X` tells it.
        std : ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
            Only with ``return_std=True``: the standard deviation of the networks' predictions, in
            the units of `y` (divided by `n_networks`, as :func:`numpy.std` does). It shows the
            effect of the seed. It is no interval: the target may be further away. NaN for a window
            with no known step.

        Raises
        ------
        ValueError
            If `X` has another number of columns or steps than in `fit`, or holds infinity, text, or
            NaN elsewhere than in the oldest steps of a window; or if `return_std` is asked of one
            network.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        check_return_std(self, return_std)
        values, is_unknown = values_of_windows(self, X)
        median = self._head.levels.index(0.5)
        return predictions(self, values[..., median], is_unknown, return_std)

    @available_if(_learns_quantiles)
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
            window with no known step gets those of the training targets, as in `predict`.

        Raises
        ------
        ValueError
            As in `predict`.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self, "quantiles_")
        values = values_of_windows(self, X)[0].mean(axis=0)
        return shaped(values, self._y_ndim)

    def _fit(self, given, start, *, one_epoch=False):
        """Train on the rows whose past and target are known."""
        # 1. Validate.
        self._validate_params()
        # Keras comes in with the engine, so not before something is fitted.
        from sklstm.engine._models._losses import QuantileLoss

        head: QuantileHead = PointHead()
        loss, own, levels = self.loss, {}, check_levels(self.quantiles)
        if _learns_quantiles(self):
            head = QuantileHead(levels)
            loss, own = QuantileLoss(head.levels), {"quantiles_": np.array(head.levels)}

        # 2. Read the problem.
        samples, validation = read_windows(self, given, start, one_epoch=one_epoch)

        # 3. Train, and take over what was learnt.
        self.__dict__.pop("quantiles_", None)
        how = head, loss, start
        return train_windows(self, samples, validation, *how, one_epoch=one_epoch, **own)
