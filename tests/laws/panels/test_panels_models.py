"""Regressors of many series: one model of all rows, each row in its own series' past.

The oracle is written out by hand: pandas for differences, ranges and windows of each series, one
ridge or one network on all rows.
"""

import numpy as np
import pandas as pd
import pytest
from estimators import quietly
from hypothesis import strategies as st
from panels import REGULAR, law, loop, panels, rows_of
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TimeStepSplit,
    TransformedSeriesRegressor,
    UnseenSeriesWarning,
    forecast,
    series_to_supervised,
)


def pairs(panel, **options):
    """Return rows of the last value of one column, and the values of that column."""
    return quietly(series_to_supervised, panel[["u"]], **options)


def numbered(series, n_train):
    """Tell which rows are those of the first time steps."""
    times = series.index.get_level_values(0)
    return times <= times.unique()[n_train - 1]


def windows_by_hand(X, window):
    """Return the window of each row, of shape (n_rows, window)."""

    def cut(table, parts):
        steps = [table.groupby(parts).shift(step) for step in range(window - 1, -1, -1)]
        return pd.concat(steps, axis=1)

    return loop(X, cut)


def by_hand(X, y, is_train, interval, window, per_series):
    """Fit to the training rows, and predict all rows."""
    # 1. Differences of each series, scaled by the range that its training rows have.
    changes, lag_changes = (
        loop(table, lambda rows, parts: rows.groupby(parts).diff(interval))[:, 0]
        for table in (y.to_frame(), X)
    )
    low, high = np.full((2, len(X)), np.nan)
    for rows in rows_of(X).values() if per_series else [np.arange(len(X))]:
        known = changes[rows][is_train[rows]]
        if np.isnan(known).all():  # What is at hand: the values that later rows have seen.
            known = lag_changes[rows][~is_train[rows]]
        low[rows], high[rows] = (one.reduce(known, initial=np.nan) for one in (np.fmin, np.fmax))
    spread = np.where(high == low, 1, high - low)
    target, lags = (changes - low) / spread, (lag_changes - low) / spread

    # 2. One ridge for all series.
    windows = windows_by_hand(pd.DataFrame(lags, X.index), window)
    known = ~np.isnan(windows).any(axis=1)
    taught = known & ~np.isnan(target) & is_train
    predicted = means_by_hand(X, target, is_train)
    ridge = Ridge().fit(windows[taught], target[taught])
    predicted[known] = ridge.predict(windows[known])

    # 3. Back: each change is added to what was observed.
    base = loop(X, lambda rows, parts: rows.groupby(parts).shift(interval - 1))[:, 0]
    at_edge = loop(X, lambda rows, parts: rows.groupby(parts).shift(interval))[:, 0]
    found = predicted * spread + low + np.where(np.isnan(at_edge), np.nan, base)
    found = np.where(np.isnan(found), X.iloc[:, 0], found)
    return np.where(np.isnan(found), means_by_hand(X, y.to_numpy(), is_train), found)


def means_by_hand(X, values, is_train):
    """Return the mean training value of the series of each row, or of all if it has none."""
    known = is_train & ~np.isnan(values)
    means = np.full(len(X), values[known].mean())
    for rows in rows_of(X).values():
        if known[rows].any():
            means[rows] = values[rows][known[rows]].mean()
    return means


@law(
    20,
    panel=panels(least=18, heads=False, tails=False),
    interval=st.integers(1, 3),
    window=st.integers(1, 3),
    per_series=st.booleans(),
    n_train=st.integers(12, 14),
)
def test_predictions_are_those_of_a_loop(panel, interval, window, per_series, n_train):
    """Changes of each series, scaled; one ridge on the windows of all; and back, row by row."""
    X, y = pairs(panel)
    is_train = numbered(X, n_train)
    expected = by_hand(X, y, is_train, interval, window, per_series)
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(window, flatten=True), Ridge()),
        make_pipeline(Differencer(interval), SeriesMinMaxScaler(per_series=per_series)),
        y_lag="u_lag1",
    )
    quietly(model.fit, X[is_train], y[is_train])
    np.testing.assert_allclose(quietly(model.predict, X[is_train]), expected[is_train], atol=1e-9)
    np.testing.assert_allclose(quietly(model.predict, X[~is_train]), expected[~is_train], atol=1e-9)


