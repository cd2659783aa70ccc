"""mlflow keeps models, serves them, and logs fits by itself."""

import http.client
import json
import threading
import time

import mlflow
import numpy as np
import pytest
import skops.io
import uvicorn
from mlflow.pyfunc import scoring_server
from sklearn.pipeline import make_pipeline

from sklstm import (
    Differencer,
    LagsToWindow,
    LagWindower,
    LSTMRegressor,
    TransformedSeriesRegressor,
    series_to_supervised,
)
from sklstm.datasets import load_milk

X, Y = series_to_supervised(load_milk())
FLAT = LagWindower(4, flatten=True).fit_transform(X)[4:]
Y = Y[4:]
MODEL = make_pipeline(LagsToWindow(), LSTMRegressor(2, epochs=2, random_state=0))


@pytest.fixture(autouse=True)
def store(tmp_path):
    """Keep the runs of a test in a folder of its own."""
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    mlflow.create_experiment("milk", artifact_location=str(tmp_path / "models"))
    mlflow.set_experiment("milk")
    yield
    mlflow.sklearn.autolog(disable=True)


def post(port, table):
    """Send rows to a service as JSON, and return its predictions."""
    body = json.dumps({"dataframe_split": json.loads(table.to_json(orient="split"))})
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())["predictions"]


def test_a_logged_model_is_loaded_and_served():
    """With the types of skops trusted by name, each way back predicts what the model did."""
    expected = MODEL.fit(FLAT, Y).predict(FLAT)
    with mlflow.start_run(), pytest.raises(mlflow.MlflowException, match="untrusted types"):
        mlflow.sklearn.log_model(MODEL, name="refused", pip_requirements=["sklstm"])
    types = skops.io.get_untrusted_types(data=skops.io.dumps(MODEL))
    assert all(name.startswith("sklstm.") for name in types)
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            MODEL, name="milk", skops_trusted_types=types, pip_requirements=["sklstm"]
        )
    loaded = mlflow.sklearn.load_model(logged.model_uri)
    np.testing.assert_array_equal(loaded.predict(FLAT), expected)
    served = mlflow.pyfunc.load_model(logged.model_uri)
    np.testing.assert_array_equal(served.predict(FLAT), expected)

    config = uvicorn.Config(scoring_server.init(served), "127.0.0.1", 0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        [port] = {socket.getsockname()[1] for one in server.servers for socket in one.sockets}
        answer = post(port, FLAT)
    finally:
        server.should_exit = True
        thread.join()
    np.testing.assert_allclose(answer, expected, rtol=1e-12)


def test_rows_without_labels_continue():
    """As a request brings them: `history="continue"` places them right after the training rows."""
    windower = LagWindower(4, history="continue")
    model = make_pipeline(windower, LSTMRegressor(2, epochs=2, random_state=0))
    model.fit(X[:-24], load_milk()[1:-24])
    np.testing.assert_array_equal(
        model.predict(X[-24:].reset_index(drop=True)), model.predict(X[-24:])
    )


def test_autolog_logs_the_pipeline_inside():
    """A bare network has no run, and of a meta-estimator the pipeline inside it is logged."""
    mlflow.sklearn.autolog(log_models=False)
    LSTMRegressor(2, epochs=1).fit(FLAT.to_numpy()[:, :, None], Y)
    assert mlflow.search_runs().empty
    TransformedSeriesRegressor(MODEL, Differencer(), y_lag=None).fit(FLAT, Y)
    runs = mlflow.search_runs()
    assert runs["tags.estimator_name"].tolist() == ["Pipeline"]
