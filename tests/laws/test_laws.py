"""Laws for whatever rows, labels and types: ways back, pieces, copies, second fits, purity."""

import copy
import importlib
import logging
import os
import pickle
import random
import subprocess
import sys
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from states import assert_same, differ, input_state, process_state

from sklstm import (
    Differencer,
    ForecastDisplay,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TrainingHistoryDisplay,
    TransformedSeriesRegressor,
    backtest,
    conformal_interval,
    datasets,
    forecast,
    series_to_supervised,
)

N_MOST = 40
LSTM = {"units": 2, "epochs": 1, "random_state": 0}

#: Labels of a series; None for an array.
INDEXES = {
    "array": None,
    "counted": pd.RangeIndex(5, 5 + 2 * N_MOST, 2),
    "days": pd.date_range("2024-01-30", periods=N_MOST, freq="D"),
    "months": pd.date_range("2020-01-01", periods=N_MOST, freq="MS"),
    "hours of a town": pd.date_range(
        "2024-03-30 12:00", periods=N_MOST, freq="h", tz="Europe/Berlin"
    ),
    "business days": pd.bdate_range("2024-01-03", periods=N_MOST),
    "periods": pd.period_range("2020-01", periods=N_MOST, freq="M"),
    "text": pd.Index([f"step {i:03}" for i in range(N_MOST)]),
    "irregular dates": pd.Timestamp("2024-01-01")
    + pd.to_timedelta(np.arange(N_MOST) ** 2, unit="D"),
    "irregular numbers": pd.Index(np.arange(N_MOST) ** 1.5),
}
#: Those in which a hole is told from a next step.
HOLED = ("counted", "days", "months", "hours of a town", "periods")
# The search for the smallest case is worth its time, the search for an explanation is not.
SETTINGS = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
    "phases": [phase for phase in Phase if phase is not Phase.explain],
}


@st.composite
def series(draw, dtypes=("float64", "float32", "int64", "object"), kinds=tuple(INDEXES)):
    """Draw a series: an array or a table, some of its first rows perhaps not known."""
    n_rows = draw(st.integers(16, N_MOST), label="rows")
    n_columns = draw(st.integers(1, 3), label="columns")
    walk = np.random.default_rng(draw(st.integers(0, 999), label="seed"))
    step = draw(st.sampled_from([1.0, 1e-3, 1e4]), label="step")
    values = walk.normal(0, step, (n_rows, n_columns)).cumsum(axis=0)
    if draw(st.booleans(), label="few values"):
        values = walk.integers(0, 3, (n_rows, n_columns)).astype(float)
    dtype = draw(st.sampled_from(dtypes), label="dtype")
    if dtype == "int64":
        values = np.rint(values)
    else:
        values[: draw(st.sampled_from([0, 0, 1, 3]), label="unknown rows")] = np.nan
    values = values.astype(dtype)
    kind = draw(st.sampled_from(kinds), label="labels")
    if kind == "array":
        return values
    names = draw(st.sampled_from([["a", "b", "c"], [0, 1, 2]]), label="names")
    return pd.DataFrame(values, INDEXES[kind][:n_rows], names[:n_columns])


def numbers(table):
    """Return a table as an array of float64."""
    return np.asarray(table, dtype=float)


def part(table, start, stop=None):
    """Return some rows."""
    return table.iloc[start:stop] if isinstance(table, pd.DataFrame) else table[start:stop]


def quietly(method, *args, **options):
    """Call a method that may warn of rows whose past is not known."""
    with warnings.catch_warnings():
        for what in ("the rows before them are not known", "a state of zero", "no known place"):
            warnings.filterwarnings("ignore", message=f".*{what}")
        return method(*args, **options)


# --- ways back ------------------------------------------------------------------------------------

WAYS = {
    "differences": Differencer(),
    "seasonal differences": Differencer([1, 4]),
    "scaled": SeriesMinMaxScaler((-1, 1)),
    "differences, scaled": make_pipeline(Differencer(2), SeriesMinMaxScaler()),
    "scaled, differences": make_pipeline(SeriesMinMaxScaler((2, 5)), Differencer(3)),
    "differences of differences": make_pipeline(Differencer(), Differencer(4)),
}


