"""Transformers and `series_to_supervised` name what they refuse, and keep what they learnt."""

import bad_values as bad
import numpy as np
import pytest
from bad_values import FRAME, N_ROWS, ROWS, SERIES, Y
from scipy.sparse import csr_array

from sklstm import Differencer, LagWindower, SeriesMinMaxScaler, series_to_supervised

WINDOWER, DIFFERENCER, SCALER = LagWindower(3), Differencer(2), SeriesMinMaxScaler((-1, 1))
#: Rows that are not those of two columns that were fitted to.
NO_ROWS = [
    *(None, {}, bad.DATES, np.ones((5, 3)), np.ones(5), np.full((5, 2), "low"), ROWS + 1j),
    *(FRAME[["b", "a"]], csr_array(ROWS), ROWS * np.inf),
]


@pytest.mark.parametrize(
    ("estimator", "parameter", "value"),
    [
        *[(WINDOWER, "window", value) for value in (*bad.COUNTS, 10**12)],
        *[(WINDOWER, "fold", value) for value in (*bad.COUNTS, 2)],
        *[(WINDOWER, "flatten", value) for value in ("yes", 1.5)],
        *[(DIFFERENCER, "interval", v) for v in (0, [], [1, -12], [1.5], "12", None, np.inf)],
        *[(DIFFERENCER, "interval", value) for value in ([None], 10**12)],
        *[(estimator, "history", "always") for estimator in (WINDOWER, DIFFERENCER)],
        *[(SCALER, "feature_range", v) for v in ((1, 1), 5, (0, np.inf), (np.nan, 1), None)],
        *[(SCALER, "feature_range", value) for value in (("a", "b"), (0, 1, 2))],
        (SCALER, "clip", "no"),
        *[(SCALER, "target", v) for v in ([], [0, 0], "c", 2, -1, ["a", "c"], 0.5)],
    ],
    ids=str,
)
def test_a_bad_parameter_is_refused(estimator, parameter, value):
    """Fit names the parameter, shows the value, and keeps what was learnt before."""
    bad.parameter_refused(estimator, parameter, value)


@pytest.mark.parametrize("value", ["numpy", 5, [], True], ids=repr)
def test_a_bad_output_is_refused(value):
    """set_output names its argument and shows the value."""
    bad.argument_refused(LagWindower().set_output, {}, "transform", value)


@pytest.mark.parametrize(
    ("estimator", "X", "message"),
    [
        (LagWindower(31), FRAME, "window=31 needs at least 31 rows, but X has 30"),
        (Differencer(30), FRAME, "interval=30 .*at least 31 rows, but X has 30"),
        (Differencer([12, 18]), FRAME, r"interval=\[12, 18\] .*at least 31 rows, but X has 30"),
        (SCALER, FRAME.assign(b=np.nan), "Column 'b' of X holds nothing but NaN"),
    ],
    ids=repr,
)
def test_too_few_rows_are_refused(estimator, X, message):
    """The message tells how many rows are needed and how many there are."""
    with pytest.raises(ValueError, match=message):
        estimator.fit(X)


@pytest.mark.parametrize(
    ("estimator", "argument", "value"),
    [
        *[(DIFFERENCER, "Z", value) for value in (*NO_ROWS, ROWS[:0])],
        *[(DIFFERENCER, "observed", value) for value in (*NO_ROWS[1:], ROWS[:4], ROWS[None])],
        *[(SCALER, "Y", value) for value in (*NO_ROWS, [[1], []])],
        *[(SCALER, "columns", value) for value in (*bad.COLUMNS, [0, 0])],
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_what_cannot_be_inverted_is_refused(estimator, argument, value):
    """inverse_transform names its argument and shows the value."""
    ours = bad.fitted(estimator)
    good = {"Z": ROWS} if estimator is DIFFERENCER else {"Y": ROWS}
    bad.argument_refused(ours.inverse_transform, good, argument, value, [ours])


@pytest.mark.parametrize(
    ("argument", "value"),
    bad.cases(
        horizon=[*bad.COUNTS, N_ROWS + 1],
        target=[*bad.COLUMNS, ["a", "a"]],
        series=[
            *(None, "milk", 5, [], bad.MASKED, bad.DATES, Y + 1j),
            *(SERIES[::-1], csr_array(ROWS), ROWS[None]),
        ],
    ),
)
def test_a_bad_argument_of_series_to_supervised_is_refused(argument, value):
    """The message names the argument and shows the value."""
    bad.argument_refused(series_to_supervised, {"series": FRAME}, argument, value)
