"""Houses and trees along a road, and trees at its end."""
from dataclasses import dataclass

import numpy as np

from . import clutter
from .scene import Road, SceneObject

Range = tuple[float, float]


@dataclass(frozen=True)
class Backdrop:
    """How a road is lined. Ranges are drawn from uniformly; metres.

    Attributes:
        setback: From the pavement to the facades.
        start: Where the first plot begins.
        gap: Between two plots.
        end: Where no further plot begins.
        built: Share of the plots with a house; the others have trees.
        tree_setback: From the facades to the trees.
        far_trees: Distance of the row of trees at the end of the road.
        far_width: Half of the length of that row.
        far_step: From tree to tree in it.
    """

    setback: Range
    start: Range
    gap: Range
    end: float
    built: float
    tree_setback: Range
    far_trees: Range
    far_width: float
    far_step: float

    def sample(self, rng: np.random.Generator, road: Road,
               night: bool) -> list[SceneObject]:
        """Draw the backdrop of one scene."""
        objects: list[SceneObject] = []
        for side, kerb in ((-1.0, road.left), (1.0, road.right)):
            facade = kerb + side * (road.sidewalk + rng.uniform(*self.setback))
            z = rng.uniform(*self.start)
            while z < self.end:
                length = rng.uniform(12.0, 28.0)
                if rng.random() < self.built:
                    objects.append(
                        clutter.house(rng, facade, z, z + length, night))
                else:
                    objects += [
                        clutter.tree(
                            rng,
                            facade + side * rng.uniform(*self.tree_setback),
                            at)
                        for at in np.arange(z + 3.0, z + length, 6.0).tolist()
                    ]
                z += length + rng.uniform(*self.gap)
        row = np.arange(-self.far_width, self.far_width, self.far_step)
        objects += [
            clutter.tree(rng, x + rng.uniform(-3, 3),
                         rng.uniform(*self.far_trees)) for x in row.tolist()
        ]
        return objects
