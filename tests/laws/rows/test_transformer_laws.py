"""Laws of transformers, for whatever rows, labels and types: ways back, pieces, no look-ahead."""

import numpy as np
import pandas as pd
import pytest
from estimators import SETTINGS, TRANSFORMERS, WAYS, part, quietly
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from states import assert_same

from sklstm import Differencer

N_MOST = 40

#: Labels of a series; None for an array.
INDEXES = {
    "array": None,
    "counted": pd.RangeIndex(5, 5 + 2 * N_MOST, 2),
    "days": pd.date_range("2024-01-30", periods=N_MOST, freq="D"),
    "months": pd.date_range("2020-01-01", periods=N_MOST, freq="MS"),
    "hours of a town": pd.date_range(
        "2024-03-30 12:00", periods=N_MOST, freq="h", tz="Europe/Berlin"
    ),
    "business days": pd.bdate_range("2024-01-03", periods=N_MOST),
    "periods": pd.period_range("2020-01", periods=N_MOST, freq="M"),
    "text": pd.Index([f"step {i:03}" for i in range(N_MOST)]),
    "irregular dates": pd.Timestamp("2024-01-01")
    + pd.to_timedelta(np.arange(N_MOST) ** 2, unit="D"),
    "irregular numbers": pd.Index(np.arange(N_MOST) ** 1.5),
}


@st.composite
def series(draw, dtypes=("float64", "float32", "int64", "object"), kinds=tuple(INDEXES)):
    """Draw a series: an array or a table, some of its first rows perhaps not known."""
    n_rows = draw(st.integers(16, N_MOST), label="rows")
    n_columns = draw(st.integers(1, 3), label="columns")
    walk = np.random.default_rng(draw(st.integers(0, 999), label="seed"))
    step = draw(st.sampled_from([1.0, 1e-3, 1e4]), label="step")
    values = walk.normal(0, step, (n_rows, n_columns)).cumsum(axis=0)
    if draw(st.booleans(), label="few values"):
        values = walk.integers(0, 3, (n_rows, n_columns)).astype(float)
    dtype = draw(st.sampled_from(dtypes), label="dtype")
    if dtype == "int64":
        values = np.rint(values)
    else:
        values[: draw(st.sampled_from([0, 0, 1, 3]), label="unknown rows")] = np.nan
    values = values.astype(dtype)
    kind = draw(st.sampled_from(kinds), label="labels")
    if kind == "array":
        return values
    names = draw(st.sampled_from([["a", "b", "c"], [0, 1, 2]]), label="names")
    return pd.DataFrame(values, INDEXES[kind][:n_rows], names[:n_columns])


def numbers(table):
    """Return a table as an array of float64."""
    return np.asarray(table, dtype=float)


def assert_restored(back, rows):
    """Assert that rows are what they were, but for rounding, and labelled as they were."""
    values = numbers(rows)
    is_float32 = (rows.to_numpy() if isinstance(rows, pd.DataFrame) else rows).dtype == np.float32
    close = (1e-5 if is_float32 else 1e-9) * max(1.0, np.nanmax(np.abs(values), initial=0.0))
    np.testing.assert_allclose(numbers(back), values, rtol=0, atol=close)
    if isinstance(rows, pd.DataFrame):
        pd.testing.assert_index_equal(back.index, rows.index)
        # scikit-learn gives x0, x1 and so on to columns without names.
        names = rows.columns if isinstance(rows.columns[0], str) else ["x0", "x1", "x2"]
        assert list(back.columns) == list(names[: rows.shape[1]])


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=14, **SETTINGS)
@given(X=series(), hole=st.tuples(st.integers(6, 8), st.sampled_from([0, 0, 1, 2])))
def test_the_way_back_restores_the_training_rows(name, X, hole):
    """The inverse gives the training rows back, also where rows are unknown or missing."""
    start, width = hole
    if isinstance(X, pd.DataFrame):
        X = X.drop(X.index[start : start + width])
    way = clone(WAYS[name]).fit(X)
    assert_restored(way.inverse_transform(way.transform(X)), X)


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=8, **SETTINGS)
@given(X=series(), n_train=st.integers(12, 15), n_common=st.sampled_from([0, 0, 2]))
def test_the_way_back_restores_later_rows(name, X, n_train, n_common):
    """The inverse gives rows back that follow the training rows or overlap them by label."""
    if not isinstance(X, pd.DataFrame):
        n_common = 0
    way = clone(WAYS[name]).fit(part(X, 0, n_train))
    later = part(X, n_train - n_common)
    transformed = quietly(way.transform, later)
    assert_restored(quietly(way.inverse_transform, transformed), later)


