"""Networks that a user builds or gives, against Keras' own fit of the same network."""

import pickle

import keras
import numpy as np
import pytest
from keras_oracles import assert_close
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from states import assert_same

from sklstm import LSTMRegressor

LAYERS = keras.layers
DRAWS = np.random.default_rng(0)
X = DRAWS.normal(size=(22, 4, 2)).astype("float32")
Y = DRAWS.normal(size=22)
WEIGHT = DRAWS.uniform(0.5, 2, size=22)


def chain(*layers):
    """Return a network of one output."""
    return keras.Sequential([keras.Input((4, 2)), *layers, LAYERS.Dense(1)])


def compiled(**options):
    """Return a compiled network."""
    model = chain(LAYERS.LSTM(3))
    model.compile(**{"optimizer": keras.optimizers.SGD(0.1), "loss": "mse"} | options)
    return model


def fitted(network, **parameters):
    """Return a regressor that has learnt by a network as Keras' own fit would learn."""
    plain = {"epochs": 3, "batch_size": 8, "shuffle": False, "normalize": False, "random_state": 0}
    return LSTMRegressor(network=network, **plain | parameters).fit(X, Y, WEIGHT)


def assert_equals_fit(regressor, model):
    """Assert that a regressor has learnt what a Keras model learns by itself."""
    history = model.fit(X, Y, 8, epochs=3, shuffle=False, sample_weight=WEIGHT, verbose=0).history
    assert_close(regressor.model_.get_weights(), model.get_weights(), 1e-5)
    assert set(regressor.history_) == set(history)
    for name, values in history.items():
        np.testing.assert_allclose(regressor.history_[name], values, rtol=1e-4)


def everyday(cases, *names):
    """Return cases, all but some of which are slow."""
    return [
        pytest.param(case, id=name, marks=() if name in names else pytest.mark.slow)
        for name, case in cases.items()
    ]


COMPILED = {
    "optimizer": {"optimizer": keras.optimizers.RMSprop(0.05, clipnorm=0.1)},
    "schedule": {
        "optimizer": keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.2, 2, 0.5))
    },
    "loss": {"loss": keras.losses.Huber(0.3)},
    "function": {"loss": lambda y, p: keras.ops.mean(keras.ops.abs(y - p) ** 1.5, -1)},
    "weight of the loss": {"loss_weights": [0.25]},
    "metrics": {
        "metrics": ["mae", keras.metrics.RootMeanSquaredError()],
        "weighted_metrics": ["mse", keras.metrics.MeanAbsoluteError("absolute")],
    },
}


@pytest.mark.parametrize("options", everyday(COMPILED, "metrics"))
def test_a_compiled_network_learns_by_what_it_is_compiled_with(options):
    """Its optimizer, loss, metrics and loss weight are taken; the model itself learns nothing."""
    model = compiled(**options)
    before = model.get_weights()
    regressor = fitted(model)
    assert_same(model.get_weights(), before)
    assert_equals_fit(regressor, model)


def test_a_function_may_return_a_compiled_network():
    """It learns by what it is compiled with, from the weights that it has."""
    model = compiled(loss="mae", metrics=["mse"])
    weights = model.get_weights()

    def build(input_shape, n_outputs):
        copy = compiled(loss="mae", metrics=["mse"])
        copy.set_weights(weights)
        return copy

    assert_equals_fit(fitted(build), model)


def test_what_the_user_sets_comes_before_what_the_network_is_compiled_with():
    """A loss, an optimizer, metrics of the regressor's own replace the compiled ones."""
    model = compiled(loss="mae", metrics=["mse"], weighted_metrics=["mae"], loss_weights=0.5)
    options = {"loss": "log_cosh", "optimizer": "rmsprop", "metrics": ["mape"]}
    regressor = fitted(model, **options)
    model.compile(**options)
    assert_equals_fit(regressor, model)


class Subclassed(keras.Model):
    """A network that has no graph of layers."""

    def __init__(self, units=3, **options):
        super().__init__(**options)
        self.units = units
        self.recurrent, self.dense = LAYERS.LSTM(units), LAYERS.Dense(1)

    def call(self, inputs):
        """Compute."""
        return self.dense(self.recurrent(inputs))


def adapted():
    """Return a layer that has measured other rows than those that are taught."""
    layer = LAYERS.Normalization()
    layer.adapt(3 * X + 1)
    return layer


def branched():
    """Return a network that is no chain."""
    inputs = keras.Input((4, 2))
    both = LAYERS.concatenate([LAYERS.LSTM(2)(inputs), LAYERS.GRU(2)(inputs)])
    return keras.Model(inputs, LAYERS.Dense(1)(both))


def subclassed():
    """Return a subclassed network that knows its shapes."""
    model = Subclassed()
    model(X)
    return model


