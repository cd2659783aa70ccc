"""The recurrent regressor whose state runs on from row to row."""

from dataclasses import replace

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklstm._checks._tables import index_names, index_of
from sklstm._checks._windows import check_windows, lag_columns
from sklstm._past._order import label_at
from sklstm._past._past import HISTORY_OPTIONS, Past
from sklstm._past._series_names import check_levels_in_order, names_as_index
from sklstm._past._stretches import Doubt
from sklstm._sklearn._compat import StrOptions
from sklstm._sklearn._restore_on_error import restore_on_error
from sklstm._sklearn._warnings import OneStepWarning, StateResetWarning, warn
from sklstm.regressors import _base
from sklstm.regressors._heads import PointHead, check_return_std, predictions, values_of
from sklstm.regressors._problem import check_length, read_problem
from sklstm.regressors._series_states import SeriesStates, by_network, run_over, zero_states
from sklstm.regressors._training import describe_network, describe_training, train


class StatefulLSTMRegressor(_base.BaseRecurrentRegressor):
    """Recurrent network (LSTM or GRU) whose state runs on from row to row.

    Takes plain rows, or the windows of a :class:`LagWindower`. The state that a row finds is the
    state after the row before it, across batches, and back to zero only where `reset_states` says
    so. Predicting later rows starts from the state at the end of the training rows, so that
    `predict` over many rows is walk-forward one-step forecasting, in one call. In a table of many
    series (the first level of its index is the time, the others name the series), each series has
    a state of its own.

    Parameters
    ----------
    units : int or sequence of int, default=32
        Units of the recurrent layer, or of each of several stacked ones.
    cell : {"lstm", "gru"}, default="lstm"
        What the recurrent layers are made of: long short-term memory, or gated recurrent units,
        which have a quarter fewer weights and carry one state instead of two.
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
    normalize : bool, default=True
        Whether the network computes with inputs and targets of mean 0 and standard deviation 1 over
        the training rows, while `X`, `y`, predictions and `model_` have their own units. `history_`
        and callbacks then get the loss and the metrics of the normalised target. The target is
        only divided, so that zero stays zero, where outputs end at zero (relu, softplus) and where
        the loss compares ratios (percentages, poisson). It stays as it is under other bounds of
        `output_activation`, and under losses other than squared and absolute errors, log-cosh,
        ``"huber"`` by name and those above.
    reset_states : {"epoch", "never"} or int, default="epoch"
        When training sets the state back to zero: before each epoch, never, or every so many rows.
        ``"epoch"`` does not count in `partial_fit`; an int counts the rows of that call. Of many
        series, each counts its own rows.
    bptt_steps : int, default=1
        Rows per weight update through which the gradient flows (truncated backpropagation). 1 is
        the classic recipe, in which no row learns what later rows will need.
    history : {"auto", "continue", "none"}, default="auto"
        What comes before the rows that are predicted; as in :class:`LagWindower`.
    loss : str, keras.losses.Loss or callable, default="mean_squared_error"
        What training minimises: any Keras loss.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Any Keras optimizer. An instance is copied for each fit. Weights decay with ``"adamw"``, or
        with an instance that has ``weight_decay``.
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
        Keras metrics that `history_` follows as well, by name or as instances.
    epochs : int, default=100
        Passes over the training rows.
    batch_size : int, default=1
        Contiguous stretches of one series that are trained side by side. Of many series, how many
        are trained side by side: a weight update takes the next rows of each. No series is cut;
        series i, in the order of the sorted names, comes after series ``i - batch_size``, and
        starts from its own state. With 1, the series are trained one after the other.
    validation_fraction : float, default=None
        Fraction of the rows, the *last* ones, that is held out of training. Their loss is computed
        after each epoch. In [0, 1). Their state continues from the training rows, of many series
        from those of the same series; no time step is cut.
    early_stopping : bool, default=False
        Whether to stop when the validation loss (the training loss where there are no validation
        rows) has not improved for `patience` epochs, and to restore the best weights.
    patience : int, default=10
        Epochs without improvement that early stopping waits for.
    callbacks : list of keras.callbacks.Callback, default=None
        Copied for each fit, and for each network. Those of Keras that write files are refused with
        several networks.
    n_networks : int, default=1
        How many networks to train, which differ by their seed, at most 65536; each has a state of
        its own. Predictions are the mean of theirs: its root mean squared error is at most the mean
        of their errors. They are trained one after the other, and each stops early by itself.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last fit. An error if `n_networks` changed.
    random_state : int, RandomState instance or None, default=None
        Decides the first weights and dropout. The same int gives bitwise equal results on one CPU.
        Several networks are those that one ``numpy.random.RandomState(random_state)`` gives to so
        many fits of one network, so more networks begin with the same ones.
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
        Number of columns of a row.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns; only for rows whose columns have names.
    n_iter_ : int, or ndarray of shape (n_networks,)
        Number of epochs trained; with several networks, of each.
    n_outputs_ : int
        Number of targets.
    n_samples_fit_ : int
        Number of rows that were learnt from.
    series_ : pandas.Index of length n_series or None
        Names of the series, sorted; those that `advance` or `partial_fit` met first come after
        these. None for one series without a name.
    state_ : list of ndarray of shape (n_series, units)
        State of each recurrent layer after the last row that was seen of each of `series_` (the end
        of its training rows, until `advance` moves on): hidden and cell state of an LSTM, the
        hidden state of a GRU. One series has arrays of shape (1, units). With several networks, a
        list with one such list for each.

    See Also
    --------
    LSTMRegressor : Every sample stands alone.
    TransformedSeriesRegressor : Predicts in the target's own units.

    Notes
    -----
    `fit` runs the training rows once more, to the state at their end. The state runs on over rows
    without a target. In `partial_fit`, rows that follow the rows seen so far start from their
    state.

    Of many series, a gap, an unknown start or a window that begins with NaN resets one series
    alone. A series that `fit` has not seen starts from zero, and is predicted like any other.

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
    >>> model = StatefulLSTMRegressor(units=4, epochs=2, random_state=0)
    >>> model = model.fit(X[:50], y[:50])
    >>> whole = model.predict(X[50:])
    >>> halves = [model.predict(X[50:55]), model.advance(X[50:55]).predict(X[55:])]
    >>> np.allclose(np.concatenate(halves), whole)
    True
    """

    _past: Past
    _states: SeriesStates

    _parameter_constraints: dict = {
        **_base.BaseRecurrentRegressor._parameter_constraints,
        "reset_states": [StrOptions({"epoch", "never"}), _base.COUNT],
        "bptt_steps": [_base.COUNT],
        "history": [StrOptions(set(HISTORY_OPTIONS))],
    }

    def __init__(
        self,
        units=32,
        *,
        cell="lstm",
        activation="tanh",
        dropout=0.0,
        recurrent_dropout=0.0,
        dense_units=(),
        dense_activation="relu",
        output_activation=None,
        normalize=True,
        reset_states="epoch",
        bptt_steps=1,
        history="auto",
        loss="mean_squared_error",
        optimizer="adam",
        learning_rate=None,
        learning_rate_schedule=None,
        clipnorm=None,
        metrics=None,
        epochs=100,
        batch_size=1,
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
        self.activation = activation
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.dense_units = dense_units
        self.dense_activation = dense_activation
        self.output_activation = output_activation
        self.normalize = normalize
        self.reset_states = reset_states
        self.bptt_steps = bptt_steps
        self.history = history
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.clipnorm = clipnorm
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
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

    @property
    def state_(self):
        """State of each recurrent layer after the last row that was seen of each series."""
        check_is_fitted(self)
        of_networks = by_network(self._network, self._states.arrays)
        return of_networks[0] if len(of_networks) == 1 else of_networks

    @property
    def series_(self):
        """Names of the series in the order of `state_`; None for one series without a name."""
        check_is_fitted(self)
        return names_as_index(self._states.names)

    def predict(self, X, return_std=False):
        """Predict the target of each row; nothing that is fitted changes.

        Rows that follow the last row seen start from `state_`, the training rows from zero. Rows
        after a gap start from zero as well, with a warning. Of many series, each starts from its
        own state; all are computed side by side.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, window, n_features)
            Rows or windows, oldest first.
        return_std : bool, default=False
            Whether to return the standard deviation of the networks' predictions, too; only with
            several networks.

        Returns
        -------
        y : ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
            One finite prediction per row: the unknown oldest steps of a window repeat its oldest
            known step (such a row has no state), and a window with no known step gets the mean of
            the training targets; of many series, that of its own series.
        std : ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
            Only with ``return_std=True``: the standard deviation of the networks' predictions, in
            the units of `y` (divided by `n_networks`, as :func:`numpy.std` does). It shows the
            effect of the seed. It is no interval: the target may be further away. NaN for a window
            with no known step.

        Raises
        ------
        ValueError
            If `X` has another number of columns or steps than in `fit`, holds infinity, text, or
            NaN elsewhere than in the oldest steps of a window, or its index is unsorted, or does
            not name the series while that of the training rows does; or if `return_std` is asked of
            one network.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        check_return_std(self, return_std)
        windows, n_unknown = check_windows(self, X, reset=False)
        check_length(self, X, windows)
        stretches = self._stretches(X, windows)
        states, _ = self._states_before(stretches, X)
        outputs, _ = run_over(self, windows, n_unknown, stretches, states)
        positions, filled = _base.partly_known(windows, n_unknown)
        if len(positions):
            from sklstm.engine import _predict

            alone = replace(self._network, stateful=False)
            for of_one, one in zip(outputs, self._trained, strict=True):
                of_one[positions] = _predict.predict(
                    alone, self._training, one.weights, filled, self._input_scale
                )
        is_unknown = n_unknown == windows.shape[1]
        values = values_of(self, outputs, is_unknown, X)
        return predictions(self, values[..., 0], is_unknown, return_std)

    @restore_on_error
    def advance(self, X):
        """Move the state past newly observed rows, without training.

        Of many series, the states of those in `X` move, and the others stay. A series that was not
        seen before gets a state, too.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, window, n_features)
            Rows or windows, oldest first.

        Returns
        -------
        self : StatefulLSTMRegressor
            The regressor; `state_` is the state after the last row of `X` (of each series in it).

        Raises
        ------
        ValueError
            As in `predict`.
        TypeError
            If `X` is sparse, or nothing that a table can be made of.
        """
        check_is_fitted(self)
        windows, n_unknown = check_windows(self, X, reset=False)
        check_length(self, X, windows)
        stretches = self._stretches(X, windows)
        # The state after the last row of a series depends on nothing before its last stretch.
        last = stretches.are_last
        before, follows = self._states_before(stretches, X, last)
        _, after = run_over(self, windows, n_unknown, stretches, before, last)
        states = self._states.including(stretches.layout.names)
        slots = states.slots(stretches.layout.names)
        ends = np.where(follows, states.ends[slots[stretches.ordinals]], stretches.numbers)
        ends = (ends + stretches.lengths)[last]
        self._states = states.replaced(slots, ends, [state[last] for state in after])
        return self

    def reset_state(self):
        """Set the state to zero, as if nothing had been seen before the next row.

        Returns
        -------
        self : StatefulLSTMRegressor
            The regressor.
        """
        check_is_fitted(self)
        zeros = [np.zeros_like(state) for state in self._states.arrays]
        self._states = SeriesStates(self._states.names, self._states.ends, zeros)
        return self

    def _fit(self, given, start, *, one_epoch=False):
        """Train on the rows whose past is known; those without a target only move the state."""
        # 1. Validate.
        self._validate_params()

        # 2. Read the problem, and find where the rows stand in the series.
        X, *_ = given
        samples, validation = read_problem(
            self, given, reset=start is None, one_epoch=one_epoch, runs_on=True
        )
        lags = lag_columns(X)
        if start is None and lags:
            warn(
                f"The columns {lags!r} are lags of one series, but features of one step to the"
                " network, whose state remembers the rows before it. Keep the newest lag alone, or"
                " rename the columns if all are meant.",
                OneStepWarning,
            )
        before = None
        if start is not None and one_epoch:
            stretches = self._stretches(X, samples.windows)
            first = ~stretches.are_later
            states, _ = self._states_before(stretches, X, first)
            before = [state[first] for state in states]
        seen = None if before is None else self._past
        if start is not None:
            check_levels_in_order(self._past.levels, index_names(X))
        self._past = Past(samples.windows.last_steps, index_of(X), depth=1, quiet=True, after=seen)
        samples = self._by_series(samples)
        if validation is not None:
            validation = self._by_series(validation, held_out=True)

        # 3. Describe the network and its training.
        network = describe_network(self, samples.target.shape[1], stateful=True)
        training = describe_training(self, self.loss, one_epoch=one_epoch)

        # 4. Train in the engine, and take over what was learnt.
        if before is not None:
            of_networks = by_network(self._network, before)
            start = [replace(one, states=of) for one, of in zip(start, of_networks, strict=True)]
        names, ends = self._past.names, self._past.ends.astype(np.float64)
        if seen is None or (self._states.names is None) != (names is None):
            states = SeriesStates(names, ends, zero_states(network, len(ends), self.n_networks))
        else:
            states = self._states.including(names)
            if self._past.axis is not seen.axis:
                states.ends = np.full(len(states.ends), np.nan)
        train(
            self, samples, validation, PointHead(), network, training, start=start, _states=states
        )

        # 5. Run over the training rows with the weights learnt, to the states at their ends.
        windows, n_unknown = samples.windows, samples.n_unknown
        del samples  # Its targets take memory.
        stretches = self._stretches(X, windows)
        first, last = ~stretches.are_later, stretches.are_last
        zeros = zero_states(network, len(stretches), self.n_networks)
        for state, given in zip(zeros, before or (), strict=False):
            state[first] = given
        _, after = run_over(self, windows, n_unknown, stretches, zeros, last)
        self._states = states.replaced(states.slots(names), ends, [state[last] for state in after])
        return self

    def _stretches(self, X, windows):
        """Return the unbroken parts of a table, and where they stand in their series."""
        rows = windows.last_steps
        stretches = self._past.stretches(rows, index_of(X), self.history)
        labelled = index_of(X) is not None and self._past.labelled
        follows = not labelled and stretches.numbers[0] == self._past.ends[0]
        # A window that begins with NaN has no state to go on from, whatever the rows are.
        if follows and self.history == "auto" and not np.isnan(windows[:1]).any():
            self._past.warn_of_assumption(rows)
        return stretches

    def _by_series(self, samples, *, held_out=False):
        """Tell the series of each sample, and where the state is zero, as the past is not known."""
        stretches = self._stretches(samples.table, samples.windows)
        layout, first = stretches.layout, ~stretches.are_later
        begins = np.append(False, layout.by_series(samples.n_unknown > 0)[:-1])
        begins[stretches.starts] = True
        # The first training row finds what `reset_states` says; the first of a table to validate
        # with, the state after the training rows if it follows them.
        ends = np.append(self._past.ends, np.nan)[np.minimum(stretches.series, self._past.n_series)]
        follows = (stretches.numbers == ends) & (self.history != "none")
        begins[stretches.starts[first]] = held_out & ~follows[first]
        breaks = np.flatnonzero(layout.by_row(begins)[samples.usable])
        series = None
        if self._past.n_series > 1 or stretches.series.any():
            series = layout.by_row(np.repeat(stretches.series, stretches.lengths))[samples.usable]
        return replace(samples, breaks=breaks, series=series)

    def _states_before(self, stretches, X, some=None):
        """Return the state before each stretch of `X`, and whether it is known; else it is zero.

        A warning names the first stretch that should have a state; of `some` stretches, if given.
        """
        slots = self._states.slots(stretches.layout.names)[stretches.ordinals]
        follows = np.zeros(len(stretches), dtype=bool)
        if self.history != "none":
            # Labels with a regular step tell how many rows there are between these and the last row
            # seen. Without them, rows that are not the training rows follow the last row seen.
            has_distance = index_of(X) is not None and self._past.axis is not None
            ends = self._states.ends[slots]
            if not has_distance or self.history != "auto":
                # Of a series that the training rows do not have, counting begins at 0.
                known = np.minimum(stretches.series, self._past.n_series)
                ends = np.append(self._past.ends, 0)[known]
            follows = (stretches.numbers == ends) & (slots >= 0)
            self._warn_of_resets(stretches, slots, follows, index_of(X), some)
        states = [np.where(follows[:, None], state[slots], 0) for state in self._states.arrays]
        return states, follows

    def _warn_of_resets(self, stretches, slots, follows, index, some):
        """Warn of the first stretch whose state should be known, and count the others."""
        # How far rows are from the state is told by the last row seen, not by the last one taught.
        series = np.minimum(stretches.series, self._past.n_series)
        firsts = np.append(self._past.kept.firsts, -np.inf)[series]
        apart = ~stretches.are_later & stretches.agrees & (stretches.numbers > firsts)
        apart &= slots >= 0
        is_training = self._past.kept.heads(stretches)[0] > 0
        doubtful = np.where(apart, ~is_training, stretches.doubtful) & ~follows
        # A series that was never seen starts from zero, however few of its rows are there.
        doubtful &= stretches.are_later | (slots >= 0)
        if some is not None:
            doubtful &= some
        if not doubtful.any():
            return
        layout, found = stretches.layout, np.flatnonzero(doubtful)
        one = found[np.argmin(layout.row(stretches.starts[found]))]
        labels = layout.labels()
        doubt = stretches.doubt(one)
        if apart[one]:
            name = None if labels is None else label_at(labels, stretches.ordinals[one])
            of = "" if labels is None else f" of series {name!r}"
            end = self._states.ends[slots[one]]
            doubt = Doubt(
                f"Rows{of} start at row {stretches.numbers[one]:.0f}, counted from the first"
                f" training row, but the state is that before row {end:.0f}",
                "Pass the rows in between to advance(), or all rows from the first training row on;"
                " or set history='continue' if they do follow the last row seen.",
            )
        others = ""
        if len(found) > 1:
            others = f" (one of {len(found)} such places"
            if labels is not None:
                names = labels[np.unique(stretches.ordinals[found])].tolist()
                shown = ", ".join(map(repr, names[:3])) + (", ..." if len(names) > 3 else "")
                others += f", in {len(names)} series: {shown}"
            others += ")"
        warn(
            f"{doubt.what}: they start from a state of zero{others}. {doubt.remedy}",
            StateResetWarning,
        )

    def __sklstm_look_back__(self):
        # The state reaches back to the first row.
        return None
