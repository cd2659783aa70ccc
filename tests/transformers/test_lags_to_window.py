"""LagsToWindow against windows that a loop fills, and against LagWindower."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline

from sklstm import LagsToWindow, LagWindower, OneStepWarning

N_ROWS = 4


def value(row, variable, lag):
    """Return what a variable was some lags before a row; another number for each."""
    return 1000.0 * variable + row - lag


def by_hand(lags, variables, others=()):
    """Return windows that a loop fills, oldest lag first, with other columns in each step."""
    steps = sorted(lags, reverse=True)
    cells = [[[value(t, v, lag) for v in variables] for lag in steps] for t in range(N_ROWS)]
    return np.array([[[*step, *others] for step in window] for window in cells])


@given(
    n_lags=st.integers(2, 5),
    n_variables=st.integers(1, 3),
    newest_first=st.booleans(),
    layout=st.sampled_from(["by_variable", "by_step"]),
    others=st.lists(st.floats(0, 1), max_size=2),
)
def test_arrays_become_windows(n_lags, n_variables, newest_first, layout, others):
    """Any stated order of lags and variables, in two axes or three, gives the windows of a loop."""
    lags = range(1, n_lags + 1) if newest_first else range(n_lags, 0, -1)
    variables = range(n_variables)
    cells = [[[value(t, v, lag) for lag in lags] for v in variables] for t in range(N_ROWS)]
    cells = np.array(cells) if layout == "by_variable" else np.swapaxes(cells, 1, 2)
    options = {"newest_first": newest_first, "layout": layout}
    windows = LagsToWindow(n_lags, **options).fit_transform(cells)
    np.testing.assert_array_equal(windows, by_hand(lags, variables))
    # Other columns stand first, so that their positions count.
    rows = np.column_stack([np.tile(others, (N_ROWS, 1)), cells.reshape(N_ROWS, -1)])
    options["others"] = list(range(len(others))) or None
    windows = LagsToWindow(n_lags, **options).fit_transform(rows)
    np.testing.assert_array_equal(windows, by_hand(lags, variables, others))


@given(
    name=st.sampled_from(["lag{}", "lag_{}", "y_lag{}", "yLag{}", "y_t-{}", "y(t-{})"]),
    lags=st.sets(st.integers(1, 30), min_size=2, max_size=6),
    data=st.data(),
)
def test_names_tell_the_lags(name, lags, data):
    """Named columns may stand in any order, with gaps in the lags and other columns between."""
    columns = {name.format(lag): (0, lag) for lag in lags}
    columns |= {f"price_{name.format(lag)}": (1, lag) for lag in lags}
    columns |= {"flag1": 7.0, "mean_lag1": 8.0, "mean_lag1_window3": 9.0}
    order = data.draw(st.permutations(list(columns)))
    held = {c: [value(t, *columns[c]) for t in range(N_ROWS)] for c in order if c[0] not in "fm"}
    others = [columns[c] for c in order if c[0] in "fm"]
    rows = pd.DataFrame({c: held.get(c, columns[c]) for c in order}, index=range(N_ROWS))
    variables = list(dict.fromkeys(columns[c][0] for c in held))
    windows = LagsToWindow().fit_transform(rows)
    np.testing.assert_array_equal(windows, by_hand(lags, variables, others))


def test_flat_windows_become_windows_again():
    """LagsToWindow after flat windows gives the windows that LagWindower gives at once."""
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=["a", "b"])
    again = make_pipeline(LagWindower(4, flatten=True), LagsToWindow()).fit_transform(table)
    np.testing.assert_array_equal(again, LagWindower(4).fit_transform(table))


def test_steps_without_a_known_lag_are_unknown():
    """Other columns are NaN there, too, as a network takes NaN in whole steps only."""
    rows = pd.DataFrame({"lag1": [2.0, 1.0], "lag2": [1.0, np.nan], "weekday": [3.0, 4.0]})
    expected = [[[1, 3], [2, 3]], [[np.nan, np.nan], [1, 4]]]
    np.testing.assert_array_equal(LagsToWindow().fit_transform(rows), expected)


def test_windows_of_many_series_keep_their_labels():
    """What names the series of a row is still known behind the transformer."""
    index = pd.MultiIndex.from_product([pd.date_range("2024", periods=3), ["a", "b"]])
    rows = pd.DataFrame({"lag1": np.arange(6.0), "lag2": np.arange(6.0) - 1}, index)
    windows = LagsToWindow().fit_transform(rows)
    assert windows.index.equals(index)
    np.testing.assert_array_equal(windows[2], [[1.0], [2.0]])


@pytest.mark.parametrize(
    ("options", "columns", "message"),
    [
        ({}, 12, "no names such as lag1 .* set n_lags, and newest_first=True"),
        ({"n_lags": 12}, 12, "newest_first=None do not tell"),
        ({"n_lags": 12, "newest_first": True}, 14, r"has 14 columns, .* others=\[13\]"),
        ({"n_lags": 12, "newest_first": True}, 24, "for lags of several variables, set layout"),
        ({"n_lags": 12, "newest_first": True}, 5, "expected 12 lags of one variable"),
        ({"n_lags": 2, "newest_first": True, "others": [5]}, 3, "others=.5. names no column"),
        ({"newest_first": False}, ["lag1", "lag2"], "from 'lag1' to 'lag2', say otherwise"),
        ({"newest_first": True}, ["lag2", "lag1"], "from 'lag2' to 'lag1', say otherwise"),
        ({"newest_first": True}, ["lag1", "lag12", "lag2"], "Leave newest_first out"),
        ({"n_lags": 3}, ["lag1", "lag2"], r"n_lags=3, but .* 2 lag\(s\): \[1, 2\]"),
        ({}, ["lag1", "lag_1", "lag2"], r"\['lag1', 'lag_1', 'lag2'\] of X hold a lag .* twice"),
        ({}, ["lag1", "lag2", "lag3", "p_lag1", "p_lag2"], r"\['p_lag1', 'p_lag2'\] hold the lags"),
    ],
    ids=str,
)
def test_what_is_not_told_or_contradicts_is_refused(options, columns, message):
    """No order of columns is guessed: the message says which parameter would do."""
    n_columns = columns if isinstance(columns, int) else len(columns)
    rows = np.arange(3.0 * n_columns).reshape(3, n_columns)
    table = rows if isinstance(columns, int) else pd.DataFrame(rows, columns=columns)
    with pytest.raises(ValueError, match=message):
        LagsToWindow(**options).fit(table)


def test_axes_that_contradict_the_layout_are_refused():
    """One variable of twelve steps is not taken for one step of twelve variables."""
    with pytest.raises(ValueError, match=r"the axes \(1, 12\) after its rows: expected \(12, 1\)"):
        LagsToWindow(12, newest_first=False, layout="by_step").fit(np.zeros((5, 1, 12)))
    windower = LagsToWindow(12, newest_first=False).fit(np.zeros((5, 1, 12)))
    with pytest.raises(ValueError, match=r"X has the shape \(5, 1, 11\), but .* \(1, 12\)"):
        windower.transform(np.zeros((5, 1, 11)))
    with pytest.raises(ValueError, match="others=0 names columns, but X has three axes"):
        LagsToWindow(12, newest_first=False, others=0).fit(np.zeros((5, 1, 12)))


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("layout", ["by_variable", "by_step"])
@pytest.mark.parametrize("n_variables", [1, 2])
def test_an_order_that_y_contradicts_is_refused(newest_first, layout, n_variables):
    """Of four orders, the one whose newest lag is the target of the row before is taken alone."""
    series = np.random.default_rng(0).normal(size=(40, n_variables))
    cut = np.array([series[t - 4 : t] for t in range(4, 40)])
    given = cut[:, ::-1] if newest_first else cut
    rows = (given.swapaxes(1, 2) if layout == "by_variable" else given).reshape(36, -1)
    y = series[4:, -1]
    right = LagsToWindow(4, newest_first=newest_first, layout=layout)
    np.testing.assert_array_equal(right.fit_transform(rows, y), cut)
    message = f"With newest_first={newest_first} and layout="
    with pytest.raises(ValueError, match=message):
        LagsToWindow(4, newest_first=not newest_first, layout=layout).fit(rows, y)
    if n_variables > 1:
        other = {"by_variable": "by_step", "by_step": "by_variable"}[layout]
        with pytest.raises(ValueError, match=f"{message}'{layout}'"):
            LagsToWindow(4, newest_first=newest_first, layout=other).fit(rows, y)
    # Rows that do not follow each other say nothing, whatever their order.
    for order in (slice(None, None, 2), slice(None, None, 4), slice(None, None, -1)):
        np.testing.assert_array_equal(right.fit_transform(rows[order], y[order]), cut[order])


def test_an_order_with_gaps_that_y_contradicts_is_refused():
    """Two lags that follow each other are enough to see it."""
    series = np.random.default_rng(0).normal(size=40)
    rows = np.array([series[[t - 1, t - 2, t - 12]] for t in range(12, 40)])
    assert LagsToWindow(3, newest_first=True).fit(rows, series[12:])
    with pytest.raises(ValueError, match="With newest_first=True"):
        LagsToWindow(3, newest_first=False).fit(rows, series[12:])


def test_one_lag_is_told():
    """Rows of a series that hold the value before get windows of one step, which may be a slip."""
    rows = pd.DataFrame({"milk_lag1": np.arange(5.0), "price": 1.0})
    with pytest.warns(OneStepWarning, match=r"put LagWindower\(window\) here instead") as caught:
        LagsToWindow().fit(rows)
    assert [warning.filename for warning in caught] == [__file__]
    assert LagsToWindow(1).fit_transform(rows).shape == (5, 1, 2)
