"""Any regressor on the rows that it can use: those whose target and oldest inputs are known."""

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object, process_routing

from sklstm._checks._tables import skips_unknown_rows
from sklstm._sklearn._compat import safe_indexing


def steps_of(estimator):
    """List the estimators of a pipeline, nested ones included.

    Parameters
    ----------
    estimator : estimator
        A pipeline, or any other estimator.

    Returns
    -------
    list of estimator
    """
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    return [inner for step in steps for inner in steps_of(step)]


def last_of(regressor):
    """Return the estimator at the end of a pipeline.

    Parameters
    ----------
    regressor : estimator
        A pipeline, or any other estimator.

    Returns
    -------
    estimator
    """
    while isinstance(regressor, Pipeline):
        regressor = regressor.steps[-1][1]
    return regressor


def fit_known(regressor, X, y, fit_params):
    """Fit a regressor on the rows whose target and oldest inputs are known.

    Parameters
    ----------
    regressor : estimator
        Regressor or pipeline that ends in one. The steps of a pipeline see all rows, up to the
        first that refuses NaN.
    X : array-like of shape (n_rows, ...)
        Inputs.
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Target; NaN where it is not known.
    fit_params : dict
        What else to hand to ``fit``.

    Raises
    ------
    ValueError
        If no row is known.
    """
    if isinstance(regressor, Pipeline):
        cut = _cut(regressor)
        before, rest = regressor[:cut], regressor[cut:]
        others, own = _shared_out(regressor, before, rest, fit_params)
        if cut:
            X = before.fit_transform(X, y, **others)
            # With a memory, the slice holds clones that were fitted.
            regressor.steps[:cut] = before.steps
            for name in regressor.transform_input or ():
                if name in own:
                    own[name] = before.transform(own[name])
        if len(rest) == 1:
            fit_known(regressor.steps[-1][1], X, y, own)
        else:
            _fit_rows(rest, X, y, own, takes_nan=False)
            regressor.steps[cut:] = rest.steps
        return
    _fit_rows(regressor, X, y, fit_params, takes_nan=get_tags(regressor).input_tags.allow_nan)


def predict_known(regressor, X, mean):
    """Predict with a regressor; rows whose oldest inputs are not known get the mean.

    Parameters
    ----------
    regressor : estimator
        As fitted.
    X : array-like of shape (n_rows, ...)
        Inputs.
    mean : ndarray of shape (n_outputs,)
        The mean of the target.

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_outputs)
    """
    if skips_unknown_rows(last_of(regressor)):
        return regressor.predict(X)
    if isinstance(regressor, Pipeline):
        cut = _cut(regressor)
        if cut:
            X = regressor[:cut].transform(X)
        rest = regressor[cut:]
        if len(rest) == 1:
            return predict_known(regressor.steps[-1][1], X, mean)
        return _predict_rows(rest, X, mean, takes_nan=False)
    return _predict_rows(regressor, X, mean, takes_nan=get_tags(regressor).input_tags.allow_nan)


def _fit_rows(regressor, X, y, fit_params, *, takes_nan):
    """Fit a regressor on the rows that it takes and whose target is known."""
    n_rows = len(y)
    known = np.flatnonzero(_usable(X, takes_nan) & ~np.isnan(y.reshape(n_rows, -1)).any(axis=1))
    if not len(known):
        raise ValueError(
            f"No row is left to learn from: in all {n_rows} rows the target or the oldest inputs"
            " are not known. Use more rows, a shorter window or a transformer that looks back less."
        )
    of_rows = {
        k: safe_indexing(v, known) if _per_row(v, n_rows) else v for k, v in fit_params.items()
    }
    regressor.fit(safe_indexing(X, known), y[known], **of_rows)


def _predict_rows(regressor, X, mean, *, takes_nan):
    """Predict the rows that a regressor takes; the others get the mean."""
    known = np.flatnonzero(_usable(X, takes_nan))
    predicted = np.tile(mean, (np.shape(X)[0], 1))
    if len(known):
        of_known = np.asarray(regressor.predict(safe_indexing(X, known)))
        predicted[known] = of_known.reshape(len(known), -1)
    return predicted


def _cut(pipeline):
    """Return the position of the first step that refuses NaN, of the last one at the latest.

    From there on rows can be left out, unless a later step looks back on its rows.
    """
    last = len(pipeline.steps) - 1
    steps = [step for _, step in pipeline.steps]
    for place, step in enumerate(steps[:last]):
        if step in (None, "passthrough") or any(_looks_back(later) for later in steps[place:last]):
            continue
        tags = get_tags(step)
        if not tags.input_tags.allow_nan and not tags.no_validation:
            return place
    return last


def _looks_back(step):
    """Tell whether a step, or an estimator in it, needs the rows before a row."""
    if step in (None, "passthrough"):
        return False
    return any(name.rpartition("__")[2] == "history" for name in step.get_params())


def _shared_out(pipeline, before, rest, fit_params):
    """Tell the fit parameters of the first steps of a pipeline from those of the rest."""
    if not fit_params:
        return {}, {}
    name = pipeline.steps[-1][0]
    if get_config()["enable_metadata_routing"]:
        others = {}
        if len(before):
            wanted = get_routing_for_object(before).consumes("fit_transform", fit_params)
            others = {k: v for k, v in fit_params.items() if k in wanted}
        if len(rest) == 1:
            return others, dict(process_routing(pipeline, "fit", **fit_params)[name].fit)
        wanted = get_routing_for_object(rest).consumes("fit", fit_params)
        return others, {k: v for k, v in fit_params.items() if k in wanted}
    of_rest = tuple(f"{step}__" for step, _ in rest.steps)
    own = {k: v for k, v in fit_params.items() if k.startswith(of_rest)}
    others = {k: v for k, v in fit_params.items() if k not in own}
    if len(rest) == 1:
        own = {k.removeprefix(f"{name}__"): v for k, v in own.items()}
    return others, own


def _usable(X, takes_nan):
    """Tell which rows a regressor can use: all but those that begin with NaN."""
    n_rows = np.shape(X)[0]
    if takes_nan:
        return np.ones(n_rows, dtype=bool)
    unknown = np.asarray(pd.isna(X)).reshape(n_rows, -1)
    # Only a head of NaN means "no past"; the regressor refuses NaN after a known value.
    resumes = (unknown[:, 1:] & ~unknown[:, :-1]).any(axis=1)
    return ~unknown[:, 0] | resumes


def _per_row(value, n_rows):
    """Tell whether a fit parameter holds one entry per row."""
    return hasattr(value, "__len__") and not isinstance(value, str) and len(value) == n_rows
