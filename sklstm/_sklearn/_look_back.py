"""How many earlier rows a fitted estimator needs to see for the prediction of one row."""

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

#: Whose estimators take each row by itself unless they say otherwise.
ROW_WISE = ("sklearn", "sklstm")


def look_back(estimator):
    """Return how many rows before a row have a say in its prediction.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    Returns
    -------
    int or None
        None where that is not known or has no bound.
    """
    if not isinstance(estimator, BaseEstimator) or not _is_known(estimator):
        return None
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        depths = [look_back(step) for step in steps]
        return None if None in depths else sum(depths)
    if hasattr(estimator, "state_"):
        return None
    if hasattr(estimator, "transformer_") and hasattr(estimator, "y_lag"):
        within = _deepest([look_back(part) for part in _parts(estimator)])
        # Without observed values to start from, each prediction is built upon the one before.
        runs_on = estimator.y_lag is None and look_back(estimator.transformer_) != 0
        return None if within is None or runs_on else within + 1
    history = getattr(estimator, "_past", None)
    own = 0 if history is None else history.depth
    return _deepest([own, *(look_back(part) for part in _parts(estimator))])


def _is_known(estimator):
    """Tell whether an estimator is of a package whose estimators take each row by itself."""
    if isinstance(estimator, FunctionTransformer):
        return estimator.func is None
    return type(estimator).__module__.partition(".")[0] in ROW_WISE


def _parts(estimator):
    """List the fitted estimators that an estimator is made of."""
    found = []
    for name, value in vars(estimator).items():
        # What ends otherwise is a parameter: the unfitted model of a part.
        if name.endswith("_") or name == "steps":
            found += _estimators_in(value)
    if not found and hasattr(estimator, "transformer_list"):
        found = _estimators_in([step for _, step in estimator.transformer_list])
    return found


def _estimators_in(value):
    if isinstance(value, BaseEstimator):
        return [value]
    if isinstance(value, list | tuple):
        return [part for item in value for part in _estimators_in(item)]
    return []


def _deepest(depths):
    return None if None in depths else max(depths, default=0)
