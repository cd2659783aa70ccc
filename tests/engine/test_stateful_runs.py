"""Stateful runs against loops that are written by hand in stock Keras."""

import itertools
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras_oracles import (
    RowByRow,
    assert_close,
    first_weights,
    stateful_keras,
    train_and_reset,
    windows,
)

from sklstm.engine._runs._plan import plan
from sklstm.engine._spec import NetworkSpec, Rows, Trained, TrainingSpec
from sklstm.engine._train import train


def everyday(cases, chosen):
    """Mark all cases but the chosen ones as slow."""
    return [pytest.param(*case, marks=() if case in chosen else pytest.mark.slow) for case in cases]


def network(units=(4,), n_features=1, cell="lstm"):
    """Return a small stateful network."""
    return NetworkSpec(units=units, n_features=n_features, cell=cell, stateful=True)


def trained_from(weights, spec, rows, **training):
    """Train from these weights."""
    return train(spec, TrainingSpec(**training), rows, seed=0, start=Trained(weights, []))


KINDS = {
    # units, window, features, cell, lanes
    "rows": ((4,), 1, 1, "lstm", 1),
    "windows": ((4,), 3, 1, "lstm", 1),
    "stacked lanes": ((3, 2), 3, 2, "lstm", 3),
    "stacked lanes of GRU": ((3, 2), 3, 2, "gru", 3),
}


@pytest.mark.parametrize(
    ("kind", "engine"),
    everyday(
        itertools.product(KINDS, ("layer", "block", "matmul", "xla")),
        {
            ("rows", "block"),
            ("windows", "block"),
        },
    ),
)
def test_every_engine_equals_keras_fed_in_order(kind, engine):
    """A batch is one row of each stretch; the state is reset after each epoch."""
    units, window, n_features, cell, lanes = KINDS[kind]
    spec = network(units, n_features, cell)
    X, y = windows(9, window, n_features)
    weights = first_weights(spec)
    rows = Rows(X, np.arange(9), y)
    trained = trained_from(weights, spec, rows, epochs=4, batch_size=lanes, engine=engine)
    model = stateful_keras(weights, units, window, n_features, cell=cell, lanes=lanes)
    order = np.arange(9).reshape(lanes, -1).T.ravel()
    losses = train_and_reset(model, X[order], y[order], 4, batch_size=lanes)
    assert_close(trained.weights, model.get_weights(), 1e-5)
    np.testing.assert_allclose(trained.history["loss"], losses, rtol=1e-5)


PAIRS = {"batch_size": 2, "bptt_steps": 2}
HAND_LOOPS = {
    # rows, rows whose past is not known, rows without a target, parameters, rows of a zero state
    "lanes": (12, [], [], {"batch_size": 3}, []),
    "lanes that are not full": (11, [], [], {"batch_size": 3, "bptt_steps": 2}, []),
    "breaks": (11, [3, 8], [], {}, [3, 8]),
    "a reset every four rows": (11, [], [], {"reset_states": 4}, [4, 8]),
    "a reset every four rows and a break": (11, [5], [], {"reset_states": 4}, [4, 5, 8]),
    "rows without a target": (11, [], [3, 9], {"batch_size": 2}, []),
    **{
        f"rows without a target, {engine}": (11, [], [3, 9], {**PAIRS, "engine": engine}, [])
        for engine in ("keras", "layer", "block", "matmul", "xla")
    },
}


