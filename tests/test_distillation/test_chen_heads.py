"""Chen et al. (2017) on SSD heads, RPNs and RoI heads of mmdet."""
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from detectors import Calls
from mmdet.models.dense_heads import SSDHead
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from tiny_heads import (
    batch,
    dense,
    distilled,
    faster_rcnn,
    ssd,
    weights_of,
)
from toys import step

from mmxkd.distillation import ChenDenseHeadLoss, ChenRoIHeadLoss
from mmxkd.distillation.heads.layouts import check_priors
from mmxkd.distillation.methods import tap_method
from mmxkd.distillation.schedules import Progress
from mmxkd.errors import ConfigError
from mmxkd.losses import hard_negatives, soft_cross_entropy

sys.path.append(str(Path(__file__).resolve().parents[1] / 'test_losses'))
import golden_ssd as golden  # noqa: E402


def on(head, kind='ChenDenseHeadLoss', **options):
    return dict(type=kind, student=head, teacher=head, **options)


def two_stage(**options):
    return dict(
        loss_rpn=on('rpn_head', hard_loss='loss_rpn_cls', **options),
        loss_roi=on('roi_head', 'ChenRoIHeadLoss', **options))


def spy(model, name):
    """The arguments that a loss gets, call by call."""
    module = model.distiller.losses[name].module
    calls, stock = [], module.forward

    def forward(**kwargs):
        calls.append(kwargs)
        return stock(**kwargs)

    module.forward = forward
    return calls


def total_of(value):
    return sum(value) if isinstance(value, (list, tuple)) else value


# ---------------------------------------------------------------- golden
class GoldenPriors:
    """Eight priors in a row of eight cells."""
    num_levels, num_base_priors, strides = 1, [1], [(300, 300)]
    base_anchors = [torch.zeros(1, 4)]

    def grid_priors(self, sizes, device):
        assert sizes == [(1, 8)]
        centre, size = golden.PRIORS[:, :2], golden.PRIORS[:, 2:]
        return [torch.cat([centre - size / 2, centre + size / 2], 1) * 300]

    def valid_flags(self, sizes, pad_shape, device):
        return [torch.ones(8, dtype=torch.bool)]


def golden_head():
    train_cfg = ConfigDict(ssd().train_cfg)
    return SSDHead(
        num_classes=2, in_channels=(1, ),
        anchor_generator=dict(type=GoldenPriors),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder',
                        target_stds=[.1, .1, .2, .2]),
        train_cfg=train_cfg)


def as_level(values):
    """(N, P, C) as one level of one row of cells."""
    return [values.transpose(1, 2)[:, :, None]]


def golden_total(case, logits, boxes, **options):
    """The stock head's losses and ours, as the algorithm adds them."""
    head = golden_head()
    targets = []
    tap_method(head, 'get_targets').listeners.append(
        lambda args, kwargs, result: targets.append(result))
    truth = [InstanceData(bboxes=b * 300, labels=c) for b, c in golden.TRUTH]
    metas = [dict(img_shape=(300, 300), pad_shape=(300, 300))] * 2
    # mmdet has the background last.
    own = as_level(logits.roll(-1, -1)), as_level(boxes)
    other = (as_level(golden.teacher_logits().roll(-1, -1)),
             as_level(golden.teacher_boxes(case)))
    losses = head.loss_by_feat(*own, truth, metas)
    loss = ChenDenseHeadLoss(bound='batch', logit_hint=0.5, **options)
    loss.check(head, head)
    weights = loss.student_weights(Progress())
    return (sum(losses['loss_cls']) * weights['loss_cls']
            + sum(losses['loss_bbox'])
            + loss(own, other, targets[0], Progress()).squeeze()), losses


def near(value):
    return pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize('case', ['I', 'II'])
