"""Distillation losses: tensors in, scalar out."""
from .adversarial import AdversarialFeatureLoss
from .affinity import AffinityLoss
from .attention_transfer import AttentionTransferLoss
from .base import DistillationLoss, MultiLevelLoss
from .bounded_regression import BoundedRegressionLoss, bounded_squared_error
from .common.attention import attention_map
from .common.boxes import boxes_of, truncated_mask, union_mask
from .common.discriminator import FeatureDiscriminator
from .common.giou import generalized_iou
from .common.gradient_reversal import reverse_gradient
from .common.hard_negatives import hard_negatives
from .common.precision import in_full_precision
from .cwd import ChannelWiseDistillationLoss
from .depth import (
    DepthBins,
    DepthBranch,
    DepthBranchDualKLLoss,
    DepthDistributionLoss,
    DepthDualKLLoss,
    apparent_depth_ratio,
    depth_uncertainty,
)
from .dual_kl import DualKLLoss
from .feature_mse import FeatureMSELoss
from .feature_sum import FeatureSumLoss
from .fgd import FGDLoss
from .heads import (
    ChenDenseHeadLoss,
    ChenRoIHeadLoss,
    CrossKDLoss,
    HeadLoss,
)
from .imitation import FineGrainedImitationLoss
from .imitation_mask import imitation_mask
from .masked_feature import MaskedFeatureLoss
from .mgd import MGDLoss
from .mta import MultiTeacherAlignmentLoss
from .pearson import PearsonLoss
from .pkd import PKDLoss
from .ranking import RankingLoss
from .soft_cross_entropy import SoftCrossEntropyLoss, soft_cross_entropy
from .soft_label_kl import SoftLabelKLLoss
from .spearman import SpearmanLoss, soft_rank

__all__ = [
    'AdversarialFeatureLoss', 'AffinityLoss', 'AttentionTransferLoss',
    'BoundedRegressionLoss', 'ChannelWiseDistillationLoss',
    'ChenDenseHeadLoss', 'ChenRoIHeadLoss', 'CrossKDLoss', 'DepthBins',
    'DepthBranch', 'DepthBranchDualKLLoss', 'DepthDistributionLoss',
    'DepthDualKLLoss', 'DistillationLoss', 'DualKLLoss', 'FGDLoss',
    'FeatureDiscriminator', 'FeatureMSELoss', 'FeatureSumLoss',
    'FineGrainedImitationLoss', 'HeadLoss', 'MGDLoss', 'MaskedFeatureLoss',
    'MultiLevelLoss', 'MultiTeacherAlignmentLoss', 'PKDLoss', 'PearsonLoss',
    'RankingLoss', 'SoftCrossEntropyLoss', 'SoftLabelKLLoss', 'SpearmanLoss',
    'apparent_depth_ratio', 'attention_map', 'bounded_squared_error',
    'boxes_of', 'depth_uncertainty', 'generalized_iou', 'hard_negatives',
    'imitation_mask', 'in_full_precision', 'reverse_gradient',
    'soft_cross_entropy', 'soft_rank', 'truncated_mask', 'union_mask'
]
