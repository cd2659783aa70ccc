"""A regressor of windows without their level, spread and season, against loops written out."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.linear_model import BayesianRidge, Ridge, SGDRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from sklstm import (
    ConstantWindowWarning,
    Differencer,
    FewRowsTaughtWarning,
    LagWindower,
    LSTMRegressor,
    StatefulLSTMRegressor,
    TransformedSeriesRegressor,
    UnknownLagWarning,
    WindowScaledRegressor,
    forecast,
    series_to_supervised,
)

WINDOW, SEASON, HORIZON, N_TRAIN = 8, 4, 6, 70
CENTERS = {
    "mean": np.mean,
    "last": lambda window: window[-1],
    None: lambda window: 0.0,
}
SCALES = {
    "standard": np.std,
    "mean": lambda window: np.mean(np.abs(window)),
    "range": np.ptp,
    None: lambda window: 1.0,
}
#: Rows to learn from and to predict, of a target of two steps.
SPLIT = range(WINDOW - 1, N_TRAIN - 1), range(N_TRAIN, 98)
LSTM = {"units": 3, "epochs": 2, "random_state": 0}


def make_series(n=100, seed=0, level=50.0):
    """Return a series with a trend, a season and noise."""
    t = np.arange(n)
    noise = np.random.default_rng(seed).normal(size=n)
    values = level + 0.3 * t + 5 * np.sin(2 * np.pi * t / SEASON + seed) + noise
    return pd.Series(values, pd.date_range("2024-01-01", periods=n, freq="D"), name="sold")


def by_hand(values, rows, horizon, center="mean", scale="standard", season=None):
    """Return scaled windows and targets, bases and spreads; row i sees the values up to i."""
    inputs, targets, bases, spreads = [], [], [], []
    for row in rows:
        known = values[max(0, row - WINDOW + 1) : row + 1]
        level, spread = CENTERS[center](known), SCALES[scale](known)
        window = np.r_[[np.nan] * (WINDOW - len(known)), known]
        base = [level if season is None else window[k % season - season] for k in range(horizon)]
        target = [
            values[row + 1 + k] if row + 1 + k < len(values) else np.nan for k in range(horizon)
        ]
        inputs.append((window - level) / spread)
        targets.append((np.array(target) - base) / spread)
        bases.append(base)
        spreads.append([spread] * horizon)
    return map(np.array, (inputs, targets, bases, spreads))


def pipeline(regressor=None, window=WINDOW, flatten=True, **options):
    """Return a regressor on the scaled windows of a series."""
    regressor = Ridge() if regressor is None else regressor
    return make_pipeline(
        LagWindower(window, flatten=flatten), WindowScaledRegressor(regressor, **options)
    )


class Flattened(Ridge):
    """Ridge that takes windows of three axes."""

    def fit(self, X, y, sample_weight=None):
        """Fit."""
        X = np.asarray(X)
        self.shape_ = X.shape[1:]
        return super().fit(X.reshape(len(X), -1), y, sample_weight)

    def predict(self, X):
        """Predict."""
        return super().predict(np.asarray(X).reshape(len(X), -1))


@pytest.mark.parametrize("horizon", [1, HORIZON])
@pytest.mark.parametrize("season", [None, 1, SEASON])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("center", CENTERS)
def test_ridge_equals_a_loop_over_windows(center, scale, season, horizon):
    """Level, spread and season are those that a loop over windows takes out and puts back."""
    series = make_series()
    X, y = series_to_supervised(series, horizon=horizon)
    options = {"center": center, "scale": scale, "season": season}
    model = pipeline(**options).fit(X[:N_TRAIN], y[:N_TRAIN])
    predicted = model.predict(X[N_TRAIN:]).reshape(-1, horizon)

    values = series.to_numpy()
    taught = range(WINDOW - 1, N_TRAIN - horizon + 1)
    inputs, targets, _, _ = by_hand(values, taught, horizon, **options)
    ridge = Ridge().fit(inputs, targets)
    inputs, _, base, spread = by_hand(values, range(N_TRAIN, len(X)), horizon, **options)
    expected = ridge.predict(inputs).reshape(-1, horizon) * spread + base
    np.testing.assert_allclose(predicted, expected, rtol=1e-10)


@pytest.mark.parametrize("fold", [1, SEASON])
def test_windows_of_three_axes_give_what_flat_ones_give(fold):
    """A regressor of three axes gets the same numbers as one of flat windows."""
    series = make_series()
    X, y = series_to_supervised(series, horizon=HORIZON)
    flat = pipeline(Flattened(), season=SEASON).fit(X[:N_TRAIN], y[:N_TRAIN])
    windower = LagWindower(WINDOW, fold=fold)
    deep = make_pipeline(windower, WindowScaledRegressor(Flattened(), season=SEASON))
    deep.fit(X[:N_TRAIN], y[:N_TRAIN])
    np.testing.assert_allclose(deep.predict(X), flat.predict(X), rtol=1e-12)
    assert deep[-1].regressor_.shape_ == (WINDOW // fold, fold)


@pytest.mark.parametrize("flatten", [False, True], ids=["three axes", "flat"])
def test_recipe_of_a_network(flatten):
    """Logarithm outside, windows scaled inside, a network of all steps: as by hand."""
    series = make_series()
    X, y = series_to_supervised(series, horizon=HORIZON)
    model = TransformedSeriesRegressor(
        pipeline(LSTMRegressor(**LSTM), flatten=flatten, season=SEASON),
        FunctionTransformer(np.log, np.exp),
    ).fit(X[:N_TRAIN], y[:N_TRAIN])
    logs = np.log(series.to_numpy())
    taught = range(WINDOW - 1, N_TRAIN - HORIZON + 1)
    inputs, targets, _, _ = by_hand(logs, taught, HORIZON, season=SEASON)
    shape = (-1, WINDOW) if flatten else (-1, WINDOW, 1)
    network = LSTMRegressor(**LSTM, horizon=1).fit(inputs.reshape(shape), targets)
    inputs, _, base, spread = by_hand(logs, range(N_TRAIN, len(X)), HORIZON, season=SEASON)
    expected = np.exp(network.predict(inputs.reshape(shape)) * spread + base)
    np.testing.assert_allclose(model.predict(X[N_TRAIN:]), expected, rtol=1e-5)
    assert len(forecast(model, X[:N_TRAIN], 2 * HORIZON)) == 2 * HORIZON


def test_quantiles_come_through_other_estimators():
    """Logarithm outside, windows scaled inside, quantiles of a network: as by hand."""
    series = make_series()
    X, y = series_to_supervised(series)
    network = LSTMRegressor(**LSTM, loss="quantile")
    model = TransformedSeriesRegressor(
        pipeline(network, flatten=False, season=SEASON), FunctionTransformer(np.log, np.exp)
    ).fit(X[:N_TRAIN], y[:N_TRAIN])
    logs = np.log(series.to_numpy())
    taught, targets, _, _ = by_hand(logs, range(WINDOW - 1, N_TRAIN), 1, season=SEASON)
    new, _, base, spread = by_hand(logs, range(N_TRAIN, len(X)), 1, season=SEASON)
    network = network.fit(taught[:, :, None], targets[:, 0])
    expected = np.exp(network.predict_quantiles(new[:, :, None]) * spread + base)
    np.testing.assert_allclose(model.predict_quantiles(X[N_TRAIN:]), expected, rtol=1e-5)


def test_several_targets_and_other_columns():
    """Each target has its own level, spread and season; other columns stay as they are."""
    series = pd.DataFrame(
        {"sold": make_series(), "visits": make_series(seed=1, level=900.0)}
    ).assign(weekday=lambda table: table.index.day_of_week.astype(float))
    X, y = series_to_supervised(series, horizon=2, target=["visits", "sold"])
    windower = LagWindower(WINDOW, flatten=True)
    model = make_pipeline(windower, WindowScaledRegressor(Ridge(), season=SEASON))
    model.fit(X[:N_TRAIN], y[:N_TRAIN])
    assert model[-1].columns_ == ["visits_lag1", "sold_lag1"]
    by_position = make_pipeline(
        windower, WindowScaledRegressor(Ridge(), season=SEASON, columns=[1, 0])
    )
    by_position.fit(X[:N_TRAIN], y[:N_TRAIN].to_numpy())

    scaled = {
        name: [by_hand(series[name].to_numpy(), rows, 2, season=SEASON) for rows in SPLIT]
        for name in ("sold", "visits")
    }
    weekday = series["weekday"].to_numpy()
    inputs, targets, bases, spreads = [], [], [], []
    for part, rows in enumerate(SPLIT):
        (sold, sold_y, *sold_back), (visits, visits_y, *visits_back) = (
            list(scaled[name][part]) for name in ("sold", "visits")
        )
        days = np.array([weekday[row - WINDOW + 1 : row + 1] for row in rows])
        inputs.append(np.stack([sold, visits, days], axis=2).reshape(len(rows), -1))
        # All targets of step 1, then of step 2, in the order of y.
        together = [
            np.stack([visit, sale], axis=2).reshape(len(rows), -1)
            for visit, sale in zip((visits_y, *visits_back), (sold_y, *sold_back), strict=True)
        ]
        targets.append(together[0]), bases.append(together[1]), spreads.append(together[2])
    expected = Ridge().fit(inputs[0], targets[0]).predict(inputs[1]) * spreads[1] + bases[1]
    np.testing.assert_allclose(model.predict(X[N_TRAIN:]), expected, rtol=1e-10)
    np.testing.assert_allclose(by_position.predict(X[N_TRAIN:]), expected, rtol=1e-10)


@pytest.mark.parametrize("scale", ["standard", "range", "mean"])
@pytest.mark.parametrize("horizon", [1, HORIZON])
def test_units_do_not_matter(scale, horizon):
    """With other units of inputs and target, predictions have these units."""
    series = make_series()
    factor, shift = (1e-3, -7.0) if scale != "mean" else (1e-3, 0.0)
    predicted = []
    for one in (series, series * factor + shift):
        X, y = series_to_supervised(one, horizon=horizon)
        model = pipeline(scale=scale, season=SEASON).fit(X[:N_TRAIN], y[:N_TRAIN])
        predicted.append(model.predict(X))
    np.testing.assert_allclose(predicted[1], predicted[0] * factor + shift, rtol=1e-9)


@pytest.mark.parametrize("center", ["mean", "last"])
def test_small_changes_of_large_numbers_survive(center):
    """A network, which computes in float32, sees the changes of a series at a thousand million."""
    predicted = []
    for level in (0.0, 1e9):
        X, y = series_to_supervised(make_series(level=level).round(2))
        model = pipeline(LSTMRegressor(**LSTM), flatten=False, center=center, season=SEASON)
        predicted.append(model.fit(X[:N_TRAIN], y[:N_TRAIN]).predict(X) - level)
    np.testing.assert_allclose(predicted[1], predicted[0], atol=1e-3)


def test_nothing_is_lost_of_columns_that_are_left_alone():
    """Columns beside the target may be large numbers with small changes, too."""
    series = make_series()
    X, y = series_to_supervised(series)
    predicted = []
    for level in (0.0, 1e9):
        table = X.assign(counter=level + np.arange(len(X)) % 7)
        model = pipeline(LSTMRegressor(**LSTM), flatten=False, columns=0)
        predicted.append(model.fit(table[:N_TRAIN], y[:N_TRAIN]).predict(table))
    np.testing.assert_allclose(predicted[1], predicted[0], rtol=1e-4)


def test_a_window_that_is_partly_unknown_is_predicted_from_what_is_known():
    """Its level and spread are those of the known steps; without the season's value, its level."""
    series = make_series()
    X, y = series_to_supervised(series, horizon=2)
    model = pipeline(LSTMRegressor(**LSTM), flatten=False, season=6).fit(X[:N_TRAIN], y[:N_TRAIN])
    head = series.to_numpy()[:5]  # row 4: three unknown steps, then five values
    level, spread = head.mean(), head.std()
    window = (np.r_[[head[0]] * 3, head] - level) / spread
    network = model[-1].regressor_.predict(window.reshape(1, -1, 1).astype(np.float32))[0]
    # The value six steps before the first step to predict is not known, that of the second is.
    expected = network * spread + [level, head[0]]
    np.testing.assert_allclose(model.predict(X)[4], expected, rtol=1e-6)


