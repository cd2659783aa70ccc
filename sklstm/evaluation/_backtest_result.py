"""What a back-test returns."""

from dataclasses import dataclass, field

import pandas as pd

from sklstm._checks._arguments import brief


@dataclass
class BacktestResult:
    """What a back-test found.

    Attributes
    ----------
    predictions : DataFrame
        One line per predicted value, labelled like the rows: ``fold``, ``step`` (steps after the
        last value known when it was predicted), ``output`` (only where there are several),
        ``actual``, ``prediction``, and a column for each baseline.
    scores : DataFrame
        One line per fold and one, ``"overall"``, for all rows together; columns are the estimator
        and the baselines. With several scorers, the lines of each stand under its name.
    skill : DataFrame
        For each baseline, the part of the way from its score to a perfect one that the estimator
        has gone: 1 is perfect, 0 is no better than the baseline, less is worse.
    estimators : list of estimator
        The fitted estimators, one for each fold, or the only one.
    """

    predictions: pd.DataFrame
    scores: pd.DataFrame
    skill: pd.DataFrame
    estimators: list = field(repr=False)

    def __repr__(self):
        folds = self.predictions["fold"].nunique()
        table = self._table().to_string(float_format="{:.4g}".format)
        return f"Back-test of {len(self.predictions)} predictions in {folds} folds\n{table}"

    def _repr_html_(self):
        return self._table().to_html(float_format="{:.4g}".format)

    def _table(self):
        if not len(self.skill.columns):
            return self.scores
        return pd.concat({"score": self.scores, "skill over": self.skill}, axis=1)


def check_backtest(result):
    """Refuse what no back-test returned.

    Parameters
    ----------
    result : object
        The argument.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if not isinstance(result, BacktestResult):
        raise TypeError(f"result={brief(result)} is not valid: expected what backtest returned.")
