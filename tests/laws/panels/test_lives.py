"""Random lives of a model of many series: after each step, it predicts what a slow one does."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from estimators import quietly
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from lives import N_NUMBERS, N_SERIES, SeriesLife, kinds, live, plans
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from slow_panel import LeastSquares, SlowLeastSquares, SlowNetwork, SlowPanel
from states import unchanged

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    forecast,
)


class Life(SeriesLife):
    """A model of windows of many series, and what happens to it."""

    #: What learns.
    learners = (LeastSquares(), SlowLeastSquares())
    #: A parameter, and the value that lets a training fail.
    breaks = ("regressor__leastsquares__fails", True)
    tolerance = 1e-7

    @initialize(
        **kinds,
        window=st.integers(1, 3),
        intervals=st.sampled_from([(), (1,), (2,), (1, 2)]),
        scaled=st.sampled_from([None, "all", "each"]),
    )
    def begin(self, window, intervals, scaled, **kind):
        """Fit to series that begin and end at their own times, and lack rows."""
        self.draw_walks(**kind)
        fast, slow = self.learners
        steps = [Differencer(list(intervals))] if intervals else []
        steps += [SeriesMinMaxScaler(per_series=scaled == "each")] if scaled else []
        windower = LagWindower(window, flatten=isinstance(fast, LeastSquares))
        self.model = TransformedSeriesRegressor(
            make_pipeline(windower, clone(fast)),
            make_pipeline(*steps) if steps else None,
            y_lag="lag",
        )
        self.slow = SlowPanel(window, intervals, scaled, slow)
        self.slow.seen = {}
        self.fit_again()

    def agree(self, table):
        """Assert that both predict the same of a table."""
        if not table:
            return
        labels, X, _ = self.frame(table)
        expected = self.slow.predict(table)
        found = quietly(self.model.predict, X)
        expected = np.array([expected[label] for label in labels])
        np.testing.assert_allclose(
            found, expected, rtol=0, atol=self.tolerance * np.abs(self.walks).max()
        )

    # ----------------------------------------------------------------------------- the rules

    @rule()
    def fit_again(self):
        """Fit to other rows: what was seen before is forgotten."""
        table = self.drawn_anew()
        _, X, y = self.frame(table)
        self.slow.fit(table)
        quietly(self.model.fit, X, y)
        self.agree(table)

    @rule(plan=plans, n_rows=st.integers(1, 8), lacks=st.booleans())
    def predict(self, plan, n_rows, lacks):
        """Predict rows that stand anywhere."""
        self.agree(self.drawn(self.slow.seen, plan, n_rows, lacks))

    @rule(plan=plans, n_rows=st.integers(1, 8), lacks=st.booleans())
    def learn_on(self, plan, n_rows, lacks):
        """Go on with rows of some series: later ones, known ones, those after a gap, new ones."""
        plan = ["again" if place == "all" else place for place in plan]
        table = self.drawn(self.slow.seen, plan, n_rows, lacks)
        if not table:
            return
        _, X, y = self.frame(table)
        try:
            self.slow.partial_fit(table)
        except ValueError:
            with unchanged(self.model), pytest.raises(ValueError, match=r"[Nn]o row is left|Only"):
                quietly(self.model.partial_fit, X, y)
            return
        quietly(self.model.partial_fit, X, y)
        self.agree(table)

    @rule(steps=st.integers(1, 3), n_rows=st.integers(1, 5), whole=st.booleans())
    def look_ahead(self, steps, n_rows, whole):
        """Each step of a forecast is predicted from the one before."""
        seen = self.slow.seen
        table = self.drawn(
            self.slow.seen, ["all" if whole else "next"] * N_SERIES, n_rows, lacks=False
        )
        table = {name: rows for name, rows in table.items() if name in seen}
        ends = {name: max(rows) for name, rows in table.items()}
        reach = self.slow.depth + self.slow.window + 1
        for name, end in ends.items():
            known = {**seen[name], **table[name]}
            if any(end - back not in known for back in range(reach)):
                del table[name]
        if not table or max(ends.values()) + steps >= N_NUMBERS:
            return
        _, X, y = self.frame(table)
        found = quietly(forecast, self.model, X, steps, y=y)
        longer = copy.deepcopy(table)
        for step in range(1, steps + 1):
            for name, rows in table.items():
                end = max(rows)
                last = longer[name][end + step - 1][1]
                longer[name][end + step] = (last, None)
            predicted = self.slow.predict(longer)
            for name, rows in table.items():
                number = max(rows) + step
                value = predicted[number, name]
                longer[name][number] = (longer[name][number][0], value)
                ours = found.loc[(self.labels[number], name)]
                np.testing.assert_allclose(
                    ours, value, rtol=0, atol=self.tolerance * np.abs(self.walks).max()
                )

    @rule(way=st.sampled_from(["pickle", "deepcopy", "fitted clone"]))
    def move(self, way):
        """A copy has the same life; what it goes through leaves the first one as it is."""
        other = self.model
        if way == "pickle":
            self.model = pickle.loads(pickle.dumps(other))
        elif way == "deepcopy":
            self.model = copy.deepcopy(other)
        else:
            with pytest.raises(NotFittedError):
                clone(other).predict(self.frame(self.slow.seen)[1])
        self.agree(self.slow.seen)

    @rule(name=st.sampled_from(list("abcdefghijkl")), n_rows=st.integers(3, 6))
    def fail(self, name, n_rows):
        """A call that fails changes nothing."""
        table = self.drawn(self.slow.seen, ["next"] * N_SERIES, n_rows, lacks=False)
        if not table:
            return
        _, X, y = self.frame(table)
        calls = {
            "a": (lambda m: m.predict(X.rename(columns={"lag": "other"})), "feature names"),
            "b": (lambda m: m.predict(X + np.inf), "inf at row"),
            "c": (lambda m: m.predict(X.swaplevel()), "level"),
            "d": (lambda m: m.predict(X[::-1]), "falls from"),
            "e": (lambda m: m.predict(X.droplevel(1)), "no labels that name|more than once"),
            "f": (lambda m: m.partial_fit(X, y[:-1]), "inconsistent"),
            "g": (lambda m: m.partial_fit(X, y + np.inf), "inf"),
            "h": (lambda m: m.partial_fit(X, y * np.nan), "NaN"),
            "i": (lambda m: m.fit(X, y.astype(str)), "text"),
            "j": (lambda m: m.partial_fit(pd.concat([X, X]), pd.concat([y, y])), "."),
            "k": (lambda m: self.break_off(m.fit, X, y), "."),
            "l": (lambda m: self.break_off(m.partial_fit, X, y), "."),
        }
        call, message = calls[name]
        with unchanged(self.model), pytest.raises((ValueError, RuntimeError), match=message):
            quietly(call, self.model)
        self.agree(table)

    def break_off(self, train, X, y):
        """Train with a regressor that fails once the transformers are ready."""
        name, bad = self.breaks
        good = self.model.get_params()[name]
        self.model.set_params(**{name: bad})
        try:
            train(X, y)
        finally:
            self.model.set_params(**{name: good})


class NetworkLife(Life):
    """The same of a network, which takes windows that are known in part."""

    learners = (
        LSTMRegressor(2, epochs=1, shuffle=False, random_state=0),
        SlowNetwork(LSTMRegressor(2, epochs=1, shuffle=False, random_state=0)),
    )
    breaks = ("regressor__lstmregressor__units", 0)
    tolerance = 1e-4


@pytest.mark.parametrize(
    ("life", "n_lives"),
    [
        (Life, 10),
        *(pytest.param(*of, marks=pytest.mark.slow) for of in ((Life, 500), (NetworkLife, 20))),
    ],
)
def test_a_life_is_that_of_a_slow_model(life, n_lives):
    """No order of steps makes a difference."""
    live(life, n_lives)
