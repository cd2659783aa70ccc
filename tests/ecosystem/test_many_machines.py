"""Searches and back-tests on a cluster: the same bits, also when a worker dies in between."""

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
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import LagWindower, LSTMRegressor, backtest, series_to_supervised

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended by signals"),
]

# What docs/user_guide/many_machines.rst says a worker of one thread needs.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

# So many rows that joblib hands each fold's row numbers over as data of their own.
SERIES = pd.Series(
    np.sin(np.arange(600.0)), pd.date_range("2020", periods=600, freq="h"), name="wave"
)
X, Y = series_to_supervised(SERIES)
SPLITS = list(TimeSeriesSplit(3).split(X))
GRID = {"lagwindower__window": [3, 4], "lstmregressor__units": [2, 3]}


class Witness(keras.callbacks.Callback):
    """Note which process trains; in the first one of all, wait in mid-training to be killed."""

    def __init__(self, folder, *, wait=False):
        super().__init__()
        self.folder = Path(folder)
        self.wait = wait

    def on_epoch_end(self, epoch, logs=None):
        """Note the process, and wait where no other has."""
        with open(self.folder / "processes", "a") as file:
            file.write(f"{os.getpid()}\n")
        if self.wait:
            try:
                with open(self.folder / "victim", "x") as file:
                    file.write(f"{os.getpid()}\n")
            except FileExistsError:
                return
            time.sleep(3600)


def model(*callbacks):
    """Return a small network behind windows."""
    network = LSTMRegressor(2, epochs=2, batch_size=64, callbacks=callbacks, random_state=0)
    return make_pipeline(LagWindower(3), network)


def searched(estimator, **options):
    """Search, and return scores by fold, the best weights and predictions."""
    search = GridSearchCV(estimator, GRID, cv=SPLITS, **options).fit(X, Y)
    folds = [search.cv_results_[f"split{i}_test_score"] for i in range(len(SPLITS))]
    return [*folds, *search.best_estimator_[-1].model_.get_weights(), search.predict(X)]


def backtested(estimator, **options):
    """Back-test, and return predictions, scores and the weights of each fold."""
    result = backtest(estimator, X, Y, SPLITS, **options)
    weights = [w for fitted in result.estimators for w in fitted[-1].model_.get_weights()]
    return [result.predictions["prediction"].to_numpy(), result.scores.to_numpy(), *weights]


def assert_same_bits(found, expected):
    """Assert that two lists of arrays are equal to the last bit."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers, each a process of its own, and a client of theirs."""
    folder = tmp_path_factory.mktemp("cluster")
    address = folder / "scheduler.json"
    # The scheduler and the workers unpickle `Witness`, so they have to find this module.
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(Path(__file__).parent)}

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


@pytest.mark.parametrize("run", [searched, backtested])
def test_a_cluster_changes_no_bit(run, workers, tmp_path):
    """Separate worker processes find what one process finds, and both of them train."""
    with parallel_config(backend="dask"):
        found = run(model(Witness(tmp_path)))
    of_workers = set(workers.run(os.getpid).values())
    assert len(of_workers) == 2
    assert of_workers == processes_that_trained(tmp_path) - {os.getpid()}
    assert_same_bits(found, run(model()))


@pytest.mark.parametrize(
    ("run", "scatter"),
    [(searched, [X, Y, *itertools.chain(*SPLITS)]), (backtested, None)],
    ids=["search", "backtest"],
)
def test_a_worker_that_dies_in_mid_training_loses_nothing(run, scatter, workers, tmp_path):
    """What a killed worker had in hand is done by another, and the results are the same."""
    kill_the_one_that_waits(tmp_path)
    workers.amm.stop()
    with parallel_config(backend="dask", scatter=scatter):
        found = run(model(Witness(tmp_path, wait=True)))
    victim = int((tmp_path / "victim").read_text())
    assert victim in processes_that_trained(tmp_path)
    workers.wait_for_workers(2)
    assert victim not in workers.run(os.getpid).values()
    assert_same_bits(found, run(model()))


def test_ray_changes_no_bit():
    """Ray's workers find what one process finds, too."""
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    environment = {**ONE_THREAD, "PYTHONPATH": str(Path(__file__).parent)}
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
            found = [searched(model()), backtested(model(), n_jobs=2)]
    finally:
        ray.shutdown()
    assert_same_bits(found[0], searched(model()))
    assert_same_bits(found[1], backtested(model()))


def traces():
    """Return this process, its compiled trainings, and how often each of them was traced."""
    from sklstm.engine._models import _pool

    things = [
        entry.thing for entry in _pool._entries.values() if hasattr(entry.thing, "_functions")
    ]
    functions = [function for thing in things for function in thing._functions.values()]
    counts = [function.experimental_get_tracing_count() for function in functions]
    return os.getpid(), list(map(id, functions)), counts


def test_a_worker_traces_each_network_once(workers):
    """Fits of other windows, folds and seeds find what the worker has compiled for the first."""
    workers.restart()
    grid = {"lagwindower__window": [2, 3, 4], "lstmregressor__random_state": [0, 1]}
    with parallel_config(backend="dask"):
        GridSearchCV(model(), grid, cv=SPLITS, refit=False).fit(X, Y)
        first = workers.run(traces)
        GridSearchCV(model(), grid, cv=SPLITS, refit=False).fit(X, Y)
    # 18 fits, and one network in each of two processes.
    assert [counts for _, _, counts in first.values()] == [[1], [1]]
    assert workers.run(traces) == first


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
    environment = {**os.environ, "TF_NUM_INTEROP_THREADS": "3", "OMP_NUM_THREADS": "1"}
    code = "from test_many_machines import pool_threads; print(pool_threads())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == 3