@pytest.mark.parametrize("regressor", [Ridge(), LSTMRegressor(**LSTM)], ids=["ridge", "LSTM"])
@pytest.mark.parametrize("center", CENTERS)
@pytest.mark.parametrize("scale", SCALES)
def test_every_row_gets_a_finite_prediction(regressor, center, scale):
    """Also where nothing is known, or the window is constant."""
    series = make_series()
    series.iloc[30:50] = 12.0
    X, y = series_to_supervised(series, horizon=2)
    windows = LagWindower(WINDOW, flatten=True).fit_transform(X)
    model = WindowScaledRegressor(regressor, center=center, scale=scale, season=SEASON)
    model.fit(windows[:N_TRAIN], y[:N_TRAIN])
    windows.iloc[-1] = np.nan
    predicted = model.predict(windows)
    assert np.isfinite(predicted).all()
    # The second step of the last row lies beyond it, so it is not known yet.
    expected = y.iloc[:N_TRAIN, 0].mean(), y.iloc[: N_TRAIN - 1, 1].mean()
    np.testing.assert_allclose(predicted[-1], expected)


def make_panel(names=("north", "south", "east"), n=80):
    """Return a table of series of different level that start at different times."""
    each = {
        name: make_series(n, seed=i, level=50.0 * 10**i)[5 * i :] for i, name in enumerate(names)
    }
    return pd.concat(each, names=["shop", "day"]).swaplevel().sort_index().rename("sold")


