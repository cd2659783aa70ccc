"""The shipped series against their files, the generated ones against a second computation."""

import csv
import math
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from sklstm.datasets import (
    load_milk,
    load_noisy_trend,
    load_shampoo,
    load_us_unemployment,
    make_hourly_load,
    make_lagged_linear,
    make_sawtooth_pair,
)


def figures(name):
    """Read labels and figures with the csv module alone."""
    text = (files("sklstm.datasets") / "data" / name).read_text(encoding="utf-8")
    _, *rows = csv.reader(text.splitlines())
    return [label for label, _ in rows], [float(figure) for _, figure in rows]


LOADERS = {"milk": load_milk, "shampoo": load_shampoo, "noisy_trend": load_noisy_trend}


@pytest.mark.parametrize(("name", "load"), LOADERS.items(), ids=LOADERS)
def test_a_loader_gives_its_file(name, load):
    """The figures are those of the file, in its order, as a float64 Series of its name."""
    series = load()
    assert series.tolist() == figures(f"{name}.csv")[1]
    assert (series.name, series.dtype) == (name, np.float64)


@pytest.mark.parametrize(
    "load", [*LOADERS.values(), load_us_unemployment], ids=[*LOADERS, "us_unemployment"]
)
def test_each_call_returns_a_new_series(load):
    """Changing a loaded series does not change the next one."""
    first = load()
    first.iloc[0] = -1.0
    assert load().iloc[0] != -1.0


def test_milk_is_labelled_by_month():
    """The index of milk is the months of its file, with a frequency."""
    index = load_milk().index
    assert index.strftime("%Y-%m").tolist() == figures("milk.csv")[0]
    assert (index.freqstr, index.name) == ("MS", "month")


def test_shampoo_is_labelled_by_year_and_month():
    """The index of shampoo counts its unknown years from 1."""
    index = load_shampoo().index
    assert [f"{month.year}-{month.month:02}" for month in index] == figures("shampoo.csv")[0]
    assert (type(index), index.freqstr, index.name) == (pd.PeriodIndex, "M", "month")


def test_noisy_trend_is_labelled_by_step():
    """The index of the noisy trend counts from 1 to 400."""
    index = load_noisy_trend().index
    assert (index.tolist(), index.name) == (list(range(1, 401)), "n")


#: All unemployed people, in thousands, seasonally adjusted: means of the years 2000 to 2009 of
#: `UNEMPLOY` in the `economics` data of plotnine 0.15, which come from the same bureau.
ALL_UNEMPLOYED = [5685, 6830, 8375, 8770, 8140, 7580, 6991, 7073, 8948, 14294]


def read_unemployment():
    """Read months, industries and figures with the csv module alone."""
    text = (files("sklstm.datasets") / "data" / "us_unemployment.csv").read_text(encoding="utf-8")
    (_, *industries), *rows = csv.reader(text.splitlines())
    return [row[0] for row in rows], industries, [list(map(float, row[1:])) for row in rows]


def test_unemployment_in_wide_form_is_its_file():
    """The table has the months and industries of its file, as float64."""
    months, industries, rows = read_unemployment()
    table = load_us_unemployment(wide=True)
    np.testing.assert_array_equal(table, rows)
    assert table.index.strftime("%Y-%m").tolist() == months
    assert (table.index.freqstr, table.index.name) == ("MS", "month")
    assert (table.columns.tolist(), table.columns.name) == (industries, "industry")
    assert set(table.dtypes) == {np.dtype("float64")}


def test_unemployment_in_long_form_is_a_panel():
    """Each figure stands under its month and industry; the rows run in time."""
    months, industries, rows = read_unemployment()
    series = load_us_unemployment()
    assert series.index.names == ["month", "industry"]
    assert series.index.is_monotonic_increasing
    assert (series.name, series.dtype, len(series)) == ("unemployed", np.float64, 122 * 14)
    for month, figures_of_month in zip(months, rows, strict=True):
        for industry, figure in zip(industries, figures_of_month, strict=True):
            assert series.loc[pd.Timestamp(month), industry] == figure


