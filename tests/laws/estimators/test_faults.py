"""What goes wrong half-way leaves nothing behind: in no estimator, and in nothing fits share."""

import copy
import functools
import itertools
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from bad_values import refused
from estimators import EVERY, own_network
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from states import assert_same, unchanged

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    backtest,
    forecast,
)
from sklstm.engine._models import _pool

N_ROWS = 24
WALK = np.sin(np.arange(N_ROWS + 1.0))
X, Y = WALK[:-1, None], WALK[1:]
# What the fit that fails is given: other rows, and more of them.
OTHER = np.cos(np.arange(41.0))
OTHER_X, OTHER_Y = OTHER[:-1, None], OTHER[1:]

LSTM = LSTMRegressor(2, epochs=2, batch_size=8, random_state=0)
REGRESSORS = {
    "block": LSTM,
    "layer": clone(LSTM).set_params(engine="layer"),
    "early stopping": clone(LSTM).set_params(validation_fraction=0.3, early_stopping=True),
    "keras": clone(LSTM).set_params(validation_fraction=0.3, engine="keras"),
    "stateful": StatefulLSTMRegressor(
        2, epochs=2, bptt_steps=4, validation_fraction=0.3, random_state=0
    ),
    "several": clone(LSTM).set_params(n_networks=3),
    "several, stateful": StatefulLSTMRegressor(2, epochs=2, n_networks=2, random_state=0),
}


def slow(value):
    """Return a parameter that the everyday run leaves out."""
    return pytest.param(value, marks=pytest.mark.slow)


class Fault(Exception):
    """What is raised on purpose."""


def raising(hook, error=Fault, *, at=2):
    """Return a callback that raises in a hook: at its n-th call, or at its only one of a fit."""
    calls = itertools.count(1)
    is_once = hook.startswith("on_train_") and "batch" not in hook

    def strike(self, *_, **__):
        if is_once or next(calls) % at == 0:
            raise error

    return type("Raising", (keras.callbacks.Callback,), {hook: strike})()


def outcome(regressor):
    """Return what a fit has led to."""
    return [*regressor.model_.get_weights(), regressor.predict(X), regressor.history_]


@functools.cache
def reference(name):
    """Return the outcome of the first fit of a process."""
    _pool.clear()
    return outcome(clone(REGRESSORS[name]).fit(X, Y))


def assert_healthy(name):
    """Assert that a fit after a fault has the outcome of the first fit of a process."""
    assert_same(outcome(clone(REGRESSORS[name]).fit(X, Y)), reference(name))


def assert_untouched(estimator, error, call, message=None):
    """Assert that a call fails and changes nothing, in a fitted and in an unfitted estimator."""
    for one in (estimator, clone(estimator)):
        with unchanged(one), pytest.raises(error, match=message):
            call(one)


HOOKS = [
    *("on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end"),
    *("on_test_begin", "on_test_batch_end", "on_epoch_end", "on_train_end"),
]
SEEN_BY = {
    "block": ["on_train_begin", "on_epoch_begin", "on_epoch_end"],
    "keras": HOOKS,
    "early stopping": ["on_epoch_end", "on_train_end"],
    "stateful": ["on_train_begin", "on_train_batch_end", "on_epoch_end", "on_train_end"],
}


@pytest.mark.parametrize("error", [Fault, slow(KeyboardInterrupt)])
@pytest.mark.parametrize(
    ("name", "hook"),
    [
        pytest.param(name, hook, marks=pytest.mark.slow if name == "keras" else ())
        for name, hooks in SEEN_BY.items()
        for hook in hooks
    ],
)
def test_a_callback_that_raises_leaves_nothing_behind(name, hook, error):
    """The estimator is as before, and the next fit as good as the first of a process."""
    reference(name)
    regressor = clone(REGRESSORS[name]).fit(X, Y).set_params(callbacks=[raising(hook, error)])
    assert_untouched(regressor, error, lambda one: one.fit(OTHER_X, OTHER_Y))
    assert_healthy(name)


