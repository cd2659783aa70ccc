"""What loads what: heavy libraries late, and the package's own modules downward only."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sklstm
import sklstm.datasets

PACKAGE = Path(sklstm.__file__).parent
HEAVY = {"keras", "matplotlib", "scikeras", "tensorflow"}
# Private module -> level. A module imports from lower levels alone; a new one gets its line here.
LEVELS = {
    "_arguments": 0,
    "_clock": 0,
    "_mapped": 0,
    "_progress": 0,
    "_numbers": 1,
    "_validation": 2,
    "_history": 1,
    "_windows": 3,
    "_known_rows": 3,
    "engine": 3,
    "_supervised": 3,
    "_differencer": 3,
    "_scaler": 3,
    "_windower": 3,
    "_lstm_base": 4,
    "_lstm": 5,
    "_stateful": 5,
    "_target": 4,
    "_labels": 1,
    "_layout": 1,
    "_look_back": 1,
    "_baselines": 1,
    "_scores": 1,
    "_plotting": 1,
    "_lags": 3,
    "_feedback": 3,
    "_forecast": 6,
    "_backtest": 7,
    "_backtest_result": 1,
    "_conformal": 7,
    "_forecast_display": 7,
    "_training_display": 7,
    "datasets": 6,  # from checks of arguments alone, which another test holds it to
}
TRANSFORMERS = {"_differencer", "_scaler", "_windower"}
REGRESSORS = {"_lstm", "_lstm_base", "_stateful", "_target"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    """Give the level table's name for a module: its file, or the folder that it lies in."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path):
    """Yield each import of a module as (dotted name, is it at module level)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = ("sklstm", *path.relative_to(PACKAGE).parent.parts)
    inside = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = list(package[: len(package) - node.level + 1]) if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            # `from sklstm import _history` names a module as well, so all are told by dotted name.
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name, id(node) not in inside


def rooms_imported(path):
    """Give the rooms of the package that a module imports from, its own aside."""
    found = {name.split(".")[1] for name, _ in imports(path) if name.startswith("sklstm.")}
    return found - {room(path)}


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


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downward(path):
    """A module imports from lower levels alone."""
    if path == PACKAGE / "__init__.py":
        return
    level = LEVELS[room(path)]
    upward = {name for name in rooms_imported(path) if LEVELS[name] >= level}
    assert not upward


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_engine_imports_networks(path):
    """Keras, TensorFlow and SciKeras are imported in the engine, and nowhere else."""
    found = {name.split(".")[0] for name, _ in imports(path)} & {"keras", "scikeras", "tensorflow"}
    assert not found or room(path) == "engine"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_engine_is_imported_inside_functions(path):
    """Outside the engine no module-level import reaches it, but for its plain data."""
    at_the_top = {name for name, is_top in imports(path) if is_top}
    found = {
        name
        for name in at_the_top
        if name.startswith("sklstm.engine") and not name.startswith("sklstm.engine._spec")
    }
    assert not found or room(path) == "engine"


def test_transformers_and_regressors_do_not_import_each_other():
    """Each public estimator stands alone."""
    estimators = TRANSFORMERS | REGRESSORS
    for path in MODULES:
        if room(path) in TRANSFORMERS:
            assert not rooms_imported(path) & estimators
        if room(path) in REGRESSORS:
            assert not rooms_imported(path) & TRANSFORMERS


def test_datasets_import_checks_of_arguments_alone():
    """Figures and generators need no estimator."""
    for path in (PACKAGE / "datasets").glob("*.py"):
        assert rooms_imported(path) <= {"_arguments"}


@pytest.mark.parametrize("module", [sklstm, sklstm.datasets], ids=lambda module: module.__name__)
def test_public_names_exist_and_are_sorted(module):
    """Every name in __all__ can be imported, and a reader finds it by the alphabet."""
    assert all(hasattr(module, name) for name in module.__all__)
    assert module.__all__ == sorted(module.__all__)