@pytest.mark.parametrize("form", ["flat", "windows", "folded"])
def test_many_series_equal_a_loop_over_them(form):
    """Windows of all series are learnt together; a series that `fit` has not seen is no other."""
    panel = make_panel()
    X, y = series_to_supervised(panel, horizon=2)
    days = X.index.get_level_values("day")
    is_train = (days < days.unique()[60]) & (X.index.get_level_values("shop") != "east")
    options = {"flatten": form == "flat", "fold": 2 if form == "folded" else 1}
    model = make_pipeline(
        LagWindower(WINDOW, **options), WindowScaledRegressor(Flattened(), season=SEASON)
    )
    if form == "flat":
        model.set_params(windowscaledregressor__regressor=Ridge())
    model = TransformedSeriesRegressor(model).fit(X[is_train], y[is_train])
    predicted = pd.DataFrame(model.predict(X), X.index)

    inputs, targets, bases, spreads = {}, {}, {}, {}
    for shop, series in panel.groupby("shop"):
        rows = range(WINDOW - 1, len(series) - 2)
        found = by_hand(series.to_numpy(), rows, 2, season=SEASON)
        inputs[shop], targets[shop], bases[shop], spreads[shop] = found
        # The last row before day 60 reaches one step beyond it, so it is not taught.
        n_taught = (series.index.get_level_values("day") < days.unique()[60]).sum() - WINDOW - 1
        if shop == "east":
            continue
        inputs[shop, "taught"] = inputs[shop][:n_taught]
        targets[shop, "taught"] = targets[shop][:n_taught]
    shops = "north", "south"
    ridge = Ridge().fit(
        np.concatenate([inputs[shop, "taught"] for shop in shops]),
        np.concatenate([targets[shop, "taught"] for shop in shops]),
    )
    for shop in (*shops, "east"):
        expected = ridge.predict(inputs[shop]) * spreads[shop] + bases[shop]
        of_shop = predicted.xs(shop, level="shop").to_numpy()[WINDOW - 1 :]
        np.testing.assert_allclose(of_shop, expected, rtol=1e-10)


