"""What goes wrong half-way leaves nothing behind: in no estimator, and in nothing fits share."""

import functools
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time

import keras
import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from snapshots import frozen

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    backtest,
    conformal_interval,
    forecast,
)
from sklstm.engine import _predict, _train
from sklstm.engine._models import _pool

N_ROWS = 24
WALK = np.sin(np.arange(N_ROWS + 1.0))
X, Y = WALK[:-1, None], WALK[1:]
# What the fit that fails is given: other rows, and more of them.
OTHER = np.cos(np.arange(41.0))
OTHER_X, OTHER_Y = OTHER[:-1, None], OTHER[1:]

REGRESSORS = {
    "block": LSTMRegressor(2, epochs=3, batch_size=8, random_state=0),
    "layer": LSTMRegressor(2, epochs=2, batch_size=8, random_state=0, engine="layer"),
    "dropout": LSTMRegressor(2, epochs=2, batch_size=8, dropout=0.3, random_state=0),
    "early stopping": LSTMRegressor(
        2, epochs=3, batch_size=8, validation_fraction=0.3, early_stopping=True, random_state=0
    ),
    "keras": LSTMRegressor(
        2, epochs=2, batch_size=8, validation_fraction=0.3, random_state=0, engine="keras"
    ),
    "stateful": StatefulLSTMRegressor(
        2, epochs=2, bptt_steps=4, validation_fraction=0.3, random_state=0
    ),
}


class Fault(Exception):
    """What is raised on purpose."""


class Raising(keras.callbacks.Callback):
    """Raises when it is called for the second time, or for the first where there is no second."""

    def __init__(self, hook, error):
        super().__init__()
        self.error = error
        self.left = 1 if hook.startswith("on_train_") and "batch" not in hook else 2
        setattr(self, hook, self.strike)

    def strike(self, *_, **__):
        """Count down and raise."""
        self.left -= 1
        if not self.left:
            raise self.error


def raising(hook, error=Fault):
    """Return a callback that raises in a hook, which its class has, as Keras' own have."""
    return type("RaisingIn", (Raising,), {hook: Raising.strike})(hook, error)


def outcome(regressor):
    """Return what a fit has led to."""
    return [*regressor._trained.weights, regressor.predict(X), *regressor.history_.values()]


@functools.cache
def reference(name):
    """Return what a fit leads to where nothing was fitted before."""
    _pool._entries.clear()
    return outcome(clone(REGRESSORS[name]).fit(X, Y))


def assert_healthy(name):
    """Assert that a fit leads to what it leads to where nothing went wrong before."""
    for now, expected in zip(
        outcome(clone(REGRESSORS[name]).fit(X, Y)), reference(name), strict=True
    ):
        np.testing.assert_array_equal(now, expected)


def assert_untouched(estimator, error, call):
    """Assert that a call fails and changes nothing, in a fitted and in an unfitted estimator."""
    unfitted = clone(estimator)
    for one in (estimator, unfitted):
        before = frozen(vars(one))
        with pytest.raises(error):
            call(one)
        assert frozen(vars(one)) == before


HOOKS = [
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_batch_end",
    "on_epoch_end",
    "on_train_end",
]
SEEN_BY = {
    "block": ["on_train_begin", "on_epoch_begin", "on_epoch_end"],
    "keras": HOOKS,
    "early stopping": ["on_epoch_end", "on_train_end"],
    "stateful": ["on_train_begin", "on_train_batch_end", "on_epoch_end", "on_train_end"],
}


