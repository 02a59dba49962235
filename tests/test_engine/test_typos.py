"""40 typos, at every level of the config of a distillation.

``mean`` is the name that was meant. The message has to offer it among its
first three.
"""
import re
from copy import deepcopy
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmxkd.engine.config_check import check_config
from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS
from tests.helpers.tiny_pair import write_pair

LOSS = 'model.distiller.losses.loss_feature'
HEAD = 'model.student.bbox_head'
DATA = 'train_dataloader.dataset'
#: Where, what is written there, and what is meant: a key.
KEYS = [
    ('', 'train_dataloder', 'train_dataloader'),
    ('', 'optim_wraper', 'optim_wrapper'),
    ('', 'param_schedular', 'param_scheduler'),
    ('', 'defualt_hooks', 'default_hooks'),
    ('', 'val_evalutor', 'val_evaluator'),
    ('model', 'techers', 'teachers'),
    ('model', 'studnet', 'student'),
    ('model', 'distillr', 'distiller'),
    ('model.teachers.wide', 'chekpoint', 'checkpoint'),
    ('model.teachers.wide', 'cgf', 'cfg'),
    ('model.distiller', 'loses', 'losses'),
    (LOSS, 'wieght', 'loss_weight'),
    (LOSS, 'studnet', 'student'),
    (LOSS, 'conector', 'connector'),
    (LOSS, 'valid_aera', 'valid_area'),
    (f'{LOSS}.loss_weight', 'stpo', 'stop'),
    (f'{LOSS}.connector', 'kernel_size', 'kernel_sizes'),
    ('model.student.backbone', 'deph', 'depth'),
    ('model.student.neck', 'out_chanels', 'out_channels'),
    (HEAD, 'num_clases', 'num_classes'),
    (f'{HEAD}.anchor_generator', 'strids', 'strides'),
    ('train_dataloader', 'batchsize', 'batch_size'),
    ('train_dataloader.sampler', 'shufle', 'shuffle'),
    (DATA, 'anne_file', 'ann_file'),
    (f'{DATA}.pipeline.3', 'porb', 'prob'),
    ('optim_wrapper', 'clip_grd', 'clip_grad'),
    ('param_scheduler.1', 'milestone', 'milestones'),
    ('default_hooks', 'chekpoint', 'checkpoint'),
    ('default_hooks.checkpoint', 'max_keep_ckpt', 'max_keep_ckpts'),
    ('train_cfg', 'max_epoch', 'max_epochs'),
]
#: The same of a value.
VALUES = [
    (f'{LOSS}.type', 'FeatureMSELos', 'FeatureMSELoss'),
    (f'{LOSS}.student', 'nek[:2]', 'neck'),
    (f'{LOSS}.teacher', 'wdie:neck[:2]', 'wide'),
    (f'{LOSS}.loss_weight.type', 'Liner', 'Linear'),
    ('model.teachers.wide.dtype', 'bf-16', 'bf16'),
    ('model.student.backbone.type', 'ResNt', 'ResNet'),
    (f'{HEAD}.loss_cls.type', 'FocalLos', 'FocalLoss'),
    (f'{DATA}.pipeline.3.type', 'RandomFilp', 'RandomFlip'),
    ('optim_wrapper.optimizer.type', 'AdmaW', 'AdamW'),
    ('param_scheduler.0.type', 'LinearRL', 'LinearLR'),
]
TYPOS = [(*typo, True) for typo in KEYS] + [(*typo, False) for typo in VALUES]


@pytest.fixture(scope='module')
def right(tmp_path_factory):
    """A config in which each of these keys has its place."""
    cfg = Config.fromfile(write_pair(tmp_path_factory.mktemp('typos')))
    cfg.model.teachers.wide.dtype = 'fp32'
    cfg.model.distiller.losses.loss_feature.update(
        loss_weight=dict(type='Linear', start=1., stop=0.5, end=5),
        connector=dict(type='ConvConnector', kernel_sizes=[1]),
        valid_area=False)
    return cfg


def try_it(cfg) -> None:
    """As ``tools/train.py`` does before it trains."""
    check_config(cfg, ('train', 'val'))
    with DefaultScope.overwrite_default_scope('mmdet'):
        MODELS.build(cfg.model)


def written(cfg, where, wrong, meant, is_key):
    cfg = Config(deepcopy(cfg._cfg_dict), filename=cfg.filename)
    *path, last = [*where.split('.'), ''] if is_key else where.split('.')
    place: Any = cfg
    for name in filter(None, path):
        place = place[int(name) if name.isdigit() else name]
    if is_key:
        place[wrong] = place.pop(meant)
    else:
        place[last] = wrong
    return cfg


def answer(cfg) -> str:
    """The message of a ConfigError, or what came in its place."""
    try:
        try_it(cfg)
    except ConfigError as error:
        return str(error)
    except Exception as error:
        return f'bare: {error!r}'
    return 'bare: nothing is raised'


def first_three(message: str) -> list[str]:
    offered = re.search(r'did you mean ([^?]*)\?', message)
    return re.findall(r"'([^']+)'", offered[1])[:3] if offered else []


def test_without_a_typo(right):
    assert len(TYPOS) == 40
    assert answer(right) == 'bare: nothing is raised'


def test_the_right_name_is_offered(right, record_property):
    """And whatever it is, the message names what is written."""
    missed = []
    for typo in TYPOS:
        message = answer(written(right, *typo))
        if typo[2] not in first_three(message):
            missed.append((typo, message))
        name = re.split(r'[:[]', typo[1])[0]
        assert message.startswith('bare') or name in message, message
    record_property('offered', 40 - len(missed))
    bare = [text for _, text in missed if text.startswith('bare')]
    assert not bare, missed
    assert len(missed) <= 2, missed
