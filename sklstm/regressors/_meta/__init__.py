"""What the meta-regressors are made of: rows, targets and windows on their way to a regressor."""