@pytest.mark.parametrize(
    ("name", "hook"), [(name, hook) for name, hooks in SEEN_BY.items() for hook in hooks]
)
def test_a_callback_that_raises_leaves_nothing_behind(name, hook):
    """The estimator is as before, and the next fit as good as the first of a process."""
    reference(name)
    regressor = clone(REGRESSORS[name]).fit(X, Y)
    predicted = regressor.predict(X)
    regressor.set_params(callbacks=[raising(hook)])
    assert_untouched(regressor, Fault, lambda one: one.fit(OTHER_X, OTHER_Y))
    np.testing.assert_array_equal(regressor.predict(X), predicted)
    assert_healthy(name)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("block", KeyboardInterrupt),
        *[
            pytest.param(name, error, marks=pytest.mark.slow)
            for name in ("block", "keras", "stateful")
            for error in (MemoryError, SystemExit)
        ],
    ],
)
def test_an_interrupt_leaves_nothing_behind(name, error):
    """What is torn out of a run is not lent again."""
    reference(name)
    regressor = clone(REGRESSORS[name]).fit(X, Y)
    n_entries = len(_pool._entries)
    regressor.set_params(callbacks=[raising("on_epoch_end", error)])
    before = frozen(vars(regressor))
    with pytest.raises(error):
        regressor.fit(OTHER_X, OTHER_Y)
    assert frozen(vars(regressor)) == before
    assert len(_pool._entries) < n_entries
    assert_healthy(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "hook"), [(name, hook) for name, hooks in SEEN_BY.items() for hook in hooks]
)
def test_an_interrupt_anywhere_leaves_nothing_behind(name, hook):
    """The same of every place that a callback looks in from."""
    reference(name)
    regressor = clone(REGRESSORS[name]).fit(X, Y)
    regressor.set_params(callbacks=[raising(hook, KeyboardInterrupt)])
    assert_untouched(regressor, KeyboardInterrupt, lambda one: one.fit(OTHER_X, OTHER_Y))
    assert_healthy(name)


@pytest.mark.parametrize("name", ["block", "keras", "stateful"])
def test_partial_fit_that_fails_leaves_nothing_behind(name):
    """A step of training is made wholly or not at all, its state included."""
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
    """The next fit moves all weights."""
    reference("keras")
    with pytest.raises(Fault):
        clone(REGRESSORS["keras"]).set_params(callbacks=[Freezing()]).fit(OTHER_X, OTHER_Y)
    assert_healthy("keras")


def counted(n_calls, error=Fault):
    """Return a loss that raises at its n-th call."""
    calls = []

    def loss(y_true, y_pred):
        calls.append(0)
        if len(calls) == n_calls:
            raise error
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

    return loss


def network(input_shape, n_outputs):
    """Build a small network."""
    return keras.Sequential(
        [keras.Input(input_shape), keras.layers.LSTM(2), keras.layers.Dense(n_outputs)]
    )


def late_network(n_calls, error=Fault):
    """Return a builder that raises at its n-th call."""
    calls = []

    def build(input_shape, n_outputs):
        calls.append(0)
        if len(calls) == n_calls:
            raise error
        return network(input_shape, n_outputs)

    return build


OF_THE_USER = {
    "loss when checked": lambda error: {"loss": counted(1, error)},
    "loss when compiled": lambda error: {"loss": counted(2, error)},
    "loss when traced": lambda error: {"loss": counted(3, error)},
    "metric when checked": lambda error: {"metrics": [counted(1, error)]},
    "metric when traced": lambda error: {"metrics": [counted(3, error)]},
    "network when built": lambda error: {"network": late_network(1, error)},
    "network when its weights are drawn": lambda error: {"network": late_network(2, error)},
}


@pytest.mark.parametrize("error", [Fault, pytest.param(KeyboardInterrupt, marks=pytest.mark.slow)])
@pytest.mark.parametrize("what", OF_THE_USER)
def test_a_function_of_the_user_that_raises_leaves_nothing_behind(what, error):
    """Its error comes out as it is, and the estimator is as before."""
    regressor = clone(REGRESSORS["block"]).fit(X, Y)
    predicted = regressor.predict(X)
    before = frozen({**vars(regressor), **regressor.get_params()})
    params = OF_THE_USER[what](error)
    normal = {name: getattr(regressor, name) for name in params}
    with pytest.raises(error):
        regressor.set_params(**params).fit(OTHER_X, OTHER_Y)
    regressor.set_params(**normal)
    assert frozen({**vars(regressor), **regressor.get_params()}) == before
    np.testing.assert_array_equal(regressor.predict(X), predicted)


def test_a_function_that_raised_once_serves_the_next_fit():
    """What was traced half-way is traced again: the same results as by Keras' own loss."""
    loss = counted(3)
    regressor = clone(REGRESSORS["block"]).set_params(loss=loss)
    with pytest.raises(Fault):
        regressor.fit(X, Y)
    for now, expected in zip(outcome(regressor.fit(X, Y)), reference("block"), strict=True):
        np.testing.assert_allclose(now, expected, rtol=1e-5, atol=1e-6)


