"""Simple forecasts to compare with."""

import numpy as np

from sklstm._checks._arguments import check_count, listed
from sklstm._past._time_axis import TimeAxis

BASELINES = ("persistence", "seasonal_naive", "drift")


def check_baselines(baselines, season, index):
    """Return the baselines that can be computed, and the rows per season.

    Parameters
    ----------
    baselines : sequence of str, str or None
        What the user asked for.
    season : int or None
        Time steps per season; None takes it from the index.
    index : pandas.Index or None
        The labels of the rows.

    Returns
    -------
    names : list of str
        Without the seasonal naive forecast if there is no season.
    season : int or None

    Raises
    ------
    ValueError
        If there is no such baseline, or `season` is less than 1.
    TypeError
        If `season` is not an int.
    """
    names = [] if baselines is None else listed(baselines, "baselines")
    for name in names:
        if name not in BASELINES:
            raise ValueError(
                f"baselines={baselines!r} names {name!r}: expected some of {BASELINES}."
            )
    season = TimeAxis.season_of(index) if season is None else check_count(season, "season")
    return [name for name in names if name != "seasonal_naive" or season is not None], season


def baseline(name, target, table, rows, origins, *, horizon, season, firsts):
    """Make a simple forecast of rows from values that are known before in their series.

    Parameters
    ----------
    name : {"persistence", "seasonal_naive", "drift"}
        The last known value; the last known value of the same season; or the last known value plus
        the mean step so far.
    target : ndarray of shape (n_rows, n_targets * horizon)
        The whole target; columns are the targets of step 1, then those of step 2, and so on.
    table : Rows
        The series and the time step of each row.
    rows : ndarray of int
        The rows to predict.
    origins : ndarray of int of shape (len(rows),)
        For each row, the last row of its series that is known when it is predicted; -1 where there
        is none. Where its target is NaN, an earlier one counts.
    horizon : int
        Steps ahead that the columns of `target` reach.
    season : int or None
        Time steps per season.
    firsts : ndarray of int of shape (len(rows),)
        For each row, the first row of the mean step.

    Returns
    -------
    ndarray of shape (len(rows), n_targets * horizon)
        NaN where the value that is needed is not known.
    """
    parts = []
    for step in range(horizon):
        columns = target[:, : target.shape[1] // horizon].T
        made = [_of_column(name, of, table, rows, origins, step, season, firsts) for of in columns]
        parts.append(np.stack(made, axis=1))
    return np.concatenate(parts, axis=1)


def _of_column(name, values, table, rows, origins, step, season, firsts):
    """Make a simple forecast of one target, so many steps after each row."""
    last, first = table.known_around(~np.isnan(values))
    origins = np.where(origins >= 0, last[origins], -1)
    # `step` counts from the row, `distance` from the last known value.
    number = table.numbers[rows] + step
    distance = number - table.numbers[origins]
    source = origins
    if name == "seasonal_naive":
        series, back = table.series[rows], season * -(-distance // season)
        source = table.find(series, number - back)
        while (lacks := (source >= 0) & np.isnan(values[source])).any():
            back = back + season * lacks
            source = table.find(series, number - back)
    found = np.where((origins >= 0) & (source >= 0), values[source], np.nan)
    if name == "drift":
        # A known last value means that there is a known first one.
        firsts = first[firsts]
        n_steps = np.maximum(table.numbers[origins] - table.numbers[firsts], 1)
        found = found + distance * (found - values[firsts]) / n_steps
    return found
