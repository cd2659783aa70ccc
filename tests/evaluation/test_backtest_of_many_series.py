"""`backtest` of many series, against loops over series, folds and steps."""

import pickle

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    CutTimeStepWarning,
    Differencer,
    LagWindower,
    LSTMRegressor,
    TimeStepSplit,
    TransformedSeriesRegressor,
    UndefinedScoreWarning,
    UnknownPastWarning,
    backtest,
    conformal_interval,
    series_to_supervised,
)
from sklstm.metrics import mean_absolute_scaled_error

MONTHS = pd.date_range("2015-01-01", periods=61, freq="MS", name="month")
#: Where each series starts and ends, and its scale.
SPANS = {
    ("north", "a"): (0, 61, 1.0),
    ("north", "b"): (14, 61, 10.0),
    ("south", "a"): (0, 50, 100.0),
    ("south", "c"): (25, 61, 1000.0),
}


def panel_of(spans, seed=0):
    """Return random walks with a season, of different length and scale."""
    rng = np.random.default_rng(seed)
    parts = {
        name: pd.Series(
            scale * (rng.normal(size=stop - start).cumsum() + np.sin(np.arange(start, stop)) + 20),
            MONTHS[start:stop],
        )
        for name, (start, stop, scale) in spans.items()
    }
    panel = pd.concat(parts, names=["region", "shop"]).rename("sold")
    return panel.reorder_levels(["month", "region", "shop"]).sort_index()


PANEL = panel_of(SPANS)
X, Y = series_to_supervised(PANEL)
SCALED = ["neg_mean_absolute_scaled_error", "neg_root_mean_squared_scaled_error"]
PLAIN = ["neg_mean_absolute_error", "neg_mean_squared_error", "neg_root_mean_squared_error"]
SCORING = [*PLAIN, *SCALED, "neg_symmetric_mean_absolute_percentage_error"]
CV = TimeStepSplit(3, test_size=6)
WINDOWS = TransformedSeriesRegressor(make_pipeline(LagWindower(3, flatten=True), Ridge()))
DIFFERENCED = TransformedSeriesRegressor(
    make_pipeline(LagWindower(2, flatten=True), Ridge()), Differencer([1, 2])
)
COLUMNS = ["prediction", "persistence", "seasonal_naive", "drift"]


NETWORK = LSTMRegressor(units=2, epochs=1, random_state=0)


@pytest.fixture(scope="module")
def result():
    """Return a back-test of four series, scored by all metrics."""
    return backtest(WINDOWS, X, Y, CV, scoring=SCORING)


ALONE = {
    "int": {"cv": 3},
    "gap": {"cv": TimeSeriesSplit(3, test_size=5, gap=3)},
    "without refit": {"cv": TimeSeriesSplit(3, test_size=6), "refit": False},
    "sliding": {"cv": TimeSeriesSplit(3, test_size=6, max_train_size=30)},
}


@pytest.mark.parametrize("options", ALONE.values(), ids=ALONE)
@pytest.mark.parametrize("horizon", [1, 3])
def test_a_panel_of_one_series_gives_what_that_series_gives(options, horizon):
    """The same predictions, baselines, scores and skill, but for the labels."""
    one = panel_of({("north", "a"): SPANS["north", "a"]})
    model = DIFFERENCED if horizon == 1 else WINDOWS
    found, alone = (
        backtest(model, *series_to_supervised(series, horizon=horizon), scoring=SCORING, **options)
        for series in (one, one.droplevel([1, 2]).asfreq("MS"))
    )
    expected = alone.predictions
    pd.testing.assert_frame_equal(found.predictions.droplevel([1, 2]), expected, check_freq=False)
    pd.testing.assert_frame_equal(found.scores, alone.scores)
    pd.testing.assert_frame_equal(found.skill, alone.skill)
    pd.testing.assert_frame_equal(found.scores_by("step"), alone.scores_by("step"))


def test_an_int_splits_time_steps(result):
    """cv=3 is TimeStepSplit(3) for many series, and no time step is cut."""
    lines = backtest(Ridge(), X, Y, 3).predictions
    for fold, (_, test) in enumerate(TimeStepSplit(3).split(X)):
        assert lines[lines["fold"] == fold].index.equals(X.index[test])


