"""What `import sklstm` loads, and the names that it gives."""

import subprocess
import sys

import pytest

import sklstm
import sklstm.datasets

HEAVY = {"keras", "matplotlib", "scikeras", "tensorflow"}


def run(code):
    """Run code in a fresh interpreter and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "work",
    [
        pytest.param("", id="import"),
        pytest.param(
            """
from sklstm import datasets
for name in datasets.__all__:
    getattr(datasets, name)()
sklstm.series_to_supervised(datasets.load_milk())
""",
            id="datasets",
        ),
        pytest.param(
            """
from sklearn.base import clone
for estimator in estimators:
    clone(estimator).set_params(**estimator.get_params(deep=False))
    repr(estimator)
""",
            id="parameters",
        ),
        pytest.param(
            """
for estimator in estimators:
    assert estimator._repr_html_()
""",
            id="html",
        ),
        pytest.param(
            """
rows = sklstm.datasets.load_milk().to_frame()
for estimator in estimators:
    if hasattr(estimator, "transform"):
        estimator.fit(rows).transform(rows)
""",
            id="transformers",
        ),
    ],
)
def test_no_heavy_library_is_loaded(work):
    """Neither the package nor anything but fit and predict of a network loads TensorFlow."""
    code = f"""
import sys
import sklstm
import sklstm.datasets
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge
needed = {{"regressor": Ridge(), "transformer": getattr(sklstm, "Differencer", Ridge)()}}
estimators = []
for name in sklstm.__all__:
    public = getattr(sklstm, name)
    if isinstance(public, type) and issubclass(public, BaseEstimator):
        names = public._get_param_names()
        estimators.append(public(**{{k: v for k, v in needed.items() if k in names}}))
{work}
print(sorted(set(sys.modules) & {HEAVY!r}))
"""
    assert run(code).strip() == "[]"


@pytest.mark.parametrize("module", [sklstm, sklstm.datasets], ids=lambda module: module.__name__)
def test_public_names_exist_and_are_sorted(module):
    """Every name in __all__ can be imported, and a reader finds it by the alphabet."""
    assert all(hasattr(module, name) for name in module.__all__)
    assert module.__all__ == sorted(module.__all__)
