"""Losses, decoding, angles and drawing against the original functions."""
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmxkd.mono3d import MonoRoIHead
from mmxkd.mono3d.geometry import (
    Cameras,
    decode_angle,
    encode_angle,
    wrap_angle,
)
from mmxkd.mono3d.mono_roi_head import centre_scores
from mmxkd.mono3d.roi_branch import Cells
from mmxkd.mono3d.targets import (
    MonoTargets,
    draw_gaussians,
    gaussian_radius,
)
from mmxkd.mono3d.task_weights import PARENTS
from mmxkd.mono3d.transforms.affine import AffineResize
from mmxkd.mono3d.transforms.flip import mirrored_camera
from tests.helpers.golden_mono import Golden
from tests.helpers.golden_mono_network import SIZES
from tests.helpers.mono_task_weights import task_weights

DENSE = ('heatmap', 'offset_2d', 'size_2d')
ROWS = dict(
    did=('offset_3d', 'size_3d', 'heading', 'vis_depth', 'att_depth',
         'vis_depth_uncer', 'att_depth_uncer'),
    gup=('offset_3d', 'size_3d', 'heading', 'depth', 'h3d_log_variance'))
# 0-based columns of a row: class, alpha, box, h w l, x y z, yaw, score.


def make_head(kind: str, **test_cfg) -> MonoRoIHead:
    init_default_scope('mmdet3d')
    head = MonoRoIHead(depth=kind, mean_sizes=SIZES, projection='by_z',
                       in_channels=2, feat_channels=2, test_cfg=test_cfg)
    return head


def read_batch(golden: Golden, kind: str,
               own: Golden | None = None) -> tuple[dict, dict, MonoTargets]:
    """Leaves that get gradients, and targets."""

    def leaf(key: str) -> torch.Tensor:
        source = own if own and f'pred_{key}' in own.arrays else golden
        return source.tensor(f'pred_{key}').requires_grad_()

    dense = {key: leaf(key) for key in DENSE}
    outputs = {key: leaf(key) for key in ROWS[kind]}
    mask = golden.tensor('target_mask_2d')

    def rows(key: str) -> torch.Tensor:
        value = golden.tensor(f'target_{key}')[mask]
        return value[:, 0] if key in ('depth', 'heading_bin',
                                      'heading_res') else value

    # The rows do not tell classes: no loss of these asks.
    cells = Cells(mask.nonzero()[:, 0],
                  golden.tensor('target_indices')[mask],
                  torch.zeros(int(mask.sum()), dtype=torch.long))
    extra = {}
    if kind == 'did':
        extra = dict(vis_depth=rows('vis_depth'),
                     depth_valid=rows('depth_mask'))
        # What is left of the depth is told once more.
        valid = rows('depth_mask')
        gap = rows('depth')[:, None, None] - rows('vis_depth')
        assert torch.allclose(gap[valid], rows('att_depth')[valid], atol=1e-4)
    targets = MonoTargets(
        golden.tensor('target_heatmap'), cells, **{
            key: rows(key)
            for key in ('offset_2d', 'size_2d', 'offset_3d', 'depth',
                        'size_3d', 'heading_bin', 'heading_res')
        }, **extra)
    return dense, outputs, targets


def derived(outputs: dict) -> dict:
    """What the did head adds to its leaves."""
    return dict(
        outputs, ins_depth=outputs['vis_depth'] + outputs['att_depth'],
        ins_depth_uncer=torch.logaddexp(outputs['vis_depth_uncer'],
                                        outputs['att_depth_uncer']))


def compare_did_losses(golden: Golden) -> None:
    head = make_head('did')
    dense, leaves, targets = read_batch(golden, 'did')
    outputs = derived(leaves)
    losses = head.raw_losses(dense, outputs, targets)
    for term, value in losses.items():
        golden.check(f'did_{term}_loss', value)
    total = sum(losses.values())
    golden.check('did_sum', total)
    terms = head.roi_branch.depth.terms(outputs, targets)
    for name, value in terms.items():
        golden.check(f'did_lap_{name}', value)
    total.backward()
    for name, leaf in {**dense, **leaves}.items():
        golden.check(f'did_grad_l2_{name}', leaf.grad.norm())
    golden.check('did_grad_heatmap', dense['heatmap'].grad)
    golden.check('did_grad_vis_depth_uncer', leaves['vis_depth_uncer'].grad)

    none = slice(0, 0)
    empty = MonoTargets(
        0.4 * targets.heatmap,
        Cells(*(getattr(targets.cells, key)[none]
                for key in ('image', 'index', 'label'))), **{
                    key: getattr(targets, key)[none]
                    for key in ('offset_2d', 'size_2d', 'offset_3d', 'depth',
                                'size_3d', 'heading_bin', 'heading_res',
                                'vis_depth', 'depth_valid')
                })
    losses = head.raw_losses(
        dense, {key: value[none] for key, value in outputs.items()}, empty)
    golden.check('did_empty_seg_loss', losses['seg'])
    golden.check('did_empty_sum', sum(losses.values()))