KINDS = {
    "chain": lambda: chain(LAYERS.LSTM(3)),
    "branched": branched,
    "subclassed": subclassed,
    "regularised": lambda: chain(LAYERS.LSTM(3, kernel_regularizer="l2"), LAYERS.Dense(2)),
    "constrained": lambda: chain(LAYERS.LSTM(3, kernel_constraint=keras.constraints.MaxNorm(0.5))),
    "batches": lambda: chain(LAYERS.LSTM(3), LAYERS.BatchNormalization(momentum=0.5)),
    "adapted": lambda: chain(adapted(), LAYERS.LSTM(3)),
    "frozen": lambda: chain(LAYERS.LSTM(3, trainable=False)),
    "activity": lambda: chain(LAYERS.LSTM(3), LAYERS.ActivityRegularization(l1=0.1)),
}


@pytest.mark.parametrize("build", everyday(KINDS, "chain"))
def test_every_kind_of_model_is_copied_with_its_weights(build):
    """A copy begins with the model's weights and learns what the model learns in Keras."""
    model = build()
    regressor = fitted(model)
    model.compile("adam", "mse")
    assert_equals_fit(regressor, model)
    np.testing.assert_allclose(regressor.predict(X), model.predict(X, verbose=0)[:, 0], atol=1e-5)


@pytest.mark.parametrize(
    "build",
    [
        lambda: keras.Sequential([LAYERS.LSTM(2), LAYERS.Dense(1)]),
        pytest.param(Subclassed, marks=pytest.mark.slow),
    ],
    ids=["chain", "subclassed"],
)
def test_a_model_without_weights_gets_those_of_the_seed(build):
    """A model that does not know its shapes yet is built for the windows."""
    model = build()
    first, again, other = (fitted(model, random_state=seed) for seed in (0, 0, 1))
    assert not model.built
    assert_same(again.predict(X), first.predict(X))
    assert not np.array_equal(other.predict(X), first.predict(X))


def test_models_of_one_config_and_other_weights_are_told_apart():
    """What one of them has measured is not taken for the other."""
    models = [chain(LAYERS.Normalization(name="n"), LAYERS.LSTM(3, name="l")) for _ in "ab"]
    for model, scale in zip(models, (1, 9), strict=True):
        model.layers[0].adapt(scale * X)
        predicted = fitted(model, learning_rate=1e-12, epochs=1).predict(X)
        np.testing.assert_allclose(predicted, model.predict(X, verbose=0)[:, 0], atol=1e-6)


# Keras hands its variables to NumPy in a way that NumPy 2 is leaving.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_model_goes_through_clone_pickle_and_search(n_jobs):
    """Copies of the estimator learn the same."""
    regressor = fitted(compiled(loss="mae"))
    expected = regressor.predict(X)
    assert_same(pickle.loads(pickle.dumps(regressor)).predict(X), expected)
    assert_same(clone(regressor).fit(X, Y, WEIGHT).predict(X), expected)
    networks = [compiled(), compiled(loss="mae")]
    search = GridSearchCV(
        regressor, {"network": networks}, cv=TimeSeriesSplit(2), n_jobs=n_jobs, error_score="raise"
    ).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


class Uncopyable(Subclassed):
    """A network whose config Keras cannot read."""

    def __init__(self):
        super().__init__()


def two_outputs():
    """Return a network of two outputs."""
    inputs = keras.Input((4, 2))
    hidden = LAYERS.LSTM(2)(inputs)
    return keras.Model(inputs, [LAYERS.Dense(1)(hidden), LAYERS.Dense(1)(hidden)])


WRONG = {
    "window": (keras.Sequential([keras.Input((5, 2)), LAYERS.LSTM(2), LAYERS.Dense(1)]), "5, 2"),
    "columns": (keras.Sequential([keras.Input((4, 3)), LAYERS.LSTM(2), LAYERS.Dense(1)]), "4, 3"),
    "outputs": (
        keras.Sequential([keras.Input((4, 2)), LAYERS.LSTM(2), LAYERS.Dense(3)]),
        "None, 3",
    ),
    "two outputs": (two_outputs(), r"\[\(None, 1\), \(None, 1\)\]"),
    "fixed batch": (
        keras.Sequential([keras.Input((4, 2), batch_size=2), LAYERS.LSTM(2), LAYERS.Dense(1)]),
        r"\(2, 4, 2\)",
    ),
    "no copy": (Uncopyable(), "Give a function"),
    "no loss": (compiled(loss=None), "compiled without a loss"),
}


@pytest.mark.parametrize(("network", "message"), WRONG.values(), ids=WRONG)
def test_a_model_that_does_not_fit_is_refused(network, message):
    """The error shows the network and says what would do."""
    with pytest.raises(ValueError, match=rf"Got network=<.*{message}"):
        fitted(network)