@pytest.mark.parametrize("name", ["block", *map(slow, ["keras", "stateful"])])
@pytest.mark.parametrize("error", [KeyboardInterrupt, *map(slow, [MemoryError, SystemExit])])
def test_a_model_whose_run_was_interrupted_is_discarded(name, error):
    """The pool drops the model, because its state is unknown."""
    reference(name)
    regressor = clone(REGRESSORS[name]).set_params(callbacks=[keras.callbacks.Callback()])
    regressor.fit(X, Y)
    n_models = _pool.stats()["held"]
    regressor.set_params(callbacks=[raising("on_epoch_end", error)])
    with unchanged(regressor), pytest.raises(error):
        regressor.fit(OTHER_X, OTHER_Y)
    assert _pool.stats()["held"] < n_models
    assert_healthy(name)


@pytest.mark.parametrize("error", [KeyboardInterrupt, slow(Fault)])
@pytest.mark.parametrize("name", ["several", slow("several, stateful")])
def test_the_second_of_several_networks_may_fail(name, error):
    """The first has learnt by then; all are as before, and the next fit trains them all."""
    reference(name)
    third = raising("on_epoch_end", error, at=3)  # each network learns for two epochs
    regressor = clone(REGRESSORS[name]).fit(X, Y).set_params(callbacks=[third])
    assert_untouched(regressor, error, lambda one: one.fit(OTHER_X, OTHER_Y))
    assert_healthy(name)


@pytest.mark.parametrize("name", ["block", slow("keras"), "stateful"])
def test_partial_fit_that_fails_leaves_nothing_behind(name):
    """The regressor, its state included, is as before the failed call."""
    reference(name)
    regressor = clone(REGRESSORS[name]).partial_fit(X, Y)
    regressor.set_params(callbacks=[raising("on_train_end")])
    assert_untouched(regressor, Fault, lambda one: one.partial_fit(OTHER_X, OTHER_Y))
    assert_healthy(name)


class Freezing(keras.callbacks.Callback):
    """Freezes a layer, and raises before it would be set free."""

    def on_train_begin(self, logs=None):
        """Freeze."""
        self.model.layers[1].trainable = False

    def on_train_batch_end(self, batch, logs=None):
        """Raise."""
        raise Fault


def test_a_layer_that_a_failed_callback_froze_learns_again():
    """The next fit trains all weights, those of the layer too."""
    reference("keras")
    with pytest.raises(Fault):
        clone(REGRESSORS["keras"]).set_params(callbacks=[Freezing()]).fit(OTHER_X, OTHER_Y)
    assert_healthy("keras")


def counted(call, n_calls, error=Fault):
    """Return a function that raises at its n-th call, and else calls another."""
    calls = itertools.count(1)

    def counting(one, other):
        if next(calls) == n_calls:
            raise error
        return call(one, other)

    return counting


def late_loss(n_calls, error=Fault):
    """Return the mean squared error, which raises at its n-th call."""
    return counted(keras.losses.mean_squared_error, n_calls, error)


def late_network(n_calls, error=Fault):
    """Return a builder of a network that raises at its n-th call."""
    return counted(own_network, n_calls, error)


OF_THE_USER = {
    "loss when checked": lambda error: {"loss": late_loss(1, error)},
    "loss when compiled": lambda error: {"loss": late_loss(2, error)},
    "loss when traced": lambda error: {"loss": late_loss(3, error)},
    "metric when checked": lambda error: {"metrics": [late_loss(1, error)]},
    "metric when traced": lambda error: {"metrics": [late_loss(3, error)]},
    "network when built": lambda error: {"network": late_network(1, error)},
    "network when its weights are drawn": lambda error: {"network": late_network(2, error)},
}


@pytest.mark.parametrize("error", [Fault, slow(KeyboardInterrupt)])
@pytest.mark.parametrize("what", OF_THE_USER)
def test_a_function_of_the_user_that_raises_leaves_nothing_behind(what, error):
    """The error of the function reaches the caller, and the estimator is as before."""
    regressor = clone(REGRESSORS["block"]).fit(X, Y).set_params(**OF_THE_USER[what](error))
    with unchanged(regressor), pytest.raises(error):
        regressor.fit(OTHER_X, OTHER_Y)