def assert_restored(back, rows):
    """Assert that rows are what they were, but for rounding, and labelled as they were."""
    values = numbers(rows)
    is_float32 = (rows.to_numpy() if isinstance(rows, pd.DataFrame) else rows).dtype == np.float32
    close = (1e-5 if is_float32 else 1e-9) * max(1.0, np.nanmax(np.abs(values), initial=0.0))
    np.testing.assert_allclose(numbers(back), values, rtol=0, atol=close)
    if isinstance(rows, pd.DataFrame):
        pd.testing.assert_index_equal(back.index, rows.index)
        # scikit-learn gives x0, x1 and so on to columns without names.
        names = rows.columns if isinstance(rows.columns[0], str) else ["x0", "x1", "x2"]
        assert list(back.columns) == list(names[: rows.shape[1]])


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=8, **SETTINGS)
@given(X=series())
def test_the_way_back_restores_the_training_rows(name, X):
    """What is transformed and inverted is what it was, also where the first rows are not known."""
    way = clone(WAYS[name]).fit(X)
    assert_restored(way.inverse_transform(way.transform(X)), X)


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=6, **SETTINGS)
@given(X=series(kinds=HOLED), hole=st.tuples(st.integers(6, 8), st.integers(1, 2)))
def test_the_way_back_restores_the_training_rows_around_a_hole(name, X, hole):
    """The rows after missing labels are restored from the first of them."""
    start, width = hole
    holed = X.drop(X.index[start : start + width])
    way = clone(WAYS[name]).fit(holed)
    assert_restored(way.inverse_transform(way.transform(holed)), holed)


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=8, **SETTINGS)
@given(X=series(), n_train=st.integers(12, 15), n_common=st.sampled_from([0, 0, 2]))
def test_the_way_back_restores_later_rows(name, X, n_train, n_common):
    """Rows that follow the training rows, or overlap them by label, run on from what was known."""
    if not isinstance(X, pd.DataFrame):
        n_common = 0
        # Rows that begin as the training rows do are taken for them.
        assume(not np.array_equal(numbers(X)[n_train], numbers(X)[0]))
    way = clone(WAYS[name]).fit(part(X, 0, n_train))
    later = part(X, n_train - n_common)
    assert_restored(way.inverse_transform(way.transform(later)), later)


@pytest.mark.parametrize("interval", [1, 3, [1, 4]], ids=repr)
@settings(max_examples=8, **SETTINGS)
@given(X=series(), n_train=st.integers(12, 15))
def test_observed_rows_restore_the_next(interval, X, n_train):
    """Each row is its difference and what was observed before it, whatever was made of the last."""
    differencer = Differencer(interval).fit(part(X, 0, n_train))
    later = part(X, n_train)
    if not isinstance(X, pd.DataFrame):
        assume(not np.array_equal(numbers(X)[n_train], numbers(X)[0]))
    differences = differencer.transform(later)
    assert_restored(differencer.inverse_transform(differences, observed=later), later)


# --- fit_transform, no look-ahead, pieces ---------------------------------------------------------

TRANSFORMERS = {
    **WAYS,
    "windows": LagWindower(4),
    "flat windows": LagWindower(3, flatten=True),
    "windows that always continue": LagWindower(3, history="continue"),
    "windows without a past": LagWindower(3, history="none"),
    "differences, scaled, in windows": make_pipeline(
        Differencer([1, 3]), SeriesMinMaxScaler(), LagWindower(4)
    ),
}


@pytest.mark.parametrize("name", TRANSFORMERS)
@settings(max_examples=6, **SETTINGS)
@given(X=series())
def test_fit_transform_is_fit_and_transform(name, X):
    """Both give the same values, type, labels and names, and leave the same behind."""
    together, apart = clone(TRANSFORMERS[name]), clone(TRANSFORMERS[name])
    assert_same(together.fit_transform(X), apart.fit(X).transform(X))
    assert_same(together, apart)


@pytest.mark.parametrize("name", TRANSFORMERS)
@settings(max_examples=6, **SETTINGS)
@given(X=series(dtypes=("float64",)))
def test_lists_are_arrays(name, X):
    """Rows given as lists, or as whole numbers in objects, are transformed as arrays are."""
    rows = numbers(X)
    for given_rows in (rows.tolist(), rows.astype(object)):
        ours = clone(TRANSFORMERS[name]).fit(given_rows).transform(given_rows)
        assert_same(ours, clone(TRANSFORMERS[name]).fit(rows).transform(rows))


