"""What is wrong is refused: by name and value, with the remedy, and without a trace."""

import builtins
import copy
import functools
import inspect
import re
import reprlib
import traceback
from contextlib import contextmanager
from fractions import Fraction
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from numpydoc.docscrape import NumpyDocString
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from snapshots import frozen

from sklstm import (
    Differencer,
    ForecastDisplay,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TrainingHistoryDisplay,
    TransformedSeriesRegressor,
    backtest,
    conformal_interval,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import make_lagged_linear, make_sawtooth_pair

N_ROWS = 30
INDEX = pd.date_range("2024-01-01", periods=N_ROWS, freq="D")
WALK = np.random.default_rng(0).normal(size=(N_ROWS + 1, 2))
ROWS, Y = WALK[:-1], WALK[1:, 0]  # a row holds what was seen one step before its target
FRAME = pd.DataFrame(ROWS, index=INDEX, columns=["a", "b"])
SERIES = pd.Series(Y, index=INDEX, name="y")

ESTIMATORS = {
    "windower": LagWindower(3),
    "flat windower": LagWindower(2, flatten=True),
    "differencer": Differencer(2),
    "scaler": SeriesMinMaxScaler((-1, 1)),
    "lstm": LSTMRegressor(2, epochs=1, random_state=0),
    "stateful": StatefulLSTMRegressor(2, epochs=1, batch_size=4, random_state=0),
    "target": TransformedSeriesRegressor(Ridge(), Differencer(), y_lag=0),
}
TRANSFORMERS = ("windower", "flat windower", "differencer", "scaler")
REGRESSORS = ("lstm", "stateful", "target")
NETWORKS = ("lstm", "stateful")


@functools.cache
def fitted_once(name, labelled=True):
    """Fit an estimator on good rows."""
    X, y = (FRAME, SERIES) if labelled else (ROWS, Y)
    return copy.deepcopy(ESTIMATORS[name]).fit(X, y)


def fitted(name, labelled=True):
    """Return an estimator fitted on good rows, of one's own."""
    return copy.deepcopy(fitted_once(name, labelled))


def output(estimator, X=FRAME):
    """Transform or predict."""
    return np.asarray(
        estimator.predict(X) if hasattr(estimator, "predict") else estimator.transform(X)
    )


def traced_files(error):
    """Yield the files of all frames that a user gets to see."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            yield frame.f_code.co_filename
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def documented(entry):
    """Return the types in the Raises section of a callable."""
    section = NumpyDocString(inspect.getdoc(entry))["Raises"]
    return tuple(getattr(builtins, one.type) for one in section)


@contextmanager
def refused(error, message, *, by=None, leaves=()):
    """Hold what is refused to all that this file promises of it.

    The message matches; the type is documented where it comes from; nobody is shown the inside of
    TensorFlow, Keras or SciKeras; and no object is changed.
    """
    before = [frozen(vars(one)) for one in leaves]
    with pytest.raises(error, match=message) as caught:
        yield caught
    assert [frozen(vars(one)) for one in leaves] == before
    inside = re.compile(r"[\\/](tensorflow|keras|scikeras)[\\/]")
    assert not [file for file in traced_files(caught.value) if inside.search(file)]
    assert not inside.search(f"/{caught.type.__module__.replace('.', '/')}/")
    if by is not None:
        assert issubclass(caught.type, documented(by))


def assert_refused(estimator, error, message, call, good=FRAME):
    """Assert that a call is refused, and that the estimator gives what it gave before."""
    before = output(estimator, good)
    with refused(error, message, leaves=[estimator]):
        call(estimator)
    np.testing.assert_array_equal(output(estimator, good), before)


# ------------------------------------------------------------------------------------ parameters


def dense_network(shape, n_outputs):
    """Return a network that takes windows of one length."""
    layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(n_outputs)]
    return keras.Sequential(layers)


def two_inputs(shape, n_outputs):
    """Return a network of two inputs."""
    given = [keras.Input(shape), keras.Input(shape)]
    added = keras.layers.Flatten()(keras.layers.Add()(given))
    return keras.Model(given, keras.layers.Dense(n_outputs)(added))


OUT_OF_RANGE = [
    ("windower", "window", 0),
    ("windower", "window", -1),
    ("windower", "window", 1.5),
    ("windower", "window", "3"),
    ("windower", "window", None),
    ("windower", "window", True),
    ("windower", "window", np.nan),
    ("windower", "window", [3]),
    ("windower", "window", 10**12),
    ("windower", "flatten", "yes"),
    ("windower", "flatten", 1.5),
    ("windower", "history", "always"),
    ("differencer", "interval", 0),
    ("differencer", "interval", []),
    ("differencer", "interval", [0]),
    ("differencer", "interval", [1, -12]),
    ("differencer", "interval", [1.5]),
    ("differencer", "interval", True),
    ("differencer", "interval", "12"),
    ("differencer", "interval", None),
    ("differencer", "interval", np.inf),
    ("differencer", "interval", [True]),
    ("differencer", "interval", [None]),
    ("differencer", "interval", 10**12),
    ("differencer", "history", "before"),
    ("scaler", "feature_range", (1, 0)),
    ("scaler", "feature_range", (1, 1)),
    ("scaler", "feature_range", 5),
    ("scaler", "feature_range", (0, np.inf)),
    ("scaler", "feature_range", (np.nan, 1)),
    ("scaler", "feature_range", ("a", "b")),
    ("scaler", "feature_range", (0, 1, 2)),
    ("scaler", "feature_range", None),
    ("scaler", "clip", "no"),
    ("scaler", "target", True),
    ("scaler", "target", []),
    ("scaler", "target", [0, 0]),
    ("scaler", "target", "c"),
    ("scaler", "target", 2),
    ("scaler", "target", -1),
    ("scaler", "target", ["a", "c"]),
    ("scaler", "target", 0.5),
    *[
        (name, parameter, value)
        for name in NETWORKS
        for parameter, value in [
            ("units", 0),
            ("units", []),
            ("units", [4, 0]),
            ("units", 2.5),
            ("units", "8"),
            ("units", True),
            ("dropout", 1.0),
            ("dropout", -0.1),
            ("recurrent_dropout", 2),
            ("dense_units", 0),
            ("dense_units", [0]),
            ("activation", "tanhh"),
            ("activation", 3),
            ("output_activation", "linearr"),
            ("loss", "mean_squared_errror"),
            ("loss", 3),
            ("optimizer", "adaam"),
            ("optimizer", 3),
            ("metrics", ["maee"]),
            ("metrics", "mae"),
            ("learning_rate", 0),
            ("learning_rate", -0.1),
            ("learning_rate", "fast"),
            ("epochs", 0),
            ("epochs", 1.5),
            ("batch_size", 0),
            ("batch_size", None),
            ("validation_fraction", 1),
            ("validation_fraction", 1.0),
            ("validation_fraction", -0.1),
            ("validation_fraction", 0.99),
            ("early_stopping", "yes"),
            ("patience", -1),
            ("callbacks", 3),
            ("warm_start", "yes"),
            ("random_state", "seed"),
            ("random_state", 1.5),
            ("engine", "torch"),
            ("units", None),
            ("units", 10**20),
            ("units", np.nan),
            ("units", [None]),
            ("units", "no such"),
            ("dropout", np.nan),
            ("dropout", None),
            ("dropout", True),
            ("recurrent_dropout", np.inf),
            ("recurrent_dropout", "half"),
            ("dense_units", None),
            ("dense_units", 10**20),
            ("activation", len),
            ("activation", int),
            ("activation", None),
            ("output_activation", len),
            ("output_activation", 2),
            ("loss", None),
            ("loss", True),
            ("loss", int),
            ("loss", len),
            ("loss", {"k": 1}),
            ("optimizer", None),
            ("optimizer", len),
            ("optimizer", ["adam"]),
            ("metrics", [None]),
            ("metrics", [len]),
            ("metrics", [3]),
            ("metrics", {"mae"}),
            ("learning_rate", np.nan),
            ("learning_rate", np.inf),
            ("learning_rate", True),
            ("learning_rate", [0.1]),
            ("epochs", None),
            ("epochs", True),
            ("epochs", -3),
            ("epochs", np.inf),
            ("batch_size", True),
            ("batch_size", 2.5),
            ("batch_size", "32"),
            ("validation_fraction", np.nan),
            ("validation_fraction", "last"),
            ("validation_fraction", True),
            ("early_stopping", None),
            ("early_stopping", 1.5),
            ("patience", None),
            ("patience", True),
            ("patience", 2.5),
            ("callbacks", ["EarlyStopping"]),
            ("callbacks", [None]),
            ("callbacks", "EarlyStopping"),
            ("warm_start", None),
            ("random_state", -1),
            ("random_state", 2**32),
            ("random_state", True),
            ("verbose", -1),
            ("verbose", "yes"),
            ("engine", None),
            ("engine", ["xla"]),
        ]
    ],
    ("lstm", "shuffle", "yes"),
    ("lstm", "shuffle", None),
    ("lstm", "network", "lstm"),
    ("lstm", "network", len),
    ("lstm", "network", dict),
    *[
        ("lstm", parameter, value)
        for parameter, value in [
            ("loss", mean_squared_error),
            ("loss", np.mean),
            ("loss", lambda y_true, y_pred: 0.0),
            ("loss", lambda y_true, y_pred: np.abs(y_true - y_pred)),
            ("metrics", [mean_squared_error]),
            ("activation", np.tanh),
            ("output_activation", np.tanh),
            ("dropout", Fraction(1, 2)),
            ("learning_rate", Fraction(1, 2)),
            ("network", lambda shape, n: dense_network((99, 7), n)),
            ("network", lambda shape, n: two_inputs(shape, n)),
        ]
    ],
    ("lstm", "quantiles", 0.5),
    ("lstm", "quantiles", None),
    ("stateful", "reset_states", "batch"),
    ("stateful", "reset_states", 0),
    ("stateful", "reset_states", True),
    ("stateful", "reset_states", None),
    ("stateful", "bptt_steps", 0),
    ("stateful", "bptt_steps", True),
    ("stateful", "bptt_steps", "8"),
    ("stateful", "history", "before"),
    ("target", "y_lag", "c"),
    ("target", "y_lag", 2),
    ("target", "y_lag", -1),
    ("target", "y_lag", ["a", "b"]),
    ("target", "y_lag", []),
    ("target", "y_lag", 0.5),
    ("target", "y_lag", True),
    ("target", "y_lag", [0, 0]),
    ("target", "y_lag", {"a"}),
    ("target", "regressor", None),
    ("target", "regressor", LagWindower()),
    ("target", "transformer", Ridge()),
    ("target", "check_inverse", "no"),
]


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    OUT_OF_RANGE,
    ids=[f"{name}-{parameter}-{place}" for place, (name, parameter, _) in enumerate(OUT_OF_RANGE)],
)
def test_a_parameter_out_of_range_is_named(name, parameter, value):
    """The message of fit names the parameter and shows the value; nothing learnt before is lost."""
    estimator = fitted(name)
    estimator.set_params(**{parameter: value})
    shown = value[0] if parameter == "metrics" and isinstance(value, list) else value
    named = parameter.replace("_", "[_ ]")  # scikit-learn writes "feature range"
    with refused(ValueError, named, by=estimator.fit, leaves=[estimator]) as error:
        estimator.fit(FRAME, SERIES)
    assert repr(shown) in str(error.value)
    estimator.set_params(**{parameter: getattr(ESTIMATORS[name], parameter)})
    np.testing.assert_array_equal(output(estimator), output(fitted_once(name)))


@pytest.mark.parametrize("dense_activation", [["relu"], ["relu"] * 3, "reluu", [3, 3], 3], ids=repr)
def test_activations_of_dense_layers_are_one_for_all_or_one_each(dense_activation):
    """Another number of activations, or an unknown one, is refused."""
    regressor = LSTMRegressor(2, dense_units=[3, 2], dense_activation=dense_activation, epochs=1)
    with pytest.raises(ValueError, match="dense_activation"):
        regressor.fit(FRAME, SERIES)


@pytest.mark.parametrize(
    ("loss", "likely"), [("mean_squared_errror", "mean_squared_error"), ("hubber", "huber")]
)
def test_a_misspelt_name_is_answered_with_the_likely_one(loss, likely):
    """The message asks whether the nearest name was meant."""
    with pytest.raises(ValueError, match=f"Did you mean '{likely}'"):
        LSTMRegressor(2, loss=loss).fit(FRAME, SERIES)


def test_a_network_that_fits_no_target_is_refused():
    """The message tells the output shape, and the one that would do."""
    import keras

    def network(input_shape, n_outputs):
        return keras.Sequential([keras.Input(input_shape), keras.layers.LSTM(7)])

    with pytest.raises(ValueError, match=r"network=.*\(None, 7\).*\(None, 1\)"):
        LSTMRegressor(network=network).fit(FRAME, SERIES)


def test_a_network_must_be_a_keras_model():
    """The message tells what the callable returned."""
    with pytest.raises(ValueError, match=r"network=.*returned a str.*keras\.Model"):
        LSTMRegressor(network=lambda input_shape, n_outputs: "model").fit(FRAME, SERIES)


# -------------------------------------------------------------------------------------- X in fit


def with_value(value, row=4, column="b"):
    """Return the table with one other value."""
    frame = FRAME.copy()
    frame.loc[INDEX[row], column] = value
    return frame


ALL = [*TRANSFORMERS, *REGRESSORS]
BAD_TABLES = {
    "infinity": (with_value(np.inf), ValueError, r"inf.*row 4.*column 1"),
    "negative infinity": (with_value(-np.inf), ValueError, r"-inf.*row 4.*column 1"),
    "text": (FRAME.assign(b="low"), ValueError, "column 'b' holds text such as 'low'"),
    "dates": (FRAME.assign(b=INDEX), ValueError, "column 'b' holds dates"),
    "text in an array": (np.full((N_ROWS, 2), "low"), ValueError, "text"),
    "categories": (FRAME.assign(b=pd.Categorical(["low"] * N_ROWS)), ValueError, "column 'b'"),
    "complex numbers": (ROWS + 1j, ValueError, "[Cc]omplex"),
    "a sparse table": (csr_array(ROWS), TypeError, "[Ss]parse"),
    "no rows": (FRAME[:0], ValueError, "0 sample"),
    "no columns": (ROWS[:, :0], ValueError, "0 feature"),
    "one axis": (Y, ValueError, "[Rr]eshape"),
    "None": (None, ValueError, "scalar|None"),
    "a name": ("milk", ValueError, "milk|scalar|dtype|text"),
    "a masked array": (np.ma.masked_greater(ROWS, 1), ValueError, r"X .*masked.*filled"),
    "a table of dates": (
        np.full((N_ROWS, 2), INDEX.to_numpy()[0]),
        ValueError,
        "X .*dates of dtype datetime64",
    ),
    "durations": (np.full((N_ROWS, 2), np.timedelta64(1, "D")), ValueError, "X .*durations"),
    "a column of durations": (FRAME.assign(b=INDEX - INDEX[0]), ValueError, "X .*'b'.*durations"),
    "a column of complex numbers": (FRAME.assign(b=1j), ValueError, "'b' of X is complex128"),
    "text among objects": (np.array([[1.0, "low"]] * N_ROWS, object), ValueError, "X .*'low'"),
    "lists of words": ([["low", "high"]] * N_ROWS, ValueError, "X .*'low'"),
    "ragged rows": ([[1.0, 2.0], [3.0]], ValueError, r"X \(\[\[1.0, 2.0\], \[3.0\]\]\)"),
    "dicts in a column": (FRAME.assign(b=[{}] * N_ROWS), TypeError, "X .*dict"),
    "lists in a column": (FRAME.assign(b=[[1]] * N_ROWS), ValueError, "X .*sequence"),
    "a dict": ({"a": 1}, TypeError, r"X \(\{'a': 1\}\)"),
    "an object": (object(), TypeError, r"X \(<object"),
    "a number": (5, ValueError, r"X \(5\)"),
    "an empty list": ([], ValueError, r"X \(\[\]\)"),
    "an empty table": (pd.DataFrame(), ValueError, r"X \(DataFrame"),
    "a series": (SERIES, ValueError, r"X \(Series of shape \(30,\)"),
    "four axes": (np.ones((N_ROWS, 2, 2, 2)), ValueError, r"X \(ndarray of shape \(30, 2, 2, 2\)"),
    "a structured array": (np.zeros(N_ROWS, "f8,f8"), (TypeError, ValueError), r"X \(ndarray"),
    "sparse columns": (FRAME.astype(pd.SparseDtype(float)), TypeError, "'a' of X is sparse"),
    "two columns of one name": (
        FRAME.set_axis(["a", "a"], axis=1),
        ValueError,
        "X .*columns called 'a'",
    ),
    "a label that is missing": (
        FRAME.set_axis(INDEX.where(INDEX[4] != INDEX)),
        ValueError,
        r"X holds NaT at row 4|TimeSeriesSplit",
    ),
    "labels of two kinds": (
        FRAME.set_axis([*INDEX[:-1], "the last"]),
        ValueError,
        "X holds labels .*Timestamp, str|TimeSeriesSplit",
    ),
    "intervals": (
        FRAME.assign(b=pd.IntervalIndex.from_breaks(range(31))),
        ValueError,
        "X .*'b' holds intervals",
    ),
    "a number too large for a float": (
        [[10**400, 1.0]] * N_ROWS,
        ValueError,
        r"X \(\[\[1000.*too large",
    ),
    "rows out of order": (FRAME[::-1], ValueError, r"not sorted.*TimeSeriesSplit"),
    "a row twice": (FRAME.iloc[[0, *range(29)]], ValueError, r"more than once.*TimeSeriesSplit"),
}
ROW_BY_ROW = ("scaler", "lstm")


#: What looks back wants its rows in order; to the others, their order is the user's.
REFUSED_TABLES = [
    (name, what)
    for name in ALL
    for what, (_, _, message) in BAD_TABLES.items()
    if name not in ROW_BY_ROW or "TimeSeriesSplit" not in message
]


@pytest.mark.parametrize(("name", "what"), REFUSED_TABLES)
def test_a_bad_table_is_refused_in_fit(name, what):
    """Fit says what is wrong with X and where, and keeps what was learnt before."""
    X, error, message = BAD_TABLES[what]
    y = SERIES.set_axis(X.index) if isinstance(X, pd.DataFrame) and len(X) == N_ROWS else Y
    y = y[: len(X)] if what == "no rows" else y
    assert_refused(fitted(name), error, message, lambda estimator: estimator.fit(X, y))
    with refused(error, r"\bX\b", by=ESTIMATORS[name].fit):
        copy.deepcopy(ESTIMATORS[name]).fit(X, y)


# What has no names of columns is warned of first.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize(("name", "what"), REFUSED_TABLES)
def test_a_bad_table_is_refused_after_fit(name, what):
    """Transform and predict say what is wrong with X and where."""
    X, error, message = BAD_TABLES[what]
    labelled = isinstance(X, pd.DataFrame)
    assert_refused(
        fitted(name, labelled),
        error,
        message,
        lambda estimator: output(estimator, X),
        good=FRAME if labelled else ROWS,
    )
    estimator = fitted(name, labelled)
    with refused(error, r"\bX\b", by=getattr(estimator, "predict", None) or estimator.transform):
        output(estimator, X)


@pytest.mark.parametrize("name", ALL)
def test_another_number_of_columns_is_refused(name):
    """Later rows have the columns of the training rows."""
    assert_refused(
        fitted(name, labelled=False),
        ValueError,
        "3 features.*expecting 2",
        lambda estimator: output(estimator, np.ones((5, 3))),
        good=ROWS,
    )


@pytest.mark.parametrize("name", ALL)
def test_other_names_are_refused(name):
    """Later rows have the names of the training rows, in their order."""
    for columns in (["a", "c"], ["b", "a"]):
        assert_refused(
            fitted(name),
            ValueError,
            "feature names should match",
            lambda estimator, columns=columns: output(estimator, FRAME.set_axis(columns, axis=1)),
        )


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_given_out_before_fit(name):
    """Before fit there is nothing to transform or predict with."""
    with pytest.raises(NotFittedError):
        output(copy.deepcopy(ESTIMATORS[name]))


@pytest.mark.parametrize("name", REGRESSORS)
def test_nan_beside_known_values_is_refused(name):
    """A missing value in a row is told with its row and column, in fit and in predict."""
    bad = with_value(np.nan)
    message = r"row 4 .*column 1 \('b'\)"
    assert_refused(fitted(name), ValueError, message, lambda e: e.fit(bad, SERIES))
    assert_refused(fitted(name), ValueError, message, lambda e: e.predict(bad))


def test_nan_inside_a_window_is_refused():
    """NaN after a known step is told with its row, its column and its step."""
    windows = np.ones((10, 4, 2))
    windows[6, 2, 1] = np.nan
    regressor = LSTMRegressor(2, epochs=1).fit(np.ones((10, 4, 2)), Y[:10])
    message = r"X holds nan at row 6, column 1 \(step 3 of 4"
    with pytest.raises(ValueError, match=message):
        regressor.predict(windows)
    with pytest.raises(ValueError, match=message):
        regressor.fit(windows, Y[:10])


def test_nan_inside_a_windowed_series_is_refused():
    """NaN that a windower let pass is found by the regressor."""
    model = make_pipeline(LagWindower(3), LSTMRegressor(2, epochs=1))
    with pytest.raises(ValueError, match="holds nan at row"):
        model.fit(with_value(np.nan), SERIES)


@pytest.mark.parametrize("shape", [(10, 0, 2), (0, 4, 2), (10, 4, 0), (2, 5, 4, 2)], ids=str)
def test_windows_of_a_strange_shape_are_refused(shape):
    """Windows have three axes and at least one of everything."""
    with pytest.raises(ValueError, match=r"shape|dim|sample"):
        LSTMRegressor(2, epochs=1).fit(np.ones(shape), np.ones(shape[0]))


def test_windows_of_another_length_than_a_network_takes_are_refused():
    """A network of one's own is built for the windows of fit."""
    regressor = LSTMRegressor(network=dense_network, epochs=1)
    regressor.fit(np.ones((10, 3, 2)), Y[:10])
    message = r"X has windows of 9 step\(s\).*dense_network.*windows of 3"
    with refused(ValueError, message, by=LSTMRegressor.predict, leaves=[regressor]):
        regressor.predict(np.ones((5, 9, 2)))


@pytest.mark.parametrize("name", NETWORKS)
def test_nested_lists_are_windows(name):
    """Three levels of lists are an array of three axes."""
    windows = np.random.default_rng(0).normal(size=(12, 3, 2))
    ours = copy.deepcopy(ESTIMATORS[name]).fit(windows.tolist(), Y[:12].tolist())
    theirs = copy.deepcopy(ESTIMATORS[name]).fit(windows, Y[:12])
    np.testing.assert_array_equal(ours.predict(windows.tolist()), theirs.predict(windows))


SHORT = [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64]
LONG_X, LONG_Y = np.sin(np.arange(300.0))[:, None], np.cos(np.arange(300.0))


@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize(
    ("estimator", "numbers"),
    [
        (LSTMRegressor(random_state=0), {"units": 2, "epochs": 2, "batch_size": 100}),
        (
            StatefulLSTMRegressor(random_state=0, validation_fraction=0.2, early_stopping=True),
            {
                "units": 2,
                "epochs": 3,
                "batch_size": 2,
                "bptt_steps": 100,
                "reset_states": 120,
                "patience": 1,
            },
        ),
        (LagWindower(), {"window": 12}),
        (Differencer(), {"interval": 12}),
    ],
    ids=["lstm", "stateful", "windower", "differencer"],
)
def test_short_numbers_of_numpy_are_numbers(estimator, numbers, dtype):
    """They count as far as Python's do, over more rows than they could count themselves."""
    ours = copy.deepcopy(estimator).set_params(**{k: dtype(v) for k, v in numbers.items()})
    theirs = copy.deepcopy(estimator).set_params(**numbers)
    np.testing.assert_array_equal(
        output(ours.fit(LONG_X, LONG_Y), LONG_X), output(theirs.fit(LONG_X, LONG_Y), LONG_X)
    )


@pytest.mark.parametrize("dtype", SHORT)
def test_short_numbers_of_numpy_count_rows_and_steps(dtype):
    """So do those of functions."""
    model = Ridge().fit(LONG_X, LONG_Y)
    options = {"y": LONG_Y, "y_lag": 0}
    np.testing.assert_array_equal(
        forecast(model, LONG_X, dtype(3), lookback=dtype(100), **options),
        forecast(model, LONG_X, 3, lookback=100, **options),
    )
    assert make_sawtooth_pair(dtype(20)).shape == (18 * 20 - 10, 2)
    assert make_lagged_linear(dtype(126))[0].shape == (130, 1)
    assert series_to_supervised(LONG_Y, horizon=dtype(100))[1].shape == (200, 100)


def test_windows_of_other_columns_are_refused():
    """The columns of a window are those of the training windows."""
    regressor = LSTMRegressor(2, epochs=1).fit(np.ones((10, 4, 2)), Y[:10])
    with pytest.raises(ValueError, match=r"3 features.*expecting 2"):
        regressor.predict(np.ones((10, 4, 3)))


# ---------------------------------------------------------------------------------- too few rows


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LagWindower(31), "window=31 needs at least 31 rows, but X has 30"),
        (Differencer(30), "interval=30 .*at least 31 rows, but X has 30"),
        (Differencer([12, 18]), r"interval=\[12, 18\] .*at least 31 rows, but X has 30"),
    ],
    ids=repr,
)
def test_too_few_rows_name_the_fewest(estimator, message):
    """The message tells what is needed and what is there."""
    with pytest.raises(ValueError, match=message):
        estimator.fit(FRAME)


