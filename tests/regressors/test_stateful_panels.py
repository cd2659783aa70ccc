"""StatefulLSTMRegressor on a table of many series, against loops over the series."""

import copy
import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_oracles import (
    RowByRow,
    assert_close,
    lstm_by_hand,
    reset,
    stateful_keras,
    weights_before,
    weights_of,
)
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    StatefulLSTMRegressor,
    StateResetWarning,
    TransformedSeriesRegressor,
    series_to_supervised,
)

# First and last month of each series, counted from January 2001.
SPANS = {"b": (0, 9), "a": (2, 8), "c": (1, 4)}


def panel(spans=SPANS, seed=0, gaps=()):
    """Return rows of series that begin and end at their own times, and targets that need memory."""
    draws = np.random.default_rng(seed)
    parts = {}
    for name, (first, stop) in sorted(spans.items(), key=lambda item: str(item[0])):
        months = pd.period_range("2001-01", periods=stop, freq="M")[first:]
        values = draws.normal(size=len(months))
        parts[name] = pd.DataFrame({"x": values, "y": np.cumsum(values) / 3}, index=months)
    table = pd.concat(parts, names=["store", "month"]).swaplevel().sort_index()
    table = table.drop([(pd.Period(month, "M"), name) for month, name in gaps])
    return table[["x"]], table["y"]


def regressor(**parameters):
    """Return a small regressor; few architectures, because each is traced."""
    defaults = {"units": 3, "normalize": False, "epochs": 2, "learning_rate": 0.05}
    return StatefulLSTMRegressor(**{**defaults, "random_state": 0, **parameters})


def row_by_row(weights):
    """Return the network of `regressor`, stepped through by hand."""
    return RowByRow(weights, optimizer=keras.optimizers.Adam(0.05))


def places(X):
    """Return the rows of each series of a table."""
    return {name: np.flatnonzero(X.index.get_level_values(1) == name) for name in names(X)}


def names(X):
    """Return the names of the series of a table, sorted."""
    return sorted(set(X.index.get_level_values(1)))


def months_of(X):
    """Return the months of rows as numbers."""
    return np.array([month.ordinal for month in X.index.get_level_values(0)])


def loop(weights, X, states=None):
    """Return predictions for a table series by series, from zero after a gap, and the states."""
    predicted, after = np.zeros(len(X)), dict(states or {})
    for name, rows in places(X).items():
        months = months_of(X)[rows]
        state = after.get(name)
        for part in np.split(rows, np.flatnonzero(np.diff(months) > 1) + 1):
            predicted[part], state = lstm_by_hand(weights, X.to_numpy()[part], state)
            after[name], state = state, None
    return predicted, after


def assert_states(model, states):
    """Assert that `state_` holds the states of these series in the order of `series_`."""
    assert [state.shape for state in model.state_] == 2 * [(len(model.series_), 3)]
    for name, expected in states.items():
        slot = model.series_.get_loc(name)
        assert_close([state[slot] for state in model.state_], expected, atol=1e-5)


def train_in_order(plain, X, y, lanes, states):
    """Train for one epoch, all series side by side or each in turn, and return their states."""
    of_series, values, target = places(X), X.to_numpy(), y.to_numpy()
    states = {name: states.get(name, plain.zeros()) for name in of_series}
    if lanes > 1:
        rows, before = list(of_series.values()), list(states.values())
        after = plain.train(values, target, stretches=rows, states=before)
        return dict(zip(of_series, after, strict=True))
    for name, rows in of_series.items():
        [states[name]] = plain.train(values[rows], target[rows], states=[states[name]])
    return states


@pytest.fixture(scope="module")
def fitted():
    """One regressor fitted to three series, for all that does not change it."""
    return regressor(batch_size=3).fit(*panel())


# --- training -----------------------------------------------------------------------------------


