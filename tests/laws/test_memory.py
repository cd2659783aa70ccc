"""How much memory transformers take for tables of many series."""

import gc
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from sklstm import Differencer, LagWindower, SeriesMinMaxScaler

STEPS = {
    "windows": LagWindower(12),
    "folded windows": LagWindower(24, fold=12),
    "differences": Differencer([1, 12]),
    "scales": SeriesMinMaxScaler(per_series=True),
    "all": make_pipeline(
        Differencer([1, 12]), SeriesMinMaxScaler(per_series=True), LagWindower(12)
    ),
}
INVERSES = {
    "differences": lambda step, X, Z: step.inverse_transform(Z),
    "differences, one step ahead": lambda step, X, Z: step.inverse_transform(Z, observed=X),
    "scales": lambda step, X, Z: step.inverse_transform(Z),
}
each_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)


def months_of(n_series):
    """Return 216 monthly values of each of some series."""
    months = pd.date_range("2000-01-01", periods=216, freq="MS")
    index = pd.MultiIndex.from_product([months, np.arange(n_series)])
    return pd.DataFrame({"sold": np.random.default_rng(0).normal(size=len(index))}, index)


def added(call, *arguments):
    """Return what a function returns, and the most bytes that it held meanwhile."""
    gc.collect()
    tracemalloc.start()
    try:
        returned = call(*arguments)
        return returned, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@each_step
def test_nothing_but_the_result_is_kept(step):
    """What a transform computes on the way is freed when it returns, not at the next collection."""
    X = months_of(1_000)
    step.fit(X)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        Z = step.transform(X)
        kept = tracemalloc.get_traced_memory()[0]
        gc.collect()
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert len(Z) == len(X)
    assert kept - left < 0.05 * X["sold"].nbytes


@pytest.mark.slow
@each_step
def test_a_step_takes_three_times_the_memory_of_the_values(step):
    """In fit and in transform, beside the values themselves."""
    X = months_of(24_000)
    values = X["sold"].nbytes
    for call in (step.fit, step.transform):
        _, most = added(call, X)
        assert most <= 3 * values


@pytest.mark.slow
@pytest.mark.parametrize("name", INVERSES)
def test_the_way_back_takes_three_times_the_memory_of_the_values(name):
    """So do both ways back from differences."""
    X = months_of(24_000)
    step = STEPS[name.partition(",")[0]]
    restored, most = added(INVERSES[name], step, X, step.fit_transform(X))
    known = restored["sold"].notna()
    assert known.sum() >= len(X) - 13 * 24_000
    np.testing.assert_allclose(restored[known], X[known], atol=1e-9)
    assert most <= 3 * X["sold"].nbytes