def test_golden_total_with_the_stock_head(case):
    logits = golden.student_logits().requires_grad_()
    boxes = golden.student_boxes().requires_grad_()
    total, losses = golden_total(case, logits, boxes)
    assert sum(losses['loss_cls']).item() * 3 == near(golden.CE_HARD)
    assert sum(losses['loss_bbox']).item() * 3 == near(golden.SMOOTH_L1)
    assert total.item() == near(golden.TOTAL[case])
    total.sum().backward()
    assert boxes.grad.abs().sum().item() == near(golden.GRADIENT_BOXES[case])
    assert logits.grad.abs().sum().item() == near(
        golden.GRADIENT_LOGITS['I'])


@pytest.mark.parametrize('options, expected', golden.VARIANTS)
def test_golden_variants_with_the_stock_head(options, expected):
    total, _ = golden_total('II', golden.student_logits(),
                            golden.student_boxes(), **options)
    assert total.item() == near(expected)


def test_golden_bound_per_box():
    soft, _ = golden_total('II', golden.student_logits(),
                           golden.student_boxes(), nu=0)
    for case, expected in golden.PER_BOX.items():
        head = golden_head()
        loss = ChenDenseHeadLoss(mu=1)
        loss.check(head, head)
        labels = golden.LABELS - 1
        labels[labels < 0] = 2
        boxes = torch.zeros(2, 8, 4)
        boxes[golden.LABELS > 0] = golden.TARGETS
        targets = [labels], [torch.ones(2, 8)], [boxes], [boxes], 3
        value = loss((as_level(golden.student_logits()),
                      as_level(golden.student_boxes())),
                     (as_level(golden.teacher_logits()),
                      as_level(golden.teacher_boxes(case))),
                     targets, Progress())
        assert value.item() == near(0.5 * expected / 3)


# ------------------------------------------------------------------- SSD
def test_hard_part_is_that_of_the_head():
    """What we mine is what mmdet mined: the losses are equal."""
    model = distilled(ssd(), loss_head=on('bbox_head', mu=1.0))
    calls = spy(model, 'loss_head')
    losses = step(model, batch())
    module, given = model.distiller.losses['loss_head'].module, calls[0]
    labels, weights, boxes = (torch.cat(v, 1) for v in given['targets'][:3])
    factor = given['targets'][4]
    logits, deltas = module._flat(given['s_prediction'])
    positive = labels < 3
    assert positive.any(1).all() and not positive.all()
    chosen = positive | module._negatives(logits, labels, weights)
    assert chosen.sum(1).tolist() == (4 * positive.sum(1)).tolist()
    hard = F.cross_entropy(logits[chosen], labels[chosen], reduction='sum')
    assert (hard / factor).item() == pytest.approx(
        sum(losses['loss_cls']).item(), rel=1e-6)
    box = F.smooth_l1_loss(deltas[positive], boxes[positive],
                           reduction='sum')
    assert (box / factor).item() == pytest.approx(
        sum(losses['loss_bbox']).item(), rel=1e-6)


def test_ssd_term_by_term():
    model = distilled(ssd(), loss_head=on('bbox_head', mu=0.3,
                                          logit_hint=0.5, temperature=2.0))
    calls = spy(model, 'loss_head')
    losses = step(model, batch())
    given = calls[0]

    # Every prior and class once, whatever the order.
    own, other = (torch.cat([v.flatten(1) for v in given[side][0]], 1)
                  for side in ('s_prediction', 't_prediction'))
    hint = (own - other).square().mean().item()
    assert losses['distill.head_hint'].item() == pytest.approx(hint)
    total = (0.7 * losses['distill.head_soft'] + losses['distill.head_bound']
             + 0.5 * losses['distill.head_hint'])
    assert losses['distill.loss_head'].item() == pytest.approx(total.item())
    assert losses['distill.head_mu'].item() == pytest.approx(0.3)
    assert losses['distill.head_soft'] > 0 and losses['distill.head_bound'] > 0