def test_twenty_failing_fits_leave_the_pool_as_large_as_it_was():
    """Neither a callback, nor a loss, nor a network that raises takes a place for good."""
    assert_healthy("block")
    n_entries = len(_pool._entries)
    for number in range(20):
        params = [
            {"callbacks": [raising("on_epoch_end")]},
            {"loss": counted(2)},
            {"network": late_network(1)},
        ][number % 3]
        with pytest.raises(Fault):
            clone(REGRESSORS["block"]).set_params(**params).fit(X, Y)
    # Resolving a loss leaves a small entry for each of the last ones, as in a fit that goes well.
    models = [key for key in _pool._entries if key[0] != "compile"]
    assert len(models) <= n_entries
    assert all(entry.thing is not None for entry in _pool._entries.values())
    assert not any(entry.lock.locked() for entry in _pool._entries.values())


# -------------------------------------------------------------------------------------- bad rows


class Unreadable:
    """Rows whose reading fails, as those of a file may that has gone."""

    shape, ndim, dtype = (N_ROWS, 1), 2, np.dtype(float)

    def __len__(self):
        """Return the number of rows."""
        return N_ROWS

    def __array__(self, dtype=None, copy=None):
        """Fail."""
        raise OSError("the file has gone")


LAST_INF, LAST_NAN = X.copy(), np.column_stack([X, X])
LAST_INF[-1], LAST_NAN[-1, 1] = np.inf, np.nan
LATE = {
    "infinity in the last row": (LAST_INF, Y, ValueError),
    "NaN beside a value in the last row": (LAST_NAN, Y, ValueError),
    "a target too few": (X, Y[:-1], ValueError),
    "an infinite last target": (X, np.append(Y[:-1], np.inf), ValueError),
    "rows that cannot be read": (Unreadable(), Y, OSError),
    "a target that cannot be read": (X, Unreadable(), OSError),
}
ESTIMATORS = {
    "windower": LagWindower(3),
    "differencer": Differencer([1, 2]),
    "scaler": SeriesMinMaxScaler((-1, 1), target=0),
    "block": REGRESSORS["block"],
    "stateful": REGRESSORS["stateful"],
    "target": TransformedSeriesRegressor(
        make_pipeline(LagWindower(2), REGRESSORS["block"]), Differencer(), y_lag=0
    ),
}


# Transformers take NaN, and look at no target.
SEEN_LATE = [
    (name, what)
    for name, estimator in ESTIMATORS.items()
    for what, (rows, *_) in LATE.items()
    if not hasattr(estimator, "transform") or (rows is not X and rows is not LAST_NAN)
]


@pytest.mark.parametrize(("name", "what"), SEEN_LATE)
def test_rows_that_turn_out_bad_late_change_nothing(name, what):
    """However much was done by then."""
    rows, target, error = LATE[what]
    assert_untouched(clone(ESTIMATORS[name]).fit(X, Y), error, lambda one: one.fit(rows, target))


@pytest.mark.parametrize("name", ["scaler", "block", "stateful"])
def test_rows_that_turn_out_bad_late_change_nothing_in_partial_fit(name):
    """What was learnt before stays whole."""
    fitted = clone(ESTIMATORS[name]).partial_fit(X, Y)
    assert_untouched(fitted, ValueError, lambda one: one.partial_fit(LAST_INF, Y))


class Refusing(TransformerMixin, BaseEstimator):
    """A transformer that raises in one of its methods."""

    def __init__(self, method="fit", error=Fault):
        self.method = method
        self.error = error

    def _pass(self, method, X):
        if self.method == method:
            raise self.error
        return X

    def fit(self, X, y=None):
        """Raise or do nothing."""
        self._pass("fit", X)
        self.fitted_ = True
        return self

    def transform(self, X):
        """Raise or do nothing."""
        return self._pass("transform", X)

    def inverse_transform(self, X):
        """Raise or do nothing."""
        return self._pass("inverse_transform", X)


class RefusingRegressor(RegressorMixin, BaseEstimator):
    """A regressor that raises, in `fit` or later."""

    def __init__(self, method="fit", error=Fault):
        self.method = method
        self.error = error

    def fit(self, X, y):
        """Raise or do nothing."""
        self.half_ = len(X)
        if self.method == "fit":
            raise self.error
        return self

    def predict(self, X):
        """Raise."""
        raise self.error


