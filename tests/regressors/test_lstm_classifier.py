"""LSTMClassifier against stock Keras, scikit-learn's tools and classes worked out by hand."""

import copy
import pickle
import re

import keras
import numpy as np
import pandas as pd
import pytest
from estimators import TABLE
from keras_oracles import FirstWeights, assert_close
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_validate
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.class_weight import compute_sample_weight
from states import assert_same, unchanged

from sklstm import (
    FewRowsTaughtWarning,
    LagWindower,
    LSTMClassifier,
    TransformedSeriesRegressor,
    WindowScaledRegressor,
    backtest,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import load_milk

WINDOW, N_ROWS = 4, 60
DRAWS = np.random.default_rng(0)
X = DRAWS.normal(5, 3, size=(N_ROWS, WINDOW, 2))
SCORE = X[:, -1].sum(axis=1)
#: Labels of two and of three classes, by the newest step of a window.
TWO = np.where(SCORE > 11, "up", "down")
THREE = np.digitize(SCORE, [9, 12])
EACH = pytest.mark.parametrize("y", [TWO, THREE], ids=["two classes", "three classes"])
NET = {"units": 3, "epochs": 2, "random_state": 0}


def tiny(**parameters):
    """Return a classifier that trains in no time."""
    return LSTMClassifier(**{**NET, **parameters})


def by_hand(weights, n_classes, **options):
    """Return the network that a user of Keras would write for so many classes."""
    n, activation = (1, "sigmoid") if n_classes == 2 else (n_classes, "softmax")
    layers = [keras.layers.LSTM(3), keras.layers.Dense(n, activation)]
    model = keras.Sequential([keras.Input((WINDOW, 2)), *layers])
    loss = "binary_crossentropy" if n == 1 else "categorical_crossentropy"
    model.compile(**{"optimizer": "adam", "loss": loss, **options})
    model.set_weights(weights)
    return model


def columns(y):
    """Return what that network learns."""
    codes = np.unique(y, return_inverse=True)[1]
    return codes[:, None] if codes.max() == 1 else np.eye(codes.max() + 1)[codes]


@pytest.mark.parametrize(
    ("y", "class_weight"), [(TWO, "dict"), pytest.param(THREE, "balanced", marks=pytest.mark.slow)]
)
def test_a_fit_is_that_of_stock_keras(y, class_weight):
    """Weights, losses, metrics and probabilities are those of a classifier written by hand."""
    classes = np.unique(y)
    if class_weight == "dict":
        class_weight = {classes[0].item(): 0.2, classes[1].item(): 3}
    look, weight = FirstWeights(), DRAWS.uniform(size=N_ROWS)
    ours = tiny(
        shuffle=False,
        normalize=False,
        callbacks=[look],
        metrics=["accuracy", "auc"],
        class_weight=class_weight,
    ).fit(X, y, sample_weight=weight, X_val=X[:20], y_val=y[:20])
    theirs = by_hand(look.weights, len(classes), metrics=["accuracy", "auc"])
    # Balanced rows are counted by their weights.
    of_class = np.array([weight[y == one].sum() for one in classes])
    balanced = dict(zip(classes, of_class.sum() / of_class / len(classes), strict=True))
    of_rows = compute_sample_weight(balanced if class_weight == "balanced" else class_weight, y)
    log = theirs.fit(
        X,
        columns(y),
        sample_weight=weight * of_rows,
        validation_data=(X[:20], columns(y)[:20], of_rows[:20]),
        epochs=2,
        shuffle=False,
        verbose=0,
    )
    assert_close(ours.model_.get_weights(), theirs.get_weights(), atol=1e-5)
    assert ours.history_.keys() == log.history.keys()
    for name, values in log.history.items():
        assert ours.history_[name] == pytest.approx(values, abs=1e-5), name
    expected = theirs.predict(X, verbose=0)
    if len(classes) == 2:
        expected = np.hstack([1 - expected, expected])
    probabilities = ours.predict_proba(X)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(ours.predict_log_proba(X), np.log(expected), atol=1e-4)
    np.testing.assert_array_equal(ours.predict(X), classes[expected.argmax(axis=1)])
    assert ours.score(X, y) == np.mean(classes[expected.argmax(axis=1)] == y)


# Keras 3.15 does not speak NumPy 2's array protocol when it saves.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_inputs_are_standardised_and_the_model_takes_raw_numbers(tmp_path):
    """A fit equals that on standardised inputs, and the Keras file returns its probabilities."""
    mean, std = X.reshape(-1, 2).mean(axis=0), X.reshape(-1, 2).std(axis=0)
    model = tiny().fit(X, TWO)
    scaled = tiny(normalize=False).fit((X - mean) / std, TWO)
    expected = scaled.predict_proba((X - mean) / std)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)
    model.model_.save(tmp_path / "classes.keras")
    kept = keras.saving.load_model(tmp_path / "classes.keras").predict(X, verbose=0)
    np.testing.assert_allclose(kept[:, -1], expected[:, -1], atol=1e-5)


