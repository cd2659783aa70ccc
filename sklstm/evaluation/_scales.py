"""How far off a seasonal naive forecast is on the training rows of each fold: the scale."""

import numpy as np

from sklstm._past._stretches import said
from sklstm._sklearn._warnings import UndefinedScoreWarning, warn


class Scales:
    """The scale of each series in each fold of a back-test.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_targets * horizon)
        The whole target; columns are the targets of step 1, then those of step 2, and so on.
    table : Rows
        The series and the time step of each row.
    splits : list of (train, test)
        Positions of the rows of each fold.
    season : int or None
        Time steps per season.
    horizon : int
        Steps ahead that the columns of `target` reach. The values of step 1 are the series.
    index : pandas.Index or None
        The labels of the rows.
    """

    def __init__(self, target, table, splits, *, season, horizon, index):
        self.values = target[:, : target.shape[1] // horizon]
        self.table = table
        self.splits = splits
        self.season = season
        self.horizon = horizon
        self.index = index
        self._found = {}

    def of_tests(self, power):
        """Return the scale of each predicted value.

        Parameters
        ----------
        power : {1, 2}
            Whether absolute or squared errors are averaged.

        Returns
        -------
        ndarray of shape (n_test_rows, n_targets * horizon)
            The test rows of all folds, one fold after the other; NaN where the series has no two
            training values a season apart that are known, or all are equal.

        Raises
        ------
        ValueError
            If there is no season, or no series has a scale in any fold.

        Warns
        -----
        UndefinedScoreWarning
            If some of them have none.
        """
        if power not in self._found:
            self._found[power] = self._of_tests(power)
        return self._found[power]

    def _of_tests(self, power):
        if self.season is None:
            raise ValueError(
                "A scale needs a season, but the index has no step that gives one. Pass the steps"
                " of a season to backtest, such as season=12; season=1 means no season."
            )
        found = [
            scales_of_series(self.table, self.values, self.season, power=power, train=train)[
                self.table.series[test]
            ]
            for train, test in self.splits
        ]
        scales = np.concatenate(found)
        lacking = np.flatnonzero(np.isnan(scales).any(axis=1))
        if len(lacking):
            self._tell(lacking, len(scales))
        return np.tile(scales, (1, self.horizon))

    def _tell(self, lacking, n_rows):
        """Warn of rows without a scale, or refuse if all are such rows."""
        tests = np.concatenate([test for _, test in self.splits])
        first = tests[lacking[0]]
        which = first if self.index is None else said(self.index, first)
        why = (
            f"its series has no two training values that are season={self.season} steps apart and"
            " differ"
        )
        if len(lacking) == n_rows:
            raise ValueError(
                f"No row has a scale. The first is row {which}: {why}. Train on more rows, or pass"
                " a shorter season."
            )
        warn(
            f"{len(lacking)} of {n_rows} rows have no scale, and are left out where errors are"
            f" scaled. The first is row {which}: {why}. Train on more rows, pass a shorter season,"
            " or leave such series out.",
            UndefinedScoreWarning,
        )


def scales_of_series(table, values, season, *, power=1, train=None):
    """Average the errors that a seasonal naive forecast makes in each series.

    Parameters
    ----------
    table : Rows
        The series and the time step of each row.
    values : ndarray of shape (n_rows, n_targets)
        The values; NaN is left out.
    season : int
        Time steps from a value to the value that forecasts it.
    power : {1, 2}, default=1
        Whether absolute or squared errors are averaged.
    train : ndarray of int, default=None
        The rows that are used; by default all.

    Returns
    -------
    ndarray of shape (n_series, n_targets)
        NaN for a mean of nothing or of zeros.
    """
    # 1. The value one season earlier.
    train = np.arange(len(values)) if train is None else train
    is_train = np.zeros(len(values) + 1, dtype=bool)  # the last one for no row
    is_train[train] = True
    source = table.find(table.series[train], table.numbers[train] - season)
    used, source = train[is_train[source]], source[is_train[source]]
    errors = np.abs(values[used] - values[source]) ** power

    # 2. The mean of each series.
    series, known = table.series[used], ~np.isnan(errors)
    with np.errstate(invalid="ignore"):
        means = np.stack(
            [
                np.bincount(series, column, table.n_series)
                / np.bincount(series, weight, table.n_series)
                for column, weight in zip(np.where(known, errors, 0.0).T, known.T, strict=True)
            ],
            axis=1,
        )
    return np.where(means > 0, means, np.nan)
