"""LSTMRegressor against Keras, and against recipes written out by hand."""

import copy
import pickle
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklstm import Differencer, LagWindower, LSTMRegressor

WINDOW, N_ROWS = 4, 60
#: So small that a run leaves the first weights as they are: what it reports can be worked out.
FROZEN = 1e-12

# Keras 3.15 does not speak NumPy 2's array protocol when it saves.
SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def tiny(**parameters):
    """Return a regressor that trains in no time."""
    return LSTMRegressor(**{"units": 3, "epochs": 2, "random_state": 0, **parameters})


@pytest.fixture(scope="session")
def data():
    """Windows and targets that can be learnt."""
    draws = np.random.default_rng(0)
    X = draws.normal(size=(N_ROWS, WINDOW, 2))
    return X, X[:, -1].sum(axis=1)


@pytest.fixture(scope="session")
def fitted(data):
    """A regressor with one layer, fitted on the data; not to be changed."""
    return tiny().fit(*data)


@pytest.fixture(scope="session")
def elaborate(data):
    """A regressor with everything in its network, fitted with two outputs; not to be changed."""
    X, y = data
    return tiny(
        units=[4, 3],
        activation="sigmoid",
        dropout=0.2,
        recurrent_dropout=0.1,
        dense_units=[5, 2],
        dense_activation=["relu", "elu"],
        output_activation="softplus",
        epochs=1,
    ).fit(X, np.column_stack([y, y]))


def weights_of(regressor):
    """Return all weights as one vector."""
    return np.concatenate([weight.ravel() for weight in regressor.model_.get_weights()])


def assert_same_fit(ours, theirs, **tolerance):
    """Assert that two regressors have learnt the same."""
    np.testing.assert_allclose(
        weights_of(ours), weights_of(theirs), **{"rtol": 0, "atol": 0, **tolerance}
    )


