"""Every parameter of everything public refuses what it cannot take, by its name and its value."""

import copy
import functools
import inspect

import bad_values as bad
import numpy as np
import pandas as pd
import pytest
from bad_values import FRAME, INDEX, N_ROWS, ROWS, SERIES, Y
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.preprocessing import StandardScaler

import sklstm
import sklstm.datasets
import sklstm.metrics
from sklstm import (
    CalendarFeatures,
    Differencer,
    ForecastDisplay,
    LagsToWindow,
    LagWindower,
    LSTMClassifier,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TimeStepSplit,
    TrainingHistoryDisplay,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    backtest,
    conformal_interval,
    forecast,
    forecast_scorer,
    series_to_supervised,
    side_by_side,
)

FLAGS = [None, "no", 1]
COUNTS = [0, -1, 1.5, "2", [2], np.nan, 10**30]
#: What names no column. A mask would be read as the positions 1 and 0.
COLUMNS = ["c", 7, -1, 0.5, [], {0}, [True, False], pd.NA, [0, 0]]
CHOICES = ["other", 5, ["first"], np.array(["a", "b"]), FRAME, pd.NA]
CLASSES = np.where(Y > 0, "up", "down")
LAGS = pd.DataFrame({f"y_lag{step}": SERIES.shift(step) for step in (3, 2, 1)} | {"b": FRAME["b"]})[
    3:
]
NEXT = SERIES[3:]
ONLY_A = FRAME[["a"]]
MODEL = Ridge().fit(ONLY_A, SERIES)

# ---------------------------------------------------------------------------- of constructors

