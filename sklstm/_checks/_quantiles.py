"""Predicted quantiles: which ones they are, how their columns are called, and their order."""

from numbers import Real

import numpy as np

from sklstm._checks._arguments import brief
from sklstm._checks._numbers import check_floats
from sklstm._sklearn._composition import final_estimator

#: What an estimator may be asked for.
METHODS = ("predict", "predict_quantiles")

_PREFIX = "quantile_"


def check_method(method, estimator):
    """Refuse an unknown method, and quantiles of an estimator that has none.

    Parameters
    ----------
    method : str
        What the user asked for.
    estimator : estimator
        Whom, fitted or not.

    Raises
    ------
    ValueError
        If the method is none of `METHODS`, or the estimator lacks it.
    """
    if not (isinstance(method, str) and method in METHODS):
        raise ValueError(f"method={brief(method)} is not valid: expected one of {METHODS}.")
    final = final_estimator(estimator)
    if method == "predict_quantiles" and not hasattr(final, method):
        raise ValueError(
            f"method={method!r} needs an estimator that predicts quantiles, but"
            f" {type(final).__name__} has no such method. Use LSTMRegressor(loss='quantile'), alone"
            " or inside other estimators, or leave method='predict'."
        )


def levels_of(estimator):
    """Return which quantiles a fitted estimator predicts.

    Parameters
    ----------
    estimator : estimator
        One whose `final_estimator`, or the regressor inside that, says so in `quantiles_`.

    Returns
    -------
    tuple of float

    Raises
    ------
    ValueError
        If none says so, or these are no rising numbers between 0 and 1.
    """
    found = final = final_estimator(estimator)
    while not hasattr(found, "quantiles_") and hasattr(found, "regressor_"):
        found = final_estimator(found.regressor_)
    levels = np.asarray(getattr(found, "quantiles_", []), dtype=float)
    is_valid = levels.ndim == 1 and len(levels) and (levels > 0).all() and (levels < 1).all()
    if not is_valid or (np.diff(levels) <= 0).any():
        raise ValueError(
            f"{type(final).__name__} predicts quantiles, but does not say which: after fit, its"
            " attribute quantiles_ must hold rising numbers between 0 and 1, such as (0.05, 0.5,"
            f" 0.95). It is {brief(getattr(found, 'quantiles_', None))}."
        )
    return tuple(levels.tolist())


def check_quantiles(values, levels, name, *, n_outputs):
    """Return predicted quantiles with three axes, and refuse those that fall from one to the next.

    Parameters
    ----------
    values : array-like of shape (n_rows, n_quantiles) or (n_rows, n_outputs, n_quantiles)
        The quantiles.
    levels : sequence of float
        Which quantiles they should be.
    name : str
        What messages call them.
    n_outputs : int
        Number of outputs; two axes do for one.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs, n_quantiles), float64

    Raises
    ------
    ValueError
        If they are wrong.
    """
    values = check_floats(values, name)
    if n_outputs == 1 and values.ndim == 2:
        values = values[:, None]
    if values.ndim != 3 or values.shape[1:] != (n_outputs, len(levels)) or not len(values):
        shape = ("n_rows", *([n_outputs] if n_outputs > 1 else []), len(levels))
        raise ValueError(
            f"{name} has shape {values.shape}: expected ({', '.join(map(str, shape))}), with at"
            f" least one row, where the last axis holds the quantiles {tuple(levels)}."
        )
    falls = np.argwhere(np.diff(values, axis=2) < 0)
    if len(falls):
        row, output, column = falls[0]
        pair = values[row, output, column : column + 2]
        raise ValueError(
            f"{name} falls from {pair[0]} to {pair[1]} between the quantiles {levels[column]} and"
            f" {levels[column + 1]} in row {row}: put quantiles in rising order, with"
            " numpy.sort(quantiles, axis=-1)."
        )
    return values


def quantile_names(levels):
    """Return what the columns of quantiles are called.

    Parameters
    ----------
    levels : sequence of float
        Which quantiles.

    Returns
    -------
    list of str
        For instance ``"quantile_0.05"``.
    """
    return [f"{_PREFIX}{level}" for level in levels]


def named_levels(columns):
    """Return the quantiles that columns are called after.

    Parameters
    ----------
    columns : iterable
        Names of columns of any kind.

    Returns
    -------
    dict of str to float
        The quantile of each column that is called after one, in their order.
    """
    names = [name for name in columns if isinstance(name, str) and name.startswith(_PREFIX)]
    return {name: float(name.removeprefix(_PREFIX)) for name in names}


def level_named(name):
    """Return the quantile that a single column is called after.

    Parameters
    ----------
    name : object
        The name: ``"quantile_0.05"``, ``"0.05"`` or 0.05.

    Returns
    -------
    float or None
        None for a name that is none of a quantile, as a position.
    """
    try:
        is_one = isinstance(name, str | Real)
        level = (
            float(name.removeprefix(_PREFIX) if isinstance(name, str) else name) if is_one else 0
        )
    except ValueError:
        return None
    return level if 0 < level < 1 else None
