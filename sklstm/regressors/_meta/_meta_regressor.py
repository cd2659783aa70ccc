"""What regressors that train another one inside them have in common."""

from typing import Any

from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from sklstm._sklearn._callbacks import FollowedMixin
from sklstm._sklearn._composition import final_estimator
from sklstm.regressors._base import ScoredInStep
from sklstm.regressors._meta._steps import method_of, steps_of


class MetaRegressor(ScoredInStep, FollowedMixin, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Routing and tags, which are those of the regressor inside."""

    regressor: Any

    def get_metadata_routing(self):
        """Tell which parameters of `fit` and `partial_fit` go to the regressor.

        Returns
        -------
        MetadataRouter
            What scikit-learn's metadata routing asks for.
        """
        mapping = MethodMapping()
        for method in ("fit", "partial_fit"):
            mapping.add(caller=method, callee=method_of(self.regressor, method))
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(regressor=self.regressor, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.regressor)
        tags.input_tags.three_d_array = inner.input_tags.three_d_array
        tags.target_tags.multi_output = inner.target_tags.multi_output
        tags.target_tags.single_output = inner.target_tags.single_output
        tags.regressor_tags = inner.regressor_tags
        tags.non_deterministic = inner.non_deterministic
        return tags


def can_go_on(estimator):
    """Tell whether the regressor inside has a `partial_fit`."""
    return hasattr(steps_of(estimator.regressor)[-1], "partial_fit")


def predicts_quantiles(estimator):
    """Tell whether the regressor inside predicts quantiles."""
    regressor = getattr(estimator, "regressor_", estimator.regressor)
    return hasattr(final_estimator(regressor), "predict_quantiles")
