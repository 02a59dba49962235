"""What needs mmdet3d; imported only when a config names it::

    custom_imports = dict(imports=['mmxkd', 'mmxkd.mono3d'])
"""
from .data_preprocessor import Mono3DDataPreprocessor
from .depth_heads import DidDepthHead, GupDepthHead
from .detector import MonoRoI3D
from .dla import MonoDLANet
from .dla_up_neck import DLAUpNeck
from .htl_hook import HTLHook
from .mono_head_loss import MonoHeadLoss
from .mono_kitti_dataset import MonoKittiDataset
from .mono_roi_head import MonoRoIHead
from .review_fusion import ReviewFusionConnector
from .roi_branch import MonoRoIBranch
from .smoke_head import SMOKEMono3DHead
from .targets import MonoTargetEncoder
from .transforms import (
    AffineResize,
    ClippedNormalShiftScale,
    ColourJitter,
    Pack3DDetInputs,
    RandomFlip3D,
)

__all__ = [
    'AffineResize', 'ClippedNormalShiftScale', 'ColourJitter', 'DLAUpNeck',
    'DidDepthHead', 'GupDepthHead', 'HTLHook', 'Mono3DDataPreprocessor',
    'MonoDLANet', 'MonoHeadLoss', 'MonoKittiDataset', 'MonoRoI3D',
    'MonoRoIBranch', 'MonoRoIHead', 'MonoTargetEncoder', 'Pack3DDetInputs',
    'RandomFlip3D', 'ReviewFusionConnector', 'SMOKEMono3DHead'
]
