"""Calls that joblib shares out to workers."""

from sklearn.utils.parallel import Parallel, delayed

from sklstm._sklearn._warnings import kept, warn


def shared_out(n_jobs, function, calls):
    """Call a function in joblib's workers, and warn here of what we would warn of there.

    joblib stores an argument that is an array or a table on one worker of a cluster, and loses it
    with that worker. Inside another object, they are sent with each call.

    Parameters
    ----------
    n_jobs : int or None
        Number of calls at the same time.
    function : callable
        The function.
    calls : iterable of tuple
        The arguments of each call.

    Returns
    -------
    list
        What the calls returned, in their order.
    """
    found = Parallel(n_jobs=n_jobs)(delayed(_recorded)(function, call) for call in calls)
    for _, warnings in found:
        for message, category in warnings:
            warn(message, category)
    return [returned for returned, _ in found]


def _recorded(function, arguments):
    """Call a function, and return what it returned and what it warned of."""
    with kept() as warnings:
        return function(*arguments), warnings
