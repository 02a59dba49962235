"""Small scenes with known geometry."""
import numpy as np
import pytest

from mmxkd.synthetic.worlds.scene import (
    Atmosphere,
    Facet,
    Material,
    Road,
    Scene,
    SceneObject,
)
from mmxkd.synthetic.worlds.shapes import Placer


@pytest.fixture(scope='session')
def make_scene():
    """A scene by day with these objects, far to near, and no backdrop."""

    def make(*objects):
        air = Atmosphere('clear', 'day', 0.0, (0, 0, 0), (1, 1, 1), (0, 0, 0),
                         np.array([0, -1.0, 0]), 0.0)
        return Scene(0, 0, Road(-5, 2, 2, .15, 0), air, (), objects)

    return make


@pytest.fixture(scope='session')
def make_block():
    """A box of some size that stands on the ground at y = 1.65."""

    def make(x, z, size=(1.5, 2.0, 4.0), yaw=0.0, kind='car', nir=.5):
        height, width, length = size
        position = np.array([x, 1.65, z])
        parts = Placer(position, yaw).box((-width / 2, 0, -length / 2),
                                          (width / 2, height, length / 2),
                                          Material((.4, .4, .4), nir))
        return SceneObject(kind, 'PassengerCar', position, size, yaw,
                           tuple(parts))

    return make


@pytest.fixture(scope='session')
def make_wall():
    """An upright rectangle that faces the camera, as one object."""

    def make(z, left=-50, right=50, height=5.0, nir=.5):
        corners = np.array(
            [[left, 1.65, z], [right, 1.65, z], [right, 1.65 - height, z],
             [left, 1.65 - height, z]], float)
        facet = Facet(corners, np.array([0, 0, -1.0]),
                      Material((.4, .4, .4), nir))
        return SceneObject('wall', None, np.array([0, 1.65, z]),
                           (height, right - left, .1), 0.0, (facet, ))

    return make
