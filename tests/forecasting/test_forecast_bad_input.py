"""`forecast` names the argument that it refuses, shows the value, and changes no estimator."""

import bad_values as bad
import numpy as np
import pandas as pd
import pytest
from bad_values import FRAME, ROWS, SERIES, Y
from sklearn.linear_model import Ridge

from sklstm import forecast

ONLY_A = FRAME[["a"]]
MODEL, BOTH = Ridge().fit(ONLY_A, SERIES), Ridge().fit(FRAME, SERIES)
LATER = pd.date_range(bad.INDEX[-1], periods=4, freq="D")[1:]
FUTURE = pd.DataFrame({"b": [1.0, 2.0, 3.0]}, LATER)


@pytest.mark.parametrize(
    ("argument", "value"),
    bad.cases(
        estimator=[None, "ridge", Ridge, [MODEL]],
        X=[None, "milk", 5, [], Y, [[1.0], [2.0, 3.0]], ROWS[:, :0], ONLY_A[::-1]],
        steps=[*bad.COUNTS, np.float64(2)],
        y=bad.SOME_TARGETS,
        lookback=[-1, 1.5, "all", [1], np.inf],
        y_lag=[*bad.COLUMNS, [None]],
        recompute=[5, "mean", lambda past: 5, lambda past: {"a": "high"}, lambda past: {"c": 1.0}],
    ),
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_bad_argument_is_refused(argument, value):
    """Each bad value among good arguments is refused."""
    good = {"estimator": MODEL, "X": ONLY_A, "steps": 2, "y": SERIES}
    bad.argument_refused(forecast, good, argument, value, [MODEL])


@pytest.mark.parametrize(
    ("argument", "value"),
    bad.cases(
        future_inputs=[
            *(FUTURE.assign(b=b) for b in ("x", [1.0, 2.0, np.inf], LATER, 1j, [[1], [2], [3]])),
            *(FUTURE.set_axis(["c"], axis=1), 5),
        ]
    ),
)
def test_bad_later_columns_are_refused(argument, value):
    """Columns that are known ahead are finite numbers, of the names that X has."""
    good = {"estimator": BOTH, "X": FRAME, "steps": 3, "y": SERIES, "y_lag": "a"}
    bad.argument_refused(forecast, good, argument, value, [BOTH])
