import json
import re
import runpy
import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.helpers.blobs import (
    DATA,
    VAL,
    rows,
    write_frames,
    write_teacher,
)
from tests.helpers.tiny_run import write_config, write_data


@pytest.fixture
def frames(tmp_path):
    """Folder, and the first words of a command."""
    write_frames(tmp_path, 'val', VAL)
    write_frames(tmp_path, 'data', DATA, labelled=False)
    return tmp_path, (*write_teacher(tmp_path), '--ann', 'data.json')


def test_all_options(tool, frames, tmp_path):
    """Two teachers, maps, fusion, thresholds and a sheet, in one command."""
    root, command = frames
    other = write_teacher(root, 'other', classes=('upright', 'flat'), shift=1.)
    done = tool('label.py', *command, '--out', root / 'a/pseudo.json',
                '--dataloader', 'val', '--teacher', *other, 'upright=tall',
                'flat=wide', '--class-map', 'tall=tall', 'wide=wide',
                '--fusion', 'wbf', '--fusion-iou', '.5', '--fusion-weights',
                '1', '3', '--score-thr', '0', 'wide=.7', '--sheet',
                root / 'sheet.png', '--sheet-number', 2, '--work-dir',
                root / 'logs', '--data', root, '--cfg-options',
                'val_dataloader.batch_size=3')
    content = json.loads((root / 'a/pseudo.json').read_text())
    assert rows(content)[0] == (10, 2, [30.75, 10.75, 20, 8], .702)
    teacher = content['info']['teacher']
    assert teacher['thresholds'] == dict(tall=0., wide=.7)
    assert teacher['fused_with'][0]['class_map'] == dict(
        flat='wide', upright='tall')
    assert content['info']['settings']['data']['batch size'] == 3
    assert f'{len(content["annotations"])} labels in 5 frames' in done.stdout
    sheet = cv2.imread(str(root / 'sheet.png'))
    # The first colour of the classes, and that of the second.
    for bgr in ((66, 228, 240), (233, 180, 86)):
        assert (np.abs(sheet.astype(int) - bgr).max(-1) < 20).sum() > 50


@pytest.mark.parametrize('words, message', [
    (['--score-thr', 'tall=2'], 'a number from 0 to 1'),
    (['--teacher', 'x.py'], 'expected CONFIG CHECKPOINT'),
    (['--class-map', 'tall'], "'tall', expected CLASS=LABEL"),
    (['--class-map', 'tall=a', 'tall=b'], "'tall' is listed twice"),
    (['--sheet-number', '0'], 'expected 1 or more'),
])
def test_errors_are_one_line(frames, words, message, monkeypatch, capsys,
                             repo):
    root, command = frames
    monkeypatch.syspath_prepend(str(repo / 'tools'))
    monkeypatch.setattr(
        sys, 'argv',
        ['label.py', *map(str, command), '--out', f'{root}/p.json', *words])
    with pytest.raises(SystemExit, match=f'error: .*{message}'):
        runpy.run_path(str(repo / 'tools/label.py'), run_name='__main__')
    assert not (root / 'p.json').exists()


@pytest.mark.slow
def test_killed_ten_times(run_python, tmp_path):
    done = run_python('-m', 'tests.helpers.label_kill', tmp_path)
    told = re.search(r'killed (\d+) times; same bytes: (.*); left: (.*)',
                     done.stdout)
    assert int(told[1]) >= 10
    assert told[2] == '[True, True]' and told[3] == '[]'


@pytest.mark.slow
def test_two_processes_write_what_one_writes(tool, tmp_path, free_port):
    """With a real detector; a run of one may go on with two."""
    write_data(tmp_path / 'data')
    config = write_config(tmp_path / 'tiny.py', tmp_path / 'data', epochs=2)
    tool('train.py', config, '--work-dir', tmp_path / 'run')
    command = (config, tmp_path / 'run/epoch_2.pth')
    options = ('--ann', 'train.json', '--score-thr', '0', '--cfg-options',
               'test_dataloader.batch_size=3')
    tool('label.py', *command, *options, '--out', tmp_path / 'one.json')
    tool('dist_label.sh', *command, 2, *options, '--out',
         tmp_path / 'two.json', PORT=free_port)
    one = (tmp_path / 'one.json').read_bytes()
    assert one == (tmp_path / 'two.json').read_bytes()
    content = json.loads(one)
    assert len(content['images']) == 8 and len(content['annotations']) > 8


def test_the_script_explains_itself(repo):
    done = subprocess.run(['bash', repo / 'tools/dist_label.sh', '--help'],
                          capture_output=True, text=True)
    assert done.returncode == 0
    assert 'OPTIONS OF tools/label.py' in done.stdout
    assert subprocess.run(['bash', repo / 'tools/dist_label.sh'],
                          capture_output=True).returncode == 2
