"""Any regressor on the rows that it can use: those whose target and oldest inputs are known."""

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils.metadata_routing import get_routing_for_object, process_routing

from sklstm._checks._arguments import check_kind
from sklstm._checks._numbers import place_of, text_in
from sklstm._checks._tables import check_in_step, check_rows, index_of, lacks_target
from sklstm._sklearn._callbacks import passed_on
from sklstm._sklearn._compat import check_method_params, safe_indexing
from sklstm._sklearn._composition import final_estimator, look_back, looks_back, refuse_classifier
from sklstm.regressors._meta._steps import method_of, steps_of
from sklstm.regressors._problem import warn_of_few_rows


def takes_nan(regressor):
    """Tell whether an estimator, or the first step of a pipeline, accepts NaN.

    Parameters
    ----------
    regressor : estimator
        A pipeline, or any other estimator.

    Returns
    -------
    bool
    """
    return get_tags(steps_of(regressor)[0]).input_tags.allow_nan


def skips_unknown_rows(regressor):
    """Tell whether the `fit` of a regressor itself skips rows without a known past or target.

    Parameters
    ----------
    regressor : estimator
        A pipeline, or any other estimator.

    Returns
    -------
    bool
    """
    return getattr(steps_of(regressor)[-1], "_skips_unknown_rows", False)


def refuse_labels(regressor):
    """Refuse a class, and a classifier, whose labels no meta-regressor can transform.

    Parameters
    ----------
    regressor : estimator
        A pipeline, or any other estimator.

    Raises
    ------
    TypeError
        If it is a class.
    ValueError
        If it is a classifier.
    """
    check_kind(regressor, "regressor", "fit", "an estimator such as Ridge()")
    refuse_classifier(
        regressor,
        "Leave y as it is, and transform X alone, in a pipeline such as"
        " make_pipeline(Differencer(), LagWindower(12), LSTMClassifier()).",
    )


def refuse_raw_validation(fit_params):
    """Refuse validation rows that would reach a step of a pipeline as they are.

    Parameters
    ----------
    fit_params : dict
        What the `fit` of a meta-estimator was given for its regressor.

    Raises
    ------
    ValueError
        The message says how to pass them.
    """
    raw = [name for name in fit_params if name.endswith(("__X_val", "__y_val"))]
    if raw:
        raise ValueError(
            f"{raw[0]} would reach its step in the units of y, but the regressor is trained on"
            " the transformed target. Pass X_val and y_val: with a regressor that is no"
            " pipeline as they are, with a pipeline by scikit-learn's metadata routing"
            " (enable_metadata_routing=True, set_fit_request(X_val=True, y_val=True) and"
            " transform_input=['X_val']). Or set validation_fraction."
        )


def text_columns(regressor, X):
    """List the columns of a table that hold text, if the first step of a regressor may take it.

    Parameters
    ----------
    regressor : estimator
        A pipeline, or any other estimator.
    X : array-like of shape (n_rows, n_features)
        The table.

    Returns
    -------
    list of int
        Their positions. The steps of this package take no text.
    """
    steps = steps_of(regressor)
    is_ours = type(steps[0]).__module__.startswith("sklstm.")
    if is_ours or len(steps) == 1 or not isinstance(X, pd.DataFrame):
        return []
    return [i for i in range(X.shape[1]) if text_in(X.iloc[:, i]) is not None]


def read_rows(estimator, X, *, reset, name="X", y=None):
    """Validate rows, and refuse NaN beside known values where the first step cannot take it.

    Parameters
    ----------
    estimator : estimator
        A meta-estimator that gets the rows, and hands them to its `regressor`.
    X : array-like of shape (n_rows, ...)
        The rows.
    reset : bool
        Whether they are those of `fit`, and decide which columns others have.
    name : str, default="X"
        What messages call them.
    y : array-like of shape (n_rows, ...), default=None
        In `fit`, the target: NaN is let through in rows that it does not teach.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        Their values, of windows side by side; 0 instead of text.
    inputs : array-like of shape (n_rows, ...)
        What the regressor gets: a table keeps its labels.

    Raises
    ------
    ValueError
        If the rows hold such NaN, or other columns than those of `fit`.
    """
    regressor, numbers = estimator.regressor, X
    if text := text_columns(regressor, X):
        numbers = X.copy()
        for column in text:
            numbers.isetitem(column, 0.0)
    rows = check_rows(estimator, numbers, reset=reset, name=name, allow_nd=True)
    missing = np.isnan(rows)
    stray = missing & ~missing.all(axis=1, keepdims=True)
    if (untaught := lacks_target(y)) is not None and len(untaught) == len(rows):
        stray[untaught] = False
    if rows.ndim == 2 and stray.any() and not takes_nan(regressor):
        place = place_of(tuple(np.argwhere(stray)[0]), X)
        first = type(steps_of(regressor)[0]).__name__
        raise ValueError(
            f"Input {name} contains NaN at {place}, beside known values, and {first} does not"
            " accept it. Fill or interpolate it; only a whole row of NaN means that nothing is"
            " known."
        )
    return rows.reshape(len(rows), -1), rows if index_of(X) is None else X


