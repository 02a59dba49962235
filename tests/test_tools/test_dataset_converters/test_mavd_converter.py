"""The command that converts MAVD: options, what it prints, how it fails."""
import json

import pytest

from mmxkd.errors import ConfigError
from mmxkd.formats.mavd.layout import audio_path, picture_path
from tests.helpers.commands import load_tool
from tests.helpers.mavd_tree import frames_of, write_tree

SHORT = ['--sample-rate', '8000', '--seconds', '.1', '--workers', '0']
FIRST = frames_of('train')[0]


@pytest.fixture(scope='module')
def command(repo):
    return load_tool(repo / 'tools/dataset_converters/mavd.py')


@pytest.fixture
def root(tmp_path):
    return write_tree(tmp_path / 'drives')


def test_from_the_folders_to_the_indices(command, root, tmp_path, capsys):
    (root / picture_path('thermal', FIRST, '.png')).unlink()
    command.main([str(root), '--out', str(tmp_path / 'out'), *SHORT])
    shown = capsys.readouterr().out
    assert f'train: 1 frames: has no thermal picture (kept): {FIRST}' in shown
    assert 'frames of sound at 8000 Hz: 6' in shown
    assert 'train.json: 3 frames' in shown and 'bad files: 0' in shown
    names = sorted(p.name for p in (tmp_path / 'out/annotations').iterdir())
    # The truth lies beside the split files, so that it is found.
    assert names == [
        'mavd_report.json', 'test.json', 'test_truth.json', 'train.json',
        'val.json', 'val_truth.json'
    ]
    command.main([str(root), '--out', str(tmp_path / 'out'), *SHORT])
    assert '6 of 6 frames were done before' in capsys.readouterr().out


def test_bad_files_are_named_or_left_out(command, root):
    (root / audio_path(FIRST, 2, '.wav')).write_bytes(b'')
    with pytest.raises(
            ValueError, match=r'1 files cannot be used.*audio_2'
            '.*the file is empty.*--leave-out-bad'):
        command.main([str(root), *SHORT])
    command.main([str(root), '--leave-out-bad', *SHORT])
    index = json.loads((root / 'annotations/train.json').read_text())
    assert str(FIRST) not in [i['frame_id'] for i in index['images']]


def test_some_splits_and_some_columns(command, root):
    (root / 'train_all.txt').rename(root / 'train_night_all.txt')
    command.main([
        str(root), '--splits', 'train', '--lighting', 'night', '--columns',
        '5,45', *SHORT
    ])
    index = json.loads((root / 'annotations/train_night.json').read_text())
    assert index['images'][0]['width'] == 40
    # A part does not take the place of the whole, and train has no labels.
    names = {path.stem for path in (root / 'annotations').glob('*.json')}
    assert names == {'train_night', 'mavd_report'}
    with pytest.raises(ConfigError, match="did you mean 'train_night_all.txt"):
        command.main([str(root), '--splits', 'train', *SHORT])


@pytest.mark.parametrize(
    'wrong', [['--columns', '5'], ['--columns', '50,10'], ['--columns=-5,10'],
              ['--seconds', '0'], ['--seconds', 'nan'], ['--seconds', '1e-9'],
              ['--offset', '-1'], ['--offset', 'inf'], ['--sample-rate', '0'],
              ['--workers', '-1']])
def test_wrong_options(command, root, wrong, capsys):
    with pytest.raises(SystemExit):
        command.main([str(root), *SHORT, *wrong])
    assert 'expected' in capsys.readouterr().err


def test_labels_of_train_on_request_alone(command, root, tmp_path):
    """Drives that teachers learn from; the students' have none."""
    path = root / 'annotations/train_truth.json'
    command.main([str(root), *SHORT])
    assert not path.exists()
    command.main([str(root), '--label-train', *SHORT])
    content = json.loads(path.read_text())
    index = json.loads((root / 'annotations/train.json').read_text())
    assert content['images'] == index['images'] and len(index['images']) == 3
    assert 'annotations' not in index
    assert {box['image_id'] for box in content['annotations']
            } == {image['id'] for image in index['images']}
    assert (root / 'annotations/val_truth.json').exists()
    # As a file elsewhere.
    (root / 'truth.json').rename(tmp_path / 'boxes.json')
    path.unlink()
    command.main([
        str(root), '--label-train', '--truth',
        str(tmp_path / 'boxes.json'), *SHORT
    ])
    assert json.loads(path.read_text()) == content


def test_labels_of_train_need_boxes(command, root):
    (root / 'truth.json').unlink()
    with pytest.raises(
            ConfigError, match=f'--label-train: {root}/truth.json is not '
            'there, and --truth names no other file'):
        command.main([str(root), '--label-train', *SHORT])
    assert not (root / 'annotations').exists()
