"""Chen et al. (2017) on dense heads of mmdet: SSD, RPN, RetinaNet."""
import pytest
import torch
import torch.nn.functional as F

from mmxkd.errors import ConfigError
from mmxkd.losses import ChenDenseHeadLoss, soft_cross_entropy
from mmxkd.losses.heads.chen_dense import flatten_levels
from mmxkd.schedules import Progress
from tests.helpers.tiny_heads import (
    batch,
    dense,
    distilled,
    faster_rcnn,
    on,
    spy,
    ssd,
    two_stage,
)
from tests.helpers.toys import step


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
    chosen = positive | module._negatives(logits, labels, weights, positive)
    assert chosen.sum(1).tolist() == (4 * positive.sum(1)).tolist()
    hard = F.cross_entropy(logits[chosen], labels[chosen], reduction='sum')
    assert (hard / factor).item() == pytest.approx(
        sum(losses['loss_cls']).item(), rel=1e-6)
    box = F.smooth_l1_loss(deltas[positive], boxes[positive], reduction='sum')
    assert (box / factor).item() == pytest.approx(
        sum(losses['loss_bbox']).item(), rel=1e-6)


def test_ssd_term_by_term():
    model = distilled(
        ssd(), loss_head=on('bbox_head', mu=0.3, logit_hint=0.5,
                            temperature=2.0))
    calls = spy(model, 'loss_head')
    losses = step(model, batch())
    given = calls[0]

    # Every prior and class once, whatever the order.
    own, other = (torch.cat([v.flatten(1) for v in given[side][0]], 1)
                  for side in ('s_prediction', 't_prediction'))
    hint = (own - other).square().mean().item()
    assert losses['distill/head_hint'].item() == pytest.approx(hint)
    total = (0.7 * losses['distill/head_soft'] + losses['distill/head_bound']
             + 0.5 * losses['distill/head_hint'])
    assert losses['distill/loss_head'].item() == pytest.approx(total.item())
    assert losses['distill/head_mu'].item() == pytest.approx(0.3)
    assert losses['distill/head_soft'] > 0 and losses['distill/head_bound'] > 0


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
                        rows.append(
                            (label, -own.log_softmax(0)[label].item(),
                             soft_cross_entropy(own, t[n, 4 * a:4 * a + 4, y,
                                                       x]).item()))
                        at += 1
        positive = [r for r in rows if r[0] < 3]
        negative = sorted((r for r in rows if r[0] == 3), key=lambda r: -r[1])
        total += sum(r[2] for r in positive + negative[:ratio * len(positive)])
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
    assert losses['distill/head_soft'].item() == pytest.approx(
        slow_soft(calls[0]), rel=1e-4)


def test_priors_are_flattened_as_the_targets_are():
    """The head's own order: cells, then the priors of a cell."""
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
        assert losses['distill/loss_head'].item() == 0
    assert losses['distill/loss_head'].requires_grad
    for name, parameter in model.student.bbox_head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_a_dense_head_with_a_softmax_and_no_mining():
    cfg = dense('retinanet')
    cfg.bbox_head.loss_cls = dict(type='CrossEntropyLoss')
    model = distilled(cfg, loss_head=on('bbox_head', nu=0))
    calls = spy(model, 'loss_head')
    losses = step(model, batch())
    given = calls[0]
    soft = 0.0
    for s, t, weights in zip(given['s_prediction'][0],
                             given['t_prediction'][0], given['targets'][1],
                             strict=True):
        s, t = (v.permute(0, 2, 3, 1).reshape(-1, 4)[weights.flatten() > 0]
                for v in (s, t))
        soft += soft_cross_entropy(s, t).sum().item()
    assert losses['distill/loss_head'].item() == pytest.approx(
        0.5 * soft / given['targets'][4], rel=1e-4)


def test_levels_of_other_sizes():
    s, t = ([torch.zeros(1, 8, size, size)] for size in (4, 5))
    targets = [[torch.zeros(1, 32).long()], [torch.ones(1, 32)],
               [torch.zeros(1, 32, 4)], [torch.zeros(1, 32, 4)], 1]
    with pytest.raises(
            ValueError, match=r'ChenDenseHeadLoss: level 0 is '
            r'\(1, 8, 4, 4\) in the student'):
        ChenDenseHeadLoss()((s, s), (t, t), targets, Progress())
    with pytest.raises(ValueError, match='gives 4 values, expected the 5'):
        ChenDenseHeadLoss()((s, s), (s, s), targets[:4], Progress())


def total_of(value):
    return sum(value) if isinstance(value, (list, tuple)) else value


def test_rpn_term_by_term():
    model = distilled(faster_rcnn(), **two_stage(mu=0.4))
    calls = spy(model, 'loss_rpn')
    losses = step(model, batch())
    given = calls[0]
    soft, count = 0.0, 0
    for s, t, weights in zip(given['s_prediction'][0],
                             given['t_prediction'][0], given['targets'][1],
                             strict=True):
        s, t = (v.permute(0, 2, 3, 1).flatten(1)[weights > 0] for v in (s, t))
        p = t.sigmoid()
        soft -= (p * F.logsigmoid(s) + 1.5 *
                 (1 - p) * F.logsigmoid(-s)).sum().item()
        count += len(s)
    assert given['targets'][4] == count > 0
    assert losses['distill/rpn_soft'].item() == pytest.approx(
        soft / count, rel=1e-4)
    whole = distilled(faster_rcnn(), **two_stage(mu=1.0))
    torch.manual_seed(3)
    alone = step(whole, batch())
    torch.manual_seed(3)
    weighed = step(model, batch())
    assert total_of(weighed['loss_rpn_cls']).item() == pytest.approx(
        0.4 * total_of(alone['loss_rpn_cls']).item(), rel=1e-4)


def test_it_weighs_the_students_loss_of_all_frames():
    with pytest.raises(
            ConfigError, match="loss_head': only='human': it also "
            "weighs a loss of the student's"):
        distilled(ssd(), loss_head=on('bbox_head', only='human'))
