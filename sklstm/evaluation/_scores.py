"""Scores of predictions that were made before, per fold and over all folds."""

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import get_scorer

from sklstm._checks._arguments import brief, listed, naming
from sklstm._sklearn._compat import safe_indexing


class _Told(RegressorMixin, BaseEstimator):
    """Predicts what it is told, so that any scorer can score what was predicted before."""

    def __init__(self, predicted=None, fitted=None):
        self.predicted = predicted
        self.fitted = fitted

    def fit(self, X, y=None):
        """Do nothing: a regressor has to have it."""
        return self

    def predict(self, X):
        """Return the predictions."""
        return self.predicted

    def __sklearn_is_fitted__(self):
        return True

    def __getattr__(self, name):
        # A scorer of the user's own may look at what was fitted.
        if name.startswith("__") or not hasattr(self.__dict__.get("fitted"), name):
            raise AttributeError(f"{type(self.__dict__.get('fitted')).__name__} has no {name!r}.")
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
    names = listed(scoring, "scoring")
    if not names:
        raise ValueError(f"scoring={scoring!r} names no scorer: expected at least one.")
    with naming("scoring", scoring):
        scorers = {name: get_scorer(name) for name in names}
        for name, scorer in scorers.items():
            if not callable(scorer):
                raise ValueError(f"{name!r} is no scorer.")
        return scorers


def score_folds(scorers, folds, fitted, X, y_ndim):
    """Score predictions and baselines in each fold and in all folds together.

    Parameters
    ----------
    scorers : dict of str to callable
        What to score with.
    folds : list of (rows, values)
        Positions of the test rows, and arrays of shape (len(rows), n_outputs) by name: ``"actual"``
        first, then ``"prediction"``, then the baselines.
    fitted : list of estimator
        Who made the predictions of each fold.
    X : DataFrame or ndarray of shape (n_rows, n_features)
        The rows, which scorers are given.
    y_ndim : int
        Number of axes of the target.

    Returns
    -------
    scores, skill : DataFrame
        With a line for each scorer and fold, and one for all folds.
    """
    together = [
        np.concatenate([rows for rows, _ in folds]),
        {name: np.concatenate([values[name] for _, values in folds]) for name in folds[0][1]},
    ]
    scores: dict = {}
    skill: dict = {}
    labelled = [*enumerate(folds), ("overall", together)]
    for name, scorer in scorers.items():
        for (label, (rows, values)), of in zip(labelled, [*fitted, fitted[-1]], strict=True):

            def score(predicted, known, scorer=scorer, rows=rows, values=values, of=of):
                if not known.any():
                    return np.nan
                shape = -1 if y_ndim == 1 else (known.sum(), -1)
                told = _Told(predicted[known].reshape(shape), of)
                actual = values["actual"][known].reshape(shape)
                found = scorer(told, safe_indexing(X, rows[known]), actual)
                if not isinstance(found, Real):
                    raise ValueError(f"it gave {brief(found)}: expected one number.")
                return found

            actual, predicted = values["actual"], values["prediction"]
            known = ~np.isnan(actual).any(axis=1)
            line = scores[name, label] = {"prediction": score(predicted, known)}
            gains = skill[name, label] = {}
            for other in list(values)[2:]:
                # Both are scored on the same rows: those that the baseline has a value for.
                both = known & ~np.isnan(values[other]).any(axis=1)
                base, best = score(values[other], both), score(actual, both)
                line[other] = base
                mine = line["prediction"] if both.sum() == known.sum() else score(predicted, both)
                gains[other] = (mine - base) / (best - base) if best != base else np.nan
    return _table(scores), _table(skill)


def _table(lines):
    table = pd.DataFrame.from_dict(lines, orient="index", dtype=float)
    table.index = pd.MultiIndex.from_tuples(lines, names=["score", "fold"])
    return table
