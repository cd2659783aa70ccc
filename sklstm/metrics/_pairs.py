"""True and predicted values side by side, and averages over rows, series and outputs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sklstm._checks._arguments import brief, check_flag, naming
from sklstm._checks._numbers import check_floats, check_not_infinite, place_of
from sklstm._checks._tables import index_of, layout_of
from sklstm._past._layout import Layout
from sklstm._past._order import is_panel, label_at
from sklstm.metrics._named_columns import in_order_of_names


@dataclass(frozen=True)
class Pairs:
    """True and predicted values of the same rows.

    Attributes
    ----------
    actual : ndarray of shape (n_rows, n_outputs)
        True values.
    predicted : ndarray of shape (n_rows, n_outputs) or (n_rows, n_outputs, n_predicted)
        Predictions; the last axis holds ends of an interval or quantiles.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    codes : ndarray of int of shape (n_rows,)
        The series of each row, as a position in `series`.
    series : pandas.Index of length n_series
        The names of the series; of one without a name if the rows are those of one series.
    layout : Layout
        The rows of each series.
    index : pandas.Index or None
        The labels of the rows.
    columns : pandas.Index or None
        The names of the outputs.
    """

    actual: np.ndarray
    predicted: np.ndarray
    weight: np.ndarray
    codes: np.ndarray
    series: pd.Index
    layout: Layout
    index: pd.Index | None
    columns: pd.Index | None

    @property
    def is_panel(self):
        """Whether the labels name series."""
        return is_panel(self.index)


def read_pairs(y_true, y_pred, sample_weight, n_predicted=None, *, quantiles=None, name="y_pred"):
    """Put predictions beside the true values, by their labels if both have labels.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_outputs)
        True values.
    y_pred : array-like of shape (n_rows, ...)
        Predictions.
    sample_weight : array-like of shape (n_rows,) or None
        Weights of the rows.
    n_predicted : int, default=None
        How many numbers are predicted for each true value. None is one number, and no last axis.
    quantiles : sequence of float, default=None
        Which quantiles these numbers are; None for the ends of an interval.
    name : str, default="y_pred"
        What messages call the predictions.

    Returns
    -------
    Pairs

    Raises
    ------
    TypeError, ValueError
        As the metrics document.
    """
    actual = _values(y_true, "y_true")
    labelled = y_pred if index_of(y_true) is None else y_true
    index = index_of(labelled)
    layout = layout_of(labelled, name=name if labelled is y_pred else "y_true")
    n_rows, n_outputs = actual.shape
    y_pred = _with_rows_of(labelled, y_pred, name)
    if n_predicted is None:
        y_pred = _with_outputs_of(y_true, y_pred, name)
        predicted = _values(y_pred, name)
        if predicted.shape != actual.shape:
            raise ValueError(
                f"{name} has shape {np.shape(y_pred)}, but y_true has {np.shape(y_true)}: expected"
                " one prediction for each true value."
            )
    else:
        y_pred = in_order_of_names(y_pred, y_true, quantiles, n_outputs)
        predicted = _several(y_pred, (n_rows, n_outputs, n_predicted))
    weight = np.ones(n_rows)
    if sample_weight is not None:
        weight = _weights(_with_rows_of(labelled, sample_weight, "sample_weight"), n_rows)
    codes, series = series_of(layout, index)
    columns = y_true.columns if isinstance(y_true, pd.DataFrame) else None
    return Pairs(actual, predicted, weight, codes, series, layout, index, columns)


def series_of(layout, index):
    """Tell the series of each row.

    Parameters
    ----------
    layout : Layout
        The rows of each series.
    index : pandas.Index or None
        The labels of the rows.

    Returns
    -------
    codes : ndarray of int of shape (n_rows,)
        Positions in `series`.
    series : pandas.Index of length n_series
        The names of the series, each once.
    """
    codes = layout.by_row(layout.ordinals)
    names = layout.labels()
    return codes, pd.Index([None]) if names is None else names.set_names(index.names[1:])


def floats_of(values, name):
    """Return numbers as an array of one column for each output; NaN is let through.

    Parameters
    ----------
    values : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The numbers.
    name : str
        What messages call them.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs)

    Raises
    ------
    TypeError, ValueError
        If they are not finite numbers or NaN, or have another shape.
    """
    found = _floats(values, name)
    if found.ndim not in (1, 2) or not found.size:
        raise ValueError(
            f"{name} ({brief(values)}) is not valid: expected an array of shape (n_rows,) or"
            " (n_rows, n_outputs), with at least one row."
        )
    check_not_infinite(found, values, name)
    return found.reshape(len(found), -1)


def sums_by_series(values, codes, n_series):
    """Add up the rows of each series.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Values of the rows.
    codes : ndarray of int of shape (n_rows,)
        The series of each row.
    n_series : int
        Number of series.

    Returns
    -------
    ndarray of shape (n_series, n_columns)
    """
    return np.stack([np.bincount(codes, column, minlength=n_series) for column in values.T], axis=1)


def means_by_series(errors, pairs):
    """Average errors over the rows of each series, by the weights of the rows.

    Parameters
    ----------
    errors : ndarray of shape (n_rows, n_outputs)
        An error for each value.
    pairs : Pairs
        The rows.

    Returns
    -------
    ndarray of shape (n_series, n_outputs)
        NaN for a series whose rows weigh nothing.
    """
    n_series = len(pairs.series)
    sums = sums_by_series(errors * pairs.weight[:, None], pairs.codes, n_series)
    with np.errstate(invalid="ignore"):
        return sums / np.bincount(pairs.codes, pairs.weight, minlength=n_series)[:, None]


def summarize(scores, pairs, multioutput, per_series):
    """Average the scores of series, each by the mean weight of its rows, and those of outputs.

    Parameters
    ----------
    scores : ndarray of shape (n_series, n_outputs)
        Scores of each series.
    pairs : Pairs
        The rows.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,)
        How to average over outputs.
    per_series : bool
        Whether to return the scores of each series instead.

    Returns
    -------
    float, ndarray of shape (n_outputs,), Series of length n_series or DataFrame
    """
    if per_series:
        return label_series(scores, pairs, multioutput)
    n_rows = np.bincount(pairs.codes)
    weight = np.bincount(pairs.codes, pairs.weight) / n_rows
    counts = weight > 0
    means = np.average(scores[counts], axis=0, weights=weight[counts])
    return average_outputs(means, multioutput, pairs.columns)


def label_series(scores, pairs, multioutput):
    """Give the scores of each series its name.

    Parameters
    ----------
    scores : ndarray of shape (n_series, n_outputs)
        Scores of each series.
    pairs : Pairs
        The rows.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,)
        How to average over outputs.

    Returns
    -------
    Series of length n_series, or DataFrame of shape (n_series, n_outputs)
        A table only for several outputs and raw values.
    """
    found = average_outputs(scores, multioutput, pairs.columns)
    if np.ndim(found) == 2 and found.shape[1] > 1:
        return pd.DataFrame(found, pairs.series, pairs.columns)
    return pd.Series(np.ravel(found), pairs.series)


def average_outputs(scores, multioutput, columns=None):
    """Average the last axis.

    Parameters
    ----------
    scores : ndarray of shape (..., n_outputs)
        Scores.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,)
        How to average. The weights in a Series are found by the names of the outputs.
    columns : pandas.Index, default=None
        The names of the outputs, if they have names.

    Returns
    -------
    float or ndarray

    Raises
    ------
    ValueError
        If `multioutput` is anything else.
    """
    if isinstance(multioutput, str):
        if multioutput == "raw_values":
            return scores
        if multioutput != "uniform_average":
            raise ValueError(
                f"multioutput={multioutput!r} is not valid: expected 'raw_values',"
                " 'uniform_average' or a weight for each output."
            )
        multioutput = None
    else:
        with naming("multioutput", multioutput):
            if isinstance(multioutput, pd.Series) and columns is not None:
                multioutput = _by_output(multioutput, columns)
            multioutput = np.asarray(multioutput, dtype=float)
            n_outputs = scores.shape[-1]
            if multioutput.shape != (n_outputs,) or not multioutput.sum() > 0:
                raise ValueError(f"expected {n_outputs} weight(s), one for each output.")
    found = np.average(scores, axis=-1, weights=multioutput)
    return found if found.ndim else float(found)


def _by_output(weights, columns):
    """Return weights in the order of the outputs; without names, they are in that order."""
    names, wanted = list(weights.index), list(columns)
    if names == wanted or names == list(range(len(wanted))):
        return weights
    if len(names) != len(wanted) or set(names) != set(wanted):
        raise ValueError(f"expected a weight for each of the outputs {wanted!r}.")
    return weights.iloc[[names.index(name) for name in wanted]]


def check_per_series(per_series, pairs):
    """Refuse scores per series of rows that name no series.

    Parameters
    ----------
    per_series : bool
        The argument.
    pairs : Pairs
        The rows.

    Raises
    ------
    TypeError
        If it is no bool.
    ValueError
        If the rows have no levels that name series.
    """
    check_flag(per_series, "per_series")
    if per_series and not pairs.is_panel:
        raise ValueError(
            "per_series=True needs values of many series: a pandas object whose index has the time"
            " as its first level and the series in the levels after it."
        )


def _floats(values, name):
    """Convert numbers of any shape to float64."""
    # The labels are checked elsewhere.
    is_labelled = index_of(values) is not None
    return check_floats(values.reset_index(drop=True) if is_labelled else values, name)


def _values(values, name):
    """Return numbers as an array of one column for each output, and refuse NaN."""
    found = floats_of(values, name)
    _check_known(found, values, name)
    return found


def _check_known(found, values, name):
    """Refuse NaN, and name the first place that holds it."""
    unknown = np.argwhere(np.isnan(found.reshape(np.shape(values))))
    if len(unknown):
        place = tuple(unknown[0])
        raise ValueError(
            f"{name} is NaN at {place_of(place, values)}. Leave out the rows whose values are not"
            " known, for instance those where y_true.notna() is False."
        )


def _several(y_pred, shape):
    """Return several numbers for each true value, on the last axis."""
    found = _floats(y_pred, "y_pred")
    n_rows, n_outputs, n_predicted = shape
    shapes: list[tuple[int, ...]] = [shape]
    if isinstance(getattr(y_pred, "columns", None), pd.MultiIndex):
        shapes = [(n_rows, n_outputs * n_predicted)]
    elif n_outputs == 1:
        shapes = [shape, (n_rows, n_predicted)]
    if found.shape not in shapes:
        expected = " or ".join(map(str, shapes))
        raise ValueError(
            f"y_pred has shape {found.shape}, but {expected} is expected: {n_predicted} number(s)"
            " for each true value."
        )
    check_not_infinite(found.reshape(n_rows, -1), None, "y_pred")
    _check_known(found, y_pred, "y_pred")
    return found.reshape(shape)


def _weights(sample_weight, n_rows):
    """Return weights of rows, and refuse others than finite ones that are not negative."""
    found = _floats(sample_weight, "sample_weight")
    is_valid = found.shape == (n_rows,) and np.isfinite(found).all() and (found >= 0).all()
    if not is_valid or not found.any():
        raise ValueError(
            f"sample_weight ({brief(sample_weight)}) is not valid: expected {n_rows} finite numbers"
            " of at least 0, one for each row and not all 0."
        )
    return found


def _with_rows_of(labelled, values, name):
    """Return values in the order of the rows of another table; values without labels stay."""
    index, own = index_of(labelled), index_of(values)
    if index is None or own is None or own.equals(index):
        return values
    if len(own) != len(index):
        raise ValueError(f"{name} has {len(own)} rows, but y_true has {len(index)}.")
    remedy = (
        f"Labels pair the values, so give both the same ones; or pass {name}.to_numpy() if its rows"
        " are in the order of those of y_true."
    )
    if own.nlevels != index.nlevels or (own.nlevels > 1 and own.names != index.names):
        raise ValueError(
            f"The index of {name} has the levels {list(own.names)!r}, but that of y_true has"
            f" {list(index.names)!r}. {remedy}"
        )
    for one, of in ((index, "y_true"), (own, name)):
        if not one.is_unique:
            raise ValueError(
                f"The index of {of} holds {label_at(one[one.duplicated()], 0)!r} twice. {remedy}"
            )
    places = own.get_indexer(index)
    if (places < 0).any():
        raise ValueError(
            f"y_true has a value at {label_at(index, np.argmin(places))!r}, but {name} has none."
            f" {remedy}"
        )
    return values.iloc[places]


def _with_outputs_of(y_true, y_pred, name):
    """Return a table of predictions with its outputs in the order of those of y_true."""
    if not (isinstance(y_true, pd.DataFrame) and isinstance(y_pred, pd.DataFrame)):
        return y_pred
    wanted = list(y_true.columns)
    columns: Any = y_pred.columns
    if columns.nlevels > y_true.columns.nlevels:  # as of medians below the names of the outputs
        columns = columns.droplevel(list(range(y_true.columns.nlevels, columns.nlevels)))
    own = list(columns)
    if len(wanted) == 1 or wanted == own or len(wanted) != len(own):
        return y_pred
    if set(wanted) != set(own):
        raise ValueError(
            f"{name} has the outputs {own!r}, but y_true has {wanted!r}. Give both the same names;"
            f" or pass {name}.to_numpy() if its columns are in the order of those of y_true."
        )
    return y_pred.iloc[:, [own.index(one) for one in wanted]]
