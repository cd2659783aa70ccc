"""
Many series
===========

How many people were unemployed in the United States, by industry: 14 series of 122 months. One
network learns all of them, and is compared with a network for each series, with ridge on the same
windows of all series, and with a ridge for each.
"""

# %%
# The table has a row for each month and industry. The first level of its index is the time, the
# second names the series: windows and differences keep to their series.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    Differencer,
    ForecastDisplay,
    LagWindower,
    LSTMRegressor,
    TimeStepSplit,
    TransformedSeriesRegressor,
    backtest,
    series_to_supervised,
)
from sklstm.datasets import load_us_unemployment

unemployed = load_us_unemployment()
X, y = series_to_supervised(unemployed)
print(X.join(y).head(3))

# %%
# Two models
# ----------
# Both learn the monthly change of the logarithm. It is relative, and so of one size in large and
# small industries.


def of_changes(*steps):
    """Learn relative changes, and predict thousands of people."""
    logarithm = FunctionTransformer(np.log, np.exp)
    transformer = make_pipeline(logarithm, Differencer())
    return TransformedSeriesRegressor(make_pipeline(*steps), transformer)


lstm = LSTMRegressor(
    units=16, epochs=40, batch_size=64, learning_rate=0.003, random_state=0
)
network = of_changes(LagWindower(12), lstm)
ridge = of_changes(
    LagWindower(12, flatten=True), RidgeCV(np.logspace(-3, 3, 13))
)

# %%
# scikit-learn's own search chooses the window on the years before those that are compared. All
# industries have a row in each month, so a test part of 12 x 14 rows is a year.

names = unemployed.index.unique("industry")
before = X.index.get_level_values("month") < "2007-03"
for model in (network, ridge):
    search = GridSearchCV(
        model,
        {"regressor__lagwindower__window": [12, 24]},
        cv=TimeSeriesSplit(3, test_size=12 * len(names)),
        scoring="neg_mean_absolute_percentage_error",
    ).fit(X[before], y[before])
    model.set_params(**search.best_params_)
    print(
        search.best_params_,
        (-search.cv_results_["mean_test_score"]).round(4),
    )

# %%
# One for all, or one for each
# ----------------------------
# Each model predicts three years, month by month, and learns from all rows before each year: a calm
# one, and two in which unemployment doubled. Errors are divided by those of "the same month last
# year" in the rows that were learnt from. So they have no unit, and all industries count alike.

scoring = "neg_mean_absolute_scaled_error"
years = TimeStepSplit(3, test_size=12)


def one_for_all(model):
    """Back-test one model of all series."""
    return backtest(model, X, y, years, scoring=scoring)


def one_for_each(model):
    """Average the scores of a model for each series."""
    scores = []
    for name in names:
        rows = X.index.get_level_values("industry") == name
        scores.append(
            backtest(
                model, X[rows], y[rows], years, scoring=scoring
            ).scores
        )
    return sum(scores) / len(scores)


def seeded(seed, **parameters):
    """Return the network with another seed."""
    parameters = {"random_state": seed, **parameters}
    return clone(network).set_params(
        **{
            f"regressor__lstmregressor__{name}": value
            for name, value in parameters.items()
        }
    )


pooled = [one_for_all(seeded(seed)) for seed in range(3)]
# A series alone has few rows: smaller batches, so that its network is updated often enough.
single = [
    one_for_each(seeded(seed, batch_size=16, epochs=60))
    for seed in range(3)
]
ridge_for_all = one_for_all(ridge)
errors = pd.DataFrame(
    {
        "network for all": -sum(
            result.scores["prediction"] for result in pooled
        )
        / 3,
        "network for each": -sum(scores["prediction"] for scores in single)
        / 3,
        "ridge for all": -ridge_for_all.scores["prediction"],
        "ridge for each": -one_for_each(ridge)["prediction"],
        "last value": -ridge_for_all.scores["persistence"],
        "same month last year": -ridge_for_all.scores["seasonal_naive"],
    }
)
errors.index = ["to Feb 2008", "to Feb 2009", "to Feb 2010", "three years"]
print("Mean absolute scaled error, networks as a mean of three seeds:")
print(errors.T.round(2).to_string())
for name, values in (
    ("all", [r.scores for r in pooled]),
    ("each", single),
):
    totals = [-scores.loc["overall", "prediction"] for scores in values]
    print(
        f"network for {name}, three seeds:"
        f" {min(totals):.3f} to {max(totals):.3f}"
    )

# %%
# The network needs all series: with each of three seeds it is better than networks that learn one
# series each, 0.94 to 0.96 against 1.05 to 1.10. But ridge is better than both, and in the two
# years of the crisis, no model of all series is as good as the last value. A ridge for each
# industry wins.
#
# Why? What is shared is wrong for some. On average, a good part of a monthly change is undone in
# the next month, so the ridge of all gives the last change a weight of about -0.5. In
# manufacturing a change goes on, and in the crisis it did so for months: there, the ridge of all
# has twice the error of the last value. Ten years are enough for a ridge of each industry to see
# such a difference, but not for a network of each. A network of all needs more than 14 series to
# learn which ones behave in which way. So always compare with ridge, and with the last value.

weight = ridge_for_all.estimators[0].regressor_[-1].coef_[-1]
print(f"weight of the last change in the ridge of all: {weight:.2f}")
print(
    "Ridge of all and the last value, mean absolute scaled error of each"
    " industry:"
)
print(
    (-ridge_for_all.scores_by("series")[["prediction", "persistence"]])
    .round(2)
    .to_string()
)

# %%
# The predictions
# ---------------
# Six of the industries, and the three years of the back-test.

shown = names[[0, 2, 4, 5, 8, 9]].tolist()
ForecastDisplay.from_backtest(pooled[0], series=shown)
plt.show()
