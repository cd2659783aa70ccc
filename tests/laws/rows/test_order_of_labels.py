"""Labels that do not run from the oldest row to the newest are refused with what mends them."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from sklstm import (
    Differencer,
    LagWindower,
    TransformedSeriesRegressor,
    backtest,
    forecast,
    series_to_supervised,
)

N = 40
DAYS = pd.date_range("2024-01-05", periods=N, freq="D")
VALUES = np.random.default_rng(0).normal(size=N).cumsum()
Y = np.append(VALUES[1:], 0.0)


def german(table):
    """Give a table the labels that a German spreadsheet has."""
    return table.set_axis(table.index.strftime("%d.%m.%Y"))


def american(table):
    """Give a table dates that begin with the month."""
    return table.set_axis(table.index.strftime("%m/%d/%y"))


TABLE = pd.DataFrame({"a": VALUES}, DAYS)
NUMBERED = TABLE.reset_index(drop=True)
SHUFFLED = np.random.default_rng(0).permutation(N)

#: Tables in a wrong order or with labels that hide the order, and the code that mends them.
WRONG = {
    "dd.mm.yyyy": (german(TABLE), ["X.index = pd.to_datetime(X.index, dayfirst=True)"]),
    "mm/dd/yy, two years": (
        american(TABLE.set_axis(DAYS - pd.Timedelta("20D"))),
        ["X.index = pd.to_datetime(X.index)"],
    ),
    "dd.mm.yyyy sorted as text": (
        german(TABLE).sort_index(),
        ["X.index = pd.to_datetime(X.index, dayfirst=True)", "X = X.sort_index()"],
    ),
    "dd.mm.yyyy, newest first": (
        german(TABLE)[::-1],
        ["X.index = pd.to_datetime(X.index)", "X = X[::-1]"],
    ),
    "months by name": (
        TABLE.set_axis(pd.date_range("2020", periods=N, freq="MS").strftime("%b %Y")),
        ["X.index = pd.to_datetime(X.index)"],
    ),
    "dates, newest first": (TABLE[::-1], ["X = X[::-1]"]),
    "numbers, newest first": (NUMBERED[::-1], ["X = X[::-1]"]),
    "floats, newest first": (TABLE.set_axis(np.arange(N) / 4)[::-1], ["X = X[::-1]"]),
    "dates, shuffled": (TABLE.iloc[SHUFFLED], ["X = X.sort_index()"]),
    "numbers, shuffled": (NUMBERED.iloc[SHUFFLED], ["X = X.sort_index()"]),
}
USES = {
    "windows": lambda X: LagWindower(2).fit(X),
    "differences": lambda X: Differencer().fit(X),
    "target": lambda X: TransformedSeriesRegressor(Ridge()).fit(X, Y),
    "back-test": lambda X: backtest(Ridge(), X, Y, cv=2, baselines=()),
    "forecast": lambda X: forecast(Ridge().fit(X, Y), X, 1, y=Y),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", WRONG)
def test_what_the_message_says_mends_the_order(name, use):
    """The rows are refused, and the table that the message makes of them is taken."""
    X, steps = WRONG[name]
    X = X.copy()
    with pytest.raises(ValueError, match="oldest first") as error:
        USES[use](X)
    message = str(error.value)
    assert ("sort_index" in message) == any("sort_index" in step for step in steps)
    scope = {"X": X, "pd": pd}
    for step in steps:
        assert step.removeprefix("X = ") in message
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # pandas warns where it has to guess.
            exec(step, scope)
    mended = scope["X"]
    USES[use](mended)
    np.testing.assert_array_equal(mended["a"], VALUES)


@pytest.mark.parametrize("name", [name for name in WRONG if name != "mm/dd/yy, two years"])
def test_a_series_is_not_paired_the_wrong_way_round(name):
    """Rows that run backwards are refused; dates in text run on where they are read as dates."""
    X, steps = WRONG[name]
    if steps in (WRONG["dd.mm.yyyy"][1], WRONG["months by name"][1]):
        pairs, y = series_to_supervised(X)
        np.testing.assert_array_equal(pairs["a_lag1"], VALUES[:-1])
        np.testing.assert_array_equal(y, VALUES[1:])
    else:
        with pytest.raises(ValueError, match="oldest first"):
            series_to_supervised(X)


def test_names_of_rows_may_stand_in_any_order():
    """Text that is no date says nothing of the order of a series, unless it falls."""
    table = TABLE[:4].set_axis(["winter", "spring", "summer", "autumn"])
    X, _ = series_to_supervised(table)
    np.testing.assert_array_equal(X["a_lag1"], VALUES[:3])
    with pytest.raises(ValueError, match=re.escape("series[::-1]")):
        series_to_supervised(table.set_axis(["week 4", "week 3", "week 2", "week 1"]))
    with pytest.raises(ValueError, match="make dates or numbers of it"):
        LagWindower(2).fit(table)


@pytest.mark.parametrize("use", [*USES, "pairs"])
def test_doubled_dates_are_never_dropped_by_advice(use):
    """A date that stands twice may be that of two stores: dropping one would lose a store."""
    X = TABLE.iloc[np.repeat(np.arange(N // 2), 2)]
    with pytest.raises(ValueError, match=r"more than once.*several series") as error:
        (USES | {"pairs": series_to_supervised})[use](X)
    assert "drop" not in str(error.value)
