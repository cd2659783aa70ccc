"""What all tests share."""

import os

# Both are read on import, so they stand before anything that could import the libraries.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

from hypothesis import settings

# How long an example takes says something about the machine, not about the package; and every run
# is to try the same examples.
settings.register_profile("sklstm", deadline=None, derandomize=True)
settings.load_profile("sklstm")