def test_differences_that_leave_no_window_name_the_fewest():
    """Through a pipeline, the message tells rows, window and remedy."""
    model = make_pipeline(Differencer(20), LagWindower(12), LSTMRegressor(2, epochs=1))
    with pytest.raises(ValueError, match=r"30 rows.*12 steps.*At least 32 rows"):
        model.fit(FRAME, SERIES)


# -------------------------------------------------------------------------------------------- y

BAD_TARGETS = {
    "shorter": (Y[:-1], ValueError, r"inconsistent.*\[30, 29\]"),
    "longer": (np.append(Y, 0), ValueError, r"inconsistent.*\[30, 31\]"),
    "labels out of step": (SERIES.set_axis(INDEX + pd.Timedelta("1D")), ValueError, "out of step"),
    "infinity": (np.where(np.arange(N_ROWS) == 7, np.inf, Y), ValueError, "y holds inf at row 7"),
    "text": (np.full(N_ROWS, "low"), ValueError, "y must hold numbers"),
    "nothing but NaN": (np.full(N_ROWS, np.nan), ValueError, "y holds nothing but NaN"),
    "three axes": (np.ones((N_ROWS, 2, 2)), ValueError, "y.*dim|y has shape"),
    "sparse": (csr_array(ROWS), TypeError, "y.*sparse|[Ss]parse"),
    "complex": (Y + 1j, ValueError, "[Cc]omplex"),
    "None": (None, ValueError, "y"),
}


