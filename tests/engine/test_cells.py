"""Every kind of recurrent cell against models that are written by hand in stock Keras."""

import functools
from dataclasses import replace

import keras
import keras_oracles as by_hand
import numpy as np
import pytest

from sklstm.engine._models._build import build, fresh_weights
from sklstm.engine._models._cells import CELLS
from sklstm.engine._predict import predict
from sklstm.engine._spec import STATES, NetworkSpec, Rows, Trained, TrainingSpec
from sklstm.engine._train import train

UNITS = (8, 4)
# 37 rows in batches of 8 leave a short one.
X, Y = by_hand.windows(37, window=5, n_features=2)
ROWS = Rows(X, np.arange(37), Y)
TRAINING = TrainingSpec(epochs=3, batch_size=8, shuffle=False)
WEIGHT = np.linspace(0.5, 2, 37)
# Of window i the oldest i % 5 steps are unknown, so one step is known at least.
SHORT = np.where(np.arange(5)[:, None] < (np.arange(37) % 5)[:, None, None], np.nan, X)


def spec(cell, bidirectional, **options):
    """Return a network of two recurrent layers."""
    return NetworkSpec(units=UNITS, n_features=2, cell=cell, bidirectional=bidirectional, **options)


@functools.cache
def by_keras(cell, bidirectional):
    """Return first weights, and the weights, losses and predictions after Keras' own fit."""
    weights = by_hand.first_weights(spec(cell, bidirectional))
    kind = {"cell": cell, "bidirectional": bidirectional}
    model = by_hand.stateless_keras(weights, UNITS, 5, 2, **kind)
    log = model.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    return weights, model.get_weights(), log.history["loss"], model.predict(X, verbose=0)


@functools.cache
def by_masking(cell, bidirectional):
    """Return the same of short windows, weighted, with validation rows, by Keras' Masking layer."""
    weights = by_hand.first_weights(spec(cell, bidirectional))
    kind = {"cell": cell, "bidirectional": bidirectional, "mask_value": -9.0}
    model = by_hand.stateless_keras(weights, UNITS, 5, 2, **kind)
    padded = np.nan_to_num(SHORT, nan=-9.0)
    how = {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0, "sample_weight": WEIGHT}
    log = model.fit(padded, Y, validation_data=(padded[:9], Y[:9]), **how)
    return weights, model.get_weights(), log.history, model.predict(padded, verbose=0)


def test_the_table_of_states_is_that_of_keras():
    """The plain data, which needs no Keras, counts the states that Keras' layers have."""
    assert {cell: len(CELLS[cell].layer(1).state_size) for cell in CELLS} == STATES


# The tests of the regressor compare a fit of each cell, and of stacked layers, every day.
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["auto", "keras", "layer", "block", "matmul", "xla"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("cell", CELLS)
def test_three_epochs_equal_keras(cell, bidirectional, engine):
    """Every engine ends at the weights, losses and predictions of Keras' own fit."""
    network, training = spec(cell, bidirectional), replace(TRAINING, engine=engine)
    start, weights, losses, predicted = by_keras(cell, bidirectional)
    trained = train(network, training, ROWS, seed=0, start=Trained(start, []))
    by_hand.assert_close(trained.weights, weights, atol=1e-5)
    np.testing.assert_allclose(trained.history["loss"], losses, rtol=1e-5)
    ours = predict(network, training, trained.weights, X)
    np.testing.assert_allclose(ours, predicted, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["auto", "keras", "layer", "block", "matmul", "xla"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("cell", CELLS)
def test_three_epochs_of_short_windows_equal_masking(cell, bidirectional, engine):
    """Windows that begin with NaN are what Keras' Masking layer makes of them, in every engine."""
    network = spec(cell, bidirectional, short_windows="mask")
    training = replace(TRAINING, engine=engine)
    start, weights, history, predicted = by_masking(cell, bidirectional)
    rows, held_out = Rows(SHORT, np.arange(37), Y, WEIGHT), Rows(SHORT, np.arange(9), Y)
    trained = train(network, training, rows, held_out, seed=0, start=Trained(start, []))
    by_hand.assert_close(trained.weights, weights, atol=1e-5)
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(trained.history[name], history[name], rtol=1e-5)
    ours = predict(network, training, trained.weights, SHORT)
    np.testing.assert_allclose(ours, predicted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("cell", CELLS)
def test_first_weights_are_drawn_as_keras_draws_them(cell, bidirectional):
    """Kernels are Glorot uniform, recurrent kernels orthogonal, biases Keras' own; all differ."""
    network = spec(cell, bidirectional)
    weights = fresh_weights(network, build(network), seed=1)
    kind = {"cell": cell, "bidirectional": bidirectional}
    stock = keras.models.clone_model(by_hand.stateless_keras(weights, UNITS, 5, 2, **kind))
    drawn = set()
    for weight, theirs in zip(weights, stock.weights, strict=True):
        if theirs.name == "bias":
            np.testing.assert_array_equal(weight, theirs.numpy())
            continue
        drawn.add(weight[0, 0])
        if theirs.name == "recurrent_kernel":
            np.testing.assert_allclose(weight @ weight.T, np.eye(len(weight)), atol=1e-5)
        else:
            limit = np.sqrt(6 / sum(weight.shape))
            assert limit / 2 < abs(weight).max() <= limit
    assert len(drawn) == 4 * (1 + bidirectional) + 1


@pytest.mark.slow
def test_dropout_follows_the_seed():
    """In both directions, the same seed drops the same and another seed does not."""
    kind = {"units": (3,), "cell": "gru", "bidirectional": True, "n_features": 2}
    network = NetworkSpec(**kind, dropout=0.3, recurrent_dropout=0.3)
    start = Trained(by_hand.first_weights(network), [])
    first, again, other = (
        train(network, TRAINING, ROWS, seed=seed, start=start).weights for seed in (1, 1, 2)
    )
    by_hand.assert_close(again, first, atol=0)
    assert not np.array_equal(other[0], first[0])