def compare_decoding(golden: Golden, confidence: str,
                     own: Golden | None = None) -> None:
    """The peaks, and the rows of the result files."""
    kind = 'gup' if own else 'did'
    head = make_head(kind, topk=50, score_thr=0.2)
    if kind == 'did':
        head.roi_branch.depth.confidence = confidence
    dense = {key: golden.tensor(f'dec_{key}') for key in DENSE}
    rows = {
        key: golden.tensor(f'dec_{key}')
        for key in ('heading', 'size_3d', 'offset_3d')
    }
    if own:
        rows['depth'] = own.tensor('dec_depth')
    else:
        rows['ins_depth'] = golden.tensor('dec_vis_depth') + golden.tensor(
            'dec_att_depth')
        rows['ins_depth_uncer'] = golden.tensor('dec_ins_depth_uncer')
    matrix = golden.tensor('dec_P2')
    size = dense['heatmap'].shape[-2:]
    ratio = golden.tensor('dec_downsample_ratio')
    ends = ratio * torch.tensor([size[1], size[0]])
    cameras = Cameras(matrix, torch.stack([torch.zeros_like(ends), ends], 1),
                      'by_z')
    scores, cells = head.coder.peaks(centre_scores(dense['heatmap']))
    found = head.coder.decode(dense, rows, cells, scores, cameras,
                              head.roi_branch.depth)
    target, name = (own, 'gup') if own else (golden, confidence)
    z, trust = head.roi_branch.depth.decode(rows)
    position = cells.position(size[1])
    centre = position + cells.gather(dense['offset_2d'])
    place = position + rows['offset_3d']
    columns = [centre, cells.gather(dense['size_2d'])]
    if own:
        columns = [(scores * trust)[:, None], *columns, z[:, None],
                   rows['heading'], rows['size_3d'], place]
    else:
        columns = [
            scores[:, None], *columns, rows['heading'], rows['size_3d'], place,
            z[:, None], trust[:, None]
        ]
    dets = torch.cat([cells.label[:, None].double(), *columns], 1)
    target.check(f'dec_{name}_dets', dets.view(2, 50, -1), 1e-6)
    lines = torch.cat([
        cells.label[:, None].double(), found.alpha[:, None], found.boxes,
        found.sizes, found.bottom, found.yaw[:, None], found.product[:, None]
    ], 1)
    for i in range(2):
        kept = found.kept & (cells.image == i)
        target.check(f'dec_{name}_rows_img{i}', lines[kept], 1e-6)


def compare_geometry(golden: Golden) -> None:
    angle = golden.tensor('angle')
    bins, rest = encode_angle(angle)
    golden.check('angle_bin', bins)
    golden.check('angle_res', rest)
    golden.check('angle_back', decode_angle(bins, rest))
    golden.check('radius', gaussian_radius(golden.tensor('radius_wh')))
    drawn = torch.zeros(1, 20, 30)
    xyr = golden.tensor('gauss_xyr')
    draw_gaussians(drawn, xyr[:, :2], torch.zeros(len(xyr), dtype=torch.long),
                   xyr[:, 2])
    golden.check('gauss_map', drawn[0], 1e-6)
    matrix = golden.tensor('calib_P2')
    points = golden.tensor('rect_points')
    cameras = Cameras(matrix.expand(len(points), 3, 4),
                      torch.zeros(len(points), 2, 2), 'by_z')
    golden.check('rect_uv', cameras.project(points))
    back = cameras.unproject(cameras.project(points), points[:, 2])
    assert (back - points).abs().max() < 1e-9
    u, yaw = golden.tensor('u'), golden.tensor('ry')
    alpha = wrap_angle(yaw - cameras.ray_angle(u))
    golden.check('alpha', alpha)
    golden.check('ry_back', wrap_angle(alpha + cameras.ray_angle(u)))


