"""Intervals: conformal ones, and those between predicted quantiles."""
