"""The recurrent classifier whose samples are independent windows."""

from dataclasses import replace

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._classes import as_columns, check_class_weight, classes_in, read_labels
from sklstm._sklearn._compat import StrOptions, with_callbacks
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm._sklearn._warnings import FewRowsTaughtWarning, warn
from sklstm.regressors import _base
from sklstm.regressors._heads import ClassHead
from sklstm.regressors._stateless import ON_WINDOWS, read_windows, train_windows, values_of_windows


class LSTMClassifier(_base.ScoredInStep, ClassifierMixin, _base.BaseRecurrent):
    """Recurrent network (LSTM or GRU) that tells the class of windows of past rows.

    Takes the windows of a :class:`LagWindower`, plain rows as windows of one step, or runs as an
    array with three axes. The same network and training as those of :class:`LSTMRegressor`, with
    one sigmoid output for two classes, or a softmax output for each of more. Samples that begin
    with NaN (see `short_windows`), and rows whose label is not known, are left out of training;
    every row gets probabilities.

    Parameters
    ----------
    units : int or sequence of int, default=32
        Units of the recurrent layer, or of each of several stacked ones.
    cell : {"lstm", "gru"}, default="lstm"
        What the recurrent layers are made of: long short-term memory, or gated recurrent units.
    bidirectional : bool, default=False
        Whether each recurrent layer reads its window a second time, from the newest step to the
        oldest, with weights of its own.
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
    network : callable or keras.Model, default=None
        A Keras model to use instead of the one that the parameters above describe, or a function
        ``network(input_shape, n_outputs)`` that returns one, as for :class:`LSTMRegressor`. Its
        outputs are probabilities: of two classes, one output for the second class
        (``"sigmoid"``); of more, one for each class in the order of `classes_` (``"softmax"``).
    short_windows : {"skip", "mask"}, default="skip"
        What becomes of a window whose oldest steps are NaN. ``"skip"`` leaves it out of `fit`, and
        in `predict` its oldest known step stands for them. With ``"mask"`` it is a shorter sequence
        in both; `X` may then be a list of runs of different length, too: arrays of shape (n_steps,
        n_features), each with one label. An error with `network`, which has to mask steps itself.
    normalize : bool, default=True
        Whether the network computes with inputs of mean 0 and standard deviation 1 over the
        training rows, while `X` and `model_` have their own units.
    loss : str, keras.losses.Loss or callable, default=None
        What training minimises. None is the loss that `network` is compiled with, else
        ``"binary_crossentropy"`` for two classes and ``"categorical_crossentropy"`` for more.
        Focal cross-entropy and ``"mean_squared_error"`` will do, too, or a function of your own.
        Labels are encoded inside, so there is no sparse loss.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss, also in that of validation rows; 1 for a class that a
        dict lacks. ``"balanced"`` gives all classes the same weight in total, by the rows that are
        learnt from and their `sample_weight`. Probabilities are then those of classes that are as
        frequent as their weights make them.
    optimizer : str or keras.optimizers.Optimizer, default=None
        Any Keras optimizer, made anew for each fit. None is the one that `network` is compiled
        with, else ``"adam"``.
    learning_rate : float, default=None
        Learning rate; None keeps the optimizer's own.
    learning_rate_schedule : {"cosine", "plateau"}, default=None
        How the learning rate falls, as for :class:`LSTMRegressor`; None keeps it.
    clipnorm : float, default=None
        Largest norm of a gradient. The gradient of each array of weights is scaled down to it
        before an update. None keeps the optimizer's own.
    metrics : list, default=None
        Keras metrics that `history_` follows as well, such as ``"accuracy"`` or ``"auc"``. None are
        those that `network` is compiled with, if any.
    epochs : int, default=100
        Passes over the training rows, or parts of a pass of `steps_per_epoch` batches.
    batch_size : int, default=32
        Rows per weight update.
    steps_per_epoch : int, default=None
        Batches in an epoch; the next epoch goes on with rows that were not drawn yet. None takes
        every row once.
    shuffle : bool, default=True
        Whether each pass over the rows uses a new random order.
    validation_fraction : float, default=None
        Fraction of the rows, the *last* ones, that is held out of training. Their loss is computed
        after each epoch. In [0, 1). Runs that are sorted by class need `X_val` and `y_val` instead.
    early_stopping : bool, default=False
        Whether to stop when the validation loss (the training loss where there are no validation
        rows) has not improved for `patience` epochs, and to restore the best weights.
    patience : int, default=10
        Epochs without improvement that early stopping waits for.
    callbacks : list of keras.callbacks.Callback, default=None
        Copied for each fit, and for each network. Those of Keras that write files are refused with
        several networks.
    n_networks : int, default=1
        How many networks to train, which differ by their seed, at most 65536. Probabilities are the
        mean of theirs.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit, whose classes stay.
    random_state : int, RandomState instance or None, default=None
        Decides the first weights, the order of the rows and dropout. The same int gives bitwise
        equal results on one CPU.
    verbose : int, default=0
        1 prints a line per epoch.
    engine : {"auto", "keras", "layer", "block", "matmul", "xla"}, default="auto"
        Which code computes; all give the same results within float tolerance. ``"auto"`` chooses by
        the amount of work.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    history_ : dict of list, or list of dict
        Loss and metrics, one entry per epoch. With several networks, a list with one such dict for
        each.
    model_ : keras.Model
        A stand-alone Keras model with the fitted weights, made at each access. Its outputs are
        those of `network`: of two classes, the probability of the second. With several networks,
        it returns the mean of their outputs.
    n_features_in_ : int
        Number of columns of a window.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns; only for rows, or a list of tables, whose columns have names.
    n_iter_ : int, or ndarray of shape (n_networks,)
        Number of epochs trained; with several networks, of each.
    n_outputs_ : int
        Number of outputs of the network: 1 for two classes, else as many as classes.
    n_samples_fit_ : int
        Number of rows that were learnt from, or drawn from with `steps_per_epoch`.

    See Also
    --------
    LagWindower : Makes the windows.
    LSTMRegressor : Predicts numbers.

    Examples
    --------
    >>> from sklearn.model_selection import TimeSeriesSplit, cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import (
    ...     Differencer,
    ...     LagWindower,
    ...     LSTMClassifier,
    ...     series_to_supervised,
    ... )
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> rises = y > X["milk_lag1"]  # more milk than in the month before
    >>> network = LSTMClassifier(
    ...     units=4, epochs=30, learning_rate=0.05, random_state=1
    ... )
    >>> model = make_pipeline(Differencer(), LagWindower(12), network)
    >>> cv = TimeSeriesSplit(3, test_size=24)
    >>> cross_val_score(model, X, rises, cv=cv, scoring="roc_auc").round(1)
    array([1., 1., 1.])
    """

    _parameter_constraints: dict = {
        **_base.BaseRecurrent._parameter_constraints,
        **ON_WINDOWS,
        "class_weight": [dict, StrOptions({"balanced"}), None],
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
        network=None,
        short_windows="skip",
        normalize=True,
        loss=None,
        class_weight=None,
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
        self.network = network
        self.short_windows = short_windows
        self.normalize = normalize
        self.loss = loss
        self.class_weight = class_weight
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
        self.verbose = verbose
        self.engine = engine

    @restore_on_error
    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
            Windows, oldest step first, or rows as windows of one step.
        y : array-like of shape (n_rows,)
            Labels: text, whole numbers or bools; NaN or None where they are not known.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row in the loss.
        X_val : array-like of shape (n_val_rows, window, n_features) or \
                (n_val_rows, n_features), default=None
            Windows or rows to look at after each epoch, instead of `validation_fraction`.
        y_val : array-like of shape (n_val_rows,), default=None
            Their labels.

        Returns
        -------
        self : LSTMClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If a parameter is out of range or unknown to Keras, `y` holds numbers that are no labels
            or several columns, fewer than two classes are left to learn from, the network returns
            no probabilities, or as in the `fit` of :class:`LSTMRegressor`.
        TypeError
            If `X` or `y` is sparse, or nothing that a table can be made of.
        MemoryError
            If the network does not fit into memory.

        Warns
        -----
        FewRowsTaughtWarning
            If more than half of the rows that have a label, or all rows of a class, are left out.
        OneStepWarning
            If `X` holds rows where windows are expected, or lags of one series as columns.
        SameWeightsWarning
            If several networks start from the same weights, those of `network`.
        """
        start = getattr(self, "_trained", None) if self.warm_start else None
        return self._fit((X, y, sample_weight, X_val, y_val), start)

    @restore_on_error
    @with_callbacks
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch, going on from the weights so far.

        The first call, or `fit`, decides the means and standard deviations of `normalize`: give it
        rows that are typical of those to come. The learning rate is `learning_rate`, whatever
        `learning_rate_schedule` is.

        Parameters
        ----------
        X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
            Windows or rows.
        y : array-like of shape (n_rows,)
            Labels; NaN or None where they are not known.
        classes : array-like of shape (n_classes,), default=None
            All labels of this and later calls; needed at the first call only.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row in the loss.

        Returns
        -------
        self : LSTMClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            As in `fit`; if `classes` lack at the first call or are others than before, a label is
            none of them, `class_weight` is ``"balanced"``, or the network was changed since.
        TypeError
            If `X` or `y` is sparse, or nothing that a table can be made of.
        MemoryError
            If the network does not fit into memory.
        """
        start = getattr(self, "_trained", None)
        if start is None and classes is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: all labels that this and"
                " later calls may hold."
            )
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} is not known in partial_fit, which sees a part"
                " of the rows. Give the weights as a dict, such as"
                " sklearn.utils.class_weight.compute_class_weight makes them of all labels."
            )
        if classes is not None:
            classes = classes_in(classes, "classes")
            if start is not None and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"classes={classes.tolist()!r} are not those of the calls before,"
                    f" {self.classes_.tolist()!r}: leave them out, or begin with a fit."
                )
        return self._fit((X, y, sample_weight, None, None), start, classes, one_epoch=True)

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
            Windows or rows.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Probabilities in the order of `classes_`: the unknown oldest steps of a window repeat
            its oldest known step, or are masked (`short_windows`), and a window with no known step
            gets the frequencies of the classes among the training rows; of many series, those in
            its own series, as the index of `X` tells it.

        Raises
        ------
        ValueError
            If `X` has another number of columns or steps than in `fit`, or holds infinity, text, or
            NaN elsewhere than in the oldest steps of a window; or if `network` returns no
            probabilities.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        values, _ = values_of_windows(self, X)
        return self._head.probabilities(values[..., 0].mean(axis=0))

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
            Windows or rows.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            In the order of `classes_`; minus infinity where the probability is 0.

        Raises
        ------
        ValueError
            As in `predict_proba`.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_rows, window, n_features) or (n_rows, n_features)
            Windows or rows.

        Returns
        -------
        ndarray of shape (n_rows,)
            One label per row, of the type of `classes_`.

        Raises
        ------
        ValueError
            As in `predict_proba`.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def _fit(self, given, start, classes=None, *, one_epoch=False):
        """Train on the rows whose past and label are known."""
        # 1. Validate.
        self._validate_params()
        X, y, sample_weight, X_val, y_val = given
        labels, is_known = read_labels(y, X)
        if start is not None:
            classes = self.classes_
        elif classes is None:
            classes = classes_in(labels, "y")

        # 2. Read the problem, with columns of 0 and 1 as targets.
        y = as_columns(labels, is_known, y, classes)
        if X_val is not None and y_val is not None:
            labels, is_known = read_labels(y_val, X_val, name="y_val", rows_name="X_val")
            y_val = as_columns(labels, is_known, y_val, classes, name="y_val")
        given = X, y, sample_weight, X_val, y_val
        samples, validation = read_windows(self, given, start, one_epoch=one_epoch)

        # 3. Weigh the classes.
        head = ClassHead(classes=classes)
        counts = _counts(head, samples)
        weights = _class_weights(self.class_weight, classes, counts)
        if not one_epoch:
            _check_counts(counts * weights, classes)
        if self.class_weight is not None:
            samples = _weighted(head, samples, weights)
            validation = validation and _weighted(head, validation, weights)

        # 4. Train, and take over what was learnt.
        how = head, self.loss, start
        train_windows(self, samples, validation, *how, one_epoch=one_epoch, classes_=classes)
        if self.network is not None:
            # Before more is made of them: are its outputs probabilities?
            self.predict_proba(samples.windows.gather(samples.taught[:100]))
        return self


