"""Chen et al. (2017) on SSD heads of mmdet."""
import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub

from mmxkd import schedules
from mmxkd.errors import ConfigError
from mmxkd.losses import ChenDenseHeadLoss, soft_cross_entropy
from mmxkd.losses.heads.chen_dense import flatten_levels
from mmxkd.schedules import Progress
from tests.helpers.tiny_heads import batch, dense, distilled, on, spy, ssd
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
    told = pytest.raises(ConfigError, match=(
        "'loss_head': hard_loss='loss_clss'.*did you mean 'loss_cls'"))
    loss = on('bbox_head', hard_loss='loss_clss')
    with told:
        distilled(ssd(), loss_head=loss)
    with told:
        step(distilled(ssd(), dry_run=False, loss_head=loss), batch())


def test_two_losses_may_not_weigh_the_same():
    model = distilled(ssd(), loss_a=on('bbox_head'), loss_b=on('bbox_head'))
    with pytest.raises(ConfigError, match="loss_b.*'loss_cls' is weighed"):
        step(model, batch())


def test_a_dense_head_with_a_softmax_and_no_mining():
    cfg = dense('retinanet')
    cfg.bbox_head.loss_cls = dict(type='CrossEntropyLoss')
    model = distilled(cfg, loss_head=on('bbox_head', nu=0))
    calls = spy(model, 'loss_head')
    losses = step(model, batch())
    given = calls[0]
    soft = 0.0
    for s, t, weights in zip(
            given['s_prediction'][0], given['t_prediction'][0],
            given['targets'][1], strict=True):
        s, t = (v.permute(0, 2, 3, 1).reshape(-1, 4)[weights.flatten() > 0]
                for v in (s, t))
        soft += soft_cross_entropy(s, t).sum().item()
    assert losses['distill.loss_head'].item() == pytest.approx(
        0.5 * soft / given['targets'][4], rel=1e-4)
