"""A picture of predictions beside what was observed."""

from collections.abc import Hashable

import numpy as np
import pandas as pd

from sklstm._checks._arguments import brief, listed, naming
from sklstm._checks._numbers import check_floats
from sklstm.displays._axes import COLOURS, LABELS, axes_of, broken, finish, places_of
from sklstm.evaluation._backtest_result import check_backtest
from sklstm.forecasting._forecast import forecast

#: What a display is made of.
_KINDS = {
    "y_pred": pd.Series,
    "y_true": pd.Series,
    "interval": pd.DataFrame,
    "baselines": pd.DataFrame,
}


class ForecastDisplay:
    """Observed values, predictions, and the intervals around them.

    Make one with `from_estimator`, `from_predictions` or `from_backtest`; all of them draw it.

    Parameters
    ----------
    y_pred : Series of shape (n_rows,)
        Predictions.
    y_true : Series of shape (n_observed,), default=None
        Observed values; NaN leaves a gap in the line.
    interval : DataFrame of shape (n_rows, 2), default=None
        Columns ``"lower"`` and ``"upper"``, drawn as a band.
    folds : ndarray of shape (n_rows,), default=None
        The fold of each prediction: every other one is shaded, and lines do not run across.
    baselines : DataFrame of shape (n_rows, n_baselines), default=None
        Other predictions to compare with.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes that were drawn on last.
    figure_ : matplotlib.figure.Figure
        Their figure.
    lines_ : list of matplotlib.lines.Line2D
        The lines: observed values, predictions (one line for each fold), baselines.
    band_ : matplotlib.collections.PolyCollection or None
        The interval.

    See Also
    --------
    TrainingHistoryDisplay : A picture of how a network learnt.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklstm import ForecastDisplay, series_to_supervised
    >>> from sklstm.datasets import load_milk
    >>> X, y = series_to_supervised(load_milk())
    >>> display = ForecastDisplay.from_estimator(Ridge().fit(X, y), X, 12, y=y)
    >>> [line.get_label() for line in display.lines_]
    ['Observed', 'Predicted']
    """

    def __init__(self, y_pred, y_true=None, *, interval=None, folds=None, baselines=None):
        self.y_pred = y_pred
        self.y_true = y_true
        self.interval = interval
        self.folds = folds
        self.baselines = baselines

    @classmethod
    def from_estimator(
        cls, estimator, X, steps, *, y=None, exog=None, y_lag=None, interval=None, ax=None
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
            The target observed at the rows of `X`; drawn as far as it has one column.
        exog : DataFrame or ndarray of shape (n_new_rows, n_exog), default=None
            Passed to :func:`forecast`.
        y_lag : str, int or sequence of these, default=None
            Passed to :func:`forecast`.
        interval : callable, default=None
            Given the forecast, returns its interval, for instance
            ``lambda ahead: conformal_interval(result, ahead)``.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default those of a new figure.

        Returns
        -------
        ForecastDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If nothing can be forecast, there are several targets, or the interval has another
            shape.
        TypeError
            If an argument is of another type than it should.
        """
        if interval is not None and not callable(interval):
            raise TypeError(f"interval={brief(interval)} is not valid: expected a function.")
        ahead = forecast(estimator, X, steps, y=y, exog=exog, y_lag=y_lag)
        if ahead.ndim > 1:
            raise ValueError(
                f"{type(estimator).__name__} forecasts {ahead.shape[1]} targets, but one display"
                " shows one. Draw each with ForecastDisplay.from_predictions, on axes of its own."
            )
        band = None if interval is None else interval(ahead)
        seen = None
        if y is not None:
            seen = y if np.ndim(y) == 1 else (y.iloc[:, 0] if hasattr(y, "iloc") else y[:, 0])
            seen = pd.Series(seen)
        if not isinstance(ahead, pd.Series):
            first = 0 if seen is None else len(seen)
            ahead = pd.Series(ahead, index=pd.RangeIndex(first, first + steps))
        return cls(ahead, seen, interval=_band(band, ahead.index)).plot(ax)

    @classmethod
    def from_predictions(
        cls, y_true, y_pred, *, interval=None, folds=None, baselines=None, ax=None
    ):
        """Draw predictions that were made before.

        Parameters
        ----------
        y_true : Series or ndarray of shape (n_observed,) or None
            Observed values, of any dates.
        y_pred : Series or ndarray of shape (n_rows,)
            Predictions. Without labels they lie at the last observed rows.
        interval : DataFrame or ndarray of shape (n_rows, 2), default=None
            Lower and upper ends.
        folds : array-like of shape (n_rows,), default=None
            The fold of each prediction.
        baselines : DataFrame of shape (n_rows, n_baselines), default=None
            Other predictions to compare with.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default those of a new figure.

        Returns
        -------
        ForecastDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is more than one axis, nothing to draw, or the lengths differ.
        TypeError
            If an argument is of another type than it should.
        """
        seen = None if y_true is None else _line_of(y_true, "y_true")
        ahead = _line_of(y_pred, "y_pred")
        if not isinstance(y_pred, pd.Series) and seen is not None and len(seen) >= len(ahead):
            ahead.index = seen.index[-len(ahead) :]
        folds = None if folds is None else _folds_of(folds)
        band = _band(interval, ahead.index)
        return cls(ahead, seen, interval=band, folds=folds, baselines=baselines).plot(ax)

    @classmethod
    def from_backtest(cls, result, *, baselines=(), output=None, interval=None, ax=None):
        """Draw the out-of-fold predictions of a back-test.

        Parameters
        ----------
        result : BacktestResult
            What :func:`backtest` returned.
        baselines : sequence of str, default=()
            The baselines to draw as well.
        output : str or int, default=None
            Which output to draw where there are several; by default the first.
        interval : DataFrame or ndarray of shape (n_rows, 2), default=None
            Lower and upper ends, a row for each prediction that is drawn.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default those of a new figure.

        Returns
        -------
        ForecastDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the back-test has no such output or baseline, or the interval another shape.
        TypeError
            If `result` is no back-test.
        """
        check_backtest(result)
        lines = result.predictions
        if "output" in lines:
            outputs = list(dict.fromkeys(lines["output"]))
            output = outputs[0] if output is None else output
            if not isinstance(output, Hashable) or output not in outputs:
                raise ValueError(f"output={output!r} is none of the back-test: {outputs!r}.")
            lines = lines[lines["output"] == output]
        elif output is not None:
            raise ValueError(f"output={brief(output)}, but the back-test has one output: None.")
        baselines = listed(baselines, "baselines")
        known = list(result.skill.columns)
        if not all(name in known for name in baselines):
            raise ValueError(f"baselines={baselines!r} are not all of the back-test: {known!r}.")
        seen = lines["actual"][~lines.index.duplicated()].sort_index()
        return cls.from_predictions(
            seen,
            lines["prediction"],
            interval=interval,
            folds=lines["fold"],
            baselines=lines[baselines] if baselines else None,
            ax=ax,
        )

    def plot(self, ax=None):
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default those of a new figure.

        Returns
        -------
        ForecastDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `ax`, or what the display was made of, is something else than it should be.
        ValueError
            If that does not hold numbers, or folds are not known.
        """
        for name, kind in _KINDS.items():
            given = getattr(self, name)
            if not isinstance(given, kind) and (given is not None or name == "y_pred"):
                raise TypeError(f"{name}={brief(given)} is not valid: expected a {kind.__name__}.")
            if given is not None:
                check_floats(given, name)
        folds = np.zeros(len(self.y_pred)) if self.folds is None else _folds_of(self.folds)
        for name in ("interval", "folds", "baselines"):
            given = getattr(self, name)
            if given is not None and len(given) != len(self.y_pred):
                raise ValueError(
                    f"{name} has {len(given)} rows, but y_pred has {len(self.y_pred)}: expected one"
                    " for each prediction."
                )
        self.ax_ = ax = axes_of(ax)
        self.figure_ = ax.figure
        self.lines_ = []
        self.band_ = None
        if self.y_true is not None:
            self._line(self.y_true, "actual", linewidth=1.2)
        for number, fold in enumerate(dict.fromkeys(folds)):
            rows = folds == fold
            drawn = self.y_pred[rows]
            if self.folds is not None and number % 2 == 0:
                places = places_of(self.y_pred.index)[rows]
                ax.axvspan(places[0], places[-1], color="0.94", linewidth=0, zorder=0)
            if self.baselines is not None:
                for name, values in self.baselines[rows].items():
                    self._line(values, name, again=number, linewidth=1.0, linestyle="--")
            self._line(drawn, "prediction", again=number, linewidth=1.6)
            if self.interval is not None:
                self._fill(self.interval[rows], number)
        names = [getattr(values, "name", None) for values in (self.y_true, self.y_pred)]
        told = [name for name in names if name not in (None, "actual", "prediction")]
        if told and not ax.get_ylabel():
            ax.set_ylabel(str(told[0]))
        finish(ax, self.y_pred.index)
        return self

    def _line(self, values, name, *, again=0, **style):
        label = LABELS.get(name, str(name).capitalize())
        style |= {"color": COLOURS.get(name)}
        # Each fold has a line of its own, and all of them one entry in the legend.
        self.lines_ += self.ax_.plot(*broken(values), label="_" * bool(again) + label, **style)

    def _fill(self, band, again):
        places, lower = broken(band.iloc[:, 0])
        self.band_ = self.ax_.fill_between(
            places,
            lower,
            broken(band.iloc[:, 1])[1],
            color=COLOURS["prediction"],
            alpha=0.18,
            linewidth=0,
            label="_" * bool(again) + "Interval",
        )


def _line_of(values, name):
    """Return values of one target as a Series of floats whose places are known."""
    floats = check_floats(values, name)
    if floats.ndim != 1 or not len(floats):
        raise ValueError(
            f"{name} has shape {floats.shape}, but one display shows one target: expected"
            " (n_rows,) with at least one row."
        )
    if not isinstance(values, pd.Series):
        return pd.Series(floats)
    if values.index.hasnans:
        place = int(np.argmax(values.index.isna()))
        raise ValueError(f"{name} has the label {values.index[place]!r} in row {place}.")
    return pd.Series(floats, values.index, name=values.name)


def _folds_of(folds):
    """Return the fold of each prediction as an array."""
    with naming("folds", folds):
        told = np.asarray(folds)
    if told.ndim != 1 or pd.isna(told).any():
        raise ValueError(f"folds={brief(folds)} is not valid: expected one fold per prediction.")
    return told


def _band(interval, index):
    """Return lower and upper ends as a table with the labels of the predictions."""
    if interval is None:
        return None
    ends = check_floats(interval, "interval")
    if ends.shape != (len(index), 2):
        raise ValueError(
            f"interval has shape {ends.shape}, but expected ({len(index)}, 2): a lower and an upper"
            " end for each prediction."
        )
    return pd.DataFrame(ends, index, ["lower", "upper"])
