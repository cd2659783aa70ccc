"""Calls that take turns until they train, so that the networks of all can be trained at once.

Nothing here needs Keras or TensorFlow.
"""

from __future__ import annotations

import threading
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

_here = threading.local()


def current_call() -> Call | None:
    """Return the call that this thread was made for, if any."""
    return getattr(_here, "call", None)


class Call:
    """A call in a thread of its own, which runs only while the thread of `Calls` waits for it.

    Only a thread can stop in the midst of other people's code. No two run at the same time, so
    they share nothing that calls one after the other would not share.

    Parameters
    ----------
    function : callable
        What is called.
    ended : callable
        Called with None when `function` has returned.
    """

    def __init__(self, function: Callable[[], Any], ended: Callable[[None], Any]):
        self._function, self.ended = function, ended
        self.requests: Sequence = ()
        self.done = False
        self.returned: Any = None
        self._results: list = []
        self._error: BaseException | None = None
        self._closed = False
        self._may_run, self._has_stopped = threading.Semaphore(0), threading.Semaphore(0)
        # A daemon: the program can end even if it is interrupted while it ends its calls.
        self._thread = threading.Thread(target=self._run, daemon=True)

    def go_on(self, results: list) -> None:
        """Let it run, with a result or Exception for each request, until it asks again or ends."""
        self.requests, self._results = (), results
        # Filters of warnings belong to the process: those of the call are not for this thread.
        with warnings.catch_warnings():
            if not self._thread.is_alive():
                self._thread.start()
            self._may_run.release()
            self._has_stopped.acquire()
        if self._error is not None:
            raise self._error

    def ask(self, requests: Sequence) -> list:
        """Wait, in the thread of the call, for the result of each request."""
        if not self._closed:
            self.requests = requests
            with warnings.catch_warnings():  # keeps the filters of the call until it goes on
                self._has_stopped.release()
                self._may_run.acquire()
        if self._closed:
            raise GeneratorExit  # no Exception, which a search would take for a failed fit
        for result in self._results:
            if isinstance(result, Exception):
                raise result
        return self._results

    def close(self) -> None:
        """End it where it waits, or where it asks next, and wait until it has ended."""
        self._closed = True
        with warnings.catch_warnings():
            self._may_run.release()
            if self._thread.is_alive():  # it has not begun if the interrupt came first
                self._thread.join()

    def _run(self) -> None:
        self._may_run.acquire()
        _here.call = self
        try:
            self.returned = self._function()
            self.done = True
        except BaseException as error:
            self._error = error
        finally:
            self._has_stopped.release()


class Calls:
    """Calls that run one at a time, until all that are under way ask for something.

    Only the one that runs is ever waited for, so none delays the others by failing or by never
    asking.

    Parameters
    ----------
    most : int
        How many may be under way.
    answer : callable
        ``answer(requests)`` returns a result or an Exception for each of them.
    """

    def __init__(self, most: int, answer: Callable[[list], list]):
        self._most, self._answer = most, answer
        self._new: deque[Call] = deque()
        self._under_way: dict[Call, None] = {}

    def add(self, function: Callable[[], Any], ended: Callable[[None], Any]) -> Call:
        """Add a call that is yet to begin."""
        self._new.append(Call(function, ended))
        return self._new[-1]

    def result(self, call: Call) -> Any:
        """Return what one call returns, and raise the first error of any call."""
        while not call.done:
            # 1. Begin as many as may be under way. Each that ends may add one.
            while self._new and len(self._under_way) < self._most:
                self._go_on(self._new.popleft(), [])

            # 2. Answer all that they ask for.
            asking = list(self._under_way)
            results = iter(self._answered([one for each in asking for one in each.requests]))

            # 3. Let each go on with its own.
            for each in asking:
                self._go_on(each, [next(results) for _ in each.requests])
        return call.returned

    def close(self) -> None:
        """End all calls, one after the other."""
        self._new.clear()
        while self._under_way:
            self._under_way.popitem()[0].close()

    def _go_on(self, call: Call, results: list) -> None:
        self._under_way[call] = None
        call.go_on(results)
        if call.done:
            del self._under_way[call]
            call.ended(None)

    def _answered(self, requests: list) -> list:
        # What a Keras callback fits meanwhile must not wait: it would wait for the run that calls
        # it, if this thread itself is that of a call.
        call, _here.call = current_call(), None
        try:
            return self._answer(requests)
        finally:
            _here.call = call
