"""Good rows, bad values, and what every refusal owes to the user.

A refusal names the argument and shows the value; its type is documented where it comes from; it is
raised by us or scikit-learn, not inside TensorFlow or pandas; and what was fitted before is kept.
"""

import builtins
import copy
import functools
import inspect
import re
import reprlib
import traceback
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from numpydoc.docscrape import NumpyDocString
from scipy.sparse import csr_array
from sklearn.base import clone
from states import unchanged

N_ROWS = 30
INDEX = pd.date_range("2024-01-01", periods=N_ROWS, freq="D")
WALK = np.random.default_rng(0).normal(size=(N_ROWS + 1, 2))
ROWS, Y = WALK[:-1], WALK[1:, 0]  # a row holds what was seen one step before its target
FRAME = pd.DataFrame(ROWS, index=INDEX, columns=["a", "b"])
SERIES = pd.Series(Y, index=INDEX, name="y")

#: Numbers that float32 cannot hold.
HUGE = np.where(np.arange(N_ROWS) == 7, 1e39, Y)
HUGE_ROWS = np.where(np.arange(N_ROWS)[:, None] == 7, -1e39, ROWS)
MASKED = np.ma.masked_greater(Y, 1)
DATES = INDEX.to_numpy()
#: Values that are no count, no flag, no columns of two, no target.
COUNTS = [None, 0, -1, 1.5, "2", [2], np.nan, 10**30]
FLAGS = [None, "no", 1]
COLUMNS = ["c", 2, -1, 0.5, [], {0}]
SOME_TARGETS = ["y", Y[:-1], SERIES[::-1], DATES, Y + 1j, MASKED]


def cases(**values):
    """Return each argument with each of its bad values, as parameters of a test."""
    return [
        pytest.param(name, value, id=f"{name}-{place}")
        for name, several in values.items()
        for place, value in enumerate(several)
    ]


@functools.cache
def _fitted_once(estimator, labelled):
    return clone(estimator).fit(*((FRAME, SERIES) if labelled else (ROWS, Y)))


def fitted(estimator, labelled=True):
    """Return a copy of an estimator that is fitted to the good rows."""
    return copy.deepcopy(_fitted_once(estimator, labelled))


def output(estimator, X=FRAME):
    """Transform or predict."""
    use = estimator.predict if hasattr(estimator, "predict") else estimator.transform
    return np.asarray(use(X))


def _traced(error):
    """Yield the files of the frames that led to an error, as a user sees them above it."""
    while error is not None:
        yield from (frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__))
        # The cause that a message names is meant to be read; what else was under way is not.
        error = None if error.__suppress_context__ else error.__context__


@contextmanager
def refused(error, message, *, by=None, leaves=()):
    """Assert that what happens inside is refused as this module promises.

    Parameters
    ----------
    error : type or tuple of types
        The type of the error.
    message : str
        A pattern of what it says.
    by : callable, default=None
        Where the type of the error is documented.
    leaves : sequence of objects, default=()
        What may not change.
    """
    with unchanged(*leaves), pytest.raises(error, match=message) as caught:
        yield caught
    innermost = traceback.extract_tb(caught.value.__traceback__)[-1].filename
    assert re.search(r"[\\/](sklstm|sklearn)[\\/]", innermost)
    inside = re.compile(r"[\\/](tensorflow|keras|scikeras)[\\/]")
    assert not [file for file in _traced(caught.value) if inside.search(file)]
    assert not inside.search(f"/{caught.type.__module__.replace('.', '/')}/")
    if by is not None:
        documented = NumpyDocString(inspect.getdoc(by))["Raises"]
        names = [name for one in documented for name in one.type.split(", ")]
        assert issubclass(caught.type, tuple(getattr(builtins, name) for name in names))


def assert_shown(value, error):
    """Assert that a message shows a value or a part of it, or the size of what is no table."""
    shown = [repr(value), str(value), reprlib.repr(value), type(value).__name__]
    shown += [getattr(value, "__name__", repr(value)), "has shape (", "has 0 rows"]
    shown += map(repr, value) if isinstance(value, dict | list | set) else []
    assert hasattr(value, "shape") or any(text in str(error) for text in shown)


def parameter_refused(estimator, parameter, value):
    """Assert that fit refuses a parameter, and that the estimator still says what it said."""
    ours = fitted(estimator).set_params(**{parameter: value})
    named = parameter.replace("_", "[_ ]")  # scikit-learn writes "feature range"
    with refused(ValueError, named, by=ours.fit) as caught:
        ours.fit(FRAME, SERIES)
    assert_shown(value, caught.value)
    ours.set_params(**{parameter: getattr(estimator, parameter)})
    np.testing.assert_array_equal(output(ours), output(fitted(estimator)))


def argument_refused(call, good, argument, value, leaves=()):
    """Assert that a call refuses one bad argument among good ones."""
    message = rf"(?s)\b{argument}\b"
    with refused((TypeError, ValueError), message, by=call, leaves=leaves) as caught:
        call(**{**good, argument: value})
    assert_shown(value, caught.value)


def with_value(value):
    """Return the table with another value in its second column."""
    frame = FRAME.copy()
    frame.loc[INDEX[4], "b"] = value
    return frame


