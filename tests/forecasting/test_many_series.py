"""`forecast` of many series against loops over these."""

import warnings

import numpy as np
import pandas as pd
import pytest
from estimators import LSTM
from joblib import parallel_config
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from states import assert_same, unchanged

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    MissingStepsWarning,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    forecast,
    series_to_supervised,
)

MONTHS = pd.period_range("2020-01", periods=40, freq="M", name="month")
STORE = "store"


def table_of(lengths, early=None, times=MONTHS):
    """Return a random walk for each name; some end so many steps before the last time."""
    walks, early = np.random.default_rng(0), early or {}
    parts = {}
    for name, n_rows in lengths.items():
        stop = len(times) - early.get(name, 0)
        parts[name] = pd.Series(
            100 + walks.normal(size=n_rows).cumsum(), times[stop - n_rows : stop]
        )
    return pd.concat(parts, names=[STORE]).swaplevel().sort_index().rename("sold")


EVEN = table_of({"a": 40, "b": 9, "c": 33})
UNEVEN = table_of({"a": 40, "b": 33, "c": 40, "d": 9}, early={"b": 4, "d": 1})
X, Y = series_to_supervised(EVEN)


def of(table, name):
    """Return the rows of a series, in which its name still stands."""
    return table[table.index.get_level_values(STORE) == name]


def alone(table, name):
    """Return the rows of a series without its name."""
    return table.xs(name, level=STORE)


def stores(table):
    """Return the names of the series."""
    return table.index.get_level_values(STORE).unique()


def by_hand(model, rows, y, steps):
    """Forecast by hand: at each step each series grows by a row, and all rows are predicted."""
    table, values, found = rows, y.groupby(STORE).last(), []
    ends = {name: of(rows, name).index[-1][0] for name in values.index}
    for step in range(1, steps + 1):
        labels = pd.MultiIndex.from_tuples(
            [(end + step, name) for name, end in ends.items()], names=rows.index.names
        )
        new = pd.DataFrame({"sold_lag1": values.to_numpy()}, labels)
        table = pd.concat([table, new]).sort_index()
        predicted = pd.Series(model.predict(table), table.index, name="sold")
        found.append(predicted[labels])
        values = found[-1].droplevel(0)
    return pd.concat(found).sort_index()


DIFFERENCES = make_pipeline(Differencer([1, 3]), SeriesMinMaxScaler())
WINDOWS = TransformedSeriesRegressor(
    make_pipeline(LagWindower(5, flatten=True), Ridge()), DIFFERENCES
)
MODELS = {
    "ridge": Ridge(),
    "windows": WINDOWS,
    "windows in a bare pipeline": make_pipeline(LagWindower(3), LSTMRegressor(**LSTM)),
    "LSTM": TransformedSeriesRegressor(
        make_pipeline(LagWindower(5), LSTMRegressor(**LSTM)), DIFFERENCES
    ),
    "logarithm": TransformedSeriesRegressor(
        make_pipeline(LagWindower(5, flatten=True), Ridge()), FunctionTransformer(np.log, np.exp)
    ),
    "differences that run on": TransformedSeriesRegressor(Ridge(), Differencer(), y_lag=None),
    "function that looks back": TransformedSeriesRegressor(
        make_pipeline(
            FunctionTransformer(
                lambda rows: rows.groupby(level=STORE).rolling(3, 1).mean().droplevel(0)
            ),
            Ridge(),
        )
    ),
    "state that runs on": StatefulLSTMRegressor(**LSTM),
    "search": GridSearchCV(WINDOWS, {"check_inverse": [True]}, cv=TimeSeriesSplit(2)),
}


@pytest.mark.filterwarnings("ignore::sklstm.MissingStepsWarning")
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("table", [EVEN, UNEVEN], ids=["one end", "several ends"])
def test_equals_a_table_that_grows_by_hand(name, table):
    """Each series goes on from its own last row, short ones too."""
    rows, y = series_to_supervised(table)
    model = MODELS[name].fit(rows, y)
    found = forecast(model, rows, 5, y=y)
    pd.testing.assert_series_equal(found, by_hand(model, rows, y, 5), rtol=1e-6)


