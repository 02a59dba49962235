"""Losses of depth branches, and their bins."""
from .bins import DepthBins, apparent_depth_ratio
from .depth_branch import DepthBranch, DepthBranchDualKLLoss
from .depth_dual_kl import DepthDualKLLoss
from .distribution import DepthDistributionLoss
from .uncertainty import depth_uncertainty

__all__ = [
    'DepthBins', 'DepthBranch', 'DepthBranchDualKLLoss',
    'DepthDistributionLoss', 'DepthDualKLLoss', 'apparent_depth_ratio',
    'depth_uncertainty'
]
