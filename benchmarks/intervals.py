"""Count how many held-out values 90 % intervals contain; write results/intervals.md.

On public monthly and quarterly series, an LSTM learns the 5 %, 50 % and 95 % quantiles, one step
ahead and a season ahead. Three intervals are compared: between the learnt quantiles, between these
conformalised, and around the median from absolute errors. Nothing is chosen by the held-out rows,
the last 24 of each series: the settings were not compared with any others.

    python benchmarks/intervals.py            # prints the table; --write writes it
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

# Small work: threads would wait for each other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pandas as pd
from _short._series import SEASONS, load_short_series
from sklearn.pipeline import make_pipeline

import sklstm
from sklstm import (
    LagWindower,
    LSTMRegressor,
    TimeStepSplit,
    WindowScaledRegressor,
    backtest,
    conformal_interval,
    series_to_supervised,
)
from sklstm.metrics import interval_coverage, winkler_score

RESULTS = Path(__file__).parent / "results" / "intervals.md"
#: The last paragraph of RESULTS begins so; it is told by hand, and kept.
_BY_HAND = "\nA network"
COVERAGE = 0.9
HELD_OUT = 24
ERRORS = TimeStepSplit(3, test_size=16)  # 48 errors of each series
NAMES = ["quantile_0.05", "quantile_0.5", "quantile_0.95"]


def network(season: int):
    """Return a network of quantiles, on two seasons without their level and spread."""
    lstm = LSTMRegressor(
        units=32,
        epochs=20,
        steps_per_epoch=50,  # as many updates for one series as for all
        loss="quantile",
        quantiles=(0.05, 0.5, 0.95),
        random_state=0,
    )
    return make_pipeline(LagWindower(2 * season), WindowScaledRegressor(lstm, season=season))


def table_of(series: dict[str, pd.Series]) -> pd.Series:
    """Make one table of series, whose rows are counted from the first held-out one."""
    parts = [
        pd.Series(one.to_numpy(), pd.RangeIndex(HELD_OUT - len(one), HELD_OUT))
        for one in series.values()
    ]
    return pd.concat(parts, keys=series, names=["series", "row"]).swaplevel().sort_index()


def measure(values: pd.Series, season: int, horizon: int) -> pd.DataFrame:
    """Score the intervals of each series on its held-out rows."""
    # 1. Learn, and measure errors, on what comes before.
    is_past = values.index.get_level_values("row") < 0
    rows, target = series_to_supervised(values[is_past], horizon=horizon, keep_last=horizon > 1)
    model = network(season)
    options = {"refit": False, "season": season, "baselines": (), "method": "predict_quantiles"}
    result = backtest(model, rows, target, ERRORS, **options)
    model.fit(rows, target)

    # 2. Predict the held-out rows, each from the values before it.
    rows, target = series_to_supervised(values, horizon=horizon)
    is_new = rows.index.get_level_values("row") >= 0
    predicted = model[-1].predict_quantiles(model[:-1].transform(rows[is_new]))
    target = pd.DataFrame(target[is_new])
    names = pd.MultiIndex.from_product([target.columns, NAMES])
    quantiles = pd.DataFrame(predicted.reshape(len(target), -1), target.index, names)
    medians = quantiles.xs(NAMES[1], axis=1, level=1)
    if horizon == 1:
        target, quantiles, medians = (
            target.iloc[:, 0],
            quantiles.droplevel(0, 1),
            medians.iloc[:, 0],
        )

    # 3. Score the intervals.
    intervals = {
        "learnt quantiles": quantiles.drop(columns=NAMES[1], level=-1 if horizon > 1 else None),
        "the same, conformalised": conformal_interval(
            result, quantiles, COVERAGE, method="quantile"
        ),
        "median and absolute errors": conformal_interval(result, medians, COVERAGE),
    }
    scale = values[is_past].groupby("series").apply(lambda one: one.diff(season).abs().mean())
    found = {}
    for kind, interval in intervals.items():
        ends = interval.to_numpy().reshape(*target.shape, 2)
        inside = interval_coverage(target, ends, per_series=True)
        winkler = winkler_score(target, ends, coverage=COVERAGE, per_series=True) / scale
        found[kind] = pd.DataFrame({"inside": inside, "score": winkler})
    return pd.concat(found, names=["interval"])


def run(kind: str, horizons: dict[str, int]) -> pd.DataFrame:
    """Measure the series of each frequency, with a network for each or with one for all."""
    found = []
    for letter, season in SEASONS.items():
        series = {
            name: one for name, one in load_short_series().items() if one.index.freqstr[0] == letter
        }
        groups = [series] if kind == "all" else [{name: one} for name, one in series.items()]
        for group in groups:
            scores = measure(table_of(group), season, horizons[letter])
            found.append(scores)
            print(kind, horizons[letter], *group, file=sys.stderr)
    return pd.concat(found)


def report(tables: dict[tuple[str, str], tuple[pd.DataFrame, float]]) -> str:
    """Lay the scores out as text."""
    lines = []
    for (task, kind), (scores, seconds) in tables.items():
        for interval, some in scores.groupby("interval", sort=False):
            inside = some["inside"]
            lines.append(
                f"| {task} | {kind} | {interval} | {inside.mean():.1%} | {inside.min():.0%} to"
                f" {inside.max():.0%} | {some['score'].mean():.2f} | {seconds:.0f} |"
            )
    n_series = scores.index.unique("series").size
    packages = ", ".join(f"{name} {version(name)}" for name in ("scikit-learn", "tensorflow"))
    head = f"""# Values inside 90 % intervals

Written by `benchmarks/intervals.py` with sklstm {sklstm.__version__}, {packages}.

The last {HELD_OUT} rows of {n_series} public monthly and quarterly series, forecast a step or a
season (12 months, 4 quarters) ahead from the rows before; the 48 errors of each series are from a
back-test on the rows before these. Columns: mean share of values inside, least and most of a
series, and mean Winkler score (less is better) in units of the seasonal naive error. Seconds are
for all three intervals, on a busy machine.

| ahead | network | interval | inside | of a series | Winkler | seconds |
|---|---|---|---|---|---|---|
"""
    return head + "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write results/intervals.md")
    arguments = parser.parse_args()
    tables = {}
    for kind, words in (("all", "one for all"), ("each", "one for each series")):
        for task, horizons in (("step", dict.fromkeys(SEASONS, 1)), ("season", SEASONS)):
            begun = time.perf_counter()
            scores = run(kind, horizons)
            tables[task, words] = scores, time.perf_counter() - begun
            print(report(tables), flush=True)
    if arguments.write:
        kept = (
            RESULTS.read_text(encoding="utf-8").partition(_BY_HAND)[1:] if RESULTS.exists() else ()
        )
        RESULTS.write_text(report(tables) + "".join(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
