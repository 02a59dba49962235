import importlib.util
import json

import pytest

from mmxkd.errors import ConfigError


@pytest.fixture(scope='module')
def maker(repo):
    path = repo / 'tools/dataset_converters/synthetic_stf.py'
    spec = importlib.util.spec_from_file_location('synthetic_stf', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_options_reach_the_data(maker, tmp_path, capsys):
    maker.main([
        str(tmp_path), '--frames', '6', '--scale', '0.125', '--seed', '2',
        '--split', '.5,.5,0', '--weather', 'light_fog=1', '--night', '1',
        '--gated', 'raw', '--num-workers', '1'
    ])
    settings = json.loads((tmp_path / 'synthetic.json').read_text())
    assert settings['seed'] == 2
    assert settings['difficulty']['weather_mix'] == {'light_fog': 1.0}
    assert len(
        (tmp_path / 'splits/light_fog_night.txt').read_text().split()) == 6
    assert 'train 3, val 3, test 0' in capsys.readouterr().out
    assert not list(tmp_path.glob('*_rect8'))


def test_unknown_weather_is_refused(maker, tmp_path):
    with pytest.raises(ConfigError, match="mean 'light_fog'"):
        maker.main([str(tmp_path), '--weather', 'light-fog=1'])
    with pytest.raises(SystemExit):
        maker.main([str(tmp_path), '--weather', 'clear'])


def test_an_unlabelled_part_changes_nothing_else(maker, tmp_path):
    """A folder without it is what it was before the option came."""
    contents = []
    for name, more in (('old', []), ('new', ['--unlabelled', '2'])):
        root = tmp_path / name
        maker.main([
            str(root), '--frames', '3', '--scale', '0.125', '--gated', 'rect8',
            '--num-workers', '1', *more
        ])
        contents.append({
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob('*') if path.is_file()
        })
    old, new = contents
    settings = [json.loads(c.pop('synthetic.json')) for c in contents]
    assert settings[1] == settings[0] | dict(unlabelled=2)
    assert 'unlabelled' not in settings[0]
    assert {name: new[name] for name in old} == old
    more = new.keys() - old.keys()
    names = new['splits/unlabelled.txt'].decode().replace(',', '_').split()
    assert len(names) == 2
    assert more == {'splits/unlabelled.txt'} | {
        name.replace(first, frame) for name in old for frame in names for first
        in [new['splits/all.txt'].decode().replace(',', '_').split()[0]]
        if first in name
    }


def test_a_negative_part_is_refused(maker, tmp_path):
    with pytest.raises(ConfigError, match='unlabelled must be 0 or more: -1'):
        maker.main([str(tmp_path), '--unlabelled', '-1'])