def slow_soft(given, ratio=3):
    """Prior by prior, from the maps themselves."""
    s_cls, t_cls = given['s_prediction'][0], given['t_prediction'][0]
    labels = given['targets'][0]
    total = 0.0
    for n in range(len(s_cls[0])):
        rows = []
        for s, t, level in zip(s_cls, t_cls, labels, strict=True):
            anchors = s.shape[1] // 4
            at = 0
            for y in range(s.shape[2]):
                for x in range(s.shape[3]):
                    for a in range(anchors):
                        own = s[n, 4 * a:4 * a + 4, y, x]
                        label = level[n, at].item()
                        rows.append((label, -own.log_softmax(0)[label].item(),
                                     soft_cross_entropy(
                                         own, t[n, 4 * a:4 * a + 4, y, x]
                                     ).item()))
                        at += 1
        positive = [r for r in rows if r[0] < 3]
        negative = sorted((r for r in rows if r[0] == 3), key=lambda r: -r[1])
        total += sum(r[2] for r in
                     positive + negative[:ratio * len(positive)])
    return total / given['targets'][4]


def test_soft_part_of_an_ssd_against_a_slow_loop():
    model = distilled(ssd(), loss_head=on('bbox_head'))
    calls = spy(model, 'loss_head')
    with torch.no_grad():
        for conv in model.teachers['t'].model.bbox_head.cls_convs:
            torch.nn.init.normal_(conv[-1].weight, std=0.3)
        for conv in model.student.bbox_head.cls_convs:
            torch.nn.init.normal_(conv[-1].weight, std=0.3)
    losses = step(model, batch())
    assert losses['distill.head_soft'].item() == pytest.approx(
        slow_soft(calls[0]), rel=1e-4)


def test_priors_are_flattened_as_the_targets_are():
    """The head's own order: cells, then the priors of a cell."""
    from mmxkd.distillation.heads.chen_dense import flatten_levels
    level = torch.arange(2 * 6 * 2 * 3).reshape(2, 6, 2, 3)
    flat = flatten_levels([level, level[..., :1]], 3)
    assert flat.shape == (2, 2 * 2 * 3 + 2 * 2, 3)
    assert flat[1, 5].tolist() == level[1, 3:, 0, 2].tolist()


@pytest.mark.parametrize('without', [(0, ), (0, 1)])
def test_images_without_boxes(without):
    model = distilled(ssd(), loss_head=on('bbox_head'))
    losses = step(model, batch(without=without))
    model.parse_losses(losses)[0].backward()
    if len(without) == 2:
        assert losses['distill.loss_head'].item() == 0
    assert losses['distill.loss_head'].requires_grad
    for name, parameter in model.student.bbox_head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


# ------------------------------------------------------------------- mu
def plain_losses(model_cfg, data):
    model = distilled(model_cfg, loss_head=on('bbox_head', mu=1.0))
    return step(model, data)


def test_mu_weighs_the_detectors_own_loss():
    whole = plain_losses(ssd(), batch())
    model = distilled(ssd(), loss_head=on('bbox_head', mu=0.25))
    losses = step(model, batch())
    assert len(losses['loss_cls']) == 2
    assert sum(losses['loss_cls']).item() == pytest.approx(
        0.25 * sum(whole['loss_cls']).item())
    assert sum(losses['loss_bbox']).item() == pytest.approx(
        sum(whole['loss_bbox']).item())


def test_an_idle_loss_weighs_nothing_of_the_detector():
    whole = plain_losses(ssd(), batch())
    model = distilled(ssd(), loss_head=on('bbox_head', mu=0.25,
                                          loss_weight=0.0))
    losses = step(model, batch())
    assert sum(losses['loss_cls']).item() == pytest.approx(
        sum(whole['loss_cls']).item())


def test_mu_may_follow_a_schedule():
    ramp = dict(type='Linear', start=0.0, stop=1.0, end=10)
    loss = ChenDenseHeadLoss(mu=ramp)
    assert [loss.mu_now(Progress(iter=i)) for i in (0, 5, 99)] == [0, 0.5, 1]
    assert loss.student_weights(Progress(iter=3)) == dict(loss_cls=0.3)


