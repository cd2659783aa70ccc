"""Predictions do not depend on the units of inputs and target."""

import subprocess
import sys
import tracemalloc

import keras
import numpy as np
import pytest
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline

from sklstm import (
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    UnscaledTargetWarning,
    series_to_supervised,
)
from sklstm.datasets import load_milk
from sklstm.engine import _scale

N_ROWS, N_TRAIN = 60, 45
OPTIONS = {"units": 3, "epochs": 4, "learning_rate": 0.02, "random_state": 0}


def series(n_rows=N_ROWS):
    """Return rows of two features, and two targets."""
    draws = np.random.default_rng(0)
    X = draws.normal(size=(n_rows, 2)).cumsum(axis=0)
    return X, np.column_stack([X[:, 0] + X[:, 1], X[:, 0] * X[:, 1]])


def dense_network(shape, n_outputs):
    """Build a network that is no chain of recurrent layers."""
    flat = [keras.Input(shape), keras.layers.Flatten()]
    return keras.Sequential([*flat, keras.layers.Dense(4, "tanh"), keras.layers.Dense(n_outputs)])


def bounded_network(shape, n_outputs):
    """Build a network whose outputs are positive."""
    layers = [keras.layers.Flatten(), keras.layers.Dense(n_outputs, "softplus")]
    return keras.Sequential([keras.Input(shape), *layers])


def on_windows(**options):
    """Return a pipeline of a windower and a network."""
    return make_pipeline(LagWindower(3), LSTMRegressor(**OPTIONS, batch_size=8, **options))


def stateful(**options):
    """Return a network whose state runs on."""
    return StatefulLSTMRegressor(**OPTIONS, **options)


#: Of these, the everyday tests take some.
EVERYDAY = ("windows", "quantiles", "a network of the user's", "state")
MODELS = {
    "windows": on_windows(),
    "quantiles": on_windows(loss="quantile"),
    "mean absolute error": on_windows(loss="mae"),
    "huber": on_windows(loss="huber"),
    "gru, both ways": on_windows(cell="gru", bidirectional=True),
    "dropout": on_windows(dropout=0.2, recurrent_dropout=0.1),
    "a network of the user's": on_windows(network=dense_network),
    "Keras' own fit": on_windows(engine="keras"),
    "early stopping": on_windows(validation_fraction=0.2, early_stopping=True, patience=2),
    "state": stateful(bptt_steps=4),
    "state, gru": stateful(cell="gru", batch_size=3),
    "state, held-out rows": stateful(validation_fraction=0.2),
    "state on windows": make_pipeline(LagWindower(3), stateful(bptt_steps=4)),
}

KINDS = [LSTMRegressor, pytest.param(StatefulLSTMRegressor, marks=pytest.mark.slow)]

each_model = pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in EVERYDAY else pytest.mark.slow) for n in MODELS],
)


def said(model, X, y):
    """Return what a model says of the later rows after a fit on the earlier ones."""
    model.fit(X[:N_TRAIN], y[:N_TRAIN])
    if hasattr(model, "predict_quantiles"):
        return model.predict_quantiles(X[N_TRAIN:])
    return model.predict(X[N_TRAIN:])


