"""Training that goes on with later rows: the past moves on, and scales stay as they are."""

import copy
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    AssumedPastWarning,
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    UnknownPastWarning,
    WindowScaledRegressor,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import load_milk

MILK = load_milk()
WINDOW = 4


class Pupil(RegressorMixin, BaseEstimator):
    """Notes what it is taught, and predicts a fixed sum of its inputs."""

    def fit(self, X, y, sample_weight=None):
        """Begin anew."""
        self.taught_, self.weights_ = [], []
        return self.partial_fit(X, y, sample_weight)

    def partial_fit(self, X, y, sample_weight=None):
        """Note some rows more."""
        X, y = np.asarray(X), np.asarray(y).reshape(len(X), -1)
        self.taught_ = [*getattr(self, "taught_", []), np.hstack([X, y])]
        self.weights_ = [*getattr(self, "weights_", []), sample_weight]
        self.n_outputs_ = y.shape[1]
        return self

    def predict(self, X):
        """Weigh the inputs by their place."""
        total = np.asarray(X) @ np.arange(1.0, X.shape[1] + 1)
        return total if self.n_outputs_ == 1 else np.outer(total, np.arange(self.n_outputs_))

    def __sklstm_look_back__(self):
        return 0

    def rows(self):
        """Return all that was taught, sorted."""
        taught = np.concatenate(self.taught_)
        return taught[np.lexsort(taught.T)]


def pupil(transformer=None, **options):
    """Return a model that teaches windows of differences."""
    return TransformedSeriesRegressor(
        make_pipeline(LagWindower(WINDOW, flatten=True), Pupil()),
        Differencer([1, 3]) if transformer is None else transformer,
        **options,
    )


def shops():
    """Return the sales of three shops, of which one opens late and one closes early."""
    draws = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=80, freq="D", tz="Europe/Berlin")
    wide = pd.DataFrame(draws.normal(size=(80, 3)).cumsum(axis=0), days, ["a", "b", "c"])
    wide.loc[days[:25], "b"] = wide.loc[days[70:], "c"] = np.nan
    long = wide.rename_axis("day").melt(ignore_index=False, var_name="shop", value_name="sold")
    return long.dropna().set_index("shop", append=True)["sold"].sort_index()


def irregular():
    """Return a series whose labels have no regular step."""
    draws = np.random.default_rng(1)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(draws.integers(1, 9, 90).cumsum(), "D")
    return pd.Series(draws.normal(size=90).cumsum(), days, name="level")


