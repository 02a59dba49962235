import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes

from mmxkd.datasets.transforms import (
    PackMultiModalInputs,
    Pad,
    RandomCrop,
    RandomFlip,
    Resize,
    resize_sparse,
)
from mmxkd.errors import ConfigError
from mmxkd.modalities import Modality
from tests.helpers.modalities import more_modalities

H, W = 24, 40


def make_sample(**more):
    """A sample whose modalities all show the same ramp."""
    y, x = np.mgrid[:H, :W]
    ramp = (y * 6 + x).astype(np.uint8)
    return dict(img=np.dstack([ramp] * 3), img_shape=(H, W),
                gated=np.dstack([ramp] * 3).astype(np.uint16) * 4,
                thermal=ramp[..., None], depth=ramp.astype(np.float32),
                gt_bboxes=HorizontalBoxes(torch.tensor([[4., 6., 20., 18.]])),
                gt_bboxes_labels=np.array([0]), **more)


def assert_aligned(results):
    """All modalities still show the same ramp, to the rounding of one bit."""
    img = results['img'][..., 0].astype(float)
    np.testing.assert_allclose(results['gated'][..., 1] / 4, img, atol=1)
    np.testing.assert_allclose(results['thermal'][..., 0], img, atol=1)
    assert results['gated'].dtype == np.uint16
    assert results['thermal'].dtype == np.uint8
    assert results['depth'].dtype == np.float32
    assert results['depth'].shape == img.shape


def test_resize_keeps_modalities_and_boxes_together():
    results = Resize(scale=(60, 36), keep_ratio=True)(make_sample())
    assert results['img'].shape == (36, 60, 3)
    assert results['thermal'].shape == (36, 60, 1)
    assert_aligned(results)
    np.testing.assert_allclose(results['gt_bboxes'].numpy(),
                               [[6., 9., 30., 27.]])


def test_resize_of_a_1280x768_frame():
    """The network input of the CMKD code: 500x833, boxes by integer sizes."""
    results = dict(
        img=np.zeros((768, 1280, 3), np.uint8), gated=np.full((768, 1280, 3),
                                                              1023, np.uint16),
        gt_bboxes=HorizontalBoxes(torch.tensor([[100., 200., 300., 400.]])))
    results = Resize(scale=(1333, 500), keep_ratio=True)(results)
    assert results['img'].shape == results['gated'].shape == (500, 833, 3)
    assert (results['gated'] == 1023).all()
    np.testing.assert_allclose(
        results['gt_bboxes'].numpy(),
        [[65.078125, 130.208344, 195.234375, 260.416687]], rtol=1e-6)


def test_resize_needs_no_other_modality():
    results = Resize(scale=(20, 12))(dict(img=np.zeros((H, W, 3), np.uint8)))
    assert set(results) >= {'img', 'scale_factor'}
    assert 'gated' not in results


def test_sparse_depth_is_never_blended():
    depth = np.zeros((4, 8), np.float32)
    depth[0, 0], depth[1, 1], depth[3, 6] = 30, 10, 50
    half = resize_sparse(depth, (2, 4))
    np.testing.assert_array_equal(half, [[10, 0, 0, 0], [0, 0, 0, 50]])
    double = resize_sparse(half, (4, 8))
    np.testing.assert_array_equal(double, half.repeat(2, 0).repeat(2, 1))
    mixed = resize_sparse(half, (1, 8))
    np.testing.assert_array_equal(mixed, [[10, 10, 0, 0, 0, 0, 50, 50]])


