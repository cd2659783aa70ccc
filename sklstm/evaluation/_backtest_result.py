"""What a back-test returns."""

from collections.abc import Hashable
from dataclasses import dataclass, field

import pandas as pd

from sklstm._checks._arguments import listed
from sklstm.evaluation._intervals._quantiles import interval_scores
from sklstm.evaluation._scores import Scoring


@dataclass
class BacktestResult:
    """Predictions and scores of a back-test.

    Attributes
    ----------
    predictions : DataFrame
        One line per predicted value, labelled like the rows: ``fold``, ``step`` (how many rows of
        its series after the last known value), ``output`` (only with several), ``actual``,
        ``prediction``, the quantiles if these are recorded (``quantile_0.05`` and so on), and a
        column for each baseline.
    scores : DataFrame
        One line per fold and one, ``"overall"``, for all rows together; columns are the estimator
        and the baselines. With several scorers, the index has a first level with their names.
    skill : DataFrame
        For each baseline, ``(score - baseline) / (perfect - baseline)``: 1 is a perfect estimator,
        0 is as good as the baseline, less than 0 is worse.
    estimators : list of estimator
        The fitted estimators: one for each fold, or with ``refit=False`` only one.
    target : label or None
        The name of `y`, if it has one.
    """

    predictions: pd.DataFrame
    scores: pd.DataFrame
    skill: pd.DataFrame
    estimators: list = field(repr=False)
    target: Hashable | None = None
    _scoring: Scoring | None = field(default=None, repr=False)

    def scores_by(self, by):
        """Score groups of predictions, for instance those of each series.

        Parameters
        ----------
        by : str or sequence of str
            What the groups have in common: ``"fold"``, ``"step"`` (how many steps ahead),
            ``"output"``, ``"series"``, or the name of a level of the index that names series, such
            as a region; or several of these.

        Returns
        -------
        DataFrame
            One line per group; columns are the estimator and the baselines. With several scorers,
            the index has a first level with their names.

        Raises
        ------
        ValueError
            If the predictions have nothing of that name.
        TypeError
            If `by` is no string or sequence of strings.

        See Also
        --------
        BacktestResult.skill_by : The same groups, compared with the baselines.

        Notes
        -----
        Folds, series and steps are weighed as in `scores`: each row counts the same, but with a
        scaled score or the symmetric percentage error each series counts the same. These and the
        errors ``"neg_mean_absolute_error"``, ``"neg_mean_squared_error"`` and
        ``"neg_root_mean_squared_error"`` take seconds for 10,000 series; any other scorer is called
        for each group.

        Examples
        --------
        >>> from sklearn.linear_model import Ridge
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklstm import (
        ...     Differencer,
        ...     LagWindower,
        ...     TimeStepSplit,
        ...     TransformedSeriesRegressor,
        ...     backtest,
        ...     series_to_supervised,
        ... )
        >>> from sklstm.datasets import load_us_unemployment
        >>> X, y = series_to_supervised(load_us_unemployment())
        >>> windows = make_pipeline(LagWindower(12, flatten=True), Ridge())
        >>> model = TransformedSeriesRegressor(windows, Differencer([1, 12]))
        >>> cv = TimeStepSplit(3, test_size=12)
        >>> result = backtest(
        ...     model, X, y, cv, scoring="neg_mean_absolute_scaled_error"
        ... )
        >>> result.scores_by("series").head(3).round(2)
                           prediction  persistence  seasonal_naive  drift
        industry
        Agriculture             -0.86        -1.03           -1.90  -1.03
        Business services       -0.52        -0.54           -2.07  -0.53
        Construction            -0.82        -1.09           -3.23  -1.08
        """
        return self._tables(by)[0]

    def skill_by(self, by):
        """Compare groups of predictions with the baselines, for instance those of each series.

        Parameters
        ----------
        by : str or sequence of str
            As in `scores_by`.

        Returns
        -------
        DataFrame
            One line per group; for each baseline, ``(score - baseline) / (perfect - baseline)``.

        Raises
        ------
        ValueError
            If the predictions have nothing of that name.
        TypeError
            If `by` is no string or sequence of strings.

        See Also
        --------
        BacktestResult.scores_by : The scores themselves.

        Examples
        --------
        >>> from sklearn.linear_model import Ridge
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklstm import (
        ...     Differencer,
        ...     LagWindower,
        ...     TimeStepSplit,
        ...     TransformedSeriesRegressor,
        ...     backtest,
        ...     series_to_supervised,
        ... )
        >>> from sklstm.datasets import load_us_unemployment
        >>> X, y = series_to_supervised(load_us_unemployment())
        >>> windows = make_pipeline(LagWindower(12, flatten=True), Ridge())
        >>> model = TransformedSeriesRegressor(windows, Differencer([1, 12]))
        >>> result = backtest(model, X, y, TimeStepSplit(3, test_size=12))
        >>> skill = result.skill_by("series")["persistence"]
        >>> print(skill.idxmax(), round(skill.max(), 2))
        Government 0.49
        """
        return self._tables(by)[1]

    def interval_scores_by(self, by="fold"):
        """Score the quantiles that were recorded, in groups of predictions.

        Parameters
        ----------
        by : str or sequence of str, default="fold"
            As in `scores_by`.

        Returns
        -------
        DataFrame
            One line per group, with the three metrics of :mod:`sklstm.metrics`:
            ``interval_coverage`` and ``winkler_score`` of the interval between the outermost
            quantiles, and ``weighted_quantile_loss`` of all quantiles. All series count alike in
            the first two, and all outputs in all three.

        Raises
        ------
        ValueError
            If no quantiles were recorded, or the predictions have nothing of that name.
        TypeError
            If `by` is no string or sequence of strings.

        See Also
        --------
        conformal_interval : Moves quantiles that contain too few values, or too many.

        Examples
        --------
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklstm import (
        ...     LagWindower,
        ...     LSTMRegressor,
        ...     backtest,
        ...     series_to_supervised,
        ... )
        >>> from sklstm.datasets import load_milk
        >>> X, y = series_to_supervised(load_milk())
        >>> lstm = LSTMRegressor(units=4, epochs=20, loss="quantile", random_state=0)
        >>> model = make_pipeline(LagWindower(12), lstm)
        >>> result = backtest(model, X, y, 3, method="predict_quantiles")
        >>> result.interval_scores_by("fold").columns.tolist()
        ['interval_coverage', 'winkler_score', 'weighted_quantile_loss']
        """
        scoring, keys = self._read_keys(by)
        codes, labels = scoring.groups(keys)
        lines = self.predictions
        return interval_scores(lines, codes, labels, scoring.series, scoring.recorded(lines))

    def _tables(self, by):
        scoring, keys = self._read_keys(by)
        return scoring.tables(keys)

    def _read_keys(self, by):
        """Return the scorers, and the keys of the groups that a user names."""
        if self._scoring is None:
            raise ValueError("This result holds no scorers: only backtest makes one that does.")
        known = {name: [name] for name in self._scoring.keys}
        if self._scoring.levels:
            known["series"] = self._scoring.levels
        wanted = listed(by, "by")
        if not wanted or not all(name in list(known) for name in wanted):
            raise ValueError(f"by={by!r} is not valid: expected some of {list(known)!r}.")
        # A level of the series may be named as well.
        return self._scoring, list(dict.fromkeys(key for name in wanted for key in known[name]))

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
        ``[None]`` where there is only one output. They are in the order of the target, however the
        lines may be sorted now.
    """
    found = list(dict.fromkeys(result.predictions.get("output", [None])))
    first = [] if result._scoring is None else result._scoring.outputs
    return [name for name in first if name in found] or found