def test_mu_by_epoch_in_a_run_without_epochs_is_told(monkeypatch):
    from mmengine.logging import MessageHub

    from mmxkd.distillation import schedules
    said = []
    monkeypatch.setattr(schedules, 'print_log',
                        lambda text, **kwargs: said.append(text))
    MessageHub.get_current_instance().update_info('max_epochs', 1)
    ramp = dict(type='Linear', start=0.0, stop=1.0, end=2, by_epoch=True)
    step(distilled(ssd(), loss_head=on('bbox_head', mu=ramp)), batch())
    assert len(said) == 1 and "'loss_head': mu changes by epoch" in said[0]


@pytest.mark.parametrize('mu', [-0.1, 1.1])
def test_mu_is_a_share(mu):
    with pytest.raises(ConfigError, match='between 0 and 1'):
        distilled(ssd(), loss_head=on('bbox_head', mu=mu))


def test_a_loss_that_the_detector_lacks():
    model = distilled(ssd(), loss_head=on('bbox_head', hard_loss='loss_clss'))
    with pytest.raises(ConfigError, match="'loss_clss'.*did you mean "
                                          "'loss_cls'"):
        step(model, batch())


def test_two_losses_may_not_weigh_the_same():
    model = distilled(ssd(), loss_a=on('bbox_head'), loss_b=on('bbox_head'))
    with pytest.raises(ConfigError, match="loss_b.*'loss_cls' is weighed"):
        step(model, batch())


# ------------------------------------------------------------ Faster R-CNN
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
    for key in ('distill.loss_rpn', 'distill.loss_roi'):
        assert losses[key] > 0 and losses[key].requires_grad
    for part in ('rpn_head', 'roi_head', 'neck'):
        for name, parameter in getattr(model.student,
                                       part).named_parameters():
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
    assert losses['distill.roi_soft'].item() == pytest.approx(
        soft / len(rois), rel=1e-4)
    assert losses['distill.roi_bound'].item() == pytest.approx(
        bound / len(rois), rel=1e-4, abs=1e-7)
    assert losses['distill.loss_roi'].item() == pytest.approx(
        (0.6 * soft + bound) / len(rois), rel=1e-4)


def test_the_teacher_still_stops_after_what_is_recorded():
    model = distilled(faster_rcnn(), loss_roi=two_stage()['loss_roi'])
    teacher = model.teachers['t'].model
    rpn, head = (Calls([part]) for part in (
        teacher.rpn_head, teacher.roi_head.bbox_head.fc_cls))
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


def test_rpn_term_by_term():
    model = distilled(faster_rcnn(), **two_stage(mu=0.4))
    calls = spy(model, 'loss_rpn')
    losses = step(model, batch())
    given = calls[0]
    soft, count = 0.0, 0
    for s, t, weights in zip(
            given['s_prediction'][0], given['t_prediction'][0],
            given['targets'][1], strict=True):
        s, t = (v.permute(0, 2, 3, 1).flatten(1)[weights > 0] for v in (s, t))
        p = t.sigmoid()
        soft -= (p * F.logsigmoid(s)
                 + 1.5 * (1 - p) * F.logsigmoid(-s)).sum().item()
        count += len(s)
    assert given['targets'][4] == count > 0
    assert losses['distill.rpn_soft'].item() == pytest.approx(
        soft / count, rel=1e-4)
    whole = distilled(faster_rcnn(), **two_stage(mu=1.0))
    torch.manual_seed(3)
    alone = step(whole, batch())
    torch.manual_seed(3)
    weighed = step(model, batch())
    assert total_of(weighed['loss_rpn_cls']).item() == pytest.approx(
        0.4 * total_of(alone['loss_rpn_cls']).item(), rel=1e-4)


def test_half_precision_teacher():
    model = distilled(faster_rcnn(), dtype='bf16', **two_stage())
    losses = step(model, batch())
    model.parse_losses(losses)[0].backward()
    assert losses['distill.loss_roi'].dtype == torch.float32
    assert losses['distill.loss_roi'] > 0


def test_class_agnostic_boxes():
    cfg = faster_rcnn()
    cfg.roi_head.bbox_head.reg_class_agnostic = True
    model = distilled(cfg, **two_stage())
    assert step(model, batch())['distill.loss_roi'].isfinite()


