"""Distillation losses: tensors in, scalar out."""
from .adversarial import AdversarialFeatureLoss
from .base import MultiLevelLoss
from .boxes import boxes_of, union_mask
from .discriminator import FeatureDiscriminator
from .feature_mse import FeatureMSELoss
from .gradient_reversal import reverse_gradient
from .precision import in_full_precision

__all__ = [
    'AdversarialFeatureLoss', 'FeatureDiscriminator', 'FeatureMSELoss',
    'MultiLevelLoss', 'boxes_of', 'in_full_precision', 'reverse_gradient',
    'union_mask'
]