def in_a_fresh_process(code, *arguments):
    """Run code in a process of its own and return what it prints."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


# ---------------------------------------------------------------------- parameters become Keras


def test_units_are_stacked_layers(elaborate):
    """Each number of units is an LSTM layer; all but the last hand on their sequences."""
    layers = [layer for layer in elaborate.model_.layers if isinstance(layer, keras.layers.LSTM)]
    assert [layer.units for layer in layers] == [4, 3]
    assert [layer.return_sequences for layer in layers] == [True, False]


@pytest.mark.parametrize(
    ("option", "value"),
    [("activation", "sigmoid"), ("dropout", 0.2), ("recurrent_dropout", 0.1)],
)
def test_layer_options_reach_each_lstm_layer(elaborate, option, value):
    """Every LSTM layer has the option."""
    for layer in elaborate.model_.layers:
        if isinstance(layer, keras.layers.LSTM):
            assert layer.get_config()[option] == value


def test_dense_layers_stand_between_lstm_and_output(elaborate):
    """Dense layers have their units and activations; the output has one unit per target."""
    layers = [layer for layer in elaborate.model_.layers if isinstance(layer, keras.layers.Dense)]
    described = [(layer.units, layer.get_config()["activation"]) for layer in layers]
    assert described == [(5, "relu"), (2, "elu"), (2, "softplus")]


def test_the_output_activation_bounds_predictions(elaborate, data):
    """A softplus predicts positive numbers."""
    assert (elaborate.predict(data[0]) > 0).all()


def test_predictions_are_those_of_the_equations(fitted, data):
    """Predictions equal the LSTM's equations worked out in NumPy with the fitted weights."""
    kernel, recurrent, bias, dense, offset = map(np.float64, fitted.model_.get_weights())

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    h = c = np.zeros((N_ROWS, 3))
    for step in range(WINDOW):
        i, f, g, o = np.split(data[0][:, step] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    expected = (h @ dense + offset).ravel()
    np.testing.assert_allclose(fitted.predict(data[0]), expected, atol=1e-5)


def test_predictions_are_those_of_the_keras_model(elaborate, data):
    """model_ predicts what the regressor predicts, dropout off."""
    np.testing.assert_allclose(
        elaborate.predict(data[0]), elaborate.model_.predict(data[0], verbose=0), atol=1e-6
    )


@pytest.mark.parametrize(
    ("optimizer", "learning_rate", "kind", "rate"),
    [
        ("adam", None, keras.optimizers.Adam, 0.001),
        ("adam", 0.02, keras.optimizers.Adam, 0.02),
        ("rmsprop", None, keras.optimizers.RMSprop, 0.001),
        (keras.optimizers.SGD(0.05), None, keras.optimizers.SGD, 0.05),
        (keras.optimizers.SGD(0.05), 0.02, keras.optimizers.SGD, 0.02),
    ],
    ids=["name", "name and rate", "another name", "instance", "instance and rate"],
)
def test_the_optimizer_is_the_one_asked_for(data, optimizer, learning_rate, kind, rate):
    """A name or an instance becomes Keras' optimizer, learning_rate before its own."""
    regressor = tiny(optimizer=optimizer, learning_rate=learning_rate, epochs=1).fit(*data)
    trained_with = regressor.model_.optimizer
    assert isinstance(trained_with, kind)
    assert float(trained_with.learning_rate) == pytest.approx(rate)


def test_learning_rate_is_what_sgd_steps_by(data):
    """Twice the rate, twice the step of one batch."""
    X, y = data
    steps = []
    start = weights_of(tiny(optimizer="sgd", learning_rate=FROZEN, batch_size=99).fit(X, y))
    for rate in (0.01, 0.02):
        regressor = tiny(optimizer="sgd", learning_rate=rate, batch_size=99, epochs=1).fit(X, y)
        steps.append(weights_of(regressor) - start)
    np.testing.assert_allclose(steps[1], 2 * steps[0], atol=1e-6)


def test_an_optimizer_instance_can_be_fitted_again(data):
    """The instance is a description: it is not trained with, so a second fit is like the first."""
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    regressor = tiny(optimizer=optimizer)
    first = clone(regressor).fit(*data)
    assert int(optimizer.iterations) == 0
    assert_same_fit(regressor.fit(*data).fit(*data), first)


def pinball(y_true, y_pred):
    """Loss of the ninth decile, as Keras wants it."""
    error = y_true - y_pred
    return keras.ops.mean(keras.ops.maximum(0.9 * error, -0.1 * error), axis=-1)


@pytest.mark.parametrize(
    ("loss", "by_hand"),
    [
        ("mean_squared_error", lambda error: np.mean(error**2)),
        ("mae", lambda error: np.mean(np.abs(error))),
        (keras.losses.LogCosh(), lambda error: np.mean(np.log(np.cosh(error)))),
        (pinball, lambda error: np.mean(np.maximum(0.9 * error, -0.1 * error))),
    ],
    ids=["name", "short name", "instance", "function"],
)
def test_the_loss_is_the_one_asked_for(data, loss, by_hand):
    """The loss of frozen weights is what NumPy makes of their predictions."""
    X, y = data
    regressor = tiny(loss=loss, learning_rate=FROZEN, batch_size=7).fit(X, y)
    assert regressor.history_["loss"][-1] == pytest.approx(
        by_hand(y - regressor.predict(X)), rel=1e-4
    )


def test_metrics_are_followed(data):
    """Metrics by name and instance are recorded per epoch, for validation rows as well."""
    X, y = data
    regressor = tiny(
        metrics=["mae", keras.metrics.RootMeanSquaredError(name="rmse")],
        learning_rate=FROZEN,
        validation_fraction=0.25,
    ).fit(X, y)
    error = (y - regressor.predict(X))[-15:]
    assert set(regressor.history_) == {"loss", "mae", "rmse", "val_loss", "val_mae", "val_rmse"}
    assert regressor.history_["val_mae"][-1] == pytest.approx(np.abs(error).mean(), rel=1e-4)
    assert regressor.history_["val_rmse"][-1] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-4)


