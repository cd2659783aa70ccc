"""Score forecasts of the hourly series of the M4 competition, beside the published table.

The folder holds the two files of the competition, Hourly-train.csv and Hourly-test.csv: a series a
row, 48 test values each. They are read into one table of many series, and scored with
`sklstm.metrics`.

Some test values stand in the training values of other series, so a model of all series may have
seen them. Scores are therefore printed for the clean series, too: those whose first 4 test values
do not follow each other anywhere in the training values of another series. (With 8 values instead
of 4 all series are clean: many of these matches are short runs of coarsely rounded numbers.)
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    LagWindower,
    LSTMRegressor,
    TimeStepSplit,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    forecast,
    series_to_supervised,
)
from sklstm.metrics import (
    interval_coverage,
    mean_absolute_scaled_error,
    overall_weighted_average,
    symmetric_mean_absolute_percentage_error,
    winkler_score,
)

DAY, WEEK = 24, 168
HORIZON = 48
BATCH = 256
#: Rows that other regressors than networks learn from.
N_ROWS = 20_000
#: sMAPE in percent, MASE and OWA of the hourly series; None where the source has the OWA alone.
#: Makridakis, Spiliotis and Assimakopoulos (2020), International Journal of Forecasting 36 (1).
PUBLISHED: dict[str, tuple[float | None, float | None, float]] = {
    "Naive2": (18.383, 2.395, 1.0),
    "seasonal naive": (13.912, 1.193, 0.628),
    "Comb": (None, None, 1.556),
    "organisers' RNN": (None, None, 1.036),
    "second place": (None, None, 0.484),
    "winner": (None, None, 0.440),
    "best of this group": (None, None, 0.410),
}


def read_m4(folder: Path) -> tuple[pd.Series, pd.Series]:
    """Read the training and the test values as two tables of many series.

    The hour is counted from the last training value of each series, which is hour 0.
    """
    parts = []
    for part in ("train", "test"):
        wide = pd.read_csv(folder / f"Hourly-{part}.csv", index_col=0).rename_axis("series")
        wide.columns = pd.RangeIndex(1, wide.shape[1] + 1)
        long = wide.melt(var_name="hour", ignore_index=False).dropna().reset_index()
        if part == "train":
            long["hour"] -= long["series"].map(wide.notna().sum(axis=1))
        parts.append(long.set_index(["hour", "series"])["value"].sort_index())
    return parts[0], parts[1]


def seasonal_naive(values: np.ndarray) -> np.ndarray:
    """Repeat the last season."""
    return np.resize(values[-DAY:], HORIZON)


def naive2(values: np.ndarray) -> np.ndarray:
    """Repeat the last value of the seasonally adjusted series, times the season.

    The series is adjusted by a classical multiplicative decomposition, if its autocorrelation one
    season back is significant at 90 %. This is the competition's own Naive2.
    """
    n_values = len(values)
    centred = values - values.mean()
    lags = range(1, DAY + 1)
    correlation = np.array([centred[lag:] @ centred[:-lag] for lag in lags]) / (centred @ centred)
    limit = 1.645 * np.sqrt((1 + 2 * (correlation[:-1] ** 2).sum()) / n_values)
    if n_values < 3 * DAY or abs(correlation[-1]) <= limit:
        return np.full(HORIZON, values[-1])
    # The trend is a centred moving average over one season.
    weights = np.ones(DAY + 1)
    weights[[0, -1]] = 0.5
    ratio = np.full(n_values, np.nan)
    half = DAY // 2
    ratio[half:-half] = values[half:-half] / np.convolve(values, weights / DAY, mode="valid")
    figure = np.array([np.nanmean(ratio[phase::DAY]) for phase in range(DAY)])
    figure /= figure.mean()
    ahead = figure[(n_values + np.arange(HORIZON)) % DAY]
    return values[-1] / figure[(n_values - 1) % DAY] * ahead


def forecast_each(train: pd.Series, method) -> pd.Series:
    """Forecast each series from its own training values."""
    hours = train.index.get_level_values("hour").max() + pd.RangeIndex(1, HORIZON + 1)
    found = {
        name: pd.Series(method(values.to_numpy()), hours)
        for name, values in train.groupby("series")
    }
    return pd.concat(found, names=["series", "hour"]).swaplevel().sort_index()


def build(regressor, window: int, *, season: int, flatten: bool = False):
    """Build the recipe around a regressor that predicts all hours at once.

    Logarithms are taken of the series; level, spread and the value a season earlier are taken out
    of each window. Networks get a day in one step, other regressors get columns.
    """
    return TransformedSeriesRegressor(
        make_pipeline(
            LagWindower(window, fold=1 if flatten else DAY, flatten=flatten),
            WindowScaledRegressor(regressor, season=season),
        ),
        transformer=FunctionTransformer(np.log, np.exp),
    )


def network(units: int, epochs: int, n_windows: int, **parameters) -> LSTMRegressor:
    """Build a network that draws so many windows in an epoch."""
    return LSTMRegressor(
        units=units,
        loss="mae",
        learning_rate=2e-3,
        learning_rate_schedule="cosine",
        epochs=epochs,
        batch_size=BATCH,
        steps_per_epoch=n_windows // BATCH,
        random_state=0,
    ).set_params(**parameters)


def choose(X: pd.DataFrame, y: pd.DataFrame) -> dict[str, int]:
    """Choose window and season by the last training hours, with a small network."""
    known = y.notna().all(axis=1)
    X, y = X[known], y[known]
    *_, last = TimeStepSplit(2, test_size=1).split(X, y)
    search = GridSearchCV(
        build(network(units=32, epochs=8, n_windows=20_000), WEEK, season=WEEK),
        {
            "regressor__lagwindower__window": [WEEK, 2 * WEEK],
            "regressor__windowscaledregressor__season": [DAY, WEEK],
        },
        cv=[last],
        scoring=make_scorer(symmetric_mean_absolute_percentage_error, greater_is_better=False),
        refit=False,
    ).fit(X, y)
    results = pd.DataFrame(search.cv_results_)
    table = pd.DataFrame(list(search.cv_results_["params"])).rename(
        columns=lambda c: c.split("__")[-1]
    )
    table["sMAPE"] = -100 * results["mean_test_score"]
    print(
        f"Forecasts of the last {HORIZON} training hours:", table.to_string(index=False), sep="\n"
    )
    best = table.loc[table["sMAPE"].idxmin()]
    return {"window": int(best["window"]), "season": int(best["season"])}


def clean_series(train: pd.Series, test: pd.Series, n_values: int = 4) -> list:
    """List the series whose first test values do not stand in another series' training values."""
    found: dict[bytes, set] = {}
    for name, values in train.groupby("series"):
        for window in np.lib.stride_tricks.sliding_window_view(values.to_numpy(), n_values):
            found.setdefault(window.tobytes(), set()).add(name)
    return [
        name
        for name, values in test.groupby("series")
        if not found.get(values.to_numpy()[:n_values].tobytes(), set()) - {name}
    ]