@pytest.mark.parametrize('size', [(7, 11), (50, 83), (13, 90)])
def test_sparse_depth_keeps_points_and_values(size):
    rng = np.random.default_rng(0)
    depth = np.zeros((30, 50), np.float32)
    depth.flat[rng.choice(1500, 40, replace=False)] = np.arange(1, 41)
    resized = resize_sparse(depth, size)
    assert resized.shape == size
    assert set(np.unique(resized)) <= set(range(41))

    # Each point is in its cell unless a nearer one shares the cell.
    def cell(index, new, old):
        return -(-index * new // old) if new > old else index * new // old

    for y, x in zip(*np.nonzero(depth), strict=True):
        value = resized[cell(y, size[0], 30), cell(x, size[1], 50)]
        assert 0 < value <= depth[y, x]


@pytest.mark.parametrize('direction, flip', [
    ('horizontal', lambda a: a[:, ::-1]),
    ('vertical', lambda a: a[::-1]),
    ('diagonal', lambda a: a[::-1, ::-1]),
])
def test_flip_moves_everything(direction, flip):
    before, after = make_sample(), make_sample()
    after = RandomFlip(prob=1.0, direction=direction)(after)
    for key in ('img', 'gated', 'thermal', 'depth'):
        np.testing.assert_array_equal(after[key], flip(before[key]))
        assert after[key].dtype == before[key].dtype
    x1, x2 = (W - 20, W - 4) if direction != 'vertical' else (4, 20)
    y1, y2 = (H - 18, H - 6) if direction != 'horizontal' else (6, 18)
    np.testing.assert_allclose(after['gt_bboxes'].numpy(), [[x1, y1, x2, y2]])


def test_flip_that_is_not_drawn_leaves_the_sample():
    results = RandomFlip(prob=0.0)(make_sample())
    np.testing.assert_array_equal(results['gated'], make_sample()['gated'])
    assert not results['flip']


def test_flip_permutes_microphones():
    audio = np.arange(4 * 5, dtype=np.float32).reshape(4, 5)
    flip = RandomFlip(prob=1.0, microphone_permutation=[1, 0, 3, 2])
    results = flip(make_sample(audio=audio, spectrogram=audio[..., None]))
    np.testing.assert_array_equal(results['audio'], audio[[1, 0, 3, 2]])
    np.testing.assert_array_equal(results['spectrogram'][..., 0],
                                  audio[[1, 0, 3, 2]])


@pytest.mark.parametrize('permutation', [None, [0, 1], [0, 0, 1, 2]])
@pytest.mark.parametrize('prob', [0.0, 1.0])
def test_flip_of_sound_without_permutation_is_refused(permutation, prob):
    """Even if it is not drawn: an error must not wait for a draw."""
    flip = RandomFlip(prob=prob, microphone_permutation=permutation)
    with pytest.raises(ConfigError, match='permutation of 0..3'):
        flip(make_sample(audio=np.zeros((4, 5), np.float32)))


def test_vertical_flip_leaves_sound():
    audio = np.arange(4, dtype=np.float32)[:, None]
    results = RandomFlip(prob=1.0,
                         direction='vertical')(make_sample(audio=audio))
    np.testing.assert_array_equal(results['audio'], audio)


def test_crop_cuts_the_same_window():
    np.random.seed(3)
    offsets = set()
    for _ in range(8):
        results = make_sample()
        results = RandomCrop((16, 10), allow_negative_crop=True)(results)
        assert results['img'].shape == (10, 16, 3)
        assert_aligned(results)
        np.testing.assert_array_equal(results['depth'], results['img'][..., 0])
        offsets.add(int(results['img'][0, 0, 0]))
    assert len(offsets) > 1


def test_crop_without_a_box_returns_none():
    np.random.seed(0)
    results = make_sample()
    results['gt_bboxes'] = HorizontalBoxes(torch.zeros(0, 4))
    results['gt_bboxes_labels'] = np.zeros(0, int)
    assert RandomCrop((16, 10))(results) is None


def test_pad_fills_with_nothing():
    results = Pad(size_divisor=32, pad_val=dict(img=7))(make_sample())
    for key in ('img', 'gated', 'thermal', 'depth'):
        assert results[key].shape[:2] == (32, 64)
        np.testing.assert_array_equal(results[key][:H, :W], make_sample()[key])
        assert (results[key][H:] == (7 if key == 'img' else 0)).all()


def test_chain_stays_aligned_and_packs():
    np.random.seed(0)
    results = make_sample()
    for transform in (Resize(scale=(80, 48)), RandomFlip(prob=1.0),
                      RandomCrop((50, 40), allow_negative_crop=True)):
        results = transform(results)
    assert_aligned(results)
    packed = PackMultiModalInputs(('img', 'gated', 'depth'))(results)
    assert packed['inputs']['gated'].shape == (3, 40, 50)


@pytest.fixture
def registered():
    """An image of five bands, and a map with holes of two channels."""
    with more_modalities(Modality('bands', 5, 'dense', pad_value=3),
                         Modality('echoes', 2, 'sparse', drawn='grey')):
        yield


def with_registered():
    """The ramp in each band and, in one pixel of four, in each echo."""
    sample = make_sample()
    ramp = sample['depth']
    holes = np.zeros((H, W, 2), np.float32)
    holes[::2, ::2] = ramp[::2, ::2, None] + [1, 2]
    return dict(sample, bands=np.dstack([ramp] * 5), echoes=holes)


def test_registered_modalities_follow_the_image(registered):
    np.random.seed(0)
    results = with_registered()
    for transform in (Resize(scale=(80, 48)), RandomFlip(prob=1.0),
                      RandomCrop((50, 40), allow_negative_crop=True)):
        results = transform(results)
    assert_aligned(results)
    # The bands are not rounded to integers as the image is.
    np.testing.assert_allclose(results['bands'][..., 4],
                               results['img'][..., 0], atol=.51)
    assert results['echoes'].shape == (40, 50, 2)
    first, second = np.moveaxis(results['echoes'], -1, 0)
    there = first > 0
    assert there.mean() == pytest.approx(.25, abs=.02)
    np.testing.assert_array_equal(first[there] - 1, results['depth'][there])
    np.testing.assert_array_equal(second, np.where(there, first + 1, 0))
    packed = PackMultiModalInputs(('img', 'bands', 'echoes'))(results)
    assert packed['inputs']['bands'].shape == (5, 40, 50)
    assert packed['inputs']['echoes'].shape == (2, 40, 50)


def test_registered_modality_is_padded_as_its_entry_says(registered):
    results = Pad(size_divisor=32)(with_registered())
    assert results['bands'].shape == (32, 64, 5)
    assert (results['bands'][H:] == 3).all()
    assert (results['bands'][:, W:] == 3).all()
    np.testing.assert_array_equal(results['bands'][:H, :W],
                                  with_registered()['bands'])
    assert not results['echoes'][H:].any()
    results = Pad(size_divisor=32, pad_val=dict(img=0,
                                                bands=8))(with_registered())
    assert (results['bands'][H:] == 8).all()


def test_pad_fills_each_channel():
    results = Pad(size_divisor=32, pad_val=dict(img=0, gated=7,
                                                thermal=9))(make_sample())
    assert (results['gated'][H:] == 7).all()
    assert (results['thermal'][H:] == 9).all()
    results = Pad(size_divisor=32,
                  pad_val=dict(img=0, gated=(1, 2, 3)))(make_sample())
    assert (results['gated'][H:] == [1, 2, 3]).all()
    assert results['gated'].dtype == np.uint16


def test_what_nobody_registered_stays():
    results = make_sample(bands=np.zeros((H, W, 5), np.float32))
    for transform in (Resize(scale=(80, 48)), RandomFlip(prob=1.0)):
        results = transform(results)
    assert results['bands'].shape == (H, W, 5)
    assert 'bands' not in results['flipped_modalities']
    with pytest.raises(ConfigError, match="'bands' was not"):
        PackMultiModalInputs(('img', 'bands'))(results)


def test_registered_sound_is_permuted():
    sound = np.arange(4, dtype=np.float32)[:, None]
    with more_modalities(Modality('sonar', 4, 'sound')):
        with pytest.raises(ConfigError, match="'sonar' cannot be flipped"):
            RandomFlip(prob=1.0)(make_sample(sonar=sound))
        # A permutation may be a tuple too.
        results = RandomFlip(prob=1.0, microphone_permutation=(2, 3, 0, 1))(
            make_sample(sonar=sound))
        np.testing.assert_array_equal(results['sonar'], sound[[2, 3, 0, 1]])
        packed = PackMultiModalInputs(('img', 'sonar'))(results)
    np.testing.assert_array_equal(packed['inputs']['sonar'].numpy(),
                                  results['sonar'])


def test_each_channel_of_a_sparse_map_is_resized_by_itself():
    channels = [
        np.array([[0., 7., 0., 0.], [9., 0., 0., 3.]]),
        np.array([[5., 0., 0., 0.], [1., 0., 0., 0.]])
    ]
    np.testing.assert_array_equal(resize_sparse(np.dstack(channels), (1, 2)),
                                  [[[7., 1.], [3., 0.]]])
    assert resize_sparse(channels[0][..., None], (4, 8)).shape == (4, 8, 1)
