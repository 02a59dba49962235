"""Distillation losses: tensors in, scalar out."""
from .adversarial import AdversarialFeatureLoss
from .affinity import AffinityLoss
from .attention import attention_map
from .attention_transfer import AttentionTransferLoss
from .base import MultiLevelLoss
from .bounded_regression import (
    BoundedRegressionLoss,
    bounded_squared_error,
)
from .boxes import boxes_of, union_mask
from .cwd import ChannelWiseDistillationLoss
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
from .mta import MultiTeacherAlignmentLoss
from .pearson import PearsonLoss
from .pkd import PKDLoss
from .precision import in_full_precision
from .soft_cross_entropy import SoftCrossEntropyLoss, soft_cross_entropy
from .soft_label_kl import SoftLabelKLLoss
from .spearman import SpearmanLoss, soft_rank

__all__ = [
    'AdversarialFeatureLoss', 'AffinityLoss', 'AttentionTransferLoss',
    'BoundedRegressionLoss', 'ChannelWiseDistillationLoss', 'DepthBins',
    'DepthDistributionLoss', 'DepthDualKLLoss', 'DualKLLoss', 'FGDLoss',
    'FeatureDiscriminator', 'FeatureMSELoss', 'FineGrainedImitationLoss',
    'MGDLoss', 'MaskedFeatureLoss', 'MultiLevelLoss',
    'MultiTeacherAlignmentLoss', 'PKDLoss', 'PearsonLoss',
    'SoftCrossEntropyLoss', 'SoftLabelKLLoss', 'SpearmanLoss',
    'apparent_depth_ratio', 'attention_map', 'bounded_squared_error',
    'boxes_of', 'depth_uncertainty', 'generalized_iou', 'hard_negatives',
    'imitation_mask', 'in_full_precision', 'reverse_gradient',
    'soft_cross_entropy', 'soft_rank', 'union_mask'
]
