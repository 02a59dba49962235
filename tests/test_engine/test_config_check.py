"""What is refused of a whole config, and what is not."""
import pytest
from mmengine.config import Config

from mmxkd.engine.config_check import check_config
from mmxkd.errors import ConfigError

PACK = dict(type='PackDetInputs')
PHASES = ('train', 'val')


def config(**changes):
    return Config(
        dict(dict(default_scope='mmdet', model=dict(type='A')), **changes),
        filename=__file__)


@pytest.mark.parametrize(
    'changes',
    [
        dict(),
        # Names of one's own, however much they look like a key.
        dict(train_dataloader_large=dict(x=1), model_a=dict(), train_data='d',
             test_pipeline=[], lr=1, randomness_2=3),
        dict(default_hooks=dict(mine=dict(type='EMAHook'))),
        dict(train_dataloader=dict(
            batch_size=2, num_batch_per_epoch=3, collate_fn=dict(
                type='x'), dataset=dict(
                    type='ConcatDataset',
                    datasets=[dict(type='CocoDataset', pipeline=[PACK])]))),
        dict(optim_wrapper=dict(constructor='Mine', first=dict(any=1))),
        dict(param_scheduler=dict(first=[dict(type='LinearLR', end=3)])),
        dict(train_dataloader=dict(dataset=dict(
            type='CocoDataset', pipeline=[
                dict(type='Albu', transforms=[dict(type='OfAlbumentations')]),
                dict(type='RandomApply', transforms=[PACK])
            ]))),
        dict(val_evaluator=dict(type='Evaluator', metrics=[dict(
            type='Mine')])),
        dict(train_cfg=dict(by_epoch=False, max_iters=3)),
    ])
def test_this_is_fine(changes):
    check_config(config(**changes), PHASES)


@pytest.mark.parametrize('changes, message', [
    (dict(models_wrapper_cfg=1), "did you mean 'model_wrapper_cfg'"),
    (dict(randomness=dict(sed=1)), "randomness.sed is unknown; .*'seed'"),
    (dict(auto_scale_lr=dict(base_batchsize=1)), "'base_batch_size'"),
    (dict(custom_hooks=[dict(type='EMAHok')]),
     r"custom_hooks\[0\]: there is no type 'EMAHok'; did you mean 'EMAHook'"),
    (dict(custom_hooks=[dict(type='mmxkd.EpochSeedHok')]),
     "did you mean 'mmxkd.EpochSeedHook'"),
    (dict(custom_hooks=[dict(typee='EMAHook')]),
     r"custom_hooks\[0\]: 'type' is missing; is it 'typee'"),
    (dict(train_dataloader=dict(batch_sampler=dict(type='AspectRatio'))),
     "train_dataloader.batch_sampler: .*'AspectRatioBatchSampler'"),
    (dict(train_dataloader=dict(dataset=dict(
        type='ConcatDataset', datasets=[
            dict(
                type='RepeatDataset', times=1, dataset=dict(
                    type='CocoDataset', pipeline=[
                        dict(type='RandomApply',
                             transforms=[dict(type='PackDetInput')])
                    ]))
        ]))),
     r"datasets\[0\].dataset.pipeline\[0\].transforms\[0\]: .*PackDetInputs"),
    (dict(visualizer=dict(type='DetLocalVisualizer',
                          vis_backends=[dict(type='LocalVisBackends')])),
     r'visualizer.vis_backends\[0\]'),
    (dict(train_cfg=dict(by_epoch=False, max_iter=3)),
     "IterBasedTrainLoop has no argument 'max_iter'; did you mean "
     "'max_iters'"),
    (dict(default_hooks=dict(
        checkpoint=dict(type='CheckpointHook', save_optimiser=True))),
     "'save_optimizer'"),
    (dict(log_processor=dict(windowsize=3)), "LogProcessor .*'window_size'"),
])
def test_this_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        check_config(config(**changes), PHASES)


def test_only_what_will_run_is_looked_at():
    cfg = config(test_evaluator=dict(type='OfNobody'),
                 optim_wrapper=dict(type='OfNobody'))
    check_config(cfg, ('val', ))
    with pytest.raises(ConfigError, match='test_evaluator'):
        check_config(cfg, ('test', ))


IMPORTING = '''
from mmdet.datasets import CocoDataset
from mmdet.datasets.transforms import PackDetInputs
from mmdet.models import RetinaNet
from mmengine.hooks import CheckpointHook
from mmengine.optim.optimizer import OptimWrapper
from torch.optim import SGD

default_scope = 'mmdet'
model = dict(type=RetinaNet)
train_dataloader = dict(dataset=dict(
    type=CocoDataset, ann_file='a', pipeline=[dict(type=PackDetInputs)]))
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=1))
default_hooks = dict(checkpoint=dict(type=CheckpointHook, interval=1))
'''


def test_a_config_that_imports_its_types(tmp_path):
    """Their names are keys of it, and look like keys that are read."""
    path = tmp_path / 'importing.py'
    path.write_text(IMPORTING)
    check_config(Config.fromfile(path), PHASES)
    path.write_text(IMPORTING.replace('ann_file', 'anne_file'))
    with pytest.raises(
            ConfigError, match='train_dataloader.dataset.anne_file: '
            "CocoDataset has .*'ann_file'"):
        check_config(Config.fromfile(path), PHASES)


def test_without_a_model():
    with pytest.raises(ConfigError,
                       match="test_config_check.py: there is no 'model'"):
        check_config(Config(dict(), filename=__file__), PHASES)
