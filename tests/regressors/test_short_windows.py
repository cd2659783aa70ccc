"""Windows whose oldest steps are unknown, learnt from as the shorter sequences that they are."""

import functools
import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from keras_oracles import FirstWeights, RowByRow, weights_before
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMClassifier,
    LSTMRegressor,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    ZerosNotMaskedWarning,
)
from sklstm._past._windows import Windows
from sklstm.engine._scale import Scale

N_ROWS, WINDOW = 30, 5
DRAWS = np.random.default_rng(0)
#: Runs of 0 to 5 steps of two columns, far from zero.
RUNS = [DRAWS.normal([50, -3], [4, 0.1], size=(i % 6, 2)) for i in range(N_ROWS)]
Y = np.array([200 + run[:, 0].sum() / 10 for run in RUNS])
WEIGHT = DRAWS.uniform(0.5, 2, N_ROWS)
KNOWN = np.array([len(run) > 0 for run in RUNS])
LEVELS = np.array([0.05, 0.5, 0.95], np.float32)

# Keras 3.15 does not speak NumPy 2's array protocol when it saves.
SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def padded(runs, value=np.nan, length=WINDOW):
    """Return runs as an array whose shorter ones begin with a value."""
    return np.array([[[value, value]] * (length - len(run)) + run.tolist() for run in runs])


X = padded(RUNS)


def tiny(**parameters):
    """Return a network that learns from short windows in no time."""
    defaults = {"units": 3, "epochs": 2, "random_state": 0, "short_windows": "mask"}
    return LSTMRegressor(**{**defaults, **parameters})


def pinball(y, predicted):
    """Return the mean loss of three quantiles."""
    missed = y - predicted
    return keras.ops.mean(keras.ops.maximum(LEVELS * missed, (LEVELS - 1) * missed), axis=-1)


# ------------------------------------------------------------------------------ as stock Keras does


def test_a_fit_steps_through_the_known_steps_alone():
    """Weights, losses and predictions are those of cells that begin with each run."""
    model = tiny(shuffle=False, batch_size=8)
    start = weights_before(clone(model), X, Y)
    model.fit(X, Y, WEIGHT)

    # The scale is that of the known steps, and of the targets that are taught.
    steps, known = np.concatenate(RUNS), np.flatnonzero(KNOWN)
    mean, std = Y[known].mean(), Y[known].std()
    runs = [(RUNS[i] - steps.mean(axis=0)) / steps.std(axis=0) for i in known]
    by_hand = RowByRow(start)
    every_eighth = [range(i, len(known), 8) for i in range(8)]
    rows = {"fresh": range(len(known)), "stretches": every_eighth, "weight": WEIGHT[known]}
    by_hand.train(runs, (Y[known] - mean) / std, epochs=2, **rows)
    assert model.n_samples_fit_ == len(known)
    assert model.history_["loss"] == pytest.approx(by_hand.losses, rel=1e-5)
    expected = [by_hand.predict([run])[0].item() * std + mean for run in runs]
    predicted = model.predict(X)
    np.testing.assert_allclose(predicted[known], expected, rtol=1e-6)
    np.testing.assert_allclose(predicted[~KNOWN], mean)


