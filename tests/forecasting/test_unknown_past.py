"""A forecast of rows whose past is not known is an error, and each warning comes once."""

import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from estimators import LSTM, seasonal
from estimators import MILK_X as X
from estimators import MILK_Y as Y
from joblib import parallel_config
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    AssumedPastWarning,
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    UnknownPastWarning,
    backtest,
    forecast,
    series_to_supervised,
)

WINDOWS = TransformedSeriesRegressor(make_pipeline(LagWindower(12, flatten=True), Ridge()))
MODELS = {
    "windows": WINDOWS,
    "differences": seasonal(y_lag="milk_lag1"),
    "running on": TransformedSeriesRegressor(Ridge(), Differencer([1, 12]), y_lag=None),
    "state": StatefulLSTMRegressor(**LSTM),
}


@pytest.mark.parametrize("name", MODELS)
def test_rows_after_a_gap_are_refused(name):
    """The mean of the training rows, or a state of zero, is no forecast of rows after a gap."""
    model = MODELS[name].fit(X[:100], Y[:100])
    with pytest.raises(ValueError, match="Pass all rows since the training rows"):
        forecast(model, X[120:125], 8, y=Y[120:125])


@pytest.mark.parametrize("name", MODELS)
def test_an_index_that_was_reset_is_refused(name):
    """Rows numbered from 0 again have the labels of training rows, but other values."""
    rows, y = X.reset_index(drop=True), Y.reset_index(drop=True)
    model = MODELS[name].fit(rows[:100], y[:100])
    later = rows[100:105].reset_index(drop=True), y[100:105].reset_index(drop=True)
    with pytest.raises(ValueError, match="Pass all rows since the training rows"):
        forecast(model, later[0], 8, y=later[1])


def test_rows_that_hold_the_whole_past_are_continued():
    """After a gap, as many rows as are looked back upon are enough."""
    model = WINDOWS.fit(X[:100], Y[:100])
    values = [*X["milk_lag1"].iloc[120:150].tolist(), Y.iloc[149]]
    for _ in range(8):
        window = pd.DataFrame([values[-12:]], columns=model.regressor_[:-1].get_feature_names_out())
        values.append(model.regressor_[-1].predict(window)[0])
    found = forecast(model, X[120:150], 8, y=Y[120:150])
    np.testing.assert_allclose(found, values[-8:])
    with pytest.raises(ValueError, match="at least the last 12"):
        forecast(model, X[120:130], 8, y=Y[120:130])


@pytest.mark.parametrize("missing", [95, 103], ids=["in the training rows", "after them"])
def test_a_gap_among_the_rows_looked_back_upon_is_refused(missing):
    """A window that reaches across a missing month is not filled up in silence."""
    rows, y = X.drop(X.index[missing]), Y.drop(X.index[missing])
    model = WINDOWS.fit(rows[:100], y[:100])
    with pytest.raises(ValueError, match=r"comes after a gap.*asfreq"):
        forecast(model, rows[:106], 8, y=y[:106])
    # The advice is followed: the row is put in, its target stays unknown.
    target = y.asfreq("MS")
    whole = rows.asfreq("MS").fillna({"milk_lag1": target.shift(1)})
    assert len(forecast(model.fit(whole[:100], target[:100]), whole[:106], 8, y=target[:106])) == 8
    # Far enough back, a gap has no say.
    assert len(forecast(model, rows[:130], 8, y=y[:130])) == 8


def ignoring(rows):
    """Hand rows on, and ignore warnings from then on, as another thread may do at any time."""
    warnings.simplefilter("ignore")
    return rows


def test_filters_of_the_user_change_nothing():
    """The error comes also where warnings are ignored, before the forecast or meanwhile."""
    steps = [FunctionTransformer(ignoring), LagWindower(12, flatten=True), Ridge()]
    with warnings.catch_warnings():
        model = TransformedSeriesRegressor(make_pipeline(*steps)).fit(X[:100], Y[:100])
        for action in ("default", "ignore"):
            warnings.simplefilter(action)
            with pytest.raises(ValueError, match="are not known"):
                forecast(model, X[120:125], 8, y=Y[120:125])


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_estimators_that_predict_in_workers_are_refused_alike(backend):
    """Nothing that a forecast asks of its estimator is lost where that one shares out its work."""
    table, target = series_to_supervised(Y, horizon=3)
    model = MultiOutputRegressor(WINDOWS, n_jobs=2).fit(table[:100], target[:100])
    with warnings.catch_warnings(), parallel_config(backend):
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="forecast depends on rows"):
            forecast(model, table[120:125], 3)


