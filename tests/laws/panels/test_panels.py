"""Transformers of many series: each series as if it stood alone, for panels of every shape.

The oracle is a loop over series in pandas, each on the one time axis of the table.
"""

import copy
import pickle

import numpy as np
import pandas as pd
from estimators import TRANSFORMERS as COMMON
from estimators import WAYS, quietly
from hypothesis import assume
from hypothesis import strategies as st
from panels import alone, law, loop, panels, rows_of, series_of
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from states import assert_same

from sklstm import Differencer, LagWindower, SeriesMinMaxScaler, series_to_supervised

#: These learn something of each series.
PER_SERIES = {
    "each scaled": SeriesMinMaxScaler((-1, 1), per_series=True),
    "differences, each scaled": make_pipeline(Differencer(2), SeriesMinMaxScaler(per_series=True)),
}
TRANSFORMERS = {**COMMON, **PER_SERIES}
N_TRAIN = st.integers(10, 13)
NAMES = st.sampled_from(list(TRANSFORMERS))
#: Those that place rows by their labels, and need no range of a series that begins later.
PLACED = st.sampled_from([n for n in COMMON if "continue" not in n and "without" not in n])
#: Those whose output does not depend on the values that other series have in `fit`.
APART = st.sampled_from([*(name for name in COMMON if "scaled" not in name), *PER_SERIES])


def values(output):
    """Return an output as an array."""
    return np.asarray(output, dtype=float)


def steps_before(table, parts, n_steps):
    """Return each row and those before it, oldest first, of shape (n_rows, n_steps, n_columns)."""
    groups = table.groupby(parts)
    return np.stack([groups.shift(step) for step in range(n_steps - 1, -1, -1)], axis=1)


@law(12, panel=panels(), fold=st.integers(1, 3), n_steps=st.integers(1, 5))
def test_windows_are_those_of_each_series(panel, fold, n_steps):
    """A window holds rows of its own series without a break, folded or side by side, too."""
    window = fold * n_steps
    if len(panel) < window:
        return
    expected = loop(panel, lambda table, parts: steps_before(table, parts, window))
    found = LagWindower(window).fit_transform(panel)
    np.testing.assert_array_equal(found, expected)
    assert found.index.equals(panel.index)
    flat = LagWindower(window, flatten=True).fit_transform(panel)
    np.testing.assert_array_equal(flat, expected.reshape(len(panel), -1))
    assert flat.index.equals(panel.index)
    lost = np.isnan(expected).all(axis=2).reshape(len(panel), n_steps, fold).any(axis=2)
    folded = expected.reshape(len(panel), n_steps, -1)
    folded[lost] = np.nan
    np.testing.assert_array_equal(LagWindower(window, fold=fold).fit_transform(panel), folded)


@law(12, panel=panels(least=8), interval=st.sampled_from([1, 2, [1, 3], [2, 1, 2]]))
def test_differences_are_those_of_each_series(panel, interval):
    """A row less one of its own series, without a break between; and the way back."""

    def differences(table, parts):
        for steps in np.atleast_1d(interval):
            table = table.groupby(parts).diff(steps)
        return table

    differencer = Differencer(interval).fit(panel)
    found = differencer.transform(panel)
    np.testing.assert_array_equal(found, loop(panel, differences))
    assert found.index.equals(panel.index)
    back = differencer.inverse_transform(found)
    np.testing.assert_allclose(back, panel, rtol=0, atol=1e-9)
    seen = differencer.inverse_transform(found, observed=panel)
    np.testing.assert_allclose(seen, panel.where(found.notna()), rtol=0, atol=1e-9)


