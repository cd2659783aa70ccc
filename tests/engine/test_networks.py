"""Predictions, stand-alone models, and networks that a user builds."""

import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import keras
import keras_oracles
import numpy as np
import pytest
from states import assert_same

from sklstm._past._windows import Windows
from sklstm.engine import _predict, _train
from sklstm.engine._samples import float32_windows, samples
from sklstm.engine._spec import NetworkSpec, Rows, TrainingSpec


def windows(n=20, window=6):
    """Return a window view of a random series of two columns."""
    return keras_oracles.windows(n, window, 2)[0]


#: Windows to train a custom network on, and their targets.
ROWS = Rows(windows(), np.arange(20), np.ones((20, 1)))


def by_builder(input_shape, n_outputs):
    """Build a network with a layer of every kind of randomness."""
    layers = keras.layers
    random = [layers.LSTM(3, dropout=0.2), layers.Dropout(0.2)]
    return keras.Sequential([keras.Input(input_shape), *random, layers.Dense(n_outputs)])


CUSTOM = NetworkSpec(network=by_builder, window=6, n_features=2)


# Keras hands its variables to NumPy in a way that NumPy 2 is leaving.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    "network",
    [
        NetworkSpec(units=(4, 3), n_features=2, n_outputs=2),
        NetworkSpec(cell="gru", bidirectional=True, n_features=2),
        CUSTOM,
    ],
    ids=["LSTM", "GRU", "custom"],
)
def test_predictions_equal_those_of_the_stand_alone_model(network, tmp_path):
    """The model that Keras saves and loads predicts what the engine predicts."""
    X = windows()
    model = _predict.keras_model(network, TrainingSpec(), None)
    predictions = _predict.predict(network, TrainingSpec(), model.get_weights(), X)
    assert predictions.dtype == np.float32
    assert predictions.shape == (20, network.n_outputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(predictions, loaded.predict(np.array(X), verbose=0), atol=1e-6)


def test_predicting_in_parts_equals_predicting_at_once(monkeypatch):
    """Batches of bounded size change nothing."""
    from sklstm.engine._models import _predictor

    network = NetworkSpec(units=(4,), n_features=2)
    X = windows()
    weights = _predict.keras_model(network, TrainingSpec(), None).get_weights()
    whole = _predict.predict(network, TrainingSpec(), weights, X)
    monkeypatch.setattr(_predictor, "_BATCH_CELLS", 7 * 6 * 16)
    np.testing.assert_allclose(
        _predict.predict(network, TrainingSpec(), weights, X), whole, atol=1e-6
    )


LAYOUTS = {
    "view": windows(),
    "every other": windows()[::2],
    "backwards": windows()[::-1],
    "one step": windows(window=1),
    "one row": windows(n=1),
    "copy": np.array(windows()),
    "part of a copy": np.array(windows())[::3],
}


@pytest.mark.parametrize("X", LAYOUTS.values(), ids=LAYOUTS)
def test_any_layout_of_windows_is_gathered_right(X):
    """Strided views and plain arrays give the same windows."""
    rows = np.arange(len(X))[len(X) // 3 :]
    y = np.arange(len(X))[:, None]
    windows, targets = samples(Rows(X, rows, y)).batch(np.arange(len(rows)))
    np.testing.assert_array_equal(windows, X[rows].astype(np.float32))
    np.testing.assert_array_equal(targets, y[rows])


def test_a_float32_view_is_never_copied():
    """The series under the windows is used as it is."""
    X = np.lib.stride_tricks.sliding_window_view(np.ones((9, 2), np.float32), 3, axis=0)
    X = X.transpose(0, 2, 1)
    assert np.shares_memory(float32_windows(Windows.of(X)).values, X)


def test_a_custom_network_follows_the_seed():
    """Initialisers and dropout that the builder left without a seed follow from the run's."""
    training = TrainingSpec(epochs=2, batch_size=8)
    first, other, again = (
        _train.train(CUSTOM, training, ROWS, seed=seed).weights for seed in (1, 2, 1)
    )
    assert_same(again, first)
    assert not np.array_equal(other[0], first[0])


def built_beside_another_thread(input_shape, n_outputs):
    """Build a network while another thread makes a layer, for which Keras draws a seed."""
    thread = threading.Thread(target=keras.layers.Dense, args=[1])
    thread.start()
    thread.join()
    return by_builder(input_shape, n_outputs)


def test_layers_of_another_thread_change_no_first_weight():
    """The network learns what it learns where nobody else makes a layer."""
    beside = replace(CUSTOM, network=built_beside_another_thread)
    expected, found = (
        _train.train(network, TrainingSpec(), ROWS, seed=1).weights for network in (CUSTOM, beside)
    )
    assert_same(found, expected)


def slow_builder(units, seconds):
    """Return a builder of an unseeded network that takes a while, as one that reads a file does."""

    def build(input_shape, n_outputs):
        time.sleep(seconds)
        layers = keras.layers
        return keras.Sequential(
            [keras.Input(input_shape), layers.LSTM(units), layers.Dense(n_outputs)]
        )

    return replace(CUSTOM, network=build)


@pytest.mark.slow
def test_two_threads_fit_custom_networks_as_one_thread_does():
    """Each fit has its own seed's weights, whatever another thread builds meanwhile."""
    networks = [slow_builder(3, 0.02), slow_builder(4, 0.03)]

    def fit_all(network):
        return [_train.train(network, TrainingSpec(), ROWS, seed=i).weights for i in range(12)]

    expected = list(map(fit_all, networks))
    together = threading.Barrier(2, timeout=60)

    def work(network):
        together.wait()
        return fit_all(network)

    with ThreadPoolExecutor(2) as pool:
        assert_same(list(pool.map(work, networks)), expected)


def with_known_weights(input_shape, n_outputs):
    """Build a network whose kernel is loaded from somewhere."""
    model = by_builder(input_shape, n_outputs)
    weights = model.get_weights()
    weights[0] = np.full_like(weights[0], 0.25)
    model.set_weights(weights)
    return model


def test_weights_that_a_builder_loads_are_kept():
    """Only what the builder draws at random is drawn anew."""
    network = replace(CUSTOM, network=with_known_weights)
    weights = _train.train(network, TrainingSpec(learning_rate=0.0), ROWS, seed=1).weights
    assert (weights[0] == 0.25).all()


class Eager(keras.Model):
    """A network whose training step needs numbers, which a compiled one does not have."""

    def compile(self, **options):
        """Let Keras run step by step."""
        super().compile(**options | {"run_eagerly": True})

    def train_step(self, data):
        """Count the loss as a number."""
        logs = super().train_step(data)
        assert float(logs["loss"]) >= 0
        return logs


def of_kind(kind, input_shape, n_outputs):
    """Build a network as a kind of Keras model."""
    inputs = keras.Input(input_shape)
    outputs = keras.layers.Dense(n_outputs)(keras.layers.LSTM(3)(inputs))
    return kind(inputs, outputs)


def test_a_network_that_cannot_be_compiled_goes_through_keras(capsys):
    """Keras' own fit takes over and gives what the same network gives compiled; it says why."""
    training = TrainingSpec(epochs=2, batch_size=8, verbose=2)
    builders = [functools.partial(of_kind, kind) for kind in (keras.Model, Eager)]
    compiled, by_keras = (
        _train.train(replace(CUSTOM, network=builder), training, ROWS, seed=1)
        for builder in builders
    )
    said = capsys.readouterr().out
    assert "Keras' own fit, because the network cannot be compiled" in said
    assert "float" in said
    np.testing.assert_allclose(by_keras.history["loss"], compiled.history["loss"], rtol=1e-5)


def test_another_fault_is_no_reason_to_change_engines(monkeypatch):
    """What fails beside the user's network is raised, and not trained by Keras instead."""

    def broken(*_):
        raise TypeError("no fault of the network")

    monkeypatch.setattr(_train, "StatelessEpochs", broken)
    training = TrainingSpec(epochs=1, batch_size=8)
    network = replace(CUSTOM, network=functools.partial(of_kind, keras.Model))
    with pytest.raises(TypeError, match="no fault of the network"):
        _train.train(network, training, ROWS, seed=1)


def test_a_builder_of_the_wrong_shape_is_refused():
    """The message names the shape that is needed."""
    network = replace(CUSTOM, n_outputs=3)
    wrong = replace(network, network=lambda shape, n: by_builder(shape, n + 1))
    assert _predict.keras_model(network, TrainingSpec(), None).output_shape == (None, 3)
    with pytest.raises(ValueError, match=r"\(None, 4\), but expected \(None, 3\)"):
        _predict.keras_model(wrong, TrainingSpec(), None)
