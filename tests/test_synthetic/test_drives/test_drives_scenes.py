"""What is where in synthetic drives, and when."""
from dataclasses import replace

import numpy as np
import pytest

from mmxkd.synthetic import DriveSettings, box_of, rasterize
from mmxkd.synthetic.drives.annotate import annotate_drive
from mmxkd.synthetic.drives.rig import drive_camera
from mmxkd.synthetic.drives.sampler import PLACES, sample_drive
from mmxkd.synthetic.drives.traffic import Lane, sample_traffic
from mmxkd.synthetic.drives.writer import draw_frame

SETTINGS = DriveSettings(train=40, val=2, test=2)


@pytest.fixture(scope='module')
def drives():
    return [sample_drive(SETTINGS, index) for index in range(24)]


def test_every_place_by_day_and_night(drives):
    places = {(d.place, d.atmosphere.daytime) for d in drives}
    assert places == {(p, t) for p in PLACES for t in ('day', 'night')}
    for index, drive in enumerate(drives):
        assert SETTINGS.place_of(index)[1] == drive.atmosphere.daytime
        assert (drive.own.velocity[2] > 0) == (drive.place == 'road')


def test_vehicles_move_evenly(drives):
    for drive in drives[:8]:
        at = [drive.scene(k, t) for k, t in enumerate((0.0, .7))]
        places = [{
            v.number: scene.objects[place].position
            for place, v in vehicles.items()
        } for scene, vehicles in at]
        for number in places[0].keys() & places[1].keys():
            vehicle = drive.vehicles[number - 1]
            assert vehicle.number == number
            way = places[1][number] - places[0][number]
            np.testing.assert_allclose(
                way, .7 * (vehicle.velocity - drive.own.velocity), atol=1e-9)
            # Forwards: it looks where it drives to.
            thing = vehicle.thing
            ahead = np.array([np.sin(thing.yaw), 0, np.cos(thing.yaw)])
            speed = np.linalg.norm(vehicle.velocity)
            np.testing.assert_allclose(vehicle.velocity, speed * ahead,
                                       atol=1e-9)
            assert 5 <= speed <= 14


def test_nobody_drives_into_another(drives):
    """Nor into the own car, 2 m wide, 2 m before the camera to 3 m behind."""
    own = np.array([[-1., -3.], [1., 2.]])
    for drive in drives:
        for time in (-.5, 2.0, 4.5):
            way = drive.own.at(np.array(time))
            ranges = [own] + [(box_of(v.thing).corners() + v.velocity * time
                               - way)[:, [0, 2]][[0, 1, 2, 3]]
                              for v in drive.vehicles]
            low = np.array([r.min(0) for r in ranges])
            high = np.array([r.max(0) for r in ranges])
            meet = np.all((low[:, None] < high) & (low < high[:, None]), -1)
            assert meet.sum() == len(ranges), (drive.index, time)


def test_the_own_car_drives_through_a_world_that_stands(drives):
    drive = next(d for d in drives if d.place == 'road')
    still, later = drive.scene(0, 0.0)[0], drive.scene(1, 1.0)[0]
    way = drive.own.velocity[2]
    houses = [{round(o.distance + shift, 6) for o in scene.backdrop}
              for scene, shift in ((still, 0.0), (later, way))]
    # All that is still ahead was ahead before.
    assert houses[1] <= houses[0] and len(houses[1]) > 20
    assert later.road.dash_phase == pytest.approx(still.road.dash_phase + way)


def test_boxes_are_around_what_is_seen(drives):
    camera = drive_camera(SETTINGS.scale)
    checked = 0
    for drive in drives[:16]:
        scene, vehicles = drive.scene(3, .6)
        surfaces = rasterize(scene, camera)
        for box in annotate_drive(scene, vehicles, surfaces, camera):
            place = next(p for p, v in vehicles.items()
                         if v.number == box.number)
            rows, columns = np.nonzero(surfaces.instance == place + 1)
            x1, y1, x2, y2 = box.box
            seen = np.array(
                [columns.min(),
                 rows.min(),
                 columns.max() + 1,
                 rows.max() + 1])
            assert (seen >= np.floor([x1, y1, 0, 0]) - 1).all()
            assert (seen[2:] <= np.ceil([x2, y2]) + 1).all()
            if box.visible > .99:
                np.testing.assert_allclose(seen, box.box, atol=2)
                checked += 1
            np.testing.assert_allclose(box.place,
                                       scene.objects[place].position[[0, 2]],
                                       atol=1e-3)
    assert checked > 8


def test_hidden_and_tiny_vehicles_have_no_box(make_scene, make_block):
    camera = drive_camera(.25)
    drive = sample_drive(SETTINGS, 0)
    vehicle = drive.vehicles[0]

    def boxes(*blocks):
        scene = make_scene(*blocks)
        return annotate_drive(
            scene, {k: replace(vehicle, number=k) for k in range(len(blocks))},
            rasterize(scene, camera), camera)

    assert [b.number
            for b in boxes(make_block(0, 30), make_block(9, 20))] == [0, 1]
    wall = make_block(0, 12, (4, 12, 1))
    assert [b.number for b in boxes(make_block(0, 30), wall)] == [1]
    assert boxes(make_block(0, 200)) == []
    assert boxes(make_block(40, 20)) == []


def test_night_is_dark_for_the_camera_alone(drives):
    """Contrast of vehicles with what is around them."""
    contrast = {}
    for drive in drives[:14]:
        pictures, boxes = draw_frame(drive, 5, SETTINGS)
        for box in boxes:
            if box.visible < .9 or box.box[2] - box.box[0] < 20:
                continue
            x1, y1, x2, y2 = (int(v) for v in box.box)
            inner = slice(y1 + 2, y2 - 2), slice(x1 + 3, x2 - 3)
            for name, picture in pictures.items():
                grey = picture.astype(float)
                grey = grey if grey.ndim == 2 else grey.mean(2)
                # Of the pixels: half of them, the noise aside.
                value = np.median(grey[inner])
                contrast.setdefault((name, drive.atmosphere.daytime),
                                    []).append(value)
    mean = {key: np.mean(values) for key, values in contrast.items()}
    assert mean['rgb', 'night'] < .15 * mean['rgb', 'day']
    # 16 degrees and more, where the ground has 11: at all hours.
    for light in ('day', 'night'):
        assert min(contrast['thermal', light]) > 22600 + 40 * 12


def test_lamps_are_on_at_night_alone_and_as_often_as_said():
    rng = np.random.default_rng(0)
    lanes = [Lane(0.0, -3.0, 10.0, 20.0, (0.0, 6000.0))]

    def lit(share):
        vehicles = sample_traffic(rng, lanes, share)
        return np.mean(
            [any(p.material.glow for p in v.thing.parts) for v in vehicles])

    assert lit(0.0) == 0 and lit(1.0) == 1
    assert lit(.3) == pytest.approx(.3, abs=.1)
    bright = replace(SETTINGS, lamps=1.0)
    for index in range(4):
        glows = [
            any(p.material.glow for p in v.thing.parts)
            for v in sample_drive(bright, index).vehicles
        ]
        assert glows and set(glows) == {index % 2 == 1}
