"""Searches, back-tests and forecasts by Ray's workers: the same bits, and what if a worker dies."""

import os
import sys

import pytest
from joblib import parallel_config
from searches import backtested_panel, searched, windowed_network
from states import assert_same
from witnesses import (
    ENVIRONMENT,
    SHARED_OUT,
    forecast_watched,
    kill_the_one_that_waits,
    processes_seen,
    watched_network,
)

ray = pytest.importorskip("ray")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended by signals"),
]

#: What docs/user_guide/many_machines.rst says keeps a search going where a worker dies.
AGAIN = {"ray_remote_args": {"max_restarts": 3, "max_task_retries": 3}}


@pytest.fixture(scope="module", autouse=True)
def two_workers():
    """Ray on this machine."""
    from ray.util.joblib import register_ray

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": ENVIRONMENT},
        _node_ip_address="127.0.0.1",
    )
    register_ray()
    yield
    ray.shutdown()


def test_ray_changes_no_bit(tmp_path):
    """Ray's workers find what one process finds."""
    with parallel_config(backend="ray", n_jobs=2):
        found = searched(watched_network(tmp_path))
    assert len(processes_seen(tmp_path) - {os.getpid()}) == 2
    assert_same(found, searched(windowed_network()))


@pytest.mark.parametrize("run", [searched, backtested_panel])
def test_a_worker_that_dies_in_mid_training_loses_nothing(run, tmp_path):
    """Ray starts a killed worker again if it is told so, and repeats what it had in hand."""
    kill_the_one_that_waits(tmp_path)
    with parallel_config(backend="ray", n_jobs=2, **AGAIN):
        found = run(watched_network(tmp_path, wait=True))
    assert int((tmp_path / "victim").read_text()) in processes_seen(tmp_path)
    assert_same(found, run(windowed_network()))


@pytest.mark.parametrize(("watched", "at_once"), SHARED_OUT)
def test_a_worker_that_dies_in_mid_forecast_loses_nothing(watched, at_once, tmp_path):
    """Series are shared out to workers, which change no bit, also where one is killed."""
    kill_the_one_that_waits(tmp_path)
    with parallel_config(backend="ray", n_jobs=2, **AGAIN):
        found = watched(tmp_path, wait=True)
    victim = int((tmp_path / "victim").read_text())
    assert len(processes_seen(tmp_path) - {os.getpid(), victim}) >= 2
    assert_same(found, at_once())


def test_a_worker_that_dies_is_an_error_by_default(tmp_path):
    """Unless it is told so, Ray repeats nothing, and the call fails."""
    kill_the_one_that_waits(tmp_path)
    with (
        parallel_config(backend="ray", n_jobs=2),
        pytest.raises(ray.exceptions.ActorDiedError, match="died unexpectedly"),
    ):
        forecast_watched(tmp_path, wait=True)
