"""Fit and predict for long, and print what memory and file handles do.

500 fits of 10 architectures, then 10,000 predictions of one row. Figures are differences from the
state after the first 20 fits, when each architecture has been traced twice.
"""

from __future__ import annotations

import argparse
import gc
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _data
import psutil
from _measure import MIB

from sklstm import LSTMRegressor, StatefulLSTMRegressor

_FIRST = 20
_ARCHITECTURES = [
    *({"units": units} for units in (4, 8, 16, 32, 64)),
    {"units": (8, 4)},
    {"units": 8, "dense_units": 4},
    {"units": 8, "dropout": 0.2},
    {"units": 8, "loss": "mae", "optimizer": "rmsprop"},
    {"units": 8, "bptt_steps": 4, "batch_size": 2},
]


def fit_one(i: int):
    """Fit the `i`-th model; every third has another window, rows and seed."""
    parameters = _ARCHITECTURES[i % len(_ARCHITECTURES)]
    stateful = "bptt_steps" in parameters
    X, y = _data.windows(60 + i % 3, 1 if stateful else 6 + i % 3)
    make = StatefulLSTMRegressor if stateful else LSTMRegressor
    return make(epochs=2, random_state=i, **parameters).fit(X, y)


def resident() -> float:
    """Return the memory of this process in MiB."""
    gc.collect()
    return psutil.Process().memory_info().rss / MIB


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


def main() -> None:
    """Run it and print a line now and then."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=500)
    parser.add_argument("--predictions", type=int, default=10_000)
    arguments = parser.parse_args()
    me = psutil.Process()
    for i in range(_FIRST):
        model = fit_one(i)
    start = resident(), me.num_fds(), me.num_threads()

    def report(what):
        now = resident(), me.num_fds(), me.num_threads()
        memory, files, threads = (b - a for a, b in zip(start, now, strict=True))
        print(f"{what:>24}: {memory:+6.1f} MB, {files:+d} files, {threads:+d} threads", flush=True)

    begin = time.perf_counter()
    for i in range(_FIRST, arguments.fits):
        fit_one(i)
        if (i + 1) % 100 == 0:
            report(f"{i + 1:,} fits")
    report(f"{arguments.fits:,} fits, {time.perf_counter() - begin:.0f} s")
    X, y = _data.windows(60, 6)
    model = LSTMRegressor(8, epochs=2, random_state=0).fit(X, y)
    begin = time.perf_counter()
    for i in range(arguments.predictions):
        model.predict(X[i % 60 : i % 60 + 1])
    each = (time.perf_counter() - begin) / arguments.predictions
    report(f"{arguments.predictions:,} predictions")
    print(f"{each * 1e3:.2f} ms per prediction")


if __name__ == "__main__":
    main()
