"""tools/experiment.py, from its arguments to its report."""
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers.tiny_run import write_config, write_data

EXPERIMENT = '''
data_roots = dict(tiny={data!r})
tested_on = 'tiny'
splits = ('val', )
num_seeds = 1
arms = dict(
    teacher=dict(config={root!r} + '/teacher.py'),
    baseline=dict(config={root!r} + '/baseline.py'))
teacher = 'teacher'
baseline = 'baseline'
'''


@pytest.fixture
def tool(repo):
    path = repo / 'tools/experiment.py'
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def config(repo):
    return str(repo / 'configs/experiments/fog.py')


def test_all_missing_data_are_named(tool, config, capsys):
    roots = ['--data-root', 'fog=/nowhere', 'clear=/neither']
    with pytest.raises(SystemExit):
        tool.parse_args([config, *roots])
    error = capsys.readouterr().err
    for root in ('/nowhere', '/neither'):
        assert (f'{root}: no converted data set, it has no annotations/'
                'train.json, annotations/val.json') in error


@pytest.mark.parametrize('arguments, message', [
    (['--arms', 'mes'], "did you mean 'mse'"),
    (['--data-root', 'fogg=/nowhere'], "did you mean 'fog'"),
    (['--data-root', '/nowhere'], 'expected NAME=FOLDER'),
    (['--seeds', '0'], 'expected 1 or more'),
    (['--jobs', '-1'], 'expected 1 or more'),
    (['--cfg-options', 'epochs'], 'expected KEY=VALUE'),
])
def test_wrong_arguments_are_answered(tool, config, capsys, arguments,
                                      message):
    with pytest.raises(SystemExit):
        tool.parse_args([config, *arguments])
    assert message in capsys.readouterr().err


@pytest.fixture
def tiny(tmp_path):
    """Folder with ``experiment.py``, of RetinaNets on 64x64 pictures."""
    data = tmp_path / 'data'
    write_data(data)
    (data / 'annotations').mkdir()
    for split in ('train', 'val'):
        (data / f'{split}.json').rename(data / f'annotations/{split}.json')
    more = ''.join(f"{split}_dataloader['dataset']['ann_file'] = "
                   f"'annotations/{split}.json'\n"
                   for split in ('train', 'val'))
    write_config(tmp_path / 'baseline.py', data, epochs=1, more=more)
    write_config(tmp_path / 'teacher.py', data, epochs=3, channels=12,
                 more=more)
    (tmp_path / 'experiment.py').write_text(
        EXPERIMENT.format(data=str(data), root=str(tmp_path)))
    return tmp_path


@pytest.mark.slow
def test_a_stopped_experiment_goes_on(repo, tiny, run_python):
    """SIGTERM in the training of the teacher, then the same command."""
    command = [
        repo / 'tools/experiment.py', tiny / 'experiment.py', '--work-dir',
        tiny / 'runs'
    ]
    # The baseline is done, and has found nothing.
    (tiny / 'runs/seed_0/baseline').mkdir(parents=True)
    (tiny / 'runs/seed_0/baseline/val.bbox.json').write_text('[]')
    first = subprocess.Popen([sys.executable, *map(str, command)], cwd=tiny,
                             text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT,
                             env=dict(os.environ, OMP_NUM_THREADS='1',
                                      PYTHONPATH=str(repo)))
    teacher = tiny / 'runs/seed_0/teacher'
    deadline = time.monotonic() + 60
    while not (teacher / 'epoch_1.pth').is_file():
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.02)
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 128 + signal.SIGTERM, first.stdout.read()
    assert not (teacher / 'trained.json').is_file()

    done = run_python(*command)
    assert 'resumed epoch: ' in (teacher / 'output.log').read_text()
    assert 'seed 0 teacher: done in' in done.stdout
    assert 'seed 0 baseline: done in' not in done.stdout
    report = json.loads((tiny / 'runs/gap_report.json').read_text())
    assert report['mAP']['baseline'] == {'val': {'0': 0.0}}
    assert 0 <= report['mAP']['teacher']['val']['0'] <= 100
    assert '| baseline | 0.0 | 0 % |' in done.stdout
