import numpy as np
import pytest

from mmxkd.synthetic import (
    annotate_kitti,
    kitti_calibration,
    kitti_camera,
    kitti_lidar,
    rasterize,
    sample_kitti_scene,
    scan,
)

FOCAL, U0, V0 = 721.5377, 609.5593, 172.854


def _label(scene, scale=1.0):
    camera = kitti_camera(scale)
    return annotate_kitti(scene, rasterize(scene, camera), camera)


def test_a_block_by_hand(make_scene, make_block):
    labels = _label(make_scene(make_block(0, 20, size=(1.5, 2, 4))))
    # Its face at z = 18 spans x -1..1 and ends at y = 1.65; the camera looks
    # upon its top, y = 0.15, up to z = 22.
    assert labels['bbox'] == [
        pytest.approx([
            U0 - FOCAL / 18, V0 + FOCAL * .15 / 22, U0 + FOCAL / 18,
            V0 + FOCAL * 1.65 / 18
        ], abs=.01)
    ]
    assert labels['name'] == ['Car']
    assert labels['truncated'] == [0] and labels['occluded'] == [0]
    assert labels['dimensions'] == [(1.5, 2, 4)]
    # Camera 0 stands 6 cm to the right and 3 mm ahead.
    assert labels['location'] == [pytest.approx((-.06, 1.65, 19.997))]
    # It drives away: KITTI's rotation is -90 degrees.
    assert labels['rotation_y'] == [pytest.approx(-np.pi / 2, abs=1e-4)]
    assert labels['alpha'] == [
        pytest.approx(-np.pi / 2 + np.arctan(.06 / 19.997), abs=1e-4)
    ]


@pytest.mark.parametrize('yaw, rotation', [(0, -np.pi / 2), (np.pi / 2, 0),
                                           (np.pi / 4, -np.pi / 4),
                                           (-np.pi / 2, -np.pi),
                                           (3, 3 - np.pi / 2),
                                           (-3, 2 * np.pi - 3 - np.pi / 2)])
def test_rotation_is_zero_along_x_and_wraps(make_scene, make_block, yaw,
                                            rotation):
    labels = _label(make_scene(make_block(5, 20, yaw=yaw)))
    assert labels['rotation_y'] == [pytest.approx(rotation, abs=1e-4)]
    alpha = rotation - np.arctan2(4.94, 19.997)
    assert np.sin(labels['alpha'][0]) == pytest.approx(np.sin(alpha), abs=1e-4)
    assert -np.pi <= labels['alpha'][0] <= np.pi


def test_half_outside_is_half_truncated(make_scene, make_block):
    edge = -U0 / FOCAL * 20
    thin = (1.5, 4, .01)
    labels = _label(make_scene(make_block(edge, 20, size=thin)))
    assert labels['truncated'] == [pytest.approx(.5, abs=.01)]
    assert labels['bbox'][0][0] == 0
    assert labels['bbox'][0][2] == pytest.approx(FOCAL * 2 / 20, abs=.2)
    # On the right the last pixel has the number 1241.
    right = (1241 - U0) / FOCAL * 20
    labels = _label(make_scene(make_block(right, 20, size=thin)))
    assert labels['truncated'] == [pytest.approx(.5, abs=.01)]
    assert labels['bbox'][0][2] == 1241
    gone = make_block(right + 1.9, 20, size=thin)
    assert _label(make_scene(gone))['name'] == []


@pytest.mark.parametrize('hidden, level', [(0, 0), (.1, 0), (.3, 1), (.6, 2),
                                           (.9, 3), (1, None)])
def test_occlusion_by_a_wall(make_scene, make_block, make_wall, hidden, level):
    # The face at z = 28 spans x -1..1; the wall stands half as far away.
    car = make_block(0, 30)
    wall = make_wall(14.0, right=-.5 + hidden)
    labels = _label(make_scene(car, wall))
    assert labels['occluded'] == ([] if level is None else [level])
    if level is not None:  # the box goes on behind the wall
        assert labels['bbox'] == _label(make_scene(car))['bbox']


