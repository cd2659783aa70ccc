"""StatefulLSTMRegressor against Keras' own stateful layers and loops written by hand."""

import copy
from contextlib import nullcontext

import keras
import numpy as np
import pandas as pd
import pytest
from keras_oracles import (
    RowByRow,
    assert_close,
    reset,
    stateful_keras,
    train_and_reset,
    weights_before,
    weights_of,
)
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline

from sklstm import (
    AssumedPastWarning,
    Differencer,
    LagWindower,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    StateResetWarning,
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
    defaults = {"units": 3, "normalize": False, "epochs": 3, "learning_rate": 0.05}
    return StatefulLSTMRegressor(**{**defaults, "random_state": 0, **parameters})


def adam(rate=0.05):
    """Return the optimizer that `regressor` trains with."""
    return keras.optimizers.Adam(rate)


def row_by_row(weights, **options):
    """Return the network of `regressor`, stepped through by hand."""
    return RowByRow(weights, optimizer=adam(), **options)


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
    ("units", "window", "n_features", "cell", "epochs"),
    [
        ((3,), 1, 1, "lstm", 10),
        pytest.param((4, 3), 3, 2, "gru", 10, marks=pytest.mark.slow),
        pytest.param((3,), 1, 1, "lstm", 50, marks=pytest.mark.slow),
        pytest.param((3,), 3, 1, "lstm", 50, marks=pytest.mark.slow),
        pytest.param((4,), 1, 2, "lstm", 50, marks=pytest.mark.slow),
        pytest.param((4, 3), 1, 1, "lstm", 50, marks=pytest.mark.slow),
        pytest.param((4, 3), 3, 2, "lstm", 50, marks=pytest.mark.slow),
        pytest.param((4, 3), 3, 2, "gru", 50, marks=pytest.mark.slow),
    ],
)
def test_one_row_at_a_time_equals_the_hand_written_keras_loop(
    units, window, n_features, cell, epochs
):
    """Weights are those of fit for one epoch, reset the state, fit, reset, and so on."""
    X, y = windows(N_TRAIN, window, n_features)
    model = regressor(units=units, cell=cell, epochs=epochs, learning_rate=0.01)
    weights = weights_before(model, X, y)
    by_hand = stateful_keras(weights, units, window, n_features, cell=cell, optimizer=adam(0.01))
    losses = train_and_reset(by_hand, X, y, epochs)
    model.fit(X, y)
    assert_close(weights_of(model), by_hand.get_weights())
    np.testing.assert_allclose(model.history_["loss"], losses, atol=1e-4)
    predicted = [by_hand.predict(x[None], verbose=0).item() for x in X]
    np.testing.assert_allclose(model.predict(X), predicted, atol=1e-4)
    states = [state for layer in by_hand.layers[:-1] for state in layer.states]
    assert [state.shape for state in model.state_] == [state.shape for state in states]
    assert_close(model.state_, states)


@pytest.mark.parametrize("reset_states", ["never", 4])
def test_the_state_is_reset_when_reset_states_says_so(reset_states):
    """It runs on into the next epoch under "never", and ends after each four rows under 4."""
    X, y = rows(N_TRAIN)
    model = regressor(reset_states=reset_states)
    by_hand = stateful_keras(weights_before(model, X, y), (3,), 1, optimizer=adam())
    for _ in range(3):
        for i in range(N_TRAIN):
            if reset_states == 4 and i % 4 == 0:
                reset(by_hand)
            by_hand.train_on_batch(X[i].reshape(1, 1, 1), y[i : i + 1])
    model.fit(X, y)
    assert_close(weights_of(model), by_hand.get_weights())


def test_rows_per_update_equal_keras_on_sequences():
    """bptt_steps=4 is a stateful Keras model that returns sequences of four rows."""
    X, y = rows(12)
    model = regressor(bptt_steps=4)
    by_hand = stateful_keras(weights_before(model, X, y), (3,), 4, sequences=True, optimizer=adam())
    train_and_reset(by_hand, X.reshape(3, 4, 1), y.reshape(3, 4, 1), epochs=3)
    assert_close(weights_of(model.fit(X, y)), by_hand.get_weights())


HOLES = {"holes": [0, 3, 4, 5, 6, 10]}
WEIGHT = np.array([0, 1, 2, 0.5, 1, 1, 3, 0, 1, 1.0])


