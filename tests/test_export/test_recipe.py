"""What a deployed detector would not follow is refused, and named."""
import copy

import pytest
from mmdet.models.data_preprocessors import BatchFixedSizePad
from mmdet.registry import TASK_UTILS
from mmengine.config import Config

from mmxkd.errors import ConfigError
from mmxkd.export.recipe import make_recipe
from mmxkd.models import ModalityDetDataPreprocessor
from tests.helpers.onnx_case import FAMILIES, random_model


@pytest.fixture(scope='module', params=list(FAMILIES))
def whole(request, repo):
    """A detector and its config."""
    cfg = Config.fromfile(repo / f'configs/{FAMILIES[request.param]}.py')
    return random_model(cfg.model), cfg


@pytest.fixture
def case(whole):
    model, cfg = whole
    return copy.deepcopy(model), cfg


def classes_of(model):
    return tuple(f'class{k}' for k in range(model.bbox_head.num_classes))


def refuses(case, message):
    model, cfg = case
    with pytest.raises(ConfigError, match=message):
        make_recipe(model, cfg, classes_of(model))


def test_of_the_shipped_detectors_it_says_all(case):
    model, cfg = case
    made = make_recipe(model, cfg, classes_of(model))
    assert made['head'] in ('convdet', 'ssd')
    assert made['classes'] == list(classes_of(model))
    assert made['mean'] == model.data_preprocessor.mean.flatten().tolist()
    assert made['options']['iou_threshold'] == (
        model.bbox_head.test_cfg.nms.iou_threshold)


@pytest.mark.parametrize('nms', [
    dict(type='soft_nms', iou_threshold=0.5),
    dict(type='nms', iou_threshold=0.5, class_agnostic=True),
    dict(type='nms', iou_threshold=0.5, max_num=3),
])
def test_other_suppressions(case, nms):
    case[0].bbox_head.test_cfg['nms'] = nms
    refuses(case, r'test_cfg.nms=.*expected dict\(type=.nms., iou_threshold')


@pytest.mark.parametrize('coder', [
    dict(type='TBLRBBoxCoder'),
    dict(type='DeltaXYWHBBoxCoder', target_means=(.1, 0., 0., 0.)),
    dict(type='DeltaXYWHBBoxCoder', add_ctr_clamp=True),
])
def test_other_coders_of_boxes(case, coder):
    case[0].bbox_head.bbox_coder = TASK_UTILS.build(coder)
    refuses(case, r'bbox_head.bbox_coder: \w+BBoxCoder cannot be\s+exported')


def test_other_preprocessors(case):
    model, _ = case
    stock = model.data_preprocessor
    stock.batch_augments = [BatchFixedSizePad((64, 64))]
    refuses(case, 'DetDataPreprocessor cannot .* without\\s+batch_augments')
    model.data_preprocessor = ModalityDetDataPreprocessor(
        modalities=('img', ), mean=[0.] * 3, std=[1.] * 3)
    refuses(case, 'ModalityDetDataPreprocessor cannot .* DetDataPre')


def test_as_many_names_as_classes(case):
    model, cfg = case
    with pytest.raises(ConfigError, match='1 names of classes, expected'):
        make_recipe(model, cfg, ('one', ))
