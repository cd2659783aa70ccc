"""What a run promises beside its numbers: callbacks, borrowed models, threads, forks."""

import math
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras_oracles import assert_close
from states import assert_same, differ

from sklstm.engine import _predict, _train
from sklstm.engine._spec import NetworkSpec, Rows, TrainingSpec

NETWORK = NetworkSpec(units=(3,))


def data(n=24, window=4):
    """Return rows of a sine."""
    series = np.sin(np.arange(n + window) / 2)
    X = np.lib.stride_tricks.sliding_window_view(series[:-1], window)[:, :, None]
    return Rows(X, np.arange(n), series[window:, None])


def train(network=NETWORK, rows=None, validation=None, seed=0, **training):
    """Train on a few rows."""
    training = TrainingSpec(**({"epochs": 3, "batch_size": 8} | training))
    return _train.train(network, training, rows or data(), validation, seed=seed)


class Look(keras.callbacks.Callback):
    """Sees weights, sets the learning rate, stops."""

    seen: list = []

    def on_train_begin(self, logs=None):
        """Remember the first weights."""
        self.seen.clear()
        self.seen.append(self.model.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        """Remember the weights, then learn nothing more."""
        self.seen.append(self.model.get_weights())
        self.model.optimizer.learning_rate = 0.0
        self.model.stop_training = epoch == 1


def test_callbacks_see_the_live_model():
    """Weights, learning rate and stop_training work from a callback, and the next fit forgets."""
    plain = train(epochs=1)
    trained = train(callbacks=[Look()])
    before, after_one, after_two = Look.seen
    assert differ(before, after_one)
    assert_same(after_one, plain.weights)
    assert_same(after_one, after_two)
    assert len(trained.history["loss"]) == 2
    assert_same(train(epochs=1).weights, plain.weights)


def test_hooks_on_batches_see_what_keras_shows_them():
    """Each update is followed by its number and the loss so far in its epoch, as in Keras' fit."""

    def seen_by(engine):
        seen = []
        callback = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda batch, logs: seen.append(batch),
            on_train_batch_end=lambda batch, logs: seen.extend([batch, logs["loss"], logs["mae"]]),
        )
        trained = train(validation=data(8), metrics=["mae"], callbacks=[callback], engine=engine)
        return seen, trained

    (seen, trained), (seen_by_keras, by_keras) = seen_by("block"), seen_by("keras")
    assert len(seen) == 3 * 3 * 4
    np.testing.assert_allclose(seen, seen_by_keras, rtol=1e-6)
    assert_same(trained.weights, train(metrics=["mae"]).weights)
    for name, values in by_keras.history.items():
        np.testing.assert_allclose(trained.history[name], values, rtol=1e-6)


class StopAtSecondBatch(keras.callbacks.Callback):
    """Stops within an epoch."""

    def on_train_batch_end(self, batch, logs=None):
        """Stop."""
        self.model.stop_training = batch == 1


@pytest.mark.parametrize("engine", ["block", "keras"])
def test_a_callback_may_stop_within_an_epoch(engine):
    """The rest of its epoch is not learnt from."""
    trained = train(callbacks=[StopAtSecondBatch()], engine=engine, shuffle=False)
    assert len(trained.history["loss"]) == 1
    first = Rows(data().X, np.arange(16), data().y)
    assert_close(trained.weights, train(rows=first, epochs=1, shuffle=False).weights, atol=1e-6)


def test_hooks_on_held_out_batches_are_left_to_keras(capsys):
    """Held-out rows are one batch to us, so a callback that counts them gets Keras' own fit."""
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_test_batch_end=lambda batch, logs: seen.append(batch)
    )
    train(validation=data(20), callbacks=[callback], verbose=2, epochs=2)
    assert seen == [0, 1, 2] * 2
    assert "Keras' own fit, because LambdaCallback" in capsys.readouterr().out


# Keras hands its variables to NumPy in a way that NumPy 2 is leaving.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    "options",
    [{"engine": "keras"}, {}, {"network": NetworkSpec(units=(3,), stateful=True)}],
    ids=["keras", "auto", "stateful"],
)
def test_a_run_that_was_backed_up_is_restored_and_forgotten(tmp_path, options):
    """Keras goes on with the epoch that was not run, and the next fit begins with the first."""

    def backed_up(**options):
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
        return train(callbacks=[backup], shuffle=False, **options)

    backed_up(epochs=2, **options)
    assert len(backed_up(epochs=3, **options).history["loss"]) == 1
    assert len(train(epochs=3, **options).history["loss"]) == 3


def test_an_interrupted_run_leaves_nothing_to_the_next():
    """A fit after one that Ctrl-C ended in mid-training learns what it would have learnt."""

    def press_ctrl_c(epoch, logs):
        raise KeyboardInterrupt

    expected = train().weights
    interrupt = keras.callbacks.LambdaCallback(on_epoch_end=press_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        train(callbacks=[interrupt], learning_rate=0.5)
    assert_same(train().weights, expected)


def test_a_callback_may_fit_the_same_architecture():
    """A fit inside a fit gets a model of its own."""
    expected, expected_inside = train(epochs=2).weights, train(seed=9, epochs=1).weights
    inside = []
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: inside.append(train(seed=9, epochs=1).weights)
    )
    assert_same(train(epochs=2, callbacks=[callback]).weights, expected)
    assert_same(inside, 2 * [expected_inside])


@pytest.mark.parametrize("callbacks", [None, [Look()]])
def test_a_loss_that_is_not_finite_is_an_error(callbacks):
    """The error names the epoch and what would do, and the next fit is as ever."""
    expected = train().weights
    with pytest.raises(ValueError, match=r"nan in epoch \d.*learning_rate.*clipnorm"):
        train(optimizer="adam", learning_rate=math.nan, callbacks=callbacks)
    assert_same(train().weights, expected)


def test_threads_share_a_model_one_after_the_other():
    """Fits of one architecture in several threads give what they give alone."""

    def work(seed):
        return train(seed=seed).weights

    seeds = 3 * [0, 1, 2, 3]
    expected = [work(seed) for seed in seeds]
    with ThreadPoolExecutor(len(seeds)) as pool:
        assert_same(list(pool.map(work, seeds)), expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_told_instead_of_hanging():
    """After TensorFlow has run in the parent, a forked child gets an error that says what to do."""
    train()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            train()
        except RuntimeError as error:
            os.write(writer, str(error).encode())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert b"loky" in os.read(reader, 1000)


@pytest.mark.slow
def test_five_hundred_fits_take_no_memory_for_good():
    """Ten architectures fitted over and over take at most 20 MB more than after twenty fits."""
    psutil = pytest.importorskip("psutil")
    process = psutil.Process()
    for i in range(500):
        if i == 20:
            before = process.memory_info().rss
        network = NetworkSpec(units=(2 + i % 10,))
        rows = data(24 + i % 5, 3 + i % 4)
        trained = train(network, rows, seed=i, learning_rate=0.01 / (1 + i % 3))
        _predict.predict(network, TrainingSpec(), trained.weights, rows.X)
    assert process.memory_info().rss - before < 20e6
