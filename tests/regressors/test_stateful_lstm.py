"""StatefulLSTMRegressor against Keras' own stateful layers and loops written by hand."""

import copy
import pickle
import warnings
from itertools import pairwise

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from keras_oracles import RowByRow, assert_close, reset, stateful_keras, train_and_reset
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    series_to_supervised,
)

N_TRAIN = 10


def rows(n=14, n_features=1, seed=0):
    """Return rows, and targets that need memory."""
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(n, n_features))
    return X, np.cumsum(X[:, 0]) / 3


def windows(n, window, n_features):
    """Return windows without a warm-up, and targets."""
    X, y = rows(n + window - 1, n_features)
    view = sliding_window_view(X, window, axis=0)
    return np.array(view.transpose(0, 2, 1)), y[window - 1 :]


def months(X, start="2001-01", name="x"):
    """Give rows the labels of months."""
    index = pd.period_range(start, periods=len(X), freq="M")
    return pd.DataFrame(X, index=index, columns=[f"{name}{i}" for i in range(X.shape[1])])


def regressor(**parameters):
    """Return a small regressor; few architectures, because each is traced."""
    defaults = {"units": 3, "epochs": 3, "learning_rate": 0.05, "random_state": 0}
    return StatefulLSTMRegressor(**{**defaults, **parameters})


class FirstWeights(keras.callbacks.Callback):
    """Remember the weights before training, and the copies that estimators make do so, too."""

    def __deepcopy__(self, memo):
        """Stay the same object."""
        return self

    def on_train_begin(self, logs=None):
        """Look before the first epoch."""
        self.weights = self.model.get_weights()


def first_weights(model, X, y):
    """Return the weights that a fit starts from."""
    look = FirstWeights()
    clone(model).set_params(epochs=1, callbacks=[look]).fit(X, y)
    return look.weights


def weights_of(model):
    """Return the fitted weights."""
    return model.model_.get_weights()


def adam(rate=0.05):
    """Return the optimizer that `regressor` trains with."""
    return keras.optimizers.Adam(rate)


def row_by_row(weights):
    """Return the network of `regressor`, stepped through by hand."""
    return RowByRow(weights, optimizer=adam())


@pytest.fixture(scope="module")
def fitted():
    """One fitted regressor, for all that does not change it."""
    X, y = rows()
    return regressor().fit(X[:N_TRAIN], y[:N_TRAIN])


@pytest.fixture(scope="module")
def labelled():
    """One regressor fitted to months."""
    X, y = rows()
    return regressor().fit(months(X)[:N_TRAIN], y[:N_TRAIN])


# --- training -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "window", "n_features", "epochs"),
    [
        ((3,), 1, 1, 10),
        pytest.param((3,), 1, 1, 50, marks=pytest.mark.slow),
        pytest.param((3,), 3, 1, 50, marks=pytest.mark.slow),
        pytest.param((4,), 1, 2, 50, marks=pytest.mark.slow),
        pytest.param((4, 3), 1, 1, 50, marks=pytest.mark.slow),
        pytest.param((4, 3), 3, 2, 50, marks=pytest.mark.slow),
    ],
)
def test_one_row_at_a_time_equals_the_hand_written_keras_loop(units, window, n_features, epochs):
    """Weights are those of fit for one epoch, reset the state, fit, reset, and so on."""
    X, y = windows(N_TRAIN, window, n_features)
    model = regressor(units=units, epochs=epochs, learning_rate=0.01)
    by_hand = stateful_keras(
        first_weights(model, X, y), units, window, n_features, optimizer=adam(0.01)
    )
    losses = train_and_reset(by_hand, X, y, epochs)
    model.fit(X, y)
    assert_close(weights_of(model), by_hand.get_weights())
    np.testing.assert_allclose(model.history_["loss"], losses, atol=1e-4)


@pytest.mark.parametrize("reset_states", ["never", 4])
def test_the_state_is_reset_when_reset_states_says_so(reset_states):
    """It runs on into the next epoch under "never", and ends after each four rows under 4."""
    X, y = rows(N_TRAIN)
    model = regressor(reset_states=reset_states)
    by_hand = stateful_keras(first_weights(model, X, y), (3,), 1, optimizer=adam())
    for _ in range(3):
        for i in range(N_TRAIN):
            if reset_states == 4 and i % 4 == 0:
                reset(by_hand)
            by_hand.train_on_batch(X[i].reshape(1, 1, 1), y[i : i + 1])
    model.fit(X, y)
    assert_close(weights_of(model), by_hand.get_weights())


