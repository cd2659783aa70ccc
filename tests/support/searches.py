"""A search and a back-test of a small network, as the numbers that they find."""

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import LagWindower, LSTMRegressor, TimeStepSplit, backtest, series_to_supervised

# So many rows that joblib hands each fold's row numbers over as data of their own.
SERIES = pd.Series(
    np.sin(np.arange(600.0)), pd.date_range("2020", periods=600, freq="h"), name="wave"
)
X, Y = series_to_supervised(SERIES)
SPLITS = list(TimeSeriesSplit(3).split(X))
GRID = {"lagwindower__window": [3, 4], "lstmregressor__units": [2, 3]}


# Series of different length, side by side; the time is the first level.
PANEL = pd.concat({name: SERIES[start:] for name, start in (("a", 0), ("b", 200))}, names=["site"])
PANEL = PANEL.swaplevel().sort_index()


def windowed_network(*callbacks):
    """Return a small network behind windows."""
    network = LSTMRegressor(2, epochs=2, batch_size=64, callbacks=callbacks, random_state=0)
    return make_pipeline(LagWindower(3), network)


def searched(estimator, **options):
    """Search, and return scores by fold, the best weights and predictions."""
    search = GridSearchCV(estimator, GRID, cv=SPLITS, **options).fit(X, Y)
    folds = [search.cv_results_[f"split{i}_test_score"] for i in range(len(SPLITS))]
    return [*folds, *search.best_estimator_[-1].model_.get_weights(), search.predict(X)]


def backtested(estimator, **options):
    """Back-test, and return predictions, scores and the weights of each fold."""
    result = backtest(estimator, X, Y, SPLITS, **options)
    weights = [w for fitted in result.estimators for w in fitted[-1].model_.get_weights()]
    return [result.predictions["prediction"].to_numpy(), result.scores.to_numpy(), *weights]


def backtested_panel(estimator, cv=3, **options):
    """Back-test many series, and return predictions, scores by series and weights of each fold."""
    rows, target = series_to_supervised(PANEL)
    result = backtest(estimator, rows, target, cv, **options)
    weights = [w for fitted in result.estimators for w in fitted[-1].model_.get_weights()]
    scores = result.scores_by("series").to_numpy()
    return [result.predictions["prediction"].to_numpy(), scores, *weights]


def fed_back_panel(estimator):
    """Back-test many series, where each fold is a forecast of three steps."""
    return backtested_panel(estimator, TimeStepSplit(2, test_size=3), feed_back=True)
