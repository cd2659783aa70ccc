"""What faults and bad input must leave as it is, down to the last bit."""

import dataclasses
import pickle

import numpy as np
import pandas as pd


def frozen(value):
    """Return all that a value holds, in a form that can be compared and that nothing changes."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        data = [frozen(item) for item in array.flat] if array.dtype.hasobject else array.tobytes()
        return type(value), array.dtype.str, array.shape, data
    if isinstance(value, pd.Index | pd.Series | pd.DataFrame):
        return pickle.dumps(value)
    if isinstance(value, np.random.RandomState):
        return frozen(value.get_state(legacy=False))
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [frozen(item) for item in value]
    if callable(value) or type(value).__module__.partition(".")[0] == "keras":
        return id(value)
    if dataclasses.is_dataclass(value) or hasattr(value, "__dict__"):
        return type(value), frozen(dict(vars(value)))
    return repr(value)
