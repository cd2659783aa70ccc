"""Intervals around predictions, from the errors of a back-test."""

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

from sklstm._checks._arguments import check_choice, check_flag, check_kind
from sklstm._checks._numbers import check_floats, check_not_infinite
from sklstm._checks._tables import check_target, index_names, index_of
from sklstm._past._layout import Layout
from sklstm._past._order import check_sorted, is_panel
from sklstm._past._series_names import check_levels_in_order
from sklstm.evaluation._backtest_result import outputs_of
from sklstm.evaluation._intervals._columns import columns_of_targets, outputs_in_order
from sklstm.evaluation._intervals._margins import PredictedRows, margins_of
from sklstm.evaluation._intervals._quantiles import pair_of
from sklstm.evaluation._rows import Rows
from sklstm.evaluation._scales import scales_of_series
from sklstm.forecasting._forecast import FORECAST_STEPS

_EXPECTED_SHAPE = (
    "expected (n_rows,) or (n_rows, n_outputs), with at least one row. Quantiles are for"
    " method='quantile'."
)


def conformal_interval(
    result,
    predictions,
    coverage=0.9,
    *,
    method="absolute",
    symmetric=True,
    scale="identity",
    pool="series",
    y_train=None,
):
    """Put an interval around each prediction, from the errors of a back-test.

    This is split-conformal prediction: it assumes no distribution. If later errors are like those
    of the back-test, an interval contains the true value with a probability of at least `coverage`.
    It works for the predictions of any estimator.

    With ``method="quantile"``, the ends that a model has learnt are moved instead: conformalised
    quantile regression [2]_. Learnt quantiles are often too close together, but they tell where
    values vary more. Both ends are moved outwards by the least that would have put a share
    `coverage` of the back-test's values inside; inwards, if they were too far apart.

    Parameters
    ----------
    result : BacktestResult
        What :func:`backtest` returned. It must have predicted in the same way: for a
        :func:`forecast` of many steps, use a back-test with ``feed_back=True``, or one of a target
        with a horizon. A labelled forecast under errors of one step is refused; an array does not
        tell that it is a forecast.
    predictions : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The predictions. If the back-test looked several steps ahead, row i of one axis lies
        ``i + 1`` steps ahead, counted in each series, so pass a forecast as a whole, oldest row
        first. If it had several outputs, the columns of two axes are these outputs: by their names,
        in any order, or without names in that of the back-test. Of many series, the index names
        them as in the back-test.

        With ``method="quantile"``, quantiles of shape (n_rows, n_quantiles) or (n_rows, n_outputs,
        n_quantiles) as `predict_quantiles` returns them, or what ``forecast(...,
        method="predict_quantiles")`` returned. If columns of a DataFrame have names, these are
        those of the back-test (``quantile_0.05``). If the back-test has only one quantile on each
        side of the median, the two do.
    coverage : float, default=0.9
        The share of true values that the intervals should contain, between 0 and 1.
    method : {"absolute", "quantile"}, default="absolute"
        What the interval is put around. ``"absolute"`` takes the predictions, and the absolute
        errors of the back-test. ``"quantile"`` takes two predicted quantiles, and how far outside
        of them the values of a back-test with ``method="predict_quantiles"`` lay. The two are those
        whose levels miss ``(1 - coverage) / 2`` on each side, if both are there, or else the
        outermost.
    symmetric : bool, default=True
        True moves both ends by the same amount. False lets each end miss half of the share ``1 -
        coverage``: better for skewed errors, but it needs twice as many errors.
    scale : {"identity", "log"}, default="identity"
        ``"log"`` takes errors as ratios: for values that are all positive and whose errors grow
        with them, as those of a model of the logarithm. Ends are then positive, too.
    pool : {"series", "all", "scaled"}, default="series"
        Whose errors give the interval of a series. ``"series"`` takes its own errors. ``"all"``
        takes those of all series: for series of the same size. ``"scaled"`` divides the errors of
        each series by its scale in the training rows of the fold, takes those of all series, and
        multiplies by the scale of the predicted series in `y_train`. The scale is that of
        :func:`~sklstm.metrics.mean_absolute_scaled_error`. The last two also work for series that
        the back-test did not have, and for short ones.
    y_train : Series, DataFrame or ndarray of shape (n_train,) or (n_train, n_outputs), \
            default=None
        The known values before the predictions, labelled in the same way; for ``pool="scaled"``
        only. Names of columns tell the targets of the back-test.

    Returns
    -------
    DataFrame of shape (n_rows, 2) or ndarray of shape (n_rows, 2) or (n_rows, n_outputs, 2)
        The ends, ``"lower"`` and ``"upper"``; an array for an array. For a DataFrame with several
        outputs, columns come in pairs: ``(output, "lower")`` and ``(output, "upper")``. Learnt ends
        that would cross when they are moved inwards meet half-way.

    Raises
    ------
    ValueError
        If `coverage`, `method`, `scale` or `pool` is out of range, the back-test has too few errors
        of a series or none at all, the predictions have other outputs or quantiles than the
        back-test, reach further ahead or are a part of a forecast, rows that are steps are out of
        order, quantiles fall, values are not positive with ``scale="log"``, or a series has no
        scale.
    TypeError
        If `result` is not a back-test, `coverage` not a number, `symmetric` not a bool or
        `predictions` not a table of numbers.

    Warns
    -----
    UndefinedScoreWarning
        If ``pool="scaled"`` leaves errors out, because their series has too few or only equal
        training rows.

    See Also
    --------
    backtest : Measures the errors.
    LSTMRegressor.predict_quantiles : Intervals that a network learns.

    Notes
    -----
    A 90 % interval needs 9 errors per number of steps ahead (19 with ``symmetric=False``). A number
    of steps with fewer errors also uses the errors of the nearest numbers of steps. Of many series,
    each one needs as many, unless they are pooled.

    Pooled intervals contain a share of `coverage` of the values of all series together; a single
    series may have more or less.

    References
    ----------
    .. [1] J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani, L. Wasserman, "Distribution-Free
       Predictive Inference for Regression", Journal of the American Statistical Association 113
       (523), 2018.
    .. [2] Y. Romano, E. Patterson, E. J. Candès, "Conformalized Quantile Regression", Advances in
       Neural Information Processing Systems 32, 2019.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklstm import backtest, conformal_interval, series_to_supervised
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> result = backtest(Ridge(), X[:-12], y[:-12], cv=5)
    >>> predictions = Ridge().fit(X[:-12], y[:-12]).predict(X[-12:])
    >>> interval = conformal_interval(result, predictions, coverage=0.9)
    >>> interval.shape
    (12, 2)
    >>> lower, upper = interval.T
    >>> int(((lower <= y[-12:]) & (y[-12:] <= upper)).sum())  # of 12 values
    11

    A network learns quantiles of twelve months at once. They contain less than half of the values
    of a back-test, and are moved until they contain nine out of ten:

    >>> from sklearn.model_selection import TimeSeriesSplit
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import (
    ...     LagWindower,
    ...     LSTMRegressor,
    ...     WindowScaledRegressor,
    ...     forecast,
    ... )
    >>> known, new = load_milk()[:-12], load_milk()[-12:]
    >>> rows, target = series_to_supervised(known, horizon=12, keep_last=True)
    >>> lstm = LSTMRegressor(units=8, epochs=20, loss="quantile", random_state=0)
    >>> model = make_pipeline(
    ...     LagWindower(12), WindowScaledRegressor(lstm, season=12)
    ... )
    >>> cv = TimeSeriesSplit(4, test_size=12)
    >>> result = backtest(model, rows, target, cv, method="predict_quantiles")
    >>> bool(result.interval_scores_by("step")["interval_coverage"].mean() < 0.5)
    True
    >>> quantiles = forecast(
    ...     model.fit(rows, target), rows, 12, y=target, method="predict_quantiles"
    ... )
    >>> interval = conformal_interval(
    ...     result, quantiles, coverage=0.9, method="quantile"
    ... )
    >>> lower, upper = quantiles["quantile_0.05"], quantiles["quantile_0.95"]
    >>> int(((lower <= new) & (new <= upper)).sum())
    9
    >>> int(((interval["lower"] <= new) & (new <= interval["upper"])).sum())
    12
    """
    # 1. Validate.
    check_kind(result, "result", "skill", "what backtest returned")
    check_scalar(coverage, "coverage", Real)
    if not 0 < coverage < 1:
        raise ValueError(f"coverage={coverage!r} is not valid: expected a share between 0 and 1.")
    check_flag(symmetric, "symmetric")
    check_choice(method, "method", ["absolute", "quantile"])
    check_choice(scale, "scale", ["identity", "log"])
    check_choice(pool, "pool", ["series", "all", "scaled"])
    lines, outputs = result.predictions, outputs_of(result)
    if method == "quantile":
        given = outputs_in_order(predictions, outputs, has_quantiles=True)
        ends, names = pair_of(predictions, lines, given, float(coverage))
    else:
        ends, names = _points(predictions), ["prediction"] * 2
        given = outputs_in_order(predictions, outputs)

    # 2. How far the values of the back-test lay below the lower end, and above the upper one.
    n_steps = getattr(predictions, "attrs", {}).get(FORECAST_STEPS, 1)
    if n_steps > 1 and lines["step"].nunique() < 2:
        raise ValueError(
            f"predictions is a forecast of {n_steps} steps, but the back-test predicted each row"
            f" {lines['step'].iloc[0]} step(s) ahead, so its errors are not those of a forecast."
            f" Back-test with feed_back=True and test folds of {n_steps} rows, or with a y of that"
            " horizon."
        )
    actual, lower, upper = (lines[name] for name in ("actual", *names))
    if scale == "log":
        if (lines[["actual", *names]] <= 0).any(axis=None) or (ends <= 0).any():
            raise ValueError(
                "scale='log' needs positive values, but the back-test or predictions holds zeros or"
                " negative ones. Leave scale='identity', or add a constant to the series."
            )
        actual, lower, upper, ends = (np.log(one) for one in (actual, lower, upper, ends))
    lines = lines.assign(below=lower - actual, above=actual - upper)

    # 3. Which errors belong to which series, and the scale of each prediction.
    n_outputs = ends.shape[1]
    layout = _layout(predictions, len(ends), lines)
    n_rows = layout.lengths
    if layout.names is None:
        _check_steps_in_order(index_of(predictions), lines, n_outputs)
    if n_steps > 1 and (n_rows != n_steps).any():
        raise ValueError(
            f"predictions has {n_rows[n_rows != n_steps][0]} rows of a forecast of {n_steps} steps,"
            " so how many steps ahead they lie is not known. Pass the whole forecast, and choose"
            " rows of the interval."
        )
    sizes = np.ones((len(ends), 1))
    if pool == "scaled":
        if scale == "log":
            raise ValueError(
                "pool='scaled' divides errors by the size of a series, but those of scale='log' are"
                " ratios already: set pool='all'."
            )
        scales = _scales(result)
        lines[["below", "above"]] /= scales.of_tests(1).reshape(-1, 1)
        targets = columns_of_targets(y_train, result, outputs, scales.values.shape[1])
        check_levels_in_order(
            index_names(predictions), index_names(y_train), "y_train", "predictions"
        )
        sizes = _sizes(y_train, layout, scales, targets)
    elif y_train is not None:
        raise ValueError(f"y_train is for pool='scaled' only, but pool={pool!r}.")
    lines["group"] = _groups(lines.index, layout) if pool == "series" else 0
    lines = lines[lines[["below", "above"]].notna().all(axis=1) & (lines["group"] >= 0)]
    series = layout.by_row(layout.ordinals)
    rows = PredictedRows(
        within=layout.by_row(layout.within()),
        group=series if pool == "series" else np.zeros_like(series),
        names=layout.labels() if pool == "series" else None,
    )

    # 4. How far to move the ends: by the output of a value, or by its row where rows are steps.
    level = (float(coverage), symmetric)
    if n_outputs > 1:
        if len(outputs) != n_outputs:
            raise ValueError(
                f"predictions has {n_outputs} columns, but the back-test has {len(outputs)}"
                " output(s): pass one column for each. Quantiles are for method='quantile'."
            )
        parts = [margins_of(lines[lines["output"] == name], rows, *level) for name in given]
        margins = np.stack(parts, axis=1)
        # Outputs are the targets one step ahead, then those two steps ahead, and so on.
        sizes = sizes[:, [outputs.index(name) % sizes.shape[1] for name in given]]
    else:
        # Several outputs that each look another number of steps ahead are the steps of one target.
        kinds = lines.filter(["output", "step"]).drop_duplicates()
        if len(outputs) > 1 and not (kinds["output"].is_unique and kinds["step"].is_unique):
            raise ValueError(
                f"predictions has shape {np.shape(predictions)}, but the back-test has the outputs"
                f" {outputs!r}: pass one column for each of them."
            )
        margins, sizes = margins_of(lines, rows, *level)[:, None], sizes[:, :1]
    ends = ends + margins * sizes[:, :, None] * [-1, 1]

    # 5. An interval that is narrowed to less than nothing is its middle.
    crossed = ~(ends[:, :, 0] <= ends[:, :, 1])  # or an end is NaN, and then both are
    ends[crossed] = ends[crossed].mean(axis=1, keepdims=True)
    return _like(ends, predictions, scale)


