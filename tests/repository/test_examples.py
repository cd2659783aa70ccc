"""Every example runs from start to end."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("plot_*.py")), ids=lambda path: path.stem)
def test_example_runs_and_draws(example, tmp_path):
    """An example exits with 0 and leaves at least one picture."""
    command = [sys.executable, EXAMPLES / "run.py", example, "--output", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.png"))