@pytest.mark.parametrize("what", BAD_TARGETS)
@pytest.mark.parametrize("name", REGRESSORS)
def test_a_bad_target_is_refused(name, what):
    """Fit says what is wrong with y, and keeps what was learnt before."""
    y, error, message = BAD_TARGETS[what]
    assert_refused(fitted(name), error, message, lambda estimator: estimator.fit(FRAME, y))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(N_ROWS - 1), "sample_weight"),
        (np.ones((N_ROWS, 2)), "[Ss]ample weight"),
        (-np.ones(N_ROWS), "[Nn]egative"),
        (np.full(N_ROWS, np.nan), "NaN"),
        (np.full(N_ROWS, np.inf), "infinity"),
    ],
    ids=["shorter", "two axes", "negative", "NaN", "infinite"],
)
@pytest.mark.parametrize("name", NETWORKS)
def test_bad_weights_are_refused(name, weight, message):
    """Weights are one finite number per row, none below zero."""
    assert_refused(
        fitted(name), ValueError, message, lambda e: e.fit(FRAME, SERIES, sample_weight=weight)
    )


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        ({"X_val": ROWS}, "X_val was given without y_val"),
        ({"y_val": Y}, "y_val was given without X_val"),
        ({"X_val": ROWS[:5], "y_val": Y[:4]}, "inconsistent"),
        ({"X_val": np.ones((5, 3)), "y_val": Y[:5]}, "3 features.*expecting 2"),
        ({"X_val": ROWS[:5], "y_val": ROWS[:5]}, r"y_val has 2 target\(s\), but y has 1"),
        ({"X_val": ROWS[:5] * np.inf, "y_val": Y[:5]}, "inf"),
        ({"X_val": ROWS[:5], "y_val": Y[:5] * np.inf}, "inf"),
    ],
    ids=["no y", "no X", "lengths", "columns", "targets", "infinite X", "infinite y"],
)
def test_bad_validation_rows_are_refused(validation, message):
    """What is wrong with rows to validate with is told as such."""
    regressor = fitted("lstm", labelled=False)
    assert_refused(
        regressor, ValueError, message, lambda e: e.fit(ROWS, Y, **validation), good=ROWS
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"horizon": 0}, ValueError, "horizon == 0"),
        ({"horizon": 1.5}, TypeError, "horizon must be an instance of int"),
        ({"horizon": 31}, ValueError, "horizon=31"),
        ({"target": "c"}, ValueError, "target='c'"),
        ({"target": 2}, ValueError, "target=2"),
    ],
    ids=str,
)
def test_a_bad_pair_is_refused(options, error, message):
    """series_to_supervised names its argument and shows the value."""
    with pytest.raises(error, match=message):
        series_to_supervised(FRAME, **options)


