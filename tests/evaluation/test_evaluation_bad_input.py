"""`backtest` and `conformal_interval` name the argument that they refuse, and show the value."""

from types import SimpleNamespace

import bad_values as bad
import numpy as np
import pytest
from bad_values import FRAME, ROWS, SERIES, Y
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import TimeSeriesSplit

from sklstm import LagWindower, backtest, conformal_interval

ONLY_A = FRAME[["a"]]
RESULT = backtest(Ridge(), FRAME, SERIES, cv=3)
#: Training and test rows that are no fold: out of range, no ints, two axes, masks, shared, none.
FOLDS = [
    *(([0, 1], [40]), ([0.0, 1.0], [2.0]), ([[0, 1]], [[2]])),
    *(([True, False], [True, True]), ([0, 1, 2], [2, 3]), ([0, 1], [])),
]


@pytest.mark.parametrize(
    ("argument", "value"),
    bad.cases(
        estimator=[None, "ridge", Ridge, LagWindower()],
        X=[None, "milk", 5, Y, ROWS[:, :0], FRAME[::-1], ROWS[:, None, None]],
        y=[None, *bad.SOME_TARGETS],
        cv=[0, 1, "five", 2.5, [], [3], 10**12, TimeSeriesSplit, *([fold] for fold in FOLDS)],
        season=[0, 1.5, "year", [12], 10**30, np.float64(12)],
        y_lag=["c", {1}, 7, object()],
        future_inputs=["c", {1}, 7, object()],
        scoring=[
            *(None, "rmse", 5, [], ["r2", "no such"], "roc_auc", [None], mean_squared_error),
            *("mean_absolute_scaled_error", [["r2"]]),
            *(lambda *_: None, lambda *_: "good"),
        ],
        refit=bad.FLAGS,
        feed_back=bad.FLAGS,
        baselines=["naive", 5, ["drift", None], {1}],
        method=["predict_proba", None, 1, ["predict"], "predict_quantiles"],
        n_jobs=[0, "two", 1.5, [2], np.inf],
    ),
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_bad_argument_of_backtest_is_refused(argument, value):
    """Each bad value among good arguments is refused."""
    good = {"estimator": Ridge(), "X": ONLY_A, "y": SERIES, "cv": 3}
    bad.argument_refused(backtest, good, argument, value)


@pytest.mark.parametrize(
    ("argument", "value"),
    bad.cases(
        result=[None, "result", RESULT.predictions, SimpleNamespace(predictions=ONLY_A)],
        predictions=[
            *(None, "y", [], bad.DATES, Y + 1j, bad.MASKED, ROWS, ROWS[None], Y * np.inf),
            *([10**400], [[1.0], [2.0, 3.0]]),
        ],
        coverage=[0, 1, 0.999, np.nan, "0.9", None],
        symmetric=bad.FLAGS,
        method=["quantiles", None, 1, ["absolute"], "quantile"],
        scale=["linear", None, 1, np.log],
        pool=["mean", None, 1, ["all"]],
        y_train=["y", Y, SERIES],  # nothing asks for it
    ),
)
def test_a_bad_argument_of_conformal_interval_is_refused(argument, value):
    """Each bad value among good arguments is refused; the back-test stays as it is."""
    good = {"result": RESULT, "predictions": Y}
    bad.argument_refused(conformal_interval, good, argument, value, [RESULT])


@pytest.mark.parametrize("by", [None, "level", [], ["fold", "series"], [["fold"]], 0, {"fold"}])
def test_bad_groups_of_scores_are_refused(by):
    """Each is refused, and the result stays as it is."""
    bad.argument_refused(RESULT.scores_by, {}, "by", by, [RESULT])


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_a_prediction_that_has_no_score_is_refused(lost):
    """Its row and fold are named, where averages would leave it out without a word."""

    class Loses(Ridge):
        def predict(self, X):
            predicted = super().predict(X)
            predicted[1] = lost
            return predicted

    with pytest.raises(ValueError, match=rf"Loses predicted {lost} for row \d+ .* in fold 0"):
        backtest(Loses(), ONLY_A, SERIES, cv=3)