def score(train: pd.Series, test: pd.Series, forecasts: dict, baseline: str = "Naive2"):
    """Score forecasts by the measures of the competition."""
    lines = {
        name: (
            100 * symmetric_mean_absolute_percentage_error(test, predicted),
            mean_absolute_scaled_error(test, predicted, y_train=train, season=DAY),
            overall_weighted_average(
                test, predicted, forecasts[baseline], y_train=train, season=DAY
            ),
        )
        for name, predicted in forecasts.items()
    }
    return pd.DataFrame(lines, ["sMAPE", "MASE", "OWA"]).T


def score_intervals(train: pd.Series, test: pd.Series, quantiles: pd.DataFrame) -> pd.Series:
    """Score 95 % intervals: how many values they hold, and the competition's MSIS."""
    interval = quantiles.iloc[:, [0, -1]]
    return pd.Series(
        {
            "inside": interval_coverage(test, interval),
            "MSIS": winkler_score(test, interval, coverage=0.95, y_train=train, season=DAY),
        }
    )


def main() -> None:
    """Read, choose, forecast, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with Hourly-train.csv and Hourly-test.csv")
    parser.add_argument("--networks", type=int, default=3, help="networks (default: 3)")
    parser.add_argument("--epochs", type=int, default=20, help="epochs (default: 20)")
    parser.add_argument(
        "--windows", type=int, default=60_000, help="windows in an epoch (default: 60000)"
    )
    parser.add_argument("--trees", action="store_true", help="boosted trees, too (minutes more)")
    parser.add_argument(
        "--intervals", action="store_true", help="95 %% intervals, too (minutes more)"
    )
    arguments = parser.parse_args()
    train, test = read_m4(arguments.folder)
    X, y = series_to_supervised(train, horizon=HORIZON, keep_last=True)
    chosen = choose(X, y)
    some = y.sample(N_ROWS, random_state=0).reindex(y.index)
    named = {
        "networks": (
            build(
                network(128, arguments.epochs, arguments.windows, n_networks=arguments.networks),
                **chosen,
            ),
            y,
        ),
        "ridge": (build(Ridge(), **chosen, flatten=True), some),
    }
    if arguments.trees:
        trees = MultiOutputRegressor(HistGradientBoostingRegressor(loss="absolute_error"))
        named["boosted trees"] = build(trees, **chosen, flatten=True), some
    forecasts = {
        "Naive2": forecast_each(train, naive2),
        "seasonal naive": forecast_each(train, seasonal_naive),
    }
    for title, (model, targets) in named.items():
        begin = time.perf_counter()
        forecasts[title] = forecast(model.fit(X, targets), X, HORIZON, y=y)
        print(f"{title}: {time.perf_counter() - begin:.0f} s")
    if arguments.intervals:
        learnt = network(
            128, arguments.epochs, arguments.windows, loss="quantile", quantiles=(0.025, 0.5, 0.975)
        )
        model = build(learnt, **chosen).fit(X, y)
        quantiles = forecast(model, X, HORIZON, y=y, method="predict_quantiles")
        print("Learnt 95 % intervals:", score_intervals(train, test, quantiles), sep="\n")
    published = pd.DataFrame(PUBLISHED, ["sMAPE", "MASE", "OWA"]).T.astype(float)
    print("Published:", published.to_string(na_rep="", float_format="%.3f"), sep="\n")
    clean = clean_series(train, test)
    for title, names in (("All series", None), ("Clean series", clean)):
        part = {
            name: one if names is None else one[one.index.isin(names, level="series")]
            for name, one in {"train": train, "test": test, **forecasts}.items()
        }
        table = score(part.pop("train"), part.pop("test"), part)
        n_series = test.index.get_level_values("series").nunique() if names is None else len(names)
        print(f"\n{title} ({n_series}):", table.to_string(float_format="%.3f"), sep="\n")


if __name__ == "__main__":
    main()
