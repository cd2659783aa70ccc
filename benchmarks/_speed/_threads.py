"""Threads that fit and predict at the same time, against each model alone."""

from __future__ import annotations

import threading
import time

import keras
import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.pipeline import make_pipeline

from _speed._drift import Drift
from sklstm import (
    Differencer,
    LagWindower,
    LSTMClassifier,
    LSTMRegressor,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
)

WALK = np.random.default_rng(0).normal(size=(80, 2)).cumsum(axis=0)
X, Y = WALK[:-1], WALK[1:, 0]


def own_network(shape, n_outputs):
    """Build a network whose first weights and dropout have no seed of their own."""
    layers = [keras.layers.Conv1D(2, 2), keras.layers.LSTM(2), keras.layers.Dropout(0.3)]
    return keras.Sequential([keras.Input(shape), *layers, keras.layers.Dense(n_outputs)])


def own_loss(y_true, y_pred):
    """Return a loss that Keras has no name for."""
    return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** 1.5, axis=-1)


def _windows(**parameters):
    return LSTMRegressor(**{"units": 3, "epochs": 2, "batch_size": 16, **parameters})


NETWORKS = [
    *(_windows(random_state=seed) for seed in (0, 1)),
    _windows(units=5, dropout=0.3),
    _windows(n_networks=3, short_windows="mask", steps_per_epoch=3),
    _windows(cell="gru", learning_rate_schedule="cosine"),
    _windows(loss="quantile", n_networks=2),
    _windows(engine="keras", dropout=0.2),
    _windows(engine="xla"),
    *(_windows(network=own_network, random_state=seed) for seed in (0, 1)),
    _windows(network=own_network((4, 2), 1)),
    _windows(loss=own_loss, metrics=["mae"]),
    _windows(callbacks=[keras.callbacks.EarlyStopping("loss", patience=1)], epochs=4),
    LSTMClassifier(3, epochs=2, n_networks=2),
    WindowScaledRegressor(_windows(random_state=2), columns=0),
]
MODELS = [
    *(make_pipeline(LagWindower(4), network) for network in NETWORKS),
    StatefulLSTMRegressor(3, epochs=2, batch_size=4, bptt_steps=2),
    StatefulLSTMRegressor(3, epochs=2, n_networks=2, cell="gru", bptt_steps=4),
    TransformedSeriesRegressor(
        make_pipeline(LagWindower(4), _windows(random_state=3)), Differencer(), y_lag=0
    ),
]


def fitted(number: int):
    """Fit a copy of a model; one without a seed gets its number as seed."""
    model = clone(MODELS[number])
    seeds = [name for name in model.get_params() if name.endswith("random_state")]
    model.set_params(**{name: number for name in seeds if model.get_params()[name] is None})
    return model.fit(X, Y > 0 if is_classifier(model) else Y)


def at_the_same_time(seconds: float, n_threads: int = 8) -> None:
    """Fit and predict in threads for some seconds, and print how many results differ."""
    alone = [fitted(number) for number in range(len(MODELS))]
    expected = [model.predict(X) for model in alone]
    counts = {"fits": 0, "predictions": 0}
    differ: list[str] = []
    lock, end = threading.Lock(), time.monotonic() + seconds
    drift = Drift()

    def work(seed):
        draws = np.random.default_rng(seed)
        while time.monotonic() < end:
            number = draws.integers(len(MODELS))
            fits = draws.random() < 0.5
            model = fitted(number) if fits else alone[number]
            what, found = "fits" if fits else "predictions", model.predict(X)
            with lock:
                counts[what] += 1
                if not np.array_equal(found, expected[number]):
                    differ.append(f"{what} of {MODELS[number]}")

    threads = [threading.Thread(target=work, args=[seed]) for seed in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    drift.report(f"{n_threads} threads, {seconds:.0f} s: {counted}, {len(differ)} differ")
    if differ:
        raise SystemExit("\n".join(["Not that of the model alone:", *differ]))