# ------------------------------------------------------------------------------------- the way back


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.ones((5, 3)), {}, r"Z has shape \(5, 3\).*expected \(n_rows, 2\)"),
        (np.ones(5), {}, r"Z has shape \(5,\)"),
        (np.full((5, 2), np.inf), {}, "Z holds inf"),
        (np.full((5, 2), "low"), {}, "Z must hold numbers"),
        (np.ones((5, 2)), {"observed": np.ones((4, 2))}, "observed has 4 rows, but Z has 5"),
        (np.ones((5, 2)), {"observed": np.ones((5, 1))}, r"observed has shape \(5, 1\)"),
        (np.ones((5, 2)), {"observed": np.full((5, 2), np.inf)}, "observed holds inf"),
    ],
    ids=["columns", "one axis", "infinite", "text", "rows seen", "columns seen", "infinite seen"],
)
def test_bad_differences_are_refused(values, options, message):
    """inverse_transform of differences says which argument is wrong."""
    assert_refused(
        fitted("differencer", labelled=False),
        ValueError,
        message,
        lambda estimator: estimator.inverse_transform(values, **options),
        good=ROWS,
    )


@pytest.mark.parametrize(
    ("values", "columns", "message"),
    [
        (np.ones((5, 3)), None, r"Y has shape \(5, 3\)"),
        (np.ones((5, 3)), [0, 1], r"Y has shape \(5, 3\)"),
        (np.ones(5), "c", "columns='c' names no column"),
        (np.ones(5), 2, "columns=2 names no column"),
        (np.full((5, 2), "low"), None, "Y must hold numbers"),
    ],
    ids=["columns", "named columns", "name", "position", "text"],
)
def test_bad_scaled_values_are_refused(values, columns, message):
    """inverse_transform of scaled values says which argument is wrong."""
    assert_refused(
        fitted("scaler"),
        ValueError,
        message,
        lambda estimator: estimator.inverse_transform(values, columns=columns),
    )


