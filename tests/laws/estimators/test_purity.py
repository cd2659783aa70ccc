"""No public call changes what it is given, nor anything that is global to the process."""

import copy
import logging
import os
import random
import subprocess
import sys
import warnings

import keras
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scikeras.wrappers  # noqa: F401  # what it does on import is its own
import sklearn
import tensorflow as tf
from estimators import EVERY, LSTM, N_TRAIN, TABLE, X, Y, outputs, own_network, part
from keras.src.backend.common import global_state
from matplotlib.figure import Figure
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from states import differ
from tensorflow.python.eager import context
from tensorflow.python.framework import config

from sklstm import (
    ForecastDisplay,
    LagWindower,
    LSTMRegressor,
    StatefulLSTMRegressor,
    TrainingHistoryDisplay,
    TransformedSeriesRegressor,
    backtest,
    conformal_interval,
    datasets,
    forecast,
    series_to_supervised,
)


def input_state(given):
    """Return all that a call could change of what it is given."""
    if isinstance(given, np.ndarray):
        flags = {name: given.flags[name] for name in ("WRITEABLE", "C_CONTIGUOUS", "OWNDATA")}
        return given.copy(), given.dtype, given.shape, given.strides, flags
    if isinstance(given, pd.DataFrame | pd.Series):
        axes = [(id(axis), axis.copy(), axis.names) for axis in given.axes]
        return given.copy(), axes, given.flags.allows_duplicate_labels, dict(given.attrs)
    if isinstance(given, tuple):
        return [input_state(one) for one in given]
    return copy.deepcopy(given)


def process_state():
    """Return all that is global to the process and no call may change, by what it is."""
    drawn = global_state.get_global_attribute("global_seed_generator")
    tf_context = context.context()
    drawn_by_tf = getattr(tf_context, "_rng", None)
    return {
        "random": random.getstate(),
        "numpy.random": np.random.get_state(),  # noqa: NPY002
        "tf.random": (
            *(tf_context._seed, drawn_by_tf and drawn_by_tf.getstate()),
            tf.random.get_global_generator().state.numpy(),
        ),
        "keras.random": (
            None if drawn is None else drawn.state.value.numpy(),
            global_state.get_global_attribute("global_random_seed"),
        ),
        "keras.config": (
            *(keras.config.backend(), keras.config.floatx(), keras.config.epsilon()),
            *(keras.config.image_data_format(), keras.config.dtype_policy().name),
            keras.config.is_interactive_logging_enabled(),
            keras.config.is_traceback_filtering_enabled(),
        ),
        # What the package itself registers, under its own name, changes nothing for others.
        "keras.saving": [
            n for n in keras.saving.get_custom_objects() if not n.startswith("sklstm>")
        ],
        "tf.config": (
            *(config.is_op_determinism_enabled(), tf.config.functions_run_eagerly()),
            *(tf.config.get_soft_device_placement(), tf.executing_eagerly()),
            *(tf.config.optimizer.get_jit(), tf.config.optimizer.get_experimental_options()),
            tf.config.threading.get_inter_op_parallelism_threads(),
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.experimental.get_synchronous_execution(),
            tf.config.experimental.tensor_float_32_execution_enabled(),
            [device.name for device in tf.config.get_visible_devices()],
        ),
        "os.environ": dict(os.environ),
        "directory": (os.getcwd(), sorted(os.listdir())),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "numpy": (np.geterr(), np.get_printoptions()),
        "pandas": [pd.get_option(name) for name in PANDAS_OPTIONS],
        "sklearn": sklearn.get_config(),
        "matplotlib": (dict(mpl.rcParams), mpl.get_backend(), mpl.is_interactive()),
        # A logger that was not there before is no setting, unless it is set to something.
        "logging": {
            name: state for name, state in _loggers() if state != (logging.NOTSET, False, True, 0)
        },
        "sys": (
            *(list(sys.path), sys.getrecursionlimit(), sys.excepthook, sys.getswitchinterval()),
            logging.root.manager.disable,
        ),
    }


def _loggers():
    for name, logger in [("", logging.root), *logging.root.manager.loggerDict.items()]:
        if isinstance(logger, logging.Logger):
            state = logger.level, logger.disabled, logger.propagate, len(logger.handlers)
            yield name, state


PANDAS_OPTIONS = ("compute.use_bottleneck", "display.precision", "mode.string_storage")


class Given:
    """What the calls below are given."""

    def __init__(self, is_table):
        frame = TABLE.copy()
        frame.attrs["unit"] = "pounds"
        self.X = frame if is_table else X.copy()
        self.y = pd.Series(Y, frame.index, name="a") if is_table else Y.copy()
        self.later = part(self.X, N_TRAIN)
        self.later_b = self.later[["b"]] if is_table else self.later[:, [1]]
        self.train = part(self.X, 0, N_TRAIN), (self.y.iloc if is_table else self.y)[:N_TRAIN]
        self.windows = LagWindower(3).fit_transform(X)[2:]
        self.window_y = Y[2:].copy()
        self.weights = np.linspace(0.5, 1.5, N_TRAIN)
        self.history = {"loss": [2.0, 1.0], "val_loss": [3.0, 2.0]}
        self.rng = np.random.RandomState(0)

    def state(self):
        """Return all that a call could change."""
        return {name: input_state(thing) for name, thing in vars(self).items() if name != "rng"}