def check_weights(fit_params, X):
    """Refuse weights whose labels differ from those of the rows that they belong to.

    Parameters
    ----------
    fit_params : dict
        What `fit` was given beside `X` and the target.
    X : array-like of shape (n_rows, ...)
        The rows.

    Raises
    ------
    ValueError
        If there are such weights: by position, each would count for another row.
    """
    for name, value in fit_params.items():
        if name.endswith("sample_weight") and index_of(value) is not None:
            check_consistent_length(X, value)
            check_in_step(value, X, name=name)


def train_inside(context, estimator, regressor, horizon, X, y, fit_params, lost=None, **options):
    """Train the regressor inside a meta-estimator; scikit-learn's callbacks follow a network.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext or None
        That of the meta-estimator; None without callbacks.
    estimator : estimator
        The meta-estimator, whose metadata routing holds.
    horizon : int
        How many steps ahead the columns of `y` reach, as a network sees no names of steps.
    regressor, X, y, fit_params, lost, **options : object
        As for `fit_known`.
    """
    check_weights(fit_params, X)
    if get_config()["enable_metadata_routing"]:
        method = options["method"]
        callee = method_of(estimator.regressor, method)
        fit_params = process_routing(estimator, method, **fit_params).regressor[callee]
    final = final_estimator(regressor)
    if getattr(final, "horizon", None) == "auto":
        final.horizon = horizon
    context = context if skips_unknown_rows(regressor) else None
    with passed_on(context, regressor, estimator=estimator, X=X, y=y):
        fit_known(regressor, X, y, fit_params, lost, **options)


def fit_known(regressor, X, y, fit_params, lost=None, *, method="fit", ready=None):
    """Fit a regressor on the rows whose target and oldest inputs are known.

    Parameters
    ----------
    regressor : estimator
        Regressor or pipeline that ends in one. The steps of a pipeline see all rows, up to the
        first that refuses NaN.
    X : array-like of shape (n_rows, ...)
        Inputs.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Target; NaN where it is not known.
    fit_params : dict
        What else to hand to ``fit``.
    lost : ndarray of bool of shape (n_rows,), default=None
        Rows that count as unknown once the first step has encoded their text.
    method : {"fit", "partial_fit"}, default="fit"
        What to call.
    ready : callable, default=None
        How the steps of a pipeline get ready, such as `go_on`; None fits them all. A pipeline has
        no ``partial_fit``, so this calls the one of its last step.

    Raises
    ------
    ValueError
        If no row is known.
    """
    by_step = ready is not None and isinstance(regressor, Pipeline)
    cut = _cut(regressor) if lost is None else 1
    is_network = skips_unknown_rows(regressor) and lost is None
    if is_network and not by_step:
        getattr(regressor, method)(X, y, **fit_params)
        return
    if not cut and not is_network:
        y = np.asarray(y)
        is_taught = ~lacks_target(y)
        known = np.flatnonzero(_usable(X, regressor, is_taught) & is_taught)
        if not len(known):
            raise ValueError(
                f"No row is left to learn from: in all {len(y)} rows the target or the oldest"
                " inputs are not known. Use more rows, a shorter window or a transformer that"
                " looks back less."
            )
        warn_of_few_rows(len(known), np.count_nonzero(is_taught))
        fit_params = check_method_params(X, fit_params, known)
        X, y = safe_indexing(X, known), y[known]
        if not by_step:
            getattr(regressor, method)(X, y, **fit_params)
            return
    cut = 1 if by_step else cut
    before, rest = regressor[:cut], _rest(regressor, cut)
    others, own = _shared_out(regressor, cut, fit_params)
    if not by_step:
        X = before.fit_transform(X, y, **others)
    elif (step := before.steps[0][1]) not in (None, "passthrough"):
        step, X = ready(step, X, y)
        before.steps[0] = before.steps[0][0], step
    X = _without(lost, X)
    for name in set(regressor.transform_input or ()) & own.keys():
        own[name] = before.transform(own[name])
    fit_known(rest, X, y, own, method=method, ready=ready)
    # With a memory, the slices hold clones that were fitted.
    regressor.steps[:cut] = before.steps
    if cut < len(regressor.steps) - 1:
        regressor.steps[cut:] = rest.steps