TINY = {"units": 1, "epochs": 1, "dense_units": 1, "random_state": 0}
NETWORK = {
    "units": [0, [], "8", None, [None], 10**20],
    "cell": ["rnn", None, 5, ["lstm"], "LSTM"],
    "activation": ["tanhh", len],
    "dropout": [1.0, np.nan, "half"],
    "recurrent_dropout": [1, -0.1, None],
    "dense_units": [[0], None, "2"],
    "dense_activation": ["reluu", ["relu", "relu"], 3],
    "normalize": ["yes", None],
    "loss": ["errror", 3, {"k": 1}, mean_squared_error],
    "optimizer": ["adaam", 3, ["adam"]],
    "learning_rate": [0, "fast", np.nan, np.inf],
    "learning_rate_schedule": ["linear", 0.1],
    "clipnorm": [0, np.inf, "1"],
    "metrics": [["maee"], "mae", [3]],
    "epochs": [0, 1.5, "9", None],
    "batch_size": [0, 1.5, None],
    "validation_fraction": [1, -0.1, np.nan, "last"],
    "early_stopping": ["yes", None],
    "patience": [-1, 2.5],
    "callbacks": [3, [None]],
    "n_networks": [0, -1, 1.5, "2", None, [2], np.nan],
    "warm_start": ["yes", None],
    "random_state": ["seed", 1.5, -1],
    "verbose": [-1, "yes"],
    "engine": ["torch", None],
}
STATELESS = {
    "bidirectional": ["both", None, [True]],
    "network": ["lstm", 5],
    "short_windows": ["fill", None, True, ["mask"]],
    "steps_per_epoch": [0, 1.5, "2"],
    "shuffle": ["yes", None],
}
REGRESSOR = {"output_activation": ["linearr", len], "horizon": [0, -1, 1.5, None, "all", [1]]}
HISTORY = {"history": ["always", None, 5, ["auto"]]}
FITS = {
    LSTMRegressor(**TINY, loss="quantile"): (
        (FRAME, SERIES),
        NETWORK | STATELESS | REGRESSOR | {"quantiles": [0.5, [], [0.5, 0.1], [5, 95], None]},
    ),
    LSTMClassifier(**TINY): (
        (FRAME, pd.Series(CLASSES, INDEX)),
        NETWORK
        | STATELESS
        | {"class_weight": ["even", 5, {"up": -1}, {"up": np.nan}, {"sideways": 1}, [1, 2]]},
    ),
    StatefulLSTMRegressor(**TINY, batch_size=4): (
        (FRAME, SERIES),
        NETWORK
        | REGRESSOR
        | HISTORY
        | {"reset_states": ["day", 0, None], "bptt_steps": [0, "8", 1.5]},
    ),
    CalendarFeatures("day"): (
        (FRAME, None),
        {
            "features": [None, 5, [], "second", [["day"]], [1], {"day"}],
            "encoding": ["sin", None, 1, ["cyclic"]],
            # pandas would take numbers for nanoseconds since 1970.
            "holidays": [5, "2024-01-01", [1], SERIES, [np.nan], [None], ["Monday"], [[INDEX[0]]]],
        },
    ),
    LagWindower(2): (
        (FRAME, None),
        {"window": COUNTS, "fold": COUNTS, "flatten": ["yes", 1.5], **HISTORY},
    ),
    LagsToWindow(2, newest_first=True): (
        (ONLY_A.assign(c=1.0).to_numpy(), None),
        {
            "n_lags": COUNTS,
            "newest_first": ["yes", 1, [True]],
            "layout": ["by_row", 5, ["by_step"]],
            "others": [7, -1, 0.5, {0}, [True, False], pd.NA, [0, 0]],
        },
    ),
    Differencer(): (
        (FRAME, None),
        {"interval": [0, [], [1, -2], "1", None, [None], np.inf, 10**30], **HISTORY},
    ),
    SeriesMinMaxScaler(): (
        (FRAME, None),
        {
            "feature_range": [(1, 1), 5, (0, np.inf), None, ("a", "b")],
            "clip": ["no", None],
            "target": COLUMNS,
            "per_series": ["yes", None, 1.5],
        },
    ),
    TransformedSeriesRegressor(Ridge(), Differencer(), y_lag="y_lag1"): (
        (LAGS, NEXT),
        {
            "regressor": [None, Ridge, "ridge", LagWindower()],
            "transformer": [Ridge(), "log", StandardScaler, 5],
            "y_lag": COLUMNS,
            "transform_lags": ["no", None],
            "horizon": [0, -1, 1.5, None, "all", [1]],
            "check_inverse": ["no", None],
        },
    ),
    WindowScaledRegressor(Ridge()): (
        (LAGS[["y_lag3", "y_lag2", "y_lag1"]], NEXT),
        {
            "regressor": [None, Ridge, "ridge", LagWindower(), LagWindower],
            "center": ["median", 5, True, ["mean"], np.nan],
            "scale": ["minmax", 0, True, ["standard"], np.nan],
            "season": [0, -1, 1.5, "12", [2], np.nan, 10**30],
            "columns": ["c", 7, -1, 0.5, [], {0}, [True], pd.NA, ["y", "y"]],
            "horizon": [0, -1, 1.5, None, "all", [1]],
        },
    ),
}


@functools.cache
def _fitted_once(estimator):
    return clone(estimator).fit(*FITS[estimator][0])


@pytest.mark.parametrize(
    ("estimator", "parameter", "value"),
    [
        pytest.param(estimator, *case.values, id=f"{type(estimator).__name__}-{case.id}")
        for estimator, (_, parameters) in FITS.items()
        for case in bad.cases(**parameters)
    ],
)
def test_a_bad_parameter_is_refused(estimator, parameter, value):
    """Fit names the parameter, shows the value, and keeps what was learnt before."""
    ours = copy.deepcopy(_fitted_once(estimator)).set_params(**{parameter: value})
    named = parameter.replace("_", "[_ ]")  # scikit-learn writes "feature range"
    message = rf"(?s)\b{named}\b"
    with bad.refused((TypeError, ValueError), message, by=ours.fit, leaves=[ours]) as caught:
        ours.fit(*FITS[estimator][0])
    bad.assert_shown(value, caught.value)


# ----------------------------------------------------------------- of functions and methods


def like(function, call):
    """Return a call that has the documentation of a function."""
    return functools.wraps(function)(call)


