"""One draw moves the picture, the depth, the boxes and the camera."""
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from mmxkd.errors import ConfigError
from mmxkd.mono3d.transforms import (
    AffineResize,
    ClippedNormalShiftScale,
    ColourJitter,
    Pack3DDetInputs,
    RandomFlip3D,
)
from mmxkd.mono3d.transforms.resample import resample
from tests.helpers.mono_places import (
    COLUMN,
    HEIGHT,
    ROW,
    WIDTH,
    Z,
    make_sample,
)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmdet3d')


def seen_at(sample: dict) -> np.ndarray:
    """Where the camera sees the object's centre, pixels of the disk."""
    box = sample['gt_bboxes_3d'].tensor[0].double().numpy()
    q = np.asarray(sample['cam2img'])[:3] @ [box[0], box[1] - .75, box[2], 1]
    return q[:2] / q[2]


def brightest(values: np.ndarray) -> np.ndarray:
    """Centre of what is bright: column and row, centres of pixels at .5."""
    values = values.reshape(*values.shape[:2], -1).sum(2).astype(float)
    y, x = np.mgrid[:values.shape[0], :values.shape[1]] + .5
    return np.array([(x * values).sum(), (y * values).sum()]) / values.sum()


def assert_together(sample: dict, matrix=None, near: float = 1e-4) -> None:
    """Picture, depth, 2-D box and camera say the same place."""
    place = seen_at(sample)
    if matrix is not None:
        place = (np.asarray(matrix) @ [*place, 1])[:2]
    box = sample['gt_bboxes'][0]
    assert np.abs((box[:2] + box[2:]) / 2 - place).max() < near
    assert np.abs(brightest(sample['img']) - place).max() < .3
    # A depth stays in one of the pixels around its place.
    y, x = np.nonzero(sample['depth'])
    assert len(y) and np.abs(x + .5 - place[0]).min() <= 1
    assert np.abs(y + .5 - place[1]).min() <= 1
    assert set(sample['depth'][y, x].tolist()) == {Z}


def test_the_sample_is_what_it_says():
    assert_together(make_sample())


def test_a_flip_moves_all():
    sample = RandomFlip3D(flip_ratio_bev_horizontal=1.)(make_sample())
    assert sample['flip'] and sample['pcd_horizontal_flip']
    assert brightest(sample['img'])[0] == WIDTH - COLUMN - .5
    assert_together(sample)


def test_mmdet3ds_own_flip_leaves_the_camera_and_the_depth():
    """What the twin is for."""
    from mmdet3d.datasets.transforms import RandomFlip3D as Stock
    sample = Stock(flip_ratio_bev_horizontal=1.)(make_sample())
    with pytest.raises(AssertionError):
        assert_together(sample)
    with pytest.raises(ConfigError, match="'depth'"):
        Pack3DDetInputs(('img', 'depth'))(sample)


def test_no_flip_changes_nothing():
    before, after = make_sample(), RandomFlip3D(flip_ratio_bev_horizontal=0.)(
        make_sample())
    assert (before['cam2img'] == after['cam2img']).all()
    assert (before['depth'] == after['depth']).all()
    assert_together(after)


@pytest.mark.parametrize('flip', [0., 1.])
@pytest.mark.parametrize('crop', [None, (0.8, 0.05, 0.03), (1.3, -0.1, 0.02)])
def test_affine_moves_all(flip, crop):
    sample = RandomFlip3D(flip_ratio_bev_horizontal=flip)(make_sample())
    if crop:
        whole = np.array([WIDTH, HEIGHT], float)
        # A mirrored scene is cropped on the other side.
        side = -1 if flip else 1
        sample.update(size=whole * crop[0],
                      center=whole / 2 + whole * [side * crop[1], crop[2]])
    sample = AffineResize((192, 96), 4)(sample)
    assert sample['img'].shape == (96, 192, 3)
    assert sample['depth'].shape == (96, 192)
    assert_together(sample, np.diag([4, 4, 1]) @ sample['trans_mat'])
    assert sample['aug_scale'] == pytest.approx(crop[0] if crop else 1)


def test_a_whole_pipeline_draws_once():
    """Picture and depth agree for each of many draws."""
    np.random.seed(0)
    steps = [
        RandomFlip3D(flip_ratio_bev_horizontal=.5),
        ClippedNormalShiftScale(prob=1.),
        AffineResize((192, 96), 4)
    ]
    scales = []
    for _ in range(25):
        sample = make_sample()
        for step in steps:
            sample = step(sample)
        place = (np.diag([4, 4, 1]) @ sample['trans_mat']
                 @ [*seen_at(sample), 1])[:2]
        if ((place > 3) & (place < [189, 93])).all():
            scales.append(sample['aug_scale'])
            assert_together(sample,
                            np.diag([4, 4, 1]) @ sample['trans_mat'], 1e-3)
    assert len(scales) > 8 and len(set(scales)) > 8


def test_the_draws_are_clipped_normals():
    np.random.seed(0)
    step, found = ClippedNormalShiftScale(prob=1.), []
    for _ in range(2000):
        sample = step(make_sample())
        found.append([
            sample['size'][0] / WIDTH, sample['center'][0] / WIDTH - .5,
            sample['center'][1] / HEIGHT - .5
        ])
    found = np.array(found)
    assert found.min(0) == pytest.approx([.6, -.2, -.2])
    assert found.max(0) == pytest.approx([1.4, .2, .2])
    # As many are cut off on either side as of a normal distribution.
    assert np.isclose(found[:, 0], .6).mean() == pytest.approx(.159, abs=.03)
    assert np.isclose(np.abs(found[:, 1:]),
                      .2).mean() == pytest.approx(.046, abs=.02)
    assert found.mean(0) == pytest.approx([1, 0, 0], abs=.03)
    assert not ClippedNormalShiftScale(prob=0.)(make_sample())['affine_aug']