@pytest.mark.parametrize("error", [Fault, KeyboardInterrupt])
@pytest.mark.parametrize(
    "params",
    [
        {"regressor": RefusingRegressor()},
        {"regressor": make_pipeline(LagWindower(2, flatten=True), RefusingRegressor())},
        {"transformer": Refusing("fit")},
        {"transformer": make_pipeline(Differencer(), Refusing("transform"))},
        {"transformer": make_pipeline(Differencer(), Refusing("inverse_transform"))},
    ],
    ids=["regressor", "end of a pipeline", "fit", "transform", "inverse_transform"],
)
def test_what_a_target_transforming_regressor_holds_may_raise(params, error):
    """It is fitted wholly or not at all."""
    fitted = TransformedSeriesRegressor(Ridge(), Differencer(), y_lag=0).fit(X, Y)
    predicted = fitted.predict(X)
    [(name, part)] = params.items()
    raises = {key for key in part.get_params() if key.rpartition("__")[2] == "error"}
    part = clone(part).set_params(**dict.fromkeys(raises, error))
    fitted.set_params(**{name: part})
    assert_untouched(fitted, error, lambda one: one.fit(OTHER_X, OTHER_Y))
    np.testing.assert_array_equal(fitted.predict(X), predicted)


def test_each_step_of_a_pipeline_is_whole_where_a_later_one_raises():
    """Steps before the fault are fitted anew; the one that raised, and later ones, as before."""
    model = make_pipeline(Differencer(), LagWindower(2), clone(REGRESSORS["block"])).fit(X, Y)
    model[-1].set_params(callbacks=[raising("on_epoch_end")])
    before = frozen(vars(model[-1]))
    with pytest.raises(Fault):
        model.fit(OTHER_X, OTHER_Y)
    assert frozen(vars(model[-1])) == before
    alone = make_pipeline(Differencer(), LagWindower(2))
    np.testing.assert_array_equal(model[:2].transform(X), alone.fit(OTHER_X).transform(X))


