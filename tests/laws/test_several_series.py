"""A table of many series, with an index of several levels, is refused everywhere."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from sklstm import (
    Differencer,
    ForecastDisplay,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    backtest,
    forecast,
    series_to_supervised,
)

mpl.use("Agg")

INDEX = pd.MultiIndex.from_product([pd.date_range("2024-01-01", periods=15), ["a", "b"]])
X = pd.DataFrame({"sold": np.arange(30.0)}, INDEX)
Y = pd.Series(np.arange(30.0), INDEX, name="sold")
ONE = X.xs("a", level=1)
RIDGE = Ridge().fit(ONE, Y.xs("a", level=1))
DIFFERENCER = Differencer().fit(ONE)

USES = {
    "pairs of a table": lambda: series_to_supervised(X),
    "pairs of a series": lambda: series_to_supervised(Y),
    "windows": lambda: LagWindower(3).fit(X),
    "differences": lambda: Differencer().fit(X),
    "differences of later rows": lambda: DIFFERENCER.transform(X),
    "restored rows": lambda: DIFFERENCER.inverse_transform(X),
    "observed rows": lambda: DIFFERENCER.inverse_transform(X, observed=X),
    "scales": lambda: SeriesMinMaxScaler().fit(X),
    "network": lambda: LSTMRegressor(1, epochs=1).fit(X, Y),
    "network, target alone": lambda: LSTMRegressor(1, epochs=1).fit(X.to_numpy(), Y),
    "state": lambda: StatefulLSTMRegressor(1, epochs=1).fit(X, Y),
    "target": lambda: TransformedSeriesRegressor(Ridge()).fit(X, Y),
    "forecast": lambda: forecast(RIDGE, X, 2),
    "observed in a forecast": lambda: forecast(RIDGE, ONE, 2, y=Y),
    "back-test": lambda: backtest(Ridge(), X, Y, cv=2),
    "display": lambda: ForecastDisplay.from_estimator(RIDGE, X, 2),
    "display of predictions": lambda: ForecastDisplay.from_predictions(Y, Y),
}


@pytest.mark.parametrize("name", USES)
def test_an_index_of_several_levels_is_refused(name):
    """The message says that tables of many series are not supported yet, and how to go on."""
    with pytest.raises(ValueError, match=r"many series are not supported yet.*unstack"):
        USES[name]()


def test_the_advice_gives_one_column_for_each_series():
    """Series side by side have no row of another series before them."""
    wide = X.unstack()  # noqa: PD010
    differences = Differencer().fit_transform(wide)
    np.testing.assert_array_equal(differences[1:], np.full((14, 2), 2.0))
    pairs, y = series_to_supervised(wide)
    np.testing.assert_array_equal(pairs.to_numpy(), wide[:-1])
    np.testing.assert_array_equal(y.to_numpy(), wide[1:])
