"""What networks predict for a row of which nothing is known: what stands for its own series."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from sklstm import LagWindower, LSTMRegressor, StatefulLSTMRegressor

SMALL = {"units": 2, "epochs": 1, "random_state": 0}
LEVELS = [0.1, 0.5, 0.75]
NAMES = {
    "text": pd.Index(["b", "a", "c"], name="store"),
    "numbers": pd.Index([7, -1, 30], name="store"),
    "categories": pd.CategoricalIndex(["b", "a", "c"], categories=["c", "z", "b", "a"]),
    "two levels": pd.MultiIndex.from_tuples([("n", 2), ("n", 1), ("s", 2)]),
}


def lagged_panel(names, n_columns=1):
    """Return the rows and targets of series of 7, 12 and 9 steps whose levels are far apart.

    Nothing is known before the first row of each series, so that row is NaN.
    """
    random = np.random.default_rng(0)
    parts = []
    for number, n_rows in enumerate([7, 12, 9]):
        series = names[[number] * n_rows]
        levels = [series.get_level_values(i) for i in range(series.nlevels)]
        index = pd.MultiIndex.from_arrays([np.arange(n_rows), *levels])
        values = 10.0**number + random.random((n_rows, n_columns))
        parts.append(pd.DataFrame(values, index))
    y = pd.concat(parts).sort_index(level=0, kind="stable")
    return y.groupby(level=name_levels(y), observed=True).shift(1)[[0]], y


def name_levels(table):
    """Return the levels that name the series, as every release of pandas groups by them."""
    levels = list(range(1, table.index.nlevels))
    return levels[0] if len(levels) == 1 else levels


def is_taught(X):
    """Tell which rows have a window of two known steps."""
    earlier = X.groupby(level=name_levels(X), observed=True).shift(1)
    return (X.notna() & earlier.notna())[0]


def standing(targets, X, name):
    """Return a statistic of the taught targets of each row's series, by pandas."""
    of_series = targets.groupby(level=name_levels(targets), observed=True)
    found = of_series.quantile(name) if isinstance(name, float) else of_series.mean()
    names = X.index.droplevel(0)
    return found.loc[list(names)].to_numpy()


@pytest.mark.parametrize(
    ("network", "names"),
    [*((LSTMRegressor, names) for names in NAMES), (StatefulLSTMRegressor, "text")],
)
def test_the_mean_of_its_own_series(network, names):
    """A series of small values is not predicted as the mean of all."""
    X, y = lagged_panel(NAMES[names], n_columns=2)
    model = make_pipeline(LagWindower(2), network(**SMALL)).fit(X, y)
    unknown = X[0].isna()
    assert unknown.sum() == 3
    found = model.predict(X)[unknown]
    np.testing.assert_allclose(found, standing(y[is_taught(X)], X[unknown], "mean"))


def test_quantiles_of_its_own_series():
    """They are those that pandas finds among the targets of the series."""
    X, y = lagged_panel(NAMES["text"], n_columns=2)
    network = LSTMRegressor(**SMALL, loss="quantile", quantiles=LEVELS)
    model = make_pipeline(LagWindower(2), network).fit(X, y)
    unknown, taught = X[0].isna(), y[is_taught(X)]
    windows = model[0].transform(X)
    found = model[-1].predict_quantiles(windows)[unknown]
    for i, level in enumerate(LEVELS):
        np.testing.assert_allclose(found[:, :, i], standing(taught, X[unknown], level))
    np.testing.assert_allclose(model.predict(X)[unknown], standing(taught, X[unknown], 0.5))


def test_a_series_that_taught_nothing_gets_the_mean_of_all():
    """So does one that fit has not seen, and every row of an array, which names no series."""
    X, y = lagged_panel(NAMES["text"])
    y.loc[(slice(None), "c"), :] = np.nan
    model = make_pipeline(LagWindower(2), LSTMRegressor(**SMALL)).fit(X, y)
    taught = y[is_taught(X) & y[0].notna()]
    new = X[X[0].isna()].rename({"b": "new"}, level=1).sort_index()
    found = pd.Series(model.predict(new).ravel(), new.index.droplevel(0))
    np.testing.assert_allclose(found[["c", "new"]], taught[0].mean())
    np.testing.assert_allclose(found["a"], taught.xs("a", level=1)[0].mean())
    windows = np.full((2, 2, 1), np.nan)
    np.testing.assert_allclose(model[-1].predict(windows), taught[0].mean())


def test_rows_in_any_order():
    """Windows are independent samples, so those of many series may be shuffled."""
    X, y = lagged_panel(NAMES["text"])
    model = make_pipeline(LagWindower(2), LSTMRegressor(**SMALL)).fit(X, y)
    windows, order = model[0].transform(X), np.random.default_rng(0).permutation(len(X))
    found = model[-1].predict(windows[order])
    np.testing.assert_allclose(found, model.predict(X)[order], rtol=1e-6)


def test_names_of_another_type_are_refused():
    """Store "7" is not taken for a new series where fit has seen store 7."""
    X, y = lagged_panel(NAMES["numbers"])
    windower = LagWindower(2)
    network = LSTMRegressor(**SMALL).fit(windower.fit_transform(X), y)
    X.index = X.index.set_levels(X.index.levels[1].astype(str), level=1)
    with pytest.raises(ValueError, match=r"names a series '-1', but the training rows -1"):
        network.predict(LagWindower(2).fit_transform(X))
