"""One whole training step of MM-DistillNet against published numbers."""
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmxkd.evaluation.functional.mm_distillnet import (
    fuse_rows,
    rows_of_outputs,
)
from mmxkd.losses import MultiTeacherAlignmentLoss
from tests.helpers.efficientdet import build, fill

TEACHERS = ('rgb', 'depth', 'thermal')
FUSION = ((1.6, .4), (.5, 1.4, .8))


@pytest.fixture(scope='module')
def golden(shared_data):
    return np.load(shared_data / 'mm_distillnet_golden/train_step.npz',
                   allow_pickle=False)


@pytest.fixture(scope='module')
def student():
    model = fill(build(8, empty='published'), 0., FUSION, norms=False)
    bias = model.bbox_head.cls_branch.predictor.pointwise.bias
    bias.data = 0.01 * torch.sin(torch.arange(1, 181).double()) - 4
    return model.train()


@pytest.fixture(scope='module')
def pseudo(golden, student):
    """The fused labels of what the teachers find."""
    head = student.bbox_head
    anchors = torch.cat(
        head.prior_generator.grid_priors([(128 // s, 128 // s)
                                          for s in (8, 16, 32, 64, 128)],
                                         device='cpu'))
    labels = []
    for i in range(4):
        rows = []
        for teacher in TEACHERS:
            index = golden[f'{teacher}_index']
            here = index[:, 0] == i
            scores = np.full((len(anchors), 20), .01)
            deltas = torch.zeros(len(anchors), 4)
            scores[index[here, 1]] = golden[f'{teacher}_cls'][here]
            deltas[index[here, 1]] = torch.from_numpy(
                golden[f'{teacher}_reg'][here]).float()
            boxes = head.bbox_coder.decode(anchors, deltas).numpy()
            rows.append(
                rows_of_outputs(boxes, scores, (128, 128), classes=[6],
                                as_published=True))
        labels.append(fuse_rows(rows))
    return labels


def test_golden_labels(golden, pseudo):
    for rows, n, expected in zip(pseudo, golden['pseudo_n'],
                                 golden['pseudo_xyxy_label'], strict=True):
        np.testing.assert_array_equal(rows, expected[:n])


@pytest.fixture(scope='module')
def walked(golden, student, pseudo):
    """The student's pyramid, its losses and the teachers' maps."""
    pyramid = student.extract_feat(
        torch.from_numpy(golden['audio_i8']).double() / 40)
    truth = [
        InstanceData(bboxes=torch.from_numpy(rows[:, :4]),
                     labels=torch.from_numpy(rows[:, 4]).long())
        for rows in pseudo
    ]
    losses = student.bbox_head.loss_by_feat(*student.bbox_head(pyramid), truth,
                                            [{}] * 4)
    maps = [[
        torch.from_numpy(golden[f'{t}_P{i}']).double() for i in range(3, 8)
    ] for t in TEACHERS]
    return pyramid, losses, maps


@pytest.mark.parametrize('form', ['separate', 'joint'])
def test_golden_step(golden, student, walked, form):
    pyramid, losses, maps = walked
    for i, level in enumerate(pyramid, 3):
        assert level.detach().abs().mean().item() == pytest.approx(
            float(golden[f'student_P{i}_absmean']), rel=1e-9)
    mta = MultiTeacherAlignmentLoss(
        fusion='summed' if form == 'separate' else form, mode='as_published')
    total = losses['loss_cls'] + losses['loss_bbox'] + 0.005 * mta(
        list(pyramid), maps)
    for key, value in (('cls', losses['loss_cls']),
                       ('reg', losses['loss_bbox']), ('total', total)):
        assert value.item() == pytest.approx(float(golden[f'{form}_{key}']),
                                             rel=1e-8)

    student.zero_grad()
    total.backward(retain_graph=True)
    head = student.bbox_head
    for name, part in (('backbone_net', student.backbone),
                       ('bifpn', student.neck), ('regressor', head.reg_branch),
                       ('classifier', head.cls_branch)):
        # What nothing depends on, such as biases before a batch norm, has
        # gradients that are rounding alone.
        found = sum(p.grad.abs().sum().item() for p in part.parameters())
        assert found == pytest.approx(
            float(golden[f'{form}_grad_abs_sum_{name}']), rel=1e-8)
    cls_bias = head.cls_branch.predictor.pointwise.bias
    for key, parameter in (('grad_cls_bias', cls_bias),
                           ('grad_box_bias',
                            head.reg_branch.predictor.pointwise.bias),
                           ('grad_bifpn0_p3_w1',
                            student.neck.cells[0].downward[0].weights),
                           ('grad_bifpn4_p7_w2',
                            student.neck.cells[4].upward[3].weights)):
        np.testing.assert_allclose(parameter.grad, golden[f'{form}_{key}'],
                                   rtol=1e-8, atol=1e-14)
    stem = student.backbone.layers[0].conv.weight.grad
    assert stem.abs().sum().item() == pytest.approx(
        float(golden[f'{form}_grad_stem_absum']), rel=1e-8)

    before = cls_bias.detach().clone()
    torch.optim.Adam([cls_bias], lr=1e-4).step()
    np.testing.assert_allclose(cls_bias.detach(),
                               golden[f'{form}_cls_bias_after_adam'],
                               rtol=1e-9)
    cls_bias.data = before


@pytest.mark.parametrize('key, options', [
    ('separate', dict(fusion='summed', mode='as_published')),
    ('joint', dict(mode='as_published')),
    ('fixed_separate', dict(fusion='summed')),
    ('fixed_joint', dict()),
    ('separate_T0p05',
     dict(fusion='summed', mode='as_published', temperature=.05)),
    ('joint_T0p05', dict(mode='as_published', temperature=.05)),
])
def test_golden_alignment(golden, walked, key, options):
    pyramid, _, maps = walked
    found = MultiTeacherAlignmentLoss(**options).levels(list(pyramid), maps)
    np.testing.assert_allclose([level.item() for level in found],
                               golden[f'{key}_kd_terms'].sum(0), rtol=1e-8,
                               atol=1e-14)
