"""What the displays share: axes, colours, and lines that break where the rows do."""

import numpy as np
import pandas as pd

from sklstm._checks._arguments import check_kind
from sklstm._past._time_axis import TimeAxis

#: Told apart by readers who see colours otherwise, and in grey.
COLOURS = {
    "actual": "#333333",
    "prediction": "#c4431f",
    "persistence": "#7a9cc6",
    "seasonal_naive": "#5b8c5a",
    "drift": "#b59a3c",
}
LABELS = {"actual": "Observed", "prediction": "Predicted", "seasonal_naive": "Seasonal naive"}


def axes_of(ax):
    """Return the axes to draw on.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Axes of the user's own; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `ax` is something else.
    """
    if ax is not None:
        check_kind(ax, "ax", "get_legend_handles_labels", "matplotlib axes")
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Displays draw with matplotlib, which is not installed: pip install 'sklstm[plot]'."
        ) from error
    return plt.subplots(figsize=(8, 4), layout="constrained")[1]


def places_of(index):
    """Return where labels stand on an axis.

    Parameters
    ----------
    index : pandas.Index
        Labels.

    Returns
    -------
    ndarray
        Times, numbers, or else positions.
    """
    if isinstance(index, pd.PeriodIndex):
        # Not by to_timestamp, which knows no years before 1677 in pandas 2.
        return index.asfreq("s", how="START").asi8.astype("datetime64[s]")
    if isinstance(index, pd.DatetimeIndex):
        # Matplotlib's dates know no zone: the clock on the wall is what a reader expects.
        return index.tz_localize(None).to_numpy()
    if isinstance(index, pd.TimedeltaIndex):
        return index.total_seconds().to_numpy()
    if pd.api.types.is_numeric_dtype(index):
        return index.to_numpy()
    return np.arange(len(index))


def broken(series):
    """Return places and values of a series, with NaN wherever rows are missing in between.

    Parameters
    ----------
    series : Series
        Sorted values.

    Returns
    -------
    places, values : ndarray
        What a line is drawn through.
    """
    places, values = places_of(series.index), series.to_numpy(dtype=float, na_value=np.nan)
    axis = TimeAxis.fit(series.index)
    numbers = None if axis is None else axis.number(series.index)
    if numbers is None:
        return places, values
    gaps = np.flatnonzero(np.diff(numbers) > 1) + 1
    return np.insert(places, gaps, places[gaps]), np.insert(values, gaps, np.nan)


def finish(ax, index=None):
    """Give axes a legend and, where they show dates, short ones.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes that were drawn on.
    index : pandas.Index, default=None
        Labels of the horizontal axis.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        locator = AutoDateLocator()
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    for side in ("top", "right"):
        # Polar axes, for instance, have none.
        if side in ax.spines:
            ax.spines[side].set_visible(False)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False)
