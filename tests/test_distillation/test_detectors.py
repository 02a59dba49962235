"""The distiller around detectors of mmdet and mmdet3d."""
import pytest
import torch
from mmengine.hub import get_config

from mmxkd.engine.model_config import build_model
from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS
from tests.helpers.detectors import CONFIGS, Calls, head_of, narrow, pictures
from tests.helpers.stacks import needs
from tests.helpers.toys import mse, step


def distilled(student, teacher=None, dry_run=True, scope=None, mode='predict',
              **losses):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=narrow(student),
            teachers=dict(t=dict(cfg=teacher or narrow(student), random=True,
                                 scope=scope, mode=mode)),
            distiller=dict(
                losses=losses or dict(loss_neck=mse('neck', 'neck'))),
            dry_run=dry_run))
    model.init_weights()
    return model.train()


@pytest.mark.parametrize('name', list(CONFIGS))
@pytest.mark.parametrize('dry_run', [True, False])
def test_the_teachers_head_is_not_run(name, dry_run):
    model = distilled(name, dry_run=dry_run)
    teacher = model.teachers['t'].model
    heads = Calls(head_of(teacher))
    own_heads = Calls(head_of(model.student))
    backbone = Calls([teacher.backbone.conv1])
    losses = step(model, pictures())
    assert (heads.count, backbone.count) == (0, 1)
    assert own_heads.count > 0
    assert losses['distill/loss_neck'] > 0
    model.parse_losses(losses)[0].backward()
    for parameter in model.student.neck.parameters():
        assert parameter.grad is not None


def test_reading_the_backbone_stops_before_the_neck():
    model = distilled('retinanet', loss_c=mse('backbone[1:3]',
                                              'backbone[1:3]'))
    neck = Calls([model.teachers['t'].model.neck])
    assert step(model, pictures())['distill/loss_c'] > 0
    assert neck.count == 0


@pytest.mark.parametrize('name, address, shapes', [
    ('retinanet', 'bbox_head[0]', [(2, 27, s, t)
                                   for s, t in ((8, 12), (4, 6), (2, 3),
                                                (1, 2), (1, 1))]),
    ('retinanet', 'bbox_head.retina_cls@[0:2]', [(2, 27, 8, 12),
                                                 (2, 27, 4, 6)]),
    ('fcos', 'bbox_head[2][:1]', [(2, 1, 8, 12)]),
    ('faster_rcnn', 'rpn_head.rpn_cls@*', [(2, 3, s, t)
                                           for s, t in ((16, 24), (8, 12),
                                                        (4, 6), (2, 3),
                                                        (1, 2))]),
    ('detr', 'bbox_head[0]', [(2, 2, 8, 4)]),
])
def test_a_teacher_whose_logits_are_read_runs_its_head(name, address, shapes):
    # DETR predicts from its last decoder layer alone.
    model = distilled(name, loss_logits=mse(address, address),
                      mode=('loss' if name == 'detr' else 'predict'))
    heads = Calls(head_of(model.teachers['t'].model))
    loss = model.distiller.losses['loss_logits']
    seen = []
    stock = loss.module.levels
    loss.module.levels = lambda **kwargs: seen.append(kwargs) or stock(**kwargs
                                                                       )
    losses = step(model, pictures())
    assert heads.count > 0
    assert losses['distill/loss_logits'] > 0
    for value in (seen[0]['s_feature'], seen[0]['t_feature']):
        maps = [value] if isinstance(value, torch.Tensor) else value
        assert [tuple(m.shape) for m in maps] == shapes


def test_all_calls_stop_the_teacher_from_the_first_step_on():
    model = distilled(
        'retinanet', loss_logits=mse('bbox_head.retina_cls@*',
                                     'bbox_head.retina_cls@*'))
    rest = Calls([model.teachers['t'].model.bbox_head.retina_reg])
    step(model, pictures())
    # The last level's regression comes after its classification.
    assert rest.count == 4


