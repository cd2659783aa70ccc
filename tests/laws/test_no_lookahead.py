"""No output before a row depends on that row or on any row after it."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
)

N_ROWS, N_TRAIN = 60, 40
LSTM = {"units": 2, "epochs": 1, "random_state": 0}

SERIES = np.random.default_rng(0).normal(size=(N_ROWS + 1, 2)).cumsum(axis=0)
X, Y = SERIES[:-1], SERIES[1:, 0]  # a row holds what was seen one step before its target
INDEX = pd.date_range("2024-01-01", periods=N_ROWS, freq="D")

TRANSFORMERS = {
    "windows": LagWindower(4),
    "flat windows": LagWindower(3, flatten=True),
    "windows that always continue": LagWindower(4, history="continue"),
    "differences": Differencer(),
    "seasonal differences": Differencer([1, 5]),
    "scaled": SeriesMinMaxScaler((-1, 1), clip=True),
    "differences, scaled, in windows": make_pipeline(
        Differencer([1, 3]), SeriesMinMaxScaler(), LagWindower(4)
    ),
    "differences in windows, labels dropped": make_pipeline(
        Differencer(), StandardScaler(), LagWindower(4)
    ),
}
REGRESSORS = {
    "LSTM on rows": LSTMRegressor(**LSTM),
    "LSTM on windows": make_pipeline(LagWindower(4), LSTMRegressor(**LSTM)),
    "LSTM on windows of differences": make_pipeline(
        Differencer(2), LagWindower(3), LSTMRegressor(**LSTM)
    ),
    "stateful LSTM": StatefulLSTMRegressor(**LSTM),
    "stateful LSTM on windows": make_pipeline(LagWindower(3), StatefulLSTMRegressor(**LSTM)),
    "ridge, one step ahead": TransformedSeriesRegressor(
        make_pipeline(Differencer([1, 5]), LagWindower(3, flatten=True), Ridge()),
        Differencer([1, 5]),
        y_lag=0,
    ),
    "ridge, running on": TransformedSeriesRegressor(
        make_pipeline(LagWindower(3, flatten=True), Ridge()), Differencer()
    ),
    "tree, scaled differences": TransformedSeriesRegressor(
        make_pipeline(LagWindower(3, flatten=True), DecisionTreeRegressor(random_state=0)),
        make_pipeline(Differencer([1, 2]), SeriesMinMaxScaler()),
        y_lag=[0],
    ),
    "LSTM, one step ahead": TransformedSeriesRegressor(
        make_pipeline(Differencer(), LagWindower(3), LSTMRegressor(**LSTM)),
        make_pipeline(Differencer(), SeriesMinMaxScaler((-1, 1))),
        y_lag=0,
    ),
    "stateful LSTM, running on": TransformedSeriesRegressor(
        StatefulLSTMRegressor(**LSTM), Differencer()
    ),
}
FITTED = {}


def fitted(name, labelled):
    """Return an estimator fitted on the first rows, fitted once for all tests."""
    if (name, labelled) not in FITTED:
        estimator = clone({**TRANSFORMERS, **REGRESSORS}[name])
        FITTED[name, labelled] = estimator.fit(table(X, 0, N_TRAIN, labelled), Y[:N_TRAIN])
    return FITTED[name, labelled]


def table(rows, start, stop, labelled):
    """Return some rows of a series, with or without labels."""
    if not labelled:
        return rows[start:stop]
    # Columns without names: scikit-learn would warn of the names that a foreign step drops.
    return pd.DataFrame(rows[start:stop], index=INDEX[start:stop])


def outputs(estimator, rows):
    """Transform or predict."""
    with warnings.catch_warnings():
        # Changed training rows are reported; what they change is the question here.
        for what in ("the rows before them are not known", "a state of zero", "no known place"):
            warnings.filterwarnings("ignore", message=f".*{what}")
        return np.asarray(
            estimator.predict(rows) if hasattr(estimator, "predict") else estimator.transform(rows)
        )


#: Training rows, later rows, and rows that overlap the end of the training rows.
TABLES = st.one_of(
    st.just((0, N_TRAIN)),
    st.tuples(st.just(N_TRAIN), st.integers(N_TRAIN + 2, N_ROWS)),
    st.tuples(st.integers(N_TRAIN - 9, N_TRAIN - 1), st.integers(N_TRAIN + 1, N_ROWS)),
    st.tuples(st.just(0), st.integers(2, N_ROWS)),
)
# The search for the smallest case is worth its time, the search for an explanation is not.
SETTINGS = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
    "phases": [phase for phase in Phase if phase is not Phase.explain],
}


def draw_rows(data, name):
    """Draw the bounds of a table."""
    start, stop = data.draw(TABLES, label="rows")
    if "continue" in name and start < N_TRAIN:
        # Who says that rows follow the training rows says it of rows that do.
        start, stop = N_TRAIN, N_TRAIN + 9
    return start, stop


@pytest.mark.parametrize("labelled", [False, True], ids=["arrays", "tables"])
@pytest.mark.parametrize("name", [*TRANSFORMERS, *REGRESSORS])
@settings(max_examples=30, **SETTINGS)
@given(data=st.data())
def test_later_values_change_no_earlier_output(name, labelled, data):
    """Whatever the rows from t on are changed to, the outputs before t stay the same."""
    estimator = fitted(name, labelled)
    start, stop = draw_rows(data, name)
    t = data.draw(st.integers(start + 1, stop - 1), label="t")
    changed = X.copy()
    change = data.draw(st.sampled_from(["noise", "training rows", "same", "large"]), label="change")
    if change == "noise":
        seed = data.draw(st.integers(0, 99))
        changed[t:] = np.random.default_rng(seed).normal(size=changed[t:].shape)
    elif change == "training rows":
        changed[t:] = X[: N_ROWS - t]
    elif change == "same":
        changed[t:] = X[t - 1]
    else:
        changed[t:] *= 1e6
    before = outputs(estimator, table(X, start, stop, labelled))
    after = outputs(estimator, table(changed, start, stop, labelled))
    # The last bit of a float32 sum depends on how many rows are computed together.
    tolerance = 1e-6 if "LSTM" in name else 0
    np.testing.assert_allclose(after[: t - start], before[: t - start], rtol=0, atol=tolerance)


@pytest.mark.parametrize("labelled", [False, True], ids=["arrays", "tables"])
@pytest.mark.parametrize("name", [*TRANSFORMERS, *REGRESSORS])
@settings(max_examples=15, **SETTINGS)
@given(data=st.data())
def test_rows_that_are_not_there_yet_are_not_missed(name, labelled, data):
    """The first rows of a table alone give what they give with the rows after them."""
    estimator = fitted(name, labelled)
    start, stop = draw_rows(data, name)
    t = data.draw(st.integers(start + 1, stop), label="t")
    whole = outputs(estimator, table(X, start, stop, labelled))
    first = outputs(estimator, table(X, start, t, labelled))
    # float32 sums depend on how many rows are predicted together.
    np.testing.assert_allclose(first, whole[: t - start], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("labelled", [False, True], ids=["arrays", "tables"])
@pytest.mark.parametrize("name", REGRESSORS)
def test_a_fold_does_not_see_its_test_rows(name, labelled):
    """In a fold of TimeSeriesSplit, other test rows change neither fit nor earlier outputs."""
    estimator = REGRESSORS[name]
    for train, test in TimeSeriesSplit(2).split(X):
        start, stop = test[0], test[-1] + 1
        rows, y = X.copy(), Y.copy()
        t = start + 5
        other = rows.copy()
        other[t:] = 1e6
        model = clone(estimator).fit(table(rows, 0, start, labelled), y[train])
        expected = outputs(model, table(X.copy(), start, stop, labelled))[:5]

        # The training rows are a view of the whole series, whose later rows now change.
        again = clone(estimator).fit(table(other, 0, start, labelled), y[train])
        other[start:] = -1e6
        rows[t:] = 1e6
        np.testing.assert_array_equal(
            outputs(again, table(rows, start, stop, labelled))[:5], expected
        )


@pytest.mark.parametrize(
    "regressor", [LSTMRegressor(**LSTM), StatefulLSTMRegressor(**LSTM)], ids=repr
)
def test_a_view_of_some_windows_is_read_no_further(regressor):
    """A fit on the first windows of a longer series reads nothing beyond them."""
    windows = LagWindower(4).fit_transform(X)
    poisoned = X.copy()
    poisoned[N_TRAIN:] = np.nan
    poisoned = LagWindower(4).fit_transform(poisoned)
    expected = clone(regressor).fit(windows[3:N_TRAIN].copy(), Y[3:N_TRAIN])
    model = clone(regressor).fit(poisoned[3:N_TRAIN], Y[3:N_TRAIN])
    np.testing.assert_array_equal(
        model.predict(windows[10:20]), expected.predict(windows[10:20].copy())
    )
