"""A folder that holds files of other settings is not mixed with new ones."""
import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.io.claims import claim


def test_claims(tmp_path):
    path = tmp_path / 'deep/settings.json'
    claim(path, dict(rate=1, kind='a'))
    before = path.read_bytes()
    claim(path, dict(kind='a', rate=1))
    with pytest.raises(ConfigError,
                       match=r"rate=1 there, 2 now; seed=None there, 0 now"):
        claim(path, dict(rate=2, kind='a', seed=0))
    assert path.read_bytes() == before
    path.write_text('{')
    with pytest.raises(CorruptSampleError, match='settings.json'):
        claim(path, dict(rate=1))
