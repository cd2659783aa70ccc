"""
Will unemployment rise next month?
==================================

A classifier predicts, from the last twelve months of each of 14 industries, whether the number of
unemployed will rise in the next month. It is compared with the base rate, and with logistic
regression on the same windows.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import auc, roc_curve
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import (
    Differencer,
    LagWindower,
    LSTMClassifier,
    TimeStepSplit,
    series_to_supervised,
)
from sklstm.datasets import load_us_unemployment

# %%
# Labels of rows
# --------------
#
# Row t of ``X`` holds what is known before ``y[t]``, so the label of the row is whether ``y[t]`` is
# above the last known number.

X, y = series_to_supervised(load_us_unemployment())
rises = y > X["unemployed_lag1"]
print(f"{len(rises)} rows, of which {rises.mean():.0%} rise")

# %%
# Three classifiers on the same rows
# ----------------------------------
#
# Windows hold twelve monthly changes of the logarithm, so large and small industries look alike.
# Labels are not transformed, so a plain pipeline is enough.


def changes():
    """Return the monthly changes of the logarithm."""
    return make_pipeline(FunctionTransformer(np.log), Differencer())


# Logistic regression does not take NaN, with which the first windows begin.
no_nan = make_pipeline(SimpleImputer(), StandardScaler())
network = LSTMClassifier(
    units=16,
    epochs=30,
    learning_rate=0.01,
    learning_rate_schedule="cosine",
    random_state=0,
)
models = {
    "Base rate": DummyClassifier(),
    "Logistic regression": make_pipeline(
        changes(),
        LagWindower(12, flatten=True),
        no_nan,
        LogisticRegression(),
    ),
    "LSTM": make_pipeline(changes(), LagWindower(12), network),
}

# %%
# Scores of three years
# ---------------------
#
# A guess has an area under the ROC curve of 0.5. In the second year, a recession, unemployment
# rises nearly everywhere. Every classifier is too sure in this year, so its log loss is high.

cv = TimeStepSplit(3, test_size=12)
scoring = ["roc_auc", "accuracy", "neg_log_loss"]
scores = {}
for name, model in models.items():
    found = cross_validate(model, X, rises, cv=cv, scoring=scoring)
    scores[name] = {
        score: found[f"test_{score}"].mean() for score in scoring
    }
print(pd.DataFrame(scores).T.round(2))

# %%
# The last year
# -------------

(train, test), *_ = list(cv.split(X))[::-1]
fig, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.5), layout="constrained"
)
for name, colour in (("Logistic regression", "0.5"), ("LSTM", "tab:blue")):
    model = models[name].fit(X.iloc[train], rises.iloc[train])
    probability = pd.Series(
        model.predict_proba(X.iloc[test])[:, 1], X.index[test]
    )
    false, true, _ = roc_curve(rises.iloc[test], probability)
    left.plot(
        false,
        true,
        color=colour,
        label=f"{name} (area {auc(false, true):.2f})",
    )
left.plot([0, 1], [0, 1], color="0.8", linestyle=":")
left.set(title="All industries, one month ahead, the last twelve months")
left.set(
    xlabel="Falls that are called rises", ylabel="Rises that are called so"
)
left.legend()

one = probability.xs("Construction", level="industry")
rose = rises.loc[
    one.index.map(lambda month: (month, "Construction"))
].to_numpy()
right.bar(
    one.index, one, width=20, color=np.where(rose, "tab:red", "tab:green")
)
right.axhline(0.5, color="0.5", linestyle=":")
for label, colour in (("rose", "tab:red"), ("fell", "tab:green")):
    right.bar(
        one.index[:1], 0, color=colour, label=f"Unemployment {label}"
    )
right.set(
    title="Construction, one month ahead",
    ylabel="Probability of a rise",
    ylim=(0, 1),
)
right.tick_params(axis="x", rotation=45)
right.legend()