def test_predictions_are_those_of_windows_cut_series_by_series():
    """The rows of a gap, and those of a series that was not learnt, are the past of its rows."""
    windows = pd.concat([PANEL.groupby(level=[1, 2]).shift(i) for i in (3, 2, 1)], axis=1)
    windows = windows.loc[X.index].to_numpy()
    time, known = X.index.get_level_values(0), ~np.isnan(windows).any(axis=1)
    learnt = X.index.get_level_values(2) != "c"
    train = np.flatnonzero((time < MONTHS[40]) & learnt)
    test = np.flatnonzero((time >= MONTHS[44]) & (time < MONTHS[48]))
    lines = backtest(WINDOWS, X, Y, [(train, test)]).predictions
    taught = train[known[train]]
    model = Ridge().fit(windows[taught], Y.iloc[taught])
    np.testing.assert_allclose(lines["prediction"], model.predict(windows[test]), rtol=1e-9)


@pytest.mark.parametrize("max_train_size", [None, 30])
def test_baselines_are_those_of_a_loop_over_series(max_train_size):
    """Each baseline takes values of its own series, by time; drift starts at its first one."""
    cv = TimeStepSplit(3, test_size=6, max_train_size=max_train_size)
    gappy = PANEL.drop([(MONTHS[50], "north", "a"), (MONTHS[44], "north", "b")])
    rows = gappy.to_frame("lag")
    lines = backtest(Ridge(), rows, gappy, cv).predictions
    assert len(lines) == sum(len(test) for _, test in cv.split(rows))
    folds = list(cv.split(rows))
    for (month, *name), line in lines.iterrows():
        alone = gappy.xs(tuple(name), level=[1, 2])
        train = folds[int(line["fold"])][0]
        time = gappy.index[train].get_level_values(0)
        first = alone.index[alone.index >= time[0]][0]
        before = alone[alone.index < month]
        assert line["persistence"] == before.iloc[-1]
        year = alone.get(month - pd.DateOffset(years=1), np.nan)
        np.testing.assert_equal(line["seasonal_naive"], year)
        start, end = MONTHS.get_indexer([first, before.index[-1]])
        step = (before.iloc[-1] - alone[first]) / (end - start)
        distance = MONTHS.get_loc(month) - end
        assert line["drift"] == pytest.approx(before.iloc[-1] + distance * step)


def expected_score(name, lines, column, scales):
    """Score some lines with loops: plain over all rows, or series by series."""
    lines = lines[lines[column].notna()]
    error = (lines["actual"] - lines[column]).abs()
    if name in PLAIN:
        power = 1 if "absolute" in name else 2
        mean = (error**power).mean()
        return -np.sqrt(mean) if "root" in name else -mean
    found = []
    for series, part in lines.groupby(["region", "shop"]):
        ours = error[part.index].to_numpy()
        if "percentage" in name:
            found.append(np.mean(2 * ours / (part["actual"].abs() + part[column].abs())))
            continue
        power = 2 if "root" in name else 1
        scale = np.array([scales[fold, series, power] for fold in part["fold"]])
        mean = np.mean(ours**power / scale)
        found.append(np.sqrt(mean) if power == 2 else mean)
    return -np.mean(found)


def scales_of(splits):
    """Return the mean error of last year's value in the training rows, fold by fold."""
    found = {}
    for fold, (train, _) in enumerate(splits):
        for name in SPANS:
            alone = Y.iloc[train].xs(name, level=[1, 2])
            errors = [abs(alone.iloc[i] - alone.iloc[i - 12]) for i in range(12, len(alone))]
            for power in (1, 2):
                found[fold, name, power] = np.mean(np.array(errors) ** power)
    return found


@pytest.mark.parametrize("by", ["fold", "series", ["fold", "series"], "region", "step", ["shop"]])
@pytest.mark.parametrize("name", SCORING)
def test_scores_are_those_of_a_loop(result, name, by):
    """Per fold, series and level: plain scores over rows, scaled ones over series."""
    lines = result.predictions.reset_index()
    scales = scales_of(CV.split(X))
    keys = ["region", "shop"] if by == "series" else [by] if isinstance(by, str) else by
    keys = ["fold", "region", "shop"] if keys == ["fold", "series"] else keys
    scores = result.scores_by(by).loc[name]
    skill = result.skill_by(by).loc[name]
    groups = lines.groupby(keys[0] if len(keys) == 1 else keys)
    assert len(groups) == len(scores)
    for label, part in groups:
        for column in COLUMNS:
            expected = expected_score(name, part, column, scales)
            assert scores.loc[label, column] == pytest.approx(expected)
            if column != "prediction":
                mine = expected_score(name, part[part[column].notna()], "prediction", scales)
                assert skill.loc[label, column] == pytest.approx(1 - mine / expected)
    overall = expected_score(name, lines, "prediction", scales)
    assert result.scores.loc[(name, "overall"), "prediction"] == pytest.approx(overall)


