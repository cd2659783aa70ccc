"""`forecast_scorer` against fed-back back-tests, and plain loops."""

import pickle

import numpy as np
import pandas as pd
import pytest
from estimators import LSTM, MILK, MILK_X, MILK_Y, seasonal
from sklearn import config_context
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

from sklstm import (
    Differencer,
    LagWindower,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    UnknownPastWarning,
    backtest,
    forecast_scorer,
    series_to_supervised,
)
from sklstm.datasets import load_us_unemployment
from sklstm.metrics import mean_absolute_scaled_error

N_TRAIN, STEPS, EVERY = 120, 6, 4
FLAT = make_pipeline(LagWindower(4, flatten=True), Ridge())

#: The milk of the month before and of a year before, and a calendar.
FAR_X = MILK_X.assign(milk_lag12=MILK.shift(12), angle=np.sin(MILK_X.index.month))[12:]
FAR_Y = MILK_Y[12:]
#: Three series, of which one ends and one begins among the test rows.
MANY = load_us_unemployment().loc["2000":"2006-12"]
SERIES = MANY.index.get_level_values("industry")
MONTH = MANY.index.get_level_values("month")
MANY_X, MANY_Y = series_to_supervised(
    MANY[
        ((SERIES == "Agriculture") & (MONTH < "2006-06"))
        | (SERIES == "Construction")
        | ((SERIES == "Finance") & (MONTH > "2006-02"))
    ]
)
ONE = (MILK_X, MILK_Y)
RECURSIVE = {
    "ridge": (seasonal(), *ONE, {}),
    "state": (TransformedSeriesRegressor(StatefulLSTMRegressor(**LSTM), Differencer()), *ONE, {}),
    "a tree on far lags and a calendar": (
        DecisionTreeRegressor(random_state=0), FAR_X, FAR_Y, {"future_inputs": "angle"},
    ),
    "arrays": (
        TransformedSeriesRegressor(FLAT, Differencer(), y_lag=0),
        MILK_X.to_numpy(), MILK_Y.to_numpy(), {"y_lag": 0},
    ),
    "two targets": (
        TransformedSeriesRegressor(FLAT, Differencer()),
        *series_to_supervised(pd.DataFrame({"milk": MILK, "more": MILK.shift(-2) ** 2})[:-2]), {},
    ),
    "many steps": (
        TransformedSeriesRegressor(FLAT, Differencer()), *series_to_supervised(MILK, horizon=4), {},
    ),
    "past and future inputs": (
        TransformedSeriesRegressor(FLAT),
        *series_to_supervised(
            pd.DataFrame({"milk": MILK, "other": np.sqrt(MILK), "month": MILK.index.month}),
            target="milk", future_inputs="month", horizon=STEPS,
        ),
        {"future_inputs": "month"},
    ),
    "unknown targets": (
        TransformedSeriesRegressor(Ridge()),
        *series_to_supervised(MILK.mask(MILK.index.month == 2)), {},
    ),
    "many series": (TransformedSeriesRegressor(FLAT, Differencer()), MANY_X, MANY_Y, {}),
}  # fmt: skip


def times_of(X):
    """Number the time steps of some rows."""
    if not isinstance(X, pd.DataFrame):
        return np.arange(len(X))
    return pd.factorize(X.index.get_level_values(0))[0]


def split_at_origins(times, first):
    """List the folds of a back-test whose forecasts have the same origins."""
    for origin in range(first, times.max() + 1, EVERY):
        is_test = (times >= origin) & (times < origin + STEPS)
        yield np.flatnonzero(times < origin), np.flatnonzero(is_test)


@pytest.mark.filterwarnings("ignore::sklstm.UnknownPastWarning")
@pytest.mark.parametrize(("model", "X", "y", "options"), RECURSIVE.values(), ids=RECURSIVE)
def test_score_is_that_of_a_fed_back_backtest(model, X, y, options):
    """Both forecast the same rows from the same origins, though a scorer has the test rows only."""
    times = times_of(X)
    first = times.max() - 13
    splits = list(split_at_origins(times, first))
    names = ["neg_root_mean_squared_error", "r2"]
    expected = backtest(
        model, X, y, splits, refit=False, feed_back=True, scoring=names, **options
    ).scores["prediction"]
    fitted, n = clone(model).fit(X[times < first], y[times < first]), np.sum(times < first)
    scorer = forecast_scorer(names, steps=STEPS, every=EVERY, **options)
    for name, score in scorer(fitted, X[n:], y[n:]).items():
        assert score == pytest.approx(expected[name, "overall"], rel=1e-6)


