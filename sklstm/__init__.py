"""LSTMs for time series as first-class scikit-learn estimators."""

from sklstm._backtest import backtest
from sklstm._conformal import conformal_interval
from sklstm._differencer import Differencer
from sklstm._forecast import forecast
from sklstm._forecast_display import ForecastDisplay
from sklstm._lstm import LSTMRegressor
from sklstm._scaler import SeriesMinMaxScaler
from sklstm._stateful import StatefulLSTMRegressor
from sklstm._supervised import series_to_supervised
from sklstm._target import TransformedSeriesRegressor
from sklstm._training_display import TrainingHistoryDisplay
from sklstm._windower import LagWindower

__version__ = "0.1.0"

__all__ = [
    "Differencer",
    "ForecastDisplay",
    "LSTMRegressor",
    "LagWindower",
    "SeriesMinMaxScaler",
    "StatefulLSTMRegressor",
    "TrainingHistoryDisplay",
    "TransformedSeriesRegressor",
    "backtest",
    "conformal_interval",
    "forecast",
    "series_to_supervised",
]
