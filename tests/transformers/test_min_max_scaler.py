"""SeriesMinMaxScaler against scikit-learn's MinMaxScaler."""

import re
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from estimators import quietly
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from panels import law, panels, rows_of
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from states import assert_same

from sklstm import (
    LagWindower,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    UnnamedSeriesWarning,
    UnseenSeriesWarning,
)

DAYS = pd.date_range("2024-01-01", periods=20, freq="D")
FINITE = st.floats(-1e6, 1e6, width=32)


@pytest.fixture
def rows():
    """Three columns of twenty rows of different size."""
    return np.random.default_rng(0).normal(size=(20, 3)) * [1, 10, 100] + [0, 50, -200]


@pytest.fixture
def frame(rows):
    """The rows as a table."""
    return pd.DataFrame(rows, index=DAYS, columns=["a", "b", "c"])


@pytest.mark.parametrize("per_series", [False, True])
def test_a_range_that_is_set_after_fit_counts_from_the_next_fit_on(frame, per_series):
    """The factor learnt for one range and the lower end of another would scale to neither."""
    index = pd.MultiIndex.from_product([DAYS[:10], ["x", "y"]])
    table = frame.set_axis(index) if per_series else frame
    scaler = SeriesMinMaxScaler((0, 2), clip=True, per_series=per_series).fit(table[:10])
    low, high = table[:10], table[:10]
    if per_series:
        low, high = low.groupby(level=1), high.groupby(level=1)
    low, high = low.min(), high.max()
    by = {"level": 1} if per_series else {}
    expected = (2 * table.sub(low, **by).div(high - low, **by)).clip(0, 2)
    scaler.set_params(feature_range=(-1, 1))
    np.testing.assert_allclose(scaler.transform(table), expected, atol=1e-12)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(table[:10])), table[:10])


@given(
    rows=hnp.arrays(float, st.tuples(st.integers(1, 9), st.integers(1, 3)), elements=FINITE),
    low=st.integers(-3, 0),
    clip=st.booleans(),
)
def test_rows_are_scaled_as_by_scikit_learn(rows, low, clip):
    """Training rows and rows beyond their range come out as from MinMaxScaler."""
    ours = SeriesMinMaxScaler((low, 1), clip=clip).fit(rows)
    theirs = MinMaxScaler((low, 1), clip=clip).fit(rows)
    for values in (rows, 2 * rows + 1):
        np.testing.assert_allclose(ours.transform(values), theirs.transform(values), atol=1e-7)
    for name in ("min_", "scale_", "data_min_", "data_max_", "data_range_"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_nan_passes_through(rows):
    """NaN is left out of the range and stays where it is."""
    rows[:4, 1] = np.nan
    np.testing.assert_allclose(
        SeriesMinMaxScaler().fit_transform(rows), MinMaxScaler().fit_transform(rows)
    )


def test_windows_are_scaled_by_their_last_axis(rows):
    """Each column of a window is scaled as the column of the rows, and comes back."""
    windows = np.stack([rows[:18], rows[1:19], rows[2:]], axis=1)
    scaler = SeriesMinMaxScaler().fit(rows)
    scaled = scaler.transform(windows)
    expected = MinMaxScaler().fit(rows).transform(windows.reshape(-1, 3)).reshape(windows.shape)
    np.testing.assert_allclose(scaled, expected)
    np.testing.assert_allclose(scaler.inverse_transform(scaled), windows)


def test_a_fit_on_windows_learns_the_range_of_all_their_steps(rows):
    """A column's range is taken over all rows and steps of the windows."""
    windows = np.stack([rows[:19], rows[1:]], axis=1)
    scaler = SeriesMinMaxScaler().fit(windows)
    np.testing.assert_array_equal(scaler.data_max_, rows.max(axis=0))
    assert scaler.n_features_in_ == 3


@pytest.mark.parametrize(
    ("target", "columns", "shape", "held"),
    [
        # One column, one step or many.
        *[
            (None, columns, shape, 2)
            for columns in (2, "c", [2], ["c"], np.array([2]))
            for shape in [(5,), (5, 1), (5, 4), (5, 4, 1)]
        ],
        # Columns in the order in which they are named.
        (None, [2, 0], (5, 2), [2, 0]),
        # An array that does not hold all columns holds the target.
        *[("b", None, shape, 1) for shape in [(5,), (5, 1), (5, 4)]],
        ([0, 2], None, (5, 2), [0, 2]),
        # All columns, and those that a call names, go before the target.
        (1, None, (5, 3), [0, 1, 2]),
        (1, 0, (5,), 0),
    ],
    ids=repr,
)
def test_named_columns_come_back(frame, target, columns, shape, held):
    """Predictions of some columns need no dummy columns beside them."""
    predictions = np.random.default_rng(1).uniform(size=shape)
    scaler = SeriesMinMaxScaler(target=target).fit(frame)
    low, high = frame.min().to_numpy()[held], frame.max().to_numpy()[held]
    np.testing.assert_allclose(
        scaler.inverse_transform(predictions, columns=columns), predictions * (high - low) + low
    )


@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 4), (5, 3, 2)], ids=str)
def test_a_shape_that_fits_nothing_is_refused_with_what_would_do(rows, shape):
    """The message shows the shape, those that would do, and how to name columns."""
    message = (
        rf"Y has shape \({shape[0]},.*expected \(n_rows, 3\) or \(n_rows, n_steps, 3\).*columns="
    )
    with pytest.raises(ValueError, match=message):
        SeriesMinMaxScaler().fit(rows).inverse_transform(np.ones(shape))


