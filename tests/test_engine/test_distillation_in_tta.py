"""A distillation inside a model for test-time augmentation is its student."""
import pytest
from mmengine.config import Config

from mmxkd.engine import launch
from mmxkd.engine.test_time_augmentation import augment_tests
from tests.helpers.tiny_pair import train, write_pair

WRAPPED = '''
_base_ = './{base}.py'
model = dict(
    _delete_=True, type='DetTTAModel', module=_base_.model,
    tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))
test_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImageFromFile'),
    dict(type='TestTimeAug', transforms=[
        [dict(type='Resize', scale=(64, 64))],
        [dict(type='RandomFlip', prob=0.), dict(type='RandomFlip', prob=1.)],
        [dict(type='LoadAnnotations', with_bbox=True)],
        [dict(type='PackDetInputs',
              meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                         'scale_factor', 'flip', 'flip_direction'))]])]))
'''


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Trained long enough for detections that score."""
    root = tmp_path_factory.mktemp('tta')
    train(write_pair(root), root / 'run', epochs=8)
    for base in ('student', 'distilled'):
        (root / f'{base}_tta.py').write_text(WRAPPED.format(base=base))
    return root


def scores(root, name, folder, change=lambda cfg: None):
    """As ``tools/test.py`` tests; a teacher's file is never opened."""
    cfg = Config.fromfile(root / f'{name}.py')
    cfg.work_dir, cfg.load_from = str(folder), str(root / 'run/epoch_8.pth')
    cfg.test_evaluator.classwise = False
    cfg.experiment_name = folder.name
    launch.student_alone(cfg)
    change(cfg)
    return launch.build_runner(cfg).test()


def test_like_the_student(trained, tmp_path):
    of = {
        name: scores(trained, name, tmp_path / name)
        for name in ('student', 'student_tta', 'distilled_tta')
    }
    assert of['distilled_tta'] == of['student_tta'] != of['student']
    assert of['student_tta']['coco/bbox_mAP_50'] > 0


def test_the_option_does_the_same(trained, tmp_path):
    """For both configs, and as a config that wraps the model itself."""
    for name in ('student', 'distilled'):
        assert scores(trained, name, tmp_path / name,
                      augment_tests) == scores(trained, f'{name}_tta',
                                               tmp_path / f'{name}_tta')
