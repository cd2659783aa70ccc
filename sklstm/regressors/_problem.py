"""What one fit learns from: validated tables, and the positions of their rows that are used."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sklstm._checks._arguments import naming
from sklstm._checks._horizon import check_same_targets, note_targets, said_horizon, until_now
from sklstm._checks._numbers import check_numeric
from sklstm._checks._tables import check_in_step, check_target, lacks_target, layout_of
from sklstm._checks._windows import check_computable, check_windows, count_axes
from sklstm._past._layout import Layout
from sklstm._sklearn._compat import check_sample_weight
from sklstm._sklearn._warnings import FewRowsTaughtWarning, warn
from sklstm.engine._spec import Rows


@dataclass(frozen=True)
class Samples:
    """A validated table, and the positions of the rows that are used.

    Attributes
    ----------
    table : array-like
        What the user gave, with its labels.
    layout : Layout
        Which series each row of the table belongs to.
    windows : Windows of shape (n_rows, window, n_features)
        One window for each row of the table.
    n_unknown : ndarray of int of shape (n_rows,)
        How many of the oldest steps of each window are not known.
    target : ndarray of shape (n_rows, n_targets)
        NaN where it is not known.
    horizon : int
        How many steps ahead its columns reach.
    y_ndim : int
        How many axes the target had.
    weight : ndarray of shape (n_rows,) or None
        Weight of each row in the loss.
    usable : ndarray of bool of shape (n_rows,)
        The rows whose past is known.
    breaks : ndarray of int or None
        Places among the usable rows at which the state is zero, as the past is not known; None
        where no state runs on from row to row.
    series : ndarray of int of shape (n_usable,) or None
        Of rows of many series over which a state runs on: the series of each usable row.
    """

    table: Any
    layout: Layout
    windows: Any
    n_unknown: np.ndarray
    target: np.ndarray
    horizon: int
    y_ndim: int
    weight: np.ndarray | None
    usable: np.ndarray
    breaks: np.ndarray | None = None
    series: np.ndarray | None = None

    @cached_property
    def is_taught(self):
        """Whether the past and the target of each row are known."""
        return self.usable & ~np.isnan(self.target).any(axis=1)

    @property
    def n_taught(self):
        """How many rows are learnt from."""
        return int(np.count_nonzero(self.is_taught))

    @property
    def taught(self):
        """Positions of the rows that are learnt from, oldest first."""
        return np.flatnonzero(self.is_taught)

    @property
    def chosen(self):
        """What chooses these rows: of all rows a slice, which copies nothing, else a mask."""
        return slice(None) if self.is_taught.all() else self.is_taught

    def rows(self, head):
        """Return them as the engine takes them, with a target for each output of the network."""
        # A state runs on over rows without a target, too.
        rows = self.chosen if self.breaks is None else self.usable
        n_levels = len(head.levels)
        target = self.target if n_levels == 1 else np.repeat(self.target, n_levels, axis=1)
        return Rows(self.windows, rows, target, self.weight, self.breaks, self.series)


def read_problem(regressor, given, *, reset, one_epoch, runs_on=False):
    """Validate what `fit` was given, and find the rows to learn from and to validate with.

    Parameters
    ----------
    regressor : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set or compared.
    given : tuple
        X, y, sample_weight, X_val and y_val; see `LSTMRegressor.fit`.
    reset : bool
        Whether this is a fit that starts anew.
    one_epoch : bool
        Whether this is a `partial_fit`, which holds out no rows.
    runs_on : bool, default=False
        Whether a state runs on over rows that teach nothing, so that these hold no NaN.

    Returns
    -------
    samples : Samples
        What to learn from.
    validation : Samples or None
        What to look at after each epoch.
    """
    X, y, sample_weight, X_val, y_val = given
    note_targets(regressor, y, goes_on=not reset)
    samples = _read_samples(regressor, X, y, sample_weight, reset=reset, runs_on=runs_on)
    if not reset:
        check_length(regressor, X, samples.windows)
    if X_val is None and y_val is None:
        fraction = None if one_epoch else regressor.validation_fraction
        return _hold_out(samples, fraction) if fraction else (samples, None)
    if X_val is None or y_val is None:
        alone, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
        raise ValueError(f"{alone} was given without {missing}: pass both or neither.")
    check_same_targets(regressor._target_names, y_val, name="y_val")
    options = {"reset": False, "runs_on": runs_on, "suffix": "_val"}
    validation = _read_samples(regressor, X_val, y_val, None, **options)
    window, window_val = samples.windows.shape[1], validation.windows.shape[1]
    any_length = learns_short_windows(regressor) and count_axes(X_val) == 3
    if window_val != window and not any_length:
        raise ValueError(
            f"X_val has windows of {window_val} step(s), but X of {window}: X_val must have gone"
            " through the same transformers. A Pipeline does that with transform_input=['X_val']"
            " (and metadata routing)."
        )
    check_n_targets(validation.target, samples.target.shape[1])
    return samples, validation


def check_length(regressor, X, windows):
    """Refuse windows of another length than in `fit`, unless that learnt from shorter ones, too.

    Parameters
    ----------
    regressor : BaseRecurrent
        Fitted.
    X : array-like of shape (n_rows, n_features) or (n_rows, window, n_features)
        What it is given now.
    windows : Windows
        The windows of `X`.

    Raises
    ------
    ValueError
        The message says what would do.
    """
    is_table, window, learnt = count_axes(X) == 2, windows.shape[1], regressor._window
    # One row is a run of one step; other packages try a fitted regressor with a row of zeros.
    takes_any = regressor._network.window is None
    if window == learnt or (is_table and len(X) == 1 and takes_any):
        return
    if is_table:
        raise ValueError(
            f"X has two axes, so each of its {len(X)} rows would be a window of one step, but those"
            f" of fit had {learnt} steps. Pass windows, as LagWindower makes them, or"
            " one run as a list: [run]."
        )
    if regressor._network.short_windows == "skip":
        raise ValueError(
            f"X has windows of {window} step(s), but those of fit had {learnt}. Pass windows of as"
            " many steps, or fit anew. A network that was fitted with short_windows='mask' takes"
            " sequences of any length."
        )


def check_n_targets(validation_target, n_targets):
    """Refuse targets to validate with that are not as many as those to learn."""
    if validation_target.shape[1] != n_targets:
        raise ValueError(
            f"y_val has {validation_target.shape[1]} target(s), but y has {n_targets}: they must"
            " agree."
        )


def learns_short_windows(regressor):
    """Tell whether a regressor learns from windows whose oldest steps are not known."""
    return getattr(regressor, "short_windows", "skip") == "mask"


def warn_of_few_rows(n_taught, n_with_target, remedy=""):
    """Warn if most rows that have a target teach nothing, because their past is not known.

    Parameters
    ----------
    n_taught, n_with_target : int
        Number of rows that are learnt from, and of those that have a target.
    remedy : str, default=""
        What else the message advises, see `mask_remedy`.
    """
    if 2 * n_taught < n_with_target:
        warn(
            f"Only {n_taught} of {n_with_target} rows that have a target are learnt from: the"
            " others begin with NaN, which means that their past is not known. Use a shorter"
            f" window or interval, or more rows{remedy}; where NaN stands for something else, fill"
            " it.",
            FewRowsTaughtWarning,
        )


def mask_remedy(regressor, windows, n_unknown):
    """Return the advice to learn from short windows, if that is left to be tried.

    Parameters
    ----------
    regressor : estimator
        The last step, whose parameter it is.
    windows : Windows
        The windows.
    n_unknown : ndarray of int of shape (n_rows,)
        How many of the oldest steps of each are not known.

    Returns
    -------
    str
        Empty where the regressor cannot, already does, or would gain no row.
    """
    is_short = (n_unknown > 0) & (n_unknown < windows.shape[1])
    if not is_short.any() or getattr(regressor, "short_windows", "mask") == "mask":
        return ""
    return ", or short_windows='mask' to learn from shorter sequences, too"


def _read_samples(regressor, X, y, sample_weight, *, reset, runs_on, suffix=""):
    """Validate a table with its targets, and find the rows that can be used."""
    name, y_name = f"X{suffix}", f"y{suffix}"
    untaught = None if runs_on else lacks_target(y)
    windows, n_unknown = check_windows(regressor, X, reset=reset, name=name, untaught=untaught)
    target = check_target(y, X, name=y_name, rows_name=name)
    layout = layout_of(y, X)
    # A classifier has no horizon: its columns are classes, not steps ahead.
    said = getattr(regressor, "horizon", 1)
    horizon = 1 if suffix else said_horizon(y, target, said, layout)
    check_computable(target, y, y_name)
    weight = None if sample_weight is None else _check_weight(sample_weight, X, windows)
    usable = n_unknown < (windows.shape[1] if learns_short_windows(regressor) else 1)
    target = until_now(target, horizon, layout)
    samples = Samples(X, layout, windows, n_unknown, target, horizon, count_axes(y), weight, usable)
    remedy = mask_remedy(regressor, windows, n_unknown)
    if not samples.n_taught:
        n_rows, window, _ = windows.shape
        n_missing = np.count_nonzero(np.isnan(windows.folded(1)[-1:]).all(axis=2))
        raise ValueError(
            f"No row is left to learn from: {name} has {n_rows} rows, a window has {window} steps,"
            " and every row lacks its past or its target. At least"
            f" {n_rows + max(1, n_missing)} rows would do; or use a shorter window or"
            f" a shorter interval{remedy}."
        )
    if not suffix:
        n_with_target = np.count_nonzero(~np.isnan(target).any(axis=1))
        warn_of_few_rows(samples.n_taught, n_with_target, remedy)
    return samples


def _check_weight(sample_weight, X, windows):
    """Validate weights that a network can learn with."""
    name = "sample_weight"
    check_numeric(sample_weight, name)
    with naming(name, sample_weight):
        weight = check_sample_weight(
            sample_weight, windows, dtype=np.float64, ensure_non_negative=True
        )
        if not weight.any():
            # Newer releases of scikit-learn say so themselves.
            raise ValueError("it holds nothing but zeros, so there is nothing to learn.")
    check_in_step(sample_weight, X, name=name)
    check_computable(weight, sample_weight, name)
    return weight


def _hold_out(samples, fraction):
    """Split samples into earlier ones and the last ones; what counts is how many have a target."""
    taught = samples.taught
    # As many as Keras' own `validation_split` leaves, but no time step is cut.
    n_train = int(np.floor(len(taught) * (1 - fraction)))
    cut = taught[min(n_train, len(taught) - 1)]
    time = samples.layout.by_row(samples.layout.time)
    cut = int(np.searchsorted(time, time[cut]))
    # Of several steps ahead, the last targets before the cut lie among the rows held out.
    earlier = until_now(samples.target[:cut], samples.horizon, samples.layout.head(cut))
    target = np.concatenate([earlier, samples.target[cut:]])
    is_earlier = np.arange(len(target)) < cut
    training = replace(samples, target=target, usable=samples.usable & is_earlier)
    if n_train == len(taught) or not training.n_taught:
        raise ValueError(
            f"validation_fraction={fraction} of {len(taught)} rows leaves {n_train} rows to learn"
            f" from and {len(taught) - n_train} to validate with: use more rows or another"
            " fraction."
        )
    return training, replace(samples, usable=samples.usable & ~is_earlier)
