"""Fitted models come back whole from joblib, cloudpickle and skops, and may be frozen."""

import errno
import io
import os
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from estimators import LSTM, N_TRAIN, NETWORKS, REGRESSORS, TABLE, X, Y, own_network
from sklearn.base import clone
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from states import unchanged

import sklstm
from sklstm import (
    Differencer,
    KeptVersionWarning,
    LagWindower,
    LSTMClassifier,
    LSTMRegressor,
    TimeStepSplit,
    TransformedSeriesRegressor,
    forecast_scorer,
)

PAST, NEW, Y_PAST = TABLE[:N_TRAIN], TABLE[N_TRAIN:], Y[:N_TRAIN]
MODELS = {**NETWORKS, "ridge": REGRESSORS["ridge, one step ahead"]}


@pytest.fixture(scope="module")
def fitted():
    """A fitted network on differences."""
    return clone(NETWORKS["LSTM, one step ahead"]).fit(PAST, Y_PAST)


def test_a_model_survives_joblib(fitted):
    """The network and what the transformers remember come back, also from a compressed file."""
    file = io.BytesIO()
    joblib.dump(fitted, file, compress=3)
    file.seek(0)
    np.testing.assert_array_equal(joblib.load(file).predict(NEW), fitted.predict(NEW))


class FullDisk(io.BytesIO):
    """A file on a disk that has room for some bytes."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def write(self, data):
        """Write what there is room for, or raise."""
        self.room -= len(memoryview(data).cast("B"))
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


@pytest.mark.parametrize("compress", [0, 3])
def test_a_full_disk_leaves_the_model_as_it_was(fitted, compress):
    """The error is that of the disk, wherever it strikes, and the model can be kept elsewhere."""
    whole = io.BytesIO()
    joblib.dump(fitted, whole, compress=compress)
    size = len(whole.getvalue())
    expected = fitted.predict(NEW)
    for room in (0, size // 2, size - 1):
        with unchanged(fitted), pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            joblib.dump(fitted, FullDisk(room), compress=compress)
    np.testing.assert_array_equal(fitted.predict(NEW), expected)
    again = io.BytesIO()
    joblib.dump(fitted, again, compress=compress)
    again.seek(0)
    np.testing.assert_array_equal(joblib.load(again).predict(NEW), expected)


@pytest.mark.parametrize("compress", [0, 3])
def test_no_part_of_a_file_is_loaded(fitted, compress):
    """A file that was cut short raises an exception, whatever byte of the model it ends with."""
    whole = io.BytesIO()
    joblib.dump(fitted, whole, compress=compress)
    # Behind the model, zlib puts the end of its block and a sum of 4 bytes, which joblib 1.3 does
    # not read.
    n_bytes = len(whole.getvalue()) - (8 if compress else 0)
    for stop in range(0, n_bytes, 61):
        with pytest.raises(Exception):  # noqa: B017, PT011 - joblib's own, of many types
            joblib.load(io.BytesIO(whole.getvalue()[:stop]))


@pytest.mark.parametrize("content", [b"", b"day,sold\n1,2\n", b"PK\x03\x04....", b"\x89HDF\r\n"])
def test_a_foreign_file_is_not_loaded(content):
    """Text, and files of other programs, raise an exception."""
    with pytest.raises(Exception):  # noqa: B017, PT011 - joblib's own, of many types
        joblib.load(io.BytesIO(content))


def test_a_model_with_a_local_network_survives_cloudpickle():
    """Cloudpickle takes a network that a lambda builds, which pickle refuses."""
    cloudpickle = pytest.importorskip("cloudpickle")
    model = LSTMRegressor(network=lambda *args: own_network(*args), epochs=1).fit(PAST, Y_PAST)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(model)
    restored = cloudpickle.loads(cloudpickle.dumps(model))
    np.testing.assert_array_equal(restored.predict(NEW), model.predict(NEW))


def test_a_frozen_model_is_not_trained_again(fitted):
    """FrozenEstimator keeps the fitted model in clones, and as a part of others."""
    frozen = FrozenEstimator(fitted)
    clone(frozen).fit(PAST[:30], Y_PAST[:30])
    np.testing.assert_array_equal(frozen.predict(NEW), fitted.predict(NEW))
    voting = VotingRegressor([("frozen", frozen)]).fit(PAST[:30], Y_PAST[:30])
    np.testing.assert_array_equal(voting.predict(NEW), fitted.predict(NEW))


def skops_io():
    """Return skops' module, where it is installed."""
    return pytest.importorskip("skops.io")


def load_with_skops(kept):
    """Load a model whose types are all trusted."""
    return skops_io().loads(kept, trusted=skops_io().get_untrusted_types(data=kept))


