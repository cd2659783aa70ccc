"""Compiled models, kept for the next run that has the same shape of graph.

Tracing a model costs more than a small fit, and what it takes from memory is never given back, so models are shared:
at most `_MOST` of them, and each with one run at a time.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

_MOST = 32

_guard = threading.Lock()
_entries: OrderedDict[Hashable, _Entry] = OrderedDict()


class _Entry:
    def __init__(self):
        self.lock = threading.Lock()
        self.thing = None


@contextmanager
def borrow(key: Hashable, make: Callable[[], Any]) -> Iterator[Any]:
    """Lend what `key` stands for to one borrower at a time, made by `make` the first time."""
    with _guard:
        entry = _entries.setdefault(key, _Entry())
        _entries.move_to_end(key)
        while len(_entries) > _MOST:
            _entries.popitem(last=False)
    with entry.lock:
        if entry.thing is None:
            entry.thing = make()
        yield entry.thing


def shared(key: Hashable, make: Callable[[], Any]) -> Any:
    """Return what `key` stands for, for any number of users at once."""
    with borrow(key, make) as thing:
        return thing


def _forget() -> None:
    """Start empty in a forked child: a lock that another thread held would never open there."""
    global _guard
    _guard = threading.Lock()
    _entries.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
