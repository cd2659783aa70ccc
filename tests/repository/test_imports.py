"""What `import sklstm` loads, and the names that it gives."""

import subprocess
import sys

import pytest

import sklstm
import sklstm.datasets
import sklstm.metrics

MODULES = [sklstm, sklstm.datasets, sklstm.metrics]
HEAVY = {"keras", "matplotlib", "scikeras", "tensorflow"}


def test_no_heavy_library_is_loaded():
    """Only fit and predict of a network load TensorFlow; import, data and transformers do not."""
    code = f"""
import sys
import sklstm
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import Ridge
from sklstm import datasets
needed = {{"regressor": Ridge(), "transformer": sklstm.Differencer(), "n_lags": 1}}
needed["features"] = "month"
for name in datasets.__all__:
    getattr(datasets, name)()
rows = datasets.load_milk().to_frame()
sklstm.series_to_supervised(rows)
for name in sklstm.__all__:
    public = getattr(sklstm, name)
    if isinstance(public, type) and issubclass(public, BaseEstimator):
        names = public._get_param_names()
        estimator = public(**{{k: v for k, v in needed.items() if k in names}})
        clone(estimator).set_params(**estimator.get_params(deep=False))
        assert repr(estimator) and estimator._repr_html_()
        if hasattr(estimator, "transform"):
            estimator.fit(rows).transform(rows)
print(sorted(set(sys.modules) & {HEAVY!r}))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_public_names_exist_and_are_sorted(module):
    """Every name in __all__ can be imported, and a reader finds it by the alphabet."""
    assert all(hasattr(module, name) for name in module.__all__)
    assert module.__all__ == sorted(module.__all__)
