"""A picture of predictions and observed values."""

from collections.abc import Hashable

import numpy as np
import pandas as pd

from sklstm._checks._arguments import brief, check_kind, listed, naming
from sklstm._checks._horizon import step_of
from sklstm._checks._numbers import check_floats
from sklstm._checks._tables import check_in_step, check_target, index_of
from sklstm._past._order import is_panel, label_at
from sklstm.displays._axes import (
    COLOURS,
    LABELS,
    add_legend,
    axes_of,
    broken,
    check_line,
    finish,
    label_grid,
    on_one_axis,
    places_of,
)
from sklstm.displays._choose_series import choose_series, rows_of, title_of
from sklstm.evaluation._backtest_result import outputs_of
from sklstm.forecasting._forecast import forecast


class ForecastDisplay:
    """Observed values, predictions, and the intervals around them.

    `from_estimator`, `from_predictions` and `from_backtest` make a display and draw it. In a table
    of many series, each series has axes of its own, and all share the time axis.

    Parameters
    ----------
    y_pred : Series or ndarray of shape (n_rows,)
        Predictions. An array is drawn at the last observed rows.
    y_true : Series or ndarray of shape (n_observed,), default=None
        Observed values; NaN leaves a gap in the line.
    interval : DataFrame or ndarray of shape (n_rows, 2), default=None
        Lower and upper ends, drawn as a band.
    folds : array-like of shape (n_rows,), default=None
        The fold of each prediction. Each fold has a line of its own, and every other fold is
        shaded.
    baselines : DataFrame of shape (n_rows, n_baselines), default=None
        Other predictions to compare with.
    steps : int or array-like of int, default=None
        How many steps ahead the predictions are. The legend says it.
    series : label or sequence of labels, default=None
        Of many series, the one(s) to draw, at most 48. A series that several levels of the index
        name together is a tuple. By default, the first 12; the title says of how many.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes that were drawn on last; of many series, those of the first one.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_drawn_series,)
        The axes of each series.
    figure_ : matplotlib.figure.Figure
        Their figure.
    lines_ : list of matplotlib.lines.Line2D
        The lines, series by series: observed values, then for each fold the baselines and the
        predictions.
    band_ : matplotlib.collections.PolyCollection or None
        The interval; with several folds or series, that of the last one.

    See Also
    --------
    TrainingHistoryDisplay : A picture of the losses of a training.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklstm import ForecastDisplay, series_to_supervised
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> display = ForecastDisplay.from_estimator(Ridge().fit(X, y), X, 12, y=y)
    >>> [line.get_label() for line in display.lines_]
    ['Observed', 'Predicted, 1 to 12 steps ahead']

    Of many series, two:

    >>> from sklstm.datasets import load_us_unemployment
    >>> X, y = series_to_supervised(load_us_unemployment())
    >>> n_rows = 14 * 12  # a year of 14 series
    >>> y_pred = Ridge().fit(X[:-n_rows], y[:-n_rows]).predict(X[-n_rows:])
    >>> display = ForecastDisplay.from_predictions(
    ...     y, y_pred, series=["Agriculture", "Construction"]
    ... )
    >>> [ax.get_title() for ax in display.axes_]
    ['Agriculture', 'Construction']
    """

    def __init__(
        self,
        y_pred,
        y_true=None,
        *,
        interval=None,
        folds=None,
        baselines=None,
        steps=None,
        series=None,
    ):
        self.y_pred = y_pred
        self.y_true = y_true
        self.interval = interval
        self.folds = folds
        self.baselines = baselines
        self.steps = steps
        self.series = series

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        steps,
        *,
        y=None,
        future_inputs=None,
        y_lag=None,
        recompute=None,
        interval=None,
        series=None,
        ax=None,
    ):
        """Forecast with an estimator and draw it after the observed values.

        Parameters
        ----------
        estimator : estimator
            Fitted.
        X : DataFrame or ndarray of shape (n_rows, n_features)
            The rows so far.
        steps : int
            Steps to forecast.
        y : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs), default=None
            The target observed at the rows of `X`. Of several columns, the first is drawn.
        future_inputs : DataFrame or ndarray of shape (n_new_rows, n_future_inputs), default=None
            Passed to :func:`forecast`.
        y_lag : str, int or sequence of these, default=None
            Passed to :func:`forecast`.
        recompute : callable, default=None
            Passed to :func:`forecast`.
        interval : callable, default=None
            A function that takes the forecast and returns its interval, for instance
            ``lambda ahead: conformal_interval(result, ahead)``.
        series : label or sequence of labels, default=None
            Of many series, the one(s) to draw; by default, the first 12.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw one series on; by default those of a new figure.

        Returns
        -------
        ForecastDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If nothing can be forecast, there are several targets, a series is not there, or the
            interval has a wrong shape.
        TypeError
            If an argument has a wrong type.
        """
        if interval is not None and not callable(interval):
            raise TypeError(f"interval={brief(interval)} is not valid: expected a function.")
        ahead = forecast(
            estimator, X, steps, y=y, future_inputs=future_inputs, y_lag=y_lag, recompute=recompute
        )
        if ahead.ndim > 1:
            raise ValueError(
                f"{type(estimator).__name__} forecasts {ahead.shape[1]} targets, but one display"
                " shows one. Draw each with ForecastDisplay.from_predictions, on axes of its own."
            )
        band = None if interval is None else interval(ahead)
        seen = None
        if y is not None:
            seen = pd.Series(check_target(y, X)[:, 0], index_of(y), name=getattr(y, "name", None))
        if not isinstance(ahead, pd.Series):
            first = 0 if seen is None else len(seen)
            ahead = pd.Series(ahead, index=pd.RangeIndex(first, first + steps))
        return cls(ahead, seen, interval=band, steps=[1, steps], series=series).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        *,
        interval=None,
        folds=None,
        baselines=None,
        steps=None,
        series=None,
        ax=None,
    ):
        """Draw predictions that were made before.

        Parameters
        ----------
        y_true : Series or ndarray of shape (n_observed,) or None
            Observed values; their dates need not be those of the predictions.
        y_pred : Series or ndarray of shape (n_rows,)
            Predictions. An array is drawn at the last observed rows.
        interval : DataFrame or ndarray of shape (n_rows, 2), default=None
            Lower and upper ends.
        folds : array-like of shape (n_rows,), default=None
            The fold of each prediction.
        baselines : DataFrame of shape (n_rows, n_baselines), default=None
            Other predictions to compare with.
        steps : int or array-like of int, default=None
            How many steps ahead the predictions are. The legend says it.
        series : label or sequence of labels, default=None
            Of many series, the one(s) to draw; by default, the first 12.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw one series on; by default those of a new figure.

        Returns
        -------
        ForecastDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If an array has more than one axis or no values, lengths or labels differ, or a series
            is not there.
        TypeError
            If an argument has a wrong type.
        """
        parts = {"interval": interval, "folds": folds, "baselines": baselines, "steps": steps}
        return cls(y_pred, y_true, series=series, **parts).plot(ax)

    @classmethod
    def from_backtest(
        cls, result, *, baselines=(), output=None, interval=None, series=None, ax=None
    ):
        """Draw the out-of-fold predictions of a back-test.

        Parameters
        ----------
        result : BacktestResult
            What :func:`backtest` returned.
        baselines : sequence of str, default=()
            The baselines to draw, too.
        output : str or int, default=None
            The output to draw, if there are several; by default the first.
        interval : DataFrame or ndarray of shape (n_rows, 2), default=None
            Lower and upper ends, one row for each prediction that is drawn.
        series : label or sequence of labels, default=None
            Of many series, the one(s) to draw; by default, the first 12.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw one series on; by default those of a new figure.

        Returns
        -------
        ForecastDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the back-test has no such output, baseline or series, or the interval has a wrong
            shape.
        TypeError
            If `result` is not a back-test.
        """
        check_kind(result, "result", "skill", "what backtest returned")
        lines = result.predictions
        outputs = outputs_of(result)
        output = outputs[0] if output is None else output
        if not isinstance(output, Hashable) or output not in outputs:
            raise ValueError(f"output={brief(output)} is none of the back-test: {outputs!r}.")
        if "output" in lines:
            lines = lines[lines["output"] == output]
        baselines = listed(baselines, "baselines")
        known = list(result.skill.columns)
        if not all(name in known for name in baselines):
            raise ValueError(f"baselines={baselines!r} are not all of the back-test: {known!r}.")
        seen = lines["actual"][~lines.index.duplicated()]
        seen = seen.sort_index(level=0, sort_remaining=False, kind="stable")
        seen = seen.rename(result.target if output is None else output)
        compared = lines[baselines] if baselines else None
        parts = {"interval": interval, "folds": lines["fold"], "baselines": compared}
        parts["steps"] = lines["step"]
        return cls(lines["prediction"], seen, series=series, **parts).plot(ax)

    def plot(self, ax=None):
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw one series on; by default those of a new figure.

        Returns
        -------
        ForecastDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `ax` or a part of the display has a wrong type.
        ValueError
            If a part does not hold numbers, a fold is NaN, lengths or labels differ, the rows of
            many series are out of order, or a series is not there, or too many are.
        """
        # 1. Validate.
        y_true = None if self.y_true is None else _line_of(self.y_true, "y_true")
        y_pred = _line_of(self.y_pred, "y_pred")
        is_array = not isinstance(self.y_pred, pd.Series)
        if is_array and y_true is not None and len(y_true) >= len(y_pred):
            y_pred.index = y_true.index[-len(y_pred) :]
        _check_output(self.interval, self.y_pred, self.y_true)
        interval = _table_of(self.interval, "interval", y_pred.index, ["lower", "upper"])
        if self.baselines is not None:
            check_kind(self.baselines, "baselines", "columns", "a DataFrame")
        names = getattr(self.baselines, "columns", None)
        baselines = _table_of(self.baselines, "baselines", y_pred.index, names)
        with naming("folds", self.folds):
            folds = np.zeros(len(y_pred)) if self.folds is None else np.asarray(self.folds)
            if folds.shape != y_pred.shape or pd.isna(folds).any():
                raise ValueError(f"expected one fold for each of the {len(y_pred)} predictions.")
        with naming("steps", self.steps):
            ahead = np.ravel([] if self.steps is None else self.steps)
            if len(ahead) and (ahead.dtype.kind not in "iu" or ahead.min() < 1):
                raise ValueError("expected integers >= 1.")
        for name in ("interval", "baselines", "folds"):
            check_in_step(getattr(self, name), y_pred, name=name, rows_name="y_pred")

        # 2. Choose the series, and make their axes.
        drawn, n_series = choose_series(self.series, y_pred, y_true, folds)
        if ax is not None and len(drawn) > 1:
            raise ValueError(
                f"ax is one axes, but y_pred holds {n_series} series, which are drawn on axes of"
                " their own. Choose one with series, or leave ax out."
            )
        self.axes_ = axes_of(ax, len(drawn))
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.lines_, self.band_ = [], None

        # 3. Draw them.
        self._labels = LABELS | {"prediction": LABELS["prediction"] + _said(ahead)}
        tables = [table for table in (y_true, y_pred) if table is not None]
        for table, index in zip(tables, on_one_axis([one.index for one in tables]), strict=True):
            table.index = index
        for ax, (label, rows, seen) in zip(self.axes_, drawn, strict=True):
            self._draw_series(
                ax,
                rows_of(y_true, seen, y_true),
                rows_of(y_pred, rows, y_pred),
                rows_of(interval, rows, y_pred),
                rows_of(baselines, rows, y_pred),
                folds[rows],
            )
            if label is not None and not ax.get_title():
                ax.set_title(title_of(label))

        # 4. Name the vertical axis, and say what is left out.
        names = [str(name) for name in _names_of(y_true, y_pred)]
        if len(drawn) > 1:
            label_grid(self.figure_, self.axes_, names[0] if names else "")
            if self.series is None and len(drawn) < n_series:
                self.figure_.suptitle(f"{len(drawn)} of {n_series} series")
        else:
            if names and not ax.get_ylabel():
                ax.set_ylabel(names[0])
            add_legend(ax)
        return self

    def _draw_series(self, ax, y_true, y_pred, interval, baselines, folds):
        """Draw one series."""
        # 1. Draw the observed values.
        if y_true is not None and len(y_true):
            self._draw_line(ax, y_true, "actual", "", linewidth=1.2)

        # 2. Draw baselines, predictions and interval, fold by fold.
        places = places_of(y_pred.index)
        for number, fold in enumerate(dict.fromkeys(folds)):
            rows = folds == fold
            # matplotlib leaves labels that begin with "_" out of the legend: one entry is enough.
            hidden = "_" if number else ""
            if self.folds is not None and number % 2 == 0:
                first, last = places[rows][[0, -1]]
                ax.axvspan(first, last, color="0.94", linewidth=0, zorder=0)
            if baselines is not None:
                for name, values in baselines[rows].items():
                    self._draw_line(ax, values, name, hidden, linewidth=1.0, linestyle="--")
            self._draw_line(ax, y_pred[rows], "prediction", hidden, linewidth=1.6)
            if y_true is not None:
                _join(ax, y_true, y_pred[rows])
            if interval is not None:
                edges, lower = broken(interval["lower"][rows])
                upper = broken(interval["upper"][rows])[1]
                style = {"color": COLOURS["prediction"], "alpha": 0.18, "linewidth": 0}
                label = f"{hidden}Interval"
                self.band_ = ax.fill_between(edges, lower, upper, label=label, **style)
        finish(ax, y_pred.index)

    def _draw_line(self, ax, values, name, hidden, **style):
        label = hidden + self._labels.get(name, str(name).capitalize())
        self.lines_ += ax.plot(*broken(values), label=label, color=COLOURS.get(name), **style)


def _join(ax, y_true, y_pred):
    """Draw from the last observed value to a forecast that begins one step after it."""
    seen = y_true.dropna()
    if not len(seen) or places_of(seen.index)[-1] >= places_of(y_pred.index)[0]:
        return
    places, values = broken(pd.concat([seen, y_pred]))
    first = np.flatnonzero(places == places_of(y_pred.index)[0])[-1]
    # Where steps are missing between the two, a NaN stands before the forecast: nothing is drawn.
    step = slice(first - 1, first + 1)
    ax.plot(places[step], values[step], color=COLOURS["prediction"], linewidth=1.6)


def _said(steps):
    """Return how many steps ahead predictions are, as the end of a label."""
    if not len(steps):
        return ""
    first, last = min(steps), max(steps)
    span = str(last) if first == last else f"{first} to {last}"
    return f", {span} step{'s' if last > 1 else ''} ahead"


def _line_of(values, name):
    """Return values of one target as a Series of floats without missing labels."""
    floats = check_line(values, name)
    if not isinstance(values, pd.Series):
        return pd.Series(floats)
    if not is_panel(values.index) and values.index.hasnans:
        place = int(np.argmax(values.index.isna()))
        raise ValueError(f"{name} has the label {label_at(values.index, place)!r} in row {place}.")
    return pd.Series(floats, values.index, name=values.name)


def _check_output(interval, y_pred, y_true):
    """Refuse the interval of an output that is called otherwise than what is drawn."""
    if not isinstance(interval, pd.DataFrame) or interval.columns.nlevels == 1:
        return
    outputs = list(dict.fromkeys(name[0] for name in interval.columns))
    drawn = _names_of(y_true, y_pred)
    # Below the name of a target of several steps, `step_of` finds that of the series.
    if drawn and len(outputs) == 1 and not {outputs[0], step_of(outputs[0])[0]} & set(drawn):
        raise ValueError(
            f"interval is that of the output {outputs[0]!r}, but {drawn[0]!r} is drawn. Choose its"
            f" columns: interval[[{drawn[0]!r}]]."
        )


def _names_of(*tables):
    """List what the drawn values are called."""
    names = [getattr(values, "name", None) for values in tables]
    return [name for name in names if name not in (None, "actual", "prediction")]


def _table_of(values, name, index, columns):
    """Return values that stand beside the predictions as a DataFrame with their labels."""
    if values is None:
        return None
    floats, expected = check_floats(values, name), (len(index), len(columns))
    if floats.shape != expected:
        raise ValueError(
            f"{name} has shape {floats.shape}, but expected {expected}: a row for each prediction."
        )
    return pd.DataFrame(floats, index, columns)