def test_weights_count_in_the_loss(data):
    """The loss is the mean of weight times squared error."""
    X, y = data
    weight = np.random.default_rng(1).uniform(0, 2, size=N_ROWS)
    regressor = tiny(learning_rate=FROZEN, batch_size=99).fit(X, y, sample_weight=weight)
    expected = np.mean(weight * (y - regressor.predict(X)) ** 2)
    assert regressor.history_["loss"][-1] == pytest.approx(expected, rel=1e-4)


def test_a_row_without_weight_teaches_nothing(data):
    """Whatever the target of a row of weight zero is, the weights learnt are the same."""
    X, y = data
    weight, other = np.ones(N_ROWS), y.copy()
    weight[10:20], other[10:20] = 0, 99
    assert_same_fit(
        tiny().fit(X, y, sample_weight=weight), tiny().fit(X, other, sample_weight=weight)
    )


def test_weights_of_one_are_no_weights(fitted, data):
    """All rows of weight one learn what rows without weights learn."""
    assert_same_fit(tiny().fit(*data, sample_weight=np.ones(N_ROWS)), fitted, atol=1e-6)


def test_the_last_rows_validate(data):
    """validation_fraction holds the last rows out: the fit is that of the rows before."""
    X, y = data
    regressor = tiny(validation_fraction=0.2).fit(X, y)
    assert regressor.n_samples_fit_ == 48
    assert_same_fit(regressor, tiny().fit(X[:48], y[:48]))


def test_validation_loss_is_that_of_the_last_rows(data):
    """val_loss is the loss of the rows held out, with the weights after the epoch."""
    X, y = data
    regressor = tiny(validation_fraction=0.2).fit(X, y)
    expected = np.mean((y - regressor.predict(X))[48:] ** 2)
    assert regressor.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)


def test_rows_of_ones_own_validate(data):
    """X_val and y_val give the history that the same rows held out give."""
    X, y = data
    own = tiny().fit(X[:48], y[:48], X_val=X[48:], y_val=y[48:])
    held_out = tiny(validation_fraction=0.2).fit(X, y)
    assert own.history_ == held_out.history_


def test_rows_of_ones_own_go_before_the_fraction(data):
    """With X_val, no row is held out."""
    X, y = data
    regressor = tiny(validation_fraction=0.5).fit(X, y, X_val=X[:9], y_val=y[:9])
    assert regressor.n_samples_fit_ == N_ROWS


def test_early_stopping_goes_back_to_the_best_weights(data):
    """Training ends `patience` epochs after the best one, whose weights predict afterwards."""
    X = data[0]
    noise = np.random.default_rng(3).normal(size=N_ROWS)
    regressor = tiny(
        epochs=200, learning_rate=0.05, validation_fraction=0.3, early_stopping=True, patience=4
    ).fit(X, noise)
    losses = regressor.history_["val_loss"]
    assert regressor.n_iter_ == len(losses) == np.argmin(losses) + 1 + 4 < 200
    error = (noise - regressor.predict(X))[42:]
    assert np.mean(error**2) == pytest.approx(min(losses), rel=1e-4)


def test_early_stopping_without_validation_looks_at_the_loss(data):
    """Without validation rows the training loss decides: no gain, no more epochs."""
    regressor = tiny(
        epochs=50, learning_rate=FROZEN, early_stopping=True, patience=2, shuffle=False
    )
    assert regressor.fit(*data).n_iter_ < 50


def test_shuffling_changes_the_order_of_the_rows(data):
    """Another order of the rows leads to other weights; without shuffling there is one order."""
    shuffled, plain = (
        weights_of(tiny(batch_size=8, shuffle=shuffle).fit(*data)) for shuffle in (True, False)
    )
    assert np.abs(shuffled - plain).max() > 1e-6


def test_a_batch_may_be_larger_than_the_table(data):
    """All rows at once is one update per epoch."""
    assert_same_fit(tiny(batch_size=10_000).fit(*data), tiny(batch_size=N_ROWS).fit(*data))