@pytest.mark.parametrize("n", [12, 11, 9])
def test_a_batch_is_one_row_of_each_contiguous_stretch(n):
    """Row i finds the state after row i - 1 of its stretch, however long the last stretch is."""
    X, y = rows(n)
    model = regressor(batch_size=4)
    plain = row_by_row(first_weights(model, X, y))
    plain.train(X, y, epochs=3, lanes=4)
    assert_close(weights_of(model.fit(X, y)), plain.weights())


def test_more_stretches_than_rows_is_one_row_each():
    """A batch size beyond the number of rows is no error."""
    X, y = rows(5)
    model = regressor(batch_size=64)
    plain = row_by_row(first_weights(model, X, y))
    plain.train(X, y, epochs=3, lanes=5)
    assert_close(weights_of(model.fit(X, y)), plain.weights())


def test_rows_per_update_equal_keras_on_sequences():
    """bptt_steps=4 is a stateful Keras model that returns sequences of four rows."""
    X, y = rows(12)
    model = regressor(bptt_steps=4)
    by_hand = stateful_keras(first_weights(model, X, y), (3,), 4, sequences=True, optimizer=adam())
    train_and_reset(by_hand, X.reshape(3, 4, 1), y.reshape(3, 4, 1), epochs=3)
    assert_close(weights_of(model.fit(X, y)), by_hand.get_weights())


@pytest.mark.parametrize(("lanes", "chunk", "window"), [(1, 4, 1), (2, 3, 1), (1, 3, 2)])
def test_an_update_may_be_shorter_at_the_end(lanes, chunk, window):
    """Rows need not be divisible by the rows per update, nor by the stretches."""
    X, y = windows(11, window, 1)
    model = regressor(batch_size=lanes, bptt_steps=chunk)
    plain = row_by_row(first_weights(model, X, y))
    plain.train(X, y, epochs=3, lanes=lanes, chunk=chunk)
    assert_close(weights_of(model.fit(X, y)), plain.weights())


@pytest.mark.parametrize(("lanes", "chunk"), [(1, 1), (1, 3), (2, 2)])
def test_the_state_runs_on_over_rows_without_a_target(lanes, chunk):
    """Such a row moves the state and teaches nothing."""
    X, y = rows(11)
    y[[0, 3, 4, 5, 6, 10]] = np.nan
    model = regressor(batch_size=lanes, bptt_steps=chunk)
    plain = row_by_row(first_weights(model, X, y))
    plain.train(X, y, epochs=3, lanes=lanes, chunk=chunk)
    model.fit(X, y)
    assert_close(weights_of(model), plain.weights())
    assert_close(model.state_, plain.predict(X)[1])
    assert model.n_samples_fit_ == 5


def test_a_row_without_a_target_has_no_part_in_the_loss():
    """The loss of an epoch is the mean over the rows that have a target."""
    X, y = rows(N_TRAIN)
    y[[2, 7]] = np.nan
    model = regressor(epochs=1, learning_rate=1e-12).fit(X, y)
    predicted = model.predict(X)
    expected = np.nanmean((predicted - y) ** 2)
    np.testing.assert_allclose(model.history_["loss"], [expected], rtol=1e-5)


def test_sample_weight_weighs_the_loss_of_each_row():
    """A weight of two doubles a row's share, and a weight of zero takes it away."""
    X, y = rows(N_TRAIN)
    weight = np.array([0, 1, 2, 0.5, 1, 1, 3, 0, 1, 1.0])
    model = regressor(bptt_steps=2)
    plain = row_by_row(first_weights(model, X, y))
    plain.train(X, y, epochs=3, chunk=2, weight=weight)
    assert_close(weights_of(model.fit(X, y, sample_weight=weight)), plain.weights())