# ---------------------------------------------------------------- refused
def test_8732_and_3000_priors():
    full = ssd()
    full.bbox_head.anchor_generator = dict(
        type='SSDAnchorGenerator', scale_major=False, input_size=300,
        basesize_ratio_range=(0.15, 0.9), strides=[8, 16, 32, 64, 100, 300],
        ratios=[[2], [2, 3], [2, 3], [2, 3], [2], [2]])
    lite = ssd()
    lite.bbox_head.anchor_generator = dict(
        type='SSDAnchorGenerator', scale_major=False, input_size=300,
        strides=[16, 32, 64, 100, 150, 300], ratios=[[2, 3]] * 6,
        min_sizes=[60, 105, 150, 195, 240, 285],
        max_sizes=[105, 150, 195, 240, 285, 330])
    from mmdet.registry import TASK_UTILS
    a, b = (TASK_UTILS.build(c.bbox_head.anchor_generator)
            for c in (lite, full))
    check_priors(a, a)
    with pytest.raises(ValueError, match=(
            r'Student: 6 levels, strides 16, 32, 64, 100, 150, 300, priors '
            r'a cell 6, 6, 6, 6, 6, 6, 3000 priors at 300×300\. Teacher: 6 '
            r'levels, strides 8, .* a cell 4, 6, 6, 6, 4, 4, 8732 priors')):
        check_priors(a, b)


def changed(cfg, key, value):
    part = cfg
    *path, last = key.split('.')
    for name in path:
        part = part[name]
    part[last] = value
    return cfg


@pytest.mark.parametrize('teacher, message', [
    (lambda: ssd(strides=(16, 32, 64, 96), ratios=((2, 3), ) * 4),
     'Student: 3 levels.* Teacher: 4 levels'),
    (lambda: ssd(ratios=((2, 3), (2, 3), (2, 3))),
     'priors a cell 6, 6, 4.*priors a cell 6, 6, 6'),
    (lambda: changed(ssd(), 'bbox_head.anchor_generator.min_sizes',
                     [20, 32, 56]),
     'priors of level 0 differ in size, ratio or order'),
    (lambda: ssd(classes=4), 'differ in num_classes: 3 and 4'),
    (lambda: changed(ssd(), 'bbox_head.bbox_coder.target_stds',
                     [1., 1., 1., 1.]), 'target_stds'),
    (lambda: dense('retinanet'), 'sigmoid for each of 3 classes'),
    (lambda: dense('fcos'), 'sigmoid for each of 3 classes'),
])
def test_heads_that_do_not_suit(teacher, message):
    with pytest.raises(ConfigError, match=f'(?s)loss_head.*{message}'):
        distilled(ssd(), teacher(), loss_head=on('bbox_head'))


@pytest.mark.parametrize('loss, message', [
    (on('backbone'), 'MobileNetV2 of the student has no num_classes'),
    (on('bbox_head', connector=None), 'takes no connector'),
    (on('bbox_head[0]'), r"'bbox_head\[0\]' is a value"),
    (dict(type='ChenDenseHeadLoss', student='bbox_head',
          inputs=dict(t_prediction='t:bbox_head')), "takes 'student' and"),
    (on('bbox_head', bound='image'), "bound='image'"),
    (on('bbox_head', 'ChenRoIHeadLoss'), 'SSDHead of the student has no '),
])
def test_configs_that_are_refused(loss, message):
    with pytest.raises(ConfigError, match=message):
        distilled(ssd(), loss_head=loss)


def test_decoded_boxes_are_refused():
    cfg = changed(ssd(), 'bbox_head.reg_decoded_bbox', True)
    with pytest.raises(ConfigError, match='nu=0'):
        distilled(cfg, loss_head=on('bbox_head'))


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


def test_mined_negatives_need_no_sort_of_ignored_priors():
    errors = torch.tensor([[5., 4., 3., 2.]])
    positive = torch.tensor([[True, False, False, False]])
    negative = torch.tensor([[False, False, True, True]])
    assert hard_negatives(errors, positive, negative, 1).tolist() == [
        [False, False, True, False]]
