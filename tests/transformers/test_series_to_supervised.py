"""series_to_supervised against pandas' shift."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from sklstm import series_to_supervised
from sklstm.datasets import load_milk

MONTHS = pd.date_range("2020-01", periods=12, freq="MS", name="month")


@pytest.fixture
def table():
    """Three columns of a year."""
    values = np.arange(36.0).reshape(12, 3) ** 1.5
    return pd.DataFrame(values, index=MONTHS, columns=["sales", "price", "rain"])


@pytest.mark.parametrize("horizon", [1, 2, 5, 11])
@pytest.mark.parametrize("target", [None, ["sales"], ["price", "sales"]], ids=str)
def test_rows_are_the_table_shifted(table, target, horizon):
    """X holds all columns one step later, y each target of step 1, then those of step 2, ..."""
    X, y = series_to_supervised(table, horizon=horizon, target=target)
    rows, targets = slice(1, 13 - horizon), table if target is None else table[target]
    steps = [
        targets.shift(-step).add_suffix(f"_step{step + 1}" if horizon > 1 else "")
        for step in range(horizon)
    ]
    expected = table.shift(1).add_suffix("_lag1"), pd.concat(steps, axis=1)
    pd.testing.assert_frame_equal(X, expected[0][rows])
    pd.testing.assert_frame_equal(pd.DataFrame(y), expected[1][rows])


@pytest.mark.parametrize("name", ["milk", None])
def test_a_series_gives_a_column_and_a_series(name):
    """The column is called <name>_lag1, of an unnamed series series_lag1; y keeps the name."""
    milk = load_milk().rename(name)
    X, y = series_to_supervised(milk)
    pd.testing.assert_frame_equal(X, milk.shift(1)[1:].to_frame(f"{name or 'series'}_lag1"))
    pd.testing.assert_series_equal(y, milk[1:])


@pytest.mark.parametrize("target", ["price", ["price"], 1, [1], np.array([1])])
def test_one_target_gives_a_series(table, target):
    """A name and a position, alone or in a list, give the same one-dimensional y."""
    _, y = series_to_supervised(table, target=target)
    pd.testing.assert_series_equal(y, table["price"].iloc[1:])


def test_a_name_goes_before_a_position(table):
    """An int that is a column's name means that column."""
    numbered = table.set_axis([1, 2, 0], axis=1)
    _, y = series_to_supervised(numbered, target=1)
    pd.testing.assert_series_equal(y, numbered[1].iloc[1:])


def test_a_tuple_may_name_one_column(table):
    """A column of a MultiIndex is one target."""
    table.columns = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")])
    _, y = series_to_supervised(table, target=("a", "y"))
    np.testing.assert_array_equal(y, table["a", "y"].iloc[1:])


@pytest.mark.parametrize(
    "index", [MONTHS, MONTHS.to_period(), pd.RangeIndex(12), list("abcdefghijkl")]
)
def test_labels_are_those_of_the_time_predicted(index):
    """X and y carry the label of the first step predicted, whatever the kind of index."""
    series = pd.Series(np.arange(12.0), index=index)
    for ours in series_to_supervised(series, horizon=3):
        assert ours.index.equals(series.index[1:10])
        # The index still knows its step.
        assert getattr(ours.index, "freq", None) == getattr(series.index, "freq", None)


@given(
    n_steps=st.integers(2, 30),
    n_columns=st.integers(1, 4),
    horizon=st.integers(1, 6),
    data=st.data(),
)
def test_arrays_give_the_values_that_pandas_gives(n_steps, n_columns, horizon, data):
    """An array's X and y are those of the DataFrame with the same values."""
    horizon = min(horizon, n_steps - 1)
    target = data.draw(st.lists(st.integers(0, n_columns - 1), min_size=1, unique=True))
    array = np.random.default_rng(0).normal(size=(n_steps, n_columns))
    X, y = series_to_supervised(array, horizon=horizon, target=target)
    X_frame, y_frame = series_to_supervised(pd.DataFrame(array), horizon=horizon, target=target)
    assert type(X) is type(y) is np.ndarray
    np.testing.assert_array_equal(X, X_frame)
    np.testing.assert_array_equal(y, y_frame)


def test_what_comes_out_is_not_a_view():
    """Changing X or y does not change the series."""
    array = np.arange(5.0)
    X, y = series_to_supervised(array)
    X[:] = y[:] = -1.0
    np.testing.assert_array_equal(array, np.arange(5.0))


def test_missing_steps_are_warned_of():
    """Neighbours would be paired across the gap; the warning names it."""
    days = pd.date_range("2024-01-01", periods=30, freq="D")
    gappy = pd.Series(np.arange(30.0), index=days).drop(days[10:13])
    with pytest.warns(UserWarning, match=r"lacks 3 steps.*2024-01-10.*2024-01-14"):
        X, y = series_to_supervised(gappy)
    assert len(X) == len(y) == 26