def test_the_state_is_zero_after_a_gap_inside_the_training_rows():
    """Labels that leave months out break the series there, and nothing warns."""
    X, y = rows(N_TRAIN)
    table = months(X)
    table.index = table.index[:6].append(table.index[6:] + 7)
    model = regressor()
    plain = row_by_row(first_weights(model, table, y))
    plain.train(X, y, epochs=3, fresh=[6])
    model.fit(table, y)
    assert_close(weights_of(model), plain.weights())
    before, after = plain.predict(X[:6])[0], plain.predict(X[6:])[0]
    np.testing.assert_allclose(model.predict(table), [*before, *after], atol=1e-5)


def test_the_state_is_zero_after_the_warm_up():
    """Rows whose window is not known are left out, and the state begins after them."""
    X, y = rows(N_TRAIN)
    warm = LagWindower(3).fit_transform(X)
    model = regressor().fit(warm, y)
    assert_close(weights_of(model), weights_of(regressor().fit(warm[2:], y[2:])), atol=0)
    assert model.n_samples_fit_ == N_TRAIN - 2


def test_the_same_random_state_gives_the_same_bits():
    """Two fits agree in every weight."""
    X, y = rows(N_TRAIN)
    first, again = regressor().fit(X, y), regressor().fit(X, y)
    assert_close(weights_of(first), weights_of(again), atol=0)


# --- prediction ---------------------------------------------------------------------------------


def test_later_rows_go_on_from_the_end_of_training(fitted):
    """Prediction is that of a Keras model which has run over the training rows."""
    X, _ = rows()
    by_hand = stateful_keras(weights_of(fitted), (3,), 1)
    one_by_one = [by_hand.predict(x.reshape(1, 1, 1), verbose=0).item() for x in X]
    np.testing.assert_allclose(fitted.predict(X[N_TRAIN:]), one_by_one[N_TRAIN:], atol=1e-5)


def test_training_rows_start_from_zero(fitted):
    """Predicting the training rows starts where training did."""
    X, _ = rows()
    expected, state = row_by_row(weights_of(fitted)).predict(X[:N_TRAIN])
    np.testing.assert_allclose(fitted.predict(X[:N_TRAIN]), expected, atol=1e-5)
    assert_close(fitted.state_, state, atol=1e-5)


def test_all_rows_in_one_go_start_from_zero(fitted):
    """Training rows and what follows them are one series."""
    X, _ = rows()
    expected, _ = row_by_row(weights_of(fitted)).predict(X)
    np.testing.assert_allclose(fitted.predict(X), expected, atol=1e-5)


@pytest.mark.parametrize("label", [months, np.asarray])
def test_predict_changes_nothing(fitted, labelled, label):
    """Predicting twice gives the same, and the state stays."""
    X, _ = rows()
    model = labelled if label is months else fitted
    before = pickle.dumps(model)
    later = label(X)[N_TRAIN:]
    np.testing.assert_array_equal(model.predict(later), model.predict(later))
    assert pickle.dumps(model) == before


@pytest.mark.parametrize("label", [months, np.asarray])
@pytest.mark.parametrize("cuts", [(1, 2, 3), (2,), (1,)])
def test_chunks_with_advance_between_equal_one_go(fitted, labelled, label, cuts):
    """Walking on in steps of any length gives the same predictions."""
    X, _ = rows()
    later = label(X)[N_TRAIN:]
    model = copy.deepcopy(labelled if label is months else fitted)
    whole = model.predict(later)
    edges = [0, *cuts, len(later)]
    parts = []
    for start, stop in pairwise(edges):
        parts.append(model.predict(later[start:stop]))
        model.advance(later[start:stop])
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


def test_labels_and_arrays_predict_alike(fitted, labelled):
    """Labels say where rows stand, and change nothing else."""
    X, _ = rows()
    for part in (slice(None), slice(N_TRAIN), slice(N_TRAIN, None)):
        np.testing.assert_array_equal(labelled.predict(months(X)[part]), fitted.predict(X[part]))


def test_advance_leaves_the_state_after_its_rows(fitted):
    """The state is that of a plain loop over all rows so far."""
    X, _ = rows()
    model = copy.deepcopy(fitted).advance(X[N_TRAIN:])
    assert_close(model.state_, row_by_row(weights_of(fitted)).predict(X)[1], atol=1e-5)


