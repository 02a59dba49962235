import random

import mmengine.runner as stock_names
import pytest
import torch

import mmxkd  # noqa: F401
from mmxkd.compat.latest_checkpoint import damage, find_latest_checkpoint
from mmxkd.errors import CheckpointError


def write(folder, step, name='epoch_{}.pth'):
    path = folder / name.format(step)
    torch.save(
        dict(meta=dict(epoch=step), message_hub={}, step=step,
             state_dict={'w': torch.full((300, ), float(step))}), path)
    return path


@pytest.fixture
def run(tmp_path):
    for step in (1, 2, 10):
        write(tmp_path, step)
    write(tmp_path, 11, 'best_coco_bbox_mAP_epoch_{}.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_10.pth'))
    return tmp_path


def test_mmengine_uses_it():
    from mmengine.runner import runner
    assert stock_names.find_latest_checkpoint is runner.find_latest_checkpoint
    assert runner.find_latest_checkpoint.__module__ == (
        'mmengine.runner.checkpoint')
    assert runner.find_latest_checkpoint.__wrapped__ is not None


def test_intact_run(run):
    assert find_latest_checkpoint(str(run)) == str(run / 'epoch_10.pth')


@pytest.mark.parametrize('spoil', ['missing', 'empty', 'cut', 'flip', 'bare'])
def test_the_one_before_a_damaged_one_is_used(run, spoil):
    newest = run / 'epoch_10.pth'
    content = bytearray(newest.read_bytes())
    if spoil == 'missing':
        newest.unlink()
    elif spoil == 'empty':
        newest.write_bytes(b'')
    elif spoil == 'cut':
        newest.write_bytes(content[:len(content) // 2])
    elif spoil == 'flip':
        content[content.index(b'\x00\x00\x20\x41')] ^= 1
        newest.write_bytes(content)
    else:
        torch.save({'w': torch.zeros(1)}, newest)
    assert find_latest_checkpoint(str(run)) == str(run / 'epoch_2.pth')


@pytest.mark.parametrize('pointer', [None, '', 'nowhere/epoch_9.pth'])
def test_a_lost_or_empty_pointer_is_no_loss(run, pointer, monkeypatch):
    monkeypatch.chdir(run)
    (run / 'last_checkpoint').unlink()
    if pointer is not None:
        (run / 'last_checkpoint').write_text(pointer)
    expected = None if pointer and 'nowhere' in pointer else 'epoch_10.pth'
    if expected is None:
        with pytest.raises(CheckpointError, match='epoch_9.pth: missing'):
            find_latest_checkpoint(str(run))
    else:
        assert find_latest_checkpoint(str(run)) == str(run / expected)


def test_all_damaged_is_an_error_and_none_is_none(run, tmp_path_factory):
    for path in run.glob('*.pth'):
        path.write_bytes(b'x')
    with pytest.raises(CheckpointError, match='epoch_10.pth: .*\n.*epoch_2'):
        find_latest_checkpoint(str(run))
    assert find_latest_checkpoint(str(tmp_path_factory.mktemp('new'))) is None


def test_half_written_files_are_removed(run):
    (run / 'epoch_11.pth.partial').write_bytes(b'half')
    find_latest_checkpoint(str(run))
    assert not list(run.glob('*.partial'))


def test_every_harmful_bit_flip_or_cut_is_noticed(run):
    """200 random faults: noticed, or without effect on what is read."""
    path = run / 'epoch_10.pth'
    whole = path.read_bytes()
    content = torch.load(path, weights_only=True)
    draw = random.Random(0)
    noticed = 0
    for _ in range(200):
        broken = bytearray(whole)
        if draw.random() < 0.3:
            broken = broken[:draw.randrange(len(broken))]
        else:
            broken[draw.randrange(len(broken))] ^= 1 << draw.randrange(8)
        path.write_bytes(broken)
        if damage(str(path)):
            noticed += 1
            continue
        read = torch.load(path, weights_only=True)
        assert read['step'] == 10 and read['meta'] == content['meta']
        assert torch.equal(read['state_dict']['w'], content['state_dict']['w'])
    assert noticed > 120
