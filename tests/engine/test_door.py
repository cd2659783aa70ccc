"""The door: checks of names, prediction, stand-alone models, custom networks."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from sklstm.engine import _predict, _train
from sklstm.engine._samples import samples
from sklstm.engine._spec import NetworkSpec, Rows, TrainingSpec


def windows(n=20, window=6, n_features=2, dtype=float):
    """Return a window view of a random series."""
    series = np.random.default_rng(0).normal(size=(n + window - 1, n_features)).astype(dtype)
    return np.lib.stride_tricks.sliding_window_view(series, window, axis=0).transpose(0, 2, 1)


def by_builder(input_shape, n_outputs):
    """Build a network with a layer of every kind of randomness."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.LSTM(3, dropout=0.2),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(n_outputs),
        ]
    )


CUSTOM = NetworkSpec(network=by_builder, window=6, n_features=2)


@pytest.mark.parametrize(
    ("parameter", "value", "hint"),
    [
        ("loss", "mean_squared_errors", "mean_squared_error"),
        ("optimizer", "addam", "adam"),
        ("metrics", ["no such"], "mae"),
        ("engine", "fast", "'block'"),
    ],
)
def test_an_unknown_name_is_refused_before_training(parameter, value, hint):
    """The message names the parameter, the value, and what would do."""
    with pytest.raises(ValueError, match=f"(?s){parameter}=.*{hint}"):
        _train.check(NetworkSpec(), TrainingSpec(**{parameter: value}))


def test_an_unknown_activation_is_refused():
    """An activation is checked like every other name."""
    with pytest.raises(ValueError, match=r"dense_activation='rellu'.*Did you mean 'relu'"):
        _train.check(NetworkSpec(dense_units=(2,), dense_activation=("rellu",)), TrainingSpec())


def test_the_plain_data_needs_no_keras():
    """Importing the package's door data loads neither Keras nor TensorFlow."""
    code = "import sys, sklstm.engine._spec; assert not {'keras', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# Keras hands its variables to NumPy in a way that NumPy 2 is leaving.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("network", [NetworkSpec(units=(4, 3), n_features=2, n_outputs=2), CUSTOM])
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
    assert _predict.predict(network, TrainingSpec(), weights, X[:0]).shape == (0, 1)


@pytest.mark.parametrize(
    "X",
    [
        windows(),
        windows()[::2],
        windows()[::-1],
        windows(window=1),
        windows(n=1),
        np.array(windows()),
        np.array(windows())[::3],
    ],
    ids=["view", "every other", "backwards", "one step", "one row", "copy", "part of a copy"],
)
def test_any_layout_of_windows_is_gathered_right(X):
    """Strided views and plain arrays give the same windows."""
    rows = np.arange(len(X))[len(X) // 3 :]
    found = samples(Rows(X, rows))
    np.testing.assert_array_equal(found.gather(np.arange(len(rows))), X[rows].astype(np.float32))


def test_a_float32_view_is_never_copied():
    """The series under the windows is used as it is."""
    X = windows(dtype=np.float32)
    assert np.shares_memory(samples(Rows(X, np.arange(20))).series, X)


def test_a_custom_network_follows_the_seed():
    """Initialisers and dropout that the builder left without a seed follow from the run's."""
    X, y = windows(), np.ones((20, 1))
    training = TrainingSpec(epochs=2, batch_size=8)
    runs = [
        _train.train(CUSTOM, training, Rows(X, np.arange(20), y), seed=seed).weights
        for seed in (1, 2, 1)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(runs[0], runs[2], strict=True))
    assert not np.array_equal(runs[0][0], runs[1][0])


def with_known_weights(input_shape, n_outputs):
    """Build a network whose kernel is loaded from somewhere."""
    model = by_builder(input_shape, n_outputs)
    weights = model.get_weights()
    weights[0] = np.full_like(weights[0], 0.25)
    model.set_weights(weights)
    return model


def test_weights_that_a_builder_loads_are_kept():
    """Only what the builder draws at random is drawn anew."""
    network = NetworkSpec(network=with_known_weights, window=6, n_features=2)
    X, y = windows(), np.ones((20, 1))
    training = TrainingSpec(epochs=1, learning_rate=0.0)
    weights = _train.train(network, training, Rows(X, np.arange(20), y), seed=1).weights
    assert (weights[0] == 0.25).all()


def test_a_network_that_cannot_be_compiled_goes_through_keras(monkeypatch, capsys):
    """Keras' own fit takes over, and says so."""
    from sklstm.engine._models._compiled import CompiledModel

    X, y = windows(), np.ones((20, 1))
    monkeypatch.setattr(CompiledModel, "can_train", lambda self, weighted: False)
    rows = Rows(X, np.arange(20), y)
    trained = _train.train(CUSTOM, TrainingSpec(epochs=2, verbose=2), rows, seed=1)
    assert "Keras' own fit" in capsys.readouterr().out
    assert len(trained.history["loss"]) == 2


def test_a_builder_of_the_wrong_shape_is_refused():
    """The message names the shape that is needed."""
    network = NetworkSpec(network=by_builder, window=6, n_features=2, n_outputs=3)
    wrong = NetworkSpec(
        network=lambda shape, n: by_builder(shape, n + 1), window=6, n_features=2, n_outputs=3
    )
    assert _predict.keras_model(network, TrainingSpec(), None).output_shape == (None, 3)
    with pytest.raises(ValueError, match=r"\(None, 4\), but expected \(None, 3\)"):
        _predict.keras_model(wrong, TrainingSpec(), None)
