"""Searches for parameters: scikit-learn's, Optuna's, and pruning by the validation loss."""

import importlib

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    series_to_supervised,
)
from sklstm.datasets import load_milk

SPLITS = TimeSeriesSplit(2, test_size=12)
EPOCHS = "regressor__lstmregressor__epochs"
RATE = "regressor__lstmregressor__learning_rate"
UNITS = "regressor__lstmregressor__units"
WINDOW = "regressor__lagwindower__window"


@pytest.fixture(scope="module")
def milk():
    """Return the monthly rows and targets of the milk series."""
    return series_to_supervised(load_milk())


def stationary(interval=(1, 12), feature_range=(-1, 1)):
    """Return scaled differences."""
    return make_pipeline(Differencer(list(interval)), SeriesMinMaxScaler(feature_range))


def model(regressor=None, steps=None):
    """Return a regressor on windows of scaled differences, inverted one step ahead."""
    steps = stationary() if steps is None else steps
    if regressor is None:
        regressor = LSTMRegressor(2, epochs=2, learning_rate=0.01, random_state=0)
    windower = LagWindower(3, flatten=not isinstance(regressor, LSTMRegressor))
    return TransformedSeriesRegressor(
        make_pipeline(steps, windower, regressor), transformer=steps, y_lag="milk_lag1"
    )


def halving(*args, **options):
    """Return a HalvingGridSearchCV, which scikit-learn shows only on request."""
    importlib.import_module("sklearn.experimental.enable_halving_search_cv")
    from sklearn.model_selection import HalvingGridSearchCV

    return HalvingGridSearchCV(*args, factor=2, cv=SPLITS, error_score="raise", **options)


# ------------------------------------------------------------------------- scikit-learn's searches


@pytest.fixture(scope="module")
def halved(milk):
    """A halving search with the epochs as the resource."""
    return halving(
        model(),
        {UNITS: [1, 2, 3, 4]},
        resource=EPOCHS,
        min_resources=1,
        max_resources=4,
        scoring="neg_root_mean_squared_error",
    ).fit(*milk)


def test_halving_doubles_the_epochs_of_half_the_candidates(halved):
    """With epochs as the resource, each round trains half the candidates for twice as long."""
    assert halved.n_candidates_ == [4, 2, 1]
    assert halved.n_resources_ == [1, 2, 4]
    epochs = [parameters[EPOCHS] for parameters in halved.cv_results_["params"]]
    assert epochs == [1] * 4 + [2] * 2 + [4]


def test_the_winner_of_halving_is_trained_for_all_epochs(halved):
    """The refitted estimator has the epochs of the last round."""
    assert halved.best_estimator_.regressor_[-1].n_iter_ == 4


def test_a_round_of_halving_scores_as_cross_validation(halved, milk):
    """A candidate's score is that of cross_val_score with its parameters."""
    results = halved.cv_results_
    alone = clone(halved.estimator).set_params(**results["params"][4])
    scores = cross_val_score(alone, *milk, cv=SPLITS, scoring="neg_root_mean_squared_error")
    assert results["mean_test_score"][4] == pytest.approx(scores.mean(), rel=1e-6)


def test_halving_by_rows_is_refused(milk):
    """Halving's default resource draws rows at random, which tears a table of a series."""
    with pytest.raises(ValueError, match="TimeSeriesSplit"):
        halving(model(Ridge()), {WINDOW: [2, 3]}, min_resources=80).fit(*milk)


def test_a_randomized_search_draws_learning_rates_from_a_log_uniform_law(milk):
    """Each drawn rate lies in the range, and scores as a fit with that rate does."""
    search = RandomizedSearchCV(
        model(), {RATE: loguniform(1e-4, 1e-1)}, n_iter=3, cv=SPLITS, random_state=0
    ).fit(*milk)
    rates = loguniform(1e-4, 1e-1).rvs(3, random_state=0)
    np.testing.assert_allclose(search.cv_results_[f"param_{RATE}"].astype(float), rates)
    alone = cross_val_score(model().set_params(**{RATE: rates[1]}), *milk, cv=SPLITS)
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(alone.mean(), rel=1e-6)


