"""The opponents of sklstm, written as their users write them, with their best settings.

Every function makes its data and returns the work to measure; see `_measure.Contender`.
"""

from __future__ import annotations

import time
from multiprocessing.util import Finalize

import numpy as np

from _speed import _data


def keras_network(units, window, n_features=1, *, jit, batch=None, stateful=False):
    """Return a compiled one-layer Keras LSTM.

    ``jit`` compiles its steps by XLA, which Keras' layer allows on a CPU without cuDNN only.
    """
    import keras

    model = keras.Sequential(
        [
            keras.Input((window, n_features), batch_size=batch),
            keras.layers.LSTM(
                units,
                stateful=stateful,
                use_cudnn=False if jit else "auto",
                unroll=jit and window == 1,
            ),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer="adam", loss="mse", jit_compile=jit)
    return model


def keras_stateful_loop(*, epochs, timed, jit, stop_early=False, by_batch=False):
    """Return the classic recipe: one `fit` and one reset per epoch.

    Only `timed` epochs run. The first, which traces and compiles, counts once, and the mean of the
    others stands for the rest: the cost of an epoch does not change.
    """
    import keras  # noqa: F401  (its import is not what is measured)

    X, y = _data.shampoo_differences()
    X, y = X[:, None].astype(np.float32), y.astype(np.float32)

    def work():
        model = keras_network(4, 1, jit=jit, batch=1, stateful=True)
        best, best_weights = np.inf, None

        def epoch():
            nonlocal best, best_weights
            if by_batch:
                loss = np.mean(
                    [model.train_on_batch(X[i : i + 1], y[i : i + 1]) for i in range(len(X))]
                )
            else:
                seen = model.fit(X, y, epochs=1, batch_size=1, verbose=0, shuffle=False)
                [loss] = seen.history["loss"]
            model.layers[0].reset_state()
            if stop_early and loss < best:
                best, best_weights = loss, model.get_weights()

        begin = time.perf_counter()
        epoch()
        first = time.perf_counter()
        for _ in range(timed - 1):
            epoch()
        per_epoch = (time.perf_counter() - first) / (timed - 1)
        return first - begin + (epochs - 1) * per_epoch

    return work


def keras_walk_forward(*, rows, timed):
    """Return `predict` once per row by a stateful model: `timed` rows stand for `rows` of them."""
    model = keras_network(4, 1, jit=False, batch=1, stateful=True)
    X = _data.waves(timed)[:, None].astype(np.float32)

    def work():
        begin = time.perf_counter()
        for i in range(timed):
            model.predict(X[i : i + 1], batch_size=1, verbose=0)
        return (time.perf_counter() - begin) / timed * rows

    return work


def keras_fit(*, rows, window, units, batch, epochs, jit):
    """Return `fit` of a model that is already traced, over windows written out as float32."""
    X, y = _data.windows(rows, window)
    X, y = np.ascontiguousarray(X, np.float32), y.astype(np.float32)
    model = keras_network(units, window, jit=jit)

    def work():
        model.fit(X, y, epochs=epochs, batch_size=batch, verbose=0)

    return work


def keras_predict_few(*, window, units, times, rows=1):
    """Return `predict` of some rows, over and over; the first traces and is not counted."""
    X, _ = _data.windows(rows, window)
    X = np.ascontiguousarray(X, np.float32)
    model = keras_network(units, window, jit=False)

    def work():
        begin = time.perf_counter()
        for _ in range(times):
            model.predict(X, verbose=0)
        return (time.perf_counter() - begin) / times

    return work


def keras_materialised(*, rows, window, units, batch, steps):
    """Return windows written out as one float32 array, and `steps` steps of `fit` over them."""
    series, y = _data.long_series(rows, window)
    model = keras_network(units, window, series.shape[1], jit=False)
    model.train_on_batch(np.zeros((batch, window, 2), np.float32), np.zeros(batch, np.float32))

    def work():
        view = np.lib.stride_tricks.sliding_window_view(series, window, axis=0)
        X = np.ascontiguousarray(view.swapaxes(1, 2), dtype=np.float32)
        model.fit(X, y[window - 1 :], batch_size=batch, epochs=1, steps_per_epoch=steps, verbose=0)

    return work


def scikeras_grid(*, n_jobs, epochs, windows, units, folds):
    """Return a grid search over window and units by plain SciKeras.

    A function transformer cuts the windows, zeros before the first row, because SciKeras' inputs
    may not hold NaN.
    """
    from joblib.externals.loky import get_reusable_executor
    from scikeras.wrappers import KerasRegressor
    from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    X, y = _data.milk()
    X, y = X.astype(np.float32), y.astype(np.float32)
    model = make_pipeline(
        FunctionTransformer(cut_windows, kw_args={"window": 1}),
        KerasRegressor(
            scikeras_network, units=4, epochs=epochs, batch_size=32, loss="mse", verbose=0
        ),
    )
    grid = {
        "functiontransformer__kw_args": [{"window": window} for window in windows],
        "kerasregressor__units": units,
    }

    if n_jobs > 1:
        # The workers would outlive a process of multiprocessing, which runs no exit handlers.
        Finalize(None, lambda: get_reusable_executor().shutdown(), exitpriority=1)

    def work():
        GridSearchCV(model, grid, cv=TimeSeriesSplit(folds), refit=False, n_jobs=n_jobs).fit(X, y)

    return work


def cut_windows(X, window):
    """Return the window of each row."""
    padded = np.concatenate([np.zeros((window - 1, X.shape[1]), X.dtype), X])
    return np.lib.stride_tricks.sliding_window_view(padded, window, axis=0).swapaxes(1, 2).copy()


def scikeras_network(units, meta):
    """Build the network for SciKeras, which compiles it."""
    import keras

    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            keras.layers.LSTM(units),
            keras.layers.Dense(1),
        ]
    )


def torch_loop(*, rows, window, units, batch, epochs):
    """Return the usual PyTorch training loop over windows that lie in memory, without a DataLoader.

    Adam is the fused one. One thread or all of them: whatever is faster for these sizes here.
    """
    import torch

    windows, target = _data.windows(rows, window)
    X = torch.from_numpy(np.ascontiguousarray(windows, np.float32))
    y = torch.from_numpy(target.astype(np.float32))[:, None]
    lstm, output = torch.nn.LSTM(1, units, batch_first=True), torch.nn.Linear(units, 1)
    optimizer = torch.optim.Adam([*lstm.parameters(), *output.parameters()], fused=True)

    def step(which):
        optimizer.zero_grad()
        outputs, _ = lstm(X[which])
        torch.nn.functional.mse_loss(output(outputs[:, -1]), y[which]).backward()
        optimizer.step()

    def seconds(threads):
        torch.set_num_threads(threads)
        step(torch.arange(batch))
        begin = time.perf_counter()
        for _ in range(3):
            step(torch.arange(batch))
        return time.perf_counter() - begin

    torch.set_num_threads(min((1, torch.get_num_threads()), key=seconds))

    def work():
        for _ in range(epochs):
            for which in torch.randperm(rows).split(batch):
                step(which)

    return work


def sgemm(*, size):
    """Return a float32 matrix product by NumPy's BLAS; its seconds are those of one operation."""
    a, b = np.random.default_rng(0).random((2, size, size), dtype=np.float32)

    def work():
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - begin)
        return min(times) / (2 * size**3)

    return work
