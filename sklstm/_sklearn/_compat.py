"""Every name of scikit-learn that is private there, or not in every supported release."""

# Private in name, yet what third-party estimators are built with: scikit-learn's own templates use
# them. Seen in 1.6 to 1.9.
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # Before 1.9 there are no callbacks.
    CallbackSupportMixin, with_callbacks = object, None

__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_feature_names_in",
    "check_method_params",
    "check_sample_weight",
    "safe_indexing",
    "with_callbacks",
]
