"""Nothing of a test row is found in what was fitted to the training rows of a split."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_validate
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.tree import DecisionTreeRegressor
from states import assert_same, differ

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    backtest,
)

N_ROWS = 60
LSTM = {"units": 2, "epochs": 1, "random_state": 0}
SERIES = np.random.default_rng(0).normal(size=(N_ROWS + 1, 2)).cumsum(axis=0)
X, Y = SERIES[:-1], SERIES[1:, 0]
INDEX = pd.date_range("2024-01-01", periods=N_ROWS, freq="D")

QUICK = {
    "windows": LagWindower(4),
    "flat windows": LagWindower(3, flatten=True),
    "differences": Differencer([1, 3]),
    "scaled": SeriesMinMaxScaler((-1, 1)),
    "differences, scaled, in windows": make_pipeline(
        Differencer(), SeriesMinMaxScaler(), LagWindower(4)
    ),
    "rows and differences": FeatureUnion(
        [("windows", LagWindower(2, flatten=True)), ("differences", Differencer())]
    ),
    "each column in its way": ColumnTransformer(
        [("differences", Differencer(), [0]), ("scaled", SeriesMinMaxScaler(), [1])]
    ),
    "tree on windows": make_pipeline(
        LagWindower(3, flatten=True), DecisionTreeRegressor(random_state=0)
    ),
    "ridge, one step ahead": TransformedSeriesRegressor(
        make_pipeline(Differencer([1, 2]), LagWindower(3, flatten=True), Ridge()),
        make_pipeline(Differencer([1, 2]), SeriesMinMaxScaler()),
        y_lag=0,
    ),
    "tree, running on": TransformedSeriesRegressor(
        make_pipeline(LagWindower(3, flatten=True), DecisionTreeRegressor(random_state=0)),
        Differencer(),
    ),
}
NETWORKS = {
    "LSTM on rows": LSTMRegressor(**LSTM, validation_fraction=0.25, early_stopping=True),
    "LSTM on windows": make_pipeline(LagWindower(4), LSTMRegressor(**LSTM)),
    "LSTM of quantiles": make_pipeline(LagWindower(4), LSTMRegressor(**LSTM, loss="quantile")),
    "stateful LSTM": StatefulLSTMRegressor(**LSTM),
    "LSTM, one step ahead": TransformedSeriesRegressor(
        make_pipeline(Differencer(), LagWindower(3), LSTMRegressor(**LSTM)),
        make_pipeline(Differencer(), SeriesMinMaxScaler((-1, 1))),
        y_lag=0,
    ),
    "stateful LSTM, running on": TransformedSeriesRegressor(
        StatefulLSTMRegressor(**LSTM), Differencer()
    ),
}
SEARCHES = {
    "search over ridge": GridSearchCV(
        QUICK["ridge, one step ahead"],
        {"regressor__lagwindower__window": [1, 2]},
        cv=TimeSeriesSplit(2),
    ),
    "search over an LSTM": GridSearchCV(
        NETWORKS["LSTM on windows"], {"lagwindower__window": [2, 4]}, cv=TimeSeriesSplit(2)
    ),
}
# The search for the smallest case is worth its time, the search for an explanation is not.
SETTINGS = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
    "phases": [phase for phase in Phase if phase is not Phase.explain],
}
#: What may stand in the rows that are not trained on. Text makes a whole array one of objects.
GARBAGE = {"NaN": np.nan, "infinity": -np.inf, "large": 1e30, "text": "nothing", "none": None}


@st.composite
def splits(draw):
    """Draw one of the splits of a TimeSeriesSplit."""
    splitter = TimeSeriesSplit(
        draw(st.integers(2, 3), label="folds"),
        gap=draw(st.sampled_from([0, 0, 3]), label="gap"),
        max_train_size=draw(st.sampled_from([None, None, 18]), label="most training rows"),
    )
    return draw(st.sampled_from(list(splitter.split(X))), label="split")


def spoilt(values, train, garbage):
    """Return a copy whose rows are garbage wherever they are not trained on."""
    values = np.array(values)
    others = np.setdiff1d(np.arange(N_ROWS), train)
    if garbage == "noise":
        values[others] = np.random.default_rng(9).normal(size=values[others].shape)
        return values
    garbage = GARBAGE[garbage]
    if not isinstance(garbage, float):
        values = values.astype(object)
    values[others] = garbage
    return values


def training_rows(values, train, labelled, columns):
    """Return the training rows as a slice of all rows, which shares their memory."""
    if labelled:
        make = pd.DataFrame if values.ndim == 2 else pd.Series
        rows = make(values, INDEX, **({"columns": columns} if columns else {}))
        return rows.iloc[train[0] : train[-1] + 1]
    rows = values[train[0] : train[-1] + 1]
    assert np.shares_memory(rows, values)
    return rows


def fitted(estimator, x, y, train, labelled):
    """Return an estimator fitted on the training rows of a series."""
    rows = training_rows(x, train, labelled, ["a", "b"])
    target = training_rows(y, train, labelled, None)
    with warnings.catch_warnings():
        # Labels are dropped on purpose by some steps.
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        return clone(estimator).fit(rows, target)


def remembered(estimator):
    """Return all that an estimator holds, but for how long a search took."""
    if isinstance(estimator, GridSearchCV):
        told = dict(vars(estimator))
        told["cv_results_"] = {k: v for k, v in told["cv_results_"].items() if "time" not in k}
        told.pop("refit_time_")
        return told
    return estimator


def check_fit(estimator, split, garbage, labelled):
    """Assert that a fit is the same to the last bit, whatever the other rows hold."""
    train, _ = split
    honest = fitted(estimator, X, Y, train, labelled)
    other = fitted(estimator, spoilt(X, train, garbage), spoilt(Y, train, garbage), train, labelled)
    assert_same(remembered(other), remembered(honest))
    # What was fitted holds no view of the rows that were then still to come, nor of any other.
    x = X.copy()
    holder = fitted(estimator, x, Y.copy(), train, labelled)
    x[:] = 1e9
    assert_same(remembered(holder), remembered(honest))


@pytest.mark.parametrize("labelled", [False, True], ids=["arrays", "tables"])
@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=4, **SETTINGS)
@given(split=splits(), garbage=st.sampled_from([*GARBAGE, "noise"]))
def test_garbage_in_test_rows_changes_nothing_that_is_fitted(name, labelled, split, garbage):
    """All that is fitted comes from the training rows of the split."""
    check_fit(QUICK[name], split, garbage, labelled)


@pytest.mark.parametrize(
    "name",
    [n for n in [*NETWORKS, *SEARCHES] if n not in ("LSTM of quantiles", "search over an LSTM")],
)
@settings(max_examples=2, **SETTINGS)
@given(split=splits(), garbage=st.sampled_from([*GARBAGE, "noise"]))
def test_garbage_in_test_rows_changes_no_network(name, split, garbage):
    """Nor do weights, states, histories or scores of a search come from elsewhere."""
    check_fit({**NETWORKS, **SEARCHES}[name], split, garbage, labelled=True)


@pytest.mark.slow
@pytest.mark.parametrize("labelled", [False, True], ids=["arrays", "tables"])
@pytest.mark.parametrize("name", [*NETWORKS, *SEARCHES])
@settings(max_examples=15, **SETTINGS)
@given(split=splits(), garbage=st.sampled_from([*GARBAGE, "noise"]))
def test_no_garbage_changes_a_network(name, labelled, split, garbage):
    """The same over many more splits."""
    check_fit({**NETWORKS, **SEARCHES}[name], split, garbage, labelled)


@pytest.mark.parametrize(
    "regressor",
    [LSTMRegressor(**LSTM), StatefulLSTMRegressor(**LSTM, batch_size=2, bptt_steps=3)],
    ids=["LSTM", "stateful LSTM"],
)
@settings(max_examples=4, **SETTINGS)
@given(
    split=splits(), garbage=st.sampled_from(["NaN", "infinity", "large"]), step=st.integers(1, 2)
)
def test_windows_are_read_no_further_than_they_reach(regressor, split, garbage, step):
    """A fit on some windows of a series, a view of its memory, sees no row after the last."""
    train = split[0]
    rows = X.copy()
    rows[train[-1] + 1 :] = GARBAGE[garbage]
    views = [
        np.lib.stride_tricks.sliding_window_view(r, 4, axis=0).swapaxes(1, 2) for r in (X, rows)
    ]
    first, last = train[0], train[-1] - 3
    honest, other = (
        clone(regressor).fit(windows[first : last + 1 : step], Y[first + 3 : last + 4 : step])
        for windows in views
    )
    assert_same(other, honest)


@pytest.mark.parametrize("name", ["ridge, one step ahead", "tree, running on", "stateful LSTM"])
@pytest.mark.parametrize("labelled", [False, True], ids=["arrays", "tables"])
@pytest.mark.parametrize("gap", [0, 2])
def test_scikit_learns_own_splits_leak_nothing(name, labelled, gap):
    """The estimators of cross_validate are those that were fitted to the training rows alone."""
    estimator, cv = {**QUICK, **NETWORKS}[name], TimeSeriesSplit(3, gap=gap)
    x = pd.DataFrame(X, INDEX, ["a", "b"]) if labelled else X
    y = pd.Series(Y, INDEX) if labelled else Y
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*the rows before them are not known")
        warnings.filterwarnings("ignore", ".*a state of zero")
        found = cross_validate(estimator, x, y, cv=cv, return_estimator=True)["estimator"]
    for (train, _), ours in zip(cv.split(X), found, strict=True):
        alone = fitted(estimator, spoilt(X, train, "NaN"), spoilt(Y, train, "NaN"), train, labelled)
        assert_same(ours, alone)


@pytest.mark.parametrize(
    ("name", "feed_back"),
    [
        ("ridge, one step ahead", False),
        ("ridge, one step ahead", True),
        ("LSTM, one step ahead", False),
        pytest.param("LSTM, one step ahead", True, marks=pytest.mark.slow),
    ],
)
@settings(max_examples=2, **SETTINGS)
@given(
    t=st.integers(22, N_ROWS - 1),
    gap=st.sampled_from([0, 2]),
    most=st.sampled_from([None, 18]),
    size=st.sampled_from([0.0, 1e6]),
)
def test_a_back_test_knows_nothing_of_later_rows(name, feed_back, t, gap, most, size):
    """Rows from t on change no fold trained before t, and no line before t."""
    estimator = {**QUICK, **NETWORKS}[name]
    cv = TimeSeriesSplit(2, gap=gap, max_train_size=most)
    later = np.arange(N_ROWS) >= t
    noise = np.random.default_rng(9).normal(size=(N_ROWS, 2))
    x, y = X + size * noise * later[:, None], Y + (1 + size) * noise[:, 0] * later
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*the rows before them are not known")
        tables = [
            (pd.DataFrame(rows, INDEX, ["a_lag1", "b"]), pd.Series(target, INDEX, name="a"))
            for rows, target in ((X, Y), (x, y))
        ]
        ours, theirs = (backtest(estimator, *table, cv, feed_back=feed_back) for table in tables)
    for (train, _), one, other in zip(cv.split(X), ours.estimators, theirs.estimators, strict=True):
        if train[-1] < t:
            assert_same(other, one)
    before = ours.predictions.index < INDEX[t]
    pd.testing.assert_frame_equal(
        theirs.predictions[before], ours.predictions[before], check_exact=True
    )


@pytest.mark.parametrize("name", [*QUICK, "LSTM on windows", "stateful LSTM"])
def test_a_leak_would_be_seen(name):
    """What is compared does tell an estimator that was fitted to one row more."""
    estimator, train = {**QUICK, **NETWORKS}[name], np.arange(20)
    honest = fitted(estimator, X, Y, train, labelled=False)
    leaky = fitted(estimator, X, Y, np.arange(21), labelled=False)
    assert differ(honest, leaky)
