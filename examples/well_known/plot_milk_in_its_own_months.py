"""
Milk: train and test scores in pounds, at their own months
==========================================================

A well-known first LSTM predicts next month's milk production from this month's. The series is
scaled to [0, 1], and a layer of four units learns from the first two thirds of it. The predictions
of both parts are converted back to pounds, scored, and drawn over the series. Written by hand,
this takes a function for windows, two reshapes, a scaler fitted on *all* rows (a leak), and an
array of NaN to place the predictions. Here it is one estimator, and the labels place the
predictions.
"""

# %%
# Rows
# ----
# Row t of ``X`` holds the month before ``y[t]``, and both have the label of the predicted month.
# The published run took the first 67 % of the 168 months for training, windowed both parts for
# themselves, and so scored 110 training months and 54 test months. It left out two months between
# them and one at the end; this example does the same.

import matplotlib.pyplot as plt
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline

from sklstm import (
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    series_to_supervised,
)
from sklstm.datasets import load_milk

milk = load_milk()
X, y = series_to_supervised(milk)
train, test = y.index[:110], y.index[112:166]

# %%
# Model
# -----
# The network and its training are the published ones: 4 units, Adam, 100 epochs, batches of 1 and a
# window of one month. ``transformer`` scales the target and the month before it in ``X``. ``fit``
# fits it on the training rows only. ``normalize=False`` leaves all scaling to it.

model = TransformedSeriesRegressor(
    make_pipeline(
        LagWindower(1),
        LSTMRegressor(
            units=4,
            epochs=100,
            batch_size=1,
            normalize=False,
            random_state=0,
        ),
    ),
    transformer=SeriesMinMaxScaler(),
).fit(X.loc[train], y.loc[train])

# %%
# Scores
# ------
# Persistence predicts that next month equals this month: the column of ``X`` itself.

print(f"{'RMSE in pounds':<28}{'train':>8}{'test':>8}")
predicted = {}
for name, rows in ("train", train), ("test", test):
    predicted[name] = y.loc[rows].copy()
    predicted[name][:] = model.predict(X.loc[rows])
lines = {
    "LSTM": [
        root_mean_squared_error(y.loc[p.index], p)
        for p in predicted.values()
    ],
    "LSTM, published": [43.06, 47.65],
    "persistence": [
        root_mean_squared_error(y.loc[rows], X.loc[rows, "milk_lag1"])
        for rows in (train, test)
    ],
    "persistence, published": [44.75, 46.39],
}
for name, scores in lines.items():
    print(f"{name:<28}{scores[0]:8.2f}{scores[1]:8.2f}")

# %%
# A window of one month cannot show the season: the published LSTM is worse than persistence on its
# test months, and so is this one, by 0.1 pounds.
# :doc:`/auto_examples/tune/plot_milk_grid_search` does better.
#
# Picture
# -------
# Months without a prediction stay empty: the first month has no past, and three months were left
# out. Colour-blind readers can tell the colours apart.

blue, orange, grey = "#0072B2", "#D55E00", "0.6"
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.plot(milk, color=grey, lw=3, label="milk production")
ax.plot(
    predicted["train"].reindex(milk.index),
    color=blue,
    lw=1.2,
    label="predicted, training",
)
ax.plot(
    predicted["test"].reindex(milk.index),
    color=orange,
    lw=1.2,
    label="predicted, test",
)
ax.set(
    xlabel="month",
    ylabel="milk per cow (pounds per month)",
    title="Predictions one month ahead",
)
ax.legend(loc="upper left", frameon=False)
plt.show()
