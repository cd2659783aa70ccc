"""The case of whole pipelines that a service calls for a few rows at a time."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from _speed import _opponents
from _speed._cases import Options, Row, case, seconds
from _speed._measure import alternate, contender
from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)

TRAINED, STEPS = 132, 12  # months

#: Name, number of series, rows to predict (None for a forecast), steps that the model predicts from
#: one row, calls of Keras that do as much, and how often ours is called in a row.
WORK = (
    ("predict of the last training row", 1, slice(TRAINED - 1, TRAINED), 1, 1, 200),
    ("predict of the one new row", 1, slice(TRAINED, TRAINED + 1), 1, 1, 200),
    ("predict of the last 13 rows", 1, slice(TRAINED - 13, TRAINED), 1, 1, 200),
    (f"forecast of {STEPS} steps", 1, None, 1, STEPS, 20),
    (f"forecast of {STEPS} steps at once", 1, None, STEPS, 1, 50),
    ("predict of 100 series, one new row each", 100, slice(TRAINED, TRAINED + 1), 1, 1, 100),
    (f"forecast of {STEPS} steps of 100 series", 100, None, 1, STEPS, 5),
)


@case
def serving(options: Options) -> list[Row]:
    """Whole pipelines on labelled rows, as a service calls them, against Keras' `predict`; warm.

    Ours checks the rows, finds their past, takes differences and a scale, predicts, and brings the
    result back to the units of the series. Keras gets an array of the windows that come out of
    that; a forecast that feeds 12 steps back is 12 such calls.
    """
    rows = []
    size = {"window": 12, "units": 16}
    for work, n_series, wanted, horizon, n_calls, times in WORK:
        given = {"n_series": n_series, "wanted": wanted, "horizon": horizon}
        n_rows = n_series * (wanted.stop - wanted.start if wanted else 1)
        measured = alternate(
            [
                contender("ours", pipeline, times=options.size(times, 1), **given, **size),
                contender(
                    "keras",
                    _opponents.keras_predict_few,
                    rows=n_rows,
                    times=options.size(20, 1),
                    **size,
                ),
            ],
            options.rounds,
        )
        ours, theirs = measured["ours"].seconds, measured["keras"].seconds * n_calls
        against = "Keras predict of ready windows" + (f", {n_calls} times" if n_calls > 1 else "")
        name = f"whole pipeline, {work}"
        rows.append(Row(name, seconds(ours), against, seconds(theirs), theirs / ours))
    return rows


def pipeline(*, window, units, n_series, wanted, horizon, times):
    """Return one prediction of a whole pipeline, or one forecast, over and over."""
    X, y = series_to_supervised(_months(TRAINED + 13, n_series), horizon=horizon)
    known = slice(TRAINED * n_series)
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(window), LSTMRegressor(units, epochs=1, random_state=0)),
        transformer=make_pipeline(Differencer([1, 12]), SeriesMinMaxScaler((-1, 1))),
    ).fit(X[known], y[known])

    def once():
        if wanted is None:
            forecast(model, X[known], STEPS, y=y[known])
        else:
            model.predict(X[wanted.start * n_series : wanted.stop * n_series])

    def repeated():
        begin = time.perf_counter()
        for _ in range(times):
            once()
        return (time.perf_counter() - begin) / times

    once()
    return repeated


def _months(n_rows, n_series):
    """Return months of some series, with trend and season."""
    labels = pd.date_range("1962-01-01", periods=n_rows + 1, freq="MS")
    month = np.arange(n_rows + 1)[:, None]
    noise = np.random.default_rng(0).normal(size=(n_rows + 1, n_series))
    values = 600 + 2 * month + 80 * np.sin(month * np.pi / 6 + np.arange(n_series)) + noise
    if n_series > 1:
        labels = pd.MultiIndex.from_product([labels, [f"s{i:03}" for i in range(n_series)]])
    return pd.Series(values.ravel(), labels, name="sold")
