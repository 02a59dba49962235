"""Every option of both tools, on mmdet's own configs and on one like them.

They have neither ``randomness`` nor anything of this package.
"""
import argparse
import re
import sys
from pathlib import Path

import mmdet
import pytest
import torch

from mmxkd.engine import launch
from mmxkd.errors import ConfigError
from tests.helpers.commands import load_tool
from tests.helpers.tiny_run import write_config, write_data

TRAIN = {
    '--work-dir', '--cfg-options', '--launcher', '--local_rank',
    '--local-rank', '--amp', '--auto-scale-lr', '--resume', '--allow', '--seed'
}
TEST = {
    '--work-dir', '--cfg-options', '--launcher', '--local_rank',
    '--local-rank', '--out', '--show-dir', '--tta'
}


@pytest.fixture(scope='module')
def stock(tmp_path_factory):
    root = tmp_path_factory.mktemp('stock')
    write_data(root / 'data')
    config = write_config(root / 'stock.py', root / 'data', epochs=1)
    text = config.read_text().replace('randomness = dict(seed=3)', '')
    config.write_text(text + '\nauto_scale_lr = dict(base_batch_size=4)\n')
    assert 'mmxkd' not in text and 'randomness' not in text
    return root


#: Of other packages, and parts of a config.
NOT_ALONE = ('timm', 'convnext', 'common')
#: One of mmdet's configs per detector.
SHIPPED = {
    path.parent.name: path for path in sorted(
        Path(mmdet.__file__).parent.glob('.mim/configs/*/*coco.py'))
    if not any(name in str(path) for name in NOT_ALONE)
}
STOCK = [pytest.param(SHIPPED[name], id=name) for name in [*SHIPPED][::5]]


@pytest.fixture
def asked(monkeypatch, repo):
    """The config that a tool makes of a command, where it would run it."""

    def ask(name, *words):
        found = []

        class Runner:

            def train(self):
                pass

            test = train

        monkeypatch.setattr(launch, 'build_runner',
                            lambda cfg: found.append(cfg) or Runner())
        # As if torchvision were there, which most of them start from.
        monkeypatch.setattr('mmxkd.engine.pretrained.find_spec', str)
        monkeypatch.setenv('LOCAL_RANK', '0')
        monkeypatch.setattr(sys, 'argv', [name, *map(str, words)])
        load_tool(repo / 'tools' / name).main()
        return found[0]

    return ask


@pytest.mark.parametrize('config', STOCK)
def test_of_mmdet(asked, config, tmp_path):
    """No key of theirs is refused, and each option has its place."""
    common = ('--work-dir', tmp_path, '--launcher', 'none', '--local_rank', 0,
              '--cfg-options', 'default_hooks.logger.interval=7')
    cfg = asked('train.py', config, '--seed', 0, '--amp', 'bf16',
                '--auto-scale-lr', '--resume', '--allow', 'seed', *common,
                'auto_scale_lr.base_batch_size=8')
    assert cfg.randomness.seed == 0 and cfg.work_dir == str(tmp_path)
    assert cfg.optim_wrapper.type == 'mmxkd.Bf16OptimWrapper'
    assert cfg.auto_scale_lr == dict(enable=True, base_batch_size=8)
    assert cfg.default_hooks.logger.interval == 7
    assert cfg.default_hooks.checkpoint.type == 'mmxkd.SafeCheckpointHook'
    record = [h for h in cfg.custom_hooks if h.type == 'mmxkd.RunRecordHook']
    assert record == [dict(type='mmxkd.RunRecordHook', allow=['seed'])]
    # Nothing to go on with: it starts as its config says.
    assert not cfg.resume
    (tmp_path / 'epoch_1.pth').touch()
    cfg = asked('test.py', config, tmp_path / 'epoch_1.pth', '--show-dir',
                'pictures', *common)
    assert cfg.load_from == str(tmp_path / 'epoch_1.pth')
    assert cfg.default_hooks.visualization.draw
    assert cfg.default_hooks.visualization.test_out_dir == 'pictures'


@pytest.mark.parametrize('config', STOCK[::4])
def test_of_mmdet_with_results(asked, config, tmp_path):
    """Or a reason, where a config evaluates something else."""
    (tmp_path / 'epoch_1.pth').touch()
    try:
        cfg = asked('test.py', config, tmp_path / 'epoch_1.pth', '--tta',
                    '--out', 'found', '--work-dir', tmp_path)
    except ConfigError as error:
        assert re.match('--(tta|out)', str(error))
        return
    assert cfg.model.type == 'DetTTAModel' and 'type' in cfg.model.module
    assert cfg.test_evaluator.outfile_prefix == 'found'