def test_names_and_order_of_series_change_nothing():
    """Series renamed, and in another order within each step, are predicted as before."""
    X, y = series_to_supervised(make_panel(), horizon=2)
    predicted = pipeline(season=SEASON).fit(X, y).predict(X)
    names = {"north": "z", "south": "a", "east": "m"}
    renamed = [table.rename(index=names, level="shop").sort_index() for table in (X, y)]
    again = pipeline(season=SEASON).fit(*renamed).predict(renamed[0])
    back = {new: old for old, new in names.items()}
    again = pd.DataFrame(again, renamed[0].index).rename(index=back, level="shop").sort_index()
    np.testing.assert_allclose(again, predicted, rtol=1e-9)


@pytest.mark.parametrize("flatten", [False, True], ids=["three axes", "flat"])
def test_rows_are_predicted_alike_in_blocks(flatten, monkeypatch):
    """Windows are scaled and predicted a few at a time, with the same result."""
    X, y = series_to_supervised(make_panel(), horizon=2)
    model = pipeline(Ridge() if flatten else Flattened(), flatten=flatten, season=SEASON)
    whole = model.fit(X, y).predict(X)
    monkeypatch.setattr("sklstm.regressors._meta._window_scales.BLOCK", 5 * WINDOW)
    np.testing.assert_allclose(model.fit(X, y).predict(X), whole, rtol=1e-12)


