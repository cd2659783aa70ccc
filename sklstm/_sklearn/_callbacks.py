"""How scikit-learn's callbacks (1.9 and later) follow a fit."""

from contextlib import contextmanager
from functools import wraps
from typing import Any

from sklstm._sklearn._compat import CallbackSupportMixin, with_callbacks
from sklstm._sklearn._versions import VersionedMixin


class FollowedMixin(VersionedMixin, CallbackSupportMixin):
    """What all estimators share: scikit-learn's callbacks follow a fit, and kept ones are told."""

    def _begin_fit(self, n_tasks=0, **data):
        """Open the callback context of a fit of so many tasks; None before scikit-learn 1.9."""
        if CallbackSupportMixin is object:
            return None
        context = self._init_callback_context(max_subtasks=n_tasks)
        return context.call_on_fit_task_begin(estimator=self, **data)


def one_task(fit):
    """Decorate a short `fit`, which callbacks see as one task.

    Parameters
    ----------
    fit : callable
        The method.

    Returns
    -------
    callable
        The method.
    """

    @wraps(fit)
    def followed(self, X, y=None):
        context = self._begin_fit(X=X, y=y)
        fit(self, X, y)
        if context is not None:
            context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    return with_callbacks(followed)


@contextmanager
def passed_on(context, regressor, **data):
    """Pass the callbacks of a meta-estimator on to the regressor that it fits in the body.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext or None
        The context of the meta-estimator; None without callbacks.
    regressor : estimator
        The regressor that is fitted in the body.
    **data : dict
        What callbacks may read: ``estimator``, ``X`` and ``y``.

    Yields
    ------
    None
    """
    if context is None:
        yield
        return
    task = context.subcontext(task_name="fit-regressor")
    with task.propagate_callback_context(regressor):
        task.call_on_fit_task_begin(**data)
        yield
        task.call_on_fit_task_end(**data)


class EpochTasks:
    """Reports each epoch of a fit to scikit-learn's callbacks, as a task of its own.

    Parameters
    ----------
    estimator : BaseRecurrentRegressor
        The regressor that is fitted.
    context : sklearn.callback.CallbackContext
        Its callback context.
    data : dict of callable
        ``X`` returns the training rows, ``y`` their targets.
    fitted : callable
        Called with weights and a number of epochs; returns the fitted attributes that the regressor
        would have if it stopped there.
    network : str, default=""
        Which network is trained, if there are several.
    """

    def __init__(self, estimator, context, data, fitted, network=""):
        self.estimator = estimator
        self.context = context
        self.data = data
        self.fitted = fitted
        self.network = network
        self.task: Any = None

    def begin(self, epoch):
        """Report that an epoch begins.

        Parameters
        ----------
        epoch : int
            Its number, from 0.
        """
        self.task = self.context.subcontext(task_name=f"{self.network}epoch {epoch + 1}")
        self.task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end(self, epoch, weights):
        """Report that an epoch is over.

        Parameters
        ----------
        epoch : int
            Its number, from 0.
        weights : callable
            Returns the weights so far.

        Returns
        -------
        bool
            Whether a callback asks to stop.
        """
        return self.task.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=lambda: self.fitted(weights(), epoch + 1),
            **self.data,
        )
