import mmengine
import pytest
from mmengine.config import Config

import mmxkd  # noqa: F401
from mmxkd.errors import ConfigError


@pytest.fixture
def write(tmp_path):

    def to(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return to


@pytest.mark.parametrize('tag', [
    'object/apply:os.system ["true"]', 'object/new:os.system ["true"]',
    'object:collections.Counter {a: 1}', 'name:os.system', 'module:os'
])
def test_a_tag_that_makes_objects_is_refused(write, tag):
    path = write('a.yaml', f'a: 1\nb: !!python/{tag}\n')
    with pytest.raises(ConfigError) as error:
        Config.fromfile(path)
    name = tag.split()[0]
    assert str(error.value) == (
        f'{path}: line 2: refused: `!!python/{name}` would run code; write '
        'plain values')


def test_the_file_of_the_chain_is_named(write):
    bad = write('base.yml', 'a: !!python/name:os.system')
    write('middle.yaml', '_base_: base.yml\nb: 1\n')
    with pytest.raises(ConfigError) as error:
        Config.fromfile(write('top.py', '_base_ = ["middle.yaml"]\n'))
    assert str(error.value).startswith(f'{bad}: line 1: ')


def test_what_a_config_dumps_is_read_again(tmp_path):
    content = dict(a=(1, 2.5, 'x'), b=dict(c=[(None, True)], d='é'), e=1e-3)
    Config(content).dump(str(tmp_path / 'a.yaml'))
    assert '!!python/tuple' in (tmp_path / 'a.yaml').read_text()
    again = Config.fromfile(tmp_path / 'a.yaml').to_dict()
    assert again == content
    assert isinstance(again['b']['c'][0], tuple)


def test_plain_yaml_and_aliases_are_read(write):
    path = write('a.yaml', 'a: &a {x: 1}\nb: [*a, *a]\nc: !!python/tuple [1]')
    assert mmengine.load(path) == dict(a=dict(x=1), b=[dict(x=1)] * 2, c=(1, ))
    with open(path) as file:
        assert mmengine.load(file, file_format='yaml')['c'] == (1, )


@pytest.mark.parametrize('levels, fits', [(5, True), (6, False)])
def test_aliases_may_unfold_to_a_million_values(write, levels, fits):
    lines = ['a0: &a0 [x]'] + [
        f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 10)}]'
        for i in range(1, levels + 1)
    ]
    path = write('a.yaml', '\n'.join(lines))
    if fits:
        assert len(mmengine.load(path)['a5']) == 10
        return
    with pytest.raises(ConfigError, match='more than 1,000,000 values'):
        mmengine.load(path)


@pytest.mark.parametrize('begin, end', [('[', ']'), ('{a: ', '}'),
                                        ('[{a: ', '}]')])
def test_levels(write, begin, end):
    """About a hundred, with the mapping that is the config."""
    levels = len(begin.split('{')) - 1 + begin.count('[')

    def text(number):
        return 'a:\n ' + begin * number + '1' + end * number

    assert Config.fromfile(write('a.yaml', text(98 // levels)))
    path = write('b.yaml', text(101 // levels))
    with pytest.raises(ConfigError) as error:
        Config.fromfile(path)
    assert str(
        error.value) == (f'{path}: line 2: nested deeper than 100 levels')


def test_a_caller_may_choose_the_loader(write):
    import yaml
    path = write('a.yaml', 'a: 0x10')
    assert mmengine.load(path, Loader=yaml.BaseLoader) == dict(a='0x10')
