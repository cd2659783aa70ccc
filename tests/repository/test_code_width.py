"""Code that users read is narrow enough for a page with a table of contents on either side."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
WIDTH = 75


def code_lines(path):
    """Yield the number and the code of each line of code: statements, or blocks of a README."""
    in_block = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        statement = re.match(r" *(?:>>>|\.\.\.) (.*)", line)
        if line.startswith("```"):
            in_block = not in_block
        elif statement or in_block:
            yield number, statement[1] if statement else line


def test_code_is_narrow():
    """No line of an example in the README, the guide or a docstring is wider than 75 columns."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.rst")]
    pages += [*(ROOT / "docs" / "user_guide").rglob("*.rst"), *(ROOT / "sklstm").rglob("*.py")]
    lines = [(page.name, *line) for page in pages for line in code_lines(page)]
    assert len(lines) > 1000
    assert not [line for line in lines if len(line[-1]) > WIDTH]