def test_later_values_change_no_earlier_prediction():
    """A prediction depends on its own window alone, once the regressor has learnt."""
    series = make_series()
    X, y = series_to_supervised(series)
    model = pipeline(season=SEASON).fit(X[:N_TRAIN], y[:N_TRAIN])
    later = X.copy()
    later.iloc[90:] = 1e6
    np.testing.assert_array_equal(model.predict(later)[:90], model.predict(X)[:90])


def test_quantiles_are_put_back():
    """Each quantile gets the level, spread and season of its window back."""
    series = make_series()
    X, y = series_to_supervised(series, horizon=2)
    network = LSTMRegressor(**LSTM, loss="quantile", quantiles=(0.1, 0.5, 0.9))
    windower, model = LagWindower(WINDOW), WindowScaledRegressor(network, season=SEASON)
    windows = windower.fit_transform(X[:N_TRAIN])
    model.fit(windows, y[:N_TRAIN])
    (taught, targets, _, _), (new, _, base, spread) = (
        by_hand(series.to_numpy(), rows, 2, season=SEASON) for rows in SPLIT
    )
    network = network.fit(taught[:, :, None], targets)
    expected = network.predict_quantiles(new[:, :, None]) * spread[:, :, None] + base[:, :, None]
    windows = windower.transform(X)
    np.testing.assert_allclose(model.predict_quantiles(windows[N_TRAIN:]), expected, rtol=1e-5)
    unknown = np.full((1, WINDOW, 1), np.nan)
    np.testing.assert_allclose(
        model.predict_quantiles(unknown)[0, 1],
        np.quantile(y.iloc[: N_TRAIN - 1, 1], [0.1, 0.5, 0.9]),
    )
    assert not hasattr(WindowScaledRegressor(Ridge()), "predict_quantiles")


def test_standard_deviations_are_put_back():
    """The standard deviation of a regressor that has one is in the units of the target."""
    series = make_series()
    X, y = series_to_supervised(series)
    model = pipeline(BayesianRidge(), season=SEASON).fit(X[:N_TRAIN], y[:N_TRAIN])
    mean, std = model.predict(X[N_TRAIN:], return_std=True)
    values = series.to_numpy()
    taught, targets, _, _ = by_hand(values, range(WINDOW - 1, N_TRAIN), 1, season=SEASON)
    new, _, base, spread = by_hand(values, range(N_TRAIN, 99), 1, season=SEASON)
    bayes = BayesianRidge().fit(taught, targets[:, 0])
    expected, expected_std = bayes.predict(new, return_std=True)
    np.testing.assert_allclose(mean, expected * spread[:, 0] + base[:, 0], rtol=1e-9)
    np.testing.assert_allclose(std, expected_std * spread[:, 0], rtol=1e-9)
    with pytest.warns(ConstantWindowWarning, match="1 of 70 rows"):  # one known value
        assert np.isfinite(model.predict(X[:N_TRAIN], return_std=True)).all()


def test_weights_reach_the_regressor():
    """Weights are those of the rows that are learnt from."""
    series = make_series()
    X, y = series_to_supervised(series)
    weight = np.random.default_rng(0).uniform(size=N_TRAIN)
    model = pipeline().fit(X[:N_TRAIN], y[:N_TRAIN], windowscaledregressor__sample_weight=weight)
    inputs, targets, _, _ = by_hand(series.to_numpy(), range(WINDOW - 1, N_TRAIN), 1)
    ridge = Ridge().fit(inputs, targets[:, 0], weight[WINDOW - 1 :])
    np.testing.assert_allclose(model[-1].regressor_.coef_, ridge.coef_, rtol=1e-9)


