"""LSTMRegressor against stock Keras, and against recipes written out by hand."""

import pickle
import re
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from keras_oracles import FirstWeights, assert_close, stateless_keras
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    FewRowsTaughtWarning,
    LagWindower,
    LSTMRegressor,
    forecast,
    series_to_supervised,
)

WINDOW, N_ROWS = 4, 60
#: So small that a run leaves the first weights as they are: what it reports can be worked out.
FROZEN = 1e-12

# Keras 3.15 does not speak NumPy 2's array protocol when it saves.
SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def tiny(**parameters):
    """Return a regressor that trains in no time."""
    defaults = {"units": 3, "epochs": 2, "normalize": False, "random_state": 0}
    return LSTMRegressor(**{**defaults, **parameters})


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


def assert_same_fit(ours, theirs, atol=0):
    """Assert that two regressors have learnt the same."""
    np.testing.assert_allclose(weights_of(ours), weights_of(theirs), rtol=0, atol=atol)


# ---------------------------------------------------------------------- parameters become Keras


@pytest.mark.parametrize(
    ("cell", "bidirectional", "units"),
    [
        ("lstm", False, (3,)),
        ("gru", False, (3,)),
        *(pytest.param(c, True, (4, 3), marks=pytest.mark.slow) for c in ("lstm", "gru")),
        pytest.param("lstm", True, (3,), marks=pytest.mark.slow),
        pytest.param("gru", False, (4, 3), marks=pytest.mark.slow),
    ],
)
def test_a_fit_is_that_of_stock_keras(data, cell, bidirectional, units):
    """Weights, losses and predictions are those of the same layers written by hand."""
    X, y = data
    look, kind = FirstWeights(), {"cell": cell, "bidirectional": bidirectional}
    regressor = tiny(units=units, shuffle=False, callbacks=[look], **kind).fit(X, y)
    by_hand = stateless_keras(look.weights, units, WINDOW, 2, **kind)
    log = by_hand.fit(X, y, epochs=2, batch_size=32, shuffle=False, verbose=0)
    assert_close(regressor.model_.get_weights(), by_hand.get_weights(), atol=1e-5)
    assert regressor.history_ == {"loss": pytest.approx(log.history["loss"], rel=1e-5)}
    assert regressor.n_iter_ == 2
    predicted = by_hand.predict(X, verbose=0).ravel()
    np.testing.assert_allclose(regressor.predict(X), predicted, atol=1e-5)


def test_parameters_are_those_of_the_layers(elaborate):
    """Every parameter of the network reaches the layers that it names."""
    names = ("units", "activation", "dropout", "recurrent_dropout", "return_sequences")
    configs = [layer.get_config() for layer in elaborate.model_.layers]
    recurrent = {"activation": "sigmoid", "dropout": 0.2, "recurrent_dropout": 0.1}
    assert [{name: one[name] for name in names if name in one} for one in configs[1:]] == [
        {"units": 4, "return_sequences": True, **recurrent},
        {"units": 3, "return_sequences": False, **recurrent},
        {"units": 5, "activation": "relu"},
        {"units": 2, "activation": "elu"},
        {"units": 2, "activation": "softplus"},
    ]


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
    start, once, twice = (
        weights_of(tiny(optimizer="sgd", learning_rate=rate, batch_size=99, epochs=1).fit(*data))
        for rate in (FROZEN, 0.01, 0.02)
    )
    np.testing.assert_allclose(twice - start, 2 * (once - start), atol=1e-6)


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
    expected = by_hand(y - regressor.predict(X))
    assert regressor.history_["loss"][-1] == pytest.approx(expected, rel=1e-4)


def test_metrics_are_recorded_per_epoch(data):
    """Metrics by name and by instance are recorded for training and for validation rows."""
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
    regressor = tiny(learning_rate=FROZEN, batch_size=99).fit(X, y, sample_weight=WEIGHT)
    expected = np.mean(WEIGHT * (y - regressor.predict(X)) ** 2)
    assert regressor.history_["loss"][-1] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("own_rows", [False, True])
