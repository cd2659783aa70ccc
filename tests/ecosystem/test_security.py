"""What a kept model may do when it is loaded, and what the package never does: see security.rst."""

import inspect
import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from estimators import outputs
from sklearn.linear_model import Ridge
from states import assert_same

import sklstm
from sklstm import (
    CalendarFeatures,
    Differencer,
    LagsToWindow,
    LagWindower,
    LSTMClassifier,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TimeStepSplit,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
)
from sklstm.datasets import load_milk

PACKAGE = Path(sklstm.__file__).parent
ROOT = PACKAGE.parent
# Keras' own way to write weights is deprecated by NumPy.
SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
ROWS = np.random.default_rng(0).normal(size=(30, 2))
TARGET = ROWS[:, 0]


@pytest.fixture(scope="module")
def fitted():
    """A small network."""
    return LSTMRegressor(2, epochs=1, random_state=0).fit(ROWS, TARGET)


# ------------------------------------------------------------------------ each class can be kept

DAYS = pd.date_range("2024-01-01", periods=30, freq="D")
WALK = np.sin(np.arange(32.0))
DATED = pd.DataFrame({"sold_lag2": WALK[:-2], "sold_lag1": WALK[1:-1]}, DAYS)
SOLD = pd.Series(WALK[2:], DAYS, name="sold")
SMALL = {"units": 2, "epochs": 1, "random_state": 0}
#: One of each public class that a user may keep.
KEPT = [
    CalendarFeatures("day", holidays=["2024-01-06"]),
    Differencer(),
    LagWindower(3, fold=3),
    LagsToWindow(2),
    LSTMClassifier(**SMALL, n_networks=2, short_windows="mask"),
    LSTMRegressor(**SMALL, cell="gru", n_networks=2, learning_rate_schedule="cosine"),
    SeriesMinMaxScaler(per_series=True),
    StatefulLSTMRegressor(**SMALL, n_networks=2),
    TimeStepSplit(2),
    TransformedSeriesRegressor(LSTMRegressor(**SMALL), Differencer()),
    WindowScaledRegressor(Ridge(), scale=None),
]


def test_no_class_is_left_out():
    """What is public and no warning and no picture is among what is kept below."""
    public = [getattr(sklstm, name) for name in sklstm.__all__ if not name.endswith("Display")]
    classes = {one for one in public if inspect.isclass(one) and not issubclass(one, Warning)}
    assert classes == {type(one) for one in KEPT}


@SAVES
@pytest.mark.filterwarnings("ignore::sklstm.UnnamedSeriesWarning")
@pytest.mark.parametrize(
    "model",
    [
        pytest.param(
            model,
            id=type(model).__name__,
            marks=pytest.mark.slow if hasattr(model, "n_networks") else (),
        )
        for model in KEPT
    ],
)
def test_a_class_is_kept_without_code(model, tmp_path):
    """With our own types trusted alone, skops brings it back whole; so does Keras its network."""
    skops = pytest.importorskip("skops.io")
    is_classifier = isinstance(model, LSTMClassifier)
    if hasattr(model, "fit"):
        model.fit(DATED, np.sign(SOLD).astype(str) if is_classifier else SOLD)
    kept = skops.dumps(model)
    trusted = skops.get_untrusted_types(data=kept)
    assert all(name.startswith("sklstm.") for name in trusted)
    restored = skops.loads(kept, trusted=trusted)
    assert repr(restored) == repr(model)
    if hasattr(model, "fit"):
        assert_same(outputs(restored, DATED), outputs(model, DATED))
    if hasattr(model, "model_"):
        file = tmp_path / "network.keras"
        model.model_.save(file)
        rows = DATED.to_numpy()[:, None]
        loaded = keras.models.load_model(file, safe_mode=True)
        np.testing.assert_allclose(loaded(rows), model.model_(rows), rtol=1e-5)


# ------------------------------------------------------------------------------ skops refuses it


def tamper(file, name, change):
    """Change one JSON member of an archive."""
    with zipfile.ZipFile(file) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    content = json.loads(members[name])
    change(content)
    members[name] = json.dumps(content)
    with zipfile.ZipFile(file, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)