@pytest.mark.parametrize("interval", [1, 2, 5])
def test_a_short_gap_in_one_series_is_a_break(interval):
    """Rows before a gap that is shorter than the interval are no rows of what comes after it."""
    index = pd.MultiIndex.from_product([REGULAR["days"][:40], ["a"]], names=["days", "store"])
    panel = pd.DataFrame({"u": np.random.default_rng(0).normal(size=40).cumsum()}, index)
    X, y = (table.drop(panel.index[[20, 31]]) for table in pairs(panel))
    is_train = numbered(X, 30)
    expected = by_hand(X, y, is_train, interval, 1, False)
    one_X, one_y = X.droplevel(1), y.droplevel(1)
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(1, flatten=True), Ridge()),
        make_pipeline(Differencer(interval), SeriesMinMaxScaler()),
    )
    model.fit(one_X[is_train], one_y[is_train])
    np.testing.assert_allclose(model.predict(one_X[is_train]), expected[is_train])
    later = quietly(model.predict, one_X[~is_train])
    np.testing.assert_allclose(later, expected[~is_train])


def test_a_range_at_hand_is_that_of_the_rows_in_the_table():
    """Of a series that fit saw too few rows of, those before a gap and after it are no rows."""
    index = pd.MultiIndex.from_product([REGULAR["days"][:40], list("ab")], names=["days", "store"])
    panel = pd.DataFrame({"u": np.random.default_rng(0).normal(size=80).cumsum()}, index)
    X, y = pairs(panel)
    days = X.index.get_level_values("days").map(REGULAR["days"].get_loc)
    is_b = X.index.get_level_values("store") == "b"
    there = ~is_b | (days.isin([30, 31]) | (days > 32))
    X, y, is_train = X[there], y[there], days[there] < 35
    expected = by_hand(X, y, is_train, 2, 1, True)
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(1, flatten=True), Ridge()),
        make_pipeline(Differencer(2), SeriesMinMaxScaler(per_series=True)),
    )
    quietly(model.fit, X[is_train], y[is_train])
    np.testing.assert_allclose(quietly(model.predict, X[~is_train]), expected[~is_train])


def stores(n_steps=40, names="nsw"):
    """Return a table of stores whose sales are of different size."""
    random = np.random.default_rng(0)
    sizes = 10.0 ** np.arange(len(names))
    walks = random.normal(size=(n_steps, len(names))).cumsum(axis=0) * sizes + 5 * sizes
    days = REGULAR["days"][:n_steps]
    wide = pd.DataFrame(walks, days.rename("days"), pd.Index(list(names), name="store"))
    return wide.stack(future_stack=True).to_frame("u")  # noqa: PD013


def scaled_ridge(**options):
    """Return ridge on the last value, both scaled by the range of their series."""
    return TransformedSeriesRegressor(Ridge(), SeriesMinMaxScaler(per_series=True), **options)


@pytest.mark.parametrize("horizon", [1, 3])
def test_predictions_of_an_unseen_series_come_in_its_own_units(horizon):
    """Its range is that of the values that its rows hold, also for several steps ahead."""
    X, y = pairs(stores(), horizon=horizon)
    is_new = X.index.get_level_values("store") == "w"
    model = scaled_ridge().fit(X[~is_new], y[~is_new])
    lags = X[is_new].to_numpy()
    low, high = lags.min(), lags.max()
    scaled = model.regressor_.predict((X[is_new] - low) / (high - low)).reshape(len(lags), -1)
    with pytest.warns(UnseenSeriesWarning, match="Of series 'w'") as caught:
        found = model.predict(X)[is_new].reshape(len(lags), -1)
    assert len(caught) == 1
    np.testing.assert_allclose(found, scaled * (high - low) + low)


@pytest.mark.parametrize("per_series", [False, True])
def test_series_that_are_all_shorter_than_the_look_back_are_refused(per_series):
    """What reaches the scaler is not known of any row, which is no fault of a column."""
    X, y = pairs(stores(4))
    scaler = SeriesMinMaxScaler(per_series=per_series)
    model = TransformedSeriesRegressor(Ridge(), make_pipeline(Differencer(3), scaler))
    with pytest.raises(ValueError, match=r"No row is left.*all 9 rows.*looks back less"):
        model.fit(X, y)


@pytest.mark.parametrize("in_search", [False, True])
def test_a_forecast_of_an_unseen_series_takes_its_range_from_all_its_rows(in_search):
    """The rows that are looked back upon would not do: each step predicts from the whole table."""
    X, y = pairs(stores())
    is_new = X.index.get_level_values("store") == "w"
    model = scaled_ridge()
    if in_search:
        model = GridSearchCV(model, {"regressor__alpha": [1.0]}, cv=TimeStepSplit(2))
    model.fit(X[~is_new], y[~is_new])
    found = quietly(forecast, model, X, 3, y=y)
    table, last = X, y.iloc[-1:]
    for day in REGULAR["days"][40:43]:
        last = last.set_axis(pd.MultiIndex.from_tuples([(day, "w")], names=X.index.names))
        table = pd.concat([table, last.to_frame("u_lag1")])
        last = last * 0 + quietly(model.predict, table)[-1:]
        np.testing.assert_allclose(found[day, "w"], last.iloc[0])


