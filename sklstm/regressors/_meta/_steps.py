"""The steps of a pipeline inside a meta-estimator, and how each gets ready for training."""

import copy
import re

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from sklstm._sklearn._composition import looks_back

#: Part of how objects are shown that show nothing else; a clone has another.
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


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


def with_steps(estimator, steps):
    """Return a copy of a pipeline with other steps; of any other estimator, the only step.

    Parameters
    ----------
    estimator : estimator
        A pipeline, which may hold others, or any other estimator.
    steps : iterator of estimator
        One for each of `steps_of`.

    Returns
    -------
    estimator
    """
    if not isinstance(estimator, Pipeline):
        return next(steps)
    pipeline = copy.copy(estimator)
    pipeline.steps = [
        (name, step if step in (None, "passthrough") else with_steps(step, steps))
        for name, step in estimator.steps
    ]
    return pipeline


def going_on(regressor, fitted):
    """Return a copy of a fitted regressor whose last step has the parameters given now.

    Parameters
    ----------
    regressor : estimator
        A pipeline, or any other estimator.
    fitted : estimator
        The same, fitted before.

    Returns
    -------
    estimator
        What it shares with `fitted` must not be changed in place: training that fails must leave
        what was learnt before as it was.

    Raises
    ------
    ValueError
        If steps other than the last have other parameters than before.
    """
    *steps, last = steps_of(clone(regressor))
    *before, learnt = steps_of(fitted)
    check_same(steps, before)
    own = {name: value for name, value in vars(learnt).items() if name not in vars(last)}
    vars(last).update(copy.deepcopy(own))
    return with_steps(fitted, iter([*before, last]))


def check_same(steps, before):
    """Refuse to go on with transformers that have other parameters than those that are fitted.

    Parameters
    ----------
    steps, before : list of estimator
        Those of now, and the fitted ones.

    Raises
    ------
    ValueError
        The message shows both.
    """
    now, then = (_ADDRESS.sub("", repr([_parameters(one) for one in of])) for of in (steps, before))
    if now != then:
        raise ValueError(
            f"Training cannot go on after a change of the steps from {before!r} to {steps!r}: what"
            " was learnt belongs to the former. Set warm_start=False and call fit to start anew."
        )


def _parameters(step):
    return type(step), {} if step is None else step.get_params()


def method_of(regressor, method):
    """Return the method of a regressor whose metadata are asked for.

    Parameters
    ----------
    regressor : estimator
        A pipeline, or any other estimator.
    method : {"fit", "partial_fit"}
        What is called.

    Returns
    -------
    str
        A pipeline has no ``partial_fit``, so its steps are asked what their ``fit`` takes.
    """
    return "fit" if isinstance(regressor, Pipeline) else method


def is_warm_start(regressor):
    """Tell whether a regressor goes on from what it has learnt at its next `fit`.

    Parameters
    ----------
    regressor : estimator
        A pipeline, or any other estimator.

    Returns
    -------
    bool
    """
    return bool(getattr(steps_of(regressor)[-1], "warm_start", False))


# How a step of a pipeline gets ready for training: each returns the step, and what it makes of `X`.


def fit_anew(step, X, y):
    """Fit a clone."""
    step = clone(step)
    return step, step.fit_transform(X, y)


def go_on(step, X, y=None, *, n_again=0):
    """Keep what a fitted step has learnt, and let what it remembers of the rows move on.

    Parameters
    ----------
    step : transformer
        Fitted; left as it is.
    X : array-like of shape (n_rows, ...)
        Rows that follow those seen before, or are some of them.
    y : object
        Ignored.
    n_again : int, default=0
        How many rows of a table without labels were the last rows before.

    Returns
    -------
    step : transformer
        A copy, if it has changed.
    transformed : array-like of shape (n_rows, ...)

    Raises
    ------
    ValueError
        If the step is made of others that look back.
    """
    if hasattr(step, "__sklstm_go_on__"):
        return step.__sklstm_go_on__(X, n_again)
    if isinstance(step, Pipeline):
        done = []
        for one in steps_of(step):
            one, X = go_on(one, X, n_again=n_again)
            done.append(one)
        return with_steps(step, iter(done)), X
    if looks_back(step):
        raise ValueError(
            f"{type(step).__name__} is made of steps that look back, and training cannot go on with"
            f" it: {step!r}. Call fit with all rows, or put such steps into the pipeline itself."
        )
    return step, step.transform(X)


def fit_warm(step, X, y):
    """Keep what a fitted step has learnt, but let it remember these rows alone."""
    return (fit_anew if looks_back(step) else go_on)(step, X, y)
