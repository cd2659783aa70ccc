"""
Several series in, several series out
=====================================

Two saw-tooth series, the second nine rows behind the first, are learnt together: 100 rows of two
columns predict the next row of both. As copies, the windows hold every value 100 times. The author
of this well-known example called that inefficient, and had no simple solution. Here, windows are a
view, from the transformer to the end of the training.
"""

# %%
# Rows
# ----
# The original has 1000 cycles of 18 rows. 250 cycles are enough to learn the pattern, and need a
# quarter of the time.

import os
import tracemalloc
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from sklstm import LagWindower, LSTMRegressor, series_to_supervised
from sklstm.datasets import make_sawtooth_pair

pair = make_sawtooth_pair(n_cycles=250, random_state=0)
X, y = series_to_supervised(pair)
n_train = int(0.9 * len(X))
print(f"{len(X)} rows, {n_train} of them to train on")

# %%
# Memory
# ------
# The memory of the windows of the original's 18,000 rows, as copies and as a view.

X_long, _ = series_to_supervised(
    make_sawtooth_pair(n_cycles=1000, random_state=0)
)
windower = LagWindower(100).fit(X_long)
tracemalloc.start()
windows = windower.transform(X_long)
held, _ = tracemalloc.get_traced_memory()
tracemalloc.stop()
print(f"windows of shape     {windows.shape}")
print(f"as copies            {windows.nbytes:>12,} bytes")
print(f"held by the view     {held:>12,} bytes")
print(f"the series           {X_long.to_numpy().nbytes:>12,} bytes")

# %%
# Network
# -------
# The network is the published one: one LSTM layer of 300 units and two outputs, mean squared error,
# RMSprop, ten epochs in batches of 450, the last 5 % of the training rows for validation. Three
# things differ. The weights of the best epoch are kept (``early_stopping``). The learning rate is
# half of Keras' default, with which the loss varies much near the end. And inputs and targets are
# standardised by the training rows, the default (``normalize=True``); so is the loss below.

model = make_pipeline(
    LagWindower(100),
    LSTMRegressor(
        units=300,
        loss="mean_squared_error",
        optimizer="rmsprop",
        learning_rate=0.0005,
        epochs=10,
        batch_size=450,
        validation_fraction=0.05,
        early_stopping=True,
        random_state=0,
    ),
).fit(X[:n_train], y[:n_train])

history = model[-1].history_
print("\nepoch      loss  validation loss")
for epoch, (loss, val_loss) in enumerate(
    zip(history["loss"], history["val_loss"], strict=True), start=1
):
    print(f"{epoch:5d}{loss:10.5f}{val_loss:17.5f}")

# %%
# Scores
# ------

actual = y[n_train:]
predicted = pd.DataFrame(
    model.predict(X[n_train:]), index=actual.index, columns=actual.columns
)
rmse = np.sqrt(((actual - predicted) ** 2).mean())
reach = y.max() - y.min()
print("\ncolumn      RMSE   of the column's range")
for name in y:
    print(f"{name:<6}{rmse[name]:10.4f}{rmse[name] / reach[name]:24.1%}")

output = Path(os.environ.get("SKLSTM_EXAMPLES_OUTPUT", "output"))
output.mkdir(parents=True, exist_ok=True)
table = actual.add_prefix("actual_").join(
    predicted.add_prefix("predicted_")
)
table.to_csv(output / "sequences_of_vectors.csv", index_label="row")
print(f"\nPredicted and actual: {output / 'sequences_of_vectors.csv'}")

# %%
# A deeper network
# ----------------
# The deeper variant takes five columns, predicts three, and has dropout between its three LSTM
# layers. A tuple of units makes several layers; the published sizes are ``units=(300, 500, 200)``.
# Here, a tenth of these and one epoch on 993 rows show how it runs. (``dropout`` drops inputs of
# all layers, also of the first.)
#
# ``benchmarks/deeper.py`` trained the published sizes once, for the published 10 epochs on 16,184
# rows. That took 106 minutes on a busy machine with two cores. RMSE on the 1,799 rows after them is
# 5.8 %, 5.7 % and 5.5 % of the three columns' ranges. The validation loss was lowest after six of
# the epochs.

five = pd.concat(
    [
        pair,
        pair.shift(3).add_suffix("_3"),
        pair[["a"]].shift(6).add_suffix("_6"),
    ],
    axis=1,
)
X_five, y_three = series_to_supervised(
    five[6:1000], target=["a", "b", "a_3"]
)
deep = make_pipeline(
    LagWindower(100),
    LSTMRegressor(
        units=(30, 50, 20),
        dropout=0.2,
        optimizer="rmsprop",
        epochs=1,
        batch_size=450,
        random_state=0,
    ),
).fit(X_five, y_three)
deep[-1].model_.summary()
print(f"{X_five.shape[1]} columns in, {deep.predict(X_five).shape[1]} out")

# %%
# Picture
# -------
# The first 100 held-out rows.

blue, orange, grey = "#0072B2", "#D55E00", "0.6"
shown = actual.index[:100]
fig, axes = plt.subplots(
    2, 1, figsize=(8, 5), sharex=True, sharey=True, layout="constrained"
)
for ax, name, colour in zip(axes, y, (blue, orange), strict=True):
    ax.plot(actual.loc[shown, name], color=grey, lw=3.5, label="actual")
    ax.plot(
        predicted.loc[shown, name],
        color=colour,
        lw=1.3,
        label="predicted one row ahead",
    )
    ax.set_ylabel("value (no unit)")
    ax.set_title(
        f"column {name}: RMSE {rmse[name] / reach[name]:.1%} of its range",
        fontsize="medium",
    )
    ax.margins(y=0.3)
    ax.legend(loc="upper right", frameon=False, ncols=2)
axes[-1].set_xlabel("row")
plt.show()
