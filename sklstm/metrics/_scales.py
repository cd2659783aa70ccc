"""How far off the seasonal naive forecast is on the training rows: the scale of a series."""

import numpy as np
import pandas as pd

from sklstm._checks._arguments import check_count
from sklstm._checks._tables import index_names, index_of
from sklstm._past._layout import Layout, Numbers
from sklstm._past._order import is_panel, label_at
from sklstm._past._series_names import check_levels_in_order
from sklstm._past._time_axis import TimeAxis
from sklstm._sklearn._warnings import AssumedPastWarning, warn
from sklstm.metrics._pairs import floats_of, series_of, sums_by_series

#: So many equal rows, if they are not all alike, are no chance.
MANY = 3


def naive_scale(y_train, pairs, season, power):
    """Average the errors that a seasonal naive forecast makes on training rows.

    Parameters
    ----------
    y_train : array-like of shape (n_train,) or (n_train, n_outputs)
        Training rows. NaN is a value that is not known.
    pairs : Pairs
        The rows that are scored.
    season : int or None
        Steps from a value to the value that forecasts it. None takes it from the step of the index.
    power : {1, 2}
        Whether to average absolute or squared errors.

    Returns
    -------
    ndarray of shape (n_series, n_outputs)
        Greater than 0.

    Raises
    ------
    TypeError, ValueError
        As the metrics document.
    """
    # 1. Validate.
    if y_train is None:
        raise ValueError("y_train is None: pass the training rows, whose errors are the scale.")
    values = floats_of(y_train, "y_train")
    index = index_of(y_train)
    layout = Layout(index, len(values), "y_train")
    if is_panel(index) != pairs.is_panel:
        one, other = ("y_train", "y_true") if pairs.is_panel else ("y_true", "y_train")
        raise ValueError(
            f"{other} holds many series, but {one} has no index that names them: give both an index"
            " whose first level is the time, and whose other levels name the series."
        )
    if pairs.is_panel:
        check_levels_in_order(list(pairs.index.names), index_names(y_train), "y_train", "y_true")
    n_outputs = pairs.actual.shape[1]
    if values.shape[1] != n_outputs:
        raise ValueError(
            f"y_train has {values.shape[1]} column(s), but y_true has {n_outputs}: expected the"
            " training rows of each output."
        )
    if isinstance(y_train, pd.DataFrame) and pairs.columns is not None and n_outputs > 1:
        places = y_train.columns.get_indexer(pairs.columns)
        if (places < 0).any():
            raise ValueError(
                f"y_train has the columns {list(y_train.columns)!r}, but y_true has"
                f" {list(pairs.columns)!r}."
            )
        values = values[:, places]
    _, names = series_of(layout, index)
    places = names.get_indexer(pairs.series) if pairs.is_panel else np.zeros(1, dtype=np.intp)
    _check_has_all(places < 0, pairs, "no rows in y_train", "Pass its training rows, too")
    season = _season(season, layout.times)
    _check_before(index, values, layout, places, pairs)

    # 2. Number the rows of each series on one time axis, or one after another.
    codes, values = layout.ordinals, layout.by_series(values)
    number = Numbers(layout, layout.axis()).at().astype(np.int64)
    number -= number.min()

    # 3. Subtract the value one season earlier, where there is one.
    key = codes * (number.max() + 1) + number
    late = np.flatnonzero(number >= season)
    early = np.searchsorted(key, key[late] - season)
    found = key[early] == key[late] - season
    late, early = late[found], early[found]
    errors = np.abs(values[late] - values[early]) ** power
    known = ~np.isnan(errors)
    sums = sums_by_series(np.where(known, errors, 0.0), codes[late], len(names))[places]
    counts = sums_by_series(known.astype(float), codes[late], len(names))[places]
    _check_has_all(
        (counts == 0).any(axis=1),
        pairs,
        f"no two known values in y_train that are season={season} steps apart",
        "Pass more training rows, or a shorter season",
    )
    scale = sums / counts
    _check_has_all(
        (scale == 0).any(axis=1),
        pairs,
        f"a scale of 0: each of its values in y_train equals the one season={season} steps earlier",
        "A scaled error is not defined for it: use another metric",
    )
    return scale


def _check_has_all(missing, pairs, what, remedy):
    """Refuse series that lack something, and name the first."""
    n_missing = np.count_nonzero(missing)
    if not n_missing:
        return
    if not pairs.is_panel:
        raise ValueError(f"The series has {what}. {remedy}.")
    first = pairs.series[missing].tolist()[0]
    more = f" (and {n_missing - 1} more)" if n_missing > 1 else ""
    raise ValueError(
        f"Series {first!r}{more} has {what}. {remedy}, or leave its rows out of y_true and y_pred."
    )


def _season(season, times):
    """Return the season that the user asked for, or that the step of the index tells."""
    if season is None:
        season = TimeAxis.season_of(times)
        if season is None:
            raise ValueError(
                "season=None takes the season from the step of the index, but that of y_train"
                " gives none. Pass the steps of a season, such as season=12; season=1 means none."
            )
    return check_count(season, "season")


def _check_before(index, values, layout, places, pairs):
    """Refuse training rows that do not all come before the rows that are scored."""
    if index is None or pairs.index is None:
        tail = values[-len(pairs.actual) :]
        # NaN equals nothing, so a tail with NaN is none of the rows.
        if (
            len(tail) >= MANY
            and np.array_equal(tail, pairs.actual)
            and (tail != tail[0]).any(axis=None)
        ):
            warn(
                "y_train ends with the values of y_true. It was taken for rows before these; if it"
                " holds the rows that are scored, pass only those before them.",
                AssumedPastWarning,
            )
        return
    if pairs.is_panel:
        newest = index.get_level_values(0)[layout.row(layout.stops - 1)[places]]
        oldest = pairs.index.get_level_values(0)[pairs.layout.row(pairs.layout.starts)]
    else:
        newest, oldest = index[np.full(len(pairs.index), -1)], pairs.index
    try:
        overlaps = np.asarray(newest >= oldest)
    except (AttributeError, TypeError) as error:  # AttributeError: periods and objects
        raise ValueError(
            f"The labels of y_train, such as {label_at(newest, 0)!r}, cannot be compared with those"
            f" of y_true, such as {label_at(oldest, 0)!r}."
        ) from error
    if overlaps.any():
        of = ""
        more = (
            " If both count their rows from 0, pass arrays; if they hold many series, give them an"
            " index whose first level is the time, and whose other levels name the series."
        )
        if pairs.is_panel:
            of, more = f" of series {pairs.series[overlaps].tolist()[0]!r}", ""
        raise ValueError(
            f"The rows{of} in y_train run until {label_at(newest[overlaps], 0)!r}, but y_true"
            f" has one at {label_at(oldest[overlaps], 0)!r}. Pass only training rows, from before"
            f" those of y_true.{more}"
        )