def test_validation_rows_are_scaled_as_training_rows():
    """The validation loss is that of windows scaled by hand."""
    series = make_series()
    X, y = series_to_supervised(series, horizon=2)
    windows = LagWindower(WINDOW).fit_transform(X)
    model = WindowScaledRegressor(LSTMRegressor(**LSTM), season=SEASON)
    model.fit(windows[:N_TRAIN], y[:N_TRAIN], X_val=windows[N_TRAIN:], y_val=y[N_TRAIN:])
    (taught, targets, _, _), (new, new_y, _, _) = (
        by_hand(series.to_numpy(), rows, 2, season=SEASON) for rows in SPLIT
    )
    network = LSTMRegressor(**LSTM).fit(
        taught[:, :, None], targets, X_val=new[:, :, None], y_val=new_y
    )
    history = model.regressor_.history_
    np.testing.assert_allclose(history["val_loss"], network.history_["val_loss"], rtol=1e-4)
    with pytest.raises(ValueError, match="y_val has 1 target"):
        model.fit(windows, y, X_val=windows, y_val=y.iloc[:, 0])


def test_validation_rows_are_routed_through_other_estimators():
    """Through a transformed target and a pipeline, they get the same windows and scales."""
    X, y = series_to_supervised(make_series())
    given = {"X_val": X[N_TRAIN:], "y_val": y[N_TRAIN:]}
    with config_context(enable_metadata_routing=True):
        network = LSTMRegressor(**LSTM).set_fit_request(X_val=True, y_val=True)
        steps = [("window", LagWindower(WINDOW)), ("scale", WindowScaledRegressor(network))]
        model = TransformedSeriesRegressor(Pipeline(steps, transform_input=["X_val"]))
        model.fit(X[:N_TRAIN], y[:N_TRAIN], **given)
    windows = LagWindower(WINDOW).fit_transform(X)
    alone = WindowScaledRegressor(LSTMRegressor(**LSTM))
    alone.fit(windows[:N_TRAIN], y[:N_TRAIN], X_val=windows[N_TRAIN:], y_val=y[N_TRAIN:])
    assert model.regressor_[-1].regressor_.history_ == alone.regressor_.history_


def test_the_spread_of_several_networks_is_put_back():
    """How far networks of different seeds differ is in the units of the target."""
    series = make_series()
    X, y = series_to_supervised(series)
    network = LSTMRegressor(**LSTM, n_networks=2)
    model = pipeline(network, flatten=False).fit(X[:N_TRAIN], y[:N_TRAIN])
    _, std = model.predict(X[N_TRAIN:], return_std=True)
    windows, _, _, spread = by_hand(series.to_numpy(), range(N_TRAIN, 99), 1)
    _, expected = model[-1].regressor_.predict(windows[:, :, None].astype("f4"), return_std=True)
    np.testing.assert_allclose(std, expected * spread[:, 0], rtol=1e-4)


def test_a_warm_start_inside_other_estimators_is_heard():
    """A second fit goes on from the first, also below a transformed target and a pipeline."""
    X, y = series_to_supervised(make_series())
    network = LSTMRegressor(**LSTM, warm_start=True)
    model = TransformedSeriesRegressor(pipeline(network, flatten=False)).fit(X, y).fit(X, y)
    assert model.regressor_[-1].regressor_.n_iter_ == 2 * LSTM["epochs"]
    model.set_params(regressor__windowscaledregressor__regressor__warm_start=False).fit(X, y)
    assert model.regressor_[-1].regressor_.n_iter_ == LSTM["epochs"]


def test_partial_fit_goes_on():
    """It is the regressor's own, on windows scaled by hand."""
    series = make_series()
    X, y = series_to_supervised(series)
    windows = LagWindower(WINDOW, flatten=True).fit_transform(X)
    model, by_self = (
        WindowScaledRegressor(SGDRegressor(random_state=0)),
        SGDRegressor(random_state=0),
    )
    for rows in (range(WINDOW - 1, 40), range(40, 80)):
        model.partial_fit(windows.iloc[rows], y.iloc[rows])
        inputs, targets, _, _ = by_hand(series.to_numpy(), rows, 1)
        by_self.partial_fit(inputs, targets[:, 0])
    np.testing.assert_allclose(model.regressor_.coef_, by_self.coef_, rtol=1e-9)
    with pytest.raises(ValueError, match="Training cannot go on"):
        model.set_params(center="last").partial_fit(windows[WINDOW:], y[WINDOW:])
    assert not hasattr(WindowScaledRegressor(Ridge()), "partial_fit")