def test_validation_rows_are_the_last_rows_or_given_ones(data, own_rows):
    """Nothing is learnt from them, and val_loss is their loss after each epoch."""
    X, y = data
    if own_rows:  # Given rows go before the fraction.
        validation = {"X_val": X[48:], "y_val": y[48:]}
        regressor = tiny(validation_fraction=0.5).fit(X[:48], y[:48], **validation)
    else:
        regressor = tiny(validation_fraction=0.2).fit(X, y)
    assert regressor.n_samples_fit_ == 48
    assert_same_fit(regressor, tiny().fit(X[:48], y[:48]))
    expected = np.mean((y - regressor.predict(X))[48:] ** 2)
    assert regressor.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)


def test_early_stopping_is_that_of_keras(data):
    """Training ends `patience` epochs after the best one, whose weights predict afterwards."""
    X, noise = data[0], np.random.default_rng(3).normal(size=N_ROWS)
    look, optimizer = FirstWeights(), keras.optimizers.Adam(0.05)
    options = {"epochs": 200, "optimizer": optimizer, "shuffle": False, "callbacks": [look]}
    regressor = tiny(validation_fraction=0.3, early_stopping=True, patience=4, **options)
    losses = regressor.fit(X, noise).history_["val_loss"]
    assert regressor.n_iter_ == len(losses) == np.argmin(losses) + 1 + 4 < 200
    by_hand = stateless_keras(look.weights, (3,), WINDOW, 2, optimizer=optimizer)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True)
    held_out = X[42:], noise[42:]
    log = by_hand.fit(
        X[:42],
        noise[:42],
        epochs=200,
        shuffle=False,
        validation_data=held_out,
        callbacks=[stop],
        verbose=0,
    )
    np.testing.assert_allclose(losses, log.history["val_loss"], rtol=1e-3)
    assert_close(regressor.model_.get_weights(), by_hand.get_weights(), atol=1e-3)
    error = regressor.predict(X[42:]) - noise[42:]
    assert np.mean(error**2) == pytest.approx(min(losses), rel=1e-4)


def test_early_stopping_without_validation_looks_at_the_loss(data):
    """Without validation rows the training loss decides: no gain, no more epochs."""
    options = {"learning_rate": FROZEN, "early_stopping": True, "patience": 2, "shuffle": False}
    assert tiny(epochs=50, **options).fit(*data).n_iter_ < 50


def test_shuffling_changes_the_order_of_the_rows(data):
    """Another order of the rows leads to other weights; without shuffling there is one order."""
    shuffled, plain = (
        weights_of(tiny(batch_size=8, shuffle=shuffle).fit(*data)) for shuffle in (True, False)
    )
    assert np.abs(shuffled - plain).max() > 1e-6


def test_verbose_prints_a_line_per_epoch(data, capsys):
    """verbose=1 prints the losses of each epoch; nothing is printed otherwise."""
    regressor = tiny(epochs=3, validation_fraction=0.2).fit(*data)
    assert capsys.readouterr().out == ""
    regressor.set_params(verbose=1).fit(*data)
    for i, line in enumerate(capsys.readouterr().out.splitlines(), start=1):
        assert re.fullmatch(rf"Epoch {i}/3 - loss: [\d.]+ - val_loss: [\d.]+", line)
    assert i == 3


@pytest.mark.slow
def test_cells_are_searched_over(data):
    """`cell` and `bidirectional` are parameters of a grid, and clones keep them."""
    grid = {"cell": ["lstm", "gru"], "bidirectional": [False, True]}
    search = GridSearchCV(tiny(epochs=1), grid, cv=TimeSeriesSplit(2), error_score="raise")
    search.fit(*data)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_.items() <= clone(search.best_estimator_).get_params().items()


# ------------------------------------------------------------- two ways to say the same


def holes(values, *places):
    """Return a copy of values that is NaN at some places."""
    values = np.array(values)
    for place in places:
        values[place] = np.nan
    return values