AFTER_A_GAP = X[80:90]


class Elsewhere(Ridge):
    """Predicts, and meanwhile another thread transforms rows after a gap."""

    def predict(self, X):
        """Predict."""
        thread = threading.Thread(target=self.other.transform, args=[AFTER_A_GAP])
        thread.start()
        thread.join()
        return super().predict(X)


@pytest.mark.parametrize(
    "call",
    [
        lambda model: forecast(model, X[:100], 2, y=Y[:100]),
        lambda model: backtest(model, X[:100], Y[:100], 2),
        lambda model: backtest(model, X[:100], Y[:100], 2, n_jobs=2),
    ],
    ids=["forecast", "backtest", "backtest in threads"],
)
def test_another_thread_is_warned_as_ever(call):
    """What a forecast refuses, or a back-test says once, is neither for a thread beside it."""
    Elsewhere.other = LagWindower(3).fit(X[:50])
    with parallel_config("threading"), pytest.warns(UnknownPastWarning) as caught:
        call(Elsewhere().fit(X[:100], Y[:100]))
    assert len(caught) == 2
    assert {warning.filename for warning in caught} == {threading.__file__}


def test_another_thread_is_warned_while_text_is_read(monkeypatch):
    """What pandas warns of as it guesses dates is silenced, and nothing that others are told."""
    elsewhere, read = LagWindower(3).fit(X[:50]), pd.to_datetime

    def meanwhile(*arguments, **options):
        thread = threading.Thread(target=elsewhere.transform, args=[AFTER_A_GAP])
        thread.start()
        thread.join()
        return read(*arguments, **options)

    monkeypatch.setattr(pd, "to_datetime", meanwhile)
    with pytest.warns(UnknownPastWarning), pytest.raises(ValueError, match="text"):
        LagWindower(3).fit(X[:50].set_axis(X.index[:50].strftime("%d.%m.%Y")))


def test_a_warning_of_many_steps_comes_once_at_the_line_of_the_user():
    """Rows without labels that begin as the training rows do warn once, not at each step."""
    rows, y = X.to_numpy(), Y.to_numpy()
    model = make_pipeline(StatefulLSTMRegressor(**LSTM)).fit(rows[:100], y[:100])
    with pytest.warns(AssumedPastWarning) as caught:
        forecast(model, rows[:60], 24, y=y[:60])
    assert [w.filename for w in caught] == [__file__]