def test_an_unseen_series_without_earlier_targets_is_refused():
    """Nothing tells the units of its predictions, and no units are made up."""
    X, y = pairs(stores())
    is_new = X.index.get_level_values("store") == "w"
    model = scaled_ridge(y_lag=None).fit(X[~is_new], y[~is_new])
    assert np.isfinite(model.predict(X[~is_new])).all()
    with pytest.raises(ValueError, match=r"series 'w', but fit has seen no value.*y_lag"):
        model.predict(X[is_new])


def test_an_unseen_series_of_which_nothing_is_known_gets_the_mean():
    """Every row has a finite prediction: here that of rows whose past is not known."""
    X, y = pairs(stores())
    is_new = X.index.get_level_values("store") == "w"
    model = scaled_ridge().fit(X[~is_new], y[~is_new])
    found = model.predict(X[is_new][:1] * np.nan)
    np.testing.assert_allclose(found, y[~is_new].mean())


FILL = FunctionTransformer(np.nan_to_num, feature_names_out="one-to-one")
LSTM = {"units": 3, "epochs": 2, "batch_size": 8, "random_state": 0}


@pytest.mark.parametrize("per_series", [True, False])
def test_a_network_learns_scaled_windows_of_many_series(per_series):
    """A scaler between windows and network keeps the labels that tell the series."""
    X, y = pairs(stores())
    scaler = SeriesMinMaxScaler(per_series=per_series)
    after = make_pipeline(LagWindower(3), scaler, LSTMRegressor(**LSTM)).fit(X, y)
    before = make_pipeline(clone(scaler), LagWindower(3), LSTMRegressor(**LSTM)).fit(X, y)
    np.testing.assert_allclose(after.predict(X), before.predict(X), rtol=1e-4)


def uneven():
    """Return stores that open late, close early and lack a day."""
    panel = stores(names="nswe")
    days = panel.index.codes[0]
    store = panel.index.get_level_values("store")
    gone = ((store == "s") & (days < 15)) | ((store == "w") & (days > 30))
    gone |= (store == "e") & (days == 20)
    return panel[~gone]