#: Labels of every kind, with unknown ones, and what their classes are.
LABELS = {
    "text and None": (np.where(SCORE > 11, "up", None), None),
    "objects": (np.array([*TWO[:50], *[None] * 10], object), ["down", "up"]),
    "text of pandas": (pd.Series([*TWO[:50], *[pd.NA] * 10], dtype="string"), ["down", "up"]),
    "categories": (pd.Series([*TWO[:50], *[None] * 10], dtype="category"), ["down", "up"]),
    "bools": (pd.Series([*(TWO == "up")[:50], *[None] * 10], dtype="boolean"), [False, True]),
    "bools as objects": (pd.Series([*(TWO == "up")[:50], *[np.nan] * 10]), [False, True]),
    "ints of pandas": (pd.Series([*THREE[:50], *[pd.NA] * 10], dtype="Int64"), [0, 1, 2]),
    "floats": (np.array([*THREE[:50], *[np.nan] * 10]), [0.0, 1.0, 2.0]),
    "negative": (np.where(TWO == "up", 1, -1), [-1, 1]),
    "one of three everywhere": (THREE.astype(np.int8), [0, 1, 2]),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_any_kind_are_learnt_where_they_are_known(name):
    """Rows without a label teach nothing; the others are learnt as numbers of classes would be."""
    y, classes = LABELS[name]
    is_known = ~pd.isna(y)
    if classes is None:  # one class is left
        with pytest.raises(ValueError, match="y holds only one class, \\['up'\\]"):
            tiny().fit(X, y)
        return
    model = tiny(normalize=False).fit(X, y)
    assert model.classes_.tolist() == classes
    assert isinstance(model.classes_.tolist()[0], type(classes[0]))
    codes = np.searchsorted(classes, list(pd.Series(y)[is_known]))
    expected = tiny(normalize=False).fit(X[is_known], codes)
    assert_same(model.predict_proba(X), expected.predict_proba(X))
    assert_same(model.predict(X), model.classes_[expected.predict(X)])
    assert model.n_samples_fit_ == is_known.sum()


def panel(values):
    """Return rows of two series in turn."""
    index = pd.MultiIndex.from_product([range(len(values) // 2), list("ab")], names=["day", "run"])
    return pd.DataFrame(values, index) if np.ndim(values) > 1 else pd.Series(values, index)


@EACH
def test_rows_of_which_nothing_is_known_get_the_frequencies(y):
    """They get the frequencies of the classes that were learnt; of many series, of their own."""
    rows = X[:, -1]
    model = tiny().fit(rows, y)
    # Those learnt from: all but the rows at the head, whose past is not known.
    head = np.full((4, 2), np.nan)
    expected = pd.Series(y[4:]).value_counts(normalize=True).sort_index().to_numpy()
    model = tiny().fit(np.concatenate([head, rows[4:]]), y)
    np.testing.assert_allclose(model.predict_proba(head), np.tile(expected, (4, 1)))
    table, labels = panel(rows), panel(y)
    model = make_pipeline(LagWindower(3), tiny()).fit(table, labels)
    of_run = [
        [np.mean(labels[4:].xs(run, level="run") == one) for one in np.unique(y)] for run in "ab"
    ]
    first = table[:4].set_axis(table.index[-4:].set_levels(range(100, 130), level=0)) * np.nan
    found = model[-1].predict_proba(LagWindower(3, history="none").fit_transform(first))
    np.testing.assert_allclose(found[:2], of_run)


def test_several_networks_give_the_mean_of_their_probabilities():
    """The networks are those of one generator, one by one."""
    draws = np.random.RandomState(0)
    single = [tiny(random_state=draws).fit(X, THREE).predict_proba(X) for _ in range(2)]
    both = tiny(n_networks=2).fit(X, THREE)
    np.testing.assert_allclose(both.predict_proba(X), np.mean(single, axis=0), atol=1e-7)
    np.testing.assert_allclose(
        both.model_.predict(X, verbose=0)[:, -1], np.mean(single, axis=0)[:, -1], atol=1e-6
    )


def test_copies_and_seeds():
    """Clones, copies and files predict the same bits, and predicting changes nothing."""
    model = tiny(n_networks=2).fit(X, TWO)
    with unchanged(model):
        expected = model.predict_proba(X)
    skops = pytest.importorskip("skops.io")
    kept = skops.dumps(model)
    types = skops.get_untrusted_types(data=kept)
    assert all(name.startswith("sklstm.") for name in types)
    others = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), skops.loads(kept, types)]
    for other in [*others, clone(model).fit(X, TWO)]:
        assert_same(other.predict_proba(X), expected)
        assert_same(other.predict(X), model.predict(X))


def test_epochs_add_up():
    """Partial fits, a warm start and one run of as many epochs learn the same."""
    options = {"shuffle": False, "normalize": False}
    whole = tiny(**options).fit(X, TWO)
    parts = tiny(**options).partial_fit(X, TWO, classes=["up", "down"]).partial_fit(X, TWO)
    warm = tiny(**options, warm_start=True).set_params(epochs=1).fit(X, TWO)
    only_up = tiny(**options, epochs=1).fit(X, TWO)
    for other in (parts, warm.fit(X, TWO)):
        assert_same(other.predict_proba(X), whole.predict_proba(X))
    # A part may hold one class; the classes stay.
    only_up.partial_fit(X[TWO == "up"], TWO[TWO == "up"])
    assert only_up.classes_.tolist() == ["down", "up"]


def test_scikit_learns_tools_take_it_in_a_stock_pipeline():
    """Searches, scorers and calibration on a series equal what is put together by hand."""
    rows, milk = series_to_supervised(load_milk())
    rises = milk > rows["milk_lag1"]
    model = make_pipeline(LagWindower(12), tiny(epochs=1))
    cv = TimeSeriesSplit(2, test_size=24)
    scores = cross_validate(model, rows, rises, cv=cv, scoring=["roc_auc", "neg_log_loss"])
    expected = [
        roc_auc_score(
            rises.iloc[test],
            clone(model)
            .fit(rows.iloc[train], rises.iloc[train])
            .predict_proba(rows.iloc[test])[:, 1],
        )
        for train, test in cv.split(rows)
    ]
    np.testing.assert_allclose(scores["test_roc_auc"], expected)
    grid = {"lagwindower__window": [3, 6]}
    search = GridSearchCV(model, grid, cv=cv, scoring="roc_auc").fit(rows, rises)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(rows[-5:]).dtype == bool


def test_probabilities_can_be_calibrated():
    """CalibratedClassifierCV fits its curve to our probabilities, of a series and of runs."""
    frozen = FrozenEstimator(tiny().fit(X[:40], TWO[:40]))
    for model, y in ((frozen, TWO), (tiny(), THREE)):
        calibrated = CalibratedClassifierCV(model, cv=2).fit(X[40:], y[40:])
        np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    series = make_pipeline(LagWindower(3), tiny(epochs=1))
    calibrated = CalibratedClassifierCV(series, cv=TimeSeriesSplit(2)).fit(TABLE, TWO)
    assert set(calibrated.predict(TABLE)) <= {"up", "down"}
    both = MultiOutputClassifier(tiny(epochs=1)).fit(X, np.column_stack([TWO, THREE]))
    assert both.predict(X).shape == (N_ROWS, 2)


def network(activation):
    """Return a function that builds a network whose last layer has an activation."""

    def build(shape, n_outputs):
        layers = [keras.layers.LSTM(2), keras.layers.Dense(n_outputs, activation)]
        return keras.Sequential([keras.Input(shape), *layers])

    return build


@EACH
def test_a_network_of_the_users_learns_cross_entropy(y):
    """It is trained with the loss of the classes, not with that of numbers."""
    activation = "sigmoid" if y is TWO else "softmax"
    model = tiny(network=network(activation), shuffle=False, learning_rate=1e-9).fit(X, y)
    of_class = model.predict_proba(X)[np.arange(N_ROWS), np.unique(y, return_inverse=True)[1]]
    assert model.history_["loss"][-1] == pytest.approx(-np.log(of_class).mean(), rel=1e-4)


SPARSE = "sparse_categorical_crossentropy"
#: What a user may get wrong: the parameters, the labels, and what the error says.
MISTAKES = {
    "loss of columns": ({"loss": "categorical_crossentropy"}, TWO, "for 2 classes, but expected"),
    "loss of codes": ({"loss": SPARSE}, THREE, "expected one of \\['categorical_crossentropy'"),
    "logits": (
        {"loss": keras.losses.BinaryCrossentropy(from_logits=True)},
        TWO,
        "without from_logits=True",
    ),
    "hinge": ({"loss": "hinge"}, TWO, "outputs are probabilities"),
    "no loss": ({"loss": "binary_crosentropy"}, TWO, "Did you mean 'binary_crossentropy'"),
    "metric of columns": ({"metrics": ["categorical_accuracy"]}, TWO, "Use 'accuracy'"),
    "metric of codes": ({"metrics": ["sparse_categorical_accuracy"]}, THREE, "Use 'accuracy'"),
    "metric of numbers": ({"metrics": [keras.metrics.Accuracy()]}, THREE, "Use 'accuracy'"),
    "linear outputs": ({"network": network(None)}, TWO, "the activation 'sigmoid'"),
    "relu outputs": ({"network": network("relu")}, THREE, "the activation 'softmax'"),
    "unknown class": ({"class_weight": {"Up": 2}}, TWO, "the classes are \\['down', 'up'\\]"),
    "negative weight": ({"class_weight": {"up": -1}}, TWO, "expected numbers from 0 on"),
    "class without weight": ({"class_weight": {"up": 0}}, TWO, "Only one class, 'down'"),
    "one class": ({}, np.full(N_ROWS, 3), "y holds only one class, \\[3\\]"),
    "one class learnt": ({"validation_fraction": 0.2}, np.arange(N_ROWS) > 50, "Only one class"),
    "numbers": ({}, SCORE, "Unknown label type: continuous"),
    "infinity": ({}, np.where(TWO == "up", 1, np.inf), "y holds inf at row"),
    "NaN as text": ({}, np.array(["up", "down", np.nan] * 20), "y holds the text 'nan'"),
    "masked": ({}, np.ma.array(THREE, mask=THREE == 2), "mask would be lost"),
    "several": ({}, np.column_stack([TWO, TWO]), "MultiOutputClassifier"),
    "nothing": ({}, np.full(N_ROWS, np.nan), "no label that is known"),
    "too few": ({}, TWO[1:], "inconsistent numbers of samples"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_with_what_would_do(name):
    """Losses and metrics that would find no error, and labels that are none, are refused."""
    parameters, y, said = MISTAKES[name]
    model = tiny(**parameters)
    with pytest.raises(ValueError, match=said):
        model.fit(X, y)
    assert vars(model).keys() == model.get_params().keys()


UNKNOWN = np.resize(np.array(["up", "down", np.nan], dtype=object), N_ROWS)
#: Labels of which some are not known, made text: as str does it, and as other ways do.
MADE_TEXT = {
    "list": list(map(str, UNKNOWN)),
    "array of text": UNKNOWN.astype(str),
    "array of objects": UNKNOWN.astype(str).astype(object),
    "series": pd.Series(UNKNOWN).map(str),
    "series of text": pd.Series(UNKNOWN).map(str).astype("string"),
    "categories": pd.Series(UNKNOWN).map(str).astype("category"),
    "frame": pd.DataFrame({"y": pd.Series(UNKNOWN).map(str)}),
    "of None": pd.Series(np.where(pd.isna(UNKNOWN), None, UNKNOWN)).map(str),
    "of pandas.NA": pd.Series(UNKNOWN, dtype="string").map(str),
    "of no time": pd.Series(np.where(pd.isna(UNKNOWN), pd.NaT, UNKNOWN)).map(str),
}


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.parametrize("name", MADE_TEXT)
def test_text_made_of_labels_that_are_not_known_is_no_class(name):
    """However the text is held, the message has the code after which such rows are left out."""
    y = MADE_TEXT[name]
    text = np.unique(np.asarray(y, dtype=object).ravel().astype(str))
    text = next(one for one in text if one not in ("up", "down"))
    with pytest.raises(ValueError, match=f"y holds the text '{text}'.*not known") as error:
        tiny().fit(X, y)
    code = re.search(r"dtype=object: y = (.*)\. If", str(error.value)).group(1)
    model = tiny().fit(X, eval(code, {"numpy": np, "y": y}))  # noqa: S307
    assert list(model.classes_) == ["down", "up"]
    assert_close(model.predict_proba(X), tiny().fit(X, UNKNOWN).predict_proba(X))


def test_labels_out_of_step_and_of_several_types_are_refused():
    """Rows and labels have the same index, and labels one type."""
    rows = TABLE[:60]
    with pytest.raises(ValueError, match="X and y are out of step"):
        tiny().fit(rows, pd.Series(THREE, rows.index[::-1]))
    with pytest.raises(ValueError, match="labels of several types"):
        tiny().fit(X, np.array(["up", 1] * 30, dtype=object))


def test_a_class_that_is_held_out_is_told():
    """A class of which no row is learnt keeps its column of probabilities, with a warning."""
    y = np.where(np.arange(N_ROWS) > 55, "late", TWO)
    with pytest.warns(FewRowsTaughtWarning, match=re.escape("the class(es) ['late']")):
        model = tiny(validation_fraction=0.2, class_weight="balanced").fit(X, y)
    assert np.isfinite(model.history_["val_loss"]).all()
    assert model.predict_proba(X).shape == (N_ROWS, 3)


def test_classes_of_later_calls_are_those_of_the_first():
    """New labels, other classes and balanced parts are refused; so is a first part without any."""
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        tiny().partial_fit(X, TWO)
    with pytest.raises(ValueError, match="class_weight='balanced' is not known in partial_fit"):
        tiny(class_weight="balanced").partial_fit(X, TWO, classes=["up", "down"])
    with pytest.raises(ValueError, match="classes holds only one class"):
        tiny().partial_fit(X, TWO, classes=["up"])
    model = tiny(warm_start=True).fit(X, TWO)
    with pytest.raises(ValueError, match="are not those of the calls before"):
        model.partial_fit(X, TWO, classes=["up", "down", "same"])
    for fit in (model.partial_fit, model.fit):
        with pytest.raises(ValueError, match=re.escape("label(s) ['same'], but the classes are")):
            fit(X, np.where(TWO == "up", "same", "down"))
    with pytest.raises(ValueError, match=re.escape("y_val holds the label(s) ['same']")):
        model.fit(X, TWO, X_val=X[:2], y_val=["up", "same"])
    with pytest.raises(ValueError, match="y_val was given without X_val"):
        model.fit(X, TWO, y_val=TWO)
    with pytest.raises(ValueError, match="X_val was given without y_val"):
        model.fit(X, TWO, X_val=X)


def test_what_needs_numbers_refuses_a_classifier():
    """Labels cannot be scaled, fed back or compared with naive forecasts; errors say what can."""
    rows, y = TABLE, pd.Series(THREE, TABLE.index)
    model = make_pipeline(LagWindower(3), tiny())
    for meta in (TransformedSeriesRegressor(model), WindowScaledRegressor(tiny())):
        with pytest.raises(ValueError, match="LSTMClassifier is a classifier"):
            meta.fit(rows, y)
    with pytest.raises(ValueError, match=r"LSTMClassifier is a classifier.*cross_validate"):
        backtest(model, rows, y)
    with pytest.raises(ValueError, match=r"LSTMClassifier is a classifier.*predict_proba"):
        forecast(model.fit(rows, y), rows, 1, y=y)