def test_scores_of_a_horizon_by_step():
    """Each step has its own score; all are scaled by the series, as it was in training."""
    rows, target = series_to_supervised(PANEL, horizon=3)
    result = backtest(WINDOWS, rows, target, CV, scoring=SCALED[0])
    found = result.scores_by(["fold", "step"])["prediction"]
    for fold, (train, test) in enumerate(CV.split(rows)):
        for step in (1, 2, 3):
            lines = result.predictions
            lines = lines[(lines["fold"] == fold) & (lines["step"] == step)]
            expected = mean_absolute_scaled_error(
                target.iloc[test, step - 1], lines["prediction"],
                y_train=target["sold_step1"].iloc[train],
            )  # fmt: skip
            assert -found[fold, step] == pytest.approx(expected)
    pd.testing.assert_index_equal(
        result.scores_by("output").index, pd.Index(target.columns, name="output")
    )


def test_targets_that_happen_among_the_test_rows_are_not_learnt():
    """What lies after the last training time has no say, but what an ended series had has."""
    rows, target = series_to_supervised(PANEL, horizon=2)
    time = rows.index.get_level_values(0)
    for last, has_say in ((MONTHS[51], False), (MONTHS[48], True)):
        split = [(np.flatnonzero(time <= MONTHS[51]), np.flatnonzero(time > MONTHS[51]))]
        other = target.copy()
        other.loc[time == last, "sold_step2"] += 1e6
        ours, theirs = (backtest(WINDOWS, rows, y, split).predictions for y in (target, other))
        assert np.array_equal(ours["prediction"], theirs["prediction"]) is not has_say


def test_any_scorer_is_called_for_each_group():
    """A scorer of scikit-learn's gives what the metric of that name gives, group by group."""
    own = make_scorer(mean_absolute_error, greater_is_better=False)
    rows, target = series_to_supervised(PANEL, horizon=2)
    called, computed = (
        backtest(WINDOWS, rows, target, CV, scoring=scoring) for scoring in (own, PLAIN[0])
    )
    pd.testing.assert_frame_equal(called.scores, computed.scores)
    for by in ("series", ["step", "region"]):
        pd.testing.assert_frame_equal(called.scores_by(by), computed.scores_by(by))
        pd.testing.assert_frame_equal(called.skill_by(by), computed.skill_by(by))


def test_the_order_of_series_does_not_matter(result):
    """Rows of a time step in any order give the same predictions and scores."""
    rng = np.random.default_rng(0)
    time = X.index.get_level_values(0)
    order = np.lexsort([rng.random(len(X)), MONTHS.get_indexer(time)])
    other = backtest(WINDOWS, X.iloc[order], Y.iloc[order], CV, scoring=SCORING)
    assert not other.predictions.index.equals(result.predictions.index)
    ours, theirs = (one.predictions.set_index("fold", append=True) for one in (result, other))
    pd.testing.assert_frame_equal(theirs.loc[ours.index], ours)
    pd.testing.assert_frame_equal(other.scores, result.scores)
    by_series = result.scores_by("series")
    pd.testing.assert_frame_equal(other.scores_by("series").loc[by_series.index], by_series)


def test_a_split_within_a_time_step_is_warned_of_once():
    """A stock splitter that cuts a time step learns some of its series and tests others."""
    with pytest.warns(CutTimeStepWarning, match=r"fold \d.*TimeStepSplit") as caught:
        backtest(Ridge(), X, Y, TimeSeriesSplit(4))
    assert len(caught) == 1
    full = X.index.get_level_values(2) != "c"
    full &= X.index.get_level_values(0) > MONTHS[20]
    rows, target = X[full].loc[: MONTHS[48]], Y[full].loc[: MONTHS[48]]
    backtest(Ridge(), rows, target, TimeSeriesSplit(2, test_size=3 * 6), baselines=())


def test_a_split_that_trains_on_a_later_time_is_refused():
    """To learn some series and test others at earlier times is no back-test."""
    learnt = X.index.get_level_values(1) == "north"
    with pytest.raises(ValueError, match="TimeStepSplit"):
        backtest(Ridge(), X, Y, [(np.flatnonzero(learnt), np.flatnonzero(~learnt))])