@pytest.mark.parametrize(
    "labels",
    [pd.bdate_range("2024-01-01", periods=30), pd.Index(np.arange(30) ** 2), list("abcdef") * 5],
    ids=["business days", "no regular step", "text"],
)
def test_irregular_labels_have_no_missing_steps(labels):
    """Week-ends between business days, and labels without a regular step, are no gaps."""
    X, _ = series_to_supervised(pd.Series(np.arange(30.0), index=labels))
    assert len(X) == 29


@pytest.mark.parametrize(
    ("series", "horizon", "expected_X", "expected_y"),
    [
        ([0.0, 1.0, 2.0], 1, [[0.0], [1.0]], [1.0, 2.0]),
        ([0.0, np.nan, 2.0], 1, [[0.0], [np.nan]], [np.nan, 2.0]),
        ([0.0, 1.0, 2.0, 3.0], 3, [[0.0]], [[1.0, 2.0, 3.0]]),
        (np.array([0.0, 1.0, 2.0], dtype=object), 1, [[0.0], [1.0]], [1.0, 2.0]),
        (np.array([0, 1], dtype="float32"), 1, np.float32([[0]]), np.float32([1])),
        (np.array([0, 1]), 1, np.array([[0]]), np.array([1])),
    ],
    ids=["one dimension", "not known", "shortest", "objects", "float32", "int"],
)
def test_an_array_of_one_dimension_gives_one_column(series, horizon, expected_X, expected_y):
    """Numbers stay of the kind that they are; horizon + 1 of them are enough."""
    for ours, expected in zip(
        series_to_supervised(series, horizon=horizon), (expected_X, expected_y), strict=True
    ):
        np.testing.assert_array_equal(ours, expected)
        assert ours.dtype == np.asarray(expected).dtype


ONE = np.arange(9.0)
#: Series whose column "word" does not hold numbers.
WORDS = [
    pd.DataFrame({"number": [1.0, 2.0], "word": ["a", "b"]}),
    pd.Series(MONTHS, name="word"),
    pd.Series(list("aba"), name="word", dtype="category"),
    *[pd.Series(values, name="word") for values in (["a", "b"], ["1", "2"], [1j, 2j])],
]
DATES = pd.DataFrame({"day": MONTHS, "load": 1.0})


@pytest.mark.parametrize(
    ("series", "horizon", "error", "message"),
    [
        *[(one, 1, ValueError, "numbers.*column 'word'|olumn 'word' of series") for one in WORDS],
        *[
            (np.zeros(n), 3, ValueError, f"{n} rows, but horizon=3 needs at least 4")
            for n in (0, 3)
        ],
        *[(ONE, horizon, ValueError, "horizon") for horizon in (0, -1)],
        *[(ONE, horizon, TypeError, "horizon") for horizon in (1.0, "2")],
        *[(np.zeros(s), 1, ValueError, "one or two dimens") for s in ((), (2, 3, 4))],
        (np.empty((5, 0)), 1, ValueError, "at least one column"),
        (csr_array(np.eye(3)), 1, TypeError, "toarray"),
        (pd.Series([0.0, 1.0], dtype="Sparse[float64]"), 1, TypeError, "to_dense"),
        (DATES, 1, ValueError, "'day' holds dates.*set_index"),
        (DATES.set_index("day")[::-1], 1, ValueError, "newest.*2020-11.*2020-12"),
    ],
)
def test_what_cannot_be_paired_is_refused(series, horizon, error, message):
    """The error names what is wrong and what would do."""
    with pytest.raises(error, match=message):
        series_to_supervised(series, horizon=horizon)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        *[
            (target, r"names no column of series.*'sales', 'price', 'rain'")
            for target in ("snow", 3, -1, ["sales", "snow"])
        ],
        *[(target, "twice") for target in (["sales", "sales"], ["sales", 0])],
        ([], "or none"),
    ],
    ids=repr,
)
def test_a_target_that_is_no_column_is_refused(table, target, message):
    """The error names the target; no target at all is not None, which means all columns."""
    with pytest.raises(ValueError, match=message):
        series_to_supervised(table, target=target)


def test_an_ambiguous_target_is_refused(table):
    """A name that several columns have does not tell which one is meant."""
    table.columns = ["sales", "sales", "rain"]
    with pytest.raises(ValueError, match=r"series .*several columns called 'sales'"):
        series_to_supervised(table, target="sales")


