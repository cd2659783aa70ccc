"""scikit-learn's callbacks follow our fits."""

import numpy as np
import pytest
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMClassifier,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
)

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

X = np.sin(np.arange(60.0))[:, None]
Y = np.sin(np.arange(60.0) + 1)


class Recorder:
    """Notes every task that ends; a callback that meta-estimators pass on."""

    max_propagation_depth = None

    def __init__(self):
        self.ended = []
        self.epochs = []
        self.n_values = {}

    def setup(self, estimator, context):
        """Do nothing before the fit, after it, and at the beginning of a task."""

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        """Note the task, and the mean squared error of an epoch."""
        self.ended.append((context.estimator_name, context.task_name))
        self.n_values[context.estimator_name] = np.size(X), np.size(y)
        if fitted_estimator is not None:
            self.epochs.append(mean_squared_error(y, fitted_estimator.predict(X)))


def follow(estimator):
    """Fit with a recorder and return it."""
    recorder = Recorder()
    estimator.set_callbacks(recorder)
    estimator.fit(X, Y)
    return recorder


@pytest.mark.parametrize("regressor", [LSTMRegressor, StatefulLSTMRegressor])
def test_every_epoch_is_a_task(regressor):
    """A callback hears of each epoch in turn, and then of the fit."""
    recorder = follow(regressor(units=2, epochs=3, random_state=0))
    names = [name for _, name in recorder.ended]
    assert names == ["epoch 1", "epoch 2", "epoch 3", "fit"]


def test_epochs_come_with_a_regressor_that_stopped_there():
    """The regressor of an epoch predicts what a fit of so many epochs predicts."""
    recorder = follow(LSTMRegressor(units=2, epochs=3, random_state=0))
    expected = [
        mean_squared_error(Y, LSTMRegressor(units=2, epochs=n, random_state=0).fit(X, Y).predict(X))
        for n in (1, 2, 3)
    ]
    np.testing.assert_allclose(recorder.epochs, expected, rtol=1e-6)


def test_a_followed_fit_learns_the_same():
    """Callbacks look on and change nothing."""
    model = LSTMRegressor(units=2, epochs=3, random_state=0)
    alone = model.fit(X, Y).predict(X)
    follow(model)
    np.testing.assert_array_equal(model.predict(X), alone)


def test_a_search_shows_candidates_splits_and_epochs():
    """Through search, target and pipeline a callback still hears of every epoch."""
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(3), LSTMRegressor(2, epochs=2)),
        transformer=make_pipeline(Differencer(), SeriesMinMaxScaler()),
        y_lag=0,
    )
    search = GridSearchCV(model, {"regressor__lagwindower__window": [2, 3]}, cv=TimeSeriesSplit(2))
    ended = follow(search).ended
    fits = 2 * 2 + 1
    assert ended.count(("LSTMRegressor", "epoch 2")) == fits
    assert ended.count(("LagWindower", "fit")) == fits
    assert ended.count(("TransformedSeriesRegressor", "fit")) == fits


def test_epochs_are_heard_of_through_scaled_windows():
    """A network below two meta-estimators and a pipeline is followed as one alone."""
    network = LSTMRegressor(2, epochs=2)
    model = make_pipeline(LagWindower(3), WindowScaledRegressor(network))
    recorder = follow(TransformedSeriesRegressor(model))
    assert recorder.ended.count(("LSTMRegressor", "epoch 2")) == 1
    assert recorder.ended.count(("WindowScaledRegressor", "fit")) == 1
    # Each hears of the rows that it was given.
    assert recorder.n_values["TransformedSeriesRegressor"] == (60, 60)
    assert recorder.n_values["WindowScaledRegressor"] == (3 * 60, 60)


def test_scoring_monitor_records_a_score_per_epoch():
    """scikit-learn's ScoringMonitor logs one line per epoch."""
    monitor = callback.ScoringMonitor(scoring="r2")
    model = LSTMRegressor(units=2, epochs=4, random_state=0).set_callbacks(monitor)
    model.fit(X, Y)
    log = monitor.get_logs().data_as_pandas
    epochs = log[log["task_name"].str.startswith("epoch")]
    assert len(epochs) == 4
    assert epochs["r2"].iloc[-1] == pytest.approx(model.score(X, Y))


def test_scoring_monitor_sees_labels():
    """The epochs of a classifier come with the labels that it learns from."""
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = LSTMClassifier(units=2, epochs=2, random_state=0).set_callbacks(monitor)
    y = np.where(Y > 0, "above", "below")
    model.fit(X, y)
    log = monitor.get_logs().data_as_pandas
    accuracy = log.loc[log["task_name"] == "epoch 2", "accuracy"].item()
    assert accuracy == model.score(X, y) == np.mean(model.predict(X) == y)


@pytest.mark.parametrize("regressor", [LSTMRegressor, StatefulLSTMRegressor])
def test_epochs_of_several_networks_are_told_apart(regressor):
    """Each comes with the mean of the networks so far: those trained before, and this one."""
    options = {"units": 2, "epochs": 2}
    recorder = follow(regressor(**options, n_networks=2, random_state=0))
    names = [name for _, name in recorder.ended]
    assert names == [*(f"network {i}, epoch {j}" for i in (1, 2) for j in (1, 2)), "fit"]
    draws = np.random.RandomState(0)
    first, second = (regressor(**options, random_state=draws).fit(X, Y).predict(X) for _ in "ab")
    expected = [mean_squared_error(Y, first), mean_squared_error(Y, (first + second) / 2)]
    np.testing.assert_allclose(recorder.epochs[1::2], expected, rtol=1e-6)
