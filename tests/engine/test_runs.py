"""What a run promises beside its numbers: seeds, callbacks, borrowed models, threads, forks."""

import math
import os
import pickle
import random
import signal
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest

from sklstm.engine import _predict, _train
from sklstm.engine._models import _pool
from sklstm.engine._spec import NetworkSpec, Rows, Trained, TrainingSpec

NETWORK = NetworkSpec(units=(3,))


def data(n=24, window=4):
    """Return rows of a sine."""
    series = np.sin(np.arange(n + window) / 2)
    X = np.lib.stride_tricks.sliding_window_view(series[:-1], window)[:, :, None]
    return Rows(X, np.arange(n), series[window:, None])


def same(a, b):
    """Tell whether two lists of arrays are bitwise equal."""
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def train(network=NETWORK, rows=None, validation=None, seed=0, start=None, **training):
    """Train on a few rows."""
    training = TrainingSpec(**({"epochs": 3, "batch_size": 8} | training))
    return _train.train(network, training, rows or data(), validation, seed=seed, start=start)


def test_the_same_seed_gives_the_same_weights_after_other_fits():
    """Weights depend on the seed alone, bit by bit."""
    first = train(seed=7).weights
    train(seed=8, learning_rate=0.5, optimizer="adam")
    assert same(first, train(seed=7).weights)
    assert not same(first, train(seed=8).weights)


@pytest.mark.parametrize(
    "network",
    [NetworkSpec(units=(3, 2), dropout=0.3), NetworkSpec(units=(3,), recurrent_dropout=0.3)],
)
def test_dropout_follows_the_seed(network):
    """Dropout draws from the seed, and is off in prediction."""
    first = train(network, seed=7).weights
    train(network, seed=8)
    assert same(first, train(network, seed=7).weights)
    predictions = [_predict.predict(network, TrainingSpec(), first, data().X) for _ in "ab"]
    assert same(*[[p] for p in predictions])


def test_no_random_state_is_touched():
    """Neither Python's nor NumPy's nor Keras' random state moves."""
    train()
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    train(NetworkSpec(units=(2,), dropout=0.1), seed=3)
    assert states == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002


def test_training_goes_on_from_where_it_stopped():
    """Three epochs and two more equal five, optimizer state included."""
    start = train(shuffle=False)
    more = train(shuffle=False, epochs=2, start=start)
    assert same(more.weights, train(shuffle=False, epochs=5).weights)
    assert same(more.optimizer_state, train(shuffle=False, epochs=5).optimizer_state)


def test_what_is_trained_can_be_pickled():
    """What training leaves behind is plain arrays."""
    trained = train()
    assert same(pickle.loads(pickle.dumps(trained)).weights, trained.weights)


def test_early_stopping_equals_keras():
    """Epochs run and weights kept are those of Keras' early stopping."""
    rows = data(30)
    first = train(epochs=1, seed=1)
    start = Trained(first.weights, [])
    rows, held_out = Rows(rows.X, np.arange(22), rows.y), Rows(rows.X, np.arange(22, 30), rows.y)
    spec = {"epochs": 60, "learning_rate": 0.3, "shuffle": False}
    trained = train(
        rows=rows, validation=held_out, start=start, early_stopping=True, patience=3, **spec
    )
    model = _predict.keras_model(NETWORK, TrainingSpec(learning_rate=0.3), first.weights)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True)
    log = model.fit(
        rows.X[:22],
        rows.y[:22],
        batch_size=8,
        epochs=60,
        shuffle=False,
        validation_data=(rows.X[22:], rows.y[22:]),
        callbacks=[stop],
        verbose=0,
    ).history
    assert len(trained.history["val_loss"]) == len(log["val_loss"]) < 60
    np.testing.assert_allclose(trained.history["val_loss"], log["val_loss"], rtol=1e-3)
    for ours, theirs in zip(trained.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


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
    assert not same(before, after_one)
    assert same(after_one, plain.weights)
    assert same(after_one, after_two)
    assert len(trained.history["loss"]) == 2
    assert same(train(epochs=1).weights, plain.weights)


class CountBatches(keras.callbacks.Callback):
    """Counts batches."""

    count = 0

    def on_train_batch_end(self, batch, logs=None):
        """Count."""
        type(self).count += 1


def test_a_hook_on_batches_is_called_for_each(capsys):
    """A callback that looks at batches gets Keras' own fit, with the same result."""
    CountBatches.count = 0
    trained = train(callbacks=[CountBatches()])
    assert CountBatches.count == 9
    for ours, theirs in zip(trained.weights, train().weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


class Interrupt(keras.callbacks.Callback):
    """Interrupts the run."""

    def on_epoch_end(self, epoch, logs=None):
        """Press Ctrl-C."""
        raise KeyboardInterrupt


def test_an_interrupted_run_leaves_the_model_usable():
    """The next borrower finds nothing of a run that was broken off."""
    expected = train().weights
    with pytest.raises(KeyboardInterrupt):
        train(callbacks=[Interrupt()], learning_rate=0.5)
    assert same(train().weights, expected)


class FitInside(keras.callbacks.Callback):
    """Fits the same architecture while a run of it is under way."""

    found: list = []

    def on_epoch_end(self, epoch, logs=None):
        """Fit."""
        self.found.append(train(seed=9, epochs=1).weights)


def test_a_callback_may_fit_the_same_architecture():
    """A fit inside a fit gets a model of its own."""
    expected, inside = train(epochs=2).weights, train(seed=9, epochs=1).weights
    assert same(train(epochs=2, callbacks=[FitInside()]).weights, expected)
    assert same(FitInside.found[0], inside)


@pytest.mark.parametrize("callbacks", [None, [Look()]])
def test_a_loss_that_is_not_finite_is_an_error(callbacks):
    """The error names the epoch and what would do, and the next fit is as ever."""
    expected = train().weights
    with pytest.raises(ValueError, match=r"nan in epoch \d.*learning_rate.*clipnorm"):
        train(optimizer="adam", learning_rate=math.nan, callbacks=callbacks)
    assert same(train().weights, expected)


def test_verbose_prints_a_line_per_epoch(capsys):
    """Each line has the epoch, the loss and the validation loss."""
    train(verbose=1, validation=data(8))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("Epoch 3/3 - loss: ")
    assert "val_loss: " in lines[2]


def test_threads_share_a_model_one_after_the_other():
    """Fits of one architecture in several threads give what they give alone."""
    expected = [train(seed=seed).weights for seed in range(4)]
    found = {}

    def work(seed):
        found[seed] = train(seed=seed).weights

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4) for _ in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(found[seed], expected[seed]) for seed in range(4))


def test_threads_would_mix_weights_without_the_lock(monkeypatch):
    """The lock is what keeps two runs on one model apart."""

    class NoLock:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    together = threading.Barrier(2, timeout=30)

    class Meet(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            together.wait()

        def __deepcopy__(self, memo):
            return Meet()

    expected = [train(seed=seed, callbacks=None).weights for seed in range(2)]
    for entry in _pool._entries.values():
        monkeypatch.setattr(entry, "lock", NoLock())
    found = {}

    def work(seed):
        found[seed] = train(seed=seed, callbacks=[Meet()]).weights

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not all(same(found[seed], expected[seed]) for seed in range(2))


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
def test_other_processes_find_the_same_weights():
    """The same seed gives the same bits in a process of its own."""
    code = (
        "from tests.engine.test_runs import train; import hashlib;"
        "print(hashlib.sha256(b''.join(w.tobytes() for w in train(seed=5).weights)).hexdigest())"
    )
    found = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        for _ in "ab"
    ]
    assert found[0] == found[1]


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
