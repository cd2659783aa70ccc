"""What this package warns of, and at which line of the user's."""

import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar

from sklearn.exceptions import InconsistentVersionWarning

#: Code that a user did not write and cannot change: a warning that points there helps nobody.
_PASSED_OVER = (
    "sklstm",
    "sklearn",
    "joblib",
    "pickle",
    "skops",
    "contextlib",
    "functools",
    "threading",
)

#: In a thread for which another one waits: functions that return the frame at which that one does,
#: the innermost first. The user's line is there.
waiting: ContextVar[tuple] = ContextVar("waiting", default=())

#: Who hears of a warning of ours before Python does, the innermost first. Python's own filters
#: belong to all threads: one that forecasts would change what another is told, and for ever so.
_listeners: ContextVar[tuple] = ContextVar("listeners", default=())


class SklstmWarning(UserWarning):
    """The class of all warnings of this package, so that one filter finds them.

    Examples
    --------
    >>> import warnings
    >>> from sklstm import SklstmWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SklstmWarning)  # stop at each of them
    """


class UnknownPastWarning(SklstmWarning):
    """The rows before some rows are not known, and count as NaN.

    The message names the rows and says how to give them their past.

    Examples
    --------
    >>> import warnings
    >>> import pandas as pd
    >>> from sklstm import Differencer, UnknownPastWarning
    >>> series = pd.DataFrame({"sold": range(8)}, dtype=float)
    >>> differencer = Differencer().fit(series[:5])
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     differenced = differencer.transform(series[6:])  # row 5 is missing
    >>> caught[0].category is UnknownPastWarning
    True
    """


class StateResetWarning(UnknownPastWarning):
    """Rows do not follow the last row seen, so their state starts from zero.

    See Also
    --------
    StatefulLSTMRegressor : The regressor that has a state.

    Examples
    --------
    >>> from sklstm import StateResetWarning, UnknownPastWarning
    >>> issubclass(StateResetWarning, UnknownPastWarning)
    True
    """


class AssumedPastWarning(SklstmWarning):
    """Rows could be training rows or later ones; the message says what was assumed.

    Examples
    --------
    >>> from sklstm import AssumedPastWarning, SklstmWarning
    >>> issubclass(AssumedPastWarning, SklstmWarning)
    True
    """


class MissingStepsWarning(SklstmWarning):
    """A series lacks time steps, so rows that are no neighbours in time are treated as such.

    Examples
    --------
    >>> import warnings
    >>> import pandas as pd
    >>> from sklstm import MissingStepsWarning, series_to_supervised
    >>> series = pd.Series(range(9), dtype=float).drop(4)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     X, y = series_to_supervised(series)
    >>> caught[0].category is MissingStepsWarning
    True
    """


class UnseenSeriesWarning(SklstmWarning):
    """A series of which `fit` has seen no value is scaled by its own rows in the given table.

    See Also
    --------
    SeriesMinMaxScaler : Whose ``per_series=True`` gives each series a range of its own.

    Examples
    --------
    >>> import warnings
    >>> import pandas as pd
    >>> from sklstm import SeriesMinMaxScaler, UnseenSeriesWarning
    >>> index = pd.MultiIndex.from_product(
    ...     [range(3), ["north", "south"]], names=["day", "store"]
    ... )
    >>> sold = pd.DataFrame({"sold": [1.0, 10.0, 2.0, 30.0, 3.0, 20.0]}, index)
    >>> north, south = sold[::2], sold[1::2]
    >>> scaler = SeriesMinMaxScaler(per_series=True).fit(north)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     scaled = scaler.transform(south)
    >>> caught[0].category is UnseenSeriesWarning, scaled["sold"].tolist()
    (True, [0.0, 1.0, 0.5])
    """