def test_one_series_after_the_other_equals_keras_with_a_reset_between_them():
    """With batch_size=1, an epoch is Keras' fit of each series, whose state is reset before."""
    X, y = panel()
    model = regressor(epochs=2)
    network = stateful_keras(
        weights_before(model, X, y), (3,), 1, optimizer=keras.optimizers.Adam(0.05)
    )
    losses = []
    for _ in range(2):
        logs = []
        for rows in places(X).values():
            data = X.to_numpy()[rows].reshape(-1, 1, 1), y.to_numpy()[rows]
            log = network.fit(*data, batch_size=1, shuffle=False, verbose=0)
            logs += len(rows) * log.history["loss"]
            reset(network)
        losses.append(np.mean(logs))
    model.fit(X, y)
    assert_close(weights_of(model), network.get_weights(), atol=1e-5)
    np.testing.assert_allclose(model.history_["loss"], losses, rtol=1e-4)


HOLES = [1, 2, 7, 12]
GAP = [("2001-05", "a"), ("2001-06", "a")]


@pytest.mark.parametrize(
    ("lanes", "chunk", "options"),
    [
        pytest.param(3, 1, {}, id="all side by side", marks=pytest.mark.slow),
        pytest.param(64, 1, {}, id="more lanes than series", marks=pytest.mark.slow),
        pytest.param(2, 1, {}, id="fewer lanes than series"),
        pytest.param(1, 3, {}, id="one lane, three rows an update", marks=pytest.mark.slow),
        pytest.param(3, 2, {}, id="two rows of each series an update"),
        pytest.param(3, 1, {"holes": HOLES}, id="rows without a target", marks=pytest.mark.slow),
        pytest.param(3, 1, {"weighted": True}, id="weights", marks=pytest.mark.slow),
        pytest.param(3, 1, {"gaps": GAP}, id="a gap in one series", marks=pytest.mark.slow),
        pytest.param(2, 1, {"gaps": GAP}, id="a gap in one series of two in a lane"),
    ],
)
def test_series_in_lanes_equal_the_loop_by_hand(lanes, chunk, options):
    """One update per step over all lanes; series i is in lane i mod B, each from zero."""
    options = {"holes": [], "weighted": False, "gaps": (), **options}
    X, y = panel(gaps=options["gaps"])
    y.iloc[options["holes"]] = np.nan
    weight = np.random.default_rng(1).uniform(0.2, 2, len(X)) if options["weighted"] else None
    of_series = list(places(X).values())
    if chunk > 1 and lanes == 1:
        of_series = [rows[: len(rows) // chunk * chunk] for rows in of_series]
        kept = np.sort(np.concatenate(of_series))
        X, y = X.iloc[kept], y.iloc[kept]
        of_series = list(places(X).values())
    model = regressor(batch_size=lanes, bptt_steps=chunk)
    plain = row_by_row(weights_before(model, X, y))
    fresh = [rows[0] for rows in of_series]
    for rows in of_series:
        fresh += rows[1:][np.diff(months_of(X)[rows]) > 1].tolist()
    in_lanes = [np.concatenate(of_series[lane::lanes]) for lane in range(min(lanes, 3))]
    plain.train(
        X.to_numpy(), y, epochs=2, stretches=in_lanes, chunk=chunk, weight=weight, fresh=fresh
    )
    model.fit(X, y, sample_weight=weight)
    assert_close(weights_of(model), plain.weights(), atol=1e-5)
    np.testing.assert_allclose(model.history_["loss"], plain.losses, rtol=1e-4)
    assert_states(model, loop(weights_of(model), X)[1])
    assert model.n_samples_fit_ == y.notna().sum()


@pytest.mark.parametrize("lanes", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_state_that_is_never_reset_is_that_of_the_same_series(lanes):
    """An epoch begins with the state of each series at its end in the last epoch."""
    X, y = panel()
    model = regressor(batch_size=lanes, reset_states="never", epochs=3)
    plain = row_by_row(weights_before(model, X, y))
    states = {}
    for _ in range(3):
        states = train_in_order(plain, X, y, lanes, states)
    assert_close(weights_of(model.fit(X, y)), plain.weights(), atol=1e-5)


def test_resets_count_the_rows_of_each_series():
    """An int resets a series after so many of its own rows."""
    X, y = panel()
    model = regressor(batch_size=3, reset_states=2)
    plain = row_by_row(weights_before(model, X, y))
    of_series = list(places(X).values())
    fresh = np.concatenate([rows[::2] for rows in of_series])
    plain.train(X.to_numpy(), y, epochs=2, stretches=of_series, fresh=fresh)
    assert_close(weights_of(model.fit(X, y)), plain.weights(), atol=1e-5)


@pytest.mark.parametrize("lanes", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_a_panel_of_one_series_is_that_series(lanes):
    """It is cut into stretches as the series alone is, and its state has the same shape."""
    X, y = panel({"a": (0, 12)})
    alone, target = X.droplevel(1), y.droplevel(1)
    one, other = regressor(batch_size=lanes), regressor(batch_size=lanes)
    one.fit(alone[:8], target[:8])
    other.fit(X[:8], y[:8])
    for new in (slice(8, 10), slice(10, 12)):
        assert_close(weights_of(other), weights_of(one), atol=0)
        assert_close(other.state_, one.state_, atol=0)
        np.testing.assert_array_equal(other.predict(X[new]), one.predict(alone[new]))
        one.partial_fit(alone[new], target[new])
        other.partial_fit(X[new], y[new])


def test_order_and_names_of_series_do_not_matter():
    """Neither the order within a month, nor what the series are called, where all run at once."""
    X, y = panel()
    model = regressor(batch_size=3).fit(X, y)
    order = X.reset_index().sort_values(["month", "store"], ascending=[True, False]).index
    turned = regressor(batch_size=3).fit(X.iloc[order], y.iloc[order])
    new_names = {"a": "z", "b": "k", "c": "a"}
    renamed = regressor(batch_size=3).fit(
        X.rename(index=new_names, level=1), y.rename(index=new_names, level=1)
    )
    for other, table in ((turned, X), (renamed, X.rename(index=new_names, level=1))):
        assert_close(weights_of(other), weights_of(model), atol=1e-6)
        np.testing.assert_allclose(other.predict(table), model.predict(X), atol=1e-6)
    assert_close(turned.state_, model.state_, atol=1e-6)
    assert_close([state[[2, 1, 0]] for state in renamed.state_], model.state_, atol=1e-6)


# --- prediction ---------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_series_are_predicted_as_by_a_loop(window):
    """The training rows start from zero, later ones from the state of their series."""
    X, y = panel({name: (first, stop + 8) for name, (first, stop) in SPANS.items()})
    early = X.index.get_level_values(0) < "2001-10"
    model = make_pipeline(LagWindower(window), regressor(batch_size=3)).fit(X[early], y[early])
    weights = weights_of(model[-1])
    predicted = model.predict(X[early]), model.predict(X[~early])
    whole = np.concatenate(predicted)
    for rows in places(X).values():
        series = X.to_numpy()[rows, 0]
        warm = window - 1
        windows = np.lib.stride_tricks.sliding_window_view(series, window)
        filled = [[series[0]] * (warm - i) + [*series[: i + 1]] for i in range(warm)]
        expected = [lstm_by_hand(weights, [np.array(one)])[0][0] for one in filled]
        expected += [*lstm_by_hand(weights, windows)[0]]
        np.testing.assert_allclose(whole[rows], expected, atol=1e-5)


NAMES = st.sampled_from([list("abcdefgh"), [3, 10, 7, 1, 2, 90, 5, 4]])


@settings(max_examples=10, deadline=None)
@given(NAMES, st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60)), min_size=1, max_size=8))
def test_panels_of_any_shape_are_predicted_as_by_a_loop(fitted, labels, spans):
    """Series that fit has not seen start from zero, wherever they begin and end."""
    model = fitted if labels[0] != "a" else copy.deepcopy(fitted).set_params(history="none")
    spans = {name: (first, first + n) for name, (first, n) in zip(labels, spans, strict=False)}
    X, _ = panel(spans, seed=1)
    expected, _ = loop(weights_of(fitted), X)
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-5)


