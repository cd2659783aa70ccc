"""No output before a row depends on that row or on any row after it."""

import functools

import numpy as np
import pandas as pd
import pytest
from estimators import (
    INDEX,
    LSTM,
    N_ROWS,
    N_TRAIN,
    NETWORKS,
    REGRESSORS,
    SETTINGS,
    X,
    Y,
    output,
    quietly,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import Differencer, LagWindower, LSTMRegressor, StatefulLSTMRegressor

ESTIMATORS = {
    **REGRESSORS,
    **NETWORKS,
    "differences in windows, labels dropped": make_pipeline(
        Differencer(), StandardScaler(), LagWindower(4)
    ),
    "LSTM on windows of differences": make_pipeline(
        Differencer(2), LagWindower(3), LSTMRegressor(**LSTM)
    ),
    "stateful LSTM on windows": make_pipeline(LagWindower(3), StatefulLSTMRegressor(**LSTM)),
}
each_estimator = pytest.mark.parametrize("name", ESTIMATORS)
each_kind = pytest.mark.parametrize("labelled", [False, True], ids=["arrays", "tables"])


@functools.cache
def fitted(name, labelled):
    """Return an estimator fitted on the first rows, fitted once for all tests."""
    return clone(ESTIMATORS[name]).fit(table(X, 0, N_TRAIN, labelled), Y[:N_TRAIN])


def table(rows, start, stop, labelled):
    """Return some rows of a series, with or without labels."""
    if not labelled:
        return rows[start:stop]
    # Columns without names: scikit-learn would warn of the names that a foreign step drops.
    return pd.DataFrame(rows[start:stop], index=INDEX[start:stop])


#: Training rows, later rows, and rows that overlap the end of the training rows.
TABLES = st.one_of(
    st.just((0, N_TRAIN)),
    st.tuples(st.just(N_TRAIN), st.integers(N_TRAIN + 2, N_ROWS)),
    st.tuples(st.integers(N_TRAIN - 9, N_TRAIN - 1), st.integers(N_TRAIN + 1, N_ROWS)),
    st.tuples(st.just(0), st.integers(2, N_ROWS)),
)


def changed_from(t, change):
    """Return the series with other rows from t on."""
    changed = X.copy()
    noise = np.random.default_rng(9).normal(size=changed[t:].shape)
    others = {
        "noise": noise,
        "training rows": X[: N_ROWS - t],
        "same": X[t - 1],
        "large": X[t:] * 1e6,
    }
    changed[t:] = others[change]
    return changed


@each_kind
@each_estimator
@settings(max_examples=25, **SETTINGS)
@given(data=st.data())
def test_later_rows_change_no_earlier_output(name, labelled, data):
    """Outputs before t stay, whatever the rows from t on become, and whether they are there."""
    estimator = fitted(name, labelled)
    start, stop = data.draw(TABLES, label="rows")
    t = data.draw(st.integers(start + 1, stop - 1), label="t")
    change = data.draw(st.sampled_from(["noise", "training rows", "same", "large"]), label="change")
    # Without labels, a table with all the training rows and no others is the training table.
    assume(labelled or (0, N_TRAIN) not in ((start, stop), (start, t)))
    whole = quietly(output, estimator, table(X, start, stop, labelled))[: t - start]
    changed = quietly(output, estimator, table(changed_from(t, change), start, stop, labelled))
    # The last bit of a float32 sum depends on how many rows are computed together.
    tolerance = 1e-6 if "LSTM" in name else 0
    np.testing.assert_allclose(changed[: t - start], whole, rtol=0, atol=tolerance)
    first = quietly(output, estimator, table(X, start, t, labelled))
    np.testing.assert_allclose(first, whole, rtol=1e-5, atol=1e-5)
