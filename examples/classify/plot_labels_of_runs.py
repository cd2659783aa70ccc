"""
Which kind of vibration is it?
==============================

Each run has 60 steps of one sensor, and one label: how fast a machine vibrates, or that it speeds
up. The label depends on how the sensor moves, not on its value at any one step.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import LSTMClassifier

# %%
# Runs
# ----
#
# Runs begin at any phase. ``X`` has three axes: runs, steps and sensors.

N_RUNS, N_STEPS = 240, 60
draws = np.random.default_rng(0)
labels = draws.choice(
    ["slow", "fast", "rising"], size=N_RUNS, p=[0.5, 0.25, 0.25]
)
first = np.where(labels == "fast", 0.6, 0.4) * draws.uniform(
    0.9, 1.1, size=N_RUNS
)
last = np.where(labels == "rising", 1.5, 1) * first
frequency = np.linspace(first, last, N_STEPS, axis=1)
phase = draws.uniform(0, 2 * np.pi, size=(N_RUNS, 1)) + frequency.cumsum(
    axis=1
)
X = (np.sin(phase) + draws.normal(scale=0.4, size=phase.shape))[
    :, :, np.newaxis
]
print(X.shape, pd.Series(labels).value_counts().to_dict())

# %%
# Two classifiers
# ---------------
#
# Runs are not rows of one series, so folds may be drawn at random.

flat = make_pipeline(
    FunctionTransformer(lambda runs: runs.reshape(len(runs), -1)),
    StandardScaler(),
    LogisticRegression(max_iter=1000),
)
network = LSTMClassifier(
    units=16,
    epochs=60,
    learning_rate=0.01,
    learning_rate_schedule="cosine",
    class_weight="balanced",
    random_state=0,
)
cv = StratifiedKFold(4, shuffle=True, random_state=0)
predicted = {
    "Logistic regression": cross_val_predict(flat, X, labels, cv=cv),
    "LSTM": cross_val_predict(network, X, labels, cv=cv),
}
for name, values in predicted.items():
    print(name, classification_report(labels, values), sep="\n")

# %%
# Which labels they confuse
# -------------------------

fig, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
for i, kind in enumerate(["slow", "fast", "rising"]):
    axes[0].plot(X[labels == kind][0] - 4 * i, label=kind)
axes[0].set(
    title="A run of each kind",
    xlabel="Step",
    ylabel="Sensor, one below the other",
)
axes[0].set(yticks=[], ylim=(-12, 2))
axes[0].legend(loc="lower left", ncols=3)
for ax, (name, values) in zip(axes[1:], predicted.items(), strict=True):
    ConfusionMatrixDisplay.from_predictions(
        labels,
        values,
        normalize="true",
        values_format=".0%",
        colorbar=False,
        ax=ax,
    )
    ax.set_title(f"{name}: {np.mean(values == labels):.0%} right")
