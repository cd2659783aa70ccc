"""Networks whose samples are independent windows: how they are trained, and what they return."""

import numpy as np

from sklstm._checks._windows import check_windows, count_axes, lag_columns
from sklstm._past._windows import Windows
from sklstm._sklearn._compat import StrOptions
from sklstm._sklearn._warnings import (
    FewRowsTaughtWarning,
    OneStepWarning,
    ZerosNotMaskedWarning,
    warn,
)
from sklstm.regressors import _base
from sklstm.regressors._heads import values_of
from sklstm.regressors._problem import check_length, read_problem
from sklstm.regressors._training import describe_network, describe_training, train

#: Constraints of the parameters of networks on windows alone.
ON_WINDOWS: dict = {
    "bidirectional": ["boolean"],
    "network": [callable, None],
    "short_windows": [StrOptions({"skip", "mask"})],
    "shuffle": ["boolean"],
    "steps_per_epoch": [_base.COUNT, None],
}

#: A copy of so many numbers takes less time than a second call of the engine.
SMALL = 100_000


def read_windows(estimator, given, start, *, one_epoch):
    """Validate what `fit` was given; see `read_problem`.

    Parameters
    ----------
    estimator : BaseRecurrent
        Its parameters are valid.
    given : tuple
        X, y, sample_weight, X_val and y_val, where targets are numbers.
    start : list of Trained or None
        What each network goes on from; None starts anew.
    one_epoch : bool
        Whether this is a `partial_fit`.

    Returns
    -------
    samples : Samples
        What to learn from.
    validation : Samples or None
        What to look at after each epoch.
    """
    is_stock = (estimator.cell, estimator.bidirectional) == ("lstm", False)
    if estimator.network is not None and not is_stock:
        raise ValueError(
            f"cell={estimator.cell!r} and bidirectional={estimator.bidirectional!r} have no effect"
            f" on the layers that network={estimator.network!r} builds. Leave cell='lstm' and"
            " bidirectional=False, or build such layers there."
        )
    if estimator.network is not None and estimator.short_windows != "skip":
        raise ValueError(
            f"short_windows={estimator.short_windows!r} masks no step in the layers that"
            f" network={estimator.network!r} builds. Leave short_windows='skip', put a number that"
            " stands nowhere else in place of NaN, mask it there with keras.layers.Masking, and set"
            " normalize=False, so that the network gets this number."
        )
    samples, validation = read_problem(estimator, given, reset=start is None, one_epoch=one_epoch)
    if start is None and count_axes(samples.table) == 2:
        lags = lag_columns(samples.table)
        features = f"; the columns {lags!r} are features of that step" if lags else ""
        remedy = (
            "LagsToWindow() before it"
            if lags
            else "LagWindower(window) before it; LagsToWindow(n_lags, newest_first=…) if its"
            " columns are lags"
        )
        warn(
            f"Each row of X is a window of one step, so the network sees no earlier row"
            f"{features}. Put {remedy}; or LagWindower(1) if one step is meant.",
            OneStepWarning,
        )
    if start is None and estimator.short_windows == "mask":
        _warn_of_zeros(samples)
    return samples, validation


def train_windows(estimator, samples, validation, head, loss, start, *, one_epoch, **own):
    """Train on windows, and make a fitted estimator of what was learnt.

    Parameters
    ----------
    estimator : BaseRecurrent
        Changed in place.
    samples, validation : Samples
        As from `read_windows`.
    head : PointHead, QuantileHead or ClassHead
        What the outputs of the network mean.
    loss : str, keras.losses.Loss or callable
        None is that of a compiled `network`.
    start, one_epoch : object
        As for `read_windows`.
    **own : dict
        Fitted attributes that only one estimator has.

    Returns
    -------
    BaseRecurrent
        The estimator.
    """
    # Keras comes in with the engine, so not before something is fitted.
    from sklstm.engine._models._own import settle

    n_outputs = samples.target.shape[1] * len(head.levels)
    options = {"window": None if estimator.network is None else samples.windows.shape[1]}
    if head.output_activation is not None:
        options["output_activation"] = head.output_activation
    network = describe_network(estimator, n_outputs, **options)
    training = describe_training(estimator, loss, one_epoch=one_epoch)
    network, training = settle(network, training, head.default_loss)
    head.check(training)
    _warn_of_rows_never_reached(training, samples.n_taught)
    train(estimator, samples, validation, head, network, training, start=start, **own)
    return estimator


def values_of_windows(estimator, X):
    """Return the values that each network predicts, see `values_of`, and where it cannot."""
    windows, n_unknown = check_windows(estimator, X, reset=False)
    check_length(estimator, X, windows)
    is_filled = estimator._network.short_windows == "skip"

    # Keras and TensorFlow come in with the engine, so not before something is predicted.
    from sklstm.engine import _predict

    def predict(windows):
        how = estimator._network, estimator._training
        return np.stack(
            [
                _predict.predict(*how, one.weights, windows, estimator._input_scale)
                for one in estimator._trained
            ]
        )

    # A network that masks steps needs nothing in their place.
    positions, filled = _base.partly_known(windows, n_unknown * is_filled)
    if not len(positions):
        outputs = predict(windows)
    elif windows.size <= SMALL:
        all_filled = np.array(windows)
        all_filled[positions] = filled
        outputs = predict(all_filled)
    else:
        outputs = predict(windows)
        outputs[:, positions] = predict(filled)
    is_unknown = n_unknown == windows.shape[1]
    return values_of(estimator, outputs, is_unknown, X), is_unknown


def _warn_of_rows_never_reached(training, n_rows):
    """Warn if epochs of some batches end before the last row, and the next fit begins anew."""
    n_drawn = training.epochs * training.rows_per_epoch(n_rows)
    if not training.shuffle and n_drawn < n_rows:
        warn(
            f"epochs={training.epochs} of steps_per_epoch={training.steps_per_epoch} batches of"
            f" {training.batch_size} rows in order (shuffle=False) take the first {n_drawn} of"
            f" {n_rows} rows, and a later fit or partial_fit begins with the first row again: the"
            " newest rows are never learnt from. Set shuffle=True or steps_per_epoch=None, or train"
            " for more epochs.",
            FewRowsTaughtWarning,
        )


def _warn_of_zeros(samples):
    """Warn if runs that were padded with zeros, as Keras does it, would be learnt as they are."""
    windows, fold = samples.windows, samples.windows.fold
    if samples.n_unknown.any() or windows.is_mapped or windows.shape[1] < 3:
        return
    padded = np.zeros(len(windows), dtype=bool)
    for first in (0, windows.window - 2 * fold):
        pairs = Windows(windows.values, windows.starts + first, 2 * fold, windows.extra)
        padded |= (pairs.gather() == 0).all(axis=(1, 2))
    if padded.any():
        warn(
            f"short_windows='mask' masks steps of NaN, and no window has any, but"
            f" {padded.sum()} of {len(windows)} windows begin or end with steps of zeros, which"
            " count as values. If runs were padded so, give a list of them, or pad them in front"
            " with NaN; if zeros are values, set short_windows='skip'.",
            ZerosNotMaskedWarning,
        )
