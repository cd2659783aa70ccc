"""Change one default of the networks at a time; write results/defaults.md.

Every network forecasts the last two years of monthly series one month ahead: some of the M3 and the
tourism competition, each by a network of its own, and two generated panels, each by one network.
None of them is in an example, a test or `accuracy.py`. It learns logarithms, or their differences.

    python benchmarks/defaults.py FOLDER

FOLDER gets the errors, a line for each network, so that an interrupted run can go on.
"""

from __future__ import annotations

import argparse
import itertools
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The work is small: threads would wait for each other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from _short._series import load_competition
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    series_to_supervised,
)
from sklstm.metrics import root_mean_squared_scaled_error

RESULTS = Path(__file__).parent / "results" / "defaults.md"
SEASON, N_TEST, N_SEEDS = 12, 24, 3
#: Months of a series. A window and the differences take 37, so that 39 or more are learnt from.
FEWEST = 100

#: What differs from the defaults, by what the table calls it.
CHANGES: dict[str, dict] = {
    "as it comes": {},
    "cosine": {"learning_rate_schedule": "cosine"},
    "plateau": {"learning_rate_schedule": "plateau"},
    "clipnorm 1": {"clipnorm": 1.0},
    "50 epochs": {"epochs": 50},
    "200 epochs": {"epochs": 200},
    "200 epochs, cosine": {"epochs": 200, "learning_rate_schedule": "cosine"},
    "rate 0.0003": {"learning_rate": 0.0003},
    "rate 0.003": {"learning_rate": 0.003},
    "rate 0.003, cosine": {"learning_rate": 0.003, "learning_rate_schedule": "cosine"},
    "rate 0.01, cosine": {"learning_rate": 0.01, "learning_rate_schedule": "cosine"},
    "batches of 16": {"batch_size": 16},
    "batches of 64": {"batch_size": 64},
    "8 units": {"units": 8},
    "64 units": {"units": 64},
}
NETWORKS = ("LSTMRegressor", "StatefulLSTMRegressor")
#: What is changed of the network whose state runs on, which takes far longer.
STATEFUL_CHANGES = ("as it comes", "cosine")
#: What a network learns: differences of the logarithms, or the logarithms.
DIFFERENCES = {"differences": [1, SEASON], "values": None}


def series() -> Iterator[tuple[str, pd.Series]]:
    """Yield the name of a group, and a series or a panel of it."""
    for name, n_series in (("M3", 10), ("Tourism", 3)):
        every = load_competition(name, "M").values()
        competition = [values for values in every if len(values) >= FEWEST]
        # Evenly over the competition, whose series are sorted by kind and source.
        for i in np.linspace(0, len(competition) - 1, n_series).round().astype(int):
            values = competition[i]
            index = pd.period_range("2000-01", periods=len(values), freq="M")
            yield name, values.set_axis(index)
    yield "generated", trend_and_season()
    yield "generated", switching()


def trend_and_season(n_series: int = 6, n_steps: int = 120) -> pd.Series:
    """Return positive series, each with a trend, a season and errors that depend on the last."""
    draws = np.random.default_rng(0)
    t = np.arange(n_steps)[:, None]
    season = draws.normal(0, 0.2, (SEASON, n_series))[np.arange(n_steps) % SEASON]
    error = _autoregressive(draws, n_steps, n_series, lambda last: 0.6 * last)
    slope, level = draws.normal(0, 0.005, n_series), draws.normal(5, 1, n_series)
    return _panel(np.exp(level + slope * t + season + 0.05 * error), "trend and season")


def switching(n_series: int = 6, n_steps: int = 120) -> pd.Series:
    """Return positive series that rise slowly and fall fast: no linear model has both."""
    draws = np.random.default_rng(1)
    error = _autoregressive(
        draws, n_steps, n_series, lambda last: np.where(last > 1, -0.8 * last, 0.9 * last + 0.3)
    )
    return _panel(np.exp(draws.normal(5, 1, n_series) + 0.1 * error), "switching")


def _autoregressive(draws, n_steps, n_series, follow) -> np.ndarray:
    steps = [np.zeros(n_series)]
    for noise in draws.normal(0, 0.5, (n_steps - 1, n_series)):
        steps.append(follow(steps[-1]) + noise)
    return np.stack(steps)


def _panel(values: np.ndarray, name: str) -> pd.Series:
    months = pd.period_range("2000-01", periods=len(values), freq="M")
    names = [f"s{i}" for i in range(values.shape[1])]
    index = pd.MultiIndex.from_product([months, names], names=["month", "series"])
    return pd.Series(values.ravel(), index, name=name)


