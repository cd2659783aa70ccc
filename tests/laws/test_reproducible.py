"""One seed gives the same bits, whatever ran before, beside or elsewhere."""

import dataclasses
import functools
import hashlib
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    backtest,
    series_to_supervised,
)
from sklstm.datasets import load_milk
from sklstm.engine._models import _pool


def own_network(input_shape, n_outputs):
    """Return a network with dropout, whose builder sets no seed."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.LSTM(2),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(n_outputs),
        ]
    )


def stateless(**parameters):
    """Return a small regressor of windows."""
    return LSTMRegressor(**{"units": 3, "epochs": 2, "batch_size": 8, **parameters})


def stateful(**parameters):
    """Return a small regressor of rows in their order."""
    return StatefulLSTMRegressor(**{"units": 3, "epochs": 2, **parameters})


STOPPED = {"epochs": 4, "validation_fraction": 0.25, "early_stopping": True, "patience": 1}
MODELS = {
    "shuffled": stateless(),
    "dropout": stateless(dropout=0.3),
    "stateful, dropout": stateful(dropout=0.3, batch_size=2, bptt_steps=3),
    "stateful, early stopping": stateful(**STOPPED),
}
SLOW_MODELS = {
    "in order": stateless(shuffle=False),
    "recurrent dropout": stateless(recurrent_dropout=0.3),
    "early stopping": stateless(**STOPPED),
    "stateful": stateful(),
    "stacked": stateless(units=[3, 2], dense_units=2),
    "quantiles": stateless(loss="quantile"),
    "own network": stateless(network=own_network),
    "layer": stateless(engine="layer"),
    "keras": stateless(engine="keras", dropout=0.3),
    "xla": stateless(engine="xla"),
    "xla, dropout": stateless(engine="xla", dropout=0.3),
    "stateful, layer": stateful(engine="layer", recurrent_dropout=0.3),
    "stateful, xla": stateful(engine="xla", batch_size=2),
    "large, all cores": stateless(units=256, batch_size=40),
}
ALL_MODELS = {**MODELS, **SLOW_MODELS}
EACH_MODEL = [
    *MODELS,
    *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_MODELS),
]

X, Y = series_to_supervised(load_milk())
GRID = {"lagwindower__window": [3, 4], "lstmregressor__units": [2, 3]}


def fit(model, seed=0):
    """Fit a copy of `model`, and return it with its windows."""
    window = 1 if isinstance(model, StatefulLSTMRegressor) else 4
    windows = np.random.default_rng(0).normal(size=(40, window, 2))
    fitted = clone(model).set_params(random_state=seed).fit(windows, windows.sum(axis=(1, 2)))
    return fitted, windows


def bits(model, seed=0):
    """Return a digest of all that a fit of `model` leaves: weights, losses, predictions."""
    fitted, windows = fit(model, seed)
    parts = [
        *fitted.model_.get_weights(),
        *map(np.array, fitted.history_.values()),
        fitted.predict(windows),
    ]
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def stir():
    """Use the global random states, and fit other models with other seeds."""
    keras.utils.set_random_seed(3)
    np.random.normal(size=3)  # noqa: NPY002  (the global state must not matter)
    tf.random.normal([3])
    for model in (stateless(units=2, dropout=0.5), stateful(units=2), MODELS["shuffled"]):
        fit(model, seed=3)


def pipeline():
    """Return a small network behind windows."""
    lstm = LSTMRegressor(2, epochs=1, random_state=0)
    return make_pipeline(SeriesMinMaxScaler(), LagWindower(3), lstm)


def searched(**options):
    """Search a small grid, and return scores by fold, the best weights and its predictions."""
    search = GridSearchCV(pipeline(), GRID, cv=TimeSeriesSplit(2), **options).fit(X, Y)
    folds = [search.cv_results_[f"split{i}_test_score"] for i in range(2)]
    return [*folds, *search.best_estimator_[-1].model_.get_weights(), search.predict(X)]


def backtested(**options):
    """Back-test a small model, and return its predictions and scores."""
    result = backtest(pipeline(), X, Y, 3, **options)
    return [result.predictions["prediction"].to_numpy(), result.scores["prediction"].to_numpy()]


def assert_same_bits(found, expected):
    """Assert that two lists of arrays are equal to the last bit."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.parametrize("name", EACH_MODEL)
def test_a_fit_does_not_depend_on_what_ran_before(name):
    """Other fits, seeds and global random states in between change no bit; another seed does."""
    first = bits(ALL_MODELS[name])
    stir()
    assert bits(ALL_MODELS[name]) == first
    assert bits(ALL_MODELS[name], seed=1) != first


@dataclasses.dataclass(frozen=True)
class Absolute:
    """A loss."""

    factor: float

    def __call__(self, y_true, y_pred):
        """Return the loss of each row."""
        return keras.ops.mean(self.factor * keras.ops.abs(y_true - y_pred), axis=-1)


@dataclasses.dataclass(frozen=True)
class Fourth:
    """Another, with a field of the same name."""

    factor: float

    def __call__(self, y_true, y_pred):
        """Return the loss of each row."""
        return keras.ops.mean(self.factor * (y_true - y_pred) ** 4, axis=-1)


