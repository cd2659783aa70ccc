"""What an estimator does that is made of several: how far it looks back, and what its end predicts.

An estimator says so itself, by a method ``__sklstm_look_back__(self) -> int | None``: how many rows
before a row have a say in its output. 0 means that each row stands by itself, None that the number
is unknown or has no bound. Steps that look back and have an ``inverse_transform`` take a keyword
``observed`` there, see `Differencer`.

A step that looks back and subtracts what was to be expected has a method
``__sklstm_expected__(self, observed, n_steps)``. From the values observed at the rows of a table it
returns what these rows, and those some steps after them, are expected to be, each as seen from
before the row: for each step an array of shape (n_rows, n_features). Targets of several steps ahead
are transformed and restored by it.

A transformer that learns something of each series has a method ``__sklstm_at_hand__(self, X)``. It
returns a copy that also knows the series of `X` of which `fit` has seen no value, as far as `X`
tells; what such a copy does not know even so, it inverts to NaN. Its method
``__sklstm_unseen__(self, layout)`` tells whether there are such series in a table of that layout.

A transformer that remembers rows, or something of each series, has a method
``__sklstm_go_on__(self, X, n_again)``. It returns a copy that also remembers the rows `X`, and what
becomes of these; what it has learnt of the rows before stays as it is. Without labels, the first
`n_again` rows of `X` are the last rows before.
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm._sklearn._compat import BaseSearchCV


def look_back(estimator):
    """Return how many rows before a row have a say in an estimator's output.

    Parameters
    ----------
    estimator : estimator
        Fitted; one of scikit-learn's may be made of others.

    Returns
    -------
    int or None
        None where that is unknown or has no bound.
    """
    if hasattr(estimator, "__sklstm_look_back__"):
        return estimator.__sklstm_look_back__()
    if type(estimator).__module__.partition(".")[0] != "sklearn":
        return None
    if isinstance(estimator, FunctionTransformer):
        # NumPy's own functions, such as np.log, take each value by itself.
        functions = (estimator.func, estimator.inverse_func)
        return 0 if all(one is None or isinstance(one, np.ufunc) for one in functions) else None
    depths = [look_back(part) for part in _parts(estimator)]
    if None in depths:
        return None
    # The steps of a pipeline look back upon each other's outputs.
    return sum(depths) if isinstance(estimator, Pipeline) else max(depths, default=0)


def looks_back(estimator):
    """Tell whether an estimator, or one that it is made of, says that it looks back.

    Parameters
    ----------
    estimator : estimator
        Not necessarily fitted.

    Returns
    -------
    bool
        False for estimators that say nothing.
    """
    if hasattr(estimator, "__sklstm_look_back__"):
        return estimator.__sklstm_look_back__() != 0
    parts = estimator.get_params().values()
    return any(hasattr(part, "__sklstm_look_back__") and looks_back(part) for part in parts)


def has_unseen(estimator, layout):
    """Tell whether an estimator needs all rows at hand of a series of which `fit` saw no value.

    Parameters
    ----------
    estimator : estimator
        Fitted; it may be made of others.
    layout : callable
        Returns the `Layout` of the table at hand.

    Returns
    -------
    bool
    """
    if hasattr(estimator, "__sklstm_unseen__"):
        return estimator.__sklstm_unseen__(layout())
    parts = _parts(estimator) if isinstance(estimator, BaseEstimator) else []
    return any(has_unseen(part, layout) for part in parts)


def time_axis_of(estimator):
    """Return the time axis of the rows that an estimator was fitted to.

    Parameters
    ----------
    estimator : estimator
        Fitted; it may be made of others.

    Returns
    -------
    TimeAxis or None
        None where no part of it looks at labels, or these have no regular step.
    """
    if (past := getattr(estimator, "_past", None)) is not None:
        return past.axis
    parts = _parts(estimator) if isinstance(estimator, BaseEstimator) else []
    return next((axis for axis in map(time_axis_of, parts) if axis is not None), None)


def final_estimator(estimator):
    """Return the estimator that predicts, in a pipeline or a search.

    Parameters
    ----------
    estimator : estimator
        Not necessarily fitted.

    Returns
    -------
    estimator
        Any other estimator itself.
    """
    if isinstance(estimator, Pipeline):
        return final_estimator(estimator.steps[-1][1])
    if isinstance(estimator, BaseSearchCV):
        return final_estimator(getattr(estimator, "best_estimator_", estimator.estimator))
    return estimator


def refuse_classifier(estimator, remedy):
    """Refuse an estimator that predicts labels where numbers are needed.

    Parameters
    ----------
    estimator : estimator
        A pipeline, a search, or any other estimator.
    remedy : str
        What the user can do.

    Raises
    ------
    ValueError
        If it is a classifier.
    """
    final = final_estimator(estimator)
    if isinstance(final, ClassifierMixin):
        raise ValueError(
            f"{type(final).__name__} is a classifier, whose labels are no numbers. {remedy}"
        )


def call_final(estimator, method, X):
    """Call a method of an estimator, or else of the one that predicts in it.

    A pipeline that lacks the method transforms the rows before.

    Parameters
    ----------
    estimator : estimator
        Fitted. Its `final_estimator` has the method.
    method : str
        For instance ``"predict_quantiles"``, which scikit-learn's pipelines and searches lack.
    X : array-like of shape (n_rows, ...)
        The rows.

    Returns
    -------
    object
        What the method returns.
    """
    if hasattr(estimator, method):
        return getattr(estimator, method)(X)
    if isinstance(estimator, BaseSearchCV):
        return call_final(estimator.best_estimator_, method, X)
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps[:-1]:
            X = X if step in (None, "passthrough") else step.transform(X)
        return call_final(estimator.steps[-1][1], method, X)
    raise AttributeError(f"{type(estimator).__name__} has no method {method!r}.")


def _parts(estimator):
    """List the estimators that one of scikit-learn's is made of, fitted ones if there are any."""
    if isinstance(estimator, Pipeline):
        return _estimators_in(estimator.steps)
    # Without the underscore, what is fitted is a parameter: the unfitted model of a part.
    found = [value for name, value in vars(estimator).items() if name.endswith("_")]
    return _estimators_in(found) or _estimators_in(getattr(estimator, "transformer_list", []))


def _estimators_in(value):
    """List the estimators in nested lists and tuples."""
    if isinstance(value, BaseEstimator):
        return [value]
    if isinstance(value, list | tuple):
        return [part for item in value for part in _estimators_in(item)]
    return []