def test_verbose_prints_a_line_per_epoch(data, capsys):
    """verbose=1 tells of each epoch; nothing is printed otherwise."""
    tiny(epochs=3).fit(*data)
    assert capsys.readouterr().out == ""
    tiny(epochs=3, verbose=1).fit(*data)
    printed = capsys.readouterr().out
    assert [f"{epoch}/3" in printed for epoch in (1, 2, 3)] == [True] * 3


# --------------------------------------------------------------------------------- going on


def test_warm_start_goes_on_where_the_last_fit_ended(data):
    """Two fits of two epochs are one of four: weights, optimizer and history."""
    warm = tiny(warm_start=True, shuffle=False).fit(*data).fit(*data)
    long = tiny(epochs=4, shuffle=False).fit(*data)
    assert_same_fit(warm, long, atol=1e-6)
    np.testing.assert_allclose(warm.history_["loss"], long.history_["loss"], rtol=1e-5)
    assert warm.n_iter_ == 4


@pytest.mark.parametrize("change", [{"units": 5}, {"optimizer": "sgd"}], ids=str)
def test_warm_start_refuses_another_network(data, change):
    """Weights of another shape cannot go on, and nothing is ignored silently."""
    regressor = tiny(warm_start=True).fit(*data).set_params(**change)
    with pytest.raises(ValueError, match=f"{next(iter(change))} from .*warm_start=False"):
        regressor.fit(*data)


def test_partial_fit_is_one_epoch(data):
    """Two calls are two epochs, whatever `epochs` is."""
    regressor = tiny(epochs=9, shuffle=False)
    regressor.partial_fit(*data).partial_fit(*data)
    assert regressor.n_iter_ == 2
    assert_same_fit(regressor, tiny(shuffle=False).fit(*data), atol=1e-6)


def test_fit_forgets_everything(data, fitted):
    """A fit after fits on other data, with another shape, is as the first of all."""
    X, y = data
    regressor = tiny().fit(X[:20, :2, :1], np.column_stack([y, y, y])[:20])
    regressor.partial_fit(X[:20, :2, :1], np.column_stack([y, y, y])[:20])
    regressor.fit(X, y)
    assert_same_fit(regressor, fitted)
    assert regressor.history_ == fitted.history_
    assert (regressor.n_features_in_, regressor.n_outputs_, regressor.n_iter_) == (2, 1, 2)


def test_a_failed_fit_keeps_the_one_before(data):
    """When training diverges, the error says what helps and the regressor predicts as before."""
    X, y = data
    regressor = tiny(optimizer="sgd").fit(X, y)
    before = regressor.predict(X)
    regressor.set_params(learning_rate=1e30)
    with pytest.raises(ValueError, match="learning_rate"):
        regressor.fit(X * 1e6, y * 1e6)
    np.testing.assert_array_equal(regressor.predict(X), before)


# ------------------------------------------------------------------------ networks of one's own


def small_dense(input_shape, n_outputs):
    """Build a network that is no LSTM at all."""
    return keras.Sequential(
        [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(n_outputs)]
    )


def test_a_network_of_ones_own_is_used(data):
    """Any Keras model trains: a linear one on all steps of a window predicts linearly."""
    X, y = data
    regressor = tiny(network=small_dense).fit(X, np.column_stack([y, y]))
    kernel, bias = regressor.model_.get_weights()
    assert kernel.shape == (WINDOW * 2, 2)
    np.testing.assert_allclose(
        regressor.predict(X), X.reshape(N_ROWS, -1) @ kernel + bias, atol=1e-5
    )


def test_a_network_is_told_its_shapes(data):
    """The callable gets (window, n_features) and the number of targets."""
    told = []

    def network(input_shape, n_outputs):
        told.append((tuple(input_shape), n_outputs))
        return small_dense(input_shape, n_outputs)

    tiny(network=network, epochs=1).fit(*data)
    assert set(told) == {((WINDOW, 2), 1)}


