"""Laws of every estimator: rows in parts, copies, and fits after other fits."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from estimators import (
    EVERY,
    INDEX,
    LSTM,
    N_ROWS,
    N_TRAIN,
    SETTINGS,
    TABLE,
    X,
    Y,
    outputs,
    part,
    quietly,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from states import assert_same, differ, unchanged

from sklstm import LagWindower, LSTMRegressor, StatefulLSTMRegressor

TRAIN, Y_TRAIN = TABLE[:N_TRAIN], Y[:N_TRAIN]
each_estimator = pytest.mark.parametrize("name", EVERY)


@pytest.fixture(scope="module", params=[2, 3])
def on_windows(request):
    """A network on windows, fitted once."""
    windows = LagWindower(4).fit_transform(X)
    return LSTMRegressor(**{**LSTM, "units": request.param}).fit(windows, Y), windows


@settings(max_examples=10, **SETTINGS)
@given(cuts=st.sets(st.integers(1, N_ROWS - 1), max_size=5), is_view=st.booleans())
def test_windows_are_predicted_alike_in_parts_and_as_a_whole(on_windows, cuts, is_view):
    """A small network predicts each window to the same bit, whatever is predicted with it."""
    regressor, windows = on_windows
    whole = regressor.predict(windows if is_view else np.array(windows))
    edges = [0, *sorted(cuts), N_ROWS]
    parts = [regressor.predict(windows[start:stop]) for start, stop in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    some = sorted(cuts)[::-1]
    if some:
        np.testing.assert_array_equal(regressor.predict(windows[some]), whole[some])


@pytest.fixture(
    scope="module",
    params=[None, INDEX, INDEX.to_period("D"), pd.Index([f"step {i:03}" for i in range(N_ROWS)])],
    ids=["array", "days", "periods", "text"],
)
def stateful(request):
    """A stateful network, fitted once on the first rows of a series."""
    rows = X if request.param is None else TABLE.set_axis(request.param)
    return StatefulLSTMRegressor(**LSTM).fit(part(rows, 0, N_TRAIN), Y_TRAIN), rows


@settings(max_examples=4, **SETTINGS)
@given(cuts=st.sets(st.integers(N_TRAIN + 1, N_ROWS - 1), max_size=3))
def test_a_state_moved_past_parts_predicts_as_the_whole(stateful, cuts):
    """Predicting a part and advancing past it, part after part, is predicting all at once."""
    regressor, rows = stateful
    whole = regressor.predict(part(rows, N_TRAIN))
    walker, parts = copy.deepcopy(regressor), []
    for start, stop in pairwise([N_TRAIN, *sorted(cuts), N_ROWS]):
        parts.append(walker.predict(part(rows, start, stop)))
        walker.advance(part(rows, start, stop))
    # The last layer may add up a single row in another order than many.
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=1e-6)
    jumper = copy.deepcopy(regressor).advance(part(rows, N_TRAIN))
    assert_same(walker.state_, jumper.state_)


@each_estimator
def test_copies_are_equal_and_predict_equally(name):
    """A copy or a pickle holds and returns the same to the last bit; a clone is not fitted."""
    estimator = clone(EVERY[name]).fit(TRAIN, Y_TRAIN)
    copies = [
        copy.copy(estimator),
        copy.deepcopy(estimator),
        *(pickle.loads(pickle.dumps(estimator, protocol)) for protocol in (2, 5)),
    ]
    for other in copies:
        assert_same(other, estimator, name)
        for rows in (TRAIN, TABLE[N_TRAIN:], TABLE[N_TRAIN - 3 :]):
            ours, theirs = quietly(outputs, other, rows), quietly(outputs, estimator, rows)
            assert_same(ours, theirs, name)
    fresh = clone(estimator)
    assert vars(fresh).keys() == estimator.get_params(deep=False).keys()
    assert_same(fresh, clone(EVERY[name]), name)
    assert_same(fresh.fit(TRAIN, Y_TRAIN), estimator, name)


@each_estimator
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_only_fit_changes_an_estimator(name):
    """No call but fit and its like changes a fitted estimator."""
    estimator = clone(EVERY[name]).fit(TRAIN, Y_TRAIN)
    with unchanged(estimator):
        for rows in (TRAIN, TABLE[N_TRAIN:], X[N_TRAIN:]):
            outputs(estimator, rows)
        if hasattr(estimator, "score"):
            estimator.score(TABLE[N_TRAIN:], Y[N_TRAIN:])
        repr(estimator)
        estimator._repr_html_()


WALK = np.random.default_rng(1).normal(size=(51, 3)).cumsum(axis=0)
WIDE, NEXT = WALK[:-1], WALK[1:, 0]
MONTHS = pd.period_range("1999-01", periods=50, freq="M")
#: Rows to forget: other columns, labels, types, numbers of rows, axes, targets.
OTHERS = {
    "a table of three columns": (pd.DataFrame(WIDE, MONTHS, ["x", "y", "z"]), NEXT),
    "an array of whole numbers": (np.rint(WIDE * 9).astype(int), np.rint(NEXT * 9)),
    "a table with holes, of float32": (
        pd.DataFrame(WIDE, columns=["a", "b", "c"]).astype("float32").drop(range(20, 23)),
        np.delete(NEXT, range(20, 23)),
    ),
    "two targets": (WIDE, pd.DataFrame(WIDE[:, :2], columns=["p", "q"])),
    "windows": (np.ascontiguousarray(LagWindower(2).fit_transform(WIDE)[1:]), WIDE[1:, 0]),
}
TAKE_WINDOWS = ("scaled", "LSTM", "LSTM of quantiles", "stateful LSTM")


def second_fits():
    """Yield each estimator with each of the rows that it takes."""
    for name in EVERY:
        for other in OTHERS:
            if other == "windows" and name not in TAKE_WINDOWS:
                continue
            if other == "two targets" and ("one step" in name or "scaled windows" in name):
                continue
            is_quick = "LSTM" not in name or (
                other == "a table of three columns" and name in ("LSTM", "stateful LSTM")
            )
            yield pytest.param(name, other, marks=[] if is_quick else pytest.mark.slow)


@pytest.mark.parametrize(("name", "other"), second_fits())
def test_a_second_fit_forgets_the_first(name, other):
    """An estimator that is fitted again equals, with all its outputs, one that is fitted once."""
    again = clone(EVERY[name]).fit(*OTHERS[other])
    first = copy.deepcopy(again)
    for rows, later in ((TRAIN, TABLE[N_TRAIN:]), (X[:N_TRAIN], X[N_TRAIN:])):
        fresh = clone(EVERY[name]).fit(rows, Y_TRAIN)
        assert_same(again.fit(rows, Y_TRAIN), fresh, name)
        assert_same(outputs(again, later), outputs(fresh, later), name)
    assert differ(first, again)
    assert_same(again.fit(*OTHERS[other]), first, name)


def test_quantiles_are_forgotten_with_their_loss():
    """A regressor that is refitted with another loss keeps nothing of its quantiles."""
    regressor = LSTMRegressor(**LSTM, loss="quantile").fit(X, Y).set_params(loss="huber")
    assert_same(regressor.fit(X, Y), LSTMRegressor(**LSTM, loss="huber").fit(X, Y))


def test_rows_moved_past_are_forgotten():
    """Neither a state that was moved nor a partial fit outlives the next fit."""
    regressor = StatefulLSTMRegressor(**LSTM).fit(TRAIN, Y_TRAIN)
    fresh = copy.deepcopy(regressor)
    regressor.advance(TABLE[N_TRAIN:]).partial_fit(TABLE, Y).reset_state()
    assert_same(regressor.fit(TRAIN, Y_TRAIN), fresh)


def test_a_weight_counts_as_that_many_equal_rows():
    """In one batch, integer weights divided by their mean train as so many equal rows."""
    weights = np.random.default_rng(0).integers(0, 4, N_ROWS)
    options = {**LSTM, "normalize": False, "epochs": 5, "batch_size": 200}
    repeated = LSTMRegressor(**options).fit(X.repeat(weights, axis=0), Y.repeat(weights))
    weighted = LSTMRegressor(**options).fit(X, Y, sample_weight=weights / weights.mean())
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-5)


def test_each_fit_draws_anew_from_a_generator():
    """Equal generators give equal networks, one generator another network at each fit."""

    def weights(random_state):
        regressor = LSTMRegressor(**{**LSTM, "random_state": random_state})
        return regressor.fit(X, Y).model_.get_weights()

    one, same = np.random.RandomState(3), np.random.RandomState(3)
    first, second = weights(one), weights(one)
    assert differ(first, second)
    assert_same([weights(same), weights(same)], [first, second])
    regressor = LSTMRegressor(**{**LSTM, "random_state": np.random.RandomState(3)})
    with unchanged(regressor):  # a clone has a copy
        assert_same(clone(regressor).fit(X, Y).model_.get_weights(), first)
