from collections import Counter

import numpy as np
import pytest

from mmxkd.errors import ConfigError
from mmxkd.synthetic import SceneDifficulty, sample_scene
from mmxkd.synthetic.worlds.difficulty import BETA_RANGES
from mmxkd.synthetic.worlds.scene import CAMERA_HEIGHT


@pytest.fixture(scope='module')
def scenes():
    return [sample_scene(0, index, SceneDifficulty()) for index in range(120)]


def test_same_seed_and_index_give_the_same_scene():
    first, second = (sample_scene(4, 9, SceneDifficulty()) for _ in range(2))
    assert first.atmosphere.beta == second.atmosphere.beta
    assert [o.kind for o in first.objects] == [o.kind for o in second.objects]
    for a, b in zip(first.objects, second.objects, strict=True):
        assert np.array_equal(a.position, b.position)


def test_neighbouring_frames_and_seeds_differ():
    positions = {
        tuple(
            sample_scene(seed, index, SceneDifficulty()).objects[0].position)
        for seed in range(3) for index in range(3)
    }
    assert len(positions) == 9


def test_weather_follows_the_mix(scenes):
    counts = Counter(s.atmosphere.weather for s in scenes)
    assert counts['light_fog'] / len(scenes) == pytest.approx(.6, abs=.12)
    for scene in scenes:
        low, high = BETA_RANGES[scene.atmosphere.weather]
        assert low <= scene.atmosphere.beta <= high


def test_objects_stand_on_the_ground_far_to_near(scenes):
    for scene in scenes:
        distances = [thing.distance for thing in scene.objects]
        assert distances == sorted(distances, reverse=True)
        for thing in scene.objects:
            assert thing.position[1] == CAMERA_HEIGHT
            assert len(thing.parts) > 0


def test_pedestrians_keep_their_range_and_their_distance(scenes):
    total = 0
    for scene in scenes:
        people = [o for o in scene.objects if o.kind == 'pedestrian']
        total += len(people)
        for person in people:
            assert 10 <= person.distance <= 50
        places = np.array([p.position[[0, 2]] for p in people])
        for a in range(len(people)):
            for b in range(a):
                assert np.abs(places[a] - places[b]).max() > .7
    assert total / len(scenes) == pytest.approx(4, abs=.6)


def test_nobody_stands_in_a_car(scenes):
    for scene in scenes:
        for car in scene.objects:
            if car.label not in ('PassengerCar', 'LargeVehicle'):
                continue
            for person in scene.objects:
                if person.kind == 'pedestrian':
                    gap = np.abs(person.position - car.position)
                    assert (gap[0] > car.size[1] / 2
                            or gap[2] > car.size[2] / 2)


def test_decoys_have_the_colours_of_people_but_another_nir(scenes):

    def nir(kinds):
        return [
            np.mean([part.material.nir for part in thing.parts])
            for scene in scenes for thing in scene.objects
            if thing.kind in kinds
        ]

    people = nir({'pedestrian'})
    dark, bright = nir({'bin', 'pillar'}), nir({'shrub'})
    assert max(dark) < min(people) < max(people) < min(bright)


def test_bad_weather_mix_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'dense_fog'"):
        SceneDifficulty(weather_mix={'dense_fogg': 1.0})
    with pytest.raises(ConfigError, match='0 or more'):
        SceneDifficulty(weather_mix={'clear': -1.0})
    with pytest.raises(ConfigError, match='no weather in it'):
        SceneDifficulty(weather_mix={})
