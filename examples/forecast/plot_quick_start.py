"""
Quick start
===========

scikit-learn's grid search chooses the window and the size of an LSTM, which learns monthly and
yearly differences, and predicts in the units of the series. This is the example of the README,
with a picture of its predictions. At the end, the LSTM is averaged with a ridge.
"""

# %%
# The search does not see the last 36 months. They are then predicted one month ahead.

from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    series_to_supervised,
)
from sklstm.datasets import load_milk

X, y = series_to_supervised(load_milk())  # X: what is known before y
model = TransformedSeriesRegressor(
    make_pipeline(LagWindower(), LSTMRegressor(random_state=0)),
    transformer=Differencer([1, 12]),
)
window = "regressor__lagwindower__window"
units = "regressor__lstmregressor__units"
search = GridSearchCV(
    model,
    {window: [6, 12, 24], units: [8, 16, 32]},
    cv=TimeSeriesSplit(5, test_size=12),
    scoring="neg_root_mean_squared_error",
).fit(X[:-36], y[:-36])
predicted = search.predict(X[-36:])  # one number per row, in pounds

# %%
# Each prediction is drawn at its own month.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(8, 3.5), layout="constrained")
ax.plot(y, color="0.6", lw=3, label="milk production")
ax.plot(
    y.index[-36:],
    predicted,
    color="#0072B2",
    lw=1.5,
    label="predicted, 1 month ahead",
)
ax.set(xlabel="month", ylabel="milk per cow (pounds per month)")
ax.legend(loc="upper left", frameon=False)
plt.show()

# %%
# A second opinion
# ----------------
# Models that make different errors are better together. ``VotingRegressor`` is the mean of the
# LSTM and of a ridge, which sees twelve months of the same differences. A single seed says
# little, so the network is fitted with five seeds.

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error

ridge = TransformedSeriesRegressor(
    make_pipeline(LagWindower(12, flatten=True), Ridge()),
    transformer=Differencer([1, 12]),
)
both = VotingRegressor(
    [("lstm", search.best_estimator_), ("ridge", ridge)]
)
seed_of = "lstm__regressor__lstmregressor__random_state"


def rmse(predicted):
    """Return the error in the 36 held-out months."""
    return root_mean_squared_error(y[-36:], predicted)


errors = []
for seed in range(5):
    fitted = (
        clone(both).set_params(**{seed_of: seed}).fit(X[:-36], y[:-36])
    )
    parts = [*fitted.estimators_, fitted]
    errors.append([rmse(part.predict(X[-36:])) for part in parts])
lstm, by_ridge, mean = np.median(errors, axis=0)
print(f"best of 9 candidates  {search.best_params_}")
print(f"its RMSE on the folds {-search.best_score_:.2f} pounds")
print("RMSE of 36 held-out months, in pounds:")
print(f"  LSTM                {lstm:.2f}, the median of five seeds")
print(f"  ridge               {by_ridge:.2f}")
print(f"  their mean          {mean:.2f}, the median of five seeds")
print(f"  last year           {rmse(y.shift(12)[-36:]):.2f}")
print("five seeds of the LSTM and of the mean:")
print(np.round(np.array(errors)[:, [0, 2]].T, 2))