def test_reset_state_forgets_what_was_seen(fitted):
    """Later rows then start from zero."""
    X, _ = rows()
    model = copy.deepcopy(fitted).reset_state()
    expected, _ = row_by_row(weights_of(fitted)).predict(X[N_TRAIN:])
    np.testing.assert_allclose(model.predict(X[N_TRAIN:]), expected, atol=1e-5)
    assert not any(state.any() for state in model.state_)


def test_rows_after_a_gap_start_from_zero_with_a_warning(labelled):
    """Two unseen months in between are not passed over in silence."""
    X, _ = rows()
    expected, _ = row_by_row(weights_of(labelled)).predict(X[N_TRAIN + 2 :])
    with pytest.warns(UserWarning, match="Rows start at row 12"):
        predicted = labelled.predict(months(X)[N_TRAIN + 2 :])
    np.testing.assert_allclose(predicted, expected, atol=1e-5)


def test_rows_already_passed_start_from_zero_with_a_warning(labelled):
    """After advance, the months passed are in the past."""
    X, _ = rows()
    later = months(X)[N_TRAIN:]
    model = copy.deepcopy(labelled).advance(later[:2])
    with pytest.warns(UserWarning, match="the state is that before row 12"):
        model.predict(later)


def test_an_index_that_was_reset_warns(labelled):
    """Labels of training rows with other values have no known past."""
    X, _ = rows()
    with pytest.warns(UserWarning, match="was the index reset"):
        labelled.predict(months(X[N_TRAIN:]))


def test_history_continue_goes_on_whatever_the_labels(labelled):
    """Rows after a gap are taken to follow the last row seen."""
    X, _ = rows()
    table = months(X)[N_TRAIN:]
    expected = labelled.predict(table)
    model = copy.deepcopy(labelled).set_params(history="continue")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predicted = model.predict(table.set_axis(table.index + 5))
    np.testing.assert_array_equal(predicted, expected)


@pytest.mark.parametrize("label", [months, np.asarray])
def test_history_none_starts_from_zero(fitted, labelled, label):
    """Later rows find no state, and nothing warns."""
    X, _ = rows()
    model = copy.deepcopy(labelled if label is months else fitted).set_params(history="none")
    expected, _ = row_by_row(weights_of(model)).predict(X[N_TRAIN:])
    np.testing.assert_allclose(model.predict(label(X)[N_TRAIN:]), expected, atol=1e-5)


def test_a_window_that_is_not_wholly_known_is_predicted_alone(fitted):
    """Its unknown steps repeat its oldest known one, and the state begins after it."""
    X, y = rows(N_TRAIN)
    warm = LagWindower(3).fit_transform(X)
    model = regressor().fit(warm, y)
    predicted = model.predict(warm)
    plain = row_by_row(weights_of(model))
    alone = [plain.predict(np.array([[X[0]] * 3]))[0], plain.predict([X[[0, 0, 1]]])[0]]
    expected, state = plain.predict(warm[2:])
    np.testing.assert_allclose(predicted, [*np.ravel(alone), *expected], atol=1e-5)
    assert_close(model.state_, state, atol=1e-5)


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(lambda model, path: pickle.loads(pickle.dumps(model)), id="pickle"),
        pytest.param(lambda model, path: copy.deepcopy(model), id="deepcopy"),
        pytest.param(
            lambda model, path: joblib.load(joblib.dump(model, path / "model")[0]), id="joblib"
        ),
    ],
)
def test_a_copy_keeps_the_state(labelled, kept, tmp_path):
    """A copy predicts later rows as the regressor does, also after advance."""
    X, _ = rows()
    table = months(X)
    model = copy.deepcopy(labelled).advance(table[N_TRAIN : N_TRAIN + 1])
    again = kept(model, tmp_path)
    later = table[N_TRAIN + 1 :]
    np.testing.assert_array_equal(again.predict(later), model.predict(later))


# --- going on -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reset_states", ["epoch", "never", 6])
def test_partial_fit_goes_on_from_weights_and_state(reset_states):
    """Rows that follow find the state after the rows before, under the weights learnt so far."""
    X, y = rows(12)
    model = regressor(epochs=1, reset_states=reset_states)
    plain = row_by_row(first_weights(model, X[:6], y[:6]))
    model.fit(X[:6], y[:6])
    plain.train(X[:6], y[:6])
    state = plain.predict(X[:6])[1]
    for part in (slice(6, 9), slice(9, 12)):
        model.partial_fit(X[part], y[part])
        plain.train(X[part], y[part], states=[state])
        state = plain.predict(X[part], state)[1]
        assert_close(weights_of(model), plain.weights())
        assert_close(model.state_, state)


