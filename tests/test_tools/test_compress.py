"""Prune, train on and quantise by the command that a user types."""
import json
from types import SimpleNamespace

import pytest
import torch
from mmdet.apis import init_detector
from mmengine.config import Config

from mmxkd.errors import ConfigError
from tests.helpers.commands import load_tool
from tests.helpers.onnx_case import write_case

SHORT = '''
train_cfg = dict(max_epochs=1, val_interval=1)
'''


@pytest.fixture
def tool(repo):
    pytest.importorskip('onnxscript', reason='needs the extra compress')
    return load_tool(repo / 'tools/compress.py')


@pytest.mark.slow
def test_the_table_has_a_row_for_each_step(repo, tool, tmp_path, capsys):
    config, checkpoint = write_case(tmp_path / 'case', repo, 'shuffledet', 4,
                                    SHORT)
    out = tmp_path / 'small'
    command = [
        str(config),
        str(checkpoint), '--prune', '0.5', '--int8', '--out',
        str(out), '--rounds', '2', '--calibration', '2', '--epochs', '1'
    ]
    tool.main(command)
    rows = json.loads((out / 'compression.json').read_text())
    assert [row['step'] for row in rows
            ] == ['given', 'pruned', 'pruned and trained', 'int8']
    given, pruned, trained, int8 = rows
    # The stem of the tiny ShuffleDet, which stays, is 40 % of it.
    assert trained['macs'] == pruned['macs'] < .75 * given['macs']
    assert int8['megabytes'] < trained['megabytes'] < given['megabytes']
    assert all(row['milliseconds'] > 0 and 0 <= row['value'] <= 1
               for row in rows)
    table = capsys.readouterr().out.strip().splitlines()[-6:]
    assert table == (out / 'compression.md').read_text().splitlines()
    assert table[0].startswith('| step | coco/bbox_mAP |')
    # mmdet's own function builds it from its config, with the trained
    # weights.
    (best, ) = (out / 'trained').glob('best_*.pth')
    model = init_detector(str(out / 'pruned.py'), str(best), device='cpu')
    start = torch.load(out / 'pruned.pth', weights_only=True)['state_dict']
    assert {k: v.shape for k, v in model.state_dict().items()
            } == {k: v.shape for k, v in start.items()}
    assert not torch.equal(model.bbox_head.conv_det.weight,
                           start['bbox_head.conv_det.weight'])


def test_nothing_to_do_is_an_error(repo, tool, tmp_path, capsys):
    config, checkpoint = write_case(tmp_path / 'case', repo, 'shuffledet', 1)
    with pytest.raises(SystemExit):
        tool.main([str(config), str(checkpoint), '--out', str(tmp_path)])
    assert 'nothing to do' in capsys.readouterr().err


@pytest.mark.parametrize('options, message', [
    (('--prune', '0'), '--prune 0.0: expected a share'),
    (('--prune', '1'), '--prune 1.0: expected a share'),
    (('--prune', '-.3'), '--prune -0.3: expected a share'),
    (('--prune', 'nan'), '--prune nan: expected a share'),
    (('--prune', '30'), '--prune 30.0: expected a share'),
    (('--int8', '--calibration', '0'), '--calibration 0: expected 1 or more'),
    (('--int8', '--rounds', '0'), '--rounds 0: expected 1 or more'),
    (('--prune', '.5', '--epochs', '-1'), '--epochs -1: expected 0 or more'),
    (('--int8', '--auto-scale-lr'), '--auto-scale-lr: only with --prune'),
])
def test_numbers_are_checked_first(repo, tool, tmp_path, capsys, options,
                                   message):
    config = str(repo / 'configs/fine_grained/shuffledet_x05_kitti_tiny.py')
    out = tmp_path / 'small'
    with pytest.raises(SystemExit):
        tool.main([config, config, '--out', str(out), *options])
    assert message in capsys.readouterr().err and not out.exists()


@pytest.fixture(scope='module')
def case(repo, tmp_path_factory):
    return write_case(
        tmp_path_factory.mktemp('compress') / 'case', repo, 'shuffledet', 4,
        SHORT)


def run(tool, case, out, *options):
    tool.main([*map(str, case), '--out', str(out), *options])


@pytest.mark.parametrize('options, message', [
    (('train_dataloader.dataset.indices=0', ), 'training set of .* is empty'),
    (('default_hooks.checkpoint.save_best=None', ),
     'save_best=None: expected the name of one metric'),
    (('test_dataloader.dataset.pipeline.2.keep_ratio=True', ),
     'keep_ratio=True: a deployed'),
])
def test_faults_of_the_config_stop_before_anything_is_written(
        tool, case, tmp_path, options, message):
    out = tmp_path / 'small'
    with pytest.raises(ConfigError, match=message):
        run(tool, case, out, '--int8', '--prune', '.5', '--cfg-options',
            *options)
    assert not list(out.glob('*.onnx')) and not list(out.glob('pruned*'))


