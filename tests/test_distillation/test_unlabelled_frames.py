"""Distillation of frames that no human has labelled."""
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmxkd.distillation import TeacherLabels
from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS
from tests.helpers.detectors import narrow, pictures
from tests.helpers.toys import batch, build, mse, step


def distilled(name, score_thr=None, **losses):
    torch.manual_seed(0)
    labels = dict(type='TeacherLabels', teacher='t', score_thr=score_thr)
    distiller = dict(losses=losses)
    teacher = narrow(name)
    # Untrained, it is sure of nothing.
    (teacher.test_cfg.get('rcnn') or teacher.test_cfg).score_thr = 0.0
    if score_thr is not None:
        distiller['labels'] = dict(boxes=labels)
    model = MODELS.build(
        dict(type='mmxkd.CrossModalDistill', student=narrow(name),
             teachers=dict(t=dict(cfg=teacher, random=True)),
             distiller=distiller))
    model.init_weights()
    return model.train()


def unlabelled(data, frames=(0, 1)):
    for i in frames:
        sample = data['data_samples'][i]
        sample.set_metainfo(dict(labelled=False))
        sample.gt_instances = InstanceData(bboxes=torch.zeros(0, 4),
                                           labels=torch.zeros(0).long())
    return data


def check_step(model, data):
    losses = step(model, data)
    total, logs = model.parse_losses(losses)
    total.backward()
    for name, value in logs.items():
        assert torch.isfinite(value), name
    for name, parameter in model.student.named_parameters():
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), name
    return losses


@pytest.mark.parametrize('name', ['retinanet', 'fcos', 'faster_rcnn'])
@pytest.mark.parametrize('score_thr, boxes', [(0., True), (1., False)])
def test_live_labels_of_real_detectors(name, score_thr, boxes):
    """With many boxes, and with none in the whole batch."""
    model = distilled(name, score_thr)
    data = model.data_preprocessor(unlabelled(pictures()), True)
    seen = data['data_samples']
    total, _ = model.parse_losses(model(**data, mode='loss'))
    total.backward()
    assert torch.isfinite(total) and total > 0
    assert all((len(s.gt_instances) > 0) == boxes for s in seen)
    for sample in seen:
        found = sample.gt_instances
        assert sample.label_source == 't'
        assert found.bboxes.shape == (len(found), 4)
        assert found.scores.shape == found.labels.shape == (len(found), )
        sides = found.bboxes[:, 2:] - found.bboxes[:, :2]
        assert (sides > 0).all()
    assert all(
        torch.isfinite(p.grad).all() for p in model.student.parameters()
        if p.grad is not None)


READ_BOXES = dict(
    fgd=dict(type='FGDLoss', student='neck', teacher='neck',
             channels=[16] * 5),
    imitation=dict(type='FineGrainedImitationLoss', student='neck',
                   teacher='neck'),
    masked=dict(type='MaskedFeatureLoss', student='neck', teacher='neck'))


@pytest.mark.parametrize('kind', READ_BOXES)
def test_losses_that_read_boxes(kind):
    """They get the teacher's; without any, they say what to do."""
    loss = READ_BOXES[kind]
    check_step(distilled('retinanet', 0., loss_x=loss), unlabelled(pictures()))
    check_step(distilled('retinanet', 1., loss_x=loss), unlabelled(pictures()))
    with pytest.raises(
            ConfigError, match="loss_x.*nobody has labelled images/"
            "1.png.*set only='human'"):
        step(distilled('retinanet', loss_x=loss), unlabelled(pictures(), [1]))
    model = distilled('retinanet', loss_x=dict(loss, only='human'))
    data = unlabelled(pictures(), [1])
    assert check_step(model, data)['distill/loss_x'] > 0
    nothing = check_step(model, unlabelled(pictures()))
    assert nothing['distill/loss_x'] == 0


def test_a_synchronised_norm_needs_frames_in_all_processes():
    """As mmengine makes them of batch norms, after a model is built."""
    connector = dict(type='ConvConnector', kernel_sizes=[1, 1],
                     batch_norm=True)
    for only in (None, 'human'):
        model = build(loss_neck=mse(only=only, connector=connector))
        torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
        loss = model.distiller.losses['loss_neck']
        if only is None:
            loss.check_collectives()
            continue
        with pytest.raises(
                ConfigError, match="loss_neck.*only='human': its "
                '.*SyncBatchNorm, which would wait'):
            step(model)


def marked(*sources):
    data = batch(len(sources))
    for sample, source in zip(data['data_samples'], sources, strict=True):
        if source is not None:
            sample.set_metainfo(dict(labelled=False, label_source=source))
        else:
            sample.set_metainfo(dict(labelled=False))
    return data


@pytest.mark.parametrize('only, frames', [('human', [0]), ('teacher', [1, 2]),
                                          ('t', [1]),
                                          ('unlabelled', [1, 2, 3])])
def test_a_loss_restricted_by_source(only, frames):
    """Its value is that of a loss over these frames alone."""
    model = build(loss_neck=mse(only=only))
    data = marked('human', 't', 'teacher', None)
    data['data_samples'][0].set_metainfo(dict(labelled=True))
    found = step(model, data)['distill/raw_neck']

    model.eval()
    inputs = model.data_preprocessor(data, True)['inputs']
    # Batch norm of training looks at the whole batch.
    model.train()
    own = model.student.neck(model.student.backbone(inputs))
    teacher = model.teachers['t'].model
    with torch.no_grad():
        theirs = teacher.neck(teacher.backbone(inputs))
    expected = [(s[frames] - t[frames]).square().mean()
                for s, t in zip(own, theirs, strict=True)]
    torch.testing.assert_close(found, torch.stack(expected).mean().detach())


def test_frames_of_none_give_a_zero_that_keeps_parameters():
    model = build(
        teacher=dict(cfg=dict(type=type(build().student), out_channels=8),
                     random=True), loss_neck=mse(only='t'))
    losses = step(model, marked('human', 'human'))
    assert losses['distill/loss_neck'] == 0
    assert 'distill/raw_neck' not in losses
    model.parse_losses(losses)[0].backward()
    own = list(model.distiller.parameters())
    assert own and all(p.grad is not None for p in own)


def test_written_labels_are_not_replaced_by_live_ones():
    written, none = marked('teacher', None)['data_samples']
    found = DetDataSample(pred_instances=InstanceData(
        bboxes=torch.tensor([[1., 1., 9., 9.]] * 2 + [[2., 2., 2., 8.]]),
        labels=torch.zeros(3).long(), scores=torch.tensor([0.9, 0.8, 0.7])))
    TeacherLabels('t').label([written, none], [found] * 2)
    assert written.label_source == 'teacher' and len(written.gt_instances) == 1
    # The last one has no area.
    assert none.label_source == 't' and len(none.gt_instances) == 2