@pytest.mark.parametrize("name", TRANSFORMERS)
@settings(max_examples=8, **SETTINGS)
@given(X=series(dtypes=("float64",)), data=st.data())
def test_no_output_depends_on_a_later_row(name, X, data):
    """Whatever the rows from t on become, and whether they are there, outputs before t stay."""
    n_train = data.draw(st.integers(12, 15), label="training rows")
    start = data.draw(st.sampled_from([0, n_train - 2, n_train]), label="start")
    if name == "windows that always continue" and start < n_train:
        start = n_train
    assume(len(X) > start + 1)
    t = data.draw(st.integers(start + 1, len(X) - 1), label="t")
    transformer = clone(TRANSFORMERS[name]).fit(part(X, 0, n_train))
    whole = quietly(transformer.transform, part(X, start))
    other = X.copy()
    garbage = data.draw(st.sampled_from([np.nan, 1e30, 0.0]), label="garbage")
    (other.iloc if isinstance(other, pd.DataFrame) else other)[t:] = garbage
    for rows in (part(other, start), part(X, start, t)):
        ours = quietly(transformer.transform, rows)
        np.testing.assert_array_equal(part(ours, 0, t - start), part(whole, 0, t - start))


@pytest.mark.parametrize("name", TRANSFORMERS)
@settings(max_examples=8, **SETTINGS)
@given(X=series(dtypes=("float64", "float32")), data=st.data())
def test_pieces_that_reach_back_give_what_the_whole_gives(name, X, data):
    """A later piece, with as many rows before it as are looked back on, is transformed alike."""
    n_train = data.draw(st.integers(12, 14), label="training rows")
    reach = 7 if "in windows" in name else 5
    assume(len(X) > n_train + reach + 1)
    at = data.draw(st.integers(n_train + reach + 1, len(X) - 1), label="cut")
    transformer = clone(TRANSFORMERS[name]).fit(part(X, 0, n_train))
    whole = transformer.transform(part(X, n_train))
    first = transformer.transform(part(X, n_train, at))
    second = part(quietly(transformer.transform, part(X, at - reach)), reach)
    joined = np.concatenate([numbers(first), numbers(second)])
    np.testing.assert_allclose(joined, numbers(whole), rtol=1e-12, equal_nan=True)


@pytest.mark.parametrize("name", [name for name in TRANSFORMERS if "scaled" not in name])
@settings(max_examples=5, **SETTINGS)
@given(X=series(dtypes=("float64",), kinds=("array", "days", "text")), n_more=st.integers(1, 3))
def test_a_fit_on_more_rows_goes_on_where_the_whole_does(name, X, n_more):
    """What looks back transforms later rows alike, whenever the rows before them were learnt."""
    if not isinstance(X, pd.DataFrame):
        # Rows that begin as the training rows do are taken for them.
        assume(not (X[[12, 12 + n_more]] == X[0]).all(axis=1).any())
    early = clone(TRANSFORMERS[name]).fit(part(X, 0, 12))
    late = clone(TRANSFORMERS[name]).fit(part(X, 0, 12 + n_more))
    whole = early.transform(part(X, 12))
    ours = late.transform(part(X, 12 + n_more))
    if name == "windows without a past":
        ours, whole = part(ours, 2), part(whole, 2)
    np.testing.assert_array_equal(numbers(ours), part(numbers(whole), n_more))


# --- regressors: pieces ---------------------------------------------------------------------------

N_ROWS, N_TRAIN = 40, 28
SERIES = np.random.default_rng(0).normal(size=(N_ROWS + 1, 2)).cumsum(axis=0)
X, Y = SERIES[:-1], SERIES[1:, 0]
STATEFUL_INDEXES = ("array", "days", "periods", "text")


@pytest.fixture(scope="module", params=[{"units": 2}, {"units": 3}], ids=str)
def on_windows(request):
    """A network on windows, fitted once."""
    windows = LagWindower(4).fit_transform(X)
    return LSTMRegressor(**{**LSTM, **request.param}).fit(windows, Y), windows