@pytest.mark.parametrize(
    "node",
    [
        {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"},
        {"__class__": "Popen", "__module__": "subprocess", "__loader__": "TypeNode"},
        {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode"},
    ],
    ids=["function", "type", "object"],
)
def test_skops_refuses_a_file_that_was_tampered_with(node, tmp_path):
    """A type planted in the file is found before anything is made, with all of ours trusted."""
    skops = pytest.importorskip("skops.io")
    windower = LagWindower(2).fit(load_milk().to_frame())
    file = tmp_path / "windower.skops"
    skops.dump(windower, file)
    trusted = skops.get_untrusted_types(file=file)
    assert all(name.startswith("sklstm.") for name in trusted)
    tamper(file, "schema.json", lambda schema: schema["content"]["content"]["_past"].update(node))
    planted = f"{node['__module__']}.{node['__class__']}"
    assert planted in skops.get_untrusted_types(file=file)
    with pytest.raises(skops.exceptions.UntrustedTypesFoundException, match=planted):
        skops.load(file, trusted=trusted)


def lambda_layer(planted):
    """Return the config of a layer whose Python function makes a folder when it is called."""
    layer = keras.layers.Lambda(
        lambda x, path=str(planted): __import__("os").mkdir(path) or x, output_shape=(1,)
    )
    return keras.saving.serialize_keras_object(layer)


def named_function(_):
    """Return the config of a function by its module and name."""
    config = {"module": "os", "class_name": "function", "config": "system"}
    return config | {"registered_name": "function"}


#: Objects of Keras whose configs look as harmless as they are.
HARMLESS = {
    "loss": keras.losses.Huber,
    "optimizer": keras.optimizers.Adam,
    "metrics": keras.metrics.MeanSquaredError,
}
CONFIGS = pytest.mark.parametrize("config", [lambda_layer, named_function])


@CONFIGS
@pytest.mark.parametrize("part", ["activation", "dense_activation", "output_activation"])
def test_a_network_kept_as_a_config_is_not_brought_to_life(part, config, fitted, tmp_path):
    """A kept network whose activation is a config of code is refused at prediction."""
    config = config(tmp_path / "planted")
    tampered = LSTMRegressor().set_params(**fitted.get_params())
    vars(tampered).update(vars(fitted))
    layers = {"dense_units": (1,), "dense_activation": (config,)}
    changes = layers if part == "dense_activation" else {part: config}
    tampered._network = replace(fitted._network, **changes)
    for use in (lambda: tampered.predict(ROWS), lambda: tampered.model_):
        with pytest.raises((TypeError, ValueError)):
            use()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("config", [lambda_layer, named_function, "harmless"])
@pytest.mark.parametrize("part", HARMLESS)
def test_a_parameter_that_is_a_config_is_refused(part, config, tmp_path):
    """Keras is not asked to make an object of a dict, though it would make a harmless one."""
    if config == "harmless":
        config = keras.saving.serialize_keras_object(HARMLESS[part]())
    else:
        config = config(tmp_path / "planted")
    model = LSTMRegressor(2, epochs=1, **{part: [config] if part == "metrics" else config})
    with pytest.raises(ValueError, match=f"Got {part}="):
        model.fit(ROWS, TARGET)
    assert not list(tmp_path.iterdir())


# --------------------------------------------------------------------------------- files of Keras


@SAVES
def test_a_network_loads_in_safe_mode_and_predicts_the_same(fitted, tmp_path):
    """What model_ saves holds stock layers alone."""
    fitted.model_.save(tmp_path / "network.keras")
    model = keras.models.load_model(tmp_path / "network.keras", safe_mode=True)
    predicted = model.predict(ROWS[:, None].astype(np.float32), verbose=0)
    np.testing.assert_allclose(predicted[:, 0], fitted.predict(ROWS), rtol=1e-5, atol=1e-6)


@SAVES
@CONFIGS
def test_safe_mode_refuses_a_keras_file_with_code(config, fitted, tmp_path):
    """Neither a Lambda layer nor the name of a function gets past safe mode."""
    file, planted = tmp_path / "network.keras", tmp_path / "planted"
    fitted.model_.save(file)

    def plant(network):
        if config is named_function:
            network["config"]["layers"][1]["config"]["activation"] = config(planted)
        else:
            network |= config(planted)

    tamper(file, "config.json", plant)
    with pytest.raises((TypeError, ValueError)):
        keras.models.load_model(file, safe_mode=True)
    assert not planted.exists()


# ------------------------------------------------------------------------------ watched at run time

# Python tells of each deed before it is done. A deed is the package's own if, apart from the
# standard library, the package is the first on the stack; the network and temporary files are
# nobody's to use.
WATCH = """
import os, sys, traceback
package, library = {package!r}, os.path.dirname(os.__file__)
deeds = []
# Deeds that count whoever does them, and deeds that count where the package does them.
ANYBODYS = {{
    "socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request", "tempfile.mkstemp"
}}
OWN = {{
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class",
    "os.remove", "os.rename", "os.mkdir", "os.truncate", "tempfile.mkdtemp", "open"
}}

def owner():
    for frame, _ in traceback.walk_stack(sys._getframe(3)):  # behind the three functions here
        path = frame.f_code.co_filename
        inside = path.startswith(library) and "site-packages" not in path
        if not inside and not path.startswith("<frozen"):
            return path
    return ""

def counts(event, arguments):
    if event == "open":
        _, mode, flags = arguments
        writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT
        if not (set(mode or "") & set("wax+") or (isinstance(flags, int) and flags & writes)):
            return False
    if event in ("exec", "compile"):
        # Importing a module runs its code; only what the package itself hands over counts.
        return sys._getframe(2).f_code.co_filename.startswith(package)
    return event in ANYBODYS or (event in OWN and owner().startswith(package))

def watch(event, arguments):
    if counts(event, arguments):
        deeds.append((event, str(arguments)[:80]))

sys.addaudithook(watch)
"""

# All that a user does, with each engine. Nothing here asks for a file to be written.
WORK = """
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklstm import *
from sklstm import datasets
for name in datasets.__all__:
    getattr(datasets, name)()
X, y = series_to_supervised(datasets.load_milk())
X, y = X[-60:], y[-60:]
steps = make_pipeline(Differencer(), SeriesMinMaxScaler((-1, 1)))
network = LSTMRegressor(2, epochs=1, n_networks=2, short_windows="mask", random_state=0)
model = TransformedSeriesRegressor(
    make_pipeline(CalendarFeatures("month"), LagWindower(3), network), transformer=steps
).fit(X[:-9], y[:-9])
model.partial_fit(X[-9:], y[-9:]).predict(X)
forecast(model, X, 3, y=y)
result = backtest(model, X, y, cv=TimeStepSplit(2, test_size=5), feed_back=True, n_jobs=1)
conformal_interval(backtest(Ridge(), X, y, cv=TimeSeriesSplit(4)), y[-1:], coverage=0.5)
stateful = make_pipeline(SeriesMinMaxScaler(), StatefulLSTMRegressor(2, epochs=1)).fit(X, y)
stateful.predict(X)
scaled = make_pipeline(LagWindower(6), WindowScaledRegressor(LSTMRegressor(2, epochs=1)))
scaled.fit(X, y).predict(X)
with side_by_side():
    search = {"lstmregressor__random_state": [0, 1]}
    GridSearchCV(
        make_pipeline(LagWindower(2, flatten=True), LagsToWindow(), LSTMRegressor(2, epochs=1)),
        search, cv=TimeSeriesSplit(2), scoring=forecast_scorer(steps=2),
    ).fit(X, y)
LSTMClassifier(2, epochs=1, cell="gru").fit(X.to_numpy(), y > y.mean()).predict_proba(X.to_numpy())
for engine in ("keras", "layer", "block", "matmul", "xla"):
    LSTMRegressor(2, epochs=1, engine=engine).fit(X.to_numpy(), y).predict(X.to_numpy())
LSTMRegressor(2, epochs=1, loss="quantile").fit(X.to_numpy(), y).predict_quantiles(X.to_numpy())
model.regressor_[-1].model_
TrainingHistoryDisplay.from_estimator(model)
ForecastDisplay.from_predictions(y, model.predict(X))
model._repr_html_()
"""


@pytest.mark.slow
def test_a_whole_session_runs_no_code_and_writes_nothing(tmp_path):
    """From import to pictures: no network, process, file, temporary file or made-up code."""
    assert all(name in WORK for name in sklstm.__all__ if not name.endswith("Warning"))
    script = tmp_path / "script.py"
    script.write_text(WATCH.format(package=str(PACKAGE)) + WORK + "print('deeds:', deeds)")
    homes = {name: tmp_path / name for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "work")}
    for home in homes.values():
        home.mkdir()
    environment = os.environ | {name: str(home) for name, home in homes.items()}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        cwd=homes["work"],
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    left = {
        path.relative_to(tmp_path).as_posix()
        for home in homes.values()
        for path in home.rglob("*")
        if path.is_file()
    }
    assert done.stdout.rpartition("deeds:")[2].strip() == "[]"
    # Keras and matplotlib keep notes of their own in the user's home.
    assert all(re.match(r"HOME/\.keras/keras\.json|MPLCONFIGDIR/fontlist-", path) for path in left)
