"""What a back-test returns."""

from dataclasses import dataclass, field

import pandas as pd


@dataclass
class BacktestResult:
    """Predictions and scores of a back-test.

    Attributes
    ----------
    predictions : DataFrame
        One line per predicted value, labelled like the rows: ``fold``, ``step`` (how many steps
        after the last known value), ``output`` (only with several), ``actual``, ``prediction``, and
        a column for each baseline.
    scores : DataFrame
        One line per fold and one, ``"overall"``, for all rows together; columns are the estimator
        and the baselines. With several scorers, the index has a first level with their names.
    skill : DataFrame
        For each baseline, ``(score - baseline) / (perfect - baseline)``: 1 is a perfect estimator,
        0 is as good as the baseline, less than 0 is worse.
    estimators : list of estimator
        The fitted estimators: one for each fold, or with ``refit=False`` only one.
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


def outputs_of(result):
    """Return the names of the outputs of a back-test.

    Parameters
    ----------
    result : BacktestResult
        The back-test.

    Returns
    -------
    list
        ``[None]`` where there is only one output.
    """
    return list(dict.fromkeys(result.predictions.get("output", [None])))