def test_a_function_that_raised_is_traced_again_by_the_next_fit():
    """What was traced half-way is traced again: the same results as by Keras' own loss."""
    loss = late_loss(3)
    plain = clone(REGRESSORS["block"]).set_params(normalize=False)
    regressor = clone(plain).set_params(loss=loss)
    with pytest.raises(Fault):
        regressor.fit(X, Y)
    expected = clone(plain).fit(X, Y)
    np.testing.assert_allclose(regressor.fit(X, Y).predict(X), expected.predict(X), rtol=1e-5)
    np.testing.assert_allclose(regressor.history_["loss"], expected.history_["loss"], rtol=1e-5)


def test_twenty_failing_fits_leave_the_pool_as_it_was():
    """Neither a callback nor a network that raises takes a place for good, or keeps a model."""
    assert_healthy("block")
    clone(REGRESSORS["block"]).set_params(callbacks=[keras.callbacks.Callback()]).fit(X, Y)
    before = _pool.stats()["held"]
    for _ in range(10):
        for params in ({"callbacks": [raising("on_epoch_end")]}, {"network": late_network(1)}):
            with pytest.raises(Fault):
                clone(REGRESSORS["block"]).set_params(**params).fit(X, Y)
    assert _pool.stats()["held"] <= before
    assert _pool.stats()["lent"] == 0


# -------------------------------------------------------------------------------------- bad rows


class Unreadable:
    """Rows whose reading fails, as those of a file may that has gone."""

    shape, ndim, dtype = (N_ROWS, 1), 2, np.dtype(float)

    def __init__(self, error=OSError):
        self.error = error

    def __len__(self):
        return N_ROWS

    def __array__(self, dtype=None, copy=None):
        raise self.error


