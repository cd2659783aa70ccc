"""Scores of forecasts, of one series and of many."""

from sklstm.metrics._intervals import interval_coverage, weighted_quantile_loss, winkler_score
from sklstm.metrics._percentage_errors import (
    overall_weighted_average,
    symmetric_mean_absolute_percentage_error,
)
from sklstm.metrics._scaled_errors import mean_absolute_scaled_error, root_mean_squared_scaled_error

__all__ = [
    "interval_coverage",
    "mean_absolute_scaled_error",
    "overall_weighted_average",
    "root_mean_squared_scaled_error",
    "symmetric_mean_absolute_percentage_error",
    "weighted_quantile_loss",
    "winkler_score",
]