TABLES = {
    "months": MILK.to_period("M"),
    "arrays": MILK,
    "series": shops(),
    "irregular": irregular(),
}


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("name", TABLES)
def test_parts_teach_what_the_whole_does(name, horizon):
    """Each row is taught once its targets are known, and later rows find their past."""
    X, y = series_to_supervised(TABLES[name], horizon=horizon)
    model, whole = (pupil(horizon=horizon, y_lag=0) for _ in range(2))
    if name == "arrays":
        X, y = X.to_numpy(), y.to_numpy()
    # Of series, no time step is cut.
    times = X.index.get_level_values(0) if name == "series" else np.arange(len(X))
    firsts = np.flatnonzero(np.append(True, times[1:] != times[:-1]))
    cuts = [int(firsts[len(firsts) // 2 + n]) for n in (0, 1, 2, 9, 20)]
    stop = cuts[-1]
    whole.fit(X[:stop], y[:stop])
    model.fit(X[: cuts[0]], y[: cuts[0]])
    for start, end in pairwise(cuts):
        model.partial_fit(X[start:end], y[start:end])
    np.testing.assert_allclose(model.regressor_[-1].rows(), whole.regressor_[-1].rows(), atol=1e-9)
    np.testing.assert_allclose(model.predict(X[stop:]), whole.predict(X[stop:]), atol=1e-9)
    # Rows whose own past is not known get the mean of the rows that fit was given.
    reach = np.asarray(LagWindower(WINDOW + 4, flatten=True).fit_transform(X[:stop]))
    known = ~np.isnan(reach).any(axis=1)
    before = whole.predict(X[:stop])
    np.testing.assert_allclose(model.predict(X[:stop])[known], before[known], atol=1e-9)
    np.testing.assert_allclose(model.predict(X[cuts[-2] : stop]), before[cuts[-2] :], atol=1e-9)
    if name != "irregular":
        named = {"y_lag": 0} if name == "arrays" else {}
        expected = forecast(whole, X[:stop], 5, y=y[:stop], **named)
        for start in (0, cuts[-2]):
            ahead = forecast(model, X[start:stop], 5, y=y[start:stop], **named)
            np.testing.assert_allclose(ahead, expected, atol=1e-9)


def test_a_network_learns_on_as_it_does_by_hand():
    """Differences, scales, windows and the way back are those of a loop."""
    series = MILK.to_numpy()
    X, y = series_to_supervised(MILK)
    options = {"units": 2, "epochs": 1, "shuffle": False, "random_state": 0}
    model = TransformedSeriesRegressor(
        make_pipeline(LagWindower(WINDOW), LSTMRegressor(**options)),
        make_pipeline(Differencer(12), SeriesMinMaxScaler()),
    )
    model.fit(X[:100], y[:100]).partial_fit(X[100:130], y[100:130])
    model.partial_fit(X[130:131], y[130:131])

    changes = series[12:] - series[:-12]  # the last target of `fit` is series[100]
    low, high = changes[1:89].min(), changes[1:89].max()
    scaled = (changes - low) / (high - low)
    windows = np.stack([scaled[i - WINDOW : i] for i in range(WINDOW, len(scaled) + 1)])[:, :, None]
    targets = scaled[WINDOW:]
    first = 12 + WINDOW - 1  # the row of the first window
    network = LSTMRegressor(**options).fit(windows[: 100 - first], targets[: 100 - first])
    for start, stop in ((100, 130), (130, 131)):
        part = slice(start - first, stop - first)
        network.partial_fit(windows[part], targets[part])
    expected = network.predict(windows[131 - first : -1]) * (high - low) + low
    expected += series[132 - 12 : -12]
    np.testing.assert_allclose(model.predict(X[131:]), expected, rtol=1e-5)
    # One new row is enough, and the value after the last row is forecast from it.
    model.partial_fit(X[131:], y[131:])
    network.partial_fit(windows[131 - first : -1], targets[131 - first :])
    last = network.predict(windows[-1:]) * (high - low) + low + series[-12]
    np.testing.assert_allclose(forecast(model, X[-1:], 1, y=y[-1:]).to_numpy(), last, rtol=1e-5)


@pytest.mark.parametrize("name", ["months", "arrays"])
def test_new_rows_without_training_are_passed_with_those_since_fit(name):
    """All rows since fit, or as many as are looked back upon, give what all rows give."""
    X, y = series_to_supervised(MILK)
    model = pupil(y_lag=0).fit(X[:100], y[:100])
    expected = model.predict(X)[100:]
    ahead = forecast(model, X, 3, y=y)
    if name == "arrays":
        X, y = X.to_numpy(), y.to_numpy()
        model = pupil(y_lag=0).fit(X[:100], y[:100])
    np.testing.assert_allclose(model.predict(X[100:]), expected)
    named = {"y_lag": 0} if name == "arrays" else {}
    np.testing.assert_allclose(forecast(model, X[100:], 3, y=y[100:], **named), ahead)
    reach = model.__sklstm_look_back__() + 1
    np.testing.assert_allclose(forecast(model, X[-reach:], 3, y=y[-reach:], **named), ahead)


def test_rows_after_a_gap_have_no_past():
    """A warning names the first; what comes after them finds them."""
    X, y = series_to_supervised(MILK)
    model = pupil().fit(X[:100], y[:100])
    with pytest.warns(UnknownPastWarning, match=r"1970-07-01.* comes 1 steps later.*not learnt"):
        model.partial_fit(X[101:130], y[101:130])
    assert len(model.regressor_[-1].taught_[1]) == 29 - (WINDOW - 1) - 4
    both = pupil().fit(X, y).predict(X)
    np.testing.assert_allclose(model.predict(X[130:]), both[130:])
    np.testing.assert_allclose(model.predict(X[:100])[9:], both[9:100])
    with (
        pytest.warns(UnknownPastWarning, match="Pass the rows in between"),
        pytest.raises(ValueError, match=r"No row is left.* NaN in all 3 rows, because rows before"),
    ):
        model.partial_fit(X[133:136], y[133:136])


@pytest.mark.parametrize("start", [60, 90])
def test_rows_that_were_seen_are_taught_again(start):
    """Training rows, also with new ones after them, keep their place."""
    X, y = series_to_supervised(MILK)
    model, whole = pupil().fit(X[:100], y[:100]), pupil().fit(X, y)
    end = max(start + 20, 100)
    rows = slice(start, start + 20)
    if start == 60:
        with pytest.warns(UnknownPastWarning) as caught:
            model.partial_fit(X[rows], y[rows])
        [warning] = caught
        assert "Row 1967-02-01 00:00:00 lies inside the training rows" in str(warning.message)
    else:  # The end is remembered.
        model.partial_fit(X[rows], y[rows])
        assert len(model.regressor_[-1].taught_[1]) == 20
    np.testing.assert_allclose(model.predict(X[end:]), whole.predict(X)[end:])


def test_targets_that_were_not_known_yet_are_taught_with_the_next_rows():
    """Rows without a target are filled from the rows after them, but not those left out."""
    X, y = series_to_supervised(MILK, horizon=3)
    model, whole = (pupil(Differencer()) for _ in range(2))
    unknown = y[:100].copy()
    unknown.iloc[99, 0:] = unknown.iloc[98, 1:] = unknown.iloc[97, 2:] = np.nan
    unknown.iloc[50] = np.nan
    model.fit(X[:100], unknown).partial_fit(X[100:104], y[100:104])
    known = y[:104].copy()
    known.iloc[50] = np.nan
    whole.fit(X[:104], known)
    np.testing.assert_allclose(model.regressor_[-1].rows(), whole.regressor_[-1].rows())
    model.partial_fit(X[104:105], y[104:105], pupil__sample_weight=np.array([5.0]))
    np.testing.assert_array_equal(model.regressor_[-1].weights_[-1], [1.0])


def test_a_new_series_gets_its_scale_and_others_keep_theirs():
    """Each shop has its own range; those of new ones are learnt with their first rows."""
    X, y = series_to_supervised(shops())
    days, names = map(X.index.get_level_values, X.index.names)
    before = (days < days[40]) & (names == "c")
    model = pupil(SeriesMinMaxScaler(per_series=True))
    model.fit(X[before], y[before])
    ranges = model.transformer_.data_max_.ravel()
    model.partial_fit(X[~before], y[~before])
    scaler = model.transformer_
    np.testing.assert_array_equal(scaler.data_max_.ravel()[:1], ranges)
    assert list(scaler.series_) == ["c", "a", "b"]
    highest = [y.xs(name, level="shop").max() for name in "ab"]
    np.testing.assert_array_equal(scaler.data_max_.ravel()[1:], highest)
    np.testing.assert_array_equal(model.predict(X[~before][-9:]), model.predict(X[~before])[-9:])


@pytest.mark.parametrize("labelled", [True, False])
def test_a_state_goes_on_below_differences(labelled):
    """It is the state after the rows seen so far, as by hand."""
    X, y = series_to_supervised(MILK)
    if not labelled:
        X, y = X.to_numpy(), y.to_numpy()
    state = StatefulLSTMRegressor(2, epochs=1, random_state=0)
    model = TransformedSeriesRegressor(state, Differencer(), y_lag=0)
    model.fit(X[:100], y[:100]).partial_fit(X[100:120], y[100:120])
    changes = np.diff(MILK.to_numpy())
    by_hand = copy.deepcopy(state).fit(changes[:99, None], changes[1:100])
    by_hand.partial_fit(changes[99:119, None], changes[100:120])
    expected = by_hand.predict(changes[119:-1, None]) + MILK.to_numpy()[120:-1]
    np.testing.assert_allclose(model.predict(X[120:]), expected, rtol=1e-6)


def test_rows_one_by_one():
    """Rows without a look-back, and windows that are scaled themselves, are learnt one by one."""
    X, y = series_to_supervised(MILK)
    learner = SGDRegressor(random_state=0)
    windowed = make_pipeline(LagWindower(3, flatten=True), WindowScaledRegressor(learner))
    for regressor in (make_pipeline(LagWindower(1, flatten=True), learner), windowed):
        model = TransformedSeriesRegressor(regressor, StandardScaler()).fit(X[:100], y[:100])
        counts = []
        for _ in range(2):
            counts.append(getattr(model.regressor_[-1], "regressor_", model.regressor_[-1]).t_)
            model.partial_fit(X[100:101], y[100:101])
        assert counts[1] == counts[0] + 1
        np.testing.assert_allclose(model.predict(X[101:]), model.predict(X)[101:])


@pytest.mark.parametrize("windowed", [False, True])
def test_windows_that_are_scaled_themselves_are_learnt_on(windowed):
    """Pipelines inside keep their scale, and their last step learns on."""
    X, y = series_to_supervised(MILK)
    inside = make_pipeline(PCA(2, svd_solver="full"), SGDRegressor(random_state=0))
    scaled = WindowScaledRegressor(inside, season=WINDOW)
    windower = LagWindower(WINDOW, flatten=True)
    windows = windower.fit_transform(X)
    if windowed:
        model = TransformedSeriesRegressor(make_pipeline(windower, scaled))
        model.partial_fit(X[:100], y[:100]).partial_fit(X[100:130], y[100:130])
        fitted = model.regressor_[-1].regressor_
    else:
        scaled.partial_fit(windows[:100], y[:100]).partial_fit(windows[100:130], y[100:130])
        fitted = scaled.regressor_
    values = windows.to_numpy()[WINDOW - 1 :]
    level, spread = values.mean(axis=1, keepdims=True), values.std(axis=1, keepdims=True)
    inputs = (values - level) / spread
    targets = (y.to_numpy()[WINDOW - 1 :] - values[:, 0]) / spread[:, 0]
    stop = 100 - WINDOW + 1
    scaler, learner = PCA(2, svd_solver="full").fit(inputs[:stop]), SGDRegressor(random_state=0)
    for part in (slice(stop), slice(stop, stop + 30)):
        learner.partial_fit(scaler.transform(inputs[part]), targets[part])
    np.testing.assert_allclose(fitted[-1].coef_, learner.coef_, rtol=1e-6)


def test_a_warm_start_keeps_scales_and_remembers_its_own_rows():
    """The weights learnt so far belong to the scale that they were learnt with."""
    X, y = series_to_supervised(MILK)
    network = LSTMRegressor(2, epochs=1, warm_start=True, random_state=0)
    inside = make_pipeline(StandardScaler(), LagWindower(WINDOW), network)
    model = TransformedSeriesRegressor(inside, make_pipeline(Differencer(), StandardScaler()))

    def scales():
        return [model.regressor_[0].mean_, model.transformer_[-1].mean_]

    model.fit(X[:60], y[:60])
    first = scales()
    model.fit(X[60:160], y[60:160])
    np.testing.assert_array_equal(scales(), first)
    assert model.regressor_[-1].n_iter_ == 2
    assert model.regressor_[-1].n_samples_fit_ == 100 - WINDOW
    np.testing.assert_allclose(model.predict(X[160:]), model.predict(X[60:])[100:], rtol=1e-6)
    with pytest.raises(ValueError, match="Training cannot go on after a change of the steps"):
        model.set_params(regressor__lagwindower__window=2).fit(X, y)
    model.set_params(regressor__lstmregressor__warm_start=False).fit(X, y)
    assert not np.isclose(scales(), first).any()


def test_rows_without_labels_that_may_be_seen_ones():
    """Too few to be told from later rows that equal them, they are warned of."""
    X, y = (part.to_numpy() for part in series_to_supervised(MILK))
    model = TransformedSeriesRegressor(pupil().regressor).fit(X[:100], y[:100])
    model.partial_fit(X[100:102], y[100:102])
    with pytest.warns(AssumedPastWarning, match="first 2 of 2 rows are those that partial_fit"):
        model.predict(X[100:102])


def test_the_first_training_rows_stay_remembered():
    """A corrected value among them is noticed after later training, as it was before."""
    X, y = series_to_supervised(MILK)
    model = pupil().fit(X[:100], y[:100]).partial_fit(X[100:110], y[100:110])
    corrected = X[:50].copy()
    corrected.iloc[15] += 1.0
    with pytest.warns(AssumedPastWarning) as noticed:
        model.predict(corrected)
    assert "at row 15 " in str(noticed[0].message)


EARLY = pd.date_range("1900-01-01", periods=20, freq="MS")
REFUSED = {
    "an index that was reset": (
        lambda X, y: (X.reset_index(drop=True), y.reset_index(drop=True)),
        "no known place|other values|must have an index",
    ),
    "no labels": (lambda X, y: (X.to_numpy(), y.to_numpy()), "must have an index like"),
    "rows before the first": (
        lambda X, y: (X.set_axis(EARLY), y.set_axis(EARLY)),
        "comes before the first training row",
    ),
    "two targets": (lambda X, y: (X, pd.DataFrame({"a": y, "b": y})), r"y has shape \(20, 2\)"),
    "another series": (lambda X, y: (X + 50.0, y + 5.0), "does not hold the target 1 step"),
    "an infinite value": (lambda X, y: (X, y.replace(y.iloc[-1], np.inf)), "y holds inf"),
    "no target": (lambda X, y: (X, y * np.nan), "nothing but NaN"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore::sklstm.SklstmWarning", "ignore:X does not have valid feature")
def test_a_refused_call_changes_nothing(name):
    """The message says why, and the model predicts as before."""
    change, message = REFUSED[name]
    X, y = series_to_supervised(MILK)
    model = pupil().fit(X[:100], y[:100])
    before = model.predict(X[100:])
    with pytest.raises(ValueError, match=message):
        model.partial_fit(*change(X[100:120], y[100:120]))
    np.testing.assert_array_equal(model.predict(X[100:]), before)
    model.partial_fit(X[100:120], y[100:120])
    assert [len(rows) for rows in model.regressor_[-1].taught_] == [93, 20]


def test_only_with_a_regressor_that_can_learn_on():
    """The last step decides; a step that is made of others that look back cannot be moved on."""
    X, y = series_to_supervised(MILK)
    assert not hasattr(
        TransformedSeriesRegressor(make_pipeline(LagWindower(), Ridge())), "partial_fit"
    )
    assert not hasattr(WindowScaledRegressor(make_pipeline(Ridge())), "partial_fit")
    columns = make_column_transformer((LagWindower(2, flatten=True), ["milk_lag1"]))
    model = TransformedSeriesRegressor(make_pipeline(columns, SGDRegressor()), StandardScaler())
    model.fit(X[:100], y[:100])
    with pytest.raises(ValueError, match="ColumnTransformer is made of steps that look back"):
        model.partial_fit(X[100:], y[100:])
    with pytest.raises(ValueError, match="change of the steps"):
        model.set_params(transformer__with_mean=False).partial_fit(X[100:], y[100:])


def test_a_row_an_hour_is_learnt_and_memory_does_not_grow():
    """With NaN for targets to come, each row is learnt once; the last rows alone are remembered."""
    learner, n_kept = pupil(), []
    for stop in range(60, 100):
        X, y = series_to_supervised(MILK[:stop], horizon=3, keep_last=True)
        if stop == 60:
            learner.fit(X, y)
        else:
            learner.partial_fit(X[-1:], y[-1:])
        n_kept.append(len(learner._past.kept.rows))
    whole = pupil().fit(X, y)
    np.testing.assert_allclose(learner.regressor_[-1].rows(), whole.regressor_[-1].rows())
    assert n_kept[-1] == n_kept[10]


def test_a_state_cannot_go_back_to_rows_whose_targets_come_later():
    """Fewer rows than steps ahead are refused, and the message says how many would do."""
    X, y = series_to_supervised(MILK, horizon=6)
    network = StatefulLSTMRegressor(2, epochs=1, random_state=0)
    model = TransformedSeriesRegressor(network, Differencer(12)).fit(X[:40], y[:40])
    with pytest.raises(ValueError, match=r"No row is left to learn from.* at least 6 rows"):
        model.partial_fit(X[40:43], y[40:43])
