"""Audit what sklstm needs at run time: that releases agree, and that no advisory is known.

pip-audit looks up advisories on the package index. One of a package that pyproject.toml names is a
failure. One of a package that those need in turn is told, and put right by an upgrade. A service
that cannot be reached, or does not know a package, is said aloud and fails nothing.
"""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

#: Advisories that do not concern sklstm, each with its reason.
IGNORED: dict[str, str] = {}


def needed(project, extras=()):
    """Return the installed release of all that a project needs, and what is missing or too old."""
    found, wrong = {}, []
    waiting = [(project, frozenset(extras))]
    seen = set(waiting)
    while waiting:
        name, extras = waiting.pop()
        for line in requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is not None and not any(
                requirement.marker.evaluate({"extra": extra}) for extra in extras or {""}
            ):
                continue
            wanted = canonicalize_name(requirement.name)
            try:
                found[wanted] = version(wanted)
            except PackageNotFoundError:
                wrong.append(f"{name} needs {requirement}, which is not installed")
                continue
            if not requirement.specifier.contains(found[wanted], prereleases=True):
                wrong.append(f"{name} needs {requirement}, but {found[wanted]} is installed")
            following = wanted, frozenset(requirement.extras)
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return dict(sorted(found.items())), wrong


def advisories(releases):
    """Return the advisories of each release, and why others could not be looked up."""
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text("".join(f"{name}=={release}\n" for name, release in releases.items()))
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(pins), "--no-deps"]
        command += ["--disable-pip", "--format", "json", "--progress-spinner", "off"]
        for advisory in IGNORED:
            command += ["--ignore-vuln", advisory]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)["dependencies"]
    except json.JSONDecodeError:
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return {}, dict.fromkeys(releases, reason)
    known = {
        canonicalize_name(package["name"]): [
            f"{found['id']} (fixed in {', '.join(found['fix_versions']) or 'no release'})"
            for found in package["vulns"]
        ]
        for package in report
        if package.get("vulns")
    }
    unknown = {one["name"]: one["skip_reason"] for one in report if "skip_reason" in one}
    return known, unknown


def main():
    """Print what was found; return 1 if something is wrong."""
    releases, wrong = needed("sklstm", ["plot"])
    known, unknown = advisories(releases)
    named = {canonicalize_name(Requirement(line).name) for line in requires("sklstm") or ()}
    for line in wrong:
        print(line)
    for package, found in known.items():
        print(f"{package} {releases[package]}: {'; '.join(found)}")
    print(
        f"{len(releases)} packages are needed at run time, with matplotlib; advisories were looked"
        f" up for {len(releases) - len(unknown)}."
    )
    if unknown:
        print(f"NOT LOOKED UP: {', '.join(unknown)}.")
        print(f"The first reason: {next(iter(unknown.values()))}")
    return 1 if wrong or known.keys() & named else 0


if __name__ == "__main__":
    sys.exit(main())
