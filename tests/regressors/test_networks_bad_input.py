"""Networks name the parameter or argument that they refuse, and keep what they learnt."""

import bad_values as bad
import keras
import numpy as np
import pytest
from bad_values import FRAME, N_ROWS, ROWS, SERIES, Y
from sklearn.base import clone
from sklearn.metrics import mean_squared_error
from sklearn.pipeline import make_pipeline

from sklstm import Differencer, LagWindower, LSTMRegressor, StatefulLSTMRegressor

LSTM = LSTMRegressor(2, epochs=1, random_state=0)
STATEFUL = StatefulLSTMRegressor(2, epochs=1, batch_size=4, random_state=0)
each_network = pytest.mark.parametrize("network", [LSTM, STATEFUL], ids=["lstm", "stateful"])
WINDOWS = np.random.default_rng(0).normal(size=(10, 4, 2))
TORN_WINDOWS = np.where(np.arange(80).reshape(10, 4, 2) == 53, np.nan, WINDOWS)


def dense_network(shape, n_outputs):
    """Return a network that takes windows of one length."""
    layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(n_outputs)]
    return keras.Sequential(layers)


def two_inputs(shape, n_outputs):
    """Return a network of two inputs."""
    given = [keras.Input(shape), keras.Input(shape)]
    added = keras.layers.Flatten()(keras.layers.Add()(given))
    return keras.Model(given, keras.layers.Dense(n_outputs)(added))


def seven_outputs(shape, n_outputs):
    """Return a network whose outputs fit no target."""
    return keras.Sequential([keras.Input(shape), keras.layers.LSTM(7)])


#: The parameters that both networks have.
SHARED = {
    "units": [0, [], [4, 0], 2.5, "8", None, np.nan, [None], 10**20],
    "dropout": [1.0, -0.1, np.nan, None],
    "recurrent_dropout": [2, np.inf, "half"],
    "dense_units": [0, [0], None, 10**20],
    "activation": ["tanhh", 3, len, int, None, np.tanh],
    "output_activation": ["linearr", 2, len, np.tanh],
    "loss": ["errror", 3, int, len, {"k": 1}, np.mean, mean_squared_error, lambda *_: 0.0],
    "optimizer": ["adaam", 3, len, ["adam"]],
    "metrics": [["maee"], "mae", [None], [len], [3], {"mae"}, [mean_squared_error]],
    "learning_rate": [0, "fast", np.nan, np.inf, [0.1]],
    "learning_rate_schedule": ["linear", 0.1, keras.optimizers.schedules.CosineDecay(0.1, 9)],
    "clipnorm": [0, -1.0, np.nan, np.inf, "1"],
    "epochs": bad.COUNTS[:-1],
    "batch_size": bad.COUNTS[:-1],
    "validation_fraction": [1, -0.1, 0.99, np.nan, "last"],
    "early_stopping": ["yes", None],
    "patience": [-1, 2.5, None],
    "callbacks": [3, ["EarlyStopping"], [None], "EarlyStopping"],
    "n_networks": [*bad.COUNTS, 2**16 + 1],
    "warm_start": ["yes", None],
    "random_state": ["seed", 1.5, -1, 2**32],
    "verbose": [-1, "yes"],
    "engine": ["torch", None, ["xla"]],
}


@pytest.mark.parametrize(
    ("parameter", "value"),
    bad.cases(
        **SHARED,
        shuffle=["yes"],
        steps_per_epoch=bad.COUNTS[1:-1],
        network=["lstm", two_inputs, lambda shape, n: dense_network((99, 7), n)],
        quantiles=[0.5, (0.9, 0.5), (0.1, 0.9), (0.5, 1)],
    ),
)
def test_a_bad_parameter_of_lstm_regressor_is_refused(parameter, value):
    """Fit names the parameter, shows the value, and keeps what was learnt before."""
    bad.parameter_refused(LSTM, parameter, value)


@pytest.mark.parametrize(
    ("parameter", "value"),
    bad.cases(
        **{parameter: values[:1] for parameter, values in SHARED.items()},
        reset_states=["batch", 0, None],
        bptt_steps=[0, "8"],
        history=["before"],
    ),
)
def test_a_bad_parameter_of_stateful_lstm_regressor_is_refused(parameter, value):
    """Fit names the parameter, shows the value, and keeps what was learnt before."""
    bad.parameter_refused(STATEFUL, parameter, value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        *[
            ({"dense_units": [3, 2], "dense_activation": wrong}, "dense_activation")
            for wrong in (["relu"], ["relu"] * 3, "reluu", [3, 3], 3)
        ],
        ({"loss": "mean_squared_errror"}, "Did you mean 'mean_squared_error'"),
        ({"loss": "hubber"}, "Did you mean 'huber'"),
        ({"network": seven_outputs}, r"network=.*\(None, 7\).*\(None, 1\)"),
        ({"network": lambda *_: "model"}, r"network=.*returned a str.*keras\.Model"),
    ],
    ids=lambda value: None if isinstance(value, str) else "-".join(value),
)
def test_the_message_says_what_would_do(parameters, message):
    """It asks whether the nearest name was meant, and tells the shape that fits the target."""
    with pytest.raises(ValueError, match=message):
        clone(LSTM).set_params(**parameters).fit(FRAME, SERIES)


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        *[(np.ones(shape), "shape|dim|sample") for shape in ((10, 0, 2), (0, 4, 2), (10, 4, 0))],
        (np.ones((2, 5, 4, 2)), "shape|dim|sample"),
        (TORN_WINDOWS, r"X holds nan at row 6, column 1 \(step 3 of 4"),
    ],
    ids=["no steps", "no rows", "no columns", "four axes", "NaN after a known step"],
)
def test_bad_windows_are_refused_in_fit(windows, message):
    """Windows have three axes, at least one of everything, and NaN in their oldest steps alone."""
    with pytest.raises(ValueError, match=message):
        clone(LSTM).fit(windows, np.ones(len(windows)))


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (np.ones((10, 4, 3)), "3 features.*expecting 2"),
        (TORN_WINDOWS, r"X holds nan at row 6, column 1 \(step 3 of 4"),
        (np.ones((5, 9, 2)), r"X has windows of 9 step\(s\), but those of fit had 4"),
        (np.ones((1, 2)), r"each of its 1 rows would be a window of one step, but .* 4 steps"),
    ],
    ids=["columns", "NaN after a known step", "steps", "a row"],
)
def test_bad_windows_are_refused_in_predict(windows, message):
    """A network of the user's own is built for windows as long as those of fit."""
    regressor = LSTMRegressor(network=dense_network, epochs=1).fit(WINDOWS, Y[:10])
    with bad.refused(ValueError, message, by=LSTMRegressor.predict, leaves=[regressor]):
        regressor.predict(windows)


