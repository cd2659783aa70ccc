"""
A noisy trend: scores on unseen rows, and several predictors
============================================================

A well-known example predicts the next of 400 noisy values from the two values before it, with 128
LSTM units and three dense layers. It scores the rows that it was trained on. Its readers asked for
scores on rows that the network has not seen, and for several predictors per step. Here, each of
these takes one line.
"""

# %%
# Rows
# ----
# The series is ``n/10 + 4 sin(n/10)`` plus noise with a variance of 6.25. On unseen rows, no model
# can be expected to have a smaller mean squared error than this variance.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import mean_absolute_error, mean_squared_error
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    LagWindower,
    LSTMRegressor,
    backtest,
    series_to_supervised,
)
from sklstm.datasets import load_noisy_trend

series = load_noisy_trend()
X, y = series_to_supervised(series)

# %%
# The published network
# ---------------------
# The first row has no full window of two values, so ``fit`` skips it and learns from 398 rows. The
# original learnt from 400: it repeated the last value twice, so that every window had a target. It
# scaled nothing, so ``normalize=False``.

lstm = LSTMRegressor(
    units=128,
    activation="relu",
    dense_units=(64, 32),
    dense_activation=("relu", "linear"),
    metrics=["mean_absolute_error"],
    epochs=50,
    batch_size=32,
    shuffle=False,
    normalize=False,
    random_state=0,
)
as_published = make_pipeline(LagWindower(2), lstm).fit(X, y)
fitted = pd.Series(as_published.predict(X), index=y.index)
parameters = as_published[-1].model_.count_params()
print(f"parameters            {parameters:,} (published 76,929)")
print(f"rows learnt from      {as_published[-1].n_samples_fit_}")
print(
    f"in-sample MSE         {mean_squared_error(y, fitted):.3f} (published 11.845)"
)
print(
    f"in-sample MAE         {mean_absolute_error(y, fitted):.3f} (published 2.810)"
)

# %%
# Rows that the model has not seen
# --------------------------------
# `sklstm.backtest` trains on the past and predicts the 60 rows after it, five times. It also scores
# the value of the step before. In every fold, the trend leaves the range of the training rows. The
# same network is tried with standardised rows as well, which is the default (``normalize=True``).
#
# Several predictors per step
# ---------------------------
# In a DataFrame, each column is a predictor: here the series itself, the trend and the wave. With a
# window of 3, each sample has 3 rows × 3 columns.

table = pd.DataFrame(
    {
        "y": series,
        "trend": series.index / 10,
        "wave": 4 * np.sin(series.index / 10),
    }
)
X_three, y_three = series_to_supervised(table, target="y")
standardised = clone(lstm).set_params(normalize=True)
contenders = {
    "as published": (make_pipeline(LagWindower(2), lstm), X, y),
    "standardised": (make_pipeline(LagWindower(2), standardised), X, y),
    "3 rows × 3 columns": (
        make_pipeline(LagWindower(3), standardised),
        X_three,
        y_three,
    ),
}
scorers = {
    "MSE": "neg_mean_squared_error",
    "MAE": "neg_mean_absolute_error",
}
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
    mse, mae = (
        -result.scores.loc[(scorer, "overall")]
        for scorer in scorers.values()
    )
    print(f"{name:<30}{mse['prediction']:8.3f}{mae['prediction']:8.3f}")
print(
    f"{'same as the step before':<30}{mse['persistence']:8.3f}{mae['persistence']:8.3f}"
)
print(f"{'noise itself (variance)':<30}{6.25:8.3f}")

# %%
# The error on unseen rows is larger than on the training rows. With the trend and the wave as
# predictors, predictions are less noisy, and their error is the smallest. Only in the first fold
# they miss the wave: its training rows show too little of it.
#
# Picture
# -------

grey, blue, orange = "0.65", "#0072B2", "#D55E00"
fig, axes = plt.subplots(
    2, 1, figsize=(8, 6), sharex=True, sharey=True, layout="constrained"
)
axes[0].plot(
    fitted, color=blue, lw=1.2, label="published network, rows it has seen"
)
axes[1].plot(
    unseen["as published"].reindex(y.index),
    color=blue,
    lw=1.2,
    label="published network, unseen",
)
axes[1].plot(
    unseen["3 rows × 3 columns"].reindex(y.index),
    color=orange,
    lw=1.6,
    label="3 rows × 3 columns, unseen",
)
for ax in axes:
    ax.plot(series, ".", color=grey, ms=3, zorder=1, label="series")
    ax.set_ylabel("value (no unit)")
    ax.legend(loc="upper left", frameon=False)
axes[0].set_title("Predictions one step ahead")
axes[-1].set_xlabel("step n")
plt.show()
