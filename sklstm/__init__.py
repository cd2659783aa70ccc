"""LSTMs for time series as first-class scikit-learn estimators."""

__version__ = "0.1.0"

__all__: list[str] = []
