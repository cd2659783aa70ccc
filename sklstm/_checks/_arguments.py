"""Checks of single arguments, and how messages show them."""

import reprlib
import sys
from contextlib import contextmanager
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

#: Workers are counted by a C int.
_MOST_JOBS = 2**31 - 1


def check_count(value, name, *, least=1):
    """Return a whole number as an int, and refuse anything else.

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
        Python's own: a short NumPy int such as ``int8`` overflows in later sums.

    Raises
    ------
    TypeError
        If it is not an int.
    ValueError
        If it is smaller than `least`, or larger than any number of rows can be.
    """
    return int(check_scalar(value, name, Integral, min_val=least, max_val=sys.maxsize))


def check_flag(value, name):
    """Refuse anything but True and False.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        What messages call it.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}={brief(value)} is not valid: expected True or False.")


def check_choice(value, name, choices):
    """Refuse anything but one of some names.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        What messages call it.
    choices : sequence of str
        The names.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}={brief(value)} is not valid: expected one of {choices!r}.")


def check_jobs(value):
    """Refuse what joblib takes for no number of jobs.

    Parameters
    ----------
    value : object
        The argument ``n_jobs``.

    Raises
    ------
    TypeError
        If it is neither an int nor None.
    ValueError
        If it is 0, or more than joblib can count.
    """
    if value is None:
        return
    check_scalar(value, "n_jobs", Integral)
    if value == 0 or abs(value) > _MOST_JOBS:
        raise ValueError(
            f"n_jobs={value!r} is not valid: expected the number of jobs, or -1 for all processors."
        )


def check_kind(value, name, attribute, expected):
    """Refuse a class, or an object without a certain attribute.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        What messages call it.
    attribute : str
        The attribute.
    expected : str
        What the message asks for instead.

    Raises
    ------
    TypeError
        If the argument is a class or has no such attribute.
    """
    if isinstance(value, type) or not hasattr(value, attribute):
        raise TypeError(f"{name}={brief(value)} is not valid: expected {expected}.")


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
        If it is of another type.
    """
    if isinstance(value, str | Integral) and not isinstance(value, bool):
        return [value]
    is_list = isinstance(value, list | tuple | pd.Index | np.ndarray)
    if is_list and getattr(value, "ndim", 1) == 1:
        return list(value)
    raise ValueError(
        f"{name}={brief(value)} is not valid: expected one name or position, or a sequence of them."
    )


@contextmanager
def naming(name, value):
    """Put the name and the value of an argument into the errors of other libraries.

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
    # AttributeError: scikit-learn's scorers of classifiers raise it for a regressor.
    except (AttributeError, IndexError, OverflowError, TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        message = str(error)
        if not message.startswith(f"{name} "):
            message = f"{name} ({brief(value)}) is not valid: {message}"
        raise kind(message) from error


def brief(value):
    """Return a short text that shows an argument.

    Parameters
    ----------
    value : object
        The argument.

    Returns
    -------
    str
        The type and shape of a table or an array; the value of anything else, cut short.
    """
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__} of shape {shape}" if shape else reprlib.repr(value)
