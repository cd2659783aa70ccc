"""The compiled runs against stock Keras with the same first weights and the same order of rows."""

from dataclasses import replace
from itertools import islice

import keras
import numpy as np
import pytest
from keras_oracles import assert_close, first_weights, windows

from sklstm._past._windows import Windows
from sklstm.engine import _predict, _train
from sklstm.engine._models._build import row_orders
from sklstm.engine._runs import _epochs_graph, _stateless
from sklstm.engine._spec import NetworkSpec, Rows, Trained, TrainingSpec

SMALL = NetworkSpec(units=(3,), n_features=2, n_outputs=2)
#: Engines that are compared in the slow run only.
OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in ("layer", "xla")]
#: Every day, Keras' own fit is compared where most is asked of it.
ENGINES = ["block", "matmul", pytest.param("keras", marks=pytest.mark.slow), *OTHERS]
STACKED = NetworkSpec(
    units=(4, 3), dense_units=(3,), dense_activation=("relu",), n_features=2, n_outputs=2
)


def assert_equals_keras(
    network, training, n_held_out=0, rows=None, weighted=False, tolerance=1e-5, fold=1
):
    """Assert that a training run ends where Keras' own fits end: one a epoch, its rows in order."""
    # 1. train
    X, y = windows(37, 5 * fold, 2, n_outputs=2)
    given_X, X = Windows.of(X).folded(fold), X.reshape(37, 5, 2 * fold)
    rows = np.arange(len(X)) if rows is None else rows
    rows, held_out = np.split(rows, [len(rows) - n_held_out])
    weight = np.random.default_rng(1).uniform(0, 2, len(X)) if weighted else np.ones(len(X))
    weights = first_weights(network)
    given = np.full_like(y, np.nan)
    given[rows], given[held_out] = y[rows], y[held_out]
    taught, validation = (
        Rows(given_X, some, given, weight if weighted else None) if len(some) else None
        for some in (rows, held_out)
    )
    start = Trained(weights, [])
    trained = _train.train(network, training, taught, validation, seed=5, start=start)
    # 2. train by Keras
    model = _predict.keras_model(network, training, [weights])
    validation = (X[held_out], y[held_out], weight[held_out]) if n_held_out else None
    logs = [
        model.fit(
            X[rows[order]],
            y[rows[order]],
            sample_weight=weight[rows[order]],
            batch_size=training.batch_size,
            shuffle=False,
            validation_data=validation,
            verbose=0,
        ).history
        for order in islice(
            row_orders(len(rows), training.shuffle, 5, training.rows_per_epoch(len(rows))),
            training.epochs,
        )
    ]
    # 3. compare
    assert_close(trained.weights, model.get_weights(), tolerance)
    assert set(trained.history) == set(logs[0])
    for name, values in trained.history.items():
        by_keras = [log[name][0] for log in logs]
        np.testing.assert_allclose(values, by_keras, rtol=1e-4, atol=tolerance)


def test_every_epoch_has_an_order_of_its_own():
    """Shuffled epochs take every row once, each epoch in another order; others in time."""
    orders = list(islice(row_orders(50, True, seed=0), 3))
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert all((order == np.arange(50)).all() for order in islice(row_orders(50, False, 0), 3))


@pytest.mark.parametrize("size", [1, 7, 50, 120])
def test_epochs_of_some_rows_are_cut_from_whole_passes(size):
    """Each goes on where the last one ended, and every pass takes all rows once."""
    passes = np.concatenate(list(islice(row_orders(50, True, seed=0), 30)))
    parts = np.concatenate(list(islice(row_orders(50, True, 0, size), 12)))
    assert len(parts) == 12 * size
    np.testing.assert_array_equal(parts, passes[: len(parts)])
    ordered = np.concatenate(list(islice(row_orders(50, False, 0, size), 12)))
    np.testing.assert_array_equal(ordered, np.arange(12 * size) % 50)