OTHER_LENGTH = {
    "predict": lambda network, windows: network.predict(windows),
    "score": lambda network, windows: network.score(windows, Y[:10]),
    "partial_fit": lambda network, windows: network.partial_fit(windows, Y[:10]),
    "a warm fit": lambda network, windows: network.set_params(warm_start=True).fit(windows, Y[:10]),
    "advance": lambda network, windows: network.advance(windows),
}


@pytest.mark.parametrize(
    ("network", "way"),
    [(one, way) for one in (LSTM, STATEFUL) for way in (*OTHER_LENGTH,)[:4]]
    + [(STATEFUL, "advance")],
)
def test_windows_of_another_length_than_in_fit_are_refused(network, way):
    """A network would take them, and return numbers that it has not learnt."""
    fitted = clone(network).fit(WINDOWS, Y[:10])
    message = r"windows of 3 step\(s\), but those of fit had 4.*short_windows='mask'"
    with pytest.raises(ValueError, match=message):
        OTHER_LENGTH[way](fitted, WINDOWS[:, 1:])


@pytest.mark.parametrize(
    ("steps", "X", "message"),
    [
        ([LagWindower(3)], bad.with_value(np.nan), "holds nan at row"),
        ([Differencer(20), LagWindower(12)], FRAME, r"30 rows.*12 steps.*At least 32 rows"),
    ],
    ids=["NaN", "too few rows"],
)
def test_what_a_pipeline_lets_through_is_refused_at_its_end(steps, X, message):
    """NaN in mid-series, and differences that leave no whole window, are told by the network."""
    with pytest.raises(ValueError, match=message):
        make_pipeline(*steps, clone(LSTM)).fit(X, SERIES)


@each_network
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
@pytest.mark.parametrize(
    ("argument", "value"),
    bad.cases(
        X=[bad.HUGE_ROWS, ROWS.astype(np.longdouble) * np.longdouble("1e300")],
        y=[bad.HUGE, -bad.HUGE],
        sample_weight=[
            *("w", {}, np.ones(N_ROWS - 1), np.ones((N_ROWS, 2)), -np.ones(N_ROWS)),
            *(Y * np.nan, Y * np.inf, np.zeros(N_ROWS), abs(bad.HUGE), Y + 1j, bad.DATES),
            *(bad.MASKED, abs(SERIES[::-1]), np.array(["a"] * N_ROWS)),
        ],
    ),
)
def test_bad_weights_and_numbers_too_large_are_refused(network, method, argument, value):
    """Weights are one finite number per row, none below zero, not all zero; float32 holds all."""
    ours = bad.fitted(network, labelled=argument == "sample_weight")
    good = {"X": FRAME, "y": SERIES} if argument == "sample_weight" else {"X": ROWS, "y": Y}
    bad.argument_refused(getattr(ours, method), good, argument, value, [ours])


@pytest.mark.parametrize("method", ["predict", "advance"])
def test_rows_that_float32_cannot_hold_are_refused_after_fit(method):
    """Predicting and walking on compute in float32, too."""
    ours = bad.fitted(STATEFUL, labelled=False)
    bad.argument_refused(getattr(ours, method), {}, "X", bad.HUGE_ROWS, [ours])


@each_network
@pytest.mark.parametrize(
    ("argument", "value"),
    bad.cases(
        X_val=[bad.HUGE_ROWS, "milk", ROWS[:, :1], FRAME[["b", "a"]], bad.MASKED[:, None]],
        y_val=[bad.HUGE, *bad.SOME_TARGETS, Y * np.nan, Y * np.inf, ROWS],
    ),
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_bad_validation_rows_are_refused(network, argument, value):
    """The message names X_val or y_val and shows the value."""
    ours = bad.fitted(network)
    good = {"X": FRAME, "y": SERIES, "X_val": FRAME, "y_val": SERIES}
    bad.argument_refused(ours.fit, good, argument, value, [ours])


@each_network
@pytest.mark.parametrize(("given", "lacking"), [("X_val", "y_val"), ("y_val", "X_val")])
def test_validation_rows_come_with_their_targets(network, given, lacking):
    """One without the other is refused."""
    ours = bad.fitted(network)
    with bad.refused(ValueError, f"{given} was given without {lacking}", leaves=[ours]):
        ours.fit(FRAME, SERIES, **{given: FRAME if given == "X_val" else SERIES})
