"""A warning is true of the rows that it names, and its advice gives what it promises.

Each case provokes a warning, does what the message says, and holds the result against a plain
computation on the whole series.
"""

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    AssumedPastWarning,
    Differencer,
    InverseWarning,
    LagWindower,
    MissingStepsWarning,
    StatefulLSTMRegressor,
    StateResetWarning,
    TransformedSeriesRegressor,
    UnknownPastWarning,
    series_to_supervised,
)

N, N_TRAIN, WINDOW = 60, 40, 3
VALUES = np.random.default_rng(0).normal(size=N).cumsum() + 50
DAYS = pd.date_range("2024-01-01", periods=N, freq="D")
TABLE = pd.DataFrame({"a": VALUES}, DAYS)
NUMBERED = TABLE.reset_index(drop=True)
# Squares: neither numbers nor dates keep a regular step.
UNEVEN = TABLE.set_axis(np.arange(N) ** 2)
MONTHS = TABLE.set_axis(pd.period_range("2020-01", periods=N, freq="M"))
SHIFTED = TABLE.set_axis(np.arange(7, 7 + N))


def lags(values):
    """Return each value and those before it, as pandas shifts them, the oldest first."""
    series = pd.Series(np.ravel(values))
    return pd.concat([series.shift(i) for i in reversed(range(WINDOW))], axis=1).to_numpy()


WHOLE = lags(VALUES)
WINDOWER = LagWindower(WINDOW, flatten=True)


def trained(table, **options):
    """Return a windower that was fitted to the training rows of a table."""
    return clone(WINDOWER).set_params(**options).fit(table[:N_TRAIN])


def reset(table):
    """Return the rows after the training rows, numbered from 0."""
    return table[N_TRAIN:].reset_index(drop=True)


def filled(table, missing, code):
    """Remove rows, put them in again by the code of a message, and fill them."""
    return eval(code, {"X": table.drop(table.index[missing]), "pd": pd}).ffill()  # noqa: S307


HOLES = [47, 48, 52]
FILLED = TABLE.copy()
FILLED.iloc[HOLES] = np.nan
FILLED = lags(FILLED.ffill())[N_TRAIN:]
LESS = np.delete(VALUES, HOLES)
PERIODS = "X.reindex(pd.period_range(X.index[0], X.index[-1]))"
NUMBERS = "X.reindex(range(X.index[0], X.index[-1] + 1, 1))"

