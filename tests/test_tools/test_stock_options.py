"""Every option of both tools, on a config as mmdet's own.

It has neither ``randomness`` nor anything of this package.
"""
import argparse
import re

import pytest
import torch

from mmxkd.engine import launch
from tests.helpers.tiny_run import write_config, write_data

pytestmark = pytest.mark.slow

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


def saved(path):
    return torch.load(path, weights_only=True)


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


def test_two_runs_of_one_seed_are_one(tool, stock):
    for name, option in (('a', '--local-rank'), ('b', '--local_rank')):
        tool('train.py', stock / 'stock.py', '--work-dir', stock / name,
             '--seed', 0, option, 0)
    a, b = (saved(stock / f'{name}/epoch_1.pth')['state_dict']
            for name in 'ab')
    assert all(torch.equal(a[key], b[key]) for key in a)


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


def test_allow_without_a_run_to_resume(tool, stock):
    done = tool('train.py', stock / 'stock.py', '--allow', 'seed', code=2)
    assert 'argument --allow: only with --resume' in done.stderr
    done = tool('train.py', stock / 'stock.py', '--resume', '--allow', 'sed',
                code=2)
    assert "invalid choice: 'sed'" in done.stderr


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
