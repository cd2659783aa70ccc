"""The memory, files and threads of this process."""

from __future__ import annotations

import gc

import psutil

from _speed._measure import MIB


def resident() -> float:
    """Return the memory of this process in MiB."""
    gc.collect()
    return psutil.Process().memory_info().rss / MIB


class Drift:
    """What memory, files and threads have grown by since it was made."""

    def __init__(self):
        self._start = self._now()

    def _now(self):
        process = psutil.Process()
        return resident(), process.num_fds(), process.num_threads()

    def report(self, what: str) -> None:
        """Print a line."""
        memory, files, threads = (
            now - start for now, start in zip(self._now(), self._start, strict=True)
        )
        print(f"{what}: {memory:+.1f} MB, {files:+d} files, {threads:+d} threads", flush=True)
