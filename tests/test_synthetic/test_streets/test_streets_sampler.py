from collections import Counter

import numpy as np
import pytest

from mmxkd.synthetic import box_of, sample_kitti_scene
from mmxkd.synthetic.streets.annotate import CLASSES
from tests.helpers.box_contains import box_contains


@pytest.fixture(scope='module')
def scenes():
    return [sample_kitti_scene(0, index) for index in range(25)]


def test_same_seed_and_index_give_the_same_scene(scenes):
    again = sample_kitti_scene(0, 4)
    other = sample_kitti_scene(1, 4)
    places = [[tuple(thing.position) for thing in scene.objects]
              for scene in (scenes[4], again, other)]
    assert places[0] == places[1] != places[2]


def test_clear_days_with_all_kinds(scenes):
    assert {(s.atmosphere.weather, s.atmosphere.daytime)
            for s in scenes} == {('clear', 'day')}
    kinds = Counter(thing.kind for scene in scenes for thing in scene.objects)
    assert set(CLASSES) <= set(kinds)
    assert kinds['car'] + kinds['hatchback'] > 4 * len(scenes)


def test_all_stands_on_the_ground_before_the_camera(scenes):
    for scene in scenes:
        for thing in (*scene.objects, *scene.backdrop):
            assert thing.position[1] == pytest.approx(1.65)
        for thing in scene.objects:
            if thing.kind in CLASSES:
                assert box_of(thing).corners()[:, 2].min() > .5


def test_cars_do_not_stand_in_each_other(scenes):
    for scene in scenes:
        cars = [
            box_of(o) for o in scene.objects
            if CLASSES.get(o.kind) in ('Car', 'Van', 'Truck')
        ]
        for number, car in enumerate(cars):
            for other in cars[:number]:
                # Along the outline of one car.
                corners = car.corners()[:4]
                outline = np.concatenate([
                    corners + share * (np.roll(corners, -1, axis=0) - corners)
                    for share in np.linspace(0, 1, 20)
                ])
                assert not box_contains(other, outline, 0).any()


def test_headings_of_all_kinds(scenes):
    yaws = np.array([
        o.yaw for s in scenes for o in s.objects
        if CLASSES.get(o.kind) == 'Car'
    ])
    with_us, oncoming = np.cos(yaws) > .9, np.cos(yaws) < -.9
    assert with_us.mean() > .2 and oncoming.mean() > .2
    assert (~with_us & ~oncoming).sum() > 5