WEIGHT = np.random.default_rng(1).uniform(0, 2, size=N_ROWS)
SOME = np.where(np.arange(N_ROWS) // 10 == 1, 0, 1)
KNOWN = np.delete(np.arange(N_ROWS), [0, 17, 18, 59])
SERIES = np.random.default_rng(0).normal(size=(40, 2))
VIEW = LagWindower(WINDOW).fit_transform(SERIES)

#: What both fits take: X, y and perhaps weights.
ALIKE = {
    "rows of weight zero": lambda X, y: ((X, y, SOME), (X, np.where(SOME, y, 99), SOME)),
    "warm-up": lambda X, y: (
        (holes(X, (0, slice(3)), (1, slice(2)), (2, 0)), y),
        (X[3:], y[3:]),
    ),
    "no target": lambda X, y: ((X, holes(y, 0, 17, 18, 59)), (X[KNOWN], y[KNOWN])),
    "one of two targets": lambda X, y: (
        (X, holes(np.column_stack([y, y]), *[(row, 1) for row in (0, 17, 18, 59)])),
        (X[KNOWN], np.column_stack([y, y])[KNOWN]),
    ),
    "weights of rows that are left out": lambda X, y: (
        (X, holes(y, slice(9)), WEIGHT),
        (X[9:], y[9:], WEIGHT[9:]),
    ),
    "float32": lambda X, y: ((X.astype(np.float32), y.astype(np.float32)), (X, y)),
    "windows of one step": lambda X, y: ((X[:, 0], y), (X[:, :1], y)),
    "a view": lambda X, y: ((VIEW, SERIES[:, 0]), (np.ascontiguousarray(VIEW), SERIES[:, 0])),
    "ints": lambda X, y: (
        (np.rint(X * 10).astype(int), np.rint(y * 10).astype(int)),
        (np.rint(X * 10), np.rint(y * 10)),
    ),
    "lists": lambda X, y: ((X.tolist(), y.tolist()), (X, y)),
}


@pytest.mark.parametrize("of", list(ALIKE.values()), ids=list(ALIKE))
def test_equivalent_rows_train_the_same_network(data, of):
    """Rows without weight, past or target are left out; the type of the arrays does not matter."""
    ours, theirs = (tiny().fit(*rows) for rows in of(*data))
    assert_same_fit(ours, theirs)
    assert ours.history_ == theirs.history_
    assert ours.n_samples_fit_ == theirs.n_samples_fit_


def test_weights_of_one_are_no_weights(fitted, data):
    """All rows of weight one learn what rows without weights learn."""
    assert_same_fit(tiny().fit(*data, sample_weight=np.ones(N_ROWS)), fitted, atol=1e-6)


def test_a_batch_may_be_larger_than_the_table(data):
    """All rows at once is one update per epoch."""
    assert_same_fit(tiny(batch_size=10_000).fit(*data), tiny(batch_size=N_ROWS).fit(*data))


# --------------------------------------------------------------------------------- going on


# ------------------------------------------------------------------------------ parts of a pass


@pytest.mark.parametrize("steps", [2, pytest.param(9, marks=pytest.mark.slow)])
def test_epochs_of_some_batches_are_a_loop_over_the_rows(data, steps):
    """Five epochs of two (nine) batches of 16 rows in order, by hand: they run on, and around."""
    X, y = data
    look, held_out = FirstWeights(), slice(50, None)
    options = {"batch_size": 16, "epochs": 5, "shuffle": False, "callbacks": [look]}
    weight = np.linspace(0.1, 2, 50)
    regressor = tiny(steps_per_epoch=steps, **options)
    regressor.fit(X[:50], y[:50], weight, X_val=X[held_out], y_val=y[held_out])
    by_hand = stateless_keras(look.weights, (3,), WINDOW, 2)
    rows, validated = np.arange(16 * steps * 5).reshape(5, steps, 16) % 50, []
    for epoch in rows:
        for batch in epoch:
            by_hand.train_on_batch(X[batch], y[batch], sample_weight=weight[batch])
        validated.append(by_hand.evaluate(X[held_out], y[held_out], verbose=0))
    assert_close(regressor.model_.get_weights(), by_hand.get_weights(), atol=1e-5)
    np.testing.assert_allclose(regressor.history_["val_loss"], validated, rtol=1e-4)
    assert regressor.n_iter_ == 5


@pytest.mark.parametrize("engine", ["auto", "keras"])
def test_callbacks_see_the_batches_of_an_epoch(data, engine):
    """Batches are counted from zero in each epoch, and there are as many as were asked for."""
    seen = []

    class Counts(keras.callbacks.Callback):
        """Notes the batches, and what Keras tells of the run."""

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

        def on_train_end(self, logs=None):
            seen.append(self.params["steps"])

    tiny(steps_per_epoch=3, batch_size=8, callbacks=[Counts()], engine=engine).fit(*data)
    assert seen == [0, 1, 2, 0, 1, 2, 3]


def test_partial_fit_takes_some_batches(data):
    """A call is an epoch: one weight update of the optimizer for each batch."""
    regressor = tiny(steps_per_epoch=3, batch_size=8).partial_fit(*data).partial_fit(*data)
    assert regressor._trained[0].optimizer_state[0] == 6


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_rows_that_ordered_epochs_never_reach_are_told_of(data, call):
    """A run that ends before the last row says where; in random order any row may be drawn."""
    part = {"epochs": 1, "batch_size": 8, "steps_per_epoch": 7}
    with pytest.warns(FewRowsTaughtWarning, match="first 56 of 60 rows") as caught:
        getattr(tiny(shuffle=False, **part), call)(*data)
    assert caught[0].filename == __file__
    getattr(tiny(**part), call)(*data)
    getattr(tiny(shuffle=False, **{**part, "steps_per_epoch": 8}), call)(*data)


@pytest.mark.parametrize("name", ["fit", "partial_fit"])
def test_training_goes_on_where_it_ended(data, name):
    """Two fits of two epochs are one of four, and two calls of partial_fit are one of two."""
    warm = tiny(warm_start=True, shuffle=False, epochs=2 if name == "fit" else 9)
    for _ in range(2):
        getattr(warm, name)(*data)
    long = tiny(epochs=4 if name == "fit" else 2, shuffle=False).fit(*data)
    assert_same_fit(warm, long, atol=1e-6)
    assert warm.history_ == {"loss": pytest.approx(long.history_["loss"], rel=1e-5)}
    assert warm.n_iter_ == long.n_iter_


@pytest.mark.parametrize(
    "change",
    [{"units": 5}, {"optimizer": "sgd"}, {"cell": "gru"}, {"bidirectional": True}],
    ids=str,
)
def test_warm_start_refuses_another_network(data, change):
    """Weights of another shape cannot go on, and nothing is ignored silently."""
    regressor = tiny(warm_start=True).fit(*data).set_params(**change)
    with pytest.raises(ValueError, match=f"{next(iter(change))} from .*warm_start=False"):
        regressor.fit(*data)


# ------------------------------------------------------------------------------ custom networks


def small_dense(input_shape, n_outputs):
    """Build a network that is no LSTM at all."""
    layers = [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(n_outputs)]
    return keras.Sequential(layers)


def test_a_custom_network_is_trained(data):
    """Any Keras model trains: a linear one on all steps of a window predicts linearly."""
    X, y = data
    regressor = tiny(network=small_dense).fit(X, np.column_stack([y, y]))
    kernel, bias = regressor.model_.get_weights()
    assert kernel.shape == (WINDOW * 2, 2)
    np.testing.assert_allclose(
        regressor.predict(X), X.reshape(N_ROWS, -1) @ kernel + bias, atol=1e-5
    )


def test_a_custom_network_gets_its_shapes(data):
    """The callable gets (window, n_features) and the number of targets."""
    told = []

    def network(input_shape, n_outputs):
        told.append((tuple(input_shape), n_outputs))
        return small_dense(input_shape, n_outputs)

    tiny(network=network, epochs=1).fit(*data)
    assert set(told) == {((WINDOW, 2), 1)}


@pytest.mark.parametrize("ignored", [{"cell": "gru"}, {"bidirectional": True}], ids=str)
def test_cell_parameters_beside_a_custom_network_are_refused(data, ignored):
    """They would have no effect, and the message says so."""
    [name] = ignored
    with pytest.raises(ValueError, match=rf"{name}=.* have no effect .*network="):
        tiny(network=small_dense, **ignored).fit(*data)


# --------------------------------------------------------------------------------- callbacks


class Counter(keras.callbacks.Callback):
    """Counts epochs, and tells a list that copies share."""

    epochs, count = [], 0

    def on_epoch_end(self, epoch, logs=None):
        """Count and tell."""
        self.count += 1
        self.epochs.append((epoch, self.count))


def test_callbacks_are_copied_for_each_fit(data):
    """A callback sees each epoch of each fit, starting afresh, and the user's own stays unused."""
    Counter.epochs.clear()
    counter = Counter()
    tiny(callbacks=[counter]).fit(*data).fit(*data)
    assert Counter.epochs == [(0, 1), (1, 2)] * 2
    assert counter.count == 0
    assert counter.model is None


# ------------------------------------------------------------------------------------ randomness


def test_no_seed_gives_another_fit_each_time(data):
    """With random_state=None, each fit starts from other weights."""
    regressor = tiny(random_state=None)
    first = weights_of(regressor.fit(*data))
    assert np.any(weights_of(regressor.fit(*data)) != first)


# ------------------------------------------------------------------------------- what is unknown


def test_validation_skips_what_is_unknown(data):
    """Warm-up rows and rows without target do not count in val_loss."""
    X, y = data
    X_val, y_val = holes(X[40:], (slice(2), 0)), holes(y[40:], 7)
    regressor = tiny().fit(X[:40], y[:40], X_val=X_val, y_val=y_val)
    known = np.delete(np.arange(40, 60), [0, 1, 7])
    expected = np.mean((y[known] - regressor.predict(X[known])) ** 2)
    assert regressor.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)


