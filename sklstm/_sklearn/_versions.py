"""Kept models say which version of the package has made them."""

import sys
from typing import Any

from sklstm._sklearn._warnings import KeptVersionWarning, warn


class VersionedMixin:
    """Notes the version in the state of an estimator that is kept, and compares it when loaded."""

    def __getstate__(self):
        state: Any = super().__getstate__()
        return {**state, "_sklstm_version": _version()}

    def __setstate__(self, state):
        state = dict(state)
        version = state.pop("_sklstm_version", None)
        if version != _version():
            made = "an earlier version" if version is None else f"version {version}"
            warn(
                f"This {type(self).__name__} was made by {made} of sklstm, but this is version"
                f" {_version()}. It may fail or predict other values, as what a fitted model holds"
                " can change from version to version. Install the version that made it, or fit it"
                " anew and compare predictions.",
                KeptVersionWarning,
            )
        estimator: Any = super()
        estimator.__setstate__(state)


def _version():
    return sys.modules["sklstm"].__version__