def test_a_column_of_nan_has_no_range():
    """A scaler cannot learn the range of a column that holds nothing."""
    with pytest.raises(ValueError, match="Column 1 of X holds nothing but NaN"):
        SeriesMinMaxScaler().fit(FRAME.assign(b=np.nan))


# ---------------------------------------------------------------- every other argument, one by one

MODEL = Ridge().fit(FRAME[["a"]], SERIES)
ONLY_A = FRAME[["a"]]
RESULT = backtest(Ridge(), FRAME, SERIES, cv=3)
HISTORY = {"loss": [0.5, 0.4]}
BOTH = Ridge().fit(FRAME, SERIES)
EXOG = pd.DataFrame({"b": [1.0, 2.0, 3.0]}, pd.date_range(INDEX[-1], periods=4, freq="D")[1:])
NO_DATES = INDEX.where(INDEX[4] != INDEX)


def says_nothing(estimator, X, y):
    """Score by nothing."""


def says_much(estimator, X, y):
    """Score by text."""
    return "good"


ENTRIES = {
    "forecast": (forecast, {"estimator": MODEL, "X": ONLY_A, "steps": 2, "y": SERIES}),
    "forecast with exog": (
        forecast,
        {"estimator": BOTH, "X": FRAME, "steps": 3, "y": SERIES, "y_lag": "a"},
    ),
    "backtest": (backtest, {"estimator": Ridge(), "X": ONLY_A, "y": SERIES, "cv": 3}),
    "conformal_interval": (conformal_interval, {"result": RESULT, "predictions": Y}),
    "series_to_supervised": (series_to_supervised, {"series": FRAME}),
    "make_sawtooth_pair": (make_sawtooth_pair, {}),
    "make_lagged_linear": (make_lagged_linear, {}),
    "from_estimator": (
        ForecastDisplay.from_estimator,
        {"estimator": MODEL, "X": ONLY_A, "steps": 2, "y": SERIES},
    ),
    "from_predictions": (ForecastDisplay.from_predictions, {"y_true": SERIES, "y_pred": SERIES}),
    "from_backtest": (ForecastDisplay.from_backtest, {"result": RESULT}),
    "training from_estimator": (TrainingHistoryDisplay.from_estimator, {"estimator": None}),
    "from_history": (TrainingHistoryDisplay.from_history, {"history": HISTORY}),
    "windower.set_output": (LagWindower().set_output, {}),
    **{
        f"{name}.{method}": (method, good)
        for name, methods in {
            "lstm": ("fit", "partial_fit"),
            "stateful": ("fit", "partial_fit"),
            "target": ("fit",),
        }.items()
        for method in methods
        for good in [{"X": FRAME, "y": SERIES}]
    },
    "lstm.predict": ("predict", {}),
    "stateful.advance": ("advance", {}),
    "scaler.inverse_transform": ("inverse_transform", {"Y": ROWS}),
    "differencer.inverse_transform": ("inverse_transform", {"Z": ROWS}),
}
HUGE = np.where(np.arange(N_ROWS) == 7, 1e39, Y)
HUGE_ROWS = np.where(np.arange(N_ROWS)[:, None] == 7, -1e39, ROWS)
MASKED = np.ma.masked_greater(Y, 1)
DATES = INDEX.to_numpy()
REFUSED = [
    *[("forecast", "estimator", value) for value in (None, "ridge", Ridge, 5, [MODEL])],
    *[("forecast", "steps", value) for value in (None, 0, -1, 2.5, True, "2", [2], np.nan)],
    *[("forecast", "lookback", value) for value in (-1, 1.5, True, "all", [1], np.inf)],
    *[("forecast", "y_lag", value) for value in ("c", 3, -1, True, 0.5, {"a"}, [], [None])],
    *[("forecast", "X", value) for value in (None, "milk", 5, [], Y, [[1.0], [2.0, 3.0]])],
    *[("forecast", "steps", value) for value in (10**30, np.float64(2))],
    *[
        ("forecast with exog", "exog", EXOG.assign(b=value))
        for value in ("x", [1.0, 2.0, np.inf], EXOG.index, 1j, [[1], [2], [3]])
    ],
    *[("forecast with exog", "exog", value) for value in (EXOG[["b"]].set_axis(["c"], axis=1), 5)],
    *[("forecast", "X", ROWS[:, :0]), ("forecast", "X", ONLY_A[::-1])],
    *[("forecast", "y", value) for value in (Y[:-1], SERIES[::-1], DATES, Y + 1j, MASKED, "y")],
    *[("backtest", "estimator", value) for value in (None, "ridge", Ridge, 5)],
    *[("backtest", "cv", value) for value in (0, 1, -3, True, "five", 2.5, [], [3], 10**12)],
    *[("backtest", "estimator", value) for value in (LagWindower(), Differencer())],
    *[
        ("backtest", "cv", [(train, test)])
        for train, test in [
            ([0, 1], [40]),
            ([0, 1], [-1]),
            ([0.0, 1.0], [2.0]),
            ([[0, 1]], [[2]]),
            ([True, False], [True, True]),
            ([0, 1, 2], [2, 3]),
            ([0, 1], []),
        ]
    ],
    ("backtest", "cv", TimeSeriesSplit),
    *[("backtest", "season", value) for value in (10**30, np.float64(12))],
    *[("backtest", "y_lag", value) for value in ("c", {1}, 7, object())],
    *[
        ("backtest", "scoring", value)
        for value in ("roc_auc", [None], mean_squared_error, says_nothing, says_much)
    ],
    *[("backtest", "X", value) for value in (ROWS[:, None, None],)],
    *[("backtest", "refit", value) for value in (None, "no", 1, [])],
    *[("backtest", "feed_back", value) for value in (None, "no", 1, [])],
    *[("backtest", "baselines", value) for value in ("naive", 5, True, ["drift", None], {1})],
    *[("backtest", "season", value) for value in (0, -12, 1.5, True, "year", [12])],
    *[("backtest", "scoring", value) for value in (None, "rmse", 5, [], ["r2", "no such"])],
    *[("backtest", "n_jobs", value) for value in (0, "two", 1.5, True, [2], np.inf)],
    *[("backtest", "X", value) for value in (None, "milk", 5, Y, ROWS[:, :0], FRAME[::-1])],
    *[("backtest", "y", value) for value in (None, Y[:-1], SERIES[::-1], DATES, Y + 1j, MASKED)],
    *[("conformal_interval", "result", value) for value in (None, "result", 5, RESULT.predictions)],
    *[("conformal_interval", "result", SimpleNamespace(predictions=ONLY_A))],
    *[("conformal_interval", "predictions", value) for value in (Y * np.inf, [10**400])],
    *[("conformal_interval", "coverage", value) for value in (0, 1, -1, 90, np.nan, "0.9", None)],
    *[("conformal_interval", "symmetric", value) for value in (None, "no", 1, [])],
    *[("conformal_interval", "predictions", v) for v in (None, "y", [], DATES, Y + 1j, MASKED)],
    *[("conformal_interval", "predictions", v) for v in (ROWS, ROWS[None], [[1.0], [2.0, 3.0]])],
    *[("series_to_supervised", "horizon", v) for v in (None, 0, -1, 1.5, True, "2", 31, 10**12)],
    *[("series_to_supervised", "target", v) for v in ("c", 2, -1, True, 0.5, [], ["a", "a"])],
    *[("series_to_supervised", "series", v) for v in (None, "milk", 5, [], MASKED, DATES, Y + 1j)],
    *[("series_to_supervised", "series", v) for v in (SERIES[::-1], csr_array(ROWS), ROWS[None])],
    *[
        ("make_sawtooth_pair", "n_cycles", value)
        for value in (10**30, True, None, 0, -1, 1.5, "2", [2])
    ],
    *[
        ("make_sawtooth_pair", "random_state", value)
        for value in (True, -1, 1.5, "seed", [], 2**32)
    ],
    *[
        ("make_lagged_linear", "n_rows", value)
        for value in (10**30, True, None, 0, -1, 1.5, "2", [2])
    ],
    *[("from_estimator", "interval", value) for value in ("band", 5, ROWS)],
    *[("from_estimator", "steps", value) for value in (0, None, True)],
    *[("from_estimator", "ax", value) for value in ("axes", 5)],
    *[("from_predictions", "y_true", value) for value in ("y", [], ROWS, DATES, MASKED, Y + 1j)],
    *[("from_predictions", "y_pred", value) for value in (None, "y", [], ROWS, DATES, MASKED)],
    *[("from_predictions", "interval", value) for value in (5, "band", Y, ROWS[:-1], ROWS + 1j)],
    *[("from_predictions", "folds", value) for value in (5, [1, 2], ROWS, [np.nan] * N_ROWS)],
    *[("from_predictions", "folds", value) for value in (pd.array([None] * N_ROWS, "Int64"),)],
    *[("from_predictions", name, SERIES.set_axis(NO_DATES)) for name in ("y_true", "y_pred")],
    *[("from_predictions", "baselines", FRAME.assign(b=value)) for value in ("low", INDEX, 1j)],
    *[("from_predictions", "baselines", value) for value in (5, "drift", ROWS)],
    *[("from_predictions", "ax", value) for value in ("axes", 5, [])],
    *[("from_backtest", "result", value) for value in (None, "result", 5, MODEL)],
    *[("from_backtest", "baselines", value) for value in ([["drift"]], [None])],
    *[("from_backtest", "output", value) for value in (ROWS, ["a"])],
    *[("from_backtest", "baselines", value) for value in (None, 5, "naive", ["drift", "naive"])],
    *[("from_backtest", "output", value) for value in ("y", 3)],
    *[("training from_estimator", "estimator", v) for v in (None, "lstm", Ridge())],
    *[("from_history", "history", value) for value in (None, "loss", 5, [0.5])],
    *[
        ("from_history", "history", {"loss": value})
        for value in (None, 1.0, "abc", [[1.0]], ["low"], [1j])
    ],
    ("from_history", "history", {"loss": [1.0], "val_loss": None}),
    *[("from_history", "metric", value) for value in (1, ROWS, ("loss",))],
    *[("from_history", "metric", value) for value in (None, "accuracy", 5, [])],
    *[("from_history", "log", value) for value in (None, "yes", 1)],
    *[("windower.set_output", "transform", value) for value in ("numpy", 5, [], True)],
    *[
        (f"{name}.{method}", argument, value)
        for name in NETWORKS
        for method in ("fit", "partial_fit")
        for argument, values in {
            "X": (HUGE_ROWS, ROWS.astype(np.longdouble) * np.longdouble("1e300")),
            "y": (HUGE, -HUGE, Y + 1j, MASKED, DATES, [], {}, [[1.0], [2.0, 3.0]], 5),
            "sample_weight": (
                *("w", {}, np.ones(N_ROWS - 1), np.ones((N_ROWS, 2)), -np.ones(N_ROWS)),
                *(Y * np.nan, Y * np.inf, np.zeros(N_ROWS), abs(HUGE), Y + 1j, DATES, MASKED),
                *(abs(SERIES[::-1]), np.array(["a"] * N_ROWS)),
            ),
        }.items()
        for value in values
    ],
    *[
        (f"{name}.fit", argument, value)
        for name in NETWORKS
        for argument, values in {
            "X_val": (HUGE_ROWS, "milk", ROWS[:, :1], FRAME[["b", "a"]], MASKED[:, None]),
            "y_val": (HUGE, Y[:-1], SERIES[::-1], DATES, "y", Y * np.nan),
        }.items()
        for value in values
    ],
    *[("target.fit", "y", value) for value in (Y + 1j, MASKED, DATES, [], {}, 5, SERIES[::-1])],
    ("lstm.predict", "X", HUGE_ROWS),
    ("stateful.advance", "X", HUGE_ROWS),
    *[("scaler.inverse_transform", "Y", v) for v in (None, {}, DATES, ROWS + 1j, ROWS * np.inf)],
    *[
        ("scaler.inverse_transform", "Y", v)
        for v in (FRAME[["b", "a"]], csr_array(ROWS), [[1], []])
    ],
    *[("scaler.inverse_transform", "columns", v) for v in (True, 0.5, {0}, [], ["c"], [0, 0])],
    *[("differencer.inverse_transform", "Z", v) for v in (None, {}, DATES, ROWS + 1j, ROWS[:0])],
    *[("differencer.inverse_transform", "Z", v) for v in (FRAME[["b", "a"]], csr_array(ROWS))],
    *[("differencer.inverse_transform", "observed", v) for v in ({}, ROWS + 1j, ROWS[:0], "a")],
    *[("differencer.inverse_transform", "observed", v) for v in (csr_array(ROWS), ROWS[None])],
]