def test_a_model_of_many_steps_forecasts_them_from_one_row():
    """Each forecast takes its first row as it is, and feeds back only beyond the horizon."""
    X, y = series_to_supervised(MILK, horizon=3)
    model = TransformedSeriesRegressor(FLAT).fit(X[:N_TRAIN], y[:N_TRAIN])
    ridge, values, dates = model.regressor_[-1], MILK.to_numpy(), X.index[N_TRAIN:]
    errors = []
    for origin in range(0, len(dates), EVERY):
        at = MILK.index.get_loc(dates[origin])
        known = list(values[:at])
        while len(known) < at + STEPS:
            known += (ridge.coef_ @ known[-4:] + ridge.intercept_).tolist()
        stop = min(at + STEPS, MILK.index.get_loc(dates[-1]) + 1)
        errors.append(np.abs(known[at:stop] - values[at:stop]))
    score = forecast_scorer(steps=STEPS, every=EVERY)(model, X[N_TRAIN:], y[N_TRAIN:])
    assert score == pytest.approx(-np.concatenate(errors).mean())


def test_inputs_that_are_not_known_ahead_are_used_at_the_origin_only():
    """A model of all steps takes past inputs from the row at the origin; one of less cannot."""
    X, y = series_to_supervised(
        pd.DataFrame({"milk": MILK, "other": MILK.shift(3) ** 2})[3:], target="milk", horizon=STEPS
    )
    model = Ridge().fit(X[:N_TRAIN], y[:N_TRAIN])
    later, actual = X[N_TRAIN:], y["milk_step1"][N_TRAIN:].to_numpy()
    direct = [row[: len(actual) - i] for i, row in enumerate(model.predict(later))][::EVERY]
    errors = [row - actual[i * EVERY :][:STEPS] for i, row in enumerate(direct)]
    scorer = forecast_scorer("neg_mean_squared_error", steps=STEPS, every=EVERY)
    expected = -np.mean(np.concatenate(errors) ** 2)
    assert scorer(model, later, y[N_TRAIN:]) == pytest.approx(expected)
    short = forecast_scorer(steps=STEPS + 1)
    with pytest.raises(ValueError, match=r"'other_lag1'.*'other' is a past input"):
        short(model, later, y[N_TRAIN:])
    with pytest.raises(ValueError, match=r"'angle'.*must be declared"):
        scorer(model, later.assign(angle=1.0), y[N_TRAIN:])


@pytest.mark.parametrize("horizon", [1, 4])
def test_nothing_after_an_origin_has_a_say(horizon):
    """Other values after the only origin, in all columns, change no prediction."""
    changed = MILK.where(MILK.index < MILK_X.index[N_TRAIN], MILK[::-1].to_numpy() * 3)
    record = forecast_scorer(
        lambda model, X, y: float(np.sum(model.predict(X) * np.arange(len(X)))), steps=20, every=99
    )
    sums = []
    for series in (MILK, changed):
        X, y = series_to_supervised(series, horizon=horizon)
        model = seasonal().fit(X[:N_TRAIN], y[:N_TRAIN])
        sums.append(record(model, X[N_TRAIN : N_TRAIN + 20], y[N_TRAIN : N_TRAIN + 20]))
    assert sums[0] == pytest.approx(sums[1])


def test_a_search_takes_it_as_any_scorer():
    """It travels to other processes, as one scorer, among several, or as several."""
    cv, every_step = TimeSeriesSplit(2, test_size=8), forecast_scorer("r2", steps=8)
    scorer = pickle.loads(pickle.dumps(clone(every_step, safe=False)))
    assert repr(scorer) == "forecast_scorer('r2', steps=8, every=8, start=0)"
    search = GridSearchCV(
        seasonal(), {"regressor__ridge__alpha": [1, 1e6]}, cv=cv, scoring=scorer,

    ).fit(MILK_X, MILK_Y)  # fmt: skip
    whole = backtest(seasonal(), MILK_X, MILK_Y, cv, feed_back=True, scoring="r2").scores
    alone = search.cv_results_["mean_test_score"]
    assert alone[0] == pytest.approx(whole["prediction"].drop("overall").mean())
    assert search.best_params_["regressor__ridge__alpha"] == 1
    among = cross_validate(
        seasonal(), MILK_X, MILK_Y, cv=cv, scoring={"one": "r2", "many": scorer}
    )  # fmt: skip
    assert among["test_many"].mean() == pytest.approx(alone[0])
    several = forecast_scorer(["r2", "neg_mean_absolute_error"], steps=8)
    both = cross_validate(seasonal(), MILK_X, MILK_Y, cv=cv, scoring=several)
    np.testing.assert_allclose(both["test_r2"], among["test_many"])


