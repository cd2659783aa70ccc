"""Displays: pictures of forecasts and trainings, with the interface of scikit-learn's displays."""
