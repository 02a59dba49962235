"""Seeded road scenes, seen by cameras and a LiDAR.

Two data sets are drawn from them: fog, with an RGB and a gated camera, in the
layout of Seeing Through Fog; and clear days, with an RGB camera and a LiDAR,
in that of KITTI.
"""
from .boxes import Box, box_of
from .camera import canvas_camera
from .difficulty import Difficulty
from .kitti_annotate import annotate_kitti
from .kitti_rig import kitti_calibration, kitti_camera, kitti_lidar
from .kitti_sampler import sample_kitti_scene
from .kitti_writer import KittiSettings, write_kitti_dataset
from .lidar import Lidar, Scan, scan
from .ordering import paint_order
from .raster import GBuffer, rasterize
from .render_gated import range_profile, render_gated
from .render_rgb import apply_fog, render_rgb
from .sampler import sample_scene
from .scene import Scene, SceneObject
from .writer import SyntheticSettings, write_dataset

__all__ = [
    'Box', 'Difficulty', 'GBuffer', 'KittiSettings', 'Lidar', 'Scan', 'Scene',
    'SceneObject', 'SyntheticSettings', 'annotate_kitti', 'apply_fog',
    'box_of', 'canvas_camera', 'kitti_calibration', 'kitti_camera',
    'kitti_lidar', 'paint_order', 'range_profile', 'rasterize',
    'render_gated', 'render_rgb', 'sample_kitti_scene', 'sample_scene',
    'scan', 'write_dataset', 'write_kitti_dataset'
]
