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
from estimators import own_network
from joblib import parallel_config
from searches import backtested, searched, windowed_network
from sklearn.base import clone, is_classifier
from states import assert_same

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
)
from sklstm.engine._models import _pool


def stateless(**parameters):
    """Return a small regressor of windows."""
    return LSTMRegressor(**{"units": 3, "epochs": 2, "batch_size": 8, **parameters})


def stateful(**parameters):
    """Return a small regressor of rows in their order."""
    return StatefulLSTMRegressor(**{"units": 3, "epochs": 2, **parameters})


STOPPED = {"epochs": 4, "validation_fraction": 0.25, "early_stopping": True, "patience": 1}
SOME_STEPS = {"short_windows": "mask", "steps_per_epoch": 3, "learning_rate_schedule": "cosine"}
MODELS = {
    "two networks, dropout": stateless(dropout=0.3, n_networks=2, **SOME_STEPS),
}
SLOW_MODELS = {
    "shuffled": stateless(),
    "stateful, dropout": stateful(dropout=0.3, batch_size=2, bptt_steps=3),
    "stateful, early stopping": stateful(**STOPPED),
    "in order": stateless(shuffle=False),
    "recurrent dropout": stateless(recurrent_dropout=0.3),
    "early stopping": stateless(**STOPPED, learning_rate_schedule="plateau", clipnorm=0.5),
    "stateful, two networks": stateful(cell="gru", n_networks=2, learning_rate_schedule="cosine"),
    "stacked": stateless(units=[3, 2], dense_units=2),
    "GRU, both ways": stateless(cell="gru", bidirectional=True),
    "quantiles": stateless(loss="quantile", n_networks=2),
    "classes": LSTMClassifier(3, epochs=2, batch_size=8, n_networks=2, short_windows="mask"),
    "scaled windows": WindowScaledRegressor(stateless(n_networks=2), columns=0),
    "scaled target": TransformedSeriesRegressor(
        stateless(n_networks=2, **SOME_STEPS), SeriesMinMaxScaler()
    ),
    "own network": stateless(network=own_network),
    "layer": stateless(engine="layer"),
    "keras": stateless(engine="keras", dropout=0.3),
    "matmul": stateless(engine="matmul", n_networks=2, dropout=0.3),
    "xla": stateless(engine="xla"),
    "xla, dropout": stateless(engine="xla", dropout=0.3),
    "stateful, layer": stateful(engine="layer", recurrent_dropout=0.3),
    "stateful, xla": stateful(engine="xla", batch_size=2),
    "large, all cores": stateless(units=256, batch_size=40),
    "large, matmul": stateless(units=256, batch_size=40, engine="matmul"),
}
ALL_MODELS = {**MODELS, **SLOW_MODELS}
EACH_MODEL = [*MODELS, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_MODELS)]


def rows(model, n=40, start=0):
    """Return the windows of a walk that a model learns, and what comes after each."""
    walk = np.random.default_rng(0).normal(size=(60, 2)).cumsum(axis=0)
    windows = np.lib.stride_tricks.sliding_window_view(walk, 4, axis=0).swapaxes(1, 2)
    windows, y = windows[start : start + n].copy(), walk[start + 4 : start + 4 + n, 0]
    if isinstance(model, StatefulLSTMRegressor):
        windows = windows[:, -1:]
    if "mask" in map(str, model.get_params().values()):
        windows[::3, :2] = np.nan
    return windows, y > walk[0, 0] if is_classifier(model) else y


def fit(model, seed=0):
    """Fit a copy of `model`, and return it with its windows."""
    of_what = "regressor__random_state" if hasattr(model, "regressor") else "random_state"
    windows, y = rows(model)
    return clone(model).set_params(**{of_what: seed}).fit(windows, y), windows


def bits(model, seed=0):
    """Return a digest of all that a fit of `model` leaves, and of what a `partial_fit` adds.

    That is weights, losses and predictions.
    """
    fitted, windows = fit(model, seed)
    parts = []
    for later in (None, rows(model, n=9, start=40)):
        if later is not None:
            fitted.partial_fit(*later)
        network = getattr(fitted, "regressor_", fitted)
        parts += [*network.model_.get_weights(), np.array(repr(network.history_))]
        parts.append(fitted.predict(windows))
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