@each_model
def test_predictions_do_not_depend_on_the_units(name):
    """In units a * x + b of each column, predictions are those in the first units, converted."""
    X, y = series()
    factors, offsets = np.array([1e-6, 1e4]), np.array([3.0, -2e6])
    in_units = said(MODELS[name], X * factors + offsets, y * factors[::-1] + offsets[::-1])
    expected = said(MODELS[name], X, y)
    if expected.ndim == 3:
        factors, offsets = factors[:, None], offsets[:, None]
    converted = (in_units - offsets[::-1]) / factors[::-1]
    np.testing.assert_allclose(converted, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


# ------------------------------------------------------------------- against scaling by hand


def by_hand(X, y, taught):
    """Return standardised windows and targets, and the way back."""
    steps = X[taught].reshape(-1, X.shape[2])
    spread, spread_y = steps.std(axis=0), y[taught].std(axis=0)
    spread[spread < 1e-12] = 1
    mean_y = y[taught].mean(axis=0)
    scaled = (X - steps.mean(axis=0)) / spread, (y - mean_y) / spread_y
    return scaled, lambda predicted: predicted * spread_y + mean_y


def windows_with_holes():
    """Return windows with a warm-up and a constant column, and two targets, some not known."""
    X, y = series()
    rows = np.column_stack([X * [1, 1000], np.full(N_ROWS, 0.1)])
    windows = np.array(LagWindower(3).fit(rows).transform(rows))
    windows[0], windows[1, 0] = np.nan, np.nan
    y[[10, 11, 30], 0] = np.nan
    return windows, y + 100


def taught_rows(y, stop=N_ROWS):
    """Return the positions of the rows that are learnt from."""
    known = ~np.isnan(y).any(axis=1)
    known[:2], known[stop:] = False, False
    return np.flatnonzero(known)


@pytest.mark.parametrize(
    "block",
    [7, pytest.param(2**16, marks=pytest.mark.slow)],
    ids=["many blocks", "one block"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_is_that_on_data_standardised_by_hand(kind, block, monkeypatch):
    """Losses are those of data scaled by the taught windows and targets, predictions are undone."""
    monkeypatch.setattr(_scale, "_BLOCK", block)
    X, y = windows_with_holes()
    taught = taught_rows(y, stop=45)
    scaled, undo = by_hand(X, y, taught)
    fitted, plain = (kind(**OPTIONS, normalize=normalize) for normalize in (True, False))
    for model, (windows, target) in ((fitted, (X, y)), (plain, scaled)):
        held_out = {"X_val": windows[45:], "y_val": target[45:]}
        model.fit(windows[:45], target[:45], np.arange(45.0), **held_out)
    for name, losses in plain.history_.items():
        np.testing.assert_allclose(fitted.history_[name], losses, rtol=1e-5)
    expected = undo(plain.predict(scaled[0][:45]))
    np.testing.assert_allclose(fitted.predict(X[:45]), expected, rtol=1e-5)
    model = fitted.model_
    alone = undo(plain.model_(scaled[0][45:]).numpy())
    np.testing.assert_allclose(model(X[45:]), alone, rtol=1e-5)
    assert model(X[45:]).dtype == "float64"


@pytest.mark.parametrize("kind", KINDS)
def test_rows_side_by_side_have_the_scale_of_their_column(kind):
    """Folded windows are those of a standardised series; an array of them is predicted alike."""
    x, y = series()
    rows = np.column_stack([x * [1, 1000], np.full(N_ROWS, 0.1)])
    windows = np.array(LagWindower(6).fit_transform(rows))[5:]
    folded, y = LagWindower(6, fold=3).fit_transform(rows)[5:], y[5:]
    (scaled, target), undo = by_hand(windows, y, np.arange(len(y)))
    scaled = scaled.reshape(folded.shape)
    fitted, plain = (kind(**OPTIONS, normalize=normalize) for normalize in (True, False))
    fitted.fit(folded, y)
    plain.fit(scaled, target)
    np.testing.assert_allclose(fitted.history_["loss"], plain.history_["loss"], rtol=1e-5)
    expected = undo(plain.predict(scaled))
    for given in (folded, np.array(folded)):
        np.testing.assert_allclose(fitted.predict(given), expected, rtol=1e-5)
    # Columns that were measured apart are scaled apart in folded windows, too.
    apart = kind(**OPTIONS).fit(np.array(folded), y)
    np.testing.assert_allclose(apart.predict(folded), apart.predict(np.array(folded)), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "divides"),
    [
        pytest.param({"loss": lambda y, own: keras.ops.abs(y - own)}, False, id="a function"),
        pytest.param({"output_activation": "sigmoid"}, False, id="sigmoid"),
        pytest.param(
            {"loss": keras.losses.MeanSquaredLogarithmicError()},
            False,
            id="logarithms",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"loss": keras.losses.Huber(5.0)}, False, id="own bend", marks=pytest.mark.slow
        ),
        pytest.param(
            {"loss": "poisson", "output_activation": "softplus"}, True, id="poisson, softplus"
        ),
        pytest.param({"network": bounded_network}, True, id="a positive network"),
        pytest.param({"loss": "mape"}, True, id="percentages", marks=pytest.mark.slow),
        pytest.param({"output_activation": "relu"}, True, id="relu", marks=pytest.mark.slow),
    ],
)
def test_a_target_keeps_its_zero_or_its_unit_where_these_count(options, divides):
    """Where zero counts, the target is divided by its size; where the unit does, it stays."""
    X, y = windows_with_holes()
    X, y = X[2:], np.abs(y[2:, 1]) / 1000
    size = np.sqrt(np.mean(y**2)) if divides else 1.0
    (scaled, _), _ = by_hand(X, y[:, None], np.arange(len(y)))
    fitted = LSTMRegressor(**OPTIONS, **options).fit(X, y)
    plain = LSTMRegressor(**OPTIONS, **options, normalize=False).fit(scaled, y / size)
    np.testing.assert_allclose(fitted.history_["loss"], plain.history_["loss"], rtol=1e-4)
    np.testing.assert_allclose(fitted.predict(X), plain.predict(scaled) * size, rtol=1e-4)
    np.testing.assert_allclose(fitted.model_(X)[:, 0], fitted.predict(X), rtol=1e-5)


def test_a_large_target_that_may_need_its_own_units_is_told_of():
    """Milk under a loss of the user's is warned of; scaled by a transformer, it is learnt."""

    def own_loss(y, predicted):
        return keras.ops.abs(y - predicted)

    X, y = series_to_supervised(load_milk())
    pipeline = make_pipeline(LagWindower(12), LSTMRegressor(8, loss=own_loss, random_state=0))
    size = np.sqrt(np.mean(y[11:-36] ** 2))  # the first 11 windows are not known
    with pytest.warns(UnscaledTargetWarning, match=f"about {size:.3g}"):
        pipeline.fit(X[:-36], y[:-36])
    advised = TransformedSeriesRegressor(pipeline, transformer=SeriesMinMaxScaler())
    predicted = advised.fit(X[:-36], y[:-36]).predict(X[-36:])
    persistence = root_mean_squared_error(y[-36:], X["milk_lag1"][-36:])
    assert root_mean_squared_error(y[-36:], predicted) < persistence


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param("MeanAbsoluteError", id="class name"),
        pytest.param(keras.losses.MeanSquaredError(), id="instance"),
        pytest.param("mse", id="short name", marks=pytest.mark.slow),
        pytest.param(keras.losses.log_cosh, id="function", marks=pytest.mark.slow),
    ],
)
def test_a_loss_of_a_difference_may_be_named_in_any_way(loss):
    """By name, as an object or as a function: the first loss is that of a target of spread one."""
    X, y = windows_with_holes()
    model = LSTMRegressor(**OPTIONS, loss=loss).fit(X[2:], y[2:, 1] * 1000)
    assert model.history_["loss"][0] < 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_a_training_that_goes_on_keeps_the_first_scales(kind, call):
    """Later rows are scaled as the first ones were, or the weights would mean something else."""
    X, y = series()
    X = X[:, None]
    X[30:] *= 3
    scaled, undo = by_hand(X, y, np.arange(30))
    models = [kind(**OPTIONS, normalize=normalize, warm_start=True) for normalize in (True, False)]
    for model, (windows, target) in zip(models, ((X, y), scaled), strict=True):
        model.fit(windows[:30], target[:30])
        getattr(model, call)(windows[30:], target[30:])
    fitted, plain = models
    expected = undo(plain.predict(scaled[0][30:]))
    np.testing.assert_allclose(fitted.predict(X[30:]), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="normalize"):
        fitted.set_params(normalize=False).partial_fit(X, y)