def _points(predictions):
    """Return predictions as intervals without width, of shape (n_rows, n_outputs, 2)."""
    values = check_floats(predictions, "predictions")
    if values.ndim not in (1, 2) or not values.size:
        raise ValueError(f"predictions has shape {values.shape}: {_EXPECTED_SHAPE}")
    check_not_infinite(values, predictions, "predictions")
    return np.repeat(values.reshape(len(values), -1, 1), 2, axis=2)


def _layout(predictions, n_rows, lines):
    """Return which series each prediction belongs to, as the back-test names series."""
    index = index_of(predictions)
    if is_panel(index) != is_panel(lines.index):
        one, other = "predictions", "the back-test"
        one, other = (one, other) if is_panel(index) else (other, one)
        raise ValueError(
            f"{one} names many series in its index, but {other} does not: give both an index whose"
            " first level is the time, and whose other levels name the series. To label an array:"
            " pandas.DataFrame(predictions, X.index)."
        )
    if is_panel(index) and index.nlevels != lines.index.nlevels:
        raise ValueError(
            f"The index of predictions has {index.nlevels} levels, but that of the back-test has"
            f" {lines.index.nlevels}: name the series by the same levels, {lines.index.names!r}."
        )
    between = "predictions", "the back-test"
    check_levels_in_order(index_names(lines), index_names(predictions), *between)
    return Layout(index if is_panel(index) else None, n_rows, "predictions")