def test_missing_steps_repeat_the_oldest_known_one(fitted, data):
    """A warm-up sample is predicted as if its oldest known step had always been."""
    known = holes(data[0][:3], (0, slice(1)), (1, slice(2)), (2, slice(3)))
    filled = np.stack([pd.DataFrame(window).bfill() for window in known])
    np.testing.assert_allclose(fitted.predict(known), fitted.predict(filled), rtol=1e-6)


def test_a_sample_without_a_known_step_gets_the_mean(data):
    """It is the mean target of the rows learnt from, not of rows left out or held out."""
    X, y = data
    regressor = tiny(validation_fraction=0.2).fit(X, holes(y, slice(5)))
    predicted = regressor.predict(holes(X, 5))
    assert predicted[5] == pytest.approx(y[5:49].mean())
    assert np.isfinite(predicted).all()


@pytest.mark.filterwarnings("ignore::sklstm.FewRowsTaughtWarning")
@pytest.mark.parametrize(
    ("steps", "needed"),
    [((Differencer(2), LagWindower(4)), 6), ((Differencer([1, 12]), LagWindower(3)), 16)],
    ids=["short", "long"],
)
def test_the_message_on_too_few_rows_says_how_many_would_do(steps, needed):
    """One row fewer than the number that the message gives is refused; that number works."""
    series = np.random.default_rng(0).normal(size=(needed, 1))
    model = make_pipeline(*steps, tiny(epochs=1))
    message = f"has {needed - 1} rows.* {steps[-1].window} steps.*At least {needed} rows"
    with pytest.raises(ValueError, match=message):
        model.fit(series[:-1], series[:-1, 0])
    assert model.fit(series, series[:, 0])[-1].n_samples_fit_ == 1