class Changing:
    """A loss, a network, that can be changed after a fit."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, y_true, y_pred):
        """Return the loss of each row."""
        return keras.ops.mean(self.factor * keras.ops.square(y_true - y_pred), axis=-1)

    def build(self, input_shape, n_outputs):
        """Return a network."""
        layers = keras.layers
        scaled = layers.Rescaling(self.factor)
        return keras.Sequential(
            [keras.Input(input_shape), scaled, layers.LSTM(2), layers.Dense(n_outputs)]
        )


def weighted(y_true, y_pred, weights):
    """Return a loss whose weights are an array."""
    return keras.ops.sum(weights) * keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


FACTOR = 1.0


def of_the_module(y_true, y_pred):
    """Return a loss that reads a name of its module."""
    return keras.ops.mean(FACTOR * keras.ops.square(y_true - y_pred), axis=-1)


def within(factor):
    """Return a loss that reads a name around it, and what changes that."""

    def change(value):
        nonlocal factor
        factor = value

    def loss(y_true, y_pred):
        return keras.ops.mean(factor * keras.ops.square(y_true - y_pred), axis=-1)

    return loss, change


MANY = np.linspace(0, 0.01, 1200)
OTHER = np.where(np.arange(1200) == 600, 1.0, MANY)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"loss": Absolute(0.5)}, {"loss": Fourth(0.5)}),
        ({"loss": Changing(0.5)}, {"loss": Changing(5.0)}),
        ({"network": Changing(0.5).build}, {"network": Changing(5.0).build}),
        *[
            (
                {"loss": functools.partial(weighted, weights=make(MANY))},
                {"loss": functools.partial(weighted, weights=make(OTHER))},
            )
            for make in (np.float32, lambda values: tf.constant(values, tf.float32))
        ],
    ],
    ids=["dataclasses", "objects", "methods", "arrays", "tensors"],
)
def test_what_is_alike_but_computes_otherwise_is_not_mistaken(one, other):
    """A fit never uses what was compiled for something that only looks the same."""
    expected = bits(stateless(**other))
    _pool._entries.clear()
    assert bits(stateless(**one)) != expected
    assert bits(stateless(**other)) == expected


def test_what_a_function_reads_may_change_between_fits(monkeypatch):
    """An attribute, a name of the module or one around the function count as they are now."""
    changing, (loss, change) = Changing(0.5), within(0.5)

    def change_all():
        changing.factor = 5.0
        change(5.0)
        monkeypatch.setattr(sys.modules[__name__], "FACTOR", 5.0)

    models = [
        LSTMRegressor(2, epochs=1, optimizer="sgd", random_state=0, **options)
        for options in (
            {"loss": changing},
            {"loss": loss},
            {"loss": of_the_module},
            {"network": changing.build},
        )
    ]
    before = [model.fit(X, Y).model_.get_weights() for model in models]
    change_all()
    after = [model.fit(X, Y).model_.get_weights() for model in models]
    _pool._entries.clear()
    for model, old, new in zip(models, before, after, strict=True):
        fresh = model.fit(X, Y).model_.get_weights()
        assert_same_bits(new, fresh)
        assert any((a != b).any() for a, b in zip(old, fresh, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dropout", "stateful"])
def test_a_model_that_left_the_pool_is_made_again_alike(name, monkeypatch):
    """A compiled model that others pushed out gives the same bits when it is made anew."""
    first = bits(ALL_MODELS[name])
    monkeypatch.setattr(_pool, "_MOST", 1)
    stir()
    assert bits(ALL_MODELS[name]) == first


@pytest.mark.slow
@pytest.mark.parametrize("make", [stateless, stateful])
def test_what_is_compiled_already_does_not_decide_the_engine(make):
    """A short fit is not run by XLA only because XLA has compiled that network before."""
    model = make(units=4, epochs=3)
    first = bits(model)
    bits(clone(model).set_params(engine="xla"))
    assert bits(model) == first == bits(clone(model).set_params(engine="block"))


def test_threads_change_no_bit():
    """A search by two threads has the scores, weights and predictions of a search by one."""
    alone = searched(n_jobs=1)
    with parallel_config(backend="threading"):
        assert_same_bits(searched(n_jobs=2), alone)
        assert_same_bits(backtested(n_jobs=2), backtested(n_jobs=1))


@pytest.mark.slow
def test_processes_change_no_bit():
    """A search by two processes has the scores, weights and predictions of a search by one."""
    alone = searched(n_jobs=1), backtested(n_jobs=1)
    with parallel_config(backend="loky"):
        assert_same_bits(searched(n_jobs=2), alone[0])
        assert_same_bits(backtested(n_jobs=2), alone[1])


@pytest.mark.slow
def test_a_fresh_process_gives_the_same_bits_in_any_order():
    """Another process, with other hashes, that fits the models the other way round, agrees."""
    done = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {name: bits(model) for name, model in ALL_MODELS.items()}


if __name__ == "__main__":
    print(json.dumps({name: bits(ALL_MODELS[name]) for name in reversed(ALL_MODELS)}))
