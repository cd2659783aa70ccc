"""Units and number types of many series: predictions are right beside float64 of small numbers."""

import numpy as np
import pandas as pd
import pytest
from estimators import quietly
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    forecast,
    series_to_supervised,
)

DAYS = pd.date_range("2024-01-01", periods=60, name="day")
NAMES = pd.Index(["a", "b", "c", "d"], name="shop")
WALKS = np.random.default_rng(0).normal(size=(60, 4)).cumsum(axis=0)
FLAT = make_pipeline(LagWindower(3, flatten=True), Ridge())


def windowed(regressor, **options):
    """Return a model of windows that are scaled one by one."""
    windows = LagWindower(4, flatten=True)
    return TransformedSeriesRegressor(
        make_pipeline(windows, WindowScaledRegressor(regressor, season=2, **options))
    )


EACH = SeriesMinMaxScaler((-1, 1), per_series=True)
#: Models whose predictions have the units of their series, whatever these are.
MODELS = {
    "range of each": TransformedSeriesRegressor(FLAT, EACH),
    "differences, range of each": TransformedSeriesRegressor(
        FLAT, make_pipeline(Differencer([1, 2]), EACH)
    ),
    "scaled windows": windowed(Ridge()),
    "range of windows": windowed(Ridge(), scale="range", center="last"),
    "network": TransformedSeriesRegressor(
        make_pipeline(LagWindower(3), LSTMRegressor(2, epochs=2, random_state=0)), EACH
    ),
}
#: Those of which all series have one range.
ALL = {
    "differences": TransformedSeriesRegressor(
        FLAT, make_pipeline(Differencer(), SeriesMinMaxScaler())
    ),
    "network of raw numbers": TransformedSeriesRegressor(
        make_pipeline(LagWindower(3), LSTMRegressor(2, epochs=2, random_state=0))
    ),
}


def panel(values):
    """Return a long table of series, a column each."""
    wide = pd.DataFrame(values, DAYS, NAMES)
    return wide.stack(future_stack=True).rename("sold")  # noqa: PD013


def said(model, series, horizon=1, change=None):
    """Return what a model says of all series: training rows, later rows and a forecast."""
    X, y = series_to_supervised(series, horizon=horizon)
    if change is not None:
        X, y = change(X), change(y)
    is_train = X.index.get_level_values("day") < DAYS[45]
    model = clone(model)
    quietly(model.fit, X[is_train], y[is_train])
    parts = [quietly(model.predict, X[part]) for part in (is_train, ~is_train)]
    parts.append(quietly(forecast, model, X, 2, y=y).to_numpy())
    return [part.reshape(-1, 4, *part.shape[1:]) for part in parts]


def assert_in_units(found, expected, factors, offsets, tolerance):
    """Assert that predictions are others in units a * x + b, within so much of the spread."""
    rounding = 64 * np.finfo(float).eps * np.max(np.abs(np.divide(offsets, factors)))
    for ours, theirs in zip(found, expected, strict=True):
        assert np.isfinite(ours).all()
        back = (ours.swapaxes(1, -1) - offsets) / factors
        np.testing.assert_allclose(
            back, theirs.swapaxes(1, -1), rtol=0, atol=tolerance + 10 * rounding
        )


def tolerance_of(name):
    """Return how far predictions may be off; a network computes in float32."""
    return 1e-4 if "network" in name else 1e-9


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("name", MODELS)
def test_each_series_may_have_its_own_units(name, horizon):
    """From a millionth to a million million; one moves by ones around a thousand million."""
    factors, offsets = np.array([1e-6, 1e12, 1.0, 1e4]), np.array([3e-4, -7e18, 1e9, 0.0])
    expected = said(MODELS[name], panel(WALKS), horizon)
    found = said(MODELS[name], panel(WALKS * factors + offsets), horizon)
    assert_in_units(found, expected, factors, offsets, tolerance_of(name))


@pytest.mark.parametrize("offset", [0.0, 1e6, 1e9])
@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e12])
@pytest.mark.parametrize("name", ALL)
def test_all_series_may_have_other_units(name, factor, offset):
    """The offset is so many times what a step moves."""
    expected = said(ALL[name], panel(WALKS))
    found = said(ALL[name], panel((WALKS + offset) * factor))
    at = np.full(4, factor), np.full(4, factor * offset)
    assert_in_units(found, expected, *at, tolerance_of(name))


# ------------------------------------------------------------------------------ types of numbers