# ------------------------------------------------------------------------------- raw numbers


def test_small_changes_of_a_large_number_are_learnt():
    """A series around 1e9 that changes by ones is learnt as the changes alone are."""
    X, y = series()
    model = on_windows().set_params(lstmregressor__epochs=30)
    small = said(model, X, y)
    large = said(model, X + 1e9, y + 1e9)
    np.testing.assert_allclose(large - 1e9, small, atol=1e-3)


@pytest.mark.parametrize(
    "pipeline",
    [
        make_pipeline(LagWindower(12), LSTMRegressor(random_state=0)),
        make_pipeline(
            SeriesMinMaxScaler(), LagWindower(12), LSTMRegressor(units=8, random_state=0)
        ),
        StatefulLSTMRegressor(units=8, epochs=30, random_state=0),
        make_pipeline(LagWindower(12), LSTMRegressor(output_activation="relu", random_state=0)),
        make_pipeline(LagWindower(12), LSTMRegressor(loss="mape", random_state=0)),
    ],
    ids=["windows", "scaled windows", "state", "positive outputs", "percentages"],
)
def test_networks_beat_persistence_on_raw_milk(pipeline):
    """Pounds of milk are predicted better than by repeating the last month."""
    X, y = series_to_supervised(load_milk())
    predicted = pipeline.fit(X[:-36], y[:-36]).predict(X[-36:])
    persistence = root_mean_squared_error(y[-36:], X["milk_lag1"][-36:])
    assert root_mean_squared_error(y[-36:], predicted) < persistence


LOADED = """
import sys, numpy as np, keras
X, expected = np.load(sys.argv[1]), np.load(sys.argv[2])
predicted = keras.models.load_model(sys.argv[3]).predict(X, verbose=0)
np.testing.assert_allclose(predicted.reshape(expected.shape), expected, rtol=1e-5)
assert "sklstm" not in sys.modules
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_saved_network_takes_raw_numbers_in_a_new_process(tmp_path):
    """The file holds the scales in Keras' own layers: raw windows give raw predictions."""
    X, y = series_to_supervised(load_milk())
    model = make_pipeline(LagWindower(12), LSTMRegressor(8, epochs=5, random_state=0)).fit(X, y)
    windows = np.array(model[0].transform(X))[12:]
    files = [str(tmp_path / name) for name in ("X.npy", "y.npy", "network.keras")]
    np.save(files[0], windows)
    np.save(files[1], model[1].predict(windows))
    model[1].model_.save(files[2])
    subprocess.run([sys.executable, "-c", LOADED, *files], check=True, timeout=120)


def test_windows_are_not_copied_to_be_standardised():
    """A fit on 32 MB of windows, a view of a short series, takes 3 MB at most."""
    rows = np.random.default_rng(0).normal(size=(20_000, 1)) + 5
    windows = LagWindower(200).fit(rows).transform(rows)[199:]
    model = LSTMRegressor(1, epochs=1, batch_size=8192, random_state=0)
    y = np.full(len(windows), np.nan)
    y[::400] = 1.0
    model.fit(windows, y)
    tracemalloc.start()
    model.fit(windows, y)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3e6