def test_warm_start_keeps_weights_and_starts_from_zero():
    """A second fit of three epochs continues the first one; the state begins anew."""
    X, y = rows(N_TRAIN)
    model = regressor(warm_start=True)
    twice = model.fit(X, y).fit(X, y)
    once = regressor(epochs=6).fit(X, y)
    assert_close(weights_of(twice), weights_of(once), atol=1e-6)
    assert twice.n_iter_ == 6


def test_a_change_of_units_under_warm_start_is_refused():
    """The error names what changed."""
    X, y = rows(N_TRAIN)
    model = regressor(warm_start=True).fit(X, y).set_params(units=4)
    with pytest.raises(ValueError, match=r"units from \(3,\) to \(4,\)"):
        model.fit(X, y)


# --- validation, early stopping, callbacks ------------------------------------------------------


@pytest.mark.parametrize("lanes", [1, 3])
def test_validation_rows_go_on_from_the_training_rows_and_disturb_nothing(lanes):
    """Their loss is that of the state after training, and weights are as without them."""
    X, y = rows()
    model = regressor(epochs=1, batch_size=lanes, validation_fraction=0.3)
    plain = row_by_row(first_weights(model, X, y))
    n_train = 9
    *_, state = plain.train(X[:n_train], y[:n_train], lanes=lanes)
    expected = np.mean((plain.predict(X[n_train:], state)[0] - y[n_train:]) ** 2)
    model.fit(X, y)
    np.testing.assert_allclose(model.history_["val_loss"], [expected], rtol=1e-4)
    longer = {"epochs": 3, "batch_size": lanes}
    with_them = regressor(validation_fraction=0.3, **longer).fit(X, y)
    without = regressor(**longer).fit(X[:n_train], y[:n_train])
    assert_close(weights_of(with_them), weights_of(without), atol=1e-6)


@pytest.mark.parametrize(("gap", "follows"), [(0, True), (3, False)])
def test_given_validation_rows_go_on_where_they_follow(gap, follows):
    """Labels say whether the rows to look at come right after the training rows."""
    X, y = rows()
    table = months(X)
    later = table[N_TRAIN:].set_axis(table.index[N_TRAIN:] + gap)
    model = regressor(epochs=1)
    plain = row_by_row(first_weights(model, table[:N_TRAIN], y[:N_TRAIN]))
    [state] = plain.train(X[:N_TRAIN], y[:N_TRAIN])
    predicted, _ = plain.predict(X[N_TRAIN:], state if follows else None)
    model.fit(table[:N_TRAIN], y[:N_TRAIN], X_val=later, y_val=y[N_TRAIN:])
    expected = np.mean((predicted - y[N_TRAIN:]) ** 2)
    np.testing.assert_allclose(model.history_["val_loss"], [expected], rtol=1e-4)


def test_validation_counts_rows_that_have_a_target():
    """A fraction is one of what can be scored; rows without a target only move the state."""
    X, y = rows()
    y[[1, 10, 12, 13]] = np.nan
    model = regressor(epochs=1, validation_fraction=0.2)
    plain = row_by_row(first_weights(model, X, y))
    [state] = plain.train(X[:9], y[:9])
    predicted, _ = plain.predict(X[9:], state)
    model.fit(X, y)
    expected = np.nanmean((predicted - y[9:]) ** 2)
    np.testing.assert_allclose(model.history_["val_loss"], [expected], rtol=1e-4)
    assert model.n_samples_fit_ == 8