def test_anchors_and_strides_are_the_students():

    class AnchorLoss(torch.nn.Module):

        def forward(self, student, teacher, anchors, strides):
            self.seen = anchors, strides
            return (student - teacher).square().mean()

    model = distilled(
        'retinanet', loss_a=dict(type=AnchorLoss, student='neck[0]',
                                 teacher='neck[0]'))
    step(model, pictures())
    anchors, strides = model.distiller.losses['loss_a'].module.seen
    assert strides == [(8, 8), (16, 16), (32, 32), (64, 64), (128, 128)]
    sizes = [8 * 12, 4 * 6, 2 * 3, 1 * 2, 1 * 1]
    assert [len(a) for a in anchors] == [9 * s for s in sizes]
    # Nine anchors around the first pixel, 32 pixels a side and larger.
    assert anchors[0][:9].mean(0).tolist() == pytest.approx([0, 0, 0, 0],
                                                            abs=100)
    torch.testing.assert_close(anchors[0][9:18, 0] - anchors[0][:9, 0],
                               torch.full((9, ), 8.))


def test_a_detector_teaches_one_of_another_kind():
    model = distilled('fcos', teacher=narrow('retinanet'))
    assert step(model, pictures())['distill/loss_neck'] > 0


def test_prediction_is_the_students_alone():
    model = distilled('retinanet').eval()
    plain = build_model(narrow('retinanet'), 'mmdet').eval()
    plain.load_state_dict(model.state_dict())
    with torch.no_grad():
        found = model.test_step(pictures())
        wanted = plain.test_step(pictures())
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one.pred_instances.scores,
                                   other.pred_instances.scores)
        torch.testing.assert_close(one.pred_instances.bboxes,
                                   other.pred_instances.bboxes)


def mono(name):
    """A narrow monocular detector of mmdet3d."""
    needs('mmdet3d')
    if name == 'fcos3d':
        cfg = get_config('mmdet3d::fcos3d/fcos3d_r101-caffe-dcn_fpn_'
                         'head-gn_8xb2-1x_nus-mono3d.py').model
        cfg.backbone = dict(type='mmdet.ResNet', depth=18, base_channels=8,
                            norm_cfg=dict(type='BN'), init_cfg=None)
        cfg.neck.in_channels, cfg.neck.out_channels = [8, 16, 32, 64], 16
        head = cfg.bbox_head
        head.in_channels = head.feat_channels = 16
        for key in ('cls_branch', 'dir_branch'):
            head[key] = (16, )
        head.reg_branch = ((16, ), ) * 5
        head.centerness_branch = (16, )
        head.norm_cfg = dict(type='GN', num_groups=4, requires_grad=True)
        return cfg
    cfg = get_config('mmdet3d::smoke/smoke_dla34_dlaneck_gn-all_4xb8-6x_'
                     'kitti-mono3d.py').model
    cfg.backbone.init_cfg = None
    return cfg


@pytest.mark.parametrize('name, address', [('fcos3d', 'neck'),
                                           ('smoke', 'backbone[2]')])
def test_a_teacher_of_mmdet3d_for_a_student_of_mmdet(name, address):
    student = 'neck' if name == 'fcos3d' else 'neck[0]'
    model = distilled('retinanet', teacher=mono(name), scope='mmdet3d',
                      loss_a=mse(student, 't:' + address))
    teacher = model.teachers['t'].model
    assert type(teacher).__module__.startswith('mmdet3d')
    # The dry run has been there and found what joins them.
    assert (model.distiller.losses['loss_a'].connector
            is None) == (name == 'fcos3d')
    heads = Calls([teacher.bbox_head])
    losses = step(model, pictures())
    assert losses['distill/loss_a'] > 0 and heads.count == 0
    model.parse_losses(losses)[0].backward()


def test_levels_of_a_mmdet3d_teacher_are_compared_when_built():
    with pytest.raises(
            ConfigError, match=r'student:neck\[:2\] has 2 levels, '
            't:neck has 5'):
        distilled('retinanet', teacher=mono('fcos3d'), scope='mmdet3d',
                  loss_a=mse('neck[:2]', 'neck'))