# --------------------------------------------------------------------------- fitted attributes


def test_training_model_further_changes_no_prediction(data):
    """model_ is a copy: the regressor predicts as before."""
    X, y = data
    regressor = tiny().fit(X, y)
    before = regressor.predict(X)
    regressor.model_.fit(X, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(regressor.predict(X), before)


@SAVES
@pytest.mark.parametrize("through_a_file", [False, True])
def test_model_predicts_what_the_regressor_predicts(elaborate, data, through_a_file, tmp_path):
    """model_, and what Keras loads from its file, have dropout off and the softplus last."""
    model = elaborate.model_
    if through_a_file:
        model.save(tmp_path / "model.keras")
        model = keras.models.load_model(tmp_path / "model.keras")
    predicted = elaborate.predict(data[0])
    np.testing.assert_allclose(predicted, model.predict(data[0], verbose=0), atol=1e-6)
    assert (predicted > 0).all()


def test_a_pickle_is_small(data):
    """A pickle holds weights and optimizer state, not the training rows or a Keras model."""
    X, y = data
    small = len(pickle.dumps(tiny().fit(X, y)))
    large = len(pickle.dumps(tiny().fit(np.tile(X, (20, 1, 1)), np.tile(y, 20))))
    assert abs(large - small) < 500
    assert small < 3 * weights_of(tiny().fit(X, y)).nbytes + 5_000


def test_a_pickle_goes_on_training(data):
    """With warm_start, a restored regressor learns on as the original does."""
    regressor = tiny(warm_start=True, shuffle=False).fit(*data)
    twin = pickle.loads(pickle.dumps(regressor)).fit(*data)
    assert_same_fit(twin, regressor.fit(*data))


@SAVES
@pytest.mark.slow
def test_a_saved_model_needs_keras_alone(elaborate, data, tmp_path):
    """A process that never imports sklstm loads the file and predicts the same."""
    elaborate.model_.save(tmp_path / "model.keras")
    np.save(tmp_path / "X.npy", data[0])
    code = (
        "import sys, pathlib, numpy as np, keras; at = pathlib.Path(sys.argv[1]);"
        "model = keras.models.load_model(at / 'model.keras');"
        "np.save(at / 'y.npy', model.predict(np.load(at / 'X.npy'), verbose=0));"
        "assert 'sklstm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), elaborate.predict(data[0]), atol=1e-6)


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


def test_the_dtype_of_rows_changes_no_prediction(fitted, data):
    """float32 rows are predicted to the bit as the same numbers in float64, as float64."""
    X = data[0].astype(np.float32)
    predicted = fitted.predict(X)
    np.testing.assert_array_equal(predicted, fitted.predict(data[0]))
    assert predicted.dtype == np.float64


def test_a_table_gives_its_names(data):
    """Columns of a DataFrame are remembered, those of windows have no names."""
    X, y = data
    frame = pd.DataFrame(X[:, 0], columns=["a", "b"])
    regressor = tiny(epochs=1).fit(frame, y)
    assert regressor.feature_names_in_.tolist() == ["a", "b"]
    assert not hasattr(regressor.fit(X, y), "feature_names_in_")


def test_targets_in_another_order_are_refused():
    """Training on, validation, score and forecast take the targets in the order of fit only."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal([10, 100], size=(30, 2)), columns=["a", "b"])
    rows, target = series_to_supervised(table)
    other = target[["b", "a"]]
    lstm = LSTMRegressor(units=1, epochs=1, warm_start=True, random_state=0)
    model = make_pipeline(LagWindower(2), lstm).fit(rows, target)
    windows, before = model[0].transform(rows), model.predict(rows)
    for call in (
        lambda: lstm.partial_fit(windows, other),
        lambda: lstm.fit(windows, other),
        lambda: lstm.fit(windows, target, X_val=windows, y_val=other),
        lambda: model.score(rows, other),
        lambda: forecast(model, rows, 1, y=other),
    ):
        with pytest.raises(ValueError, match=r"The targets in y(_val)? are \['b', 'a'\]"):
            call()
    np.testing.assert_array_equal(model.predict(rows), before)
