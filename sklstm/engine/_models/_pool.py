"""Compiled models, kept for the next run that has the same shape of graph.

Tracing a model costs more than a small fit, and what it takes from memory is never given back, so
models are shared: at most `_MOST` of them, and each with one run at a time.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from sklstm.engine._compat import tensorflow_has_started

_MOST = 48

_NO_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)

_guard = threading.Lock()
_entries: OrderedDict[Hashable, _Entry] = OrderedDict()
_cut_off = False


class _Entry:
    def __init__(self):
        self.lock = threading.Lock()
        self.borrower: int | None = None
        self.thing: Any = None


@contextmanager
def borrow(key: Hashable, make: Callable[[], Any]) -> Iterator[Any]:
    """Lend what `key` stands for to one borrower at a time, made by `make` the first time.

    A thing whose borrower was interrupted or ran out of memory is discarded: its state is unknown.
    """
    if _cut_off:
        # TensorFlow would wait for ever for threads that only its parent has.
        raise RuntimeError(
            "This process was forked from one that had used TensorFlow, whose threads are not in "
            "it. Start workers with joblib's default backend 'loky' or by 'spawn', or fork before "
            "anything is fitted."
        )
    with _guard:
        entry = _entries.setdefault(key, _Entry())
        _entries.move_to_end(key)
        while len(_entries) > _MOST:
            _entries.popitem(last=False)
    if entry.borrower == threading.get_ident():
        # A callback that fits the same architecture would wait for the run that called it.
        yield make()
        return
    with entry.lock:
        try:
            entry.borrower = threading.get_ident()
            if entry.thing is None:
                entry.thing = make()
            yield entry.thing
        except BaseException as error:
            if isinstance(error, _NO_MEMORY) or not isinstance(error, Exception):
                entry.thing = None
            raise
        finally:
            entry.borrower = None
            with _guard:
                # An empty entry would push a full one out.
                if entry.thing is None and _entries.get(key) is entry:
                    del _entries[key]


def clear() -> None:
    """Discard everything that is kept."""
    with _guard:
        _entries.clear()


def stats() -> dict[str, int]:
    """Count what this process keeps.

    Returns
    -------
    dict
        ``held`` things, of which ``lent`` are in use; ``traced`` training functions of the models
        that are held.
    """
    with _guard:
        entries = list(_entries.values())
    return {
        "held": len(entries),
        "lent": sum(entry.lock.locked() for entry in entries),
        "traced": sum(getattr(entry.thing, "n_traced", 0) for entry in entries),
    }


def shared(key: Hashable, make: Callable[[], Any]) -> Any:
    """Return what `key` stands for, for any number of users at once."""
    with borrow(key, make) as thing:
        return thing


def _after_fork() -> None:
    """Start empty in a forked child: a lock that another thread held would never open there."""
    global _guard, _cut_off
    _guard = threading.Lock()
    _entries.clear()
    _cut_off = _cut_off or tensorflow_has_started()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
