"""A picture of a training: losses and metrics by epoch."""

from sklearn.pipeline import Pipeline

from sklstm._checks._arguments import brief, check_flag, check_kind
from sklstm.displays._axes import COLOURS, add_legend, axes_of, check_line, finish


class TrainingHistoryDisplay:
    """The loss or a metric after each epoch of a training.

    `from_estimator` and `from_history` make a display and draw it.

    Parameters
    ----------
    history : dict of str to list of float, or list of such dicts
        One value per epoch, under Keras' names: ``"loss"``, ``"val_loss"`` and so on. A list holds
        one for each network.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes that were drawn on last.
    figure_ : matplotlib.figure.Figure
        Their figure.
    lines_ : list of matplotlib.lines.Line2D
        The lines: training rows, then validation rows if there are any. Of several networks, a
        line for each.

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
            A fitted network, or a pipeline, search or `TransformedSeriesRegressor` that holds one.
        metric : str, default="loss"
            The name in the history of what to draw.
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
            If an argument has a wrong type.
        """
        return cls(_history_of(estimator)).plot(ax, metric=metric, log=log)

    @classmethod
    def from_history(cls, history, *, metric="loss", log=False, ax=None):
        """Draw a history.

        Parameters
        ----------
        history : dict of str to list of float, or list of such dicts
            One value per epoch, such as ``history_``.
        metric : str, default="loss"
            The name in the history of what to draw.
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
            If an argument has a wrong type.
        """
        return cls(history).plot(ax, metric=metric, log=log)

    def plot(self, ax=None, *, metric="loss", log=False):
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default those of a new figure.
        metric : str, default="loss"
            The name in the history of what to draw.
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
            If an argument has a wrong type.
        """
        several = isinstance(self.history, list | tuple) and len(self.history)
        histories = self.history if several else [self.history]
        check_flag(log, "log")
        for history in histories:
            check_kind(history, "history", "keys", "a dict such as history_, or a list of such")
            if not isinstance(metric, str) or metric not in history:
                raise ValueError(
                    f"metric={brief(metric)} is not in the history, which holds {list(history)!r}."
                )
        kinds = {metric: ("Training rows", "actual")}
        if all(f"val_{metric}" in history for history in histories):
            kinds[f"val_{metric}"] = "Validation rows", "prediction"
        drawn = [
            (kind, [check_line(history[name], f"history[{name!r}]") for history in histories])
            for name, kind in kinds.items()
        ]
        self.ax_ = ax = axes_of(ax)[0]
        self.figure_ = ax.figure
        self.lines_ = []
        for (label, kind), lines in drawn:
            style = {"color": COLOURS[kind], "linewidth": 1.4 if len(lines) == 1 else 0.9}
            for i, values in enumerate(lines):
                epochs = range(1, len(values) + 1)
                # One entry in the legend stands for all networks.
                self.lines_ += ax.plot(epochs, values, label=None if i else label, **style)
        if log:
            ax.set_yscale("log")
        ax.set_xlabel("Epoch")
        ax.set_ylabel(metric.replace("_", " ").capitalize())
        ax.xaxis.get_major_locator().set_params(integer=True)
        finish(ax)
        add_legend(ax)
        return self


def _history_of(estimator):
    """Return the history of the network inside an estimator."""
    inner = estimator
    while not hasattr(inner, "history_"):
        if isinstance(inner, Pipeline):
            inner = inner[-1]
        else:
            inner = getattr(inner, "best_estimator_", getattr(inner, "regressor_", None))
        if inner is None:
            raise ValueError(
                f"estimator={brief(estimator)} is not valid: {type(estimator).__name__} has no"
                " history_. Fit an LSTMRegressor, or a pipeline, search or"
                " TransformedSeriesRegressor that ends in one."
            )
    return inner.history_
