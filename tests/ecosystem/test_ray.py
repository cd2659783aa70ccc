"""Searches by Ray's workers: the same bits."""

import os
import sys

import pytest
from joblib import parallel_config
from searches import searched, windowed_network
from states import assert_same
from witnesses import ENVIRONMENT, processes_seen, watched_network

ray = pytest.importorskip("ray")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Ray starts in another way there"),
]


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
