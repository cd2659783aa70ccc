"""Compare forecasts of public monthly and quarterly series; write results/accuracy.md.

Each method writes its forecasts into a folder, one file for each seed, and is not run again while
that file is there. A run that was ended goes on with the next series, or the next season where one
network is for all series of a season. A method whose package is missing is left out, so methods
that cannot be installed together are run in turn, each by the Python that has them:

    python benchmarks/accuracy.py FOLDER
    other-environment/bin/python benchmarks/accuracy.py FOLDER --only "neuralforecast LSTM"
    python benchmarks/accuracy.py FOLDER --write

The first run puts the series into the folder, so the other environments need not have them. With
`--choose`, these are series of the competitions, which the network for all series does not learn
from then: settings are chosen on them.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The work is small: threads would wait for each other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from _short._forecasters import (
    Job,
    each,
    neuralforecast_lstm,
    seasonal_naive,
    skforecast_rnn,
    statistical,
)
from _short._series import N_TEST, SEASONS, load_series_to_choose_by, load_short_series

RESULTS = Path(__file__).parent / "results" / "accuracy.md"
#: What follows this line in RESULTS is told by hand, and kept.
_BY_HAND = "\n## How it was done"
#: What the errors of all methods are divided by.
REFERENCE = "ridge"
RIDGES = "ridges, mean of four differencings"
OWN = "LSTM, as it comes"
POOLED = "one network for all series"
TASKS = {"one": "one step ahead", "many": "12 months or 8 quarters ahead"}


def ours(name: str, jobs: list[Job], seed: int):
    """Run a method of `_recipes`, which imports sklstm only where it is used."""
    from _short import _recipes

    return getattr(_recipes, name)(jobs, seed)


#: What a method needs at a time: a series, or all of a season.
SERIES, SEASON = attrgetter("name"), attrgetter("season")
#: By name, the method, how many seeds are run, and what it needs; cheap ones first.
METHODS = {
    "seasonal naive": (partial(each, seasonal_naive), 1, SERIES),
    "ridge": (partial(ours, "ridge"), 1, SERIES),
    "AutoETS": (partial(each, partial(statistical, "AutoETS")), 1, SERIES),
    "AutoTheta": (partial(each, partial(statistical, "AutoTheta")), 1, SERIES),
    "boosted trees": (partial(ours, "boosted_trees"), 1, SERIES),
    RIDGES: (partial(ours, "mean_of_ridges"), 1, SERIES),
    OWN: (partial(ours, "network"), 5, SERIES),
    POOLED: (partial(ours, "pooled"), 5, SEASON),
    "neuralforecast LSTM": (neuralforecast_lstm, 1, SEASON),
    "skforecast RNN": (partial(each, skforecast_rnn), 1, SERIES),
}
#: Means of forecasts of several methods, each the mean of its seeds; or of each seed of the first.
MEANS = [
    ([OWN], False),
    ([POOLED], False),
    ([POOLED, RIDGES], True),
    ([POOLED, RIDGES], False),
]


def jobs_in(folder: Path, *, choose: bool = False) -> list[Job]:
    """Return what is to be forecast: the last three years of months, six years of quarters."""
    path = folder / "series.csv"
    if not path.exists():
        series = load_series_to_choose_by() if choose else load_short_series()
        # As text: an older pandas puts no months and quarters into one index.
        series = {name: values.rename(index=str) for name, values in series.items()}
        pd.concat(series, names=["series", "period"]).rename("value").to_csv(path)
    long = pd.read_csv(path, dtype={"period": str})
    jobs = []
    for name, part in long.groupby("series", sort=False):
        letter = "Q" if "Q" in part["period"].iloc[0] else "M"
        index = pd.PeriodIndex(part["period"], freq=letter)
        values = pd.Series(part["value"].to_numpy(), index, name=str(name))
        horizon = {"M": 12, "Q": 8}[letter]
        jobs.append(Job(str(name), values, SEASONS[letter], N_TEST[letter], horizon))
    return jobs


def run(folder: Path, jobs: list[Job], names: list[str]) -> None:
    """Run methods of which the folder lacks the forecasts."""
    for name in names:
        method, n_seeds, needs = METHODS[name]
        for seed in range(n_seeds):
            path = folder / f"{name}-{seed}.csv"
            if path.exists():
                continue
            begin = time.process_time()
            try:
                run_in_parts(path.with_suffix(".part"), jobs, partial(method, seed=seed), needs)
            except ModuleNotFoundError as error:
                print(f"{name}: left out, {error}", file=sys.stderr)
                break
            path.with_suffix(".part").rename(path)
            taken = f"{time.process_time() - begin:.0f} s of processor time"
            print(f"{name}, seed {seed}: {taken}", file=sys.stderr, flush=True)


def run_in_parts(path: Path, jobs: list[Job], method, needs) -> None:
    """Append the forecasts of one part of the series after the other to those in a file."""
    done = set(pd.read_csv(path)["series"]) if path.exists() else ()
    left = sorted((job for job in jobs if job.name not in done), key=needs)
    for _, part in groupby(left, needs):
        found = pd.concat(method(list(part)), names=["series", "row"])
        found.to_csv(path, mode="a", header=not path.exists())


def forecasts_in(folder: Path) -> dict[tuple[str, int], pd.DataFrame]:
    """Read what the folder holds, by method and seed, and add the means."""
    found = {}
    for name, (_, n_seeds, _) in METHODS.items():
        for seed in range(n_seeds):
            path = folder / f"{name}-{seed}.csv"
            if path.exists():
                found[name, seed] = pd.read_csv(path, index_col=["series", "row"])
    means = {}
    for methods, by_seed in MEANS:
        of_seeds = [[one for (title, _), one in found.items() if title == m] for m in methods]
        if not all(of_seeds):
            continue
        first, *others = of_seeds
        others = [sum(tables) / len(tables) for tables in others]
        firsts = first if by_seed else [sum(first) / len(first)]
        several = "" if by_seed or len(first) == 1 else f", mean of {len(first)} seeds"
        name = ", and ".join([methods[0] + several, *methods[1:]])
        for seed, one in enumerate(firsts):
            means[name, seed] = (one + sum(others)) / (1 + len(others))
    return found | means


def scores_of(folder: Path, jobs: list[Job]) -> pd.DataFrame:
    """Score what the folder holds: a row for each method, seed, task and series."""
    from sklearn.metrics import root_mean_squared_error

    from sklstm.metrics import mean_absolute_scaled_error, root_mean_squared_scaled_error

    rows = []
    for (name, seed), found in forecasts_in(folder).items():
        for job in jobs:
            true = job.values[-job.n_test :].to_numpy()
            scaled = {"y_train": job.train.to_numpy(), "season": job.season}
            for task in TASKS:
                guess = found.loc[job.name, task].to_numpy()
                rows.append(
                    {
                        "method": name,
                        "seed": seed,
                        "task": task,
                        "series": job.name,
                        "RMSE": root_mean_squared_error(true, guess),
                        "RMSSE": root_mean_squared_scaled_error(true, guess, **scaled),
                        "MASE": mean_absolute_scaled_error(true, guess, **scaled),
                    }
                )
    return pd.DataFrame(rows)


def table_of(scores: pd.DataFrame, task: str) -> pd.DataFrame:
    """Sum up the scores of a task: errors of single seeds, averaged over seeds."""
    part = scores[scores["task"] == task]
    keys = ["method", "series"]
    mean = part.groupby(keys)[["RMSE", "RMSSE", "MASE"]].mean()
    wide = part.pivot_table("RMSE", "method", "series")
    relative = np.exp(np.log(wide / wide.loc[REFERENCE]).mean(axis=1))
    # How far the errors of the seeds lie apart, as a share of their mean.
    errors = part.groupby(keys)["RMSE"]
    spread = (errors.max() - errors.min()) / errors.mean()
    n_seeds = part.groupby(keys).size().groupby("method").max()
    return pd.DataFrame(
        {
            "RMSE to ridge": relative,
            "RMSSE": mean["RMSSE"].groupby("method").mean(),
            "MASE": mean["MASE"].groupby("method").mean(),
            "mean rank": wide.rank().mean(axis=1),
            "seeds": n_seeds,
            "spread of seeds": spread.groupby("method").median().where(n_seeds > 1),
        }
    ).sort_values("RMSE to ridge")


def report(scores: pd.DataFrame, n_series: int) -> str:
    """Write the tables in Markdown."""
    from _speed._measure import machine

    lines = ["# Accuracy on single short series", ""]
    lines += [f"- {line}" for line in machine()]
    for task, title in TASKS.items():
        table = table_of(scores, task)
        lines += ["", f"## {title.capitalize()}, {n_series} series", ""]
        lines += [
            f"| method | {' | '.join(table.columns)} |",
            "| --- |" + " --- |" * table.shape[1],
        ]
        for name, row in table.iterrows():
            cells = [f"{row[column]:.3f}" for column in ("RMSE to ridge", "RMSSE", "MASE")]
            cells += [f"{row['mean rank']:.1f}", f"{row['seeds']:.0f}"]
            cells += ["" if np.isnan(row["spread of seeds"]) else f"{row['spread of seeds']:.0%}"]
            lines += [f"| {name} | {' | '.join(cells)} |"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds the forecasts, and gets those missing")
    parser.add_argument("--only", action="append", choices=METHODS, metavar="NAME")
    parser.add_argument("--choose", action="store_true", help="series to choose settings by")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/accuracy.md")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    jobs = jobs_in(arguments.folder, choose=arguments.choose)
    run(arguments.folder, jobs, arguments.only or list(METHODS))
    if arguments.only:
        return
    text = report(scores_of(arguments.folder, jobs), len(jobs))
    print(text)
    if arguments.write:
        kept = RESULTS.read_text(encoding="utf-8").partition(_BY_HAND)[1:]
        RESULTS.write_text(text + "".join(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
