"""Arguments that are no tables: checked, or shown in messages, by name and value."""

import reprlib
import sys
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

from sklstm._sklearn._compat import Interval

__all__ = [
    "brief",
    "check_count",
    "check_flag",
    "check_kind",
    "is_position",
    "listed",
    "naming",
    "validate_params",
]

BOOLS = (bool, np.bool_)


def validate_params(estimator):
    """Hold the parameters of an estimator against its constraints.

    A bool is no number here, nor is one that NumPy cannot compare, such as a Fraction.

    Parameters
    ----------
    estimator : estimator
        The estimator.

    Raises
    ------
    ValueError
        If a parameter is out of range or of another type.
    """
    for name, constraints in estimator._parameter_constraints.items():
        value = getattr(estimator, name)
        is_bool = isinstance(value, BOOLS)
        is_odd = isinstance(value, Real) and not isinstance(value, int | float | np.number)
        if (is_bool or is_odd) and any(
            isinstance(one, Interval) or one is Integral or one == "random_state"
            for one in constraints
        ):
            expected = "a number, not a bool" if is_bool else "an int or a float"
            raise ValueError(f"{name}={value!r} is not valid: expected {expected}.")
    estimator._validate_params()


def check_count(value, name, *, least=1):
    """Return a whole number as an int, and refuse what is none, or too small or large.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        What messages call it.
    least : int, default=1
        The smallest number that will do.

    Returns
    -------
    int
        A NumPy int may be too short to count on with.

    Raises
    ------
    TypeError
        If it is no int.
    ValueError
        If it is too small, or larger than any number of rows can be.
    """
    if isinstance(value, BOOLS):
        raise TypeError(f"{name}={value!r} is not valid: expected an int, not a bool.")
    return int(check_scalar(value, name, Integral, min_val=least, max_val=sys.maxsize))


def check_flag(value, name):
    """Refuse what is no bool.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        What messages call it.

    Raises
    ------
    TypeError
        If it is no bool.
    """
    if not isinstance(value, BOOLS):
        raise TypeError(f"{name}={brief(value)} is not valid: expected True or False.")


def check_kind(value, name, attribute, expected):
    """Refuse an object that lacks what is asked of it.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        What messages call it.
    attribute : str
        What it needs to have.
    expected : str
        What would do.

    Raises
    ------
    TypeError
        If it has no such attribute.
    """
    if isinstance(value, type) or not hasattr(value, attribute):
        raise TypeError(f"{name}={brief(value)} is not valid: expected {expected}.")


def is_position(value: Any, n: int) -> TypeGuard[int]:
    """Tell whether a value is a position among `n`.

    Parameters
    ----------
    value : object
        The value.
    n : int
        How many there are.

    Returns
    -------
    bool
    """
    return isinstance(value, Integral) and not isinstance(value, BOOLS) and 0 <= int(value) < n


def listed(value, name):
    """Return one value or several as a list.

    Parameters
    ----------
    value : str, int or sequence of these
        The argument.
    name : str
        What messages call it.

    Returns
    -------
    list

    Raises
    ------
    ValueError
        If it is neither.
    """
    if isinstance(value, str) or (isinstance(value, Integral) and not isinstance(value, BOOLS)):
        return [value]
    if isinstance(value, list | tuple | pd.Index) or (
        isinstance(value, np.ndarray) and value.ndim == 1
    ):
        return list(value)
    raise ValueError(
        f"{name}={brief(value)} is not valid: expected one name or position, or a sequence of them."
    )


@contextmanager
def naming(name, value):
    """Let what other libraries refuse be told by the name and the value of the argument.

    Parameters
    ----------
    name : str
        What messages call the argument.
    value : object
        The argument.

    Yields
    ------
    None

    Raises
    ------
    TypeError, ValueError
        What the body raised, with name and value.
    """
    try:
        yield
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        said = str(error)
        if not said.startswith(f"{name} "):
            said = f"{name} ({brief(value)}) is not valid: {said}"
        raise kind(said) from None


def brief(value):
    """Show an argument in few words.

    Parameters
    ----------
    value : object
        The argument.

    Returns
    -------
    str
        The shape of a table or an array, and else the value, cut short.
    """
    shape = getattr(value, "shape", None)
    if shape:
        return f"{type(value).__name__} of shape {shape}"
    return reprlib.repr(value)
