"""Packages that explain, score, draw or wrap a fitted model."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import shap
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from mapie.regression import SplitConformalRegressor
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from skore import CrossValidationReport, EstimatorReport
from yellowbrick.exceptions import YellowbrickTypeError
from yellowbrick.regressor import PredictionError

from sklstm import (
    LagsToWindow,
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    UnknownPastWarning,
    series_to_supervised,
)
from sklstm.datasets import load_milk

X, Y = series_to_supervised(load_milk())
LSTM = LSTMRegressor(2, epochs=2, random_state=0)
LOOKS_BACK = make_pipeline(LagWindower(4), LSTM)
FLAT = LagWindower(4, flatten=True).fit_transform(X)[4:]
PAST, KNOWN, NEW = slice(None, -48), slice(-48, -24), slice(-24, None)


@pytest.fixture(scope="module")
def on_flat():
    """Fit a network that gets the lags of each row as columns."""
    return make_pipeline(LagsToWindow(), clone(LSTM)).fit(FLAT[PAST], Y[4:][PAST])


def test_shap_explains_flat_windows(on_flat):
    """Each lag has its share, and shares and base add up to the prediction."""
    explainer = shap.ExactExplainer(on_flat.predict, FLAT[PAST].iloc[:4].to_numpy())
    explained = explainer(FLAT[NEW].iloc[:2].to_numpy())
    assert explained.values.shape == (2, 4)
    total = explained.values.sum(axis=1) + explained.base_values
    np.testing.assert_allclose(total, on_flat.predict(FLAT[NEW].iloc[:2]), rtol=1e-6)


def test_shap_tears_rows_out_of_their_past():
    """What looks back gets rows without labels or order, and says so."""
    model = clone(LOOKS_BACK).fit(X[PAST], Y[PAST])
    explainer = shap.ExactExplainer(model.predict, X[NEW])
    with pytest.warns(UnknownPastWarning):
        explainer(X[NEW].iloc[:2])


def test_mapie_calibrates_intervals(on_flat):
    """They are as wide as the quantile of the errors that a sort finds."""
    wrapped = SplitConformalRegressor(on_flat, confidence_level=0.8, prefit=True)
    wrapped.conformalize(FLAT[KNOWN], Y[KNOWN])
    predicted, intervals = wrapped.predict_interval(FLAT[NEW])
    errors = np.sort(np.abs(Y[KNOWN] - on_flat.predict(FLAT[KNOWN])))
    margin = errors[int(np.ceil(0.8 * (len(errors) + 1))) - 1]
    np.testing.assert_allclose(predicted, on_flat.predict(FLAT[NEW]))
    np.testing.assert_allclose(intervals[:, 1, 0] - predicted, margin)


def test_mapie_needs_the_rows_in_between():
    """What looks back predicts the rows after those of conformalize together with these."""
    model = clone(LOOKS_BACK).fit(X[PAST], Y[PAST])
    wrapped = SplitConformalRegressor(model, confidence_level=0.8, prefit=True)
    wrapped.conformalize(X[KNOWN], Y[KNOWN])
    predicted, _ = wrapped.predict_interval(X[-48:])
    np.testing.assert_array_equal(predicted, model.predict(X[-48:]))
    with pytest.warns(UnknownPastWarning, match="Pass the rows in between as well"):
        wrapped.predict_interval(X[NEW])


def test_skore_reports_the_error_of_a_fit_and_of_splits():
    """As scikit-learn's metric finds it for the same rows, which keep their labels."""
    model = clone(LOOKS_BACK).fit(X[:-24], Y[:-24])
    report = EstimatorReport(model, X_test=X[NEW], y_test=Y[NEW])
    expected = root_mean_squared_error(Y[NEW], model.predict(X[NEW]))
    assert report.metrics.rmse() == pytest.approx(expected)
    splits = TimeSeriesSplit(2, test_size=12)
    scores = [
        root_mean_squared_error(
            Y.iloc[test],
            clone(LOOKS_BACK).fit(X.iloc[train], Y.iloc[train]).predict(X.iloc[test]),
        )
        for train, test in splits.split(X)
    ]
    table = CrossValidationReport(clone(LOOKS_BACK), X, Y, splitter=splits).metrics.rmse()
    assert table.iloc[0, 0] == pytest.approx(np.mean(scores))


def test_yellowbrick_needs_force_model(on_flat):
    """It asks for an attribute that scikit-learn has dropped, of scikit-learn's own, too."""
    for refused in (on_flat, Ridge()):
        with pytest.raises(YellowbrickTypeError, match="not a regressor"):
            PredictionError(refused)
    drawn = PredictionError(on_flat, is_fitted=True, force_model=True)
    score = drawn.score(FLAT[NEW], Y[NEW])
    assert score == pytest.approx(r2_score(Y[NEW], on_flat.predict(FLAT[NEW])))
    plt.close("all")


def test_imbalanced_learn_takes_flat_pipelines_only():
    """Steps one after the other predict as in scikit-learn's pipeline; nested ones are refused."""
    steps = [SeriesMinMaxScaler(), LagWindower(4), LSTM]
    nested = make_imblearn_pipeline(make_pipeline(*steps[:2]), LSTM)
    with pytest.raises(TypeError, match="should not be Pipelines"):
        nested.fit(X, Y)
    ours, expected = (
        make(*map(clone, steps)).fit(X, Y) for make in (make_imblearn_pipeline, make_pipeline)
    )
    np.testing.assert_array_equal(ours.predict(X), expected.predict(X))