def test_trees_learn_windows_that_are_partly_unknown():
    """A regressor that takes NaN learns every window that holds the value of the season."""
    series = make_series()
    X, y = series_to_supervised(series, horizon=2)
    trees = DecisionTreeRegressor(max_depth=3, random_state=0)
    model = pipeline(trees, season=SEASON).fit(X[:N_TRAIN], y[:N_TRAIN])
    values = series.to_numpy()
    taught, targets, _, _ = by_hand(values, range(SEASON - 1, N_TRAIN - 1), 2, season=SEASON)
    new, _, base, spread = by_hand(values, range(SEASON - 1, 98), 2, season=SEASON)
    expected = trees.fit(taught, targets).predict(new) * spread + base
    np.testing.assert_allclose(model.predict(X)[SEASON - 1 :], expected, rtol=1e-10)


@pytest.mark.parametrize("season", [None, SEASON])
@pytest.mark.parametrize("noise", [0.0, 1e-6], ids=["constant", "all but constant"])
def test_constant_windows_teach_nothing_and_are_predicted_at_their_level(noise, season):
    """A series that stays the same before it jumps teaches what it teaches without that part."""
    series = make_series()
    series.iloc[30:50] = 12.0 + noise * (np.arange(20) % 3)
    series.iloc[50:] += 1e3
    X, y = series_to_supervised(series)
    model = pipeline(season=season).fit(X, y)
    rows = [row for row in range(WINDOW - 1, 99) if not 36 < row < 50]
    if noise:  # Before the jump, a target is far away; the others are noise like any.
        rows = [row for row in range(WINDOW - 1, 99) if row != 49]
    inputs, targets, _, _ = by_hand(series.to_numpy(), rows, 1, season=season)
    ridge = Ridge().fit(inputs, targets[:, 0])
    np.testing.assert_allclose(model[-1].regressor_.coef_, ridge.coef_, rtol=1e-5)
    np.testing.assert_allclose(model.predict(X)[37:50], 12.0, rtol=1e-6)


def test_quantiles_of_constant_windows_are_warned_of():
    """They would promise a certainty that nobody has."""
    series = make_series()
    series.iloc[60:] = 12.0
    X, y = series_to_supervised(series)
    windows = LagWindower(WINDOW, flatten=True).fit_transform(X)
    model = WindowScaledRegressor(BayesianRidge()).fit(windows, y)
    with pytest.warns(ConstantWindowWarning, match=r"32 of 92 rows are constant, row 60 the first"):
        mean, std = model.predict(windows[WINDOW - 1 :], return_std=True)
    assert (mean[60:] == 12.0).all()
    assert (std[60:] == 0).all()


def test_a_series_that_rarely_changes_is_warned_of():
    """Most of its windows are constant, so most rows teach nothing."""
    series = make_series(200) * 0.0
    series.iloc[::30] = 5.0
    X, y = series_to_supervised(series)
    with pytest.warns(FewRowsTaughtWarning, match=r"Only 4. rows .* 14. have a constant window"):
        pipeline().fit(X, y)
    with pytest.raises(ValueError, match=r"No row is left .* 199 have a constant window"):
        pipeline().fit(X * 0, y * 0)
    pipeline(scale=None).fit(X, y)


