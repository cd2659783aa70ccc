"""
A noisy trend, and what its readers asked for
=============================================

A much-read example predicts the next of 400 noisy values from the two before it, with 128 LSTM
units and three dense layers, and scores the rows it was trained on. Its readers asked how it does
on rows that it has not seen, and how to use several predictors per step. Both are a line here.
"""

# %%
# Rows
# ----
# The series is ``n/10 + 4 sin(n/10)`` plus noise whose variance is known to be 6.25. No model can
# be expected to have a smaller mean squared error on rows that it has not seen.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import mean_absolute_error, mean_squared_error
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    backtest,
    series_to_supervised,
)
from sklstm.datasets import load_noisy_trend

series = load_noisy_trend()
X, y = series_to_supervised(series)

# %%
# The published network
# ---------------------
# The first row has no full window of two values: it is left out of training by itself, where the
# original repeated the last value to give every row a target.

lstm = LSTMRegressor(
    units=128,
    activation="relu",
    dense_units=(64, 32),
    dense_activation=("relu", "linear"),
    metrics=["mean_absolute_error"],
    epochs=50,
    batch_size=32,
    shuffle=False,
    random_state=0,
)
as_published = make_pipeline(LagWindower(2), lstm).fit(X, y)
fitted = pd.Series(as_published.predict(X), index=y.index)
parameters = as_published[-1].model_.count_params()
print(f"parameters            {parameters:,} (published 76,929)")
print(f"rows learnt from      {as_published[-1].n_samples_fit_}")
print(f"in-sample MSE         {mean_squared_error(y, fitted):.3f} (published 11.845)")
print(f"in-sample MAE         {mean_absolute_error(y, fitted):.3f} (published 2.810)")

# %%
# Rows that the model has not seen
# --------------------------------
# `sklstm.backtest` trains on the past and predicts the 60 rows after it, five times, beside the
# value of the step before. The trend leaves the training range in every fold, so scaling is tried
# as well.
#
# Several predictors per step
# ---------------------------
# A DataFrame gives one column per predictor: here the trend and the wave, beside the series itself.
# With a window of 3 each sample is 3 rows × 3 columns.

table = pd.DataFrame(
    {"y": series, "trend": series.index / 10, "wave": 4 * np.sin(series.index / 10)}
)
X_three, y_three = series_to_supervised(table, target="y")


def scaled(window):
    """Scale the rows and the target around the published network."""
    return TransformedSeriesRegressor(
        make_pipeline(SeriesMinMaxScaler((-1, 1)), LagWindower(window), lstm),
        transformer=SeriesMinMaxScaler((-1, 1)),
    )


contenders = {
    "as published": (make_pipeline(LagWindower(2), lstm), X, y),
    "scaled": (scaled(2), X, y),
    "scaled, 3 rows × 3 columns": (scaled(3), X_three, y_three),
}
scorers = {"MSE": "neg_mean_squared_error", "MAE": "neg_mean_absolute_error"}
unseen = {}
print(f"\n{'unseen rows, 5 folds':<30}{'MSE':>8}{'MAE':>8}")
for name, (model, rows, target) in contenders.items():
    result = backtest(
        model,
        rows,
        target,
        cv=TimeSeriesSplit(5, test_size=60),
        baselines=["persistence"],
        scoring=list(scorers.values()),
    )
    unseen[name] = result.predictions["prediction"]
    mse, mae = (-result.scores.loc[(scorer, "overall")] for scorer in scorers.values())
    print(f"{name:<30}{mse['prediction']:8.3f}{mae['prediction']:8.3f}")
print(f"{'same as the step before':<30}{mse['persistence']:8.3f}{mae['persistence']:8.3f}")
print(f"{'noise itself (variance)':<30}{6.25:8.3f}")

# %%
# The rows that a model has not seen cost it more than those that it has. The trend and the wave as
# predictors of their own smooth the noise away, but mislead the first folds, which have seen too
# little of them.
#
# Picture
# -------

grey, blue, orange = "0.65", "#0072B2", "#D55E00"
fig, axes = plt.subplots(2, 1, figsize=(8, 6), sharex=True, sharey=True, layout="constrained")
axes[0].plot(fitted, color=blue, lw=1.2, label="published network, rows it has seen")
axes[1].plot(
    unseen["as published"].reindex(y.index), color=blue, lw=1.2, label="published network, unseen"
)
axes[1].plot(
    unseen["scaled, 3 rows × 3 columns"].reindex(y.index),
    color=orange,
    lw=1.6,
    label="3 rows × 3 columns, unseen",
)
for ax in axes:
    ax.plot(series, ".", color=grey, ms=3, zorder=1, label="series")
    ax.set_ylabel("value (no unit)")
    ax.legend(loc="upper left", frameon=False)
axes[-1].set_xlabel("step n")
plt.show()
