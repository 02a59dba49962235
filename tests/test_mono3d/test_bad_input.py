"""What cannot be trained, tested or distilled is named before it is tried."""
import copy

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmxkd.datasets.transforms import ProjectDepth
from mmxkd.engine.config_check import check_config
from mmxkd.engine.hooks import CheckpointMeaningHook
from mmxkd.engine.meaning import check_sizes, meaning_of_config
from mmxkd.errors import ConfigError
from mmxkd.formats.kitti import (
    KittiCalibration,
    project_depth,
    write_calibration,
)
from mmxkd.registry import DATASETS, MODELS, TRANSFORMS
from tests.helpers.mono_run import P2, SETTINGS, TR, tiny_config, write_streets


@pytest.fixture(scope='module')
def streets(tmp_path_factory):
    return write_streets(tmp_path_factory.mktemp('streets'), 2)


@pytest.fixture
def cfg(repo, streets, tmp_path) -> Config:
    init_default_scope('mmdet3d')
    return tiny_config(repo, 'mmkd_tiny', streets, tmp_path)


def collate(samples: list[dict]) -> dict:
    keys = samples[0]['inputs']
    return dict(inputs={k: [s['inputs'][k] for s in samples] for k in keys},
                data_samples=[s['data_samples'] for s in samples])


def test_a_mono_config_in_the_scope_of_mmdet(cfg):
    cfg.default_scope = 'mmdet'
    with pytest.raises(
            ConfigError, match=r"pipeline\[0\]: there is no type "
            "'LoadImageFromFileMono3D'; it is of mmdet3d, and "
            "default_scope='mmdet': set default_scope='mmdet3d'"):
        check_config(cfg, ('train', 'val'))


def test_without_mmdet3d(repo, run_python):
    """The last line says what to install."""
    code = ('import sys, runpy; sys.modules["mmdet3d"] = None; '
            'sys.argv = ["train.py", "configs/monommkd/student_tiny.py"]; '
            'runpy.run_path("tools/train.py", run_name="__main__")')
    done = run_python('-c', code, cwd=repo, check=False)
    assert done.returncode
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith(
        'configs/monommkd/student_tiny.py needs mmdet3d, which is not '
        'installed: run bash tools/install.sh --with mmdet3d')


@pytest.mark.parametrize('bins', [
    dict(near=80., far=5.),
    dict(near=5., far=5.),
    dict(near=0., far=80.),
])
def test_bins_that_hold_nothing(cfg, bins):
    cfg.model.distiller.losses.loss_mmkd.bins = bins
    cfg.model.teachers.depth.update(cfg=cfg.model.student, checkpoint=None)
    with pytest.raises(ConfigError,
                       match=f"'loss_mmkd': DepthBins: near={bins['near']}"):
        MODELS.build(cfg.model)


def test_depth_that_the_data_set_does_not_know(cfg):
    """mmdet3d's own data set has depth maps nowhere."""
    dataset = copy.deepcopy(cfg.train_dataloader.dataset)
    dataset.type = 'KittiDataset'
    dataset.update(data_prefix=dict(img='training/image_2'),
                   load_type='frame_based', box_type_3d='Camera',
                   modality=dict(use_camera=True, use_lidar=False))
    with pytest.raises(ConfigError,
                       match='no depth_path for .*000000.png: its data set'):
        DATASETS.build(dataset)[0]


def test_a_preprocessor_of_2d_detectors(cfg):
    """In place of mmdet3d's: it stacks a tensor."""
    model = cfg.model
    model.teachers.depth = dict(cfg=dict(model=copy.deepcopy(model.student)),
                                random=True)
    model.distiller.losses = dict(loss_neck=dict(
        type='FeatureMSELoss', student='neck', teacher='depth:neck'))
    model.student.data_preprocessor = dict(
        type='mmxkd.ModalityDetDataPreprocessor', modalities=('img', ),
        mean=[1., 2., 3.], std=[1., 1., 1.])
    built = MODELS.build(model)
    data = collate([DATASETS.build(cfg.train_dataloader.dataset)[0]])
    with pytest.raises(
            ConfigError, match='student: its data_preprocessor '
            'ModalityDetDataPreprocessor gives one Tensor'):
        built.data_preprocessor(data, True)


def test_options_of_a_test_in_the_wrong_place(cfg):
    model = cfg.model.student
    model.test_cfg.score_thr = 0.05
    assert MODELS.build(model).bbox_head.coder.score_thr == 0.05
    model.bbox_head.test_cfg = dict(score_thr=0.1)
    with pytest.raises(ConfigError, match='set model.test_cfg'):
        MODELS.build(model)


