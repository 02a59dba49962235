"""What all losses of Chen et al. (2017) between heads share."""
import pytest
from mmengine.logging import MessageHub

from mmxkd import schedules
from mmxkd.errors import ConfigError
from mmxkd.losses import ChenDenseHeadLoss
from mmxkd.schedules import Progress
from tests.helpers.tiny_heads import (
    batch,
    distilled,
    faster_rcnn,
    on,
    ssd,
    two_stage,
)
from tests.helpers.toys import step


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
    told = pytest.raises(
        ConfigError,
        match=("'loss_head': hard_loss='loss_clss'.*did you mean 'loss_cls'"))
    loss = on('bbox_head', hard_loss='loss_clss')
    with told:
        distilled(ssd(), loss_head=loss)
    with told:
        step(distilled(ssd(), dry_run=False, loss_head=loss), batch())


def test_a_head_of_one_class_may_be_an_rpn():
    """A two-stage detector has the RoI head's loss_cls too."""
    model = distilled(ssd(classes=1), loss_head=on('bbox_head', mu=0.25))
    for own, expected in ((('loss_cls', ), 'loss_cls'),
                          (('loss_cls', 'loss_rpn_cls'), 'loss_rpn_cls')):
        assert model.distiller.student_weights(
            dict(loss_head=1.0), Progress(),
            dict.fromkeys(own)) == {expected: 0.25}


@pytest.mark.parametrize('head, kind', [('bbox_head', 'ChenDenseHeadLoss'),
                                        ('roi_head', 'ChenRoIHeadLoss')])
def test_a_misspelt_option_is_answered_with_the_nearest(head, kind):
    with pytest.raises(ConfigError, match="'temp'.*'temperature'"):
        distilled(ssd(), loss_head=on(head, kind, temp=2.0))


def test_two_losses_may_not_weigh_the_same():
    model = distilled(ssd(), loss_a=on('bbox_head'), loss_b=on('bbox_head'))
    with pytest.raises(ConfigError, match="loss_b.*'loss_cls' is weighed"):
        step(model, batch())


def test_each_head_weighs_its_own_loss():
    whole = step(distilled(faster_rcnn(), **two_stage(mu=1.0)), batch())
    losses = step(distilled(faster_rcnn(), loss_rpn=on('rpn_head', mu=0.25)),
                  batch())
    assert sum(losses['loss_rpn_cls']).item() == pytest.approx(
        0.25 * sum(whole['loss_rpn_cls']).item())
    assert losses['loss_cls'].item() == pytest.approx(whole['loss_cls'].item())
    named = on('rpn_head', mu=0.25, hard_loss='loss_cls')
    losses = step(distilled(faster_rcnn(), loss_rpn=named), batch())
    assert losses['loss_cls'].item() == pytest.approx(
        0.25 * whole['loss_cls'].item())


def test_decoded_boxes_are_refused():
    cfg = ssd()
    cfg.bbox_head.reg_decoded_bbox = True
    with pytest.raises(ConfigError, match='nu=0'):
        distilled(cfg, loss_head=on('bbox_head'))
