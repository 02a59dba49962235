"""Distillation losses: tensors in, scalar out."""
from .adversarial import AdversarialFeatureLoss
from .affinity import AffinityLoss
from .base import MultiLevelLoss
from .bounded_regression import (
    BoundedRegressionLoss,
    bounded_squared_error,
)
from .boxes import boxes_of, union_mask
from .depth_bins import DepthBins, apparent_depth_ratio
from .depth_distribution import DepthDistributionLoss
from .depth_dual_kl import DepthDualKLLoss
from .depth_uncertainty import depth_uncertainty
from .discriminator import FeatureDiscriminator
from .dual_kl import DualKLLoss
from .feature_mse import FeatureMSELoss
from .fgd import FGDLoss
from .giou import generalized_iou
from .gradient_reversal import reverse_gradient
from .hard_negatives import hard_negatives
from .imitation import FineGrainedImitationLoss
from .imitation_mask import imitation_mask
from .masked_feature import MaskedFeatureLoss
from .mgd import MGDLoss
from .pearson import PearsonLoss
from .precision import in_full_precision
from .soft_cross_entropy import SoftCrossEntropyLoss, soft_cross_entropy
from .spearman import SpearmanLoss, soft_rank

__all__ = [
    'AdversarialFeatureLoss', 'AffinityLoss', 'BoundedRegressionLoss',
    'DepthBins', 'DepthDistributionLoss', 'DepthDualKLLoss', 'DualKLLoss',
    'FGDLoss', 'FeatureDiscriminator', 'FeatureMSELoss',
    'FineGrainedImitationLoss', 'MGDLoss', 'MaskedFeatureLoss',
    'MultiLevelLoss', 'PearsonLoss', 'SoftCrossEntropyLoss', 'SpearmanLoss',
    'apparent_depth_ratio', 'bounded_squared_error', 'boxes_of',
    'depth_uncertainty', 'generalized_iou', 'hard_negatives', 'imitation_mask',
    'in_full_precision', 'reverse_gradient', 'soft_cross_entropy', 'soft_rank',
    'union_mask'
]
