"""A fit happens wholly or not at all."""

from functools import wraps
from typing import Any

import numpy as np


def restore_on_error(method):
    """Let a method that fits change its estimator wholly or not at all.

    Parameters
    ----------
    method : callable
        A method such as ``fit``.

    Returns
    -------
    callable
        The method; where it ends in an exception or an interrupt, the estimator is as before.
    """

    @wraps(method)
    def restoring(self, *args, **kwargs):
        before = dict(self.__dict__)
        draws = before.get("random_state")
        drawn: Any = draws.get_state() if isinstance(draws, np.random.RandomState) else None
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            if isinstance(draws, np.random.RandomState):
                draws.set_state(drawn)
            raise

    return restoring