#: Whole numbers that all types hold, and whose differences and squares they do not.
WHOLE = np.clip(np.rint(WALKS * 30), -120, 120)
TYPES = ["int8", "int64", "uint8", "float16", "float32", "Int16", "Float32", "object"]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", {**MODELS, **ALL})
def test_the_type_of_numbers_does_not_matter(name, dtype):
    """Numbers of any type are predicted as the same numbers in float64."""
    series = panel(WHOLE + 120 * (dtype == "uint8"))
    model = {**MODELS, **ALL}[name]
    expected = said(model, series)
    found = said(model, series, change=lambda table: table.astype(dtype))
    tolerance = max(tolerance_of(name), 1e-5 if "32" in dtype else 0)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == "float64"
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * 200)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int16", "uint16"])
@pytest.mark.parametrize("name", {**MODELS, **ALL})
def test_numbers_near_the_end_of_their_type_are_predicted(name, dtype):
    """Neither differences nor squares of them leave the range of the type that holds them."""
    most = 1e38 if dtype == "float32" else 30_000 if dtype == "int16" else 60_000
    low = 0 if dtype == "uint16" else -1
    values = (WALKS - WALKS.min(axis=0)) / np.ptp(WALKS, axis=0) * (1 - low) + low
    series = panel(np.rint(values * 1000) / 1000 * most).astype(dtype)
    model = {**MODELS, **ALL}[name]
    expected = said(model, series.astype(float))
    found = said(model, series)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * most)


#: float32 holds these numbers, but few others between them.
NEAR_A_MILLION = panel(1e6 + np.rint(WALKS * 9) / 2)


@pytest.mark.parametrize("name", {**MODELS, **ALL})
def test_float32_that_moves_little_is_predicted_as_float64(name):
    """No step rounds large numbers before it has taken out their level."""
    model = {**MODELS, **ALL}[name]
    expected = said(model, NEAR_A_MILLION)
    found = said(model, NEAR_A_MILLION, change=lambda table: table.astype("float32"))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-2)


@pytest.mark.parametrize("transformer", [SeriesMinMaxScaler(), EACH, Differencer()], ids=str)
def test_a_transformer_takes_the_level_out_of_float32(transformer):
    """What is left is right to float32, and the way back gives the numbers again."""
    table = NEAR_A_MILLION.to_frame()
    expected = clone(transformer).fit_transform(table)
    found = transformer.fit_transform(table.astype("float32"))
    assert (found.dtypes == "float32").all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    restored = transformer.inverse_transform(found)
    np.testing.assert_allclose(restored, table, rtol=0, atol=1e-4)


# -------------------------------------------------------------------------- few rows, no movement


@pytest.mark.parametrize("value", [0.0, 7.0, 1e9 / 3, -1e-6])
@pytest.mark.parametrize("name", MODELS)
def test_a_constant_series_among_others_stays_what_it_is(name, value):
    """Its predictions lie as near to it as its numbers do, or one step of the others."""
    values = WALKS.copy()
    values[:, 2] = value
    for part in said(MODELS[name], panel(values)):
        assert np.isfinite(part).all()
        assert np.abs(part[:, 2] - value).max() < 2


@pytest.mark.parametrize("name", {**MODELS, **ALL})
def test_a_series_of_one_row_teaches_nothing_where_it_has_no_window(name):
    """Others are predicted as without it, and its own prediction is finite."""
    model = {**MODELS, **ALL}[name]
    X, y = series_to_supervised(panel(WALKS))
    new = X[-1:].rename({"d": "e"}, level="shop"), y[-1:].rename({"d": "e"}, level="shop")
    longer = pd.concat([X, new[0]]), pd.concat([y, new[1]])
    alone, beside = clone(model), clone(model)
    quietly(alone.fit, X, y)
    quietly(beside.fit, *longer)
    found = quietly(beside.predict, longer[0])
    # The last bit of a float32 sum depends on how many rows are computed together.
    rtol = 1e-6 if "network" in name else 0
    np.testing.assert_allclose(found[:-1], quietly(alone.predict, X), rtol=rtol)
    assert np.isfinite(found[-1])


def test_ten_thousand_series_of_three_rows():
    """They are predicted as by arrays of one column a series."""
    values = np.random.default_rng(1).normal(size=(4, 10_000)).cumsum(axis=0) + 1e9
    index = pd.MultiIndex.from_product([range(4), range(10_000)], names=["day", "shop"])
    X, y = series_to_supervised(pd.Series(values.ravel(), index, name="sold"))
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(1, flatten=True), Ridge()),
        make_pipeline(Differencer(), SeriesMinMaxScaler(per_series=True)),
    )
    found = model.fit(X, y).predict(X).reshape(3, -1)

    lags, targets = np.diff(values, axis=0)[:-1], np.diff(values, axis=0)[1:]
    low, spread = targets.min(axis=0), np.ptp(targets, axis=0)
    inputs, scaled = (lags - low) / spread, (targets - low) / spread
    ridge = Ridge().fit(inputs.reshape(-1, 1), scaled.ravel())
    expected = ridge.predict(inputs.reshape(-1, 1)).reshape(2, -1) * spread + low + values[1:3]
    np.testing.assert_allclose(found[1:], expected, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(found[0], values[0])  # no difference is known