@settings(max_examples=10, **SETTINGS)
@given(cuts=st.sets(st.integers(1, N_ROWS - 1), max_size=5), is_view=st.booleans())
def test_windows_in_pieces_are_predicted_as_the_whole(on_windows, cuts, is_view):
    """Each window has the same prediction, of a small network to the last bit, in any company."""
    regressor, windows = on_windows
    whole = regressor.predict(windows if is_view else np.array(windows))
    edges = [0, *sorted(cuts), N_ROWS]
    pieces = [regressor.predict(windows[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    some = sorted(cuts)[::-1]
    if some:
        np.testing.assert_array_equal(regressor.predict(windows[some]), whole[some])


def labelled(kind, rows):
    """Return rows with labels of a kind."""
    return rows if INDEXES[kind] is None else pd.DataFrame(rows, INDEXES[kind], ["a", "b"])


@pytest.fixture(scope="module", params=STATEFUL_INDEXES)
def stateful(request):
    """A stateful network, fitted once on the first rows of a series."""
    rows = labelled(request.param, X)
    return StatefulLSTMRegressor(**LSTM).fit(part(rows, 0, N_TRAIN), Y[:N_TRAIN]), rows


@settings(max_examples=4, **SETTINGS)
@given(cuts=st.sets(st.integers(N_TRAIN + 1, N_ROWS - 1), max_size=3))
def test_a_state_moved_past_pieces_predicts_as_the_whole(stateful, cuts):
    """Predicting a piece and advancing past it, piece after piece, is predicting all at once."""
    regressor, rows = stateful
    whole = regressor.predict(part(rows, N_TRAIN))
    edges = [N_TRAIN, *sorted(cuts), N_ROWS]
    walker, pieces = copy.deepcopy(regressor), []
    for start, stop in pairwise(edges):
        pieces.append(walker.predict(part(rows, start, stop)))
        walker.advance(part(rows, start, stop))
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    jumper = copy.deepcopy(regressor).advance(part(rows, N_TRAIN))
    assert_same(walker.state_, jumper.state_)


# --- every public estimator: copies, second fits --------------------------------------------------

TABLE = pd.DataFrame(X, INDEXES["days"][:N_ROWS], ["a", "b"])
#: Every public estimator.
EVERY = {
    "windows": LagWindower(4),
    "flat windows": LagWindower(3, flatten=True),
    "differences": Differencer([1, 3]),
    "scaled": SeriesMinMaxScaler((-1, 1), target=[0]),
    "LSTM": LSTMRegressor(**LSTM, validation_fraction=0.25, early_stopping=True),
    "LSTM of quantiles": LSTMRegressor(**LSTM, loss="quantile"),
    "stateful LSTM": StatefulLSTMRegressor(**LSTM),
    "ridge, one step ahead": TransformedSeriesRegressor(
        make_pipeline(Differencer(), LagWindower(3, flatten=True), Ridge()), Differencer(), y_lag=0
    ),
    "LSTM, scaled and running on": TransformedSeriesRegressor(
        make_pipeline(LagWindower(3), LSTMRegressor(**LSTM)),
        make_pipeline(Differencer(2), SeriesMinMaxScaler()),
    ),
}


def outputs(estimator, rows):
    """Return all that a fitted estimator says of rows."""
    said = {}
    for method in ("transform", "predict", "predict_quantiles", "get_feature_names_out"):
        if hasattr(estimator, method):
            said[method] = getattr(estimator, method)(*([] if "names" in method else [rows]))
    if hasattr(estimator, "inverse_transform"):
        said["inverse_transform"] = estimator.inverse_transform(said["transform"])
    return said


@pytest.mark.parametrize("name", EVERY)
def test_copies_say_the_same(name):
    """A copy, also one through a file, holds and says the same to the last bit; a clone nothing."""
    estimator = clone(EVERY[name]).fit(TABLE[:N_TRAIN], Y[:N_TRAIN])
    copies = [
        copy.copy(estimator),
        copy.deepcopy(estimator),
        *(pickle.loads(pickle.dumps(estimator, protocol)) for protocol in (2, 5)),
    ]
    for other in copies:
        assert_same(other, estimator, name)
        for rows in (TABLE[:N_TRAIN], TABLE[N_TRAIN:], TABLE[N_TRAIN - 3 :]):
            ours, theirs = quietly(outputs, other, rows), quietly(outputs, estimator, rows)
            assert_same(ours, theirs, name)
    fresh = clone(estimator)
    assert vars(fresh).keys() == estimator.get_params(deep=False).keys()
    assert_same(fresh, clone(EVERY[name]), name)
    assert_same(fresh.fit(TABLE[:N_TRAIN], Y[:N_TRAIN]), estimator, name)


@pytest.mark.parametrize("name", EVERY)
def test_what_says_something_changes_nothing(name):
    """No call but fit and its like changes a fitted estimator."""
    estimator = clone(EVERY[name]).fit(TABLE[:N_TRAIN], Y[:N_TRAIN])
    before = copy.deepcopy(estimator)
    for rows in (TABLE[:N_TRAIN], TABLE[N_TRAIN:], X[N_TRAIN:]):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            outputs(estimator, rows)
    if hasattr(estimator, "score"):
        estimator.score(TABLE[N_TRAIN:], Y[N_TRAIN:])
    repr(estimator)
    estimator._repr_html_()
    assert_same(estimator, before, name)


WIDE = np.random.default_rng(1).normal(size=(50, 3)).cumsum(axis=0)
#: Rows to forget: other columns, labels, types, numbers of rows, axes, targets.
OTHERS = {
    "a table of three columns": (
        pd.DataFrame(WIDE, pd.period_range("1999-01", periods=50, freq="M"), ["x", "y", "z"]),
        WIDE[:, 0],
    ),
    "an array of whole numbers": (np.rint(WIDE * 9).astype(int), WIDE[:, 1]),
    "a table with holes, of float32": (
        pd.DataFrame(WIDE, columns=["a", "b", "c"]).astype("float32").drop(range(20, 23)),
        np.delete(WIDE[:, 2], range(20, 23)),
    ),
    "two targets": (WIDE, pd.DataFrame(WIDE[:, :2], columns=["p", "q"])),
    "windows": (np.ascontiguousarray(LagWindower(2).fit_transform(WIDE)[1:]), WIDE[1:, 0]),
}


QUICK_FITS = [("a table of three columns", name) for name in ("LSTM", "stateful LSTM")]


def second_fits():
    """Yield each estimator with each of the rows that it takes."""
    for name in EVERY:
        for other in OTHERS:
            is_network = "LSTM" in name
            if other == "windows" and name != "scaled" and (not is_network or "running" in name):
                continue
            if other == "two targets" and "one step ahead" in name:
                continue
            quick = not is_network or (other, name) in QUICK_FITS
            yield pytest.param(name, other, marks=[] if quick else pytest.mark.slow)


@pytest.mark.parametrize(("name", "other"), second_fits())
def test_a_second_fit_forgets_the_first(name, other):
    """Nothing that was fitted before is found in an estimator, nor in what it says."""
    again = clone(EVERY[name]).fit(*OTHERS[other])
    first = copy.deepcopy(again)
    for rows, y in ((TABLE[:N_TRAIN], Y[:N_TRAIN]), (X[:N_TRAIN], Y[:N_TRAIN])):
        fresh = clone(EVERY[name]).fit(rows, y)
        assert_same(again.fit(rows, y), fresh, name)
        later = part(TABLE if isinstance(rows, pd.DataFrame) else X, N_TRAIN)
        assert_same(outputs(again, later), outputs(fresh, later), name)
    assert differ(first, again)
    assert_same(again.fit(*OTHERS[other]), first, name)


def test_quantiles_are_forgotten_with_their_loss():
    """A regressor that is refitted with another loss keeps nothing of its quantiles."""
    regressor = LSTMRegressor(**LSTM, loss="quantile").fit(X, Y).set_params(loss="huber")
    assert_same(regressor.fit(X, Y), LSTMRegressor(**LSTM, loss="huber").fit(X, Y))


def test_rows_moved_past_are_forgotten():
    """Neither a state that was moved nor a partial fit outlives the next fit."""
    regressor = StatefulLSTMRegressor(**LSTM).fit(TABLE[:N_TRAIN], Y[:N_TRAIN])
    fresh = copy.deepcopy(regressor)
    regressor.advance(TABLE[N_TRAIN:]).partial_fit(TABLE, Y).reset_state()
    assert_same(regressor.fit(TABLE[:N_TRAIN], Y[:N_TRAIN]), fresh)


def test_weights_of_mean_one_are_repeated_rows():
    """In one batch, weights that keep the mean do what as many equal rows do."""
    weights = np.random.default_rng(0).integers(0, 4, N_ROWS)
    options = {**LSTM, "units": 2, "epochs": 5, "batch_size": 200}
    repeated = LSTMRegressor(**options).fit(X.repeat(weights, axis=0), Y.repeat(weights))
    weighted = LSTMRegressor(**options).fit(X, Y, sample_weight=weights / weights.mean())
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-5)


# --- purity ---------------------------------------------------------------------------------------


class Given:
    """What the calls below are given."""

    def __init__(self, is_table):
        frame = TABLE.copy()
        frame.attrs["unit"] = "pounds"
        self.X = frame if is_table else X.copy()
        self.y = pd.Series(Y, frame.index, name="a") if is_table else Y.copy()
        self.later = part(self.X, N_TRAIN)
        self.later_b = self.later[["b"]] if is_table else self.later[:, [1]]
        self.train = part(self.X, 0, N_TRAIN), (self.y.iloc if is_table else self.y)[:N_TRAIN]
        self.windows = LagWindower(3).fit_transform(X)[2:]
        self.window_y = Y[2:].copy()
        self.weights = np.linspace(0.5, 1.5, N_TRAIN)
        self.history = {"loss": [2.0, 1.0], "val_loss": [3.0, 2.0]}
        self.rng = np.random.RandomState(0)

    def state(self):
        """Return all that a call could change."""
        things = {name: thing for name, thing in vars(self).items() if name != "rng"}
        return {
            name: [input_state(one) for one in thing] if name == "train" else input_state(thing)
            for name, thing in things.items()
        }


def everything_of(estimator):
    """Return a call that fits an estimator and then calls whatever else it has."""

    def call(given_rows):
        fitted = clone(estimator).fit(*given_rows.train)
        outputs(fitted, given_rows.later)
        if hasattr(fitted, "fit_transform"):
            fitted.fit_transform(*given_rows.train)
        if hasattr(fitted, "score"):
            fitted.score(given_rows.later, part(given_rows.y, N_TRAIN))
        if hasattr(fitted, "history_"):
            fitted.fit(*given_rows.train, sample_weight=given_rows.weights)
            fitted.fit(*given_rows.train, X_val=given_rows.later, y_val=part(given_rows.y, N_TRAIN))
        for method, rows in (("partial_fit", given_rows.train), ("advance", [given_rows.later])):
            if hasattr(fitted, method):
                getattr(fitted, method)(*rows)
        if hasattr(fitted, "reset_state"):
            fitted.reset_state()
        fitted.set_params(**fitted.get_params(deep=False))
        if isinstance(fitted, LSTMRegressor):
            fitted.model_.summary(print_fn=lambda text: None)

    return call


def ridge():
    """Return a quick regressor that looks back."""
    return TransformedSeriesRegressor(make_pipeline(LagWindower(3, flatten=True), Ridge()))


def with_result(use):
    """Return a call of something that needs the result of a back-test."""
    return lambda d: use(d, backtest(Ridge(), d.X, d.y, cv=3, season=4))


def own_network(shape, n_outputs):
    """Build a network whose first weights and dropout have no seed."""
    import keras

    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.LSTM(2),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(n_outputs),
        ]
    )