def test_rows_without_a_scale_are_left_out_with_a_warning():
    """A series without a training value a season earlier, or a constant one, has no scale."""
    y = Y.where(Y.index.get_level_values(2) != "b", 5.0)
    early = X.index.get_level_values(0) < MONTHS[30]
    split = [(np.flatnonzero(early), np.flatnonzero(~early))]
    with pytest.warns(UndefinedScoreWarning, match=r"2017-07-01.*season=12") as caught:
        result = backtest(Ridge(), X, y, split, scoring=SCALED[0])
    assert len(caught) == 1
    scores = result.scores_by("series")["prediction"]
    assert scores[scores.isna()].index.tolist() == [("north", "b"), ("south", "c")]
    assert result.scores.loc["overall", "prediction"] == pytest.approx(scores.mean())
    with pytest.raises(ValueError, match=r"No row has a scale.*season=200"):
        backtest(Ridge(), X, Y, CV, scoring=SCALED[0], season=200)


def test_one_series_has_scaled_scores_too():
    """A Series gives what sklstm.metrics gives on each fold."""
    alone = PANEL.xs(("north", "a"), level=[1, 2]).asfreq("MS")
    rows, y = series_to_supervised(alone)
    result = backtest(Ridge(), rows, y, 3, scoring=SCALED[0])
    for fold, (train, test) in enumerate(TimeSeriesSplit(3).split(rows)):
        lines = result.predictions[result.predictions["fold"] == fold]["prediction"]
        expected = mean_absolute_scaled_error(y.iloc[test], lines, y_train=y.iloc[train])
        assert -result.scores.loc[fold, "prediction"] == pytest.approx(expected)


def test_one_unnamed_level_is_called_series():
    """Scores by series of an index without names have the level "series"."""
    index = X.index.droplevel(1).set_names([None, None])
    keep = X.index.get_level_values(1) == "north"
    rows, y = X.set_axis(index)[keep], Y.set_axis(index)[keep]
    scores = backtest(Ridge(), rows, y, 2).scores_by("series")
    assert scores.index.name == "series"
    assert scores.index.tolist() == ["a", "b"]


def test_a_result_is_kept_with_pickle(result):
    """A result that was stored gives the same scores."""
    again = pickle.loads(pickle.dumps(result))
    pd.testing.assert_frame_equal(again.scores_by("series"), result.scores_by("series"))


def test_what_is_not_a_group_is_refused(result):
    """The message lists what would do."""
    with pytest.raises(ValueError, match=r"by='store'.*'fold', 'step', 'region', 'shop', 'series'"):
        result.scores_by("store")
    alone = PANEL.xs(("north", "a"), level=[1, 2])
    with pytest.raises(ValueError, match=r"by='series'.*\['fold', 'step'\]"):
        backtest(LinearRegression(), *series_to_supervised(alone), 2).scores_by("series")


def test_a_metric_without_its_sign_is_refused():
    """Scores are the higher the better, as in scikit-learn."""
    with pytest.raises(ValueError, match="'neg_mean_absolute_scaled_error'"):
        backtest(Ridge(), X, Y, CV, scoring="mean_absolute_scaled_error")


SPLITS = {
    "gap": {"cv": TimeStepSplit(3, test_size=6, gap=2)},
    "sliding": {"cv": TimeStepSplit(3, test_size=6, max_train_size=20)},
    "without refit": {"cv": TimeStepSplit(3, test_size=6), "refit": False},
}


@pytest.mark.parametrize("options", SPLITS.values(), ids=SPLITS)
def test_fed_back_folds_are_forecasts_of_each_series(options):
    """With feed_back, a fold is what one model forecasts from the end of the training rows."""
    lines = backtest(WINDOWS, X, Y, feed_back=True, **options).predictions
    cv, refit = options["cv"], options.get("refit", True)
    splits, model = list(cv.split(X)), None
    for fold, (train, test) in enumerate(splits):
        if model is None or refit:
            model, start = clone(WINDOWS).fit(X.iloc[train], Y.iloc[train]), train[0]
            ridge = model.regressor_[-1]
        known = np.arange(start, train[-1] + 1)
        part = lines[lines["fold"] == fold]
        assert part.index.equals(X.index[test])
        for name in part.index.droplevel(0).unique():
            alone = PANEL.xs(name, level=[1, 2])
            ours = part.xs(name, level=[1, 2])
            past = alone[: X.index[train[-1]][0]]
            past = past[past.index >= X.index[known[0]][0]]
            values = list(alone[: past.index[-1]])
            # One step after the other by hand: the windows hold predictions as they come.
            steps = MONTHS[past.index[-1] < MONTHS]
            for step, month in enumerate(steps[steps <= ours.index[-1]], 1):
                window = pd.DataFrame([values[-3:]], columns=ridge.feature_names_in_)
                values.append(ridge.predict(window)[0])
                if month in ours.index:
                    assert ours.loc[month, "prediction"] == pytest.approx(values[-1])
                    assert ours.loc[month, "step"] == step
                    assert ours.loc[month, "persistence"] == past.iloc[-1]