def compare_mirroring(golden: Golden) -> None:
    found = mirrored_camera(golden['calib_P2'], 1242, 'by_z')
    # By oversight, the original leaves a 0 that nobody reads.
    found[2, 2] = golden.arrays['P2_flipped'][2, 2]
    golden.check('P2_flipped', found, 1e-3 / 700)
    resize = AffineResize((1280, 384), 4)
    rows = golden.arrays['affine_cx_cy_scale_trans6_inv6']
    own = []
    for row in rows:
        size = np.array([1242., 375.]) * row[2]
        matrix = resize._get_transform_matrix(row[:2], size, (1280, 384))
        back = np.linalg.inv(matrix)
        own.append([*row[:3], *matrix[:2].ravel(), *back[:2].ravel()])
    golden.check('affine_cx_cy_scale_trans6_inv6', own, 1e-6)


def compare_schedule(golden: Golden, repo) -> None:
    """The learning rate of each epoch, as the config's schedulers give it."""
    cfg = Config.fromfile(repo / 'configs/_base_/schedules/mono3d.py')
    golden.check('lr_per_epoch_actual', learning_rates(cfg, 150), 1e-8)


def learning_rates(cfg, epochs: int) -> list[float]:
    """What mmengine's schedulers make of a parameter, before each epoch."""
    from mmengine.optim import build_optim_wrapper
    from mmengine.registry import PARAM_SCHEDULERS
    model = torch.nn.Linear(1, 1)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    schedulers = [
        PARAM_SCHEDULERS.build(dict(s, optimizer=wrapper.optimizer))
        for s in cfg.param_scheduler
    ]
    rates = []
    for _ in range(epochs):
        rates.append(wrapper.optimizer.param_groups[0]['lr'])
        wrapper.optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return rates


@cache
def compare(folder, repo) -> SimpleNamespace:
    both = SimpleNamespace(did=Golden(folder, 'losses_decode'),
                           gup=Golden(folder, 'gup'))
    compare_did_losses(both.did)
    for confidence in ('ada', 'max'):
        compare_decoding(both.did, confidence)
    compare_geometry(both.did)
    terms = [term.removesuffix('_loss') for term in both.did['htl_terms']]
    assert terms == list(PARENTS)
    both.did.check('htl_weights', task_weights(both.did['htl_losses'], False))
    compare_schedule(both.did, repo)
    compare_mirroring(both.did)
    head = make_head('gup')
    dense, outputs, targets = read_batch(both.did, 'gup', both.gup)
    losses = head.raw_losses(dense, outputs, targets)
    for term, value in losses.items():
        both.gup.check(f'gup_{term}_loss', value)
    total = sum(losses.values())
    both.gup.check('gup_sum', total)
    total.backward()
    for name in ('depth', 'size_3d', 'h3d_log_variance', 'heading'):
        both.gup.check(f'gup_grad_l2_{name}', outputs[name].grad.norm())
    compare_decoding(both.did, '', both.gup)
    return both


@pytest.mark.parametrize('part', [
    'did_', 'dec_ada', 'dec_max', 'angle', 'radius', 'gauss', 'rect', 'alpha',
    'ry', 'htl', 'lr_per_epoch', 'P2', 'affine'
])
def test_golden_losses(mono_golden, repo, part):
    compare(mono_golden, repo).did.assert_good(part)


@pytest.mark.parametrize('part', ['gup_', 'dec_gup'])
def test_golden_gup(mono_golden, repo, part):
    compare(mono_golden, repo).gup.assert_good(part)


def test_golden_gup_uses_the_whole_file(mono_golden, repo):
    golden = compare(mono_golden, repo).gup
    assert not set(golden.arrays) - golden.used


def test_golden_decoding_drops_what_the_original_keeps(mono_golden, repo):
    """Only a depth behind the camera: rows are equal but for these."""
    rows = Golden(mono_golden, 'losses_decode').arrays
    for name in ('ada', 'max'):
        for i in range(2):
            assert (rows[f'dec_{name}_rows_img{i}'][:, 11] > 0).all()
    assert np.isfinite(rows['dec_ada_dets']).all()