@pytest.mark.filterwarnings("ignore::sklstm.MissingStepsWarning")
@pytest.mark.parametrize("name", ["windows", "LSTM"])
def test_equals_a_loop_over_series(name):
    """No series has a say in the forecast of another."""
    rows, y = series_to_supervised(UNEVEN)
    model = MODELS[name].fit(rows, y)
    parts = [forecast(model, of(rows, n), 6, y=of(y, n)) for n in stores(rows)]
    expected = pd.concat(parts).sort_index()
    pd.testing.assert_series_equal(forecast(model, rows, 6, y=y), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["windows", "LSTM", "differences that run on"])
def test_a_table_of_one_series_gives_what_this_series_gives(name):
    """The name of the series changes nothing."""
    rows, y = of(X, "a"), of(Y, "a")
    found = forecast(MODELS[name].fit(rows, y), rows, 6, y=y)
    model = MODELS[name].fit(alone(rows, "a"), alone(y, "a"))
    expected = forecast(model, alone(rows, "a"), 6, y=alone(y, "a"))
    pd.testing.assert_series_equal(alone(found, "a"), expected, check_freq=False, rtol=1e-9)


def test_the_order_of_series_does_not_matter():
    """Rows of a time step may stand in any order, and series may have any names."""
    model = WINDOWS.fit(X, Y)
    expected = forecast(model, X, 4, y=Y)
    order = np.lexsort([-np.arange(len(X)), X.index.codes[0]])
    turned = forecast(model, X.iloc[order], 4, y=Y.iloc[order])
    pd.testing.assert_series_equal(turned.sort_index(), expected)
    names = {"a": 7, "b": -1, "c": 300}
    renamed, y = X.rename(index=names, level=STORE), Y.rename(index=names, level=STORE)
    found = forecast(WINDOWS.fit(renamed, y), renamed, 4, y=y)
    back = found.rename(index={v: k for k, v in names.items()}, level=STORE).sort_index()
    np.testing.assert_allclose(back, expected)
    assert back.index.equals(expected.index)


def test_several_levels_name_a_series_together():
    """The forecast has all levels, and their names."""
    region = X.index.get_level_values(STORE).map({"a": "north", "b": "south", "c": "north"})
    levels = [X.index.get_level_values("month"), region, X.index.get_level_values(STORE)]
    index = pd.MultiIndex.from_arrays(levels, names=["month", "region", STORE])
    rows, y = X.set_axis(index).sort_index(), Y.set_axis(index).sort_index()
    found = forecast(WINDOWS.fit(rows, y), rows, 4, y=y)
    assert found.index.names == ["month", "region", STORE]
    expected = forecast(WINDOWS.fit(X, Y), X, 4, y=Y)
    pd.testing.assert_series_equal(found.droplevel("region").sort_index(), expected)


@pytest.mark.filterwarnings("ignore::sklstm.MissingStepsWarning")
def test_dates_go_on_at_the_step_of_the_whole_table():
    """A series of one row alone has no step, but its table has."""
    fridays = pd.date_range("2024-01-05", periods=20, freq="W-FRI", name="day")
    table = table_of({"a": 20, "b": 2}, {"b": 3}, fridays)
    rows, y = series_to_supervised(table)
    found = forecast(Ridge().fit(rows, y), rows, 4, y=y)
    late = pd.date_range("2024-05-24", periods=4, freq="W-FRI")
    assert alone(found, "a").index.tolist() == late.tolist()
    assert alone(found, "b").index.tolist() == (late - pd.Timedelta(weeks=3)).tolist()
    assert (found.name, found.index.names) == ("sold", ["day", STORE])
    assert found.index.is_monotonic_increasing


@pytest.mark.filterwarnings("ignore::sklstm.MissingStepsWarning")
@pytest.mark.parametrize("names", [["a", "b"], ["b"]], ids=" and ".join)
def test_later_rows_with_gaps_go_on_at_the_step_of_the_training_rows(names):
    """Few rows, between which all series lack some months, show another step, or none."""
    table = table_of({"a": 40, "b": 40})
    rows, y = series_to_supervised(table)
    is_train = rows.index.get_level_values("month") < MONTHS[20]
    model = TransformedSeriesRegressor(Ridge(), SeriesMinMaxScaler(), y_lag="sold_lag1")
    model.fit(rows[is_train], y[is_train])
    given = [(MONTHS[i], "b") for i in (20, 24, 26)] + [(MONTHS[i], "a") for i in (33, 34)]
    some = rows.index.isin([label for label in given if label[1] in names])
    found = forecast(model, rows[some], 2, y=y[some])
    for name, last in (("a", 34), ("b", 26)):
        if name in names:
            assert alone(found, name).index.equals(MONTHS[last + 1 : last + 3])
            lag = y[MONTHS[last], name]
            expected = model.predict(rows[-1:] * 0 + lag)
            np.testing.assert_allclose(alone(found, name).iloc[0], expected[0])