def test_unemployment_adds_up_to_what_another_source_has():
    """All but those who look for their first job, 5 to 10 % of all in each year, are there."""
    totals = load_us_unemployment().groupby("month").sum()
    shares = totals.groupby(totals.index.year).mean()[:10] / ALL_UNEMPLOYED
    assert shares.index.tolist() == list(range(2000, 2010))
    assert shares.between(0.90, 0.95).all()


def sawtooth(row):
    """Return the saw-tooth's value in one row, by its distance from the next peak of 10."""
    return 10 - abs(row % 18 - 9)


def test_sawtooth_pair_has_17990_rows_by_default():
    """A thousand cycles of 18 rows, less the ten that are dropped."""
    pair = make_sawtooth_pair()
    assert pair.shape == (17990, 2)
    assert pair.index.equals(pd.RangeIndex(17990))


def test_sawtooth_pair_is_one_sawtooth_and_its_delay():
    """Column b is column a nine rows later, and both have one factor."""
    pair = make_sawtooth_pair(n_cycles=3, random_state=0)
    rows = range(10, 3 * 18)
    factor = pair["a"].iloc[0] / sawtooth(10)
    np.testing.assert_allclose(pair["a"], [factor * sawtooth(row) for row in rows])
    np.testing.assert_allclose(pair["b"], [factor * sawtooth(row - 9) for row in rows])


def test_sawtooth_pair_repeats_with_an_int_random_state():
    """The same random_state gives the same factor, another random_state another factor."""
    pair = make_sawtooth_pair(2, random_state=0)
    pd.testing.assert_frame_equal(pair, make_sawtooth_pair(2, random_state=0))
    assert pair["a"].iloc[0] != make_sawtooth_pair(2, random_state=1)["a"].iloc[0]


def test_lagged_linear_targets_are_the_weighted_sum():
    """From the fifth row on, the target is the weighted sum of i and the three integers before."""
    X, y = make_lagged_linear()
    expected = [i + 0.5 * (i - 1) + 0.2 * (i - 2) + 0.1 * (i - 3) for i in range(4, 104)]
    assert X["x"].tolist() == list(range(104))
    np.testing.assert_allclose(y.iloc[4:], expected)


def test_lagged_linear_has_no_target_before_its_window_is_full():
    """Only the first four targets are NaN."""
    _, y = make_lagged_linear(n_rows=7)
    assert y.isna().tolist() == [True] * 4 + [False] * 7


def test_lagged_linear_labels_agree():
    """X and y have the same index and float64 values."""
    X, y = make_lagged_linear(n_rows=3)
    assert X.index.equals(y.index)
    assert (X["x"].dtype, y.dtype, y.name) == (np.float64, np.float64, "y")


def test_hourly_load_is_a_day_a_week_and_two_disturbances():
    """Hour by hour, it is what a loop makes of the same draws."""
    load = make_hourly_load(8, random_state=0)
    draws = np.random.RandomState(0)
    fast, slow = draws.standard_normal(192) * 2, draws.standard_normal(192) / 2
    one = two = 0.0
    for i, (hour, value) in enumerate(load.items()):
        works = i // 24 not in (5, 6)
        bump = 30 * math.exp(-(((i % 24) - 19) ** 2) / 6.25)
        bump += 20 * math.exp(-(((i % 24) - 8) ** 2) / 4) if works else 0
        one, two = 0.95 * one + fast[i], 0.99 * two + slow[i]
        level = 100 - 25 * math.cos(math.pi * (i % 24 - 3) / 12) + bump
        assert value == pytest.approx(level * (1 if works else 5 / 6) + one + two)
        assert hour == pd.Timestamp("2024-01-01") + pd.Timedelta(i, "h")
    assert (load.name, load.index.name, load.index.freqstr) == ("load", "hour", "h")
