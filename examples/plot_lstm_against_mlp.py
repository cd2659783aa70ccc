"""
An LSTM against a plain network, on the same lagged rows
========================================================

The target is a weighted sum of the last four integers, ``y = i + 0.5 (i-1) + 0.2 (i-2) + 0.1
(i-3)``. It is linear and always grows. A small LSTM and a multilayer perceptron learn it from the
same windows; the perceptron gets them as flat columns. The units of both cannot exceed 1, so
without scaling they miss the largest values. With scaling they reach them.
"""

# %%
# Rows
# ----
# The first four rows have no full window and no target. Both models skip them in training.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline

from sklstm import LagWindower, LSTMRegressor, SeriesMinMaxScaler, TransformedSeriesRegressor
from sklstm.datasets import make_lagged_linear

X, y = make_lagged_linear()
known = y.notna()
print(f"{len(X)} rows, {known.sum()} with a target")

# %%
# Models
# ------
# The LSTM is the published one: 8 units, a dense layer of 2, 2000 epochs in batches of 5, and the
# last 5 % of the rows for validation. The perceptron has layers of 8 and 2 units and gets the same
# five integers. `sklstm.TransformedSeriesRegressor` passes only rows with a known past to its
# regressor, so any scikit-learn regressor can be used.

lstm = LSTMRegressor(
    units=8,
    dense_units=2,
    dense_activation="linear",
    epochs=2000,
    batch_size=5,
    validation_fraction=0.05,
    random_state=0,
)
mlp = MLPRegressor(
    hidden_layer_sizes=(8, 2),
    activation="tanh",
    batch_size=5,
    learning_rate_init=0.01,
    max_iter=2000,
    n_iter_no_change=50,
    random_state=0,
)


def predictor(network, flatten, scaler):
    """Make one estimator of a window of 5 rows and a network, scaled or not."""
    return TransformedSeriesRegressor(
        make_pipeline(scaler, LagWindower(5, flatten=flatten), network), transformer=scaler
    )


models = {
    ("LSTM", "not scaled"): predictor(lstm, False, None),
    ("LSTM", "scaled"): predictor(lstm, False, SeriesMinMaxScaler((-1, 1))),
    ("perceptron", "not scaled"): predictor(mlp, True, None),
    ("perceptron", "scaled"): predictor(mlp, True, SeriesMinMaxScaler((-1, 1))),
}

# %%
# Residuals
# ---------
# The last five rows are the validation rows of the LSTM. The perceptron does not train on them
# either. They are scored separately.

residuals = {}
print(f"{'RMSE':<26}{'95 training rows':>18}{'last 5 rows':>14}{'worst row':>12}")
for (network, scaling), model in models.items():
    if network == "LSTM":
        model.fit(X, y)
    else:
        model.fit(X[:-5], y[:-5])
    residual = (y - model.predict(X))[known]
    residuals[network, scaling] = residual
    first, last = (np.sqrt((part**2).mean()) for part in (residual[:-5], residual[-5:]))
    name = f"{network}, {scaling}"
    print(f"{name:<26}{first:18.3f}{last:14.3f}{residual.abs().max():12.3f}")

# %%
# Picture
# -------

colours = {"LSTM": "#0072B2", "perceptron": "#D55E00"}
fig, axes = plt.subplots(2, 2, figsize=(8, 5), sharex=True, sharey="row", layout="constrained")
for column, (network, colour) in enumerate(colours.items()):
    for row, scaling in enumerate(["not scaled", "scaled"]):
        ax = axes[row, column]
        residual = residuals[network, scaling]
        ax.axhline(0, color="0.7", lw=0.8)
        ax.axvspan(y[known].iloc[-5] - 0.9, y.iloc[-1] + 0.9, color="0.9", lw=0)
        ax.plot(y[known], residual, ".", color=colour, ms=4)
        ax.set_title(f"{network}, {scaling}: RMSE {np.sqrt((residual**2).mean()):.2f}")
axes[0, 0].text(
    0.95, 0.5, "not trained on", ha="right", rotation=90, transform=axes[0, 0].transAxes
)
for ax in axes[-1]:
    ax.set_xlabel("target")
for ax in axes[:, 0]:
    ax.set_ylabel("target − prediction")
plt.show()
