"""What scikit-learn's callbacks (1.9 and later) see of a fit."""

from contextlib import contextmanager
from functools import wraps
from typing import Any

from sklstm._sklearn._compat import CallbackSupportMixin, with_callbacks

__all__ = ["EpochTasks", "FollowedMixin", "follow", "one_task", "passed_on"]


if CallbackSupportMixin is None:

    class FollowedMixin:
        """Stands in for :class:`sklearn.callback.CallbackSupportMixin`."""

        def _begin_fit(self, n_tasks=0, **data):
            return None

else:

    class FollowedMixin(CallbackSupportMixin):  # type: ignore[no-redef]  # one of the two is made
        """Lets scikit-learn's callbacks follow a fit."""

        def _begin_fit(self, n_tasks=0, **data):
            """Open the callback context of a fit of so many tasks."""
            context = self._init_callback_context(max_subtasks=n_tasks)
            return context.call_on_fit_task_begin(estimator=self, **data)


def follow(fit):
    """Decorate a `fit` that opens its callback context itself.

    Parameters
    ----------
    fit : callable
        The method.

    Returns
    -------
    callable
        The method, after which callbacks are torn down.
    """
    return fit if with_callbacks is None else with_callbacks(fit)


def one_task(fit):
    """Decorate a `fit` whose steps are not worth following one by one.

    Parameters
    ----------
    fit : callable
        The method.

    Returns
    -------
    callable
        The method, which callbacks see as one task.
    """

    @wraps(fit)
    def followed(self, X, y=None):
        context = self._begin_fit(X=X, y=y)
        fit(self, X, y)
        if context is not None:
            context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    return follow(followed)


@contextmanager
def passed_on(context, sub_estimator, name, **data):
    """Let the callbacks of a meta-estimator follow the fit of its estimator.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext or None
        The meta-estimator's context; None where there are no callbacks.
    sub_estimator : estimator
        What is fitted in the body.
    name : str
        The name of that task.
    **data : dict
        What callbacks may look at: ``estimator``, ``X`` and ``y``.

    Yields
    ------
    None
    """
    if context is None:
        yield
        return
    task = context.subcontext(task_name=name)
    with task.propagate_callback_context(sub_estimator):
        task.call_on_fit_task_begin(**data)
        yield
        task.call_on_fit_task_end(**data)


class EpochTasks:
    """Reports the epochs of one fit as the tasks that callbacks follow.

    Parameters
    ----------
    estimator : BaseLSTMRegressor
        The regressor that is fitted.
    context : sklearn.callback.CallbackContext
        Its callback context.
    data : dict of callable
        ``X`` and ``y`` return the rows that are learnt from, and their targets.
    fitted : callable
        Takes weights and a number of epochs, and returns the attributes of a regressor that
        stopped there.
    """

    def __init__(self, estimator, context, data, fitted):
        self.estimator = estimator
        self.context = context
        self.data = data
        self.fitted = fitted
        self.task: Any = None

    def begin(self, epoch):
        """Say that an epoch begins.

        Parameters
        ----------
        epoch : int
            Its number, from 0.
        """
        self.task = self.context.subcontext(task_name=f"epoch {epoch + 1}")
        self.task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end(self, epoch, weights):
        """Say that an epoch is over.

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