def test_a_network_of_ones_own_follows_the_seed(data):
    """The same seed draws the same first weights in a network that sets no seed itself."""
    assert_same_fit(tiny(network=small_dense).fit(*data), tiny(network=small_dense).fit(*data))
    other = tiny(network=small_dense, random_state=1).fit(*data)
    assert np.any(weights_of(other) != weights_of(tiny(network=small_dense).fit(*data)))


# --------------------------------------------------------------------------------- callbacks


class Counter(keras.callbacks.Callback):
    """Counts epochs, and tells a list that copies share."""

    shared = []

    def __init__(self):
        super().__init__()
        self.count = 0

    def on_epoch_end(self, epoch, logs=None):
        """Count."""
        self.count += 1
        self.shared.append((epoch, self.count))


def test_callbacks_are_copied_for_each_fit(data):
    """A callback sees each epoch of each fit, starting afresh, and the user's own stays unused."""
    Counter.shared.clear()
    counter = Counter()
    regressor = tiny(callbacks=[counter])
    regressor.fit(*data).fit(*data)
    assert Counter.shared == [(0, 1), (1, 2)] * 2
    assert counter.count == 0
    assert counter.model is None


class SeesBatches(keras.callbacks.Callback):
    """Counts batches."""

    batches = []

    def on_train_batch_end(self, batch, logs=None):
        """Note the batch."""
        self.batches.append(batch)


def test_a_callback_may_look_at_batches(data, fitted):
    """Per-batch hooks are called, and change nothing that is learnt."""
    SeesBatches.batches.clear()
    regressor = tiny(callbacks=[SeesBatches()]).fit(*data)
    assert SeesBatches.batches == [0, 1, 0, 1]
    assert_same_fit(regressor, fitted, atol=1e-5)


def test_a_callback_may_stop_training(data):
    """A stop of a callback is heeded."""

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 2

    assert tiny(epochs=20, callbacks=[Stop()]).fit(*data).n_iter_ == 3


# ------------------------------------------------------------------------------------ randomness


def test_the_same_seed_gives_the_same_bits(fitted, data):
    """Fits with the same int are equal to the last bit, other fits in between."""
    tiny(random_state=7).fit(*data)
    tiny(random_state=None).fit(*data)
    np.random.default_rng().normal(size=5)
    assert_same_fit(tiny().fit(*data), fitted)


def test_another_seed_gives_another_fit(fitted, data):
    """The seed decides the weights."""
    assert np.any(weights_of(tiny(random_state=1).fit(*data)) != weights_of(fitted))


def test_no_seed_gives_another_fit_each_time(data):
    """None draws anew."""
    regressor = tiny(random_state=None)
    first = weights_of(regressor.fit(*data))
    assert np.any(weights_of(regressor.fit(*data)) != first)


def test_a_random_state_instance_is_drawn_from(data):
    """Equal instances give equal fits, and each fit draws the next numbers of its instance."""
    regressors = [tiny(random_state=np.random.RandomState(5)) for _ in range(2)]
    first, again = (weights_of(regressor.fit(*data)) for regressor in regressors)
    np.testing.assert_array_equal(first, again)
    assert np.any(weights_of(regressors[0].fit(*data)) != first)


def test_a_fit_leaves_global_random_states_alone(data):
    """Nobody else's random numbers change by a fit."""
    np.random.seed(3)  # noqa: NPY002  (the global state is what is looked at)
    random.seed(3)
    expected = np.random.random(), random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    tiny(dropout=0.2).fit(*data)
    assert (np.random.random(), random.random()) == expected  # noqa: NPY002


def test_dropout_follows_the_seed(data):
    """What is dropped is drawn from the seed as well."""
    regressor = tiny(dropout=0.2)
    assert_same_fit(clone(regressor).fit(*data), clone(regressor).fit(*data))


