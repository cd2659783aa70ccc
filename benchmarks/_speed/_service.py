"""A service that gets a new row of each of 100 series again and again, and forecasts them."""

from __future__ import annotations

import time

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

N_SERIES, STEPS, TRAINED = 100, 12, 200
LOOK_BACK = 14  # rows: the newest, 11 of the window, and 2 of the differences
_NAMES = [f"meter {i:03}" for i in range(N_SERIES)]


def in_service(n_cycles: int) -> None:
    """Forecast in each cycle, learn and move on; print the drift, and how long a cycle takes."""
    X, y = rows(0, TRAINED)
    stateful = StatefulLSTMRegressor(8, epochs=1, batch_size=N_SERIES, random_state=0).fit(X, y)
    windowed = TransformedSeriesRegressor(
        make_pipeline(LagWindower(12), LSTMRegressor(8, epochs=1, n_networks=3, random_state=0)),
        make_pipeline(Differencer(), SeriesMinMaxScaler(per_series=True)),
    ).fit(X, y)

    def cycle(hour):
        new, target = rows(hour - LOOK_BACK, hour)
        forecast(windowed, new, STEPS, y=target)
        if hour % 24 == 0:
            windowed.partial_fit(*rows(hour - 24, hour))
        newest = slice(-N_SERIES, None)
        forecast(stateful, new[newest], STEPS, y=target[newest])
        stateful.advance(new[newest])

    tenth = max(n_cycles // 10, 1)
    warm = TRAINED + max(tenth // 10, 24)
    for hour in range(TRAINED + 1, warm + 1):
        cycle(hour)
    drift, seconds = Drift(), []
    for hour in range(warm + 1, warm + n_cycles + 1):
        begin = time.perf_counter()
        cycle(hour)
        seconds.append(time.perf_counter() - begin)
        if len(seconds) % tenth == 0:
            each = np.median(seconds[-tenth:]) * 1e3
            drift.report(f"{len(seconds):,} cycles, the last {tenth:,} of {each:.1f} ms (median)")
    first, last = np.median(seconds[:tenth]), np.median(seconds[-tenth:])
    print(f"the last {tenth:,} cycles take {last / first:.3f} × the time of the first", flush=True)


def rows(start: int, stop: int):
    """Return the rows, and their targets, of the hours after `start` up to `stop`."""
    hours = np.arange(start - 1, stop)
    # An hour has the same noise in each call.
    noise = [np.random.default_rng(hour + 1).normal(size=N_SERIES) for hour in hours]
    values = np.sin(hours[:, None] / 4 + np.arange(N_SERIES)) * 9 + 50 + noise
    labels = pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, unit="h")
    index = pd.MultiIndex.from_product([labels, _NAMES], names=["hour", "meter"])
    return series_to_supervised(pd.Series(values.ravel(), index, name="load"))
