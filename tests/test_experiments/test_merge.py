"""Seeds of several machines in one report."""
import argparse
import json

import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.experiments import merge_reports, seeds_of
from mmxkd.experiments.report import save_report
from mmxkd.experiments.summary import summarise

ALL = {
    'teacher': {'val': {0: 40., 1: 44., 2: 42.}},
    'long': {'val': {0: 43., 1: 45., 2: 41.}},
    'baseline': {'val': {0: 20., 1: 24., 2: 22.}},
    'student': {'val': {0: 25., 1: 29., 2: 30.}}
}


def of_seeds(*seeds, table=ALL):
    return {
        arm: {
            split: {seed: scores[seed] for seed in seeds}
            for split, scores in splits.items()
        } for arm, splits in table.items()
    }


def report(folder, table, unit='AP in %.'):
    save_report(folder, table,
                summarise(table, ['teacher', 'long'], ['baseline']), 'AP',
                unit)
    return folder / 'gap_report.json'


def test_merged_is_as_if_run_at_once(tmp_path):
    """Of each half another teacher is the better one."""
    whole = report(tmp_path / 'whole', ALL)
    text = merge_reports([
        report(tmp_path / 'b', of_seeds(2)),
        report(tmp_path / 'a', of_seeds(0, 1))
    ], tmp_path / 'merged')
    for suffix in ('json', 'md', 'html'):
        name = f'gap_report.{suffix}'
        assert (tmp_path / 'merged'
                / name).read_text() == (whole.parent / name).read_text()
    assert '| teacher | 42.0 ± 2.0 | 95 %' in text and '3 seeds' in text
    assert json.loads(whole.read_text())['summary']['teacher'] == 'long'


def test_a_report_may_be_merged_again(tmp_path):
    part = report(tmp_path / 'a', of_seeds(0, 1))
    merge_reports([part, part], tmp_path / 'twice')
    merge_reports([
        tmp_path / 'twice/gap_report.json',
        report(tmp_path / 'b', of_seeds(2))
    ], tmp_path / 'all')
    found = json.loads((tmp_path / 'all/gap_report.json').read_text())
    assert found['AP']['student'] == {'val': {'0': 25., '1': 29., '2': 30.}}


def test_what_does_not_belong_together(tmp_path):
    one = report(tmp_path / 'one', of_seeds(0))
    other = of_seeds(0)
    other['student']['val'][0] = 26.
    two = report(tmp_path / 'two', other)
    with pytest.raises(
            ConfigError, match=r'two/gap_report.json: student, '
            r'seed 0, val: 26.0, where .*one/gap_report.json has '
            r'25.0'):
        merge_reports([one, two], tmp_path / 'out')
    three = report(tmp_path / 'three', of_seeds(1), unit='Of others.')
    with pytest.raises(ConfigError, match="of another experiment .*unit"):
        merge_reports([one, three], tmp_path / 'out')
    fewer = of_seeds(1)
    del fewer['student']
    with pytest.raises(
            ConfigError, match='student, val: there is no score '
            'of seed 1; every report needs the same arms'):
        merge_reports([one, report(tmp_path / 'four', fewer)],
                      tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('text', [
    '{}', '[]', '{"summary": {"score": "AP"}, "AP": {}}',
    '{"summary": {"score": "AP"}, "AP": {"a": {"val": {"x": 1}}}}'
])
def test_other_files(tmp_path, text):
    path = tmp_path / 'gap_report.json'
    path.write_text(text)
    with pytest.raises(ConfigError, match='expected the gap_report.json'):
        merge_reports([path], tmp_path / 'out')


def test_no_file(tmp_path):
    with pytest.raises(CorruptSampleError, match='nowhere.json'):
        merge_reports([tmp_path / 'nowhere.json'], tmp_path / 'out')
    with pytest.raises(ConfigError, match='no report'):
        merge_reports([], tmp_path / 'out')


@pytest.mark.parametrize('text', ['0', '-1', '2-', '4-3', 'a', '1-2-3', ''])
def test_seeds_that_are_none(text):
    with pytest.raises(argparse.ArgumentTypeError, match='FROM-TO'):
        seeds_of(text)


def test_the_command(tmp_path, run_python, repo):
    tool = repo / 'tools/analysis_tools/merge_reports.py'
    one = report(tmp_path / 'one', of_seeds(0))
    done = run_python(tool, one, '--out', tmp_path / 'out')
    assert done.stdout == (tmp_path / 'out/gap_report.md').read_text()
    done = run_python(tool, tmp_path / 'no.json', '--out', tmp_path / 'out',
                      check=False)
    assert done.returncode == 1 and done.stderr.startswith('error: ')
