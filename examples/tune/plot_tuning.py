"""
Milk: a grid, a random search and halving over the whole model
==============================================================

A grid can only try a few values. Here, a random search draws the differences, window, units and
learning rate of an LSTM for the monthly milk production. *Successive halving* first trains all
draws for a few epochs, and only the best of them for all epochs. A grid, the random search and
halving are scored on the same months.
"""

# %%
# Rows and a model
# ----------------
# Row t of ``X`` holds the month before ``y[t]``. The last 36 months are kept out of the searches.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import loguniform, randint
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    TimeSeriesSplit,
)
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

lstm = LSTMRegressor(
    units=16, epochs=100, learning_rate=0.005, random_state=0
)
model = TransformedSeriesRegressor(
    make_pipeline(LagWindower(12), lstm),
    transformer=make_pipeline(
        Differencer([1, 12]), SeriesMinMaxScaler((-1, 1))
    ),
)

# %%
# Three searches
# --------------
# The target and its earlier values in ``X`` go through the same transformer. So a search over
# ``transformer__differencer__interval`` changes both.

options = {
    "cv": TimeSeriesSplit(5, test_size=12),
    "scoring": "neg_root_mean_squared_error",
    "error_score": "raise",
}
epochs = "regressor__lstmregressor__epochs"
rate = "regressor__lstmregressor__learning_rate"
units = "regressor__lstmregressor__units"
window = "regressor__lagwindower__window"
space = {
    "transformer__differencer__interval": [[1], [12], [1, 12]],
    window: randint(3, 25),
    units: randint(4, 33),
    rate: loguniform(5e-4, 5e-2),
}
searches = {
    "grid": GridSearchCV(
        model, {window: [6, 12, 24], units: [8, 16, 32]}, **options
    ),
    "random": RandomizedSearchCV(
        model, space, n_iter=18, random_state=0, **options
    ),
    "halving": HalvingRandomSearchCV(
        model,
        space,
        n_candidates=18,
        resource=epochs,
        min_resources=11,
        max_resources=100,
        factor=3,
        random_state=0,
        **options,
    ),
}
for search in searches.values():
    search.fit(X_past, y_past)

# %%
# Results
# -------
# The cost is the number of epochs over all candidates and folds. Each winner is fitted again with
# three seeds, and scored on the months that no search has seen.


def table_of(search):
    """Return one row per candidate, in the order of the search."""
    results = pd.DataFrame(search.cv_results_)
    settings = [
        clone(model).set_params(**chosen) for chosen in results["params"]
    ]
    return pd.DataFrame(
        {
            "interval": [str(s.transformer[0].interval) for s in settings],
            "window": [s.get_params()[window] for s in settings],
            "units": [s.get_params()[units] for s in settings],
            "rate": [s.get_params()[rate] for s in settings],
            "epochs": [s.get_params()[epochs] for s in settings],
            "RMSE": -results["mean_test_score"],
        }
    )


tables = {name: table_of(search) for name, search in searches.items()}
summary = []
for name, search in searches.items():
    best = tables[name].loc[search.best_index_]
    held_out = [
        root_mean_squared_error(
            y_new,
            clone(search.best_estimator_)
            .set_params(regressor__lstmregressor__random_state=seed)
            .fit(X_past, y_past)
            .predict(X_new),
        )
        for seed in range(3)
    ]
    cost = 5 * tables[name]["epochs"].sum()
    summary.append(
        {"search": name, "epochs trained": cost, **best.drop("epochs")}
        | {"held out": np.median(held_out)}
    )
summary = pd.DataFrame(summary).rename(
    columns={"RMSE": "folds", "rate": "learning rate"}
)
print(
    "RMSE in pounds: mean of five folds, and of 36 held-out months"
    " (median of 3 seeds)"
)
print(summary.to_string(index=False, float_format="{:.3g}".format))

# %%
# On the folds, the wider searches score nearly as well as the grid, one of them with fewer epochs.
# On the later months, the random search is worse: it has chosen differences by a month only. The
# grid has the right differences from the start. A wider search is more likely to score well on the
# folds by chance, so always keep some rows out of a search.

# %%
# Picture
# -------
# Left, every draw of the random search; larger marks have more units. Right, the draws of halving:
# the best third of each round is trained for three times as many epochs.

looks = {
    "[1]": ("#D55E00", "o"),
    "[12]": ("#009E73", "s"),
    "[1, 12]": ("#0072B2", "D"),
}
names = {"[1]": "by a month", "[12]": "by a year", "[1, 12]": "by both"}
fig, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.2), sharey=True, layout="constrained"
)
for interval, (colour, marker) in looks.items():
    drawn = tables["random"].query("interval == @interval")
    sizes = 20 + 3 * drawn["units"]
    left.scatter(
        drawn["rate"],
        drawn["RMSE"],
        s=sizes,
        marker=marker,
        color=colour,
        alpha=0.8,
    )
    drawn = tables["halving"].query("interval == @interval")
    for _, rounds in drawn.groupby(["window", "units", "rate"]):
        right.plot(
            rounds["epochs"],
            rounds["RMSE"],
            color=colour,
            marker=marker,
            alpha=0.8,
        )
    right.plot(
        [],
        [],
        color=colour,
        marker=marker,
        label=f"differenced {names[interval]}",
    )
best = tables["grid"]["RMSE"].min()
for axes in (left, right):
    axes.axhline(best, color="0.4", lw=1, ls="--")
right.plot([], [], color="0.4", lw=1, ls="--", label="best of the grid")
left.set(
    xscale="log",
    yscale="log",
    xlabel="learning rate",
    ylabel="RMSE (pounds), mean of 5 folds",
    title="Random search",
)
ticks = [8, 10, 15, 20, 30, 40]
left.set_yticks(ticks, ticks)
right.set(xscale="log", xlabel="epochs", title="Successive halving")
rounds = sorted(tables["halving"]["epochs"].unique())
right.set_xticks(rounds, rounds)
for axes in (left, right):
    axes.yaxis.minorticks_off()
right.xaxis.minorticks_off()
right.legend(frameon=False)
plt.show()