def _counts(head, samples):
    """Count the rows of each class that are learnt from, by their weights."""
    codes, taught = head.codes(samples.target), samples.taught
    weight = None if samples.weight is None else samples.weight[taught]
    return np.bincount(codes[taught], weight, minlength=len(head.classes))


def _class_weights(class_weight, classes, counts):
    """Return the weight of each class."""
    if not isinstance(class_weight, str):
        return check_class_weight(class_weight or {}, classes)
    # A class of no row has no weight.
    each = counts.sum() / np.count_nonzero(counts)
    return np.divide(each, counts, out=np.zeros(len(counts)), where=counts > 0)


def _check_counts(counts, classes):
    """Refuse to learn from one class, and warn of a class of which nothing is learnt."""
    left = classes[counts > 0].tolist()
    if len(left) < 2:
        raise ValueError(
            f"Only one class, {left[0]!r}, is left to learn from, but a classifier needs at least 2"
            f" classes; y holds {classes.tolist()!r}. Use more rows: those whose window begins with"
            " NaN, that are held out to validate with, or whose weight is 0, teach nothing."
        )
    if len(left) < len(classes):
        warn(
            f"Nothing is learnt of the class(es) {classes[counts == 0].tolist()!r}: all of their"
            " rows begin with NaN, are held out to validate with, or have a weight of 0. Use more"
            " rows, or pass X_val and y_val instead of validation_fraction.",
            FewRowsTaughtWarning,
        )


def _weighted(head, samples, weights):
    """Return samples whose weights are multiplied by those of their classes."""
    of_rows = weights[head.codes(samples.target)]
    return replace(samples, weight=of_rows * (1 if samples.weight is None else samples.weight))
