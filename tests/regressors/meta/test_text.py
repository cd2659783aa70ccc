"""Text columns beside lags, which an encoder inside `TransformedSeriesRegressor` takes."""

import numpy as np
import pandas as pd
import pytest
from estimators import LSTM, MILK, MILK_X, MILK_Y
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)

SEASON = pd.Series(np.array(["cold", "mild", "warm"])[MILK_X.index.month // 4 % 3], MILK_X.index)
ONE_HOT = pd.get_dummies(SEASON).astype(float)
WITH_TEXT = pd.concat([SEASON.rename("season"), MILK_X], axis=1)
BY_HAND = pd.concat([ONE_HOT, MILK_X], axis=1)
LEARNERS = {
    "rows": Ridge(),
    "flat windows": make_pipeline(LagWindower(4, flatten=True), Ridge()),
    "a network on windows": make_pipeline(LagWindower(4), LSTMRegressor(**LSTM)),
}


def encoder():
    """Return an encoder of the text, which leaves the other column as it is."""
    parts = [("text", OneHotEncoder(sparse_output=False), ["season"])]
    return ColumnTransformer(parts, remainder="passthrough")


@pytest.mark.parametrize("dtype", ["object", "category", "str"])
@pytest.mark.parametrize("transformer", [None, Differencer([1, 12])], ids=["raw", "differences"])
@pytest.mark.parametrize("learner", LEARNERS)
def test_text_is_encoded_as_by_hand(learner, transformer, dtype):
    """Training rows and later rows are predicted as those with one column for each word."""
    learner = LEARNERS[learner]
    table = WITH_TEXT.astype({"season": dtype})
    ours = TransformedSeriesRegressor(make_pipeline(encoder(), learner), transformer)
    theirs = TransformedSeriesRegressor(learner, transformer)
    ours.fit(table[:100], MILK_Y[:100])
    theirs.fit(BY_HAND[:100], MILK_Y[:100])
    for rows in (slice(0, 100), slice(100, None), slice(90, 110)):
        np.testing.assert_allclose(
            ours.predict(table[rows]), theirs.predict(BY_HAND[rows]), rtol=1e-6
        )


def test_words_known_ahead_are_future_inputs():
    """Rows of a table have them unshifted; forecasts of all kinds are those of columns by hand."""
    table = MILK.to_frame().assign(season=SEASON.reindex(MILK.index, fill_value="cold"))
    X, y = series_to_supervised(table, target="milk", future_inputs="season")
    assert X["season"].tolist() == table["season"].tolist()[1:]
    learner = LEARNERS["flat windows"]
    model = TransformedSeriesRegressor(make_pipeline(encoder(), learner), Differencer(12))
    by_hand = pd.get_dummies(X, columns=["season"], dtype=float)
    theirs = TransformedSeriesRegressor(learner, Differencer(12)).fit(by_hand[:-4], y[:-4])
    expected = forecast(theirs, by_hand[:-4], 4, y=y[:-4], future_inputs=by_hand[-4:])
    ahead = X[["season"]][-4:]
    model.fit(X[:-4], y[:-4])
    later = table.assign(milk=table["milk"].mask(table.index > y.index[-5]))
    for found in (
        forecast(model, X[:-4], 4, y=y[:-4], future_inputs=ahead),
        forecast(model, series=table[:-4], steps=4, future_inputs=ahead),
        forecast(model, series=later, steps=4),
    ):
        pd.testing.assert_series_equal(found, expected)


def test_text_without_an_encoder_is_refused():
    """Where the first step is ours, the message names the column."""
    model = TransformedSeriesRegressor(LEARNERS["flat windows"], Differencer())
    with pytest.raises(ValueError, match=r"'season' holds text"):
        model.fit(WITH_TEXT, MILK_Y)
