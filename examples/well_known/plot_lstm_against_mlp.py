"""
An LSTM against a plain network, on the same lagged rows
========================================================

The target is a weighted sum of the last four integers, ``y = i + 0.5 (i-1) + 0.2 (i-2) + 0.1
(i-3)``. A well-known comparison lets a small LSTM and a multilayer perceptron learn it. The LSTM
sees the last five integers, the perceptron only the newest one. The published finding: the
perceptron is virtually perfect, and the LSTM misses the upper range. This example repeats the
comparison, and shows what decides it.
"""

# %%
# Rows
# ----
# The first four rows have no full window of five and no target. ``fit`` skips them.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline

from sklstm import (
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
)
from sklstm.datasets import make_lagged_linear

X, y = make_lagged_linear()
known = y.notna()
print(f"{len(X)} rows, {known.sum()} with a target")

# %%
# Models
# ------
# The LSTM is the published one: 8 units, a linear dense layer of 2, Adam, 2000 epochs in batches of
# 5, and the last 5 % of the rows for validation. ``normalize=False``, because the original scaled
# nothing; here, a scaler is added outside. The published perceptron has layers of 8 and 2
# units, all of them linear. It was trained by RMSprop; here it is scikit-learn's, which has no
# RMSprop, with Adam. A second perceptron differs only in its units: they are tanh, like those of an
# LSTM.


def lstm(scaler):
    """Return the published LSTM on windows of five rows, scaled or not."""
    network = LSTMRegressor(
        units=8,
        dense_units=2,
        dense_activation="linear",
        epochs=2000,
        batch_size=5,
        validation_fraction=0.05,
        normalize=False,
        random_state=0,
    )
    return TransformedSeriesRegressor(
        make_pipeline(scaler, LagWindower(5), network), transformer=scaler
    )


def perceptron(activation, scaler):
    """Return a perceptron on the newest row, scaled or not."""
    network = MLPRegressor(
        hidden_layer_sizes=(8, 2),
        activation=activation,
        batch_size=5,
        max_iter=2000,
        n_iter_no_change=2000,
        random_state=0,
    )
    return TransformedSeriesRegressor(
        make_pipeline(scaler, LagWindower(1, flatten=True), network),
        transformer=scaler,
    )


models = {}
for scaling, scaler in (
    ("not scaled", None),
    ("scaled", SeriesMinMaxScaler((-1, 1))),
):
    models["LSTM", scaling] = lstm(scaler)
    models["tanh perceptron", scaling] = perceptron("tanh", scaler)
    models["linear perceptron", scaling] = perceptron("identity", scaler)

# %%
# Residuals
# ---------
# The last five rows are the validation rows of the LSTM, so the perceptrons do not train on them
# either. They are scored separately.

residuals = {}
print(
    f"{'RMSE':<32}{'95 training rows':>18}{'last 5 rows':>14}{'worst row':>12}"
)
for (network, scaling), model in models.items():
    if network == "LSTM":
        model.fit(X, y)
    else:
        with warnings.catch_warnings():
            # All networks train for 2000 epochs; this one warns that it has not stopped before.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X[:-5], y[:-5])
    residual = (y - model.predict(X))[known]
    residuals[network, scaling] = residual
    first, last = (
        np.sqrt((part**2).mean())
        for part in (residual[:-5], residual[-5:])
    )
    name = f"{network}, {scaling}"
    print(
        f"{name:<32}{first:18.3f}{last:14.3f}{residual.abs().max():12.3f}"
    )

# %%
# Who wins, and why
# -----------------
# The published finding is right: the linear perceptron is ahead of the LSTM on the last five rows,
# scaled or not. The five integers are consecutive, so the target is a straight line in the newest
# one: ``y = 1.8 i - 1.2``. Linear units can draw this line, and continue it beyond the training
# rows. Nothing has to be remembered. (They need no scaling. With scaling, the constant step of Adam
# keeps them moving around the solution; with ``n_iter_no_change=50``, RMSE is 0.002 and 0.003.)
#
# The LSTM loses because its units cannot exceed 1. Without scaling, it must build values up to 184
# from them, and misses the upper range. With scaling, its error there is ten times smaller. Tanh
# units have the same limit: without scaling, the tanh perceptron is the worst of all, although it
# is a plain network, too. So the units decide here, not the window. Compare with a linear model
# first, and if it is as good as an LSTM, use it.
#
# Picture
# -------
# The absolute residual of each row, on a logarithmic scale. The grey rows were not trained on.

colours = {
    "LSTM": "#0072B2",
    "tanh perceptron": "#D55E00",
    "linear perceptron": "#009E73",
}
fig, axes = plt.subplots(
    2, 3, figsize=(10, 5.5), sharex=True, sharey=True, layout="constrained"
)
for row, scaling in enumerate(["not scaled", "scaled"]):
    for ax, (network, colour) in zip(
        axes[row], colours.items(), strict=True
    ):
        residual = residuals[network, scaling].abs()
        ax.axvspan(y.iloc[-5] - 0.9, y.iloc[-1] + 0.9, color="0.88", lw=0)
        ax.plot(y[known], residual, ".", color=colour, ms=5)
        ax.set_yscale("log")
        first, last = (
            np.sqrt((part**2).mean())
            for part in (residual[:-5], residual[-5:])
        )
        ax.set_title(
            f"{network}, {scaling}\nRMSE {first:.3f}, last 5 rows {last:.3f}",
            fontsize="medium",
        )
for ax in axes[-1]:
    ax.set_xlabel("target")
for ax in axes[:, 0]:
    ax.set_ylabel("|target − prediction|")
plt.show()
