"""Callbacks and options of optimizers, against one call of Keras' own fit."""

import copy
import functools

import keras
import numpy as np
import pytest
from keras_oracles import assert_close, first_weights, windows

from sklstm.engine import _predict, _train
from sklstm.engine._spec import NetworkSpec, Rows, Trained, TrainingSpec

NETWORK = NetworkSpec(units=(3,))
CALLBACKS = keras.callbacks
OPTIMIZERS = keras.optimizers
SCHEDULE = OPTIMIZERS.schedules.ExponentialDecay(0.1, 3, 0.5)


class StopAtOnce(CALLBACKS.Callback):
    """Stops as the second epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        """Stop."""
        self.model.stop_training = epoch == 1


def each_case(cases, most):
    """Return all cases for the engine that is chosen, and the one that asks most for the others."""
    pairs = [(name, "auto") for name in cases] + [(most, of) for of in ("keras", "layer", "xla")]
    return [
        pytest.param(
            cases[name],
            engine,
            id=f"{name}-{engine}",
            marks=() if (name, engine) == (most, "auto") else pytest.mark.slow,
        )
        for name, engine in pairs
    ]


@functools.cache
def keras_fit(optimizer, callbacks, epochs):
    """Return the weights and the history of Keras' own fit, which runs once for all engines."""
    X, y = windows(30, 4)
    model = _predict.keras_model(
        NETWORK, TrainingSpec(optimizer=optimizer), [first_weights(NETWORK)]
    )
    history = model.fit(
        np.array(X[:22]),
        y[:22],
        batch_size=8,
        epochs=epochs,
        shuffle=False,
        validation_data=(np.array(X[22:]), y[22:]),
        callbacks=copy.deepcopy(list(callbacks)),
        verbose=0,
    ).history
    return model.get_weights(), history


def assert_equals_fit(optimizer, callbacks=(), engine="auto", *, epochs=6, **training):
    """Assert that a run ends where one call of Keras' fit ends, with the same history."""
    X, y = windows(30, 4)
    rows, held_out = np.arange(22), np.arange(22, 30)
    spec = TrainingSpec(
        optimizer=optimizer,
        callbacks=list(callbacks),
        engine=engine,
        epochs=epochs,
        batch_size=8,
        shuffle=False,
        **training,
    )
    start = Trained(first_weights(NETWORK), [])
    taught, validation = Rows(X, rows, y), Rows(X, held_out, y)
    trained = _train.train(NETWORK, spec, taught, validation, seed=0, start=start)
    callbacks = (STOP,) if training.get("early_stopping") else tuple(callbacks)
    weights, history = keras_fit(optimizer, callbacks, epochs)
    assert_close(trained.weights, weights, 2e-5)
    assert set(trained.history) == set(history)
    for name, values in history.items():
        np.testing.assert_allclose(trained.history[name], values, rtol=1e-4, atol=1e-6)
    return trained


#: The same as ``early_stopping=True`` with ``patience=2``.
STOP = CALLBACKS.EarlyStopping(patience=2, restore_best_weights=True)
AVERAGING = OPTIMIZERS.Adam(0.1, use_ema=True)
OVERWRITING = OPTIMIZERS.Adam(0.1, use_ema=True, ema_overwrite_frequency=2)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["auto", "keras", "layer", "xla"])
@pytest.mark.parametrize("optimizer", [AVERAGING, OVERWRITING], ids=["", "2"])
def test_early_stopping_keeps_the_best_weights_of_an_averaging_optimizer(engine, optimizer):
    """The average is written over the weights before the best ones are restored, not after."""
    options = {"early_stopping": True, "patience": 2}
    trained = assert_equals_fit(optimizer, engine=engine, epochs=12, **options)
    assert len(trained.history["loss"]) < 12


STOCK = {
    "early stopping": [CALLBACKS.EarlyStopping(patience=1, restore_best_weights=True)],
    "late start": [
        CALLBACKS.EarlyStopping(
            "loss", min_delta=0.2, patience=0, start_from_epoch=2, restore_best_weights=True
        )
    ],
    "plateau": [CALLBACKS.ReduceLROnPlateau(patience=0, min_delta=0.1)],
    "schedule": [CALLBACKS.LearningRateScheduler(lambda epoch, rate: 0.1 / (1 + epoch))],
    "swap": [CALLBACKS.SwapEMAWeights()],
    "swap at epochs": [
        CALLBACKS.SwapEMAWeights(swap_on_epoch=True),
        CALLBACKS.EarlyStopping(patience=1, restore_best_weights=True),
    ],
    "not a number": [CALLBACKS.TerminateOnNaN()],
    "at once": [StopAtOnce()],
}


# Keras hands its variables to NumPy in a way that NumPy 2 is leaving.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(("callbacks", "engine"), each_case(STOCK, "swap at epochs"))
def test_every_callback_equals_keras(callbacks, engine):
    """Each finds and leaves the weights and the learning rate that it does in Keras' own fit."""
    assert_equals_fit(AVERAGING, callbacks, engine)


OPTIONS = {
    "average": OPTIMIZERS.SGD(0.2, momentum=0.9, use_ema=True, ema_momentum=0.8),
    "overwriting average": OPTIMIZERS.Adam(0.1, use_ema=True, ema_overwrite_frequency=4),
    "accumulation": OPTIMIZERS.Adam(0.1, gradient_accumulation_steps=2),
    "accumulated average": OPTIMIZERS.Adam(0.1, gradient_accumulation_steps=2, use_ema=True),
    "clipnorm": OPTIMIZERS.Adam(0.1, clipnorm=0.01),
    "clipvalue": OPTIMIZERS.SGD(0.1, clipvalue=0.01),
    "global clipnorm": OPTIMIZERS.SGD(0.1, global_clipnorm=0.01),
    "weight decay": OPTIMIZERS.AdamW(0.1, weight_decay=0.1),
    "factor": OPTIMIZERS.SGD(0.1, loss_scale_factor=8.0),
    "schedule": OPTIMIZERS.Adam(SCHEDULE),
    "scaled loss": OPTIMIZERS.LossScaleOptimizer(OPTIMIZERS.Adam(0.1)),
    "scaled average": OPTIMIZERS.LossScaleOptimizer(OPTIMIZERS.Adam(0.1, use_ema=True)),
    "scaled schedule": OPTIMIZERS.LossScaleOptimizer(OPTIMIZERS.Adam(SCHEDULE)),
    "schedule free": OPTIMIZERS.ScheduleFreeAdamW(0.1),
    "muon": OPTIMIZERS.Muon(0.1),
}


@pytest.mark.parametrize(("optimizer", "engine"), each_case(OPTIONS, "scaled average"))
def test_every_option_of_an_optimizer_equals_keras(optimizer, engine):
    """Steps, averages and what is left at the end are those of Keras' own fit."""
    assert_equals_fit(optimizer, engine=engine)