@law(6, panel=panels(least=14), interval=st.integers(1, 3), n_train=N_TRAIN)
def test_forecasts_of_differences_run_on_in_each_series(panel, interval, n_train):
    """Whatever the differences are, each restored row is the base of the next of its series."""
    train, later = split(panel, n_train)
    differencer = Differencer(interval).fit(train)
    added = pd.DataFrame(1.0, later.index, later.columns)
    found = pd.DataFrame(values(quietly(differencer.inverse_transform, added)), later.index)
    both = pd.concat([train, added])

    def run_on(table, is_new, parts):
        table, is_new = table.to_numpy(copy=True), is_new.to_numpy()[:, 0] == 1
        for row in np.flatnonzero(is_new):
            known = row >= interval and parts[row - interval] == parts[row]
            # A break before a training row or a later one ends what is known.
            table[row] += table[row - interval] if known else np.nan
        return table

    is_new = pd.DataFrame(np.append(np.zeros(len(train)), np.ones(len(later))), both.index)
    expected = loop(both, run_on, is_new)[len(train) :]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@law(
    10,
    panel=panels(least=6),
    horizon=st.integers(1, 4),
    keep_last=st.booleans(),
    target=st.sampled_from([None, 0, "u"]),
)
def test_pairs_are_those_of_each_series(panel, horizon, keep_last, target):
    """Rows are paired with the ones before and after in their series, in the order of the table."""
    X, y = quietly(series_to_supervised, panel, horizon=horizon, keep_last=keep_last, target=target)
    targets = panel if target is None else panel[["u"]]
    pairs = []
    for name, table in series_of(panel).items():
        goal = targets.iloc[rows_of(panel)[name]]
        steps = [goal.shift(-step).add_suffix(f"_step{step + 1}") for step in range(horizon)]
        known = np.arange(len(table)) >= 1
        if not keep_last:  # Steps whose targets are NaN up to the end are still to come.
            observed = np.append(-1, np.flatnonzero(goal.notna().any(axis=1)))[-1] + 1
            known &= np.arange(len(table)) < observed - horizon + 1
        pairs.append(pd.concat([table.shift(1).add_suffix("_lag1"), *steps], axis=1)[known])
    expected = pd.concat(pairs)
    expected = expected.loc[panel.index[panel.index.isin(expected.index)]]
    found = pd.concat([X, pd.DataFrame(y)], axis=1)
    np.testing.assert_array_equal(found, expected)
    assert found.index.equals(expected.index)
    if horizon > 1:
        assert list(found.columns) == list(expected.columns)


@law(18, panel=panels(least=14, most_series=1), name=NAMES, n_train=N_TRAIN)
def test_a_panel_of_one_series_is_that_series(panel, name, n_train):
    """Training rows and later ones come out bit by bit as those of the series alone, and back."""
    one = alone(panel)
    together, apart = clone(TRANSFORMERS[name]), clone(TRANSFORMERS[name])
    assert_same(values(together.fit_transform(panel)), values(apart.fit_transform(one)))
    together.fit(panel.iloc[:n_train])
    apart.fit(one.iloc[:n_train])
    for rows in (slice(None), slice(n_train, None), slice(n_train - 2, None)):
        ours, theirs = (
            quietly(way.transform, table.iloc[rows])
            for way, table in ((together, panel), (apart, one))
        )
        assert_same(values(ours), values(theirs))
        if name in {*WAYS, *PER_SERIES}:
            ours, theirs = (
                quietly(way.inverse_transform, out)
                for way, out in ((together, ours), (apart, theirs))
            )
            assert_same(values(ours), values(theirs))


@law(8, panel=panels(least=14), name=NAMES, seed=st.integers(0, 99))
def test_the_order_of_the_levels_of_an_index_does_not_matter(panel, name, seed):
    """The same table, made another way, is the same, also the training table again."""
    random, index = np.random.default_rng(seed), panel.index
    for level in range(1, index.nlevels):
        labels = index.levels[level]
        order = random.permutation(len(labels))
        index = index.set_levels(labels.astype(object)[order], level=level)
        index = index.set_codes(np.argsort(order)[panel.index.codes[level]], level=level)
    transformer = clone(TRANSFORMERS[name]).fit(panel)
    found = transformer.transform(panel.set_axis(index))
    np.testing.assert_array_equal(found, values(transformer.transform(panel)))


def split(panel, n_steps):
    """Return the rows of the first time steps, and those of the others."""
    times = panel.index.get_level_values(0)
    is_early = times <= times.unique()[n_steps - 1]
    return panel[is_early], panel[~is_early]


def renamed(panel, random):
    """Return the table with other names of its series, in another order within each time step."""
    codes = panel.groupby(level=panel.index.names[1:], observed=True, sort=False).ngroup()
    others = random.permutation(codes.max() + 1)
    times = panel.index.get_level_values(0)
    order = np.lexsort([random.random(len(panel)), panel.index.codes[0]])
    index = pd.MultiIndex.from_arrays([times, others[codes]], names=[panel.index.names[0], "new"])
    return panel.set_axis(index).iloc[order], order


@law(20, panel=panels(least=14), name=NAMES, seed=st.integers(0, 99), n_train=N_TRAIN)
def test_neither_names_nor_their_order_matter(panel, name, seed, n_train):
    """The rows of a series come out alike, whatever it is called and wherever it stands."""
    other, order = renamed(panel, np.random.default_rng(seed))
    ours, theirs = (clone(TRANSFORMERS[name]).fit(split(t, n_train)[0]) for t in (panel, other))
    n_first = len(split(panel, n_train)[0])
    for rows in (slice(0, n_first), slice(n_first, None)):
        found = values(quietly(ours.transform, panel[rows]))
        expected = values(quietly(theirs.transform, other[rows]))
        np.testing.assert_array_equal(found[order[rows] - rows.start], expected)