def test_labels_and_names_stay(frame):
    """A table comes out as a table, there and back."""
    scaler = SeriesMinMaxScaler().fit(frame)
    scaled = scaler.transform(frame)
    assert scaled.index.equals(frame.index)
    pd.testing.assert_frame_equal(scaler.inverse_transform(scaled), frame)


def test_a_series_of_predictions_keeps_labels_and_name(frame):
    """A pandas Series comes back as one."""
    predictions = pd.Series(np.ones(3), index=DAYS[:3], name="forecast")
    restored = SeriesMinMaxScaler(target="a").fit(frame).inverse_transform(predictions)
    pd.testing.assert_series_equal(
        restored, pd.Series(frame["a"].max(), index=DAYS[:3], name="forecast"), check_freq=False
    )


#: What is fitted as target, what a call names, the columns of a table, and those that they are.
HELD = {
    "steps of the target": ("a", None, ["a_step1", "a_step2"], "aa"),
    "steps of the target, as many as columns": (
        "b",
        None,
        ["b_step1", "b_step2", "b_step3"],
        "bbb",
    ),
    "target in another order": (["c", "b", "a"], None, ["c", "b", "a"], "cba"),
    "named in another order": ("a", ["c", "a", "b"], ["c", "a", "b"], "cab"),
    "first step": ("c", None, ["c_step1"], "c"),
    "names of its own": (["c", "a"], None, ["c", "prediction"], "ca"),
    "other names": ("b", None, ["p", "q", "r"], "abc"),
    "a number": ("b", None, [0], "b"),
    "numbers": (["c", "a"], None, [0, 1], "ca"),
    "all columns": ("b", None, ["a", "b", "c"], "abc"),
}


@pytest.mark.parametrize("name", HELD)
def test_columns_that_a_table_names_get_their_own_range(frame, name):
    """The names decide between the target and all columns; names of the user's own say nothing."""
    target, columns, names, held = HELD[name]
    predictions = np.random.default_rng(2).uniform(size=(4, len(names)))
    scaler = SeriesMinMaxScaler(target=target).fit(frame)
    low, high = frame.min()[list(held)].to_numpy(), frame.max()[list(held)].to_numpy()
    expected = predictions * (high - low) + low
    found = scaler.inverse_transform(pd.DataFrame(predictions, columns=names), columns)
    np.testing.assert_allclose(found, expected)
    if len(names) == 1:
        one = pd.Series(predictions.ravel(), name=names[0])
        np.testing.assert_allclose(scaler.inverse_transform(one, columns), expected.ravel())


