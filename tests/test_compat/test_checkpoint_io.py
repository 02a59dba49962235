import builtins
import os
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.fileio import LocalBackend
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as checkpoints
from mmengine.runner.checkpoint import load_from_http

import mmxkd  # noqa: F401
from mmxkd.compat import checkpoint_io
from mmxkd.compat.checkpoint_io import read_checkpoint
from mmxkd.compat.stacks import OPENMMLAB
from mmxkd.errors import CheckpointError
from tests.helpers.stacks import STACK


class Reduce:
    """Pickles as a call of ``function(*args)``."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call

    def __call__(self):
        """Only what is callable may stand in the place of a function."""


def payloads(marker: str):
    """Calls that would create the file ``marker`` when a pickle runs them."""
    code = f'open({marker!r}, "w").close()'
    yield 'os.system', Reduce(os.system, f'touch {marker}')
    yield 'builtins.exec', Reduce(builtins.exec, code)
    yield 'builtins.eval', Reduce(builtins.eval, code)
    yield 'builtins.open', Reduce(open, marker, 'w')
    yield 'subprocess', Reduce(
        __import__('subprocess').call, ['touch', marker])
    yield 'pathlib', Reduce(Path.touch, Path(marker))
    yield 'getattr chain', Reduce(
        Reduce(getattr, Reduce(__import__, 'os'), 'system'), f'touch {marker}')


@pytest.mark.parametrize('where', ['state_dict', 'meta', 'optimizer'])
@pytest.mark.parametrize('index', range(7))
def test_hostile_files_never_run(tmp_path, where, index):
    marker = str(tmp_path / 'marker')
    _, payload = list(payloads(marker))[index]
    path = str(tmp_path / 'hostile.pth')
    torch.save({where: {'x': payload}}, path)
    with pytest.raises(CheckpointError) as error:
        CheckpointLoader.load_checkpoint(path, map_location='cpu')
    assert not os.path.exists(marker)
    assert path in str(error.value)


@pytest.mark.parametrize('protocol', [0, 1, 2, 3, 4, 5])
def test_hostile_files_never_run_in_any_protocol(tmp_path, protocol):
    marker = str(tmp_path / 'marker')
    path = str(tmp_path / 'hostile.pth')
    torch.save({'x': Reduce(os.system, f'touch {marker}')}, path,
               pickle_protocol=protocol)
    with pytest.raises(CheckpointError):
        read_checkpoint(path)
    torch.save({'x': Reduce(os.system, f'touch {marker}')}, path,
               pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError):
        read_checkpoint(path)
    assert not os.path.exists(marker)


def test_the_error_names_the_file_and_the_global(tmp_path):
    path = str(tmp_path / 'hostile.pth')
    torch.save(Reduce(os.system, 'true'), path)
    with pytest.raises(
            CheckpointError, match=r'hostile\.pth: refused, '
            r'because reading it would run `posix\.system`'):
        read_checkpoint(path)


@pytest.mark.parametrize('cut', [0, 10, 0.5, 0.99])
def test_a_damaged_file_is_named(tmp_path, cut):
    path = tmp_path / 'cut.pth'
    torch.save({'state_dict': {'w': torch.zeros(1000)}}, path)
    content = path.read_bytes()
    size = int(cut * len(content)) if isinstance(cut, float) else cut
    path.write_bytes(content[:size])
    with pytest.raises(CheckpointError, match=r'cut\.pth: '):
        read_checkpoint(str(path))


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.pth'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'none.pth'))


def test_everything_saved_loads_without_allow_list(tmp_path):
    path = str(tmp_path / 'ours.pth')
    checkpoints.save_checkpoint(
        dict(
            state_dict={'w': torch.ones(2)}, best=np.float64(0.5),
            message_hub=dict(log_scalars=dict(loss=HistoryBuffer([1.], [1])))),
        path)
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == []
    content = torch.load(path, weights_only=True)
    assert content['best'] == 0.5
    assert os.listdir(tmp_path) == ['ours.pth']


def test_a_save_that_fails_keeps_the_old_file(tmp_path):
    path = str(tmp_path / 'ours.pth')
    checkpoints.save_checkpoint({'a': 1}, path)
    with pytest.raises(TypeError, match=r'checkpoint\.a is a'):
        checkpoints.save_checkpoint({'a': object()}, path)
    assert torch.load(path, weights_only=True) == {'a': 1}


def test_other_storage_gets_plain_content_too(tmp_path, monkeypatch):
    put = LocalBackend.put
    stored = []
    monkeypatch.setattr(
        LocalBackend, 'put', lambda self, data, name:
        (stored.append(name), put(self, data, name)))
    monkeypatch.setattr(checkpoint_io, '_is_local', lambda *args: False)
    path = str(tmp_path / 'a.pth')
    checkpoints.save_checkpoint({'best': np.float32(1)}, path)
    assert stored == [path]
    assert torch.load(path, weights_only=True) == {'best': 1.0}


def test_message_hub_goes_on_from_the_plain_form(tmp_path):
    hub = MessageHub('plain_source')
    hub.update_scalar('train/loss', 0.1)
    hub.update_scalar('train/loss', 1 / 3)
    hub.update_info('best_score', np.float32(0.25))
    path = str(tmp_path / 'hub.pth')
    checkpoints.save_checkpoint(dict(message_hub=hub.state_dict()), path)
    resumed = MessageHub('plain_target')
    resumed.load_state_dict(read_checkpoint(path)['message_hub'])
    resumed.update_scalar('train/loss', 2.0)
    assert resumed.get_scalar('train/loss').data[0].tolist() == [
        0.1, 1 / 3, 2.0
    ]
    assert resumed.get_info('best_score') == 0.25


def test_urls_are_read_without_code(tmp_path, monkeypatch):
    marker = tmp_path / 'marker'
    source = tmp_path / 'source.pth'
    torch.save(Reduce(os.system, f'touch {marker}'), source)
    monkeypatch.setattr(
        'torch.hub.download_url_to_file', lambda url, target, *args, **kwargs:
        Path(target).write_bytes(source.read_bytes()))
    monkeypatch.setattr(urllib.request, 'urlopen', None)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'home'))
    with pytest.raises(Exception, match='posix.system|Weights only'):
        load_from_http('https://example.org/source.pth')
    with pytest.raises(CheckpointError, match='posix.system'):
        CheckpointLoader.load_checkpoint('https://example.org/source.pth')
    assert not marker.exists()


@pytest.mark.slow
def test_stock_mmengine_cannot_resume_and_the_repair_can(
        tmp_path, run_python, repo):
    """Resume goes on exactly, from files of stock mmengine and of ours."""
    toy = repo / 'tests/helpers/toy_run.py'

    def run(folder, *args, check=True):
        done = run_python(toy, tmp_path / folder, '--epochs', 3, *args,
                          check=check)
        return done, [
            line for line in done.stdout.splitlines()
            if line.startswith(('weights:', 'history:'))
        ]

    def forget_the_last_epoch(folder):
        (tmp_path / folder / 'epoch_3.pth').unlink()
        (tmp_path / folder / 'last_checkpoint').write_text(
            str(tmp_path / folder / 'epoch_2.pth'))

    _, whole = run('stock')
    forget_the_last_epoch('stock')
    if STACK == OPENMMLAB:
        refused, _ = run('stock', '--resume', check=False)
        assert refused.returncode != 0 and 'HistoryBuffer' in refused.stderr
    assert run('stock', '--resume', '--repaired')[1] == whole

    assert run('ours', '--repaired')[1] == whole and len(whole) == 2
    forget_the_last_epoch('ours')
    assert run('ours', '--resume', '--repaired')[1] == whole
    for path in (tmp_path / 'ours').glob('*.pth'):
        assert torch.serialization.get_unsafe_globals_in_checkpoint(
            str(path)) == []
