"""Measure contenders, each in its own process, in alternating rounds."""

from __future__ import annotations

import contextlib
import functools
import gc
import multiprocessing
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

import psutil

MIB = 2**20
_LONGEST_EXIT = 30  # seconds
_PACKAGES = ("sklstm", "tensorflow", "keras", "scikeras", "scikit-learn", "numpy", "torch")
_PACKAGES += ("pandas", "neuralforecast")


@dataclass(frozen=True)
class Contender:
    """One way to do a piece of work.

    Attributes
    ----------
    name : str
        What the table calls it.
    prepare : callable
        Imports, makes data and returns the work: a function without arguments. If the work does
        several units, or only a part of one, it returns the seconds of one unit; otherwise it
        returns None, and the whole call is timed.
    fresh : bool
        True starts a new process for each measurement, so that tracing and compiling count. False
        keeps one process for all rounds, and does not count its first run.
    """

    name: str
    prepare: Callable
    fresh: bool = False


@dataclass(frozen=True)
class Measured:
    """Medians over the rounds: seconds, and the most memory above that before the work, in MiB."""

    seconds: float
    mib: float


def contender(name: str, prepare: Callable, *, fresh: bool = False, **arguments) -> Contender:
    """Return a contender whose `prepare` gets `arguments`."""
    return Contender(name, functools.partial(prepare, **arguments), fresh)


def alternate(contenders: list[Contender], rounds: int) -> dict[str, Measured]:
    """Let each contender run once per round, one at a time, and return the medians.

    Rounds alternate, so that a slow minute of the machine falls on all of them. Each contender has
    a process of its own, so that no thread pool and no memory of one is in another's way.
    """
    seen: dict[str, list[Measured]] = {each.name: [] for each in contenders}
    with contextlib.ExitStack() as stack:
        standing = {
            each.name: stack.enter_context(_Process(each)) for each in contenders if not each.fresh
        }
        for _ in range(rounds):
            for each in contenders:
                if each.fresh:
                    with _Process(each) as process:
                        seen[each.name].append(process.measure())
                else:
                    seen[each.name].append(standing[each.name].measure())
    return {
        name: Measured(
            statistics.median(one.seconds for one in measured),
            statistics.median(one.mib for one in measured),
        )
        for name, measured in seen.items()
    }


class _Process:
    """A process that measures one contender whenever it is asked to."""

    def __init__(self, contender: Contender):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(contender, theirs))
        self._process.start()
        theirs.close()

    def __enter__(self) -> _Process:
        try:
            self._receive()  # that it is prepared
        except Exception:
            self.__exit__()
            raise
        return self

    def measure(self) -> Measured:
        self._pipe.send("measure")
        return self._receive()

    def __exit__(self, *_) -> None:
        # Let it end by itself, so that workers that it started end with it.
        with contextlib.suppress(OSError):
            self._pipe.send(None)
        self._process.join(_LONGEST_EXIT)
        self._process.kill()

    def _receive(self):
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _serve(contender: Contender, pipe) -> None:
    try:
        work = contender.prepare()
        if not contender.fresh:
            work()
        pipe.send("prepared")
        while pipe.recv():
            pipe.send(_measure(work))
    except Exception as error:
        pipe.send(RuntimeError(f"{contender.name}: {type(error).__name__}: {error}"))


def _measure(work: Callable) -> Measured:
    gc.collect()
    with _PeakMemory() as memory:
        begin = time.perf_counter()
        seconds = work()
        elapsed = time.perf_counter() - begin
    return Measured(elapsed if seconds is None else seconds, memory.grown / MIB)


class _PeakMemory:
    """Watches this process; `grown` is its peak of memory above that at the start, in bytes."""

    _PERIOD = 0.02

    def __enter__(self) -> _PeakMemory:
        self._me = psutil.Process()
        self._before = self._peak = self._me.memory_info().rss
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._done.set()
        self._thread.join()
        self.grown = self._peak - self._before

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, self._me.memory_info().rss)
            if self._done.wait(self._PERIOD):
                return


def installed(package: str) -> bool:
    """Tell whether `package` can be measured here."""
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def machine() -> list[str]:
    """Return lines that tell what the figures were measured on and with."""
    here = filter(installed, _PACKAGES)
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in here)
    memory = psutil.virtual_memory().total / 2**30
    return [
        f"{_cpu()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, "
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}, {packages}",
    ]


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