#: What is fitted as target, what a call names, and the columns of a table that say otherwise.
MISTAKEN = {
    "not the target": ("a", None, ["b"]),
    "step of another column": ("a", None, ["b_step2"]),
    "steps of two columns": ("a", None, ["a_step1", "b_step1"]),
    "targets in another order": (["a", "b"], None, ["b", "a"]),
    "one of two targets": (["a", "b"], None, ["b", "c"]),
    "not the column named": (None, "a", ["b"]),
    "columns named in another order": (None, ["b", "c"], ["c", "b"]),
    "all columns in another order": (None, None, ["b", "c", "a"]),
    "steps of no target": (None, None, ["a_step1", "a_step2", "a_step3"]),
    "beside a name of its own": (["a", "b"], None, ["prediction", "a"]),
}


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.parametrize("name", MISTAKEN)
def test_a_column_is_not_scaled_back_by_the_range_of_another(frame, name, kind):
    """The message shows the names, and what to call instead, which gives each its own range."""
    target, columns, names = MISTAKEN[name]
    scaler = SeriesMinMaxScaler(target=target).fit(frame)
    table = pd.DataFrame(np.full((4, len(names)), 0.5), columns=names)
    tables = [table, *([table[names[0]]] if len(names) == 1 else [])]
    if kind == "polars":
        frames = pytest.importorskip("polars")
        tables = [frames.DataFrame({name: table[name].to_numpy() for name in names})]
        tables += [tables[0][names[0]]] if len(names) == 1 else []
    for Y in tables:
        message = rf"Y has the column\(s\) \[{names[0]!r}.* would be scaled as '[abc]'"
        with pytest.raises(ValueError, match=message) as error:
            scaler.inverse_transform(Y, columns)
        code = re.search(r"inverse_transform\(Y, columns=(.*)\)\.$", str(error.value))
        assert (code is None) == (name == "beside a name of its own")
        if code is not None:
            held = [one[0] for one in names]
            middle = (frame.min()[held] + frame.max()[held]).to_numpy() / 2
            back = np.asarray(scaler.inverse_transform(Y, eval(code.group(1))))  # noqa: S307
            np.testing.assert_allclose(back.reshape(4, -1), np.tile(middle, (4, 1)))


def test_columns_of_polars_are_targets_by_name(frame):
    """A table of polars names its columns as one of pandas does."""
    polars = pytest.importorskip("polars")
    table = polars.DataFrame({name: frame[name].to_numpy() for name in frame})
    ours = SeriesMinMaxScaler(target="b").fit(table)
    expected = SeriesMinMaxScaler(target="b").fit(frame)
    halves = np.full((3, 2), 0.5)
    np.testing.assert_array_equal(
        ours.inverse_transform(halves), expected.inverse_transform(halves)
    )


def test_partial_fit_widens_the_range(rows):
    """Rows in two parts teach the same range as all at once."""
    parts = SeriesMinMaxScaler().partial_fit(rows[:9]).partial_fit(rows[9:])
    np.testing.assert_array_equal(parts.scale_, MinMaxScaler().fit(rows).scale_)


def test_a_constant_column_comes_back():
    """A column without a range is scaled to the lower end and restored."""
    rows = np.full((4, 1), 7.0)
    scaler = SeriesMinMaxScaler((-1, 1)).fit(rows)
    np.testing.assert_array_equal(scaler.transform(rows), np.full((4, 1), -1.0))
    np.testing.assert_array_equal(scaler.inverse_transform(scaler.transform(rows)), rows)


STORES = pd.MultiIndex.from_product([DAYS, ["north", "south", "west"]], names=["day", "store"])
WEST = np.arange(60) % 3 == 2


@pytest.fixture
def stores(rows):
    """Twenty rows of three stores, whose columns are of different size."""
    values = np.repeat(rows[:, :2], 3, axis=0) * np.tile([[1.0], [10.0], [0.1]], (20, 1))
    values += np.random.default_rng(1).normal(size=values.shape)
    return pd.DataFrame(values, STORES, ["a", "b"])


@law(15, panel=panels(least=2), low=st.integers(-3, 0), clip=st.booleans())
def test_each_series_is_scaled_by_its_own_range(panel, low, clip):
    """Training rows and other ones come out as from a MinMaxScaler of each series, and back."""
    ours = SeriesMinMaxScaler((low, 1), clip=clip, per_series=True)
    if panel.isna().all().any():
        return
    ours.fit(panel)
    for table in (panel, 2 * panel + 1):
        scaled = quietly(ours.transform, table)
        back = quietly(ours.inverse_transform, scaled)
        for rows in rows_of(panel).values():
            known = panel.iloc[rows].notna().any()
            if not known.any():
                continue
            part = [panel.iloc[rows].loc[:, known].to_numpy(), table.iloc[rows].loc[:, known]]
            theirs = MinMaxScaler((low, 1), clip=clip).fit(part[0])
            expected = theirs.transform(part[1].to_numpy())
            np.testing.assert_allclose(scaled.iloc[rows].loc[:, known], expected, atol=1e-12)
            restored = theirs.inverse_transform(expected)
            np.testing.assert_allclose(back.iloc[rows].loc[:, known], restored, atol=1e-9)
    assert scaled.index.equals(panel.index)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_windows_of_many_series_are_scaled_by_the_range_of_their_series(stores):
    """Windows know their series, and are scaled as its rows are; they come back, labels and all."""
    scaler = SeriesMinMaxScaler(per_series=True).fit(stores)
    windows = LagWindower(3).fit_transform(stores)
    scaled = scaler.transform(windows)
    np.testing.assert_allclose(scaled, LagWindower(3).fit_transform(scaler.transform(stores)))
    assert scaled.index.equals(STORES)
    np.testing.assert_allclose(scaler.inverse_transform(scaled), windows)
    of_windows = SeriesMinMaxScaler(per_series=True).fit(windows)
    np.testing.assert_array_equal(of_windows.data_max_, scaler.data_max_)


