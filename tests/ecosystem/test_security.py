"""What a kept model may do when it is loaded, and what the package never does: see security.rst."""

import ast
import importlib.util
import io
import json
import os
import pickle
import re
import subprocess
import sys
import textwrap
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path

import joblib
import keras
import numpy as np
import pytest

import sklstm
from sklstm import LagWindower, LSTMRegressor
from sklstm.datasets import load_milk

PACKAGE = Path(sklstm.__file__).parent
ROOT = PACKAGE.parent
# Keras' own way to write weights is deprecated by NumPy.
SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
ROWS = np.random.default_rng(0).normal(size=(30, 2))
TARGET = ROWS[:, 0]


@pytest.fixture
def skops():
    """Return skops' way to keep models without pickle."""
    return pytest.importorskip("skops.io")


@pytest.fixture(scope="module")
def fitted():
    """A small network."""
    return LSTMRegressor(2, epochs=1, random_state=0).fit(ROWS, TARGET)


# ------------------------------------------------------------------------------ pickle runs code


class Attack:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "attacked")


@pytest.mark.parametrize("load", [pickle.load, joblib.load], ids=["pickle", "joblib"])
def test_a_pickle_runs_what_its_author_wants(load, tmp_path):
    """The warning is true: loading alone runs the code."""
    planted = tmp_path / "planted"
    load(io.BytesIO(pickle.dumps(Attack(planted))))
    assert planted.read_text() == "attacked"


# ------------------------------------------------------------------------------ skops refuses it


