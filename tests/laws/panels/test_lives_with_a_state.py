"""Random lives of a network with a state: its states and predictions are those of plain loops."""

import copy
import pickle

import numpy as np
import pytest
from estimators import quietly
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from keras_oracles import lstm_by_hand
from lives import SeriesLife, kinds, live, plans
from states import unchanged

from sklstm import StatefulLSTMRegressor


def parts_of(rows):
    """Return the unbroken runs of row numbers."""
    parts = []
    for number in sorted(rows):
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return parts


class SlowStates:
    """The state of each series after its last row, and the number of the row after that.

    The weights are those of the network; everything else is a loop.
    """

    def __init__(self, weights):
        self.weights = weights
        self.states, self.ends = {}, {}

    def run(self, name, rows, part, *, follows=True):
        """Return predictions of an unbroken run of rows, and the state after it."""
        state = None
        if follows and self.ends.get(name) == part[0]:
            state = self.states[name]
        return lstm_by_hand(self.weights, [[rows[number][0]] for number in part], state)

    def predict(self, table):
        """Return the prediction of each row, by number and name."""
        found = {}
        for name, rows in table.items():
            for part in parts_of(rows):
                predicted, _ = self.run(name, rows, part)
                found |= {(n, name): one for n, one in zip(part, predicted, strict=True)}
        return found

    def advance(self, table, *, trained=False):
        """Move on; after a training, only the first run of a series goes on from its state."""
        for name, rows in table.items():
            parts = parts_of(rows)
            follows = not trained or len(parts) == 1
            _, state = self.run(name, rows, parts[-1], follows=follows)
            self.states[name], self.ends[name] = state, parts[-1][-1] + 1

    def reset(self):
        """Forget all rows, but not where they ended."""
        self.states = {name: np.zeros((2, 2)) for name in self.states}


class StatefulLife(SeriesLife):
    """A network with a state for each of many series, and what happens to it."""

    @initialize(**kinds, batch_size=st.integers(1, 2))
    def begin(self, batch_size, **kind):
        """Fit to series that begin and end at their own times, and lack rows."""
        self.draw_walks(**kind)
        self.walks /= 50
        self.model = StatefulLSTMRegressor(
            2, epochs=1, normalize=False, batch_size=3 * batch_size, bptt_steps=4, random_state=0
        )
        self.fit_again()

    def weights(self):
        """Return the weights of the network, without the Keras model that `model_` builds."""
        return self.model._trained[0].weights

    def agree(self, table):
        """Assert that both predict the same of a table, and hold the same states."""
        if table:
            labels, X, _ = self.frame(table)
            expected = self.slow.predict(table)
            found = quietly(self.model.predict, X)
            np.testing.assert_allclose(found, [expected[one] for one in labels], atol=1e-5)
        assert set(self.model.series_) == set(self.slow.states)
        for name, state in self.slow.states.items():
            slot = self.model.series_.get_loc(name)
            ours = [part[slot] for part in self.model.state_]
            np.testing.assert_allclose(ours, state, atol=1e-5)

    @rule()
    def fit_again(self):
        """Fit to other rows: what was seen before is forgotten."""
        self.seen = table = self.drawn_anew()
        _, X, y = self.frame(table)
        quietly(self.model.fit, X, y)
        self.slow = SlowStates(self.weights())
        self.slow.advance(table)
        self.agree(table)

    @rule(plan=plans, n_rows=st.integers(1, 8), lacks=st.booleans())
    def predict(self, plan, n_rows, lacks):
        """Predict rows that stand anywhere."""
        self.agree(self.drawn(self.seen, plan, n_rows, lacks))

    @rule(plan=plans, n_rows=st.integers(1, 8), lacks=st.booleans(), learns=st.booleans())
    def go_on(self, plan, n_rows, lacks, learns):
        """Move the states past rows of some series, with a training or without."""
        table = self.drawn(self.seen, plan, n_rows, lacks)
        if not table:
            return
        _, X, y = self.frame(table)
        if learns:
            quietly(self.model.partial_fit, X, y)
            self.slow.weights = self.weights()
        else:
            quietly(self.model.advance, X)
        self.slow.advance(table, trained=learns)
        self.seen = {
            n: {**self.seen.get(n, {}), **table.get(n, {})} for n in {**self.seen, **table}
        }
        self.agree(table)

    @rule(way=st.sampled_from(["pickle", "deepcopy", "reset"]))
    def move(self, way):
        """A copy has the same life."""
        if way == "reset":
            self.model.reset_state()
            self.slow.reset()
        else:
            copied = pickle.loads(pickle.dumps(self.model))
            self.model = copied if way == "pickle" else copy.deepcopy(self.model)
        self.agree({})

    @rule(n_rows=st.integers(2, 6), learns=st.booleans())
    def fail(self, n_rows, learns):
        """A call that fails changes nothing."""
        table = self.drawn(self.seen, ["next"] * 5, n_rows, lacks=False)
        if not table:
            return
        _, X, y = self.frame(table)
        bad = X.copy()
        bad.iloc[-1] = np.inf
        call = (
            (lambda: self.model.partial_fit(bad, y)) if learns else lambda: self.model.advance(bad)
        )
        with unchanged(self.model), pytest.raises(ValueError, match="inf"):
            call()


@pytest.mark.slow
def test_a_life_with_a_state_is_that_of_loops():
    """No order of steps makes a difference."""
    live(StatefulLife, 50)
