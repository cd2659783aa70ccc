"""The bounds of dependencies agree, leave out known holes, and are looked up by `make audit`."""

import importlib.util
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

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
