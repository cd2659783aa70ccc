"""Labels that survive the steps of other packages."""

from contextlib import suppress


def keep_labels(estimator):
    """Tell every step inside an estimator to return a table with labels for one with labels.

    Steps that the user told what to return, and steps that cannot return a table, stay as they are.

    Parameters
    ----------
    estimator : estimator
        A clone that is not fitted; its steps are changed in place.

    Returns
    -------
    estimator
        The estimator itself.
    """
    steps = list(_steps_in(estimator))
    # The set_output of a step that is made of others overrules what the user told these.
    chosen = [(step, config) for step in steps if (config := _config_of(step))]
    for step in steps:
        # A FunctionTransformer without names would only warn that it cannot make a table.
        if not _config_of(step) and _can_name_columns(step):
            with suppress(ValueError):  # One of the steps that it is made of cannot.
                step.set_output(transform="pandas")
    for step, config in chosen:
        step._sklearn_output_config = config
    return estimator


def _steps_in(value):
    """Yield the estimators in a value, and those that they are made of."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _steps_in(part)
    elif hasattr(value, "get_params") and not isinstance(value, type):
        yield value
        yield from _steps_in(value.get_params(deep=False))


def _config_of(step):
    return dict(getattr(step, "_sklearn_output_config", {}))


def _can_name_columns(step):
    return hasattr(step, "set_output") and hasattr(step, "get_feature_names_out")