def test_the_far_and_the_tiny_do_not_count(make_scene, make_block):
    far, near, tiny = (make_block(-5, 70), make_block(0, 20),
                       make_block(5, 40, size=(.3, 1, 1)))
    labels = _label(make_scene(far, tiny, near))
    assert labels['name'] == ['Car', 'DontCare', 'DontCare']
    for column, value in (('truncated', -1), ('occluded', -1), ('alpha', -10),
                          ('dimensions', (-1, -1, -1)),
                          ('location', (-1000, -1000, -1000)), ('rotation_y',
                                                                -10)):
        assert labels[column][1:] == [value, value]
    assert labels['bbox'][1][3] == pytest.approx(V0 + FOCAL * 1.65 / 39.5,
                                                 abs=.01)


def test_clutter_has_no_label(make_scene, make_wall):
    labels = _label(make_scene(make_wall(20.0)))
    assert labels == {key: [] for key in labels}


@pytest.fixture(scope='module')
def streets():
    found = []
    for index in range(6):
        scene = sample_kitti_scene(3, index)
        found.append((scene, _label(scene, .5)))
    return found


def _rows(labels):
    return [
        dict(zip(labels, row, strict=True))
        for row in zip(*labels.values(), strict=True) if row[0] != 'DontCare'
    ]


def _corners(row):
    """The eight corners as the development kit computes them."""
    height, width, length = row['dimensions']
    angle = row['rotation_y']
    x = np.array([1, 1, -1, -1] * 2) * length / 2
    z = np.array([1, -1, -1, 1] * 2) * width / 2
    y = np.array([0] * 4 + [-height] * 4)
    turned = np.stack([
        np.cos(angle) * x + np.sin(angle) * z, y,
        -np.sin(angle) * x + np.cos(angle) * z
    ], axis=1)
    return turned + row['location']


def test_projected_boxes_hold_the_image_boxes(streets):
    calibration = kitti_calibration(.5)
    overlaps = []
    for _, labels in streets:
        for row in _rows(labels):
            pixels = calibration.project(_corners(row))
            low = np.clip(pixels.min(0), 0, (620, 187))
            high = np.clip(pixels.max(0), 0, (620, 187))
            x1, y1, x2, y2 = row['bbox']
            assert x1 >= low[0] - .6 and y1 >= low[1] - .6
            assert x2 <= high[0] + .6 and y2 <= high[1] + .6
            # Both go from head to foot.
            if not row['truncated']:
                overlaps.append((y2 - y1) / (high - low)[1])
                if row['name'] == 'Car':
                    assert (x2 - x1) / (high - low)[0] > .8
    assert len(overlaps) > 30 and np.median(overlaps) > .95


def test_scans_of_labelled_objects_lie_in_their_boxes(streets):
    to_camera = kitti_calibration(.5).lidar_to_camera
    found = 0
    for scene, labels in streets[:3]:
        echoes = scan(scene, kitti_lidar(.34), 1.65)
        points = (echoes.points[:, :3].astype(float) @ to_camera[:3, :3].T
                  + to_camera[:3, 3])
        for row in _rows(labels):
            gaps = [
                abs(thing.position[0] - row['location'][0])
                + abs(thing.position[2] - row['location'][2])
                for thing in scene.objects
            ]
            own = points[echoes.instance == np.argmin(gaps) + 1]
            away = own - row['location']
            angle, (height, width, length) = (row['rotation_y'],
                                              row['dimensions'])
            along = np.cos(angle) * away[:, 0] - np.sin(angle) * away[:, 2]
            across = np.sin(angle) * away[:, 0] + np.cos(angle) * away[:, 2]
            # Four standard deviations of the noise, and the rounding.
            assert np.all(np.abs(along) < length / 2 + .065)
            assert np.all(np.abs(across) < width / 2 + .065)
            assert np.all((away[:, 1] < .065) & (away[:, 1] > -height - .065))
            found += len(own) >= 5
    assert found > 15


def test_near_to_far_and_then_what_does_not_count(streets):
    for _, labels in streets:
        depth = [row['location'][2] for row in _rows(labels)]
        # Boxes are centred on their parts, up to a hand or a bar's breadth
        # from the feet.
        assert np.all(np.diff(depth) > -.5)
        last = len(depth)
        assert set(labels['name'][last:]) <= {'DontCare'}
        assert 'DontCare' not in labels['name'][:last]
