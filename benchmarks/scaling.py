"""Measure a search on one worker process and on two, and what a worker and a task cost.

Needs ``pip install -e ".[dask]"`` and a machine with at least two cores and no other load. Rounds
alternate between the clusters; figures are medians. With one worker, joblib fits in the program
itself. The processor time is that of all processes; it shows the work, even if other programs slow
the clock time down. "Pools left alone" are workers where TensorFlow chooses the number of threads:
one per core in each.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Read when the first network is fitted, and handed on to workers.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
os.environ["TF_NUM_INTEROP_THREADS"] = "1"

import dask
import joblib
import numpy as np
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import LagWindower, LSTMRegressor

_POOLS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
_CLUSTERS = {"1 worker": (1, 1), "2 workers": (2, 1), "2 workers, pools left alone": (2, 0)}
_SIZES = {
    "small": {"units": 8, "batch_size": 8, "epochs": 30},
    "large": {"units": 128, "batch_size": 128, "epochs": 8},
}
_TASKS = 200


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--quick", action="store_true", help="one epoch, to see that all runs")
    arguments = parser.parse_args()
    clients = {name: _cluster(*how) for name, how in _CLUSTERS.items()}
    try:
        first = clients["1 worker"]
        importing = first.submit(_import_seconds, pure=False).result()
        importing = [importing, *clients["2 workers"].run(_import_seconds).values()]
        tracing = first.submit(_tracing_seconds, pure=False).result()
        print(f"import in a worker: processor time {statistics.median(importing):.2f} s")
        print(f"tracing an architecture: processor time {tracing:.2f} s")
        for size, parameters in _SIZES.items():
            for client in clients.values():
                _search_seconds(client, parameters | {"epochs": 1})  # traces in every worker
            epochs = {"epochs": 1} if arguments.quick else {}
            found: dict[str, list] = {name: [] for name in clients}
            for _ in range(arguments.rounds):
                for name, client in clients.items():
                    found[name].append(_search_seconds(client, parameters | epochs))
            alone = statistics.median(wall for wall, _ in found["1 worker"])
            for name, measured in found.items():
                walls, processors = zip(*measured, strict=True)
                print(
                    f"{size}, {name}: {statistics.median(walls):.2f} s, from {min(walls):.2f} to"
                    f" {max(walls):.2f} s, {alone / statistics.median(walls):.2f} × as fast;"
                    f" processor time {statistics.median(processors):.2f} s",
                    flush=True,
                )
        overhead = [_task_seconds(clients["2 workers"]) for _ in range(arguments.rounds)]
        print(f"a task that does nothing: {1000 * statistics.median(overhead):.1f} ms")
        print(f"load of the machine in the last minute: {os.getloadavg()[0]:.1f}")
    finally:
        for client in clients.values():
            client.cluster.close()
            client.close()


def _cluster(n_workers: int, threads: int) -> Client:
    """Start worker processes of one thread, whose pools have `threads`; 0 is TensorFlow's own."""
    environ = dict.fromkeys(_POOLS, threads)
    with dask.config.set({"distributed.nanny.pre-spawn-environ": environ}):
        cluster = LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=":0")
        return Client(cluster, set_as_default=False)


def _search_seconds(client: Client, parameters: dict) -> tuple[float, float]:
    """Return how long 12 fits take, on the clock and in all processors.

    Windows and seeds change, so that nothing is traced anew.
    """
    X = np.random.default_rng(0).normal(size=(1200, 2))
    model = make_pipeline(LagWindower(), LSTMRegressor(**parameters))
    grid = {"lagwindower__window": [8, 12], "lstmregressor__random_state": [0, 1]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(3, max_train_size=300), refit=False)
    begin, busy = time.perf_counter(), _processor_seconds(client)
    with joblib.parallel_config(backend="dask", client=client):
        search.fit(X, X[:, 0])
    elapsed = time.perf_counter() - begin
    return elapsed, _processor_seconds(client) - busy


def _processor_seconds(client: Client) -> float:
    return time.process_time() + sum(client.run(time.process_time).values())


def _task_seconds(client: Client) -> float:
    begin = time.perf_counter()
    with joblib.parallel_config(backend="dask", client=client):
        joblib.Parallel(batch_size=1)(joblib.delayed(abs)(i) for i in range(_TASKS))
    return (time.perf_counter() - begin) / _TASKS


def _import_seconds() -> float:
    begin = time.process_time()
    import tensorflow  # noqa: F401

    from sklstm.engine import _predict, _train  # noqa: F401

    return time.process_time() - begin


def _tracing_seconds() -> float:
    X = np.zeros((40, 4, 1))
    seconds = []
    for units in (4, 5, 5):
        begin = time.process_time()
        LSTMRegressor(units, epochs=1, random_state=0).fit(X, X[:, 0, 0]).predict(X)
        seconds.append(time.process_time() - begin)
    return seconds[1] - seconds[2]


if __name__ == "__main__":
    main()
