"""Draws scenes: the same seed and index always give the same one."""
from collections.abc import Callable

import numpy as np

from mmxkd.synthetic.worlds import clutter, people, vehicles
from mmxkd.synthetic.worlds.air import sample_atmosphere
from mmxkd.synthetic.worlds.backdrop import Backdrop
from mmxkd.synthetic.worlds.difficulty import SceneDifficulty
from mmxkd.synthetic.worlds.placing import (
    Ground,
    Place,
    far_to_near,
    sample_kerb,
)
from mmxkd.synthetic.worlds.scene import (
    SCENE_STREAM,
    Road,
    Scene,
    SceneObject,
)

# Half of the field of view, as x / z; the camera's centre is off the middle.
VIEW_LEFT, VIEW_RIGHT = -0.27, 0.25
BACKDROP = Backdrop(setback=(.5, 3.0), start=(6.0, 12.0), gap=(0.0, 6.0),
                    end=130.0, built=.65, tree_setback=(.5, 4.0),
                    far_trees=(135, 170), far_width=40.0, far_step=8.0)


def sample_scene(seed: int, index: int, difficulty: SceneDifficulty) -> Scene:
    """Draw one frame's scene.

    Args:
        seed (int): Seed of the data set.
        index (int): Number of the frame.
        difficulty (SceneDifficulty): What to draw from.
    """
    rng = np.random.default_rng([seed, index, SCENE_STREAM])
    atmosphere = sample_atmosphere(rng, difficulty)
    night = atmosphere.daytime == 'night'
    left = rng.uniform(-6.5, -5.0)
    road = Road(left, rng.uniform(1.9, 3.2), rng.uniform(2.0, 3.5),
                rng.uniform(.10, .2), rng.uniform(0, 9))
    return Scene(seed=seed, index=index, road=road, atmosphere=atmosphere,
                 backdrop=far_to_near(BACKDROP.sample(rng, road, night)),
                 objects=_sample_objects(rng, road, difficulty, night))


def _sample_objects(rng: np.random.Generator, road: Road,
                    difficulty: SceneDifficulty,
                    night: bool) -> tuple[SceneObject, ...]:
    ground = Ground()
    objects: list[SceneObject] = []
    near, far = difficulty.pedestrian_range
    outer = (road.left - road.sidewalk, road.right + road.sidewalk)

    def stand(build: Callable[..., SceneObject], nearest: float,
              farthest: float, half_width: float = .35,
              half_length: float = .35) -> None:

        def anywhere() -> Place:
            # Density falls with the distance a little slower than 1 / z.
            z = nearest + (farthest - nearest) * rng.random()**1.4
            x = z * rng.uniform(VIEW_LEFT, VIEW_RIGHT)
            return float(np.clip(x, *outer)), z

        place = ground.find(anywhere, half_width, half_length)
        if place is not None:
            objects.append(build(rng, *place))

    for _ in range(rng.poisson(1.6)):
        objects += _sample_vehicle(rng, road, ground, night)
    if rng.random() < difficulty.group_share:
        stand(people.pedestrian_group, max(near, 30.0), max(far, 31.0), 1.5,
              .8)
    for _ in range(min(rng.poisson(difficulty.pedestrians), 9)):
        stand(people.pedestrian, near, far)
    for _ in range(rng.poisson(.3)):
        stand(people.cyclist, near + 2, far, .4, 1.0)
    for _ in range(min(rng.poisson(difficulty.decoys), 10)):
        stand(clutter.DECOYS[rng.integers(len(clutter.DECOYS))], near, far)
    return far_to_near(objects + sample_kerb(rng, road, ground, night))


def _sample_vehicle(rng: np.random.Generator, road: Road, ground: Ground,
                    night: bool) -> list[SceneObject]:
    kind = str(rng.choice(['car', 'van', 'lorry'], p=[.75, .17, .08]))
    _, width, length = vehicles.SIZES[kind]
    half_length = .6 * length
    lane = rng.random()
    if lane < .4:  # oncoming
        lane_x, yaw, start = road.left / 2, np.pi, 13.0 + half_length
    elif lane < .7:  # ahead of us
        lane_x, yaw, start = 0.0, 0.0, 22.0
    else:  # parked
        lane_x, yaw, start = road.right - .9, 0.0, 13.0 + half_length
    yaw += rng.normal(0, .04)

    def in_lane() -> Place:
        return lane_x + rng.normal(0, .2), rng.uniform(start, 85)

    place = ground.find(in_lane, .55 * width, half_length)
    if place is None:
        return []
    return [vehicles.vehicle(rng, kind, *place, yaw, night and lane < .7)]
