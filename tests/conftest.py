"""What all tests share."""

import os

# All are read on import, so they stand before anything that could import the libraries.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
# Threads of OpenBLAS that wait take the cores from the tests that run beside them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pathlib import Path

import pytest
from hypothesis import settings

from sklstm._sklearn import _warnings

# `make mutants` puts calls of its own between the user's line, which a warning points at, and ours.
_warnings._PASSED_OVER += ("mutmut",)

# The packages that it needs have an environment of their own: `make check-clients`.
collect_ignore = ["clients"]

# How long an example takes says something about the machine, not about the package; and every run
# is to try the same examples.
settings.register_profile("sklstm", deadline=None, derandomize=True)
settings.load_profile("sklstm")


def pytest_collection_modifyitems(items):
    """Let tests give networks the plain rows that scikit-learn's checks and all estimators get."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::sklstm.OneStepWarning"))
