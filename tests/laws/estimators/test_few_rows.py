"""Networks tell when they learn from little of what they are given."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    FewRowsTaughtWarning,
    LagWindower,
    LSTMRegressor,
    OneStepWarning,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
)

LSTM = {"units": 1, "epochs": 1, "random_state": 0}
ROWS = np.random.default_rng(0).normal(size=(20, 2))
Y = ROWS.sum(axis=1)
NETWORKS = pytest.mark.parametrize(
    "network", [LSTMRegressor(**LSTM), StatefulLSTMRegressor(**LSTM)], ids=["windows", "state"]
)


# ------------------------------------------------------------------------------ few rows are taught


@NETWORKS
def test_runs_that_begin_with_nan_are_counted(network):
    """Of runs that are padded with NaN at their head few are learnt, and their number is told."""
    runs = np.random.default_rng(0).normal(size=(40, 8, 1))
    for i, known in enumerate([8] * 4 + [5] * 36):
        runs[i, : 8 - known] = np.nan
    y = np.arange(40.0)
    y[39] = np.nan
    with pytest.warns(FewRowsTaughtWarning, match="Only 4 of 39 rows") as caught:
        network.fit(runs, y)
    assert [warning.filename for warning in caught] == [__file__]
    assert network.n_samples_fit_ == 4
    masks = isinstance(network, LSTMRegressor)
    assert masks == ("or short_windows='mask' to" in str(caught[0].message))
    if masks:
        assert clone(network).set_params(short_windows="mask").fit(runs, y).n_samples_fit_ == 39
    network.fit(np.nan_to_num(runs), y)
    assert network.n_samples_fit_ == 39


@pytest.mark.parametrize("regressor", [LSTMRegressor(**LSTM), Ridge()], ids=["network", "ridge"])
def test_a_window_that_most_rows_lack_is_told(regressor):
    """With a window of 11, 10 of 20 rows are left out, which is not yet most; with 12 it is."""
    flat = isinstance(regressor, Ridge)

    def model(window):
        windower = LagWindower(window, flatten=flat)
        return TransformedSeriesRegressor(make_pipeline(windower, regressor), y_lag=None)

    model(11).fit(ROWS, Y)
    with pytest.warns(FewRowsTaughtWarning, match="Only 9 of 20 rows") as caught:
        model(12).fit(ROWS, Y)
    assert len(caught) == 1


# ------------------------------------------------------------------------------ one step is learnt


def test_rows_without_windows_are_told():
    """Plain rows are windows of one step, with a warning that names what would do."""
    with pytest.warns(OneStepWarning, match=r"LagWindower\(window\) before it;") as caught:
        LSTMRegressor(**LSTM).fit(ROWS, Y)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("windows", [LagWindower(1), LagWindower(3)], ids=["one", "three"])
def test_windows_say_that_they_are_meant(windows):
    """Windows of one step are what they say."""
    make_pipeline(windows, LSTMRegressor(**LSTM)).fit(ROWS, Y)
    StatefulLSTMRegressor(**LSTM).fit(ROWS, Y)


@NETWORKS
@pytest.mark.parametrize(
    "names",
    [("lag1", "lag2"), ("y_lag1", "y_lag2"), ("t-1", "t-2"), ("y(t-1)", "y(t-2)")],
    ids=lambda names: names[0],
)
def test_lags_as_features_of_one_step_are_told(network, names):
    """Columns that are lags of one series are named; two series with one lag each are no lags."""
    table = pd.DataFrame(ROWS, columns=names)
    with pytest.warns(OneStepWarning, match="features of (that|one) step") as caught:
        network.fit(table, Y)
    assert str(list(names)) in str(caught[0].message)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("names", [("a_lag1", "b_lag1"), ("flag", "lagged 2 days")])
def test_other_names_are_no_lags(names):
    """One lag of each of two series, and names that only look like lags, are features."""
    StatefulLSTMRegressor(**LSTM).fit(pd.DataFrame(ROWS, columns=names), Y)


# --------------------------------------------------------------------- flat windows have a warm-up


@pytest.mark.parametrize("network", [LSTMRegressor(**LSTM), StatefulLSTMRegressor(**LSTM)])
@pytest.mark.filterwarnings("ignore::sklstm.OneStepWarning")
def test_flat_windows_have_a_warm_up_as_for_ridge(network):
    """Rows that begin with NaN are left out of fit, and get the mean of the target in predict."""
    model = make_pipeline(LagWindower(3, flatten=True), network).fit(ROWS, Y)
    assert network.n_samples_fit_ == 18
    predicted = model.predict(ROWS)
    np.testing.assert_allclose(predicted[:2], Y[2:].mean(), rtol=1e-6)
    assert np.isfinite(predicted).all()
    flat = np.array(LagWindower(3, flatten=True).fit(ROWS).transform(ROWS))
    flat[7, 3] = np.nan
    for method in (lambda: network.fit(flat, Y), lambda: network.predict(flat)):
        with pytest.raises(ValueError, match="row 7, column 3"):
            method()


# ------------------------------------------------------------------------------- folded windows


@NETWORKS
def test_folded_windows_of_too_few_rows_say_how_many_would_do(network):
    """One row fewer than the message says is refused again, and as many are learnt from."""
    model = make_pipeline(Differencer(2), LagWindower(6, fold=3), network)
    with pytest.raises(ValueError, match=r"has 6 rows, a window has 2 steps.*At least 8 rows"):
        model.fit(ROWS[:6], Y[:6])
    with pytest.raises(ValueError, match="At least 8 rows"):
        model.fit(ROWS[:7], Y[:7])
    with pytest.warns(FewRowsTaughtWarning, match="Only 1 of 8"):
        model.fit(ROWS[:8], Y[:8])
    assert network.n_samples_fit_ == 1


def test_nan_inside_a_folded_window_is_named():
    """Row, step and column are those of the array that the windows make."""
    rows = ROWS.copy()
    rows[8, 1] = np.nan
    windows = LagWindower(6, fold=3).fit_transform(rows)
    place = np.argwhere(np.isnan(np.asarray(windows[8])))[0]
    assert place.tolist() == [1, 5]
    message = r"row 8, column 5 \(step 2 of 2 of its window\)"
    with pytest.raises(ValueError, match=message):
        LSTMRegressor(**LSTM).fit(windows, Y)