def everything_of(estimator):
    """Return a call that fits an estimator and then calls whatever else it has."""

    def call(given_rows):
        fitted = clone(estimator).fit(*given_rows.train)
        outputs(fitted, given_rows.later)
        if hasattr(fitted, "fit_transform"):
            fitted.fit_transform(*given_rows.train)
        if hasattr(fitted, "score"):
            fitted.score(given_rows.later, part(given_rows.y, N_TRAIN))
        if hasattr(fitted, "history_"):
            fitted.fit(*given_rows.train, sample_weight=given_rows.weights)
            fitted.fit(*given_rows.train, X_val=given_rows.later, y_val=part(given_rows.y, N_TRAIN))
        for method, rows in (("partial_fit", given_rows.train), ("advance", [given_rows.later])):
            if hasattr(fitted, method):
                getattr(fitted, method)(*rows)
        if hasattr(fitted, "reset_state"):
            fitted.reset_state()
        fitted.set_params(**fitted.get_params(deep=False))
        if isinstance(fitted, LSTMRegressor):
            fitted.model_.summary(print_fn=lambda text: None)

    return call


def ridge():
    """Return a quick regressor that looks back."""
    return TransformedSeriesRegressor(make_pipeline(LagWindower(3, flatten=True), Ridge()))


def network_with(**options):
    """Return a call that fits a network on windows, and predicts."""
    model = LSTMRegressor(**{**LSTM, **options})
    return lambda d: clone(model).fit(d.windows, d.window_y).predict(d.windows)


def interval(d):
    """Take an interval from a back-test."""
    result = backtest(Ridge(), d.X, d.y, cv=3, season=4)
    conformal_interval(result, part(d.y, 0, 5), 0.8)


def only_a(d):
    """Return the column that holds the target one step earlier."""
    return d.X[["a"]] if isinstance(d.X, pd.DataFrame) else d.X[:, :1]


def picture_of_a_forecast(d):
    """Draw predictions, and a forecast from columns that are known ahead."""
    ForecastDisplay.from_predictions(d.y, d.y, ax=Figure().add_subplot())
    (X, y), ax = d.train, Figure().add_subplot()
    model = ridge().fit(X, y)
    ForecastDisplay.from_estimator(model, X, 2, y=y, y_lag=0, future_inputs=d.later_b, ax=ax)


CALLS = {
    **{name: everything_of(estimator) for name, estimator in EVERY.items()},
    "LSTM on windows": network_with(),
    "LSTM with dropout": network_with(dropout=0.2, recurrent_dropout=0.2),
    "LSTM by Keras": network_with(engine="keras"),
    "LSTM with the network of a user": network_with(network=own_network),
    "LSTM with a generator": lambda d: LSTMRegressor(2, epochs=1, random_state=d.rng).fit(*d.train),
    "LSTM without a seed": network_with(random_state=None),
    "stateful LSTM in lanes": everything_of(
        StatefulLSTMRegressor(**LSTM, batch_size=2, bptt_steps=3, dropout=0.1)
    ),
    "rows of a series": lambda d: series_to_supervised(d.X, horizon=2),
    "forecast": lambda d: forecast(ridge().fit(only_a(d), d.y), only_a(d), 3, y=d.y, y_lag=0),
    "back-test": lambda d: backtest(ridge(), d.X, d.y, cv=3),
    "back-test fed back": lambda d: backtest(
        ridge(), only_a(d), d.y, cv=3, feed_back=True, refit=False
    ),
    "interval": interval,
    "picture of a forecast": picture_of_a_forecast,
    "picture of a history": lambda d: TrainingHistoryDisplay.from_history(
        d.history, ax=Figure().add_subplot()
    ),
    "data sets": lambda d: [getattr(datasets, name)() for name in datasets.__all__],
    "data of a seed": lambda d: datasets.make_sawtooth_pair(1, random_state=0),
}
#: Calls that are compiled for this test alone.
COMPILED = {"LSTM with dropout", "LSTM by Keras", "stateful LSTM in lanes"}


def changed_by(call, given_rows):
    """Return what a call has changed: parts of the process, or what it was given."""
    before = {**process_state(), "input": given_rows.state()}
    call(given_rows)
    after = {**process_state(), "input": given_rows.state()}
    return {what for what in before if differ(after[what], before[what])}


@pytest.mark.parametrize("is_table", [False, True], ids=["arrays", "tables"])
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in COMPILED else []) for n in CALLS],
)
def test_no_call_changes_what_it_is_given_or_any_setting(
    name, is_table, tmp_path, monkeypatch, capfd
):
    """A public call changes no input, no global random state, no setting, and no file."""
    monkeypatch.chdir(tmp_path)
    assert not changed_by(CALLS[name], Given(is_table))
    assert capfd.readouterr().out == ""


def test_an_impure_call_is_found_out(tmp_path, monkeypatch):
    """The test above fails where a call draws from NumPy, leaves a file or writes to its input."""
    monkeypatch.chdir(tmp_path)

    def impure(given_rows):
        np.random.rand()  # noqa: NPY002
        os.mkdir("left")
        given_rows.X.iloc[0, 0] = 9.0

    assert changed_by(impure, Given(is_table=True)) == {"numpy.random", "directory", "input"}


@pytest.mark.slow
def test_no_first_call_changes_any_setting():
    """A first call, which compiles and sets up what it needs, changes no setting either."""
    test = f"{__file__}::test_no_call_changes_what_it_is_given_or_any_setting"
    options = ["-q", "-m", "", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, test]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{2 * len(CALLS)} passed" in done.stdout
