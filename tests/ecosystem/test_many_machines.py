"""Searches, back-tests and forecasts on a cluster: the same bits, also when a worker dies."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from searches import SPLITS, X, Y, backtested, backtested_panel, searched, windowed_network
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from states import assert_same

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended by signals"),
]

# What docs/user_guide/many_machines.rst says a worker of one thread needs.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

# Where workers find this module, whose `Witness` they unpickle, what it imports, and this sklstm.
MODULES = os.pathsep.join(map(str, Path(__file__).parents[:3]))


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
    """Note the process in a file; the first one that has to wait waits to be killed."""
    with open(folder / "processes", "a") as file:
        file.write(f"{os.getpid()}\n")
    if wait:
        try:
            with open(folder / "victim", "x") as file:
                file.write(f"{os.getpid()}\n")
        except FileExistsError:
            return
        time.sleep(3600)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers, each a process of its own, and a client of theirs."""
    folder = tmp_path_factory.mktemp("cluster")
    address = folder / "scheduler.json"
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": MODULES}

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
            env=environment,
            cwd=folder,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    processes = [
        start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", address)
    ]
    processes += [
        start("worker", "--scheduler-file", address, "--nthreads", "1", "--memory-limit", "0")
        for _ in range(2)
    ]
    try:
        while not address.exists():
            assert processes[0].poll() is None
            time.sleep(0.1)
        with distributed.Client(scheduler_file=address) as client:
            yield client
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def workers(cluster):
    """The client of the cluster, once two workers are there."""
    cluster.wait_for_workers(2)
    return cluster


def processes_that_trained(folder):
    """Return the ids of the processes that a `Witness` saw."""
    return {int(line) for line in (folder / "processes").read_text().split()}


def kill_the_one_that_waits(folder):
    """Kill, from a thread, the process in which a `Witness` waits.

    Not before the scheduler would have looked for copies of data to drop, as it does every 2 s.
    """

    def kill():
        victim = folder / "victim"
        while not (victim.exists() and victim.read_text().endswith("\n")):
            time.sleep(0.1)
        time.sleep(3)
        os.kill(int(victim.read_text()), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()


@pytest.mark.parametrize("run", [searched, backtested, backtested_panel])
def test_a_cluster_changes_no_bit(run, workers, tmp_path):
    """Separate worker processes find what one process finds, and both of them train."""
    with parallel_config(backend="dask"):
        found = run(windowed_network(Witness(tmp_path)))
    of_workers = set(workers.run(os.getpid).values())
    assert len(of_workers) == 2
    assert of_workers == processes_that_trained(tmp_path) - {os.getpid()}
    assert_same(found, run(windowed_network()))


@pytest.mark.parametrize(
    ("run", "scatter"),
    [
        (searched, [X, Y, *itertools.chain(*SPLITS)]),
        (backtested, None),
        (backtested_panel, None),
    ],
    ids=["search", "backtest", "backtest of many series"],
)
def test_a_worker_that_dies_in_mid_training_loses_nothing(run, scatter, workers, tmp_path):
    """What a killed worker had in hand is done by another, and the results are the same."""
    kill_the_one_that_waits(tmp_path)
    workers.amm.stop()
    with parallel_config(backend="dask", scatter=scatter):
        found = run(windowed_network(Witness(tmp_path, wait=True)))
    victim = int((tmp_path / "victim").read_text())
    assert victim in processes_that_trained(tmp_path)
    workers.wait_for_workers(2)
    assert victim not in workers.run(os.getpid).values()
    assert_same(found, run(windowed_network()))


def fitted_to_many_series():
    """Return rows of many series, their target, and a fitted network."""
    months = pd.period_range("2020-01", periods=30, freq="M")
    index = pd.MultiIndex.from_product([months, list("abcdefg")], names=["month", "store"])
    values = np.random.default_rng(0).normal(size=len(index)).cumsum()
    rows, y = series_to_supervised(pd.Series(values, index, name="sold"))
    network = LSTMRegressor(units=2, epochs=1, random_state=0)
    model = TransformedSeriesRegressor(
        make_pipeline(WitnessStep(), LagWindower(4), network), Differencer()
    )
    return model.fit(rows, y), rows, y


def forecast_watched(folder, *, wait=False, **options):
    """Forecast many series, and note which processes do so."""
    model, rows, y = fitted_to_many_series()
    model.regressor_.set_params(witnessstep__folder=folder, witnessstep__wait=wait)
    return forecast(model, rows, 6, y=y, lookback=6, **options)


def forecast_at_once():
    """Forecast many series in this process."""
    model, rows, y = fitted_to_many_series()
    return forecast(model, rows, 6, y=y)


def test_processes_forecast_what_one_process_forecasts(tmp_path):
    """Series are shared out to processes, which change no bit."""
    found = forecast_watched(tmp_path, n_jobs=2)
    assert len(processes_that_trained(tmp_path) - {os.getpid()}) == 2
    assert_same(found, forecast_at_once())


def test_a_cluster_forecasts_what_one_process_forecasts(workers, tmp_path):
    """Series are shared out to all workers, which change no bit."""
    with parallel_config(backend="dask"):
        found = forecast_watched(tmp_path)
    assert set(workers.run(os.getpid).values()) == processes_that_trained(tmp_path)
    assert_same(found, forecast_at_once())


def test_a_worker_that_dies_in_mid_forecast_loses_nothing(workers, tmp_path):
    """What a killed worker had in hand is forecast by another."""
    kill_the_one_that_waits(tmp_path)
    workers.amm.stop()
    with parallel_config(backend="dask"):
        found = forecast_watched(tmp_path, wait=True)
    victim = int((tmp_path / "victim").read_text())
    workers.wait_for_workers(2)
    assert victim not in workers.run(os.getpid).values()
    assert_same(found, forecast_at_once())


def test_ray_changes_no_bit():
    """Ray's workers find what one process finds, too."""
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    environment = {**ONE_THREAD, "PYTHONPATH": MODULES}
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": environment},
        _node_ip_address="127.0.0.1",
    )
    try:
        register_ray()
        with parallel_config(backend="ray", n_jobs=2):
            found = [searched(windowed_network()), backtested(windowed_network(), n_jobs=2)]
    finally:
        ray.shutdown()
    assert_same(found[0], searched(windowed_network()))
    assert_same(found[1], backtested(windowed_network()))


def traced():
    """Return how many training functions this process has compiled and keeps."""
    from sklstm.engine._models import _pool

    return _pool.stats()["traced"]


def test_a_worker_traces_each_network_once(workers):
    """Fits of other windows, folds and seeds find what the worker has compiled for the first."""
    workers.restart()
    grid = {"lagwindower__window": [2, 3, 4], "lstmregressor__random_state": [0, 1]}
    with parallel_config(backend="dask"):
        for _ in range(2):
            GridSearchCV(windowed_network(), grid, cv=SPLITS, refit=False).fit(X, Y)
            # 18 fits, and one network in each of two processes.
            assert [*workers.run(traced).values()] == [1, 1]


def pool_threads():
    """Return how many threads TensorFlow runs ops on in this process."""
    import tensorflow as tf

    tf.constant([1.0]) + 1.0
    names = [thread.read_text() for thread in Path("/proc/self/task").glob("*/comm")]
    return sum(name.startswith("tf_Compute") for name in names)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_a_worker_of_one_thread_computes_in_one(workers):
    """With the variables that the guide sets, TensorFlow's pool in a worker has one thread."""
    assert set(workers.run(pool_threads).values()) == {1}