@pytest.mark.parametrize(
    ("n", "lanes", "chunk", "options"),
    [
        pytest.param(12, 4, 1, {}, id="stretches of three rows"),
        pytest.param(11, 4, 1, {}, id="a last stretch of two rows"),
        pytest.param(9, 4, 1, {}, id="fewer stretches than asked for"),
        pytest.param(5, 64, 1, {}, id="more stretches than rows"),
        pytest.param(11, 1, 4, {}, id="a last update of three rows"),
        pytest.param(11, 2, 3, {}, id="stretches and updates that end early"),
        pytest.param(11, 1, 3, {"window": 2}, id="updates of windows"),
        pytest.param(11, 1, 1, HOLES, id="rows without a target"),
        pytest.param(11, 1, 3, HOLES, id="rows without a target in an update"),
        pytest.param(11, 2, 2, HOLES, id="rows without a target in stretches"),
        pytest.param(10, 1, 2, {"weight": WEIGHT}, id="weights"),
        pytest.param(11, 2, 3, {"cell": "gru", **HOLES}, id="gru"),
    ],
)
def test_stretches_and_updates_equal_the_loop_by_hand(n, lanes, chunk, options):
    """Row i finds the state after row i - 1 of its stretch; without a target it teaches nothing."""
    options = {"window": 1, "holes": [], "weight": None, "cell": "lstm", **options}
    X, y = windows(n, options["window"], 1)
    y[options["holes"]] = np.nan
    model = regressor(batch_size=lanes, bptt_steps=chunk, cell=options["cell"])
    plain = row_by_row(weights_before(model, X, y), cell=options["cell"])
    plain.train(X, y, epochs=3, lanes=min(lanes, n), chunk=chunk, weight=options["weight"])
    model.fit(X, y, sample_weight=options["weight"])
    assert_close(weights_of(model), plain.weights())
    assert_close(model.state_, plain.predict(X)[1])
    assert model.n_samples_fit_ == n - len(options["holes"])


def test_a_row_without_a_target_has_no_part_in_the_loss():
    """The loss of an epoch is the mean over the rows that have a target."""
    X, y = rows(N_TRAIN)
    y[[2, 7]] = np.nan
    model = regressor(epochs=1, learning_rate=1e-12).fit(X, y)
    predicted = model.predict(X)
    expected = np.nanmean((predicted - y) ** 2)
    np.testing.assert_allclose(model.history_["loss"], [expected], rtol=1e-5)


def test_the_state_is_zero_after_a_gap_inside_the_training_rows():
    """Labels that leave months out break the series there, and nothing warns."""
    X, y = rows(N_TRAIN)
    table = months(X)
    table.index = table.index[:6].append(table.index[6:] + 7)
    model = regressor()
    plain = row_by_row(weights_before(model, table, y))
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


# --- prediction ---------------------------------------------------------------------------------


def test_later_rows_go_on_from_the_end_of_training(fitted):
    """Prediction is that of a Keras model which has run over the training rows."""
    X, _ = rows()
    by_hand = stateful_keras(weights_of(fitted), (3,), 1)
    one_by_one = [by_hand.predict(x.reshape(1, 1, 1), verbose=0).item() for x in X]
    np.testing.assert_allclose(fitted.predict(X[N_TRAIN:]), one_by_one[N_TRAIN:], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "start", "moved", "follows", "warning"),
    [
        pytest.param(None, N_TRAIN, 0, True, None, id="later rows"),
        pytest.param(None, 0, 0, False, None, id="training rows and later ones"),
        pytest.param(None, N_TRAIN + 2, 0, False, "Rows start at row 12", id="a gap"),
        pytest.param(None, N_TRAIN, -N_TRAIN, False, "was the index reset", id="reset labels"),
        pytest.param({"history": "continue"}, N_TRAIN, 5, True, None, id="history='continue'"),
        pytest.param({"history": "none"}, N_TRAIN, 0, False, None, id="history='none'"),
        pytest.param("reset_state", N_TRAIN, 0, False, None, id="reset_state"),
        pytest.param("advance", N_TRAIN, 0, False, "the state is that before row 12", id="advance"),
    ],
)
def test_rows_find_the_state_before_them_or_zero(labelled, change, start, moved, follows, warning):
    """Labels tell what comes before; a warning tells of rows that should have a state."""
    X, _ = rows()
    table = months(X)
    model = copy.deepcopy(labelled)
    if change == "reset_state":
        model.reset_state()
    elif change == "advance":
        model.advance(table[N_TRAIN : N_TRAIN + 2])
    else:
        model.set_params(**change or {})
    plain = row_by_row(weights_of(model))
    state = plain.predict(X[:N_TRAIN])[1] if follows else None
    expected, _ = plain.predict(X[start:], state)
    with pytest.warns(StateResetWarning, match=warning) if warning else nullcontext():
        predicted = model.predict(table.set_axis(table.index + moved)[start:])
    np.testing.assert_allclose(predicted, expected, atol=1e-5)


@pytest.mark.parametrize("history", ["auto", "continue", "none"])
@pytest.mark.parametrize("part", [slice(N_TRAIN), slice(N_TRAIN, None)], ids=["training", "later"])
def test_labels_and_arrays_predict_alike(fitted, labelled, history, part):
    """Labels say where rows stand, and change nothing else."""
    X, _ = rows()
    by_label, by_array = (
        copy.deepcopy(model).set_params(history=history).predict(table[part])
        for model, table in ((labelled, months(X)), (fitted, X))
    )
    np.testing.assert_array_equal(by_label, by_array)