def saved(path):
    return torch.load(path, weights_only=True)


@pytest.mark.slow
@pytest.mark.parametrize('name, options', [('train.py', TRAIN),
                                           ('test.py', TEST)])
def test_these_are_all(tool, name, options):
    text = tool(name, '--help').stdout
    found = set(re.findall(r'(?<![\w-])--[a-z][\w-]*', text.split('\n\n')[0]))
    shared = argparse.ArgumentParser()
    launch.add_arguments(shared)
    aliases = {o for a in shared._actions for o in a.option_strings}
    assert found | aliases - {'-h', '--help'} == options | {'--help'
                                                            } - {'--help'}


@pytest.mark.slow
def test_train(tool, stock):
    """Seed, rate, precision and keys reach the run."""
    done = tool('train.py', stock / 'stock.py', '--work-dir', stock / 'all',
                '--seed', 0, '--amp', 'bf16', '--auto-scale-lr', '--launcher',
                'none', '--local_rank', 0, '--cfg-options',
                'param_scheduler=[]')
    checkpoint = saved(stock / 'all/epoch_1.pth')
    assert checkpoint['meta']['seed'] == 0
    # Two pictures a step, and a rate for four.
    assert checkpoint['optimizer']['param_groups'][0]['lr'] == 0.0005
    assert 'Bf16OptimWrapper' in done.stdout + done.stderr


@pytest.mark.slow
def test_two_runs_of_one_seed_are_one(tool, stock):
    for name, option in (('a', '--local-rank'), ('b', '--local_rank')):
        tool('train.py', stock / 'stock.py', '--work-dir', stock / name,
             '--seed', 0, option, 0)
    a, b = (saved(stock / f'{name}/epoch_1.pth')['state_dict']
            for name in 'ab')
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.slow
def test_resume(tool, stock):
    """It begins, goes on, refuses another run, and is allowed to."""
    command = ('train.py', stock / 'stock.py', '--work-dir', stock / 'resumed')
    tool(*command, '--resume', '--seed', 5)
    longer = ('--cfg-options', 'train_cfg.max_epochs=2')
    rate = (*longer, 'optim_wrapper.optimizer.lr=0.002')
    done = tool(*command, '--resume', '--seed', 5, *rate, code=1)
    assert 'CheckpointError' in done.stderr
    assert re.search(r'optim_wrapper\.optimizer\.lr +0\.001 +0\.002',
                     done.stderr)
    assert '--allow optimizer. Then:' in done.stderr
    assert not (stock / 'resumed/epoch_2.pth').exists()
    tool(*command, '--resume', stock / 'resumed/epoch_1.pth', '--allow',
         'optimizer', 'seed', '--seed', 6, *rate)
    assert saved(stock / 'resumed/epoch_2.pth')['meta']['seed'] == 5


@pytest.mark.slow
def test_allow_without_a_run_to_resume(tool, stock):
    done = tool('train.py', stock / 'stock.py', '--allow', 'seed', code=2)
    assert 'argument --allow: only with --resume' in done.stderr
    done = tool('train.py', stock / 'stock.py', '--resume', '--allow', 'sed',
                code=2)
    assert "invalid choice: 'sed'" in done.stderr


@pytest.mark.slow
def test_test(tool, stock):
    """Also of a config that calls for a loss scale of its own."""
    tool('train.py', stock / 'stock.py', '--work-dir', stock / 'trained')
    done = tool('test.py', stock / 'stock.py', stock / 'trained/epoch_1.pth',
                '--work-dir', stock / 'tested', '--out', stock / 'found',
                '--show-dir', 'pictures', '--tta', '--launcher', 'none',
                '--local_rank', 0, '--cfg-options',
                'test_evaluator.metric=bbox')
    assert 'coco/bbox_mAP' in done.stdout + done.stderr
    assert (stock / 'found.bbox.json').is_file()
    assert len(list((stock / 'tested').glob('*/pictures/*.png'))) == 4
    (log, ) = (stock / 'tested').glob('*/*.log')
    assert 'DetTTAModel' in log.read_text()