class UnnamedSeriesWarning(SklstmWarning):
    """Each series is to have a range of its own, but the rows do not say which series they are of.

    See Also
    --------
    SeriesMinMaxScaler : Whose ``per_series=True`` gives each series a range of its own.

    Examples
    --------
    >>> import warnings
    >>> from sklstm import SeriesMinMaxScaler, UnnamedSeriesWarning
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     scaler = SeriesMinMaxScaler(per_series=True).fit(
    ...         [[1.0], [10.0], [2.0], [30.0]]
    ...     )
    >>> caught[0].category is UnnamedSeriesWarning, scaler.data_max_.tolist()
    (True, [30.0])
    """


class UnsaidHorizonWarning(SklstmWarning):
    """The columns of a target look like steps ahead of one series, but nothing says that they are.

    See Also
    --------
    LSTMRegressor : Whose ``horizon=`` says it.

    Examples
    --------
    >>> from sklstm import SklstmWarning, UnsaidHorizonWarning
    >>> issubclass(UnsaidHorizonWarning, SklstmWarning)
    True
    """


class UnscaledTargetWarning(SklstmWarning):
    """A network learns large targets in their own units, as its loss or last activation needs.

    See Also
    --------
    LSTMRegressor : Whose ``normalize=`` says where the target is scaled.

    Examples
    --------
    >>> from sklstm import SklstmWarning, UnscaledTargetWarning
    >>> issubclass(UnscaledTargetWarning, SklstmWarning)
    True
    """


class FewRowsTaughtWarning(SklstmWarning):
    """Most rows, or all of a class, teach nothing, or a training in order ends before the newest.

    Examples
    --------
    >>> from sklstm import FewRowsTaughtWarning, SklstmWarning
    >>> issubclass(FewRowsTaughtWarning, SklstmWarning)
    True
    """


class ConstantWindowWarning(SklstmWarning):
    """Windows are constant, so they tell no distance of quantiles from the prediction.

    See Also
    --------
    WindowScaledRegressor : Which puts the spread of a window back into what it predicts.

    Examples
    --------
    >>> from sklstm import ConstantWindowWarning, SklstmWarning
    >>> issubclass(ConstantWindowWarning, SklstmWarning)
    True
    """


class SameWeightsWarning(SklstmWarning):
    """Networks that are averaged start from the same weights, so they hardly differ.

    See Also
    --------
    LSTMRegressor : Whose ``n_networks=`` asks for several networks.

    Examples
    --------
    >>> from sklstm import SameWeightsWarning, SklstmWarning
    >>> issubclass(SameWeightsWarning, SklstmWarning)
    True
    """


class OneStepWarning(SklstmWarning):
    """A recurrent network gets what may be several steps as the features of one.

    See Also
    --------
    LagWindower : Makes windows of rows; ``LagWindower(1)`` says that one step is meant.
    LagsToWindow : Makes windows of columns that hold lags.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor, OneStepWarning
    >>> X, y = np.arange(20.0).reshape(-1, 1), np.arange(20.0)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     model = LSTMRegressor(2, epochs=1).fit(X, y)
    >>> caught[0].category is OneStepWarning
    True
    """


class ZerosNotMaskedWarning(SklstmWarning):
    """Windows may be runs that were padded with zeros, but only steps of NaN are masked.

    See Also
    --------
    LSTMRegressor : Whose ``short_windows="mask"`` learns from runs of different length.

    Examples
    --------
    >>> from sklstm import SklstmWarning, ZerosNotMaskedWarning
    >>> issubclass(ZerosNotMaskedWarning, SklstmWarning)
    True
    """


class CutTimeStepWarning(SklstmWarning):
    """A split learns some series of a time step and tests others, which happen at the same time.

    See Also
    --------
    TimeStepSplit : Splits of which none cuts a time step.

    Examples
    --------
    >>> from sklstm import CutTimeStepWarning, SklstmWarning
    >>> issubclass(CutTimeStepWarning, SklstmWarning)
    True
    """