@pytest.mark.parametrize("interval", [1, 3, [1, 4]], ids=repr)
@settings(max_examples=8, **SETTINGS)
@given(X=series(), n_train=st.integers(12, 15))
def test_each_row_is_restored_from_the_observed_row_before(interval, X, n_train):
    """A row is its difference plus what was observed before, not what was restored before."""
    differencer = Differencer(interval).fit(part(X, 0, n_train))
    later = part(X, n_train)
    differences = quietly(differencer.transform, later)
    back = quietly(differencer.inverse_transform, differences, observed=later)
    assert_restored(back, later)


@pytest.mark.parametrize("name", TRANSFORMERS)
@settings(max_examples=6, **SETTINGS)
@given(X=series())
def test_fit_transform_is_fit_and_transform(name, X):
    """Both give the same values, type, labels and names, and leave the same behind."""
    together, apart = clone(TRANSFORMERS[name]), clone(TRANSFORMERS[name])
    assert_same(together.fit_transform(X), apart.fit(X).transform(X))
    assert_same(together, apart)


@pytest.mark.parametrize("name", TRANSFORMERS)
@settings(max_examples=6, **SETTINGS)
@given(X=series(dtypes=("float64",)))
def test_lists_are_arrays(name, X):
    """Rows given as lists, or as whole numbers in objects, are transformed as arrays are."""
    rows = numbers(X)
    for given_rows in (rows.tolist(), rows.astype(object)):
        ours = clone(TRANSFORMERS[name]).fit(given_rows).transform(given_rows)
        assert_same(ours, clone(TRANSFORMERS[name]).fit(rows).transform(rows))


@pytest.mark.parametrize("name", TRANSFORMERS)
@settings(max_examples=8, **SETTINGS)
@given(X=series(dtypes=("float64",)), data=st.data())
def test_no_output_depends_on_a_later_row(name, X, data):
    """Whatever the rows from t on become, and whether they are there, outputs before t stay."""
    n_train = data.draw(st.integers(12, 15), label="training rows")
    start = data.draw(st.sampled_from([0, n_train - 2, n_train]), label="start")
    if name == "windows that always continue" and start < n_train:
        start = n_train
    assume(len(X) > start + 1)
    t = data.draw(st.integers(start + 1, len(X) - 1), label="t")
    # Without labels, all rows of the training table together tell that it is the training table.
    assume(isinstance(X, pd.DataFrame) or (start, t) != (0, n_train))
    transformer = clone(TRANSFORMERS[name]).fit(part(X, 0, n_train))
    whole = quietly(transformer.transform, part(X, start))
    other = X.copy()
    garbage = data.draw(st.sampled_from([np.nan, 1e30, 0.0]), label="garbage")
    (other.iloc if isinstance(other, pd.DataFrame) else other)[t:] = garbage
    for rows in (part(other, start), part(X, start, t)):
        ours = quietly(transformer.transform, rows)
        np.testing.assert_array_equal(part(ours, 0, t - start), part(whole, 0, t - start))


@pytest.mark.parametrize("name", TRANSFORMERS)
@settings(max_examples=8, **SETTINGS)
@given(X=series(dtypes=("float64", "float32")), data=st.data())
def test_a_cut_table_that_reaches_back_is_transformed_as_the_whole(name, X, data):
    """A later piece, with as many rows before it as are looked back on, is transformed alike."""
    n_train = data.draw(st.integers(12, 14), label="training rows")
    reach = 7 if "in windows" in name else 5
    assume(len(X) > n_train + reach + 1)
    at = data.draw(st.integers(n_train + reach + 1, len(X) - 1), label="cut")
    transformer = clone(TRANSFORMERS[name]).fit(part(X, 0, n_train))
    whole = quietly(transformer.transform, part(X, n_train))
    first = quietly(transformer.transform, part(X, n_train, at))
    second = part(quietly(transformer.transform, part(X, at - reach)), reach)
    joined = np.concatenate([numbers(first), numbers(second)])
    np.testing.assert_allclose(joined, numbers(whole), rtol=1e-12, equal_nan=True)


@pytest.mark.parametrize("name", [name for name in TRANSFORMERS if "scaled" not in name])
@settings(max_examples=5, **SETTINGS)
@given(X=series(dtypes=("float64",), kinds=("array", "days", "text")), n_more=st.integers(1, 3))
def test_a_fit_on_more_rows_transforms_later_rows_alike(name, X, n_more):
    """Later rows are transformed alike, whether the rows before were learnt by fit or given."""
    early = clone(TRANSFORMERS[name]).fit(part(X, 0, 12))
    late = clone(TRANSFORMERS[name]).fit(part(X, 0, 12 + n_more))
    whole = quietly(early.transform, part(X, 12))
    ours = quietly(late.transform, part(X, 12 + n_more))
    if name == "windows without a past":
        ours, whole = part(ours, 2), part(whole, 2)
    np.testing.assert_array_equal(numbers(ours), part(numbers(whole), n_more))
