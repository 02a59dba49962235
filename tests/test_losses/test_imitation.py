"""The loss of fine-grained imitation, on numbers made by hand."""
from types import SimpleNamespace

import pytest
import torch
from mmdet.models.task_modules import AnchorGenerator

from mmxkd.losses import FineGrainedImitationLoss
from mmxkd.losses.imitation import match_levels
from mmxkd.losses.imitation_mask import square_priors


def cells(height, width, side=1.):
    """One anchor for each cell: the cell itself, in pixels."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width),
                          indexing='ij')
    corner = torch.stack([x, y], -1).reshape(-1, 2) * side
    return torch.cat([corner, corner + side], 1)


def samples(*boxes):
    return [
        SimpleNamespace(gt_instances=SimpleNamespace(
            bboxes=torch.tensor(own, dtype=torch.float32).reshape(-1, 4)))
        for own in boxes
    ]


# Image, row, column of the ones: (0, 0, 1), (0, 1, 2), (1, 1, 0).
GOLDEN = dict(
    batch_data_samples=samples([[1, 0, 2, 1], [2, 1, 3, 2]], [[0, 1, 1, 2]]),
    anchors=[cells(2, 3)])


def golden_maps(dtype=torch.float64):
    x = torch.arange(24, dtype=dtype).reshape(2, 2, 2, 3)
    return (0.2 * x).sin().clamp(min=0), (0.3 * x).cos()


@pytest.mark.parametrize('dtype, precision', [(torch.float64, 5e-9),
                                              (torch.float32, 1e-6)])
def test_golden_number(dtype, precision):
    loss = FineGrainedImitationLoss()
    value = loss(*golden_maps(dtype), **GOLDEN)
    assert value.item() == pytest.approx(1.28944165, abs=precision)
    assert loss.metrics() == dict(positions=torch.tensor(3.))
    # The authors' weight for their smaller student.
    half = FineGrainedImitationLoss(level_weights=[0.5])
    assert half(*golden_maps(dtype),
                **GOLDEN).item() == pytest.approx(0.64472082, abs=precision)


def test_gradient_element_by_element():
    student, teacher = (m.requires_grad_() for m in golden_maps())
    FineGrainedImitationLoss()(student, teacher, **GOLDEN).backward()
    mask = torch.zeros(2, 1, 2, 3)
    mask[0, 0, 0, 1] = mask[0, 0, 1, 2] = mask[1, 0, 1, 0] = 1
    torch.testing.assert_close(student.grad,
                               (student - teacher).detach() * mask / 3)
    assert teacher.grad is None


def two_levels(**options):
    """2 × 2 cells of 10 pixels and 1 cell of 20; three objects."""
    loss = FineGrainedImitationLoss(**options)
    levels = loss.levels(
        [torch.full((1, 2, 2, 2), 3.),
         torch.full((1, 2, 1, 1), 5.)],
        [torch.zeros(1, 2, 2, 2),
         torch.zeros(1, 2, 1, 1)],
        samples([[0, 0, 10, 10], [10, 10, 20, 20], [0, 0, 20, 20]]),
        [cells(2, 2, 10), cells(1, 1, 20)])
    return loss, [v.item() for v in levels], loss.reduce(levels).item()


def test_one_number_of_positions_for_all_levels():
    loss, levels, total = two_levels()
    # Two cells of the fine level, one of the coarse one; two channels.
    assert levels == pytest.approx([2 * 2 * 9 / 6, 2 * 25 / 6])
    assert total == pytest.approx(sum(levels))
    assert {k: v.item() for k, v in loss.metrics().items()
            } == dict(positions=3, positions_0=2, positions_1=1)


def test_a_number_of_positions_for_each_level():
    _, levels, total = two_levels(normalize='level', level_reduction='mean')
    assert levels == [9, 25] and total == 17
    _, levels, total = two_levels(normalize='level', level_weights=[1, 0.1])
    assert levels == [9, 25] and total == pytest.approx(11.5)


def test_level_mode_is_passed_on():
    # The large object overlaps all cells of the fine level alike; each small
    # one is a quarter of the coarse cell.
    loss, _, _ = two_levels(mode='per_level')
    assert [v.item() for v in loss.metrics().values()] == [5, 4, 1]


def test_psi_and_plus_one_are_passed_on():
    nothing = FineGrainedImitationLoss(psi=1)
    assert nothing(*golden_maps(), **GOLDEN).item() == 0
    # By inclusive pixels, IoU with the next cells is 2 / (4 + 4 - 2).
    pixels = FineGrainedImitationLoss(psi=0.3, plus_one=True)
    pixels(*golden_maps(), **GOLDEN)
    assert pixels.metrics()['positions'] == 5 + 3


def test_levels_that_are_not_distilled_own_their_objects():
    anchors = [cells(4, 4, 10), cells(2, 2, 20), cells(1, 1, 40)]
    boxes = samples([[0, 0, 40, 40], [0, 0, 20, 20]])
    maps = [torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2)]
    loss = FineGrainedImitationLoss()
    arguments = dict(batch_data_samples=boxes, anchors=anchors,
                     grid_sizes=[(4, 4), (2, 2), (1, 1)])
    loss(maps, [0 * m for m in maps], **arguments)
    assert [v.item() for v in loss.metrics().values()] == [1, 0, 1]
    loss(maps[1], 0 * maps[1], **arguments)
    assert loss.metrics()['positions'] == 1


def test_nothing_outside_of_the_mask_counts():
    student, teacher = golden_maps()
    wanted = FineGrainedImitationLoss()(student, teacher, **GOLDEN)
    student[0, :, 1, 0] = torch.inf
    teacher[1, :, 0, 2] = torch.nan
    student.requires_grad_()
    value = FineGrainedImitationLoss()(student, teacher, **GOLDEN)
    value.backward()
    assert value.item() == wanted.item()
    assert student.grad.isfinite().all() and not student.grad[0, :, 1, 0].any()


def test_images_without_objects_do_not_count():
    arguments = dict(GOLDEN, batch_data_samples=samples([[1, 0, 2, 1]], []))
    student, teacher = golden_maps()
    value = FineGrainedImitationLoss()(student, teacher, **arguments)
    difference = (student - teacher)[0, :, 0, 1]
    assert value.item() == pytest.approx(difference.square().sum().item() / 2,
                                         rel=1e-12)


def test_no_object_at_all():
    student, teacher = golden_maps()
    student.requires_grad_()
    loss = FineGrainedImitationLoss()
    value = loss(student, teacher,
                 **dict(GOLDEN, batch_data_samples=samples([], [])))
    value.backward()
    assert value.item() == 0 and not student.grad.any()
    assert loss.metrics()['positions'] == 0


def test_squares_of_cells():
    wanted, = AnchorGenerator(strides=[(16, 8)], base_sizes=[1], ratios=[1.],
                              scales=[1.],
                              centers=[(8., 4.)]).grid_priors([(3, 2)],
                                                              device='cpu')
    half = torch.tensor([32., 16.]) - 0.5
    wanted = wanted + torch.cat([-half, half])
    found = square_priors((3, 2), (24, 32), 4., torch.zeros(()))
    torch.testing.assert_close(found, wanted)


def test_squares_take_the_place_of_anchors():
    student, teacher = torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    loss = FineGrainedImitationLoss(square_scale=1)
    value = loss(student, teacher, samples([[8, 0, 16, 8]]),
                 batch_img_metas=[dict(batch_input_shape=(32, 32))])
    assert value.item() == 0.5 and loss.metrics()['positions'] == 1


@pytest.mark.parametrize('options, message', [
    (dict(psi=-1), 'psi=-1, expected 0 to 1'),
    (dict(mode='fpn'), "mode='fpn', expected one of"),
    (dict(normalize='batch'), "normalize='batch', expected one of"),
    (dict(square_scale=0), 'square_scale=0, expected a positive number'),
    (dict(level_reduction='max'), "level_reduction='max'"),
])
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        FineGrainedImitationLoss(**options)


@pytest.mark.parametrize('options, changes, message', [
    (dict(), dict(anchors=None), 'the student has no anchors. square_scale=8'),
    (dict(square_scale=8), dict(), 'needs batch_img_metas'),
    (dict(), dict(batch_data_samples=samples([])),
     '1 data samples for 2 images'),
    (dict(), dict(anchors=[cells(2, 3), cells(1, 2)]),
     'anchors of 2 levels for 1 feature maps'),
    (dict(), dict(anchors=[cells(4, 6)], grid_sizes=[(4, 6)]),
     r'feature level 0 of sizes \[\(2, 3\)\] .* have the sizes \[\(4, 6\)\]'),
])
def test_what_does_not_fit_is_refused(options, changes, message):
    with pytest.raises(ValueError, match=message):
        FineGrainedImitationLoss(**options)(*golden_maps(),
                                            **dict(GOLDEN, **changes))


def test_levels_are_found_by_their_size():
    grids = [(8, 12), (4, 6), (2, 3), (1, 2), (1, 1)]
    assert match_levels(grids, grids) == [0, 1, 2, 3, 4]
    assert match_levels(grids[1:3], grids) == [1, 2]
    assert match_levels([grids[0], grids[4]], grids) == [0, 4]
    # All levels, though two are alike.
    assert match_levels([(2, 2), (1, 1), (1, 1)], [(2, 2), (1, 1),
                                                   (1, 1)]) == [0, 1, 2]
    with pytest.raises(ValueError, match='feature level 1 of sizes'):
        match_levels([(4, 6), (8, 12)], grids)
    with pytest.raises(ValueError, match='fit several levels of anchors'):
        match_levels([(1, 1)], [(2, 2), (1, 1), (1, 1)])
