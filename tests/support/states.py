"""The one comparer of objects, bit by bit."""

import copy
import types
from contextlib import contextmanager

import numpy as np
import pandas as pd
from sklearn.tree._tree import Tree


def assert_same(ours, theirs, where="it"):
    """Assert that two objects hold the same, bit by bit, wherever they hold it."""
    if ours is theirs:
        return
    assert type(ours) is type(theirs), where
    if isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype, where
        if ours.dtype != object:
            np.testing.assert_array_equal(ours, theirs, err_msg=where)
            return
        ours, theirs = ours.tolist(), theirs.tolist()
    if isinstance(ours, pd.DataFrame):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True, obj=where)
    elif isinstance(ours, pd.Series):
        pd.testing.assert_series_equal(ours, theirs, check_exact=True, obj=where)
    elif isinstance(ours, pd.Index):
        pd.testing.assert_index_equal(ours, theirs, exact=True, obj=where)
        assert getattr(ours, "freq", None) == getattr(theirs, "freq", None), where
    elif isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for name, value in ours.items():
            assert_same(value, theirs[name], f"{where}[{name!r}]")
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), where
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, f"{where}[{place}]")
    elif isinstance(ours, np.random.RandomState):
        assert_same(ours.get_state(), theirs.get_state(), where)
    elif isinstance(ours, Tree):
        # Its state also holds memory that nothing was written to.
        for name in ("children_left", "children_right", "feature", "threshold", "value"):
            assert_same(getattr(ours, name), getattr(theirs, name), f"{where}.{name}")
    elif isinstance(ours, types.MethodType):
        assert ours.__func__ is theirs.__func__, where
    elif hasattr(ours, "__dict__") and not isinstance(ours, type | types.FunctionType):
        assert_same(vars(ours), vars(theirs), f"vars({where})")
    else:
        assert ours == theirs or (ours != ours and theirs != theirs), where


def differ(ours, theirs):
    """Tell whether `assert_same` finds a difference."""
    try:
        assert_same(ours, theirs)
    except AssertionError:
        return True
    return False


@contextmanager
def unchanged(*objects):
    """Assert that whatever happens inside leaves the objects as they were."""
    before = copy.deepcopy(objects)
    yield
    assert_same(objects, before)
