"""Names, objects and functions that a user gives are checked before training."""

import subprocess
import sys

import keras
import pytest

from sklstm.engine._check_names import check_names
from sklstm.engine._spec import NetworkSpec, TrainingSpec


@pytest.mark.parametrize(
    ("parameter", "value", "hint"),
    [
        ("loss", "mean_squared_errors", "mean_squared_error"),
        ("optimizer", "addam", "adam"),
        ("metrics", ["no such"], "mae"),
    ],
)
def test_an_unknown_name_is_refused_before_training(parameter, value, hint):
    """The message names the parameter, the value, and what would do."""
    with pytest.raises(ValueError, match=f"(?s){parameter}=.*{hint}"):
        check_names(NetworkSpec(), TrainingSpec(**{parameter: value}))


def test_an_unknown_activation_is_refused():
    """An activation is checked like every other name."""
    with pytest.raises(ValueError, match=r"dense_activation='rellu'.*Did you mean 'relu'"):
        check_names(NetworkSpec(dense_units=(2,), dense_activation=("rellu",)), TrainingSpec())


def test_another_backend_of_keras_is_refused(monkeypatch):
    """The message names the backend, and how to get the one that is needed."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"'jax', but expected 'tensorflow'.*KERAS_BACKEND"):
        check_names(NetworkSpec(), TrainingSpec())


def test_a_loss_that_cannot_be_computed_on_tensors_shows_why():
    """The error of the user's own function is kept as the cause."""

    def loss(y_true, y_pred):
        return (y_true - y_pred).std()

    with pytest.raises(ValueError, match=r"Got loss=.*on tensors.*keras\.ops") as caught:
        check_names(NetworkSpec(), TrainingSpec(loss=loss))
    assert isinstance(caught.value.__cause__, AttributeError)


def test_the_plain_data_needs_no_keras():
    """Importing it, as the estimators do, loads neither Keras nor TensorFlow."""
    code = "import sys, sklstm.engine._spec; assert not {'keras', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
