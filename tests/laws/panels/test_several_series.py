"""A table of many series: its levels in the right order, and refused where it cannot be used."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    UnknownPastWarning,
    series_to_supervised,
)

DAYS = pd.date_range("2024-01-01", periods=15, name="day")
SEEN = DAYS[0] + pd.to_timedelta(np.arange(15) ** 2, "D")  # of no regular step
INDEX = pd.MultiIndex.from_product([DAYS, ["a", "b"]], names=["day", "store"])
X = pd.DataFrame({"sold": np.arange(30.0)}, INDEX)
Y = pd.Series(np.arange(30.0), INDEX, name="sold")
ONE = X.xs("a", level=1)

TABLES_REFUSED = {
    "series first": (
        X.swaplevel().sort_index(),
        r"levels \['store', 'day'\].*X.swaplevel\(\).sort_index\(\)",
    ),
    "series first, of two levels": (
        pd.concat({"north": X}, names=["region"]).reorder_levels([0, 2, 1]).sort_index(),
        r"X.reorder_levels\(\[2, 0, 1\]\).sort_index\(\)",
    ),
    "series first, numbers that have names": (
        X.set_axis(pd.MultiIndex.from_product([[1, 2], range(15)], names=["id", "step"])),
        r"levels \['id', 'step'\].*swaplevel",
    ),
    "series first, dates as text": (
        X.set_axis(pd.MultiIndex.from_product([["a", "b"], DAYS.strftime("%Y-%m-%d")])),
        "time has to be the first level.*swaplevel",
    ),
    "newest first": (X[::-1], r"falls from .*2024-01-15.* to .*2024-01-14.*X.sort_index\(\)"),
    "shuffled": (X.sample(frac=1, random_state=0), r"falls from .*X.sort_index\(\).*split in time"),
    "a row twice": (
        pd.concat([X, X[:1]]).sort_index(),
        r"\(Timestamp\('2024-01-01 00:00:00'\), 'a'\) more than once",
    ),
    "a series without a name": (
        X.rename(index={"b": np.nan}, level=1),
        "Level 'store' of the index of X is missing at row 1",
    ),
    "a row without a time": (
        X.set_axis(INDEX.set_codes([-1, *INDEX.codes[0][1:]], level=0)),
        "The time of X.*is missing at row 0",
    ),
    "dates as text": (
        X.set_axis(INDEX.set_levels(DAYS.strftime("%d.%m.%Y"), level=0)),
        r"is text.*pd.to_datetime\(X.index.levels\[0\], dayfirst=True\), level=0",
    ),
}


@pytest.mark.parametrize("name", TABLES_REFUSED)
@pytest.mark.parametrize("use", [LagWindower(2).fit, Differencer().fit, series_to_supervised])
def test_rows_in_a_wrong_order_are_refused(name, use):
    """The message says how to sort the levels and the rows."""
    table, message = TABLES_REFUSED[name]
    if use is series_to_supervised:
        message = message.replace("X", "series")
    with pytest.raises(ValueError, match=message):
        use(table)


@pytest.mark.parametrize(
    ("table", "mend"),
    [
        (X.swaplevel().sort_index(), lambda table: table.swaplevel().sort_index()),
        (X[::-1], lambda table: table.sort_index()),
        (
            X.set_axis(INDEX.set_levels(DAYS.strftime("%d.%m.%Y"), level=0)),
            lambda table: table.set_axis(
                table.index.set_levels(
                    pd.to_datetime(table.index.levels[0], dayfirst=True), level=0
                )
            ).sort_index(),
        ),
    ],
    ids=["series first", "newest first", "dates as text"],
)
def test_the_advice_gives_the_table_in_order(table, mend):
    """What the messages say leads to the differences of each series."""
    differences = Differencer().fit_transform(mend(table))
    np.testing.assert_array_equal(differences["sold"].dropna(), np.full(28, 2.0))


@pytest.mark.parametrize(
    "times",
    [DAYS, DAYS.to_period("D"), pd.RangeIndex(2000, 2000 + len(DAYS), name="year")],
    ids=["dates", "periods", "years"],
)
def test_series_may_be_named_by_dates(times):
    """Cohorts are named by the date on which they began; their times are the first level."""
    began = pd.to_datetime(["2001-02-03", "1999-08-07"])
    index = INDEX.set_levels([times, began], level=[0, 1])
    windows = make_pipeline(LagWindower(2, flatten=True), Ridge())
    model = TransformedSeriesRegressor(windows, Differencer())
    found, expected = (
        model.fit(rows, y).predict(rows)
        for rows, y in map(series_to_supervised, (Y.set_axis(index), Y))
    )
    np.testing.assert_array_equal(found, expected)


LOST = {
    "windows": lambda: LagWindower(2).fit(X.to_numpy(), Y),
    "differences": lambda: Differencer().fit(X.to_numpy(), Y),
    "network": lambda: LSTMRegressor(1, epochs=1).fit(X.to_numpy(), Y),
    "target": lambda: TransformedSeriesRegressor(Ridge()).fit(X.to_numpy(), Y),
}


@pytest.mark.parametrize("name", LOST)
def test_rows_that_lost_their_labels_are_refused(name):
    """Rows of an array are those of one series; the target tells that they are not."""
    with pytest.raises(ValueError, match=r"names many series, but X has no labels.*set_output"):
        LOST[name]()


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("rows", [X.to_numpy(), ONE], ids=["array", "one series"])
def test_later_rows_have_to_name_their_series(rows):
    """Which series' past they continue would be a guess."""
    windower = LagWindower(2).fit(X)
    with pytest.raises(ValueError, match=r"no labels that name its series.*drop_level=False"):
        windower.transform(rows)


