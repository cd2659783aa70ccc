"""`TransformedSeriesRegressor` names the parameter that it refuses, and keeps what it learnt."""

import bad_values as bad
import pytest
from bad_values import FRAME, SERIES
from sklearn.linear_model import Ridge

from sklstm import Differencer, LagWindower, TransformedSeriesRegressor

MODEL = TransformedSeriesRegressor(Ridge(), Differencer(), y_lag=0)


@pytest.mark.parametrize(
    ("parameter", "value"),
    bad.cases(
        y_lag=[*bad.COLUMNS, [0, 0], ["a", "b"]],
        regressor=[None, LagWindower()],
        transformer=[Ridge()],
        check_inverse=["no"],
    ),
)
def test_a_bad_parameter_is_refused(parameter, value):
    """Fit names the parameter, shows the value, and keeps what was learnt before."""
    bad.parameter_refused(MODEL, parameter, value)


def test_validation_targets_are_as_many_as_targets():
    """y_val with another number of targets than y is refused."""
    ours = bad.fitted(MODEL)
    with bad.refused(ValueError, r"y_val has 2 target\(s\), but y has 1", leaves=[ours]):
        ours.fit(FRAME, SERIES, X_val=FRAME, y_val=FRAME)
