"""Displays name the argument that they refuse, show the value, and change nothing."""

import bad_values as bad
import numpy as np
import pandas as pd
import pytest
from bad_values import FRAME, INDEX, N_ROWS, ROWS, SERIES, Y
from sklearn.linear_model import Ridge

from sklstm import ForecastDisplay, TrainingHistoryDisplay, backtest

ONLY_A = FRAME[["a"]]
MODEL = Ridge().fit(ONLY_A, SERIES)
RESULT = backtest(Ridge(), FRAME, SERIES, cv=3)
NO_DATE = SERIES.set_axis(INDEX.where(INDEX[4] != INDEX))
NO_LINES = ["y", [], ROWS, bad.DATES, bad.MASKED, NO_DATE]
BAD_COLUMNS = [FRAME.assign(b=b) for b in ("low", INDEX, 1j)]
FORECAST = {"estimator": MODEL, "X": ONLY_A, "steps": 2, "y": SERIES}
PREDICTIONS = {"y_true": SERIES, "y_pred": SERIES}
HISTORY = {"history": {"loss": [0.5, 0.4]}}
CASES = [
    (
        ForecastDisplay.from_estimator,
        FORECAST,
        bad.cases(interval=["band", 5, ROWS], steps=[0, None], ax=["axes", 5]),
    ),
    (
        ForecastDisplay.from_predictions,
        PREDICTIONS,
        bad.cases(
            y_true=[*NO_LINES, Y + 1j],
            y_pred=[*NO_LINES, None, SERIES.astype(str)],
            interval=[5, "band", Y, ROWS[:-1], ROWS + 1j, np.zeros((N_ROWS, 3))],
            folds=[5, [1, 2], ROWS, [np.nan] * N_ROWS, pd.array([None] * N_ROWS, "Int64")],
            baselines=[5, "drift", ROWS, FRAME[1:], *BAD_COLUMNS],
            steps=[0, [1.5], "one"],
            ax=["axes", []],
        ),
    ),
    (
        ForecastDisplay.from_backtest,
        {"result": RESULT},
        bad.cases(
            result=[None, "result", MODEL],
            baselines=[None, 5, "naive", ["drift", "naive"], [["drift"]], [None]],
            output=["y", 3, ROWS, ["a"]],
        ),
    ),
    (TrainingHistoryDisplay.from_estimator, {}, bad.cases(estimator=[None, "lstm", Ridge()])),
    (
        TrainingHistoryDisplay.from_history,
        HISTORY,
        bad.cases(
            history=[
                *(
                    None,
                    "loss",
                    5,
                    [0.5],
                    [],
                    {"loss": [1.0], "val_loss": None},
                ),
                *({"loss": loss} for loss in (None, 1.0, "abc", [[1.0]], ["low"], [1j])),
            ],
            metric=[1, ROWS, ("loss",), None, "accuracy", []],
            log=bad.FLAGS,
        ),
    ),
]


@pytest.mark.parametrize(
    ("call", "good", "argument", "value"),
    [
        pytest.param(call, good, *case.values, id=f"{call.__qualname__}-{case.id}")
        for call, good, cases in CASES
        for case in cases
    ],
)
def test_a_bad_argument_is_refused(call, good, argument, value):
    """Each bad value among good arguments is refused."""
    bad.argument_refused(call, good, argument, value, [MODEL, RESULT])
