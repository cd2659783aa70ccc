"""The work done by sklstm, through its public estimators only.

Every function makes its data and returns the work to measure; see `_measure.Contender`.
"""

from __future__ import annotations

import time

import numpy as np

from _speed import _data
from sklstm import LagWindower, LSTMRegressor, StatefulLSTMRegressor, side_by_side


def load_tensorflow():
    """Import TensorFlow before the measurement, as the opponents do."""
    import sklstm.engine._train  # noqa: F401


def stateful_recipe(*, epochs, stop_early=False):
    """Return a fit of the stateful recipe; `stop_early` checks the loss after every epoch.

    The patience is as long as the run, so that all epochs are run.
    """
    load_tensorflow()
    X, y = _data.shampoo_differences()
    model = StatefulLSTMRegressor(
        4,
        normalize=False,
        epochs=epochs,
        early_stopping=stop_early,
        patience=epochs,
        random_state=0,
    )

    def work():
        model.fit(X, y)

    return work


def walk_forward(*, rows, times):
    """Return one `predict` over `rows` known rows after the training rows, over and over."""
    series = _data.waves(100 + rows + 1)
    X, y = series[:-1], series[1:, 0]
    model = StatefulLSTMRegressor(4, epochs=1, random_state=0).fit(X[:100], y[:100])
    model.predict(X[100:])

    def work():
        begin = time.perf_counter()
        for _ in range(times):
            model.predict(X[100:])
        return (time.perf_counter() - begin) / times

    return work


def grid(*, epochs, windows, units, folds):
    """Return a grid search over window and units, one job."""
    from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
    from sklearn.pipeline import make_pipeline

    load_tensorflow()
    X, y = _data.milk()
    model = make_pipeline(LagWindower(), LSTMRegressor(epochs=epochs, random_state=0))
    grid = {"lagwindower__window": windows, "lstmregressor__units": units}

    def work():
        GridSearchCV(model, grid, cv=TimeSeriesSplit(folds), refit=False).fit(X, y)

    return work


def search(*, candidates, folds, n_jobs, rows, window, units, batch, epochs):
    """Return a grid search over learning rates; ``n_jobs=None`` trains them side by side."""
    from contextlib import nullcontext

    import numpy as np
    from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

    X, y = _data.windows(rows, window)
    model = LSTMRegressor(units, epochs=epochs, batch_size=batch, random_state=0)
    grid = {"learning_rate": np.geomspace(1e-4, 1e-2, candidates)}

    def work():
        with side_by_side() if n_jobs is None else nullcontext():
            GridSearchCV(model, grid, cv=TimeSeriesSplit(folds), n_jobs=n_jobs, refit=False).fit(
                X, y
            )

    return work


def fit(*, rows, window, units, batch, epochs, engine="auto"):
    """Return a fit over windows that are a view."""
    load_tensorflow()
    X, y = _data.windows(rows, window)
    model = LSTMRegressor(units, epochs=epochs, batch_size=batch, engine=engine, random_state=0)

    def work():
        model.fit(X, y)

    return work


def several(*, networks, at_once, rows, window, units, batch, epochs):
    """Return the training of networks that differ by their seed, at once or by a fit of each."""
    X, y = _data.windows(rows, window)
    model = LSTMRegressor(units, epochs=epochs, batch_size=batch)

    def work():
        if at_once:
            model.set_params(n_networks=networks, random_state=0).fit(X, y)
        for seed in [] if at_once else range(networks):
            model.set_params(random_state=seed).fit(X, y)

    return work


def first_fit(*, rows, window, units):
    """Return the first fit and prediction of a process."""
    load_tensorflow()
    X, y = _data.windows(rows, window)

    def work():
        LSTMRegressor(units, random_state=0).fit(X, y).predict(X)

    return work


def fold(*, rows, window, fold, units, batch, epochs):
    """Return a fit over folded windows."""
    series = _data.waves(rows + window)
    X = LagWindower(window, fold=fold).fit_transform(series[:-1])[window - 1 :]
    y = series[window:, 0]
    model = LSTMRegressor(units, epochs=epochs, batch_size=batch, random_state=0)

    def work():
        model.fit(X, y)

    return work


def predict_one(*, window, units, times):
    """Return `predict` of one row, over and over."""
    X, y = _data.windows(100, window)
    model = LSTMRegressor(units, epochs=1, random_state=0).fit(X, y)
    model.predict(X[:1])

    def work():
        begin = time.perf_counter()
        for _ in range(times):
            model.predict(X[:1])
        return (time.perf_counter() - begin) / times

    return work


def long_series(*, rows, window, units, batch, steps):
    """Return a fit over a long series whose epoch is over after `steps` steps.

    As many rows as that takes have a target, spread over the whole series; the others are there as
    history.
    """
    series, target = _data.long_series(rows, window)
    X = np.lib.stride_tricks.sliding_window_view(series, window, axis=0).swapaxes(1, 2)
    taught = np.random.default_rng(0).choice(rows, batch * steps, replace=False)
    y = np.full(rows, np.nan)
    y[taught] = target[taught + window - 1]
    model = LSTMRegressor(units, epochs=1, batch_size=batch, random_state=0)
    model.fit(X[:batch], target[:batch])

    def work():
        model.fit(X, y)

    return work


def whole_epoch(*, rows, window, batch):
    """Return one epoch over a long series, every window of it."""
    series, target = _data.long_series(rows, window)
    X = np.lib.stride_tricks.sliding_window_view(series, window, axis=0).swapaxes(1, 2)
    y = target[window - 1 :]
    model = LSTMRegressor(1, epochs=1, batch_size=batch, random_state=0)
    model.fit(X[:batch], y[:batch])

    def work():
        model.fit(X, y)

    return work