def test_early_stopping_goes_back_to_the_best_weights():
    """Weights are those of the epoch with the best validation loss; the state follows all rows."""
    X, y = rows()
    y[-4:] += 50  # what the training rows teach makes these worse
    options = {"validation_fraction": 0.3, "learning_rate": 0.2}
    model = regressor(epochs=60, early_stopping=True, patience=3, **options).fit(X, -y)
    losses = model.history_["val_loss"]
    best = int(np.argmin(losses)) + 1
    assert model.n_iter_ == best + 3 < 60
    until_best = regressor(epochs=best, **options).fit(X, -y)
    assert_close(weights_of(model), weights_of(until_best), atol=1e-6)
    assert_close(model.state_, row_by_row(weights_of(model)).predict(X)[1], atol=1e-5)


class Count(keras.callbacks.Callback):
    """Count epochs and batches, in all copies."""

    def __deepcopy__(self, memo):
        """Stay the same object."""
        return self

    def on_train_begin(self, logs=None):
        """Begin to count."""
        self.epochs = self.batches = 0

    def on_train_batch_end(self, batch, logs=None):
        """Count a batch."""
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        """Count an epoch."""
        self.epochs += 1


def test_callbacks_look_at_epochs_and_updates():
    """A callback sees each epoch and each weight update, and changes nothing."""
    X, y = rows(N_TRAIN)
    count = Count()
    model = regressor(bptt_steps=4, callbacks=[count]).fit(X, y)
    assert (count.epochs, count.batches) == (3, 9)
    assert_close(weights_of(model), weights_of(regressor(bptt_steps=4).fit(X, y)), atol=1e-6)


# --- networks -----------------------------------------------------------------------------------


def test_several_outputs_and_a_dense_head():
    """Every row has one prediction per target; partly unknown targets teach nothing."""
    X, y = rows(n_features=2)
    Y = np.column_stack([y, -y])
    Y[3, 1] = np.nan
    model = regressor(units=(4, 3), dense_units=2).fit(X[:N_TRAIN], Y[:N_TRAIN])
    assert model.predict(X[N_TRAIN:]).shape == (4, 2)
    assert [state.shape for state in model.state_] == [(1, 4)] * 2 + [(1, 3)] * 2
    assert model.n_samples_fit_ == N_TRAIN - 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dropout", "recurrent_dropout"])
def test_dropout_is_for_training_and_follows_the_seed(name):
    """The same seed drops the same, another one does not, and predictions drop nothing."""
    X, y = rows()
    first, again, other = (
        regressor(random_state=seed, **{name: 0.4}).fit(X[:N_TRAIN], y[:N_TRAIN])
        for seed in (0, 0, 1)
    )
    assert_close(weights_of(first), weights_of(again), atol=0)
    assert not np.allclose(first.predict(X), other.predict(X))
    assert not np.allclose(first.predict(X), regressor().fit(X, y).predict(X))
    np.testing.assert_array_equal(first.predict(X), first.predict(X))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["keras", "layer", "block", "xla"])
def test_all_engines_agree(engine):
    """What computes changes nothing but the time it takes."""
    X, y = rows()
    y[4] = np.nan
    options = {"epochs": 20, "batch_size": 2, "bptt_steps": 2}
    model = regressor(engine=engine, **options).fit(X[:N_TRAIN], y[:N_TRAIN])
    plain = row_by_row(first_weights(model, X[:N_TRAIN], y[:N_TRAIN]))
    plain.train(X[:N_TRAIN], y[:N_TRAIN], epochs=20, lanes=2, chunk=2)
    assert_close(weights_of(model), plain.weights())


# --- parameters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reset_states", "batch"),
        ("reset_states", 0),
        ("bptt_steps", 0),
        ("bptt_steps", 2.5),
        ("history", "zero"),
        ("batch_size", 0),
        ("loss", "no_such_loss"),
    ],
)
def test_a_wrong_parameter_is_named(name, value):
    """The error says which parameter is wrong, and what it got."""
    X, y = rows(N_TRAIN)
    with pytest.raises(ValueError, match=rf"{name}.*{value}"):
        regressor(**{name: value}).fit(X, y)


def test_repr_shows_what_was_changed():
    """The representation is scikit-learn's."""
    model = StatefulLSTMRegressor(4, reset_states="never")
    assert repr(model) == "StatefulLSTMRegressor(reset_states='never', units=4)"


def test_nothing_but_warm_up_is_an_error():
    """The message gives the rows, the window, and how many rows would do."""
    X, y = rows(3)
    warm = LagWindower(3).fit_transform(X)[:2]
    with pytest.raises(ValueError, match=r"No row is left .* 2 rows, a window has 3"):
        regressor().fit(warm, y[:2])