def shown(argument, value):
    """Return a pattern of how a message shows a value: itself, or, of a table, what is wrong."""
    if argument in TABLES:
        return r"\d|\(\)|masked|sparse|NaN|columns|column 'b'|history\['|" + re.escape(
            reprlib.repr(value)
        )
    words = [repr(value), str(value), reprlib.repr(value), getattr(value, "__name__", repr(value))]
    return "|".join(map(re.escape, [*words, type(value).__name__]))


TABLES = {
    *("X", "y", "sample_weight", "X_val", "y_val", "Y", "Z", "observed", "series", "predictions"),
    *("y_true", "y_pred", "interval", "folds", "exog", "cv", "baselines", "output", "history"),
}


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize(
    ("entry", "argument", "value"),
    REFUSED,
    ids=[f"{entry}-{argument}-{place}" for place, (entry, argument, _) in enumerate(REFUSED)],
)
def test_a_bad_argument_is_named_and_shown(entry, argument, value):
    """Argument by argument, of everything public that takes one."""
    call, good = ENTRIES[entry]
    if isinstance(call, str):
        leaves = [fitted(entry.partition(".")[0])]
        call = getattr(leaves[0], call)
        if argument == "y" and isinstance(value, pd.Series) is False:
            good = {**good, "X": ROWS}
    else:
        leaves = [MODEL, RESULT]
    given = {**good, argument: value}
    if argument in ("X_val", "y_val"):
        given = {"X_val": FRAME, "y_val": SERIES, **given}
    with refused((TypeError, ValueError), rf"(?s)\b{argument}\b", by=call, leaves=leaves) as error:
        call(**given)
    assert re.search(shown(argument, value), str(error.value))