def stated(cfg: Config) -> dict:
    """A checkpoint that says what it was trained as."""
    classes = tuple(cfg.train_dataloader.dataset.metainfo.classes)
    return dict(meta=dict(cfg=cfg.pretty_text, dataset_meta=dict(
        classes=classes)))


class Runner:
    _load_from = 'work_dirs/a/best.pth'

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg


def test_a_checkpoint_is_tested_as_what_it_was_trained_as(cfg):
    hook, cfg.model = CheckpointMeaningHook(), cfg.model.student
    hook.after_load_checkpoint(Runner(cfg), stated(cfg))
    hook.after_load_checkpoint(Runner(cfg), dict(state_dict={}))

    other = copy.deepcopy(cfg)
    other.train_dataloader.dataset.metainfo.classes = [
        'Pedestrian', 'Car', 'Cyclist'
    ]
    with pytest.raises(
            ConfigError, match=r"best.pth was trained on the classes \("
            "'Pedestrian', 'Cyclist', 'Car'\\)"):
        hook.after_load_checkpoint(Runner(other), stated(cfg))

    depth = copy.deepcopy(cfg)
    depth.model.data_preprocessor.modalities = ('depth', )
    # The weights of both have the same names and shapes.
    with pytest.raises(ConfigError, match='data_preprocessor.modalities'):
        hook.after_load_checkpoint(Runner(depth), stated(cfg))


def test_a_teacher_trained_on_pictures_of_another_size(cfg):
    own = meaning_of_config(cfg)
    assert own.size == SETTINGS['size']
    for step in cfg.train_dataloader.dataset.pipeline:
        if 'img_scale' in step:
            step['img_scale'] = (640, 192)
    with pytest.raises(ConfigError,
                       match=r'teachers.depth: .*\(640, 192\).*\(320, 96\)'):
        check_sizes(own, meaning_of_config(cfg), 'depth')
    check_sizes(own, own, 'depth')


def test_a_head_of_another_number_of_classes(cfg):
    """Known when training starts: the data set has eight by default."""
    from types import SimpleNamespace

    from mmxkd.engine.hooks import TeacherMeaningHook
    student = MODELS.build(cfg.model.student)
    classes = ('Pedestrian', 'Cyclist', 'Car')
    for model in (student, SimpleNamespace(student=student)):

        def start(names, model=model) -> None:
            dataset = SimpleNamespace(metainfo=dict(classes=names))
            TeacherMeaningHook().before_train(
                SimpleNamespace(
                    model=model, cfg=cfg,
                    train_dataloader=SimpleNamespace(dataset=dataset)))

        start(classes)
        for names in (classes[2:], (*classes, 'Van')):
            with pytest.raises(
                    ConfigError, match='num_classes=3, but the '
                    f'data set has the {len(names)} classes'):
                start(names)


def test_a_scan_projected_on_the_fly_is_the_converters_map(streets, tmp_path):
    """ProjectDepth against the map that the converter writes, bit for bit."""
    init_default_scope('mmdet3d')
    draw = np.random.default_rng(0)
    scan = draw.uniform([2, -20, -2, 0], [60, 20, 3, 1],
                        (4000, 4)).astype(np.float32)
    folder = streets / 'training/velodyne'
    folder.mkdir(exist_ok=True)
    scan.tofile(folder / '000000.bin')
    turned = KittiCalibration(P2, np.eye(3), TR)
    write_calibration(tmp_path / '000000.txt', turned)
    dataset = DATASETS.build(
        dict(type='mmxkd.MonoKittiDataset', data_root=str(streets),
             ann_file='kitti_infos_train.json', pipeline=[],
             metainfo=dict(classes=['Pedestrian', 'Cyclist', 'Car'])))
    info = dataset.get_data_info(0)
    load = TRANSFORMS.build(dict(type='LoadImageFromFileMono3D'))
    found = ProjectDepth()(load(info))
    expected = project_depth(scan, turned, *found['img'].shape[:2])
    assert (expected > 0).sum() > 500
    np.testing.assert_array_equal(found['depth'] > 0, expected > 0)
    np.testing.assert_allclose(found['depth'], expected, rtol=1e-6)


def test_a_moved_picture_is_not_projected_into(streets):
    init_default_scope('mmdet3d')
    results = dict(img=np.zeros((8, 9, 3), np.uint8), ori_shape=(16, 18),
                   lidar_path='a/1.bin', cam2img=P2, lidar2cam=np.eye(4))
    with pytest.raises(ConfigError, match='another size than on disk'):
        ProjectDepth()(results)
    del results['lidar2cam']
    with pytest.raises(ConfigError, match='no lidar2cam'):
        ProjectDepth()(results)