def test_train_scores_are_forecasts_inside_the_training_rows():
    """They are refused where the model looks back, as nothing is known before the first rows."""
    model, values, predicted = Ridge().fit(MILK_X[:24], MILK_Y[:24]), MILK.to_numpy(), []
    for start in (0, 12):
        value = values[start]
        for _ in range(12):
            value = model.coef_[0] * value + model.intercept_
            predicted.append(value)
    score = forecast_scorer(steps=12)(model, MILK_X[:24], MILK_Y[:24])
    assert score == pytest.approx(-mean_absolute_error(values[1:25], predicted))
    for X, y in [(MILK_X, MILK_Y), (MILK_X.to_numpy(), MILK_Y.to_numpy())]:
        fitted = TransformedSeriesRegressor(FLAT).fit(X[:24], y[:24])
        with pytest.raises(ValueError, match="return_train_score=False"):
            forecast_scorer(steps=12, y_lag=0)(fitted, X[:24], y[:24])
    flat = make_pipeline(LagWindower(2, flatten=True), DummyRegressor()).fit(X[:24], y[:24])
    score = forecast_scorer(steps=12, y_lag=0)(flat, X[24:36], y[24:36])
    assert score == pytest.approx(-mean_absolute_error(y[24:36], np.full(12, y[:24].mean())))


def test_weights_are_those_of_the_rows_that_are_forecast():
    """A search hands its weights on, by routing or without."""
    weight = np.random.default_rng(0).uniform(size=len(MILK_X))
    model = Ridge().fit(MILK_X[:N_TRAIN], MILK_Y[:N_TRAIN])
    later, actual = MILK_X[N_TRAIN:], MILK_Y[N_TRAIN:]
    rows = np.concatenate([test for _, test in split_at_origins(np.arange(len(later)), 0)])
    found = {}

    def record(estimator, X, y):
        found["predicted"] = estimator.predict(X)
        return 0.0

    forecast_scorer(record, steps=STEPS, every=EVERY)(model, later, actual)
    expected = -mean_absolute_error(
        actual.iloc[rows], found["predicted"], sample_weight=weight[N_TRAIN:][rows]
    )
    scorer = forecast_scorer(steps=STEPS, every=EVERY)
    assert scorer(model, later, actual, sample_weight=weight[N_TRAIN:]) == pytest.approx(expected)
    folds = [(np.arange(N_TRAIN), np.arange(N_TRAIN, len(MILK_X)))]
    search = GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=folds, scoring=scorer)
    search.fit(MILK_X, MILK_Y, sample_weight=weight)
    model.fit(MILK_X[:N_TRAIN], MILK_Y[:N_TRAIN], weight[:N_TRAIN])
    # Before scikit-learn 1.7, a search gives its weights to `fit` alone.
    given = weight[N_TRAIN:] if hasattr(search, "_check_scorers_accept_sample_weight") else None
    weighted = scorer(model, later, actual, sample_weight=given)
    assert search.best_score_ == pytest.approx(weighted)
    with config_context(enable_metadata_routing=True):
        inner = make_scorer(mean_absolute_error, greater_is_better=False)
        scorer = forecast_scorer(
            inner.set_score_request(sample_weight=True), steps=STEPS, every=EVERY
        )
        scores = cross_validate(
            Ridge().set_fit_request(sample_weight=False), MILK_X, MILK_Y, cv=folds, scoring=scorer,
            params={"sample_weight": weight},
        )  # fmt: skip
    assert scores["test_score"][0] == pytest.approx(expected)


def test_percentage_and_scaled_errors_count_series_alike():
    """Scorers get labelled targets, which name the series."""
    n = np.searchsorted(times_of(MANY_X), 60)
    model = Ridge().fit(MANY_X[:n], MANY_Y[:n])
    test = slice(n, np.searchsorted(times_of(MANY_X), 72))
    scaled = make_scorer(
        mean_absolute_scaled_error, greater_is_better=False, y_train=MANY_Y[:n], season=12
    )
    ours = forecast_scorer(scaled, steps=12)(model, MANY_X[test], MANY_Y[test])
    splits = [(np.arange(n), np.arange(test.start, test.stop))]
    percentage = "neg_symmetric_mean_absolute_percentage_error"
    theirs = backtest(
        Ridge(), MANY_X, MANY_Y, splits, feed_back=True,
        scoring=["neg_mean_absolute_scaled_error", percentage],
    ).scores["prediction"]  # fmt: skip
    assert ours == pytest.approx(theirs["neg_mean_absolute_scaled_error", "overall"])
    ours = forecast_scorer(percentage, steps=12)(model, MANY_X[test], MANY_Y[test])
    assert ours == pytest.approx(theirs[percentage, "overall"])


