"""Several networks in one regressor, against so many regressors of one network."""

import pickle
import re

import keras
import numpy as np
import pandas as pd
import pytest
from estimators import own_network
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    LagWindower,
    LSTMRegressor,
    SameWeightsWarning,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
)
from sklstm.engine._models import _pool

DRAWS = np.random.default_rng(0)
ROWS = DRAWS.normal(50, 9, size=(40, 2))
WINDOWS = LagWindower(3).fit_transform(ROWS)
Y = ROWS.sum(axis=1) + DRAWS.normal(0, 9, size=40)
N = 3

STATELESS = LSTMRegressor(2, epochs=2, random_state=5)
STATEFUL = StatefulLSTMRegressor(2, epochs=2, random_state=5)
#: Regressors of one network, what they learn from, and what they are to predict.
CASES = {
    "windows": (STATELESS, (WINDOWS, Y), WINDOWS),
    "two targets": (STATELESS, (WINDOWS, np.column_stack([Y, -Y])), WINDOWS[5:]),
    "quantiles": (clone(STATELESS).set_params(loss="quantile"), (WINDOWS, Y), WINDOWS[5:]),
    "weights": (STATELESS, (WINDOWS, Y, np.arange(40)), WINDOWS[5:]),
    "network": (clone(STATELESS).set_params(network=own_network), (WINDOWS, Y), WINDOWS[5:]),
    "epochs that differ": (
        clone(STATELESS).set_params(
            epochs=30, learning_rate=0.1, early_stopping=True, validation_fraction=0.2, patience=1
        ),
        (WINDOWS, Y),
        WINDOWS[5:],
    ),
    "state": (STATEFUL, (ROWS[:30], Y[:30]), ROWS[30:]),
    "state, windows": (STATEFUL, (WINDOWS[:30], Y[:30]), WINDOWS),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


each_kind = pytest.mark.parametrize("regressor", [STATELESS, STATEFUL], ids=["lstm", "stateful"])


def panel(table):
    """Return a table whose rows are those of two series in turn."""
    index = pd.MultiIndex.from_product([range(len(table) // 2), list("ab")], names=["day", "store"])
    return pd.DataFrame(table, index) if table.ndim == 2 else pd.Series(table, index)


def by_hand(regressor, *data, n=N):
    """Fit regressors of one network, one after the other, with one random state."""
    draws = np.random.RandomState(regressor.random_state)
    alone = [clone(regressor).set_params(random_state=draws) for _ in range(n)]
    return [one.fit(*data) for one in alone]


def several(regressor, *data, n=N):
    """Fit one regressor of several networks."""
    return clone(regressor).set_params(n_networks=n).fit(*data)


def assert_mean_and_spread(regressor, alone, rows):
    """Assert that predictions are the mean and the standard deviation of those by hand."""
    each = [one.predict(rows) for one in alone]
    mean, std = regressor.predict(rows, return_std=True)
    known = ~np.isnan(std)
    np.testing.assert_allclose(mean, np.mean(each, axis=0), rtol=1e-6)
    np.testing.assert_allclose(std[known], np.std(each, axis=0)[known], rtol=1e-6)
    np.testing.assert_array_equal(regressor.predict(rows), mean)
    assert known.sum() > 0.9 * known.size
    assert np.min(std[known]) > 0


@each_case
def test_predictions_are_the_mean_of_networks_that_are_fitted_one_by_one(case):
    """Mean and spread are those of regressors that draw from one random state."""
    regressor, data, rows = case
    ours, alone = several(regressor, *data), by_hand(regressor, *data)
    assert_mean_and_spread(ours, alone, rows)
    assert ours.history_ == [one.history_ for one in alone]
    np.testing.assert_array_equal(ours.n_iter_, [one.n_iter_ for one in alone])


def test_each_network_stops_early_by_itself():
    """The case above has networks that stop at different epochs."""
    regressor, data, _ = CASES["epochs that differ"]
    assert len(set(several(regressor, *data).n_iter_)) > 1


def test_quantiles_are_the_means_of_those_of_the_networks():
    """Each quantile is the mean of the networks', and they are in rising order."""
    regressor, data, rows = CASES["quantiles"]
    each = [one.predict_quantiles(rows) for one in by_hand(regressor, *data)]
    found = several(regressor, *data).predict_quantiles(rows)
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-6)
    assert (np.diff(found) >= 0).all()


@each_kind
def test_the_first_network_is_that_of_one_and_more_are_added(regressor):
    """A seed gives the networks in an order: one is the first of three."""
    one, two, three = (several(regressor, ROWS, Y, n=n) for n in (1, 2, 3))
    assert [one.history_, *three.history_[1:]] == three.history_
    assert two.history_ == three.history_[:2]
    assert isinstance(one.n_iter_, int)


@each_kind
def test_each_network_goes_on_from_its_own_weights_and_state(regressor):
    """partial_fit trains each network further, as it does those that are fitted one by one."""
    parts = [(ROWS[:20], Y[:20]), (ROWS[20:30], Y[20:30])]
    alone = by_hand(regressor, *parts[0])
    alone = [one.partial_fit(*parts[1]) for one in alone]
    draws = np.random.RandomState(regressor.random_state)
    ours = clone(regressor).set_params(n_networks=N).set_params(random_state=draws)
    ours.fit(*parts[0]).partial_fit(*parts[1])
    assert_mean_and_spread(ours, alone, ROWS[30:])
    assert ours.history_ == [one.history_ for one in alone]
    np.testing.assert_array_equal(ours.n_iter_, [3] * N)


@each_kind
def test_a_warm_start_goes_on_as_one_network_does(regressor):
    """The first network of several learns on what one network learns on."""
    one, two = (clone(regressor).set_params(n_networks=n, warm_start=True) for n in (1, 2))
    for _ in range(2):
        one.fit(ROWS, Y)
        two.fit(ROWS, Y)
    assert two.history_[0] == one.history_
    np.testing.assert_array_equal(two.n_iter_, [4, 4])


@each_kind
@pytest.mark.parametrize("n", [1, 4])
def test_another_number_of_networks_cannot_go_on(regressor, n):
    """Some would have learnt for longer than others, so it is refused, and nothing changes."""
    model = several(regressor, ROWS, Y, n=2)
    before = model.predict(ROWS)
    model.set_params(n_networks=n, warm_start=True)
    for go_on in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=f"n_networks from 2 to {n}.* warm_start=False"):
            go_on(ROWS, Y)
    np.testing.assert_array_equal(model.predict(ROWS), before)
    assert len(np.atleast_1d(model.set_params(warm_start=False).fit(ROWS, Y).n_iter_)) == n


# ---------------------------------------------------------------------- the state of each


def test_each_network_has_a_state_of_its_own():
    """Both `advance` and `reset_state` move the states of all, each from where it is."""
    ours, alone = several(STATEFUL, ROWS[:20], Y[:20]), by_hand(STATEFUL, ROWS[:20], Y[:20])
    for change in (lambda one: one.advance(ROWS[20:30]), lambda one: one.reset_state()):
        for one in (ours, *alone):
            change(one)
        for states, by_itself in zip(ours.state_, alone, strict=True):
            for state, expected in zip(states, by_itself.state_, strict=True):
                np.testing.assert_array_equal(state, expected)
        assert_mean_and_spread(ours, alone, ROWS[30:])


def test_each_network_has_a_state_for_each_series():
    """Networks of many series predict and advance as those that are fitted one by one."""
    X, y = panel(ROWS), panel(Y)
    ours, alone = several(STATEFUL, X[:20], y[:20]), by_hand(STATEFUL, X[:20], y[:20])
    assert_mean_and_spread(ours, alone, X[20:])
    of_a = [table.xs("a", level="store", drop_level=False) for table in (X[20:30], X[30:], y[30:])]
    # Without dropout, going on draws nothing.
    go_on = (lambda one: one.advance(of_a[0]), lambda one: one.partial_fit(*of_a[1:]))
    for change in go_on:
        for one in (ours, *alone):
            change(one)
        for states, by_itself in zip(ours.state_, alone, strict=True):
            assert [state.shape for state in states] == [(2, 2)] * 2
            for state, expected in zip(states, by_itself.state_, strict=True):
                np.testing.assert_allclose(state, expected, rtol=1e-6)


# ---------------------------------------------------------------------- the spread


@each_kind
def test_one_network_has_no_spread(regressor):
    """It is refused, and not said to be zero, whatever n_networks is set to by then."""
    model = several(regressor, ROWS, Y, n=1).set_params(n_networks=5)
    with pytest.raises(ValueError, match=r"return_std=True .* Set n_networks to at least 2"):
        model.predict(ROWS, return_std=True)
    with pytest.raises(TypeError, match="return_std=2 is not valid"):
        model.predict(ROWS, return_std=2)


@each_kind
def test_a_row_of_which_nothing_is_known_has_no_spread(regressor):
    """Its prediction is the mean of the targets; a spread of zero would say that it is certain."""
    rows = WINDOWS[:6].copy()
    rows[3] = np.nan
    mean, std = several(regressor, WINDOWS[2:], Y[2:], n=2).predict(rows, return_std=True)
    assert mean[3] == pytest.approx(Y[2:].mean())
    np.testing.assert_array_equal(np.isnan(std), np.arange(6) == 3)


def test_a_pipeline_hands_the_request_for_the_spread_on():
    """A meta-estimator that transforms the target cannot, and says so."""
    model = make_pipeline(LagWindower(3), clone(STATELESS).set_params(n_networks=2)).fit(ROWS, Y)
    mean, std = model.predict(ROWS, return_std=True)
    np.testing.assert_array_equal(model[-1].predict(WINDOWS), mean)
    assert std.shape == (40,)
    whole = TransformedSeriesRegressor(model).fit(ROWS, Y)
    with pytest.raises(TypeError, match="return_std"):
        whole.predict(ROWS, return_std=True)


# ---------------------------------------------------------------------- what surrounds them


def test_the_keras_model_returns_the_mean():
    """One stock model has the networks in it, for numbers in their own units."""
    for scaled in (True, False):
        regressor = clone(STATELESS).set_params(normalize=scaled)
        model = several(regressor, WINDOWS, np.column_stack([Y, -Y]))
        found = model.model_(np.array(WINDOWS[3:]))
        np.testing.assert_allclose(found, model.predict(WINDOWS[3:]), rtol=1e-5)
        assert {type(layer).__module__.partition(".")[0] for layer in model.model_.layers} == {
            "keras"
        }


def test_several_networks_can_be_pickled():
    """They are plain arrays: three take at most three times the room of one."""
    one, three = (pickle.dumps(several(STATELESS, WINDOWS, Y, n=n)) for n in (1, 3))
    loaded = pickle.loads(three)
    np.testing.assert_array_equal(
        loaded.predict(WINDOWS), several(STATELESS, WINDOWS, Y, n=3).predict(WINDOWS)
    )
    assert len(three) < 3 * len(one)


@each_kind
def test_another_fit_of_as_many_networks_traces_nothing_more(regressor):
    """It borrows what was traced for the first fit, with other seeds and another rate."""
    several(regressor, ROWS, Y).predict(ROWS)
    before = _pool.stats()
    other = clone(regressor).set_params(random_state=9, learning_rate=0.1)
    several(other, ROWS[:30], Y[:30]).predict(ROWS[:30])
    assert _pool.stats() == before


def test_a_search_scores_numbers_of_networks():
    """The score of each candidate is that of the mean by hand."""
    cv = TimeSeriesSplit(2, test_size=8)
    search = GridSearchCV(
        STATELESS, {"n_networks": [1, 3]}, cv=cv, scoring="neg_mean_absolute_error"
    ).fit(WINDOWS, Y)
    expected = []
    for n in (1, 3):
        errors = []
        for train, test in cv.split(WINDOWS):
            alone = by_hand(STATELESS, WINDOWS[train], Y[train], n=n)
            mean = np.mean([one.predict(WINDOWS[test]) for one in alone], axis=0)
            errors.append(np.abs(mean - Y[test]).mean())
        expected.append(-np.mean(errors))
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], expected, rtol=1e-6)


