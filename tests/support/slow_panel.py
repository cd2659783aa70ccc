"""A slow model of many series, in plain loops: what a fast one has to predict, row by row.

A table is a dict of series; each is a dict that has, for the number of a row, its lag and its
target. What is not known is None.
"""

import copy

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin


class LeastSquares(RegressorMixin, BaseEstimator):
    """Least squares with a small penalty, whose sums grow with each training."""

    def __init__(self, *, fails=False):
        self.fails = fails

    def fit(self, X, y):
        """Begin anew."""
        self.sums_ = [np.eye(X.shape[1] + 1), np.zeros(X.shape[1] + 1)]
        return self.partial_fit(X, y)

    def partial_fit(self, X, y):
        """Add some rows."""
        rows = np.column_stack([np.ones(len(X)), X])
        self.sums_ = [self.sums_[0] + rows.T @ rows, self.sums_[1] + rows.T @ np.asarray(y)]
        if self.fails:
            raise RuntimeError("as told")
        return self

    def predict(self, X):
        """Weigh the inputs."""
        return np.column_stack([np.ones(len(X)), X]) @ np.linalg.solve(*self.sums_)

    def __sklstm_look_back__(self):
        return 0


class SlowLeastSquares:
    """The same, of all pairs of a window and its target that were taught."""

    fills = False

    def __init__(self):
        self.pairs, self.weights = [], None

    def taught(self, pairs):
        """Return what has learnt from some pairs more."""
        grown = SlowLeastSquares()
        grown.pairs = self.pairs + pairs
        return grown

    def predict(self, windows):
        """Predict the target of each window."""
        width = len(windows[0]) + 1
        if self.weights is None:
            rows = [[1.0, *one] for one, _ in self.pairs] + np.eye(width).tolist()
            targets = [target for _, target in self.pairs] + [0.0] * width
            self.weights = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)[0]
        return [self.weights @ [1.0, *window] for window in windows]


class SlowNetwork:
    """A network that is fitted to windows cut by hand; unknown steps repeat the oldest known."""

    fills = True

    def __init__(self, network):
        self.network = network
        self.is_fitted = False

    def taught(self, pairs):
        """Return what has learnt from some pairs more."""
        grown = copy.deepcopy(self)
        windows = np.array([window for window, _ in pairs])[:, :, None]
        learn = grown.network.partial_fit if self.is_fitted else grown.network.fit
        learn(windows, np.array([target for _, target in pairs]))
        grown.is_fitted = True
        return grown

    def predict(self, windows):
        """Predict the target of each window."""
        return self.network.predict(np.array(windows)[:, :, None])


