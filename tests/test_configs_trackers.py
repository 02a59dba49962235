"""The configs with TensorBoard and W&B write the curves of a distillation."""

import pytest
from mmengine.config import Config

from tests.helpers.tiny_pair import train, write_pair

NAMES = {'distill/loss_feature', 'distill/raw_feature', 'loss', 'lr'}
RUN = '''
import sys
from pathlib import Path
from mmengine.config import Config
from tests.helpers.tiny_pair import train
shipped = Config.fromfile(sys.argv[3])
def change(cfg):
    cfg.visualizer.vis_backends = shipped.visualizer.vis_backends
train(Path(sys.argv[1]), Path(sys.argv[2]), change)
'''


def shipped(repo, name):
    return Config.fromfile(repo / f'configs/cmkd/fog_mse_{name}_tiny.py')


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    return write_pair(tmp_path_factory.mktemp('trackers'))


@pytest.mark.parametrize('name', ['tensorboard', 'wandb'])
def test_it_is_the_tiny_config_with_one_more_backend(repo, name):
    cfg = shipped(repo, name)
    plain = Config.fromfile(repo / 'configs/cmkd/fog_mse_tiny.py')
    more = [
        b for b in cfg.visualizer.vis_backends
        if b not in plain.visualizer.vis_backends
    ]
    assert [b.type.lower() for b in more] == [f'{name}visbackend']
    cfg.visualizer.vis_backends.remove(more[0])
    assert cfg.to_dict() == plain.to_dict()


def test_tensorboard(repo, config, tmp_path):
    from tensorboard.backend.event_processing import event_accumulator

    def change(cfg):
        cfg.visualizer.vis_backends = shipped(
            repo, 'tensorboard').visualizer.vis_backends

    train(config, tmp_path, change)
    (file, ) = tmp_path.glob('*/vis_data/events.*')
    tags = event_accumulator.EventAccumulator(
        str(file)).Reload().Tags()['scalars']
    assert set(tags) >= NAMES


def test_wandb_offline(repo, config, tmp_path, run_python):
    """In a process of its own: wandb starts a service."""
    pytest.importorskip(
        'wandb', reason='wandb, with 18 packages of its own, is not among '
        'what the tests need: pip install wandb to run this')
    run_python('-c', RUN, config, tmp_path / 'run',
               repo / 'configs/cmkd/fog_mse_wandb_tiny.py',
               WANDB_SILENT='true')
    (file, ) = tmp_path.glob('run/*/vis_data/wandb/offline-run-*/*.wandb')
    content = file.read_bytes()
    for name in NAMES:
        assert name.encode() in content