def later_rows(n=4, more=()):
    """Return rows after those of `panel`, each series right after its end."""
    spans = {name: (stop, stop + n) for name, (_, stop) in SPANS.items()}
    return panel({**spans, **dict(more)}, seed=5)


def test_later_rows_go_on_from_the_state_of_their_series(fitted):
    """Each series from its own end, and predicting changes nothing."""
    X, _ = panel()
    later, _ = later_rows()
    _, states = loop(weights_of(fitted), X)
    expected, _ = loop(weights_of(fitted), later, states)
    for _ in range(2):
        np.testing.assert_allclose(fitted.predict(later), expected, atol=1e-5)
    chosen = later.xs("a", level=1, drop_level=False)
    np.testing.assert_allclose(fitted.predict(chosen), expected[places(later)["a"]], atol=1e-5)


def test_chunks_with_advance_are_the_whole(fitted):
    """Whatever the cut in time, and where only some series have new rows."""
    later, _ = later_rows()
    whole = fitted.predict(later)
    model = copy.deepcopy(fitted)
    for chunk in np.array_split(np.arange(len(later)), 5):
        rows = later.iloc[chunk]
        np.testing.assert_allclose(model.predict(rows), whole[chunk], atol=1e-6)
        untouched = {name: i for i, name in enumerate(model.series_) if name not in names(rows)}
        before = [state.copy() for state in model.state_]
        model = pickle.loads(pickle.dumps(model.advance(rows)))
        for i in untouched.values():
            assert_close([s[i] for s in model.state_], [s[i] for s in before], atol=0)
    assert_states(model, loop(weights_of(model), later, loop(weights_of(model), panel()[0])[1])[1])


