"""Every detection distillation config that MMRazor ships."""
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

import mmxkd  # noqa: F401  (repairs the import of mmrazor)
from mmxkd.distillation.bound_loss import BoundLoss
from mmxkd.migration import Conversion
from mmxkd.migration.config_text import plain
from mmxkd.registry import MODELS
from tests.helpers.stacks import needs

needs('mmrazor.models')
needs('mmdet3d')

from tests.helpers import mmrazor_shipped  # noqa: E402

NAMES = [path.stem for path in mmrazor_shipped.shipped()]


@pytest.fixture(scope='module')
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp('converted')
    return folder, mmrazor_shipped.convert_all(folder)


def build(folder, name, **changes):
    with mmrazor_shipped.metafiles_read_once():
        cfg = Config.fromfile(folder / f'{name}.py')
        cfg.model.update(changes)
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            return MODELS.build(cfg.model)


def test_none_is_missed_and_none_refused(converted):
    _, results = converted
    assert len(NAMES) == 12 and list(results) == NAMES
    refused = {
        name: str(result) for name, result in results.items()
        if not isinstance(result, Conversion)
    }
    assert not refused


@pytest.mark.parametrize('name', NAMES)
def test_hook_points_exist_in_the_real_models(converted, name):
    """In full size, and without memory for weights where that can be."""
    # Swin's constructor reads numbers that it has computed as tensors.
    with torch.device('cpu' if 'swin' in name else 'meta'):
        model = build(converted[0], name, dry_run=False)
    points = [
        point for loss in model.distiller.losses.values()
        for point in loss.inputs.points.values()
    ]
    assert {point.model for point in points} == {'student', 'teacher'}
    assert len(points) >= 2 * len(model.distiller.losses)


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_builds_with_its_dry_run(converted, name, monkeypatch):
    """Every loss has been computed once, of the real models."""
    computed = {}
    forward = BoundLoss.forward

    def noted(self, values, context):
        found = forward(self, values, context)
        computed[self.key] = found[0]
        return found

    monkeypatch.setattr(BoundLoss, 'forward', noted)
    model = build(converted[0], name)
    assert set(computed) == {
        loss.key for loss in model.distiller.losses.values()
    }
    assert all(value.isfinite() for value in computed.values())


def test_table_of_the_page(repo, converted):
    page = (repo / 'docs/from_mmrazor.md').read_text(encoding='utf-8')
    assert mmrazor_shipped.table(
        *converted) in page, ('run python -m tests.helpers.mmrazor_shipped')


def read(converted, name):
    folder, results = converted
    return (folder / f'{name}.py').read_text(encoding='utf-8'), results[name]


def test_renamed_config_of_mmdet(converted):
    text, done = read(converted, 'cwd_fpn_frcnn_r101_frcnn_r50_1x_coco')
    assert "_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'" in (
        text)
    assert any('faster_rcnn_r101_fpn_2x_coco.py is mmdet::faster_rcnn/'
               'faster-rcnn_r101_fpn_2x_coco.py today' in note
               for note in done.notes)


def test_inherited_weights_of_another_detector(converted):
    """MMRazor's config names a Faster R-CNN for its RetinaNet."""
    text, done = read(converted, 'cwd_fpn_retina_r101_retina_r50_1x_coco')
    assert 'retinanet_r101_fpn_2x_coco_20200131-5560aee8.pth' in text
    assert 'bbox_mAP-0.398' not in text
    assert any('teacher_ckpt belongs to faster_rcnn/' in note
               for note in done.notes)


def test_student_of_the_model_zoo(converted):
    text, _ = read(converted, 'fbkd_fpn_faster-rcnn_r101_faster-rcnn_r50_1x_'
                   'coco')
    assert ("load_from = 'https://download.openmmlab.com/mmdetection/v2.0/"
            'faster_rcnn/faster_rcnn_r50_fpn_1x_coco/faster_rcnn_r50_fpn_1x_'
            "coco_20200130-047c8118.pth'") in text


def test_changed_student(converted):
    folder, _ = converted
    name = 'pkd_fpn_fcos3d_r101_fcos3d_r50_8xb2-1x_nus-mono3d'
    cfg = Config.fromfile(folder / f'{name}.py', import_custom_modules=False)
    backbone = cfg.model.student.backbone
    assert (backbone.depth, backbone.dcn) == (50, None)
    assert plain(cfg.train_cfg, 'mmdet3d') == dict(type='EpochBasedTrainLoop',
                                                   max_epochs=12,
                                                   val_interval=12)
    assert 'find_unused_parameters' not in cfg


def test_layers_of_hooks_are_those_of_the_student(converted):
    text, done = read(converted,
                      'cwd_fpn_retina_r101_retina_r50_1x_coco_visualization')
    assert "source='student.neck'" in text
    assert any('architecture.neck is student.neck' in n for n in done.notes)
