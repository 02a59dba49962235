"""What needs mmdet3d; imported only when a config names it::

    custom_imports = dict(imports=['mmxkd', 'mmxkd.mono3d'])
"""
from .depth_heads import DidDepthHead, GupDepthHead
from .dla import MonoDLANet
from .dla_up_neck import DLAUpNeck
from .mono_roi_head import MonoRoIHead
from .roi_branch import MonoRoIBranch
from .targets import MonoTargetEncoder

__all__ = [
    'DLAUpNeck', 'DidDepthHead', 'GupDepthHead', 'MonoDLANet', 'MonoRoIBranch',
    'MonoRoIHead', 'MonoTargetEncoder'
]
