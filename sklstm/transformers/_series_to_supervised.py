"""From a series to the rows that an estimator learns from."""

from typing import Any

import numpy as np
import pandas as pd

from sklstm._checks._arguments import check_count, check_flag, naming
from sklstm._checks._columns import check_names, positions_among
from sklstm._checks._numbers import check_floats, check_numeric, text_in
from sklstm._checks._tables import index_of, layout_of
from sklstm._past._layout import Layout, Numbers
from sklstm._past._order import check_sorted, gap_remedy, is_panel, label_at
from sklstm._sklearn._warnings import MissingStepsWarning, warn


def series_to_supervised(
    series: Any,
    *recipe: Any,
    horizon: int = 1,
    target: Any = None,
    future_inputs: Any = None,
    keep_last: bool = False,
) -> tuple[Any, Any]:
    """Pair each time step's target with the values known before it.

    Row t of `X` holds the values of step t - 1, row t of `y` those of step t (or of the
    `horizon` steps from t on). Both carry the label of step t, so a prediction plots at its own
    date. The rows are consecutive and in the order of `series`, which must be oldest first;
    steps that come without their past or, by default, their whole future are left out.

    Columns that are known ahead, such as a calendar, are *future inputs*: row t of `X` holds their
    values of the steps that are predicted from it. All other columns of `X` are past inputs.

    Parameters
    ----------
    series : Series, DataFrame or array-like of shape (n_steps,) or (n_steps, n_columns)
        One row per time step, oldest first. NaN is let through: it means "not known".
    *recipe : object
        An error: all that follows is named. A well-known recipe calls a function of the same name
        with ``(data, n_in, n_out)``, and the message says how to write that here.
    horizon : int, default=1
        How many steps to predict from each row, at least 1.
    target : column name, position or list of them, default=None
        Which columns to predict. A name is looked for first, then a position, counted from 0.
        None means all columns but the future inputs.
    future_inputs : column name, position or list of them, default=None
        The columns whose values are known ahead: a calendar, a price, a weather forecast. Of a
        measured column, the value of step t is not known before step t: it is a past input. They
        may hold words, for an encoder.
    keep_last : bool, default=False
        What becomes of the rows whose target is still to come. These are the last ``horizon - 1``
        steps, whose future reaches beyond the series, and the steps to come that stand at the end
        of `series` without a target (NaN), for the sake of their future inputs. False leaves them
        out, so the last target is known: for splits and scores. True keeps them, with NaN for what
        is not known yet: for the final fit, which then learns from the last row whose future is
        known, and from the whole series as the past of a forecast. Future inputs of steps after the
        last one of `series` are NaN as well.

    Returns
    -------
    X : DataFrame or ndarray of shape (n_rows, n_past_inputs + n_future_inputs * horizon)
        There are ``n_steps - horizon`` rows, or ``n_steps - 1`` with `keep_last`.
        First the previous values. These columns of a DataFrame are called ``<name>_lag1``; an
        unnamed Series counts as ``"series"``. Then the future inputs of step t under their own
        name, and with a longer horizon those of the later steps, which are called
        ``<name>_step2`` to ``<name>_step<horizon>``: all of step 2 first, and so on.
    y : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, horizon * n_targets)
        The values to predict. With one target and ``horizon=1`` it is one-dimensional and keeps
        the target's name. With several targets and ``horizon=1`` its columns keep their names.
        With a longer horizon the columns are called ``<name>_step1`` to
        ``<name>_step<horizon>``: all targets of step 1 first, then all of step 2, and so on.

        Arrays give arrays; a Series or DataFrame gives pandas objects.

    Raises
    ------
    TypeError
        If `series` is sparse or holds objects that are no numbers, `horizon` is not an int,
        `keep_last` not a bool, or anything but `series` is not named.
    ValueError
        If `series` holds anything but numbers, other than words in `future_inputs`, has neither one
        nor two dimensions, two columns of one name, or is shorter than ``horizon + 1`` steps; if
        `horizon` is less than 1; if `target` or `future_inputs` is not among the columns, or a
        column is both; if two columns of `X` would have one name; or if the labels, other than
        text, are unsorted or doubled, or name the series before the time.

    Warns
    -----
    MissingStepsWarning
        If steps are missing in an index that is otherwise regular: neighbouring rows are paired as
        if nothing lay between them.

    See Also
    --------
    sklstm.datasets.load_milk : A series to try it on.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import series_to_supervised
    >>> month = pd.period_range("2024-01", periods=5, freq="M", name="month")
    >>> sales = pd.Series([5.0, 7.0, 6.0, 9.0, 8.0], index=month, name="sales")
    >>> X, y = series_to_supervised(sales)
    >>> print(X.join(y))
             sales_lag1  sales
    month
    2024-02         5.0    7.0
    2024-03         7.0    6.0
    2024-04         6.0    9.0
    2024-05         9.0    8.0

    Two steps at a time:

    >>> X, y = series_to_supervised(sales, horizon=2)
    >>> print(X.join(y))
             sales_lag1  sales_step1  sales_step2
    month
    2024-02         5.0          7.0          6.0
    2024-03         7.0          6.0          9.0
    2024-04         6.0          9.0          8.0

    And with the step whose future is not known yet:

    >>> X, y = series_to_supervised(sales, horizon=2, keep_last=True)
    >>> print(y.tail(2))
             sales_step1  sales_step2
    month
    2024-04          9.0          8.0
    2024-05          8.0          NaN

    A price that is known two months ahead; the table holds these months, without sales:

    >>> table = pd.DataFrame({"sales": sales, "price": [2.0, 2.0, 3.0, 2.0, 2.0]})
    >>> table.loc[pd.Period("2024-06"), "price"] = 3.0
    >>> X, y = series_to_supervised(
    ...     table, target="sales", future_inputs="price", keep_last=True
    ... )
    >>> print(X.join(y).tail(3))
             sales_lag1  price  sales
    month
    2024-04         6.0    2.0    9.0
    2024-05         9.0    2.0    8.0
    2024-06         8.0    3.0    NaN
    """
    if recipe:
        n_in, n_out = [*recipe, 1][:2]
        raise TypeError(
            f"series_to_supervised takes only the series without a name, but got {recipe!r} as"
            f" well. For n_in={n_in!r} steps to look back upon and n_out={n_out!r} to predict, as"
            " in the recipe of that name, write"
            f" series_to_supervised(series, horizon={n_out!r}) and put LagWindower({n_in!r}) first"
            " in the pipeline."
        )
    horizon = check_count(horizon, "horizon")
    check_flag(keep_last, "keep_last")
    table = _as_table(series, future_inputs)
    future, targets = _roles(table, future_inputs, target)
    past = [i for i in range(table.shape[1]) if i not in future]

    # 1. The rows that come before and after each row, in its series.
    is_labelled = index_of(series) is not None
    if is_labelled and not is_panel(table.index):
        check_sorted(table.index, "series", allow_names=True)
    layout = layout_of(series, name="series")
    within = layout.within()
    before = layout.earlier(within, 1)
    n_observed = _n_observed(table.iloc[:, targets], layout)
    is_last = within + horizon > np.repeat(n_observed, layout.lengths)
    rows = np.flatnonzero((before >= 0) & (keep_last | ~layout.by_row(is_last)))
    if not len(rows):
        n_steps = layout.lengths
        is_whole = keep_last or (n_observed == n_steps).all()
        until = "" if is_whole else " up to the last known target"
        n_steps, needed = (n_steps, 2) if keep_last else (n_observed, horizon + 1)
        at_most = "" if layout.n_series < 2 else " at most"
        raise ValueError(
            f"series has {n_steps.max(initial=0)} rows{at_most}{until},"
            f" but horizon={horizon} needs at least {needed}: one to look back on and as many as"
            " the horizon to predict. Pass a longer series or a shorter horizon."
        )
    if is_labelled:
        _warn_of_gaps(table.index)

    # 2. Pair them.
    label = table.index[rows[0] : rows[-1] + 1]  # of neighbours, it keeps the frequency
    label = label if len(label) == len(rows) else table.index[rows]
    place = layout.by_row(np.arange(layout.n_rows))[rows]
    stop = layout.by_row(layout.stops[layout.ordinals])[rows]

    def ahead_of(columns):
        values = table.iloc[:, columns]
        kinds = {*values.dtypes}
        if kinds in ({np.dtype(np.float64)}, {np.dtype(np.float32)}):
            # As one array, of which no part is held twice.
            held = layout.by_series(values.to_numpy()).T
            ahead = np.empty((horizon, *held.shape[:1], len(rows)), held.dtype)
            for step, found in enumerate(ahead):
                np.take(held, place + step, axis=1, mode="clip", out=found)
                found[:, place + step >= stop] = np.nan
            return pd.DataFrame(ahead.reshape(-1, len(rows)).T, label, copy=False)
        by_series = values.take(layout.row(np.arange(layout.n_rows))).reset_index(drop=True)
        steps = (np.where(place + step < stop, place + step, -1) for step in range(horizon))
        ahead = pd.concat([by_series.reindex(at).set_axis(label) for at in steps], axis=1)
        return ahead.copy()

    X = table.iloc[before[rows], past].set_axis(label)
    X.columns = [f"{name}_lag1" for name in X.columns]
    if future:
        later = ahead_of(future)
        names = table.columns[future]
        later.columns = [
            *map(str, names),
            *(f"{name}_step{step}" for step in range(2, horizon + 1) for name in names),
        ]
        X = pd.concat([X, later], axis=1)
        with naming("future_inputs", future_inputs):
            check_names(X)

    y: Any = ahead_of(targets)
    names = table.columns[targets]
    steps = [f"{name}_step{step}" for step in range(1, horizon + 1) for name in names]
    y.columns = names if horizon == 1 else steps
    if y.shape[1] == 1:
        y = y.iloc[:, 0]
        if isinstance(series, pd.Series):
            y.name = series.name  # an unnamed series stays unnamed
    return (X, y) if is_labelled else (X.to_numpy(copy=True), y.to_numpy(copy=True))