def test_names_of_another_type_are_refused():
    """A store called '1' in the file of one day and 1 in that of the next would have no past."""
    numbered = X.rename(index={"a": 1, "b": 2}, level=1)
    text = X.rename(index={"a": "1", "b": "2"}, level=1)
    with pytest.raises(ValueError, match="X names a series 1, but the training rows '1'"):
        Differencer().fit(text).transform(numbered)


@pytest.mark.parametrize("days", [DAYS, SEEN], ids=["daily", "without a step"])
@pytest.mark.parametrize("history", ["auto", "none"])
def test_a_new_series_of_too_few_rows_is_named(history, days):
    """A store that is served row by row would be without a past at each row."""
    table = X.set_axis(INDEX.set_levels(days, level=0))
    windower = LagWindower(3, history=history).fit(table)
    new = table.rename(index={"a": "c", "b": "d"}, level=1)
    assert np.isfinite(np.asarray(windower.transform(new))[4:]).all()
    few = new[-4:]
    if history == "none":
        windower.transform(few)
        return
    with pytest.warns(
        UnknownPastWarning,
        match=rf"{days[-2]} of series 'c' is the first of 2 row.*history='none'",
    ):
        windows = windower.transform(few)
    np.testing.assert_array_equal(
        np.asarray(windows)[-2:, 1:, 0], few["sold"].to_numpy().reshape(2, 2).T
    )


def test_each_series_continues_by_itself():
    """Whether a series is the training rows again does not depend on the other series."""
    windower = LagWindower(4, history="continue").fit(X)
    first = windower.transform(X)
    b = X.index.get_level_values(1) == "b"
    np.testing.assert_array_equal(windower.transform(X[b]), np.asarray(first)[b])
    later = X[~b][:5].rename(index=lambda day: day + pd.Timedelta("40D"), level=0)
    both = np.asarray(windower.transform(pd.concat([X[b], later])))
    np.testing.assert_array_equal(both[:15], np.asarray(first)[b])
    np.testing.assert_array_equal(both[15, :, 0], [24.0, 26.0, 28.0, 0.0])
