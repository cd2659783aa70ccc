"""`TimeStepSplit` against `TimeSeriesSplit` and loops over time steps."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from estimators import MILK_X, MILK_Y
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_validate

from sklstm import TimeStepSplit

SETTINGS = [
    {},
    {"n_splits": 3},
    {"n_splits": 3, "test_size": 4},
    {"n_splits": 2, "gap": 3},
    {"n_splits": 4, "test_size": 2, "gap": 1, "max_train_size": 5},
    {"n_splits": 2, "max_train_size": 1000},
]
each_setting = pytest.mark.parametrize("setting", SETTINGS, ids=str)


def panel(present, names=("time", "series")):
    """Return a table of many series with a row where `present` (n_steps, n_series) is True."""
    n_steps, n_series = np.shape(present)
    index = pd.MultiIndex.from_product(
        [
            pd.date_range("2020-01-01", periods=n_steps, freq="D"),
            [f"s{i}" for i in range(n_series)],
        ],
        names=names,
    )
    return pd.DataFrame({"x": np.arange(float(len(index)))}, index)[np.ravel(present)]


def assert_same(found, expected):
    """Assert that two sequences of splits are the same."""
    found, expected = list(found), list(expected)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for mine, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine, theirs)


ONE_SERIES = {
    "an array": (np.arange(40.0)[:, None], None),
    "windows": (np.zeros((40, 3, 2)), np.zeros(40)),
    "a sparse matrix": (csr_matrix((40, 1)), None),
    "a list": ([[float(i)] for i in range(40)], None),
    "a labelled table": (MILK_X[:40], MILK_Y[:40]),
    "a labelled target": (MILK_X[:40].to_numpy(), MILK_Y[:40]),
    "a table of many series with one": (panel(np.ones((40, 1), bool)), None),
}


@each_setting
@pytest.mark.parametrize(("X", "y"), ONE_SERIES.values(), ids=ONE_SERIES)
def test_one_series_is_split_as_scikit_learn_does(setting, X, y):
    """The rows of one series are its time steps, so nothing differs from TimeSeriesSplit."""
    assert_same(TimeStepSplit(**setting).split(X, y), TimeSeriesSplit(**setting).split(X, y))


@each_setting
def test_series_of_one_length_are_split_as_by_rows(setting):
    """With n series in each step, it is TimeSeriesSplit with n times as many rows."""
    table, n_series = panel(np.ones((24, 3), bool)), 3
    n_splits = setting.get("n_splits", 5)
    rows = {"n_splits": n_splits, "test_size": 24 // (n_splits + 1)} | setting
    rows = {name: n if name == "n_splits" else n * n_series for name, n in rows.items()}
    assert_same(TimeStepSplit(**setting).split(table), TimeSeriesSplit(**rows).split(table))


@st.composite
def unequal_panels(draw):
    """Draw which of a few series has a row in which of a few time steps."""
    n_steps, n_series = draw(st.integers(6, 20)), draw(st.integers(1, 4))
    row = st.lists(st.booleans(), min_size=n_series, max_size=n_series)
    return np.array(draw(st.lists(row, min_size=n_steps, max_size=n_steps)))


@settings(max_examples=50)
@given(unequal_panels(), st.sampled_from(SETTINGS))
def test_time_steps_are_chosen_as_by_scikit_learn_and_never_cut(present, setting):
    """The rows of a split are all rows of the distinct times that TimeSeriesSplit chooses."""
    table = panel(present)
    times = table.index.get_level_values(0)
    steps = sorted(set(times))
    try:
        chosen = list(TimeSeriesSplit(**setting).split(steps))
    except ValueError:
        with pytest.raises(ValueError, match="time steps"):
            list(TimeStepSplit(**setting).split(table))
        return
    expected = [
        [
            [row for row, time in enumerate(times) if time in {steps[i] for i in part}]
            for part in one
        ]
        for one in chosen
    ]
    assert_same(TimeStepSplit(**setting).split(table), expected)


RAGGED = panel(np.arange(20)[:, None] >= [0, 2, 9, 15])  # the series start one after another
TARGET = RAGGED["x"].rename("y")


def test_the_target_gives_the_labels_that_x_lacks():
    """An array X with a labelled y is split by the time steps of y."""
    cv = TimeStepSplit(3)
    assert_same(cv.split(RAGGED.to_numpy(), TARGET), cv.split(RAGGED))


@pytest.mark.parametrize(
    "labels",
    [
        pd.RangeIndex(20),
        pd.period_range("2020", periods=20, freq="M"),
        pd.date_range("2020", periods=20, tz="Europe/Paris"),
        pd.timedelta_range("1D", periods=20),
    ],
    ids=lambda labels: type(labels).__name__,
)
def test_any_label_that_tells_the_time_will_do(labels):
    """Numbers, periods, dates in a zone and durations give the splits of dates."""
    index = pd.MultiIndex.from_arrays(
        [labels[RAGGED.index.codes[0]], RAGGED.index.get_level_values(1)]
    )
    assert_same(TimeStepSplit(3).split(RAGGED.set_axis(index)), TimeStepSplit(3).split(RAGGED))


def test_several_levels_name_one_series():
    """All regions and stores of a time are one step, also where a table was cut before."""
    three = pd.concat({"east": RAGGED, "west": RAGGED}, names=["region"])
    three = three.reorder_levels(["time", "region", "series"]).sort_index()
    later = RAGGED.index.get_level_values(0) >= "2020-01-05"
    doubled = three[np.repeat(later, 2)]  # the cut leaves unused labels in the levels
    cv = TimeStepSplit(3, test_size=2, gap=1)
    expected = [
        [np.sort(np.concatenate([2 * part, 2 * part + 1])) for part in split]
        for split in cv.split(RAGGED[later])
    ]
    assert_same(cv.split(doubled), expected)


def test_searches_and_scores_take_it():
    """A stock search and cross_validate give the scores of a loop over its splits."""
    cv = TimeStepSplit(3, test_size=2)
    expected = [
        Ridge()
        .fit(RAGGED.iloc[train], TARGET.iloc[train])
        .score(RAGGED.iloc[test], TARGET.iloc[test])
        for train, test in cv.split(RAGGED)
    ]
    found = cross_validate(Ridge(), RAGGED, TARGET, cv=cv)["test_score"]
    np.testing.assert_allclose(found, expected)
    search = GridSearchCV(Ridge(), {"alpha": [1.0, 2.0]}, cv=cv).fit(RAGGED, TARGET)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"][0], np.mean(expected))


@pytest.mark.parametrize(
    "copied", [clone, copy.deepcopy, lambda cv: pickle.loads(pickle.dumps(cv))]
)
def test_copies_split_alike(copied):
    """A copy has the parameters and the splits of the original."""
    cv = TimeStepSplit(3, test_size=2, gap=1, max_train_size=4)
    twin = copied(cv) if copied is not clone else copied(cv, safe=False)
    assert repr(twin) == repr(cv)
    assert_same(twin.split(RAGGED), cv.split(RAGGED))


def test_what_it_shows():
    """The repr names all parameters, and the number of splits needs no rows."""
    cv = TimeStepSplit(4, gap=2)
    assert repr(cv) == "TimeStepSplit(gap=2, max_train_size=None, n_splits=4, test_size=None)"
    assert cv.get_n_splits() == 4


@pytest.mark.parametrize("n_splits", [0, 1, -1, 2.5, "3", None])
def test_a_bad_number_of_splits_is_refused_as_by_scikit_learn(n_splits):
    """The message is scikit-learn's own."""
    with pytest.raises(ValueError) as expected:  # noqa: PT011
        TimeSeriesSplit(n_splits)
    with pytest.raises(ValueError) as found:  # noqa: PT011
        TimeStepSplit(n_splits)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, value) for name in ("test_size", "max_train_size") for value in (0, -1, 1.5, "2")],
        *[("gap", value) for value in (-1, None, 1.5, "2")],
    ],
)
def test_a_bad_parameter_is_refused(name, value):
    """A negative gap would train on the test rows, so it is refused like other bad values."""
    with pytest.raises((TypeError, ValueError), match=name):
        list(TimeStepSplit(2, **{name: value}).split(RAGGED))