@pytest.mark.parametrize("as_table", [True, False])
def test_one_series_is_scaled_as_without_the_option(frame, as_table):
    """A table of one series, or an array, has one range; the array is told of."""
    X = frame if as_table else frame.to_numpy()
    ours, plain = SeriesMinMaxScaler(per_series=True, target=1), SeriesMinMaxScaler(target=1)
    told = pytest.warns(UnnamedSeriesWarning, match="per_series=False if they are one series")
    with nullcontext() if as_table else told:
        scaled = ours.fit_transform(X)
    assert_same(scaled, plain.fit_transform(X))
    assert ours.series_ is None
    assert_same(ours.inverse_transform(np.ones(4)), plain.inverse_transform(np.ones(4)))


@pytest.mark.parametrize(
    ("columns", "shape", "held"),
    [("b", (60,), 1), (["b"], (60, 1), 1), ("a", (60, 4), 0), (["b", "a"], (60, 2), [1, 0])],
    ids=str,
)
def test_named_columns_of_many_series_come_back(stores, columns, shape, held):
    """Predictions of some columns, or many steps of one, are inverted by their series' range."""
    predictions = np.random.default_rng(1).uniform(size=shape)
    Y = (pd.DataFrame if len(shape) > 1 else pd.Series)(predictions, STORES)
    found = SeriesMinMaxScaler(per_series=True).fit(stores).inverse_transform(Y, columns=columns)
    groups = stores.groupby("store")
    low, high = (
        part.to_numpy()[:, held] for part in (groups.transform("min"), groups.transform("max"))
    )
    if np.ndim(held) == 0 and len(shape) > 1:
        low, high = low[:, None], high[:, None]
    np.testing.assert_allclose(found, predictions * (high - low) + low)
    assert found.index.equals(STORES)


