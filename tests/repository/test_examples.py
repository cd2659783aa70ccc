"""An example runs as a script; `make docs` runs all of them and stops at an error."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_demo_runs_and_draws(tmp_path):
    """What `make demo` runs exits with 0 and leaves a picture."""
    example = ROOT / "examples" / "tune" / "plot_milk_grid_search.py"
    command = [sys.executable, ROOT / "tools" / "run_example.py", example, "--output", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.png"))