@pytest.mark.parametrize("feed_back", [True, False])
def test_the_series_of_a_single_fit_are_shared_out(feed_back):
    """Parts of the series give the numbers of the whole, whichever steps the folds reach."""
    options = {"refit": False, "feed_back": feed_back}
    with parallel_config(backend="threading"):
        found = backtest(WINDOWS, X, Y, CV, n_jobs=3, **options)
    pd.testing.assert_frame_equal(
        found.predictions, backtest(WINDOWS, X, Y, CV, **options).predictions
    )


def test_a_series_that_begins_in_a_fold_is_not_forecast_there():
    """It has nothing to go on from; the rows are left out, with one warning."""
    late = X.index.get_level_values(0) >= MONTHS[20]
    split = [(np.flatnonzero(~late), np.flatnonzero(late))]
    with pytest.warns(UnknownPastWarning, match=r"\('south', 'c'\).*35 test rows") as caught:
        lines = backtest(WINDOWS, X, Y, split, feed_back=True).predictions
    assert len(caught) == 1
    assert lines.index.equals(X.index[late][X.index[late].get_level_values(2) != "c"])


@pytest.mark.parametrize("refit", [True, False])
def test_a_fed_back_panel_of_one_series_gives_what_that_series_gives(refit):
    """The same predictions, baselines and scores, but for the labels."""
    one = panel_of({("north", "a"): SPANS["north", "a"]})
    options = {"cv": TimeSeriesSplit(3, test_size=6, gap=1), "feed_back": True, "refit": refit}
    found, alone = (
        backtest(DIFFERENCED, *series_to_supervised(series), **options)
        for series in (one, one.droplevel([1, 2]).asfreq("MS"))
    )
    pd.testing.assert_frame_equal(
        found.predictions.droplevel([1, 2]), alone.predictions, check_freq=False
    )
    pd.testing.assert_frame_equal(found.scores, alone.scores)


@pytest.mark.parametrize("options", [{}, {"refit": False}], ids=["refit", "once"])
def test_windows_of_many_series_are_tested_as_a_loop_does(options):
    """Windows know their series: predictions equal a loop over arrays, scores those of pandas."""
    windows = LagWindower(3).fit_transform(X)
    result = backtest(NETWORK, windows, Y, CV, scoring=PLAIN[0], **options)
    plain, splits, model = np.asarray(windows), list(CV.split(X)), None
    for fold, (train, test) in enumerate(splits):
        if model is None or not options:
            model = clone(NETWORK).fit(plain[train], Y.to_numpy()[train])
        lines = result.predictions[result.predictions["fold"] == fold]
        assert lines.index.equals(X.index[test])
        assert np.array_equal(lines["prediction"], model.predict(plain[test]))
    errors = (result.predictions["actual"] - result.predictions["prediction"]).abs()
    by_series = -errors.groupby(["region", "shop"]).mean()
    pd.testing.assert_series_equal(
        result.scores_by("series")["prediction"], by_series, check_names=False
    )


def test_windows_have_the_scores_and_intervals_of_their_rows():
    """Windows cut before the back-test give what a LagWindower inside the estimator gives."""
    windows = LagWindower(3).fit_transform(X)
    cut, inside = (
        backtest(model, rows, Y, CV, scoring=SCALED)
        for model, rows in ((NETWORK, windows), (make_pipeline(LagWindower(3), NETWORK), X))
    )
    pd.testing.assert_frame_equal(cut.scores_by("shop"), inside.scores_by("shop"))
    ahead = cut.predictions["prediction"].iloc[-4:]
    pd.testing.assert_frame_equal(
        *(conformal_interval(one, ahead, pool="scaled", y_train=Y) for one in (cut, inside))
    )


@pytest.mark.parametrize(
    "option", [{"feed_back": True}, {"y_lag": 0}, {"future_inputs": [0]}], ids=str
)
def test_nothing_is_fed_back_into_windows(option):
    """What speaks of the columns of rows is refused for windows, of one series and of many."""
    windows = LagWindower(3).fit_transform(X)
    for given, target in ((windows, Y), (np.asarray(windows), Y.to_numpy())):
        with pytest.raises(ValueError, match=r"X holds windows.*LagWindower into the estimator"):
            backtest(NETWORK, given, target, 3, **option)
