"""MonoSKD's and MonoDistill's losses against the published code."""
from functools import cache

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor

from mmxkd.losses import AffinityLoss, MaskedFeatureLoss, SpearmanLoss
from mmxkd.losses.common.boxes import truncated_mask
from mmxkd.mono3d import MonoHeadLoss, ReviewFusionConnector
from mmxkd.mono3d.targets import draw_centres
from tests.helpers.golden_mono import Golden, fill_layer, scatter

INPUT = (128, 224)


def levels(golden: Golden, student: bool) -> list[Tensor]:
    found = []
    for i, shape in enumerate(golden['level_shapes'].tolist()):
        own = scatter(tuple(shape), 100 + i)
        other = scatter(tuple(shape), 110 + i)
        found.append(4 * own if student else 4 * other + 0.4 * own)
    return found


def check_loss(golden: Golden, name: str, loss, first: int, bar: float, *args,
               grads: str = '') -> None:
    student = [x.requires_grad_() for x in levels(golden, True)[first:]]
    value = loss(student, levels(golden, False)[first:], *args)
    value.backward()
    golden.check(name, value, bar)
    golden.check(f'{grads or name}_grad_l2', [x.grad.norm() for x in student],
                 bar)


def samples(golden: Golden) -> list[BaseDataElement]:
    found = []
    for boxes, count in zip(golden.tensor('boxes_input_px'),
                            golden['obj_num'].tolist(), strict=True):
        sample = BaseDataElement(metainfo=dict(batch_input_shape=INPUT))
        sample.gt_instances = InstanceData(bboxes=boxes[:count])
        found.append(sample)
    return found


def outputs(start: int) -> tuple[dict, dict]:
    dense = dict(offset_2d=scatter((2, 2, 32, 56), 130 + start),
                 size_2d=6 * scatter((2, 2, 32, 56), 131 + start))
    rows = dict(offset_3d=scatter((5, 2), 132 + start), size_3d=scatter(
        (5, 3), 133 + start), heading=3 * scatter((5, 24), 134 + start),
                vis_depth=20 + 9 * scatter((5, 7, 7), 135 + start),
                att_depth=3 * scatter((5, 7, 7), 136 + start))
    rows['ins_depth'] = rows['vis_depth'] + rows['att_depth']
    return dense, rows


def compare_heads(golden: Golden) -> None:
    # A filtered object left a box of zeros, and so marks the first cell.
    heatmap = torch.zeros(2, 1, 32, 56)
    for image, sample in zip(heatmap, samples(golden), strict=True):
        boxes = sample.gt_instances.bboxes / 4
        centre = ((boxes[:, :2] + boxes[:, 2:]) / 2).long()
        draw_centres(image, centre, torch.zeros(len(boxes), dtype=torch.long),
                     boxes[:, 2:] - boxes[:, :2], 0.7)
    golden.check('head_mask', (heatmap[:, 0] > 0).double())
    mask = golden.tensor('mask_2d')
    bins = golden.tensor('heading_bin')[..., 0][mask]
    loss = MonoHeadLoss()
    (s_dense, s_rows), (t_dense, t_rows) = outputs(0), outputs(40)
    golden.check('head_total',
                 loss(s_dense, t_dense, s_rows, t_rows, heatmap, bins), 1e-9)
    for name, value in loss.metrics().items():
        golden.check(f'head_{name.replace("_", "")}', value, 1e-9)


def compare_fusion(golden: Golden) -> None:
    fusion = ReviewFusionConnector((4, 6, 8, 10), 10, adapters=False).double()
    layers = dict(fusion.named_modules())
    for k, name, shape in zip(golden['fusion_layer_k'].tolist(),
                              golden['fusion_layer_name'].tolist(),
                              golden['fusion_layer_shape'].tolist(),
                              strict=True):
        layer = layers[name]
        assert tuple(layer.weight.shape) == tuple(map(int, shape.split('x')))
        kind = 'bn' if 'x' not in shape else (
            'conv' if layer.bias is None else 'conv+bias')
        fill_layer(layer, k, name, kind)
    for mode in ('eval', 'train'):
        fusion.train(mode == 'train')
        with torch.no_grad():
            found = fusion(levels(golden, True))
        for i, level in enumerate(found):
            golden.check(f'fusion_{mode}_level{i}', level, 1e-9)


