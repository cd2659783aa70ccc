"""`side_by_side` against the same search, one fit after the other."""

import threading
import warnings
from contextlib import suppress

import joblib
import keras
import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import Pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    OneStepWarning,
    TransformedSeriesRegressor,
    backtest,
    side_by_side,
)

# A call that waits for another for ever fails soon.
pytestmark = pytest.mark.timeout(120)

WALK = np.sin(np.arange(41.0))
X, Y = WALK[:-1, None], WALK[1:]
CV = TimeSeriesSplit(2, test_size=5)
SEED, RATE = "network__random_state", "network__learning_rate"
SEEDS = {SEED: [0, 1, 2]}


@pytest.fixture(autouse=True)
def no_thread_is_left():
    """After each test, every thread that it began has ended."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(10)  # joblib's own may take a moment
        assert not thread.is_alive()


class Network(LSTMRegressor):
    """A network that keeps a record of when a fit begins and ends, with its seed."""

    events: list = []

    def fit(self, X, y):
        """Fit, and record it."""
        self.events.append(("begins", self.random_state))
        super().fit(X, y)
        self.events.append(("ends", self.random_state))
        return self


@pytest.fixture
def events():
    """Return what networks record."""
    Network.events.clear()
    return Network.events


def model(network=None, **options):
    """Return a small network behind windows."""
    network = network or Network(2, epochs=2, random_state=0, **options)
    return Pipeline([("windows", LagWindower(3)), ("network", network)])


def searched(grid=SEEDS, estimator=None, **options):
    """Return the scores of a search, of each candidate in each fold."""
    search = GridSearchCV(estimator or model(), grid, cv=CV, refit=False, **options).fit(X, Y)
    return np.array([search.cv_results_[f"split{i}_test_score"] for i in range(2)])


# ------------------------------------------------------------------------------- the same results


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1])
def test_a_grid_search_scores_as_one_fit_after_the_other(n_jobs):
    """Seeds, rates and shares of dropout have the scores of a stock search."""
    grid = {**SEEDS, RATE: [0.01, 0.1], "network__dropout": [0.1, 0.4]}
    expected = searched(grid)
    with side_by_side():
        found = searched(grid, n_jobs=n_jobs)
    np.testing.assert_array_equal(found, expected)


def test_a_random_search_of_a_transformed_series_ends_with_the_same_model():
    """Differences are undone, and the best candidate is fitted again."""
    estimator = TransformedSeriesRegressor(model(), transformer=Differencer())
    search = RandomizedSearchCV(
        estimator, {f"regressor__{RATE}": [0.001, 0.01, 0.1]}, n_iter=2, cv=CV, random_state=0
    )
    expected = search.fit(X, Y).predict(X)
    with side_by_side():
        found = search.fit(X, Y).predict(X)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_networks", [1, 3])
def test_a_back_test_of_one_or_several_networks_is_the_same(n_networks):
    """Folds learn from other rows, and each fit may ask for several networks."""
    estimator = model(n_networks=n_networks)
    expected = backtest(estimator, X, Y, CV)
    with side_by_side():
        found = backtest(estimator, X, Y, CV)
    np.testing.assert_array_equal(
        found.predictions["prediction"], expected.predictions["prediction"]
    )


def test_a_fit_outside_of_any_search_is_as_ever():
    """Inside the block, a network that nobody searches for is trained at once."""
    expected = model().fit(X, Y).predict(X)
    with side_by_side():
        found = model().fit(X, Y).predict(X)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


# ---------------------------------------------------------------------------------- side by side


def test_all_fits_begin_before_one_ends(events):
    """Three candidates times two folds are made ready before anything is trained."""
    with side_by_side():
        searched()
    assert [kind for kind, _ in events] == ["begins"] * 6 + ["ends"] * 6


def test_a_stock_search_stays_stock(events):
    """After the block, and in other threads, fits follow one another."""
    with side_by_side():
        other = threading.Thread(target=searched)
        other.start()
        other.join()
    searched()
    assert [kind for kind, _ in events] == ["begins", "ends"] * 12


@pytest.mark.parametrize("max_fits", [1, 2, 5])
def test_no_more_fits_than_asked_for_are_under_way(events, max_fits):
    """The next fits begin when others have ended."""
    with side_by_side(max_fits):
        searched()
    under_way = np.cumsum([1 if kind == "begins" else -1 for kind, _ in events])
    assert under_way.max() == max_fits
    assert len(events) == 12


def test_the_inner_of_two_blocks_counts(events):
    """A block inside another one, and what follows it."""
    with side_by_side():
        with side_by_side(1):
            searched()
        searched()
    kinds = [kind for kind, _ in events]
    assert kinds == ["begins", "ends"] * 6 + ["begins"] * 6 + ["ends"] * 6


@pytest.mark.parametrize("max_fits", [0, -1, 1.5, None])
def test_a_number_that_is_none_is_refused(max_fits):
    """It has to be an int of at least 1."""
    with pytest.raises((TypeError, ValueError), match="max_fits"), side_by_side(max_fits):
        pass


# ------------------------------------------------------------------------------- what never trains


def test_estimators_without_a_network_are_searched_too():
    """Means and medians, before and after networks."""
    others = {"network": [DummyRegressor(), DummyRegressor(strategy="median")]}
    grid = [others, SEEDS, others]
    expected = searched(grid)
    with side_by_side():
        found = searched(grid)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_other_calls_of_joblib_return_what_they_should():
    """Several calls in a task, in the order of the tasks, more than may be under way."""
    with side_by_side(2):
        found = joblib.Parallel(batch_size=3)(joblib.delayed(pow)(i, 2) for i in range(20))
    assert found == [i**2 for i in range(20)]


# -------------------------------------------------------------------------------- fits inside fits


def test_a_search_inside_each_fold_of_another():
    """Nested cross-validation: candidates of each outer fold are asked for one by one."""
    inner = GridSearchCV(model(), SEEDS, cv=TimeSeriesSplit(2, test_size=3))
    expected = cross_val_score(inner, X, Y, cv=CV)
    with side_by_side():
        found = cross_val_score(inner, X, Y, cv=CV)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_several_networks_in_one_candidate(n_jobs):
    """An ensemble asks for one network after the other, or fits them in threads of its own."""
    estimator = VotingRegressor([(name, model()) for name in "ab"])
    grid = {f"a__{RATE}": [0.01, 0.1]}
    expected = searched(grid, estimator)
    with side_by_side():
        found = searched(grid, estimator.set_params(n_jobs=n_jobs))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


class Searcher(LSTMRegressor):
    """A network that searches, in a block of its own, for how long it is trained."""

    def fit(self, X, y):
        """Search and fit."""
        plain = LSTMRegressor(2, epochs=2, callbacks=self.callbacks, random_state=0)
        with side_by_side():
            search = GridSearchCV(plain, {"epochs": [1, 2]}, cv=CV).fit(X, y)
        self.set_params(**search.best_params_)
        return super().fit(X, y)


def test_a_block_inside_a_task():
    """The inner block trains its networks while the outer one waits."""
    estimator = model(Searcher(2, epochs=2, random_state=0))
    expected = searched(estimator=estimator)
    with side_by_side():
        found = searched(estimator=estimator)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


class Fits(keras.callbacks.Callback):
    """Does something else at the end of the first epoch."""

    def __init__(self, something):
        super().__init__()
        self.something = something

    def on_epoch_end(self, epoch, logs=None):
        """Do it."""
        if epoch == 0:
            self.something()


@pytest.mark.parametrize(
    ("network", "something"),
    [
        (LSTMRegressor, lambda: model().fit(X, Y)),
        (LSTMRegressor, lambda: searched({RATE: [0.1]})),
        pytest.param(Searcher, lambda: model().fit(X, Y), marks=pytest.mark.slow),
    ],
    ids=["fit", "search", "fit in a block in a task"],
)
def test_a_callback_that_fits_networks(network, something):
    """Networks of the same architecture are trained on the spot, not with those that wait."""
    estimator = model(network(2, epochs=2, callbacks=[Fits(something)], random_state=0))
    expected = searched({RATE: [0.1]}, estimator)
    with side_by_side():
        found = searched({RATE: [0.1]}, estimator)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


# ------------------------------------------------------------------------------------------ errors


class Refusing(Network):
    """A network that refuses a seed before, or after, it is trained."""

    def fit(self, X, y):
        """Fit unless the seed is 1."""
        if self.random_state == 1 and self.patience == 0:
            raise ValueError("refused before")
        super().fit(X, y)
        if self.random_state == 1:
            raise ValueError("refused after")
        return self


@pytest.mark.parametrize("patience", [0, 1], ids=["before", "after"])
def test_a_fit_that_fails_costs_its_own_score_alone(patience):
    """The other candidates are scored as ever."""
    expected = searched()
    expected[:, 1] = -9
    estimator = model(Refusing(2, epochs=2, patience=patience, random_state=0))
    with side_by_side(), pytest.warns(FitFailedWarning, match="2 fits failed"):
        found = searched(estimator=estimator, error_score=-9)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_training_that_fails_costs_its_own_score_alone():
    """A rate at which the loss is no number says so in the warning; others are scored as ever."""
    grid = {RATE: [0.01, 1e30, 0.1]}
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        expected = searched(grid, error_score=-9)
    with side_by_side(), pytest.warns(FitFailedWarning, match="training loss became inf"):
        found = searched(grid, error_score=-9)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert (found[:, 1] == -9).all()


@pytest.mark.parametrize("patience", [0, 1], ids=["before", "after"])
def test_an_error_ends_the_search(patience):
    """With ``error_score="raise"`` it reaches the caller, and the next search is as ever."""
    estimator = model(Refusing(2, epochs=2, patience=patience, random_state=0))
    with side_by_side():
        with pytest.raises(ValueError, match="refused"):
            searched(estimator=estimator, error_score="raise")
        found = searched()
    np.testing.assert_allclose(found, searched(), rtol=1e-5)


class Interrupts(keras.callbacks.Callback):
    """Interrupts the training."""

    def on_epoch_end(self, epoch, logs=None):
        """Raise what Ctrl-C raises."""
        raise KeyboardInterrupt


class Stubborn(Network):
    """A network that goes on after anything, and interrupts the third fit."""

    def fit(self, X, y):
        """Fit, and fit again if that was ended."""
        if self.random_state == 2:
            raise KeyboardInterrupt
        try:
            super().fit(X, y)
        finally:
            with suppress(BaseException):
                super().fit(X, y)
            self.events.append(("restored", hasattr(self, "n_iter_")))


@pytest.mark.parametrize(
    "network", [LSTMRegressor(2, callbacks=[Interrupts()]), Stubborn(2)], ids=["run", "fit"]
)
def test_an_interrupt_ends_all_fits(events, network):
    """It reaches the caller; fits that wait for their networks end there, unfitted."""
    with side_by_side():
        with pytest.raises(KeyboardInterrupt):
            searched(estimator=model(network))
        found = searched()
    np.testing.assert_allclose(found, searched(), rtol=1e-5)
    if isinstance(network, Stubborn):
        assert [done for kind, done in events if kind == "restored"] == [False] * 4


# ---------------------------------------------------------------------------------------- warnings


class Warns(Network):
    """A network that warns before and after it is trained, and silences one seed."""

    def fit(self, X, y):
        """Warn, fit and warn."""
        with warnings.catch_warnings():
            if self.random_state == 1:
                warnings.simplefilter("ignore")
            warnings.warn(f"before {self.random_state}", stacklevel=1)
            super().fit(X, y)
            warnings.warn(f"after {self.random_state}", stacklevel=1)
        return self


def test_each_fit_has_its_own_filters_of_warnings():
    """What one fit silences is silent in it alone, and the filters are as before."""
    estimator = model(Warns(2, epochs=2, random_state=0))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        with side_by_side():
            searched(estimator=estimator)
        assert warnings.filters == before
        warnings.warn("last", stacklevel=1)
    said = [str(one.message) for one in caught]
    times = ["before 0"] * 2 + ["before 2"] * 2 + ["after 0"] * 2 + ["after 2"] * 2
    assert said == [*times, "last"]


def searched_strictly(estimator):
    """Search where one warning is an error, and others are nothing."""
    warnings.simplefilter("ignore", UserWarning)
    warnings.filterwarnings("error", message="after 2")
    return searched(estimator=estimator, error_score=-9)


def test_a_warning_that_is_an_error_fails_its_fit_alone():
    """The user's filters hold inside the fits."""
    estimator = model(Warns(2, epochs=2, random_state=0))
    with side_by_side(), pytest.warns(FitFailedWarning, match="2 fits failed"):
        found = searched_strictly(estimator)
    np.testing.assert_array_equal(found == -9, [[False, False, True]] * 2)


def test_a_warning_of_a_fit_points_at_the_line_of_the_user():
    """That line waits in another thread."""
    network = LSTMRegressor(2, epochs=1, random_state=0)
    with side_by_side(), pytest.warns(OneStepWarning) as caught:
        searched({"random_state": [0, 1]}, network)
    assert [one.filename for one in caught] == [__file__] * 4