def test_advance_keeps_the_state_of_a_series_that_fit_has_not_seen(fitted):
    """It comes after the others in `series_`, and its later rows go on from it."""
    later, _ = later_rows(more={"B": (3, 9)})
    model = copy.deepcopy(fitted)
    head = later.iloc[:8]
    model.advance(head)
    assert model.series_.tolist() == ["a", "b", "c", "B"]
    np.testing.assert_allclose(model.predict(later.iloc[8:]), fitted.predict(later)[8:], atol=1e-6)
    model.reset_state()
    assert all((state == 0).all() for state in model.state_)


def test_one_warning_counts_the_series_that_do_not_follow(fitted):
    """They start from zero, the others from their state."""
    later, _ = later_rows()
    skipped = later.drop(later.index[[places(later)["a"][0], places(later)["b"][0]]])
    _, states = loop(weights_of(fitted), panel()[0])
    expected, _ = loop(weights_of(fitted), skipped, {"c": states["c"]})
    with pytest.warns(StateResetWarning) as caught:
        predicted = fitted.predict(skipped)
    np.testing.assert_allclose(predicted, expected, atol=1e-5)
    [warning] = caught
    message = str(warning.message)
    assert "Rows of series 'a' start at row 9" in message
    assert "the state is that before row 8" in message
    assert "one of 2 such places, in 2 series: 'a', 'b'" in message


def test_a_gap_resets_one_series_alone(fitted):
    """The other series run on."""
    later, _ = later_rows()
    missing = (pd.Period("2001-10", "M"), "a")
    _, states = loop(weights_of(fitted), panel()[0])
    expected, _ = loop(weights_of(fitted), later.drop([missing]), states)
    with pytest.warns(StateResetWarning, match="2001-11 of series 'a' comes after a gap"):
        predicted = fitted.predict(later.drop([missing]))
    np.testing.assert_allclose(predicted, expected, atol=1e-5)


