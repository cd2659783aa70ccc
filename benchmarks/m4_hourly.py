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
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)
from sklstm.metrics import (
    mean_absolute_scaled_error,
    overall_weighted_average,
    symmetric_mean_absolute_percentage_error,
)

SEASON = 24
HORIZON = 48
WINDOW = 168
BATCH = 256
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
    return np.resize(values[-SEASON:], HORIZON)


def naive2(values: np.ndarray) -> np.ndarray:
    """Repeat the last value of the seasonally adjusted series, times the season.

    The series is adjusted by a classical multiplicative decomposition, if its autocorrelation one
    season back is significant at 90 %. This is the competition's own Naive2.
    """
    n_values = len(values)
    centred = values - values.mean()
    lags = range(1, SEASON + 1)
    correlation = np.array([centred[lag:] @ centred[:-lag] for lag in lags]) / (centred @ centred)
    limit = 1.645 * np.sqrt((1 + 2 * (correlation[:-1] ** 2).sum()) / n_values)
    if n_values < 3 * SEASON or abs(correlation[-1]) <= limit:
        return np.full(HORIZON, values[-1])
    # The trend is a centred moving average over one season.
    weights = np.ones(SEASON + 1)
    weights[[0, -1]] = 0.5
    ratio = np.full(n_values, np.nan)
    half = SEASON // 2
    ratio[half:-half] = values[half:-half] / np.convolve(values, weights / SEASON, mode="valid")
    figure = np.array([np.nanmean(ratio[phase::SEASON]) for phase in range(SEASON)])
    figure /= figure.mean()
    ahead = figure[(n_values + np.arange(HORIZON)) % SEASON]
    return values[-1] / figure[(n_values - 1) % SEASON] * ahead


def forecast_each(train: pd.Series, method) -> pd.Series:
    """Forecast each series from its own training values."""
    hours = pd.RangeIndex(1, HORIZON + 1)
    found = {
        name: pd.Series(method(values.to_numpy()), hours)
        for name, values in train.groupby("series")
    }
    return pd.concat(found, names=["series", "hour"]).swaplevel().sort_index()


def forecast_by_network(train: pd.Series, build, n_epochs: int, n_windows: int) -> pd.Series:
    """Forecast all series by one network, which draws so many windows in an epoch."""
    import keras

    n_batches = n_windows // BATCH
    rate = keras.optimizers.schedules.CosineDecay(2e-3, n_epochs * n_batches)
    model = TransformedSeriesRegressor(
        make_pipeline(
            LagWindower(WINDOW, fold=SEASON),
            LSTMRegressor(
                network=build,
                normalize=False,  # each window is standardised inside the network
                loss="mae",
                optimizer=keras.optimizers.Adam(rate),
                epochs=n_epochs,
                batch_size=BATCH,
                steps_per_epoch=n_batches,
                random_state=0,
            ),
        ),
        transformer=FunctionTransformer(np.log, np.exp),
    )
    X, y = series_to_supervised(train, horizon=HORIZON, keep_last=True)
    return forecast(model.fit(X, y), X, HORIZON, y=y)


def from_the_mean(input_shape, n_outputs):
    """Build a network that predicts how far the hours ahead lie from the mean of their window."""
    windows, mean, spread, hidden = _standardised(input_shape)
    return _predict(windows, mean, spread, hidden, n_outputs)


def from_the_week_before(input_shape, n_outputs):
    """Build a network that predicts how far the hours ahead lie from those a week earlier."""
    import keras

    windows, _, spread, hidden = _standardised(input_shape)
    a_week_before = keras.layers.Flatten()(windows)[:, :n_outputs]
    return _predict(windows, a_week_before, spread, hidden, n_outputs)


def _standardised(input_shape):
    """Return windows, their mean and spread, and what an LSTM makes of them standardised."""
    import keras

    windows = keras.Input(input_shape)
    mean = keras.ops.mean(windows, axis=(1, 2), keepdims=True)
    spread = keras.ops.std(windows, axis=(1, 2), keepdims=True) + 1e-3
    hidden = keras.layers.LSTM(64)((windows - mean) / spread)
    return windows, mean[:, :, 0], spread[:, :, 0], hidden


def _predict(windows, base, spread, hidden, n_outputs):
    """Return a network that predicts multiples of the spread, from some base on."""
    import keras

    return keras.Model(windows, base + spread * keras.layers.Dense(n_outputs)(hidden))


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
            mean_absolute_scaled_error(test, predicted, y_train=train, season=SEASON),
            overall_weighted_average(
                test, predicted, forecasts[baseline], y_train=train, season=SEASON
            ),
        )
        for name, predicted in forecasts.items()
    }
    return pd.DataFrame(lines, ["sMAPE", "MASE", "OWA"]).T


NETWORKS = {
    "one network, from the mean": from_the_mean,
    "one network, from the week before": from_the_week_before,
}


def main() -> None:
    """Read, forecast, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with Hourly-train.csv and Hourly-test.csv")
    parser.add_argument("--epochs", type=int, default=15, help="epochs (default: 15)")
    parser.add_argument(
        "--windows", type=int, default=40_000, help="windows in an epoch (default: 40000)"
    )
    arguments = parser.parse_args()
    train, test = read_m4(arguments.folder)
    forecasts = {
        "Naive2": forecast_each(train, naive2),
        "seasonal naive": forecast_each(train, seasonal_naive),
    }
    for title, build in NETWORKS.items():
        begin = time.perf_counter()
        forecasts[title] = forecast_by_network(train, build, arguments.epochs, arguments.windows)
        print(f"{title}: {time.perf_counter() - begin:.0f} s")
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
