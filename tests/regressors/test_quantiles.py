"""LSTMRegressor with loss="quantile"."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import LagWindower, LSTMRegressor

LEVELS = (0.1, 0.5, 0.9)


def noise_that_grows(n_rows=600, seed=0):
    """Give rows of one feature in [0, 1] and a normal target whose spread is that feature."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, 1, (n_rows, 1))
    return X, X[:, 0] * rng.normal(size=n_rows)


def regressor(**options):
    """Give a small network that learns quantiles."""
    options = {"units": 8, "epochs": 60, "learning_rate": 0.01, "random_state": 0} | options
    return LSTMRegressor(loss="quantile", quantiles=LEVELS, **options)


@pytest.fixture(scope="module")
def fitted():
    """Give a network fitted on noise that grows with the feature."""
    return regressor().fit(*noise_that_grows())


def test_learns_the_quantiles_of_a_known_process(fitted):
    """The interval widens with the spread, and holds the share of new values that it should."""
    X, y = noise_that_grows(4000, seed=1)
    low, _, high = fitted.predict_quantiles(X).T
    assert 0.74 < np.mean((low <= y) & (y <= high)) < 0.86
    at_0_8 = fitted.predict_quantiles([[0.8]])[0]
    np.testing.assert_allclose(at_0_8, 0.8 * np.array([-1.2816, 0, 1.2816]), atol=0.25)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_training_begins_with_the_quantiles_of_the_target(normalize, n_targets):
    """Rows that are all alike show it: a network of zeros adds nothing to its biases."""
    y = np.random.default_rng(0).exponential(50, size=(90, n_targets)) + [800, -3][:n_targets]
    model = regressor(epochs=1, learning_rate=1e-9, normalize=normalize).fit(np.zeros((90, 1)), y)
    begun = model.predict_quantiles(np.zeros((1, 1)))[0].reshape(n_targets, -1)
    np.testing.assert_allclose(begun, np.quantile(y, LEVELS, axis=0).T, rtol=1e-5)


@pytest.mark.parametrize("epochs", [1, 3, 10])
def test_intervals_of_a_short_training_are_not_too_narrow(epochs):
    """Of 2000 new values, the interval from 0.1 to 0.9 holds about eight of ten."""
    model = regressor(epochs=epochs).fit(*noise_that_grows(90))
    X, y = noise_that_grows(2000, seed=1)
    low, _, high = model.predict_quantiles(X).T
    assert 0.7 < np.mean((low <= y) & (y <= high)) < 0.9


def test_loss_is_the_mean_pinball_loss():
    """What training minimises is scikit-learn's mean pinball loss, over all quantiles."""
    from sklstm.engine._models._losses import QuantileLoss

    rng = np.random.default_rng(0)
    y, predicted = rng.normal(size=(50, 2)), rng.normal(size=(50, 2, 3))
    expected = np.mean(
        [mean_pinball_loss(y, predicted[:, :, i], alpha=level) for i, level in enumerate(LEVELS)]
    )
    loss = QuantileLoss(LEVELS)(np.repeat(y, 3, axis=1), predicted.reshape(50, 6))
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_quantiles_never_cross():
    """A network that has learnt nothing yet gives quantiles in rising order, too."""
    X, y = noise_that_grows(40)
    predicted = regressor(epochs=1).fit(X, y).predict_quantiles(X)
    assert (np.diff(predicted, axis=1) >= 0).all()


def test_predict_is_the_median(fitted):
    """The point forecast is the quantile of level 0.5, of the shape of the target."""
    X, _ = noise_that_grows(20, seed=2)
    np.testing.assert_array_equal(fitted.predict(X), fitted.predict_quantiles(X)[:, 1])


def test_several_targets_have_an_axis():
    """Quantiles of several targets come target by target."""
    X, y = noise_that_grows(200)
    Y = np.column_stack([y, y + 100])
    model = regressor(epochs=100).fit(X, (Y - [0, 100]))
    assert model.predict_quantiles(X).shape == (200, 2, 3)
    assert model.predict(X).shape == (200, 2)
    assert model.n_outputs_ == 2


def test_rows_without_a_past_get_the_quantiles_of_the_target():
    """Where nothing is known, the training target's own quantiles stand."""
    X, y = noise_that_grows(50)
    model = regressor(epochs=1).fit(X, y)
    np.testing.assert_allclose(model.predict_quantiles([[np.nan]])[0], np.quantile(y, LEVELS))
    np.testing.assert_allclose(model.predict([[np.nan]]), np.median(y))


def test_works_in_a_search_over_pipelines():
    """Clones, pipelines and searches take it as any other loss."""
    X, y = noise_that_grows(90)
    pipeline = make_pipeline(LagWindower(2), regressor(epochs=1))
    search = GridSearchCV(pipeline, {"lagwindower__window": [1, 2]}, cv=TimeSeriesSplit(2))
    assert np.isfinite(search.fit(X, y).cv_results_["mean_test_score"]).all()


def test_validation_and_weights_know_the_quantiles():
    """Held-out rows are scored by the same loss, and weights reach it."""
    X, y = noise_that_grows(60)
    model = regressor(epochs=2, validation_fraction=0.2, early_stopping=True)
    model.fit(X, y, sample_weight=np.ones(60))
    assert np.isfinite(model.history_["val_loss"]).all()


@pytest.mark.parametrize("engine", ["keras", "layer", "block"])
def test_engines_agree(engine):
    """Whatever computes, the quantiles are the same."""
    X, y = noise_that_grows(60)
    expected = regressor(epochs=3).fit(X, y).predict_quantiles(X)
    found = regressor(epochs=3, engine=engine).fit(X, y).predict_quantiles(X)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("quantiles", [(0.1, 0.9), (0.5, 0.1), (0.0, 0.5), (0.5, 0.5), ("a", 0.5)])
def test_bad_quantiles_are_refused(quantiles):
    """Levels rise, lie between 0 and 1, and hold the median."""
    X, y = noise_that_grows(20)
    with pytest.raises(ValueError, match=r"quantiles=.* 0\.5, which predict returns"):
        clone(regressor()).set_params(quantiles=quantiles).fit(X, y)


def test_other_losses_have_no_quantiles():
    """The method is there only where quantiles were asked for."""
    assert not hasattr(LSTMRegressor(), "predict_quantiles")
    X, y = noise_that_grows(20)
    model = regressor(epochs=1).fit(X, y).set_params(loss="mse").fit(X, y)
    assert not hasattr(model, "quantiles_")
