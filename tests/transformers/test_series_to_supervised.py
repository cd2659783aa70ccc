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


def test_x_is_the_series_shifted_by_one():
    """Row t of X holds the value of row t - 1, in a column called <name>_lag1."""
    milk = load_milk()
    X, _ = series_to_supervised(milk)
    expected = milk.shift(1).iloc[1:].to_frame("milk_lag1")
    pd.testing.assert_frame_equal(X, expected)


def test_y_is_the_series_itself_less_its_first_row():
    """Each target keeps its own label, and the series its name."""
    milk = load_milk()
    _, y = series_to_supervised(milk)
    pd.testing.assert_series_equal(y, milk.iloc[1:])


@pytest.mark.parametrize("horizon", [2, 5, 11])
def test_y_is_the_series_shifted_by_each_step(table, horizon):
    """Column <name>_step<h> of y is the series h - 1 rows later, the incomplete rows left out."""
    sales = table["sales"]
    X, y = series_to_supervised(sales, horizon=horizon)
    expected = pd.DataFrame({f"sales_step{h + 1}": sales.shift(-h) for h in range(horizon)})
    expected = expected.iloc[1:].dropna()
    pd.testing.assert_frame_equal(y, expected, check_freq=False)
    assert X.index.equals(y.index)


def test_x_of_a_table_holds_all_columns(table):
    """Every column of a DataFrame is known one step later, targets or not."""
    X, _ = series_to_supervised(table, target="sales")
    pd.testing.assert_frame_equal(X, table.shift(1).iloc[1:].add_suffix("_lag1"))


def test_all_columns_are_targets_by_default(table):
    """Without a target, y is the whole table, its names kept."""
    _, y = series_to_supervised(table)
    pd.testing.assert_frame_equal(y, table.iloc[1:])


def test_several_targets_and_steps_go_step_by_step(table):
    """All targets of step 1 stand before all of step 2."""
    _, y = series_to_supervised(table, horizon=2, target=["price", "sales"])
    assert y.columns.tolist() == ["price_step1", "sales_step1", "price_step2", "sales_step2"]
    np.testing.assert_array_equal(y["sales_step2"], table["sales"].iloc[2:])


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


def test_an_unnamed_series_is_called_series():
    """The columns of an unnamed Series have a name, its y has none."""
    X, y = series_to_supervised(pd.Series([1.0, 2.0, 3.0]))
    assert X.columns.tolist() == ["series_lag1"]
    assert y.name is None


@pytest.mark.parametrize(
    "index", [MONTHS, MONTHS.to_period(), pd.RangeIndex(12), list("abcdefghijkl")]
)
def test_labels_are_those_of_the_time_predicted(index):
    """X and y carry the label of the first step predicted, whatever the kind of index."""
    series = pd.Series(np.arange(12.0), index=index)
    X, y = series_to_supervised(series, horizon=3)
    assert X.index.equals(series.index[1:10])
    assert y.index.equals(series.index[1:10])


def test_a_regular_index_keeps_its_frequency():
    """The index of X and y still knows its step."""
    X, y = series_to_supervised(load_milk(), horizon=12)
    assert X.index.freqstr == y.index.freqstr == "MS"


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
    X, y = series_to_supervised(array, horizon, target)
    X_frame, y_frame = series_to_supervised(pd.DataFrame(array), horizon, target)
    assert type(X) is type(y) is np.ndarray
    np.testing.assert_array_equal(X, X_frame)
    np.testing.assert_array_equal(y, y_frame)


def test_an_array_of_one_dimension_gives_one_column():
    """X of a 1-D array has two dimensions, y one."""
    X, y = series_to_supervised(np.arange(5.0))
    np.testing.assert_array_equal(X, [[0.0], [1.0], [2.0], [3.0]])
    np.testing.assert_array_equal(y, [1.0, 2.0, 3.0, 4.0])


def test_what_comes_out_is_not_a_view():
    """Changing X or y does not change the series."""
    array = np.arange(5.0)
    X, y = series_to_supervised(array)
    X[:] = y[:] = -1.0
    np.testing.assert_array_equal(array, np.arange(5.0))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_dtype_is_kept(dtype):
    """Numbers stay of the kind that they are."""
    X, y = series_to_supervised(np.arange(5, dtype=dtype))
    assert X.dtype == y.dtype == dtype


def test_nan_is_let_through():
    """A value that is not known stays NaN, in X and in y, and takes no row away."""
    X, y = series_to_supervised(np.array([1.0, np.nan, 3.0]))
    np.testing.assert_array_equal(X, [[1.0], [np.nan]])
    np.testing.assert_array_equal(y, [np.nan, 3.0])


