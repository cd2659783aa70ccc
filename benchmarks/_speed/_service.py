"""A service that gets a new row of each of 100 series again and again, and forecasts them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from _speed._drift import Drift
from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)

N_SERIES, STEPS, TRAINED, DAY = 100, 12, 200, 24
LOOK_BACK = 14  # rows: the newest, 11 of the window, and 2 of the differences
_HERE = Path(__file__).parents[1]
_NAMES = [f"meter {i:03}" for i in range(N_SERIES)]


def in_service(n_cycles: int) -> None:
    """Forecast in each cycle, learn and move on; print the drift, and how long a cycle takes.

    The machine itself may get slower meanwhile, so each tenth is also compared with a process that
    begins the service after it, alone.
    """
    cycle, hour = begun()
    tenth = max(n_cycles // 10, 1)
    drift, each = Drift(), []
    for done in range(tenth, n_cycles + 1, tenth):
        aged = milliseconds(cycle, range(hour + done - tenth, hour + done))
        fresh = float(subprocess.check_output([sys.executable, "-m", __name__], cwd=_HERE))
        each.append((aged, fresh))
        drift.report(
            f"{done:,} cycles, the last {tenth:,} of {aged:.1f} ms (median); "
            f"{fresh:.1f} ms in a new process"
        )
    (first, _), (last, new), fresh = each[0], each[-1], [new for _, new in each]
    print(f"the last {tenth:,} cycles take {last / first:.3f} × the time of the first, and")
    print(f"{last / new:.3f} × that of a new process ({min(fresh):.1f} to {max(fresh):.1f} ms)")


def begun():
    """Return a function that does the work of one hour, run for a day, and the next hour."""
    X, y = rows(0, TRAINED)
    stateful = StatefulLSTMRegressor(8, epochs=1, batch_size=N_SERIES, random_state=0).fit(X, y)
    windowed = TransformedSeriesRegressor(
        make_pipeline(LagWindower(12), LSTMRegressor(8, epochs=1, n_networks=3, random_state=0)),
        make_pipeline(Differencer(), SeriesMinMaxScaler(per_series=True)),
    ).fit(X, y)

    def cycle(hour):
        new, target = rows(hour - LOOK_BACK, hour)
        forecast(windowed, new, STEPS, y=target)
        if hour % DAY == 0:
            windowed.partial_fit(*rows(max(hour - DAY, TRAINED), hour))
        newest = slice(-N_SERIES, None)
        forecast(stateful, new[newest], STEPS, y=target[newest])
        stateful.advance(new[newest])

    for hour in range(TRAINED + 1, TRAINED + DAY + 1):
        cycle(hour)
    return cycle, TRAINED + DAY + 1


def milliseconds(cycle, hours) -> float:
    """Return the median time of a cycle."""
    seconds = []
    for hour in hours:
        begin = time.perf_counter()
        cycle(hour)
        seconds.append(time.perf_counter() - begin)
    return float(np.median(seconds) * 1e3)


def rows(start: int, stop: int):
    """Return the rows, and their targets, of the hours after `start` up to `stop`."""
    hours = np.arange(start - 1, stop)
    # An hour has the same noise in each call.
    noise = [np.random.default_rng(hour + 1).normal(size=N_SERIES) for hour in hours]
    values = np.sin(hours[:, None] / 4 + np.arange(N_SERIES)) * 9 + 50 + noise
    labels = pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, unit="h")
    index = pd.MultiIndex.from_product([labels, _NAMES], names=["hour", "meter"])
    return series_to_supervised(pd.Series(values.ravel(), index, name="load"))


if __name__ == "__main__":
    cycle, hour = begun()
    print(milliseconds(cycle, range(hour, hour + 100)))