class SlowPanel:
    """Windows of differences of each series, scaled, with one learner for all of them.

    Parameters
    ----------
    window : int
        How many rows the learner sees.
    intervals : tuple of int
        Those of the differences; none without.
    scaled : {None, "all", "each"}
        Whether a range is learnt, of all series or of each.
    learner : object
        One of the learners above.
    """

    def __init__(self, window, intervals, scaled, learner):
        self.window, self.intervals, self.scaled = window, intervals, scaled
        self.depth = sum(intervals)
        self.start = learner

    # ----------------------------------------------------------------------------- training

    def fit(self, table):
        """Begin anew; the means of these rows stand for what is not known."""
        self._learn(table, {}, {}, self.start)
        changes = {
            name: [self._scaled(name, self._change(rows, number, 1)) for number in rows]
            for name, rows in table.items()
        }
        known = {n: [one for one in many if one is not None] for n, many in changes.items()}
        every = [one for many in known.values() for one in many]
        self.means = dict.fromkeys(known, sum(every) / len(every))
        self.mean = sum(every) / len(every)
        self.means |= {name: sum(many) / len(many) for name, many in known.items() if many}

    def partial_fit(self, table):
        """Go on; scales stay as they are, and those of new series come from these rows."""
        self._learn(table, self.seen, self.ranges, self.learner)

    def _learn(self, table, seen, ranges, learner):
        """Learn what is known, or change nothing."""
        rows = joined(seen, table)
        changes = {
            name: [self._change(rows[name], number, 1) for number in table[name]] for name in table
        }
        ranges = self._with_ranges(ranges, changes)
        pairs = []
        for number, name in in_order(table):
            window = self._window(rows[name], number, ranges.get(name))
            target = self._scaled(name, self._change(rows[name], number, 1), ranges)
            if None not in window and target is not None:
                pairs.append((window, target))
        if not pairs:
            raise ValueError("no row is left")
        self.learner = learner.taught(pairs)
        self.seen, self.ranges = rows, ranges

    # --------------------------------------------------------------------------- predicting

    def predict(self, table):
        """Return the prediction of each row, by its number and the name of its series."""
        rows = joined(self.seen, table)
        lags = {name: [self._change(rows[name], n, 0) for n in table[name]] for name in table}
        ranges = self._with_ranges(self.ranges, lags)
        windows = {
            (number, name): self._filled(self._window(rows[name], number, ranges.get(name)))
            for number, name in in_order(table)
        }
        found = {label: self.means.get(label[1], self.mean) for label in windows}
        known = {label: window for label, window in windows.items() if None not in window}
        if known:
            predicted = self.learner.predict(list(known.values()))
            found |= zip(known, predicted, strict=True)
        return {
            (number, name): self._restored(one, name, rows[name], number, ranges)
            for (number, name), one in found.items()
        }

    def _restored(self, predicted, name, rows, number, ranges):
        """Return the prediction of one row in the units of the target."""
        lag = rows[number][0]
        if ranges.get(name) is None:
            return lag
        low, spread = ranges[name]
        base = 0.0
        if self.intervals:
            # The target that would not change: its difference from zero, turned round.
            observed = {at: (None, rows[at + 1][0]) for at in rows if at + 1 in rows}
            change = self._change({**observed, number: (None, 0.0)}, number, 1)
            if change is None:
                return lag
            base = -change
        return predicted * spread + low + base

    # --------------------------------------------------------------------------- the parts

    def _change(self, rows, number, column):
        """Return the difference of a row's lag or target, None where rows before it are missing."""
        if any(number - back not in rows for back in range(self.depth + 1)):
            return None
        values = [rows[number - back][column] for back in range(self.depth + 1)]
        for interval in self.intervals:
            values = [values[i] - values[i + interval] for i in range(len(values) - interval)]
        return values[0]

    def _window(self, rows, number, bounds):
        """Return the scaled lags of a row and those before it, oldest first."""
        steps, unknown = [], bounds is None
        for back in range(self.window):
            change = None
            if number - back in rows and not unknown:
                change = self._change(rows, number - back, 0)
            unknown |= change is None
            steps.append(None if unknown else (change - bounds[0]) / bounds[1])
        return steps[::-1]

    def _filled(self, window):
        """Return a window whose unknown steps repeat the oldest known, if the learner fills."""
        known = [step for step in window if step is not None]
        if known and self.learner.fills:
            return [known[0]] * (len(window) - len(known)) + known
        return window

    def _scaled(self, name, value, ranges=None):
        low, spread = (self.ranges if ranges is None else ranges).get(name) or (0.0, 1.0)
        return None if value is None else (value - low) / spread

    def _with_ranges(self, ranges, changes):
        """Return ranges, with those of the series that have none yet."""
        ranges = dict(ranges)
        known = {name: [v for v in values if v is not None] for name, values in changes.items()}
        if self.scaled is None:
            return ranges | dict.fromkeys(known, (0.0, 1.0))
        if self.scaled == "all":
            every = ranges.get(None) or bounds_of([v for values in known.values() for v in values])
            return {None: every} | ranges | dict.fromkeys(known, every)
        for name, values in known.items():
            if ranges.get(name) is None and values:
                ranges[name] = bounds_of(values)
        return ranges


def bounds_of(values):
    """Return the lowest value and the spread; a constant has the spread one."""
    return min(values), (max(values) - min(values)) or 1.0


def in_order(table):
    """List the rows of a table, the oldest first, as number and name of their series."""
    rows = [(number, name) for name, rows in table.items() for number in rows]
    return sorted(rows, key=lambda row: row[0])


def joined(seen, table):
    """Return the rows of a table, and those seen before."""
    return {name: {**seen.get(name, {}), **table.get(name, {})} for name in {**seen, **table}}