@pytest.mark.parametrize("n_columns", [1, 2])
@pytest.mark.parametrize("normalize", [True, False])
def test_a_network_learns_the_windows_of_each_series(normalize, n_columns):
    """One network on the windows of all series is that on windows cut by hand, in their order."""
    X, y = pairs(uneven())
    X["v"] = np.sin(np.arange(len(X)))
    X = X.iloc[:, :n_columns]
    cut = np.full((len(X), 4, n_columns), np.nan)
    for rows in rows_of(X).values():
        values = X.iloc[rows].droplevel("store").asfreq("D")
        steps = np.stack([values.shift(step) for step in (3, 2, 1, 0)], axis=1)
        # After the missing day, nothing before it is known.
        steps[np.isnan(steps).cumsum(axis=1)[:, ::-1].cumsum(axis=1)[:, ::-1] > 0] = np.nan
        cut[rows] = steps[values.notna().all(axis=1)]
    known = ~np.isnan(cut).any(axis=(1, 2))
    ours = LSTMRegressor(**LSTM, normalize=normalize)
    quietly(make_pipeline(LagWindower(4), ours).fit, X, y)
    theirs = LSTMRegressor(**LSTM, normalize=normalize).fit(cut[known], y[known].to_numpy())
    assert ours.n_samples_fit_ == known.sum()
    for one, other in zip(ours.model_.get_weights(), theirs.model_.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    windows = LagWindower(4).fit_transform(X)
    np.testing.assert_allclose(ours.predict(windows)[known], theirs.predict(cut[known]), rtol=1e-4)


@pytest.mark.parametrize("fraction", [0.2, 0.33, 0.5])
def test_no_time_step_is_cut_by_a_validation_fraction(fraction):
    """What is held out begins with a time step: that of the row at which Keras would cut."""
    X, y = pairs(uneven())
    windows = LagWindower(2).fit_transform(X)
    known = ~np.isnan(windows).any(axis=(1, 2))
    times = X.index.get_level_values("days")
    cut = times[known][int(known.sum() * (1 - fraction))]
    held, kept = known & (times >= cut), known & (times < cut)
    ours = LSTMRegressor(**LSTM, validation_fraction=fraction).fit(windows, y)
    theirs = LSTMRegressor(**LSTM)
    array, target = np.asarray(windows), y.to_numpy()
    theirs.fit(array[kept], target[kept], X_val=array[held], y_val=target[held])
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(ours.history_[name], theirs.history_[name], rtol=1e-4)


def known_targets(y, horizon):
    """Tell which rows have only targets that lie before the last time of the table, by a loop."""
    days = y.index.get_level_values("days")
    known = np.zeros(len(y), dtype=bool)
    for rows in rows_of(y).values():
        for place, row in enumerate(rows):
            # The last target of a row is the one that its series has so many rows later.
            ahead = rows[place:]
            beyond = horizon - len(ahead)  # how many steps lie after the rows of the series here
            last = days[ahead[-1]] + pd.Timedelta(days=max(beyond, 0))
            known[row] = last <= days.max() and not y.iloc[row].isna().any()
    return known


@pytest.mark.parametrize("n_train", [25, 33])
@pytest.mark.parametrize("horizon", [2, 4])
def test_of_several_steps_ahead_only_what_is_known_is_taught(n_train, horizon):
    """Targets after the last time of the table are not; those of a series that ended before are."""
    X, y = pairs(uneven(), horizon=horizon)
    is_train = numbered(X, n_train)
    X, y = X[is_train], y[is_train]
    windows = LagWindower(2, flatten=True).fit_transform(X)
    known = known_targets(y, horizon) & windows.notna().all(axis=1).to_numpy()
    assert (
        0
        < known.sum()
        < (y.notna() & windows.notna().all(axis=1).to_numpy()[:, None]).all(axis=1).sum()
    )
    expected = Ridge().fit(windows[known], y[known])
    model = TransformedSeriesRegressor(make_pipeline(LagWindower(2, flatten=True), Ridge()))
    ours = quietly(model.fit, X, y).regressor_[-1]
    np.testing.assert_allclose(ours.coef_, expected.coef_)
    network = make_pipeline(LagWindower(2), LSTMRegressor(**LSTM))
    assert quietly(network.fit, X, y)[-1].n_samples_fit_ == known.sum()


def test_a_step_that_drops_labels_keeps_them_inside_the_meta_estimator():
    """It tells its steps to keep the labels: windows stay those of each series."""
    X, y = pairs(uneven())
    model = TransformedSeriesRegressor(
        make_pipeline(StandardScaler(), LagWindower(3, flatten=True), Ridge())
    )
    found = model.fit(X, y).predict(X)
    scaled = pd.DataFrame(StandardScaler().fit_transform(X), X.index, X.columns)
    windows = LagWindower(3, flatten=True).fit_transform(scaled)
    known = windows.notna().all(axis=1)
    expected = Ridge().fit(windows[known], y[known]).predict(windows[known])
    np.testing.assert_allclose(found[known], expected)
    means = y.groupby(level=1).transform("mean")
    np.testing.assert_allclose(found[~known], means[~known])


@pytest.mark.parametrize("last", [Ridge(), LSTMRegressor(**LSTM)], ids=["ridge", "network"])
@pytest.mark.parametrize("step", [LagWindower(3, flatten=True), Differencer()], ids=str)
def test_a_step_that_drops_labels_in_a_bare_pipeline_is_refused(step, last):
    """Rows of one series would go on where another ends."""
    X, y = pairs(stores())
    steps = [StandardScaler(), clone(step), *([FILL] if isinstance(last, Ridge) else [])]
    with pytest.raises(ValueError, match=r"names many series, but X has no labels.*set_output"):
        make_pipeline(*steps, last).fit(X, y)
    told = make_pipeline(*steps, last).set_output(transform="pandas")
    assert np.isfinite(told.fit(X, y).predict(X)).all()


FOLDS = {
    "rows of a table with all stores": (stores, TimeSeriesSplit(3, test_size=3 * 5)),
    "time steps": (uneven, TimeStepSplit(3, test_size=5)),
}


@pytest.mark.parametrize("name", FOLDS)
def test_a_search_scores_as_a_loop(name):
    """Each fold is fitted to the rows before its test rows, which look back on them."""
    make, cv = FOLDS[name]
    X, y = pairs(make())
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(1, flatten=True), Ridge()),
        make_pipeline(Differencer(), SeriesMinMaxScaler()),
    )
    grid = {"regressor__lagwindower__window": [1, 3]}
    search = GridSearchCV(model, grid, cv=cv, scoring="neg_mean_absolute_error", refit=False)
    found = quietly(search.fit, X, y).cv_results_
    for place, window in enumerate([1, 3]):
        scores = []
        for train, test in cv.split(X):
            days = X.index.get_level_values("days")
            assert days[train].max() < days[test].min()
            whole = slice(None, test[-1] + 1)
            is_train = np.arange(len(X[whole])) < len(train)
            predicted = by_hand(X[whole], y[whole], is_train, 1, window, False)
            scores.append(-np.abs(predicted - y[whole].to_numpy())[test].mean())
        assert found["mean_test_score"][place] == pytest.approx(np.mean(scores))
