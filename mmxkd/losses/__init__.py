"""Distillation losses: tensors in, scalar out."""
from .adversarial import AdversarialFeatureLoss
from .base import MultiLevelLoss
from .discriminator import FeatureDiscriminator
from .feature_mse import FeatureMSELoss
from .gradient_reversal import reverse_gradient

__all__ = [
    'AdversarialFeatureLoss', 'FeatureDiscriminator', 'FeatureMSELoss',
    'MultiLevelLoss', 'reverse_gradient'
]
