"""The compiled runs against stock Keras with the same first weights and the same order of rows."""

from itertools import islice

import keras
import numpy as np
import pytest

from sklstm.engine import _predict, _train
from sklstm.engine._models._build import row_orders
from sklstm.engine._spec import NetworkSpec, Rows, Trained, TrainingSpec

COMPILED = ["layer", "block", "xla"]
STACKED = NetworkSpec(
    units=(4, 3), dense_units=(3,), dense_activation=("relu",), n_features=2, n_outputs=2
)


def windows(n=37, window=5, n_features=2, n_outputs=2, seed=0):
    """Return a window view of a random series, and targets."""
    draws = np.random.default_rng(seed)
    series = draws.normal(size=(n + window - 1, n_features))
    X = np.lib.stride_tricks.sliding_window_view(series, window, axis=0).transpose(0, 2, 1)
    return X, draws.normal(size=(n, n_outputs))


def first_weights(network, seed=0):
    """Return weights that no bias is zero in."""
    draws = np.random.default_rng(seed)
    model = _predict.keras_model(network, TrainingSpec(), None)
    return [draws.normal(scale=0.4, size=w.shape).astype("float32") for w in model.get_weights()]


def by_keras(network, training, weights, X, y, *, sample_weight=None, validation=None, seed=0):
    """Train by hand: one stock ``fit`` per epoch on the rows of that epoch in their order."""
    model = _predict.keras_model(network, training, weights)
    orders = row_orders(len(X), training.shuffle, seed)
    history = {}
    for _ in range(training.epochs):
        order = next(orders)
        log = model.fit(
            X[order],
            y[order],
            sample_weight=None if sample_weight is None else sample_weight[order],
            batch_size=training.batch_size,
            shuffle=False,
            validation_data=validation,
            verbose=0,
        ).history
        for name, [value] in log.items():
            history.setdefault(name, []).append(value)
    return model.get_weights(), history


def assert_same(trained, weights, history, tolerance=1e-5):
    """Assert that weights and history agree."""
    for ours, theirs in zip(trained.weights, weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=tolerance)
    assert set(trained.history) == set(history)
    for name, values in history.items():
        np.testing.assert_allclose(trained.history[name], values, rtol=1e-4, atol=tolerance)


def test_every_epoch_has_an_order_of_its_own():
    """Shuffled epochs take every row once, each epoch in another order; others in time."""
    orders = list(islice(row_orders(50, True, seed=0), 3))
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert all((order == np.arange(50)).all() for order in islice(row_orders(50, False, 0), 3))


@pytest.mark.parametrize("engine", ["keras", *COMPILED])
def test_ten_epochs_equal_keras(engine):
    """Weights, loss and metrics are those of stock Keras, last short batch included."""
    X, y = windows()
    weights = first_weights(STACKED)
    training = TrainingSpec(epochs=10, batch_size=8, metrics=["mae"], engine=engine)
    trained = _train.train(
        STACKED, training, Rows(X, np.arange(37), y), seed=5, start=Trained(weights, [])
    )
    assert_same(trained, *by_keras(STACKED, training, weights, X, y, seed=5))


@pytest.mark.parametrize("engine", ["keras", *COMPILED])
def test_weighted_rows_and_validation_equal_keras(engine):
    """Sample weights and held-out rows count exactly as Keras counts them."""
    X, y = windows()
    weights = first_weights(STACKED)
    sample_weight = np.random.default_rng(1).uniform(0, 2, size=37)
    training = TrainingSpec(
        epochs=3, batch_size=8, metrics=["mae", keras.metrics.RootMeanSquaredError()], engine=engine
    )
    trained = _train.train(
        STACKED,
        training,
        Rows(X, np.arange(30), y, sample_weight),
        Rows(X, np.arange(30, 37), y, sample_weight),
        seed=5,
        start=Trained(weights, []),
    )
    expected = by_keras(
        STACKED,
        training,
        weights,
        X[:30],
        y[:30],
        sample_weight=sample_weight[:30],
        validation=(X[30:], y[30:], sample_weight[30:]),
        seed=5,
    )
    assert_same(trained, *expected)


def test_only_the_chosen_rows_are_read():
    """A window that is not chosen may hold NaN, and the rows may be any."""
    X, y = windows()
    weights = first_weights(STACKED)
    rows = np.array([3, 4, 9, 20, 21, 30])
    series = np.array(X[:, 0])
    holes = np.full_like(y, np.nan)
    holes[rows] = y[rows]
    training = TrainingSpec(epochs=2, batch_size=4)
    trained = _train.train(
        STACKED, training, Rows(X, rows, holes), seed=5, start=Trained(weights, [])
    )
    assert len(series) == 37
    assert_same(trained, *by_keras(STACKED, training, weights, X[rows], y[rows], seed=5))


@pytest.mark.parametrize(
    "optimizer",
    [
        "sgd",
        pytest.param("rmsprop", marks=pytest.mark.slow),
        "adamw",
        pytest.param("nadam", marks=pytest.mark.slow),
        pytest.param("adagrad", marks=pytest.mark.slow),
        pytest.param("adadelta", marks=pytest.mark.slow),
        pytest.param("adamax", marks=pytest.mark.slow),
        "adafactor",
        pytest.param("ftrl", marks=pytest.mark.slow),
        pytest.param("lion", marks=pytest.mark.slow),
        keras.optimizers.Lamb(),
        keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), momentum=0.9
        ),
        keras.optimizers.Adam(clipnorm=0.1, use_ema=True, ema_overwrite_frequency=3),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_optimizer_equals_keras(optimizer):
    """Each built-in optimizer makes the steps that it makes in stock Keras."""
    X, y = windows(n=20)
    network = NetworkSpec(units=(3,), n_features=2, n_outputs=2)
    weights = first_weights(network)
    training = TrainingSpec(epochs=3, batch_size=8, optimizer=optimizer)
    trained = _train.train(
        network, training, Rows(X, np.arange(20), y), seed=5, start=Trained(weights, [])
    )
    assert_same(trained, *by_keras(network, training, weights, X, y, seed=5), tolerance=2e-5)


@pytest.mark.parametrize(
    "loss",
    [
        "huber",
        keras.losses.MeanSquaredError(reduction="sum"),
        pytest.param("mae", marks=pytest.mark.slow),
        pytest.param("mape", marks=pytest.mark.slow),
        pytest.param("log_cosh", marks=pytest.mark.slow),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_loss_equals_keras(loss):
    """A loss by name, by instance, or summed over the batch gives the steps of stock Keras."""
    X, y = windows(n=20)
    network = NetworkSpec(units=(3,), n_features=2, n_outputs=2)
    weights = first_weights(network)
    training = TrainingSpec(epochs=3, batch_size=8, loss=loss)
    trained = _train.train(
        network,
        training,
        Rows(X, np.arange(14), y),
        Rows(X, np.arange(14, 20), y),
        seed=5,
        start=Trained(weights, []),
    )
    expected = by_keras(
        network, training, weights, X[:14], y[:14], validation=(X[14:], y[14:]), seed=5
    )
    assert_same(trained, *expected)