def test_too_few_time_steps_are_told_by_their_number():
    """The message counts time steps, of which there are fewer than rows."""
    with pytest.raises(ValueError, match=r"folds=6 greater than the number of time steps=4"):
        list(TimeStepSplit(5).split(panel(np.ones((4, 5), bool))))
    with pytest.raises(ValueError, match="Too many splits=2 for number of time steps=6"):
        list(TimeStepSplit(2, test_size=3).split(panel(np.ones((6, 5), bool))))


def test_groups_are_ignored_with_scikit_learns_warning():
    """Series that are passed as groups do nothing, which a warning says."""
    cv = TimeStepSplit(2)
    with pytest.warns(UserWarning, match="groups parameter is ignored by TimeStepSplit"):
        splits = list(cv.split(RAGGED, groups=RAGGED.index.get_level_values(1)))
    assert_same(splits, cv.split(RAGGED))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(cv.split(RAGGED, TARGET))


BAD_ROWS = {
    "series first": (RAGGED.swaplevel().sort_index(), r"X\.swaplevel\(\)\.sort_index\(\)"),
    "series first, in numbers": (
        RAGGED.set_axis(RAGGED.index.set_levels([range(20), range(4)], level=[0, 1]))
        .swaplevel()
        .sort_index(),
        r"X\.swaplevel\(\)\.sort_index\(\)",
    ),
    "shuffled": (RAGGED.sample(frac=1, random_state=0), r"X.*sort"),
    "newest first": (RAGGED[::-1], r"X.*sort|X\[::-1\]"),
    "drawn twice": (RAGGED.iloc[np.sort(np.r_[3, np.arange(10)])], "more than once"),
    "one series, shuffled": (MILK_X.sample(frac=1, random_state=0), "not sorted"),
}


@pytest.mark.parametrize(("rows", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_rows_out_of_order_are_refused(rows, message):
    """A table whose rows do not run in time is refused with what mends it."""
    with pytest.raises(ValueError, match=message):
        list(TimeStepSplit(2).split(rows))


def test_x_and_y_must_belong_together():
    """Other lengths and other labels are refused."""
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        list(TimeStepSplit(2).split(RAGGED, TARGET[:-1]))
    with pytest.raises(ValueError, match=r"has the levels .* but that of X"):
        list(TimeStepSplit(2).split(RAGGED, TARGET.swaplevel()))
