"""The methods that `accuracy.py` compares, each written as its users write it.

A method gets all series and a seed, and returns for each series a table of two columns: `one`, each
row forecast from the rows before it, and `many`, all rows of a season or two from the rows before
the first of them. It learns from the training rows alone, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Job:
    """A series, of which the last `n_test` rows are to be forecast."""

    name: str
    values: pd.Series
    season: int
    n_test: int
    horizon: int

    @property
    def frequency(self) -> str:
        """M for months, Q for quarters."""
        return self.values.index.freqstr[0]

    @property
    def train(self) -> pd.Series:
        """The rows to learn from."""
        return self.values[: -self.n_test]

    @property
    def is_positive(self) -> bool:
        """Whether the logarithm may be taken, by the rows to learn from."""
        return bool((self.train > 0).all())

    def origins(self) -> Iterator[int]:
        """Yield for each forecast of many steps how many rows there are before it."""
        return iter(range(len(self.train), len(self.values), self.horizon))

    def known(self) -> Iterator[pd.Series]:
        """Yield for each row to forecast the rows before it."""
        return (self.values[:n] for n in range(len(self.train), len(self.values)))


Forecasts = dict[str, pd.DataFrame]


def table_of(one, many) -> pd.DataFrame:
    """Put forecasts of each row, and of many rows at a time, side by side."""
    return pd.DataFrame({"one": np.asarray(one, float), "many": np.concatenate([*many])})


def each(method: Callable[[Job, int], pd.DataFrame], jobs: list[Job], seed: int) -> Forecasts:
    """Forecast each series by itself."""
    return {job.name: method(job, seed) for job in jobs}


# --- classical methods --------------------------------------------------------------------------


def seasonal_naive(job: Job, seed: int) -> pd.DataFrame:
    """Forecast the value of a season before."""
    values = job.values.to_numpy()
    many = [np.resize(values[n - job.season : n], job.horizon) for n in job.origins()]
    return table_of(values[-job.n_test - job.season : -job.season], many)


def statistical(name: str, job: Job, seed: int) -> pd.DataFrame:
    """Forecast by a model of statsforecast, fitted once and run over the known rows."""
    from statsforecast import models

    model = getattr(models, name)(season_length=job.season).fit(job.train.to_numpy())
    one = [model.forward(known.to_numpy(), h=1)["mean"][0] for known in job.known()]
    values = job.values.to_numpy()
    many = [model.forward(values[:n], h=job.horizon)["mean"] for n in job.origins()]
    return table_of(one, many)


# --- other packages' networks -------------------------------------------------------------------


def skforecast_rnn(job: Job, seed: int) -> pd.DataFrame:
    """Forecast by the recurrent network of skforecast: one LSTM for all steps, as it comes."""
    import keras
    from skforecast.deep_learning import ForecasterRnn, create_and_compile_model

    keras.utils.set_random_seed(seed)
    table = job.values.to_timestamp().to_frame(job.name)
    options = {"levels": [job.name], "lags": 2 * job.season}
    train = table.iloc[: -job.n_test]
    # The default optimiser is one object for all networks of a process, which keeps what it learnt.
    compiled = {"optimizer": keras.optimizers.Adam(), "loss": "mse"}
    network = create_and_compile_model(
        series=train, steps=job.horizon, compile_kwargs=compiled, **options
    )
    keep = {"epochs": 50, "batch_size": 32, "verbose": 0}
    model = ForecasterRnn(estimator=network, fit_kwargs=keep, **options)
    model.fit(series=train)

    def ahead(n_known: int) -> np.ndarray:
        window = table.iloc[n_known - 2 * job.season : n_known]
        return model.predict(last_window=window)["pred"].to_numpy()

    one = [ahead(n_known)[0] for n_known in range(len(train), len(table))]
    return table_of(one, [ahead(n_known) for n_known in job.origins()])


def neuralforecast_lstm(jobs: list[Job], seed: int) -> Forecasts:
    """Forecast by the LSTM of neuralforecast, one for all series of a season, as it comes."""
    from neuralforecast import NeuralForecast
    from neuralforecast.models import LSTM

    season, horizon = jobs[0].season, jobs[0].horizon
    quiet = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False}
    model = LSTM(h=horizon, input_size=2 * season, random_seed=seed, **quiet)
    forecaster = NeuralForecast([model], freq=jobs[0].frequency + "E")

    def long(named: dict[str, pd.Series]) -> pd.DataFrame:
        parts = [
            pd.DataFrame({"unique_id": name, "ds": part.index.to_timestamp("s"), "y": part.values})
            for name, part in named.items()
        ]
        return pd.concat(parts, ignore_index=True)

    forecaster.fit(long({job.name: job.train for job in jobs}))
    # Each row to forecast is a series of its own, which ends before it.
    ends = {
        f"{job.name} {len(known)}": known.iloc[-4 * season :]
        for job in jobs
        for known in job.known()
    }
    found = forecaster.predict(long(ends)).groupby("unique_id")["LSTM"]
    ahead = {name: values.to_numpy() for name, values in found}
    return {
        job.name: table_of(
            [ahead[f"{job.name} {n}"][0] for n in range(len(job.train), len(job.values))],
            [ahead[f"{job.name} {n}"] for n in job.origins()],
        )
        for job in jobs
    }
