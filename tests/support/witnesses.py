"""Steps and callbacks that note which processes run them, and one that waits to be killed."""

import os
import signal
import threading
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from searches import windowed_network
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    backtest,
    forecast,
    series_to_supervised,
)

# What docs/user_guide/production/many_machines.rst says a worker of one thread needs, and where
# workers find the test module, whose objects they unpickle, what it imports, and this sklstm.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "PYTHONPATH": os.pathsep.join(
        str(Path(__file__).parent / place) for place in ("../ecosystem", "", "../..")
    ),
}


class Witness(keras.callbacks.Callback):
    """Note which process trains; in the first one of all, wait in mid-training to be killed."""

    def __init__(self, folder, *, wait=False):
        super().__init__()
        self.folder = Path(folder)
        self.wait = wait

    def on_epoch_end(self, epoch, logs=None):
        """Note the process, and wait where no other has."""
        note(self.folder, wait=self.wait)


class WitnessStep(TransformerMixin, BaseEstimator):
    """Hand rows on, and note which process does so; in the first one, wait to be killed."""

    def __init__(self, folder=None, *, wait=False):
        self.folder = folder
        self.wait = wait

    def fit(self, X, y=None):
        """Learn nothing."""
        self.fitted_ = True
        return self

    def transform(self, X):
        """Note the process, and wait where no other has."""
        if self.folder is not None:
            note(self.folder, wait=self.wait)
        return X


def note(folder, *, wait):
    """Note the process in a file; the first one that has to wait waits to be killed.

    The process of the test itself never waits.
    """
    with open(folder / "processes", "a") as file:
        file.write(f"{os.getpid()}\n")
    if wait and (folder / "home").read_text() != str(os.getpid()):
        try:
            with open(folder / "victim", "x") as file:
                file.write(f"{os.getpid()}\n")
        except FileExistsError:
            return
        time.sleep(3600)


def processes_seen(folder):
    """Return the ids of the processes that a witness saw."""
    return {int(line) for line in (folder / "processes").read_text().split()}


def kill_the_one_that_waits(folder, *, after=0):
    """Kill, from a thread, the process in which a witness waits, so many seconds later."""
    (folder / "home").write_text(str(os.getpid()))

    def kill():
        victim = folder / "victim"
        while not (victim.exists() and victim.read_text().endswith("\n")):
            time.sleep(0.1)
        time.sleep(after)
        os.kill(int(victim.read_text()), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()


def watched_network(folder, *, wait=False):
    """Return a small network whose training is noted."""
    return windowed_network(Witness(folder, wait=wait))


def many_series():
    """Return rows of many series, and their target."""
    months = pd.period_range("2020-01", periods=30, freq="M")
    index = pd.MultiIndex.from_product([months, list("abcdefg")], names=["month", "store"])
    values = np.random.default_rng(0).normal(size=len(index)).cumsum()
    return series_to_supervised(pd.Series(values, index, name="sold"))


def differenced(*steps):
    """Return a small network of differences and windows."""
    network = LSTMRegressor(units=2, epochs=1, random_state=0)
    return TransformedSeriesRegressor(make_pipeline(*steps, LagWindower(4), network), Differencer())


def forecast_watched(folder, *, wait=False, **options):
    """Forecast many series, and note which processes do so."""
    rows, y = many_series()
    model = differenced(WitnessStep()).fit(rows, y)
    model.regressor_.set_params(witnessstep__folder=folder, witnessstep__wait=wait)
    return forecast(model, rows, 6, y=y, lookback=6, **options)


def forecast_at_once():
    """Forecast many series in this process."""
    rows, y = many_series()
    return forecast(differenced().fit(rows, y), rows, 6, y=y)


def backtest_watched(folder, *, wait=False, **options):
    """Forecast the folds of many series from a single fit, and note which processes do so."""
    model = differenced(WitnessStep(folder, wait=wait))
    result = backtest(model, *many_series(), 2, refit=False, feed_back=True, **options)
    return result.predictions["prediction"]


def backtest_at_once():
    """Forecast the folds of many series from a single fit in this process."""
    result = backtest(differenced(), *many_series(), 2, refit=False, feed_back=True)
    return result.predictions["prediction"]


#: Calls that share out the series of a single fit, and the same in this process.
SHARED_OUT = [(forecast_watched, forecast_at_once), (backtest_watched, backtest_at_once)]
