"""Rows without labels give what the same rows with labels give, whatever values repeat."""

import numpy as np
import pandas as pd
import pytest
from estimators import LSTM, NETWORKS, REGRESSORS, WAYS, output
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklstm import AssumedPastWarning, LagWindower, StatefulLSTMRegressor, forecast

# The first rows of these series come back in later rows, over more than the look-back.
pytestmark = pytest.mark.filterwarnings("ignore::sklstm.AssumedPastWarning")

N_TRAIN, N_ROWS = 24, 60
DRAWS = np.random.default_rng(0)
SERIES = {
    "counts": np.tile([3.0, 5, 4, 7, 3, 6], 11)[: N_ROWS + 1],
    "binary": DRAWS.integers(0, 2, N_ROWS + 1).astype(float),
    "saw-teeth": np.arange(N_ROWS + 1.0) % 4,
    "zeros": np.zeros(N_ROWS + 1),
    "intermittent demand": DRAWS.poisson(3.0, N_ROWS + 1) * (DRAWS.random(N_ROWS + 1) < 0.2) * 1.0,
}


ESTIMATORS = {
    **WAYS,
    "windows": LagWindower(3),
    "flat windows": LagWindower(5, flatten=True),
    **REGRESSORS,
    **NETWORKS,
    "stateful LSTM on windows": make_pipeline(LagWindower(2), StatefulLSTMRegressor(**LSTM)),
    # Windows of nothing but zeros have no spread.
    "LSTM on scaled windows": clone(NETWORKS["LSTM on scaled windows"]).set_params(
        regressor__windowscaledregressor__scale=None
    ),
}


class Both:
    """One series fitted as an array and as a table whose labels are row numbers."""

    def __init__(self, series, name=None, n_train=N_TRAIN):
        self.array = SERIES[series][:-1, None]
        # Columns without names: scikit-learn warns of names that windows drop.
        self.table = pd.DataFrame(self.array)
        self.train = slice(0, n_train)
        target = SERIES[series][1 : n_train + 1]
        self.models = [
            clone(ESTIMATORS[name]).fit(X[self.train], target) for X in (self.array, self.table)
        ]

    def assert_same(self, call, rows):
        """Assert that a call gives the same for some rows of the array and of the table."""
        ours, theirs = (
            np.asarray(call(model, X[rows]))
            for model, X in zip(self.models, (self.array, self.table), strict=True)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("series", SERIES)
def test_arrays_give_what_tables_give(series, name):
    """Outputs agree for the training rows, the next row, and few or many next rows."""
    both = Both(series, name)
    for n_later in (None, 1, 9, N_ROWS - N_TRAIN):
        rows = both.train if n_later is None else slice(N_TRAIN, N_TRAIN + n_later)
        both.assert_same(output, rows)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("series", SERIES)
def test_arrays_one_row_at_a_time_give_what_tables_give(series, name):
    """Outputs agree for one row after a fit on all rows before it, as in a walk forward."""
    for row in (N_TRAIN, N_TRAIN + 1):
        Both(series, name, n_train=row).assert_same(output, slice(row, row + 1))


@pytest.mark.parametrize(
    "name", [name for name in ESTIMATORS if hasattr(ESTIMATORS[name], "predict")]
)
@pytest.mark.parametrize("series", ["counts", "zeros"])
def test_arrays_are_forecast_as_tables(series, name):
    """A forecast adds rows after the training table, to a stateful network as well."""
    both = Both(series, name)
    both.assert_same(lambda model, rows: forecast(model, rows, 3), both.train)


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("series", SERIES)
def test_transformed_arrays_are_inverted_as_tables(series, name):
    """The inverse restores training rows, and later rows from the last of them on."""
    both = Both(series, name)
    for rows in (both.train, slice(N_TRAIN, N_TRAIN + 1), slice(N_TRAIN, N_ROWS)):
        for model, X in zip(both.models, (both.array, both.table), strict=True):
            back = model.inverse_transform(model.transform(X[rows]))
            np.testing.assert_allclose(back, both.array[rows], rtol=0, atol=1e-12)


@pytest.mark.parametrize("series", SERIES)
def test_observed_arrays_are_inverted_as_tables(series):
    """Inverting from observed rows agrees, though the last observed value is unknown."""
    both = Both(series, "seasonal differences")

    def restore(model, rows):
        observed = rows.copy()
        observed[-1:] = np.nan
        return model.inverse_transform(np.ones(rows.shape), observed=observed)

    for rows in (both.train, slice(N_TRAIN, N_TRAIN + 1), slice(N_TRAIN, N_ROWS)):
        both.assert_same(restore, rows)


@pytest.mark.parametrize("value", [3.0, 8.0])
def test_one_new_row_keeps_its_past(value):
    """The last training rows are its past, even if it equals the first training row."""
    windower = LagWindower(3).fit([[3.0], [5.0], [4.0], [7.0], [3.0], [6.0]])
    np.testing.assert_array_equal(windower.transform([[value]])[0, :, 0], [3, 6, value])


@pytest.mark.parametrize("name", ["windows", "differences", "stateful LSTM"])
def test_an_assumed_past_is_warned_of_unless_history_is_given(name):
    """The first training rows alone are taken as later rows, and `history=` can say otherwise."""
    X, y = DRAWS.normal(size=(30, 1)), DRAWS.normal(size=30)
    model = clone(ESTIMATORS[name]).fit(X, y)
    with pytest.warns(AssumedPastWarning, match="after the training rows.*history="):
        assumed = output(model, X[:20])
    model.set_params(history="continue")
    np.testing.assert_array_equal(output(model, X[:20]), assumed)
    model.set_params(history="none")
    assert not np.array_equal(output(model, X[:20]), assumed, equal_nan=True)
