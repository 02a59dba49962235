"""What the tests of monocular detectors share."""
import pytest


@pytest.fixture(scope='session')
def mono_golden(shared_data):
    """Folder of the golden numbers."""
    return shared_data / 'monommkd_golden'