@functools.cache
def first_bits(name):
    """Return the digest of the first fit of a model in this process."""
    return bits(ALL_MODELS[name])


def stir():
    """Use the global random states, and fit other models with other seeds."""
    keras.utils.set_random_seed(3)
    np.random.normal(size=3)  # noqa: NPY002  (the global state must not matter)
    tf.random.normal([3])
    for model in (stateless(units=2, dropout=0.5), stateful(units=2), stateless()):
        fit(model, seed=3)


@pytest.mark.parametrize("name", EACH_MODEL)
def test_a_fit_does_not_depend_on_what_ran_before(name):
    """Other fits, seeds and global random states in between change no bit; another seed does."""
    first = first_bits(name)
    stir()
    assert bits(ALL_MODELS[name]) == first
    assert bits(ALL_MODELS[name], seed=1) != first


@dataclasses.dataclass(frozen=True)
class Absolute:
    """A loss, which equals another of the same factor."""

    factor: float
    power = 1

    def __call__(self, y_true, y_pred):
        """Return the loss of each row."""
        return keras.ops.mean(self.factor * keras.ops.abs(y_true - y_pred) ** self.power, axis=-1)


@dataclasses.dataclass(frozen=True)
class Fourth(Absolute):
    """Another, with a field of the same name, and so with the same hash."""

    power = 4


@dataclasses.dataclass(eq=False)
class Scaled:
    """A loss, and a network, of an object that holds a number."""

    factor: float

    def __call__(self, y_true, y_pred):
        """Return the loss of each row."""
        return keras.ops.mean(self.factor * keras.ops.square(y_true - y_pred), axis=-1)

    def build(self, input_shape, n_outputs):
        """Return a network."""
        layers = keras.layers
        scaled = [layers.Rescaling(self.factor), layers.LSTM(2), layers.Dense(n_outputs)]
        return keras.Sequential([keras.Input(input_shape), *scaled])


def weighted(y_true, y_pred, weights):
    """Return a loss whose weights are an array."""
    return keras.ops.sum(weights) * keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


MANY = np.linspace(0, 0.01, 1200)
OTHER = np.where(np.arange(1200) == 600, 1.0, MANY)


def with_arrays(make):
    """Return two losses that hold arrays which look alike when printed."""
    return [{"loss": functools.partial(weighted, weights=make(values))} for values in (MANY, OTHER)]


LOOK_EQUAL = {
    "dataclasses": [{"loss": Absolute(0.5)}, {"loss": Fourth(0.5)}],
    "objects": [{"loss": Scaled(0.5)}, {"loss": Scaled(5.0)}],
    "methods": [{"network": Scaled(0.5).build}, {"network": Scaled(5.0).build}],
    "arrays": with_arrays(np.float32),
    "tensors": with_arrays(lambda values: tf.constant(values, tf.float32)),
}


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), LOOK_EQUAL.values(), ids=LOOK_EQUAL)
def test_functions_that_compare_or_look_equal_are_traced_apart(one, other):
    """A fit never uses what was compiled for another function, however much that looks like it."""
    expected = bits(stateless(**other))
    _pool.clear()
    assert bits(stateless(**one)) != expected
    assert bits(stateless(**other)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("make", [stateless, stateful])
def test_what_is_compiled_already_does_not_decide_the_engine(make):
    """A short fit is not run by XLA only because XLA has compiled that network before."""
    model = make(units=4, epochs=3)
    first = bits(model)
    bits(clone(model).set_params(engine="xla"))
    assert bits(model) == first == bits(clone(model).set_params(engine="block"))


@pytest.mark.parametrize("run", [backtested, pytest.param(searched, marks=pytest.mark.slow)])
@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_workers_change_no_bit(run, backend):
    """Two threads or processes find the scores, weights and predictions that one finds."""
    with parallel_config(backend=backend):
        found = run(windowed_network(), n_jobs=2)
    assert_same(found, run(windowed_network(), n_jobs=1))


@pytest.mark.slow
def test_a_fresh_process_gives_the_same_bits_in_any_order():
    """Another process, with other hashes, that fits the models the other way round, agrees."""
    done = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {name: first_bits(name) for name in ALL_MODELS}


if __name__ == "__main__":
    print(json.dumps({name: bits(ALL_MODELS[name]) for name in reversed(ALL_MODELS)}))
