"""Random lives: series of which a model sees now these rows, now those."""

import numpy as np
import pandas as pd
from estimators import SETTINGS
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from panels import NAMES, REGULAR
from slow_panel import in_order

N_SERIES, N_NUMBERS = 5, 190
#: Where the rows at hand of a series begin, counted from the end of those that were seen.
PLACES = {"none": None, "all": None, "next": 0, "again": -2, "gap": 2, "far": 9}
plans = st.lists(st.sampled_from(list(PLACES)), min_size=N_SERIES, max_size=N_SERIES)
#: What a life begins with.
kinds = {
    "kind": st.sampled_from(list(REGULAR)),
    "names": st.sampled_from(list(NAMES)),
    "seed": st.integers(0, 99),
    "is_whole": st.booleans(),
}


class SeriesLife(RuleBasedStateMachine):
    """Series, each a random walk, of which each row holds the last value and the next one.

    A table is a dict of series; each is a dict that has, for the number of a row, its lag and its
    target.
    """

    def draw_walks(self, kind, names, seed, is_whole):
        """Draw the series; the last of them does not move."""
        self.labels, self.names = REGULAR[kind], NAMES[names][:N_SERIES]
        self.random = np.random.default_rng(seed)
        self.walks = self.random.normal(size=(N_NUMBERS + 1, N_SERIES)).cumsum(axis=0)
        self.walks *= self.random.choice([1.0, 7.0, 30.0], N_SERIES)
        if is_whole:
            self.walks = np.rint(self.walks)
        self.walks[:, -1] = 3.0

    def drawn_anew(self):
        """Return a table of series that begin and end at their own times, and lack rows.

        The first has all rows, which show the step of the labels.
        """
        table = {self.names[0]: self.rows(self.names[0], range(45))}
        for name in self.names[1 : self.random.integers(1, N_SERIES + 1)]:
            first, n = self.random.integers(0, 20), self.random.integers(1, 25)
            there = [i for i in range(first, first + n) if self.random.random() > 0.05]
            if there:
                table[name] = self.rows(name, there)
        return table

    def rows(self, name, numbers):
        """Return rows of a series, by their number."""
        walk = self.walks[:, list(self.names).index(name)]
        return {number: (walk[number], walk[number + 1]) for number in numbers}

    def drawn(self, seen_rows, plan, n_rows, lacks):
        """Return a table as a plan says, of so many rows of each series, one of them not there."""
        table = {}
        for name, place in zip(self.names, plan, strict=True):
            seen = seen_rows.get(name)
            if place == "none":
                continue
            if seen is None:
                numbers = list(range(50, 50 + n_rows))
            elif place == "all":
                numbers = sorted(seen) + list(range(max(seen) + 1, max(seen) + n_rows))
            else:
                first = max(max(seen) + 1 + PLACES[place], min(seen))
                numbers = [n for n in range(first, first + n_rows) if n > max(seen) or n in seen]
            if lacks and len(numbers) > 2 and place != "all":
                numbers.pop(len(numbers) // 2)
            numbers = [number for number in numbers if number < N_NUMBERS]
            if numbers:
                table[name] = self.rows(name, numbers)
        return table

    def frame(self, table):
        """Return rows and their targets as the model gets them."""
        labels = in_order(table)
        numbers = [number for number, _ in labels]
        names = self.names[self.names.get_indexer([name for _, name in labels])]
        index = pd.MultiIndex.from_arrays([self.labels[numbers], names], names=["time", "series"])
        values = np.array([table[name][number] for number, name in labels])
        return labels, pd.DataFrame({"lag": values[:, 0]}, index), pd.Series(values[:, 1], index)


def live(life, n_lives):
    """Let a number of lives pass, each of 20 steps."""
    how = settings(
        max_examples=n_lives, stateful_step_count=20, report_multiple_bugs=False, **SETTINGS
    )
    run_state_machine_as_test(life, settings=how)