@pytest.mark.parametrize("task", ["begin", "end"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_callback_of_scikit_learn_that_raises_leaves_nothing_behind(name, task):
    """At the begin and at the end of a task, of the estimator itself or of what it holds."""
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

    class Callback:
        max_propagation_depth = None

        def setup(self, estimator, context):
            """Do nothing."""

        def teardown(self, estimator, context):
            """Do nothing."""

        def on_fit_task_begin(self, estimator, context):
            """Raise, if it is here."""
            if task == "begin":
                raise Fault

        def on_fit_task_end(self, estimator, context, **data):
            """Raise, if it is here."""
            if task == "end":
                raise Fault

    estimator = clone(ESTIMATORS[name]).fit(X, Y).set_callbacks(Callback())
    before = frozen(vars(estimator))
    with pytest.raises(Fault):
        estimator.fit(OTHER_X, OTHER_Y)
    assert frozen(vars(estimator)) == before
    if name in REGRESSORS:
        assert_healthy(name)


def test_a_random_state_is_drawn_from_by_fits_that_succeed_alone():
    """After a failed fit the next one draws what it would have drawn."""
    regressor = clone(REGRESSORS["block"]).set_params(random_state=np.random.RandomState(3))
    expected = outcome(clone(regressor).fit(X, Y))
    with pytest.raises(Fault):
        regressor.set_params(callbacks=[raising("on_epoch_end")]).fit(OTHER_X, OTHER_Y)
    for now, wanted in zip(
        outcome(regressor.set_params(callbacks=None).fit(X, Y)), expected, strict=True
    ):
        np.testing.assert_array_equal(now, wanted)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_first_fit_that_fails_leaves_an_unfitted_estimator(name):
    """What asks for a fitted one is told so."""
    estimator = clone(ESTIMATORS[name])
    parameters = set(vars(estimator))
    with pytest.raises(ValueError, match="inf"):
        estimator.fit(LAST_INF, Y)
    assert set(vars(estimator)) == parameters
    use = estimator.predict if hasattr(estimator, "predict") else estimator.transform
    with pytest.raises(NotFittedError):
        use(X)


# ----------------------------------------------------------------------------- loss turning NaN

# Nothing is learnt in the first two epochs of three batches; what follows goes off to infinity.
SUDDEN = keras.optimizers.schedules.PiecewiseConstantDecay([6], [0.0, 1e30])


@pytest.mark.parametrize(
    "engine", ["block", "layer", "keras", pytest.param("xla", marks=pytest.mark.slow)]
)
def test_a_loss_that_turns_nan_stops_the_fit_and_names_the_epoch(engine):
    """The message tells the epoch and the remedies; the estimator is as before."""
    regressor = LSTMRegressor(
        2, epochs=2, batch_size=8, shuffle=False, random_state=0, engine=engine
    )
    expected = outcome(clone(regressor).fit(X, Y))
    regressor.fit(OTHER_X, OTHER_Y).set_params(epochs=9, optimizer=keras.optimizers.SGD(SUDDEN))
    remedies = r"epoch 3\. Scale .*learning_rate.*clipnorm"
    before = frozen({k: v for k, v in vars(regressor).items() if k != "optimizer"})
    with pytest.raises(ValueError, match=remedies):
        regressor.fit(X, 10 * Y)
    assert frozen({k: v for k, v in vars(regressor).items() if k != "optimizer"}) == before
    regressor.set_params(epochs=2, optimizer="adam")
    for now, wanted in zip(outcome(regressor.fit(X, Y)), expected, strict=True):
        np.testing.assert_array_equal(now, wanted)


def test_a_stateful_loss_that_turns_nan_stops_the_fit_and_names_the_epoch():
    """The state is as before, too."""
    regressor = StatefulLSTMRegressor(2, epochs=1, bptt_steps=8, random_state=0).fit(X, Y)
    regressor.set_params(epochs=9, optimizer=keras.optimizers.SGD(SUDDEN))
    with pytest.raises(ValueError, match=r"epoch 3\. Scale .*learning_rate.*clipnorm"):
        regressor.fit(X, 10 * Y)
    assert_healthy("stateful")


@pytest.mark.parametrize("name", ["block", "keras", "stateful"])
def test_weights_that_the_last_update_sent_to_infinity_are_told(name):
    """No loss is taken after the last update, but nothing could be predicted."""
    regressor = clone(REGRESSORS[name]).set_params(
        epochs=1, learning_rate=1e39, batch_size=100, validation_fraction=None
    )
    if name == "stateful":
        regressor.set_params(batch_size=1, bptt_steps=100)
    with pytest.raises(ValueError, match=r"weights.* epoch 1\. Scale .*learning_rate.*clipnorm"):
        regressor.fit(X, Y)


def test_a_failed_fit_shows_no_trace_of_what_it_is_built_on():
    """What diverged is told by the package itself."""
    with pytest.raises(ValueError, match="epoch 1") as caught:
        clone(REGRESSORS["block"]).set_params(learning_rate=1e39).fit(X, 1e30 * Y)
    assert not [entry for entry in caught.traceback if "scikeras" in str(entry.path)]
    assert caught.value.__suppress_context__


def test_a_network_too_large_for_memory_is_told_as_that(monkeypatch):
    """Where TensorFlow lacks the memory, it is Python's own error, and it names the units."""
    import tensorflow as tf

    def build(network):
        raise tf.errors.ResourceExhaustedError(None, None, "no memory")

    regressor = clone(REGRESSORS["block"]).fit(X, Y).set_params(units=37)
    monkeypatch.setattr("sklstm.engine._held.build", build)
    assert_untouched(regressor, MemoryError, lambda one: one.fit(X, Y))
    with pytest.raises(MemoryError, match=r"units=\(37,\).*fewer units"):
        regressor.fit(X, Y)


# ------------------------------------------------------------------- faults in what comes after


@pytest.mark.parametrize("error", [Fault, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize(
    "call",
    [
        lambda model, name: model.predict(X),
        lambda model, name: model.advance(OTHER_X) if name == "stateful" else model.predict(X),
        lambda model, name: forecast(model, X, 3, y=Y),
        lambda model, name: backtest(model, X, Y, cv=2),
    ],
    ids=["predict", "advance", "forecast", "backtest"],
)
@pytest.mark.parametrize("name", ["block", "stateful"])
def test_what_fails_after_fit_changes_nothing(name, call, error, monkeypatch):
    """Prediction, walking on, forecasts and back-tests leave what is fitted as it is."""
    model = clone(REGRESSORS[name]).fit(X, Y)
    predicted, before = model.predict(X), frozen(vars(model))

    def fail(*args, **options):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(_predict, "predict", fail)
        patch.setattr(_predict, "_run_on", fail)
        patch.setattr(_train, "train", fail)
        with pytest.raises(error):
            call(model, name)
    assert frozen(vars(model)) == before
    np.testing.assert_array_equal(model.predict(X), predicted)


def test_advance_over_bad_rows_leaves_the_state():
    """The last row counts, too."""
    fitted = clone(REGRESSORS["stateful"]).fit(X, Y)
    before = frozen(vars(fitted))
    with pytest.raises(ValueError, match="inf"):
        fitted.advance(LAST_INF)
    assert frozen(vars(fitted)) == before


def test_quantiles_of_bad_rows_change_nothing():
    """Nor does a failed fit of other quantiles."""
    model = LSTMRegressor(2, epochs=1, loss="quantile", random_state=0).fit(X, Y)
    before = frozen(vars(model))
    with pytest.raises(ValueError, match="inf"):
        model.predict_quantiles(LAST_INF)
    assert frozen(vars(model)) == before


def test_an_interval_that_cannot_be_had_leaves_the_back_test():
    """Errors are read, never changed."""
    result = backtest(Ridge(), X, Y, cv=2)
    before = frozen(vars(result))
    with pytest.raises(ValueError, match="coverage"):
        conformal_interval(result, Y, coverage=0.999)
    assert frozen(vars(result)) == before


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


# ------------------------------------------------------------------------------ other processes


def fresh(code, **options):
    """Run code in a process of its own that has our rows."""
    head = """
        import pickle, sys
        import numpy as np
        from sklstm import LSTMRegressor, StatefulLSTMRegressor
        walk = np.sin(np.arange(25.0))
        X, Y = walk[:-1, None], walk[1:]
    """
    source = textwrap.dedent(head) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", REGRESSORS)
def test_after_faults_a_fit_is_bitwise_that_of_a_fresh_process(name):
    """A process that fits nothing else gets the same weights, losses and predictions."""
    process = fresh("""
        regressor = pickle.load(sys.stdin.buffer).fit(X, Y)
        found = [*regressor._trained.weights, regressor.predict(X), *regressor.history_.values()]
        pickle.dump(found, sys.stdout.buffer)
    """)
    written, _ = process.communicate(pickle.dumps(REGRESSORS[name]))
    for error in (Fault, KeyboardInterrupt):
        faulty = clone(REGRESSORS[name]).set_params(callbacks=[raising("on_epoch_end", error)])
        with pytest.raises(error):
            faulty.fit(OTHER_X, OTHER_Y)
    for now, expected in zip(
        outcome(clone(REGRESSORS[name]).fit(X, Y)), pickle.loads(written), strict=True
    ):
        np.testing.assert_array_equal(now, expected)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="needs signals")
@pytest.mark.parametrize("regressor", ["LSTMRegressor", "StatefulLSTMRegressor"])
def test_ctrl_c_ends_a_compiled_run(regressor):
    """KeyboardInterrupt comes out of fit, which changes nothing, and the process fits on."""
    process = fresh(f"""
        regressor = {regressor}(2, epochs=2, random_state=0).fit(X, Y)
        expected, before = regressor.predict(X), set(vars(regressor))
        regressor.set_params(epochs=10**7)
        print("training", flush=True)
        try:
            regressor.fit(X, 2 * Y)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        same = set(vars(regressor)) == before
        same &= bool((regressor.predict(X) == expected).all())
        same &= bool((regressor.set_params(epochs=2).fit(X, Y).predict(X) == expected).all())
        print(same, flush=True)
    """)
    assert process.stdout.readline() == b"training\n"
    time.sleep(5)
    process.send_signal(signal.SIGINT)
    written, _ = process.communicate(timeout=60)
    assert written.split() == [b"interrupted", b"True"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_search_whose_worker_is_killed_can_be_repeated():
    """The search says so and is unfitted, its estimator untouched; the next search succeeds."""
    process = fresh("""
        import os, signal, tempfile
        from joblib.externals.loky.process_executor import TerminatedWorkerError
        from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

        def once(path):
            open(path, "x").close()

        class Killed(LSTMRegressor):
            def fit(self, X, y):
                if self.verbose == 0 and os.path.exists("flag"):
                    os.remove("flag")
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().fit(X, y)

        os.chdir(tempfile.mkdtemp())
        open("flag", "w").close()
        model = Killed(2, epochs=1, random_state=0)
        before = pickle.dumps(vars(model))
        search = GridSearchCV(model, {"units": [2, 3]}, cv=TimeSeriesSplit(2), n_jobs=2)
        try:
            search.fit(X, Y)
        except TerminatedWorkerError:
            print("killed")
        print(hasattr(search, "best_estimator_"), pickle.dumps(vars(model)) == before)
        parallel = search.fit(X, Y).cv_results_["mean_test_score"]
        alone = search.set_params(n_jobs=1).fit(X, Y).cv_results_["mean_test_score"]
        print(bool((parallel == alone).all()))
    """)
    written, _ = process.communicate(timeout=300)
    assert written.split() == [b"killed", b"False", b"True", b"True"]
