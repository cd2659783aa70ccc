"""LSTMs for time series as first-class scikit-learn estimators."""

from sklstm._sklearn._warnings import (
    AssumedPastWarning,
    ConstantWindowWarning,
    CutTimeStepWarning,
    FewRowsTaughtWarning,
    InverseWarning,
    KeptVersionWarning,
    MissingStepsWarning,
    OneStepWarning,
    SameWeightsWarning,
    SklstmWarning,
    StateResetWarning,
    UndefinedScoreWarning,
    UnknownLagWarning,
    UnknownPastWarning,
    UnnamedSeriesWarning,
    UnsaidHorizonWarning,
    UnscaledTargetWarning,
    UnseenSeriesWarning,
    ZerosNotMaskedWarning,
)
from sklstm.displays._forecast_display import ForecastDisplay
from sklstm.displays._training_history_display import TrainingHistoryDisplay
from sklstm.evaluation._backtest import backtest
from sklstm.evaluation._forecast_scorer import forecast_scorer
from sklstm.evaluation._intervals._conformal import conformal_interval
from sklstm.evaluation._side_by_side import side_by_side
from sklstm.evaluation._time_step_split import TimeStepSplit
from sklstm.forecasting._forecast import forecast
from sklstm.regressors._lstm import LSTMRegressor
from sklstm.regressors._lstm_classifier import LSTMClassifier
from sklstm.regressors._stateful_lstm import StatefulLSTMRegressor
from sklstm.regressors._transformed_series import TransformedSeriesRegressor
from sklstm.regressors._window_scaled import WindowScaledRegressor
from sklstm.transformers._calendar_features import CalendarFeatures
from sklstm.transformers._differencer import Differencer
from sklstm.transformers._lag_windower import LagWindower
from sklstm.transformers._lags_to_window import LagsToWindow
from sklstm.transformers._min_max_scaler import SeriesMinMaxScaler
from sklstm.transformers._series_to_supervised import series_to_supervised

__version__ = "0.2.0.dev0"

__all__ = [
    "AssumedPastWarning",
    "CalendarFeatures",
    "ConstantWindowWarning",
    "CutTimeStepWarning",
    "Differencer",
    "FewRowsTaughtWarning",
    "ForecastDisplay",
    "InverseWarning",
    "KeptVersionWarning",
    "LSTMClassifier",
    "LSTMRegressor",
    "LagWindower",
    "LagsToWindow",
    "MissingStepsWarning",
    "OneStepWarning",
    "SameWeightsWarning",
    "SeriesMinMaxScaler",
    "SklstmWarning",
    "StateResetWarning",
    "StatefulLSTMRegressor",
    "TimeStepSplit",
    "TrainingHistoryDisplay",
    "TransformedSeriesRegressor",
    "UndefinedScoreWarning",
    "UnknownLagWarning",
    "UnknownPastWarning",
    "UnnamedSeriesWarning",
    "UnsaidHorizonWarning",
    "UnscaledTargetWarning",
    "UnseenSeriesWarning",
    "WindowScaledRegressor",
    "ZerosNotMaskedWarning",
    "backtest",
    "conformal_interval",
    "forecast",
    "forecast_scorer",
    "series_to_supervised",
    "side_by_side",
]