@pytest.mark.parametrize(
    ("engine", "steps"),
    [
        ("block", 3),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [("block", 9), ("keras", 3), ("layer", 9), ("matmul", 9), ("xla", 3)]
        ),
    ],
)
def test_epochs_of_some_batches_equal_keras(engine, steps):
    """Epochs of part of the rows, and of more than all, have full batches; the rate counts them."""
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, 4, 0.7)
    training = TrainingSpec(
        epochs=4,
        batch_size=8,
        steps_per_epoch=steps,
        optimizer=keras.optimizers.Adam(rate),
        metrics=["mae"],
        engine=engine,
    )
    assert_equals_keras(SMALL, training, n_held_out=7, weighted=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_ten_epochs_equal_keras(engine):
    """Weights, loss and metrics are those of stock Keras, last short batch included."""
    training = TrainingSpec(epochs=10, batch_size=8, metrics=["mae"], engine=engine)
    assert_equals_keras(STACKED, training)


@pytest.mark.parametrize("engine", ENGINES)
def test_weighted_rows_and_validation_equal_keras(engine):
    """Sample weights and held-out rows count exactly as Keras counts them."""
    metrics = ["mae", keras.metrics.RootMeanSquaredError()]
    training = TrainingSpec(epochs=3, batch_size=8, metrics=metrics, engine=engine)
    assert_equals_keras(STACKED, training, n_held_out=7, weighted=True)


@pytest.mark.parametrize("engine", ["block", "matmul"])
def test_long_epochs_equal_keras(engine, monkeypatch):
    """An order so long that it is handed over in parts teaches the same."""
    monkeypatch.setattr(_epochs_graph, "PART_CELLS", 160)  # two batches
    monkeypatch.setattr(_epochs_graph, "MOST_ORDERED_ROWS", 20)
    monkeypatch.setattr(_stateless, "MOST_ORDERED_ROWS", 20)
    training = TrainingSpec(epochs=3, batch_size=8, metrics=["mae"], engine=engine)
    assert_equals_keras(SMALL, training, n_held_out=7, weighted=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_folded_windows_equal_keras(engine):
    """Rows side by side in a step are learnt as Keras learns the array that they make."""
    network = replace(SMALL, n_features=6)
    training = TrainingSpec(epochs=3, batch_size=8, metrics=["mae"], engine=engine)
    rows = np.delete(np.arange(37), [5, 6, 30])
    assert_equals_keras(network, training, n_held_out=7, rows=rows, weighted=True, fold=3)


def test_only_the_chosen_rows_are_read():
    """The target of a row that is not chosen may be NaN, and the rows may be any."""
    rows = np.array([3, 4, 9, 20, 21, 30])
    assert_equals_keras(STACKED, TrainingSpec(epochs=2, batch_size=4), rows=rows)


@pytest.mark.parametrize(
    "optimizer",
    [
        "sgd",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in (
                *(
                    "rmsprop",
                    "nadam",
                    "adagrad",
                    "adadelta",
                    "adamax",
                    "ftrl",
                    "lion",
                    "adafactor",
                    "adamw",
                ),
                keras.optimizers.Lamb(),
            )
        ),
        keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), momentum=0.9
        ),
        keras.optimizers.Adam(clipnorm=0.1, use_ema=True, ema_overwrite_frequency=3),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_optimizer_equals_keras(optimizer):
    """Each built-in optimizer makes the steps that it makes in stock Keras."""
    training = TrainingSpec(epochs=3, batch_size=8, optimizer=optimizer)
    assert_equals_keras(SMALL, training, rows=np.arange(20), tolerance=2e-5)


@pytest.mark.parametrize(
    "loss",
    [
        "huber",
        keras.losses.MeanSquaredError(reduction="sum"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("mae", "mape", "log_cosh")),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_loss_equals_keras(loss):
    """A loss by name, by instance, or summed over the batch gives the steps of stock Keras."""
    training = TrainingSpec(epochs=3, batch_size=8, loss=loss)
    assert_equals_keras(SMALL, training, n_held_out=6, rows=np.arange(20))