@pytest.mark.parametrize(
    "node",
    [
        {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"},
        {"__class__": "Popen", "__module__": "subprocess", "__loader__": "TypeNode"},
        {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode"},
    ],
    ids=["function", "type", "object"],
)
def test_skops_refuses_a_file_that_was_tampered_with(skops, node, tmp_path):
    """A type planted in the file is found before anything is made, with all of ours trusted."""
    windower = LagWindower(2).fit(load_milk().to_frame())
    file = tmp_path / "windower.skops"
    skops.dump(windower, file)
    trusted = skops.get_untrusted_types(file=file)
    assert set(trusted) == {
        "sklstm._past._past.Past",
        "sklstm._past._time_axis.TimeAxis",
        "sklstm.transformers._lag_windower.LagWindower",
    }
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    schema["content"]["content"]["_past"] |= node
    members["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
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


def test_a_layer_with_code_is_dangerous_where_it_is_let_in(tmp_path):
    """The attack that the tests below see refused does work without safe mode."""
    config = lambda_layer(tmp_path / "planted")
    layer = keras.saving.deserialize_keras_object(config, safe_mode=False)
    layer(np.zeros((1, 1), np.float32))
    assert (tmp_path / "planted").exists()


def named_function(_):
    """Return the config of a function by its module and name."""
    return {
        "module": "os",
        "class_name": "function",
        "config": "system",
        "registered_name": "function",
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


@CONFIGS
@pytest.mark.parametrize("part", ["loss", "optimizer", "metrics"])
def test_a_parameter_that_is_a_config_is_refused(part, config, tmp_path):
    """Names, objects and functions are taken; Keras is not asked to make an object of a dict."""
    config = config(tmp_path / "planted")
    model = LSTMRegressor(2, epochs=1, **{part: [config] if part == "metrics" else config})
    with pytest.raises(ValueError, match=f"Got {part}="):
        model.fit(ROWS, TARGET)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("part", ["loss", "optimizer"])
def test_not_even_a_harmless_config_is_taken(part):
    """A config that Keras would accept is refused as well: an object says the same."""
    config = {"loss": keras.losses.Huber(), "optimizer": keras.optimizers.Adam()}[part]
    config = getattr(keras, {"loss": "losses"}.get(part, "optimizers")).serialize(config)
    with pytest.raises(ValueError, match=f"Got {part}="):
        LSTMRegressor(2, epochs=1, **{part: config}).fit(ROWS, TARGET)


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
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    network = json.loads(members["config.json"])
    if config is lambda_layer:
        network = config(planted)
    else:
        network["config"]["layers"][1]["config"]["activation"] = config(planted)
    members["config.json"] = json.dumps(network).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises((TypeError, ValueError)):
        keras.models.load_model(file, safe_mode=True)
    assert not planted.exists()


# ------------------------------------------------------------------------------- read in the source

#: What the package may import; network, processes, temporary files and pickles are not among it.
MODULES = {
    *("__future__", "collections", "contextlib", "copy", "dataclasses", "difflib", "functools"),
    *(
        "importlib.resources",
        "inspect",
        "itertools",
        "math",
        "mmap",
        "numbers",
        "os",
        "random",
        "re",
        "reprlib",
        "sys",
    ),
    *("threading", "time", "types", "typing", "warnings"),
    *("keras", "matplotlib", "numpy", "pandas", "scikeras", "scipy", "sklearn", "tensorflow"),
    "sklstm",
}
#: What it may not call, whatever it is called on.
CALLS = {
    *("eval", "exec", "__import__", "breakpoint", "import_module", "system", "popen", "fork"),
    *("load", "loads", "load_model", "load_weights", "read_pickle", "model_from_json"),
    *("deserialize", "deserialize_keras_object", "enable_unsafe_deserialization"),
    *("save", "save_weights", "savez", "savetxt", "savefig", "dump", "export", "get_file"),
    *("to_csv", "to_pickle", "to_json", "to_parquet", "to_excel", "to_hdf", "to_sql", "tofile"),
    *("write_text", "write_bytes", "mkdir", "makedirs", "touch", "unlink", "rmtree"),
    *("putenv", "urlopen", "read_html", "read_sql"),
}
#: Built-in functions that other objects have harmless methods named like.
BUILTINS = {"compile"}
OPTIONS = {"allow_pickle", "safe_mode", "custom_objects"}


def offences(source):
    """Tell what a source does that the package must not do."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if not _allowed(alias.name)]
        elif isinstance(node, ast.ImportFrom) and not node.level and not _allowed(node.module):
            found.append(node.module)
        if not isinstance(node, ast.Call):
            continue
        of = node.func
        name = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
        options = {option.arg: option.value for option in node.keywords}
        if name in CALLS or (name in BUILTINS and isinstance(of, ast.Name)):
            found.append(name)
        found += sorted(OPTIONS & set(options))
        if name == "open":
            modes = [*node.args[isinstance(of, ast.Name) :], options.get("mode")]
            if not all(mode is None or _reads(mode) for mode in modes[:1] + modes[-1:]):
                found.append("open")
        if (
            ast.unparse(of) == "tf.function"
            and ast.unparse(options.get("autograph", ast.Constant(None))) != "False"
        ):
            found.append("autograph")
    return found


def _allowed(module):
    return module in MODULES or module.split(".")[0] in MODULES


def _reads(mode):
    return isinstance(mode, ast.Constant) and mode.value in ("r", "rb", "rt")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_the_source_runs_no_code_and_writes_nothing(path):
    """No eval, no unpickling, no network, no process, no file written, no autograph."""
    assert offences(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "offence"),
    [
        ("eval('1')", "eval"),
        ("builtins.exec('x = 1')", "exec"),
        ("compile('1', '', 'eval')", "compile"),
        ("import pickle", "pickle"),
        ("from urllib.request import urlopen", "urllib.request"),
        ("import subprocess as s", "subprocess"),
        ("import socket, re", "socket"),
        ("import tempfile", "tempfile"),
        ("import importlib", "importlib"),
        ("os.system('ls')", "system"),
        ("joblib.load(path)", "load"),
        ("np.load(path, allow_pickle=True)", "allow_pickle"),
        ("keras.models.load_model(path, safe_mode=False)", "safe_mode"),
        ("keras.config.enable_unsafe_deserialization()", "enable_unsafe_deserialization"),
        ("open(path, 'w')", "open"),
        ("open(path, mode='ab')", "open"),
        ("path.open('r+')", "open"),
        ("open(path, mode)", "open"),
        ("table.to_csv(path)", "to_csv"),
        ("model.save(path)", "save"),
        ("tf.function(body)", "autograph"),
        ("tf.function(body, autograph=True)", "autograph"),
    ],
)
def test_an_offence_in_a_source_is_found(source, offence):
    """Each rule fails where it is broken."""
    assert offence in offences(source)


def test_an_innocent_source_passes():
    """Reading a file, compiling a model and tracing without autograph are no offences."""
    source = """
        from importlib.resources import files
        import re, keras
        re.compile("a"); model.compile(loss="mse")
        open(path); open(path, "rb"); files("a").open(encoding="utf-8")
        tf.function(body, autograph=False)
    """
    assert offences(textwrap.dedent(source)) == []


# ------------------------------------------------------------------------------ watched at run time

# Python tells of each deed before it is done. A deed is the package's own if, apart from the
# standard library, the package is the first on the stack; the network and temporary files are
# nobody's to use.
WATCH = """
import os, sys
package, library = {package!r}, os.path.dirname(os.__file__)
deeds = []
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request")
PROCESS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
FILES = ("os.remove", "os.rename", "os.mkdir", "os.truncate", "tempfile.mkdtemp")
CODE = ("exec", "compile", "pickle.find_class")
TEMPORARY = ("tempfile.mkstemp",)

def stack():
    frame = sys._getframe(2)
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back

def owner():
    for path in stack():
        inside = path.startswith(library) and "site-packages" not in path
        if not inside and not path.startswith("<frozen"):
            return path

def watch(event, arguments):
    if event == "open":
        _, mode, flags = arguments
        writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT
        if not (set(mode or "") & set("wax+") or (isinstance(flags, int) and flags & writes)):
            return
    elif event not in NETWORK + PROCESS + FILES + CODE + TEMPORARY:
        return
    if event in NETWORK + TEMPORARY:
        deeds.append((event, str(arguments)[:80]))
    elif event in ("exec", "compile"):
        # Importing a module runs its code; only what the package itself hands over counts.
        if sys._getframe(1).f_code.co_filename.startswith(package):
            deeds.append((event, str(arguments)[:80]))
    elif (owner() or "").startswith(package):
        deeds.append((event, str(arguments)[:80]))

sys.addaudithook(watch)
"""

# All that a user does, with each engine. Nothing here asks for a file to be written.
WORK = """
import warnings
import numpy as np
import sklstm
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklstm import *
from sklstm import datasets
for name in datasets.__all__:
    getattr(datasets, name)()
X, y = series_to_supervised(datasets.load_milk())
X, y = X[-60:], y[-60:]
steps = make_pipeline(Differencer(), SeriesMinMaxScaler((-1, 1)))
network = LSTMRegressor(2, epochs=1, random_state=0)
model = TransformedSeriesRegressor(
    make_pipeline(steps, LagWindower(3), network), transformer=steps, y_lag="milk_lag1"
).fit(X, y)
model.predict(X)
forecast(model, X, 3, y=y)
result = backtest(model, X, y, cv=TimeSeriesSplit(2, test_size=5))
stateful = make_pipeline(SeriesMinMaxScaler(), StatefulLSTMRegressor(2, epochs=1)).fit(X, y)
stateful.predict(X)
for engine in ("keras", "layer", "block", "xla"):
    LSTMRegressor(2, epochs=1, engine=engine).fit(X.to_numpy(), y).predict(X.to_numpy())
LSTMRegressor(2, epochs=1, loss="quantile").fit(X.to_numpy(), y).predict_quantiles(X.to_numpy())
model.regressor_[-1].model_
TrainingHistoryDisplay.from_estimator(model)
ForecastDisplay.from_predictions(y, model.predict(X))
model._repr_html_()
"""


def deeds_of(code, folder, *, package=PACKAGE):
    """Run code in a fresh process with homes of its own; return its deeds and the files left."""
    script = folder / "script.py"
    tell = "\nprint('deeds:', deeds)\n"
    script.write_text(WATCH.format(package=str(package)) + code + tell, encoding="utf-8")
    homes = {name: folder / name for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "work")}
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
        path.relative_to(folder).as_posix()
        for home in homes.values()
        for path in home.rglob("*")
        if path.is_file()
    }
    deeds = ast.literal_eval(done.stdout.rpartition("deeds:")[2].strip())
    return {event for event, _ in deeds}, left


@pytest.mark.slow
def test_a_whole_session_runs_no_code_and_writes_nothing(tmp_path):
    """From import to pictures: no network, process, file, temporary file or made-up code."""
    deeds, left = deeds_of(WORK, tmp_path)
    assert deeds == set()
    # Keras and matplotlib keep notes of their own in the user's home.
    assert {path.partition("/")[0] for path in left} <= {"HOME", "MPLCONFIGDIR"}
    assert all(re.match(r"HOME/\.keras/keras\.json|MPLCONFIGDIR/fontlist-", path) for path in left)


def test_deeds_at_run_time_are_found(tmp_path):
    """Each deed is seen when it is done."""
    code = """
import pickle, socket, subprocess, tempfile
open("left", "w").close()
os.system("true")
subprocess.run(["true"])
tempfile.mkstemp()
os.mkdir("folder")
eval("1 + 1")
pickle.loads(pickle.dumps(print))
try:
    socket.create_connection(("127.0.0.1", 9), timeout=1)
except OSError:
    pass
"""
    deeds, left = deeds_of(code, tmp_path, package=tmp_path)
    assert deeds >= {
        *("open", "os.system", "subprocess.Popen", "tempfile.mkstemp", "os.mkdir"),
        *("compile", "exec", "pickle.find_class", "socket.connect"),
    }
    assert "work/left" in left


@pytest.mark.slow
def test_autograph_would_write_temporary_files(tmp_path):
    """Why the engine traces without autograph: TensorFlow writes the code that it makes."""
    code = """
import tensorflow as tf

@tf.function
def halve(x):
    if x > 0:
        x = x / 2
    return x

halve(tf.constant(3.0))
"""
    deeds, _ = deeds_of(code, tmp_path)
    assert deeds == {"tempfile.mkstemp"}


# ------------------------------------------------------------------------------------ dependencies

#: The first release without a known advisory that concerns what is loaded or fitted here.
FIXED_SINCE = {
    # Code from a .keras file past safe_mode: CVE-2025-1550 (3.9), -8747 and -9906 (3.11.0), -9905
    # and -49655 (3.11.3), CVE-2026-1462 (3.13.2). Files read or unpacked: CVE-2025-12058 and
    # -12060 (3.12), CVE-2026-1669 (3.13.2), GHSA-hqp4-2352-xf5r (3.14). Lambda layers by
    # from_config: CVE-2026-12481 (3.15).
    "keras": "3.15",
    "scikit-learn": "1.5",  # CVE-2024-5206
}


def release(text):
    """Return a version as three numbers."""
    return (*map(int, text.split(".")), 0, 0)[:3]


def lower_bounds():
    """Return the lower bound of each run-time dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = [re.match(r"([\w-]+)>=([\d.]+)", line).groups() for line in project["dependencies"]]
    return {name: release(bound) for name, bound in bounds}


def test_each_lower_bound_is_tested():
    """What pyproject.toml promises is what requirements-oldest.txt pins."""
    lines = (ROOT / "requirements-oldest.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.partition("#")[0].strip().split("==") for line in lines if "==" in line)
    assert {name: release(pins[name]) for name in lower_bounds()} == lower_bounds()


@pytest.mark.parametrize("name", FIXED_SINCE)
def test_no_release_with_a_known_hole_is_allowed(name):
    """Each lower bound is at or above the release that fixed what was found."""
    assert lower_bounds()[name] >= release(FIXED_SINCE[name])


@pytest.fixture(scope="module")
def audit():
    """Return the script behind make audit."""
    spec = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(**advisories):
    """Return what pip-audit prints where some packages have advisories."""
    packages = [
        {"name": name, "version": "1", "vulns": [{"id": found, "fix_versions": ["2"]}]}
        for name, found in advisories.items()
    ]
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize(
    ("printed", "status", "said"),
    [
        (answer(), 0, "packages are needed"),
        (answer(keras="CVE-1"), 1, r"keras [\d.]+: CVE-1 \(fixed in 2\)"),
        (answer(h5py="CVE-2"), 0, r"h5py [\d.]+: CVE-2"),
        ("", 0, "NOT LOOKED UP: .*keras.*\n.*no route"),
        (
            json.dumps({"dependencies": [{"name": "keras", "skip_reason": "not known"}]}),
            0,
            "NOT LOOKED UP: keras.\n.*not known",
        ),
    ],
    ids=["nothing", "ours", "of others", "out of reach", "not known"],
)
def test_the_audit_tells_and_judges_advisories(audit, monkeypatch, capsys, printed, status, said):
    """An advisory of what pyproject.toml names fails; what was not looked up is said aloud."""
    done = subprocess.CompletedProcess([], 0, stdout=printed, stderr="no route")
    monkeypatch.setattr(audit.subprocess, "run", lambda *args, **kwargs: done)
    monkeypatch.setattr(audit, "needed", lambda *args: ({"keras": "3.15", "h5py": "3"}, []))
    assert audit.main() == status
    assert re.search(said, capsys.readouterr().out)


def test_the_audit_finds_releases_that_do_not_agree(audit, monkeypatch):
    """A release below the bound of what needs it is told, and what is needed in turn is found."""
    agreed, wrong = audit.needed("sklstm")
    assert wrong == []
    assert {"keras", "h5py", "joblib"} <= agreed.keys()
    monkeypatch.setattr(audit, "version", lambda name: "0.1" if name == "keras" else agreed[name])
    assert any("0.1 is installed" in line for line in audit.needed("sklstm")[1])
