"""The cases of the benchmark beside PyTorch, which is measured where it is installed."""

from __future__ import annotations

from _speed import _opponents, _ours
from _speed._cases import Options, Row, _faster, _named, case
from _speed._measure import alternate, contender, installed


@case
def pytorch(options: Options) -> list[Row]:
    """Stateless fits of small and large sizes against the PyTorch loop; both warm."""
    sizes = [(144, 12, 4, 1, 20), (1000, 24, 32, 32, 10), (1800, 100, 300, 450, 1)]
    rows = []
    for rows_window_units_batch_epochs in sizes if installed("torch") else []:
        size = _size(options, *rows_window_units_batch_epochs)
        bar = 3 if size["batch"] == 1 else 1
        rows.append(_beside(_named(size), size, options.rounds, bar=bar))
    return rows


@case
def middle_sizes(options: Options) -> list[Row]:
    """Stateless fits of nine middle sizes against the PyTorch loop: warm, then in a new process.

    In a new process, tracing and compiling count, but not the imports.
    """
    sizes = [
        (1000, 24, 32, 128, 40),
        (1000, 12, 32, 64, 40),
        (2000, 48, 64, 64, 10),
        (2000, 24, 64, 256, 20),
        (2000, 168, 64, 128, 2),
        (2000, 24, 128, 128, 10),
        (2000, 48, 128, 256, 3),
        (2000, 24, 256, 128, 3),
        (4000, 12, 256, 512, 3),
    ]
    rows = []
    for rows_window_units_batch_epochs in sizes if installed("torch") else []:
        size = _size(options, *rows_window_units_batch_epochs)
        rows += [
            _beside(_named(size), size, options.rounds, bar=1),
            _beside("the same in a new process", size, 1, fresh=True),
        ]
    return rows


def _size(options: Options, rows, window, units, batch, epochs) -> dict:
    """Return the size of a fit, a tiny one where it only has to run."""
    return {
        "rows": options.size(rows, 2 * batch),
        "window": options.size(window, 4),
        "units": units,
        "batch": batch,
        "epochs": options.size(epochs, 1),
    }


def _beside(work: str, size: dict, rounds: int, bar=None, fresh=False) -> Row:
    """Measure a fit of ours, as it comes, and the PyTorch loop in turn."""
    measured = alternate(
        [
            contender("ours", _ours.fit, fresh=fresh, **size),
            contender("torch", _opponents.torch_loop, fresh=fresh, **size),
        ],
        rounds,
    )
    return _faster(work, measured["ours"], "PyTorch loop", measured["torch"], bar=bar)