# --- going on -----------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_partial_fit_goes_on_from_the_state_of_each_series(lanes):
    """Also where only some series have new rows, and where one is new."""
    X, y = panel()
    model = regressor(epochs=1, batch_size=lanes)
    plain = row_by_row(weights_before(model, X, y))

    def after(X, states):
        of_rows = {name: X.to_numpy()[rows] for name, rows in places(X).items()}
        return {**states, **{n: plain.predict(of_rows[n], states.get(n))[1] for n in of_rows}}

    model.fit(X, y)
    train_in_order(plain, X, y, lanes, {})
    states = after(X, {})
    for spans in ({"a": (8, 10), "b": (9, 11)}, {"a": (10, 11), "d": (10, 11)}):
        new, target = panel(spans, seed=3)
        model.partial_fit(new, target)
        train_in_order(plain, new, target, lanes, states)
        states = after(new, states)
        assert_close(weights_of(model), plain.weights(), atol=1e-5)
    assert model.series_.tolist() == ["a", "b", "c", "d"]
    later, _ = panel({"a": (11, 13), "b": (11, 13), "c": (4, 6), "d": (11, 14)}, seed=4)
    predicted = model.predict(later)
    for name, rows in places(later).items():
        expected, _ = plain.predict(later.to_numpy()[rows], states[name])
        np.testing.assert_allclose(predicted[rows], expected, atol=1e-5)
    with pytest.warns(StateResetWarning, match="series 'd' start at row 12"):
        model.predict(panel({"d": (12, 14)})[0])


# --- validation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_held_out_rows_go_on_from_the_state_of_their_series(lanes):
    """The cut lies between two months; a series that begins after it starts from zero."""
    X, y = panel({**SPANS, "d": (7, 9)})
    model = regressor(epochs=1, batch_size=lanes, validation_fraction=0.25)
    plain = row_by_row(weights_before(model, X, y))
    n_train = int(np.sum(X.index.get_level_values(0) < "2001-08"))
    states = train_in_order(plain, X[:n_train], y[:n_train], lanes, {})
    model.fit(X, y)
    assert model.n_samples_fit_ == n_train
    assert_close(weights_of(model), plain.weights(), atol=1e-5)
    expected = squared_errors(plain, X[n_train:], y[n_train:], states)
    np.testing.assert_allclose(model.history_["val_loss"], [expected], rtol=1e-4)
    assert_states(model, loop(weights_of(model), X)[1])


def squared_errors(plain, X, y, states):
    """Return the mean over all rows, each series predicted from its state."""
    errors = [
        plain.predict(X.to_numpy()[rows], states.get(name))[0] - y.to_numpy()[rows]
        for name, rows in places(X).items()
    ]
    return np.mean(np.concatenate(errors) ** 2)


def test_given_validation_rows_go_on_where_they_follow():
    """Of three series one follows, one comes after a gap, and one is new."""
    X, y = panel()
    X_val, y_val = panel({"a": (8, 11), "b": (12, 14), "x": (3, 9)}, seed=2)
    model = regressor(epochs=1, batch_size=3)
    plain = row_by_row(weights_before(model, X, y))
    states = train_in_order(plain, X, y, 3, {})
    model.fit(X, y, X_val=X_val, y_val=y_val)
    expected = squared_errors(plain, X_val, y_val, {"a": states["a"]})
    np.testing.assert_allclose(model.history_["val_loss"], [expected], rtol=1e-4)


# --- composition --------------------------------------------------------------------------------


def test_differences_of_many_series_are_predicted_in_their_own_units():
    """A level that one series has more moves the predictions of that series alone."""
    _, y = panel({name: (first, stop + 9) for name, (first, stop) in SPANS.items()})
    predicted = []
    for level in (0, 100):
        is_a = y.index.get_level_values(1) == "a"
        X, target = series_to_supervised((y + level * is_a).to_frame("y"))
        early = X.index.get_level_values(0) < "2001-10"
        model = TransformedSeriesRegressor(regressor(batch_size=3), transformer=Differencer())
        predicted.append(model.fit(X[early], target[early]).predict(X[~early]))
    is_a = X[~early].index.get_level_values(1) == "a"
    moved = np.subtract(*reversed(predicted)).ravel()
    np.testing.assert_allclose(moved, 100 * is_a, atol=1e-3)
