"""Labels that survive the steps of other packages."""


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
    for step in _steps_in(estimator):
        # A FunctionTransformer without names would only warn that it cannot make a table.
        can_tell = hasattr(step, "set_output") and hasattr(step, "get_feature_names_out")
        if can_tell and not getattr(step, "_sklearn_output_config", None):
            # The set_output of a step that is made of others would overrule what the user told
            # these, and fail where one of them has none.
            step._sklearn_output_config = {"transform": "pandas"}
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
