"""Two distillations with one seed are one run."""
import pytest

from tests.helpers import resume_kill


@pytest.mark.slow
def test_two_runs_with_one_seed(tmp_path):
    """Augmentations, adapters and discriminators included."""
    run = resume_kill.train_forked
    config = resume_kill.prepare(tmp_path, distilled=True, run=run)
    folders = [tmp_path / name for name in ('one', 'two', 'other')]
    assert [run(config, folder) for folder in folders[:2]] == [0, 0]
    assert resume_kill.differences(*folders[:2]) == []
    config.write_text(config.read_text() + 'randomness = dict(seed=4)\n')
    assert run(config, folders[2]) == 0
    # The comparison does see another run.
    assert resume_kill.differences(folders[0], folders[2])
