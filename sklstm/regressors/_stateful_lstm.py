"""The LSTM regressor whose state runs on from row to row."""

from dataclasses import replace
from itertools import pairwise
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._tables import index_of
from sklstm._checks._windows import check_windows
from sklstm._past._past import HISTORY_OPTIONS, Past
from sklstm._sklearn._callbacks import follow
from sklstm._sklearn._compat import Interval, StrOptions
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm._sklearn._warnings import StateResetWarning, warn
from sklstm.engine._spec import Rows
from sklstm.regressors._base import BaseLSTMRegressor, filled


class StatefulLSTMRegressor(BaseLSTMRegressor):
    """Long short-term memory network whose state runs on from row to row.

    Takes plain rows, or the windows of a :class:`LagWindower`. The state that a row finds is the
    state after the row before it, across batches, and back to zero only where `reset_states` says
    so. Predicting later rows starts from the state at the end of the training rows, so that
    `predict` over many rows is walk-forward one-step forecasting, in one call.

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
    reset_states : {"epoch", "never"} or int, default="epoch"
        When training sets the state back to zero: before each epoch, never, or every so many rows.
    bptt_steps : int, default=1
        Rows per weight update through which the gradient flows (truncated backpropagation). 1 is
        the classic recipe, in which no row learns what later rows will need.
    history : {"auto", "continue", "none"}, default="auto"
        What comes before the rows that are predicted; as in :class:`LagWindower`.
    loss : str, keras.losses.Loss or callable, default="mean_squared_error"
        What training minimises: any Keras loss.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Any Keras optimizer. An instance is copied for each fit.
    learning_rate : float, default=None
        Learning rate; None keeps the optimizer's own.
    metrics : list, default=None
        Keras metrics that `history_` follows as well, by name or as instances.
    epochs : int, default=100
        Passes over the training rows.
    batch_size : int, default=1
        Contiguous stretches of the series that are trained side by side.
    validation_fraction : float, default=None
        Fraction of the rows, the *last* ones, that is held out of training to be looked at after
        each epoch, in [0, 1). Their state continues from the training rows.
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
        Decides the first weights and dropout. The same int gives bitwise equal results on one CPU.
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
        Number of columns of a row.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns; only for rows whose columns have names.
    n_iter_ : int
        Number of epochs trained.
    n_outputs_ : int
        Number of targets.
    n_samples_fit_ : int
        Number of rows that were learnt from.
    state_ : list of ndarray of shape (1, units)
        Hidden and cell state of each LSTM layer after the last row that was seen: at the end of the
        training rows, until `advance` moves it on.

    See Also
    --------
    LSTMRegressor : Every sample stands alone.
    TransformedSeriesRegressor : Predicts in the target's own units.

    References
    ----------
    .. [1] R. J. Williams, J. Peng, "An Efficient Gradient-Based Algorithm for On-Line Training of
       Recurrent Network Trajectories", Neural Computation 2 (4), 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import StatefulLSTMRegressor
    >>> X = np.sin(np.arange(60.0)).reshape(-1, 1)
    >>> y = np.sin(np.arange(60.0) + 1)
    >>> model = StatefulLSTMRegressor(units=4, epochs=2, random_state=0).fit(X[:50], y[:50])
    >>> whole = model.predict(X[50:])
    >>> halves = [model.predict(X[50:55]), model.advance(X[50:55]).predict(X[55:])]
    >>> np.allclose(np.concatenate(halves), whole)
    True
    """

    state_: list
    _end: int

    _parameter_constraints: dict = {
        **BaseLSTMRegressor._parameter_constraints,
        "reset_states": [
            StrOptions({"epoch", "never"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "bptt_steps": [Interval(Integral, 1, None, closed="left")],
        "history": [StrOptions(set(HISTORY_OPTIONS))],
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
        reset_states="epoch",
        bptt_steps=1,
        history="auto",
        loss="mean_squared_error",
        optimizer="adam",
        learning_rate=None,
        metrics=None,
        epochs=100,
        batch_size=1,
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
        self.reset_states = reset_states
        self.bptt_steps = bptt_steps
        self.history = history
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
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
        """Train the network, and run the training rows once more to their end.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, window, n_features)
            One row, or one window, per time step, oldest first.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Targets; NaN where they are not known. The state runs on over such rows.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row in the loss.
        X_val : array-like of shape (n_val_rows, n_features) or \
                (n_val_rows, window, n_features), default=None
            Rows to look at after each epoch, instead of `validation_fraction`.
        y_val : array-like of shape (n_val_rows,) or (n_val_rows, n_outputs), default=None
            Their targets.

        Returns
        -------
        self : StatefulLSTMRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If a parameter is out of range or unknown to Keras, no row is left to learn from,
            lengths differ, there is infinity, text, or NaN elsewhere than in the oldest steps of
            a window, the index is unsorted, or the loss stops being finite.
        TypeError
            If `X` or `y` is sparse, or nothing that a table can be made of.
        MemoryError
            If the network does not fit into memory.
        """
        validation = None if X_val is None and y_val is None else (X_val, y_val)
        windows, n_unknown = self._fit(X, y, sample_weight, validation, go_on=self._goes_on())
        return self._run_to_end(X, windows, n_unknown)

    @restore_on_error
    @follow
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch, going on from the weights and the state so far.

        ``reset_states="epoch"`` does not count here; an int counts the rows of this call.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, window, n_features)
            Rows or windows. Where they follow the rows seen so far, so does their state.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Targets; NaN where they are not known.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row in the loss.

        Returns
        -------
        self : StatefulLSTMRegressor
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
        windows, n_unknown = self._fit(X, y, sample_weight, None, go_on=go_on, one_epoch=True)
        return self._run_to_end(X, windows, n_unknown)

    def predict(self, X):
        """Predict the target of each row; nothing that is fitted changes.

        Rows that follow the last row seen start from `state_`, the training rows from zero. Rows
        after a gap start from zero as well, with a warning.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, window, n_features)
            Rows or windows, oldest first.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
            One finite prediction per row: the unknown oldest steps of a window repeat its oldest
            known step (such a row has no state), and a window with no known step gets the mean of
            the training targets.

        Raises
        ------
        ValueError
            If `X` has another number of columns than in `fit`, holds infinity, text, or NaN
            elsewhere than in the oldest steps of a window, or its index is unsorted.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        windows, n_unknown = check_windows(self, X, reset=False)
        predicted = np.zeros((len(windows), self.n_outputs_))
        for part, start, exact in self._parts(X, windows):
            states = self._states_at(part, start, exact)
            rows = windows[start : part.stop]
            outputs, _ = self._run(rows, n_unknown[start : part.stop], states)
            predicted[part.start : part.stop] = outputs[part.start - start :]
        rows, repeated = filled(windows, n_unknown)
        if len(rows):
            from sklstm.engine import _predict

            alone = replace(self._network, stateful=False)
            predicted[rows] = _predict.predict(
                alone, self._training, self._trained.weights, repeated
            )
        return self._finish(predicted, n_unknown, windows.shape[1])

    @restore_on_error
    def advance(self, X):
        """Move the state past newly observed rows, without training.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, window, n_features)
            Rows or windows, oldest first.

        Returns
        -------
        self : StatefulLSTMRegressor
            The regressor; `state_` is the state after the last row of `X`.

        Raises
        ------
        ValueError
            As in `predict`.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        windows, n_unknown = check_windows(self, X, reset=False)
        part, start, exact = self._parts(X, windows)[-1]
        states = self._states_at(part, start, exact)
        if states is self.state_:
            self._end += part.stop - start
        elif part.number is not None:
            self._end = part.number + part.stop - part.start
        rows = windows[start:]
        _, self.state_ = self._run(rows, n_unknown[start:], states)
        return self

    def reset_state(self):
        """Set the state to zero, as if nothing had been seen before the next row.

        Returns
        -------
        self : StatefulLSTMRegressor
            The regressor.
        """
        check_is_fitted(self)
        self.state_ = [np.zeros_like(state) for state in self.state_]
        return self

    def _place(self, X, windows, *, carries_on):
        """Note where the training rows stand, and the state before them."""
        self._states_before = None
        if carries_on:
            self._states_before = self._states_at(*self._parts(X, windows)[0])
        self._past = Past(windows.last_steps, index_of(X), depth=1, quiet=True)
        self._end = self._past.end

    def _before_any_row(self, network):
        return {"state_": _zero_states(network)}

    def _start(self):
        return replace(self._trained, states=self._states_before)

    def _learnable(self, windows, n_unknown, target):
        """Return the positions of the rows whose past is known.

        The state runs on over rows without a target, so they stay.
        """
        super()._learnable(windows, n_unknown, target)
        return np.flatnonzero(n_unknown == 0)

    def _rows(self, X, windows, rows, target, weight, *, held_out=False):
        """Hand samples to the engine, with the places where the past is not known."""
        parts = [part for part, *_ in self._parts(X, windows)]
        begins = np.isin(rows, [part.start for part in parts])
        begins[1:] |= np.diff(rows) > 1
        if rows[0] == 0:
            follows = self.history != "none" and parts[0].number == self._past.end
            begins[0] = held_out and not follows
        else:
            begins[0] |= np.isnan(windows[rows[:1] - 1]).any()
        return Rows(windows, rows, target, weight, breaks=np.flatnonzero(begins).tolist())

    def _run_to_end(self, X, windows, n_unknown):
        """Run the training rows once, so that the state is that of their end."""
        part, *_ = self._parts(X, windows)[-1]
        states = self._states_before if part.start == 0 else None
        rows = windows[part.start :]
        _, self.state_ = self._run(rows, n_unknown[part.start :], states)
        return self

    def _parts(self, X, windows):
        """Return the unbroken parts of a table.

        Each comes with the row that its state starts at, and whether its place is exact.
        """
        labelled = index_of(X) is not None and self._past.labelled
        # Rows that are told by their values lie together even where that is told late. Only labels
        # with a regular step tell how far from the last row seen the rows are.
        exact = labelled and self._past.axis is not None and self.history == "auto"
        parts = self._past.stretches(windows.last_steps, index_of(X), self.history)
        return [(part, part.start if labelled else 0, exact) for part in parts]

    def _states_at(self, part, start, exact):
        """Return the state before a row; None, which is zero, where nothing is known."""
        if self.history == "none" or part.number is None:
            return None
        number = part.number - (part.start - start)
        if number == (self._end if exact else self._past.end):
            return self.state_
        what = None
        if not part.agrees:
            what = "Rows have the labels of training rows but other values (was the index reset?)"
        elif number > 0 and number not in (first for first, _ in self._past.spans):
            what = (
                f"Rows start at row {number}, counted from the first training row, but the state is"
                f" that before row {self._end}"
            )
        if what is not None and self.history == "auto":
            warn(
                f"{what}: they start from a state of zero. Set history='continue' if they do follow"
                " the last row seen, or pass rows in between to advance() first.",
                StateResetWarning,
            )
        return None

    def _run(self, windows, n_unknown, states):
        """Run rows through the network; the state falls back to zero at rows not known."""
        from sklstm.engine import _predict

        outputs = np.zeros((len(windows), self.n_outputs_))
        known = n_unknown == 0
        edges = [0, *(np.flatnonzero(np.diff(known)) + 1).tolist(), len(known)]
        for start, stop in pairwise(edges):
            if known[start]:
                outputs[start:stop], states = _predict.predict_stateful(
                    self._network,
                    self._training,
                    self._trained.weights,
                    windows[start:stop],
                    states,
                )
            else:
                states = None
        if states is None:
            states = _zero_states(self._network)
        return outputs, states

    def _network_options(self, window):
        return {"stateful": True}

    def _training_options(self):
        every = self.reset_states
        return {
            "shuffle": False,
            "reset_states": every if isinstance(every, str) else int(every),
            "bptt_steps": int(self.bptt_steps),
        }


def _zero_states(network):
    """Return the hidden and the cell state of each layer before anything is known."""
    return [np.zeros((1, units), np.float32) for units in network.units for _ in "hc"]
