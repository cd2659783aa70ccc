"""Labels of classes: which are known, and how they become numbers."""

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sklstm._checks._arguments import naming
from sklstm._checks._numbers import check_dense, check_not_infinite
from sklstm._checks._tables import check_in_step, index_of

#: What str makes of NaN, None, NaT and pandas.NA.
_TEXT_OF_NOTHING = ("nan", "None", "NaT", "<NA>")


def read_labels(y, X, *, name="y", rows_name="X"):
    """Validate the labels of rows, where NaN, None and the like stand for what is not known.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        The labels: text, whole numbers or bools.
    X : array-like of shape (n_rows, ...)
        The rows that they belong to.
    name, rows_name : str, default="y", "X"
        What messages call the two.

    Returns
    -------
    labels : ndarray of shape (n_known,)
        Those that are known.
    is_known : ndarray of bool of shape (n_rows,)
        Where they stand.

    Raises
    ------
    ValueError
        If `y` is missing, has several columns, no label or numbers that are no labels, or if its
        length or labels differ from those of `X`.
    TypeError
        If `y` is sparse or lazy.
    """
    if y is None:
        raise ValueError(
            f"This classifier requires {name} to be passed, but the target {name} is None."
        )
    check_dense(y, name)
    with naming(name, y):
        values = np.asarray(y)
        if values.ndim == 2 and values.shape[1] != 1:
            raise ValueError(
                f"its shape is {values.shape}, but a classifier learns one label of each row. For"
                " several, fit one classifier to each column, for instance with"
                " sklearn.multioutput.MultiOutputClassifier."
            )
        values = column_or_1d(values, warn=True)
        check_consistent_length(X, values)
    check_in_step(y, X, name=name, rows_name=rows_name)
    is_known = np.asarray(pd.notna(values))
    # Of pandas' types, those of whole numbers are floats as long as one is missing.
    labels = np.asarray(y[is_known] if isinstance(y, pd.Series) else values[is_known])
    if labels.dtype == object:
        # Beside None or NaN, bools and numbers are objects.
        labels = pd.Series(labels).infer_objects().to_numpy()
    if not len(labels):
        raise ValueError(f"{name} holds no label that is known, so there is nothing to learn.")
    _check_not_text_of_nothing(labels, y, name)
    if labels.dtype.kind == "f":
        check_not_infinite(values.astype(float), y, name)
    if labels.dtype == object and not all(isinstance(label, str) for label in labels):
        raise ValueError(
            f"{name} holds labels of several types, or of a type that is none of text, whole"
            " numbers and bools: make text of all of them."
        )
    with naming(name, y):
        check_classification_targets(labels)
    return labels, is_known


def _check_not_text_of_nothing(labels, y, name):
    """Refuse text that was made of a label that is not known: it would be one more class."""
    if labels.dtype.kind not in "UO":
        return
    found = next((text for text in _TEXT_OF_NOTHING if (labels == text).any()), None)
    if found is None:
        return
    code = f"numpy.where(numpy.asarray({name}) == {found!r}, None, {name})"
    if isinstance(y, pd.Series | pd.DataFrame):
        code = f"{name}.mask({name} == {found!r})"
    raise ValueError(
        f"{name} holds the text {found!r}: NumPy, or str, made it of a label that is not known."
        " Pass unknown labels as None, in a pandas Series or an array with dtype=object:"
        f" {name} = {code}. If it is the name of a class, give it another one."
    )


def classes_in(labels, name):
    """Return the distinct labels, sorted.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Labels.
    name : str
        What messages call them.

    Returns
    -------
    ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If there are fewer than two.
    """
    classes = np.unique(np.asarray(labels))
    if len(classes) < 2:
        raise ValueError(
            f"{name} holds only one class, {classes.tolist()!r}, but a classifier needs at least 2."
        )
    return classes


def as_columns(labels, is_known, y, classes, *, name="y"):
    """Turn labels into what a network learns: a column of two classes, or one for each.

    Parameters
    ----------
    labels, is_known : ndarray
        As from `read_labels`.
    y : array-like of shape (n_rows,)
        The labels as the user gave them.
    classes : ndarray of shape (n_classes,)
        The classes.
    name : str, default="y"
        What messages call `y`.

    Returns
    -------
    ndarray or DataFrame of shape (n_rows, 1) or (n_rows, n_classes)
        1 in the column of the class, or for the second of two; NaN where the label is not known.

    Raises
    ------
    ValueError
        If a label is none of the classes.
    """
    codes = pd.Index(classes).get_indexer(labels)
    if (codes < 0).any():
        strange = pd.unique(labels[codes < 0]).tolist()
        raise ValueError(
            f"{name} holds the label(s) {strange!r}, but the classes are"
            f" {classes.tolist()!r}. Begin with a fit, or a partial_fit, that is given all classes."
        )
    one_hot = np.full((len(is_known), len(classes)), np.nan)
    one_hot[is_known] = np.eye(len(classes))[codes]
    columns = one_hot[:, 1:] if len(classes) == 2 else one_hot
    index = index_of(y)
    return columns if index is None else pd.DataFrame(columns, index)


def check_class_weight(class_weight, classes):
    """Return the weight of each class, as a dict tells it.

    Parameters
    ----------
    class_weight : dict
        Weights by class; 1 for those that it lacks.
    classes : ndarray of shape (n_classes,)
        The classes.

    Returns
    -------
    ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If a weight is no positive number or 0, or if it lacks classes and has others instead.
    """
    names = classes.tolist()
    lacking = [one for one in names if one not in class_weight]
    strange = [one for one in class_weight if one not in names]
    if lacking and strange:
        # All classes and more is fine: a fold of a search may lack some.
        raise ValueError(
            f"class_weight={class_weight!r} has weights of {strange!r}, but the classes are"
            f" {names!r}: use these as keys."
        )
    weights = [class_weight.get(one, 1) for one in names]
    if not all(isinstance(one, Real) and 0 <= float(one) < np.inf for one in weights):
        raise ValueError(
            f"class_weight={class_weight!r} is not valid: expected numbers from 0 on, by class."
        )
    return np.array(weights, dtype=float)