class UndefinedScoreWarning(SklstmWarning):
    """Rows are left out of scaled scores, because the scale of their series is not defined.

    See Also
    --------
    backtest : Which scores.

    Examples
    --------
    >>> from sklstm import SklstmWarning, UndefinedScoreWarning
    >>> issubclass(UndefinedScoreWarning, SklstmWarning)
    True
    """


class InverseWarning(SklstmWarning):
    """A transformer's `inverse_transform` does not restore what it was given, or no prediction.

    See Also
    --------
    TransformedSeriesRegressor : Whose ``check_inverse=False`` leaves the check out.

    Examples
    --------
    >>> from sklstm import InverseWarning, SklstmWarning
    >>> issubclass(InverseWarning, SklstmWarning)
    True
    """


class UnknownLagWarning(SklstmWarning):
    """No column of `X` is known to hold the target one step earlier.

    See Also
    --------
    TransformedSeriesRegressor : Whose ``y_lag`` names that column.

    Examples
    --------
    >>> from sklstm import SklstmWarning, UnknownLagWarning
    >>> issubclass(UnknownLagWarning, SklstmWarning)
    True
    """


class KeptVersionWarning(SklstmWarning, InconsistentVersionWarning):
    """A model is loaded that another version of this package has made.

    It is a :class:`~sklearn.exceptions.InconsistentVersionWarning`, so one filter finds both.

    Examples
    --------
    >>> from sklearn.exceptions import InconsistentVersionWarning
    >>> from sklstm import KeptVersionWarning
    >>> issubclass(KeptVersionWarning, InconsistentVersionWarning)
    True
    """

    # That of scikit-learn is made of version numbers, and speaks of its own.
    __init__ = UserWarning.__init__
    __str__ = UserWarning.__str__


def warn(message, category):
    """Warn, and point at the line outside of this package and scikit-learn that led here.

    Parameters
    ----------
    message : str
        What happened, to which rows, and what to do.
    category : type
        A subclass of `SklstmWarning`.
    """
    if any(heard(message, category) for heard in _listeners.get()):
        return
    frame, outer = sys._getframe(1), iter(waiting.get())
    while frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED_OVER:
        before = frame.f_back or next(outer, lambda: None)()
        if before is None:
            break
        frame = before
    module, registry = frame.f_globals, frame.f_globals.setdefault("__warningregistry__", {})
    place = frame.f_code.co_filename, frame.f_lineno, module.get("__name__")
    warnings.warn_explicit(message, category, *place, registry)


@contextmanager
def _listening(heard):
    """Let a function hear of each warning of ours; it returns True if nobody else is to hear."""
    before = _listeners.set((heard, *_listeners.get()))
    try:
        yield
    finally:
        _listeners.reset(before)


def quiet(*categories):
    """Silence warnings of ours; by default, of rows that are warned of already.

    Parameters
    ----------
    *categories : type
        Subclasses of `SklstmWarning`.

    Returns
    -------
    context manager
    """
    silent = categories or (UnknownPastWarning, AssumedPastWarning)
    return _listening(lambda _, category: issubclass(category, silent))


def refusing(refused):
    """Raise a warning of ours as an exception.

    Parameters
    ----------
    refused : type
        A subclass of `SklstmWarning`.

    Returns
    -------
    context manager
    """

    def heard(message, category):
        if issubclass(category, refused):
            raise category(message)

    return _listening(heard)


@contextmanager
def kept():
    """Keep warnings of ours from whom they are for.

    Yields
    ------
    list of tuple
        The arguments that `warn` is to be called with.
    """
    found: list = []

    def heard(*warning):
        found.append(warning)
        return True

    with _listening(heard):
        yield found


@contextmanager
def each_once():
    """Let each kind of warning of ours through once, where a call runs over many steps or folds.

    Yields
    ------
    None
    """
    with kept() as found:
        yield
    first: dict = {}
    for message, category in found:
        first.setdefault(category, message)
    for category, message in first.items():
        warn(message, category)
