"""
Memory: what a state can carry and a window cannot
==================================================

Now and then a row is flagged, 50 rows apart on average, and the target of every row is the value
that the last flagged row held. Nothing in a row itself tells it. `sklstm.LSTMRegressor` sees no
further back than its window; the state of `sklstm.StatefulLSTMRegressor` runs on from row to row.
But it has to learn *what* to keep, and learns that best from later rows, through which the gradient
flows back: ``bptt_steps`` says through how many.
"""

# %%
# Rows
# ----
# Two columns: the flag, and a value that is noise wherever the flag is not set. Before the first
# flag there is nothing to carry. That the target is not known there is said by NaN; the state runs
# on over such rows.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline

from sklstm import LagWindower, LSTMRegressor, StatefulLSTMRegressor

draws = np.random.default_rng(0)
X = pd.DataFrame(
    {"flag": draws.random(10_000) < 1 / 50, "value": draws.uniform(-1, 1, 10_000)}, dtype=float
)
y = X["value"].where(X["flag"] == 1).ffill()
X_train, X_test, y_train, y_test = X[:8000], X[8000:], y[:8000], y[8000:]
print(f"Rows without a target: {y.isna().sum()}; flagged rows: {X['flag'].sum():.0f}")

# %%
# Models
# ------
# The two stateful ones differ in ``bptt_steps`` alone: 16 stretches of the 8000 training rows are
# trained side by side, 400 times. With one row per weight update, each row still finds the state of
# the row before, but no gradient tells it what later rows will need; here that is found out in
# 200,000 updates nevertheless. With 25 rows, a row learns what the next ones need, and 8,000
# updates do better; what has been learnt to last 25 rows lasts longer. The last 2000 rows are
# predicted in one call, the state running on from the end of the training rows.


def stateful(bptt_steps):
    """Return a regressor that learns through so many rows."""
    return StatefulLSTMRegressor(
        8,
        bptt_steps=bptt_steps,
        batch_size=16,
        epochs=400,
        learning_rate=0.02,
        random_state=0,
    )


def windowed(window):
    """Return a regressor that sees so many rows, and nothing else."""
    return make_pipeline(
        LagWindower(window), LSTMRegressor(8, epochs=30, learning_rate=0.01, random_state=0)
    )


models = {
    "window of 1 row": windowed(1),
    "window of 20 rows": windowed(20),
    "state, 1 row\nper update": stateful(1),
    "state, 25 rows\nper update": stateful(25),
}
predicted = {name: model.fit(X_train, y_train).predict(X_test) for name, model in models.items()}
scores = {name: r2_score(y_test, values) for name, values in predicted.items()}
for name, score in scores.items():
    print(f"{' '.join(name.split()):<27} R² on held-out rows {score:6.3f}")

# %%
# Picture
# -------
# Left, 300 held-out rows: the regressor with a window of 20 rows forgets 20 rows after a flag, the
# stateful one holds on until the next. (Colours that colour-blind readers can tell apart.)

blue, orange, grey = "#0072B2", "#D55E00", "0.6"
shown = slice(100, 400)
rows = X_test.index[shown]
flagged = X_test[shown].query("flag == 1")

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4), width_ratios=(3, 2), layout="constrained")
left.plot(rows, y_test[shown], color=grey, lw=4, label="target")
left.plot(
    rows, predicted["window of 20 rows"][shown], color=orange, lw=1, label="window of 20 rows"
)
left.plot(
    rows,
    predicted["state, 25 rows\nper update"][shown],
    color=blue,
    lw=1.4,
    label="state, 25 rows per update",
)
left.plot(flagged.index, flagged["value"], "k.", label="flagged row")
left.set(xlabel="time (row)", ylabel="value (no unit)", ylim=(-1.15, 1.6))
left.legend(ncols=2, frameon=False, loc="upper left")

colours = [orange if name.startswith("window") else blue for name in scores]
bars = right.barh(list(scores), list(scores.values()), color=colours)
right.bar_label(bars, fmt="%.2f", padding=3)
right.axvline(0, color="k", lw=0.8)
right.set(xlabel="R² on 2000 held-out rows", xlim=(min(0, *scores.values()) - 0.25, 1.15))
right.invert_yaxis()
plt.show()