def test_arrays_of_more_than_the_training_rows_follow_these_with_a_warning(fitted):
    """Without labels, only the training table itself starts from zero."""
    X, _ = rows()
    model = copy.deepcopy(fitted).set_params(history="continue")
    with pytest.warns(AssumedPastWarning, match="history="):
        predicted = fitted.predict(X)
    np.testing.assert_array_equal(predicted, model.predict(X))


def test_advance_leaves_the_state_after_its_rows(fitted):
    """The state is that of a plain loop over all rows so far."""
    X, _ = rows()
    model = copy.deepcopy(fitted).advance(X[N_TRAIN:])
    assert_close(model.state_, row_by_row(weights_of(fitted)).predict(X)[1], atol=1e-5)


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


# --- going on -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reset_states", ["epoch", "never", 6])
def test_partial_fit_goes_on_from_weights_and_state(reset_states):
    """Rows that follow find the state after the rows before, under the weights learnt so far."""
    X, y = rows(12)
    model = regressor(epochs=1, reset_states=reset_states)
    plain = row_by_row(weights_before(model, X[:6], y[:6]))
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


# --- validation, early stopping, callbacks ------------------------------------------------------


@pytest.mark.parametrize(
    ("lanes", "fraction", "holes"), [(1, 0.3, []), (3, 0.3, []), (1, 0.2, [1, 10, 12, 13])]
)
def test_validation_rows_go_on_from_the_training_rows_and_disturb_nothing(lanes, fraction, holes):
    """The fraction counts rows with a target; they are scored from the state after training."""
    X, y = rows()
    y[holes] = np.nan
    model = regressor(batch_size=lanes, validation_fraction=fraction)
    plain = row_by_row(weights_before(model, X, y))
    *_, state = plain.train(X[:9], y[:9], lanes=lanes)
    expected = np.nanmean((plain.predict(X[9:], state)[0] - y[9:]) ** 2)
    model.fit(X, y)
    np.testing.assert_allclose(model.history_["val_loss"][0], expected, rtol=1e-4)
    assert model.n_samples_fit_ == np.sum(~np.isnan(y[:9]))
    without = regressor(batch_size=lanes).fit(X[:9], y[:9])
    assert_close(weights_of(model), weights_of(without), atol=1e-6)


@pytest.mark.parametrize(("gap", "follows"), [(0, True), (3, False)])
def test_given_validation_rows_go_on_where_they_follow(gap, follows):
    """Labels say whether the rows to look at come right after the training rows."""
    X, y = rows()
    table = months(X)
    later = table[N_TRAIN:].set_axis(table.index[N_TRAIN:] + gap)
    model = regressor(epochs=1)
    plain = row_by_row(weights_before(model, table[:N_TRAIN], y[:N_TRAIN]))
    [state] = plain.train(X[:N_TRAIN], y[:N_TRAIN])
    predicted, _ = plain.predict(X[N_TRAIN:], state if follows else None)
    model.fit(table[:N_TRAIN], y[:N_TRAIN], X_val=later, y_val=y[N_TRAIN:])
    expected = np.mean((predicted - y[N_TRAIN:]) ** 2)
    np.testing.assert_allclose(model.history_["val_loss"], [expected], rtol=1e-4)


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


def test_callbacks_look_at_epochs_and_updates():
    """A callback sees each weight update and each epoch, and changes nothing."""
    X, y = rows(N_TRAIN)
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch),
        on_epoch_end=lambda epoch, logs: seen.append("end"),
    )
    model = regressor(bptt_steps=4, callbacks=[callback]).fit(X, y)
    assert seen == 3 * [0, 1, 2, "end"]
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


def test_a_differenced_series_equals_the_recipe_by_hand():
    """Difference, scale, train row by row, walk forward, scale back, add the month before."""
    walk = np.cumsum(np.random.default_rng(1).normal(size=30))
    X, y = series_to_supervised(months(walk[:, None])["x0"])
    to_stationary = make_pipeline(Differencer(), SeriesMinMaxScaler((-1, 1)))
    model = TransformedSeriesRegressor(regressor(), transformer=to_stationary)
    predicted = model.fit(X[:-8], y[:-8]).predict(X[-8:])

    lag, target = X.to_numpy().ravel(), y.to_numpy()
    steps, wanted = np.diff(lag)[:, None], np.diff(target)
    n = len(lag) - 8 - 1
    least, most = wanted[:n].min(), wanted[:n].max()
    inputs = 2 * (steps - least) / (most - least) - 1
    outputs = 2 * (wanted - least) / (most - least) - 1
    plain = row_by_row(weights_before(regressor(), inputs[:n], outputs[:n]))
    plain.train(inputs[:n], outputs[:n], epochs=3)
    forecast, _ = plain.predict(inputs)
    by_hand = lag[1:] + (forecast + 1) / 2 * (most - least) + least
    np.testing.assert_allclose(predicted, by_hand[-8:], atol=1e-3)