#: Tables that no estimator takes, and what the message says of each.
TABLES = {
    "infinity": (with_value(np.inf), r"inf.*row 4.*column 1"),
    "text": (FRAME.assign(b="low"), "column 'b' holds text such as 'low'"),
    "dates": (FRAME.assign(b=INDEX), "column 'b' holds dates"),
    "categories": (FRAME.assign(b=pd.Categorical(["low"] * N_ROWS)), "column 'b'"),
    "complex numbers": (ROWS + 1j, "[Cc]omplex"),
    "a sparse table": (csr_array(ROWS), "[Ss]parse"),
    "no rows": (FRAME[:0], "0 sample"),
    "no columns": (ROWS[:, :0], "0 feature"),
    "one axis": (Y, "[Rr]eshape"),
    "None": (None, "scalar|None"),
    "a name": ("milk", "milk|scalar|dtype|text"),
    "a masked array": (np.ma.masked_greater(ROWS, 1), r"X .*masked.*filled"),
    "a table of dates": (np.full((N_ROWS, 2), DATES[0]), "X .*dates of dtype datetime64"),
    "durations": (np.full((N_ROWS, 2), np.timedelta64(1, "D")), "X .*durations"),
    "a column of durations": (FRAME.assign(b=INDEX - INDEX[0]), "X .*'b'.*durations"),
    "a column of complex numbers": (FRAME.assign(b=1j), "'b' of X is complex128"),
    "text among objects": (np.array([[1.0, "low"]] * N_ROWS, object), "X .*'low'"),
    "ragged rows": ([[1.0, 2.0], [3.0]], r"X \(\[\[1.0, 2.0\], \[3.0\]\]\)"),
    "dicts in a column": (FRAME.assign(b=[{}] * N_ROWS), "X .*dict"),
    "lists in a column": (FRAME.assign(b=[[1]] * N_ROWS), "X .*sequence"),
    "a dict": ({"a": 1}, r"X \(\{'a': 1\}\)"),
    "an object": (object(), r"X \(<object"),
    "a number": (5, r"X \(5\)"),
    "an empty list": ([], r"X \(\[\]\)"),
    "a series": (SERIES, r"X \(Series of shape \(30,\)"),
    "four axes": (np.ones((N_ROWS, 2, 2, 2)), r"X \(ndarray of shape \(30, 2, 2, 2\)"),
    "a structured array": (np.zeros(N_ROWS, "f8,f8"), r"X \(ndarray"),
    "sparse columns": (FRAME.astype(pd.SparseDtype(float)), "'a' of X is sparse"),
    "two columns of one name": (FRAME.set_axis(["a", "a"], axis=1), "X .*columns called 'a'"),
    "numbers of another byte order": (FRAME.astype(">f8"), r"'a' of X holds >f8.*astype"),
    "intervals": (FRAME.assign(b=pd.IntervalIndex.from_breaks(range(31))), "X .*'b' holds interv"),
    "a number too large for a float": ([[10**400, 1.0]] * N_ROWS, r"X \(\[\[1000.*too large"),
}
#: Tables that are bad only for what looks back: for the others, the order of rows is the user's.
ORDERS = {
    "a label that is missing": (
        FRAME.set_axis(INDEX.where(INDEX[4] != INDEX)),
        r"X holds NaT at row 4|TimeSeriesSplit",
    ),
    "labels of two kinds": (
        FRAME.set_axis([*INDEX[:-1], "the last"]),
        "X holds labels .*Timestamp, str|TimeSeriesSplit",
    ),
    "rows out of order": (FRAME.iloc[[1, 0, *range(2, 30)]], r"not sorted.*TimeSeriesSplit"),
    "newest row first": (FRAME[::-1], r"newest row to the oldest.*X\[::-1\]"),
    "a row twice": (FRAME.iloc[[0, *range(29)]], r"more than once.*TimeSeriesSplit"),
}
#: Targets that no regressor takes.
TARGETS = {
    **{f"of function {place}": (y, r"\by\b") for place, y in enumerate(SOME_TARGETS)},
    "shorter": (Y[:-1], r"inconsistent.*\[30, 29\]"),
    "longer": (np.append(Y, 0), r"inconsistent.*\[30, 31\]"),
    "labels out of step": (SERIES.set_axis(INDEX + pd.Timedelta("1D")), "out of step"),
    "infinity": (np.where(np.arange(N_ROWS) == 7, np.inf, Y), "y holds inf at row 7"),
    "text": (np.full(N_ROWS, "low"), "y must hold numbers"),
    "nothing but NaN": (np.full(N_ROWS, np.nan), "y holds nothing but NaN"),
    "three axes": (np.ones((N_ROWS, 2, 2)), "y.*dim|y has shape"),
    "sparse": (csr_array(ROWS), "y.*sparse|[Ss]parse"),
    "complex": (Y + 1j, "[Cc]omplex"),
    "None": (None, "y"),
    "an empty list": ([], r"\by\b"),
    "a dict": ({}, r"\by\b"),
    "ragged": ([[1.0], [2.0, 3.0]], r"\by\b"),
    "a number": (5, r"\by\b"),
}
