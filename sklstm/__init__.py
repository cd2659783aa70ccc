"""LSTMs for time series as first-class scikit-learn estimators."""

from sklstm._differencer import Differencer
from sklstm._lstm import LSTMRegressor
from sklstm._scaler import SeriesMinMaxScaler
from sklstm._stateful import StatefulLSTMRegressor
from sklstm._supervised import series_to_supervised
from sklstm._target import TransformedSeriesRegressor
from sklstm._windower import LagWindower

__version__ = "0.1.0"

__all__ = [
    "Differencer",
    "LSTMRegressor",
    "LagWindower",
    "SeriesMinMaxScaler",
    "StatefulLSTMRegressor",
    "TransformedSeriesRegressor",
    "series_to_supervised",
]