@pytest.mark.filterwarnings("ignore::sklstm.MissingStepsWarning")
def test_dates_that_no_series_has_are_passed_over_only_if_future_inputs_do():
    """A month that all series lack is a step; a holiday is one that future_inputs lacks."""
    table = table_of({"a": 39, "b": 30}, {"b": 5}, MONTHS.delete(36))
    rows, y = series_to_supervised(table)
    model = Ridge().fit(rows, y)
    found = alone(forecast(model, rows, 4, y=y), "b").index
    assert found.tolist() == pd.period_range("2022-11", periods=4, freq="M").tolist()
    later = MONTHS.append(pd.period_range("2023-05", periods=4, freq="M")).delete(36)
    found = forecast(model, rows, 4, y=y, future_inputs=pd.DataFrame(index=later))
    expected = pd.PeriodIndex(["2022-11", "2022-12", "2023-02", "2023-03"], freq="M")
    assert alone(found, "b").index.tolist() == expected.tolist()
    assert alone(found, "a").index.tolist() == later[-4:].tolist()


def test_irregular_times_need_future_inputs():
    """Without a step, the rows of future_inputs name the times; it may name them all."""
    times = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-07", "2024-03-01", "2024-03-11"])
    table = table_of({"a": 5, "b": 3}, times=times)
    rows, y = series_to_supervised(table)
    model = Ridge().fit(rows, y)
    with pytest.raises(ValueError, match=r"no regular step.*future_inputs=pd\.DataFrame"):
        forecast(model, rows, 2, y=y)
    later = pd.DatetimeIndex(["2024-03-12", "2024-05-01"])
    found = forecast(model, rows, 2, y=y, future_inputs=pd.DataFrame(index=later))
    assert alone(found, "b").index.equals(later)


