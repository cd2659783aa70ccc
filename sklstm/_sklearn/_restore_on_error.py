"""A fit that fails leaves the estimator as it was."""

from functools import wraps
from typing import Any

import numpy as np


def restore_on_error(method):
    """Decorate a method that fits: if it raises, the estimator is as it was before.

    Parameters
    ----------
    method : callable
        A method such as ``fit``.

    Returns
    -------
    callable
        The method. After an exception or an interrupt, it restores all attributes and the state of
        a ``RandomState`` given as ``random_state``.
    """

    @wraps(method)
    def restoring(self, *args, **kwargs):
        before = dict(self.__dict__)
        draws = before.get("random_state")
        state: Any = draws.get_state() if isinstance(draws, np.random.RandomState) else None
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            self.__dict__ = before
            if isinstance(draws, np.random.RandomState):
                draws.set_state(state)
            raise

    return restoring
