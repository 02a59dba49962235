"""Depth maps follow their pictures into the padded batch."""
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData

from mmxkd.errors import ConfigError
from mmxkd.families.depth_maps import depth_maps_of
from mmxkd.losses.depth.targets import downsample_depth


def sample(height: int, width: int, depth: torch.Tensor | None = None,
           **meta) -> DetDataSample:
    found = DetDataSample(
        metainfo=dict(img_path='000007.png', img_shape=(height, width)) | meta)
    found.gt_depth = PixelData(
        data=torch.ones(1, height, width) if depth is None else depth)
    return found


def test_a_depth_lands_in_the_cell_that_shows_it():
    """Columns 300..303 are cell 75 of the padded input's 80."""
    depth = torch.zeros(1, 90, 310)
    depth[0, 80, 301] = 12.
    maps = depth_maps_of([sample(90, 310, depth, batch_input_shape=(96, 320))])
    assert maps.shape == (1, 1, 96, 320)
    cells = downsample_depth(maps, (24, 80))
    assert cells.nonzero().tolist() == [[0, 20, 75]]
    assert cells[0, 20, 75] == 12


def test_frames_of_several_sizes_are_one_batch():
    shape = dict(batch_input_shape=(96, 320))
    maps = depth_maps_of([sample(90, 310, **shape), sample(93, 306, **shape)])
    for found, (height, width) in zip(maps[:, 0], [(90, 310), (93, 306)],
                                      strict=True):
        assert (found[:height, :width] == 1).all()
        assert found.sum() == height * width


def test_nothing_is_padded_where_nothing_says_so():
    assert depth_maps_of([sample(9, 7)]).shape == (1, 1, 9, 7)
    with pytest.raises(
            ConfigError, match=r'000007.png: gt_depth has the shape'
            r' \(1, 9, 8\), the first of the batch \(1, 9, 7\), '
            'and no batch_input_shape'):
        depth_maps_of([sample(9, 7), sample(9, 8)])


def test_a_sample_without_depth_is_named():
    found = sample(9, 7)
    del found.gt_depth
    with pytest.raises(
            ConfigError, match='000007.png has no gt_depth.* '
            'depth_target=True to mmxkd.Pack3DDetInputs'):
        depth_maps_of([found])


@pytest.mark.parametrize('shape, batch', [
    ((1, 9, 8), (16, 16)),
    ((1, 9, 7), (8, 16)),
    ((2, 9, 7), (16, 16)),
])
def test_a_map_that_does_not_fit_its_picture_is_named(shape, batch):
    """Another size than the picture's, a batch resized after packing, two
    channels."""
    found = sample(9, 7, torch.ones(shape), batch_input_shape=batch)
    with pytest.raises(ConfigError) as error:
        depth_maps_of([found])
    assert str(error.value).startswith(
        f'000007.png: gt_depth has the shape {shape}, the picture (9, 7), '
        f'and the padded batch {batch}; ')
