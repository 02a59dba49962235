"""The command that evaluates a folder of results."""
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

LABEL = ('Car 0.00 0 0.3 {x} 10 {right} 90 1.5 1.6 3.9 {x}.5 1.7 12.0 0.2')


@pytest.fixture
def folders(tmp_path):
    """41 frames with a car each, found exactly."""
    for name, score in (('gt', ''), ('dt', ' 0.5')):
        (tmp_path / name).mkdir()
        for i in range(41):
            line = LABEL.format(x=i, right=i + 60) + score
            (tmp_path / name / f'{i:06d}.txt').write_text(line + '\n')
    return tmp_path


@pytest.fixture
def command(tool, folders):

    def run(*args, code=0):
        return tool('analysis_tools/kitti_eval.py', folders / 'gt',
                    folders / 'dt', *args, code=code)

    return run


def test_table(command):
    done = command('--classes', 'Car', '--overlaps', 'strict', 'loose')
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0][:4] == ['KITTI', '2019,', '41', 'frames,']
    assert ['n_gt', '41', '41', '41'] in rows
    for row in (['bbox', 'AP_R40', '@0.70',
                 '(strict)'], ['aos', 'AP_R11', '@0.70', '(strict)'],
                ['3d', 'AP_R40', '@0.50', '(loose)']):
        assert row + ['100.0000'] * 3 in rows
    assert done.stderr == ''


def test_json_and_picture(command, folders):
    done = command('--json', '--metrics', 'bbox', '--plot',
                   folders / 'out/curves.png')
    content = json.loads(done.stdout)
    assert content['scalars']['Car_aos_AP40_hard_strict'] == 100
    assert len(content['curves']) == 18
    assert 'Pedestrian easy' in done.stderr
    picture = cv2.imread(str(folders / 'out/curves.png'))
    # Green, blue and red curves lie on each other: the last is seen.
    assert (np.abs(picture.astype(int) - [44, 69, 200]).max(axis=2)
            < 30).sum() > 200


def test_devkit_folder_with_data(command, folders):
    (folders / 'dt').rename(folders / 'data')
    (folders / 'dt').mkdir()
    (folders / 'data').rename(folders / 'dt/data')
    assert '100.0000' in command('--classes', 'Car').stdout


def test_frames(command, folders):
    for i in range(3):
        (folders / f'dt/{i:06d}.txt').unlink()
    done = command(code=1)
    assert 'no result file for 3 of 41 frames: 000000' in done.stderr
    assert '--frames' in done.stderr and 'Traceback' not in done.stderr
    assert '38 frames' in command('--frames', 'found').stdout
    (folders / 'ids.txt').write_text('000007\n000005\n')
    done = command('--frames', folders / 'ids.txt')
    assert '2 frames' in done.stdout
    assert '36 result files of other frames' in done.stderr
    done = command('--frames', 'val', code=1)
    assert 'has no labels for 3748 of the 3769 frames' in done.stderr
    assert '--frames all, found, or a text file of ids' in done.stderr
    done = command('--frames', 'vall', code=1)
    assert "--frames 'vall': expected all, found, train, val" in done.stderr


def test_split_of_another_set(tool, folders):
    """A synthetic set has a val split of its own, which the error names."""
    root = folders / 'root'
    (root / 'training').mkdir(parents=True)
    (folders / 'gt').rename(root / 'training/label_2')
    own = root / 'ImageSets/val.txt'
    own.parent.mkdir()
    own.write_text('000001\n000002\n')
    done = tool('analysis_tools/kitti_eval.py', root / 'training/label_2',
                folders / 'dt', '--frames', 'val', code=1)
    assert f'its own split is in {own}: --frames {own}' in done.stderr
    done = tool('analysis_tools/kitti_eval.py', root / 'training/label_2',
                folders / 'dt', '--frames', own)
    assert '2 frames' in done.stdout


@pytest.mark.parametrize(
    ('text', 'message'),
    [('Car 0 0 1', '000004.txt: line 1: expected 16 fields, found 4'),
     (LABEL.format(x=1, right=9) + ' nan', 'score is not a finite number')])
def test_faults_are_errors_without_traceback(command, folders, text, message):
    (folders / 'dt/000004.txt').write_text(text)
    done = command(code=1)
    assert message in done.stderr
    assert 'Traceback' not in done.stderr


def test_bad_arguments(tool, folders):
    done = tool('analysis_tools/kitti_eval.py', folders / 'gtt',
                folders / 'dt', code=1)
    assert f"did you mean '{folders}/gt'" in done.stderr
    done = tool('analysis_tools/kitti_eval.py', folders / 'gt', folders / 'dt',
                '--plot', 'curves.gif', code=1)
    assert 'ends in .png, .pdf or .svg' in done.stderr


def test_plot_needs_neither_torch_nor_mmdet(repo, folders):
    """Their imports take seconds, and may print into what --json prints."""
    done = subprocess.run([
        sys.executable, '-c', 'import runpy, sys\n'
        "sys.argv = ['kitti_eval.py', 'gt', 'dt', '--classes', 'Car', "
        "'--plot', 'curves.png']\n"
        f'runpy.run_path({str(repo / "tools/analysis_tools/kitti_eval.py")!r},'
        " run_name='__main__')\n"
        "print([name for name in ('torch', 'mmdet', 'mmcv', 'mmengine')"
        ' if name in sys.modules])'
    ], capture_output=True, text=True, check=True, cwd=folders)
    assert done.stdout.splitlines()[-1] == '[]'
    assert (folders / 'curves.png').stat().st_size > 1000


def test_needs_neither_torch_nor_mmdet():
    heavy = "('torch', 'mmdet', 'mmdet3d', 'numba', 'mmengine', 'scipy')"
    done = subprocess.run([
        sys.executable, '-c', 'import sys\n'
        'from mmxkd.evaluation.functional.kitti import evaluate\n'
        f'print([name for name in {heavy} if name in sys.modules])'
    ], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
