"""DLA-34, its neck and both heads against the original networks, whole."""
from functools import cache

import numpy as np
import pytest
import torch

from mmxkd.mono3d.coder import MonoCoder
from mmxkd.mono3d.geometry import Cameras
from mmxkd.mono3d.mono_roi_head import centre_scores
from mmxkd.mono3d.roi_branch import Cells
from mmxkd.mono3d.targets import MonoTargets
from tests.helpers.golden_mono import Golden, fill_layers, scatter, sines
from tests.helpers.golden_mono_network import Network

TOTAL = dict(seg=1, size2d=1, offset2d=1, offset3d=.5, size3d=.7, heading=.3,
             depth=.9)
DENSE = ('heatmap', 'offset_2d', 'size_2d')
ROWS = dict(
    did=('offset_3d', 'size_3d', 'heading', 'vis_depth', 'att_depth',
         'ins_depth', 'vis_depth_uncer', 'att_depth_uncer', 'ins_depth_uncer'),
    gup=('offset_3d', 'size_3d', 'heading', 'depth', 'h3d_log_variance'))


def make_cells(golden: Golden) -> Cells:
    mask = golden.tensor('target_mask_2d')
    return Cells(mask.nonzero()[:, 0],
                 golden.tensor('target_indices')[mask],
                 golden.tensor('target_cls_ids')[mask])


def make_targets(golden: Golden, cells: Cells, kind: str) -> MonoTargets:
    mask = golden.tensor('target_mask_2d')

    def rows(key: str) -> torch.Tensor:
        value = golden.tensor(f'target_{key}')[mask]
        return value[:, 0] if key in ('depth', 'heading_bin',
                                      'heading_res') else value

    heatmap = 1.6 * scatter((2, 3, 32, 104), 7).clamp(min=0)
    heatmap.flatten(2)[cells.image, cells.label, cells.index] = 1
    extra = {}
    if kind == 'did':
        valid = golden.tensor('target_depth_mask')
        depth = 12 + 20 * (scatter((2, 6, 1), 3) + .5)
        golden.check('target_depth', depth)
        vis = (depth[..., None] + 3 * scatter((2, 6, 7, 7), 5)) * valid
        extra = dict(vis_depth=vis[mask], depth_valid=valid[mask])
    return MonoTargets(
        heatmap, cells, **{
            key: rows(key)
            for key in ('offset_2d', 'size_2d', 'offset_3d', 'depth',
                        'size_3d', 'heading_bin', 'heading_res')
        }, **extra)


@cache
def compare(folder, kind: str) -> Golden:
    golden = Golden(folder, f'net_{kind}')
    net = Network(kind)
    layers = fill_layers(net.layers(), golden)
    image = sines(tuple(golden['input_shape']), 0.011, float(golden['salt']))
    cameras = Cameras(golden.tensor('calib_P2'), golden.tensor('coord_range'),
                      'by_z')
    cells = make_cells(golden)

    def run(start: str) -> tuple:
        levels = net.backbone(image)
        maps = net.neck(levels[2:])
        dense = net.head(maps)
        outputs = net.head.regions(maps, dense, cells, cameras)
        if kind == 'did':
            for i, level in enumerate(levels):
                golden.check(f'{start}_level{i}', level)
            for i, level in enumerate(reversed(maps)):
                golden.check(f'{start}_neck{i}', level)
        for key in DENSE:
            golden.check(f'{start}_{key}', dense[key])
        for key in ROWS[kind]:
            golden.check(f'{start}_{key}', outputs[key])
        return maps, dense, outputs

    with torch.no_grad():
        net.eval()
        maps, dense, _ = run('eval')
        scores, peaks = MonoCoder(topk=8).peaks(centre_scores(
            dense['heatmap']))
        golden.check('test8_scores', scores.view(2, 8))
        golden.check('test8_indices', peaks.index.view(2, 8))
        golden.check('test8_cls', peaks.label.view(2, 8).int())
        outputs = net.head.regions(maps, dense, peaks, cameras)
        for key in ROWS[kind]:
            # Of these two, the test run kept only the sum.
            if key not in ('vis_depth_uncer', 'att_depth_uncer'):
                golden.check(f'test8_{key}', outputs[key])

    net.train()
    maps, dense, outputs = run('train')
    targets = make_targets(golden, cells, kind)
    losses = net.head.raw_losses(dense, outputs, targets)
    for term, value in losses.items():
        golden.check(f'loss_{term}_loss', value)
    total = sum(TOTAL[term] * value for term, value in losses.items())
    golden.check('loss_weighted_total', total)
    total.backward()
    golden.check('grad_norm_weight_bias', [[
        np.nan if p is None or p.grad is None else p.grad.norm().item()
        for p in (layer.weight, layer.bias)
    ] for layer in layers])
    golden.check(
        'bn_after_step_sums',
        [[layer.running_mean.sum().item(),
          layer.running_var.sum().item()]
         for layer in layers if hasattr(layer, 'running_mean')])
    return golden


@pytest.fixture(params=['did', 'gup'])
def golden(request, mono_golden) -> Golden:
    return compare(mono_golden, request.param)


@pytest.mark.parametrize(
    'part', ['eval_', 'test8_', 'train_', 'loss_', 'grad_norm', 'bn_after'])
def test_golden_network(golden, part):
    golden.assert_good(part)


@pytest.mark.parametrize('kind', ['did', 'gup'])
def test_golden_network_uses_the_whole_file(mono_golden, kind):
    golden = compare(mono_golden, kind)
    assert not set(golden.arrays) - golden.used
