"""A run that goes on in a copy of its folder leaves the other one alone."""
import shutil

import pytest
import torch

KINDS = ['CheckpointHook', 'mmxkd.SafeCheckpointHook']


def files(folder):
    return sorted(path.name for path in folder.glob('*.pth'))


@pytest.mark.parametrize('kind', KINDS)
def test_a_copy_never_touches_the_other_run(toy_runner, tmp_path, kind):
    hook = dict(type=kind, interval=1, max_keep_ckpts=1, save_best='score',
                rule='greater')
    first, second = tmp_path / 'first', tmp_path / 'second'
    toy_runner([0.1, 0.2], 2, work_dir=first, checkpoint=hook).train()
    shutil.copytree(first, second)
    before = {p.name: p.read_bytes() for p in first.glob('*') if p.is_file()}
    # Our hook repeats the validation of the epoch that it resumes from.
    repeated = [0.2] if kind != 'CheckpointHook' else []
    resumed = toy_runner(repeated + [0.3], 3, work_dir=second, checkpoint=hook,
                         resume=True)
    resumed.train()
    assert resumed.epoch == 3
    assert {p.name: p.read_bytes() for p in first.glob('*')
            if p.is_file()} == before
    assert files(second) == ['best_score_epoch_3.pth', 'epoch_3.pth']
    hub = torch.load(second / 'epoch_3.pth',
                     weights_only=True)['message_hub']['runtime_info']
    paths = [
        value for key, value in hub.items()
        if key.startswith(('best_ckpt', 'last_ckpt'))
    ]
    assert paths and all(path.startswith(str(second)) for path in paths)
    assert (second / 'last_checkpoint').read_text() == (str(second
                                                            / 'epoch_3.pth'))


@pytest.mark.parametrize('kind', KINDS)
def test_the_best_one_in_the_out_dir_is_its_own(toy_runner, tmp_path, kind):

    def train(name, scores, epochs, **kwargs):
        hook = dict(type=kind, interval=1, save_best='score', rule='greater',
                    out_dir=str(tmp_path / 'out'))
        toy_runner(scores, epochs, work_dir=tmp_path / name, checkpoint=hook,
                   **kwargs).train()

    train('one', [0.1], 1)
    out = tmp_path / 'out'
    shutil.copytree(out / 'one', out / 'two')
    repeated = [0.1] if kind != 'CheckpointHook' else []
    train('two', repeated + [0.3], 2, resume=True,
          load_from=str(out / 'two/epoch_1.pth'))
    assert files(out / 'one') == ['best_score_epoch_1.pth', 'epoch_1.pth']
    assert files(out / 'two') == [
        'best_score_epoch_2.pth', 'epoch_1.pth', 'epoch_2.pth'
    ]


@pytest.mark.parametrize('kind', KINDS)
def test_a_moved_run_goes_on_exactly(toy_runner, tmp_path, kind):

    def train(epochs, folder, **kwargs):
        hook = dict(type=kind, interval=1, max_keep_ckpts=1)
        runner = toy_runner(epochs=epochs, work_dir=folder, checkpoint=hook,
                            custom_hooks=[dict(type='mmxkd.EpochSeedHook')],
                            **kwargs)
        runner.train()
        return runner.model.state_dict()

    whole = train(3, tmp_path / 'whole')
    train(2, tmp_path / 'old')
    (tmp_path / 'old').rename(tmp_path / 'new')
    moved = train(3, tmp_path / 'new', resume=True)
    assert all(torch.equal(whole[key], moved[key]) for key in whole)
    assert not (tmp_path / 'old').exists()
    assert files(tmp_path / 'new') == ['epoch_3.pth']


def test_nothing_is_published_in_the_folder_of_the_other_run(
        toy_runner, tmp_path):
    hook = dict(type='mmxkd.SafeCheckpointHook', interval=1, save_best='score',
                rule='greater', published_keys=['meta', 'state_dict'])
    first, second = tmp_path / 'first', tmp_path / 'second'
    toy_runner([0.5], 1, work_dir=first, checkpoint=dict(hook)).train()
    before = files(first)
    toy_runner([0.4, 0.3], 2, work_dir=second, checkpoint=dict(hook),
               resume=True, load_from=str(first / 'epoch_1.pth')).train()
    assert files(first) == before
    published = [name for name in files(second) if '-' in name]
    assert len(published) == 1 and published[0].startswith('epoch_2-')
