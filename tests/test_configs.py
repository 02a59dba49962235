"""Every config that is shipped builds, to its last part."""
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmxkd.engine.config_check import check_config
from mmxkd.experiments import load_plan
from mmxkd.experiments.step import Step
from mmxkd.registry import DATASETS, HOOKS, METRICS, MODELS, VISUALIZERS
from tests.helpers.stacks import needs

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
# An experiment is not a config of a model: it names such configs.
PATHS = sorted(
    p.relative_to(CONFIGS).as_posix() for p in CONFIGS.glob('*/*.py')
    if p.parts[-2] not in ('_base_', 'experiments'))
EXPERIMENTS = sorted(CONFIGS.glob('experiments/*.py'))


@pytest.fixture(params=PATHS)
def cfg(request, monkeypatch) -> Config:
    # No config relies on where it is read from.
    monkeypatch.chdir('/')
    if request.param.startswith('monommkd/'):
        needs('mmdet3d')
    config = Config.fromfile(CONFIGS / request.param)
    init_default_scope(config.default_scope)
    return config


def parts_of(dataset) -> list:
    """The datasets that a mixed one is made of, or the one there is."""
    return dataset.get('datasets') or [dataset]


def test_there_are_configs():
    assert {'cmkd/fog_mse.py', 'cmkd/fog_adv_tiny.py'} <= set(PATHS)
    assert CONFIGS / 'experiments/fog.py' in EXPERIMENTS


def test_each_has_a_work_directory_of_its_own():
    """That of a config is named by its file."""
    stems = [Path(path).stem for path in PATHS]
    assert len(stems) == len(set(stems)) > 80


def test_model_builds(cfg):
    model = MODELS.build(cfg.model)
    names = list(model.state_dict())
    assert names and not any(n.startswith('teacher') for n in names)
    # A teacher may see more, never less, than a batch of the student holds.
    if hasattr(model, 'teachers'):
        for dataset in parts_of(cfg.train_dataloader.dataset):
            # A pipeline that packs no modalities packs img alone.
            keys = {
                k for step in dataset.pipeline
                for k in (*step.get('modalities', ()), *step.get('keys', ()))
            } or {'img'}
            for teacher in model.teachers.values():
                view = teacher.model.data_preprocessor
                assert set(getattr(view, 'modalities', ('img', ))) <= keys


def test_data_and_evaluation_build(cfg, tmp_path):
    # One file of COCO, also as tracks, which need a frame, and of mmdet3d.
    annotations = tmp_path / 'annotations.json'
    annotations.write_text(
        '{"images": [{"id": 0, "file_name": "0.png", "width": 8, '
        '"height": 8, "frame_id": "drive_day_0/1_000000000_0"}], '
        '"annotations": [], "categories": [], '
        '"metainfo": {"categories": {}}, '
        '"data_list": [{"images": {"CAM2": {"img_path": "000000.png"}}}]}')
    for split in ('train', 'val', 'test'):
        for part in parts_of(cfg[f'{split}_dataloader'].dataset):
            built = DATASETS.build(dict(part, lazy_init=True))
            assert len(built.pipeline.transforms) >= 3
    for split in ('val', 'test'):
        evaluators = cfg[f'{split}_evaluator']
        if not isinstance(evaluators, list):
            evaluators = [evaluators]
        data = cfg[f'{split}_dataloader'].dataset
        prefixes = []
        for evaluator in evaluators:
            if 'ann_file' in evaluator:
                metric = METRICS.build(
                    dict(evaluator, ann_file=str(annotations)))
                assert Path(evaluator.ann_file) == Path(
                    data.data_root, data.ann_file)
            else:  # It takes the ground truth from the samples.
                metric = METRICS.build(evaluator)
                names = [step.type for step in data.pipeline]
                assert 'LoadAnnotations' in names
                # At the size of the frame that the boxes are compared in.
                if 'mmxkd.Resize' in names:
                    assert names.index('LoadAnnotations') > names.index(
                        'mmxkd.Resize')
            prefixes.append(metric.default_prefix)
        # The best checkpoint goes by a number that there will be.
        best = cfg.default_hooks.checkpoint.save_best
        assert best.split('/')[0] in prefixes


def test_runtime_builds(cfg):
    # A hook that draws takes the visualizer that there is.
    name = f'test_{cfg.filename}'
    VISUALIZERS.build(dict(cfg.visualizer, name=name, vis_backends=[]))
    for hook in [*cfg.default_hooks.values(), *cfg.custom_hooks]:
        HOOKS.build(hook)


def check_evaluators(cfg: Config, benchmark) -> None:
    """What the benchmark sets, the metrics of the config take."""
    file = Path('annotations.json')
    cfg.merge_from_dict(
        dict(
            option.split('=', 1)
            for option in (*benchmark.val_options(file),
                           *benchmark.test_options(file))))
    check_config(cfg, ('train', 'val', 'test'))


@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: path.stem)
def test_experiments_are_read(path, tmp_path, monkeypatch):
    """Keys, names of arms, their configs and the keys of their teachers."""
    monkeypatch.chdir('/')
    plan = load_plan(path, CONFIGS.parent, tmp_path)
    for arm in plan.arms.values():
        if isinstance(arm, Step):
            assert (CONFIGS.parent / arm.command[0]).is_file()
            continue
        cfg = Config.fromfile(arm.config)
        check_evaluators(cfg, plan.benchmark)
        distilled = cfg.model.type == 'mmxkd.CrossModalDistill'
        assert distilled == bool(arm.taught_by)
        if distilled:
            assert set(arm.taught_by.values()) == {
                f'model.teachers.{name}.checkpoint'
                for name in cfg.model.teachers
            }
