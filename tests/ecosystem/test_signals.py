"""What ends a fit from outside its process, or a process of a search, loses nothing."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="processes are ended by signals"),
]


def fresh(code, **options):
    """Run code in a process of its own that has our rows."""
    head = """
        import signal
        import numpy as np
        from sklstm import LSTMRegressor, StatefulLSTMRegressor
        # A shell that runs the tests in the background lets them ignore Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        walk = np.sin(np.arange(25.0))
        X, Y = walk[:-1, None], walk[1:]
    """
    source = textwrap.dedent(head) + textwrap.dedent(code)
    return subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, **options)


@pytest.mark.parametrize(
    "regressor", ["LSTMRegressor(2, n_networks=2)", "StatefulLSTMRegressor(2)"]
)
def test_ctrl_c_ends_a_compiled_run(regressor):
    """Fit raises KeyboardInterrupt, changes nothing, and the process can fit again."""
    process = fresh(f"""
        regressor = {regressor}.set_params(epochs=2, random_state=0).fit(X, Y)
        expected, before = regressor.predict(X), set(vars(regressor))
        regressor.set_params(epochs=10**7)
        print("training", flush=True)
        try:
            regressor.fit(X, 2 * Y)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        same = set(vars(regressor)) == before
        same &= bool((regressor.predict(X) == expected).all())
        same &= bool((regressor.set_params(epochs=2).fit(X, Y).predict(X) == expected).all())
        print(same, flush=True)
    """)
    assert process.stdout.readline() == b"training\n"
    time.sleep(5)
    process.send_signal(signal.SIGINT)
    written, _ = process.communicate(timeout=60)
    assert written.split() == [b"interrupted", b"True"]


@pytest.mark.parametrize("where", ["train", "prepare"])
def test_ctrl_c_ends_a_search_side_by_side(where):
    """It ends in the run of all networks, and in a fit that others wait for; no thread is left."""
    process = fresh(f"""
        import threading, time
        from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
        from sklstm import side_by_side

        class Slow(LSTMRegressor):
            def fit(self, X, y):
                if self.random_state == 1:
                    print("under way", flush=True)
                    if "{where}" == "prepare":
                        time.sleep(8)
                return super().fit(X, y)

        n_threads = threading.active_count()
        model = Slow(2, epochs=10**7)
        search = GridSearchCV(model, {{"random_state": [0, 1]}}, cv=TimeSeriesSplit(2))
        try:
            with side_by_side():
                search.fit(X, Y)
        except KeyboardInterrupt:
            print("interrupted")
        print(hasattr(search, "cv_results_"), threading.active_count() - n_threads)
    """)
    assert process.stdout.readline() == b"under way\n"
    time.sleep(5)
    process.send_signal(signal.SIGINT)
    written, _ = process.communicate(timeout=60)
    assert written.replace(b"under way", b"").split() == [b"interrupted", b"False", b"0"]


def test_a_search_whose_worker_is_killed_can_be_repeated():
    """The search raises and stays unfitted, its estimator unchanged; the next one succeeds."""
    process = fresh("""
        import os, pickle, signal, tempfile
        from joblib.externals.loky.process_executor import TerminatedWorkerError
        from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

        class Killed(LSTMRegressor):
            def fit(self, X, y):
                if self.verbose == 0 and os.path.exists("flag"):
                    os.remove("flag")
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().fit(X, y)

        os.chdir(tempfile.mkdtemp())
        open("flag", "w").close()
        model = Killed(2, epochs=1, random_state=0)
        before = pickle.dumps(vars(model))
        search = GridSearchCV(model, {"units": [2, 3]}, cv=TimeSeriesSplit(2), n_jobs=2)
        try:
            search.fit(X, Y)
        except TerminatedWorkerError:
            print("killed")
        print(hasattr(search, "best_estimator_"), pickle.dumps(vars(model)) == before)
        parallel = search.fit(X, Y).cv_results_["mean_test_score"]
        alone = search.set_params(n_jobs=1).fit(X, Y).cv_results_["mean_test_score"]
        print(bool((parallel == alone).all()))
    """)
    written, _ = process.communicate(timeout=300)
    assert written.split() == [b"killed", b"False", b"True", b"True"]


def test_a_forecast_of_many_series_whose_worker_is_killed_can_be_repeated():
    """The forecast raises and leaves the model as it was; the next one is that of one process."""
    process = fresh("""
        import os, pickle, signal, tempfile
        import pandas as pd
        from joblib.externals.loky.process_executor import TerminatedWorkerError
        from sklearn.pipeline import make_pipeline
        from sklearn.tree import DecisionTreeRegressor
        from sklstm import (
            Differencer,
            LagWindower,
            TransformedSeriesRegressor,
            forecast,
            series_to_supervised,
        )

        class Killed(DecisionTreeRegressor):
            def predict(self, X):
                if os.path.exists("home") and open("home").read() != str(os.getpid()):
                    os.remove("home")
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().predict(X)

        os.chdir(tempfile.mkdtemp())
        months = pd.period_range("2020-01", periods=20, freq="M")
        index = pd.MultiIndex.from_product([months, list("abcd")])
        rows, y = series_to_supervised(pd.Series(np.sin(np.arange(80.0)), index, name="sold"))
        regressor = make_pipeline(LagWindower(3, flatten=True), Killed(random_state=0))
        model = TransformedSeriesRegressor(regressor, Differencer()).fit(rows, y)
        alone = forecast(model, rows, 3, y=y)
        before = pickle.dumps(model)
        with open("home", "w") as file:
            file.write(str(os.getpid()))
        try:
            forecast(model, rows, 3, y=y, n_jobs=2)
        except TerminatedWorkerError:
            print("killed")
        print(pickle.dumps(model) == before)
        print(forecast(model, rows, 3, y=y, n_jobs=2).equals(alone))
    """)
    written, _ = process.communicate(timeout=300)
    assert written.split() == [b"killed", b"True", b"True"]


def test_ctrl_c_ends_a_forecast_on_workers():
    """The signal reaches the workers, too; the model is as it was, and can be forecast again."""
    process = fresh(
        """
        import os, pickle, tempfile, time
        import pandas as pd
        from sklearn.pipeline import make_pipeline
        from sklearn.tree import DecisionTreeRegressor
        from sklstm import LagWindower, forecast, series_to_supervised

        class Slow(DecisionTreeRegressor):
            def predict(self, X):
                if os.path.exists("flag"):
                    print("under way", flush=True)
                    time.sleep(60)
                return super().predict(X)

        os.chdir(tempfile.mkdtemp())
        months = pd.period_range("2020-01", periods=20, freq="M")
        index = pd.MultiIndex.from_product([months, list("abcd")])
        rows, y = series_to_supervised(pd.Series(np.sin(np.arange(80.0)), index, name="sold"))
        model = make_pipeline(LagWindower(3, flatten=True), Slow(random_state=0))
        model.fit(rows, y)
        alone, before = forecast(model, rows, 3, y=y), pickle.dumps(model)
        open("flag", "w").close()
        try:
            forecast(model, rows, 3, y=y, n_jobs=2)
        except KeyboardInterrupt:
            print("interrupted")
        os.remove("flag")
        print(pickle.dumps(model) == before)
        print(forecast(model, rows, 3, y=y, n_jobs=2).equals(alone))
        """,
        start_new_session=True,
    )
    assert process.stdout.readline() == b"under way\n"
    os.killpg(process.pid, signal.SIGINT)
    written, _ = process.communicate(timeout=300)
    assert written.replace(b"under way", b"").split() == [b"interrupted", b"True", b"True"]
