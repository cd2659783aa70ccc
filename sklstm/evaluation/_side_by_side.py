"""Searches and back-tests whose fits train their networks together."""

import sys
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from types import FrameType, SimpleNamespace

from joblib import parallel_config
from joblib.parallel import ParallelBackendBase

from sklstm._checks._arguments import check_count
from sklstm._sklearn._warnings import waiting
from sklstm.engine._turns import Calls


@contextmanager
def side_by_side(max_fits=256):
    """Train the networks of a search side by side, where that is possible.

    Inside the ``with`` block, all that shares its fits out by joblib, such as
    :class:`~sklearn.model_selection.GridSearchCV`,
    :func:`~sklearn.model_selection.cross_validate` and `sklstm.backtest`, makes `max_fits` fits
    ready. Then the networks that learn from the same rows, and differ in their seed, learning rate
    or dropout alone, are trained in one run. Scores are those of fits one after the other.

    Parameters
    ----------
    max_fits : int, default=256
        How many fits are under way at the same time: each keeps its training rows in memory. A
        search goes through all folds of a candidate before the next one, so it takes as many as
        candidates times folds to have all candidates of a fold together. ``n_jobs`` counts for
        nothing inside the block.

    Yields
    ------
    None

    Raises
    ------
    TypeError, ValueError
        If `max_fits` is no int, or smaller than 1.

    Notes
    -----
    Nothing but training is shared: rows are made ready, and scores computed, by one fit after the
    other. Candidates of different size, of Keras' own ``fit``, with callbacks or with ``verbose``
    are trained one after the other, too. The times in ``cv_results_`` contain what a fit waited for
    the others.

    A fit must not wait for another one in any other way, such as for a lock that is held during
    ``fit``.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import LagWindower, LSTMRegressor
    >>> from sklstm import series_to_supervised, side_by_side
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> lstm = LSTMRegressor(4, epochs=20, random_state=0)
    >>> model = make_pipeline(LagWindower(12), lstm)
    >>> rates = {"lstmregressor__learning_rate": [1e-4, 1e-3, 1e-2]}
    >>> search = GridSearchCV(model, rates, cv=TimeSeriesSplit(3))
    >>> with side_by_side():
    ...     search = search.fit(X, y)
    >>> search.best_params_
    {'lstmregressor__learning_rate': 0.01}
    """
    with parallel_config(backend=_SideBySide(check_count(max_fits, "max_fits"))):
        yield


class _SideBySide(ParallelBackendBase):
    """A backend of joblib whose tasks train their networks together.

    Everything but the tasks themselves, also the training, is done by the thread that calls
    ``Parallel``.
    """

    uses_threads = True
    supports_sharedmem = True

    def __init__(self, max_fits):
        super().__init__()
        self._max_fits = max_fits
        self._calls = Calls(max_fits, _train)
        self._waits_at: FrameType | None = None

    def effective_n_jobs(self, n_jobs):
        return self._max_fits

    def submit(self, func, callback):
        # Who hears of a warning of ours in this thread hears of it in that of the call, too.
        call = self._calls.add(partial(copy_context().run, self._called, func), callback)
        return SimpleNamespace(get=partial(self._result, call))

    apply_async = submit  # its name before joblib 1.5

    def abort_everything(self, ensure_ready=True):
        self._calls.close()

    def terminate(self):
        self._calls.close()

    def _called(self, func):
        waiting.set((lambda: self._waits_at, *waiting.get()))
        return func()

    def _result(self, call, timeout=None):
        # As inside a task: a search in a Keras callback does not become part of this one.
        backend, n_jobs = self.get_nested_backend()
        self._waits_at = sys._getframe()
        try:
            with parallel_config(backend=backend, n_jobs=n_jobs):
                return self._calls.result(call)
        finally:
            self._waits_at = None  # A frame keeps all its variables.


def _train(requests):
    """Train networks in the engine, which nothing else imports before a network is fitted."""
    from sklstm.engine import _train

    return _train.results(requests)
