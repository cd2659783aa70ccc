"""Regressors that scikit-learn drives and that the engine trains."""
