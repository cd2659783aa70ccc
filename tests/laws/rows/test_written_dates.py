"""Numbers that write out dates, such as 201512 and 201601, are refused until they are dates."""

import re

import bad_values as bad
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    StatefulLSTMRegressor,
    TimeStepSplit,
    TransformedSeriesRegressor,
    backtest,
    series_to_supervised,
)

N = 120
MONTHS = pd.period_range("2014-03", periods=N, freq="M")
QUARTERS = pd.period_range("2014Q3", periods=N, freq="Q")
WEEKS = pd.date_range("2014-03-03", periods=N, freq="W-MON")
DAYS = pd.date_range("2015-01-20", periods=N, freq="D")
WORKDAYS = pd.bdate_range("2015-01-20", periods=N)
#: Dates, and the numbers that write them out.
WRITTEN = {
    "months": (MONTHS, MONTHS.year * 100 + MONTHS.month),
    "quarters": (QUARTERS, QUARTERS.year * 10 + QUARTERS.quarter),
    "weeks": (WEEKS, WEEKS.strftime("%G%V").astype(int)),
    "days": (DAYS, DAYS.strftime("%Y%m%d").astype(int)),
    "days without trade": (WORKDAYS, WORKDAYS.strftime("%Y%m%d").astype(int)),
    "dates of weeks": (WEEKS, WEEKS.strftime("%Y%m%d").astype(int)),
    "every third month": (MONTHS[::3], MONTHS[::3].year * 100 + MONTHS[::3].month),
    "a month is missing": (MONTHS.delete(5), (MONTHS.year * 100 + MONTHS.month).delete(5)),
    "months as floats": (MONTHS, (MONTHS.year * 100 + MONTHS.month).astype(float)),
    "quarters as floats": (QUARTERS, (QUARTERS.year * 10 + QUARTERS.quarter).astype("Float64")),
    "short numbers": (MONTHS, (MONTHS.year * 100 + MONTHS.month).astype("int32")),
}
#: What takes rows and a target, and needs to know which rows follow each other.
USES = {
    "windows": lambda X, y: LagWindower(2).fit(X),
    "differences": lambda X, y: Differencer().fit(X),
    "target": lambda X, y: TransformedSeriesRegressor(Ridge(), Differencer()).fit(X, y),
    "stateful": lambda X, y: StatefulLSTMRegressor(1).fit(X, y),
    "lags": lambda X, y: series_to_supervised(y),
    "backtest": lambda X, y: backtest(Ridge(), X, y, TimeStepSplit(2)),
}


def table(index):
    """Return rows with such labels."""
    return pd.DataFrame({"sold": np.random.default_rng(0).normal(size=len(index))}, index)


@pytest.mark.parametrize("written", WRITTEN)
def test_the_advice_makes_the_dates(written):
    """The message shows two labels and code: what it makes is the dates, in their order."""
    dates, numbers = WRITTEN[written]
    X = table(numbers)
    with bad.refused(ValueError, "holds numbers such as") as caught:
        LagWindower(2).fit(X)
    message = str(caught.value)
    for label in re.search(r"such as ([\d.]+) and ([\d.]+) that", message).groups():
        assert float(label) in numbers
    exec(re.search(r"Make dates of it: (.*)\.$", message)[1], {"X": X, "pd": pd})
    made = X.index.asfreq(dates.freq) if isinstance(dates, pd.PeriodIndex) else X.index
    assert made.equals(dates)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("n_series", [1, 2])
def test_written_dates_are_refused(use, n_series):
    """As numbers, the last month of a year and the first of the next are 89 steps apart."""
    index = WRITTEN["months"][1]
    if n_series == 2:
        index = pd.MultiIndex.from_product([index, ["n", "s"]], names=["month", "shop"])
    X = table(index)
    with bad.refused(ValueError, "201412 and 201501 .* 89 steps apart.*PeriodIndex"):
        USES[use](X, X["sold"])


def test_the_advice_makes_the_dates_of_many_series():
    """The level of the time is exchanged, and the rows are those of months."""
    dates, numbers = WRITTEN["months"]
    X = table(pd.MultiIndex.from_product([numbers, ["n", "s"]], names=["month", "shop"]))
    with bad.refused(ValueError, "holds numbers such as") as caught:
        Differencer().fit(X)
    code = re.search(r"Make dates of it: (.*)\.$", str(caught.value))[1]
    exec(code, {"X": X, "pd": pd})
    assert X.index.equals(pd.MultiIndex.from_product([dates, ["n", "s"]]))


@pytest.mark.parametrize(
    "index",
    [
        WRITTEN["months"][1][:10],
        range(1900, 1950),
        [1900, 1901, 1904, 1905],
        np.arange(201401, 201401 + N),
        [19001, 19011, 19021, 19041],
        [20150101, 20150102, 20150103, 20150104],
        np.arange(N) * 100 + 1,
        [201401.5, 201412.5, 201501.5],
        [201411.0, 201412.0, 201413.0],
        [201401, 201402],
    ],
    ids=str,
)
def test_other_numbers_stay_numbers(index):
    """Years, months of one year, and row numbers are taken as they are."""
    X = table(pd.Index(index))
    windows = make_pipeline(LagWindower(2, flatten=True)).fit_transform(X)
    assert windows.shape[0] == len(X)
