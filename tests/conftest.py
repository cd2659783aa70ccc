"""What all tests share."""

import os

# Both are read on import, so they stand before anything that could import the libraries.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