def assert_survives(model, rows, own=("sklstm.",)):
    """Assert that skops keeps a model, once the package's own classes are trusted by name."""
    kept = skops_io().dumps(model)
    types = skops_io().get_untrusted_types(data=kept)
    assert all(name.startswith(own) for name in types)
    restored = load_with_skops(kept)
    np.testing.assert_array_equal(restored.predict(rows), model.predict(rows))
    return restored


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_model_survives_skops(model):
    """Without pickle, a model of arrays or of a table comes back whole."""
    assert_survives(clone(model).fit(X[:N_TRAIN], Y_PAST), X[N_TRAIN:])
    assert_survives(clone(model).fit(PAST, Y_PAST), NEW)


CLASSES = np.where(np.median(Y_PAST) < Y_PAST, "high", "low")


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (LSTMClassifier(**LSTM, n_networks=2, class_weight="balanced"), CLASSES),
        (LSTMRegressor(**LSTM, cell="gru", bidirectional=True, short_windows="mask"), Y_PAST),
    ],
    ids=["classifier", "GRU"],
)
def test_a_model_of_tables_survives_skops(model, target):
    """Classes and masked windows come back whole, once ours are trusted by name."""
    assert_survives(clone(model).fit(PAST, target), NEW)


def test_a_search_survives_skops():
    """Our splitter and our scorer come back; skops also lists what scikit-learn scores with."""
    search = GridSearchCV(
        TransformedSeriesRegressor(Ridge(), Differencer(), y_lag="a"),
        {"regressor__alpha": [1.0, 9.0]},
        cv=TimeStepSplit(2),
        scoring=forecast_scorer(steps=2, y_lag="a", future_inputs="b"),
    ).fit(PAST, Y_PAST)
    restored = assert_survives(search, NEW, own=("sklstm.", "sklearn.metrics."))
    assert restored.score(NEW, Y[N_TRAIN:]) == search.score(NEW, Y[N_TRAIN:])


@pytest.mark.parametrize(
    "labels",
    [
        pd.date_range("1990-01-01", periods=len(X), freq="MS", tz="Europe/Berlin"),
        pd.period_range("1990-01", periods=len(X), freq="M"),
        pd.timedelta_range("1h", periods=len(X), freq="h"),
        pd.RangeIndex(len(X)),
        pd.DatetimeIndex(np.cumsum(np.arange(1, len(X) + 1)).astype("datetime64[D]")),
        pd.Index([f"row {i:03}" for i in range(len(X))]),
    ],
    ids=["months of a town", "periods", "durations", "numbers", "irregular", "text"],
)
def test_labels_survive_skops(labels):
    """Labels are kept as plain values, so only our types are trusted, and rows find their past.

    So do the labels of a row that waits for its target.
    """
    table, target = TABLE.set_axis(labels), Y_PAST.copy()
    target[-1] = np.nan
    learner = make_pipeline(LagWindower(3, flatten=True), SGDRegressor(random_state=0))
    model = clone(MODELS["ridge"]).set_params(regressor=learner).fit(table[:N_TRAIN], target)
    restored = assert_survives(model, table[N_TRAIN - 5 :])
    for one in (model, restored):
        one.partial_fit(table[N_TRAIN:], Y[N_TRAIN:])
    np.testing.assert_array_equal(restored.predict(table), model.predict(table))


KEPT = {
    "pickle": (pickle.dumps, pickle.loads),
    "skops": (lambda model: skops_io().dumps(model), load_with_skops),
}


@pytest.mark.parametrize("how", KEPT)
@pytest.mark.parametrize("name", ["pipeline of ours", "network"])
def test_a_model_of_another_version_is_named(how, name, fitted, monkeypatch):
    """A warning names both versions, and is one of scikit-learn's; this version is silent."""
    dump, load = KEPT[how]
    model = fitted if name == "network" else MODELS["ridge"]
    kept = dump(model)
    load(kept)
    monkeypatch.setattr(sklstm, "__version__", "9.1")
    with pytest.warns(InconsistentVersionWarning, match="made by version .* this is version 9.1"):
        load(kept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KeptVersionWarning)
        load(kept)
    load(dump(model))


def test_skops_trusts_nothing_by_itself():
    """A kept network is not loaded unless its classes are trusted."""
    skops = pytest.importorskip("skops.io")
    kept = skops.dumps(LSTMRegressor(**LSTM).fit(PAST, Y_PAST))
    with pytest.raises(skops.exceptions.UntrustedTypesFoundException, match="sklstm"):
        skops.loads(kept)
