"""Chen et al. (2017) on the RoI heads of mmdet."""
from copy import deepcopy

import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.losses import ChenRoIHeadLoss, soft_cross_entropy
from tests.helpers.detectors import Calls
from tests.helpers.tiny_heads import (
    batch,
    distilled,
    faster_rcnn,
    spy,
    two_stage,
    weights_of,
)
from tests.helpers.toys import step


@pytest.mark.parametrize('without', [(), (1, ), (0, 1)])
def test_faster_rcnn(without):
    model = distilled(faster_rcnn(), **two_stage())
    teacher = model.teachers['t']
    before = weights_of(teacher)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        losses = step(model, batch(without=without))
        total = model.parse_losses(losses)[0]
        assert total.isfinite()
        total.backward()
        optimizer.step()
    for key in ('distill/loss_rpn', 'distill/loss_roi'):
        assert losses[key] > 0 and losses[key].requires_grad
    for part in ('rpn_head', 'roi_head', 'neck'):
        for name, parameter in getattr(model.student, part).named_parameters():
            assert parameter.grad is not None, name
    for name, value in teacher.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not teacher.model.training
    assert all(p.grad is None and not p.requires_grad
               for p in teacher.model.parameters())


def test_the_teacher_is_asked_about_the_students_rois():
    model = distilled(faster_rcnn(), **two_stage(mu=0.4))
    teacher = model.teachers['t'].model
    calls = spy(model, 'loss_roi')
    asked = []
    teacher.roi_head.bbox_roi_extractor.register_forward_pre_hook(
        lambda module, args: asked.append(args))
    data = batch()
    losses = step(model, data)
    given = calls[0]
    assert len(asked) == 1 and asked[0][1] is given['rois']
    assert not any(f.requires_grad for f in asked[0][0])
    rois = given['rois']
    assert rois[:, 0].unique().tolist() == [0, 1]
    # By hand: the teacher's own features of its own view of the pictures.
    view = model.data_preprocessor(data, True)['views']['t']
    with torch.no_grad():
        features = teacher.neck(teacher.backbone(view['inputs']))
        found = teacher.roi_head._bbox_forward(features, rois)
    s_logits, s_deltas = given['s_prediction']
    labels, _, target, _ = given['targets']
    soft, bound = 0.0, 0.0
    for i in range(len(rois)):
        soft += soft_cross_entropy(s_logits[i], found['cls_score'][i]).item()
        c = labels[i].item()
        if c == 3:
            continue
        own, other = (d[i, 4 * c:4 * c + 4] - target[i]
                      for d in (s_deltas, found['bbox_pred']))
        if own.square().sum() > other.square().sum():
            bound += 0.5 * own.square().sum().item()
    assert losses['distill/roi_soft'].item() == pytest.approx(
        soft / len(rois), rel=1e-4)
    assert losses['distill/roi_bound'].item() == pytest.approx(
        bound / len(rois), rel=1e-4, abs=1e-7)
    assert losses['distill/loss_roi'].item() == pytest.approx(
        (0.6 * soft + bound) / len(rois), rel=1e-4)


def test_the_teacher_still_stops_after_what_is_recorded():
    model = distilled(faster_rcnn(), loss_roi=two_stage()['loss_roi'])
    teacher = model.teachers['t'].model
    rpn, head = (Calls([part]) for part in (teacher.rpn_head,
                                            teacher.roi_head.bbox_head.fc_cls))
    step(model, batch())
    assert (rpn.count, head.count) == (0, 1)


def test_a_copy_of_the_algorithm_distils_by_itself():
    model = distilled(faster_rcnn(), **two_stage())
    model.parse_losses(step(model, batch()))[0].backward()
    copy = deepcopy(model)
    copy.zero_grad()
    model.zero_grad()
    model.parse_losses(step(copy, batch()))[0].backward()
    assert all(p.grad is None for p in model.parameters())
    assert copy.student.backbone.conv1.weight.grad.abs().max() > 0
    assert copy.teachers['t'] is model.teachers['t']


def test_half_precision_teacher():
    model = distilled(faster_rcnn(), dtype='bf16', **two_stage())
    losses = step(model, batch())
    model.parse_losses(losses)[0].backward()
    assert losses['distill/loss_roi'].dtype == torch.float32
    assert losses['distill/loss_roi'] > 0


def test_class_agnostic_boxes():
    cfg = faster_rcnn()
    cfg.roi_head.bbox_head.reg_class_agnostic = True
    model = distilled(cfg, **two_stage())
    assert step(model, batch())['distill/loss_roi'].isfinite()


def test_sigmoid_roi_heads_and_cascades_are_refused():

    class Cascade(torch.nn.Module):
        bbox_roi_extractor = _bbox_forward = None
        bbox_head = torch.nn.ModuleList()

    with pytest.raises(ValueError, match='is a cascade'):
        ChenRoIHeadLoss().check(Cascade(), Cascade())
    cfg = faster_rcnn()
    cfg.roi_head.bbox_head.loss_cls = dict(type='FocalLoss')
    with pytest.raises(ConfigError, match='no background class to weigh'):
        distilled(cfg, **two_stage())