def network_with(**options):
    """Return a call that fits a network on windows, and predicts."""
    return lambda d: (
        LSTMRegressor(**{**LSTM, **options}).fit(d.windows, d.window_y).predict(d.windows)
    )


CALLS = {
    **{name: everything_of(estimator) for name, estimator in EVERY.items()},
    "LSTM on windows": network_with(),
    "LSTM with dropout": network_with(dropout=0.2, recurrent_dropout=0.2),
    "LSTM by Keras": network_with(engine="keras"),
    "LSTM with the network of a user": network_with(network=own_network),
    "LSTM with a generator": lambda d: LSTMRegressor(**{**LSTM, "random_state": d.rng}).fit(
        *d.train
    ),
    "LSTM without a seed": network_with(random_state=None),
    "stateful LSTM in lanes": lambda d: StatefulLSTMRegressor(
        **LSTM, batch_size=2, bptt_steps=3, dropout=0.1
    ).fit(*d.train),
    "rows of a series": lambda d: series_to_supervised(d.X, horizon=2),
    "forecast": lambda d: forecast(ridge().fit(d.X, d.X), d.X, 3, y=d.X, y_lag=[0, 1]),
    "back-test": lambda d: backtest(ridge(), d.X, d.y, cv=3),
    "back-test fed back": lambda d: backtest(
        ridge(),
        part(d.X, 0)[["a"]] if isinstance(d.X, pd.DataFrame) else d.X[:, :1],
        d.y,
        cv=3,
        feed_back=True,
        refit=False,
    ),
    "interval": with_result(lambda d, result: conformal_interval(result, part(d.y, 0, 5), 0.8)),
    "picture of predictions": lambda d: ForecastDisplay.from_predictions(d.y, d.y, ax=axes()),
    "picture of an estimator": lambda d: ForecastDisplay.from_estimator(
        ridge().fit(*d.train), d.train[0], 2, y=d.train[1], y_lag=0, exog=d.later_b, ax=axes()
    ),
    "picture of a history": lambda d: TrainingHistoryDisplay.from_history(d.history, ax=axes()),
    "data sets": lambda d: [getattr(datasets, name)() for name in datasets.__all__],
}


