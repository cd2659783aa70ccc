"""Files of networks, loaded by Keras in a process that has no sklstm."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from sklstm import LagWindower, LSTMRegressor, StatefulLSTMRegressor

DRAWS = np.random.default_rng(0)
ROWS = DRAWS.normal(50, 9, size=(30, 2))
WINDOWS = LagWindower(4).fit_transform(ROWS)
KNOWN = np.array(WINDOWS[3:])
Y = DRAWS.normal(500, 90, size=30)


def own(input_shape, n_outputs):
    """Build a network of stock layers."""
    layers = [keras.layers.Conv1D(2, 2), keras.layers.LSTM(2), keras.layers.Dense(n_outputs)]
    return keras.Sequential([keras.Input(input_shape), *layers])


KINDS = {
    "LSTM": LSTMRegressor(2),
    "GRU": LSTMRegressor(2, cell="gru", metrics=["mae"]),
    "bidirectional": LSTMRegressor(2, bidirectional=True),
    "stateful": StatefulLSTMRegressor(2),
    "quantiles": LSTMRegressor(2, loss="quantile"),
    "several": LSTMRegressor(2, n_networks=3),
    "several, own": LSTMRegressor(network=own, n_networks=2, normalize=False),
    "several, stateful": StatefulLSTMRegressor((2, 3), cell="gru", n_networks=2),
    "outputs": LSTMRegressor(2),
    "function": LSTMRegressor(network=own, loss=keras.losses.Huber(0.5), normalize=False),
    "model": LSTMRegressor(network=own((4, 2), 1)),
    "layers": LSTMRegressor(
        (2, 3), dropout=0.2, recurrent_dropout=0.2, dense_units=2, output_activation="softplus"
    ),
}

LOAD = """
import json, sys
sys.modules["sklstm"] = None  # not to be imported
import keras
import numpy as np
windows = np.load("windows.npy")
found = {}
for name in sys.argv[1:]:
    model = keras.models.load_model(name + ".keras")
    assert model.compiled
    predicted = model.predict(windows, verbose=0).tolist()
    found[name] = [model.input_shape, predicted, model.loss is None]
print(json.dumps(found))
"""


@pytest.mark.slow
# Keras hands its variables to NumPy in a way that NumPy 2 is leaving.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_every_kind_of_network_loads_without_sklstm(tmp_path):
    """It has the fitted window and predicts what was saved; only a pinball loss is left out."""
    np.save(tmp_path / "windows.npy", KNOWN)
    expected = {}
    for name, regressor in KINDS.items():
        y = np.stack([Y, -Y], 1) if name == "outputs" else Y
        if isinstance(regressor, StatefulLSTMRegressor):
            # A model by itself has no state before a window: each starts from zero.
            fitted = regressor.set_params(epochs=1).fit(KNOWN, y[3:])
            expected[name] = [fitted.reset_state().predict(KNOWN[i : i + 1]) for i in range(27)]
        else:
            fitted = regressor.set_params(epochs=1).fit(WINDOWS, y)
            quantiles = name == "quantiles"
            predict = fitted.predict_quantiles if quantiles else fitted.predict
            expected[name] = predict(KNOWN)
        fitted.model_.save(tmp_path / f"{name}.keras")
    run = [sys.executable, "-c", LOAD, *KINDS]
    said = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    for name, (shape, predicted, no_loss) in json.loads(said.splitlines()[-1]).items():
        assert shape == [None, 4, 2]
        assert no_loss == (name == "quantiles")
        predicted = np.array(predicted)
        if name == "quantiles":
            predicted = np.sort(predicted, axis=1)
        np.testing.assert_allclose(
            predicted, np.reshape(expected[name], predicted.shape), rtol=1e-4, err_msg=name
        )