#: What warns; a part of the message; the advice, followed; and what it promises.
PAST = {
    "a gap after the training rows: pass the rows between": (
        lambda: trained(TABLE).transform(TABLE[N_TRAIN + 2 :]),
        "Row 2024-02-12 .* comes 2 steps later .*Pass the rows in between",
        lambda: trained(TABLE).transform(TABLE[N_TRAIN:])[2:],
        WHOLE[N_TRAIN + 2 :],
    ),
    "no gap, but a holiday after the training rows: continue": (
        lambda: trained(TABLE.drop(DAYS[N_TRAIN])).transform(TABLE[N_TRAIN + 1 :]),
        "comes 1 steps later .*history='continue' if it follows",
        lambda: trained(TABLE, history="continue").transform(TABLE[N_TRAIN + 1 :]),
        lags(np.delete(VALUES, N_TRAIN))[N_TRAIN:],
    ),
    "nothing comes before: none": (
        lambda: trained(TABLE).transform(TABLE[N_TRAIN + 2 :]),
        "history='none' if nothing",
        lambda: trained(TABLE, history="none").transform(TABLE[N_TRAIN + 2 :]),
        lags(VALUES[N_TRAIN + 2 :]),
    ),
    "a gap in the rows: fill dates": (
        lambda: trained(TABLE).transform(TABLE[N_TRAIN:].drop(DAYS[HOLES])),
        r"Row 2024-02-19 .* after a gap in the table.*one of 2 such rows.*X\.asfreq",
        lambda: trained(TABLE).transform(filled(TABLE[N_TRAIN:], [7, 8, 12], "X.asfreq('D')")),
        FILLED,
    ),
    "a gap in the rows: fill periods": (
        lambda: trained(MONTHS).transform(MONTHS[N_TRAIN:].drop(MONTHS.index[HOLES])),
        "Row 2024-02 comes after a gap in the table.*" + re.escape(PERIODS),
        lambda: trained(MONTHS).transform(filled(MONTHS[N_TRAIN:], [7, 8, 12], PERIODS)),
        FILLED,
    ),
    "a gap in the rows: fill numbers": (
        lambda: trained(NUMBERED).transform(NUMBERED[N_TRAIN:].drop(HOLES)),
        "Row 49 comes after a gap in the table.*" + re.escape(NUMBERS),
        lambda: trained(NUMBERED).transform(filled(NUMBERED[N_TRAIN:], [7, 8, 12], NUMBERS)),
        FILLED,
    ),
    "no gap, but days without trade: number the rows": (
        lambda: trained(TABLE).transform(TABLE[N_TRAIN:].drop(DAYS[HOLES])),
        r"days without trade.*X\.reset_index\(drop=True\)",
        lambda: (
            clone(WINDOWER)
            .fit(NUMBERED[:N_TRAIN])
            .transform(TABLE.drop(DAYS[HOLES]).reset_index(drop=True)[N_TRAIN:])
        ),
        lags(LESS)[N_TRAIN:],
    ),
    "an index that was reset: continue": (
        lambda: trained(NUMBERED).transform(reset(TABLE)),
        "Row 0 has the label of a training row but other values .*was the index reset.*continue",
        lambda: trained(NUMBERED, history="continue").transform(reset(TABLE)),
        WHOLE[N_TRAIN:],
    ),
    "labels before the training rows: continue": (
        lambda: trained(SHIFTED).transform(reset(TABLE)[:5]),
        "Row 0 comes before the first training row.*continue",
        lambda: trained(SHIFTED, history="continue").transform(reset(TABLE)[:5]),
        WHOLE[N_TRAIN : N_TRAIN + 5],
    ),
    "labels before uneven training rows: continue": (
        lambda: trained(UNEVEN[3:]).transform(reset(TABLE)[:5]),
        "Row 0 comes before the first training row.*continue",
        lambda: trained(UNEVEN, history="continue").transform(reset(TABLE)[:5]),
        WHOLE[N_TRAIN : N_TRAIN + 5],
    ),
    "labels of another kind: continue": (
        lambda: trained(TABLE).transform(reset(TABLE)),
        "Row 0 has no known place among the training rows.*continue",
        lambda: trained(TABLE, history="continue").transform(reset(TABLE)),
        WHOLE[N_TRAIN:],
    ),
    "a label off the regular step: correct it": (
        lambda: trained(TABLE).transform(
            TABLE[N_TRAIN:].set_axis([*DAYS[N_TRAIN:-3], DAYS[-3] + pd.Timedelta("1h"), *DAYS[-2:]])
        ),
        "Row 2024-02-27 01:00:00 has no known place.*Correct its label",
        lambda: trained(TABLE).transform(TABLE[N_TRAIN:]),
        WHOLE[N_TRAIN:],
    ),
    "inside the training rows: pass them from the first": (
        lambda: clone(WINDOWER).fit(np_table(200)).transform(np_table(200)[90:110]),
        "Row 90 lies inside the training rows.*from the first training row on",
        lambda: clone(WINDOWER).fit(np_table(200)).transform(np_table(200)[:110])[90:],
        lags(np.arange(200.0) ** 2)[90:110],
    ),
    "inside uneven training rows: pass them from the first": (
        lambda: clone(WINDOWER).fit(np_table(200, 2)).transform(np_table(200, 2)[90:110]),
        "Row 8100 has no known place .*from the first training row on",
        lambda: clone(WINDOWER).fit(np_table(200, 2)).transform(np_table(200, 2)[:110])[90:],
        lags(np.arange(200.0) ** 2)[90:110],
    ),
}


def np_table(n_rows, power=1):
    """Return squares, labelled with their numbers or with themselves."""
    numbers = np.arange(n_rows)
    return pd.DataFrame({"a": numbers.astype(float) ** 2}, numbers**power)


SUPERVISED = {
    "numbers": series_to_supervised(pd.Series(VALUES, name="a")),
    "dates": series_to_supervised(TABLE["a"]),
    "uneven": series_to_supervised(UNEVEN["a"]),
}