def test_threads_fit_as_one_after_the_other(data):
    """Fits at the same time give what each would give alone."""
    seeds = range(4)
    alone = [weights_of(tiny(random_state=seed).fit(*data)) for seed in seeds]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda seed: weights_of(tiny(random_state=seed).fit(*data)), seeds)
    for ours, theirs in zip(together, alone, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_a_fresh_process_gives_the_same_bits(fitted):
    """The same seed gives the same weights in another process."""
    printed = in_a_fresh_process(
        "import numpy as np; from sklstm import LSTMRegressor;"
        f"X = np.random.default_rng(0).normal(size=({N_ROWS}, {WINDOW}, 2));"
        "model = LSTMRegressor(units=3, epochs=2, random_state=0).fit(X, X[:, -1].sum(axis=1));"
        "print(b''.join(w.tobytes() for w in model.model_.get_weights()).hex())"
    )
    assert printed.split()[-1] == weights_of(fitted).tobytes().hex()


# ------------------------------------------------------------------------------- what is unknown


def test_warm_up_rows_are_not_learnt_from(data):
    """A fit on windows with NaN at the old end is the fit on the full windows alone."""
    X, y = data
    warm_up = X.copy()
    for row in range(WINDOW - 1):
        warm_up[row, : WINDOW - 1 - row] = np.nan
    regressor = tiny().fit(warm_up, y)
    assert regressor.n_samples_fit_ == N_ROWS - 3
    assert_same_fit(regressor, tiny().fit(X[3:], y[3:]))


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_rows_without_a_target_are_not_learnt_from(data, n_outputs):
    """Rows whose target, or part of it, is NaN are left out, wherever they stand."""
    X, y = data
    y = np.column_stack([y] * n_outputs)
    known = np.ones(N_ROWS, dtype=bool)
    known[[0, 17, 18, 59]] = False
    holes = y.copy()
    holes[~known, -1] = np.nan
    regressor = tiny().fit(X, holes)
    assert regressor.n_samples_fit_ == N_ROWS - 4
    assert_same_fit(regressor, tiny().fit(X[known], y[known]))


def test_weights_stay_with_their_rows(data):
    """Rows left out take their weights with them."""
    X, y = data
    weight = np.random.default_rng(0).uniform(size=N_ROWS)
    holes = y.copy()
    holes[:9] = np.nan
    assert_same_fit(
        tiny().fit(X, holes, sample_weight=weight),
        tiny().fit(X[9:], y[9:], sample_weight=weight[9:]),
    )


def test_validation_skips_what_is_unknown(data):
    """Warm-up rows and rows without target do not count in val_loss."""
    X, y = data
    X_val, y_val = X[40:].copy(), y[40:].copy()
    X_val[:2, 0] = np.nan
    y_val[7] = np.nan
    regressor = tiny().fit(X[:40], y[:40], X_val=X_val, y_val=y_val)
    known = np.delete(np.arange(40, 60), [0, 1, 7])
    expected = np.mean((y[known] - regressor.predict(X[known])) ** 2)
    assert regressor.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)


def test_missing_steps_repeat_the_oldest_known_one(fitted, data):
    """A warm-up sample is predicted as if its oldest known step had always been."""
    known, filled = data[0][:3].copy(), data[0][:3].copy()
    for row, n_unknown in enumerate((1, 2, 3)):
        known[row, :n_unknown] = np.nan
        filled[row, :n_unknown] = filled[row, n_unknown]
    np.testing.assert_allclose(fitted.predict(known), fitted.predict(filled), rtol=1e-6)


def test_a_sample_without_a_known_step_gets_the_mean(fitted, data):
    """With nothing known, the prediction is the mean of the training targets."""
    X, y = data
    X = X.copy()
    X[5] = np.nan
    predicted = fitted.predict(X)
    assert predicted[5] == pytest.approx(y.mean())
    assert np.isfinite(predicted).all()


def test_the_mean_is_that_of_the_rows_learnt_from(data):
    """Neither rows left out nor rows held out count in the mean."""
    X, y = data
    y = y.copy()
    y[:5] = np.nan
    regressor = tiny(validation_fraction=0.2).fit(X, y)
    nothing = np.full((1, WINDOW, 2), np.nan)
    assert regressor.predict(nothing)[0] == pytest.approx(y[5:49].mean())


