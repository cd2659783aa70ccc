"""
Memory: what a state can carry and a window cannot
==================================================

Some rows are flagged, 50 rows apart on average. The target of every row is the value of the last
flagged row, so the row itself does not show it. `sklstm.LSTMRegressor` only sees the rows of its
window. The state of `sklstm.StatefulLSTMRegressor` runs on from row to row, but the network must
learn *what* to remember. It learns this best from later rows, through which the gradient flows
back; ``bptt_steps`` is their number.
"""

# %%
# Rows
# ----
# There are two columns: the flag, and a value, which is noise if the flag is not set. Before the
# first flag, the target is NaN: it is not known. Such rows are skipped in the loss, and the state
# runs on over them.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline

from sklstm import LagWindower, LSTMRegressor, StatefulLSTMRegressor

draws = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "flag": draws.random(10_000) < 1 / 50,
        "value": draws.uniform(-1, 1, 10_000),
    },
    dtype=float,
)
y = X["value"].where(X["flag"] == 1).ffill()
X_train, X_test, y_train, y_test = X[:8000], X[8000:], y[:8000], y[8000:]
print(
    f"Rows without a target: {y.isna().sum()};"
    f" flagged rows: {X['flag'].sum():.0f}"
)

# %%
# Models
# ------
# The two stateful models differ only in ``bptt_steps``. Both train 16 stretches of the 8000
# training rows side by side, 400 times. With one row per weight update, each row starts with the
# state of the row before, but the gradient does not show what later rows need. The network learns
# it nevertheless, in 200,000 updates. With 25 rows per update, the gradient shows it, and 8,000
# updates give a better result; the state also lasts longer than 25 rows. One call predicts the last
# 2000 rows, where the state continues from the end of the training rows.
#
# The columns are used as they are: a rare flag would become a large number when standardised, and
# the networks would learn less.


def stateful(bptt_steps):
    """Return a regressor with so many rows per weight update."""
    return StatefulLSTMRegressor(
        8,
        bptt_steps=bptt_steps,
        batch_size=16,
        epochs=400,
        learning_rate=0.02,
        normalize=False,
        random_state=0,
    )


def windowed(window):
    """Return a regressor that sees only so many rows."""
    return make_pipeline(
        LagWindower(window),
        LSTMRegressor(
            8,
            epochs=30,
            learning_rate=0.01,
            normalize=False,
            random_state=0,
        ),
    )


models = {
    "window of 1 row": windowed(1),
    "window of 20 rows": windowed(20),
    "state, 1 row\nper update": stateful(1),
    "state, 25 rows\nper update": stateful(25),
}
predicted = {
    name: model.fit(X_train, y_train).predict(X_test)
    for name, model in models.items()
}
scores = {
    name: r2_score(y_test, values) for name, values in predicted.items()
}
for name, score in scores.items():
    name = " ".join(name.split())
    print(f"{name:<27} R² on held-out rows {score:6.3f}")

# %%
# Picture
# -------
# Left, 300 held-out rows: the model with a window of 20 rows forgets a flag after 20 rows, the
# stateful model remembers it until the next. Colour-blind readers can tell the colours apart.

blue, orange, grey = "#0072B2", "#D55E00", "0.6"
shown = slice(100, 400)
rows = X_test.index[shown]
flagged = X_test[shown].query("flag == 1")

fig, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4), width_ratios=(3, 2), layout="constrained"
)
left.plot(rows, y_test[shown], color=grey, lw=4, label="target")
left.plot(
    rows,
    predicted["window of 20 rows"][shown],
    color=orange,
    lw=1,
    label="window of 20 rows",
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

colours = [
    orange if name.startswith("window") else blue for name in scores
]
bars = right.barh(list(scores), list(scores.values()), color=colours)
right.bar_label(bars, fmt="%.2f", padding=3)
right.axvline(0, color="k", lw=0.8)
right.set(
    xlabel="R² on 2000 held-out rows",
    xlim=(min(0, *scores.values()) - 0.25, 1.15),
)
right.invert_yaxis()
plt.show()