def test_partial_fit_widens_each_range_and_adds_new_series(stores):
    """Rows in parts, some with series that were not there before, teach the same ranges."""
    parts = SeriesMinMaxScaler(per_series=True)
    for part in (stores[:30][~WEST[:30]], stores[30:50], stores[50:]):
        parts.partial_fit(part)
    whole = SeriesMinMaxScaler(per_series=True).fit(stores[(~WEST) | (np.arange(60) >= 30)])
    assert list(parts.series_) == ["north", "south", "west"]
    for name in ("scale_", "min_", "data_min_", "data_max_", "n_samples_seen_"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_an_unseen_series_is_scaled_by_its_own_rows(stores):
    """It comes out as if it were all there is, with a warning; the others come out as ever."""
    scaler = SeriesMinMaxScaler(per_series=True).fit(stores[~WEST])
    before = scaler.transform(stores[~WEST])
    with pytest.warns(UnseenSeriesWarning, match="Of series 'west', fit has seen no value"):
        scaled = scaler.transform(stores)
    pd.testing.assert_frame_equal(scaled[~WEST], before)
    expected = MinMaxScaler().fit_transform(stores[WEST].to_numpy())
    np.testing.assert_allclose(scaled[WEST], expected)
    # A table in between changes nothing.
    pd.testing.assert_frame_equal(scaler.transform(stores[~WEST]), before)


def test_what_stands_for_an_unseen_series_is_not_inverted(stores):
    """No range is made up: the message says how to give it one, and that does."""
    scaler = SeriesMinMaxScaler(per_series=True).fit(stores[~WEST])
    scaled = stores * 0 + 0.5
    with pytest.raises(ValueError, match=r"series 'west', but fit has seen no value.*partial_fit"):
        scaler.inverse_transform(scaled)
    middle = (stores[WEST].min() + stores[WEST].max()) / 2
    restored = scaler.partial_fit(stores[WEST]).inverse_transform(scaled[WEST])
    np.testing.assert_allclose(restored, np.tile(middle, (20, 1)))


def test_a_series_without_a_known_value_has_no_range(stores):
    """It does not stop the fit of the others; its NaN passes, its later values are unseen."""
    stores[WEST] = stores[WEST].assign(b=np.nan)
    scaler = SeriesMinMaxScaler(per_series=True).fit(stores)
    scaled = scaler.transform(stores)
    np.testing.assert_array_equal(scaled.isna(), stores.isna())
    pd.testing.assert_frame_equal(scaler.inverse_transform(scaled), stores)
    later = stores[WEST].assign(b=np.arange(20.0))
    with pytest.warns(UnseenSeriesWarning, match="'west'"):
        scaled = scaler.transform(later)
    np.testing.assert_allclose(scaled["b"], np.arange(20) / 19)
    np.testing.assert_allclose(scaled["a"], scaler.transform(stores[WEST])["a"])


def test_a_constant_series_comes_back(stores):
    """It goes to the lower end of the range, and back to its value."""
    stores[WEST] = 7.0
    scaler = SeriesMinMaxScaler((-1, 1), per_series=True).fit(stores)
    np.testing.assert_array_equal(scaler.transform(stores)[WEST], np.full((20, 2), -1.0))
    pd.testing.assert_frame_equal(scaler.inverse_transform(scaler.transform(stores)), stores)


WITHOUT_NAMES = {
    "array": lambda stores: stores.to_numpy(),
    "one series": lambda stores: stores.xs("west", level=1),
    "windows": lambda stores: np.asarray(LagWindower(2).fit_transform(stores))[3:],
}


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("name", WITHOUT_NAMES)
@pytest.mark.parametrize("method", ["transform", "inverse_transform", "partial_fit"])
def test_rows_that_do_not_name_their_series_are_refused(stores, name, method):
    """Whose range is meant would be a guess; the message says how to keep the names."""
    scaler = SeriesMinMaxScaler(per_series=True).fit(stores)
    with pytest.raises(ValueError, match=r"no labels that name its series.*pd.Series\(pred"):
        getattr(scaler, method)(WITHOUT_NAMES[name](stores))


def test_labels_lost_before_the_fit_are_refused(stores):
    """A target that names its series tells that the rows have lost theirs."""
    with pytest.raises(ValueError, match=r"names many series, but X has no labels.*set_output"):
        SeriesMinMaxScaler(per_series=True).fit(stores.to_numpy(), stores["a"])


def test_a_target_that_loses_its_labels_on_the_way_is_told_of(stores):
    """Of all series together, the range is no series' own; the way out that is named has them."""
    scaler, X, y = SeriesMinMaxScaler(per_series=True), stores[["b"]], stores["a"]
    model = TransformedTargetRegressor(DummyRegressor(), transformer=scaler)
    with pytest.warns(
        UnnamedSeriesWarning, match="use TransformedSeriesRegressor in place"
    ) as told:
        model.fit(X, y)
    assert len(told) == 1
    assert model.transformer_.data_max_.tolist() == [y.max()]
    model = TransformedSeriesRegressor(DummyRegressor(), transformer=scaler, y_lag=None).fit(X, y)
    highest = y.groupby(level=1).max()
    found = model.transformer_
    assert dict(zip(found.series_, found.data_max_[:, 0], strict=True)) == highest.to_dict()


def test_rows_that_lost_their_labels_before_are_told_of(stores):
    """With set_output, as the message says, each series has its own range, and nothing is told."""
    pipeline = make_pipeline(StandardScaler(), SeriesMinMaxScaler(per_series=True))
    with pytest.warns(UnnamedSeriesWarning, match="has no effect.*set_output"):
        pooled = pipeline.fit_transform(stores)
    assert pooled.max(axis=0).tolist() == pytest.approx([1, 1])
    found = pipeline.set_output(transform="pandas").fit_transform(stores)
    np.testing.assert_allclose(found.groupby(level=1).max(), 1)
    np.testing.assert_allclose(found.groupby(level=1).min(), 0, atol=1e-12)


def test_named_series_after_a_fit_to_one_without_a_name_are_refused(stores, frame):
    """The range of one series is not that of all others."""
    scaler = SeriesMinMaxScaler(per_series=True).fit(stores.xs("west", level=1))
    with pytest.raises(ValueError, match="names many series, but the training rows were one"):
        scaler.transform(stores)


def test_names_of_another_type_are_refused(stores):
    """A store called '1' in one file and 1 in the next would be scaled by its own rows."""
    names = {"north": 1, "south": 2, "west": 3}
    numbered = stores.rename(index=names, level=1)
    text = numbered.rename(index=str, level=1)
    with pytest.raises(ValueError, match="X names a series 1, but the training rows '1'"):
        SeriesMinMaxScaler(per_series=True).fit(text).transform(numbered)