def test_series_that_end_at_different_times_are_told_of_once():
    """The warning names the first and the last one, and what to do."""
    rows, y = series_to_supervised(UNEVEN)
    model = WINDOWS.fit(rows, y)
    with pytest.warns(MissingStepsWarning) as caught:
        forecast(model, rows, 3, y=y)
    assert [w.filename for w in caught] == [__file__]
    message = str(caught[0].message)
    assert "2023-01 of series 'b' is the first to begin, that of 2023-05 of series 'a'" in message
    # The advice is followed: other series are left out, or dates are chosen.
    even = stores(UNEVEN)[:1].append(pd.Index(["c"]))
    keep = rows.index.isin(even, level=STORE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecast(model, rows[keep], 3, y=y[keep])


def test_a_series_that_fit_has_not_seen_goes_on_from_its_own_rows():
    """Its windows hold its own rows, as those of a series that was seen."""
    rows, y = series_to_supervised(EVEN.rename(index={"c": "new"}, level=STORE))
    seen = TransformedSeriesRegressor(make_pipeline(LagWindower(5, flatten=True), Ridge())).fit(
        X, Y
    )
    found = forecast(seen, rows, 6, y=y)
    expected = forecast(seen, X, 6, y=Y)
    np.testing.assert_allclose(alone(found, "new"), alone(expected, "c"))
    np.testing.assert_allclose(alone(found, "a"), alone(expected, "a"))


def test_without_y_it_starts_with_the_last_row_of_each_series():
    """Without y, the last known target is the one in the last row of X."""
    expected = forecast(WINDOWS.fit(X, Y), X, 4, y=Y)
    new = expected.index[:3]
    last = pd.DataFrame({"sold_lag1": Y.groupby(STORE).last().to_numpy()}, new)
    found = forecast(WINDOWS, pd.concat([X, last]), 4)
    pd.testing.assert_series_equal(found, expected, check_names=False)


@pytest.mark.filterwarnings("ignore::sklstm.MissingStepsWarning")
def test_what_is_not_observed_yet_is_forecast():
    """NaN at the end of the target of one series moves the start of that series alone."""
    y = Y.copy()
    last = of(Y, "c").index[-2:]
    y[last] = np.nan
    rows = X.copy()
    rows.loc[last[1:]] = np.nan
    model = TransformedSeriesRegressor(make_pipeline(LagWindower(5, flatten=True), Ridge())).fit(
        X, Y
    )
    found = forecast(model, rows, 4, y=y)
    expected = forecast(model, of(X, "c")[:-2], 4, y=of(Y, "c")[:-2])
    pd.testing.assert_series_equal(of(found, "c"), expected)
    pd.testing.assert_series_equal(of(found, "a"), of(forecast(model, X, 4, y=Y), "a"))


@pytest.mark.filterwarnings("ignore::sklstm.MissingStepsWarning")
def test_several_steps_are_predicted_in_one_go_and_then_fed_back():
    """The next block of steps is predicted from the last step of the block before."""
    rows, y = series_to_supervised(UNEVEN, horizon=3, keep_last=True)
    model = TransformedSeriesRegressor(LinearRegression()).fit(rows, y)
    found = forecast(model, rows, 5, y=y)
    for name in stores(UNEVEN):
        first = model.predict(
            pd.DataFrame(
                {"sold_lag1": alone(UNEVEN, name).to_numpy()[-1:]}, of(rows, name).index[-1:]
            )
        )
        then = model.predict(pd.DataFrame({"sold_lag1": first[0, -1:]}, of(rows, name).index[-1:]))
        np.testing.assert_allclose(alone(found, name), np.append(first, then)[:5])
        assert alone(found, name).index[0] == alone(UNEVEN, name).index[-1] + 1


def test_several_targets_are_fed_back():
    """Each target's prediction goes into its own column, and older lags are filled in."""
    table = pd.DataFrame({"sold": EVEN, "half": EVEN.groupby(STORE).shift(2).fillna(50) / 2})
    rows, y = series_to_supervised(table)
    rows["sold_lag3"] = EVEN.groupby(STORE).shift(3)[rows.index].fillna(100)
    model = LinearRegression().fit(rows, y)
    found = forecast(model, rows, 5, y=y)
    assert found.columns.tolist() == ["sold", "half"]
    for name in stores(EVEN):
        values = alone(table, name).to_numpy().tolist()
        for _ in range(5):
            row = pd.DataFrame([[*values[-1], values[-3][0]]], columns=rows.columns)
            values.append(model.predict(row)[0])
        np.testing.assert_allclose(alone(found, name), values[-5:])


def prices(index):
    """Return a column that depends on time and series, and one that depends on time alone."""
    months, names = index.get_level_values(0), index.get_level_values(1)
    words = months.strftime("%b")
    return pd.DataFrame({"price": months.month * names.map(ord) % 7.0, "word": words}, index)


LATER = pd.MultiIndex.from_product(
    [pd.period_range("2023-05", periods=8, freq="M"), ["a", "b", "c"]], names=["month", STORE]
)
PRICED = X.join(prices(X.index))
ENCODED = make_pipeline(
    ColumnTransformer([("word", OneHotEncoder(), ["word"])], remainder="passthrough"), Ridge()
)


def test_known_columns_are_found_by_time_and_series():
    """The rows of future_inputs may stand in another order of series, and be more than needed."""
    model = ENCODED.fit(PRICED, Y)
    future_inputs = prices(LATER)
    found = forecast(
        model,
        PRICED,
        5,
        y=Y,
        future_inputs=future_inputs.iloc[::-1].sort_index(level=0, sort_remaining=False),
    )
    for name in stores(X):
        values = [alone(Y, name).iloc[-1]]
        for step in range(5):
            row = (
                alone(future_inputs, name).iloc[[step]].assign(sold_lag1=values[-1])[PRICED.columns]
            )
            values.append(model.predict(row)[0])
        np.testing.assert_allclose(alone(found, name), values[1:])


def test_known_columns_of_time_alone_are_those_of_all_series():
    """A calendar needs one row for each time."""
    rows = X.assign(angle=np.sin(X.index.get_level_values(0).month))
    months = LATER.get_level_values(0).unique()
    calendar = pd.DataFrame({"angle": np.sin(months.month)}, months)
    model = Ridge().fit(rows, Y)
    found = forecast(model, rows, 5, y=Y, future_inputs=calendar)
    repeated = pd.DataFrame({"angle": np.sin(LATER.get_level_values(0).month)}, LATER)
    pd.testing.assert_series_equal(found, forecast(model, rows, 5, y=Y, future_inputs=repeated))


def test_words_of_one_series_are_not_those_of_all():
    """A column of words of which X shows that the series have their own is refused, too."""
    kinds = X.index.get_level_values(1).map({"a": "shop", "b": "kiosk", "c": None})
    rows = X.assign(kind=kinds)
    encode = ColumnTransformer([("kind", OneHotEncoder(), ["kind"])], remainder="passthrough")
    model = make_pipeline(encode, Ridge()).fit(rows, Y)
    months = LATER.get_level_values(0).unique()
    with pytest.raises(ValueError, match=r"time alone.*kiosk in 'kind'.*'b', and shop"):
        forecast(model, rows, 3, y=Y, future_inputs=pd.DataFrame({"kind": "shop"}, months))


LACKING = {
    "a row": (prices(LATER).drop(LATER[4]), r"future_inputs lacks values.*2023-06 of series 'b'"),
    "a series": (prices(LATER[LATER.isin(["a", "b"], level=1)]), r"lacks.*2023-05 of series 'c'"),
    "a time": (prices(LATER[:3]), r"future_inputs lacks values.*2023-06 of series 'a'"),
    "the series": (
        prices(LATER).xs("b", level=1),
        r"time alone.*in 'price' in the row of 2020-09 of series 'c', and 5.0 at this time",
    ),
    "labels": (prices(LATER).to_numpy(), "no labels.*many series.*index of the time"),
    "the order of levels": (prices(LATER).swaplevel().sort_index(), r"future_inputs.*swaplevel"),
    "a level": (
        pd.concat({"x": prices(LATER)}, names=["region"]).reorder_levels([1, 0, 2]).sort_index(),
        "future_inputs has 3 levels, but that of X 2",
    ),
}


@pytest.mark.parametrize(("future_inputs", "message"), LACKING.values(), ids=LACKING)
def test_known_columns_that_lack_something_are_refused(future_inputs, message):
    """The message names the series and the time."""
    with pytest.raises(ValueError, match=message):
        forecast(ENCODED.fit(PRICED, Y), PRICED, 3, y=Y, future_inputs=future_inputs)


SHAPES = {
    "a dict of Series": lambda means: {"mean": means},
    "a table": lambda means: means.to_frame("mean"),
    "a table like the past": None,
}


@pytest.mark.filterwarnings("ignore::sklstm.MissingStepsWarning")
@pytest.mark.parametrize("shape", SHAPES)
def test_computed_columns_get_the_past_of_all_series(shape):
    """The function gets observed and predicted targets, and makes a row for each series."""
    rows, y = series_to_supervised(UNEVEN)
    mean = UNEVEN.groupby(STORE).transform(lambda one: one.shift(1).rolling(3, 1).mean())
    rows["mean"] = mean[rows.index]

    def recompute(past):
        assert past.index.is_monotonic_increasing
        rolling = past.groupby(level=STORE).transform(lambda one: one.rolling(3, 1).mean())
        if SHAPES[shape] is None:
            return rolling.to_frame("mean")
        return SHAPES[shape](rolling.groupby(level=STORE).last())

    # The first row of X knows a target before it, which is no row of X.
    rows, y = (table.groupby(STORE, group_keys=False).tail(30) for table in (rows, y))
    rows, y = rows[rows.index.isin(y.index)], y
    model = Ridge().fit(rows, y)
    found = forecast(model, rows, 5, y=y, recompute=recompute)
    for name in stores(rows):
        values = alone(UNEVEN, name).tolist()
        for _ in range(5):
            row = pd.DataFrame([[values[-1], np.mean(values[-3:])]], columns=rows.columns)
            values.append(model.predict(row)[0])
        np.testing.assert_allclose(alone(found, name), values[-5:])


WRONG = {
    "one value": (lambda past: {"mean": past.mean()}, "row for each series"),
    "a series less": (
        lambda past: {"mean": past.groupby(level=STORE).last()[:-1]},
        "no row for series 'c'",
    ),
    "other values": (
        lambda past: {"mean": past.groupby(level=STORE).mean() + 1},
        r"recompute makes .*'mean' in row \d+ .*2023-04.*but X holds",
    ),
}


@pytest.mark.parametrize(("recompute", "message"), WRONG.values(), ids=WRONG)
def test_computed_columns_that_are_wrong_are_refused(recompute, message):
    """The message names the series, or the row."""
    rows = X.assign(mean=Y.groupby(STORE).transform(lambda one: one.shift(1).expanding().mean()))
    with pytest.raises(ValueError, match=message):
        forecast(Ridge().fit(rows.fillna(0), Y), rows.fillna(0), 3, y=Y, recompute=recompute)


def test_a_series_without_a_known_target_is_refused():
    """The message names it."""
    rows, y = X.copy(), Y.copy()
    rows.loc[of(X, "b").index] = np.nan
    y[of(Y, "b").index] = np.nan
    with pytest.raises(
        ValueError, match=r"No value of the target.*of series 'b'.*leave the series"
    ):
        forecast(WINDOWS.fit(X, Y), rows, 3, y=y)


def test_forecasting_changes_nothing():
    """A forecast changes neither the estimator nor the rows."""
    model = WINDOWS.fit(X, Y)
    with unchanged(model, X, Y):
        forecast(model, X, 4, y=Y)


#: On some processors, BLAS rounds a linear model's product of one row otherwise than that of many.
ROUNDED = 1e-12


@pytest.mark.parametrize("name", ["windows", "LSTM", "search"])
@pytest.mark.parametrize("n_jobs", [2, 7])
def test_series_that_are_shared_out_have_the_same_forecast(name, n_jobs):
    """Parts of the table, more than there are series, give the numbers of the whole."""
    model = MODELS[name].fit(X, Y)
    with parallel_config(backend="threading"):
        found = forecast(model, X, 5, y=Y, n_jobs=n_jobs)
    whole = forecast(model, X, 5, y=Y)
    if name == "LSTM":
        assert_same(found, whole)
    else:
        pd.testing.assert_series_equal(found, whole, rtol=ROUNDED)


def test_known_columns_are_shared_out_with_their_series():
    """Each part has the future inputs that it needs, and the parts of a model of these alone."""
    model = ENCODED.fit(PRICED, Y)
    with parallel_config(backend="threading", n_jobs=3):
        found = forecast(model, PRICED, 5, y=Y, future_inputs=prices(LATER))
        alike = prices(X.index)[["price"]]
        of_known = forecast(
            Ridge().fit(alike, Y), alike, 5, y=Y, future_inputs=prices(LATER)[["price"]]
        )
    whole = forecast(model, PRICED, 5, y=Y, future_inputs=prices(LATER))
    pd.testing.assert_series_equal(found, whole, rtol=ROUNDED)
    later = prices(LATER[:15])[["price"]]
    np.testing.assert_allclose(of_known, Ridge().fit(alike, Y).predict(later))


@pytest.mark.filterwarnings("ignore::sklstm.MissingStepsWarning")
def test_parts_have_the_step_of_the_whole_table():
    """A part of short series alone would not know its step."""
    table = table_of({"a": 40, "b": 2, "c": 2}, {"b": 1, "c": 3})
    rows, y = series_to_supervised(table)
    model = Ridge().fit(rows, y)
    with parallel_config(backend="threading"):
        found = forecast(model, rows, 4, y=y, n_jobs=3)
    pd.testing.assert_series_equal(found, forecast(model, rows, 4, y=y), rtol=ROUNDED)


@pytest.mark.parametrize("n_jobs", [0.5, "all"])
def test_a_bad_number_of_jobs_is_refused(n_jobs):
    """It is an int or None."""
    with pytest.raises(TypeError, match="n_jobs"):
        forecast(WINDOWS.fit(X, Y), X, 1, y=Y, n_jobs=n_jobs)


def test_a_step_that_takes_part_in_the_forecast_of_each_row_is_given_its_rows():
    """An estimator that changes what it inherits, or holds others, is asked for its own numbers."""

    class Positive(TransformedSeriesRegressor):
        def predict(self, X):
            return np.maximum(super().predict(X), 101)

    model = Positive(WINDOWS.regressor, WINDOWS.transformer).fit(X, Y)
    assert forecast(model, X, 5, y=Y).min() == 101
    voting = VotingRegressor([("a", WINDOWS)]).fit(X, Y)
    np.testing.assert_allclose(
        forecast(voting, X, 5, y=Y, y_lag="sold_lag1"), forecast(WINDOWS.fit(X, Y), X, 5, y=Y)
    )
