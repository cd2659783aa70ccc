"""A GPU, where TensorFlow sees one: what is learnt there is what stock Keras learns there."""

import numpy as np
import pytest
import tensorflow as tf
from keras_oracles import FirstWeights, assert_close, lstm_by_hand, stateless_keras

from sklstm import LSTMRegressor, StatefulLSTMRegressor

WINDOW, N_ROWS = 4, 60

pytestmark = pytest.mark.skipif(
    not tf.config.list_physical_devices("GPU"), reason="TensorFlow sees no GPU here."
)


@pytest.fixture
def data():
    """Windows and targets that can be learnt."""
    X = np.random.default_rng(0).normal(size=(N_ROWS, WINDOW, 1))
    return X, X[:, -1].sum(axis=1)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("engine", ["auto", "block", "matmul", "xla", "keras"])
def test_a_fit_is_that_of_stock_keras(data, cell, engine):
    """A GPU adds in another order: weights and predictions differ in the last digits alone."""
    X, y = data
    look = FirstWeights()
    kind = {"cell": cell, "engine": engine, "callbacks": [look]}
    regressor = LSTMRegressor(units=3, epochs=2, normalize=False, shuffle=False, **kind).fit(X, y)
    by_hand = stateless_keras(look.weights, (3,), WINDOW, 1, cell=cell)
    by_hand.fit(X, y, epochs=2, batch_size=32, shuffle=False, verbose=0)
    assert_close(regressor.model_.get_weights(), by_hand.get_weights(), atol=1e-4)
    predicted = by_hand.predict(X, verbose=0).ravel()
    np.testing.assert_allclose(regressor.predict(X), predicted, atol=1e-4)


def test_a_state_is_carried_as_the_equations_say(data):
    """The prediction of each row follows from the rows before, by the equations in NumPy."""
    X, y = data
    regressor = StatefulLSTMRegressor(units=3, epochs=2, normalize=False).fit(X, y)
    expected, _ = lstm_by_hand(regressor.model_.get_weights(), X)
    np.testing.assert_allclose(regressor.predict(X), expected, atol=1e-4)
