"""Short ints of NumPy count as far as Python's do, over more rows than they could themselves."""

import numpy as np
import pytest
from estimators import LSTM
from sklearn.linear_model import Ridge
from states import assert_same

from sklstm import (
    Differencer,
    LagWindower,
    LSTMRegressor,
    StatefulLSTMRegressor,
    forecast,
    series_to_supervised,
)
from sklstm.datasets import make_lagged_linear, make_sawtooth_pair

X, Y = np.sin(np.arange(300.0))[:, None], np.sin(np.arange(1, 301.0))


def trained(model, number, **counts):
    """Fit a network whose counts are of a type, and predict."""
    model.set_params(**{name: number(count) for name, count in counts.items()})
    return model.fit(X, Y).predict(X)


#: What counts, as a function of the type of its numbers.
CALLS = {
    "windower": lambda n: LagWindower(n(12)).fit_transform(X),
    "differencer": lambda n: Differencer(n(12)).fit_transform(X),
    "series_to_supervised": lambda n: series_to_supervised(Y, horizon=n(100)),
    "forecast": lambda n: forecast(Ridge().fit(X, Y), X, n(3), lookback=n(100), y=Y, y_lag=0),
    "sawtooth": lambda n: make_sawtooth_pair(n(20), random_state=0),
    "lagged linear": lambda n: make_lagged_linear(n(126)),
    "lstm": lambda n: trained(LSTMRegressor(**LSTM), n, units=2, epochs=2, batch_size=100),
    "stateful": lambda n: trained(
        StatefulLSTMRegressor(**LSTM), n, batch_size=2, bptt_steps=100, reset_states=120
    ),
}


@pytest.mark.parametrize("dtype", [np.int8, np.uint64])
@pytest.mark.parametrize("name", CALLS)
def test_short_ints_count_as_ints(name, dtype):
    """An int8 ends at 127, the rows and steps here do not."""
    assert_same(CALLS[name](dtype), CALLS[name](int))