def axes():
    """Return axes that no other picture knows of."""
    from matplotlib.figure import Figure

    return Figure().add_subplot()


#: Calls that are compiled for this test alone.
COMPILED = {"LSTM with dropout", "LSTM by Keras", "stateful LSTM in lanes"}


@pytest.mark.parametrize("is_table", [False, True], ids=["arrays", "tables"])
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in COMPILED else []) for n in CALLS],
)
def test_no_call_changes_what_it_is_given_or_any_setting(
    name, is_table, tmp_path, monkeypatch, capfd
):
    """A public call changes no input, no global random state, no setting, and no file."""
    monkeypatch.chdir(tmp_path)
    given_rows = Given(is_table)
    inputs, before = given_rows.state(), process_state()
    CALLS[name](given_rows)
    after = process_state()
    for what in before:
        assert_same(after[what], before[what], f"{what} after {name}")
    assert_same(given_rows.state(), inputs, f"inputs of {name}")
    assert capfd.readouterr().out == ""


def put_in_environment():
    """Set an environment variable."""
    os.environ["SKLSTM_TEST"] = "1"


def set_rc():
    """Change how pictures look."""
    import matplotlib as mpl

    mpl.rcParams["lines.linewidth"] = 7


def keras_call(path, *args):
    """Return a call of something in Keras, which is imported with the first fit at the earliest."""
    return lambda: library_call("keras", path, *args)


