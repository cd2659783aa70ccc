"""How far estimators look back: as they say, or as those say that they are made of."""

import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)
from sklstm._sklearn._composition import look_back
from sklstm.datasets import load_milk

X, Y = series_to_supervised(load_milk() / 1000)
LSTM = {"units": 1, "epochs": 1, "random_state": 0}


class SilentMean(TransformerMixin, BaseEstimator):
    """A step of another package: the mean of a row and those before it; counts rows given."""

    def __init__(self, window=3):
        self.window = window

    def fit(self, X, y=None):
        """Learn nothing."""
        self.n_rows_ = []
        return self

    def transform(self, X):
        """Average."""
        self.n_rows_.append(len(X))
        return X.rolling(self.window, min_periods=1).mean()


class RollingMean(SilentMean):
    """Such a step that says how far it looks back."""

    def __sklstm_look_back__(self):
        return self.window - 1


class Changes(TransformerMixin, BaseEstimator):
    """A step of another package that subtracts the row before, and can be undone one step ahead."""

    def __sklstm_look_back__(self):
        return 1

    def fit(self, X, y=None):
        """Remember the last row."""
        self.last_ = X.iloc[-1:]
        return self

    def transform(self, X):
        """Subtract the row before; nothing is before the first training row."""
        return X - self._before(X)

    def inverse_transform(self, Z, *, observed=None):
        """Add what was observed at the row before."""
        return Z + self._before(Z if observed is None else observed).to_numpy()

    def _before(self, rows):
        before = rows.shift(1)
        if rows.index[0] == self.last_.index[0] + 1:
            before.iloc[0] = self.last_.iloc[0]
        return before


def flat(window):
    """Windows for scikit-learn."""
    return LagWindower(window, flatten=True)


@pytest.mark.parametrize(
    ("estimator", "depth"),
    [
        (Ridge(), 0),
        (make_pipeline(StandardScaler(), Ridge()), 0),
        (LagWindower(5), 4),
        (Differencer([1, 12]), 13),
        (SeriesMinMaxScaler(), 0),
        (LSTMRegressor(**LSTM), 0),
        (StatefulLSTMRegressor(**LSTM), None),
        (make_pipeline(LagWindower(4), LSTMRegressor(**LSTM)), 3),
        (FunctionTransformer(), 0),
        (FunctionTransformer(np.cbrt), 0),
        (FunctionTransformer(np.sort), None),
        (RollingMean(4), 3),
        (SilentMean(4), None),
        (make_pipeline(Differencer(2), "passthrough", RollingMean(4)), 5),
        (make_pipeline(Differencer(2), SilentMean(4)), None),
        (FeatureUnion([("a", Differencer(2)), ("b", flat(6)), ("c", "passthrough")]), 5),
        (ColumnTransformer([("a", Differencer(2), [0]), ("b", "passthrough", [0])]), 2),
        (ColumnTransformer([("a", SilentMean(), ["milk_lag1"])]), None),
        (GridSearchCV(TransformedSeriesRegressor(make_pipeline(flat(4), Ridge())), {}, cv=2), 4),
        (VotingRegressor([("a", Ridge()), ("b", RollingMean(4))]).set_params(b="drop"), 0),
        (TransformedTargetRegressor(Ridge(), transformer=StandardScaler()), 0),
        (TransformedSeriesRegressor(Ridge(), Differencer(3), y_lag=0), 4),
        (TransformedSeriesRegressor(Ridge(), Differencer(3), y_lag=None), None),
        (TransformedSeriesRegressor(Ridge(), SeriesMinMaxScaler()), 1),
    ],
    ids=lambda value: re.sub(r" at 0x\w+", "", str(value)),  # no address: each worker has its own
)
@pytest.mark.filterwarnings("ignore::sklstm.SklstmWarning")  # of folds, which matter to no depth
def test_how_far_an_estimator_looks_back(estimator, depth):
    """Steps of a pipeline add up, parts side by side count at their most, the unknown wins."""
    fitted = estimator.fit(X, Y)
    assert look_back(fitted) == depth


@pytest.mark.parametrize(
    ("step", "most_rows"), [(RollingMean(4), 4), (SilentMean(4), len(X) + 6)], ids=repr
)
def test_a_forecast_gives_a_step_as_many_rows_as_it_asks_for(step, most_rows):
    """One of another package gets what it says that it needs, or else all rows: same forecast."""
    model = make_pipeline(step, Ridge()).fit(X, Y)
    model[0].n_rows_.clear()
    ahead = forecast(model, X, 6, y=Y)
    assert max(model[0].n_rows_) == most_rows

    values = [*X["milk_lag1"], Y.iloc[-1]]
    for _ in range(6):
        values.append(np.mean(values[-4:]) * model[-1].coef_.item() + model[-1].intercept_)
    np.testing.assert_allclose(ahead, values[-6:])


def test_a_step_that_looks_back_is_undone_from_observed_rows():
    """A transformer of another package is inverted one step ahead, as Differencer is."""
    ours, theirs = (
        TransformedSeriesRegressor(
            Ridge(), make_pipeline(step, StandardScaler()), y_lag=0, check_inverse=False
        )
        .fit(X[:-20], Y[:-20])
        .predict(X[-20:])
        for step in (Changes(), Differencer())
    )
    np.testing.assert_allclose(ours, theirs)


def test_a_step_that_does_not_look_back_is_not_asked_to():
    """A transformer of scikit-learn gets no observed rows, though its function is unknown."""
    model = TransformedSeriesRegressor(
        Ridge(), FunctionTransformer(np.log, np.exp), transform_lags=False
    )
    expected = TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp).fit(X, Y)
    np.testing.assert_allclose(model.fit(X, Y).predict(X), expected.predict(X))
