import random
import shutil

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


@pytest.mark.parametrize('pointer', [
    None, '', '/', '..', 'nowhere/epoch_9.pth', '/elsewhere/epoch_9.pth',
    's3://bucket/epoch_9.pth', b'\x00\xff\x00', 'two\nlines'
])
def test_a_lost_or_wrong_pointer_is_no_loss(run, pointer, monkeypatch):
    monkeypatch.chdir(run)
    (run / 'last_checkpoint').unlink()
    if pointer is not None:
        content = pointer if isinstance(pointer, bytes) else pointer.encode()
        (run / 'last_checkpoint').write_bytes(content)
    assert find_latest_checkpoint(str(run)) == str(run / 'epoch_10.pth')


def test_the_pointer_chooses_within_the_folder(run):
    """What is newer is of a run that was resumed from an older one."""
    write(run, 3)
    (run / 'last_checkpoint').write_text(str(run / 'epoch_3.pth'))
    assert find_latest_checkpoint(str(run)) == str(run / 'epoch_3.pth')
    (run / 'epoch_3.pth').write_bytes(b'x')
    assert find_latest_checkpoint(str(run)) == str(run / 'epoch_2.pth')
    for step in (1, 2):
        (run / f'epoch_{step}.pth').write_bytes(b'x')
    assert find_latest_checkpoint(str(run)) == str(run / 'epoch_10.pth')


@pytest.fixture
def said(monkeypatch):
    """What is logged."""
    lines = []
    monkeypatch.setattr('mmengine.logging.print_log',
                        lambda text, *args, **kwargs: lines.append(text))
    return lines


@pytest.mark.parametrize('how', ['moved', 'copied', 'renamed_file'])
def test_the_folder_may_be_moved_or_copied(run, tmp_path_factory, how, said):
    other = tmp_path_factory.mktemp('other') / 'run'
    shutil.copytree(run, other)
    if how == 'moved':
        shutil.rmtree(run)
    elif how == 'copied':
        # The other run has gone on meanwhile.
        write(run, 10)
    else:
        (other / 'epoch_10.pth').rename(other / 'epoch_11.pth')
    expected = 'epoch_11.pth' if how == 'renamed_file' else 'epoch_10.pth'
    assert find_latest_checkpoint(str(other)) == str(other / expected)
    assert any(f'names {run}/epoch_10.pth, outside of {other}' in line
               for line in said)


def test_a_pointer_is_never_an_address_outside_of_the_folder(
        run, tmp_path_factory):
    other = tmp_path_factory.mktemp('other')
    (other / 'last_checkpoint').write_text(str(run / 'epoch_10.pth'))
    with pytest.raises(
            CheckpointError, match='names .*epoch_10.pth, but '
            'there is no checkpoint in .*--resume FILE'):
        find_latest_checkpoint(str(other))


def test_a_relative_folder_from_another_place(run, monkeypatch):
    (run / 'last_checkpoint').write_text(f'work_dirs/{run.name}/epoch_10.pth')
    monkeypatch.chdir(run.parent)
    assert find_latest_checkpoint(run.name) == f'{run.name}/epoch_10.pth'
    monkeypatch.chdir(run)
    assert find_latest_checkpoint('.') == './epoch_10.pth'


def test_another_name_of_the_folder_is_the_same_folder(run, said):
    link = run.parent / 'link'
    link.symlink_to(run)
    (run / 'last_checkpoint').write_text(str(link / 'epoch_2.pth'))
    assert find_latest_checkpoint(str(run)) == str(run / 'epoch_2.pth')
    assert said == []


def test_checkpoints_may_be_in_the_out_dir_of_the_hook(run, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('logs') / run.name
    work_dir.mkdir()
    (work_dir / 'last_checkpoint').write_text(str(run / 'epoch_2.pth'))
    found = find_latest_checkpoint(str(work_dir), out_dir=str(run.parent))
    assert found == str(run / 'epoch_2.pth')
    remote = f's3://bucket/{run.name}/epoch_2.pth'
    (work_dir / 'last_checkpoint').write_text(remote)
    assert find_latest_checkpoint(str(work_dir), 's3://bucket') == remote
    assert find_latest_checkpoint(str(work_dir), 's3://other') is None


@pytest.mark.parametrize('part', ['state_dict', 'optimizer', 'ema_state_dict'])
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_what_is_not_finite_is_passed_over(run, part, value, said):
    newest = run / 'epoch_10.pth'
    content = torch.load(newest, weights_only=True)
    content[part] = {'w': torch.tensor([1., value])}
    torch.save(content, newest)
    assert find_latest_checkpoint(str(run)) == str(run / 'epoch_2.pth')
    word = 'Inf' if value == float('inf') else 'NaN'
    assert len(said) == 1 and 'epoch_10.pth is not used' in said[0]
    assert f'w is {word}' in said[0] and 'not finite' in said[0]


@pytest.mark.parametrize(
    'content',
    [[1], torch.ones(2),
     dict(meta=[1]),
     dict(meta={}, message_hub=3)])
def test_what_is_no_training_state_is_passed_over(run, content):
    torch.save(content, run / 'epoch_10.pth')
    assert damage(str(
        run / 'epoch_10.pth')) == ('holds weights but no training state')
    assert find_latest_checkpoint(str(run)) == str(run / 'epoch_2.pth')


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
