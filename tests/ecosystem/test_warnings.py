"""Each warning points at the user's line, has its class, and can be filtered by it."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    AssumedPastWarning,
    Differencer,
    InverseWarning,
    LagWindower,
    MissingStepsWarning,
    SeriesMinMaxScaler,
    SklstmWarning,
    StatefulLSTMRegressor,
    StateResetWarning,
    TransformedSeriesRegressor,
    UnknownPastWarning,
    UnnamedSeriesWarning,
    UnsaidHorizonWarning,
    series_to_supervised,
)

WALK = np.random.default_rng(0).normal(size=41).cumsum() + 20
TABLE = pd.DataFrame({"a": WALK[:-1]}, pd.date_range("2024-01-01", periods=40, freq="D"))
Y = pd.Series(WALK[1:], TABLE.index)
TRAIN, Y_TRAIN, AFTER_A_GAP = TABLE[:20], Y[:20], TABLE[25:]
KNOWN = FunctionTransformer(np.nan_to_num)
SPLITS = [(range(20), range(25, 40))]


def windower():
    """Transform rows after a gap."""
    LagWindower(3).fit(TRAIN).transform(AFTER_A_GAP)


def differencer():
    """Transform rows that have the labels of training rows, but other values."""
    Differencer().fit(TRAIN).transform(TRAIN + 1)


def pipeline():
    """Predict rows after a gap, through a pipeline."""
    model = make_pipeline(Differencer(), KNOWN, Ridge()).fit(TRAIN, Y_TRAIN)
    model.predict(AFTER_A_GAP)


def cross_validation():
    """Score rows after a gap, in a fold."""
    model = TransformedSeriesRegressor(make_pipeline(LagWindower(3, flatten=True), Ridge()))
    cross_validate(model, TABLE, Y, cv=SPLITS, n_jobs=1)


def target():
    """Invert predictions of rows whose past is not known."""
    model = TransformedSeriesRegressor(Ridge(), Differencer(), y_lag=None)
    model.fit(TRAIN, Y_TRAIN).predict(AFTER_A_GAP)


def state():
    """Predict rows that do not follow the last row seen."""
    StatefulLSTMRegressor(1, epochs=1).fit(TRAIN, Y_TRAIN).predict(AFTER_A_GAP)


def inverse():
    """Fit with a transformer that does not restore what it was given."""
    rooted = FunctionTransformer(np.sqrt, np.sqrt, check_inverse=False)
    TransformedSeriesRegressor(Ridge(), rooted, y_lag=None).fit(TRAIN, Y_TRAIN)


def missing():
    """Make rows of a series that lacks a day."""
    series_to_supervised(TABLE.drop(TABLE.index[5]))


def horizon():
    """Fit to columns that look like steps ahead, without saying so."""
    X, y = series_to_supervised(WALK, horizon=3)
    TransformedSeriesRegressor(Ridge(), y_lag=None).fit(X, y)


def assumed():
    """Transform rows without labels that begin as the training rows do."""
    rows = TABLE.to_numpy()
    LagWindower(3).fit(rows[:20]).transform(rows[:30])


def unnamed():
    """Scale each series of an array, which names none."""
    SeriesMinMaxScaler(per_series=True).fit(TABLE.to_numpy())


CASES = [
    (windower, UnknownPastWarning),
    (differencer, UnknownPastWarning),
    (pipeline, UnknownPastWarning),
    (cross_validation, UnknownPastWarning),
    (target, UnknownPastWarning),
    (state, StateResetWarning),
    (inverse, InverseWarning),
    (missing, MissingStepsWarning),
    (horizon, UnsaidHorizonWarning),
    (assumed, AssumedPastWarning),
    (unnamed, UnnamedSeriesWarning),
]
each_case = pytest.mark.parametrize(("call", "category"), CASES, ids=[c.__name__ for c, _ in CASES])


@each_case
def test_a_warning_points_at_the_line_of_the_user(call, category):
    """The file is this one and the line is in the call, not in the package or scikit-learn."""
    with pytest.warns(SklstmWarning) as caught:
        call()
    first = call.__code__.co_firstlineno
    for warning in caught:
        assert warning.category is category
        assert warning.filename == __file__
        assert first < warning.lineno < first + 9


@each_case
def test_a_warning_is_filtered_by_its_class(call, category):
    """Ignoring the class, or the class of all, leaves nothing to be told."""
    for ignored in (category, SklstmWarning):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", ignored)
            call()
        assert not caught