@pytest.mark.parametrize("horizon", [1, 2, 5, 11])
@pytest.mark.parametrize("target", [["sales"], ["price", "sales"]], ids=str)
def test_the_last_steps_are_kept_with_what_is_known(table, target, horizon):
    """With keep_last, rows go on to the end of the series; targets after it are NaN."""
    X, y = series_to_supervised(table, horizon=horizon, target=target, keep_last=True)
    pd.testing.assert_frame_equal(X, table.shift(1).add_suffix("_lag1")[1:])
    steps = [table[target].shift(-step)[1:] for step in range(horizon)]
    np.testing.assert_array_equal(pd.DataFrame(y), pd.concat(steps, axis=1))
    for ours, whole in zip(
        series_to_supervised(table, horizon=horizon, target=target), (X, y), strict=True
    ):
        np.testing.assert_array_equal(ours, whole[: 12 - horizon])


@pytest.mark.parametrize(
    ("recipe", "n_in", "n_out"), [((3,), 3, 1), ((3, 2), 3, 2), ((3, 1, True), 3, 1)]
)
def test_the_recipe_of_the_same_name_is_translated(table, recipe, n_in, n_out):
    """The positions of the recipe that everyone copies mean something else, so they are refused."""
    said = rf"horizon={n_out}\) and put LagWindower\({n_in}\)"
    with pytest.raises(TypeError, match=said):
        series_to_supervised(table, *recipe)


def shifted(table, target, future, horizon):
    """Make X and y of a table by pandas, to its last row."""
    X = table[[name for name in table if name not in future]].shift(1).add_suffix("_lag1")
    steps = range(1, horizon + 1)
    for step in steps:
        for name in future:
            X[name if step == 1 else f"{name}_step{step}"] = table[name].shift(1 - step)
    targets = {
        f"{n}_step{s}" if horizon > 1 else n: table[n].shift(1 - s) for s in steps for n in target
    }
    return X[1:], pd.DataFrame(targets)[1:]


@pytest.mark.parametrize("n_to_come", [0, 1, 4])
@pytest.mark.parametrize("horizon", [1, 2, 5])
@pytest.mark.parametrize("future", [["rain"], ["rain", "price"]], ids=str)
@pytest.mark.parametrize("kind", ["table", "array", "panel"])
def test_future_inputs_stand_at_the_steps_that_are_predicted(
    table, kind, future, horizon, n_to_come
):
    """They are not shifted; steps to come at the end of the table are kept or left out."""
    target = [name for name in ("sales", "price") if name not in future]
    table.iloc[12 - n_to_come :, table.columns.get_indexer(target)] = np.nan
    X, y = shifted(table, target, future, horizon)
    given = table
    if kind == "array":
        given, future, target = (
            table.to_numpy(),
            [list(table).index(n) for n in future],
            [list(table).index(n) for n in target],
        )
    elif kind == "panel":
        both = {"a": table, "b": table[5:]}
        given = pd.concat(both, names=["shop"]).swaplevel().sort_index()
        parts = [shifted(one, target, future, horizon) for one in both.values()]
        X, y = (
            pd.concat(dict(zip("ab", part, strict=True)), names=["shop"]).swaplevel().sort_index()
            for part in zip(*parts, strict=True)
        )
    is_known = np.arange(1, 12) + horizon <= 12 - n_to_come
    for keep_last in (True, False):
        found = series_to_supervised(
            given, horizon=horizon, target=target, future_inputs=future, keep_last=keep_last
        )
        kept = pd.Index(MONTHS[1:][is_known | keep_last])
        for ours, expected in zip(found, (X, y), strict=True):
            expected = expected[expected.index.get_level_values(0).isin(kept)]
            np.testing.assert_array_equal(pd.DataFrame(ours), expected)
            if kind != "array":
                assert list(pd.DataFrame(ours)) == list(expected)
                assert ours.index.equals(expected.index)


def test_without_a_target_all_columns_but_the_future_inputs_are_predicted(table):
    """A column that is known ahead needs no prediction."""
    _, y = series_to_supervised(table, future_inputs="rain")
    pd.testing.assert_frame_equal(y, table[["sales", "price"]][1:])


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (None, {"target": "rain", "future_inputs": "rain"}, r"'rain'.*not known ahead.*Name only"),
        (None, {"future_inputs": ["sales", "price", "rain"]}, "not known ahead"),
        (None, {"future_inputs": "snow"}, r"future_inputs='snow' names no column of series"),
        (["a", "a_lag1", "b"], {"future_inputs": "a_lag1"}, r"future_inputs.*called 'a_lag1'"),
    ],
    ids=["a target", "all", "no column", "two of one name"],
)
def test_columns_that_are_not_known_ahead_are_refused(table, names, options, message):
    """The error names them, and what to name instead."""
    with pytest.raises(ValueError, match=message):
        series_to_supervised(table.set_axis(names or list(table), axis=1), **options)