# --------------------------------------------------------------- preprocessing and network together


def test_inputs_and_target_are_searched_as_pairs(milk):
    """A list of grids, one per preprocessing, gives inputs and target the same steps."""
    intervals = [(1,), (12,), (1, 12)]
    grids = [
        {"regressor__pipeline": [steps], "transformer": [steps], WINDOW: [3, 6]}
        for steps in map(stationary, intervals)
    ]
    search = GridSearchCV(model(Ridge()), grids, cv=SPLITS).fit(*milk)
    by_hand = [
        cross_val_score(
            model(Ridge(), stationary(interval)).set_params(**{WINDOW: window}), *milk, cv=SPLITS
        ).mean()
        for interval in intervals
        for window in (3, 6)
    ]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], by_hand)


def test_inputs_and_target_can_be_searched_apart(milk):
    """In a clone, the inputs' steps and the target's transformer are two parameters."""
    X, y = milk
    apart = clone(model(Ridge())).set_params(
        regressor__pipeline__differencer__interval=1, transformer__differencer__interval=12
    )
    apart.fit(X, y)
    of_inputs, of_target = apart.regressor_[0][0], apart.transformer_[0]
    np.testing.assert_array_equal(of_inputs.transform(X), X.diff(1))
    target = y.to_frame("y0").set_axis(range(len(y)))
    np.testing.assert_array_equal(of_target.transform(target), target.diff(12))


def test_one_name_of_shared_steps_changes_both_until_they_are_cloned(milk):
    """Before a clone, inputs and target hold one object, which either name changes."""
    shared = model(Ridge())
    shared.set_params(transformer__differencer__interval=12)
    assert shared.get_params()["regressor__pipeline__differencer__interval"] == 12
    cloned = clone(shared).set_params(transformer__differencer__interval=1)
    assert cloned.get_params()["regressor__pipeline__differencer__interval"] == 12


def test_the_range_of_the_scaler_is_searched(milk):
    """The feature range of inputs and target is a parameter as any other."""
    ranges = [(0, 1), (-1, 1)]
    grid = [
        {"regressor__pipeline": [steps], "transformer": [steps]}
        for steps in (stationary(feature_range=limits) for limits in ranges)
    ]
    search = GridSearchCV(model(), grid, cv=SPLITS, error_score="raise").fit(*milk)
    best = ranges[search.best_index_]
    assert search.best_estimator_.transformer_[-1].feature_range == best
    assert search.best_estimator_.regressor_[0][-1].feature_range == best


# ------------------------------------------------------------------------------------------ Optuna


@pytest.fixture
def optuna():
    """Return Optuna, without its progress lines."""
    optuna = pytest.importorskip("optuna")
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield optuna
    optuna.logging.set_verbosity(before)


def pruning(optuna, trial, *, shared=True):
    """Return a callback that reports the validation loss to a trial and ends it if told so."""
    import keras

    class Prune(keras.callbacks.Callback):
        def __init__(self, trial):
            super().__init__()
            self.trial = trial

        def on_epoch_end(self, epoch, logs=None):
            self.trial.report(logs["val_loss"], epoch)
            if self.trial.should_prune():
                raise optuna.TrialPruned

    class PruneShared(Prune):
        def __deepcopy__(self, memo):
            return PruneShared(self.trial)

    return (PruneShared if shared else Prune)(trial)


def network(callbacks=None, rate=0.01):
    """Return a pipeline of a network that watches its last rows."""
    return make_pipeline(
        SeriesMinMaxScaler(),
        LagWindower(3),
        LSTMRegressor(
            2,
            epochs=3,
            learning_rate=rate,
            validation_fraction=0.2,
            callbacks=callbacks,
            random_state=0,
        ),
    )