LAST_INF, LAST_NAN = X.copy(), np.column_stack([X, X])
LAST_INF[-1], LAST_NAN[-1, 1] = np.inf, np.nan
QUICK = {name: EVERY[name] for name in ("windows", "seasonal differences", "scaled")}
ESTIMATORS = {
    **QUICK,
    **{name: REGRESSORS[name] for name in ("block", "stateful")},
    "target": EVERY["LSTM, one step ahead"],
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_bad_last_rows_and_unreadable_ones_change_nothing(name):
    """A fit, or a partial fit, that meets them late leaves the estimator as it was."""
    fitted = clone(ESTIMATORS[name]).fit(X, Y)
    bad = [(LAST_INF, Y, ValueError), (Unreadable(), Y, OSError)]
    if name not in QUICK:  # transformers take NaN, and look at no target
        bad += [(LAST_NAN, Y, ValueError), (X, np.append(Y[:-1], np.inf), ValueError)]
        bad += [(X, Y[:-1], ValueError), (X, Unreadable(), OSError)]
    for rows, target, error in bad:
        assert_untouched(fitted, error, lambda one, r=rows, t=target: one.fit(r, t))
    if hasattr(fitted, "partial_fit"):
        fitted = clone(fitted).partial_fit(X, Y)
        assert_untouched(fitted, ValueError, lambda one: one.partial_fit(LAST_INF, Y))


class Raises(RegressorMixin, TransformerMixin, BaseEstimator):
    """An estimator that raises in one of its methods, and else does nothing."""

    def __init__(self, method="fit", error=Fault):
        self.method = method
        self.error = error

    def _pass(self, method, X):
        if self.method == method:
            raise self.error
        return X

    def fit(self, X, y=None):  # noqa: D102
        self.half_ = len(X)
        self._pass("fit", X)
        return self

    predict = functools.partialmethod(_pass, "predict")
    transform = functools.partialmethod(_pass, "transform")
    inverse_transform = functools.partialmethod(_pass, "inverse_transform")


@pytest.mark.parametrize("error", [Fault, KeyboardInterrupt])
@pytest.mark.parametrize(
    ("parameter", "before", "method"),
    [
        ("regressor", [], "fit"),
        ("regressor", [LagWindower(2, flatten=True)], "fit"),
        ("transformer", [], "fit"),
        ("transformer", [Differencer()], "transform"),
        ("transformer", [Differencer()], "inverse_transform"),
    ],
    ids=["regressor", "end of a pipeline", "fit", "transform", "inverse_transform"],
)
def test_a_part_of_a_target_transforming_regressor_may_raise(parameter, before, method, error):
    """The regressor stays as it was, though its other parts were fitted by then."""
    fitted = TransformedSeriesRegressor(Ridge(), Differencer(), y_lag=0).fit(X, Y)
    fitted.set_params(**{parameter: make_pipeline(*before, Raises(method, error))})
    assert_untouched(fitted, error, lambda one: one.fit(OTHER_X, OTHER_Y))


@pytest.mark.parametrize("error", [Fault, KeyboardInterrupt])
@pytest.mark.parametrize("method", ["fit", "predict"])
def test_a_regressor_on_scaled_windows_may_raise(method, error):
    """What scales the windows keeps the regressor that it had, and what that had learnt."""
    windows = LagWindower(3, flatten=True).fit_transform(X)[2:]
    fitted = WindowScaledRegressor(Ridge()).fit(windows, Y[2:])
    if method == "fit":
        fitted.set_params(regressor=Raises(method, error))
        assert_untouched(fitted, error, lambda one: one.fit(windows, Y[2:]))
    else:
        fitted.regressor_ = Raises(method, error).fit(windows)
        with unchanged(fitted), pytest.raises(error):
            fitted.predict(windows)


def test_a_pipeline_whose_last_step_raises_keeps_each_step_whole():
    """Steps before the fault are fitted anew; the one that raised, and later ones, as before."""
    model = make_pipeline(Differencer(), LagWindower(2), clone(REGRESSORS["block"])).fit(X, Y)
    model[-1].set_params(callbacks=[raising("on_epoch_end")])
    with unchanged(model[-1]), pytest.raises(Fault):
        model.fit(OTHER_X, OTHER_Y)
    alone = make_pipeline(Differencer(), LagWindower(2))
    np.testing.assert_array_equal(model[:2].transform(X), alone.fit(OTHER_X).transform(X))


@pytest.mark.parametrize("task", ["begin", "end"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_callback_of_scikit_learn_that_raises_leaves_nothing_behind(name, task):
    """The callback raises at the begin or at the end of a task, also of a part of the estimator."""
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

    def strike(self, estimator, context, **data):
        raise Fault

    def nothing(self, *args, **data):
        pass

    hooks = dict.fromkeys(["setup", "teardown", "on_fit_task_begin", "on_fit_task_end"], nothing)
    hooks |= {f"on_fit_task_{task}": strike, "max_propagation_depth": None}
    estimator = clone(ESTIMATORS[name]).fit(X, Y).set_callbacks(type("Striking", (), hooks)())
    with unchanged(estimator), pytest.raises(Fault):
        estimator.fit(OTHER_X, OTHER_Y)
    if name in REGRESSORS:
        assert_healthy(name)


def test_a_failed_fit_draws_nothing_from_a_random_state():
    """After a failed fit the next one draws what it would have drawn."""
    regressor = clone(REGRESSORS["block"]).set_params(random_state=np.random.RandomState(3))
    expected = outcome(clone(regressor).fit(X, Y))
    with pytest.raises(Fault):
        regressor.set_params(callbacks=[raising("on_epoch_end")]).fit(OTHER_X, OTHER_Y)
    assert_same(outcome(regressor.set_params(callbacks=None).fit(X, Y)), expected)


# ----------------------------------------------------------------------------- loss turning NaN

# Nothing is learnt in the first two epochs of three batches; what follows goes off to infinity.
REMEDIES = r"epoch 3\. Scale .*learning_rate.*clipnorm"
SUDDEN = keras.optimizers.schedules.PiecewiseConstantDecay([6], [0.0, 1e30])


@pytest.mark.parametrize("name", ["block", *map(slow, ["layer", "keras"]), "stateful"])
@pytest.mark.parametrize("engine", [None, slow("xla")])
def test_a_loss_that_turns_nan_stops_the_fit_and_names_the_epoch(name, engine):
    """The message tells the epoch and the remedies; the estimator is as before."""
    regressor = clone(REGRESSORS[name]).fit(OTHER_X, OTHER_Y)
    regressor.set_params(epochs=9, optimizer=keras.optimizers.SGD(SUDDEN))
    regressor.set_params(validation_fraction=None, **({"engine": engine} if engine else {}))
    if name == "stateful":
        regressor.set_params(bptt_steps=8)  # three updates an epoch, as the others
    before = copy.deepcopy({k: v for k, v in vars(regressor).items() if k != "optimizer"})
    with refused(ValueError, REMEDIES):
        regressor.fit(X, 10 * Y)
    assert_same({k: v for k, v in vars(regressor).items() if k != "optimizer"}, before)
    assert_healthy(name)


@pytest.mark.parametrize("name", ["block", "keras", "stateful"])
def test_weights_that_the_last_update_sent_to_infinity_are_refused(name):
    """No loss is taken after the last update, but nothing could be predicted."""
    regressor = clone(REGRESSORS[name]).set_params(
        epochs=1, learning_rate=1e39, batch_size=100, validation_fraction=None
    )
    if name == "stateful":
        regressor.set_params(batch_size=1, bptt_steps=100)
    with pytest.raises(ValueError, match=r"weights.* epoch 1\. Scale .*learning_rate.*clipnorm"):
        regressor.fit(X, Y)


def test_a_network_too_large_for_memory_raises_a_memory_error():
    """The error is Python's own, and names the units, where TensorFlow lacks the memory."""
    error = tf.errors.ResourceExhaustedError(None, None, "no memory")
    regressor = clone(REGRESSORS["block"]).fit(X, Y)
    regressor.set_params(units=37, callbacks=[raising("on_epoch_end", error)])
    message = r"units=\(37,\).*fewer units"
    assert_untouched(regressor, MemoryError, lambda one: one.fit(X, Y), message)


# ------------------------------------------------------------------- faults in what comes after


@pytest.mark.parametrize("error", [Fault, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("block", lambda model, rows: model.predict(rows)),
        ("quantiles", lambda model, rows: model.predict_quantiles(rows)),
        ("stateful", lambda model, rows: model.predict(rows)),
        ("stateful", lambda model, rows: model.advance(rows)),
        ("stateful", lambda model, rows: forecast(model, rows, 3, y=Y)),
        ("stateful", lambda model, rows: backtest(model, rows, Y, cv=2)),
    ],
    ids=["predict", "predict_quantiles", "stateful predict", "advance", "forecast", "backtest"],
)
def test_a_call_after_fit_that_fails_changes_nothing(name, call, error):
    """Rows that cannot be read, or whose last holds infinity, leave a fitted model as it is."""
    models = {**REGRESSORS, "quantiles": LSTMRegressor(2, epochs=1, loss="quantile")}
    model = clone(models[name]).fit(X, Y)
    with unchanged(model), pytest.raises(error):
        call(model, Unreadable(error))
    with unchanged(model), pytest.raises(ValueError, match="inf"):
        call(model, LAST_INF)


def test_a_back_test_whose_fit_fails_changes_nothing():
    """Its folds train copies: the model that was given stays fitted as it was."""
    model = clone(REGRESSORS["block"]).fit(X, Y).set_params(callbacks=[raising("on_epoch_end")])
    with unchanged(model), pytest.raises(Fault):
        backtest(model, X, Y, cv=2)


def test_a_fault_in_one_thread_disturbs_no_other():
    """While one fit after the other fails in a thread, another thread's fits come out the same."""
    reference("block")
    stop, failed = threading.Event(), []

    def fail():
        while not stop.is_set():
            try:
                clone(REGRESSORS["block"]).set_params(callbacks=[raising("on_epoch_end")]).fit(X, Y)
            except Fault:
                failed.append(1)

    thread = threading.Thread(target=fail)
    thread.start()
    try:
        for _ in range(5):
            assert_healthy("block")
    finally:
        stop.set()
        thread.join()
    assert failed
