"""The README's examples run exactly as they are written."""

import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


def test_there_is_an_example():
    """The pattern above finds at least one block of Python."""
    assert EXAMPLES


@pytest.mark.slow
@pytest.mark.parametrize(("example", "n_held_out"), zip(EXAMPLES, [36, 12 * 14], strict=True))
def test_example_runs_as_written(example, n_held_out):
    """The last statement predicts a finite number for each of the rows held out."""
    names = {}
    exec(compile(example, str(README), "exec"), names)
    assert names["predicted"].shape == (n_held_out,)
    assert np.isfinite(names["predicted"]).all()


def test_files_that_it_links_to_exist():
    """No link within the project leads nowhere."""
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    missing = [link for link in links if "://" not in link and not (README.parent / link).exists()]
    assert not missing