def predict_known(regressor, X, mean, lost=None, wanted=None, *, ask):
    """Predict with a regressor; rows whose oldest inputs are not known get the mean.

    Parameters
    ----------
    regressor : estimator
        As fitted.
    X : array-like of shape (n_rows, ...)
        Inputs.
    mean : ndarray of shape (1, n_outputs) or (n_rows, n_outputs)
        The mean of the target.
    lost : ndarray of bool of shape (n_rows,), default=None
        As for `fit_known`.
    wanted : ndarray of int, default=None
        The rows whose prediction is wanted; all others may get the mean. None for all rows.
    ask : callable
        Takes the regressor, or what is left of a pipeline, and inputs. Returns the predictions.

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_outputs)
    """
    is_network = skips_unknown_rows(regressor)
    if is_network and lost is None:
        if wanted is None:
            return ask(regressor, X)
        cut = len(regressor.steps) - 1 if isinstance(regressor, Pipeline) else 0
    else:
        cut = _cut(regressor) if lost is None else 1
    if cut:
        X = _without(lost, regressor[:cut].transform(X))
        return predict_known(_rest(regressor, cut), X, mean, wanted=wanted, ask=ask)
    n_rows = np.shape(X)[0]
    is_wanted = np.ones(n_rows, dtype=bool)
    if wanted is not None and look_back(regressor) == 0:
        is_wanted = np.isin(np.arange(n_rows), wanted)
    known = np.flatnonzero(is_wanted & (is_network or _usable(X, regressor, is_wanted)))
    predicted = np.broadcast_to(mean, (n_rows, mean.shape[1])).copy()
    if len(known):
        of_known = np.asarray(ask(regressor, safe_indexing(X, known)))
        predicted[known] = of_known.reshape(len(known), -1)
    return predicted


def _cut(regressor):
    """Return the position of the first step that refuses NaN, of the last one at the latest.

    From there on rows can be left out, unless a later step looks back on its rows.
    """
    steps = [step for _, step in regressor.steps] if isinstance(regressor, Pipeline) else [None]
    place = len(steps) - 1
    if not place or looks_back(steps[place]):
        return place
    for earlier in reversed(range(place)):
        step = steps[earlier]
        if step in (None, "passthrough"):
            continue
        if looks_back(step):
            break
        tags = get_tags(step)
        if not tags.input_tags.allow_nan and not tags.no_validation:
            place = earlier
    return place


def _rest(pipeline, cut):
    """Return what follows the first steps: a pipeline, or the last step alone."""
    return pipeline[cut:] if cut < len(pipeline.steps) - 1 else pipeline.steps[-1][1]


def _shared_out(pipeline, cut, fit_params):
    """Tell the fit parameters of the first steps of a pipeline from those of the rest."""
    name, last = pipeline.steps[-1][0], len(pipeline.steps) - 1
    if get_config()["enable_metadata_routing"]:
        wanted = get_routing_for_object(pipeline[:cut]).consumes("fit_transform", fit_params)
        others = {k: v for k, v in fit_params.items() if k in wanted}
        if cut == last:
            return others, dict(process_routing(pipeline, "fit", **fit_params)[name].fit)
        wanted = get_routing_for_object(pipeline[cut:]).consumes("fit", fit_params)
        return others, {k: v for k, v in fit_params.items() if k in wanted}
    of_rest = tuple(f"{step}__" for step, _ in pipeline.steps[cut:])
    own = {k: v for k, v in fit_params.items() if k.startswith(of_rest)}
    others = {k: v for k, v in fit_params.items() if k not in own}
    if cut == last:
        own = {k.removeprefix(f"{name}__"): v for k, v in own.items()}
    return others, own


def _without(lost, X):
    """Return a table in which some rows are NaN."""
    if lost is None or not lost.any():
        return X
    if isinstance(X, pd.DataFrame):
        return X[~lost].reindex(X.index)
    return np.where(lost[:, None], np.nan, X)


def _usable(X, regressor, is_asked):
    """Tell which rows a regressor can use: those that begin with NaN only where it takes NaN.

    NaN elsewhere is refused in the rows that it is asked for.
    """
    n_rows = np.shape(X)[0]
    if takes_nan(regressor):
        return np.ones(n_rows, dtype=bool)
    unknown = np.asarray(pd.isna(X)).reshape(n_rows, -1)
    # Only a head of NaN means "no past".
    resumes = np.argwhere(unknown[:, 1:] & ~unknown[:, :-1] & is_asked[:, None])
    if len(resumes):
        row, column = resumes[0]
        first = type(steps_of(regressor)[0]).__name__
        raise ValueError(
            f"Input X contains NaN at {place_of((row, column + 1), X)}, after known values, and"
            f" {first} does not accept it. Fill or interpolate it before. If it comes from a part"
            " of a FeatureUnion or ColumnTransformer that looks back, put a step behind these that"
            " makes the whole row NaN."
        )
    return ~unknown[:, 0]
