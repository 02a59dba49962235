"""Seeded road scenes, seen by cameras and a LiDAR.

Four datasets are drawn from them: fog, with an RGB and a gated camera, in the
layout of Seeing Through Fog; streets, with an RGB camera and a LiDAR, in that
of KITTI; pieces of these streets in that of PASCAL VOC; and drives by day and
night, with three cameras and eight microphones, in that of MAVD.
"""
from .drives.settings import DriveSettings
from .drives.writer import write_drives
from .fog.rig import canvas_camera
from .fog.sampler import sample_scene
from .fog.writer import SyntheticSettings, write_dataset
from .sensors.gated import range_profile, render_gated
from .sensors.lidar import Lidar, Scan, scan
from .sensors.raster import GBuffer, rasterize
from .sensors.rgb import apply_fog, render_rgb
from .streets.annotate import annotate_kitti
from .streets.rig import kitti_calibration, kitti_camera, kitti_lidar
from .streets.sampler import sample_kitti_scene
from .streets.voc_writer import VocSettings, write_voc_dataset
from .streets.writer import KittiSettings, write_kitti_dataset
from .worlds.boxes import Box, box_of
from .worlds.difficulty import SceneDifficulty
from .worlds.ordering import paint_order
from .worlds.scene import Scene, SceneObject

__all__ = [
    'Box', 'DriveSettings', 'GBuffer', 'KittiSettings', 'Lidar', 'Scan',
    'Scene', 'SceneDifficulty', 'SceneObject', 'SyntheticSettings',
    'VocSettings', 'annotate_kitti', 'apply_fog', 'box_of', 'canvas_camera',
    'kitti_calibration', 'kitti_camera', 'kitti_lidar', 'paint_order',
    'range_profile', 'rasterize', 'render_gated', 'render_rgb',
    'sample_kitti_scene', 'sample_scene', 'scan', 'write_dataset',
    'write_drives', 'write_kitti_dataset', 'write_voc_dataset'
]
