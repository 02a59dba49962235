"""The mask of fine-grained imitation against golden counts and slow loops."""
import importlib

import pytest
import torch
from mmdet.models.task_modules import AnchorGenerator

from mmxkd.losses import imitation_mask

# The package's attribute of this name is the function.
module = importlib.import_module('mmxkd.losses.imitation_mask')

SHAPES = [(36, 37), (366, 174), (115, 59), (162, 87), (38, 90), (258, 173),
          (224, 108), (78, 170), (72, 43)]
# Ratio-major .5, 1, 2, then scale 8, 16, 32; corners at cell (0, 0).
RPN_BASE = [(-84, -40, 99, 55), (-176, -88, 191, 103), (-360, -184, 375, 199),
            (-56, -56, 71, 71), (-120, -120, 135, 135), (-248, -248, 263, 263),
            (-36, -80, 51, 95), (-80, -168, 95, 183), (-168, -344, 183, 359)]


def corners(boxes):
    boxes = torch.as_tensor(boxes, dtype=torch.float64).reshape(-1, 4)
    return torch.cat(
        [boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)


def conv_det_anchors():
    """Of ShuffleDet: 24 × 78 cells of a 384 × 1248 input."""
    y = (torch.arange(24, dtype=torch.float64) + 1) * 384 / 25
    x = (torch.arange(78, dtype=torch.float64) + 1) * 1248 / 79
    centre = torch.stack(torch.meshgrid(y, x, indexing='ij'), -1).flip(-1)
    shapes = torch.tensor(SHAPES, dtype=torch.float64)
    return corners(
        torch.cat([
            centre[:, :, None].expand(-1, -1, 9, -1),
            shapes.expand(24, 78, -1, -1)
        ], -1).reshape(-1, 4))


def rpn_anchors():
    """Of the authors' Faster R-CNN: 37 × 50 cells at stride 16."""
    y, x = torch.meshgrid(
        torch.arange(37.) * 16,
        torch.arange(50.) * 16, indexing='ij')
    shift = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    return (shift + torch.tensor(RPN_BASE)).reshape(-1, 4)


def summary(mask):
    """Cells, and the first and last row and column of them."""
    _, _, rows, columns = mask.nonzero(as_tuple=True)
    return (len(rows), (rows.min().item(), rows.max().item()),
            (columns.min().item(), columns.max().item()))


def kept_anchors(anchors, box, grid, **kwargs):
    """Each anchor as a cell of its own: the anchors that are kept."""
    size = (grid[0], len(anchors) // grid[0])
    mask, = imitation_mask([anchors], [box], [size], **kwargs)
    return mask.flatten().nonzero()[:, 0]


SINGLE_SCALE = [
    ((400, 200, 100, 60), 8642, 11, 14, (11, 13), (22, 27), (450, 42, 3, 2)),
    ((30, 180, 40, 90), 7735, 5, 5, (9, 12), (0, 1), (238, 22, 3, 1)),
    ((900, 210, 300, 160), None, 95, 225, (9, 16), (48, 64), (946, 218, 37,
                                                              10)),
    ((600, 190, 20, 18), 8055, 6, 6, (11, 12), (36, 38), (300, 11, 2, 2)),
    ((620.5, 200.25, 64, 150), 8773, 24, 24, (8, 16), (37, 40), (567, 83, 9,
                                                                 3)),
]


@pytest.mark.parametrize('mode', module.MODES)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('box, best, cells, kept, rows, columns, others',
                         SINGLE_SCALE)
def test_golden_single_scale(box, best, cells, kept, rows, columns, others,
                             dtype, mode):
    anchors, box = conv_det_anchors().to(dtype), corners(box).to(dtype)
    mask, = imitation_mask([anchors], [box], [(24, 78)], mode=mode)
    assert mask.shape == (1, 1, 24, 78) and mask.dtype == torch.bool
    assert summary(mask) == (cells, rows, columns)
    assert len(kept_anchors(anchors, box, (24, 78), mode=mode)) == kept
    if best is not None:
        assert kept_anchors(anchors, box, (24, 78),
                            psi=0.999).tolist() == [best]
    if dtype == torch.float64:
        found = [
            imitation_mask([anchors], [box], [(24, 78)], psi)[0].sum()
            for psi in (0, 0.3, 0.7, 0.9)
        ]
        assert tuple(found) == others


def test_golden_several_boxes():
    anchors = conv_det_anchors()
    boxes = corners([row[0] for row in SINGLE_SCALE[:3]])
    mask, = imitation_mask([anchors], [boxes], [(24, 78)])
    assert mask.sum() == 111
    assert imitation_mask([anchors], [boxes], [(24, 78)], 1)[0].sum() == 0


@pytest.mark.parametrize('mode', module.MODES)
@pytest.mark.parametrize('box, cells, kept, rows, columns', [
    ((100, 120, 299, 319), 180, 535, (5, 22), (3, 21)),
    ((10, 20, 60, 90), 54, 119, (0, 8), (0, 7)),
    ((400, 300, 430, 325), 98, 180, (14, 24), (20, 31)),
])
def test_golden_plus_one(box, cells, kept, rows, columns, mode):
    box = torch.tensor([box]).float()
    kwargs = dict(mode=mode, plus_one=True)
    mask, = imitation_mask([rpn_anchors()], [box], [(37, 50)], **kwargs)
    assert summary(mask) == (cells, rows, columns)
    assert len(kept_anchors(rpn_anchors(), box, (37, 50), **kwargs)) == kept


def test_plus_one_leaves_out_rows_of_padding():
    box = torch.tensor([[100., 120., 299., 319.], [0, 0, 0, 0]])
    mask, = imitation_mask([rpn_anchors()], [box], [(37, 50)], plus_one=True)
    assert summary(mask) == (180, (5, 22), (3, 21))


LEVELS = dict(strides=[4, 8, 16, 32, 64], scales=[8], ratios=[.5, 1., 2.])


@pytest.mark.parametrize('box, per_level, best', [
    ((50, 60, 150, 180), [713, 144, 38, 59, 16], 2),
    ((10, 10, 30, 42), [42, 65, 50, 41, 16], 0),
    ((0, 0, 250, 250), [3831, 946, 204, 21, 16], 3),
])
def test_golden_levels(box, per_level, best):
    sizes = [(256 // s, 256 // s) for s in LEVELS['strides']]
    anchors = AnchorGenerator(**LEVELS).grid_priors(sizes, device='cpu')
    boxes = [torch.tensor([box]).float()]
    only = [n if i == best else 0 for i, n in enumerate(per_level)]
    for mode, wanted in zip(('per_level', 'global', 'assigned'),
                            (per_level, only, only), strict=True):
        found = imitation_mask(anchors, boxes, sizes, mode=mode)
        assert [int(m.sum()) for m in found] == wanted


def slow_iou(a, b, one):
    width = min(a[2], b[2]) - max(a[0], b[0]) + one
    height = min(a[3], b[3]) - max(a[1], b[1]) + one
    if width <= 0 or height <= 0:
        return 0.0
    area_a = (a[2] - a[0] + one) * (a[3] - a[1] + one)
    area_b = (b[2] - b[0] + one) * (b[3] - b[1] + one)
    return width * height / (area_a + area_b - width * height)


def slow_mask(anchors, boxes, sizes, psi, mode, plus_one):
    """Anchor by anchor, in Python's numbers."""
    masks = [torch.zeros(len(boxes), 1, *s, dtype=torch.bool) for s in sizes]
    for image, own in enumerate(boxes):
        for box in own.tolist():
            iou = [[
                slow_iou(anchor, box, int(plus_one))
                for anchor in level.tolist()
            ] for level in anchors]
            best = [max(level) for level in iou]
            for i, (_, width) in enumerate(sizes):
                if mode == 'assigned' and i != best.index(max(best)):
                    continue
                threshold = psi * (best[i] if mode == 'per_level' else
                                   max(best))
                each = len(iou[i]) // (sizes[i][0] * width)
                for n, value in enumerate(iou[i]):
                    if value > threshold:
                        row, column = divmod(n // each, width)
                        masks[i][image, 0, row, column] = True
    return masks


def random_boxes(count, generator, extent=100.):
    corner = torch.rand(count, 2, generator=generator, dtype=torch.float64)
    size = torch.rand(count, 2, generator=generator, dtype=torch.float64)
    corner = extent * (1.4 * corner - 0.2)
    return torch.cat([corner, corner + extent * size**2], 1)


def scene(seed, sizes=((9, 17), (5, 8), (1, 3)), each=(3, 1, 5),
          images=(3, 0, 2)):
    """Anchors without any order, and boxes; also outside of the picture."""
    generator = torch.Generator().manual_seed(seed)
    anchors = [
        random_boxes(h * w * a, generator)
        for (h, w), a in zip(sizes, each, strict=True)
    ]
    return anchors, [random_boxes(n, generator) for n in images], list(sizes)


@pytest.mark.parametrize('plus_one', [False, True])
@pytest.mark.parametrize('mode', module.MODES)
@pytest.mark.parametrize('psi', [0, 0.2, 0.5, 0.8, 0.97, 1])
def test_random_anchors_against_a_slow_loop(psi, mode, plus_one, monkeypatch):
    for seed, budget in enumerate((2**22, 1)):
        monkeypatch.setattr(module, '_BUDGET', budget)
        anchors, boxes, sizes = scene(seed)
        found = imitation_mask(anchors, boxes, sizes, psi, mode, plus_one)
        wanted = slow_mask(anchors, boxes, sizes, psi, mode, plus_one)
        for one, two in zip(found, wanted, strict=True):
            assert torch.equal(one, two)


@pytest.mark.parametrize('mode', module.MODES)
def test_grid_anchors_against_a_slow_loop(mode):
    sizes = [(13, 21), (7, 11), (4, 6)]
    anchors = AnchorGenerator(strides=[8, 16, 32], ratios=[.5, 1., 2.],
                              octave_base_scale=2,
                              scales_per_octave=2).grid_priors(
                                  sizes, torch.float64, 'cpu')
    generator = torch.Generator().manual_seed(0)
    boxes = [random_boxes(n, generator) for n in (4, 2)]
    found = imitation_mask(anchors, boxes, sizes, 0.5, mode)
    wanted = slow_mask(anchors, boxes, sizes, 0.5, mode, False)
    assert wanted[0].any() and wanted[1].any()
    for one, two in zip(found, wanted, strict=True):
        assert torch.equal(one, two)


def flat(masks):
    return torch.cat([mask.flatten(1) for mask in masks], 1)


@pytest.mark.parametrize('mode', module.MODES)
def test_monotone_in_psi_from_all_that_overlaps_to_nothing(mode):
    anchors, boxes, sizes = scene(3)
    masks = [
        flat(imitation_mask(anchors, boxes, sizes, psi, mode))
        for psi in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1)
    ]
    for less, more in zip(masks[1:], masks, strict=False):
        assert (more | ~less).all()
    assert not masks[0].all() and masks[0].sum() > masks[3].sum() > 0
    assert not masks[-1].any()


@pytest.mark.parametrize('mode', module.MODES)
def test_union_over_boxes_in_any_order_and_number(mode):
    anchors, boxes, sizes = scene(4)
    whole = flat(imitation_mask(anchors, boxes, sizes, mode=mode))
    single = [
        flat(imitation_mask(anchors, [box[None]], sizes, mode=mode))
        for box in boxes[0]
    ]
    assert torch.equal(whole[:1], torch.stack(single).any(0))
    again = [torch.cat([b.flip(0), b]) for b in boxes]
    assert torch.equal(whole,
                       flat(imitation_mask(anchors, again, sizes, mode=mode)))


@pytest.mark.parametrize('mode', module.MODES)
def test_scale(mode):
    anchors, boxes, sizes = scene(5)
    whole = flat(imitation_mask(anchors, boxes, sizes, mode=mode))
    larger = imitation_mask([8 * a for a in anchors], [8 * b for b in boxes],
                            sizes, mode=mode)
    assert torch.equal(whole, flat(larger))


def test_global_lies_between_assigned_and_per_level():
    anchors, boxes, sizes = scene(6)
    assigned, whole, each = (flat(
        imitation_mask(anchors, boxes, sizes, mode=mode))
                             for mode in ('assigned', 'global', 'per_level'))
    assert (whole | ~assigned).all() and (each | ~whole).all()
    assert assigned.sum() < whole.sum() < each.sum()


def test_boxes_that_touch_nothing_add_nothing():
    anchors, _, sizes = scene(7)
    far = torch.tensor([[900., 900., 950., 950.]])
    flat_box = torch.tensor([[10., 10., 60., 10.]])
    turned = torch.tensor([[60., 60., 10., 10.]])
    unknown = torch.full((1, 4), torch.nan)
    masks = imitation_mask(anchors, [far, flat_box, turned, unknown], sizes,
                           psi=0)
    assert not flat(masks).any()


def test_images_without_boxes():
    anchors, _, sizes = scene(8)
    masks = imitation_mask(anchors, [torch.zeros(0, 4)] * 2, sizes)
    assert [m.shape for m in masks] == [(2, 1, *s) for s in sizes]
    assert not flat(masks).any()


def test_anchors_without_area_are_never_picked():
    anchors = torch.tensor([[5., 5., 5., 5.], [0., 0., 10., 10.]])
    point = torch.tensor([[5., 5., 5., 5.]])
    square = torch.tensor([[0., 0., 8., 8.]])
    mask, = imitation_mask([anchors], [point, square], [(1, 2)], psi=0)
    assert mask.tolist() == [[[[False, False]]], [[[False, True]]]]


def test_turned_anchors_are_never_picked_and_hide_no_other():
    anchors = torch.tensor([[60., 10., 10., 60.], [20., 20., 30., 30.]])
    mask, = imitation_mask([anchors], [anchors[1:]], [(1, 2)])
    assert mask.tolist() == [[[[False, True]]]]


def test_types_of_boxes_and_anchors():
    box = torch.tensor([[100, 120, 299, 319]])
    wanted, = imitation_mask([rpn_anchors()], [box.float()], [(37, 50)])
    for anchors, boxes in ((rpn_anchors(), box), (rpn_anchors().long(), box),
                           (rpn_anchors(), box.double())):
        found, = imitation_mask([anchors], [boxes], [(37, 50)])
        assert torch.equal(found, wanted)


@pytest.mark.parametrize('changes, message', [
    (dict(mode='each'), r"mode='each', expected one of \('global', "),
    (dict(psi=1.5), 'psi=1.5, expected 0 to 1'),
    (dict(sizes=[(2, 3)]), 'anchors of 2 levels for 1 feature maps'),
    (dict(sizes=[(2, 3), (2, 2)]),
     r'anchors \(3, 4\) of level 1 are not \(H·W·A, 4\) of a 2 × 2 map'),
    (dict(anchors=[torch.zeros(6, 4), torch.zeros(3, 2)]), 'level 1'),
    (dict(anchors=[torch.zeros(0, 4), torch.zeros(3, 4)]), 'level 0'),
])
def test_what_does_not_fit_is_refused(changes, message):
    arguments = dict(anchors=[torch.zeros(12, 4),
                              torch.zeros(3, 4)], boxes=[torch.zeros(1, 4)],
                     sizes=[(2, 3), (1, 3)])
    with pytest.raises(ValueError, match=message):
        imitation_mask(**arguments | changes)
