"""The rows of a model, made of the table that `series_to_supervised` was given."""

import pandas as pd

from sklstm._checks._columns import positions_among
from sklstm._checks._horizon import step_of
from sklstm._checks._lag_columns import name_of_lag
from sklstm.transformers._series_to_supervised import series_to_supervised


def rows_of(series, features, targets, y_lag):
    """Make the rows that a model takes of the table that its training rows were made of.

    The names of the features tell how: ``<name>_lag1`` is a target or a past input, ``<name>``
    itself a future input, and ``<name>_step2`` and so on its later steps.

    Parameters
    ----------
    series : Series or DataFrame
        The table.
    features : array of str or None
        The names of the columns that the model was fitted to.
    targets : list or None
        The names of the targets, where the model knows them.
    y_lag : str, int, sequence of these or None
        The features that hold the targets one step earlier, where the user names them.

    Returns
    -------
    X : DataFrame of shape (n_rows, n_features)
        The rows, to the end of the table.
    y : DataFrame of shape (n_rows, n_targets)
        The targets; NaN where they are not known.
    past_inputs : dict of str to ndarray of shape (n_rows,)
        The past inputs observed at the rows.

    Raises
    ------
    ValueError
        If the rows cannot be made of the table, or it is not clear which columns are targets.
    """
    if isinstance(series, pd.Series):
        series = series.to_frame("series" if series.name is None else series.name)
    if not isinstance(series, pd.DataFrame):
        raise ValueError(
            f"series is of type {type(series).__name__}, whose columns have no names, so that they"
            " cannot be told from each other: pass a Series or DataFrame, or X and y."
        )
    if features is None:
        raise ValueError(
            "The estimator does not know the names of the columns that it was fitted to, so the"
            " rows cannot be made of series: fit it to a DataFrame, or pass X and y."
        )

    # 1. What each column of the table is.
    features = list(features)
    names = {str(name): name for name in series.columns}
    past = [name for name in names if f"{name}_lag1" in features]
    future = [name for name in names if name not in past and name in features]
    if y_lag is not None:
        targets = [name_of_lag(features[i]) for i in positions_among(features, y_lag, "y_lag")]
    elif targets is None:
        targets = past
        if len(past) != 1:
            raise ValueError(
                f"Which columns of series are targets, and which are past inputs, is not known:"
                f" the estimator was fitted to {features!r}. Name the feature of each target with"
                " y_lag, such as '<target>_lag1', or pass X and y."
            )
    targets = [str(name) for name in targets]
    lacking = [name for name in targets if name not in names]
    if lacking:
        raise ValueError(
            f"series has the columns {list(series.columns)!r}, but lacks the target {lacking!r}:"
            " pass the table that series_to_supervised was given, of which the training rows were"
            " made."
        )

    # 2. The rows, to the end of the table.
    inputs = [name for name in past if name not in targets]
    held = [*targets, *inputs]
    later = [step for base, step in map(step_of, features) if base in future]
    X, y = series_to_supervised(
        series[[names[name] for name in dict.fromkeys([*past, *targets, *future])]],
        target=[names[name] for name in held],
        future_inputs=[names[name] for name in future] or None,
        horizon=max(later, default=1),
        keep_last=True,
    )
    lacking = [name for name in features if name not in X.columns]
    if lacking:
        raise ValueError(
            f"The estimator was fitted to {lacking!r}, which series_to_supervised does not make of"
            f" the columns {list(series.columns)!r}: pass the table that it was given, or, if"
            " columns were added to the rows, X and y."
        )
    y = pd.DataFrame(y).iloc[:, : len(held)].set_axis(held, axis=1)
    return X[features], y[targets], {name: y[name].to_numpy() for name in inputs}
