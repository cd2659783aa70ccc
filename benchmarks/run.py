"""Measure sklstm side by side with what it is compared with; write results/speed.md.

Run it on an otherwise idle machine. The exit status tells whether every bar was reached.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# Read when TensorFlow loads, here and in the processes that are measured.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from _speed import _pytorch, _serving  # noqa: F401, add their cases
from _speed._cases import CASES, Options, Row
from _speed._measure import machine

RESULTS = Path(__file__).parent / "results" / "speed.md"
# What follows this line in RESULTS is measured by other scripts, and kept.
_ONCE = "\n## Run once"
_HEADER = ("work", "sklstm", "against", "theirs", "ratio", "bar", "")


def main() -> int:
    """Run the cases that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=CASES, metavar="NAME", help="one case")
    parser.add_argument("--rounds", type=int, default=3, help="rounds per case (default: 3)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one round of tiny sizes, to see that all runs: no bar counts, nothing is written",
    )
    parser.add_argument("--list", action="store_true", help="list the cases and what they compare")
    arguments = parser.parse_args()
    if arguments.list:
        for name, function in CASES.items():
            print(f"{name}: {function.__doc__.splitlines()[0]}")
        return 0
    options = Options(rounds=1 if arguments.quick else arguments.rounds, quick=arguments.quick)
    rows = []
    for name in arguments.only or CASES:
        print(f"{name} …", file=sys.stderr, flush=True)
        found = CASES[name](options)
        for row in found:
            print(f"  {' | '.join(_cells(row, options.quick))}", file=sys.stderr, flush=True)
        rows += found
    text = _report(rows, options)
    print(text)
    if options.quick:
        return 0
    if not arguments.only:
        kept = RESULTS.read_text(encoding="utf-8").partition(_ONCE)[1:]
        RESULTS.write_text(text + "".join(kept), encoding="utf-8")
    return 0 if all(row.reached for row in rows) else 1


def _report(rows: list[Row], options: Options) -> str:
    table = [_HEADER, tuple("---" for _ in _HEADER), *(_cells(row, options.quick) for row in rows)]
    return "\n".join(
        [
            "# Measured",
            "",
            f"Medians of {options.rounds} alternating rounds.",
            *(f"- {line}" for line in machine()),
            "",
            *(f"| {' | '.join(cells)} |" for cells in table),
            "",
        ]
    )


def _cells(row: Row, quick: bool) -> tuple[str, ...]:
    ratio = f"{row.ratio:,.0f}" if row.ratio >= 100 else f"{row.ratio:.3g}"
    if row.bar is None or quick:
        return row.work, row.ours, row.against, row.theirs, ratio + row.unit, "", ""
    bar = f"{'≤' if row.most else '≥'} {row.bar:,}{row.unit}"
    verdict = "reached" if row.reached else "**missed**"
    return row.work, row.ours, row.against, row.theirs, ratio + row.unit, bar, verdict


if __name__ == "__main__":
    sys.exit(main())
