"""The shipped figures against their files, the generated ones against a second computation."""

import csv
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from sklstm.datasets import (
    load_milk,
    load_noisy_trend,
    load_shampoo,
    make_lagged_linear,
    make_sawtooth_pair,
)


def figures(name):
    """Read labels and figures with nothing but the csv module."""
    text = (files("sklstm.datasets") / "data" / name).read_text(encoding="utf-8")
    _, *rows = csv.reader(text.splitlines())
    return [label for label, _ in rows], [float(figure) for _, figure in rows]


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (load_milk, "milk"),
        (load_shampoo, "shampoo"),
        (load_noisy_trend, "noisy_trend"),
    ],
)
class TestFigures:
    """What the three loaders have in common."""

    def test_values_are_those_of_the_file(self, load, name):
        """A loader gives the figures of its file, in their order."""
        _, expected = figures(f"{name}.csv")
        assert load().tolist() == expected

    def test_is_a_named_float_series(self, load, name):
        """A loader gives a float64 Series that is called like its file."""
        series = load()
        assert isinstance(series, pd.Series)
        assert series.name == name
        assert series.dtype == np.float64

    def test_calls_share_nothing(self, load, name):
        """Changing a loaded series does not change the next one."""
        first = load()
        first.iloc[0] = -1.0
        assert load().iloc[0] != -1.0


def test_milk_is_labelled_by_month():
    """The index of milk is the months of its file, with a frequency."""
    labels, _ = figures("milk.csv")
    index = load_milk().index
    assert index.strftime("%Y-%m").tolist() == labels
    assert index.freqstr == "MS"
    assert index.name == "month"


def test_shampoo_is_labelled_by_year_and_month():
    """The index of shampoo counts its unknown years from 1."""
    labels, _ = figures("shampoo.csv")
    index = load_shampoo().index
    assert isinstance(index, pd.PeriodIndex)
    assert [f"{month.year}-{month.month:02}" for month in index] == labels
    assert index.freqstr == "M"
    assert index.name == "month"


def test_noisy_trend_is_labelled_by_step():
    """The index of the noisy trend counts from 1 to 400."""
    index = load_noisy_trend().index
    assert index.tolist() == list(range(1, 401))
    assert index.name == "n"


def sawtooth(row):
    """Give the saw-tooth's value in one row, by its distance from the next peak of 10."""
    return 10 - abs(row % 18 - 9)


def test_sawtooth_pair_has_17990_rows_by_default():
    """A thousand cycles of 18 rows less the ten that are dropped are left."""
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
    """The same random_state gives the same factor, another one another."""
    pair = make_sawtooth_pair(2, random_state=0)
    pd.testing.assert_frame_equal(pair, make_sawtooth_pair(2, random_state=0))
    assert pair["a"].iloc[0] != make_sawtooth_pair(2, random_state=1)["a"].iloc[0]


def test_sawtooth_pair_leaves_the_global_random_state_alone():
    """An int random_state does not touch NumPy's global one."""
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is tested
    make_sawtooth_pair(1, random_state=0)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_lagged_linear_targets_are_the_weighted_sum():
    """Row i holds i and, from the fifth row on, the weighted sum of it and the three before."""
    X, y = make_lagged_linear()
    expected = [i + 0.5 * (i - 1) + 0.2 * (i - 2) + 0.1 * (i - 3) for i in range(4, 104)]
    assert X["x"].tolist() == list(range(104))
    np.testing.assert_allclose(y.iloc[4:], expected)


def test_lagged_linear_has_no_target_before_its_window_is_full():
    """The first four targets, and only they, are NaN."""
    _, y = make_lagged_linear(n_rows=7)
    assert y.isna().tolist() == [True] * 4 + [False] * 7


def test_lagged_linear_labels_agree():
    """X and y have the same index and float64 values."""
    X, y = make_lagged_linear(n_rows=3)
    assert X.index.equals(y.index)
    assert X["x"].dtype == y.dtype == np.float64
    assert y.name == "y"


@pytest.mark.parametrize(
    ("make", "name"), [(make_sawtooth_pair, "n_cycles"), (make_lagged_linear, "n_rows")]
)
@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-3, ValueError), (2.5, TypeError)])
def test_generators_refuse_a_size_that_is_no_positive_int(make, name, value, error):
    """The error names the parameter."""
    with pytest.raises(error, match=name):
        make(value)
