"""Pictures that a preprocessor pads: what is learned stays on the picture."""
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData

from mmxkd.families import Step, family_of
from mmxkd.mono3d import MonoRoIHead
from mmxkd.mono3d.camera_of import cameras_of
from mmxkd.registry import DATASETS, MODELS
from tests.helpers.mono_packed import HEIGHT, P2, WIDTH
from tests.helpers.mono_packed import make_sample as packed
from tests.helpers.mono_run import stock_config, write_streets

SIZES = ((310, 90), (306, 93))
CELLS = (HEIGHT // 4, WIDTH // 4)


@pytest.fixture(scope='module')
def streets(tmp_path_factory) -> Path:
    return write_streets(tmp_path_factory.mktemp('streets'), 2, SIZES)


def distilled(repo: Path, streets: Path, detector: str,
              steps: Callable[[list], list] = list) -> tuple[Any, Any]:
    """A student with its random teacher, and a data set of both frames."""
    cfg = stock_config(repo, f'{detector}_mmkd', streets)
    cfg.model.teachers.depth = dict(
        cfg=stock_config(repo, f'{detector}_teacher', streets), random=True)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    dataset = Config(dict(cfg.train_dataloader.dataset))
    dataset.pipeline = steps(dataset.pipeline)
    dataset.ann_file = 'kitti_infos_train.json'
    return model, DATASETS.build(dataset)


@pytest.mark.parametrize('detector', ['pgd', 'fcos3d'])
def test_a_stock_detector_learns_depth_where_its_teacher_sees_it(
        repo, streets, detector):
    """The teacher's view is depth / 80 m, padded by the preprocessor."""
    model, dataset = distilled(repo, streets, detector)
    np.random.seed(0)
    batch = pseudo_collate([dataset[0], dataset[1]])
    data = model.data_preprocessor(batch, True)
    seen = data['views']['depth']['inputs']['imgs'][:, 0] * 80
    assert seen.shape[-2:] == (96, 320)
    step = Step(model.student, data['data_samples'], torch.device('cpu'))
    learned = family_of(model.student).serve('depth', step)
    torch.testing.assert_close(learned, seen)
    assert (learned[0, :90, :310] > 0).all() and not learned[0, 90:].any()
    model.train()
    _, logs = model.parse_losses(model(**data, mode='loss'))
    assert np.isfinite(logs['distill/mmkd_mimic'].item())


def test_the_tool_draws_the_target_that_is_learned(repo, streets):
    """Each cell by hand: the nearest depth of its 8x8 pixels."""
    tool = runpy.run_path(
        str(repo / 'tools/analysis_tools/browse_depth_branch.py'))
    model, dataset = distilled(repo, streets, 'pgd', tool['plain_test'])
    loss, sample = model.distiller.losses['loss_mmkd'].module, dataset[0]
    frame = tool['frame_of'](model.eval(), sample, 0.)
    depth = sample['data_samples'].gt_depth.data[0]
    assert depth.shape == (90, 310) == frame.depth.shape
    assert frame.bins.shape == (12, 40) and frame.padded == (96, 320)
    nearest = torch.zeros(12, 40)
    for row in range(12):
        for column in range(40):
            block = depth[8 * row:8 * row + 8, 8 * column:8 * column + 8]
            if (block > 0).any():
                nearest[row, column] = block[block > 0].min()
    # 200 pixels is the focal length of these streets.
    expected = loss.bins.target(nearest * (loss.reference_focal / 200))
    assert (frame.bins == expected.numpy()).all()
    # Pixels from column 310 on show nothing: all of cells 39, two of cells 38.
    assert (frame.bins[:, 39] == frame.number).all()
    assert (frame.bins[:11, 38] < frame.number).all()


def test_visual_depth_does_not_move_with_the_padding():
    """A region next to the right border of a picture of 150x90."""
    init_default_scope('mmdet3d')
    head = MonoRoIHead(in_channels=8, feat_channels=8)
    depth = torch.full((1, 90, 150), 70.)
    # Around both objects, which are 20 m away.
    depth[:, 36:70, 15:] = 20.
    sample = packed(img_shape=(90, 150), ori_shape=(90, 150),
                    batch_input_shape=(HEIGHT, WIDTH))
    sample.gt_depth = PixelData(data=depth)
    found = head.get_targets([sample], CELLS)
    whole = packed()
    beyond = torch.zeros(1, HEIGHT, WIDTH)
    beyond[:, :90, :150] = depth
    whole.gt_depth = PixelData(data=beyond)
    expected = head.get_targets([whole], CELLS)
    assert expected.depth_valid.all()
    torch.testing.assert_close(found.vis_depth, expected.vis_depth)
    torch.testing.assert_close(found.vis_depth,
                               torch.full_like(found.vis_depth, 20))


def test_the_released_range_covers_the_padding():
    """Where the crop is the whole picture, as the matrix has it."""
    shape = dict(img_shape=(90, 150), batch_input_shape=(HEIGHT, WIDTH))
    crop = np.array([[0., 0.], [150., 90.]])
    exact = cameras_of([packed(**shape)], CELLS)
    found = cameras_of([packed(**shape, crop_range=crop)], CELLS)
    torch.testing.assert_close(found.ranges, exact.ranges)
    assert found.ranges[0, 1].tolist() == [WIDTH, HEIGHT]
    assert found.matrix[0].tolist() == P2[:3].tolist()
