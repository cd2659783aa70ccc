"""How much memory transformers take for tables of many series, and networks for many rows."""

import gc
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)

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


@pytest.mark.parametrize("size", [1, 7, 50])
def test_blocks_change_no_value(size, monkeypatch):
    """Rows that are worked on in blocks of any size come out as pandas computes them at once."""
    for module in ("_past._layout", "_past._stretches", "transformers._differencer"):
        monkeypatch.setattr(f"sklstm.{module}.BLOCK", size)
    random = np.random.default_rng(0)
    there = random.permutation([(t, s) for s in range(5) for t in range(4 * s, 40 - 2 * s)])
    there = there[np.argsort(there[:, 0], kind="stable")]
    index = pd.MultiIndex.from_arrays(there.T)
    X = pd.DataFrame(random.normal(size=(len(index), 2)), index, ["a", "b"])
    of_series = X.groupby(level=1)

    differencer = Differencer([1, 3]).fit(X)
    differences = X - of_series.shift(1) - of_series.shift(3) + of_series.shift(4)
    Z = differencer.transform(X)
    np.testing.assert_allclose(Z, differences, atol=1e-12)
    np.testing.assert_allclose(differencer.inverse_transform(Z), X)
    back = differencer.inverse_transform(Z, observed=X)
    np.testing.assert_allclose(back, X.where(Z.notna()))

    scaler = SeriesMinMaxScaler(per_series=True).fit(X)
    low, high = of_series.transform("min"), of_series.transform("max")
    scaled = scaler.transform(X)
    np.testing.assert_allclose(scaled, (X - low) / (high - low), atol=1e-12)
    np.testing.assert_allclose(scaler.inverse_transform(scaled), X)

    windows = LagWindower(3).fit_transform(X)
    expected = np.stack([of_series.shift(2), of_series.shift(1), X], axis=1)
    np.testing.assert_array_equal(windows, expected)


@pytest.mark.slow
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


def test_training_holds_few_numbers_for_each_row():
    """A fit takes at most three times the memory of the series that its windows look into."""
    series = np.random.default_rng(0).normal(size=(500_000, 2))
    X = np.lib.stride_tricks.sliding_window_view(series[:-1], 5, axis=0).swapaxes(1, 2)
    y = series[5:, 0]
    model = LSTMRegressor(1, epochs=1, steps_per_epoch=1, random_state=0)
    model.fit(X[:100], y[:100])  # What TensorFlow traces takes memory, too.
    _, most = added(model.fit, X, y)
    assert most < 3 * series.nbytes


def test_a_target_of_many_steps_is_held_once():
    """Nothing as large is held beside it where it is made, and where a forecast reads it."""
    series = months_of(50)["sold"]
    (X, y), most = added(lambda: series_to_supervised(series, horizon=24, keep_last=True))
    size = y.to_numpy().nbytes
    assert most < 1.5 * size
    model = TransformedSeriesRegressor(Ridge()).fit(X, y)
    _, most = added(lambda: forecast(model, X, 24, y=y))
    assert most < size