def rounded(boxes: list[Tensor], size: tuple[int, int]) -> float:
    """The original divides a mask of n cells by n in single precision."""
    cells = float(truncated_mask(boxes, size, INPUT).sum())
    return float(np.float32(1) / np.float32(cells)) * cells


def published_soft_rank(values: np.ndarray, strength: float) -> np.ndarray:
    """Projection onto the permutahedron, by pooling adjacent violators.

    Blondel et al., ICML 2020, with L2 regularisation; ascending ranks.
    """
    n = len(values)
    scaled = values.astype(np.float64) / strength
    order = np.argsort(-scaled, kind='stable')
    gap = scaled[order] - np.arange(n, 0, -1.)
    blocks: list[list[float]] = []
    for value in gap:
        blocks.append([value, 1])
        # The means of blocks must fall.
        while len(blocks) > 1 and blocks[-2][0] <= blocks[-1][0]:
            mean, count = blocks.pop()
            before, size = blocks.pop()
            blocks.append([(before * size + mean * count) / (size + count),
                           size + count])
    pooled = np.concatenate([np.full(int(c), m) for m, c in blocks])
    ranks = np.empty(n)
    ranks[order] = scaled[order] - pooled
    return ranks


def compare_soft_ranks(golden: Golden) -> None:
    values = golden['softrank_in']
    for strength in (1.0, 0.1, 0.01):
        found = np.stack([published_soft_rank(v, strength) for v in values])
        golden.check(f'softrank_out_{strength}', found, 1e-5)
    # What SpearmanLoss('released') relies on: a soft rank of strength 1 is
    # the values themselves but for their mean, up to float32's rounding.
    table = golden['softrank_n_maxdev_min_max']
    golden.note('softrank_n_maxdev_min_max', (table[:, 1] / table[:, 0]).max(),
                1e-5)
    golden.note('softrank_30720_maxdev',
                golden['softrank_30720_maxdev'] / 30720, 1e-6)


@cache
def compare(folder) -> Golden:
    golden = Golden(folder, 'kd')
    affinity = AffinityLoss(divide_by_batch=True)
    check_loss(golden, 'affinity3', affinity, 1, 1e-8)
    check_loss(golden, 'affinity4', affinity, 0, 1e-8)
    check_loss(golden, 'spearman4', SpearmanLoss('released'), 0, 1e-5)
    boxes = [s.gt_instances.bboxes for s in samples(golden)]
    weights = [
        rounded(boxes, tuple(shape[2:]))
        for shape in golden['level_shapes'].tolist()
    ]
    for name, first, grads in (('foreground3', 1, 'foreground3'),
                               ('foreground4_dlaup', 0, 'foreground4')):
        masked = MaskedFeatureLoss(divide_by_batch=True, cells='truncated',
                                   level_weights=weights[first:])
        check_loss(golden, name, masked, first, 1e-9, samples(golden),
                   grads=grads)
    golden.check('fg_mask_stride8',
                 truncated_mask(boxes, (16, 28), INPUT)[:, 0].double())
    compare_heads(golden)
    compare_fusion(golden)
    compare_soft_ranks(golden)
    return golden


@pytest.mark.parametrize('part', [
    'affinity', 'spearman', 'foreground', 'fg_mask', 'head', 'fusion',
    'softrank'
])
def test_golden_distillation(mono_golden, part):
    compare(mono_golden).assert_good(part)


def test_golden_distillation_uses_the_whole_file(mono_golden):
    golden = compare(mono_golden)
    assert not set(golden.arrays) - golden.used


def test_the_rule_of_cells_matters(mono_golden):
    """1.8665 of whole cells against 1.8488 as released."""
    golden = Golden(mono_golden, 'kd')
    found = MaskedFeatureLoss(divide_by_batch=True)(levels(golden, True)[1:],
                                                    levels(golden, False)[1:],
                                                    samples(golden))
    assert float(found) == pytest.approx(1.8665, abs=1e-4)