def test_a_series_that_begins_after_an_origin_is_left_out():
    """What was known of it then is not among the test rows, which a warning says."""
    n = np.searchsorted(times_of(MANY_X), 70)
    model = Ridge().fit(MANY_X[:n], MANY_Y[:n])
    with pytest.warns(UnknownPastWarning, match="later than an origin"):
        forecast_scorer(steps=6)(model, MANY_X[n:], MANY_Y[n:])


def recompute(past):
    """Return the mean of the last three targets."""
    return {"mean": past.iloc[-3:].mean() if len(past) > 2 else np.nan}


def test_columns_can_be_recomputed_from_targets_of_the_test_rows():
    """With `start`, there are as many of them as needed; without, an error says how many."""
    X = MILK_X.assign(mean=MILK.rolling(3).mean().shift(1))[2:]
    y, n = MILK_Y[2:], N_TRAIN
    splits = [(np.arange(n + i), np.arange(n + i, n + i + 6)) for i in (3, 9)]
    options = {"feed_back": True, "recompute": recompute, "refit": False}
    model = Ridge().fit(X[: n + 3], y[: n + 3])
    expected = backtest(Ridge(), X, y, splits, **options).scores["prediction"]["overall"]
    scorer = forecast_scorer(steps=6, start=3, recompute=recompute)
    assert scorer(model, X[n : n + 15], y[n : n + 15]) == pytest.approx(expected)
    with pytest.raises(ValueError, match=r"recompute makes nan .* It gets the 0 targets"):
        forecast_scorer(steps=6, recompute=recompute)(model, X[n:], y[n:])


def test_start_makes_up_for_a_gap():
    """A gap is an error, which says how many rows the model needs before a forecast."""
    model = seasonal().fit(MILK_X[:100], MILK_Y[:100])
    rows = slice(105, 130)
    with pytest.raises(ValueError, match=r"without a gap \(or set start=19\)"):
        forecast_scorer(steps=6)(model, MILK_X[rows], MILK_Y[rows])
    splits = [(np.arange(100), np.arange(100, 101)), (np.arange(124), np.arange(124, 130))]
    expected = backtest(seasonal(), MILK_X, MILK_Y, splits, refit=False, feed_back=True)
    score = forecast_scorer(steps=6, start=19)(model, MILK_X[rows], MILK_Y[rows])
    assert score == pytest.approx(expected.scores["prediction"][1])


REFUSED = {
    "scaled": (("neg_mean_absolute_scaled_error",), {}, "make_scorer.mean_absolute_scaled_error"),
    "no scorer": (("mae",), {}, "mae"),
    "steps": ((), {"steps": 0}, "steps"),
    "every": ((), {"every": 0}, "every"),
    "start": ((), {"start": -1}, "start"),
    "overlap": (("neg_symmetric_mean_absolute_percentage_error",), {"every": 2}, "every"),
}


@pytest.mark.parametrize(("args", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_scored_is_refused(args, options, message):
    """Wrong parameters are refused where the scorer is made."""
    with pytest.raises(ValueError, match=message):
        forecast_scorer(*args, **{"steps": 4, **options})


UNFIT = {
    "fewer rows than steps": (
        slice(N_TRAIN, N_TRAIN + 5),
        "steps=6 and start=0, but there are 5 time steps",
    ),
    "before the training rows": (slice(0, 20), "depends on rows that are not known"),
}


@pytest.mark.parametrize(("rows", "message"), UNFIT.values(), ids=UNFIT)
def test_rows_that_do_not_follow_are_refused(rows, message):
    """The message says how to split instead."""
    model = seasonal().fit(MILK_X[40:N_TRAIN], MILK_Y[40:N_TRAIN])
    with pytest.raises(ValueError, match=message):
        forecast_scorer(steps=6)(model, MILK_X[rows], MILK_Y[rows])


def test_classifiers_are_refused():
    """Their labels cannot be fed back."""
    model = DummyClassifier().fit(MILK_X, MILK_Y > 700)
    with pytest.raises(ValueError, match="is a classifier"):
        forecast_scorer(steps=6)(model, MILK_X, MILK_Y)


def test_weights_of_other_rows_are_refused():
    """Weights with labels are those of the rows, in their order."""
    model = Ridge().fit(MILK_X[:N_TRAIN], MILK_Y[:N_TRAIN])
    X, y = MILK_X[N_TRAIN:], MILK_Y[N_TRAIN:]
    weight = pd.Series(np.arange(1.0, len(y) + 1), y.index)
    scorer = forecast_scorer(steps=STEPS, every=EVERY)
    assert scorer(model, X, y, sample_weight=weight) == scorer(
        model, X, y, sample_weight=weight.to_numpy()
    )
    with pytest.raises(ValueError, match="X and sample_weight are out of step"):
        scorer(model, X, y, sample_weight=weight[::-1])