@SAVES
@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "loss"),
    [("auto", "mse"), ("keras", "mse"), ("layer", "quantile"), ("auto", "quantile")],
)
def test_a_fit_is_that_of_keras_behind_masking(engine, loss, tmp_path):
    """With early stopping by short validation windows, with weights and a dense head."""
    look, n_outputs = FirstWeights(), 3 if loss == "quantile" else 1
    model = tiny(dense_units=4, loss=loss, engine=engine, learning_rate=0.2, batch_size=8)
    model.set_params(epochs=9, early_stopping=True, patience=1, shuffle=False, callbacks=[look])
    model.fit(X, Y, WEIGHT, X_val=X[:12], y_val=Y[12:24])

    # The scale is that of the known steps, and of the targets that are taught.
    steps, target = np.concatenate(RUNS), Y[KNOWN]
    inputs = padded([(run - steps.mean(axis=0)) / steps.std(axis=0) for run in RUNS], value=-99.0)
    outputs = ((Y - target.mean()) / target.std())[:, None]
    layers = [keras.layers.LSTM(3), keras.layers.Dense(4, "relu"), keras.layers.Dense(n_outputs)]
    by_hand = keras.Sequential([keras.Input((None, 2)), keras.layers.Masking(-99.0), *layers])
    by_hand.compile(keras.optimizers.Adam(0.2), pinball if loss == "quantile" else "mse")
    by_hand.set_weights(look.weights)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    log = by_hand.fit(
        inputs[KNOWN],
        outputs[KNOWN],
        sample_weight=WEIGHT[KNOWN],
        validation_data=(inputs[:12][KNOWN[:12]], outputs[12:24][KNOWN[:12]]),
        epochs=9,
        batch_size=8,
        shuffle=False,
        verbose=0,
        callbacks=[stop],
    )
    assert 1 < model.n_iter_ < 9
    assert model.n_samples_fit_ == KNOWN.sum()
    # With a learning rate of 0.2, rounding grows from epoch to epoch: on an AMD EPYC to 1.1e-5.
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4)
    for name, values in log.history.items():
        close(model.history_[name], values)
    expected = by_hand.predict(inputs, verbose=0) * target.std() + target.mean()
    predicted = model.predict(X)
    median = np.sort(expected)[:, n_outputs // 2]
    close(predicted[KNOWN], median[KNOWN])
    of_unknown = np.median(target) if loss == "quantile" else target.mean()
    np.testing.assert_allclose(predicted[~KNOWN], of_unknown)

    # A file of Keras takes the same windows, of any length, with NaN where nothing is known.
    model.model_.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    from_file = loaded.predict(padded(RUNS, length=WINDOW + 2), verbose=0)
    close(from_file[KNOWN], expected[KNOWN])


def test_full_windows_are_learnt_as_without_masks():
    """Where nothing is unknown, a mask changes no prediction."""
    full = DRAWS.normal(size=(N_ROWS, WINDOW, 2))
    masked, skipped = (
        tiny(short_windows=how).fit(full, Y).predict(full) for how in ("mask", "skip")
    )
    np.testing.assert_allclose(masked, skipped, rtol=1e-6)


SERIES = DRAWS.normal(50, 4, size=(30, 2))
SERIES[:3] = np.nan  # as after a difference
VIEW, FOLDED = (LagWindower(4, fold=fold).fit_transform(SERIES) for fold in (1, 2))


@pytest.mark.parametrize("windows", [VIEW, np.array(VIEW)[::-1], FOLDED], ids=type)
def test_the_scale_is_that_of_the_known_steps(windows):
    """Each row counts as often as it stands in a known step, whatever holds the windows."""
    values = np.asarray(windows)
    n_unknown = np.isnan(values).any(axis=2).sum(axis=1)
    taught = np.flatnonzero(n_unknown < values.shape[1])
    assert len(set(n_unknown[taught])) == values.shape[1]
    scale = Scale.of(Windows.of(windows)[taught], n_unknown[taught])
    # The rows of a folded step share the scale of their column.
    known, fold = values[taught].reshape(-1, 2), values.shape[2] // 2
    np.testing.assert_allclose(scale.mean, np.tile(np.nanmean(known, axis=0), fold))
    np.testing.assert_allclose(scale.spread, np.tile(np.nanstd(known, axis=0), fold))


# -------------------------------------------------------------------------------- lists of runs


@pytest.mark.parametrize("kind", ["list", "objects", "tables"])
def test_a_list_of_runs_is_the_padded_array(kind):
    """In fit, in validation, in predict, in partial_fit, and whatever the longest run is."""
    runs = RUNS if kind == "list" else [pd.DataFrame(run, columns=["a", "b"]) for run in RUNS]
    if kind == "objects":
        runs = np.empty(N_ROWS, object)
        runs[:] = RUNS
    known = {"X_val": runs[1:4], "y_val": Y[1:4]}
    model = tiny(n_networks=2).fit(runs, Y, **known).partial_fit(runs[:3], Y[:3])
    known["X_val"] = padded(RUNS[1:4], length=3)
    array = tiny(n_networks=2).fit(X, Y, **known).partial_fit(padded(RUNS[:3], length=2), Y[:3])
    assert model.history_ == array.history_
    np.testing.assert_allclose(model.predict(runs), array.predict(X), rtol=1e-6)
    np.testing.assert_allclose(model.predict(runs[:3]), array.predict(X)[:3], rtol=1e-6)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(runs), model.predict(runs))


