"""A picture of how a network learnt."""

from collections.abc import Mapping

from sklearn.pipeline import Pipeline

from sklstm._checks._arguments import brief, check_flag
from sklstm._checks._numbers import check_floats
from sklstm.displays._axes import axes_of, finish


class TrainingHistoryDisplay:
    """Loss, or a metric, over the epochs of a training.

    Make one with `from_estimator` or `from_history`; both draw it.

    Parameters
    ----------
    history : dict of str to list of float
        One value per epoch, by the names that Keras gives: ``"loss"``, ``"val_loss"`` and so on.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes that were drawn on last.
    figure_ : matplotlib.figure.Figure
        Their figure.
    lines_ : list of matplotlib.lines.Line2D
        The lines: training rows, then validation rows where there are some.

    See Also
    --------
    ForecastDisplay : A picture of predictions.

    Examples
    --------
    >>> from sklstm import TrainingHistoryDisplay
    >>> history = {"loss": [0.9, 0.5, 0.4], "val_loss": [1.0, 0.7, 0.8]}
    >>> display = TrainingHistoryDisplay.from_history(history)
    >>> [line.get_label() for line in display.lines_]
    ['Training rows', 'Validation rows']
    """

    def __init__(self, history):
        self.history = history

    @classmethod
    def from_estimator(cls, estimator, *, metric="loss", log=False, ax=None):
        """Draw the history of a fitted network.

        Parameters
        ----------
        estimator : estimator
            A fitted network, or a pipeline, search or target transformer that holds one.
        metric : str, default="loss"
            What to draw.
        log : bool, default=False
            Whether the vertical axis is logarithmic.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default those of a new figure.

        Returns
        -------
        TrainingHistoryDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no history, or no such metric in it.
        TypeError
            If an argument is of another type than it should.
        """
        return cls(_history_of(estimator)).plot(ax, metric=metric, log=log)

    @classmethod
    def from_history(cls, history, *, metric="loss", log=False, ax=None):
        """Draw a history.

        Parameters
        ----------
        history : dict of str to list of float
            One value per epoch, as ``history_`` holds.
        metric : str, default="loss"
            What to draw.
        log : bool, default=False
            Whether the vertical axis is logarithmic.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default those of a new figure.

        Returns
        -------
        TrainingHistoryDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no such metric in the history.
        TypeError
            If an argument is of another type than it should.
        """
        return cls(history).plot(ax, metric=metric, log=log)

    def plot(self, ax=None, *, metric="loss", log=False):
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default those of a new figure.
        metric : str, default="loss"
            What to draw.
        log : bool, default=False
            Whether the vertical axis is logarithmic.

        Returns
        -------
        TrainingHistoryDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no such metric in the history.
        TypeError
            If an argument is of another type than it should.
        """
        if not isinstance(self.history, Mapping):
            raise TypeError(
                f"history={brief(self.history)} is not valid: expected a dict such as history_."
            )
        check_flag(log, "log")
        if not isinstance(metric, str):
            raise TypeError(f"metric={brief(metric)} is not valid: expected a name.")
        if metric not in list(self.history):
            raise ValueError(
                f"metric={metric!r} is not in the history, which holds {list(self.history)!r}."
            )
        drawn = {
            name: check_floats(self.history[name], f"history[{name!r}]")
            for name in (metric, f"val_{metric}")
            if name in self.history
        }
        for name, values in drawn.items():
            if values.ndim != 1:
                raise ValueError(
                    f"history[{name!r}]={brief(self.history[name])} is not valid: expected one"
                    " number per epoch."
                )
        self.ax_ = ax = axes_of(ax)
        self.figure_ = ax.figure
        self.lines_ = []
        for name, values in drawn.items():
            label, colour = ("Training rows", "#333333")
            if name != metric:
                label, colour = ("Validation rows", "#c4431f")
            epochs = range(1, len(values) + 1)
            self.lines_ += ax.plot(epochs, values, color=colour, linewidth=1.4, label=label)
        if log:
            ax.set_yscale("log")
        ax.set_xlabel("Epoch")
        ax.set_ylabel(metric.replace("_", " ").capitalize())
        ax.xaxis.get_major_locator().set_params(integer=True)
        finish(ax)
        return self


def _history_of(estimator):
    """Return the history of the network inside an estimator."""
    inner = estimator
    while not hasattr(inner, "history_"):
        if isinstance(inner, Pipeline):
            inner = inner.steps[-1][1]
        elif hasattr(inner, "best_estimator_"):
            inner = inner.best_estimator_
        elif hasattr(inner, "regressor_"):
            inner = inner.regressor_
        else:
            raise ValueError(
                f"estimator={brief(estimator)} is not valid: {type(estimator).__name__} has no"
                " history_. Fit an LSTMRegressor, or a pipeline, search or"
                " TransformedSeriesRegressor that ends in one."
            )
    return inner.history_
