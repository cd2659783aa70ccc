"""Panels of every shape, and loops over their series, which transformers have to equal."""

import numpy as np
import pandas as pd
import pytest
from estimators import SETTINGS
from hypothesis import given, settings
from hypothesis import strategies as st

N_MOST = 200

#: Times with a regular step: a missing one is a break.
REGULAR = {
    "counted": pd.Index(np.arange(5, 5 + 2 * N_MOST, 2)),
    "days": pd.date_range("2024-01-30", periods=N_MOST, freq="D"),
    "months": pd.date_range("2020-01-01", periods=N_MOST, freq="MS"),
    "hours of a town": pd.date_range(
        "2024-03-30 12:00", periods=N_MOST, freq="h", tz="Europe/Berlin"
    ),
    "periods": pd.period_range("2020-01", periods=N_MOST, freq="M"),
}
#: Times without one: the rows of a series just follow each other.
IRREGULAR = {
    "irregular dates": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N_MOST) ** 2, "D"),
    "irregular numbers": pd.Index(np.arange(N_MOST) ** 1.5),
}
TIMES = {**REGULAR, **IRREGULAR}
NAMES = {
    "text": pd.Index(["Köln", "10", "a", "B", "9", "z"]),
    "numbers": pd.Index([7, -1, 300, 4, 0, 12]),
    "categories": pd.CategoricalIndex(list("qxbyar"), categories=list("zyxwrqba")),
}


@st.composite
def panels(draw, least=1, most_series=5, heads=True, tails=True):
    """Draw a table of many series; the name of its first level says which times it has.

    Series begin late, end early, lack steps, and may not be known at their first and last rows; the
    first has `least` rows without a gap.
    """
    kind = draw(st.sampled_from(list(TIMES)), label="times")
    n_steps = draw(st.integers(least, least + 12) | st.integers(least, N_MOST), label="steps")
    n_series, n_columns = draw(st.integers(1, most_series)), draw(st.integers(1, 3))
    random = np.random.default_rng(draw(st.integers(0, 9999), label="seed"))

    # 1. Which rows there are: each time step has one, but for those of a hole.
    starts = random.integers(0, n_steps, n_series) * random.integers(0, 2, n_series)
    stops = n_steps - random.integers(0, n_steps, n_series) * random.integers(0, 2, n_series)
    step = np.arange(n_steps)[:, None]
    there = (step >= starts) & (step < np.maximum(stops, starts + 1))
    there &= random.random(there.shape) > draw(st.sampled_from([0, 0.03, 0.3]), label="missing")
    there[:least, 0] = True
    there[~there.any(axis=1), 0] = True
    there[random.integers(0, n_steps, n_series), np.arange(n_series)] = True
    if n_steps > 25 and draw(st.booleans(), label="hole"):
        there[20 : 20 + random.integers(1, 3)] = False
    times, series = np.nonzero(there)
    if draw(st.booleans(), label="shuffled within a step"):
        order = np.lexsort([random.random(len(times)), times])
        times, series = times[order], series[order]

    # 2. Their labels.
    labels = [TIMES[kind][times]]
    for level in range(draw(st.integers(1, 3), label="levels")):
        names = NAMES[draw(st.sampled_from(list(NAMES)))]
        # Only all levels together tell the series apart.
        codes = np.arange(n_series) // 2**level if level else np.arange(n_series)
        labels.insert(1, names[codes[series]])
    index = pd.MultiIndex.from_arrays(labels, names=[kind, *"abc"[: len(labels) - 1]])

    # 3. Their values.
    values = random.normal(size=(len(times), n_columns)).cumsum(axis=0)
    if draw(st.booleans(), label="few values"):
        values = np.rint(values)
    if draw(st.booleans(), label="unknown rows"):
        for one in range(n_series):
            rows = np.flatnonzero(series == one)
            for column in range(n_columns):
                values[rows[: random.integers(0, 4) * heads], column] = np.nan
                values[rows[len(rows) - random.integers(0, 3) * tails :], column] = np.nan
    return pd.DataFrame(values, index, list("uvw")[:n_columns])


def law(n_examples, **strategies):
    """Decorate a law: so many examples are tried, and ten times as many in the slow run."""

    def decorate(check):
        def test(n):
            settings(max_examples=n, **SETTINGS)(given(**strategies)(check))()

        test.__doc__ = check.__doc__
        many = pytest.param(10 * n_examples, marks=pytest.mark.slow)
        return pytest.mark.parametrize("n", [n_examples, many])(test)

    return decorate


def rows_of(panel):
    """Return the rows of each series, by its name."""
    levels = panel.index.names[1:]
    levels = levels if len(levels) > 1 else levels[0]
    numbered = pd.Series(np.arange(len(panel)), panel.index)
    return {
        name: rows.to_numpy()
        for name, rows in numbered.groupby(level=levels, observed=True, sort=False)
    }


def series_of(panel):
    """Return the rows of each series as a table of its own, in which its name still stands."""
    return {name: panel.iloc[rows] for name, rows in rows_of(panel).items()}


def alone(panel):
    """Return the only series of a panel, without its name."""
    return panel.droplevel(panel.index.names[1:])


def loop(panel, function, *others):
    """Call a function on each series, on the time axis of all, and put its rows back.

    The function takes tables with a row for each time step, NaN where one is missing, and the
    number of the unbroken part that each row belongs to.
    """
    found = None
    axis = REGULAR.get(panel.index.names[0])
    for rows in rows_of(panel).values():
        tables = [alone(table.iloc[rows]) for table in (panel, *others)]
        labels = tables[0].index if axis is None else axis
        there = labels.isin(tables[0].index)
        tables = [table.reindex(labels) for table in tables]
        out = np.asarray(function(*tables, (~there).cumsum()))[there]
        if found is None:
            found = np.full((len(panel), *out.shape[1:]), -np.inf)
        found[rows] = out
    return found
