"""Text columns beside lags, which an encoder inside `TransformedSeriesRegressor` takes."""

import numpy as np
import pandas as pd
import pytest
from estimators import LSTM, MILK_X, MILK_Y
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklstm import Differencer, LagWindower, LSTMRegressor, TransformedSeriesRegressor

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


def test_text_without_an_encoder_is_refused():
    """Where the first step is ours, the message names the column."""
    model = TransformedSeriesRegressor(LEARNERS["flat windows"], Differencer())
    with pytest.raises(ValueError, match=r"'season' holds text"):
        model.fit(WITH_TEXT, MILK_Y)