def tf_call(path, *args):
    """Return a call of something in TensorFlow."""
    return lambda: library_call("tensorflow", path, *args)


def library_call(library, path, *args):
    """Call something in a library."""
    thing = importlib.import_module(library)
    for name in path.split("."):
        thing = getattr(thing, name)
    return thing(*args)


def disable_op_determinism():
    """Undo what no public name of TensorFlow undoes."""
    from tensorflow.python.framework import config

    config.disable_op_determinism()


def nothing():
    """Leave it: what was drawn cannot be put back, and nobody counts on it."""


#: What an impure call could change: the part of the state that tells it, the change, the way back.
IMPURE = [
    ("random", random.random, nothing),
    ("numpy.random", lambda: np.random.rand(), nothing),  # noqa: NPY002
    (
        "tf.random",
        lambda: library_call("tensorflow", "random.get_global_generator").skip(1),
        nothing,
    ),
    ("keras.random", keras_call("random.uniform", (1,)), nothing),
    (
        "keras.config",
        keras_call("config.set_floatx", "float64"),
        keras_call("config.set_floatx", "float32"),
    ),
    (
        "keras.config",
        keras_call("config.set_epsilon", 1e-3),
        keras_call("config.set_epsilon", 1e-7),
    ),
    (
        "keras.config",
        keras_call("config.set_image_data_format", "channels_first"),
        keras_call("config.set_image_data_format", "channels_last"),
    ),
    (
        "keras.config",
        keras_call("config.disable_traceback_filtering"),
        keras_call("config.enable_traceback_filtering"),
    ),
    (
        "keras.config",
        keras_call("config.disable_interactive_logging"),
        keras_call("config.enable_interactive_logging"),
    ),
    (
        "keras.saving",
        lambda: library_call("keras", "saving.get_custom_objects").update(thing=Ridge),
        lambda: library_call("keras", "saving.get_custom_objects").pop("thing"),
    ),
    ("tf.config", tf_call("config.experimental.enable_op_determinism"), disable_op_determinism),
    (
        "tf.config",
        tf_call("config.run_functions_eagerly", True),
        tf_call("config.run_functions_eagerly", False),
    ),
    (
        "tf.config",
        tf_call("config.set_soft_device_placement", False),
        tf_call("config.set_soft_device_placement", True),
    ),
    (
        "tf.config",
        tf_call("config.optimizer.set_jit", "autoclustering"),
        tf_call("config.optimizer.set_jit", False),
    ),
    ("os.environ", put_in_environment, lambda: os.environ.pop("SKLSTM_TEST")),
    ("directory", lambda: os.mkdir("left"), lambda: os.rmdir("left")),
    ("directory", lambda: os.chdir(".."), nothing),
    ("warnings", lambda: warnings.simplefilter("ignore"), lambda: warnings.filters.pop(0)),
    ("numpy", lambda: np.seterr(divide="ignore"), lambda: np.seterr(divide="warn")),
    ("numpy", lambda: np.set_printoptions(precision=3), lambda: np.set_printoptions(precision=8)),
    (
        "pandas",
        lambda: pd.set_option("display.precision", 2),
        lambda: pd.reset_option("display.precision"),
    ),
    (
        "sklearn",
        lambda: sklearn.set_config(assume_finite=True),
        lambda: sklearn.set_config(assume_finite=False),
    ),
    ("matplotlib", set_rc, lambda: importlib.import_module("matplotlib").rcdefaults()),
    (
        "logging",
        lambda: logging.getLogger("keras").setLevel(10),
        lambda: logging.getLogger("keras").setLevel(0),
    ),
    ("sys", lambda: sys.path.append("nowhere"), lambda: sys.path.remove("nowhere")),
]


