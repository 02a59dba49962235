import numpy as np
import pytest

from mmxkd.datasets.transforms import CompleteDepth, PackMultiModalInputs
from mmxkd.datasets.transforms.depth_completion import complete_depth
from mmxkd.errors import ConfigError
from mmxkd.registry import TRANSFORMS


def sparse(share: float = .05) -> np.ndarray:
    rng = np.random.default_rng(0)
    values = rng.uniform(1, 80, (30, 50))
    return np.where(rng.random(values.shape) < share, values,
                    0).astype(np.float32)


@pytest.mark.parametrize('reach', [1., 4.5, 100.])
def test_each_hole_has_a_nearest_depth_in_reach(reach):
    """Against the slow definition; of equally near depths, either will do."""
    depth = sparse()
    found = complete_depth(depth, reach)
    assert found.dtype == np.float32
    rows, columns = np.nonzero(depth)
    for y, x in np.ndindex(depth.shape):
        far = np.hypot(rows - y, columns - x)
        near = far <= far.min() + 1e-6
        allowed = depth[rows[near], columns[near]]
        if far.min() > reach:
            allowed = [0.]
        assert found[y, x] in allowed, (y, x)


def test_what_was_measured_stays():
    depth = sparse()
    assert (complete_depth(depth, 9)[depth > 0] == depth[depth > 0]).all()


@pytest.mark.parametrize('value', [0., 5.])
def test_a_map_without_holes_or_without_depth(value):
    depth = np.full((4, 6), value, np.float32)
    assert (complete_depth(depth, 3) == depth).all()


def test_in_a_pipeline():
    transform = TRANSFORMS.build(dict(type='CompleteDepth', reach=2))
    assert repr(transform) == 'CompleteDepth(reach=2)'
    sample = dict(img=np.zeros((30, 50, 3), np.uint8), depth=sparse(),
                  img_shape=(30, 50), ori_shape=(30, 50))
    before = (sample['depth'] > 0).mean()
    # It says that it moves no pixel: packing takes the sample.
    packed = PackMultiModalInputs(modalities=('img', 'depth'),
                                  meta_keys=())(transform(sample))
    assert (packed['inputs']['depth'] > 0).float().mean() > 4 * before


@pytest.mark.parametrize('reach', [0, -1, float('nan'), '3'])
def test_a_reach_that_cannot_be(reach):
    with pytest.raises(ConfigError, match='CompleteDepth: reach'):
        CompleteDepth(reach)


def test_a_sample_without_depth():
    with pytest.raises(ConfigError, match='no depth for a.png: load it'):
        CompleteDepth()(dict(img_path='a.png'))
