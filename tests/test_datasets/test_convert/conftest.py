"""Small drives in the folders of MAVD."""
import shutil

import pytest

from tests.helpers.mavd_tree import write_tree


@pytest.fixture(scope='module')
def drives(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp('drives'))


@pytest.fixture
def root(drives, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(drives, tmp_path / 'drives')
