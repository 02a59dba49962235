"""SMOKE, PGD and FCOS3D of mmdet3d, by the shipped configs alone."""
import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmxkd.engine.hooks.channels_last_hook import lay_out
from mmxkd.registry import DATASETS, MODELS
from tests.helpers.code_lines import code_lines
from tests.helpers.mono_run import stock_config, write_streets

DETECTORS = ('smoke', 'pgd', 'fcos3d')
ROLES = ('teacher', 'student', 'mmkd')


@pytest.fixture(scope='module')
def streets(tmp_path_factory) -> Path:
    return write_streets(tmp_path_factory.mktemp('streets'), 2)


def batch(cfg: Config, loader: str) -> dict:
    dataset = DATASETS.build(
        dict(cfg[loader].dataset, ann_file='kitti_infos_train.json'))
    return pseudo_collate([dataset[0], dataset[1]])


@pytest.mark.parametrize('detector', DETECTORS)
@pytest.mark.parametrize('role', ROLES)
def test_a_config_is_short(repo, detector, role):
    path = repo / f'configs/monommkd/{detector}_{role}_tiny.py'
    assert code_lines(path) <= 12


@pytest.mark.parametrize('detector', DETECTORS)
def test_a_student_of_pictures_learns_from_its_twin_of_depth(
        repo, streets, detector):
    cfg = stock_config(repo, f'{detector}_mmkd', streets)
    teacher = stock_config(repo, f'{detector}_teacher', streets)
    cfg.model.teachers.depth = dict(cfg=teacher, random=True)
    torch.manual_seed(0)
    np.random.seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.train()
    own = model.teachers['depth'].model
    before = copy.deepcopy(own.state_dict())
    data = model.data_preprocessor(batch(cfg, 'train_dataloader'), True)
    # The same frames: the student sees colours, the teacher metres / 80.
    views = data['views']['depth']['inputs']['imgs'], data['inputs']['imgs']
    assert views[0].shape == views[1].shape
    assert 0 <= views[0].min() and views[0].max() <= 1 < views[1].max()
    total, logs = model.parse_losses(model(**data, mode='loss'))
    assert np.isfinite(total.item())
    assert logs['distill/mmkd_mimic'] > 0 and logs['distill/mmkd_dual_kl'] > 0
    total.backward()
    lost = [
        name for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
    assert not lost
    assert not own.training
    assert all((v == before[k]).all() for k, v in own.state_dict().items())


@torch.no_grad()
@pytest.mark.parametrize('detector', DETECTORS)
def test_a_teacher_is_tested_alone(repo, streets, detector):
    """By its own pipeline and hooks; nothing of the picture reaches it."""
    cfg = stock_config(repo, f'{detector}_teacher', streets)
    model = MODELS.build(cfg.model).eval()
    assert dict(type='mmxkd.ChannelsLastHook') in cfg.custom_hooks
    lay_out(model)
    data = batch(cfg, 'test_dataloader')
    changed = copy.deepcopy(data)
    changed['inputs']['img'] = [
        image // 2 for image in changed['inputs']['img']
    ]
    found = [model.test_step(copy.deepcopy(d)) for d in (data, changed)]
    for one, two in zip(*found, strict=True):
        a, b = (x.pred_instances_3d for x in (one, two))
        assert (a.bboxes_3d.tensor == b.bboxes_3d.tensor).all()
        assert a.bboxes_3d.tensor.isfinite().all()
