"""Shifts at the left and upper edge, of all modalities."""
import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes

from mmxkd.datasets.transforms import (
    IncludeLastPixel,
    PackMultiModalInputs,
    RandomDrift,
    RandomFlip,
    ShuffleDetFlip,
    ShuffleDetPhotometric,
)
from mmxkd.errors import ConfigError


def sample(boxes=((10, 5, 20, 15), (8, 9, 12, 30)), ignored=(0, 0)):
    img = np.arange(40 * 60 * 3, dtype=np.float32).reshape(40, 60, 3)
    return dict(
        img=img, img_shape=(40, 60), depth=img[..., 0].copy(),
        gt_bboxes=HorizontalBoxes(
            torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)),
        gt_ignore_flags=np.array(ignored, bool),
        gt_bboxes_labels=np.zeros(len(boxes), np.int64))


@pytest.mark.parametrize('dx, dy', [(7, 3), (-4, 2), (5, -6), (-1, -2),
                                    (0, 0)])
def test_pixels_and_boxes_move_together(dx, dy):
    before, found = sample(), RandomDrift(fill=(1, 2,
                                                3)).drift(sample(), dx, dy)
    height, width = 40 - dy, 60 - dx
    assert found['img_shape'] == (height, width) == found['img'].shape[:2]
    for y in range(0, height, 7):
        for x in range(0, width, 7):
            inside = y + dy >= 0 and x + dx >= 0
            wanted = before['img'][y + dy, x + dx] if inside else (1, 2, 3)
            assert tuple(found['img'][y, x]) == tuple(wanted)
            # Nothing was measured where nothing was seen.
            assert found['depth'][y, x] == (wanted[0] if inside else 0)
    shift = torch.tensor([dx, dy] * 2, dtype=torch.float32)
    assert torch.equal(found['gt_bboxes'].tensor,
                       before['gt_bboxes'].tensor - shift)


def test_depth_alone_drifts_as_beside_img():
    beside = RandomDrift().drift(sample(), 5, -6)
    bare = sample()
    del bare['img'], bare['img_shape']
    found = RandomDrift().drift(bare, 5, -6)
    assert 'img' not in found and found['img_shape'] == (46, 55)
    np.testing.assert_array_equal(found['depth'], beside['depth'])
    np.testing.assert_array_equal(found['gt_bboxes'].numpy(),
                                  beside['gt_bboxes'].numpy())
    np.random.seed(1)
    assert RandomDrift()(bare)['img_shape'] != (46, 55)


def drawn(times=400, **options):
    """Shifts that were drawn, told from what became of the sample."""
    np.random.seed(0)
    found = []
    for _ in range(times):
        out = RandomDrift(max_x=12, max_y=12)(sample(**options))
        found.append((60 - out['img_shape'][1], 40 - out['img_shape'][0]))
    return np.array(found)


def test_every_shift_that_cuts_no_object():
    found = drawn()
    assert set(found[:, 0]) == set(range(-12, 9))
    assert set(found[:, 1]) == set(range(-12, 6))


def test_ignored_regions_are_cut_and_nothing_is_there_without_objects():
    assert drawn(ignored=(0, 1)).max(0).tolist() == [10, 5]
    assert drawn(ignored=(1, 1)).max(0).tolist() == [12, 12]
    assert drawn(boxes=(), ignored=()).max(0).tolist() == [12, 12]


def test_a_box_across_the_edge_cuts_nothing():
    found = drawn(boxes=[(-3, -20, 20, 15)], ignored=(0, ))
    assert found.max(0).tolist() == [0, 0
                                     ] and found.min(0).tolist() == [-12, -12]


def test_a_small_image_is_not_cut_away():
    np.random.seed(0)
    for _ in range(50):
        out = RandomDrift()(dict(img=np.zeros((4, 5, 3), np.float32),
                                 img_shape=(4, 5)))
        assert min(out['img'].shape) > 0


def test_the_distiller_accepts_what_it_moved():
    out = RandomDrift()(sample())
    packed = PackMultiModalInputs(modalities=('img', 'depth'),
                                  meta_keys=('img_shape', ))(out)
    assert packed['inputs']['img'].shape[-2:] == packed['inputs'][
        'depth'].shape[-2:]


@pytest.mark.parametrize('key', ['gt_masks', 'gt_seg_map'])
def test_what_it_does_not_move_is_refused(key):
    with pytest.raises(ConfigError, match=f"does not move '{key}'"):
        RandomDrift()(sample() | {key: None})