@pytest.mark.parametrize(
    ("name", "weighted", "cell"),
    everyday(
        itertools.product(HAND_LOOPS, (False, True), ("lstm", "gru")),
        {
            *(
                (name, True, "lstm")
                for name in HAND_LOOPS
                if not name.endswith(("layer", "matmul", "xla"))
            ),
            ("lanes that are not full", True, "gru"),
        },
    ),
)
def test_lanes_resets_and_gaps_equal_the_hand_loop(name, weighted, cell):
    """Rows find the same state and teach the same; without a target they only move the state."""
    n, breaks, untaught, options, fresh = HAND_LOOPS[name]
    spec = network((4, 3), 2, cell)
    X, y = windows(n, 2, 2)
    y[untaught] = np.nan
    sample_weight = np.random.default_rng(1).uniform(0.2, 2, n) if weighted else None
    weights = first_weights(spec)
    options = {"batch_size": 1, "bptt_steps": 1, **options}
    rows = Rows(X, np.arange(n), y, sample_weight, breaks)
    trained = trained_from(weights, spec, rows, epochs=2, optimizer="sgd", **options)
    loop = RowByRow(weights, (4, 3), cell=cell, optimizer="sgd")
    lanes, chunk = options["batch_size"], options["bptt_steps"]
    loop.train(X, y, epochs=2, lanes=lanes, chunk=chunk, weight=sample_weight, fresh=fresh)
    assert_close(trained.weights, loop.weights(), 1e-5)
    np.testing.assert_allclose(trained.history["loss"], loop.losses, rtol=1e-5)


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param("layer", marks=pytest.mark.slow),
        "block",
        pytest.param("matmul", marks=pytest.mark.slow),
        pytest.param("xla", marks=pytest.mark.slow),
    ],
)
def test_series_that_take_turns_in_lanes_equal_the_hand_loop(engine):
    """Series 2 comes after series 0, series 3 after series 1, each from a state of zero."""
    spec = network()
    X, y = windows(12)
    series = np.arange(12) % 4
    weights = first_weights(spec)
    rows = Rows(X, np.arange(12), y, series=series)
    trained = trained_from(weights, spec, rows, epochs=2, batch_size=2, engine=engine)
    loop = RowByRow(weights, (4,))
    lanes = [[0, 4, 8, 2, 6, 10], [1, 5, 9, 3, 7, 11]]
    loop.train(X, y, epochs=2, stretches=lanes, fresh=[2, 3])
    assert_close(trained.weights, loop.weights(), 1e-5)
    np.testing.assert_allclose(trained.history["loss"], loop.losses, rtol=1e-5)


def test_dropout_draws_what_stock_layers_draw():
    """Also after a step that teaches nothing, and in the second layer."""
    spec = replace(network((4, 3), 2), dropout=0.4)
    X, y = windows(9, 2, 2)
    y[3] = np.nan
    plain, stock = (
        trained_from(
            first_weights(spec),
            spec,
            Rows(X, np.arange(9), y),
            epochs=3,
            batch_size=1,
            engine=engine,
        )
        for engine in ("block", "layer")
    )
    assert_close(plain.weights, stock.weights, 1e-5)


@pytest.mark.parametrize("breaks", [[], [5]])
def test_a_state_that_is_never_reset_runs_on_into_the_next_epoch(breaks):
    """Only a break sets it to zero."""
    spec = network()
    X, y = windows(10)
    weights = first_weights(spec)
    rows = Rows(X, np.arange(10), y, breaks=breaks)
    trained = trained_from(weights, spec, rows, epochs=2, batch_size=1, reset_states="never")
    loop = RowByRow(weights, (4,))
    states = loop.train(X, y, fresh=breaks)
    loop.train(X, y, fresh=breaks, states=states)
    assert_close(trained.weights, loop.weights(), 1e-5)


def test_an_update_does_not_reach_over_a_break():
    """The rows before a break are an update of their own, and so are those up to the next one."""
    steps = plan(11, chunk=4, breaks=[3, 8])
    of_steps = [rows[:count] for [rows], [count] in zip(steps.rows, steps.counts, strict=True)]
    assert list(map(list, of_steps)) == [[0, 1, 2], [3, 4, 5, 6], [7], [8, 9, 10]]
    assert steps.resets.ravel().tolist() == [True, True, False, True]


def test_hooks_on_batches_are_called_for_each_update():
    """The held-out rows, over which the state runs on, are one batch."""
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(("update", batch, logs["loss"])),
        on_test_begin=lambda logs: seen.append(("validation",)),
        on_test_batch_end=lambda batch, logs: seen.append(("held out", batch, logs["loss"])),
    )
    X, y = windows(8)
    rows, held_out = Rows(X, np.arange(6), y), Rows(X, np.arange(6, 8), y)
    training = {"epochs": 2, "batch_size": 1}
    plain, watched = (
        train(network(), TrainingSpec(**training, callbacks=callbacks), rows, held_out, seed=0)
        for callbacks in (None, [callback])
    )
    assert watched.history == plain.history
    of_epoch = [*[("update", batch) for batch in range(6)], ("validation",), ("held out", 0)]
    assert [call[:2] for call in seen] == 2 * of_epoch
    assert [call[2] for call in seen[5::8]] == plain.history["loss"]
    assert [call[2] for call in seen[7::8]] == plain.history["val_loss"]
