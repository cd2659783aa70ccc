"""Simple forecasts to compare with."""

import numpy as np

BASELINES = ("persistence", "seasonal_naive", "drift")


def baseline(name, target, rows, origins, *, horizon, season, first):
    """Make a simple forecast of rows from values that are known before.

    Parameters
    ----------
    name : {"persistence", "seasonal_naive", "drift"}
        The last known value; the last known value of the same season; or the last known value plus
        the mean step so far.
    target : ndarray of shape (n_rows, n_targets * horizon)
        The whole target; columns are the targets of step 1, then those of step 2, and so on.
    rows : ndarray of int
        The rows to predict.
    origins : ndarray of int of shape (len(rows),)
        For each row, the last row whose target is known when it is predicted.
    horizon : int
        Steps ahead that the columns of `target` reach.
    season : int or None
        Rows per season.
    first : int
        The first row of the mean step.

    Returns
    -------
    ndarray of shape (len(rows), n_targets * horizon)
        NaN where the value that is needed is not known.
    """
    n_targets = target.shape[1] // horizon
    series = target[:, :n_targets]
    parts = []
    for step in range(horizon):
        # `step` counts from the row, `distance` from the last known value.
        distance = rows + step - origins
        source = origins
        if name == "seasonal_naive":
            source = rows + step - season * -(-distance // season)
        values = np.where((source < 0)[:, None], np.nan, series[np.maximum(source, 0)])
        if name == "drift":
            n_steps = np.maximum(origins - first, 1)[:, None]
            values = values + distance[:, None] * (values - series[first]) / n_steps
        parts.append(values)
    return np.concatenate(parts, axis=1)
