"""Scores of predictions that were made before, per fold and over all folds."""

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import get_scorer

from sklstm._checks._arguments import brief, listed, naming
from sklstm._sklearn._compat import safe_indexing


class _Recorded(RegressorMixin, BaseEstimator):
    """Returns predictions that were made before, so that any scorer can score them."""

    def __init__(self, predicted=None, fitted=None):
        self.predicted = predicted
        self.fitted = fitted

    def predict(self, X):
        """Return the predictions."""
        return self.predicted

    def __sklearn_is_fitted__(self):
        return True

    def __getattr__(self, name):
        # A scorer of the user's own may read what the fitted estimator has.
        if name.startswith("__") or "fitted" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.fitted, name)


def scorers_of(scoring):
    """Return scorers by name.

    Parameters
    ----------
    scoring : str, callable, or sequence of str
        What the user asked for.

    Returns
    -------
    dict of str to callable
    """
    if callable(scoring):
        return {"score": scoring}
    with naming("scoring", scoring):
        scorers = {name: get_scorer(name) for name in listed(scoring, "scoring")}
        if not scorers or not all(map(callable, scorers.values())):
            raise ValueError("expected the name of a scorer, or of several.")
        return scorers


def score_folds(scoring, scorers, folds, X, y_ndim):
    """Score predictions and baselines in each fold and in all folds together.

    Parameters
    ----------
    scoring : str, callable, or sequence of str
        What the user asked for. With a sequence, the tables name the scorer of each line.
    scorers : dict of str to callable
        What `scorers_of` made of it.
    folds : list of (number, rows, values, estimator)
        The number of each fold; positions of its test rows; arrays of shape (len(rows), n_outputs)
        by name: ``"actual"`` first, then ``"prediction"``, then the baselines; and who made the
        predictions.
    X : DataFrame or ndarray of shape (n_rows, n_features)
        The rows, which scorers are given.
    y_ndim : int
        Number of axes of the target.

    Returns
    -------
    scores, skill : DataFrame
        With a line for each scorer and fold, and one for all folds.
    """
    _, rows, values, fitted = zip(*folds, strict=True)
    together = {name: np.concatenate([fold[name] for fold in values]) for name in values[0]}
    overall = "overall", np.concatenate(rows), together, fitted[-1]
    lines = {}
    with naming("scoring", scoring):
        for name, scorer in scorers.items():
            for label, *fold in [*folds, overall]:
                lines[name, label] = _line(scorer, X, y_ndim, *fold)
    index = pd.MultiIndex.from_tuples(lines, names=["score", "fold"])
    scores, skill = (
        pd.DataFrame(table, index, dtype=float) for table in zip(*lines.values(), strict=True)
    )
    if isinstance(scoring, str) or callable(scoring):
        return scores.droplevel("score"), skill.droplevel("score")
    return scores, skill


def _line(scorer, X, y_ndim, rows, values, estimator):
    """Return the scores of one fold, and the skill of the estimator over each baseline."""

    def score(name, known):
        if not known.any():
            return np.nan
        shape = -1 if y_ndim == 1 else (known.sum(), -1)
        recorded = _Recorded(values[name][known].reshape(shape), estimator)
        actual = values["actual"][known].reshape(shape)
        found = scorer(recorded, safe_indexing(X, rows[known]), actual)
        if not isinstance(found, Real):
            raise ValueError(f"it gave {brief(found)}: expected one number.")
        return found

    known = ~np.isnan(values["actual"]).any(axis=1)
    scores, skill = {"prediction": score("prediction", known)}, {}
    for name in list(values)[2:]:
        # The estimator is compared on the rows for which the baseline has a value.
        both = known & ~np.isnan(values[name]).any(axis=1)
        base, mine, best = (score(one, both) for one in (name, "prediction", "actual"))
        scores[name] = base
        skill[name] = (mine - base) / (best - base) if best != base else np.nan
    return scores, skill