def regressor(network: str, change: str, seed: int):
    """Return a network with one change of its defaults, and the windows that it takes."""
    options = {"random_state": seed, **CHANGES[change]}
    if network == "StatefulLSTMRegressor":
        return StatefulLSTMRegressor(**options)
    return make_pipeline(LagWindower(2 * SEASON), LSTMRegressor(**options))


def error_of(values: pd.Series, learner, interval) -> float:
    """Return the scaled error of the last two years, each month forecast from those before it."""
    X, y = series_to_supervised(values)
    steps = [FunctionTransformer(np.log, np.exp)] if values.min() > 0 else []
    steps += [Differencer(interval)] if interval else []
    transformer = make_pipeline(*steps) if steps else None
    model = TransformedSeriesRegressor(learner, transformer=transformer)
    months = y.index.get_level_values(0)
    is_train = months < months.unique()[-N_TEST]
    predicted = model.fit(X[is_train], y[is_train]).predict(X[~is_train])
    is_panel = values.index.nlevels > 1
    errors = root_mean_squared_scaled_error(
        y[~is_train],
        pd.Series(predicted, y.index[~is_train]),
        y_train=y[is_train],
        season=SEASON,
        **({"per_series": True} if is_panel else {}),
    )
    return float(np.mean(errors))


KEYS = ["network", "target", "change", "group", "series", "seed"]


def run(folder: Path) -> pd.DataFrame:
    """Train the networks of which the folder lacks the error, and return all errors."""
    path = folder / "errors.csv"
    if not path.exists():
        path.write_text(",".join([*KEYS, "error"]) + "\n", encoding="utf-8")
    done = {tuple(row) for row in pd.read_csv(path, dtype=str)[KEYS].to_numpy()}
    for seed, change, target in itertools.product(range(N_SEEDS), CHANGES, DIFFERENCES):
        for network, (group, values) in itertools.product(NETWORKS, list(series())):
            key = network, target, change, group, str(values.name), str(seed)
            if key in done or (network != NETWORKS[0] and change not in STATEFUL_CHANGES):
                continue
            # Networks of one series and one seed begin with the same weights.
            first = zlib.crc32(f"{values.name} {seed}".encode()) % 2**31
            error = error_of(values, regressor(network, change, first), DIFFERENCES[target])
            line = pd.DataFrame([[*key, error]])
            line.to_csv(path, mode="a", header=False, index=False)
    return pd.read_csv(path)


def report(errors: pd.DataFrame) -> str:
    """Write the table in Markdown; a cell of which nothing was run is empty."""
    from _speed._measure import machine

    lines = ["# Defaults of the networks", "", *(f"- {line}" for line in machine()), ""]
    lines += [
        f"Root mean squared scaled error of one-step forecasts of the last {N_TEST} months,",
        "relative to the defaults with the same seed: geometric mean, times or divided by one",
        "standard error over the series. Less is better. Spread is the largest error less the",
        "smallest, relative to their mean, of the seeds of a series: the mean over the series.",
        "",
    ]
    groups = list(errors["group"].unique())
    errors = errors.sort_values(["network", "target"], kind="stable")
    columns = ["network", "learns", "change", *groups, "all", "seeds", "spread"]
    lines += [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    for key in errors[KEYS[:3]].drop_duplicates().itertuples(index=False, name=None):
        runs = runs_of(errors, key)
        default = runs_of(errors, (*key[:2], "as it comes"))
        by_series = np.log(runs / default).dropna().groupby(["group", "series"], sort=False).mean()
        cells = [*key, *(ratio(by_series[by_series.index.isin([g], "group")]) for g in groups)]
        each = runs.groupby(["group", "series"])
        spread = ((each.max() - each.min()) / each.mean())[each.count() > 1].mean()
        seeds = runs.index.unique("seed").size
        cells += [ratio(by_series), str(seeds), "" if np.isnan(spread) else f"{spread:.1%}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def runs_of(errors: pd.DataFrame, key: tuple[str, ...]) -> pd.Series:
    """Return the errors of one change, by group, series and seed."""
    return errors.set_index(KEYS)["error"].xs(key, level=KEYS[:3])


def ratio(logs: pd.Series) -> str:
    """Write the mean of logarithms of ratios, one a series, as a ratio."""
    if logs.empty:
        return ""
    error = np.exp(np.nan_to_num(logs.std()) / np.sqrt(len(logs)))
    return f"{np.exp(logs.mean()):.3f} × {error:.3f} ({len(logs)})"


def main() -> None:
    """Run what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds the errors")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    text = report(run(folder))
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