@pytest.mark.parametrize(
    ("steps", "needed"),
    [((Differencer(2), LagWindower(4)), 6), ((Differencer([1, 12]), LagWindower(3)), 16)],
    ids=["short", "long"],
)
def test_the_fewest_rows_that_would_do_do(steps, needed):
    """With too few rows, the message gives a number of rows with which the same fit works."""
    series = np.random.default_rng(0).normal(size=(needed, 1))
    model = make_pipeline(*steps, tiny(epochs=1))
    message = f"has {needed - 1} rows.* {steps[-1].window} steps.*At least {needed} rows"
    with pytest.raises(ValueError, match=message):
        model.fit(series[:-1], series[:-1, 0])
    assert model.fit(series, series[:, 0])[-1].n_samples_fit_ == 1


def test_every_row_of_a_series_is_predicted():
    """Through a windower, training rows and later rows get one finite prediction each."""
    series = np.random.default_rng(0).normal(size=(40, 2))
    model = make_pipeline(Differencer(), LagWindower(WINDOW), tiny()).fit(
        series[:30], series[:30, 0]
    )
    assert np.isfinite(model.predict(series[:30])).all()
    assert model.predict(series[30:]).shape == (10,)


# --------------------------------------------------------------------------- fitted attributes


def test_history_has_one_entry_per_epoch(fitted):
    """history_ is a dict of lists of floats, as long as n_iter_."""
    assert list(fitted.history_) == ["loss"]
    assert [type(value) for value in fitted.history_["loss"]] == [float, float]
    assert fitted.n_iter_ == 2


def test_model_is_a_model_of_its_own(data):
    """Training model_ further changes nothing in the regressor."""
    X, y = data
    regressor = tiny().fit(X, y)
    before = regressor.predict(X)
    regressor.model_.fit(X, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(regressor.predict(X), before)


@SAVES
def test_model_can_be_saved_by_keras(fitted, data, tmp_path):
    """A saved model_, loaded by Keras, predicts what the regressor predicts."""
    fitted.model_.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(data[0], verbose=0).ravel(), fitted.predict(data[0]), atol=1e-6
    )


@SAVES
@pytest.mark.slow
def test_a_saved_model_needs_keras_alone(elaborate, data, tmp_path):
    """A process that never imports sklstm loads the file and predicts the same."""
    elaborate.model_.save(tmp_path / "model.keras")
    np.save(tmp_path / "X.npy", data[0])
    in_a_fresh_process(
        "import sys, pathlib, numpy as np, keras; at = pathlib.Path(sys.argv[1]);"
        "model = keras.models.load_model(at / 'model.keras');"
        "np.save(at / 'y.npy', model.predict(np.load(at / 'X.npy'), verbose=0));"
        "assert 'sklstm' not in sys.modules",
        tmp_path,
    )
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), elaborate.predict(data[0]), atol=1e-6)


def test_a_pickle_predicts_the_same(elaborate, data):
    """A regressor comes back from a pickle, and from a copy, as it was."""
    for twin in (pickle.loads(pickle.dumps(elaborate)), copy.deepcopy(elaborate)):
        np.testing.assert_array_equal(twin.predict(data[0]), elaborate.predict(data[0]))


def test_a_pickle_is_small(data):
    """A pickle holds weights and optimizer state, not the training rows or a Keras model."""
    X, y = data
    small = len(pickle.dumps(tiny().fit(X, y)))
    large = len(pickle.dumps(tiny().fit(np.tile(X, (20, 1, 1)), np.tile(y, 20))))
    assert abs(large - small) < 500
    assert small < 3 * weights_of(tiny().fit(X, y)).nbytes + 5_000


def test_a_pickle_can_go_on(data):
    """warm_start works on from a pickle."""
    regressor = tiny(warm_start=True, shuffle=False).fit(*data)
    twin = pickle.loads(pickle.dumps(regressor)).fit(*data)
    assert_same_fit(twin, regressor.fit(*data))


