"""Labels whose step is several units: forecasts, windows and back-tests follow that step."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    UnknownPastWarning,
    backtest,
    forecast,
    series_to_supervised,
)

N, N_TRAIN = 40, 25
VALUES = np.random.default_rng(0).normal(size=N).cumsum()
PERIODS = ["15min", "2h", "90min", "3D", "2W", "2W-WED", "2M", "2Q", "2Q-NOV", "3Y", "500us"]
DATES = ["15min", "2h", "36h", "3D", "2W", "2W-WED", "2MS", "2ME", "2QS", "2QE-NOV", "3YS", "3YE"]
DATES += ["2B", "2BME", "2BQS", "2SME", "2WOM-1MON", "2bh"]
DURATIONS = ["7D", "14D", "15min", "90min", "36h"]


def indices():
    """Return an index of each step, and what it is called."""
    found = {
        f"periods of {freq}": pd.period_range("2024-01-03", periods=N, freq=freq)
        for freq in PERIODS
    }
    for freq in DATES:
        dates = pd.date_range("2024-01-03", periods=N, freq=freq)
        found[f"dates every {freq}"] = dates
        found[f"dates every {freq}, without freq"] = pd.DatetimeIndex(dates.to_numpy())
    for freq in DURATIONS:
        durations = pd.to_timedelta(np.arange(N) * pd.Timedelta(freq))
        found[f"durations of {freq}"] = durations
    return found


INDICES = indices()
#: pandas tells no frequency of these dates, and they lie unevenly.
UNTOLD = [f"dates every {freq}, without freq" for freq in ("2SME", "2WOM-1MON", "2bh")]
#: Uneven dates: a gap among them is not seen.
UNEVEN = [name for name in INDICES if any(one in name for one in ("BM", "BQ", "SM", "WOM", "bh"))]


class NextNumber(RegressorMixin, BaseEstimator):
    """Predicts one more than the first column."""

    def fit(self, X, y):
        """Learn nothing."""
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        """Add one."""
        return np.asarray(X)[:, 0] + 1


@pytest.mark.parametrize("n_train", [12, N_TRAIN])
@pytest.mark.parametrize("name", [name for name in INDICES if name not in UNTOLD])
def test_a_forecast_has_the_next_labels(name, n_train):
    """They are those that pandas gives the whole index."""
    index = INDICES[name]
    X, y = series_to_supervised(pd.Series(np.arange(N), index, name="a")[:n_train])
    ahead = forecast(NextNumber().fit(X, y), X, 4, y=y)
    expected = pd.Series(np.arange(n_train, n_train + 4.0), index[n_train : n_train + 4], name="a")
    pd.testing.assert_series_equal(ahead, expected, check_freq=False, check_index_type=False)


@pytest.mark.parametrize("name", INDICES)
def test_later_rows_find_their_past(name):
    """Windows and differences of later rows are those of the whole series."""
    table = pd.DataFrame({"a": VALUES}, INDICES[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        windows = LagWindower(3, flatten=True).fit(table[:N_TRAIN]).transform(table[N_TRAIN:])
        differences = Differencer().fit(table[:N_TRAIN]).transform(table[N_TRAIN:])
    expected = [VALUES[row - 2 : row + 1] for row in range(N_TRAIN, N)]
    np.testing.assert_array_equal(windows, expected)
    np.testing.assert_allclose(differences["a"], np.diff(VALUES)[N_TRAIN - 1 :])


@pytest.mark.parametrize("name", [name for name in INDICES if name not in UNEVEN])
def test_a_gap_counts_steps_not_units(name):
    """Two rows that are left out are two steps, whatever the unit."""
    table = pd.DataFrame({"a": VALUES}, INDICES[name])
    windower = LagWindower(3).fit(table[:N_TRAIN])
    with pytest.warns(UnknownPastWarning, match="comes 2 steps later"):
        windower.transform(table[N_TRAIN + 2 :])


@pytest.mark.parametrize("name", [f"periods of {freq}" for freq in ("15min", "2M", "2W", "3Y")])
@pytest.mark.parametrize("feed_back", [False, True])
def test_a_back_test_follows_the_step(name, feed_back):
    """Fed-back forecasts are those of a loop over the lags, with the labels of the rows."""
    X, y = series_to_supervised(pd.Series(VALUES, INDICES[name], name="a"))
    train, test = np.arange(3, 30), np.arange(30, 34)
    result = backtest(
        make_pipeline(LagWindower(1, flatten=True), LinearRegression()),
        X,
        y,
        cv=[(train, test)],
        baselines=(),
        feed_back=feed_back,
    )
    line = LinearRegression().fit(X.iloc[train].to_numpy(), y.iloc[train])
    expected, value = [], X["a_lag1"].iloc[30]
    for row in test:
        value = value if feed_back and row > 30 else X["a_lag1"].iloc[row]
        value = float(line.predict([[value]])[0])
        expected.append(value)
    np.testing.assert_allclose(result.predictions["prediction"], expected)
    assert result.predictions.index.equals(y.index[30:34])


@pytest.mark.parametrize("n_train", [2, 3])
@pytest.mark.parametrize("freq", ["2BME", "BQS", "2SME", "WOM-2FRI", "C", "bh"])
def test_few_dates_with_a_frequency_show_no_other_step(freq, n_train):
    """Dates that happen to lie evenly are not taken for dates so many days apart."""
    table = pd.DataFrame({"a": VALUES}, pd.date_range("2024-01-03", periods=N, freq=freq))
    windows = LagWindower(2).fit(table[:n_train]).transform(table[n_train:])
    np.testing.assert_array_equal(windows[:, 0, 0], VALUES[n_train - 1 : -1])


def test_a_frequency_beyond_the_calendar_is_read_all_the_same():
    """Dates in nanoseconds end in 2262, which is no error for the dates before."""
    index = pd.date_range("1700-01-01", periods=5, freq="100YS", unit="ns")
    table = pd.DataFrame({"a": VALUES[:5]}, index)
    windows = LagWindower(2).fit(table[:4]).transform(table[4:])
    assert windows[0, 0, 0] == VALUES[3]