FITTED = MODEL, ONLY_A, SERIES
LAGGED = Ridge().fit(LAGS[["y_lag1"]], NEXT)
RESULT = backtest(Ridge(), ONLY_A, SERIES, cv=3)
SCORER = forecast_scorer(steps=3, y_lag="a")
TRUE, PREDICTED, TRAIN = SERIES[20:], SERIES[20:] + 1, SERIES[:20]
ENDS = pd.DataFrame({"lower": TRUE - 1, "upper": TRUE + 1})
PAIR = {"y_true": TRUE, "y_pred": PREDICTED}
SCALED = PAIR | {"y_train": TRAIN, "season": 1}
LINE = [None, "y", 5, bad.MASKED, Y + 1j, ROWS[None]]
METRIC = {
    "y_true": [None, "y", 5, bad.DATES, Y[:10] + 1j],
    "y_pred": [None, "y", 5, Y[:9], bad.DATES[:10], np.full(10, np.nan)],
    "sample_weight": ["w", np.ones(9), -np.ones(10), np.full(10, np.nan), 5],
    "multioutput": ["mean", [1, 1], [0], 5, None],
    "per_series": [*FLAGS, True],
}
SCALE = {
    "y_train": ["y", 5, [], Y[:1], np.full(20, np.inf), np.ones(20)],
    "season": [0, -1, 1.5, "12", [2], 25],
}
DRAWN = {
    "interval": [5, "band", Y[:10], ENDS[1:], ENDS.to_numpy()[None]],
    "folds": [5, [1, 2], [np.nan] * 10],
    "baselines": [5, "drift", ROWS, FRAME[1:]],
    "steps": [0, [1.5], "one"],
    "series": ["north", 0, []],
    "ax": ["axes", 5],
}
JOBS = [0, "two", 1.5, [2], np.inf, 10**30]
METHODS = ["predict_proba", None, 1, ["predict"], "predict_quantiles", pd.NA]
LATER = {
    "y_lag": ["c", {1}, 7, [True], pd.NA, [None]],
    "future_inputs": ["c", {1}, 7, [True], pd.NA, [None]],
    "recompute": [5, "mean", pd.NA, {"a": 1}],
}
#: Each function and method, good arguments, and bad values of its parameters.
CALLS = {
    backtest: (
        {"estimator": Ridge(), "X": ONLY_A, "y": SERIES, "cv": 3},
        {
            "estimator": [None, "ridge", Ridge, LagWindower()],
            "X": [None, "milk", 5, Y, ROWS[:, :0], FRAME[::-1]],
            "y": [None, *bad.SOME_TARGETS],
            "cv": [0, 1, "five", 2.5, [], [3], 10**12, TimeStepSplit],
            "refit": FLAGS,
            "feed_back": FLAGS,
            "baselines": ["naive", 5, ["drift", None], {1}],
            "season": [0, 1.5, "year", [12], 10**30],
            "scoring": [None, "rmse", 5, [], ["r2", "no such"], [None], Ridge],
            **LATER,
            "method": METHODS,
            "n_jobs": JOBS,
        },
    ),
    forecast: (
        {"estimator": MODEL, "X": ONLY_A, "steps": 2, "y": SERIES},
        {
            "estimator": [None, "ridge", Ridge, [MODEL]],
            "X": [5, [], "milk", Y, ONLY_A[::-1]],
            "steps": COUNTS,
            "y": bad.SOME_TARGETS,
            "future_inputs": [5, "c"],
            "y_lag": COLUMNS,
            "recompute": LATER["recompute"],
            "lookback": [-1, 1.5, "all", [1]],
            "method": METHODS,
            "n_jobs": JOBS,
        },
    ),
    like(forecast, lambda **options: forecast(LAGGED, steps=2, **options)): (
        {},
        {"series": ["milk", 5, [], bad.MASKED, SERIES[::-1], SERIES.astype(complex)]},
    ),
    forecast_scorer: (
        {"steps": 3},
        {
            "scoring": [None, "rmse", 5, [], [None], Ridge, "neg_mean_absolute_scaled_error"],
            "steps": [None, *COUNTS],
            "every": COUNTS,
            "start": [-1, 1.5, "2", None, [0], 10**30],
            "recompute": LATER["recompute"],
        },
    ),
    SCORER.__call__: (
        {"estimator": MODEL, "X": ONLY_A, "y": SERIES},
        {
            "estimator": [None, "ridge", Ridge, LagWindower()],
            "X": [None, "milk", 5, ROWS[:, :0], ONLY_A[::-1]],
            "y": [None, *bad.SOME_TARGETS],
        },
    ),
    like(side_by_side, lambda **given: side_by_side(**given).__enter__()): (
        {},
        {"max_fits": [None, *COUNTS]},
    ),
    like(SCORER.__call__, lambda **options: forecast_scorer(steps=3, **options)(*FITTED)): (
        {},
        {name: LATER[name] for name in ("y_lag", "future_inputs")},
    ),
    like(TimeStepSplit.split, lambda **rows: list(TimeStepSplit(3).split(**rows))): (
        {"X": FRAME, "y": SERIES},
        {"X": [None, 5, FRAME[::-1], FRAME.iloc[[0, *range(29)]]]},
    ),
    like(TimeStepSplit.split, lambda **given: list(TimeStepSplit(3, **given).split(FRAME))): (
        {},
        {
            "test_size": COUNTS,
            "gap": [None, *COUNTS[1:]],
            "max_train_size": COUNTS,
        },
    ),
    conformal_interval: (
        {"result": RESULT, "predictions": Y[:10]},
        {
            "result": [None, "result", RESULT.predictions],
            "predictions": [None, "y", [], bad.DATES, Y + 1j, bad.MASKED, ROWS, Y * np.inf],
            "coverage": [0, 1, 90, np.nan, "0.9", None],
            "method": CHOICES,
            "symmetric": FLAGS,
            "scale": CHOICES,
            "pool": CHOICES,
            "y_train": ["y", Y],  # nothing asks for it
        },
    ),
    RESULT.scores_by: ({}, {"by": [None, "level", [], [["fold"]], 0, {"fold"}]}),
    series_to_supervised: (
        {"series": FRAME},
        {
            "series": [None, "milk", 5, [], bad.MASKED, bad.DATES, Y + 1j, SERIES[::-1]],
            "horizon": [*COUNTS, N_ROWS + 1],
            "target": COLUMNS,
            "future_inputs": COLUMNS,
            "keep_last": FLAGS,
        },
    ),
    ForecastDisplay.from_predictions: (PAIR, {"y_true": LINE[1:], "y_pred": LINE, **DRAWN}),
    ForecastDisplay.from_backtest: (
        {"result": RESULT},
        {
            "result": [None, "result", MODEL],
            "baselines": [None, 5, "naive", ["drift", "naive"]],
            "output": ["y", 3, ["a"]],
            "interval": [5, "band", Y[:9]],
            "series": ["north", 0, []],
            "ax": ["axes", 5],
        },
    ),
    ForecastDisplay.from_estimator: (
        {"estimator": MODEL, "X": ONLY_A, "steps": 2, "y": SERIES},
        {
            "estimator": [None, Ridge],
            "X": [5, "milk"],
            "steps": COUNTS,
            "y": bad.SOME_TARGETS[:3],
            "future_inputs": [5],
            "y_lag": COLUMNS,
            "recompute": LATER["recompute"],
            "interval": ["band", 5, ROWS],
            "series": ["north", 0, []],
            "ax": ["axes", 5],
        },
    ),
    ForecastDisplay(SERIES).plot: ({}, {"ax": ["axes", 5]}),
    TrainingHistoryDisplay.from_estimator: ({}, {"estimator": [None, "lstm", Ridge()]}),
    TrainingHistoryDisplay.from_history: (
        {"history": {"loss": [0.5, 0.4]}},
        {
            "history": [None, "loss", 5, [0.5], {"loss": None}, {"loss": ["low"]}],
            "metric": [1, None, "accuracy", ["loss"]],
            "log": FLAGS,
            "ax": ["axes", 5],
        },
    ),
    sklstm.metrics.mean_absolute_scaled_error: (SCALED, METRIC | SCALE),
    sklstm.metrics.root_mean_squared_scaled_error: (SCALED, METRIC | SCALE),
    sklstm.metrics.symmetric_mean_absolute_percentage_error: (PAIR, METRIC),
    sklstm.metrics.overall_weighted_average: (
        SCALED | {"y_baseline": TRUE + 2},
        {name: METRIC[name] for name in ("y_true", "y_pred", "sample_weight", "multioutput")}
        | SCALE
        | {"y_baseline": [None, "y", 5, Y[:9], TRUE, np.full(10, np.nan)]},
    ),
    sklstm.metrics.interval_coverage: (PAIR | {"y_pred": ENDS}, METRIC),
    sklstm.metrics.winkler_score: (
        PAIR | {"y_pred": ENDS, "coverage": 0.9, "y_train": TRAIN, "season": 1},
        METRIC | SCALE | {"coverage": [0, 1, 90, "0.9", None, np.nan]},
    ),
    sklstm.metrics.weighted_quantile_loss: (
        PAIR | {"y_pred": ENDS, "quantiles": [0.1, 0.9]},
        METRIC | {"quantiles": [0.5, [], [10, 90], [0.9, 0.1], [0, 1], ["a", "b"], None]},
    ),
    sklstm.datasets.make_sawtooth_pair: (
        {},
        {"n_cycles": [None, *COUNTS], "random_state": [-1, 1.5, "seed", [], 2**32]},
    ),
    sklstm.datasets.make_hourly_load: (
        {},
        {"n_days": [None, *COUNTS], "random_state": [-1, 1.5, "seed", [], 2**32]},
    ),
    sklstm.datasets.make_lagged_linear: ({}, {"n_rows": [None, *COUNTS]}),
    sklstm.datasets.load_us_unemployment: ({}, {"wide": FLAGS}),
    LagWindower().set_output: ({}, {"transform": ["numpy", 5, [], True, FRAME, pd.NA]}),
    LagsToWindow().set_output: ({}, {"transform": ["numpy", 5, [], True, FRAME, pd.NA]}),
}
CALL_CASES = [
    pytest.param(call, good, *case.values, id=f"{call.__qualname__}-{case.id}")
    for call, (good, arguments) in CALLS.items()
    for case in bad.cases(**arguments)
]