def silently(follow):
    """Do what a message says, with every warning an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return follow()


@pytest.mark.parametrize("name", PAST)
def test_the_advice_on_an_unknown_past_gives_the_past(name):
    """The rows that are named have a NaN past; with the advice they have the promised one."""
    provoke, message, follow, expected = PAST[name]
    with pytest.warns(UnknownPastWarning, match=message) as caught:
        windows = provoke()
    assert len(caught) == 1
    named = re.match(r"Row (.*?) (comes|has|lies)", str(caught[0].message))[1]
    row = [str(label) for label in windows.index].index(named)
    assert windows.iloc[row, :-1].isna().all()
    np.testing.assert_array_equal(silently(follow), expected)


def test_values_that_differ_later_are_said_to_be_placed_by_label():
    """Corrected values keep their place, as the message says; rows that follow can be told so."""
    later = TABLE[N_TRAIN - 5 :].copy()
    later.iloc[2] += 1
    with pytest.warns(AssumedPastWarning, match="Row 2024-02-07 .*placed by their labels"):
        windows = trained(TABLE).transform(later)
    known = [*VALUES[: N_TRAIN - 5], *later["a"]]
    np.testing.assert_array_equal(windows, lags(known)[N_TRAIN - 5 :])
    # Advice 1: fit again.
    corrected = pd.concat([TABLE[: N_TRAIN - 5], later])
    np.testing.assert_array_equal(silently(lambda: trained(corrected).transform(later)), windows)
    # Advice 2: the index was reset, and the first value happens to be that of the training rows.
    zeros = NUMBERED.copy()
    zeros.iloc[[0, N_TRAIN]] = 0.0
    with pytest.warns(AssumedPastWarning, match="history='continue'"):
        trained(zeros).transform(reset(zeros))
    told = silently(lambda: trained(zeros, history="continue").transform(reset(zeros)))
    np.testing.assert_array_equal(told, lags(zeros)[N_TRAIN:])


@pytest.mark.parametrize("history", ["continue", "none"])
def test_the_advice_on_arrays_gives_what_was_meant(history):
    """Rows that begin as the training rows do follow them, or have nothing before them."""
    series = np.tile(VALUES[:N_TRAIN], 2)[:, None]
    later = series[N_TRAIN : N_TRAIN + 20]
    with pytest.warns(AssumedPastWarning, match=f"history='{history}'"):
        clone(WINDOWER).fit(series[:N_TRAIN]).transform(later)
    told = clone(WINDOWER).set_params(history=history).fit(series[:N_TRAIN])
    expected = {"continue": lags(series)[N_TRAIN : N_TRAIN + 20], "none": lags(later)}
    np.testing.assert_array_equal(silently(lambda: told.transform(later)), expected[history])


@pytest.mark.parametrize(
    ("table", "code"),
    [(TABLE, "X.asfreq('D')"), (MONTHS, PERIODS), (NUMBERED, NUMBERS)],
    ids=["dates", "periods", "numbers"],
)
def test_the_advice_on_missing_steps_pairs_neighbours_in_time(table, code):
    """Filled rows are the past of others, are not learnt from, and pairs are one step apart."""
    holed = table["a"].drop(table.index[HOLES])
    message = re.escape(code.replace("'D'", "...").replace("X", "series"))
    with pytest.warns(MissingStepsWarning, match=message):
        series_to_supervised(holed)
    whole = eval(code, {"X": holed, "pd": pd})  # noqa: S307
    X, _ = silently(lambda: series_to_supervised(whole.ffill()))
    _, y = silently(lambda: series_to_supervised(whole))
    actual = pd.Series(VALUES.copy())
    actual[HOLES] = np.nan
    np.testing.assert_array_equal(X["a_lag1"], actual.ffill()[:-1])
    np.testing.assert_array_equal(y, actual[1:])
    X, y = silently(lambda: series_to_supervised(holed.reset_index(drop=True)))
    np.testing.assert_array_equal(X["a_lag1"], LESS[:-1])
    np.testing.assert_array_equal(y, LESS[1:])


@pytest.mark.parametrize("first", [N_TRAIN - 1, N_TRAIN])
def test_the_advice_on_a_gap_in_the_training_rows_gives_the_past(first):
    """Later rows that look back upon the gap are told of, those of fit itself are not."""
    holed = TABLE[:N_TRAIN].drop(DAYS[N_TRAIN - 2])
    windower = clone(WINDOWER).fit(holed)
    message = (
        f"Row {DAYS[first].date()} .* is row {first - N_TRAIN + 2} after a gap in the training"
    )
    with pytest.warns(UnknownPastWarning, match=message + ".*fill the gap before fit, or pass"):
        windows = windower.transform(TABLE[first:])
    expected = lags(np.where(np.arange(N) == N_TRAIN - 2, np.nan, VALUES))[first:]
    known = ~np.isnan(expected).any(axis=1)
    np.testing.assert_array_equal(windows[known], expected[known])
    assert windows[~known].isna().any(axis=1).all()
    silently(lambda: windower.transform(holed))
    # Both advices.
    whole = silently(lambda: windower.transform(TABLE[N_TRAIN - 2 :]))
    np.testing.assert_array_equal(whole, WHOLE[N_TRAIN - 2 :])
    filled_up = holed.asfreq("D").ffill()
    windows = silently(lambda: clone(WINDOWER).fit(filled_up).transform(TABLE[N_TRAIN:]))
    np.testing.assert_array_equal(windows, lags([*filled_up["a"], *VALUES[N_TRAIN:]])[N_TRAIN:])


@pytest.mark.parametrize("table", [TABLE, NUMBERED, MONTHS], ids=["dates", "numbers", "periods"])
def test_one_row_after_a_gap_in_the_training_rows_is_told_of(table):
    """One row has no step of its own, but that of the training rows."""
    windower = clone(WINDOWER).fit(table[:N_TRAIN].drop(table.index[N_TRAIN - 2]))
    with pytest.warns(UnknownPastWarning, match="is row 2 after a gap in the training rows"):
        windows = windower.transform(table[N_TRAIN : N_TRAIN + 1])
    np.testing.assert_array_equal(windows.iloc[0], [np.nan, *VALUES[N_TRAIN - 1 : N_TRAIN + 1]])


@pytest.mark.parametrize("levels", ["-1", "[-2, -1]"])
def test_the_advice_on_missing_steps_of_many_series_fills_each(levels):
    """Each series gets the rows that it lacks, and no other; pairs are one step apart."""
    names = [("a",), ("b",)] if levels == "-1" else [("x", "a"), ("y", "b")]
    series = {
        names[0]: pd.Series(VALUES, DAYS).drop(DAYS[HOLES]),
        names[1]: pd.Series(-VALUES, DAYS).drop(DAYS[[20, 21]]),
    }
    rows = {(day, *name): value for name in names for day, value in series[name].items()}
    holed = pd.Series(rows, name="a").sort_index()
    code = f"series.unstack({levels}).asfreq(...).stack({levels}, future_stack=True)"
    with pytest.warns(MissingStepsWarning, match=re.escape(code)):
        series_to_supervised(holed)
    whole = eval(code.replace("...", "'D'"), {"series": holed})  # noqa: S307
    _, y = silently(lambda: series_to_supervised(whole))
    for name, values in series.items():
        np.testing.assert_array_equal(
            y.xs(name, level=[*range(1, y.index.nlevels)]), values.asfreq("D")[1:]
        )


def test_the_advice_on_a_target_brings_it_back():
    """After a gap a difference cannot be undone; with the rows in between it is."""
    X, y = SUPERVISED["dates"]
    model = TransformedSeriesRegressor(LinearRegression(), Differencer([1, 7]))
    model.fit(X[:N_TRAIN], y[:N_TRAIN])
    with pytest.warns(UnknownPastWarning, match="comes 3 steps later .*Pass the rows before it"):
        model.predict(X[N_TRAIN + 3 :])
    ours = silently(lambda: model.predict(X[N_TRAIN:])[3:])
    # Row r of X holds value r, its target is value r + 1:
    # value[t] = change[t] + value[t - 1] + value[t - 7] - value[t - 8]
    value = pd.Series(VALUES)
    change = value.diff(7).diff().to_numpy()
    by_hand = LinearRegression().fit(change[8:N_TRAIN, None], change[9 : N_TRAIN + 1])
    predicted = by_hand.predict(change[N_TRAIN + 3 : -1, None])
    before = (value.shift(1) + value.shift(7) - value.shift(8))[N_TRAIN + 4 :]
    np.testing.assert_allclose(ours, predicted + before)


def test_the_advice_on_an_inverse_only_silences():
    """A transformer that does not restore its input is used as it is, without a warning."""
    rooted = FunctionTransformer(np.sqrt, np.sqrt, check_inverse=False)
    X, y = SUPERVISED["dates"]
    model = TransformedSeriesRegressor(LinearRegression(), rooted)
    with pytest.warns(InverseWarning, match="check_inverse=False"):
        warned = model.fit(X, y).predict(X)
    silent = silently(lambda: model.set_params(check_inverse=False).fit(X, y).predict(X))
    np.testing.assert_array_equal(silent, warned)
    by_hand = LinearRegression().fit(np.sqrt(X), np.sqrt(y)).predict(np.sqrt(X))
    np.testing.assert_allclose(silent, np.sqrt(by_hand))


# ------------------------------------------------------------------------- a record without labels


def record(row):
    """Return a row as a service gets it: JSON, whose index is lost."""
    return pd.DataFrame(json.loads(json.dumps(row.to_dict(orient="records"))))


@pytest.mark.parametrize("kind", SUPERVISED)
def test_a_served_record_is_warned_of_and_can_be_told_to_follow(kind):
    """The label 0 of a fresh table is no known place; history='continue' is what is meant."""
    X, y = SUPERVISED[kind]
    model = TransformedSeriesRegressor(make_pipeline(WINDOWER, LinearRegression()))
    model.fit(X[:N_TRAIN], y[:N_TRAIN])
    expected = model.predict(X[N_TRAIN : N_TRAIN + 1])
    served = record(X[N_TRAIN : N_TRAIN + 1])
    with pytest.warns(UnknownPastWarning, match="Row 0 .*history='continue'"):
        model.predict(served)
    told = {"regressor__lagwindower__history": "continue"}
    model = clone(model).set_params(**told).fit(X[:N_TRAIN], y[:N_TRAIN])
    np.testing.assert_allclose(silently(lambda: model.predict(served)), expected)


@pytest.mark.parametrize("kind", SUPERVISED)
@pytest.mark.parametrize("estimator", [WINDOWER, Differencer()], ids=["windows", "differences"])
def test_every_transformer_warns_of_a_served_record(kind, estimator):
    """Whatever asks for the past says that a label tells nothing."""
    X, _ = SUPERVISED[kind]
    fitted = clone(estimator).fit(X[:N_TRAIN])
    served = record(X[N_TRAIN : N_TRAIN + 1])
    with pytest.warns(UnknownPastWarning, match="Row 0 .*history='continue'"):
        fitted.transform(served)
    told = clone(fitted).set_params(history="continue").fit(X[:N_TRAIN])
    ours = silently(lambda: told.transform(served))
    np.testing.assert_allclose(ours, fitted.transform(X[N_TRAIN : N_TRAIN + 1]))


# --------------------------------------------------------------------------------------- the state


@pytest.fixture(scope="module")
def states():
    """Return regressors with a state, fitted to the training rows of each kind of label."""
    fresh = StatefulLSTMRegressor(2, epochs=1, random_state=0)
    return {
        kind: clone(fresh).fit(X[:N_TRAIN] / 50, y[:N_TRAIN] / 50)
        for kind, (X, y) in SUPERVISED.items()
    }


@pytest.mark.parametrize("kind", SUPERVISED)
def test_a_state_is_told_to_go_on_by_a_served_record(states, kind):
    """A record without its label starts from zero, with a warning, unless it is said to follow."""
    X = SUPERVISED[kind][0] / 50
    model = states[kind]
    served = record(X[N_TRAIN : N_TRAIN + 1])
    with pytest.warns(StateResetWarning, match="Row.* 0.*history='continue'"):
        model.predict(served)
    told = clone(model).set_params(history="continue").fit(X[:N_TRAIN], X["a_lag1"][:N_TRAIN])
    expected = told.predict(X[N_TRAIN : N_TRAIN + 1])
    np.testing.assert_allclose(silently(lambda: told.predict(served)), expected, rtol=1e-5)


def test_the_advice_on_a_state_gives_the_state(states):
    """Rows in between are passed to advance, or all rows from the first training row on."""
    model, X = states["dates"], SUPERVISED["dates"][0] / 50
    expected = model.predict(X)  # from the first training row on
    with pytest.warns(StateResetWarning, match=r"start at row 43, .*advance\(\)"):
        model.predict(X[N_TRAIN + 3 :])
    model.advance(X[N_TRAIN : N_TRAIN + 3])
    ours = silently(lambda: model.predict(X[N_TRAIN + 3 :]))
    np.testing.assert_allclose(ours, expected[N_TRAIN + 3 :], rtol=1e-5)
    with pytest.warns(
        StateResetWarning, match=r"start at row 30, .*from the first training row on"
    ):
        model.predict(X[30:])
    np.testing.assert_allclose(silently(lambda: model.predict(X))[30:], expected[30:], rtol=1e-5)


def test_the_advice_on_a_gap_gives_the_state(states):
    """After a gap in the rows the state is zero; numbered rows have no gap."""
    model = states["dates"]
    X, y = (part / 50 for part in SUPERVISED["dates"])
    holed = X[N_TRAIN:].drop(X.index[[47, 48]])
    fresh = clone(model).fit(X[:N_TRAIN], y[:N_TRAIN])
    with pytest.warns(StateResetWarning, match=r"Row 2024-02-20.* after a gap.*reset_index"):
        fresh.predict(holed)
    numbered = X.drop(X.index[[47, 48]]).reset_index(drop=True)
    told = clone(model).fit(numbered[:N_TRAIN], y[:N_TRAIN].reset_index(drop=True))
    arrays = clone(model).fit(X[:N_TRAIN].to_numpy(), y[:N_TRAIN].to_numpy())
    ours = silently(lambda: told.predict(numbered[N_TRAIN:]))
    np.testing.assert_allclose(ours, arrays.predict(holed.to_numpy()), rtol=1e-5)
