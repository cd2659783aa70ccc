"""Show what each part of the recipe of m4_hourly.py is worth on the last training hours.

Each line exchanges one part, for one network and one seed. Scores are those of the last 48 training
hours, of which nothing is learnt; no test value is read.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from m4_hourly import DAY, HORIZON, WEEK, forecast_each, naive2, network, read_m4, score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    LagWindower,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    forecast,
    series_to_supervised,
)

LOG = FunctionTransformer(np.log, np.exp)


def build(transformer, scaling: dict | None, window: int = WEEK, fold: int = DAY, **parameters):
    """Build a model of some transformer, some scaling of windows and some network."""
    regressor = network(**{"units": 64, "epochs": 10, "n_windows": 40_000, **parameters})
    if scaling is not None:
        regressor = WindowScaledRegressor(regressor, **scaling)
    return TransformedSeriesRegressor(
        make_pipeline(LagWindower(window, fold=fold), regressor), transformer=transformer
    )


def models() -> dict:
    """Return the models to compare, by name."""
    mean = {"scale": "mean", "center": None}
    week = {"season": WEEK}
    return {
        "values as they are": build(None, None),
        "each series from 0 to 1": build(SeriesMinMaxScaler(per_series=True), None),
        "windows divided by their mean": build(None, mean),
        "windows standardised": build(None, {}),
        "logarithm, windows standardised": build(LOG, {}),
        "..., less the value a day before": build(LOG, {"season": DAY}),
        "..., less the value a week before": build(LOG, week),
        "that with two weeks in a window": build(LOG, week, window=2 * WEEK),
        "that with squared errors": build(LOG, week, loss="mse"),
        "that with a constant learning rate": build(LOG, week, learning_rate_schedule=None),
        "that with 5 epochs": build(LOG, week, epochs=5),
        "that with 128 units": build(LOG, week, units=128),
    }


def main() -> None:
    """Fit each model, forecast and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with Hourly-train.csv and Hourly-test.csv")
    values, _ = read_m4(parser.parse_args().folder)
    is_last = values.index.get_level_values("hour") > -HORIZON
    train, last = values[~is_last], values[is_last]
    X, y = series_to_supervised(train, horizon=HORIZON, keep_last=True)
    forecasts = {"Naive2": forecast_each(train, naive2)}
    seconds = {}
    for name, model in models().items():
        begin = time.perf_counter()
        forecasts[name] = forecast(model.fit(X, y), X, HORIZON, y=y)
        seconds[name] = time.perf_counter() - begin
        print(name, f"{seconds[name]:.0f} s", flush=True)
    table = score(train, last, forecasts).assign(seconds=pd.Series(seconds))
    print(table.to_string(float_format="%.3f"))


if __name__ == "__main__":
    main()