def _check_steps_in_order(index, lines, n_outputs):
    """Refuse labels of one series out of order where row i counts as i + 1 steps ahead."""
    steps = (
        lines.groupby("output")["step"] if n_outputs > 1 and "output" in lines else lines["step"]
    )
    if np.max(steps.nunique()) > 1:
        check_sorted(index, "predictions")


def _groups(index, layout):
    """Return the number of the predicted series of each label; -1 for other series."""
    if layout.names is None:
        return np.zeros(len(index), dtype=np.intp)
    codes, names = pd.factorize(index.droplevel(0))
    wanted = layout.labels()
    unseen = wanted[~wanted.isin(names)]
    if len(unseen):
        raise ValueError(
            f"predictions has series {unseen.tolist()[0]!r}, of which the back-test has no errors."
            " Set pool='scaled' to take those of all series, in proportion to their size."
        )
    return wanted.get_indexer(names)[codes]


def _scales(result):
    """Return the scales of a back-test."""
    if result._scoring is None or not result._scoring.recorded(result.predictions):
        raise ValueError(
            "result does not hold the predictions that backtest returned, so the scale of each is"
            " not known: pool='scaled' needs them as they were."
        )
    return result._scoring.scales


def _sizes(y_train, layout, scales, targets):
    """Return the scale of each prediction, for each target; `targets` are columns of `y_train`."""
    if y_train is None:
        raise ValueError(
            "pool='scaled' needs y_train, the known values before the predictions: the scale of"
            " each series is taken from them."
        )
    values = check_target(y_train, y_train, name="y_train", rows_name="y_train")
    index, n_targets = index_of(y_train), scales.values.shape[1]
    if is_panel(index) != (layout.names is not None) or values.shape[1] % n_targets:
        raise ValueError(
            f"y_train has shape {np.shape(y_train)} and {'many' if is_panel(index) else 'one'}"
            " series, which does not fit the back-test: pass the y of all known rows."
        )
    train = Layout(index, len(values), "y_train")
    found = np.concatenate(
        [
            scales_of_series(Rows(train), values[:, targets], scales.season),
            [[np.nan] * n_targets],
        ]
    )
    places = np.zeros(1, dtype=np.intp)
    if layout.names is not None:
        places = train.labels().get_indexer(layout.labels())
    sizes = found[places]
    lacking = np.flatnonzero(np.isnan(sizes).any(axis=1))
    if len(lacking):
        name = (
            "" if layout.names is None else f" of series {layout.labels().tolist()[lacking[0]]!r}"
        )
        raise ValueError(
            f"y_train has no two values{name} that are season={scales.season} steps apart and"
            " differ, so its scale is not known. Pass more rows, back-test with a shorter season,"
            " or set pool='all'."
        )
    return layout.by_row(np.repeat(sizes, layout.lengths, axis=0))


def _like(ends, predictions, scale):
    """Give intervals the scale and the labels of the predictions."""
    ends = np.exp(ends) if scale == "log" else ends
    index = index_of(predictions)
    n_outputs, bounds = ends.shape[1], ["lower", "upper"]
    if index is None:
        return ends[:, 0] if n_outputs == 1 else ends
    if n_outputs == 1:
        return pd.DataFrame(ends[:, 0], index, bounds)
    names = predictions.columns
    if len(names) > n_outputs:  # the quantiles of each output
        names = names.droplevel(-1).unique()
    columns = pd.MultiIndex.from_product([names, bounds])
    return pd.DataFrame(ends.reshape(len(ends), -1), index, columns)