def test_the_shortest_series_gives_one_row():
    """A series of horizon + 1 rows is enough."""
    X, y = series_to_supervised(np.arange(4.0), horizon=3)
    assert X.shape == (1, 1)
    np.testing.assert_array_equal(y, [[1.0, 2.0, 3.0]])


def test_a_numpy_int_is_an_int():
    """A horizon that comes out of an array works, however short its integers are."""
    _, y = series_to_supervised(np.arange(200.0), horizon=np.int8(127))
    assert y.shape == (73, 127)


def test_numbers_in_an_object_column_are_numbers():
    """An object array of floats is taken as floats."""
    X, _ = series_to_supervised(np.array([1.0, 2.0, 3.0], dtype=object))
    assert X.dtype == np.float64


@pytest.mark.parametrize("n_steps", [0, 1, 3])
def test_a_short_series_is_refused(n_steps):
    """The error tells the rows, the horizon and the fewest rows that would do."""
    with pytest.raises(ValueError, match=rf"{n_steps} rows, but horizon=3 needs at least 4"):
        series_to_supervised(np.zeros(n_steps), horizon=3)


@pytest.mark.parametrize(
    ("horizon", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), ("2", TypeError)]
)
def test_a_horizon_that_is_no_positive_int_is_refused(horizon, error):
    """The error names the parameter."""
    with pytest.raises(error, match="horizon"):
        series_to_supervised(np.arange(9.0), horizon=horizon)


@pytest.mark.parametrize("target", ["snow", 3, -1, ["sales", "snow"], 1.5])
def test_an_unknown_target_is_refused(table, target):
    """The error names the target and the columns that there are."""
    with pytest.raises(ValueError, match=r"not a column of series.*'sales', 'price', 'rain'"):
        series_to_supervised(table, target=target)


@pytest.mark.parametrize("target", [["sales", "sales"], ["sales", 0]])
def test_a_target_named_twice_is_refused(table, target):
    """A column cannot be predicted twice."""
    with pytest.raises(ValueError, match="twice"):
        series_to_supervised(table, target=target)


def test_an_empty_list_of_targets_is_refused(table):
    """No target means nothing to predict, which None does not mean."""
    with pytest.raises(ValueError, match="names no column"):
        series_to_supervised(table, target=[])


def test_an_ambiguous_target_is_refused(table):
    """A name that several columns have does not tell which one."""
    table.columns = ["sales", "sales", "rain"]
    with pytest.raises(ValueError, match="ambiguous"):
        series_to_supervised(table, target="sales")


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(["a", "b", "c"], name="word"),
        pd.Series(["1", "2", "3"], name="word"),
        pd.DataFrame({"number": [1.0, 2.0, 3.0], "word": ["a", "b", "c"]}),
        pd.Series(MONTHS, name="word"),
        pd.Series([1j, 2j, 3j], name="word"),
        pd.Series(list("aba"), name="word", dtype="category"),
    ],
    ids=["text", "digits", "column", "dates", "complex", "category"],
)
def test_what_is_no_number_is_refused(series):
    """The error names the column and its dtype."""
    with pytest.raises(TypeError, match=r"Column 'word' of series has dtype .*real numbers"):
        series_to_supervised(series)


def test_a_sparse_matrix_is_refused():
    """The error tells how to make it dense."""
    with pytest.raises(TypeError, match=r"toarray"):
        series_to_supervised(csr_array(np.eye(3)))


def test_a_sparse_column_is_refused():
    """The error tells how to make it dense."""
    series = pd.Series([0.0, 0.0, 1.0], dtype="Sparse[float64]")
    with pytest.raises(TypeError, match=r"to_dense"):
        series_to_supervised(series)


@pytest.mark.parametrize("shape", [(), (2, 3, 4)])
def test_a_wrong_number_of_dimensions_is_refused(shape):
    """The error tells the shape and those that would do."""
    with pytest.raises(ValueError, match=r"shape .* one or two dimensions"):
        series_to_supervised(np.zeros(shape))


def test_a_table_without_columns_is_refused():
    """There must be something to learn from."""
    with pytest.raises(ValueError, match="no columns"):
        series_to_supervised(np.empty((5, 0)))


def test_missing_steps_are_told():
    """A regular index with a gap warns of the first missing step, as neighbours are paired."""
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
def test_no_steps_are_missing_where_none_can_be_told(labels):
    """Week-ends without prices, and labels without a step, are no gaps."""
    X, _ = series_to_supervised(pd.Series(np.arange(30.0), index=labels))
    assert len(X) == 29


def test_a_column_of_dates_is_told_where_to_go():
    """A table straight from a CSV file keeps its dates in a column."""
    table = pd.DataFrame({"day": pd.date_range("2024", periods=4), "load": [1.0, 2.0, 3.0, 4.0]})
    with pytest.raises(TypeError, match=r"set_index\('day'\)"):
        series_to_supervised(table)
