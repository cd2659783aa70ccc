"""Nothing of a test row is found in what was fitted to the training rows of a split."""

import warnings

import numpy as np
import pandas as pd
import pytest
from estimators import (
    INDEX,
    LSTM,
    N_ROWS,
    NETWORKS,
    REGRESSORS,
    SETTINGS,
    TABLE,
    TRANSFORMERS,
    X,
    Y,
    quietly,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_validate
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from states import assert_same

from sklstm import (
    Differencer,
    FewRowsTaughtWarning,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TimeStepSplit,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    backtest,
    series_to_supervised,
)

ESTIMATORS = {
    **TRANSFORMERS,
    **REGRESSORS,
    **NETWORKS,
    "rows and differences": FeatureUnion(
        [("windows", LagWindower(2, flatten=True)), ("differences", Differencer())]
    ),
    "each column in its way": ColumnTransformer(
        [("differences", Differencer(), [0]), ("scaled", SeriesMinMaxScaler(), [1])]
    ),
    "search over ridge": GridSearchCV(
        REGRESSORS["ridge, one step ahead"],
        {"regressor__lagwindower__window": [1, 2]},
        cv=TimeSeriesSplit(2),
    ),
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


def fitted(estimator, x, y, train, labelled):
    """Return an estimator fitted on the training rows, which share the memory of all rows."""
    if labelled:
        x, y = pd.DataFrame(x, INDEX, TABLE.columns), pd.Series(y, INDEX)
    with warnings.catch_warnings():
        # Labels are dropped on purpose by some steps.
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        warnings.simplefilter("ignore", FewRowsTaughtWarning)  # of the folds of a search
        rows = slice(train[0], train[-1] + 1)
        return clone(estimator).fit(x[rows], y[rows])


def remembered(estimator):
    """Return all that an estimator holds, but for how long a search took."""
    if isinstance(estimator, GridSearchCV):
        told = dict(vars(estimator))
        told["cv_results_"] = {k: v for k, v in told["cv_results_"].items() if "time" not in k}
        told.pop("refit_time_")
        return told
    return estimator


each_kind = pytest.mark.parametrize("labelled", [False, True], ids=["arrays", "tables"])
#: Every day, networks learn from tables alone.


@pytest.mark.parametrize(
    ("labelled", "name"),
    [
        pytest.param(
            labelled,
            name,
            id=f"{name}-{'tables' if labelled else 'arrays'}",
            marks=pytest.mark.slow
            if name == "search over ridge" or (name in NETWORKS and not labelled)
            else (),
        )
        for labelled in (False, True)
        for name in ESTIMATORS
    ],
)
@settings(max_examples=5, **SETTINGS)
@given(split=splits(), garbage=st.sampled_from([*GARBAGE, "noise"]))
def test_garbage_in_test_rows_changes_nothing_that_is_fitted(name, labelled, split, garbage):
    """All that is fitted, weights and states too, comes from the training rows of the split."""
    estimator, (train, _) = ESTIMATORS[name], split
    honest = remembered(fitted(estimator, X, Y, train, labelled))
    spoilt_rows, spoilt_target = spoilt(X, train, garbage), spoilt(Y, train, garbage)
    other = fitted(estimator, spoilt_rows, spoilt_target, train, labelled)
    assert_same(remembered(other), honest)
    # What was fitted holds no view of the rows that were then still to come, nor of any other.
    x = X.copy()
    holder = fitted(estimator, x, Y.copy(), train, labelled)
    x[:] = 1e9
    assert_same(remembered(holder), honest)


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
@each_kind
@pytest.mark.parametrize("gap", [0, 2])
def test_scikit_learns_own_splits_leak_nothing(name, labelled, gap):
    """The estimators of cross_validate are those that were fitted to the training rows alone."""
    estimator, cv = ESTIMATORS[name], TimeSeriesSplit(3, gap=gap)
    x, y = (TABLE, pd.Series(Y, INDEX)) if labelled else (X, Y)
    found = quietly(cross_validate, estimator, x, y, cv=cv, return_estimator=True)["estimator"]
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
    """Rows from t on change no estimator trained before t, and no prediction before t."""
    cv = TimeSeriesSplit(2, gap=gap, max_train_size=most)
    later = np.arange(N_ROWS) >= t
    noise = np.random.default_rng(9).normal(size=(N_ROWS, 2))
    x, y = X + size * noise * later[:, None], Y + (1 + size) * noise[:, 0] * later
    x[1:, 0] = y[:-1]
    tables = [
        (pd.DataFrame(rows, INDEX, ["a_lag1", "b"]), pd.Series(target, INDEX, name="a"))
        for rows, target in ((X, Y), (x, y))
    ]
    options = {"feed_back": feed_back, "future_inputs": "b"}
    ours, theirs = (quietly(backtest, ESTIMATORS[name], *table, cv, **options) for table in tables)
    for (train, _), one, other in zip(cv.split(X), ours.estimators, theirs.estimators, strict=True):
        if train[-1] < t:
            assert_same(other, one)
    before = ours.predictions.index < INDEX[t]
    pd.testing.assert_frame_equal(
        theirs.predictions[before], ours.predictions[before], check_exact=True
    )


# --------------------------------------------------------------------------------- compositions

LEARNERS = {
    "ridge": Ridge(),
    "ensemble": BaggingRegressor(Ridge(), 3, random_state=0),
    "networks": LSTMRegressor(**LSTM, n_networks=2),
}
WAYS = {
    "as it is": None,
    "logarithm": FunctionTransformer(np.log, np.exp),
    "differences": Differencer([1, 2]),
    "differences, range of each": [Differencer(2), SeriesMinMaxScaler(per_series=True)],
    "range": SeriesMinMaxScaler(),
}
DAYS = pd.date_range("2024-01-01", periods=40, name="day")


def composed(learner, way, is_scaled):
    """Return a model of many series."""
    learner, steps = LEARNERS[learner], WAYS[way]
    steps = make_pipeline(*steps) if isinstance(steps, list) else steps
    last = WindowScaledRegressor(learner, season=2) if is_scaled else learner
    windower = LagWindower(4, flatten=not isinstance(learner, LSTMRegressor))
    return TransformedSeriesRegressor(make_pipeline(windower, last), steps)


def later_changed(t, shops):
    """Return series of two shops, of which some change from a step on."""
    walks = np.random.default_rng(0).normal(size=(len(DAYS), 2)).cumsum(axis=0)
    values = np.exp(walks / 5 + 1)
    noise = np.random.default_rng(9).uniform(1, 1e6, size=values.shape)
    is_later = (np.arange(len(DAYS)) >= t)[:, None] & np.isin(["a", "b"], shops)
    wide = pd.DataFrame(np.where(is_later, noise, values), DAYS, pd.Index(["a", "b"], name="shop"))
    return wide.stack(future_stack=True).rename("sold")  # noqa: PD013


COMPOSITIONS = [
    *[("ridge", way, is_scaled) for way in WAYS for is_scaled in (False, True)],
    ("ensemble", "differences, range of each", True),
    ("ensemble", "logarithm", False),
]


@pytest.mark.parametrize(
    "shops",
    [
        pytest.param(["a"], id="one series"),
        pytest.param(["a", "b"], id="all series", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    ("learner", "way", "is_scaled", "ahead"),
    [
        *[(*one, ahead) for one in COMPOSITIONS for ahead in ("one step", "direct", "recursive")],
        ("networks", "differences, range of each", False, "direct"),
        ("networks", "logarithm", True, "recursive"),
    ],
)
def test_a_composition_knows_nothing_of_later_values(learner, way, is_scaled, ahead, shops):
    """Values from a step on, of one series or all, change no fold before, and no prediction."""
    horizon, cv = 3 if ahead == "direct" else 1, TimeStepSplit(2, test_size=5)

    def predicted(series):
        X, y = series_to_supervised(series, horizon=horizon)
        model = composed(learner, way, is_scaled)
        found = quietly(backtest, model, X, y, cv, feed_back=ahead == "recursive").predictions
        return found, [X.index[test[0]][0] for _, test in cv.split(X)]

    whole, firsts = predicted(later_changed(len(DAYS), shops))
    # A row holds the value before it, so the first test row knows nothing of its own step either.
    for t in (DAYS.get_loc(firsts[0]), DAYS.get_loc(firsts[1]) + 2):
        other, _ = predicted(later_changed(t, shops))
        before = whole.index.get_level_values("day") <= DAYS[t]
        assert before.any()
        pd.testing.assert_frame_equal(
            other[before].drop(columns="actual"),
            whole[before].drop(columns="actual"),
            check_exact=True,
        )
