"""
An hourly job: from the series to the model in service
======================================================

A town plans its load, in megawatts, a day ahead. This example searches a model, back-tests it,
forecasts the next day with an interval, and keeps the model in a file. Later, a job loads the file,
trains the model further with the hours that have come since, and forecasts again.
"""

# %%
# Search
# ------
# To read your own file, see :doc:`/user_guide/start/from_csv_to_forecast`. The last day is left for
# the job. At each hour, a small network predicts the next 24 hours at once, from the last one or
# two days. It learns the change from the same hour of the day, or of the week, before.

import os
from pathlib import Path

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    ForecastDisplay,
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    backtest,
    conformal_interval,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import make_hourly_load

load = make_hourly_load(random_state=0)
X, y = series_to_supervised(load[:-24], horizon=24)
lstm = LSTMRegressor(
    epochs=10, batch_size=64, learning_rate=0.005, random_state=0
)
search = GridSearchCV(
    TransformedSeriesRegressor(
        make_pipeline(LagWindower(), lstm), Differencer()
    ),
    {
        "regressor__lagwindower__window": [24, 48],
        "regressor__lstmregressor__units": [8, 16],
        "transformer__interval": [24, 168],
    },
    cv=TimeSeriesSplit(2, test_size=168),
    scoring="neg_mean_absolute_error",
).fit(X, y)

# %%
# Back-test
# ---------
# At each midnight of the last four weeks, the model forecasts the next 24 hours, and so do simple
# forecasts, which know the same hours. The model is trained once, on the hours before these weeks.

midnights = [
    (np.arange(n), [n]) for n in range(len(X) - 28 * 24 - 1, len(X), 24)
]
result = backtest(search.best_estimator_, X, y, midnights, refit=False)
print(
    search.best_params_, -result.scores.loc["overall"].round(2), sep="\n"
)

# %%
# Forecast, with an interval
# --------------------------
# For each number of hours ahead, the interval is wide enough for nine out of ten errors of the
# back-test.

ahead = forecast(search, series=load[:-24], steps=24)
ForecastDisplay.from_predictions(
    load[-96:],
    ahead,
    interval=conformal_interval(result, ahead),
    steps=range(1, 25),
).ax_.set_ylabel("load [MW]")

# %%
# In service
# ----------
# A day later, the job needs only the file and the new rows, because the model knows the rows before
# them. ``partial_fit`` trains for one epoch, and keeps the scales of the network. Then the job
# forecasts the next day.

file = Path(os.environ.get("SKLSTM_EXAMPLES_OUTPUT", "."), "load.joblib")
joblib.dump(search.best_estimator_, file)

model = joblib.load(file)
X, y = series_to_supervised(load, horizon=24)
model.partial_fit(X[-24:], y[-24:])
print(forecast(model, series=load, steps=24).round(1).head(3))
