"""What tells two networks, losses or optimizers apart, and copies of them, by their configs.

A compiled model is found by such keys. A Keras object counts by its type and its config. Anything
else counts by itself, as in ``tf.function``: what a function reads from outside of itself is read
when it is traced, and later changes to that are not noticed.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable
from types import MethodType
from typing import Any

import keras
import numpy as np


def identity(thing: Any, **ignored: None) -> Hashable:
    """Return a key that is equal for things that compute the same, up to `ignored` options."""
    if isinstance(thing, functools.partial):
        # scikit-learn's clone copies it, so by itself it would be traced again for each candidate.
        return functools.partial, *map(identity, (thing.func, thing.args, thing.keywords))
    if has_full_config(thing):
        return type(thing), identity(thing.get_config() | ignored)
    if isinstance(thing, dict):
        return tuple((name, identity(thing[name])) for name in sorted(thing))
    if isinstance(thing, (list, tuple)):
        return tuple(map(identity, thing))
    try:
        hash(thing)
    except TypeError:
        if keras.ops.is_tensor(thing):
            thing = keras.ops.convert_to_numpy(thing)
        if isinstance(thing, np.ndarray) and not thing.dtype.hasobject:
            return thing.dtype.str, thing.shape, thing.tobytes()
        # A bound method equals those of the same object, and keeps it, so that its id stays taken.
        return MethodType(id, thing)
    return thing


def copied(thing: Any, **changed: float | None) -> Any:
    """Return an optimizer or a metric made anew, without what it has learnt or counted.

    An object whose config may be incomplete is returned as it is. Of the options that are
    `changed`, those count that are not None and that its config has.
    """
    if not has_full_config(thing):
        return thing
    config = thing.get_config()
    given = {name: float(value) for name, value in changed.items() if value is not None}
    return type(thing).from_config(config | {name: given[name] for name in given.keys() & config})


def has_full_config(thing: Any) -> bool:
    """Tell whether a config is complete: an inherited ``get_config`` omits what a subclass adds."""
    return hasattr(thing, "get_config") and (
        "get_config" in vars(type(thing)) or type(thing).__module__.startswith("keras.")
    )