def test_without_a_seed_networks_differ_from_each_other_and_from_fit_to_fit():
    """Each fit and each network draws anew."""
    losses = []
    for _ in range(2):
        model = several(clone(STATELESS).set_params(random_state=None), WINDOWS, Y, n=2)
        losses += [history["loss"][0] for history in model.history_]
    assert len(set(losses)) == 4


def test_each_network_is_said_to_begin(capsys):
    """verbose=1 names the network before its epochs."""
    several(clone(STATELESS).set_params(verbose=1), WINDOWS, Y, n=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" - ")[0] for line in lines] == [
        *("Network 1/2", "Epoch 1/2", "Epoch 2/2"),
        *("Network 2/2", "Epoch 1/2", "Epoch 2/2"),
    ]


# ---------------------------------------------------------------------- the user's own parts


class StopsAtSecond(keras.callbacks.Callback):
    """Stops training after it has seen two epochs, and so at once in a run that it is kept for."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def on_epoch_end(self, epoch, logs=None):
        """Count the epoch."""
        self.seen += 1
        self.model.stop_training = self.seen == 2


def test_each_network_has_callbacks_of_its_own():
    """What a callback counts for one network, it does not count for the next."""
    options = {"callbacks": [StopsAtSecond()], "epochs": 5}
    model = several(clone(STATELESS).set_params(**options), WINDOWS, Y)
    np.testing.assert_array_equal(model.n_iter_, [2] * N)


@pytest.mark.parametrize("kind", ["ModelCheckpoint", "CSVLogger", "BackupAndRestore"])
def test_callbacks_that_would_write_over_files_are_refused(tmp_path, kind):
    """The last network would leave its file alone, or go on from that of the first."""
    callback = getattr(keras.callbacks, kind)(str(tmp_path / "file.keras"))
    model = clone(STATELESS).set_params(callbacks=[callback], n_networks=2)
    with pytest.raises(ValueError, match=f"callbacks holds a {kind}, but with n_networks=2"):
        model.fit(WINDOWS, Y)
    assert not list(tmp_path.iterdir())


# Keras 3.15 does not speak NumPy 2's array protocol when SciKeras copies a model.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_networks_that_start_from_the_same_weights_are_warned_of():
    """A model brings its weights, and a function may; one that builds anew, as advised, is fine."""
    built = own_network((3, 2), 1)

    def loaded(shape, n_outputs):
        """Build a network, and give it the weights of another."""
        network = own_network(shape, n_outputs)
        network.set_weights(built.get_weights())
        return network

    for network in (built, loaded):
        model = clone(STATELESS).set_params(network=network)
        several(model, WINDOWS, Y, n=1)
        said = f"All n_networks=2 networks start from the same weights, as network={network!r}"
        with pytest.warns(SameWeightsWarning, match=re.escape(said)):
            several(model, WINDOWS, Y, n=2)
    several(clone(STATELESS).set_params(network=own_network), WINDOWS, Y, n=2)
