"""Columns that a user's function makes of the targets before a row."""

import pandas as pd

from sklstm._checks._arguments import naming
from sklstm._checks._columns import positions_among
from sklstm._checks._numbers import check_floats
from sklstm._past._order import label_at
from sklstm._past._series_names import check_levels_in_order


def call_recompute(recompute, past, names, columns):
    """Call the user's function, and check what it made.

    Parameters
    ----------
    recompute : callable
        As in `forecast`.
    past : Series, DataFrame or ndarray
        The targets before a row.
    names : pandas.Index or None
        The series for which a row is wanted; None where one series has no name.
    columns : list
        The columns of `X`.

    Returns
    -------
    dict of int to sequence of float
        A value for each series, by the position of the column.

    Raises
    ------
    ValueError, TypeError
        If the function fails, or returns something else.
    """
    with naming("recompute", recompute):
        made = recompute(past)
        if names is not None:
            made = _of_each_series(made, names, list(past.index.names))
        else:
            made = dict(made.iloc[-1] if isinstance(made, pd.DataFrame) else made)
            made = {name: [float(value)] for name, value in made.items()}
        places = positions_among(columns, list(made), "recompute")
        return dict(zip(places, made.values(), strict=True))


def _of_each_series(made, names, levels):
    """Return what a user's function made for each series, by the name of the column.

    `levels` are the names of those of the past.
    """
    if not isinstance(made, pd.DataFrame):
        is_labelled = isinstance(made, dict) and all(
            isinstance(one, pd.Series) for one in made.values()
        )
        if not is_labelled:
            raise ValueError(
                "expected a DataFrame, or a dict of Series, with a row for each series: X holds"
                " many series, so it gets the targets of all of them."
            )
        made = pd.DataFrame(made)
    like_past = made.index.nlevels == len(levels)
    wanted = levels if like_past else levels[1:]
    check_levels_in_order(wanted, list(made.index.names), "result", "the targets before the row")
    if like_past:  # labelled as the past: the last row of each series
        made = made.droplevel(0)
        made = made[~made.index.duplicated(keep="last")]
    lacking = ~names.isin(made.index)
    if lacking.any():
        raise ValueError(f"it returned no row for series {label_at(names[lacking], 0)!r}.")
    return {name: check_floats(values, "recompute") for name, values in made.reindex(names).items()}
