"""What the laws compare: estimators bit by bit, and everything that is global to a process."""

import copy
import logging
import os
import random
import sys
import types
import warnings

import numpy as np
import pandas as pd
from sklearn.tree._tree import Tree


def assert_same(ours, theirs, where="it"):
    """Assert that two objects hold the same, bit by bit, wherever they hold it."""
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
    elif isinstance(ours, type | types.FunctionType | types.BuiltinFunctionType):
        assert ours is theirs, where
    elif hasattr(ours, "__dict__"):
        assert_same(vars(ours), vars(theirs), f"vars({where})")
    elif isinstance(ours, Tree):
        # Its state also holds memory that nothing was written to.
        for name in ("children_left", "children_right", "feature", "threshold", "value"):
            assert_same(getattr(ours, name), getattr(theirs, name), f"{where}.{name}")
    else:
        assert ours == theirs or (ours != ours and theirs != theirs), where


def differ(ours, theirs):
    """Tell whether `assert_same` finds a difference."""
    try:
        assert_same(ours, theirs)
    except AssertionError:
        return True
    return False


def input_state(given):
    """Return all that a call could change of what it is given."""
    if isinstance(given, np.ndarray):
        flags = {name: given.flags[name] for name in ("WRITEABLE", "C_CONTIGUOUS", "OWNDATA")}
        return given.copy(), given.dtype, given.shape, given.strides, flags
    if isinstance(given, pd.DataFrame | pd.Series):
        axes = [(id(axis), axis.copy(), axis.names) for axis in given.axes]
        return given.copy(), axes, given.flags.allows_duplicate_labels, dict(given.attrs)
    return copy.deepcopy(given)


def process_state():
    """Return all that is global to the process and no call may change, by what it is."""
    import keras
    import matplotlib as mpl
    import scikeras.wrappers  # noqa: F401  # what it does on import is its own
    import sklearn
    import tensorflow as tf
    from keras.src.backend.common import global_state
    from tensorflow.python.eager import context
    from tensorflow.python.framework import config

    drawn = global_state.get_global_attribute("global_seed_generator")
    tf_context = context.context()
    drawn_by_tf = getattr(tf_context, "_rng", None)
    generator = tf.random.get_global_generator()
    return {
        "random": random.getstate(),
        "numpy.random": np.random.get_state(),  # noqa: NPY002
        "tf.random": (
            tf_context._seed,
            drawn_by_tf.getstate() if drawn_by_tf is not None else None,
            generator.state.numpy(),
        ),
        "keras.random": (
            None if drawn is None else drawn.state.value.numpy(),
            global_state.get_global_attribute("global_random_seed"),
        ),
        "keras.config": (
            keras.config.backend(),
            keras.config.floatx(),
            keras.config.epsilon(),
            keras.config.image_data_format(),
            keras.config.dtype_policy().name,
            keras.config.is_interactive_logging_enabled(),
            keras.config.is_traceback_filtering_enabled(),
        ),
        # What the package itself registers, under its own name, changes nothing for others.
        "keras.saving": [
            n for n in keras.saving.get_custom_objects() if not n.startswith("sklstm>")
        ],
        "tf.config": (
            config.is_op_determinism_enabled(),
            tf.config.functions_run_eagerly(),
            tf.config.get_soft_device_placement(),
            tf.config.optimizer.get_jit(),
            tf.config.optimizer.get_experimental_options(),
            tf.config.threading.get_inter_op_parallelism_threads(),
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.experimental.get_synchronous_execution(),
            tf.config.experimental.tensor_float_32_execution_enabled(),
            [device.name for device in tf.config.get_visible_devices()],
            tf.executing_eagerly(),
        ),
        "os.environ": dict(os.environ),
        "directory": (os.getcwd(), sorted(os.listdir())),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "numpy": (np.geterr(), np.get_printoptions()),
        "pandas": {name: pd.get_option(name) for name in PANDAS_OPTIONS},
        "sklearn": sklearn.get_config(),
        "matplotlib": (dict(mpl.rcParams), mpl.get_backend(), mpl.is_interactive()),
        # A logger that was not there before is no setting, unless it is set to something.
        "logging": {
            name: state for name, state in _loggers() if state != (logging.NOTSET, False, True, 0)
        },
        "sys": (
            list(sys.path),
            sys.getrecursionlimit(),
            sys.excepthook,
            sys.getswitchinterval(),
            logging.root.manager.disable,
        ),
    }


def _loggers():
    for name, logger in [("", logging.root), *logging.root.manager.loggerDict.items()]:
        if isinstance(logger, logging.Logger):
            state = logger.level, logger.disabled, logger.propagate, len(logger.handlers)
            yield name, state


PANDAS_OPTIONS = (
    "compute.use_bottleneck",
    "compute.use_numexpr",
    "display.max_columns",
    "display.max_rows",
    "display.precision",
    "mode.string_storage",
)
