"""The quantiles of a back-test: what was predicted, and which pair an interval begins with."""

import numpy as np
import pandas as pd

from sklstm._checks._numbers import check_floats, check_not_infinite
from sklstm._checks._quantiles import check_quantiles, levels_of, named_levels, quantile_names


def named_quantiles(predictions, estimators, n_outputs):
    """Tell the medians of predicted quantiles, and name the quantiles.

    Parameters
    ----------
    predictions : list of ndarray of shape (n_rows, n_quantiles) or \
            (n_rows, n_outputs, n_quantiles)
        The quantiles of each fold.
    estimators : list of estimator
        Who predicted them.
    n_outputs : int
        Number of outputs.

    Returns
    -------
    medians : list of ndarray of shape (n_rows, n_outputs)
    quantiles : dict of str to ndarray of shape (n_all_rows, n_outputs)
        The quantiles of all folds, one fold after the other, by the name of their column.

    Raises
    ------
    ValueError
        If the estimators do not say which quantiles they predict, or predict different ones, or
        others than they say, or the median is not among them.
    """
    levels = levels_of(estimators[0])
    if 0.5 not in levels:
        raise ValueError(
            f"The estimator predicts the quantiles {levels}, but the scores of a back-test are"
            " those of the median: add 0.5 to its quantiles."
        )
    for fold, other in enumerate(map(levels_of, estimators)):
        if other != levels:
            raise ValueError(
                f"The estimator of fold {fold} predicts the quantiles {other}, that of fold 0"
                f" {levels}: expected the same in all folds."
            )
    name = f"predict_quantiles of {type(estimators[0]).__name__}"
    checked = [check_quantiles(one, levels, name, n_outputs=n_outputs) for one in predictions]
    medians = [one[:, :, levels.index(0.5)] for one in checked]
    by_level = np.moveaxis(np.concatenate(checked), 2, 0)
    return medians, dict(zip(quantile_names(levels), by_level, strict=True))


def interval_scores(lines, codes, labels, series, recorded):
    """Score the quantiles of groups of lines.

    Parameters
    ----------
    lines : DataFrame
        The predictions of a back-test.
    codes : ndarray of int of shape (n_rows, n_outputs)
        The number of the group of each line.
    labels : pandas.Index
        The label of each group.
    series : ndarray of int of shape (n_rows,)
        The series of each row.
    recorded : bool
        Whether the lines are those that the back-test recorded, in their order.

    Returns
    -------
    DataFrame
        A line for each group.

    Raises
    ------
    ValueError
        If there are no quantiles, or not those of the codes.
    """
    levels = named_levels(lines.columns)
    if not levels or not recorded:
        raise ValueError(
            "The result does not hold the quantiles that backtest recorded: use backtest(...,"
            " method='predict_quantiles'), and leave its predictions as they are."
        )
    # 1. The parts of each score, line by line.
    actual, quantiles = lines["actual"].to_numpy(), lines[list(levels)].to_numpy()
    level = np.array(list(levels.values()))
    lower, upper, missed = quantiles[:, 0], quantiles[:, -1], 1 - (level[-1] - level[0])
    outside = np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0)
    errors = actual[:, None] - quantiles
    parts = pd.DataFrame(
        {
            "interval_coverage": outside == 0,
            "winkler_score": upper - lower + 2 / missed * outside,
            "loss": 2 * np.maximum(level * errors, (level - 1) * errors).mean(axis=1),
            "size": np.abs(actual),
        }
    )[~np.isnan(actual)]

    # 2. As the metrics do: of each series, then of each output, then of all outputs.
    n_outputs = codes.shape[1]
    cell = (codes * n_outputs + np.arange(n_outputs)).ravel()[parts.index]
    of_series = parts.groupby([cell, series.repeat(n_outputs)[parts.index]])
    scores = of_series[["interval_coverage", "winkler_score"]].mean().groupby(level=0).mean()
    sums = parts[["loss", "size"]].groupby(cell).sum()
    scores["weighted_quantile_loss"] = sums["loss"] / sums["size"]
    scores = scores.groupby(scores.index // n_outputs).mean()
    return scores.reindex(range(len(labels))).set_axis(labels)


def pair_of(predictions, lines, outputs, coverage):
    """Return the two of several predicted quantiles that an interval begins with.

    Parameters
    ----------
    predictions : DataFrame or ndarray
        The quantiles, as in `conformal_interval`.
    lines : DataFrame
        The predictions of the back-test.
    outputs : list
        Its outputs, in the order of the columns.
    coverage : float
        The share of true values that the interval should contain.

    Returns
    -------
    ends : ndarray of shape (n_rows, n_outputs, 2)
        The lower and the upper quantile.
    names : list of str
        What these are called in the back-test.

    Raises
    ------
    ValueError
        If the back-test has no quantiles, or `predictions` holds no such quantiles.
    """
    # 1. Which quantiles there are.
    known = named_levels(lines.columns)
    if not known:
        raise ValueError(
            "method='quantile' needs the quantiles of the back-test, but result holds none: use"
            " backtest(..., method='predict_quantiles')."
        )
    values, names = check_floats(predictions, "predictions"), list(known)
    is_named = isinstance(predictions, pd.DataFrame)
    if is_named and not isinstance(predictions.columns, pd.RangeIndex):
        columns = predictions.columns
        names = list(columns.unique(columns.nlevels - 1))
        are_known = columns.is_unique and set(names) <= known.keys()
        names = sorted(names, key=lambda name: known.get(name, 0.0))
        named = pd.Index(names)
        if columns.nlevels > 1:
            named = pd.MultiIndex.from_product([outputs, names])
        places = columns.get_indexer(named) if are_known else np.array([-1])
        if len(places) != len(columns) or (places < 0).any():
            raise ValueError(
                f"predictions has the columns {list(columns)!r}, but the quantiles of the back-test"
                f" are called {list(known)!r}: name its columns so, below the names of the outputs"
                " if there are several, or pass an array as predict_quantiles returns it."
            )
        values = values[:, places]
        if columns.nlevels > 1:
            values = values.reshape(len(values), -1, len(names))
    elif values.shape[-1:] == (2,) and len(names) == 3:
        names = [names[0], names[-1]]

    # 2. The pair that misses half of what may be missed on each side, or else the outermost.
    levels = [known[name] for name in names]
    n_outputs = values.shape[1] if values.ndim == 3 else 1
    values = check_quantiles(values, levels, "predictions", n_outputs=n_outputs)
    check_not_infinite(values, None, "predictions")
    missed = [(1 - coverage) / 2, (1 + coverage) / 2]
    distance = np.abs(np.subtract.outer(missed, levels))
    pair = distance.argmin(axis=1) if distance.min(axis=1).max() < 1e-9 else np.array([0, -1])
    low, high = np.array(levels)[pair]
    if not low < 0.5 < high:
        raise ValueError(
            f"predictions holds the quantiles {tuple(levels)}: expected one below 0.5 and one above"
            " it, for the ends of the interval."
        )
    return values[:, :, pair], [names[place] for place in pair]
