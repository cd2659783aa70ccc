"""The methods that `accuracy.py` compares."""
