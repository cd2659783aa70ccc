"""Searches, back-tests and forecasts on a cluster: the same bits, also when a worker dies."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from joblib import parallel_config
from searches import (
    SPLITS,
    X,
    Y,
    backtested,
    backtested_panel,
    fed_back_panel,
    searched,
    windowed_network,
)
from sklearn.model_selection import GridSearchCV
from states import assert_same
from witnesses import (
    ENVIRONMENT,
    SHARED_OUT,
    kill_the_one_that_waits,
    processes_seen,
    watched_network,
)

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended by signals"),
]

# A worker is not killed before the scheduler would have looked for copies of data to drop, as it
# does every 2 s.
LOOKS_FOR_COPIES = 3


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers, each a process of its own, and a client of theirs."""
    folder = tmp_path_factory.mktemp("cluster")
    address = folder / "scheduler.json"

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
            env={**os.environ, **ENVIRONMENT},
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


@pytest.mark.parametrize("run", [searched, backtested, backtested_panel, fed_back_panel])
def test_a_cluster_changes_no_bit(run, workers, tmp_path):
    """Separate worker processes find what one process finds, and both of them train."""
    with parallel_config(backend="dask"):
        found = run(watched_network(tmp_path))
    of_workers = set(workers.run(os.getpid).values())
    assert len(of_workers) == 2
    assert of_workers == processes_seen(tmp_path) - {os.getpid()}
    assert_same(found, run(windowed_network()))


@pytest.mark.parametrize(
    ("run", "scatter"),
    [
        (searched, [X, Y, *itertools.chain(*SPLITS)]),
        (backtested, None),
        (backtested_panel, None),
        (fed_back_panel, None),
    ],
    ids=["search", "backtest", "backtest of many series", "forecasts of many series"],
)
def test_a_worker_that_dies_in_mid_training_loses_nothing(run, scatter, workers, tmp_path):
    """What a killed worker had in hand is done by another, and the results are the same."""
    kill_the_one_that_waits(tmp_path, after=LOOKS_FOR_COPIES)
    workers.amm.stop()
    with parallel_config(backend="dask", scatter=scatter):
        found = run(watched_network(tmp_path, wait=True))
    victim = int((tmp_path / "victim").read_text())
    assert victim in processes_seen(tmp_path)
    workers.wait_for_workers(2)
    assert victim not in workers.run(os.getpid).values()
    assert_same(found, run(windowed_network()))


@pytest.mark.parametrize(("watched", "at_once"), SHARED_OUT)
def test_processes_forecast_what_one_process_forecasts(watched, at_once, tmp_path):
    """Series are shared out to processes, which change no bit.

    joblib hands large arrays over in files that cannot be written to; here, it does so with all.
    """
    with parallel_config(backend="loky", max_nbytes=1):
        found = watched(tmp_path, n_jobs=2)
    assert len(processes_seen(tmp_path) - {os.getpid()}) == 2
    assert_same(found, at_once())


@pytest.mark.parametrize(("watched", "at_once"), SHARED_OUT)
def test_a_cluster_forecasts_what_one_process_forecasts(watched, at_once, workers, tmp_path):
    """Series are shared out to all workers, which change no bit."""
    with parallel_config(backend="dask"):
        found = watched(tmp_path)
    of_workers = set(workers.run(os.getpid).values())
    assert of_workers == processes_seen(tmp_path) - {os.getpid()}
    assert_same(found, at_once())


@pytest.mark.parametrize(("watched", "at_once"), SHARED_OUT)
def test_a_worker_that_dies_in_mid_forecast_loses_nothing(watched, at_once, workers, tmp_path):
    """What a killed worker had in hand is forecast by another."""
    kill_the_one_that_waits(tmp_path, after=LOOKS_FOR_COPIES)
    workers.amm.stop()
    with parallel_config(backend="dask"):
        found = watched(tmp_path, wait=True)
    victim = int((tmp_path / "victim").read_text())
    workers.wait_for_workers(2)
    assert victim not in workers.run(os.getpid).values()
    assert_same(found, at_once())


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