@pytest.mark.parametrize(("call", "good", "argument", "value"), CALL_CASES)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_bad_argument_is_refused(call, good, argument, value):
    """Each bad value among good arguments is refused; what was fitted stays as it was."""
    bad.argument_refused(call, good, argument, value, [MODEL, RESULT])


#: Parameters that take rows, for which see test_bad_panels.py, and one that scikit-learn checks.
ELSEWHERE = {"X", "y", "recipe", "n_splits"}


def test_no_public_parameter_is_left_out():
    """Whatever a public name takes is among the cases."""
    known = {type(estimator).__name__: set(cases) for estimator, (_, cases) in FITS.items()}
    for call, (_, cases) in CALLS.items():
        # The parameters of a class of which a method is called are those of its objects.
        name, _, method = call.__qualname__.partition(".")
        owner = {"ForecastScorer": "forecast_scorer"}.get(name, name) if method else name
        known.setdefault(owner, set()).update(cases)
    lacking = []
    for module in (sklstm, sklstm.metrics, sklstm.datasets):
        for name in module.__all__:
            one = getattr(module, name)
            if not (inspect.isclass(one) and issubclass(one, Warning)):
                parameters = inspect.signature(one).parameters.keys() - ELSEWHERE
                lacking += [f"{name}.{one}" for one in parameters - known.get(name, set())]
    assert not lacking