def test_linear_depth_blends_and_the_other_does_not():
    sample = make_sample()
    sample['depth'][:] = np.where(np.arange(WIDTH) < WIDTH // 2, 10, 50)
    kept = AffineResize((144, 72), 4)(dict(sample))['depth']
    assert set(np.unique(kept)) == {10, 50}
    blended = AffineResize((144, 72), 4, depth='linear')(dict(sample))['depth']
    assert len(np.unique(blended)) > 2


def test_resample_is_the_slow_definition():
    draw = np.random.default_rng(0)
    values = draw.integers(0, 256, (11, 17, 2)).astype(np.uint8)
    matrix = np.array([[1.7, 0, -3.3], [0, 1.7, 2.1], [0, 0, 1]])
    found = resample(values, matrix, (20, 24))
    for v in range(20):
        for u in range(24):
            x, y = (u + .5 + 3.3) / 1.7, (v + .5 - 2.1) / 1.7
            if not (0 <= x < 17 and 0 <= y < 11):
                assert (found[v, u] == 0).all()
                continue
            x, y = x - .5, y - .5
            i, j = int(np.floor(x)), int(np.floor(y))
            total = np.zeros(2)
            for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
                weight = abs(1 - a - (x - i)) * abs(1 - b - (y - j))
                total += weight * values[np.clip(j + b, 0, 10),
                                         np.clip(i + a, 0, 16)]
            assert np.abs(found[v, u] - np.floor(total + 1e-4)).max() <= 1
            assert np.abs(found[v, u] - total).max() < 1.001


def test_resample_refuses_a_rotation():
    with pytest.raises(ValueError, match='scales and shifts'):
        resample(np.zeros((4, 4)), np.array([[1, .1, 0], [0, 1, 0],
                                             [0, 0, 1]]), (4, 4))


def test_colours_change_and_nothing_moves():
    np.random.seed(3)
    sample = make_sample()
    sample['img'][:] = np.random.randint(256, size=sample['img'].shape)
    found = ColourJitter()(dict(sample))
    assert found['img'].dtype == np.float32
    assert np.corrcoef(found['img'].ravel(), sample['img'].ravel())[0, 1] > .95
    same = ColourJitter(0., 0.)(dict(sample))
    assert np.abs(same['img'] - sample['img']).max() < 1e-3
    # It is known to keep pixels in place: packing refuses nothing.
    Pack3DDetInputs(('img', 'depth'))(found)


def test_colours_keep_grey_grey_without_lighting():
    np.random.seed(0)
    sample = make_sample()
    sample['img'][:] = np.random.randint(256, size=(HEIGHT, WIDTH, 1))
    found = ColourJitter(.4, 0.)(sample)['img']
    assert np.abs(found - found[..., :1]).max() < 1e-2


def test_packing():
    sample = AffineResize((192, 96), 4)(make_sample())
    packed = Pack3DDetInputs(('img', 'depth', 'gt_bboxes', 'gt_bboxes_labels',
                              'gt_bboxes_3d', 'gt_labels_3d'),
                             depth_target=True)(sample)
    inputs, found = packed['inputs'], packed['data_samples']
    assert inputs['img'].shape == (3, 96, 192)
    assert inputs['depth'].shape == (1, 96, 192)
    assert inputs['depth'].dtype == torch.float32
    assert (found.gt_depth.data == inputs['depth']).all()
    assert found.gt_instances_3d.kept.tolist() == [True]
    assert {'cam2img', 'trans_mat', 'aug_scale'} <= set(found.metainfo_keys())


def test_packing_what_was_not_loaded():
    sample = make_sample()
    del sample['depth']
    with pytest.raises(ConfigError, match="'depth' of 000003.png"):
        Pack3DDetInputs(('img', ), depth_target=True)(sample)


@pytest.mark.parametrize('build, message', [
    (lambda: ClippedNormalShiftScale(scale=1.), 'scale=1.0'),
    (lambda: ClippedNormalShiftScale(prob=2.), 'prob=2.0'),
    (lambda: ClippedNormalShiftScale(shift='.1'), "shift='.1'"),
    (lambda: ColourJitter(strength=-3), 'strength=-3'),
    (lambda: ColourJitter(lighting='0'), "lighting='0'"),
    (lambda: RandomFlip3D(2.), 'flip_ratio_bev_horizontal=2.0'),
    (lambda: RandomFlip3D('1'), "flip_ratio_bev_horizontal='1'"),
    (lambda: RandomFlip3D(projection='byz'), "'by_z'"),
    (lambda: AffineResize((4, 4), depth='nearest'), "'linear'"),
])
def test_options_that_cannot_be(build, message):
    with pytest.raises(ConfigError, match=message):
        build()


def test_a_frame_without_labels_is_flipped():
    """The same picture, depth and camera as with them."""
    labelled = RandomFlip3D(1.)(make_sample())
    sample = {
        key: value for key, value in make_sample().items()
        if not key.startswith('gt_') and key != 'kept'
    }
    found = RandomFlip3D(1.)(dict(sample, centers_2d=np.array([[70.5, 30.5]])))
    for key in ('img', 'depth', 'cam2img'):
        np.testing.assert_array_equal(found[key], labelled[key])
    assert found['flip'] and found['depth'][ROW, WIDTH - 1 - COLUMN] == Z
    assert found['centers_2d'].tolist() == [[WIDTH - 70.5, 30.5]]