@pytest.mark.parametrize(("where", "change", "back"), IMPURE)
def test_an_impure_call_would_be_seen(where, change, back, tmp_path, monkeypatch):
    """What the last test compares does tell of each kind of change."""
    monkeypatch.chdir(tmp_path)
    before = process_state()
    try:
        change()
        after = process_state()
    finally:
        back()
    assert differ(before[where], after[where])


def test_every_part_of_the_state_is_shown_to_tell():
    """No part of what is compared is there that was not seen to change."""
    assert set(process_state()) == {where for where, *_ in IMPURE}


SPOILT = {
    "a value": lambda d: d.X.iloc.__setitem__((0, 0), 9.0),
    "a type": lambda d: d.X.isetitem(0, d.X["a"].astype("float32")),
    "a column": lambda d: d.X.insert(2, "c", 0.0),
    "the names": lambda d: setattr(d.X, "columns", ["p", "q"]),
    "the labels": lambda d: setattr(d.X, "index", d.X.index.copy()),
    "the name of the labels": lambda d: setattr(d.X.index, "name", "day"),
    "what is attached": lambda d: d.X.attrs.clear(),
    "the name of the target": lambda d: setattr(d.y, "name", "z"),
    "a weight": lambda d: d.weights.__setitem__(0, 0.0),
    "whether it can be written": lambda d: d.weights.setflags(write=False),
    "a history": lambda d: d.history["loss"].pop(),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_changed_input_would_be_seen(what):
    """What is compared of an input does tell of each kind of change."""
    given_rows = Given(is_table=True)
    before = given_rows.state()
    SPOILT[what](given_rows)
    assert differ(before, given_rows.state())


def test_a_generator_is_drawn_from_as_scikit_learn_does():
    """Equal generators give equal networks, one generator another network at each fit."""

    def weights(random_state):
        return (
            LSTMRegressor(**{**LSTM, "random_state": random_state}).fit(X, Y).model_.get_weights()
        )

    one, same = np.random.RandomState(3), np.random.RandomState(3)
    first, second = weights(one), weights(one)
    assert_same(weights(same), first)
    assert differ(first, second)
    assert_same(weights(same), second)
    unused = np.random.RandomState(3)
    regressor = LSTMRegressor(**{**LSTM, "random_state": unused})
    assert_same(clone(regressor).fit(X, Y).model_.get_weights(), first)
    assert_same(unused, np.random.RandomState(3))  # a clone has a copy


@pytest.mark.slow
def test_no_first_call_changes_any_setting():
    """Nor does the first such call of a process, which compiles and sets up what it needs."""
    test = f"{__file__}::test_no_call_changes_what_it_is_given_or_any_setting"
    options = ["-q", "-m", "", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, test]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{2 * len(CALLS)} passed" in done.stdout