def test_a_negative_range_is_refused():
    with pytest.raises(ConfigError, match='max_x=-1'):
        RandomDrift(max_x=-1)


def test_a_mirrored_box_shows_the_same_pixels_where_the_last_is_inside():
    """KITTI's box of columns 10 to 20, of an image of 60 columns."""
    img = np.zeros((40, 60, 3), np.float32)
    img[5:16, 10:21] = 1
    out = IncludeLastPixel()(dict(
        sample(boxes=[(10, 5, 20, 15)], ignored=(0, )), img=img))
    out = RandomFlip(prob=1.)(out)
    x1, y1, x2, y2 = out['gt_bboxes'].tensor[0].int().tolist()
    assert out['img'][y1:y2, x1:x2].all()
    assert out['img'].sum() == out['img'][y1:y2, x1:x2].sum()
    legacy = ShuffleDetFlip(prob=1.,
                            legacy_bugs=True)(IncludeLastPixel()(sample(
                                boxes=[(10, 5, 20, 15)], ignored=(0, ))))
    assert legacy['gt_bboxes'].tensor[0].tolist() == [x1 - 1, y1, x2 - 1, y2]


def test_included_pixels_leave_the_given_boxes():
    """The dataset hands out its own ones."""
    given = sample()
    boxes = given['gt_bboxes'].tensor.clone()
    kept = given['gt_bboxes']
    out = IncludeLastPixel()(given)
    assert torch.equal(kept.tensor, boxes)
    assert torch.equal(out['gt_bboxes'].tensor,
                       boxes + torch.tensor([0, 0, 1., 1.]))


def test_photometric_draws_stay_in_their_ranges():
    np.random.seed(1)
    colours = ShuffleDetPhotometric()
    seen = []
    colours.change = lambda img, *draws: seen.append(draws) or img
    for _ in range(300):
        colours(dict(img=np.zeros((4, 4, 3), np.uint8)))
    low, high = np.min(seen, 0), np.max(seen, 0)
    assert -50 <= low[0] < -45 and 45 < high[0] <= 50
    assert .5 <= low[1] < .52 and 1.48 < high[1] <= 1.5
    assert .3 <= low[2] < .33 and 1.67 < high[2] <= 1.7
    assert all(isinstance(int(d[0]), int) for d in seen)


def test_grey_keeps_its_value_and_stays_grey():
    """Saturation is none of its affairs; contrast cuts fractions off."""
    img = np.full((4, 4, 3), 101, np.uint8)
    out = ShuffleDetPhotometric().change(img, 10, 1.3, 1.7)
    assert out.dtype == np.float32 and (out == int(111 * 1.3)).all()
    assert (ShuffleDetPhotometric().change(img, 50, 1.7, 1) == 255).all()


@pytest.mark.parametrize(
    'options',
    [dict(contrast=(1.5, .5)),
     dict(saturation=(-1, 1)),
     dict(contrast=(1, ))])
def test_ranges_that_are_none(options):
    with pytest.raises(ConfigError, match='expected .low, high.'):
        ShuffleDetPhotometric(**options)
    with pytest.raises(ConfigError, match='brightness=-1, expected at least'):
        ShuffleDetPhotometric(brightness=-1)


def test_an_image_of_other_numbers_is_refused():
    with pytest.raises(ConfigError, match='float32, expected uint8'):
        ShuffleDetPhotometric()(sample())


def test_boxes_beyond_the_image_are_cut_off_where_asked_to():
    boxes = [(-5, 5, 20, 15), (50, 30, 80, 60), (70, 5, 80, 9), (-9, 3, -2, 9)]
    given = sample(boxes=boxes, ignored=(0, 1, 0, 0))
    given['gt_bboxes_labels'] = np.arange(4)
    out = IncludeLastPixel(clip=True)(given)
    assert out['gt_bboxes'].tensor.tolist() == [[0, 5, 21, 16],
                                                [50, 30, 60, 40]]
    assert out['gt_bboxes_labels'].tolist() == [0, 1]
    assert out['gt_ignore_flags'].tolist() == [False, True]
    kept = IncludeLastPixel()(sample(boxes=boxes, ignored=(0, 1, 0, 0)))
    assert kept['gt_bboxes'].tensor[0].tolist() == [-5, 5, 21, 16]
