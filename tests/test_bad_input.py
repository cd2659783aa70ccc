"""What is wrong is refused: by name and value, with the remedy, and without a trace."""

import copy
import functools

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    series_to_supervised,
)

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


def assert_refused(estimator, error, message, call, good=FRAME):
    """Assert that a call is refused, and that the estimator gives what it gave before."""
    before = output(estimator, good)
    with pytest.raises(error, match=message):
        call(estimator)
    np.testing.assert_array_equal(output(estimator, good), before)


# ------------------------------------------------------------------------------------ parameters

OUT_OF_RANGE = [
    ("windower", "window", 0),
    ("windower", "window", -1),
    ("windower", "window", 1.5),
    ("windower", "window", "3"),
    ("windower", "window", None),
    ("windower", "flatten", "yes"),
    ("windower", "history", "always"),
    ("differencer", "interval", 0),
    ("differencer", "interval", []),
    ("differencer", "interval", [0]),
    ("differencer", "interval", [1, -12]),
    ("differencer", "interval", [1.5]),
    ("differencer", "interval", True),
    ("differencer", "interval", "12"),
    ("differencer", "history", "before"),
    ("scaler", "feature_range", (1, 0)),
    ("scaler", "feature_range", (1, 1)),
    ("scaler", "feature_range", 5),
    ("scaler", "clip", "no"),
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
        ]
    ],
    ("lstm", "shuffle", "yes"),
    ("lstm", "network", "lstm"),
    ("stateful", "reset_states", "batch"),
    ("stateful", "reset_states", 0),
    ("stateful", "bptt_steps", 0),
    ("stateful", "history", "before"),
    ("target", "y_lag", "c"),
    ("target", "y_lag", 2),
    ("target", "y_lag", -1),
    ("target", "y_lag", ["a", "b"]),
    ("target", "y_lag", []),
    ("target", "y_lag", 0.5),
    ("target", "regressor", None),
    ("target", "regressor", LagWindower()),
    ("target", "transformer", Ridge()),
    ("target", "check_inverse", "no"),
]


@pytest.mark.parametrize(("name", "parameter", "value"), OUT_OF_RANGE, ids=str)
def test_a_parameter_out_of_range_is_named(name, parameter, value):
    """The message of fit names the parameter and shows the value; nothing learnt before is lost."""
    estimator = fitted(name)
    estimator.set_params(**{parameter: value})
    shown = value[0] if parameter == "metrics" and isinstance(value, list) else value
    named = parameter.replace("_", "[_ ]")  # scikit-learn writes "feature range"
    with pytest.raises(ValueError, match=named) as error:
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
    "rows out of order": (FRAME[::-1], ValueError, r"not sorted.*TimeSeriesSplit"),
    "a row twice": (FRAME.iloc[[0, *range(29)]], ValueError, r"more than once.*TimeSeriesSplit"),
}
ROW_BY_ROW = ("scaler", "lstm")


@pytest.mark.parametrize("what", BAD_TABLES)
@pytest.mark.parametrize("name", ALL)
def test_a_bad_table_is_refused_in_fit(name, what):
    """Fit says what is wrong with X and where, and keeps what was learnt before."""
    X, error, message = BAD_TABLES[what]
    if name in ROW_BY_ROW and "TimeSeriesSplit" in message:
        pytest.skip("It does not look back, so the order of the rows is the user's.")
    y = SERIES.set_axis(X.index) if isinstance(X, pd.DataFrame) and len(X) == N_ROWS else Y
    y = y[: len(X)] if what == "no rows" else y
    assert_refused(fitted(name), error, message, lambda estimator: estimator.fit(X, y))


@pytest.mark.parametrize("what", BAD_TABLES)
@pytest.mark.parametrize("name", ALL)
def test_a_bad_table_is_refused_after_fit(name, what):
    """Transform and predict say what is wrong with X and where."""
    X, error, message = BAD_TABLES[what]
    if name in ROW_BY_ROW and "TimeSeriesSplit" in message:
        pytest.skip("It does not look back, so the order of the rows is the user's.")
    labelled = isinstance(X, pd.DataFrame)
    assert_refused(
        fitted(name, labelled),
        error,
        message,
        lambda estimator: output(estimator, X),
        good=FRAME if labelled else ROWS,
    )


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
