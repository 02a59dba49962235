"""Distillation losses: tensors in, scalar out."""
from .adversarial import AdversarialFeatureLoss
from .base import MultiLevelLoss
from .bounded_regression import (
    BoundedRegressionLoss,
    bounded_squared_error,
)
from .boxes import boxes_of, union_mask
from .discriminator import FeatureDiscriminator
from .feature_mse import FeatureMSELoss
from .fgd import FGDLoss
from .gradient_reversal import reverse_gradient
from .hard_negatives import hard_negatives
from .mgd import MGDLoss
from .precision import in_full_precision
from .soft_cross_entropy import SoftCrossEntropyLoss, soft_cross_entropy

__all__ = [
    'AdversarialFeatureLoss', 'BoundedRegressionLoss', 'FGDLoss',
    'FeatureDiscriminator', 'FeatureMSELoss', 'MGDLoss', 'MultiLevelLoss',
    'SoftCrossEntropyLoss', 'bounded_squared_error', 'boxes_of',
    'hard_negatives', 'in_full_precision', 'reverse_gradient',
    'soft_cross_entropy', 'union_mask'
]