def hopeless(optuna):
    """Return a study that prunes everything."""
    return optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=-1.0))


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:.*optuna.terminator:FutureWarning")
def test_optuna_search_cv_searches_window_and_rate(optuna, milk):
    """OptunaSearchCV takes the nested names, and scores as cross_val_score does."""
    integration = pytest.importorskip("optuna_integration")
    pytest.importorskip("optuna_integration.sklearn")
    search = integration.OptunaSearchCV(
        model(),
        {
            WINDOW: optuna.distributions.IntDistribution(2, 6),
            RATE: optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
        },
        n_trials=2,
        cv=SPLITS,
        random_state=0,
        error_score="raise",
    ).fit(*milk)
    alone = cross_val_score(model().set_params(**search.best_params_), *milk, cv=SPLITS)
    assert search.best_score_ == pytest.approx(alone.mean(), rel=1e-6)
    assert np.isfinite(search.predict(milk[0])).all()


def test_a_pruned_trial_ends_the_fit(optuna, milk):
    """TrialPruned passes through fit and through the pipeline, and the study hears of it."""
    X, y = milk[0] / 1000, milk[1] / 1000
    models = []

    def objective(trial):
        models.append(network([pruning(optuna, trial)]))
        models[-1].fit(X, y)

    study = hopeless(optuna)
    study.optimize(objective, n_trials=1)
    assert study.trials[0].state == optuna.trial.TrialState.PRUNED
    assert list(study.trials[0].intermediate_values) == [0]
    assert not hasattr(models[0][-1], "n_iter_")


def test_a_pruned_fit_leaves_a_fitted_estimator_as_it_was(optuna, milk):
    """An estimator that was fitted before predicts as before."""
    X, y = milk[0] / 1000, milk[1] / 1000
    steps = network()[:-1]
    windows = steps.fit_transform(X)
    lstm = network()[-1].fit(windows, y)
    before = lstm.predict(windows)
    lstm.set_params(callbacks=[pruning(optuna, hopeless(optuna).ask())])
    with pytest.raises(optuna.TrialPruned):
        lstm.fit(windows, y / 2)
    np.testing.assert_array_equal(lstm.predict(windows), before)


def test_a_hopeless_rate_is_pruned_by_the_median(optuna, milk):
    """What trials report reaches the study, so later trials are measured by earlier ones."""
    X, y = milk[0] / 1000, milk[1] / 1000

    def objective(trial):
        rate = trial.suggest_float("rate", 1e-9, 1e-1, log=True)
        fitted = network([pruning(optuna, trial)], rate).fit(X, y)
        return fitted[-1].history_["val_loss"][-1]

    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=2))
    for rate in (0.1, 0.09, 1e-9):
        study.enqueue_trial({"rate": rate})
    study.optimize(objective, n_trials=3)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert study.best_value == min(study.trials[i].intermediate_values[2] for i in (0, 1))


def test_a_callback_that_is_copied_with_its_trial_reports_to_a_copy(optuna, milk):
    """Why the callback shares its trial: callbacks are copied for each fit."""
    X, y = milk[0] / 1000, milk[1] / 1000
    study = optuna.create_study()
    study.optimize(
        lambda trial: (
            network([pruning(optuna, trial, shared=False)]).fit(X, y)[-1].history_["val_loss"][-1]
        ),
        n_trials=1,
    )
    assert study.trials[0].state == optuna.trial.TrialState.COMPLETE
    assert study.trials[0].intermediate_values == {}


def test_pruning_works_inside_the_transformed_regressor(optuna, milk):
    """TrialPruned passes through TransformedSeriesRegressor, which stays unfitted."""
    trial = hopeless(optuna).ask()
    lstm = model().set_params(
        regressor__lstmregressor__callbacks=[pruning(optuna, trial)],
        regressor__lstmregressor__validation_fraction=0.2,
    )
    with pytest.raises(optuna.TrialPruned):
        lstm.fit(*milk)
    assert not hasattr(lstm, "regressor_")
