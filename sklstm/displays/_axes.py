"""What the displays share: axes, colours, and lines with gaps where rows are missing."""

import numpy as np
import pandas as pd

from sklstm._checks._arguments import check_kind
from sklstm._checks._numbers import check_floats
from sklstm._past._order import is_panel
from sklstm._past._time_axis import TimeAxis

_TIMES = pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex

#: Colour-blind readers can tell these apart; so can readers of a print in grey.
COLOURS = {
    "actual": "#333333",
    "prediction": "#c4431f",
    "persistence": "#7a9cc6",
    "seasonal_naive": "#5b8c5a",
    "drift": "#b59a3c",
}
LABELS = {"actual": "Observed", "prediction": "Predicted", "seasonal_naive": "Seasonal naive"}


def axes_of(ax, n_axes=1):
    """Return the axes to draw on.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Axes of the user; None makes a new figure.
    n_axes : int, default=1
        How many a new figure has. They stand in a grid and share the horizontal axis.

    Returns
    -------
    ndarray of matplotlib.axes.Axes of shape (n_axes,)

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `ax` is not an Axes.
    """
    if ax is not None:
        check_kind(ax, "ax", "get_legend_handles_labels", "matplotlib axes")
        return np.array([ax])
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Displays draw with matplotlib, which is not installed: pip install 'sklstm[plot]'."
        ) from error
    if n_axes == 1:
        return np.array([plt.subplots(figsize=(8, 4), layout="constrained")[1]])
    n_columns = 2 if n_axes <= 4 else 3
    n_rows = -(-n_axes // n_columns)
    size = (4 * n_columns, 1 + 1.9 * n_rows)
    axes = plt.subplots(n_rows, n_columns, sharex=True, figsize=size, layout="constrained")[1]
    for spare in axes.flat[n_axes:]:
        spare.remove()
    for above in axes.flat[n_axes - n_columns : n_axes]:
        above.xaxis.set_tick_params(labelbottom=True)  # also where nothing is below
    return axes.ravel()[:n_axes]


def check_line(values, name):
    """Return values as floats, and refuse values that do not make a line.

    Parameters
    ----------
    values : array-like
        The values.
    name : str
        What the message calls them.

    Returns
    -------
    ndarray of shape (n_values,), float64

    Raises
    ------
    ValueError
        If there is more than one axis, no value, or something other than numbers.
    TypeError
        If they are sparse, or cannot be made an array.
    """
    floats = check_floats(values, name)
    if floats.ndim != 1 or not len(floats):
        raise ValueError(
            f"{name} has shape {floats.shape}, but one display shows one line: expected"
            " (n_values,) with at least one value."
        )
    return floats


def places_of(index):
    """Return the places of labels on the horizontal axis.

    Parameters
    ----------
    index : pandas.Index
        Labels.

    Returns
    -------
    ndarray
        Dates or numbers; positions for all other labels.
    """
    if isinstance(index, pd.PeriodIndex):
        # Periods may lie before 1677, where pandas 2 cannot make a Timestamp.
        return index.asfreq("s", how="START").asi8.astype("datetime64[s]")
    if isinstance(index, pd.DatetimeIndex):
        # Matplotlib would draw the times in UTC; readers expect their local time.
        return index.tz_localize(None).to_numpy()
    if isinstance(index, pd.TimedeltaIndex):
        return index.total_seconds().to_numpy()
    if pd.api.types.is_numeric_dtype(index):
        return index.to_numpy()
    return np.arange(len(index))


def on_one_axis(indexes):
    """Replace labels that have no place of their own on the horizontal axis by their positions.

    Parameters
    ----------
    indexes : list of pandas.Index
        Labels of the tables that are drawn together, those that come first before the others.

    Returns
    -------
    list of pandas.Index
        A label has the same position in all of them.
    """
    labels = [index.levels[0] if is_panel(index) else index for index in indexes]
    if all(isinstance(one, _TIMES) or pd.api.types.is_numeric_dtype(one) for one in labels):
        return indexes
    known = pd.Index([label for one in labels for label in one], dtype=object).unique()
    places = [pd.Index(known.get_indexer(one)) for one in labels]
    if pd.api.types.infer_dtype(known) == "date":
        places = [pd.DatetimeIndex(one) for one in labels]
    return [
        index.set_levels(place, level=0) if is_panel(index) else place
        for index, place in zip(indexes, places, strict=True)
    ]


def broken(series):
    """Return places and values of a series, with a NaN wherever rows are missing.

    Parameters
    ----------
    series : Series
        Sorted values.

    Returns
    -------
    places, values : ndarray
        The points of a line; NaN breaks it.
    """
    places, values = places_of(series.index), series.to_numpy(dtype=float, na_value=np.nan)
    axis = TimeAxis.fit(series.index)
    if axis is None:
        return places, values
    gaps = np.flatnonzero(np.diff(axis.number(series.index)) > 1) + 1
    return np.insert(places, gaps, places[gaps]), np.insert(values, gaps, np.nan)


def finish(ax, index=None):
    """Add short dates where the axis has dates, and remove the upper and right frame.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes that were drawn on.
    index : pandas.Index, default=None
        Labels of the horizontal axis.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        ax.xaxis.set_major_locator(locator := AutoDateLocator())
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    # Polar axes, for instance, have other sides.
    for side in {"top", "right"} & set(ax.spines):
        ax.spines[side].set_visible(False)


def add_legend(ax):
    """Add a legend if any line has a label.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes that were drawn on.
    """
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False)


def label_grid(figure, axes, name):
    """Add one legend for all axes, and name their vertical axes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    axes : ndarray of matplotlib.axes.Axes
        Axes that were drawn on.
    name : str
        What all vertical axes show.
    """
    entries: dict = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        entries.update(zip(labels, handles, strict=True))
    figure.legend(
        entries.values(), entries, loc="outside lower center", ncols=len(entries), frameon=False
    )
    figure.supylabel(name, fontsize="medium")
