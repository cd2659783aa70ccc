"""
Milk: searching the window and the units, then three years of forecasts
=======================================================================

An LSTM learns the monthly milk production of a cow, differenced by one month and by one year. A
grid search on the past chooses its window and its units. Then it predicts the last three years,
which the search has not seen, one month ahead and in pounds.
"""

# %%
# Rows
# ----
# Row t of ``X`` holds the month before ``y[t]``. The last 36 months are kept out of the search.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    series_to_supervised,
)
from sklstm.datasets import load_milk

X, y = series_to_supervised(load_milk())
X_past, X_new, y_past, y_new = X[:-36], X[-36:], y[:-36], y[-36:]

# %%
# One estimator
# -------------
# The target goes through two steps, and so does the column of ``X`` that holds the month before,
# ``milk_lag1``. Each predicted change is added to the last observed value.

lstm = LSTMRegressor(
    units=16, epochs=100, learning_rate=0.003, random_state=0
)
model = TransformedSeriesRegressor(
    make_pipeline(LagWindower(12), lstm),
    transformer=make_pipeline(
        Differencer([1, 12]), SeriesMinMaxScaler((-1, 1))
    ),
)

# %%
# Search
# ------
# Each of the five folds trains on the past and scores the year after it. The first fold has 71
# training months; 13 of them have no difference, and 23 more no full window of 24. No step drops a
# row, so every window is scored on the same months.
#
# The learning rate was chosen on these folds, too. The RMSE of the best candidate, as a mean of
# three seeds, was 8.16 pounds with 0.001, 7.99 with 0.003 and 8.18 with 0.005.

search = GridSearchCV(
    model,
    {
        "regressor__lagwindower__window": [6, 12, 24],
        "regressor__lstmregressor__units": [8, 16, 32],
    },
    cv=TimeSeriesSplit(5, test_size=12),
    scoring="neg_root_mean_squared_error",
).fit(X_past, y_past)

table = pd.DataFrame(search.cv_results_)
table = pd.DataFrame(
    {
        "window (months)": table["param_regressor__lagwindower__window"],
        "units": table["param_regressor__lstmregressor__units"],
        "RMSE (pounds)": -table["mean_test_score"],
        "std over folds": table["std_test_score"],
        "rank": table["rank_test_score"],
    }
)
print("Grid search, five folds of 12 months")
print(table.to_string(index=False, float_format="{:.2f}".format))

# %%
# Held-out months
# ---------------
# The winner is fitted with five seeds, because the score of a network depends on its seed. Ridge
# gets the same windows of differences, as flat columns.

ridge = TransformedSeriesRegressor(
    make_pipeline(LagWindower(12, flatten=True), Ridge()),
    transformer=Differencer([1, 12]),
).fit(X_past, y_past)

seeds = [
    clone(model)
    .set_params(
        **search.best_params_, regressor__lstmregressor__random_state=seed
    )
    .fit(X_past, y_past)
    .predict(X_new)
    for seed in range(5)
]
scores = [root_mean_squared_error(y_new, predicted) for predicted in seeds]
lstm_name = "LSTM, median of 5 seeds"
held_out = {
    "same as last month": (
        root_mean_squared_error(y_new, X_new["milk_lag1"]),
        "46.39 on 54 months",
    ),
    "same as last year": (
        root_mean_squared_error(y_new, y.shift(12)[-36:]),
        "15.49",
    ),
    "Holt-Winters": (np.nan, "8.87"),
    "ridge on 12 lags": (
        root_mean_squared_error(y_new, ridge.predict(X_new)),
        "7.83",
    ),
    lstm_name: (np.median(scores), "8.0 to 8.8"),
}
print(f"\nBest: {search.best_params_}")
print(f"\n{'RMSE of 36 held-out months':<30}{'pounds':>8}   published")
for name, (score, published) in held_out.items():
    print(
        f"{name:<30}{'' if np.isnan(score) else format(score, '.2f'):>8}   {published}"
    )
print(
    f"{'the five seeds':<30}  {'  '.join(f'{score:.2f}' for score in scores)}"
)

# %%
# Picture
# -------

blue, orange, green, grey = "#0072B2", "#D55E00", "#009E73", "0.6"
fig, axes = plt.subplot_mosaic(
    [["search", "series"], ["search", "errors"]],
    figsize=(11, 5),
    width_ratios=[1, 2.2],
    height_ratios=[1.8, 1],
    layout="constrained",
)
left, right, lower = axes["search"], axes["series"], axes["errors"]
for colour, marker, (units, rows) in zip(
    (green, blue, orange), "osD", table.groupby("units"), strict=True
):
    place = np.arange(len(rows)) + {8: -0.15, 16: 0.0, 32: 0.15}[units]
    left.errorbar(
        place,
        rows["RMSE (pounds)"],
        rows["std over folds"],
        fmt=marker,
        color=colour,
        capsize=3,
        label=f"{units} units",
    )
left.set_xticks(range(3), [6, 12, 24])
left.set_ylim(0)
left.set(
    xlabel="window (months)",
    ylabel="RMSE (pounds), mean ± std of 5 folds",
    title="Grid search",
)
left.legend(frameon=False, loc="lower left")

forecasts = pd.DataFrame(np.transpose(seeds), index=y_new.index)
lines = {
    "same as last month": (X_new["milk_lag1"], "0.4", ":"),
    "same as last year": (y.shift(12)[-36:], orange, "--"),
    "ridge on 12 lags": (
        pd.Series(ridge.predict(X_new), y_new.index),
        green,
        "-.",
    ),
    lstm_name: (forecasts.median(axis=1), blue, "-"),
}
right.plot(y[-48:], color=grey, lw=3.5, label="milk production")
for name, (predicted, colour, style) in lines.items():
    right.plot(predicted, color=colour, ls=style, lw=1.3, label=name)
    lower.plot(predicted - y_new, color=colour, ls=style, lw=1.3)
right.fill_between(
    forecasts.index,
    forecasts.min(axis=1),
    forecasts.max(axis=1),
    color=blue,
    alpha=0.3,
    lw=0,
)
right.axvline(y_past.index[-1], color="black", lw=0.8, ls=":", ymax=0.8)
right.text(y_past.index[-1], 736, " held out", va="bottom")
right.set_ylim(735, 1075)
right.set(
    ylabel="milk per cow (pounds per month)",
    title="Held-out months, one month ahead",
)
right.legend(frameon=False, loc="upper center", ncols=3, fontsize="small")
right.tick_params(labelbottom=False)
lower.axhline(0, color="black", lw=0.8)
lower.set_xlim(right.get_xlim())
lower.set(xlabel="month", ylabel="predicted − actual\n(pounds)")
plt.show()