# --- composition --------------------------------------------------------------------------------


def test_cross_validation_in_time_scores_the_carried_state():
    """A fold's score is that of fit, then predict on the rows that follow."""
    X, y = rows(20)
    table = months(X)
    cv = TimeSeriesSplit(2, test_size=4)
    scores = cross_val_score(
        regressor(), table, y, cv=cv, scoring="neg_mean_squared_error", error_score="raise"
    )
    for score, (train, test) in zip(scores, cv.split(X), strict=True):
        predicted = regressor().fit(X[train], y[train]).predict(X[test])
        np.testing.assert_allclose(-score, np.mean((predicted - y[test]) ** 2), rtol=1e-6)


@pytest.mark.slow
def test_grid_search_over_everything_stateful():
    """Windows, units, stretches and resets are searched over like any parameter."""
    X, y = rows(30)
    grid = {
        "lagwindower__window": [1, 3],
        "statefullstmregressor__units": [2, 3],
        "statefullstmregressor__batch_size": [1, 4],
        "statefullstmregressor__bptt_steps": [1, 3],
        "statefullstmregressor__reset_states": ["epoch", "never", 5],
    }
    model = make_pipeline(LagWindower(), regressor(epochs=1))
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(2), error_score="raise")
    search.fit(months(X), y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(months(X)).shape == (30,)


@pytest.mark.parametrize("label", [months, np.asarray])
def test_windows_in_a_pipeline_carry_history_and_state(label):
    """The first later row finds a whole window, and the state after the last training row."""
    X, y = rows()
    table = label(X)
    model = make_pipeline(LagWindower(3), regressor()).fit(table[:N_TRAIN], y[:N_TRAIN])
    warm = LagWindower(3).fit_transform(X)[2:]
    expected, _ = row_by_row(weights_of(model[-1])).predict(warm)
    np.testing.assert_allclose(model.predict(table[N_TRAIN:]), expected[N_TRAIN - 2 :], atol=1e-5)


def series_regressor():
    """Return a regressor of the differences of a series, and the series as rows."""
    to_stationary = make_pipeline(Differencer(), SeriesMinMaxScaler((-1, 1)))
    series = pd.Series(
        np.cumsum(np.random.default_rng(1).normal(size=30)),
        index=pd.period_range("2001-01", periods=30, freq="M"),
        name="sales",
    )
    model = TransformedSeriesRegressor(
        make_pipeline(Differencer(), SeriesMinMaxScaler((-1, 1)), regressor()),
        transformer=to_stationary,
        y_lag=0,
    )
    return model, *series_to_supervised(series)


def test_a_differenced_series_equals_the_recipe_by_hand():
    """Difference, scale, train row by row, walk forward, scale back, add the month before."""
    model, X, y = series_regressor()
    predicted = model.fit(X[:-8], y[:-8]).predict(X[-8:])

    lag, target = X.to_numpy().ravel(), y.to_numpy()
    steps, wanted = np.diff(lag)[:, None], np.diff(target)
    n = len(lag) - 8 - 1
    low, high = steps[:n].min(), steps[:n].max()
    least, most = wanted[:n].min(), wanted[:n].max()
    inputs = 2 * (steps - low) / (high - low) - 1
    outputs = 2 * (wanted - least) / (most - least) - 1
    plain = row_by_row(first_weights(regressor(), inputs[:n], outputs[:n]))
    plain.train(inputs[:n], outputs[:n], epochs=3)
    forecast, _ = plain.predict(inputs)
    by_hand = lag[1:] + (forecast + 1) / 2 * (most - least) + least
    np.testing.assert_allclose(predicted, by_hand[-8:], atol=1e-3)


def test_a_differenced_series_predicts_alike_with_and_without_labels():
    """Labels are not needed to place the rows that follow."""
    model, X, y = series_regressor()
    labelled = model.fit(X[:-8], y[:-8]).predict(X[-8:])
    bare = model.fit(X[:-8].to_numpy(), y[:-8].to_numpy()).predict(X[-8:].to_numpy())
    np.testing.assert_allclose(labelled, bare, atol=1e-6)
