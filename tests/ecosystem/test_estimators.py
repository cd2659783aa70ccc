"""scikit-learn's own checks over everything public."""

import inspect

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, is_regressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

import sklstm
import sklstm.datasets
from sklstm import (
    CalendarFeatures,
    Differencer,
    LagsToWindow,
    LagWindower,
    LSTMClassifier,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
)

pytestmark = [
    # The checks' rows are no windows of their targets.
    pytest.mark.filterwarnings("ignore:Most rows of X do not follow"),
    pytest.mark.filterwarnings("ignore:Only .* have a constant window"),
    # Nor do they name series.
    pytest.mark.filterwarnings("ignore:per_series=True has no effect"),
]

LSTM = {"units": 8, "epochs": 30, "learning_rate": 0.04}

# One row per time step, so a row's neighbours count.
ORDER = "A row looks back on the rows before it, so another order of the rows is another series."
SUBSET = (
    "A row looks back on the rows before it, so rows cut out of their series have another past."
)
WEIGHTS = (
    "Keras divides the weighted loss of a batch by its rows, not by their weights, so its steps"
    " have another length than those over repeated rows; and float32 sums over other rows differ by"
    " more than the 1e-7 that the check allows."
)
REPEATED = "A repeated row is a time step more, which moves the state on; a weight does not."
RANDOM_ROWS = (
    "The check's rows are drawn at random, so the differences of neighbouring targets have nothing"
    " to do with X, and summed up they drift away from the target."
)

LOOKS_BACK = {
    "check_methods_sample_order_invariance": ORDER,
    "check_methods_subset_invariance": SUBSET,
}
NAN_ANYWHERE = (
    "The check puts NaN anywhere, as the tag allow_nan permits; the windows take it, but ridge"
    " takes it at the head of a series only, which no tag can say."
)

NO_WINDOWS = (
    "The check's rows are no windows of the target, which lies hundreds of spreads away from each,"
    " so that none is learnt; the error says so."
)

WEIGHTED = {"check_sample_weight_equivalence_on_dense_data": WEIGHTS}


class DatedCalendar(CalendarFeatures):
    """Gives rows dates, which scikit-learn's have not."""

    def fit(self, X, y=None):
        """Fit to rows with dates."""
        return super().fit(dated(X), y)

    def transform(self, X):
        """Transform rows with dates; of arrays, return arrays."""
        found = super().transform(dated(X))
        return found if isinstance(X, pd.DataFrame) else np.asarray(found)


def dated(X):
    """Return a table of rows whose dates go by their values; what is no such table, as it is."""
    values = np.asarray(X)
    if values.ndim != 2 or not values.size or values.dtype.kind not in "fiuO":
        return X
    first = np.zeros(len(values)) if values.dtype == object else np.nan_to_num(values[:, 0])
    days = pd.to_timedelta(first // 0.1, unit="D")
    table = X if isinstance(X, pd.DataFrame) else pd.DataFrame(values)
    return table.set_axis(pd.Timestamp("2024-01-01") + days)


#: Each public estimator, and the checks that it is expected to fail.
ESTIMATORS = [
    (DatedCalendar("month", holidays=["2024-01-01"]), {}),
    (DatedCalendar(["day", "weekday"], encoding="onehot"), {}),
    (LagWindower(), {}),
    (LagWindower(3), LOOKS_BACK),
    (LagWindower(flatten=True), {}),
    (LagWindower(2, flatten=True, history="none"), LOOKS_BACK),
    (LagsToWindow(1), {}),
    (Differencer(), LOOKS_BACK),
    (Differencer([1, 2], history="continue"), LOOKS_BACK),
    (SeriesMinMaxScaler(), {}),
    (SeriesMinMaxScaler(per_series=True), {}),
    (SeriesMinMaxScaler((-1, 1), clip=True, target=0), {}),
    (LSTMRegressor(**LSTM), WEIGHTED),
    (LSTMClassifier(units=4, epochs=20, learning_rate=0.1), WEIGHTED),
    (
        StatefulLSTMRegressor(units=8, epochs=15, learning_rate=0.04, batch_size=2),
        {**LOOKS_BACK, "check_sample_weight_equivalence_on_dense_data": REPEATED},
    ),
    (TransformedSeriesRegressor(Ridge()), {}),
    (TransformedSeriesRegressor(Ridge(), StandardScaler()), {}),
    (TransformedSeriesRegressor(DecisionTreeRegressor(random_state=0)), {}),
    (
        TransformedSeriesRegressor(Ridge(), Differencer(), y_lag=None),
        {**LOOKS_BACK, "check_regressors_train": RANDOM_ROWS},
    ),
    (
        TransformedSeriesRegressor(
            make_pipeline(LagWindower(2, flatten=True), Ridge()), SeriesMinMaxScaler()
        ),
        {**LOOKS_BACK, "check_estimators_pickle": NAN_ANYWHERE},
    ),
    (WindowScaledRegressor(Ridge()), {"check_regressor_multioutput": NO_WINDOWS}),
    (WindowScaledRegressor(Ridge(), scale=None), {}),
]
#: Networks that take longer, and what is made of networks.
MORE_NETWORKS = [
    (LSTMRegressor(**LSTM, dense_units=4, loss="huber", n_networks=2), WEIGHTED),
    (TransformedSeriesRegressor(LSTMRegressor(**LSTM, random_state=0), SeriesMinMaxScaler()), {}),
    (
        WindowScaledRegressor(LSTMRegressor(**LSTM, random_state=0), center="last", scale="mean"),
        {"check_regressor_multioutput": NO_WINDOWS},
    ),
]


def checks_of(cases):
    """Parametrize a test with scikit-learn's checks of some estimators."""
    return parametrize_with_checks(
        [estimator for estimator, _ in cases],
        expected_failed_checks=lambda one: next(checks for known, checks in cases if known is one),
    )


@checks_of(ESTIMATORS)
def test_scikit_learn_checks(estimator, check, monkeypatch):
    """Every public estimator does what scikit-learn expects of one."""
    # Without it, scikit-learn leaves its check of the array API out.
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


@pytest.mark.slow
@checks_of(MORE_NETWORKS)
def test_scikit_learn_checks_of_more_networks(estimator, check, monkeypatch):
    """Nor do several networks, or networks inside of others, do anything else."""
    test_scikit_learn_checks(estimator, check, monkeypatch)


def test_no_public_estimator_is_left_out():
    """Whatever the package offers and is an estimator is among those checked."""
    public = {getattr(sklstm, name) for name in sklstm.__all__}
    estimators = {one for one in public if inspect.isclass(one) and issubclass(one, BaseEstimator)}
    assert estimators <= {one for estimator, _ in ESTIMATORS for one in type(estimator).__mro__}


@pytest.mark.parametrize(
    "estimator", [LSTMRegressor(), TransformedSeriesRegressor(Ridge())], ids=repr
)
def test_regressors_are_regressors(estimator):
    """scikit-learn knows them as regressors, alone and at the end of a pipeline."""
    assert is_regressor(estimator)
    assert is_regressor(make_pipeline(LagWindower(), estimator))
