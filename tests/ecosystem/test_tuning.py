"""Searches for parameters: scikit-learn's, Optuna's, and pruning by the validation loss."""

import importlib

import numpy as np
import pytest
from estimators import MILK_X as X
from estimators import MILK_Y as Y
from scipy.stats import loguniform
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
)

SPLITS = TimeSeriesSplit(2, test_size=12)
EPOCHS = "regressor__lstmregressor__epochs"
RATE = "regressor__lstmregressor__learning_rate"
UNITS = "regressor__lstmregressor__units"
WINDOW = "regressor__lagwindower__window"


def stationary(interval=(1, 12)):
    """Return scaled differences."""
    return make_pipeline(Differencer(list(interval)), SeriesMinMaxScaler((-1, 1)))


def model(regressor=None, steps=None):
    """Return a regressor on windows of scaled differences, inverted one step ahead."""
    steps = stationary() if steps is None else steps
    if regressor is None:
        regressor = LSTMRegressor(2, epochs=2, learning_rate=0.01, random_state=0)
    windower = LagWindower(3, flatten=not isinstance(regressor, LSTMRegressor))
    return TransformedSeriesRegressor(make_pipeline(windower, regressor), transformer=steps)


# ------------------------------------------------------------------------- scikit-learn's searches


def test_halving_doubles_the_epochs_of_half_the_candidates():
    """With epochs as the resource, each round trains half the candidates for twice as long."""
    importlib.import_module("sklearn.experimental.enable_halving_search_cv")
    from sklearn.model_selection import HalvingGridSearchCV

    options = {"resource": EPOCHS, "min_resources": 1, "max_resources": 4, "error_score": "raise"}
    halved = HalvingGridSearchCV(model(), {UNITS: [1, 2, 3, 4]}, factor=2, cv=SPLITS, **options)
    halved.fit(X, Y)
    assert halved.n_candidates_ == [4, 2, 1]
    epochs = [parameters[EPOCHS] for parameters in halved.cv_results_["params"]]
    assert epochs == [1] * 4 + [2] * 2 + [4]
    assert halved.best_estimator_.regressor_[-1].n_iter_ == 4


def test_a_randomized_search_draws_learning_rates_from_a_log_uniform_law():
    """Each drawn rate lies in the range, and scores as a fit with that rate does."""
    search = RandomizedSearchCV(
        model(), {RATE: loguniform(1e-4, 1e-1)}, n_iter=3, cv=SPLITS, random_state=0
    ).fit(X, Y)
    rates = loguniform(1e-4, 1e-1).rvs(3, random_state=0)
    np.testing.assert_allclose(search.cv_results_[f"param_{RATE}"].astype(float), rates)
    alone = cross_val_score(model().set_params(**{RATE: rates[1]}), X, Y, cv=SPLITS)
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(alone.mean(), rel=1e-6)


# --------------------------------------------------------------- preprocessing and network together


def test_a_search_over_the_transformer_changes_inputs_and_target():
    """Each interval scores as the long form, whose inputs have differences of their own."""
    intervals = [[1], [12], [1, 12]]
    plain = TransformedSeriesRegressor(
        make_pipeline(LagWindower(3, flatten=True), Ridge()), make_pipeline(Differencer())
    )
    grid = {"transformer__differencer__interval": intervals, WINDOW: [3, 6]}
    search = GridSearchCV(plain, grid, cv=SPLITS).fit(X, Y)
    by_hand = []
    for parameters in search.cv_results_["params"]:
        steps = Differencer(parameters["transformer__differencer__interval"])
        windower = LagWindower(parameters[WINDOW], flatten=True)
        long = TransformedSeriesRegressor(
            make_pipeline(steps, windower, Ridge()),
            steps,
            y_lag="milk_lag1",
            transform_lags=False,
        )
        by_hand.append(cross_val_score(long, X, Y, cv=SPLITS).mean())
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], by_hand)


# ------------------------------------------------------------------------------------------ Optuna


@pytest.fixture
def optuna():
    """Return Optuna, without its progress lines."""
    optuna = pytest.importorskip("optuna")
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield optuna
    optuna.logging.set_verbosity(before)


def pruning(optuna, trial):
    """Return a callback that reports the validation loss to a trial and ends it if told so."""
    import keras

    class Prune(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            trial.report(logs["val_loss"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

    return Prune()


def network(callbacks=None, rate=0.01):
    """Return a pipeline of a network that watches its last rows."""
    options = {"validation_fraction": 0.2, "callbacks": callbacks, "random_state": 0}
    lstm = LSTMRegressor(2, epochs=3, learning_rate=rate, **options)
    return make_pipeline(SeriesMinMaxScaler(), LagWindower(3), lstm)


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:.*optuna.terminator:FutureWarning")
def test_optuna_search_cv_searches_window_and_rate(optuna):
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
    ).fit(X, Y)
    alone = cross_val_score(model().set_params(**search.best_params_), X, Y, cv=SPLITS)
    assert search.best_score_ == pytest.approx(alone.mean(), rel=1e-6)
    assert np.isfinite(search.predict(X)).all()


def test_a_hopeless_rate_is_pruned_by_the_median(optuna):
    """The study hears of each epoch; TrialPruned passes through fit and through the pipeline."""
    models = []

    def objective(trial):
        rate = trial.suggest_float("rate", 1e-9, 1e-1, log=True)
        models.append(network([pruning(optuna, trial)], rate))
        return models[-1].fit(X / 1000, Y / 1000)[-1].history_["val_loss"][-1]

    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=2))
    for rate in (0.1, 0.09, 1e-9):
        study.enqueue_trial({"rate": rate})
    study.optimize(objective, n_trials=3)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert study.best_value == min(study.trials[i].intermediate_values[2] for i in (0, 1))
    assert list(study.trials[2].intermediate_values) == [0]
    assert not hasattr(models[2][-1], "n_iter_")
