import pytest
import torch
from mmengine.runner import CheckpointLoader

import mmxkd  # noqa: F401


def poison(folder, marker):
    path = folder / 'epoch_1.pth'
    checkpoint = torch.load(path, weights_only=True)
    checkpoint['meta']['config'] = f'open({str(marker)!r}, "w").close()\n'
    torch.save(checkpoint, path)
    return path


@pytest.mark.slow
def test_refused_on_resume_and_never_run(tmp_path, run_python, repo):
    toy = repo / 'tests/helpers/toy_run.py'
    marker = tmp_path / 'marker'
    run = tmp_path / 'run'
    run_python(toy, run, '--epochs', 1, '--repaired')
    path = poison(run, marker)

    # Stock mmengine reads this file, since it is plain, and runs the string.
    run_python(toy, run, '--epochs', 2, '--resume')
    assert marker.exists()
    marker.unlink()
    (run / 'last_checkpoint').write_text(str(path))
    (run / 'epoch_2.pth').unlink()

    done = run_python(toy, run, '--epochs', 2, '--resume', '--repaired',
                      check=False)
    assert done.returncode != 0
    assert f"{path}: refused to resume: it holds the key meta['config']" in (
        done.stderr)
    assert not marker.exists()

    run_python(toy, tmp_path / 'other', '--load-from', path, '--repaired')
    assert not marker.exists()


def test_dropped_when_only_the_weights_are_loaded(tmp_path):
    path = str(tmp_path / 'a.pth')
    torch.save(dict(meta=dict(config='x', epoch=1), state_dict={}), path)
    assert CheckpointLoader.load_checkpoint(path)['meta'] == {'epoch': 1}
    torch.save({'w': torch.ones(1)}, path)
    assert CheckpointLoader.load_checkpoint(path)['w'] == 1
