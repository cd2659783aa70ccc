"""Which of many series are drawn, and their rows."""

from collections.abc import Hashable

import pandas as pd

from sklstm._checks._arguments import brief, listed
from sklstm._past._layout import Layout
from sklstm._past._order import is_panel, label_at
from sklstm._past._series_names import check_levels_in_order

#: How many series are drawn where none is chosen, and how many can be.
N_DEFAULT, N_MOST = 12, 48


def choose_series(series, y_pred, y_true, folds):
    """Return which series are drawn, and their rows.

    Parameters
    ----------
    series : label, sequence of labels or None
        What the user chose.
    y_pred : Series
        Predictions.
    y_true : Series or None
        Observed values.
    folds : ndarray of shape (n_rows,)
        The fold of each prediction.

    Returns
    -------
    drawn : list of tuple
        For each series its label, its rows in `y_pred` and those in `y_true`. The label is None,
        and all rows are drawn, where the rows are those of one series.
    n_series : int
        How many series `y_pred` holds.

    Raises
    ------
    ValueError
        If a series is not there, too many are chosen, the two do not name series alike, or rows
        are out of order.
    """
    # 1. Of one series, everything is drawn.
    tables = {"y_pred": y_pred} if y_true is None else {"y_pred": y_pred, "y_true": y_true}
    levels = {name: table.index.nlevels for name, table in tables.items()}
    if len(set(levels.values())) > 1:
        raise ValueError(
            f"The index of y_pred has {levels['y_pred']} level(s), and that of y_true has"
            f" {levels['y_true']}, so the series of the values are not known. Give"
            " both the same levels: the time, and after it what names the series."
        )
    if not is_panel(y_pred.index):
        if series is not None:
            raise ValueError(
                f"series={brief(series)} chooses among many series, but y_pred holds one: its index"
                " has no level that names series. Leave series out."
            )
        _check_one_axis(tables)
        return [(None, slice(None), slice(None))], 1

    # 2. The rows of each fold, and the observed ones, are in order.
    for fold in dict.fromkeys(folds):
        rows = folds == fold
        Layout(y_pred.index[rows], int(rows.sum()), "y_pred")
    if y_true is not None:
        Layout(y_true.index, len(y_true), "y_true")
        check_levels_in_order(y_pred.index.names, y_true.index.names, "y_true", "y_pred")
    _check_one_axis(tables)

    # 3. Choose.
    names = {name: table.index.droplevel(0) for name, table in tables.items()}
    known = names["y_pred"].unique()
    chosen = known[:N_DEFAULT]
    if series is not None:
        is_one = isinstance(series, Hashable) and series in known
        wanted = [series] if is_one else list(dict.fromkeys(listed(series, "series")))
        unknown = [label for label in wanted if label not in known]
        if unknown or not wanted:
            raise ValueError(
                f"series={brief(series)} is not valid: expected one or several of the"
                f" {len(known)} series in y_pred, such as {known[:3].tolist()!r}"
                + (f", but {unknown[0]!r} is none of them." if unknown else ".")
            )
        if len(wanted) > N_MOST:
            raise ValueError(
                f"series names {len(wanted)} series, but one figure shows at most {N_MOST}. Draw"
                " fewer, or several figures."
            )
        chosen = known[[known.get_loc(label) for label in wanted]]

    # 4. Find the rows.
    numbers = {name: chosen.get_indexer(labels) for name, labels in names.items()}
    if y_true is not None and (numbers["y_true"] < 0).all():
        raise ValueError(
            f"y_true holds none of the series that are drawn, such as {label_at(chosen, 0)!r},"
            f" but others, such as {label_at(names['y_true'], 0)!r}. Name the series alike in"
            " y_true and y_pred (are the names of one type?)."
        )
    drawn = [
        (label, numbers["y_pred"] == number, numbers.get("y_true", numbers["y_pred"]) == number)
        for number, label in enumerate(chosen)
    ]
    return drawn, len(known)


def _check_one_axis(tables):
    """Refuse tables of which one alone is labelled by dates."""
    times = {name: table.index.get_level_values(0) for name, table in tables.items()}
    dated = [name for name in times if isinstance(times[name], pd.DatetimeIndex | pd.PeriodIndex)]
    if len(dated) == 1 < len(times):
        raise ValueError(
            f"Of y_true and y_pred, {dated[0]} alone is labelled by dates, so the two have no time"
            " axis in common. Pass both with dates, or both without, for instance by .to_numpy()."
        )


def rows_of(table, rows, labelled):
    """Return some rows of one series, labelled by their time alone.

    Parameters
    ----------
    table : Series, DataFrame or None
        The rows of all series.
    rows : slice or ndarray of bool
        Those of the series.
    labelled : Series or None
        Has the labels of the rows.

    Returns
    -------
    Series, DataFrame or None
    """
    if table is None:
        return None
    return table[rows].set_axis(labelled.index[rows].get_level_values(0))


def title_of(label):
    """Return the title over a series.

    Parameters
    ----------
    label : label or tuple of labels
        What names the series.

    Returns
    -------
    str
    """
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)
