"""LSTMs for time series as first-class scikit-learn estimators."""

from sklstm._supervised import series_to_supervised

__version__ = "0.1.0"

__all__ = ["series_to_supervised"]
