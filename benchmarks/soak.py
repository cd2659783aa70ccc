"""Print the memory of many fits and predictions, of many series, and of a series in a large file.

First, 500 fits of 10 architectures and 10,000 predictions of one row. The figures are differences
from the memory after the first 20 fits, when each architecture has been traced twice. Then, a
service that takes a new row of each of 100 series for 10,000 cycles, forecasts and moves on; and 8
threads that fit and predict for 2 minutes, each result compared with that of the model alone. Then,
the transformers on series of 216 months, 48,000 of them by default, and a fit and a prediction on a
memory-mapped file of 4 GiB. The figures of these two are the largest resident memory meanwhile,
less the memory before.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
import psutil
from _speed import _data
from _speed._drift import Drift, resident
from _speed._measure import MIB
from _speed._service import in_service
from _speed._threads import at_the_same_time
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
)

_FIRST = 20
_ARCHITECTURES = [
    *({"units": units} for units in (4, 8, 16, 32, 64)),
    {"units": (8, 4)},
    {"units": 8, "dense_units": 4, "n_networks": 3},
    {"units": 8, "dropout": 0.2, "n_networks": 2, "short_windows": "mask"},
    {"units": 8, "loss": "mae", "optimizer": "rmsprop"},
    {"units": 8, "bptt_steps": 4, "batch_size": 2, "n_networks": 2},
]


def fit_one(i: int):
    """Fit the `i`-th model; every third has another window, rows and seed."""
    parameters = _ARCHITECTURES[i % len(_ARCHITECTURES)]
    stateful = "bptt_steps" in parameters
    X, y = _data.windows(60 + i % 3, 1 if stateful else 6 + i % 3)
    make = StatefulLSTMRegressor if stateful else LSTMRegressor
    return make(epochs=2, random_state=i, **parameters).fit(X, y)


def fits(*, count: int):
    """Return `count` fits, whose figure is the memory that those after the first 20 added."""

    def work():
        for i in range(_FIRST):
            fit_one(i)
        before = resident()
        for i in range(_FIRST, count):
            fit_one(i)
        return resident() - before

    return work


@contextlib.contextmanager
def most_resident():
    """Give a function that tells the most memory in MiB that was added since."""
    before, most, over = resident(), 0.0, threading.Event()

    def watch():
        nonlocal most
        while not over.wait(0.01):
            most = max(most, psutil.Process().memory_info().rss / MIB)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    yield lambda: most - before
    over.set()
    watcher.join()


def mapped_series(path: Path, size: int, n_features: int):
    """Write a random series of `size` bytes to a file, and return it mapped."""
    draws = np.random.default_rng(0)
    n_rows, some = -(-size // (4 * n_features)), 2**16
    with path.open("wb") as file:
        for start in range(0, n_rows, some):
            rows = min(some, n_rows - start)
            file.write(draws.random((rows, n_features), dtype=np.float32))
    return np.memmap(path, dtype=np.float32, mode="r", shape=(n_rows, n_features))


def on_a_file(gib: float, n_features: int) -> None:
    """Fit and predict on a mapped file, and print the memory that it takes."""
    with tempfile.TemporaryDirectory() as folder:
        X = mapped_series(Path(folder) / "series", int(gib * 2**30), n_features)
        y = np.random.default_rng(1).random(len(X), dtype=np.float32)
        options = {"epochs": 1, "random_state": 0}
        models = {
            "windows of 8, shuffled": make_pipeline(
                LagWindower(8), LSTMRegressor(4, batch_size=4096, **options)
            ),
            "stateful": StatefulLSTMRegressor(4, batch_size=512, bptt_steps=16, **options),
        }
        for name, model in models.items():
            model.fit(X[:20_000], y[:20_000]).predict(X[:20_000])
            for what, arguments in (("fit", (X, y)), ("predict", (X,))):
                begin = time.perf_counter()
                with most_resident() as most:
                    getattr(model, what)(*arguments)
                seconds = time.perf_counter() - begin
                size = f"{len(X):,} rows × {n_features} columns ({X.nbytes / 2**30:.2f} GiB)"
                print(f"{size}, {name}, {what}: {most():+.0f} MB, {seconds:.0f} s", flush=True)


def on_many_series(n_series: int) -> None:
    """Transform many series and back, and print the memory that it takes beside their values."""
    months = pd.date_range("2000-01-01", periods=216, freq="MS")
    index = pd.MultiIndex.from_product([months, np.arange(n_series)])
    X = pd.DataFrame({"sold": np.random.default_rng(0).normal(size=len(index))}, index)
    size = X["sold"].nbytes / MIB
    print(f"{n_series:,} series of 216 months, {size:.0f} MiB of values")
    steps = [Differencer([1, 12]), SeriesMinMaxScaler(per_series=True), LagWindower(12)]

    def measured(what, call, *arguments, **options):
        with most_resident() as most:
            begin = time.perf_counter()
            returned = call(*arguments, **options)
            seconds = time.perf_counter() - begin
        figures = f"{seconds:.2f} s, {len(X) / seconds / 1e6:.1f} million rows per second"
        print(f"{what}: {most() / size:.2f} × the values, {figures}", flush=True)
        return returned

    for step in steps:
        measured(f"{step}, fit", step.fit, X)
        Z = measured(f"{step}, transform", step.transform, X)
        if hasattr(step, "inverse_transform"):
            measured(f"{step}, inverse", step.inverse_transform, Z)
    pipeline = make_pipeline(*steps)
    del Z
    measured("all three, fit", pipeline.fit, X)
    measured("all three, transform", pipeline.transform, X)


def on_and_on(n_fits: int, n_predictions: int) -> None:
    """Fit and predict again and again, and print what memory, files and threads do."""
    for i in range(_FIRST):
        fit_one(i)
    report = Drift().report
    begin = time.perf_counter()
    for i in range(_FIRST, n_fits):
        fit_one(i)
        if (i + 1) % 100 == 0:
            report(f"{i + 1:,} fits")
    report(f"{n_fits:,} fits, {time.perf_counter() - begin:.0f} s")
    X, y = _data.windows(60, 6)
    model = LSTMRegressor(8, epochs=2, random_state=0).fit(X, y)
    begin = time.perf_counter()
    for i in range(n_predictions):
        model.predict(X[i % 60 : i % 60 + 1])
    each = (time.perf_counter() - begin) / max(n_predictions, 1)
    report(f"{n_predictions:,} predictions")
    print(f"{each * 1e3:.2f} ms per prediction")


def main() -> None:
    """Run it and print a line now and then."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=500)
    parser.add_argument("--predictions", type=int, default=10_000)
    parser.add_argument("--cycles", type=int, default=10_000, help="of the service; 0 for none")
    parser.add_argument("--seconds", type=float, default=120, help="of the threads; 0 for none")
    parser.add_argument(
        "--gib", type=float, default=4.0, help="size of the mapped file; 0 for none"
    )
    parser.add_argument("--columns", type=int, default=128, help="columns of the mapped file")
    parser.add_argument(
        "--series",
        type=int,
        nargs="*",
        default=[48_000],
        help="numbers of many series, one table each; without a number, none",
    )
    arguments = parser.parse_args()
    if arguments.fits:
        on_and_on(arguments.fits, arguments.predictions)
    if arguments.cycles:
        in_service(arguments.cycles)
    if arguments.seconds:
        at_the_same_time(arguments.seconds)
    for n_series in arguments.series:
        on_many_series(n_series)
    if arguments.gib:
        on_a_file(arguments.gib, arguments.columns)


if __name__ == "__main__":
    main()
