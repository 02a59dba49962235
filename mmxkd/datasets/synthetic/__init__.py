"""Seeded road scenes in fog, seen by an RGB and a gated camera."""
from .camera import canvas_camera
from .difficulty import Difficulty
from .raster import GBuffer, rasterize
from .render_gated import range_profile, render_gated
from .render_rgb import apply_fog, render_rgb
from .sampler import sample_scene
from .scene import Scene, SceneObject
from .writer import SyntheticSettings, write_dataset

__all__ = [
    'Difficulty', 'GBuffer', 'Scene', 'SceneObject', 'SyntheticSettings',
    'apply_fog', 'canvas_camera', 'range_profile', 'rasterize',
    'render_gated', 'render_rgb', 'sample_scene', 'write_dataset'
]
