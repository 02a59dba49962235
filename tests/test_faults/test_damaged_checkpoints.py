"""What is damaged is passed over and said; what is taken is what was saved."""
import random
import shutil

import pytest
import torch
from mmengine.config import ConfigDict

import mmxkd  # noqa: F401
from mmxkd.compat.latest_checkpoint import find_latest_checkpoint
from mmxkd.registry import MODELS
from tests.helpers.toys import runner, toy

TRIALS = 200


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Work directory of a run of two epochs."""
    work_dir = tmp_path_factory.mktemp('trained') / 'run'
    torch.manual_seed(0)
    runner(MODELS.build(ConfigDict(toy())), work_dir,
           train_cfg=dict(by_epoch=True, max_epochs=2)).train()
    return work_dir


def spoil(draw: random.Random, whole: bytes) -> bytes:
    """One flipped bit, half of them in the zip directory, or a cut."""
    directory = whole.index(b'PK\x01\x02')
    kind = draw.choice(['directory', 'anywhere', 'cut', 'directory'])
    if kind == 'cut':
        return whole[:draw.randrange(len(whole))]
    start = directory if kind == 'directory' else 0
    broken = bytearray(whole)
    broken[draw.randrange(start, len(whole))] ^= 1 << draw.randrange(8)
    return bytes(broken)


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_no_damage_crashes_the_search(trained, tmp_path, monkeypatch,
                                      record_property):
    """Noticed with a line that says so, or without effect on the content."""
    record_property('trials', TRIALS)
    said = []
    monkeypatch.setattr('mmengine.logging.print_log',
                        lambda text, *args, **kwargs: said.append(text))
    run = tmp_path / 'run'
    shutil.copytree(trained, run)
    (run / 'last_checkpoint').write_text(str(run / 'epoch_2.pth'))
    newest, before = run / 'epoch_2.pth', str(run / 'epoch_1.pth')
    whole = newest.read_bytes()
    content = torch.load(newest, weights_only=True)
    draw, passed_over, harmless = random.Random(1), 0, 0
    for trial in range(TRIALS):
        newest.write_bytes(spoil(draw, whole))
        said.clear()
        found = find_latest_checkpoint(str(run))
        if found == before:
            passed_over += 1
            assert len(said) == 1, trial
            assert f'{newest} is not used to resume: ' in said[0]
        else:
            harmless += 1
            assert found == str(newest)
            assert same(torch.load(newest, weights_only=True), content), trial
    assert passed_over + harmless == TRIALS
    assert passed_over > TRIALS / 2 and harmless > 0


@pytest.mark.parametrize('damage', ['directory', 'not finite'])
def test_a_run_goes_on_from_the_one_before(trained, tmp_path, damage):
    """Exactly as a run that has never had the damaged one."""

    def resume(folder):
        (folder / 'last_checkpoint').write_text(str(folder / 'epoch_2.pth'))
        resumed = runner(MODELS.build(ConfigDict(toy())), folder, resume=True,
                         train_cfg=dict(by_epoch=True, max_epochs=3))
        resumed.train()
        return resumed.model.state_dict()

    run, other = tmp_path / 'run', tmp_path / 'other'
    for folder in (run, other):
        shutil.copytree(trained, folder)
    newest = run / 'epoch_2.pth'
    if damage == 'directory':
        whole = bytearray(newest.read_bytes())
        # The first letter of the first name in the directory.
        whole[whole.index(b'PK\x01\x02') + 46] ^= 1
        newest.write_bytes(whole)
    else:
        content = torch.load(newest, weights_only=True)
        content['state_dict']['backbone.bn.running_var'][0] = float('inf')
        torch.save(content, newest)
    (other / 'epoch_2.pth').unlink()
    ours, reference = resume(run), resume(other)
    assert all(torch.equal(ours[key], reference[key]) for key in reference)