def test_a_metric_that_is_not_there_stops_before_the_training(
        tool, case, tmp_path):
    out = tmp_path / 'small'
    with pytest.raises(ConfigError, match="save_best='coco/mAP': not among"):
        run(tool, case, out, '--prune', '.5', '--cfg-options',
            'default_hooks.checkpoint.save_best=coco/mAP')
    assert not (out / 'pruned.pth').exists()


def test_data_that_is_not_there_is_named(tool, case, tmp_path):
    with pytest.raises(OSError, match='/nowhere/data.json'):
        run(tool, case, tmp_path / 'small', '--prune', '.5', '--cfg-options',
            'test_dataloader.dataset.data_root=/nowhere')


def test_folders_that_cannot_be_written_to(repo, case, tmp_path, run_python):
    (tmp_path / 'file').write_text('x')
    for out in (tmp_path / 'file', tmp_path / 'file/below'):
        done = run_python(repo / 'tools/compress.py', *case, '--int8', '--out',
                          out, check=False)
        assert done.returncode == 1 and 'Traceback' not in done.stderr
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith('error: ') and str(tmp_path / 'file') in last


@pytest.mark.parametrize('names', [('pruned.py', 'other.pth'),
                                   ('config.py', 'pruned.pth'),
                                   ('config.py', 'trained/best_x.pth')])
def test_what_was_compressed_is_not_written_over(tool, case, tmp_path, names):
    """A pruned detector is pruned again into another folder."""
    given = [tmp_path / name for name in names]
    for old, new in zip(case, given, strict=True):
        new.parent.mkdir(exist_ok=True)
        new.write_bytes(old.read_bytes())
    before = [path.read_bytes() for path in given]
    with pytest.raises(ConfigError, match='is what --out .* is written to'):
        run(tool, given, tmp_path, '--prune', '.5')
    assert [path.read_bytes() for path in given] == before


def arguments(tool, case, out, *options):
    return tool.parse_args([*map(str, case), '--out', str(out), *options])


def test_a_folder_holds_one_training(tool, case, tmp_path):
    """What is done is not done again, if it is the same."""
    config, checkpoint = case
    cfg = Config.fromfile(config)
    tool.check_request(arguments(tool, case, tmp_path, '--prune', '.5'), cfg)
    # What the training does not depend on may change.
    tool.check_request(
        arguments(tool, case, tmp_path, '--prune', '.5', '--int8', '--rounds',
                  '3', '--float-head'), cfg)
    for options, message in ((('--prune', '.4'), 'another prune 0.5'),
                             (('--prune', '.5', '--epochs', '3'),
                              'another epochs None'), (('--prune', '.5',
                                                        '--seed', '1'),
                                                       'another seed 0'),
                             (('--prune', '.5', '--auto-scale-lr'),
                              'another auto_scale_lr None')):
        with pytest.raises(ConfigError, match=message):
            tool.check_request(arguments(tool, case, tmp_path, *options), cfg)
    other = tmp_path / 'other.pth'
    other.write_bytes(checkpoint.read_bytes() + b' ')
    changed = cfg.copy()
    changed.train_cfg = dict(cfg.train_cfg, max_epochs=7)
    with pytest.raises(ConfigError, match='another config, another checkpoin'):
        tool.check_request(
            arguments(tool, (config, other), tmp_path, '--prune', '.5'),
            changed)
    (tmp_path / 'trained/request.json').rename(tmp_path / 'trained/done.json')
    with pytest.raises(ConfigError, match='does not say what it was trained'):
        tool.check_request(arguments(tool, case, tmp_path, '--prune', '.5'),
                           cfg)


def test_the_rate_of_several_processes(tool, case, tmp_path, capsys,
                                       monkeypatch):
    """It is warned of, or scaled by tools/train.py."""
    cfg = Config.fromfile(case[0])
    cfg.train_dataloader.batch_size = 8
    cfg.auto_scale_lr = dict(base_batch_size=32)
    plain = arguments(tool, case, tmp_path, '--prune', '.5')
    scaled = arguments(tool, case, tmp_path, '--prune', '.5',
                       '--auto-scale-lr')
    tool.check_batch_size(plain, cfg)
    text = capsys.readouterr().err
    assert 'batches of 8' in text and 'base_batch_size=32' in text
    tool.check_batch_size(scaled, cfg)
    cfg.train_dataloader.batch_size = 32
    tool.check_batch_size(plain, cfg)
    assert capsys.readouterr().err == ''
    assert 'enable' not in cfg.auto_scale_lr
    cfg.auto_scale_lr = None
    tool.check_batch_size(plain, cfg)
    with pytest.raises(ConfigError, match='--auto-scale-lr needs'):
        tool.check_batch_size(scaled, cfg)
    called = []

    def run(command):
        called.append(command)
        (tmp_path / 'trained').mkdir(exist_ok=True)
        (tmp_path / 'trained/best_epoch_1.pth').touch()
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(tool.subprocess, 'run', run)
    for args in (plain, scaled):
        tool.train_on(args, tmp_path / 'pruned.py')
        (tmp_path / 'trained/done.json').unlink()
    assert ['--auto-scale-lr' in command
            for command in called] == [False, True]
