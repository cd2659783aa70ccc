"""The advice of a warning in `fit`, followed, gives what it promises, without another warning."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    FewRowsTaughtWarning,
    LagsToWindow,
    LagWindower,
    LSTMRegressor,
    OneStepWarning,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    UnknownLagWarning,
    UnsaidHorizonWarning,
)

N = 40
DAYS = pd.date_range("2024-01-01", periods=N, freq="D")
DRAWS = np.random.default_rng(0)
VALUES = DRAWS.normal(size=N + 3).cumsum() + 5
MEASURED = DRAWS.normal(size=N)
#: Row t holds value t, and its target is value t + 1.
X, Y = VALUES[:N, None], VALUES[1 : N + 1]
STEPS = np.column_stack([VALUES[step : step + N] for step in (1, 2, 3)])


def linear(rows, target, known=slice(None), new=None):
    """Predict `new` rows by a line through the known ones."""
    fitted = LinearRegression().fit(rows[known], target[known])
    return fitted.predict(rows if new is None else new)


def on(regressor, *steps, **options):
    """Return a regressor behind steps, for rows that need not be known."""
    return TransformedSeriesRegressor(make_pipeline(*steps, regressor), **options)


def windows(values, size):
    """Return flat windows, NaN before the first value, by a loop."""
    rows = [[values[t - i] if t >= i else np.nan for i in range(size)] for t in range(len(values))]
    return np.array(rows)[:, ::-1]


# ---------------------------------------------------------------------- steps, lags, few rows


@pytest.mark.parametrize(("horizon", "known"), [(3, slice(0, -2)), (1, slice(None))])
def test_a_horizon_that_is_said_leaves_out_the_rows_or_learns_them(horizon, known):
    """horizon=3 leaves out the last two rows, horizon=1 learns all."""
    with pytest.warns(UnsaidHorizonWarning, match="horizon=3 to leave these out, or horizon=1"):
        on(LinearRegression()).fit(X, STEPS)
    told = on(LinearRegression(), horizon=horizon)
    np.testing.assert_allclose(silently(told, X, STEPS), linear(X, STEPS, known))


def test_a_lag_that_is_named_undoes_differences_from_observed_values():
    """With a column called <target>_lag1, each prediction starts from the value observed before."""
    table = pd.DataFrame({"measured": MEASURED}, DAYS)
    target = pd.Series(Y, DAYS, name="sold")
    model = on(LinearRegression(), transformer=Differencer())
    with pytest.warns(UnknownLagWarning, match="call it '<target>_lag1'"):
        model.fit(table, target)
    lagged = table.assign(sold_lag1=X)
    rows = np.column_stack([MEASURED[1:], np.diff(VALUES[:N])])
    change = linear(rows, np.diff(Y))
    ours = silently(model, lagged, target)
    np.testing.assert_allclose(ours[1:], VALUES[1:N] + change)


def test_predictions_that_are_meant_to_run_on_sum_up_their_changes():
    """With y_lag=None nothing is said, and changes are summed from the last training value."""
    table, target = MEASURED[:, None], Y
    with pytest.warns(UnknownLagWarning, match="set y_lag=None if this is meant"):
        on(LinearRegression(), transformer=Differencer()).fit(table[:30], target[:30])
    told = on(LinearRegression(), transformer=Differencer(), y_lag=None)
    change = linear(table[1:30], np.diff(target[:30]), new=table[30:])
    ours = silently(told, table[:30], target[:30], new=table[30:])
    np.testing.assert_allclose(ours, target[29] + change.cumsum())


def test_a_shorter_window_learns_from_more_rows():
    """A window of 30 leaves 11 of 40 rows; one of 5 leaves 36, all of which are learnt."""
    with pytest.warns(FewRowsTaughtWarning, match="Only 11 of 40 .*shorter window"):
        on(LinearRegression(), LagWindower(30, flatten=True)).fit(X, Y)
    flat = windows(VALUES[:N], 5)
    ours = silently(on(LinearRegression(), LagWindower(5, flatten=True)), X, Y)
    np.testing.assert_allclose(ours[4:], linear(flat[4:], Y[4:]))


# ------------------------------------------------------------------------------ steps as features

LSTM = LSTMRegressor(2, epochs=2, random_state=0)
STATEFUL = StatefulLSTMRegressor(2, epochs=2, random_state=0)
LAGS = pd.DataFrame({f"lag{i + 1}": windows(VALUES[:N], 3)[:, -1 - i] for i in range(3)}, DAYS)[2:]


CUT = windows(VALUES[:N], 3)[2:, :, None]


@pytest.mark.filterwarnings("default::sklstm.OneStepWarning")
@pytest.mark.parametrize(
    ("step", "rows", "cut", "advice"),
    [
        (LagsToWindow(), LAGS, CUT, r"LagsToWindow\(\) before it"),
        (LagsToWindow(3, newest_first=True), LAGS.to_numpy(), CUT, r"LagsToWindow\(n_lags"),
        (
            LagWindower(3),
            X[2:],
            windows(VALUES[2:N], 3)[:, :, None],
            r"LagWindower\(window\) before it",
        ),
        (LagWindower(1), LAGS, LAGS.to_numpy()[:, None], r"LagWindower\(1\) if one step is meant"),
    ],
    ids=["named lags", "lags", "rows", "one step"],
)
def test_lags_and_rows_become_the_steps_of_a_window(step, rows, cut, advice):
    """Behind the step that the warning names, they are learnt as windows that a loop cuts."""
    with pytest.warns(OneStepWarning, match=advice):
        clone(LSTM).fit(rows, Y[2:])
    ours = silently(make_pipeline(step, clone(LSTM)), rows, Y[2:])
    np.testing.assert_allclose(ours, silently(clone(LSTM), cut, Y[2:]), rtol=1e-5)


@pytest.mark.filterwarnings("default::sklstm.OneStepWarning")
@pytest.mark.parametrize("advice", ["the newest alone", "renamed"])
def test_a_state_learns_the_newest_lag_or_all_columns(advice):
    """The newest lag, or columns of other names, are learnt as the same numbers without names."""
    with pytest.warns(OneStepWarning, match="Keep the newest lag alone, or rename the columns"):
        clone(STATEFUL).fit(LAGS, Y[2:])
    rows = LAGS[["lag1"]] if advice == "the newest alone" else LAGS.set_axis(list("abc"), axis=1)
    plain = silently(clone(STATEFUL), rows.to_numpy(), Y[2:])
    np.testing.assert_allclose(silently(clone(STATEFUL), rows, Y[2:]), plain, rtol=1e-5)


def silently(model, rows, target, new=None):
    """Fit and predict with every warning an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model.fit(rows, target).predict(rows if new is None else new)