@pytest.mark.slow
def test_a_pickle_predicts_the_same_in_a_fresh_process(fitted, data, tmp_path):
    """A process that has fitted nothing predicts from a pickle, to the last bit."""
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted))
    np.save(tmp_path / "X.npy", data[0])
    in_a_fresh_process(
        "import sys, pathlib, pickle, numpy as np; at = pathlib.Path(sys.argv[1]);"
        "model = pickle.loads((at / 'model.pickle').read_bytes());"
        "np.save(at / 'y.npy', model.predict(np.load(at / 'X.npy')))",
        tmp_path,
    )
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), fitted.predict(data[0]))


# --------------------------------------------------------------------------- shapes and dtypes


@pytest.mark.parametrize("shape", [(N_ROWS,), (N_ROWS, 1), (N_ROWS, 3)], ids=str)
def test_predictions_have_the_shape_of_the_target(data, shape):
    """One axis or two, as y has; float64 always."""
    y = np.random.default_rng(0).normal(size=shape)
    regressor = tiny(epochs=1).fit(data[0], y)
    predicted = regressor.predict(data[0][:7])
    assert predicted.shape == (7, *shape[1:])
    assert predicted.dtype == np.float64
    assert regressor.n_outputs_ == (shape[1] if len(shape) > 1 else 1)


def test_float32_and_float64_give_the_same(fitted, data):
    """The precision of the input changes neither fit nor predictions."""
    X, y = data
    regressor = tiny().fit(X.astype(np.float32), y.astype(np.float32))
    assert_same_fit(regressor, fitted)
    np.testing.assert_array_equal(regressor.predict(X), fitted.predict(X.astype(np.float32)))
    assert fitted.predict(X.astype(np.float32)).dtype == np.float64


def test_rows_are_windows_of_one_step(data):
    """A table of two axes is learnt from as windows of one step."""
    X, y = data
    by_rows = tiny().fit(X[:, 0], y)
    assert_same_fit(by_rows, tiny().fit(X[:, :1], y))
    np.testing.assert_array_equal(by_rows.predict(X[:, 0]), by_rows.predict(X[:, :1]))


def test_a_table_gives_its_names(data):
    """Columns of a DataFrame are remembered, those of windows have no names."""
    X, y = data
    frame = pd.DataFrame(X[:, 0], columns=["a", "b"])
    regressor = tiny(epochs=1).fit(frame, y)
    assert regressor.feature_names_in_.tolist() == ["a", "b"]
    assert regressor.n_features_in_ == 2
    assert not hasattr(regressor.fit(X, y), "feature_names_in_")


def test_a_view_and_a_copy_of_windows_give_the_same():
    """Windows that share memory are learnt from as separate ones."""
    series = np.random.default_rng(0).normal(size=(40, 2))
    view = LagWindower(WINDOW).fit_transform(series)
    assert_same_fit(
        tiny().fit(view, series[:, 0]), tiny().fit(np.ascontiguousarray(view), series[:, 0])
    )


def test_lists_and_integers_are_numbers(data):
    """What NumPy makes floats of is learnt from as floats."""
    X, y = np.rint(data[0] * 10), np.rint(data[1] * 10)
    expected = tiny().fit(X, y)
    assert_same_fit(tiny().fit(X[:, :].astype(int), y.astype(int).tolist()), expected)


def test_one_row_can_be_predicted(fitted, data):
    """A single window gives a single prediction, the one that it has among others."""
    one = fitted.predict(data[0][:1])
    assert one.shape == (1,)
    np.testing.assert_allclose(one, fitted.predict(data[0])[:1], rtol=1e-5)


def test_the_data_are_not_changed(data):
    """Fit and predict leave the user's arrays as they are."""
    X, y = data[0].copy(), data[1].copy()
    X[0, 0], y[3] = np.nan, np.nan
    before = X.copy(), y.copy()
    tiny().fit(X, y).predict(X)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
