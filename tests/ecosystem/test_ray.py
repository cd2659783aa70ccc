"""Searches, back-tests and forecasts by Ray's workers: the same bits, also where one dies."""

import os
import sys

import pytest
from joblib import parallel_config
from searches import searched, windowed_network
from states import assert_same
from witnesses import (
    ENVIRONMENT,
    SHARED_OUT,
    kill_the_one_that_waits,
    processes_seen,
    watched_network,
)

ray = pytest.importorskip("ray")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended by signals"),
]

#: What docs/user_guide/production/many_machines.rst says keeps a call going where a worker dies.
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
    assert processes_seen(tmp_path) - {os.getpid()}
    assert_same(found, searched(windowed_network()))


@pytest.mark.parametrize(("watched", "at_once"), SHARED_OUT)
def test_a_worker_that_dies_in_mid_forecast_loses_nothing(watched, at_once, tmp_path):
    """Ray starts a killed worker again if it is told so, and repeats what it had in hand."""
    kill_the_one_that_waits(tmp_path)
    with parallel_config(backend="ray", n_jobs=2, **AGAIN):
        found = watched(tmp_path, wait=True)
    victim = int((tmp_path / "victim").read_text())
    assert processes_seen(tmp_path) - {os.getpid(), victim}
    assert_same(found, at_once())
