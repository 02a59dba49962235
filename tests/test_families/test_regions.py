"""Logits of RoI heads are compared only where both saw the same regions."""
import pytest
import torch
from mmengine.hub import get_config

from mmxkd.errors import ConfigError
from mmxkd.families.regions import check_same_regions, region_point
from mmxkd.registry import MODELS
from tests.helpers.detectors import narrow
from tests.helpers.tiny_heads import batch, distilled, faster_rcnn
from tests.helpers.toys import step


def same_head(layer='roi_head.bbox_head.fc_cls', **options):
    return dict(type='SoftLabelKLLoss', student=layer, teacher=layer,
                num_classes=4, **options)


@pytest.mark.parametrize('layer', [
    'roi_head.bbox_head.fc_cls', 'roi_head.bbox_head[0]',
    'roi_head.bbox_head.shared_fcs.1', 'roi_head.bbox_roi_extractor'
])
def test_other_regions_are_refused_when_the_model_is_built(layer):
    loss = dict(type='FeatureMSELoss', student=layer, teacher=layer)
    with pytest.raises(
            ConfigError,
            match=f"'loss_a'.*{layer.split('[')[0]}.*of different "
            'regions.*ChenRoIHeadLoss'):
        distilled(faster_rcnn(), mode='loss', loss_a=loss)


def test_other_regions_are_refused_in_the_first_step():
    model = distilled(faster_rcnn(), mode='loss', dry_run=False,
                      loss_a=same_head(connector=None))
    with pytest.raises(ConfigError, match='of different regions'):
        step(model, batch())


def test_the_same_regions_are_compared():
    """Both heads are called with regions that do not depend on weights."""
    model = distilled(faster_rcnn(), mode='loss', dry_run=False,
                      loss_a=same_head(connector=None))
    for part in (model.student, model.teachers['t'].model):
        extractor = part.roi_head.bbox_roi_extractor

        def same(module, args, stock=extractor.forward):
            rois = args[1].clone()
            rois[:, 1:] = torch.tensor([8., 8., 40., 40.])
            rois[:, 0] = torch.arange(len(rois)) % 2
            return (args[0], rois, *args[2:])

        extractor.register_forward_pre_hook(same, prepend=True)
    losses = step(model, batch())
    assert losses['distill/loss_a'] > 0


def test_dense_heads_and_necks_have_no_regions():
    model = distilled(
        faster_rcnn(), loss_a=same_head('rpn_head[0]')
        | dict(num_classes=1, activation='sigmoid'))
    assert not model.distiller.losses['loss_a'].inputs._regions


@pytest.mark.parametrize(
    'config, layer, point',
    [('mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', 'roi_head.mask_head.conv1',
      'roi_head.mask_roi_extractor'),
     ('cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py',
      'roi_head.bbox_head.1.fc_cls', 'roi_head.bbox_roi_extractor.1'),
     ('mask_rcnn/mask-rcnn_r50-caffe-c4_1x_coco.py',
      'roi_head.mask_head.upsample', 'roi_head.mask_roi_extractor')])
def test_where_regions_enter(config, layer, point):
    model = MODELS.build(
        dict(
            get_config(f'mmdet::{config}').model, _scope_='mmdet',
            init_cfg=None))
    assert region_point(model, layer) == f'{point}.inputs@*'
    assert region_point(model, 'roi_head') is None


def test_a_model_without_roi_head():
    model = MODELS.build(narrow('retinanet'))
    assert region_point(model, 'bbox_head.retina_cls') is None


@pytest.mark.parametrize(
    'other',
    [[[0., 0, 0, 8, 8.1]], [[1., 0, 0, 8, 8]], [[0., 0, 0, 8, 8]] * 2, None])
def test_check(other):
    one = [((torch.zeros(2, 4, 8, 8), ), torch.tensor([[0., 0, 0, 8, 8]]))]
    check_same_regions(one, one, 'loss', 'a', 'b')
    calls = [] if other is None else [torch.tensor(other)]
    with pytest.raises(ConfigError, match='loss: a of the student and b'):
        check_same_regions(one, calls, 'loss', 'a', 'b')