def test_runs_that_are_tables_keep_the_order_of_their_columns():
    """Numbers of other columns would be taken for those of the columns learnt from."""
    runs = [pd.DataFrame(run, columns=["a", "b"]) for run in RUNS]
    model = tiny().fit(runs, Y)
    assert model.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        model.predict([run[["b", "a"]] for run in runs])
    with pytest.raises(ValueError, match="seen at fit time, yet now missing"):
        model.predict([run.rename(columns={"a": "c"}) for run in runs])


def test_runs_are_cross_validated_as_rows_are():
    """Folds of runs are those of the padded array."""
    how = {"groups": np.arange(N_ROWS) // 4, "cv": GroupKFold(2)}
    ours = cross_val_predict(tiny(epochs=1), RUNS, Y, **how)
    np.testing.assert_allclose(ours, cross_val_predict(tiny(epochs=1), X, Y, **how), rtol=1e-6)


@pytest.mark.parametrize("sides", [1, -1], ids=["in front", "behind"])
def test_runs_padded_with_zeros_are_told(sides):
    """They would be learnt as values; where other windows have NaN, zeros are values."""
    zeros = padded(RUNS, value=0.0)[:, ::sides]
    with pytest.warns(ZerosNotMaskedWarning, match="20 of 30 windows begin or end") as caught:
        tiny(epochs=1).fit(zeros, Y)
    assert [warning.filename for warning in caught] == [__file__]
    tiny(epochs=1).fit(np.concatenate([X, padded([np.zeros((4, 2))])]), np.append(Y, 0))


FLAT = [run[:, 0] for run in RUNS]
REFUSED = {
    "skip": (tiny(short_windows="skip"), RUNS, "30 runs have 0 to 5 steps.*short_windows='mask'"),
    "a state": (StatefulLSTMRegressor(1), RUNS, r"LSTMRegressor\(short_windows='mask'\)"),
    "scaled windows": (WindowScaledRegressor(tiny()), RUNS, "WindowScaledRegressor takes runs of"),
    "one column": (tiny(), FLAT, r"run.reshape\(-1, 1\)"),
    "other columns": (tiny(), [*RUNS[:-1], RUNS[-1][:, :1]], "with the same columns"),
    "other names": (
        tiny(),
        [pd.DataFrame(run, columns=list("ba" if i else "ab")) for i, run in enumerate(RUNS)],
        "with the same columns",
    ),
    "names and none": (tiny(), [*RUNS[:-1], pd.DataFrame(RUNS[-1])], "with the same columns"),
    "text": (tiny(), [run.astype(str) for run in RUNS], "text"),
    "padded behind": (tiny(), X[:, ::-1], "in front of their first step"),
    "a network": (tiny(network=keras.Sequential()), X, "keras.layers.Masking.*normalize=False"),
    "validation rows": (tiny(), X, "windows of 1 step"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_taken_is_refused_with_the_way(name):
    """The message names what would do."""
    model, runs, message = REFUSED[name]
    more = {"X_val": X[:, -1], "y_val": Y} if name == "validation rows" else {}
    with pytest.raises(ValueError, match=message):
        model.fit(runs, Y, **more)


@pytest.mark.parametrize("short_windows", ["skip", "mask"])
def test_one_run_is_predicted_as_a_list_of_one(short_windows):
    """By itself it would be several windows of one step, in training, too."""
    model = tiny(short_windows=short_windows).fit(RUNS[5::6], Y[5::6])
    for method in (model.predict, lambda run: model.partial_fit(run, Y[:5])):
        with pytest.raises(ValueError, match=r"5 rows would be a window of one step.*\[run\]"):
            method(RUNS[5])
    np.testing.assert_allclose(model.predict([RUNS[5]]), model.predict(X[5:6]), rtol=1e-6)


# --------------------------------------------------------------------------------- in other models


@pytest.mark.filterwarnings("ignore::sklstm.FewRowsTaughtWarning")
def test_training_does_not_go_on_with_masks_that_it_began_without():
    """Nor is a fitted network asked otherwise after its parameter was changed."""
    model = tiny(warm_start=True).fit(X, Y)
    predicted = model.predict(X)
    np.testing.assert_array_equal(model.set_params(short_windows="skip").predict(X), predicted)
    with pytest.raises(ValueError, match="short_windows from 'mask' to 'skip'"):
        model.fit(X, Y)


def test_the_first_rows_of_a_differenced_series_are_learnt():
    """All but the one that has no difference before it."""
    y = pd.Series(DRAWS.normal(size=N_ROWS).cumsum(), name="sold")
    rows = pd.DataFrame({"sold_lag1": y.shift()})[1:]
    model = make_pipeline(LagWindower(12), tiny(epochs=1))
    model = TransformedSeriesRegressor(model, Differencer()).fit(rows, y[1:])
    assert model.regressor_[-1].n_samples_fit_ == N_ROWS - 2


@pytest.mark.parametrize("fold", [1, 2])
def test_scaled_windows_are_scaled_by_their_known_steps(fold):
    """What a loop makes of level and spread is learnt, with the unknown steps left unknown."""
    series = DRAWS.normal(50, 4, size=(N_ROWS + 1, 1)).cumsum(axis=0)
    windows = LagWindower(6, fold=fold).fit_transform(series[:-1])
    y = series[1:, 0]
    level, spread = np.empty((2, N_ROWS))
    scaled = np.array(windows)
    for i, window in enumerate(np.array(windows)):
        values = series[max(i - 5, 0) : i + 1]
        level[i], spread[i] = values.mean(), values.std()
        scaled[i] = (window - level[i]) / (spread[i] or 1)
    target = np.where(spread, (y - level) / np.where(spread, spread, 1), np.nan)
    inner = tiny(normalize=False)
    model = WindowScaledRegressor(inner).fit(windows, y)
    by_hand = clone(inner).fit(scaled, target)
    # The first window has no spread; folded by two rows, the second is the first with a known step.
    assert by_hand.n_samples_fit_ == model.regressor_.n_samples_fit_ == N_ROWS - 1
    expected = by_hand.predict(scaled) * spread + level
    np.testing.assert_allclose(model.predict(windows)[1:], expected[1:], rtol=1e-5)


def test_a_classifier_takes_runs():
    """Its probabilities are those of cells that step through each run."""
    labels = np.where(KNOWN & (Y > 207), "long", "short")
    model = LSTMClassifier(3, epochs=1, random_state=0, short_windows="mask").fit(RUNS, labels)
    assert model.n_samples_fit_ == KNOWN.sum()
    steps = np.concatenate(RUNS)
    by_hand = RowByRow(model.model_.get_weights())
    for i, probabilities in enumerate(model.predict_proba(RUNS)):
        if KNOWN[i]:
            run = (RUNS[i] - steps.mean(axis=0)) / steps.std(axis=0)
            odds = np.exp(by_hand.predict([run])[0].item())
            expected = np.array([1, odds]) / (1 + odds)
            np.testing.assert_allclose(probabilities, expected, rtol=1e-5)
