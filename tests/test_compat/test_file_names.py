import json

import mmengine
import pytest
from mmengine.config import Config
from mmengine.fileio import load

import mmxkd  # noqa: F401
from mmxkd.errors import ConfigError

BAD = {
    'cut.json': ('{"a": ', 'Expecting value'),
    'cut.yaml': ('a: [1', 'line 2: did not find expected'),
    'list.json': ('[1]', 'expected keys and values, got list'),
    'word.yaml': ('word', 'expected keys and values, got str'),
    'empty.yaml': ('', 'expected keys and values, got NoneType'),
    'deep.json': ('{"a":' * 150 + '1' + '}' * 150, 'nested too deep'),
}


@pytest.mark.parametrize('name', BAD)
@pytest.mark.parametrize('base', [False, True])
def test_the_config_at_fault_is_named(tmp_path, name, base):
    text, reason = BAD[name]
    path = tmp_path / name
    path.write_text(text)
    top = path
    if base:
        top = tmp_path / 'top.py'
        top.write_text(f'_base_ = {name!r}')
    with pytest.raises(ConfigError) as error:
        Config.fromfile(top)
    assert str(error.value).startswith(f'{path}: ')
    assert reason in str(error.value)
    assert str(error.value).count(name) == 1


@pytest.mark.parametrize('read', [mmengine.load, load])
def test_a_data_file_is_named(tmp_path, read):
    path = tmp_path / 'a.json'
    for content in (b'{', b'\xff', b'[' * 100_000):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r'a\.json: '):
            read(path)


def test_a_file_that_a_config_reads_is_named(tmp_path):
    (tmp_path / 'data.json').write_text('{')
    (tmp_path / 'top.py').write_text(
        'import mmengine\n'
        f'a = mmengine.load({str(tmp_path / "data.json")!r})\n')
    with pytest.raises(ConfigError, match=r'data\.json: Expecting'):
        Config.fromfile(tmp_path / 'top.py', lazy_import=False)


def test_other_errors_go_on_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError):
        mmengine.load(tmp_path / 'none.json')
    with pytest.raises(TypeError, match='Unsupported format'):
        mmengine.load(tmp_path / 'a.txt')
    (tmp_path / 'top.py').write_text('a = [][0]')
    with pytest.raises(IndexError):
        Config.fromfile(tmp_path / 'top.py')


def test_deep_lists_of_data_are_read(tmp_path):
    nested: list = []
    for _ in range(150):
        nested = [nested]
    (tmp_path / 'a.json').write_text(json.dumps(nested))
    assert mmengine.load(tmp_path / 'a.json') == nested
