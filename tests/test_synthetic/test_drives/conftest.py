"""A small data set of drives, written once."""
import pytest

from mmxkd.synthetic import DriveSettings, write_drives


@pytest.fixture(scope='session')
def small_drives():
    """What costs little."""
    return DriveSettings(train=2, val=2, test=2, frames=2, seed=5, scale=.125,
                         sample_rate=8000, duration=.25)


@pytest.fixture(scope='session')
def written_drives(tmp_path_factory, small_drives):
    """Folder, settings and ids of the split files."""
    root = tmp_path_factory.mktemp('drives')
    return root, small_drives, write_drives(root, small_drives)
