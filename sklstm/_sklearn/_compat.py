"""Every name of scikit-learn that is private there, or not in every supported release."""

# ruff: noqa: F401

# Private in name, yet what third-party estimators are built with: scikit-learn's own templates use
# them. Seen in 1.6 to 1.9.
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._indexing import _get_column_indices as get_column_indices
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _check_n_features as check_n_features
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # Before 1.9 there are no callbacks.
    CallbackSupportMixin = object

    def with_callbacks(fit):
        """Return `fit` as it is."""
        return fit
