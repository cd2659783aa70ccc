"""How networks are trained: their parameters as plain data, and what becomes of the weights."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from sklstm._past._windows import Windows
from sklstm._sklearn._callbacks import EpochTasks
from sklstm._sklearn._warnings import SameWeightsWarning, UnscaledTargetWarning, warn
from sklstm.engine._scale import UNSCALED, Scale
from sklstm.engine._spec import NetworkSpec, Trained, TrainingSpec
from sklstm.regressors._heads import Fallback

#: More than fits into any memory: a layer of so many units has 17 thousand million weights.
MOST_UNITS = 2**16

#: A network begins with outputs of about 0, and is slow to reach values beyond it.
LARGE = 10


def describe_network(regressor, n_outputs, **own):
    """Describe the network that the parameters ask for; `own` is what one regressor adds."""
    units = _layers(regressor.units, "units", least=1)
    dense_units = _layers(regressor.dense_units, "dense_units")
    activations = regressor.dense_activation
    if isinstance(activations, str):
        activations = (activations,) * len(dense_units)
    if len(activations) != len(dense_units):
        raise ValueError(
            f"dense_activation={regressor.dense_activation!r} names {len(activations)}"
            f" activations, but dense_units={regressor.dense_units!r} has {len(dense_units)}"
            " layers: give one name for all layers or one for each."
        )
    return _spec_of(
        NetworkSpec,
        regressor,
        units=units,
        dense_units=dense_units,
        dense_activation=tuple(activations),
        n_features=regressor.n_features_in_,
        n_outputs=n_outputs,
        **own,
    )


def describe_training(regressor, loss, *, one_epoch):
    """Describe the training that the parameters ask for."""
    alone = {"epochs": 1, "early_stopping": False, "learning_rate_schedule": None}
    changed = alone if one_epoch else {}
    return _spec_of(TrainingSpec, regressor, loss=loss, **changed)


def train(regressor, samples, validation, head, network, training, *, start=None, **own):
    """Train the networks in the engine, and make a fitted estimator of what was learnt.

    Parameters
    ----------
    regressor : BaseRecurrent
        Changed in place.
    samples, validation : Samples
        What to learn from, and what to look at after each epoch; the latter may be None.
    head : PointHead, QuantileHead or ClassHead
        What the outputs of the network mean.
    network : NetworkSpec
        The network.
    training : TrainingSpec
        How it is trained.
    start : list of Trained, default=None
        What each network goes on from; None starts anew.
    **own : dict
        Fitted attributes that only one regressor has, of a model that has not run over any row.
    """
    # Keras and TensorFlow come in with the engine, so not before something is fitted.
    from sklstm.engine import _train

    # 1. What is known before the first epoch.
    go_on = start is not None
    if go_on:
        _check_unchanged(regressor, network, training)
    seeds = _draw_seeds(regressor, start)
    if len(seeds) > 1 and not go_on:
        _warn_of_one_start(network, len(seeds))
    rows = samples.rows(head)
    if go_on:
        scales = regressor._input_scale, regressor._target_scale
    else:
        scales = _scales(regressor, head, samples, rows, network, training)
    attributes = {
        "_network": network,
        "_training": training,
        "_head": head,
        "_input_scale": scales[0],
        "_target_scale": scales[1],
        "_window": samples.windows.shape[1],
        "_y_ndim": samples.y_ndim,
        "_fallback": Fallback(head, samples.target, samples.layout, samples.is_taught),
        "n_outputs_": samples.target.shape[1],
        "n_samples_fit_": samples.n_taught,
        **own,
    }

    # 2. Train, followed by scikit-learn's callbacks.
    def watch(before):
        """Return what follows the next network, after those trained `before`."""

        def fitted(weights, n_epochs):
            """Return the attributes of a regressor whose training ends here."""
            n_iter = [*map(_n_epochs, before), n_epochs]
            return {**attributes, **_as_attributes([*before, Trained(weights, [])], n_iter)}

        name = f"network {len(before) + 1}, " if len(seeds) > 1 else ""
        return EpochTasks(regressor, context, data, fitted, name)

    data = {
        "X": lambda: samples.windows.gather(samples.taught),
        "y": lambda: head.given(samples.target[samples.taught], samples.y_ndim),
    }
    context = regressor._begin_fit(len(seeds) * training.epochs, **data)
    has_callbacks = getattr(regressor, "_skl_callbacks", None)
    held_out = None if validation is None else validation.rows(head)
    for part in [rows, held_out] if held_out else [rows]:
        part.input_scale, part.target_scale = scales
    first = None
    if len(head.levels) > 1:
        # Quantiles that all begin at zero stay too close together in a short training.
        first = scales[1].apply(attributes["_fallback"].values[-1].reshape(1, -1))[0]
    trained = _train.train_all(
        network,
        training,
        rows,
        held_out,
        seeds=seeds,
        starts=start,
        first_outputs=first,
        watch=watch if has_callbacks else None,
    )

    # 3. Take over.
    for one, before in zip(trained, start or (), strict=False):
        earlier = before.history
        one.history = {name: [*earlier.get(name, []), *new] for name, new in one.history.items()}
    n_iter = [_n_epochs(one) for one in trained]
    vars(regressor).update(attributes, **_as_attributes(trained, n_iter))
    if context is not None:
        context.call_on_fit_task_end(estimator=regressor, **data)


def _spec_of(kind, regressor, **own):
    """Make a spec of the parameters that are fields of it, and of `own`, which come first."""
    given = {
        # Python's own numbers: a short NumPy int such as int8 overflows in later products.
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in vars(regressor).items()
        if name in kind.__dataclass_fields__
    }
    return kind(**{**given, **own})


def _scales(regressor, head, samples, rows, network, training):
    """Return the scales of the inputs and of the target that the network does not see."""
    from sklstm.engine._models._scaled import target_scale

    if not regressor.normalize:
        return UNSCALED, UNSCALED
    chosen = samples.chosen
    input_scale = Scale.of(samples.windows[chosen], samples.n_unknown[chosen])
    if not head.is_scaled:
        return input_scale, UNSCALED
    scale = target_scale(network, training, Windows.of(rows.y[:, None])[chosen])
    if scale is UNSCALED and (size := np.sqrt(np.mean(np.square(rows.y[chosen])))) > LARGE:
        warn(
            f"The target, whose values are about {size:.3g}, is learnt in its own units: the loss"
            " or the last activation may need them. A network begins with outputs of about 0, and"
            " may stay far from such values. Scale the target with"
            " TransformedSeriesRegressor(transformer=SeriesMinMaxScaler()), or set normalize=False"
            " if this is meant.",
            UnscaledTargetWarning,
        )
    return input_scale, scale


def _check_unchanged(regressor, network, training):
    """Refuse to go on with a network or an optimizer that the last fit did not have."""
    changed = [
        f"{name} from {before!r} to {getattr(network, name)!r}"
        for name, before in vars(regressor._network).items()
        if before != getattr(network, name)
    ]
    n_networks = len(regressor._trained)
    if regressor.n_networks != n_networks:
        changed.append(f"n_networks from {n_networks} to {regressor.n_networks}")
    before, after = regressor._training.optimizer, training.optimizer
    # Optimizers of one type are as good as equal: Keras does not compare them.
    if before != after and (isinstance(before, str) or type(before) is not type(after)):
        changed.append(f"optimizer from {before!r} to {after!r}")
    if regressor.normalize == (regressor._input_scale.mean is None):
        changed.append(f"normalize to {regressor.normalize!r}")
    if changed:
        raise ValueError(
            f"Training cannot go on after a change of {', '.join(changed)}. Set warm_start=False"
            " and call fit to start anew."
        )


def _n_epochs(trained):
    """Return how many epochs a network has been trained for."""
    return len(trained.history["loss"])


def _as_attributes(trained, n_iter):
    """Return the fitted attributes that tell of networks: of one by itself, of several a list."""
    histories = [one.history for one in trained]
    one = len(trained) == 1
    return {
        "_trained": trained,
        "history_": histories[0] if one else histories,
        "n_iter_": n_iter[0] if one else np.array(n_iter),
    }


def _draw_seeds(regressor, start):
    """Draw a seed for each network, without touching any global random state.

    As if so many regressors of one network were fitted with one ``RandomState``, one by one.
    """
    given = regressor.random_state
    draws = np.random.RandomState() if given is None else check_random_state(given)
    seeds = [int(draws.randint(2**31 - 1)) for _ in range(regressor.n_networks)]
    if start is not None and isinstance(given, Integral):
        # A run that goes on must not shuffle as the first one did.
        for i, before in enumerate(start):
            words = np.random.SeedSequence([seeds[i], _n_epochs(before)]).generate_state(1)
            seeds[i] = int(words[0] % (2**31 - 1))
    return seeds


def _warn_of_one_start(network, n_networks):
    """Warn if a network of the user's brings weights, so that all networks start from the same."""
    from sklstm.engine._models._build import starts_alike

    if network.network is not None and starts_alike(network):
        warn(
            f"All n_networks={n_networks} networks start from the same weights, as"
            f" network={network.network!r} has weights of its own. Only the order of the rows and"
            " dropout make them differ, so their mean gains little and their spread is too small."
            " Give a function of (input_shape, n_outputs) that builds the network with new weights,"
            " or set n_networks=1.",
            SameWeightsWarning,
        )


def _layers(value, name, least=0):
    """Return one int or several as a tuple, one for each of at least so many layers."""
    layers = tuple(value) if np.iterable(value) else (value,)
    are_units = (isinstance(n, Integral) and 1 <= int(n) <= MOST_UNITS for n in layers)
    if len(layers) < least or not all(are_units):
        raise ValueError(
            f"{name}={value!r} is not valid: expected ints from 1 to {MOST_UNITS}, one for each"
            f" layer, and at least {least} layer(s)."
        )
    return tuple(int(n) for n in layers)
