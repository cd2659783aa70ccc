"""Train on the hourly series of the M4 competition and forecast them, beside neuralforecast.

The folder holds Hourly-train.csv of the competition. Both scale each of the 414 series to [0, 1],
train one LSTM for one epoch of about 40,000 windows of 168 hours with 48 outputs, in batches of
256, and forecast 48 hours of all series. Each runs in a process of its own, one after the other;
imports and reading do not count, tracing does. neuralforecast is measured where it is installed.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from _speed._cases import seconds
from _speed._measure import alternate, contender, installed, machine
from m4_hourly import BATCH, HORIZON, WEEK, read_m4
from sklearn.pipeline import make_pipeline

from sklstm import (
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)


def ours(*, folder: Path, units: int, steps: int):
    """Return the whole way from the series to their forecasts."""
    import sklstm.engine._train  # noqa: F401, loads TensorFlow

    series, _ = read_m4(folder)
    network = LSTMRegressor(
        units, epochs=1, steps_per_epoch=steps, batch_size=BATCH, random_state=0
    )
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(WEEK), network), transformer=SeriesMinMaxScaler(per_series=True)
    )

    def work():
        X, y = series_to_supervised(series, horizon=HORIZON, keep_last=True)
        forecast(model.fit(X, y), X, HORIZON, y=y)

    return work


def theirs(*, folder: Path, units: int, steps: int):
    """Return the same with neuralforecast's LSTM, whose outputs are those of its last steps."""
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MSE
    from neuralforecast.models import LSTM

    series, _ = read_m4(folder)
    table = series.rename("y").rename_axis(index={"hour": "ds", "series": "unique_id"})
    table = table.reset_index()
    quietly = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    network = LSTM(
        HORIZON,
        input_size=WEEK,
        encoder_n_layers=1,
        encoder_hidden_size=units,
        decoder_layers=1,
        loss=MSE(),
        max_steps=steps,
        val_check_steps=steps,
        windows_batch_size=BATCH,
        scaler_type="identity",
        random_seed=0,
        enable_model_summary=False,
        **quietly,
    )
    model = NeuralForecast([network], freq=1, local_scaler_type="minmax")

    def work():
        model.fit(table)
        model.predict()

    return work


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="with Hourly-train.csv and Hourly-test.csv")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("--only", choices=["sklstm", "neuralforecast"], help="one of the two")
    parser.add_argument("--units", type=int, default=64, help="units (default: 64)")
    parser.add_argument("--windows", type=int, default=40_000, help="windows (default: 40000)")
    arguments = parser.parse_args()
    size = {
        "folder": arguments.folder,
        "units": arguments.units,
        "steps": arguments.windows // BATCH,
    }
    works = {"sklstm": ours, "neuralforecast": theirs}
    contenders = [
        contender(name, work, fresh=True, **size)
        for name, work in works.items()
        if arguments.only == name or (not arguments.only and (work is ours or installed(name)))
    ]
    print(*machine(), sep="\n")
    for name, one in alternate(contenders, arguments.rounds).items():
        print(f"{name}: {seconds(one.seconds)}, {one.mib:+,.0f} MB at most")


if __name__ == "__main__":
    main()