ROWS, TARGETS = series_to_supervised(make_series(), horizon=2)
WINDOWS = LagWindower(WINDOW, flatten=True).fit_transform(ROWS)
DEEP = LagWindower(WINDOW).fit_transform(ROWS)
WITH_A_COUNTER = LagWindower(WINDOW).fit_transform(ROWS.assign(counter=np.arange(98.0)))
WRONG = {
    "a longer season": (DEEP, TARGETS, {"season": 9}, r"LagWindower\(9\) or longer windows"),
    "windows of one row": (DEEP[:, :1], TARGETS, {}, r"Put LagWindower\(window\) before"),
    "two steps at once": (DEEP, TARGETS.iloc[:, 1], {}, "needs all steps up to it"),
    "another unit": (DEEP, np.log(TARGETS), {}, "in the units of y"),
    "another column": (WITH_A_COUNTER, TARGETS, {"columns": 1}, "Name the columns that hold"),
    "no column": (WITH_A_COUNTER, TARGETS, {}, "Name one column for each target"),
    "a column that is not there": (DEEP, TARGETS, {"columns": "sold"}, "names no column"),
    "two targets": (
        DEEP,
        TARGETS.set_axis(["sold", "visits"], axis=1).assign(visits=1.0 * np.arange(98)),
        {},
        "not 2 steps ahead",
    ),
    "three steps": (DEEP, TARGETS.to_numpy(), {"horizon": 3}, "horizon=3 does not divide"),
    "one step": (DEEP, TARGETS, {"horizon": 1}, "y reaches 1 step"),
    "columns left out": (
        WINDOWS.iloc[WINDOW:, 1::2],
        TARGETS[WINDOW:],
        {},
        "choose columns before it",
    ),
    "NaN among known values": (WINDOWS.where(WINDOWS.iloc[40, 3] != WINDOWS), TARGETS, {}, "NaN"),
    "a state": (DEEP, TARGETS, {"regressor": StatefulLSTMRegressor()}, "LSTMRegressor"),
    "windows twice": (
        DEEP,
        TARGETS,
        {"regressor": make_pipeline(LagWindower(3), LSTMRegressor())},
        "Put LagWindower before",
    ),
    "scaled twice": (
        DEEP,
        TARGETS,
        {"regressor": make_pipeline(WindowScaledRegressor(LSTMRegressor()))},
        r"already\. Use regressor=LSTMRegressor\(\)",
    ),
    "differences of windows": (
        DEEP,
        TARGETS,
        {"regressor": TransformedSeriesRegressor(LSTMRegressor(), Differencer())},
        "TransformedSeriesRegressor around both",
    ),
    "a scale": (DEEP, TARGETS, {"scale": "minmax"}, "scale"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused(name):
    """The message says what would do."""
    windows, target, options, remedy = WRONG[name]
    model = WindowScaledRegressor(LSTMRegressor(**LSTM)).set_params(**options)
    with pytest.raises(ValueError, match=remedy):
        model.fit(windows, target)


KNOWN = WINDOWS[WINDOW:]
APART = {
    "scaled one by one": 50 + 20 * StandardScaler().fit_transform(KNOWN),
    "backwards": KNOWN.to_numpy()[::-1],
    "every second": KNOWN.to_numpy()[::2],
}


@pytest.mark.parametrize("name", APART)
def test_windows_that_do_not_follow_each_other_are_warned_of(name):
    """Nobody knows whether they hold the target."""
    windows = APART[name]
    with pytest.warns(UnknownLagWarning, match="Most rows of X do not follow"):
        WindowScaledRegressor(Ridge()).fit(windows, TARGETS[: len(windows)])


def test_windows_of_rows_after_a_gap_are_compared_with_nothing():
    """Rows that a fold cuts out are no targets of the rows around them."""
    kept = np.r_[20:50, 60:98]
    model = WindowScaledRegressor(Ridge(), season=SEASON).fit(
        DEEP[kept].reshape(68, -1), TARGETS.iloc[kept]
    )
    assert np.isfinite(model.predict(WINDOWS.to_numpy()[kept])).all()


def test_targets_without_names_are_steps_of_the_only_column():
    """One column of windows and two of targets can only mean two steps ahead."""
    named = pipeline(season=SEASON).fit(ROWS, TARGETS)
    arrays = pipeline(season=SEASON).fit(ROWS.to_numpy(), TARGETS.to_numpy())
    np.testing.assert_allclose(arrays.predict(ROWS.to_numpy()), named.predict(ROWS), rtol=1e-12)


def test_a_network_learns_the_rows_whose_targets_are_known():
    """The last row of two steps ahead reaches beyond the table; the first ones have no past."""
    model = pipeline(LSTMRegressor(**LSTM), flatten=False).fit(ROWS, TARGETS)
    assert model[-1].regressor_.n_samples_fit_ == 98 - (WINDOW - 1) - 1
    assert model[-1].regressor_.horizon == 2


class Recorder(LSTMRegressor):
    """A network that keeps what it is given."""

    def fit(self, X, y):
        """Keep the windows."""
        self.given_ = X
        return super().fit(X, y)


def test_only_rows_that_are_learnt_are_copied():
    """NaN in a part of the targets thins out a table too large to be copied."""
    target = TARGETS.copy()
    target[np.arange(98) % 10 > 0] = np.nan
    model = WindowScaledRegressor(Recorder(**LSTM)).fit(DEEP, target)
    given = model.regressor_.given_
    assert given.shape == DEEP.shape
    assert given.dtype == np.float32
    # Rows 10, 20, ... 90 (row 0 has a constant window), and one for all others.
    assert len(given.values) == 10 * WINDOW
