"""scikit-learn's own checks over everything public."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator, is_regressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import (
    _check_name,
    estimator_checks_generator,
    parametrize_with_checks,
)

import sklstm
import sklstm.datasets
from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
)

LSTM = {"units": 8, "epochs": 60, "learning_rate": 0.02}

# One row per time step, so a row's neighbours count.
ORDER = "A row looks back on the rows before it, so another order of the rows is another series."
SUBSET = (
    "A row looks back on the rows before it, so rows cut out of their series have another past."
)
WEIGHTS = (
    "Keras divides the weighted loss of a batch by its rows, not by their weights, so its steps"
    " have another length than those over repeated rows; and float32 sums over other rows differ by"
    " more than the 1e-7 that the check allows."
)
REPEATED = "A repeated row is a time step more, which moves the state on; a weight does not."
RANDOM_ROWS = (
    "The check's rows are drawn at random, so the differences of neighbouring targets have nothing"
    " to do with X, and summed up they drift away from the target."
)

LOOKS_BACK = {
    "check_methods_sample_order_invariance": ORDER,
    "check_methods_subset_invariance": SUBSET,
}
NAN_ANYWHERE = (
    "The check puts NaN anywhere, as the tag allow_nan permits; the windows take it, but ridge"
    " takes it at the head of a series only, which no tag can say."
)

WEIGHTED = {"check_sample_weight_equivalence_on_dense_data": WEIGHTS}

#: Estimators and the checks that they are expected to fail.
ESTIMATORS = [
    (LagWindower(), {}),
    (LagWindower(3), LOOKS_BACK),
    (LagWindower(flatten=True), {}),
    (LagWindower(2, flatten=True, history="none"), LOOKS_BACK),
    (Differencer(), LOOKS_BACK),
    (Differencer([1, 2], history="continue"), LOOKS_BACK),
    (SeriesMinMaxScaler(), {}),
    (SeriesMinMaxScaler((-1, 1), clip=True, target=0), {}),
    (LSTMRegressor(**LSTM), WEIGHTED),
    (LSTMRegressor(**LSTM, dense_units=4, loss="huber"), WEIGHTED),
    (
        StatefulLSTMRegressor(units=8, epochs=30, learning_rate=0.02, batch_size=2),
        {**LOOKS_BACK, "check_sample_weight_equivalence_on_dense_data": REPEATED},
    ),
    (TransformedSeriesRegressor(Ridge()), {}),
    (TransformedSeriesRegressor(Ridge(), StandardScaler()), {}),
    (TransformedSeriesRegressor(DecisionTreeRegressor(random_state=0)), {}),
    (
        TransformedSeriesRegressor(Ridge(), Differencer()),
        {**LOOKS_BACK, "check_regressors_train": RANDOM_ROWS},
    ),
    (
        TransformedSeriesRegressor(
            make_pipeline(LagWindower(2, flatten=True), Ridge()), SeriesMinMaxScaler()
        ),
        {**LOOKS_BACK, "check_estimators_pickle": NAN_ANYWHERE},
    ),
    (TransformedSeriesRegressor(LSTMRegressor(**LSTM, random_state=0), SeriesMinMaxScaler()), {}),
]


def expected_failures(estimator):
    """Return the checks that an estimator is expected to fail, with the reasons."""
    return next(checks for known, checks in ESTIMATORS if known is estimator)


@parametrize_with_checks(
    [estimator for estimator, _ in ESTIMATORS], expected_failed_checks=expected_failures
)
def test_scikit_learn_checks(estimator, check, monkeypatch):
    """Every public estimator does what scikit-learn expects of one."""
    # Without it, scikit-learn leaves its check of the array API out.
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


@pytest.mark.parametrize("estimator", [estimator for estimator, _ in ESTIMATORS], ids=repr)
def test_every_expected_failure_is_a_check_of_its_estimator(estimator):
    """No expected failure stands for a check that is never run, and each has its reason."""
    expected = expected_failures(estimator)
    checks = {_check_name(check) for _, check in estimator_checks_generator(estimator)}
    assert set(expected) <= checks
    assert all(reason.endswith(".") and len(reason.split()) > 8 for reason in expected.values())


def test_an_expected_failure_that_passes_fails_the_run(tmp_path):
    """The table of expected failures is strict: what holds by now has to leave it."""
    module = tmp_path / "test_passes.py"
    module.write_text(
        "from sklearn.linear_model import Ridge\n"
        "from sklearn.utils.estimator_checks import parametrize_with_checks\n"
        "@parametrize_with_checks(\n"
        "    [Ridge()], expected_failed_checks=lambda _: {'check_estimators_pickle': 'Holds.'}\n"
        ")\n"
        "def test_check(estimator, check):\n"
        "    check(estimator)\n"
    )
    config = Path(__file__).parents[2] / "pyproject.toml"
    options = ["-c", config, "-k", "check_estimators_pickle"]
    command = [sys.executable, "-m", "pytest", *options, module]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "[XPASS(strict)] Holds." in done.stdout


def public_estimators():
    """Return the estimator classes that the public modules of the package have public names for."""
    names = [sklstm.__name__]
    for info in pkgutil.walk_packages(sklstm.__path__, "sklstm."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            names.append(info.name)
    found = set()
    for module in map(importlib.import_module, names):
        public = getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")])
        things = [getattr(module, name) for name in public]
        found |= {t for t in things if inspect.isclass(t) and issubclass(t, BaseEstimator)}
    return found


def test_a_new_public_estimator_is_seen(monkeypatch):
    """An estimator that any public module begins to offer is missed by the next test."""

    class Newcomer(BaseEstimator):
        pass

    before = public_estimators()
    monkeypatch.setattr(sklstm.datasets, "Newcomer", Newcomer, raising=False)
    monkeypatch.setattr(sklstm.datasets, "__all__", [*sklstm.datasets.__all__, "Newcomer"])
    assert public_estimators() - before == {Newcomer}


def test_no_public_estimator_is_left_out():
    """Whatever a public module offers and is an estimator is among those checked."""
    assert public_estimators() == {type(estimator) for estimator, _ in ESTIMATORS}


@pytest.mark.parametrize(
    "estimator", [LSTMRegressor(), TransformedSeriesRegressor(Ridge())], ids=repr
)
def test_regressors_are_regressors(estimator):
    """scikit-learn knows them as regressors, alone and at the end of a pipeline."""
    assert is_regressor(estimator)
    assert is_regressor(make_pipeline(LagWindower(), estimator))
