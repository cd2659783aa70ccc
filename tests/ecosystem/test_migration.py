"""Tables of many series from other packages, as the page on migration translates them.

The layouts below were read off real objects, in an environment of its own: those of utilsforecast
0.2.17 (which neuralforecast, mlforecast and statsforecast share), sktime 1.2.0, skforecast 0.26.0,
darts 0.48.1 and GluonTS 0.17.0. Each holds the same three shops, which open and close in different
months.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import LagWindower, series_to_supervised

MONTHS = pd.date_range("2024-01-01", periods=6, freq="MS")
#: First month and values of each shop.
SHOPS = {
    "b": (0, [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]),
    "a": (2, [20.0, 21.0, 22.0, 23.0]),
    "c": (1, [30.0, 31.0, 32.0]),
}
EXPECTED = [
    (month, shop, SHOPS[shop][1][place - SHOPS[shop][0]])
    for place, month in enumerate(MONTHS)
    for shop in "abc"
    if 0 <= place - SHOPS[shop][0] < len(SHOPS[shop][1])
]


def months_of(shop):
    """Return the months of a shop."""
    first, values = SHOPS[shop]
    return MONTHS[first : first + len(values)]


def long_of_nixtla():
    """Return `unique_id, ds, y`, series by series: ids are categories, and rows are numbered."""
    parts = [
        pd.DataFrame({"unique_id": shop, "ds": months_of(shop), "y": SHOPS[shop][1]})
        for shop in SHOPS
    ]
    return pd.concat(parts, ignore_index=True).astype({"unique_id": "category"})


def frame_of_sktime(levels):
    """Return `pd-multiindex`, or `pd_multiindex_hier`: the time is the last level."""
    shops = sorted(SHOPS)
    index = [
        (*["north"] * (levels - 2), shop, month) for shop in shops for month in months_of(shop)
    ]
    names = ["h0", "h1", "time"] if levels == 3 else ["instances", "timepoints"]
    values = [value for shop in shops for value in SHOPS[shop][1]]
    return pd.DataFrame({"c0": values}, pd.MultiIndex.from_tuples(index, names=names))


def dict_of_skforecast():
    """Return the dict of `reshape_series_long_to_dict`: Series with a frequency and their name."""
    return {shop: pd.Series(SHOPS[shop][1], months_of(shop), name=shop) for shop in SHOPS}


def frame_of_skforecast():
    """Return the frame of `reshape_series_wide_to_long`: index (series, time), one column."""
    frame = frame_of_sktime(2).rename_axis(["series_id", "datetime"])
    return frame.set_axis(["value"], axis=1)


class TimeSeries:
    """What a `TimeSeries` of `from_group_dataframe` gives: values and static covariates."""

    def __init__(self, shop):
        self._series = pd.Series(SHOPS[shop][1], months_of(shop).rename("ds"), name="y")
        self.static_covariates = pd.DataFrame({"unique_id": [shop]}, index=["y"]).rename_axis(
            columns="static_covariates"
        )

    def to_series(self):
        """Return the values with their dates."""
        return self._series


def entries_of_gluonts():
    """Return the entries of a `PandasDataset`: a start, an array, and the name of the series."""
    for shop in SHOPS:
        start = pd.Period(months_of(shop)[0], "M")
        yield {"start": start, "target": np.array(SHOPS[shop][1]), "item_id": shop}


def from_nixtla():
    """Translate a long table."""
    return long_of_nixtla().set_index(["ds", "unique_id"]).sort_index()["y"]


def from_sktime():
    """Translate a panel."""
    return frame_of_sktime(2).swaplevel().sort_index()["c0"]


def from_hierarchy():
    """Translate a hierarchy."""
    return frame_of_sktime(3).reorder_levels(["time", "h0", "h1"]).sort_index()["c0"]


def from_dict():
    """Translate a dict of Series."""
    return pd.concat(dict_of_skforecast()).swaplevel().sort_index()


def from_skforecast():
    """Translate a frame whose first level is the series."""
    return frame_of_skforecast().swaplevel().sort_index()["value"]


def from_darts():
    """Translate a list of TimeSeries."""
    many = [TimeSeries(shop) for shop in SHOPS]
    series = {one.static_covariates["unique_id"].iloc[0]: one.to_series() for one in many}
    return pd.concat(series).swaplevel().sort_index()


def from_gluonts():
    """Translate the entries of a dataset."""
    series = {
        entry["item_id"]: pd.Series(
            entry["target"], pd.period_range(entry["start"], periods=len(entry["target"]))
        )
        for entry in entries_of_gluonts()
    }
    return pd.concat(series).swaplevel().sort_index()


TRANSLATED = {
    translate.__name__: translate
    for translate in (
        *(from_nixtla, from_sktime, from_hierarchy),
        *(from_dict, from_skforecast, from_darts, from_gluonts),
    )
}


@pytest.mark.parametrize("form", TRANSLATED)
def test_a_translated_table_holds_each_value_at_its_time_and_series(form):
    """Rows are sorted in time; the month of a period is its first day."""
    panel = TRANSLATED[form]()
    times = panel.index.get_level_values(0)
    times = times.to_timestamp() if isinstance(times, pd.PeriodIndex) else times
    found = list(zip(times, panel.index.get_level_values(-1), panel, strict=True))
    assert found == EXPECTED


@pytest.mark.parametrize("form", TRANSLATED)
def test_a_translated_table_is_learnt_series_by_series(form):
    """Each row holds the value before it in its shop, and a model is fitted to them."""
    X, y = series_to_supervised(TRANSLATED[form]())
    for shop, (_, values) in SHOPS.items():
        rows = y.index.get_level_values(-1) == shop
        assert y[rows].tolist() == values[1:]
        assert X[rows].iloc[:, 0].tolist() == values[:-1]
    assert np.isfinite(Ridge().fit(X, y).predict(X)).all()


@pytest.mark.parametrize(
    "untranslated", [frame_of_sktime(2), frame_of_sktime(3), frame_of_skforecast()]
)
def test_the_layouts_of_peers_are_refused_with_their_translation(untranslated):
    """A frame with the series first is an error that names the code."""
    with pytest.raises(ValueError, match=r"(swaplevel\(\)|reorder_levels\(.*\))\.sort_index\(\)"):
        series_to_supervised(untranslated)


def test_numbered_instances_and_timepoints_of_sktime_are_refused():
    """Both levels are numbers, so only their names tell which one is the time."""
    index = pd.MultiIndex.from_product([range(2), range(3)], names=["instances", "timepoints"])
    frame = pd.DataFrame({"var_0": np.arange(6.0)}, index)
    with pytest.raises(ValueError, match=r"Use X\.swaplevel\(\)\.sort_index\(\)"):
        make_pipeline(LagWindower(2, flatten=True), Ridge()).fit(frame, np.arange(6.0))


def test_the_way_back_to_the_peers():
    """Predictions of the panel go back into the layouts that they came from."""
    panel = from_nixtla()
    long = panel.reset_index()[["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"])
    expected = long_of_nixtla().sort_values(["unique_id", "ds"])
    pd.testing.assert_frame_equal(
        long.reset_index(drop=True), expected.reset_index(drop=True), check_categorical=False
    )
    frame = from_sktime().swaplevel().sort_index().to_frame()
    pd.testing.assert_frame_equal(frame, frame_of_sktime(2))
    for shop, series in from_dict().groupby(level=1):
        pd.testing.assert_series_equal(
            series.droplevel(1), dict_of_skforecast()[shop], check_freq=False, check_names=False
        )