@pytest.mark.parametrize("n_jobs", [None, 1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_warning_of_many_folds_comes_once_at_the_line_of_the_user(n_jobs):
    """Each fold trains on rows that end long before its test rows; the user reads it once."""
    splits = [(np.arange(40, n), np.arange(20, 40) + n) for n in (60, 80, 100)]
    model = make_pipeline(LagWindower(3, flatten=True, history="auto"), Ridge())
    model = TransformedSeriesRegressor(model)
    rows = X.drop(X.index[[65, 85, 105]])
    with pytest.warns(UnknownPastWarning) as caught:
        backtest(model, rows, Y[rows.index], splits, n_jobs=n_jobs)
    assert [w.filename for w in caught] == [__file__]


STORES = pd.concat({name: X[start:100] for name, start in (("a", 0), ("b", 60))}, names=["store"])
STORES = STORES.swaplevel().sort_index()
SOLD = pd.Series(Y.reindex(STORES.index, level=0).to_numpy(), STORES.index, name="milk")


def later_rows(start, stop, **others):
    """Return rows after those of the training, and their target; some series begin elsewhere."""
    spans = {name: others.get(name, (start, stop)) for name in "ab"}
    parts = [
        pd.concat({name: table[slice(*span)] for name, span in spans.items()}, names=["store"])
        for table in (X, Y)
    ]
    return [part.swaplevel().sort_index() for part in parts]


@pytest.mark.parametrize("name", ["windows", "differences", "running on"])
def test_a_gap_of_one_series_is_refused_and_the_series_is_named(name):
    """The other series, which goes on right after its training rows, changes nothing."""
    model = MODELS[name].fit(STORES, SOLD)
    rows, y = later_rows(100, 105, b=(103, 105))
    with pytest.raises(ValueError, match=r"series 'b' comes 3 steps later.*since the training"):
        forecast(model, rows, 8, y=y)
    # The advice is followed: both series hold the same rows, and have the same forecast.
    rows, y = later_rows(100, 105)
    found = forecast(model, rows, 8, y=y)
    np.testing.assert_allclose(found.xs("b", level="store"), found.xs("a", level="store"))


def test_an_index_of_many_series_that_was_reset_is_refused():
    """Rows with the labels of training rows, but other values."""
    model = WINDOWS.fit(STORES, SOLD)
    rows, y = later_rows(100, 105)
    index = rows.index.set_levels(X.index[60:65], level=0)
    with pytest.raises(ValueError, match=r"of series 'a' lies inside the training rows.*not known"):
        forecast(model, rows.set_axis(index), 8, y=y.set_axis(index))


@pytest.mark.parametrize("place", [95, 85])
def test_a_gap_within_the_look_back_of_one_series_is_refused(place):
    """The message names the row after the gap; far enough back, a gap has no say."""
    rows, y = (table.drop((X.index[place], "b")) for table in (STORES, SOLD))
    model = WINDOWS.fit(rows, y)
    if place == 95:
        with pytest.raises(ValueError, match=r"1970-02-01 .*of series 'b' comes after a gap"):
            forecast(model, rows, 8, y=y)
    else:
        expected = forecast(model, STORES, 8, y=SOLD)
        pd.testing.assert_series_equal(forecast(model, rows, 8, y=y), expected)


@pytest.mark.filterwarnings("ignore::sklstm.UnseenSeriesWarning")
@pytest.mark.parametrize("torn", ["a", "c"])
def test_a_gap_far_back_stays_where_a_series_is_scaled_by_all_its_rows(torn):
    """All rows tell the range of a new series; only those looked back upon must be whole."""
    scales = SeriesMinMaxScaler(per_series=True)
    model = TransformedSeriesRegressor(make_pipeline(LagWindower(5, flatten=True), Ridge()), scales)
    model.fit(STORES, SOLD)
    new = [table.xs("b", level=1, drop_level=False) for table in (STORES, SOLD)]
    new = [table.rename(index={"b": "c"}, level=1) for table in new]
    rows, y = (pd.concat(both).sort_index() for both in zip((STORES, SOLD), new, strict=True))
    expected = forecast(model, rows, 8, y=y)
    rows, y = (table.drop((X.index[85], torn)) for table in (rows, y))
    pd.testing.assert_series_equal(forecast(model, rows, 8, y=y), expected)
    rows, y = (table.drop((X.index[97], "c")) for table in (rows, y))
    with pytest.raises(ValueError, match="series 'c' comes after a gap"):
        forecast(model, rows, 8, y=y)


def test_a_series_that_is_too_short_to_look_back_upon_is_refused():
    """Of such a series nothing but the mean of all series would be forecast."""
    times = [(step, "long") for step in range(30)] + [(step, "short") for step in range(26, 30)]
    index = pd.MultiIndex.from_tuples(times, names=["step", "series"])
    sold = pd.Series(np.arange(34.0), index, name="sold").sort_index()
    X, y = series_to_supervised(sold)
    model = make_pipeline(LagWindower(6, flatten=True), HistGradientBoostingRegressor(max_iter=2))
    model.fit(X, y)
    message = r"Row 27 of series 'short' is the first of 4 row\(s\).*leave the series out"
    with pytest.raises(ValueError, match=message):
        forecast(model, X, 2, y=y)
    ahead = forecast(model, X.drop("short", level=1), 2, y=y.drop("short", level=1))
    assert ahead.index.tolist() == [(30, "long"), (31, "long")]


UNITS = {
    "windows in a pipeline": (make_pipeline(LagWindower(12), LSTMRegressor(**LSTM)), False),
    "windows": (WINDOWS, False),
    "differences": (seasonal(y_lag="milk_lag1"), False),
    "many series": (WINDOWS, True),
}


@pytest.mark.parametrize(("model", "is_panel"), UNITS.values(), ids=UNITS)
def test_rows_in_other_units_than_the_training_rows_are_told(model, is_panel):
    """Training rows whose values have changed say that the forecast is of something else."""
    rows, y = X, Y
    if is_panel:
        one = Y.rename_axis("month")
        both = pd.concat({"a": one, "b": one + 50}, names=["cow"]).swaplevel().sort_index()
        rows, y = series_to_supervised(both.rename("milk"))
    model = model.fit(rows, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecast(model, rows, 3, y=y)
    with pytest.warns(AssumedPastWarning) as caught:
        forecast(model, rows / 10, 3, y=y / 10)
    assert [one.filename for one in caught] == [__file__]