@law(15, panel=panels(least=14), name=PLACED, n_train=N_TRAIN, data=st.data())
def test_no_output_depends_on_a_later_row(panel, name, n_train, data):
    """Whatever the rows after a time become, and whether they are there, earlier outputs stay."""
    transformer = clone(TRANSFORMERS[name]).fit(split(panel, n_train)[0])
    whole = values(quietly(transformer.transform, panel))
    n_times = panel.index.get_level_values(0).nunique()
    first, later = split(panel, data.draw(st.integers(1, n_times), label="steps"))
    garbage = data.draw(st.sampled_from([np.nan, 1e30, 0.0]), label="garbage")
    other = panel.copy()
    other[other.index.isin(later.index)] = garbage
    for table in (other, first):
        ours = values(quietly(transformer.transform, table))
        np.testing.assert_array_equal(ours[: len(first)], whole[: len(first)])


@law(20, panel=panels(least=14), name=APART, data=st.data())
def test_no_series_is_in_the_output_of_another(panel, name, data):
    """What the values of a series are changes nothing in the rows of the others."""
    transformer = TRANSFORMERS[name]
    whole = values(clone(transformer).fit_transform(panel))
    rows = rows_of(panel)
    one = rows[data.draw(st.sampled_from(list(rows)), label="one")]
    others = np.setdiff1d(np.arange(len(panel)), one)
    other = panel.copy()
    other.iloc[one] = 1e30
    ours = values(clone(transformer).fit_transform(other))
    np.testing.assert_array_equal(ours[others], whole[others])


@law(15, panel=panels(least=14, tails=False), name=PLACED, n_train=N_TRAIN, data=st.data())
def test_later_rows_of_some_series_come_out_as_in_the_whole(panel, name, n_train, data):
    """A fit on a part, then later rows of some series: alike, whichever other rows are given."""
    train, later = split(panel, n_train)
    transformer = clone(TRANSFORMERS[name]).fit(train)
    whole = pd.Series(range(len(panel)), panel.index)
    expected = values(quietly(transformer.transform, panel))
    rows = rows_of(later)
    some = data.draw(st.lists(st.sampled_from(list(rows)), min_size=1, unique=True), label="some")
    chosen = later.iloc[np.sort(np.concatenate([rows[one] for one in some]))]
    ours = values(quietly(transformer.transform, chosen))
    np.testing.assert_allclose(
        ours, expected[whole[chosen.index].to_numpy()], rtol=1e-12, atol=1e-12
    )


@law(12, panel=panels(least=20), name=PLACED, n_train=N_TRAIN, data=st.data())
def test_pieces_that_reach_back_come_out_as_the_whole(panel, name, n_train, data):
    """A later piece, with as many rows of each series as are looked back on, comes out alike."""
    train, later = split(panel, n_train)
    transformer = clone(TRANSFORMERS[name]).fit(train)
    whole = values(quietly(transformer.transform, later))
    n_steps = later.index.get_level_values(0).nunique()
    first, second = split(later, data.draw(st.integers(1, n_steps), label="steps"))
    reach = 7 if "in windows" in name else 5
    before = first.groupby(level=first.index.names[1:], observed=True).tail(reach)
    found = [values(quietly(transformer.transform, first))]
    if len(second):
        piece = pd.concat([before, second])
        found.append(values(quietly(transformer.transform, piece))[len(before) :])
    np.testing.assert_allclose(np.concatenate(found), whole, rtol=1e-12, atol=1e-12)


@law(8, panel=panels(least=14), name=NAMES, n_train=N_TRAIN)
def test_copies_do_the_same(panel, name, n_train):
    """fit_transform, fit and transform, a clone, a copy and a pickle give the same."""
    train, later = split(panel, n_train)
    transformer = clone(TRANSFORMERS[name])
    together = transformer.fit_transform(train)
    apart = clone(transformer).fit(train)
    assert_same(together, apart.transform(train))
    assert_same(apart, transformer)
    expected = quietly(transformer.transform, later)
    for other in (apart, copy.deepcopy(transformer), pickle.loads(pickle.dumps(transformer))):
        assert_same(quietly(other.transform, later), expected)


@law(15, panel=panels(least=14), name=APART, data=st.data())
def test_an_unseen_series_is_transformed_from_its_own_rows(panel, name, data):
    """A series that fit has not seen comes out as if it stood alone; nothing is known before it."""
    rows = rows_of(panel)
    unseen = rows[data.draw(st.sampled_from(list(rows)), label="unseen")]
    seen = panel.drop(panel.index[unseen])
    times = seen.index.get_level_values(0)
    # The other series have all times, so the time axis is the same without it.
    assume(times.nunique() == panel.index.get_level_values(0).nunique())
    expected = values(clone(TRANSFORMERS[name]).fit_transform(panel))[unseen]
    transformer = clone(TRANSFORMERS[name]).fit(seen)
    np.testing.assert_array_equal(
        values(quietly(transformer.transform, panel.iloc[unseen])), expected
    )
