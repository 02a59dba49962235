"""Arguments that several commands have."""
import argparse

import pytest

from mmxkd.io.command_line import add_workers

TOOLS = ('kitti', 'stf', 'mavd', 'synthetic_kitti', 'synthetic_stf',
         'synthetic_voc', 'synthetic_sound')


def parse(*args):
    parser = argparse.ArgumentParser()
    add_workers(parser)
    return parser.parse_args(args).num_workers


@pytest.mark.parametrize('args, found', [(('--num-workers', '0'), 0),
                                         (('--num-workers', '7'), 7)])
def test_number_of_processes(args, found):
    assert parse(*args) == found


@pytest.mark.parametrize('cores, found', [(2, 2), (64, 8), (None, 1)])
def test_by_default_each_core_has_one(cores, found, monkeypatch):
    monkeypatch.setattr('os.cpu_count', lambda: cores)
    assert parse() == found


@pytest.mark.parametrize('text', ['-1', '1.5', 'two', ''])
def test_no_number_of_processes(text, capsys):
    with pytest.raises(SystemExit):
        parse(f'--num-workers={text}')
    assert f'expected 0 or more, got {text!r}' in capsys.readouterr().err


@pytest.mark.parametrize('name', TOOLS)
def test_each_command_that_takes_it(repo, name):
    text = (repo / f'tools/dataset_converters/{name}.py').read_text()
    assert 'add_workers(parser' in text or 'add_workers(group' in text