def _roles(table, future_inputs, target):
    """Return the positions of the future inputs and of the targets."""
    columns = list(table.columns)
    future = []
    if future_inputs is not None:
        future = positions_among(columns, future_inputs, "future_inputs", "series")
    if target is None:
        targets = [i for i in range(len(columns)) if i not in future]
    else:
        targets = positions_among(columns, target, "target", "series")
    both = [columns[i] for i in targets if i in future]
    if both or not targets:
        raise ValueError(
            f"future_inputs={future_inputs!r} names {both or columns!r}, but a target is not known"
            " ahead. Name only columns that are known ahead, such as a calendar, and the columns to"
            " predict with target."
        )
    return future, targets


def _n_observed(targets, layout):
    """Count the steps of each series until the last one of which a target is known."""
    known = layout.by_series(targets.notna().any(axis=1).to_numpy())
    n_steps = np.where(known, layout.within() + 1, 0)
    return np.maximum.reduceat(np.append(n_steps, 0), layout.starts)  # There may be no rows.


def _warn_of_gaps(index):
    """Warn where neighbouring rows are not successive steps, though nearly all are."""
    # Text may have no order.
    if not is_panel(index) and not (index.is_monotonic_increasing and index.is_unique):
        return
    layout = Layout(index, len(index), "series")
    axis = layout.axis()
    if axis is None:
        return
    steps = np.diff(Numbers(layout, axis).at())
    steps[layout.starts[1:] - 1] = 1  # where the next series begins
    gaps = np.flatnonzero(steps > 1)
    if len(gaps):
        last = gaps[np.argmin(layout.row(gaps))]
        before, after = (label_at(index, layout.row(place)) for place in (last, last + 1))
        warn(
            f"series lacks {int((steps[gaps] - 1).sum())} steps, the first ones after"
            f" {before!r}: its next row, {after!r}, is paired with it as if"
            f" nothing lay between. {gap_remedy(index, 'series')} Set filled values to NaN in y, so"
            " that they are not learnt from.",
            MissingStepsWarning,
        )


def _as_table(series, future_inputs):
    """Give the series as a DataFrame of numbers, where future inputs may be words, too."""
    table = series
    if isinstance(series, pd.Series):
        table = series.to_frame("series" if series.name is None else series.name)
    words = []
    with naming("series", series):
        check_names(table)
    if isinstance(table, pd.DataFrame) and future_inputs is not None:
        known = positions_among(list(table.columns), future_inputs, "future_inputs", "series")
        words = [table.columns[i] for i in known if text_in(table.iloc[:, i]) is not None]
    check_numeric(table.drop(columns=words) if words else table, "series")
    with naming("series", series):
        table = table if isinstance(table, pd.DataFrame) else np.asarray(table)
        if table.ndim not in (1, 2) or table.shape[1:] == (0,):
            raise ValueError(
                f"its shape is {table.shape}, but one or two dimensions are needed: (n_steps,) or"
                " (n_steps, n_columns), with at least one column."
            )
    table = pd.DataFrame(table).infer_objects()  # numbers in an object column are numbers
    check_floats(table.drop(columns=words), "series")
    return table
