"""No estimator takes a bad table or a bad target, and none loses what it learnt before."""

import re

import bad_values as bad
import numpy as np
import pytest
from bad_values import FRAME, N_ROWS, ROWS, SERIES, Y
from estimators import EVERY
from pandas import DataFrame
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from sklstm import Differencer, TransformedSeriesRegressor

NAMES = ("windows", "seasonal differences", "scaled", "LSTM", "stateful LSTM")
ESTIMATORS = {
    **{name: EVERY[name] for name in NAMES},
    "target": TransformedSeriesRegressor(Ridge(), Differencer(), y_lag=0),
}
REGRESSORS = {name: one for name, one in ESTIMATORS.items() if hasattr(one, "predict")}
BAD = bad.TABLES | bad.ORDERS
CASES = [
    (name, what)
    for name in ESTIMATORS
    for what in BAD
    if what in bad.TABLES or name not in ("scaled", "LSTM")
]
each_estimator = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
each_regressor = pytest.mark.parametrize("estimator", REGRESSORS.values(), ids=REGRESSORS)
BAD_TYPES = TypeError, ValueError


@pytest.mark.parametrize(("name", "what"), CASES)
def test_a_bad_table_is_refused_in_fit(name, what):
    """Fit says what is wrong with X and where, and keeps what was learnt before."""
    X, message = BAD[what]
    y = SERIES.set_axis(X.index) if isinstance(X, DataFrame) and len(X) == N_ROWS else Y
    y = y[: len(X)] if what == "no rows" else y
    ours = bad.fitted(ESTIMATORS[name])
    with bad.refused(BAD_TYPES, message, by=ours.fit, leaves=[ours]) as caught:
        ours.fit(X, y)
    assert re.search(r"\bX\b", str(caught.value))


# An array has no names of columns, which is warned of first.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize(("name", "what"), CASES)
def test_a_bad_table_is_refused_after_fit(name, what):
    """Transform and predict say what is wrong with X and where."""
    X, message = BAD[what]
    ours = bad.fitted(ESTIMATORS[name], labelled=isinstance(X, DataFrame))
    by = getattr(ours, "predict", None) or ours.transform
    with bad.refused(BAD_TYPES, message, by=by, leaves=[ours]) as caught:
        bad.output(ours, X)
    assert re.search(r"\bX\b", str(caught.value))


@each_estimator
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((5, 3)), "3 features.*expecting 2"),
        (FRAME.set_axis(["a", "c"], axis=1), "feature names should match"),
        (FRAME.set_axis(["b", "a"], axis=1), "feature names should match"),
    ],
    ids=["number", "names", "order"],
)
def test_other_columns_are_refused(estimator, X, message):
    """Later rows have the columns of the training rows, in their order."""
    ours = bad.fitted(estimator, labelled=isinstance(X, DataFrame))
    with bad.refused(ValueError, message, leaves=[ours]):
        bad.output(ours, X)


@each_estimator
def test_nothing_is_transformed_or_predicted_before_fit(estimator):
    """Before fit there is nothing to transform or predict with."""
    with pytest.raises(NotFittedError):
        bad.output(clone(estimator), ROWS)


@each_regressor
def test_nan_beside_known_values_is_refused(estimator):
    """The message gives row and column of a missing value, in fit and in predict."""
    X, ours = bad.with_value(np.nan), bad.fitted(estimator)
    for use in (lambda: ours.fit(X, SERIES), lambda: ours.predict(X)):
        with bad.refused(ValueError, r"row 4 .*column 1 \('b'\)", leaves=[ours]):
            use()


@each_regressor
@pytest.mark.parametrize("what", bad.TARGETS)
def test_a_bad_target_is_refused(estimator, what):
    """Fit says what is wrong with y, and keeps what was learnt before."""
    y, message = bad.TARGETS[what]
    ours = bad.fitted(estimator)
    with bad.refused(BAD_TYPES, message, by=ours.fit, leaves=[ours]):
        ours.fit(FRAME if hasattr(y, "index") else ROWS, y)
